"""How soon after an agent is ready their phone is rung, with a short line and with a long one.

    python -m bench.line                     10, 1,000 and 10,000 waiting, on SQLite and PostgreSQL
    python -m bench.line --trials 300        longer
    python -m bench.line --sizes 10,10000 --only SQLite

Each line is served by the worker's own `dispatch` child, a process of its own on a database of its own, woken through a
real Valkey. Timed is from the moment an agent's presence stands in the record, just before the doorbell rings, to the
moment the request that rings their phone arrives at a REST endpoint which answers at once. The lines take turns trial
by trial in one run, so what else this machine does is felt by all alike. Our own pace (`calls_per_second`, 1 as
shipped) is off: it would hold back every call but the first of a second, and be all there is to see.
`no core` is how long the child's threads were ready to run meanwhile and had no core: where it is much of p50, the
times tell of the machine's other work. Exits 1 when p99 of the longest line is over 50 ms.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import chain, count
from pathlib import Path
from queue import Empty, Queue
from statistics import median
from urllib.parse import parse_qs

from bench.turn import waited_seconds
from ivr.core.call import Call, Caller, Leg
from ivr.core.effects import SetTimer
from ivr.core.events import HungUp, Worked
from ivr.core.line import Ticket
from ivr.parts import connect
from ivr.settings import PRACTICE_ACCOUNT_SID, Settings
from ivr.store import Turn, migrate
from ivr.store.chain import Chain
from ivr.store.database import Database
from ivr.store.seal import Keys, Seal
from ivr.store.turn import turn_writes
from ivr.switchboard import Switchboard
from tests.servers import new_database, postgres, valkey

SIZES = (10, 1_000, 10_000)
DATABASES = ("SQLite", "PostgreSQL")
MOST_MS = 50.0
ROOT = Path(__file__).parent.parent
SECRET = "bench-secret-key-of-thirty-two-letters"
CHILD = """import ctypes, os, worker
from ivr import logs
from ivr.settings import Settings
settings = Settings.from_environment()
logs.configure(settings.log_level)
worker.be("dispatch", settings, os.getppid(), ctypes.c_double())"""
MOST_AT_ONCE = 200  # tickets put into a database in one transaction
LONGEST_SECONDS = 5.0
WARM_UP = 5  # trials that count for nothing: a child reads its content, and connects
QUEUES = ("pharmacist", "refills", "verification", "front_desk", "insurance", "billing")


@dataclass
class Served:
    """One line, its dispatch child, and how long each trial took."""

    database: str
    waiting: int
    board: Switchboard
    settings: Settings
    rung: Queue[tuple[float, str]]
    child: int = 0
    fresh: Iterator[int] = field(default_factory=lambda: count(1))
    times_ms: list[float] = field(default_factory=list)
    waited_ms: list[float] = field(default_factory=list)  # the child's threads, ready to run and without a core
    late: int = 0

    def quantile(self, share: float) -> float:
        ordered = sorted(self.times_ms)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def main(given: Sequence[str] | None = None) -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--trials", type=int, default=100, help="of each line (100)")
    options.add_argument("--sizes", type=lambda told: [int(size) for size in told.split(",")], default=SIZES)
    options.add_argument("--only", choices=DATABASES)
    asked = options.parse_args(given)
    databases = [name for name in DATABASES if asked.only in (None, name)]
    with ExitStack() as stack:
        lines = list(_lines(stack, databases, asked.sizes))
        for number in range(-WARM_UP, asked.trials):
            _say(f"trial {number + 1} of {asked.trials} …")
            for line in random.sample(lines, len(lines)):
                _trial(line, counts=number >= 0)
    _say("")
    return _report(lines, databases)


# ---------------------------------------------------------------- one trial


def _trial(line: Served, *, counts: bool) -> None:
    """An agent comes back from their break, is rung, misses it; whom they were rung for gives up, another arrives."""
    time.sleep(random.uniform(0.02, 0.06))  # out of step with whatever looks once a second
    agent = _whoever_is_on_break(line)
    while not line.rung.empty():
        line.rung.get()
    line.board.record.desk.move_agent(agent, "returned", "", line.board.clock.now())
    waited = waited_seconds(line.child)
    ready = time.perf_counter()
    line.board.live.ring("dispatch")
    try:
        at, leg = line.rung.get(timeout=LONGEST_SECONDS)
    except Empty:
        line.late += counts
        return
    if counts:
        line.times_ms.append(1000 * (at - ready))
        line.waited_ms.append(1000 * (waited_seconds(line.child) - waited))
    time.sleep(0.02)  # the child notes what it did
    _gives_up(line, leg)


def _whoever_is_on_break(line: Served) -> str:
    presences = line.board.record.desk.agents()
    staff = line.board.pharmacy().staff
    return random.choice([id_ for id_ in staff if presences[id_].presence == "on_break"])


def _gives_up(line: Served, leg: str) -> None:
    loaded = line.board.record.load(leg, 0, "status")
    assert loaded is not None
    line.board.tell(loaded.call.id, HungUp(leg, "no-answer"))
    ticket = loaded.call.ticket
    assert ticket is not None
    if ticket.kind == "hold":
        line.board.tell(loaded.call.id, HungUp(f"leg-{loaded.call.id}", "completed"))
    else:
        line.board.tell(loaded.call.id, Worked("bench", "resolved_agent"))
    _arrive(line, [ticket.queue])


# ---------------------------------------------------------------- the lines


def _lines(stack: ExitStack, databases: Sequence[str], sizes: Sequence[int]) -> Iterator[Served]:
    """Start everything: one database, one endpoint and one child for each line."""
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    content = _content(folder)
    bell = stack.enter_context(valkey()).url.rpartition("/")[0]
    server = stack.enter_context(postgres(durable=True)).url if "PostgreSQL" in databases else ""
    os.environ |= {"RXLINE_CLOCK": "2026-11-24T10:00-05:00", "RXLINE_CLOCK_FILE": str(folder / "clock.json")}
    for number, (name, size) in enumerate((name, size) for name in databases for size in sizes):
        _say(f"{name}: {size:,} come …")
        url = f"sqlite:///{folder}/{size}.db" if name == "SQLite" else stack.enter_context(new_database(server))
        migrate(url)
        rung: Queue[tuple[float, str]] = Queue()
        settings = Settings(
            database_url=url, redis_url=f"{bell}/{number}", twilio_account_sid=PRACTICE_ACCOUNT_SID,
            twilio_auth_token="bench-token", twilio_api_url=stack.enter_context(_endpoint(rung)),
            public_url="https://line.example.com", order_system_url="http://127.0.0.1:9", secret_key=SECRET,
            rxline_content=content, log_level="ERROR",
        )  # fmt: skip
        board = connect(settings)
        stack.callback(board.record.close)
        stack.callback(board.live.close)
        for agent in board.pharmacy().staff:
            board.record.desk.move_agent(agent, "took_break", "", board.clock.now())
        line = Served(name, size, board, settings, rung)
        _arrive(line, [QUEUES[place % len(QUEUES)] for place in range(size)])
        line.child = stack.enter_context(_child(settings))
        yield line


def _content(folder: Path) -> Path:
    """The shipped content, but for our own pace and for breaks that would end by themselves."""
    for part in ("routing_rules", "callflows", "config"):
        shutil.copytree(ROOT / part, folder / "content" / part)
    policies = folder / "content" / "config" / "policies.yaml"
    text = policies.read_text()
    for shipped, here in (
        ("calls_per_second: 1 ", "calls_per_second: 100 "),
        ("missed_return: 2m", "missed_return: 12h"),
    ):
        assert shipped in text
        text = text.replace(shipped, here)
    policies.write_text(text)
    return folder / "content"


def _arrive(line: Served, queues: Sequence[str]) -> None:
    database, seal = Database(line.settings.database_url, Keys(SECRET), Chain(SECRET)), Seal(SECRET)
    for first in range(0, len(queues), MOST_AT_ONCE):
        some = queues[first : first + MOST_AT_ONCE]
        database.write(chain.from_iterable(turn_writes(_waits(line, queue), seal) for queue in some))
    database.close()


def _waits(line: Served, queue: str) -> Turn:
    """Somebody in line, in either language; one in ten by their phone."""
    number, now = next(line.fresh), line.board.clock.now()
    name, kind = f"CA{number:032d}", random.choices(("hold", "callback"), (9, 1))[0]
    arrived = now - timedelta(seconds=random.uniform(0, 1800))
    ticket = Ticket(
        f"T{name}", name, "central", queue, kind, "waiting", arrived, arrived,
        random.choice((60, 120, 180, 240)), language=random.choice(("en", "en", "en", "es")), person=f"person {number}",
    )  # fmt: skip
    leg = Leg(f"leg-{name}", "caller", "live" if kind == "hold" else "over", 3)
    phase = "holding" if kind == "hold" else "promised"
    caller = Caller("number", f"+1614{number % 10_000_000:07d}")
    version = line.board.pharmacy().version
    call = Call(
        name, next(iter(line.board.pharmacy().lines)), "central", version, arrived, caller, phase,
        legs={leg.token: leg}, ticket=ticket, queued_at=arrived, reached="hold",
    )  # fmt: skip
    timer = SetTimer("plan:any:0", now + timedelta(hours=5))
    return Turn(None, 0, call, now, "{}", leg.token, does=(timer,), call_sid=name)


@contextmanager
def _child(settings: Settings) -> Iterator[int]:
    """The worker's dispatch child, by itself."""
    told = {name.upper(): str(value) for name, value in settings if value != ""}
    process = subprocess.Popen([sys.executable, "-c", CHILD], env=os.environ | told, cwd=ROOT)
    try:
        yield process.pid
    finally:
        process.terminate()
        process.wait(10)


