"""Twilio's REST API fails, as the practice exchange rehearses it: nobody's phone rings twice, everybody is answered."""

from __future__ import annotations

from typing import Any

import pytest

from tests.failures.rehearsed import Rehearsed, eventually

NOTHING_DONE = {"rest_failures": 1, "rest_status": 500, "rest_when": "before"}
DONE_ALL_THE_SAME = {"rest_failures": 1, "rest_status": 500, "rest_when": "after"}
TOO_MANY = {"rest_failures": 1, "rest_status": 429}
PROMPT_SECONDS = 4.0


def test_a_call_refused_for_being_one_too_many_is_placed_a_moment_later(rehearsed: Rehearsed) -> None:
    rehearsed.rests("grace")
    caller = rehearsed.holds()

    rehearsed.phones.faults(**TOO_MANY)
    rehearsed.returns("grace")
    rehearsed.answers("grace")

    caller.talks()
    caller.hangs_up()
    assert rehearsed.ends(caller)["outcome"] == "answered"
    assert rehearsed.rung("grace") == 1


def test_nobody_misses_an_offer_while_twilio_cannot_ring_them(rehearsed: Rehearsed) -> None:
    rehearsed.rests("grace")
    caller = rehearsed.holds()
    rehearsed.phones.faults(**NOTHING_DONE)
    rehearsed.returns("grace")
    first = rehearsed.standing_offer("grace")
    eventually(lambda: rehearsed.placing_is(first.leg, "unknown"), "nobody can say whether the phone rings")

    rehearsed.later(seconds=31)

    rehearsed.answers("grace")  # offered again, and rung
    caller.talks()
    assert rehearsed.record.desk.agents()["grace"].reason != "missed"
    caller.hangs_up()
    assert rehearsed.ends(caller)["outcome"] == "answered"
    rehearsed.nobody_is_forgotten([caller.call_id])
    assert rehearsed.rung("grace") == 1


def test_of_two_calls_that_failed_the_one_that_rings_is_found_and_the_other_placed_again(rehearsed: Rehearsed) -> None:
    """To both requests the exchange says 500. Its own list tells, ten seconds later, that one phone rings already."""
    rehearsed.only("grace", "priya")
    rehearsed.rests("priya")
    rehearsed.phones.faults(**DONE_ALL_THE_SAME)
    first = rehearsed.holds()
    rehearsed.rings("grace", PROMPT_SECONDS)
    rings = rehearsed.standing_offer("grace")
    eventually(lambda: rehearsed.placing_is(rings.leg, "unknown"), "we do not know that it rings")
    second = rehearsed.holds()
    rehearsed.phones.faults(**NOTHING_DONE)
    rehearsed.returns("priya")

    eventually(lambda: rehearsed.placing_is(rings.leg, "done"), "the call is found in the exchange's list")
    rehearsed.answers("grace")
    first.talks()
    rehearsed.answers("priya")
    second.talks()
    for caller in (first, second):
        caller.hangs_up()
        assert rehearsed.ends(caller)["outcome"] == "answered"
    rehearsed.nobody_is_forgotten([first.call_id, second.call_id])
    assert (rehearsed.rung("grace"), rehearsed.rung("priya")) == (1, 1)


@pytest.mark.parametrize(
    "faults", [TOO_MANY, DONE_ALL_THE_SAME, NOTHING_DONE], ids=["too many requests", "failed after", "failed before"]
)
def test_a_caller_who_could_not_be_moved_meets_the_agent_all_the_same(
    rehearsed: Rehearsed, faults: dict[str, Any]
) -> None:
    caller = rehearsed.holds()
    agent = rehearsed.rings("grace")
    agent.phone.answer(pace=0.0)
    agent.hears("press 1")

    rehearsed.phones.faults(**faults)
    agent.keys("1")

    caller.talks()
    agent.phone.say("Hello, this is Grace")
    caller.hears("this is Grace")
    caller.hangs_up()
    assert rehearsed.ends(caller)["outcome"] == "answered"
    rehearsed.nobody_is_forgotten([caller.call_id])
