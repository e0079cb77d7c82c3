"""A backup taken while calls are written is whole, and is put back only where it fits."""

from __future__ import annotations

import gzip
import io
import json
import sqlite3
import tarfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from threading import Event

import pytest
from sqlalchemy import make_url

from ivr.store import Record, Unreachable, migrate
from ivr.store.backup import Manifest, NoBackup, _program, back_up, restore
from ivr.store.seal import Keys
from tests import servers
from tests.keeping.conftest import NEW_KEY, SPOKEN, a_whole_call, everything
from tests.keeping.test_sealing import left_by_0010
from tests.store.calls import MORNING, SECRET_KEY, a_call, begin, known, turn

OURS = Keys(SECRET_KEY).names


def backed_up(record: Record, url: str, file: Path) -> Manifest:
    return back_up(url, file, record.sealing.names, MORNING)


@pytest.fixture
def another_url(kept_url: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    """A database of the same kind, with nothing in it yet."""
    if kept_url.startswith("sqlite"):
        yield f"sqlite:///{tmp_path / 'another.db'}"
    else:
        with servers.new_database(request.getfixturevalue("postgres_server").url) as url:
            yield url


@contextmanager
def calls_being_written(record: Record) -> Iterator[None]:
    """Calls come and go on as long as the block lasts."""
    enough = Event()

    def write() -> None:
        number = 0
        while not enough.is_set():
            number += 1
            begin(record, a_call(f"CAbusy{number}"))
            record.commit(turn(known(record, f"CAbusy{number}")))

    with ThreadPoolExecutor(1) as pool:
        writing = pool.submit(write)
        try:
            yield
        finally:
            enough.set()
        writing.result()


def test_what_is_put_back_is_what_was_there_at_one_instant(
    record: Record, kept_url: str, another_url: str, tmp_path: Path
) -> None:
    a_whole_call(record)
    with calls_being_written(record):
        manifest = backed_up(record, kept_url, tmp_path / "backup")
    assert restore(another_url, tmp_path / "backup", OURS) == manifest
    before, after = everything(kept_url), everything(another_url)
    assert {name: len(rows) for name, rows in after.items()} == manifest.counts
    assert set(after["calls"]) <= set(before["calls"]) | set(after["calls"])
    assert len(after["journal"]) >= len(after["calls"])  # every call with the turn that began it
    assert (tmp_path / "backup").stat().st_mode & 0o077 == 0
    with closing(Record(another_url, SECRET_KEY)) as restored:
        assert restored.watch.ready()
        message = restored.messages.of("CA1")
        assert message is not None
        assert message.transcript == SPOKEN
        assert restored.journal("CA1") == record.journal("CA1")


def test_it_takes_the_place_of_another_record_only_when_told_to(
    record: Record, kept_url: str, another_url: str, tmp_path: Path
) -> None:
    begin(record, a_call("CA1"))
    backed_up(record, kept_url, tmp_path / "backup")
    migrate(another_url)
    with closing(Record(another_url, SECRET_KEY)) as other:
        begin(other, a_call("CA2"))
        with pytest.raises(NoBackup, match="not empty \\(1 calls\\); --replace"):
            restore(another_url, tmp_path / "backup", OURS)
        assert other.load_call("CA2") is not None
        restore(another_url, tmp_path / "backup", OURS, replace=True)
    with closing(Record(another_url, SECRET_KEY)) as restored:
        assert (restored.load_call("CA2"), known(restored, "CA1").rev) == (None, 1)


def test_while_a_worker_is_at_work_nothing_is_put_in_the_place_of_its_record(
    record: Record, kept_url: str, tmp_path: Path
) -> None:
    begin(record, a_call())
    backed_up(record, kept_url, tmp_path / "backup")
    begin(record, a_call("CA2"))
    record.watch.beat("dispatch")
    with pytest.raises(NoBackup, match="a worker serves this database"):
        restore(kept_url, tmp_path / "backup", OURS, replace=True)
    assert record.load_call("CA2") is not None


def test_a_backup_of_an_older_version_takes_the_place_of_a_newer_record_and_is_brought_up_to_date(
    database_url: str, tmp_path: Path
) -> None:
    left_by_0010(database_url)
    manifest = back_up(database_url, tmp_path / "backup", lambda: {"not asked"}, MORNING)
    assert (manifest.schema, manifest.keys) == ("0010", ())
    migrate(database_url, SECRET_KEY)
    restore(database_url, tmp_path / "backup", OURS, replace=True)
    migrate(database_url, SECRET_KEY)
    with closing(Record(database_url, SECRET_KEY)) as record:
        assert known(record, "CA1").call.fields == {"rx_number": "7654321"}


def test_without_its_key_it_is_not_put_back(record: Record, kept_url: str, another_url: str, tmp_path: Path) -> None:
    begin(record, a_call())
    backed_up(record, kept_url, tmp_path / "backup")
    with pytest.raises(NoBackup, match="sealed with a key we do not have"):
        restore(another_url, tmp_path / "backup", Keys("another", NEW_KEY).names)
    assert restore(another_url, tmp_path / "backup", Keys(SECRET_KEY, NEW_KEY).names).counts["calls"] == 1


@pytest.fixture(scope="module")
def a_backup(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("a_backup")
    url = f"sqlite:///{folder / 'rxline.db'}"
    migrate(url)
    with closing(Record(url, SECRET_KEY)) as record:
        backed_up(record, url, folder / "backup")
    return folder / "backup"


def forged(backup: Path, to: Path, **changes: object) -> Path:
    """The same backup with another manifest."""
    with tarfile.open(backup) as tar, tarfile.open(to, "w") as out:
        for member in tar.getmembers():
            content = tar.extractfile(member)
            assert content is not None
            told = content.read()
            if member.name == "manifest.json":
                told = json.dumps(json.loads(told) | changes).encode()
                member.size = len(told)
            out.addfile(member, io.BytesIO(told))
    return to


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"sha256": "0" * 64}, "the backup is damaged"),
        ({"database": "postgresql"}, "a backup of postgresql, and DATABASE_URL names sqlite"),
        ({"schema": "9999"}, "a newer version of Rxline made it"),
        ({"counts": {"calls": 7}}, "not what the manifest tells of: calls"),
        ({"unheard_of": 1}, "is no backup of ours"),
        ({"schema": 15}, "is no backup of ours"),
        ({"counts": []}, "is no backup of ours"),
    ],
)
def test_a_backup_that_does_not_fit_is_refused(
    a_backup: Path, tmp_path: Path, changes: dict[str, object], why: str
) -> None:
    with pytest.raises(NoBackup, match=why):
        restore(f"sqlite:///{tmp_path / 'new.db'}", forged(a_backup, tmp_path / "forged", **changes), OURS)


