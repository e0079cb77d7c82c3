"""What is said to change between two made-up sets of rules is what trying every call says; with both solvers."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import product

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ivr.content.conditions import read_when
from ivr.content.written import File, read_yaml
from ivr.core.line import Queue
from ivr.core.router import Router
from ivr.core.rules import (
    FACTS,
    UNKNOWN,
    Condition,
    Decision,
    Fact,
    Rule,
    RuleSet,
    Then,
    Value,
    holds,
)
from ivr.proof.boxes import BoxSplitter
from ivr.proof.changes import Change, Compared, Version, compare
from ivr.proof.patience import Patience
from ivr.proof.sat import SatSolver
from ivr.proof.solver import MakeSolver
from tests.rules_at_random import LICENSED, QUEUES, rule_sets

MOST_CALLS = 1_000
WORSE_QUEUES = {
    **QUEUES,
    "refills": Queue("refills", "Refills", 300, needs=("counter",), offer_callback=False),
    "pharmacist": Queue("pharmacist", "Pharmacist", 60),
}


@pytest.fixture(params=[BoxSplitter, SatSolver], ids=["boxes", "sat"], scope="module")
def solver(request: pytest.FixtureRequest) -> MakeSolver:
    return request.param


def version(rules: RuleSet, queues: Mapping[str, Queue] = QUEUES) -> Version:
    return Version(rules, queues, LICENSED if queues is QUEUES else frozenset())


def every_call(*versions: Version) -> list[dict[str, Value]]:
    """Every call some versions can tell from another, made without any of the code that proves."""
    edges: dict[str, set[Value]] = {}
    for condition in _conditions(versions):
        edges.setdefault(condition.fact.name, set()).update(_telling(condition))
    size = 1
    for values in edges.values():
        size *= len(values)
    assume(size <= MOST_CALLS)
    return [dict(zip(edges, values, strict=True)) for values in product(*edges.values())]


def _conditions(versions: Sequence[Version]) -> Iterator[Condition]:
    for one in versions:
        for rule in one.rules.rules:
            yield from rule.when


def _telling(condition: Condition) -> Iterator[Value]:
    fact = condition.fact
    if not fact.always_known:
        yield UNKNOWN
    yield from fact.values
    if fact.numeric:
        yield from (fact.low, fact.high)
        for low, high in condition.spans:
            yield from (low, high + 1)


Seen = tuple[int, Decision, bool]


def seen(one: Version, calls: Sequence[Mapping[str, Value]], *, person_only: bool = False) -> list[Seen]:
    """What comes of calls: by the rule on which line, where to, and to licensed staff only or not."""
    router = Router(one.rules, one.queues)
    return [_seen(one, router.decide(call, person_only=person_only)) for call in calls]


def _seen(one: Version, decision: Decision) -> Seen:
    licensed = decision.route in ("queue", "voicemail", "callback") and decision.target in one.licensed
    return decision.line, replace(decision, rule=None, file="", line=0), licensed


def differing(old: Version, new: Version, *, person_only: bool = False) -> set[tuple[int, int]]:
    """The old and the new rule of each call that changes, found by trying all."""
    calls = every_call(old, new)
    both = zip(seen(old, calls, person_only=person_only), seen(new, calls, person_only=person_only), strict=True)
    return {(before[0], after[0]) for before, after in both if before[1:] != after[1:]}


def pairs(changes: Sequence[Change]) -> set[tuple[int, int]]:
    return {(change.before.rule.line, change.after.rule.line) for change in changes}


def compared(old: Version, new: Version, solver: MakeSolver) -> Compared:
    return compare(old, new, Patience(60), solver)


def any_call_like(example: Mapping[str, Value], facts: Mapping[str, Fact], chance: random.Random) -> dict[str, Value]:
    """The example with everything it leaves out filled in somehow."""
    call = dict(example)
    for fact in facts.values():
        if fact.name not in call and fact.name != "open" and (fact.values or fact.numeric):
            known = [chance.randint(fact.low, fact.high)] if fact.numeric else fact.values
            call[fact.name] = chance.choice([*known, *([] if fact.always_known else [UNKNOWN])])
    return call


@st.composite
def two_versions(draw: st.DrawFn) -> tuple[Version, Version]:
    """A set of rules, and what became of it: rules left out, moved, with another `then`, and new ones."""
    old = draw(rule_sets())
    other = draw(rule_sets(most=3))
    kept = draw(st.lists(st.sampled_from(old.rules), unique=True, max_size=6)) if old.rules else []
    fresh = [replace(rule, name=f"New {rule.line}", line=rule.line + 5) for rule in other.rules]
    changed = [replace(rule, then=Then("queue", "front_desk")) if draw(st.booleans()) else rule for rule in kept]
    rules = tuple(draw(st.permutations([*changed, *fresh])))
    queues = draw(st.sampled_from([QUEUES, QUEUES, WORSE_QUEUES]))
    return version(old), version(
        replace(old, rules=rules, otherwise=draw(st.sampled_from([old, other])).otherwise), queues
    )


# ---------------------------------------------------------------- of every call


@settings(max_examples=50)
@given(both=two_versions())
def test_the_calls_said_to_change_are_those_that_change(solver: MakeSolver, both: tuple[Version, Version]) -> None:
    differ = differing(*both)

    said = [change for change in compared(*both, solver).changes if not change.person_only]

    assert pairs(said) == differ
    assert len(said) == len(differ)


@settings(max_examples=50)
@given(both=two_versions())
def test_callers_who_ask_for_a_person_are_followed_too(solver: MakeSolver, both: tuple[Version, Version]) -> None:
    differ = differing(*both, person_only=True)

    said = compared(*both, solver).changes

    assert pairs(said) >= differ
    assert pairs([change for change in said if change.person_only]) <= differ


@settings(max_examples=50)
@given(both=two_versions(), seed=st.integers(0, 1_000))
def test_an_example_changes_as_told_whatever_it_leaves_out(
    solver: MakeSolver, both: tuple[Version, Version], seed: int
) -> None:
    old, new = both
    for change in compared(old, new, solver).changes:
        call = any_call_like(change.example, FACTS, random.Random(seed))
        (before,) = seen(old, [call], person_only=change.person_only)
        (after,) = seen(new, [call], person_only=change.person_only)
        assert holds(change.when, call)
        assert before == (change.before.rule.line, change.before.decision, change.before.licensed)
        assert after == (change.after.rule.line, change.after.decision, change.after.licensed)
        assert before[1:] != after[1:]


@settings(max_examples=40)
@given(both=two_versions())
def test_the_conditions_told_are_those_of_both_rules(solver: MakeSolver, both: tuple[Version, Version]) -> None:
    calls = every_call(*both)
    for change in compared(*both, solver).changes:
        rules = (change.before.rule, change.after.rule)
        for call in calls:
            assert holds(change.when, call) == all(holds(rule.when, call) for rule in rules)
        assert len({condition.fact.name for condition in change.when}) == len(change.when)


@given(rules=rule_sets())
@settings(max_examples=20)
def test_names_reasons_and_places_change_nothing(solver: MakeSolver, rules: RuleSet) -> None:
    renamed = tuple(replace(rule, name=f"My {rule.name}", why="Because.", line=rule.line + 1) for rule in rules.rules)

    assert compared(version(rules), version(replace(rules, rules=renamed)), solver) == Compared(())


@given(both=two_versions())
@settings(max_examples=10)
def test_what_there_was_no_time_for_is_not_compared(both: tuple[Version, Version]) -> None:
    old, new = both

    said = compare(old, new, Patience(0))

    assert said == Compared((), (*old.rules.rules, old.rules.otherwise))


# ---------------------------------------------------------------- versions that know different facts


PLANS = (
    Fact("plan", "word", ("gold", "silver")),
    Fact("plan", "word", ("bronze", "silver")),
    Fact("plan", "flag", ("yes", "no")),
    Fact("plan", "number", low=0, high=5),
    Fact("plan", "number", low=-3, high=3),
)
EVERY_PLAN: tuple[Value, ...] = ("gold", "silver", "bronze", "yes", "no", UNKNOWN, *range(-4, 8))


@st.composite
def rules_about_a_plan(draw: st.DrawFn) -> Version:
    """Rules that ask for a fact of the pharmacy's own, as this version declares it."""
    fact = draw(st.sampled_from(PLANS))
    number = st.integers(fact.low, fact.high).map(str)
    compared = st.builds("{} {}".format, st.sampled_from(["at most", "at least"]), number)
    one = st.one_of(st.just(UNKNOWN), *([number, compared] if fact.numeric else [st.sampled_from(fact.values)]))
    asked = st.one_of(one, st.builds("[{}, {}]".format, one, one), one.map("{{not: {}}}".format))
    facts = {**FACTS, "plan": fact}
    thens = st.sampled_from([Then("queue", "refills"), Then("queue", "front_desk"), Then("voicemail", "refills")])
    rules = tuple(
        Rule(f"Rule {line}", "", _when(f"{{plan: {draw(asked)}}}", facts), draw(thens), "main.yaml", line)
        for line in range(1, draw(st.integers(1, 4)))
    )
    last = Rule("otherwise", "", (), draw(thens), "main.yaml", 99)
    return version(RuleSet("main.yaml", rules, last, facts=facts))


