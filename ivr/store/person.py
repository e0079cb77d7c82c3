"""All that the record holds of one person: what stands under their id, or under a number, opened and written out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec
from sqlalchemy import BigInteger, Select, Table, bindparam, or_, select

from ivr.store.database import Database
from ivr.store.drivers import Row
from ivr.store.notation import instant
from ivr.store.purge import WITH_A_CALL
from ivr.store.seal import Seal
from ivr.store.tables import audit, callers, calls, order_events, proofs, tickets

_JSON = ("alike", "body", "data", "event", "flags", "items", "played_by", "reasons", "state")
_NOT_TOLD = ("code_kept", "code_until")  # of a call: a one-time code's hash
_decode = msgspec.json.decode


def _all(table: Table) -> Select[Any]:
    return select(*table.c)


_CALLS_OF_PERSON = select(calls.c.id).where(
    or_(
        calls.c.person == bindparam("whose"),
        calls.c.id.in_(select(tickets.c.call_id).where(tickets.c.person == bindparam("whose"))),
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
        """Return all of a person by the order system's id, as plain data."""
        held = self._held(self._database.rows(_CALLS_OF_PERSON, whose=person), f"person:{person}")
        found = [_plain(proofs, row) for row in self._database.rows(_PROOFS_OF_PERSON, whose=person)]
        events = [_plain(order_events, row) for row in self._database.rows(_EVENTS, whose=person)]
        return held | {"person": person, "proofs": found, "events": events}

    def held_of_number(self, number: str) -> dict[str, Any]:
        """Return all of a number (E.164), whoever rang from it, as plain data."""
        key = self._seal.key_of(number)
        held = self._held(self._database.rows(_CALLS_OF_NUMBER, whose=key), f"number:…{number[-2:]}")
        remembered = [_plain(callers, row) for row in self._database.rows(_CALLERS, whose=key)]
        found = [_plain(proofs, row) for row in self._database.rows(_PROOFS_OF_NUMBER, whose=key)]
        return held | {"number": number, "remembered": remembered, "proofs": found}

    def _held(self, found: Iterable[Row], subject: str) -> dict[str, Any]:
        told = [self._call(call_id) for (call_id,) in sorted(found)]
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
