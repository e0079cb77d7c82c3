"""Messages callers left: what was said in them, sealed, and who has heard, closed and confirmed them.

What becomes of a message is decided with its call (`core.mailbox`); a turn writes it down here, so that it can be found
and read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Integer, bindparam, cast, func, null, select, update

from ivr.core.call import Call, Message
from ivr.core.effects import KeepItems, KeepTranscript
from ivr.store.database import Database, Write
from ivr.store.drivers import Row
from ivr.store.notation import instant, micros, read_items, read_names, written
from ivr.store.tables import messages, tickets, upsert, word

_SAID = ("transcript", "items")


@dataclass(frozen=True, slots=True)
class LeftMessage:
    """A message as staff find it. `transcript` was made by a machine of a stranger's words: show it as such."""

    call_id: str
    queue: str
    promised_at: datetime
    emergency: bool
    kind: str  # voicemail · prescription
    recording: str
    seconds: int
    left_at: datetime
    heard: str  # of the transcript: none · awaited · late · failed · kept
    flags: tuple[str, ...]
    played_by: tuple[str, ...]
    closed_by: str | None
    code: str | None
    confirmed_by: str | None
    deleted_at: datetime | None
    transcript: str | None = field(default=None, repr=False)
    items: Mapping[str, str] = field(default_factory=dict, repr=False)  # of a prescription


_PUT = upsert(messages, *_SAID)
_KEEP_TRANSCRIPT = update(messages).where(messages.c.call_id == bindparam("call")).values(transcript=bindparam("said"))
_KEEP_ITEMS = update(messages).where(messages.c.call_id == bindparam("call")).values(items=bindparam("said"))
_WIPE = update(messages).where(messages.c.call_id == bindparam("call")).values(transcript=null(), items=null())

_COLUMNS = [
    *(tickets.c.queue, tickets.c.promised_at, cast(tickets.c.calm, Integer)),
    *(messages.c[name] for name in ("call_id", "kind", "recording", "seconds", "left_at", "heard", "flags")),
    *(messages.c[name] for name in ("played_by", "closed_by", "code", "second_by", "deleted_at", *_SAID)),
]
_OF_TICKETS = select(*_COLUMNS).join_from(messages, tickets, tickets.c.call_id == messages.c.call_id)
_ONE = _OF_TICKETS.where(messages.c.call_id == bindparam("call"))
_UNWORKED = _OF_TICKETS.where(
    tickets.c.state != word("closed"),
    tickets.c.kind == word("voicemail"),
    messages.c.site == bindparam("site"),
).order_by(tickets.c.calm, tickets.c.promised_at, tickets.c.arrived_at, tickets.c.id)
_WORKED_BEFORE = (
    select(messages.c.call_id)
    .where(
        messages.c.closed_at < bindparam("before"),
        func.coalesce(messages.c.second_at, messages.c.closed_at) < bindparam("before"),
        messages.c.deleted_at.is_(None),
    )
    .order_by(messages.c.closed_at)
    .limit(bindparam("limit"))
)


class Messages:
    """Messages, to be listed and read."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of(self, call_id: str) -> LeftMessage | None:
        """Return the message of a call with what is said in it; None when none was left."""
        row = self._database.row(_ONE, call=call_id)
        return None if row is None else self._read(row)

    def open(self, site: str) -> list[LeftMessage]:
        """Return a site's messages to be worked or confirmed, in the order of their promises."""
        return [self._read(row) for row in self._database.rows(_UNWORKED, site=site)]

    def worked_before(self, before: datetime, limit: int = 500) -> list[str]:
        """Return the calls whose messages were closed before then and are kept still, the oldest first."""
        return [call for (call,) in self._database.rows(_WORKED_BEFORE, before=micros(before), limit=limit)]

    def _read(self, row: Row) -> LeftMessage:
        queue, promised, calm, call_id, kind, recording, seconds, left, heard, flags, *rest = row
        played, closed, code, second, deleted, transcript, items = rest
        return LeftMessage(
            call_id,
            queue,
            instant(promised),
            not calm,
            kind,
            recording,
            seconds,
            instant(left),
            heard,
            read_names(flags),
            read_names(played or "[]"),
            closed,
            code,
            second,
            None if deleted is None else instant(deleted),
            transcript,
            {} if items is None else read_items(items),
        )


# ---------------------------------------------------------------- what a turn writes


def message_writes(before: Call | None, after: Call) -> Iterator[Write]:
    """Yield the statements for what a turn made of the call's message."""
    message = after.message
    if message is None or (before is not None and message == before.message):
        return
    yield Write(_PUT, _row(after, message))
    if message.deleted_at is not None:
        yield Write(_WIPE, {"call": after.id})


def said_write(call: Call, effect: KeepTranscript | KeepItems) -> Write:
    """Return the statement that keeps what is said in a message."""
    if isinstance(effect, KeepTranscript):
        return Write(_KEEP_TRANSCRIPT, {"call": call.id, "said": effect.words})
    return Write(_KEEP_ITEMS, {"call": call.id, "said": written(dict(effect.items))})


def _row(call: Call, message: Message) -> dict[str, Any]:
    return {
        "call_id": call.id,
        "site": call.site,
        "recording": message.recording,
        "kind": message.kind,
        "seconds": message.seconds,
        "left_at": micros(message.left_at),
        "heard": message.transcript,
        "flags": written(message.flags),
        "transcript": None,
        "items": None,
        "played_at": _micros(message.played_at),
        "played_by": written(message.played_by),
        "closed_at": _micros(message.closed_at),
        "closed_by": message.closed_by,
        "code": message.code,
        "unheard": message.unheard or None,
        "second_at": _micros(message.confirmed_at),
        "second_by": message.confirmed_by,
        "deleted_at": _micros(message.deleted_at),
    }


def _micros(at: datetime | None) -> int | None:
    return None if at is None else micros(at)
