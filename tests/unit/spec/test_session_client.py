"""The client's side of a relay session."""

from __future__ import annotations

import json
from typing import Any

import pytest

from newral_spec import limits
from newral_spec.event import Event, sign_event
from newral_spec.keys import SecretKey
from newral_spec.session import (
    AuthenticationAnswered,
    AuthenticationRequested,
    ClientSession,
    EventReceived,
    Filter,
    LocalProtocolError,
    PublishAnswered,
    RemoteProtocolError,
    StoredEventsEnd,
    SubscriptionClosed,
)
from newral_spec.session.client import CHALLENGES_MAX
from newral_spec.session.client_subscription import OVERLAP_S
from newral_spec.session.paging import PAGE_EVENTS_MIN

SECRET = SecretKey(b"\x01" * 32)
JOBS = Filter(kinds=(5990,))
START = 1_000_000


def job(created_at: int = START, content: str = "") -> Event:
    return sign_event(SECRET, kind=5990, created_at=created_at, content=content)


def text(*parts: Any) -> str:
    return json.dumps([json.loads(p.to_json()) if isinstance(p, Event) else p for p in parts])


def sent(session: ClientSession) -> list[list[Any]]:
    return [json.loads(item) for item in session.outgoing()]


@pytest.fixture
def session() -> ClientSession:
    session = ClientSession()
    session.resume(START)
    return session


def test_what_is_asked_for_while_disconnected_is_sent_on_connecting() -> None:
    session = ClientSession()
    session.subscribe("s", (JOBS,))
    session.publish(job())
    assert sent(session) == []
    session.resume(START)
    assert [message[0] for message in sent(session)] == ["REQ", "EVENT"]


def test_an_event_is_received_once_however_often_it_is_sent(session: ClientSession) -> None:
    session.subscribe("s", (JOBS,))
    event = job()
    assert session.receive(text("EVENT", "s", event), START) == [EventReceived("s", event)]
    assert session.receive(text("EVENT", "s", event), START) == []
    assert session.receive(text("EOSE", "s"), START) == [StoredEventsEnd("s", complete=True)]
    assert session.receive(text("EVENT", "s", event), START) == []
    assert session.receive(text("EOSE", "s"), START) == []


def test_an_event_that_was_not_asked_for_is_the_relays_fault(session: ClientSession) -> None:
    session.subscribe("s", (JOBS,))
    note = sign_event(SECRET, kind=1, created_at=START)
    with pytest.raises(RemoteProtocolError):
        session.receive(text("EVENT", "s", note), START)


def test_an_event_of_an_ended_subscription_is_passed_over(session: ClientSession) -> None:
    session.subscribe("s", (JOBS,))
    session.unsubscribe("s")
    assert session.receive(text("EVENT", "s", job()), START) == []
    assert sent(session)[-1] == ["CLOSE", "s"]


def test_a_live_subscription_resumes_where_it_was_with_an_overlap(session: ClientSession) -> None:
    session.subscribe("s", (Filter(kinds=(5990,), since=5, limit=10),))
    session.receive(text("EOSE", "s"), START + 10)
    session.connection_lost()
    session.outgoing()
    session.resume(START + 500)
    since = START + 10 - OVERLAP_S
    assert sent(session) == [["REQ", "s", {"kinds": [5990], "since": since}]]


def test_a_subscription_lost_before_its_stored_events_ended_starts_again(
    session: ClientSession,
) -> None:
    session.subscribe("s", (JOBS,))
    session.receive(text("EVENT", "s", job()), START)
    session.connection_lost()
    session.resume(START + 500)
    assert sent(session) == [["REQ", "s", {"kinds": [5990]}]]


def test_a_full_page_of_stored_events_is_followed_by_older_ones(session: ClientSession) -> None:
    session.subscribe("s", (JOBS,))
    session.outgoing()
    for age in range(PAGE_EVENTS_MIN):
        session.receive(text("EVENT", "s", job(START - age)), START)
    assert session.receive(text("EOSE", "s"), START) == []
    [[kind, page, query]] = sent(session)
    assert (kind, query["kinds"]) == ("REQ", [5990])
    oldest = START - PAGE_EVENTS_MIN + 1
    assert oldest <= query["until"] < START
    older = job(oldest - 1)
    assert session.receive(text("EVENT", page, older), START) == [EventReceived("s", older)]
    assert session.receive(text("EOSE", page), START) == [StoredEventsEnd("s", complete=True)]
    assert sent(session) == [["CLOSE", page]]


