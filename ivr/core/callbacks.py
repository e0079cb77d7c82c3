"""A callback that is promised: when its person may be rung, what was tried, moved, called off, given up.

How it comes to be one is in `arranging`; how the person is rung and proved to be there in `meeting`.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from ivr.core import tickets
from ivr.core.call import Call
from ivr.core.draft import Draft
from ivr.core.effects import ClearTimer, SetTimer
from ivr.core.events import CallbackMoved
from ivr.core.line import Attempt, Ticket
from ivr.core.pharmacy import Pharmacy
from ivr.core.quiet import quiet_until
from ivr.core.verbs import Gather, Hangup, Say

MOST_WINDOWS = 3  # offered: with `in turn` four things to choose from
WINDOW_DAYS = 7  # ahead, to look for them
LONGEST_WINDOW = timedelta(days=1)
LOOK_SECONDS = 15 * 60  # how closely a window is held against the opening hours
CHOOSES_SECONDS = 10  # for somebody we will call back to say when, or to put the phone down
IN_USE_SECONDS = 15  # until the next look whether they are off the phone that we would ring
EXPIRES_AGAIN_SECONDS = 300  # somebody is being rung just as the callback expires: look again


def waits_for_callback(call: Call) -> bool:
    ticket = call.ticket
    return ticket is not None and ticket.kind == "callback" and ticket.state == "waiting"


def callback_number(call: Call) -> str | None:
    return call.fields.get("callback_number") or call.caller.number


# ---------------------------------------------------------------- when somebody may be rung


def may_be_rung_from(ticket: Ticket, pharmacy: Pharmacy, at: datetime) -> datetime:
    """Return the first moment from `at` on that is quiet neither at the site nor where the number may be."""
    site = pharmacy.sites[ticket.site].timezone
    return quiet_until(at, (site, *ticket.zones), pharmacy.policies.quiet_hours)


def wait_until_they_may_be_rung(draft: Draft) -> None:
    """Nobody is rung before the promise begins, nor in quiet hours; the ticket keeps its place meanwhile."""
    ticket = draft.call.ticket
    assert ticket is not None
    earliest = may_be_rung_from(ticket, draft.pharmacy, max(draft.now, ticket.due_from))
    draft.put_ticket(not_before=earliest if earliest > draft.now else None)


def windows(
    ticket: Ticket | None, pharmacy: Pharmacy, site: str, now: datetime
) -> tuple[tuple[datetime, datetime], ...]:
    """Return the next times a caller may choose: inside opening hours, and quiet for nobody."""
    found: list[tuple[datetime, datetime]] = []
    for window in _coming(pharmacy, site, now):
        if len(found) < MOST_WINDOWS and suits(window, ticket, pharmacy, site):
            found.append(window)
    return tuple(found)


def _coming(pharmacy: Pharmacy, site: str, now: datetime) -> Iterator[tuple[datetime, datetime]]:
    hours = pharmacy.hours[site]
    today = hours.local(now).date()
    for days in range(WINDOW_DAYS):
        for start, end in sorted(pharmacy.policies.callback_windows):
            window = tuple(hours.instant(today + timedelta(days=days), minute) for minute in (start, end))
            if window[0] > now:
                yield window[0], window[1]


def suits(window: tuple[datetime, datetime], ticket: Ticket | None, pharmacy: Pharmacy, site: str) -> bool:
    """Whether all of these times lie inside opening hours and are quiet for nobody."""
    start, end = window
    if end - start > LONGEST_WINDOW:  # no site is open that long; nor is each quarter of an hour of a century looked at
        return False
    zones = (pharmacy.sites[site].timezone, *(ticket.zones if ticket else ()))
    moments = [start + timedelta(seconds=at) for at in range(0, int((end - start).total_seconds()), LOOK_SECONDS)]
    return all(
        pharmacy.hours[site].closed_because(moment) is None
        and quiet_until(moment, zones, pharmacy.policies.quiet_hours) == moment
        for moment in moments
    )


# ---------------------------------------------------------------- moved and called off, by its person or the staff


def move(draft: Draft, window: tuple[datetime, datetime] | None) -> None:
    """Another time, by the caller's wish or the staff's: their promise starts with it. None: in turn again."""
    ticket = draft.call.ticket
    assert ticket is not None
    tickets.withdraw_offers(draft)
    due_from = window[0] if window else draft.pharmacy.hours[ticket.site].opens_next(ticket.arrived_at)
    draft.put_ticket(window=window, due_from=due_from)
    wait_until_they_may_be_rung(draft)
    expire_later(draft)


def moved_by_staff(draft: Draft, event: CallbackMoved) -> None:
    if waits_for_callback(draft.call):
        move(draft, event.window)


def cancelled(draft: Draft) -> None:
    """By its person or the staff: the ticket closes, and whoever was being rung for it is free."""
    if waits_for_callback(draft.call):
        tickets.withdraw_offers(draft)
        draft.put(resolution="callback_cancelled")
        tickets.close_ticket(draft)
        draft.do(ClearTimer("callback:expires"))
        if draft.call.ended_at is not None:
            draft.put(phase="over")


# ---------------------------------------------------------------- before somebody is rung


def may_ring(draft: Draft) -> bool:
    """May the person be rung now? If not, the ticket waits until they may, and keeps its place."""
    ticket, policies = draft.call.ticket, draft.pharmacy.policies
    assert ticket is not None
    if draft.call.phase == "dialogue":  # they are being asked when, on the phone we would ring
        draft.put_ticket(not_before=draft.now + timedelta(seconds=CHOOSES_SECONDS))
        return False
    told = draft.own_answer("number")
    if told is not None and told.facts.get("in_use"):  # they talk with us on it, or are rung for another call
        draft.put_ticket(not_before=draft.now + timedelta(seconds=IN_USE_SECONDS))
        return False
    # Until the agent has pressed 1 it may have become quiet.
    at_last = draft.now + timedelta(seconds=policies.ring_seconds + policies.accept_seconds)
    earliest = max(may_be_rung_from(ticket, draft.pharmacy, at) for at in (draft.now, at_last))
    if told is not None and int(told.facts.get("rung_today", 0)) >= policies.callback_per_day:
        earliest = may_be_rung_from(ticket, draft.pharmacy, _tomorrow(draft))
    if earliest <= at_last:
        return True
    draft.put_ticket(not_before=earliest)
    return False


def _tomorrow(draft: Draft) -> datetime:
    hours = draft.pharmacy.hours[draft.line.site]
    return hours.instant(hours.local(draft.now).date() + timedelta(days=1), 0)


def is_caller_first(draft: Draft) -> bool:
    """Is the person rung while an agent is held for them, or only once an agent waits?"""
    ticket = draft.call.ticket
    assert ticket is not None
    return (draft.queue(ticket.queue).callback_mode or draft.pharmacy.policies.callback_mode) == "caller_first"


# ---------------------------------------------------------------- what they hear when they are rung


def hello(draft: Draft) -> Gather:
    """Who rings, and one key to prove that they are there; nothing of why."""
    named = draft.pharmacy.policies.callback_says_name
    words = Say("callback_hello" if named else "callback_hello_nameless", draft.told_values())
    return Gather((words,), speech=True, seconds=10)  # words prove nothing, but they may be a cry for help


def last_words(draft: Draft) -> None:
    """To a machine, or to whoever presses nothing: by policy that we rang, once a ticket, and nothing of why."""
    policies = draft.pharmacy.policies
    if leaves_message(draft):
        draft.put_ticket(machine_told=True)
        message = "callback_message" if policies.callback_says_name else "callback_message_nameless"
        draft.say(Say(message, {**draft.told_values(), "number": draft.line.number}))
    elif not draft.leg.is_machine:
        draft.say(Say("goodbye_minimal" if policies.callback_says_name else "goodbye", draft.told_values()))
    draft.say(Hangup())


def leaves_message(draft: Draft) -> bool:
    ticket = draft.call.ticket
    wanted = draft.pharmacy.policies.callback_machine == "message"
    return wanted and ticket is not None and not ticket.machine_told


# ---------------------------------------------------------------- after an attempt, and when time is up


def attempted(draft: Draft, came: str) -> None:
    """Keep what came of an attempt: the next one is later, or there is none and staff are told."""
    ticket, policies = draft.call.ticket, draft.pharmacy.policies
    assert ticket is not None
    draft.put(phase="promised")
    draft.put_ticket(kind="callback", state="waiting", tried=(*ticket.tried, Attempt(draft.now, came)))
    if ticket.attempts >= policies.callback_attempts:
        return _give_up(draft, "callback_exhausted")
    later = draft.now + timedelta(seconds=policies.callback_spacing_seconds)
    return draft.put_ticket(not_before=may_be_rung_from(ticket, draft.pharmacy, later))


def _give_up(draft: Draft, task: str) -> None:
    """It is over for the machine, and goes to people: never silently gone."""
    tickets.withdraw_offers(draft)
    draft.task(task)
    draft.put(resolution="callback_expired", phase="over")
    draft.do(ClearTimer("callback:expires"))
    tickets.close_ticket(draft)


def expire_later(draft: Draft) -> None:
    ticket = draft.call.ticket
    assert ticket is not None
    starts = max(draft.now, ticket.window[1] if ticket.window else ticket.due_from)
    expires = timedelta(seconds=draft.pharmacy.policies.callback_expires_seconds)
    draft.do(SetTimer("callback:expires", starts + expires))


def expires(draft: Draft) -> None:
    """Nobody could be called back in all that time: the ticket closes, and staff and the disposition are told."""
    ticket = draft.call.ticket
    if ticket is None or ticket.kind != "callback":
        return
    if ticket.state == "connecting" or (ticket.state == "waiting" and _rings(draft.call)):
        draft.do(SetTimer("callback:expires", draft.now + timedelta(seconds=EXPIRES_AGAIN_SECONDS)))
    elif ticket.state == "waiting":
        _give_up(draft, "callback_expired")


def _rings(call: Call) -> bool:
    return any(leg.kind == "callback" and leg.state != "over" for leg in call.legs.values())
