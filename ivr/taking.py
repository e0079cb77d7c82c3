"""Somebody takes a waiting ticket out of its turn: it is offered to them now, if dispatch might have done so too."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import NoReturn

from ivr import dispatch
from ivr.core.call import Call
from ivr.core.events import Offered
from ivr.core.line import Agent, AtDesk, InLine, Ticket, could_serve, eligible, offerable
from ivr.core.pharmacy import Pharmacy
from ivr.deeds import Deed
from ivr.presence import Refused, unknown_here
from ivr.store import AgentNow, Conflict, Entry, Seen
from ivr.switchboard import Switchboard


def take(board: Switchboard, ticket_id: str, by: str, *, door: str = "api", key: str | None = None) -> None:
    """Offer this ticket to this agent now; raises LookupError for a ticket nobody knows, Refused with the reason."""
    seen = board.record.line.ticket(ticket_id)
    if seen is None:
        raise LookupError("no such ticket")
    agent = board.pharmacy().staff.get(by)
    if agent is None:
        raise unknown_here(by)
    offered = Offered(secrets.token_urlsafe(16), secrets.token_urlsafe(16), by, agent.address)
    entry = Entry(by, door, "take", f"ticket:{ticket_id}", offered.offer, key=key)
    deed = Deed(entry, lambda call, pharmacy: _refusal(board, seen, call, agent), "somebody else was faster")
    try:
        board.deeds.do(seen.ticket.call, offered, deed)
    except Conflict:
        _refuse(board, entry, "you are being offered a call already")


def _refuse(board: Switchboard, entry: Entry, why: str) -> NoReturn:
    refused = replace(entry, detail="", outcome="refused", why="not_now", key=None)
    board.record.staff.keep(refused, board.clock.now())
    raise Refused("not_now", why) from None


def _refusal(board: Switchboard, seen: Seen, call: Call, agent: Agent) -> str | None:
    ticket, now = call.ticket, board.clock.now()
    if ticket is None or ticket.id != seen.ticket.id:
        return "the call has moved on meanwhile: look at it and ask again"
    at = board.record.desk.agents()[agent.id]
    entry = InLine(ticket, sum(offer.state == "open" for offer in call.offers))
    return (
        _of_the_ticket(entry, now)
        or _of_the_agent(agent, at, entry, now)
        or _of_the_hour(board.pharmacy(), ticket, now)
        or _of_the_person(board, ticket)
        or _of_emergencies(agent, ticket, board.record.line.emergencies(ticket.site))
    )


def _of_the_ticket(entry: InLine, now: datetime) -> str | None:
    if entry.ticket.kind == "voicemail":
        return "it is a message, and is played"
    if entry.ticket.state != "waiting":
        return f"it is {entry.ticket.state} and not waiting"
    if entry.open_offers:
        return None if offerable(entry, now) else "it rings elsewhere already"
    return None if offerable(entry, now) else "its caller is choosing something, or asked for a later time"


def _of_the_agent(agent: Agent, at: AgentNow, entry: InLine, now: datetime) -> str | None:
    if not could_serve(agent, entry.ticket):
        return "you do not serve it: another site, queue or skill, or it needs a licence"
    if not eligible(AtDesk(agent, at.presence, at.since), entry, now):
        return f"you are {at.presence.replace('_', ' ')} and not available"
    return None


def _of_the_hour(pharmacy: Pharmacy, ticket: Ticket, now: datetime) -> str | None:
    is_open = pharmacy.hours[ticket.site].closed_because(now) is None
    if ticket.kind == "callback":
        may = is_open and not dispatch.quiet(pharmacy, ticket.site, now)
    else:
        may = is_open or ticket.emergency or ticket.on_call
    return None if may else "nobody is rung for it at this hour"


def _of_the_person(board: Switchboard, ticket: Ticket) -> str | None:
    if ticket.kind != "callback":
        return None
    others = (call for call in board.record.live_calls() if call.id != ticket.call and call.person == ticket.person)
    on_the_line = any(leg.state == "live" for call in others for leg in call.legs.values())
    return "whom it calls back is on the line now" if on_the_line else None


def _of_emergencies(agent: Agent, ticket: Ticket, waiting: Iterable[Ticket]) -> str | None:
    if ticket.emergency or not any(could_serve(agent, emergency) for emergency in waiting):
        return None
    return "an emergency waits that you could serve, and goes before everything else"
