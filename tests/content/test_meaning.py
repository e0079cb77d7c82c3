"""What rules mean does not depend on who reads them: the product and a reading by hand decide every call alike."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from ivr.content import folder, load_files
from ivr.content.conditions import call_facts
from ivr.content.names import Names
from ivr.content.rules import RulesReader, rule_set
from ivr.content.written import File
from ivr.core.router import Router
from ivr.core.rules import Fact, RuleSet, decide
from ivr.office.wording import for_machines
from tests.content import by_hand
from tests.content.written_rules import WrittenSet, calls, written_sets

ROOT = Path(__file__).parents[2]
SHIPPED, _ = folder.texts(ROOT)
PARTICULAR = "title: Payments\n    needs: [spanish]\n    record: yes\n    offer_callback: no"
FILES = {**SHIPPED, "config/queues.yaml": SHIPPED["config/queues.yaml"].replace("title: Payments", PARTICULAR)}
PHARMACY = load_files(FILES, year=2026)
QUEUES = by_hand.plain(FILES["config/queues.yaml"])["queues"]
SETS, CALLS, CALLS_OF_SHIPPED = 100, 400, 1_000


def names() -> Names:
    facts: dict[str, Fact] = dict(PHARMACY.rules["main.yaml"].facts)
    facts["site"] = dataclasses.replace(facts["site"], values=("central",))
    return Names(
        facts=facts,
        queues=set(PHARMACY.queues),
        on_call_queues={"pharmacist"},
        flows=set(PHARMACY.flows),
        prompts={"goodbye"},
        transfers=set(),
        skills={"spanish", "counter"},
    )


NAMES = names()


def read(written: WrittenSet) -> RuleSet:
    texts = {"routing_rules/parent.yaml": written.parent, "routing_rules/child.yaml": written.child}
    files = {path: File(path, text) for path, text in texts.items()}
    found = rule_set(RulesReader(files, NAMES).chain("routing_rules/child.yaml"), NAMES)
    assert found, [str(problem) for file in files.values() for problem in file.problems]
    return found


# Shrinking asks all calls again for every smaller set, for minutes; the set at fault is small as it is.
@settings(
    max_examples=SETS,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
)
@given(written=written_sets(), seed=st.integers(0, 2**32))
def test_calls_go_where_a_reading_by_hand_sends_them(written: WrittenSet, seed: int) -> None:
    rules = read(written)
    router = Router(rules, PHARMACY.queues)
    chain = [by_hand.plain(written.parent), by_hand.plain(written.child)]
    for call in calls(written, seed, CALLS):
        facts = call_facts(call, rules.facts)
        decision, _ = decide(rules, facts, PHARMACY.queues)
        assert (decision.rule, for_machines(decision)) == by_hand.decided(chain, QUEUES, call), call
        assert router.decide(facts) == decision, call


def test_the_shipped_rules_mean_what_they_say() -> None:
    chain = [by_hand.plain(FILES[f"routing_rules/{name}.yaml"]) for name in ("safety", "main")]
    rules = PHARMACY.rules["main.yaml"]
    written = WrittenSet(FILES["routing_rules/safety.yaml"], FILES["routing_rules/main.yaml"])
    for call in calls(written, 2026, CALLS_OF_SHIPPED):
        decision, _ = decide(rules, call_facts(call, rules.facts), PHARMACY.queues)
        assert (decision.rule, for_machines(decision)) == by_hand.decided(chain, QUEUES, call), call
