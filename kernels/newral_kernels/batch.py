"""Probable-prime tests of many numbers at once, each under its exact name.

Every function takes a sequence of integers n >= 0, or an array: of unsigned integers, or of the
shape (m, 2) with low and high 64-bit word in each row. It returns an array of booleans, one for
each number: False below 2, True for 2, False for other even numbers, so that the mathematics begins
at odd n >= 3. ValueError where a number is negative.

Numbers below 2^64, and below 2^127, are tested in lock-step by compiled code, without the
interpreter lock; larger ones, too, one by one: but strong tests above 512 bits and Lucas tests
above 3,072 by GMP. With AVX-512 IFMA groups of eight from 449 to 3,321 bits go together.

Sources: R. Baillie and S. S. Wagstaff, *Lucas pseudoprimes*, Math. Comp. 35 (1980); J. Grantham,
*Frobenius pseudoprimes*, Math. Comp. 70 (2001); R. Baillie, A. Fiori and S. S. Wagstaff,
*Strengthening the Baillie-PSW primality test*, Math. Comp. 90 (2021).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from newral_kernels import large_numbers
from newral_kernels.lanes import (
    dispatch,
    lucas,
    lucas_double,
    strong,
    strong_double,
    trial_division,
)
from newral_kernels.lanes.lucas_parameters import EXTRA_STRONG, SELFRIDGE
from newral_kernels.widths import Numbers, Positions, Width, sort_by_width

Flags: TypeAlias = NDArray[np.bool_]
LucasVariant: TypeAlias = Literal["strong", "extra strong"]

BASE_BELOW: Final = 2**64
PROVED_BELOW: Final = 2**64
"""No composite below it passes BPSW, with either Lucas test: none of the base-2 pseudoprimes that
J. Feitsma and W. Galway listed (2013) does. Beyond it nothing is proved."""


def prepare() -> None:
    """Compile, or load from the disk, what the functions of this module call on this machine."""
    for entry in (
        *dispatch.entries(),
        *large_numbers.entries(),
        trial_division.keep_undivided,
        trial_division.keep_undivided_double,
        strong.keep_strong_2,
        strong.keep_strong,
        strong_double.keep_strong_double,
        lucas.keep_lucas,
        lucas_double.keep_lucas_double,
    ):
        entry.prepare()


def is_strong_probable_prime(ns: Numbers, base: int = 2) -> Flags:
    """The Miller-Rabin test. ValueError for a base outside [2, 2^64), and for one that is a
    multiple of an odd n > 1, about which it tells nothing."""
    if not 2 <= base < BASE_BELOW:
        raise ValueError(f"base {base} is outside [2, 2^64)")
    return _test(ns, lambda width, index: width.strong(base, index))


def is_lucas_probable_prime(ns: Numbers) -> Flags:
    """Whether U_(n+1) ≡ 0 (mod n), with Selfridge's parameters (method A, or A*: no difference)."""
    return _test(ns, lambda width, index: width.lucas(SELFRIDGE, lucas.PLAIN, index))


def is_strong_lucas_probable_prime(ns: Numbers) -> Flags:
    """With Selfridge's parameters (method A, or A*: no difference) and n + 1 = d·2^s, d odd:
    whether U_d ≡ 0 or V_(d·2^r) ≡ 0 (mod n) for some 0 <= r < s."""
    return _test(ns, lambda width, index: width.lucas(SELFRIDGE, lucas.STRONG, index))


def is_extra_strong_lucas_probable_prime(ns: Numbers) -> Flags:
    """With the first P of 3, 4, 5, … for which (P² − 4 / n) = −1, Q = 1 and n + 1 = d·2^s, d odd:
    whether U_d ≡ 0 and V_d ≡ ±2, or V_(d·2^r) ≡ 0 (mod n) for some 0 <= r < s − 1 (Grantham)."""
    return _test(ns, lambda width, index: width.lucas(EXTRA_STRONG, lucas.STRONG, index))


def is_almost_extra_strong_lucas_probable_prime(ns: Numbers) -> Flags:
    """The extra strong test without its condition on U_d: slightly weaker, and here no faster."""
    return _test(ns, lambda width, index: width.lucas(EXTRA_STRONG, lucas.ALMOST, index))


def is_bpsw_probable_prime(ns: Numbers, lucas_variant: LucasVariant = "strong") -> Flags:
    """The Baillie-PSW test: strong to base 2, and a strong or extra strong Lucas test.

    No composite that passes either is known; see `PROVED_BELOW`.
    """
    methods = {"strong": SELFRIDGE, "extra strong": EXTRA_STRONG}
    if lucas_variant not in methods:
        raise ValueError(f"{lucas_variant!r} is no Lucas test of BPSW: use one of {[*methods]}")
    method = methods[lucas_variant]

    def stages(width: Width, index: Positions) -> Positions:
        probable = width.strong(2, width.undivided(index))
        return width.lucas(method, lucas.STRONG, probable)

    return _test(ns, stages)


def is_prime(ns: Numbers) -> Flags:
    """Whether each number is prime: proved, by BPSW. ValueError for numbers from 2^64 on."""
    _, widths = sort_by_width(ns)
    if any(width.where.size > 0 for width in widths[1:]):
        raise ValueError("a number is not below 2^64, where the Baillie-PSW test is proved")
    return is_bpsw_probable_prime(ns)


def _test(ns: Numbers, stages: Callable[[Width, Positions], Positions]) -> Flags:
    """Apply stages to the odd numbers from 3 on, of each width."""
    size, widths = sort_by_width(ns)
    flags = np.zeros(size, np.bool_)
    for width in widths:
        flags[width.where[width.twos()]] = True
        odd = width.odd()
        if odd.size > 0:
            flags[width.where[stages(width, odd)]] = True
    return flags
