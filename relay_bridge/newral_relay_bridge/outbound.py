"""From the log to the relays: every event to every relay, at least once.

An event goes to all configured relays as soon as it is read. What a relay does not acknowledge
at once is parked in Postgres in the transaction that moves the consumer's offset past the event,
and tried again from there: so nothing is forgotten when this process dies, and a relay that is
away holds up nothing. Relays drop what they get twice.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

import msgspec

from newral_relay_bridge.counts import Counts
from newral_relay_bridge.courier import OTHERS_RETRY_S, Courier, Outcome, Verdict, backoff_s
from newral_relay_bridge.event_log import EventLog, Record
from newral_relay_bridge.extra_relays import EXTRA_RETRY_S, ExtraRelays
from newral_relay_bridge.progress import Progress
from newral_relay_bridge.relay_store import Parked, RelayStore, State, until_available
from newral_spec import limits
from newral_spec.event import Event, InvalidEvent, parse_event
from newral_spec.kinds import is_ephemeral
from newral_spec.messages.fields import InvalidMessage, decimal_tag
from newral_spec.transport import InvalidRelayUrl, normalise_relay_url

OUTBOUND_TOPIC: Final = "outbound"

READ_RECORDS: Final = 256
IN_FLIGHT_MAX: Final = 4096
"""Events whose first attempts are under way."""

WAIT_S: Final = 30.0
COMMIT_INTERVAL_S: Final = 0.05
"""Between commits of the offset: what was published since is published again after a crash."""

EPHEMERAL_S_MAX: Final = 60.0
"""Relays refuse older ephemeral events, and nobody wants them any more."""

TIDY_S: Final = 600.0
FORGET_S: Final = 7 * 24 * 3600.0
"""How long refused and abandoned publications are kept for who wants to know why."""

_log = logging.getLogger(__name__)


class InvalidOutgoing(ValueError):
    """The record holds no event to be published."""


class Outgoing(msgspec.Struct, frozen=True):
    """A record of the topic of outgoing events, as JSON."""

    event: msgspec.Raw
    relays: list[str] = []
    """Where its receiver reads, beside the configured relays."""


@dataclass(frozen=True, slots=True)
class _Landed:
    """A record whose first attempts are over."""

    offset: int
    parked: tuple[Parked, ...] = ()


class Outbox:
    """The consumer of the topic of outgoing events."""

    def __init__(
        self,
        *,
        log: EventLog,
        store: RelayStore,
        couriers: Mapping[str, Courier],
        extra_relays: ExtraRelays,
        counts: Counts,
        clock: Callable[[], float],
        rng: random.Random,
    ) -> None:
        """`couriers` are those of the configured relays, by normalised URL."""
        self._log = log
        self._store = store
        self._couriers = couriers
        self._extra_relays = extra_relays
        self._counts = counts
        self._clock = clock
        self._rng = rng
        self._landed: list[_Landed] = []
        self._has_landed = asyncio.Event()
        self._has_room = asyncio.Event()

    async def run(self) -> None:
        """Publish until cancelled."""
        progress = Progress(await self._store.load_offset())
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._read(progress, tasks), name="outbox reader")
            tasks.create_task(self._commit(progress), name="outbox offsets")
            tasks.create_task(self._tidy(), name="outbox tidying")

    async def _read(self, progress: Progress, tasks: asyncio.TaskGroup) -> None:
        position = progress.done
        while True:
            while len(progress) >= IN_FLIGHT_MAX:
                self._has_room.clear()
                await self._has_room.wait()
            read = partial(self._log.read, OUTBOUND_TOPIC, position, READ_RECORDS)
            records = await until_available(read)
            if not records:
                await until_available(partial(self._log.wait, OUTBOUND_TOPIC, position, WAIT_S))
            for record in records:
                progress.begin(record.offset)
                tasks.create_task(self._publish(record))
                position = record.offset

    async def _commit(self, progress: Progress) -> None:
        while True:
            await self._has_landed.wait()
            self._has_landed.clear()
            landed, self._landed = self._landed, []
            for item in landed:
                progress.finish(item.offset)
            parked = [publication for item in landed for publication in item.parked]
            await self._store.park(parked, progress.done, self._clock())
            self._has_room.set()
            for relay in {publication.relay for publication in parked}:
                if relay in self._couriers:
                    self._couriers[relay].wake()
                else:
                    self._extra_relays.wake()
            await asyncio.sleep(COMMIT_INTERVAL_S)

    async def _tidy(self) -> None:
        while True:
            now = self._clock()
            self._counts.abandoned += await self._store.tidy(now, now - FORGET_S)
            await asyncio.sleep(TIDY_S)

    async def _publish(self, record: Record) -> None:
        """The first attempts of one record; afterwards it waits to be committed."""
        parked: tuple[Parked, ...] = ()
        try:
            event, extra = parse_outgoing(record.value)
        except InvalidOutgoing as error:
            self._counts.malformed += 1
            _log.error("record %d is not published: %s", record.offset, error)
        else:
            if not is_ephemeral(event.kind):
                outcomes = await self._send(event)
                parked = self._park(record.offset, event, outcomes, extra)
            elif self._clock() - event.created_at <= EPHEMERAL_S_MAX:
                await self._send(event)
            else:
                self._counts.outdated += 1
        self._landed.append(_Landed(record.offset, parked))
        self._has_landed.set()

    async def _send(self, event: Event) -> dict[str, Outcome]:
        outcomes = await asyncio.gather(
            *(courier.send(event) for courier in self._couriers.values())
        )
        return dict(zip(self._couriers, outcomes, strict=True))

    def _park(
        self, offset: int, event: Event, outcomes: Mapping[str, Outcome], extra: Sequence[str]
    ) -> tuple[Parked, ...]:
        now = self._clock()
        is_accepted = any(outcome.verdict is Verdict.ACCEPTED for outcome in outcomes.values())
        expires_at = _expiration(event)
        until = _earliest(expires_at, now + OTHERS_RETRY_S if is_accepted else None)
        until_extra = _earliest(expires_at, now + EXTRA_RETRY_S)
        untried = Outcome(Verdict.UNTRIED, "not tried yet")
        every = [(relay, outcome, until) for relay, outcome in outcomes.items()]
        every += [(relay, untried, until_extra) for relay in extra if relay not in outcomes]
        return tuple(
            Parked(
                event_id=event.id,
                relay=relay,
                raw=event.to_json(),
                record_offset=offset,
                state=State.REFUSED if outcome.verdict is Verdict.REFUSED else State.PENDING,
                attempts=0 if outcome.verdict is Verdict.UNTRIED else 1,
                last_error=outcome.message,
                due_at=now + backoff_s(0, self._rng) if outcome.verdict is Verdict.FAILED else now,
                give_up_at=give_up_at,
            )
            for relay, outcome, give_up_at in every
            if outcome.verdict is not Verdict.ACCEPTED
        )


def parse_outgoing(value: bytes) -> tuple[Event, list[str]]:
    """The event and the extra relays, normalised; those that are none are left out.

    Raises `InvalidOutgoing`. The event is the coordinator's own, so its signature is not checked.
    """
    try:
        outgoing = msgspec.json.decode(value, type=Outgoing)
        event = parse_event(bytes(outgoing.event))
    except (msgspec.DecodeError, UnicodeError, RecursionError, InvalidEvent) as error:
        raise InvalidOutgoing(str(error)) from error
    relays: dict[str, None] = {}
    for url in outgoing.relays[: limits.JOB_RELAYS_MAX]:
        try:
            relays[normalise_relay_url(url)] = None
        except InvalidRelayUrl as error:
            _log.info("event %s: %s", event.id, error)
    return event, list(relays)


def _expiration(event: Event) -> float | None:
    try:
        return decimal_tag(event, "expiration")
    except InvalidMessage:
        return None


def _earliest(*times: float | None) -> float | None:
    return min((time for time in times if time is not None), default=None)
