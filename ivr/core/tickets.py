"""The ticket of a call and the offers of it: made, withdrawn, closed."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from ivr.core.call import Call
from ivr.core.draft import Draft
from ivr.core.effects import EndLeg, MoveAgent, MoveLeg
from ivr.core.line import Offer, Queue, Ticket


def new_ticket(draft: Draft, kind: str, queue: Queue) -> Ticket:
    """A ticket for this call, by the promise of its decision; its clock began when the caller rang."""
    decision = draft.call.decision
    within = decision.answer_within_seconds if decision else None
    seconds = queue.answer_within_seconds if within is None else within
    return Ticket(
        id=draft.world.fresh[0],
        call=draft.call.id,
        site=draft.line.site,
        queue=queue.name,
        kind=kind,
        state="waiting",
        arrived_at=draft.call.arrived_at,
        due_from=draft.now if seconds == 0 else due_from(draft),
        answer_within_seconds=seconds,
        needs=(decision.needs if decision else None) or queue.needs,
        language=draft.call.language,
        licensed=queue.licensed,
        person=person_of(draft.call),
    )


def due_from(draft: Draft) -> datetime:
    """A promise starts at arrival, or at the next opening: last night's messages do not bury this morning's callers."""
    hours = draft.pharmacy.hours[draft.line.site]
    return hours.opens_next(draft.now) if hours.closed_because(draft.now) else draft.call.arrived_at


def usual_queue(draft: Draft) -> str:
    """The queue this call belongs to: its ticket's, its decision's, else the one `otherwise` names."""
    decision, rules = draft.call.decision, draft.pharmacy.rules[draft.line.rules]
    named = [
        draft.call.ticket.queue if draft.call.ticket else "",
        decision.target if decision else "",
        rules.otherwise.then.target,
    ]
    return next((name for name in named if name in draft.pharmacy.queues), next(iter(draft.pharmacy.queues)))


def person_of(call: Call) -> str:
    """Whom a ticket is for: the person, else number and intent (by the record's keyed hash), else the leg."""
    return call.person or f"call:{call.id}"


def close_ticket(draft: Draft) -> None:
    draft.put_ticket(state="closed", closed_at=draft.now)


def open_offers(call: Call) -> tuple[Offer, ...]:
    """Those of the ticket itself, which wait to be answered."""
    return tuple(offer for offer in call.offers if offer.state == "open" and offer.purpose == "answer")


def accepted_offer(call: Call) -> Offer | None:
    """The one of the agent who talks with the caller, or is about to."""
    return next((offer for offer in call.offers if offer.state == "accepted" and offer.purpose == "answer"), None)


def put_offer(draft: Draft, offer: Offer) -> None:
    draft.put(offers=tuple(offer if old.id == offer.id else old for old in draft.call.offers))


def move_agent(draft: Draft, offer: Offer, event: str, reason: str = "") -> None:
    """Move who holds this offer, unless it is nobody of ours."""
    if not offer.outside:
        draft.do(MoveAgent(offer.agent, event, reason))


def withdraw_offers(draft: Draft, keep: str = "") -> None:
    """Stop ringing everybody else."""
    for offer in open_offers(draft.call):
        if offer.id != keep:
            withdraw(draft, offer)


def withdraw(draft: Draft, offer: Offer) -> None:
    """Stop ringing somebody, who is available again; who has picked up is told, and is once they hang up."""
    leg = draft.call.legs[offer.leg]
    if leg.state == "live":
        put_offer(draft, replace(offer, state="withdrawn", on_leaving="withdrawn"))
        draft.do(MoveLeg(leg.token, draft.reserve(leg.token)))
    else:
        put_offer(draft, replace(offer, state="withdrawn"))
        draft.do(EndLeg(leg.token))
        move_agent(draft, offer, "withdrawn")
