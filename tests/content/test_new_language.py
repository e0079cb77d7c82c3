"""Another language is a file of prompts, a key in the language menu and a name in `lines.yaml`; no programming."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ivr.content import ContentProblems, folder, load_files
from ivr.content.pharmacy import read_pharmacy
from ivr.core.call import Answer
from ivr.core.pharmacy import Pharmacy
from ivr.core.verbs import Gather, Say, Verb
from tests.core.rehearsal import Rehearsal

SHIPPED, _ = folder.texts(Path(__file__).parents[2])
FRENCH = "callflows/prompts/fr.yaml"
A_FEW = """version: 1
locale: fr-CA
voice: Polly.Gabrielle-Neural
status: draft
prompts:
  choose_language: Pour le français, appuyez sur le trois.
  welcome: Merci d'appeler {{ pharmacy }}.
  order_shipped:
    text: Votre commande arrive {{ expected_on | day }}.
    tier: [prescription, verified]
    without: order_shipped_no_day
  order_shipped_no_day: {text: Votre commande est en route., tier: [prescription, verified]}
  hold_position: Environ {{ minutes_high | minutes }}.
"""
STRANGER = Answer(True, {"tier": "anonymous"})
OPTION = "      2: {set: {language: es}"
MENU = SHIPPED["callflows/main.yaml"].replace(OPTION, f"      3: {{set: {{language: fr}}, then: who}}\n{OPTION}")
LINES = SHIPPED["config/lines.yaml"].replace("languages: [en, es]", "languages: [en, es, fr]")


def all_of_it() -> str:
    """Every prompt there is in French, as far as this test cares: the few, and English words for the others."""
    others = SHIPPED["callflows/prompts/en.yaml"].partition("\nprompts:\n")[2]
    few = A_FEW.partition("\nprompts:\n")[2]
    names = re.findall(r"^  (\w+):", few, re.MULTILINE)
    kept = [part for part in re.split(r"\n(?=  \w+:)", others) if part.partition(":")[0].strip() not in names]
    return A_FEW + "\n".join(kept)


def with_french(words: str, **files: str) -> Pharmacy:
    return load_files({**SHIPPED, "callflows/main.yaml": MENU, FRENCH: words, **files}, year=2026)


def said(verbs: tuple[Verb, ...] | None, pharmacy: Pharmacy, language: str = "en") -> list[tuple[str, str]]:
    """What is heard, each with its locale."""
    told: list[tuple[str, str]] = []
    for verb in verbs or ():
        for say in verb.says if isinstance(verb, Gather) else (verb,):
            if isinstance(say, Say):
                spoken = pharmacy.prompts.say(say.language or language, say.prompt, say.values)
                told.append((spoken.text, spoken.locale))
    return told


def test_a_few_prompts_are_enough_to_begin_and_each_other_is_heard_whole_in_the_first_language() -> None:
    prompts = with_french(A_FEW).prompts.heard_by("verified")

    welcome = prompts.say("fr", "welcome", {"pharmacy": "Central"})
    assert (welcome.text, welcome.locale, welcome.voice) == (
        "Merci d'appeler Central.",
        "fr-CA",
        "Polly.Gabrielle-Neural",
    )
    assert prompts.say("fr", "goodbye", {}).text == "Thank you for calling. Goodbye."
    assert prompts.say("fr", "goodbye", {}).voice == "Polly.Joanna-Neural"


def test_numbers_and_days_are_french() -> None:
    prompts = with_french(A_FEW).prompts.heard_by("verified")

    assert (
        prompts.say("fr", "order_shipped", {"expected_on": "2026-12-01"}).text
        == "Votre commande arrive mardi 1 décembre."
    )
    assert prompts.say("fr", "order_shipped", {}).text == "Votre commande est en route."
    assert prompts.say("fr", "hold_position", {"minutes_high": 6}).text == "Environ 6 minutes."


def test_once_a_line_names_it_it_offers_itself_and_stays_for_the_call() -> None:
    pharmacy = with_french(all_of_it(), **{"config/lines.yaml": LINES})
    call = Rehearsal(pharmacy=pharmacy, who=STRANGER).rings()

    assert ("Pour le français, appuyez sur le trois.", "fr-CA") in said(call.last.says, pharmacy)
    call.keys("3")
    assert call.call.language == "fr"
    assert ("Merci d'appeler Central Pharmacy.", "fr-CA") in said(call.last.says, pharmacy, "fr")


def test_a_line_that_names_it_needs_all_of_it() -> None:
    _, problems = read_pharmacy(
        {**SHIPPED, "callflows/main.yaml": MENU, FRENCH: A_FEW, "config/lines.yaml": LINES}, [], 2026
    )
    errors = [str(problem) for problem in problems if problem.severity == "error"]

    assert any(error.startswith(f"{FRENCH}:1:1: the line says by itself, and nobody wrote: ") for error in errors)
    assert any('"main_menu" is not written in callflows/prompts/fr.yaml' in error for error in errors)
    with pytest.raises(ContentProblems):
        with_french(A_FEW, **{"config/lines.yaml": LINES})


def test_what_the_line_learned_lately_is_only_remarked_on() -> None:
    words = all_of_it()
    for name in ("slower_now", "person_knows_more"):
        words = re.sub(rf"^  {name}: .*\n", "", words, flags=re.MULTILINE)
    files = {**SHIPPED, "callflows/main.yaml": MENU, FRENCH: words, "config/lines.yaml": LINES}
    _, problems = read_pharmacy(files, [], 2026)

    assert [(problem.severity, str(problem)) for problem in problems if problem.file == FRENCH] == [
        ("warning", f"{FRENCH}:1:1: nobody wrote, and the line says in another language: person_knows_more, slower_now")
    ]
