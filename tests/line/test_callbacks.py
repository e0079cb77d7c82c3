"""Whoever was promised a callback rings again, from outside, through a carrier that is none of ours."""

from __future__ import annotations

from tests.line.carrier import Phone
from tests.line.conftest import MAIN, STAFF, Day
from tests.line.people import they_talk


def everybody_is_away(day: Day) -> None:
    day.on_break(*STAFF.values())


def on_hold(day: Day, number: str = "", vouched: str = "TN-Validation-Passed-A") -> Phone:
    """Somebody asks for a person, from a number nobody has filed."""
    caller = day.carrier.dials(MAIN, number, StirVerstat=vouched) if number else day.stranger()
    if not number:  # else their language is remembered
        caller.chooses("English")
    caller.chooses("person")
    return caller


def promised(day: Day) -> Phone:
    everybody_is_away(day)
    caller = on_hold(day)
    caller.chooses("call you back")
    caller.chooses("to confirm")
    caller.hears("You keep your place")
    caller.hangs_up()
    day.disposition(caller, outcome="callback", code="callback_promised", final=False)
    return caller


def test_who_rings_again_waits_on_the_line_with_the_same_ticket_and_both_calls_end_with_it(day: Day) -> None:
    first = promised(day)
    again = on_hold(day, first.caller)
    again.hears("Somebody with your number is in line already")
    again.chooses("the same thing")
    again.hears("You are number 1")
    day.line.everybody_available()
    again.chooses("wait on the line now")
    agent = day.carrier.rings()
    they_talk(again, agent)
    again.hangs_up()

    told = day.disposition(again, outcome="answered", reached="talk", final=True)
    before = day.disposition(first, outcome="callback", final=True)
    assert before["ticket_id"] == told["ticket_id"]
    assert [phone for phone in day.rung() if phone == first.caller] == []


def test_who_rings_again_calls_it_off(day: Day) -> None:
    first = promised(day)
    again = called_off(day, first)

    day.disposition(again, code="callback_cancelled", final=True)
    day.disposition(first, code="callback_cancelled", final=True)


def called_off(day: Day, first: Phone) -> Phone:
    again = on_hold(day, first.caller)
    again.chooses("the same thing")
    again.presses("4")
    again.hears("We will not call you back")
    again.is_sent_away()
    return again


def test_somebody_else_with_the_same_number_is_in_line_by_themselves(day: Day) -> None:
    first = promised(day)
    other = on_hold(day, first.caller)
    other.presses("2")
    other.hears("You are still in line")
    other.hangs_up()

    told = day.disposition(other, code="abandoned_queue", final=True)
    before = day.disposition(first, outcome="callback", final=False)
    assert before["ticket_id"] != told["ticket_id"]
    called_off(day, first)


def test_whoever_shows_a_number_nobody_vouches_for_is_in_line_and_hears_nothing_of_it(day: Day) -> None:
    first = promised(day)
    other = on_hold(day, first.caller, vouched="TN-Validation-Passed-B")
    other.hears("You are still in line")
    other.hangs_up()

    told = day.disposition(other, code="abandoned_queue", final=True)
    before = day.disposition(first, outcome="callback", final=False)
    assert before["ticket_id"] != told["ticket_id"]
    called_off(day, first)


def test_while_they_are_on_the_line_nobody_calls_them_back(day: Day) -> None:
    first = promised(day)
    again = on_hold(day, first.caller)
    again.hears("Somebody with your number is in line already")
    day.line.everybody_available()
    assert day.rung() == []
    again.hangs_up()
    agent = day.carrier.rings()

    agent.picks_up()
    agent.hears("Call back")
    agent.chooses("take it")
    person = day.carrier.rings(to=first.caller)
    person.picks_up()
    person.chooses("asked us to call")
    person.until(lambda: person.room, "is in the room")
    person.hangs_up()
    agent.codes("answered")
    day.disposition(first, outcome="callback", code="answered", attempts=1, final=True)


def test_a_premium_number_is_refused_and_another_taken(day: Day) -> None:
    everybody_is_away(day)
    caller = on_hold(day)
    caller.chooses("call you back")
    caller.presses("2")
    caller.presses("9005550188#")
    caller.hears("cannot call that kind of number")
    caller.presses("011442079460000#")
    caller.hears("cannot call that country")
    caller.presses("2125550110#")
    caller.hears("our own number")
