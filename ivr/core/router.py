"""The rules of one line made ready for calls: a bit for each rule, and one look per fact whatever their number.

`rules.decide` reads rule by rule and is what the format means; a `Router` gives the same decisions, faster. For every
value of a fact one whole number keeps which rules it suits (bit i: rule i). A call's facts pick one number each (two
facts of few values pick one together); what these have in common are the rules that match, and the lowest bit is the
first of them. After the bitmap indexes of databases (O'Neil and Quass, Improved query performance with variant
indexes, 1997).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

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
    holds,
    reading,
    settle,
    why,
)

T = TypeVar("T")

_STRETCHES = 512  # kept of a fact with many numbers
_LISTED = 24 * 60  # values a fact may have to be listed one by one: one look is quicker than a search
_PAIRED = 100  # values two facts may have together to share one look
_Numbers = tuple[str, Sequence[int], Sequence[int], int]
"""A fact, where its numbers pass from one stretch to the next, which rules each stretch suits, and which `unknown`."""


class _ByValue(dict[Value | None, T]):
    """Something for each value of a fact; any other value counts as the one rules read for it."""

    def __init__(self, fact: Fact, each: Mapping[Value | None, T]) -> None:
        super().__init__(each)
        self.fact = fact

    def __missing__(self, value: Value | None) -> T:
        return self[self.fact.reading(value)]


_Listed = _ByValue[int]  # which rules each value suits


class Router:
    """Decides calls by the rules of one line, with what their queues fill in worked out beforehand.

    Of a fact with numbers at most `stretches` stretches are kept, so that thousands of rules need little memory. Where
    conditions draw more borders than that, neighbours share a stretch, and a rule found there is asked again.
    """

    def __init__(self, rules: RuleSet, queues: Mapping[str, Queue], *, stretches: int = _STRETCHES) -> None:
        self.rules = rules
        self.decisions = tuple(settle(rule, queues) for rule in (*rules.rules, rules.otherwise))
        self._every = (1 << len(rules.rules)) - 1
        self._to_people = _bits(i for i, rule in enumerate(rules.rules) if rule.then.route not in MACHINE_ROUTES)
        self._hours = rules.facts["hours"]
        self._stretches = stretches
        self._listed: list[tuple[str, _Listed]] = []
        self._pairs: list[tuple[str, str, _ByValue[_Listed]]] = []
        self._numbers: list[_Numbers] = []
        self._doubts: dict[int, list[Condition]] = {}  # what a rule, by its place, is to be asked again
        for asked in _columns(rules.rules):
            self._add(asked[0][1].fact, asked)
        self._pair()
        self._doubtful = _bits(self._doubts)

    def matching(self, facts: Mapping[str, Value]) -> int:
        """Return every rule that fits a call, as bits: bit i is rule i."""
        bits = self._likely(facts)
        doubtful = bits & self._doubtful
        while doubtful:
            first = doubtful & -doubtful
            doubtful ^= first
            if not self._fits(first.bit_length() - 1, facts):
                bits ^= first
        return bits

    def decide(self, facts: Mapping[str, Value], *, person_only: bool = False) -> Decision:
        """Return what `rules.decide` decides."""
        bits = self._likely(facts)
        if person_only:
            bits &= self._to_people
        while bits:
            first = bits & -bits
            place = first.bit_length() - 1
            if place not in self._doubts or self._fits(place, facts):
                return self.decisions[place]
            bits ^= first
        return self.decisions[-1]

    def why(self, facts: Mapping[str, Value], *, person_only: bool = False) -> tuple[Reason, ...]:
        """Return why each rule up to the one taken was taken or passed over."""
        return why(self.rules, facts, person_only=person_only)

    def _likely(self, facts: Mapping[str, Value]) -> int:
        """Return every rule that fits a call, and some that are in doubt."""
        if facts.get("hours") in (None, UNKNOWN):
            facts = {**facts, "hours": reading(facts, self._hours)}
        bits, told = self._every, facts.get
        for one, other, pairs in self._pairs:
            bits &= pairs[told(one)][told(other)]
        for fact, suits in self._listed:
            bits &= suits[told(fact)]
        for fact, borders, stretches, unknown in self._numbers:
            value = told(fact)
            bits &= stretches[bisect_right(borders, value)] if isinstance(value, int) else unknown
        return bits

    def _fits(self, place: int, facts: Mapping[str, Value]) -> bool:
        """Return whether a likely rule that is in doubt fits."""
        return holds(self._doubts[place], facts)

    # ------------------------------------------------------------ building

    def _add(self, fact: Fact, asked: Sequence[tuple[int, Condition]]) -> None:
        indifferent = self._every & ~_bits(place for place, _ in asked)
        unknown = indifferent | _bits(place for place, condition in asked if UNKNOWN in condition.allowed)
        if not fact.numeric:
            self._listed.append((fact.name, _Listed(fact, _by_word(fact, asked, indifferent))))
            return
        borders, stretches = self._by_number(fact, asked, indifferent)
        if fact.high - fact.low < _LISTED:
            suits: dict[Value | None, int] = {UNKNOWN: unknown}
            suits |= {value: stretches[bisect_right(borders, value)] for value in range(fact.low, fact.high + 1)}
            self._listed.append((fact.name, _Listed(fact, suits)))
        else:
            self._numbers.append((fact.name, borders, stretches, unknown))

    def _pair(self) -> None:
        """Fold facts with few values into each other, two and two."""
        self._listed.sort(key=lambda column: len(column[1]))
        while len(self._listed) > 1 and len(self._listed[0][1]) * len(self._listed[1][1]) <= _PAIRED:
            (one, suits), (other, more), *self._listed = self._listed
            pairs = {value: _Listed(more.fact, {v: bits & b for v, b in more.items()}) for value, bits in suits.items()}
            self._pairs.append((one, other, _ByValue(suits.fact, pairs)))

    def _by_number(
        self, fact: Fact, asked: Sequence[tuple[int, Condition]], indifferent: int
    ) -> tuple[Sequence[int], Sequence[int]]:
        """Return the borders between stretches, and the rules each stretch suits or, when shared, may suit."""
        turns = _turns(asked)
        here = indifferent ^ _together(turns, (border for border in turns if border <= fact.low))
        stretches, borders = [here], sorted(border for border in turns if fact.low < border <= fact.high)
        share = len(borders) // self._stretches + 1
        for number, border in enumerate(borders, 1):
            here ^= turns[border]
            if number % share:
                stretches[-1] |= here
            else:
                stretches.append(here)
        for place, condition in asked if share > 1 else ():
            self._doubts.setdefault(place, []).append(condition)
        return borders[share - 1 :: share], stretches


def _by_word(fact: Fact, asked: Iterable[tuple[int, Condition]], indifferent: int) -> Mapping[Value | None, int]:
    suits: dict[Value | None, int] = dict.fromkeys((*fact.values, UNKNOWN), indifferent)
    for place, condition in asked:
        for word in condition.allowed & suits.keys():
            suits[word] |= 1 << place
    return suits


def _turns(asked: Iterable[tuple[int, Condition]]) -> Mapping[int, int]:
    """Return the rules that begin or cease to suit at each border."""
    turns: dict[int, int] = {}
    for place, condition in asked:
        for low, high in condition.spans:
            turns[low] = turns.get(low, 0) ^ 1 << place
            turns[high + 1] = turns.get(high + 1, 0) ^ 1 << place
    return turns


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


def _together(turns: Mapping[int, int], borders: Iterable[int]) -> int:
    bits = 0
    for border in borders:
        bits ^= turns[border]
    return bits
