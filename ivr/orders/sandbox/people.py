"""The cast: invented people with invented prescriptions, at least one in every state a caller can ask about.

Names, numbers and prescriptions belong to nobody; the phones are from the range kept for fiction, 555-01XX.
Dates are days from today, in UTC, so a state stays true whatever day it is.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any


@dataclass(frozen=True, slots=True)
class FiledPrescription:
    """A prescription of the cast; `state` is the word a person would use: a refill code or an order state."""

    number: str
    state: str
    refill: str
    order_state: str | None = None
    payment: str = "none_due"
    medication_class: str = "maintenance"
    time_sensitive: bool = False
    days_left: int = 5
    refillable_in_days: int | None = None
    expected_in_days: int | None = None

    @property
    def id(self) -> str:
        """The token that stands for the prescription in requests and journals, never its number."""
        return "rx_" + hashlib.sha256(f"cast {self.number}".encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class FiledPerson:
    """A person of the cast; `phone` is E.164, None stands for what nobody has filed."""

    id: str
    name: str
    kind: str
    phone: str
    date_of_birth: str | None = None
    zip: str | None = None
    npi: str | None = None
    language: str | None = "en"
    access: str = "standard"
    acts_for: tuple[str, ...] = ()
    prescriptions: tuple[FiledPrescription, ...] = ()


def _refill(number: str, state: str, **facts: Any) -> FiledPrescription:
    return FiledPrescription(number, state, refill=state, **facts)


def _order(number: str, state: str, refill: str = "already_in_process", **facts: Any) -> FiledPrescription:
    return FiledPrescription(number, state, refill, order_state=state, **{"payment": "succeeded"} | facts)


def _patient(
    number: int, name: str, phone: str, born: str, zip: str, *filed: FiledPrescription, **more: Any
) -> FiledPerson:
    return FiledPerson(f"patient-{number:02}", name, "patient", phone, born, zip, prescriptions=filed, **more)


PEOPLE: tuple[FiledPerson, ...] = (
    _patient(1, "Ada Marsh", "+16145550101", "1950-01-05", "43004", _refill("7001001", "eligible")),
    _patient(
        2,
        "Boris Quill",
        "+16145550102",
        "1967-08-19",
        "43016",
        _refill("7002001", "too_soon", days_left=16, refillable_in_days=9),
    ),
    _patient(
        3,
        "Clara Finch",
        "+16145550103",
        "1958-11-30",
        "43017",
        _refill("7003001", "no_refills", days_left=4),
        _refill("7003002", "expired", days_left=-12),
    ),
    _patient(
        4,
        "Dmitri Vale",
        "+16145550104",
        "1981-03-14",
        "43026",
        _refill("7004001", "pa_pending", medication_class="glp1"),
        _refill("7004002", "pa_required", medication_class="biologic"),
        _refill("7004003", "pa_denied"),
    ),
    _patient(
        5,
        "Elsie Thorn",
        "+16145550105",
        "1944-06-02",
        "43035",
        _refill("7005001", "out_of_stock", days_left=3, expected_in_days=4),
        _refill("7005002", "quantity_limited"),
    ),
    _patient(
        6,
        "Farid Noor",
        "+16145550106",
        "1990-12-09",
        "43054",
        _refill("7006001", "schedule_ii", medication_class="controlled"),
        _refill("7006002", "clinical_hold"),
    ),
    _patient(
        7,
        "Greta Lindqvist",
        "+16145550107",
        "1975-02-27",
        "43065",
        _refill("7007001", "payment_blocked", payment="failed"),
    ),
    _patient(
        8,
        "Hugo Barlow",
        "+16145550108",
        "1962-09-21",
        "43081",
        _refill("7008001", "already_in_process", order_state="received", payment="retrying"),
        _refill("7008002", "rx_cancelled"),
        _refill("7008003", "transferred_out"),
    ),
    _patient(
        9,
        "Inés Romero",
        "+16145550109",
        "1986-04-11",
        "43085",
        _refill("7009001", "eligible"),
        _order("7009002", "shipped", expected_in_days=2),
        language="es",
    ),
    _patient(
        10,
        "Josef Adler",
        "+16145550110",
        "1938-10-17",
        "43201",
        _order("7010001", "ready"),
        _order("7010002", "delivered", refill="too_soon", days_left=28, refillable_in_days=21),
        access="slow",
    ),
    _patient(
        11,
        "Kaya Winter",
        "+16145550111",
        "1979-05-25",
        "43202",
        _order(
            "7011001",
            "delayed",
            medication_class="insulin",
            time_sensitive=True,
            days_left=1,
            expected_in_days=2,
        ),
    ),
    _patient(
        12,
        "Leo Winter",
        "+16145550111",
        "2012-07-08",
        "43202",
        _refill("7012001", "eligible"),
        _order(
            "7012002",
            "delayed",
            medication_class="biologic",
            time_sensitive=True,
            days_left=2,
            expected_in_days=3,
        ),
    ),
    _patient(
        13,
        "Mina Osei",
        "+16145550112",
        "1995-01-23",
        "43205",
        _order("7013001", "blocked_on_patient", payment="none_due"),
        _refill("7013002", "address_check"),
    ),
    _patient(
        14,
        "Nils Eriksen",
        "+16145550113",
        "1971-12-31",
        "43206",
        _order("7014001", "awaiting_provider", payment="none_due"),
        _order("7014002", "sent", payment="none_due"),
        access="relay",
    ),
    _patient(
        15,
        "Olive Petrov",
        "+16145550114",
        "1953-03-03",
        "43209",
        _refill("7015001", "coverage_problem", payment="renewal_due"),
        _order("7015002", "received", payment="retrying"),
        _order("7015003", "processing", expected_in_days=5),
        _order("7015004", "cancelled", refill="eligible", payment="none_due"),
    ),
    FiledPerson(
        "caregiver-01",
        "Beth Marsh",
        "caregiver",
        "+16145550115",
        zip="43210",
        acts_for=("patient-01", "patient-10"),
    ),
    FiledPerson("caregiver-02", "Pilar Romero", "caregiver", "+16145550116", language="es", acts_for=("patient-09",)),
    FiledPerson("caregiver-03", "Rolf Vale", "caregiver", "+16145550117", zip="43026"),
    FiledPerson("prescriber-01", "Birch Lane Family Practice", "prescriber", "+16145550120", npi="1234567893"),
    FiledPerson("prescriber-02", "Dr. Suri Anand", "prescriber", "+16145550121", npi="1993999998"),
    FiledPerson("pharmacy-01", "Corner Street Pharmacy", "pharmacy", "+16145550122", npi="1558598797"),
)

_BY_ID = {person.id: person for person in PEOPLE}
_BY_RX_NUMBER = {filed.number: (person, filed) for person in PEOPLE for filed in person.prescriptions}
_BY_TOKEN = {filed.id: filed for person in PEOPLE for filed in person.prescriptions}


def person(person_id: str) -> FiledPerson | None:
    """Return the person with this id."""
    return _BY_ID.get(person_id)


def prescription(token: str) -> FiledPrescription | None:
    """Return the prescription this token stands for."""
    return _BY_TOKEN.get(token)


def filed_under(phone: str) -> list[FiledPerson]:
    """Return everyone with this E.164 number, patients and offices alike."""
    return [person for person in PEOPLE if person.phone == phone]


def prescribers(npi: str | None, phone: str | None) -> list[FiledPerson]:
    """Return the prescribers' offices that fit what is given; None fits every office."""
    offices = (person for person in PEOPLE if person.kind == "prescriber")
    return [each for each in offices if npi in (None, each.npi) and phone in (None, each.phone)]


