"""NIP-13: proof of work, by leading zero bits of an event's id."""

from __future__ import annotations

import re
from typing import Final

import msgspec

from newral_spec import event, keys

DIFFICULTY_MAX: Final = 256
"""Bits of an id."""

_NONCE: Final = "nonce"
_TARGET: Final = re.compile(r"[0-9]{1,3}")


class Nip13Error(ValueError):
    """The id has no difficulty, or no work was found."""


def difficulty(event_id: str) -> int:
    """Leading zero bits of an id, 64 hexadecimal digits: 0 to 256. Raises `Nip13Error`."""
    if not keys.is_hex32(event_id):
        raise Nip13Error("an event id is 64 lower-case hexadecimal digits")
    return DIFFICULTY_MAX - int(event_id, 16).bit_length()


def committed_target(tags: event.Tags) -> int | None:
    """The difficulty that the first `nonce` tag commits to, or None.

    Work counts only up to it: without it, somebody who mines many cheap events would now and
    then be lucky and pass for one who worked hard.
    """
    nonce = next((tag for tag in tags if tag and tag[0] == _NONCE), ())
    if len(nonce) < 3 or _TARGET.fullmatch(nonce[2]) is None:
        return None
    target = int(nonce[2])
    return target if target <= DIFFICULTY_MAX else None


def mine(
    draft: event.Draft, *, public_key: str, created_at: int, target: int, attempts_max: int
) -> event.Draft:
    """`draft` with a `nonce` tag, such that signed at `created_at` its id has `target` zero bits.

    Takes 2^`target` attempts on average, a few microseconds each. Raises `Nip13Error` when
    `attempts_max` were not enough.
    """
    if not 0 <= target <= DIFFICULTY_MAX:
        raise Nip13Error(f"a target is between 0 and {DIFFICULTY_MAX} bits, not {target}")
    others = tuple(tag for tag in draft.tags if not tag or tag[0] != _NONCE)
    threshold = 1 << (DIFFICULTY_MAX - target)
    for attempt in range(attempts_max):
        tags = (*others, (_NONCE, str(attempt), str(target)))
        digest = event.event_id(public_key, created_at, draft.kind, tags, draft.content)
        if int.from_bytes(digest) < threshold:
            return msgspec.structs.replace(draft, tags=tags)
    raise Nip13Error(f"no id with {target} leading zero bits in {attempts_max} attempts")
