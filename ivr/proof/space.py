"""Every call there can be, as far as the rules at hand tell calls apart: one axis a fact, few parts on each.

Values that no condition tells apart share a part, so an axis is short however many values its fact has. A box is a
set of parts on every axis, as one bit mask an axis: what a `when` admits is a box.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from ivr.core.rules import FACTS, UNKNOWN, Condition, Fact, Value

Box = tuple[int, ...]
When = Sequence[Condition]


@dataclass(frozen=True, slots=True)
class Part:
    """Values of a fact that nobody tells apart: some words, or the whole numbers from low to high."""

    words: tuple[str, ...] = ()
    low: int = 0
    high: int = 0

    @property
    def typical(self) -> Value:
        """The value an example names: a known one where there is one, and the number nearest to none."""
        return self.words[0] if self.words else min(max(self.low, 0), self.high)


UNKNOWN_PART = Part((UNKNOWN,))


class Axis:
    """One fact, and the parts its values fall into."""

    def __init__(self, fact: Fact, conditions: Iterable[Condition]) -> None:
        self.fact = fact
        told_apart = {(condition.allowed, condition.spans) for condition in conditions}
        unknown = () if fact.always_known else (UNKNOWN_PART,)
        numbers = _numbers(fact, told_apart) if fact.numeric else ()
        self.parts: tuple[Part, ...] = (*numbers, *_words(fact, told_apart), *unknown)
        self.full = (1 << len(self.parts)) - 1
        self._starts = [part.low for part in self.parts if not part.words]
        self._masks: dict[Condition, int] = {}

    def mask(self, condition: Condition) -> int:
        """Return the parts a condition admits."""
        if condition not in self._masks:
            self._masks[condition] = self._mask(condition)
        return self._masks[condition]

    def _mask(self, condition: Condition) -> int:
        mask = 0
        for place, part in enumerate(self.parts):
            if part.words and part.words[0] in condition.allowed:
                mask |= 1 << place
        for low, high in condition.spans:
            first, beyond = bisect_left(self._starts, low), bisect_left(self._starts, high + 1)
            mask |= (1 << beyond) - (1 << first)
        return mask

    def chosen(self, mask: int) -> Iterator[Part]:
        """Yield the parts in a mask."""
        return (part for place, part in enumerate(self.parts) if mask >> place & 1)

    def typical(self, mask: int) -> Value:
        """Return the value an example gives this fact: the first of a mask that is known, else `unknown`."""
        return self.parts[(mask & -mask).bit_length() - 1].typical


def _words(fact: Fact, told_apart: Iterable[tuple[frozenset[str], object]]) -> Iterator[Part]:
    """Yield words that every condition admits or refuses together, as one part."""
    alike: dict[int, list[str]] = {}
    signature = dict.fromkeys(fact.values, 0)
    for bit, (allowed, _) in enumerate(told_apart):
        for word in allowed & signature.keys():
            signature[word] |= 1 << bit
    for word in fact.values:
        alike.setdefault(signature[word], []).append(word)
    return (Part(tuple(words)) for words in alike.values())


def _numbers(fact: Fact, told_apart: Iterable[tuple[object, tuple[tuple[int, int], ...]]]) -> Iterator[Part]:
    """Yield the stretches between the ends of all ranges."""
    ends = {edge for _, spans in told_apart for low, high in spans for edge in (low, high + 1)}
    starts = sorted({fact.low, *(edge for edge in ends if fact.low < edge <= fact.high)})
    return (Part(low=start, high=after - 1) for start, after in zip(starts, [*starts[1:], fact.high + 1], strict=True))


class Space:
    """All calls as these conditions tell them apart. Facts nobody asks for have no axis."""

    def __init__(self, whens: Iterable[When], facts: Mapping[str, Fact] = FACTS) -> None:
        asked: dict[str, list[Condition]] = {}
        for when in whens:
            for condition in when:
                asked.setdefault(condition.fact.name, []).append(condition)
        self.axes = tuple(Axis(facts[name], asked[name]) for name in facts if name in asked)
        self._place = {axis.fact.name: place for place, axis in enumerate(self.axes)}

    @cached_property
    def whole(self) -> Box:
        """The box of every call."""
        return tuple(axis.full for axis in self.axes)

    def box(self, when: When) -> Box:
        """Return the box of the calls that fit; some mask is 0 when none can."""
        masks = list(self.whole)
        for condition in when:
            place = self._place[condition.fact.name]
            masks[place] &= self.axes[place].mask(condition)
        return tuple(masks)

    def call(self, box: Box) -> dict[str, Value]:
        """Return a call in a box as an example gives it; facts left out may have any value."""
        return {
            axis.fact.name: axis.typical(mask) for axis, mask in zip(self.axes, box, strict=True) if mask != axis.full
        }

    def point(self, box: Box) -> dict[str, Value]:
        """Return one call of a box, with every fact any condition asks for."""
        return {axis.fact.name: axis.typical(mask) for axis, mask in zip(self.axes, box, strict=True)}


# ---------------------------------------------------------------- boxes


def meet(one: Box, other: Box) -> Box | None:
    """Return what two boxes share; None when that is nothing."""
    shared = tuple(a & b for a, b in zip(one, other, strict=True))
    return shared if all(shared) else None


def apart(one: Box, other: Box) -> bool:
    """Return whether no call is in both boxes."""
    return any(not a & b for a, b in zip(one, other, strict=True))


def within(inner: Box, outer: Box) -> bool:
    """Return whether every call of one box is in the other."""
    return all(not a & ~b for a, b in zip(inner, outer, strict=True))


def widened(box: Box, limit: Box, walls: Iterable[Box]) -> Box:
    """Return a box around `box` inside `limit` that touches no wall: with as few facts that matter as come out.

    Each axis in turn is opened to all of its parts if nothing is touched then, else to those parts that touch nothing.
    """
    near = {wall: _between(box, wall) for wall in walls if not apart(wall, limit)}
    for place, whole in enumerate(limit):
        opened, here = whole, 1 << place
        beside = [wall for wall, between in near.items() if between & here]
        for wall in beside:
            if near[wall] == here:
                opened &= ~wall[place]
        near |= {wall: near[wall] & ~here for wall in beside if opened & wall[place]}
        box = (*box[:place], opened, *box[place + 1 :])
    return box


def _between(box: Box, wall: Box) -> int:
    """Return the axes on which a box and a wall are apart, as bits."""
    return sum(1 << place for place, (a, b) in enumerate(zip(box, wall, strict=True)) if not a & b)
