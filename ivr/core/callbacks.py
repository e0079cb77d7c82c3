"""Callbacks: asked for and promised, at a number and a time of the caller's, found again, moved and called off.

How the person is rung and proved to be there is in `meeting`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from ivr.core import entry, facts, tickets
from ivr.core.call import Answer, Call
from ivr.core.draft import Draft
from ivr.core.effects import ClearTimer, MoveCaller, SetTimer
from ivr.core.events import CallbackMoved, Keyed, Silent, Spoke, TicketClosed, TicketTaken
from ivr.core.hours import Hours
from ivr.core.line import Attempt, Ticket
from ivr.core.pharmacy import Pharmacy
from ivr.core.quiet import quiet_until
from ivr.core.verbs import Gather, Hangup, Say

DIALOGUE_SECONDS = 60  # how long a caller may be away from the hold music to choose something
CHOICE_SECONDS = 10  # to choose what to do instead of waiting …
PATIENT_CHOICE_SECONDS = 15  # … for callers who are given more time
MOST_NUMBERS = 3  # that cannot be rung, and then the caller goes on waiting
MOST_WINDOWS = 3  # offered: with `in turn` four things to choose from
WINDOW_DAYS = 7  # ahead, to look for them
LOOK_SECONDS = 15 * 60  # how closely a window is held against the opening hours
EXPIRES_AGAIN_SECONDS = 300  # somebody is being rung just as the callback expires: look again
ASKED = "callback_asked"  # the field of a number they have keyed and not yet confirmed
NUMBERS = (ASKED, "callback_number")
STANDS = "callback_stands"  # the field of the number at which they are called back should they not go on waiting
EMERGENCY_NUMBERS = ("911", "112", "999", "988", "933")

Answered = Keyed | Spoke | Silent

# ---------------------------------------------------------------- asked for


def offer(draft: Draft) -> None:
    """Ask which number to call back; meanwhile nobody is sent to them."""
    _keep_away(draft)
    draft.put(strikes=0)
    if not draft.call.caller.number:
        return _ask_number(draft)
    draft.put(
        fields={name: value for name, value in draft.call.fields.items() if name not in NUMBERS}, phase="dialogue"
    )
    if (refused := _refusal(draft)) is not None:
        return _ask_number(draft, Say(refused))
    return _ask(draft, "callback_confirm", _when_closed(draft), Say("callback_confirm"))


def _keep_away(draft: Draft) -> None:
    if draft.call.ticket is not None and draft.call.ticket.kind == "hold":
        draft.put_ticket(not_before=draft.now + timedelta(seconds=DIALOGUE_SECONDS))


def _when_closed(draft: Draft) -> Say | None:
    """Whoever asks while nobody is there hears when somebody will be, before they agree to anything."""
    values = draft.told_values()
    return Say("callback_when_open", values) if values["opens_day"] else None


def _ask(draft: Draft, dialogue: str, *says: Say | None, digits: int | None = 1) -> None:
    draft.put(phase="dialogue", dialogue=dialogue, secret=digits is None)
    draft.say(Gather(tuple(filter(None, says)), digits, speech=True, seconds=choice_seconds(draft)))


def choice_seconds(draft: Draft) -> int:
    return PATIENT_CHOICE_SECONDS if facts.is_patient(draft) else CHOICE_SECONDS


def _ask_number(draft: Draft, *before: Say) -> None:
    _ask(draft, "callback_number", *before, Say("callback_number"), digits=None)


def answered(draft: Draft, key: str, event: Answered) -> str | None:
    """The caller answers a question about their callback; returns what they do instead, None when it goes on here.

    `waits` on hold, in line as they are; `holds`, with the ticket of their callback; `joins` with a new one.
    """
    match draft.call.dialogue, key:
        case (("callback_confirm" | "callback_number_confirm"), "1"):
            _promise(draft)
        case (("callback_confirm" | "callback_number_confirm"), "2"):
            _ask_number(draft)
        case "callback_confirm", "*":
            offer(draft)
        case "callback_number", "*":
            _ask_number(draft)
        case "callback_number", _ if not isinstance(event, Silent):
            return _take_number(draft, event)
        case "callback_number_confirm", "*":
            _confirm_number(draft)
        case "callback_when", _:
            _chose(draft, key)
        case "callback_found", _:
            return _answered_found(draft, key)
        case "callback_yours", _:
            return _chose_for_it(draft, key)
        case _ if waits_for_callback(draft.call):
            _stands(draft)
        case _:
            return "waits"
    return None


# ---------------------------------------------------------------- the number


def _take_number(draft: Draft, event: Keyed | Spoke) -> str | None:
    if isinstance(event, Keyed):
        number = read_number(event.digits.rstrip("#"))
        emergency = event.digits.rstrip("#") in EMERGENCY_NUMBERS
    else:
        readings = tuple(entry.readings(event.words))
        number = entry.first_that_fits(read_number(digits) for digits in readings)
        emergency = number is None and any(digits in EMERGENCY_NUMBERS for digits in readings)
    if number is None:
        return _refuse_number(draft, "callback_number_emergency" if emergency else "callback_number_unclear")
    draft.put(fields={**draft.call.fields, ASKED: number})
    if (refused := _refusal(draft)) is not None:
        return _refuse_number(draft, refused)
    _confirm_number(draft)
    return None


def read_number(digits: str) -> str | None:
    """Return what was keyed as E.164: ten digits of our own numbering, or 011 and a country; None for anything else."""
    if not digits.isascii() or not digits.isdigit():
        return None
    national = digits[1:] if len(digits) == 11 and digits[0] == "1" else digits
    if len(national) == 10 and national[0] not in "01":
        return f"+1{national}"
    abroad = digits.removeprefix("011")
    return f"+{abroad}" if digits.startswith("011") and 7 <= len(abroad) <= 15 and abroad[0] != "0" else None


def _refuse_number(draft: Draft, why: str) -> str | None:
    """It cannot be rung, and they hear why at once; a third one, and they go on as before."""
    draft.put(strikes=draft.call.strikes + 1)
    if draft.call.strikes >= MOST_NUMBERS:
        draft.say(Say(why))
        return "waits"
    _ask_number(draft, Say(why))
    return None


def _refusal(draft: Draft) -> str | None:
    """The prompt that says why the number on file for the callback cannot be rung; None when it can."""
    told = draft.own_answer("number")
    verdict = str(told.facts.get("number", "fine")) if told else _by_its_digits(draft)
    return None if verdict == "fine" else f"callback_number_{verdict}"


def _by_its_digits(draft: Draft) -> str:
    """What can be told without anybody's tables: no premium rate, no island that shares our country code."""
    number = number_asked_of(draft.call) or ""
    national = number.removeprefix("+1")
    plain = not number.startswith("+1") or entry.read("phone", national, draft.now.date()) is not None
    return "fine" if plain or number == draft.call.caller.number else "premium"


