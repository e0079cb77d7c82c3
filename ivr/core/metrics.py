"""One function, one formula, one docstring for each figure."""

from __future__ import annotations

from math import ceil

HANDLE_MINUTES = 4  # talk and wrap-up of one call, until the record of the last weeks says better


def expected_wait_minutes(position: int, agents: int) -> tuple[int, int]:
    """EWT: the range of minutes, rounded up, in which a caller at this position may expect to be answered.

    Position times the minutes one call is handled, shared by the agents signed in for the queue (at least one);
    the upper end is half as long again. Little's law with a constant handling time.
    """
    low = max(1, ceil(position * HANDLE_MINUTES / max(1, agents)))
    return low, ceil(low * 1.5)
