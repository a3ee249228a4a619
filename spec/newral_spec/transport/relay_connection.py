"""One relay over a websocket, reconnecting for ever: the I/O around a `ClientSession`."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import logging
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Final, Self

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from newral_spec.event import Event, sign_event
from newral_spec.keys import SecretKey
from newral_spec.kinds import Kind
from newral_spec.session import (
    AuthenticationAnswered,
    AuthenticationRequested,
    ClientSession,
    EventReceived,
    Filter,
    LocalProtocolError,
    Notice,
    Ok,
    PublishAnswered,
    RemoteProtocolError,
    SessionEvent,
    StoredEventsEnd,
    SubscriptionClosed,
)
from newral_spec.transport.relay_url import is_loopback, normalise_relay_url

BACKOFF_BASE_S: Final = 0.5
BACKOFF_MAX_S: Final = 60.0
"""Waits before reconnecting are drawn from 0 to a bound that doubles from base to max."""

STABLE_S: Final = 30.0
"""A connection that lasted this long ends the doubling."""

OPEN_TIMEOUT_S: Final = 10.0
CLOSE_TIMEOUT_S: Final = 2.0
KEEPALIVE_S: Final = 20.0
"""Between pings, and for a pong: a dead connection is noticed within twice this."""

RECEIVED_MESSAGES_MAX: Final = 4
"""Read ahead of the handler; beyond it TCP makes the relay wait."""

DISCARDED_MESSAGE_BYTES_MAX: Final = 16 * 1024 * 1024
"""A message above `limits.RELAY_MESSAGE_BYTES_MAX` is read and dropped up to this size.

An honest relay may store and send a giant event of a stranger: were it to end the connection, that
event would come again after every reconnect, and whatever is behind it never.
"""

VIOLATIONS_MAX: Final = 100
"""Malformed or forged messages on one connection before we hang up and come back later."""

REOPEN_S: Final = 15.0
"""Before a subscription is asked for again that the relay closed for a passing reason."""

PASSING_PREFIXES: Final = frozenset({"error", "rate-limited"})

_log = logging.getLogger(__name__)

EventHandler = Callable[[str, Event], Awaitable[None] | None]
"""Called with subscription and event. While it runs no more is read from that relay."""


class RelayRefused(Exception):
    """The relay answered a publication with no. `prefix` is NIP-01's word before the colon."""

    def __init__(self, answer: Ok) -> None:
        super().__init__(answer.message or "the relay gave no reason")
        self.prefix = answer.prefix


class RelayUnavailable(ConnectionError):
    """The connection was closed by us, or no relay could answer."""


