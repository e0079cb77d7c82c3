"""The order system is away, slow or confused: callers are served, and what it should have been told reaches it later."""

from __future__ import annotations

import time

import pytest

from tests.failures.rehearsed import Person, Rehearsed

REFILL = "27001001#1"  # for a refill, the prescription number, yes


def knows(rehearsed: Rehearsed, person: str) -> Person:
    """Somebody of the order system's own cast rings."""
    return rehearsed.calls("1", number=rehearsed.number_of(person))


@pytest.mark.parametrize("mode", ["down", "slow", "error"])
def test_callers_are_routed_within_seconds(rehearsed: Rehearsed, mode: str) -> None:
    rehearsed.order_system(mode)
    began = time.monotonic()

    caller = knows(rehearsed, "patient-01")
    caller.keys("0")
    rehearsed.answers("grace")
    caller.talks()

    assert time.monotonic() - began < 10
    caller.hangs_up()
    caller.is_rid_of()
    assert rehearsed.written(f"dispositions?call_id={caller.call_id}") == [] or mode != "down"
    rehearsed.recovers()
    ended = rehearsed.ends(caller)
    assert (ended["outcome"], ended["revision"]) == ("answered", 1)
