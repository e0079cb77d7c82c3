"""What an event means, for the journal: the option taken, the field filled, never digits or words of a caller."""

from __future__ import annotations

from typing import Any

from ivr.core.call import (
    Arrived,
    Call,
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


def meaning(before: Call | None, event: Event, after: Call) -> dict[str, Any]:
    """The event as plain data without anything private; `node` is the place in the flow it was an answer to."""
    told: dict[str, Any] = {"event": type(event).__name__}
    place = before.place[-1] if before and before.place else None
    if place and isinstance(event, Keyed | Spoke | Silent):
        told["node"] = f"{place.flow}/{place.node}"
    if leg := after.legs.get(getattr(event, "leg", "")):
        told["who"] = leg.kind
    return {**told, **_details(event), "phase": after.phase}


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
