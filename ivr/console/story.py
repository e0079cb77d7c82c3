"""The whole story of one call, as a supervisor or an auditor reads it: `docs/record.md` has its shape.

It is put together from what was written as the call went on, and from the version of the content the call kept: what is
published afterwards changes nothing in it.
"""

from __future__ import annotations

import json
from typing import Any

from msgspec import to_builtins

from ivr.core.call import Call, Caller
from ivr.core.effects import (
    CreateTask,
    Inquire,
    RecordCall,
    RequestRefill,
    RequestRenewal,
    SendNote,
    SendText,
    WriteDisposition,
)
from ivr.core.line import OUTSIDE, Offer
from ivr.core.pharmacy import Pharmacy
from ivr.store import Delivery, JournalLine, Note, Revision
from ivr.switchboard import Switchboard

Json = dict[str, Any]

SHOWN_DIGITS = 2


def story(board: Switchboard, call_id: str) -> Json | None:
    """Return the story of a call; None when nobody knows it."""
    record = board.record
    loaded = record.load_call(call_id)
    if loaded is None:
        return None
    outbox = [_delivery(each, board.clock.is_real) for each in record.outbox.told(call_id)]
    return {
        "call_id": call_id,
        "caller": _caller(loaded.call.caller),
        "record": board.call_record(loaded),
        "turns": [_turn(line, board, loaded.call) for line in record.journal(call_id)],
        "offers": [_offer(offer) for offer in loaded.call.offers],
        "revisions": [_revision(each) for each in record.revisions.of(call_id)],
        "notes": [_note(each) for each in record.revisions.notes(call_id)],
        "asked": [each for each in outbox if each["kind"] == "Inquire"],
        "told": [each for each in outbox if each["kind"] != "Inquire"],
    }


def _caller(caller: Caller) -> Json:
    """Who rang, as far as the carrier says; of the number only how it ends."""
    number_ends = caller.number[-SHOWN_DIGITS:] if caller.number else None
    return {"kind": caller.kind, "number_ends": number_ends, "attestation": caller.attestation}


def _turn(line: JournalLine, board: Switchboard, call: Call) -> Json:
    event = {name: value for name, value in json.loads(line.event).items() if name != "offer"}
    told = {name: event.pop(name, None) for name in ("event", "who", "phase")}
    said = event.pop("said", [])
    said_in = event.pop("said_in", [None if told["who"] == "agent" else call.language] * len(said))
    return {
        "at": line.at.isoformat(),
        "version": line.version,
        **told,
        "agent": _agent(line.leg, call),
        "decided": event.pop("decided", []),
        "said": _said(list(zip(said, said_in, strict=True)), line.version, board.pharmacy(line.version), call),
        "heard": event,
        "why": to_builtins(line.why),
    }


def _agent(leg: str | None, call: Call) -> str | None:
    """Whose phone it was; None for the caller's, and for what happened on none."""
    offers = (offer.agent.removeprefix(OUTSIDE) for offer in call.offers if leg and offer.leg == leg)
    return next(offers, None)


def _said(prompts: list[tuple[str, str | None]], version: str, pharmacy: Pharmacy, call: Call) -> list[Json]:
    """What was heard, in words: what the caller was told is kept nowhere, so that stays as its author wrote it.

    Of a version nobody can read here any more the words are None: another's would not be what was said.
    """
    if pharmacy.version != version:
        return [{"prompt": name, "language": language, "words": None} for name, language in prompts]
    site = {"pharmacy": pharmacy.sites[call.site].title}
    first, words = pharmacy.line_of(call.line).languages[0], pharmacy.prompts.as_written
    spoken = [(name, language or first) for name, language in prompts]
    return [{"prompt": name, "language": code, "words": words(code, name, site)} for name, code in spoken]


def _offer(offer: Offer) -> Json:
    """To whom it was offered, when it rang and was taken, and what came of it."""
    times = {name: getattr(offer, name) for name in ("offered_at", "rang_at", "came_at", "ended_at")}
    return {
        "agent": offer.agent.removeprefix(OUTSIDE),
        "as": offer.purpose,
        "state": offer.state,
        **{name: at.isoformat() if at else None for name, at in times.items()},
    }


def _revision(of: Revision) -> Json:
    return {"revision": of.revision, "at": of.at.isoformat(), "by": of.by or None, "says": dict(of.body)}


def _note(of: Note) -> Json:
    return {"nth": of.nth, "at": of.at.isoformat(), "by": of.by, "revision": of.revision, "text": of.words}


def _delivery(of: Delivery, clock_is_real: bool) -> Json:
    """How far it is, and since when it is done: in real time, which is told only where the line goes by it."""
    done_at = of.done_at.isoformat() if of.done_at and clock_is_real else None
    told = {"kind": of.kind, "about": _about(of), "state": of.state, "attempts": of.attempts, "done_at": done_at}
    return {**told, "result": of.result or None, "error": of.error or None}


def _about(of: Delivery) -> str:
    """Which of its kind it is, in words and ids."""
    match of.effect:
        case Inquire(ask):
            return ask
        case WriteDisposition(revision):
            return f"revision {revision}"
        case RecordCall(moment):
            return moment
        case SendNote(nth):
            return f"note {nth}"
        case CreateTask(what) | SendText(what):
            return what
        case RequestRefill(prescription) | RequestRenewal(prescription):
            return prescription
    return ""
