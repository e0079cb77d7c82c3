"""What staff tools ask of the sandbox: requests taken back, money, parcels, consents, changes, pages."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.orders.test_sandbox import refused, write

Rx = dict[str, Any]


def rx_of(http: httpx.Client, person: int, which: int = 0) -> Rx:
    found: Rx = http.get(f"/v1/patients/patient-{person:02}/prescriptions").json()["items"][which]
    return found


def wish(http: httpx.Client, kind: str, token: str, key: str, **more: str) -> httpx.Response:
    return write(http, f"/v1/{kind}-requests", {"prescription_id": token, "call_id": "CA1", **more}, key)


# ---------------------------------------------------------------- requests


def test_a_refill_that_is_taken_back_was_never_asked_for(http):
    before = rx_of(http, 1)
    asked = wish(http, "refill", before["id"], "key-1").json()
    taken = http.delete(f"/v1/refill-requests/{asked['id']}", headers={"Idempotency-Key": "key-2"})
    assert (taken.status_code, taken.json()["status"]) == (200, "cancelled")
    assert http.get(f"/v1/refill-requests/{asked['id']}").json() == taken.json()
    assert rx_of(http, 1) == before
    assert wish(http, "refill", before["id"], "key-3").status_code == 202


def test_a_refill_is_taken_back_once_however_often_that_is_sent(http):
    asked = wish(http, "refill", rx_of(http, 1)["id"], "key-1").json()
    path = f"/v1/refill-requests/{asked['id']}"
    first, again = (http.delete(path, headers={"Idempotency-Key": "key-2"}) for _ in range(2))
    assert first.json() == again.json()
    assert refused(http.delete(path, headers={"Idempotency-Key": "key-3"}), 409, "not_cancellable")


@pytest.mark.parametrize("kind", ["refill", "renewal", "transfer"])
def test_a_request_nobody_made_is_not_found(http, kind):
    path = f"/v1/{kind}-requests/nothing"
    assert refused(http.get(path), 404, "request_not_found")
    assert refused(http.delete(path, headers={"Idempotency-Key": "key-1"}), 404, "request_not_found")


def test_a_prescription_goes_to_another_pharmacy_once_and_not_when_it_has_gone(http):
    token, gone = rx_of(http, 1)["id"], rx_of(http, 8, 2)["id"]
    there = {"direction": "out", "pharmacy_npi": "1558598797"}
    placed = wish(http, "transfer", token, "key-1", **there)
    assert (placed.status_code, rx_of(http, 1)["acts_next"]) == (202, "pharmacy")
    assert refused(wish(http, "transfer", token, "key-2", **there), 409, "transfer_requested")
    assert refused(wish(http, "transfer", gone, "key-3", **there), 409, "transferred_out")
    assert http.get("/v1/transfer-requests", params={"call_id": "CA1"}).json() == {"items": [placed.json()]}


# ---------------------------------------------------------------- facts


def test_a_prescription_is_the_same_alone_and_in_its_list(http):
    listed = rx_of(http, 11)
    assert http.get(f"/v1/prescriptions/{listed['id']}").json() == listed
    assert refused(http.get("/v1/prescriptions/rx_0"), 404, "prescription_not_found")


def test_what_blocks_a_refill_is_worked_out_when_it_is_asked(http):
    early = rx_of(http, 2)
    told = http.post(f"/v1/prescriptions/{early['id']}/refill-eligibility").json()
    assert (told["refill"], told["earliest_refill_on"]) == ("too_soon", early["earliest_refill_on"])


def test_a_late_order_comes_with_its_parcel_and_what_is_wrong_with_it(http):
    late = rx_of(http, 11)
    order = http.get(f"/v1/orders/{late['order_id']}").json()
    (parcel,) = http.get(f"/v1/orders/{late['order_id']}/shipments").json()["items"]
    assert (order["state"], order["expected_on"]) == ("delayed", late["expected_on"])
    assert (parcel["state"], parcel["exception"], parcel["expected_on"]) == ("delayed", "late", late["expected_on"])


def test_an_order_that_is_not_sent_has_no_parcel_and_what_is_not_ordered_no_order(http):
    received = rx_of(http, 20, 2)
    assert http.get(f"/v1/orders/{received['order_id']}/shipments").json() == {"items": []}
    assert rx_of(http, 1)["order_id"] is None
    assert refused(http.get("/v1/orders/order_0"), 404, "order_not_found")


def test_what_is_out_of_stock_says_when_it_comes_and_whether_another_would_do(http):
    out, there = rx_of(http, 5), rx_of(http, 1)
    told = http.get(f"/v1/stock/{out['id']}").json()
    assert (told["available"], told["expected_on"], told["substitution"]) == (False, "2026-11-28", True)
    assert http.get(f"/v1/stock/{there['id']}").json()["available"] is True


def test_what_somebody_owes_is_the_sum_of_their_payments(http):
    owed = http.get("/v1/patients/patient-15/balance").json()
    assert (owed["balance"], [each["balance"] for each in owed["payments"]]) == ("8.00", [None, "8.00", None, None])
    assert http.get(f"/v1/payments/{owed['payments'][1]['id']}").json() == owed["payments"][1]
    assert refused(http.get("/v1/payments/pay_0"), 404, "payment_not_found")


def test_a_prior_authorization_says_who_acts_next_and_none_is_none(http):
    asked = rx_of(http, 20, 1)
    (found,) = http.get("/v1/prior-authorizations", params={"prescription_id": asked["id"]}).json()["items"]
    assert (found["state"], found["acts_next"]) == ("pending_prescriber", "prescriber")
    none = http.get("/v1/prior-authorizations", params={"prescription_id": rx_of(http, 1)["id"]})
    assert none.json() == {"items": []}
    assert refused(http.get("/v1/prior-authorizations"), 422, "query_invalid")


def test_whom_it_would_be_well_to_call_is_listed_by_reason(http):
    late = http.get("/v1/outreach-candidates", params={"rule": "delivery_late"}).json()["items"]
    assert {each["person"] for each in late} == {"patient-11", "patient-12", "patient-24"}
    every = http.get("/v1/outreach-candidates").json()["items"]
    assert {each["rule"] for each in every} == {
        "running_out",
        "renewal_needed",
        "prior_auth_stalled",
        "payment_failed",
        "delivery_late",
        "patient_action_required",
    }


# ---------------------------------------------------------------- changes


def test_a_consent_is_put_down_and_known_wherever_it_is_asked_for(http):
    path, change = "/v1/patients/patient-02/consents", {"texts": "granted", "call_id": "CA1"}
    before = http.get(path)
    assert (before.json()["texts"], before.json()["recording"]) == ("refused", None)
    headers = {"Idempotency-Key": "key-1", "If-Match": before.headers["ETag"]}
    after, again = (http.put(path, json=change, headers=headers) for _ in range(2))
    assert after.json() == again.json() == http.get(path).json() == before.json() | {"texts": "granted"}
    assert http.post("/v1/patients/search", json={"phone": "+16145550102"}).json()["items"][0]["texts"] is True
    late = http.put(path, json={"texts": "refused"}, headers={**headers, "Idempotency-Key": "key-2"})
    assert refused(late, 412, "changed_since")


def test_a_task_is_changed_by_who_saw_it_as_it_is(http):
    made = write(http, "/v1/tasks", {"what": "message"}, "key-1")
    path, headers = f"/v1/tasks/{made.json()['id']}", {"Idempotency-Key": "key-2", "If-Match": made.headers["ETag"]}
    change = {"status": "done", "owner": "ida", "due_at": "2026-11-25T09:00:00-05:00"}
    assert http.patch(path, json=change, headers=headers).json() == made.json() | change
    assert http.get(path).json() == made.json() | change
    assert refused(http.patch(path, json=change, headers=headers | {"Idempotency-Key": "3"}), 412, "changed_since")
    assert refused(http.patch(path, json=change, headers={"Idempotency-Key": "4"}), 428, "if_match_missing")
    assert refused(http.get("/v1/tasks/task_0"), 404, "task_not_found")


@pytest.mark.parametrize("change", [{}, {"status": None}, {"due_at": "2026-11-25T09:00:00"}, {"what": "x"}])
def test_a_change_of_a_task_that_changes_nothing_or_too_much_is_refused(http, change):
    assert refused(http.patch("/v1/tasks/task_1", json=change, headers={"If-Match": '""'}), 422, "body_invalid")


def test_a_record_is_amended_field_by_field(http):
    put = http.put("/v1/calls/CA1", json={"queue": "refills", "rule": "Refills", "kept": None})
    headers = {"Idempotency-Key": "key-1", "If-Match": put.headers["ETag"]}
    amended = http.patch("/v1/calls/CA1", json={"queue": "pharmacist", "rule": None, "id": "CA2"}, headers=headers)
    assert amended.json() == http.get("/v1/calls/CA1").json() == {"id": "CA1", "queue": "pharmacist", "kept": None}
    nobody = http.patch("/v1/calls/CA9", json={}, headers={**headers, "Idempotency-Key": "key-2"})
    assert refused(nobody, 404, "call_not_found")


@pytest.mark.parametrize("path", ["/v1/tasks", "/v1/nothing"])
def test_an_answer_names_the_call_it_belongs_to(http, path):
    answer = http.get(path, headers={"X-Correlation-Id": "CA1"})
    assert answer.headers["X-Correlation-Id"] == "CA1"
    assert "X-Correlation-Id" not in http.get(path).headers


# ---------------------------------------------------------------- pages


def test_a_list_is_read_page_by_page_and_what_comes_meanwhile_is_at_its_end(http):
    for number in range(5):
        write(http, "/v1/tasks", {"what": f"task {number}"}, f"key-{number}")
    first = http.get("/v1/tasks", params={"limit": 3}).json()
    write(http, "/v1/tasks", {"what": "task 5"}, "key-5")
    rest = http.get("/v1/tasks", params={"limit": 3, "after": first["next"]}).json()
    assert [each["what"] for each in first["items"] + rest["items"]] == [f"task {number}" for number in range(6)]
    assert "next" not in rest
    assert len(http.get("/v1/tasks").json()["items"]) == 6


def test_a_list_that_is_worked_out_has_pages_too(http):
    whole = http.get("/v1/outreach-candidates").json()["items"]
    first = http.get("/v1/outreach-candidates", params={"limit": 4}).json()
    rest = http.get("/v1/outreach-candidates", params={"after": first["next"]}).json()
    assert first["items"] + rest["items"] == whole


@pytest.mark.parametrize(
    ("asked", "status", "code"),
    [
        ({"limit": "0"}, 422, "query_invalid"),
        ({"limit": "501"}, 422, "query_invalid"),
        ({"limit": "many"}, 422, "query_invalid"),
        ({"after": "-1"}, 410, "cursor_expired"),
        ({"after": "x' or '1'='1"}, 410, "cursor_expired"),
    ],
)
@pytest.mark.parametrize("path", ["/v1/tasks", "/v1/events", "/v1/outreach-candidates", "/v1/calls/CA1/notes"])
def test_a_page_nobody_can_give_is_refused(http, path, asked, status, code):
    assert refused(http.get(path, params=asked), status, code)
