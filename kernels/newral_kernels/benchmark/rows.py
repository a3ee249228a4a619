"""What a measurement is: one function on one kind of input, our time and each peer's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from newral_kernels.kernel import JSON


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """Nanoseconds of processor time: for each number, or for the whole where `input` is a whole."""

    function: str
    bits: int
    input: str
    ours_ns: float
    peers: Mapping[str, float] = field(default_factory=dict)

    @property
    def ratio_to_best(self) -> float | None:
        """Our time over the fastest peer's; None without a peer."""
        return self.ours_ns / min(self.peers.values()) if self.peers else None

    def to_json(self) -> dict[str, JSON]:
        """With times to a tenth of a nanosecond, and the ratio to a thousandth."""
        ratio = self.ratio_to_best
        return {
            "function": self.function,
            "bits": self.bits,
            "input": self.input,
            "ours_ns": round(self.ours_ns, 1),
            "peers": {name: round(ns, 1) for name, ns in self.peers.items()},
            "ratio_to_best": None if ratio is None else round(ratio, 3),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """How much to measure."""

    rounds: int
    """Of each way, at least."""
    row_s: float
    """More rounds are done until a row has taken so long, which steadies what is fast."""
    share: float
    """Of the usual numbers in a round."""

    def of(self, count: int) -> int:
        """How many to take instead of `count`."""
        return max(1, round(count * self.share))


FULL: Final = Effort(rounds=9, row_s=1.0, share=1.0)
QUICK: Final = Effort(rounds=3, row_s=0.2, share=0.1)
