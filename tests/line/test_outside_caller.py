"""Whole calls from outside, through a carrier that is none of ours; each leaves exactly one disposition."""

from __future__ import annotations

from tests.line.carrier import Phone
from tests.line.conftest import MAIN, PRESCRIBERS, Day

PATIENT, SHARED_NUMBER, OFFICE = "+16145550103", "+16145550111", "+16145550120"


def in_line(day: Day, caller: Phone) -> Phone:
    """Take a caller through the menu to a person: who is rung first."""
    caller.chooses("English")
    caller.hears("press 0")
    caller.chooses("person")
    caller.hears("in line")
    return day.carrier.rings()


def they_talk(caller: Phone, agent: Phone) -> None:
    agent.picks_up()
    agent.chooses("take it")
    caller.until(lambda: caller.room, "is brought to the agent")
    assert agent.room == caller.room


def test_a_patient_known_by_their_number_talks_to_refills(day: Day) -> None:
    patient = day.carrier.dials(MAIN, PATIENT)
    patient.hears("dial 911")
    patient.chooses("English")
    patient.hears("Central Pharmacy")
    patient.chooses("refill")
    patient.hears("prescription number")
    patient.presses("0#")
    patient.hears("in line")
    agent = day.carrier.rings()
    they_talk(patient, agent)
    agent.hears("Caller: patient. About: refill request")

    assert day.presence(agent) == "on_call"
    patient.hangs_up()
    agent.hears("caller has left")
    assert agent.is_over
    day.is_soon(lambda: day.presence(agent), "wrap_up")
    day.disposition(patient, outcome="answered", queue="refills", reached="talk", tier="number", final=True)


def test_a_caller_nobody_knows_is_answered(day: Day) -> None:
    caller = day.stranger()
    agent = in_line(day, caller)
    they_talk(caller, agent)
    agent.hears("Caller: unknown")
    agent.hangs_up()
    caller.hears("Thank you for calling")

    assert caller.is_over
    day.disposition(caller, outcome="answered", queue="front_desk", caller="unknown", tier="anonymous", final=True)


def test_a_prescribers_office_known_by_its_number_is_asked_nothing(day: Day) -> None:
    office = day.carrier.dials(MAIN, OFFICE)
    office.chooses("English")
    office.hears("in line")
    agent = day.carrier.rings()
    they_talk(office, agent)
    office.hangs_up()

    assert not any("For a refill" in said for said in office.heard)
    day.disposition(office, outcome="answered", queue="verification", caller="prescriber", final=True)


def test_the_prescribers_own_number_leads_to_verification(day: Day) -> None:
    office = day.stranger(PRESCRIBERS)
    office.hears("patient in danger")
    office.says_nothing()
    office.hears("in line")
    they_talk(office, day.carrier.rings())
    office.hangs_up()

    day.disposition(office, outcome="answered", queue="verification", line="prescribers", final=True)


def test_at_night_a_caller_leaves_a_message(day: Day) -> None:
    day.night_falls()
    caller = day.stranger()
    caller.chooses("English")
    caller.chooses("person")
    caller.hears("closed now")
    caller.leaves_message()
    caller.hears("We have your message")

    assert caller.is_over
    assert day.rung() == []
    told = day.disposition(caller, outcome="voicemail", code="message_taken", queue="front_desk", final=False)
    day.is_soon(lambda: [task["what"] for task in tasks_of(day, told["call_id"])], ["voicemail"])


def tasks_of(day: Day, call_id: str) -> list[dict[str, object]]:
    return [task for task in day.order_system("/v1/tasks") if task["call_id"] == call_id]


def test_a_caller_keeps_their_place_by_callback_and_is_rung_back(day: Day) -> None:
    caller = day.stranger()
    first = in_line(day, caller)
    caller.hears("have us call you back")
    caller.chooses("call you back")
    caller.hears("the number you are calling from")
    caller.chooses("to confirm")
    caller.hears("You keep your place")
    assert caller.is_over
    first.until(lambda: first.is_over, "stops ringing")
    day.disposition(caller, outcome="callback", final=False)

    agent = day.carrier.rings()
    agent.picks_up()
    agent.hears("Call back")
    agent.chooses("take it")
    person = day.carrier.rings(to=caller.caller)
    person.picks_up()
    person.hears("returning a call")
    person.chooses("asked us to call")
    person.until(lambda: person.room, "is in the room")

    assert agent.room == person.room
    person.hangs_up()
    agent.hears("caller has left")
    day.disposition(caller, outcome="callback", code="callback_completed", reached="talk", attempts=1, final=True)


def test_a_caller_who_hangs_up_in_the_menu_has_abandoned(day: Day) -> None:
    caller = day.stranger()
    caller.chooses("English")
    caller.hangs_up()

    day.disposition(caller, outcome="abandoned", reached="menu", code="abandoned_ivr", final=True)
    assert day.rung() == []


def test_a_caller_who_hangs_up_on_hold_has_abandoned(day: Day) -> None:
    day.on_break("mateo", "omar")
    caller = day.stranger()
    caller.chooses("English")
    caller.chooses("insurance")
    caller.hears("in line")
    day.passes(seconds=20)
    caller.hangs_up()

    told = day.disposition(caller, outcome="abandoned", reached="hold", queue="insurance", final=True)
    assert told["waited_seconds"] >= 20
    assert day.rung() == []


