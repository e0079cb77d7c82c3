"""A pharmacy with one agent, ana, unless a test asks for others; its order system is the sandbox behind real HTTP."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from werkzeug.serving import make_server

from ivr.live import Live
from ivr.orders.rest import RestOrderSystem
from ivr.orders.sandbox.server import create_app
from ivr.store import migrate
from tests.core.rehearsal import OPEN
from tests.worker.shop import Shop, pharmacy_of

Opened = Callable[..., Shop]
NOBODY = "http://127.0.0.1:9"


@dataclass
class Sandbox:
    """A sandbox order system that listens, and what it was told."""

    url: str

    def told(self, path: str) -> list[dict[str, Any]]:
        answer = self.http("GET", f"/v1/{path}")
        items: list[dict[str, Any]] = answer.json()["items"]
        return items

    def fails(self, mode: str, seconds: float = 60.0) -> None:
        self.http("POST", "/_sandbox/fail", {"mode": mode, "seconds": seconds})

    def recovers(self) -> None:
        self.http("POST", "/_sandbox/fail", {"mode": "down", "seconds": 0})

    def http(self, method: str, path: str, body: object = None) -> httpx.Response:
        headers = {"Authorization": "Bearer sandbox"}
        return httpx.request(method, self.url + path, json=body, headers=headers, trust_env=False)


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Sandbox]:
    app = create_app(tmp_path / "sandbox.db", now=lambda: OPEN)
    server = make_server("127.0.0.1", 0, app, threaded=True)
    serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    serving.start()
    sandbox = Sandbox(f"http://127.0.0.1:{server.server_port}")
    yield sandbox
    httpx.post(f"{sandbox.url}/_sandbox/reset", trust_env=False)  # lets go of whoever is still kept waiting
    server.shutdown()
    serving.join()
    server.server_close()
    app.extensions["ledger"].close()


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("record") / "rxline.db"
    migrate(f"sqlite:///{file}")
    return file


@pytest.fixture
def record_url(migrated_file: Path, tmp_path: Path) -> str:
    """An empty record of this test alone."""
    return f"sqlite:///{shutil.copy(migrated_file, tmp_path / 'rxline.db')}"


@pytest.fixture
def opened(record_url: str, valkey_url: str, request: pytest.FixtureRequest) -> Iterator[Opened]:
    """Open the shop with these agents and policies, once."""
    shops: list[Shop] = []

    def open_shop(*names: str, **policies: Any) -> Shop:
        served = "sandbox" in request.fixturenames
        orders = RestOrderSystem(request.getfixturevalue("sandbox").url if served else NOBODY, "sandbox", 0.5)
        shops.append(Shop(record_url, pharmacy_of(*names, **policies), orders, Live(valkey_url)))
        return shops[-1]

    yield open_shop
    for shop in shops:
        shop.board.orders.close()  # type: ignore[attr-defined]
        shop.close()


@pytest.fixture
def shop(opened: Opened) -> Shop:
    return opened("ana")
