"""What we write, as FHIR resources: calls, what came of them, work, notes, and who was told what."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from ivr.orders.fhir.words import (
    ACT_CODE,
    ACT_PRIORITY,
    ACT_REASON,
    AGENT,
    ASKED,
    AUDIT,
    CALL,
    COMMUNICATION_CATEGORY,
    DICOM,
    DISPOSITION,
    INTENT,
    KEY,
    OUTCOME,
    OWNER,
    PARTICIPATION_MODE,
    RECORD,
    STEP,
    TASK,
    Json,
    coded,
    each,
    extended,
    extensions,
    fact,
    identifier,
    is_called,
    is_reference,
)

_PRIORITY = {"emergency": "EM", "urgent": "UR"}
_ORIGIN = {"display": "Rxline"}
_CLASS = {"system": ACT_CODE, "code": "VR", "display": "virtual"}
_PHONE_NUMBER = "3"  # of AuditEvent.agent.network.type
_STEP_OVER = ("none", None)
_FOUND_BY = ("prescription", "queue", "ticket_id")

# ---------------------------------------------------------------- calls and what came of them


def encounter(call_id: str) -> Json:
    """Return a call nobody has told anything of yet."""
    return {
        "resourceType": "Encounter",
        "identifier": [identifier(CALL, call_id)],
        "status": "in-progress",
        "class": _CLASS,
    }


def with_record(found: Json, body: Mapping[str, Any]) -> Json | None:
    """Return a call with `body` as its record; None where the one it has is of a later revision."""
    if _kept_revision(found, RECORD) > _revision(body):
        return None
    told = _told(found, RECORD, body)
    return None if told == found else told


def with_disposition(found: Json, body: Mapping[str, Any]) -> Json | None:
    """Return a call with what came of it; None where what is known is as new or newer."""
    if _kept_revision(found, DISPOSITION) >= _revision(body):
        return None
    return _told(found, DISPOSITION, body)


def _revision(body: Mapping[str, Any]) -> int:
    """The revision of a body; one that has none is always the newest."""
    given = body.get("revision")
    return given if isinstance(given, int) else 2**31


def _kept_revision(resource: Json, url: str) -> int:
    return fact("revision", lambda: _read_revision(extended(resource, url))) or 0


def _read_revision(extension: Json) -> int:
    kept = next((one for one in each(extension, "extension") if one.get("url") == "revision"), None)
    # Revisions begin at 0, and nothing kept is less than that.
    return int(kept.get("valueInteger", "")) if kept else -1


def _told(found: Json, url: str, body: Mapping[str, Any]) -> Json:
    others = [one for one in each(found, "extension") if one.get("url") != url]
    said = list(extensions({url: dict(body)}))
    return {**found, **_plain(found, body), "extension": [*others, *said]}


def _plain(found: Json, body: Mapping[str, Any]) -> Json:
    """What FHIR has a place of its own for, as far as this body tells it."""
    elements: Json = {}
    if "final" in body:
        elements["status"] = "finished" if body["final"] else "in-progress"
    if body.get("arrived_at"):
        elements["period"] = _period(body["arrived_at"], body.get("ended_at"))
    if body.get("urgency"):
        elements["priority"] = coded(ACT_PRIORITY, _PRIORITY.get(body["urgency"], "R"))
    if body.get("intent"):
        elements["reasonCode"] = [coded(INTENT, body["intent"])]
    if str(body.get("person")).startswith("Patient/") and is_reference(body.get("person")):
        elements["subject"] = {"reference": body["person"]}
    if body.get("agents"):
        elements["participant"] = [_agent(name) for name in body["agents"]]
    return elements


def _period(start: str, end: str | None) -> Json:
    return {"start": start, **({"end": end} if end else {})}


def _agent(name: str) -> Json:
    return {"individual": {"type": "Practitioner", "identifier": identifier(AGENT, name)}}


def next_step(call_id: str, body: Mapping[str, Any], person: str | None, now: datetime) -> Json | None:
    """Return the task a disposition leaves, about whom the call is; None where nobody has to do anything more."""
    if body.get("next_step") in _STEP_OVER:
        return None
    about = {"person": person, **{name: body[name] for name in _FOUND_BY if body.get(name)}}
    return step_told(_task("next_step", identifier(STEP, call_id), call_id, about, now), body)


def step_changed(task: Json, body: Mapping[str, Any]) -> Json | None:
    """Return the task as its disposition now says; None where it has been told as much or more."""
    return None if _kept_revision(task, DISPOSITION) >= _revision(body) else step_told(task, body)


def step_told(task: Json, body: Mapping[str, Any]) -> Json:
    """Return the task of a call's next step as its disposition now says, ended where no step is left."""
    step = body.get("next_step")
    others = [one for one in each(task, "extension") if one.get("url") != DISPOSITION]
    said = extensions({DISPOSITION: {"revision": _revision(body)}})
    told = {**task, "extension": [*others, *said]}
    if step in _STEP_OVER:
        return {**told, "status": "completed"}
    stands = {"status": "requested", "businessStatus": coded(STEP, str(step))}
    return {**told, **stands, **_outcome(body), **_due(body), **_whose_turn(body)}


def _outcome(body: Mapping[str, Any]) -> Json:
    code = body.get("resolution") or body.get("code") or body.get("outcome")
    return {"reasonCode": coded(OUTCOME, str(code))} if code else {}


