"""Runs written calls (see `ivr.phone.script_format`) against a running line, and says what did not come true."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ivr.content.problems import did_you_mean
from ivr.phone.client import LineJson, Phone, Phones, Refused
from ivr.phone.expectations import OrderSystem
from ivr.phone.files import Unreadable, staff
from ivr.phone.script_format import Script, Step, Who, Words, read_script
from ivr.phone.telling import told

HEAR_SECONDS = 5.0
RING_SECONDS = 10.0
EXPECT_SECONDS = 10.0
LONGEST_PASSAGE = 8
_CALLER = Who()
_WORDS = ("said", "heard")


@dataclass(frozen=True, slots=True)
class Finding:
    """What did not come true: the line of the script (0: the call as a whole), and a sentence."""

    line: int
    text: str


@dataclass(frozen=True, slots=True)
class Told:
    """One line of the transcript: when, whose phone, what."""

    at: str
    who: str
    text: str


@dataclass(frozen=True, slots=True)
class ScriptResult:
    """How a written call went. Without findings it passed."""

    path: Path
    name: str
    findings: tuple[Finding, ...]
    transcript: tuple[Told, ...]
    call_sid: str
    seconds: float

    @property
    def passed(self) -> bool:
        """Whether everything came true."""
        return not self.findings


class Failed(Exception):
    """A step did not come true."""


def run(
    path: Path,
    exchange_url: str,
    *,
    order_system_url: str,
    order_system_token: str = "sandbox",
    content: Path = Path("."),
    hear_seconds: float = HEAR_SECONDS,
    ring_seconds: float = RING_SECONDS,
    expect_seconds: float = EXPECT_SECONDS,
) -> ScriptResult:
    """Run one written call and return how it went.

    The `…_seconds` (real) are how long it waits for words, for a phone to ring, and for the order system.

    Raises Unreadable for a script, and ExchangeAway or Refused for a line, that cannot be used at all.
    """
    script = read_script(path)
    began = time.monotonic()
    with Phones(exchange_url) as phones, OrderSystem(order_system_url, order_system_token, expect_seconds) as orders:
        rehearsal = Rehearsal(script, phones, orders, content, (hear_seconds, ring_seconds))
        findings = rehearsal.perform()
        return ScriptResult(
            path=path,
            name=script.name,
            findings=tuple(findings),
            transcript=tuple(rehearsal.transcript()),
            call_sid=rehearsal.caller.leg,
            seconds=round(time.monotonic() - began, 2),
        )


class Rehearsal:
    """One written call under way: who holds which phone, and what each has heard since their last step."""

    def __init__(
        self,
        script: Script,
        phones: Phones,
        orders: OrderSystem,
        content: Path,
        patience: tuple[float, float] = (HEAR_SECONDS, RING_SECONDS),
    ) -> None:
        self._script = script
        self._phones = phones
        self._orders = orders
        self._content = content
        self._hear_seconds, self._ring_seconds = patience
        self._numbers: dict[Who, str] = {}
        self._since: dict[Who, int] = {}
        self._cast: dict[Who, Phone] = {}
        self._ended: list[tuple[Who, Phone]] = []
        self._changed_phones: set[str] = set()
        self._check_people()

    @property
    def caller(self) -> Phone:
        """The phone of whoever called."""
        return self._cast[_CALLER]

    def perform(self) -> list[Finding]:
        """Place the call, take the steps until one fails, hang up, and return what was wrong."""
        number = self._number(_CALLER)
        script = self._script
        self._cast[_CALLER] = self._phones.call(
            script.dial, number, pace=0.0, stir=script.stir, forwarded=script.forwarded
        )
        try:
            findings = list(self._steps())
        finally:
            self._tidy()
        return findings + list(self._overall())

    def transcript(self) -> list[Told]:
        """Return what every phone heard and did, in order; what repeats on hold is told once."""
        lines = [line for who, phone in self._all() for line in folded(_told(who, phone))]
        return sorted(lines, key=lambda line: line.at)

    def _steps(self) -> Iterator[Finding]:
        for step in self._script.steps:
            try:
                self._take(step)
            except (Failed, Refused) as failed:
                yield Finding(step.line, str(failed))
                return

    def _take(self, step: Step) -> None:
        everybody: dict[str, Callable[[Step], None]] = {
            "hear": self._hear,
            "wait": lambda wait: time.sleep(wait.value),
            "faults": lambda faults: self._phones.faults(**faults.value),
            "expect": self._expect,
            "is": self._be,
            "not hear": self._not_hear,
            "gets text": lambda step: self._get(step, "text", "/messages", "body"),
            "gets message": lambda step: self._get(step, "message", "/machines", "text"),
            "talk": self._talk,
            "held": self._held,
        }
        if step.does in everybody:
            everybody[step.does](step)
        elif step.does in ("answer", "decline", "ignore"):
            self._pick_up(step)
        else:
            self._act(step)

    # ---------------------------------------------------------------- what people do

    def _act(self, step: Step) -> None:
        phone = self._phone(step.who)
        phone.read()
        self._since[step.who] = len(phone.lines)
        acts: dict[str, Callable[[], None]] = {
            "key": lambda: phone.press(step.value),
            "say": lambda: phone.say(step.value),
            "silence": phone.say_nothing,
            "leave message": lambda: phone.leave_message(step.value),
            "hang up": phone.hang_up,
        }
        acts[step.does]()

    def _pick_up(self, step: Step) -> None:
        number = self._number(step.who)
        ringing = self._phones.ringing(number, wait_seconds=self._ring_seconds)
        if not ringing:
            raise Failed(f"{step.who}: the phone did not ring within {self._ring_seconds:g} s")
        if step.who in self._cast:
            self._ended.append((step.who, self._cast[step.who]))
        phone = self._cast[step.who] = ringing[-1]
        self._since[step.who] = 0
        {"answer": lambda: phone.answer(pace=0.0), "decline": phone.decline, "ignore": phone.ignore}[step.does]()

    def _be(self, step: Step) -> None:
        number = self._number(step.who)
        self._changed_phones.add(number)
        self._phones.post("/phones", number=number, **step.value)

    # ---------------------------------------------------------------- what should come true

    def _hear(self, step: Step) -> None:
        phone, words = self._phone(step.who), step.value
        since = self._since.get(step.who, 0)
        if not phone.wait_for(lambda lines: words.are_in(_words(lines)), self._hear_seconds, after=since):
            heard = _words(phone.lines[since:]) or "nothing"
            over = " (the call is over)" if phone.is_over else ""
            raise Failed(f"{step.who}: did not hear `{words.written}`{over}; heard: {heard}")
        self._since[step.who] = _place(phone.lines, since, words)

    def _not_hear(self, step: Step) -> None:
        phone, words = self._phone(step.who), step.value
        phone.read()
        heard = _words(phone.lines[self._since.get(step.who, 0) :])
        if words.are_in(heard):
            raise Failed(f"{step.who}: heard `{words.written}`; heard: {heard}")

    def _talk(self, step: Step) -> None:
        if not self._phone(step.who).wait_for(_talking, self._hear_seconds):
            raise Failed(f"{step.who}: talks with nobody")

    def _held(self, step: Step) -> None:
        if not self._phone(step.who).wait_for(_on_hold, self._hear_seconds):
            raise Failed(f"{step.who}: is not on hold")

    def _get(self, step: Step, what: str, path: str, field: str) -> None:
        number, deadline = self._number(step.who), time.monotonic() + self._hear_seconds
        while True:
            got = [one[field] for one in self._phones.get(path, number=number)["messages"]]
            if any(step.value.are_in(text) for text in got):
                return
            if time.monotonic() > deadline:
                raise Failed(f"{step.who}: got no {what} with `{step.value.written}`; got: {got or 'none'}")
            time.sleep(0.1)

    def _expect(self, step: Step) -> None:
        expected: dict[str, Any] = step.value
        lacks = []
        if "ended" in expected:
            lacks.append(self._not_ended(expected["ended"] in ("yes", "true")))
        if "disposition" in expected:
            lacks.append(self._orders.lacks_disposition(self.caller.leg, expected["disposition"]))
        for path, wanted in expected.get("order_system", {}).items():
            lacks.append(self._orders.lacks(path, wanted))
        if any(lacks):
            raise Failed("; ".join(filter(None, lacks)))

    def _not_ended(self, wanted: bool) -> str:
        if wanted:
            over = self.caller.wait_for(lambda lines: any(line["kind"] == "over" for line in lines), self._hear_seconds)
            return "" if over else "the call has not ended"
        self.caller.read()
        return "the call has ended" if self.caller.is_over else ""

    def _overall(self) -> Iterator[Finding]:
        for who, phone in self._all():
            for line in phone.lines:
                wrong = line["kind"] == "violation" or (line["kind"] == "failure" and not self._script.may_fail)
                if wrong:
                    yield Finding(0, f"{who}: {told(line)}")
            for words in self._script.never:
                if words.are_in(_words(phone.lines)):
                    yield Finding(0, f"{who}: heard `{words.written}`, which nobody should hear")

    # ---------------------------------------------------------------- who is who

    def _check_people(self) -> None:
        for step in self._script.steps:
            if step.who.name:
                self._number(step.who)
        self._number(_CALLER)

    def _number(self, who: Who) -> str:
        if who not in self._numbers:
            self._numbers[who] = self._look_up(who)
        return self._numbers[who]

    def _look_up(self, who: Who) -> str:
        if who.kind == "staff":
            colleagues = staff(self._content)
            if who.name not in colleagues:
                raise Unreadable(
                    f"{self._script.path}: no staff has the id `{who.name}`{did_you_mean(who.name, colleagues)}"
                )
            return colleagues[who.name].address
        number, person = (self._script.from_number, self._script.person) if who == _CALLER else (who.name, who.name)
        if number.startswith(("+", "sip:", "client:")) or (who == _CALLER and number):
            return number
        phone = self._orders.phone_of(person)
        if phone is None:
            raise Unreadable(
                f"{self._script.path}: nobody is called `{person}`{did_you_mean(person, self._orders.people())}"
            )
        return phone

    def _phone(self, who: Who) -> Phone:
        if who not in self._cast:
            raise Failed(f"{who} has not answered a call")
        return self._cast[who]

    def _all(self) -> list[tuple[Who, Phone]]:
        return [*self._cast.items(), *self._ended]

    def _tidy(self) -> None:
        for _, phone in self._all():
            phone.hang_up()
        for number in self._changed_phones:
            self._phones.post("/phones", number=number, does="ring")
        if any(step.does == "faults" for step in self._script.steps):
            self._phones.faults()
        for _, phone in self._all():
            phone.wait_for(lambda lines: any(line["kind"] == "over" for line in lines), self._hear_seconds)


def _told(who: Who, phone: Phone) -> list[Told]:
    return [Told(line["at"], str(who), text) for line in phone.lines if (text := told(line))]


def folded(lines: list[Told]) -> Iterator[Told]:
    """Give lines with every passage that repeats told once, and then how often it came again."""
    place = 0
    while place < len(lines):
        length, again = _repeated([line.text for line in lines[place : place + 2 * LONGEST_PASSAGE]])
        passage = [line.text for line in lines[place : place + length]]
        yield from lines[place : place + length]
        place += length
        if again:
            last, count = lines[place - 1], 0
            while [line.text for line in lines[place : place + length]] == passage:
                place, count = place + length, count + 1
            yield Told(last.at, last.who, f"… the same again, {count} times")


def _repeated(texts: list[str]) -> tuple[int, bool]:
    for length in range(2, LONGEST_PASSAGE + 1):
        if texts[:length] == texts[length : 2 * length]:
            return length, True
    return 1, False


def _words(lines: list[LineJson]) -> str:
    return " ".join(line["text"] for line in lines if line["kind"] in _WORDS)


def _talking(lines: list[LineJson]) -> bool:
    changes = [line["kind"] for line in lines if line["kind"] in ("bridged", "alone", "left", "moved", "over")]
    return changes[-1:] == ["bridged"]


def _on_hold(lines: list[LineJson]) -> bool:
    changes = [line["kind"] for line in lines if line["kind"] in ("hold", "unhold", "left", "moved", "over")]
    return changes[-1:] == ["hold"]


def _place(lines: list[LineJson], since: int, words: Words) -> int:
    """Return where the words begin that were heard first, so that the next `hear` starts there."""
    end = next(n for n in range(since, len(lines) + 1) if words.are_in(_words(lines[since:n])))
    return max(n for n in range(since, end) if words.are_in(_words(lines[n:end])))