def _confirm_number(draft: Draft) -> None:
    number = draft.call.fields[ASKED]
    _ask(draft, "callback_number_confirm", Say("callback_number_confirm", {"callback_number": number}))


def number_asked_of(call: Call) -> str | None:
    """The number our own record is asked about: the one they have just keyed, else the one we would ring."""
    keyed = call.fields.get(ASKED) if call.phase == "dialogue" else None
    return keyed or callback_number(call)


def callback_number(call: Call) -> str | None:
    return call.fields.get("callback_number") or call.caller.number


# ---------------------------------------------------------------- promised


def _promise(draft: Draft) -> None:
    """The same ticket goes on as a callback: it keeps its arrival and its promise; then they may choose a time."""
    if draft.call.dialogue == "callback_number_confirm":
        draft.put(fields={**draft.call.fields, "callback_number": draft.call.fields[ASKED]})
    if draft.call.ticket is None:
        draft.put(ticket=tickets.new_ticket(draft, "callback", draft.queue(tickets.usual_queue(draft))))
        _after_those_before(draft)
    tickets.withdraw_offers(draft)
    told = draft.own_answer("number")
    zones = tuple(told.values.get("zones", "").split()) if told else ()
    draft.put_ticket(kind="callback", not_before=None, on_call=False, zones=zones)
    draft.put(outcome="callback", resolution="callback_promised", secret=False)
    _wait_until_they_may_be_rung(draft)
    _expire_later(draft)
    _say_promised(draft)


