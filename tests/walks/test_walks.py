"""Callers at random: whatever they key, say or leave out, from whatever number, no law of `judge.py` is broken.

WALKS callers (1,200) from seed WALKS_FIRST (0); `make walks` sends twenty thousand.
"""

from __future__ import annotations

import os

import pytest

from tests.walks.many import Ground

WALKS = int(os.environ.get("WALKS", "1200"))
FIRST = int(os.environ.get("WALKS_FIRST", "0"))
TOGETHER = 400
MOST_TOLD = 3


@pytest.mark.parametrize("first", range(FIRST, FIRST + WALKS, TOGETHER))
def test_callers_at_random_are_never_lost_and_hear_nothing_private(walking_ground: Ground, first: int) -> None:
    seeds = range(first, min(first + TOGETHER, FIRST + WALKS))
    broken = [fault for seed in seeds if (fault := walking_ground.walk(seed))]
    told = {fault.law: "\n".join([str(fault), *fault.__notes__]) for fault in broken}

    assert not broken, f"{len(broken)} of {len(seeds)} walks:\n\n" + "\n\n".join([*told.values()][:MOST_TOLD])