def test_a_caller_who_hangs_up_while_an_agents_phone_rings_lets_it_fall_silent(day: Day) -> None:
    caller = day.stranger()
    agent = in_line(day, caller)
    assert day.presence(agent) == "offered"
    caller.hangs_up()
    agent.until(lambda: agent.status == "canceled", "stops ringing", seconds=3)

    day.is_soon(lambda: day.presence(agent), "available")
    day.disposition(caller, outcome="short_abandon", reached="offer", final=True)
    assert len(day.rung()) == 1


def test_a_caller_who_hangs_up_while_an_agent_hears_the_whisper_sets_them_free(day: Day) -> None:
    caller = day.stranger()
    agent = in_line(day, caller)
    agent.picks_up()
    caller.hangs_up()
    agent.until(lambda: agent.is_over, "is hung up", seconds=3)

    day.is_soon(lambda: day.presence(agent), "available")
    day.disposition(caller, outcome="short_abandon", reached="offer", final=True)


def test_an_agent_who_does_not_pick_up_goes_on_break_and_the_caller_keeps_their_place(day: Day) -> None:
    caller = day.stranger()
    missed = in_line(day, caller)
    missed.rings_out()
    day.is_soon(lambda: day.presence(missed), "on_break missed")
    agent = day.carrier.rings()
    assert agent.to != missed.to
    they_talk(caller, agent)
    caller.hangs_up()

    told = day.disposition(caller, outcome="answered", reached="talk", promise_kept=True, final=True)
    assert told["arrived_at"] == day.disposition(caller)["arrived_at"]
    day.passes(minutes=2, seconds=1)
    day.is_soon(lambda: day.presence(missed), "available")


def test_an_agent_who_declines_is_free_and_another_is_rung(day: Day) -> None:
    caller = day.stranger()
    first = in_line(day, caller)
    first.picks_up()
    first.presses("2")
    first.hears("Somebody else")
    assert first.is_over
    assert day.presence(first) == "available"
    agent = day.carrier.rings()
    assert agent.to != first.to
    they_talk(caller, agent)
    caller.hangs_up()

    day.disposition(caller, outcome="answered", final=True)


def test_a_caller_by_sip_is_answered(day: Day) -> None:
    sip = {"SipCallId": "f81d4fae@clinic.example", "SipHeader_X-Clinic": "<b>Birch & Lane</b>"}
    caller = day.carrier.dials("sip:+12125550110@pharmacy.example", "sip:front@clinic.example", **sip)
    they_talk(caller, in_line(day, caller))
    caller.hangs_up()

    day.disposition(caller, outcome="answered", line="main", tier="anonymous", final=True)


def test_a_caller_who_withholds_their_number_is_answered(day: Day) -> None:
    caller = day.carrier.dials(MAIN, "anonymous")
    they_talk(caller, in_line(day, caller))
    caller.hangs_up()

    day.disposition(caller, outcome="answered", tier="anonymous", final=True)


def test_a_caller_who_withholds_their_number_says_where_to_call_back(day: Day) -> None:
    caller = day.carrier.dials(MAIN, "+266696687")
    in_line(day, caller)
    caller.hears("have us call you back")
    caller.chooses("call you back")
    caller.hears("key in your number")
    caller.presses("3035550188#")
    caller.hears("3 0 3")
    caller.chooses("confirm")
    caller.hears("You keep your place")
    agent = day.carrier.rings()
    agent.picks_up()
    agent.chooses("take it")
    person = day.carrier.rings(to="+13035550188")
    person.picks_up()
    person.chooses("asked us to call")
    person.until(lambda: person.room, "is in the room")
    person.hangs_up()

    day.disposition(caller, outcome="callback", code="callback_completed", attempts=1, final=True)


def test_two_people_on_one_number_are_told_apart_by_their_prescription(day: Day) -> None:
    son = day.carrier.dials(MAIN, SHARED_NUMBER)
    son.chooses("English")
    son.chooses("refill")
    son.presses("7012001")
    son.hears("can be refilled now")
    son.chooses("order it")
    son.hears("refill is ordered")
    mother = day.carrier.dials(MAIN, SHARED_NUMBER)
    mother.chooses("order or a delivery")  # the language of this number is known by now
    mother.presses("7011001")
    mother.hears("in line")
    they_talk(mother, day.carrier.rings())
    mother.hangs_up()

    day.disposition(son, outcome="self_served", code="refill_ordered", tier="prescription", final=True)
    day.disposition(mother, outcome="answered", queue="refills", rule="Late cold-chain parcel", final=True)


def test_every_call_so_far_has_left_one_disposition(day: Day) -> None:
    """Whatever tests ran before this one: as many rows as callers, and no row of anybody else."""
    rang_us = sorted(phone.sid for phone in day.carrier.phones.values() if phone.direction == "inbound")

    day.is_soon(lambda: sorted(row["call_id"] for row in day.order_system("/v1/dispositions")), rang_us)