def _after_those_before(draft: Draft) -> None:
    """Who asks while we are closed is promised a little later than who asked before, so that live callers get in."""
    told = draft.own_answer("ticket")
    waiting = int(told.values.get("overnight", "0")) if told else 0
    if draft.call.ticket and draft.call.ticket.due_from > draft.now:
        spread = timedelta(seconds=waiting * draft.pharmacy.policies.callback_spread_seconds)
        draft.put_ticket(due_from=draft.call.ticket.due_from + spread)


def _wait_until_they_may_be_rung(draft: Draft) -> None:
    """Nobody is rung before the promise begins, nor in quiet hours; the ticket keeps its place meanwhile."""
    ticket = draft.call.ticket
    assert ticket is not None
    earliest = may_be_rung_from(ticket, draft.pharmacy, max(draft.now, ticket.due_from))
    draft.put_ticket(not_before=earliest if earliest > draft.now else None)


def may_be_rung_from(ticket: Ticket, pharmacy: Pharmacy, at: datetime) -> datetime:
    """Return the first moment from `at` on that is quiet neither at the site nor where the number may be."""
    site = pharmacy.sites[ticket.site].timezone
    return quiet_until(at, (site, *ticket.zones), pharmacy.policies.quiet_hours)


def _expire_later(draft: Draft) -> None:
    ticket = draft.call.ticket
    assert ticket is not None
    starts = max(draft.now, ticket.window[1] if ticket.window else ticket.due_from)
    expires = timedelta(seconds=draft.pharmacy.policies.callback_expires_seconds)
    draft.do(SetTimer("callback:expires", starts + expires))


def _say_promised(draft: Draft) -> None:
    """What was agreed, and with it the other times; whoever hangs up here has been promised already."""
    says = [Say(*_agreed(draft))]
    choices = _windows_to_say(draft)
    if not choices:
        draft.put(phase="promised", dialogue="")
        return draft.say(*says, Say("goodbye"), Hangup())
    return _ask(draft, "callback_when", *says, Say("callback_in_turn"), *choices)


def _agreed(draft: Draft) -> tuple[str, dict[str, Any]]:
    """The prompt and the values that say when they will be called."""
    ticket, hours = draft.call.ticket, draft.pharmacy.hours[draft.line.site]
    assert ticket is not None
    if ticket.window:
        return "callback_at", _window_values(hours, *ticket.window, draft.now)
    if ticket.not_before is not None:
        return "callback_from", _moment_values(hours, ticket.not_before, draft.now)
    return "callback_promised", {}


# ---------------------------------------------------------------- another time


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
    zones = (pharmacy.sites[site].timezone, *(ticket.zones if ticket else ()))
    moments = [start + timedelta(seconds=at) for at in range(0, int((end - start).total_seconds()), LOOK_SECONDS)]
    return all(
        pharmacy.hours[site].closed_because(moment) is None
        and quiet_until(moment, zones, pharmacy.policies.quiet_hours) == moment
        for moment in moments
    )


def _offered_windows(draft: Draft) -> tuple[tuple[datetime, datetime], ...]:
    return windows(draft.call.ticket, draft.pharmacy, draft.line.site, draft.now)


def _windows_to_say(draft: Draft) -> list[Say]:
    hours = draft.pharmacy.hours[draft.line.site]
    return [
        Say("callback_window", {"key": str(key), **_window_values(hours, *window, draft.now)})
        for key, window in enumerate(_offered_windows(draft), 2)
    ]


def _window_values(hours: Hours, start: datetime, end: datetime, now: datetime) -> dict[str, Any]:
    return {**_moment_values(hours, start, now), "until": hours.local(end).strftime("%H:%M")}


def _moment_values(hours: Hours, at: datetime, now: datetime) -> dict[str, Any]:
    local = hours.local(at)
    day = local.date()
    return {
        "on_day": day.isoformat(),
        "from_time": local.strftime("%H:%M"),
        "is_today": day == hours.local(now).date(),
        "is_later": day != hours.local(now).date(),
    }


def _chose(draft: Draft, key: str) -> None:
    """A time of their own, or in turn; the clock of their promise starts anew only by their own wish."""
    if key == "*":
        return _say_promised(draft)
    chosen = dict(enumerate(_offered_windows(draft), 2)).get(int(key) if key.isdigit() else 0)
    if chosen is not None:
        move(draft, chosen)
        draft.say(Say(*_agreed(draft)))
    draft.put(phase="promised", dialogue="")
    return draft.say(Say("goodbye"), Hangup())


