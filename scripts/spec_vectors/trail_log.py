"""The trail: entries, ids, commitments, Merkle trees, entry bundles."""

from __future__ import annotations

import json
from typing import Any, Final

import msgspec

from newral_ledger import merkle, tiles
from newral_spec import trail
from newral_spec.messages import UnitResult, commit, result_sha256
from spec_vectors.answers import REQUEST
from spec_vectors.cast import COORDINATOR, NODE, NOW, REQUESTER, digest
from spec_vectors.files import Files
from spec_vectors.work import COMMITMENTS, JOB, LEASES, RESULTS, UNITS

ENTRIES: Final[tuple[trail.Entry, ...]] = (
    trail.PolicySet(
        at=NOW,
        coordinator=COORDINATOR.public_key,
        price=1_000_000,
        quorum=2,
        grant=10_000_000_000,
    ),
    trail.TransferPosted(
        at=NOW,
        id=trail.transfer_id("grant", REQUESTER.public_key),
        debit=trail.ISSUANCE,
        credit=trail.requester_account(REQUESTER.public_key),
        amount=10_000_000_000,
        reason="grant",
    ),
    trail.JobAccepted(
        at=NOW,
        job=JOB,
        request=REQUEST.id,
        requester=REQUESTER.public_key,
        workflow_sha256=digest("workflow"),
        budget=2_500_000,
    ),
    trail.TransferPosted(
        at=NOW,
        id=trail.transfer_id("escrow", JOB),
        debit=trail.requester_account(REQUESTER.public_key),
        credit=trail.escrow_account(JOB),
        amount=2_500_000,
        reason="escrow",
        job=JOB,
    ),
    trail.LeaseGranted(
        at=NOW + 1,
        lease=LEASES[0],
        unit=UNITS[0],
        unit_sha256=digest("unit"),
        job=JOB,
        stage="search",
        kernel="carmichael",
        version="1",
        provider=NODE.public_key,
        fence=1,
        price=1_250_000,
    ),
    trail.CommitmentReceived(
        at=NOW + 2,
        lease=LEASES[0],
        unit=UNITS[0],
        provider=NODE.public_key,
        commitment=COMMITMENTS[0].commitment,
        event=digest("sealed result"),
    ),
    trail.VerdictGiven(
        at=NOW + 2,
        lease=LEASES[0],
        unit=UNITS[0],
        job=JOB,
        provider=NODE.public_key,
        outcome="accepted",
        reason="agreed: 2 independent providers returned it",
        nonce=RESULTS[0].nonce,
        result_sha256=result_sha256(RESULTS[0]),
        credits=1_250_000,
    ),
    trail.TransferPosted(
        at=NOW + 2,
        id=trail.transfer_id("work", LEASES[0]),
        debit=trail.escrow_account(JOB),
        credit=trail.provider_account(NODE.public_key),
        amount=1_250_000,
        reason="work",
        job=JOB,
        lease=LEASES[0],
    ),
    trail.TransferPosted(
        at=NOW + 3,
        id=trail.transfer_id("refund", JOB),
        debit=trail.escrow_account(JOB),
        credit=trail.requester_account(REQUESTER.public_key),
        amount=1_250_000,
        reason="refund",
        job=JOB,
    ),
    trail.JobEnded(
        at=NOW + 3,
        job=JOB,
        state="completed",
        output_sha256=digest("output"),
        reason="every unit is accepted",
    ),
)
"""A job from beginning to end; the quorum's other half is left out."""


def entries() -> Files:
    """Files under `trail/`, one for each type of entry and transfer."""
    files: Files = {}
    for entry in ENTRIES:
        raw = trail.encode_entry(entry)
        built = msgspec.to_builtins(entry)
        case = (
            f"{built['type']}.{built['reason']}" if built["type"] == "transfer" else built["type"]
        )
        files[f"trail/valid.{case}.json"] = {
            "bytes": raw.decode(),
            "leaf_hash": merkle.leaf_hash(raw).hex(),
            "expected": built,
        }
    for case, (about, text) in _invalid_entries().items():
        files[f"trail/invalid.{case}.json"] = {"about": about, "bytes": text, "error": "entry"}
    return files


