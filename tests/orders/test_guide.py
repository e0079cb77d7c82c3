"""`docs/order-system.md` is what integrators read: what it shows is what happens, and it leaves nothing out."""

from __future__ import annotations

import contextlib
import json
import re
import shlex
import threading
from collections.abc import Iterator, Mapping
from typing import Any

import httpx
import pytest
from werkzeug.serving import make_server

from ivr.orders import port
from ivr.orders.port import NOT_SERVED, Refused
from ivr.orders.rest import RestOrderSystem
from ivr.orders.sandbox.sender import signed
from tests.orders.conftest import RunningSandbox
from tests.orders.contract import CONTRACT, ROOT

GUIDE = (ROOT / "docs/order-system.md").read_text(encoding="utf-8")
PYTHON = re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL)
CONSOLES = re.findall(r"```console\n(.*?)```", GUIDE, re.DOTALL)


def asked(command: str, url: str) -> httpx.Response:
    """The answer to a curl of the guide, from the sandbox at `url`."""
    words = iter(shlex.split(command)[1:])
    method, headers, body, target = "GET", {}, None, ""
    for word in words:
        if word == "-X":
            method = next(words)
        elif word == "-H":
            name, _, value = next(words).partition(": ")
            headers[name] = value
        elif word == "-d":
            body = next(words)
        elif word != "-s":
            target = word
    return httpx.request(method, target.replace("http://127.0.0.1:8100", url), headers=headers, content=body)


def shows(shown: Any, told: Any) -> bool:
    """Whether an answer has all that the guide shows of it."""
    if isinstance(shown, Mapping):
        return isinstance(told, Mapping) and all(name in told and shows(shown[name], told[name]) for name in shown)
    if isinstance(shown, list):
        return len(shown) == len(told) and all(map(shows, shown, told))
    return bool(shown == told)


@pytest.mark.parametrize("console", CONSOLES, ids=range(len(CONSOLES)))
def test_every_request_it_shows_is_answered_as_it_shows(console: str, sandbox: RunningSandbox) -> None:
    lines = console.strip().splitlines()
    for command, shown in zip(lines[::2], lines[1::2], strict=True):
        told = asked(command.removeprefix("$ "), sandbox.url).json()
        assert shows(json.loads(shown), told), told


def test_an_answer_that_shows_something_else_is_noticed() -> None:
    """The witness of the test above."""
    assert not shows({"items": [{"id": "p1"}]}, {"items": [{"id": "p2"}]})
    assert not shows({"items": []}, {"items": [{"id": "p2"}]})
    assert not shows({"code": "x"}, {})


@pytest.fixture
def thin() -> Iterator[RestOrderSystem]:
    """The product's client of the thin system in the guide."""
    made: dict[str, Any] = {"__name__": "thin"}
    exec(compile(PYTHON[0], "docs/order-system.md", "exec"), made)
    server = make_server("127.0.0.1", 0, made["app"], threaded=True)
    serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    serving.start()
    with contextlib.closing(RestOrderSystem(f"http://127.0.0.1:{server.server_port}", "sandbox")) as client:
        yield client
    server.shutdown()
    serving.join()
    server.server_close()


def test_the_thin_system_takes_calls(thin: RestOrderSystem) -> None:
    assert thin.ready()
    assert [(person.id, person.language) for person in thin.identify("+16145550101")] == [("p-1", "en")]
    assert thin.identify("+16145550102") == ()
    for revision in (2, 1, 2):
        thin.write_disposition("CA1", {"revision": revision, "final": True, "outcome": "answered"}, f"CA1:{revision}")
    with pytest.raises(Refused, match=f"^{port.KEY_REUSED}$"):
        thin.write_disposition("CA1", {"revision": 2, "final": True, "outcome": "failed"}, "CA1:2")
    with pytest.raises(Refused, match=f"^{NOT_SERVED}$"):
        thin.request_refill("rx_1", "CA1", "key-1")


def test_the_signature_it_shows_is_the_one_the_sandbox_makes() -> None:
    made: dict[str, Any] = {}
    exec(compile(PYTHON[1], "docs/order-system.md", "exec"), made)
    headers = signed("evt_1", 1_764_000_000, b'{"id": "evt_1"}', ("letters",))
    assert headers["webhook-signature"] == made["signature"](b"letters", "evt_1", 1_764_000_000, b'{"id": "evt_1"}')


def test_it_names_every_capability_and_every_type_of_event() -> None:
    named = set(re.findall(r"`([a-z_.]+)`", GUIDE))
    assert port.CAPABILITIES | CONTRACT["webhooks"].keys() <= named


def test_it_says_of_every_refusal_in_the_contract_what_the_line_does() -> None:
    statuses = {int(status) for status in CONTRACT["components"]["responses"]}
    row = next(line for line in GUIDE.splitlines() if line.startswith("| 400 "))
    again = next(line for line in GUIDE.splitlines() if line.startswith("| 401 "))
    told = {int(each) for line in (row, again) for each in re.findall(r"\d{3}", line.split("|")[1])}
    assert {status for status in statuses if status < 500} <= told
