"""How answers are shown: counts, tables and pictures tell what the answer says."""

from __future__ import annotations

from typing import Any

import pytest

from newral_kernels.carmichael_view import FITTED, KNOWN_COUNTS, CarmichaelView
from newral_kernels.kernel import Kernel
from newral_kernels.psp2_view import Psp2View
from newral_kernels.registry import get, kernels
from newral_kernels.view import FactoredView, Plot, load, powers_of_ten

ITEMS: list[Any] = [
    {"n": "561", "factors": [3, 11, 17]},
    {"n": "1105", "factors": [5, 13, 17]},
    {"n": "1729", "factors": [7, 13, 19]},
]
ANSWER: dict[str, Any] = {"count": 3, "items": ITEMS}


@pytest.mark.parametrize("kernel", kernels(), ids=lambda kernel: kernel.name)
def test_every_kernel_has_a_view_and_help_for_its_params(kernel: Kernel) -> None:
    assert load(kernel).columns
    assert set(kernel.positional) <= set(kernel.params_help)
    assert all(kernel.params_help.values())


def test_findings_are_counted_below_powers_of_ten_and_the_bound() -> None:
    view = FactoredView()
    assert view.counts({"bound": "1500"}, ANSWER) == [(1000, 1), (1500, 2)]
    assert view.counts({"bound": "10000"}, ANSWER) == [(1000, 1), (10000, 3)]
    assert view.counts({"start": "1", "stop": "2000"}, ANSWER) == [(1000, 1), (2000, 3)]
    assert view.counts({"bound": "1500"}, {"count": 0, "items": []}) == []
    assert next(powers_of_ten(999)) == 1000
    assert next(powers_of_ten(1000)) == 10_000


def test_rows_are_numbers() -> None:
    assert next(FactoredView().rows(ANSWER)) == (561, [3, 11, 17])


def series(plot: Plot, label: str) -> dict[float, float]:
    return dict(next(each for each in plot.series if each.label.startswith(label)).points)


def test_the_picture_of_carmichael_numbers_has_what_is_known_beside_what_was_found() -> None:
    plot = CarmichaelView().plot({"start": "1", "bound": "10000"}, ANSWER)
    assert series(plot, "found here")[10_000] == 3
    assert series(plot, "known")[10**3] == 1
    assert series(plot, "known")[10**21] == KNOWN_COUNTS[-1]
    fitted = series(plot, f"k = {FITTED}")
    assert fitted[10**21] == pytest.approx(KNOWN_COUNTS[-1], rel=0.02)
    assert all(each.points for each in plot.series)


def test_the_picture_of_a_part_shows_no_counts_from_one_on() -> None:
    plot = CarmichaelView().plot({"start": "1000", "bound": "10000"}, {"count": 0, "items": []})
    labels = [each.label for each in plot.series]
    assert not any(label.startswith(("known", "found")) for label in labels)
    assert labels


def test_the_picture_of_a_class_shows_what_was_found_alone() -> None:
    params = {"start": "1", "bound": "10000", "preproduct_below": "20"}
    plot = CarmichaelView().plot(params, ANSWER)
    assert [each.label for each in plot.series] == ["found here: 3"]


def test_the_picture_of_pseudoprimes_counts_them_along_the_interval() -> None:
    items: list[Any] = [{"n": "341", "factors": [11, 31]}, {"n": "561", "factors": [3, 11, 17]}]
    plot = Psp2View().plot({"start": "300", "stop": "700"}, {"count": 2, "items": items})
    found = series(plot, "found")
    assert (found[0], found[40], found[42], found[262], found[400]) == (0, 0, 1, 2, 2)
    assert series(plot, "evenly") == {0: 0, 400: 2}


def test_what_bpsw_finds_are_hits() -> None:
    view = load(get("bpsw"))
    answer: dict[str, Any] = {
        "hits": [{"n": str(2**65 + 1), "witness": 3, "factors": ["3", "7"]}],
        "psp2": ["5", "7"],
        "probable_primes": 22,
    }
    assert view.count(answer) == 1
    assert list(view.rows(answer)) == [(2**65 + 1, [3, 7], 3)]
    params = {"start": str(2**64), "stop": str(2**64 + 1000)}
    plot = view.plot(params, answer)
    assert plot is not None
    assert series(plot, "probable primes")[1000] == 22
    assert series(plot, "primes expected")[1000] == pytest.approx(1000 / 44.36, rel=1e-3)


def test_what_korselt_finds_are_the_claims_that_hold() -> None:
    assert load(get("korselt")).count({"checked": 9, "items": ITEMS, "rejected": []}) == 3
