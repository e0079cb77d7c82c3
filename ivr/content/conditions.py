"""From `days_left: at most 2` to a condition: what a `when` may say about each fact."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from ivr.content import scalars
from ivr.content.problems import did_you_mean
from ivr.content.reading import Item, Read, Wrong, pairs, scalar, text
from ivr.core.rules import FACTS, UNKNOWN, WEEKDAYS, Condition, Fact, Value, hours_when_open

_DAY = 24 * 60
Spans = tuple[tuple[int, int], ...]

_COMPARED = re.compile(r"(below|above|at least|at most) +(\S+)")
_BETWEEN = re.compile(r"(\S+) +to +(\S+)")


def read_when(item: Item | None, facts: Mapping[str, Fact]) -> tuple[Condition, ...]:
    """Return the conditions of a `when`, none for {} or nothing; raises Wrong after reporting every fault."""
    conditions, faulty = [], False
    for key, value in pairs(item, "a set of facts") if item else ():
        try:
            conditions.append(_condition(fact_at(key, facts), value))
        except Wrong as wrong:
            faulty = True
            if wrong.message:
                (wrong.item or value).problem(wrong.code, wrong.message)
    if faulty:
        raise Wrong
    return tuple(conditions)


def fact_at(key: Item, facts: Mapping[str, Fact]) -> Fact:
    """Return the fact a key names; raises Wrong."""
    if key.text not in facts:
        raise Wrong("unknown-key", f'there is no fact "{key.text}"{did_you_mean(key.text, facts)}', key)
    return facts[key.text]


def _condition(fact: Fact, item: Item) -> Condition:
    negated, chosen = _not(item) or (False, item)
    if negated is False and item.kind == "mapping":
        raise Wrong("type", "write a value, a list in [ ], or {not: …}", item)
    written = f"{fact.name}: {'not ' * negated}{chosen.as_written()}"
    allowed, spans = _choices(fact, chosen)
    if negated:
        allowed = frozenset({*fact.values, UNKNOWN} - allowed)
        spans = _others(spans, fact)
    if {*fact.values, *([] if fact.always_known else [UNKNOWN])} <= allowed and not _others(spans, fact):
        item.problem("remark", f"{written} is true of every call; leave it out", severity="warning")
    if fact.name == "open":
        allowed = frozenset(hours for answer in allowed for hours in hours_when_open(answer))
        return Condition(FACTS["hours"], allowed, (), written)
    return Condition(fact, allowed, spans, written)


def _not(item: Item) -> tuple[bool, Item] | None:
    if item.kind == "mapping" and len(item.pairs) == 1 and item.pairs[0][0].text == "not":
        return True, item.pairs[0][1]
    return None


def _choices(fact: Fact, item: Item) -> tuple[frozenset[str], Spans]:
    if item.kind == "list" and not item.items:
        raise Wrong("type", "the list is empty; fill it in, or leave the fact out", item)
    words: set[str] = set()
    spans: list[tuple[int, int]] = []
    for member in item.items if item.kind == "list" else (item,):
        told = text(member)
        if told == UNKNOWN:
            words.add(UNKNOWN)
            continue
        try:
            if fact.numeric:
                spans += _spans(fact, told)
            else:
                words |= _words(fact, told)
        except Wrong as wrong:
            raise Wrong(wrong.code, wrong.message, member) from None
    return frozenset(words), _joined(spans)


def _words(fact: Fact, told: str) -> set[str]:
    ends = _BETWEEN.fullmatch(told)
    if fact.kind == "weekday" and ends:
        first, last = (_word(fact, end) for end in ends.groups())
        if first == last:
            raise Wrong("range", f"{told} is one day; write {first}")
        start = WEEKDAYS.index(first)
        length = (WEEKDAYS.index(last) - start) % 7 + 1
        return {WEEKDAYS[(start + step) % 7] for step in range(length)}
    return {_word(fact, told)}


def _word(fact: Fact, told: str) -> str:
    if fact.kind == "flag":
        return scalars.flag_word(told)
    if told not in fact.values:
        choices = did_you_mean(told, fact.values) or (
            f"; it can be {', '.join(fact.values)} or unknown" if len(fact.values) < 8 else ""
        )
        raise Wrong("unknown-value", f'{fact.name} is never "{told}"{choices}')
    return told


def _spans(fact: Fact, told: str) -> Spans:
    return _times(told) if fact.kind == "time" else (_numbers(fact, told),)


def _times(told: str) -> Spans:
    if not _BETWEEN.fullmatch(told):
        if _COMPARED.fullmatch(told):
            raise Wrong("type", f'"{told}" is for numbers; for times write two, as in 08:00 to 20:00')
        minute = scalars.time_of_day(told)
        return ((minute, minute),)
    start, end = scalars.time_range(told)
    return ((start, min(end, _DAY) - 1), (0, end - _DAY - 1))


def _numbers(fact: Fact, told: str) -> tuple[int, int]:
    within = scalars.whole(fact.low, fact.high)
    if between := _BETWEEN.fullmatch(told):
        low, high = within(between[1]), within(between[2])
        if low > high:
            raise Wrong("range", f"{told} is empty; the smaller number comes first")
        return low, high
    if compared := _COMPARED.fullmatch(told):
        end = within(compared[2])
        low, high = {
            "below": (fact.low, end - 1),
            "above": (end + 1, fact.high),
            "at least": (end, fact.high),
            "at most": (fact.low, end),
        }[compared[1]]
        if low > high:
            raise Wrong("range", f"{fact.name} is never {told}; it runs from {fact.low} to {fact.high}")
        return low, high
    if not told.lstrip("-").isdigit():
        raise Wrong("type", f'"{told}" is not a number or a range; write 2, 2 to 5, at most 2 or at least 2')
    return (within(told),) * 2


def _joined(spans: Iterable[tuple[int, int]]) -> Spans:
    joined: list[tuple[int, int]] = []
    for low, high in sorted(span for span in spans if span[0] <= span[1]):
        if joined and low <= joined[-1][1] + 1:
            joined[-1] = (joined[-1][0], max(high, joined[-1][1]))
        else:
            joined.append((low, high))
    return tuple(joined)


def _others(spans: Spans, fact: Fact) -> Spans:
    if not fact.numeric:
        return ()
    edges = [fact.low, *(edge for low, high in spans for edge in (low - 1, high + 1)), fact.high]
    return _joined(zip(edges[::2], edges[1::2], strict=True))


def read_value(fact: Fact) -> Read[Value]:
    """Return a reader of one value a fact can have in a call: no lists, no ranges; numbers count as their end."""

    def read(told: str) -> Value:
        if told == UNKNOWN:
            return UNKNOWN
        if fact.kind == "time":
            return scalars.time_of_day(told)
        return fact.reading(scalars.number(told)) if fact.numeric else _word(fact, told)

    return scalar(read)
