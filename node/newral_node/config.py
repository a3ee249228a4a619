"""How a node is configured."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from newral_node.settings import Settings
from newral_spec import limits
from newral_spec.keys import SecretKey, is_public_key
from newral_spec.messages import KernelOffer

MEMORY_BYTES_DEFAULT: Final = 1024**3

LOOPBACK_HOSTS: Final = ("127.0.0.1", "::1", "localhost")


def _cores() -> int:
    return min(os.cpu_count() or 1, limits.LEASES_MAX - 1)


@dataclass(frozen=True, kw_only=True)
class NodeConfig:
    """One node. Two nodes need two directories, and should have two keys."""

    directory: Path
    """Holds the store, the scratch directory of the workers and the control file."""
    secret: SecretKey
    coordinator: str
    """Its public key in hexadecimal: whose offers the node takes."""
    relays: tuple[str, ...]
    cores: int = field(default_factory=_cores)
    """Units computed at once."""
    memory_bytes: int = MEMORY_BYTES_DEFAULT
    """Memory that one unit may use."""
    buffer: int = 1
    """Units held ready beyond those being computed."""
    page_host: str = "127.0.0.1"
    page_port: int | None = 0
    """The local page's port: 0 takes a free one, None serves no page."""

    def __post_init__(self) -> None:
        """Raises `ValueError`, naming what is wrong."""
        if not is_public_key(self.coordinator):
            raise ValueError("coordinator is a public key: 64 lower-case hexadecimal digits")
        if not self.relays:
            raise ValueError("a node needs at least one relay")
        if self.page_host not in LOOPBACK_HOSTS:
            raise ValueError(
                f"page_host is one of {', '.join(LOOPBACK_HOSTS)}: the page is private"
            )
        self.settings(())

    def settings(self, kernels: tuple[KernelOffer, ...]) -> Settings:
        """The part that the core needs. Raises `ValueError`."""
        return Settings(
            cores=self.cores, memory_bytes=self.memory_bytes, buffer=self.buffer, kernels=kernels
        )