def _due(body: Mapping[str, Any]) -> Json:
    due = body.get("due_at")
    return {"restriction": {"period": {"end": due}}} if due else {}


def _whose_turn(body: Mapping[str, Any]) -> Json:
    """Who has to act, in our word: which of their people it is, is theirs to say in `owner`."""
    owner = body.get("owner")
    return {"performerType": [coded(OWNER, str(owner))]} if owner else {}


# ---------------------------------------------------------------- work


def staff_task(body: Mapping[str, Any], key: str, now: datetime) -> Json:
    """Return work for the pharmacy's staff."""
    return _task(str(body["what"]), identifier(KEY, key), body.get("call_id"), body, now)


def wish(what: str, prescription: Json, call_id: str, key: str, now: datetime) -> Json:
    """Return the wish for a `refill` or a `renewal` of a MedicationRequest."""
    about = {"prescription": f"MedicationRequest/{prescription['id']}", "call_id": call_id}
    subject = prescription.get("subject")
    task = _task(what, identifier(KEY, key), call_id, about, now)
    return {**task, **({"for": subject} if subject else {})}


_PLACED = ("what", "urgent", "call_id", "due_at", "owner")
_IDS = ("person", "prescription", "prescription_id")


def _task(what: str, known_as: Json, call_id: object, body: Mapping[str, Any], now: datetime) -> Json:
    about = body.get("prescription") or body.get("prescription_id")
    place: Json = {}
    if is_reference(about):
        place["focus"] = {"reference": about}
    if is_reference(body.get("person")):
        place["for"] = {"reference": body["person"]}
    if call_id:
        place["encounter"] = _of_call(str(call_id))
    rest = {name: value for name, value in body.items() if name not in _PLACED and not _is_referred_to(name, value)}
    return {
        "resourceType": "Task",
        "extension": [_asked(what, body)],
        "identifier": [known_as],
        "status": "requested",
        "intent": "order",
        "priority": "urgent" if body.get("urgent") else "routine",
        "code": coded(TASK, what),
        "authoredOn": now.isoformat(),
        "requester": _ORIGIN,
        **place,
        **_due(body),
        **_whose_turn(body),
        **_listed("input", rest),
    }


def _is_referred_to(name: str, value: object) -> bool:
    # An id that another order system gave has no place of its own here, and is told as it came.
    return name in _IDS and is_reference(value)


def _listed(where: str, values: Mapping[str, Any]) -> Json:
    """Return values as a task's inputs, each in a type of its own."""
    said = [_input(one) for one in extensions(dict(values))]
    return {where: said} if said else {}


def _input(said: Json) -> Json:
    value = {name: given for name, given in said.items() if name.startswith("value")}
    kind = {"type": {"text": said["url"]}}
    return {**kind, **value} if value else {**kind, "valueString": json.dumps(said["extension"], sort_keys=True)}


def _of_call(call_id: str) -> Json:
    """A call by what we call it: what it is called there need not be looked up."""
    return {"type": "Encounter", "identifier": identifier(CALL, call_id)}


def _asked(what: str, body: Mapping[str, Any]) -> Json:
    whole = json.dumps([what, dict(body)], sort_keys=True, default=str)
    return {"url": ASKED, "valueString": hashlib.sha256(whole.encode()).hexdigest()[:32]}


def asked_the_same(wanted: Json, kept: Json) -> bool:
    """Return whether what a key brought before was asked for in the very same words."""
    return extended(kept, ASKED) == extended(wanted, ASKED)


def has_key(resource: Json, key: str) -> bool:
    """Return whether this was written under this key."""
    return is_called(resource, KEY, key)


# ---------------------------------------------------------------- notes


def note(call_id: str, body: Mapping[str, Any], key: str, person: object, now: datetime) -> Json:
    """Return a note to a call."""
    subject = {"subject": {"reference": person}} if str(person).startswith("Patient/") else {}
    about = {"about": [{"reference": body["about"]}]} if is_reference(body.get("about")) else {}
    rest = {name: value for name, value in body.items() if name != "text" and name not in about}
    return {
        "resourceType": "Communication",
        "extension": [_asked("note", body), *extensions({RECORD: rest} if rest else {})],
        "identifier": [identifier(KEY, key)],
        "status": "completed",
        "category": [coded(COMMUNICATION_CATEGORY, "notification")],
        "medium": [coded(PARTICIPATION_MODE, "PHONE")],
        "encounter": _of_call(call_id),
        "sent": now.isoformat(),
        "payload": [{"contentString": body["text"]}],
        **about,
        **subject,
    }


# ---------------------------------------------------------------- who was told what


def audit(what: str, about: Iterable[str], phone: str | None, fits: bool, now: datetime) -> Json:
    """Return that somebody who rings from this number asked who they are, proved it or not, or was told something."""
    rings: Json = {"network": {"address": phone, "type": _PHONE_NUMBER}} if phone else {}
    entities = [{"what": {"reference": one}} for one in about]
    return {
        "resourceType": "AuditEvent",
        "type": {"system": DICOM, "code": "110112", "display": "Query"},
        "subtype": [{"system": AUDIT, "code": what}],
        "action": "E" if what == "prove" else "R",
        "recorded": now.isoformat(),
        "outcome": "0" if fits else "4",
        "purposeOfEvent": [coded(ACT_REASON, "PATRQT")],
        "agent": [{"name": "Rxline", "requestor": True, **rings}],
        "source": {"observer": _ORIGIN},
        **({"entity": entities} if entities else {}),
    }
