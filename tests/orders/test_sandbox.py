"""The sandbox as a stranger meets it: its doors, hostile requests, failures, a real process."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from ivr.orders.port import Proof
from ivr.orders.rest import RestOrderSystem
from ivr.orders.sandbox.bodies import npi_is_valid
from ivr.orders.sandbox.ledger import Ledger
from ivr.orders.sandbox.server import create_app

PROJECT = Path(__file__).parents[2]
DISPOSITION = {"call_id": "CA1", "revision": 1, "final": True, "outcome": "answered"}
READS = [
    "/v1/capabilities",
    "/v1/events",
    "/v1/outreach-candidates",
    "/v1/patients/patient-01/balance",
    "/v1/patients/patient-01/consents",
    "/v1/patients/patient-01/contacts",
    "/v1/tasks/task_1",
    "/v1/transfer-requests",
    "/v1/patients/patient-01",
    "/v1/patients/patient-01/authorized-contacts",
    "/v1/patients/patient-01/prescriptions",
    "/v1/refill-requests",
    "/v1/renewal-requests",
    "/v1/calls/CA1",
    "/v1/dispositions",
    "/v1/tasks",
]
WRITES = [
    ("POST", "/v1/patients/search"),
    ("POST", "/v1/patients/verify"),
    ("POST", "/v1/prescribers/lookup"),
    ("POST", "/v1/refill-requests"),
    ("POST", "/v1/renewal-requests"),
    ("POST", "/v1/transfer-requests"),
    ("PUT", "/v1/patients/patient-01/consents"),
    ("PATCH", "/v1/tasks/task_1"),
    ("POST", "/v1/calls/CA1/notes"),
    ("PUT", "/v1/calls/CA1"),
    ("POST", "/v1/dispositions"),
    ("POST", "/v1/tasks"),
    ("POST", "/_sandbox/event"),
    ("POST", "/_sandbox/fail"),
]


def write(http: httpx.Client, path: str, body: dict[str, Any], key: str) -> httpx.Response:
    return http.post(path, json=body, headers={"Idempotency-Key": key})


def refused(answer: httpx.Response, status: int, code: str) -> bool:
    told = answer.json()
    is_problem = answer.headers["Content-Type"] == "application/problem+json"
    return is_problem and (answer.status_code, told["status"], told["code"]) == (status, status, code)


# ---------------------------------------------------------------- the doors


@pytest.mark.parametrize("npi", ["1234567893", "1993999998", "1558598797"])
def test_an_npi_ends_in_its_check_digit(npi):
    assert npi_is_valid(npi)
    assert not npi_is_valid(npi[:-1] + str((int(npi[-1]) + 1) % 10))


@pytest.mark.parametrize("npi", ["", "123456789", "12345678930", "3234567893", "12345678९3", "abcdefghij"])
def test_what_is_no_npi_at_all_is_refused(npi):
    assert not npi_is_valid(npi)


def test_capabilities_name_the_paths_that_exist(http):
    told = http.get("/v1/capabilities").json()
    assert told["version"] == "1"
    assert {"POST /v1/refill-requests", "POST /v1/patients/verify", "GET /v1/calls/{call_id}"} <= set(told["paths"])
    assert "POST /v1/renewal-requests" in told["paths"]


def test_a_patient_is_shown_without_a_name(http):
    assert http.get("/v1/patients/patient-09").json() == {
        "id": "patient-09",
        "kind": "patient",
        "language": "es",
        "access": "standard",
        "texts": None,
        "acts_for": [],
    }


@pytest.mark.parametrize("rest", ["", "/authorized-contacts", "/prescriptions"])
@pytest.mark.parametrize("person", ["patient-99", "prescriber-01"])
def test_who_is_no_patient_is_not_found(http, person, rest):
    assert refused(http.get(f"/v1/patients/{person}{rest}"), 404, "patient_not_found")


def test_a_patients_contacts_are_those_with_permission(http):
    contacts = http.get("/v1/patients/patient-01/authorized-contacts").json()["items"]
    assert contacts == [{"id": "caregiver-01", "kind": "caregiver", "language": "en", "permission": "everything"}]


def test_a_patients_prescriptions_are_listed(http):
    listed = http.get("/v1/patients/patient-12/prescriptions").json()["items"]
    assert [(each["refill"], each["order_state"]) for each in listed] == [
        ("eligible", None),
        ("already_in_process", "delayed"),
    ]


@pytest.mark.parametrize(
    ("asked", "offices"),
    [
        ({"npi": "1234567893"}, ["prescriber-01"]),
        ({"phone": "+16145550121"}, ["prescriber-02"]),
        ({"npi": "1234567893", "phone": "+16145550120"}, ["prescriber-01"]),
        ({"npi": "1234567893", "phone": "+16145550121"}, []),
        ({"npi": "1558598797"}, []),
        ({"phone": "+16145550101"}, []),
    ],
)
def test_a_prescriber_is_found_by_npi_and_phone_together(http, asked, offices):
    found = http.post("/v1/prescribers/lookup", json=asked).json()["items"]
    assert [office["id"] for office in found] == offices


def test_an_office_comes_with_the_number_to_call_back(http):
    found = http.post("/v1/prescribers/lookup", json={"npi": "1993999998"}).json()["items"]
    assert found == [{"id": "prescriber-02", "npi": "1993999998", "phones": ["+16145550121"]}]


def test_an_npi_with_a_wrong_digit_is_refused(http):
    assert refused(http.post("/v1/prescribers/lookup", json={"npi": "1234567890"}), 422, "body_invalid")


def test_a_first_record_is_created_and_the_next_replaces_it(http):
    assert [http.put("/v1/calls/CA1", json={}).status_code for _ in range(2)] == [201, 200]


def test_a_call_nobody_recorded_is_not_found(http):
    assert refused(http.get("/v1/calls/CA1"), 404, "call_not_found")


def test_the_answer_to_a_write_is_the_same_the_second_time(http):
    first, again = (write(http, "/v1/dispositions", DISPOSITION, "key-1") for _ in range(2))
    assert (first.status_code, first.json()) == (again.status_code, again.json())
    assert first.json() == {"call_id": "CA1", "revision": 1}


def test_a_stale_disposition_hears_which_revision_stands(http):
    write(http, "/v1/dispositions", {**DISPOSITION, "revision": 5}, "key-5")
    assert write(http, "/v1/dispositions", DISPOSITION, "key-1").json() == {"call_id": "CA1", "revision": 5}


def test_the_order_of_fields_does_not_make_it_another_request(http):
    backwards = dict(reversed(DISPOSITION.items()))
    assert write(http, "/v1/dispositions", DISPOSITION, "key-1").status_code == 200
    assert write(http, "/v1/dispositions", backwards, "key-1").status_code == 200


def test_the_same_key_with_another_body_is_a_conflict(http):
    write(http, "/v1/dispositions", DISPOSITION, "key-1")
    other = write(http, "/v1/dispositions", {**DISPOSITION, "outcome": "failed"}, "key-1")
    assert refused(other, 409, "idempotency_key_reused")


def test_a_refused_write_does_not_use_its_key_up(http):
    wanted = {"prescription_id": "rx_0", "call_id": "CA1"}
    assert refused(write(http, "/v1/refill-requests", wanted, "key-1"), 404, "prescription_not_found")
    assert write(http, "/v1/dispositions", DISPOSITION, "key-1").status_code == 200


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/dispositions", DISPOSITION),
        ("/v1/tasks", {"what": "message"}),
        ("/v1/calls/CA1/notes", {"text": "Will ring back."}),
        ("/v1/refill-requests", {"prescription_id": "rx_0", "call_id": "CA1"}),
        ("/v1/renewal-requests", {"prescription_id": "rx_0", "call_id": "CA1"}),
    ],
)
@pytest.mark.parametrize("headers", [{}, {"Idempotency-Key": ""}, {"Idempotency-Key": "k" * 256}])
def test_a_write_without_a_usable_key_is_refused(http, path, body, headers):
    assert refused(http.post(path, json=body, headers=headers), 400, "idempotency_key_missing")


# ---------------------------------------------------------------- strangers


@pytest.mark.parametrize("token", [None, "Bearer guess", "Bearer", "sandbox", "Basic c2FuZGJveA==", "Bearer sändbox"])
def test_without_the_token_every_door_says_401(sandbox, token):
    headers = {"Authorization": token.encode()} if token else {}
    with httpx.Client(base_url=sandbox.url, headers=headers) as stranger:
        asked = [("GET", path) for path in READS] + WRITES[:-2] + [("GET", "/v1/nothing"), ("GET", "/")]
        assert all(refused(stranger.request(*each), 401, "token_missing") for each in asked)


def test_health_and_the_sandboxs_own_doors_need_no_token(sandbox):
    with httpx.Client(base_url=sandbox.url) as stranger:
        assert stranger.get("/health").json() == {"status": "ok"}
        assert stranger.get("/_sandbox/people").status_code == 200
        assert stranger.post("/_sandbox/fail", json={"mode": "down", "seconds": 0}).status_code == 200
        assert stranger.post("/_sandbox/reset").status_code == 200


def test_what_is_not_there_is_a_problem_too(http):
    assert refused(http.get("/v1/nothing"), 404, "not_found")
    assert refused(http.delete("/v1/tasks"), 405, "method_not_allowed")
    assert refused(http.put(f"/v1/calls/{'x' * 65}", json={}), 422, "call_id_invalid")


HOSTILE = [
    b"",
    b"not json",
    b"null",
    b"[]",
    b'"text"',
    b"{",
    b"\xff\xfe\x00",
    b'{"phone": "\\ud800", "what": "\\ud800"}',
    b"[" * 50_000,
    b'{"a":' * 5_000 + b"1" + b"}" * 5_000,
    b'{"what": NaN, "revision": NaN, "seconds": NaN, "x": NaN}',
    b'{"x": 1e999, "mode": "down", "seconds": 1e999, "what": "x"}',
    b'{"x": ' + b"9" * 10_000 + b"}",
    b'{"phone": 16145550101, "rx_number": 7001001, "npi": 1234567893, "what": 1, "mode": 1}',
    b'{"phone": "+1 614 555 0101", "rx_number": "70-01", "npi": "0"}',
    b'{"phone": "+16145550101\\n", "rx_number": "7001001\\u0000", "date_of_birth": "1950-1-5"}',
    b'{"call_id": "CA1", "revision": 1e3, "final": "yes", "outcome": "answered"}',
    b'{"call_id": "CA1", "revision": -1, "final": true, "outcome": "answered"}',
    b'{"call_id": "CA1", "revision": 99999999999999999999, "final": true, "outcome": "answered"}',
    b'{"call_id": "CA1", "revision": 1, "final": true, "outcome": "vanished"}',
    b'{"call_id": "../CA1", "revision": 1, "final": true, "outcome": "answered"}',
    b'{"prescription_id": {"$gt": ""}, "call_id": []}',
    b'{"mode": "explode", "seconds": 1}',
    b'{"mode": "down", "seconds": -1}',
    b'{"mode": "down", "seconds": true}',
    b'{"mode": "down"}',
    b'{"' + b"x" * 70_000 + b'": 1}',
]


@pytest.mark.parametrize(("method", "path"), WRITES, ids=[path for _, path in WRITES])
def test_a_hostile_body_is_refused_in_words_and_repeats_nothing(http, method, path):
    for body in HOSTILE:
        if method == "PUT" and body.startswith(b'{"') and len(body) < 1_000 and b"\\ud800" not in body:
            continue  # a call record may hold any JSON
        answer = http.request(method, path, content=body, headers={"Idempotency-Key": "key-1"})
        assert answer.status_code in (400, 413, 422), (path, body[:60], answer.text)
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert not any(sent in answer.text for sent in ("6145550101", "7001001", "1950", "explode", "vanished"))


def test_text_of_any_script_and_any_json_is_kept_as_it_came(http):
    record = {"nota": "¿Está lista? 药 \u0000 '; drop table calls; --", "deep": [{"x": [1, 2.5, None, True]}]}
    http.put("/v1/calls/CA1", json=record)
    assert http.get("/v1/calls/CA1").json() == {"id": "CA1", **record}


def test_a_call_id_that_is_sql_finds_nothing(http):
    write(http, "/v1/dispositions", DISPOSITION, "key-1")
    assert http.get("/v1/dispositions", params={"call_id": "x' or '1'='1"}).json() == {"items": []}


def test_a_search_by_what_the_contract_does_not_know_is_refused(http):
    """Ignored, it would find more people than were asked for."""
    asked = {"phone": "+16145550111", "date_of_birth": "1979-05-25"}
    assert refused(http.post("/v1/patients/search", json=asked), 422, "body_invalid")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/patients/verify", {}),
        ("/v1/patients/verify", {"phone": "+16145550101", "rx_number": None, "date_of_birth": None, "zip": None}),
        ("/v1/patients/verify", {"rx_number": "7001001", "zip": "4300"}),
        ("/v1/patients/verify", {"rx_number": "7001001", "zip": 43004}),
        ("/v1/patients/verify", {"rx_number": "7001001", "name": "Ada"}),
        ("/v1/prescribers/lookup", {}),
    ],
)
def test_a_search_without_a_proof_or_by_another_is_refused(http, path, body):
    assert refused(http.post(path, json=body), 422, "body_invalid")


# ---------------------------------------------------------------- failures on demand


@pytest.mark.parametrize(("mode", "status", "code"), [("down", 503, "down"), ("error", 500, "error")])
def test_a_failure_reaches_every_door_but_the_sandboxs_own(http, mode, status, code):
    http.post("/_sandbox/fail", json={"mode": mode, "seconds": 30})
    asked = [("GET", path) for path in [*READS, "/health"]] + WRITES[:-2]
    assert all(refused(http.request(*each), status, code) for each in asked)
    assert http.get("/_sandbox/people").status_code == 200


def test_a_failure_ends_by_itself(http):
    http.post("/_sandbox/fail", json={"mode": "down", "seconds": 0.15})
    assert http.get("/health").status_code == 503
    time.sleep(0.2)
    assert http.get("/health").status_code == 200


def test_a_reset_forgets_what_was_written_and_the_failure(http):
    write(http, "/v1/dispositions", DISPOSITION, "key-1")
    write(http, "/v1/tasks", {"what": "message"}, "key-2")
    renewal = http.get("/v1/patients/patient-03/prescriptions").json()["items"][0]["id"]
    write(http, "/v1/renewal-requests", {"prescription_id": renewal, "call_id": "CA1"}, "key-3")
    http.put("/v1/calls/CA1", json={})
    http.post("/_sandbox/fail", json={"mode": "down", "seconds": 30})
    assert http.post("/_sandbox/reset").status_code == 200
    assert http.get("/v1/dispositions").json() == http.get("/v1/tasks").json() == {"items": []}
    assert http.get("/v1/renewal-requests").json() == {"items": []}
    assert http.get("/v1/calls/CA1").status_code == 404
    assert write(http, "/v1/dispositions", {**DISPOSITION, "revision": 0}, "key-1").json()["revision"] == 0


def test_what_was_written_outlives_the_process(tmp_path, sandbox):
    path = tmp_path / "kept" / "sandbox.db"
    headers = {"Authorization": "Bearer sandbox", "Idempotency-Key": "key-1"}
    before = create_app(path, now=lambda: sandbox.now)
    written = before.test_client().post("/v1/tasks", json={"what": "message"}, headers=headers)
    before.extensions["ledger"].close()
    after = create_app(path, now=lambda: sandbox.now)
    again = after.test_client().post("/v1/tasks", json={"what": "message"}, headers=headers)
    assert again.json == written.json
    after.extensions["ledger"].close()


# ---------------------------------------------------------------- the process


def test_the_sandbox_runs_as_a_process_where_its_url_says(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as free:
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    own = {"PYTHONPATH": str(PROJECT), "ORDER_SYSTEM_URL": url, "RXLINE_CLOCK": "2026-11-24T10:00-05:00"}
    command = [sys.executable, "-W", "error", "-m", "ivr.orders.sandbox"]
    process = subprocess.Popen(command, cwd=tmp_path, env={**os.environ, **own})
    client = RestOrderSystem(url, "sandbox")
    try:
        deadline = time.monotonic() + 20
        while not client.ready() and time.monotonic() < deadline:
            time.sleep(0.05)
        late = client.prove(Proof("+16145550111", "7011001")).prescription
        assert late is not None
        assert str(late.expected_on) == "2026-11-26"
        assert (tmp_path / "var" / "sandbox.db").exists()
    finally:
        client.close()
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=10) == 0


@pytest.mark.parametrize(("asked", "code"), [("--help", 0), ("--port", 2)])
def test_asked_for_help_or_what_it_cannot_do_it_says_what_it_does_and_starts_nothing(tmp_path, asked, code):
    command = [sys.executable, "-m", "ivr.orders.sandbox", asked]
    env = {**os.environ, "PYTHONPATH": str(PROJECT)}
    told = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=60, check=False)
    assert told.returncode == code
    assert "usage: python -m ivr.orders.sandbox" in told.stdout + told.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_ledger_closes_once_whoever_writes_in_it_is_through(tmp_path):
    ledger = Ledger(tmp_path / "sandbox.db")
    closing = threading.Thread(target=ledger.close)
    with ledger.writing() as db:
        closing.start()
        closing.join(0.05)
        assert closing.is_alive()
        db.execute("insert into consents values ('patient-01', '{}')")
    closing.join(10)
    assert not closing.is_alive()
