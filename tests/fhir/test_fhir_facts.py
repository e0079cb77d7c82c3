"""What a MedicationRequest, its dispenses and its tasks come to; what they do not tell is unknown."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from structlog.testing import capture_logs

from ivr.orders.fhir.prescriptions import STANDS, filed, prescription_of
from ivr.orders.fhir.words import CLASS, HANDLING, TASK, Json
from ivr.orders.port import Prescription
from tests.fhir import cast
from tests.fhir.conftest import NOW
from tests.fhir.fake import valid

FILLED = "2026-10-25"  # 30 days before the tests' today
LAST_WEEK = "2026-11-17"


def facts(
    request: Json | None = None, dispenses: list[Json] | None = None, tasks: list[Json] | None = None
) -> Prescription:
    """The facts of one prescription; by default one filled a month ago, with refills left and nothing under way."""
    request = valid(request or cast.prescription("rx", "ada", "7001001"))
    dispenses = [cast.dispensed("d", "rx", "ada", FILLED)] if dispenses is None else dispenses
    (one,) = filed([request], [valid(each) for each in dispenses], [valid(each) for each in tasks or []], NOW)
    told = prescription_of(one)
    assert told is not None
    return told


def rx(**more: Any) -> Json:
    return cast.prescription("rx", "ada", "7001001", **more)


def done(word: str | None = None, **more: Any) -> Json:
    return cast.task("t", "rx", "ada", word, **more)


def held(reason: str) -> dict[str, Any]:
    return {"status": "on-hold", "statusReason": {"coding": [{"code": reason}]}}


def filled_on(*days: str, **more: Any) -> list[Json]:
    return [cast.dispensed(f"d{number}", "rx", "ada", day, **more) for number, day in enumerate(days)]


@pytest.mark.parametrize(
    ("request_", "dispenses", "tasks", "refill"),
    [
        (rx(), None, [], "eligible"),
        (rx(), [], [], "eligible"),  # never filled yet
        (rx(status="cancelled"), None, [], "rx_cancelled"),
        (rx(status="stopped"), None, [], "rx_cancelled"),
        (rx(status="stopped"), None, [done("transferred-out")], "transferred_out"),
        (rx(status="stopped", dispense={"validityPeriod": {"end": "2026-11-23"}}), None, [], "expired"),
        (rx(status="completed"), None, [], "no_refills"),
        (rx(dispense={"validityPeriod": {"end": "2026-11-23"}}), None, [], "expired"),
        (rx(dispense={"validityPeriod": {"end": "2026-11-24"}}), None, [], "eligible"),
        (rx(dispense={"validityPeriod": None}, category=[cast.schedule("CIV")]), None, [], "eligible"),
        (
            rx(dispense={"validityPeriod": None}, category=[cast.schedule("CIV")], authoredOn="2026-05-01"),
            None,
            [],
            "expired",
        ),
        (rx(category=[cast.schedule("CII")]), None, [], "schedule_ii"),
        (rx(dispense={"numberOfRepeatsAllowed": 1}), filled_on("2026-09-01", FILLED), [], "no_refills"),
        (rx(dispense={"numberOfRepeatsAllowed": 0}), filled_on(FILLED, quantity={"value": 15}), [], "no_refills"),
        (rx(dispense={"numberOfRepeatsAllowed": 1}), filled_on(FILLED, FILLED, quantity={"value": 15}), [], "eligible"),
        (rx(), filled_on(FILLED, status="preparation"), [], "already_in_process"),
        (rx(), None, [done()], "already_in_process"),
        (rx(), None, [done(status="completed")], "eligible"),
        (rx(), None, [done(status="on-hold", owner={"reference": "Patient/ada"})], "already_in_process"),
        (rx(), filled_on(LAST_WEEK), [], "too_soon"),
        (rx(dispense={"dispenseInterval": {"value": 28, "unit": "d"}}), filled_on("2026-10-28"), [], "too_soon"),
        (rx(dispense={"dispenseInterval": {"value": 28, "unit": "d"}}), filled_on("2026-10-27"), [], "eligible"),
        (rx(**held("sddi")), None, [], "clinical_hold"),
        (rx(**held("non-avail")), None, [], "out_of_stock"),
        (rx(), None, [done("pa-pending", status="on-hold")], "pa_pending"),
        (rx(), filled_on(LAST_WEEK), [done("pa-pending", status="on-hold")], "too_soon"),
        (rx(), filled_on(LAST_WEEK), [done("clinical_hold", status="on-hold")], "clinical_hold"),
        (rx(), None, [done("payment-failed", code="approve")], "eligible"),  # a renewal's own state is no fill's
    ],
)
def test_the_first_reason_that_blocks_is_told(request_, dispenses, tasks, refill):
    request_["dispenseRequest"] = {name: value for name, value in request_["dispenseRequest"].items() if value}
    if "numberOfRepeatsAllowed" not in request_["dispenseRequest"]:
        request_["dispenseRequest"]["numberOfRepeatsAllowed"] = 0
    assert facts(request_, dispenses, tasks).refill == refill


@pytest.mark.parametrize(
    "request_",
    [
        rx(status="unknown"),
        rx(status="draft"),
        rx(status="on-hold"),
        rx(**held("washout")),
        rx(dispense={"validityPeriod": {"start": "2026-06-01"}}),
        {**rx(), "dispenseRequest": {"validityPeriod": {"end": "2027-06-01"}}},
    ],
)
def test_what_is_not_filed_makes_a_refill_unknown_and_not_possible(request_):
    assert facts(request_).refill is None


@pytest.mark.parametrize("dispense", [{"on": None}, {"on": FILLED, "status": "on-hold"}])
def test_a_fill_that_does_not_say_when_or_why_makes_it_unknown(dispense):
    assert facts(dispenses=[cast.dispensed("d", "rx", "ada", **dispense)]).refill is None


def test_a_fill_on_hold_for_no_reason_makes_it_unknown():
    assert facts(tasks=[done(status="on-hold")]).refill is None


def test_a_server_that_keeps_no_dispenses_or_no_tasks_leaves_it_unknown():
    for dispenses, tasks in ((None, []), ([], None)):
        (one,) = filed([rx()], dispenses, tasks, NOW)
        told = prescription_of(one)
        assert told is not None
        assert told.refill is None
        assert told.renewal is ("none" if tasks == [] else None)


@pytest.mark.parametrize("word", STANDS)
def test_every_word_of_a_task_is_a_fact(word):
    told, stand = facts(tasks=[done(word.replace("_", "-"))]), STANDS[word]
    assert (told.order_state, told.payment, told.prior_auth) == (stand.order_state, stand.payment, stand.prior_auth)
    assert told.acts_next == stand.acts_next
    assert told.refill == (stand.blocks or "already_in_process")


@pytest.mark.parametrize(
    ("status", "state"),
    [("requested", "sent"), ("accepted", "received"), ("in-progress", "processing"), ("ready", "ready")],
)
def test_a_fill_without_a_word_is_where_its_status_says(status, state):
    assert facts(tasks=[done(status=status)]).order_state == state


@pytest.mark.parametrize(
    ("request_", "dispenses", "state"),
    [
        (rx(status="draft"), None, "awaiting_provider"),
        (rx(status="cancelled"), None, "cancelled"),
        (rx(), filled_on(FILLED, status="in-progress"), "processing"),
        (rx(), None, None),
    ],
)
def test_without_a_task_the_order_stands_where_its_resources_do(request_, dispenses, state):
    assert facts(request_, dispenses).order_state == state


def test_a_word_nobody_knows_and_a_message_for_staff_say_nothing():
    note = done("pa-pending", code="x")
    note["code"] = {"coding": [{"system": TASK, "code": "message"}]}
    told = facts(tasks=[done("teleported", code="other"), note])
    assert (told.refill, told.order_state, told.prior_auth) == ("eligible", None, None)


def test_an_approval_stays_when_its_work_is_done():
    until = [cast.output("approved_until", valueDate="2027-02-22")]
    told = facts(tasks=[done("pa-approved", status="completed", code="other", output=until)])
    assert (told.refill, told.prior_auth, told.approved_until) == ("eligible", "approved", date(2027, 2, 22))


def test_what_the_pharmacy_files_of_a_medicine_comes_with_it():
    category = [
        {"coding": [{"system": CLASS, "code": "insulin"}]},
        {"coding": [{"system": HANDLING, "code": "cold_chain"}]},
    ]
    told = facts(rx(category=category, substitution={"allowedBoolean": False}))
    assert (told.medication_class, told.cold_chain, told.time_sensitive, told.substitution) == (
        "insulin",
        True,
        False,
        False,
    )
    bare = rx(substitution={"allowedCodeableConcept": {"coding": [{"code": "G"}]}})
    del bare["category"]
    told = facts(bare)
    assert (told.medication_class, told.cold_chain, told.time_sensitive, told.substitution) == (None, None, None, True)


def test_a_day_is_the_pharmacys_day():
    told = facts(dispenses=filled_on("2026-10-26T02:00:00Z"))  # the evening of the 25th in New York
    assert told.earliest_refill_on == date(2026, 11, 17)


def test_a_label_is_named_by_its_last_digits_only_where_it_is_the_only_number():
    assert facts(rx(identifier=[{"value": "7001001"}, {"value": "99001002"}])).last4 is None
    assert facts(rx(identifier=[{"value": "7001001"}, {"value": "erx-5"}])).last4 == "1001"


def test_proposals_mistakes_and_what_is_nobodys_are_no_prescriptions():
    assert filed([rx(intent="plan"), rx(status="entered-in-error")], [], [], NOW) == []
    (nobodys,) = filed([{**rx(), "subject": {"display": "somebody"}}], [], [], NOW)
    assert prescription_of(nobodys) is None


ODD = [
    ("days_left", {"dispenses": filled_on(FILLED, daysSupply={"value": 30, "unit": "bottles"})}, "days_left"),
    ("days_left", {"dispenses": filled_on(FILLED, daysSupply={"value": -3, "unit": "d"})}, "days_left"),
    ("substitution", {"request": {**rx(), "substitution": "no"}}, "substitution"),
    ("last4", {"request": {**rx(), "identifier": [{"value": 7001001}]}}, "last4"),
    ("medication_class", {"request": {**rx(), "category": "insulin"}}, "category"),
    ("refill", {"request": {**rx(), "dispenseRequest": {"numberOfRepeatsAllowed": True}}}, "refills_left"),
    ("refill", {"request": {**rx(), "dispenseRequest": {"validityPeriod": {"end": "2026-13-01"}}}}, "expired"),
    ("refill", {"request": {**rx(), "dispenseRequest": {"validityPeriod": {"end": "2026-12-01T10:00"}}}}, "expired"),
    ("since", {"tasks": [done("shipped", lastModified="yesterday")]}, "since"),
    ("answer_by", {"tasks": [done("shipped", restriction={"period": {"end": ["soon"]}})]}, "answer_by"),
    ("expected_on", {"tasks": [done("shipped", output=["soon"])]}, "expected_on"),
    (
        "balance",
        {"tasks": [done(output=[cast.output("balance", valueMoney={"value": 1.234, "currency": "USD"})])]},
        "balance",
    ),
    (
        "balance",
        {"tasks": [done(output=[cast.output("balance", valueMoney={"value": 5, "currency": "EUR"})])]},
        "balance",
    ),
    ("prior_auth", {"tasks": [done(businessStatus=["pa-pending"])]}, "businessStatus"),
]


@pytest.mark.parametrize(("name", "odd", "logged_as"), ODD)
def test_one_odd_fact_does_not_lose_the_others(name, odd, logged_as):
    given = {"request": rx(), "dispenses": filled_on(FILLED), "tasks": [], **odd}
    with capture_logs() as logged:
        (one,) = filed([given["request"]], given["dispenses"], given["tasks"], NOW)
        told = prescription_of(one)
    assert told is not None
    assert (told.id, told.person) == ("MedicationRequest/rx", "Patient/ada")
    assert getattr(told, name) is None
    assert logged_as in {each["fact"] for each in logged}
    assert {each["log_level"] for each in logged} == {"warning"}
