"""One party's connection: the person holding the phone on one side, the TwiML that plays to them on the other.

A leg is two sides of one lock. The person presses, speaks, answers and hangs up, from any thread; one thread of
the leg's own runs its TwiML and `listen`s. What ends or redirects the TwiML arrives there as an exception.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from ivr.phone.transcript import Transcript

LIVE = frozenset({"queued", "ringing", "in-progress"})


@dataclass(frozen=True, slots=True)
class Goto:
    """The document a leg plays next: a URL to ask with these parameters, or TwiML given inline."""

    url: str = ""
    method: str = "POST"
    params: Mapping[str, str] = field(default_factory=dict)
    twiml: str | None = None


@dataclass(frozen=True, slots=True)
class Key:
    """A key pressed: one of 0-9, `*`, `#`."""

    digit: str


@dataclass(frozen=True, slots=True)
class Speech:
    """Words spoken, and how sure the recogniser is (0 to 1)."""

    text: str
    confidence: float


@dataclass(frozen=True, slots=True)
class Silence:
    """The person lets the question time out, now."""


@dataclass(frozen=True, slots=True)
class Message:
    """Words spoken after the beep."""

    text: str


@dataclass(frozen=True, slots=True)
class Pickup:
    """What a ringing phone's owner does: `answer`, `decline` or `ignore`."""

    how: str


Event = Key | Speech | Silence | Message | Pickup
_HEARD_AS = {Key: "keys", Speech: "speech", Silence: "silence", Message: "message", Pickup: "pickup"}


class Over(Exception):
    """The leg has ended; nothing more is played on it."""


class Moved(Exception):
    """A REST request redirected the leg to another document."""

    def __init__(self, goto: Goto) -> None:
        super().__init__()
        self.goto = goto


class Summoned(Exception):
    """Something this leg waits for has changed: look again."""


@dataclass(frozen=True, slots=True)
class Watch:
    """Where to report, by which method, and which events."""

    url: str
    method: str
    events: frozenset[str]


class Conversation(Protocol):
    """People who hear each other."""

    def says(self, leg: Leg, text: str) -> None:
        """Let the others hear `leg` say `text`."""


class Machine(Protocol):
    """What has picked up instead of a person."""

    kind: str
    seconds: float
    """Until it beeps."""

    @property
    def message(self) -> str:
        """What was left on it."""

    def passes(self, seconds: float) -> None:
        """Let so many seconds of the call go by."""


