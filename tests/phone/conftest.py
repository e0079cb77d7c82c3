"""A small product that answers TwiML, and a practice exchange that calls it, both over real HTTP."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import pytest
from flask import Flask, Response, request
from flask.typing import ResponseReturnValue
from twilio.http.http_client import TwilioHttpClient
from twilio.rest import Client

from ivr.clock import Clock
from ivr.phone.client import Phones
from ivr.phone.exchange import Exchange
from ivr.phone.numbers import NumberBook
from ivr.phone.server import create_app, serving

ACCOUNT, TOKEN = "AC" + "1" * 32, "a-practice-token"
LINE, PATIENT, ANA, BEN = "+15550100000", "+15550100001", "+15550100002", "+15550100003"

Document = str | Response | tuple[str, int] | Callable[[Mapping[str, str]], "Document"]


@dataclass(frozen=True)
class Heard:
    """One webhook as the product received it."""

    path: str
    url: str
    params: dict[str, str]
    headers: dict[str, str]
    method: str


@dataclass
class Product:
    """Answers each path with the document given for it; unknown paths are 404."""

    url: str = ""
    documents: dict[str, Document] = field(default_factory=dict)
    heard: list[Heard] = field(default_factory=list)
    _changed: threading.Condition = field(default_factory=threading.Condition)

    def answers(self, path: str, document: Document) -> None:
        """Answer `path` with TwiML (what goes inside <Response>), a whole reply, or what a function returns."""
        self.documents[path] = document

    def requests(self, path: str) -> list[Heard]:
        """Return what was asked of a path so far."""
        return [one for one in self.heard if one.path == path]

    def wait_for(self, path: str, count: int = 1, seconds: float = 30.0) -> list[Heard]:
        """Return what was asked of a path, once it has been asked so often."""
        deadline = time.monotonic() + seconds
        with self._changed:
            while len(self.requests(path)) < count:
                left = deadline - time.monotonic()
                assert left > 0, f"{path} was asked {len(self.requests(path))} times, not {count}"
                self._changed.wait(left)
        return self.requests(path)

    def reply(self, path: str) -> ResponseReturnValue:
        """Answer one request."""
        params = {**request.args.to_dict(), **request.form.to_dict()}
        with self._changed:
            self.heard.append(Heard(path, request.url, params, dict(request.headers), request.method))
            self._changed.notify_all()
        document = self.documents.get(path, ("", 404))
        while callable(document) and not isinstance(document, Response):
            document = document(params)
        if isinstance(document, str):
            return Response(f"<Response>{document}</Response>", mimetype="text/xml")
        return document


@pytest.fixture
def product() -> Iterator[Product]:
    """The product under rehearsal; say what it answers with `answers`."""
    product = Product()
    app = Flask("product")
    app.add_url_rule("/<path:path>", view_func=lambda path: product.reply(f"/{path}"), methods=["GET", "POST"])
    product.answers("/voice/status", ("", 204))
    with serving(app) as url:
        product.url = url
        yield product


@pytest.fixture
def exchange(product: Product) -> Iterator[Exchange]:
    """An exchange whose line `main` calls the product, at a pace that takes no time."""
    numbers = NumberBook(lambda: {"main": LINE}, product.url)
    exchange = Exchange(ACCOUNT, TOKEN, numbers, Clock(), pace=0.0, shortest_loop_seconds=0.05)
    yield exchange
    exchange.close()


@pytest.fixture
def exchange_url(exchange: Exchange) -> Iterator[str]:
    """Where the exchange serves."""
    with serving(create_app(exchange)) as url:
        yield url


@pytest.fixture
def phones(exchange_url: str) -> Iterator[Phones]:
    """Phones to hold."""
    with Phones(exchange_url) as phones:
        yield phones


def kinds(lines: list[dict[str, Any]]) -> list[str]:
    """Return the kinds of some transcript lines, without the webhooks."""
    return [line["kind"] for line in lines if line["kind"] != "webhook"]


def said(lines: list[dict[str, Any]]) -> list[str]:
    """Return the words said in some transcript lines."""
    return [line["text"] for line in lines if line["kind"] == "said"]


def heard(*words: str) -> Callable[[list[dict[str, Any]]], bool]:
    """Return whether all these words have been said, as a condition for `Phone.wait_for`."""
    return lambda lines: all(any(word in text for text in said(lines)) for word in words)


def noted(kind: str) -> Callable[[list[dict[str, Any]]], bool]:
    """Return whether a line of this kind is there, as a condition for `Phone.wait_for`."""
    return lambda lines: kind in kinds(lines)


class RedirectedClient(TwilioHttpClient):  # type: ignore[misc]
    """The SDK's own HTTP client, sent to the exchange instead of twilio.com."""

    def __init__(self, exchange_url: str) -> None:
        super().__init__(timeout=5.0)
        self._exchange = urlsplit(exchange_url)

    def request(self, method: str, url: str, *args: Any, **more: Any) -> Any:
        """Send one request."""
        target = urlsplit(url)._replace(scheme=self._exchange.scheme, netloc=self._exchange.netloc)
        return super().request(method, urlunsplit(target), *args, **more)


@pytest.fixture
def twilio(exchange_url: str) -> Iterator[Client]:
    """The real Twilio SDK, speaking to the exchange."""
    http = RedirectedClient(exchange_url)
    yield Client(ACCOUNT, TOKEN, http_client=http)
    http.session.close()