def _invalid_entries() -> dict[str, tuple[str, str]]:
    raw = trail.encode_entry(ENTRIES[-1]).decode()
    built = json.loads(raw)

    def altered(**members: Any) -> str:
        kept = {name: value for name, value in (built | members).items() if value is not ...}
        return json.dumps(kept, sort_keys=True, separators=(",", ":"))

    return {
        "not_json": ("Truncated.", raw[:-1]),
        "white_space": ("Canonical JSON has none.", raw.replace(",", ", ", 1)),
        "order": ("Members are sorted.", json.dumps(built | {"at": 0}, separators=(",", ":"))
                  .replace('{"at":0,', "{")[:-1] + ',"at":1800000003}'),
        "default": ("A default is left out.", altered(reason="")),
        "unknown_member": ("A member that nobody knows.", altered(colour="red")),
        "missing_member": ("Every entry has a time.", altered(at=...)),
        "type": ("A type that nobody knows.", altered(type="job-paused")),
        "upper_case": ("Hexadecimal is lower-case.", altered(job=JOB.upper())),
        "state": ("A state that nobody knows.", altered(state="done")),
    }  # fmt: skip


def identifiers() -> dict[str, Any]:
    """`ids.json`: parts and their hash."""

    def case(function: str, *parts: str | int) -> dict[str, Any]:
        build: Any = getattr(trail, function)
        return {"function": function, "arguments": list(parts), "id": build(*parts)}

    return {
        "about": "sha256 over the UTF-8 of a domain and the arguments, each followed by a zero "
        "byte; the domains are newral/unit/1, newral/lease/1 and newral/transfer/1.",
        "cases": [
            case("unit_id", JOB, "search", 0),
            case("unit_id", JOB, "search", 12_345),
            case("lease_id", UNITS[0], 1),
            case("lease_id", UNITS[0], 2),
            case("transfer_id", "grant", REQUESTER.public_key),
            case("transfer_id", "escrow", JOB),
            case("transfer_id", "work", LEASES[0]),
            case("transfer_id", "refund", JOB),
        ],
    }


def commitments() -> dict[str, Any]:
    """`commitments.json`."""
    odd = UnitResult(lease=LEASES[0], nonce="00" * 32, result={"é": "😀\n", "": [], "10": {}})
    empty = UnitResult(lease=LEASES[0], nonce="ff" * 32, failed="")
    return {
        "about": "sha256 over 'newral/commitment/1' and four times 32 bytes: provider, unit, nonce "
        "and result_sha256, which is of the canonical result, the blob, or the failure's UTF-8.",
        "cases": [
            {
                "provider": NODE.public_key,
                "unit": unit,
                "nonce": result.nonce,
                "result": msgspec.to_builtins(result),
                "result_sha256": result_sha256(result),
                "commitment": commit(NODE.public_key, unit, result.nonce, result_sha256(result)),
            }
            for unit, result in zip(
                (*UNITS, UNITS[0], UNITS[0]), (*RESULTS, odd, empty), strict=True
            )
        ],
    }


def merkle_trees() -> dict[str, Any]:
    """`merkle.json`: RFC 6962's own leaves, then our entries; roots, proofs, a bundle."""
    leaves = [
        bytes.fromhex(text)
        for text in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657",
                     "606162636465666768696a6b6c6d6e6f")
    ]  # fmt: skip
    hashes = [merkle.leaf_hash(leaf) for leaf in leaves]

    def node(subtree: merkle.Subtree) -> bytes:
        start = subtree.offset << subtree.level
        return merkle.tree_root(hashes[start : start + (1 << subtree.level)])

    size = len(leaves)
    raws = [trail.encode_entry(entry) for entry in ENTRIES]
    address = tiles.BundleAddress(0, len(raws))
    return {
        "about": "Roots of the first n leaves; inclusion and consistency proofs (RFC 9162); the "
        "entries of trail/ in order as one partial C2SP entry bundle, and their root.",
        "leaves": [leaf.hex() for leaf in leaves],
        "leaf_hashes": [item.hex() for item in hashes],
        "roots": [merkle.tree_root(hashes[:count]).hex() for count in range(size + 1)],
        "inclusion": [
            {"index": index, "size": count,
             "proof": [item.hex() for item in merkle.inclusion_proof(index, count, node)]}
            for index, count in ((0, 1), (0, 8), (5, 8), (2, 3), (4, 5), (6, 7))
        ],
        "consistency": [
            {"old": old, "new": new,
             "proof": [item.hex() for item in merkle.consistency_proof(old, new, node)]}
            for old, new in ((1, 1), (1, 8), (6, 8), (2, 5), (4, 8), (3, 7))
        ],
        "log": {
            "entries": [raw.decode() for raw in raws],
            "root": merkle.tree_root(map(merkle.leaf_hash, raws)).hex(),
            "path": f"/log/tile/entries/{tiles.bundle_path(address)}",
            "bundle": tiles.encode_bundle(raws).hex(),
        },
        "paths": [
            {"number": number, "width": width,
             "path": tiles.bundle_path(tiles.BundleAddress(number, width))}
            for number, width in ((0, 256), (0, 12), (999, 256), (1000, 256), (1_234_067, 256),
                                  (1_234_067, 1))
        ],
    }  # fmt: skip
