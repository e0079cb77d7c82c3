"""Where agents are, moved by the table of the core in one statement, and every move written down with it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Text, Update, bindparam, case, literal, literal_column, select, update
from sqlalchemy.dialects.postgresql import insert

from ivr.core.effects import MoveAgent
from ivr.core.presence import EVENTS, NEXT, OWN, counts_as_missed, moves, shows_life
from ivr.store.database import Write
from ivr.store.refusals import Conflict
from ivr.store.tables import agents, presences, word

_PRESENCE, _NEXT = agents.c.presence, agents.c.next
_PLACE = _PRESENCE + word(":") + _NEXT
_WHY: ColumnElement[str] = bindparam("why")
_AT: ColumnElement[int] = bindparam("at")
_ONE_MORE = agents.c.missed + 1
Pair = tuple[str, str]
_Moves = Sequence[tuple[Pair, Pair]]


def agent_writes(move: MoveAgent, at: int) -> Iterator[Write]:
    """Yield what moves an agent by the table, RETURNING the presence, and keeps the move; a missing pair is a Conflict.

    With `only`, nothing happens unless that is still the reason of where they are.
    """
    if move.event not in EVENTS:
        raise Conflict(f"no presence event is called `{move.event}`")
    given = {"agent": move.agent, "why": move.reason, "at": at}
    if move.only:
        yield Write(_move_if_only(move.event), {**given, "only": move.only})
    else:
        yield Write(_move(move.event), given, Conflict)
    yield _kept(move.agent, move.event, at, move.by)


def shift_write(agent: str, event: str, at: int) -> Iterator[Write]:
    """Yield what moves an agent by the beginning or end of a shift at an instant, and keeps it.

    The same instant moves nobody twice, nor anybody who was moved by a person since then: that move stands until the
    next one.
    """
    yield Write(_move_by_shift(event), {"agent": agent, "why": "", "at": at, "shift": at})
    yield _kept(agent, event, at, "rota")
    yield Write(_SHIFT_SEEN, {"agent": agent, "shift": at})


def _kept(agent: str, event: str, at: int, by: str) -> Write:
    return Write(_KEEP, {"agent": agent, "event": event, "at": at, "by": by})


# ---------------------------------------------------------------- the table as statements


# Each is made when it is first needed: to make them all is a tenth of what a process takes to start.
@cache
def _move(event: str) -> Update:
    return _moved(event)


@cache
def _move_if_only(event: str) -> Update:
    return _moved(event, agents.c.reason == bindparam("only"))


@cache
def _move_by_shift(event: str) -> Update:
    shift: ColumnElement[int] = bindparam("shift")
    return _moved(event, agents.c.shift_at < shift, agents.c.own_at <= shift)


def _moved(event: str, *only_if: ColumnElement[bool]) -> Update:
    known: _Moves = [*moves(event)]
    changed = [pair for pair, after in known if after != pair or _renames(pair, event)]
    return (
        update(agents)
        .where(agents.c.id == bindparam("agent"), _PLACE.in_([_key(pair) for pair, _ in known]), *only_if)
        .values(
            presence=_by_place({pair: word(after[0]) for pair, after in known}),
            next=_by_place({pair: word(after[1]) for pair, after in known}),
            reason=_by_place({pair: _reason(pair, after, event) for pair, after in known}),
            next_reason=_by_place({pair: _next_reason(pair, after, event) for pair, after in known}),
            since=_by_place({pair: _since(pair, after) for pair, after in known}),
            missed=_by_place({pair: _missed(pair[0], event) for pair, _ in known}),
            moves=agents.c.moves + _by_place({pair: _number(pair in changed) for pair, _ in known}),
            own_at=_AT if event in (*OWN, "sent_out") else agents.c.own_at,
            fence=agents.c.fence + 1,
        )
        .returning(_PRESENCE)
    )


@cache
def _number(number: int) -> ColumnElement[int]:
    return literal_column(str(int(number)))


def _key(pair: Pair) -> ColumnElement[str]:
    return word(f"{pair[0]}:{pair[1]}")


@cache
def _is_at(pair: Pair) -> ColumnElement[bool]:
    return _key(pair) == _PLACE


def _by_place(values: dict[Pair, ColumnElement[Any]]) -> ColumnElement[Any]:
    """The value for where the agent is; one for all where they are the same object."""
    first, *others = values.values()
    if all(other is first for other in others):
        return first
    return case(*((_is_at(pair), value) for pair, value in values.items()))


def _renames(pair: Pair, event: str) -> bool:
    """Does this leave them where they are, for another reason?"""
    return event == "took_break" and pair[0] == "on_break"


def _reason(pair: Pair, after: Pair, event: str) -> Any:
    if after[0] == pair[0]:
        return _WHY if _renames(pair, event) else agents.c.reason
    return agents.c.next_reason if after[0] == pair[1] and not after[1] else _WHY


def _next_reason(pair: Pair, after: Pair, event: str) -> Any:
    if not after[1]:
        return word("")
    if event == "accepted" and (pair[0], event) in NEXT:
        return agents.c.reason  # back to the break they had
    return _WHY if (pair[0], event) in NEXT else agents.c.next_reason


def _since(pair: Pair, after: Pair) -> Any:
    return agents.c.since if after[0] == pair[0] else _AT


def _missed(presence: str, event: str) -> Any:
    if counts_as_missed(presence, event):
        return _ONE_MORE
    return _number(0) if shows_life(event) else agents.c.missed


_SHIFT_SEEN = (
    update(agents)
    .where(agents.c.id == bindparam("agent"), agents.c.shift_at < bindparam("shift"))
    .values(shift_at=bindparam("shift"))
)
# A move that changed nothing has the number of the last one, which is kept already.
_KEEP = (
    insert(presences)
    .from_select(
        ["agent_id", "nth", "at", "event", "presence", "reason", "next", "by"],
        select(
            agents.c.id,
            agents.c.moves,
            bindparam("at", type_=agents.c.since.type),
            bindparam("event", type_=Text()),
            agents.c.presence,
            agents.c.reason,
            agents.c.next,
            bindparam("by", type_=Text()),
        ).where(agents.c.id == bindparam("agent"), agents.c.moves > literal(0)),
    )
    .on_conflict_do_nothing()
)
