"""Every mistake a rule can hold, one at a time: what it is called, where it stands and what is said about it.

A ▸ in a mistake marks the place its problem is told at; it is taken out before the file is read.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest

from ivr.content.folder import as_text
from ivr.content.names import Names
from ivr.content.problems import Problem, in_order
from ivr.content.rules import RulesReader, rule_set
from ivr.content.written import File
from ivr.core.rules import FACTS, Fact, RuleSet

NAMES = Names(
    facts={
        **FACTS,
        "line": Fact("line", "word", ("main", "prescribers"), always_known=True),
        "language": Fact("language", "word", ("en", "es")),
        "plan": Fact("plan", "word", ("gold", "silver")),
    },
    queues=("pharmacist", "refills", "front_desk"),
    on_call_queues={"pharmacist"},
    flows={"refill", "status"},
    prompts={"welcome", "closed_now"},
    transfers={"lab"},
    skills={"spanish", "counter"},
)
SAFETY = """version: 1
rules:
  - name: Emergency
    when: {urgency: emergency}
    then: {queue: pharmacist, answer_within: now}
"""


def read(text: str, **others: str) -> tuple[RuleSet | None, list[Problem]]:
    """Read a file of rules as if a line used it; `others` are files beside it, by stem."""
    files = {name: File(name, others_text) for name, others_text in _paths(text, others).items()}
    chain = RulesReader(files, NAMES).chain("routing_rules/main.yaml")
    found = rule_set(chain, NAMES) if chain else None
    return found, in_order(problem for file in files.values() for problem in file.problems)


def _paths(text: str, others: dict[str, str]) -> dict[str, str]:
    beside = {"safety": SAFETY, **others}
    return {"routing_rules/main.yaml": text, **{f"routing_rules/{stem}.yaml": told for stem, told in beside.items()}}


class Mistake(NamedTuple):
    """A file of rules with ▸ before each place, and for each the code and some words of its problem, in order."""

    text: str
    told: tuple[tuple[str, str], ...]

    @property
    def places(self) -> list[tuple[int, int]]:
        return [
            (number, column + 1 - before)
            for number, line in enumerate(self.text.split("\n"), 1)
            for before, column in enumerate(place for place, letter in enumerate(line) if letter == "▸")
        ]


def whole(text: str, *told: tuple[str, str]) -> Mistake:
    return Mistake(text, told)


def when(written: str, code: str, words: str) -> Mistake:
    text = f"version: 1\nrules:\n  - name: A\n    when: {{{written}}}\n    then: {{queue: refills}}\n"
    return Mistake(text + "otherwise: {queue: front_desk}\n", ((code, words),))


def then(written: str, code: str, words: str) -> Mistake:
    text = f"version: 1\nrules:\n  - name: A\n    when: {{caller: patient}}\n    then: {written}\n"
    return Mistake(text + "otherwise: {queue: front_desk}\n", ((code, words),))


def rule(written: str, code: str, words: str) -> Mistake:
    return Mistake(f"version: 1\nrules:\n{written}\notherwise: {{queue: front_desk}}\n", ((code, words),))


def top(written: str, code: str, words: str) -> Mistake:
    return Mistake(f"version: 1\notherwise: {{queue: front_desk}}\n{written}\n", ((code, words),))


def example(call: str, expect: str, code: str, words: str) -> Mistake:
    return top(f"examples:\n  - name: A\n    call: {call}\n    expect: {expect}", code, words)


def must(written: str, code: str, words: str) -> Mistake:
    return top(f"always:\n  - name: A\n    must: {written}", code, words)


MISTAKES = {
    # ---- words
    "a fact with a typo": when("▸urgncy: emergency", "unknown-key", 'did you mean "urgency"?'),
    "a fact nobody knows": when("▸shoe_size: 42", "unknown-key", 'no fact "shoe_size"'),
    "a word with a typo": when("intent: ▸refil_request", "unknown-value", 'did you mean "refill_request"?'),
    "a word with a capital": when("caller: ▸Prescriber", "unknown-value", 'did you mean "prescriber"?'),
    "a word of a short list": when("access: ▸fast", "unknown-value", "it can be standard, slow, relay or unknown"),
    "a small letter for a": when("attestation: ▸a", "unknown-value", '"A"'),
    "a line nobody has": when("line: ▸mian", "unknown-value", 'did you mean "main"?'),
    "a language without prompts": when("language: ▸fr", "unknown-value", "en, es"),
    "a value of a fact of the pharmacy": when("plan: ▸golden", "unknown-value", 'did you mean "gold"?'),
    "one wrong word in a list": when("caller: [patient, ▸prescribr]", "unknown-value", '"prescriber"'),
    "one wrong word under not": when("caller: {not: [patient, ▸prescribr]}", "unknown-value", '"prescriber"'),
    "a capital Unknown": when("caller: ▸Unknown", "unknown-value", '"unknown"'),
    # ---- flags
    "true": when("open: ▸true", "unknown-value", "write yes"),
    "Off": when("open: ▸Off", "unknown-value", "write no"),
    "Y": when("time_sensitive: ▸Y", "unknown-value", "write yes"),
    "a quoted No": when('open: ▸"No"', "unknown-value", "write no"),
    "a word for a flag": when("open: ▸maybe", "unknown-value", '"maybe" is not yes or no'),
    "a number for a flag": when("open: ▸1", "unknown-value", "yes or no"),
    # ---- numbers
    "a range upside down": when("days_left: ▸5 to 2", "range", "the smaller number comes first"),
    "a number out of its domain": when("days_left: ▸401", "range", "-30 to 400"),
    "an end out of its domain": when("days_left: ▸at most -31", "range", "-30 to 400"),
    "a range that leaves the domain": when("waiting: ▸10 to 5001", "range", "0 to 5000"),
    "below the lowest": when("days_left: ▸below -30", "range", "never below -30"),
    "above the highest": when("repeat_calls: ▸above 50", "range", "never above 50"),
    "a leading zero": when("repeat_calls: ▸03", "type", "write 3"),
    "a leading zero below zero": when("days_left: ▸-03", "type", "write -3"),
    "minus zero": when("days_left: ▸-0", "type", "write 0"),
    "a plus": when("days_left: ▸+5", "type", "write 5"),
    "a fraction": when("days_left: ▸2.5", "type", "not a whole number"),
    "an underscore": when("waiting: ▸1_000", "type", "whole number"),
    "a hexadecimal number": when("waiting: ▸0x10", "type", "whole number"),
    "digits of another script": when("days_left: ▸٣", "type", "whole number"),
    "more digits than any number has": when(f"waiting: ▸{'9' * 5000}", "range", "0 to 5000"),
    "a sign of comparison": when("days_left: ▸<= 2", "type", "at most 2"),
    "a range with a dash": when("days_left: ▸2-5", "type", "2 to 5"),
    "a word for a number": when("days_left: ▸two", "type", "not a whole number"),
    "half a range": when("days_left: ▸2 to", "type", "2 to 5"),
    "half a comparison": when("days_left: ▸at least", "type", "at least 2"),
    "a range of ranges": when("days_left: ▸1 to 2 to 3", "type", "2 to 5"),
    "a fraction in a range": when("days_left: ▸1 to 2.5", "type", '"2.5"'),
    "a unit on a number": when("longest_wait: ▸5m", "type", "not a whole number"),
    # ---- times and days
    "an hour of one digit": when("time: ▸8:00 to 12:00", "type", "write 08:00"),
    "a time with seconds": when("time: ▸08:00:00", "type", "HH:MM"),
    "a time of the afternoon": when("time: ▸8pm", "type", "HH:MM"),
    "an hour beyond the clock": when("time: ▸22:00 to 25:00", "range", "25:00"),
    "a minute beyond the hour": when("time: ▸08:60", "range", "23:59"),
    "midnight as a moment": when("time: ▸24:00", "range", "23:59"),
    "midnight as a start": when("time: ▸24:00 to 06:00", "range", "00:00"),
    "a range of no time": when("time: ▸20:00 to 20:00", "range", "00:00 to 24:00"),
    "a comparison of times": when("time: ▸at least 22:00", "type", "for numbers"),
    "a range of the same day": when("weekday: ▸fri to fri", "range", "write fri"),
    "a day in full": when("weekday: ▸friday", "unknown-value", '"fri"'),
    "a day in full in a range": when("weekday: ▸mon to friday", "unknown-value", '"fri"'),
    "a comparison of days": when("weekday: ▸at least wed", "type", "for numbers"),
    # ---- what takes no range
    "a range of words": when("tier: ▸number to verified", "type", "a list"),
    "a comparison of words": when("tier: ▸at least number", "type", "a list"),
    "a range of flags": when("open: ▸no to yes", "type", "a list"),
    # ---- shapes
    "nothing at all": when("caller: ▸", "type", "nothing is written here"),
    "a tilde": when("caller: ▸~", "type", "nothing is written here"),
    "null": when("caller: ▸null", "type", "nothing is written here"),
    "an empty text": when('caller: ▸""', "type", "nothing is written here"),
    "an empty list": when("caller: ▸[]", "type", "the list is empty"),
    "an empty list under not": when("caller: {not: ▸[]}", "type", "the list is empty"),
    "a list in a list": when("caller: [▸[patient]]", "type", "not a list"),
    "a mapping in a list": when("caller: [▸{not: patient}]", "type", "not a mapping"),
    "not of not": when("caller: {not: ▸{not: patient}}", "type", "not a mapping"),
    "an empty mapping": when("caller: ▸{}", "missing", "needs `not`"),
    "not with a typo": when("caller: {▸nott: patient}", "unknown-key", 'did you mean "not"?'),
    "not and something else": when("caller: {not: patient, ▸or: staff}", "unknown-key", "`or`"),
    "another word than not": when("days_left: {▸below: 2}", "unknown-key", "below 2"),
    "a null in a list": when("caller: [patient, ▸~]", "type", "nothing is written here"),
    "a when that is a list": rule(
        "  - name: A\n    when: ▸[open]\n    then: {queue: refills}", "type", "as key: value"
    ),
    "a when that is a word": rule("  - name: A\n    when: ▸always\n    then: {queue: refills}", "type", "key: value"),
    "a when without a value": rule("  - name: A\n    when:▸\n    then: {queue: refills}", "type", "key: value"),
    "the same fact twice": when("caller: patient, ▸caller: staff", "duplicate", "line 4"),
    # ---- routes
    "a queue with a typo": then("{queue: ▸refils}", "reference", 'did you mean "refills"?'),
    "a queue nobody has": then("{queue: ▸shipping}", "reference", "front_desk, pharmacist, refills"),
    "a voicemail with a typo": then("{voicemail: ▸refils}", "reference", 'did you mean "refills"?'),
    "a callback with a typo": then("{callback: ▸refils}", "reference", 'did you mean "refills"?'),
    "a flow with a typo": then("{self_service: ▸refil}", "reference", 'no flow is called "refil"; did you mean "'),
    "a transfer with a typo": then("{transfer: ▸lap}", "reference", 'did you mean "lab"?'),
    "a prompt with a typo": then("{announce: ▸welcom}", "reference", 'did you mean "welcome"?'),
    "a route with a typo": then("{▸quue: refills}", "unknown-key", 'did you mean "queue"?'),
    "a route nobody knows": Mistake(
        then("▸{▸teleport: refills}", "", "").text,
        (("missing", "queue, self_service, voicemail"), ("unknown-key", "`teleport`")),
    ),
    "no route": then("▸{answer_within: 1m}", "missing", "where does the call go"),
    "an empty then": then("▸{}", "missing", "where does the call go"),
    "two routes": then("{queue: refills, ▸voicemail: refills}", "duplicate", "one place"),
    "the same route twice": then("{queue: refills, ▸queue: front_desk}", "duplicate", "line 5"),
    "a route in a list": then("{queue: ▸[refills, front_desk]}", "type", "not a list"),
    "a route without a value": then("{queue: ▸}", "type", "nothing is written here"),
    "a then that is a word": then("▸refills", "type", "key: value"),
    "a promise of a machine": then("{self_service: refill, ▸answer_within: 1m}", "unknown-key", "voicemail"),
    "needs of a transfer": then("{transfer: lab, ▸needs: spanish}", "unknown-key", "queue, voicemail or callback"),
    "a callback of an announcement": then("{announce: welcome, ▸offer_callback: no}", "unknown-key", "voicemail"),
    "a recording of a machine": then("{self_service: refill, ▸record: yes}", "unknown-key", "voicemail"),
    "a key with a typo": then("{queue: refills, ▸anser_within: 1m}", "unknown-key", '"answer_within"'),
    "a skill with a typo": then("{queue: refills, needs: [▸spanisch]}", "reference", 'did you mean "spanish"?'),
    "needs without one": then("{queue: refills, needs: ▸[]}", "type", "the list is empty"),
    "needs that are nothing": then("{queue: refills, needs: ▸~}", "type", "nothing is written here"),
    "a callback of perhaps": then("{queue: refills, offer_callback: ▸unknown}", "unknown-value", "yes or no"),
    "a recording of true": then("{queue: refills, record: ▸true}", "unknown-value", "write yes"),
    # ---- durations
    "a bare number": then("{queue: refills, answer_within: ▸30}", "type", "30s or 30m"),
    "no time": then("{queue: refills, answer_within: ▸0s}", "range", "at least 1s"),
    "no minutes": then("{queue: refills, answer_within: ▸0m}", "range", "at least 1s"),
    "a leading zero of seconds": then("{queue: refills, answer_within: ▸030s}", "type", "write 30s"),
    "minutes without a space": then("{queue: refills, answer_within: ▸1m30s}", "type", "1m 30s"),
    "two spaces": then('{queue: refills, answer_within: ▸"1m  30s"}', "type", "1m 30s"),
    "seconds first": then("{queue: refills, answer_within: ▸30s 1m}", "type", "1m 30s"),
    "minutes twice": then("{queue: refills, answer_within: ▸1m 1m}", "type", "larger unit comes first"),
    "more seconds than a minute": then("{queue: refills, answer_within: ▸1m 60s}", "type", "below 60"),
    "three units": then("{queue: refills, answer_within: ▸1h 1m 1s}", "type", "1m 30s"),
    "days": then("{queue: refills, answer_within: ▸1d}", "type", "30s, 5m, 2h"),
    "units in full": then("{queue: refills, answer_within: ▸5 minutes}", "type", "30s, 5m, 2h"),
    "a fraction of a minute": then("{queue: refills, answer_within: ▸1.5m}", "type", "1m 30s"),
    "a time below zero": then("{queue: refills, answer_within: ▸-30s}", "type", "30s, 5m, 2h"),
    "more than thirty days": then("{queue: refills, answer_within: ▸721h}", "range", "30 days"),
    "more seconds than can be counted": then(f"{{queue: refills, answer_within: ▸{'9' * 5000}s}}", "range", "30 days"),
    "a capital Now": then("{queue: refills, answer_within: ▸Now}", "type", "now"),
    # ---- emergencies
    "now for everybody": then("{queue: pharmacist, answer_within: ▸now}", "range", "urgency: emergency"),
    "now for the urgent too": rule(
        "  - name: A\n    when: {urgency: [emergency, urgent]}\n    then: {queue: pharmacist, answer_within: ▸now}",
        "range",
        "urgency: emergency",
    ),
    "now where nobody is on call": rule(
        "  - name: A\n    when: {urgency: emergency}\n    then: {queue: ▸refills, answer_within: now}",
        "emergency",
        "on_call: yes",
    ),
    "now as otherwise": whole(
        "version: 1\notherwise: {queue: pharmacist, answer_within: ▸now}\n", ("range", "give `otherwise` a time")
    ),
    # ---- rules
    "a rule without a name": rule("  - ▸when: {caller: patient}\n    then: {queue: refills}", "missing", "`name`"),
    "a rule without a then": rule("  - ▸name: A\n    when: {caller: patient}", "missing", "needs `then`"),
    "a rule that is a word": rule("  - ▸Emergency", "type", "a rule is expected here"),
    "a key of a rule with a typo": rule(
        "  - name: A\n    ▸wen: {caller: patient}\n    then: {queue: refills}", "unknown-key", '"when"'
    ),
    "a then with a typo": rule("  - name: A\n    ▸them: {queue: refills}", "unknown-key", 'did you mean "then"?'),
    "a must in a rule": rule(
        "  - name: A\n    then: {queue: refills}\n    ▸must: {queue: refills}", "unknown-key", "a rule has no `must`"
    ),
    "a name of nothing": rule("  - name:▸\n    then: {queue: refills}", "type", "nothing is written here"),
    "a name of spaces": rule('  - name: ▸"  "\n    then: {queue: refills}', "type", "nothing is written here"),
    "a name that is a list": rule("  - name: ▸[A]\n    then: {queue: refills}", "type", "not a list"),
    "a name over two lines": rule('  - name: ▸"A\\nB"\n    then: {queue: refills}', "type", "one line"),
    "a name that rings the bell": rule('  - name: ▸"A\\a"\n    then: {queue: refills}', "syntax", "U+0007"),
    "a name with a number sign": rule("  - name: ▸Refill #2\n    then: {queue: refills}", "syntax", "in quotes"),
    "a name with a comment": rule("  - name: ▸Refill   # quick\n    then: {queue: refills}", "syntax", "in quotes"),
    "a name with a comment after a tab": rule("  - name: ▸Refill\t# a\n    then: {queue: refills}", "syntax", "quotes"),
    "a name with a comment in braces": rule("  - {name: ▸A, then: {queue: refills}} # b", "syntax", "in quotes"),
    "a name that is otherwise": rule("  - name: ▸otherwise\n    then: {queue: refills}", "duplicate", "no rule"),
    "a name taken before": rule(
        "  - {name: A, when: {open: no}, then: {queue: refills}}\n  - {name: ▸A, then: {queue: refills}}",
        "duplicate",
        'a rule on line 3 is called "A" already',
    ),
    "everybody too early": rule(
        "  - {name: ▸All, then: {queue: refills}}\n  - {name: B, when: {open: no}, then: {queue: refills}}",
        "unreachable",
        "put it last",
    ),
    "everybody twice": rule(
        "  - {name: ▸All, when: {}, then: {queue: refills}}\n  - {name: B, then: {queue: refills}}",
        "unreachable",
        "put it last",
    ),
    "a reason of nothing": rule(
        "  - name: A\n    why: ▸~\n    then: {queue: refills}", "type", "nothing is written here"
    ),
    # ---- files
    "no version": whole("▸otherwise: {queue: front_desk}\n", ("missing", "needs `version`")),
    "a version to come": whole("version: ▸2\notherwise: {queue: front_desk}\n", ("unknown-value", "write 1")),
    "a version with a point": whole("version: ▸1.0\notherwise: {queue: front_desk}\n", ("unknown-value", "write 1")),
    "no otherwise": whole("▸version: 1\n", ("missing", "add `otherwise`")),
    "otherwise with a typo": whole(
        "version: 1\n▸otherwize: {queue: front_desk}\n", ("unknown-key", 'did you mean "otherwise"?')
    ),
    "no rules": top("rules: ▸[]", "type", "the list is empty"),
    "rules that are nothing": top("rules:▸", "type", "a list is expected here"),
    "rules that are one": top("rules:\n  ▸name: A\n  then: {queue: refills}", "type", "a list is expected here"),
    "rules with a typo": top("▸ruels: []", "unknown-key", 'did you mean "rules"?'),
    "a key of the file twice": top("▸otherwise: {queue: refills}", "duplicate", "line 2"),
    "an empty file": whole("▸", ("missing", "the file is empty")),
    "a file of comments": whole("▸# nothing yet\n", ("missing", "the file is empty")),
    "a file of nothing": whole("▸~\n", ("missing", "the file is empty")),
    "a file that is a list": whole("▸- version: 1\n", ("type", "as key: value")),
    "a file that is a word": whole("▸rules\n", ("type", "as key: value")),
    "a second document": whole(
        "---\nversion: 1\notherwise: {queue: front_desk}\n▸---\nversion: 1\n", ("syntax", "a second document")
    ),
    "an anchor": rule("  - ▸&a\n    name: A\n    then: {queue: refills}", "syntax", "write it out in both places"),
    "an anchor on a word": when("caller: ▸&a patient", "syntax", "write it out in both places"),
    "an alias": whole(
        "version: 1\notherwise: ▸&a {queue: front_desk}\nrules: ▸*a\n", ("syntax", "both places"), ("syntax", "*a")
    ),
    "a merge key": when("▸<<: {caller: patient}", "syntax", "write it out"),
    "a tag": when('days_left: ▸!!int "2"', "syntax", "the tag !!int"),
    "a tag that runs code": when("caller: ▸!!python/object/apply:os.getcwd [patient]", "syntax", "the tag"),
    "a key that is a list": when("▸[caller]: patient", "type", "a key has to be a single word"),
    "a tab for indentation": rule("  - name: A\n▸\twhen: {open: no}\n    then: {queue: refills}", "syntax", "a tab"),
    "a bracket left open": when("caller: [patient▸", "syntax", ""),
    "a quote left open": whole('version: 1\notherwise: {queue: ▸"front_desk}\n', ("syntax", "a quote is not closed")),
    "a key without its colon": whole(
        "version: 1\notherwise: {queue: front_desk}\n▸rules", ("syntax", "a key is followed by a colon")
    ),
    "a colon too many": rule("  - name: Office▸: urgent\n    then: {queue: refills}", "syntax", "a second colon"),
    "a control character": rule("  - name: A▸\x07\n    then: {queue: refills}", "syntax", "U+0007"),
    "a byte order mark inside": rule("  - name: A▸\ufeff\n    then: {queue: refills}", "syntax", "U+FEFF"),
    "too deep": when(f"caller: {'[' * 17}▸{'[' * 10_000}", "syntax", "nested too deep"),
    # ---- extends
    "a parent with a typo": top("extends: ▸saftey.yaml", "reference", 'did you mean "safety.yaml"?'),
    "a parent nobody wrote": top("extends: ▸chain.yaml", "reference", 'no file "chain.yaml"'),
    "a parent outside": top("extends: ▸../config/queues.yaml", "reference", "outside routing_rules/"),
    "a parent anywhere": top("extends: ▸/etc/passwd", "reference", "outside routing_rules/"),
    "two parents": top("extends: ▸[safety.yaml]", "type", "not a list"),
    "a parent of nothing": top("extends:▸", "type", "nothing is written here"),
    "itself as a parent": top("extends: ▸main.yaml", "reference", "extends this file in turn"),
    # ---- guarantees
    "an empty must": must("▸{}", "type", "nothing is tested here"),
    "a must of nothing": must("▸~", "type", "key: value"),
    "a test with a typo": must("{▸licenced: yes}", "unknown-key", 'did you mean "licensed"?'),
    "a rule in a must": must("{▸rule: A}", "unknown-key", "no `rule`"),
    "a way with a typo": must("{route: ▸queu}", "unknown-value", 'did you mean "queue"?'),
    "a queue of a test with a typo": must("{queue: [refills, ▸refils]}", "reference", 'did you mean "refills"?'),
    "a skill of a test with a typo": must("{needs: ▸spanisch}", "reference", 'did you mean "spanish"?'),
    "a time of a test without a unit": must("{answer_within: ▸at most 30}", "type", "30s or 30m"),
    "at least of a test": must("{answer_within: ▸at least 30s}", "type", "at most"),
    "a test of true": must("{licensed: ▸true}", "unknown-value", "write yes"),
    "an empty test": must("{queue: ▸[]}", "type", "the list is empty"),
    "must in never": top(
        "never:\n  - name: A\n    ▸must: {queue: refills}", "unknown-key", 'did you mean "must_not"?'
    ),
    "must_not in always": top(
        "always:\n  - name: A\n    ▸must_not: {queue: refills}", "unknown-key", 'did you mean "must"?'
    ),
    "both in never": top(
        "never:\n  - name: A\n    must_not: {queue: refills}\n    ▸must: {queue: refills}", "unknown-key", "`must`"
    ),
    "no must": top("always:\n  - ▸name: A", "missing", "needs `must`"),
    "a guarantee taken before": top(
        "always:\n  - {name: A, must: {on_call: yes}}\n  - {name: ▸A, must: {on_call: no}}", "duplicate", "line 4"
    ),
    # ---- examples
    "open on a holiday": example("▸{open: yes, hours: holiday}", "{queue: front_desk}", "range", "never go together"),
    "a list in a call": example("{caller: ▸[patient]}", "{queue: front_desk}", "type", "not a list"),
    "a range in a call": example("{days_left: ▸at most 2}", "{queue: front_desk}", "type", "digits"),
    "not in a call": example("{caller: ▸{not: patient}}", "{queue: front_desk}", "type", "not a mapping"),
    "a fact of a call with a typo": example("{▸calller: patient}", "{queue: front_desk}", "unknown-key", '"caller"'),
    "a word of a call with a typo": example("{caller: ▸patiant}", "{queue: front_desk}", "unknown-value", '"patient"'),
    "a time no clock shows": example('{time: ▸"24:00"}', "{queue: front_desk}", "range", "23:59"),
    "a rule nobody wrote": example("{open: no}", "{rule: ▸Nobody}", "reference", 'no rule is called "Nobody"'),
    "an example without a call": top("examples:\n  - ▸name: A\n    expect: {queue: refills}", "missing", "`call`"),
    "an example without an expect": top("examples:\n  - ▸name: A\n    call: {open: no}", "missing", "`expect`"),
    "an empty expect": example("{open: no}", "▸{}", "type", "nothing is tested here"),
}  # fmt: skip


@pytest.mark.parametrize("mistake", MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_told_by_its_name_at_its_place(mistake: Mistake) -> None:
    found, problems = read(mistake.text.replace("▸", ""))

    assert [(problem.line, problem.column) for problem in problems] == mistake.places, problems
    assert [problem.code for problem in problems] == [code for code, _ in mistake.told], problems
    for problem, (_, words) in zip(problems, mistake.told, strict=True):
        assert words in problem.message
        assert problem.severity == "error"
    assert found is None or {problem.code for problem in problems} == {"unreachable"}


# ---------------------------------------------------------------- the same thing, written another way

PLAIN = """version: 1
rules:
  - name: Evening
    when: {weekday: [fri, sat, sun, mon], time: 20:00 to 24:00, caller: [patient, unknown]}
    then: {queue: refills, answer_within: 1m 30s, needs: [spanish], offer_callback: no}
