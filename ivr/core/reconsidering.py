"""What is known only later decides again for whoever waits: a promise may come earlier by it, and never later."""

from __future__ import annotations

from ivr.core import facts, walk
from ivr.core.call import Answer
from ivr.core.draft import Draft
from ivr.core.events import Learned
from ivr.core.rules import Decision


def learned(draft: Draft, event: Learned) -> None:
    """The order system has answered after all: with a late parcel, or few days of supply left, they wait less."""
    ticket = draft.call.ticket
    if ticket is None or ticket.state != "waiting" or ticket.emergency:
        return
    told, figures = draft.world.answers.get(event.ask), draft.world.answers.get("line")
    if told is None or figures is None:
        draft.asks = (*draft.asks, event.ask, "line")
        return
    facts.told_elsewhere(draft, told)
    _decide_again(draft, ticket.answer_within_seconds, figures)


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
