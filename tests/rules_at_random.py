"""Rule sets and calls made up by hypothesis, over few values so that rules meet, shadow and fill each other's gaps."""

from __future__ import annotations

from collections.abc import Mapping

from hypothesis import strategies as st

from ivr.content.conditions import read_when
from ivr.content.written import File, read_yaml
from ivr.core.line import Queue
from ivr.core.rules import FACTS, UNKNOWN, Condition, Fact, Rule, RuleSet, Then, Value

QUEUES = {
    "pharmacist": Queue("pharmacist", "Pharmacist", 60, licensed=True, on_call=True),
    "refills": Queue("refills", "Refills", 120, needs=("counter",), record=True),
    "front_desk": Queue("front_desk", "Front desk", 180),
}
LICENSED = frozenset({"pharmacist"})

_WORDS = ("urgency", "caller", "tier", "hours", "time_sensitive", "payment")
_THENS = (
    Then("queue", "pharmacist"),
    Then("queue", "refills"),
    Then("queue", "refills", 120),  # what its queue says anyhow
    Then("queue", "front_desk", 45, ("spanish",)),
    Then("voicemail", "front_desk"),
    Then("self_service", "refill"),
    Then("announce", "goodbye"),
)


def _written(name: str) -> st.SearchStrategy[str]:
    """A condition as its author writes it."""
    fact = FACTS[name]
    if name == "time":
        ends = st.sampled_from(["00:00", "06:00", "08:30", "12:00", "22:00"])
        return st.tuples(ends, ends).filter(lambda pair: pair[0] != pair[1]).map(lambda pair: f"{pair[0]} to {pair[1]}")
    if name == "weekday":
        return st.sampled_from(["sat", "[sat, sun]", "fri to mon", "{not: mon to fri}"])
    if name == "open":
        return st.sampled_from(["yes", "no", "{not: yes}"])
    if fact.numeric:
        number = st.integers(-3, 6).map(str)
        compared = st.builds("{} {}".format, st.sampled_from(["at most", "at least", "below", "above"]), number)
        one = st.one_of(number, compared, st.just(UNKNOWN))
    else:
        one = st.sampled_from([*fact.values, *([] if fact.always_known else [UNKNOWN])])
    several = st.lists(one, min_size=1, max_size=3, unique=True).map(lambda told: f"[{', '.join(told)}]")
    return st.one_of(one, several, several.map("{{not: {}}}".format))


_CONDITIONS = {name: _written(name) for name in (*_WORDS, "days_left", "time", "weekday", "open")}


@st.composite
def whens(draw: st.DrawFn, most: int = 3) -> tuple[Condition, ...]:
    """What a rule may ask for: up to so many facts."""
    names = draw(st.lists(st.sampled_from(sorted(_CONDITIONS)), max_size=most, unique=True))
    text = ", ".join(f"{name}: {draw(_CONDITIONS[name])}" for name in names)
    item = read_yaml(File("rules.yaml", f"{{{text}}}"))
    assert item is not None
    return read_when(item, FACTS)


@st.composite
def rule_sets(draw: st.DrawFn, most: int = 6) -> RuleSet:
    """Up to so many rules, and an `otherwise`."""
    found = draw(st.lists(st.tuples(whens(), st.sampled_from(_THENS)), max_size=most))
    rules = tuple(
        Rule(f"Rule {number}", "", when, then, "routing_rules/main.yaml", number * 10)
        for number, (when, then) in enumerate(found, 1)
    )
    last = Rule("otherwise", "", (), draw(st.sampled_from(_THENS)), "routing_rules/main.yaml", 999)
    return RuleSet("main.yaml", rules, last)


def _value(fact: Fact) -> st.SearchStrategy[Value]:
    if fact.kind == "time":
        return st.sampled_from([0, 359, 360, 510, 720, 1319, 1320, 1439])
    if fact.numeric:
        return st.integers(-40, 8)
    return st.sampled_from(fact.values)


@st.composite
def calls(draw: st.DrawFn) -> Mapping[str, Value]:
    """A call that knows some facts: more than there are, fewer than there are, and now and then a foreign value."""
    told = {}
    for name in (*_WORDS, "days_left", "time", "weekday"):
        value = draw(st.one_of(st.none(), st.just(UNKNOWN), _value(FACTS[name]), st.just("robot")))
        if value is not None:
            told[name] = value
    if "hours" not in told and draw(st.booleans()):
        told["open"] = draw(st.sampled_from(["yes", "no", UNKNOWN]))
    return told
