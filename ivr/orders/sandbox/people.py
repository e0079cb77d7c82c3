"""Who the caller is and what is theirs: the cast as an order system answers for it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

from ivr.orders.sandbox.bodies import Proof
from ivr.orders.sandbox.cast import PEOPLE
from ivr.orders.sandbox.filed import FiledPerson, FiledPrescription

_BY_ID = {person.id: person for person in PEOPLE}
_BY_RX_NUMBER = {filed.number: (person, filed) for person in PEOPLE for filed in person.prescriptions}
_BY_TOKEN = {filed.id: (person, filed) for person in PEOPLE for filed in person.prescriptions}

Owned = tuple[FiledPerson, FiledPrescription]
Changes = Mapping[str, Mapping[str, Any]]
PERMISSIONS = ("nothing", "status", "refills", "everything")  # from the least


class Proven(NamedTuple):
    """Whom an offer of proof is aimed at (None: nobody), the prescription it names, and whether all of it is theirs."""

    about: FiledPerson | None
    filed: FiledPrescription | None
    fits: bool


def person(person_id: str) -> FiledPerson | None:
    """Return the person with this id."""
    return _BY_ID.get(person_id)


def prescription(token: str) -> Owned | None:
    """Return the prescription this token stands for, and whose it is."""
    return _BY_TOKEN.get(token)


def numbered(number: str) -> Owned | None:
    """Return the prescription with this number on its label, and whose it is."""
    return _BY_RX_NUMBER.get(number)


def every_prescription() -> Iterable[Owned]:
    """Return all prescriptions of the cast, each with whose it is."""
    return _BY_TOKEN.values()


def filed_under(phone: str | None) -> list[FiledPerson]:
    """Return everyone with this E.164 number, patients and offices alike."""
    return [person for person in PEOPLE if person.phone == phone]


def prescribers(npi: str | None, phone: str | None) -> list[FiledPerson]:
    """Return the prescribers' offices that fit what is given; None fits every office."""
    offices = (person for person in PEOPLE if person.kind == "prescriber")
    return [each for each in offices if npi in (None, each.npi) and phone in (None, each.phone)]


def acting_for(person_id: str) -> list[FiledPerson]:
    """Return those with permission to act for this person."""
    return [person for person in PEOPLE if person_id in person.acts_for]


# ---------------------------------------------------------------- proof


def proven(proof: Proof) -> Proven:
    """Return what an offer of proof comes to; what does not exist and what is not theirs take the same way."""
    if proof.rx_number is None:
        about = _meant(proof)
        return Proven(about, None, about is not None and _theirs(about, proof))
    about, filed = _BY_RX_NUMBER.get(proof.rx_number, (None, None))
    return Proven(about, filed, about is not None and _theirs(about, proof))


def _meant(proof: Proof) -> FiledPerson | None:
    """Without a prescription it is one of those the phone leads to: the one who fits, or the only one there is."""
    candidates = _led_to(proof.phone)
    fitting = [each for each in candidates if _theirs(each, proof)]
    if len(fitting) == 1:
        return fitting[0]
    return candidates[0] if len(candidates) == 1 else None


def _led_to(phone: str | None) -> list[FiledPerson]:
    """Return the patients filed under a number, and those somebody filed under it acts for."""
    callers = filed_under(phone)
    ids = {each for caller in callers for each in (caller.id, *caller.acts_for)}
    return [person for person in PEOPLE if person.id in ids and person.kind == "patient"]


def _theirs(about: FiledPerson, proof: Proof) -> bool:
    return proof.date_of_birth in (None, about.date_of_birth) and proof.zip in (None, about.zip)


def number_on_file(phone: str | None, about: FiledPerson) -> bool:
    """Return whether the phone is theirs, or of somebody who acts for them."""
    return any(caller is about or about.id in caller.acts_for for caller in filed_under(phone))


def permission(phone: str | None, about: FiledPerson) -> str:
    """Return what the one who rings may hear of a patient: on their own number, everything.

    On a number of those who act for them, the least that any of these may. A number filed under somebody who is no
    patient and does not act for them says who rings, and that they may hear nothing. Any other may be borrowed.
    """
    callers = filed_under(phone)
    given = [caller.permissions[about.id] for caller in callers if about.id in caller.acts_for]
    if about in callers:
        return "everything"
    if given:
        return min(given, key=PERMISSIONS.index)
    return "nothing" if callers and all(caller.kind != "patient" for caller in callers) else "everything"


