"""All that the record holds of one person: what stands under their id, or under a number, opened and written out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from operator import itemgetter
from typing import Any

import msgspec
from sqlalchemy import BigInteger, Select, Table, bindparam, or_, select

from ivr.store.database import Database
from ivr.store.drivers import Row
from ivr.store.effects import MOST_IN_A_TURN
from ivr.store.notation import instant
from ivr.store.purge import WITH_A_CALL
from ivr.store.seal import Seal
from ivr.store.tables import audit, callers, calls, order_events, proofs, tickets

_JSON = ("alike", "body", "data", "event", "flags", "items", "played_by", "reasons", "state")
_OF_ANYBODY = ("id", "line", "site", "arrived_at", "ended_at", "proofs")
_NOT_TOLD = ("code_kept", "code_until")  # of a call: a one-time code's hash
_decode = msgspec.json.decode


def _all(table: Table) -> Select[Any]:
    return select(*table.c)


_CALLS_OF_PERSON = select(calls.c.id).where(
    or_(
        calls.c.person == bindparam("whose"),
        calls.c.id.in_(select(tickets.c.call_id).where(tickets.c.person == bindparam("whose"))),
        calls.c.id.in_(select(proofs.c.call_id).where(proofs.c.person == bindparam("whose"))),
    )
)
_CALLS_OF_NUMBER = select(calls.c.id).where(calls.c.caller_key == bindparam("whose"))
_CALL = _all(calls).where(calls.c.id == bindparam("call"))
_BELONGING = {table.name: _all(table).where(table.c.call_id == bindparam("call")) for table in WITH_A_CALL}
_PROOFS_OF_PERSON = _all(proofs).where(proofs.c.person == bindparam("whose"))
_PROOFS_OF_NUMBER = _all(proofs).where(proofs.c.number_key == bindparam("whose"))
_EVENTS = _all(order_events).where(order_events.c.person == bindparam("whose")).order_by(order_events.c.at)
_CALLERS = _all(callers).where(callers.c.number_key == bindparam("whose"))
_AUDIT = _all(audit).where(audit.c.subject == bindparam("subject")).order_by(audit.c.id)


class Persons:
    """What the record holds of people."""

    def __init__(self, database: Database, seal: Seal) -> None:
        self._database = database
        self._seal = seal

    def held_of(self, person: str) -> dict[str, Any]:
        """Return all of a person by the order system's id, as plain data; of calls about others too, their part."""
        whole = map(self._call, self._found(_CALLS_OF_PERSON, person))
        told = [part for call in whole if (part := _part_of(call, person))]
        held = self._held(told, f"person:{person}")
        found = [_plain(proofs, row) for row in self._database.rows(_PROOFS_OF_PERSON, whose=person)]
        events = [_plain(order_events, row) for row in self._database.rows(_EVENTS, whose=person)]
        return held | {"person": person, "proofs": found, "events": events}

    def held_of_number(self, number: str) -> dict[str, Any]:
        """Return all of a number (E.164), whoever rang from it, as plain data."""
        key = self._seal.key_of(number)
        told = [self._call(call) for call in self._found(_CALLS_OF_NUMBER, key)]
        held = self._held(told, f"number:…{number[-2:]}")
        remembered = [_plain(callers, row) for row in self._database.rows(_CALLERS, whose=key)]
        found = [_plain(proofs, row) for row in self._database.rows(_PROOFS_OF_NUMBER, whose=key)]
        return held | {"number": number, "remembered": remembered, "proofs": found}

    def _found(self, statement: Select[Any], whose: str | None) -> list[str]:
        return sorted(call for (call,) in self._database.rows(statement, whose=whose))

    def _held(self, told: list[dict[str, Any]], subject: str) -> dict[str, Any]:
        about = [subject, *(each for call in told for each in _subjects(call))]
        lines = [_plain(audit, row) for each in about for row in self._database.rows(_AUDIT, subject=each)]
        return {"calls": told, "audit": lines}

    def _call(self, call_id: str) -> dict[str, Any]:
        [row] = self._database.rows(_CALL, call=call_id)
        call = _plain(calls, row)
        call["state"] = {name: value for name, value in call["state"].items() if name not in _NOT_TOLD}
        return call | {name: list(self._belonging(name, call_id)) for name in sorted(_BELONGING)}

    def _belonging(self, name: str, call_id: str) -> Iterator[dict[str, Any]]:
        table = next(table for table in WITH_A_CALL if table.name == name)
        for row in self._database.rows(_BELONGING[name], call=call_id):
            plain = _plain(table, row)
            if plain.get("kind") == "SendText":  # its values, sealed once more: a one-time code may be among them
                plain["body"].pop("values", None)
            yield plain


def _part_of(call: dict[str, Any], person: str) -> dict[str, Any] | None:
    """Return what of a call is about a person: somebody may ring for two. None where nothing is.

    The call is theirs whom it was about at its end; of turns, tickets and proofs about somebody else nothing is told.
    """
    about = _about(call)
    call = call | {"proofs": [each for each in call["proofs"] if each["person"] in (None, person)]}
    if call["person"] in (None, person):
        others = set(about.values()) - {None, person}
        return call | _about_those(call, about, lambda whose: whose not in others)
    passing = _about_those(call, about, lambda whose: whose == person)
    is_told = passing["journal"] or passing["tickets"]
    return {name: call[name] for name in _OF_ANYBODY} | passing if is_told else None


def _about_those(
    call: Mapping[str, Any], about: Mapping[Any, Any], are_meant: Callable[[str | None], bool]
) -> dict[str, Any]:
    turns = {seq for seq, whose in about.items() if are_meant(whose)}
    return {
        "journal": [line for line in call["journal"] if line["seq"] in turns],
        "effects": [each for each in call["effects"] if each["seq"] // MOST_IN_A_TURN in turns],
        "answers": [each for each in call["answers"] if are_meant(each["body"].get("person"))],
        "tickets": [each for each in call["tickets"] if are_meant(each["person"])],
    }


def _about(call: Mapping[str, Any]) -> dict[Any, Any]:
    """Whom each turn was about; of a journal that does not say it, whom the call was about at its end."""
    says = any("person" in line["event"] for line in call["journal"])
    whose, about = None if says else call["person"], {}
    for line in sorted(call["journal"], key=itemgetter("seq")):
        about[line["seq"]] = whose = line["event"].get("person", whose)
    return about


def _subjects(call: Mapping[str, Any]) -> list[str]:
    return [f"call:{call['id']}", *(f"ticket:{ticket['id']}" for ticket in call["tickets"])]


def _plain(table: Table, row: Row) -> dict[str, Any]:
    return {column.name: _value(column, value) for column, value in zip(table.columns, row, strict=True)}


def _value(column: Any, value: Any) -> Any:
    if value is None:
        return None
    if isinstance(column.type, BigInteger) and column.name != "seq":
        return instant(value).isoformat()
    if column.name in _JSON and str(value)[:1] in "{[":
        return _decode(value)
    return value
