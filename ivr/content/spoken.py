"""How things sound: dates, times, digits and counts in a language, and how long a text takes to say.

Neural voices ignore most speech markup, so what has to be heard right is written out here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date, time

from babel import Locale
from babel.dates import format_date, format_skeleton, format_time
from babel.units import format_unit

_ORDINALS = (
    *("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth"),
    *("eleventh", "twelfth", "thirteenth", "fourteenth", "fifteenth", "sixteenth", "seventeenth", "eighteenth"),
    *("nineteenth", "twentieth"),
)
_GROUPS = {7: (3, 4), 8: (4, 4), 10: (3, 3, 4)}
# Syllables a second, pauses between sentences included, of a neural voice at its normal pace.
_PACE = {"en": 4.5, "es": 6.2}
_OTHER_PACE = 5.0
_DIGIT_SYLLABLES = {"en": 1.1, "es": 2.0}


def ordinal(number: int) -> str:
    """Return 1 to 31 as an English ordinal."""
    if number <= 20:
        return _ORDINALS[number - 1]
    if number == 30:
        return "thirtieth"
    return f"{'twenty' if number < 30 else 'thirty'}-{_ORDINALS[number % 10 - 1]}"


def filters(locale: Locale) -> Mapping[str, Callable[..., str]]:
    """Return the filters a prompt may use, speaking this locale."""
    return {
        "day": lambda value: _day(value, locale),
        "birthday": lambda value: _birthday(value, locale),
        "clock_time": lambda value: _clock_time(value, locale),
        "minutes": lambda value: format_unit(int(value), "duration-minute", "long", locale=locale),
        "digits": digits,
        "phone": lambda value: digits(str(value).removeprefix("+1")),
        "toll_free": lambda value: f"1, {digits(value)}",
        "words": lambda value: str(value).replace("_", " "),
        "language_name": lambda value: locale.languages.get(str(value), str(value)),
        "when": lambda value, said: said if value else "",
    }


def digits(value: object) -> str:
    """Return digits one by one, grouped as people say them: 7001234 is `7 0 0, 1 2 3 4`."""
    told = [letter for letter in str(value) if letter.isdigit()]
    groups, rest = [], iter(told)
    for size in _GROUPS.get(len(told), (len(told),)):
        groups.append(" ".join(next(rest) for _ in range(size)))
    return ", ".join(groups)


def _as_date(value: object) -> date:
    return value if isinstance(value, date) else date.fromisoformat(str(value))


def _day(value: object, locale: Locale) -> str:
    when = _as_date(value)
    if locale.language == "en":
        return f"{format_date(when, 'EEEE, MMMM', locale=locale)} {ordinal(when.day)}"
    if locale.language == "es":
        return format_date(when, f"EEEE {_spanish_day(when)} 'de' MMMM", locale=locale)
    return f"{format_date(when, 'EEEE', locale=locale)}, {format_skeleton('MMMMd', when, locale=locale)}"


def _birthday(value: object, locale: Locale) -> str:
    when = _as_date(value)
    if locale.language == "en":
        return f"{format_date(when, 'MMMM', locale=locale)} {ordinal(when.day)}, {when.year}"
    if locale.language == "es":
        return format_date(when, f"{_spanish_day(when)} 'de' MMMM 'de' yyyy", locale=locale)
    return format_date(when, "long", locale=locale)


def _spanish_day(when: date) -> str:
    return "'primero'" if when.day == 1 else "d"


def _clock_time(value: object, locale: Locale) -> str:
    hour, minute = (int(part) for part in str(value).split(":"))
    if (hour, minute) in ((0, 0), (12, 0)) and locale.language in _NOON:
        return _NOON[locale.language][hour]
    minutes = f" {minute:02}" if minute else ""
    if locale.language == "en":
        return f"{hour % 12 or 12}{minutes} {'A M' if hour < 12 else 'P M'}"
    if locale.language == "es":
        part = "mañana" if hour < 12 else "tarde" if hour < 20 else "noche"
        return f"{'la' if hour % 12 == 1 else 'las'} {hour % 12 or 12}{minutes} de la {part}"
    return format_time(time(hour, minute), "short", locale=locale)


_NOON = {"en": {0: "midnight", 12: "noon"}, "es": {0: "la medianoche", 12: "el mediodía"}}


def spoken_seconds(text: str, language: str) -> float:
    """Return about how long a text takes to say, by its syllables, digits one by one."""
    words = re.sub(r"\d", " ", text.casefold())
    vowels = "aeiouyáéíóúü" if language != "es" else "aeiouáéíóúü"
    groups = re.findall(rf"[{vowels}]+", re.sub(r"e\b", "", words) if language == "en" else words)
    syllables = len(groups) + sum(letter.isdigit() for letter in text) * _DIGIT_SYLLABLES.get(language, 1.5)
    return float(syllables / _PACE.get(language, _OTHER_PACE))
