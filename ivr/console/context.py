"""Context before pick-up: what who takes a call is told of it, and how little everybody else is.

Minimum necessary (45 CFR 164.502(b)): who works the call sees what it takes to work it, a licensed pharmacist what is
clinical besides, and nobody more than a whisper says until they have taken it: no supervisor, admin or auditor either.
"""

from __future__ import annotations

from dataclasses import asdict, fields
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal

from flask import jsonify
from flask.typing import ResponseReturnValue

from ivr.console.looking import Looking
from ivr.context import Context, Known, Part
from ivr.core.call import Call
from ivr.core.line import Agent, Ticket
from ivr.core.pharmacy import Pharmacy
from ivr.core.tickets import PROVED
from ivr.store import Entry, Seen
from ivr.switchboard import Switchboard

Json = dict[str, Any]
Level = Literal["whisper", "private", "clinical"]

CLASSES: dict[Level, str] = {
    "whisper": "whisper",
    "private": "whisper person decision prescriptions said earlier_calls open",
    "clinical": "whisper person decision prescriptions said earlier_calls open clinical",
}
"""Level -> the classes of what is seen at it, as the audit keeps them."""
_CLINICAL = ("medication_class",)
_PROOFS = ("rx_number", "date_of_birth", "zip", "npi")


class Briefing:
    """The view of a ticket's context; it is given who asks."""

    def __init__(self, board: Switchboard, looking: Looking, context: Context) -> None:
        self._board = board
        self._looking = looking
        self._context = context

    def context(self, who: Agent, ticket_id: str) -> ResponseReturnValue:
        """What may be seen is read, the view is noted, and only then shown."""
        seen = self._looking.seen(who, ticket_id)
        loaded = self._board.record.load_call(seen.ticket.call)
        assert loaded is not None  # no ticket without its call
        level = level_of(who, loaded.call)
        known = None if level == "whisper" else self._known(loaded.call, seen.ticket, level)
        now = self._board.clock.now()
        self._board.record.staff.keep(Entry(who.id, "api", "context", f"ticket:{ticket_id}", CLASSES[level]), now)
        return jsonify(_whisper(seen, loaded.call, now) | {"level": level, "known": known})

    def _known(self, call: Call, ticket: Ticket, level: Level) -> Json:
        pharmacy, known = self._board.pharmacy(call.version), self._context.of(call, ticket)
        today = pharmacy.hours[call.site].local(self._board.clock.now()).date()
        told = {"person": _person(call), "decision": _decision(call, pharmacy), **_parts(known)}
        for one in told["prescriptions"]["items"]:
            _to_level(one, call, level, today)
        return told


def level_of(who: Agent, call: Call) -> Level:
    """Return how much of a call somebody may see: they hold it, owe its code, or have heard its message."""
    message = call.message
    holds = any(offer.agent == who.id and offer.state == "accepted" for offer in call.offers)
    has_heard = message is not None and who.id in message.played_by and not message.worked
    if not (holds or has_heard or call.coding == who.id):
        return "whisper"
    return "clinical" if who.licensed else "private"


def _whisper(seen: Seen, call: Call, now: datetime) -> Json:
    ticket, facts = seen.ticket, call.facts
    return {
        "ticket": ticket.id,
        "as_of": now.isoformat(),
        "queue": ticket.queue,
        "kind": ticket.kind,
        "emergency": ticket.emergency,
        "caller": str(facts.get("caller", "unknown")),
        "tier": str(facts.get("tier", "anonymous")),
        "language": call.language or ticket.language,
        "intent": str(facts.get("intent", "unknown")),
        "urgency": str(facts.get("urgency", "unknown")),
        "waited_seconds": int(((ticket.answered_at or ticket.closed_at or now) - ticket.arrived_at).total_seconds()),
    }


def _person(call: Call) -> Json:
    """Whom the order system has; unless it is proved, only somebody who is filed under the number that rings."""
    proved = call.facts.get("tier") in PROVED
    shown = [name for name in _PROOFS if name in call.fields] + (["code"] if call.code_right else [])
    return {
        "id": call.person,
        "proved": proved,
        "proved_by": shown if proved else [],
        "permission": str(call.facts.get("permission", "unknown")),
    }


def _decision(call: Call, pharmacy: Pharmacy) -> Json | None:
    """The rule that put the call here, in the pharmacy's own words."""
    decision = call.decision
    if decision is None:
        return None
    known = (rule for rules in pharmacy.rules.values() for rule in rules.rules)
    why = next((rule.why for rule in known if (rule.name, rule.file) == (decision.rule, decision.file)), "")
    return {"rule": decision.rule, "why": why}


def _parts(known: Known) -> Json:
    return {each.name: _part(getattr(known, each.name)) for each in fields(Known)}


def _part(part: Part) -> Json:
    state = ("stale" if part.items else "unknown") if part.why else "known"
    items = [_ticket(each) if isinstance(each, Ticket) else _plain(asdict(each)) for each in part.items]
    return {"state": state, "why": part.why or None, "age_seconds": part.age_seconds, "items": items}


def _to_level(one: Json, call: Call, level: Level, today: date) -> None:
    """Mark the one they mean, say how long it has stood where it stands, and leave out what is not for this level."""
    del one["person"]
    one["is_meant"] = one["id"] == call.prescription
    one["stuck_days"] = None if one["since"] is None else max(0, (today - date.fromisoformat(one["since"])).days)
    if level != "clinical":
        one.update(dict.fromkeys(_CLINICAL))


def _ticket(ticket: Ticket) -> Json:
    names = ("id", "site", "queue", "kind", "state", "need", "arrived_at", "promised_at")
    return _plain({name: getattr(ticket, name) for name in names})


def _plain(told: Json) -> Json:
    return {name: _word(value) for name, value in told.items()}


def _word(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date) else str(value) if isinstance(value, Decimal) else value
