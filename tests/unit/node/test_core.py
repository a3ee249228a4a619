"""The node's state machine, driven through scripted histories."""

from __future__ import annotations

from typing import Any

import pytest
from newral_testing.node_script import KERNEL, MIB, NOW, Script, lease, only

from newral_node import events as ev
from newral_node import settings
from newral_node.states import LeaseState
from newral_spec import limits
from newral_spec.messages import BlobRef, WorkRequest

LARGE = b"x" * (limits.INLINE_RESULT_BYTES_MAX + 1)


@pytest.fixture
def script() -> Script:
    connected = Script()
    connected.connect()
    return connected


def last_request(instructions: list[ev.Instruction]) -> WorkRequest:
    return only(instructions, ev.SendWorkRequest)[-1].request


def test_a_node_says_what_it_has_as_soon_as_a_relay_is_connected() -> None:
    request = last_request(Script(cores=2, buffer=1).connect())
    assert (request.slots, request.cores, request.memory_bytes) == (3, 2, 512 * MIB)
    assert request.kernels[0].name == "bpsw"


def test_a_node_speaks_up_when_its_coordinator_has_started(script: Script) -> None:
    assert only(script.wait(settings.HEARTBEAT_IDLE_S / 2), ev.SendWorkRequest) == []
    assert last_request(script.handle(ev.CoordinatorAnnounced())).slots > 0


def test_a_lease_is_computed_sealed_acknowledged_and_settled(script: Script) -> None:
    unit = lease(1)
    assert only(script.offer(unit), ev.StartUnit)[0].lease.id == unit.id
    script.finish(unit)
    assert script.state(unit) is LeaseState.COMPUTED
    published = only(script.wait(0.5), ev.PublishResults)[0]
    assert published.leases == (unit.id,)
    script.handle(ev.PublishEnded(published.delivery, acknowledged=True))
    assert script.state(unit) is LeaseState.ACKNOWLEDGED
    script.judge(unit)
    assert script.state(unit) is LeaseState.SETTLED
    assert only(script.wait(7200), ev.PublishResults) == []


def test_an_offer_is_confirmed_by_listing_the_lease(script: Script) -> None:
    script.offer(lease(1), lease(2))
    request = last_request(script.wait(0.3))
    assert [(each.lease, each.state) for each in request.holding] == [
        (lease(1).id, "started"),
        (lease(2).id, "queued"),
    ]
    assert request.slots == 0


def test_an_offer_that_comes_twice_has_one_effect(script: Script) -> None:
    script.offer(lease(1))
    again = script.offer(lease(1))
    assert only(again, ev.StartUnit) == only(again, ev.SaveLease) == []


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"kernel": "other"}, "no kernel 'other'; it has bpsw"),
        ({"version": "2"}, "has bpsw 1, not 2"),
        ({"identity": "00" * 32}, "identity"),
        ({"deadline": int(NOW)}, "deadline"),
        ({"memory_bytes_max": 512 * MIB + 1}, "bytes of memory"),
        ({"spec": {"n": 2**60}}, "decimal string"),
        ({"spec": {"n": "1" * limits.INLINE_UNIT_BYTES_MAX}}, "at most"),
        ({"spec": None, "blob": BlobRef("00" * 32, limits.BLOB_BYTES_MAX)}, "at most"),
    ],
)
def test_what_the_node_cannot_or_may_not_compute_is_declined(
    script: Script, changes: dict[str, Any], reason: str
) -> None:
    unit = lease(1, **changes)
    script.offer(unit)
    declined = last_request(script.wait(0.3)).declined
    assert declined[0].lease == unit.id
    assert reason in declined[0].reason
    assert script.running == {}
    assert script.state(unit) is LeaseState.DECLINED


def test_more_than_was_asked_for_is_declined(script: Script) -> None:
    script.offer(lease(1), lease(2), lease(3))
    request = last_request(script.wait(0.3))
    assert [each.lease for each in request.declined] == [lease(3).id]


def test_a_declined_lease_is_declined_again_when_the_coordinator_missed_it(script: Script) -> None:
    unit = lease(1, version="2")
    script.offer(unit)
    assert last_request(script.wait(90)).declined == ()
    again = last_request(script.offer(unit))
    assert again.declined[0].lease == unit.id


