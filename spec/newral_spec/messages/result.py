"""Job results (kind 6990): the answer, or the hash that names it."""

from __future__ import annotations

from typing import Annotated, Final

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
    Url,
    decimal_tag,
    decode_content,
    encode_content,
    hex_tag,
    require_kind,
    tags_of,
)

SEALED_BLOB: Final = "blob"
"""Value of the tag `encrypted` when the content names a blob instead of holding the output."""


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


class SealedBlob(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The content of an encrypted result whose output is a blob."""

    blob: BlobRef
    urls: Annotated[tuple[Url, ...], msgspec.Meta(min_length=1, max_length=16)]


def encode_result(result: JobResult) -> Draft:
    """Tags as NIP-90 wants them. With `encrypted`, seal the draft next."""
    common = (("e", result.request), ("p", result.requester))
    numbers = (("cost", str(result.cost)), ("log", str(result.log_size)))
    if result.encrypted:
        return _encode_encrypted(result, (*common, *numbers))
    tags: tuple[Tag, ...] = (
        *common,
        ("x", result.blob.sha256),
        ("size", str(result.blob.size)),
        *result.inputs,
        *(("url", url) for url in result.urls),
        *tags_of({"request": result.request_event}),
        *numbers,
    )
    return Draft(kind=Kind.JOB_RESULT, tags=tags, content=result.output)


def _encode_encrypted(result: JobResult, tags: tuple[Tag, ...]) -> Draft:
    """Nothing in public that names the output: whoever knows a blob's hash may fetch it."""
    if result.output:
        return Draft(kind=Kind.JOB_RESULT, tags=(*tags, ("encrypted",)), content=result.output)
    content = encode_content(SealedBlob(result.blob, result.urls))
    return Draft(kind=Kind.JOB_RESULT, tags=(*tags, ("encrypted", SEALED_BLOB)), content=content)


def decode_result(event: Event, plaintext: str | None = None) -> JobResult:
    """Parse a verified event and check an inline output against its hash.

    Raises `InvalidMessage`; code `output` when the output is not the one that `x` names.
    """
    require_kind(event, Kind.JOB_RESULT)
    encryption = next((tag for tag in event.tags if tag[0] == "encrypted"), None)
    fields: dict[str, object] = {
        "request": hex_tag(event, "e"),
        "requester": hex_tag(event, "p"),
        "cost": decimal_tag(event, "cost") or 0,
        "log_size": decimal_tag(event, "log") or 0,
        "encrypted": encryption is not None,
    }
    if encryption is None:
        fields |= _public_fields(event)
    elif plaintext is None:
        raise InvalidMessage("encrypted", "the content is encrypted to somebody else")
    else:
        fields |= _sealed_fields(plaintext, is_blob=encryption[1:2] == (SEALED_BLOB,))
    try:
        result = msgspec.convert(fields, JobResult)
    except msgspec.ValidationError as error:
        raise InvalidMessage("result", f"not a job result: {error}") from error
    if result.output:
        _check_output(result)
    return result


def _public_fields(event: Event) -> dict[str, object]:
    return {
        "blob": {"sha256": hex_tag(event, "x"), "size": decimal_tag(event, "size") or 0},
        "output": event.content,
        "urls": event.values("url"),
        "request_event": event.first("request"),
        "inputs": tuple(tag for tag in event.tags if tag[0] == "i"),
    }


def _sealed_fields(plaintext: str, *, is_blob: bool) -> dict[str, object]:
    if is_blob:
        sealed = decode_content(plaintext, SealedBlob)
        return {"blob": msgspec.to_builtins(sealed.blob), "urls": sealed.urls}
    raw = plaintext.encode()
    return {"blob": {"sha256": sha256_hex(raw), "size": len(raw)}, "output": plaintext}


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
