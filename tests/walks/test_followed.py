"""Callers who follow what they hear finish what they rang for, and hear how it stands: in both languages, both ways."""

from __future__ import annotations

import pytest

from ivr.orders.sandbox.cast import PEOPLE
from ivr.orders.sandbox.filed import FiledPrescription
from tests.published import pharmacy_shipped
from tests.walks.callers import Callers, spoken, told

PROMPTS = pharmacy_shipped().prompts
CAST = {filed.number: filed for person in PEOPLE for filed in person.prescriptions}
OFFICES = [person.id for person in PEOPLE if person.kind == "prescriber"]
WAYS = [("en", "keys"), ("en", "speech"), ("es", "keys"), ("es", "speech")]
ways = pytest.mark.parametrize(("language", "way"), WAYS)

# What somebody is told, by what stands in the way of a refill, where an order is, who decides, and how it is paid.
REFILL = {
    "eligible": "refill_ordered",
    "too_soon": "refill_too_soon",
    "no_refills": "refill_no_refills",
    "expired": "refill_expired",
    "schedule_ii": "refill_schedule_ii",
    "pa_required": "refill_pa_required",
    "pa_pending": "refill_pa_pending",
    "pa_denied": "refill_pa_denied",
    "coverage_problem": "refill_coverage_problem",
    "quantity_limited": "refill_quantity_limited",
    "out_of_stock": "refill_out_of_stock",
    "clinical_hold": "refill_clinical_hold",
    "payment_blocked": "refill_payment_blocked",
    "address_check": "refill_address_check",
    "rx_cancelled": "refill_no_longer_here",
    "transferred_out": "refill_no_longer_here",
}
ORDER = {
    "awaiting_provider": "order_awaiting_provider",
    "sent": "order_sent",
    "received": "order_received",
    "processing": "order_processing",
    "shipped": "order_shipped",
    "ready": "order_ready",
    "delivered": "order_delivered",
    "delayed": "order_delayed",
    "blocked_on_patient": "order_blocked",
    "cancelled": "order_cancelled",
}
APPROVAL = {
    "required": "pa_required",
    "submitted": "pa_submitted",
    "pending_prescriber": "pa_pending_prescriber",
    "pending_payer": "pa_pending_payer",
    "approved": "pa_approved",
    "denied": "pa_denied",
    "appealed": "pa_appealed",
    "expired": "pa_expired",
}
PAYMENT = {
    "failed": "payment_failed",
    "retrying": "payment_retrying",
    "renewal_due": "payment_renewal_due",
    "succeeded": "payment_succeeded",
}


def of_refill(filed: FiledPrescription) -> str:
    """What somebody who wants this refilled is told first."""
    if filed.order_state == "delayed":
        return ORDER["delayed"]
    if filed.renewal == "requested":
        return "renewal_under_way"
    if filed.refill == "already_in_process":
        return ORDER[filed.order_state or ""]
    controlled = "_controlled" if (filed.refill, filed.medication_class) == ("too_soon", "controlled") else ""
    return REFILL[filed.refill] + controlled


def words_of(language: str, *families: str) -> list[tuple[str, str]]:
    """The prompts about a prescription of these families, by name and words."""
    prompts = PROMPTS.catalogues[language].prompts.values()
    return [(prompt.name, prompt.source) for prompt in prompts if prompt.tiers and prompt.name.startswith(families)]


def surprises(
    callers: Callers, wants: str, expected: dict[str, str], language: str, way: str, *families: str
) -> dict[str, str]:
    """What the owner of each prescription heard of it and what they should have, where they differ.

    `expected` has a prompt for each prescription's number; others of these families are surprises too.
    """
    calls = callers.everybody(wants, expected, language, speaks=way == "speech")
    words = words_of(language, *families)
    heard = {number: told(caller.phone, words) - {"refill_confirm"} for number, caller in calls.items()}
    return {
        number: f"{sorted(heard[number])}, not {prompt}; the last words: {calls[number].phone.heard[-2:]}"
        for number, prompt in expected.items()
        if heard[number] != {prompt}
    }


@ways
def test_whoever_wants_a_refill_has_it_ordered_or_hears_what_stands_in_the_way(
    callers: Callers, language: str, way: str
) -> None:
    expected = {number: of_refill(filed) for number, filed in CAST.items()}

    assert not surprises(callers, "refill", expected, language, way, "refill_", "renewal_under_way", "order_")


@ways
def test_whoever_asks_where_their_order_is_hears_where(callers: Callers, language: str, way: str) -> None:
    expected = {
        number: ORDER[filed.order_state] for number, filed in CAST.items() if filed.order_state and filed.days_left > 0
    }

    assert not surprises(callers, "status", expected, language, way, "order_")


@ways
def test_whoever_asks_for_the_insurers_approval_hears_who_decides(callers: Callers, language: str, way: str) -> None:
    expected = {number: APPROVAL[filed.prior_auth] for number, filed in CAST.items() if filed.prior_auth in APPROVAL}

    assert not surprises(callers, "prior authorization", expected, language, way, "pa_")


@ways
def test_whoever_asks_about_a_payment_hears_how_it_stands(callers: Callers, language: str, way: str) -> None:
    expected = {number: PAYMENT[filed.payment] for number, filed in CAST.items() if filed.payment in PAYMENT}

    assert not surprises(callers, "payment", expected, language, way, "payment_")


