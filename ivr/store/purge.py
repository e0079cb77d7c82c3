"""What is past its keep: found, removed a little at a time, and looked for again.

No transaction here is longer than a turn's: callers are on the line while it runs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import (
    Column,
    Executable,
    Select,
    Table,
    bindparam,
    delete,
    exists,
    func,
    null,
    select,
    text,
    tuple_,
    update,
)

from ivr.store.audit import Audit
from ivr.store.database import Database, Write
from ivr.store.notation import micros
from ivr.store.recordings import Sound
from ivr.store.refusals import Conflict
from ivr.store.tables import (
    answers,
    callers,
    calls,
    dispositions,
    effects,
    forecasts,
    journal,
    legs,
    messages,
    notes,
    offers,
    order_events,
    presences,
    proofs,
    recordings,
    replies,
    revisions,
    tickets,
    timers,
    word,
)

BATCH = 100

# What goes with a call: every table that has its id. A test sees to that.
WITH_A_CALL: tuple[Table, ...] = (
    *(answers, dispositions, effects, forecasts, journal, legs, messages, notes, offers, proofs, recordings, revisions),
    *(tickets, timers),
)


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of data that goes row by row once it is old: its table, and the instant that tells how old."""

    table: Table
    at: Column[Any]


ROW_BY_ROW: Mapping[str, Kind] = {
    "proofs": Kind(proofs, proofs.c.at),
    "forecasts": Kind(forecasts, forecasts.c.told_at),
    "callers": Kind(callers, callers.c.seen_at),
    "presences": Kind(presences, presences.c.at),
    "events": Kind(order_events, order_events.c.received_at),
}

# ---------------------------------------------------------------- calls

_owed = exists().where(effects.c.call_id == calls.c.id, effects.c.state.not_in([word("done"), word("dead")]))
_OLD_CALL = (calls.c.arrived_at < bindparam("before"), text("NOT calls.live"), ~_owed)
_OLD_CALLS = (
    select(calls.c.id)
    .where(*_OLD_CALL)
    .order_by(calls.c.arrived_at, calls.c.id)
    .limit(bindparam("limit"))
    .offset(bindparam("skipped"))
)
_REPLIES = delete(replies).where(
    replies.c.leg.in_(select(legs.c.token).where(legs.c.call_id == bindparam("call")).scalar_subquery())
)
_BELONGING = tuple(delete(table).where(table.c.call_id == bindparam("call")) for table in WITH_A_CALL)
_CALL = delete(calls).where(calls.c.id == bindparam("call"), *_OLD_CALL)
_CALLS_LEFT = select(func.count()).where(*_OLD_CALL)

# ---------------------------------------------------------------- transcripts and sounds

_closed = messages.c.closed_at.is_not(None)
_OLD_TRANSCRIPT = (messages.c.transcript.is_not(None), messages.c.left_at < bindparam("before"), _closed)
_some = select(messages.c.call_id).where(*_OLD_TRANSCRIPT).limit(bindparam("limit")).scalar_subquery()
_WIPE = update(messages).where(messages.c.call_id.in_(_some)).values(transcript=null()).returning(messages.c.call_id)
_TRANSCRIPTS_LEFT = select(func.count()).where(*_OLD_TRANSCRIPT)
_OLD_TALK = (recordings.c.kind == word("talk"), recordings.c.made_at < bindparam("before"))
_TALKS_LEFT = select(func.count()).where(*_OLD_TALK, recordings.c.deleted_at.is_(None))
# A message's sound goes with its message, by an effect of its call; what the carrier refused then is asked for again.
_LEFT_BEHIND = (
    select(recordings.c.call_id, recordings.c.recording)
    .join_from(recordings, messages, messages.c.call_id == recordings.c.call_id)
    .where(
        recordings.c.kind == word("message"),
        recordings.c.deleted_at.is_(None),
        messages.c.deleted_at < bindparam("before"),
    )
    .order_by(recordings.c.call_id, recordings.c.key)
)


class Purge:
    """Removes from the record what is older than an instant, and says which rows those were."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._audit = Audit(database)

    def calls_before(self, before: datetime, skipped: int = 0, limit: int = BATCH) -> list[str]:
        """Return calls that arrived before then, are over and owe nobody anything, without the first so many."""
        rows = self._database.rows(_OLD_CALLS, before=micros(before), skipped=skipped, limit=limit)
        return [call for (call,) in rows]

    def call(self, call_id: str, before: datetime) -> bool:
        """Remove a call with all that belongs to it; False when it lives again by now."""
        whole = Write(_CALL, {"call": call_id, "before": micros(before)}, Conflict)
        try:
            self._database.write([whole, *(Write(each, {"call": call_id}) for each in (_REPLIES, *_BELONGING))])
        except Conflict:
            return False
        return True

    def rows(self, kind: str, before: datetime) -> Iterator[list[str]]:
        """Remove the rows of a kind that are older than then, a batch at a time; yields their ids."""
        removing, _ = _statements(kind)
        while removed := self._database.change(removing, before=micros(before), limit=BATCH):
            yield [":".join(map(str, row)) for row in removed]

    def transcripts(self, before: datetime) -> Iterator[list[str]]:
        """Wipe the transcripts of messages left before then and worked since; yields their calls."""
        while wiped := self._database.change(_WIPE, before=micros(before), limit=BATCH):
            yield [call for (call,) in wiped]

    def audit(self, before: datetime) -> Iterator[list[str]]:
        """Let go of the beginning of the audit, as far as it is older than then; yields the lines' ids.

        What stays is still one chain: `store/audit.py`.
        """
        while gone := self._audit.let_go(before, BATCH):
            yield gone

    def left_behind(self, before: datetime) -> list[Sound]:
        """Return the sounds of messages that were let go of before then, and that the carrier still has."""
        return [Sound(*row) for row in self._database.rows(_LEFT_BEHIND, before=micros(before))]

    def remaining(self, kind: str, before: datetime) -> int:
        """Return how many rows of a kind are older than then and could be removed."""
        if kind == "audit":
            return self._audit.old(before)
        left = {"calls": _CALLS_LEFT, "transcripts": _TRANSCRIPTS_LEFT, "recordings": _TALKS_LEFT}
        return self._count(left[kind] if kind in left else _statements(kind)[1], before=micros(before))

    def _count(self, statement: Select[Any], **values: Any) -> int:
        [(count,)] = self._database.rows(statement, **values)
        return int(count)


@cache
def _statements(kind: str) -> tuple[Executable, Select[Any]]:
    """What removes a batch of a kind's old rows, and what counts those left."""
    table, at = ROW_BY_ROW[kind].table, ROW_BY_ROW[kind].at
    key, old = list(table.primary_key.columns), at < bindparam("before")
    some = select(*key).where(old).limit(bindparam("limit"))
    removing = delete(table).where(tuple_(*key).in_(some) if len(key) > 1 else key[0].in_(some)).returning(*key)
    return removing, select(func.count()).select_from(table).where(old)
