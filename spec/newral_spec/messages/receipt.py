"""Receipts (kind 3991) and checkpoints (kind 3992): the coordinator's signed word."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from newral_spec import limits
from newral_spec.event import Draft, Event
from newral_spec.kinds import Kind
from newral_spec.messages.fields import (
    Count,
    Hex32,
    InvalidMessage,
    Microcredits,
    Reason,
    decode_content,
    encode_content,
    hex_tag,
    require_kind,
)

Outcome = Literal["accepted", "owed", "rejected", "refused"]


class Verdict(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What became of one result, with the reveal of its commitment.

    `accepted`: it is, or agrees with, the unit's accepted result. `owed`: committed before the job
    ended without needing it; paid, but never part of the answer. `rejected`: found wrong.
    `refused`: not considered (late, foreign, malformed). `position` is the index of the verdict
    in the log.
    """

    lease: Hex32
    unit: Hex32
    job: Hex32
    outcome: Outcome
    reason: Reason
    credits: Microcredits
    commitment: Hex32
    nonce: Hex32
    result_sha256: Hex32
    position: Count


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """Verdicts on one provider's results."""

    provider: Hex32
    verdicts: tuple[Verdict, ...]


class ReceiptContent(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The content of a receipt."""

    verdicts: Annotated[
        tuple[Verdict, ...], msgspec.Meta(min_length=1, max_length=limits.VERDICTS_MAX)
    ]


class Checkpoint(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The log's size and RFC 6962 root, and the event id of the checkpoint before."""

    size: Count
    root: Hex32
    previous: Hex32 | None = None


def encode_receipt(receipt: Receipt) -> Draft:
    """Public, addressed to the provider."""
    return Draft(
        kind=Kind.RECEIPT,
        tags=(("p", receipt.provider),),
        content=encode_content(ReceiptContent(verdicts=receipt.verdicts)),
    )


def decode_receipt(event: Event) -> Receipt:
    """Parse a verified event. Raises `InvalidMessage`."""
    require_kind(event, Kind.RECEIPT)
    content = decode_content(event.content, ReceiptContent)
    return Receipt(provider=hex_tag(event, "p"), verdicts=content.verdicts)


def encode_checkpoint(checkpoint: Checkpoint) -> Draft:
    """Public."""
    return Draft(
        kind=Kind.CHECKPOINT,
        tags=(("size", str(checkpoint.size)),),
        content=encode_content(checkpoint),
    )


def decode_checkpoint(event: Event) -> Checkpoint:
    """Parse a verified event. Raises `InvalidMessage`; `size` when tag and content differ."""
    require_kind(event, Kind.CHECKPOINT)
    checkpoint = decode_content(event.content, Checkpoint)
    if event.first("size") != str(checkpoint.size):
        raise InvalidMessage("size", "tag 'size' must repeat the content's size")
    return checkpoint
