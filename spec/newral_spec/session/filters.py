"""NIP-01 filters: strict parsing, matching and serialisation."""

from __future__ import annotations

import string
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

from newral_spec import keys, limits
from newral_spec.event import CREATED_AT_MAX, KIND_MAX, Event

FILTER_TAGS_MAX: Final = 8
"""Different tag letters in one filter; strfry's default is 3, nobody needs 8."""

LIMIT_MAX: Final = 2**31 - 1
"""Larger than any relay serves, and small enough for any database."""

_TAG_KEYS: Final = frozenset(f"#{letter}" for letter in string.ascii_letters)


class InvalidFilter(ValueError):
    """The filter is not one that NIP-01 and our limits allow."""


@dataclass(frozen=True, kw_only=True)
class Filter:
    """What a subscription asks for. `None` does not restrict; an empty tuple matches nothing."""

    ids: tuple[str, ...] | None = None
    authors: tuple[str, ...] | None = None
    kinds: tuple[int, ...] | None = None
    tags: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Single letter, without `#`, to the values of which one must be present."""
    since: int | None = None
    until: int | None = None
    limit: int | None = None
    """Bounds what is returned of the stored events; `matches` ignores it."""

    def matches(self, event: Event) -> bool:
        """Whether a relay may send this event for this filter."""
        if self._kinds is not None and event.kind not in self._kinds:
            return False
        if self._authors is not None and event.pubkey not in self._authors:
            return False
        if self._ids is not None and event.id not in self._ids:
            return False
        if self.since is not None and event.created_at < self.since:
            return False
        if self.until is not None and event.created_at > self.until:
            return False
        return all(
            any(len(tag) > 1 and tag[0] == letter and tag[1] in values for tag in event.tags)
            for letter, values in self._tags.items()
        )

    def to_dict(self) -> dict[str, Any]:
        """The filter as the JSON object that travels."""
        members: dict[str, Any] = {
            "ids": self.ids,
            "authors": self.authors,
            "kinds": self.kinds,
            "since": self.since,
            "until": self.until,
            "limit": self.limit,
        }
        members |= {f"#{letter}": values for letter, values in self.tags.items()}
        return {name: value for name, value in members.items() if value is not None}

    # Sets make matching independent of how many values a list has: it runs once for each live
    # event and subscription.
    @cached_property
    def _kinds(self) -> frozenset[int] | None:
        return None if self.kinds is None else frozenset(self.kinds)

    @cached_property
    def _authors(self) -> frozenset[str] | None:
        return None if self.authors is None else frozenset(self.authors)

    @cached_property
    def _ids(self) -> frozenset[str] | None:
        return None if self.ids is None else frozenset(self.ids)

    @cached_property
    def _tags(self) -> dict[str, frozenset[str]]:
        return {letter: frozenset(values) for letter, values in self.tags.items()}


def parse_filter(value: object) -> Filter:
    """Check a decoded JSON value. Raises `InvalidFilter`.

    An unknown member is refused: ignoring a restriction would return what was not asked for.
    """
    if not isinstance(value, dict):
        raise InvalidFilter("a filter is a JSON object")
    tags: dict[str, tuple[str, ...]] = {}
    members: dict[str, Any] = {}
    for name, member in value.items():
        if name in ("ids", "authors"):
            members[name] = _hex_values(name, member)
        elif name == "kinds":
            members[name] = _kinds(member)
        elif name in ("since", "until"):
            members[name] = _integer(name, member, CREATED_AT_MAX)
        elif name == "limit":
            members[name] = _integer(name, member, LIMIT_MAX)
        elif name in _TAG_KEYS:
            tags[name[1]] = _strings(name, member)
        else:
            raise InvalidFilter(f"unknown filter member {str(name)[:32]!r}")
    if len(tags) > FILTER_TAGS_MAX:
        raise InvalidFilter(f"a filter names at most {FILTER_TAGS_MAX} tags")
    return Filter(tags=tags, **members)


def _values(name: str, value: object) -> list[object]:
    if not isinstance(value, list):
        raise InvalidFilter(f"{name} is a list")
    if len(value) > limits.FILTER_VALUES_MAX:
        raise InvalidFilter(f"{name} has at most {limits.FILTER_VALUES_MAX} values")
    return value


def _strings(name: str, value: object) -> tuple[str, ...]:
    texts = tuple(item for item in _values(name, value) if isinstance(item, str))
    if len(texts) != len(_values(name, value)):
        raise InvalidFilter(f"{name} is a list of strings")
    if any(len(text.encode()) > limits.INDEXED_TAG_VALUE_BYTES_MAX for text in texts):
        raise InvalidFilter(
            f"a value of {name} has at most {limits.INDEXED_TAG_VALUE_BYTES_MAX} bytes"
        )
    return texts


def _hex_values(name: str, value: object) -> tuple[str, ...]:
    texts = _strings(name, value)
    if not all(keys.is_hex32(text) for text in texts):
        raise InvalidFilter(f"{name} are 64 lower-case hexadecimal digits each")
    return texts


def _kinds(value: object) -> tuple[int, ...]:
    return tuple(_integer("kinds", item, KIND_MAX) for item in _values("kinds", value))


def _integer(name: str, value: object, maximum: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= maximum:
        raise InvalidFilter(f"{name} is an integer between 0 and {maximum}")
    return int(value)
