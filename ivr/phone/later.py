"""What is to happen a while from now: one thread watches the clock for all of it."""

from __future__ import annotations

import heapq
import itertools
import threading
import time
from collections.abc import Callable


class Later:
    """Acts to come. Each must be quick: they all wait for one another."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._due: list[tuple[float, int, Callable[[], object]]] = []
        self._number = itertools.count()
        self._closed = False
        self._thread: threading.Thread | None = None

    def after(self, seconds: float, act: Callable[[], object]) -> None:
        """Act after so many (real) seconds, unless this is closed before."""
        with self._changed:
            heapq.heappush(self._due, (time.monotonic() + seconds, next(self._number), act))
            if self._thread is None:
                self._thread = threading.Thread(target=self._watch, name="later", daemon=True)
                self._thread.start()
            self._changed.notify()

    def close(self) -> None:
        """Let nothing more happen."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        if self._thread is not None:
            self._thread.join()

    def _watch(self) -> None:
        while act := self._next():
            act()

    def _next(self) -> Callable[[], object] | None:
        with self._changed:
            while not self._closed:
                left = self._due[0][0] - time.monotonic() if self._due else None
                if left is not None and left <= 0:
                    return heapq.heappop(self._due)[2]
                self._changed.wait(left)
            return None
