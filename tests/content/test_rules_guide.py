"""`docs/rules.md` is what admins read: its examples work, and it leaves no fact, route or test out."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ivr.content import folder
from ivr.content.conditions import read_when
from ivr.content.pharmacy import read_pharmacy
from ivr.content.problems import Problem
from ivr.content.written import File, read_yaml
from ivr.core.rules import FACTS, ROUTES

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "docs/rules.md").read_text(encoding="utf-8")
WHOLE, PROMISES = re.findall(r"```yaml\n(.*?)```", GUIDE, re.DOTALL)
CONDITIONS = re.findall(r"`((?:caller|days_left|time|weekday|open|hours): [^`]+)`", GUIDE)
THENS = re.findall(
    r"^\| `((?:queue|voicemail|callback|self_service|transfer|announce): [a-z_]+)` \|", GUIDE, re.MULTILINE
)
SHIPPED, _ = folder.texts(ROOT)


def errors(rules: str) -> list[Problem]:
    _, problems = read_pharmacy({**SHIPPED, "routing_rules/main.yaml": rules}, [], 2026, proof_seconds=30)
    return [problem for problem in problems if problem.severity == "error"]


def test_the_first_example_can_be_published_as_it_stands() -> None:
    assert errors(WHOLE) == []


def test_the_promises_are_ones_a_pharmacy_can_make() -> None:
    rules = "rules: [{name: Open, when: {open: yes}, then: {queue: pharmacist}}]"
    assert errors(f"version: 1\n{rules}\notherwise: {{voicemail: front_desk}}\n{PROMISES}") == []


def test_promises_nobody_keeps_are_told() -> None:
    said = errors(f"version: 1\notherwise: {{announce: goodbye}}\n{PROMISES}")
    assert [problem.code for problem in said if problem.code != "person"] == ["guarantee", "guarantee"]


@pytest.mark.parametrize("condition", CONDITIONS)
def test_each_condition_is_one_the_format_knows(condition: str) -> None:
    item = read_yaml(File("rules.yaml", f"{{{condition}}}"))
    assert item is not None
    assert read_when(item, FACTS)


def test_the_table_of_conditions_was_found() -> None:
    assert len(CONDITIONS) >= 12


@pytest.mark.parametrize("word", [name for fact in FACTS.values() for name in (fact.name, *fact.values)])
def test_the_guide_names_every_fact_and_value(word: str) -> None:
    assert re.search(rf"`{re.escape(word)}`", GUIDE) or word in {"tue", "wed", "thu", "fri", "sat"}


def test_the_guide_names_every_way_a_call_can_go() -> None:
    assert {then.partition(":")[0] for then in THENS} == set(ROUTES)


KEYS = (
    "extends otherwise always never examples must must_not answer_within needs offer_callback record licensed on_call"
)


@pytest.mark.parametrize("word", KEYS.split())
def test_the_guide_names_every_key(word: str) -> None:
    assert f"`{word}" in GUIDE
