"""The agent's own keys during a talk: what they key before the menu that `*` has brought them to."""

from __future__ import annotations

from ivr.core import recording, rooms, talking
from ivr.core.agent_menu import chosen
from ivr.core.draft import Draft
from ivr.core.events import Acted, Keyed, Silent, Spoke
from ivr.core.meeting import dismiss, offer_of
from ivr.core.tickets import accepted_offer

_CHOICES = {"3": "queue", "4": "colleague"}


def answered(draft: Draft, event: Keyed | Spoke | Silent) -> None:
    """What an agent keyed, or that they keyed nothing; then they hear where they belong, or that they are done."""
    talk = draft.call.talk
    assert talk is not None
    key = event.digits if isinstance(event, Keyed) else ""
    if talk.agent == "unsure":
        rooms.to_menu(draft)
    elif talk.agent == "menu" and talk.menu in _CHOICES.values():
        _chose(draft, key)
    elif talk.agent == "menu":
        _menu(draft, key[:1])
    offer = offer_of(draft)
    if draft.call.talk is None or offer.state != "accepted":
        dismiss(draft, offer)
    else:
        rooms.hear(draft)


def _menu(draft: Draft, key: str) -> None:
    """The same keys while a colleague's phone rings, when only the way back means anything yet."""
    talk = draft.call.talk
    assert talk is not None
    rooms.put(draft, told="")
    if key == "1":
        return _does(draft, "resume")
    if talk.menu == "ringing":
        return None
    match key:
        case "2":
            return _does(draft, "escalate")
        case "4" if rooms.colleague(draft.call):
            return rooms.put(draft, agent="room")
        case "3" | "4":
            return _offer_choices(draft, _CHOICES[key])
        case "5":
            return _turn_tape(draft)
        case "6":
            return _does(draft, "join")
    return None


def _offer_choices(draft: Draft, menu: str) -> None:
    ticket = draft.call.ticket
    queues = tuple(name for name in draft.pharmacy.queues if ticket is None or name != ticket.queue)
    choices = queues if menu == "queue" else _colleagues(draft)
    if choices:
        rooms.put(draft, menu=menu, choices=choices)
    else:
        rooms.put(draft, told="agent_nobody_free")


def _colleagues(draft: Draft) -> tuple[str, ...]:
    return (*(agent.id for agent in talking.free(draft)), *draft.pharmacy.policies.transfers)


def _chose(draft: Draft, keys: str) -> None:
    talk = draft.call.talk
    assert talk is not None
    choice = chosen(talk, keys)
    rooms.put(draft, menu="menu", choices=(), told="")
    if choice is not None and talk.menu == "queue":
        _does(draft, "transfer", talking.QUEUE + choice)
    elif choice is not None:
        _does(draft, "consult", choice)


def _turn_tape(draft: Draft) -> None:
    """Pause what is recorded, or go on with it; they hear which."""
    if not recording.is_running(draft.call):
        return rooms.put(draft, told="agent_not_recorded")
    pauses = draft.call.tape == "on"
    _does(draft, "pause" if pauses else "unpause")
    return rooms.put(draft, told="agent_recording_paused" if pauses else "agent_recording_on")


def _does(draft: Draft, act: str, to: str = "") -> None:
    offer = accepted_offer(draft.call)
    assert offer is not None
    event = Acted(offer.agent, act, to)
    if talking.refusal(draft.call, event, draft.pharmacy) is None:
        talking.act(draft, event)
    else:
        rooms.put(draft, told="agent_cannot")
