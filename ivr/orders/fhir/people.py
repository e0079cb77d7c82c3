"""People as FHIR resources tell of them: who is filed under a number, what they may hear, whether a proof is theirs."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import get_args

from ivr.orders.fhir.words import (
    ACCESS,
    CONSENT,
    CONSENT_ACTION,
    PERMISSION,
    Json,
    at,
    codes,
    day,
    each,
    extended,
    fact,
    own_reference,
    reference,
    text_at,
)
from ivr.orders.port import Access, Permission, Person, Proof

PERMISSIONS: tuple[Permission, ...] = ("nothing", "status", "refills", "everything")  # from the least
_DISCLOSED = {"access", "disclose"}  # of the standard actions: to be told of something is not to order it
TEXTS = "texts"


@dataclass(frozen=True, slots=True)
class Household:
    """Everybody a number leads to: patients and those who act for patients, with what was agreed to of each."""

    patients: tuple[Json, ...]
    carers: tuple[Json, ...]
    offices: tuple[Json, ...]
    consents: tuple[Json, ...]
    now: datetime  # where the pharmacy is

    def people(self) -> tuple[Person, ...]:
        """Return everybody filed under the number."""
        patients = [_person(one, "patient", (), self.texts(own_reference(one))) for one in self.patients]
        carers = [_person(one, "caregiver", self._acts_for(one), None) for one in self.carers]
        offices = [_person(one, "prescriber", (), None) for one in self.offices]
        return (*patients, *carers, *offices)

    def led_to(self) -> list[str]:
        """Return the patients a number leads to by itself: its own, and those somebody filed under it acts for."""
        own = [own_reference(one) for one in self.patients]
        return list(dict.fromkeys([*own, *(each for one in self.carers for each in self._acts_for(one))]))

    def on_file(self, patient: str) -> bool:
        """Return whether the number is theirs, or of somebody who acts for them."""
        return patient in self.led_to()

    def permission(self, patient: str) -> Permission:
        """Return what the one who rings may hear of a patient: on their own number, everything.

        On a number of those who act for them, the least that any of these may. A number filed under somebody who is no
        patient and does not act for them says who rings, and that they may hear nothing. Any other may be borrowed.
        """
        if patient in (own_reference(one) for one in self.patients):
            return "everything"
        given = [self._granted(one, patient) for one in self.carers if patient in self._acts_for(one)]
        if given:
            return min(given, key=PERMISSIONS.index)
        return "nothing" if not self.patients and (self.carers or self.offices) else "everything"

    def texts(self, patient: str) -> bool | None:
        """Return whether a patient agreed to text messages; None where nobody asked, or they said both."""
        about = [one for one in self.consents if reference(one, "patient") == patient and TEXTS in _categories(one)]
        said = {str(_said(one)) for one in about if _in_force(one, self.now)}
        return {frozenset({"permit"}): True, frozenset({"deny"}): False}.get(frozenset(said))

    def _acts_for(self, carer: Json) -> tuple[str, ...]:
        patient = reference(carer, "patient")
        return (patient,) if patient and self._granted(carer, patient) != "nothing" else ()

    def _granted(self, carer: Json, patient: str) -> Permission:
        """Return the least their consents allow; where there is none, and where one is odd, nothing."""
        if not _is_now(carer, self.now):
            return "nothing"
        who = own_reference(carer)
        given = [
            _allowed(one)
            for one in self.consents
            if reference(one, "patient") == patient and who in _actors(one) and _in_force(one, self.now)
        ]
        return min(given, key=PERMISSIONS.index, default="nothing")


def _person(resource: Json, kind: str, acts_for: tuple[str, ...], texts: bool | None) -> Person:
    return Person(own_reference(resource), kind, language(resource), access(resource), acts_for, texts)  # type: ignore[arg-type]


def is_filed_under(resource: Json, phone: str) -> bool:
    """Return whether one of their numbers is this E.164 number: servers search in their own ways, or not at all."""
    return bool(fact("telecom", lambda: any(_same(one, phone) for one in each(resource, "telecom"))))


def _same(telecom: Json, phone: str) -> bool:
    if telecom.get("system") not in ("phone", "sms") or telecom.get("use") == "old":
        return False
    digits = "".join(filter(str.isdigit, text_at(telecom, "value") or ""))
    return digits == phone[1:] or (phone.startswith("+1") and digits == phone[2:])


def is_phone(given: str | None) -> bool:
    """Return whether this is an E.164 number; a search for nothing finds everybody."""
    return given is not None and re.fullmatch(r"\+[1-9][0-9]{6,14}", given) is not None


def spellings(phone: str) -> str:
    """Return the ways a number is commonly filed, as alternatives of a search."""
    if not (phone.startswith("+1") and len(phone) == 12):
        return phone
    area, office, line = phone[2:5], phone[5:8], phone[8:]
    return f"{phone},{phone[1:]},{phone[2:]},{area}-{office}-{line},({area}) {office}-{line}"


def language(resource: Json) -> str | None:
    """Return the language they would be spoken to in: the preferred, or the only one."""
    return fact("language", lambda: _language(resource))


def _language(resource: Json) -> str | None:
    spoken = each(resource, "communication")
    one = next((each for each in spoken if each.get("preferred") is True), spoken[0] if len(spoken) == 1 else None)
    if one is None:
        return None
    found = codes(one, "language") or codes({"language": one}, "language")  # a practitioner's is a concept itself
    if not found:
        raise ValueError
    return found[0].partition("-")[0].lower()


def access(resource: Json) -> Access | None:
    """Return how they are spoken to."""
    return fact("access", lambda: _known_access(extended(resource, ACCESS).get("valueCode")))


def _known_access(given: object) -> Access | None:
    known: tuple[Access, ...] = get_args(Access)
    return None if given is None else known[known.index(given)]


def _is_now(resource: Json, now: datetime) -> bool:
    return bool(fact("period", lambda: _covers(resource, now)))


def _covers(period_of: Json, now: datetime) -> bool:
    first, last = (day(text_at(period_of, "period", end), now.tzinfo) for end in ("start", "end"))
    return (first or date.min) <= now.date() <= (last or date.max)


def _in_force(consent: Json, now: datetime) -> bool:
    if consent.get("status") != "active":
        return False
    covers = fact("period", lambda: _covers(at(consent, "provision") or {}, now))
    # One that cannot be read allows nothing, and still forbids.
    return covers if covers is not None else _said(consent) != "permit"


def _said(consent: Json) -> object:
    return fact("provision", lambda: at(consent, "provision", "type"))


def _categories(consent: Json) -> list[str]:
    return fact("category", lambda: codes(consent, "category", system=CONSENT)) or []


def _actors(consent: Json) -> list[str | None]:
    return fact("actor", lambda: [reference(one, "reference") for one in each(consent, "provision", "actor")]) or []


def _allowed(consent: Json) -> Permission:
    return fact("permission", lambda: _read_permission(consent)) or "nothing"


def _read_permission(consent: Json) -> Permission:
    if at(consent, "provision", "type") != "permit":
        return "nothing"
    ours = codes(consent, "provision", "action", system=PERMISSION)
    if ours:
        return max((PERMISSIONS[PERMISSIONS.index(code)] for code in ours), key=PERMISSIONS.index)
    if _DISCLOSED & set(codes(consent, "provision", "action", system=CONSENT_ACTION)):
        return "status"
    return "nothing" if at(consent, "provision", "action") else "everything"  # all actions where none is named


def is_theirs(patient: Json, proof: Proof) -> bool:
    """Return whether all that was told besides the phone is this patient's; what is not filed is nobody's."""
    if patient.get("active") is False:
        return False
    born = proof.date_of_birth in (None, patient.get("birthDate"))
    return born and (proof.zip is None or proof.zip in _zips(patient))


def _zips(patient: Json) -> list[str]:
    found = fact("zip", lambda: [text_at(one, "postalCode") or "" for one in each(patient, "address")]) or []
    return [one[:5] for one in found]


def is_office_number(resources: Iterable[Json], phone: str | None) -> bool:
    """Return whether the E.164 phone is filed with one of these."""
    return phone is not None and any(is_filed_under(one, phone) for one in resources)
