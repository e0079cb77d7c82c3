"""The rules of one line made ready for calls: a bit for each rule, and one look per fact whatever their number.

`rules.decide` reads rule by rule and is what the format means; a `Router` gives the same decisions, faster. For every
value of a fact one whole number keeps which rules it suits (bit i: rule i). A call's facts pick one number each; what
they have in common are the rules that match, and the lowest bit is the first of them. After the bitmap indexes of
databases (O'Neil and Quass, Improved query performance with variant indexes, 1997).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from ivr.core.line import Queue
from ivr.core.rules import (
    MACHINE_ROUTES,
    UNKNOWN,
    Condition,
    Decision,
    Fact,
    Reason,
    Rule,
    RuleSet,
    Value,
    reading,
    settle,
    why,
)


class _Words(NamedTuple):
    """Which rules each word suits; any other value counts as unknown."""

    fact: str
    suits: Mapping[Value | None, int]
    unknown: int


class _Numbers(NamedTuple):
    """Which rules the numbers of each stretch suit; `ends` are where one stretch ends and the next begins."""

    fact: str
    ends: Sequence[int]
    suits: Sequence[int]
    unknown: int


class Router:
    """Decides calls by the rules of one line, with what their queues fill in worked out beforehand."""

    def __init__(self, rules: RuleSet, queues: Mapping[str, Queue]) -> None:
        self.rules = rules
        self.decisions = tuple(settle(rule, queues) for rule in (*rules.rules, rules.otherwise))
        self._every = (1 << len(rules.rules)) - 1
        self._to_people = _bits(i for i, rule in enumerate(rules.rules) if rule.then.route not in MACHINE_ROUTES)
        columns = _columns(rules.rules)
        self._hours = next((asked[0][1].fact for asked in columns if asked[0][1].fact.name == "hours"), None)
        self._words = [self._by_word(asked) for asked in columns if not asked[0][1].fact.numeric]
        self._numbers = [self._by_number(asked) for asked in columns if asked[0][1].fact.numeric]

    def matching(self, facts: Mapping[str, Value]) -> int:
        """Return every rule that fits a call, as bits: bit i is rule i."""
        if self._hours is not None and facts.get("hours") in (None, UNKNOWN):
            facts = {**facts, "hours": reading(facts, self._hours)}
        bits = self._every
        for fact, suits, unknown in self._words:
            bits &= suits.get(facts.get(fact), unknown)
        for fact, ends, stretches, unknown in self._numbers:
            value = facts.get(fact)
            bits &= stretches[bisect_right(ends, value)] if isinstance(value, int) else unknown
        return bits

    def decide(self, facts: Mapping[str, Value], *, person_only: bool = False) -> Decision:
        """Return what `rules.decide` decides."""
        bits = self.matching(facts)
        if person_only:
            bits &= self._to_people
        return self.decisions[(bits & -bits).bit_length() - 1]  # no bit is place -1: `otherwise`

    def why(self, facts: Mapping[str, Value], *, person_only: bool = False) -> tuple[Reason, ...]:
        """Return why each rule up to the one taken was taken or passed over."""
        return why(self.rules, facts, person_only=person_only)

    # ------------------------------------------------------------ building

    def _by_word(self, asked: Sequence[tuple[int, Condition]]) -> _Words:
        fact, indifferent = self._fact(asked)
        suits: dict[Value | None, int] = dict.fromkeys((*fact.values, UNKNOWN), indifferent)
        for place, condition in asked:
            for word in condition.allowed & suits.keys():
                suits[word] |= 1 << place
        return _Words(fact.name, suits, suits[UNKNOWN])

    def _by_number(self, asked: Sequence[tuple[int, Condition]]) -> _Numbers:
        fact, indifferent = self._fact(asked)
        turns: dict[int, int] = {}  # where a stretch begins -> the rules that begin or cease to suit there
        for place, condition in asked:
            for low, high in condition.spans:
                turns[low] = turns.get(low, 0) ^ 1 << place
                turns[high + 1] = turns.get(high + 1, 0) ^ 1 << place
        here = indifferent ^ _together(turns, (begin for begin in turns if begin <= fact.low))
        stretches, ends = [here], sorted(begin for begin in turns if fact.low < begin <= fact.high)
        for begin in ends:
            here ^= turns[begin]
            stretches.append(here)
        unknown = indifferent | _bits(place for place, condition in asked if UNKNOWN in condition.allowed)
        return _Numbers(fact.name, ends, stretches, unknown)

    def _fact(self, asked: Sequence[tuple[int, Condition]]) -> tuple[Fact, int]:
        """Return the fact some conditions are about, and the rules that do not ask for it."""
        return asked[0][1].fact, self._every & ~_bits(place for place, _ in asked)


def _columns(rules: Iterable[Rule]) -> list[list[tuple[int, Condition]]]:
    """Return the conditions on each fact, each with its rule's place; one rule's second on the same fact stands apart.

    (`open` is a condition on `hours`, so a rule that asks for both asks twice.)
    """
    columns: dict[tuple[str, int], list[tuple[int, Condition]]] = {}
    for place, rule in enumerate(rules):
        seen: list[str] = []
        for condition in rule.when:
            name = condition.fact.name
            columns.setdefault((name, seen.count(name)), []).append((place, condition))
            seen.append(name)
    return list(columns.values())


def _bits(places: Iterable[int]) -> int:
    bits = 0
    for place in places:
        bits |= 1 << place
    return bits


def _together(turns: Mapping[int, int], begins: Iterable[int]) -> int:
    bits = 0
    for begin in begins:
        bits ^= turns[begin]
    return bits
