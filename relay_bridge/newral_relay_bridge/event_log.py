"""The event log: ordered, durable topics between the bridge and the coordinator.

The log is transport, not truth. It keeps what was appended, in one order for each topic, and may
deliver a record again: a consumer keeps its offset in the transaction that holds the record's
effects. Implementations: `postgres_log`. What is promised here is what Kafka can keep as well.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

BEFORE_FIRST: Final = -1
"""The offset to read after, for a consumer that has seen nothing: the first record has offset 0."""

VALUE_BYTES_MAX: Final = 1_000_000
"""Of one record: below Kafka's default `message.max.bytes`, well above a signed event."""

KEY_CHARS_MAX: Final = 256
"""Of a key or an idempotency key; both are indexed or partitioned by."""

ENTRIES_MAX: Final = 10_000
"""Entries of one append."""

READ_BYTES_MAX: Final = 16 << 20
"""Values that one read returns, give or take the last record."""

_TOPIC: Final = re.compile(r"[a-z][a-z0-9_.-]{0,99}")


class EventLogClosed(RuntimeError):
    """The log was used after `close`."""


class EventLogUnavailable(Exception):
    """The log could not be reached for a long time; what was asked may or may not have happened."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What is appended. Entries of one `key` keep their order even where a topic is partitioned.

    An `idempotency_key` names the thing that the entry is about, within its topic: it is appended
    once, whoever appends it, however often.
    """

    key: str
    value: bytes
    idempotency_key: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What is read. `offset` orders a topic; `appended_at`, in Unix seconds, orders nothing."""

    topic: str
    offset: int
    key: str
    value: bytes
    appended_at: float


class EventLog(Protocol):
    """Topics of records. Every method may raise `EventLogUnavailable`."""

    async def append(self, topic: str, entries: Sequence[Entry]) -> list[int | None]:
        """Append in order, durably; the offset of each entry.

        None stands for an entry whose idempotency key the topic has seen. An implementation that
        cannot know may append it again: consumers are idempotent. A call that fails may have
        appended a part; with idempotency keys it is safe to repeat. Raises `ValueError` for what
        `check_entries` refuses, before anything is appended.
        """

    async def read(self, topic: str, after: int, limit: int) -> list[Record]:
        """Up to `limit` records with offsets greater than `after`, in order; fewer if large.

        No record appears later below an offset that has been read.
        """

    async def wait(self, topic: str, after: int, timeout_s: float) -> None:
        """Return when there may be a record after `after`, or when the time is over."""

    async def close(self) -> None:
        """Finish the appends under way, and disconnect; other calls raise `EventLogClosed`."""


def check_topic(topic: str) -> None:
    """Raise `ValueError` unless this is the name of a topic."""
    if not _TOPIC.fullmatch(topic):
        raise ValueError(f"a topic matches {_TOPIC.pattern}, unlike {topic[:120]!r}")


def check_entries(entries: Sequence[Entry]) -> None:
    """Raise `ValueError` unless every implementation can append these."""
    if len(entries) > ENTRIES_MAX:
        raise ValueError(f"at most {ENTRIES_MAX} entries are appended at once, not {len(entries)}")
    for entry in entries:
        if len(entry.value) > VALUE_BYTES_MAX:
            raise ValueError(f"a value has at most {VALUE_BYTES_MAX} bytes, not {len(entry.value)}")
        _check_key(entry.key)
        if entry.idempotency_key is not None:
            _check_key(entry.idempotency_key)


def _check_key(key: str) -> None:
    if len(key) > KEY_CHARS_MAX or not key.isprintable():
        raise ValueError(f"a key is printable and at most {KEY_CHARS_MAX} long: {key[:80]!r}")


__all__ = [
    "BEFORE_FIRST",
    "Entry",
    "EventLog",
    "EventLogClosed",
    "EventLogUnavailable",
    "Record",
    "check_entries",
    "check_topic",
]
