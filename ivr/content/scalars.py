"""Single values as the format writes them: flags, whole numbers, times, durations, phone numbers.

Each takes the text in the file and returns the value, or raises Wrong with what to write instead.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date

from phonenumbers import SUPPORTED_REGIONS, is_possible_number_string

from ivr.content.written import Wrong

_NUMBER = re.compile(r"0|-?[1-9][0-9]*")
_TIME = re.compile(r"([0-9]{2}):([0-9]{2})")
_DURATION = re.compile(r"(?:([1-9][0-9]*)([hm]) )?([1-9][0-9]*)([smh])")
_BEYOND = 1_000_000_000_000  # no domain and no length of time reaches nearly so far
_PHONE = re.compile(r"\+[1-9][0-9]{6,14}")
_DAYS = re.compile(r"([1-9][0-9]*)([dy])")
_UNIT_DAYS = {"d": 1, "y": 366}
_MOST_DAYS = 100 * 366
_UNIT_SECONDS = {"s": 1, "m": 60, "h": 3600}
_LONGEST_SECONDS = 30 * 24 * 3600
_MEANS = {"true": "yes", "on": "yes", "y": "yes", "false": "no", "off": "no", "n": "no", "yes": "yes", "no": "no"}


def flag(text: str) -> bool:
    """Return yes as True and no as False."""
    if text not in ("yes", "no"):
        raise Wrong("unknown-value", f'"{text}" is not yes or no{_write_flag(text)}')
    return text == "yes"


def _write_flag(text: str) -> str:
    meant = _MEANS.get(text.lower())
    return f"; write {meant}" if meant else ""


def flag_word(text: str) -> str:
    """Return `yes` or `no` unchanged, for tests that compare words."""
    return "yes" if flag(text) else "no"


def number(text: str) -> int:
    """Return a whole number: digits, with a minus where it is below zero. One beyond all bounds counts as 10^12."""
    if not _NUMBER.fullmatch(text):
        raise Wrong("type", f'"{text}" is not a whole number; write {_digits_meant(text) or "digits only, as in 7"}')
    return _whole_number(text)


def _digits_meant(text: str) -> str | None:
    """Return 3 for 03, +3 and so on."""
    return str(_whole_number(text)) if re.fullmatch(r"[+-]?[0-9]{1,9}", text) else None


def _whole_number(digits: str) -> int:
    if len(digits) <= 12:
        return int(digits)
    return -_BEYOND if digits.startswith("-") else _BEYOND


def whole(low: int, high: int) -> Callable[[str], int]:
    """Return a reader of whole numbers from low to high."""

    def read_whole(text: str) -> int:
        value = number(text)
        if not low <= value <= high:
            raise Wrong("range", f"{text} is outside {low} to {high}")
        return value

    return read_whole


def time_of_day(text: str) -> int:
    """Return minutes from midnight for HH:MM, 00:00 to 23:59."""
    match = _TIME.fullmatch(text)
    if match is None:
        meant = f"write 0{text}" if re.fullmatch("[0-9]:[0-5][0-9]", text) else "write HH:MM, as in 08:30"
        raise Wrong("type", f'"{text}" is not a time; {meant}')
    hours, minutes = int(match[1]), int(match[2])
    if hours > 23 or minutes > 59:
        raise Wrong("range", f"{text} is not on the clock; times run from 00:00 to 23:59")
    return hours * 60 + minutes


def time_range(text: str) -> tuple[int, int]:
    """Return minutes for `A to B`: from A up to but without B, and B over 1440 where it is after midnight."""
    start_text, _, end_text = text.partition(" to ")
    if not end_text:
        raise Wrong("type", f'"{text}" is not a range of times; write two, as in 08:00 to 20:00')
    start = time_of_day(start_text.strip())
    end = 24 * 60 if end_text.strip() == "24:00" else time_of_day(end_text.strip())
    if start == end:
        raise Wrong("range", f"{text} starts when it ends; write 00:00 to 24:00 for the whole day")
    return start, end if end > start else end + 24 * 60


def duration(text: str) -> int:
    """Return seconds for 30s, 5m, 2h or 1m 30s, from one second to 30 days."""
    match = _DURATION.fullmatch(text)
    if match is None:
        raise _no_duration(text)
    larger, larger_unit, smaller, unit = match.groups()
    seconds = _whole_number(smaller) * _UNIT_SECONDS[unit]
    if larger:
        if _UNIT_SECONDS[unit] >= _UNIT_SECONDS[larger_unit] or _whole_number(smaller) > 59:
            raise Wrong("type", f'"{text}": the larger unit comes first and the second stays below 60, as in 1m 30s')
        seconds += _whole_number(larger) * _UNIT_SECONDS[larger_unit]
    if seconds > _LONGEST_SECONDS:
        raise Wrong("range", f"{text} is longer than 30 days")
    return seconds


def days(text: str) -> int:
    """Return days for 90d or 6y, up to a hundred years; a year has 366, so that none is cut short."""
    match = _DAYS.fullmatch(text)
    if match is None:
        raise Wrong("type", f'"{text}" is not how long to keep something; write days or years, as in 90d or 6y')
    found = _whole_number(match[1]) * _UNIT_DAYS[match[2]]
    if found > _MOST_DAYS:
        raise Wrong("range", f"{text} is longer than 100 years")
    return found


def _no_duration(text: str) -> Wrong:
    if re.fullmatch("0+[smh]", text):
        return Wrong("range", f"{text} is no time at all; write at least 1s")
    if re.fullmatch("[1-9][0-9]{,8}", text):
        return Wrong("type", f'"{text}" is a number without its unit; write {text}s or {text}m')
    return Wrong("type", f'"{text}" is not a length of time; write 30s, 5m, 2h or 1m 30s')


def promise(text: str) -> int:
    """Return seconds for a duration, and 0 for `now`."""
    if text != "now" and text.lower() == "now":
        raise Wrong("type", f'"{text}" is not a length of time; write now, in small letters')
    return 0 if text == "now" else duration(text)


def phone(text: str) -> str:
    """Return a phone number as E.164: a plus, the country, the number."""
    if not _PHONE.fullmatch(text) or not is_possible_number_string(text, "ZZ"):
        raise Wrong("type", f'"{text}" is not a phone number; write it as +12025550101, with country and no spaces')
    return text


def country(text: str) -> str:
    """Return a country by the code phone numbers are told apart by: US, CA, MX."""
    if text not in SUPPORTED_REGIONS:
        meant = f"; write {text.upper()}" if text.upper() in SUPPORTED_REGIONS else "; write its code, as in US or CA"
        raise Wrong("unknown-value", f'"{text}" is not a country{meant}')
    return text


def language(text: str) -> str:
    """Return a language by its code."""
    if not re.fullmatch(r"[a-z]{2,3}", text):
        raise Wrong("type", f'"{text}" is not a language; write its code, as in en or es')
    return text


def day(text: str) -> date:
    """Return the day of YYYY-MM-DD."""
    try:
        found = date.fromisoformat(text)
    except ValueError:
        found = None
    # Python reads 20261224 and 2026-W52-4 too, which an editor with our schema calls wrong.
    if found is None or text != found.isoformat():
        raise Wrong("type", f'"{text}" is not a day; write it as 2026-12-24')
    return found


def day_of_year(text: str) -> tuple[int, int]:
    """Return the month and the day of MM-DD."""
    try:
        found = date.fromisoformat(f"2000-{text}")
    except ValueError:
        raise Wrong("type", f'"{text}" is not a day of the year; write it as 12-24') from None
    return found.month, found.day


def version(text: str) -> str:
    """Return the version of the format a file is written in."""
    if text != "1":
        raise Wrong("unknown-value", f'"{text}" is not a version of this format; write 1')
    return text


def rate(text: str) -> float:
    """Return a number of times a second, 0.1 to 100."""
    if not re.fullmatch(r"[0-9]{1,3}(\.[0-9])?", text) or not 0.1 <= float(text) <= 100:
        raise Wrong("range", f'"{text}" is not a pace from 0.1 to 100 a second')
    return float(text)


def duration_text(seconds: int) -> str:
    """Return seconds as the format writes them: now, 30s, 1m 30s, 2h."""
    if seconds == 0:
        return "now"
    hours, minutes, rest = seconds // 3600, seconds // 60 % 60, seconds % 60
    return " ".join(f"{n}{unit}" for n, unit in ((hours, "h"), (minutes, "m"), (rest, "s")) if n)
