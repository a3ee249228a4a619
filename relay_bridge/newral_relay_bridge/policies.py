"""What an authentic event must satisfy to reach the coordinator: small functions, in order.

Each policy takes an event and its context and returns `None`, or a `Rejection` whose reason says
what would be right. They read no clock; the rate policy alone changes anything, its buckets.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from types import MappingProxyType
from typing import Final

from newral_relay_bridge.rates import Rate, TokenBuckets
from newral_spec import limits
from newral_spec.event import Event
from newral_spec.kinds import Kind, is_ephemeral
from newral_spec.messages.fields import InvalidMessage, parse_decimal
from newral_spec.messages.job import JOB_KINDS
from newral_spec.nips import nip13, nip17


class Traffic(Enum):
    """Kinds of traffic, each with a rate of its own: none can crowd out another."""

    JOB = "job"
    MESSAGE = "message"
    WRAPPED = "wrapped message"
    WORK = "work"


TRAFFIC: Final[Mapping[int, Traffic]] = MappingProxyType(
    {
        Kind.JOB_REQUEST: Traffic.JOB,
        Kind.JOB_REQUEST_ALTERNATIVE: Traffic.JOB,
        Kind.DELETION: Traffic.JOB,
        Kind.NOTE: Traffic.MESSAGE,
        Kind.ENCRYPTED_DIRECT_MESSAGE: Traffic.MESSAGE,
        Kind.GIFT_WRAP: Traffic.WRAPPED,
        Kind.WORK_REQUEST: Traffic.WORK,
        Kind.SEALED_RESULT: Traffic.WORK,
    }
)
"""The kinds that concern a coordinator; every other one is refused."""

WRAPPED_KEY: Final = "gift wraps"
"""All gift wraps share one bucket: each comes from a key that is used once (NIP-59)."""

CONTENT_BYTES_MAX: Final[Mapping[int, int]] = MappingProxyType(
    {
        # A command has at most 4,096 characters; encrypted and in base64 it is still below.
        Kind.NOTE: 16 * 1024,
        Kind.ENCRYPTED_DIRECT_MESSAGE: 16 * 1024,
        Kind.DELETION: 4 * 1024,  # A reason for people.
    }
)
"""Content of kinds that have no use for the protocol's `limits.CONTENT_BYTES_MAX`."""

WORKED_KINDS: Final = frozenset(
    {*JOB_KINDS, Kind.NOTE, Kind.ENCRYPTED_DIRECT_MESSAGE, Kind.GIFT_WRAP}
)
"""Kinds that may start a job, and so cost proof of work where the coordinator asks for it."""

UNANSWERED_CODES: Final = frozenset({"kind", "recipient"})
"""Refusals of what was not meant for us: others' authors are not told about them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """How much one key may send."""

    job: Rate
    message: Rate
    wrapped: Rate
    work: Rate


RATES: Final = Rates(
    job=Rate(per_s=1.0, burst=120),
    message=Rate(per_s=0.5, burst=30),
    wrapped=Rate(per_s=10.0, burst=300),
    # A node seals up to 64 results in one event, and after a time away it sends what it kept.
    work=Rate(per_s=20.0, burst=3000),
)
"""What an honest sender does not reach."""


class Buckets:
    """The token buckets of every kind of traffic."""

    def __init__(self, rates: Rates) -> None:
        self._buckets = {
            Traffic.JOB: TokenBuckets(rates.job),
            Traffic.MESSAGE: TokenBuckets(rates.message),
            Traffic.WRAPPED: TokenBuckets(rates.wrapped),
            Traffic.WORK: TokenBuckets(rates.work),
        }

    def of(self, traffic: Traffic) -> TokenBuckets:
        """The buckets of one kind of traffic, by public key."""
        return self._buckets[traffic]


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What policies know beside the event. Times are Unix seconds."""

    coordinator: str
    now: float
    complete_until: float
    """Everything that the relay had received until then, we have: after a time away, this is
    when it began, and what was posted meanwhile is not too old."""
    buckets: Buckets
    work_bits: int = 0


@dataclass(frozen=True, slots=True)
class Rejection:
    """Why an event was not admitted. `code` is for machines, `reason` for its author."""

    code: str
    reason: str = field(compare=False)


Policy = Callable[[Event, Context], Rejection | None]


