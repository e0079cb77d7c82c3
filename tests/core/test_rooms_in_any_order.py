"""A carrier that tells of its rooms in any order, and may keep to itself who hung up: still nobody is lost or sent off.

It plays what is true of conferences, where `test_any_order.py` plays anything at all: legs are in rooms that end with
the first of the two to go, ask for what follows, and are moved when it gets round to it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ivr.core.effects import LookAfter, MoveLeg
from ivr.core.events import (
    VANISHED,
    Acted,
    CallerGone,
    Came,
    DialEnded,
    Event,
    HungUp,
    Keyed,
    LeftAlone,
    Silent,
    TimerDue,
)
from ivr.core.verbs import Gather, Hangup, Hold, Meet
from tests.core.test_talking import Talk

CALLER, AGENT = "c", "leg-ana"
OTHER = {CALLER: AGENT, AGENT: CALLER}
MOST_STEPS = 20


@dataclass
class Carrier:
    """Two phones and their rooms; `pending` is what the carrier has still to tell, or to do for us."""

    talk: Talk
    tells_of_ends: bool
    goes_back: bool  # the agent presses 1 in the menu
    pending: list[tuple[str, str, int]] = field(default_factory=list)  # what, leg, document
    room: dict[str, str] = field(default_factory=dict)
    ends: dict[str, bool] = field(default_factory=dict)
    over: set[str] = field(default_factory=set)
    on_hold: bool = False
    menus: int = 0

    def leaves(self, leg: str) -> None:
        """Out of the room, which then ends for the other one too."""
        room = self.room.pop(leg, None)
        other = OTHER[leg]
        if room and self.ends[leg] and self.room.get(other) == room:
            del self.room[other]
            self.pending.append(("after", other, 0))

    def star(self) -> None:
        self.leaves(AGENT)
        self.pending.append(("after", AGENT, 0))

    def hangs_up(self, leg: str) -> None:
        if leg not in self.over:
            self.over.add(leg)
            self.leaves(leg)
            self.pending = [each for each in self.pending if each[1] != leg or each[0] in ("move", "look")]
            if self.tells_of_ends:
                self.pending.extend([("status", leg, 0), ("status", leg, 0)])

    def does(self, number: int) -> None:
        """One thing that is pending, whichever."""
        what, leg, document = self.pending.pop(number % len(self.pending))
        match what:
            case "status":
                self.tells(HungUp(leg, "completed"))
            case "look":
                if leg in self.over:
                    self.tells(HungUp(leg, VANISHED))
            case "move":
                self.moves(leg, document)
            case "after" if leg not in self.over:
                self.tells(DialEnded(leg, "completed"))
                self.follows(leg)
            case "next" if leg not in self.over:
                keyed = leg == AGENT and self.menus and self.goes_back
                self.tells(Keyed(leg, "1") if keyed else Silent(leg))
                self.follows(leg)

    def moves(self, leg: str, document: int) -> None:
        """Our own update, unless they have been told since."""
        known = self.talk.call.legs[leg]
        if known.documents > document or known.state == "over":
            return
        if leg in self.over:
            return self.tells(CallerGone(leg))
        self.leaves(leg)
        self.pending = [each for each in self.pending if each[1] != leg or each[0] in ("move", "look", "status")]
        self.tells(Came(leg, document))
        return self.follows(leg)

    def tells(self, event: Event) -> None:
        self.talk.happens(event)
        for effect in self.talk.last.does:
            if isinstance(effect, MoveLeg):
                self.pending.append(("move", effect.leg, effect.document))
            elif isinstance(effect, LookAfter):
                self.pending.append(("look", effect.leg, 0))

    def follows(self, leg: str) -> None:
        """What the document they were given comes to."""
        match self.talk.last.says[-1]:
            case Meet() as meet:
                self.room[leg], self.ends[leg] = meet.conference, meet.ends
            case Hangup():
                self.hangs_up(leg)
            case Hold():
                self.on_hold = True
            case Gather() if leg == AGENT:
                self.menus += 1
                self.pending.append(("next", leg, 0))
            case _:
                self.pending.append(("next", leg, 0))

    def settles(self, choices: list[int]) -> None:
        """Everything pending happens in the order chosen, and then in turn; timers and the sweep come last."""
        for number in choices:
            if self.pending:
                self.does(number)
        for round_ in range(3):
            for _ in range(MOST_STEPS):
                if self.pending:
                    self.does(0)
            if round_ < 2:
                self.talk.later(15)
                self.tells(TimerDue("apart:offer-ana"))
                self.sweeps()

    def sweeps(self) -> None:
        alone = len(self.room) == 1 or len(set(self.room.values())) == 2
        if alone and self.talk.call.talk:
            self.tells(LeftAlone(self.talk.call.talk.room))


def carrier(tells_of_ends: bool = True, goes_back: bool = False) -> Carrier:
    talk = Talk().begins()
    room = talk.call.talk.room
    return Carrier(talk, tells_of_ends, goes_back, [], {CALLER: room, AGENT: room}, {CALLER: True, AGENT: True})


ORDERS = st.lists(st.integers(0, 5), max_size=25)


@settings(max_examples=60, deadline=None)
@given(ORDERS, st.booleans(), st.booleans())
def test_who_only_pressed_star_has_their_caller_on_hold_and_finds_them_there(
    choices: list[int], goes_back: bool, tells_of_ends: bool
) -> None:
    told = carrier(tells_of_ends, goes_back)
    told.star()
    told.settles(choices)
    assert told.over == set(), "somebody was sent off"
    assert told.talk.call.phase == "talking"
    assert (len(set(told.room.values())) == 1 and len(told.room) == 2) == goes_back


@settings(max_examples=60, deadline=None)
@given(ORDERS, st.booleans())
def test_a_caller_whose_agent_hung_up_is_never_left_in_silence(choices: list[int], tells_of_ends: bool) -> None:
    told = carrier(tells_of_ends)
    told.hangs_up(AGENT)
    told.settles(choices)
    assert told.over == {CALLER, AGENT}, "the caller still waits for somebody who has gone"
    assert told.talk.presence["ana"] == "wrap_up"
    assert told.talk.disposition["outcome"] == "answered"


@settings(max_examples=60, deadline=None)
@given(ORDERS, st.booleans(), st.booleans())
def test_an_agent_whose_caller_hung_up_is_told_and_wraps_up(
    choices: list[int], goes_back: bool, tells_of_ends: bool
) -> None:
    told = carrier(tells_of_ends, goes_back)
    told.hangs_up(CALLER)
    told.settles(choices)
    assert told.over == {CALLER, AGENT}, "the agent still waits for somebody who has gone"
    assert told.talk.presence["ana"] == "wrap_up"


@pytest.mark.parametrize("gone", [CALLER, AGENT])
@settings(max_examples=40, deadline=None)
@given(ORDERS, st.booleans(), st.sampled_from(["star", "hold"]))
def test_who_goes_while_the_caller_is_on_hold(gone: str, choices: list[int], tells_of_ends: bool, how: str) -> None:
    """The agent is told; the caller is back in line."""
    told = carrier(tells_of_ends)
    if how == "star":
        told.star()
    else:
        told.tells(Acted("ana", "hold"))
    for number in choices[:10]:
        if told.pending:
            told.does(number)
    told.hangs_up(gone)
    told.settles(choices[10:])
    if told.talk.call.talk and not tells_of_ends:  # nobody asks a caller on hold whether they are there: the sweep does
        told.tells(HungUp(gone, VANISHED))
        told.settles([])
    assert told.talk.presence["ana"] == "wrap_up"
    assert AGENT in told.over
    assert told.talk.call.talk is None
    assert gone in told.over
    assert gone == CALLER or told.on_hold or CALLER in told.over
