"""Carmichael numbers as n = P·q·r or P·m over preproducts P: the compiled search.

After R. G. E. Pinch, *The Carmichael numbers up to 10^15*, Math. Comp. 61 (1993), and A. Shallue
and J. Webster, *Advances in tabulating Carmichael numbers* (2024). `tree` walks through the
preproducts and decides how each is completed: `pairs` goes over primes q, `cofactors` over m.
"""
