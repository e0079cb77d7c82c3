"""When the pharmacy is open, in its own time."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.core.hours import Hours
from ivr.core.rules import WEEKDAYS

NEW_YORK = "America/New_York"
OFFICE = {**dict.fromkeys(WEEKDAYS[:5], ((8 * 60, 20 * 60),)), "sat": ((9 * 60, 17 * 60),)}
HOURS = Hours(NEW_YORK, OFFICE, {date(2026, 12, 25): "Christmas Day"})
NIGHTS = dict.fromkeys(("fri", "sat"), ((22 * 60, 30 * 60),))
NIGHT = Hours(NEW_YORK, NIGHTS, {date(2026, 12, 26): "Boxing Day"})


def at(text: str, zone: str = NEW_YORK) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone))


@pytest.mark.parametrize(
    ("moment", "because"),
    [
        ("2026-11-23T07:59", "before 08:00"),
        ("2026-11-23T08:00", None),
        ("2026-11-23T19:59", None),
        ("2026-11-23T20:00", "after 20:00"),
        ("2026-11-28T17:00", "after 17:00"),
        ("2026-11-29T12:00", "Sunday"),
        ("2026-12-25T12:00", "Christmas Day"),
    ],
)
def test_the_pharmacy_says_why_it_is_closed(moment: str, because: str | None) -> None:
    assert HOURS.closed_because(at(moment)) == because


@pytest.mark.parametrize(
    ("hours", "moment", "told"),
    [
        (HOURS, "2026-11-23T23:00", "08:00-20:00"),
        (HOURS, "2026-11-28T01:00", "09:00-17:00"),
        (HOURS, "2026-11-29T12:00", ""),
        (HOURS, "2026-12-25T12:00", ""),
        (NIGHT, "2026-11-27T12:00", "22:00-06:00"),
        (Hours(NEW_YORK, {"mon": ((780, 1440), (480, 720))}), "2026-11-23T10:00", "08:00-12:00 13:00-24:00"),
    ],
)
def test_the_hours_of_a_day_are_told_whether_they_are_over_or_not(hours: Hours, moment: str, told: str) -> None:
    assert hours.told(at(moment)) == told


def test_a_lunch_break_is_told_by_its_ends() -> None:
    hours = Hours(NEW_YORK, {"mon": ((540, 720), (780, 1020))})
    assert hours.closed_because(at("2026-11-23T12:30")) == "between 12:00 and 13:00"
    assert hours.opens_next(at("2026-11-23T12:30")) == at("2026-11-23T13:00")


@pytest.mark.parametrize(
    ("moment", "state"),
    [("2026-11-23T10:00", "business"), ("2026-11-23T21:00", "after_hours"), ("2026-12-25T10:00", "holiday")],
)
def test_the_state_is_what_rules_call_hours(moment: str, state: str) -> None:
    assert HOURS.state(at(moment)) == state


def test_a_friday_night_shift_lasts_until_saturday_morning() -> None:
    assert NIGHT.closed_because(at("2026-11-28T02:00")) is None
    assert NIGHT.closed_because(at("2026-11-27T02:00")) == "before 22:00"
    assert NIGHT.closed_because(at("2026-11-28T06:00")) == "before 22:00"


def test_a_shift_that_began_before_a_holiday_is_finished() -> None:
    assert NIGHT.closed_because(at("2026-12-26T02:00")) is None
    assert NIGHT.state(at("2026-12-26T02:00")) == "business"


def test_a_holiday_takes_the_whole_shift_that_starts_on_it() -> None:
    assert NIGHT.closed_because(at("2026-12-26T23:00")) == "Boxing Day"
    assert NIGHT.closed_because(at("2026-12-27T02:00")) == "Sunday"


def test_a_shift_may_end_at_midnight() -> None:
    hours = Hours(NEW_YORK, {"mon": ((8 * 60, 24 * 60),)})
    assert hours.closed_because(at("2026-11-23T23:59")) is None
    assert hours.closed_because(at("2026-11-24T00:00")) == "Tuesday"


def test_an_open_pharmacy_opens_at_once() -> None:
    assert HOURS.opens_next(at("2026-11-23T10:00")) == at("2026-11-23T10:00")


def test_the_next_opening_skips_sundays_and_holidays() -> None:
    assert HOURS.opens_next(at("2026-11-28T18:00")) == at("2026-11-30T08:00")
    assert HOURS.opens_next(at("2026-12-24T21:00")) == at("2026-12-26T09:00")
    assert HOURS.opens_next(at("2026-12-24T21:00")).tzinfo == UTC


def test_a_site_that_never_opens_is_refused() -> None:
    with pytest.raises(ValueError, match="never opens"):
        Hours(NEW_YORK, {"mon": ()})


def test_times_are_told_by_the_clock_on_the_wall() -> None:
    summer, winter = at("2026-07-01T08:30"), at("2026-12-01T08:30")
    assert [HOURS.minute_of_day(moment) for moment in (summer, winter)] == [510, 510]
    assert HOURS.weekday(datetime(2026, 11, 24, 3, tzinfo=UTC)) == "mon"


# ---------------------------------------------------------------- days of 23 and 25 hours


def test_the_day_that_skips_an_hour_opens_and_closes_by_the_clock() -> None:
    hours = Hours(NEW_YORK, {"sun": ((8 * 60, 10 * 60),)})
    assert hours.opens_next(at("2026-03-08T00:00")) == datetime(2026, 3, 8, 12, tzinfo=UTC)
    assert hours.closed_because(datetime(2026, 3, 8, 14, tzinfo=UTC)) == "after 10:00"


def test_a_shift_that_starts_in_the_skipped_hour_starts_when_the_clock_has_jumped() -> None:
    hours = Hours(NEW_YORK, {"sun": ((150, 360),)})  # 02:30, which the clock skips
    assert hours.opens_next(at("2026-03-08T01:00")) == at("2026-03-08T03:00")


def test_a_shift_inside_the_skipped_hour_does_not_take_place() -> None:
    hours = Hours(NEW_YORK, {"sun": ((130, 160),)})
    assert hours.opens_next(at("2026-03-08T01:00")) == at("2026-03-15T02:10")


def test_a_night_shift_runs_through_the_repeated_hour_without_a_break() -> None:
    hours = Hours(NEW_YORK, {"sun": ((90, 360),)})  # 01:30 to 06:00, and 01:00 to 02:00 comes twice
    first, again = datetime(2026, 11, 1, 5, 30, tzinfo=UTC), datetime(2026, 11, 1, 6, 15, tzinfo=UTC)
    assert hours.opens_next(at("2026-11-01T00:30")) == first
    assert hours.closed_because(again) is None  # the clock shows 01:15 for the second time


def test_a_shift_that_ends_in_the_repeated_hour_ends_once() -> None:
    hours = Hours(NEW_YORK, {"sun": ((0, 90),)})
    assert hours.closed_because(datetime(2026, 11, 1, 5, 29, tzinfo=UTC)) is None
    assert hours.closed_because(datetime(2026, 11, 1, 6, 15, tzinfo=UTC)) == "after 01:30"


# ---------------------------------------------------------------- laws

ZONES = ("America/New_York", "America/Phoenix", "Europe/Berlin", "Australia/Lord_Howe", "America/Havana", "Asia/Beirut")
_SHIFT = st.tuples(st.integers(0, 1439), st.integers(1, 1440)).map(lambda shift: (shift[0], shift[0] + shift[1]))
WEEKS = st.dictionaries(st.sampled_from(WEEKDAYS), st.lists(_SHIFT, min_size=1, max_size=2).map(tuple), min_size=1)
MOMENTS = st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31), timezones=st.just(UTC))


@given(week=WEEKS, zone=st.sampled_from(ZONES), moment=MOMENTS, closed=st.sets(st.integers(0, 400), max_size=20))
def test_the_next_opening_is_the_first_moment_it_is_open(week, zone, moment, closed) -> None:  # type: ignore[no-untyped-def]
    hours = Hours(zone, week, {moment.date() + timedelta(days=day): "closed" for day in closed})
    opens = hours.opens_next(moment)
    assert opens >= moment
    assert hours.closed_because(opens) is None
    assert hours.state(opens) == "business"
    for between in (moment, opens - timedelta(seconds=1), moment + (opens - moment) / 2):
        assert between >= opens or between < moment or hours.closed_because(between) is not None


@given(week=WEEKS, moment=MOMENTS)
def test_without_summer_time_open_is_what_the_clock_on_the_wall_says(week, moment) -> None:  # type: ignore[no-untyped-def]
    hours = Hours("America/Phoenix", week)
    minute, today = hours.minute_of_day(moment), WEEKDAYS.index(hours.weekday(moment))
    by_the_wall = any(
        start <= minute + 1440 * days < end
        for days, day in ((0, WEEKDAYS[today]), (1, WEEKDAYS[today - 1]))
        for start, end in week.get(day, ())
    )
    assert (hours.closed_because(moment) is None) == by_the_wall


@given(week=WEEKS, zone=st.sampled_from(ZONES), moment=MOMENTS)
def test_there_is_a_reason_exactly_when_it_is_closed(week, zone, moment) -> None:  # type: ignore[no-untyped-def]
    hours = Hours(zone, week)
    assert (hours.closed_because(moment) is None) == (hours.state(moment) == "business")
