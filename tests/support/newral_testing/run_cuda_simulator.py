"""Every test of `newral_kernels.cuda.batch`, in numba's simulator, on the numbers in stdin.

In and out is JSON: a list of numbers; the answers, 0 or 1, by the name of the test.
"""

from __future__ import annotations

import json
import os
import sys
import warnings

os.environ["NUMBA_ENABLE_CUDASIM"] = "1"

from newral_kernels.cuda import batch


def main() -> None:
    warnings.simplefilter("error")
    numbers = json.load(sys.stdin)
    answers = {
        "strong": batch.is_strong_probable_prime(numbers),
        "strong to 10^18 + 9": batch.is_strong_probable_prime(numbers, 10**18 + 9),
        "strong lucas": batch.is_strong_lucas_probable_prime(numbers),
        "extra strong lucas": batch.is_extra_strong_lucas_probable_prime(numbers),
        "bpsw": batch.is_bpsw_probable_prime(numbers),
        "bpsw, extra strong": batch.is_bpsw_probable_prime(numbers, "extra strong"),
    }
    json.dump({name: list(map(int, found)) for name, found in answers.items()}, sys.stdout)


if __name__ == "__main__":
    main()
