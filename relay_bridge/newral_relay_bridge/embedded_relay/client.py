"""One connected client: the I/O around a `ServerSession`."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Collection
from typing import Final, Protocol

from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

from newral_relay_bridge.embedded_relay.config import SUBSCRIPTIONS_MAX
from newral_relay_bridge.embedded_relay.ingestion import Publication
from newral_relay_bridge.embedded_relay.outbox import Outbox
from newral_relay_bridge.embedded_relay.policies import Context, rejection
from newral_relay_bridge.embedded_relay.storage import Found, StorageError
from newral_relay_bridge.embedded_relay.subscriptions import Subscription, SubscriptionIndex
from newral_spec.event import Event
from newral_spec.session import (
    Authenticated,
    Command,
    CountStored,
    Filter,
    Publish,
    ServerLimits,
    ServerSession,
    Subscribe,
    Unsubscribe,
)

READ_ROWS_MAX: Final = 64
"""Stored events read and sent together: at most 8 MB, usually far less."""


class Archive(Protocol):
    """What a client needs of the relay's storage. Each raises `StorageError`."""

    async def find(self, filters: tuple[Filter, ...]) -> Found: ...
    async def count(self, filters: tuple[Filter, ...]) -> int: ...
    async def read(self, rows: list[int]) -> list[bytes]: ...
    async def submit(self, publication: Publication) -> None: ...


class Client:
    """Reads requests one by one, so that a client waits for itself and for nobody else."""

    def __init__(
        self,
        websocket: ServerConnection,
        archive: Archive,
        index: SubscriptionIndex[Client],
        *,
        relay_urls: Collection[str],
        require_auth: bool,
    ) -> None:
        self.outbox = Outbox()
        self._websocket = websocket
        self._archive = archive
        self._index = index
        self._subscriptions: dict[str, Subscription[Client]] = {}
        self._session = ServerSession(
            challenge=secrets.token_hex(16),
            relay_urls=relay_urls,
            require_auth=require_auth,
            bounds=ServerLimits(subscriptions_max=SUBSCRIPTIONS_MAX),
        )

    async def run(self) -> None:
        """Serve until the connection ends."""
        writer = asyncio.create_task(self._write())
        try:
            self._flush()
            await self._read()
        except ConnectionClosed:
            pass
        finally:
            for subscription in self._subscriptions.values():
                self._index.remove(subscription)
            writer.cancel()
            await asyncio.gather(writer, return_exceptions=True)

    def hang_up(self) -> None:
        """End the connection to a client that does not read, and so could not be told why."""
        self.outbox.abandon()
        self._websocket.transport.abort()

    def deliver(self, subscription: Subscription[Client], row: int, event_json: bytes) -> None:
        """Send a live event, unless it was among the stored ones."""
        if subscription.horizon is None:
            subscription.waiting.append((row, event_json))
        elif subscription.is_new(row):
            self._session.deliver(subscription.name, event_json)
            self._flush()

    async def _write(self) -> None:
        try:
            while True:
                await self._websocket.send(await self.outbox.get())
        finally:
            self.outbox.abandon()

    async def _read(self) -> None:
        while True:
            raw = await self._websocket.recv(decode=False)
            for command in self._session.receive(raw, int(time.time())):
                await self._execute(command)
            self._flush()
            await self.outbox.has_room()

    def _flush(self) -> None:
        self.outbox.put(self._session.outgoing())

    async def _execute(self, command: Command) -> None:
        match command:
            case Publish(event):
                await self._publish(event)
            case Subscribe(name, filters):
                await self._subscribe(name, filters)
            case Unsubscribe(name):
                self._forget(name)
            case CountStored(query, filters):
                await self._count(query, filters)
            case Authenticated():
                pass  # The session remembers who it is.

    async def _publish(self, event: Event) -> None:
        context = Context(int(time.time()), self._session.authenticated)
        why = rejection(event, context)
        if why is not None:
            self._session.ok(event.id, accepted=False, message=why)
            return

        def answer(accepted: bool, message: str) -> None:
            self._session.ok(event.id, accepted=accepted, message=message)
            self._flush()

        await self._archive.submit(Publication(event, answer))

    async def _subscribe(self, name: str, filters: tuple[Filter, ...]) -> None:
        self._forget(name)
        # Before the stored events are looked up, so that none falls between.
        subscription = Subscription(self, name, filters)
        self._subscriptions[name] = subscription
        self._index.add(subscription)
        try:
            found = await self._archive.find(filters)
            subscription.horizon = found.horizon
            for row, event_json in subscription.waiting:
                self.deliver(subscription, row, event_json)
            subscription.waiting.clear()
            await self._replay(name, found.rows)
        except StorageError as error:
            self._forget(name)
            self._session.close(name, f"error: {error}")
        else:
            self._session.eose(name)

    async def _replay(self, name: str, rows: list[int]) -> None:
        for start in range(0, len(rows), READ_ROWS_MAX):
            await self.outbox.has_room()
            for event_json in await self._archive.read(rows[start : start + READ_ROWS_MAX]):
                self._session.deliver(name, event_json)
            self._flush()

    def _forget(self, name: str) -> None:
        subscription = self._subscriptions.pop(name, None)
        if subscription is not None:
            self._index.remove(subscription)

    async def _count(self, query: str, filters: tuple[Filter, ...]) -> None:
        try:
            self._session.count(query, await self._archive.count(filters))
        except StorageError as error:
            self._session.close(query, f"error: {error}")
