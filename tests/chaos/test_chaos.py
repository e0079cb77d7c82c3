"""A short while of chaos on a line of its own; `make chaos` has the long one."""

from __future__ import annotations

import pytest

from bench.breaking import SHARES
from bench.chaos import Asked, Chaos, spent

# Without what has to read all code again, as long as a busy machine takes: tests/failures and tests/days kill that too.
PARTS = tuple(part for part in SHARES if part not in ("web", "worker"))
ASKED = Asked(seed=20261126, calls=24, faults=8, seconds=12.0, speed=10.0, postgres=False, parts=PARTS)


@pytest.fixture(scope="module")
def chaos(tmp_path_factory: pytest.TempPathFactory) -> Chaos:
    chaos = spent(ASKED, tmp_path_factory.mktemp("chaos"))
    print(chaos.tally, *chaos.stories(), sep="\n")
    return chaos


def test_nothing_is_lost_doubled_silent_or_stuck(chaos: Chaos) -> None:
    assert chaos.breaches == []


def test_callers_were_there_and_parts_of_the_line_died(chaos: Chaos) -> None:
    """Chaos in which nobody called, or nothing broke, would prove nothing."""
    assert chaos.tally.calls >= ASKED.calls
    assert chaos.tally.outcomes["answered"] > 0
    assert chaos.tally.deaths >= ASKED.faults // 3
