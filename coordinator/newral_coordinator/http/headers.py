"""Headers that every answer carries."""

from __future__ import annotations

from typing import Final

from aiohttp import hdrs, web

from newral_coordinator.http.problems import Handler

IMMUTABLE: Final = "public, max-age=31536000, immutable"
"""For what is named by its hash or its place in an append-only log."""

# No cookie and no ambient authority exists here, so that any page may read and, with a signature
# of its own user, write: BUD-01 asks for it, and audits in a browser need it.
_ALWAYS: Final = {
    hdrs.ACCESS_CONTROL_ALLOW_ORIGIN: "*",
    hdrs.ACCESS_CONTROL_EXPOSE_HEADERS: "*",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}

_PREFLIGHT: Final = {
    hdrs.ACCESS_CONTROL_ALLOW_METHODS: "GET, HEAD, PUT, POST",
    hdrs.ACCESS_CONTROL_ALLOW_HEADERS: "Authorization, *",
    hdrs.ACCESS_CONTROL_MAX_AGE: "86400",
}


async def add_headers(_request: web.Request, response: web.StreamResponse) -> None:
    """An `on_response_prepare` signal."""
    for name, value in _ALWAYS.items():
        response.headers.setdefault(name, value)


@web.middleware
async def preflight(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer a browser that asks what it may send, whatever path it asks for."""
    if request.method == hdrs.METH_OPTIONS:
        return web.Response(status=204, headers=_PREFLIGHT)
    return await handler(request)
