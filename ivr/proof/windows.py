"""Who may be served before whom: for each rule, how much later a call may come and still be ahead.

A ticket offered to an agent before ticket A, whom the same agent could serve, has `due_from` at most w(A) - w(B) later,
where w is what was promised: the line is served by `due_from + answer_within`. So only finitely many can pass A.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ivr.core.line import Agent, Queue
from ivr.core.rules import Decision, Rule, RuleSet, settle

_WAITING = ("queue", "callback")  # routes whose tickets are put to agents


@dataclass(frozen=True, slots=True)
class Window:
    """One rule that puts calls in line, and what may pass them."""

    rule: Rule
    within_seconds: int
    seconds: int  # 0: nothing that comes later is served first, emergencies apart
    passed_by: tuple[Rule, ...]  # the shortest promise first


def windows(sets: Iterable[RuleSet], queues: Mapping[str, Queue], staff: Iterable[Agent]) -> list[Window]:
    """Return the window of each rule whose calls wait for a person, in the order of the files; emergencies none."""
    agents = tuple(staff)
    rules = {(rule.file, rule.line): rule for found in sets for rule in (*found.rules, found.otherwise)}
    waiting = [(rule, decision) for rule in rules.values() if _waits(decision := settle(rule, queues))]
    servers = [_who_may_serve(decision, queues, agents) for _, decision in waiting]
    return [
        _window(rule, decision, [waiting[n] for n, others in enumerate(servers) if others & who])
        for (rule, decision), who in zip(waiting, servers, strict=True)
    ]


def _waits(decision: Decision) -> bool:
    return decision.route in _WAITING and bool(decision.answer_within_seconds)


def _window(rule: Rule, decision: Decision, same_agents: Sequence[tuple[Rule, Decision]]) -> Window:
    within = decision.answer_within_seconds or 0
    shorter = sorted((other.answer_within_seconds or 0, rule.file, rule.line, rule) for rule, other in same_agents)
    passing = tuple(rule for seconds, *_, rule in shorter if seconds < within)
    return Window(rule, within, within - shorter[0][0] if passing else 0, passing)


def _who_may_serve(decision: Decision, queues: Mapping[str, Queue], agents: Iterable[Agent]) -> frozenset[str]:
    """Return the agents who may be offered such a ticket at some time, its wait plan carried out to the end."""
    queue = queues[decision.target]
    reach = {queue.name, *(step.value for step in queue.plan if step.does == "overflow")}
    needs = {*decision.needs} - {step.value for step in queue.plan if step.does == "relax"}
    return frozenset(
        agent.id
        for agent in agents
        if reach & agent.queues and needs <= agent.skills and (agent.licensed or not queue.licensed)
    )
