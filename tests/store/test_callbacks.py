"""What callbacks ask of the record: is a number in use, and who was there first?"""

from __future__ import annotations

from dataclasses import replace

import pytest

from ivr.core.call import Caller, Leg
from ivr.store import Record
from tests.store.calls import ROSA, a_call, a_ticket, after, an_offer, begin, turn

GONE = {"leg-CA1": Leg("leg-CA1", "caller", "over")}


def _called_back(call: str, state: str = "expected") -> dict[str, Leg]:
    leg = Leg(f"back-{call}", "callback", state, number=ROSA)
    return {f"leg-{call}": Leg(f"leg-{call}", "caller", "over"), leg.token: leg}


def test_a_number_is_in_use_while_somebody_is_on_the_line_from_it(record: Record) -> None:
    there = begin(record, a_call())
    assert record.callbacks.in_use(ROSA, "CA2")
    assert not record.callbacks.in_use(ROSA, "CA1")  # it is this call that would ring them
    assert not record.callbacks.in_use("+15550199", "CA2")
    record.commit(turn(there, after=replace(there.call, legs=GONE)))
    assert not record.callbacks.in_use(ROSA, "CA2")


@pytest.mark.parametrize(("state", "used"), [("open", True), ("accepted", True), ("missed", False)])
def test_it_is_in_use_while_an_agent_is_asked_to_call_it_back(record: Record, state: str, used: bool) -> None:
    begin(record, a_call(legs=GONE, ticket=a_ticket(kind="callback"), offers=(an_offer(state=state),)))
    assert record.callbacks.in_use(ROSA, "CA2") is used


@pytest.mark.parametrize(("state", "used"), [("expected", True), ("live", True), ("over", False)])
def test_it_is_in_use_while_it_rings_or_talks_though_another_number_called(
    record: Record, state: str, used: bool
) -> None:
    begin(record, a_call(caller=Caller("number", "+15550199"), legs=_called_back("CA1", state)))
    assert record.callbacks.in_use(ROSA, "CA2") is used


def test_of_two_calls_that_call_back_one_number_the_first_does(record: Record) -> None:
    begin(record, a_call(legs=_called_back("CA1")))
    second = begin(record, a_call("CA2"))
    record.commit(turn(second, now=after(1), after=replace(second.call, legs=_called_back("CA2"))))
    assert not record.callbacks.others_first(ROSA, "CA1", "back-CA1")
    assert record.callbacks.others_first(ROSA, "CA2", "back-CA2")


def test_a_call_does_not_stand_in_its_own_way(record: Record) -> None:
    earlier = begin(record, a_call(legs=_called_back("CA1", "live")))
    again = Leg("again", "callback", "expected", number=ROSA)
    record.commit(turn(earlier, now=after(1), after=replace(earlier.call, legs={**earlier.call.legs, "again": again})))
    assert not record.callbacks.others_first(ROSA, "CA1", "again")
