"""The staff line: who works by phone alone signs in here, takes a break or a waiting call, and says what came of it.

Everything goes by keys, for the oldest of telephones. Nothing is told before the PIN, and after it nothing private but
the messages they ask to hear.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ivr.core import wrap_up
from ivr.core.call import Answer
from ivr.core.draft import Draft
from ivr.core.effects import MoveAgent
from ivr.core.events import Arrived, Keyed
from ivr.core.line import Agent
from ivr.core.presence import moved
from ivr.core.verbs import Gather, HandOn, Hangup, Pause, Play, Say

CHOICE_SECONDS = 10
WORKED = "resolved_agent"  # what came of a message of a queue that has no codes
MOST_MISSES = 3
BREAKS = {"1": "short", "2": "meal", "3": "meeting", "4": "other"}
PRESCRIPTION = ("npi", "office_number", "last_name", "first_name", "date_of_birth", "drug", "mistaken_for")
"""The items of a prescription that are told one by one, in this order; strength and quantity follow."""
STAFF = "staff:"  # begins what stands for a colleague where callers have a person


def turn(draft: Draft, event: object) -> None:
    """One turn of a colleague's call; whatever is no key asks again."""
    if isinstance(event, Arrived):
        return _begin(draft)
    digits = event.digits if isinstance(event, Keyed) else ""
    if draft.call.person is None:
        return _prove(draft, digits)
    if not digits:
        return _missed(draft)
    draft.put(misses=0)
    return _PLACES.get(draft.call.dialogue, _menu_key)(draft, digits)


def ended(draft: Draft) -> None:
    """They hung up, or went on as the agent of a call."""
    draft.put(phase="over", ended_at=draft.now)


def is_staff(draft: Draft) -> bool:
    """Is this a colleague's call, of which nothing is written but its journal?"""
    return any(leg.kind == "staff" for leg in draft.call.legs.values())


# ---------------------------------------------------------------- who it is


def _begin(draft: Draft) -> None:
    """Their own phone says who they are, and the PIN that it is them; on another phone they key their extension."""
    number = draft.call.caller.number
    known = next((agent for agent in draft.pharmacy.staff.values() if number and agent.phone == number), None)
    draft.put(phase="staff", secret=True)
    if known is None:
        return _ask_extension(draft)
    draft.put(fields={"staff": known.id})
    return _ask_pin(draft, "agent_line_hello")


def _ask_extension(draft: Draft) -> None:
    draft.put(dialogue="extension")
    draft.say(Gather((Say("agent_line_extension"),), None, seconds=CHOICE_SECONDS))


def _ask_pin(draft: Draft, *told: str) -> None:
    draft.put(dialogue="pin")
    draft.say(Gather((*map(Say, told), Say("agent_line_pin")), None, seconds=CHOICE_SECONDS))


def _prove(draft: Draft, digits: str) -> None:
    keyed = digits.rstrip("#")
    if not keyed.isdecimal():
        return _missed(draft)
    if draft.call.dialogue == "extension":
        by_extension = {agent.extension: agent.id for agent in draft.pharmacy.staff.values() if agent.extension}
        draft.put(fields={"staff": by_extension.get(keyed, "")})  # nobody is told that there is no such extension
        return _ask_pin(draft)
    fields = draft.call.fields
    draft.put(fields={**fields, "pin": keyed})
    answer = _asked(draft, f"staff:pin:{draft.call.wrong_proofs}")
    if answer is None:
        return None
    draft.put(fields=fields)  # the PIN itself is forgotten with the question
    if answer.person:
        draft.put(person=f"{STAFF}{answer.person}", secret=False, facts={**draft.call.facts, "tier": "staff"})
        return _menu(draft)
    draft.put(wrong_proofs=draft.call.wrong_proofs + 1)
    if answer.values.get("locked") or draft.call.wrong_proofs >= draft.pharmacy.policies.wrong_per_call:
        return _bye(draft, "agent_line_locked")
    return _ask_pin(draft, "agent_line_wrong_pin")


def _agent(draft: Draft) -> Agent | None:
    """Whoever has proved to be a colleague, unless they have left the staff since."""
    return draft.pharmacy.staff.get((draft.call.person or "").removeprefix(STAFF))


# ---------------------------------------------------------------- asking our own record, and parting


def _asked(draft: Draft, ask: str) -> Answer | None:
    """What our own record says, which is there at the next step; until then the turn is not over."""
    answer = draft.world.answers.get(ask)
    if answer is None:
        draft.asks = (*draft.asks, ask)
        draft.say(Say("one_moment"), Pause(1), Hangup())
    return answer


