"""What goes wrong on purpose, so that a rehearsal can show what the product makes of it."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from random import Random
from typing import Any

_WHEN = ("before", "after", "either")
_NEVER_DONE = 429


class FaultRefused(ValueError):
    """No such fault, or not with that value; the text says which there are."""


@dataclass(frozen=True, slots=True)
class Faults:
    """The faults in force. Counters count down as they are used up."""

    twice: bool = False
    """Every webhook is delivered twice, both at once; the leg goes by the first reply."""
    delay_seconds: float = 0.0
    """Every webhook waits this long (real) before it is sent."""
    shuffle: bool = False
    """A call's status callbacks arrive after it is over, newest first."""
    drop_callbacks: int = 0
    """The next so many status callbacks are never sent."""
    lose_replies: int = 0
    """The next so many webhooks reach the product, and its reply is lost: a read timeout to us."""
    refuse_connections: int = 0
    """The next so many webhooks find nobody listening."""
    rest_failures: int = 0
    """The next so many REST requests fail with `rest_status`."""
    rest_status: int = 500
    rest_when: str = "before"
    """`before`, `after` or (by the dice) `either`, of what was asked. 429 is always before: Twilio never acts on it."""
    rest_failure_share: float = 0.0
    """This share of REST requests fails so, beside the counted ones."""
    rest_seconds: float = 0.0
    """Every REST request takes this long (real)."""
    drop_callbacks_share: float = 0.0
    """This share of status callbacks is never sent; a call's, a conference's, a recording's, a text's alike."""
    repeat_callbacks_share: float = 0.0
    """This share of status callbacks is sent twice, one after the other."""
    delay_callbacks_share: float = 0.0
    """This share of status callbacks comes `callback_delay_seconds` (real) late, so others overtake it."""
    callback_delay_seconds: float = 2.0
    fail_transcripts: int = 0
    """The next so many messages cannot be transcribed."""
    transcript_delay_seconds: float = 0.0
    """Every transcript comes this long (real) after its recording."""
    seed: int = 0
    """Which share it is: the same seed, the same first, second, third … of each kind."""


class FaultBox:
    """The faults of one exchange, to read, set and use up from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults = Faults()
        self._dice: dict[str, Random] = {}

    @property
    def now(self) -> Faults:
        """The faults in force."""
        return self._faults

    def set(self, wanted: Mapping[str, Any]) -> Faults:
        """Put exactly these faults in force, all others off; raises FaultRefused."""
        faults = Faults(**{name: _checked(name, value) for name, value in wanted.items()})
        if faults.rest_when not in _WHEN:
            raise FaultRefused(f"rest_when: {', '.join(_WHEN)}")
        with self._lock:
            self._faults, self._dice = faults, {}
        return faults

    def as_json(self) -> dict[str, Any]:
        """Return the faults in force by name."""
        return asdict(self._faults)

    def strikes(self, share: str) -> bool:
        """Throw the dice for a fault that befalls a share."""
        wanted = getattr(self._faults, share)
        return bool(wanted) and self._thrown(share) < wanted

    def is_rest_when(self, when: str) -> bool:
        """Whether REST requests that fail do so `before`, or `after`, they are done."""
        faults = self._faults
        if faults.rest_status == _NEVER_DONE:
            return when == "before"
        return faults.rest_when in (when, "either")

    def takes_rest(self, when: str) -> bool:
        """Whether this REST request fails now, `before` or `after` it is done."""
        if not self.is_rest_when(when):
            return False
        return self.take("rest_failures") or self._strikes_rest(when)

    def _strikes_rest(self, when: str) -> bool:
        # Where either will do, half of them fail before, and of the rest as many as make the same number after.
        either, share = self._faults.rest_when == "either", self._faults.rest_failure_share
        if either and self._faults.rest_status != _NEVER_DONE:
            share = share / 2 if when == "before" else share / (2 - share)
        return share > 0 and self._thrown(f"rest {when}") < share

    def _thrown(self, kind: str) -> float:
        with self._lock:
            dice = self._dice.get(kind)
            if dice is None:
                dice = self._dice[kind] = Random(f"{self._faults.seed} {kind}")
            return dice.random()

    def take(self, counter: str) -> bool:
        """Use up one of a counted fault; False when none is left."""
        with self._lock:
            left = getattr(self._faults, counter)
            if left > 0:
                self._faults = replace(self._faults, **{counter: left - 1})
            return bool(left > 0)


def _checked(name: str, value: Any) -> Any:
    value = _of_its_kind(name, value)
    if name.endswith("_share") and not 0 <= value <= 1:
        raise FaultRefused(f"{name}: a share is from 0 to 1, not `{value}`")
    return value


def _of_its_kind(name: str, value: Any) -> Any:
    known = asdict(Faults())
    if name not in known:
        raise FaultRefused(f"no fault is called `{name}`; there are: {', '.join(known)}")
    wanted = type(known[name])
    if wanted is float and type(value) is int:
        return float(value)
    if type(value) is not wanted:
        raise FaultRefused(f"{name}: needs a {wanted.__name__}, not `{value}`")
    return value
