"""The compiled search of a cell: its groups, what they commit to, and the numbers found."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from newral_kernels.carmichael_cell import Cell
from newral_kernels.commitment import LEAVES_MAX
from newral_kernels.criterion import Factored
from newral_kernels.gmp import is_strong_bpsw_prp
from newral_kernels.preproducts import tree
from newral_kernels.preproducts.prime_tables import fill_primes, tables
from newral_kernels.preproducts.workspace import HIT_FIELDS

OWNER_BITS_MAX: Final = 21  # of the threshold below which a preproduct is an owner
HITS_ROOM: Final = 2**12  # rows, at first

Sums: TypeAlias = npt.NDArray[np.uint64]


def prepare() -> None:
    """Compile what a search needs, or load it."""
    for entry in (fill_primes, tree.list_owners, tree.list_groups, tree.search_groups):
        entry.prepare()


class CellSearch:
    """The groups of one cell, in a fixed order. They are searched any number at a time."""

    def __init__(self, cell: Cell) -> None:
        self._cell = cell
        self._below = cell.bound - 1
        self._threshold = owner_threshold(cell.bound)
        self._tables = tables(*_table_bits(cell))
        self._owners = self._list_owners()
        empty = np.empty((0, tree.GROUP_FIELDS), np.int64)
        self.groups: int = tree.list_groups(self._owners, self._tables.primes, 1, empty)
        """How many there are."""
        self.leaves: int = max(min(self.groups, LEAVES_MAX), 1)
        """How many leaves they are dealt to."""
        self._groups = np.empty((self.groups, tree.GROUP_FIELDS), np.int64)
        tree.list_groups(self._owners, self._tables.primes, self.leaves, self._groups)
        self._hits = np.empty((HITS_ROOM, HIT_FIELDS), np.int64)

    def no_sums(self) -> Sums:
        """A sum of nothing for each leaf."""
        return np.zeros(self.leaves, np.uint64)

    def search(self, start: int, stop: int, wanted: Sequence[int], sums: Sums) -> list[Factored]:
        """The cell's numbers from those of groups[start:stop] that belong to the wanted leaves.

        Adds the groups' residues to their leaves' sums, modulo 2^64.
        """
        mask = np.zeros(self.leaves, np.uint8)
        mask[list(wanted)] = 1
        found: list[Factored] = []
        while start < stop:
            done, count = tree.search_groups(
                self._below,
                self._threshold,
                self._owners,
                self._groups,
                start,
                stop,
                mask,
                sums,
                *self._tables,
                self._hits,
            )
            if done == start:
                self._hits = np.empty((2 * len(self._hits), HIT_FIELDS), np.int64)
            found += self._proved(self._hits[:count].tolist())
            start = done
        return found

    def beside(self) -> list[Factored]:
        """The numbers that have one prime beyond the prefix: no group finds those."""
        if len(self._cell.prefix) < 2 or self._cell.is_empty:
            return []
        *factors, q = self._cell.prefix
        rest = math.prod(factors)
        modulus = math.lcm(*(p - 1 for p in self._cell.prefix))
        product = rest * q
        largest = min(self._below // product, (product + 1) // 2)
        first = pow(product, -1, modulus)
        if first <= q:
            first += ((q - first) // modulus + 1) * modulus
        return self._proved(
            [len(factors) + 2, *factors, q, r]
            for r in range(first, largest + 1, modulus)
            if (product - 1) % (r - 1) == 0
        )

    def _proved(self, rows: Iterable[list[int]]) -> list[Factored]:
        """Those rows whose last factor, too, is prime, and that belong to the cell.

        It is below 2^64, where the Baillie-PSW test has no pseudoprime.
        """
        found = []
        for count, *row in rows:
            factors = tuple(row[:count])
            item = Factored(math.prod(factors), factors)
            if self._cell.holds(item.n, factors) and is_strong_bpsw_prp(factors[-1]):
                found.append(item)
        return found

    def _list_owners(self) -> npt.NDArray[np.int64]:
        cell = self._cell
        if cell.is_empty:
            return np.empty((0, tree.OWNER_FIELDS), np.int64)
        prefix = np.array(cell.prefix, np.int64)
        room = 1024
        while True:
            owners = np.empty((room, tree.OWNER_FIELDS), np.int64)
            count = tree.list_owners(
                self._below, self._threshold, prefix, cell.low, cell.high, *self._tables, owners
            )
            if count <= room:
                return owners[:count]
            room = count


def owner_threshold(bound: int) -> int:
    """About bound^(2/5): then there are thousands of groups in seconds of work, and listing the
    owners takes some hundredth of searching all groups."""
    return 1 << min(2 * bound.bit_length() // 5, OWNER_BITS_MAX)


def _table_bits(cell: Cell) -> tuple[int, int]:
    below, product = cell.bound - 1, cell.preproduct
    if cell.is_empty:
        return 0, 0
    largest_q = math.isqrt(below // (product * cell.low))
    if cell.prefix:
        largest_q = max(largest_q, min(cell.high - 1, math.isqrt(below // product)))
    # A prime of a preproduct is followed by two larger ones.
    return largest_q.bit_length(), (below // product).bit_length() // 3 + 2
