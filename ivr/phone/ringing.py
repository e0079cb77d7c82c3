"""Phones that ring: what their owners do about it, and what a phone does by itself."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass

from ivr.phone.leg import Goto, Leg, Pickup, Watch

HABITS = ("ring", "answer", "decline", "busy", "ignore", "fail")
OUTCOMES = {"decline": "busy", "busy": "busy", "ignore": "no-answer", "fail": "failed"}
"""How a call ends that was not answered, in Twilio's words."""


@dataclass(frozen=True, slots=True)
class Habit:
    """What a phone does when it rings (one of HABITS): `ring` until somebody acts, the others by itself.

    One that answers presses `keys` as it is asked.
    """

    does: str = "ring"
    keys: str = ""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A call to be placed: who rings, from which line, for how long (practice seconds), and what they then hear."""

    to: str
    line: str
    goto: Goto
    timeout_seconds: float = 60.0
    fallback: Goto | None = None
    watch: Watch | None = None


class Ringing:
    """The phones that ring now."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._legs: dict[str, Leg] = {}
        self.habits: dict[str, Habit] = {}

    def ring(self, leg: Leg, real_seconds: float) -> str:
        """Ring until the owner acts or so long; returns `answer`, or a key of OUTCOMES. Raises Over."""
        habit = self.habits.get(leg.person, Habit())
        leg.press(habit.keys, when_asked=True)
        if habit.does != "ring":
            leg.look()
            return habit.does
        with leg.hearing("pickup", doing="ringing"):
            self._add(leg)
            try:
                event = leg.listen(real_seconds)
            finally:
                self._remove(leg)
        return event.how if isinstance(event, Pickup) else "ignore"

    def now(self, number: str | None = None, wait_seconds: float = 0.0) -> list[Leg]:
        """Return the legs that ring, at `number` or anywhere, waiting (real seconds) for the first."""
        deadline = time.monotonic() + wait_seconds
        with self._changed:
            while not (found := [leg for leg in self._legs.values() if number in (None, leg.person)]):
                left = deadline - time.monotonic()
                if left <= 0:
                    break
                self._changed.wait(left)
            return found

    def _add(self, leg: Leg) -> None:
        with self._changed:
            self._legs[leg.sid] = leg
            leg.transcript.note("ringing", person=leg.person, line=leg.line)
            self._changed.notify_all()

    def _remove(self, leg: Leg) -> None:
        with self._changed:
            del self._legs[leg.sid]
