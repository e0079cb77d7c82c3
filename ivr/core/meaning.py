"""What an event means, for the journal: the option taken, the field filled, never digits or words of a caller."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ivr.core.call import Call
from ivr.core.events import (
    Arrived,
    Came,
    DialEnded,
    Event,
    HungUp,
    Keyed,
    Offered,
    PlaceFailed,
    QueueLeft,
    Recorded,
    Silent,
    Spoke,
    TimerDue,
    Worked,
)
from ivr.core.rules import Grounds


def meaning(before: Call | None, event: Event, after: Call, grounds: Iterable[Grounds] = ()) -> dict[str, Any]:
    """The event as plain data without anything private; `node` is the place in the flow it was an answer to.

    `decided` has the grounds of each decision the event led to, so that it can be explained, and taken again by other
    rules, when this call is long over.
    """
    told: dict[str, Any] = {"event": type(event).__name__}
    place = before.place[-1] if before and before.place else None
    if place and isinstance(event, Keyed | Spoke | Silent):
        told["node"] = f"{place.flow}/{place.node}"
    if leg := after.legs.get(getattr(event, "leg", "")):
        told["who"] = leg.kind
    decided = [_grounds(one) for one in grounds]
    return {**told, **_details(event), "phase": after.phase, **({"decided": decided} if decided else {})}


def _grounds(grounds: Grounds) -> dict[str, Any]:
    asked = {"rules": grounds.rules, "facts": dict(grounds.facts)}
    return {**asked, "person_only": True} if grounds.person_only else asked


def grounds_told(event: Mapping[str, Any]) -> list[Grounds]:
    """Return the grounds of each decision a journalled event led to."""
    return [Grounds(told["rules"], told["facts"], told.get("person_only", False)) for told in event.get("decided", ())]


def _details(event: Event) -> dict[str, Any]:
    match event:
        case Arrived():
            return {"caller": event.caller.kind, "attestation": event.caller.attestation}
        case Keyed():
            return {"length": len(event.digits)} if len(event.digits) != 1 else {"key": event.digits}
        case Spoke():
            return {"words": len(event.words.split()), "confidence": event.confidence}
        case Came():
            return {"document": event.document}
        case Recorded():
            return {"seconds": event.seconds}
        case QueueLeft() | DialEnded():
            return {"result": event.result}
        case HungUp():
            return {"how": event.how}
        case Offered():
            return {"offer": event.offer, "agent": event.agent}
        case TimerDue():
            return {"timer": event.name}
        case Worked():
            return {"agent": event.agent, "code": event.code}
        case PlaceFailed():
            return {"why": event.why}
        case _:
            return {}
