"""The specification's test vectors, and the codec applied to them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from newral_spec import messages
from newral_spec.event import Draft, Event, parse_event, verify_event
from newral_spec.keys import SecretKey
from newral_spec.sealing import unseal

REPOSITORY = Path(__file__).parents[3]
SPEC = REPOSITORY / "spec"
VECTORS = SPEC / "newral_spec" / "vectors"
SCHEMAS = SPEC / "newral_spec" / "schemas"


class Codec(NamedTuple):
    """How one message is read and written. `always_sealed`: its content is never in the open."""

    decode: Callable[..., Any]
    encode: Callable[[Any, Event], Draft]
    type: type
    always_sealed: bool = False


def _recipient(event: Event) -> str:
    recipient = event.first("p")
    assert recipient is not None
    return recipient


CODECS: dict[str, Codec] = {
    "job_request": Codec(
        messages.decode_job_request,
        lambda message, _: messages.encode_job_request(message),
        messages.JobRequest,
    ),
    "feedback": Codec(
        messages.decode_feedback,
        lambda message, _: messages.encode_feedback(message),
        messages.Feedback,
    ),
    "job_result": Codec(
        messages.decode_result,
        lambda message, _: messages.encode_result(message),
        messages.JobResult,
    ),
    "announcement": Codec(
        messages.decode_announcement,
        lambda message, _: messages.encode_announcement(message),
        messages.Announcement,
    ),
    "work_request": Codec(
        messages.decode_work_request,
        lambda message, event: messages.encode_work_request(message, _recipient(event)),
        messages.WorkRequest,
        always_sealed=True,
    ),
    "lease": Codec(
        messages.decode_lease_offer,
        lambda message, event: messages.encode_lease_offer(message, _recipient(event)),
        messages.LeaseOffer,
        always_sealed=True,
    ),
    "sealed_results": Codec(
        messages.decode_sealed_results,
        lambda message, _: messages.encode_sealed_results(message),
        messages.SealedResults,
        always_sealed=True,
    ),
    "receipt": Codec(
        messages.decode_receipt,
        lambda message, _: messages.encode_receipt(message),
        messages.Receipt,
    ),
    "checkpoint": Codec(
        messages.decode_checkpoint,
        lambda message, _: messages.encode_checkpoint(message),
        messages.Checkpoint,
    ),
}


def load(path: str) -> Any:
    """One vector file's content; `path` is relative to the vectors' folder."""
    return json.loads((VECTORS / path).read_text(encoding="utf-8"))


def names(pattern: str) -> list[str]:
    """The vector files that match, relative to their folder."""
    return sorted(str(path.relative_to(VECTORS)) for path in VECTORS.glob(pattern))


def message_names(pattern: str, *, round_trip: bool = False) -> list[str]:
    """The vector files of messages that match; with `round_trip`, those that an encoder made."""
    found = [name for message in CODECS for name in names(f"{message}/{pattern}")]
    return [name for name in found if not round_trip or load(name)["round_trip"]]


def joined(vector: dict[str, Any]) -> str:
    """The text of an event's `raw_parts`."""
    return "".join(piece * count for piece, count in vector["raw_parts"])


def event_of(vector: dict[str, Any]) -> Event:
    """A message vector's event, verified."""
    event = parse_event(json.dumps(vector["event"]))
    verify_event(event)
    return event


def plaintext_of(vector: dict[str, Any], event: Event) -> str:
    """What the vector's reader finds in encrypted content. Raises `InvalidMessage`."""
    secret = vector["keys"][vector["reader"]]["secret_key"]
    return unseal(event, SecretKey.from_hex(secret))


def decode(vector: dict[str, Any]) -> Any:
    """The message in a vector. Raises `InvalidMessage`."""
    codec = CODECS[vector["message"]]
    event = event_of(vector)
    if codec.always_sealed or "encryption" in vector:
        return codec.decode(event, plaintext_of(vector, event))
    return codec.decode(event)


def encode(vector: dict[str, Any]) -> Draft:
    """The draft that the encoder makes of what a vector says; not encrypted."""
    codec = CODECS[vector["message"]]
    message = msgspec.convert(vector["expected"], codec.type)
    return codec.encode(message, event_of(vector))


def contents() -> Iterator[tuple[str, dict[str, Any], str]]:
    """Every message vector's name, itself, and its content in the open."""
    for name in message_names("*.json"):
        vector = load(name)
        yield name, vector, vector.get("plaintext", vector["event"]["content"])
