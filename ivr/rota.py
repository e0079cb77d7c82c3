"""Shifts: whoever has some is signed in when one begins and out when it ends, and in between does as they like."""

from __future__ import annotations

from datetime import datetime, timedelta

import structlog

from ivr.core.hours import Hours
from ivr.core.line import Agent
from ivr.core.pharmacy import Pharmacy
from ivr.store import Record

log = structlog.get_logger(__name__)

FARTHEST_LOOK_BACK = timedelta(days=8)  # a week and a day: every week has its shifts again
MOST_EDGES = 2  # whoever slept over more needs only the last shift's end and beginning


def shifts_of(agent: Agent, pharmacy: Pharmacy) -> Hours | None:
    """Return an agent's shifts by their site's clock and holidays; None for whoever has none."""
    site = pharmacy.hours[agent.site]
    return Hours(site.timezone, agent.shifts, site.closed_days) if agent.shifts else None


class Rota:
    """Applied by whoever dispatches; two at once move nobody twice."""

    def __init__(self, record: Record) -> None:
        self._record = record
        self._seen: dict[str, datetime] = {}  # agent -> up to when their shifts were looked at
        self._version = ""

    def apply(self, pharmacy: Pharmacy, now: datetime) -> None:
        """Move everybody whose shift has begun or ended since they were last moved by one."""
        if self._version != pharmacy.version:
            self._seen, self._version = {}, pharmacy.version
        rostered = [agent for agent in pharmacy.staff.values() if agent.shifts]
        due = [(agent, edges) for agent in rostered if (edges := self._edges(agent, pharmacy, now))]
        known = self._record.desk.agents() if due else {}
        for agent, edges in due:
            if agent.id in known:
                self._move(agent.id, edges, known[agent.id].shift_at)
        self._seen = {agent.id: now for agent in rostered}

    def _edges(self, agent: Agent, pharmacy: Pharmacy, now: datetime) -> list[tuple[datetime, bool]]:
        shifts = shifts_of(agent, pharmacy)
        since = self._seen.get(agent.id, now - FARTHEST_LOOK_BACK)
        return shifts.edges(since, now)[-MOST_EDGES:] if shifts and since < now else []

    def _move(self, agent: str, edges: list[tuple[datetime, bool]], last: datetime | None) -> None:
        for at, begins in edges:
            if last is None or at > last:
                self._record.desk.begin_or_end_shift(agent, "shift_began" if begins else "shift_ended", at)
                log.info("shift_applied", agent=agent, begins=begins)
