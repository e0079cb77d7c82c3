"""A sandbox order system behind real HTTP, as new for each test, and clients that speak to it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from werkzeug.serving import make_server

from ivr.orders.rest import RestOrderSystem
from ivr.orders.sandbox.server import create_app

TODAY = datetime(2026, 11, 24, 15, 0, tzinfo=UTC)


@dataclass
class RunningSandbox:
    """A sandbox that listens: where, what it was asked, and the clock it goes by."""

    url: str
    now: datetime = TODAY
    seen_urls: list[str] = field(default_factory=list)
    seen_headers: list[dict[str, str]] = field(default_factory=list)


@pytest.fixture(scope="session")
def running_sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSandbox]:
    running = RunningSandbox(url="")
    app = create_app(tmp_path_factory.mktemp("sandbox") / "sandbox.db", now=lambda: running.now)
    server = make_server("127.0.0.1", 0, watched(app, running), threaded=True)
    running.url = f"http://127.0.0.1:{server.server_port}"
    serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    serving.start()
    yield running
    server.shutdown()
    serving.join()
    server.server_close()
    app.extensions["ledger"].close()


@pytest.fixture
def sandbox(running_sandbox: RunningSandbox, plain_http: httpx.Client) -> RunningSandbox:
    """The sandbox with nothing written, nothing failing, nothing seen yet."""
    plain_http.post("/_sandbox/reset")
    running_sandbox.now = TODAY
    running_sandbox.seen_urls.clear()
    running_sandbox.seen_headers.clear()
    return running_sandbox


def watched(app: Callable[..., Iterable[bytes]], running: RunningSandbox) -> Callable[..., Iterable[bytes]]:
    def watching(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        running.seen_urls.append(environ["REQUEST_URI"])
        running.seen_headers.append({name: v for name, v in environ.items() if name.startswith("HTTP_")})
        return app(environ, start_response)

    return watching


@pytest.fixture(scope="session")
def plain_http(running_sandbox: RunningSandbox) -> Iterator[httpx.Client]:
    token = {"Authorization": "Bearer sandbox"}
    with httpx.Client(base_url=running_sandbox.url, headers=token) as client:
        yield client


@pytest.fixture(scope="session")
def rest_client(running_sandbox: RunningSandbox) -> Iterator[RestOrderSystem]:
    client = RestOrderSystem(running_sandbox.url, "sandbox")
    yield client
    client.close()


@pytest.fixture
def order_system(sandbox: RunningSandbox, rest_client: RestOrderSystem) -> RestOrderSystem:
    """The product's client of the sandbox."""
    return rest_client


@pytest.fixture
def http(sandbox: RunningSandbox, plain_http: httpx.Client) -> httpx.Client:
    """Plain HTTP with the right token."""
    return plain_http
