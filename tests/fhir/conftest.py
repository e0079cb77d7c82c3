"""FHIR servers behind real HTTP: a strict one of ours, and one that nobody here wrote where it is installed."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest
from werkzeug.serving import make_server

from ivr.orders.fhir.client import FhirOrderSystem
from ivr.processes import ending_with_us, free_port
from tests.fhir.cast import PEOPLE
from tests.fhir.fake import FakeServer

ROOT = Path(__file__).parent.parent.parent
INSTALLED = ROOT / ".venv" / "fhir"  # where `make fhir` puts it
START_SECONDS = 30.0
NOW = datetime(2026, 11, 24, 10, 0, tzinfo=ZoneInfo("America/New_York"))


@dataclass
class Shelf:
    """A FHIR server's base, and its resources read and written as anybody could."""

    url: str
    http: httpx.Client = field(default_factory=lambda: httpx.Client(trust_env=False))

    def clear(self) -> None:
        self.http.post(f"{self.url.removesuffix('/fhir')}/_clear").raise_for_status()

    def put(self, *resources: dict[str, Any]) -> None:
        for one in resources:
            answer = self.http.put(f"{self.url}/{one['resourceType']}/{one['id']}", json=one)
            assert answer.status_code == 200, answer.text

    def all(self, kind: str) -> list[dict[str, Any]]:
        bundle = self.http.post(f"{self.url}/{kind}/_search", data={"_count": "200"}).json()
        return [entry["resource"] for entry in bundle.get("entry", [])]

    def one(self, kind: str) -> dict[str, Any]:
        (found,) = self.all(kind)
        return found


@pytest.fixture(scope="session")
def fake_server() -> Iterator[tuple[FakeServer, str]]:
    fake = FakeServer()
    server = make_server("127.0.0.1", 0, fake, threaded=True)
    serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    serving.start()
    yield fake, f"http://127.0.0.1:{server.server_port}/fhir"
    server.shutdown()
    serving.join()
    server.server_close()


@pytest.fixture
def fake(fake_server: tuple[FakeServer, str]) -> Iterator[FakeServer]:
    """The strict server with the cast on file; at the end nothing was sent that is no FHIR."""
    server, _ = fake_server
    server.clear()
    for resource in PEOPLE:
        server.keep(resource)
    yield server
    assert server.invalid == []


@pytest.fixture(scope="session")
def foreign_url() -> Iterator[str]:
    node = shutil.which("node")
    if node is None or not (INSTALLED / "installed").exists():
        pytest.skip("the FHIR server that is not ours is not installed: `make fhir` installs it where Node and npm are")
    shutil.copy(Path(__file__).parent / "server" / "server.mjs", INSTALLED)
    port = free_port()
    command = [node, "--experimental-websocket", str(INSTALLED / "server.mjs"), str(port)]
    process = subprocess.Popen(ending_with_us(command), stdout=subprocess.DEVNULL, start_new_session=True)
    try:
        yield _answering(f"http://127.0.0.1:{port}", process)
    finally:
        process.terminate()
        process.wait()


def _answering(url: str, process: subprocess.Popen[bytes]) -> str:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(httpx.TransportError):
            httpx.get(f"{url}/metadata", trust_env=False)
            return url
        time.sleep(0.05)
    raise RuntimeError("the FHIR server that is not ours did not start")


@pytest.fixture(scope="session")
def clients() -> Iterator[Callable[[str], tuple[Shelf, FhirOrderSystem]]]:
    """One client of each kind for a server and a run: a new one reads all the certificates there are."""
    made: dict[str, tuple[Shelf, FhirOrderSystem]] = {}

    def of(url: str) -> tuple[Shelf, FhirOrderSystem]:
        if url not in made:
            made[url] = Shelf(url), FhirOrderSystem(url, "token", lambda: NOW, timeout_seconds=10)
        return made[url]

    yield of
    for shelf, orders in made.values():
        shelf.http.close()
        orders.close()


@pytest.fixture(params=["ours", "foreign"])
def shelf(request: pytest.FixtureRequest, clients: Callable[[str], tuple[Shelf, FhirOrderSystem]]) -> Shelf:
    """Each server in turn, with the cast on file."""
    if request.param == "ours":
        request.getfixturevalue("fake")
        return clients(request.getfixturevalue("fake_server")[1])[0]
    shelf = clients(request.getfixturevalue("foreign_url"))[0]
    shelf.clear()
    shelf.put(*PEOPLE)
    return shelf


@pytest.fixture
def orders(shelf: Shelf, clients: Callable[[str], tuple[Shelf, FhirOrderSystem]]) -> FhirOrderSystem:
    return clients(shelf.url)[1]


@pytest.fixture
def ours(
    fake_server: tuple[FakeServer, str], fake: FakeServer, clients: Callable[[str], tuple[Shelf, FhirOrderSystem]]
) -> FhirOrderSystem:
    """The order system on our own server, whose answers a test may choose."""
    return clients(fake_server[1])[1]


@pytest.fixture
def unasked(fake_server: tuple[FakeServer, str], fake: FakeServer) -> Iterator[FhirOrderSystem]:
    """A client that knows nothing of our server yet."""
    with contextlib.closing(FhirOrderSystem(fake_server[1], "token", lambda: NOW)) as orders:
        yield orders
