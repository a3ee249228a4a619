"""The GPU's device code, compiled by numba for the CPU, on the odd numbers >= 3 in stdin.

It is the same source, under the same rules of types, and fast enough for many numbers; only the
decorator and the high half of a product are the CPU's. In and out as in run_cuda_simulator.py.
"""

from __future__ import annotations

import json
import sys
from types import ModuleType
from typing import Any

import numba
import numpy as np

from newral_kernels import words

WORD_BITS = 64


def put_the_cpu_in_place_of_the_gpu() -> None:
    target: Any = ModuleType("newral_kernels.cuda.target")
    target.U64, target.Flag, target.SIMULATED = np.uint64, Any, False
    target.device, target.umulh = numba.njit, words.umulh
    sys.modules[target.__name__] = target


def looped(load: Any, test: Any) -> Any:
    @numba.njit
    def loop(ns: Any, answers: Any) -> None:
        for column in range(answers.size):
            answers[column] = test(load(ns, column))

    return loop


def tests_of(arithmetic: Any) -> dict[str, Any]:
    from newral_kernels.cuda import lucas, strong, trial_division

    to_a_base: Any = strong.is_strong_probable_prime(arithmetic)
    two = np.uint64(2)
    return {
        "strong": numba.njit(lambda n: to_a_base(n, two)),
        "strong lucas": lucas.is_strong_lucas_probable_prime(arithmetic),
        "extra strong lucas": lucas.is_extra_strong_lucas_probable_prime(arithmetic),
        "no small factor": trial_division.has_no_small_factor(arithmetic),
    }


def main() -> None:
    put_the_cpu_in_place_of_the_gpu()
    from newral_kernels.cuda.double_word import DOUBLE_WORD
    from newral_kernels.cuda.word import WORD

    numbers = json.load(sys.stdin)
    found: dict[str, Any] = {}
    for arithmetic in (WORD, DOUBLE_WORD):
        chosen = [n.bit_length() <= WORD_BITS for n in numbers]
        if arithmetic is DOUBLE_WORD:
            chosen = [not short for short in chosen]
        mask = np.array(chosen)
        values = [n for n, here in zip(numbers, chosen, strict=True) if here]
        words_of = [[n >> WORD_BITS * i & (2**WORD_BITS - 1) for n in values] for i in (0, 1)]
        columns = np.array(words_of[: arithmetic.limbs], dtype=np.uint64)
        for name, test in tests_of(arithmetic).items():
            answers = np.zeros(len(values), dtype=np.bool_)
            looped(arithmetic.load, test)(columns, answers)
            found.setdefault(name, np.zeros(len(numbers), dtype=np.int64))[mask] = answers
    json.dump({name: answers.tolist() for name, answers in found.items()}, sys.stdout)


if __name__ == "__main__":
    main()
