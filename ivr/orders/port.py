"""What Rxline asks of an order system and tells it. Every adapter answers in these words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal, Protocol, get_args

from ivr.core.refills import Block

Kind = Literal["patient", "caregiver", "prescriber", "pharmacy"]
Access = Literal["standard", "slow", "relay"]
Refill = Literal["eligible", "not_found", Block]
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
PriorAuth = Literal[
    "not_required",
    "required",
    "submitted",
    "pending_prescriber",
    "pending_payer",
    "approved",
    "denied",
    "appealed",
    "expired",
]
ActsNext = Literal["nobody", "patient", "pharmacy", "prescriber", "insurer", "carrier", "billing"]
Renewal = Literal["none", "requested", "denied"]
Permission = Literal["everything", "refills", "status", "nothing"]
Channel = Literal["phone", "sms", "secure_message", "email", "mail"]
Direction = Literal["to_patient", "from_patient"]
Capability = Literal[
    "identify",
    "proof",
    "patients",
    "caregivers",
    "contacts",
    "prescriptions",
    "eligibility",
    "refills",
    "renewals",
    "transfers",
    "prior_authorizations",
    "orders",
    "stock",
    "payments",
    "prescribers",
    "calls",
    "notes",
    "dispositions",
    "tasks",
    "consents",
    "outreach",
    "events",
]
CAPABILITIES: frozenset[str] = frozenset(get_args(Capability))


KEY_REUSED = "idempotency_key_reused"
"""Refused because this key came before with another body: what was asked for then stands."""
RENEWAL_OPEN = "renewal_requested"
"""Refused because the prescriber has been asked already and has not answered yet."""
NOT_SERVED = "not_served"
"""Refused without being asked: the order system says of itself that it does not serve this."""


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
    """Somebody filed under a number. `id` is opaque; None anywhere means the order system did not say.

    `texts` is whether they agreed to text messages.
    """

    id: str
    kind: Kind | None
    language: str | None
    access: Access | None
    acts_for: tuple[str, ...]
    texts: bool | None


@dataclass(frozen=True, slots=True)
class Prescription:
    """One prescription as facts. `id` is opaque and never the number on the label; None means unknown.

    `refill` is the first reason that blocks a refill, or `eligible`. `days_left` counts supply from today,
    below zero once it has run out. `expected_on` is when the parcel, or the stock it waits for, should come.
    `last4` are the last digits of the number on the label. It stands where it stands `since` a day, waiting for
    `acts_next`, who should have answered by `answer_by`. `balance` is the dollars owed for it. `substitution` is
    whether a generic or another strength could be given for it, `cold_chain` whether it has to be kept cold on its way.
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
    last4: str | None
    prior_auth: PriorAuth | None
    approved_until: date | None
    acts_next: ActsNext | None
    since: date | None
    answer_by: date | None
    balance: Decimal | None
    renewal: Renewal | None
    substitution: bool | None = None
    cold_chain: bool | None = None


@dataclass(frozen=True, slots=True)
class Proof:
    """What a caller offers to show who they are: E.164, digits of the label, YYYY-MM-DD, five digits; None: not given.

    The phone is the one that rings, and proves nothing by itself.
    """

    phone: str | None = None
    rx_number: str | None = None
    date_of_birth: str | None = None
    zip: str | None = None


@dataclass(frozen=True, slots=True)
class Proved:
    """What an offer of proof came to. None means the order system did not say, or that it does not fit.

    `about` is the opaque id of whom the offer was aimed at, whether it fits or not: for counting wrong offers, and
    never told to a caller. `fits` is whether all that was given besides the phone belongs to that one person;
    `number_on_file` whether the phone is theirs or of somebody who acts for them.
    """

    about: str | None
    fits: bool
    number_on_file: bool
    permission: Permission | None  # what the one who rings may hear of them
    access: Access | None
    texts: bool | None
    language: str | None
    prescription: Prescription | None  # the one whose number was given