class _Connect(connect):
    """Follows no redirect: a relay could send us to an address that only we can reach."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        return exc


@dataclass
class _Publication:
    answer: asyncio.Future[Ok | None]
    waiters: int = field(default=0)


class RelayConnection:
    """Subscriptions and unanswered publications survive every reconnect.

    Events are not verified here; `RelayPool` does. A handler must not wait for a publication on
    the connection that called it, because its answer would be read after the handler returns.
    A handler that finds an event forged raises `RemoteProtocolError`, which counts against the
    relay; any other exception of a handler is logged, and the connection goes on.
    """

    def __init__(
        self,
        url: str,
        *,
        on_event: EventHandler,
        on_stored_events_end: Callable[[str, bool], None] | None = None,
        on_subscription_closed: Callable[[str, str], None] | None = None,
        on_state: Callable[[], None] | None = None,
        secret: SecretKey | None = None,
        rng: random.Random | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`secret` answers a relay that asks who we are. Raises `InvalidRelayUrl`.

        `on_stored_events_end` gets the subscription, and whether everything stored was received;
        `on_subscription_closed` gets the subscription and the relay's message; `on_state` is
        called when `connected` or `last_error` has changed.
        """
        self.url = normalise_relay_url(url)
        self.connected = False
        self.last_error: str | None = None
        self._on_event = on_event
        self._on_stored_events_end = on_stored_events_end
        self._on_subscription_closed = on_subscription_closed
        self._on_state = on_state
        self._secret = secret
        self._rng = rng or random.Random()  # noqa: S311 - jitter is no secret
        self._clock = clock
        self._session = ClientSession(can_authenticate=secret is not None)
        self._publications: dict[str, _Publication] = {}
        self._reopenings: dict[str, asyncio.TimerHandle] = {}
        self._has_outgoing = asyncio.Event()
        self._violations = 0
        self._runner: asyncio.Task[None] | None = None
        self._started: asyncio.Task[None] | None = None

    # Life

    def start(self) -> None:
        """Run in a task of its own, until `close`."""
        if self._started is None:
            self._started = asyncio.create_task(self.run(), name=f"relay {self.url}")
            self._started.add_done_callback(_report_crash)

    async def close(self) -> None:
        """Disconnect, and give up what waits for an answer."""
        if self._started is not None:
            self._started.cancel()
            await asyncio.gather(self._started, return_exceptions=True)
            self._started = None

    async def __aenter__(self) -> Self:
        self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def run(self) -> None:
        """Connect, converse, and connect again, until cancelled."""
        self._runner = asyncio.current_task()
        failures = 0
        try:
            while True:
                began = time.monotonic()
                try:
                    await self._converse()
                except (OSError, TimeoutError, WebSocketException, RemoteProtocolError) as error:
                    self._set_state(connected=False, error=str(error) or type(error).__name__)
                failures = 0 if time.monotonic() - began >= STABLE_S else failures + 1
                await asyncio.sleep(self._backoff_s(failures))
        finally:
            self._runner = None
            self._give_up()

    def _backoff_s(self, failures: int) -> float:
        # Full jitter: https://aws.amazon.com/builders-library/timeouts-retries-and-backoff-with-jitter
        doublings = min(failures, 16)
        return self._rng.uniform(0, min(BACKOFF_MAX_S, BACKOFF_BASE_S * 2**doublings))

    def _give_up(self) -> None:
        for publication in self._publications.values():
            if not publication.answer.done():
                publication.answer.set_result(None)

    def _set_state(self, *, connected: bool, error: str | None) -> None:
        self.connected = connected
        self.last_error = error
        if self._on_state is not None:
            self._on_state()

    # What the caller asks for

    async def subscribe(self, name: str, filters: tuple[Filter, ...]) -> None:
        """Open a subscription, now and after each reconnect. Raises `LocalProtocolError`."""
        self._session.subscribe(name, filters)
        self._has_outgoing.set()

    async def unsubscribe(self, name: str) -> None:
        """End a subscription. Raises `LocalProtocolError` when there is none of that name."""
        self._session.unsubscribe(name)
        self._has_outgoing.set()

    async def publish(self, event: Event, timeout_s: float) -> Ok:
        """Send until the relay answers, over reconnects if need be.

        Raises `RelayRefused`, `TimeoutError`, `LocalProtocolError`, or `RelayUnavailable` when
        the connection is closed meanwhile.
        """
        self.check_may_wait()
        self._session.publish(event)
        self._has_outgoing.set()
        publication = self._publications.get(event.id)
        if publication is None:
            publication = _Publication(asyncio.get_running_loop().create_future())
            self._publications[event.id] = publication
        publication.waiters += 1
        try:
            async with asyncio.timeout(timeout_s):
                answer = await asyncio.shield(publication.answer)
        finally:
            publication.waiters -= 1
            if publication.waiters == 0:
                del self._publications[event.id]
                self._session.withdraw(event.id)
        if answer is None:
            raise RelayUnavailable("the connection was closed before the relay answered")
        if not answer.accepted:
            raise RelayRefused(answer)
        return answer

    def check_may_wait(self) -> None:
        """Raises `LocalProtocolError` inside this connection's own handler."""
        if self._runner is not None and asyncio.current_task() is self._runner:
            raise LocalProtocolError("an event handler cannot wait for the relay that called it")

    # The conversation

    async def _converse(self) -> None:
        # Compression costs more than it saves, and a small message could unpack to a large one.
        async with _Connect(
            self.url,
            compression=None,
            max_size=DISCARDED_MESSAGE_BYTES_MAX,
            max_queue=RECEIVED_MESSAGES_MAX,
            open_timeout=OPEN_TIMEOUT_S,
            close_timeout=CLOSE_TIMEOUT_S,
            ping_interval=KEEPALIVE_S,
            ping_timeout=KEEPALIVE_S,
            proxy=None if is_loopback(self.url) else True,
        ) as websocket:
            self._violations = 0
            self._session.resume(self._now())
            self._has_outgoing.set()
            self._set_state(connected=True, error=None)
            writer = asyncio.create_task(self._write(websocket), name=f"to relay {self.url}")
            try:
                await self._read(websocket)
            finally:
                writer.cancel()
                await asyncio.gather(writer, return_exceptions=True)
                self._session.connection_lost()
                for timer in self._reopenings.values():
                    timer.cancel()
                self._reopenings.clear()
                self.connected = False

    async def _write(self, websocket: ClientConnection) -> None:
        while True:
            await self._has_outgoing.wait()
            self._has_outgoing.clear()
            for text in self._session.outgoing():
                await websocket.send(text)

    async def _read(self, websocket: ClientConnection) -> None:
        while True:
            # Undecoded, because text that is not UTF-8 costs a message, not the connection.
            raw = await websocket.recv(decode=False)
            try:
                happened = self._session.receive(raw, self._now())
            except RemoteProtocolError as error:
                self._count_violation(error)
                continue
            for item in happened:
                await self._dispatch(item)
            self._has_outgoing.set()

    async def _dispatch(self, item: SessionEvent) -> None:
        match item:
            case EventReceived(subscription, event):
                await self._handle(subscription, event)
            case PublishAnswered(event_id, accepted, message):
                publication = self._publications.get(event_id)
                if publication is not None and not publication.answer.done():
                    publication.answer.set_result(Ok(event_id, accepted, message))
            case StoredEventsEnd(subscription, complete):
                if self._on_stored_events_end is not None:
                    self._on_stored_events_end(subscription, complete)
            case SubscriptionClosed(subscription, message):
                self._schedule_reopening(item)
                if self._on_subscription_closed is not None:
                    self._on_subscription_closed(subscription, message)
            case AuthenticationRequested(challenge):
                self._authenticate(challenge)
            case AuthenticationAnswered(accepted, message):
                outcome = "accepted" if accepted else f"refused: {message[:200]}"
                _log.info("relay %s: our authentication is %s", self.url, outcome)
            case Notice(message):
                _log.info("relay %s: notice: %s", self.url, message[:200])

    async def _handle(self, subscription: str, event: Event) -> None:
        try:
            pending = self._on_event(subscription, event)
            if inspect.isawaitable(pending):
                await pending
        except RemoteProtocolError as error:
            self._count_violation(error)
        except Exception:
            _log.exception("the handler of %s failed on event %s", subscription, event.id)

    def _count_violation(self, error: RemoteProtocolError) -> None:
        self._violations += 1
        _log.debug("relay %s: %s", self.url, error)
        if self._violations > VIOLATIONS_MAX:
            raise RemoteProtocolError(f"too many bad messages, the last: {error}") from error

    def _authenticate(self, challenge: str) -> None:
        assert self._secret is not None, "the session asks only those who can"
        answer = sign_event(
            self._secret,
            kind=Kind.CLIENT_AUTHENTICATION,
            created_at=self._now(),
            tags=(("relay", self.url), ("challenge", challenge)),
        )
        self._session.authenticate(answer)

    def _schedule_reopening(self, closed: SubscriptionClosed) -> None:
        if closed.prefix in PASSING_PREFIXES:
            delay = REOPEN_S * (1 + self._rng.random())
            loop = asyncio.get_running_loop()
            name = closed.subscription
            self._reopenings[name] = loop.call_later(delay, self._reopen, name)

    def _reopen(self, name: str) -> None:
        self._reopenings.pop(name, None)
        with contextlib.suppress(LocalProtocolError):  # Unsubscribed meanwhile.
            self._session.reopen(name)
            self._has_outgoing.set()

    def _now(self) -> int:
        return int(self._clock())


def _report_crash(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and task.exception() is not None:
        _log.critical("%s stopped", task.get_name(), exc_info=task.exception())
