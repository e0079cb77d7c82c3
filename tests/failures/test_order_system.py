"""The order system is away, slow or confused: callers are served, and what it missed reaches it later, once."""

from __future__ import annotations

import time

import pytest

from tests.failures.rehearsed import Rehearsed, eventually


@pytest.mark.parametrize(("mode", "person"), [("down", "patient-02"), ("slow", "patient-03")])
def test_callers_are_routed_within_seconds_and_it_hears_of_them_later(
    rehearsed: Rehearsed, mode: str, person: str
) -> None:
    rehearsed.order_system(mode)
    began = time.monotonic()

    caller = rehearsed.calls("10", number=rehearsed.number_of(person))
    rehearsed.answers("grace")
    caller.talks()

    assert time.monotonic() - began < 10
    caller.hangs_up()
    caller.is_rid_of()
    rehearsed.recovers()
    ended = rehearsed.ends(caller)
    assert (ended["outcome"], ended["revision"]) == ("answered", 1)


def test_a_refill_is_ordered_once_however_often_it_was_asked_for(rehearsed: Rehearsed) -> None:
    """It does what it is asked and says 500, so that nobody can know; with the same key asked again, it knows."""
    caller = rehearsed.calls("12", number=rehearsed.number_of("patient-12"))
    caller.hears("prescription number")
    caller.keys("7012001")
    caller.hears("press 1")

    rehearsed.order_system("error")
    caller.keys("1")
    caller.hears("refill is ordered")
    caller.is_rid_of()
    eventually(
        lambda: "kind=RequestRefill why=Unavailable" in rehearsed.line.log, "the order system is asked, and fails"
    )
    rehearsed.recovers()

    assert rehearsed.ends(caller)["code"] == "refill_ordered"
    ordered = [request["call_id"] for request in rehearsed.written("refill-requests")]
    assert ordered.count(caller.call_id) == 1


def test_a_message_is_put_to_staff_once_when_the_order_system_is_back(rehearsed: Rehearsed) -> None:
    rehearsed.only()
    caller = rehearsed.calls("10")
    caller.hears("Nobody is here")
    rehearsed.order_system("down")
    caller.keys("2")
    caller.phone.leave_message("Please call me about my order")
    caller.keys("#")
    caller.is_rid_of()

    rehearsed.recovers()

    items = rehearsed.line.dispositions(caller.call_id)
    assert [(item["outcome"], item["final"]) for item in items] == [("voicemail", False)]
    assert [task["what"] for task in rehearsed.written("tasks") if task["call_id"] == caller.call_id] == ["voicemail"]


def test_an_order_system_that_crashes_comes_back(rehearsed: Rehearsed) -> None:
    caller = rehearsed.holds()
    rehearsed.kills_order_system()
    rehearsed.answers("grace")
    caller.talks()
    caller.hangs_up()

    assert rehearsed.ends(caller)["outcome"] == "answered"


def test_whoever_cannot_be_looked_up_is_told_so_and_gets_a_person(rehearsed: Rehearsed) -> None:
    caller = rehearsed.calls("12")
    caller.hears("prescription number")
    rehearsed.order_system("down")
    caller.keys("7010001")
    caller.hears("One moment")

    rehearsed.later(seconds=20)

    caller.hears("cannot look that up just now, so a person will help you")
    rehearsed.recovers()
    rehearsed.answers("grace")
    caller.talks()
    caller.hangs_up()
    assert rehearsed.ends(caller)["outcome"] == "answered"
