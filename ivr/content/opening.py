"""Reads `config/hours.yaml`: the week of each site, and the days on which all are closed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from itertools import pairwise

import holidays

from ivr.content import scalars
from ivr.content.config import keys_under, top_fields
from ivr.content.names import Known
from ivr.content.problems import did_you_mean
from ivr.content.reading import Fields, attempt, listed, named, one_or_more, reference, scalar
from ivr.content.written import Item, Wrong, text
from ivr.core.hours import Hours
from ivr.core.pharmacy import Site
from ivr.core.rules import WEEKDAYS

Week = dict[str, tuple[tuple[int, int], ...]]


def read_hours(item: Item, sites: Mapping[str, Site], known: Known, year: int) -> dict[str, Hours]:
    """Return the hours by site, with the holidays from last year to three years on."""
    fields = top_fields(item, "hours.yaml")
    weeks = fields.need("hours", named(lambda name, value: _week(value), "a site"))
    closed = fields.take("holidays", lambda value: _closed_days(value, year), {})
    fields.done()
    written = keys_under(item, "hours")
    for key in written if known is not None else ():
        attempt(reference("site", known), key, "")
    missing = sorted(set(known or ()) - {key.text for key in written})
    if missing:
        message = f'"{missing[0]}" has no hours, so nobody could tell callers when it opens'
        raise Wrong("missing", message, item.at("hours"))
    return {name: Hours(sites[name].timezone, week, closed) for name, week in weeks.items() if name in sites}


def _week(item: Item) -> Week:
    fields = Fields(item, "a week")
    week = {day: fields.take(day, shifts, ()) for day in WEEKDAYS}
    fields.done()
    if not any(week.values()):
        raise Wrong("missing", "a site has to open on some day", item)
    return week


def shifts(item: Item) -> tuple[tuple[int, int], ...]:
    """Return the shifts of a day, in order; `closed` is none."""
    if (item.kind == "text" and item.text == "closed") or (item.kind == "list" and not item.items):
        return ()
    ordered = sorted(one_or_more(scalar(scalars.time_range))(item))
    for (_, end), (start, _) in pairwise(ordered):
        if start < end:
            raise Wrong("range", "two shifts of this day overlap", item)
    return tuple(ordered)


def _closed_days(item: Item, year: int) -> dict[date, str]:
    years = range(year - 1, year + 4)
    fields = Fields(item, "`holidays`")
    days = fields.take("country", lambda value: _of_country(value, years), {})
    open_on = fields.take("except", listed(lambda value: _holiday(value, days)), ())
    yearly = fields.take("also", listed(_yearly), ())
    dated = fields.take("closed_days", listed(_dated), ())
    fields.done()
    days = {day: name for day, name in days.items() if name not in open_on}
    days |= {date(y, month, day): name for y in years for month, day, name in yearly if (month, day) != (2, 29)}
    return days | dict(dated)


def _of_country(item: Item, years: range) -> dict[date, str]:
    country, _, state = text(item).partition("-")
    try:
        found = holidays.country_holidays(country, subdiv=state or None, years=years)
    except NotImplementedError:
        raise Wrong("unknown-value", f'no holidays are known for "{item.text}"; write US, or US-CA', item) from None
    return dict(found.items())


def _holiday(item: Item, days: Mapping[date, str]) -> str:
    if text(item) not in days.values():
        raise Wrong("reference", f'no holiday is called "{item.text}"{did_you_mean(item.text, days.values())}', item)
    return item.text


def _yearly(item: Item) -> tuple[int, int, str]:
    fields = Fields(item, "a day closed every year")
    told = fields.need("day", scalar(scalars.day_of_year))
    name = fields.need("name", text)
    fields.done()
    return *told, name


def _dated(item: Item) -> tuple[date, str]:
    if item.kind == "text":
        return scalars.day(text(item)), "a day we are closed"
    fields = Fields(item, "a closed day")
    told = fields.need("day", scalar(scalars.day))
    name = fields.need("name", text)
    fields.done()
    return told, name