def test_a_revoked_lease_is_dropped_and_its_worker_ended(script: Script) -> None:
    script.offer(lease(1), lease(2))
    done = script.offer(revoked=(lease(1).id, "ff" * 32))
    assert only(done, ev.KillUnit)[0].lease == lease(1).id
    assert script.state(lease(1)) is LeaseState.DROPPED
    assert set(script.running) == {lease(2).id}


def test_a_result_that_was_revoked_is_sent_all_the_same(script: Script) -> None:
    script.offer(lease(1))
    script.finish(lease(1))
    script.offer(revoked=(lease(1).id,))
    assert only(script.wait(0.5), ev.PublishResults)[0].leases == (lease(1).id,)


def test_a_unit_whose_deadline_passes_is_dropped(script: Script) -> None:
    script.offer(lease(1))
    assert only(script.wait(601), ev.KillUnit)[0].lease == lease(1).id
    assert script.state(lease(1)) is LeaseState.DROPPED


def test_results_that_finish_together_share_an_event() -> None:
    script = Script(cores=3, buffer=0)
    script.connect()
    units = [lease(number) for number in (1, 2, 3)]
    script.offer(*units)
    done = [each for unit in units for each in (*script.finish(unit), *script.wait(0.05))]
    assert only(done, ev.PublishResults) == []
    published = only(script.wait(0.5), ev.PublishResults)
    assert [each.leases for each in published] == [tuple(unit.id for unit in units)]


def test_results_that_do_not_fit_into_one_event_do_not_wait() -> None:
    script = Script(cores=2, buffer=0)
    script.connect()
    script.offer(lease(1), lease(2))
    half = b"x" * (limits.INLINE_RESULT_BYTES_MAX)
    script.finish(lease(1), half)
    published = only(script.finish(lease(2), half), ev.PublishResults)
    assert [each.leases for each in published] == [(lease(1).id,)]
    published = only(script.wait(0.5), ev.PublishResults)
    assert [each.leases for each in published] == [(lease(2).id,)]


def test_a_publication_that_failed_is_repeated_with_the_same_event(script: Script) -> None:
    script.offer(lease(1))
    script.finish(lease(1))
    first = only(script.wait(0.5), ev.PublishResults)[0]
    assert first.sign
    script.handle(ev.PublishEnded(first.delivery, acknowledged=False))
    again = only(script.wait(2), ev.PublishResults)[0]
    assert (again.delivery, again.leases, again.sign) == (first.delivery, first.leases, False)


def test_a_result_without_a_receipt_is_published_again_and_signed_anew_when_old(
    script: Script,
) -> None:
    script.offer(lease(1))
    script.finish(lease(1))
    signed = []
    for _ in range(6):
        published = only(script.wait(settings.RECEIPT_WAIT_S_MAX), ev.PublishResults)[0]
        signed.append(published.sign)
        script.handle(ev.PublishEnded(published.delivery, acknowledged=True))
    assert signed[0]
    assert any(signed[1:])
    assert len(script.stored[lease(1).id].outcomes) == 1


def test_without_a_receipt_for_a_week_the_node_gives_up(script: Script) -> None:
    script.offer(lease(1))
    script.finish(lease(1))
    script.wait(0.5)
    script.wait(settings.RESULT_KEPT_S)
    assert script.state(lease(1)) is LeaseState.EXPIRED


def test_a_worker_that_dies_once_is_replaced_from_the_last_checkpoint(script: Script) -> None:
    script.offer(lease(1))
    script.handle(ev.UnitCheckpointed(lease(1).id, b"1"))
    script.handle(ev.UnitCheckpointed(lease(1).id, b"2"))
    script.handle(ev.WorkerDied(lease(1).id, "signal SIGSEGV"))
    assert script.running == {lease(1).id: b"2"}
    script.handle(ev.WorkerDied(lease(1).id, "signal SIGSEGV"))
    assert script.state(lease(1)) is LeaseState.FAILED
    outcome = script.stored[lease(1).id].outcomes[0]
    assert outcome.failed == "its worker died 2 times, at last: signal SIGSEGV"
    assert only(script.wait(0.5), ev.PublishResults)[0].leases == (lease(1).id,)


def test_checkpoints_are_not_written_more_often_than_needed(script: Script) -> None:
    script.offer(lease(1))
    saved = 0
    for _ in range(100):
        script.now += 0.1
        saved += len(only(script.handle(ev.UnitCheckpointed(lease(1).id, b"1")), ev.SaveCheckpoint))
    assert saved == pytest.approx(10 / settings.CHECKPOINT_SAVE_S, abs=1)


