"""What may befall a running line: a part of it is killed, stands still or is started again, and comes back or does not.

Whoever watches over the parts of `make run` starts them again; PostgreSQL, which is not among them, is started by us.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from random import Random

from ivr.store import Unreachable
from tests.failures.rehearsed import Rehearsed
from tests.servers import Server

CHILDREN = ("dispatch", "relay", "telephony", "orders", "sweep")
WEB = ("web", "a web process")
# How often something befalls each part, and how.
SHARES = {
    **{"web": 14, "a web process": 8, "worker": 12, "valkey": 14, "order system": 14, "postgres": 14},
    **dict.fromkeys(CHILDREN, 5),
}
WAYS = {"killed": 75, "paused": 15, "restarted": 10}
WATCHED = ("web", "worker", "valkey", "order system")
MOST_DEATHS, MINUTE_SECONDS = 4, 65.0  # of one of these: at the sixth in a minute whoever watches over it gives up
HEARD_AGAIN_SECONDS = 10.0  # for callers whom a dead web left in silence to be answered, before it dies again
PAUSE_SECONDS, LONG_PAUSE_SECONDS, LONG_SHARE = (0.3, 3.0), (6.0, 8.0), 0.15
AWAY_SECONDS = (0.0, 2.0)  # how long PostgreSQL is away
GREEN_SECONDS = 90.0
LOOK_SECONDS = 0.1
_STARTED = re.compile(r"child_started\W+(?:.*\W)?child=(\w+)\W+(?:.*\W)?child_pid=(\d+)")
_SAYS = {
    "web": "gunicorn --bind",
    "worker": "worker.py",
    "valkey": "valkey-server",
    "order system": "ivr.orders.sandbox",
}


class NotGreen(Exception):
    """The line did not come back; the text says after what."""


@dataclass(slots=True)
class Fault:
    """Something that befell a part: when it began, when the part was let go on, and when the line was green again."""

    part: str
    way: str
    began: float
    over: float = 0.0
    green: float = 0.0

    def __str__(self) -> str:
        return f"{self.part} {self.way}"

    @property
    def green_seconds(self) -> float:
        return self.green - (self.over if self.way == "paused" else self.began)

    def overlaps(self, begins: float, ends: float) -> bool:
        return self.began < ends and begins < (self.green or ends)


class Breaking:
    """One fault after another, each drawn from the same dice; the next once the line is green again."""

    def __init__(
        self, rehearsed: Rehearsed, dice: Random, postgres: Server | None, parts: Collection[str] = tuple(SHARES)
    ) -> None:
        self._rehearsed = rehearsed
        self._line = rehearsed.line
        self._dice = dice
        self._postgres = postgres
        self._parts = [part for part in SHARES if part in parts and (postgres or part != "postgres")]
        self._children = _Children(rehearsed)
        self._deaths: dict[str, list[float]] = defaultdict(list)
        self.faults: list[Fault] = []

    @property
    def deaths(self) -> int:
        return sum(fault.way != "paused" for fault in self.faults)

    def by_part(self) -> Counter[tuple[str, str]]:
        return Counter((fault.part, fault.way) for fault in self.faults)

    # ------------------------------------------------------------ one after another

    async def goes_on(self, faults: int, seconds: float) -> None:
        """Break so much, spread over so many seconds, or as much as can be: the line has to be green in between."""
        began = time.monotonic()
        for number in range(faults):
            await asyncio.sleep(max(LOOK_SECONDS, began + number * seconds / faults - time.monotonic()))
            if time.monotonic() - began > seconds:
                return
            await asyncio.to_thread(self.once)

    def once(self) -> None:
        """Let one thing befall one part, and wait until the line is green; raises NotGreen when it takes too long."""
        part, way = self._drawn()
        fault = Fault(part, way, time.monotonic())
        self.faults.append(fault)
        if way != "paused":
            self._deaths[part].append(fault.began)
        getattr(self, f"_{way}")(part)
        fault.over = time.monotonic()
        self._waits_until_green(fault)

    def _drawn(self) -> tuple[str, str]:
        [way] = self._dice.choices(list(WAYS), list(WAYS.values()))
        parts = [part for part in self._parts if self._may_befall(part, way)]
        [part] = self._dice.choices(parts, [SHARES[part] for part in parts])
        return part, way

    def _may_befall(self, part: str, way: str) -> bool:
        if part in WEB and any(fault.part in WEB and _is_recent(fault) for fault in self.faults[-10:]):
            return False
        return way == "paused" or not self._has_died_enough(part)

    def _has_died_enough(self, part: str) -> bool:
        since = time.monotonic() - MINUTE_SECONDS
        return part in WATCHED and sum(at > since for at in self._deaths[part]) >= MOST_DEATHS

    # ------------------------------------------------------------ how

    def _killed(self, part: str) -> None:
        if part == "postgres":
            self._server.kill()
            time.sleep(self._dice.uniform(*AWAY_SECONDS))
            self._server.start()
        for pid in reversed(self._pids(part)):
            _signal(pid, signal.SIGKILL)

    def _restarted(self, part: str) -> None:
        if part == "postgres":
            self._server.stop()
            self._server.start()
        for pid in self._pids(part)[:1]:
            _signal(pid, signal.SIGTERM)
            _waits_for_the_end_of(pid)

    def _paused(self, part: str) -> None:
        long = self._dice.random() < LONG_SHARE
        seconds = self._dice.uniform(*(LONG_PAUSE_SECONDS if long else PAUSE_SECONDS))
        with self._server.frozen() if part == "postgres" else _frozen(self._pids(part)):
            time.sleep(seconds)

    @property
    def _server(self) -> Server:
        assert self._postgres is not None
        return self._postgres

    def _pids(self, part: str) -> list[int]:
        """The processes of a part, the one over the others first; none of PostgreSQL's, which is not of the line."""
        if part == "postgres":
            return []
        if part in CHILDREN:
            return [self._children.pid(part)]
        if part == "a web process":
            return [self._dice.choice(self._line.pids(_SAYS["web"])[1:])]
        return self._line.pids(_SAYS[part])

    # ------------------------------------------------------------ green

    def _waits_until_green(self, fault: Fault) -> None:
        deadline = time.monotonic() + GREEN_SECONDS
        while not (self._line.ready() and self._is_heard_again(fault)):
            if self._line.process.poll() is not None:
                raise NotGreen(f"{fault}: the line ended\n{self._line.log[-2000:]}")
            if time.monotonic() > deadline:
                raise NotGreen(f"{fault}: not green after {GREEN_SECONDS:g} s\n{self._line.log[-2000:]}")
            time.sleep(LOOK_SECONDS)
        fault.green = time.monotonic()

    def _is_heard_again(self, fault: Fault) -> bool:
        """`/readyz` gives the worker a quarter of a minute; a child that died has to have said that it is back."""
        names = CHILDREN if fault.part == "worker" else (fault.part,) if fault.part in CHILDREN else ()
        if not names:
            return True
        try:
            beats = self._rehearsed.record.watch.beats()
        except Unreachable:
            return False
        return all(beats[name] < time.monotonic() - fault.over for name in names)


