"""What callers and agents do on the line again and again, each in one word."""

from __future__ import annotations

from ivr.core.meeting import CUT_SHORT_SECONDS
from tests.line.carrier import Phone
from tests.line.conftest import Day


def in_line(day: Day, caller: Phone) -> Phone:
    """Take a caller through the menu to a person: who is rung first."""
    caller.chooses("English")
    caller.hears("press 0")
    caller.chooses("person")
    caller.hears("in line")
    return day.carrier.rings()


def to_a_person(day: Day) -> tuple[Phone, Phone]:
    """A stranger asks for a person: the caller on hold, and the agent who is rung."""
    caller = day.stranger()
    return caller, in_line(day, caller)


def they_talk(caller: Phone, agent: Phone) -> None:
    agent.picks_up()
    talk(caller, agent)


def talk(caller: Phone, agent: Phone) -> None:
    """The agent is on the phone already."""
    agent.chooses("take it")
    caller.until(lambda: caller.room, "is brought to the agent")
    assert agent.room == caller.room


def talk_a_while(day: Day, caller: Phone, agent: Phone) -> None:
    """They talk for so long that whichever phone goes down, and however late it is told, they had met."""
    talk(caller, agent)
    day.passes(seconds=CUT_SHORT_SECONDS + 1)
