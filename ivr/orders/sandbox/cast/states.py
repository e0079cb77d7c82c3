"""What goes without saying of a prescription in each state, and short words to file one by."""

from __future__ import annotations

from typing import Any

from ivr.orders.sandbox.filed import FiledPerson, FiledPrescription

# Who acts next in each state, how many days it has stood there, and in how many their answer is due.
_STANDS: dict[str, tuple[str, int, int | None]] = {
    "eligible": ("nobody", 25, None),
    "too_soon": ("nobody", 14, None),
    "no_refills": ("patient", 6, None),
    "expired": ("patient", 20, None),
    "schedule_ii": ("patient", 27, None),
    "pa_required": ("prescriber", 3, 2),
    "pa_pending": ("insurer", 1, 2),
    "pa_denied": ("prescriber", 2, 5),
    "coverage_problem": ("patient", 4, None),
    "quantity_limited": ("insurer", 1, 1),
    "out_of_stock": ("pharmacy", 2, None),
    "clinical_hold": ("pharmacy", 1, 1),
    "payment_blocked": ("patient", 3, None),
    "address_check": ("patient", 2, None),
    "rx_cancelled": ("nobody", 40, None),
    "transferred_out": ("nobody", 33, None),
    "already_in_process": ("pharmacy", 1, None),
    "awaiting_provider": ("prescriber", 4, 1),
    "sent": ("pharmacy", 0, None),
    "received": ("pharmacy", 1, None),
    "processing": ("pharmacy", 1, None),
    "shipped": ("carrier", 1, None),
    "ready": ("patient", 2, None),
    "delivered": ("nobody", 2, None),
    "delayed": ("carrier", 2, 1),
    "blocked_on_patient": ("patient", 5, None),
    "cancelled": ("nobody", 8, None),
}
_PRIOR_AUTH = {"pa_required": "required", "pa_pending": "pending_payer", "pa_denied": "denied"}


def _filed(number: str, state: str, facts: dict[str, Any]) -> FiledPrescription:
    acts_next, stood, answer = _STANDS[state]
    usual: dict[str, Any] = {"acts_next": acts_next, "stood_days": stood, "answer_in_days": answer}
    usual["prior_auth"] = _PRIOR_AUTH.get(state, "not_required")
    return FiledPrescription(number, state, **usual | facts)


def refill(number: str, state: str, **facts: Any) -> FiledPrescription:
    return _filed(number, state, {"refill": state} | facts)


def order(number: str, state: str, refill: str = "already_in_process", **facts: Any) -> FiledPrescription:
    return _filed(number, state, {"refill": refill, "order_state": state, "payment": "succeeded"} | facts)


def asked(number: str, refill: str, **facts: Any) -> FiledPrescription:
    """A prescription whose prescriber has been asked for a new one."""
    asked = {"refill": refill, "order_state": "awaiting_provider", "renewal": "requested"}
    return _filed(number, "awaiting_provider", asked | facts)


def patient(
    number: int, name: str, phone: str, born: str, zip: str, *filed: FiledPrescription, **more: Any
) -> FiledPerson:
    return FiledPerson(f"patient-{number:02}", name, "patient", phone, born, zip, prescriptions=filed, **more)
