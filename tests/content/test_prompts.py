"""What callers hear: the words, the language, and how numbers and days sound."""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from babel import Locale
from babel.localedata import locale_identifiers
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from ivr.content import folder
from ivr.content.pharmacy import read_pharmacy
from ivr.content.prompts import NEUTRAL, SYSTEM_PROMPTS, Catalogue, Prompts, Spoken, Unspeakable, read_catalogue
from ivr.content.recordings import Recording
from ivr.content.spare_words import SPARE
from ivr.content.spoken import filters, ordinal, spoken_seconds
from ivr.content.written import File, Wrong, read_yaml
from ivr.core.rules import FACTS

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


def catalogue(code: str, text: str, **recordings: Recording) -> Catalogue:
    top = read_yaml(File(f"{code}.yaml", text))
    assert top is not None
    return read_catalogue(code, top, {f"{name}.wav": recording for name, recording in recordings.items()})


def written(code: str = "en", **prompts: str) -> str:
    """A file of prompts, each as its YAML."""
    told = "\n".join(f"  {name}: {words}" for name, words in prompts.items())
    country = "CA" if code == "fr" else "US"
    return f"version: 1\nlocale: {code}-{country}\nvoice: Polly.Lupe-Neural\nprompts:\n{told}\n"


PROMPTS = Prompts({"en": catalogue("en", EN), "es": catalogue("es", ES)}, "en")
SHIPPED, _ = folder.texts(Path(__file__).parents[2])


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


@pytest.mark.parametrize(
    ("today", "said"),
    [
        ("2026-12-30", "Tuesday, January fifth, 2027"),
        ("2027-01-01", "Tuesday, January fifth"),
        ("", "Tuesday, January"),
    ],
)
def test_a_year_is_only_said_when_it_is_not_this_one(today: str, said: str) -> None:
    values = {"expected_on": "2027-01-05", "today": today}
    assert f"on {said}" in PROMPTS.say("en", "shipped", values).text


@pytest.mark.parametrize(
    ("value", "way"), [("since", "day"), ("opens_at", "clock_time"), ("hours_today", "hours"), ("balance", "money")]
)
def test_nobody_has_to_listen_to_ciphers(value: str, way: str) -> None:
    told = mistakes(written(status=f"You owe us since {{{{ {value} }}}}."))
    assert told == [f"nobody can listen to that; write {{{{ {value} | {way} }}}}"]


# ---------------------------------------------------------------- who may hear it


def test_what_is_not_for_a_callers_ears_is_not_said_and_raises_an_alarm() -> None:
    with capture_logs() as logs:
        said = PROMPTS.heard_by("number").say("en", "status", {"rx_number": "7001234"})

    assert said.text == "A person can tell you more."
    assert logs == [{"event": "disclosure_prevented", "log_level": "error", "prompt": "status", "tier": "number"}]


def test_who_has_proved_it_hears_it_and_nothing_is_logged() -> None:
    with capture_logs() as logs:
        assert PROMPTS.heard_by("verified").say("en", "status", {}).text == "It is ready."
    assert logs == []


@pytest.mark.parametrize("tier", [None, "anonymous", "number", "staff", "nonsense"])
def test_a_text_is_kept_from_the_same_people(tier: str | None) -> None:
    assert PROMPTS.text("es", "status", {}, tier) == "Una persona puede decirle más."
    assert PROMPTS.text("es", "goodbye", {}, tier) == "Adiós."


def test_a_text_is_in_the_callers_words() -> None:
    values = {"pharmacy": "Central", "code": "012345"}
    assert PROMPTS.text("es", "code_text", values, "number").startswith("Central: su código es 012345.")
    assert PROMPTS.text("en", "status", {}, "prescription") == "It is ready."


def test_a_translation_that_forgets_for_whom_it_is_tells_nobody_else() -> None:
    english = written(ready="{text: Ready., tier: [prescription, verified]}", order="{text: Here., tier: verified}")
    spanish = written("es", ready="Lista.", order="{text: Aquí., tier: prescription}")
    prompts = Prompts({"en": catalogue("en", english), "es": catalogue("es", spanish)}, "en")

    assert prompts.say("es", "ready", {}, tier="anonymous").text == "Una persona puede decirle más."
    assert prompts.say("es", "ready", {}, tier="verified").text == "Lista."
    assert {prompts.say("es", "order", {}, tier=tier).locale for tier in ("prescription", "verified")} == {"es-US"}
    assert "Aquí" not in {prompts.say("es", "order", {}, tier=tier).text for tier in ("prescription", "verified")}


