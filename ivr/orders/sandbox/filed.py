"""What is filed about a person and a prescription; the order system answers for it in its own words."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

_KEPT_COLD = ("biologic", "cold_chain", "glp1", "insulin")


@dataclass(frozen=True, slots=True)
class FiledContact:
    """Something said to a patient so many days ago, or by them; `number` is the prescription's it was about."""

    days_ago: int
    channel: str
    direction: str
    said: str
    number: str | None = None


@dataclass(frozen=True, slots=True)
class FiledPrescription:
    """A prescription of the cast; `state` is the word a person would use: a refill code or an order state."""

    number: str
    state: str
    refill: str
    acts_next: str
    stood_days: int  # since when it stands where it stands
    order_state: str | None = None
    payment: str = "none_due"
    medication_class: str = "maintenance"
    time_sensitive: bool = False
    days_left: int = 5
    refillable_in_days: int | None = None
    expected_in_days: int | None = None
    prior_auth: str = "not_required"
    approved_for_days: int | None = None
    answer_in_days: int | None = None
    balance: str | None = None  # dollars that are owed
    renewal: str = "none"
    substitution: bool = False

    @property
    def cold_chain(self) -> bool:
        """Whether it has to be kept cold on its way."""
        return self.medication_class in _KEPT_COLD

    @property
    def id(self) -> str:
        """The token that stands for the prescription in requests and journals, never its number."""
        return self._token("rx")

    @property
    def order_id(self) -> str:
        """What stands for its order, once there is one."""
        return self._token("order")

    @property
    def payment_id(self) -> str:
        """What stands for what is paid for it."""
        return self._token("pay")

    def _token(self, kind: str) -> str:
        return f"{kind}_" + hashlib.sha256(f"cast {self.number}".encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class FiledPerson:
    """A person of the cast; `phone` is E.164, None stands for what nobody has filed.

    `permissions` has whom they act for, and what they may do and hear: everything, refills (and status), status.
    """

    id: str
    name: str
    kind: str
    phone: str
    date_of_birth: str | None = None
    zip: str | None = None
    npi: str | None = None
    language: str | None = "en"
    access: str = "standard"
    texts: bool | None = None
    permissions: Mapping[str, str] = field(default_factory=dict)
    prescriptions: tuple[FiledPrescription, ...] = ()
    contacts: tuple[FiledContact, ...] = ()

    @property
    def acts_for(self) -> tuple[str, ...]:
        return tuple(self.permissions)
