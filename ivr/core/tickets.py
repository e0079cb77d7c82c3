"""The ticket of a call and the offers of it: made, withdrawn, closed."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from ivr.core.call import Call
from ivr.core.draft import Draft
from ivr.core.effects import EndLeg, MoveAgent, MoveLeg
from ivr.core.line import Offer, Queue, Ticket, could_serve

PROVED = ("prescription", "verified")
OFFICES = ("prescriber", "pharmacy", "staff")
VAGUE = "anything"
NEEDS = {
    **dict.fromkeys(("refill_request", "order_status", "delivery_problem", "transfer"), "order"),
    **dict.fromkeys(("medication_question", "adverse_reaction"), "medicine"),
    **dict.fromkeys(("insurance", "billing"), "money"),
    **dict.fromkeys(("prescriber_verification", "technical", "hours_location"), "other"),
}
"""Of every intent that says what they want, the need a ticket is kept under."""


def new_ticket(draft: Draft, kind: str, queue: Queue) -> Ticket:
    """A ticket for this call, by the promise of its decision; its clock began when the caller rang."""
    decision = draft.call.decision
    within = decision.answer_within_seconds if decision else None
    seconds = queue.answer_within_seconds if within is None else within
    ticket = Ticket(
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
        person=person_of(draft),
        need=need_of(draft.call),
    )
    return replace(ticket, preferred=preferred(draft, ticket))


def preferred(draft: Draft, ticket: Ticket) -> str | None:
    """Whoever talked with this person lately, where the pharmacy prefers them and they may serve the ticket.

    Not in an emergency, in which several phones ring, and not of an office, which rings for many patients.
    """
    if ticket.emergency or draft.call.facts.get("caller") in OFFICES:
        return None
    told = draft.own_answer("ticket")
    agent = draft.pharmacy.staff.get(told.values.get("last_agent", "")) if told else None
    return agent.id if agent is not None and could_serve(agent, ticket) else None


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


def person_of(draft: Draft) -> str:
    """Whom a ticket is for: who has proved to be somebody, else the number by the record's keyed hash, else the call.

    An office rings for many patients, so what it rings for is a need of its own each time; so is what a caller says
    has nothing to do with the ticket we found.
    """
    if draft.call.other_need or draft.call.facts.get("caller") in OFFICES:
        return f"call:{draft.call.id}"
    told = draft.own_answer("ticket")
    return proved_person(draft.call) or (told and told.values.get("number")) or f"call:{draft.call.id}"


def proved_person(call: Call) -> str:
    """The person whom all they told proves them to be; a number that rings proves nothing."""
    return (call.person or "") if call.facts.get("tier") in PROVED else ""


def need_of(call: Call) -> str:
    """What they ring for, coarsely: an order and a late parcel of it are one need."""
    intent = str(call.facts.get("intent", VAGUE))
    return NEEDS.get(intent, VAGUE)


def is_same_need(one: str, other: str) -> bool:
    """Whoever asks for a person, and no more, may mean anything they have asked for before."""
    return one == other or VAGUE in (one, other)


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


def move_agent(draft: Draft, offer: Offer, event: str, reason: str = "", only: str = "") -> None:
    """Move who holds this offer, unless it is nobody of ours."""
    if not offer.outside:
        draft.do(MoveAgent(offer.agent, event, reason, only))


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
