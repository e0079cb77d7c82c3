"""An order system that is a FHIR R4 server: what each method of the port asks of it and writes to it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

import structlog

from ivr.orders.fhir import contacts, people, prescriptions, written
from ivr.orders.fhir.people import Household
from ivr.orders.fhir.wire import Wire
from ivr.orders.fhir.words import CALL, KEY, NPI, OPEN_TASK, STEP, TASK, Json, is_called, own_reference, reference
from ivr.orders.port import (
    CAPABILITIES,
    KEY_REUSED,
    NOT_SERVED,
    RENEWAL_OPEN,
    Capability,
    Contact,
    Events,
    Person,
    Prescriber,
    Prescription,
    Proof,
    Proved,
    Refused,
    Unavailable,
)

_FRESH_SECONDS = 300.0
_MOST_CONTACTS = 100
_MOST_TRIES = 4  # to write what somebody else keeps writing in the same moment
_RENEWABLE = ("no_refills", "expired", "schedule_ii", None)
_NOBODY = Proved(None, False, False, None, None, None, None, None)

_log = structlog.get_logger(__name__)


class FhirOrderSystem:
    """A FHIR R4 server at `url` that takes `token` as bearer; `port.OrderSystem` says what each method means.

    `now` tells the time where the pharmacy is, aware: days are counted there. A timeout bounds all requests of a
    question together, and each request of a write. Ids are `Type/id`.

    Nobody is told what was not written down first: an AuditEvent the server does not take now is no answer. One that
    never takes any has ours alone.
    """

    def __init__(self, url: str, token: str, now: Callable[[], datetime], timeout_seconds: float = 2.0) -> None:
        self._wire = Wire(url, token, timeout_seconds)
        self._now = now
        self._served: frozenset[str] = CAPABILITIES
        self._served_until = 0.0

    def close(self) -> None:
        """Let the pooled connections go."""
        self._wire.close()

    # ------------------------------------------------------------ who is calling

    def identify(self, phone: str, *, timeout_seconds: float | None = None) -> tuple[Person, ...]:
        if not people.is_phone(phone):
            raise Refused("body_invalid")
        by = self._wire.by(timeout_seconds)
        household = self._household(phone, by)
        self._audit("identify", household.led_to(), phone, True, by)
        return household.people()

    def prove(self, proof: Proof, *, timeout_seconds: float | None = None) -> Proved:
        if not (proof.rx_number or proof.date_of_birth) or not (proof.phone is None or people.is_phone(proof.phone)):
            raise Refused("body_invalid")  # a phone or a zip leads to nobody
        by = self._wire.by(timeout_seconds)
        request = self._numbered(proof.rx_number, by) if proof.rx_number else None
        household = self._household(proof.phone, by, self._whose(request))
        patient = self._meant(proof, request, household, by)
        proved = self._proved(proof, patient, request, household, by)
        self._audit("prove", filter(None, [proved.about]), proof.phone, proved.fits, by)
        return proved

    def _numbered(self, rx_number: str, by: float) -> Json | None:
        """Return the one order for a medicine with this number; two are none, for nobody could say which."""
        found = self._wire.look_up("MedicationRequest", by, identifier=_quoted(rx_number))
        fits = [one for one in found if prescriptions.has_number(one, rx_number)]
        return fits[0] if len(fits) == 1 else None

    def _whose(self, request: Json | None) -> tuple[str, ...]:
        whose = reference(request, "subject") if request else None
        return (whose,) if whose else ()

    def _meant(self, proof: Proof, request: Json | None, household: Household, by: float) -> Json | None:
        """Return whom a proof is about: whose the number is, or of those the phone leads to who fits or is alone."""
        led_to = self._whose(request) if proof.rx_number else household.led_to()
        known = {own_reference(one): one for one in household.patients}
        candidates = [known.get(one) or self._wire.read(one, by) for one in led_to]
        fitting = [one for one in candidates if people.is_theirs(one, proof)]
        if len(fitting) == 1:
            return fitting[0]
        return candidates[0] if len(candidates) == 1 else None

    def _proved(
        self, proof: Proof, patient: Json | None, request: Json | None, household: Household, by: float
    ) -> Proved:
        if patient is None:
            return _NOBODY
        about = own_reference(patient)
        on_file = household.on_file(about)
        if not people.is_theirs(patient, proof):
            return Proved(about, False, on_file, None, None, None, None, None)
        return Proved(
            about=about,
            fits=True,
            number_on_file=on_file,
            permission=household.permission(about),
            access=people.access(patient),
            texts=household.texts(about),
            language=people.language(patient),
            prescription=self._one_of(about, request, by) if request else None,
        )

    def _household(self, phone: str | None, by: float, also: tuple[str, ...] = ()) -> Household:
        """Return everybody filed under a number, and what was agreed to for their patients and for `also`."""
        patients, carers, offices = (
            self._filed_under(kind, phone, by) for kind in ("Patient", "RelatedPerson", "Practitioner")
        )
        about = [*also, *(own_reference(one) for one in patients)]
        about += [patient for one in carers if (patient := reference(one, "patient"))]
        consents = self._search_if_kept("Consent", by, patient=",".join(dict.fromkeys(about))) if about else ()
        return Household(patients, carers, offices, tuple(consents or ()), self._now())

    def _filed_under(self, kind: str, phone: str | None, by: float) -> tuple[Json, ...]:
        if phone is None:
            return ()
        try:
            found = self._wire.look_up(kind, by, phone=people.spellings(phone))
        except Refused as refused:
            if kind == "Patient":
                raise
            found = []
            _unserved(kind, refused)
        return tuple(one for one in found if one.get("active") is not False and people.is_filed_under(one, phone))

    def prescriber(self, npi: str, phone: str | None, *, timeout_seconds: float | None = None) -> Prescriber | None:
        self._need("prescribers")
        by = self._wire.by(timeout_seconds)
        found = self._wire.look_up("Practitioner", by, identifier=f"{NPI}|{_quoted(npi)}")
        offices = [one for one in found if one.get("active") is not False and is_called(one, NPI, npi)]
        if not offices:
            return None
        office = own_reference(offices[0])
        roles = self._search_if_kept("PractitionerRole", by, practitioner=office) or []
        filed = people.is_office_number([offices[0], *(one for one in roles if one.get("active") is not False)], phone)
        self._audit("prescriber", [office], phone, True, by)
        return Prescriber(office, filed)

    # ------------------------------------------------------------ what is theirs

    def prescriptions(self, person_id: str, *, timeout_seconds: float | None = None) -> tuple[Prescription, ...]:
        by = self._wire.by(timeout_seconds)
        self._wire.read(_patient(person_id), by)
        requests = self._wire.search("MedicationRequest", by, subject=person_id)
        found = self._facts(person_id, requests, by)
        self._audit("disclose", [person_id, *(one.id for one in found)], None, True, by)
        return found

    def _one_of(self, person_id: str, request: Json, by: float) -> Prescription | None:
        return next(iter(self._facts(person_id, [request], by)), None)

    def _facts(self, person_id: str, requests: list[Json], by: float | None) -> tuple[Prescription, ...]:
        dispenses = self._search_if_kept("MedicationDispense", by, subject=person_id)
        tasks = self._search_if_kept("Task", by, subject=person_id)
        told = map(prescriptions.prescription_of, prescriptions.filed(requests, dispenses, tasks, self._now()))
        found = tuple(one for one in told if one is not None)
        if any(one.person != person_id for one in found):
            raise Unavailable("the answer is about somebody else")
        return found

    def contacts(self, person_id: str, *, timeout_seconds: float | None = None) -> tuple[Contact, ...]:
        self._need("contacts")
        by = self._wire.by(timeout_seconds)
        found = self._wire.search("Communication", by, subject=_patient(person_id))
        told = [contacts.contact_of(one) for one in found if reference(one, "subject") == person_id]
        self._audit("contacts", [person_id], None, True, by)
        return tuple(sorted(filter(None, told), key=lambda one: one.at, reverse=True)[:_MOST_CONTACTS])

    def events(self, after: str, limit: int = 100, *, timeout_seconds: float | None = None) -> Events:
        raise Refused(NOT_SERVED)

    # ------------------------------------------------------------ what it serves

    def capabilities(self, *, timeout_seconds: float | None = None) -> frozenset[str]:
        if time.monotonic() >= self._served_until:
            self._served = contacts.served(self._wire.metadata(self._wire.by(timeout_seconds)))
            self._served_until = time.monotonic() + _FRESH_SECONDS
        return self._served

    def ready(self) -> bool:
        try:
            self._wire.search("Task", identifier=f"{KEY}|ready")  # anybody may read what a server says of itself
        except (Unavailable, Refused):
            return False
        return True

    def _need(self, what: Capability) -> None:
        if what not in self._served and time.monotonic() < self._served_until:
            raise Refused(NOT_SERVED)

    # ------------------------------------------------------------ calls

    def record_call(self, call_id: str, body: Mapping[str, Any]) -> None:
        self._need("calls")
        self._tell_call(call_id, lambda found: written.with_record(found, body))

    def write_disposition(self, call_id: str, body: Mapping[str, Any], key: str) -> None:
        self._need("dispositions")
        _needs(body, revision=int, final=bool, outcome=str)
        self._tell_call(call_id, lambda found: written.with_disposition(found, body))
        self._tell_step(call_id, body)

    def _tell_call(self, call_id: str, tell: Callable[[Json], Json | None]) -> None:
        first = tell(written.encounter(call_id))
        self._tell("Encounter", (CALL, call_id), first, tell)

    def _tell_step(self, call_id: str, body: Mapping[str, Any]) -> None:
        """Put the next step before staff, or what it is now; the one there was ends where none is left."""
        if "next_step" in body:
            first = written.next_step(call_id, body, self._caller_of(call_id), self._now())
            self._tell("Task", (STEP, call_id), first, lambda found: written.step_changed(found, body))

    def _tell(self, kind: str, name: tuple[str, str], first: Json | None, tell: Callable[[Json], Json | None]) -> None:
        """Write the one resource of this name in the version we read, again where somebody was faster."""
        for _ in range(_MOST_TRIES):
            found = self._called(kind, *name)
            if len(found) > 1:
                raise Refused("multiple_matches")
            kept = found[0] if found else None
            if kept is None and first is not None:
                kept = self._made(first, *name)
            wanted = tell(kept) if kept is not None else None
            if wanted is None or kept is None or self._wire.update(wanted):
                return
        raise Unavailable("others keep writing it")

    def _called(self, kind: str, system: str, value: str) -> list[Json]:
        """Return what has this identifier, whatever else a server finds: it would be written over."""
        found = self._wire.search(kind, identifier=f"{system}|{_quoted(value)}")
        return [one for one in found if is_called(one, system, value)]

    def _made(self, wanted: Json, system: str, value: str) -> Json:
        """Write it unless there is one of its name, and return the one there is."""
        kept = self._wire.create(wanted, {"identifier": f"{system}|{_quoted(value)}"})
        if not is_called(kept, system, value):
            raise Unavailable("the answer is another resource")
        return kept

    def add_note(self, call_id: str, body: Mapping[str, Any], key: str) -> None:
        self._need("notes")
        _needs(body, text=str)
        person = self._caller_of(call_id)
        self._once(written.note(call_id, body, key, person, self._now()), key)

    def _caller_of(self, call_id: str) -> str | None:
        found = self._called("Encounter", CALL, call_id)
        return reference(found[0], "subject") if len(found) == 1 else None

    # ------------------------------------------------------------ work

    def create_task(self, body: Mapping[str, Any], key: str) -> str:
        self._need("tasks")
        _needs(body, what=str)
        return self._once(written.staff_task(body, key, self._now()), key)

    def _once(self, wanted: Json, key: str) -> str:
        """Write it unless this key has been used, and return what is there under it."""
        kept = self._made(wanted, KEY, key)
        if not written.asked_the_same(wanted, kept):
            raise Refused(KEY_REUSED)
        return own_reference(kept)

    def request_refill(self, prescription_id: str, call_id: str, key: str) -> str:
        self._need("refills")
        return self._wish("refill", prescription_id, call_id, key, "already_in_process")

    def request_renewal(self, prescription_id: str, call_id: str, key: str) -> str:
        self._need("renewals")
        return self._wish("renewal", prescription_id, call_id, key, RENEWAL_OPEN)

    def _wish(self, what: str, prescription_id: str, call_id: str, key: str, open_: str) -> str:
        """Put a wish before the pharmacy unless something blocks it; of a prescription one is open at a time."""
        request = self._request(prescription_id)
        wanted = written.wish(what, request, call_id, key, self._now())
        kept = self._called("Task", KEY, key)
        if not kept:
            self._refuse_what_blocks(what, request)
            unless = {"focus": prescription_id, "code": f"{TASK}|{what}", "status": ",".join(OPEN_TASK)}
            kept = [self._wire.create(wanted, unless)]
        if not written.has_key(kept[0], key):
            raise Refused(open_)
        if not written.asked_the_same(wanted, kept[0]):
            raise Refused(KEY_REUSED)
        return own_reference(kept[0])

    def _request(self, prescription_id: str) -> Json:
        try:
            return self._wire.read(_prescription(prescription_id))
        except Refused:
            raise Refused("prescription_not_found") from None

    def _refuse_what_blocks(self, what: str, request: Json) -> None:
        """Refuse what is known to be blocked; what is not known is for the pharmacy, who gets the wish."""
        whose = reference(request, "subject")
        found = self._one_of_any(whose, request) if whose else None
        if found is None:
            raise Refused("prescription_not_found")
        if what == "refill" and found.refill not in ("eligible", None):
            raise Refused(str(found.refill))
        if what == "renewal":
            _refuse_renewal(found)

    def _one_of_any(self, whose: str, request: Json) -> Prescription | None:
        return next(iter(self._facts(whose, [request], None)), None)

    # ------------------------------------------------------------ how it is asked

    def _search_if_kept(self, kind: str, by: float | None, **query: str) -> list[Json] | None:
        """Return what fits; None where the server keeps no such resources, and then nobody knows."""
        try:
            return self._wire.search(kind, by, **query)
        except Refused as refused:
            _unserved(kind, refused)
            return None

    def _audit(self, what: str, about: Iterable[str], phone: str | None, fits: bool, by: float) -> None:
        try:
            self._wire.create(written.audit(what, about, phone, fits, self._now()), by=by)
        except Refused as refused:
            _log.warning("the order system keeps no audit", why=refused.code)


def _needs(body: Mapping[str, Any], **kinds: type) -> None:
    """Refuse what no order system would take: FHIR has no place where these could be missed."""
    if not all(isinstance(body.get(name), kind) and body[name] != "" for name, kind in kinds.items()):
        raise Refused("body_invalid")


def _unserved(kind: str, refused: Refused) -> None:
    _log.warning("the order system does not serve a search", resource=kind, why=refused.code)


def _refuse_renewal(found: Prescription) -> None:
    if found.renewal not in ("none", None):
        raise Refused(f"renewal_{found.renewal}")
    if found.refill not in _RENEWABLE:
        raise Refused("not_renewable")


def _patient(person_id: str) -> str:
    if not person_id.startswith("Patient/"):
        raise Refused("patient_not_found")
    return person_id


def _prescription(prescription_id: str) -> str:
    if not prescription_id.startswith("MedicationRequest/"):
        raise Refused("prescription_not_found")
    return prescription_id


def _quoted(value: str) -> str:
    """What stands for itself in a search, whatever FHIR makes of its signs."""
    for sign in ("\\", "$", ",", "|"):
        value = value.replace(sign, f"\\{sign}")
    return value
