"""What callers hear: the words, the language, and how numbers and days sound."""

from __future__ import annotations

from datetime import date

import pytest
from babel import Locale
from hypothesis import given
from hypothesis import strategies as st

from ivr.content.prompts import Prompts, Spoken, Unspeakable, read_catalogue
from ivr.content.spoken import filters, ordinal, spoken_seconds
from ivr.content.written import File, read_yaml

EN = """
version: 1
locale: en-US
voice: Polly.Joanna-Neural
status: reviewed
prompts:
  goodbye: "Thank you  for calling.\\n Goodbye."
  only_english: Only in English.
  welcome: Thank you for calling {{ pharmacy }}.
  shipped: {text: "It should arrive on {{ expected_on | day }}.", without: shipped_no_day}
  shipped_no_day: It is on its way to you from {{ pharmacy }}.
  status: {text: It is ready., tier: [prescription, verified], status: draft}
"""
ES = """
version: 1
locale: es-US
voice: Polly.Lupe-Neural
prompts:
  goodbye: Adiós.
  shipped: {text: "Debe llegar el {{ expected_on | day }}.", without: shipped_no_day}
  shipped_no_day: Va en camino.
"""


def prompts() -> Prompts:
    catalogues = {}
    for code, text in (("en", EN), ("es", ES)):
        top = read_yaml(File(f"{code}.yaml", text))
        assert top is not None
        catalogues[code] = read_catalogue(code, top)
    return Prompts(catalogues, "en")


PROMPTS = prompts()


def test_a_prompt_is_said_in_the_callers_language_by_that_languages_voice() -> None:
    assert PROMPTS.say("es", "goodbye", {}) == Spoken("Adiós.", "es-US", "Polly.Lupe-Neural")
    assert PROMPTS.say("en", "goodbye", {}) == Spoken("Thank you for calling. Goodbye.", "en-US", "Polly.Joanna-Neural")


def test_a_caller_who_chose_no_language_hears_the_first() -> None:
    assert PROMPTS.say(None, "goodbye", {}).locale == "en-US"
    assert PROMPTS.say(None, "goodbye", {}, first="es").locale == "es-US"


def test_a_whole_prompt_falls_back_never_half_a_sentence() -> None:
    assert PROMPTS.say("es", "only_english", {}).voice == "Polly.Joanna-Neural"
    assert PROMPTS.say("es", "welcome", {"pharmacy": "Central"}).text == "Thank you for calling Central."


def test_a_language_nobody_wrote_falls_back_too() -> None:
    assert PROMPTS.say("fr", "goodbye", {}, first="es").text == "Adiós."


@pytest.mark.parametrize("value", [None, "", "next week", 7])
def test_without_a_day_another_prompt_is_said(value: object) -> None:
    assert PROMPTS.say("es", "shipped", {"expected_on": value}).text == "Va en camino."
    assert PROMPTS.say("es", "shipped", {}).text == "Va en camino."


def test_a_day_is_said_as_people_say_it() -> None:
    assert PROMPTS.say("en", "shipped", {"expected_on": "2026-05-05"}).text == "It should arrive on Tuesday, May fifth."
    assert PROMPTS.say("es", "shipped", {"expected_on": date(2026, 5, 5)}).text == "Debe llegar el martes 5 de mayo."


def test_a_prompt_without_words_is_told_by_name_and_tells_no_value() -> None:
    with pytest.raises(Unspeakable, match="no prompt is called nothing"):
        PROMPTS.say("en", "nothing", {})
    with pytest.raises(Unspeakable, match="welcome speaks of pharmacy"):
        PROMPTS.say("en", "welcome", {})


def test_a_prompt_knows_who_may_hear_it_and_whether_it_was_reviewed() -> None:
    status, goodbye = (PROMPTS.catalogues["en"].prompts[name] for name in ("status", "goodbye"))
    assert (status.tiers, status.status) == ({"prescription", "verified"}, "draft")
    assert (goodbye.tiers, goodbye.status) == (frozenset(), "reviewed")


