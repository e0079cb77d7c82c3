"""Events are let in when one of our secrets has just signed them, and kept before they are acknowledged."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from ivr import news_door
from ivr.orders.sandbox.sender import signed
from tests.core.rehearsal import OPEN
from tests.worker.shop import Shop

OURS = "the secret of today"
EVENT: dict[str, Any] = {
    "specversion": "1.0",
    "id": "evt-1",
    "source": "/v1/events",
    "type": "order.delayed",
    "time": OPEN.isoformat(),
    "subject": "rx-1",
    "data": {"person": "patient-1", "prescription": "rx-1", "order_state": "delayed"},
}


def door_of(shop: Shop, *secrets: str) -> FlaskClient:
    app = Flask("web")
    app.register_blueprint(news_door.blueprint(shop.board, [secret.encode() for secret in secrets]))
    return app.test_client()


@pytest.fixture
def door(shop: Shop) -> FlaskClient:
    return door_of(shop, "the secret of tomorrow", OURS)


def knock(
    door: FlaskClient, event: object = EVENT, secrets: tuple[str, ...] = (OURS,), ago: float = 0, **more: str
) -> TestResponse:
    """An order system sends an event; `more` are headers that stand in place of the right ones."""
    body = json.dumps(event).encode()
    id_ = event["id"] if isinstance(event, dict) and "id" in event else "evt-1"
    headers = signed(id_, int(time.time() - ago), body, secrets)
    return door.post("/orders/events", data=body, headers=headers | {f"webhook-{name}": more[name] for name in more})


def code(answer: TestResponse) -> tuple[int, str]:
    assert answer.mimetype == "application/problem+json"
    return answer.status_code, answer.json["code"]


def kept(shop: Shop) -> list[str]:
    return [event.id for event in shop.record.order_events.since(OPEN)]


def test_what_we_are_told_is_kept_before_it_is_acknowledged_and_rings(shop: Shop, door: FlaskClient) -> None:
    assert knock(door).status_code == 202
    [event] = shop.record.order_events.new()
    assert (event.id, event.type, event.at, event.person, event.prescription, event.data, event.task) == (
        "evt-1",
        "order.delayed",
        OPEN,
        "patient-1",
        "rx-1",
        {"order_state": "delayed"},
        None,
    )
    assert shop.board.live.wait("news", 1.0)


def test_what_comes_twice_is_acknowledged_twice_and_kept_once(shop: Shop, door: FlaskClient) -> None:
    assert [knock(door).status_code for _ in range(3)] == [202, 200, 200]
    assert kept(shop) == ["evt-1"]


def test_while_a_secret_changes_any_of_theirs_may_be_any_of_ours(door: FlaskClient) -> None:
    assert knock(door, secrets=("theirs of yesterday", "the secret of tomorrow")).status_code == 202


@pytest.mark.parametrize("ago", [-290, 290])
def test_within_five_minutes_clocks_may_differ(door: FlaskClient, ago: float) -> None:
    assert knock(door, ago=ago).status_code == 202


@pytest.mark.parametrize("ago", [-330, 330])
def test_what_was_signed_at_another_time_is_refused(shop: Shop, door: FlaskClient, ago: float) -> None:
    assert code(knock(door, ago=ago)) == (401, "too_old")
    assert kept(shop) == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"signature": "v1,AAAA"},
        {"signature": ""},
        {"signature": "v1," + "A" * 5000},
        {"signature": "v1,\u00e9"},
        {"timestamp": "soon"},
        {"timestamp": "1" * 40},
        {"timestamp": str(int(time.time()) - 1)},
        {"id": "evt-2"},
        {"id": ""},
    ],
)
def test_what_none_of_our_secrets_signed_is_refused(shop: Shop, door: FlaskClient, wrong: dict[str, str]) -> None:
    assert code(knock(door, **wrong)) == (401, "not_signed")
    assert code(knock(door, secrets=("a secret of nobody",))) == (401, "not_signed")
    assert kept(shop) == []


NO_EVENTS = [
    "no event",
    [],
    {"id": "evt-1"},
    {**EVENT, "time": "2026-11-24T10:00"},
    {**EVENT, "time": "0001-01-01T00:00:00+14:00"},
    {**EVENT, "data": {"order_state": "\ud800"}},
    {**EVENT, "data": {"person": "\x00"}},
]


@pytest.mark.parametrize("event", NO_EVENTS)
def test_what_is_no_event_is_told_so(shop: Shop, door: FlaskClient, event: object) -> None:
    assert code(knock(door, event)) == (400, "no_event")
    assert kept(shop) == []


@pytest.mark.parametrize("body", [b"{", b"[" * 20_000, b"\xff"])
def test_what_is_no_json_is_told_so(door: FlaskClient, body: bytes) -> None:
    headers = signed("evt-1", int(time.time()), body, (OURS,))
    assert code(door.post("/orders/events", data=body, headers=headers)) == (400, "no_event")


def test_the_id_that_was_signed_is_the_events_own(door: FlaskClient) -> None:
    body = json.dumps({**EVENT, "id": "evt-2"}).encode()
    headers = signed("evt-1", int(time.time()), body, (OURS,))
    assert code(door.post("/orders/events", data=body, headers=headers)) == (400, "other_id")


def test_what_is_too_large_is_not_read(door: FlaskClient) -> None:
    assert code(knock(door, {**EVENT, "more": "x" * 64_000})) == (413, "request_entity_too_large")


def test_without_a_secret_there_is_no_door(shop: Shop) -> None:
    assert code(knock(door_of(shop))) == (404, "not_found")


def test_what_cannot_be_kept_is_to_be_sent_again(shop: Shop, door: FlaskClient, record_url: str) -> None:
    shop.away(record_url)
    assert code(knock(door)) == (503, "not_kept")
