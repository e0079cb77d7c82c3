"""Flows as graphs: nodes no call comes to, calls that come to no end, and circles nobody is asked anything in."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

from ivr.core.flows import (
    AskNode,
    CheckMedicine,
    Choose,
    Collect,
    Do,
    Flow,
    HangUpNode,
    Menu,
    Node,
    Pick,
    Return,
    SayNode,
    SubFlow,
    TakeMessage,
)
from ivr.core.pharmacy import Line
from ivr.core.rules import RuleSet

ASKING = (Menu, Collect, Pick)
"""Nodes that ask the caller."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class FlowFinding:
    """Something found in a flow, at the node it is found at."""

    code: str
    message: str
    flow: str
    node: str
    severity: str = "error"


@dataclass(frozen=True)
class Script:
    """All flows and who is led through them. Whatever could not be read is left out, and nothing is said about it."""

    flows: Mapping[str, Flow]
    lines: Mapping[str, Line]
    rules: Mapping[str, RuleSet]  # by file, as lines name it

    def flows_of(self, line: Line) -> set[str]:
        """Return the flows a caller of a line may come to."""
        rules = self.rules.get(line.rules)
        return reached([line.flow, *(served_by(rules) if rules else ())], self.calls) & self.flows.keys()

    def calls(self, flow: str) -> list[str]:
        """Return the flows a flow runs and comes back from."""
        return [node.flow for node in self._nodes(flow) if isinstance(node, SubFlow)]

    def asks(self, flow: str) -> bool:
        """Return whether the caller may be asked anything in a flow or in those it runs; one nobody can read may."""
        inside = reached([flow], self.calls)
        return any(name not in self.flows or any(isinstance(n, ASKING) for n in self._nodes(name)) for name in inside)

    def comes_back(self, flow: str) -> bool:
        """Return whether a call may come back from a flow; one that cannot be read may."""
        return flow not in self.flows or flow in self._returning

    def runs_itself(self, flow: str) -> bool:
        """Return whether a flow runs itself, or another that does."""
        return flow in reached(self.calls(flow), self.calls)

    @cached_property
    def _returning(self) -> frozenset[str]:
        """The flows a call may come back from. At first only those are known that need no other to, then the others.

        One that runs itself counts as such: that is its fault, and there is no need to tell what follows from it.
        """
        known = frozenset(name for name in self.flows if self.runs_itself(name))
        while True:
            more = known | {name for name in self.flows if self._returns(name, known)}
            if more == known:
                return known
            known = more

    def _returns(self, flow: str, returning: frozenset[str]) -> bool:
        nodes = self.flows[flow].nodes

        def ways(name: str) -> list[str]:
            node = nodes[name]
            stays = isinstance(node, SubFlow) and node.flow in self.flows and node.flow not in returning
            return [] if stays else ways_on(node)

        return any(isinstance(nodes[name], Return) for name in reached([self.flows[flow].start], ways))

    def _nodes(self, flow: str) -> Iterable[Node]:
        return self.flows[flow].nodes.values() if flow in self.flows else ()


def ways_on(node: Node) -> list[str]:
    """Return the nodes that may come next, in the order they are written."""
    match node:
        case Menu():
            others = [way for way in (node.understand, node.silence, node.then) if way]
            return [option.then for option in node.options.values()] + others
        case Choose():
            return [case.then for case in node.cases] + [node.otherwise]
        case Pick():
            return [node.then, node.none]
        case Collect():
            return [node.then, *node.instead.values()]
        case SayNode() | AskNode() | SubFlow() | Do():
            return [node.then]
        case CheckMedicine():
            return [node.then, node.controlled, node.mistaken]
        case _:
            return []


def unasked_ways(node: Node) -> list[str]:
    """Return the nodes that may come next without the caller being asked anything; those after a sub-flow too.

    Who has one prescription only is not asked to pick, and who has none neither.
    """
    match node:
        case Menu():
            return [node.then] if node.then else []
        case Collect():
            return []
        case _:
            return ways_on(node)