@dataclass(frozen=True, slots=True)
class Prescriber:
    """A prescriber's office. `id` is opaque."""

    id: str
    number_on_file: bool  # the phone that rings is theirs


@dataclass(frozen=True, slots=True)
class Contact:
    """Something said to a patient, or by them, over any channel but this line; None means unknown.

    `about` is the opaque id of the prescription it was about, None for all or none of them. `said` is for staff.
    """

    at: datetime
    channel: Channel | None
    direction: Direction | None
    about: str | None
    said: str | None


@dataclass(frozen=True, slots=True)
class News:
    """Something that happened at the order system. `id` is the event's own, the same however often it comes.

    `type` is a dotted word (`order.shipped`), perhaps one nobody here knows. `person` and `prescription` are opaque
    ids, None where it is about nobody or nothing of ours. `data` is the rest as it came, under a Prescription's names.
    """

    id: str
    type: str
    at: datetime
    person: str | None
    prescription: str | None
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Events:
    """What happened after some place in the order system's own order, oldest first, and the place to go on from."""

    items: tuple[News, ...]
    after: str


class OrderSystem(Protocol):
    """The order system behind the line. Every method raises Unavailable or Refused; `ready` raises neither.

    Safe to use from several threads. `timeout_seconds` None means the adapter's own.
    """

    def identify(self, phone: str, *, timeout_seconds: float | None = None) -> tuple[Person, ...]:
        """Return everyone filed under an E.164 number; () is nobody."""
        ...

    def prove(self, proof: Proof, *, timeout_seconds: float | None = None) -> Proved:
        """Return whom the offer is about and whether it fits; a miss says nothing else but whether the phone is theirs.

        Without an rx_number the person is looked for among those filed under the phone and those they act for;
        where none or several fit, it does not fit. A phone alone is Refused: it proves nothing.
        """
        ...

    def prescriptions(self, person_id: str, *, timeout_seconds: float | None = None) -> tuple[Prescription, ...]:
        """Return all prescriptions of a patient in the order they should be read out; Refused for who is none.

        Whether the caller may hear of them is for the one who asks to know.
        """
        ...

    def prescriber(self, npi: str, phone: str | None, *, timeout_seconds: float | None = None) -> Prescriber | None:
        """Return the office with this NPI, and whether the E.164 phone is theirs; None where nobody has it."""
        ...

    def contacts(self, person_id: str, *, timeout_seconds: float | None = None) -> tuple[Contact, ...]:
        """Return what was lately said to a patient and by them, newest first, at most a hundred."""
        ...

    def events(self, after: str, limit: int = 100, *, timeout_seconds: float | None = None) -> Events:
        """Return up to `limit` (1 to 500) events after a place, "" for the first that is kept; no items: all seen.

        What is no event at all is passed over. Refused `cursor_expired` where that place is kept no longer.
        """
        ...

    def capabilities(self, *, timeout_seconds: float | None = None) -> frozenset[str]:
        """Return which of CAPABILITIES the order system serves; asked at most once in some minutes.

        What it does not serve is Refused as NOT_SERVED without being asked, as long as the answer is fresh.
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

    def add_note(self, call_id: str, body: Mapping[str, Any], key: str) -> None:
        """Put a note to a call once per `key`; `body` needs `text`. What is written stays: a second note corrects."""
        ...

    def request_refill(self, prescription_id: str, call_id: str, key: str) -> str:
        """Place the refill once per `key` and return the request's id; Refused carries what blocks it."""
        ...

    def request_renewal(self, prescription_id: str, call_id: str, key: str) -> str:
        """Ask the prescriber for a new prescription once per `key` and return the request's id.

        Refused: RENEWAL_OPEN while they have not answered, `renewal_denied`, or `not_renewable` for what has refills
        left or is no longer ours.
        """
        ...

    def create_task(self, body: Mapping[str, Any], key: str) -> str:
        """Put work before the pharmacy's staff once per `key` and return its id; `body` needs `what`."""
        ...

    def ready(self) -> bool:
        """Return whether the order system answers and takes our token."""
        ...
