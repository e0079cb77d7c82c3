"""A short day of robots, with everything that can go wrong; `make days` has the long ones, and the nights."""

from __future__ import annotations

import pytest

from tests.days.day import Outcome, spend
from tests.days.many import plan, tell

SEED = 20261124
CALLERS, SPEED, RINGING_SECONDS = 24, 10.0, 60.0


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    outcome = spend(plan("broken", SEED, CALLERS, SPEED, RINGING_SECONDS), tmp_path_factory.mktemp("day"))
    print(outcome)
    tell(outcome)
    return outcome


def test_every_law_holds(day: Outcome) -> None:
    assert day.breaches == []


def test_people_were_there_and_things_went_wrong(day: Outcome) -> None:
    """A day on which nobody called, or nothing broke, would prove nothing."""
    outcomes = {body["outcome"] for body in day.evidence.dispositions}
    assert len(day.evidence.inbound) >= CALLERS
    assert "answered" in outcomes
    assert {"abandoned", "short_abandon"} & outcomes
    assert len(day.broke) == len(set(day.plan.breaks))
