"""The node's store: what was saved is there after any crash, and all of it or nothing."""

from __future__ import annotations

import random
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from newral_testing.node_script import NOW, finished, lease, taken, verdict

from newral_node import events as ev
from newral_node import settings
from newral_node.queue import Queue, QueueError
from newral_node.states import LeaseState
from newral_spec.messages import BlobRef

KILLS = 8


@pytest.fixture
def queue(tmp_path: Path) -> Iterator[Queue]:
    opened = Queue(tmp_path / "queue.sqlite3")
    yield opened
    opened.close()


def test_a_lease_comes_back_as_it_was_saved(queue: Queue) -> None:
    queue.save([taken(1), ev.SaveState(lease(1).id, LeaseState.STARTED, "")])
    queue.save([ev.SaveCheckpoint(lease(1).id, b"1")])
    queue.save([ev.SaveCheckpoint(lease(1).id, b"2")])
    (held,) = queue.restore()
    assert (held.lease.id, held.lease.spec, held.state) == (lease(1).id, None, LeaseState.STARTED)
    assert queue.work(lease(1).id) == (b'{"start":"1","stop":"3"}', b"2")


def test_an_outcome_takes_the_place_of_parameters_and_checkpoint(queue: Queue) -> None:
    queue.save([taken(1), ev.SaveCheckpoint(lease(1).id, b"1"), finished(1)])
    (held,) = queue.restore()
    assert (held.state, held.finished_at, held.result_bytes) == (LeaseState.COMPUTED, NOW, 7)
    of, result = queue.outcome(lease(1).id)
    assert (of.fence, result.nonce, result.result) == (1, f"{1:064x}", {"a": 1})
    assert queue.result(lease(1).id) == b'{"a":1}'
    with pytest.raises(KeyError):
        queue.work(lease(1).id)


def test_an_uploaded_result_is_kept_by_name_only(queue: Queue) -> None:
    blob = BlobRef("ab" * 32, 7)
    queue.save([taken(1), finished(1), ev.SaveUpload(lease(1).id, blob)])
    assert queue.outcome(lease(1).id)[1].blob == blob
    assert queue.restore()[0].result_bytes == 0
    with pytest.raises(KeyError):
        queue.result(lease(1).id)


def test_what_has_ended_takes_no_room_but_is_remembered(queue: Queue) -> None:
    queue.save([taken(1), finished(1), ev.SaveState(lease(1).id, LeaseState.SETTLED, "proved")])
    (held,) = queue.restore()
    assert (held.state, held.reason) == (LeaseState.SETTLED, "proved")
    with pytest.raises(KeyError):
        queue.outcome(lease(1).id)


def test_the_oldest_of_what_has_ended_is_forgotten(
    monkeypatch: pytest.MonkeyPatch, queue: Queue
) -> None:
    monkeypatch.setattr("newral_node.queue.REMEMBERED_MAX", 3)
    queue.save([taken(1)])
    for number in range(2, 10):
        queue.save([taken(number), ev.SaveState(lease(number).id, LeaseState.DROPPED, "")])
    remembered = [held.lease.id for held in queue.restore()]
    assert remembered == [lease(number).id for number in (1, 7, 8, 9)]
    assert settings.REMEMBERED_MAX > 3


def test_all_of_a_batch_is_saved_or_nothing(queue: Queue) -> None:
    with pytest.raises(sqlite3.IntegrityError):
        queue.save([taken(1), taken(2), taken(1)])
    assert queue.restore() == []


def test_earnings_count_each_lease_once_by_its_latest_verdict(queue: Queue) -> None:
    queue.save([ev.SaveVerdict(verdict(lease(1), position=5), 100)])
    queue.save([ev.SaveVerdict(verdict(lease(1), position=5), 100)])
    queue.save([ev.SaveVerdict(verdict(lease(1), position=3), 50)])
    queue.save([ev.SaveVerdict(verdict(lease(2), position=6), 120)])
    earnings = queue.earnings()
    assert (earnings.accepted, earnings.rejected, earnings.credits) == (2, 0, 2000)
    assert queue.last_receipt_at() == 120
    assert [each.lease for each in queue.last_verdicts(1)] == [lease(2).id]


def test_a_store_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "queue.sqlite3"
    Queue(path).close()
    newer = sqlite3.connect(path)
    newer.execute("PRAGMA user_version = 99")
    newer.close()
    with pytest.raises(QueueError, match="schema 99"):
        Queue(path)


def test_a_file_that_is_no_store_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "queue.sqlite3"
    path.write_bytes(b"no database" * 1000)
    with pytest.raises(QueueError, match="cannot be used"):
        Queue(path)


WRITER = """
import sys
from pathlib import Path
from newral_testing.node_script import finished, taken
from newral_node.queue import Queue
queue = Queue(Path(sys.argv[1]))
number = len(queue.restore())
while True:
    number += 1
    queue.save([taken(number)])
    queue.save([finished(number, b'{"a":"' + b"x" * 5000 + b'"}')])
    print(number, flush=True)
"""


def killed_writer(path: Path, lives_s: float) -> set[int]:
    """The results that a writer said it had saved before it was killed."""
    environment = {"PYTHONPATH": ":".join(sys.path)}
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, path], stdout=subprocess.PIPE, text=True, env=environment
    ) as writer:
        assert writer.stdout is not None
        said = writer.stdout.readline()
        time.sleep(lives_s)
        writer.kill()
        said += writer.stdout.read()
    return {int(line) for line in said.splitlines(keepends=True) if line.endswith("\n")}


def test_no_saved_result_is_lost_when_the_writer_is_killed(tmp_path: Path) -> None:
    path = tmp_path / "queue.sqlite3"
    moments = random.Random(1)
    saved: set[int] = set()
    for _ in range(KILLS):
        saved |= killed_writer(path, moments.uniform(0, 0.1))
        queue = Queue(path)
        for number in saved:
            _, result = queue.outcome(lease(number).id)
            assert result.result == {"a": "x" * 5000}
            assert result.nonce == f"{number:064x}"
        queue.close()
    assert len(saved) >= KILLS
