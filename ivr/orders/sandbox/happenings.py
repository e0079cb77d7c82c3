"""Doors for events: what happened, for replay; and, for who practises, something that happens now."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from sqlite3 import Connection

from flask import request
from flask.typing import ResponseReturnValue

from ivr.orders.sandbox import bodies, entries, people, standing
from ivr.orders.sandbox.desk import Desk, Door, part
from ivr.orders.sandbox.ledger import Body
from ivr.orders.sandbox.problems import Problem

_OWN = {"type", "prescription", "id", "time"}
_PAGE = 100


class Happenings:
    """What happens; `ring` is called when an event is there to be delivered, None: nobody wants them delivered."""

    def __init__(self, desk: Desk, ring: Callable[[], None] | None) -> None:
        self._desk = desk
        self._ring = ring

    def doors(self) -> tuple[Door, ...]:
        """Return every door as (method, path, what answers)."""
        return (("GET", "/v1/events", self.events), ("POST", "/_sandbox/event", self.happen))

    def events(self) -> ResponseReturnValue:
        after, limit = part()
        if after > self._desk.ledger.events_ever():
            raise Problem(410, "cursor_expired", "no event ever had this place; begin without `after`")
        page = self._desk.ledger.page("events", after, limit or _PAGE)
        return {"items": page.items, "next": str(page.last)}

    def happen(self) -> ResponseReturnValue:
        """Let something happen to a prescription; under an id that was there before, say that once more."""
        wanted, _ = bodies.read(bodies.Happening, request.get_data())
        owned = people.prescription(wanted.prescription) or people.numbered(wanted.prescription)
        if owned is None:
            raise Problem(404, "prescription_not_found", "no prescription has this id or number")
        told = wanted.model_dump(exclude_none=True, exclude=_OWN)
        facts = standing.HAPPENS[wanted.type](self._desk.today) | told
        with self._desk.ledger.writing() as db:
            event, told_before = _event(db, wanted, owned, facts, self._desk.now().isoformat())
            if told_before:
                entries.deliver(db, event, self._due())
            else:
                self._make_so(db, event, owned[1].id, facts)
        if self._ring is not None:
            self._ring()
        return event, 201

    def _make_so(self, db: Connection, event: Body, token: str, facts: Body) -> None:
        entries.change(db, event["id"], token, facts)
        for asked in entries.open_requests(db, token):
            entries.close_request(db, asked, "completed")
        entries.add_event(db, event, self._due())

    def _due(self) -> float | None:
        return None if self._ring is None else time.time()


def _event(db: Connection, wanted: bodies.Happening, owned: people.Owned, facts: Body, now: str) -> tuple[Body, bool]:
    """Return the event as everybody is told it, and whether there was one under this id before."""
    owner, filed = owned
    id_ = wanted.id or f"evt_{secrets.token_hex(12)}"
    before = entries.event(db, id_)
    made = {
        "specversion": "1.0",
        "id": id_,
        "source": "/v1/events",
        "type": wanted.type,
        "time": wanted.time or now,
        "subject": filed.id,
        "datacontenttype": "application/json",
        "data": {"person": owner.id, "prescription": filed.id, **facts},
    }
    return before or made, before is not None
