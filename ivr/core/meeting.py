"""Two legs meet: an agent is offered a ticket, accepts, and is joined with the caller in a room used once."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from ivr.core import wrap_up
from ivr.core.call import Call, Leg
from ivr.core.draft import Draft
from ivr.core.effects import ClearTimer, EndLeg, MoveAgent, MoveCaller, MoveLeg, PlaceCall, SetTimer
from ivr.core.events import Came, Keyed, Offered, Silent, Spoke
from ivr.core.line import EMERGENCY_OFFERS, Offer
from ivr.core.tickets import close_ticket, open_offers, put_offer, withdraw_offers
from ivr.core.verbs import Gather, Hangup, Meet, Say
from ivr.core.waiting import callback_number, hold, on_call_passed

JOIN_SECONDS = 10  # accepted, but the two never met
GRACE_SECONDS = 10  # for the carrier to say that a phone rang out, before we say it ourselves
PLACE_SECONDS = 30  # for the carrier to take the call: it is looked up after 10 s, and placed again

# ---------------------------------------------------------------- offers


def offered(draft: Draft, event: Offered) -> None:
    """Ring one agent for the waiting ticket; refused quietly when the ticket is no longer to be had."""
    ticket = draft.call.ticket
    if ticket is None or ticket.state != "waiting" or not may_offer(draft.call):
        return
    ring = draft.pharmacy.policies.ring_seconds
    limit = draft.now + timedelta(seconds=PLACE_SECONDS)
    offer = Offer(event.offer, ticket.id, event.agent, event.leg, "open", draft.now, limit, here=event.here)
    draft.put(offers=(*draft.call.offers, offer))
    draft.add_leg(Leg(event.leg, "agent", "expected", 1, event.address, event.offer))
    if draft.call.reached == "hold":
        draft.put(reached="offer")
    draft.do(MoveAgent(event.agent, "offered"), SetTimer(f"offer:{offer.id}", limit))
    if not event.here:
        draft.do(PlaceCall(event.leg, event.address, ring, 0 if ticket.emergency else 1))


def placed(draft: Draft) -> None:
    """The carrier has taken a call we asked for; of a person we call back nothing follows from it."""
    if draft.leg.kind == "agent":
        _rings(draft, offer_of(draft))


def _rings(draft: Draft, offer: Offer) -> None:
    """Nobody misses an offer while Twilio or our own pace keeps their phone silent: its time runs from the ring."""
    if offer.state == "open" and offer.rang_at is None:
        policies = draft.pharmacy.policies
        limit = draft.now + timedelta(seconds=policies.ring_seconds + policies.accept_seconds + GRACE_SECONDS)
        put_offer(draft, replace(offer, rang_at=draft.now, expires_at=limit))
        draft.do(SetTimer(f"offer:{offer.id}", limit))


def may_offer(call: Call) -> bool:
    """Has this ticket room for one more open offer, and nobody who accepted?"""
    most = EMERGENCY_OFFERS if call.ticket and call.ticket.emergency else 1
    return len(open_offers(call)) < most and not accepted_offer(call)


def accepted_offer(call: Call) -> Offer | None:
    return next((offer for offer in call.offers if offer.state == "accepted"), None)


def offer_of(draft: Draft) -> Offer:
    """The offer the agent on this leg is answering."""
    return next(offer for offer in draft.call.offers if offer.id == draft.leg.offer)


def agent_came(draft: Draft, event: Came) -> None:
    """The agent picked up: who, why, language, how long; nothing private before they accept."""
    offer = offer_of(draft)
    if offer.state == "ended":  # taken out of the room because nobody came to meet them
        return _dismiss(draft, "agent_caller_left")
    if offer.state != "open":
        return _dismiss(draft, "agent_taken" if accepted_offer(draft.call) else "agent_too_late")
    if offer.here and draft.call.ticket is not None and draft.call.ticket.state == "waiting":
        return _accept(draft, offer)  # they have heard who it is, and said that they take it
    _rings(draft, offer)  # they were faster than the news of it
    draft.say(Gather((Say("agent_whisper", whisper(draft)),), seconds=draft.pharmacy.policies.accept_seconds))
    return None


def whisper(draft: Draft) -> dict[str, object]:
    ticket, facts = draft.call.ticket, draft.call.facts
    assert ticket is not None
    return {
        "kind": str(facts.get("caller", "unknown")),
        "why": str(facts.get("intent", "other")),
        "language": draft.call.language or draft.line.languages[0],
        "tier": str(facts.get("tier", "anonymous")),
        "queue": draft.queue(ticket.queue).title,
        "callback": ticket.kind == "callback",
        "emergency": ticket.emergency,
        "minutes": int((draft.now - ticket.arrived_at).total_seconds() // 60),
    }


def agent_keyed(draft: Draft, event: Keyed | Spoke | Silent) -> None:
    """Key 1 accepts; any other key, or silence, declines."""
    offer, ticket = offer_of(draft), draft.call.ticket
    if offer.state != "open" or ticket is None or ticket.state != "waiting":
        return _dismiss(draft, "agent_taken" if accepted_offer(draft.call) else "agent_too_late")
    if isinstance(event, Keyed) and event.digits[:1] == "1":
        return _accept(draft, offer)
    # Until they have heard the last words and hung up, another offer would find their line busy.
    put_offer(draft, replace(offer, state="declined", on_leaving="declined"))
    on_call_passed(draft, offer)
    return _dismiss(draft, "agent_declined")


def _dismiss(draft: Draft, prompt: str) -> None:
    draft.say(Say(prompt), Hangup())


def _accept(draft: Draft, offer: Offer) -> None:
    """Everybody else stops ringing, this agent waits in the room, and the caller is on their way there."""
    ticket = draft.call.ticket
    assert ticket is not None
    put_offer(draft, replace(offer, state="accepted"))
    withdraw_offers(draft, keep=offer.id)
    draft.put(phase="connecting", dialogue="")
    draft.put_ticket(state="connecting", not_before=None)
    draft.do(MoveAgent(offer.agent, "accepted"), ClearTimer(f"offer:{offer.id}"))
    if ticket.kind == "callback":
        _ring_back(draft, offer)
    else:
        _fetch(draft, offer)
    draft.say(Say("agent_accepted"), Meet(offer.conference))


def _fetch(draft: Draft, offer: Offer) -> None:
    leg = draft.caller_leg
    assert leg is not None  # a hold ticket closes when its caller hangs up
    draft.do(
        MoveCaller(leg.token, draft.reserve(leg.token)),
        SetTimer(f"join:{offer.id}", draft.now + timedelta(seconds=JOIN_SECONDS)),
    )


def _ring_back(draft: Draft, offer: Offer) -> None:
    number = callback_number(draft.call)
    assert number is not None  # nobody is promised a callback without one
    policies, token = draft.pharmacy.policies, draft.world.fresh[0]
    draft.add_leg(Leg(token, "callback", "expected", 1, number, offer.id))
    draft.put_ticket(attempts=draft.call.ticket.attempts + 1 if draft.call.ticket else 1)
    wait = policies.callback_ring_seconds + policies.accept_seconds + 2 * GRACE_SECONDS
    draft.do(
        PlaceCall(token, number, policies.callback_ring_seconds, 2),
        SetTimer(f"join:{offer.id}", draft.now + timedelta(seconds=wait)),
    )


# ---------------------------------------------------------------- the caller's side


def caller_came(draft: Draft) -> None:
    """The caller left the hold music for the room; if the agent has gone meanwhile, back in line."""
    offer = accepted_offer(draft.call)
    if offer is None or draft.call.phase not in ("connecting", "talking"):
        draft.say(Say("moved_back_in_line"))
        return hold(draft)
    return _meet(draft, offer)


def person_came(draft: Draft) -> None:
    """The person we call back picked up: nothing is said to a machine or a stranger but who rings."""
    draft.say(Gather((Say("callback_hello", draft.prompt_values()),), seconds=10))


def person_keyed(draft: Draft, event: Keyed | Spoke | Silent) -> None:
    offer = accepted_offer(draft.call)
    if not (isinstance(event, Keyed) and event.digits[:1] == "1"):
        draft.say(Say("goodbye_minimal", draft.prompt_values()), Hangup())
        callback_failed(draft)
    elif offer is None:
        draft.say(Say("moved_back_in_line"), Hangup())
    else:
        _meet(draft, offer)


def _meet(draft: Draft, offer: Offer) -> None:
    ticket = draft.call.ticket
    assert ticket is not None
    outcome = "answered" if ticket.kind == "hold" else "callback"
    draft.put(phase="talking", reached="talk", outcome=outcome, doubt=None)  # whoever they talk to asks by themselves
    if offer.agent not in draft.call.agents:
        draft.put(agents=(*draft.call.agents, offer.agent))
    draft.put_ticket(state="talking", answered_at=ticket.answered_at or draft.now)
    draft.do(ClearTimer(f"join:{offer.id}"))
    recorded = bool(draft.call.decision and draft.call.decision.record)
    if recorded:  # said before the first recorded word: some states ask everybody's consent
        draft.say(Say("recording_notice"))
    draft.say(Say("connecting"), Meet(offer.conference, recorded))


# ---------------------------------------------------------------- when they do not meet


def offer_missed(draft: Draft, offer: Offer) -> None:
    """It rang and nobody took it: the ticket keeps its place, the agent goes on break."""
    _not_taken(draft, offer, "missed", MoveAgent(offer.agent, "missed", "missed"))


def offer_declined(draft: Draft, offer: Offer) -> None:
    """They picked up and hung up again without a key."""
    _not_taken(draft, offer, "declined", MoveAgent(offer.agent, "declined"))


def offer_unreached(draft: Draft, offer: Offer) -> None:
    """The carrier could not reach their phone, as while it registers anew: that is no miss, until it is so again."""
    _not_taken(draft, offer, "unrung", MoveAgent(offer.agent, "unreached"))


def offer_unrung(draft: Draft, offer: Offer) -> None:
    """Their phone never rang, which is no fault of theirs: the ticket keeps its place, the agent is as they were."""
    _not_taken(draft, offer, "unrung", MoveAgent(offer.agent, "withdrawn"))


def _not_taken(draft: Draft, offer: Offer, state: str, moved: MoveAgent) -> None:
    if offer.state == "open":
        put_offer(draft, replace(offer, state=state))
        draft.do(moved, ClearTimer(f"offer:{offer.id}"))
        on_call_passed(draft, offer)


def offer_expired(draft: Draft, offer: Offer) -> None:
    """The call was never placed, or the carrier never said that the phone rang out or was put down: stop it."""
    if draft.now < offer.expires_at:  # it began to ring as its time to do so ran out
        return
    if offer.state == "open" or offer.on_leaving:
        draft.do(EndLeg(offer.leg))
    if offer.on_leaving:
        agent_left(draft, offer)
    elif offer.rang_at is None:
        offer_unrung(draft, offer)
    else:
        offer_missed(draft, offer)


def agent_left(draft: Draft, offer: Offer) -> None:
    """An agent who did not take the call, or came too late for it, has heard so and put the phone down."""
    put_offer(draft, replace(offer, on_leaving=""))
    only = draft.call.id if offer.on_leaving == "wrapped_up" else ""
    draft.do(MoveAgent(offer.agent, offer.on_leaving, only=only), ClearTimer(f"offer:{offer.id}"))


def left_alone(draft: Draft) -> None:
    """The agent's side of the room ended: the caller left, or never came."""
    offer = accepted_offer(draft.call)
    if draft.call.phase == "talking" and offer is not None and offer.id == draft.leg.offer:
        talk_ended(draft)
    if wrap_up.asks(draft, offer_of(draft)):
        return wrap_up.ask(draft)
    return _dismiss(draft, "agent_caller_left")


