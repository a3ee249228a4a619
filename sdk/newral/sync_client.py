"""The client for programs without an event loop: the same methods, blocking."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator, Mapping, Sequence
from concurrent.futures import Future
from decimal import Decimal
from threading import Thread
from types import TracebackType
from typing import Any, Final, Self, TypeVar

from newral.client import RELAY_TIMEOUT_S, Client
from newral.jobs import Job, JobView, Output
from newral_spec import limits
from newral_spec.keys import SecretKey
from newral_spec.messages import Announcement, Feedback, Stage

_T = TypeVar("_T")
_END: Final = object()


class SyncClient:
    """`Client` behind blocking methods; its event loop runs in a thread of its own.

    Example::

        with newral.SyncClient(relays=["ws://127.0.0.1:7777"]) as client:
            job = client.post("carmichael", {"bound": "10^9"}, bid=5)
            print(client.result(job.id).value["count"])  # 646
    """

    def __init__(
        self,
        *,
        relays: Sequence[str],
        secret: SecretKey | None = None,
        coordinator: str | None = None,
        relay_timeout_s: float = RELAY_TIMEOUT_S,
    ) -> None:
        """See `Client`."""
        self._client = Client(
            relays=relays, secret=secret, coordinator=coordinator, relay_timeout_s=relay_timeout_s
        )
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever, name="newral client", daemon=True)

    @property
    def public_key(self) -> str:
        """The requester's public key in hexadecimal."""
        return self._client.public_key

    def __enter__(self) -> Self:
        self._thread.start()
        self._call(self._client.__aenter__())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            self._call(self._client.__aexit__(kind, error, traceback))
            self._call(self._loop.shutdown_asyncgens())
        finally:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()

    def coordinator(self) -> str:
        """See `Client.coordinator`."""
        return self._call(self._client.coordinator())

    def announcement(self) -> Announcement:
        """See `Client.announcement`."""
        return self._call(self._client.announcement())

    def post(
        self,
        kernel: str,
        params: Mapping[str, Any],
        *,
        version: str | None = None,
        bid: int | str | Decimal | None = None,
        epsilon: float = limits.EPSILON_DEFAULT,
        deadline: int | None = None,
        encrypted: bool = False,
    ) -> Job:
        """See `Client.post`."""
        return self._call(
            self._client.post(
                kernel,
                params,
                version=version,
                bid=bid,
                epsilon=epsilon,
                deadline=deadline,
                encrypted=encrypted,
            )
        )

    def post_workflow(
        self,
        stages: Sequence[Stage],
        *,
        bid: int | str | Decimal | None = None,
        epsilon: float = limits.EPSILON_DEFAULT,
        deadline: int | None = None,
        encrypted: bool = False,
    ) -> Job:
        """See `Client.post_workflow`."""
        return self._call(
            self._client.post_workflow(
                stages, bid=bid, epsilon=epsilon, deadline=deadline, encrypted=encrypted
            )
        )

    def watch(self, job: str) -> Iterator[Feedback]:
        """See `Client.watch`."""
        news = self._client.watch(job)
        try:
            while True:
                feedback = self._call(_next(news))
                if feedback is _END:
                    return
                yield feedback
        finally:
            self._call(news.aclose())

    def result(self, job: str, timeout_s: float | None = None) -> Output:
        """See `Client.result`."""
        return self._call(self._client.result(job, timeout_s))

    def cancel(self, job: str) -> None:
        """See `Client.cancel`."""
        self._call(self._client.cancel(job))

    def jobs(self) -> list[JobView]:
        """See `Client.jobs`."""
        return self._call(self._client.jobs())

    def _call(self, coroutine: Coroutine[Any, Any, _T]) -> _T:
        future: Future[_T] = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()  # Ctrl-C must not leave the call running
            raise


async def _next(news: Any) -> Any:
    # StopAsyncIteration cannot leave a coroutine through a future.
    return await anext(news, _END)
