"""`ivr diff`: what two versions of the content decide differently, for which calls, and what else changed."""

from __future__ import annotations

import contextlib
import json
import os
import textwrap
from collections.abc import Iterable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, NoReturn

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ivr.content import ContentProblems, Routing
from ivr.core.rules import Rule
from ivr.office import wording
from ivr.office.differences import Both, Difference, Told, difference, surroundings
from ivr.office.replaying import WHO, BadCalls, Move, Replay, from_file, from_journal, replay
from ivr.office.sources import NotFound, Source, find
from ivr.proof.changes import Change, Outcome
from ivr.proof.findings import LIMIT_SECONDS
from ivr.proof.patience import Patience

_MOST_SHOWN = 8  # of what changes in the same way
_COULD_NOT_RUN = 2
_JOURNAL = "\0"  # no name of a file


@click.command("diff")
@click.argument("old")
@click.argument("new", default=".")
@click.option("--calls", metavar="[FILE]", is_flag=False, flag_value=_JOURNAL, help="Replay calls instead; see above.")
@click.option("--days", default=7, show_default=True, help="How far back recorded calls are replayed.")
@click.option("--content", type=click.Path(path_type=Path), help="The content folder; else RXLINE_CONTENT.")
@click.option("--json", "as_json", is_flag=True, help="For machines.")
@click.option("--seconds", type=float, default=LIMIT_SECONDS, show_default=True, help="How long it may take.")
def command(
    old: str, new: str, calls: str | None, days: int, content: Path | None, as_json: bool, seconds: float
) -> None:
    """Say for which calls OLD and NEW decide differently, each kind with an example, and what else changed.

    OLD and NEW are the first there is of: a path (a folder with content, a file of rules), a published version (its
    number or how its hash begins), a revision in git. `published:7` and `git:main` mean only that; `.`, or no NEW, is
    the files on disk. Everything is computed over every call there can be, and nothing is sampled.

    With --calls the calls of the last days are decided by both, and who moves where is counted; with --calls FILE those
    of a file, one JSON object of facts a line.

    Exits with 0 when nothing changes, 1 when something does or there was no time to compare all, 2 when it could not
    run.
    """
    before, after = _found(old, new, content or Path(os.environ.get("RXLINE_CONTENT") or "."))
    both = Both(before, _read(before), after, _read(after))
    if calls is None:
        found, replayed = difference(both, Patience(seconds)), None
    else:
        found, replayed = surroundings(both), _replayed(both, calls, days)
    if as_json:
        click.echo(json.dumps(_for_machines(both, found, replayed), indent=2, ensure_ascii=False))
    else:
        _draw(both, found, replayed)
    raise SystemExit(0 if found.is_none and not (replayed and replayed.moves) else 1)


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


def _read(source: Source) -> Routing:
    try:
        return source.read()
    except ContentProblems as refused:
        _stop(f"{source.name} cannot be read:\n{refused}")


def _stop(reason: str) -> NoReturn:
    click.echo(f"ivr diff: {reason}", err=True)
    raise SystemExit(_COULD_NOT_RUN)


def _replayed(both: Both, calls: str, days: int) -> Replay:
    first = next(iter(both.new.lines))
    if calls == _JOURNAL:
        return replay(from_journal(_recorded(days)), both.lines, first)
    try:
        return replay(from_file(Path(calls), both.facts), both.lines, first)
    except (BadCalls, OSError) as reason:
        _stop(f"{reason}")


def _recorded(days: int) -> list[tuple[str, str]]:
    # The record brings SQLAlchemy, and only recorded calls need it.
    from ivr.clock import Clock
    from ivr.settings import Settings
    from ivr.store import Record

    settings = Settings.from_environment()
    since = Clock.from_environment().now() - timedelta(days=days)
    with contextlib.closing(Record.from_settings(settings)) as record:
        return record.deciding(since)


# ---------------------------------------------------------------- for machines


def _for_machines(both: Both, found: Difference, replayed: Replay | None) -> dict[str, Any]:
    return {
        "from": both.before.name,
        "to": both.after.name,
        **(_rules_compared(found) if replayed is None else {"calls": _calls(replayed)}),
        "lines": [{"line": line, "change": how} for line, how in found.lines.items()],
        "files": [{"file": path, "change": how} for path, how in found.files.items()],
    }