def test_a_node_asks_for_work_when_its_kernels_are_compiled_and_for_those_only() -> None:
    script = Script(cores=2, buffer=1)
    script.handle(ev.Preparing())
    assert last_request(script.connect()).slots == 0
    script.offer(lease(1))
    declined = last_request(script.wait(0.5)).declined
    assert [each.reason for each in declined] == ["the node prepares its kernels"]
    request = last_request(script.handle(ev.Prepared((KERNEL,))))
    assert (request.slots, request.kernels) == (3, (KERNEL,))
    script.handle(ev.Prepared(()))
    script.offer(lease(2))
    assert "this node has no kernel 'bpsw'" in last_request(script.wait(0.5)).declined[-1].reason


def test_what_an_earlier_run_left_waits_until_the_kernels_are_compiled(script: Script) -> None:
    script.offer(lease(1))
    assert only(script.restart(preparing=True), ev.StartUnit) == []
    assert only(script.wait(5), ev.StartUnit) == []
    started = only(script.handle(ev.Prepared((KERNEL,))), ev.StartUnit)
    assert [each.lease.id for each in started] == [lease(1).id]


def test_a_paused_node_suspends_declines_and_resumes(script: Script) -> None:
    script.offer(lease(1))
    assert only(script.handle(ev.Paused("on battery")), ev.SuspendUnit)[0].lease == lease(1).id
    script.handle(ev.UnitCheckpointed(lease(1).id, b"7"))
    script.handle(ev.UnitSuspended(lease(1).id))
    assert script.state(lease(1)) is LeaseState.QUEUED
    script.offer(lease(2))
    request = last_request(script.wait(0.5))
    assert request.slots == 0
    assert request.declined[0].reason == "the node is paused: on battery"
    script.handle(ev.Resumed())
    assert script.running == {lease(1).id: b"7"}


def test_a_worker_killed_because_it_did_not_suspend_has_not_crashed(script: Script) -> None:
    script.offer(lease(1))
    for _ in range(settings.CRASHES_MAX + 1):
        script.handle(ev.Paused("a film"))
        script.handle(ev.WorkerDied(lease(1).id, "signal SIGKILL"))
        script.handle(ev.Resumed())
    assert script.state(lease(1)) is LeaseState.STARTED


def test_resuming_before_the_worker_has_ended_starts_no_second_one(script: Script) -> None:
    script.offer(lease(1))
    script.handle(ev.Paused("a film"))
    assert only(script.handle(ev.Resumed()), ev.StartUnit) == []
    assert only(script.handle(ev.UnitSuspended(lease(1).id)), ev.StartUnit) != []


def test_a_large_result_is_uploaded_before_it_is_sealed(script: Script) -> None:
    script.offer(lease(1))
    assert only(script.finish(lease(1), LARGE), ev.UploadResult)[0].lease == lease(1).id
    assert only(script.wait(5), ev.PublishResults) == []
    script.handle(ev.UploadFailed(lease(1).id, "no route", refused=False))
    assert only(script.wait(2), ev.UploadResult)[0].lease == lease(1).id
    done = script.handle(ev.ResultUploaded(lease(1).id, BlobRef("00" * 32, len(LARGE))))
    assert only(done, ev.PublishResults)[0].leases == (lease(1).id,)


def test_a_result_larger_than_the_lease_allows_is_a_failure(script: Script) -> None:
    unit = lease(1, upload_bytes_max=100)
    script.offer(unit)
    script.finish(unit, LARGE)
    assert script.state(unit) is LeaseState.FAILED
    assert "allows 100" in (script.stored[unit.id].outcomes[0].failed or "")


def test_an_upload_that_is_refused_for_good_is_a_failure(script: Script) -> None:
    script.offer(lease(1))
    script.finish(lease(1), LARGE)
    for _ in range(settings.UPLOAD_REFUSALS_MAX):
        script.handle(ev.UploadFailed(lease(1).id, "HTTP status 413", refused=True))
        script.wait(settings.RETRY_S_MAX)
    assert "HTTP status 413" in (script.stored[lease(1).id].outcomes[-1].failed or "")