class _Children:
    """The worker's children by name, as its log tells of their starts."""

    def __init__(self, rehearsed: Rehearsed) -> None:
        self._line = rehearsed.line
        self._read = 0
        self._started: dict[str, int] = {}

    def pid(self, name: str) -> int:
        """The process of a child that lives: of those that were started, the last."""
        _until(lambda: self._last(name) in self._line.pids("worker.py"), GREEN_SECONDS)
        return self._last(name)

    def _last(self, name: str) -> int:
        with (self._line.folder / "log").open("rb") as log:
            log.seek(self._read)
            new = log.read()
        whole = new[: new.rfind(b"\n") + 1]
        self._read += len(whole)
        self._started |= {child: int(pid) for child, pid in _STARTED.findall(whole.decode(errors="replace"))}
        return self._started[name]


def _is_recent(fault: Fault) -> bool:
    return time.monotonic() - fault.green < HEARD_AGAIN_SECONDS


def _signal(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


@contextlib.contextmanager
def _frozen(pids: list[int]) -> Iterator[None]:
    for pid in pids:
        _signal(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            _signal(pid, signal.SIGCONT)


def _waits_for_the_end_of(pid: int, seconds: float = 15.0) -> None:
    _until(lambda: not _lives(pid), seconds)


def _lives(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as stat:
            return stat.read().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):  # it may end between the opening of the file and the reading
        return False


def _until(true: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not true() and time.monotonic() < deadline:
        time.sleep(LOOK_SECONDS)
