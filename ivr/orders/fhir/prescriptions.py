"""A prescription as facts: what a MedicationRequest, its dispenses and the tasks about it come to today."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from math import ceil
from typing import Any, cast

from ivr.core import refills
from ivr.orders.fhir.words import (
    CLASS,
    FACT,
    HANDLING,
    OPEN_TASK,
    SCHEDULE,
    TASK,
    TASK_CODE,
    Json,
    at,
    codes,
    day,
    each,
    fact,
    number_at,
    own_reference,
    reference,
    text_at,
)
from ivr.orders.port import ActsNext, OrderState, Payment, Prescription, PriorAuth, Refill, Renewal

_CLINICAL = {"clarif", "drughigh", "labint", "preg", "salg", "saig", "sddi", "sdupther", "sintol"}
_NO_STOCK = {"outofstock", "offmarket", "non-avail"}
_ORDERS = ("order", "original-order", "reflex-order", "filler-order", "instance-order")
_DAYS = {"d": 1, "day": 1, "days": 1, "wk": 7, "mo": 30}


@dataclass(frozen=True, slots=True)
class Stand:
    """What a word in a task's businessStatus means; None: nothing of that."""

    acts_next: ActsNext
    order_state: OrderState | None = None
    blocks: Refill | None = None
    prior_auth: PriorAuth | None = None
    payment: Payment | None = None


STANDS: dict[str, Stand] = {
    "awaiting_provider": Stand("prescriber", "awaiting_provider"),
    "sent": Stand("pharmacy", "sent"),
    "received": Stand("pharmacy", "received"),
    "processing": Stand("pharmacy", "processing"),
    "shipped": Stand("carrier", "shipped"),
    "ready": Stand("patient", "ready"),
    "delivered": Stand("nobody", "delivered"),
    "delayed": Stand("carrier", "delayed"),
    "blocked_on_patient": Stand("patient", "blocked_on_patient"),
    "pa_required": Stand("prescriber", blocks="pa_required", prior_auth="required"),
    "pa_submitted": Stand("insurer", blocks="pa_pending", prior_auth="submitted"),
    "pa_pending": Stand("insurer", blocks="pa_pending", prior_auth="pending_payer"),
    "pa_pending_payer": Stand("insurer", blocks="pa_pending", prior_auth="pending_payer"),
    "pa_pending_prescriber": Stand("prescriber", blocks="pa_pending", prior_auth="pending_prescriber"),
    "pa_appealed": Stand("insurer", blocks="pa_pending", prior_auth="appealed"),
    "pa_denied": Stand("prescriber", blocks="pa_denied", prior_auth="denied"),
    "pa_expired": Stand("prescriber", blocks="pa_required", prior_auth="expired"),
    "pa_approved": Stand("pharmacy", prior_auth="approved"),
    "coverage_problem": Stand("patient", blocks="coverage_problem"),
    "quantity_limited": Stand("insurer", blocks="quantity_limited"),
    "out_of_stock": Stand("pharmacy", blocks="out_of_stock"),
    "clinical_hold": Stand("pharmacy", blocks="clinical_hold"),
    "payment_failed": Stand("patient", blocks="payment_blocked", payment="failed"),
    "payment_retrying": Stand("billing", payment="retrying"),
    "payment_renewal_due": Stand("patient", payment="renewal_due"),
    "address_check": Stand("patient", blocks="address_check"),
    "transferred_out": Stand("nobody", blocks="transferred_out"),
}
_BY_STATUS = {
    "requested": STANDS["sent"],
    "received": STANDS["received"],
    "accepted": STANDS["received"],
    "in-progress": STANDS["processing"],
    "ready": STANDS["ready"],
}
_ACTS_WITHOUT_TASK: dict[str, ActsNext] = {
    **dict.fromkeys(("eligible", "too_soon", "rx_cancelled", "transferred_out"), "nobody"),
    **dict.fromkeys(("no_refills", "expired", "schedule_ii"), "patient"),
    "already_in_process": "pharmacy",
}


@dataclass(frozen=True, slots=True)
class Filed:
    """A MedicationRequest, and its dispenses and tasks; None where the server keeps none of these for anybody."""

    request: Json
    dispenses: tuple[Json, ...] | None
    tasks: tuple[Json, ...] | None
    now: datetime  # where the pharmacy is


def filed(
    requests: Iterable[Json], dispenses: list[Json] | None, tasks: list[Json] | None, now: datetime
) -> list[Filed]:
    """Put together what belongs together: each order for a medicine with what was dispensed and is done about it."""
    return [
        Filed(one, _about(one, dispenses, _dispensed_for), _about(one, tasks, _done_about), now)
        for one in requests
        if one.get("intent") in _ORDERS and one.get("status") != "entered-in-error"
    ]


