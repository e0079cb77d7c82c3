"""The sounds the carrier keeps of calls: which there are, since when, and which it has deleted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, select, update

from ivr.core.call import Call
from ivr.store.database import Database, Write
from ivr.store.notation import micros
from ivr.store.seal import Seal
from ivr.store.tables import fresh, recordings, word


@dataclass(frozen=True, slots=True)
class Sound:
    """A recording at the carrier, by the carrier's id."""

    call_id: str
    recording: str


_NEW = fresh(recordings).on_conflict_do_nothing()
_AT_THE_CARRIER = select(recordings.c.call_id, recordings.c.recording).where(recordings.c.deleted_at.is_(None))
_TALKS_BEFORE = (
    _AT_THE_CARRIER.where(recordings.c.kind == word("talk"), recordings.c.made_at < bindparam("before"))
    .order_by(recordings.c.made_at)
    .limit(bindparam("limit"))
    .offset(bindparam("skipped"))
)
_OF_CALL = _AT_THE_CARRIER.where(recordings.c.call_id == bindparam("call"))
_DELETED = (
    update(recordings)
    .where(recordings.c.call_id == bindparam("call"), recordings.c.key == bindparam("sound"))
    .values(deleted_at=bindparam("now"))
)


class Recordings:
    """Recordings that the carrier still has."""

    def __init__(self, database: Database, seal: Seal) -> None:
        self._database = database
        self._seal = seal

    def talks_before(self, before: datetime, limit: int, skipped: int = 0) -> list[Sound]:
        """Return the recorded talks made before then, the oldest first, without the first so many."""
        rows = self._database.rows(_TALKS_BEFORE, before=micros(before), limit=limit, skipped=skipped)
        return [Sound(*row) for row in rows]

    def of(self, call_id: str) -> list[Sound]:
        """Return what the carrier still has of a call."""
        return [Sound(*row) for row in self._database.rows(_OF_CALL, call=call_id)]

    def deleted(self, call_id: str, recording: str, now: datetime) -> None:
        """Note that the carrier has deleted a recording."""
        self._database.change(_DELETED, call=call_id, sound=self._seal.key_of(recording), now=micros(now))


def recording_writes(before: Call | None, after: Call, at: int, seal: Seal) -> Iterator[Write]:
    """Yield the statements for the recordings a turn heard of."""
    known = _all(before) if before else {}
    for recording, kind in _all(after).items():
        if recording not in known:
            yield Write(_NEW, _row(after.id, recording, kind, at, seal))


def _all(call: Call) -> dict[str, str]:
    if not call.recordings and not call.tapes:  # as nearly every call of nearly every turn
        return {}
    return dict.fromkeys(call.recordings, "message") | dict.fromkeys(call.tapes.values(), "talk")


def _row(call_id: str, recording: str, kind: str, at: int, seal: Seal) -> dict[str, object]:
    known = {"call_id": call_id, "key": seal.key_of(recording), "recording": recording}
    return {**known, "kind": kind, "made_at": at, "deleted_at": None}
