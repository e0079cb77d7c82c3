"""The worker is dead and nobody starts it again: emergencies are rung through, and others are told and choose."""

from __future__ import annotations

from tests.failures.rehearsed import Rehearsed

STAFFED_NUMBER, ON_CALL = "+12025550120", "+12025550121"


def test_emergencies_are_rung_through_and_one_nobody_answers_waits_for_the_worker(rehearsed: Rehearsed) -> None:
    rehearsed.rests("grace")
    waits = rehearsed.calls("18")
    waits.hears("We are calling a pharmacist for you now")

    with rehearsed.without_worker():
        on_call = rehearsed.rings_at(ON_CALL)  # for the one who was waiting already
        on_call.phone.answer(pace=0.0)
        waits.talks()

        new = rehearsed.calls("18")
        rehearsed.rings_at(ON_CALL).phone.decline()
        staffed = rehearsed.rings_at(STAFFED_NUMBER)
        staffed.phone.answer(pace=0.0)
        new.talks()

        for number in (ON_CALL, STAFFED_NUMBER):
            rehearsed.phones.post("/phones", number=number, does="busy")
        unlucky = rehearsed.calls("18")
        unlucky.hears("Nobody has answered yet. We keep trying.")

    rehearsed.only("ruth")
    rehearsed.answers("ruth")
    unlucky.talks()
    for number in (ON_CALL, STAFFED_NUMBER):
        rehearsed.phones.post("/phones", number=number, does="ring")
    for person in (waits, staffed, unlucky):
        person.hangs_up()
    assert [rehearsed.ends(caller)["outcome"] for caller in (waits, new, unlucky)] == [
        *("transferred", "transferred", "answered")
    ]
    assert not {"violation", "failure"} & (waits.kinds | new.kinds | unlucky.kinds)


def test_a_caller_with_time_is_told_and_may_ring_the_desk(rehearsed: Rehearsed) -> None:
    rehearsed.rests("grace")
    stays = rehearsed.holds()

    with rehearsed.without_worker():
        stays.hears("cannot connect you just now")
        caller = rehearsed.calls("10")
        caller.hears("To ring the pharmacy's desk yourself, press 3")
        caller.keys("3")
        staffed = rehearsed.rings_at(STAFFED_NUMBER)
        staffed.phone.answer(pace=0.0)
        caller.talks()
        staffed.hangs_up()
        caller.is_rid_of()

    rehearsed.returns("grace")
    rehearsed.answers("grace")
    stays.talks()
    stays.hangs_up()
    assert rehearsed.ends(caller)["outcome"] == "transferred"
    assert rehearsed.ends(stays)["outcome"] == "answered"
    assert not {"violation", "failure"} & (caller.kinds | stays.kinds)
