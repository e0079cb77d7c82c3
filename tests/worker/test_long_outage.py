"""The order system is away for ten minutes while calls go on: afterwards it has all of it, in order for each call."""

from __future__ import annotations

from ivr.core.effects import CreateTask, WriteDisposition
from ivr.jobs import Crew, Queues
from ivr.orders.breaker import Breaker, guarded, standing_of
from ivr.relay import Relay
from tests import servers
from tests.worker.conftest import Sandbox
from tests.worker.shop import Shop
from tests.worker.test_jobs import jobs_of
from tests.worker.test_placing import minutes_pass

MINUTES, CALLS_A_MINUTE = 10, 2


def minute(shop: Shop, record_url: str) -> None:
    """A minute of the relay: whatever is due is tried, and then it is a minute later."""
    crew = Crew(jobs_of(shop), threads=4)
    Relay(shop.record.outbox, Queues(f"redis://127.0.0.1:{servers.free_port()}/0"), crew).once()
    crew.close()
    minutes_pass(record_url, 1)


def ends(shop: Shop, name: str) -> None:
    """A call from its message to its final disposition."""
    shop.in_line(name)
    body = {"call_id": name, "outcome": "answered", "reached": "talk"}
    shop.change(name, does=(CreateTask("voicemail"), WriteDisposition(1, {**body, "revision": 1, "final": False})))
    final = {**body, "revision": 2, "final": True}
    shop.change(name, does=(CreateTask("emergency_unanswered", urgent=True), WriteDisposition(2, final)))


def test_everything_arrives_in_order_for_each_call(shop: Shop, sandbox: Sandbox, record_url: str) -> None:
    shop.board.orders = guarded(shop.board.orders, Breaker(rest_seconds=0.01))
    names = [f"CA{number}" for number in range(MINUTES * CALLS_A_MINUTE)]
    sandbox.fails("down", 600)
    for begun in range(MINUTES):
        for name in names[begun * CALLS_A_MINUTE : (begun + 1) * CALLS_A_MINUTE]:
            ends(shop, name)
        minute(shop, record_url)

    sandbox.recovers()
    assert sandbox.told("tasks") == []
    assert standing_of(shop.board.orders).spared > 0
    for _ in range(4 * MINUTES):
        if not shop.record.outbox.pending():
            break
        minute(shop, record_url)

    tasks = sandbox.told("tasks")
    assert {name: [task["what"] for task in tasks if task["call_id"] == name] for name in names} == {
        name: ["voicemail", "emergency_unanswered"] for name in names
    }
    written = [(each["call_id"], each["revision"], each["final"]) for each in sandbox.told("dispositions?limit=100")]
    assert sorted(written) == sorted((name, 2, True) for name in names)
