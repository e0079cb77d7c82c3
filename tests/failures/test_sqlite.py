"""The one file is locked by somebody else: for a moment, turns wait; for longer, callers are told and put through."""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Iterator

from tests.failures.rehearsed import TWILIO_WAITS_SECONDS, Rehearsed

A_MOMENT_SECONDS = 2.0


@contextlib.contextmanager
def locked(rehearsed: Rehearsed) -> Iterator[None]:
    """Nobody else can write to the record for as long as the block lasts."""
    with contextlib.closing(sqlite3.connect(rehearsed.record_file, isolation_level=None)) as holder:
        holder.execute("BEGIN EXCLUSIVE")
        try:
            yield
        finally:
            holder.execute("ROLLBACK")


def test_callers_wait_a_moment_and_go_on(rehearsed: Rehearsed) -> None:
    in_the_menu = rehearsed.calls("1")
    in_the_menu.hears("For a person, press 0")
    on_hold = rehearsed.holds()
    agent = rehearsed.rings("grace")
    agent.phone.answer(pace=0.0)
    agent.hears("press 1")

    with locked(rehearsed):
        agent.keys("1")
        in_the_menu.keys("0")
        new = rehearsed.calls("1")
        time.sleep(A_MOMENT_SECONDS)

    on_hold.talks()
    in_the_menu.hears("in line")
    new.hears("For a person, press 0")
    for caller in (on_hold, in_the_menu, new):
        assert "failure" not in caller.kinds
        caller.hangs_up()
        assert rehearsed.ends(caller)["final"]
    assert rehearsed.ends(on_hold)["outcome"] == "answered"
    rehearsed.nobody_is_forgotten([caller.call_id for caller in (on_hold, in_the_menu, new)])


def test_callers_are_put_through_before_twilio_gives_us_up(rehearsed: Rehearsed) -> None:
    caller = rehearsed.calls("1")
    caller.hears("For a person, press 0")

    with locked(rehearsed):
        caller.keys("0")
        new = rehearsed.calls()
        for each in (caller, new):
            each.hears("our phone system has a problem", TWILIO_WAITS_SECONDS)
