"""How hard words are to follow, by the published formulas, and what `ivr check` makes of it."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from ivr.content import folder
from ivr.content.pharmacy import read_pharmacy
from ivr.content.reading_level import FEWEST_WORDS, english_syllables, reading_level, spanish_syllables

SHIPPED, _ = folder.texts(Path(__file__).parents[2])
PLAIN = {
    "en": "The insurance company has to agree first. We have asked them. We will call you when they answer.",
    "es": "El seguro tiene que decir que sí antes de surtirla. Ya le preguntamos. Le llamaremos cuando conteste.",
}
OFFICIAL = {
    "en": "Should you desire authorization for the adjudication of your pharmaceutical benefit, kindly indicate your"
    " preference by utilizing the telephone keypad.",
    "es": "En caso de requerir autorización para la adjudicación de su beneficio farmacéutico, sírvase indicar su"
    " preferencia utilizando el teclado telefónico.",
}
STIFF = "The doctor must agree before we can refill this prescription, and most of them answer us in a day or two."


@pytest.mark.parametrize("language", ["en", "es"])
def test_plain_words_are_plain_and_official_ones_too_hard(language: str) -> None:
    plain, official = reading_level(PLAIN[language], language), reading_level(OFFICIAL[language], language)
    assert plain is not None
    assert official is not None
    assert (plain.hard, plain.too_hard, official.hard, official.too_hard) == (False, False, True, True)


def test_a_long_sentence_of_plain_words_is_hard_and_not_too_hard() -> None:
    level = reading_level(STIFF, "en")
    assert level is not None
    assert (level.told, level.asked, level.hard, level.too_hard) == ("school grade 8", "6 at most", True, False)


def test_nothing_is_told_of_a_few_words_or_of_a_language_without_a_formula() -> None:
    few = "authorization " * (FEWEST_WORDS - 1)
    assert reading_level(few, "en") is None
    assert reading_level(OFFICIAL["en"], "fr") is None


@pytest.mark.parametrize(
    ("word", "count"),
    [
        *[
            ("press", 1),
            ("medicine", 3),
            ("people", 2),
            ("prescription", 3),
            ("idea", 3),
            ("created", 3),
            ("little", 2),
        ],
        *[("needed", 2), ("pressed", 1), ("changes", 2), ("insurance", 3), ("usually", 4), ("queue", 1), ("the", 1)],
        *[("authorization", 5), ("patient", 2), ("911", 3)],
    ],
)
def test_english_words_have_as_many_syllables_as_are_heard(word: str, count: int) -> None:
    assert english_syllables(word) == count


@pytest.mark.parametrize(
    ("word", "count"),
    [
        *[("oprima", 3), ("farmacia", 3), ("día", 2), ("envío", 3), ("ciudad", 2), ("quiere", 2), ("leer", 2)],
        *[("aéreo", 4), ("voy", 1), ("ley", 1), ("leyes", 2), ("oiga", 2), ("país", 2), ("línea", 3), ("cigüeña", 3)],
        *[("farmacéutico", 5), ("siete", 2), ("y", 1), ("911", 6)],
    ],
)
def test_spanish_words_too(word: str, count: int) -> None:
    assert spanish_syllables(word) == count


def told(text: str, name: str = "refill_not_now") -> list[tuple[str, str]]:
    path = "callflows/prompts/en.yaml"
    catalogue = yaml.load(SHIPPED[path], Loader=yaml.BaseLoader)
    catalogue["prompts"][name] = text
    _, problems = read_pharmacy({**SHIPPED, path: yaml.safe_dump(catalogue, width=1_000)}, [], 2026)
    return [(problem.severity, problem.message) for problem in problems if problem.code == "plain-words"]


def test_hard_words_are_remarked_on_and_very_hard_ones_refused() -> None:
    asked = "6 at most); use shorter sentences and plainer words"
    assert told(PLAIN["en"]) == []
    assert told(STIFF) == [("warning", f"this is hard to follow (school grade 8, {asked}")]
    assert told(OFFICIAL["en"]) == [("error", f"this is hard to follow (school grade 19, {asked}")]


def test_the_staff_may_be_told_in_any_words() -> None:
    assert told(OFFICIAL["en"], "agent_declined") == []
