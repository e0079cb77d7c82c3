"""`ivr diff`: what two versions of the content decide differently, for which calls, and what else changed."""

from __future__ import annotations

import json
import os
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NoReturn

import click
from rich.console import Console
from rich.text import Text

from ivr import wording
from ivr.content import ContentProblems, Pharmacy
from ivr.content.reading import same_content
from ivr.content.rules import FOLDER as RULES
from ivr.core.pharmacy import Line
from ivr.core.rules import Condition, Rule, RuleSet, Value, licensed_queues
from ivr.proof.changes import Change, Compared, Outcome, Version, compare
from ivr.proof.findings import LIMIT_SECONDS
from ivr.proof.patience import Patience
from ivr.sources import NotFound, Source, find

_MOST_SHOWN = 8  # of what changes in the same way
_COULD_NOT_RUN = 2


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


@click.command("diff")
@click.argument("old")
@click.argument("new", default=".")
@click.option("--content", type=click.Path(path_type=Path), help="The content folder; else RXLINE_CONTENT.")
@click.option("--json", "as_json", is_flag=True, help="For machines.")
@click.option("--seconds", type=float, default=LIMIT_SECONDS, show_default=True, help="How long it may take.")
def command(old: str, new: str, content: Path | None, as_json: bool, seconds: float) -> None:
    """Say for which calls OLD and NEW decide differently, each kind with an example, and what else changed.

    OLD and NEW are the first there is of: a path (a folder with content, a file of rules), a published version (its
    number or how its hash begins), a revision in git. `published:7` and `git:main` mean only that; `.`, or no NEW, is
    the files on disk. Everything is computed over every call there can be, and nothing is sampled.

    Exits with 0 when nothing changes, 1 when something does or there was no time to compare all, 2 when it could not
    run.
    """
    content = content or Path(os.environ.get("RXLINE_CONTENT") or ".")
    before, after = _found(old, new, content)
    found = difference(before, _read(before), after, _read(after), Patience(seconds))
    if as_json:
        click.echo(json.dumps(_for_machines(before, after, found), indent=2, ensure_ascii=False))
    else:
        _draw(before, after, found)
    raise SystemExit(0 if found.is_none else 1)


def _found(old: str, new: str, content: Path) -> tuple[Source, Source]:
    """Return both versions; where one of them is a file of rules, the same file of the other is meant."""
    try:
        before, after = find(old, content), find(new, content)
        if before.only and not after.only:
            return before, after.of_one_file(before.only)
        if after.only and not before.only:
            return before.of_one_file(after.only), after
    except (NotFound, OSError) as reason:
        _stop(str(reason))
    return before, after


def _read(source: Source) -> Pharmacy:
    try:
        return source.read()
    except ContentProblems as refused:
        _stop(f"{source.name} cannot be read:\n{refused}")


def _stop(reason: str) -> NoReturn:
    click.echo(f"ivr diff: {reason}", err=True)
    raise SystemExit(_COULD_NOT_RUN)


# ---------------------------------------------------------------- comparing


def difference(before: Source, old: Pharmacy, after: Source, new: Pharmacy, patience: Patience) -> Difference:
    """Return all that two versions differ in; of two files of rules, only what their rules do."""
    if before.only and after.only:
        rules = old.rules[_rules_name(before.only)], new.rules[_rules_name(after.only)]
        return Difference((Told((), compare(_version(rules[0], old), _version(rules[1], new), patience)),), {}, {})
    lines = _how(old.lines.keys(), new.lines.keys())
    return Difference(tuple(_told(old, new, patience)), lines, _files(before.files, after.files))


def _rules_name(path: str) -> str:
    return path.removeprefix(RULES)


def _version(rules: RuleSet, pharmacy: Pharmacy) -> Version:
    return Version(rules, pharmacy.queues, licensed_queues(pharmacy.queues, pharmacy.staff.values()))


def _told(old: Pharmacy, new: Pharmacy, patience: Patience) -> Iterator[Told]:
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


def _reached(line: Line, pharmacy: Pharmacy) -> _Reached:
    rules = pharmacy.rules[line.rules]
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


# ---------------------------------------------------------------- for machines


def _for_machines(before: Source, after: Source, found: Difference) -> dict[str, Any]:
    return {
        "from": before.name,
        "to": after.name,
        "changes": [{"line": line, **_change(change)} for line, change in found.changes],
        "not_compared": [{"line": line, "from": _rule(rule)} for line, rule in found.not_compared],
        "lines": [{"line": line, "change": how} for line, how in found.lines.items()],
        "files": [{"file": path, "change": how} for path, how in found.files.items()],
    }


