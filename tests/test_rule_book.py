"""The rules the benchmark makes up are such as a pharmacy could write, and every engine is asked the same."""

from __future__ import annotations

import pytest

from bench.engines import MakeEngine, interpreter, router
from bench.rule_book import FACTS_HERE, GUARANTEES, LICENSED, QUEUES, calls, read, written
from ivr.core.rules import RuleSet, holds
from ivr.proof.boxes import BoxSplitter
from ivr.proof.findings import Proofs
from ivr.proof.patience import Patience
from ivr.proof.sat import SatSolver
from ivr.proof.solver import MakeSolver


@pytest.fixture(scope="module")
def rules() -> RuleSet:
    return read(written(60))


def test_a_book_has_as_many_rules_as_were_asked_for_however_many_files_they_fill() -> None:
    texts = written(1_010)

    assert len(texts) == 2
    assert len(read(texts).rules) == 1_010


def test_the_same_seed_makes_the_same_rules_and_calls(rules: RuleSet) -> None:
    assert written(60) == written(60) != written(60, seed=2)
    assert calls(rules, 20) == calls(rules, 20) != calls(rules, 20, seed=2)


def test_specific_rules_stand_above_general_ones(rules: RuleSet) -> None:
    asked = [len(rule.when) for rule in rules.rules if rule.name.startswith("Rule ")]

    assert asked == sorted(asked, reverse=True)
    assert asked[0] > asked[-1]


def test_a_call_knows_every_fact_and_half_of_them_fit_a_rule_taken_at_random(rules: RuleSet) -> None:
    told = calls(rules, 200)

    assert all(call.keys() == FACTS_HERE.keys() for call in told)
    assert all(any(holds(rule.when, call) for rule in rules.rules) for call in told[1::2])


@pytest.mark.parametrize("solver", [BoxSplitter, SatSolver], ids=["boxes", "sat"])
def test_most_rules_get_calls_and_what_is_promised_holds(rules: RuleSet, solver: MakeSolver) -> None:
    found = [finding.code for finding in Proofs(rules, QUEUES, LICENSED, Patience(60), solver).all()]

    assert len(rules.always) + len(rules.never) == GUARANTEES == 10
    assert set(found) <= {"gap", "unreachable", "redundant"}
    assert found.count("unreachable") < len(rules.rules) / 8


@pytest.mark.parametrize("make", [router, interpreter])
def test_an_engine_answers_with_the_first_rule_that_fits(rules: RuleSet, make: MakeEngine) -> None:
    told = calls(rules, 100)
    meant = [[*(holds(rule.when, call) for rule in rules.rules), True].index(True) for call in told]

    times, answers = make(rules, told).stretch(first=90, seconds=60)

    assert {at for at, _ in answers} == set(range(100))
    assert all(meant[at] == place for at, place in answers)
    assert len(times) == len(answers)
