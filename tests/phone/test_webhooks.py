"""How webhooks reach the product: signed, tried again as their URLs say, and badly when a rehearsal wants it."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping

import pytest
from flask import Response
from twilio.request_validator import RequestValidator

from ivr.phone.client import Phones, Refused
from ivr.phone.connecting import Connections
from ivr.phone.exchange import Exchange
from ivr.phone.faults import FaultBox
from ivr.phone.leg import Goto, Watch
from ivr.phone.numbers import NumberBook
from ivr.phone.ringing import Outgoing
from ivr.phone.webhook import Overrides, WebhookFailed, Webhooks, signature
from tests.phone.conftest import LINE, PATIENT, TOKEN, Document, Product, heard, kinds, noted

SECONDS = 5.0


def failing(times: int, document: Document, failure: Document = ("broken", 500)) -> Document:
    """Return a document that fails so many times first."""
    left = [failure] * times
    return lambda _: left.pop() if left else document


# ---------------------------------------------------------------- signatures


@pytest.mark.parametrize("path", ["/voice/incoming", "/voice/in%20coming?site=a&x=%2B1", "/voice/incoming#rc=2"])
def test_post_signatures_satisfy_twilios_own_validator(product: Product, exchange: Exchange, path: str) -> None:
    product.answers("/voice/incoming", "")
    product.answers("/voice/in coming", "")

    exchange.webhooks.ask(product.url + path, "POST", {"From": PATIENT, "Body": "ñ & = +", "CallSid": "CA1"})

    asked = product.heard[0]
    form = {name: value for name, value in asked.params.items() if name not in ("site", "x")}
    url = (product.url + path).partition("#")[0]
    assert RequestValidator(TOKEN).validate(url, form, asked.headers["X-Twilio-Signature"])
    assert asked.headers["User-Agent"] == "TwilioProxy/1.1"


def test_get_signatures_cover_the_query(product: Product, exchange: Exchange) -> None:
    product.answers("/voice/wait", "")

    exchange.webhooks.ask(f"{product.url}/voice/wait?a=1", "GET", {"From": PATIENT})

    asked = product.heard[0]
    url = f"{product.url}/voice/wait?a=1&From=%2B15550100001"
    assert RequestValidator(TOKEN).validate(url, {}, asked.headers["X-Twilio-Signature"])
    assert asked.params == {"a": "1", "From": PATIENT}


def test_a_user_and_password_in_a_url_are_not_signed(product: Product, exchange: Exchange) -> None:
    product.answers("/voice/wait", "")

    exchange.webhooks.ask(product.url.replace("//", "//user:secret@") + "/voice/wait", "POST", {"From": PATIENT})

    assert product.heard[0].headers["X-Twilio-Signature"] == signature(
        TOKEN, f"{product.url}/voice/wait", {"From": PATIENT}
    )


# ---------------------------------------------------------------- connection overrides


def test_without_overrides_only_a_failed_connection_is_tried_again() -> None:
    plain = Overrides.parse("")

    assert (plain.rc, plain.tries_again_after("ct"), plain.tries_again_after("5xx")) == (1, True, False)


def test_overrides_twilio_would_refuse_are_named() -> None:
    assert Overrides.parse("rc=9&rp=ct,soon&xx=1&e=ashburn").problems == (
        "rc=9 is not a number from 0 to 5",
        "rp=soon is no retry policy",
        "xx is no connection override",
    )


def test_a_url_that_asks_for_retries_gets_them_with_one_token(product: Product, exchange: Exchange) -> None:
    product.answers("/voice/next", failing(2, "<Hangup/>"))

    reply = exchange.webhooks.ask(f"{product.url}/voice/next#rc=3&rp=5xx", "POST", {})

    assert reply.attempts == 3
    assert len({one.headers["I-Twilio-Idempotency-Token"] for one in product.heard}) == 1
    assert product.heard[0].url == f"{product.url}/voice/next"


def test_retries_end_after_the_count_and_tell_the_last_failure(product: Product, exchange: Exchange) -> None:
    product.answers("/voice/next", failing(9, "<Hangup/>"))

    with pytest.raises(WebhookFailed, match="status 500") as failed:
        exchange.webhooks.ask(f"{product.url}/voice/next#rc=2&rp=all", "POST", {})

    assert (failed.value.code, failed.value.url) == (11200, f"{product.url}/voice/next")
    assert len(product.heard) == 3


def test_4xx_is_told_apart_from_5xx(product: Product, exchange: Exchange) -> None:
    product.answers("/voice/next", failing(1, "<Hangup/>", ("no", 403)))

    with pytest.raises(WebhookFailed, match="status 403"):
        exchange.webhooks.ask(f"{product.url}/voice/next#rc=2&rp=5xx", "POST", {})


def test_a_slow_reply_is_a_read_timeout(product: Product, exchange: Exchange) -> None:
    def slowly(_: Mapping[str, str]) -> Document:
        time.sleep(0.4)
        return "<Hangup/>"

    product.answers("/voice/next", slowly)

    with pytest.raises(WebhookFailed, match="no reply in time") as failed:
        exchange.webhooks.ask(f"{product.url}/voice/next#rt=100", "POST", {})

    assert failed.value.code == 11201


def test_a_reply_that_trickles_is_cut_off_in_total(product: Product, exchange: Exchange) -> None:
    def trickle(_: Mapping[str, str]) -> Document:
        return Response(_drops(), mimetype="text/xml")

    product.answers("/voice/next", trickle)

    with pytest.raises(WebhookFailed, match="took too long") as failed:
        exchange.webhooks.ask(f"{product.url}/voice/next#tt=200", "POST", {})

    assert failed.value.code == 11203


def _drops() -> Iterator[str]:
    for _ in range(10):
        time.sleep(0.05)
        yield " "


def test_a_document_over_64_kb_is_refused(product: Product, exchange: Exchange) -> None:
    product.answers("/voice/next", f"<Say>{'a' * 70_000}</Say>")

    with pytest.raises(WebhookFailed, match="over 64 kB") as failed:
        exchange.webhooks.ask(f"{product.url}/voice/next", "POST", {})

    assert failed.value.code == 11750


def test_nobody_listening_is_tried_again_and_then_told() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/voice/next"
    webhooks = Webhooks(TOKEN, FaultBox())

    with pytest.raises(WebhookFailed, match="nobody answered") as failed:
        webhooks.ask(url, "POST", {})

    webhooks.close()
    assert failed.value.code == 11205


def test_a_connection_that_breaks_in_the_reply_is_a_failure() -> None:
    webhooks = Webhooks(TOKEN, FaultBox())
    with socket.create_server(("127.0.0.1", 0)) as listening:
        url = f"http://127.0.0.1:{listening.getsockname()[1]}/voice/next"
        _answer_in(listening, b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nhalf")

        with pytest.raises(WebhookFailed, match="broke before the reply was complete"):
            webhooks.ask(url, "POST", {})

    webhooks.close()


def _answer_in(listening: socket.socket, reply: bytes) -> None:
    def answer() -> None:
        connection, _ = listening.accept()
        with connection:
            connection.recv(65_536)
            connection.sendall(reply)

    threading.Thread(target=answer, daemon=True).start()


def test_a_thing_that_is_no_web_address_cannot_be_asked(exchange: Exchange) -> None:
    with pytest.raises(WebhookFailed, match="not a web address"):
        exchange.webhooks.ask("ftp://example.test/x", "POST", {})


# ---------------------------------------------------------------- rehearsed faults


def count_up() -> Callable[[Mapping[str, str]], Document]:
    """Return a document that is different each time."""
    numbers = iter(range(100))
    return lambda _: f"<Say>Number {next(numbers)}</Say>"


def test_delivered_twice_a_product_that_answers_alike_passes(product: Product, phones: Phones) -> None:
    phones.faults(twice=True)
    product.answers("/voice/incoming", "<Say>Welcome</Say>")

    phone = phones.call("main", PATIENT)

    assert phone.wait_for(noted("over"), SECONDS)
    assert len(product.requests("/voice/incoming")) == 2
    assert len(product.wait_for("/voice/status", count=2)) == 2
    assert "violation" not in kinds(phone.lines)


def test_delivered_twice_a_product_that_answers_differently_is_found_out(product: Product, phones: Phones) -> None:
    phones.faults(twice=True)
    product.answers("/voice/incoming", count_up())

    phone = phones.call("main", PATIENT)

    assert phone.wait_for(noted("over"), SECONDS)
    texts = [line["text"] for line in phone.lines if line["kind"] == "violation"]
    assert texts == ["a second delivery of the same request got another answer"]


def test_delivered_twice_a_failure_of_the_second_is_not_compared(product: Product, phones: Phones) -> None:
    phones.faults(twice=True)
    answers: list[Document] = [("busy", 503), "<Say>Welcome</Say>"]
    product.answers("/voice/incoming", lambda _: answers.pop() if answers else ("busy", 503))
    product.answers("/voice/fallback", "<Say>Welcome</Say>")

    phone = phones.call("main", PATIENT)

    assert phone.wait_for(heard("Welcome"), SECONDS)


def test_a_lost_reply_is_asked_for_again(product: Product, phones: Phones) -> None:
    phones.faults(lose_replies=1)
    product.answers("/voice/incoming", "<Say>Welcome</Say>")

    phone = phones.call("main", PATIENT)

    assert phone.wait_for(heard("Welcome"), SECONDS)
    assert len(product.requests("/voice/incoming")) == 2
    assert next(line["attempts"] for line in phone.lines if line["kind"] == "webhook") == 2


def test_a_refused_connection_never_reaches_the_product(product: Product, phones: Phones) -> None:
    phones.faults(refuse_connections=1)
    product.answers("/voice/incoming", "<Say>Welcome</Say>")

    phone = phones.call("main", PATIENT)

    assert phone.wait_for(heard("Welcome"), SECONDS)
    assert len(product.requests("/voice/incoming")) == 1


def test_every_webhook_may_be_slow(product: Product, phones: Phones) -> None:
    phones.faults(delay_seconds=0.3)
    product.answers("/voice/incoming", "<Say>Welcome</Say>")
    began = time.monotonic()

    assert phones.call("main", PATIENT).wait_for(heard("Welcome"), SECONDS)

    assert time.monotonic() - began >= 0.3


def status_calls(product: Product, exchange: Exchange, phones: Phones, count: int) -> list[str]:
    """Ring a phone that answers and hears nothing; returns the statuses in order of arrival."""
    events = frozenset({"initiated", "ringing", "answered", "completed"})
    watch = Watch(f"{product.url}/voice/status", "POST", events)
    phones.post("/phones", number=PATIENT, does="answer")
    exchange.call_out(Outgoing(PATIENT, LINE, Goto(twiml="<Response/>"), watch=watch))
    return [one.params["CallStatus"] for one in product.wait_for("/voice/status", count=count)]


def test_status_callbacks_may_arrive_in_the_wrong_order(product: Product, exchange: Exchange, phones: Phones) -> None:
    phones.faults(shuffle=True)

    statuses = status_calls(product, exchange, phones, 4)

    assert statuses == ["completed", "in-progress", "ringing", "initiated"]
    assert [one.params["SequenceNumber"] for one in product.requests("/voice/status")] == ["3", "2", "1", "0"]


def test_status_callbacks_may_be_lost(product: Product, exchange: Exchange, phones: Phones) -> None:
    phones.faults(drop_callbacks=2)

    assert status_calls(product, exchange, phones, 2) == ["in-progress", "completed"]


def test_a_callback_the_product_refuses_is_lost_and_noted(product: Product, exchange: Exchange, phones: Phones) -> None:
    product.answers("/voice/status", ("broken", 500))
    exchange.numbers.update(exchange.numbers.all()[0].sid, {"status_callback": f"{product.url}/voice/status#rc=0"})
    product.answers("/voice/incoming", "")

    phones.call("main", PATIENT)
    product.wait_for("/voice/status")
    deadline = time.monotonic() + SECONDS
    while not exchange.courier.undelivered and time.monotonic() < deadline:
        time.sleep(0.01)

    assert list(exchange.courier.undelivered) == [f"{product.url}/voice/status: status 500"]


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        ({"thrice": True}, "no fault is called `thrice`"),
        ({"twice": 1}, "twice: needs a bool"),
        ({"drop_callbacks": "many"}, "drop_callbacks: needs a int"),
        ({"drop_callbacks_share": 1.5}, "a share is from 0 to 1"),
        ({"rest_when": "during"}, "rest_when: before, after, either"),
    ],
)
def test_a_fault_that_is_none_is_refused(phones: Phones, fault: dict[str, object], sentence: str) -> None:
    with pytest.raises(Refused, match=sentence):
        phones.faults(**fault)


def test_faults_can_be_read_and_end_with_an_empty_wish(phones: Phones) -> None:
    phones.faults(delay_seconds=1, lose_replies=3)
    assert (phones.get("/faults")["delay_seconds"], phones.get("/faults")["lose_replies"]) == (1.0, 3)

    phones.faults()

    assert phones.get("/faults")["lose_replies"] == 0


# ---------------------------------------------------------------- our numbers


def test_a_line_written_later_is_found_when_it_is_called() -> None:
    lines = {"main": LINE}
    book = NumberBook(lambda: lines, "http://product.test")
    assert book.find("spanish") is None

    lines["spanish"] = "+15550100010"

    found = book.find("spanish")
    assert found is not None
    assert found.voice_url.startswith("http://product.test/voice/incoming#rc=3&rp=ct,rt,5xx")


def test_a_line_renamed_keeps_its_settings() -> None:
    lines = {"main": LINE}
    book = NumberBook(lambda: dict(lines), "http://product.test", "http://static.test")
    book.update(book.all()[0].sid, {"voice_url": "http://product.test/other"})

    lines.clear()
    lines["front"] = LINE

    found = book.all()[0]
    assert (found.name, found.voice_url) == ("front", "http://product.test/other")
    assert found.fallback_url.partition("#")[0] == "http://static.test/main.xml"


# ---------------------------------------------------------------- connections


BODY = b"From=me"


class Server:
    """Answers over kept connections, or closes each after its answer; counts both."""

    def __init__(self, closes: bool = False) -> None:
        self.closes = closes
        self.asked = self.accepted = 0
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}/voice/next"
        self._serving: list[threading.Thread] = []
        self._accepting = threading.Thread(target=self._accept, daemon=True)
        self._accepting.start()

    def close(self) -> None:
        """Hang up on everybody, and wait until nobody is listened to any more."""
        # Closed under its thread's hands a connection is an error there, or somebody else's who gets its number.
        self._listening.shutdown(socket.SHUT_RDWR)
        self._accepting.join()
        self._listening.close()
        for connection in self._open:
            with contextlib.suppress(OSError):  # it has been closed already
                connection.shutdown(socket.SHUT_RDWR)
        for thread in self._serving:
            thread.join()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            self.accepted += 1
            self._open.append(connection)
            self._serving.append(threading.Thread(target=self._serve, args=(connection,), daemon=True))
            self._serving[-1].start()

    def _serve(self, connection: socket.socket) -> None:
        with connection:
            heard = b""
            while piece := connection.recv(65_536):
                heard += piece
                if heard.endswith(BODY):
                    heard = b""
                    self.asked += 1
                    connection.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")
                    if self.closes:
                        return


@pytest.mark.parametrize(
    ("closes", "idle_seconds", "connections"),
    [(False, 1.0, 1), (True, 1.0, 3), (False, 0.0, 3)],
    ids=["kept", "closed by the product", "idle for too long"],
)
def test_a_connection_is_kept_as_long_as_it_is_good(closes: bool, idle_seconds: float, connections: int) -> None:
    server, ours = Server(closes), Connections(idle_seconds)
    for _ in range(3):
        with ours.asking("POST", server.url, BODY, {}, 1.0, 1.0) as answer:
            assert (answer.status, list(answer.pieces)) == (204, [])
        time.sleep(0.05)
    ours.close()
    server.close()

    assert (server.asked, server.accepted) == (3, connections)


def test_a_connection_in_use_when_all_are_closed_is_closed_after_it() -> None:
    server, ours = Server(), Connections()

    with ours.asking("POST", server.url, BODY, {}, 1.0, 1.0) as answer:
        ours.close()
        assert list(answer.pieces) == []

    server.close()
    assert server.asked == 1


@pytest.mark.parametrize("url", ["/voice/next", "http:///next", "http://host.test:x/next", "http://[/next"])
def test_an_address_without_a_host_cannot_be_asked(url: str) -> None:
    with (
        pytest.raises(ValueError, match=r"web address|Invalid IPv6"),
        Connections().asking("POST", url, b"", {}, 1.0, 1.0),
    ):
        pass


@pytest.mark.parametrize("path", ["/né", "/a b", "/a\x01"])
def test_a_path_that_cannot_be_sent_is_not(path: str) -> None:
    server, ours = Server(), Connections()
    with pytest.raises(ValueError, match="not a web address"):  # noqa: SIM117
        with ours.asking("POST", server.url + path, b"", {}, 1.0, 1.0):
            pass
    ours.close()
    server.close()

    assert server.asked == 0
