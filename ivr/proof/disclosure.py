"""Who may hear what: no words reach a caller below their tier, nothing is ordered by who may not, 0 gets a person."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from ivr.core import flows
from ivr.core.pharmacy import Line
from ivr.core.rules import Rule
from ivr.proof.findings import Finding
from ivr.proof.graph import ASKING, FlowFinding, Script
from ivr.proof.patience import OutOfTime, Patience
from ivr.proof.walks import Here, Machines, Walks

ORDERS = ("request_refill", "request_renewal")
MAY_ORDER = ("everything", "refills")
"""What a caller must be permitted for the line to order anything for them."""


@dataclass(frozen=True, slots=True)
class _Line:
    """One line, and what was found on the ways of its callers: the shortest way to each fault is kept."""

    walks: Walks
    tiers: Mapping[str, frozenset[str]]
    found: dict[tuple[str, str, str], FlowFinding] = field(default_factory=dict)

    def look(self, here: Here) -> None:
        """Find what is wrong with a call being here."""
        node = self.walks.node(here)
        for prompt, way in self._below(here):
            message = f'"{prompt}" is for {_any_of(self.tiers[prompt])} callers; one who is {here.tier} hears it: {way}'
            self._keep("disclosure", prompt, message, here)
        if isinstance(node, flows.Do) and node.what in ORDERS and here.permission not in MAY_ORDER:
            message = (
                f"{node.what} is for callers whose permission is {' or '.join(MAY_ORDER)}; one whose permission is"
                f" {here.permission} comes here: {self.walks.words(here)}"
            )
            self._keep("permission", "", message, here)
        if isinstance(node, flows.Route) and node.person and self.walks.ends_with_a_machine(here):
            self._keep("person", "", f"callers who need a person get a machine: {self.walks.words(here)}", here)
        if not here.asked and self._ends(here):
            message = "a call ends here before the caller was asked anything, so no key gives them a person: "
            self._keep("person", "", message + self.walks.words(here), here)

    def _below(self, here: Here) -> Iterator[tuple[str, str]]:
        for prompt, further in self.walks.heard(here):
            if here.tier not in self.tiers.get(prompt, (here.tier,)):
                yield prompt, self.walks.words(here) + further

    def _ends(self, here: Here) -> bool:
        node = self.walks.node(here)
        return isinstance(node, flows.HangUpNode) or (not isinstance(node, ASKING) and self.walks.announces(here))

    def _keep(self, code: str, about: str, message: str, here: Here) -> None:
        flow, node = here.at[-1]
        self.found.setdefault((flow, node, code + about), FlowFinding(code, message, flow, node))


def disclosures(
    script: Script, tiers: Mapping[str, frozenset[str]], patience: Patience
) -> Iterator[FlowFinding | Finding]:
    """Yield what a caller may come to hear or do that is not for them, each with the shortest way to it.

    `tiers` are who may hear a prompt; one that is not in it is for everybody. What there was no time for is a finding
    too: `not-proved`, where the line's flow starts.
    """
    told: set[tuple[str, str, str]] = set()
    for line in script.lines.values():
        if line.flow in script.flows:
            for key, finding in _of_line(script, line, tiers, patience):
                if key not in told:
                    told.add(key)
                    yield finding


def _of_line(
    script: Script, line: Line, tiers: Mapping[str, frozenset[str]], patience: Patience
) -> Iterator[tuple[tuple[str, str, str], FlowFinding | Finding]]:
    rules = script.rules.get(line.rules)
    machines = Machines(rules, line, patience) if rules else None
    looked = _Line(Walks(script, line, machines), tiers)
    try:
        if rules and machines and (example := machines.instead_of_a_person()):
            yield (rules.otherwise.file, str(rules.otherwise.line), "person"), _no_person(rules.otherwise, example)
        for here in looked.walks.all():
            looked.look(here)
    except OutOfTime:
        message = f"there was no time to follow every way a caller of {line.name} may go; something may be wrong or not"
        start = script.flows[line.flow].start
        yield (line.flow, start, "not-proved"), FlowFinding("not-proved", message, line.flow, start)
    yield from looked.found.items()


def _no_person(otherwise: Rule, example: Mapping[str, str | int]) -> Finding:
    message = f"whoever presses 0 for a person comes here, and gets {otherwise.then.route}: {otherwise.then.target}"
    return Finding("person", "error", message, otherwise.file, otherwise.line, otherwise.column, example)


def _any_of(tiers: frozenset[str]) -> str:
    *others, last = sorted(tiers) or ["no"]
    return f"{', '.join(others)} or {last}" if others else last