def test_parameters_in_a_blob_are_fetched_first(script: Script) -> None:
    unit = lease(1, spec=None, blob=BlobRef("00" * 32, 5000))
    done = script.offer(unit)
    assert only(done, ev.FetchSpec)[0].blob == unit.blob
    assert only(done, ev.StartUnit) == []
    assert only(script.handle(ev.SpecFetched(unit.id, b"{}")), ev.StartUnit) != []


def test_a_lease_whose_parameters_cannot_be_had_is_declined(script: Script) -> None:
    unit = lease(1, spec=None, blob=BlobRef("00" * 32, 5000))
    script.offer(unit)
    script.handle(ev.SpecUnavailable(unit.id, "HTTP status 404"))
    assert last_request(script.wait(0.5)).declined[0].reason == "HTTP status 404"


def test_a_stopping_node_checkpoints_sends_what_is_finished_and_ends(script: Script) -> None:
    script.offer(lease(1), lease(2))
    script.finish(lease(1))
    done = script.handle(ev.Stopping())
    assert only(done, ev.SuspendUnit)[0].lease == lease(2).id
    published = only(done, ev.PublishResults)[0]
    assert only(script.handle(ev.UnitSuspended(lease(2).id)), ev.Stop) == []
    done = script.handle(ev.PublishEnded(published.delivery, acknowledged=True))
    assert only(done, ev.Stop) != []
    assert script.handle(ev.Tick()) == []


def test_a_node_that_cannot_deliver_stops_all_the_same(script: Script) -> None:
    script.offer(lease(1))
    script.finish(lease(1))
    assert only(script.handle(ev.Stopping()), ev.Stop) == []
    assert only(script.wait(settings.STOP_S + settings.FLUSH_S), ev.Stop) != []


def test_an_offline_node_keeps_results_until_it_is_connected(script: Script) -> None:
    script.offer(lease(1))
    script.handle(ev.ConnectionChanged(False))
    script.finish(lease(1))
    done = script.wait(300)
    assert only(done, ev.PublishResults) == only(done, ev.SendWorkRequest) == []
    assert only(script.connect(), ev.PublishResults)[0].leases == (lease(1).id,)


def test_a_restarted_node_goes_on_with_everything() -> None:
    script = Script(cores=2, buffer=2)
    script.connect()
    script.offer(*(lease(number) for number in (1, 2, 3, 4)))
    script.handle(ev.UnitCheckpointed(lease(1).id, b"5"))
    script.finish(lease(2))
    script.wait(0.5)
    script.restart()
    assert script.running == {lease(1).id: b"5", lease(3).id: None}
    assert only(script.connect(), ev.PublishResults)[0].leases == (lease(2).id,)
    again = script.offer(lease(2), lease(4))
    assert only(again, ev.SaveLease) == []


def test_a_node_with_a_backlog_of_unpaid_results_asks_for_no_more(
    monkeypatch: pytest.MonkeyPatch, script: Script
) -> None:
    monkeypatch.setattr(settings, "UNSETTLED_MAX", 2)
    for number in (1, 2):
        script.offer(lease(number))
        script.finish(lease(number))
    assert last_request(script.wait(1)).slots == 0
    script.judge(lease(1))
    assert last_request(script.wait(30)).slots == 2


def test_the_heartbeat_is_quicker_while_leases_are_held(script: Script) -> None:
    assert len(only(script.wait(100), ev.SendWorkRequest)) == 5
    script.offer(lease(1))
    script.wait(1)
    assert len(only(script.wait(100), ev.SendWorkRequest)) == 10


def test_a_clock_that_is_set_back_stops_nothing(script: Script) -> None:
    script.offer(lease(1))
    script.finish(lease(1))
    script.now -= 3600
    done = script.wait(1)
    assert only(done, ev.PublishResults) != []
    assert only(done, ev.SendWorkRequest) != []


def test_what_comes_too_late_for_a_lease_is_of_no_interest(script: Script) -> None:
    script.offer(lease(1))
    script.offer(revoked=(lease(1).id,))
    for late in (
        ev.UnitFinished(lease(1).id, b"{}", 1, 1),
        ev.UnitFailed(lease(1).id, "no"),
        ev.WorkerDied(lease(1).id, "no"),
        ev.UnitCheckpointed(lease(1).id, b"1"),
        ev.PublishEnded(99, acknowledged=True),
    ):
        saved = only(script.handle(late), ev.Save)
        assert saved == []
