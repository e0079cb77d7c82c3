"""A bad day: many callers at once, and every few seconds a part of the line dies. In the evening the books balance."""

from __future__ import annotations

import contextlib
import random
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from pathlib import Path

import pytest

from ivr.phone.client import Refused
from tests.failures.rehearsed import Person, Rehearsed, rehearsing
from tests.whole_line import ROOT

SEED = 20261124
CALLS, AT_ONCE = 25, 4
CHILDREN = ("dispatch", "relay", "telephony", "orders", "sweep")
PATIENCE_SECONDS = 8.0
MOST_DEATHS = 4  # of one program: at the sixth in a minute whoever watches over it gives up
BETWEEN_DEATHS_SECONDS = (1.5, 3.0)
# Nobody waits through wrapping up, and phones may ring faster than Twilio lets us: the day is short.
QUICK = {"wrap_up: 30s": "wrap_up: 1s", "missed_return: 2m": "missed_return: 5s", "per_second: 1": "per_second: 5"}


@pytest.fixture
def quick_content(tmp_path: Path) -> Path:
    for part in ("routing_rules", "callflows", "config"):
        shutil.copytree(ROOT / part, tmp_path / "content" / part)
    policies = tmp_path / "content" / "config" / "policies.yaml"
    text = policies.read_text()
    for slow, quick in QUICK.items():
        assert slow in text
        text = text.replace(slow, quick)
    policies.write_text(text)
    return tmp_path / "content"


@pytest.fixture
def rehearsed(quick_content: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rehearsed]:
    with rehearsing(tmp_path_factory.mktemp("line"), RXLINE_CONTENT=str(quick_content)) as line:
        yield line
        line.tells()


class Books:
    """What is on record in the evening: at the exchange, in our record, and in the order system."""

    def __init__(self, rehearsed: Rehearsed) -> None:
        self.rehearsed = rehearsed
        self.dispositions = rehearsed.written("dispositions")
        self.outcomes = Counter(item["outcome"] for item in self.dispositions)
        self.lost = self._lost()
        self.doubled = self._doubled()
        self.stuck = self._stuck()

    def __str__(self) -> str:
        told = f"lost {len(self.lost)}, doubled {len(self.doubled)}, stuck {len(self.stuck)}"
        return f"{len(self.dispositions)} calls: {told}; {dict(self.outcomes)}"

    def _lost(self) -> list[str]:
        """Calls the exchange knows, and the order system was told nothing of."""
        told = {item["call_id"] for item in self.dispositions}
        return [sid for sid in self.rehearsed.legs("inbound") if sid not in told]

    def _doubled(self) -> list[str]:
        """Calls with two dispositions, and phones that rang for nothing."""
        told = Counter(item["call_id"] for item in self.dispositions)
        return [sid for sid, times in told.items() if times > 1] + self.rehearsed.strangers()

    def _stuck(self) -> list[str]:
        """Calls that should be final, agents nobody lets go, effects nobody does, tickets nobody serves."""
        record, kept = self.rehearsed.record, ("callback", "voicemail")
        calls = [item["call_id"] for item in self.dispositions if not item["final"] and item["outcome"] not in kept]
        agents = [id_ for id_, agent in record.desk.agents().items() if agent.presence in ("offered", "on_call")]
        tickets = [ticket.id for ticket in record.desk.waiting("central") if ticket.kind not in kept]
        return [*calls, *agents, *tickets, *record.outbox.pending()]