def _change(change: Change) -> dict[str, Any]:
    return {
        "calls": wording.calls(change.when),
        "from": _outcome(change.before),
        "to": _outcome(change.after),
        "example": change.example,
        "person_only": change.person_only,
        "worse": bool(change.worse),
        "loses": change.worse,
    }


def _outcome(outcome: Outcome) -> dict[str, Any]:
    decision = wording.for_machines(outcome.decision)
    return {**_rule(outcome.rule), "decision": decision, "licensed": outcome.licensed}


def _rule(rule: Rule) -> dict[str, Any]:
    return {"rule": rule.name, "file": rule.file, "line": rule.line}


# ---------------------------------------------------------------- for people


def _draw(before: Source, after: Source, found: Difference) -> None:
    screen = Console(highlight=False)
    screen.print(Text.assemble((before.name, "bold"), "  →  ", (after.name, "bold")))
    for told in found.told:
        if told.compared.changes or told.compared.not_compared:
            _draw_line(screen, told)
    for line, how in found.lines.items():
        screen.print(f"\nthe line {line} is {how}")
    if found.files:
        screen.print("\nOther files; they change what callers hear, or who takes their calls:")
    for path, how in found.files.items():
        screen.print(f"  {how:<8} {path}")
    screen.print(f"\n{_summary(before, after, found)}")


def _draw_line(screen: Console, told: Told) -> None:
    if told.lines:
        screen.print(Text(f"\nCalls to {' and '.join(told.lines)}", style="underline"))
    for changes in _alike(told.compared.changes):
        _draw_changes(screen, changes)
    if told.compared.not_compared:
        first, more = told.compared.not_compared[0], len(told.compared.not_compared) - 1
        screen.print()
        whose = f"{_named(first)}{f' and {more} more rules' if more else ''}"
        _say(screen, 0, f"not compared, for want of time: what becomes of calls taken by {whose}", "red")


def _alike(changes: Iterable[Change]) -> list[list[Change]]:
    """Return the changes that come to the same for a caller together; what gets worse comes first."""
    groups: dict[object, list[Change]] = {}
    for change in changes:
        before, after = change.before, change.after
        same = before.decision, before.licensed, after.decision, after.licensed, change.person_only
        groups.setdefault(same, []).append(change)
    return sorted(groups.values(), key=lambda group: not group[0].worse)


def _draw_changes(screen: Console, changes: Sequence[Change]) -> None:
    old, new = wording.both(changes[0].before, changes[0].after)
    worse = f"; worse: {', '.join(changes[0].worse)}" if changes[0].worse else ""
    screen.print(Text.assemble(("\n" + old, "bold"), " → ", (new, "bold"), (worse, "bold red")))
    for change in changes[:_MOST_SHOWN]:
        _draw_change(screen, change)
    if len(changes) > _MOST_SHOWN:
        _say(screen, 2, f"and {len(changes) - _MOST_SHOWN} more kinds of calls; --json tells all")


def _draw_change(screen: Console, change: Change) -> None:
    asked = ", when the caller asked for a person" if change.person_only else ""
    _say(screen, 2, f"{wording.calls(change.when)}{asked}")
    _say(screen, 6, _taken_by(change.before.rule, change.after.rule), "dim")
    _say(screen, 6, f"for example {wording.example(change.example)}", "dim")


def _say(screen: Console, indent: int, words: str, style: str = "") -> None:
    for line in textwrap.wrap(words, screen.width - indent, break_long_words=False, break_on_hyphens=False):
        screen.print(Text(" " * indent + line, style=style))


def _taken_by(old: Rule, new: Rule) -> str:
    if (old.name, old.file) != (new.name, new.file):
        return f"by {_named(old)} ({old.file}:{old.line}), now by {_named(new)} ({new.file}:{new.line})"
    return f"by {_named(old)} ({old.file}:{old.line}{f', now {new.line}' if new.line != old.line else ''})"


def _named(rule: Rule) -> str:
    return "otherwise" if rule.name == "otherwise" else f'"{rule.name}"'


def _summary(before: Source, after: Source, found: Difference) -> str:
    changes = [change for _, change in found.changes]
    if not changes and found.not_compared:
        return "no call that was compared is decided differently"
    if not changes:
        return "nothing changes" if before.files == after.files else "no call is decided differently"
    worse = sum(bool(change.worse) for change in changes)
    kinds = "1 kind of calls changes" if len(changes) == 1 else f"{len(changes)} kinds of calls change"
    return f"{kinds}, {worse or 'none'} for the worse; calls that a rule above takes are told of there"
