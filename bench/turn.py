"""What a full durable turn costs beside a bare Flask view, on the same gunicorn, in one interleaved run.

    python -m bench.turn                     SQLite, and PostgreSQL where its wheel is installed
    python -m bench.turn --rounds 3          shorter

A turn here is a key in a menu: signature, form, load, step, TwiML, one committed transaction. The ratio is the
figure to watch: requests a second of the turn over those of the view, measured in alternating stretches, because
this machine's speed drifts by half while both feel it alike. Exits 1 below the gate.

`no core` is how long a turn's threads were ready to run and had no core: where it is much of p50, the times tell of the
machine's other work.
"""

from __future__ import annotations

import argparse
import hashlib
import hmac
import os
import resource
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import deque
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from bench.load import Load, Measured
from bench.signed import PUBLIC_URL, TOKEN, signed
from bench.steps import split
from ivr.settings import PRACTICE_ACCOUNT_SID
from tests.servers import free_port, new_database, postgres

SECRET = "bench-secret-key-of-thirty-two-letters"
CONNECTIONS = 16
TURNS = 12  # a call
GATES = {"SQLite": 0.20, "PostgreSQL": 0.14}
WORST_MS = 60.0


@dataclass(frozen=True)
class Result:
    name: str
    ratio: float
    turn: list[Measured]
    bare: list[Measured]
    cpu_us: dict[str, float]
    core_wait_ms: float  # a turn's share of the time the web process stood in line for a core: how busy the machine was

    @property
    def passes(self) -> bool:
        return self.ratio >= GATES[self.name] and self.worst_ms < WORST_MS and not self.errors

    @property
    def errors(self) -> int:
        return sum(measured.errors for measured in self.turn)

    @property
    def worst_ms(self) -> float:
        return median(measured.quantile(0.99) for measured in self.turn)


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--rounds", type=int, default=6, help="pairs of stretches (6)")
    options.add_argument("--seconds", type=float, default=2.0, help="length of a stretch (2)")
    options.add_argument("--only", choices=["SQLite", "PostgreSQL"])
    asked = options.parse_args()
    results = [
        measured
        for name in GATES
        if asked.only in (None, name)
        for measured in [_measure(name, asked.rounds, asked.seconds)]
    ]
    for result in results:
        _print(result)
    print(split())
    return 0 if all(result.passes for result in results) else 1


# ---------------------------------------------------------------- one database


def _measure(name: str, rounds: int, seconds: float) -> Result:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        url = f"sqlite:///{folder}/bench.db"
        if name == "PostgreSQL":
            url = stack.enter_context(new_database(stack.enter_context(postgres(durable=True)).url))
        workers, threads = (1, 8) if name == "SQLite" else (2, 4)  # as gunicorn.conf.py has it
        port, pid = stack.enter_context(_web(url, folder, workers, threads))
        calls = _calls()
        load = Load("127.0.0.1", port, CONNECTIONS)
        stack.callback(load.close)
        _stretch(load, calls, seconds / 2)  # warm up
        _stretch(load, _bare(), seconds / 2)
        turn, bare, cpu, waited = [], [], {"turn": 0.0, "bare": 0.0}, 0.0
        for number in range(rounds):
            print(f"\r{name}: round {number + 1} of {rounds} …", end="", file=sys.stderr, flush=True)
            for kind in ("turn", "bare") if number % 2 else ("bare", "turn"):
                before, waited_before = _cpu_seconds(pid), waited_seconds(pid)
                measured = _stretch(load, calls if kind == "turn" else _bare(), seconds)
                cpu[kind] += _cpu_seconds(pid) - before
                waited += (waited_seconds(pid) - waited_before) * (kind == "turn")
                (turn if kind == "turn" else bare).append(measured)
        print(file=sys.stderr)
        ratio = median(t.per_second for t in turn) / median(b.per_second for b in bare)
        counts = {"turn": sum(len(t.times) for t in turn), "bare": sum(len(b.times) for b in bare)}
        costs = {kind: 1e6 * cpu[kind] / counts[kind] for kind in cpu}
        return Result(name, ratio, turn, bare, costs, 1000 * waited / counts["turn"])