def move(draft: Draft, window: tuple[datetime, datetime] | None) -> None:
    """Another time, by the caller's wish or the staff's: their promise starts with it. None: in turn again."""
    ticket = draft.call.ticket
    assert ticket is not None
    tickets.withdraw_offers(draft)
    due_from = window[0] if window else draft.pharmacy.hours[ticket.site].opens_next(ticket.arrived_at)
    draft.put_ticket(window=window, due_from=due_from)
    _wait_until_they_may_be_rung(draft)
    _expire_later(draft)


# ---------------------------------------------------------------- staff move it, and call it off


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


def waits_for_callback(call: Call) -> bool:
    ticket = call.ticket
    return ticket is not None and ticket.kind == "callback" and ticket.state == "waiting"


# ---------------------------------------------------------------- they ring again


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
        _ask(draft, "callback_found", Say("callback_found"))
    return True


def _is_under_way(draft: Draft, ticket: Ticket) -> bool:
    """They are being called back at this moment; with whom they talk already it is another matter."""
    if ticket.state != "connecting" or ticket.kind != "callback":
        draft.put(other_need=True)
        return False
    draft.put(phase="leaving", outcome="self_served", resolution="callback_under_way")
    draft.say(Say("callback_under_way"), Hangup())
    return True


def _answered_found(draft: Draft, key: str) -> str | None:
    told = draft.own_answer("ticket")
    if key == "1" and (told is None or told.ticket is None):
        return "joins"  # it has been served meanwhile
    if key == "1" and told is not None and told.ticket is not None:
        if told.ticket.state != "waiting":
            return None if _is_under_way(draft, told.ticket) else "joins"
        _take_over(draft, told)
    elif key == "*":
        _ask(draft, "callback_found", Say("callback_found"))
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
    _expire_later(draft)
    _tell_found(draft, told)


def _tell_found(draft: Draft, told: Answer) -> None:
    ticket = draft.call.ticket
    assert ticket is not None
    if ticket.kind == "hold":
        return _ask(draft, "callback_yours", Say("callback_on_another_phone", _place(told)), Say("callback_wait_here"))
    when, values = _agreed(draft)
    first = Say("callback_place", _place(told)) if when == "callback_promised" else Say(when, values)
    return _ask(draft, "callback_yours", first, Say("callback_choices"))


def _place(told: Answer) -> dict[str, Any]:
    return {"position": told.values.get("position", "1")}


def _chose_for_it(draft: Draft, key: str) -> str | None:
    """1 waits on the line, 2 another time, 3 another number, 4 calls it off; else it stands as it was."""
    ticket = draft.call.ticket
    assert ticket is not None
    if ticket.kind == "hold" or key == "1":
        return _hold_again(draft)
    if key == "2" and _offered_windows(draft):
        _ask(draft, "callback_when", Say("callback_in_turn"), *_windows_to_say(draft))
    elif key == "3":
        draft.put(strikes=0)
        _ask_number(draft)
    elif key == "4":
        draft.put(phase="leaving", dialogue="")
        cancelled(draft)
        draft.say(Say("callback_cancelled"), Hangup())
    elif key == "*":
        _ask(draft, "callback_yours", Say("callback_choices"))
    else:
        _stands(draft)
    return None


def _stands(draft: Draft) -> None:
    draft.put(phase="promised", dialogue="", secret=False)
    draft.say(Say("callback_stands"), Hangup())


def _hold_again(draft: Draft) -> str:
    """They wait on the line with the ticket of their callback: the same place, now or when its time would come."""
    ticket = draft.call.ticket
    assert ticket is not None
    if ticket.kind == "callback" and (number := callback_number(draft.call)):
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
    _wait_until_they_may_be_rung(draft)
    return True


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


# ---------------------------------------------------------------- before somebody is rung


def may_ring(draft: Draft) -> bool:
    """May the person be rung now? If not, the ticket waits until they may, and keeps its place."""
    ticket, policies = draft.call.ticket, draft.pharmacy.policies
    assert ticket is not None
    told = draft.own_answer("number")
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
    return Gather((Say("callback_hello" if named else "callback_hello_nameless", draft.told_values()),), seconds=10)


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


# ---------------------------------------------------------------- after an attempt


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
