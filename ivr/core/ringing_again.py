"""They ring again about what a ticket of theirs is about: it goes on in the new call, with the same clock."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ivr.core import arranging, callbacks, tickets
from ivr.core.call import Answer
from ivr.core.draft import Draft
from ivr.core.effects import ClearTimer, MoveCaller
from ivr.core.events import TicketClosed, TicketTaken
from ivr.core.line import Ticket
from ivr.core.verbs import Hangup, Say

STANDS = "callback_stands"  # the field of the number at which they are called back should they not go on waiting
DIALOGUES = ("callback_found", "callback_yours")


def found(draft: Draft) -> bool:
    """Somebody rings again about what a ticket of theirs is about: they hear of it instead of getting a second one."""
    told = draft.own_answer("ticket")
    if draft.call.other_need or draft.call.ticket is not None or told is None or told.ticket is None:
        return False
    if told.ticket.state != "waiting":
        return _is_under_way(draft, told.ticket)
    if told.values.get("by") == "person":
        _take_over(draft, told)
    else:
        arranging.ask(draft, "callback_found", Say("callback_found"))
    return True


def _is_under_way(draft: Draft, ticket: Ticket) -> bool:
    """They are being called back at this moment; with whom they talk already it is another matter."""
    if ticket.state != "connecting" or ticket.kind != "callback":
        draft.put(other_need=True)
        return False
    draft.put(phase="leaving", outcome="self_served", resolution="callback_under_way")
    draft.say(Say("callback_under_way"), Hangup())
    return True


def answered(draft: Draft, key: str) -> str | None:
    """The caller answers about the ticket that was found; returns what they do instead, None when it goes on here.

    `holds`, with the ticket of their callback; `joins` with a new one.
    """
    return _answered_found(draft, key) if draft.call.dialogue == "callback_found" else _chose_for_it(draft, key)


def _answered_found(draft: Draft, key: str) -> str | None:
    told = draft.own_answer("ticket")
    if key == "1" and (told is None or told.ticket is None):
        return "joins"  # it has been served meanwhile
    if key == "1" and told is not None and told.ticket is not None:
        if told.ticket.state != "waiting":
            return None if _is_under_way(draft, told.ticket) else "joins"
        _take_over(draft, told)
    elif key == "*":
        arranging.ask(draft, "callback_found", Say("callback_found"))
    else:
        draft.put(other_need=True)
        return "joins"
    return None


def _take_over(draft: Draft, told: Answer) -> None:
    """The ticket goes on in this call: the same ticket, with the same clock."""
    ticket = told.ticket
    assert ticket is not None
    person = tickets.proved_person(draft.call) or ticket.person
    number = told.values.get("callback_number", "")
    draft.put(
        ticket=replace(ticket, call=draft.call.id, person=person),
        shares=(*told.values.get("shared", "").split(), ticket.call),
        fields={**draft.call.fields, **({"callback_number": number} if number else {})},
        outcome="callback" if ticket.kind == "callback" else None,
        resolution="callback_promised" if ticket.kind == "callback" else None,
    )
    callbacks.expire_later(draft)
    _tell_found(draft, told)


def _tell_found(draft: Draft, told: Answer) -> None:
    ticket = draft.call.ticket
    assert ticket is not None
    if ticket.kind == "hold":
        return arranging.ask(
            draft, "callback_yours", Say("callback_on_another_phone", _place(told)), Say("callback_wait_here")
        )
    when, values = arranging.agreed(draft)
    first = Say("callback_place", _place(told)) if when == "callback_promised" else Say(when, values)
    return arranging.ask(draft, "callback_yours", first, Say("callback_choices"))


def _place(told: Answer) -> dict[str, Any]:
    return {"position": told.values.get("position", "1")}


# ---------------------------------------------------------------- what they do with it


def _chose_for_it(draft: Draft, key: str) -> str | None:
    """1 waits on the line, 2 another time, 3 another number, 4 calls it off; else it stands as it was."""
    ticket = draft.call.ticket
    assert ticket is not None
    if ticket.kind == "hold" or key == "1":
        return _hold_again(draft)
    if key == "2" and arranging.offered_windows(draft):
        arranging.ask_time(draft)
    elif key == "3":
        draft.put(strikes=0)
        arranging.ask_number(draft)
    elif key == "4":
        draft.put(phase="leaving", dialogue="")
        callbacks.cancelled(draft)
        draft.say(Say("callback_cancelled"), Hangup())
    elif key == "*":
        arranging.ask(draft, "callback_yours", Say("callback_choices"))
    else:
        arranging.stands(draft)
    return None


def _hold_again(draft: Draft) -> str:
    """They wait on the line with the ticket of their callback: the same place, now or when its time would come."""
    ticket = draft.call.ticket
    assert ticket is not None
    if ticket.kind == "callback" and (number := callbacks.callback_number(draft.call)):
        draft.put(fields={**draft.call.fields, STANDS: number})
    draft.put_ticket(kind="hold", window=None, not_before=None, due_from=min(ticket.due_from, draft.now))
    draft.put(outcome=None, resolution=None, reached="hold", queued_at=draft.now)
    return "holds"


def stands_again(draft: Draft) -> bool:
    """Whoever had a callback, waited on the line for a while and hung up, is called back as they were promised.

    Who was found on hold on another phone was promised none.
    """
    ticket, fields = draft.call.ticket, draft.call.fields
    if ticket is None or ticket.emergency or STANDS not in fields:
        return False
    tickets.withdraw_offers(draft)
    draft.put(fields={**fields, "callback_number": fields[STANDS]})
    draft.put_ticket(kind="callback", state="waiting")
    draft.put(phase="promised", dialogue="", in_queue=False, outcome="callback", resolution="callback_promised")
    callbacks.wait_until_they_may_be_rung(draft)
    return True


# ---------------------------------------------------------------- the call they made before


def taken_elsewhere(draft: Draft, event: TicketTaken) -> None:
    """Its person rings again: the ticket goes on in that call, and what this one was doing about it stops."""
    ticket = draft.call.ticket
    if ticket is None or ticket.state != "waiting":
        return
    tickets.withdraw_offers(draft)
    draft.do(ClearTimer("callback:expires"))
    draft.put_ticket(call=event.by, state="moved")
    leg = draft.caller_leg
    if leg is not None and ticket.kind == "hold":
        draft.put(phase="leaving", dialogue="", outcome="callback", resolution="moved_to_another_call")
        draft.do(MoveCaller(leg.token, draft.reserve(leg.token)))


def closed_elsewhere(draft: Draft, event: TicketClosed) -> None:
    ticket = draft.call.ticket
    if ticket is not None and ticket.call != draft.call.id and ticket.id == event.ticket.id:
        draft.put(ticket=event.ticket, resolution=event.resolution, phase="over")