otherwise: {queue: front_desk}
"""


@pytest.mark.parametrize(
    ("written", "otherwise"),
    [
        ("version: 1", "---\nversion: 1"),
        ("version: 1", '# our rules\n\nversion: "1"'),
        ("[fri, sat, sun, mon]", "fri to mon"),
        ("[fri, sat, sun, mon]", "[sat to sun, mon, fri]"),
        ("[fri, sat, sun, mon]", "{not: [tue to thu, unknown]}"),
        ("20:00 to 24:00", "20:00 to 00:00"),
        ("20:00 to 24:00", '"20:00 to 24:00"'),
        ("20:00 to 24:00", "[20:00 to 22:00, 22:00 to 24:00]"),
        ("20:00 to 24:00", "{not: [00:00 to 20:00, unknown]}"),
        ("[patient, unknown]", "{not: [caregiver, prescriber, pharmacy, staff]}"),
        ("[patient, unknown]", "[ 'patient' , \tunknown ]"),
        ("1m 30s", "90s"),
        ("[spanish]", "spanish"),
        ("offer_callback: no", 'offer_callback: "no"'),
        ("name: Evening", 'name: "Evening"'),
        ("name: Evening", "name: >-\n      Evening"),
        ("{queue: front_desk}", "{queue: front_desk} # everybody else"),
        ("{queue: front_desk}", "\n  queue: front_desk\n..."),
        ("caller: [patient, unknown]}", "caller: [patient,\n      unknown,\n    ]}"),
        ("\n", "\r\n"),
        ("version", "\ufeffversion"),
    ],
)
def test_the_same_rules_may_be_written_another_way(written: str, otherwise: str) -> None:
    assert written in PLAIN
    bytes_on_disk = PLAIN.replace(written, otherwise).encode()
    text = as_text(bytes_on_disk)
    assert text is not None
    found, problems = read(text)
    assert problems == []
    assert found is not None
    assert _meaning(found) == _meaning(read(PLAIN)[0])


def _meaning(found: RuleSet | None) -> Any:
    assert found is not None
    conditions = [[(c.fact.name, c.allowed, c.spans) for c in rule.when] for rule in found.rules]
    return conditions, [(rule.name, rule.then) for rule in (*found.rules, found.otherwise)]


def test_a_night_beside_a_weekday_says_which_hours_it_means() -> None:
    for told in ("22:00 to 06:00", "[22:00 to 06:00, 12:00 to 13:00]"):
        _, problems = read(PLAIN.replace("20:00 to 24:00", told))
        assert [(problem.code, problem.line, problem.column, problem.severity) for problem in problems] == [
            ("remark", 3, 11, "warning")
        ]
        assert "on each of its days this means 00:00 to 06:00 and 22:00 to 24:00" in problems[0].message


@pytest.mark.parametrize(
    "told", ["22:00 to 24:00", "22:00 to 00:00", "{not: [08:00 to 20:00]}", "[00:00 to 06:00, 22:30]"]
)
def test_what_stays_within_a_day_needs_no_remark(told: str) -> None:
    assert read(PLAIN.replace("20:00 to 24:00", told))[1] == []


def test_parents_may_have_parents() -> None:
    middle = "version: 1\nextends: safety.yaml\nrules:\n  - {name: Middle, when: {open: no}, then: {queue: refills}}\n"
    child = "version: 1\nextends: ./middle.yaml\notherwise: {queue: front_desk}\n"
    found, problems = read(child, middle=middle)
    assert problems == []
    assert found is not None
    assert [rule.name for rule in found.rules] == ["Emergency", "Middle"]


def test_a_longer_circle_is_told_where_it_closes() -> None:
    _, problems = read(
        "version: 1\nextends: a.yaml\notherwise: {queue: refills}\n",
        a="version: 1\nextends: b.yaml\n",
        b="version: 1\nextends: main.yaml\n",
    )
    assert [(problem.file, problem.line, problem.column) for problem in problems] == [("routing_rules/b.yaml", 2, 10)]


def test_a_name_in_a_parent_is_taken() -> None:
    rules = "rules:\n  - {name: Emergency, then: {queue: refills}}\n"
    _, problems = read(f"version: 1\nextends: safety.yaml\n{rules}otherwise: {{queue: refills}}\n")
    assert [(problem.code, problem.line, problem.column) for problem in problems] == [("duplicate", 4, 12)]


def test_an_example_may_expect_a_rule_of_a_parent() -> None:
    example = "examples: [{name: A, call: {urgency: emergency}, expect: {rule: [Emergency, otherwise]}}]\n"
    assert read(f"version: 1\nextends: safety.yaml\notherwise: {{queue: refills}}\n{example}")[1] == []


def test_a_message_never_repeats_a_megabyte() -> None:
    _, problems = read(when(f"caller: {'x' * 500_000}", "", "").text)
    assert len(problems[0].message) < 2_000