def _about(
    request: Json, found: list[Json] | None, about: Callable[[Json], list[str | None]]
) -> tuple[Json, ...] | None:
    me = own_reference(request)
    return None if found is None else tuple(one for one in found if me in about(one))


def _dispensed_for(dispense: Json) -> list[str | None]:
    given = fact("authorizingPrescription", lambda: each(dispense, "authorizingPrescription")) or []
    return [reference({"one": one}, "one") for one in given]


def _done_about(task: Json) -> list[str | None]:
    return [fact("focus", lambda: reference(task, "focus"))]


def prescription_of(one: Filed) -> Prescription | None:
    """Return a prescription's facts; None where it does not say whose it is."""
    person = fact("subject", lambda: reference(one.request, "subject"))
    if person is None:
        return None
    refill = refills.first_block(_checks(one))
    renewal = None if one.tasks is None else _renewal(one.tasks)
    stands = _stands(one)
    tasks = [task for task, _ in stands]
    return Prescription(
        id=own_reference(one.request),
        person=person,
        refill=refill,
        order_state=_order_state(one, stands, renewal),
        payment=_first(stand.payment for _, stand in stands),
        medication_class=_only(one, CLASS),
        time_sensitive=_handled(one, "time_sensitive"),
        days_left=fact("days_left", lambda: _days_left(one)),
        earliest_refill_on=fact("earliest_refill_on", lambda: _earliest(one)),
        expected_on=fact("expected_on", lambda: _told_day(tasks, "expected_on", one.now)),
        last4=fact("last4", lambda: _last4(one.request)),
        prior_auth=_prior_auth(one, stands),
        approved_until=fact("approved_until", lambda: _told_day(_approvals(one), "approved_until", one.now)),
        acts_next=_acts_next(stands, refill, renewal),
        since=fact("since", lambda: _since(stands, one.now)),
        answer_by=fact("answer_by", lambda: _answer_by(stands, one.now)),
        balance=fact("balance", lambda: _balance(tasks)),
        renewal=renewal,
        substitution=fact("substitution", lambda: _substitution(one.request)),
        cold_chain=_handled(one, "cold_chain"),
    )


# ---------------------------------------------------------------- may it be refilled


def _checks(one: Filed) -> dict[str, bool | None]:
    """Return every check of core.refills, None where what is filed does not tell."""
    status, words = one.request.get("status"), {stand.blocks for _, stand in _stands(one)} - {None}
    checks: dict[str, bool | None] = {code: code in words for code in refills.BLOCKS}
    if one.tasks is None:
        checks = dict.fromkeys(refills.BLOCKS)
    expired = fact("expired", lambda: _expired(one))
    left = fact("refills_left", lambda: _refills_left(one))
    gone = status == "cancelled" or (status == "stopped" and expired is False and not checks["transferred_out"])
    schedule = fact("schedule", lambda: _schedule(one.request))
    in_process = fact("open_fill", lambda: _in_process(one))
    return checks | {
        "rx_cancelled": gone if status in ("active", "on-hold", "cancelled", "stopped", "completed") else None,
        "transferred_out": checks["transferred_out"] or (None if status == "stopped" and expired is None else False),
        "clinical_hold": _held(one, "clinical_hold", _CLINICAL, checks["clinical_hold"], bool(words)),
        "expired": expired,
        # Where nobody says so, refills left say that it is none: a schedule II medicine has none by law.
        "schedule_ii": schedule == "CII" if schedule or (left is not None) else None,
        "no_refills": status == "completed" or (None if left is None else left == 0),
        "already_in_process": in_process,
        "too_soon": fact("too_soon", lambda: _too_soon(one)),
        "out_of_stock": _held(one, "out_of_stock", _NO_STOCK, checks["out_of_stock"], True),
    }


def _held(one: Filed, name: str, reasons: set[str], said: bool | None, explained: bool) -> bool | None:
    """Whether it is held for one of these reasons; held for no reason we know, nobody knows."""
    holds = [*_held_for(one.request, "statusReason")]
    for dispense in one.dispenses or ():
        holds += _held_for(dispense, "statusReasonCodeableConcept")
    holds += ["" for task in one.tasks or () if task.get("status") == "on-hold" and _is_fill(task) and not _stand(task)]
    if said or any(reason in reasons for reason in holds):
        return True
    unexplained = "" in holds or any(reason not in _CLINICAL | _NO_STOCK for reason in holds)
    return None if unexplained and not explained else said


def _held_for(resource: Json, where: str) -> list[str]:
    if resource.get("status") != "on-hold":
        return []
    return fact(where, lambda: codes(resource, where)) or [""]


