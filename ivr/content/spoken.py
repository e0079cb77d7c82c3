"""How things sound: dates, times, digits and counts in a language, and how long a text takes to say.

Neural voices ignore most speech markup, so what has to be heard right is written out here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date, time
from decimal import Decimal, DecimalException

from babel import Locale
from babel.dates import format_date, format_time, match_skeleton
from babel.numbers import format_currency
from babel.units import format_unit

from ivr.core.rules import WEEKDAYS
from ivr.core.spelling import ALPHABET

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
        "day": lambda value, today=None: _day(value, locale, today),
        "birthday": lambda value: _birthday(value, locale),
        "clock_time": lambda value: _clock_time(value, locale),
        "hours": lambda value: _hours(value, locale),
        "minutes": lambda value: _minutes(value, locale),
        "week": lambda value: _week(value, locale),
        "money": lambda value: _money(value, locale),
        "digits": digits,
        "phone": lambda value: digits(str(value).removeprefix("+1")),
        "toll_free": lambda value: f"1, {digits(value)}",
        "words": lambda value: str(value).replace("_", " "),
        "spelt": lambda value: _spelt(value, locale),
        "decimal": lambda value: _decimal(value, locale),
        "unit": lambda value: _unit(value, locale),
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


def _spelt(value: object, locale: Locale) -> str:
    """Return a name letter by letter: `N as in November`."""
    words, as_in = ALPHABET.get(locale.language, ALPHABET["en"]), _AS_IN.get(locale.language, "as in")
    return ", ".join(
        f"{letter.upper()} {as_in} {words[letter]}" if letter in words else letter.upper()
        for letter in str(value).casefold()
        if not letter.isspace()
    )


def _decimal(value: object, locale: Locale) -> str:
    """Return an amount digit by digit, with its point in words: 2.5 is `2 point 5`."""
    whole, _, fraction = str(value).partition(".")
    point = f" {_POINT.get(locale.language, 'point')} {' '.join(fraction)}" if fraction else ""
    return f"{' '.join(whole)}{point}"


def _unit(value: object, locale: Locale) -> str:
    """Return a unit in full: nobody may take micrograms for milligrams."""
    return _UNITS.get(locale.language, _UNITS["en"]).get(str(value), str(value))


_AS_IN = {"en": "as in", "es": "de"}
_POINT = {"en": "point", "es": "punto"}
_UNITS = {
    "en": {"mg": "milligrams", "mcg": "micrograms", "g": "grams", "ml": "milliliters"},
    "es": {
        **{"mg": "miligramos", "mcg": "microgramos", "g": "gramos", "ml": "mililitros"},
        **{"units": "unidades", "percent": "por ciento"},
    },
}


def _as_date(value: object) -> date:
    return value if isinstance(value, date) else date.fromisoformat(str(value))


def _day(value: object, locale: Locale, today: object) -> str:
    """Return a day with its weekday, and with its year only when `today` is known to be in another."""
    when = _as_date(value)
    has_year = bool(today) and _as_date(today).year != when.year
    if locale.language == "en":
        year = f", {when.year}" if has_year else ""
        return f"{format_date(when, 'EEEE, MMMM', locale=locale)} {ordinal(when.day)}{year}"
    if locale.language == "es":
        return format_date(
            when, f"EEEE {_spanish_day(when)} 'de' MMMM{_SPANISH_YEAR if has_year else ''}", locale=locale
        )
    return format_date(when, "full" if has_year else _without_year(locale), locale=locale)


def _without_year(locale: Locale) -> str:
    """Return the locale's own pattern of a day without its year, its weekday in full."""
    skeletons = locale.datetime_skeletons
    pattern = str(skeletons[match_skeleton("MMMMEd", skeletons) or "MMMEd"])
    return re.sub("M{3,}", "MMMM", re.sub("E+", "EEEE", pattern))


def _birthday(value: object, locale: Locale) -> str:
    when = _as_date(value)
    if locale.language == "en":
        return f"{format_date(when, 'MMMM', locale=locale)} {ordinal(when.day)}, {when.year}"
    if locale.language == "es":
        return format_date(when, f"{_spanish_day(when)} 'de' MMMM{_SPANISH_YEAR}", locale=locale)
    return format_date(when, "long", locale=locale)


