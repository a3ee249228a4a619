"""Factors that are nearly small multiples of one another.

Composites that pass probable-prime tests tend to be (ak ± 1)(bk ± 1) with small a and b:
C. Pomerance, J. L. Selfridge and S. S. Wagstaff, *The pseudoprimes to 25·10^9*, Math. Comp. 35
(1980).
"""

from __future__ import annotations

import math
from typing import Final

from newral_kernels.gmp import gcd

MULTIPLE_MAX: Final = 32


def near_multiple_factor(n: int) -> int | None:
    """A proper factor of n = (ak + s)(bk + t) with a <= b <= 32 and s, t = ±1; None without.

    (at − bs)² + 4abn is the discriminant of the equation in k, a Fermat step for abn.
    """
    for b in range(1, MULTIPLE_MAX + 1):
        for a in range(1, b + 1):
            if math.gcd(a, b) > 1:
                continue
            for difference in (b - a, b + a):
                square = difference * difference + 4 * a * b * n
                root = math.isqrt(square)
                if root * root != square:
                    continue
                factor = int(gcd(root + difference, n))
                if 1 < factor < n:
                    return factor
    return None
