"""`step`: one pure function from what happened to what is heard and done. Everything goes through here."""

from __future__ import annotations

from typing import assert_never

from ivr.core import (
    agent_keys,
    amending,
    answers,
    arranging,
    asking,
    call_record,
    callbacks,
    ending,
    mailbox,
    meeting,
    messages,
    recalling,
    reconsidering,
    ringing_again,
    rooms,
    safety,
    staff_line,
    stretches,
    talking,
    unattended,
    waiting,
    walk,
    wrap_up,
)
from ivr.core.call import Call, Step, World
from ivr.core.draft import Draft
from ivr.core.events import (
    VANISHED,
    Acted,
    Amended,
    AnsweredBy,
    Arrived,
    CallbackCancelled,
    CallbackMoved,
    CalledBack,
    CallerGone,
    Came,
    Confirmed,
    DialEnded,
    Event,
    HungUp,
    KeptLongEnough,
    Keyed,
    Learned,
    LeftAlone,
    NobodyCould,
    Noted,
    Offered,
    OrderNews,
    Placed,
    PlaceFailed,
    Played,
    QueueLeft,
    Recalled,
    Recorded,
    Silent,
    Spoke,
    Stumbled,
    Taped,
    TicketClosed,
    TicketTaken,
    TimerDue,
    Transcribed,
    Worked,
)
from ivr.core.verbs import Back, Hangup, Play, Say

ON_HOLD = ("holding", "dialogue", "connecting")
# The other results of a hold only tell us what we did.
TURNS_AFTER_HOLD = frozenset({"leave", "queue-full", "error", "system-error"})


def step(call: Call, event: Event, world: World) -> Step:
    """What a call becomes when something happens to it, and what the party on that leg hears next.

    Pure: no clock, no I/O, no randomness; the same call, event and world give the same step, so a step with more
    answers in `world` may be taken again from the start. Events a call knows nothing of change nothing.
    """
    leg = getattr(event, "leg", "")
    draft = Draft(call, leg, world)
    if not isinstance(event, Turn):
        _notice(draft, event)
        heard = False
    elif leg in call.legs:
        heard = _turn(draft, event)
    else:
        return draft.notice()
    mailbox.settle(draft)
    stretches.settle(draft)
    ending.settle(call, draft, _said_by(event))
    call_record.settle(call, draft)
    if not heard:
        return draft.notice()
    return draft.reserved() if isinstance(event, Came) else draft.document()


def _said_by(event: Event) -> str:
    """Who of the staff says what came of the call; empty for the line itself."""
    return event.agent if isinstance(event, Worked) else event.by if isinstance(event, Amended) else ""


Turn = Keyed | Spoke | Silent | Arrived | Came | Recorded | QueueLeft | DialEnded | Stumbled


def _turn(draft: Draft, event: Turn) -> bool:
    """Somebody is on the phone and must hear something; False for what is only a notice."""
    if draft.leg.state == "over":
        if isinstance(event, Recorded) and messages.expects_message(
            draft.call
        ):  # the message arrives after the news that they hung up
            messages.message_left(draft, event)
        return False
    if isinstance(event, Came):  # whoever fetches their document has picked up
        draft.put_leg(draft.leg_token, state="live")
    if draft.leg.kind == "agent":
        return _agent_turn(draft, event)
    if draft.leg.kind == "staff":
        staff_line.turn(draft, event)
        return True
    if draft.leg.kind == "callback" and not _is_the_caller(draft):
        return _person_turn(draft, event)
    return _caller_turn(draft, event)


def _is_the_caller(draft: Draft) -> bool:
    """Has this person whom we called back met an agent, so that from now on they are a caller like any other?"""
    call = draft.call
    waits = call.ticket is not None and call.ticket.kind == "hold" and call.reached == "talk"
    return call.phase in ("talking", "transferring", "leaving") or waits


def _caller_turn(draft: Draft, event: Turn) -> bool:
    match event:
        case Arrived():
            walk.begin(draft, event)
        case Came() | Silent() | DialEnded() | Stumbled() if waiting.is_passed_on(draft.call):
            waiting.transfer(draft, waiting.is_passed_on(draft.call))
        case Stumbled() if draft.call.talk is not None:
            rooms.hear(draft)
        case Came():
            _caller_came(draft, event)
        case Keyed() | Spoke() | Silent():
            _caller_answered(draft, event)
        case Recorded() if messages.expects_message(draft.call):
            messages.message_left(draft, event)
        case Recorded() if messages.told_again(draft, event):
            return True
        case Recorded():  # a recording nobody asked for answers nothing
            _caller_answered(draft, Silent(event.leg))
        case QueueLeft() if event.result not in TURNS_AFTER_HOLD or draft.call.phase not in ON_HOLD:
            return False
        case QueueLeft() if draft.call.phase == "connecting" and unattended.silent_now(draft):
            draft.put(in_queue=False)
            meeting.caller_came(draft)
        case QueueLeft():
            waiting.fell_out(draft)
        case DialEnded():
            _left_the_room(draft, event)
        case Stumbled():
            _again(draft)
    return True


