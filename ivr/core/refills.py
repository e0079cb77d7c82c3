"""May a prescription be refilled: the ordered checks, the first that blocks, and the days they are counted by."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from math import ceil
from typing import Literal, get_args

Block = Literal[
    "rx_cancelled",
    "transferred_out",
    "clinical_hold",  # a pharmacist who holds it back beats whatever else is said of it
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
    "payment_blocked",
    "address_check",
]
"""What blocks a refill, in the order callers are told: nobody hears of a payer where the prescription is over."""
BLOCKS: tuple[Block, ...] = get_args(Block)

USED_PERCENT = 75
"""How much of a supply must be used before most payers pay for the next; where the order system says no other day."""

_MONTHS_OF_SCHEDULE = {"CIII": 6, "CIV": 6}  # 21 CFR 1306.22(a); every other validity is state law


def first_block(checks: Mapping[str, bool | None]) -> Block | Literal["eligible"] | None:
    """Return the first of BLOCKS that holds, or `eligible`; None where none is known to hold and one may.

    A check left out or None is unknown.
    """
    held = next((code for code in BLOCKS if checks.get(code)), None)
    if held is not None:
        return held
    return None if any(checks.get(code) is None for code in BLOCKS) else "eligible"


def refills_left(allowed: int, fills: int) -> int:
    """Return how many fills may still come: the first is no refill."""
    return max(0, allowed + 1 - fills)


def earliest_refill(filled_on: date, supply_days: int, used_percent: int = USED_PERCENT) -> date:
    """Return the first day on which so much of the supply is used; the day of the fill is not counted."""
    return filled_on + timedelta(days=ceil(supply_days * used_percent / 100))


def days_left(filled_on: date, supply_days: int, today: date) -> int:
    """Return for how many days from today the supply lasts; below zero once it has run out."""
    return (filled_on + timedelta(days=supply_days) - today).days


def expires_by_law(schedule: str | None, written_on: date) -> date | None:
    """Return the last day federal law lets a controlled medicine be filled; None where only the state knows."""
    months = _MONTHS_OF_SCHEDULE.get(schedule or "")
    return None if months is None else _months_later(written_on, months)


def _months_later(day: date, months: int) -> date:
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    first_of_next = date(year + (month + 1) // 12, (month + 1) % 12 + 1, 1)
    return min(date(year, month + 1, 1) + timedelta(days=day.day - 1), first_of_next - timedelta(days=1))