def _stretch(load: Load, conversations: Iterator[deque[bytes]], seconds: float) -> Measured:
    return load.run(conversations, seconds)


@contextmanager
def _web(database_url: str, folder: Path, workers: int, threads: int) -> Iterator[tuple[int, int]]:
    """The real web process, with the bare view beside its doors."""
    port = free_port()
    env = os.environ | {
        "DATABASE_URL": database_url, "PUBLIC_URL": PUBLIC_URL, "TWILIO_AUTH_TOKEN": TOKEN, "SECRET_KEY": SECRET,
        "TWILIO_ACCOUNT_SID": PRACTICE_ACCOUNT_SID, "TWILIO_API_URL": "http://127.0.0.1:9", "LOG_LEVEL": "WARNING",
        "REDIS_URL": "redis://127.0.0.1:9/0", "ORDER_SYSTEM_URL": "http://127.0.0.1:9",
        "RXLINE_CLOCK": "2026-11-24T10:00-05:00", "RXLINE_CLOCK_FILE": str(folder / "clock.json"),
    }  # fmt: skip
    command = [
        sys.executable, "-m", "gunicorn", "bench.web:create_app()", "-b", f"127.0.0.1:{port}", "-k", "gthread",
        "-w", str(workers), "--threads", str(threads), "--keep-alive", "75", "--log-level", "error",
        "-c", "python:bench.gunicorn_settings",
    ]  # fmt: skip
    process = subprocess.Popen(command, env=env)
    try:
        _until_up(port)
        yield port, process.pid
    finally:
        process.terminate()
        process.wait(10)


def _until_up(port: int) -> None:
    for _ in range(150):
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=1).read()
            return
        except OSError:
            time.sleep(0.2)
    raise SystemExit("the web process did not come up")


def _cpu_seconds(pid: int) -> float:
    """CPU time of a process and its children so far."""
    seconds = 0.0
    for one in _tree(pid):
        fields = Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()
        seconds += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return seconds


def waited_seconds(pid: int) -> float:
    """How long the threads of a process and its children have been ready to run and had no core so far."""
    threads = (thread for one in _tree(pid) for thread in Path(f"/proc/{one}/task").iterdir())
    return sum(int((thread / "schedstat").read_text().split()[1]) for thread in threads) / 1e9


def _tree(pid: int) -> Iterator[int]:
    yield pid
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        yield from _tree(int(child))


# ---------------------------------------------------------------- the requests


def _calls() -> Iterator[deque[bytes]]:
    """Calls of a dozen turns each: the caller arrives, chooses English, and has the menu read again and again."""
    number = 0
    while True:
        number += 1
        sid = f"CA{os.getpid():016x}{number:016x}"
        token = hmac.new(SECRET.encode(), sid.encode(), hashlib.sha256).hexdigest()[:32]
        turns = deque([signed("/voice/incoming", sid, {"To": "+15550000000", "CallStatus": "ringing"})])
        turns.append(signed(f"/voice/{token}/1/next", sid, {"Digits": "1", "From": "anonymous"}))
        turns.extend(
            signed(f"/voice/{token}/{n}/next", sid, {"Digits": "*", "From": "anonymous"}) for n in range(2, TURNS)
        )
        yield turns


def _bare() -> Iterator[deque[bytes]]:
    request = b"GET /bare HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    while True:
        yield deque([request])


def _print(result: Result) -> None:
    verdict = "passes" if result.passes else "FAILS"
    turn, bare = median(t.per_second for t in result.turn), median(b.per_second for b in result.bare)
    half = median(t.quantile(0.5) for t in result.turn)
    print(
        f"{result.name:10}  turn {turn:6.0f}/s  bare {bare:6.0f}/s  ratio {result.ratio:.2f} "
        f"(gate {GATES[result.name]:.2f}: {verdict})  p50 {half:.1f} ms  p99 {result.worst_ms:.1f} ms  "
        f"CPU {result.cpu_us['turn']:.0f} µs a turn, {result.cpu_us['bare']:.0f} µs bare  "
        f"no core {result.core_wait_ms:.1f} ms a turn  errors {result.errors}"
    )


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_NOFILE, (4096, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    raise SystemExit(main())
