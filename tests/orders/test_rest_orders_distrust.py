"""What the line makes of an order system that answers badly: facts go unknown, nothing else goes wrong."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest
from structlog.testing import capture_logs

from ivr.orders.port import Refused, Unavailable
from ivr.orders.rest import RestOrderSystem

PERSON = {"id": "p1", "kind": "patient", "language": "en", "access": "slow", "acts_for": ["p2"]}
PRESCRIPTION = {
    "id": "rx_1",
    "person": "p1",
    "refill": "too_soon",
    "order_state": "shipped",
    "payment": "succeeded",
    "medication_class": "insulin",
    "time_sensitive": True,
    "days_left": 3,
    "earliest_refill_on": "2026-12-01",
    "expected_on": "2026-11-30",
}
Answering = Callable[[bytes], RestOrderSystem]


@pytest.fixture
def answering() -> Iterator[Answering]:
    """What gives a client of an order system that answers anything with these bytes, and hangs up."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        reply = bytearray()
        threading.Thread(target=_answer_all, args=(listening, reply), daemon=True).start()
        client = RestOrderSystem(f"http://127.0.0.1:{listening.getsockname()[1]}", "t", timeout_seconds=0.5)

        def answer_with(raw: bytes) -> RestOrderSystem:
            reply[:] = raw
            return client

        yield answer_with
        client.close()
        listening.shutdown(socket.SHUT_RDWR)


def _answer_all(listening: socket.socket, reply: bytearray) -> None:
    while True:
        try:
            connection, _ = listening.accept()
        except OSError:  # the test is over
            return
        with connection:
            _read_request(connection)
            connection.sendall(bytes(reply))


def _read_request(connection: socket.socket) -> None:
    head = b""
    while b"\r\n\r\n" not in head:
        head += connection.recv(65536)
    head, _, body = head.partition(b"\r\n\r\n")
    lengths = [int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if b"content-length" in line]
    while lengths and len(body) < lengths[0]:
        body += connection.recv(65536)


def http(status: int, body: bytes, *headers: str) -> bytes:
    head = [f"HTTP/1.1 {status} X", f"Content-Length: {len(body)}", "Connection: close", *headers, "", ""]
    return "\r\n".join(head).encode() + body


def items(*entries: object) -> bytes:
    return http(200, json.dumps({"items": entries}).encode())


BAD_ANSWERS = {
    "nothing at all": b"",
    "no HTTP": b"220 smtp.example ESMTP\r\n",
    "half an answer": b'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"items"',
    "an empty body": http(200, b""),
    "a web page": http(200, b"<html>welcome</html>"),
    "half of a JSON": http(200, b'{"items": ['),
    "no text": http(200, b"\xff\xfe\x00"),
    "JSON too deep to read": http(200, b"[" * 100_000),
    "a list": http(200, b"[]"),
    "no items": http(200, b"{}"),
    "items that are no list": http(200, b'{"items": {}}'),
    "an item that is no object": items("p1"),
    "an item without an id": items({"kind": "patient"}),
    "an id that is a number": items({"id": 7}),
    "an empty id": items({"id": ""}),
    "gzip that is none": http(200, b"plain", "Content-Encoding: gzip"),
    "more than anybody asked for": items("x" * 1_100_000),
    "gone elsewhere": http(302, b"", "Location: http://127.0.0.1:9/"),
    "too many requests": http(429, b"{}"),
    "took too long": http(408, b"{}"),
    "a gateway's error": http(502, b"<html>bad gateway</html>"),
}


@pytest.mark.parametrize("bad", BAD_ANSWERS.values(), ids=BAD_ANSWERS)
def test_an_answer_we_cannot_read_is_no_answer(answering, bad):
    with pytest.raises(Unavailable):
        answering(bad).identify("+16145550101")


@pytest.mark.parametrize("answer", [b"{}", b'{"id": null}', b'{"id": ["task"]}'])
def test_a_task_without_an_id_may_or_may_not_exist(answering, answer):
    with pytest.raises(Unavailable):
        answering(http(201, answer)).create_task({"what": "message"}, "key-1")


