"""A line under rehearsal: people with phones, processes to kill, and what must hold however badly the day went."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

from ivr.core.line import Offer
from ivr.phone.client import ExchangeAway, Phone, Phones, Refused
from ivr.phone.files import staff
from ivr.store import Conflict, EffectRow, Record
from tests.servers import standing_still, valkey_says
from tests.whole_line import _HTTP, ROOT, WholeLine, whole_line

PATIENCE_SECONDS = 20.0  # the machine may be busy; whatever must be quick says so itself
TWILIO_WAITS_SECONDS = 5.0  # for each reply: what we say later is said to nobody
_NUMBERS = itertools.count(6000)
_STARTED = re.compile(r"child_started\W+(?:.*\W)?child=(\w+)\W+(?:.*\W)?child_pid=(\d+)")


def eventually(true: Callable[[], Any], what: str, seconds: float = PATIENCE_SECONDS) -> Any:
    """Wait until something is true, and return it."""
    deadline = time.monotonic() + seconds
    while not (found := true()):
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {what}"
        time.sleep(0.05)
    return found


class Person:
    """Somebody with a phone at their ear."""

    def __init__(self, phone: Phone, number: str, name: str) -> None:
        self.phone = phone
        self.number = number
        self.name = name
        self._since = 0

    @property
    def call_id(self) -> str:
        return self.phone.leg

    def keys(self, digits: str) -> None:
        """Press keys as questions are asked; what is heard next counts from here."""
        self.phone.read()
        self._since = len(self.phone.lines)
        self.phone.press(digits)

    def hears(self, words: str, seconds: float = PATIENCE_SECONDS) -> None:
        """Hear these words, after the last key."""
        heard = self.phone.wait_for(lambda lines: words in spoken(lines), seconds, after=self._since)
        assert heard, f"{self.name} did not hear `{words}`"

    def talks(self, seconds: float = PATIENCE_SECONDS) -> None:
        """Be in conversation with somebody."""
        assert self.phone.wait_for(talking, seconds), f"{self.name} talks with nobody"

    def hangs_up(self) -> None:
        self.phone.hang_up()

    def is_rid_of(self, seconds: float = PATIENCE_SECONDS) -> None:
        """Have a call that has ended."""
        over = self.phone.wait_for(lambda lines: any(line["kind"] == "over" for line in lines), seconds)
        assert over, f"the call of {self.name} has not ended"

    @property
    def kinds(self) -> set[str]:
        """What kinds of thing have happened on this phone."""
        self.phone.read()
        return {line["kind"] for line in self.phone.lines}

    @property
    def story(self) -> str:
        self.phone.read()
        return "\n".join(f"  {_told(line)}" for line in self.phone.lines[-40:] if line["kind"] != "gathering")


def spoken(lines: Sequence[dict[str, Any]]) -> str:
    return " ".join(line["text"] for line in lines if line["kind"] in ("said", "heard"))


def talking(lines: Sequence[dict[str, Any]]) -> bool:
    changes = [line["kind"] for line in lines if line["kind"] in ("bridged", "alone", "left", "moved", "over")]
    return changes[-1:] == ["bridged"]


def _told(line: dict[str, Any]) -> str:
    facts = {name: value for name, value in line.items() if name not in ("n", "at", "kind", "twiml", "voice")}
    return f"{line['at'][11:23]} {line['kind']} {facts}"


class Rehearsed:
    """A whole line and everybody around it."""

    def __init__(self, line: WholeLine, phones: Phones) -> None:
        self.line = line
        self.phones = phones
        self._staff = staff(ROOT)
        self._rung_before: set[str] = set()
        self._people: list[Person] = []
        self._worker_killed_at = 0.0

    def close(self) -> None:
        self.record.close()

    # ------------------------------------------------------------ people

    def _cast(self, person: Person) -> Person:
        self._people.append(person)
        return person

    def tells(self) -> None:
        """Print what everybody heard and what the line said: of use to whoever reads of a failure."""
        print(self.line.log[-6000:])
        with contextlib.suppress(ExchangeAway):
            for person in self._people:
                print(f"{person.name} {person.phone.leg}\n{person.story}")

    def calls(self, keys: str = "", number: str = "", pace: float = 0.0, to: str = "main") -> Person:
        """Somebody rings us, from a number of their own, and presses these keys as they are asked."""
        number = number or f"+1303555{next(_NUMBERS)}"
        person = self._cast(Person(self.phones.call(to, number, pace=pace), number, "the caller"))
        if keys:
            person.phone.press(keys)
        return person

    def number_of(self, person: str) -> str:
        """The number of somebody the order system knows."""
        with _HTTP.open(f"{self.line.sandbox}/_sandbox/people", timeout=5) as answer:
            people = {one["id"]: one for one in json.load(answer)["people"]}
        number: str = people[person]["phone"]
        return number

    def holds(self, pace: float = 0.0) -> Person:
        """Somebody is in line for the front desk."""
        person = self.calls("10", pace=pace)
        person.hears("in line")
        return person

    def rings(self, agent: str, seconds: float = PATIENCE_SECONDS) -> Person:
        """An agent's phone rings; it is not answered yet."""
        return self.rings_at(self._staff[agent].address, seconds)

    def rings_at(self, number: str, seconds: float = PATIENCE_SECONDS) -> Person:
        """The phone of a number rings."""
        ringing = self.phones.ringing(number, wait_seconds=seconds)
        assert ringing, f"{number} did not ring within {seconds:g} s"
        return self._cast(Person(ringing[-1], number, f"whoever has {number}"))

    def answers(self, agent: str, seconds: float = PATIENCE_SECONDS) -> Person:
        """An agent picks up, hears who calls, and takes the call."""
        person = self.rings(agent, seconds)
        person.phone.answer(pace=0.0)
        person.keys("1")
        return person

    def by_itself(self, agent: str, does: str, keys: str = "") -> None:
        """What an agent's phone does from now on whenever it rings."""
        self.phones.post("/phones", number=self._staff[agent].address, does=does, keys=keys)

    def only(self, *working: str) -> None:
        """These agents are free, idle in this order, and nobody else is signed in."""
        for agent in self.record.desk.agents():
            self._moved(agent, "released", "withdrawn", "wrapped_up", "returned", "signed_out")
        for agent in working:
            self._moved(agent, "signed_in")

    def rests(self, agent: str) -> None:
        self._moved(agent, "took_break")

    def returns(self, agent: str) -> None:
        self._moved(agent, "returned")

    def is_free(self, agent: str) -> None:
        """An agent is done with the call they were on, and with wrapping it up."""
        eventually(lambda: self._presence(agent) in ("wrap_up", "available"), f"{agent} has left the call")
        self._moved(agent, "wrapped_up")

    def _presence(self, agent: str) -> str:
        return self.record.desk.agents()[agent].presence

    def _moved(self, agent: str, *events: str) -> None:
        for event in events:
            with contextlib.suppress(Conflict):
                self.record.desk.move_agent(agent, event, "", self.line.now())

    # ------------------------------------------------------------ what the record and the exchange say

    @cached_property
    def settings(self) -> dict[str, str]:
        """The names the line's own processes go by."""
        names: dict[str, str] = json.loads((self.line.folder / "var" / "practice.json").read_text())
        return names

    @property
    def record_file(self) -> Path:
        """The record of a line on SQLite."""
        return self.line.folder / self.settings["DATABASE_URL"].removeprefix("sqlite:///")

    @cached_property
    def record(self) -> Record:
        url = self.settings["DATABASE_URL"]
        key = self.settings.get("SECRET_KEY") or (self.line.folder / "var" / "secret_key").read_text()
        return Record(f"sqlite:///{self.record_file}" if url.startswith("sqlite") else url, key)

    def standing_offer(self, agent: str) -> Offer:
        """The ticket offered to an agent, once there is one."""

        def open_offer() -> Offer | None:
            return next((offer for _, offer in self.record.desk.open_offers() if offer.agent == agent), None)

        offer: Offer = eventually(open_offer, f"{agent} is offered a ticket")
        return offer

    def placing(self, leg: str) -> EffectRow | None:
        """The effect that rings a leg."""
        return self.record.outbox.effect_of_leg(leg)

    def placing_is(self, leg: str, *states: str) -> bool:
        row = self.placing(leg)
        return row is not None and row.state in states

    def telling(self) -> bool:
        """Is the order system being told of something at this moment?"""
        return self.record.outbox.pending().get("orders", 0) > 0 and not self.record.outbox.due("orders")

    def rung(self, agent: str) -> int:
        """How often an agent's phone has rung in this test."""
        number = self._staff[agent].address
        return len([sid for sid, leg in self._outbound().items() if leg["number"] == number])

    def strangers(self) -> list[str]:
        """The calls the exchange placed and no leg of ours is known by: phones that rang for nothing."""
        return [sid for sid in self._outbound() if self.record.leg_of_sid(sid) is None]

    def _outbound(self) -> dict[str, dict[str, Any]]:
        return {sid: leg for sid, leg in self.legs("outbound-api").items() if sid not in self._rung_before}

    def legs(self, direction: str) -> dict[str, dict[str, Any]]:
        """Every leg the exchange has had: `inbound`, or `outbound-api` that we placed."""
        found = self.phones.get("/calls", all=1)["calls"]
        return {leg["leg"]: leg for leg in found if leg["direction"] == direction}

    def ends(self, person: Person, seconds: float = PATIENCE_SECONDS) -> dict[str, Any]:
        """The one, final disposition of a call, as the order system has it."""
        items = self.line.dispositions(
            person.call_id, until=lambda found: any(item["final"] for item in found), seconds=seconds
        )
        assert [item["final"] for item in items] == [True], f"dispositions: {items}"
        [item] = items
        return item

    def ends_with(self, person: Person, outcome: str, seconds: float = PATIENCE_SECONDS) -> dict[str, Any]:
        """The disposition of a call, final or not, once it has this outcome."""
        items = self.line.dispositions(
            person.call_id, until=lambda found: any(item["outcome"] == outcome for item in found), seconds=seconds
        )
        assert [item["outcome"] for item in items] == [outcome], f"dispositions: {items}"
        [item] = items
        return item

    # ------------------------------------------------------------ breaking

    def kills_child(self, name: str) -> None:
        """A child of the worker dies; one that has just died is waited for."""
        kill(eventually(lambda: self._child(name), f"the worker has a child {name}"))

    def _child(self, name: str) -> int | None:
        started = [int(pid) for child, pid in _STARTED.findall(self.line.log) if child == name]
        alive = set(self.line.pids("worker.py"))
        return next((pid for pid in reversed(started) if pid in alive), None)

    def kills_worker(self) -> None:
        """The worker's parent dies; what becomes of its children is the line's business."""
        kill(self.line.pids("worker.py")[0])
        self._worker_killed_at = time.time()

    def worker_is_back(self) -> None:
        """Every child of the next worker has said that it is alive."""

        def back() -> bool:
            since = time.time() - self._worker_killed_at
            return max(self.record.watch.beats().values()) < since

        eventually(back, "the worker is back")

    @contextlib.contextmanager
    def without_worker(self) -> Iterator[None]:
        """Every child of the worker is dead, and nobody starts them again, for as long as the block lasts."""
        parent, *children = self.line.pids("worker.py")
        with standing_still([parent]):
            for child in children:
                kill(child)
            self._nobody_was_heard_of_lately()
            yield

    def _nobody_was_heard_of_lately(self) -> None:
        """The last heartbeats were long ago: it saves every test of a silent worker a quarter of a minute."""
        with contextlib.closing(sqlite3.connect(self.record_file, timeout=5.0)) as record, record:
            record.execute("UPDATE heartbeats SET at_real = 0")

    def kills_web(self) -> None:
        """Every process of the web server dies at once."""
        for pid in reversed(self.line.pids("gunicorn --bind")):
            kill(pid)

    def kills_order_system(self) -> None:
        for pid in reversed(self.line.pids("ivr.orders.sandbox")):
            kill(pid)

    def kills_valkey(self) -> None:
        kill(self.line.pids("valkey-server")[0])

    def flushes_valkey(self) -> None:
        port = int(self.settings["REDIS_URL"].rpartition(":")[2].partition("/")[0])
        assert valkey_says(port, b"FLUSHALL").startswith(b"+OK")

    @contextlib.contextmanager
    def frozen(self, what: str) -> Iterator[None]:
        """A process that hears everything and answers nothing for as long as the block lasts."""
        with standing_still(self.line.pids(what)):
            yield

    @contextlib.contextmanager
    def without_record(self) -> Iterator[None]:
        """The file of the record is nowhere to be found for as long as the block lasts."""
        away = self.record_file.with_suffix(".away")
        self.record_file.rename(away)
        try:
            yield
        finally:
            away.rename(self.record_file)

    def order_system(self, mode: str, seconds: float = 60.0) -> None:
        """The order system is `down`, `slow` or in `error` for so long; `recovers` ends it."""
        body = json.dumps({"mode": mode, "seconds": seconds}).encode()
        request = urllib.request.Request(f"{self.line.sandbox}/_sandbox/fail", body, method="POST")
        _HTTP.open(request, timeout=5).close()

    def recovers(self) -> None:
        self.order_system("down", 0)

    def written(self, path: str) -> list[dict[str, Any]]:
        """What the order system has been given at a path under /v1/."""
        request = urllib.request.Request(f"{self.line.sandbox}/v1/{path}", headers={"Authorization": "Bearer sandbox"})
        with _HTTP.open(request, timeout=5) as answer:
            items: list[dict[str, Any]] = json.load(answer)["items"]
        return items

    # ------------------------------------------------------------ the day

    def later(self, **more: float) -> None:
        """So much time passes, for every part of the line."""
        self.line.set_clock((self.line.now() + timedelta(**more)).isoformat())

    def sweeps(self) -> str:
        """Somebody types `ivr sweep`; returns what it says."""
        command = [sys.executable, "-m", "ivr.cli", "sweep"]
        done = subprocess.run(
            command, cwd=self.line.folder, env=self.line.env, capture_output=True, text=True, check=False, timeout=60
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def begins(self) -> None:
        """A quiet moment: no faults, no calls, everybody's phone as it should be."""
        self.phones.faults()
        self.recovers()
        self.hang_up_everywhere()
        self._people.clear()
        self._rung_before = set(self.legs("outbound-api"))
        for agent in self.record.desk.agents():
            if agent in self._staff:
                self.by_itself(agent, "ring")
        self.only("grace")

    def hang_up_everywhere(self) -> None:
        def quiet() -> bool:
            live = self.phones.get("/calls")["calls"]
            for leg in live:
                with contextlib.suppress(Refused):
                    Phone(self.phones, leg["leg"]).hang_up()
            return not live and not self.record.outbox.pending() and not self.record.desk.open_offers()

        eventually(quiet, "every phone is on the hook, and nothing more is to be done", 2 * PATIENCE_SECONDS)

    def has_nothing_to_do(self) -> None:
        """Every effect is done."""
        eventually(lambda: not self.record.outbox.pending(), "every effect is done")

    def nobody_is_forgotten(self, sids: Sequence[str]) -> None:
        """Nothing is lost, doubled or stuck: what must be true of every day, and of every test here."""
        self.has_nothing_to_do()
        assert self.strangers() == [], "a phone rang that no leg of ours is known by"
        missing = [sid for sid in sids if not self.record.dispositions(sid)]
        assert missing == [], "every call has its row and its disposition"
        presences = Counter(agent.presence for agent in self.record.desk.agents().values())
        assert not {"offered", "on_call"} & presences.keys(), f"an agent is stranded: {presences}"


@contextlib.contextmanager
def rehearsing(folder: Path, **how: str) -> Iterator[Rehearsed]:
    """A line of its own, as `whole_line` starts it, for as long as the block lasts."""
    with (
        whole_line(folder, **how) as line,
        Phones(line.exchange) as phones,
        contextlib.closing(Rehearsed(line, phones)) as rehearsed,
    ):
        yield rehearsed


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