@contextmanager
def _endpoint(rung: Queue[tuple[float, str]]) -> Iterator[str]:
    """A REST API on which every phone rings at once; it notes when it was asked, and for which leg."""
    sids = count(1)

    class Rings(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            at = time.perf_counter()
            form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
            said = json.dumps({"sid": f"CA{os.getpid():x}x{next(sids):028x}", "status": "queued"}).encode()
            head = f"HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nContent-Length: {len(said)}\r\n\r\n"
            self.wfile.write(head.encode() + said)
            rung.put((at, form["Url"][0].split("/voice/")[1].split("/")[0]))

        def log_message(self, *_: object) -> None:
            """Say nothing: it would be in the midst of the figures."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Rings)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.5}, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


# ---------------------------------------------------------------- what it came to


def _report(lines: Sequence[Served], databases: Sequence[str]) -> int:
    print("agent ready → the request that rings their phone; own pacing off")
    for line in lines:
        shortest = next(each for each in lines if each.database == line.database)
        half = median(line.times_ms)
        print(
            f"{line.database:10}  {line.waiting:6,} waiting  p50 {half:6.1f} ms  p99 {line.quantile(0.99):6.1f} ms  "
            f"{half / median(shortest.times_ms):5.2f} x the p50 of {shortest.waiting:,} waiting  "
            f"no core {median(line.waited_ms):5.1f} ms  {len(line.times_ms)} rung  {line.late} not rung"
        )
    longest = [
        max((each for each in lines if each.database == name), key=lambda each: each.waiting) for name in databases
    ]
    met = all(line.quantile(0.99) <= MOST_MS and not line.late for line in longest)
    print(f"p99 of the longest line at most {MOST_MS:.0f} ms: {'met' if met else 'MISSED'}")
    return 0 if met else 1


def _say(text: str) -> None:
    print(f"\r{text:60}", end="\n" if not text else "", file=sys.stderr, flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
