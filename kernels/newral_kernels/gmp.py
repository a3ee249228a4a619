"""The functions of GMP that the kernels use, with types: gmpy2 ships none.

Results are gmpy2's `mpz`, which behaves as an `int` in arithmetic; `int()` it before it leaves as
JSON.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import gmpy2  # type: ignore[import-untyped]

powmod: Final[Callable[[int, int, int], int]] = gmpy2.powmod
"""base^exponent mod modulus."""

invert: Final[Callable[[int, int], int]] = gmpy2.invert
"""The inverse of the first modulo the second; ZeroDivisionError where there is none."""

jacobi: Final[Callable[[int, int], int]] = gmpy2.jacobi
"""The Jacobi symbol of the first over the second, an odd positive integer."""

gcd: Final[Callable[[int, int], int]] = gmpy2.gcd
"""The greatest common divisor."""

mpz: Final[Callable[[int], int]] = gmpy2.mpz
"""An integer on which arithmetic stays with GMP."""

is_strong_prp: Final[Callable[[int, int], bool]] = gmpy2.is_strong_prp
"""The strong probable-prime test of an odd number to a base that it does not divide."""

is_strong_bpsw_prp: Final[Callable[[int], bool]] = gmpy2.is_strong_bpsw_prp
"""The strong test to base 2, then the strong Lucas test with Selfridge's parameters."""

iroot: Final[Callable[[int, int], tuple[int, bool]]] = gmpy2.iroot
"""The integer part of a root, and whether it is exact."""

is_extra_strong_lucas_prp: Final[Callable[[int, int], bool]] = gmpy2.is_extra_strong_lucas_prp
"""The extra strong Lucas test of an odd number with the given P, P² − 4 prime to it, and Q = 1."""

is_strong_selfridge_prp: Final[Callable[[int], bool]] = gmpy2.is_strong_selfridge_prp
"""The strong Lucas test with Selfridge's parameters (method A); False for squares."""

lucasu_mod: Final[Callable[[int, int, int, int], int]] = gmpy2.lucasu_mod
"""U_k modulo n of the Lucas sequence with parameters P and Q, given as P, Q, k, n."""

lucasv_mod: Final[Callable[[int, int, int, int], int]] = gmpy2.lucasv_mod
"""V_k modulo n of the Lucas sequence with parameters P and Q, given as P, Q, k, n."""
