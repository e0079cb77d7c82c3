"""Who rings again is put to whoever talked with them lately, where the pharmacy wants it so."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ivr.core.call import Answer
from tests.core.rehearsal import PHARMACY, Rehearsal

BEN = replace(PHARMACY.staff["ana"], id="ben", queues=frozenset({"pharmacist"}), licensed=False)
TWO = replace(PHARMACY, staff={**PHARMACY.staff, "ben": BEN})


def preferred(agent: str, **answers: Answer) -> str | None:
    told = Answer(True, values={"number": "number:k", "last_agent": agent})
    call = Rehearsal(pharmacy=TWO, ticket=told, **answers).on_hold().call
    assert call.ticket is not None
    return call.ticket.preferred


def test_the_one_who_talked_with_them_is_preferred() -> None:
    assert preferred("ana") == "ana"


@pytest.mark.parametrize("agent", ["", "gone", "ben"])
def test_nobody_gone_from_the_staff_and_nobody_who_may_not_serve_them(agent: str) -> None:
    assert preferred(agent) is None


def test_an_office_rings_for_many_patients() -> None:
    office = Answer(True, {"tier": "number", "caller": "prescriber", "language": "en"}, person="p1")
    assert preferred("ana", who=office) is None


def test_in_an_emergency_nobody_waits_for_somebody_they_know() -> None:
    told = Answer(True, values={"number": "number:k", "last_agent": "ana"})
    call = Rehearsal(pharmacy=TWO, ticket=told).rings().says("she swallowed them", "adverse_reaction", "emergency").call
    assert call.ticket is not None
    assert (call.ticket.emergency, call.ticket.preferred) == (True, None)
