"""The rule by which a result is believed."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from newral_coordinator.validation import Accept, GiveUp, Replica, Replicate, judge

RESULTS = st.sampled_from(["a", "b", "c"])
PROVIDERS = st.sampled_from(["p1", "p2", "p3", "p4", "p5"])
REPLICAS = st.lists(
    st.builds(
        Replica,
        provider=PROVIDERS,
        result_sha256=RESULTS,
        proof=st.sampled_from([None, None, None, "a certificate"]),
    ),
    max_size=8,
)
QUORUMS = st.integers(min_value=1, max_value=4)


def voters(replicas: list[Replica], result: str) -> set[str]:
    """Who returned a result."""
    return {replica.provider for replica in replicas if replica.result_sha256 == result}


@given(REPLICAS, QUORUMS)
def test_what_is_accepted_is_proved_or_agreed_upon(replicas: list[Replica], quorum: int) -> None:
    decision = judge(replicas, quorum=quorum, replicas_max=100)
    if isinstance(decision, Accept):
        agreed = len(voters(replicas, decision.result_sha256)) >= quorum
        proved = any(r.proof and r.result_sha256 == decision.result_sha256 for r in replicas)
        assert agreed or proved
        assert decision.reason.startswith("proved") == any(r.proof for r in replicas)


@given(REPLICAS, QUORUMS)
def test_what_could_be_accepted_is(replicas: list[Replica], quorum: int) -> None:
    decision = judge(replicas, quorum=quorum, replicas_max=100)
    enough = any(len(voters(replicas, result)) >= quorum for result in "abc")
    proved = any(replica.proof for replica in replicas)
    assert isinstance(decision, Accept) == (enough or proved)


@given(PROVIDERS, st.integers(min_value=1, max_value=9), st.integers(min_value=2, max_value=5))
def test_one_provider_is_never_a_quorum(provider: str, times: int, quorum: int) -> None:
    replicas = [Replica(provider=provider, result_sha256="a")] * times
    assert isinstance(judge(replicas, quorum=quorum, replicas_max=100), Replicate)


@given(REPLICAS, QUORUMS)
def test_a_dispute_is_what_different_results_make(replicas: list[Replica], quorum: int) -> None:
    decision = judge(replicas, quorum=quorum, replicas_max=100)
    if isinstance(decision, Replicate):
        results = {replica.result_sha256 for replica in replicas}
        assert decision.disputed == (len(results) > 1)


def test_those_who_never_agree_are_given_up() -> None:
    replicas = [Replica(provider=f"p{i}", result_sha256=f"r{i}") for i in range(7)]
    assert isinstance(judge(replicas, quorum=2, replicas_max=7), GiveUp)
    assert isinstance(judge(replicas[:6], quorum=2, replicas_max=7), Replicate)
