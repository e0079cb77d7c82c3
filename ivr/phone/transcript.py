"""What one phone hears and does, line by line, for whoever holds it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

_AUDIBLE = {"said": "text", "heard": "text", "spoke": "text", "keyed": "digits"}


@dataclass(frozen=True, slots=True)
class Line:
    """One thing heard or done: `n` counts from 1, `kind` says what (see `ivr.phone.handset`), `facts` the rest."""

    n: int
    at: datetime
    kind: str
    facts: Mapping[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Return the line as the handset API shows it."""
        return {"n": self.n, "at": self.at.isoformat(), "kind": self.kind, **self.facts}


class Transcript:
    """Lines in order, which any number of readers may wait for."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._lines: list[Line] = []
        self._grown = threading.Condition()

    def note(self, kind: str, **facts: Any) -> None:
        """Add a line."""
        with self._grown:
            self._lines.append(Line(len(self._lines) + 1, self._now(), kind, facts))
            self._grown.notify_all()

    @property
    def last(self) -> int:
        """The number of the newest line; 0 before the first."""
        return len(self._lines)

    def words(self, n: int = 0) -> list[str]:
        """Return what is heard on a leg after line number `n`: all that is said, and the keys pressed."""
        lines = self._lines[n:]
        return [line.facts[_AUDIBLE[line.kind]] for line in lines if line.kind in _AUDIBLE]

    def after(self, n: int, wait_seconds: float = 0.0) -> list[Line]:
        """Return the lines after number `n`, waiting up to `wait_seconds` (real) for the first of them."""
        deadline = time.monotonic() + wait_seconds
        with self._grown:
            while len(self._lines) <= n:
                left = deadline - time.monotonic()
                if left <= 0:
                    break
                self._grown.wait(left)
            return self._lines[max(n, 0) :]
