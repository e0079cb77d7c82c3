"""During a talk, by a carrier that is none of ours: a key in a room, phones that die, and who is told what of it."""

from __future__ import annotations

import pytest

from tests.line.carrier import Phone
from tests.line.conftest import Day
from tests.line.people import talk, talk_a_while, to_a_person


@pytest.fixture
def talking(day: Day) -> tuple[Phone, Phone]:
    caller, agent = to_a_person(day)
    agent.picks_up()
    talk(caller, agent)
    return caller, agent


@pytest.mark.parametrize("deliveries", ["once", "at once"])
def test_by_star_the_caller_hears_music_and_by_one_they_are_back(
    day: Day, talking: tuple[Phone, Phone], deliveries: str
) -> None:
    caller, agent = talking
    first, day.carrier.deliveries = caller.room, deliveries
    agent.stars()
    caller.hears("hold for a moment")
    agent.hears("The caller is on hold")
    agent.chooses("go back to the caller")
    caller.until(lambda: caller.room and caller.room == agent.room, "is with the agent again")
    assert caller.room != first
    caller.hangs_up()
    agent.codes("answered")
    agent.is_sent_away()
    day.disposition(caller, outcome="answered", code="answered", final=True, transfers=0)


def test_a_colleague_takes_the_caller_over(day: Day, talking: tuple[Phone, Phone]) -> None:
    caller, agent = talking
    agent.stars()
    agent.hears("ask a colleague")
    agent.chooses("ask a colleague")
    agent.presses("1")
    colleague = day.carrier.rings()
    colleague.picks_up()
    colleague.hears("asks for your help")
    colleague.chooses("To talk")
    agent.until(lambda: agent.room and agent.room == colleague.room, "talks with the colleague")
    assert caller.room is None
    agent.hangs_up()
    caller.until(lambda: caller.room and caller.room == colleague.room, "is with the colleague")
    caller.hangs_up()
    day.is_soon(lambda: (day.presence(agent), day.presence(colleague)), ("wrap_up", "wrap_up"))
    colleague.codes("answered")
    colleague.is_sent_away()
    day.disposition(caller, outcome="answered", code="answered", final=True, transfers=1)


def test_a_dead_phone_of_which_nobody_tells_us_puts_the_caller_back_in_line(
    day: Day, talking: tuple[Phone, Phone]
) -> None:
    caller, agent = talking
    agent.vanishes()
    caller.hears("Sorry, we lost the person")
    another = day.carrier.rings()
    assert another.to != agent.to
    another.picks_up()
    talk(caller, another)


def test_a_caller_on_hold_whose_agent_hangs_up_is_back_in_line(day: Day, talking: tuple[Phone, Phone]) -> None:
    caller, agent = talking
    agent.stars()
    caller.hears("hold for a moment")
    agent.hears("The caller is on hold")
    agent.hangs_up()
    caller.hears("You have kept your place")
    another = day.carrier.rings()
    another.picks_up()
    talk(caller, another)


def test_an_agent_who_hangs_up_has_said_goodbye(day: Day) -> None:
    caller, agent = to_a_person(day)
    agent.picks_up()
    talk_a_while(day, caller, agent)
    agent.hangs_up()
    caller.hears("Thank you for calling")
    caller.is_sent_away()
