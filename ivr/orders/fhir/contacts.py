"""What was said to a patient over other channels, and what the server says it does."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from ivr.orders.fhir.words import KEY, PARTICIPATION_MODE, Json, codes, each, fact, reference, text_at
from ivr.orders.port import CAPABILITIES, Channel, Contact, Direction

_CHANNELS: dict[str, Channel] = {
    "PHONE": "phone",
    "SMSWRIT": "sms",
    "EMAILWRIT": "email",
    "MAILWRIT": "mail",
    "ONLINEWRIT": "secure_message",
}

# What the line asks for, by the resources and interactions it takes.
_NEEDS: dict[str, tuple[tuple[str, str], ...]] = {
    "identify": (("Patient", "search-type"),),
    "proof": (("Patient", "search-type"), ("MedicationRequest", "search-type")),
    "prescriptions": (("MedicationRequest", "search-type"),),
    "caregivers": (("RelatedPerson", "search-type"), ("Consent", "search-type")),
    "consents": (("Consent", "search-type"),),
    "prescribers": (("Practitioner", "search-type"),),
    "contacts": (("Communication", "search-type"),),
    "calls": (("Encounter", "create"), ("Encounter", "update")),
    "dispositions": (("Encounter", "create"), ("Encounter", "update")),
    "notes": (("Communication", "create"),),
    "refills": (("Task", "create"), ("Task", "search-type")),
    "renewals": (("Task", "create"), ("Task", "search-type")),
    "tasks": (("Task", "create"),),
}
assert set(_NEEDS) <= CAPABILITIES


def served(metadata: Json) -> frozenset[str]:
    """Return what the server says it does of what the line may ask; everything, where it does not say."""
    taken = fact("rest", lambda: _interactions(metadata))
    if not taken:
        return frozenset(_NEEDS)
    return frozenset(name for name, needed in _NEEDS.items() if taken.issuperset(needed))


def _interactions(metadata: Json) -> set[tuple[str, str]]:
    return {
        (str(one.get("type")), str(each_code.get("code")))
        for rest in each(metadata, "rest")
        for one in each(rest, "resource")
        for each_code in each(one, "interaction")
    }


def contact_of(communication: Json) -> Contact | None:
    """Return what was said; None where nobody knows when, where it never was, and where it is a note of ours."""
    at = fact("sent", lambda: _instant(communication))
    if at is None or communication.get("status") not in ("completed", "in-progress") or _is_ours(communication):
        return None
    return Contact(
        at=at,
        channel=_channel(communication),
        direction=_direction(communication),
        about=fact("about", lambda: _prescription(communication)),
        said=fact("payload", lambda: _said(communication)),
    )


def _is_ours(communication: Json) -> bool:
    known = fact("identifier", lambda: [one.get("system") for one in each(communication, "identifier")])
    return known is None or KEY in known


def _instant(communication: Json) -> datetime | None:
    given = text_at(communication, "sent") or text_at(communication, "received")
    at = datetime.fromisoformat(given) if given else None
    if at is not None and at.tzinfo is None:
        raise ValueError
    return at


def _channel(communication: Json) -> Channel | None:
    named = fact("medium", lambda: codes(communication, "medium", system=PARTICIPATION_MODE)) or []
    known = (_CHANNELS.get(code) for code in named)
    return next((channel for channel in known if channel), None)


def _direction(communication: Json) -> Direction | None:
    sender = reference(communication, "sender") or ""
    if sender.startswith(("Patient/", "RelatedPerson/")):
        return "from_patient"
    return "to_patient" if sender or communication.get("recipient") else None


def _prescription(communication: Json) -> str | None:
    about = [reference({"one": one}, "one") for one in each(communication, "about")]
    ours = [one for one in about if one and one.startswith("MedicationRequest/")]
    return ours[0] if len(ours) == 1 else None


def _said(communication: Json) -> str | None:
    words: list[Any] = [text_at(one, "contentString") for one in each(communication, "payload")]
    return "\n".join(filter(None, words)) or None
