"""What a practised call looks like from inside: its reasons, its ticket, what came of it. Never served for real calls.

GET /practice/calls/{CallSid}   one call; 404 while nobody knows it
GET /practice/desk              where every agent is, and the tickets in line in the order they are served
"""

from __future__ import annotations

import json
from typing import Any

from flask import Blueprint, Response, jsonify
from flask.typing import ResponseReturnValue
from msgspec import to_builtins

from ivr.core.call import Call
from ivr.core.line import Offer, Ticket
from ivr.store.record import Disposition, JournalLine, Record
from ivr.switchboard import Switchboard

Json = dict[str, Any]

_SHOWN_DIGITS = 2
# Field by field, so that what is added to a call one day stays inside until somebody decides otherwise.
_OF_A_CALL = (
    *("id", "line", "site", "version", "arrived_at", "phase", "place", "language", "facts", "wants_person"),
    *("decision", "reached", "outcome", "resolution", "queued_at", "ended_at", "agents"),
)
_OF_A_TICKET = (
    *("id", "queue", "kind", "state", "arrived_at", "due_from", "answer_within_seconds", "needs", "language"),
    *("licensed", "not_before", "attempts", "on_call", "answered_at", "closed_at"),
)
_OF_AN_OFFER = ("agent", "state", "offered_at", "expires_at")


def blueprint(switchboard: Switchboard) -> Blueprint:
    """Return the doors above, which read through the switchboard's record and change nothing."""
    practice = Blueprint("practice", __name__, url_prefix="/practice")
    record = switchboard.record

    @practice.get("/calls/<call_id>")
    def call(call_id: str) -> ResponseReturnValue:
        loaded = record.load_call(call_id)
        if loaded is None:
            return jsonify(error="nobody knows this call"), 404
        return jsonify(_story(loaded.call, record))

    @practice.get("/desk")
    def desk() -> ResponseReturnValue:
        agents = [to_builtins(agent) for agent in record.desk.agents().values()]
        waiting = [ticket for site in switchboard.pharmacy().sites for ticket in record.desk.waiting(site)]
        return jsonify(agents=agents, line=[_in_line(ticket) for ticket in waiting])

    @practice.after_request
    def stay_fresh(response: Response) -> Response:
        response.headers["Cache-Control"] = "no-store"
        return response

    return practice


def _story(call: Call, record: Record) -> Json:
    written = record.dispositions(call.id)
    return {
        "call": _call(call),
        "ticket": _ticket(call.ticket, record) if call.ticket else None,
        "offers": [_offer(offer) for offer in call.offers],
        "journal": [_turn(line) for line in record.journal(call.id)],
        "disposition": _disposition(written[0]) if written else None,
    }


def _call(call: Call) -> Json:
    legs = [{"kind": leg.kind, "state": leg.state, "number": masked(leg.number)} for leg in call.legs.values()]
    caller = {"kind": call.caller.kind, "number": masked(call.caller.number), "attestation": call.caller.attestation}
    return {
        **_picked(call, _OF_A_CALL),
        "tier": call.facts.get("tier", "anonymous"),
        "caller": caller,
        "legs": legs,
    }


def _ticket(ticket: Ticket, record: Record) -> Json:
    in_line = ticket.state == "waiting" and ticket.kind != "voicemail"
    position, waiting = record.desk.position(ticket) if in_line else (None, None)
    return {
        **_picked(ticket, _OF_A_TICKET),
        "promised_at": ticket.promised_at.isoformat(),
        "emergency": ticket.emergency,
        "position": position,
        "waiting": waiting,
    }


def _in_line(ticket: Ticket) -> Json:
    promised_at = ticket.promised_at.isoformat()
    return {**_picked(ticket, ("call", "queue", "kind")), "emergency": ticket.emergency, "promised_at": promised_at}


def _offer(offer: Offer) -> Json:
    return _picked(offer, _OF_AN_OFFER)


def _turn(line: JournalLine) -> Json:
    event = {name: value for name, value in json.loads(line.event).items() if name != "offer"}
    return {"seq": line.seq, "at": line.at.isoformat(), "event": event, "why": to_builtins(line.why)}


def _disposition(written: Disposition) -> Json:
    return {
        "revision": written.revision,
        "final": written.final,
        "in_order_system": written.written_revision == written.revision,
        "body": dict(written.body),
    }


def _picked(value: Call | Ticket | Offer, names: tuple[str, ...]) -> Json:
    plain: Json = to_builtins(value)
    return {name: plain[name] for name in names}


def masked(number: str | None) -> str | None:
    """Return a number with all but its last digits covered; None stays None."""
    return f"…{number[-_SHOWN_DIGITS:]}" if number else None
