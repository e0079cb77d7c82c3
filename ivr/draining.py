"""How a web machine leaves: SIGTERM only says so at `/readyz`, and it stops once the proxy has had time to look.

The master of gunicorn hears the signal, and its children answer the proxy: they share a byte of memory. Meanwhile
everything is served as ever. A second SIGTERM, or SIGINT, stops at once.
"""

from __future__ import annotations

import mmap
import signal
from collections.abc import Callable
from types import FrameType

Handler = Callable[[int, FrameType | None], object]

_leaving = mmap.mmap(-1, 1)  # nobody's file: shared with whoever is forked from us


def is_leaving() -> bool:
    """Has this machine been asked to stop?"""
    return _leaving[0] > 0


def put_before(stop: Handler, seconds: float) -> None:
    """Let SIGTERM call `stop` so many seconds later, at once when it comes again. Call it in the master."""

    def leave(number: int, frame: FrameType | None) -> None:
        if is_leaving():
            stop(number, frame)
        else:
            _leaving[0] = 1
            signal.setitimer(signal.ITIMER_REAL, seconds)

    # A timer of the system, and no thread: the master forks.
    signal.signal(signal.SIGALRM, lambda _number, frame: stop(signal.SIGTERM, frame))
    signal.signal(signal.SIGTERM, leave)
