"""Blobs over HTTP (Blossom): parameters come, large results go, both bounded and by hash."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Final

import aiohttp

from newral_spec.canonical import sha256_hex
from newral_spec.keys import SecretKey
from newral_spec.messages import BlobRef
from newral_spec.nips import blossom

TIMEOUT: Final = aiohttp.ClientTimeout(total=600, connect=10, sock_read=30)
"""In seconds: 256 MiB need 430 KiB/s, and 30 s of silence are too many."""

AUTHORIZATION_S: Final = 15 * 60
"""How long an authorisation to upload holds: longer than the transfer may take."""

PASSING_STATUS: Final = frozenset({408, 425, 429})
"""Refusals that may be none the next time."""


class BlobError(Exception):
    """A transfer failed; `refused` when the server said no, for good."""

    def __init__(self, message: str, *, refused: bool = False) -> None:
        super().__init__(message)
        self.refused = refused


class BlobClient:
    """Transfers with one server at a time, the one that the coordinator announces."""

    def __init__(self, secret: SecretKey, clock: Callable[[], float]) -> None:
        self.base_url: str | None = None
        self._secret = secret
        self._clock = clock
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        """Close all connections."""
        if self._session is not None:
            await self._session.close()

    async def fetch(self, blob: BlobRef) -> bytes:
        """The blob, as long as its reference says and with its hash. Raises `BlobError`."""
        digest = hashlib.sha256()
        body = bytearray()
        try:
            # The announced server has the blob itself: we follow nobody to other addresses.
            async with self._http().get(
                f"{self._base()}/{blob.sha256}", allow_redirects=False
            ) as response:
                await _check(response)
                async for chunk in response.content.iter_any():
                    body += chunk
                    digest.update(chunk)
                    if len(body) > blob.size:
                        raise BlobError(f"blob {blob.sha256} has more than {blob.size} bytes")
        except (aiohttp.ClientError, TimeoutError) as error:
            raise BlobError(f"blob {blob.sha256}: {str(error) or type(error).__name__}") from error
        if len(body) != blob.size or digest.hexdigest() != blob.sha256:
            raise BlobError(f"what came as blob {blob.sha256} is something else")
        return bytes(body)

    async def upload(self, data: bytes) -> BlobRef:
        """Bring `data` to the server. Raises `BlobError`."""
        blob = BlobRef(sha256_hex(data), len(data))
        now = int(self._clock())
        header = blossom.authorization(
            self._secret, "upload", blob.sha256, now + AUTHORIZATION_S, now
        )
        try:
            async with self._http().put(
                f"{self._base()}/upload",
                data=data,
                headers={"Authorization": header, "Content-Type": "application/octet-stream"},
                allow_redirects=False,
            ) as response:
                await _check(response)
        except (aiohttp.ClientError, TimeoutError) as error:
            raise BlobError(f"upload: {str(error) or type(error).__name__}") from error
        return blob

    def _base(self) -> str:
        if self.base_url is None:
            raise BlobError("the coordinator has announced no blob server yet")
        return self.base_url.rstrip("/")

    def _http(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                timeout=TIMEOUT, auto_decompress=False, cookie_jar=aiohttp.DummyCookieJar()
            )
        return self._session


async def _check(response: aiohttp.ClientResponse) -> None:
    if response.status in (200, 201):
        return
    detail = (await response.content.read(500)).decode(errors="replace")
    refused = 400 <= response.status < 500 and response.status not in PASSING_STATUS
    raise BlobError(f"HTTP status {response.status}: {detail}", refused=refused)
