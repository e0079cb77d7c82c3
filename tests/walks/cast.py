"""Who rings: the sandbox's cast, what each of them could key, and what nobody else may hear of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from typing import Any

from ivr.orders.sandbox import people
from ivr.orders.sandbox.cast import PEOPLE
from ivr.orders.sandbox.filed import FiledPerson, FiledPrescription

PATIENTS = tuple(person for person in PEOPLE if person.kind == "patient")
STRANGER = "+13035550190"
NUMBERS = (*dict.fromkeys(person.phone for person in PEOPLE), STRANGER)
NAMES = tuple(
    sorted({
        part
        for person in PEOPLE
        if person.kind in ("patient", "caregiver")
        for part in re.findall(r"\w{3,}", person.name)
    })
)  # fmt: skip
KNOWN = ("prescription", "verified")  # the tiers at which a prescription may be spoken of
_OWNERS = {filed.id: (person, filed) for person in PEOPLE for filed in person.prescriptions}


def owner(token: str | None) -> tuple[FiledPerson, FiledPrescription] | None:
    """Whose prescription this is."""
    return _OWNERS.get(token or "")


def born(person: FiledPerson) -> str:
    """Their birth date as it is keyed: MMDDYYYY."""
    year, month, day = (person.date_of_birth or "--").split("-")
    return month + day + year


@cache
def facts(token: str, today: date) -> Mapping[str, Any]:
    """What the order system says of a prescription on a day."""
    return people.prescription_answer(*_OWNERS[token], today, None)


def values(token: str, today: date) -> dict[str, str]:
    """The same, as it could be spoken."""
    return {name: str(value) for name, value in facts(token, today).items() if value is not None}


@dataclass
class Given:
    """What a caller has shown of who they are: the number that rings, and all they keyed or said so far."""

    number: str | None
    attestation: str
    digits: set[str] = field(default_factory=set)
    code: bool = False  # the one-time code that was texted to them

    def tier(self, about: FiledPerson) -> str:
        """What a caller who has shown this much may be told of a person: nothing, or at the tier of that name."""
        rx = any(filed.number in self.digits for filed in about.prescriptions)
        birth, zip_ = born(about) in self.digits, (about.zip or "-") in self.digits
        known = self.number_on_file(about)
        proofs = (rx and birth, birth and zip_, birth and self.attestation == "A", birth and self.code)
        if (known and any(proofs)) or (birth and rx and zip_):
            return "verified"
        return "prescription" if rx and (known or birth or zip_) else "nothing"

    def number_on_file(self, about: FiledPerson) -> bool:
        """A number the carrier could not vouch for shows nothing."""
        theirs = {person.phone for person in (about, *people.acting_for(about.id))}
        return self.attestation != "failed" and self.number in theirs

    def best(self) -> set[str]:
        """Every tier this caller has earned with anybody."""
        return {self.tier(person) for person in PATIENTS}


def permission(number: str | None, about: FiledPerson) -> str:
    """What somebody on this number may hear of a person."""
    return people.permission(number, about)


def digits_heard(text: str) -> list[str]:
    """The runs of digits in a text, however they are grouped: `6 1 4, 5 5 5` is one run."""
    return [re.sub(r"\D", "", run) for run in re.findall(r"\d(?:[\s,.\-]*\d)*", text)]


def named_in(text: str, names: Iterable[str] = NAMES) -> list[str]:
    """Whose names a text speaks."""
    return [name for name in names if re.search(rf"\b{name}\b", text)]