def _when(text: str, facts: Mapping[str, Fact]) -> tuple[Condition, ...]:
    item = read_yaml(File("rules.yaml", text))
    assert item is not None
    return read_when(item, facts)


@given(old=rules_about_a_plan(), new=rules_about_a_plan())
def test_a_version_reads_what_only_the_other_knows_as_unknown(solver: MakeSolver, old: Version, new: Version) -> None:
    calls = [{"plan": plan} for plan in EVERY_PLAN]
    both = list(zip(seen(old, calls), seen(new, calls), strict=True))

    said = compared(old, new, solver).changes

    assert pairs(said) == {(before[0], after[0]) for before, after in both if before[1:] != after[1:]}
    for change in said:
        (before,), (after,) = seen(old, [change.example]), seen(new, [change.example])
        assert (before[0], after[0]) == (change.before.rule.line, change.after.rule.line)


def test_a_fact_that_only_one_version_knows_is_free_in_the_other(solver: MakeSolver) -> None:
    facts = {**FACTS, "plan": PLANS[0]}
    gold = Rule(
        "Gold", "", _when("{plan: gold, days_left: 1 to 5}", facts), Then("queue", "pharmacist"), "main.yaml", 3
    )
    soon = Rule("Soon", "", _when("{days_left: 4 to 9}", FACTS), Then("queue", "refills"), "main.yaml", 7)
    last = Rule("otherwise", "", (), Then("queue", "front_desk"), "main.yaml", 99)

    said = compared(
        version(RuleSet("main.yaml", (gold,), last, facts=facts)), version(RuleSet("main.yaml", (soon,), last)), solver
    ).changes

    assert [" and ".join(condition.text for condition in change.when) for change in said] == [
        "days_left: 4 to 5 and plan: gold",
        "days_left: 1 to 5 and plan: gold",
        "days_left: 4 to 9",
    ]
    assert said[0].example == {"days_left": 4, "plan": "gold"}


