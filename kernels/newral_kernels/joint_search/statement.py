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
    count = len(answer.hits)
    return (
        f"{_amount(count)} n <= {show(bound)} with ({conditions.discriminant}/n) = "
        f"{conditions.sign} and a prime factor p, {ranges}, "
        f"{'is' if count == 1 else 'are'} both a Fermat pseudoprime to base 2 and a Lucas "
        f"pseudoprime with P = 1, Q = {conditions.q}"
    )


def _amount(count: int) -> str:
    if count == 0:
        return "no composites"
    return f"exactly {count} composite" + ("s" if count > 1 else "")
