"""What happens in the sandbox is so from then on, can be read again, and is sent, signed, until it arrives."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import json
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask, request
from werkzeug.serving import make_server

from ivr.orders.sandbox.sender import key_of
from ivr.orders.sandbox.server import Deliveries, create_app
from tests.orders.conftest import TODAY
from tests.orders.contract import CONTRACT, valid
from tests.orders.test_sandbox import refused
from tests.orders.test_sandbox_doors import rx_of, wish

EVENT = CONTRACT["components"]["schemas"]["Event"]


def happen(http: Any, type_: str, prescription: str, **more: Any) -> dict[str, Any]:
    answer = http.post("/_sandbox/event", json={"type": type_, "prescription": prescription, **more})
    assert answer.status_code == 201, answer.text
    event: dict[str, Any] = answer.json()
    return event


@pytest.mark.parametrize(
    ("type_", "becomes"),
    [
        ("rx.state_changed", {"refill": "eligible", "since": "2026-11-24"}),
        ("order.shipped", {"order_state": "shipped", "acts_next": "carrier", "expected_on": "2026-11-26"}),
        ("order.delayed", {"order_state": "delayed", "acts_next": "carrier", "expected_on": "2026-11-27"}),
        ("pa.stalled", {"prior_auth": "pending_payer", "acts_next": "insurer", "answer_by": "2026-11-23"}),
        ("payment.failed", {"payment": "failed", "refill": "payment_blocked", "balance": "20.00"}),
        ("stock.out", {"refill": "out_of_stock", "acts_next": "pharmacy", "expected_on": "2026-11-29"}),
        ("patient.action_required", {"order_state": "blocked_on_patient", "acts_next": "patient"}),
    ],
)
def test_what_happens_is_so_from_then_on_and_told_as_the_contract_says(http, type_, becomes):
    assert set(CONTRACT["webhooks"]) == set(EVENT["properties"]["type"]["anyOf"][0]["enum"])
    event = happen(http, type_, "7001001")
    after = rx_of(http, 1)
    assert becomes.items() <= after.items()
    assert {name: after[name] for name in event["data"] if name in after} == {
        name: value for name, value in event["data"].items() if name in after
    } | {"person": "patient-01"}
    assert (event["type"], event["subject"], event["data"]["prescription"]) == (type_, after["id"], after["id"])
    assert valid(EVENT).is_valid(event)


def test_what_is_told_with_it_stands_over_what_goes_without_saying(http):
    token = rx_of(http, 1)["id"]
    event = happen(http, "order.shipped", token, expected_on="2026-12-24", time="2026-11-20T08:00:00Z", id="evt-1")
    assert rx_of(http, 1)["expected_on"] == "2026-12-24"
    assert (event["id"], event["time"]) == ("evt-1", "2026-11-20T08:00:00Z")


def test_a_refill_that_goes_its_way_can_be_asked_for_again_when_its_time_comes(http):
    token = rx_of(http, 1)["id"]
    asked = wish(http, "refill", token, "key-1").json()
    happen(http, "order.shipped", token)
    assert http.get(f"/v1/refill-requests/{asked['id']}").json()["status"] == "completed"
    happen(http, "rx.state_changed", token, refill="eligible")
    assert wish(http, "refill", token, "key-2").status_code == 202


def test_the_cast_is_listed_as_it_stands_now(http):
    happen(http, "order.delayed", "7001001")
    happen(http, "stock.out", "7002001")
    people = http.get("/_sandbox/people").json()["people"]
    assert [people[at]["prescriptions"][0]["state"] for at in (0, 1)] == ["delayed", "out_of_stock"]


def test_nothing_happens_to_what_is_not_there(http):
    body = {"type": "order.delayed", "prescription": "7999999"}
    assert refused(http.post("/_sandbox/event", json=body), 404, "prescription_not_found")
    assert http.get("/v1/events").json()["items"] == []


def test_events_are_read_again_from_any_place_in_their_order(http, order_system):
    told = [happen(http, "order.delayed", number)["id"] for number in ("7001001", "7002001", "7004001")]
    first = order_system.events("", limit=2)
    rest = order_system.events(first.after)
    assert [each.id for each in first.items + rest.items] == told
    assert (first.items[0].person, first.items[0].data["order_state"]) == ("patient-01", "delayed")
    assert order_system.events(rest.after).items == ()


def test_a_place_stays_good_when_the_sandbox_begins_again(http, order_system):
    happen(http, "order.delayed", "7001001")
    seen = order_system.events("").after
    http.post("/_sandbox/reset")
    assert order_system.events(seen).items == ()
    happen(http, "order.shipped", "7001001")
    assert [each.type for each in order_system.events(seen).items] == ["order.shipped"]


def test_an_event_said_twice_is_in_the_list_once(http, order_system):
    first, again = (happen(http, "order.delayed", "7001001", id="evt-1") for _ in range(2))
    assert first == again
    assert [each.id for each in order_system.events("").items] == ["evt-1"]


# ---------------------------------------------------------------- sent


class Door:
    """Somebody who is told; `answers` are the statuses to come, then 204 for ever."""

    def __init__(self, answers: list[int]) -> None:
        self.answers = answers
        self.came: list[tuple[dict[str, str], bytes]] = []
        self.on_first: Callable[[], None] = lambda: None  # what happens while the first is on its way

    def app(self) -> Flask:
        app = Flask("door")

        @app.post("/orders/events")
        def told() -> tuple[str, int]:
            self.came.append((dict(request.headers), request.get_data()))
            if len(self.came) == 1:
                self.on_first()
            return "", self.answers.pop(0) if self.answers else 204

        return app


@contextlib.contextmanager
def listening(door: Door) -> Iterator[str]:
    server = make_server("127.0.0.1", 0, door.app(), threaded=True)
    serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    serving.start()
    yield f"http://127.0.0.1:{server.server_port}/orders/events"
    server.shutdown()
    serving.join()
    server.server_close()


@contextlib.contextmanager
def telling(path: Path, url: str, *secrets: str) -> Iterator[Any]:
    """A sandbox that tells what happens, as a client of it."""
    app = create_app(path, lambda: TODAY, Deliveries(url, secrets))
    yield app.test_client()
    app.extensions["sender"].close()
    app.extensions["ledger"].close()


def soon(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not true() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert true()


def delay(sandbox: Any, id_: str) -> None:
    body = {"type": "order.delayed", "prescription": "7001001", "id": id_}
    assert sandbox.post("/_sandbox/event", json=body).status_code == 201


def test_an_event_is_sent_until_it_arrives_and_then_no_more(tmp_path):
    door = Door([500, 403])
    with listening(door) as url, telling(tmp_path / "s.db", url, "first", "second") as sandbox:
        delay(sandbox, "evt-1")
        soon(lambda: len(door.came) == 3)
        delay(sandbox, "evt-2")
        soon(lambda: len(door.came) == 4)
    assert [headers["Webhook-Id"] for headers, _ in door.came] == ["evt-1"] * 3 + ["evt-2"]
    assert [json.loads(body)["id"] for _, body in door.came] == ["evt-1"] * 3 + ["evt-2"]


def test_it_is_signed_with_every_secret_over_its_id_its_time_and_its_body(tmp_path):
    door = Door([])
    with listening(door) as url, telling(tmp_path / "s.db", url, "first", "whsec_c2Vjb25k") as sandbox:
        delay(sandbox, "evt-1")
        soon(lambda: len(door.came) == 1)
    ((headers, body),) = door.came
    content = f"evt-1.{headers['Webhook-Timestamp']}.".encode() + body
    made = [base64.b64encode(hmac.digest(key, content, hashlib.sha256)).decode() for key in (b"first", b"second")]
    assert headers["Webhook-Signature"].split() == [f"v1,{each}" for each in made]
    assert abs(int(headers["Webhook-Timestamp"]) - time.time()) < 60
    assert headers["Content-Type"] == "application/cloudevents+json"


def test_what_nobody_heard_is_sent_when_the_sandbox_runs_again(tmp_path):
    with telling(tmp_path / "s.db", "http://127.0.0.1:9/orders/events", "secret") as sandbox:
        delay(sandbox, "evt-1")
        ledger = sandbox.application.extensions["ledger"]
        soon(lambda: ledger.due(time.time() + 3600)[0][1] > 0)
    door = Door([])
    with listening(door) as url, telling(tmp_path / "s.db", url, "secret"):
        soon(lambda: len(door.came) == 1)


def test_an_event_that_is_said_again_is_sent_again_the_same(tmp_path):
    door = Door([])
    with listening(door) as url, telling(tmp_path / "s.db", url, "secret") as sandbox:
        for number in (1, 2):
            delay(sandbox, "evt-1")
            soon(lambda number=number: len(door.came) == number)
    assert door.came[0][1] == door.came[1][1]


def test_an_event_said_again_while_it_is_on_its_way_is_sent_again(tmp_path):
    door = Door([])
    with listening(door) as url, telling(tmp_path / "s.db", url, "secret") as sandbox:
        door.on_first = lambda: delay(sandbox, "evt-1")
        delay(sandbox, "evt-1")
        soon(lambda: len(door.came) == 2)
    assert door.came[0][1] == door.came[1][1]


def test_a_secret_is_its_letters_or_what_its_base64_stands_for():
    assert (key_of("letters"), key_of("whsec_c2Vjb25k")) == (b"letters", b"second")
