"""Leaves are written in one form, hashed as RFC 6962 says, and opened so that skipping shows."""

from __future__ import annotations

import hashlib
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newral_kernels.commitment import (
    LEAF_BYTES,
    LEAVES_MAX,
    OPENED,
    decode_leaves,
    encode_leaves,
    leaf,
    merkle_root,
    opened,
)
from newral_kernels.errors import ResultError

leaves_lists = st.lists(st.binary(min_size=LEAF_BYTES, max_size=LEAF_BYTES), max_size=70)


def read(value: object) -> list[bytes]:
    return decode_leaves(value, count_max=70, field="leaves", error=ResultError)


def tree_by_definition(leaves: list[bytes]) -> bytes:
    """RFC 6962, section 2.1, word by word."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return hashlib.sha256(b"\x00" + leaves[0]).digest()
    split = 1 << (len(leaves) - 1).bit_length() - 1
    left, right = tree_by_definition(leaves[:split]), tree_by_definition(leaves[split:])
    return hashlib.sha256(b"\x01" + left + right).digest()


@given(leaves_lists)
def test_the_root_is_the_tree_hash_of_rfc_6962(leaves: list[bytes]) -> None:
    assert merkle_root(leaves) == tree_by_definition(leaves).hex()


@given(leaves_lists)
def test_leaves_survive_their_text(leaves: list[bytes]) -> None:
    assert read(encode_leaves(leaves)) == leaves


@pytest.mark.parametrize(
    "value", [None, 3, "é", "AAAA", "AAAAAAA=", "AAAAAB==", "A" * 4000, "====", b""]
)
def test_any_other_text_is_refused(value: object) -> None:
    with pytest.raises(ResultError, match="leaves"):
        read(value)


def test_a_leaf_is_short_and_depends_on_all_its_data() -> None:
    assert len(leaf(b"abc")) == LEAF_BYTES
    assert leaf(b"abc") != leaf(b"abd")


@given(count=st.integers(0, LEAVES_MAX), seed=st.binary(max_size=32))
def test_distinct_leaves_are_opened_as_the_seed_says(count: int, seed: bytes) -> None:
    unit = {"start": "1"}
    chosen = opened(unit, count, seed)
    assert chosen == sorted(set(chosen)) == opened(dict(unit), count, seed)
    assert len(chosen) == min(count, OPENED)
    assert all(0 <= index < count for index in chosen)


def test_another_unit_or_seed_opens_others() -> None:
    choices = {
        tuple(opened({"start": str(i)}, 1000, bytes([j]))) for i in range(5) for j in range(5)
    }
    assert len(choices) == 25


@pytest.mark.parametrize("count", [OPENED, 100, 700, LEAVES_MAX])
def test_skipping_a_tenth_is_missed_less_than_once_in_a_thousand_times(count: int) -> None:
    done = count - math.ceil(count / 10)
    assert math.comb(done, OPENED) / math.comb(count, OPENED) < 1e-3 if done >= OPENED else True


def test_every_leaf_is_opened_equally_often() -> None:
    often = [0] * 200
    for seed in range(400):
        for index in opened({}, 200, seed.to_bytes(2, "big")):
            often[index] += 1
    assert min(often) > 80  # of 132 expected, with a standard deviation of 9.4
    assert max(often) < 184
