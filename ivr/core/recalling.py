"""A supervisor takes an agent away from what holds them: a ringing phone, a caller on their way, a talk."""

from __future__ import annotations

from dataclasses import replace

from ivr.core.draft import Draft
from ivr.core.effects import ClearTimer, EndLeg, MoveAgent
from ivr.core.events import Recalled
from ivr.core.line import Offer
from ivr.core.meeting import RECALLED, agent_gone, back_in_line
from ivr.core.rooms import third_gone
from ivr.core.tickets import accepted_offer, put_offer


def recalled(draft: Draft, event: Recalled) -> None:
    """The ticket is in its place again, or closed if they were talking; the agent's phone is put down."""
    for offer in draft.call.offers:
        if offer.agent == event.agent and offer.state in ("open", "accepted"):
            _let_go(draft, offer)


def _let_go(draft: Draft, offer: Offer) -> None:
    main = accepted_offer(draft.call)
    if offer.state == "open":
        put_offer(draft, replace(offer, state="withdrawn"))
        draft.do(MoveAgent(offer.agent, "withdrawn"), ClearTimer(f"offer:{offer.id}"), EndLeg(offer.leg))
    elif offer.purpose != "answer":
        third_gone(draft, offer)
        draft.do(EndLeg(offer.leg))
    elif main is not None and main.id == offer.id and draft.call.phase == "talking":
        agent_gone(draft, offer, RECALLED)
        draft.do(EndLeg(offer.leg))
    else:
        back_in_line(draft, offer)