def _caller_came(draft: Draft, event: Came) -> None:
    """A document they were moved to, or fell through to: what it is depends on what has come to pass meanwhile."""
    call = draft.call
    if meeting.is_asked(call):
        meeting.came_alone(draft)
    elif call.talk is not None:
        rooms.came(draft, event.document)
    elif call.ticket is not None and call.ticket.state == "moved":
        draft.say(Say("callback_place_moved"), Hangup())
    elif call.phase == "leaving":
        _parts(draft)
    elif call.phase == "transferring" and call.ticket is not None:
        waiting.wait_on(draft)  # a move from before they were put through
    elif call.dialogue == "nobody" and call.phase == "holding":
        draft.put(in_queue=False)
        waiting.told_nobody(draft)
    else:
        draft.put(in_queue=False)
        meeting.caller_came(draft)


def _again(draft: Draft) -> None:
    """Something of ours broke on the way to the caller: sorry, once more."""
    draft.put(stumbled_at=draft.now)
    draft.say(Say("sorry_once_more"))
    match draft.call.phase:
        case "flow" | "holding" | "dialogue" if draft.call.doubt is not None:
            asking.safety(draft)
        case "flow":
            walk.walk(draft)
        case "dialogue" if draft.call.ticket is None:
            arranging.offer(draft)
        case "dialogue":  # what was asked there is offered again on hold
            waiting.wait_on(draft)
        case "holding" | "connecting":
            waiting.hold(draft)
        case "transferring" if draft.call.ticket is not None:
            waiting.wait_on(draft)
        case "message":
            draft.say(messages.recorder(draft))
        case _:
            draft.say(Hangup())


def _caller_answered(draft: Draft, answered: Keyed | Spoke | Silent) -> None:
    event = safety.first(draft, answered)
    if event is None:
        return
    match draft.call.phase:
        case "flow":
            answers.answer(draft, event)
        case "holding" if draft.call.reached == "talk" and not draft.call.in_queue:
            meeting.caller_came(draft)  # before they could be moved there
        case "holding":
            waiting.key_on_hold(draft, event)
        case "dialogue":
            waiting.in_dialogue(draft, event)
        case "connecting":
            draft.say(Say("a_person_is_ready"), Play("hold_short"), Back("wait"))
        case "talking" if draft.call.talk is not None:
            rooms.caller_answered(draft, event)
        case _:  # a recorder that recorded nothing, and whoever has heard the last words
            draft.say(Say("goodbye"), Hangup())


def _left_the_room(draft: Draft, event: DialEnded) -> None:
    match draft.call.phase:
        case "transferring":
            waiting.transfer_ended(draft, event.result)
        case "talking" if meeting.is_asked(draft.call):
            meeting.talk_ended(draft)
            _parts(draft)
        case "talking":
            rooms.left_by_caller(draft)
        case "holding" | "connecting":  # their agent was lost, or passed them on
            draft.put(in_queue=False)
            meeting.caller_came(draft)
        case _:
            _parts(draft)


def _parts(draft: Draft) -> None:
    draft.say(Say("thank_you", draft.prompt_values()), Hangup())


def _agent_turn(draft: Draft, event: Turn) -> bool:
    match event:
        case Came():
            meeting.agent_came(draft, event)
        case Keyed() | Spoke() | Silent() if wrap_up.asks(draft, meeting.offer_of(draft)):
            wrap_up.keyed(draft, meeting.offer_of(draft), event)
        case Keyed() | Spoke() | Silent() if draft.call.talk is not None and rooms.of_agent(draft):
            agent_keys.answered(draft, event)
        case Keyed() | Spoke() | Silent():
            meeting.agent_keyed(draft, event)
        case DialEnded():
            meeting.left_alone(draft)
        case Stumbled() if draft.call.talk is not None and meeting.offer_of(draft).state == "accepted":
            rooms.hear(draft)
        case _:
            draft.say(Hangup())
    return True


def _person_turn(draft: Draft, event: Turn) -> bool:
    if draft.call.phase in ON_HOLD and draft.call.ticket is not None and draft.call.ticket.kind == "hold":
        return _caller_turn(draft, event)  # they were rung first, and wait for the agent
    match event:
        case Came():
            meeting.person_came(draft, event)
        case Keyed() | Spoke() | Silent():
            _person_answered(draft, event)
        case DialEnded():
            _left_the_room(draft, event)
        case _:
            draft.say(Hangup())
    return True


