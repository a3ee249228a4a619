"""Blossom (BUD-01, BUD-02): blobs by their SHA-256, uploads by signed authorisation."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from http import HTTPStatus
from typing import Final

import msgspec
from aiohttp import hdrs, web

from newral_coordinator.blobs import BlobMismatch, BlobNotFound, BlobStore
from newral_coordinator.http.bounds import Bounds
from newral_coordinator.http.gate import Slots
from newral_coordinator.http.headers import IMMUTABLE
from newral_coordinator.http.problems import Problem
from newral_coordinator.http.ranges import UnsatisfiableRange, parse_range
from newral_coordinator.http.sending import send
from newral_spec import keys, limits
from newral_spec.messages.fields import BlobRef
from newral_spec.nips import authorization_header, blossom

MayRead = Callable[[str, str | None], Awaitable[bool]]
"""`(sha256, permission that the request carries)` to whether it may have the blob."""

MayUpload = Callable[[str, str, int], Awaitable[str | None]]
"""`(public key, sha256, size in bytes)` to None, or the reason why not."""

_UNAUTHORIZED: Final[dict[str, str]] = {hdrs.WWW_AUTHENTICATE: "Nostr"}
_OCTETS: Final = "application/octet-stream"
_DISK_FULL: Final = (errno.ENOSPC, errno.EDQUOT)


class BlossomRoutes:
    """`GET` and `HEAD /<sha256>`, `PUT /upload`."""

    def __init__(
        self,
        blobs: BlobStore,
        may_read: MayRead,
        may_upload: MayUpload,
        clock: Callable[[], float],
        bounds: Bounds,
    ) -> None:
        self._blobs = blobs
        self._may_read = may_read
        self._may_upload = may_upload
        self._clock = clock
        self._bounds = bounds
        self._slots = Slots(bounds.uploads_max, bounds.uploads_per_key_max)

    def routes(self) -> list[web.RouteDef]:
        """For an application's router."""
        return [
            # BUD-01: a file extension is accepted, and means nothing here.
            web.get(r"/{sha256:[0-9a-f]{64}}{extension:(\.[0-9A-Za-z]{1,16})?}", self._get),
            web.put("/upload", self._upload, expect_handler=_expect_nothing_yet),
        ]

    async def _get(self, request: web.Request) -> web.StreamResponse:
        sha256 = request.match_info["sha256"]
        size = await self._blobs.size(sha256)
        # One that may not be read is as good as one that is not there: no answer tells them apart.
        if size is None or not await self._may_read(sha256, request.query.get("permission")):
            raise Problem(HTTPStatus.NOT_FOUND, str(BlobNotFound(sha256)))
        response = web.StreamResponse(headers=_blob_headers(sha256))
        response.content_type = _OCTETS
        if _client_has(request, sha256):
            response.set_status(HTTPStatus.NOT_MODIFIED)
            return response
        start, stop = _apply_range(request, response, sha256, size)
        response.content_length = stop - start
        if request.method == hdrs.METH_HEAD:
            return response
        async with aclosing(await self._blobs.open(sha256, start, stop)) as chunks:
            return await send(request, response, chunks, chunk_s=self._bounds.send_s)

    async def _upload(self, request: web.Request) -> web.StreamResponse:
        offered = _offered_size(request)
        # Nothing of the body has been asked for yet: a stranger's bytes are not worth reading.
        # A header that was seen before is as good as a new one until it expires, because storing
        # the same bytes again changes nothing.
        public_key, sha256 = _authorised(request, int(self._clock()))
        with self._slots.slot(public_key):
            reason = await self._may_upload(public_key, sha256, offered)
            if reason is not None:
                raise Problem(HTTPStatus.FORBIDDEN, reason)
            ref = await self._store(request, sha256, offered)
        return web.Response(
            body=msgspec.json.encode(self._descriptor(request, ref)),
            content_type="application/json",
            headers={hdrs.CACHE_CONTROL: "no-store"},
        )

    async def _store(self, request: web.Request, sha256: str, size: int) -> BlobRef:
        seconds = self._bounds.upload_s(size)
        try:
            async with asyncio.timeout(seconds):
                await _continue(request)
                return await self._blobs.put(
                    request.content.iter_any(), expected_sha256=sha256, size_max=size
                )
        except TimeoutError as error:
            raise Problem(
                HTTPStatus.REQUEST_TIMEOUT, f"{size} bytes have to arrive within {seconds:.0f} s"
            ) from error
        except BlobMismatch as error:
            raise Problem(HTTPStatus.CONFLICT, str(error)) from error
        except OSError as error:
            if error.errno in _DISK_FULL:
                raise Problem(
                    HTTPStatus.INSUFFICIENT_STORAGE, "the server has no room left for blobs"
                ) from error
            raise

    def _descriptor(self, request: web.Request, ref: BlobRef) -> dict[str, str | int]:
        """BUD-02's blob descriptor."""
        return {
            "url": str(request.url.origin().with_path(f"/{ref.sha256}")),
            "sha256": ref.sha256,
            "size": ref.size,
            "type": _OCTETS,
            "uploaded": int(self._clock()),
        }