# ---------------------------------------------------------------- what got worse


def lost(before: Then, after: Then, queues: Mapping[str, Queue] = QUEUES) -> tuple[str, ...]:
    old, new = (RuleSet("main.yaml", (), Rule("otherwise", "", (), then, "main.yaml", 9)) for then in (before, after))
    (change,) = compare(version(old), version(new, queues), Patience(60)).changes
    return change.worse


def test_what_callers_lose_is_told() -> None:
    pharmacist, refills = Then("queue", "pharmacist"), Then("queue", "refills", 60, offer_callback=True)

    assert lost(pharmacist, Then("queue", "pharmacist", 61)) == ("a longer promise",)
    assert lost(pharmacist, Then("queue", "front_desk", 0)) == ("not only licensed staff any more",)
    assert lost(refills, Then("self_service", "refill")) == ("a machine instead of a person",)
    assert lost(refills, Then("voicemail", "refills", 60)) == ("a message instead of a person",)
    assert lost(refills, Then("queue", "refills", 60, offer_callback=False)) == ("no callback offered any more",)
    assert lost(refills, Then("callback", "refills", 60, offer_callback=False)) == ()
    assert lost(refills, Then("queue", "front_desk", 60)) == ("counter not asked for any more",)
    assert lost(Then("queue", "front_desk"), Then("transfer", "nurse")) == ("no promise any more",)


def test_what_callers_gain_is_no_loss() -> None:
    assert lost(Then("voicemail", "refills"), Then("queue", "refills", 60)) == ()
    assert lost(Then("self_service", "refill"), Then("announce", "goodbye")) == ()
    assert lost(Then("queue", "front_desk"), Then("queue", "pharmacist", 180)) == ()


def test_a_queue_that_changed_changes_the_calls_that_go_there() -> None:
    refills = Then("queue", "refills")

    assert lost(refills, refills, WORSE_QUEUES) == ("a longer promise", "no callback offered any more")
    assert lost(Then("queue", "pharmacist"), Then("queue", "pharmacist"), WORSE_QUEUES) == (
        "not only licensed staff any more",
    )
