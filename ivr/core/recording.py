"""Whether a talk is recorded: said, or asked, before the first recorded word, and in doubt not."""

from __future__ import annotations

from ivr.core.call import Call
from ivr.core.draft import Draft
from ivr.core.effects import SetTape
from ivr.core.events import Keyed, Silent, Spoke
from ivr.core.verbs import Back, Gather, Say, Verb

AGREED = ("announced", "asked")
ASK_SECONDS = 7


def is_wanted(draft: Draft) -> bool:
    """Does the rule that decided, or the queue, or somebody since, want this talk recorded?"""
    call = draft.call
    decided = call.decision.record if call.decision else None
    queue = draft.queue(call.ticket.queue).record if call.ticket else False
    return call.tape == "wanted" or (call.tape == "" and bool(queue if decided is None else decided))


def is_to_be_told(draft: Draft) -> bool:
    """Is it to be recorded, and the caller does not know?"""
    return is_wanted(draft) and draft.call.recorded == "no"


def told(draft: Draft) -> tuple[Verb, ...]:
    """The announcement, or the question; what follows it proves that it was heard to its end."""
    if draft.pharmacy.policies.recording.get("consent") == "ask":
        return (Gather((Say("recording_ask"),), seconds=ASK_SECONDS),)
    return (Say("recording_notice", notice=True), Back())


def answered(draft: Draft, event: Keyed | Spoke | Silent) -> None:
    """They have heard it, or answered: only key 1 is a yes."""
    if draft.pharmacy.policies.recording.get("consent") != "ask":
        draft.put(recorded="announced")
    elif isinstance(event, Keyed) and event.digits[:1] == "1":
        draft.put(recorded="asked")
    else:
        draft.put(recorded="refused", tape="stopped")


def begin(draft: Draft) -> None:
    """The caller goes to the room: from here on it is recorded, if it may be and is not already."""
    caller = draft.caller_leg
    if caller and is_wanted(draft) and draft.call.recorded in AGREED:
        turn(draft, "on")


def turn(draft: Draft, tape: str) -> None:
    """Have the recording be `on`, `paused` or `stopped`."""
    caller = draft.caller_leg
    if caller and tape != draft.call.tape:
        draft.put(tape=tape)
        draft.do(SetTape(caller.token))


def is_running(call: Call) -> bool:
    """Is something recorded, if perhaps paused?"""
    return call.tape in ("on", "paused")
