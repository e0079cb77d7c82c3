"""`ivr check`: everything wrong with the content, for people, editors and build servers."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path

import click

from ivr.content import find_problems, folder
from ivr.content.problems import Problem


@click.command("check")
@click.argument("file", required=False)
@click.option("--content", type=click.Path(path_type=Path), help="The content folder; else RXLINE_CONTENT.")
@click.option("--format", "form", type=click.Choice(["text", "json", "github"]), default="text", help="For whom.")
@click.pass_context
def command(context: click.Context, file: str | None, content: Path | None, form: str) -> None:
    """Find what is wrong with routing rules, call flows, prompts and configuration.

    With FILE, only what is wrong with that file; a file of rules is then read as if a line used it.
    Exits with 0 when nothing is wrong, 1 when something is, 2 when the files cannot be read.
    """
    content = content or Path(os.environ.get("RXLINE_CONTENT") or ".")
    try:
        texts, _ = folder.texts(content)
        only = _below(content, file) if file else None
        problems = find_problems(content, only)
    except OSError as error:
        click.echo(f"ivr check: {error}", err=True)
        context.exit(2)
    _SHOWN[form](problems, texts)
    context.exit(1 if any(problem.severity == "error" for problem in problems) else 0)


def _below(content: Path, file: str) -> str:
    """Return a file as a path below the content folder; raises FileNotFoundError."""
    for path in (Path(file), content / file):
        if path.is_file() and path.resolve().is_relative_to(content.resolve()):
            return path.resolve().relative_to(content.resolve()).as_posix()
    raise FileNotFoundError(f"there is no file {file} in {content}")


def show(problems: Iterable[Problem], texts: Mapping[str, str]) -> None:
    """Show people what was found, each problem with its line; `texts` is the files' texts by path."""
    for problem in problems:
        click.echo(f"{problem}" if problem.severity == "error" else f"{problem} ({problem.severity})")
        click.echo(_excerpt(problem, texts), nl=False)
        if problem.example is not None:
            click.echo("    for example a call with " + ", ".join(f"{k}: {v}" for k, v in problem.example.items()))
    click.echo(_summary(list(problems)), err=True)


def _excerpt(problem: Problem, texts: Mapping[str, str]) -> str:
    lines = texts.get(problem.file, "").split("\n")
    line = lines[problem.line - 1] if problem.line <= len(lines) else ""
    if not line.strip():
        return ""
    margin = "".join("\t" if letter == "\t" else " " for letter in line[: problem.column - 1])
    return f"    {line}\n    {margin}^\n"


def _summary(problems: list[Problem]) -> str:
    errors = sum(problem.severity == "error" for problem in problems)
    remarks = len(problems) - errors
    told = [f"{errors} problem{'s' * (errors != 1)}"] if errors else ["nothing wrong"]
    return ", ".join(told + ([f"{remarks} remark{'s' * (remarks != 1)}"] if remarks else []))


def _as_json(problems: Iterable[Problem], texts: Mapping[str, str]) -> None:
    shown = [{key: value for key, value in asdict(problem).items() if value is not None} for problem in problems]
    click.echo(json.dumps(shown, indent=2, ensure_ascii=False))


def _for_github(problems: Iterable[Problem], texts: Mapping[str, str]) -> None:
    for problem in problems:
        message = problem.message.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
        place = f"file={problem.file},line={problem.line},col={problem.column},title={problem.code}"
        click.echo(f"::{problem.severity} {place}::{message}")


_SHOWN = {"text": show, "json": _as_json, "github": _for_github}
