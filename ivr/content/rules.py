"""Reads `routing_rules/*.yaml`: rules, what is promised about them, and the files they extend."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from ivr.content import scalars
from ivr.content.conditions import COMPARISONS, crosses_midnight, read_call, read_when
from ivr.content.folder import is_draft
from ivr.content.names import Names
from ivr.content.problems import did_you_mean
from ivr.content.reading import Fields, attempt, listed, one_of, one_or_more, reference, scalar
from ivr.content.written import File, Item, Wrong, read_yaml, text
from ivr.core.rules import (
    QUEUE_ROUTES,
    ROUTES,
    Condition,
    Demand,
    Example,
    Guarantee,
    Rule,
    RuleSet,
    Then,
)

T = TypeVar("T")

FOLDER = "routing_rules/"
_ALONE = frozenset({"emergency"})
_COMMENT = re.compile(r"\s#")


def holds_rules(path: str) -> bool:
    """Return whether a file holds rules: one of their folder, or a draft."""
    return path.startswith(FOLDER) or is_draft(path)


def _home(path: str) -> str:
    return FOLDER if is_draft(path) else posixpath.dirname(path)


@dataclass(slots=True)
class RulesFile:
    """One file as it stands, before its parents are put in front."""

    file: File
    top: Item
    extends: str | None = None
    said_otherwise: bool = False  # though it may be faulty
    rules: list[tuple[Item, Rule]] = field(default_factory=list)  # each beside where its name stands
    otherwise: Rule | None = None
    always: list[tuple[Item, Guarantee]] = field(default_factory=list)
    never: list[tuple[Item, Guarantee]] = field(default_factory=list)
    examples: list[tuple[Item, Example]] = field(default_factory=list)
    named: list[Item] = field(default_factory=list)  # rules that examples expect, by name


class RulesReader:
    """Reads each file once, however many lines use it."""

    def __init__(self, files: Mapping[str, File], names: Names) -> None:
        self._files, self._names = files, names
        self._read: dict[str, RulesFile | None] = {}
        self._circular: set[str] = set()  # files known to extend each other

    @property
    def used(self) -> set[str]:
        """The files read so far, as paths."""
        return set(self._read)

    def chain(self, path: str) -> list[RulesFile]:
        """Return a file and what it extends, parents first; empty when one of them cannot be read."""
        found: list[RulesFile] = []
        while True:
            here = self._file(path)
            if here is None:
                return []
            found.insert(0, here)
            if here.extends is None:
                return found
            if not here.extends:  # it cannot be read, which has been said
                return []
            if any(here.extends == other.file.path for other in found):
                self._report_circle(here, {other.file.path for other in found})
                return []
            path = here.extends

    def _report_circle(self, here: RulesFile, files: set[str]) -> None:
        if not files & self._circular:
            message = f"{here.extends} extends this file in turn; one of them has to stop"
            here.top.at("extends").problem("reference", message)
        self._circular |= files

    def _file(self, path: str) -> RulesFile | None:
        if path not in self._read:
            top = read_yaml(self._files[path])
            self._read[path] = attempt(self._whole, top, None) if top else None
        return self._read[path]

    def _whole(self, top: Item) -> RulesFile:
        here = RulesFile(top.file, top)
        fields = Fields(top, "a file of rules")
        fields.need("version", scalar(scalars.version))
        here.extends = fields.take("extends", self._parent, "" if "extends" in fields else None)
        says_otherwise = "otherwise" in fields
        here.rules = _each(fields.value("rules"), self._rule)
        place = fields.key("otherwise") if says_otherwise else top
        here.otherwise = fields.take("otherwise", lambda item: self._otherwise(item, place), None)
        here.always = _each(fields.value("always"), lambda item: self._guarantee(item, "must"))
        here.never = _each(fields.value("never"), lambda item: self._guarantee(item, "must_not"))
        here.examples = _each(fields.value("examples"), lambda item: self._example(item, here))
        misspelt = fields.end()
        here.said_otherwise = says_otherwise or "otherwise" in misspelt
        return here

    def _parent(self, item: Item) -> str:
        path = posixpath.normpath(posixpath.join(_home(item.file.path), text(item)))
        if not path.startswith(FOLDER):
            raise Wrong("reference", f'"{item.text}" is outside {FOLDER}; rules can only extend rules', item)
        if path not in self._files:
            known = [name.removeprefix(FOLDER) for name in self._files if name.startswith(FOLDER)]
            raise Wrong("reference", f'there is no file "{item.text}"{did_you_mean(item.text, known)}', item)
        return path

    # ------------------------------------------------------------ rules

    def _rule(self, item: Item) -> tuple[Item, Rule]:
        fields = Fields(item, "a rule")
        place = fields.need("name", _rule_name)
        why = fields.take("why", text, "")
        when = fields.take("when", self._when, ())
        then = fields.need("then", self._then)
        fields.done()
        if then.answer_within_seconds == 0:
            self._check_emergency(when, then, item.at("then"))
        _remark_on_midnight(place, item.at("when"))
        return place, Rule(place.text, why, when, then, item.file.path, place.line, place.column)

    def _otherwise(self, item: Item, place: Item) -> Rule:
        then = self._then(item)
        if then.answer_within_seconds == 0:
            raise Wrong("range", "`now` is for emergencies; give `otherwise` a time", item.at("answer_within"))
        return Rule("otherwise", "", (), then, place.file.path, place.line, place.column)

    def _when(self, item: Item) -> tuple[Condition, ...]:
        return read_when(item, self._names.facts)

    def _then(self, item: Item) -> Then:
        fields = Fields(item, "a `then`")
        route, target = self._route(fields)
        if route and route not in QUEUE_ROUTES:
            for key in ("answer_within", "needs", "offer_callback", "record"):
                if key in fields:
                    fields.refuse(key, f"`{key}` belongs to queue, voicemail or callback")
        then = Then(
            route,
            target,
            fields.take("answer_within", scalar(scalars.promise), None),
            fields.take("needs", one_or_more(reference("skill", self._names.skills)), ()),
            fields.take("offer_callback", scalar(scalars.flag), None),
            fields.take("record", scalar(scalars.flag), None),
        )
        fields.done()
        return then

    def _route(self, fields: Fields) -> tuple[str, str]:
        route, target = fields.need_one(
            {route: self._target(route) for route in ROUTES},
            none=f"where does the call go? one of {', '.join(ROUTES)}",
            more="a call goes to one place; keep one of them",
        )
        return route, target or ""

    def _target(self, route: str) -> Callable[[Item], str]:
        names = self._names
        if route in QUEUE_ROUTES:
            return reference("queue", names.queues)
        known = {"self_service": names.flows, "transfer": names.transfers, "announce": names.prompts}[route]
        return reference({"self_service": "flow", "announce": "prompt"}.get(route, route), known)

    def _check_emergency(self, when: tuple[Condition, ...], then: Then, item: Item) -> None:
        if not any(c.fact.name == "urgency" and c.allowed == _ALONE for c in when):
            raise Wrong(
                "range",
                "`now` is for emergencies; add `urgency: emergency` to this rule's `when`, or give it a time",
                item.at("answer_within"),
            )
        known = self._names.on_call_queues
        if known is not None and then.target not in known:
            raise Wrong(
                "emergency",
                f'emergencies go to "{then.target}", which lacks `on_call: yes`: with nobody free they would ring on',
                item.at(then.route),
            )

    # ------------------------------------------------------------ guarantees and examples

    def _guarantee(self, item: Item, key: str) -> tuple[Item, Guarantee]:
        fields = Fields(item, "a guarantee")
        place = fields.need("name", _name)
        when = fields.take("when", self._when, ())
        demands = fields.need(key, self._demands)
        fields.done()
        return place, Guarantee(place.text, when, demands, item.file.path, place.line, place.column)

    def _example(self, item: Item, here: RulesFile) -> tuple[Item, Example]:
        fields = Fields(item, "an example")
        place = fields.need("name", _name)
        call = fields.need("call", lambda value: read_call(value, self._names.facts))
        demands = fields.need("expect", lambda value: self._demands(value, rule=True))
        fields.done()
        here.named += _members(item.at("expect"), "rule")
        return place, Example(place.text, call, demands, item.file.path, place.line, place.column)

    def _demands(self, item: Item, *, rule: bool = False) -> tuple[Demand, ...]:
        fields = Fields(item, "a set of tests")
        readers = self._tests(rule=rule)
        values = {key: fields.take(key, one_or_more(read), ()) for key, read in readers.items()}
        spans = fields.take("answer_within", one_or_more(_within), ())
        demands = [Demand(key, chosen, text=_written(item, key)) for key, chosen in values.items() if chosen]
        if spans:
            demands.append(Demand("answer_within", (), spans, _written(item, "answer_within")))
        fields.done()
        if not demands:
            raise Wrong("type", "nothing is tested here; write what has to come of it, as in queue: pharmacist", item)
        return tuple(demands)

    def _tests(self, *, rule: bool) -> dict[str, Callable[[Item], str]]:
        flags = ("offer_callback", "record", "licensed", "on_call")
        return {
            "route": one_of("a way for a call to go", ROUTES),
            **{route: self._target(route) for route in ROUTES},
            "needs": reference("skill", self._names.skills),
            **{key: scalar(scalars.flag_word) for key in flags},
            **({"rule": text} if rule else {}),
        }


def _within(item: Item) -> tuple[int, int]:
    told = text(item)
    if told.startswith("at most "):
        return 0, scalars.promise(told.removeprefix("at most ").strip())
    if told.startswith(COMPARISONS):
        raise Wrong("type", f'"{told}" cannot be tested; write a time, or at most and a time, as in at most 1m')
    return (scalars.promise(told),) * 2


def _written(item: Item, key: str) -> str:
    return f"{key}: {item.at(key).as_written()}"


def _members(item: Item, key: str) -> tuple[Item, ...]:
    """Return the one or more things written at a key of a mapping; none when the key is left out."""
    found = item.at(key)
    return () if found is item else found.items or (found,)


def _name(item: Item) -> Item:
    text(item)
    line = item.file.lines[item.line - 1]
    if not item.quoted and _COMMENT.search(line, item.column - 1):
        raise Wrong("syntax", "what follows ` #` is taken for a comment; put the name in quotes", item)
    if "\n" in item.text:
        raise Wrong("type", "a name stands on one line, so that lists can show it", item)
    return item


def _rule_name(item: Item) -> Item:
    _name(item)
    if item.text == "otherwise":
        raise Wrong("duplicate", "`otherwise` is what stands when no rule matches; call this rule something else", item)
    return item


def _each(item: Item | None, read: Callable[[Item], tuple[Item, T]]) -> list[tuple[Item, T]]:
    members = attempt(listed(lambda member: member), item, ()) if item else ()
    return [found for member in members if (found := attempt(read, member, None)) is not None]


def _remark_on_midnight(place: Item, when: Item) -> None:
    """Say what a night means beside a weekday: it begins on its day and ends on the next, which is another one."""
    if when.at("weekday") is when:
        return
    for night in (written for written in _members(when, "time") if crosses_midnight(written.text)):
        start, _, end = night.text.partition(" to ")
        message = f"on each of its days this means 00:00 to {end.strip()} and {start.strip()} to 24:00"
        place.problem("remark", f"{message}; the night after a day belongs to the next day", severity="warning")


# ---------------------------------------------------------------- the merged set


def rule_set(chain: list[RulesFile], names: Names) -> RuleSet | None:
    """Return a file's rules with its parents' in front, or None after reporting what keeps them from being one set."""
    used = chain[-1]
    rules = list(_unique([entry for part in chain for entry in part.rules], "rule"))
    always = list(_unique([entry for part in chain for entry in part.always], "guarantee"))
    never = list(_unique([entry for part in chain for entry in part.never], "guarantee"))
    examples = list(_unique([entry for part in chain for entry in part.examples], "example"))
    for place, rule in rules[:-1]:
        if not rule.when:
            place.problem("unreachable", "this rule takes every call, so those below it get none; put it last")
    if not any(part.said_otherwise for part in chain):
        used.top.problem("missing", "where does a call go that no rule fits? add `otherwise`")
    if not _faulty(chain):
        known = [*(rule.name for _, rule in rules), "otherwise"]
        for place in (place for part in chain for place in part.named if place.text not in known):
            place.problem("reference", f'no rule is called "{place.text}"{did_you_mean(place.text, known)}')
    otherwise = next((part.otherwise for part in reversed(chain) if part.otherwise), None)
    if otherwise is None or _faulty(chain):
        return None
    return RuleSet(
        used.file.path.removeprefix(FOLDER),
        tuple(rule for _, rule in rules),
        otherwise,
        tuple(guarantee for _, guarantee in always),
        tuple(guarantee for _, guarantee in never),
        tuple(example for _, example in examples),
        names.facts,
    )


def _faulty(chain: list[RulesFile]) -> bool:
    return any(problem.keeps_from_reading for part in chain for problem in part.file.problems)


def _unique(entries: list[tuple[Item, T]], kind: str) -> Iterator[tuple[Item, T]]:
    seen: dict[str, Item] = {}
    for place, thing in entries:
        if place.text in seen:
            first = seen[place.text]
            where = f"line {first.line}" if first.file is place.file else f"line {first.line} of {first.file.path}"
            place.problem("duplicate", f'a {kind} on {where} is called "{place.text}" already')
        else:
            seen[place.text] = place
            yield place, thing
