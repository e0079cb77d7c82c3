"""What people read out to a machine comes back as they meant it: numbers, dates, yes and no."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from babel.dates import get_month_names
from hypothesis import assume, example, given
from hypothesis import strategies as st

from ivr.core import dates, entry, numerals

TODAY = date(2026, 11, 24)
LANGUAGES = ("en", "es")
UNITS = {
    "en": ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"),
    "es": ("cero", "uno", "dos", "tres", "cuatro", "cinco", "seis", "siete", "ocho", "nueve"),
}
_TO_TWENTY = (
    "ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen",
    "diez once doce trece catorce quince dieciséis diecisiete dieciocho diecinueve",
)
_TENS = (
    "twenty thirty forty fifty sixty seventy eighty ninety",
    "veinte treinta cuarenta cincuenta sesenta setenta ochenta noventa",
)
TO_TWENTY = {code: words.split() for code, words in zip(LANGUAGES, _TO_TWENTY, strict=True)}
TENS = {code: words.split() for code, words in zip(LANGUAGES, _TENS, strict=True)}
_TWENTIES = "uno dós trés cuatro cinco séis siete ocho nueve"
TWENTIES = [f"veinti{unit}" for unit in _TWENTIES.split(" ")]
_HUNDREDS = "ciento doscientos trescientos cuatrocientos quinientos seiscientos setecientos ochocientos novecientos"
HUNDREDS = _HUNDREDS.split(" ")
MONTHS = {code: list(get_month_names(locale=code).values()) for code in LANGUAGES}
DIGITS = st.text("0123456789", min_size=2, max_size=10)


def spelled(number: int, language: str) -> str:
    """A number from 0 to 9,999 as it is said."""
    thousands, rest = divmod(number, 1000)
    if thousands:
        word = {"en": "thousand", "es": "mil"}[language]
        first = [] if language == "es" and thousands == 1 else [spelled(thousands, language)]
        return " ".join([*first, word, *([spelled(rest, language)] if rest else [])])
    hundreds, rest = divmod(number, 100)
    if hundreds:
        return " ".join([_hundreds(hundreds, rest, language), *([spelled(rest, language)] if rest else [])])
    return _below_hundred(number, language)


def _hundreds(hundreds: int, rest: int, language: str) -> str:
    if language == "en":
        return f"{UNITS['en'][hundreds]} hundred"
    return "cien" if hundreds == 1 and not rest else HUNDREDS[hundreds - 1]


def _below_hundred(number: int, language: str) -> str:
    if number < 20:
        return [*UNITS[language], *TO_TWENTY[language]][number]
    tens, unit = divmod(number, 10)
    if not unit:
        return TENS[language][tens - 2]
    if language == "es":
        return TWENTIES[unit - 1] if tens == 2 else f"{TENS['es'][tens - 2]} y {UNITS['es'][unit]}"
    return f"{TENS['en'][tens - 2]} {UNITS['en'][unit]}"


def one_by_one(digits: str, language: str) -> str:
    return " ".join(UNITS[language][int(digit)] for digit in digits)


def group(digits: str, language: str) -> str:
    """One group as people say it: `seven hundred one` for 701, digit by digit where it begins with a zero."""
    return one_by_one(digits, language) if digits[0] == "0" else spelled(int(digits), language)


def parted(digits: str, size: int) -> list[str]:
    """In groups of a size, the odd ones out first."""
    odd = len(digits) % size
    return [part for part in (digits[:odd], *(digits[at : at + size] for at in range(odd, len(digits), size))) if part]


@pytest.mark.parametrize("language", LANGUAGES)
class TestNumbers:
    @given(digits=DIGITS)
    def test_digit_by_digit(self, language: str, digits: str) -> None:
        assert entry.spoken_digits(one_by_one(digits, language)) == digits

    @given(digits=DIGITS)
    def test_in_pairs(self, language: str, digits: str) -> None:
        assert entry.spoken_digits(" ".join(group(pair, language) for pair in parted(digits, 2))) == digits

    @given(digits=DIGITS, size=st.sampled_from([3, 4]))
    @example(digits="700200", size=3)
    @example(digits="7001", size=4)
    def test_in_groups_among_what_it_can_be(self, language: str, digits: str, size: int) -> None:
        words = " ".join(group(part, language) for part in parted(digits, size))
        assert digits in list(numerals.readings(words))

    @given(digit=st.integers(0, 9), times=st.sampled_from([2, 3]), rest=DIGITS)
    def test_double_and_triple(self, language: str, digit: int, times: int, rest: str) -> None:
        said = {"en": ("double", "triple"), "es": ("doble", "triple")}[language][times - 2]
        words = f"{said} {UNITS[language][digit]}, {one_by_one(rest, language)}"
        assert entry.spoken_digits(words) == str(digit) * times + rest

    @given(words=st.text(max_size=80) | st.lists(st.sampled_from(sorted(numerals._WORDS)), max_size=60).map(" ".join))
    def test_whatever_is_said_is_read_soon_and_is_digits(self, language: str, words: str) -> None:
        told = list(numerals.readings(words))
        assert len(told) <= 70 * numerals.MOST_READINGS
        assert all(reading == "" or reading.isdigit() for reading in told)


@pytest.mark.parametrize(
    ("words", "digits"),
    [
        ("seven thousand one", "7001"),
        ("siete mil uno", "7001"),
        ("It's 700-1234.", "7001234"),
        ("I have two prescriptions, the number is 700 1234", "7001234"),
        ("seven oh oh, uh, one two three four", "7001234"),
        ("nineteen hundred", "1900"),
        ("nothing at all", ""),
        ("double", ""),
    ],
)
def test_the_likeliest_reading_of_what_people_say(words: str, digits: str) -> None:
    assert entry.spoken_digits(words) == digits


@pytest.mark.parametrize(
    ("as_", "words", "length", "value"),
    [
        ("rx_number", "seven hundred, one two three four", 7, "7001234"),
        ("rx_number", "seven hundred, one two three four", None, "701234"),
        ("rx_number", "seven", None, None),
        ("zip", "four three two one five", None, "43215"),
        ("zip", "forty three two fifteen", None, "43215"),
        ("code", "doce treinta y cuatro cincuenta y seis", None, "123456"),
        ("code", "1 2 3 4 5", None, None),
        ("phone", "six one four, five five five, oh one three oh", None, "+16145550130"),
        ("npi", "one two three four five six seven eight nine three", None, "1234567893"),
        ("npi", "one two three four five six seven eight nine four", None, None),
        ("digits", "twelve", 2, "12"),
        ("digits", "twelve", 3, None),
        ("speech", "  I lost my pills ", None, "I lost my pills"),
        ("speech", " ", None, None),
    ],
)
def test_a_value_is_the_first_reading_that_can_be_one(as_: str, words: str, length: int | None, value: object) -> None:
    assert entry.said(as_, words, "en", TODAY, length) == value


# ---------------------------------------------------------------- dates

BORN = st.dates(date(1910, 1, 1), TODAY)


def year_said(year: int, language: str) -> str:
    if language == "es" or 2000 <= year < 2010:
        return spelled(year, language)
    first, last = divmod(year, 100)
    return f"{spelled(first, 'en')} {f'oh {spelled(last, chr(101) + chr(110))}' if last < 10 else spelled(last, 'en')}"


@given(born=BORN)
def test_a_birthday_said_in_english(born: date) -> None:
    month, day, year = MONTHS["en"][born.month - 1], spelled(born.day, "en"), year_said(born.year, "en")
    assume(born.year % 100)  # nobody says `nineteen`; `nineteen hundred` is tried below
    for words in (f"{month} {day}, {year}", f"the {born.day}th of {month} {born.year}", f"{born.day} {month} {year}"):
        assert dates.said(words, "en", TODAY) == born.isoformat(), words


@given(born=BORN)
def test_a_birthday_said_in_spanish(born: date) -> None:
    month, day, year = MONTHS["es"][born.month - 1], spelled(born.day, "es"), year_said(born.year, "es")
    for words in (f"{day} de {month} de {year}", f"nací el {born.day} de {month} del {born.year}"):
        assert dates.said(words, "es", TODAY) == born.isoformat(), words


@given(born=BORN)
def test_a_date_in_numbers_is_read_by_the_custom_of_the_language(born: date) -> None:
    for mark in ("/", "-", " "):
        assert dates.said(f"{born.month}{mark}{born.day}{mark}{born.year}", "en", TODAY) == born.isoformat()
        assert dates.said(f"{born.day}{mark}{born.month}{mark}{born.year}", "es", TODAY) == born.isoformat()
    assert dates.said(born.isoformat(), "en", TODAY) == born.isoformat()


@given(born=BORN)
def test_eight_digits_in_a_row_are_read_as_the_keypad_does(born: date) -> None:
    for language in LANGUAGES:
        assert dates.said(f"{born:%m%d%Y}", language, TODAY) == born.isoformat()
    assert dates.keyed(f"{born:%m%d%Y}", TODAY) == born.isoformat()


@pytest.mark.parametrize(
    ("words", "language", "born"),
    [
        ("January fifth nineteen fifty", "en", "1950-01-05"),
        ("January twenty-first nineteen hundred and seven", "en", "1907-01-21"),
        ("5 de enero de 1950", "es", "1950-01-05"),
        ("primero de mayo del cincuenta", "es", "1950-05-01"),
        ("enero 5 de 1950", "es", "1950-01-05"),
        ("1/5/1950", "en", "1950-01-05"),
        ("1/5/1950", "es", "1950-05-01"),
        ("13/5/1950", "en", "1950-05-13"),  # the other way round, where only that can be
        ("one five nineteen fifty", "en", "1950-01-05"),
        ("zero one, zero five, one nine five zero", "en", "1950-01-05"),
        ("January five fifty", "en", "1950-01-05"),
        ("1/5/30", "en", "1930-01-05"),
        ("1/5/26", "en", "2026-01-05"),
        ("151950", "en", "1950-01-05"),  # as carriers write `one five nineteen fifty`
        ("111950", "en", None),  # the first of January, or the nineteenth of November?
        ("February thirty-first nineteen fifty", "en", None),
        ("January fifth", "en", None),
        ("January", "en", None),
        ("fifty January", "en", None),
        ("1/5/1850", "en", None),
        ("1/5/2027", "en", None),
        ("I do not remember", "en", None),
        ("99999999999999999999", "en", None),
    ],
)
def test_a_date_that_can_be_one_is_read_and_any_other_asked_again(words: str, language: str, born: str | None) -> None:
    assert dates.said(words, language, TODAY) == born


@given(days=st.integers(1, 40_000))
def test_nobody_is_born_tomorrow(days: int) -> None:
    assert dates.keyed(f"{TODAY + timedelta(days=days):%m%d%Y}", TODAY) is None


# ---------------------------------------------------------------- yes, no, and what every question understands


@pytest.mark.parametrize("words", ["no", "No, nobody is hurt.", "nope", "no no", "nadie", "no, gracias", "no, ninguno"])
def test_a_clear_no(words: str) -> None:
    assert entry.yes_or_no(words) is False


@pytest.mark.parametrize(
    "words",
    [
        "no",
        "Nobody.",
        "no, I'm not hurt",
        "no one is hurt right now",
        "no, there is no danger",
        "no, no estoy herido",
        "nadie",
    ],
)
def test_nothing_but_no(words: str) -> None:
    assert entry.is_nothing_but_no(words)


@pytest.mark.parametrize(
    "words", ["", "no, I am hurt", "no, it just hurts", "not hurt", "no, my refill", "no, I'm not well"]
)
def test_more_than_no(words: str) -> None:
    assert not entry.is_nothing_but_no(words)


@pytest.mark.parametrize("words", ["yes", "yeah I am", "sí", "si por favor", "sure", "claro", "Okay."])
def test_a_clear_yes(words: str) -> None:
    assert entry.yes_or_no(words) is True


@pytest.mark.parametrize(
    "words",
    [
        *(
            "I don't know",
            "no sé",
            "not sure",
            "no but it hurts",
            "no, maybe",
            "no yes",
            "",
            "hello",
            "no estoy segura",
        ),
        *(
            "not yet",
            "no I am hurt",
            "no estoy en peligro de nada seguro",
            "no pero me duele",
            "no I took all of them at once this morning and then some",
        ),
    ],
)
def test_anything_else_is_neither(words: str) -> None:
    assert entry.yes_or_no(words) is None


@pytest.mark.parametrize(
    ("words", "key"),
    [
        *(
            (words, "*")
            for words in ("repeat", "could you say that again please", "otra vez", "repita por favor", "¿cómo?")
        ),
        *((words, "9") for words in ("go back", "please go back", "atrás", "volver")),
        *((words, "slower") for words in ("slower please", "más despacio", "hable más despacio por favor")),
        *(
            (words, "0")
            for words in ("a person", "I want to talk to a person", "quiero hablar con una persona", "agente")
        ),
        ("someone stole my package", ""),
        ("I want to refill it again", ""),
        ("the operator at the bank told me to ask about my back pain", ""),
        ("", ""),
    ],
)
def test_what_every_question_understands_is_only_an_answer_that_says_nothing_else(words: str, key: str) -> None:
    assert entry.universal(words) == key
