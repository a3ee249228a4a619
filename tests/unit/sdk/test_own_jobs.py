"""What a client makes of news that relays repeat, reorder and invent."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from newral.jobs import latest
from newral.own_jobs import job_views
from newral_spec.event import Event, sign_draft
from newral_spec.keys import SecretKey
from newral_spec.messages import (
    STATUS_OF_PHASE,
    Feedback,
    JobRequest,
    Phase,
    Stage,
    encode_feedback,
    encode_job_request,
)

REQUESTER = SecretKey(b"\1" * 32)
COORDINATOR = SecretKey(b"\2" * 32)
STRANGER = SecretKey(b"\3" * 32)


def request(kernel: str = "carmichael", created_at: int = 1_000) -> Event:
    job = JobRequest(workflow=(Stage(id="job", kernel=kernel),), coordinator=COORDINATOR.public_key)
    return sign_draft(REQUESTER, encode_job_request(job), created_at)


def feedback(job: Event, phase: Phase, at: int, by: SecretKey = COORDINATOR) -> Event:
    message = Feedback(
        request=job.id,
        requester=job.pubkey,
        phase=phase,
        status=STATUS_OF_PHASE[phase],
        progress=0.5 if phase == "running" else None,
    )
    return sign_draft(by, encode_feedback(message), at)


def test_the_newest_job_comes_first() -> None:
    old, new = request(created_at=1_000), request(created_at=2_000)
    assert [view.id for view in job_views([old, new], [])] == [new.id, old.id]


def test_a_final_phase_outranks_news_with_a_later_date() -> None:
    job = request()
    news = [feedback(job, "completed", 1_010), feedback(job, "running", 1_020)]
    (view,) = job_views([job], news)
    assert view.phase == "completed"


def test_a_stranger_says_nothing_about_a_job() -> None:
    job = request()
    (view,) = job_views([job], [feedback(job, "completed", 1_010, by=STRANGER)])
    assert view.phase is None


PHASES: list[Phase] = ["accepted", "running", "completed", "failed", "cancelled"]


@given(
    st.lists(st.tuples(st.sampled_from(PHASES), st.integers(0, 5)), min_size=1),
    st.randoms(use_true_random=False),
)
def test_order_and_repetition_of_news_do_not_matter(
    said: list[tuple[Phase, int]], rng: random.Random
) -> None:
    news = [
        (
            at,
            Feedback(
                request="0" * 64,
                requester="1" * 64,
                phase=phase,
                status=STATUS_OF_PHASE[phase],
                progress=at / 5,
            ),
        )
        for phase, at in said
    ]
    shuffled = [*news, *rng.choices(news, k=3)]
    rng.shuffle(shuffled)
    first, second = latest(news), latest(shuffled)
    assert first is not None
    assert second is not None
    assert (first.phase in ("accepted", "running")) == (second.phase in ("accepted", "running"))
    if first.phase in ("accepted", "running"):
        assert first == second