def kind_concerns_a_coordinator(event: Event, _context: Context) -> Rejection | None:
    """Code `kind`."""
    if event.kind in TRAFFIC:
        return None
    kinds = ", ".join(str(int(kind)) for kind in sorted(TRAFFIC))
    return Rejection("kind", f"kind {event.kind} is none that a coordinator reads: {kinds}")


def addressed_to_us(event: Event, context: Context) -> Rejection | None:
    """Code `recipient`, and `missing_e` for a deletion that names nothing.

    A job without any `p` is open to every coordinator. A deletion carries no `p` by NIP-09, so the
    kind of what it deletes, its `k`, is enough.
    """
    recipients = event.values("p")
    if event.kind == Kind.DELETION and not event.values("e"):
        return Rejection("missing_e", "a deletion names the job it cancels in a tag 'e'")
    if context.coordinator in recipients:
        return None
    if not recipients and event.kind in JOB_KINDS:
        return None
    if not recipients and event.kind == Kind.DELETION and _deletes_jobs(event):
        return None
    return Rejection("recipient", f"tag 'p' must be {context.coordinator}")


def _deletes_jobs(event: Event) -> bool:
    return any(value == str(int(kind)) for value in event.values("k") for kind in JOB_KINDS)


def content_has_a_sensible_size(event: Event, _context: Context) -> Rejection | None:
    """Code `size`."""
    bound = CONTENT_BYTES_MAX.get(event.kind, limits.CONTENT_BYTES_MAX)
    if len(event.content.encode()) <= bound:
        return None
    return Rejection("size", f"the content of kind {event.kind} has at most {bound} bytes")


def dated_now(event: Event, context: Context) -> Rejection | None:
    """Codes `future` and `stale`. Gift wraps are dated up to two days back (NIP-59).

    Relays keep no ephemeral event: one that is old was withheld, and says nothing of now.
    """
    if event.created_at > context.now + limits.CLOCK_SKEW_S:
        return Rejection(
            "future", f"created_at is more than {limits.CLOCK_SKEW_S} s ahead: check your clock"
        )
    spread = nip17.DATE_SPREAD_S if event.kind == Kind.GIFT_WRAP else 0
    known_until = context.now if is_ephemeral(event.kind) else context.complete_until
    oldest = min(context.now, known_until) - limits.CLOCK_SKEW_S - spread
    if event.created_at < oldest:
        return Rejection(
            "stale", f"created_at is more than {limits.CLOCK_SKEW_S} s ago: sign the event again"
        )
    return None


def not_expired(event: Event, context: Context) -> Rejection | None:
    """Codes `expired` and `bad_expiration` (NIP-40)."""
    value = event.first("expiration")
    if value is None:
        return None
    try:
        expires_at = parse_decimal(value, "expiration")
    except InvalidMessage as error:
        return Rejection(error.code, f"{error}: Unix seconds (NIP-40)")
    if expires_at > context.now:
        return None
    return Rejection("expired", "the event has expired: give a later 'expiration', or none")


def worked_for(event: Event, context: Context) -> Rejection | None:
    """Code `pow` (NIP-13). Of a gift wrap, the wrap's own id counts."""
    bits = context.work_bits
    if bits == 0 or event.kind not in WORKED_KINDS:
        return None
    target = nip13.committed_target(event.tags)
    if target is not None and target >= bits and nip13.difficulty(event.id) >= bits:
        return None
    return Rejection(
        "pow", f"the id needs {bits} leading zero bits, and a 'nonce' tag that commits to as many"
    )


def within_its_rate(event: Event, context: Context) -> Rejection | None:
    """Code `rate`. The last policy: what is refused for another reason costs no token."""
    traffic = TRAFFIC[event.kind]
    buckets = context.buckets.of(traffic)
    key = WRAPPED_KEY if traffic is Traffic.WRAPPED else event.pubkey
    if buckets.take(key, context.now):
        return None
    return Rejection("rate", f"too many events of this sort: {buckets.rate}; post again later")


POLICIES: Final[tuple[Policy, ...]] = (
    kind_concerns_a_coordinator,
    addressed_to_us,
    content_has_a_sensible_size,
    dated_now,
    not_expired,
    worked_for,
    within_its_rate,
)


def examine(event: Event, context: Context) -> Rejection | None:
    """The first policy's objection, or `None` when the event is admissible."""
    for policy in POLICIES:
        rejection = policy(event, context)
        if rejection is not None:
            return rejection
    return None
