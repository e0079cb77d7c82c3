"""What a turn writes: the call, its journal line, its reply, and whatever of legs, line and effects it changed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, func, null, or_, update

from ivr.core.call import Call, Leg
from ivr.core.effects import Effect
from ivr.core.line import Offer, Ticket, class_of
from ivr.core.rules import Reason
from ivr.store.database import Write
from ivr.store.effects import effect_writes
from ivr.store.forecasts import talk_measured
from ivr.store.messages import message_writes
from ivr.store.notation import micros, written
from ivr.store.recordings import recording_writes
from ivr.store.refusals import Taken
from ivr.store.seal import Seal
from ivr.store.staff import Entry, audited
from ivr.store.tables import calls, fresh, journal, legs, offers, replies, tickets, upsert
from ivr.store.watch import Lease, still_held


@dataclass(frozen=True, slots=True)
class Turn:
    """What one step came to, ready to be committed."""

    before: Call | None  # None: a new call
    rev: int  # as loaded; 0 for a new call. Committed, the call has rev + 1
    after: Call
    now: datetime
    event: str  # JSON, by meaning
    leg: str | None = None  # whose turn it is
    n: int = 0
    exit: str | None = None  # None: no reply to keep
    reply: str | None = None
    why: tuple[Reason, ...] = ()
    does: tuple[Effect, ...] = ()
    call_sid: str | None = None  # claims the leg for this CallSid
    under: Lease | None = None  # Conflict, and nothing is written, once this lease is another's
    audit: Entry | None = None  # who had it done; Conflict when it was done before under the same key


_NEW_CALL = fresh(calls)
_MOVE_CALL = (
    update(calls)
    .where(calls.c.id == bindparam("call"), calls.c.rev == bindparam("was"))
    .values({name: bindparam(name) for name in ("rev", "state", "phase", "outcome", "ended_at")})
)
# What an index holds is written only when it changes: every index named costs SQLite a page.
_MARK_CALL = (
    update(calls).where(calls.c.id == bindparam("call")).values({name: bindparam(name) for name in ("person", "live")})
)
_NEW_LINE = fresh(journal)
_NEW_REPLY = fresh(replies)
_NEW_LEG = fresh(legs)
_MOVE_LEG = (
    update(legs)
    .where(legs.c.token == bindparam("leg"))
    .values(state=bindparam("state"), over_at=func.coalesce(legs.c.over_at, bindparam("over_at")))
)
_CLAIM_LEG = (
    update(legs)
    .where(legs.c.token == bindparam("leg"), or_(legs.c.call_sid.is_(None), legs.c.call_sid == bindparam("sid")))
    .values(call_sid=bindparam("sid"))
)
_RELEASE_LEG = update(legs).where(legs.c.token == bindparam("leg")).values(call_sid=null())
_PUT_TICKET = upsert(tickets)
_NEW_OFFER = fresh(offers)
_MOVE_OFFER = (
    update(offers)
    .where(offers.c.id == bindparam("offer"))
    .values(state=bindparam("state"), expires_at=bindparam("expires_at"))
)


def turn_writes(turn: Turn, seal: Seal) -> Iterator[Write]:
    """Yield the statements of a turn's transaction. A menu key takes three."""
    at = micros(turn.now)
    if turn.under is not None:
        yield still_held(turn.under)
    yield from _call(turn, seal)
    yield _line(turn, at)
    if turn.reply is not None:
        yield _reply(turn, seal, at)
    yield from _legs(turn, at, seal)
    if turn.call_sid is not None and turn.leg is not None:
        yield claim(turn.leg, turn.call_sid)
    yield from _ticket(turn)
    yield from _offers(turn)
    yield from message_writes(turn.before, turn.after)
    yield from recording_writes(turn.before, turn.after, at, seal)
    if turn.does:
        yield from effect_writes(turn.after, turn.rev + 1, turn.does, at, seal)
    if turn.audit is not None:
        yield audited(turn.audit, at)


def claim(leg: str, call_sid: str) -> Write:
    """Return what makes a leg this CallSid's; Taken when it is another's."""
    return Write(_CLAIM_LEG, {"leg": leg, "sid": call_sid}, Taken)


def _call(turn: Turn, seal: Seal) -> Iterator[Write]:
    call, before = turn.after, turn.before
    now = {
        "rev": turn.rev + 1,
        "state": written(call),
        "phase": call.phase,
        "outcome": call.outcome,
        "ended_at": call.ended_at and micros(call.ended_at),
    }
    found = {"person": call.person, "live": _live(call)}
    if before is None:
        yield Write(_NEW_CALL, now | found | _lasting(call, seal))
        return
    # An update that finds another rev changes nothing; the journal's key then refuses the turn.
    yield Write(_MOVE_CALL, now | {"call": call.id, "was": turn.rev})
    if call.person != before.person or found["live"] != _live(before):
        yield Write(_MARK_CALL, found | {"call": call.id})


