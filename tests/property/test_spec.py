"""Every message survives being sent, and nothing that is sent can do worse than be refused."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import msgspec
from hypothesis import assume, example, given
from hypothesis import strategies as st
from newral_testing import vectors

from newral_spec import limits, messages, trail
from newral_spec.canonical import INTEGER_MAX, NotCanonical, canonical_json, parse_json, sha256_hex
from newral_spec.event import Draft, Event, InvalidEvent, parse_event, sign_draft, verify_event
from newral_spec.keys import SecretKey
from newral_spec.messages import InvalidMessage
from newral_spec.messages.receipt import Outcome
from newral_spec.sealing import seal, unseal

AUTHOR = SecretKey((7).to_bytes(32))
READER = SecretKey((8).to_bytes(32))
NOW = 1_800_000_000

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
reasons = st.text(st.characters(exclude_categories=["Cs"]), max_size=limits.REASON_CHARS_MAX)
hex32 = st.binary(min_size=32, max_size=32).map(bytes.hex)
kernel_names = st.from_regex(r"[a-z][a-z0-9-]{0,15}", fullmatch=True)
versions = st.from_regex(r"[0-9A-Za-z.+-]{1,8}", fullmatch=True)
counts = st.integers(0, INTEGER_MAX)
amounts = st.integers(0, limits.BID_MICROCREDITS_MAX)
seconds = st.integers(0, 2**40)
shares = st.floats(0, 1)
relay_urls = st.from_regex(r"wss?://[a-z]{1,20}(:[0-9]{1,4})?", fullmatch=True)

canonical_values = st.recursive(
    st.none() | st.booleans() | st.integers(-INTEGER_MAX, INTEGER_MAX) | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)
canonical_objects = st.dictionaries(texts, canonical_values, max_size=4)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)
blobs = st.builds(messages.BlobRef, hex32, st.integers(0, limits.BLOB_BYTES_MAX))


@st.composite
def workflows(draw: st.DrawFn) -> tuple[messages.Stage, ...]:
    """Every stage depends on earlier ones only, in whatever order they are listed."""
    names = draw(st.lists(kernel_names, min_size=1, max_size=5, unique=True))
    stages: list[messages.Stage] = []
    for index, name in enumerate(names):
        earlier = st.sampled_from(names[:index]) if index else st.nothing()
        condition = st.builds(
            messages.Condition,
            stage=earlier,
            field=texts.filter(lambda text: text and "\0" not in text),
            test=st.sampled_from(("nonempty", "empty", "positive", "zero")),
        )
        foreach = draw(st.none() | earlier)
        params = draw(canonical_objects)
        if foreach is not None:
            params.pop("items", None)
        stage = messages.Stage(
            id=name,
            kernel=draw(kernel_names),
            version=draw(versions),
            params=params,
            needs=tuple(draw(st.lists(earlier, max_size=3 if index else 0))),
            foreach=foreach,
            when=draw(st.none() | condition),
        )
        stages.append(stage)
    return tuple(draw(st.permutations(stages)))


def delivered(draft: Draft) -> Event:
    """Signed, sent as JSON, parsed and verified."""
    event = parse_event(sign_draft(AUTHOR, draft, NOW).to_json())
    verify_event(event)
    return event


def unsealed(draft: Draft) -> tuple[Event, str]:
    """The same, encrypted on its way."""
    event = delivered(seal(draft, AUTHOR, READER.public_key, b"n" * 32))
    return event, unseal(event, READER)


job_requests = st.builds(
    messages.JobRequest,
    workflow=workflows(),
    coordinator=st.none() | hex32,
    bid=st.none() | st.integers(1, limits.BID_MICROCREDITS_MAX),
    epsilon=st.floats(limits.EPSILON_MIN, limits.EPSILON_MAX),
    deadline=st.none() | seconds,
    relays=st.lists(relay_urls, max_size=limits.JOB_RELAYS_MAX).map(tuple),
)


@given(job_requests, st.booleans())
def test_job_requests(job: messages.JobRequest, encrypted: bool) -> None:
    job = msgspec.structs.replace(job, encrypted=encrypted)
    draft = messages.encode_job_request(job)
    arguments = unsealed(draft) if encrypted else (delivered(draft),)
    assert messages.decode_job_request(*arguments) == job


feedbacks = st.builds(
    messages.Feedback,
    request=hex32,
    requester=hex32,
    phase=st.sampled_from([*messages.STATUS_OF_PHASE]),
    status=st.sampled_from(("payment-required", "processing", "error", "success", "partial")),
    progress=st.none() | st.integers(0, 10_000).map(lambda share: share / 10_000),
    eta_s=st.none() | seconds,
    reason=st.text(st.characters(exclude_categories=["Cs"]), max_size=300),
    code=st.none() | texts,
)


@given(feedbacks)
def test_feedback(feedback: messages.Feedback) -> None:
    assert messages.decode_feedback(delivered(messages.encode_feedback(feedback))) == feedback


@given(canonical_values, st.booleans(), st.booleans(), amounts, counts)
def test_job_results(output: Any, inline: bool, encrypted: bool, cost: int, log_size: int) -> None:
    raw = canonical_json(output)
    request = delivered(Draft(kind=5990, content="carmichael 10^9", tags=(("i", "1", "text"),)))
    result = messages.JobResult(
        request=request.id,
        requester=AUTHOR.public_key,
        blob=messages.BlobRef(sha256_hex(raw), len(raw)),
        output=raw.decode() if inline else "",
        urls=() if encrypted and inline else (f"https://coordinator.example/{sha256_hex(raw)}",),
        cost=cost,
        log_size=log_size,
        request_event=None if encrypted else request.to_json().decode(),
        inputs=() if encrypted else request.tags,
        encrypted=encrypted,
    )
    draft = messages.encode_result(result)
    arguments = unsealed(draft) if encrypted else (delivered(draft),)
    assert messages.decode_result(*arguments) == result


kernel_offers = st.builds(messages.KernelOffer, kernel_names, versions, hex32)
work_requests = st.builds(
    messages.WorkRequest,
    slots=st.integers(0, limits.SLOTS_MAX),
    cores=st.integers(1, 65536),
    memory_bytes=counts,
    kernels=st.lists(kernel_offers, max_size=4).map(tuple),
    holding=st.lists(
        st.builds(
            messages.Holding, hex32, st.sampled_from(("queued", "started", "computed")), shares
        ),
        max_size=4,
    ).map(tuple),
    declined=st.lists(st.builds(messages.Declined, hex32, reasons), max_size=2).map(tuple),
    agent=texts,
)


@given(work_requests)
def test_work_requests(request: messages.WorkRequest) -> None:
    draft = messages.encode_work_request(request, READER.public_key)
    assert messages.decode_work_request(*unsealed(draft)) == request


def _leases(**source: st.SearchStrategy[Any]) -> st.SearchStrategy[messages.Lease]:
    return st.builds(
        messages.Lease,
        id=hex32,
        unit=hex32,
        job=hex32,
        fence=st.integers(1, 2**31),
        kernel=kernel_names,
        version=versions,
        identity=hex32,
        cost_s=st.floats(0, 1e9),
        deadline=seconds,
        time_limit_s=st.integers(1, 10**9),
        memory_bytes_max=counts,
        upload_bytes_max=st.integers(0, limits.BLOB_BYTES_MAX),
        **source,
    )


lease_offers = st.builds(
    messages.LeaseOffer,
    leases=st.lists(_leases(spec=canonical_objects) | _leases(blob=blobs), max_size=3).map(tuple),
    revoked=st.lists(hex32, max_size=3).map(tuple),
)


@given(lease_offers)
def test_lease_offers(offer: messages.LeaseOffer) -> None:
    draft = messages.encode_lease_offer(offer, READER.public_key)
    assert messages.decode_lease_offer(*unsealed(draft)) == offer


def _unit_results(**outcome: st.SearchStrategy[Any]) -> st.SearchStrategy[messages.UnitResult]:
    return st.builds(
        messages.UnitResult, lease=hex32, nonce=hex32, cpu_ms=counts, wall_ms=counts, **outcome
    )


unit_results = (
    _unit_results(result=canonical_objects)
    | _unit_results(blob=blobs)
    | _unit_results(failed=reasons)
)


def _sealed(results: list[messages.UnitResult], unit: str) -> messages.SealedResults:
    return messages.SealedResults(
        coordinator=READER.public_key,
        expiration=NOW + 600,
        commitments=tuple(
            messages.Commitment(
                lease=result.lease,
                unit=unit,
                fence=1,
                commitment=messages.commit(
                    AUTHOR.public_key, unit, result.nonce, messages.result_sha256(result)
                ),
            )
            for result in results
        ),
        results=tuple(results),
    )


@given(st.lists(unit_results, min_size=1, max_size=3), hex32)
def test_sealed_results(results: list[messages.UnitResult], unit: str) -> None:
    sealed = _sealed(results, unit)
    event, plaintext = unsealed(messages.encode_sealed_results(sealed))
    assert messages.decode_sealed_results(event, plaintext) == sealed
    assert messages.decode_commitments(event) == sealed.commitments


verdicts = st.builds(
    messages.Verdict,
    lease=hex32,
    unit=hex32,
    job=hex32,
    outcome=st.sampled_from(Outcome.__args__),  # type: ignore[attr-defined]
    reason=reasons,
    credits=amounts,
    commitment=hex32,
    nonce=hex32,
    result_sha256=hex32,
    position=counts,
)


@given(st.lists(verdicts, min_size=1, max_size=4))
def test_receipts(told: list[messages.Verdict]) -> None:
    receipt = messages.Receipt(provider=READER.public_key, verdicts=tuple(told))
    assert messages.decode_receipt(delivered(messages.encode_receipt(receipt))) == receipt


@given(counts, hex32, st.none() | hex32)
def test_checkpoints(size: int, root: str, previous: str | None) -> None:
    checkpoint = messages.Checkpoint(size=size, root=root, previous=previous)
    assert (
        messages.decode_checkpoint(delivered(messages.encode_checkpoint(checkpoint))) == checkpoint
    )


@given(
    st.builds(
        messages.Announcement,
        name=texts,
        about=texts,
        software=texts,
        kernels=st.lists(kernel_offers, max_size=4).map(tuple),
        relays=st.lists(relay_urls, max_size=4).map(tuple),
        blobs=relay_urls.map(lambda url: url.replace("ws", "http", 1)),
        price=amounts,
        quorum=st.integers(1, 16),
        grant=amounts,
        work_bits=st.integers(0, 64),
        short_forms=st.lists(kernel_names, max_size=4).map(tuple),
    )
)
def test_announcements(announcement: messages.Announcement) -> None:
    event = delivered(messages.encode_announcement(announcement))
    assert messages.decode_announcement(event) == announcement


# -- hostile input ---------------------------------------------------------------------------------

VALID = [vectors.load(name) for name in vectors.message_names("valid*.json")]
TAG_NAMES = (
    "p", "e", "x", "d", "i", "param", "bid", "output", "relays", "expiration", "encrypted",
    "status", "phase", "progress", "eta", "code", "size", "cost", "log", "url", "request",
    "commitment",
)  # fmt: skip
tag_values = (
    st.sampled_from(("", "0", "1", "-1", "1e5", "nan", "credits", "kernel", "ws://x", "[", "{}"))
    | texts
    | hex32
    | st.integers(0, 10**20).map(str)
)
hostile_tags = st.lists(
    st.tuples(st.sampled_from(TAG_NAMES), st.lists(tag_values, max_size=5)).map(
        lambda tag: (tag[0], *tag[1])
    ),
    max_size=8,
).map(tuple)


@st.composite
def mutated(draw: st.DrawFn, value: Any) -> Any:
    """JSON data with something somewhere in it replaced, removed or added."""
    value = copy.deepcopy(value)
    for _ in range(draw(st.integers(1, 3))):
        here, key = _place(draw, value)
        if here is None:
            return draw(json_values)
        change = draw(st.sampled_from(("replace", "remove", "add")))
        if change == "replace":
            here[key] = draw(json_values)
        elif change == "remove":
            del here[key]
        elif isinstance(here, dict):
            here[draw(texts)] = draw(json_values)
        else:
            here.insert(key, draw(json_values))
    return value


def _place(draw: st.DrawFn, value: Any) -> tuple[Any, Any]:
    here, key = None, None
    while isinstance(value, dict | list) and value:
        keys = list(value) if isinstance(value, dict) else list(range(len(value)))
        here, key = value, draw(st.sampled_from(keys))
        value = here[key]
        if draw(st.booleans()):
            break
    return here, key


@st.composite
def hostile(draw: st.DrawFn) -> tuple[dict[str, Any], Draft]:
    """A valid message's vector, and a draft that is nearly, or not at all, like it."""
    vector = draw(st.sampled_from(VALID))
    content = vector.get("plaintext", vector["event"]["content"])
    try:
        altered = mutated(json.loads(content)).map(json.dumps)
    except ValueError:
        altered = st.just(content)
    tags = st.just(tuple(map(tuple, vector["event"]["tags"])))
    return vector, Draft(
        kind=vector["event"]["kind"],
        tags=draw(
            tags | hostile_tags | st.tuples(tags, hostile_tags).map(lambda two: two[0] + two[1])
        ),
        content=draw(st.just(content) | altered | texts | json_values.map(json.dumps)),
    )


