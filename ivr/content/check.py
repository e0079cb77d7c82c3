"""`ivr check`: everything wrong with the content, for people, editors and build servers."""

from __future__ import annotations

import json
import os
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import asdict, replace
from pathlib import Path

import click
from rich.cells import cell_len

from ivr.content import drawing, find_problems, folder, load_routing
from ivr.content.pharmacy import read_script
from ivr.content.problems import Problem
from ivr.content.rules import FOLDER, holds_rules
from ivr.content.scalars import duration_text
from ivr.proof.windows import Window, windows

WIDEST = 160
"""The most of a line that is shown around a problem."""

MOST_NAMED = 2
"""Rules that may pass one are named up to here, the shortest promises first."""


@click.command("check")
@click.argument("file", required=False)
@click.option("--content", type=click.Path(path_type=Path), help="The content folder; else RXLINE_CONTENT.")
@click.option("--format", "form", type=click.Choice(["text", "json", "github"]), default="text", help="For whom.")
@click.option(
    "--draw",
    "pictures",
    is_flag=False,
    flag_value=Path(),
    type=click.Path(path_type=Path, file_okay=False),
    metavar="[DIR]",
    help=f"Draw every call flow, as SVG; in {drawing.FOLDER}/ beside the content, else in DIR.",
)
@click.option("--allow-unproved", is_flag=True, help="What could not be proved in time is only remarked on.")
@click.pass_context
def command(
    context: click.Context,
    file: str | None,
    content: Path | None,
    form: str,
    pictures: Path | None,
    allow_unproved: bool,
) -> None:
    """Find what is wrong with routing rules, call flows, prompts and configuration.

    With FILE, only what is wrong with that file; a file of rules is then read as if a line used it. A FILE outside the
    content folder is a draft of rules: its names come from the content folder, and it extends what it would there.
    Exits with 0 when nothing is wrong, 1 when something is, 2 when the files cannot be read.
    """
    content = content or Path(os.environ.get("RXLINE_CONTENT") or ".")
    try:
        only = folder.named(content, file) if file else None
        texts, _ = folder.texts(content, only)
        problems = find_problems(content, only)
        drawn = _draw(content, pictures, problems) if pictures is not None else ""
    except OSError as error:
        click.echo(f"ivr check: {error}", err=True)
        context.exit(2)
    if allow_unproved:
        problems = allowing(problems)
    _SHOWN[form](problems, texts, content)
    wrong = any(problem.severity == "error" for problem in problems)
    click.echo(drawn, err=True, nl=bool(drawn))
    if form == "text" and not wrong and (not only or holds_rules(only)):
        _show_windows(content, only)
    context.exit(int(wrong))


def allowing(problems: Iterable[Problem]) -> list[Problem]:
    """Return the problems with what could not be proved as warnings."""
    return [replace(p, severity="warning") if p.code == "not-proved" else p for p in problems]


def _draw(content: Path, pictures: Path, problems: Iterable[Problem]) -> str:
    """Draw every flow that can be read, with what is wrong with it; return what was drawn where."""
    texts, _ = folder.texts(content)
    place = content / drawing.FOLDER if pictures == Path() else pictures
    place.mkdir(parents=True, exist_ok=True)
    drawn = dict(drawing.pictures(read_script(texts), list(problems)))
    for name, picture in drawn.items():
        (place / f"{name}.svg").write_text(picture, encoding="utf-8")
    return f"{len(drawn)} picture{'s' * (len(drawn) != 1)} in {place}/"


# ---------------------------------------------------------------- for people


def show(problems: Iterable[Problem], texts: Mapping[str, str]) -> None:
    """Show people what was found, each problem with its line; `texts` is the files' texts by path."""
    for problem in problems:
        told = f"{problem}" if problem.severity == "error" else f"{problem} ({problem.severity})"
        click.echo(_visible(told))
        click.echo(_excerpt(problem, texts), nl=False)
        if problem.example is not None:
            click.echo("    for example a call with " + ", ".join(f"{k}: {v}" for k, v in problem.example.items()))
    click.echo(_summary(list(problems)), err=True)


def _as_text(problems: Iterable[Problem], texts: Mapping[str, str], content: Path) -> None:
    show(problems, texts)


def _excerpt(problem: Problem, texts: Mapping[str, str]) -> str:
    lines = texts.get(problem.file, "").split("\n")
    line = _visible(lines[problem.line - 1]) if problem.line <= len(lines) else ""
    if not line.strip():
        return ""
    start = max(0, problem.column - WIDEST // 2) if len(line) > WIDEST else 0
    margin = "".join(_blank(letter) for letter in line[start : problem.column - 1])
    return f"    {line[start : start + WIDEST]}\n    {margin}^\n"


def _blank(letter: str) -> str:
    """Return what leaves as much room on a terminal as a letter takes."""
    return "\t" if letter == "\t" else " " * cell_len(letter)


def _visible(line: str) -> str:
    """Put a mark in the place of what would steer the terminal instead of being shown."""
    return "".join("\N{REPLACEMENT CHARACTER}" if _steers(letter) else letter for letter in line)


def _steers(letter: str) -> bool:
    return letter not in "\t\n" and unicodedata.category(letter) in ("Cc", "Cf", "Cs")


def _summary(problems: list[Problem]) -> str:
    errors = sum(problem.severity == "error" for problem in problems)
    remarks = len(problems) - errors
    told = [f"{errors} problem{'s' * (errors != 1)}"] if errors else ["nothing wrong"]
    return ", ".join(told + ([f"{remarks} remark{'s' * (remarks != 1)}"] if remarks else []))


def _show_windows(content: Path, only: str | None) -> None:
    """Show for each rule that puts callers in line who may be served before them, though they came later."""
    routing, _ = load_routing(content, only)
    sets = [found for name, found in routing.rules.items() if not only or name == only.removeprefix(FOLDER)]
    found = windows(sets, routing.queues, routing.staff.values())
    if found:
        click.echo("\nhow much later a call may come and still be served first, emergencies apart:")
    for window in found:
        late = duration_text(window.seconds) if window.passed_by else "never"
        click.echo(
            _visible(f"  {late:>7}  {window.rule.name} ({window.rule.file}:{window.rule.line}){_passing(window)}")
        )


def _passing(window: Window) -> str:
    names = [rule.name for rule in window.passed_by]
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return f" by {', '.join(names[:MOST_NAMED])}{more}" if names else ""


# ---------------------------------------------------------------- for machines


def _as_json(problems: Iterable[Problem], texts: Mapping[str, str], content: Path) -> None:
    click.echo(json.dumps({"problems": [asdict(problem) for problem in problems]}, indent=2, ensure_ascii=False))


def _for_github(problems: Iterable[Problem], texts: Mapping[str, str], content: Path) -> None:
    for problem in problems:
        place = f"file={_property(_from_here(content, problem.file))},line={problem.line},col={problem.column}"
        click.echo(f"::{problem.severity} {place},title={_property(problem.code)}::{_data(problem.message)}")


def _from_here(content: Path, file: str) -> str:
    """Return a file as the repository it is checked from names it, where that can be told."""
    whole, here = (content / file).resolve(), Path.cwd()
    return whole.relative_to(here).as_posix() if whole.is_relative_to(here) else file


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


_SHOWN = {"text": _as_text, "json": _as_json, "github": _for_github}
