"""The one file is locked by somebody else for a while: turns wait, and nothing is lost."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
import time
from collections.abc import Iterator

from tests.failures.rehearsed import Rehearsed

LOCKED_SECONDS = 3.0


@contextlib.contextmanager
def locked(rehearsed: Rehearsed) -> Iterator[None]:
    """Nobody else can write to the record from here on for so many seconds, whatever happens meanwhile."""
    has_it = threading.Event()

    def hold() -> None:
        with contextlib.closing(sqlite3.connect(rehearsed.record_file, isolation_level=None)) as holder:
            holder.execute("BEGIN EXCLUSIVE")
            has_it.set()
            time.sleep(LOCKED_SECONDS)
            holder.execute("ROLLBACK")

    holding = threading.Thread(target=hold)
    holding.start()
    has_it.wait()
    yield
    holding.join()


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

    on_hold.talks()
    in_the_menu.hears("in line")
    new.hears("For a person, press 0")
    for caller in (on_hold, in_the_menu, new):
        assert "failure" not in caller.kinds
        caller.hangs_up()
        assert rehearsed.ends(caller)["final"]
    assert rehearsed.ends(on_hold)["outcome"] == "answered"
    rehearsed.nobody_is_forgotten([caller.call_id for caller in (on_hold, in_the_menu, new)])