@given(hostile())
def test_decoding_raises_nothing_but_invalid_message(case: tuple[dict[str, Any], Draft]) -> None:
    vector, draft = case
    try:
        event = delivered(draft)
    except InvalidEvent:
        assume(False)
    codec = vectors.CODECS[vector["message"]]
    decoders: list[Callable[[], Any]] = [lambda: codec.decode(event, draft.content)]
    if not codec.always_sealed and vector["message"] not in ("job_request", "job_result"):
        decoders = [lambda: codec.decode(event)]
    elif not codec.always_sealed:
        decoders.append(lambda: codec.decode(event))
    for decode in decoders:
        try:
            message = decode()
        except InvalidMessage:
            continue
        # What was let in can be written down again.
        assert msgspec.json.encode(message)


@given(st.binary(max_size=400) | texts | json_values.map(json.dumps))
@example(b'{"id":"\xff"}')
@example('"\ud800"')
@example("[" * 5000)
@example('{"created_at":' + "9" * 5000 + "}")
def test_parsing_an_event_raises_nothing_but_invalid_event(raw: bytes | str) -> None:
    try:
        event = parse_event(raw)
    except InvalidEvent:
        return
    assert parse_event(event.to_json()) == event


ORIGINAL = delivered(Draft(kind=1, content="x", tags=(("t", "x"),)))


