"""What a caller's proofs come to, as facts and values, asked of the sandbox over real HTTP."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from ivr.core.call import Answer, Call, Caller
from ivr.orders.questions import Told, Tried, put
from ivr.orders.rest import RestOrderSystem

NOW = datetime(2026, 11, 24, 15, 0, tzinfo=UTC)
STRANGER = "+16145550199"
ADA, ADAS = "+16145550101", {"rx_number": "7001001", "date_of_birth": "1950-01-05", "zip": "43004"}
QUENTIN, NORA = "+16145550124", "+16145550132"  # Nora may see to his refills
QUENTINS = {"rx_number": "7017002", "date_of_birth": "1955-09-14", "zip": "43212"}
KOWALS, IVO = {"rx_number": "7022001", "date_of_birth": "1947-08-23"}, "+16145550133"  # he may ask how things stand
HUGO, HUGOS = "+16145550108", {"rx_number": "7008001", "date_of_birth": "1962-09-21"}
ROLF = "+16145550117"  # on file, and acts for nobody
NOT_FOUND, NOTHING = Answer(True, {"refill": "not_found"}), Answer(True)


def call_from(number: str | None, attestation: str = "B", **parts: Any) -> Call:
    caller = Caller("number", number, attestation) if number else Caller()
    return replace(Call("CA1", "main", "central", "v1", NOW, caller, facts={"tier": "anonymous"}), **parts)


def some(fields: dict[str, str], *names: str) -> dict[str, str]:
    return {name: fields[name] for name in names}


@pytest.fixture
def told(order_system: RestOrderSystem) -> Any:
    def ask(question: str, call: Call) -> Told:
        answer = put(question, call, order_system)
        assert answer is not None
        return answer

    return ask


# ---------------------------------------------------------------- a prescription


def test_its_number_from_a_number_on_file_tells_all_of_it(told: Any) -> None:
    answer = told("prescription:0", call_from(ADA, fields=some(ADAS, "rx_number"))).answer
    known = {"tier": "prescription", "permission": "everything", "texts": "yes", "refill": "eligible"}
    assert known.items() <= answer.facts.items()
    assert answer.person == "patient-01"
    assert answer.prescription
    assert answer.values["last4"] == "1001"


def test_every_fact_and_value_of_a_prescription_is_told_known_or_not(told: Any) -> None:
    """What was known of the last one must not be taken for this one's."""
    one = told("prescription:0", call_from(ADA, fields=some(ADAS, "rx_number"))).answer
    other = told("prescription:1", call_from(HUGO, fields=some(HUGOS, "rx_number"))).answer
    assert one.facts.keys() - {"access", "language"} == other.facts.keys() - {"access", "language"}
    assert one.values.keys() == other.values.keys()
    assert (one.values["balance"], other.values["balance"]) == ("", "12.50")


@pytest.mark.parametrize(
    ("number", "attestation", "given"),
    [
        (STRANGER, "A", "rx_number"),
        (None, "none", "rx_number"),
        (ADA, "failed", "rx_number"),
    ],
)
def test_its_number_alone_from_elsewhere_reads_as_if_there_were_none_and_is_held_against_nobody(
    told: Any, number: str | None, attestation: str, given: str
) -> None:
    call = call_from(number, attestation, fields=some(ADAS, given))
    assert told("prescription:0", call) == Told(NOT_FOUND, Tried("patient-01", False, NOT_FOUND))
    none = told("prescription:0", replace(call, fields={"rx_number": "7999999"}))
    assert none == Told(NOT_FOUND, Tried(None, False, NOT_FOUND))


@pytest.mark.parametrize("also", ["date_of_birth", "zip"])
def test_with_a_birth_date_or_a_zip_it_is_told_to_a_stranger(told: Any, also: str) -> None:
    answer = told("prescription:0", call_from(STRANGER, fields=some(ADAS, "rx_number", also))).answer
    assert (answer.facts["tier"], answer.facts["refill"]) == ("prescription", "eligible")


