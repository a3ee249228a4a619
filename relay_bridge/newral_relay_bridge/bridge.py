"""The relay bridge: between Nostr relays and the event log."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from newral_relay_bridge.archive import Archive
from newral_relay_bridge.counts import Counts, RelayCounts
from newral_relay_bridge.extra_relays import ExtraRelays
from newral_relay_bridge.inbound import Inbound, InboundLog
from newral_relay_bridge.outbound import OUTBOUND_TOPIC, Outbox
from newral_relay_bridge.policies import RATES, Buckets, Rates
from newral_relay_bridge.relay_link import RelayLink
from newral_relay_bridge.relay_store import RelayStore
from newral_relay_bridge.retention import Retention
from newral_spec.keys import SecretKey
from newral_spec.transport import normalise_relay_url

RELAYS_MAX: Final = 16
"""Configured relays; three are enough."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BridgeConfig:
    """What a coordinator's bridge is to do."""

    relays: tuple[str, ...]
    """Where the coordinator reads and publishes."""
    secret: SecretKey
    """The coordinator's: its public key is who events must be for, and it answers NIP-42."""
    work_bits: int = 0
    """Proof of work (NIP-13) that an event costs which may start a job."""
    rates: Rates = RATES
    allow_private_relays: bool = False
    """Whether requesters may name relays in private networks to be answered on."""


class Bridge:
    """Reads relays into the log, and publishes from the log to relays.

    It owns nothing that cannot be made again from Postgres and the relays, so it may be killed at
    any time. Only one should run for a coordinator; two would do everything twice, harmlessly.
    """

    def __init__(
        self,
        config: BridgeConfig,
        log: InboundLog,
        dsn: str,
        *,
        clock: Callable[[], float] = time.time,
        rng: random.Random | None = None,
    ) -> None:
        """`dsn` names a database with this package's migrations, which holds the archive.

        Raises `InvalidRelayUrl`, and `ValueError` for no or too many relays.
        """
        self._config = config
        self._log = log
        self._dsn = dsn
        self._clock = clock
        self._rng = rng or random.Random()  # noqa: S311 - jitter is no secret
        self._urls = tuple(dict.fromkeys(map(normalise_relay_url, config.relays)))
        if not 1 <= len(self._urls) <= RELAYS_MAX:
            raise ValueError(f"a bridge has 1 to {RELAYS_MAX} relays, not {len(self._urls)}")
        self._counts = Counts(relays={url: RelayCounts() for url in self._urls})
        self._links: tuple[RelayLink, ...] = ()

    def status(self) -> dict[str, Any]:
        """For people and monitors: every relay, and what was counted since the start."""
        return {
            "relays": {link.url: link.status() for link in self._links},
            **self._counts.to_dict(),
        }

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set. Waits for Postgres, at the start as later."""
        store = RelayStore(self._dsn, OUTBOUND_TOPIC)
        archive = Archive(self._dsn)
        retention = Retention(self._dsn)
        try:
            async with asyncio.TaskGroup() as tasks:
                worker = tasks.create_task(self._work(store, archive, retention), name="bridge")
                await stop.wait()
                worker.cancel()
        finally:
            await store.close()
            await archive.close()
            await retention.close()

    async def _work(self, store: RelayStore, archive: Archive, retention: Retention) -> None:
        cursors = await store.load_cursors()
        started = self._clock()
        inbound = Inbound(
            coordinator=self._config.secret.public_key,
            log=self._log,
            archive=archive,
            store=store,
            buckets=Buckets(self._config.rates),
            work_bits=self._config.work_bits,
            counts=self._counts,
            complete_until={url: cursors.get(url, started) for url in self._urls},
            clock=self._clock,
        )
        self._links = tuple(
            RelayLink(
                url,
                secret=self._config.secret,
                inbound=inbound,
                store=store,
                counts=self._counts.relays[url],
                clock=self._clock,
                rng=self._rng,
            )
            for url in self._urls
        )
        extra_relays = ExtraRelays(
            store,
            configured=self._urls,
            allow_private=self._config.allow_private_relays,
            clock=self._clock,
            rng=self._rng,
        )
        outbox = Outbox(
            log=self._log,
            store=store,
            couriers={link.url: link.courier for link in self._links},
            extra_relays=extra_relays,
            counts=self._counts,
            clock=self._clock,
            rng=self._rng,
        )
        async with asyncio.TaskGroup() as tasks:
            for link in self._links:
                tasks.create_task(link.run(), name=f"link to {link.url}")
            tasks.create_task(inbound.run(), name="inbound")
            tasks.create_task(extra_relays.run(), name="extra relays")
            tasks.create_task(outbox.run(), name="outbox")
            tasks.create_task(retention.run(), name="retention")
