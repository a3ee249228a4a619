"""Job results (kind 6990): the answer, or the hash that names it."""

from __future__ import annotations

from typing import Annotated

import msgspec

from newral_spec import limits
from newral_spec.canonical import NotCanonical, parse_json, sha256_hex
from newral_spec.event import Draft, Event, Tag
from newral_spec.kinds import Kind
from newral_spec.messages.fields import (
    BlobRef,
    Count,
    Hex32,
    InvalidMessage,
    Microcredits,
    decimal_tag,
    hex_tag,
    require_kind,
    tags_of,
)


class JobResult(msgspec.Struct, frozen=True, kw_only=True):
    """A completed job's output.

    `output` is canonical JSON when it fits into the event and empty otherwise; `blob` names it
    either way, so that what was fetched or received can be checked.
    """

    request: Hex32
    requester: Hex32
    blob: BlobRef
    output: str = ""
    urls: tuple[str, ...] = ()
    cost: Microcredits = 0
    """What the requester paid, in micro-credits."""
    log_size: Count = 0
    """Size of the log that holds every verdict of the job."""
    request_event: str | None = None
    """The job request as JSON, unless it was encrypted: NIP-90 clients rebuild the job from it."""
    inputs: tuple[Tag, ...] = ()
    encrypted: Annotated[bool, msgspec.Meta(description="the content is encrypted")] = False


def encode_result(result: JobResult) -> Draft:
    """Tags as NIP-90 wants them. With `encrypted`, seal the draft next."""
    tags: list[Tag] = [
        ("e", result.request),
        ("p", result.requester),
        ("x", result.blob.sha256),
        ("size", str(result.blob.size)),
        *result.inputs,
        *(("url", url) for url in result.urls),
        *tags_of(
            {
                "request": None if result.encrypted else result.request_event,
                "cost": str(result.cost),
                "log": str(result.log_size),
            }
        ),
    ]
    if result.encrypted:
        tags.append(("encrypted",))
    return Draft(kind=Kind.JOB_RESULT, tags=tuple(tags), content=result.output)


def decode_result(event: Event, plaintext: str | None = None) -> JobResult:
    """Parse a verified event and check an inline output against its hash.

    Raises `InvalidMessage`; code `output` when the output is not the one that `x` names.
    """
    require_kind(event, Kind.JOB_RESULT)
    encrypted = any(tag[0] == "encrypted" for tag in event.tags)
    if encrypted and plaintext is None:
        raise InvalidMessage("encrypted", "the content is encrypted to somebody else")
    output = plaintext if plaintext is not None else event.content
    fields = {
        "request": hex_tag(event, "e"),
        "requester": hex_tag(event, "p"),
        "blob": {"sha256": hex_tag(event, "x"), "size": decimal_tag(event, "size") or 0},
        "output": output,
        "urls": event.values("url"),
        "cost": decimal_tag(event, "cost") or 0,
        "log_size": decimal_tag(event, "log") or 0,
        "request_event": event.first("request"),
        "inputs": tuple(tag for tag in event.tags if tag[0] == "i"),
        "encrypted": encrypted,
    }
    try:
        result = msgspec.convert(fields, JobResult)
    except msgspec.ValidationError as error:
        raise InvalidMessage("result", f"not a job result: {error}") from error
    if output:
        _check_output(result)
    return result


def _check_output(result: JobResult) -> None:
    raw = result.output.encode()
    if len(raw) > limits.INLINE_OUTPUT_BYTES_MAX:
        raise InvalidMessage(
            "output", f"an inline output has at most {limits.INLINE_OUTPUT_BYTES_MAX} bytes"
        )
    if len(raw) != result.blob.size or sha256_hex(raw) != result.blob.sha256:
        raise InvalidMessage("output", "the output is not the one that tag 'x' names")
    try:
        parse_json(raw)
    except NotCanonical as error:
        raise InvalidMessage("output", f"the output: {error}") from error
