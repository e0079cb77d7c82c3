"""How the line looks in JSON: kinds, queues, times and promises; never a name, number, digit or word of a caller."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from ivr.core.line import Agent
from ivr.presence import LOST_SECONDS
from ivr.store import AgentNow, Device, Kept, LeftMessage, QueueFigures, Seen
from ivr.store.line import Place

Json = dict[str, Any]

_LARGEST = 2**62
_LONGEST_ID = 128


def ticket(seen: Seen, now: datetime, position: int | None = None) -> Json:
    """Return a ticket; `position` among those who wait for its queue, None when nobody waits with it."""
    of = seen.ticket
    return {
        "id": of.id,
        "site": of.site,
        "queue": of.queue,
        "kind": of.kind,
        "state": of.state,
        "emergency": of.emergency,
        **{fact: seen.facts.get(fact, "unknown") for fact in ("caller", "intent", "urgency")},
        "tier": seen.facts.get("tier", "anonymous"),
        "language": of.language,
        "needs": list(of.needs),
        "licensed": of.licensed,
        "arrived_at": _at(of.arrived_at),
        "waited_seconds": int(((of.answered_at or of.closed_at or now) - of.arrived_at).total_seconds()),
        "promised_at": _at(of.promised_at),
        "late": of.answered_at is None and of.live and of.promised_at < now,
        "not_before": _at(of.not_before),
        "attempts": of.attempts,
        "open_offers": seen.open_offers,
        "position": position,
        "news": sorted(set(seen.news)),
        "answered_at": _at(of.answered_at),
        "closed_at": _at(of.closed_at),
    }


def message(of: LeftMessage) -> Json:
    """Return what is in a message, for who plays it: its words were made by a machine, of a stranger's voice."""
    transcript = None if of.transcript is None else {"text": of.transcript, "untrusted": True}
    return {
        "kind": of.kind,
        "recording": of.recording or None,
        "seconds": of.seconds,
        "left_at": _at(of.left_at),
        "flags": list(of.flags),
        "transcript": transcript,
        "transcript_state": of.heard,
        "items": dict(of.items),
        "played_by": list(of.played_by),
        "closed_by": of.closed_by,
        "code": of.code,
        "confirmed_by": of.confirmed_by,
    }


def figures(of: QueueFigures, title: str, now: datetime) -> Json:
    return {
        "site": of.site,
        "queue": of.queue,
        "title": title,
        "holding": of.holding,
        "callbacks": of.callbacks,
        "messages": of.messages,
        "late": of.late,
        "longest_wait_seconds": int((now - of.oldest_at).total_seconds()),
    }


def agent(of: Agent, at: AgentNow, moves: int, device: Device | None, now: datetime) -> Json:
    """Return an agent; how they are rung, never on which number."""
    return {
        "id": of.id,
        "name": of.name,
        "site": of.site,
        "role": of.role,
        "queues": sorted(of.queues),
        "skills": sorted(of.skills),
        "languages": sorted(of.languages),
        "licensed": of.licensed,
        "rung_by": "phone" if of.phone else "sip" if of.sip else "client",
        "presence": at.presence,
        "reason": "" if at.presence == "wrap_up" else at.reason,  # there it is the call
        "next": at.next or None,
        "since": _at(at.since),
        "for_seconds": max(0, int((now - at.since).total_seconds())),
        "ticket": at.ticket,
        "moves": moves,
        "device": None if device is None else {"fence": device.fence, "there": device.silent_seconds <= LOST_SECONDS},
    }


def audit_line(kept: Kept) -> Json:
    entry = kept.entry
    told = {name: getattr(entry, name) for name in ("by", "door", "act", "subject", "detail", "outcome", "why")}
    return {"id": kept.id, "at": _at(kept.at), **told}


def _at(at: datetime | None) -> str | None:
    return at.isoformat() if at else None


# ---------------------------------------------------------------- where a page ended


def cursor(place: Place) -> str:
    """Return a place in line as text for `after`."""
    return base64.urlsafe_b64encode(json.dumps(place, separators=(",", ":")).encode()).decode().rstrip("=")


def place(told: str) -> Place | None:
    """Return the place a cursor names; None for what is no cursor of ours."""
    try:
        calm, promised_at, arrived_at, id_ = json.loads(base64.urlsafe_b64decode(told + "=" * (-len(told) % 4)))
    except (ValueError, TypeError, RecursionError):
        return None
    instants = all(type(at) is int and abs(at) < _LARGEST for at in (promised_at, arrived_at))
    named = isinstance(id_, str) and len(id_) <= _LONGEST_ID and id_.isascii() and id_.isprintable()
    return (calm, promised_at, arrived_at, id_) if type(calm) is bool and instants and named else None


def names(titles: Mapping[str, Any], queue: str) -> str:
    """Return a queue's title; its name when it is published no more."""
    known = titles.get(queue)
    return known.title if known else queue
