"""What was published: every version of the content as it was, and which one callers get."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, func, insert, or_, select

from ivr.store.database import Database, Write
from ivr.store.notation import instant, micros, read_files, written
from ivr.store.refusals import Conflict
from ivr.store.tables import fresh, publications, versions


@dataclass(frozen=True, slots=True)
class Publication:
    """A version put before callers; a rollback is another publication of an old one."""

    seq: int
    version: str
    at: datetime
    author: str
    message: str


_KEEP = fresh(versions).on_conflict_do_nothing()
_newest = select(func.max(publications.c.seq)).scalar_subquery()
_current = select(publications.c.version).where(publications.c.seq == _newest).scalar_subquery()
_publication = [bindparam(name, type_=publications.c[name].type) for name in ("version", "at", "author", "message")]
_PUBLISH = insert(publications).from_select(
    ["seq", "version", "at", "author", "message"],
    select(func.coalesce(_newest, 0) + 1, *_publication).where(
        or_(_current.is_(None), _current != bindparam("version"))
    ),
)
_FILES = select(versions.c.files).where(versions.c.version == bindparam("version"))
_HISTORY = (
    select(
        publications.c.seq,
        publications.c.version,
        publications.c.at,
        publications.c.author,
        publications.c.message,
    )
    .order_by(publications.c.seq.desc())
    .limit(bindparam("limit"))
)


class Published:
    """The versions of the content, by the hash of their files."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def save_version(
        self, version: str, files: Mapping[str, str], now: datetime, author: str = "", message: str = ""
    ) -> None:
        """Keep a version and make it the current one; one that is current already is not published twice.

        `files` is relative path -> text.
        """
        at = micros(now)
        kept = {"version": version, "files": written(files), "at": at}
        published = {"version": version, "at": at, "author": author, "message": message}
        while True:
            try:
                self._database.write([Write(_KEEP, kept), Write(_PUBLISH, published)])
            except Conflict:  # another process took the next number: what is current must be asked again
                continue
            return

    def load_version(self, version: str) -> dict[str, str] | None:
        """Return a version's files, relative path -> text; None for one never published."""
        row = self._database.row(_FILES, version=version)
        return None if row is None else read_files(row[0])

    def current_version(self) -> str | None:
        """Return the version new calls get; None before anything was published."""
        newest = self.history(limit=1)
        return newest[0].version if newest else None

    def history(self, limit: int = 50) -> list[Publication]:
        """Return what was published, the newest first."""
        rows = self._database.rows(_HISTORY, limit=limit)
        return [Publication(seq, version, instant(at), author, message) for seq, version, at, author, message in rows]
