"""Messages callers leave: asked for, recorded, worked by the people of a queue."""

from __future__ import annotations

from dataclasses import replace

from ivr.core import tickets
from ivr.core.call import Call
from ivr.core.draft import Draft
from ivr.core.events import Recorded
from ivr.core.verbs import Hangup, Record, Say

SHORTEST_MESSAGE_SECONDS = 2


def take_message(draft: Draft, queue: str) -> None:
    """Record a message for a queue; its ticket is made when there is one."""
    draft.put(phase="message", fields={**draft.call.fields, "message_queue": queue})
    if draft.call.ticket is not None:
        tickets.withdraw_offers(draft)
        draft.put_ticket(kind="voicemail", state="recording")
    draft.say(Say("voicemail_greeting", draft.prompt_values()), Record(draft.pharmacy.policies.message_seconds))


def expects_message(call: Call) -> bool:
    """Was this caller asked for a message, and has not left one yet? One who is gone may have been, by a rescue."""
    asked = "message_queue" in call.fields or (call.phase == "over" and call.reached != "talk")
    return asked and not call.recordings


def message_left(draft: Draft, event: Recorded) -> None:
    """A message came, perhaps after the caller had hung up: it becomes a ticket, and it is never lost."""
    over = draft.call.phase in ("over", "leaving")
    if event.seconds < SHORTEST_MESSAGE_SECONDS:
        if not over:
            draft.say(Say("voicemail_too_short"), Record(draft.pharmacy.policies.message_seconds))
        return
    queue = draft.call.fields.get("message_queue") or tickets.usual_queue(draft)
    ticket = draft.call.ticket or tickets.new_ticket(draft, "voicemail", draft.queue(queue))
    draft.put(
        recordings=(*draft.call.recordings, event.recording),
        ticket=replace(ticket, kind="voicemail", state="waiting", closed_at=None),
        phase="promised",
        outcome="voicemail",
        resolution="message_taken",
    )
    draft.task("voicemail", urgent=draft.call.facts.get("urgency") == "emergency")
    draft.say(Say("voicemail_thanks"), Hangup())