def acting_for(person_id: str) -> list[FiledPerson]:
    """Return those with permission to act for this person."""
    return [person for person in PEOPLE if person_id in person.acts_for]


def proved(
    rx_number: str, phone: str | None, date_of_birth: str | None
) -> tuple[FiledPerson, FiledPrescription] | None:
    """Return the prescription and whose it is, if the proof belongs to it; None does not say if it exists.

    A date of birth, when given, decides alone: from a borrowed phone it is the only proof there can be.
    """
    owner, filed = _BY_RX_NUMBER.get(rx_number, (None, None))
    if owner is None or filed is None:
        return None
    if date_of_birth is not None:
        fits = date_of_birth == owner.date_of_birth
    else:
        fits = phone in {each.phone for each in (owner, *acting_for(owner.id))}
    return (owner, filed) if fits else None


def person_answer(person: FiledPerson) -> dict[str, Any]:
    """Return what the line may know of a person: no name, no date of birth."""
    return {
        "id": person.id,
        "kind": person.kind,
        "language": person.language,
        "access": person.access,
        "acts_for": list(person.acts_for),
    }


def prescription_answer(owner: FiledPerson, filed: FiledPrescription, today: date, requested: bool) -> dict[str, Any]:
    """Return a prescription as facts; `requested` says that somebody has asked for its refill."""
    return {
        "id": filed.id,
        "person": owner.id,
        "refill": "already_in_process" if requested else filed.refill,
        "order_state": "received" if requested else filed.order_state,
        "payment": filed.payment,
        "medication_class": filed.medication_class,
        "time_sensitive": filed.time_sensitive,
        "days_left": filed.days_left,
        "earliest_refill_on": _day(today, filed.refillable_in_days),
        "expected_on": _day(today, filed.expected_in_days),
    }


def cast_answer(requested: set[str]) -> list[dict[str, Any]]:
    """Return the cast by name, for those who practise; `requested` holds tokens of refills under way."""
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
                {
                    "number": filed.number,
                    "state": "already_in_process" if filed.id in requested else filed.state,
                }
                for filed in person.prescriptions
            ],
        }
        for person in PEOPLE
    ]


def _day(today: date, in_days: int | None) -> str | None:
    return None if in_days is None else (today + timedelta(days=in_days)).isoformat()
