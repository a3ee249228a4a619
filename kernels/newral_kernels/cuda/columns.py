"""Numbers as the GPU reads them: a row of low words and a row of high words."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from newral_kernels.widths import Numbers

BITS_MAX: Final = 127
"""Of a number: beyond, sums of two residues would not fit into two words."""


def columns(ns: Numbers) -> NDArray[np.uint64]:
    """Two rows, low words above high words, in any form that `batch` takes.

    Raises ValueError for a number out of range.
    """
    rows = _rows(ns)
    if rows.shape[0] and int(rows[:, 1].max()) >> (BITS_MAX - 64):
        index = int(rows[:, 1].argmax())
        raise _out_of_range(int(rows[index, 0]) + (int(rows[index, 1]) << 64))
    return np.ascontiguousarray(rows.T)


def _rows(ns: Numbers) -> NDArray[np.uint64]:
    if isinstance(ns, np.ndarray) and np.issubdtype(ns.dtype, np.unsignedinteger):
        words = ns.astype(np.uint64, copy=False)
        if words.ndim == 1:
            return np.column_stack([words, np.zeros_like(words)])
        if words.ndim == 2 and words.shape[1] == 2:
            return words
        raise ValueError(f"an array of words has the shape (m) or (m, 2), not {words.shape}")
    integers = [operator.index(n) for n in ns]
    for n in integers:
        if not 0 <= n < 2**BITS_MAX:
            raise _out_of_range(n)
    text = b"".join(n.to_bytes(16, "little") for n in integers)
    return np.frombuffer(text, dtype="<u8").astype(np.uint64).reshape(-1, 2)


def _out_of_range(n: int) -> ValueError:
    return ValueError(f"{n} is not from 0 to 2^{BITS_MAX} - 1, as it must be on a GPU")