class Day:
    """What callers do, and what befalls the line meanwhile; the same every time, but for the clock on the wall."""

    def __init__(self, rehearsed: Rehearsed) -> None:
        self.rehearsed = rehearsed
        self.dice = random.Random(SEED)
        self.callers: list[Person] = []
        self.died: Counter[str] = Counter()

    def open(self) -> None:
        """Staff answer by themselves and say what came of the call, but one who is busy and one who never hears it."""
        for agent in ("ruth", "daniel", "lucia", "grace", "omar"):
            self.rehearsed.by_itself(agent, "answer", keys="11")
        self.rehearsed.by_itself("mateo", "busy")
        self.rehearsed.by_itself("priya", "ignore")

    def calls(self) -> list[Callable[[], None]]:
        """Everybody who will call today."""
        kinds = [self._talks, self._talks, self._gives_up, self._leaves_the_menu, self._refills, self._is_called_back]
        return [self._call(kinds[n % len(kinds)], self.dice.uniform(0.0, 1.0)) for n in range(CALLS)]

    def _call(self, kind: Callable[[float], None], chance: float) -> Callable[[], None]:
        def call() -> None:
            with contextlib.suppress(Refused):  # somebody hung up on them just now
                kind(chance)

        return call

    def breaks(self) -> None:
        """Something dies."""
        what = self.dice.choice(["web", "valkey", "what valkey knew", *CHILDREN])
        if what in ("web", "valkey") and self.died[what] == MOST_DEATHS:
            what = "what valkey knew"
        self.died[what] += 1
        ways = {
            "web": self.rehearsed.kills_web,
            "valkey": self.rehearsed.kills_valkey,
            "what valkey knew": self.rehearsed.flushes_valkey,
        }
        ways.get(what, lambda: self.rehearsed.kills_child(what))()

    # ------------------------------------------------------------ what callers do

    def _rings(self, keys: str, number: str = "") -> Person:
        caller = self.rehearsed.calls(keys, number)
        self.callers.append(caller)
        return caller

    def _talks(self, chance: float) -> None:
        caller = self._rings("10")
        caller.phone.wait_for(_talks, PATIENCE_SECONDS)
        time.sleep(chance)
        caller.hangs_up()

    def _gives_up(self, chance: float) -> None:
        caller = self._rings("10")
        caller.phone.wait_for(_is_queued, PATIENCE_SECONDS)
        time.sleep(chance)
        caller.hangs_up()

    def _leaves_the_menu(self, chance: float) -> None:
        caller = self._rings("1")
        time.sleep(chance)
        caller.hangs_up()

    def _refills(self, chance: float) -> None:
        caller = self._rings("12", self.rehearsed.number_of("patient-01"))
        caller.phone.press("7001001")
        caller.phone.press("1")
        caller.phone.wait_for(_is_over, PATIENCE_SECONDS)
        caller.hangs_up()

    def _is_called_back(self, chance: float) -> None:
        caller = self._rings("10")
        self.rehearsed.phones.post("/phones", number=caller.number, does="answer", keys="1")
        caller.phone.wait_for(_is_queued, PATIENCE_SECONDS)
        caller.phone.press("11")
        caller.phone.wait_for(_is_over, PATIENCE_SECONDS)
        caller.hangs_up()


def _talks(lines: list[dict[str, object]]) -> bool:
    return any(line["kind"] == "bridged" for line in lines)


def _is_queued(lines: list[dict[str, object]]) -> bool:
    return any(line["kind"] == "queued" for line in lines)


def _is_over(lines: list[dict[str, object]]) -> bool:
    return any(line["kind"] == "over" for line in lines)


def test_every_call_ends_up_in_the_books_once(rehearsed: Rehearsed, capsys: pytest.CaptureFixture[str]) -> None:
    day = Day(rehearsed)
    day.open()
    with ThreadPoolExecutor(AT_ONCE) as town:
        under_way: set[Future[None]] = {town.submit(call) for call in day.calls()}
        while under_way:
            done, under_way = wait(under_way, timeout=day.dice.uniform(*BETWEEN_DEATHS_SECONDS))
            for call in done:
                call.result()
            if under_way:
                day.breaks()

    rehearsed.hang_up_everywhere()
    rehearsed.later(minutes=3)
    rehearsed.sweeps()
    rehearsed.hang_up_everywhere()
    books = Books(rehearsed)
    with capsys.disabled():
        print(f"\n{books}; died: {dict(day.died)}")

    assert [caller.call_id for caller in day.callers if "failure" in caller.kinds] == [], "everybody heard our words"
    assert len(books.dispositions) == CALLS
    assert (books.lost, books.doubled, books.stuck) == ([], [], [])
    # Two of the staff take calls at this desk, and say what came of each.
    assert min(books.outcomes["answered"], books.outcomes["callback"]) > 0
    assert books.outcomes["answered"] + books.outcomes["callback"] > CALLS // 6
