"""What callers were told of their wait, to be judged by how long it was; and how long talks take, to tell the next."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, case, func, select

from ivr.core.line import Ticket
from ivr.store.database import Database, Write
from ivr.store.notation import instant, micros, read_ticket
from ivr.store.tables import forecasts, fresh, handling, tickets

MOST_TALKS = 50  # the mean follows about so many of the last talks


@dataclass(frozen=True, slots=True)
class Judged:
    """A forecast and what came of it; `waited_seconds` from then on, None for who was not answered."""

    queue: str
    position: int
    low_minutes: int
    high_minutes: int
    told_at: datetime
    waited_seconds: float | None


_KEEP = fresh(forecasts).on_conflict_do_nothing()
_TOLD = select(func.min(forecasts.c.position)).where(forecasts.c.call_id == bindparam("call"))
_HANDLING = select(handling.c.talks, handling.c.seconds).where(
    handling.c.site == bindparam("site"), handling.c.queue == bindparam("queue")
)
_JUDGED = (
    select(
        forecasts.c.queue,
        forecasts.c.position,
        forecasts.c.low_minutes,
        forecasts.c.high_minutes,
        forecasts.c.told_at,
        tickets.c.body,
    )
    .join(tickets, tickets.c.call_id == forecasts.c.call_id)
    .where(forecasts.c.told_at >= bindparam("since"))
    .order_by(forecasts.c.told_at)
)
_TALK = fresh(handling, talks=1)
_MEASURED = case((handling.c.talks < MOST_TALKS, handling.c.talks + 1), else_=MOST_TALKS)
_ADD_TALK = _TALK.on_conflict_do_update(
    index_elements=["site", "queue"],
    set_={
        "talks": _MEASURED,
        "seconds": handling.c.seconds + (_TALK.excluded.seconds - handling.c.seconds) / _MEASURED,
    },
)


def talk_measured(before: Ticket | None, after: Ticket) -> Iterator[Write]:
    """Yield what keeps the length of the talk that ended with this turn, if one did."""
    ends = after.state == "closed" and before is not None and before.state == "talking"
    if ends and after.answered_at and after.closed_at:
        seconds = (after.closed_at - after.answered_at).total_seconds()
        yield Write(_ADD_TALK, {"site": after.site, "queue": after.queue, "seconds": seconds})


class Forecasts:
    """Forecasts are kept beside the call: a caller on hold hears a view of it, which changes nothing in it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def keep(self, ticket: Ticket, position: int, low: int, high: int, now: datetime) -> None:
        """Keep what the ticket's caller is told; of the same position only what they were told first."""
        self._database.change(
            _KEEP,
            call_id=ticket.call,
            site=ticket.site,
            queue=ticket.queue,
            position=position,
            low_minutes=low,
            high_minutes=high,
            told_at=micros(now),
        )

    def told(self, call_id: str) -> int | None:
        """Return the best position a call was told, None when it was told none."""
        [(position,)] = self._database.rows(_TOLD, call=call_id)
        return None if position is None else int(position)

    def handling(self, site: str, queue: str) -> tuple[int, float]:
        """Return how many talks in a queue were measured lately, and their mean length in seconds."""
        row = self._database.row(_HANDLING, site=site, queue=queue)
        return (int(row[0]), float(row[1])) if row else (0, 0.0)

    def judged(self, since: datetime) -> list[Judged]:
        """Return the forecasts told since then, the oldest first, with the waits that followed."""
        return [
            Judged(queue, position, low, high, instant(told), _waited(told, body))
            for queue, position, low, high, told, body in self._database.rows(_JUDGED, since=micros(since))
        ]


def _waited(told: int, body: str) -> float | None:
    answered = read_ticket(body).answered_at
    return None if answered is None else (answered - instant(told)).total_seconds()
