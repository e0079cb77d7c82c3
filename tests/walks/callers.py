"""Who rings the whole line, from what they would know themselves: `GET /_sandbox/people` and a phone."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import urllib.request
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from tests.line.carrier import Carrier, Phone
from tests.line.conftest import MAIN, PRESCRIBERS
from tests.walks.follower import Follower
from tests.whole_line import WholeLine

MORNING, NIGHT = "2026-11-24T10:00-05:00", "2026-11-24T22:00-05:00"
AT_ONCE = 6
_LEG = re.compile(r"/voice/[\w-]{20,}/\d+/")
_ONE_MOMENT = re.compile(r"One moment, please|Un momento, por favor")
_HTTP = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@dataclass
class Callers:
    """A running line, its carrier, and the people who may ring."""

    line: WholeLine
    carrier: Carrier
    strangers: Iterator[int] = field(default_factory=lambda: count(100))
    _phones_before: int = 0
    _is_morning: bool = False

    def begin(self) -> None:
        if not self._is_morning:
            self._is_morning = True
            self.line.set_clock(MORNING)
        self._post("/_sandbox/reset")
        self._phones_before = len(self.carrier.phones)
        self.line.everybody_available()

    def end(self) -> None:
        self.carrier.quiet_down()
        for phone in [*self.carrier.phones.values()][self._phones_before :]:
            if phone.direction == "inbound":
                self.disposition(phone)  # whatever it set off has reached the order system
        faults = list(self.carrier.faults)
        self.carrier.faults.clear()
        assert not faults

    def night_falls(self) -> None:
        self._is_morning = False
        self.line.set_clock(NIGHT)

    # -- people

    def owner(self, number: str) -> dict[str, Any]:
        """Whose prescription this is."""
        return next(
            person
            for person in self.people()
            if any(prescription["number"] == number for prescription in person["prescriptions"])
        )

    def person(self, id_: str) -> dict[str, Any]:
        return next(person for person in self.people() if person["id"] == id_)

    def people(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.load(_HTTP.open(f"{self.line.sandbox}/_sandbox/people", timeout=5))["people"]
        return found

    def fresh_number(self) -> str:
        """A number nobody has ever rung from."""
        area, last = divmod(next(self.strangers), 100)
        return f"+1{410 + area}555{last + 100:04}"

    # -- calls

    def rings(self, wants: str, person: dict[str, Any], *, to: str = MAIN, from_: str = "", **how: Any) -> Follower:
        """Somebody rings, from their own number unless it says otherwise."""
        vouched = how.pop("attestation", "A")
        phone = self.carrier.dials(to, from_ or person["phone"], StirVerstat=f"TN-Validation-Passed-{vouched}")
        return Follower(phone, wants, person, **how)

    def rings_prescribers_line(self, wants: str, person: dict[str, Any], **how: Any) -> Follower:
        return self.rings(wants, person, to=PRESCRIBERS, **how)

    def everybody(self, wants: str, numbers: Iterable[str], language: str, *, speaks: bool) -> dict[str, Follower]:
        """One call about each prescription, several at once, by who it belongs to: from their own number if the line
        would speak this language there, else from one nobody knows."""
        with ThreadPoolExecutor(AT_ONCE) as lines:
            calls = {number: lines.submit(self.about, wants, number, language, speaks=speaks) for number in numbers}
        return {number: call.result() for number, call in calls.items()}

    def about(self, wants: str, number: str, language: str, *, speaks: bool = False) -> Follower:
        """The owner of a prescription rings about it, and follows the call to its end."""
        person = self.owner(number)
        from_ = person["phone"] if person["language"] == language else self.fresh_number()
        caller = self.rings(wants, person, number=number, language=language, speaks=speaks, from_=from_)
        caller.finishes()
        caller.phone.hangs_up()
        return caller

    def at_once(self, wants: str, numbers: Sequence[str], from_: str) -> list[Follower]:
        """As many calls from one number at the same moment, each about one of these prescriptions."""

        def call(number: str) -> Follower:
            caller = self.rings(wants, self.owner(number), number=number, from_=from_)
            caller.finishes()
            caller.phone.hangs_up()
            return caller

        with ThreadPoolExecutor(len(numbers)) as lines:
            return [*lines.map(call, numbers)]

    def offers(self, person: dict[str, Any], born: str, from_: str = "") -> Follower:
        """Somebody offers this birth date for the first prescription of a person, from a number nobody knows."""
        number = person["prescriptions"][0]["number"]
        caller = self.rings(
            "status", {**person, "date_of_birth": born}, number=number, from_=from_ or self.fresh_number()
        )
        caller.finishes()
        caller.phone.hangs_up()
        return caller

    def unlock(self, person: dict[str, Any]) -> None:
        """The staff lift what wrong offers have locked."""
        command = [sys.executable, "-m", "ivr.cli", "unlock", person["id"], "--by", "ruth"]
        subprocess.run(command, cwd=self.line.folder, env=self.line.env, check=True, capture_output=True)

    # -- what came of it

    def disposition(self, phone: Phone) -> dict[str, Any]:
        """The disposition of a call that is over."""
        items = self.line.dispositions(phone.sid)
        assert items, "no disposition"
        return items[0]

    def refills(self) -> list[dict[str, Any]]:
        return self._items("/v1/refill-requests")

    def documents(self, phone: Phone) -> list[str]:
        """Every document a phone was given, without what tells legs apart or asks for a moment's patience."""
        given = [reply.body.decode() for _, fields, reply in self.carrier.replies if fields["CallSid"] == phone.sid]
        told = [body for body in given if "<Response/>" not in body and not _ONE_MOMENT.search(body)]
        return [_LEG.sub("/voice/LEG/N/", body) for body in told]

    def _items(self, path: str) -> list[dict[str, Any]]:
        request = urllib.request.Request(self.line.sandbox + path, headers={"Authorization": "Bearer sandbox"})
        found: list[dict[str, Any]] = json.load(_HTTP.open(request, timeout=5))["items"]
        return found

    def _post(self, path: str) -> None:
        _HTTP.open(urllib.request.Request(self.line.sandbox + path, data=b"", method="POST"), timeout=5).close()


# ---------------------------------------------------------------- what was heard


def told(phone: Phone, prompts: Iterable[tuple[str, str]]) -> set[str]:
    """Which of these prompts, by name and words, were heard; a value is any words."""
    return {name for name, words in prompts if any(re.fullmatch(spoken(words), said.strip()) for said in phone.heard)}


def spoken(words: str) -> str:
    parts = [re.escape(" ".join(part.split())) for part in re.split(r"\{\{.*?\}\}", words)]
    return r"\s*.+?\s*".join(parts)
