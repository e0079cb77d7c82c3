"""All that two versions of the content differ in: what they decide, line by line, and which other files changed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from ivr.content import Routing
from ivr.content.rules import FOLDER as RULES
from ivr.content.written import same_content
from ivr.core.pharmacy import Line
from ivr.core.rules import Condition, Fact, Rule, RuleSet, Value, licensed_queues
from ivr.office.sources import Source
from ivr.proof.changes import Change, Compared, Version, compare
from ivr.proof.patience import Patience
from ivr.proof.vocabulary import shared


@dataclass(frozen=True, slots=True)
class Both:
    """Two versions, as they were found and as they read. Either both mean one file of rules, or neither does."""

    before: Source
    old: Routing
    after: Source
    new: Routing

    @property
    def files(self) -> tuple[Version, Version] | None:
        """The two files of rules that are meant; None when the versions are compared line by line."""
        if self.before.only is None:
            return None
        return _of_source(self.before, self.old), _of_source(self.after, self.new)

    @property
    def lines(self) -> dict[str, tuple[Version, Version]]:
        """The rules of every line both versions have; of two files, those files for every line."""
        if (files := self.files) is not None:
            return dict.fromkeys((*self.old.lines, *self.new.lines), files)
        both = ((name, self.old.lines[name], line) for name, line in self.new.lines.items() if name in self.old.lines)
        return {
            name: (_version(self.old.rules[old.rules], self.old), _version(self.new.rules[new.rules], self.new))
            for name, old, new in both
        }

    @property
    def facts(self) -> Mapping[str, Fact]:
        """Every fact that either version knows."""
        old, new = (next(iter(routing.rules.values())).facts for routing in (self.old, self.new))
        return shared(old, new)


@dataclass(frozen=True, slots=True)
class Told:
    """What changes for the calls of some lines that change alike; no line when two files of rules are compared."""

    lines: tuple[str, ...]
    compared: Compared


@dataclass(frozen=True, slots=True)
class Difference:
    """All that two versions differ in."""

    told: tuple[Told, ...]
    lines: Mapping[str, str]  # name of a line -> gone · new
    files: Mapping[str, str]  # path of what is no file of rules -> gone · new · changed

    @property
    def changes(self) -> list[tuple[str | None, Change]]:
        """Every change, once for each line."""
        return [
            (line, change) for told in self.told for line in told.lines or (None,) for change in told.compared.changes
        ]

    @property
    def not_compared(self) -> list[tuple[str | None, Rule]]:
        """The old rules whose calls there was no time to follow, once for each line."""
        return [
            (line, rule) for told in self.told for line in told.lines or (None,) for rule in told.compared.not_compared
        ]

    @property
    def is_none(self) -> bool:
        return not (self.changes or self.not_compared or self.lines or self.files)


# ---------------------------------------------------------------- comparing


def difference(both: Both, patience: Patience) -> Difference:
    """Return all that two versions differ in; of two files of rules, only what their rules do."""
    files = both.files
    if files is not None:
        return Difference((Told((), compare(*files, patience)),), {}, {})
    return replace(surroundings(both), told=tuple(_told(both.old, both.new, patience)))


def surroundings(both: Both) -> Difference:
    """Return what two versions differ in besides their rules."""
    if both.files is not None:
        return Difference((), {}, {})
    lines = _how(both.old.lines.keys(), both.new.lines.keys())
    return Difference((), lines, _files(both.before.files, both.after.files))


def _of_source(source: Source, routing: Routing) -> Version:
    return _version(routing.rules[(source.only or "").removeprefix(RULES)], routing)


def _version(rules: RuleSet, routing: Routing) -> Version:
    return Version(rules, routing.queues, licensed_queues(routing.queues, routing.staff.values()))


def _told(old: Routing, new: Routing, patience: Patience) -> Iterator[Told]:
    """Yield what changes for the lines both versions have, asked once for those that have the same rules."""
    alike: dict[tuple[_Reached, _Reached], list[str]] = {}
    for name in (name for name in old.lines if name in new.lines):
        both = _reached(old.lines[name], old), _reached(new.lines[name], new)
        alike.setdefault(both, []).append(name)
    for (before, after), names in alike.items():
        first = names[0]
        rules = before.of(old.rules[old.lines[first].rules]), after.of(new.rules[new.lines[first].rules])
        compared = compare(_version(rules[0], old), _version(rules[1], new), patience)
        place = dict([*before.asked, *after.asked])
        changes = (replace(change, example={**place, **change.example}) for change in compared.changes)
        yield Told(tuple(names), replace(compared, changes=tuple(changes)))


@dataclass(frozen=True, slots=True)
class _Reached:
    """The rules that can take a call of one line: its name and site are known, so no rule need ask for them."""

    rules: tuple[Rule, ...]
    otherwise: Rule
    asked: tuple[tuple[str, Value], ...]  # of name and site, those that some rule asks for

    def of(self, rules: RuleSet) -> RuleSet:
        return replace(rules, rules=self.rules)


def _reached(line: Line, routing: Routing) -> _Reached:
    rules = routing.rules[line.rules]
    place: dict[str, Value] = {"line": line.name, "site": line.site}
    asked = {c.fact.name for rule in rules.rules for c in rule.when}
    kept = (rule for rule in rules.rules if all(c.holds(place) for c in rule.when if c.fact.name in place))
    free = tuple(replace(rule, when=_but(rule.when, place)) for rule in kept)
    return _Reached(free, rules.otherwise, tuple((name, place[name]) for name in place if name in asked))


def _but(when: Iterable[Condition], names: Iterable[str]) -> tuple[Condition, ...]:
    return tuple(condition for condition in when if condition.fact.name not in names)


def _how(old: Iterable[str], new: Iterable[str]) -> dict[str, str]:
    return dict.fromkeys(sorted({*old} - {*new}), "gone") | dict.fromkeys(sorted({*new} - {*old}), "new")


def _files(old: Mapping[str, str], new: Mapping[str, str]) -> dict[str, str]:
    changed = dict.fromkeys((path for path in old if not same_content(old[path], new.get(path, old[path]))), "changed")
    found = _how(old, new) | changed
    return {path: found[path] for path in sorted(found) if not path.startswith(RULES)}
