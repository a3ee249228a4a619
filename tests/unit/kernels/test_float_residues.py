"""Residues in doubles, against Python's integers, up to the largest modulus."""

from __future__ import annotations

import math
import random

import numpy as np
import pytest

from newral_kernels.float_residues import MODULUS_BITS_MAX, inverse_mod, invert_each, mul_mod
from newral_kernels.jit import compiled

LARGEST = 2**MODULUS_BITS_MAX
MODULI = [3, 101, 2**20 - 3, 2**32 + 15, LARGEST - 27, LARGEST - 1, LARGEST - 2]


@compiled("float64(float64, float64, float64)")
def product(a: float, b: float, modulus: float) -> float:
    return mul_mod(a, b, modulus, 1.0 / modulus)


@compiled("void(float64[::1], int64, float64)")
def invert(tree: np.ndarray, count: int, modulus: float) -> None:
    invert_each(tree, count, modulus)


@compiled("int64(int64, int64)")
def inverse(a: int, modulus: int) -> int:
    return inverse_mod(a, modulus)


@pytest.mark.parametrize("modulus", MODULI)
def test_products_are_those_of_integers(modulus: int) -> None:
    draw = random.Random(modulus)
    largest = 6 * modulus // 10
    extremes = [0, 1, -1, largest, -largest, modulus // 2, -(modulus // 2)]
    values = extremes + [draw.randint(-largest, largest) for _ in range(300)]
    for a, b in zip(values, draw.sample(values, len(values)), strict=True):
        found = product(float(a), float(b), float(modulus))
        assert found.is_integer()
        assert abs(found) < 0.6 * modulus
        assert (int(found) - a * b) % modulus == 0


@pytest.mark.parametrize("modulus", MODULI)
@pytest.mark.parametrize("count", [1, 2, 3, 7, 8, 9, 100, 1023, 1024])
def test_inverses_of_many_are_those_of_each(modulus: int, count: int) -> None:
    draw = random.Random(count)
    values: list[int] = []
    while len(values) < count:
        value = draw.randrange(-(modulus // 2), modulus // 2 + 1)
        if math.gcd(value, modulus) == 1:
            values.append(value)
    tree = np.zeros(2 * count + 64)
    tree[:count] = values
    invert(tree, count, float(modulus))
    assert all(
        int(found) * value % modulus == 1
        for found, value in zip(tree[:count].tolist(), values, strict=True)
    )


@pytest.mark.parametrize("modulus", [1, 2, 9, 2**61 - 1, 2**62 - 1])
def test_an_inverse_is_python_s_or_zero(modulus: int) -> None:
    draw = random.Random(modulus)
    for value in [0, 1, modulus - 1, *(draw.randrange(modulus) for _ in range(100))]:
        coprime = math.gcd(value, modulus) == 1
        assert inverse(value, modulus) == (pow(value, -1, modulus) if coprime else 0)
