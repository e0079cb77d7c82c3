"""Two legs meet: an agent is offered a ticket, accepts, and is joined with the caller in a room used once."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from ivr.core import callbacks, rooms, wrap_up
from ivr.core.call import Call, Leg
from ivr.core.draft import Draft
from ivr.core.effects import ClearTimer, EndLeg, LookAfter, MoveCaller, MoveLeg, PlaceCall, SetTimer
from ivr.core.events import VANISHED, AnsweredBy, Came, Keyed, Offered, Silent, Spoke
from ivr.core.line import EMERGENCY_OFFERS, Offer
from ivr.core.tickets import (
    accepted_offer,
    close_ticket,
    move_agent,
    open_offers,
    put_offer,
    withdraw_offers,
)
from ivr.core.verbs import Gather, Hangup, Meet, Say
from ivr.core.waiting import hold, on_call_passed, wait_again

JOIN_SECONDS = 10  # accepted, but the two never met
GRACE_SECONDS = 10  # for the carrier to say that a phone rang out, before we say it ourselves
RECALLED = "recalled"  # how an agent's phone goes down whom a supervisor takes away from their caller
CUT_SHORT_SECONDS = 10  # a talk that a dead phone ended this soon was none
LEAVING_SECONDS = 60  # for the carrier to move them out of a room where they hear nobody, and for a goodbye
MOST_HELLOS = 3  # to somebody who speaks instead of pressing the key: a greeting, of people and of machines
PLACE_SECONDS = 30  # for the carrier to take the call: it is looked up after 10 s, and placed again

# ---------------------------------------------------------------- offers


def offered(draft: Draft, event: Offered) -> None:
    """Ring one agent for the waiting ticket; refused quietly when the ticket is no longer to be had."""
    ticket = draft.call.ticket
    if ticket is None or ticket.state != "waiting" or not may_offer(draft.call):
        return
    if ticket.kind == "callback":
        if not callbacks.may_ring(draft):
            return
        if callbacks.is_caller_first(draft):
            return _ring_first(draft, event)
    if draft.call.reached == "hold":
        draft.put(reached="offer")
    ring(draft, event, ticket.id)


def ring(draft: Draft, event: Offered, ticket: str, purpose: str = "answer") -> None:
    """Ring somebody's phone with an offer."""
    limit = draft.now + timedelta(seconds=PLACE_SECONDS)
    offer = Offer(
        event.offer, ticket, event.agent, event.leg, "open", draft.now, limit, purpose=purpose, here=event.here
    )
    draft.put(offers=(*draft.call.offers, offer))
    draft.add_leg(Leg(event.leg, "agent", "expected", 1, event.address, event.offer))
    move_agent(draft, offer, "offered")
    emergency = draft.call.ticket is not None and draft.call.ticket.emergency
    draft.do(SetTimer(f"offer:{offer.id}", limit))
    if not event.here:
        ring_seconds = draft.pharmacy.policies.ring_seconds
        draft.do(PlaceCall(event.leg, event.address, ring_seconds, 0 if emergency else 1))


def _ring_first(draft: Draft, event: Offered) -> None:
    """Caller first: the agent is held while the person is rung, so that whoever is there does not wait again."""
    ticket = draft.call.ticket
    assert ticket is not None
    offer = Offer(event.offer, ticket.id, event.agent, event.leg, "open", draft.now, draft.now + _ring_back_time(draft))
    draft.put(offers=(*draft.call.offers, offer))
    draft.add_leg(Leg(event.leg, "agent", "expected", 1, event.address, event.offer))
    move_agent(draft, offer, "offered")
    _ring_back(draft, offer)


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


def offer_of(draft: Draft) -> Offer:
    """The offer the agent on this leg is answering."""
    return next(offer for offer in draft.call.offers if offer.id == draft.leg.offer)


