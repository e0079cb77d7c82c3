"""Failure on demand, so that others can see what their side does when an order system fails."""

from __future__ import annotations

import threading
import time

SLOW_SECONDS = 5.0


class Faults:
    """The failure being played, and until when; seconds are real ones, as timeouts are.

    `down` does nothing and says 503; `slow` does what was asked, seconds later; `error` does it and says 500,
    so nobody can know.
    """

    def __init__(self) -> None:
        self._mode: str | None = None
        self._until = 0.0
        self._over = threading.Event()

    def begin(self, mode: str, seconds: float) -> None:
        """Play `mode` for so many seconds, in place of what was played before; 0 ends it."""
        self.end()
        self._over = threading.Event()
        self._mode, self._until = mode, time.monotonic() + seconds

    def end(self) -> None:
        """Work as usual again; slow answers under way go out at once."""
        self._mode = None
        self._over.set()

    def mode(self) -> str | None:
        """Return the failure to play now."""
        return self._mode if time.monotonic() < self._until else None

    def dawdle(self) -> None:
        """Keep the caller waiting as a slow answer does."""
        self._over.wait(SLOW_SECONDS)
