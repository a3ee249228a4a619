"""Every vector of the specification, through our codec."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

import msgspec
import pytest
from newral_testing import vectors

from newral_kernels import registry
from newral_ledger import merkle, tiles
from newral_spec import event, trail
from newral_spec.canonical import NotCanonical, canonical_json, parse_json, sha256_hex
from newral_spec.event import InvalidEvent, parse_event, verify_event
from newral_spec.messages import (
    InvalidMessage,
    Stage,
    UnitResult,
    check_workflow,
    commit,
    result_sha256,
    topological_order,
)
from newral_spec.nips import blossom, nip44
from newral_spec.session import RemoteProtocolError, wire


@pytest.mark.parametrize("name", vectors.message_names("valid*.json"))
def test_a_valid_message_says_what_is_expected(name: str) -> None:
    vector = vectors.load(name)
    assert _as_json(vectors.decode(vector)) == vector["expected"]


def _as_json(message: object) -> Any:
    return msgspec.json.decode(msgspec.json.encode(message))


@pytest.mark.parametrize("name", vectors.message_names("valid*.json", round_trip=True))
def test_a_valid_message_is_encoded_to_the_same_draft(name: str) -> None:
    vector = vectors.load(name)
    draft = vectors.encode(vector)
    signed = vector["event"]
    assert draft.kind == signed["kind"]
    assert [list(tag) for tag in draft.tags] == signed["tags"]
    assert draft.content == vector.get("plaintext", signed["content"])


@pytest.mark.parametrize("name", vectors.message_names("invalid*.json"))
def test_an_invalid_message_is_refused_with_its_code(name: str) -> None:
    vector = vectors.load(name)
    with pytest.raises(InvalidMessage) as caught:
        vectors.decode(vector)
    assert caught.value.code == vector["error"] == Path(name).name.split(".")[1]
    assert str(caught.value)


def test_encrypted_content_is_the_plaintext_under_its_nonce() -> None:
    encrypted = 0
    for name, vector, plaintext in vectors.contents():
        if "encryption" not in vector:
            continue
        encryption = vector["encryption"]
        key, nonce = (bytes.fromhex(encryption[part]) for part in ("conversation_key", "nonce"))
        assert nip44.encrypt(plaintext, key, nonce) == vector["event"]["content"], name
        encrypted += 1
    assert encrypted > 30


@pytest.mark.parametrize("name", vectors.names("event/valid*.json"))
def test_a_valid_event_is_authentic(name: str) -> None:
    vector = vectors.load(name)
    parsed = parse_event(vectors.joined(vector))
    verify_event(parsed)
    if "expected" in vector:
        assert msgspec.json.decode(parsed.to_json()) == vector["expected"]


@pytest.mark.parametrize("name", vectors.names("event/invalid*.json"))
def test_an_invalid_event_is_refused_with_its_code(name: str) -> None:
    vector = vectors.load(name)
    with pytest.raises(InvalidEvent) as caught:
        verify_event(parse_event(vectors.joined(vector)))
    assert caught.value.code == vector["error"]


@pytest.mark.parametrize("name", vectors.names("workflow/*.json"))
def test_workflows(name: str) -> None:
    vector = vectors.load(name)
    stages = msgspec.convert(vector["workflow"], tuple[Stage, ...])
    if "error" in vector:
        with pytest.raises(InvalidMessage) as caught:
            check_workflow(stages)
        assert caught.value.code == vector["error"]
    else:
        check_workflow(stages)
        assert _as_json(topological_order(stages)) == vector["expected"]


@pytest.mark.parametrize("name", vectors.names("trail/*.json"))
def test_trail_entries(name: str) -> None:
    vector = vectors.load(name)
    raw = vector["bytes"].encode()
    if "error" in vector:
        with pytest.raises(trail.InvalidEntry):
            trail.decode_entry(raw)
    else:
        entry = trail.decode_entry(raw)
        assert msgspec.to_builtins(entry) == vector["expected"]
        assert trail.encode_entry(entry) == raw == canonical_json(vector["expected"])
        assert merkle.leaf_hash(raw).hex() == vector["leaf_hash"]


def test_every_type_of_entry_and_reason_of_a_transfer_has_a_vector() -> None:
    reasons = trail.TransferReason.__args__  # type: ignore[attr-defined]
    types = [entry.__struct_config__.tag for entry in trail.Entry.__args__]
    cases = {f"transfer.{reason}" for reason in reasons} | {*types} - {"transfer"}
    assert set(vectors.names("trail/valid*.json")) == {f"trail/valid.{case}.json" for case in cases}


def test_canonical_json() -> None:
    vector = vectors.load("canonical_json.json")
    for case in vector["valid"]:
        raw = canonical_json(parse_json(case["text"]))
        assert raw.decode() == case["canonical"]
        assert sha256_hex(raw) == case["sha256"]
        assert canonical_json(parse_json(raw)) == raw
    for case in vector["invalid"]:
        with pytest.raises(NotCanonical):
            parse_json(case["text"])


def test_ids() -> None:
    for case in vectors.load("ids.json")["cases"]:
        assert getattr(trail, case["function"])(*case["arguments"]) == case["id"]


def test_commitments() -> None:
    for case in vectors.load("commitments.json")["cases"]:
        digest = result_sha256(msgspec.convert(case["result"], UnitResult))
        assert digest == case["result_sha256"]
        opened = commit(case["provider"], case["unit"], case["nonce"], digest)
        assert opened == case["commitment"]


def test_merkle_trees() -> None:
    vector = vectors.load("merkle.json")
    hashes = [merkle.leaf_hash(bytes.fromhex(leaf)) for leaf in vector["leaves"]]
    roots = [bytes.fromhex(root) for root in vector["roots"]]
    assert [item.hex() for item in hashes] == vector["leaf_hashes"]
    assert [merkle.tree_root(hashes[:size]) for size in range(len(roots))] == roots
    for case in vector["inclusion"]:
        proof = [bytes.fromhex(item) for item in case["proof"]]
        index, size = case["index"], case["size"]
        assert merkle.verify_inclusion(hashes[index], index, size, proof, roots[size])
    for case in vector["consistency"]:
        proof = [bytes.fromhex(item) for item in case["proof"]]
        old, new = case["old"], case["new"]
        assert merkle.verify_consistency(old, new, roots[old], roots[new], proof)


def test_entry_bundles() -> None:
    vector = vectors.load("merkle.json")
    log = vector["log"]
    raws = tiles.decode_bundle(bytes.fromhex(log["bundle"]), len(log["entries"]))
    assert [raw.decode() for raw in raws] == log["entries"]
    assert merkle.tree_root(map(merkle.leaf_hash, raws)).hex() == log["root"]
    for case in vector["paths"]:
        address = tiles.BundleAddress(case["number"], case["width"])
        assert tiles.bundle_path(address) == case["path"]
        assert tiles.parse_bundle_path(case["path"]) == address


@pytest.mark.parametrize("side", ["clients", "relays"])
def test_relay_session_lines(side: str) -> None:
    parse = wire.parse_client_message if side == "clients" else wire.parse_relay_message
    vector = vectors.load(f"relay_session/from_{side}.json")
    for case in vector["valid"]:
        message = parse(case["line"])
        assert type(message).__name__ == case["type"]
        assert json.loads(wire.serialise(message)) == case["means"]
    for case in vector["invalid"]:
        with pytest.raises(RemoteProtocolError) as caught:
            parse(case["line"])
        assert caught.value.event_id == case["event_id"], case
        assert caught.value.subscription == case["subscription"], case


def test_blossom_authorisations() -> None:
    vector = vectors.load("blossom.json")
    for case in vector["valid"]:
        found = blossom.verify(case["header"], "upload", vector["sha256"], vector["now"])
        assert found == case["public_key"]
    for case in vector["invalid"]:
        with pytest.raises(blossom.BlossomError):
            blossom.verify(case["header"], "upload", vector["sha256"], vector["now"])


@pytest.mark.parametrize("name", vectors.names("kernels/*.json"))
def test_kernels_return_the_same_bytes(name: str) -> None:
    vector = vectors.load(name)
    kernel = registry.get(vector["kernel"], vector["version"])
    result = kernel.run(vector["unit"], progress=lambda _: None, checkpoint=lambda _: None)
    raw = canonical_json(result)
    assert raw == canonical_json(vector["result"])
    assert (len(raw), sha256_hex(raw)) == (vector["result_bytes"], vector["result_sha256"])


def test_the_vectors_are_what_the_script_makes(tmp_path: Path) -> None:
    assert _made("make_vectors.py", tmp_path) == _files(vectors.VECTORS)


def _made(script: str, folder: Path) -> dict[str, bytes]:
    command = [sys.executable, vectors.REPOSITORY / "scripts" / script, folder]
    subprocess.run(command, check=True, timeout=60)
    return _files(folder)


def _files(folder: Path) -> dict[str, bytes]:
    found = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in found}


# -- every code has a vector -----------------------------------------------------------------------

_HELPERS = {
    "required_tag": ("missing_{}",),
    "hex_tag": ("missing_{}", "bad_{}"),
    "decimal_tag": ("bad_{}",),
    "parse_decimal": ("bad_{}",),
    "decode_content": ("content",),
    "require_kind": ("kind",),
}
"""What a call of each may raise, by the name that is its last positional argument."""

_FUNCTIONS_OF = {
    "job.py": "job_request",
    "feedback.py": "feedback",
    "result.py": "job_result",
    "announcement.py": "announcement",
}
_WORK_FUNCTIONS = {
    "decode_work_request": "work_request",
    "decode_lease_offer": "lease",
    "decode_commitments": "sealed_results",
    "decode_sealed_results": "sealed_results",
    "result_sha256": "sealed_results",
    "_check_result": "sealed_results",
    "decode_receipt": "receipt",
    "decode_checkpoint": "checkpoint",
}


def _codes_in(node: ast.AST, error: str) -> set[str]:
    """Every code that the functions below a node can raise by themselves."""
    codes: set[str] = set()
    for call in ast.walk(node):
        if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name):
            continue
        if call.func.id == error:
            code = call.args[0]
            assert isinstance(code, ast.Constant), f"line {code.lineno}: not a literal"
            codes.add(code.value)
        elif call.func.id in _HELPERS and error == "InvalidMessage":
            name = call.args[-1]
            known = name.value if isinstance(name, ast.Constant) else ""
            templates = _HELPERS[call.func.id]
            codes.update(template.format(known) for template in templates)
    return codes


def _raised_codes() -> dict[str, set[str]]:
    """Message to codes, read from the source."""
    folder = Path(event.__file__).parent / "messages"
    raised: dict[str, set[str]] = defaultdict(set)
    for name, message in _FUNCTIONS_OF.items():
        raised[message] |= _codes_in(ast.parse((folder / name).read_text()), "InvalidMessage")
    raised["workflow"] = _codes_in(
        ast.parse((folder / "workflow.py").read_text()), "InvalidMessage"
    )
    for name in ("work.py", "receipt.py"):
        for function in ast.parse((folder / name).read_text()).body:
            codes = _codes_in(function, "InvalidMessage")
            if codes:
                assert isinstance(function, ast.FunctionDef)
                raised[_WORK_FUNCTIONS[function.name]] |= codes
    for message, codec in vectors.CODECS.items():
        if codec.always_sealed:
            raised[message].add("encrypted")
    raised["event"] = _codes_in(ast.parse(Path(event.__file__).read_text()), "InvalidEvent")
    return raised


@pytest.mark.parametrize("message", sorted([*vectors.CODECS, "workflow", "event"]))
def test_every_code_that_can_be_raised_has_a_vector(message: str) -> None:
    shown = {Path(name).name.split(".")[1] for name in vectors.names(f"{message}/invalid*.json")}
    raised = _raised_codes()[message]
    assert raised
    assert raised <= shown
    # A job request can break the rules of workflows too; no other vector has a code of its own.
    assert shown - raised <= (_raised_codes()["workflow"] if message == "job_request" else set())
