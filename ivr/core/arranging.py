"""A callback is arranged with its caller: at which number, and at what time; promised as soon as they agree."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from ivr.core import callbacks, entry, facts, tickets
from ivr.core.call import Call
from ivr.core.draft import Draft
from ivr.core.events import Keyed, Silent, Spoke
from ivr.core.hours import Hours
from ivr.core.verbs import Gather, Hangup, Say

DIALOGUE_SECONDS = 60  # how long a caller may be away from the hold music to choose something
CHOICE_SECONDS = 10  # to choose what to do instead of waiting …
PATIENT_CHOICE_SECONDS = 15  # … for callers who are given more time
MOST_NUMBERS = 3  # that cannot be rung, and then the caller goes on waiting
ASKED = "callback_asked"  # the field of a number they have keyed and not yet confirmed
NUMBERS = (ASKED, "callback_number")
EMERGENCY_NUMBERS = ("911", "112", "999", "988", "933")

Answered = Keyed | Spoke | Silent


def offer(draft: Draft) -> None:
    """Ask which number to call back; meanwhile nobody is sent to them."""
    _keep_away(draft)
    draft.put(strikes=0)
    if not draft.call.caller.number:
        return ask_number(draft)
    draft.put(
        fields={name: value for name, value in draft.call.fields.items() if name not in NUMBERS}, phase="dialogue"
    )
    if (refused := _refusal(draft)) is not None:
        return ask_number(draft, Say(refused))
    return ask(draft, "callback_confirm", _when_closed(draft), Say("callback_confirm"))


def _keep_away(draft: Draft) -> None:
    if draft.call.ticket is not None and draft.call.ticket.kind == "hold":
        draft.put_ticket(not_before=draft.now + timedelta(seconds=DIALOGUE_SECONDS))


def _when_closed(draft: Draft) -> Say | None:
    """Whoever asks while nobody is there hears when somebody will be, before they agree to anything."""
    values = draft.told_values()
    return Say("callback_when_open", values) if values["opens_day"] else None


def ask(draft: Draft, dialogue: str, *says: Say | None, digits: int | None = 1) -> None:
    draft.put(phase="dialogue", dialogue=dialogue, secret=digits is None)
    draft.say(Gather(tuple(filter(None, says)), digits, speech=True, seconds=choice_seconds(draft)))


def choice_seconds(draft: Draft) -> int:
    return PATIENT_CHOICE_SECONDS if facts.is_patient(draft) else CHOICE_SECONDS


def ask_number(draft: Draft, *before: Say) -> None:
    ask(draft, "callback_number", *before, Say("callback_number"), digits=None)


def answered(draft: Draft, key: str, event: Answered) -> str | None:
    """The caller answers a question about their callback; returns what they do instead, None when it goes on here.

    `waits` on hold, in line as they are.
    """
    match draft.call.dialogue, key:
        case (("callback_confirm" | "callback_number_confirm"), "1"):
            _promise(draft)
        case (("callback_confirm" | "callback_number_confirm"), "2"):
            ask_number(draft)
        case "callback_confirm", "*":
            offer(draft)
        case "callback_number", "*":
            ask_number(draft)
        case "callback_number", _ if not isinstance(event, Silent):
            return _take_number(draft, event)
        case "callback_number_confirm", "*":
            _confirm_number(draft)
        case "callback_when", _:
            _chose(draft, key)
        case _ if callbacks.waits_for_callback(draft.call):
            stands(draft)
        case _:
            return "waits"
    return None


def stands(draft: Draft) -> None:
    draft.put(phase="promised", dialogue="", secret=False)
    draft.say(Say("callback_stands"), Hangup())


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
    ask_number(draft, Say(why))
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
    ask(draft, "callback_number_confirm", Say("callback_number_confirm", {"callback_number": number}))


def number_asked_of(call: Call) -> str | None:
    """The number our own record is asked about: the one they have just keyed, else the one we would ring."""
    keyed = call.fields.get(ASKED) if call.phase == "dialogue" else None
    return keyed or callbacks.callback_number(call)


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
    callbacks.wait_until_they_may_be_rung(draft)
    callbacks.expire_later(draft)
    _say_promised(draft)


def _after_those_before(draft: Draft) -> None:
    """Who asks while we are closed is promised a little later than who asked before, so that live callers get in."""
    told = draft.own_answer("ticket")
    waiting = int(told.values.get("overnight", "0")) if told else 0
    if draft.call.ticket and draft.call.ticket.due_from > draft.now:
        spread = timedelta(seconds=waiting * draft.pharmacy.policies.callback_spread_seconds)
        draft.put_ticket(due_from=draft.call.ticket.due_from + spread)


def _say_promised(draft: Draft) -> None:
    """What was agreed, and with it the other times; whoever hangs up here has been promised already."""
    says = [Say(*agreed(draft))]
    if not offered_windows(draft):
        draft.put(phase="promised", dialogue="")
        return draft.say(*says, Say("goodbye"), Hangup())
    return ask_time(draft, *says)


def agreed(draft: Draft) -> tuple[str, dict[str, Any]]:
    """The prompt and the values that say when they will be called."""
    ticket, hours = draft.call.ticket, draft.pharmacy.hours[draft.line.site]
    assert ticket is not None
    if ticket.window:
        return "callback_at", _window_values(hours, *ticket.window, draft.now)
    if ticket.not_before is not None:
        return "callback_from", _moment_values(hours, ticket.not_before, draft.now)
    return "callback_promised", {}


# ---------------------------------------------------------------- another time


def ask_time(draft: Draft, *before: Say) -> None:
    ask(draft, "callback_when", *before, Say("callback_in_turn"), *_windows_to_say(draft))


def offered_windows(draft: Draft) -> tuple[tuple[datetime, datetime], ...]:
    return callbacks.windows(draft.call.ticket, draft.pharmacy, draft.line.site, draft.now)


def _windows_to_say(draft: Draft) -> list[Say]:
    hours = draft.pharmacy.hours[draft.line.site]
    return [
        Say("callback_window", {"key": str(key), **_window_values(hours, *window, draft.now)})
        for key, window in enumerate(offered_windows(draft), 2)
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
    chosen = dict(enumerate(offered_windows(draft), 2)).get(int(key) if key.isdigit() else 0)
    if chosen is not None:
        callbacks.move(draft, chosen)
        draft.say(Say(*agreed(draft)))
    draft.put(phase="promised", dialogue="")
    return draft.say(Say("goodbye"), Hangup())
