"""Dates of birth as callers key, say and write them: the month first in English, the day first in Spanish."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date

from ivr.core import numerals

OLDEST_YEARS = 120
_MONTHS = (
    "january february march april may june july august september october november december",
    "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
)
MONTHS: Mapping[str, int] = {
    **{name[:3]: at for names in _MONTHS for at, name in enumerate(names.split(), 1)},
    **{name: at for names in _MONTHS for at, name in enumerate(names.split(), 1)},
    **{"sept": 9, "setiembre": 9},
}
_ORDINALS = "first second third fourth fifth sixth seventh eighth ninth"
_ORDINAL_TEENS = "tenth eleventh twelfth thirteenth fourteenth fifteenth sixteenth seventeenth eighteenth nineteenth"
_CARDINALS = "one two three four five six seven eight nine"
_CARDINAL_TEENS = "ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen"
CARDINALS: Mapping[str, str] = {
    **dict(zip(_ORDINALS.split(), _CARDINALS.split(), strict=True)),
    **dict(zip(_ORDINAL_TEENS.split(), _CARDINAL_TEENS.split(), strict=True)),
    **{"twentieth": "twenty", "thirtieth": "thirty", "primero": "uno", "primer": "uno"},
}
Told = tuple[str, str, str]  # year, month, day


def keyed(digits: str, today: date) -> str | None:
    """Return the date of MMDDYYYY or MMDDYY as ISO, or None when it cannot be a date of birth."""
    return _born((digits[4:], digits[:2], digits[2:4]), today) if len(digits) in (6, 8) else None


def said(words: str, language: str, today: date) -> str | None:
    """Return the date somebody said or wrote as ISO, or None when there is none that can be a date of birth.

    Eight digits in a row are read as the keypad's. Numbers that stand apart are read by the custom of the language,
    or the other way round where only that can be.
    """
    told = [CARDINALS.get(token, token) for token in numerals.tokens(words)]
    rows = [token for token in told if token.isdigit() and len(token) > 5]
    if rows:
        return _in_a_row(rows[0], language, today)
    dates = (_born(one, today) for one in (*_with_month(told), *_in_numbers(told, language)))
    return next((day for day in dates if day), None)


def _with_month(told: list[str]) -> Iterator[Told]:
    """Yield what `the fifth of January, 1950` and `enero 5 de 1950` can be."""
    at = next((at for at, token in enumerate(told) if token in MONTHS), None)
    if at is None:
        return
    month = str(MONTHS[told[at]])
    for first in numerals.series(_numbers(told[:at])):
        for rest in numerals.series(_numbers(told[at + 1 :])):
            day, year = (first, rest) if first else (rest[:1], rest[1:])
            yield "".join(year), month, "".join(day)
            yield "".join(day), month, "".join(year)


def _in_numbers(told: list[str], language: str) -> list[Told]:
    """Return what three numbers can be, the likelier order first."""
    numbers = [] if any(token in MONTHS for token in told) else _numbers(told)
    spaced = [re.sub(r"\b0 (\d)\b", r"0\1", " ".join(one)) for one in numerals.series(numbers)]
    parted = [one.split(" ", 2) for one in spaced if re.fullmatch(r"\d\d? \d\d? \d[\d ]+", one)]
    whole = [one.split(" ") for one in spaced if re.fullmatch(r"\d{4} \d\d? \d\d?", one)]
    years_first = [(year, month, day) for year, month, day in whole]
    month_first = [(year.replace(" ", ""), month, day) for month, day, year in parted]
    day_first = [(year, day, month) for year, month, day in month_first]
    return [*years_first, *(day_first + month_first if language == "es" else month_first + day_first)]


def _in_a_row(digits: str, language: str, today: date) -> str | None:
    """Return the only date a row of digits can be; where `111950` can be two, the caller is asked again."""
    parted = [(digits[-4:], digits[:cut], digits[cut:-4]) for cut in (1, 2) if len(digits) < 8]
    ordered = [(year, second, first) if language == "es" else (year, first, second) for year, first, second in parted]
    short = [one for one in ordered if len(one[1]) < 3 and len(one[2]) < 3]
    days = {keyed(digits, today), *(_born(one, today) for one in short)} - {None}
    return days.pop() if len(days) == 1 else None


def _numbers(told: list[str]) -> list[str]:
    return [token for token in told if numerals.is_number(token)]


def _born(told: Told, today: date) -> str | None:
    """Return a date of birth; of a year with two digits the latest that is not in the future."""
    year, month, day = (int(one) if one.isdigit() and len(one) in (1, 2, 4) else 0 for one in told)
    if len(told[0]) == 2:
        year += 2000 if 2000 + year <= today.year else 1900
    try:
        born = date(year, month, day)
    except ValueError:  # 31 February is no day of any year
        return None
    return born.isoformat() if born <= today and today.year - born.year <= OLDEST_YEARS else None