def _expired(one: Filed) -> bool | None:
    last = day(text_at(one.request, "dispenseRequest", "validityPeriod", "end"), one.now.tzinfo)
    written = day(text_at(one.request, "authoredOn"), one.now.tzinfo)
    if last is None and written is not None:
        last = refills.expires_by_law(_schedule(one.request), written)
    return None if last is None else last < one.now.date()


def _schedule(request: Json) -> str | None:
    return next(iter(codes(request, "category", system=SCHEDULE)), None)


def _refills_left(one: Filed) -> int | None:
    allowed = at(one.request, "dispenseRequest", "numberOfRepeatsAllowed")
    if allowed is None or one.dispenses is None:
        return None
    if isinstance(allowed, bool) or not isinstance(allowed, int):
        raise TypeError
    return refills.refills_left(allowed, _fills(one))


def _fills(one: Filed) -> int:
    """How many whole fills were handed over: parts of one add up to it."""
    whole = number_at(one.request, "dispenseRequest", "quantity", "value")
    parts = [_part(number_at(each, "quantity", "value"), whole) for each in _handed_over(one)]
    return ceil(sum(parts))


def _part(handed: Decimal | None, whole: Decimal | None) -> Decimal:
    if handed is None or whole is None or whole <= 0:
        return Decimal(1)
    return min(Decimal(1), handed / whole)


def _handed_over(one: Filed) -> list[Json]:
    return [each for each in one.dispenses or () if each.get("status") == "completed"]


def _in_process(one: Filed) -> bool | None:
    if one.tasks is None or one.dispenses is None:
        return None
    filling = [task for task in one.tasks if _is_fill(task) and task.get("status") in OPEN_TASK]
    busy = any(each.get("status") in ("preparation", "in-progress") for each in one.dispenses)
    return busy or any((stand := _stand(task)) is not None and stand.blocks is None for task in filling)


def _too_soon(one: Filed) -> bool | None:
    if one.dispenses is None:
        return None
    if not _handed_over(one):
        return False
    first = _earliest(one)
    return None if first is None else one.now.date() < first


def _earliest(one: Filed) -> date | None:
    last = _last_fill(one)
    if last is None:
        return None
    filled_on, supply = last
    interval = _days(at(one.request, "dispenseRequest", "dispenseInterval"))
    if interval is not None:
        return filled_on + timedelta(days=interval)
    return None if supply is None else refills.earliest_refill(filled_on, supply)


def _days_left(one: Filed) -> int | None:
    last = _last_fill(one)
    return None if last is None or last[1] is None else refills.days_left(last[0], last[1], one.now.date())


def _last_fill(one: Filed) -> tuple[date, int | None] | None:
    """Return the day of the last fill and how many days it lasts; None where a fill does not say when it was."""
    fills = [(day(text_at(each, "whenHandedOver"), one.now.tzinfo), each) for each in _handed_over(one)]
    if not fills or any(on is None for on, _ in fills):
        return None
    on, dispense = max(fills, key=lambda fill: cast(date, fill[0]))
    supply = _days(at(dispense, "daysSupply"))
    if supply is None:
        supply = _days(at(one.request, "dispenseRequest", "expectedSupplyDuration"))
    return cast(date, on), supply


def _days(quantity: Json | None) -> int | None:
    if quantity is None:
        return None
    unit = at(quantity, "code") or at(quantity, "unit")
    if unit not in _DAYS:
        raise ValueError
    number = number_at(quantity, "value")
    if number is None or number < 1:
        raise ValueError
    return int(number) * _DAYS[unit]


# ---------------------------------------------------------------- where it stands


def _stands(one: Filed) -> list[tuple[Json, Stand]]:
    """What the open tasks about it say, the last touched first."""
    known = [(task, stand) for task in one.tasks or () if (stand := _stand(task)) and task.get("status") in OPEN_TASK]
    return sorted(known, key=lambda pair: str(pair[0].get("lastModified") or pair[0].get("authoredOn")), reverse=True)


def _stand(task: Json) -> Stand | None:
    """What a task says of the prescription it is about; a message for staff says nothing of it."""
    if _is_renewal(task) or _is_for_staff(task):
        return None
    words = fact("businessStatus", lambda: codes(task, "businessStatus")) or []
    known = next((STANDS[word] for code in words if (word := code.replace("-", "_")) in STANDS), None)
    if known is not None or not _is_fill(task):
        return known
    if task.get("status") == "on-hold" and _owner(task) == "Patient":
        return STANDS["blocked_on_patient"]
    return _BY_STATUS.get(str(task.get("status")))


def _is_fill(task: Json) -> bool:
    return "fulfill" in _coded(task, TASK_CODE) or "refill" in _coded(task, TASK)


def _is_renewal(task: Json) -> bool:
    return "approve" in _coded(task, TASK_CODE) or "renewal" in _coded(task, TASK)


