"""What becomes of which calls when one version of the rules takes the place of another: of all calls, and exactly.

A call changes when the old rule that takes it and the new rule that takes it come to different decisions. So the calls
that change are those in the boxes of an old and a new rule and outside the boxes of all rules before either.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from ivr.core.line import Queue
from ivr.core.rules import MACHINE_ROUTES, QUEUE_ROUTES, Condition, Decision, Rule, RuleSet, Value, settle
from ivr.proof.patience import OutOfTime, Patience
from ivr.proof.solver import MakeSolver, quickest
from ivr.proof.space import Box, Space, meet, widened
from ivr.proof.vocabulary import said_in, shared, together


@dataclass(frozen=True, slots=True)
class Version:
    """The rules of one line as one version has them, with the queues that say what they leave open."""

    rules: RuleSet
    queues: Mapping[str, Queue]
    licensed: Collection[str]  # the queues only licensed staff serve


@dataclass(frozen=True, slots=True)
class Outcome:
    """What comes of a call, and by which rule."""

    rule: Rule
    decision: Decision  # without its rule: names and places change nothing for a caller
    licensed: bool  # only licensed staff can ever be offered it

    def same_as(self, other: Outcome) -> bool:
        """Return whether a caller cannot tell one from the other."""
        return (self.decision, self.licensed) == (other.decision, other.licensed)


@dataclass(frozen=True, slots=True)
class Change:
    """Calls that one rule took and another takes now, with a different outcome.

    They are those that fit `when` and no rule before either of the two, in its version.
    """

    when: tuple[Condition, ...]
    before: Outcome
    after: Outcome
    example: Mapping[str, Value]  # one of them; facts left out may have any value
    person_only: bool = False  # of callers who asked for a person, for whom rules that end with a machine do not count

    @property
    def worse(self) -> tuple[str, ...]:
        """What these callers lose, in words; nothing when they lose nothing."""
        return tuple(what_is_lost(self.before, self.after))


@dataclass(frozen=True, slots=True)
class Compared:
    """Every change there is, and the old rules whose calls there was no time to follow."""

    changes: tuple[Change, ...]
    not_compared: tuple[Rule, ...] = ()


def compare(old: Version, new: Version, patience: Patience, solver: MakeSolver = quickest) -> Compared:
    """Return all that changes for the calls of a line.

    Callers who asked for a person pass by every rule that ends with a machine. What changes for them is told where it
    shows for nobody else.
    """
    every = _every(_Comparing(old, new, patience, solver))
    if not _machines(old) and not _machines(new):
        return every
    passing_by = _every(_Comparing(_without_machines(old), _without_machines(new), patience, solver))
    told = {_rules_of(change) for change in every.changes}
    more = (replace(change, person_only=True) for change in passing_by.changes if _rules_of(change) not in told)
    return Compared((*every.changes, *more), every.not_compared or passing_by.not_compared)


def _every(comparing: _Comparing) -> Compared:
    found: list[Change] = []
    try:
        for change in comparing.all():
            found.append(change)
    except OutOfTime:
        return Compared(tuple(found), comparing.rest())
    return Compared(tuple(found))


def _machines(version: Version) -> bool:
    return any(rule.then.route in MACHINE_ROUTES for rule in version.rules.rules)


def _without_machines(version: Version) -> Version:
    people = tuple(rule for rule in version.rules.rules if rule.then.route not in MACHINE_ROUTES)
    return replace(version, rules=replace(version.rules, rules=people))


def _rules_of(change: Change) -> tuple[Rule, Rule]:
    return change.before.rule, change.after.rule


# ---------------------------------------------------------------- comparing


class _Comparing:
    """Old rule after old rule: which new rules take its calls."""

    def __init__(self, old: Version, new: Version, patience: Patience, solver: MakeSolver) -> None:
        facts = shared(old.rules.facts, new.rules.facts)
        self._old, self._new = outcomes(old), outcomes(new)
        self._old_when = [said_in(facts, outcome.rule.when, old.rules.facts) for outcome in self._old]
        self._new_when = [said_in(facts, outcome.rule.when, new.rules.facts) for outcome in self._new]
        self._space = Space([*self._old_when, *self._new_when], facts)
        self._old_boxes = [self._space.box(when) for when in self._old_when]
        self._new_boxes = [self._space.box(when) for when in self._new_when]
        self._walls = [*self._old_boxes[:-1], *self._new_boxes[:-1]]
        self._solver = solver(self._space, self._walls, patience)
        self._patience = patience
        self._now = 0  # the old rule whose calls are followed

    def all(self) -> Iterator[Change]:
        """Yield every change, by the old rules in order; raises OutOfTime."""
        left = dict.fromkeys(range(len(self._new)))  # the new rules that take calls no old rule so far took
        alike: dict[Box, list[int]] = {}
        for number, box in enumerate(self._new_boxes):
            alike.setdefault(box, []).append(number)
        for number, box in enumerate(self._old_boxes):
            self._now = number
            self._patience.spend()
            yield from self._of(number, list(left))
            for number in alike.pop(box, ()):
                del left[number]

    def rest(self) -> tuple[Rule, ...]:
        """Return the old rules whose calls have not been followed to the end."""
        return tuple(outcome.rule for outcome in self._old[self._now :])

    def _of(self, old: int, candidates: Sequence[int]) -> Iterator[Change]:
        box = self._old_boxes[old]
        for new in candidates:
            here = meet(box, self._new_boxes[new])
            if here is None:
                continue
            if not self._old[old].same_as(self._new[new]):
                yield from self._change(old, new, here)
            if here == box:  # it takes whatever those before it left
                return

    def _change(self, old: int, new: int, here: Box) -> Iterator[Change]:
        rules = len(self._old_boxes) - 1
        found = self._solver.find(here, range(old), range(rules, rules + new))
        if found is None:
            return
        near = widened(found, here, [*self._walls[:old], *self._walls[rules : rules + new]])
        when = together((*self._old_when[old], *self._new_when[new]))
        yield Change(when, self._old[old], self._new[new], self._space.call(near))


def outcomes(version: Version) -> list[Outcome]:
    """Return what comes of each rule, in order, `otherwise` last."""
    return [_outcome(rule, version) for rule in (*version.rules.rules, version.rules.otherwise)]


def _outcome(rule: Rule, version: Version) -> Outcome:
    decision = replace(settle(rule, version.queues), rule=None, file="", line=0)
    return Outcome(rule, decision, decision.route in QUEUE_ROUTES and decision.target in version.licensed)


# ---------------------------------------------------------------- what got worse


def what_is_lost(before: Outcome, after: Outcome) -> Iterator[str]:
    """Yield what a caller has less of than before, in words."""
    old, new = before.decision, after.decision
    if new.route in MACHINE_ROUTES:
        if old.route not in MACHINE_ROUTES:
            yield "a machine instead of a person"
        return
    if new.route == "voicemail" and old.route in ("queue", "transfer"):
        yield "a message instead of a person"
    if before.licensed and not after.licensed:
        yield "not only licensed staff any more"
    yield from _promise_lost(old.answer_within_seconds, new.answer_within_seconds)
    if old.offer_callback and not new.offer_callback and new.route == "queue":
        yield "no callback offered any more"
    if lost := [skill for skill in old.needs if skill not in new.needs]:
        yield f"{' and '.join(lost)} not asked for any more"


def _promise_lost(old: int | None, new: int | None) -> Iterator[str]:
    if old is not None and new is None:
        yield "no promise any more"
    elif old is not None and new is not None and new > old:
        yield "a longer promise"
