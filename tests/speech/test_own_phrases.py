"""What a pharmacy tells the listener in `callflows/speech/*.yaml`."""

from __future__ import annotations

from pathlib import Path

import pytest

from ivr.content import folder
from ivr.content.pharmacy import own_speech, read_pharmacy
from ivr.content.speech import FOLDER, with_built_in
from ivr.core.heard import Heard
from ivr.speech.listener import Listener
from ivr.speech.phrases import Phrases

ROOT = Path(__file__).parents[2]
SHIPPED, _ = folder.texts(ROOT)


def hear(text: str, words: str) -> Heard:
    phrases, problems = own_speech({f"{FOLDER}en.yaml": text})
    assert problems == []
    return Listener(with_built_in(phrases)).understand(words, "en")


def test_content_of_before_there_were_such_files_still_loads() -> None:
    older = {path: text for path, text in SHIPPED.items() if not path.startswith(FOLDER)}
    pharmacy, _ = read_pharmacy(older, [], 2026)
    assert pharmacy is not None
    assert pharmacy.speech == Phrases()
    assert Listener(with_built_in(pharmacy.speech)).understand("can't breathe").urgency == "emergency"


@pytest.mark.parametrize(
    ("level", "urgency", "asked"),
    [("emergency", "emergency", False), ("urgent", "urgent", False), ("ask", "routine", True)],
)
def test_a_red_flag_of_the_pharmacy_decides_and_is_named_with_its_place(level: str, urgency: str, asked: bool) -> None:
    heard = hear(f"version: 1\nred_flags:\n  {level}:\n    - the purple button\n", "where is the purple button")
    assert (heard.urgency, heard.ask_safety) == (urgency, asked)
    assert any(f"`the purple button` ({FOLDER}en.yaml:4)" in reason for reason in heard.because)


def test_a_red_flag_of_the_pharmacy_can_be_denied_too() -> None:
    own = "version: 1\nred_flags: {emergency: [purple spots]}\n"
    assert hear(own, "no purple spots, just a refill").urgency == "routine"


def test_a_phrase_of_an_intent_decides_what_they_want() -> None:
    heard = hear("version: 1\nintents: {billing: [happy plan]}\n", "i am calling about the happy plan")
    assert (heard.intent, heard.confidence) == ("billing", 1.0)
    assert f"phrase `happy plan` ({FOLDER}en.yaml:2)" in heard.because


def test_an_idiom_is_no_red_flag() -> None:
    assert hear("version: 1\nnot: [overdose of kindness]\n", "thanks for the overdose of kindness").urgency == "routine"


def test_their_own_red_flag_fears_no_idiom_of_ours() -> None:
    own = "version: 1\nred_flags: {emergency: [the flu shot made me see green]}\n"
    assert hear(own, "the flu shot made me see green").urgency == "emergency"


def test_a_phrase_may_leave_words_out_and_use_lists_and_medicines_of_its_own() -> None:
    own = """version: 1
red_flags:
  emergency:
    - <pet> ... swallowed? <medicine>/<number>
lists:
  pet: [iguana, guinea pig*]
medicines:
  zorbidol: [sorbet doll]
"""
    assert hear(own, "well my guinea pigs just went and swallowed sorbet doll").urgency == "emergency"
    assert hear(own, "my iguana swallowed 14").urgency == "emergency"


def test_the_place_of_the_pharmacy_is_told_where_it_says_what_is_built_in() -> None:
    heard = hear("version: 1\nred_flags:\n  emergency: [can't breathe]\n", "i can't breathe")
    assert heard.because[0] == f"red flag `can't breathe` ({FOLDER}en.yaml:3)"


def test_the_shipped_files_name_every_red_flag_of_both_languages() -> None:
    phrases, problems = own_speech(SHIPPED)
    assert problems == []
    assert {phrase.file for phrase in phrases.red_flags["emergency"]} == {f"{FOLDER}en.yaml", f"{FOLDER}es.yaml"}
