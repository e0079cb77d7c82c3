"""One whole line, and a carrier that is none of ours: what every test of this folder starts from."""

from __future__ import annotations

import contextlib
import json
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import yaml

from ivr.store import Record
from tests.line.carrier import ACCOUNT, Carrier, Phone
from tests.whole_line import ROOT, WholeLine, whole_line

MAIN, PRESCRIBERS = "+12125550110", "+12125550111"
OLD_SECRET, NEW_SECRET = "b" * 32, "a" * 32
SHARED_KEY, SHARED_SECRET = "WK9", "d" * 32
FIRST_TUESDAY = datetime.fromisoformat("2026-11-24T10:00-05:00")
FIXED_HOLIDAYS = {(1, 1), (6, 19), (7, 4), (11, 11), (12, 25)}
_STRANGERS = count(1)
NEARBY = (617, 718, 404, 305, 215, 202)  # on the pharmacy's own clock, so that the same hours are quiet there
_HTTP = urllib.request.build_opener(urllib.request.ProxyHandler({}))
STAFF: dict[str, str] = {
    agent["phone"]: agent["id"] for agent in yaml.safe_load((ROOT / "config" / "staff.yaml").read_text())["agents"]
}


@dataclass
class Day:
    """A working day of the pharmacy from ten in the morning, and what this test does in it."""

    line: WholeLine
    carrier: Carrier
    morning: datetime
    phones_before: int = 0
    is_young: bool = True  # no time has been skipped yet, so the next test may go on with it

    def night_falls(self) -> None:
        self.is_young = False
        self.line.set_clock((self.morning + timedelta(hours=12)).isoformat())

    def passes(self, **time_: float) -> None:
        """Let time go by at once."""
        self.is_young = False
        self.line.set_clock((self.line.now() + timedelta(**time_)).isoformat())

    def stranger(self, to: str = MAIN, **fields: str) -> Phone:
        """Somebody nobody has filed rings, from a number no other test uses."""
        area, last = divmod(next(_STRANGERS), 100)
        return self.carrier.dials(to, f"+1{NEARBY[area]}555{last + 100:04}", **fields)

    def on_break(self, *agents: str) -> None:
        """These agents have gone for lunch."""
        with self._record() as record:
            for agent in agents:
                record.desk.move_agent(agent, "took_break", "lunch", self.line.now())

    def agents(self, *presences: str) -> int:
        """How many agents are there now."""
        with self._record() as record:
            return sum(agent.presence in presences for agent in record.desk.agents().values())

    def agent(self, phone: Phone) -> str:
        """Whose phone this is."""
        return STAFF[phone.to]

    def presence(self, phone: Phone) -> str:
        """Where the agent at this phone is, with the reason of a break."""
        with self._record() as record:
            now = record.desk.agents()[STAFF[phone.to]]
            return f"{now.presence} {now.reason}".strip() if now.presence == "on_break" else now.presence

    def _record(self) -> contextlib.closing[Record]:
        return contextlib.closing(Record(f"sqlite:///{self.line.folder}/var/rxline.db", "no reply is opened"))

    def is_soon(self, what: Callable[[], Any], wanted: Any, seconds: float = 30) -> None:
        """Wait until something outside any phone is as it should be."""
        deadline = time.monotonic() + seconds
        while (found := what()) != wanted:
            assert time.monotonic() < deadline, f"{found} and not {wanted} after {seconds} s"
            time.sleep(0.05)

    def disposition(self, phone: Phone, **wanted: Any) -> dict[str, Any]:
        """The one disposition of this caller's call, once it says what is wanted."""

        def says(items: list[dict[str, Any]]) -> bool:
            return any(wanted.items() <= item.items() for item in items)

        self.line.dispositions(phone.sid, says)
        rows = [row for row in self.order_system("/v1/dispositions") if row["call_id"] == phone.sid]
        assert len(rows) == 1, f"{len(rows)} dispositions of one call"
        assert {name: rows[0].get(name) for name in wanted} == wanted
        return rows[0]

    def order_system(self, path: str) -> list[dict[str, Any]]:
        request = urllib.request.Request(self.line.sandbox + path, headers={"Authorization": "Bearer sandbox"})
        with _HTTP.open(request, timeout=5) as answer:
            items: list[dict[str, Any]] = json.load(answer)["items"]
        return items

    def phones(self) -> list[Phone]:
        """Every phone of this test."""
        return list(self.carrier.phones.values())[self.phones_before :]

    def rung(self) -> list[str]:
        """Every number the line has rung in this test."""
        return [phone.to for phone in self.phones() if phone.placed]


@pytest.fixture(scope="package")
def carrier() -> Iterator[Carrier]:
    carrier = Carrier(NEW_SECRET)
    yield carrier
    carrier.close()


@contextlib.contextmanager
def line_of(carrier: Carrier, folder: Path) -> Iterator[WholeLine]:
    """The line as `make run` starts it, with real-looking credentials in the middle of a rotation: no exchange runs."""
    account = {
        "TWILIO_ACCOUNT_SID": ACCOUNT,
        "TWILIO_AUTH_TOKEN": f"{NEW_SECRET},{OLD_SECRET}",
        "TWILIO_SIGNING_KEYS": f"{SHARED_KEY}:{SHARED_SECRET}",
    }
    with whole_line(folder, TWILIO_API_URL=carrier.url, **account) as running:
        carrier.line, carrier.now = running.web, running.now
        yield running


@pytest.fixture(scope="package")
def line(carrier: Carrier, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WholeLine]:
    with line_of(carrier, tmp_path_factory.mktemp("outside")) as running:
        yield running


@pytest.fixture(scope="package")
def days(line: WholeLine, carrier: Carrier) -> Iterator[Day]:
    return days_of(line, carrier)


def days_of(line: WholeLine, carrier: Carrier) -> Iterator[Day]:
    """The same day again and again, until a test has skipped some of it; then the next Tuesday that is no holiday."""
    for week in count():
        day = Day(line, carrier, FIRST_TUESDAY + timedelta(weeks=week))
        if (day.morning.month, day.morning.day) not in FIXED_HOLIDAYS:
            line.set_clock(day.morning.isoformat())
            while day.is_young:
                day.phones_before = len(carrier.phones)
                yield day


@pytest.fixture
def day(days: Iterator[Day], line: WholeLine, carrier: Carrier) -> Iterator[Day]:
    """A working day on which everybody is free and nobody is on the phone; the carrier must find no fault with it."""
    day = next(days)
    line.everybody_available()
    yield day
    carrier.quiet_down()
    faults = list(carrier.faults)
    carrier.faults.clear()
    assert not faults
