"""Made-up rule books of any size over the real facts, and the calls that come to them; a seed makes the same again.

A few rules for safety stand on top, as a pharmacy would put them; below them the specific rules stand above the general
ones, so that most of them get calls. The more rules there are, the more each of them asks for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from math import ceil, log10
from random import Random

from ivr.content.names import Names
from ivr.content.rules import RulesReader, rule_set
from ivr.content.written import File
from ivr.core.line import Queue
from ivr.core.rules import FACTS, UNKNOWN, Condition, Fact, Rule, RuleSet, Value

_OWN_VALUES = {
    "line": ("clinic", "main"),
    "site": ("central", "north"),
    "language": ("en", "es"),
    "medication_class": ("cold_chain", "controlled", "fertility", "specialty"),
}
FACTS_HERE: Mapping[str, Fact] = FACTS | {
    name: replace(FACTS[name], values=values) for name, values in _OWN_VALUES.items()
}
QUEUES = {
    "pharmacist": Queue("pharmacist", "Pharmacist", 60, licensed=True, on_call=True),
    "refills": Queue("refills", "Refills and orders", 120),
    "front_desk": Queue("front_desk", "Front desk", 180),
    "insurance": Queue("insurance", "Insurance", 240),
}
LICENSED = frozenset({"pharmacist"})
_NAMES = Names(
    facts=FACTS_HERE, queues=set(QUEUES), on_call_queues={"pharmacist"}, flows={"refill", "status"}, skills={"spanish"}
)
_ASKED = (
    "urgency", "caller", "intent", "language", "tier", "refill", "order_state", "payment", "access", "time_sensitive",
    "days_left", "open", "time", "weekday", "repeat_calls", "waiting", "longest_wait",
)  # fmt: skip
_MAIN = "routing_rules/main.yaml"
_RULES_A_FILE = 1_000  # larger files are refused for their size

_SAFETY = """\
  - name: Emergency
    when: {urgency: emergency}
    then: {queue: pharmacist, answer_within: now}
  - name: Adverse reaction
    when: {intent: adverse_reaction, open: yes}
    then: {queue: pharmacist, answer_within: 45s, offer_callback: no}
  - name: Adverse reaction, closed
    when: {intent: adverse_reaction, open: no}
    then: {queue: pharmacist, answer_within: 45s, offer_callback: no}
  - name: Nobody we know asks for a refill
    when: {tier: anonymous, intent: refill_request}
    then: {queue: front_desk}
  - name: Clinical hold
    when: {refill: clinical_hold, intent: [refill_request, medication_question]}
    then: {queue: pharmacist, answer_within: 2m, record: yes}
"""
SAFETY_RULES = _SAFETY.count("name:")
_PROMISES = """\
otherwise: {queue: front_desk, answer_within: 3m}
always:
  - {name: Emergencies reach licensed staff, when: {urgency: emergency}, must: {route: queue, licensed: yes}}
  - {name: Emergencies are answered at once, when: {urgency: emergency}, must: {answer_within: now, on_call: yes}}
  - {name: Reactions go to a pharmacist, when: {intent: adverse_reaction}, must: {queue: pharmacist}}
  - {name: Reactions wait a minute at most, when: {intent: adverse_reaction}, must: {answer_within: at most 1m}}
  - name: A pharmacist looks at what is on hold
    when: {refill: clinical_hold, intent: refill_request, tier: {not: anonymous}}
    must: {licensed: yes, answer_within: at most 2m}
  - name: Questions about a hold are answered by a pharmacist
    when: {refill: clinical_hold, intent: medication_question}
    must: {queue: pharmacist}
never:
  - name: A machine never refills for nobody we know
    when: {tier: anonymous, intent: refill_request}
    must_not: {route: self_service}
  - {name: No machine takes an emergency, when: {urgency: emergency}, must_not: {route: [self_service, announce]}}
  - name: A reaction is never put off
    when: {intent: adverse_reaction, urgency: {not: emergency}}
    must_not: {offer_callback: yes}
  - {name: Nobody is left in insurance with a reaction, when: {intent: adverse_reaction}, must_not: {queue: insurance}}
examples:
  - {name: A toddler swallowed pills, call: {urgency: emergency, open: no}, expect: {queue: pharmacist}}
