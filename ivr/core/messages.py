"""Messages callers leave: asked for, recorded, and put in line for the people of a queue."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta

from ivr.core import facts, flows, tickets
from ivr.core.call import Call, Message
from ivr.core.draft import Draft
from ivr.core.effects import KeepItems, SetTimer
from ivr.core.events import Recorded
from ivr.core.verbs import Hangup, Record, Say

SHORTEST_MESSAGE_SECONDS = 2
TASKS = {"voicemail": "voicemail", "prescription": "prescription_message"}
MISTAKEN = "mistaken_for"  # the item of a prescription that names what its medicine is easily mistaken for
OFFICE = ("npi", "office_number")  # items that say who prescribes


# ---------------------------------------------------------------- asking for one


def take_message(draft: Draft, queue: str) -> None:
    """Record a message for a queue; its ticket is made when there is one."""
    draft.put(phase="message", fields={**draft.call.fields, "message_queue": queue})
    if draft.call.ticket is not None:
        tickets.withdraw_offers(draft)
        draft.put_ticket(kind="voicemail", state="recording")
    draft.say(Say("voicemail_greeting", draft.prompt_values()), recorder(draft))


def take_prescription(draft: Draft, node: flows.TakeMessage) -> None:
    """Every item is confirmed, so the message is there; now the directions are said, in the office's own voice."""
    items = _items(draft.call, node.keep)
    rest = {name: value for name, value in draft.call.fields.items() if name not in items}
    flags = ("look_alike",) if MISTAKEN in items else ()
    draft.put(message=Message("", 0, draft.now, "prescription", flags=flags), fields=rest)
    draft.do(KeepItems(items))
    draft.put(phase="message", fields={**rest, "message_queue": node.queue})
    draft.say(Say(node.prompt or "voicemail_greeting", draft.prompt_values()), recorder(draft))


def _items(call: Call, keep: Iterable[str]) -> dict[str, str]:
    """What was collected, and the number that rings where nobody said who prescribes."""
    items = {name: call.fields[name] for name in (*keep, MISTAKEN) if call.fields.get(name)}
    if call.caller.number and not any(name in items for name in OFFICE):
        items["office_number"] = call.caller.number
    return items


def recorder(draft: Draft) -> Record:
    """The recorder, which asks for a transcript where the provider can make one."""
    return Record(draft.pharmacy.policies.message_seconds, _is_transcribed(draft))


def _is_transcribed(draft: Draft) -> bool:
    return facts.language(draft) in draft.pharmacy.policies.transcribed


# ---------------------------------------------------------------- one came


def expects_message(call: Call) -> bool:
    """Was this caller asked for a message, and has not left one yet? One who is gone may have been, by a rescue."""
    asked = "message_queue" in call.fields or (call.phase == "over" and call.reached != "talk")
    return asked and not call.recordings


def message_left(draft: Draft, event: Recorded) -> None:
    """A message came, perhaps after the caller had hung up: it becomes a ticket, and it is never lost."""
    over = draft.call.phase in ("over", "leaving", "promised")
    if event.seconds < SHORTEST_MESSAGE_SECONDS:
        if not over:
            draft.say(Say("voicemail_too_short"), recorder(draft))
        return
    awaited = _is_transcribed(draft)
    before = draft.call.message or Message("", 0, draft.now)
    told = () if awaited else ("not_transcribed",)
    flags = (*(flag for flag in before.flags if flag != "no_directions"), *told)
    draft.put(recordings=(*draft.call.recordings, event.recording))
    message = replace(before, recording=event.recording, seconds=event.seconds, flags=flags)
    _left(draft, replace(message, transcript="awaited" if awaited else "none"))
    if awaited:
        late = draft.now + timedelta(seconds=draft.pharmacy.policies.transcript_within_seconds)
        draft.do(SetTimer("message:transcript", late))
    draft.say(Say("voicemail_thanks"), Hangup())


def told_again(draft: Draft, event: Recorded) -> bool:
    """The recording's own news, of a message that its transcript told of before: now we know how long it is."""
    message = draft.call.message
    if message is None or message.recording != event.recording:
        return False
    draft.put(message=replace(message, seconds=max(message.seconds, event.seconds)))
    draft.say(Say("voicemail_thanks"), Hangup())
    return True


def left_in_writing(draft: Draft) -> bool:
    """The office is gone without having said the directions: what it confirmed is a message all the same."""
    message = draft.call.message
    if draft.call.phase != "message" or message is None or message.recording:
        return False
    _left(draft, replace(message, flags=(*message.flags, "no_directions")))
    return True


def _left(draft: Draft, message: Message) -> None:
    """In line with its promise, and among the order system's tasks: once, whatever comes of the recording later."""
    is_known = draft.call.outcome == "voicemail"
    draft.put(message=message)
    if is_known:
        return
    queue = draft.call.fields.get("message_queue") or tickets.usual_queue(draft)
    ticket = draft.call.ticket or tickets.new_ticket(draft, "voicemail", draft.queue(queue))
    draft.put(
        ticket=replace(ticket, kind="voicemail", state="waiting", closed_at=None),
        phase="promised",
        outcome="voicemail",
        resolution="message_taken",
    )
    in_danger = draft.call.facts.get("urgency") == "emergency"
    if in_danger:
        draft.put_ticket(answer_within_seconds=0, due_from=draft.now, licensed=True)
    draft.task(TASKS[message.kind], urgent=in_danger)
