"""The chain of the audit: whatever somebody with the whole database in their hands does to it is found."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine, create_engine, text
from sqlalchemy.exc import DataError, IntegrityError

from ivr.store import Conflict, Entry, Misuse, Record, migrate, migrations
from ivr.store.audit import Audit, Broken, Verdict
from ivr.store.chain import ANCHOR, BEGINNING, BOUND, HEAD, Chain, Link
from ivr.store.database import Database, Write
from ivr.store.seal import Keys
from ivr.store.tables import audit
from tests import servers
from tests.store.calls import MORNING, SECRET_KEY, after

MOVED = Entry("ana", "api", "presence", "agent:ana", "on_break")
LINES = 6
COLUMNS = (*BOUND, "hash")


class Tampered:
    """A record of some lines, and a connection of somebody who may do anything to its database."""

    def __init__(self, url: str) -> None:
        migrate(url)
        self.engine: Engine = create_engine(url)
        self.is_sqlite = self.engine.dialect.name == "sqlite"
        self.record = Record(url, SECRET_KEY)
        for n in range(LINES):
            self.record.staff.keep(replace(MOVED, detail=f"señora {n}", key=f"k{n}" if n % 2 else None), after(n))
        with self.engine.begin() as connection:
            for trigger in ("audit_unchanged", "audit_kept") if self.is_sqlite else ("audit_kept",):
                connection.execute(text(f"DROP TRIGGER {trigger}" + ("" if self.is_sqlite else " ON audit")))
            self._lines = connection.execute(audit.select()).mappings().all()
            self._marks = connection.execute(text("SELECT name, value FROM marks")).mappings().all()

    def as_written(self) -> None:
        with self.engine.begin() as connection:
            connection.execute(text("DELETE FROM audit"))
            connection.execute(text("DELETE FROM marks"))
            connection.execute(audit.insert(), [dict(line) for line in self._lines])
            connection.execute(text("INSERT INTO marks VALUES (:name, :value)"), [dict(each) for each in self._marks])

    def says(self, statement: str, **values: Any) -> None:
        with self.engine.begin() as connection:
            connection.execute(text(statement), values)

    def value(self, seq: int, column: str) -> Any:
        with self.engine.connect() as connection:
            return connection.execute(text(f"SELECT {column} FROM audit WHERE seq = {seq}")).scalar()

    def verdict(self) -> Verdict:
        return self.record.audit.verify()

    def broken(self) -> Broken:
        broken = self.verdict().broken
        assert broken is not None
        return broken


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def lasting(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tampered]:
    with ExitStack() as stack:
        if request.param == "sqlite":
            url = f"sqlite:///{tmp_path_factory.mktemp('audit') / 'rxline.db'}"
        else:
            url = stack.enter_context(servers.new_database(request.getfixturevalue("postgres_server").url))
        tampered = Tampered(url)
        stack.callback(tampered.engine.dispose)
        stack.callback(tampered.record.close)
        yield tampered


@pytest.fixture
def tampered(lasting: Tampered) -> Iterator[Tampered]:
    lasting.as_written()
    return lasting


# ---------------------------------------------------------------- what is found


def test_what_nobody_has_touched_holds(tampered: Tampered) -> None:
    verdict = tampered.verdict()
    assert (verdict.lines, verdict.begins_at, verdict.ends_at, verdict.end.seq) == (LINES, MORNING, after(5), LINES)
    assert verdict.broken is None


@given(
    seq=st.integers(1, LINES),
    column=st.sampled_from(COLUMNS),
    place=st.integers(0, 63),
    flip=st.integers(1, 255),
)
@settings(max_examples=60)
def test_one_changed_byte_of_any_column_is_found(
    lasting: Tampered, seq: int, column: str, place: int, flip: int
) -> None:
    lasting.as_written()
    _change(lasting, seq, column, place, flip)

    broken = lasting.broken()
    assert broken.seq == seq or column == "seq"


def _change(tampered: Tampered, seq: int, column: str, place: int, flip: int) -> None:
    was = tampered.value(seq, column)
    how, new = ":new", _flipped(was, place, flip)
    if isinstance(new, bytes) and tampered.is_sqlite:
        how = "CAST(:new AS TEXT)"
    elif isinstance(new, bytes):
        try:
            new = new.decode()
        except UnicodeDecodeError:  # PostgreSQL keeps no such thing
            assume(False)
    try:
        tampered.says(f"UPDATE audit SET {column} = {how} WHERE seq = {seq}", new=new)
    except (IntegrityError, DataError, ValueError):  # another line has it; no NUL in PostgreSQL
        assume(False)


def _flipped(was: Any, place: int, flip: int) -> Any:
    if isinstance(was, int):
        return was ^ (flip << (8 * (place % 7)))
    if not was:
        return bytes([flip])
    whole = bytearray(was.encode())
    whole[place % len(whole)] ^= flip
    return bytes(whole)


@given(name=st.sampled_from([HEAD]), place=st.integers(0, 200), letter=st.sampled_from("0123456789abcdef \t"))
@settings(max_examples=20)
def test_a_mark_that_was_changed_is_found(lasting: Tampered, name: str, place: int, letter: str) -> None:
    lasting.as_written()
    was = lasting.record.watch.mark(name) or ""
    place %= len(was)
    assume(was[place] != letter)
    lasting.record.watch.set_mark(name, was[:place] + letter + was[place + 1 :])
    assert lasting.broken() == Broken("changed", "end", LINES)


@pytest.mark.parametrize(
    ("statements", "kind", "seq"),
    [
        (("DELETE FROM audit WHERE seq = 3",), "removed", 3),
        (("DELETE FROM audit WHERE seq = 1",), "removed", 1),
        (("DELETE FROM audit WHERE seq > 4",), "removed", 5),
        (("DELETE FROM audit",), "removed", 1),
        (("DELETE FROM audit WHERE seq = 3", "UPDATE audit SET seq = seq - 1 WHERE seq > 3"), "changed", 3),
        (
            tuple(f"UPDATE audit SET seq = {new} WHERE seq = {old}" for old, new in ((2, 99), (3, 2), (99, 3))),
            "changed",
            2,
        ),
        (("INSERT INTO audit SELECT 'z', at, by, door, act, subject, detail, outcome, why, NULL, 7, hash, prev"
          " FROM audit WHERE seq = 6",), "inserted", 7),
        (("INSERT INTO audit SELECT 'z', at, by, door, act, subject, detail, outcome, why, NULL, -5, prev, hash"
          " FROM audit WHERE seq = 6",), "inserted", -5),
    ],
)  # fmt: skip
def test_lines_removed_moved_and_put_there_are_found(
    tampered: Tampered, statements: tuple[str, ...], kind: str, seq: int
) -> None:
    for statement in statements:
        tampered.says(statement)
    broken = tampered.broken()
    assert (broken.kind, broken.what, broken.seq) == (kind, "line", seq)
    assert (broken.id is None) == (statements[0] in ("DELETE FROM audit", "DELETE FROM audit WHERE seq > 4"))


def test_lines_cut_off_together_with_the_mark_of_the_end_are_found(tampered: Tampered) -> None:
    hash_ = tampered.value(4, "hash")
    tampered.says("DELETE FROM audit WHERE seq > 4")
    tampered.says(f"DELETE FROM marks WHERE name = '{HEAD}'")
    assert tampered.broken() == Broken("removed", "end", 4)

    tampered.record.watch.set_mark(HEAD, Chain("the key of somebody else, made up").mark(HEAD, Link(4, hash_)))
    assert tampered.broken() == Broken("changed", "end", 4)


def test_a_mark_that_is_no_text_is_found(tmp_path: Path) -> None:
    """SQLite alone can hold one."""
    tampered = Tampered(f"sqlite:///{tmp_path / 'rxline.db'}")
    for name, broken in ((HEAD, Broken("changed", "end", LINES)), (ANCHOR, Broken("changed", "beginning", 0))):
        tampered.as_written()
        tampered.says(f"INSERT OR REPLACE INTO marks VALUES ('{name}', CAST(X'FF' AS TEXT))")
        assert tampered.broken() == broken
    tampered.record.close()
    tampered.engine.dispose()


@pytest.mark.parametrize("mark", ["", "x", "4", "4 abc def", f"{'9' * 5000} abc def"])
def test_behind_an_end_that_is_not_ours_work_goes_on_and_stays_found(tampered: Tampered, mark: str) -> None:
    tampered.says("DELETE FROM audit WHERE seq > 4")
    tampered.record.watch.set_mark(HEAD, mark)
    tampered.record.staff.keep(MOVED, after(60))

    broken = tampered.broken()
    assert (broken.kind, broken.what, broken.seq) == ("inserted", "line", 5)


def test_a_genuine_line_of_another_history_is_found(tampered: Tampered) -> None:
    """Somebody puts a backup back, lets work go on, and then brings in lines of the history it replaced."""
    other = dict(tampered._lines[3])
    tampered.says("DELETE FROM audit WHERE seq > 3")
    tampered.record.watch.set_mark(HEAD, Chain(SECRET_KEY).mark(HEAD, Link(3, tampered.value(3, "hash"))))
    tampered.record.staff.keep(MOVED, after(60))
    tampered.record.staff.keep(MOVED, after(61))
    tampered.says("DELETE FROM audit WHERE seq = 4")
    with tampered.engine.begin() as connection:
        connection.execute(audit.insert(), [other])

    assert (tampered.broken().kind, tampered.broken().seq) == ("inserted", 5)


def test_an_instant_out_of_all_time_is_told_as_none(tampered: Tampered) -> None:
    tampered.says(f"UPDATE audit SET at = {2**62} WHERE seq = 2")
    assert (tampered.broken().kind, tampered.broken().at) == ("changed", None)


# ---------------------------------------------------------------- what may be removed


def test_its_beginning_is_let_go_of_and_the_rest_still_holds(record: Record) -> None:
    for n in range(LINES):
        record.staff.keep(MOVED, after(n))
    ids = [kept.id for kept in reversed(record.staff.audit(99))]

    assert (record.audit.let_go(after(-1)), record.audit.old(after(2)), record.audit.old(after(99))) == ([], 2, 5)
    assert record.audit.let_go(after(2)) == ids[:2]
    assert record.audit.let_go(after(4), limit=1) == ids[2:3]
    verdict = record.audit.verify()
    assert (verdict.broken, verdict.lines, verdict.let_go, verdict.begins_at) == (None, 3, 3, after(3))

    assert record.audit.let_go(after(99)) == ids[3:5]  # the newest stays
    record.staff.keep(MOVED, after(100))
    assert (record.audit.verify().broken, record.audit.verify().lines) == (None, 2)


def test_a_beginning_let_go_of_by_somebody_without_the_key_is_found(tampered: Tampered) -> None:
    hash_ = tampered.value(2, "hash")
    tampered.says("DELETE FROM audit WHERE seq <= 2")
    tampered.record.watch.set_mark(ANCHOR, f"2 {hash_} {hash_}")
    assert tampered.broken() == Broken("changed", "beginning", 0)
    assert tampered.record.audit.let_go(after(99)) == []  # what is wrong stays to be seen
    assert tampered.broken() == Broken("changed", "beginning", 0)


def test_two_who_let_go_of_it_at_once_do_not_undo_each_other(record: Record) -> None:
    for n in range(LINES):
        record.staff.keep(MOVED, after(n))
    late = [record.audit._letting_go(Link(seq, "x")) for seq in (2, 4)]
    record.audit.let_go(after(4))
    for each in late:
        record._database.write([each])
    assert (record.audit.verify().broken, record.audit.verify().lines) == (None, 2)


def test_lines_that_do_not_hold_are_not_let_go_of_nor_what_comes_behind_them(tampered: Tampered) -> None:
    tampered.says("UPDATE audit SET why = 'x' WHERE seq = 3")
    assert len(tampered.record.audit.let_go(after(99))) == 2
    assert (tampered.record.audit.let_go(after(99)), tampered.broken().kind, tampered.broken().seq) == (
        [],
        "changed",
        3,
    )


class Meanwhile(Chain):
    """A chain during whose first look at a line something happens."""

    happens: Callable[[], object] | None = None

    def key_of(self, line: Mapping[str, Any], oldest: int) -> int | None:
        happens, self.happens = self.happens, None
        if happens is not None:
            happens()
        return super().key_of(line, oldest)


def test_a_chain_whose_beginning_goes_while_it_is_walked_along_holds(migrated_url: str, record: Record) -> None:
    for n in range(LINES):
        record.staff.keep(MOVED, after(n))
    chain = Meanwhile(SECRET_KEY)
    chain.happens = lambda: record.audit.let_go(after(4))
    with closing(Database(migrated_url, Keys(SECRET_KEY), chain)) as database:
        verdict = Audit(database, page=2).verify()
    assert (verdict.broken, verdict.let_go, verdict.lines) == (None, 4, 2)


def test_lines_that_come_while_it_is_walked_along_are_part_of_it(migrated_url: str, record: Record) -> None:
    record.staff.keep(MOVED, MORNING)
    chain = Meanwhile(SECRET_KEY)
    chain.happens = lambda: record.staff.keep(MOVED, after(1))
    with closing(Database(migrated_url, Keys(SECRET_KEY), chain)) as database:
        verdict = Audit(database).verify()
    assert (verdict.broken, verdict.lines) == (None, 2)


def test_neither_database_lets_a_line_be_changed_or_removed_from_between(record: Record) -> None:
    for n in range(3):
        record.staff.keep(MOVED, after(n))
    for statement in (audit.update().values(why="x"), audit.delete(), audit.delete().where(audit.c.seq == 2)):
        with pytest.raises(Misuse):
            record._database.write([Write(statement, {})])
    assert (record.audit.verify().broken, record.audit.verify().lines) == (None, 3)


# ---------------------------------------------------------------- how it comes about


def test_those_who_append_at_once_stand_one_behind_the_other(record: Record) -> None:
    with ThreadPoolExecutor(6) as together:
        list(together.map(lambda n: record.staff.keep(MOVED, after(n)), range(24)))
    assert (record.audit.verify().broken, record.audit.verify().lines) == (None, 24)


def test_what_was_refused_leaves_no_gap(record: Record) -> None:
    record.staff.keep(replace(MOVED, key="once"), MORNING)
    for _ in range(2):
        with pytest.raises(Conflict):
            record.staff.keep(replace(MOVED, key="once"), MORNING)
    record.staff.keep(MOVED, MORNING)
    assert (record.audit.verify().broken, record.audit.verify().lines) == (None, 2)


def test_nothing_is_a_chain_too(record: Record) -> None:
    verdict = record.audit.verify()
    assert (verdict.lines, verdict.begins_at, verdict.end, verdict.broken) == (0, None, BEGINNING, None)


def test_a_key_is_followed_by_another_and_does_not_come_back(migrated_url: str, record: Record) -> None:
    record.staff.keep(MOVED, MORNING)
    old, new = SECRET_KEY, "the key that follows it, and as long"
    with closing(Record(migrated_url, old, audit_key=f"{new}, {old}")) as later:
        later.staff.keep(MOVED, MORNING)
        assert (later.audit.verify().broken, later.audit.verify().lines) == (None, 2)
        record.staff.keep(MOVED, MORNING)  # somebody who has only the old key
        assert (later.audit.verify().broken or later).seq == 3  # type: ignore[union-attr]
    assert record.audit.verify().broken is not None  # who has not the new one cannot tell


def test_lines_from_before_there_was_a_chain_are_its_first(database_url: str) -> None:
    engine = create_engine(database_url)
    with engine.begin() as connection:
        _as_it_was(connection)
    engine.dispose()
    with pytest.raises(Misuse, match="SECRET_KEY"):
        migrate(database_url)

    migrate(database_url, SECRET_KEY)

    with closing(Record(database_url, SECRET_KEY)) as record:
        record.staff.keep(MOVED, MORNING)
        verdict = record.audit.verify()
        assert (verdict.broken, verdict.lines) == (None, 3)
        assert [kept.entry.detail for kept in record.staff.audit(9)] == ["on_break", "second", "first"]


def _as_it_was(connection: Connection) -> None:
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    command.upgrade(config, "0010")
    for id_, detail in (("02", "second"), ("01", "first")):
        row = "(:id, 1, 'cli', 'cli', 'publish', 'version:1', :detail, 'done', '', NULL)"
        connection.execute(text(f"INSERT INTO audit VALUES {row}"), {"id": id_, "detail": detail})


def test_what_others_wait_for_is_written_last(migrated_url: str) -> None:
    first = Write(audit.select(), {}, then=lambda row, chain: [])
    with (
        closing(Database(migrated_url, Keys(SECRET_KEY), Chain(SECRET_KEY))) as database,
        pytest.raises(AssertionError),
    ):
        database.write([first, first])
