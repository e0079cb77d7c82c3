"""Effects on their way to RQ, and round it: nothing waits for Redis, and nothing is lost with it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest
from redis import Redis
from rq import Queue

from ivr.core.effects import CreateTask, EndLeg, Inquire
from ivr.jobs import Crew, Queues, job_id
from ivr.relay import Relay
from tests import servers
from tests.worker.conftest import Sandbox
from tests.worker.shop import ROSA, Shop
from tests.worker.test_jobs import jobs_of


@pytest.fixture
def crew(shop: Shop) -> Iterator[Crew]:
    crew = Crew(jobs_of(shop))
    yield crew
    crew.close()


@pytest.fixture
def redis(empty_valkey_url: str) -> Iterator[Redis]:
    client = Redis.from_url(empty_valkey_url)
    yield client
    client.close()


@pytest.fixture
def relay(shop: Shop, crew: Crew, empty_valkey_url: str) -> Relay:
    """A relay whose RQ nobody listens to."""
    return Relay(shop.record.outbox, Queues(empty_valkey_url), crew, patience_seconds=0.3)


def queued(redis: Redis, lane: str) -> list[str]:
    return Queue(lane, connection=redis).job_ids


def until(true: Callable[[], bool], seconds: float = 30.0) -> bool:
    deadline = time.monotonic() + seconds
    while not true() and time.monotonic() < deadline:
        time.sleep(0.02)
    return true()


def test_an_effect_goes_to_the_queue_of_its_lane(shop: Shop, relay: Relay, redis: Redis) -> None:
    shop.in_line()
    shop.change("CA1", does=(EndLeg("leg-CA1"), CreateTask("voicemail")))
    assert relay.once() == 2
    assert queued(redis, "telephony") == [job_id(shop.effect("EndLeg"))]
    assert queued(redis, "orders") == [job_id(shop.effect("CreateTask"))]


def test_an_effect_is_queued_once_while_it_is_pending(shop: Shop, relay: Relay, crew: Crew, redis: Redis) -> None:
    shop.in_line()
    shop.change("CA1", does=(EndLeg("leg-CA1"),))
    relay.once()
    relay.once()
    Relay(shop.record.outbox, Queues(redis_url(redis)), crew).once()  # another worker's, or this one started again
    assert len(queued(redis, "telephony")) == 1


def redis_url(redis: Redis) -> str:
    return f"redis://127.0.0.1:{redis.connection_pool.connection_kwargs['port']}/0"


def test_calls_are_not_queued_for_placing(shop: Shop, relay: Relay) -> None:
    shop.in_line()
    shop.dispatch.once()
    assert relay.once() == 0


def test_a_question_a_caller_waits_for_goes_to_the_front(shop: Shop, relay: Relay, redis: Redis) -> None:
    for name, effect in (("CA1", CreateTask("voicemail")), ("CA2", Inquire("who"))):
        shop.in_line(name)
        shop.change(name, does=(effect,))
    relay.once()
    assert queued(redis, "orders")[0] == job_id(shop.effect("Inquire", "CA2"))


def test_a_job_says_nothing_but_the_effects_id(shop: Shop, relay: Relay, redis: Redis) -> None:
    shop.in_line()
    shop.change("CA1", fields={"rx_number": "7654321"}, does=(Inquire("who"),))
    relay.once()
    [job] = Queue("orders", connection=redis).jobs
    assert (job.args, job.kwargs, job.description) == ((shop.effect("Inquire").id,), {}, "Inquire")
    kept = b"".join(redis.dump(key) or b"" for key in redis.keys("*"))
    assert ROSA.encode() not in kept
    assert b"7654321" not in kept


def test_what_rq_does_not_begin_is_done_by_the_relay(shop: Shop, relay: Relay, sandbox: Sandbox) -> None:
    shop.in_line()
    shop.change("CA1", does=(CreateTask("voicemail"),))
    relay.once()
    assert sandbox.told("tasks") == []
    assert until(lambda: bool(relay.once() >= 0 and sandbox.told("tasks")))


def test_a_flush_in_the_middle_of_the_day_loses_nothing(
    shop: Shop, relay: Relay, redis: Redis, sandbox: Sandbox
) -> None:
    shop.in_line()
    shop.change("CA1", does=(CreateTask("voicemail"),))
    relay.once()
    redis.flushall()
    assert until(lambda: bool(relay.once() >= 0 and sandbox.told("tasks")))
    assert len(sandbox.told("tasks")) == 1


def test_without_redis_effects_are_done_at_once(shop: Shop, crew: Crew, sandbox: Sandbox) -> None:
    relay = Relay(shop.record.outbox, Queues(f"redis://127.0.0.1:{servers.free_port()}/0"), crew)
    for name in ("CA1", "CA2"):
        shop.in_line(name)
        shop.change(name, does=(CreateTask("first"), CreateTask("second")))
    began = time.monotonic()
    assert until(lambda: bool(relay.once() >= 0 and len(sandbox.told("tasks")) == 4))
    assert time.monotonic() - began < 2
    for name in ("CA1", "CA2"):
        assert [task["what"] for task in sandbox.told("tasks") if task["call_id"] == name] == ["first", "second"]


def test_a_relay_whose_crew_is_busy_comes_back_for_the_rest(shop: Shop, sandbox: Sandbox) -> None:
    crew = Crew(jobs_of(shop), threads=1)
    relay = Relay(shop.record.outbox, Queues(f"redis://127.0.0.1:{servers.free_port()}/0"), crew)
    for number in range(6):
        shop.in_line(f"CA{number}")
        shop.change(f"CA{number}", does=(CreateTask("voicemail"),))
    assert until(lambda: bool(relay.once() >= 0 and len(sandbox.told("tasks")) == 6))
    crew.close()
