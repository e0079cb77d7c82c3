"""What the line makes of an order system that answers badly: facts go unknown, nothing else goes wrong."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest
from structlog.testing import capture_logs

from ivr.orders.port import Prescriber, Proof, Proved, Refused, Unavailable
from ivr.orders.rest import RestOrderSystem

PERSON = {"id": "p1", "kind": "patient", "language": "en", "access": "slow", "acts_for": ["p2"], "texts": True}
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
    "last4": "1001",
    "prior_auth": "approved",
    "approved_until": "2027-02-22",
    "acts_next": "carrier",
    "since": "2026-11-22",
    "answer_by": "2026-11-26",
    "balance": "12.50",
    "renewal": "none",
}
PROVED = {
    "about": "p1",
    "fits": True,
    "number_on_file": True,
    "permission": "refills",
    "access": "slow",
    "texts": False,
    "language": "en",
    "prescription": PRESCRIPTION,
}
ADAS = Proof("+16145550101", "7001001", "1950-01-05")
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


def proved(**odd: object) -> bytes:
    return http(200, json.dumps({**PROVED, **odd}).encode())


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
    "an id with half a character": items({"id": "\ud800"}),
    "an id no database keeps": items({"id": "p\0"}),
    "an id without an end": items({"id": "p" * 256}),
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
        answering(items(nobodys)).prescriptions("p1")
    with pytest.raises(Unavailable):
        answering(proved(prescription=nobodys)).prove(ADAS)


def test_a_prescription_of_somebody_else_is_shown_to_nobody(answering):
    theirs = {**PRESCRIPTION, "person": "p2"}
    with pytest.raises(Unavailable):
        answering(items(PRESCRIPTION, theirs)).prescriptions("p1")
    with pytest.raises(Unavailable):
        answering(proved(prescription=theirs)).prove(ADAS)


@pytest.mark.parametrize(
    "odd",
    [
        {"fits": None},
        {"fits": "yes"},
        {"fits": 1},
        {"about": None},
        {"about": ""},
        {"about": ["p1"]},
        {"prescription": []},
        {"prescription": "rx_1"},
    ],
)
def test_a_proof_that_is_not_plainly_said_to_fit_has_had_no_answer(answering, odd):
    with pytest.raises(Unavailable):
        answering(proved(**odd)).prove(ADAS)


def test_what_comes_with_a_miss_is_not_for_the_caller(answering):
    assert answering(proved(fits=False)).prove(ADAS) == Proved("p1", False, True, None, None, None, None, None)


@pytest.mark.parametrize("about", ["p.1/2", "urn:patient:1"])
def test_a_miss_counts_against_a_person_whatever_their_id_looks_like(answering, about):
    assert answering(proved(fits=False, about=about)).prove(ADAS).about == about


@pytest.mark.parametrize("about", ["", 7, ["p1"]])
def test_a_miss_that_cannot_be_counted_has_had_no_answer(answering, about):
    with pytest.raises(Unavailable):
        answering(proved(fits=False, about=about)).prove(ADAS)


def test_a_miss_about_nobody_is_an_answer(answering):
    missed = answering(http(200, b'{"about": null, "fits": false}')).prove(ADAS)
    assert (missed.about, missed.fits, missed.number_on_file) == (None, False, False)


@pytest.mark.parametrize(
    ("fact", "odd"),
    [
        ("number_on_file", "yes"),
        ("permission", "all"),
        ("permission", True),
        ("access", "fast"),
        ("texts", "yes"),
        ("language", "english please"),
    ],
)
def test_one_odd_fact_of_a_proof_does_not_lose_the_others(answering, fact, odd):
    with capture_logs() as logged:
        told = answering(proved(**{fact: odd})).prove(ADAS)
    assert getattr(told, fact) is (False if fact == "number_on_file" else None)
    assert [each["fact"] for each in logged] == [fact]
    others = ("about", "fits", "number_on_file", "permission", "access", "texts", "language")
    assert all(getattr(told, each) == PROVED[each] for each in others if each != fact)
    assert told.prescription is not None


@pytest.mark.parametrize("phones", [None, "+16145550120", [16145550120], ["+16145550121"], [["+16145550120"]]])
def test_an_office_without_this_number_is_not_known_by_it(answering, phones):
    office = answering(items({"id": "d1", "phones": phones})).prescriber("1234567893", "+16145550120")
    assert office == Prescriber("d1", False)


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
        ("texts", "sometimes"),
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
        ("days_left", 36_501),
        ("days_left", -1e300),
        ("days_left", float("nan")),
        ("days_left", float("inf")),
        ("earliest_refill_on", "soon"),
        ("earliest_refill_on", 20261201),
        ("expected_on", "2026-02-30"),
        ("last4", "7001001"),
        ("last4", 1001),
        ("prior_auth", "maybe"),
        ("approved_until", "next year"),
        ("acts_next", "the mother"),
        ("since", 3),
        ("answer_by", "2026-11-31"),
        ("balance", 12.5),
        ("balance", "12.5"),
        ("balance", "-3.00"),
        ("balance", "$12.50"),
        ("balance", "12.50\n"),
        ("renewal", True),
    ],
)
def test_one_odd_fact_of_a_prescription_does_not_lose_the_others(answering, fact, odd):
    with capture_logs() as logged:
        (found,) = answering(items({**PRESCRIPTION, fact: odd})).prescriptions("p1")
    assert getattr(found, fact) is None
    assert [each["fact"] for each in logged] == [fact]
    assert all(str(getattr(found, each)) == str(PRESCRIPTION[each]) for each in PRESCRIPTION if each != fact)


def test_facts_left_out_are_unknown_without_a_word(answering):
    with capture_logs() as logged:
        (person,) = answering(items({"id": "p1"})).identify("+16145550101")
        (found,) = answering(items({"id": "rx_1", "person": "p1"})).prescriptions("p1")
        told = answering(http(200, b'{"about": "p1", "fits": true}')).prove(ADAS)
    assert told == Proved("p1", True, False, None, None, None, None, None)
    assert (person.kind, person.language, person.access, person.acts_for) == (None, None, None, ())
    assert {getattr(found, fact) for fact in PRESCRIPTION if fact not in ("id", "person")} == {None}
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
        assert time.monotonic() - began < 5
        over.set()
        thread.join()
        client.close()


def test_a_failure_tells_nothing_private(answering):
    with pytest.raises(Unavailable) as failure:
        answering(b"").prove(ADAS)
    assert not any(private in str(failure.value) for private in ("7001001", "6145550101", "1950"))