def _person_answered(draft: Draft, event: Keyed | Spoke | Silent) -> None:
    if not safety.called_back(draft, event):
        meeting.person_keyed(draft, event)


OfALeg = Placed | PlaceFailed | CallerGone | HungUp | AnsweredBy
OfAMessage = Transcribed | Played | CalledBack | Confirmed | KeptLongEnough
OfACallback = TicketTaken | TicketClosed | CallbackMoved | CallbackCancelled
OfStaff = Worked | Acted | Recalled | Noted | Amended
OfATalk = LeftAlone | Taped
OfTheLine = Offered | NobodyCould | TimerDue | Learned | OrderNews
Notice = OfALeg | OfAMessage | OfACallback | OfStaff | OfATalk | OfTheLine


def _notice(draft: Draft, event: Notice) -> None:
    """Something happened that nobody on the phone is waiting to hear about."""
    if isinstance(event, OfALeg):
        if event.leg in draft.call.legs:
            _of_leg(draft, event)
    elif isinstance(event, OfAMessage):
        _of_message(draft, event)
    elif isinstance(event, OfACallback):
        _of_callback(draft, event)
    elif isinstance(event, OfStaff):
        _of_staff(draft, event)
    elif isinstance(event, OfATalk):
        _of_talk(draft, event)
    else:
        _of_the_line(draft, event)


def _of_leg(draft: Draft, event: OfALeg) -> None:
    match event:
        case AnsweredBy():
            meeting.answered_by(draft, event)
        case Placed():
            meeting.placed(draft)
        case PlaceFailed():
            ending.hung_up(draft, HungUp(event.leg, "canceled" if draft.leg.kind == "agent" else "failed"))
        case CallerGone():
            ending.hung_up(draft, HungUp(event.leg, VANISHED))
        case HungUp():
            ending.hung_up(draft, event)
        case _:
            assert_never(event)


def _of_message(draft: Draft, event: OfAMessage) -> None:
    match event:
        case Transcribed():
            if event.leg in draft.call.legs:
                mailbox.transcribed(draft, event)
        case Played():
            mailbox.played(draft, event)
        case CalledBack():
            mailbox.called_back(draft, event)
        case Confirmed():
            mailbox.confirmed(draft, event)
        case KeptLongEnough():
            mailbox.kept_long_enough(draft)
        case _:
            assert_never(event)


def _of_callback(draft: Draft, event: OfACallback) -> None:
    match event:
        case TicketTaken():
            ringing_again.taken_elsewhere(draft, event)
        case TicketClosed():
            ringing_again.closed_elsewhere(draft, event)
        case CallbackMoved():
            callbacks.moved_by_staff(draft, event)
        case CallbackCancelled():
            callbacks.cancelled(draft)
        case _:
            assert_never(event)


def _of_staff(draft: Draft, event: OfStaff) -> None:
    match event:
        case Worked() if mailbox.is_left(draft.call):
            mailbox.worked(draft, event)
        case Worked():
            wrap_up.worked(draft, event)
        case Acted():
            talking.act(draft, event)
        case Recalled():
            recalling.recalled(draft, event)
        case Noted():
            amending.noted(draft, event)
        case Amended():
            amending.amended(draft, event)
        case _:
            assert_never(event)


def _of_talk(draft: Draft, event: OfATalk) -> None:
    match event:
        case LeftAlone():
            rooms.left_alone(draft, event.room)
        case Taped():
            draft.put(tapes={**draft.call.tapes, event.leg: event.recording})
        case _:
            assert_never(event)


def _of_the_line(draft: Draft, event: OfTheLine) -> None:
    match event:
        case Offered():
            meeting.offered(draft, event)
        case NobodyCould():
            waiting.nobody_could(draft)
        case TimerDue():
            _timer(draft, event.name)
        case Learned():
            reconsidering.learned(draft, event)
        case OrderNews():
            reconsidering.happened(draft, event)
        case _:
            assert_never(event)


def _timer(draft: Draft, name: str) -> None:
    kind, _, id_ = name.partition(":")
    if kind == "message":
        return mailbox.timer(draft, name)
    if kind == "emergency":
        return waiting.emergency_timer(draft, name)
    if kind == "callback":
        return callbacks.expires(draft)
    if kind == wrap_up.TIMER:
        return wrap_up.over(draft)
    if kind == "plan":
        return waiting.plan_step(draft, id_)
    offer = next((offer for offer in draft.call.offers if offer.id == id_), None)
    if offer is None:
        return None
    if kind == "held":
        return rooms.held_long(draft)
    if kind == "apart":
        return meeting.apart_long(draft)
    return meeting.offer_expired(draft, offer) if kind == "offer" else meeting.never_joined(draft, offer)
