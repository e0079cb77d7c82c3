"""Where the microseconds of one turn go, measured in this process on SQLite, one thread, no server."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import urlencode

from bench.signed import FIELDS, PUBLIC_URL, TOKEN, signed

ROUNDS = 7
TIMES = 300


def split() -> str:
    """One line a step of a menu turn: median microseconds over several rounds."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ.update(_environment(Path(folder)))
        return "\n".join(f"  {name:28} {cost:6.0f} µs" for name, cost in _measure(Path(folder)).items())


def _environment(folder: Path) -> dict[str, str]:
    return {
        "DATABASE_URL": f"sqlite:///{folder}/steps.db", "PUBLIC_URL": PUBLIC_URL,
        "TWILIO_AUTH_TOKEN": TOKEN, "SECRET_KEY": "bench-secret-key-of-thirty-two-letters",
        "TWILIO_API_URL": "http://127.0.0.1:9", "REDIS_URL": "redis://127.0.0.1:9/0", "LOG_LEVEL": "ERROR",
        "ORDER_SYSTEM_URL": "http://127.0.0.1:9", "RXLINE_CLOCK": "2026-11-24T10:00-05:00",
        "RXLINE_CLOCK_FILE": str(folder / "clock.json"),
    }  # fmt: skip


def _measure(folder: Path) -> dict[str, float]:
    from bench.web import create_app
    from ivr.core.call import World
    from ivr.core.events import Keyed
    from ivr.core.step import step
    from ivr.store import Turn
    from ivr.telephony.forms import Form, event
    from ivr.telephony.signature import Verifier

    web = create_app()
    board = web.extensions["switchboard"]
    with closing(board.record):
        sid, token = "CAsteps", board.token_of("CAsteps")
        for path, extra in (("/voice/incoming", {"To": "+15550000000"}), (f"/voice/{token}/1/next", {"Digits": "1"})):
            _through(web, signed(path, sid, extra))
        loaded = board.record.load(token, 2, "next")
        form = FIELDS | {"CallSid": sid, "From": "anonymous", "Digits": "*"}
        body = urlencode(form).encode()
        verifier = Verifier(PUBLIC_URL, [TOKEN])
        whole = signed(f"/voice/{token}/2/next", sid, {"Digits": "*"})
        signature = whole.decode().split("X-Twilio-Signature: ")[1].split("\r\n")[0]
        parsed = Form.parse(body)
        keyed = Keyed(token, "*")
        world = World(board.clock.now(), board.pharmacy(), {}, ("a", "b"))
        taken = step(loaded.call, keyed, world)
        says = taken.says
        turn = Turn(loaded.call, loaded.rev, taken.call, world.now, '{"event":"Keyed"}', token, 2, "next", "x" * 1500)
        exit_ = _exit(token)
        told = {
            "signature and form": _cost(
                lambda: verifier.accepts(f"/voice/{token}/2/next", Form.parse(body), signature, None, None)
            ),
            "form to event": _cost(lambda: event("next", token, 2, parsed)),
            "load the call": _cost(lambda: board.record.load(token, 2, "next")),
            "step": _cost(lambda: step(loaded.call, keyed, world)),
            "TwiML": _cost(lambda: board._say(taken.call, exit_, says)),
            "commit": _commits(board.record, turn),
            "Flask, an empty view": _cost(lambda: _through(web, b"GET /bare HTTP/1.1\r\n\r\n")),
        }
        return {**told, "a whole turn, all of it": _whole(web, token, sid)}


def _exit(token: str) -> Any:
    from ivr.switchboard import Exit

    return Exit(token, 2, "next")


def _cost(work: Callable[[], object]) -> float:
    """Median microseconds of one call of `work`."""
    costs = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        for _ in range(TIMES):
            work()
        costs.append((time.perf_counter() - started) / TIMES)
    return 1e6 * median(costs)


def _commits(record: Any, turn: Any) -> float:
    """Commits move the call on, so each is of the next document."""
    costs, rev, n = [], turn.rev, turn.n
    before, after = turn.before, turn.after
    for _ in range(ROUNDS):
        started = time.perf_counter()
        for _ in range(TIMES):
            leg = replace(after.legs[turn.leg], documents=n + 1)
            after = after.changed(legs={turn.leg: leg})
            record.commit(replace(turn, rev=rev, n=n, before=before, after=after))
            before, rev, n = after, rev + 1, n + 1
        costs.append((time.perf_counter() - started) / TIMES)
    return 1e6 * median(costs)


def _whole(web: Any, token: str, sid: str) -> float:

    record = web.extensions["switchboard"].record
    n = record.load(token, 0, "status").documents
    requests = [signed(f"/voice/{token}/{n + i}/next", sid, {"Digits": "*"}) for i in range(ROUNDS * TIMES)]
    costs = []
    for start in range(0, len(requests), TIMES):
        started = time.perf_counter()
        for request in requests[start : start + TIMES]:
            _through(web, request)
        costs.append((time.perf_counter() - started) / TIMES)
    return 1e6 * median(costs)


def _through(web: Any, request: bytes) -> None:
    """One request through the WSGI app, without a server."""
    head, _, body = request.partition(b"\r\n\r\n")
    method, path, _ = head.decode().split("\r\n")[0].split(" ")
    headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n")[1:] if ": " in line)
    environ = {
        "REQUEST_METHOD": method, "PATH_INFO": path, "RAW_URI": path, "QUERY_STRING": "", "SERVER_NAME": "x",
        "SERVER_PORT": "80", "wsgi.url_scheme": "http", "wsgi.input": BytesIO(body), "CONTENT_LENGTH": str(len(body)),
        "CONTENT_TYPE": headers.get("Content-Type", ""), "SERVER_PROTOCOL": "HTTP/1.1",
        "HTTP_X_TWILIO_SIGNATURE": headers.get("X-Twilio-Signature", ""),
    }  # fmt: skip
    statuses: list[str] = []
    chunks = web.wsgi_app(environ, lambda status, headers, exc=None: statuses.append(status))
    b"".join(chunks)
    assert statuses[0].startswith("200"), statuses
