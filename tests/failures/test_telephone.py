"""Twilio's REST API fails, as the practice exchange rehearses it: nobody's phone rings twice, everybody is answered."""

from __future__ import annotations

from typing import Any

import pytest

from tests.failures.rehearsed import Person, Rehearsed, eventually

NOTHING_DONE = {"rest_failures": 1, "rest_status": 500, "rest_when": "before"}
DONE_ALL_THE_SAME = {"rest_failures": 1, "rest_status": 500, "rest_when": "after"}
TOO_MANY = {"rest_failures": 2, "rest_status": 429}
PROMPT_SECONDS = 4.0


def to_be_offered(rehearsed: Rehearsed) -> Person:
    """A caller in line, whom grace will be offered as soon as she returns."""
    rehearsed.rests("grace")
    return rehearsed.holds()


@pytest.mark.parametrize("faults", [TOO_MANY, NOTHING_DONE], ids=["too many requests", "failed before ringing"])
def test_a_call_that_was_not_placed_is_placed_again(rehearsed: Rehearsed, faults: dict[str, Any]) -> None:
    caller = to_be_offered(rehearsed)

    rehearsed.phones.faults(**faults)
    rehearsed.returns("grace")
    rehearsed.answers("grace")

    caller.talks()
    caller.hangs_up()
    assert rehearsed.ends(caller)["outcome"] == "answered"
    rehearsed.nobody_is_forgotten([caller.call_id])
    assert rehearsed.rung("grace") == 1


def test_a_phone_that_rings_unknown_to_us_is_found_and_not_rung_again(rehearsed: Rehearsed) -> None:
    """The exchange rings and says 500, and nobody picks up: its own list tells that the phone rings all the same."""
    caller = to_be_offered(rehearsed)

    rehearsed.phones.faults(**DONE_ALL_THE_SAME)
    rehearsed.returns("grace")
    rehearsed.rings("grace", PROMPT_SECONDS)
    offer = rehearsed.open_offer()
    assert offer is not None
    eventually(lambda: rehearsed.placing_is(offer.leg, "unknown"), "we do not know that it rings")
    eventually(lambda: rehearsed.placing_is(offer.leg, "done"), "the call is found in the exchange's list")

    rehearsed.answers("grace")
    caller.talks()
    caller.hangs_up()
    assert rehearsed.ends(caller)["outcome"] == "answered"
    rehearsed.nobody_is_forgotten([caller.call_id])
    assert rehearsed.rung("grace") == 1


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
