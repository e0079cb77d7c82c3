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
