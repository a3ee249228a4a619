"""What a peer is, and how a C library is found that a Python package brought along."""

from __future__ import annotations

import abc
import ctypes
import ctypes.util
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from newral_kernels.benchmark.peers.native_loop import call_each, call_each_with
from newral_kernels.benchmark.ways import Loop, Way

Ways: TypeAlias = Mapping[str, Way]

WORD_BITS: Final = 64


class PeerAbsentError(Exception):
    """A library is not installed; the message says how to install it."""


class Peer(abc.ABC):
    """A library. The constructor raises `PeerAbsentError`."""

    version: str

    @abc.abstractmethod
    def ways(self, function: str, numbers: Sequence[int]) -> Ways:
        """Its implementations of what we call `function`, by the names in its documentation.

        The numbers are odd, and all of the same length of at least 33 bits.
        """


class Arguments(Protocol):
    """What a C function takes, one word for each number: a value, or an address."""

    @property
    def words(self) -> NDArray[np.uint64]:
        """Valid as long as this object lives."""


class Values:
    """Numbers below 2^64, as they are."""

    def __init__(self, numbers: Sequence[int]) -> None:
        self.words = np.array(numbers, dtype=np.uint64)


def native_way(function: Any, first: Arguments, second: Arguments | int | None = None) -> Way:
    """A loop over a C function that returns an int, 0 for composite.

    Its second argument, where it has one, is a number or the address of one: the same every time.
    """
    address = ctypes.cast(function, ctypes.c_void_p).value
    assert address is not None
    answers = np.zeros(first.words.size, dtype=np.bool_)

    # The words may be addresses into `first` and `second`, which this closure keeps alive.
    def call() -> NDArray[np.bool_]:
        if second is None:
            call_each(address, first.words, answers)
        else:
            word = second if isinstance(second, int) else int(second.words[0])
            call_each_with(address, first.words, word, answers)
        return answers

    return Loop(call)


def bundled_library(package: str, name: str) -> ctypes.CDLL | None:
    """The C library that a package's wheel brought along, or else the system's; None without."""
    spec = find_spec(package)
    if spec is not None and spec.origin is not None:
        root = Path(spec.origin).parent
        folders = [*root.parent.glob(f"*{package}.libs"), root / ".dylibs"]
        for folder in folders:
            for path in sorted(folder.glob(f"lib{name}[-.]*")):
                return ctypes.CDLL(str(path))
    system = ctypes.util.find_library(name)
    return ctypes.CDLL(system) if system is not None else None