def agent_came(draft: Draft, event: Came) -> None:
    """The agent picked up: who, why, language, how long; nothing private before they accept."""
    offer = offer_of(draft)
    if offer.state == "accepted":
        return rooms.came(draft, event.document) if draft.call.talk else _to_the_room(draft, offer)
    if offer.state != "open":
        return dismiss(draft, offer)
    if offer.here and draft.call.ticket is not None and draft.call.ticket.state == "waiting":
        return _accept(draft, offer)  # they have heard who it is, and said that they take it
    _rings(draft, offer)  # they were faster than the news of it
    put_offer(draft, replace(offer_of(draft), came_at=draft.now))
    words = rooms.whisper(draft, offer) or Say("agent_whisper", whisper(draft))
    draft.say(Gather((words,), seconds=draft.pharmacy.policies.accept_seconds))
    return None


def _to_the_room(draft: Draft, offer: Offer) -> None:
    """Where they belong once they have accepted: wherever the talk has them, else waiting for the caller."""
    if draft.call.talk is not None:
        return rooms.hear(draft)
    return draft.say(Meet(offer.conference, star=True))


def dismiss(draft: Draft, offer: Offer) -> None:
    """The last words to somebody whose offer is not, or no longer, to be had; after a talk, what came of it first."""
    if wrap_up.asks(draft, offer):
        return wrap_up.ask(draft, offer)
    if offer.words or offer.state in ("ended", "passed_on"):
        rung = draft.call.ticket is not None and draft.call.ticket.kind == "callback"
        _dismiss(draft, offer.words or ("agent_not_reached" if rung else "agent_caller_left"))
    else:
        _dismiss(draft, "agent_taken" if accepted_offer(draft.call) else "agent_too_late")


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
    if offer.state == "accepted":
        return _to_the_room(draft, offer)
    is_had = draft.call.talk if offer.purpose != "answer" else ticket and ticket.state == "waiting"
    if offer.state != "open" or not is_had:
        return dismiss(draft, offer)
    if isinstance(event, Keyed) and event.digits[:1] == "1":
        return _accept(draft, offer) if offer.purpose == "answer" else rooms.enter(draft, offer)
    # Until they have heard the last words and hung up, another offer would find their line busy.
    put_offer(draft, replace(offer, state="declined", on_leaving="declined"))
    _not_coming(draft, offer)
    return _dismiss(draft, "agent_declined")


def _not_coming(draft: Draft, offer: Offer) -> None:
    if offer.purpose == "answer":
        on_call_passed(draft, offer)
    elif offer.purpose == "consult":
        rooms.nobody_came(draft, "agent_not_taken")


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
    move_agent(draft, offer, "accepted")
    draft.do(ClearTimer(f"offer:{offer.id}"))
    if ticket.kind == "callback":
        _ring_back(draft, offer)
    else:
        _fetch(draft, offer)
    draft.say(Say("agent_accepted"), Meet(offer.conference, star=True))


def _fetch(draft: Draft, offer: Offer) -> None:
    leg = draft.caller_leg
    assert leg is not None  # a hold ticket closes when its caller hangs up
    draft.do(
        MoveCaller(leg.token, draft.reserve(leg.token)),
        SetTimer(f"join:{offer.id}", draft.now + timedelta(seconds=JOIN_SECONDS)),
    )


def _ring_back(draft: Draft, offer: Offer) -> None:
    number = callbacks.callback_number(draft.call)
    assert number is not None  # nobody is promised a callback without one
    policies, token = draft.pharmacy.policies, draft.world.fresh[0]
    draft.add_leg(Leg(token, "callback", "expected", 1, number, offer.id))
    draft.put_ticket(attempts=draft.call.ticket.attempts + 1 if draft.call.ticket else 1)
    draft.do(
        PlaceCall(token, number, policies.callback_ring_seconds, 2, policies.callback_detect),
        SetTimer(f"join:{offer.id}", draft.now + _ring_back_time(draft)),
    )


def _ring_back_time(draft: Draft) -> timedelta:
    policies = draft.pharmacy.policies
    return timedelta(seconds=policies.callback_ring_seconds + policies.accept_seconds + 2 * GRACE_SECONDS)


# ---------------------------------------------------------------- the caller's side


