"""A day that runs twenty times as fast: rings, timers and promises keep step, and a whole call still works."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from tests.failures.rehearsed import Rehearsed, rehearsing

OPEN_AND_FAST = "2026-11-24T10:00-05:00 x20"


@pytest.fixture
def rehearsed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rehearsed]:
    with rehearsing(tmp_path_factory.mktemp("line"), clock=OPEN_AND_FAST) as line:
        yield line
        line.tells()


def test_a_whole_call_and_a_missed_one(rehearsed: Rehearsed) -> None:
    began = rehearsed.line.now()
    rehearsed.only("grace", "priya")
    rehearsed.by_itself("grace", "ring")
    rehearsed.by_itself("priya", "answer", keys="1")

    caller = rehearsed.holds()
    rehearsed.rings("grace").is_rid_of()  # it rings for fifteen seconds, and nobody takes it
    caller.talks()
    caller.hangs_up()

    ended = rehearsed.ends(caller)
    assert (ended["outcome"], ended["agents"]) == ("answered", ["priya"])
    assert ended["waited_seconds"] >= 15
    assert rehearsed.line.now() - began > timedelta(seconds=20)
    rehearsed.nobody_is_forgotten([caller.call_id])
