"""What admins type to change what callers get: publish the files, look back, go back."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import click

from ivr import versions
from ivr.clock import Clock
from ivr.content import ContentProblems, folder
from ivr.content.check import show
from ivr.content.pharmacy import version
from ivr.settings import Settings
from ivr.store import Publication, Record, Unreachable
from ivr.versions import FILES, Overtaken, Signed, Unsettled, short

LOOK_SECONDS = 0.5
_MOST_NAMES = 3

_author = click.option("--author", help="Who you are; else your name as git or this machine knows it.")
_why = click.option(
    "-m", "--message", metavar="WHY", help="What changes for callers, and why; nothing about a patient."
)


@dataclass(frozen=True, slots=True)
class Office:
    """What an admin has at hand: the record of the line, its clock, and the folder with the files."""

    record: Record
    clock: Clock
    content: Path

    def newest(self) -> int:
        """Return the number of what callers get; 0 before anything was published."""
        newest = self.record.published.newest()
        return newest.seq if newest else 0

    def texts(self) -> Mapping[str, str]:
        return folder.texts(self.content)[0]


@contextlib.contextmanager
def _office(content: Path | None = None) -> Iterator[Office]:
    settings = Settings.from_environment()
    with contextlib.closing(Record.from_settings(settings)) as record:
        yield Office(record, Clock.from_environment(), content or settings.rxline_content)


# ---------------------------------------------------------------- publishing


@click.command()
@_why
@_author
@click.option("--content", type=click.Path(path_type=Path), help="The content folder; else RXLINE_CONTENT.")
@click.option("--after", type=int, metavar="NUMBER", help="Only if this number is still the newest.")
@click.option("--watch", is_flag=True, help="Publish at every save until Ctrl-C, as `make run` does.")
def publish(message: str | None, author: str | None, content: Path | None, after: int | None, watch: bool) -> None:
    """Check the files, and give them to every call that arrives from now on; calls under way keep what they have.

    Any error, and everything stays as it is. Exits with 0 when callers get these files, 1 when they were refused or
    somebody else was faster, 2 when nothing could be done.
    """
    with _office(content) as office:
        if watch:
            _watch(office)
        signed, newest = _signed(office, author, message), office.newest()
        with _refusals(office.texts):
            if after is not None and after != newest:
                raise Overtaken(office.record.published.history(limit=1)[0])
            _tell(*versions.publish(office.record, office.content, signed, newest))


@click.command()
@click.argument("which", metavar="NUMBER_OR_HASH")
@_why
@_author
def rollback(which: str, message: str | None, author: str | None) -> None:
    """Give callers an old version again, by its number in `ivr history` or the first letters of its hash.

    Your files stay as they are. Exits as `publish` does.
    """
    with _office() as office:
        published = office.record.published
        signed, newest = _signed(office, author, message), office.newest()
        old = versions.find(published, which)
        with _refusals(lambda: published.load_version(old.version) or {}):
            _tell(*versions.put_back(office.record, old, signed, newest))


def _signed(office: Office, author: str | None, message: str | None) -> Signed:
    name, why = (author or "").strip() or _own_name(), (message or "").strip()
    if not why:
        raise click.UsageError("say what changes and why: -m '…'; whoever looks for a mistake will ask")
    if not name:
        raise click.UsageError("nobody here knows your name: add --author")
    return Signed(name, why, office.clock.now())


def _own_name() -> str:
    git = ["git", "config", "user.name"]
    told = subprocess.run(git, capture_output=True, text=True, check=False).stdout if shutil.which("git") else ""
    names = (os.environ.get("GIT_AUTHOR_NAME"), told.strip(), os.environ.get("LOGNAME"), os.environ.get("USER"))
    return next(filter(None, names), "")


@contextlib.contextmanager
def _refusals(texts: Callable[[], Mapping[str, str]]) -> Iterator[None]:
    """Say why callers go on getting what they got, and end with 1."""
    try:
        yield
    except ContentProblems as refused:
        show(refused.problems, texts())
        raise click.ClickException("nothing was published; callers get what they got before") from None
    except (Overtaken, Unsettled) as late:
        raise click.ClickException(str(late)) from None


def _tell(publication: Publication, is_new: bool) -> None:
    name = f"number {publication.seq} ({short(publication.version)})"
    found = f", {_counted(publication)}" if publication.findings else ""
    if is_new:
        click.echo(f"published as {name}{found}: {publication.message}")
    else:
        click.echo(f"nothing to do: callers get this already, {name} by {publication.author}: {publication.message}")


# ---------------------------------------------------------------- looking back


@click.command()
@click.option("--limit", default=20, show_default=True, help="how many")
@click.option("--json", "as_json", is_flag=True, help="for machines, with the findings")
def history(limit: int, as_json: bool) -> None:
    """What was published, the newest first: that is what calls get that arrive now."""
    with _office() as office:
        found = office.record.published.history(limit)
    if as_json:
        click.echo(json.dumps([_as_json(publication) for publication in found], indent=1, ensure_ascii=False))
        return
    for publication in found:
        click.echo(f"{'→' if publication is found[0] else ' '} {_line(publication)}")
    if not found:
        click.echo("nothing was published yet")


def _line(publication: Publication) -> str:
    at = f"{publication.at.astimezone():%Y-%m-%d %H:%M %Z}"
    marks = [f"puts back {publication.restores}"] if publication.restores else []
    marks += [_counted(publication)] if publication.findings else []
    told = f"{publication.message} ({', '.join(marks)})" if marks else publication.message
    return f"{publication.seq:>4}  {short(publication.version)}  {at}  {publication.author}: {told}"


def _counted(publication: Publication) -> str:
    count = len(publication.findings)
    return f"{count} finding{'s' * (count != 1)}"


def _as_json(publication: Publication) -> dict[str, Any]:
    told = {name: getattr(publication, name) for name in ("version", "author", "message", "findings", "restores")}
    return {"number": publication.seq, "at": publication.at.isoformat(), **told}


# ---------------------------------------------------------------- at every save


class Saves:
    """Notices that files were saved, once nobody is writing them any more: editors write a file in several goes."""

    def __init__(self, content: Path) -> None:
        self._content = content
        self.known = self._last = self._files()

    def look(self) -> str:
        """Return which files have changed since they were last told of, as a message; "" for none, or not yet."""
        try:
            files = self._files()
        except OSError:  # one went away between being listed and being read: somebody is at it
            return ""
        is_settled, self._last = files == self._last, files
        if not is_settled or files == self.known:
            return ""
        names = sorted(name for name in {*files, *self.known} if files.get(name) != self.known.get(name))
        self.known = files
        more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
        return f"saved: {', '.join(names[:_MOST_NAMES])}{more}"

    def _files(self) -> dict[str, str]:
        texts, unread = folder.texts(self._content)
        return texts | {problem.file: str(problem) for problem in unread}


def _watch(office: Office) -> NoReturn:
    saves = Saves(office.content)
    # What was rolled back while these very files were here stays so until one of them changes.
    last = next((known for known in office.record.published.history() if known.restores is None), None)
    why = "" if last is not None and last.version == version(saves.known) else "as on disk at the start"
    while True:
        if why and publish_saved(office, why):
            why = ""
        time.sleep(LOOK_SECONDS)
        why = saves.look() or why


def publish_saved(office: Office, why: str) -> bool:
    """Publish what was saved, or say what is wrong with it; False when it must be tried again."""
    try:
        with _refusals(office.texts):
            signed = Signed(FILES, why, office.clock.now())
            _tell(*versions.publish(office.record, office.content, signed, office.newest()))
    except click.ClickException as refused:
        click.echo(refused.message)
    except (OSError, Unreachable) as away:
        click.echo(f"not published yet, trying again: {away or type(away).__name__}")
        return False
    return True