def never_joined(draft: Draft, offer: Offer) -> None:
    """Accepted, but they did not meet in time: the agent is free again and the ticket is back in its place."""
    if offer.state == "accepted" and draft.call.phase != "talking":
        back_in_line(draft, offer)


def back_in_line(draft: Draft, offer: Offer) -> None:
    """The agent who accepted is free again, and a ticket that was on its way to them is back in its place."""
    ticket = draft.call.ticket
    if ticket is not None and ticket.kind == "callback" and ticket.state == "connecting":
        return callback_failed(draft)
    release_agent(draft, offer)
    if draft.call.phase == "connecting":
        draft.put(phase="holding")
        draft.put_ticket(state="waiting")
    return None


def release_agent(draft: Draft, offer: Offer) -> None:
    """Take the agent out of the room, tell them, and make them available."""
    put_offer(draft, replace(offer, state="ended"))
    leg = draft.call.legs[offer.leg]
    if leg.state != "over" and leg.token != draft.leg_token:
        draft.do(MoveLeg(leg.token, draft.reserve(leg.token)))
    draft.do(MoveAgent(offer.agent, "released"), ClearTimer(f"join:{offer.id}"))


def callback_failed(draft: Draft) -> None:
    """Nobody answered our callback: the agent is free, and the ticket waits for its next attempt or expires."""
    offer, ticket, policies = accepted_offer(draft.call), draft.call.ticket, draft.pharmacy.policies
    if ticket is None or ticket.kind != "callback" or not ticket.live:
        return
    if offer is not None:
        release_agent(draft, offer)
    for leg in draft.call.legs.values():
        if leg.kind == "callback" and leg.state == "expected":
            draft.do(EndLeg(leg.token))
            draft.put_leg(leg.token, state="over")
    draft.put(phase="promised")
    if ticket.attempts >= policies.callback_attempts:
        draft.put(resolution="callback_expired", phase="over")
        return close_ticket(draft)
    later = draft.now + timedelta(seconds=policies.callback_spacing_seconds)
    draft.put_ticket(state="waiting", not_before=later)
    return None


def talk_ended(draft: Draft) -> None:
    """Whoever left first, the talk is over: the ticket closes and the agent wraps up."""
    offer = accepted_offer(draft.call)
    if draft.call.phase != "talking" or offer is None:
        return
    put_offer(draft, replace(offer, state="ended"))
    close_ticket(draft)
    kind = draft.call.ticket.kind if draft.call.ticket else "hold"
    draft.put(phase="leaving")
    wrap_up.begin(draft, offer, "callback_completed" if kind == "callback" else "resolved_agent")