def test_a_live_event_with_an_old_date_does_not_make_a_page_look_longer(
    session: ClientSession,
) -> None:
    session.subscribe("s", (JOBS,))
    session.outgoing()
    for age in range(PAGE_EVENTS_MIN - 1):
        session.receive(text("EVENT", "s", job(START - age)), START)
    session.receive(text("EVENT", "s", job(5)), START)
    session.receive(text("EOSE", "s"), START)
    [[_, page, query]] = sent(session)
    assert query["until"] > START - PAGE_EVENTS_MIN
    session.receive(text("EVENT", "s", job(6)), START)
    for age in range(PAGE_EVENTS_MIN):
        session.receive(text("EVENT", page, job(query["until"] - age)), START)
    session.receive(text("EOSE", page), START)
    assert sent(session)[-1][2]["until"] > query["until"] - PAGE_EVENTS_MIN


def test_a_page_within_one_second_is_followed_by_the_second_before(session: ClientSession) -> None:
    session.subscribe("s", (Filter(kinds=(5990,), until=START),))
    for number in range(PAGE_EVENTS_MIN):
        session.receive(text("EVENT", "s", job(START, str(number))), START)
    session.outgoing()
    session.receive(text("EOSE", "s"), START)
    assert sent(session)[0][2]["until"] == START - 1


def test_a_limited_filter_is_not_paged(session: ClientSession) -> None:
    session.subscribe("s", (Filter(kinds=(5990,), limit=PAGE_EVENTS_MIN),))
    for age in range(PAGE_EVENTS_MIN):
        session.receive(text("EVENT", "s", job(START - age)), START)
    assert session.receive(text("EOSE", "s"), START) == [StoredEventsEnd("s", complete=True)]


def test_a_relay_that_refuses_an_older_page_leaves_the_subscription_incomplete(
    session: ClientSession,
) -> None:
    session.subscribe("s", (JOBS,))
    for age in range(PAGE_EVENTS_MIN):
        session.receive(text("EVENT", "s", job(START - age)), START)
    session.outgoing()
    session.receive(text("EOSE", "s"), START)
    page = sent(session)[0][1]
    answer = session.receive(text("CLOSED", page, "rate-limited: slow down"), START)
    assert answer == [StoredEventsEnd("s", complete=False)]
    session.connection_lost()
    session.resume(START + 1)
    assert sent(session) == [["REQ", "s", {"kinds": [5990]}]]


def test_a_publication_is_sent_again_until_it_is_answered(session: ClientSession) -> None:
    event = job()
    session.publish(event)
    session.connection_lost()
    session.resume(START)
    assert [message[0] for message in sent(session)] == ["EVENT"]
    answer = session.receive(text("OK", event.id, True, ""), START)
    assert answer == [PublishAnswered(event.id, accepted=True, message="")]
    session.connection_lost()
    session.resume(START)
    assert sent(session) == []


@pytest.mark.parametrize("message", ["duplicate: had it", "mute: nobody listens"])
def test_a_refusal_that_means_the_relay_has_the_event_counts_as_accepted(
    session: ClientSession, message: str
) -> None:
    event = job()
    session.publish(event)
    [answer] = session.receive(text("OK", event.id, False, message), START)
    assert isinstance(answer, PublishAnswered)
    assert answer.accepted


def test_a_refusal_says_why(session: ClientSession) -> None:
    event = job()
    session.publish(event)
    [answer] = session.receive(text("OK", event.id, False, "blocked: no jobs"), START)
    assert isinstance(answer, PublishAnswered)
    assert (answer.accepted, answer.prefix) == (False, "blocked")


def test_an_answer_to_nothing_is_passed_over(session: ClientSession) -> None:
    assert session.receive(text("OK", "ab" * 32, True, ""), START) == []


