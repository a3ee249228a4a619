"""How a search for base-2 pseudoprimes is cut into domains of even cost, and what they cost."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Final

from newral_kernels.certificates.small import is_small_prime
from newral_kernels.psp2_domain import QUOTIENT_MAX, SIEVE_STOP, SPAN_MAX, Domain
from newral_kernels.psp2_weights import GRID_FIRST, GRID_LAST, grid_point, primes, weight

COST_PER_STRUCK_TERM_S: Final = 1.1e-9
COST_PER_EXPONENT_BIT_S: Final = 0.33e-9  # of a term that is tested
COST_PER_PRIME_S: Final = 150e-9  # near 10^8
COST_PER_PRIME_GROWTH_S: Final = 12e-9  # for each factor e of p
COST_PER_PAIR_S: Final = 3.5e-9
COST_PER_CLASS_BIT_S: Final = 3.2e-9  # of a pair that may have a t, for each bit of p
MEAN_INDEX: Final = 1.7  # of 2 modulo a prime, as far as it makes a t more likely
CLASSES_SHARED: Final = 16  # what the orders of two primes have in common, on average
COST_PER_LEAF_S: Final = 40e-6
COST_PER_UNIT_S: Final = 2e-3

SLICES_SUMMED_MAX: Final = 1000

_DENSE: Final = 64  # beyond, there is a prime between any two points of the table
_ROUNDING: Final = 1.2  # cells that exceed the target by less stay whole


def cost(domain: Domain) -> float:
    """Expected work in reference-core seconds."""
    searched = _cost_of_pairs(domain) if domain.factors == "more" else _cost_of_terms(domain)
    return COST_PER_UNIT_S + COST_PER_LEAF_S * domain.leaves + searched


def _cost_of_terms(domain: Domain) -> float:
    """Of a search by one prime factor."""
    searched = max(domain.stop - max(domain.start, domain.low**2), 0)  # n >= p²
    terms = searched * weight(domain.low, domain.high)
    return _cost_of_orders(domain.low, domain.high) + _cost_per_term(domain) * terms


def _cost_of_pairs(domain: Domain) -> float:
    """Of a search by two prime factors p <= q.

    Up to some q₀ = √(index·width/p) every pair is expected to have a t; beyond, one in (q/q₀)².
    """
    p, stop = math.isqrt(domain.low * domain.high), domain.seconds_stop
    if stop <= p:
        return _cost_of_orders(domain.low, domain.high)
    expected = MEAN_INDEX * domain.width / p
    few = min(max(math.isqrt(int(expected)), p), stop)
    classes = primes(p, few) + expected * (1 / few - 1 / stop) / math.log(few)
    tested = domain.width * weight(domain.low, domain.high) * weight(p, stop) * CLASSES_SHARED
    each = COST_PER_PAIR_S * primes(p, stop) + COST_PER_CLASS_BIT_S * math.log2(p) * classes
    return (
        _cost_of_orders(domain.low, stop)
        + each * primes(domain.low, domain.high)
        + COST_PER_EXPONENT_BIT_S * domain.stop.bit_length() * tested
    )


def _cost_of_orders(low: int, high: int) -> float:
    per_prime = COST_PER_PRIME_S + COST_PER_PRIME_GROWTH_S * math.log(high / 10**8)
    return per_prime * primes(low, high)


def _cost_per_term(domain: Domain) -> float:
    """What a sieve by the primes below q leaves, some e^−γ/ln q of all, is tested.

    The factor was fitted: no term is even, and no prime of the step divides one.
    """
    full = domain.low < domain.full_below
    bits = (domain.stop if full else domain.high).bit_length()
    usual = domain.width / domain.low**2  # terms of the least p, if its order is large
    sieved_to = max(min(domain.low, SIEVE_STOP, usual), math.e)
    tested = min(1.35 / math.log(sieved_to), 1.0)
    return COST_PER_STRUCK_TERM_S + tested * bits * COST_PER_EXPONENT_BIT_S


@dataclass(frozen=True, slots=True)
class Cut:
    """A domain that is to be searched in `count` slices of even cost."""

    domain: Domain
    count: int

    @classmethod
    def evenly(cls, domain: Domain, target_s: float) -> Cut:
        """Into slices of about `target_s`."""
        most = domain.width if domain.by_terms else domain.high - domain.low
        return cls(domain, min(math.ceil(cost(domain) / target_s), most))

    def slice(self, index: int) -> Domain:
        """Of n where the terms are the cost, or else of p."""
        whole = self.domain
        low, high = (whole.start, whole.stop) if whole.by_terms else (whole.low, whole.high)
        first, last = (low + (high - low) * i // self.count for i in (index, index + 1))
        if whole.by_terms:
            return replace(whole, start=first, stop=last)
        return replace(whole, low=first, high=last)

    @property
    def cost_s(self) -> float:
        """The sum of the slices' costs; where they are many, that of the middle one for each."""
        if self.count > SLICES_SUMMED_MAX:
            return self.count * cost(self.slice(self.count // 2))
        return math.fsum(cost(self.slice(index)) for index in range(self.count))


def cut(whole: Domain, target_s: float) -> Iterator[Cut]:
    """Disjoint domains that make up the given one, to be cut into slices of about `target_s` each.

    Between the points of the table of weights p is cut only where the terms are not the cost.
    """
    first, rest = [], []
    for cell in _cells(whole):
        parts = _by_factors(cell)
        first.append(parts[0])
        rest += parts[1:]
    yield from _grouped(first, target_s)
    yield from _grouped(rest, target_s)


def _grouped(cells: Iterable[Domain], target_s: float) -> Iterator[Cut]:
    """Neighbours joined, or cells to be cut, to domains of about `target_s`."""
    group: Domain | None = None
    for cell in cells:
        joined = cell if group is None else replace(group, high=cell.high)
        if group is not None and (cost(joined) > target_s or not _alike(group, cell)):
            yield Cut(group, 1)
            joined = cell
        if cost(joined) > _ROUNDING * target_s:
            yield Cut.evenly(joined, target_s)
            group = None
        else:
            group = joined
    if group is not None:
        yield Cut(group, 1)


def _by_factors(cell: Domain) -> list[Domain]:
    """The cell, or its numbers with two prime factors and with more, where that is cheaper."""
    more = cell.low < cell.full_below and cell.stop <= cell.low * QUOTIENT_MAX
    if more and cell.high - cell.low <= SPAN_MAX:
        parts = [replace(cell, factors="two"), replace(cell, factors="more")]
        if sum(map(cost, parts)) < cost(cell):
            return parts
    return [cell]


def _cells(whole: Domain) -> Iterator[Domain]:
    """Cut at every point of the table, without cells that have no prime."""
    inner = {grid_point(k) for k in range(GRID_FIRST, GRID_LAST)}
    cuts = {whole.low, whole.high} | {p for p in inner if whole.low < p < whole.high}
    for low, high in itertools.pairwise(sorted(cuts)):
        if high > _DENSE or any(map(is_small_prime, range(low, high))):
            yield replace(whole, low=low, high=high)


def _alike(group: Domain, cell: Domain) -> bool:
    """Whether they would be searched in the same way, together too."""
    joined = replace(group, high=cell.high)
    return (
        group.factors == cell.factors
        and group.by_terms == cell.by_terms == joined.by_terms
        and (cell.factors != "more" or joined.high - joined.low <= SPAN_MAX)
    )