@pytest.mark.parametrize(
    ("fields", "about"),
    [
        ({**ADAS, "date_of_birth": "1950-01-06"}, "patient-01"),
        ({**ADAS, "zip": "43005"}, "patient-01"),
        ({**ADAS, "rx_number": "7999999"}, None),
    ],
)
def test_what_does_not_fit_is_not_found_and_held_against_who_was_aimed_at(
    told: Any, fields: dict[str, str], about: str | None
) -> None:
    assert told("prescription:0", call_from(ADA, "A", fields=fields)) == Told(NOT_FOUND, Tried(about, True, NOT_FOUND))


def test_without_a_number_of_it_nobody_is_asked(told: Any) -> None:
    assert told("prescription:0", call_from(ADA, fields=some(ADAS, "zip"))) == Told(NOT_FOUND)


# ---------------------------------------------------------------- identity


@pytest.mark.parametrize(
    ("number", "attestation", "given", "tier"),
    [
        (ADA, "B", "date_of_birth zip", "verified"),
        (ADA, "B", "rx_number date_of_birth", "verified"),
        (ADA, "A", "date_of_birth", "verified"),
        (STRANGER, "B", "rx_number date_of_birth zip", "verified"),
        (STRANGER, "B", "rx_number date_of_birth", "prescription"),
        (ADA, "failed", "rx_number date_of_birth zip", "verified"),
        (ADA, "failed", "rx_number date_of_birth", "prescription"),
    ],
)
def test_what_they_told_so_far_is_worth_its_tier(
    told: Any, number: str, attestation: str, given: str, tier: str
) -> None:
    answer = told("identity:0", call_from(number, attestation, fields=some(ADAS, *given.split()))).answer
    assert (answer.facts["tier"], answer.person) == (tier, "patient-01")
    assert ("refill" in answer.facts) == ("rx_number" in given)


@pytest.mark.parametrize(
    ("number", "attestation", "given"),
    [(ADA, "B", "date_of_birth"), (ADA, "failed", "date_of_birth zip")],
)
def test_what_fits_and_is_not_enough_reads_like_what_does_not_fit(
    told: Any, number: str, attestation: str, given: str
) -> None:
    call = call_from(number, attestation, fields=some(ADAS, *given.split()))
    assert told("identity:0", call) == Told(NOT_FOUND, Tried("patient-01", False, NOT_FOUND))
    wrong = replace(call, fields={name: "1950-01-06" if name == "date_of_birth" else "43005" for name in call.fields})
    assert told("identity:0", wrong) == Told(NOT_FOUND, Tried("patient-01", True, NOT_FOUND))


def test_a_code_read_back_rightly_stands_for_the_number_and_a_wrong_one_is_a_wrong_proof(told: Any) -> None:
    fields = {**some(ADAS, "date_of_birth"), "code": "604938"}
    right = told("identity:0", call_from(ADA, fields=fields, code_right=True))
    assert right.answer.facts["tier"] == "verified"
    assert not right.tried.wrong
    wrong = told("identity:0", call_from(ADA, fields=fields))
    assert wrong == Told(NOT_FOUND, Tried("patient-01", True, NOT_FOUND))


def test_a_code_that_went_wrong_stands_in_nobodys_way_who_proves_it_otherwise(told: Any) -> None:
    answer = told("identity:1", call_from(ADA, fields={**ADAS, "code": "604938"}))
    assert (answer.answer.facts["tier"], answer.tried.wrong) == ("verified", False)


@pytest.mark.parametrize("fields", [{}, {"zip": "43004"}])
def test_who_told_nothing_proves_nothing_and_nobody_is_asked(told: Any, fields: dict[str, str]) -> None:
    assert told("identity:0", call_from(ADA, fields=fields)) == Told(NOT_FOUND)


# ---------------------------------------------------------------- whoever rings for somebody else


@pytest.mark.parametrize(
    ("number", "fields", "permission"),
    [(QUENTIN, QUENTINS, "everything"), (NORA, QUENTINS, "refills"), (IVO, KOWALS, "status")],
)
def test_what_they_may_hear_of_the_patient_is_told(
    told: Any, number: str, fields: dict[str, str], permission: str
) -> None:
    answer = told("identity:0", call_from(number, fields=some(fields, "rx_number", "date_of_birth"))).answer
    assert (answer.facts["tier"], answer.facts["permission"]) == ("verified", permission)


