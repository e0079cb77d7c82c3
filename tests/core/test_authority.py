"""Who of the staff may do what to whom, whichever door they ask at."""

from __future__ import annotations

import pytest

from ivr.core.authority import not_to_add, not_to_change, not_to_move, not_to_unlock, not_to_work
from ivr.core.line import Agent
from tests.store.calls import a_call, a_ticket

GRACE = Agent("grace", "Grace", "central", queues=frozenset({"refills"}))
DANIEL = Agent("daniel", "Daniel", "central", queues=frozenset({"pharmacist"}), licensed=True)
RUTH = Agent("ruth", "Ruth", "central", queues=frozenset({"pharmacist"}), role="supervisor")
AUDRA = Agent("audra", "Audra", "central", queues=frozenset({"refills"}), role="auditor")
FAR = Agent("far", "Far", "north", queues=frozenset({"refills"}), role="supervisor")


@pytest.mark.parametrize(
    ("who", "whom", "force", "may"),
    [
        (GRACE, GRACE, False, True),
        (GRACE, DANIEL, False, False),
        (GRACE, GRACE, True, False),
        (RUTH, GRACE, True, True),
        (AUDRA, AUDRA, False, False),
    ],
)
def test_an_agent_moves_themselves_and_a_supervisor_anybody(who: Agent, whom: Agent, force: bool, may: bool) -> None:
    assert (not_to_move(who, whom, force=force) is None) == may


@pytest.mark.parametrize(
    ("who", "may"), [(GRACE, True), (DANIEL, False), (RUTH, True), (AUDRA, False), (FAR, False), (None, False)]
)
def test_a_callback_is_worked_by_who_serves_its_queue_or_leads_its_site(who: Agent | None, may: bool) -> None:
    assert (not_to_work(who, a_ticket(kind="callback")) is None) == may


def test_an_auditor_changes_nothing_and_hears_why() -> None:
    assert not_to_change(AUDRA) == "`audra` is here as auditor, and changes nothing"


def test_whoever_works_the_line_lets_a_caller_try_again_and_a_supervisor_a_colleague() -> None:
    assert [not_to_unlock(GRACE, "patient-01"), not_to_unlock(RUTH, "staff:grace")] == [None, None]
    assert all([not_to_unlock(AUDRA, "patient-01"), not_to_unlock(GRACE, "staff:grace")])


@pytest.mark.parametrize(
    ("who", "may"), [(GRACE, True), (DANIEL, False), (RUTH, True), (FAR, True), (AUDRA, False), (None, False)]
)
def test_to_a_call_adds_who_talked_with_the_caller_or_leads(who: Agent | None, may: bool) -> None:
    assert (not_to_add(who, a_call(agents=("grace", "audra"))) is None) == may
