"""How a search for base-2 pseudoprimes is cut into domains of even cost, and what they cost."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from newral_kernels.psp2_domain import Domain
from newral_kernels.psp2_weights import GRID_FIRST, GRID_LAST, grid_point, primes, weight

COST_PER_TERM_S: Final = 3.4e-9  # of long progressions, most terms of which a sieve strikes
COST_PER_LONE_TERM_S: Final = 12e-9  # of short ones, all of which are tested
COST_PER_PRIME_S: Final = 150e-9
COST_PER_LEAF_S: Final = 60e-6
COST_PER_UNIT_S: Final = 2e-3

_ROUNDING: Final = 1.2  # cells that exceed the target by less stay whole


def cost(domain: Domain) -> float:
    """Expected work in reference-core seconds."""
    terms = domain.width * weight(domain.low, domain.high)
    per_term = COST_PER_TERM_S if domain.by_terms else COST_PER_LONE_TERM_S
    return (
        COST_PER_UNIT_S
        + COST_PER_LEAF_S * domain.leaves
        + COST_PER_PRIME_S * primes(domain.low, domain.high)
        + per_term * terms
    )


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
    """Cut at every point of the table."""
    inner = (grid_point(k) for k in range(GRID_FIRST, GRID_LAST))
    cuts = [whole.low, *(p for p in inner if whole.low < p < whole.high), whole.high]
    for low, high in itertools.pairwise(cuts):
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
