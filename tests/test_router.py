"""Two engines, one meaning: a router decides every call as the rules read one by one do."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ivr.core.router import Router
from ivr.core.rules import MACHINE_ROUTES, RuleSet, Value, decide
from tests.rules_at_random import QUEUES, calls, rule_sets

STRETCHES = st.sampled_from([1, 2, 512])  # with few of them, almost every rule that asks for a number is in doubt


@given(rules=rule_sets(), call=calls(), stretches=STRETCHES)
def test_a_router_decides_as_the_rules_read_one_by_one(rules: RuleSet, call: dict[str, Value], stretches: int) -> None:
    decision, reasons = decide(rules, call, QUEUES)

    router = Router(rules, QUEUES, stretches=stretches)

    assert router.decide(call) == decision
    assert router.why(call) == reasons


@given(rules=rule_sets(), call=calls(), stretches=STRETCHES)
def test_whoever_asked_for_a_person_is_given_to_no_machine(
    rules: RuleSet, call: dict[str, Value], stretches: int
) -> None:
    decision = Router(rules, QUEUES, stretches=stretches).decide(call, person_only=True)

    assert decision == decide(rules, call, QUEUES, person_only=True)[0]
    assert decision.rule is None or decision.route not in MACHINE_ROUTES


@given(rules=rule_sets(), call=calls(), stretches=STRETCHES)
def test_a_router_knows_every_rule_that_fits(rules: RuleSet, call: dict[str, Value], stretches: int) -> None:
    fitting = [all(condition.holds(call) for condition in rule.when) for rule in rules.rules]

    bits = Router(rules, QUEUES, stretches=stretches).matching(call)

    assert [bool(bits >> place & 1) for place in range(len(rules.rules))] == fitting
