"""Who does what, and whether they still do: leases, heartbeats, marks. Real time, never the practice clock's."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, Text, bindparam, case, column, or_, select, table, update

from ivr.store.database import Database, Write
from ivr.store.migrations import NEWEST
from ivr.store.refusals import Conflict, Misuse, Unreachable
from ivr.store.tables import fresh, heartbeats, leases, marks, upsert

SILENT_SECONDS = 15  # a worker that has not been heard of for so long is down

_wanted = fresh(leases, fence=1)
_LEASE = _wanted.on_conflict_do_update(
    index_elements=["name"],
    set_={
        "holder": _wanted.excluded.holder,
        "until_real": _wanted.excluded.until_real,
        "fence": case((leases.c.holder == _wanted.excluded.holder, leases.c.fence), else_=leases.c.fence + 1),
    },
    where=or_(leases.c.until_real < bindparam("real"), leases.c.holder == _wanted.excluded.holder),
).returning(leases.c.fence)
_RELEASE = (
    update(leases)
    .where(leases.c.name == bindparam("lease"), leases.c.holder == bindparam("whose"))
    .values(until_real=0.0)
)
_HOLDER = select(leases.c.holder).where(leases.c.name == bindparam("lease"))
# Written, not read: whoever takes the lease over meanwhile is waited for.
_STILL_HELD = (
    update(leases)
    .where(leases.c.name == bindparam("lease"), leases.c.fence == bindparam("held"))
    .values(fence=leases.c.fence)
)
_BEAT = upsert(heartbeats)
_BEATS = select(heartbeats.c.name, heartbeats.c.at_real)
_MARK = select(marks.c.value).where(marks.c.name == bindparam("name"))
_SET_MARK = upsert(marks)
_SCHEMA: Select[Any] = select(column("version_num", Text)).select_from(table("alembic_version"))


@dataclass(frozen=True, slots=True)
class Lease:
    """A lease as somebody held it: once another takes it over, its fence is a higher one."""

    name: str
    fence: int


def still_held(lease: Lease) -> Write:
    """Return what refuses a transaction when the lease is another's by now."""
    return Write(_STILL_HELD, {"lease": lease.name, "held": lease.fence}, Conflict)


class Watch:
    """Leases, heartbeats, marks, and whether the record is fit for calls."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def lease(self, name: str, holder: str, seconds: float) -> int | None:
        """Take or prolong a lease; None while another holds it.

        Returns the fence: it rises whenever the holder changes, so what an earlier holder still does can be told.
        """
        real = time.time()
        rows = self._database.change(_LEASE, name=name, holder=holder, real=real, until_real=real + seconds)
        return int(rows[0][0]) if rows else None

    def holder(self, name: str) -> str | None:
        """Return who took a lease last, whether or not it has run out; None when nobody ever did."""
        row = self._database.row(_HOLDER, lease=name)
        return None if row is None else str(row[0])

    def release(self, name: str, holder: str) -> None:
        """Give a lease back; another's is left alone."""
        self._database.change(_RELEASE, lease=name, whose=holder)

    def beat(self, name: str) -> None:
        """Say that the process of this name is alive."""
        self._database.change(_BEAT, name=name, at_real=time.time())

    def beats(self) -> dict[str, float]:
        """Return how long ago each process last said so, in seconds."""
        real = time.time()
        return {name: real - at for name, at in self._database.rows(_BEATS)}

    def mark(self, name: str) -> str | None:
        """Return where a sweep got to."""
        row = self._database.row(_MARK, name=name)
        return None if row is None else str(row[0])

    def set_mark(self, name: str, value: str) -> None:
        """Note where a sweep got to."""
        self._database.change(_SET_MARK, name=name, value=value)

    def ready(self) -> bool:
        """Return whether the database answers and has the newest schema."""
        return not self.trouble()

    def trouble(self) -> str:
        """Return why the record is not fit for calls, or "": nobody answers, or its schema is another than ours."""
        try:
            found = [str(version) for (version,) in self._database.rows(_SCHEMA)]
        except (Unreachable, Misuse):  # not there, or never migrated
            return "unreachable"
        return "" if found == [NEWEST] else f"of schema {' '.join(found)}, and this version has {NEWEST}"
