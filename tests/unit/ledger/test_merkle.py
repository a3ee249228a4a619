"""The tree's hashes and proofs against published values."""

from __future__ import annotations

import pytest

from newral_ledger.merkle import (
    EMPTY_ROOT,
    CompactRange,
    Subtree,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    tree_root,
    verify_consistency,
    verify_inclusion,
)

# The leaves, roots and proofs of google/certificate-transparency's merkle_tree_test.
LEAVES = [
    bytes.fromhex(text)
    for text in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
ROOTS = [
    bytes.fromhex(text)
    for text in (
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    )
]
INCLUSION_OF_5_IN_8 = [
    "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
]
CONSISTENCY_OF_6_AND_8 = [
    "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
    "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
]


def nodes_of(leaves: list[bytes]) -> dict[Subtree, bytes]:
    log = CompactRange()
    return {subtree: digest for leaf in leaves for subtree, digest in log.append(leaf_hash(leaf))}


def test_roots_are_those_of_certificate_transparency() -> None:
    log = CompactRange()
    assert log.root() == EMPTY_ROOT
    for leaf, root in zip(LEAVES, ROOTS, strict=True):
        log.append(leaf_hash(leaf))
        assert log.root() == root


def test_proofs_are_those_of_certificate_transparency() -> None:
    nodes = nodes_of(LEAVES).__getitem__
    assert [item.hex() for item in inclusion_proof(5, 8, nodes)] == INCLUSION_OF_5_IN_8
    assert [item.hex() for item in consistency_proof(6, 8, nodes)] == CONSISTENCY_OF_6_AND_8


def test_a_compact_range_resumes_from_its_bytes() -> None:
    log = CompactRange()
    for leaf in LEAVES[:5]:
        log.append(leaf_hash(leaf))
    resumed = CompactRange.from_bytes(log.size, log.to_bytes())
    for leaf in LEAVES[5:]:
        resumed.append(leaf_hash(leaf))
    assert resumed.root() == ROOTS[7]


@pytest.mark.parametrize(
    ("size", "raw"), [(3, b"x" * 32), (1, b"x" * 64), (1, b"x" * 31), (-1, b""), (0, b"x")]
)
def test_a_compact_range_refuses_bytes_of_another_size(size: int, raw: bytes) -> None:
    with pytest.raises(ValueError, match=r"subtrees|bytes"):
        CompactRange.from_bytes(size, raw)


def test_proofs_of_what_is_not_there_are_refused() -> None:
    nodes = nodes_of(LEAVES).__getitem__
    for index, size in ((8, 8), (-1, 8), (0, 0)):
        with pytest.raises(ValueError, match="has no entry"):
            inclusion_proof(index, size, nodes)
    for old, new in ((0, 8), (9, 8)):
        with pytest.raises(ValueError, match="does not extend"):
            consistency_proof(old, new, nodes)


def test_verification_never_raises_on_nonsense() -> None:
    root = ROOTS[7]
    assert not verify_inclusion(b"", 0, 8, [], root)
    assert not verify_inclusion(leaf_hash(b""), 8, 8, [], root)
    assert not verify_inclusion(leaf_hash(b""), 0, 8, [b"short"] * 3, root)
    assert not verify_inclusion(leaf_hash(b""), 0, 8, [root] * 64, root)
    assert not verify_consistency(9, 8, root, root, [])
    assert not verify_consistency(6, 8, root, root, [])
    assert not verify_consistency(0, 8, root, root, [])
    assert verify_consistency(0, 8, EMPTY_ROOT, root, [])
    assert not verify_consistency(0, 8, EMPTY_ROOT, root, [root])


def test_tree_root_is_the_root_of_a_log() -> None:
    assert tree_root(leaf_hash(leaf) for leaf in LEAVES) == ROOTS[7]
