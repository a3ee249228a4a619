"""The kernels of each test, in the order in which they run; compiled when first launched."""

from __future__ import annotations

import functools
from typing import Any, TypeAlias

import numpy as np

from newral_kernels.cuda import lucas, strong, trial_division
from newral_kernels.cuda.arithmetic import Arithmetic, Number
from newral_kernels.cuda.double_word import DOUBLE_WORD
from newral_kernels.cuda.stages import keeping
from newral_kernels.cuda.target import Flag, device
from newral_kernels.cuda.word import WORD

Chain: TypeAlias = tuple[Any, ...]


def _arithmetic(limbs: int) -> Arithmetic:
    return WORD if limbs == WORD.limbs else DOUBLE_WORD


@functools.cache
def trial(limbs: int) -> Chain:
    """No prime below `trial_division.PRIMES_BELOW` divides n."""
    arithmetic = _arithmetic(limbs)
    return (keeping(arithmetic.load, trial_division.has_no_small_factor(arithmetic)),)


@functools.cache
def strong_to(base: int, limbs: int) -> Chain:
    """The strong test to one base."""
    arithmetic = _arithmetic(limbs)
    passes: Any = strong.is_strong_probable_prime(arithmetic)
    word = np.uint64(base)

    @device
    def test(n: Number) -> Flag:
        return passes(n, word)

    return (keeping(arithmetic.load, test),)


@functools.cache
def strong_lucas(limbs: int) -> Chain:
    """The strong Lucas test with Selfridge's parameters."""
    arithmetic = _arithmetic(limbs)
    return (keeping(arithmetic.load, lucas.is_strong_lucas_probable_prime(arithmetic)),)


@functools.cache
def extra_strong_lucas(limbs: int) -> Chain:
    """The extra strong Lucas test."""
    arithmetic = _arithmetic(limbs)
    return (keeping(arithmetic.load, lucas.is_extra_strong_lucas_probable_prime(arithmetic)),)
