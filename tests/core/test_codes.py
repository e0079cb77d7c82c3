"""What came of a call in the closed lists of codes, and what follows from each: what, whose, and by when."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.core import codes
from ivr.core.call import Call, Message, Passed
from ivr.core.codes import Step
from ivr.core.ending import disposition
from ivr.core.line import Attempt, Code, Queue, Ticket
from tests.core.rehearsal import NIGHT, OPEN, PHARMACY, QUEUES

CLOSES = datetime.fromisoformat("2026-11-24T20:00-05:00")  # the day of OPEN, a Tuesday
OWN = replace(QUEUES["refills"], codes=(Code("told", "told", "status_given"), Code("solved", "solved")))


def a_call(**parts: Any) -> Call:
    usual: dict[str, Any] = {"arrived_at": OPEN, "ended_at": OPEN, "outcome": "answered", "reached": "talk"}
    return Call("CA1", "main", "central", "v1", **(usual | parts))


def a_ticket(**parts: Any) -> Ticket:
    usual: dict[str, Any] = {"queue": "refills", "kind": "callback", "state": "waiting"}
    clock: dict[str, Any] = {"arrived_at": OPEN, "due_from": OPEN, "answer_within_seconds": 600}
    return Ticket("T1", "CA1", "central", **(usual | clock | parts))


# ---------------------------------------------------------------- the resolution


@pytest.mark.parametrize(
    ("outcome", "reached", "came"),
    [
        ("self_served", "menu", "resolved_ivr"),
        ("transferred", "menu", "resolved_agent"),
        ("voicemail", "menu", "message_taken"),
        ("callback", "hold", "callback_promised"),
        ("answered", "talk", "unresolved"),
        ("abandoned", "menu", "abandoned_ivr"),
        ("short_abandon", "hold", "abandoned_queue"),
        ("failed", "menu", "system_failure"),
        (None, "menu", "system_failure"),
    ],
)
def test_a_call_nobody_coded_is_resolved_by_how_it_ended(outcome: str | None, reached: str, came: str) -> None:
    assert codes.resolution(a_call(outcome=outcome, reached=reached), None) == came


@pytest.mark.parametrize(
    ("code", "came"),
    [
        ("refill_ordered", "refill_ordered"),
        ("told", "status_given"),
        ("solved", "resolved_agent"),
        ("never_heard_of", "resolved_agent"),
        ("callback_completed", "resolved_agent"),
        ("callback_expired", "unresolved"),
        ("callback_cancelled", "resolved_ivr"),
        ("callback_under_way", "duplicate_contact"),
        ("moved_to_another_call", "duplicate_contact"),
    ],
)
def test_a_code_means_what_its_queue_says_it_means(code: str, came: str) -> None:
    assert codes.resolution(a_call(resolution=code), OWN) == came


@given(st.sampled_from([None, *codes.RESOLUTIONS, "told", "callback_expired"]), st.sampled_from([None, "failed"]))
def test_every_call_has_one_of_the_resolutions_and_a_next_step_with_an_owner(code: str | None, how: str | None) -> None:
    told = disposition(a_call(resolution=code, outcome=how), PHARMACY)
    assert told["resolution"] in codes.RESOLUTIONS
    assert told["next_step"] in codes.NEXT_STEPS
    assert told["owner"] in codes.OWNERS
    assert (told["next_step"] == "none") == (told["owner"] == "nobody")


# ---------------------------------------------------------------- the next step


@pytest.mark.parametrize(
    ("came", "what", "owner", "days"),
    [
        ("refill_ordered", "pharmacy_to_fill", "pharmacy", 1),
        ("refill_scheduled", "pharmacy_to_fill", "pharmacy", 1),
        ("transferred_rx", "pharmacy_to_fill", "pharmacy", 1),
        ("payment_taken", "pharmacy_to_fill", "pharmacy", 1),
        ("renewal_requested", "prescriber_to_respond", "prescriber", 2),
        ("verified_prescriber", "pharmacist_review", "pharmacist", 1),
        ("unresolved", "pharmacist_review", "pharmacy", 1),
        ("language_unmet", "callback_due", "pharmacy", 1),
        ("system_failure", "callback_due", "pharmacy", 1),
    ],
)
def test_what_is_left_to_do_is_due_when_the_site_closes_so_many_of_its_days_later(
    came: codes.Resolution, what: codes.NextStep, owner: codes.Owner, days: int
) -> None:
    assert codes.next_step(a_call(), came, PHARMACY) == Step(what, owner, CLOSES + timedelta(days=days))


def test_a_weekend_is_no_business_day() -> None:
    friday = OPEN + timedelta(days=3)
    due = codes.next_step(a_call(ended_at=friday), "renewal_requested", PHARMACY).due_at
    assert due == CLOSES + timedelta(days=7)


def test_what_is_urgent_is_due_at_once() -> None:
    assert codes.next_step(a_call(), "escalated_urgent", PHARMACY) == Step("pharmacist_review", "pharmacist", OPEN)


@pytest.mark.parametrize("came", ["refused_verification", "failed_verification"])
def test_whoever_could_not_prove_who_they_are_acts_next_and_nobody_says_when(came: codes.Resolution) -> None:
    assert codes.next_step(a_call(), came, PHARMACY) == Step("patient_to_act", "patient")


@pytest.mark.parametrize(
    "came",
    ["resolved_ivr", "resolved_agent", "info_given", "counselled", "wrong_number", "no_consent", "duplicate_contact"],
)
def test_after_some_nothing_is_left_to_do(came: codes.Resolution) -> None:
    assert codes.next_step(a_call(), came, PHARMACY) == Step("none", "nobody")


@pytest.mark.parametrize(
    ("acts", "what"),
    [
        ("patient", "patient_to_act"),
        ("pharmacy", "pharmacy_to_fill"),
        ("prescriber", "prescriber_to_respond"),
        ("insurer", "payer_to_respond"),
        ("carrier", "carrier_to_deliver"),
        ("billing", "billing_to_fix"),
        ("nobody", "none"),
        ("unknown", "none"),
    ],
)
def test_who_was_told_how_things_stand_waits_for_whoever_acts_next(acts: str, what: str) -> None:
    step = codes.next_step(a_call(facts={"acts_next": acts}), "status_given", PHARMACY)
    assert (step.what, step.owner) == (what, acts if what != "none" else "nobody")


def test_who_was_told_that_it_is_out_of_stock_waits_for_stock() -> None:
    told = a_call(facts={"refill": "out_of_stock", "acts_next": "pharmacy"})
    assert codes.next_step(told, "status_given", PHARMACY).what == "stock_expected"


def test_a_callback_and_a_message_are_due_when_they_were_promised() -> None:
    promised = OPEN + timedelta(minutes=10)
    call = a_call(ticket=a_ticket(), outcome="callback")
    assert codes.next_step(call, "callback_promised", PHARMACY) == Step("callback_due", "pharmacy", promised)
    left = replace(call, ticket=a_ticket(kind="voicemail", licensed=True), outcome="voicemail")
    assert codes.next_step(left, "message_taken", PHARMACY) == Step("pharmacist_review", "pharmacist", promised)


@pytest.mark.parametrize(("urgency", "what"), [("emergency", "pharmacist_review"), ("routine", "none")])
def test_an_emergency_that_hung_up_is_looked_after_at_once(urgency: str, what: str) -> None:
    gone = a_call(facts={"urgency": urgency})
    assert codes.next_step(gone, "abandoned_queue", PHARMACY).what == what


# ---------------------------------------------------------------- callbacks


@pytest.mark.parametrize(
    ("parts", "how"),
    [
        ({}, "requested"),
        ({"window": (OPEN, OPEN)}, "scheduled"),
        ({"tried": (Attempt(OPEN, "no_answer"),)}, "attempted_no_answer"),
        ({"tried": (Attempt(OPEN, "no_key"),)}, "attempted_no_answer"),
        ({"tried": (Attempt(OPEN, "machine"),)}, "attempted_voicemail"),
        ({"answered_at": OPEN, "state": "closed"}, "completed"),
    ],
)
def test_how_far_a_callback_is(parts: dict[str, Any], how: str) -> None:
    assert codes.callback(a_call(outcome="callback", ticket=a_ticket(**parts))) == how


@pytest.mark.parametrize(
    ("code", "how"), [("callback_expired", "expired"), ("callback_cancelled", "cancelled_by_patient")]
)
def test_how_a_callback_ended_without_anybody(code: str, how: str) -> None:
    assert codes.callback(a_call(outcome="callback", resolution=code, ticket=a_ticket(state="closed"))) == how


def test_who_waited_on_the_line_was_called_back_by_nobody() -> None:
    held = a_call(ticket=a_ticket(kind="hold", state="closed"))
    assert (codes.callback(held), codes.callback_reason(held, PHARMACY)) == (None, None)
    assert (codes.callback(a_call()), codes.callback_reason(a_call(), PHARMACY)) == (None, None)


def test_why_somebody_is_called_back() -> None:
    asked = a_call(outcome="callback", ticket=a_ticket())
    worked = Message("RE1", 9, OPEN, called_back_by="ana")
    why = [
        asked,
        replace(asked, arrived_at=NIGHT),
        replace(asked, ticket=a_ticket(window=(OPEN, OPEN))),
        replace(asked, message=worked),
    ]
    assert [codes.callback_reason(each, PHARMACY) for each in why] == [
        "long_wait",
        "after_hours",
        "patient_choice",
        "needs_research",
    ]


# ---------------------------------------------------------------- transfers, callers, and how they hear of it


@pytest.mark.parametrize(
    ("queue", "how", "why"),
    [
        (QUEUES["pharmacist"], "to_pharmacist", "licence"),
        (QUEUES["verification"], "to_verification", "wrong_queue"),
        (Queue("billing", "payments", 60), "to_billing", "wrong_queue"),
        (Queue("clinic", "the clinic", 60, needs=("vaccines",)), "queue_to_queue", "skill"),
    ],
)
def test_what_passing_on_to_a_queue_is_called(queue: Queue, how: str, why: str) -> None:
    assert (codes.to_queue(queue), codes.why_to_queue(queue)) == (how, why)


def test_of_several_transfers_the_last_is_what_came_of_it() -> None:
    passed = (Passed(OPEN, "to_pharmacist", "pharmacist", "ana", "clinical"), Passed(OPEN, "warm", "ben", "ana"))
    told = disposition(a_call(passed=passed), PHARMACY)
    assert (told["transfer"], told["transfer_reason"]) == ("warm", None)


@pytest.mark.parametrize(
    ("caller", "kind"),
    [
        ("patient", "patient"),
        ("caregiver", "caregiver"),
        ("prescriber", "prescriber_office"),
        ("pharmacy", "pharmacy"),
        ("staff", "unknown"),
    ],
)
def test_who_rang(caller: str, kind: str) -> None:
    assert codes.caller_kind(a_call(facts={"caller": caller})) == kind


@pytest.mark.parametrize(
    ("facts", "severity"),
    [
        ({"urgency": "emergency", "time_sensitive": "yes"}, "emergency"),
        ({"urgency": "urgent"}, "urgent"),
        ({"time_sensitive": "yes"}, "time_sensitive"),
        ({}, "routine"),
    ],
)
def test_how_pressing_it_is(facts: dict[str, str], severity: str) -> None:
    assert codes.severity(a_call(facts=facts)) == severity


def test_how_they_hear_of_it_next() -> None:
    texted, nothing = a_call(requested=("text text_status:RX-1",)), Step("none", "nobody")
    assert codes.channel(texted, Step("callback_due", "pharmacy")) == "phone"
    assert (codes.channel(texted, nothing), codes.channel(a_call(), nothing)) == ("sms", "none")
