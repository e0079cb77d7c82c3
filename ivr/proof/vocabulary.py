"""Two versions may know different facts: one vocabulary for both, and conditions of either said in it.

A version reads what it does not know as `unknown`, and a number beyond its ends as the end. So `language: {not: es}`
of a version without French admits a French call, and `days_left: at most 2` admits whatever is below its lowest day.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from ivr.core.rules import FACTS, UNKNOWN, Condition, Fact

Spans = tuple[tuple[int, int], ...]


def shared(old: Mapping[str, Fact], new: Mapping[str, Fact]) -> Mapping[str, Fact]:
    """Return every fact of two versions, with every value either knows."""
    if old == new:
        return old
    return {**old, **{name: _both(old[name], fact) if name in old else fact for name, fact in new.items()}}


def _both(one: Fact, other: Fact) -> Fact:
    if one == other:
        return one
    numeric = [fact for fact in (one, other) if fact.numeric]
    return replace(
        numeric[0] if numeric else one,
        values=(*one.values, *(word for word in other.values if word not in one.values)),
        low=min((fact.low for fact in numeric), default=0),
        high=max((fact.high for fact in numeric), default=0),
        always_known=one.always_known and other.always_known,
    )


def said_in(facts: Mapping[str, Fact], when: Iterable[Condition], known: Mapping[str, Fact]) -> tuple[Condition, ...]:
    """Return conditions of a version whose facts are `known`, said in a vocabulary that has all of them."""
    return tuple(_said(condition, facts[condition.fact.name], known[condition.fact.name]) for condition in when)


def _said(condition: Condition, fact: Fact, known: Fact) -> Condition:
    if fact == known:
        return condition
    foreign = {word for word in fact.values if word not in known.values}
    allowed = condition.allowed | (foreign if UNKNOWN in condition.allowed else frozenset())
    return replace(condition, fact=fact, allowed=allowed, spans=_reaching(condition, fact, known))


def _reaching(condition: Condition, fact: Fact, known: Fact) -> Spans:
    """Return spans that reach as far as the shared fact does: beyond its ends a version reads the end."""
    if not fact.numeric:
        return ()
    if not known.numeric:  # it reads every number as unknown
        return ((fact.low, fact.high),) if UNKNOWN in condition.allowed else ()
    return tuple(
        (fact.low if low <= known.low else low, fact.high if high >= known.high else high)
        for low, high in condition.spans
    )


# ---------------------------------------------------------------- what two conditions ask together


def together(when: Iterable[Condition]) -> tuple[Condition, ...]:
    """Return conditions that ask of each fact once what all of these ask together, in the order of the facts.

    They must be said in one vocabulary, and some value must suit them.
    """
    asked: dict[str, Condition] = {}
    for condition in when:
        known = asked.get(condition.fact.name)
        asked[condition.fact.name] = condition if known is None else _both_ask(known, condition)
    return tuple(asked[name] for name in sorted(asked, key=_place))


def _both_ask(one: Condition, other: Condition) -> Condition:
    allowed, spans = one.allowed & other.allowed, _overlap(one.spans, other.spans)
    for condition in (one, other):
        if (condition.allowed, condition.spans) == (allowed, spans):
            return condition
    return Condition(one.fact, allowed, spans, _written(one.fact, allowed, spans))


def _overlap(some: Spans, others: Spans) -> Spans:
    met = ((max(low, other_low), min(high, other_high)) for low, high in some for other_low, other_high in others)
    return tuple(sorted((low, high) for low, high in met if low <= high))


def _written(fact: Fact, allowed: frozenset[str], spans: Spans) -> str:
    """Return a condition as its author would have written it."""
    told = [_stretch(fact, low, high) for low, high in spans]
    told += [word for word in (*fact.values, UNKNOWN) if word in allowed]
    return f"{fact.name}: {told[0] if len(told) == 1 else '[' + ', '.join(told) + ']'}"


def _stretch(fact: Fact, low: int, high: int) -> str:
    if fact.kind == "time":
        return f"{_clock(low)} to {_clock(high + 1)}"
    return str(low) if low == high else f"{low} to {high}"


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


_ORDER = {name: place for place, name in enumerate(FACTS)}


def _place(name: str) -> tuple[int, str]:
    return _ORDER.get(name, len(_ORDER)), name
