"""What a coordinator says to requesters and to all: feedback, results, announcements."""

from __future__ import annotations

import hashlib
from typing import Final

import msgspec

from newral_spec import limits
from newral_spec.event import sign_draft
from newral_spec.kinds import Kind
from newral_spec.messages import (
    Announcement,
    BlobRef,
    Feedback,
    JobResult,
    KernelOffer,
    decode_announcement,
    decode_feedback,
    decode_result,
    encode_announcement,
    encode_feedback,
    encode_job_request,
    encode_result,
)
from spec_vectors.cast import COORDINATOR, NOW, REQUESTER, STRANGER, digest
from spec_vectors.messages import (
    Messages,
    edited,
    with_content,
    with_kind,
    with_tag,
    without_tag,
)
from spec_vectors.requests import JOB

REQUEST: Final = sign_draft(REQUESTER, encode_job_request(JOB), NOW)
OUTPUT: Final = '{"by_magnitude":{"10^3":1},"count":1,"items":[{"factors":[3,11,17],"n":"561"}]}'


def feedbacks() -> Messages:
    """From acceptance to the end."""
    group = Messages("feedback", decode_feedback, COORDINATOR, REQUESTER)
    accepted = Feedback(
        request=REQUEST.id,
        requester=REQUESTER.public_key,
        phase="accepted",
        status="processing",
        progress=0.0,
        reason="up to 2.5 credits are in escrow",
    )
    draft = encode_feedback(accepted)
    group.valid("accepted", "The job is taken, and its budget in escrow.", draft)
    running = msgspec.structs.replace(
        accepted, phase="running", progress=0.3725, eta_s=42, reason="37.2% of the work is done"
    )
    group.valid("running", "Progress, and the seconds that are left.", encode_feedback(running))
    refused = msgspec.structs.replace(
        accepted,
        phase="refused",
        status="payment-required",
        progress=None,
        reason="the job needs 2.5 credits in escrow and the account has 0",
        code="insufficient_funds",
    )
    group.valid("refused", "Refused for want of funds.", encode_feedback(refused))
    foreign = with_tag(without_tag(draft, "phase"), "status", "payment_required")
    group.valid(
        "foreign",
        "Another provider's: no phase, an underscore in the status.",
        foreign,
        round_trip=False,
    )
    add = group.invalid
    add("kind", "", "Feedback has kind 7000.", with_kind(draft, Kind.JOB_RESULT))
    for name in ("status", "e", "p"):
        add(f"missing_{name}", "", f"Tag '{name}' is there.", without_tag(draft, name))
    for name in ("e", "p"):
        add(
            f"bad_{name}",
            "",
            f"Tag '{name}' is 32 bytes in lower-case hexadecimal.",
            with_tag(draft, name, digest("x").upper()),
        )
    add("bad_eta", "", "Whole seconds.", with_tag(draft, "eta", "-1"))
    for case, text in {"nan": "nan", "above_one": "1.5", "exponent": "1e-1"}.items():
        add("bad_progress", case, "A decimal between 0 and 1.", with_tag(draft, "progress", text))
    add("feedback", "phase", "A phase that nobody knows.", with_tag(draft, "phase", "paused"))
    add("feedback", "status", "NIP-90 has five words.", with_tag(draft, "status", "fine"))
    add(
        "feedback",
        "reason",
        "A reason has at most 1,000 characters.",
        with_tag(draft, "status", "error", "x" * (limits.REASON_CHARS_MAX + 1)),
    )
    return group