def _rules_compared(found: Difference) -> dict[str, Any]:
    return {
        "changes": [{"line": line, **_change(change)} for line, change in found.changes],
        "not_compared": [{"line": line, "from": _rule(rule)} for line, rule in found.not_compared],
    }


def _calls(replayed: Replay) -> dict[str, Any]:
    counts = {name: getattr(replayed, name) for name in ("calls", "moved", "worse", "left_out")}
    return {**counts, "moves": [_move(move) for move in replayed.moves]}


def _move(move: Move) -> dict[str, Any]:
    return {
        **dict(zip(WHO, move.who, strict=True)),
        "calls": len(move.calls),
        "from": wording.for_machines(move.before.decision),
        "to": wording.for_machines(move.after.decision),
        "worse": bool(move.worse),
        "loses": move.worse,
        "examples": move.examples,
    }


def _change(change: Change) -> dict[str, Any]:
    return {
        "calls": wording.calls(change.when),
        "from": _outcome(change.before),
        "to": _outcome(change.after),
        "example": wording.as_written(change.example),
        "person_only": change.person_only,
        "worse": bool(change.worse),
        "loses": change.worse,
    }


def _outcome(outcome: Outcome) -> dict[str, Any]:
    decision = wording.for_machines(outcome.decision)
    return {**_rule(outcome.rule), "decision": decision, "licensed": outcome.licensed}


def _rule(rule: Rule) -> dict[str, Any]:
    return {"rule": None if rule.name == "otherwise" else rule.name, "file": rule.file, "line": rule.line}


# ---------------------------------------------------------------- for people


def _draw(both: Both, found: Difference, replayed: Replay | None) -> None:
    screen = Console(highlight=False)
    screen.print(Text.assemble((both.before.name, "bold"), "  →  ", (both.after.name, "bold")))
    for told in found.told:
        if told.compared.changes or told.compared.not_compared:
            _draw_line(screen, told)
    if replayed is not None and replayed.moves:
        _draw_moves(screen, replayed.moves)
    for line, how in found.lines.items():
        screen.print(f"\nthe line {line} is {how}")
    if found.files:
        screen.print("\nOther files; they change what callers hear, or who takes their calls:")
    for path, how in found.files.items():
        screen.print(f"  {how:<8} {path}")
    screen.print()
    _say(screen, 0, _summary(both, found) if replayed is None else _sum_of(replayed))


def _draw_moves(screen: Console, moves: Sequence[Move]) -> None:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in ("calls", "caller", "intent", "language", "decided", "worse"):
        table.add_column(column, justify="right" if column == "calls" else "left")
    for move in moves:
        old, new = wording.both(move.before, move.after)
        table.add_row(
            str(len(move.calls)), *_spaced(move.who), f"{old} → {new}", Text(", ".join(move.worse), style="red")
        )
    screen.print()
    screen.print(table)
    screen.print("\nfor example")
    for move in moves:
        _say(screen, 2, f"{', '.join(_spaced(move.who))}: {', '.join(move.examples)}", "dim")


def _spaced(words: Iterable[str]) -> list[str]:
    return [word.replace("_", " ") for word in words]


def _sum_of(replayed: Replay) -> str:
    calls = f"{replayed.calls} call{'s' * (replayed.calls != 1)}"
    left_out = f"; {replayed.left_out} cannot be replayed" if replayed.left_out else ""
    if not replayed.moves:
        return f"{calls} replayed, and all are decided as before{left_out}"
    return f"{replayed.moved} of {calls} move, {replayed.worse or 'none'} for the worse{left_out}"


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


def _summary(both: Both, found: Difference) -> str:
    changes = [change for _, change in found.changes]
    if not changes and found.not_compared:
        return "no call that was compared is decided differently"
    if not changes:
        return "nothing changes" if both.before.files == both.after.files else "no call is decided differently"
    worse = sum(bool(change.worse) for change in changes)
    kinds = "1 kind of calls changes" if len(changes) == 1 else f"{len(changes)} kinds of calls change"
    return f"{kinds}, {worse or 'none'} for the worse; calls that a rule above takes are told of there"