def _missed(draft: Draft) -> None:
    """Nothing was keyed: the same again, and after a few times goodbye."""
    draft.put(misses=draft.call.misses + 1)
    if draft.call.misses >= MOST_MISSES:
        return _bye(draft, "agent_line_bye")
    if draft.call.person is not None:
        return _menu(draft)
    return _ask_extension(draft) if draft.call.dialogue == "extension" else _ask_pin(draft)


def _bye(draft: Draft, told: str) -> None:
    ended(draft)
    draft.say(Say(told), Hangup())


# ---------------------------------------------------------------- the menu


def _menu(draft: Draft, *told: Say, desk: Mapping[str, str] | None = None) -> None:
    """Where they are, and what they may do; `desk` is where a move of this very turn has brought them."""
    agent, answer = _agent(draft), _asked(draft, "staff:desk")
    if agent is None:
        return _bye(draft, "agent_line_bye")
    if answer is None:
        return None
    draft.put(dialogue="menu")
    now = desk or answer.values
    where = (Say("agent_line_now", {"presence": now["presence"]}),)
    then = (Say("agent_line_then", {"next": now["next"]}),) if now["next"] else ()
    return draft.say(Gather((*told, *where, *then, Say("agent_line_menu")), seconds=CHOICE_SECONDS))


def _menu_key(draft: Draft, digits: str) -> None:
    does = _MENU.get(digits[:1])
    return does(draft) if does else _menu(draft)


def _move(draft: Draft, event: str, reason: str = "") -> None:
    """A move of their own; one that means nothing where they are is told."""
    agent, answer = _agent(draft), _asked(draft, "staff:desk")
    if agent is None or answer is None:
        return None if agent else _bye(draft, "agent_line_bye")
    after = moved(answer.values["presence"], answer.values["next"], event)
    if after is None:
        return _menu(draft, Say("agent_line_sign_in_first"))
    draft.do(MoveAgent(agent.id, event, reason, by=agent.id))
    return _menu(draft, desk={"presence": after[0], "next": after[1]})


def _ask_why(draft: Draft) -> None:
    draft.put(dialogue="break")
    draft.say(Gather((Say("agent_line_break"),), seconds=CHOICE_SECONDS))


def _break_key(draft: Draft, digits: str) -> None:
    reason = BREAKS.get(digits[:1])
    return _move(draft, "took_break", reason) if reason else _menu(draft)


# ---------------------------------------------------------------- the next waiting call


def _next(draft: Draft) -> None:
    """Who has waited longest for them, as the whisper of an offer says it."""
    answer = _asked(draft, "staff:next")
    if answer is None:
        return None
    if not answer.known:
        return _menu(draft, Say("agent_line_nobody"))
    told: dict[str, Any] = {**answer.facts, **answer.values}
    draft.put(dialogue="waiting", fields={**draft.call.fields, "waiting": told.pop("call")})
    told = {**told, "emergency": told["emergency"] == "yes"}
    return draft.say(Gather((Say("agent_line_waiting", told),), seconds=CHOICE_SECONDS))


def _waiting_key(draft: Draft, digits: str) -> None:
    """Key 1 takes the call on this very phone; whoever took it meanwhile has it."""
    if digits[:1] != "1":
        return _menu(draft)
    answer = _asked(draft, f"staff:take:{draft.call.fields['waiting']}")
    if answer is None:
        return None
    if not answer.known:
        return _menu(draft, Say(answer.values.get("because", "agent_line_taken")))
    draft.put_leg(draft.leg_token, state="over")
    ended(draft)
    return draft.say(HandOn(answer.values["leg"], 1))


# ---------------------------------------------------------------- the code of the last call


def _last(draft: Draft) -> None:
    answer = _asked(draft, "staff:last")
    if answer is None:
        return None
    queue = draft.pharmacy.queues.get(answer.values.get("queue", ""))
    if queue is None or not queue.codes:
        return _menu(draft, Say("agent_line_no_code"))
    draft.put(dialogue="code", fields={**draft.call.fields, "last": answer.values["call"], "queue": queue.name})
    says = (Say("agent_line_last", {"queue": queue.title}), *wrap_up.choices(queue))
    return draft.say(Gather(says, seconds=CHOICE_SECONDS))


def _code_key(draft: Draft, digits: str) -> None:
    fields = draft.call.fields
    code = wrap_up.chosen(draft.pharmacy.queues.get(fields["queue"]), Keyed(draft.leg_token, digits))
    if code is None:
        return _menu(draft)
    answer = _asked(draft, f"staff:code:{fields['last']}:{code.name}")
    if answer is None:
        return None
    return _menu(draft, Say("agent_line_code_kept" if answer.known else "agent_line_no_code"))


