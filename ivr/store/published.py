"""What was published: every version of the content as it was, and which one callers get."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, select

from ivr.store.database import Database, Write
from ivr.store.drivers import Row
from ivr.store.notation import instant, micros, read_files, read_findings, written
from ivr.store.staff import Entry, audited
from ivr.store.tables import fresh, publications, versions

EVERYTHING = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Publication:
    """A version put before callers, numbered from 1; a rollback is another publication of an old one."""

    seq: int
    version: str
    at: datetime
    author: str
    message: str
    findings: tuple[Mapping[str, Any], ...] = ()  # what the check found and did not mind, as `ivr check` tells machines
    restores: int | None = None  # the publication whose version this one puts back


_KEEP = fresh(versions).on_conflict_do_nothing()
_PUBLISH = fresh(publications)
_FILES = select(versions.c.files).where(versions.c.version == bindparam("version"))
_HISTORY = (
    select(
        publications.c.seq,
        publications.c.version,
        publications.c.at,
        publications.c.author,
        publications.c.message,
        publications.c.findings,
        publications.c.restores,
    )
    .order_by(publications.c.seq.desc())
    .limit(bindparam("limit"))
)


class Published:
    """The versions of the content, by the hash of their files."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def publish(self, publication: Publication, files: Mapping[str, str]) -> None:
        """Keep a version and make it what callers get; `files` is relative path -> text.

        Raises Conflict when a publication of this number is there already: somebody else was faster.
        """
        at = micros(publication.at)
        row = {name: getattr(publication, name) for name in ("seq", "version", "author", "message", "restores")}
        row |= {"at": at, "findings": written(publication.findings)}
        kept = {"version": publication.version, "files": written(files), "at": at}
        self._database.write([Write(_KEEP, kept), Write(_PUBLISH, row), audited(_entry(publication), at)])

    def load_version(self, version: str) -> dict[str, str] | None:
        """Return a version's files, relative path -> text; None for one never published."""
        row = self._database.row(_FILES, version=version)
        return None if row is None else read_files(row[0])

    def newest(self) -> Publication | None:
        """Return what new calls get; None before anything was published."""
        return next(iter(self.history(limit=1)), None)

    def history(self, limit: int = EVERYTHING) -> list[Publication]:
        """Return what was published, the newest first."""
        return [_publication(row) for row in self._database.rows(_HISTORY, limit=limit)]


def _entry(publication: Publication) -> Entry:
    """Return the line of the audit that tells of it; why it was done stands with the publication."""
    act = "publish" if publication.restores is None else "rollback"
    return Entry(publication.author, "cli", act, f"version:{publication.version}", f"number {publication.seq}")


def _publication(row: Row) -> Publication:
    seq, version, at, author, message, findings, restores = row
    return Publication(seq, version, instant(at), author, message, read_findings(findings), restores)