def caller_came(draft: Draft) -> None:
    """The caller left the hold music for the room; if the agent has gone meanwhile, back in line."""
    offer = accepted_offer(draft.call)
    if offer is not None and draft.call.phase == "connecting":
        return meet(draft, offer)
    draft.say(Say("talk_passed_on" if draft.call.dialogue == "passed_on" else "moved_back_in_line"))
    draft.put(dialogue="")
    return hold(draft)


def person_came(draft: Draft, event: Came) -> None:
    """The person we call back picked up: nothing is said to a machine or a stranger but, by policy, who rings."""
    if event.answered_by == "machine":
        draft.put_leg(draft.leg_token, is_machine=True)
    if draft.leg.is_machine:
        callbacks.last_words(draft)
        return _not_reached(draft, "machine")
    return draft.say(callbacks.hello(draft))


def answered_by(draft: Draft, event: AnsweredBy) -> None:
    """The carrier says who picked up. A machine gets its last words, or nothing; the agent is free at once."""
    leg = draft.leg
    if event.who != "machine" or leg.kind != "callback" or leg.state == "over" or draft.call.phase == "talking":
        return
    draft.put_leg(leg.token, is_machine=True)
    if callbacks.leaves_message(draft):
        draft.do(MoveLeg(leg.token, draft.reserve(leg.token)))
    else:
        draft.do(EndLeg(leg.token))
    _not_reached(draft, "machine")


def _not_reached(draft: Draft, came: str) -> None:
    if offer_to(draft.call, draft.leg) is not None:  # else this leg is of an earlier attempt
        callback_failed(draft, came)


def person_keyed(draft: Draft, event: Keyed | Spoke | Silent) -> None:
    """One key proves that the person is there; whoever presses none is as good as a machine."""
    offer = offer_to(draft.call, draft.leg)
    if isinstance(event, Spoke) and draft.leg.documents < MOST_HELLOS:
        draft.say(callbacks.hello(draft))
    elif not (isinstance(event, Keyed) and event.digits[:1] == "1"):
        callbacks.last_words(draft)
        _not_reached(draft, "no_key")
    elif offer is None:
        draft.say(Say("moved_back_in_line"), Hangup())
    elif offer.state == "open":
        _hold_for_agent(draft, offer)
    else:
        meet(draft, offer)


def _hold_for_agent(draft: Draft, offer: Offer) -> None:
    """Caller first, and they are there: on hold in their place, while the phone of the agent held for them rings."""
    ring = draft.pharmacy.policies.ring_seconds
    limit = draft.now + timedelta(seconds=PLACE_SECONDS)
    draft.put(phase="holding", queued_at=draft.now, reached="offer", outcome="callback")
    draft.put_ticket(kind="hold", not_before=None)
    put_offer(draft, replace(offer, expires_at=limit))
    draft.do(
        ClearTimer(f"join:{offer.id}"),
        PlaceCall(offer.leg, str(draft.call.legs[offer.leg].number), ring, 1),
        SetTimer(f"offer:{offer.id}", limit),
    )
    draft.say(Say("callback_joining"))
    hold(draft)


def meet(draft: Draft, offer: Offer) -> None:
    """The caller is on their way into the room, where the agent waits."""
    ticket = draft.call.ticket
    assert ticket is not None
    outcome = "callback" if ticket.kind == "callback" or draft.leg.kind == "callback" else "answered"
    draft.put(phase="talking", reached="talk", outcome=outcome, doubt=None)  # whoever they talk to asks by themselves
    draft.put_ticket(state="talking", answered_at=ticket.answered_at or draft.now)
    # News of an agent whose phone is down by now may be lost, and the caller would be in the room by themselves.
    draft.do(ClearTimer(f"join:{offer.id}"), LookAfter(offer.leg))
    rooms.begin(draft, offer)


# ---------------------------------------------------------------- when they do not meet


def offer_missed(draft: Draft, offer: Offer) -> None:
    """It rang and nobody took it: the ticket keeps its place, the agent goes on break."""
    _not_taken(draft, offer, "missed", "missed", "missed")