def test_what_stands_in_for_a_missing_value_is_guarded_too() -> None:
    dated = '{text: "Since {{ since | day }}.", without: ready}'
    prompts = Prompts({"en": catalogue("en", written(since=dated, ready="{text: Ready., tier: verified}"))}, "en")

    assert prompts.say("en", "since", {}, tier="number").text == "A person can tell you more."
    assert prompts.say("en", "since", {}, tier="verified").text == "Ready."


def test_the_words_that_tell_nothing_are_for_everybody_whatever_is_written() -> None:
    neutral = written(person_knows_more="{text: Ask us., tier: staff}", ready="{text: Ready., tier: verified}")
    prompts = Prompts({"en": catalogue("en", neutral)}, "en")

    assert prompts.say("en", "ready", {}).text == "Ask us."


@pytest.mark.parametrize("language", ["en", "es", "fr", "", None])
@pytest.mark.parametrize("tier", [*FACTS["tier"].values, "nonsense"])
def test_no_prompt_in_any_language_is_told_to_others(tier: str, language: str | None) -> None:
    secret = dict.fromkeys({*SYSTEM_PROMPTS} - {NEUTRAL}, "{text: Secret., tier: [prescription, verified]}")
    prompts = Prompts({"en": catalogue("en", written(**secret))}, "en")

    told = {prompts.say(language, name, {}, tier=tier).text == "Secret." for name in secret}
    assert told == {tier in ("prescription", "verified")}


# ---------------------------------------------------------------- words of our own


def test_content_of_an_earlier_day_says_new_things_in_our_words() -> None:
    assert PROMPTS.say("es", "not_understood", {}).locale == "es-US"
    assert PROMPTS.say("es", "not_understood", {}).text == SPARE["es"]["not_understood"]
    assert PROMPTS.say("en", "slower_now", {}).voice == "Polly.Joanna-Neural"


def test_a_pharmacys_own_words_come_first() -> None:
    prompts = Prompts({"en": catalogue("en", written(slower_now="As you like."))}, "en")
    assert prompts.say("en", "slower_now", {}).text == "As you like."


def test_a_language_we_have_no_words_in_falls_back_as_always() -> None:
    french = catalogue("fr", written("fr", goodbye="Au revoir."))
    assert Prompts({"en": PROMPTS.catalogues["en"], "fr": french}, "en").say("fr", "slower_now", {}).locale == "en-US"
    alone = Prompts({"fr": french}, "fr").say("fr", "slower_now", {})
    assert (alone.text, alone.locale, alone.voice) == (SPARE["en"]["slower_now"], "en-US", "")


def test_our_words_are_the_shipped_ones() -> None:
    shipped, _ = read_pharmacy(SHIPPED, [], 2026)
    assert shipped
    assert SPARE.keys() == {"en", "es"}
    assert SPARE["en"].keys() == SPARE["es"].keys() <= SYSTEM_PROMPTS.keys()
    for language, words in SPARE.items():
        prompts = shipped.prompts.catalogues[language].prompts
        assert {name: " ".join(prompts[name].source.split()) for name in words} == words


def before_they_were_needed(file: str) -> str:
    """The prompts of somebody who wrote theirs before the line learned to say what we have words of our own for."""
    entries = re.split(r"^(?=  [a-z_]+:)", file, flags=re.MULTILINE)
    return "".join(entry for entry in entries if entry.strip().partition(":")[0] not in SPARE["es"])


def test_what_nobody_wrote_is_remarked_on_and_refused_nowhere() -> None:
    path = "callflows/prompts/es.yaml"
    earlier = re.sub(rf"^  ({'|'.join(SPARE['es'])}):.*\n(?:    .*\n)*", "", SHIPPED[path], flags=re.MULTILINE)
    pharmacy, problems = read_pharmacy({**SHIPPED, path: earlier}, [], 2026)

    assert pharmacy
    assert [str(problem) for problem in problems if problem.file == path] == [
        f"{path}:4:1: nobody wrote, and the line says in words of its own: {', '.join(sorted(SPARE['es']))}"
    ]


# ---------------------------------------------------------------- recorded


def test_a_recorded_prompt_has_its_words_beside_it() -> None:
    hello = Recording("en", "hello.wav", "f" * 64)
    prompts = Prompts({"en": catalogue("en", written(hello="{text: Hello., recording: hello.wav}"), hello=hello)}, "en")

    said = prompts.say("en", "hello", {})
    assert (said.text, said.recording) == ("Hello.", f"en/hello.wav?v={'f' * 16}")
    assert prompts.catalogues["en"].recordings == ["en/hello.wav"]


def test_words_that_speak_of_values_cannot_be_recorded() -> None:
    entry = '{text: "Thank you for calling {{ pharmacy }}.", recording: hello.wav}'
    told = mistakes(written(hello=entry), hello=Recording("en", "hello.wav", "f"))
    assert told == ["these words speak of pharmacy, which no recording can"]