@ways
def test_whoever_asks_for_the_hours_hears_them(callers: Callers, language: str, way: str) -> None:
    hours = spoken(PROMPTS.catalogues[language].prompts["hours_open"].source)
    person = callers.person("patient-01")
    caller = callers.rings("hours", person, language=language, speaks=way == "speech", from_=callers.fresh_number())
    caller.answers = (hours,)
    caller.finishes()

    assert caller.heard(hours)


# ---------------------------------------------------------------- prescribers


@pytest.mark.parametrize("office", OFFICES)
@pytest.mark.parametrize("line", ["main", "prescribers"])
@pytest.mark.parametrize("way", ["keys", "speech"])
def test_an_office_rings_from_any_phone_and_says_its_number(callers: Callers, office: str, line: str, way: str) -> None:
    person, from_ = callers.person(office), callers.fresh_number()
    rings = callers.rings if line == "main" else callers.rings_prescribers_line
    caller = rings("verification", person, from_=from_, speaks=way == "speech")

    assert caller.finishes() == "in line"
    caller.phone.hangs_up()
    told_of = callers.disposition(caller.phone)
    assert (told_of["queue"], told_of["caller"]) == ("verification", "prescriber")


# ---------------------------------------------------------------- at night


@ways
def test_at_night_whoever_wants_a_person_leaves_a_message(callers: Callers, language: str, way: str) -> None:
    callers.night_falls()
    caller = callers.rings(
        "person",
        callers.person("patient-02"),
        language=language,
        speaks=way == "speech",
        from_=callers.fresh_number(),
    )

    assert caller.finishes() == "message"
    caller.phone.leaves_message()
    assert caller.phone.is_over
    assert callers.disposition(caller.phone)["outcome"] == "voicemail"


@ways
def test_at_night_a_refill_is_ordered_all_the_same(callers: Callers, language: str, way: str) -> None:
    callers.night_falls()
    caller = callers.about("refill", "7001001", language, speaks=way == "speech")

    assert told(caller.phone, words_of(language, "refill_")) == {"refill_confirm", "refill_ordered"}


# ---------------------------------------------------------------- once, and by whom


@ways
def test_a_refill_is_ordered_once_though_the_carrier_sends_everything_twice_at_once(
    callers: Callers, language: str, way: str
) -> None:
    callers.carrier.deliveries = "at once"
    caller = callers.about("refill", "7012001", language, speaks=way == "speech")

    assert told(caller.phone, words_of(language, "refill_")) == {"refill_confirm", "refill_ordered"}
    callers.disposition(caller.phone)
    assert [row["call_id"] for row in callers.refills()] == [caller.phone.sid]


def test_two_of_a_household_who_ring_at_once_order_once_each(callers: Callers) -> None:
    """Both on their one phone, and one of them about the same prescription as the other a moment before."""
    numbers = ["7001001", "7009001", "7012001"]
    calls = [*callers.at_once("refill", [*numbers, *numbers], from_="+16145550111")]
    for caller in calls:
        callers.disposition(caller.phone)

    ordered = [row["prescription_id"] for row in callers.refills()]
    assert sorted(ordered) == sorted({CAST[number].id for number in numbers})


# ---------------------------------------------------------------- who is not who they say


def test_who_guesses_birth_dates_locks_the_person_and_the_right_one_then_sounds_as_wrong(callers: Callers) -> None:
    person = callers.person("patient-13")
    wrong = [callers.offers(person, f"1995-02-{day:02}") for day in range(1, 11)]
    right = callers.offers(person, person["date_of_birth"])

    assert {tuple(callers.documents(caller.phone)) for caller in wrong} == {tuple(callers.documents(right.phone))}
    assert not told(right.phone, words_of("en", ""))
    callers.unlock(person)
    assert told(callers.offers(person, person["date_of_birth"]).phone, words_of("en", ""))


def test_a_locked_person_is_locked_on_their_own_phone_too(callers: Callers) -> None:
    person = callers.person("patient-05")
    for day in range(1, 11):
        callers.offers(person, f"1944-07-{day:02}")
    own = callers.offers(person, person["date_of_birth"], from_=person["phone"])

    assert not told(own.phone, words_of("en", ""))
    callers.unlock(person)


def test_a_number_that_does_not_exist_sounds_like_a_birth_date_that_does_not_fit(callers: Callers) -> None:
    person = callers.person("patient-02")
    nobody = callers.offers({**person, "prescriptions": [{"number": "7999999"}]}, person["date_of_birth"])
    wrong = callers.offers(person, "1967-08-20")

    assert callers.documents(nobody.phone) == callers.documents(wrong.phone)


@pytest.mark.parametrize(
    ("caregiver", "number", "wants"),
    [
        ("caregiver-03", "7004001", "refill"),
        ("caregiver-03", "7004001", "status"),
        ("caregiver-03", "7004001", "prior authorization"),
        ("caregiver-05", "7022003", "refill"),
        ("caregiver-02", "7009002", "payment"),
    ],
)
def test_a_caregiver_hears_nothing_they_have_no_permission_for(
    callers: Callers, caregiver: str, number: str, wants: str
) -> None:
    theirs = {**callers.owner(number), "phone": callers.person(caregiver)["phone"]}
    caller = callers.rings(wants, theirs, number=number)
    caller.finishes()

    assert not told(caller.phone, words_of("en", ""))
