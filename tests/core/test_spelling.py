"""Names spelt and amounts said by offices: what is not clear is asked again, and never guessed."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.core import spelling
from ivr.core.entry import said
from tests.core.rehearsal import OPEN

NAMES = st.text(alphabet="abcdefghijklmnopqrstuvwxyz", min_size=2, max_size=20)


def _keys(name: str) -> str:
    keys = [
        key * (letters.index(letter) + 1)
        for letter in name
        for key, letters in spelling.KEYS.items()
        if letter in letters
    ]
    between = ["1" if one[0] == two[0] else "" for one, two in pairwise(keys)]
    return "".join(key + gap for key, gap in zip(keys, [*between, ""], strict=True))


@given(NAMES)
def test_what_is_keyed_letter_by_letter_comes_back(name: str) -> None:
    assert spelling.keyed(_keys(name)) == name


@given(NAMES, st.sampled_from(("en", "es")), st.booleans())
def test_what_is_spelt_comes_back_plainly_and_with_words_for_letters(name: str, language: str, words: bool) -> None:
    as_in = {"en": "as in", "es": "como"}[language]
    alphabet = spelling.ALPHABET[language]
    told = " ".join(f"{letter} {as_in} {alphabet[letter]}" if words else letter for letter in name)
    assert spelling.said(told) == name


@pytest.mark.parametrize(
    ("words", "name"),
    [
        ("C as in Charlie, L, I, N", "clin"),
        ("see like charlie el eye en", "clin"),
        ("C L I N D E double S E", "clindesse"),
        ("double u e", "we"),
        ("be de Burgos, a, ele, de, e", "balde"),
        ("the letter a and then b", "ab"),
        ("November Echo", "ne"),
    ],
)
def test_people_spell_in_many_ways(words: str, name: str) -> None:
    assert spelling.said(words) == name


@pytest.mark.parametrize("words", ["clindesse", "M as in Nancy", "my baby is dying", "a", "", "it is a cat", "as in c"])
def test_what_is_no_spelling_is_asked_again(words: str) -> None:
    assert spelling.said(words) is None


@pytest.mark.parametrize("digits", ["2", "22222", "0", "2*2", ""])
def test_keys_that_are_no_letters_are_asked_again(digits: str) -> None:
    assert spelling.keyed(digits) is None


@pytest.mark.parametrize(
    ("words", "strength"),
    [
        ("2.5", "2.5"),
        ("two point five milligrams", "2.5"),
        ("point five", "0.5"),
        ("5.0", "5"),
        ("1,000", "1000"),
        ("twenty five", "25"),
        ("dos punto cinco", "2.5"),
        ("it's 0,25", "0.25"),
    ],
)
def test_strengths_are_written_without_ambiguity(words: str, strength: str) -> None:
    assert said("strength", words, "en", OPEN.date()) == strength


@pytest.mark.parametrize(
    "words", ["", "half", "875 over 125", "point", "1.2.3", "zero", "two point", "I took fifty of them"]
)
def test_other_strengths_are_asked_again(words: str) -> None:
    assert spelling.strength_said(words) is None


def test_a_strength_is_keyed_when_it_is_whole() -> None:
    assert [spelling.strength_keyed(digits) for digits in ("25", "0", "1234567")] == ["25", None, None]


@pytest.mark.parametrize(
    ("words", "unit"),
    [
        ("milligrams", "mg"),
        ("micrograms please", "mcg"),
        ("mililitros", "ml"),
        ("milligrams or micrograms", None),
        ("", None),
    ],
)
def test_only_one_unit_is_taken(words: str, unit: str | None) -> None:
    assert spelling.unit_said(words) == unit


def test_units_have_keys() -> None:
    assert [spelling.unit_keyed(key) for key in "1267"] == ["mg", "mcg", "percent", None]
