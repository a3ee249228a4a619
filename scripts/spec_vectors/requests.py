"""Job requests and workflows."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from newral_spec import limits
from newral_spec.event import Draft, Tag
from newral_spec.kinds import Kind
from newral_spec.messages import (
    Condition,
    JobRequest,
    Stage,
    decode_job_request,
    encode_job_request,
    topological_order,
)
from spec_vectors.cast import COORDINATOR, NOW, REQUESTER, STRANGER
from spec_vectors.files import Files
from spec_vectors.messages import Messages, edited, with_content, with_kind, with_tag

SEARCH: Final = Stage(id="search", kernel="carmichael", version="1", params={"bound": "10^9"})
PROVE: Final = Stage(id="prove", kernel="korselt", version="1", foreach="search")
MERGE: Final = Stage(
    id="merge",
    kernel="carmichael-merge",
    version="1",
    params={"bound": "10^9"},
    needs=("prove",),
    foreach="search",
    when=Condition(stage="prove", field="rejected", test="empty"),
)

JOB: Final = JobRequest(
    workflow=(SEARCH, PROVE, MERGE),
    coordinator=COORDINATOR.public_key,
    bid=2_500_000,
    deadline=NOW + 3600,
    relays=("wss://relay.example", "ws://127.0.0.1:7777"),
)

NIP90_TAGS: Final[tuple[Tag, ...]] = (
    ("p", COORDINATOR.public_key),
    ("param", "kernel", "bpsw"),
    ("param", "start", "2^64"),
    ("param", "stop", "2^64+10^6"),
    ("bid", "21000"),
    ("output", "application/json"),
    ("relays", "wss://relay.example"),
)


def job_requests() -> Messages:
    """In every form."""
    group = Messages("job_request", decode_job_request, REQUESTER, COORDINATOR)
    draft = encode_job_request(JOB)
    group.valid("native", "A workflow of three stages, with a bid and a deadline.", draft)
    group.valid(
        "single_kernel",
        "One kernel instead of a workflow: a stage called 'job'; version and epsilon by default.",
        Draft(
            kind=Kind.JOB_REQUEST,
            tags=(("p", COORDINATOR.public_key),),
            content='{"kernel":"carmichael","params":{"bound":"10^9"}}',
        ),
        round_trip=False,
    )
    group.valid(
        "alternative_kind",
        "Kind 5999 says the same as 5990; addressed to nobody, it is open to every coordinator.",
        Draft(
            kind=Kind.JOB_REQUEST_ALTERNATIVE,
            content='{"deadline":1800007200,"epsilon":1e-6,"kernel":"carmichael",'
            '"params":{"bound":"1000000"},"version":"1"}',
        ),
        round_trip=False,
    )
    encrypted = encode_job_request(msgspec.structs.replace(JOB, encrypted=True))
    group.valid("encrypted", "The native form, encrypted to the coordinator.", encrypted, seal=True)
    _nip90(group)
    _invalid(group, draft)
    group.invalid(
        "encrypted",
        "",
        "Encrypted to somebody else than the one who reads it.",
        encrypted,
        seal=True,
        recipient=STRANGER,
    )
    return group


def _nip90(group: Messages) -> None:
    kind = Kind.JOB_REQUEST
    group.valid(
        "nip90",
        "NIP-90's params; its bid in millisatoshi binds nobody.",
        Draft(kind=kind, tags=NIP90_TAGS),
        round_trip=False,
    )
    group.valid(
        "nip90_encrypted",
        "NIP-90 encrypts 'i' and 'param' tags as one JSON array in the content.",
        Draft(
            kind=kind,
            tags=(("p", COORDINATOR.public_key), ("encrypted",)),
            content='[["param","kernel","carmichael"],["param","bound","10^6"],["i","x","text"]]',
        ),
        seal=True,
        round_trip=False,
    )
    group.valid(
        "command",
        "Plain words in the content: whoever knows the kernels resolves them.",
        Draft(kind=kind, tags=(("p", COORDINATOR.public_key),), content="carmichael  10^9\n"),
        round_trip=False,
    )
    group.valid(
        "command_input",
        "Plain words in an 'i' tag, with a param beside it.",
        Draft(
            kind=kind,
            tags=(("i", "carmichael", "text"), ("param", "bound", "10^9")),
            content="ignored where there is an 'i' tag",
        ),
        round_trip=False,
    )


def _invalid(group: Messages, draft: Draft) -> None:
    add = group.invalid
    add("kind", "", "A job request has kind 5990 or 5999.", with_kind(draft, 5000))
    add("content", "not_json", "Truncated JSON.", with_content(draft, draft.content[:-1]))
    add("content", "unknown_member", "A member that nobody knows.", edited(draft, colour="red"))
    add("content", "epsilon", "Epsilon is at most one half.", edited(draft, epsilon=0.75))
    add(
        "content",
        "kernel_name",
        "A kernel's name is lower-case.",
        with_content(draft, '{"kernel":"Carmichael","params":{"bound":"10^9"}}'),
    )
    add(
        "content",
        "empty_tag",
        "Encrypted tags have at least a name.",
        with_content(draft, '[["param","kernel","carmichael"],[]]'),
    )
    add("missing_kernel", "", "Neither a kernel nor a workflow.", with_content(draft, "{}"))
    add("missing_kernel", "words", "Nothing is said at all.", with_content(draft, " "))
    add(
        "missing_kernel",
        "nip90",
        "Param 'kernel' is not a kernel's name.",
        Draft(kind=Kind.JOB_REQUEST, tags=(("param", "kernel", "9 lives"),)),
    )
    add(
        "kernel_and_workflow",
        "",
        "Either one kernel or a workflow.",
        edited(draft, kernel="carmichael"),
    )
    add("bad_bid", "word", "A bid is a number.", with_tag(draft, "bid", "much", "credits"))
    add("bad_bid", "empty", "A bid has an amount.", with_tag(draft, "bid"))
    add("bad_bid", "zero", "A bid is above zero.", with_tag(draft, "bid", "0.0", "credits"))
    add(
        "bad_bid",
        "decimals",
        "A micro-credit is the least amount.",
        with_tag(draft, "bid", "0.0000001", "credits"),
    )
    add("bad_bid", "msat", "Millisatoshi are whole numbers.", with_tag(draft, "bid", "1.5"))
    add("bad_p", "", "Tag 'p' is a key in hexadecimal.", with_tag(draft, "p", "npub1xyz"))
    add(
        "bad_expiration",
        "",
        "Unix seconds, in digits.",
        with_tag(draft, "expiration", "tomorrow"),
    )
    add("relays", "scheme", "Relays speak websocket.", with_tag(draft, "relays", "https://x.y"))
    add(
        "relays",
        "many",
        "At most eight relays.",
        with_tag(draft, "relays", *(f"wss://{n}.example" for n in range(9))),
    )
    add(
        "param",
        "twice",
        "A param is given once.",
        Draft(kind=Kind.JOB_REQUEST, tags=(*NIP90_TAGS, ("param", "start", "2^65"))),
    )
    add(
        "param",
        "without_value",
        "A param has a value.",
        Draft(kind=Kind.JOB_REQUEST, tags=(("param", "kernel"),)),
    )
    add(
        "size",
        "",
        "A command has at most 4,096 characters.",
        Draft(kind=Kind.JOB_REQUEST, content="carmichael " + "1" * 4096),
    )
    for code, about, stages in INVALID_WORKFLOWS:
        add(code, "", about, edited(draft, workflow=stages))


def _stage(name: str, **members: Any) -> dict[str, Any]:
    return {"id": name, "kernel": "korselt", **members}


def _nested(depth: int) -> Any:
    value: Any = "x"
    for _ in range(depth):
        value = [value]
    return value


INVALID_WORKFLOWS: Final[tuple[tuple[str, str, list[dict[str, Any]]], ...]] = (
    ("empty_workflow", "At least one stage.", []),
    (
        "too_many_stages",
        "At most 32 stages.",
        [_stage(f"s{number}") for number in range(limits.STAGES_MAX + 1)],
    ),
    ("duplicate_stage", "A stage's id is its own.", [_stage("a"), _stage("a")]),
    ("missing_dependency", "A stage needs one that exists.", [_stage("a", needs=["b"])]),
    (
        "cyclic_workflow",
        "Stages that wait for each other.",
        [_stage("a", needs=["b"]), _stage("b", foreach="a")],
    ),
    ("params", "Params have no numbers with a fraction.", [_stage("a", params={"bound": 0.5})]),
)

_MORE_INVALID_WORKFLOWS: Final = (
    (
        "params.items",
        "Foreach gives the items.",
        [_stage("a"), _stage("b", foreach="a", params={"items": []})],
    ),
    ("params.deep", "Params are nested at most 32 deep.", [_stage("a", params={"x": _nested(33)})]),
    ("params.large", "No integers from 2^53 on.", [_stage("a", params={"bound": 2**53})]),
    ("cyclic_workflow.itself", "A stage that needs itself.", [_stage("a", needs=["a"])]),
)


def workflows() -> Files:
    """Stages alone: which graphs are workflows, and in which order they are understood."""
    stages = (MERGE, PROVE, SEARCH)
    files: Files = {
        "workflow/valid.json": {
            "about": "Stages given in the wrong order, and in the order of their dependencies.",
            "workflow": msgspec.to_builtins(stages),
            "expected": msgspec.to_builtins(topological_order(stages)),
        }
    }
    for code, about, invalid in (*INVALID_WORKFLOWS, *_MORE_INVALID_WORKFLOWS):
        code_alone = code.partition(".")[0]
        files[f"workflow/invalid.{code}.json"] = {
            "about": about,
            "workflow": invalid,
            "error": code_alone,
        }
    return files
