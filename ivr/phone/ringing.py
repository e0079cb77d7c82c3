"""Phones that ring: what their owners do about it, and what a phone does by itself."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, fields

from ivr.clock import Clock
from ivr.phone.leg import Goto, Leg, Pickup, Watch
from ivr.phone.machines import KINDS, Detection

HABITS = ("ring", "answer", "decline", "busy", "ignore", "fail", *KINDS)
OUTCOMES = {"decline": "busy", "busy": "busy", "ignore": "no-answer", "fail": "failed"}
"""How a call ends that was not answered, in Twilio's words."""


@dataclass(frozen=True, slots=True)
class Habit:
    """What a phone does when it rings (one of HABITS): `ring` until somebody acts, the others by itself."""

    does: str = "ring"
    keys: str = ""
    """Who answers presses these as they are asked for."""
    after_seconds: float = 0.0
    """It rings so long (practice seconds) before it does what it does."""
    hangs_up_after_seconds: float | None = None
    """Who answers is gone so long (practice seconds) after that."""
    greeting: str = ""
    greeting_seconds: float | None = None
    """What a machine says before its beep, and how long; empty and None: as most do."""
    answered_by: str = ""
    """What Twilio takes it for, where it is asked; empty: what it is."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A call to be placed: who rings, from which line, for how long (practice seconds), and what they then hear."""

    to: str
    line: str
    goto: Goto
    timeout_seconds: float = 60.0
    fallback: Goto | None = None
    watch: Watch | None = None
    detection: Detection | None = None


HABIT_FIELDS: dict[str, type] = {
    field.name: float if field.name.endswith("_seconds") else str for field in fields(Habit)
}
_PATIENT = Habit()


class Ringing:
    """The phones that ring now."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._changed = threading.Condition()
        self._legs: dict[str, Leg] = {}
        self.habits: dict[str, Habit] = {}

    def habit_of(self, leg: Leg) -> Habit:
        """Return what the phone of a leg does by itself."""
        return self.habits.get(leg.person, _PATIENT)

    def ring(self, leg: Leg, seconds: float) -> str:
        """Ring until somebody acts, or so long (practice seconds).

        Returns `answer`, the kind of machine that did, or a key of OUTCOMES. Raises Over.
        """
        habit = self.habit_of(leg)
        leg.press(habit.keys, when_asked=True)
        if habit.does == "ring":
            return self._rung(leg, seconds) or "ignore"
        if not habit.after_seconds:
            leg.look()
            return habit.does
        waits = min(habit.after_seconds, seconds)
        return self._rung(leg, waits) or (habit.does if waits == habit.after_seconds else "ignore")

    def _rung(self, leg: Leg, seconds: float) -> str | None:
        with leg.hearing("pickup", doing="ringing"):
            self._add(leg)
            try:
                event = leg.listen(seconds / self._clock.speed)
            finally:
                self._remove(leg)
        return event.how if isinstance(event, Pickup) else None

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
