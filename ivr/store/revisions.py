"""What was said of a call over time: each revision of its disposition, and the sealed notes of staff. It all stays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, select

from ivr.core.effects import KeepNote, WriteDisposition
from ivr.store.database import Database, Write
from ivr.store.drivers import Row
from ivr.store.notation import instant, read_body, written
from ivr.store.tables import fresh, notes, revisions


@dataclass(frozen=True, slots=True)
class Revision:
    """A disposition as it stood from then on."""

    revision: int
    at: datetime
    by: str  # the agent who said so; empty: the line itself
    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Note:
    """What staff wrote about a call; `revision` is that of the disposition it explains."""

    nth: int  # of the call, from 1
    at: datetime
    by: str
    revision: int | None
    words: str = field(repr=False)


_NEW_REVISION = fresh(revisions)
_NEW_NOTE = fresh(notes)
_REVISIONS = (
    select(revisions.c.revision, revisions.c.at, revisions.c.by, revisions.c.body)
    .where(revisions.c.call_id == bindparam("call"))
    .order_by(revisions.c.revision)
)
_NOTES = (
    select(notes.c.nth, notes.c.at, notes.c.by, notes.c.revision, notes.c.words)
    .where(notes.c.call_id == bindparam("call"))
    .order_by(notes.c.nth)
)
_NOTE = _NOTES.where(notes.c.nth == bindparam("nth"))


class Revisions:
    """Revisions and notes, to be read."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of(self, call_id: str) -> list[Revision]:
        """Return every revision of a call's disposition, the oldest first."""
        rows = self._database.rows(_REVISIONS, call=call_id)
        return [Revision(revision, instant(at), by, read_body(body)) for revision, at, by, body in rows]

    def notes(self, call_id: str) -> list[Note]:
        """Return what staff wrote about a call, in order."""
        return [_note(row) for row in self._database.rows(_NOTES, call=call_id)]

    def note(self, call_id: str, nth: int) -> Note | None:
        """Return one note; None when it is none, or kept no longer."""
        row = self._database.row(_NOTE, call=call_id, nth=nth)
        return None if row is None else _note(row)


def _note(row: Row) -> Note:
    nth, at, by, revision, words = row
    return Note(nth, instant(at), by, revision, words)


# ---------------------------------------------------------------- what a turn writes


def revision_write(call_id: str, effect: WriteDisposition, at: int) -> Write:
    """Return what keeps a revision; Conflict when there is another of its number."""
    row = {"call_id": call_id, "revision": effect.revision, "at": at, "by": effect.by, "body": written(effect.body)}
    return Write(_NEW_REVISION, row)


def note_write(call_id: str, effect: KeepNote, at: int) -> Write:
    """Return what keeps a note."""
    row = {"call_id": call_id, "nth": effect.nth, "at": at, "by": effect.by, "revision": effect.revision}
    return Write(_NEW_NOTE, row | {"words": effect.words})
