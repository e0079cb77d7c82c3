"""The record is away: what callers hear comes from memory, and still nobody hears silence."""

from __future__ import annotations

from tests.failures.rehearsed import Rehearsed

STAFFED_NUMBER = "+12025550120"


def test_a_caller_whom_nobody_answers_at_the_staffed_number_leaves_a_message(rehearsed: Rehearsed) -> None:
    caller = rehearsed.calls("1")
    caller.hears("For a person, press 0")
    rehearsed.phones.post("/phones", number=STAFFED_NUMBER, does="busy")

    with rehearsed.without_record():
        caller.keys("0")
        caller.hears("our phone system has a problem")
        caller.hears("nobody could answer just now")
        caller.phone.leave_message("This is Iris Bell, and my inhaler is empty")
        caller.phone.press("#")
        caller.is_rid_of()
        rehearsed.phones.post("/phones", number=STAFFED_NUMBER, does="ring")

    rehearsed.later(minutes=3)
    rehearsed.sweeps()
    assert rehearsed.ends_with(caller, "voicemail")["final"] is False


def test_a_caller_who_has_talked_at_the_staffed_number_is_not_asked_for_a_message(rehearsed: Rehearsed) -> None:
    caller = rehearsed.calls("1")
    caller.hears("For a person, press 0")

    with rehearsed.without_record():
        caller.keys("0")
        staffed = rehearsed.rings_at(STAFFED_NUMBER)
        staffed.phone.answer(pace=0.0)
        caller.talks()
        staffed.hangs_up()
        caller.is_rid_of()

    assert "nobody could answer" not in caller.story


def test_a_key_pressed_on_hold_keeps_the_place_and_counts_again_once_the_record_is_back(rehearsed: Rehearsed) -> None:
    rehearsed.rests("grace")
    caller = rehearsed.holds()
    caller.keys("1")
    caller.hears("We will call you back at the number you are calling from")

    with rehearsed.without_record():
        caller.keys("1")
        caller.hears("you keep your place")
    caller.keys("9")
    caller.hears("in line")

    rehearsed.returns("grace")
    rehearsed.answers("grace")
    caller.talks()
    caller.hangs_up()
    assert rehearsed.ends(caller)["outcome"] == "answered"
    assert not {"violation", "failure", "dialing"} & caller.kinds
