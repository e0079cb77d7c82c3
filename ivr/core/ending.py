"""How a call ends, and the disposition that says what came of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from ivr.core import callbacks, codes, ringing_again, staff_line
from ivr.core.call import Call
from ivr.core.draft import Draft
from ivr.core.effects import CloseShared, WriteDisposition
from ivr.core.events import HungUp
from ivr.core.identity import verification
from ivr.core.meeting import (
    agent_gone,
    agent_left,
    back_in_line,
    callback_failed,
    cut_short,
    is_asked,
    offer_declined,
    offer_missed,
    offer_of,
    offer_to,
    offer_unreached,
    offer_unrung,
    release_agent,
    talk_ended,
)
from ivr.core.messages import left_in_writing
from ivr.core.pharmacy import Pharmacy
from ivr.core.rooms import third_gone
from ivr.core.tickets import accepted_offer, close_ticket, withdraw_offers
from ivr.core.verbs import Hangup

SHORT_ABANDON_SECONDS = 5
CAME = {"busy": "busy", "no-answer": "no_answer", "canceled": "no_answer"}
"""What the carrier's word for the end of a callback nobody answered means; any other is a failure."""

NOW_SECONDS = 20  # `now` is kept while the first phones ring: nobody can answer in no time


def hung_up(draft: Draft, event: HungUp) -> None:
    """The carrier says a leg is over; said twice or late it changes nothing more."""
    leg = draft.leg
    if leg.state == "over":
        return
    answered = leg.state == "live"
    draft.put_leg(leg.token, state="over")
    if leg.kind == "staff":
        staff_line.ended(draft)
    elif leg.kind == "agent":
        _agent_hung_up(draft, answered, event)
    elif leg.kind == "callback":
        _person_hung_up(draft, answered, event.how)
    else:
        caller_hung_up(draft)


def _agent_hung_up(draft: Draft, answered: bool, event: HungUp) -> None:
    offer, how = offer_of(draft), event.how
    if offer.on_leaving:
        agent_left(draft, offer)
    elif offer.state == "accepted" and offer.purpose != "answer":
        third_gone(draft, offer)
    elif offer.state == "accepted" and draft.call.talk is not None:
        agent_gone(draft, offer, how, event.seconds)
    elif offer.state == "accepted":
        back_in_line(draft, offer)
    elif answered:
        offer_declined(draft, offer)
    elif how == "canceled" and offer.rang_at is None:  # our own word for a call that was never placed
        offer_unrung(draft, offer)
    elif how == "failed":
        offer_unreached(draft, offer)
    else:
        offer_missed(draft, offer)


def _person_hung_up(draft: Draft, answered: bool, how: str) -> None:
    if any(leg.kind == "callback" and leg.state == "live" for leg in draft.call.legs.values()):
        return  # late news of an earlier attempt: they are on another leg by now
    if draft.call.doubt is not None:
        _left_in_doubt(draft)
    ticket = draft.call.ticket
    if draft.call.phase == "leaving":
        draft.put(phase="over")
    elif ticket and ticket.kind == "hold" and draft.call.reached == "talk":  # a caller like any other by now
        caller_hung_up(draft)
    elif draft.call.phase == "talking" and accepted_offer(draft.call) is not None:
        talk_ended(draft)
        draft.put(phase="over")
    elif offer_to(draft.call, draft.leg) is not None:
        callback_failed(draft, "hung_up" if answered else CAME.get(how, "failed"))
    elif draft.call.ticket is not None and draft.call.ticket.kind == "hold" and draft.call.ticket.live:
        _left_while_joined(draft)


def _left_while_joined(draft: Draft) -> None:
    """Called back first, they were there and hung up before another agent came to them: they are called once more."""
    offer = accepted_offer(draft.call)
    if offer is not None:
        release_agent(draft, offer)
    withdraw_offers(draft)
    callbacks.attempted(draft, "hung_up")


def _left_in_doubt(draft: Draft) -> None:
    """They hung up on the question whether anybody is in danger: somebody has to find out."""
    draft.put(doubt=None, facts={**draft.call.facts, "urgency": "emergency"})
    draft.task("possible_emergency", urgent=True)


def caller_hung_up(draft: Draft) -> None:
    """The caller is gone: whatever was going on ends here, unless a callback or a message keeps their ticket."""
    draft.put(ended_at=draft.call.ended_at or draft.now)
    if is_asked(draft.call):
        cut_short(draft)
    if draft.call.doubt is not None:
        _left_in_doubt(draft)
    if draft.call.ticket and draft.call.ticket.live and draft.call.ticket.kind == "callback":
        if draft.call.phase == "dialogue":  # they were choosing another time, and it stands as it was
            draft.put(phase="promised", dialogue="")
        return  # the first news of a caller who was promised one may come while somebody is already ringing them
    if draft.call.phase == "talking":
        talk_ended(draft)
    elif draft.call.phase in ("holding", "dialogue", "connecting") and draft.call.ticket:
        _left_the_line(draft)
    elif draft.call.phase == "transferring":
        _left_while_put_through(draft)
    elif draft.call.phase in ("flow", "message", "dialogue"):
        _left_the_flow(draft)
    if draft.call.phase != "promised":
        draft.put(phase="over")


def _left_the_line(draft: Draft) -> None:
    offer = accepted_offer(draft.call)
    if offer:
        release_agent(draft, offer)
    withdraw_offers(draft)
    if ringing_again.stands_again(draft):
        return
    waited = (draft.now - (draft.call.queued_at or draft.now)).total_seconds()
    draft.put(
        outcome="short_abandon" if waited <= SHORT_ABANDON_SECONDS and draft.call.reached != "talk" else "abandoned",
        resolution="abandoned_queue",
    )
    if draft.call.ticket and draft.call.ticket.emergency:
        draft.task("emergency_abandoned", urgent=True)
    close_ticket(draft)