@given(mutated(json.loads(ORIGINAL.to_json())))
def test_an_altered_event_is_not_authentic(value: Any) -> None:
    try:
        event = parse_event(json.dumps(value))
        verify_event(event)
    except InvalidEvent:
        return
    assert event == ORIGINAL


@given(st.binary(max_size=300) | mutated(vectors.load("trail/valid.verdict.json")["expected"]))
def test_decoding_an_entry_raises_nothing_but_invalid_entry(value: Any) -> None:
    raw = value if isinstance(value, bytes) else json.dumps(value, sort_keys=True).encode()
    try:
        entry = trail.decode_entry(raw)
    except trail.InvalidEntry:
        return
    assert trail.encode_entry(entry) == raw


# -- canonical JSON --------------------------------------------------------------------------------


@given(canonical_values)
def test_canonical_json_means_the_value(value: Any) -> None:
    assert parse_json(canonical_json(value)) == value


@given(canonical_values)
def test_canonical_json_does_not_depend_on_how_the_value_was_written(value: Any) -> None:
    for written in (
        json.dumps(value),
        json.dumps(value, indent=1, ensure_ascii=False),
        json.dumps(_backwards(value)),
    ):
        assert canonical_json(parse_json(written)) == canonical_json(value)


def _backwards(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _backwards(value[name]) for name in reversed(list(value))}
    return [_backwards(item) for item in value] if isinstance(value, list) else value


@given(canonical_values, canonical_values)
def test_different_values_have_different_canonical_json(one: Any, other: Any) -> None:
    is_same = json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)
    assert (canonical_json(one) == canonical_json(other)) == is_same


@given(json_values)
def test_what_has_no_canonical_form_is_refused(value: Any) -> None:
    try:
        raw = canonical_json(value)
    except NotCanonical:
        return
    assert (
        raw == json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    )