def offer_declined(draft: Draft, offer: Offer) -> None:
    """They picked up and hung up again without a key."""
    _not_taken(draft, offer, "declined", "declined")


def offer_unreached(draft: Draft, offer: Offer) -> None:
    """The carrier could not reach their phone, as while it registers anew: that is no miss, until it is so again."""
    _not_taken(draft, offer, "unrung", "unreached")


def offer_unrung(draft: Draft, offer: Offer) -> None:
    """Their phone never rang, which is no fault of theirs: the ticket keeps its place, the agent is as they were."""
    _not_taken(draft, offer, "unrung", "withdrawn")


def _not_taken(draft: Draft, offer: Offer, state: str, event: str, reason: str = "") -> None:
    if offer.state == "open":
        put_offer(draft, replace(offer, state=state))
        move_agent(draft, offer, event, reason)
        draft.do(ClearTimer(f"offer:{offer.id}"))
        _not_coming(draft, offer)


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
    move_agent(draft, offer, offer.on_leaving, only=only)
    draft.do(ClearTimer(f"offer:{offer.id}"))


def left_alone(draft: Draft) -> None:
    """The room ended for somebody of ours: they pressed `*`, the talk is over, or nobody has met them yet."""
    offer = offer_of(draft)
    if offer.state != "accepted":
        dismiss(draft, offer)
    elif draft.call.talk is not None:
        rooms.left(draft)
    else:
        _to_the_room(draft, offer)


def never_joined(draft: Draft, offer: Offer) -> None:
    """Accepted, but they did not meet in time: the agent is free again and the ticket is back in its place."""
    if offer.state == "accepted" and draft.call.phase != "talking":
        back_in_line(draft, offer)
    elif offer.state == "open":  # they were rung first, and nobody told us that they did not answer
        callback_failed(draft, "no_answer")


def back_in_line(draft: Draft, offer: Offer) -> None:
    """The agent who accepted is free again, and a ticket that was on its way to them is back in its place."""
    ticket = draft.call.ticket
    if ticket is not None and ticket.kind == "callback" and ticket.state == "connecting":
        return callback_failed(draft, "agent_left" if draft.leg_token == offer.leg else "no_answer")
    release_agent(draft, offer)
    if draft.call.phase == "connecting":
        draft.put(phase="holding")
        draft.put_ticket(state="waiting")
    return None


def release_agent(draft: Draft, offer: Offer) -> None:
    """Take the agent out of the room and tell them; they are available once their phone is down again."""
    leg = draft.call.legs[offer.leg]
    draft.do(ClearTimer(f"join:{offer.id}"))
    if leg.state == "over":
        put_offer(draft, replace(offer, state="ended"))
        move_agent(draft, offer, "released")
        return
    # Offered another call meanwhile, they would be rung while they still stand in a room.
    limit = draft.now + timedelta(seconds=LEAVING_SECONDS)
    put_offer(draft, replace(offer, state="ended", on_leaving="released", expires_at=limit))
    draft.do(SetTimer(f"offer:{offer.id}", limit))
    if leg.token != draft.leg_token:
        draft.do(MoveLeg(leg.token, draft.reserve(leg.token)))


def callback_failed(draft: Draft, came: str) -> None:
    """Nobody came of our callback: the agent is free, and the ticket waits for its next attempt, or goes to staff."""
    ticket, offer = draft.call.ticket, _called_for(draft.call)
    if ticket is None or not ticket.live or offer is None:
        return
    if offer.state == "accepted":
        release_agent(draft, offer)
    else:
        withdraw_offers(draft)
    for leg in draft.call.legs.values():
        if leg.kind == "callback" and leg.state == "expected":
            draft.do(EndLeg(leg.token))
            draft.put_leg(leg.token, state="over")
    draft.do(ClearTimer(f"join:{offer.id}"))
    callbacks.attempted(draft, came)