def test_words_are_never_markup() -> None:
    said = PROMPTS.say("en", "welcome", {"pharmacy": "Smith & <b>Sons</b> {{ 7 * 7 }}"}).text
    assert said == "Thank you for calling Smith & <b>Sons</b> {{ 7 * 7 }}."


# ---------------------------------------------------------------- how things sound

ENGLISH, SPANISH, GERMAN = (filters(Locale.parse(code)) for code in ("en_US", "es_US", "de_DE"))


@pytest.mark.parametrize(
    ("way", "value", "english", "spanish"),
    [
        ("digits", "7001234", "7 0 0, 1 2 3 4", "7 0 0, 1 2 3 4"),
        ("digits", "70012345", "7 0 0 1, 2 3 4 5", "7 0 0 1, 2 3 4 5"),
        ("digits", 12345, "1 2 3 4 5", "1 2 3 4 5"),
        ("phone", "+16145550101", "6 1 4, 5 5 5, 0 1 0 1", "6 1 4, 5 5 5, 0 1 0 1"),
        ("toll_free", "8002221222", "1, 8 0 0, 2 2 2, 1 2 2 2", "1, 8 0 0, 2 2 2, 1 2 2 2"),
        ("day", "2026-12-01", "Tuesday, December first", "martes primero de diciembre"),
        ("day", "2026-10-31", "Saturday, October thirty-first", "sábado 31 de octubre"),
        ("birthday", "1950-01-05", "January fifth, 1950", "5 de enero de 1950"),
        ("clock_time", "09:00", "9 A M", "las 9 de la mañana"),
        ("clock_time", "13:05", "1 05 P M", "la 1 05 de la tarde"),
        ("clock_time", "00:00", "midnight", "la medianoche"),
        ("clock_time", "12:00", "noon", "el mediodía"),
        ("clock_time", "20:30", "8 30 P M", "las 8 30 de la noche"),
        ("minutes", 1, "1 minute", "1 minuto"),
        ("minutes", "6", "6 minutes", "6 minutos"),
        ("words", "refill_request", "refill request", "refill request"),
        ("language_name", "es", "Spanish", "español"),
        ("language_name", "unknown", "unknown", "unknown"),
    ],
)
def test_values_sound_as_people_say_them(way: str, value: object, english: str, spanish: str) -> None:
    assert (ENGLISH[way](value), SPANISH[way](value)) == (english, spanish)


def test_other_languages_have_their_own_way() -> None:
    assert GERMAN["day"]("2026-05-05") == "Dienstag, 5. Mai"
    assert GERMAN["clock_time"]("09:00") == "09:00"
    assert GERMAN["birthday"]("1950-01-05") == "5. Januar 1950"


def test_some_words_are_only_said_when_they_are_true() -> None:
    assert ENGLISH["when"](True, "Emergency.") == "Emergency."
    assert ENGLISH["when"](False, "Emergency.") == ""


@given(st.text(st.characters(categories=["Nd"], max_codepoint=127), min_size=1, max_size=15))
def test_reading_digits_aloud_loses_none(keyed: str) -> None:
    assert ENGLISH["digits"](keyed).replace(" ", "").replace(",", "") == keyed


@given(st.dates(date(1900, 1, 1), date(2099, 12, 31)))
def test_a_day_is_never_digits_and_slashes(day: date) -> None:
    assert ordinal(day.day) in ENGLISH["day"](day)
    assert not any(letter.isdigit() or letter == "/" for letter in ENGLISH["day"](day))


def test_longer_words_take_longer() -> None:
    short = "In an emergency, hang up and dial 911."
    assert 2 < spoken_seconds(short, "en") < 4
    assert spoken_seconds(short + short, "en") == pytest.approx(2 * spoken_seconds(short, "en"))
    assert spoken_seconds("Cuelgue y marque el 911.", "es") < spoken_seconds("Cuelgue y marque el 911911.", "es")