class Leg:
    """A call in Twilio's sense; `person` is the number of the handset, `line` the number on our side."""

    def __init__(self, sid: str, person: str, line: str, direction: str, transcript: Transcript, at: datetime) -> None:
        self.sid = sid
        self.person = person
        self.line = line
        self.direction = direction
        self.transcript = transcript
        self.created_at = at
        self.answered_at: datetime | None = None
        self.ended_at: datetime | None = None
        self.status = "ringing" if direction == "inbound" else "queued"
        self.doing = "calling" if direction == "inbound" else "ringing"
        self.pace = 1.0
        self.parent: str | None = None
        self.extras: dict[str, str] = {}
        self.fallback_url = ""
        self.fallback_method = "POST"
        self.watch: Watch | None = None
        self.reported = 0
        self.outcome: str | None = None
        self.documents: deque[float] = deque(maxlen=100)
        self.ended_by: str | None = None
        self.conversation: Conversation | None = None
        self.machine: Machine | None = None
        self.answered_as = ""
        self.answered_by: str | None = None
        self._changed = threading.Condition()
        self._hears: frozenset[str] = frozenset()
        self._inbox: deque[Event] = deque()
        self._later: deque[Event] = deque()
        self._moved: Goto | None = None
        self._awaits: Callable[[], bool] | None = None
        self._summoned = False

    @property
    def from_number(self) -> str:
        """The number this call comes from."""
        return self.person if self.direction == "inbound" else self.line

    @property
    def to_number(self) -> str:
        """The number this call goes to."""
        return self.line if self.direction == "inbound" else self.person

    @property
    def is_live(self) -> bool:
        """Whether somebody still holds the phone, or it still rings."""
        return self.ended_by is None and self.status in LIVE

    # ---------------------------------------------------------------- the person

    def press(self, digits: str, when_asked: bool = False) -> None:
        """Press keys now, or one after another as questions are asked."""
        self._offer([Key(digit) for digit in digits], when_asked)

    def speak(self, text: str, confidence: float = 0.9, when_asked: bool = False) -> None:
        """Say something: to the others in a conversation, else to a question that takes speech, or to a beep."""
        conversation = self.conversation
        if conversation is not None:
            conversation.says(self, text)
        else:
            self._offer([Speech(text, confidence)], when_asked)

    def let_it_time_out(self) -> None:
        """Say and press nothing at the question being asked, or the next one, until it gives up."""
        self._offer([Silence()], when_asked=True)

    def withdraw(self, text: str) -> None:
        """Have not said what no question has listened to yet."""
        with self._changed:
            said = [event for event in self._later if isinstance(event, Speech) and event.text == text]
            for event in said:
                self._later.remove(event)

    def leave_message(self, text: str) -> None:
        """Say this after the beep that comes next, or is already past."""
        self._offer([Message(text)], when_asked=True)

    def pick_up(self, how: str) -> bool:
        """Answer, decline or ignore a ringing phone; False when it does not ring."""
        with self._changed:
            if "pickup" not in self._hears:
                return False
            self._push(Pickup(how))
            return True

    def hang_up(self, by: str) -> bool:
        """End the leg; False when it has ended already."""
        with self._changed:
            if not self.is_live:
                return False
            self.ended_by = by
            self._changed.notify_all()
            return True

    # ---------------------------------------------------------------- the exchange

    def move(self, goto: Goto) -> None:
        """Have the leg leave what it plays and play this instead."""
        with self._changed:
            self._moved = goto
            self._changed.notify_all()

    def summon(self) -> None:
        """Have the leg look again at what it waits for."""
        with self._changed:
            self._summoned = True
            self._changed.notify_all()

    def passes(self, seconds: float) -> None:
        """Let so many seconds of the call go by, for a machine that has picked it up."""
        if self.machine is not None:
            self.machine.passes(seconds)

    def answer(self, at: datetime) -> None:
        """Mark the call as in progress from `at`, once."""
        if self.answered_at is None:
            self.answered_at = at
            self.status = "in-progress"

    # ---------------------------------------------------------------- the TwiML

    @contextlib.contextmanager
    def hearing(self, *kinds: str, doing: str = "") -> Iterator[None]:
        """Listen for these kinds of event (`keys`, `speech`, `silence`, `message`, `pickup`) meanwhile."""
        before = (self._hears, self.doing)
        with self._changed:
            self._hears, self.doing = frozenset(kinds), doing or self.doing
        try:
            yield
        finally:
            with self._changed:
                self._hears, self.doing = before
                self._inbox.clear()

    def listen(self, seconds: float | None) -> Event | None:
        """Return the next event within `seconds` (real; None is for ever), or None. Raises what ends the wait."""
        deadline = None if seconds is None else time.monotonic() + seconds
        with self._changed:
            while True:
                self._interrupt()
                event = self._next()
                if event is not None:
                    return event
                left = None if deadline is None else deadline - time.monotonic()
                if left is not None and left <= 0:
                    return None
                self._changed.wait(left)

    def look(self) -> None:
        """Raise Over or Moved if either is due."""
        with self._changed:
            self._interrupt()

    @contextlib.contextmanager
    def awaiting(self, matters: Callable[[], bool] = lambda: True) -> Iterator[None]:
        """Let a summons interrupt what is played meanwhile, if it `matters`; afterwards look again."""
        before = self._awaits
        self._await(matters)
        try:
            yield
        finally:
            self._await(before)

    def _await(self, matters: Callable[[], bool] | None) -> None:
        with self._changed:
            self._awaits, self._summoned = matters, True

    def _interrupt(self) -> None:
        if self.ended_by is not None:
            raise Over
        if self._moved is not None:
            goto, self._moved = self._moved, None
            raise Moved(goto)
        if self._awaits is not None and self._summoned:
            self._summoned = False
            if self._awaits():
                raise Summoned

    def _next(self) -> Event | None:
        if self._inbox:
            return self._inbox.popleft()
        while self._later and self._hears:
            event = self._later.popleft()
            if self._takes(event):
                return event
            if isinstance(event, Message) or self._hears == {"pickup"}:
                self._later.appendleft(event)
                return None
            self._ignore(event)
        return None

    def _offer(self, events: list[Event], when_asked: bool) -> None:
        with self._changed:
            for event in events:
                if when_asked:
                    self._later.append(event)
                elif self._takes(event):
                    self._inbox.append(event)
                else:
                    self._ignore(event)
            self._changed.notify_all()

    def _push(self, event: Event) -> None:
        self._inbox.append(event)
        self._changed.notify_all()

    def _takes(self, event: Event) -> bool:
        return _HEARD_AS[type(event)] in self._hears

    def _ignore(self, event: Event) -> None:
        # Keys pressed while nothing is gathered go nowhere: Twilio keeps no digits for the next Gather.
        said = getattr(event, "digit", None) or getattr(event, "text", "")
        self.transcript.note("ignored", what=_HEARD_AS[type(event)], value=said)
