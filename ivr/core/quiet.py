"""When somebody may be rung: not in the quiet hours of where they are, nor in those of where we are."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

_MOST_STEPS = 8  # from the end of one zone's night into another's


def quiet_until(at: datetime, zones: Iterable[str], hours: tuple[int, int]) -> datetime:
    """Return the first moment from `at` on that is in the quiet hours of none of the zones.

    `hours` are minutes of the day; the end may come before the beginning, over midnight. Where the nights of the zones
    leave no such moment, it is the first that is not quiet in the first zone.
    """
    everywhere = tuple(zones)
    first = moment = at
    for step in range(_MOST_STEPS):
        later = max((_over(moment, zone, hours) for zone in everywhere), default=moment)
        if step == 0:
            first = _over(at, everywhere[0], hours) if everywhere else at
        if later == moment:
            return moment
        moment = later
    return first


def _over(at: datetime, zone: str, hours: tuple[int, int]) -> datetime:
    """Return when the quiet of one zone is over: the moment itself where it is not quiet."""
    ends = hours[1]
    local = at.astimezone(ZoneInfo(zone))
    minute = local.hour * 60 + local.minute
    if not is_within(minute, hours):
        return at
    days = 1 if minute >= ends else 0
    morning = local.replace(hour=ends // 60, minute=ends % 60, second=0, microsecond=0, fold=0) + timedelta(days=days)
    return morning.astimezone(UTC)


def is_within(minute: int, hours: tuple[int, int]) -> bool:
    """Whether a minute of the day lies in these hours, which may go over midnight."""
    begins, ends = hours
    return begins <= minute < ends if begins <= ends else minute >= begins or minute < ends
