"""When a site is open, in its own time: shifts over midnight, holidays, and days of 23 or 25 hours."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from itertools import groupby
from operator import itemgetter
from zoneinfo import ZoneInfo

from ivr.core.rules import WEEKDAYS

_DAY = timedelta(days=1)
MOST_INSTANTS = 4096  # every turn asks for the shifts of three days, and they are the same all day
_NAMES = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


@dataclass(frozen=True, slots=True)
class Hours:
    """The opening hours of a site.

    A shift is `(start, end)` in minutes from the midnight its day begins with; an end over 1440 is past the next
    midnight, and the whole shift belongs to the day it starts on. A closed day has none of its shifts.
    """

    timezone: str
    week: Mapping[str, tuple[tuple[int, int], ...]]  # mon..sun; a day left out is closed
    closed_days: Mapping[date, str] = field(default_factory=dict)  # day -> what it is called

    def __post_init__(self) -> None:
        if not any(self.week.values()):
            raise ValueError("a site that never opens has no hours")

    def local(self, at: datetime) -> datetime:
        """Return the moment as the site's clocks show it."""
        return at.astimezone(ZoneInfo(self.timezone))

    def minute_of_day(self, at: datetime) -> int:
        """Return the minute, 0 to 1439, the site's clocks show."""
        local = self.local(at)
        return local.hour * 60 + local.minute

    def weekday(self, at: datetime) -> str:
        """Return the calendar day at the site, mon to sun."""
        return WEEKDAYS[self.local(at).weekday()]

    def closed_because(self, at: datetime) -> str | None:
        """Return why the site is closed (`Christmas Day`, `Sunday`, `after 20:00`), or None while it is open."""
        today = self.local(at).date()
        if self._open(at):
            return None
        if today in self.closed_days:
            return self.closed_days[today]
        if not self._shifts(today):
            return _NAMES[today.weekday()]
        return self._between_shifts(at, today)

    def state(self, at: datetime) -> str:
        """Return `business`, `after_hours` or `holiday`, the values of the fact `hours`."""
        if self._open(at):
            return "business"
        return "holiday" if self.local(at).date() in self.closed_days else "after_hours"

    def told(self, at: datetime) -> str:
        """Return the shifts of that day as `08:00-12:00 13:00-20:00`; empty on a day the site does not open."""
        return " ".join(map(_written, sorted(self._shifts(self.local(at).date()))))

    def week_told(self) -> str:
        """Return the usual week as `mon-fri 08:00-20:00; sat-sat 09:00-17:00`, days without shifts left out."""
        told = [(day, " ".join(map(_written, sorted(self.week.get(day, ()))))) for day in WEEKDAYS]
        runs = [(shifts, [day for day, _ in days]) for shifts, days in groupby(told, key=itemgetter(1))]
        return "; ".join(f"{days[0]}-{days[-1]} {shifts}" for shifts, days in runs if shifts)

    def opens_next(self, at: datetime) -> datetime:
        """Return when somebody is next there, in UTC: the moment itself while the site is open."""
        if self._open(at):
            return at.astimezone(UTC)
        day = self.local(at).date() - _DAY
        while True:
            starts = [start for start, end in self._openings(day) if at < start < end]
            if starts:
                return min(starts)
            day += _DAY

    def closes_after(self, at: datetime, days: int) -> datetime:
        """Return when it closes on the nth day (from 1) it opens after the day of `at`, in UTC."""
        day = self.local(at).date()
        while days:
            day += _DAY
            days -= bool(self._shifts(day))
        return max(end for _, end in self._openings(day))

    def edges(self, after: datetime, until: datetime) -> list[tuple[datetime, bool]]:
        """Return when it opens (True) and closes, later than `after` and up to `until`, in order, in UTC."""
        day, last = self.local(after).date() - _DAY, self.local(until).date() + _DAY
        found: set[datetime] = set()
        while day <= last:
            found.update(edge for opening in self._openings(day) for edge in opening if after < edge <= until)
            day += _DAY
        moment = timedelta(microseconds=1)
        return [(at, self._open(at)) for at in sorted(found) if self._open(at) != self._open(at - moment)]

    def _open(self, at: datetime) -> bool:
        today = self.local(at).date()
        return any(
            start <= at < end for day in (today - _DAY, today, today + _DAY) for start, end in self._openings(day)
        )

    def _openings(self, day: date) -> Iterator[tuple[datetime, datetime]]:
        for start, end in self._shifts(day):
            yield self.instant(day, start), self.instant(day, end)

    def _shifts(self, day: date) -> tuple[tuple[int, int], ...]:
        return () if day in self.closed_days else self.week.get(WEEKDAYS[day.weekday()], ())

    def _between_shifts(self, at: datetime, today: date) -> str:
        shifts = sorted(self._shifts(today))
        ended = [end for _, end in shifts if self.instant(today, end) <= at]
        coming = [start for start, _ in shifts if self.instant(today, start) > at]
        if ended and coming:
            return f"between {_clock(max(ended))} and {_clock(min(coming))}"
        return f"before {_clock(min(coming))}" if coming else f"after {_clock(max(ended))}"

    def instant(self, day: date, minute: int) -> datetime:
        """Return the first moment the site's clocks show that minute of that day, or, where they skip it, later."""
        return _instant(self.timezone, day, minute)


@lru_cache(MOST_INSTANTS)
def _instant(timezone: str, day: date, minute: int) -> datetime:
    zone = ZoneInfo(timezone)
    wall = datetime(day.year, day.month, day.day) + timedelta(minutes=minute)
    first, second = (wall.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    if first <= second:  # a plain minute, or one shown twice, as when summer time ends
        return first
    skipped = range(int((first - second) / timedelta(minutes=1)) + 1)
    shown = bisect_left(
        skipped,
        wall,
        key=lambda passed: (second + timedelta(minutes=passed)).astimezone(zone).replace(tzinfo=None),
    )
    return second + timedelta(minutes=shown)


def _written(shift: tuple[int, int]) -> str:
    return f"{_clock(shift[0])}-{_clock(shift[1])}"


def _clock(minute: int) -> str:
    return "24:00" if minute == 24 * 60 else f"{minute // 60 % 24:02}:{minute % 60:02}"