def prompts_of(node: Node) -> tuple[str, ...]:
    """Return the prompts a node says or sends, the first one first."""
    match node:
        case Menu() | Collect():
            return (node.prompt, node.help) if node.help else (node.prompt,)
        case SayNode() | Pick():
            return (node.prompt,)
        case HangUpNode() | Do() | TakeMessage():
            return (node.prompt,) if node.prompt else ()
        case _:
            return ()


def served_by(rules: RuleSet) -> Iterator[str]:
    """Yield the flows a set of rules sends callers to."""
    return (rule.then.target for rule in (*rules.rules, rules.otherwise) if rule.then.route == "self_service")


def reached(start: Iterable[T], ways: Callable[[T], Iterable[T]]) -> set[T]:
    """Return everything that can be come to from `start`, itself included."""
    found: set[T] = set()
    ahead = list(start)
    while ahead:
        name = ahead.pop()
        if name not in found:
            found.add(name)
            ahead += ways(name)
    return found


# ---------------------------------------------------------------- what is wrong with a graph


def broken_graphs(script: Script) -> Iterator[FlowFinding]:
    """Yield what is wrong with each flow's graph."""
    served = {flow for rules in script.rules.values() for flow in served_by(rules)}
    for flow in script.flows.values():
        yield from _Graph(script, flow).findings()
        for name, node in flow.nodes.items() if flow.name in served else ():
            if isinstance(node, Return):
                message = "a rule leads here, so there is nowhere to return to; use route or hang_up"
                yield FlowFinding("dead-end", message, flow.name, name)


class _Graph:
    """One flow's nodes and how they lead to each other."""

    def __init__(self, script: Script, flow: Flow) -> None:
        self._script, self._name, self._start, self._nodes = script, flow.name, flow.start, flow.nodes

    def findings(self) -> Iterator[FlowFinding]:
        from_start = reached([self._start], self._ways)
        for name in self._nodes:
            if name not in from_start:
                yield self._found("unreachable", f'no caller ever comes to "{name}"{self._never_back(name)}', name)
        circles = {name for name in self._nodes if name in reached(self._unasked(name), self._unasked)}
        for name in self._first_of_each(circles):
            message = f'"{name}" comes back to itself without waiting for the caller, who would hear it for ever'
            yield self._found("dead-end", message, name)
        for name in self._first_of_each(from_start - self._with_end() - circles):
            message = f'from "{name}" a call never comes to an end; lead it to one'
            yield self._found("dead-end", message, name)
        yield from self._running_itself()

    def _found(self, code: str, message: str, node: str) -> FlowFinding:
        return FlowFinding(code, message, self._name, node)

    def _ways(self, name: str) -> list[str]:
        node = self._nodes[name]
        return [] if isinstance(node, SubFlow) and not self._script.comes_back(node.flow) else ways_on(node)

    def _unasked(self, name: str) -> list[str]:
        node = self._nodes[name]
        return [] if isinstance(node, SubFlow) and self._script.asks(node.flow) else unasked_ways(node)

    def _never_back(self, name: str) -> str:
        """Return the sub-flow before a node that no call comes back from, as words."""
        for node in self._nodes.values():
            if isinstance(node, SubFlow) and node.then == name and not self._script.comes_back(node.flow):
                return f': no call comes back from "{node.flow}"'
        return ""

    def _with_end(self) -> set[str]:
        """Return the nodes from which a call can come to an end."""
        back: dict[str, list[str]] = {name: [] for name in self._nodes}
        for name in self._nodes:
            for way in self._ways(name):
                back[way].append(name)
        return reached([name for name in self._nodes if not self._ways(name)], back.__getitem__)

    def _first_of_each(self, names: set[str]) -> Iterator[str]:
        """Yield the names nobody before them in the file leads to, so that one fault is told once."""
        told: set[str] = set()
        for name in self._nodes:
            if name in names and name not in told:
                told |= reached([name], self._ways)
                yield name

    def _running_itself(self) -> Iterator[FlowFinding]:
        for name, node in self._nodes.items():
            if isinstance(node, SubFlow) and self._name in reached([node.flow], self._script.calls):
                yield self._found("dead-end", f'"{node.flow}" leads back into this flow, so it never returns', name)