def test_who_may_hear_nothing_learns_nothing_whatever_they_know(told: Any) -> None:
    assert told("identity:0", call_from(ROLF, fields=ADAS)).answer == NOT_FOUND


def test_of_money_only_who_may_hear_everything_hears(told: Any, order_system: RestOrderSystem) -> None:
    JUDITH, WENDELL = "+16145550134", {"rx_number": "7023003"}
    answer = told("prescription:0", call_from(JUDITH, fields=WENDELL)).answer
    assert answer.values["balance"] == "56.20"
    call = call_from(JUDITH, person="patient-23", facts={"tier": "verified", "permission": "refills"})
    assert {one.values["balance"] for one in told("prescriptions:0", call).answer.found} == {""}


def test_texts_were_agreed_to_for_the_number_on_file_and_no_other(told: Any) -> None:
    assert told("identity:0", call_from(ADA, fields=ADAS)).answer.facts["texts"] == "yes"
    assert told("identity:0", call_from(STRANGER, fields=ADAS)).answer.facts["texts"] == "unknown"
    assert told("identity:0", call_from(ADA, "failed", fields=ADAS)).answer.facts["texts"] == "unknown"


# ---------------------------------------------------------------- who, prescriptions, prescribers


def test_a_number_tells_who_may_be_calling(told: Any) -> None:
    answer = told("who", call_from(ADA)).answer
    assert (answer.facts["tier"], answer.facts["caller"], answer.facts["texts"]) == ("number", "patient", "yes")
    assert answer.person == "patient-01"


def test_a_number_whose_attestation_failed_tells_no_more_than_a_language(told: Any) -> None:
    assert told("who", call_from("+16145550109", "failed")).answer == Answer(
        True, {"tier": "anonymous", "language": "es"}
    )


def test_a_number_nobody_has_is_anonymous(told: Any) -> None:
    assert told("who", call_from(STRANGER)).answer == Answer(True, {"tier": "anonymous"})


def test_the_verified_person_hears_of_all_their_prescriptions(told: Any) -> None:
    call = call_from(QUENTIN, person="patient-17", facts={"tier": "verified", "permission": "everything"})
    answer = told("prescriptions:0", call).answer
    assert [one.values["last4"] for one in answer.found] == ["7001", "7002", "7003", "7004"]
    assert {one.facts["refill"] for one in answer.found} >= {"eligible", "no_refills", "too_soon"}


@pytest.mark.parametrize("tier", ["anonymous", "number", "prescription", "prescriber"])
def test_nobody_else_hears_of_any(told: Any, tier: str) -> None:
    assert told("prescriptions:0", call_from(QUENTIN, person="patient-17", facts={"tier": tier})) == Told(NOTHING)


@pytest.mark.parametrize(
    ("number", "attestation", "facts"),
    [
        ("+16145550120", "B", {"caller": "prescriber", "tier": "prescriber"}),
        ("+16145550120", "failed", {"caller": "prescriber"}),
        (STRANGER, "A", {"caller": "prescriber"}),
    ],
)
def test_an_office_is_proved_by_ringing_from_its_number(
    told: Any, number: str, attestation: str, facts: dict[str, str]
) -> None:
    call = call_from(number, attestation, fields={"npi": "1234567893"})
    assert told("prescriber:0", call) == Told(Answer(True, facts))


def test_an_office_nobody_knows_is_nothing_new(told: Any) -> None:
    assert told("prescriber:0", call_from(STRANGER, fields={"npi": "1000000004"})) == Told(NOTHING)


# ---------------------------------------------------------------- an order system that does not answer


def test_while_it_does_not_answer_nobody_knows_yet() -> None:
    gone = RestOrderSystem("http://127.0.0.1:9", "sandbox")
    assert put("identity:0", call_from(ADA, fields=ADAS), gone) is None
    gone.close()


def test_a_question_it_does_not_serve_is_answered_with_unknown(order_system: RestOrderSystem) -> None:
    call = call_from(ADA, person="nobody", facts={"tier": "verified"})
    assert put("prescriptions:0", call, order_system) == Told(Answer(False))
