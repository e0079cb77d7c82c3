"""The relay: effects committed and not done go to RQ at once, and round it when it is slow, lost or down."""

from __future__ import annotations

import time
from collections.abc import Iterable

from ivr.jobs import LANES, Crew, Queues, job_id
from ivr.store import EffectRow, Outbox

PATIENCE_SECONDS = 2.0
"""How long RQ has to begin with an effect. It can take minutes to notice a worker that died, and a flush of Redis
loses every job without a word; then the relay's own crew does it. Twice at once it cannot be done: it is leased."""

_MOST_AT_ONCE = 500


class Relay:
    """Hands effects on; `once` is one look at the outbox."""

    def __init__(self, outbox: Outbox, queues: Queues, crew: Crew, patience_seconds: float = PATIENCE_SECONDS) -> None:
        self._outbox = outbox
        self._patience_seconds = patience_seconds
        self._queues = queues
        self._crew = crew
        self._handed_at: dict[str, float] = {}

    def once(self) -> int:
        """Hand on every effect that is due; returns how many were new or overdue."""
        rows = [row for lane in LANES for row in self._outbox.due(lane, _MOST_AT_ONCE)]
        self._forget(rows)
        return sum(self._hand_on(row) for row in rows)

    def _hand_on(self, row: EffectRow) -> bool:
        handed_at, now = self._handed_at.get(job_id(row)), time.monotonic()
        if handed_at is not None and now - handed_at < self._patience_seconds:
            return False
        taken = (handed_at is None and self._queues.put(row)) or self._crew.hand(row.id)
        if taken:
            self._handed_at[job_id(row)] = now
        return taken

    def _forget(self, due: Iterable[EffectRow]) -> None:
        still = {job_id(row) for row in due}
        self._handed_at = {job: at for job, at in self._handed_at.items() if job in still}
