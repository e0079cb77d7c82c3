"""The outbox: effects committed with their turn and not yet done. Its times are real, never the practice clock's."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import and_, bindparam, exists, func, not_, null, or_, select, update

from ivr.core.call_record import Request
from ivr.core.effects import Effect, RequestRefill, RequestRenewal, WriteDisposition
from ivr.store.database import Database, Write
from ivr.store.drivers import Row
from ivr.store.effects import placing_of, real_micros
from ivr.store.notation import instant, micros, read_effect
from ivr.store.refusals import Conflict
from ivr.store.tables import dispositions, effects, word


@dataclass(frozen=True, slots=True)
class EffectRow:
    """An effect and how far it has come."""

    id: str
    call_id: str
    kind: str  # the effect's class name
    effect: Effect
    lane: str  # place · text · telephony · orders
    state: str  # due · leased · sending · unknown · done · dead
    attempts: int
    sent_at: datetime | None  # real time of the last request of a `once` effect


REFUSED = "refused: "  # stands in a result before the task that took the place of what was asked for
_REQUESTS = {"RequestRefill": "refill", "RequestRenewal": "renewal"}
_WORD = re.compile(r"[a-z_]+")  # a request's id is none: what was asked for before, and is on its way all the same


@dataclass(frozen=True, slots=True)
class Delivery:
    """Something the order system is told, and whether it has it."""

    id: str
    kind: str  # the effect's class name
    effect: Effect
    state: str  # due · leased · sending · unknown · done · dead
    attempts: int
    result: str  # what it brought
    error: str  # why it is not done, or never will be
    done_at: datetime | None  # by the machine's clock


_COLUMNS = [effects.c[name] for name in ("id", "call_id", "kind", "body", "lane", "state", "attempts", "sent_at")]
_UNDONE = effects.c.state.not_in([word("done"), word("dead")])
# A lease that ran out is a worker that died before it asked for anything.
_FREE = or_(
    and_(effects.c.state == word("due"), effects.c.due_at <= bindparam("real")),
    and_(effects.c.state == word("leased"), effects.c.lease_until < bindparam("real")),
)
_before = effects.alias("before")
_FIRST_OF_ITS_CALL = or_(
    effects.c.lane != word("orders"),
    effects.c.kind == word("Inquire"),  # a question waits for nothing, and nothing for it
    not_(
        exists().where(
            _before.c.call_id == effects.c.call_id,
            _before.c.seq < effects.c.seq,
            _before.c.lane == word("orders"),
            _before.c.kind != word("Inquire"),
            _before.c.state.not_in([word("done"), word("dead")]),
        )
    ),
)

_ONE = select(*_COLUMNS).where(effects.c.id == bindparam("id"))
_DUE = (
    select(*_COLUMNS)
    .where(_UNDONE, effects.c.lane == bindparam("lane"), _FREE, _FIRST_OF_ITS_CALL)
    .order_by(effects.c.urgency, effects.c.due_at, effects.c.seq)
    .limit(bindparam("limit"))
)
_OF_KEY = select(*_COLUMNS).where(effects.c.key == bindparam("key"))
_UNKNOWNS = (
    select(*_COLUMNS)
    .where(
        _UNDONE,
        effects.c.lane == bindparam("lane"),
        effects.c.state.in_([word("unknown"), word("sending")]),
        effects.c.sent_at <= bindparam("before"),
    )
    .order_by(effects.c.sent_at)
)
_BROUGHT = select(effects.c.result).where(
    effects.c.kind == bindparam("kind"), effects.c.done_at >= bindparam("since"), effects.c.result.is_not(None)
)
_OF_CALL = (
    select(*(effects.c[name] for name in ("id", "kind", "body", "state", "attempts", "result", "error", "done_at")))
    .where(effects.c.call_id == bindparam("call"), effects.c.lane.in_([word("orders"), word("text")]))
    .order_by(effects.c.seq)
)
_LATER = select(effects.c.id).where(
    effects.c.call_id == bindparam("call"),
    effects.c.seq > select(_before.c.seq).where(_before.c.id == bindparam("id")).scalar_subquery(),
    effects.c.kind.in_([word("RecordCall"), word("WriteDisposition")]),
    _UNDONE,
)
_PENDING = select(effects.c.lane, func.count()).where(_UNDONE).group_by(effects.c.lane)
_OLDEST = select(effects.c.lane, func.min(effects.c.due_at)).where(_UNDONE).group_by(effects.c.lane)

_CLAIM = (
    update(effects)
    .where(effects.c.id == bindparam("effect"), _FREE, _FIRST_OF_ITS_CALL)
    .values(state="leased", lease_until=bindparam("until"), attempts=effects.c.attempts + 1)
    .returning(*_COLUMNS)
)
_open = update(effects).where(effects.c.id == bindparam("effect"), _UNDONE)
_SENDING = (
    update(effects)
    .where(effects.c.id == bindparam("effect"), effects.c.state == word("leased"))
    .values(state="sending", sent_at=bindparam("real"))
)
_DONE = _open.values(state="done", done_at=bindparam("real"), result=bindparam("got"), error=null())
_AGAIN = _open.values(state="due", due_at=bindparam("at"), error=bindparam("why"))
_UNKNOWN = _open.values(state="unknown", error=bindparam("why"))
_DEAD = _open.values(state="dead", error=bindparam("why"))
_WRITTEN = (
    update(dispositions)
    .where(dispositions.c.call_id == bindparam("call"), dispositions.c.written_revision < bindparam("rev"))
    .values(written_revision=bindparam("rev"))
)


class Outbox:
    """Effects on their way: `claim` one, do it, then say how it went. Saying it twice changes nothing.

    A `once` effect is marked `sending` before it is asked for; if nobody then says `done` or `again`, it is unknown.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def due(self, lane: str, limit: int = 100) -> list[EffectRow]:
        """Return what a lane may do now, the most urgent first, then the longest due.

        Of the orders lane only the oldest undone effect of each call.
        """
        return [_effect(row) for row in self._database.rows(_DUE, lane=lane, real=real_micros(), limit=limit)]

    def claim(self, effect_id: str, lease_seconds: float) -> EffectRow | None:
        """Take an effect for so many seconds; None when it is not due, not free, or must wait for an earlier one."""
        until = real_micros(lease_seconds)
        rows = self._database.change(_CLAIM, effect=effect_id, real=real_micros(), until=until)
        return _effect(rows[0]) if rows else None

    def sending(self, effect_id: str) -> None:
        """Note that the request goes out now; raises Conflict when the effect is not leased: then do not send."""
        self._database.write([Write(_SENDING, {"effect": effect_id, "real": real_micros()}, Conflict)])

    def done(self, effect_id: str, result: str = "") -> None:
        """Close an effect with what it brought (a CallSid, a reference)."""
        writes = [Write(_DONE, {"effect": effect_id, "real": real_micros(), "got": result})]
        row = self.effect(effect_id)
        if row is not None and isinstance(row.effect, WriteDisposition):
            writes.append(Write(_WRITTEN, {"call": row.call_id, "rev": row.effect.revision}))
        self._database.write(writes)

    def again(self, effect_id: str, delay_seconds: float, error: str) -> None:
        """Make an effect due again, after so long. `error` names no caller."""
        self._database.change(_AGAIN, effect=effect_id, at=real_micros(delay_seconds), why=error)

    def unknown(self, effect_id: str, error: str) -> None:
        """Note that nobody can say whether a `once` effect was done."""
        self._database.change(_UNKNOWN, effect=effect_id, why=error)

    def unknowns(self, lane: str, older_than_seconds: float) -> list[EffectRow]:
        """Return a lane's effects requested longer ago than that whose end nobody knows: timeouts, and dead workers."""
        before = real_micros(-older_than_seconds)
        return [_effect(row) for row in self._database.rows(_UNKNOWNS, lane=lane, before=before)]

    def dead(self, effect_id: str, error: str) -> None:
        """Give an effect up; those after it go on."""
        self._database.change(_DEAD, effect=effect_id, why=error)

    def effect(self, effect_id: str) -> EffectRow | None:
        """Return an effect, whatever its state."""
        row = self._database.row(_ONE, id=effect_id)
        return None if row is None else _effect(row)

    def effect_of_leg(self, leg: str) -> EffectRow | None:
        """Return the effect that rings a leg."""
        row = self._database.row(_OF_KEY, key=placing_of(leg))
        return None if row is None else _effect(row)

    def brought(self, kind: str, since: datetime) -> set[str]:
        """Return what the effects of one kind, of all calls, have brought since then by our own clock: sids."""
        return {result for (result,) in self._database.rows(_BROUGHT, kind=kind, since=micros(since))}

    def told(self, call_id: str) -> list[Delivery]:
        """Return what a call has the order system, and the caller by text, be told, in order, and how far each is."""
        return [
            Delivery(id_, kind, read_effect(kind, body), state, tries, got or "", why or "", at and instant(at))
            for id_, kind, body, state, tries, got, why, at in self._database.rows(_OF_CALL, call=call_id)
        ]

    def requests(self, call_id: str) -> list[Request]:
        """Return what a call asked of the order system, and what came of each."""
        return [
            Request(_REQUESTS[each.kind], each.effect.prescription, _came_of(each), _brought(each))
            for each in self.told(call_id)
            if isinstance(each.effect, RequestRefill | RequestRenewal)
        ]

    def is_overtaken(self, row: EffectRow) -> bool:
        """Does a later effect of the same call, still to be done, write its record too?"""
        return self._database.row(_LATER, call=row.call_id, id=row.id) is not None

    def pending(self) -> dict[str, int]:
        """Return how many effects of each lane are not done; a lane with none is left out."""
        return dict(self._database.rows(_PENDING))

    def overdue(self) -> dict[str, float]:
        """Return how many seconds ago each lane's oldest effect was due, 0 if later; a lane with none is left out."""
        real = real_micros()
        return {lane: max(0.0, (real - due) / 1e6) for lane, due in self._database.rows(_OLDEST)}


def _effect(row: Row) -> EffectRow:
    effect_id, call_id, kind, body, lane, state, attempts, sent = row
    sent_at = None if sent is None else instant(sent)
    return EffectRow(effect_id, call_id, kind, read_effect(kind, body), lane, state, attempts, sent_at)


def _came_of(told: Delivery) -> str:
    if told.state != "done":
        return "refused" if told.state == "dead" else "pending"
    return "refused" if told.result.startswith(REFUSED) else "placed"


def _brought(told: Delivery) -> str | None:
    """The request's id, or of the task that took its place; None where there is none."""
    brought = told.result.removeprefix(REFUSED)
    return None if not brought or _WORD.fullmatch(brought) else brought
