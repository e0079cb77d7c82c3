"""What a request may say: every body is checked here, so no handler meets a bad one."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)
from pydantic_core import from_json

from ivr.orders.sandbox.problems import Problem

_LARGEST_WHOLE_NUMBER = 2**53 - 1  # beyond it, JSON readers disagree about the digits

Phone = Annotated[str, StringConstraints(pattern=r"^\+[1-9][0-9]{6,14}$")]
RxNumber = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,32}$")]
Day = Annotated[str, StringConstraints(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$")]
Zip = Annotated[str, StringConstraints(pattern=r"^[0-9]{5}$")]
Token = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")]


def npi_is_valid(npi: str) -> bool:
    """Return whether ten digits are an NPI: the last is the Luhn digit over 80840 and the other nine."""
    if len(npi) != 10 or not (npi.isascii() and npi.isdigit()) or npi[0] not in "12":
        return False
    digits = [int(each) for each in reversed("80840" + npi)]
    return sum(digits[0::2] + [sum(divmod(2 * each, 10)) for each in digits[1::2]]) % 10 == 0


def _npi(given: str) -> str:
    if not npi_is_valid(given):
        raise ValueError("not an NPI")
    return given


Npi = Annotated[str, AfterValidator(_npi)]


def _instant(given: str) -> str:
    if datetime.fromisoformat(given).tzinfo is None:
        raise ValueError("needs its offset, as Z")
    return given


Instant = Annotated[str, AfterValidator(_instant)]
Consent = Literal["granted", "refused"] | None


class Body(BaseModel):
    """A request body whose every field we know."""

    model_config = ConfigDict(strict=True, extra="forbid")


class OpenBody(BaseModel):
    """A record somebody else owns: we check the fields we read and keep the others as they came."""

    model_config = ConfigDict(strict=True, extra="allow")


class PersonSearch(Body):
    phone: Phone


class Proof(Body):
    """What a caller offers to show who they are; the phone is the one that rings."""

    phone: Phone | None = None
    rx_number: RxNumber | None = None
    date_of_birth: Day | None = None
    zip: Zip | None = None

    @model_validator(mode="after")
    def _points_at_somebody(self) -> Self:
        if self.rx_number is None and self.date_of_birth is None:
            raise ValueError("needs a prescription number or a date of birth")
        return self


class PrescriberLookup(Body):
    npi: Npi | None = None
    phone: Phone | None = None

    @model_validator(mode="after")
    def _names_somebody(self) -> Self:
        if self.npi is None and self.phone is None:
            raise ValueError("needs an NPI or a phone")
        return self


class PrescriptionRequest(Body):
    """A wish for a refill, or for a renewal."""

    prescription_id: Token
    call_id: Token


class TransferRequest(PrescriptionRequest):
    """A wish to have a prescription filled by another pharmacy (`out`) or by us (`in`)."""

    direction: Literal["in", "out"]
    pharmacy_npi: Npi | None = None
    pharmacy_phone: Phone | None = None


class CallRecord(OpenBody):
    revision: int | None = Field(default=None, ge=0, le=_LARGEST_WHOLE_NUMBER)


class Disposition(OpenBody):
    call_id: Token
    revision: int = Field(ge=0, le=_LARGEST_WHOLE_NUMBER)
    final: bool
    outcome: Literal[
        "answered",
        "self_served",
        "abandoned",
        "short_abandon",
        "voicemail",
        "callback",
        "transferred",
        "failed",
    ]
    reached: Literal["menu", "hold", "offer", "talk"] | None = None
    code: Token | None = None
    resolution: Token | None = None
    next_step: Token | None = None
    verification: Token | None = None


class Task(OpenBody):
    what: str = Field(min_length=1, max_length=200)
    call_id: Token | None = None
    urgent: bool = False


class TaskChange(Body):
    status: Literal["open", "done", "cancelled"] | None = None
    owner: Annotated[str, StringConstraints(max_length=64)] | None = None
    due_at: Instant | None = None

    @model_validator(mode="after")
    def _changes_something(self) -> Self:
        if not self.model_fields_set or ("status" in self.model_fields_set and self.status is None):
            raise ValueError("changes nothing, or takes the status away")
        return self


class Note(OpenBody):
    text: str = Field(min_length=1, max_length=4000)
    author: Annotated[str, StringConstraints(max_length=64)] | None = None
    about: Token | None = None


class ConsentsChange(Body):
    texts: Consent = None
    calls: Consent = None
    recording: Consent = None
    outreach: Consent = None
    call_id: Token = ""

    @model_validator(mode="after")
    def _changes_something(self) -> Self:
        if None in (getattr(self, name) for name in self.model_fields_set) or not self.model_fields_set:
            raise ValueError("changes nothing, or takes a consent away that was said")
        return self


class Happening(Body):
    """What is to happen to a prescription, named by its token or the number on its label.

    `id` and `time` are the event's own, for who practises with late and doubled ones; the rest is what becomes so.
    """

    type: Literal[
        "rx.state_changed",
        "order.shipped",
        "order.delayed",
        "pa.stalled",
        "payment.failed",
        "stock.out",
        "patient.action_required",
    ]
    prescription: Token
    id: Token | None = None
    time: Instant | None = None
    refill: Token | None = None
    order_state: Token | None = None
    payment: Token | None = None
    prior_auth: Token | None = None
    renewal: Token | None = None
    acts_next: Token | None = None
    medication_class: Token | None = None
    time_sensitive: bool | None = None
    cold_chain: bool | None = None
    substitution: bool | None = None
    days_left: int | None = None
    earliest_refill_on: Day | None = None
    expected_on: Day | None = None
    approved_until: Day | None = None
    since: Day | None = None
    answer_by: Day | None = None
    balance: Annotated[str, StringConstraints(pattern=r"^[0-9]{1,6}\.[0-9]{2}$")] | None = None


class Failure(Body):
    mode: Literal["down", "slow", "error"]
    seconds: float = Field(ge=0, le=86_400)


_B = TypeVar("_B", bound=BaseModel)


def read(shape: type[_B], raw: bytes) -> tuple[_B, dict[str, Any]]:
    """Return a body as its shape and as plain JSON; raises Problem 400 for no JSON, 422 for another shape."""
    try:
        plain = from_json(raw, allow_inf_nan=False)
        json.dumps(plain, allow_nan=False)  # 1e400 is legal JSON and would come back as no JSON
    except ValueError:
        raise Problem(400, "body_unreadable", "the body is not JSON") from None
    try:
        return shape.model_validate(plain), plain
    except ValidationError as failure:
        raise Problem(422, "body_invalid", _told(failure)) from None


def _told(failure: ValidationError) -> str:
    faults = failure.errors(include_url=False, include_context=False, include_input=False)
    return "; ".join(f"{'.'.join(map(str, fault['loc'])) or 'body'}: {fault['msg']}" for fault in faults)
