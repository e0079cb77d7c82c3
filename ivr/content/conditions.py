"""From `days_left: at most 2` to a condition: what a `when` may say about each fact."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from ivr.content import scalars
from ivr.content.problems import did_you_mean
from ivr.content.reading import Fields, Read, keyed, one_or_more, scalar
from ivr.content.written import Item, Wrong
from ivr.core.rules import FACTS, UNKNOWN, WEEKDAYS, Condition, Fact, Value, hours_when_open

_DAY = 24 * 60
Spans = tuple[tuple[int, int], ...]

COMPARISONS = ("below", "above", "at least", "at most")
_COMPARED = re.compile(rf"({'|'.join(COMPARISONS)}) +(\S+)")
_BETWEEN = re.compile(r"(\S+) +to +(\S+)")


def read_when(item: Item, facts: Mapping[str, Fact]) -> tuple[Condition, ...]:
    """Return the conditions of a `when`, none for {}; raises Wrong after reporting every fault."""
    read = keyed(lambda key, value: _condition(fact_at(key, facts), value), "a set of facts")
    return tuple(read(item).values())


def fact_at(key: Item, facts: Mapping[str, Fact]) -> Fact:
    """Return the fact a key names; raises Wrong."""
    if key.text not in facts:
        raise Wrong("unknown-key", f'there is no fact "{key.text}"{did_you_mean(key.text, facts)}', key)
    return facts[key.text]


def _condition(fact: Fact, item: Item) -> Condition:
    negated, chosen = _not(item)
    written = f"{fact.name}: {'not ' * negated}{chosen.as_written()}"
    allowed, spans = _choices(fact, chosen)
    if negated:
        allowed = frozenset({*fact.values, UNKNOWN} - allowed)
        spans = _others(spans, fact)
    if _always(fact, allowed, spans):
        item.problem("remark", f"{written} is true of every call; leave it out", severity="warning")
    if fact.name == "open":
        allowed = frozenset(hours for answer in allowed for hours in hours_when_open(answer))
        return Condition(FACTS["hours"], allowed, (), written)
    return Condition(fact, allowed, spans, written)


def _always(fact: Fact, allowed: frozenset[str], spans: Spans) -> bool:
    words = set(fact.values) if fact.always_known else {*fact.values, UNKNOWN}
    return words <= allowed and not _others(spans, fact)


def _not(item: Item) -> tuple[bool, Item]:
    if item.kind != "mapping":
        return False, item
    fields = Fields(item, "a condition in { }")
    for key in COMPARISONS:
        if key in fields:
            raise Wrong("unknown-key", f"write {key} {item.at(key).as_written()}, without {{ }}", fields.key(key))
    chosen = fields.need("not", lambda value: value)
    fields.done()
    return True, chosen


def _choices(fact: Fact, item: Item) -> tuple[frozenset[str], Spans]:
    words: set[str] = set()
    spans: list[tuple[int, int]] = []
    for chosen in one_or_more(scalar(lambda told: _choice(fact, told)))(item):
        words |= chosen[0]
        spans += chosen[1]
    return frozenset(words), _joined(spans)


def _choice(fact: Fact, told: str) -> tuple[set[str], Spans]:
    if told == UNKNOWN:
        return {UNKNOWN}, ()
    return (set(), _spans(fact, told)) if fact.numeric else (_words(fact, told), ())


def _words(fact: Fact, told: str) -> set[str]:
    ends = _BETWEEN.fullmatch(told)
    if _COMPARED.fullmatch(told) or (ends and fact.kind != "weekday"):
        raise Wrong("type", f'"{told}" is for numbers; {fact.name} takes a word or a list of words, as in [a, b]')
    if ends:
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
        few = f"; it can be {', '.join(fact.values)} or unknown" if len(fact.values) < 8 else ""
        few = few if fact.values else "; it has no values but unknown"
        hint = did_you_mean(told, [*fact.values, UNKNOWN])
        raise Wrong("unknown-value", f'{fact.name} is never "{told}"{hint or few}')
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


def crosses_midnight(told: str) -> bool:
    """Return whether a range of times, as written, begins on one day and ends on the next."""
    if not _BETWEEN.fullmatch(told):
        return False
    start, end = scalars.time_range(told)
    return start < _DAY < end


def _numbers(fact: Fact, told: str) -> tuple[int, int]:
    within = scalars.whole(fact.low, fact.high)
    if between := _BETWEEN.fullmatch(told):
        low, high = within(between[1]), within(between[2])
        if low > high:
            raise Wrong("range", f"{told} is empty; the smaller number comes first")
        return low, high
    if compared := _COMPARED.fullmatch(told):
        return _compared(fact, compared[1], within(compared[2]))
    if not re.fullmatch(r"[+-]?[0-9]+", told):
        raise Wrong("type", f'"{told}" is not a whole number or a range; write 2, 2 to 5, at most 2 or at least 2')
    return (within(told),) * 2


def _compared(fact: Fact, how: str, end: int) -> tuple[int, int]:
    low, high = {
        "below": (fact.low, end - 1),
        "above": (end + 1, fact.high),
        "at least": (end, fact.high),
        "at most": (fact.low, end),
    }[how]
    if low > high:
        raise Wrong("range", f"{fact.name} is never {how} {end}; it runs from {fact.low} to {fact.high}")
    return low, high


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
    return scalar(lambda told: _value(fact, told))


def _value(fact: Fact, told: str) -> Value:
    if told == UNKNOWN:
        return UNKNOWN
    if fact.kind == "time":
        return scalars.time_of_day(told)
    return fact.reading(scalars.number(told)) if fact.numeric else _word(fact, told)


def read_call(item: Item, facts: Mapping[str, Fact]) -> dict[str, Value]:
    """Return the facts of a call as an example writes them; raises Wrong after reporting every fault."""
    call = keyed(lambda key, value: read_value(fact_at(key, facts))(value), "a set of facts")(item)
    disagreement = _disagreement(call)
    if disagreement:
        raise Wrong("range", disagreement, item)
    return call


def call_in(line: bytes) -> dict[str, Any]:
    """Return the call that a line of JSON tells, as it stands there; raises Wrong."""
    try:
        call = json.loads(line.decode("utf-8-sig"), object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise Wrong("syntax", f"this line is no JSON: {error}") from None
    if not isinstance(call, dict):
        raise Wrong("type", 'a call is a JSON object of facts, as in {"open": "yes"}')
    return call


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    told = dict(pairs)
    if len(told) < len(pairs):
        twice = next(name for place, (name, _) in enumerate(pairs) if name in dict(pairs[:place]))
        raise Wrong("duplicate", f"{twice} is told twice; a call has one of each")
    return told


def call_facts(given: Mapping[str, object], facts: Mapping[str, Fact]) -> dict[str, Value]:
    """Return the facts of a call given as text, or as JSON gives them; raises Wrong for the first that cannot be."""
    call = {}
    for name, value in given.items():
        if name not in facts:
            raise Wrong("unknown-key", f'there is no fact "{name}"{did_you_mean(name, facts)}')
        if not isinstance(value, str | int) or isinstance(value, bool):
            raise Wrong("type", f"{name} is a single value, written as in the rules")
        call[name] = _value(facts[name], str(value))
    disagreement = _disagreement(call)
    if disagreement:
        raise Wrong("range", disagreement)
    return call


def _disagreement(call: Mapping[str, Value]) -> str | None:
    opened, hours = call.get("open", UNKNOWN), call.get("hours", UNKNOWN)
    if UNKNOWN in (opened, hours) or hours in hours_when_open(str(opened)):
        return None
    return f"open is {opened} and hours is {hours}; these two never go together"
