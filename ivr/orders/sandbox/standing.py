"""How a prescription stands: what stands in the way of a wish, and what a wish or an event makes of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, timedelta
from typing import Any

Facts = Mapping[str, Any]

_RENEWABLE = ("no_refills", "expired", "schedule_ii")
_GONE = ("rx_cancelled", "transferred_out")
_PRESCRIBERS_DAYS = 3  # a prescriber who is asked today should have answered by then
_CARRIERS_DAYS = 2


def blocks_refill(facts: Facts) -> str | None:
    """Return what stands in the way of a refill; a controlled medicine has no way round `too_soon` either."""
    return None if facts["refill"] == "eligible" else str(facts["refill"])


def blocks_renewal(facts: Facts) -> str | None:
    """Return why the prescriber is not asked for a new prescription: asked or refused already, or nothing to renew."""
    if facts["renewal"] != "none":
        return f"renewal_{facts['renewal']}"
    return None if facts["refill"] in _RENEWABLE else "not_renewable"


def blocks_transfer(facts: Facts) -> str | None:
    """Return why it goes to no other pharmacy: it is no longer ours."""
    return str(facts["refill"]) if facts["refill"] in _GONE else None


def refill_requested(today: date) -> dict[str, Any]:
    """What a refill that is placed makes so."""
    stands = {"refill": "already_in_process", "order_state": "received", "acts_next": "pharmacy"}
    return stands | {"since": today.isoformat(), "answer_by": None}


def renewal_requested(today: date) -> dict[str, Any]:
    """What it makes so that the prescriber is asked."""
    stands = {"renewal": "requested", "order_state": "awaiting_provider", "acts_next": "prescriber"}
    return stands | {"since": today.isoformat(), "answer_by": _in(today, _PRESCRIBERS_DAYS)}


def transfer_requested(today: date) -> dict[str, Any]:
    """What it makes so that another pharmacy is to have it, or gives it to us."""
    return {"acts_next": "pharmacy", "since": today.isoformat(), "answer_by": _in(today, 1)}


# ---------------------------------------------------------------- what happens


def _stalled(today: date) -> dict[str, Any]:
    stands = {"refill": "pa_pending", "prior_auth": "pending_payer", "acts_next": "insurer"}
    return stands | {"answer_by": _in(today, -1)}


def _shipped(today: date) -> dict[str, Any]:
    stands = {"refill": "already_in_process", "order_state": "shipped", "acts_next": "carrier"}
    return stands | {"since": today.isoformat(), "expected_on": _in(today, _CARRIERS_DAYS), "answer_by": None}


def _delayed(today: date) -> dict[str, Any]:
    stands = {"refill": "already_in_process", "order_state": "delayed", "acts_next": "carrier"}
    return stands | {"since": today.isoformat(), "expected_on": _in(today, 3), "answer_by": _in(today, 1)}


def _failed(today: date) -> dict[str, Any]:
    stands = {"refill": "payment_blocked", "payment": "failed", "acts_next": "patient", "balance": "20.00"}
    return stands | {"since": today.isoformat()}


def _out(today: date) -> dict[str, Any]:
    stands = {"refill": "out_of_stock", "acts_next": "pharmacy", "expected_on": _in(today, 5)}
    return stands | {"since": today.isoformat()}


def _blocked(today: date) -> dict[str, Any]:
    stands = {"refill": "already_in_process", "order_state": "blocked_on_patient", "acts_next": "patient"}
    return stands | {"since": today.isoformat()}


HAPPENS: Mapping[str, Callable[[date], dict[str, Any]]] = {
    "rx.state_changed": lambda today: {"since": today.isoformat()},
    "order.shipped": _shipped,
    "order.delayed": _delayed,
    "pa.stalled": _stalled,
    "payment.failed": _failed,
    "stock.out": _out,
    "patient.action_required": _blocked,
}
"""What each type of event makes so of a prescription, but for what comes with it."""


def _in(today: date, days: int) -> str:
    return (today + timedelta(days=days)).isoformat()
