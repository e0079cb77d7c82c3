"""May it be refilled: the first reason that blocks, and the days it is counted by."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.core.refills import BLOCKS, days_left, earliest_refill, expires_by_law, first_block, refills_left

CHECKS = st.fixed_dictionaries({code: st.sampled_from([True, False, None]) for code in BLOCKS})
DAYS = st.dates(date(2000, 1, 1), date(2100, 1, 1))


@given(CHECKS)
def test_what_blocks_is_the_first_that_is_known_to(checks):
    told = first_block(checks)
    blocking = [code for code in BLOCKS if checks[code]]
    assert told == (blocking[0] if blocking else None if None in checks.values() else "eligible")


def test_a_check_nobody_made_is_not_passed():
    assert first_block(dict.fromkeys(BLOCKS, False)) == "eligible"
    assert first_block({}) is None


def test_a_pharmacists_hold_beats_a_payers_no():
    assert first_block({"clinical_hold": True, "too_soon": True, "pa_denied": True}) == "clinical_hold"


@pytest.mark.parametrize(
    ("supply", "percent", "days"),
    [(30, 70, 21), (30, 75, 23), (30, 80, 24), (30, 85, 26), (30, 90, 27), (90, 75, 68), (90, 85, 77), (90, 90, 81)],
)
def test_the_first_day_is_the_one_on_which_enough_is_used(supply, percent, days):
    filled = date(2026, 11, 1)
    assert earliest_refill(filled, supply, percent) == filled + timedelta(days=days)


@given(DAYS, st.integers(1, 400), DAYS)
def test_supply_runs_out_when_it_is_used_up(filled, supply, today):
    left = days_left(filled, supply, today)
    assert (left > 0) == (today < filled + timedelta(days=supply))


@given(st.integers(0, 12), st.integers(0, 20))
def test_the_first_fill_is_no_refill(allowed, fills):
    assert refills_left(allowed, fills) == max(0, allowed - max(fills - 1, 0) + (fills == 0))


@pytest.mark.parametrize(
    ("schedule", "written", "last"),
    [
        ("CIII", "2026-08-31", "2027-02-28"),
        ("CIV", "2026-06-15", "2026-12-15"),
        ("CIV", "2026-12-01", "2027-06-01"),
        ("CV", "2026-06-15", None),
        (None, "2026-06-15", None),
    ],
)
def test_a_controlled_medicine_is_good_for_six_months(schedule, written, last):
    assert expires_by_law(schedule, date.fromisoformat(written)) == (last and date.fromisoformat(last))
