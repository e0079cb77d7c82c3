"""What is known only later decides again for whoever waits: a promise may come earlier by it, and never later."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from ivr.core import enquiring, facts, walk
from ivr.core.call import Answer, Call
from ivr.core.draft import Draft
from ivr.core.events import Learned, OrderNews
from ivr.core.line import Ticket
from ivr.core.rules import Decision, Value

A_LITTLE = timedelta(seconds=5)  # the order system's clock and ours are never quite the same


def learned(draft: Draft, event: Learned) -> None:
    """The order system has answered after all: with a late parcel, or few days of supply left, they wait less."""
    ticket = _to_be_decided_again(draft)
    if ticket is None:
        return
    told, figures = draft.world.answers.get(event.ask), draft.world.answers.get("line")
    if told is None or figures is None:
        draft.asks = (*draft.asks, event.ask, "line")
        return
    if told.known:
        draft.put(known_at=enquiring.true_since(told, draft.now))
    facts.told_elsewhere(draft, told)
    _decide_again(draft, ticket.answer_within_seconds, figures)


def happened(draft: Draft, event: OrderNews) -> None:
    """Something has happened to their order since they rang; the news is for whoever answers them as well.

    Of a caller who named no prescription it is supposed that this one is meant, for the length of a decision.
    """
    call = draft.call
    if not _concerns(call, event) or event.at < call.arrived_at - A_LITTLE:
        return
    ticket, figures = _to_be_decided_again(draft), draft.world.answers.get("line")
    if ticket is not None and figures is None:
        draft.asks = (*draft.asks, "line")
        return
    draft.put(news={**call.news, event.id: event.type})
    told = _learn_news(draft, event)
    if told and ticket is not None and figures is not None and call.prescription in (None, event.prescription):
        known = draft.call.facts
        draft.put(facts={**known, **told})
        _decide_again(draft, ticket.answer_within_seconds, figures)
        draft.put(facts=known)


def _concerns(call: Call, event: OrderNews) -> bool:
    """Is it about who rings, or what they ring for? A call that is over with nothing promised hears nothing more."""
    if call.phase == "over" and not (call.ticket is not None and call.ticket.live):
        return False
    pairs = ((call.person, event.person), (call.prescription, event.prescription))
    return any(ours is not None and ours == theirs for ours, theirs in pairs)


def _learn_news(draft: Draft, event: OrderNews) -> Mapping[str, Value]:
    """Take in what is newer than what the call was told of the prescription, and return it."""
    known_at = draft.call.known_at or draft.call.arrived_at
    fresh = [told for told in event.told if told.at >= known_at - A_LITTLE]
    said: dict[str, Value] = {fact: value for told in fresh for fact, value in told.facts.items()}
    values = {name: value for told in fresh for name, value in told.values.items()}
    if event.prescription is not None:
        facts.told_later(draft, event.prescription, said, values)
    return said


def _to_be_decided_again(draft: Draft) -> Ticket | None:
    ticket = draft.call.ticket
    return None if ticket is None or ticket.state != "waiting" or ticket.emergency else ticket


def _decide_again(draft: Draft, promised_seconds: int, figures: Answer) -> None:
    before = draft.call.decision
    now = walk.decide(draft, figures)
    seconds = _promises(draft, now)
    if seconds is None or seconds >= promised_seconds:
        draft.put(decision=before)
        return
    # An emergency is what somebody says or keys; nothing on file makes one of a call that is none.
    draft.put_ticket(answer_within_seconds=max(1, seconds))


def _promises(draft: Draft, decision: Decision) -> int | None:
    """The seconds within which this decision has the call answered; None where it does not put it in line."""
    if decision.route != "queue":
        return None
    within = decision.answer_within_seconds
    return draft.queue(decision.target).answer_within_seconds if within is None else within
