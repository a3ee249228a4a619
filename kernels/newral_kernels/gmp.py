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