def test_half_a_file_and_one_without_a_record_in_it_are_no_backup(a_backup: Path, tmp_path: Path) -> None:
    packed, hollow = tmp_path / "half.gz", tmp_path / "hollow"
    whole = gzip.compress(a_backup.read_bytes())
    packed.write_bytes(whole[: len(whole) // 2])
    with tarfile.open(a_backup) as tar, tarfile.open(hollow, "w") as out:
        out.addfile(tar.getmember("manifest.json"), tar.extractfile("manifest.json"))
        folder = tarfile.TarInfo("record")
        folder.type = tarfile.DIRTYPE
        out.addfile(folder)
    for odd in (packed, hollow):
        with pytest.raises(NoBackup, match="is no backup of ours"):
            restore(f"sqlite:///{tmp_path / 'new.db'}", odd, OURS)
    assert not (tmp_path / "new.db").exists()


def test_a_damaged_record_is_not_taken_for_an_empty_one(a_backup: Path, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'damaged.db'}"
    migrate(url)
    with closing(Record(url, SECRET_KEY)) as record:
        begin(record, a_call())
    with closing(sqlite3.connect(tmp_path / "damaged.db")) as connection:
        connection.execute("DROP TABLE publications")
    with pytest.raises(NoBackup, match="not empty \\(1 calls\\)"):
        restore(url, a_backup, OURS)
    (tmp_path / "damaged.db").write_bytes(b"no database at all" * 100)
    with pytest.raises(Unreachable):
        restore(url, a_backup, OURS)


def test_a_file_is_never_written_over(a_backup: Path) -> None:
    was = a_backup.read_bytes()
    with pytest.raises(NoBackup, match="there already"):
        back_up("sqlite:///nothing.db", a_backup, set, MORNING)
    assert a_backup.read_bytes() == was
    with pytest.raises(NoBackup, match="is no folder; make it first"):
        back_up("sqlite:///nothing.db", a_backup / "none" / "backup", set, MORNING)


def test_a_database_that_is_not_there_leaves_no_backup(tmp_path: Path) -> None:
    for url in (f"sqlite:///{tmp_path / 'nothing.db'}", "postgresql+psycopg://nobody@127.0.0.1:1/nothing"):
        with pytest.raises(Unreachable):
            back_up(url, tmp_path / "backup", set, MORNING)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_cannot_be_written_is_told(a_backup: Path, tmp_path: Path) -> None:
    (tmp_path / "folder.db").mkdir()
    with pytest.raises(Unreachable):
        restore(f"sqlite:///{tmp_path / 'folder.db'}", a_backup, OURS)


def test_a_server_that_refuses_its_dump_is_quoted(postgres_url: str, tmp_path: Path) -> None:
    migrate(postgres_url)
    lost = make_url(postgres_url).set(query={"options": "-crole=nobody_we_know"})
    with pytest.raises((NoBackup, Unreachable), match="nobody_we_know"):
        back_up(lost.render_as_string(hide_password=False), tmp_path / "backup", set, MORNING)


@pytest.mark.parametrize(
    ("name", "server", "why"),
    [
        ("pg_sing", 18, "pg_sing of PostgreSQL 18 is needed, and none is on this machine"),
        ("pg_dump", 99, "pg_dump of PostgreSQL 99 is needed, and only that of version"),
    ],
)
def test_without_the_servers_own_programs_it_says_what_to_install(name: str, server: int, why: str) -> None:
    with pytest.raises(NoBackup, match=f"{why}.*install its client programs"):
        _program(name, server)
