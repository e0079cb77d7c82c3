"""What the line learns from the order system and writes to it, over real HTTP."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx
import pytest

from ivr.orders.port import RENEWAL_OPEN, OrderSystem, Person, Prescription, Proof, Refused, Unavailable
from ivr.orders.rest import RestOrderSystem

ADA, ADAS_RX, ADAS_BIRTH = "+16145550101", "7001001", "1950-01-05"
CLARA = "+16145550103"
NOBODY = "+16145550199"
CALL = "CA" + "1" * 32
SPOKEN_TO = {"final": True, "outcome": "answered"}


def found(order_system: OrderSystem, rx: str, phone: str) -> Prescription:
    prescription = order_system.prove(Proof(phone, rx)).prescription
    assert prescription is not None
    return prescription


def people(http: httpx.Client) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = http.get("/_sandbox/people").json()["people"]
    return listed


def items(http: httpx.Client, path: str) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = http.get(path).json()["items"]
    return listed


def fail(http: httpx.Client, mode: str, seconds: float = 30) -> None:
    assert http.post("/_sandbox/fail", json={"mode": mode, "seconds": seconds}).status_code == 200


# ---------------------------------------------------------------- who is calling


def test_a_patient_is_known_by_the_number_she_calls_from(order_system):
    assert order_system.identify(ADA) == (Person("patient-01", "patient", "en", "standard", (), True),)


def test_two_patients_who_share_a_number_are_both_named(order_system):
    assert [person.id for person in order_system.identify("+16145550111")] == ["patient-11", "patient-12"]


def test_a_number_nobody_filed_is_nobody(order_system):
    assert order_system.identify(NOBODY) == ()


@pytest.mark.parametrize(
    ("phone", "kind", "language", "access", "acts_for"),
    [
        ("+16145550109", "patient", "es", "standard", ()),
        ("+16145550110", "patient", "en", "slow", ()),
        ("+16145550113", "patient", "en", "relay", ()),
        ("+16145550115", "caregiver", "en", "standard", ("patient-01", "patient-10")),
        ("+16145550117", "caregiver", "en", "standard", ()),
        ("+16145550120", "prescriber", "en", "standard", ()),
        ("+16145550122", "pharmacy", "en", "standard", ()),
    ],
)
def test_kind_language_pace_and_permission_come_with_the_person(order_system, phone, kind, language, access, acts_for):
    (person,) = order_system.identify(phone)
    assert (person.kind, person.language, person.access, person.acts_for) == (
        kind,
        language,
        access,
        acts_for,
    )


# ---------------------------------------------------------------- the state of a prescription


def test_every_prescription_comes_back_in_the_state_the_cast_is_listed_with(order_system, http):
    for person in people(http):
        for listed in person["prescriptions"]:
            prescription = found(order_system, listed["number"], person["phone"])
            assert listed["state"] in (prescription.refill, prescription.order_state)
            assert (prescription.person, prescription.id == listed["number"]) == (person["id"], False)


def test_a_late_cold_chain_parcel_comes_with_what_makes_it_urgent(order_system):
    late = found(order_system, "7011001", "+16145550111")
    assert (late.order_state, late.time_sensitive, late.days_left) == ("delayed", True, 1)
    assert late.expected_on == date(2026, 11, 26)


def test_too_soon_comes_with_the_first_day_it_can_be_refilled(order_system):
    assert found(order_system, "7002001", "+16145550102").earliest_refill_on == date(2026, 12, 3)


def test_out_of_stock_comes_with_the_day_it_is_expected(order_system):
    assert found(order_system, "7005001", "+16145550105").expected_on == date(2026, 11, 28)


def test_a_failed_payment_is_told_apart_from_the_refill_it_blocks(order_system):
    blocked = found(order_system, "7007001", "+16145550107")
    assert (blocked.refill, blocked.payment) == ("payment_blocked", "failed")


def test_dates_stay_ahead_of_a_clock_set_to_another_year(order_system, sandbox):
    sandbox.now = datetime(2031, 2, 27, 12, 0, tzinfo=UTC)
    assert found(order_system, "7002001", "+16145550102").earliest_refill_on == date(2031, 3, 8)


# ---------------------------------------------------------------- refills


def test_an_eligible_refill_is_placed_and_then_under_way(order_system, http):
    prescription = found(order_system, ADAS_RX, ADA)
    request = order_system.request_refill(prescription.id, CALL, "key-1")
    placed = items(http, "/v1/refill-requests")
    assert [(each["id"], each["call_id"], each["status"]) for each in placed] == [(request, CALL, "accepted")]
    after = found(order_system, ADAS_RX, ADA)
    assert (after.refill, after.order_state) == ("already_in_process", "received")
    assert people(http)[0]["prescriptions"] == [{"number": ADAS_RX, "state": "already_in_process"}]


def test_the_same_refill_sent_again_is_placed_once(order_system, http):
    prescription = found(order_system, ADAS_RX, ADA)
    first, again = (order_system.request_refill(prescription.id, CALL, "key-1") for _ in range(2))
    assert first == again
    assert len(items(http, "/v1/refill-requests")) == 1


def test_the_same_refill_sent_by_two_workers_at_once_is_placed_once(order_system, http):
    prescription = found(order_system, ADAS_RX, ADA)
    placed: list[str] = []

    def place() -> None:
        placed.append(order_system.request_refill(prescription.id, CALL, "key-1"))

    workers = [threading.Thread(target=place) for _ in range(6)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert (len(placed), len(set(placed)), len(items(http, "/v1/refill-requests"))) == (6, 1, 1)


def test_a_second_wish_for_the_same_refill_hears_it_is_under_way(order_system):
    prescription = found(order_system, ADAS_RX, ADA)
    order_system.request_refill(prescription.id, CALL, "key-1")
    with pytest.raises(Refused) as refusal:
        order_system.request_refill(prescription.id, CALL, "key-2")
    assert refusal.value.code == "already_in_process"


def test_a_refill_that_is_blocked_is_refused_with_what_blocks_it(order_system, http):
    codes = set()
    for person in people(http):
        for listed in person["prescriptions"]:
            prescription = found(order_system, listed["number"], person["phone"])
            if prescription.refill != "eligible":
                with pytest.raises(Refused) as refusal:
                    order_system.request_refill(prescription.id, CALL, f"key-{listed['number']}")
                assert refusal.value.code == prescription.refill
                codes.add(refusal.value.code)
    assert len(codes) == 16
    assert items(http, "/v1/refill-requests") == []


def test_two_wishes_for_one_refill_at_once_place_one_and_the_other_hears_so(order_system, http):
    prescription = found(order_system, ADAS_RX, ADA)
    told = at_once(lambda key: order_system.request_refill(prescription.id, CALL, key))
    assert [request["id"] for request in items(http, "/v1/refill-requests")] == told["placed"]
    assert told["refused"] == ["already_in_process"] * 5


def test_a_controlled_medicine_is_refilled_in_time_and_never_early(order_system):
    early, in_time = order_system.prescriptions("patient-19")
    assert (early.medication_class, in_time.medication_class) == ("controlled", "controlled")
    assert early.earliest_refill_on == date(2026, 12, 2)
    with pytest.raises(Refused, match=r"^too_soon$"):
        order_system.request_refill(early.id, CALL, "key-1")
    assert order_system.request_refill(in_time.id, CALL, "key-2")


def test_a_refill_that_is_placed_waits_for_the_pharmacy_from_that_day(order_system, sandbox):
    before = found(order_system, ADAS_RX, ADA)
    order_system.request_refill(before.id, CALL, "key-1")
    sandbox.now += timedelta(days=2)
    after = found(order_system, ADAS_RX, ADA)
    assert (before.acts_next, before.since) == ("nobody", date(2026, 10, 30))
    assert (after.acts_next, after.since, after.answer_by) == ("pharmacy", date(2026, 11, 24), None)


def test_a_refill_of_nothing_is_refused(order_system):
    with pytest.raises(Refused, match=r"^prescription_not_found$"):
        order_system.request_refill("rx_0000", CALL, "key-1")


# ---------------------------------------------------------------- renewals


@pytest.mark.parametrize("rx", ["7003001", "7003002"])
def test_a_renewal_goes_to_the_prescriber_and_the_prescription_says_so(order_system, http, rx):
    before = found(order_system, rx, CLARA)
    request = order_system.request_renewal(before.id, CALL, "key-1")
    placed = items(http, "/v1/renewal-requests")
    assert [(each["id"], each["call_id"], each["status"]) for each in placed] == [(request, CALL, "accepted")]
    after = found(order_system, rx, CLARA)
    assert (before.renewal, before.order_state, before.acts_next) == ("none", None, "patient")
    assert (after.renewal, after.order_state, after.acts_next) == ("requested", "awaiting_provider", "prescriber")
    assert (after.refill, after.since, after.answer_by) == (before.refill, date(2026, 11, 24), date(2026, 11, 27))
    assert {"number": rx, "state": "awaiting_provider"} in people(http)[2]["prescriptions"]


def test_the_same_renewal_sent_again_is_asked_for_once(order_system, http):
    prescription = found(order_system, "7003001", CLARA)
    first, again = (order_system.request_renewal(prescription.id, CALL, "key-1") for _ in range(2))
    assert first == again
    assert len(items(http, "/v1/renewal-requests")) == 1


def test_two_wishes_for_one_renewal_at_once_ask_once_and_the_other_hears_so(order_system, http):
    prescription = found(order_system, "7003001", CLARA)
    told = at_once(lambda key: order_system.request_renewal(prescription.id, CALL, key))
    assert [request["id"] for request in items(http, "/v1/renewal-requests")] == told["placed"]
    assert told["refused"] == [RENEWAL_OPEN] * 5


def test_a_renewal_is_asked_for_only_where_one_is_needed_and_nobody_asked(order_system, http):
    told = {}
    for person in people(http):
        for listed in person["prescriptions"]:
            prescription = found(order_system, listed["number"], person["phone"])
            told[listed["number"]] = prescription.refill, prescription.renewal, renewed(order_system, prescription.id)
    needed = {(refill, code) for refill, renewal, code in told.values() if renewal == "none"}
    assert {refill for refill, code in needed if code is None} == {"no_refills", "expired", "schedule_ii"}
    assert {code for _, code in needed} == {None, "not_renewable"}
    answered = {(renewal, code) for _, renewal, code in told.values() if renewal != "none"}
    assert answered == {("requested", RENEWAL_OPEN), ("denied", "renewal_denied")}


def renewed(order_system: OrderSystem, prescription_id: str) -> str | None:
    try:
        order_system.request_renewal(prescription_id, CALL, f"key-{prescription_id}")
    except Refused as refusal:
        return refusal.code
    return None


def at_once(wish: Callable[[str], str]) -> dict[str, list[str]]:
    """What six workers who wish for the same thing in the same moment, each with a key of its own, are told."""
    told: dict[str, list[str]] = {"placed": [], "refused": []}
    start = threading.Barrier(6)

    def work(key: str) -> None:
        start.wait()
        try:
            told["placed"].append(wish(key))
        except Refused as refusal:
            told["refused"].append(refusal.code)

    workers = [threading.Thread(target=work, args=(f"key-{number}",)) for number in range(6)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return told


# ---------------------------------------------------------------- the record of a call


def test_a_call_record_is_replaced_and_never_doubled(order_system, http):
    order_system.record_call(CALL, {"line": "main"})
    order_system.record_call(CALL, {"line": "main", "intent": "refill_request"})
    assert http.get(f"/v1/calls/{CALL}").json() == {"id": CALL, "line": "main", "intent": "refill_request"}


def test_a_call_record_that_comes_late_changes_nothing(order_system, http):
    newest = {"revision": 4, "queue": "pharmacist"}
    order_system.record_call(CALL, newest)
    order_system.record_call(CALL, {"revision": 3, "queue": "refills"})
    assert http.get(f"/v1/calls/{CALL}").json() == {"id": CALL, **newest}


def test_a_newer_disposition_replaces_the_older_in_one_row(order_system, http):
    waiting = {"revision": 1, "final": False, "outcome": "callback"}
    order_system.write_disposition(CALL, waiting, "key-1")
    order_system.write_disposition(CALL, {"revision": 2, **SPOKEN_TO, "waited_seconds": 41}, "key-2")
    order_system.write_disposition("CA-other", {"revision": 1, **SPOKEN_TO}, "key-3")
    (kept,) = items(http, f"/v1/dispositions?call_id={CALL}")
    assert kept == {"call_id": CALL, "revision": 2, **SPOKEN_TO, "waited_seconds": 41}
    assert [each["call_id"] for each in items(http, "/v1/dispositions")] == [CALL, "CA-other"]


@pytest.mark.parametrize("late", [1, 2])
def test_a_disposition_that_comes_late_changes_nothing(order_system, http, late):
    order_system.write_disposition(CALL, {"revision": 2, **SPOKEN_TO}, "key-2")
    order_system.write_disposition(CALL, {"revision": late, "final": False, "outcome": "voicemail"}, "key-1")
    assert items(http, "/v1/dispositions") == [{"call_id": CALL, "revision": 2, **SPOKEN_TO}]


def test_a_key_used_for_something_else_is_refused(order_system, http):
    order_system.write_disposition(CALL, {"revision": 1, **SPOKEN_TO}, "key-1")
    with pytest.raises(Refused, match=r"^idempotency_key_reused$"):
        order_system.write_disposition(CALL, {"revision": 2, **SPOKEN_TO}, "key-1")
    with pytest.raises(Refused, match=r"^idempotency_key_reused$"):
        order_system.create_task({"what": "message"}, "key-1")
    assert items(http, "/v1/dispositions")[0]["revision"] == 1


def test_a_disposition_without_an_outcome_is_refused(order_system):
    with pytest.raises(Refused, match=r"^body_invalid$"):
        order_system.write_disposition(CALL, {"revision": 1, "final": True}, "key-1")


def test_a_task_is_put_before_staff_once(order_system, http):
    task = {"what": "message", "call_id": CALL, "urgent": True, "queue": "refills"}
    first, again = (order_system.create_task(task, "key-1") for _ in range(2))
    assert first == again
    (kept,) = items(http, "/v1/tasks")
    assert kept == {**task, "id": first, "created_at": "2026-11-24T15:00:00+00:00"}


# ---------------------------------------------------------------- when it fails


def every_request(order_system: OrderSystem) -> list[Any]:
    return [
        lambda: order_system.identify(ADA),
        lambda: order_system.prove(Proof(ADA, ADAS_RX)),
        lambda: order_system.prescriptions("patient-01"),
        lambda: order_system.prescriber("1234567893", None),
        lambda: order_system.record_call(CALL, {}),
        lambda: order_system.write_disposition(CALL, {"revision": 1, **SPOKEN_TO}, "key-1"),
        lambda: order_system.request_refill("rx_0000", CALL, "key-2"),
        lambda: order_system.request_renewal("rx_0000", CALL, "key-4"),
        lambda: order_system.create_task({"what": "message"}, "key-3"),
    ]


@pytest.mark.parametrize("mode", ["down", "error"])
def test_a_failing_order_system_has_said_nothing(order_system, http, mode):
    fail(http, mode)
    for request in every_request(order_system):
        with pytest.raises(Unavailable):
            request()
    assert not order_system.ready()


def test_an_order_system_nobody_listens_for_has_said_nothing(sandbox):
    nobody = RestOrderSystem("http://127.0.0.1:9", "sandbox")
    for request in every_request(nobody):
        with pytest.raises(Unavailable):
            request()
    assert not nobody.ready()
    nobody.close()


def test_down_did_nothing_and_the_next_try_succeeds(order_system, http):
    fail(http, "down", seconds=0.2)
    with pytest.raises(Unavailable):
        order_system.create_task({"what": "message"}, "key-1")
    time.sleep(0.25)
    assert items(http, "/v1/tasks") == []
    order_system.create_task({"what": "message"}, "key-1")
    assert len(items(http, "/v1/tasks")) == 1


def test_an_error_after_the_work_is_done_does_not_double_it(order_system, http):
    fail(http, "error")
    with pytest.raises(Unavailable):
        order_system.create_task({"what": "message"}, "key-1")
    fail(http, "error", seconds=0)
    (kept,) = items(http, "/v1/tasks")
    assert order_system.create_task({"what": "message"}, "key-1") == kept["id"]
    assert len(items(http, "/v1/tasks")) == 1


def test_a_slow_answer_is_given_up_when_the_caller_cannot_wait(order_system, http):
    fail(http, "slow")
    began = time.monotonic()
    with pytest.raises(Unavailable):
        order_system.identify(ADA, timeout_seconds=0.1)
    for ask in (
        lambda: order_system.prove(Proof(ADA, ADAS_RX), timeout_seconds=0.1),
        lambda: order_system.prescriptions("patient-01", timeout_seconds=0.1),
        lambda: order_system.prescriber("1234567893", ADA, timeout_seconds=0.1),
    ):
        with pytest.raises(Unavailable):
            ask()
    assert time.monotonic() - began < 2


def test_a_slow_order_system_still_does_what_was_asked(sandbox, http):
    hasty = RestOrderSystem(sandbox.url, "sandbox", timeout_seconds=0.1)
    fail(http, "slow")
    with pytest.raises(Unavailable):
        hasty.create_task({"what": "message"}, "key-1")
    fail(http, "slow", seconds=0)  # slow answers go out at once
    deadline = time.monotonic() + 30
    while not items(http, "/v1/tasks") and time.monotonic() < deadline:
        time.sleep(0.01)
    hasty.create_task({"what": "message"}, "key-1")
    assert len(items(http, "/v1/tasks")) == 1
    hasty.close()


def test_with_a_wrong_token_nothing_is_given_up(sandbox):
    stranger = RestOrderSystem(sandbox.url, "guess")
    for request in every_request(stranger):
        with pytest.raises(Unavailable, match=r"^http_401$"):
            request()
    assert not stranger.ready()
    stranger.close()


# ---------------------------------------------------------------- what travels where


def test_nothing_private_stands_in_a_url(order_system, sandbox, http):
    order_system.identify(ADA)
    prescription = found(order_system, ADAS_RX, ADA)
    order_system.prove(Proof(ADA, date_of_birth=ADAS_BIRTH, zip="43004"))
    order_system.prescriptions(prescription.person)
    order_system.prescriber("1234567893", "+16145550120")
    order_system.request_refill(prescription.id, CALL, "key-1")
    order_system.request_renewal(found(order_system, "7003001", CLARA).id, CALL, "key-4")
    order_system.record_call(CALL, {"caller": ADA})
    order_system.write_disposition(CALL, {"revision": 1, **SPOKEN_TO}, "key-2")
    order_system.create_task({"what": "message", "phone": ADA}, "key-3")
    assert order_system.ready()
    assert sandbox.seen_urls == [
        "/v1/patients/search",
        "/v1/patients/verify",
        "/v1/patients/verify",
        "/v1/patients/patient-01/prescriptions",
        "/v1/prescribers/lookup",
        "/v1/refill-requests",
        "/v1/patients/verify",
        "/v1/renewal-requests",
        f"/v1/calls/{CALL}",
        "/v1/dispositions",
        "/v1/tasks",
        "/v1/capabilities",
    ]


def test_writes_carry_their_key_and_the_call_they_belong_to(order_system, sandbox):
    order_system.record_call(CALL, {})
    order_system.write_disposition(CALL, {"revision": 1, **SPOKEN_TO}, "key-1")
    order_system.create_task({"what": "message", "call_id": CALL}, "key-2")
    sent = [(h.get("HTTP_X_CORRELATION_ID"), h.get("HTTP_IDEMPOTENCY_KEY")) for h in sandbox.seen_headers]
    assert sent == [(CALL, None), (CALL, "key-1"), (CALL, "key-2")]


def test_a_refusal_says_nothing_private(order_system):
    with pytest.raises(Refused) as refusal:
        order_system.identify("6145550101 is not E.164")
    assert str(refusal.value) == "body_invalid"


def test_the_client_is_an_order_system(order_system):
    system: OrderSystem = order_system
    assert system.ready()


def test_a_week_of_supply_is_counted_from_the_clocks_today(order_system, sandbox):
    before = found(order_system, "7009002", "+16145550109").expected_on
    sandbox.now += timedelta(days=7)
    after = found(order_system, "7009002", "+16145550109").expected_on
    assert before is not None
    assert after == before + timedelta(days=7)
