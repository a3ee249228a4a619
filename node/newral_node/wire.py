"""What the node and its worker processes say to each other: one JSON object a line."""

from __future__ import annotations

from typing import Final

import msgspec

REQUEST_LINE_BYTES_MAX: Final = 96 * 1024 * 1024
"""Parameters and a checkpoint of the largest sizes."""

CHECKPOINT_BYTES_MAX: Final = 32 * 1024 * 1024
"""A larger state is not kept: the unit starts from an older one then."""

REPLY_LINE_BYTES_MAX: Final = 64 * 1024 * 1024
"""A worker that writes a longer line is ended: the node reads lines whole."""


class Work(msgspec.Struct, frozen=True):
    """Node to worker: compute this unit."""

    lease: str
    kernel: str
    version: str
    identity: str
    memory_bytes: int
    """What the unit may take beyond what the interpreter has."""
    spec: msgspec.Raw
    checkpoint: msgspec.Raw = msgspec.Raw(b"null")
    """JSON null without one."""


class Reply(msgspec.Struct, frozen=True, tag_field="type"):
    """Worker to node, about one lease."""

    lease: str


class Progress(Reply, frozen=True, tag="progress"):
    """`fraction` is between 0 and 1."""

    fraction: float


class Checkpoint(Reply, frozen=True, tag="checkpoint"):
    """A state from which the unit can go on."""

    state: msgspec.Raw


class Suspended(Reply, frozen=True, tag="suspended"):
    """The worker ends now, as it was asked to; its last checkpoint came before."""


class Finished(Reply, frozen=True, tag="finished"):
    """The kernel's result."""

    result: msgspec.Raw
    cpu_ms: int
    wall_ms: int


class Failed(Reply, frozen=True, tag="failed"):
    """The kernel raised an error, which it would raise again."""

    reason: str


AnyReply = Progress | Checkpoint | Suspended | Finished | Failed