def job_results() -> Messages:
    """Inline, as a blob, encrypted."""
    group = Messages("job_result", decode_result, COORDINATOR, REQUESTER)
    sha256 = hashlib.sha256(OUTPUT.encode()).hexdigest()
    inline = JobResult(
        request=REQUEST.id,
        requester=REQUESTER.public_key,
        blob=BlobRef(sha256, len(OUTPUT)),
        output=OUTPUT,
        urls=(f"https://coordinator.example/{sha256}",),
        cost=1_234_567,
        log_size=40,
        request_event=REQUEST.to_json().decode(),
    )
    draft = encode_result(inline)
    group.valid("inline", "A small output is the content.", draft)
    blob = msgspec.structs.replace(inline, output="", blob=BlobRef(digest("output"), 5_000_000))
    group.valid("blob", "A large output is a blob, named by 'x'.", encode_result(blob))
    private = msgspec.structs.replace(inline, encrypted=True, request_event=None, urls=())
    group.valid(
        "encrypted",
        "The answer to an encrypted request: nothing in public names the output.",
        encode_result(private),
        seal=True,
    )
    private_blob = encode_result(
        msgspec.structs.replace(
            blob,
            encrypted=True,
            request_event=None,
            urls=(f"https://coordinator.example/{blob.blob.sha256}?permission={digest('leave')}",),
        )
    )
    group.valid(
        "encrypted_blob",
        "A large one: the content names the blob, its address permits reading it.",
        private_blob,
        seal=True,
    )
    group.invalid(
        "content",
        "no_address",
        "A blob that nobody serves.",
        edited(private_blob, urls=[]),
        seal=True,
    )
    nip90 = msgspec.structs.replace(inline, inputs=(("i", "carmichael 10^3", "text"),))
    group.valid("inputs", "NIP-90 clients get their inputs back.", encode_result(nip90))
    add = group.invalid
    add("kind", "", "A job result has kind 6990.", with_kind(draft, Kind.FEEDBACK))
    add(
        "encrypted",
        "",
        "Encrypted to somebody else than the one who reads it.",
        encode_result(private),
        seal=True,
        recipient=STRANGER,
    )
    for name in ("e", "p", "x"):
        add(f"missing_{name}", "", f"Tag '{name}' is there.", without_tag(draft, name))
        add(
            f"bad_{name}",
            "",
            f"Tag '{name}' is 32 bytes in lower-case hexadecimal.",
            with_tag(draft, name, "00ff"),
        )
    for name in ("size", "cost", "log"):
        add(f"bad_{name}", "", "A decimal integer.", with_tag(draft, name, "0x10"))
    add(
        "result",
        "size",
        "A blob has at most 256 MiB.",
        with_tag(encode_result(blob), "size", str(limits.BLOB_BYTES_MAX + 1)),
    )
    add("output", "altered", "Not what 'x' names.", with_content(draft, OUTPUT[:-1] + " }"))
    add("output", "size", "Not as long as 'size' says.", with_tag(draft, "size", "80"))
    for case, about, text in (
        ("not_json", "An output is JSON.", "{'count': 1}"),
        ("float", "An output has no numbers with a fraction.", '{"share":0.5}'),
        ("large", "An inline output has at most 32 KiB.", f'{{"a":"{"x" * 32768}"}}'),
    ):
        named = with_tag(draft, "x", hashlib.sha256(text.encode()).hexdigest())
        add("output", case, about, with_content(with_tag(named, "size", str(len(text))), text))
    return group


def announcements() -> Messages:
    """Who coordinates."""
    group = Messages("announcement", decode_announcement, COORDINATOR, REQUESTER)
    announcement = Announcement(
        name="An example",
        about="Carmichael numbers and Baillie-PSW pseudoprimes",
        software="newral/0.1.0",
        kernels=(
            KernelOffer("bpsw", "1", digest("identity of bpsw")),
            KernelOffer("carmichael", "1", digest("identity of carmichael")),
        ),
        relays=("wss://relay.example",),
        blobs="https://coordinator.example",
        price=1_000_000,
        quorum=2,
        grant=10_000_000_000,
        short_forms=("bpsw", "carmichael"),
    )
    draft = encode_announcement(announcement)
    group.valid("", "Kernels with their identities, relays, price.", draft)
    add = group.invalid
    add("kind", "", "An announcement has kind 31990.", with_kind(draft, 31989))
    add("missing_d", "", "Tag 'd' is there.", without_tag(draft, "d"))
    add("bad_d", "", "Another service of the same key.", with_tag(draft, "d", "chatbot"))
    add("content", "blobs", "A base URL is http or https.", edited(draft, blobs="ftp://x.example"))
    add("content", "quorum", "A quorum is at least 1.", edited(draft, quorum=0))
    add(
        "content",
        "newline",
        "A URL has no white space, at its end neither.",
        edited(draft, blobs="https://coordinator.example\n"),
    )
    return group
