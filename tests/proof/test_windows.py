"""How much later a call may come and still be served first: by agents two rules share, and by what they promise."""

from __future__ import annotations

from ivr.core.line import Agent, PlanStep, Queue
from ivr.core.rules import Rule, RuleSet, Then
from ivr.proof.windows import Window, windows

QUEUES = {
    "refills": Queue("refills", "Refills", 120),
    "billing": Queue("billing", "Billing", 300),
    "pharmacist": Queue("pharmacist", "Pharmacist", 60, licensed=True),
}


def agent(id_: str, *queues: str, **more: object) -> Agent:
    return Agent(id_, id_, "central", queues=frozenset(queues), **more)  # type: ignore[arg-type]


GRACE = agent("grace", "refills", "billing")
OMAR = agent("omar", "pharmacist", licensed=True)


def rules(*thens: Then) -> RuleSet:
    found = tuple(Rule(f"Rule {n}", "", (), then, "main.yaml", n) for n, then in enumerate(thens, 1))
    return RuleSet("main.yaml", found, Rule("otherwise", "", (), Then("voicemail", "refills"), "main.yaml", 99))


def told(found: list[Window]) -> list[tuple[str, int, tuple[str, ...]]]:
    return [(window.rule.name, window.seconds, tuple(rule.name for rule in window.passed_by)) for window in found]


def test_a_shorter_promise_that_the_same_agent_serves_may_come_later_and_go_first() -> None:
    found = windows(
        [rules(Then("queue", "billing"), Then("queue", "refills"), Then("queue", "refills", 45))], QUEUES, [GRACE]
    )

    assert told(found) == [("Rule 1", 255, ("Rule 3", "Rule 2")), ("Rule 2", 75, ("Rule 3",)), ("Rule 3", 0, ())]


def test_nobody_is_passed_by_calls_that_other_people_serve() -> None:
    found = windows([rules(Then("queue", "billing"), Then("queue", "pharmacist"))], QUEUES, [GRACE, OMAR])

    assert told(found) == [("Rule 1", 0, ()), ("Rule 2", 0, ())]


def test_a_wait_plan_that_calls_in_others_widens_the_window() -> None:
    queues = {**QUEUES, "billing": Queue("billing", "Billing", 300, plan=(PlanStep(60, "overflow", "pharmacist"),))}

    found = windows([rules(Then("queue", "billing"), Then("queue", "pharmacist"))], queues, [GRACE, OMAR])

    assert told(found) == [("Rule 1", 240, ("Rule 2",)), ("Rule 2", 0, ())]


def test_a_skill_keeps_calls_apart_until_the_plan_drops_it() -> None:
    spanish = agent("luz", "refills", skills=frozenset({"spanish"}))
    needs = rules(Then("queue", "refills", 300, ("spanish",)), Then("queue", "billing", 60))
    dropped = {**QUEUES, "refills": Queue("refills", "Refills", 120, plan=(PlanStep(60, "relax", "spanish"),))}

    assert told(windows([needs], QUEUES, [GRACE, spanish])) == [("Rule 1", 0, ()), ("Rule 2", 0, ())]
    assert told(windows([needs], dropped, [GRACE, spanish])) == [("Rule 1", 240, ("Rule 2",)), ("Rule 2", 0, ())]


def test_emergencies_and_messages_have_no_window() -> None:
    assert windows([rules(Then("queue", "pharmacist", 0), Then("voicemail", "billing"))], QUEUES, [GRACE, OMAR]) == []


def test_a_rule_two_lines_share_is_told_once() -> None:
    shared = rules(Then("queue", "billing"))

    assert told(windows([shared, shared], QUEUES, [GRACE])) == [("Rule 1", 0, ())]