def authenticate(session: ClientSession, challenge: str = "c") -> Event:
    assert session.receive(text("AUTH", challenge), START) == [AuthenticationRequested(challenge)]
    tags = [["relay", "ws://relay"], ["challenge", challenge]]
    event = sign_event(SECRET, kind=22242, created_at=START, tags=tags)
    session.authenticate(event)
    return event


def test_what_needed_authentication_is_tried_again_after_it(session: ClientSession) -> None:
    event = job()
    session.publish(event)
    session.subscribe("s", (JOBS,))
    assert session.receive(text("OK", event.id, False, "auth-required: who?"), START) == []
    assert session.receive(text("CLOSED", "s", "auth-required: who?"), START) == []
    answer = authenticate(session)
    session.outgoing()
    verdict = session.receive(text("OK", answer.id, True, ""), START)
    assert verdict == [AuthenticationAnswered(accepted=True, message="")]
    assert [message[0] for message in sent(session)] == ["EVENT", "REQ"]


def test_a_relay_that_is_never_satisfied_is_believed_the_second_time(
    session: ClientSession,
) -> None:
    event = job()
    session.publish(event)
    answer = authenticate(session)
    session.receive(text("OK", answer.id, True, ""), START)
    assert session.receive(text("OK", event.id, False, "auth-required: who?"), START) == []
    [refused] = session.receive(text("OK", event.id, False, "auth-required: who?"), START)
    assert refused == PublishAnswered(event.id, accepted=False, message="auth-required: who?")


def test_a_refused_authentication_refuses_what_waited_for_it(session: ClientSession) -> None:
    event = job()
    session.publish(event)
    session.subscribe("s", (JOBS,))
    session.receive(text("OK", event.id, False, "auth-required: who?"), START)
    session.receive(text("CLOSED", "s", "auth-required: who?"), START)
    answer = authenticate(session)
    assert session.receive(text("OK", answer.id, False, "restricted: not you"), START) == [
        AuthenticationAnswered(accepted=False, message="restricted: not you"),
        PublishAnswered(event.id, accepted=False, message="auth-required: who?"),
        SubscriptionClosed("s", "auth-required: who?"),
    ]


def test_who_has_no_key_is_refused_at_once() -> None:
    session = ClientSession(can_authenticate=False)
    session.resume(START)
    event = job()
    session.publish(event)
    assert session.receive(text("AUTH", "c"), START) == []
    [answer] = session.receive(text("OK", event.id, False, "auth-required: who?"), START)
    assert answer == PublishAnswered(event.id, accepted=False, message="auth-required: who?")


def test_a_relay_that_challenges_for_ever_is_at_fault(session: ClientSession) -> None:
    for number in range(CHALLENGES_MAX):
        session.receive(text("AUTH", str(number)), START)
    with pytest.raises(RemoteProtocolError):
        session.receive(text("AUTH", "one more"), START)


def test_a_closed_subscription_can_be_opened_again(session: ClientSession) -> None:
    session.subscribe("s", (JOBS,))
    [closed] = session.receive(text("CLOSED", "s", "rate-limited: later"), START)
    assert closed == SubscriptionClosed("s", "rate-limited: later")
    session.outgoing()
    session.reopen("s")
    assert [message[0] for message in sent(session)] == ["REQ"]


def test_our_own_misuse_is_refused_before_anything_is_sent(session: ClientSession) -> None:
    huge = Event("ab" * 32, "cd" * 32, 0, 1, (), "x" * limits.EVENT_BYTES_MAX, "ef" * 64)
    for misuse in (
        lambda: session.subscribe("", (JOBS,)),
        lambda: session.subscribe("~1", (JOBS,)),
        lambda: session.subscribe("s", ()),
        lambda: session.subscribe("s", (JOBS,) * (limits.FILTERS_MAX + 1)),
        lambda: session.subscribe("s", (Filter(tags={"x": ("y" * 1000,) * 300}),)),
        lambda: session.unsubscribe("unknown"),
        lambda: session.reopen("unknown"),
        lambda: session.publish(huge),
        lambda: session.authenticate(job()),
    ):
        with pytest.raises(LocalProtocolError):
            misuse()
    assert sent(session) == []
