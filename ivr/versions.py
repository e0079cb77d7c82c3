"""Which version of the content callers get: files are published into the record, and every process follows it."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import structlog

from ivr.content import ContentProblems, Pharmacy, Problem, find_problems, folder, load_files
from ivr.content.library import Library
from ivr.store import Conflict, Publication, Published, Record, Unreachable

log = structlog.get_logger(__name__)

LOOK_SECONDS = 1.0
FILES = "files"  # the author of what nobody published by hand
SHORTEST_PREFIX = 4
_LETTERS = 8


class Overtaken(Exception):
    """Somebody else published `newest` meanwhile, and nobody has looked at the two together."""

    def __init__(self, newest: Publication) -> None:
        self.newest = newest
        at = f"{newest.at.astimezone():%H:%M:%S %Z}"
        super().__init__(
            f"{newest.author} published {short(newest.version)} meanwhile, as number {newest.seq} at {at}: "
            f"“{newest.message}”. Look at `ivr diff {newest.seq}`, and do it again if yours is still wanted"
        )


class Unsettled(Exception):
    """The files changed while they were being checked, so nobody knows what is wrong with them as they are now."""


@dataclass(frozen=True, slots=True)
class Signed:
    """Who makes a version current, why, and when."""

    author: str
    message: str
    at: datetime


def short(version: str) -> str:
    """Return as much of a version's hash as people read out to each other."""
    return version[:_LETTERS]


# ---------------------------------------------------------------- making one current


def publish(record: Record, content: Path, signed: Signed, after: int) -> tuple[Publication, bool]:
    """Check the files of a folder and make them what callers get.

    `after` is the number of the publication they take the place of, 0 for none. Returns the publication, and whether
    it is a new one: a version that is current already is not published twice. Raises ContentProblems for any error in
    the files, Overtaken when something newer was published, Unsettled, and OSError when the folder cannot be read.
    """
    files, _ = folder.texts(content)
    found = find_problems(content)
    if any(problem.severity == "error" for problem in found):
        raise ContentProblems(found)
    pharmacy = load_files(files)
    if folder.texts(content)[0] != files:
        raise Unsettled("the files changed while they were being checked; publish again")
    return _put(record, pharmacy, _publication(signed, pharmacy.version, after, findings=tuple(map(_as_kept, found))))


def put_back(record: Record, old: Publication, signed: Signed, after: int) -> tuple[Publication, bool]:
    """Make the version of an old publication what callers get again; returns and raises as `publish` does.

    ContentProblems: this Rxline cannot read it any more.
    """
    pharmacy = load_files(record.published.load_version(old.version) or {})
    return _put(record, pharmacy, _publication(signed, old.version, after, findings=old.findings, restores=old.seq))


def _publication(signed: Signed, version: str, after: int, **more: Any) -> Publication:
    # One more than the newest its author knew: the record takes each number once, so of two the second is refused.
    return Publication(after + 1, version, signed.at, signed.author, signed.message, **more)


def _put(record: Record, pharmacy: Pharmacy, publication: Publication) -> tuple[Publication, bool]:
    if (current := _current_as(record, publication.version)) is not None:
        return current, False
    try:
        record.published.publish(publication, pharmacy.files)
    except Conflict:
        return _met(record, publication), False
    record.desk.seed_agents(pharmacy.staff, publication.at)
    return publication, True


def _current_as(record: Record, version: str) -> Publication | None:
    newest = record.published.newest()
    return newest if newest is not None and newest.version == version else None


def _met(record: Record, ours: Publication) -> Publication:
    """Return what somebody else published under our number if it is the same as ours; else raise Overtaken."""
    newest = record.published.history(limit=1)[0]
    if newest.version != ours.version:
        raise Overtaken(newest)
    return newest


def _as_kept(problem: Problem) -> Mapping[str, Any]:
    return {key: value for key, value in asdict(problem).items() if value is not None}


# ---------------------------------------------------------------- finding one


def find(published: Published, which: str) -> Publication:
    """Return the publication of this number, else the newest of the version whose hash begins so.

    Raises LookupError, saying why, when there is none or more than one version begins so.
    """
    history = published.history()
    numbered = [publication for publication in history if which == str(publication.seq)]
    alike = {p.version: p for p in reversed(history) if p.version.startswith(which.lower())}
    if numbered:
        return numbered[0]
    if len(which) < SHORTEST_PREFIX or not alike:
        raise LookupError(f"nothing was published as `{which}`; `ivr history` lists what was")
    if len(alike) > 1:
        raise LookupError(f"`{which}` may be {' or '.join(map(short, alike))}; write more of its hash, or its number")
    return alike.popitem()[1]


# ---------------------------------------------------------------- following


def open_library(record: Record, content: Path, at: datetime) -> Library:
    """Return the library of one process, at what is current; the first process ever publishes the files on disk.

    Raises ContentProblems when nothing was published that this Rxline can read, OSError, Unreachable.
    """
    if record.published.newest() is None:
        with suppress(Overtaken):  # by another process that started at the same moment
            publish(record, content, Signed(FILES, "as on disk at the first start", at), 0)
    return Library(_newest_readable(record.published), record.published.load_version)


def _newest_readable(published: Published) -> Pharmacy:
    refused: list[ContentProblems] = []
    for publication in published.history():
        try:
            return load_files(published.load_version(publication.version) or {})
        except ContentProblems as problems:
            _tell_unreadable(publication, problems)
            refused.append(problems)
    raise refused[0]


def _tell_unreadable(publication: Publication, fault: Exception) -> None:
    problems = [str(problem) for problem in getattr(fault, "problems", ())[:3]]
    log.error(
        "version_not_readable",
        version=publication.version,
        number=publication.seq,
        fault=type(fault).__name__,
        problems=problems,
    )


class Following:
    """Keeps a library at what the record says is current. A version it cannot read leaves it where it is."""

    def __init__(self, library: Library, published: Published) -> None:
        self._library = library
        self._published = published
        self._refused = ""

    def start(self) -> None:
        """Look once a second for as long as the process lives, in a thread of its own and so in no caller's turn."""
        threading.Thread(target=self._run, name="following", daemon=True).start()

    def _run(self) -> None:
        while True:
            self.look()
            time.sleep(LOOK_SECONDS)

    def look(self) -> None:
        """Take the newest version if it is another; whatever goes wrong, what is known goes on being served."""
        try:
            self._take(self._published.newest())
        except Unreachable:
            log.debug("content_not_followed")
        except Exception as fault:
            log.error("content_not_followed", fault=type(fault).__name__)

    def _take(self, newest: Publication | None) -> None:
        served = self._library.current().version
        if newest is None or newest.version == served:
            self._library.behind = self._refused = ""
        elif newest.version != self._refused:
            self._read(newest, served)

    def _read(self, newest: Publication, served: str) -> None:
        try:
            self._library.put(load_files(self._published.load_version(newest.version) or {}))
        except Unreachable:
            raise
        except Exception as fault:
            _tell_unreadable(newest, fault)
            self._refused = newest.version
            self._library.behind = (
                f"number {newest.seq} ({short(newest.version)}) cannot be read here; callers get {short(served)}"
            )
        else:
            log.info("version_taken", version=short(newest.version), number=newest.seq)
            self._library.behind = self._refused = ""


def follow(library: Library, published: Published) -> None:
    """Keep a library at what is current, from now until the process ends."""
    Following(library, published).start()