def test_a_recording_that_is_not_there_is_named_with_its_place() -> None:
    told = mistakes(written(hello="{text: Hi., recording: helo.wav}"), hello=Recording("en", "", "f"))
    assert told == ['there is no wav or mp3 called "helo.wav" in callflows/recordings/en/; did you mean "hello.wav"?']


def mistakes(text: str, **recordings: Recording) -> list[str]:
    """What is wrong with a file of prompts."""
    file = File("en.yaml", text)
    top = read_yaml(file)
    assert top is not None
    with pytest.raises(Wrong):
        read_catalogue("en", top, {f"{name}.wav": recording for name, recording in recordings.items()})
    return [problem.message for problem in file.problems]


# ---------------------------------------------------------------- how things sound

ENGLISH, SPANISH, GERMAN = (filters(Locale.parse(code)) for code in ("en_US", "es_US", "de_DE"))
GERMAN_HOURS = "08:00 \u2013 20:30"
SPANISH_SHIFTS = "de las 8 de la mañana al mediodía, de las 10 de la noche a la medianoche"


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
        ("hours", "08:00-20:00", "8 A M to 8 P M", "de las 8 de la mañana a las 8 de la noche"),
        ("hours", "12:00-13:30", "noon to 1 30 P M", "del mediodía a la 1 30 de la tarde"),
        ("hours", "08:00-12:00 22:00-24:00", "8 A M to noon, 10 P M to midnight", SPANISH_SHIFTS),
        ("hours", "00:00-24:00", "all day", "todo el día"),
        ("money", "12.50", "12 dollars and 50 cents", "12 dólares con 50 centavos"),
        ("money", Decimal("12.00"), "12 dollars", "12 dólares"),
        ("money", "1.01", "1 dollar and 1 cent", "1 dólar con 1 centavo"),
        ("money", "0.05", "5 cents", "5 centavos"),
        ("money", 0, "0 dollars", "0 dólares"),
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


@pytest.mark.parametrize(
    ("locale", "day", "next_year", "money", "hours", "minutes"),
    [
        ("fr_FR", "mardi 5 mai", "mardi 5 mai 2026", "12,50 dollars des États-Unis", "de 08:00 à 20:30", "6 minutes"),
        ("vi_VN", "Thứ Ba, 5 tháng 5", "Thứ Ba, 5 tháng 5, 2026", "12,50 đô la Mỹ", "08:00 đến 20:30", "6 phút"),
        ("zh_CN", "5月5日星期二", "2026年5月5日星期二", "12.50美元", "08:00到20:30", "6分钟"),
        ("de_DE", "Dienstag, 5. Mai", "Dienstag, 5. Mai 2026", "12,50 US-Dollar", GERMAN_HOURS, "6 Minuten"),
    ],
)
def test_every_language_has_its_own_customs(
    locale: str, day: str, next_year: str, money: str, hours: str, minutes: str
) -> None:
    said = filters(Locale.parse(locale))
    assert said["day"]("2026-05-05") == said["day"]("2026-05-05", "2026-01-01") == day
    assert said["day"]("2026-05-05", "2025-12-31") == next_year
    assert said["money"]("12.50") == money
    assert said["money"]("12") == money.replace(",50", "").replace(".50", "")
    assert said["hours"]("08:00-20:30") == hours
    assert said["minutes"]("6") == minutes


LOCALES = st.sampled_from([code for code in locale_identifiers() if len(code) == 2]).map(Locale.parse)
TIMES = st.builds("{:02}:{:02}".format, st.integers(0, 23), st.integers(0, 59))


@given(LOCALES, st.dates(date(1900, 1, 1), date(2099, 12, 31)), TIMES, TIMES, st.integers(0, 10**7))
def test_no_language_is_at_a_loss(locale: Locale, day: date, start: str, end: str, cents: int) -> None:
    said = filters(locale)
    values = {"day": day, "birthday": day, "clock_time": start, "hours": f"{start}-{end}", "minutes": cents}
    assert all(said[way](value).strip() for way, value in values.items())
    assert said["money"](Decimal(cents) / 100).strip()
    assert "/" not in said["day"](day)


@given(st.integers(0, 10**8))
def test_an_amount_is_said_to_the_cent(cents: int) -> None:
    told = [int(number) for number in re.findall(r"\d+", ENGLISH["money"](Decimal(cents) / 100))]
    dollars = "dollar" in ENGLISH["money"](Decimal(cents) / 100)
    assert cents == (100 * told[0] + sum(told[1:]) if dollars else told[0])


@pytest.mark.parametrize("value", ["-1", "1.005", "NaN", "sNaN", "Infinity", "1e999999999", "some", ""])
def test_what_nobody_can_owe_is_no_amount(value: str) -> None:
    with pytest.raises(ValueError, match="no amount"):
        ENGLISH["money"](value)


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
