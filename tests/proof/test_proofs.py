"""What the proofs say of made-up rules is what trying every call there is says; with both solvers, word for word."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import product

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ivr.core.rules import FACTS, UNKNOWN, Condition, Decision, Demand, Guarantee, Rule, RuleSet, Value, decide, holds
from ivr.proof.boxes import BoxSplitter
from ivr.proof.findings import Finding, Proofs, of_all
from ivr.proof.patience import Patience
from ivr.proof.sat import SatSolver
from ivr.proof.solver import MakeSolver
from tests.rules_at_random import LICENSED, QUEUES, rule_sets, whens

MOST_CALLS = 1_500


@pytest.fixture(params=[BoxSplitter, SatSolver], ids=["boxes", "sat"], scope="module")
def solver(request: pytest.FixtureRequest) -> MakeSolver:
    return request.param


def proofs(rules: RuleSet, solver: MakeSolver) -> Proofs:
    return Proofs(rules, QUEUES, LICENSED, Patience(60), solver)


def found(rules: RuleSet, solver: MakeSolver, code: str) -> list[Finding]:
    return [finding for finding in proofs(rules, solver).all() if finding.code == code]


def every_call(rules: RuleSet) -> list[dict[str, Value]]:
    """Every call these rules can tell from another, made without any of the code that proves."""
    edges: dict[str, set[Value]] = {}
    for condition in _conditions(rules):
        edges.setdefault(condition.fact.name, set()).update(_telling(condition))
    sizes = [len(values) for values in edges.values()]
    assume(not sizes or _size(sizes) <= MOST_CALLS)
    return [dict(zip(edges, values, strict=True)) for values in product(*edges.values())]


def _conditions(rules: RuleSet) -> Iterator[Condition]:
    for thing in (*rules.rules, *rules.always, *rules.never):
        yield from thing.when


def _telling(condition: Condition) -> Iterator[Value]:
    fact = condition.fact
    if not fact.always_known:
        yield UNKNOWN
    if not fact.numeric:
        yield from fact.values
        return
    yield fact.low
    for low, high in condition.spans:
        yield from (edge for edge in (low, high + 1) if fact.low <= edge <= fact.high)


def _size(sizes: Sequence[int]) -> int:
    size = 1
    for one in sizes:
        size *= one
    return size


def comes_to(rules: RuleSet, call: Mapping[str, Value]) -> Decision:
    """Where a call goes, whatever the rule is called that sends it there."""
    return replace(decide(rules, call, QUEUES)[0], rule=None, file="", line=0)


def without(rules: RuleSet, *names: str) -> RuleSet:
    return replace(rules, rules=tuple(rule for rule in rules.rules if rule.name not in names))


def taken_by(rules: RuleSet, call: Mapping[str, Value]) -> str:
    return decide(rules, call, QUEUES)[0].rule or "otherwise"


def named(rules: RuleSet, finding: Finding) -> Rule:
    return next(rule for rule in rules.rules if rule.line == finding.line)


def any_call_like(example: Mapping[str, Value], chance: random.Random) -> dict[str, Value]:
    """The example with everything it leaves out filled in somehow."""
    call = dict(example)
    for fact in FACTS.values():
        if fact.name not in call and fact.name != "open" and (fact.values or fact.numeric):
            known = [chance.randint(fact.low, fact.high)] if fact.numeric else fact.values
            call[fact.name] = chance.choice([*known, *([] if fact.always_known else [UNKNOWN])])
    return call


# ---------------------------------------------------------------- rules that get calls, and calls that get no rule


@settings(max_examples=60)
@given(rules=rule_sets())
def test_rules_said_to_get_no_call_are_those_that_get_none(solver: MakeSolver, rules: RuleSet) -> None:
    reached = {taken_by(rules, call) for call in every_call(rules)}

    said = {named(rules, finding).name for finding in found(rules, solver, "unreachable")}

    assert said == {rule.name for rule in rules.rules} - reached


@settings(max_examples=60)
@given(rules=rule_sets(most=8))
def test_what_shadows_a_rule_shadows_it_alone_and_only_together(solver: MakeSolver, rules: RuleSet) -> None:
    calls = every_call(rules)
    proving = proofs(rules, solver)
    for finding in [finding for finding in proving.all() if finding.code == "unreachable"]:
        rule = named(rules, finding)
        if not any(holds(rule.when, call) for call in calls):
            continue  # no call fits it at all, and nothing shadows it
        shadow = [rules.rules[number] for number in proving.shadow(rules.rules.index(rule))]
        for left_out in (None, *shadow):
            few = [other for other in shadow if other is not left_out]
            gets_a_call = any(taken_by(replace(rules, rules=(*few, rule)), call) == rule.name for call in calls)
            assert gets_a_call == (left_out is not None)


@settings(max_examples=60)
@given(rules=rule_sets(), seed=st.integers(0, 1_000))
def test_a_gap_is_shown_by_a_call_no_rule_fits(solver: MakeSolver, rules: RuleSet, seed: int) -> None:
    gap = any(taken_by(rules, call) == "otherwise" for call in every_call(rules))

    shown = found(rules, solver, "gap")

    assert len(shown) == gap
    for finding in shown:
        assert finding.example is not None
        assert taken_by(rules, any_call_like(finding.example, random.Random(seed))) == "otherwise"


# ---------------------------------------------------------------- guarantees


DEMANDS = st.sampled_from(
    [
        Demand("route", ("queue", "voicemail"), text="route: [queue, voicemail]"),
        Demand("queue", ("refills",), text="queue: refills"),
        Demand("licensed", ("yes",), text="licensed: yes"),
        Demand("answer_within", spans=((0, 60),), text="answer_within: at most 1m"),
        Demand("needs", ("counter",), text="needs: counter"),
    ]
)


@st.composite
def guarantees(draw: st.DrawFn) -> Guarantee:
    return Guarantee("Promised", draw(whens(2)), tuple(draw(st.lists(DEMANDS, min_size=1, max_size=2))), "main.yaml", 7)


@settings(max_examples=60)
@given(rules=rule_sets(), promise=guarantees(), seed=st.integers(0, 1_000))
def test_always_breaks_when_one_call_fails_one_of_its_tests(
    solver: MakeSolver, rules: RuleSet, promise: Guarantee, seed: int
) -> None:
    rules = replace(rules, always=(promise,))

    def breaks(call: Mapping[str, Value]) -> bool:
        decision, _ = decide(rules, call, QUEUES)
        return holds(promise.when, call) and not all(d.met_by(decision, QUEUES, LICENSED) for d in promise.demands)

    shown = found(rules, solver, "guarantee")

    assert len(shown) == any(breaks(call) for call in every_call(rules))
    assert all(breaks(any_call_like(finding.example or {}, random.Random(seed))) for finding in shown)


@settings(max_examples=60)
@given(rules=rule_sets(), promise=guarantees(), seed=st.integers(0, 1_000))
def test_never_breaks_when_one_call_meets_all_of_its_tests(
    solver: MakeSolver, rules: RuleSet, promise: Guarantee, seed: int
) -> None:
    rules = replace(rules, never=(promise,))

    def breaks(call: Mapping[str, Value]) -> bool:
        decision, _ = decide(rules, call, QUEUES)
        return holds(promise.when, call) and all(d.met_by(decision, QUEUES, LICENSED) for d in promise.demands)

    shown = found(rules, solver, "guarantee")

    assert len(shown) == any(breaks(call) for call in every_call(rules))
    assert all(breaks(any_call_like(finding.example or {}, random.Random(seed))) for finding in shown)


# ---------------------------------------------------------------- rules that change nothing


@settings(max_examples=60)
@given(rules=rule_sets())
def test_a_rule_is_redundant_when_no_call_goes_another_way_without_it(solver: MakeSolver, rules: RuleSet) -> None:
    calls = every_call(rules)
    reached = {taken_by(rules, call) for call in calls}

    said = {named(rules, finding).name for finding in found(rules, solver, "redundant")}

    for rule in rules.rules:
        same = all(comes_to(rules, call) == comes_to(without(rules, rule.name), call) for call in calls)
        assert (rule.name in said) == (same and rule.name in reached)


# ---------------------------------------------------------------- time


@given(rules=rule_sets().filter(lambda rules: rules.rules))
@settings(max_examples=10)
def test_what_there_was_no_time_for_is_not_proved(rules: RuleSet) -> None:
    promise = Guarantee("Promised", (), (Demand("transfer", ("nurse",), text="transfer: nurse"),), "main.yaml", 7)

    said = of_all([replace(rules, always=(promise,))], QUEUES, LICENSED, seconds=0)

    # That nothing can fit a rule is seen at once.
    assert {finding.code for finding in said} - {"unreachable"} == {"not-proved"}
    assert {finding.severity for finding in said} == {"error"}
    assert any('"Promised"' in finding.message and finding.line == 7 for finding in said)