def _blob_headers(sha256: str) -> dict[str, str]:
    """A blob's bytes never change, and are a stranger's: no browser may take them for a page."""
    return {
        hdrs.ETAG: f'"{sha256}"',
        hdrs.CACHE_CONTROL: IMMUTABLE,
        hdrs.ACCEPT_RANGES: "bytes",
        "Content-Security-Policy": "sandbox",
    }


def _client_has(request: web.Request, sha256: str) -> bool:
    """Whether `If-None-Match` names the blob: its hash is its entity tag."""
    tags = request.if_none_match
    return tags is not None and any(tag.value in (sha256, "*") for tag in tags)


def _apply_range(
    request: web.Request, response: web.StreamResponse, sha256: str, size: int
) -> tuple[int, int]:
    """What to send, from where to where; the response is made to say so. Raises `Problem`."""
    precondition = request.headers.get(hdrs.IF_RANGE)
    if precondition is not None and precondition != f'"{sha256}"':
        return 0, size
    try:
        part = parse_range(request.headers.get(hdrs.RANGE), size)
    except UnsatisfiableRange as error:
        raise Problem(
            HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE,
            str(error),
            {hdrs.CONTENT_RANGE: f"bytes */{size}"},
        ) from error
    if part is None:
        return 0, size
    response.set_status(HTTPStatus.PARTIAL_CONTENT)
    response.headers[hdrs.CONTENT_RANGE] = f"bytes {part.start}-{part.stop - 1}/{size}"
    return part


def _offered_size(request: web.Request) -> int:
    """The body's declared size in bytes. Raises `Problem`."""
    if hdrs.CONTENT_ENCODING in request.headers:
        raise Problem(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            "send the blob's own bytes, without a Content-Encoding",
        )
    size = request.content_length
    if size is None:
        raise Problem(HTTPStatus.LENGTH_REQUIRED, "declare the blob's size in Content-Length")
    if size > limits.BLOB_BYTES_MAX:
        raise Problem(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            f"a blob has at most {limits.BLOB_BYTES_MAX} bytes, not {size}",
        )
    return size


def _authorised(request: web.Request, now: int) -> tuple[str, str]:
    """The public key that authorised this upload, and the blob's name. Raises `Problem` 401."""
    header = request.headers.get(hdrs.AUTHORIZATION)
    if header is None:
        raise Problem(
            HTTPStatus.UNAUTHORIZED, "uploading needs a Blossom authorisation", _UNAUTHORIZED
        )
    try:
        names = authorization_header.decode(header).values("x")
        sha256 = _named_blob(names, request.headers.get("X-SHA-256"))
        return blossom.verify(header, "upload", sha256, now), sha256
    except (authorization_header.InvalidHeader, blossom.BlossomError) as error:
        raise Problem(HTTPStatus.UNAUTHORIZED, str(error), _UNAUTHORIZED) from error


def _named_blob(names: tuple[str, ...], chosen: str | None) -> str:
    """Which of the authorised blobs this is, before its bytes can tell. Raises `BlossomError`."""
    if chosen is None and len(names) != 1:
        raise blossom.BlossomError(
            "the event names one blob in its 'x' tag, or the X-SHA-256 header says which is meant"
        )
    sha256 = names[0] if chosen is None else chosen
    if not keys.is_hex32(sha256):
        raise blossom.BlossomError("a blob is named by 64 lower-case hexadecimal digits")
    return sha256


async def _expect_nothing_yet(_request: web.Request) -> None:
    """Leave `Expect: 100-continue` unanswered until the upload is authorised."""


async def _continue(request: web.Request) -> None:
    if request.headers.get(hdrs.EXPECT, "").lower() == "100-continue":
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        # aiohttp takes a request that has had output for answered; this is only its preface.
        request.writer.output_size = 0