def _is_for_staff(task: Json) -> bool:
    return not _is_fill(task) and bool(_coded(task, TASK))


def _coded(task: Json, system: str) -> list[str]:
    return fact("code", lambda: codes(task, "code", system=system)) or []


def _owner(task: Json) -> str:
    owner = fact("owner", lambda: reference(task, "owner"))
    return (owner or "").partition("/")[0]


def _renewal(tasks: Iterable[Json]) -> Renewal:
    asked = sorted((task for task in tasks if _is_renewal(task)), key=lambda task: str(task.get("authoredOn")))
    if any(task.get("status") in OPEN_TASK for task in asked):
        return "requested"
    return "denied" if asked and asked[-1].get("status") == "rejected" else "none"


def _order_state(one: Filed, stands: list[tuple[Json, Stand]], renewal: Renewal | None) -> OrderState | None:
    told: OrderState | None = _first(stand.order_state for _, stand in stands)
    if told is not None:
        return told
    if renewal == "requested" or one.request.get("status") == "draft":
        return "awaiting_provider"
    if one.request.get("status") == "cancelled":
        return "cancelled"
    busy = any(each.get("status") in ("preparation", "in-progress") for each in one.dispenses or ())
    return "processing" if busy else None


def _acts_next(stands: list[tuple[Json, Stand]], refill: str | None, renewal: str | None) -> ActsNext | None:
    if stands:
        task, stand = stands[0]
        return "patient" if _owner(task) == "Patient" else stand.acts_next
    if renewal == "requested":
        return "prescriber"
    return _ACTS_WITHOUT_TASK.get(refill or "")


def _prior_auth(one: Filed, stands: list[tuple[Json, Stand]]) -> PriorAuth | None:
    said: PriorAuth | None = _first(stand.prior_auth for _, stand in stands)
    return said or ("approved" if _approvals(one) else None)


def _approvals(one: Filed) -> list[Json]:
    """The prior authorizations that were given: that stays so when the work is done."""
    done = (task for task in one.tasks or () if task.get("status") in (*OPEN_TASK, "completed"))
    return [task for task in done if _stand(task) is STANDS["pa_approved"]]


def _since(stands: list[tuple[Json, Stand]], now: datetime) -> date | None:
    if not stands:
        return None
    task = stands[0][0]
    return day(text_at(task, "executionPeriod", "start") or text_at(task, "lastModified"), now.tzinfo)


def _answer_by(stands: list[tuple[Json, Stand]], now: datetime) -> date | None:
    return day(text_at(stands[0][0], "restriction", "period", "end"), now.tzinfo) if stands else None


def _told_day(tasks: list[Json], name: str, now: datetime) -> date | None:
    found: str | None = _first(_output(task, name, "valueDate") for task in tasks)
    return day(found, now.tzinfo)


def _balance(tasks: list[Json]) -> Decimal | None:
    money: Json | None = _first(_output(task, "balance", "valueMoney") for task in tasks)
    return None if money is None else _dollars(money)


def _dollars(money: Json) -> Decimal:
    amount = number_at(money, "value")
    if amount is None or at(money, "currency") != "USD" or not 0 <= amount < 1_000_000 or amount != round(amount, 2):
        raise ValueError
    return round(amount, 2)


def _output(task: Json, name: str, value: str) -> Any:
    return next((one.get(value) for one in each(task, "output") if name in codes(one, "type", system=FACT)), None)


def has_number(request: Json, number: str) -> bool:
    """Return whether this is the number on its label: servers search in their own ways, or not at all."""
    known = fact("identifier", lambda: [one.get("value") for one in each(request, "identifier")])
    return number in (known or [])


def _last4(request: Json) -> str | None:
    numbers = [value for one in each(request, "identifier") if (value := text_at(one, "value")) and value.isdigit()]
    return numbers[0][-4:] if len(numbers) == 1 and len(numbers[0]) >= 4 else None


def _substitution(request: Json) -> bool | None:
    allowed = at(request, "substitution", "allowedBoolean")
    if isinstance(allowed, bool):
        return allowed
    said = codes(request, "substitution", "allowedCodeableConcept")
    return said != ["N"] if said else None


def _only(one: Filed, system: str) -> str | None:
    found = fact("category", lambda: codes(one.request, "category", system=system)) or []
    return found[0] if len(found) == 1 else None


def _handled(one: Filed, how: str) -> bool | None:
    """Whether it needs such handling; None where nobody filed how it is handled at all."""
    found = fact("category", lambda: codes(one.request, "category", system=HANDLING)) or []
    return how in found if found else None


def _first(found: Iterable[Any]) -> Any:
    return next((one for one in found if one is not None), None)
