"""The embedded relay as a whole: listens, and keeps its parts running."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final, TypeVar

from websockets.asyncio.server import ServerConnection
from websockets.asyncio.server import serve as listen

from newral_relay_bridge.embedded_relay.client import Client
from newral_relay_bridge.embedded_relay.config import (
    CONNECTIONS_MAX,
    PURGE_INTERVAL_S,
    STALLED_S,
    RelayConfig,
)
from newral_relay_bridge.embedded_relay.information import answer_plain_http
from newral_relay_bridge.embedded_relay.ingestion import Ingestion, Publication
from newral_relay_bridge.embedded_relay.storage import (
    EventReader,
    EventWriter,
    Found,
    StorageError,
)
from newral_relay_bridge.embedded_relay.subscriptions import SubscriptionIndex
from newral_spec import limits
from newral_spec.event import Event
from newral_spec.session import Filter

RECEIVED_MESSAGES_MAX: Final = 16
"""Read ahead of one client's requests; beyond it TCP makes the client wait."""

KEEPALIVE_S: Final = 30.0
CLOSE_TIMEOUT_S: Final = 1.0

_log = logging.getLogger(__name__)

T = TypeVar("T")


async def serve(config: RelayConfig, ready: Callable[[str], None], stop: asyncio.Event) -> None:
    """Serve until `stop` is set; `ready` gets the URL once clients can connect.

    Raises `StorageError` when the database cannot be used, `OSError` when the port cannot.
    """
    async with _running(config) as relay:
        server = await listen(
            relay.serve_client,
            config.host,
            config.port,
            process_request=partial(answer_plain_http, config),
            compression=None,
            max_size=limits.RELAY_MESSAGE_BYTES_MAX,
            max_queue=RECEIVED_MESSAGES_MAX,
            ping_interval=KEEPALIVE_S,
            ping_timeout=KEEPALIVE_S,
            close_timeout=CLOSE_TIMEOUT_S,
            server_header=None,
        )
        try:
            port = server.sockets[0].getsockname()[1]
            relay.listens_on(port)
            ready(_url(config.host, port))
            await stop.wait()
        finally:
            server.close()
            await server.wait_closed()


@contextlib.asynccontextmanager
async def _running(config: RelayConfig) -> AsyncIterator[_Relay]:
    """A relay with its database open and its tasks running. A task that fails ends it."""
    with (
        contextlib.closing(EventWriter(config.database)) as writer,
        contextlib.closing(EventReader(config.database)) as reader,
        # Entered last: the threads end before the connections that they use are closed.
        ThreadPoolExecutor(1, "relay-write") as writing,
        ThreadPoolExecutor(1, "relay-read") as reading,
    ):
        relay = _Relay(config, writer, reader, writing, reading)
        async with asyncio.TaskGroup() as tasks:
            running = [tasks.create_task(relay.ingestion.run()), tasks.create_task(relay.purge())]
            yield relay
            for task in running:
                task.cancel()


class _Relay:
    """The parts of a running relay, joined."""

    def __init__(
        self,
        config: RelayConfig,
        writer: EventWriter,
        reader: EventReader,
        writing: ThreadPoolExecutor,
        reading: ThreadPoolExecutor,
    ) -> None:
        self.ingestion = Ingestion(writer, writing, self._fan_out)
        self._config = config
        self._writer = writer
        self._reader = reader
        self._writing = writing
        self._reading = reading
        self._index: SubscriptionIndex[Client] = SubscriptionIndex()
        self._urls: set[str] = set()
        self._clients = 0

    def listens_on(self, port: int) -> None:
        """Learn the names under which NIP-42 answers may address us."""
        hosts = {self._config.host, "localhost", "127.0.0.1", "::1"}
        self._urls = {_url(host, port) for host in hosts}
        if self._config.public_url is not None:
            self._urls.add(self._config.public_url)

    async def serve_client(self, websocket: ServerConnection) -> None:
        """Handle one websocket."""
        if self._clients >= CONNECTIONS_MAX:
            await websocket.close(1013, f"at most {CONNECTIONS_MAX} connections")
            return
        self._clients += 1
        try:
            client = Client(
                websocket,
                self,
                self._index,
                relay_urls=self._urls,
                require_auth=self._config.require_auth,
            )
            await client.run()
        finally:
            self._clients -= 1

    # What clients ask for

    async def find(self, filters: tuple[Filter, ...]) -> Found:
        return await self._in_reader(partial(self._reader.find, filters, int(time.time())))

    async def count(self, filters: tuple[Filter, ...]) -> int:
        return await self._in_reader(partial(self._reader.count, filters, int(time.time())))

    async def read(self, rows: list[int]) -> list[bytes]:
        return await self._in_reader(partial(self._reader.read, rows))

    async def submit(self, publication: Publication) -> None:
        await self.ingestion.submit(publication)

    async def _in_reader(self, query: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._reading, query)

    # What happens by itself

    async def _fan_out(self, events: Sequence[tuple[Event, int]]) -> None:
        reached: set[Client] = set()
        for event, row in events:
            event_json = event.to_json()
            for subscription in self._index.matching(event):
                subscription.subscriber.deliver(subscription, row, event_json)
                reached.add(subscription.subscriber)
        await asyncio.gather(
            *(self._wait_for(client) for client in reached if client.outbox.is_full)
        )

    async def _wait_for(self, client: Client) -> None:
        """No event is dropped for a subscriber that reads; one that does not is hung up on."""
        try:
            async with asyncio.timeout(STALLED_S):
                await client.outbox.has_room()
        except TimeoutError:
            _log.warning("hung up on a client that did not read its live events")
            client.hang_up()

    async def purge(self) -> None:
        """Remove what has expired, for ever."""
        loop = asyncio.get_running_loop()
        while True:
            try:
                removed = await loop.run_in_executor(
                    self._writing, self._writer.purge, int(time.time())
                )
            except StorageError:
                _log.exception("expired events could not be removed")
                removed = 0
            if not removed:
                await asyncio.sleep(PURGE_INTERVAL_S)


def _url(host: str, port: int) -> str:
    return f"ws://[{host}]:{port}" if ":" in host else f"ws://{host}:{port}"
