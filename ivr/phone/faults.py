"""What goes wrong on purpose, so that a rehearsal can show what the product makes of it."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any


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
    """`before` or `after` the exchange did what was asked. 429 is always before: Twilio never acts on it."""


class FaultBox:
    """The faults of one exchange, to read, set and use up from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults = Faults()

    @property
    def now(self) -> Faults:
        """The faults in force."""
        return self._faults

    def set(self, wanted: Mapping[str, Any]) -> Faults:
        """Put exactly these faults in force, all others off; raises FaultRefused."""
        faults = Faults(**{name: _checked(name, value) for name, value in wanted.items()})
        if faults.rest_when not in ("before", "after"):
            raise FaultRefused("rest_when: before, or after")
        with self._lock:
            self._faults = faults
        return faults

    def as_json(self) -> dict[str, Any]:
        """Return the faults in force by name."""
        return asdict(self._faults)

    def take(self, counter: str) -> bool:
        """Use up one of a counted fault; False when none is left."""
        with self._lock:
            left = getattr(self._faults, counter)
            if left > 0:
                self._faults = replace(self._faults, **{counter: left - 1})
            return bool(left > 0)


def _checked(name: str, value: Any) -> Any:
    known = asdict(Faults())
    if name not in known:
        raise FaultRefused(f"no fault is called `{name}`; there are: {', '.join(known)}")
    wanted = type(known[name])
    if wanted is float and type(value) is int:
        return float(value)
    if type(value) is not wanted:
        raise FaultRefused(f"{name}: needs a {wanted.__name__}, not `{value}`")
    return value
