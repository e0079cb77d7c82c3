"""`ivr classify`: what callers want and how pressing it is, from their own words; and how well that works."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import click

from ivr.content import folder
from ivr.content.pharmacy import own_speech
from ivr.content.speech import with_built_in
from ivr.core.heard import Heard
from ivr.office import scoring
from ivr.speech.listener import Listener

OTHER = "other"  # what nobody understood


class CannotClassify(click.ClickException):
    """There is nothing to listen with, or nothing to read."""

    exit_code = 2


@dataclass(frozen=True, slots=True)
class NoUtterance(Exception):
    """A line that says nothing a caller could have said, and its id if it has one."""

    why: str
    id: Any = None


@click.command("classify")
@click.argument("files", nargs=-1, type=click.Path(path_type=Path), metavar="[FILE ...]")
@click.option("--score", is_flag=True, help="The utterances are labelled: print how many are understood.")
@click.option("--content", type=click.Path(path_type=Path), help="The content folder; else RXLINE_CONTENT.")
@click.pass_context
def command(context: click.Context, files: tuple[Path, ...], score: bool, content: Path | None) -> None:
    """Say what callers want and how pressing it is, from what they said.

    Reads one utterance a line as JSON, {"id": …, "lang": "en", "text": …}, from the files or standard input, and writes
    one answer a line in the same order: intent, urgency, ask_safety (somebody has to ask whether anyone is in danger),
    confidence and because. With --score the lines also have intent and urgency, and a table comes of it.
    Exits with 0; with 1 when a line was no utterance; with 2 when nothing could be read.
    """
    listener = _listener(content or Path(os.environ.get("RXLINE_CONTENT") or "."))
    try:
        lines = _lines(files)
        context.exit(_score(listener, lines) if score else _answer(listener, lines))
    except OSError as error:
        raise CannotClassify(str(error)) from None


def _listener(content: Path) -> Listener:
    """Return what listens by the phrases of a content folder, or by those built in when it has none."""
    try:
        texts = folder.texts(content)[0]
    except OSError as error:
        raise CannotClassify(str(error)) from None
    own, problems = own_speech(texts)
    for problem in problems:
        click.echo(f"{problem}", err=True)
    if problems:
        raise CannotClassify("these phrases cannot be read, so nobody can say what is heard by them")
    return Listener(with_built_in(own))


def _lines(files: Iterable[Path]) -> Iterator[bytes]:
    for file in files or (None,):
        if file is None:
            yield from sys.stdin.buffer
        else:
            with file.open("rb") as opened:
                yield from opened


# ---------------------------------------------------------------- one answer a line


def _answer(listener: Listener, lines: Iterable[bytes]) -> int:
    """Answer each line, and return whether one of them was no utterance."""
    failed = False
    for line in lines:
        try:
            told = _answer_to(listener, _utterance(line))
        except NoUtterance as wrong:
            told, failed = {**({} if wrong.id is None else {"id": wrong.id}), "error": wrong.why}, True
        _write(sys.stdout.buffer, told)
    return int(failed)


def _write(out: BinaryIO, told: Mapping[str, Any]) -> None:
    out.write(json.dumps(told, ensure_ascii=False).encode("utf-8", "backslashreplace") + b"\n")
    out.flush()  # whoever writes one utterance may wait for its answer before the next


def _answer_to(listener: Listener, utterance: Mapping[str, Any]) -> dict[str, Any]:
    language = utterance.get("lang")
    heard = listener.understand(utterance["text"], language if isinstance(language, str) else None)
    return {"id": utterance.get("id"), **answer(heard)}


def answer(heard: Heard) -> dict[str, Any]:
    """Return what was heard as JSON has it; an intent nobody understood is `other`."""
    return {
        "intent": heard.intent or OTHER,
        "urgency": heard.urgency,
        "ask_safety": heard.ask_safety,
        "confidence": heard.confidence,
        "because": list(heard.because),
    }


def _utterance(line: bytes) -> dict[str, Any]:
    """Return an utterance; raises NoUtterance."""
    try:
        told = json.loads(line)
    except (ValueError, RecursionError):
        raise NoUtterance("this is no JSON") from None
    if not isinstance(told, dict):
        raise NoUtterance('an utterance is written as {"id": …, "lang": "en", "text": …}')
    if not isinstance(told.get("text"), str):
        raise NoUtterance("an utterance has a `text`, in quotes", told.get("id"))
    return told


# ---------------------------------------------------------------- how well that works


def _score(listener: Listener, lines: Iterable[bytes]) -> int:
    labelled, failed = [], False
    for number, line in enumerate(lines, 1):
        try:
            labelled.append(scoring.labelled(_utterance(line)))
        except (NoUtterance, scoring.NoLabel) as wrong:
            failed = True
            click.echo(f"line {number}: {wrong.why}", err=True)
    if not labelled:
        raise CannotClassify("there is no labelled utterance to score")
    click.echo(scoring.table(scoring.tried(listener, labelled)))
    return int(failed)
