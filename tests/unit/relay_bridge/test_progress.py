"""A consumer's offset never passes what is unfinished."""

from __future__ import annotations

import pytest

from newral_relay_bridge.progress import Progress


def test_finishing_out_of_order_waits_for_the_oldest() -> None:
    progress = Progress(-1)
    for offset in (0, 1, 2):
        progress.begin(offset)
    progress.finish(2)
    progress.finish(1)
    assert progress.done == -1
    progress.finish(0)
    assert progress.done == 2


def test_offsets_may_have_gaps() -> None:
    progress = Progress(7)
    progress.begin(10)
    assert progress.done == 9
    progress.begin(20)
    progress.finish(10)
    assert progress.done == 19
    progress.finish(20)
    assert progress.done == 20


def test_an_offset_is_begun_once_and_finished_once() -> None:
    progress = Progress(3)
    with pytest.raises(ValueError, match="offset 3 after 3"):
        progress.begin(3)
    progress.begin(4)
    progress.finish(4)
    with pytest.raises(KeyError):
        progress.finish(4)
