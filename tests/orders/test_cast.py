"""The cast: somebody in every state a caller can ask about, and facts that agree with each other."""

from __future__ import annotations

import re
from collections import Counter
from datetime import date
from typing import Any, get_args

import httpx
import pytest

from ivr.orders.port import ActsNext, OrderState, Payment, Prescription, PriorAuth, Refill, Renewal
from ivr.orders.rest import RestOrderSystem
from ivr.orders.sandbox.bodies import npi_is_valid

TODAY = date(2026, 11, 24)


@pytest.fixture
def cast(http: httpx.Client) -> list[dict[str, Any]]:
    return http.get("/_sandbox/people").json()["people"]


@pytest.fixture
def filed(cast: list[dict[str, Any]], order_system: RestOrderSystem) -> list[Prescription]:
    """Every prescription of the cast, as the product reads it."""
    return [each for person in of_kind(cast, "patient") for each in order_system.prescriptions(person["id"])]


def of_kind(cast: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [person for person in cast if person["kind"] == kind]


def test_people_are_listed_with_exactly_these_fields(http, cast):
    assert set(http.get("/_sandbox/people").json()) == {"people"}
    fields = "id name kind phone date_of_birth zip npi language acts_for prescriptions"
    assert all(set(person) == set(fields.split()) for person in cast)
    assert all(set(each) == {"number", "state"} for person in cast for each in person["prescriptions"])


def test_the_cast_is_a_few_of_every_kind(cast):
    kinds = Counter(person["kind"] for person in cast)
    assert kinds == {"patient": 24, "caregiver": 10, "prescriber": 2, "pharmacy": 1}


def test_phones_are_fictional_and_a_few_are_shared_by_two(cast):
    phones = Counter(person["phone"] for person in cast)
    assert all(re.fullmatch(r"\+1[2-9]\d\d55501\d\d", phone) for phone in phones)
    assert [count for count in phones.values() if count > 1] == [2, 2, 2]


def test_every_prescription_has_seven_digits_of_its_own(cast):
    numbers = [each["number"] for person in cast for each in person["prescriptions"]]
    assert len(numbers) == len(set(numbers))
    assert all(re.fullmatch(r"\d{7}", number) for number in numbers)


def test_every_state_a_caller_can_ask_about_is_somebodys(cast):
    states = {each["state"] for person in cast for each in person["prescriptions"]}
    # What is not found is nobody's.
    assert states == {*get_args(Refill), *get_args(OrderState)} - {"not_found"}


def test_every_payment_state_is_somebodys(http, cast):
    paths = [f"/v1/patients/{person['id']}/prescriptions" for person in of_kind(cast, "patient")]
    payments = {each["payment"] for path in paths for each in http.get(path).json()["items"]}
    assert payments == set(get_args(Payment))


def test_caregivers_come_with_and_without_permission(cast):
    patients = {person["id"] for person in of_kind(cast, "patient")}
    permissions = [set(person["acts_for"]) for person in of_kind(cast, "caregiver")]
    assert all(permission <= patients for permission in permissions)
    assert {bool(permission) for permission in permissions} == {True, False}


def test_offices_have_a_valid_npi_and_patients_a_birthday(cast):
    assert all(npi_is_valid(person["npi"]) for person in of_kind(cast, "prescriber"))
    assert all(person["date_of_birth"] and person["npi"] is None for person in of_kind(cast, "patient"))


# ---------------------------------------------------------------- facts that agree


def test_every_word_for_a_prescription_is_somebodys(filed):
    assert {each.prior_auth for each in filed} == set(get_args(PriorAuth))
    assert {each.acts_next for each in filed} == set(get_args(ActsNext))
    assert {each.renewal for each in filed} == set(get_args(Renewal))
    assert {each.medication_class for each in filed} >= {"controlled", "cold_chain", "specialty"}


def test_every_prescription_says_since_when_and_who_acts_next(filed):
    assert all(each.since is not None and each.since <= TODAY and each.acts_next is not None for each in filed)


def test_whoever_outside_acts_next_has_a_day_to_answer_by(filed):
    owing = [each for each in filed if each.acts_next in ("prescriber", "insurer", "billing")]
    assert all(each.answer_by is not None for each in owing)
    assert any(each.answer_by < TODAY for each in owing)  # one of them is late
    assert all(each.answer_by is None for each in filed if each.acts_next in ("nobody", "patient"))


def test_money_is_owed_where_a_payment_failed_or_is_retried(filed):
    assert {each.payment for each in filed if each.balance} == {"failed", "retrying"}
    assert all(each.balance for each in filed if each.payment in ("failed", "retrying"))


def test_a_prior_authorization_agrees_with_what_it_blocks(filed):
    blocked = {each.prior_auth: each.refill for each in filed if each.prior_auth not in ("not_required", "approved")}
    assert blocked == {
        "required": "pa_required",
        "expired": "pa_required",
        "submitted": "pa_pending",
        "pending_prescriber": "pa_pending",
        "pending_payer": "pa_pending",
        "denied": "pa_denied",
        "appealed": "pa_denied",
    }
    assert all(each.prior_auth != "not_required" for each in filed if (each.refill or "").startswith("pa_"))
    assert all((each.prior_auth == "approved") == (each.approved_until is not None) for each in filed)


@pytest.mark.parametrize(
    ("state", "acts_next"),
    [
        ("awaiting_provider", {"prescriber"}),
        ("blocked_on_patient", {"patient"}),
        ("ready", {"patient"}),
        ("shipped", {"carrier"}),
        ("delayed", {"carrier"}),
        ("processing", {"pharmacy"}),
        ("received", {"pharmacy", "billing"}),
        ("delivered", {"nobody"}),
        ("out_of_stock", {"pharmacy"}),
        ("payment_blocked", {"patient", "billing"}),
        ("pa_required", {"prescriber"}),
        ("pa_pending", {"prescriber", "insurer"}),
        ("pa_denied", {"prescriber", "insurer"}),
    ],
)
def test_who_acts_next_is_who_can(filed, state, acts_next):
    assert {each.acts_next for each in filed if state in (each.refill, each.order_state)} == acts_next


def test_what_is_on_its_way_or_out_of_stock_has_a_day_to_expect_it(filed):
    waited = [each for each in filed if {each.refill, each.order_state} & {"out_of_stock", "shipped", "delayed"}]
    assert all(each.expected_on is not None and each.expected_on > TODAY for each in waited)


def test_what_is_too_early_has_a_day_to_ask_again(filed):
    assert all((each.refill == "too_soon") == (each.earliest_refill_on is not None) for each in filed)


def test_spanish_is_spoken_by_people_in_several_states(cast):
    spanish = [each["state"] for person in cast if person["language"] == "es" for each in person["prescriptions"]]
    assert {"payment_blocked", "pa_pending", "no_refills", "eligible", "delayed", "ready", "shipped"} <= set(spanish)


def test_texts_are_agreed_to_refused_and_not_asked_about(cast, http):
    shown = (http.get(f"/v1/patients/{person['id']}").json() for person in of_kind(cast, "patient"))
    assert {each["texts"] for each in shown} == {True, False, None}
