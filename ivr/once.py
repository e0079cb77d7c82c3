"""Effects Twilio cannot tell from a second of their kind: done one at a time, at our own pace, and never guessed.

The row says `sending` before we ask. Only a refusal that proves nothing was done makes it due again; after anything
else Twilio's own list says what became of it.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import structlog

from ivr.clock import Clock
from ivr.leases import Leases
from ivr.store import EffectRow, Unreachable
from ivr.switchboard import Switchboard

log = structlog.get_logger(__name__)

LOOK_UP_AFTER_SECONDS = 10.0
TRIES = 3
CLOCKS_DIFFER_SECONDS = 2.0  # Twilio tells whole seconds, by its own clock

Act = Callable[[EffectRow], bool]  # True when Twilio was asked


class Once:
    """One lane's effects, by one process for all sites, since Twilio's pace is the account's."""

    def __init__(
        self, lane: str, lease: str, board: Switchboard, leases: Leases, pace: Callable[[], float], do: Act, find: Act
    ) -> None:
        self._lane = lane
        self._lease = lease
        self._outbox = board.record.outbox
        self._clock = board.clock
        self._leases = leases
        self._pace = pace  # how many a second
        self._do = do
        self._find = find
        self._next_at = 0.0  # by the clock's practice seconds

    def once(self) -> float:
        """Do what is due; returns in how many real seconds there may be more to do, 1 at most."""
        if not self._leases.held(self._lease):
            return 1.0
        for row in self._outbox.unknowns(self._lane, LOOK_UP_AFTER_SECONDS):
            self._safely(self._find, row)
        for row in self._outbox.due(self._lane):
            early = (self._next_at - self._clock.monotonic()) / self._clock.speed
            if early > 0:
                return min(1.0, early)
            if self._leases.held(self._lease) and self._safely(self._do, row):
                self._next_at = self._clock.monotonic() + 1 / self._pace()
        return 1.0

    def _safely(self, act: Act, row: EffectRow) -> bool:
        """One bad effect must not keep the others from being done; how far it came, its row says."""
        try:
            return act(row)
        except Unreachable:
            raise
        except Exception as fault:
            # Its text may quote the number; its type does not.
            log.error("once_failed", effect=row.id, kind=row.kind, fault=type(fault).__name__)
            return True


def since_ours(row: EffectRow) -> datetime:
    """Return from when on our own effects can have brought what is found, by the machine's clock."""
    return (row.sent_at or datetime.now(UTC)) - timedelta(seconds=CLOCKS_DIFFER_SECONDS)


def asked_at(row: EffectRow, clock: Clock) -> datetime:
    """Return what the clock showed when Twilio was asked, a little early: its practice exchange goes by the clock."""
    passed = (datetime.now(UTC) - row.sent_at) if row.sent_at else timedelta(0)
    return clock.now() - passed * clock.speed - timedelta(seconds=CLOCKS_DIFFER_SECONDS)
