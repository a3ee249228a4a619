"""Bytes to a client that may read slowly, or not at all."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator

from aiohttp import web

from newral_coordinator.http.bounds import CHUNK_BYTES


async def send(
    request: web.Request,
    response: web.StreamResponse,
    pieces: AsyncIterator[bytes],
    *,
    chunk_s: float,
) -> web.StreamResponse:
    """Send the response with the pieces as its body.

    Raises `ConnectionError` when the client goes away or takes a chunk in more than `chunk_s`
    seconds, and whatever the iterator raises.
    """
    # The first piece comes before the headers: what fails at once is answered with a problem.
    piece = await anext(pieces, None)
    await response.prepare(request)
    while piece is not None:
        for chunk in chunks(piece):
            await _write(request, response, chunk, chunk_s)
        piece = await anext(pieces, None)
    await response.write_eof()
    return response


async def _write(
    request: web.Request, response: web.StreamResponse, chunk: bytes, seconds: float
) -> None:
    try:
        async with asyncio.timeout(seconds):
            await response.write(chunk)
    except TimeoutError as error:
        if request.transport is not None:
            request.transport.abort()
        raise ConnectionAbortedError("the client reads too slowly") from error


def chunks(data: bytes) -> Iterator[bytes]:
    """The data in pieces of at most `CHUNK_BYTES`."""
    for start in range(0, len(data), CHUNK_BYTES):
        yield data[start : start + CHUNK_BYTES]


async def single(data: bytes) -> AsyncIterator[bytes]:
    """One piece."""
    yield data
