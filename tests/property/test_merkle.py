"""Roots and proofs against the recursive definitions of RFC 9162, and against forgers."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from newral_ledger.merkle import (
    EMPTY_ROOT,
    CompactRange,
    Subtree,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    node_hash,
    verify_consistency,
    verify_inclusion,
)

SIZE_MAX = 70  # past 64, so that every shape of the upper levels occurs


def split(size: int) -> int:
    power = 1
    while power * 2 < size:
        power *= 2
    return power


def root_of(leaves: list[bytes]) -> bytes:
    if not leaves:
        return EMPTY_ROOT
    if len(leaves) == 1:
        return leaves[0]
    middle = split(len(leaves))
    return node_hash(root_of(leaves[:middle]), root_of(leaves[middle:]))


def path_of(index: int, leaves: list[bytes]) -> list[bytes]:
    if len(leaves) == 1:
        return []
    middle = split(len(leaves))
    if index < middle:
        return [*path_of(index, leaves[:middle]), root_of(leaves[middle:])]
    return [*path_of(index - middle, leaves[middle:]), root_of(leaves[:middle])]


def subproof_of(old: int, leaves: list[bytes], *, whole: bool = True) -> list[bytes]:
    if old == len(leaves):
        return [] if whole else [root_of(leaves)]
    middle = split(len(leaves))
    if old <= middle:
        return [*subproof_of(old, leaves[:middle], whole=whole), root_of(leaves[middle:])]
    return [
        *subproof_of(old - middle, leaves[middle:], whole=False),
        root_of(leaves[:middle]),
    ]


LEAVES = [leaf_hash(b"%d" % number) for number in range(SIZE_MAX)]
ROOTS = [root_of(LEAVES[:size]) for size in range(SIZE_MAX + 1)]


def build() -> dict[Subtree, bytes]:
    log = CompactRange()
    nodes: dict[Subtree, bytes] = {}
    for size, leaf in enumerate(LEAVES):
        assert log.root() == ROOTS[size]
        nodes.update(log.append(leaf))
    return nodes


NODES = build()


def test_every_proof_is_the_recursive_one_and_verifies() -> None:
    for size in range(1, SIZE_MAX + 1):
        for index in range(size):
            proof = inclusion_proof(index, size, NODES.__getitem__)
            assert proof == path_of(index, LEAVES[:size])
            assert verify_inclusion(LEAVES[index], index, size, proof, ROOTS[size])
            proof = consistency_proof(index + 1, size, NODES.__getitem__)
            assert proof == subproof_of(index + 1, LEAVES[:size])
            assert verify_consistency(index + 1, size, ROOTS[index + 1], ROOTS[size], proof)


def mutate(data: st.DataObject, proof: list[bytes]) -> list[bytes]:
    """Another list of hashes than `proof`."""
    how = data.draw(st.sampled_from(["flip", "drop", "add", "swap"] if proof else ["add"]))
    at = data.draw(st.integers(0, max(0, len(proof) - 1)))
    changed = list(proof)
    if how == "flip":
        bit = data.draw(st.integers(0, 255))
        changed[at] = (int.from_bytes(changed[at], "big") ^ (1 << bit)).to_bytes(32, "big")
    elif how == "drop":
        del changed[at]
    elif how == "add":
        changed.insert(at, data.draw(st.sampled_from([*LEAVES[:4], *ROOTS])))
    else:
        other = data.draw(st.integers(0, len(proof) - 1))
        changed[at], changed[other] = changed[other], changed[at]
    return changed


@given(st.data())
def test_a_changed_inclusion_proof_is_never_accepted(data: st.DataObject) -> None:
    size = data.draw(st.integers(1, SIZE_MAX))
    index = data.draw(st.integers(0, size - 1))
    proof = inclusion_proof(index, size, NODES.__getitem__)
    changed = mutate(data, proof)
    assert verify_inclusion(LEAVES[index], index, size, changed, ROOTS[size]) == (changed == proof)


@given(st.data())
def test_an_entry_is_proved_at_its_own_place_only(data: st.DataObject) -> None:
    size = data.draw(st.integers(2, SIZE_MAX))
    index, other = data.draw(
        st.lists(st.integers(0, size - 1), min_size=2, max_size=2, unique=True)
    )
    proof = inclusion_proof(index, size, NODES.__getitem__)
    assert not verify_inclusion(LEAVES[other], index, size, proof, ROOTS[size])
    assert not verify_inclusion(LEAVES[index], other, size, proof, ROOTS[size])


@given(st.data())
def test_a_changed_consistency_proof_is_never_accepted(data: st.DataObject) -> None:
    new = data.draw(st.integers(1, SIZE_MAX))
    old = data.draw(st.integers(1, new))
    proof = consistency_proof(old, new, NODES.__getitem__)
    changed = mutate(data, proof)
    verified = verify_consistency(old, new, ROOTS[old], ROOTS[new], changed)
    assert verified == (changed == proof)


@given(st.integers(1, SIZE_MAX), st.data())
def test_a_rewritten_log_is_not_consistent(new: int, data: st.DataObject) -> None:
    old = data.draw(st.integers(1, new))
    at = data.draw(st.integers(0, old - 1))
    rewritten = [*LEAVES[:at], leaf_hash(b"rewritten"), *LEAVES[at + 1 : new]]
    honest = consistency_proof(old, new, NODES.__getitem__)
    for proof in (honest, subproof_of(old, rewritten)):
        assert not verify_consistency(old, new, ROOTS[old], root_of(rewritten), proof)