# ---------------------------------------------------------------- answers


def proof_answer(proof: Proof, come: Proven, today: date, changes: Changes) -> dict[str, Any]:
    """Return what the line may know of an offer of proof: the same keys, whether it fits or not."""
    about, filed = come.about, come.filed
    known = about if come.fits else None
    named = known and filed and prescription_answer(known, filed, today, changes.get(filed.id))
    return {
        "about": about and about.id,
        "fits": come.fits,
        "number_on_file": about is not None and number_on_file(proof.phone, about),
        "permission": known and permission(proof.phone, known),
        "access": known and known.access,
        "texts": known and known.texts,
        "language": known and known.language,
        "prescription": named,
    }


def person_answer(person: FiledPerson, texts: bool | None) -> dict[str, Any]:
    """Return what the line may know of a person: no name, no date of birth."""
    return {
        "id": person.id,
        "kind": person.kind,
        "language": person.language,
        "access": person.access,
        "texts": texts,
        "acts_for": list(person.acts_for),
    }


def contact_answer(contact: FiledPerson, patient_id: str) -> dict[str, Any]:
    """Return somebody who acts for a patient, and what they may do and hear."""
    return {
        "id": contact.id,
        "kind": contact.kind,
        "language": contact.language,
        "permission": contact.permissions[patient_id],
    }


def said_answer(patient: FiledPerson, now: datetime) -> list[dict[str, Any]]:
    """Return what was said to a patient and by them, newest first."""
    tokens = {filed.number: filed.id for filed in patient.prescriptions}
    return [
        {
            "at": (now - timedelta(days=each.days_ago)).isoformat(),
            "channel": each.channel,
            "direction": each.direction,
            "about": each.number and tokens[each.number],
            "said": each.said,
        }
        for each in patient.contacts
    ]


def prescription_answer(
    owner: FiledPerson, filed: FiledPrescription, today: date, change: Mapping[str, Any] | None
) -> dict[str, Any]:
    """Return a prescription as facts, with what has become of it since it was filed."""
    facts = {
        "id": filed.id,
        "person": owner.id,
        "last4": filed.number[-4:],
        "refill": filed.refill,
        "order_state": filed.order_state,
        "payment": filed.payment,
        "balance": filed.balance,
        "medication_class": filed.medication_class,
        "time_sensitive": filed.time_sensitive,
        "days_left": filed.days_left,
        "earliest_refill_on": _day(today, filed.refillable_in_days),
        "expected_on": _day(today, filed.expected_in_days),
        "prior_auth": filed.prior_auth,
        "approved_until": _day(today, filed.approved_for_days),
        "acts_next": filed.acts_next,
        "since": _day(today, -filed.stood_days),
        "answer_by": _day(today, filed.answer_in_days),
        "renewal": filed.renewal,
        "substitution": filed.substitution,
        "cold_chain": filed.cold_chain,
    } | dict(change or {})
    return facts | {"order_id": filed.order_id if facts["order_state"] else None}


def cast_answer(changes: Changes) -> list[dict[str, Any]]:
    """Return the cast by name, for those who practise; `changes` has what has become of prescriptions, by token."""
    return [
        {
            "id": person.id,
            "name": person.name,
            "kind": person.kind,
            "phone": person.phone,
            "date_of_birth": person.date_of_birth,
            "zip": person.zip,
            "npi": person.npi,
            "language": person.language,
            "acts_for": list(person.acts_for),
            "prescriptions": [
                {"number": filed.number, "state": _state(filed, changes.get(filed.id))}
                for filed in person.prescriptions
            ],
        }
        for person in PEOPLE
    ]


def _state(filed: FiledPrescription, change: Mapping[str, Any] | None) -> str:
    """A refill that is under way is called that; else the order's state, or what blocks the refill."""
    if change is None:
        return filed.state
    if change.get("order_state") == "received":
        return "already_in_process"
    return str(change.get("order_state") or change.get("refill") or filed.state)


def _day(today: date, in_days: int | None) -> str | None:
    return None if in_days is None else (today + timedelta(days=in_days)).isoformat()
