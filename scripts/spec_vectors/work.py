"""Between node and coordinator: work requests, leases, sealed results, receipts, checkpoints."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from newral_spec import trail
from newral_spec.event import Draft
from newral_spec.kinds import Kind
from newral_spec.messages import (
    BlobRef,
    Checkpoint,
    Commitment,
    Declined,
    Holding,
    KernelOffer,
    Lease,
    LeaseOffer,
    Receipt,
    SealedResults,
    UnitResult,
    Verdict,
    WorkRequest,
    commit,
    decode_checkpoint,
    decode_lease_offer,
    decode_receipt,
    decode_sealed_results,
    decode_work_request,
    encode_checkpoint,
    encode_lease_offer,
    encode_receipt,
    encode_sealed_results,
    encode_work_request,
    result_sha256,
)
from newral_spec.messages.receipt import Outcome
from spec_vectors.answers import REQUEST
from spec_vectors.cast import COORDINATOR, NODE, NOW, STRANGER, digest
from spec_vectors.messages import (
    Messages,
    edited,
    with_content,
    with_kind,
    with_tag,
    without_tag,
)

JOB: Final = REQUEST.id
UNITS: Final = tuple(trail.unit_id(JOB, "search", index) for index in range(3))
LEASES: Final = tuple(trail.lease_id(unit, 1) for unit in UNITS)
RESULTS: Final = (
    UnitResult(
        lease=LEASES[0],
        nonce=digest("nonce 0"),
        result={"count": 1, "items": [{"n": "561", "factors": [3, 11, 17]}]},
        cpu_ms=1180,
        wall_ms=1203,
    ),
    UnitResult(lease=LEASES[1], nonce=digest("nonce 1"), blob=BlobRef(digest("blob"), 1_000_000)),
    UnitResult(lease=LEASES[2], nonce=digest("nonce 2"), failed="it ran out of memory"),
)
COMMITMENTS: Final = tuple(
    Commitment(
        lease=result.lease,
        unit=unit,
        fence=1,
        commitment=commit(NODE.public_key, unit, result.nonce, result_sha256(result)),
    )
    for unit, result in zip(UNITS, RESULTS, strict=True)
)
LEASE: Final = Lease(
    id=LEASES[0],
    unit=UNITS[0],
    job=JOB,
    fence=1,
    kernel="carmichael",
    version="1",
    identity=digest("identity of carmichael"),
    cost_s=1.25,
    deadline=NOW + 120,
    time_limit_s=120,
    memory_bytes_max=256 * 2**20,
    upload_bytes_max=64 * 2**20,
    spec={"start": "1", "bound": "1000000000", "prefix": [], "low": "3", "high": "1000000000"},
)


def work_requests() -> Messages:
    """What a node has, wants and holds."""
    group = Messages("work_request", decode_work_request, NODE, COORDINATOR, is_sealed=True)
    request = WorkRequest(
        slots=6,
        cores=4,
        memory_bytes=2**30,
        kernels=(
            KernelOffer("bpsw", "1", digest("identity of bpsw")),
            KernelOffer("carmichael", "1", digest("identity of carmichael")),
        ),
        holding=(
            Holding(LEASES[0], "started", 0.5),
            Holding(LEASES[1], "queued"),
            Holding(LEASES[2], "computed", 1.0),
        ),
        declined=(Declined(trail.lease_id(UNITS[0], 2), "the deadline has passed"),),
        agent="example-node/1.0",
    )
    draft = encode_work_request(request, COORDINATOR.public_key)
    group.valid("", "The heartbeat of a busy node.", draft)
    least = WorkRequest(slots=0, cores=1, memory_bytes=0, kernels=())
    group.valid(
        "least",
        "All that is optional left at its default.",
        encode_work_request(least, COORDINATOR.public_key),
    )
    group.valid(
        "defaults",
        "Optional members may be missing.",
        with_content(draft, '{"slots":1,"cores":1,"memory_bytes":0,"kernels":[]}'),
        round_trip=False,
    )
    _common(group, draft, "A work request has kind 25990.", Kind.WORK_REQUEST)
    add = group.invalid
    add("content", "slots", "At most 1,024 slots.", edited(draft, slots=1025))
    add("content", "float", "A count is an integer.", edited(draft, slots=1.5))
    add(
        "content",
        "missing_member",
        "Slots have to be said.",
        with_content(draft, '{"cores":1,"memory_bytes":0,"kernels":[]}'),
    )
    add("content", "unknown_member", "A member that nobody knows.", edited(draft, gpu=True))
    add(
        "content",
        "state",
        "A state that nobody knows.",
        edited(draft, holding=[{"lease": LEASES[0], "state": "lost"}]),
    )
    return group


def lease_offers() -> Messages:
    """Units for a node."""
    group = Messages("lease", decode_lease_offer, COORDINATOR, NODE, is_sealed=True)
    by_blob: dict[str, Any] = {"spec": None, "blob": BlobRef(digest("spec"), 20_000)}
    second = msgspec.structs.replace(LEASE, id=LEASES[1], unit=UNITS[1], **by_blob)
    offer = LeaseOffer(leases=(LEASE, second), revoked=(LEASES[2],))
    draft = encode_lease_offer(offer, NODE.public_key)
    group.valid("", "One unit with its parameters, one by a blob, and a lease to drop.", draft)
    _common(group, draft, "A lease offer has kind 25991.", Kind.LEASE)
    add = group.invalid
    neither = msgspec.structs.replace(LEASE, spec=None)
    both = msgspec.structs.replace(LEASE, blob=BlobRef(digest("spec"), 20_000))
    for case, lease in {"neither": neither, "both": both}.items():
        add(
            "spec",
            case,
            "Exactly one of spec and blob.",
            encode_lease_offer(LeaseOffer(leases=(lease,)), NODE.public_key),
        )
    fenceless = msgspec.structs.replace(LEASE, fence=0)
    add(
        "content",
        "fence",
        "Fences count from 1.",
        encode_lease_offer(LeaseOffer(leases=(fenceless,)), NODE.public_key),
    )
    return group


def _common(group: Messages, draft: Draft, about_kind: str, kind: int) -> None:
    add = group.invalid
    add("kind", "", about_kind, with_kind(draft, kind ^ 1))
    add("encrypted", "plain", "The content is encrypted.", draft, seal=False)
    add("encrypted", "foreign", "Encrypted to somebody else.", draft, recipient=STRANGER)
    add("content", "not_json", "Truncated JSON.", with_content(draft, draft.content[:-1]))


def sealed_results() -> Messages:
    """Commitments in public, results encrypted."""
    group = Messages("sealed_results", decode_sealed_results, NODE, COORDINATOR, is_sealed=True)
    sealed = SealedResults(
        coordinator=COORDINATOR.public_key,
        expiration=NOW + 7 * 24 * 3600,
        commitments=COMMITMENTS,
        results=RESULTS,
    )
    draft = encode_sealed_results(sealed)
    group.valid("", "A result inline, one as a blob, and a failure.", draft)
    one = msgspec.structs.replace(sealed, commitments=COMMITMENTS[:1], results=RESULTS[:1])
    single = encode_sealed_results(one)
    _common(group, single, "Sealed results have kind 3990.", Kind.SEALED_RESULT)
    _bad_commitments(group, draft, single)
    add = group.invalid
    wrong: dict[str, dict[str, Any]] = {
        "none": {"failed": None, "result": None},
        "two": {"failed": "so it is", "result": {}},
    }
    for case, members in wrong.items():
        broken = msgspec.structs.replace(RESULTS[0], **members)
        add(
            "result",
            case,
            "Exactly one of result, blob and failed.",
            encode_sealed_results(msgspec.structs.replace(one, results=(broken,))),
        )
    floating = msgspec.structs.replace(RESULTS[0], result={"share": 0.5})
    add(
        "result",
        "float",
        "A result has no numbers with a fraction.",
        encode_sealed_results(msgspec.structs.replace(one, results=(floating,))),
    )
    add("missing_p", "", "Tag 'p' names the coordinator.", without_tag(single, "p"))
    add("bad_p", "", "Tag 'p' is a key in hexadecimal.", with_tag(single, "p", "02" * 33))
    add("bad_expiration", "", "Unix seconds, in digits.", with_tag(single, "expiration", "-1"))
    add("content", "empty", "At least one result.", with_content(single, '{"results":[]}'))
    return group


def _bad_commitments(group: Messages, draft: Draft, single: Draft) -> None:
    add = group.invalid
    first = COMMITMENTS[0]
    add("commitment", "missing", "At least one commitment.", without_tag(single, "commitment"))
    add(
        "commitment",
        "shape",
        "Four values.",
        with_tag(single, "commitment", first.lease, first.unit, "1"),
    )
    add(
        "commitment",
        "hexadecimal",
        "32 bytes in lower-case hexadecimal.",
        with_tag(single, "commitment", first.lease, first.unit, "1", first.commitment.upper()),
    )
    add(
        "bad_fence",
        "",
        "A fence is a decimal integer.",
        with_tag(single, "commitment", first.lease, first.unit, "one", first.commitment),
    )
    add(
        "commitment",
        "order",
        "Commitments and results are in the same order.",
        msgspec.structs.replace(draft, tags=(*draft.tags[:2], *reversed(draft.tags[2:]))),
    )
    add(
        "commitment",
        "does_not_open",
        "The result is not the one committed to.",
        with_content(single, single.content.replace("561", "562")),
    )
    add(
        "commitment",
        "another_unit",
        "The commitment binds the unit.",
        with_tag(single, "commitment", first.lease, UNITS[1], "1", first.commitment),
    )


def receipts() -> Messages:
    """Verdicts, with what opens the commitments."""
    group = Messages("receipt", decode_receipt, COORDINATOR, NODE)
    outcomes: tuple[tuple[Outcome, str, int], ...] = (
        ("accepted", "agreed: 2 independent providers returned it", 1_250_000),
        ("owed", "committed before the job ended: cancelled by its requester", 1_250_000),
        ("rejected", "the node could not compute it: it ran out of memory", 0),
    )
    verdicts = tuple(
        Verdict(
            lease=result.lease,
            unit=commitment.unit,
            job=JOB,
            outcome=outcome,
            reason=reason,
            credits=credits_,
            commitment=commitment.commitment,
            nonce=result.nonce,
            result_sha256=result_sha256(result),
            position=17 + index,
        )
        for index, (commitment, result, (outcome, reason, credits_)) in enumerate(
            zip(COMMITMENTS, RESULTS, outcomes, strict=True)
        )
    )
    draft = encode_receipt(Receipt(provider=NODE.public_key, verdicts=verdicts))
    group.valid("", "Three verdicts.", draft)
    add = group.invalid
    add("kind", "", "A receipt has kind 3991.", with_kind(draft, Kind.CHECKPOINT))
    add("missing_p", "", "Tag 'p' names the provider.", without_tag(draft, "p"))
    add("bad_p", "", "Tag 'p' is a key in hexadecimal.", with_tag(draft, "p", "node"))
    add("content", "empty", "At least one verdict.", with_content(draft, '{"verdicts":[]}'))
    add(
        "content",
        "outcome",
        "An outcome that nobody knows.",
        with_content(draft, draft.content.replace('"owed"', '"postponed"')),
    )
    add(
        "content",
        "credits",
        "Credits are not negative.",
        with_content(draft, draft.content.replace('"credits":0', '"credits":-1')),
    )
    return group


def checkpoints() -> Messages:
    """Size and root of the log."""
    group = Messages("checkpoint", decode_checkpoint, COORDINATOR, NODE)
    checkpoint = Checkpoint(size=40, root=digest("root"), previous=digest("checkpoint before"))
    draft = encode_checkpoint(checkpoint)
    group.valid("", "It names the checkpoint before it.", draft)
    first = msgspec.structs.replace(checkpoint, size=1, previous=None)
    group.valid("first", "The first one has none before it.", encode_checkpoint(first))
    add = group.invalid
    add("kind", "", "A checkpoint has kind 3992.", with_kind(draft, Kind.RECEIPT))
    add("size", "differs", "The tag repeats the size.", with_tag(draft, "size", "41"))
    add("size", "missing", "The tag is there.", without_tag(draft, "size"))
    add("content", "root", "A root is 32 bytes.", edited(draft, root="ab"))
    return group
