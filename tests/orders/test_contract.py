"""The contract of the order system and the sandbox: the same, and nothing that is made up from it does harm."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, get_args

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from ivr.orders import port
from tests.orders.conftest import RunningSandbox
from tests.orders.contract import CONTRACT, OPERATIONS, ROOT, resolved, valid

CHECKS = (
    not_a_server_error,
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
KNOWN = {
    "person_id": "patient-15",
    "prescription_id": "rx",
    "order_id": "order",
    "payment_id": "pay",
    "request_id": "request",
    "task_id": "task",
    "call_id": "CA1",
}
contract = schemathesis.openapi.from_dict(dict(CONTRACT))


def enum(schema: str) -> set[str]:
    words: Mapping[str, Any] = CONTRACT["components"]["schemas"][schema]
    return set(next(each["enum"] for each in words["anyOf"] if "enum" in each))


# ---------------------------------------------------------------- the same, word for word


def test_every_door_of_the_sandbox_is_in_the_contract_and_no_other(http: httpx.Client) -> None:
    doors = {tuple(path.split()) for path in http.get("/v1/capabilities").json()["paths"]}
    written = {(method, path) for method, path in OPERATIONS if path != "/health"}
    assert doors == written


def test_what_can_be_left_out_is_one_list_in_the_contract_the_product_and_the_sandbox(http: httpx.Client) -> None:
    schema = CONTRACT["components"]["schemas"]["Capabilities"]["properties"]["capabilities"]
    listed = set(schema["items"]["anyOf"][0]["enum"])
    tagged = {tag for operation in OPERATIONS.values() for tag in operation["tags"]} - {"discovery"}
    assert listed == tagged == port.CAPABILITIES == set(http.get("/v1/capabilities").json()["capabilities"])


@pytest.mark.parametrize(
    "words",
    ["Refill", "OrderState", "Payment", "PriorAuth", "ActsNext", "Renewal", "Permission", "Kind", "Access", "Channel"],
)
def test_the_words_of_a_fact_are_the_products(words: str) -> None:
    assert enum(words) == set(get_args(getattr(port, words)))


def test_every_write_has_its_key_and_every_change_the_etag_it_was_seen_with() -> None:
    written = {"POST", "PATCH", "PUT", "DELETE"}
    asks = {"search", "verify", "lookUpPrescriber", "refillEligibility"}  # a POST keeps private what is asked for
    for (method, _), operation in OPERATIONS.items():
        named = {each["name"] for each in operation["parameters"]}
        if operation["operationId"] != "recordCall":  # the same however often it is sent
            assert ("Idempotency-Key" in named) == (method in written and operation["operationId"] not in asks)
        assert ("If-Match" in named) == ("412" in operation["responses"])


def test_no_url_can_hold_anything_private() -> None:
    headers = {"X-Correlation-Id", "Idempotency-Key", "If-Match"}
    for (_, path), operation in OPERATIONS.items():
        assert {each["name"] for each in operation["parameters"]} <= {*KNOWN, *headers, "after", "limit", "rule"}, path


def test_every_code_the_sandbox_refuses_with_is_explained() -> None:
    source = "".join(path.read_text() for path in (ROOT / "ivr/orders/sandbox").rglob("*.py"))
    explained = set(CONTRACT["x-problem-codes"]) | enum("Refill")
    assert {"body_invalid", "cursor_expired", "not_cancellable"} <= explained
    codes = set(re.findall(r'Problem\(\d{3}, "([a-z_]+)"', source))
    assert codes <= explained


# ---------------------------------------------------------------- whatever is sent


@pytest.fixture
def practised(sandbox: RunningSandbox, http: httpx.Client) -> dict[str, str]:
    """A sandbox where something has been written, and the ids that lead to it."""
    key = {"Idempotency-Key": "before"}
    rx = http.get("/v1/patients/patient-15/prescriptions").json()["items"][1]
    paid = http.get("/v1/patients/patient-15/balance").json()["payments"][1]
    adas = http.get("/v1/patients/patient-01/prescriptions").json()["items"][0]["id"]
    wanted = {"prescription_id": adas, "call_id": "CA1"}
    asked = http.post("/v1/refill-requests", json=wanted, headers=key).json()
    task = http.post("/v1/tasks", json={"what": "message"}, headers={"Idempotency-Key": "task"}).json()
    http.put("/v1/calls/CA1", json={"outcome": "answered"})
    http.post("/_sandbox/event", json={"type": "order.delayed", "prescription": rx["id"]})
    ids = {"prescription_id": rx["id"], "order_id": rx["order_id"], "payment_id": paid["id"]}
    return KNOWN | ids | {"request_id": asked["id"], "task_id": task["id"]}


@contract.parametrize()
@settings(max_examples=4, phases=[Phase.explicit, Phase.generate], suppress_health_check=list(HealthCheck))
def test_whatever_is_sent_is_answered_as_the_contract_says(
    case: schemathesis.Case, practised: dict[str, str], running_sandbox: RunningSandbox
) -> None:
    # Half of what is made up should find somebody, but for what is not to be found at all.
    for name, given in case.path_parameters.items():
        if len(given) % 2 and valid(resolved(CONTRACT["components"]["parameters"][name])["schema"]).is_valid(given):
            case.path_parameters[name] = practised[name]
    case.headers["Authorization"] = "Bearer sandbox"
    case.call_and_validate(base_url=running_sandbox.url, checks=CHECKS)
