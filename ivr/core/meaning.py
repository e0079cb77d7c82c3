"""What an event means, for the journal: the option taken, the field filled, never digits or words of a caller."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ivr.core.call import Call
from ivr.core.events import (
    Acted,
    Amended,
    AnsweredBy,
    Arrived,
    CallbackCancelled,
    CallbackMoved,
    CalledBack,
    Came,
    Confirmed,
    DialEnded,
    Event,
    HungUp,
    Keyed,
    Learned,
    LeftAlone,
    Noted,
    Offered,
    OrderNews,
    PlaceFailed,
    Played,
    QueueLeft,
    Recalled,
    Recorded,
    Silent,
    Spoke,
    Taped,
    TicketTaken,
    TimerDue,
    Transcribed,
    Worked,
)
from ivr.core.heard import Heard
from ivr.core.rules import Grounds
from ivr.core.verbs import Gather, Say, Verb

_AWAY = ("holding", "dialogue", "connecting", "talking", "promised")  # phases in which nothing answers a node of a flow
EVERYWHERE = ("0", "9", "*")  # keys that are never part of an answer

TOLD_AS_IT_IS: dict[type[Event], tuple[str, ...]] = {
    Came: ("document",),
    Recorded: ("seconds",),
    QueueLeft: ("result",),
    DialEnded: ("result",),
    HungUp: ("how",),
    PlaceFailed: ("why",),
    Offered: ("offer", "agent"),
    Learned: ("ask",),
    OrderNews: ("type",),
    **dict.fromkeys((Played, CalledBack, Confirmed), ("agent",)),
    **dict.fromkeys((TicketTaken, CallbackMoved, CallbackCancelled), ("by",)),
    Recalled: ("agent", "by"),
    LeftAlone: ("room",),
    Taped: ("recording",),
}
"""What of an event is nothing private; of the others `_details` tells what it may, or only that they happened."""


def meaning(
    before: Call | None, event: Event, after: Call, grounds: Iterable[Grounds] = (), says: Iterable[Verb] = ()
) -> dict[str, Any]:
    """The event as plain data without anything private; `node` is the place in the flow it was an answer to.

    `person` is whom it is about from now on, where that is another than before, by the order system's id.
    `decided` has the grounds of each decision the event led to, so that it can be explained, and taken again by other
    rules, when this call is long over; `said` the names of the prompts it was answered with, `said_in` the language of
    each, never what filled them.
    """
    told: dict[str, Any] = {"event": type(event).__name__}
    leg = after.legs.get(getattr(event, "leg", ""))
    walks = leg is None or leg.kind != "agent"  # an agent is in no flow, and hears the line's first language
    place = before.place[-1] if before and before.place and walks and before.phase not in _AWAY else None
    if place and isinstance(event, Keyed | Spoke | Silent):
        told["node"] = f"{place.flow}/{place.node}"
    if leg:
        told["who"] = leg.kind
    decided = {"decided": [_grounds(one) for one in grounds]}
    said = _said(says, after.language if walks else None)
    also = {name: many for name, many in (decided | said).items() if any(many)}
    whose = {"person": after.person} if after.person != (before.person if before else None) else {}
    return {**told, **_details(event, before), **whose, "phase": after.phase, **also}


def _said(says: Iterable[Verb], language: str | None) -> dict[str, list[Any]]:
    """The prompts heard, and in which language each; None is the line's first."""
    verbs = list(spoken(says))
    return {"said": [verb.prompt for verb in verbs], "said_in": [verb.language or language for verb in verbs]}


def spoken(says: Iterable[Verb]) -> Iterator[Say]:
    """Yield what is said among these verbs, in order."""
    for verb in says:
        for part in verb.says if isinstance(verb, Gather) else (verb,):
            if isinstance(part, Say):
                yield part


def _heard(heard: Heard | None) -> dict[str, Any]:
    """What was understood, with phrases of ours for evidence."""
    if heard is None:
        return {}
    understood = {
        "intent": heard.intent,
        "urgency": heard.urgency,
        "asked": heard.ask_safety,
        "confidence": heard.confidence,
        "because": list(heard.because),
    }
    return {"heard": understood}


def _grounds(grounds: Grounds) -> dict[str, Any]:
    asked = {"rules": grounds.rules, "facts": dict(grounds.facts)}
    return {**asked, "person_only": True} if grounds.person_only else asked


def grounds_told(event: Mapping[str, Any]) -> list[Grounds]:
    """Return the grounds of each decision a journalled event led to."""
    return [Grounds(told["rules"], told["facts"], told.get("person_only", False)) for told in event.get("decided", ())]


def _details(event: Event, before: Call | None) -> dict[str, Any]:
    match event:
        case Arrived():
            return {"caller": event.caller.kind, "attestation": event.caller.attestation}
        case Keyed():
            hidden = len(event.digits) != 1 or (before and before.secret and event.digits not in EVERYWHERE)
            return {"length": len(event.digits)} if hidden else {"key": event.digits}
        case Spoke():
            return {"words": len(event.words.split()), "confidence": event.confidence, **_heard(event.heard)}
        case Transcribed():
            return {"words": len(event.words.split()), **_heard(event.heard)}
        case Worked():
            unheard = {"unheard": event.unheard} if event.unheard else {}
            return {"agent": event.agent, "code": event.code, **unheard}
        case Noted():
            return {"agent": event.by}
        case Amended():
            return {"agent": event.by, "changes": dict(event.changes)}
        case Acted():
            return {"agent": event.by, "act": event.act, "to": event.to}
        case TimerDue():
            return {"timer": event.name}
        case AnsweredBy():
            return {"answered_by": event.who}
        case _:
            return {name: getattr(event, name) for name in TOLD_AS_IT_IS.get(type(event), ())}