"""
GUARANTEES = _PROMISES.count("must")
_THENS = (
    "{queue: refills, answer_within: 45s}", "{queue: refills}", "{queue: front_desk, answer_within: 2m}",
    "{queue: front_desk, needs: spanish}", "{queue: insurance}", "{queue: pharmacist}",
    "{voicemail: front_desk}", "{callback: refills}", "{self_service: status}", "{self_service: refill}",
)  # fmt: skip


# ---------------------------------------------------------------- rules


def written(count: int, seed: int = 1) -> dict[str, str]:
    """Return `count` rules and what is promised about them: texts by path, each extending the one before."""
    chance, whens = Random(seed), set[tuple[str, ...]]()
    fewest = ceil(log10(count))
    while len(whens) < count - SAFETY_RULES:
        whens.add(_when(chance, chance.randint(fewest, fewest + 2)))
    rules = [
        f"  - name: Rule {number}\n    when: {{{', '.join(when)}}}\n    then: {chance.choice(_THENS)}\n"
        for number, when in enumerate(sorted(whens, key=lambda when: (-len(when), when)), SAFETY_RULES + 1)
    ]
    parts = [rules[first : first + _RULES_A_FILE] for first in range(0, len(rules), _RULES_A_FILE)]
    paths = [*(f"routing_rules/part{number}.yaml" for number in range(1, len(parts))), _MAIN]
    heads = [f"rules:\n{_SAFETY}", *(f"extends: {path.rpartition('/')[2]}\nrules:\n" for path in paths[:-1])]
    texts = ("".join(["version: 1\n", head, *part]) for head, part in zip(heads, parts, strict=True))
    found = dict(zip(paths, texts, strict=True))
    return found | {_MAIN: found[_MAIN] + _PROMISES}


def _when(chance: Random, asks: int) -> tuple[str, ...]:
    names = chance.sample(_ASKED, asks)
    return tuple(f"{name}: {_condition(FACTS_HERE[name], chance)}" for name in names)


def _condition(fact: Fact, chance: Random) -> str:
    if fact.kind == "time":
        start = chance.randrange(0, 24 * 60, 5)
        end = (start + chance.randrange(30, 8 * 60, 5)) % (24 * 60)
        return f"{start // 60:02}:{start % 60:02} to {end // 60:02}:{end % 60:02}"
    if fact.numeric:
        return _range(fact, chance)
    if fact.kind == "flag":
        return chance.choice(fact.values)
    words = chance.sample(fact.values, min(chance.choice((1, 1, 1, 2)), len(fact.values) - 1))
    several = f"[{', '.join(words)}]" if len(words) > 1 else words[0]
    return f"{{not: {several}}}" if chance.random() < 0.03 else several


def _range(fact: Fact, chance: Random) -> str:
    width = (fact.high - fact.low) // 3
    low = chance.randint(fact.low + 1, fact.high - 1)
    if chance.random() < 0.5:
        return f"{low} to {min(low + chance.randint(0, width), fact.high)}"
    if chance.random() < 0.5:
        return f"{chance.choice(('at most', 'below'))} {fact.low + 1 + chance.randint(0, width)}"
    return f"{chance.choice(('at least', 'above'))} {fact.high - 1 - chance.randint(0, width)}"


def read(texts: Mapping[str, str]) -> RuleSet:
    """Return what the files say, as the product reads them; raises ValueError when something is wrong with them."""
    files = {path: File(path, text) for path, text in texts.items()}
    found = rule_set(RulesReader(files, _NAMES).chain(_MAIN), _NAMES)
    if found is None:
        raise ValueError(f"the made-up rules are not sound: {[file.problems[:3] for file in files.values()]}")
    return found


# ---------------------------------------------------------------- calls


def calls(rules: RuleSet, count: int, seed: int = 1) -> list[dict[str, Value]]:
    """Return calls with every fact, as they come live: half are like any call, half fit a rule taken at random."""
    chance = Random(seed)
    return [_call(chance, chance.choice(rules.rules) if number % 2 else None) for number in range(count)]


def _call(chance: Random, rule: Rule | None) -> dict[str, Value]:
    call = {fact.name: chance.choice(list(_some(fact, chance))) for fact in FACTS_HERE.values()}
    if call["urgency"] == "emergency" and chance.random() < 0.9:
        call["urgency"] = "routine"
    for condition in rule.when if rule else ():
        call[condition.fact.name] = chance.choice([*_admitted(condition)])
    return call | {"open": "yes" if call["hours"] == "business" else "no"}


def _some(fact: Fact, chance: Random) -> Iterator[Value]:
    if not fact.always_known and chance.random() < 0.3:
        yield UNKNOWN
    elif fact.numeric:
        yield chance.randint(fact.low, fact.high)
    else:
        yield from fact.values


def _admitted(condition: Condition) -> Iterator[Value]:
    """Yield values that fit: the known words, the ends of ranges; `unknown` where only that fits."""
    known = sorted(condition.allowed - {UNKNOWN})
    yield from known
    yield from (end for span in condition.spans for end in span)
    if not known and not condition.spans:
        yield UNKNOWN
