"""Offers of proof: which were wrong, by whom and against whom, so that nobody guesses for long."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, bindparam, func, null, select, update

from ivr.store.database import Database
from ivr.store.notation import instant, micros
from ivr.store.seal import Seal
from ivr.store.tables import fresh, proofs


@dataclass(frozen=True, slots=True)
class Offered:
    """One offer of proof. `about` is the person it was aimed at, None for nobody; `number` the E.164 that rings."""

    call_id: str
    ask: str
    number: str | None
    about: str | None
    wrong: bool


@dataclass(frozen=True, slots=True)
class Wrong:
    """How many wrong offers there were lately: in a call, from a number, against a person."""

    call: int
    number: int
    person: int


@dataclass(frozen=True, slots=True)
class Suspect:
    """A person or a number with wrong offers. Of the number only its last two digits are known."""

    person: str | None
    number_ends: str | None
    wrong: int
    last_at: datetime


_COUNTS = (proofs.c.wrong, proofs.c.lifted_at.is_(None))
_LATELY = (*_COUNTS, proofs.c.at >= bindparam("since"))


def _how_many(of: ColumnElement[Any], whose: str) -> Any:
    return select(func.count()).where(of == bindparam(whose), *_LATELY).scalar_subquery()


_KEEP = fresh(proofs, lifted_at=null(), lifted_by=null()).on_conflict_do_nothing()
_STANDING = select(
    _how_many(proofs.c.call_id, "call"),
    _how_many(proofs.c.number_key, "number"),
    _how_many(proofs.c.person, "person"),
)


def _suspects(of: ColumnElement[Any], ends: ColumnElement[Any]) -> Select[Any]:
    return (
        select(of, func.max(ends), func.count(), func.max(proofs.c.at))
        .where(of.is_not(None), *_LATELY)
        .group_by(of)
        .having(func.count() >= bindparam("limit"))
        .order_by(func.max(proofs.c.at).desc())
    )


_PERSONS = _suspects(proofs.c.person, proofs.c.person)
_NUMBERS = _suspects(proofs.c.number_key, proofs.c.number_ends)


def _lift(of: ColumnElement[Any]) -> Any:
    lifted = update(proofs).where(of == bindparam("whose"), *_COUNTS)
    return lifted.values(lifted_at=bindparam("now"), lifted_by=bindparam("who")).returning(proofs.c.ask)


_LIFT_PERSON = _lift(proofs.c.person)
_LIFT_NUMBER = _lift(proofs.c.number_key)


class Proofs:
    """Every offer is kept, right or wrong, so that all of them cost the caller the same time."""

    def __init__(self, database: Database, seal: Seal) -> None:
        self._database = database
        self._seal = seal

    def keep(self, offered: Offered, now: datetime, since: datetime) -> Wrong:
        """Keep an offer, once for each ask of a call, and return the wrong ones since then, this one included.

        They are counted after this one is committed: of many at once, no more than a limit go by unseen.
        """
        key = self._seal.key_of(offered.number)
        row: Mapping[str, Any] = {"call_id": offered.call_id, "ask": offered.ask, "wrong": offered.wrong}
        ends = offered.number and offered.number[-2:]
        self._database.change(_KEEP, **row, number_key=key, number_ends=ends, person=offered.about, at=micros(now))
        [found] = self._database.rows(
            _STANDING, call=offered.call_id, number=key, person=offered.about, since=micros(since)
        )
        return Wrong(*found)

    def suspects(self, since: datetime, *, person: int, number: int) -> list[Suspect]:
        """Return the persons and numbers with at least so many wrong offers since then, the latest first."""
        window = {"since": micros(since)}
        persons = self._database.rows(_PERSONS, limit=person, **window)
        numbers = self._database.rows(_NUMBERS, limit=number, **window)
        return [
            *(Suspect(whose, None, wrong, instant(at)) for whose, _, wrong, at in persons),
            *(Suspect(None, ends, wrong, instant(at)) for _, ends, wrong, at in numbers),
        ]

    def lift(self, *, by: str, now: datetime, person: str | None = None, number: str | None = None) -> int:
        """Let the wrong offers against a person, or from a number (E.164), count no more; returns how many there were.

        They stay, with who lifted them and when.
        """
        statement, whose = (_LIFT_PERSON, person) if person else (_LIFT_NUMBER, self._seal.key_of(number))
        return len(self._database.change(statement, whose=whose, who=by, now=micros(now)))