def _called_for(call: Call) -> Offer | None:
    """The standing offer of the agent the person is being rung for, or waits for."""
    return next((offer for offer in call.offers if offer.state in ("open", "accepted")), None)


def offer_to(call: Call, leg: Leg) -> Offer | None:
    """The offer a person is called back for, while the agent still stands by."""
    return next((o for o in call.offers if o.id == leg.offer and o.state in ("open", "accepted")), None)


def talk_ended(draft: Draft) -> None:
    """Whoever left first, the talk is over: the ticket closes and the agent wraps up."""
    offer = accepted_offer(draft.call)
    if draft.call.phase != "talking" or offer is None:
        return
    rooms.clear(draft, offer)
    close_ticket(draft)
    called_back = draft.call.outcome == "callback"
    draft.put(phase="leaving")
    wrap_up.owe(draft, offer, "callback_completed" if called_back else "resolved_agent")


def agent_gone(draft: Draft, offer: Offer, how: str, seconds: int = 0) -> None:
    """The agent's phone is down while they talk: a colleague on the line goes on, else it is over or was cut short."""
    if rooms.colleague(draft.call):
        rooms.hand_over(draft)
    elif _is_cut_short(draft, offer, how, seconds):
        cut_short(draft)
    elif how != RECALLED and _may_not_have_met(draft, offer, how, seconds):
        rooms.ask_caller(draft)
    else:
        talk_ended(draft)


def cut_short(draft: Draft) -> None:
    """The caller was lost by their agent and waits again; if it was the first talk of this ticket, for their first."""
    ticket, talk, offer = draft.call.ticket, draft.call.talk, accepted_offer(draft.call)
    assert ticket is not None
    assert talk is not None
    assert offer is not None
    short = talk.caller == "asked" or (draft.now - talk.began_at).total_seconds() < CUT_SHORT_SECONDS
    if short and ticket.answered_at == talk.began_at:
        draft.put_ticket(answered_at=None)
    rooms.clear(draft, offer)
    wait_again(draft)


def is_asked(call: Call) -> bool:
    """Has the agent hung up, and does only the caller know whether they had met?"""
    return call.talk is not None and call.talk.caller == "asked"


def came_alone(draft: Draft) -> None:
    """The caller was fetched from before the room: nobody had spoken with them."""
    cut_short(draft)
    caller_came(draft)


def apart_long(draft: Draft) -> None:
    """Nothing was heard of one of the two for a while."""
    if is_asked(draft.call):
        cut_short(draft)
    else:
        rooms.apart_long(draft)


def _is_cut_short(draft: Draft, offer: Offer, how: str, seconds: int) -> bool:
    """Would this caller be wronged by a goodbye: on hold, not met yet, or lost to a dead phone after a few seconds?

    `seconds` is how long the agent's phone was up by the carrier's count: it may have gone down before the two
    met, and the news of it come later.
    """
    talk = draft.call.talk
    assert talk is not None
    vanished = how == VANISHED and (draft.now - talk.began_at).total_seconds() < CUT_SHORT_SECONDS
    lost = vanished or _down_at(draft, offer, seconds) < talk.began_at
    return lost or talk.caller == "notice" or (talk.caller == "hold" and talk.agent == "menu")


def _down_at(draft: Draft, offer: Offer, seconds: int) -> datetime:
    """When the agent's phone went down, at the latest: the carrier tells whole seconds, and not how it rounds them."""
    if offer.came_at is None or not seconds:
        return draft.now
    return min(draft.now, offer.came_at + timedelta(seconds=seconds + 1))


def _may_not_have_met(draft: Draft, offer: Offer, how: str, seconds: int) -> bool:
    """Is the caller perhaps hearing still that they are being connected, or in a room that the agent had left?

    A room in which they were two would have ended for the caller by the time a phone is found to have vanished.
    """
    talk = draft.call.talk
    assert talk is not None
    soon = _down_at(draft, offer, seconds) < talk.began_at + timedelta(seconds=CUT_SHORT_SECONDS)
    return talk.caller == "room" and talk.rooms == 1 and (soon or how == VANISHED)
