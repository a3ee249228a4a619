"""A relay, a coordinator and nodes as supervised processes of this machine."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from newral.errors import first_error
from newral.market.children import Arguments, Child
from newral.market.directory import MarketDirectory
from newral_spec.keys import SecretKey
from newral_spec.nips.nip19 import encode_npub


@dataclass(frozen=True, kw_only=True)
class Addresses:
    """Where the market is."""

    relay: str
    coordinator: str
    """Public key in hexadecimal."""
    http: str
    """The coordinator's blobs, trail and page."""
    pages: tuple[str, ...]
    """Each node's own page."""

    def to_json(self) -> dict[str, Any]:
        """For programs."""
        return {
            "relay": self.relay,
            "coordinator": encode_npub(self.coordinator),
            "pubkey": self.coordinator,
            "http": self.http,
            "pages": list(self.pages),
        }


class EmbeddedMarket:
    """Runs from `async with` on until its end; what it has is kept in its folder.

    Processes that die are restarted at the same addresses.
    """

    def __init__(self, directory: Path, *, nodes: int, cores: int) -> None:
        """`cores` is how many units each node computes at once.

        Raises `DirectoryInUse` and `InvalidDirectory`.
        """
        self._directory = MarketDirectory(directory)
        self._nodes = nodes
        self._cores = cores
        self._children: list[Child] = []
        self._said: dict[str, Mapping[str, Any]] = {}

    @property
    def requester(self) -> SecretKey:
        """A key to post jobs with."""
        return self._directory.key("requester")

    @property
    def requester_key_file(self) -> Path:
        """Where that key is kept."""
        return self._directory.key_file("requester")

    @property
    def node_keys(self) -> dict[str, str]:
        """Each node's name by its public key."""
        return {self._directory.key(name).public_key: name for name in self._node_names()}

    @property
    def children(self) -> tuple[Child, ...]:
        """The supervised processes, in the order of their start."""
        return tuple(self._children)

    @property
    def addresses(self) -> Addresses:
        """Where everything is, once started."""
        return Addresses(
            relay=self._said["relay"]["url"],
            coordinator=self._said["coordinator"]["pubkey"],
            http=self._said["coordinator"]["url"],
            pages=tuple(self._said[name]["page"] for name in self._node_names()),
        )

    async def __aenter__(self) -> Self:
        try:
            await self._start()
        except BaseException:
            await self._stop()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._stop()

    async def _start(self) -> None:
        """Each waits for the one before: what a node asks while nobody listens is lost."""
        _ = self.requester
        remembered = self._directory.remembered()
        self._said = dict(remembered)
        await self._start_child("relay", self._relay_arguments, remembered)
        await self._start_child("coordinator", self._coordinator_arguments, remembered)
        try:
            async with asyncio.TaskGroup() as group:
                for name in self._node_names():
                    start = self._start_child(name, self._node_arguments(name), remembered)
                    group.create_task(start)
        except ExceptionGroup as failures:
            raise first_error(failures) from None
        self._directory.remember(self._said)

    async def _stop(self) -> None:
        """Nodes first, which still hand over results; the relay last."""
        by_age = list(reversed(self._children))
        nodes = [child for child in by_age if child.name.startswith("node-")]
        await asyncio.gather(*(child.stop() for child in nodes))
        for child in by_age:
            if child not in nodes:
                await child.stop()
        self._directory.close()

    async def _start_child(
        self, name: str, arguments: Arguments, remembered: Mapping[str, Mapping[str, Any]]
    ) -> None:
        path = self._directory.path
        child = Child(name, arguments, self._directory.log_file(name), directory=path)
        self._children.append(child)
        self._said[name] = await child.start(remembered.get(name))

    def _node_names(self) -> list[str]:
        return [f"node-{number}" for number in range(1, self._nodes + 1)]

    def _relay_arguments(self, last: Mapping[str, Any] | None) -> list[str]:
        directory = self._directory.path / "relay"
        return [
            *_words("relay serve --json --port", _port(last, "url")),
            f"--directory={directory}",
        ]

    def _coordinator_arguments(self, last: Mapping[str, Any] | None) -> list[str]:
        self._directory.key("coordinator")
        return [
            *_words("coordinator run --json --port", _port(last, "url")),
            f"--directory={self._directory.path / 'coordinator'}",
            f"--key-file={self._directory.key_file('coordinator')}",
            f"--relay={self._said['relay']['url']}",
        ]

    def _node_arguments(self, name: str) -> Arguments:
        def arguments(last: Mapping[str, Any] | None) -> list[str]:
            self._directory.key(name)
            number = name.removeprefix("node-")
            return [
                *_words("node run --json --page-port", _port(last, "page")),
                f"--directory={self._directory.path / 'nodes' / number}",
                f"--key-file={self._directory.key_file(name)}",
                f"--relay={self._said['relay']['url']}",
                f"--coordinator={self._directory.key('coordinator').public_key}",
                f"--cores={self._cores}",
            ]

        return arguments


def _words(text: str, last: int) -> list[str]:
    return [*text.split(), str(last)]


def _port(said: Mapping[str, Any] | None, name: str) -> int:
    """The port that a process had before; 0, any that is free, the first time."""
    return 0 if said is None else urlsplit(str(said[name])).port or 0
