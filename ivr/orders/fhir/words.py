"""The words of FHIR resources, others' and our own, and how a resource is read without trust."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import date, datetime, tzinfo
from decimal import Decimal
from typing import Any, TypeVar

import structlog

Json = dict[str, Any]
_T = TypeVar("_T")

NPI = "http://hl7.org/fhir/sid/us-npi"
TASK_CODE = "http://hl7.org/fhir/CodeSystem/task-code"
ACT_CODE = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
ACT_PRIORITY = "http://terminology.hl7.org/CodeSystem/v3-ActPriority"
ACT_REASON = "http://terminology.hl7.org/CodeSystem/v3-ActReason"
PARTICIPATION_MODE = "http://terminology.hl7.org/CodeSystem/v3-ParticipationMode"
COMMUNICATION_CATEGORY = "http://terminology.hl7.org/CodeSystem/communication-category"
CONSENT_ACTION = "http://terminology.hl7.org/CodeSystem/consentaction"
DICOM = "http://dicom.nema.org/resources/ontology/DCM"

OURS = "urn:rxline:"
CALL, KEY, STEP = OURS + "call", OURS + "key", OURS + "next-step"  # identifiers
TASK, OWNER, INTENT, OUTCOME = OURS + "task", OURS + "owner", OURS + "intent", OURS + "outcome"  # codes
ACCESS, ASKED, DISPOSITION, RECORD = OURS + "access", OURS + "asked", OURS + "disposition", OURS + "record"
PERMISSION, CONSENT, SCHEDULE = OURS + "permission", OURS + "consent", OURS + "schedule"
CLASS, HANDLING, AUDIT, AGENT, FACT = OURS + "class", OURS + "handling", OURS + "audit", OURS + "agent", OURS + "fact"

OPEN_TASK = ("requested", "received", "accepted", "ready", "in-progress", "on-hold")

_REFERENCE = re.compile(r"([A-Z][A-Za-z]{1,63}/[A-Za-z0-9.-]{1,64})(/_history/[A-Za-z0-9.-]{1,64})?")

_BEYOND_MEASURE = 10**9

_log = structlog.get_logger(__name__)


def fact(name: str, read: Callable[[], _T]) -> _T | None:
    """Return what `read` finds, or None where the resource is odd there: one odd fact must not lose the others."""
    try:
        return read()
    except (ValueError, TypeError, ArithmeticError):
        _log.warning("the order system sent a value nobody here knows", fact=name)
        return None


def at(item: Json, *path: str) -> Any:
    """Return what stands at a path of names, None where nothing does; raises TypeError for another shape."""
    found: Any = item
    for name in path:
        if found is None:
            return None
        if not isinstance(found, dict):
            raise TypeError
        found = found.get(name)
    return found


def each(item: Json, *path: str) -> list[Json]:
    """Return the objects of the list at a path, [] where there is none; raises TypeError for another shape."""
    found = at(item, *path)
    if found is None:
        return []
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise TypeError
    return found


def text_at(item: Json, *path: str) -> str | None:
    """Return the text at a path; raises TypeError for anything else there."""
    found = at(item, *path)
    if found is not None and not isinstance(found, str):
        raise TypeError
    return found


def number_at(item: Json, *path: str) -> Decimal | None:
    """Return the number at a path; raises TypeError for anything else there, ValueError for one beyond all measure."""
    found = at(item, *path)
    if found is None:
        return None
    if isinstance(found, bool) or not isinstance(found, int | float):
        raise TypeError
    if not abs(found) < _BEYOND_MEASURE:  # JSON as Python reads it has numbers that are none
        raise ValueError
    return Decimal(str(found))


def codes(item: Json, *path: str, system: str | None = None) -> list[str]:
    """Return the codes of the concept (or concepts) at a path, of one system or of all."""
    found = at(item, *path)
    concepts = [] if found is None else found if isinstance(found, list) else [found]
    return [
        code
        for concept in concepts
        for coding in each(concept, "coding")
        if system in (None, coding.get("system")) and isinstance(code := coding.get("code"), str)
    ]


def reference(item: Json, *path: str) -> str | None:
    """Return what is referred to as `Type/id`; None for nothing, and for what another server or no server has."""
    given = fact(path[-1], lambda: text_at(item, *path, "reference"))
    found = _REFERENCE.fullmatch(given) if given else None
    return found[1] if found else None


def is_reference(given: object) -> bool:
    """Return whether this is an id of ours: `Type/id`."""
    return isinstance(given, str) and _REFERENCE.fullmatch(given) is not None


def own_reference(resource: Json) -> str:
    """Return a resource's own `Type/id`."""
    return f"{resource['resourceType']}/{resource['id']}"


def day(text: str | None, zone: tzinfo | None) -> date | None:
    """Return the day of a FHIR date or instant where the pharmacy is; raises ValueError for a month or a year."""
    if text is None:
        return None
    if len(text) == 10:
        return date.fromisoformat(text)
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError
    return at.astimezone(zone).date()


def coded(system: str, code: str) -> Json:
    """Return a code as a CodeableConcept."""
    return {"coding": [{"system": system, "code": code}]}


def identifier(system: str, value: str) -> Json:
    """Return an identifier of ours."""
    return {"system": system, "value": value}


def is_called(resource: Json, system: str, value: str) -> bool:
    """Return whether a resource has just this identifier: a server may find more than it was asked for."""
    known = each(resource, "identifier")
    return any((one.get("system"), one.get("value")) == (system, value) for one in known)


def extensions(values: Json) -> Iterator[Json]:
    """Yield plain JSON as extensions, whatever depth; what is null or empty says nothing and is left out."""
    for name, value in values.items():
        for one in value if isinstance(value, list | tuple) else [value]:
            if one not in (None, "") and (said := _valued(one)) != {"extension": []}:
                yield {"url": name, **said}


def _valued(value: Any) -> Json:
    if isinstance(value, dict):
        return {"extension": list(extensions(value))}
    if isinstance(value, list | tuple):
        return {"extension": list(extensions({"item": value}))}
    if isinstance(value, bool):
        return {"valueBoolean": value}
    if isinstance(value, int) and abs(value) < 2**31:
        return {"valueInteger": value}
    return {"valueDecimal": value} if isinstance(value, int | float) else {"valueString": value}


def extended(resource: Json, url: str) -> Json:
    """Return the first extension with this url, {} where there is none."""
    return next((one for one in each(resource, "extension") if one.get("url") == url), {})
