"""The record: a call is loaded, and what a step made of it is committed, all or nothing."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain
from typing import Any

import msgspec
from sqlalchemy import and_, bindparam, delete, exists, func, or_, select, text

from ivr.core.call import Answer, Call
from ivr.core.effects import SendText
from ivr.core.rules import Reason
from ivr.settings import Settings
from ivr.store.audit import Audit
from ivr.store.callbacks import Callbacks
from ivr.store.chain import Chain
from ivr.store.database import Database
from ivr.store.desk import Desk
from ivr.store.earlier import Earlier
from ivr.store.effects import opened
from ivr.store.forecasts import Forecasts
from ivr.store.line import Line
from ivr.store.messages import Messages
from ivr.store.notation import instant, micros, read_answer, read_body, read_call, read_reasons, written
from ivr.store.order_events import OrderEvents
from ivr.store.outbox import EffectRow, Outbox
from ivr.store.person import Persons
from ivr.store.proofs import Proofs
from ivr.store.published import Published
from ivr.store.purge import Purge
from ivr.store.recordings import Recordings
from ivr.store.revisions import Revisions
from ivr.store.seal import Keys, Seal
from ivr.store.sealing import Sealing
from ivr.store.staff import Staff
from ivr.store.tables import answers, callers, calls, dispositions, journal, legs, replies, upsert, word
from ivr.store.timers import Timers
from ivr.store.turn import Turn, claim, turn_writes
from ivr.store.watch import Watch


@dataclass(frozen=True, slots=True)
class Loaded:
    """A call as the record has it, seen from one leg."""

    call: Call
    rev: int
    call_sid: str | None = None  # who owns the leg; None: nobody yet, or no leg was asked for
    reply: str | None = None  # what the asked exit was answered with; None: nobody has taken it
    documents: int = 0  # the newest document of the leg


@dataclass(frozen=True, slots=True)
class JournalLine:
    """One turn, as it was taken."""

    seq: int
    at: datetime
    leg: str | None
    event: str  # JSON, by meaning
    why: tuple[Reason, ...]
    version: str


@dataclass(frozen=True, slots=True)
class Disposition:
    """What came of a call, as it stands."""

    call_id: str
    revision: int
    final: bool
    body: Mapping[str, Any]
    written_revision: int  # the newest the order system has; 0: none


@dataclass(frozen=True, slots=True)
class LegRow:
    """A leg not known to be over, from which nothing was heard for a while."""

    token: str
    call_id: str
    kind: str
    state: str
    call_sid: str | None
    created_at: datetime


_LOAD = (
    select(calls.c.state, calls.c.rev, legs.c.call_sid, replies.c.reply)
    .join_from(legs, calls, calls.c.id == legs.c.call_id)
    .outerjoin(
        replies,
        and_(replies.c.leg == legs.c.token, replies.c.n == bindparam("n"), replies.c.exit == bindparam("exit")),
    )
    .where(legs.c.token == bindparam("leg"))
)
_LOAD_CALL = select(calls.c.state, calls.c.rev).where(calls.c.id == bindparam("id"))
_LEG_OF_SID = select(legs.c.token).where(legs.c.call_sid == bindparam("sid"))
_REPLIES_FOR = (
    select(replies.c.reply)
    .where(
        replies.c.leg == bindparam("leg"),
        or_(
            and_(replies.c.exit == word("moved"), replies.c.n == bindparam("document")),
            and_(replies.c.exit != word("moved"), replies.c.n == bindparam("document") - 1),
        ),
    )
    .order_by(replies.c.seq.desc())
)
_ANSWERS = select(answers.c.ask, answers.c.body).where(answers.c.call_id == bindparam("call"))
_LIVE = select(calls.c.state).where(text("calls.live")).order_by(calls.c.arrived_at)
_JOURNAL = (
    select(journal.c.seq, journal.c.at, journal.c.leg, journal.c.event, journal.c.reasons, journal.c.version)
    .where(journal.c.call_id == bindparam("call"))
    .order_by(journal.c.seq)
)
_DECIDED = (
    select(journal.c.event)
    .where(journal.c.call_id == bindparam("call"), journal.c.reasons != word("[]"))
    .order_by(journal.c.seq)
)
_DECIDING = (
    select(journal.c.call_id, journal.c.event)
    .join_from(journal, calls, calls.c.id == journal.c.call_id)
    .where(calls.c.arrived_at >= bindparam("since"), journal.c.reasons != word("[]"))
    .order_by(calls.c.arrived_at, journal.c.call_id, journal.c.seq)
)
_DISPOSITION = select(
    dispositions.c.call_id,
    dispositions.c.revision,
    dispositions.c.final,
    dispositions.c.body,
    dispositions.c.written_revision,
)
_DISPOSITION_OF = _DISPOSITION.where(dispositions.c.call_id == bindparam("call"))
_NEWEST_DISPOSITIONS = (
    _DISPOSITION.join(calls, calls.c.id == dispositions.c.call_id)
    .order_by(calls.c.arrived_at.desc())
    .limit(bindparam("limit"))
)
_SILENT_LEGS = (
    select(
        legs.c.token,
        legs.c.call_id,
        legs.c.kind,
        legs.c.state,
        legs.c.call_sid,
        legs.c.created_at,
    )
    .where(
        legs.c.state != word("over"),
        legs.c.created_at < bindparam("before"),
        ~exists().where(
            journal.c.call_id == legs.c.call_id, journal.c.leg == legs.c.token, journal.c.at >= bindparam("before")
        ),
    )
    .order_by(legs.c.created_at)
)
LOOKED_BACK = 20  # calls of one person, to find whom they talked with
_EARLIER = select(func.count()).where(calls.c.arrived_at >= bindparam("since"), calls.c.id != bindparam("besides"))
_EARLIER_OF_PERSON = _EARLIER.where(calls.c.person == bindparam("person"))
_EARLIER_OF_NUMBER = _EARLIER.where(calls.c.caller_key == bindparam("caller"))
_TALKED = (
    select(calls.c.state)
    .where(calls.c.arrived_at >= bindparam("since"), calls.c.site == bindparam("site"))
    .order_by(calls.c.arrived_at.desc())
    .limit(LOOKED_BACK)
)
_TALKED_WITH_PERSON = _TALKED.where(calls.c.person == bindparam("person"))
_TALKED_WITH_NUMBER = _TALKED.where(calls.c.caller_key == bindparam("caller"))
_REMEMBERED = select(callers.c.language, callers.c.access).where(callers.c.number_key == bindparam("caller"))

_PUT_ANSWER = upsert(answers)
_FORGET = (
    delete(replies)
    .where(exists().where(legs.c.token == replies.c.leg, legs.c.over_at < bindparam("before")))
    .returning(replies.c.n)
)


class _Talked(msgspec.Struct):
    """What is read of a call here: who talked with the caller, in order."""

    agents: tuple[str, ...] = ()


_read_agents = msgspec.json.Decoder(_Talked).decode


class Record:
    """The record of one pharmacy. One per process, made after any fork; safe to use from several threads.

    Every method raises Unreachable when the database is not there.
    """

    def __init__(self, database_url: str, secret_key: str, record_key: str = "", audit_key: str = "") -> None:
        self._database = Database(database_url, Keys(secret_key, record_key), Chain(secret_key, audit_key))
        self._seal = Seal(secret_key)
        self.outbox = Outbox(self._database)
        self.desk = Desk(self._database, self._seal)
        self.timers = Timers(self._database)
        self.watch = Watch(self._database)
        self.published = Published(self._database)
        self.persons = Persons(self._database, self._seal)
        self.purge = Purge(self._database)
        self.sealing = Sealing(self._database, self.watch)
        self.forecasts = Forecasts(self._database)
        self.messages = Messages(self._database)
        self.recordings = Recordings(self._database, self._seal)
        self.proofs = Proofs(self._database, self._seal)
        self.revisions = Revisions(self._database)
        self.staff = Staff(self._database)
        self.audit = Audit(self._database)
        self.earlier = Earlier(self._database)
        self.line = Line(self._database)
        self.order_events = OrderEvents(self._database)
        self.callbacks = Callbacks(self._database, self._seal)

    @classmethod
    def from_settings(cls, settings: Settings) -> Record:
        """Return the record the settings name, with the keys that open it."""
        return cls(settings.database_url, settings.secret_key, settings.record_key, settings.audit_key)

    def close(self) -> None:
        """Close idle connections; the record may be used again."""
        self._database.close()

    def within(self, seconds: float) -> AbstractContextManager[None]:
        """Let all that this thread asks inside the block take so long together; what comes later is Unreachable.

        Outside a block each question has 4 s of its own.
        """
        return self._database.within(seconds)

    # ------------------------------------------------------------ the turn

    def load(self, leg: str, n: int, exit: str) -> Loaded | None:
        """Return the leg's call and what this exit was answered with; None for a leg nobody made."""
        row = self._database.row(_LOAD, leg=leg, n=n, exit=exit)
        if row is None:
            return None
        state, rev, call_sid, sealed = row
        call = read_call(state)
        reply = None if sealed is None else self._seal.open(leg, sealed)
        return Loaded(call, rev, call_sid, reply, call.legs[leg].documents)

    def load_call(self, call_id: str) -> Loaded | None:
        """Return a call by id, seen from no leg; None when there is no such call."""
        row = self._database.row(_LOAD_CALL, id=call_id)
        return None if row is None else Loaded(read_call(row[0]), row[1])

    def commit(self, turn: Turn, *besides: Turn) -> None:
        """Keep a turn: the call, its journal line, its reply, its effects, or nothing of it; so with those besides it.

        Raises Conflict when the call has moved since it was loaded, the exit is taken, an agent or ticket is; Taken
        when the leg is another CallSid's.
        """
        self._database.write(chain.from_iterable(turn_writes(each, self._seal) for each in (*besides, turn)))

    def leg_of_sid(self, call_sid: str) -> str | None:
        """Return the leg a CallSid owns."""
        row = self._database.row(_LEG_OF_SID, sid=call_sid)
        return None if row is None else str(row[0])

    def bind_sid(self, leg: str, call_sid: str) -> None:
        """Make the leg this CallSid's, as the first webhook would; raises Taken when it is another's."""
        self._database.write([claim(leg, call_sid)])

    def replies_for(self, leg: str, document: int) -> list[str]:
        """Return the replies that may be this document, the newest first; none while it is only reserved.

        The answer to a notice is among them when it came by an exit of the document before.
        """
        rows = self._database.rows(_REPLIES_FOR, leg=leg, document=document)
        return [self._seal.open(leg, reply) for (reply,) in rows]

    def answers(self, call_id: str) -> dict[str, Answer]:
        """Return what this call's questions brought back: ask -> answer."""
        return {ask: read_answer(body) for ask, body in self._database.rows(_ANSWERS, call=call_id)}

    def keep_answer(self, call_id: str, ask: str, answer: Answer, now: datetime) -> None:
        """Keep an answer; a later one to the same question takes its place."""
        self._database.change(_PUT_ANSWER, call_id=call_id, ask=ask, body=written(answer), at=micros(now))

    # ------------------------------------------------------------ what was written

    def live_calls(self) -> list[Call]:
        """Return the calls not over, and those over whose ticket still lives; the oldest first."""
        return [read_call(state) for (state,) in self._database.rows(_LIVE)]

    def journal(self, call_id: str) -> list[JournalLine]:
        """Return a call's turns in order."""
        return [_line(*row) for row in self._database.rows(_JOURNAL, call=call_id)]

    def decided(self, call_id: str) -> list[str]:
        """Return the event of every turn of a call in which rules decided, in order."""
        return [event for (event,) in self._database.rows(_DECIDED, call=call_id)]

    def deciding(self, since: datetime) -> list[tuple[str, str]]:
        """Return call id and event of every turn in which rules decided, of calls that arrived since then, in order."""
        return [(call, event) for call, event in self._database.rows(_DECIDING, since=micros(since))]

    def dispositions(self, call_id: str | None = None, limit: int = 100) -> list[Disposition]:
        """Return the disposition of one call (none or one), or those of the newest calls."""
        if call_id is None:
            rows = self._database.rows(_NEWEST_DISPOSITIONS, limit=limit)
        else:
            rows = self._database.rows(_DISPOSITION_OF, call=call_id)
        return [
            Disposition(call, revision, bool(final), read_body(body), written_revision)
            for call, revision, final, body, written_revision in rows
        ]

    def legs_not_over(self, silent_for_seconds: float, now: datetime) -> list[LegRow]:
        """Return the legs not over that have had no turn for so long, the oldest first."""
        before = micros(now - timedelta(seconds=silent_for_seconds))
        return [
            LegRow(token, call, kind, state, sid, instant(created))
            for token, call, kind, state, sid, created in self._database.rows(_SILENT_LEGS, before=before)
        ]

    def calls_from(
        self, since: datetime, number: str | None = None, person: str | None = None, besides: str = ""
    ) -> int:
        """Return how many calls came since then from the person, else from the number; `besides` is not counted."""
        window = {"since": micros(since), "besides": besides}
        if person:
            row = self._database.row(_EARLIER_OF_PERSON, person=person, **window)
        else:
            row = self._database.row(_EARLIER_OF_NUMBER, caller=self._seal.key_of(number), **window)
        return int(row[0]) if row else 0

    def last_agent(self, since: datetime, site: str, number: str | None, person: str | None) -> str | None:
        """Return who talked last with the person, else with who rang from the number, at a site since then."""
        window = {"since": micros(since), "site": site}
        rows = self._database.rows(_TALKED_WITH_PERSON, person=person, **window) if person else []
        if not rows and number:
            rows = self._database.rows(_TALKED_WITH_NUMBER, caller=self._seal.key_of(number), **window)
        talked = (_read_agents(state).agents for (state,) in rows)
        return next((agents[-1] for agents in talked if agents), None)

    def remembered(self, number: str) -> dict[str, str]:
        """Return what is remembered of a number (E.164) as facts: `language`, `access`, as far as they are known."""
        row = self._database.row(_REMEMBERED, caller=self._seal.key_of(number))
        known = zip(("language", "access"), row or (), strict=False)
        return {fact: value for fact, value in known if value is not None}

    def text_of(self, row: EffectRow) -> SendText:
        """Return the text an effect is to send, with what it speaks of."""
        assert isinstance(row.effect, SendText)
        return opened(row.call_id, row.effect, self._seal)

    def forget_replies(self, older_than: datetime) -> int:
        """Delete the replies of legs that ended before then; returns how many."""
        return len(self._database.change(_FORGET, before=micros(older_than)))


def _line(seq: int, at: int, leg: str | None, event: str, reasons: str, version: str) -> JournalLine:
    return JournalLine(seq, instant(at), leg, event, read_reasons(reasons), version)
