"""Fetching a blob over HTTP and believing nothing but its hash."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Final

import aiohttp

from newral.errors import InvalidOutput, NotFound
from newral_spec.messages import BlobRef

CONNECT_S: Final = 10.0
READ_S: Final = 30.0
"""The longest silence within a download."""

_CHUNK_BYTES: Final = 256 * 1024


async def fetch_blob(urls: Sequence[str], blob: BlobRef) -> bytes:
    """The blob from the first URL that has it.

    Raises `NotFound` when none answers, `InvalidOutput` when one served other bytes and none
    the right ones.
    """
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_S, sock_read=READ_S)
    problems: list[str] = []
    wrong = False
    async with aiohttp.ClientSession(timeout=timeout) as http:
        for url in urls:
            if not url.startswith(("http://", "https://")):
                continue
            try:
                return await _download(http, url, blob)
            except InvalidOutput as error:
                wrong = True
                problems.append(f"{url}: {error}")
            except (aiohttp.ClientError, TimeoutError) as error:
                problems.append(f"{url}: {error or type(error).__name__}")
    story = f"blob {blob.sha256}: " + ("; ".join(problems) or "the result names no URL")
    raise InvalidOutput(story) if wrong else NotFound(story)


async def _download(http: aiohttp.ClientSession, url: str, blob: BlobRef) -> bytes:
    # No redirects: only the address that the coordinator signed is asked.
    async with http.get(url, allow_redirects=False, raise_for_status=True) as response:
        if response.status != 200:
            raise InvalidOutput(f"status {response.status} where 200 is due")
        received = bytearray()
        async for chunk in response.content.iter_chunked(_CHUNK_BYTES):
            received += chunk
            if len(received) > blob.size:
                raise InvalidOutput(f"more than the {blob.size} bytes that were signed")
    if len(received) != blob.size or hashlib.sha256(received).hexdigest() != blob.sha256:
        raise InvalidOutput(f"{len(received)} bytes that do not have the signed hash")
    return bytes(received)
