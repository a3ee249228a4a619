"""What was proved, in words: never more than was computed."""

from __future__ import annotations

from newral_kernels.joint_search.answer import Answer
from newral_kernels.joint_search.conditions import Conditions
from newral_kernels.numbers import show


def statement(conditions: Conditions, bound: int, answer: Answer) -> str:
    """The theorem that an answer amounts to; "" as long as it has gaps.

    Ranges are complete when what they left out, primes with too many terms, was made up for.
    """
    if not answer.ranges or answer.count("left_out") != answer.count("made_up"):
        return ""
    ranges = " or ".join(f"{start} <= p < {stop}" for start, stop in answer.ranges)
    of_class = (
        f"n <= {show(bound)} with ({conditions.discriminant}/n) = {conditions.sign} "
        f"and a prime factor p, {ranges},"
    )
    pseudoprime = f"base-2 Fermat and Lucas (P = 1, Q = {conditions.q}) pseudoprime"
    match len(answer.hits):
        case 0:
            return f"no composite {of_class} is a {pseudoprime}"
        case 1:
            return f"exactly one composite {of_class} is a {pseudoprime}"
        case count:
            return f"exactly {count} composites {of_class} are {pseudoprime}s"
