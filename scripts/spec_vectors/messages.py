"""Vectors of messages: a signed event, and what it says or why it is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from newral_spec.event import Draft, Tag
from newral_spec.messages import InvalidMessage
from newral_spec.sealing import unseal
from spec_vectors.cast import TestKey, encryption, sealed, signed
from spec_vectors.files import Files


class Messages:
    """The vectors of one message, all by the same author."""

    def __init__(
        self,
        name: str,
        decode: Callable[..., Any],
        author: TestKey,
        recipient: TestKey,
        *,
        is_sealed: bool = False,
    ) -> None:
        """`recipient` is the one to whom encrypted content is encrypted."""
        self.files: Files = {}
        self._name = name
        self._decode = decode
        self._author = author
        self._recipient = recipient
        self._is_sealed = is_sealed

    def valid(
        self, case: str, about: str, draft: Draft, *, round_trip: bool = True, **changes: Any
    ) -> None:
        """An event that the codec reads. `round_trip`: its encoder makes the same draft."""
        vector, arguments = self._event(f"{self._name} {case}", about, draft, **changes)
        expected = msgspec.to_builtins(self._decode(*arguments))
        name = f"valid.{case}" if case else "valid"
        self.files[f"{self._name}/{name}.json"] = {
            **vector,
            "round_trip": round_trip,
            "expected": expected,
        }

    def invalid(self, code: str, case: str, about: str, draft: Draft, **changes: Any) -> None:
        """An event that is refused with `code`."""
        vector, _ = self._event(f"{self._name} {code} {case}", about, draft, **changes)
        name = f"invalid.{code}.{case}" if case else f"invalid.{code}"
        self.files[f"{self._name}/{name}.json"] = {**vector, "error": code}

    def _event(
        self,
        label: str,
        about: str,
        draft: Draft,
        *,
        seal: bool | None = None,
        recipient: TestKey | None = None,
    ) -> tuple[dict[str, Any], list[Any]]:
        is_sealed = self._is_sealed if seal is None else seal
        to = recipient or self._recipient
        people = (self._author, self._recipient, *([to] if is_sealed else []))
        plaintext = draft.content
        event = signed(sealed(draft, self._author, to, label) if is_sealed else draft, self._author)
        vector: dict[str, Any] = {
            "about": about,
            "message": self._name,
            "keys": {person.name: person.to_json() for person in people},
            "event": msgspec.to_builtins(event),
        }
        if not is_sealed:
            if self._is_sealed:
                vector["reader"] = self._recipient.name
            return vector, [event]
        vector["reader"] = self._recipient.name
        vector["encryption"] = encryption(self._author, to, label)
        vector["plaintext"] = plaintext
        try:
            return vector, [event, unseal(event, self._recipient)]
        except InvalidMessage:
            return vector, [event]


def with_tag(draft: Draft, name: str, *values: str) -> Draft:
    """The draft with this tag in the place of all of that name, or at the end."""
    tag: Tag = (name, *values)
    names = [item[0] for item in draft.tags]
    kept = [item for item in draft.tags if item[0] != name]
    kept.insert(names.index(name) if name in names else len(kept), tag)
    return msgspec.structs.replace(draft, tags=tuple(kept))


def without_tag(draft: Draft, name: str) -> Draft:
    """The draft without the tags of that name."""
    tags = tuple(item for item in draft.tags if item[0] != name)
    return msgspec.structs.replace(draft, tags=tags)


def with_content(draft: Draft, content: str) -> Draft:
    """The draft with another content."""
    return msgspec.structs.replace(draft, content=content)


def with_kind(draft: Draft, kind: int) -> Draft:
    """The draft as another kind."""
    return msgspec.structs.replace(draft, kind=kind)


def edited(draft: Draft, **members: Any) -> Draft:
    """The draft with members of its JSON content set, or removed where None."""
    content = msgspec.json.decode(draft.content)
    content |= members
    kept = {name: value for name, value in content.items() if value is not None}
    return with_content(draft, msgspec.json.encode(kept, order="sorted").decode())


def collect(*groups: Messages) -> Files:
    """All files of several messages."""
    return {path: content for group in groups for path, content in group.files.items()}


__all__ = [
    "Messages",
    "collect",
    "edited",
    "with_content",
    "with_kind",
    "with_tag",
    "without_tag",
]
