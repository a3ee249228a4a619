"""Errors as RFC 9457 problem details, with Blossom's `X-Reason` beside them."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import Final

import msgspec
from aiohttp import web

from newral_coordinator.http.sources import SourceUnavailable

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_LOG: Final = logging.getLogger(__name__)
_REASON_CHARS_MAX: Final = 200
_AWAY: Final = {"Retry-After": "1"}  # an embedded database that died is back within seconds
_STARTED: Final = web.RequestKey("started", web.StreamResponse)


class Problem(Exception):
    """The request cannot be served. `detail` says what was wrong and what would be right."""

    def __init__(
        self, status: HTTPStatus, detail: str, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = headers or {}


def problem_response(problem: Problem) -> web.Response:
    """The problem as the client gets it."""
    body = {
        "type": "about:blank",
        "title": problem.status.phrase,
        "status": problem.status.value,
        "detail": problem.detail,
    }
    return web.Response(
        status=problem.status,
        body=msgspec.json.encode(body),
        content_type="application/problem+json",
        headers={
            **problem.headers,
            "X-Reason": _header_text(problem.detail),
            "Cache-Control": "no-store",
        },
    )


async def remember_response(request: web.Request, response: web.StreamResponse) -> None:
    """An `on_response_prepare` signal: from here on nothing else can be said instead."""
    request[_STARTED] = response


@web.middleware
async def problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer whatever goes wrong with a problem, or cut off an answer that has begun."""
    try:
        return await handler(request)
    except Problem as problem:
        failure = problem
    except web.HTTPException as error:
        failure = _of_http_exception(error)
    except SourceUnavailable as error:
        _LOG.warning("%s %s has to wait: %s", request.method, request.path, error)
        failure = Problem(HTTPStatus.SERVICE_UNAVAILABLE, "the database is away", _AWAY)
    except Exception as error:
        failure = _of_unexpected(request, error)
    started: web.StreamResponse | None = request.get(_STARTED)
    if started is None:
        return problem_response(failure)
    # An incomplete body must look incomplete to the client, and to no cache like a whole one.
    if request.transport is not None:
        request.transport.abort()
    return started


def _of_unexpected(request: web.Request, error: Exception) -> Problem:
    gone = request.transport is None or request.transport.is_closing()
    if gone and isinstance(error, ConnectionError | web.RequestPayloadError):
        return Problem(HTTPStatus.BAD_REQUEST, "the client left before the end")
    _LOG.error("%s %s failed", request.method, request.path, exc_info=error)
    return Problem(HTTPStatus.INTERNAL_SERVER_ERROR, "the server failed; try again later")


def _of_http_exception(error: web.HTTPException) -> Problem:
    status = HTTPStatus(error.status)
    details = {
        HTTPStatus.NOT_FOUND: "nothing is served under this path",
        HTTPStatus.METHOD_NOT_ALLOWED: f"only {error.headers.get('Allow')} can be used here",
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "the request's body is too large",
    }
    headers = {name: value for name, value in error.headers.items() if name == "Allow"}
    return Problem(status, details.get(status, error.reason), headers)


def _header_text(detail: str) -> str:
    """One line of ASCII: a reason may repeat what a stranger wrote."""
    printable = "".join(char if " " <= char <= "~" else "?" for char in detail)
    return printable[:_REASON_CHARS_MAX]
