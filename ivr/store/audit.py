"""The audit as a chain: lines are appended, all of it is verified, its beginning is let go of. Nothing else changes it.

A line is written last in the transaction of what it tells of. To see behind which line it comes, the mark of the newest
is written first, and whoever else appends waits for that row: for one round trip and the commit, and with all else of
their own done. So nobody who holds it waits for anybody, and the order of the chain is the order of the commits.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import takewhile
from typing import Any, Literal

from sqlalchemy import bindparam, delete, func, select, update

from ivr.store.chain import ANCHOR, BEGINNING, HEAD, Chain, Link
from ivr.store.database import Database, Write
from ivr.store.drivers import Row
from ivr.store.notation import instant, micros
from ivr.store.refusals import Misuse
from ivr.store.tables import audit, fresh, marks

PAGE = 1000
Kind = Literal["changed", "removed", "inserted"]

_HOLD_MARK = (
    fresh(marks)
    .on_conflict_do_update(index_elements=["name"], set_={"value": marks.c.value})
    .returning(marks.c.value, select(func.max(audit.c.seq)).scalar_subquery())
)
_APPEND = fresh(audit)
_MOVE_MARK = (
    update(marks)
    .where(marks.c.name == bindparam("mark"), marks.c.value == bindparam("was"))
    .values(value=bindparam("now"))
)
_MARK = select(marks.c.value).where(marks.c.name == bindparam("mark"))
_FIRST = select(*audit.c).order_by(audit.c.seq).limit(bindparam("limit"))
_NEXT = _FIRST.where(audit.c.seq > bindparam("after"))
_YOUNG = select(func.min(audit.c.seq)).where(audit.c.at >= bindparam("before"))
_NEWEST = select(func.max(audit.c.seq))
_OLD = _FIRST.where(audit.c.seq < bindparam("young"))
_HOW_MANY_OLD = select(func.count()).where(audit.c.seq < bindparam("young"))
_REMOVE = delete(audit).where(audit.c.seq <= bindparam("last"))
_NAMES = tuple(column.name for column in audit.c)


def appended(line: Mapping[str, Any]) -> Write:
    """Return what puts a line at the end of the chain, in the transaction of what it tells of."""

    def follow(row: Row, chain: Chain) -> list[Write]:
        value, newest = row
        after = _end(str(value), newest, chain)
        bound = chain.bound(after, line)
        moved = {"mark": HEAD, "was": value, "now": chain.mark(HEAD, Link(bound["seq"], bound["hash"]))}
        return [Write(_APPEND, bound), Write(_MOVE_MARK, moved)]

    return Write(_HOLD_MARK, {"name": HEAD, "value": ""}, then=follow)


def _end(value: str, newest: int | None, chain: Chain) -> Link:
    """Where the chain goes on. Behind an end that is not ours too, so that work goes on, but never as if it were."""
    if not value and newest is None:
        return BEGINNING
    return chain.marked(HEAD, value) or Link(newest or 0, chain.broken(value))


@dataclass(frozen=True, slots=True)
class Broken:
    """The first place where the chain does not hold.

    `changed` is a line that is not what was written, `removed` are lines missing before this one (or at the end, and
    then `id` is None), `inserted` one that was never part of it. Of a mark, `id` is None and `seq` the last line that
    holds.
    """

    kind: Kind
    what: Literal["line", "end", "beginning"]
    seq: int
    id: str | None = None
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """How much of the chain holds: how many lines, from when to when, the last of them, and what breaks it."""

    lines: int
    begins_at: datetime | None
    ends_at: datetime | None
    end: Link
    let_go: int  # lines that were kept long enough, before the first
    broken: Broken | None


class Audit:
    """The chain of the audit."""

    def __init__(self, database: Database, page: int = PAGE) -> None:
        self._database = database
        self._lines = page  # to look at in one go

    def verify(self) -> Verdict:
        """Walk along the whole chain; while others append to it, too."""
        while True:
            anchor = self._mark(ANCHOR)
            verdict = self._walked(anchor)
            if verdict.broken is None or self._mark(ANCHOR) == anchor:  # its beginning was let go of meanwhile
                return verdict

    def _walked(self, anchor: str | None) -> Verdict:
        start = self._start(anchor)
        walk = _Walk(self._database.chain, start or BEGINNING)
        broken = Broken("changed", "beginning", 0) if start is None else self._along(walk)
        while broken is None:
            end = self._mark(HEAD)
            if not self._page(walk.last, 1):  # nobody has appended since
                return walk.verdict(self._at_end(walk.link, end))
            broken = self._along(walk)
        return walk.verdict(broken)

    def _start(self, anchor: str | None) -> Link | None:
        """Return what the first line comes behind; None when that mark is not ours."""
        return BEGINNING if anchor is None else self._database.chain.marked(ANCHOR, anchor)

    def _along(self, walk: _Walk) -> Broken | None:
        """Walk over all lines there are; None when all of them hold."""
        while page := self._page(walk.last, self._lines):
            for line in page:
                broken = walk.step(line)
                if broken is not None:
                    return self._told_apart(broken)
        return None

    def _at_end(self, last: Link, end: str | None) -> Broken | None:
        """Return what is wrong with the end; None when it is where it should be."""
        if end is None:
            return None if last == BEGINNING else Broken("removed", "end", last.seq)
        head = self._database.chain.marked(HEAD, end)
        if head == last:
            return None
        is_cut = head is not None and head.seq > last.seq
        return Broken("removed", "line", last.seq + 1) if is_cut else Broken("changed", "end", last.seq)

    def _told_apart(self, broken: Broken) -> Broken:
        """A line that is none of ours behind the end was put there; before it, it was another."""
        head = self._database.chain.marked(HEAD, self._mark(HEAD) or "")
        is_behind = broken.kind == "changed" and head is not None and broken.seq > head.seq
        return Broken("inserted", broken.what, broken.seq, broken.id, broken.at) if is_behind else broken

    def _page(self, after: int | None, limit: int) -> list[dict[str, Any]]:
        asked = {"limit": limit} if after is None else {"limit": limit, "after": after}
        try:
            rows = self._database.rows(_FIRST if after is None else _NEXT, **asked)
        except Misuse:  # there is a line SQLite itself cannot read: those before it are still looked at
            if limit > 1:
                return self._page(after, max(1, limit // 10))
            return [{}]
        return [dict(zip(_NAMES, row, strict=True)) for row in rows]

    def _mark(self, name: str) -> str | None:
        try:
            row = self._database.row(_MARK, mark=name)
        except Misuse:  # SQLite itself cannot read it: it is there, and not ours
            return ""
        return None if row is None else str(row[0])

    def let_go(self, before: datetime, limit: int = 100) -> list[str]:
        """Remove the oldest lines, as many as are older than that and no more than `limit`; returns their ids.

        The last one removed is what the chain begins behind from then on; both databases refuse any other removal.
        Nothing goes that does not hold, nor anything behind it: what is wrong stays to be seen.
        """
        start = self._start(self._mark(ANCHOR))
        rows = self._database.rows(_OLD, young=self._young(before), limit=limit) if start else []
        walk = _Walk(self._database.chain, start or BEGINNING)
        old = [dict(zip(_NAMES, row, strict=True)) for row in rows]
        sound = list(takewhile(lambda line: walk.step(line) is None, old))
        if sound:
            self._database.write([self._letting_go(walk.link)])
        return [line["id"] for line in sound]

    def old(self, before: datetime) -> int:
        """Return how many lines are older than that and could be let go of."""
        [(count,)] = self._database.rows(_HOW_MANY_OLD, young=self._young(before))
        return int(count)

    def _young(self, before: datetime) -> int:
        """The first line that has to stay; the newest of all does, so that the chain never ends before it begins."""
        [(young,)] = self._database.rows(_YOUNG, before=micros(before))
        [(newest,)] = self._database.rows(_NEWEST)
        return int(newest or 0) if young is None else int(young)

    def _letting_go(self, link: Link) -> Write:
        """Return what removes all up to there, unless somebody else has removed as much meanwhile."""

        def follow(row: Row, chain: Chain) -> list[Write]:
            was = str(row[0])
            gone = chain.marked(ANCHOR, was)
            if gone is not None and gone.seq >= link.seq:
                return []
            moved = {"mark": ANCHOR, "was": was, "now": chain.mark(ANCHOR, link)}
            return [Write(_MOVE_MARK, moved), Write(_REMOVE, {"last": link.seq})]

        return Write(_HOLD_MARK, {"name": ANCHOR, "value": ""}, then=follow)


class _Walk:
    """How far the chain has been walked along, and with which key."""

    def __init__(self, chain: Chain, start: Link) -> None:
        self._chain = chain
        self._key = chain.oldest  # a key that was given up makes no line any more
        self._start = start
        self.link = start
        self.last: int | None = None
        self._begins_at: datetime | None = None
        self._ends_at: datetime | None = None

    def step(self, line: Mapping[str, Any]) -> Broken | None:
        """Go on to the next line there is; return why it is not the one that comes next."""
        due = self.link.seq + 1
        if not line:
            return Broken("changed", "line", due)
        kind = self._wrong(line, due)
        if kind is not None:
            named = line["seq"] if isinstance(line["seq"], int) else due
            return Broken(kind, "line", due if kind == "removed" else named, str(line["id"]), _at(line))
        self.link, self.last = Link(line["seq"], line["hash"]), line["seq"]
        self._ends_at = _at(line)
        self._begins_at = self._begins_at or self._ends_at
        return None

    def _wrong(self, line: Mapping[str, Any], due: int) -> Kind | None:
        seq = line["seq"]
        if not isinstance(seq, int) or seq < due:
            return "inserted"
        key = self._chain.key_of(line, self._key)
        if key is None and seq == due:
            return "changed"
        if seq > due:
            return "removed" if key is not None else "changed"
        if line["prev"] != self.link.hash:
            return "inserted"
        self._key = self._key if key is None else key
        return None

    def verdict(self, broken: Broken | None) -> Verdict:
        lines = self.link.seq - self._start.seq
        return Verdict(lines, self._begins_at, self._ends_at, self.link, self._start.seq, broken)


def _at(line: Mapping[str, Any]) -> datetime | None:
    try:
        return instant(line["at"])
    except (OverflowError, TypeError):
        return None
