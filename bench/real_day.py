"""The modelled day on the real processes: the same callers as `bench.simulated` gets, over real HTTP, and a fast clock.

Everything that is a duration for people runs as fast as the clock: speech, rings, keys, talks, and the line's own
timers. What the machine takes does not: a turn of 20 ms is three seconds of a day that runs 144 times as fast, and a
ring of 15 s lasts a tenth of a second, so agents pick up and accept in less than it takes to ring them. What is lost
that way shows as offers that came to nothing, and is counted.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import tempfile
import urllib.request
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from random import Random
from typing import Any

from bench.carrier import Rest
from bench.rooms import Seat
from bench.simulated import Pace, Visit
from bench.town import Owner, Phone, Town
from bench.wire import Wire
from ivr.settings import PRACTICE_ACCOUNT_SID, PRACTICE_AUTH_TOKEN
from tests.whole_line import WholeLine, whole_line

LATE_SECONDS = 1800.0  # after the last has rung: whoever is still there, and callbacks
MOST_CALLS_A_SECOND = 50  # our own pace is one of real seconds, and must not be the bottleneck
# What callers of the model say for what they want.
SAYS = {
    "refill_request": "I need a refill",
    "order_status": "where is my order",
    "insurance": "I have a question about my insurance",
    "prescriber_call": "I want to verify a prescription",
    "medication_question": "I have a question about my medicine",
    "billing": "I have a question about a payment",
    "transfer": "I want to move a prescription to you",
    "adverse_reaction": "I took the wrong medicine and I cannot breathe",
    "technical": "your website does not work",
    "other": "something else",
}


@dataclass(frozen=True, slots=True)
class Real:
    """What came of a day on the real processes."""

    bodies: list[dict[str, Any]]
    seconds: float
    offers: Counter[str]  # by what became of the phone we rang: answered, canceled, no-answer …


class _Visitor(Owner):
    """A caller of the model: says what they want, asks for a person, waits, and talks as long as it takes."""

    def __init__(self, visit: Visit, pace: Pace, second: float, answers: bool) -> None:
        super().__init__()
        self._visit, self._pace, self._second, self._answers = visit, pace, second, answers
        self._asked = 0
        self._waits = False
        self._has_said = False

    async def rung(self, phone: Phone) -> str:
        if not self._answers:
            await asyncio.Event().wait()
        await asyncio.sleep(self._pace.picks_up * self._second)
        return "in-progress"

    async def asked(self, phone: Phone, words: str) -> str | None:
        await asyncio.sleep(self._pace.thinks * self._second)
        if phone.direction != "inbound" or "English, press 1" in words or "to confirm" in words:
            return "1"
        if "in line" in words or "calling a pharmacist" in words:
            return await self._on_hold(phone)
        if not self._has_said:
            self._has_said = True
            return SAYS[self._visit.intent]
        return "0"

    async def _on_hold(self, phone: Phone) -> str | None:
        if not self._waits:
            self._waits = True
            loop, left = asyncio.get_running_loop(), self._second * self._visit.patience
            if not self._visit.calls_back:
                loop.call_later(left, lambda: phone.served or phone.hang_up())
        if self._visit.calls_back:
            await asyncio.sleep(15 * self._second)
            return "1"
        return None

    async def talks(self, phone: Phone, seat: Seat) -> str:
        await seat.company.wait()
        await asyncio.sleep(self._visit.talk * self._second)
        return ""


class _Agent(Owner):
    """Somebody on the staff of the model: always there, always accepts."""

    def __init__(self, pace: Pace, second: float) -> None:
        super().__init__()
        self._pace, self._second = pace, second

    async def rung(self, phone: Phone) -> str:
        await asyncio.sleep(self._pace.picks_up * self._second)
        return "in-progress"

    async def asked(self, phone: Phone, words: str) -> str | None:
        await asyncio.sleep(self._pace.accepts * self._second)
        return "1"

    async def talks(self, phone: Phone, seat: Seat) -> str:
        await asyncio.Event().wait()
        return ""


def real_day(
    content: Path, visits: Sequence[Visit], start: datetime, pace: Pace, speed: float, answered: float
) -> Real:
    """Let these callers ring the real processes, from `start` on, `speed` times as fast as they would."""
    with tempfile.TemporaryDirectory() as folder:
        return asyncio.run(_day(Path(folder), content, visits, start, pace, speed, answered))


async def _day(
    folder: Path, content: Path, visits: Sequence[Visit], start: datetime, pace: Pace, speed: float, answered: float
) -> Real:
    random, second = Random(1), 1 / speed
    owners: dict[str, Owner] = {}
    town = Town(Wire(0, "", ""), random, lambda number: owners.setdefault(number, _Agent(pace, second)), pace=second)
    (folder / "line").mkdir()
    async with Rest(town).serve() as address:
        opening = whole_line(
            folder / "line", f"{start.isoformat()} x{speed:g}", RXLINE_CONTENT=str(_content(folder, content)),
            TWILIO_API_URL=address, TWILIO_ACCOUNT_SID=PRACTICE_ACCOUNT_SID, TWILIO_AUTH_TOKEN=PRACTICE_AUTH_TOKEN,
            LOG_LEVEL="WARNING",
        )  # fmt: skip
        line = await asyncio.to_thread(opening.__enter__)
        try:
            town.wire, town.now = Wire(line.web_port, line.web, PRACTICE_AUTH_TOKEN, repeats=True), line.now
            await asyncio.to_thread(line.set_clock, start.isoformat())
            began = asyncio.get_running_loop().time()
            await _callers(town, owners, visits, start, pace, second, answered)
            seconds = asyncio.get_running_loop().time() - began
            await town.empties()
            await town.wire.close()
            return Real(await asyncio.to_thread(_bodies, line), seconds, _rung(town))
        finally:
            await asyncio.to_thread(opening.__exit__, None, None, None)


async def _callers(
    town: Town, owners: dict[str, Owner], visits: Sequence[Visit], start: datetime, pace: Pace, second: float,
    answered: float,
) -> None:  # fmt: skip
    loop = asyncio.get_running_loop()
    began = loop.time()
    for number, visit in enumerate(visits):
        await asyncio.sleep(max(0.0, (visit.at - start).total_seconds() * second - (loop.time() - began)))
        theirs = f"+1303{5_550_000 + number}"
        owners[theirs] = _Visitor(visit, pace, second, town.random.random() < answered)
        phone = Phone(town.sid(), theirs, visit.dialed, "inbound", owners[theirs], "/voice/status")
        town.start(town.dials(phone, "/voice/incoming", 4 * 3600 * second))
    until = loop.time() + LATE_SECONDS * second
    while loop.time() < until:
        await asyncio.sleep(min(1.0, until - loop.time()))


def _content(folder: Path, content: Path) -> Path:
    made = folder / "content"
    for part in ("routing_rules", "callflows", "config"):
        shutil.copytree(content / part, made / part)
    policies = made / "config" / "policies.yaml"
    policies.write_text(
        policies.read_text().replace("calls_per_second: 1 ", f"calls_per_second: {MOST_CALLS_A_SECOND} ")
    )
    return made


def _bodies(line: WholeLine) -> list[dict[str, Any]]:
    request = urllib.request.Request(f"{line.sandbox}/v1/dispositions", headers={"Authorization": "Bearer sandbox"})
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=10) as answer:
        items: list[dict[str, Any]] = json.load(answer)["items"]
    return items


def _rung(town: Town) -> Counter[str]:
    return Counter(phone.status for phone in town.phones.values() if phone.direction == "outbound-api")