def _left_while_put_through(draft: Draft) -> None:
    """They were rung through to a number of ours, and nobody tells us whether it was answered."""
    draft.put(outcome="transferred")
    if draft.call.ticket and draft.call.ticket.emergency:
        draft.task("emergency_abandoned", urgent=True)


def _left_the_flow(draft: Draft) -> None:
    if left_in_writing(draft):
        return
    if draft.call.ticket and draft.call.ticket.live:
        close_ticket(draft)
    if draft.call.outcome is None:
        draft.put(outcome="abandoned", resolution="abandoned_ivr")


# ---------------------------------------------------------------- the disposition


def settle(before: Call, draft: Draft, by: str = "") -> None:
    """Write the disposition whenever what it says has changed: when the caller leaves, and when the ticket closes."""
    if staff_line.is_staff(draft):
        return
    if draft.call.ended_at is None and _last_words(draft):
        draft.put(ended_at=draft.now)
        if draft.call.outcome is None:
            _left_the_flow(draft)
    _tell_earlier_calls(before, draft)
    call = draft.call
    if call.ended_at is None:
        return
    body = disposition(call, draft.pharmacy)
    if before.ended_at is not None and disposition(replace(before, revision=call.revision), draft.pharmacy) == body:
        return
    draft.put(revision=call.revision + 1)
    draft.do(WriteDisposition(draft.call.revision, {**body, "revision": draft.call.revision}, by))


def _tell_earlier_calls(before: Call, draft: Draft) -> None:
    """The calls that gave their ticket up to this one end with it."""
    call, ticket = draft.call, draft.call.ticket
    if not call.shares or ticket is None or ticket.live:
        return
    if (before.ticket, before.resolution) != (ticket, call.resolution):
        draft.do(*(CloseShared(earlier, ticket, call.resolution) for earlier in call.shares))


def _last_words(draft: Draft) -> bool:
    """We end the caller's leg ourselves, so nobody needs to tell us that it ended."""
    leg = draft.call.legs.get(draft.leg_token)
    return leg is not None and leg.kind == "caller" and any(isinstance(verb, Hangup) for verb in draft.says)


def disposition(call: Call, pharmacy: Pharmacy) -> dict[str, Any]:
    """What came of the call, in codes (`core/codes.py`): of one call always the whole, under a rising `revision`.

    What staff have corrected stands in place of what the call itself tells.
    """
    ticket, decision, facts = call.ticket, call.decision, call.facts
    waits_on = (
        ticket is not None and ticket.live and (ticket.kind in ("callback", "voicemail") or ticket.state == "moved")
    )
    return {
        "call_id": call.id,
        "revision": call.revision,
        "final": not waits_on,
        "line": call.line,
        "outcome": call.outcome or "failed",
        "reached": call.reached,
        "code": call.resolution,
        **_codes(call, pharmacy),
        "caller": facts.get("caller", "unknown"),
        "tier": facts.get("tier", "anonymous"),
        "verification": verification(call, pharmacy.policies.wrong_per_call),
        "intent": facts.get("intent", "unknown"),
        "urgency": facts.get("urgency", "routine"),
        "language": call.language or facts.get("language", "unknown"),
        "queue": ticket.queue if ticket else None,
        "waited_seconds": _waited_seconds(call),
        "promise_kept": promise_kept(call),
        "ticket_id": ticket.id if ticket else None,
        "rule": decision.rule or "otherwise" if decision else None,
        "version": call.version,
        "agents": list(call.agents),
        "transfers": call.transfers,
        "recorded": call.recorded,
        "attempts": ticket.attempts if ticket else 0,
        "arrived_at": call.arrived_at.isoformat(),
        "ended_at": call.ended_at.isoformat() if call.ended_at else None,
    }


def _codes(call: Call, pharmacy: Pharmacy) -> dict[str, Any]:
    amended = call.amended
    came = codes.is_resolution(amended.get("resolution", ""))
    came = came or codes.resolution(call, pharmacy.queues.get(call.ticket.queue) if call.ticket else None)
    follows = codes.next_step(call, came, pharmacy)
    last = call.passed[-1] if call.passed else None
    told = {
        "resolution": came,
        "next_step": follows.what,
        "owner": follows.owner,
        "due_at": follows.due_at.isoformat() if follows.due_at else None,
        "callback": codes.callback(call),
        "callback_reason": codes.callback_reason(call, pharmacy),
        "transfer": last.how if last else None,
        "transfer_reason": (last.why or None) if last else None,
        "caller_kind": codes.caller_kind(call),
        "severity": codes.severity(call),
        "follow_up_channel": codes.channel(call, follows),
    }
    return {**told, **amended}


def _waited_seconds(call: Call) -> int | None:
    """From arrival to the first human, callbacks included, or to the ticket's end; None without a ticket."""
    ticket = call.ticket
    if ticket is None:
        return None
    until = ticket.answered_at or ticket.closed_at
    return int((until - call.arrived_at).total_seconds()) if until else None


def promise_kept(call: Call) -> bool | None:
    """Return whether a human was there in time; None while nobody can say, and without a ticket."""
    ticket = call.ticket
    if ticket is None or (ticket.answered_at is None and ticket.live):
        return None
    grace = timedelta(seconds=NOW_SECONDS if ticket.emergency else 0)
    return ticket.answered_at is not None and ticket.answered_at <= ticket.promised_at + grace
