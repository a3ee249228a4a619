"""Job requests (kinds 5990 and 5999): the native form and the NIP-90 form."""

from __future__ import annotations

import re
from typing import Annotated, Final, Literal

import msgspec

from newral_spec import limits
from newral_spec.event import Draft, Event, Tag
from newral_spec.keys import is_hex32
from newral_spec.kinds import Kind
from newral_spec.messages.fields import (
    InvalidMessage,
    Json,
    Name,
    UnixSeconds,
    Version,
    decimal_tag,
    decode_content,
    encode_content,
    parse_decimal,
    require_kind,
)
from newral_spec.messages.workflow import Stage, check_workflow

EncryptedTags = tuple[Annotated[Tag, msgspec.Meta(min_length=1)], ...]
"""What NIP-90 puts into encrypted content: tags, each with a name at least."""

Epsilon = Annotated[float, msgspec.Meta(ge=limits.EPSILON_MIN, le=limits.EPSILON_MAX)]

JOB_KINDS: Final = (Kind.JOB_REQUEST, Kind.JOB_REQUEST_ALTERNATIVE)
CREDITS_UNIT: Final = "credits"
MICROCREDITS_PER_CREDIT: Final = 1_000_000
COMMAND_CHARS_MAX: Final = 4096
_RELAY: Final = re.compile(r"wss?://[!-~]+")
SINGLE_STAGE: Final = "job"
"""The id of the only stage of a job that names one kernel."""


class JobRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What a requester asks for, whatever form it came in.

    Exactly one of `workflow` and `command` is set: a command is the short form in plain words,
    such as `carmichael 10^9`, which whoever knows the kernels resolves.
    """

    workflow: tuple[Stage, ...] = ()
    command: str | None = None
    coordinator: str | None = None
    bid: int | None = None
    """The most the requester pays in all, in micro-credits."""
    epsilon: float = limits.EPSILON_DEFAULT
    deadline: int | None = None
    """Unix seconds after which the requester no longer wants the answer."""
    relays: tuple[str, ...] = ()
    inputs: tuple[Tag, ...] = ()
    """NIP-90 `i` tags as they came: the result repeats them."""
    encrypted: bool = False
    form: Literal["native", "nip90", "note", "message"] = "native"


class JobContent(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True
):
    """The JSON in `content` of the native form: one kernel, or a workflow."""

    kernel: Name | None = None
    version: Version | None = None
    params: Json | None = None
    workflow: tuple[Stage, ...] | None = None
    epsilon: Epsilon | None = None
    deadline: UnixSeconds | None = None


def encode_job_request(job: JobRequest) -> Draft:
    """The native form. With `encrypted` the content is still plaintext: seal the draft next."""
    check_workflow(job.workflow)
    content = JobContent(workflow=job.workflow, epsilon=job.epsilon, deadline=job.deadline)
    tags: list[Tag] = []
    if job.coordinator is not None:
        tags.append(("p", job.coordinator))
    if job.bid is not None:
        tags.append(("bid", _credits_text(job.bid), CREDITS_UNIT))
    if job.relays:
        tags.append(("relays", *job.relays))
    if job.deadline is not None:
        tags.append(("expiration", str(job.deadline)))
    if job.encrypted:
        tags.append(("encrypted",))
    tags.append(("output", "application/json"))
    return Draft(kind=Kind.JOB_REQUEST, tags=tuple(tags), content=encode_content(content))


def decode_job_request(event: Event, plaintext: str | None = None) -> JobRequest:
    """Parse a verified event. `plaintext` is the decrypted content where it was encrypted.

    Raises `InvalidMessage`. Codes beside those of `check_workflow`: `kind`, `encrypted`,
    `content`, `missing_kernel`, `kernel_and_workflow`, `bad_bid`, `bad_p`, `bad_expiration`,
    `relays`, `param`.
    """
    require_kind(event, *JOB_KINDS)
    encrypted = any(tag[0] == "encrypted" for tag in event.tags)
    if encrypted and plaintext is None:
        raise InvalidMessage("encrypted", "the content is encrypted to somebody else")
    content = plaintext if plaintext is not None else event.content
    tags = event.tags
    if content.lstrip().startswith("["):
        # NIP-90 encrypts the `i` and `param` tags as one JSON array in the content.
        tags, content = (*tags, *decode_content(content, EncryptedTags)), ""
    head = _decode_head(event, tags, encrypted=encrypted)
    if content.lstrip().startswith("{"):
        return _decode_native(content, head)
    return _decode_nip90(tags, content, head)


def _decode_head(event: Event, tags: tuple[Tag, ...], *, encrypted: bool) -> JobRequest:
    coordinator = event.first("p")
    if coordinator is not None and not is_hex32(coordinator):
        raise InvalidMessage("bad_p", "tag 'p' must be the coordinator's public key")
    relays = next((tag[1:] for tag in tags if tag[0] == "relays"), ())
    if len(relays) > limits.JOB_RELAYS_MAX or not all(
        _RELAY.fullmatch(relay) and len(relay) <= 512 for relay in relays
    ):
        raise InvalidMessage(
            "relays", f"tag 'relays' has at most {limits.JOB_RELAYS_MAX} ws:// or wss:// URLs"
        )
    return JobRequest(
        coordinator=coordinator,
        bid=_decode_bid(event),
        deadline=decimal_tag(event, "expiration"),
        relays=relays,
        inputs=tuple(tag for tag in tags if tag[0] == "i"),
        encrypted=encrypted,
    )


def _decode_native(content: str, head: JobRequest) -> JobRequest:
    body = decode_content(content, JobContent)
    if body.workflow is not None:
        if body.kernel is not None or body.version is not None or body.params is not None:
            raise InvalidMessage("kernel_and_workflow", "name one kernel or a workflow, not both")
        workflow = body.workflow
    elif body.kernel is not None:
        stage = Stage(
            id=SINGLE_STAGE, kernel=body.kernel, version=body.version, params=body.params or {}
        )
        workflow = (stage,)
    else:
        raise InvalidMessage("missing_kernel", "content must name a kernel or a workflow")
    check_workflow(workflow)
    deadlines = [at for at in (body.deadline, head.deadline) if at is not None]
    return msgspec.structs.replace(
        head,
        workflow=workflow,
        epsilon=limits.EPSILON_DEFAULT if body.epsilon is None else body.epsilon,
        deadline=min(deadlines, default=None),
        form="native",
    )


def _decode_nip90(tags: tuple[Tag, ...], content: str, head: JobRequest) -> JobRequest:
    params: dict[str, str] = {}
    for tag in tags:
        if tag[0] == "param":
            if len(tag) < 3 or tag[1] in params:
                raise InvalidMessage("param", "a 'param' tag is a name, given once, and a value")
            params[tag[1]] = tag[2]
    kernel = params.pop("kernel", None)
    if kernel is not None:
        stage = (
            msgspec.convert(
                {"id": SINGLE_STAGE, "kernel": kernel, "params": params}, Stage, strict=True
            )
            if _is_name(kernel)
            else None
        )
        if stage is None:
            raise InvalidMessage("missing_kernel", "param 'kernel' is not a kernel's name")
        check_workflow((stage,))
        return msgspec.structs.replace(head, workflow=(stage,), form="nip90")
    words = [tag[1] for tag in tags if tag[0] == "i" and len(tag) > 1] or [content]
    return msgspec.structs.replace(
        head, command=command_text(" ".join(words), params), form="nip90"
    )


def _is_name(text: str) -> bool:
    try:
        msgspec.convert(text, Name)
    except msgspec.ValidationError:
        return False
    return True


def command_text(text: str, params: dict[str, str] | None = None) -> str:
    """Plain words as a command. Raises `InvalidMessage` with code `missing_kernel` or `size`."""
    words = [*text.split(), *(f"{name}={value}" for name, value in (params or {}).items())]
    command = " ".join(words)
    if not text.strip():
        raise InvalidMessage("missing_kernel", "say what to compute: a kernel and its parameters")
    if len(command) > COMMAND_CHARS_MAX:
        raise InvalidMessage("size", f"a command has at most {COMMAND_CHARS_MAX} characters")
    return command


def _decode_bid(event: Event) -> int | None:
    """The bid in micro-credits. NIP-90 bids are millisatoshi: without a mark they bind nobody."""
    tag = next((tag for tag in event.tags if tag[0] == "bid"), None)
    if tag is None:
        return None
    if len(tag) < 2:
        raise InvalidMessage("bad_bid", "tag 'bid' needs an amount")
    if len(tag) < 3 or tag[2] != CREDITS_UNIT:
        parse_decimal(tag[1], "bid")
        return None
    return parse_credits(tag[1])


def parse_credits(text: str) -> int:
    """Credits with up to six decimals as micro-credits. Raises `InvalidMessage` (`bad_bid`)."""
    whole, _, fraction = text.partition(".")
    if len(fraction) > 6 or not (fraction or "0").isascii() or not (fraction or "0").isdigit():
        raise InvalidMessage("bad_bid", "a bid is a positive number with at most six decimals")
    amount = parse_decimal(whole, "bid") * MICROCREDITS_PER_CREDIT + int(fraction.ljust(6, "0"))
    if not 0 < amount <= limits.BID_MICROCREDITS_MAX:
        most = limits.BID_MICROCREDITS_MAX // MICROCREDITS_PER_CREDIT
        raise InvalidMessage("bad_bid", f"a bid is above 0 and at most {most} credits")
    return amount


def _credits_text(amount: int) -> str:
    whole, fraction = divmod(amount, MICROCREDITS_PER_CREDIT)
    return f"{whole}.{fraction:06d}".rstrip("0").rstrip(".")
