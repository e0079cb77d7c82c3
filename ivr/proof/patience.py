"""How long a proof may take, and what happens when it takes longer."""

from __future__ import annotations

import time


class OutOfTime(Exception):
    """The time for proofs is over; what has not been shown is not proved."""


class Patience:
    """Seconds of real time, shared by all proofs of one check."""

    def __init__(self, seconds: float) -> None:
        self._until = time.monotonic() + seconds

    def spend(self) -> None:
        """Go on, or raise OutOfTime."""
        if time.monotonic() > self._until:
            raise OutOfTime
