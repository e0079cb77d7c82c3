"""What is found in a set of rules: rules no call reaches, rules that change nothing, gaps, guarantees that break."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from random import Random

from ivr.core.line import Queue
from ivr.core.router import Router
from ivr.core.rules import Decision, Demand, Example, Guarantee, Rule, RuleSet, Value
from ivr.proof.patience import OutOfTime, Patience
from ivr.proof.solver import MakeSolver, quickest
from ivr.proof.space import Box, Space, apart, meet, widened, within

LIMIT_SECONDS = 30.0
_GLANCES = 24  # calls tried before it is proved that a rule changes nothing


@dataclass(frozen=True, slots=True)
class Finding:
    """Something found, where, and a call that shows it (facts left out may have any value)."""

    code: str  # example · unreachable · gap · guarantee · redundant · not-proved
    severity: str  # error · warning
    message: str
    file: str
    line: int
    column: int
    example: Mapping[str, Value] | None = None


def of_all(
    sets: Sequence[RuleSet], queues: Mapping[str, Queue], licensed: Collection[str], seconds: float = LIMIT_SECONDS
) -> list[Finding]:
    """Return everything found in some sets of rules that may share files, `seconds` for all of them together.

    A shared rule that changes nothing in one set may matter in another; it is redundant when it is in all.
    """
    patience = Patience(seconds)
    found = [finding for rules in sets for finding in Proofs(rules, queues, licensed, patience).all()]
    using = Counter((rule.file, rule.line) for rules in sets for rule in rules.rules)
    idle = Counter((finding.file, finding.line) for finding in found if finding.code == "redundant")
    return [f for f in found if f.code != "redundant" or idle[f.file, f.line] == using[f.file, f.line]]


class Proofs:
    """The questions asked of one set of rules. Rule n of `rules` has number n; `otherwise` has the last."""

    def __init__(
        self,
        rules: RuleSet,
        queues: Mapping[str, Queue],
        licensed: Collection[str],
        patience: Patience,
        solver: MakeSolver = quickest,
    ) -> None:
        self._queues, self._licensed = queues, licensed
        self._guarantees = (*rules.always, *rules.never)
        self._always = len(rules.always)
        self._rules = (*rules.rules, rules.otherwise)
        self._router = Router(rules, queues)
        whens = [*(rule.when for rule in self._rules), *(guarantee.when for guarantee in self._guarantees)]
        self._space = Space(whens, rules.facts)
        self._boxes = [self._space.box(rule.when) for rule in self._rules]
        self._comes_to = [replace(decision, rule=None, file="", line=0) for decision in self._router.decisions]
        self._solver = solver(self._space, self._boxes[:-1], patience)
        self._reached: dict[int, Box] = {}  # a call, or calls, of each rule that is reached

    def all(self) -> Iterator[Finding]:
        """Yield every finding; the questions that matter most are asked first.

        What there was no time for is a finding too: `not-proved`, at the guarantee, or at the first rule.
        """
        yield from self._failing_examples()
        yield from self._in_time(self._reach, "whether every rule gets calls")
        for number, guarantee in enumerate(self._guarantees):
            ask = partial(self._held, number)
            yield from self._in_time(ask, f'whether "{guarantee.name}" holds', guarantee)
        yield from self._in_time(self._redundant, "whether every rule changes something")

    def _in_time(
        self, ask: Callable[[], Iterator[Finding]], what: str, place: Guarantee | None = None
    ) -> Iterator[Finding]:
        try:
            yield from ask()
        except OutOfTime:
            message = f"there was no time to find out {what}; it may be so or not"
            yield _at(place or self._rules[0], "not-proved", "error", message)

    # ------------------------------------------------------------ examples

    def _failing_examples(self) -> Iterator[Finding]:
        for example in self._router.rules.examples:
            decision = self._router.decide(example.call)
            failed = next((demand for demand in example.expect if not self._met(demand, decision)), None)
            if failed:
                by = f'"{decision.rule}"' if decision.rule else "`otherwise`"
                message = f'"{example.name}" expects {failed.text}; {by} gives {decision.route}: {decision.target}'
                yield _at(example, "example", "error", message)

    def _met(self, demand: Demand, decision: Decision) -> bool:
        return demand.met_by(decision, self._queues, self._licensed)

    # ------------------------------------------------------------ reach and gaps

    def _reach(self) -> Iterator[Finding]:
        for number, rule in enumerate(self._rules):
            found = self._solver.find(self._boxes[number], range(number))
            if found is not None:
                self._reached[number] = found
            elif number < len(self._rules) - 1:
                yield _at(rule, "unreachable", "error", self._never(number))
        if len(self._rules) - 1 in self._reached:
            yield self._gap()

    def _never(self, number: int) -> str:
        box = self._boxes[number]
        if not all(box):
            return f"no call gets here: {' and '.join(self._impossible(number))} is true of no call"
        shadow = [f"{_named(self._rules[n], self._rules[number])}" for n in self.shadow(number)]
        return f"no call gets here: {_listed(shadow)} {'takes' if len(shadow) == 1 else 'take'} them all before"

    def _impossible(self, number: int) -> list[str]:
        """Return the conditions of a rule that leave one fact no value."""
        axis = next(axis for axis, mask in zip(self._space.axes, self._boxes[number], strict=True) if not mask)
        return [condition.text for condition in self._rules[number].when if condition.fact.name == axis.fact.name]

    def shadow(self, number: int) -> list[int]:
        """Return rules that leave a later one no call, as few as come out: without any of them it would get some."""
        box, before = self._boxes[number], range(number)
        alone = next((n for n in before if within(box, self._boxes[n])), None)
        if alone is not None:
            return [alone]
        needed = {n for n in before if not apart(self._boxes[n], box)}
        for rule in sorted(needed):
            if rule in needed and self._solver.find(box, sorted(needed - {rule})) is None:
                needed = set(self._solver.core)
        return sorted(needed)

    def _gap(self) -> Finding:
        last = len(self._rules) - 1
        example = self._example(self._reached[last], self._space.whole, last)
        return _at(self._rules[last], "gap", "warning", "no rule fits some calls, and they come here", example)

    def _example(self, found: Box, limit: Box, before: int) -> Mapping[str, Value]:
        return self._space.call(widened(found, limit, self._boxes[:before]))

    # ------------------------------------------------------------ guarantees

    def _held(self, number: int) -> Iterator[Finding]:
        broken = self._broken(number)
        if broken is not None:
            yield broken

    def _broken(self, number: int) -> Finding | None:
        """Return how a guarantee breaks, by the first rule that breaks it, with a call; None when it holds."""
        promised = self._space.box(self._guarantees[number].when)
        for place, box in enumerate(self._boxes):
            here = meet(promised, box)
            broken = None if here is None else self._breaks(number, place, here)
            if broken or within(promised, box):
                return broken  # nothing that was promised gets past this rule
        return None

    def _breaks(self, number: int, place: int, here: Box) -> Finding | None:
        """Return how a rule breaks a guarantee with a call it takes `here`; None when it does not."""
        failed = self._failed(number, place)
        found = None if failed is None else self._solver.find(here, range(place))
        if found is None:
            return None
        guarantee, decision = self._guarantees[number], self._router.decisions[place]
        by = _named(self._rules[place], guarantee)
        message = f'"{guarantee.name}" is broken by {by}: {_spoken(decision)}, {failed}'
        return _at(guarantee, "guarantee", "error", message, self._example(found, here, place))

    def _failed(self, number: int, place: int) -> str | None:
        """Return what is wrong with the decision of a rule, as far as a guarantee is concerned."""
        demands, decision = self._guarantees[number].demands, self._router.decisions[place]
        met = [self._met(demand, decision) for demand in demands]
        if number < self._always:
            failed = next((demand for demand, ok in zip(demands, met, strict=True) if not ok), None)
            return f"and it must be {failed.text}" if failed else None
        return f"and that must not be: {_all_of(demands)}" if all(met) else None

    # ------------------------------------------------------------ redundant rules

    def _redundant(self) -> Iterator[Finding]:
        for number, rule in enumerate(self._rules[:-1]):
            if number in self._reached and self._changes_nothing(number):
                message = "this rule changes nothing: without it every call would go the same way; delete it"
                yield _at(rule, "redundant", "warning", message)

    def _changes_nothing(self, number: int) -> bool:
        if self._some_call_changes(number):
            return False
        for later in range(number + 1, len(self._rules)):
            if self._comes_to[later] != self._comes_to[number]:
                here = meet(self._boxes[number], self._boxes[later])
                if here is not None and self._leaves_some(here, later, number):
                    return False
        return True

    def _leaves_some(self, box: Box, before: int, but: int) -> bool:
        """Return whether some call of a box is taken by none of the rules before one, with one rule left out."""
        return self._solver.find(box, [number for number in range(before) if number != but]) is not None

    def _some_call_changes(self, number: int) -> bool:
        """Return whether a few calls of a rule already show that it changes something."""
        if self._changes(number, self._reached[number]):
            return True
        chance = Random(number)
        near = widened(self._reached[number], self._boxes[number], self._boxes[:number])
        return any(self._changes(number, _some_call(near, chance)) for _ in range(_GLANCES))

    def _changes(self, number: int, box: Box) -> bool:
        """Return whether the first call of a box would go another way without a rule it is taken by."""
        bits = self._router.matching(self._space.point(box)) >> number + 1
        then = number + 1 + (bits & -bits).bit_length() - 1 if bits else len(self._rules) - 1
        return self._comes_to[then] != self._comes_to[number]


def _some_call(box: Box, chance: Random) -> Box:
    return tuple(_some_part(mask, chance) for mask in box)


def _some_part(mask: int, chance: Random) -> int:
    first, last = (mask & -mask).bit_length() - 1, mask.bit_length() - 1
    while True:
        part = 1 << chance.randint(first, last)
        if part & mask:
            return part


# ---------------------------------------------------------------- words


def _at(
    place: Rule | Guarantee | Example,
    code: str,
    severity: str,
    message: str,
    example: Mapping[str, Value] | None = None,
) -> Finding:
    return Finding(code, severity, message, place.file, place.line, place.column, example)


def _named(rule: Rule, seen_from: Rule | Guarantee) -> str:
    name = "`otherwise`" if rule.name == "otherwise" else f'"{rule.name}"'
    return f"{name} (line {rule.line})" if rule.file == seen_from.file else f"{name} ({rule.file}:{rule.line})"


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _spoken(decision: Decision) -> str:
    return f"it gives {decision.route}: {decision.target}"


def _all_of(demands: Iterable[Demand]) -> str:
    return " and ".join(demand.text for demand in demands)