def _live(call: Call) -> bool:
    return call.phase != "over" or (call.ticket is not None and call.ticket.live)


def _lasting(call: Call, seal: Seal) -> dict[str, Any]:
    return {
        "id": call.id,
        "line": call.line,
        "site": call.site,
        "version": call.version,
        "caller_key": seal.key_of(call.caller.number),
        "arrived_at": micros(call.arrived_at),
    }


def _line(turn: Turn, at: int) -> Write:
    return Write(
        _NEW_LINE,
        {
            "call_id": turn.after.id,
            "seq": turn.rev + 1,
            "at": at,
            "leg": turn.leg,
            "event": turn.event,
            "reasons": written(turn.why),
            "version": turn.after.version,
        },
    )


def _reply(turn: Turn, seal: Seal, at: int) -> Write:
    if turn.leg is None or turn.exit is None or turn.reply is None:
        raise ValueError("a reply is kept for the exit of a leg: the turn needs all three")
    sealed = seal.close(turn.leg, turn.reply)
    place = {"leg": turn.leg, "n": turn.n, "exit": turn.exit}
    return Write(_NEW_REPLY, place | {"seq": turn.rev + 1, "reply": sealed, "at": at})


def _legs(turn: Turn, at: int, seal: Seal) -> Iterator[Write]:
    known = turn.before.legs if turn.before else {}
    for token, leg in turn.after.legs.items():
        if token not in known:
            yield _new_leg(turn.after.id, leg, at, seal)
        elif leg.state != known[token].state:
            yield Write(_MOVE_LEG, {"leg": token, "state": leg.state, "over_at": _over_at(leg, at)})
            if leg.kind == "staff" and turn.exit is not None:  # they go on as the agent of a call, on the same CallSid
                yield Write(_RELEASE_LEG, {"leg": token})


def _new_leg(call_id: str, leg: Leg, at: int, seal: Seal) -> Write:
    return Write(
        _NEW_LEG,
        {
            "token": leg.token,
            "call_id": call_id,
            "kind": leg.kind,
            "state": leg.state,
            "call_sid": None,
            "number": leg.number,
            "number_key": seal.key_of(leg.number),
            "created_at": at,
            "over_at": _over_at(leg, at),
        },
    )


def _over_at(leg: Leg, at: int) -> int | None:
    return at if leg.state == "over" else None


def _ticket(turn: Turn) -> Iterator[Write]:
    ticket = turn.after.ticket
    if ticket is not None and ticket.call != turn.after.id:  # it goes on in a later call, which writes it
        return
    if ticket is not None and (turn.before is None or ticket != turn.before.ticket):
        yield _put_ticket(ticket)
        yield from talk_measured(turn.before.ticket if turn.before else None, ticket)


def _put_ticket(ticket: Ticket) -> Write:
    return Write(
        _PUT_TICKET,
        {
            "id": ticket.id,
            "call_id": ticket.call,
            "site": ticket.site,
            "queue": ticket.queue,
            "kind": ticket.kind,
            "state": ticket.state,
            "person": ticket.person,
            "need": ticket.need,
            "calm": not ticket.emergency,
            "arrived_at": micros(ticket.arrived_at),
            "due_from": micros(ticket.due_from),
            "promised_at": micros(ticket.promised_at),
            "body": written(ticket),
            "alike": written(class_of(ticket)),
            "not_before": ticket.not_before and micros(ticket.not_before),
        },
    )


def _offers(turn: Turn) -> Iterator[Write]:
    known = {offer.id: offer for offer in turn.before.offers} if turn.before else {}
    changed = [offer for offer in turn.after.offers if offer != known.get(offer.id)]
    # One that ends makes room for one that begins.
    for offer in sorted(changed, key=lambda offer: offer.state in ("open", "accepted")):
        yield _moved_offer(offer) if offer.id in known else _new_offer(turn.after.id, offer)


def _new_offer(call_id: str, offer: Offer) -> Write:
    return Write(
        _NEW_OFFER,
        {
            "id": offer.id,
            "ticket_id": offer.ticket,
            "call_id": call_id,
            "agent_id": offer.agent,
            "leg": offer.leg,
            "state": offer.state,
            "offered_at": micros(offer.offered_at),
            "expires_at": micros(offer.expires_at),
        },
    )


def _moved_offer(offer: Offer) -> Write:
    return Write(_MOVE_OFFER, {"offer": offer.id, "state": offer.state, "expires_at": micros(offer.expires_at)})
