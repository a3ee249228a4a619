"""Powers of 2 modulo many moduli at once agree with Python's, at every bound too."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from newral_kernels.jit import compiled
from newral_kernels.powers import FAST_MIN, FAST_STOP, LANES, powers_of_two


@compiled("void(uint64[::1], uint64[::1], uint64[::1], uint64[::1])")
def batch(moduli: Any, highs: Any, lows: Any, residues: Any) -> None:
    powers_of_two(moduli, highs, lows, residues, np.empty((3, LANES)))


def powers(cases: list[tuple[int, int]]) -> list[int]:
    moduli = np.array([n for n, _ in cases], np.uint64)
    highs = np.array([e >> 64 for _, e in cases], np.uint64)
    lows = np.array([e % 2**64 for _, e in cases], np.uint64)
    residues = np.empty(LANES, np.uint64)
    batch(moduli, highs, lows, residues)
    return [int(residue) for residue in residues]


edges = [3, 5, FAST_MIN - 1, FAST_MIN + 1, FAST_STOP - 1, FAST_STOP + 1, 2**63 - 1]
moduli = st.sampled_from(edges) | st.integers(1, 2**62 - 1).map(lambda n: 2 * n + 1)
fast = st.integers(FAST_MIN // 2, FAST_STOP // 2 - 1).map(lambda n: 2 * n + 1)
exponents = (
    st.sampled_from([0, 1, 63, 64, 2**60, 2**64 - 1, 2**64, 2**66 - 1])
    | st.integers(0, 2**66 - 1)
    | st.integers(0, 2**33)
)


@given(st.lists(st.tuples(moduli, exponents), min_size=LANES, max_size=LANES))
def test_every_power_of_a_batch_is_right(cases: list[tuple[int, int]]) -> None:
    assert powers(cases) == [pow(2, e, n) for n, e in cases]


@given(st.lists(st.tuples(fast, st.integers(2**65, 2**66 - 1)), min_size=LANES, max_size=LANES))
def test_long_exponents_are_right_in_doubles(cases: list[tuple[int, int]]) -> None:
    assert powers(cases) == [pow(2, e, n) for n, e in cases]


def test_the_largest_moduli_of_the_fast_path_with_every_length_of_exponent() -> None:
    for bits in range(1, 67):
        cases = [(FAST_STOP - 1 - 2 * j, 2**bits - 1 - j % 2) for j in range(LANES)]
        assert powers(cases) == [pow(2, e, n) for n, e in cases]
