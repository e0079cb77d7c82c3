"""What a waiting caller hears: a view of their ticket and of the line, which changes neither."""

from __future__ import annotations

from collections.abc import Iterable

from ivr.core import unattended
from ivr.core.call import Answer, Call, World
from ivr.core.line import Queue
from ivr.core.metrics import expected_wait_minutes
from ivr.core.verbs import Gather, Leave, Play, Say, Verb

UNANSWERED_AFTER_SECONDS = 90  # an emergency nobody took becomes an urgent task and a page


ALONE = (Play("hold_short"),)  # what the first in a room hears until somebody comes, and a caller it ended for


def hold_view(call: Call, world: World) -> tuple[Verb, ...]:
    """What a waiting caller hears now: a view of the ticket, which changes nothing."""
    if call.ticket is None or call.phase not in ("holding", "connecting", "dialogue"):
        return ALONE
    if unattended.silent(world) and (call.phase == "connecting" or (call.ticket.emergency and _ringable(call, world))):
        return (Leave(),)  # from outside the queue a turn can bring them to somebody by itself
    if call.phase == "connecting":
        return (Say("a_person_is_ready"), Play("hold_short"))
    if call.ticket.emergency:
        waited = (world.now - call.ticket.due_from).total_seconds()
        told = "emergency_unanswered" if waited >= UNANSWERED_AFTER_SECONDS else "hold_emergency"
        return (Gather((Say(told), Play("hold_short")), seconds=1),)
    says = [_position(call, world)]
    if callback_offered(call, world):
        says.append(Say("callback_offer"))
    if unattended.silent(world) or planned(call, world, "offer", "voicemail"):
        says.append(Say("message_offer"))
    if unattended.silent(world) and "staffed" in _ringable(call, world):
        says.append(Say("staffed_offer"))
    return (Gather((*says, Play("hold")), speech=True, seconds=3),)


def _ringable(call: Call, world: World) -> dict[str, str]:
    return unattended.parties(world.pharmacy, call.site, world.now)


def planned(call: Call, world: World, does: str, value: str) -> bool:
    """Has the caller waited long enough for this step of their queue's plan?"""
    assert call.ticket is not None
    waited = (world.now - (call.queued_at or call.arrived_at)).total_seconds()
    return any(waited >= after for after in _times(call, world, does, value))


def _times(call: Call, world: World, does: str, value: str) -> list[int]:
    """After how many seconds the plan of their queue does this."""
    return [step.after_seconds for step in _queue(call, world).plan if (step.does, step.value) == (does, value)]


def _queue(call: Call, world: World) -> Queue:
    assert call.ticket is not None
    return world.pharmacy.queues[call.ticket.queue]


def _position(call: Call, world: World) -> Say:
    if unattended.silent(world):
        return Say("hold_unattended")
    figures = world.answers.get("line")
    if figures is None or not planned(call, world, "announce", "position"):
        return Say("hold_still")
    told = figures.values.get("told")
    if told is not None and int(figures.values["position"]) >= int(told):
        return Say("hold_still")  # nobody wants to hear the same number again, and nobody is told a worse one unasked
    return place_told(figures)


def place_told(figures: Answer) -> Say:
    """A caller's place in line and the wait they may expect, as it stands."""
    position, agents = int(figures.values["position"]), int(figures.values["agents"])
    low, high = expected_wait_minutes(position, agents, float(figures.values["handle_seconds"]))
    return Say("hold_position", {"position": position, "minutes_low": low, "minutes_high": high})


def forecast_in(says: Iterable[Verb]) -> tuple[int, int, int] | None:
    """The position and the range of minutes a caller is told among these words; None when they are told none."""
    inner = [verb for outer in says for verb in (outer.says if isinstance(outer, Gather) else (outer,))]
    told = next((verb for verb in inner if isinstance(verb, Say) and verb.prompt == "hold_position"), None)
    return (told.values["position"], told.values["minutes_low"], told.values["minutes_high"]) if told else None


def callback_offered(call: Call, world: World) -> bool:
    """Is a caller on hold offered a callback by now: from the start, unless the plan of their queue names a time?

    While nobody is brought to them, before that time as well.
    """
    too_early = _times(call, world, "offer", "callback") and not planned(call, world, "offer", "callback")
    return may_call_back(call, _queue(call, world)) and (not too_early or unattended.silent(world))


def may_call_back(call: Call, queue: Queue) -> bool:
    offered = call.decision.offer_callback if call.decision else None
    return (
        (queue.offer_callback if offered is None else offered) and call.ticket is not None and not call.ticket.emergency
    )