# ---------------------------------------------------------------- messages


def _messages(draft: Draft) -> None:
    """From the earliest promise on: those they pass over come again with the next time they ask."""
    draft.put(fields={**draft.call.fields, "passed": ""})
    return _next_message(draft)


def _next_message(draft: Draft, *told: Say) -> None:
    """What kind of message it is; what is said in it they hear when they ask to."""
    answer = _asked(draft, "staff:message")
    if answer is None:
        return None
    if not answer.known:
        return _menu(draft, *told, Say("agent_line_no_message"))
    about: dict[str, Any] = {**answer.facts, **answer.values}
    message, queue, flags = (about.pop(name) for name in ("call", "queue_name", "flags"))
    passed = f"{draft.call.fields.get('passed', '')} {message}"
    draft.put(dialogue="message", fields={**draft.call.fields, "message": message, "queue": queue, "passed": passed})
    notes = (Say("agent_line_flag", {"flag": flag}) for flag in flags.split())
    about |= {name: about[name] == "yes" for name in ("emergency", "prescription")}
    says = (*told, Say("agent_line_message", about), *notes, Say("agent_line_message_keys"))
    return draft.say(Gather(says, seconds=CHOICE_SECONDS))


def _message_key(draft: Draft, digits: str) -> None:
    does = {"1": _hear, "6": _next_message}.get(digits[:1], _menu)
    return does(draft)


def _hear(draft: Draft) -> None:
    """They listen, which is kept; and only then they may work it."""
    answer = _asked(draft, f"staff:play:{draft.call.fields['message']}")
    if answer is None:
        return None
    if not answer.known:
        return _next_message(draft, Say("agent_line_taken"))
    draft.put(dialogue="heard")
    sound = (Play(answer.values["recording"]),) if answer.values["recording"] else ()
    keys = {name: answer.values[name] == "yes" for name in ("closes", "calls_back", "confirms")}
    says = (*_items(answer.values), *sound, Say("agent_line_heard_keys", keys))
    return draft.say(Gather(says, seconds=CHOICE_SECONDS))


def _items(values: Mapping[str, str]) -> list[Say]:
    """What an office spelt, as it was read back to it."""
    says = [Say(f"agent_line_rx_{name}", {name: values[name]}) for name in PRESCRIPTION if values.get(name)]
    if values.get("quantity"):
        amounts = {name: values.get(name, "") for name in ("strength", "unit", "quantity")}
        says.append(Say("agent_line_rx_amounts", amounts))
    return says


def _heard_key(draft: Draft, digits: str) -> None:
    does = {"1": _hear, "2": _message_code, "3": _call_back, "4": _confirm, "6": _next_message}.get(digits[:1], _menu)
    return does(draft)


def _message_code(draft: Draft) -> None:
    queue = draft.pharmacy.queues.get(draft.call.fields["queue"])
    if queue is None or not queue.codes:
        return _work(draft, f"close:{draft.call.fields['message']}:{WORKED}")
    draft.put(dialogue="message_code")
    return draft.say(Gather((Say("agent_code_ask"), *wrap_up.choices(queue)), seconds=CHOICE_SECONDS))


def _message_code_key(draft: Draft, digits: str) -> None:
    fields = draft.call.fields
    code = wrap_up.chosen(draft.pharmacy.queues.get(fields["queue"]), Keyed(draft.leg_token, digits))
    return _menu(draft) if code is None else _work(draft, f"close:{fields['message']}:{code.name}")


def _call_back(draft: Draft) -> None:
    return _work(draft, f"call_back:{draft.call.fields['message']}")


def _confirm(draft: Draft) -> None:
    return _work(draft, f"confirm:{draft.call.fields['message']}")


def _work(draft: Draft, what: str) -> None:
    """Done, and on to the next; what cannot be done as things stand is told."""
    answer = _asked(draft, f"staff:{what}")
    if answer is None:
        return None
    return _next_message(draft, Say("agent_line_code_kept")) if answer.known else _menu(draft, Say("agent_cannot"))


_MENU: Mapping[str, Callable[[Draft], None]] = {
    "1": lambda draft: _move(draft, "signed_in"),
    "2": _ask_why,
    "3": lambda draft: _move(draft, "signed_out"),
    "4": _next,
    "5": _last,
    "6": _messages,
    "0": lambda draft: _bye(draft, "agent_line_bye"),
}
_PLACES: Mapping[str, Callable[[Draft, str], None]] = {
    "menu": _menu_key,
    "break": _break_key,
    "waiting": _waiting_key,
    "code": _code_key,
    "message": _message_key,
    "heard": _heard_key,
    "message_code": _message_code_key,
}
