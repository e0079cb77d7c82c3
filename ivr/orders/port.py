"""What Rxline asks of an order system and tells it. Every adapter answers in these words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal, Protocol

Kind = Literal["patient", "caregiver", "prescriber", "pharmacy"]
Access = Literal["standard", "slow", "relay"]
Refill = Literal[
    "eligible",
    "not_found",
    "rx_cancelled",
    "transferred_out",
    "expired",
    "schedule_ii",
    "no_refills",
    "already_in_process",
    "too_soon",
    "pa_required",
    "pa_pending",
    "pa_denied",
    "coverage_problem",
    "quantity_limited",
    "out_of_stock",
    "clinical_hold",
    "payment_blocked",
    "address_check",
]
OrderState = Literal[
    "awaiting_provider",
    "sent",
    "received",
    "processing",
    "shipped",
    "ready",
    "delivered",
    "delayed",
    "blocked_on_patient",
    "cancelled",
]
Payment = Literal["none_due", "succeeded", "failed", "retrying", "renewal_due"]


KEY_REUSED = "idempotency_key_reused"
"""Refused because this key came before with another body: what was asked for then stands."""


class Unavailable(Exception):
    """The order system did not answer: nobody knows whether it acted. Ask again with the same key."""


class Refused(Exception):
    """The order system answered and said no; asking again changes nothing.

    `code` is its problem code (`too_soon`, `prescription_not_found` …) or `http_403` where it gave none.
    """

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody filed under a number. `id` is opaque; None anywhere means the order system did not say."""

    id: str
    kind: Kind | None
    language: str | None
    access: Access | None
    acts_for: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Prescription:
    """One prescription as facts. `id` is opaque and never the number on the label; None means unknown.

    `refill` is the first reason that blocks a refill, or `eligible`. `days_left` counts supply from today,
    below zero once it has run out. `expected_on` is when the parcel, or the stock it waits for, should come.
    """

    id: str
    person: str
    refill: Refill | None
    order_state: OrderState | None
    payment: Payment | None
    medication_class: str | None
    time_sensitive: bool | None
    days_left: int | None
    earliest_refill_on: date | None
    expected_on: date | None


class OrderSystem(Protocol):
    """The order system behind the line. Every method raises Unavailable or Refused; `ready` raises neither.

    Safe to use from several threads. `timeout_seconds` None means the adapter's own.
    """

    def identify(self, phone: str, *, timeout_seconds: float | None = None) -> tuple[Person, ...]:
        """Return everyone filed under an E.164 number; () is nobody."""
        ...

    def find_prescription(
        self,
        rx_number: str,
        *,
        phone: str | None,
        date_of_birth: str | None,
        timeout_seconds: float | None = None,
    ) -> Prescription | None:
        """Return the prescription with this number if the caller's proof belongs to it.

        A date of birth (YYYY-MM-DD), when given, must be the patient's; otherwise the E.164 phone must be
        filed under the patient or somebody who acts for them. None for "no such" and "not theirs" alike.
        """
        ...

    def record_call(self, call_id: str, body: Mapping[str, Any]) -> None:
        """Keep `body` as the whole record of this call, in place of what was there."""
        ...

    def write_disposition(self, call_id: str, body: Mapping[str, Any], key: str) -> None:
        """Write what came of a call; a revision no higher than the one kept is accepted and changes nothing.

        `body` needs `revision` (0 or more), `final` (a bool) and `outcome`; each revision has its own key.
        """
        ...

    def request_refill(self, prescription_id: str, call_id: str, key: str) -> str:
        """Place the refill once per `key` and return the request's id; Refused carries what blocks it."""
        ...

    def create_task(self, body: Mapping[str, Any], key: str) -> str:
        """Put work before the pharmacy's staff once per `key` and return its id; `body` needs `what`."""
        ...

    def ready(self) -> bool:
        """Return whether the order system answers and takes our token."""
        ...
