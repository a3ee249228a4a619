"""What `newral kernel bench` measures: the same numbers, the same answers, every peer named."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import pytest

from newral_kernels.benchmark import catalogue, peers, ways
from newral_kernels.benchmark.inputs import PRIMES, RANDOM_ODD, numbers
from newral_kernels.benchmark.peers.math_prime_util import MathPrimeUtil
from newral_kernels.benchmark.peers.pari import Pari
from newral_kernels.benchmark.peers.peer import PeerAbsentError
from newral_kernels.benchmark.primality_rows import NUMBERS
from newral_kernels.benchmark.rows import QUICK, Effort, Row
from newral_kernels.benchmark.ways import (
    DisagreementError,
    Loop,
    best_seconds,
    require_agreement,
)
from newral_kernels.primality import is_bpsw_probable_prime, is_strong_probable_prime

FOUND = peers.find()
TINY = Effort(rounds=1, row_s=0, share=0.002)


@pytest.mark.parametrize("bits", NUMBERS)
@pytest.mark.parametrize("kind", [RANDOM_ODD, PRIMES])
def test_inputs_are_always_the_same_and_of_exactly_that_length(kind: str, bits: int) -> None:
    drawn = numbers(kind, bits, 20)
    assert drawn == numbers(kind, bits, 20)
    assert len(set(drawn)) == 20
    assert {n.bit_length() for n in drawn} == {bits}
    assert all(n % 2 for n in drawn)
    assert kind == RANDOM_ODD or all(map(is_bpsw_probable_prime, drawn))


def test_every_peer_is_present_or_named_as_absent() -> None:
    assert {*FOUND.present, *FOUND.absent} == {"GMP", "FLINT", "PARI", "Math::Prime::Util"}
    assert "GMP" in FOUND.present
    assert all("install" in how for how in FOUND.absent.values())
    assert all(peer.version[0].isdigit() for peer in FOUND.present.values())


def test_an_absent_peer_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cypari", None)
    with pytest.raises(PeerAbsentError, match="pip install cypari"):
        Pari()
    monkeypatch.setenv("PATH", "")
    with pytest.raises(PeerAbsentError, match="apt install libmath-prime-util-perl"):
        MathPrimeUtil()


@pytest.mark.parametrize("name", FOUND.present)
@pytest.mark.parametrize("bits", [64, 80, 256])
def test_a_peer_tells_primes_from_composites(name: str, bits: int) -> None:
    tested = numbers(RANDOM_ODD, bits, 50) + numbers(PRIMES, bits, 10)
    expected = [is_bpsw_probable_prime(n) for n in tested]
    ways = FOUND.present[name].ways("is_bpsw_probable_prime", tested)
    assert ways
    for function, way in ways.items():
        assert list(way.answers()) == expected, function


@pytest.mark.parametrize("name", FOUND.present)
def test_a_peer_has_the_test_that_its_row_says(name: str) -> None:
    """2^67 − 1 is a composite of 67 bits that passes to base 2, and no other test of ours."""
    mersenne = [2**67 - 1]
    answers = {
        function: [
            bool(way.answers()[0]) for way in FOUND.present[name].ways(function, mersenne).values()
        ]
        for function in catalogue.names()
    }
    assert is_strong_probable_prime(mersenne[0], 2)
    assert all(answers["is_strong_probable_prime"])
    assert not any(answers["is_strong_lucas_probable_prime"])
    assert not any(answers["is_bpsw_probable_prime"])


def test_no_peer_knows_a_function_that_is_not_ours() -> None:
    assert not any(peer.ways("is_a_nice_number", [2**64 + 1]) for peer in FOUND.present.values())


def test_a_row_is_measured_for_each_size_and_kind() -> None:
    rows = list(catalogue.rows(["is_bpsw_probable_prime"], FOUND.present.values(), TINY))
    assert [(row.bits, row.input) for row in rows] == [
        (bits, kind) for bits in NUMBERS for kind in (RANDOM_ODD, PRIMES)
    ]
    for row in rows:
        assert row.ours_ns > 0
        assert {name.partition(".")[0] for name in row.peers} >= {"gmpy2", "gmp"}


def test_the_ratio_is_to_the_fastest_peer() -> None:
    row = Row(function="f", bits=64, input=PRIMES, ours_ns=30, peers={"a": 60.04, "b": 120})
    assert row.to_json() == {
        "function": "f",
        "bits": 64,
        "input": "primes",
        "ours_ns": 30,
        "peers": {"a": 60.0, "b": 120},
        "ratio_to_best": 0.5,
    }
    alone = Row(function="f", bits=64, input=PRIMES, ours_ns=30)
    assert alone.to_json()["ratio_to_best"] is None


def test_a_kernel_is_timed_without_peers() -> None:
    (row,) = catalogue.rows(["bpsw"], [], QUICK)
    assert (row.function, row.peers) == ("bpsw", {})
    assert row.ours_ns > 0


def test_what_is_not_measured_is_refused_before_anything_is() -> None:
    with pytest.raises(catalogue.UnknownFunctionError, match=r"'nonsense'; there are .*bpsw"):
        catalogue.rows(["is_bpsw_probable_prime", "nonsense"], [], QUICK)


def test_who_contradicts_is_named_with_the_number() -> None:
    def loop(answers: Sequence[bool]) -> Loop:
        return Loop(lambda: answers)

    require_agreement({"ours": loop([True, False]), "peer": loop([True, False])}, [7, 9])
    with pytest.raises(DisagreementError, match="of 9: ours: False, peer: True"):
        require_agreement({"ours": loop([True, False]), "peer": loop([True, True])}, [7, 9])
    with pytest.raises(DisagreementError, match="peer gave 1 answers for 2 numbers"):
        require_agreement({"ours": loop([True, False]), "peer": loop([True])}, [7, 9])


class Scripted:
    """A way whose rounds take what they are told to."""

    def __init__(self, name: str, seconds: list[float], log: list[str]) -> None:
        self._name, self._seconds, self._log = name, seconds, log

    def answers(self) -> list[bool]:
        return []

    def seconds(self) -> float:
        self._log.append(self._name)
        return self._seconds.pop(0)


def test_ways_take_turns_and_the_best_round_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    log: list[str] = []
    monkeypatch.setattr(ways, "TURN_S", 0)
    scripted = {"a": Scripted("a", [3.0, 1.0], log), "b": Scripted("b", [2.0, 5.0], log)}
    assert best_seconds(scripted, 2) == {"a": 1.0, "b": 2.0}
    assert log == ["a", "b", "a", "b"]


def test_a_turn_lasts_until_caches_are_warm() -> None:
    calls: list[None] = []
    loop = Loop(lambda: calls.append(None) or [])
    assert best_seconds({"fast": loop}, 1)["fast"] < ways.TURN_S
    assert len(calls) > 1