def test_a_prescription_of_nobody_is_no_answer(answering):
    nobodys = {name: value for name, value in PRESCRIPTION.items() if name != "person"}
    with pytest.raises(Unavailable):
        answering(items(nobodys)).find_prescription("7001001", phone="+16145550101", date_of_birth=None)


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (http(404, b'{"code": "prescription_not_found"}'), "prescription_not_found"),
        (http(410, b"<html>forbidden</html>"), "http_410"),
        (http(400, b'{"code": "no such number: +16145550101"}'), "http_400"),
        (http(400, b'{"code": 7001001}'), "http_400"),
        (http(422, b"[]"), "http_422"),
        (http(422, b"[" * 100_000), "http_422"),
    ],
)
def test_a_refusal_keeps_a_plain_code_and_nothing_else(answering, answer, code):
    with pytest.raises(Refused) as refusal:
        answering(answer).request_refill("rx_1", "CA1", "key-1")
    assert (refusal.value.code, str(refusal.value)) == (code, code)


def test_a_write_needs_no_words_in_return(answering):
    answering(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n").record_call("CA1", {})


@pytest.mark.parametrize(
    ("fact", "odd"),
    [
        ("kind", "robot"),
        ("kind", 7),
        ("kind", ["patient"]),
        ("language", "english please"),
        ("language", 1),
        ("access", "fast"),
        ("acts_for", "p2"),
        ("acts_for", [2]),
    ],
)
def test_one_odd_fact_of_a_person_does_not_lose_the_others(answering, fact, odd):
    with capture_logs() as logged:
        (person,) = answering(items({**PERSON, fact: odd})).identify("+16145550101")
    assert getattr(person, fact) == (() if fact == "acts_for" else None)
    assert person.id == "p1"
    assert [(each["log_level"], each["fact"]) for each in logged] == [("warning", fact)]
    assert str(odd) not in str(logged) or fact == str(odd)


@pytest.mark.parametrize(
    ("fact", "odd"),
    [
        ("refill", "maybe"),
        ("order_state", "teleported"),
        ("payment", "barter"),
        ("medication_class", "Insulin, 7001001"),
        ("time_sensitive", "yes"),
        ("time_sensitive", 1),
        ("days_left", "three"),
        ("days_left", 3.5),
        ("days_left", True),
        ("earliest_refill_on", "soon"),
        ("earliest_refill_on", 20261201),
        ("expected_on", "2026-02-30"),
    ],
)
def test_one_odd_fact_of_a_prescription_does_not_lose_the_others(answering, fact, odd):
    with capture_logs() as logged:
        found = answering(items({**PRESCRIPTION, fact: odd})).find_prescription(
            "7001001", phone="+16145550101", date_of_birth=None
        )
    assert found is not None
    assert getattr(found, fact) is None
    assert [each["fact"] for each in logged] == [fact]
    others = ("id", "person", "refill", "order_state", "payment", "medication_class", "days_left")
    assert all(getattr(found, each) == PRESCRIPTION[each] for each in others if each != fact)


def test_facts_left_out_are_unknown_without_a_word(answering):
    with capture_logs() as logged:
        (person,) = answering(items({"id": "p1"})).identify("+16145550101")
        found = answering(items({"id": "rx_1", "person": "p1"})).find_prescription(
            "7001001", phone=None, date_of_birth="1950-01-05"
        )
    assert found is not None
    assert (person.kind, person.language, person.access, person.acts_for) == (None, None, None, ())
    assert (found.refill, found.days_left, found.expected_on) == (None, None, None)
    assert logged == []


def test_an_answer_that_trickles_is_given_up():
    with socket.create_server(("127.0.0.1", 0)) as listening:
        over = threading.Event()

        def trickle() -> None:
            connection, _ = listening.accept()
            with connection:
                _read_request(connection)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
                while not over.wait(0.02):
                    connection.sendall(b" ")

        thread = threading.Thread(target=trickle)
        thread.start()
        client = RestOrderSystem(f"http://127.0.0.1:{listening.getsockname()[1]}", "t", timeout_seconds=0.2)
        began = time.monotonic()
        with pytest.raises(Unavailable):
            client.identify("+16145550101")
        assert time.monotonic() - began < 1
        over.set()
        thread.join()
        client.close()


def test_a_failure_tells_nothing_private(answering):
    with pytest.raises(Unavailable) as failure:
        answering(b"").find_prescription("7001001", phone="+16145550101", date_of_birth="1950-01-05")
    assert not any(private in str(failure.value) for private in ("7001001", "6145550101", "1950"))
