"""Doorbells over a real Valkey, and without one."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator

import pytest

from ivr.live import Live
from tests import servers


@pytest.fixture
def live(empty_valkey_url: str) -> Iterator[Live]:
    bells = Live(empty_valkey_url)
    yield bells
    bells.close()


@pytest.fixture
def without_valkey() -> Iterator[Live]:
    bells = Live(f"redis://127.0.0.1:{servers.free_port()}/0")
    yield bells
    bells.close()


def seconds_of(action: object) -> float:
    started = time.monotonic()
    assert callable(action)
    action()
    return time.monotonic() - started


def test_a_ring_wakes_whoever_waits(live: Live) -> None:
    threading.Timer(0.1, live.ring, ["dispatch"]).start()
    started = time.monotonic()
    assert live.wait("dispatch", 5)
    assert time.monotonic() - started < 2


def test_a_ring_before_anybody_waits_is_heard(live: Live) -> None:
    live.ring("dispatch", "relay")
    assert live.wait("relay", 1)
    assert live.wait("dispatch", 1)


def test_many_rings_nobody_heard_are_one(live: Live) -> None:
    for _ in range(50):
        live.ring("dispatch")
    assert live.wait("dispatch", 1)
    assert not live.wait("dispatch", 0.05)


def test_a_bell_does_not_wake_those_waiting_for_another(live: Live) -> None:
    live.ring("relay")
    assert not live.wait("dispatch", 0.05)


def test_nobody_notices_that_valkey_was_emptied_in_the_middle_of_the_day(live: Live, empty_valkey_url: str) -> None:
    live.ring("dispatch")
    port = int(empty_valkey_url.rpartition(":")[2].partition("/")[0])
    servers.valkey_says(port, b"FLUSHALL")
    assert not live.wait("dispatch", 0.05)
    live.ring("dispatch")
    assert live.wait("dispatch", 1)


def test_without_valkey_a_ring_costs_nothing_and_waiting_is_sleeping(without_valkey: Live) -> None:
    assert seconds_of(lambda: [without_valkey.ring("dispatch") for _ in range(100)]) < 2
    assert 0.2 <= seconds_of(lambda: without_valkey.wait("dispatch", 0.2)) < 2
    assert not without_valkey.ready()


def test_a_host_that_never_answers_holds_a_turn_up_once_a_second_at_most() -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        bells = Live(f"redis://127.0.0.1:{deaf.getsockname()[1]}/0")
        assert seconds_of(lambda: [bells.ring("dispatch") for _ in range(100)]) < 0.8
        bells.close()


def test_doorbells_come_back_with_valkey() -> None:
    with servers.valkey() as server:
        bells = Live(server.url)
        assert bells.ready()
        server.kill()
        assert not bells.wait("dispatch", 0.1)
        server.start()
        time.sleep(1.1)  # how long it leaves a Valkey alone that was away
        bells.ring("dispatch")
        assert bells.wait("dispatch", 2)
        bells.close()


def test_who_asks_too_often_is_told_so_and_others_are_not(live: Live) -> None:
    assert [live.allow("ana", 2, 3600) for _ in range(3)] == [True, True, False]
    assert live.allow("ben", 2, 3600)


def test_without_valkey_nobody_is_turned_away(without_valkey: Live) -> None:
    assert [without_valkey.allow("ana", 0, 3600) for _ in range(2)] == [True, True]
