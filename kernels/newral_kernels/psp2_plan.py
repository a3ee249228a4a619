"""How a search for base-2 pseudoprimes is cut into domains of even cost, and what they cost."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from newral_kernels.certificates.small import is_small_prime
from newral_kernels.psp2_domain import SIEVE_STOP, Domain
from newral_kernels.psp2_weights import GRID_FIRST, GRID_LAST, grid_point, primes, weight

COST_PER_STRUCK_TERM_S: Final = 1.1e-9
COST_PER_EXPONENT_BIT_S: Final = 0.33e-9  # of a term that is tested
COST_PER_PRIME_S: Final = 150e-9  # near 10^8
COST_PER_PRIME_GROWTH_S: Final = 12e-9  # for each factor e of p
COST_PER_LEAF_S: Final = 40e-6
COST_PER_UNIT_S: Final = 2e-3

_DENSE: Final = 64  # beyond, there is a prime between any two points of the table
_ROUNDING: Final = 1.2  # cells that exceed the target by less stay whole


def cost(domain: Domain) -> float:
    """Expected work in reference-core seconds."""
    searched = max(domain.stop - max(domain.start, domain.low**2), 0)  # n >= p²
    per_prime = COST_PER_PRIME_S + COST_PER_PRIME_GROWTH_S * math.log(domain.high / 10**8)
    return (
        COST_PER_UNIT_S
        + COST_PER_LEAF_S * domain.leaves
        + per_prime * primes(domain.low, domain.high)
        + _cost_per_term(domain) * searched * weight(domain.low, domain.high)
    )


def _cost_per_term(domain: Domain) -> float:
    """What a sieve by the primes below q leaves, some e^−γ/ln q of all, is tested.

    The factor was fitted: no term is even, and no prime of the step divides one.
    """
    full = domain.low < domain.full_below
    bits = (domain.stop if full else domain.high).bit_length()
    usual = domain.width / (domain.low * domain.high)  # terms, where the order is large
    sieved_to = max(min(domain.low, SIEVE_STOP, usual), math.e)
    tested = min(1.35 / math.log(sieved_to), 1.0)
    return COST_PER_STRUCK_TERM_S + tested * bits * COST_PER_EXPONENT_BIT_S


def cut(whole: Domain, target_s: float) -> Iterator[Domain]:
    """Disjoint domains that make up the given one, of about `target_s` each.

    Between the points of the table of weights p is cut only where the orders are the cost.
    """
    group: Domain | None = None
    for cell in _cells(whole):
        joined = cell if group is None else replace(group, high=cell.high)
        if group is not None and (cost(joined) > target_s or not _alike(group, cell)):
            yield group
            joined = cell
        if cost(joined) > _ROUNDING * target_s:
            yield from _slices(joined, math.ceil(cost(joined) / target_s))
            group = None
        else:
            group = joined
    if group is not None:
        yield group


def _cells(whole: Domain) -> Iterator[Domain]:
    """Cut at every point of the table, without cells that have no prime."""
    inner = {grid_point(k) for k in range(GRID_FIRST, GRID_LAST)}
    cuts = {whole.low, whole.high} | {p for p in inner if whole.low < p < whole.high}
    for low, high in itertools.pairwise(sorted(cuts)):
        if high > _DENSE or any(map(is_small_prime, range(low, high))):
            yield replace(whole, low=low, high=high)


def _alike(group: Domain, cell: Domain) -> bool:
    """Whether they would be searched in the same way, together too."""
    return group.by_terms == cell.by_terms == replace(group, high=cell.high).by_terms


def _slices(cell: Domain, count: int) -> Iterator[Domain]:
    """Parts of even cost: of n where the terms are the cost, or else of p."""
    if cell.by_terms:
        cuts = [cell.start + cell.width * i // count for i in range(count + 1)]
        for start, stop in itertools.pairwise(cuts):
            yield replace(cell, start=start, stop=stop)
    else:
        span = cell.high - cell.low
        cuts = [cell.low + span * i // count for i in range(count + 1)]
        for low, high in itertools.pairwise(cuts):
            if low < high:
                yield replace(cell, low=low, high=high)