_SPANISH_YEAR = " 'de' yyyy"


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


def _minutes(value: object, locale: Locale) -> str:
    told = [format_unit(int(str(value)), "duration-minute", length, locale=locale) for length in ("long", "short")]
    return told[1] if "duration" in told[0] else told[0]  # some locales keep their word for it among the short ones


def _hours(value: object, locale: Locale) -> str:
    """Return a day's shifts, given as `08:00-12:00 13:00-20:00`."""
    return ", ".join(_shift(shift, locale) for shift in str(value).split())


def _shift(shift: str, locale: Locale) -> str:
    if shift == "00:00-24:00" and locale.language in _ALL_DAY:
        return _ALL_DAY[locale.language]
    start, end = (_clock_time(_within_a_day(clock), locale) for clock in shift.split("-"))
    said = _FROM_TO.get(locale.language, "{} \u2013 {}").format(start, end)
    return said.replace("de el ", "del ").replace(" a el ", " al ") if locale.language == "es" else said


def _week(value: object, locale: Locale) -> str:
    """Return a week's shifts, given as `mon-fri 08:00-20:00; sat-sat 09:00-17:00`."""
    parts = (part.strip().partition(" ") for part in str(value).split(";"))
    return ", ".join(f"{_days(days, locale)} {_hours(shifts, locale)}" for days, _, shifts in parts)


def _days(run: str, locale: Locale) -> str:
    names = locale.days["format"]["wide"]
    first, last = (WEEKDAYS.index(day) for day in run.split("-"))
    if first == last:
        return str(names[first])
    if last - first == len(WEEKDAYS) - 1 and locale.language in _EVERY_DAY:
        return _EVERY_DAY[locale.language]
    return _FROM_TO.get(locale.language, "{} \u2013 {}").format(names[first], names[last])


_EVERY_DAY = {"en": "every day", "es": "todos los días"}


def _within_a_day(clock: str) -> str:
    return "00:00" if clock == "24:00" else clock


_ALL_DAY = {"en": "all day", "es": "todo el día"}
_FROM_TO = {"en": "{} to {}", "es": "de {} a {}", "fr": "de {} à {}", "vi": "{} đến {}", "zh": "{}到{}"}


def _money(value: object, locale: Locale) -> str:
    """Return dollars and cents, whole dollars without cents; raises ValueError for what nobody can owe."""
    dollars, cents = divmod(_cents(value), 100)
    if locale.language not in _MONEY:
        amount, pattern = Decimal(dollars) + Decimal(cents) / 100, "0.00" if cents else "0"
        return format_currency(amount, "USD", pattern, locale, currency_digits=False, format_type="name")
    (dollar, many_dollars), (cent, many_cents), joined = _MONEY[locale.language]
    parts = [f"{dollars} {dollar if dollars == 1 else many_dollars}"] if dollars or not cents else []
    return joined.join(parts + ([f"{cents} {cent if cents == 1 else many_cents}"] if cents else []))


def _cents(value: object) -> int:
    try:
        cents = Decimal(str(value)) * 100
        is_payable = 0 <= cents < _MOST_CENTS and cents == int(cents)
    except DecimalException:
        is_payable = False
    if not is_payable:
        raise ValueError("no amount in dollars and cents")
    return int(cents)


_MOST_CENTS = 10**9
_MONEY = {
    "en": (("dollar", "dollars"), ("cent", "cents"), " and "),
    "es": (("dólar", "dólares"), ("centavo", "centavos"), " con "),
}


def spoken_seconds(text: str, language: str) -> float:
    """Return about how long a text takes to say, by its syllables, digits one by one."""
    words = re.sub(r"\d", " ", text.casefold())
    vowels = "aeiouyáéíóúü" if language != "es" else "aeiouáéíóúü"
    groups = re.findall(rf"[{vowels}]+", re.sub(r"e\b", "", words) if language == "en" else words)
    syllables = len(groups) + sum(letter.isdigit() for letter in text) * _DIGIT_SYLLABLES.get(language, 1.5)
    return float(syllables / _PACE.get(language, _OTHER_PACE))
