"""Doors for what is asked of the pharmacy about a prescription: a refill, a renewal, a transfer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from functools import partial
from sqlite3 import Connection
from typing import Any

from flask import request
from flask.typing import ResponseReturnValue

from ivr.orders.sandbox import bodies, entries, people, standing
from ivr.orders.sandbox.desk import Desk, Door, paged, part
from ivr.orders.sandbox.ledger import Answer, Body
from ivr.orders.sandbox.problems import Problem


@dataclass(frozen=True, slots=True)
class Wish:
    """A kind of request: its shape, what blocks it, what it makes so, and the code while one is open."""

    kind: str
    shape: type[bodies.PrescriptionRequest]
    blocks: Callable[[standing.Facts], str | None]
    makes: Callable[[date], dict[str, Any]]
    open: str


WISHES = (
    Wish(
        "refill",
        bodies.PrescriptionRequest,
        standing.blocks_refill,
        standing.refill_requested,
        "already_in_process",
    ),
    Wish(
        "renewal",
        bodies.PrescriptionRequest,
        standing.blocks_renewal,
        standing.renewal_requested,
        "renewal_requested",
    ),
    Wish(
        "transfer",
        bodies.TransferRequest,
        standing.blocks_transfer,
        standing.transfer_requested,
        "transfer_requested",
    ),
)


class Wishes:
    """What has been asked for, once per key and once at a time per prescription."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def doors(self) -> tuple[Door, ...]:
        """Return every door as (method, path, what answers)."""
        return tuple(door for wish in WISHES for door in self._doors(wish))

    def _doors(self, wish: Wish) -> tuple[Door, ...]:
        path = f"/v1/{wish.kind}-requests"
        return (
            ("POST", path, partial(self._place, wish)),
            ("GET", path, partial(self._placed, wish)),
            ("GET", f"{path}/<request_id>", partial(self._request, wish)),
            ("DELETE", f"{path}/<request_id>", partial(self._cancel, wish)),
        )

    def _place(self, wish: Wish) -> ResponseReturnValue:
        """Keep a request about a prescription unless something blocks it, or one like it is open."""
        wanted, plain = bodies.read(wish.shape, request.get_data())
        owned = people.prescription(wanted.prescription_id)

        def act(db: Connection) -> Answer:
            if owned is None:
                raise Problem(404, "prescription_not_found", "no prescription has this id")
            placed = self._desk.stamped(wish.kind, plain) | {"status": "accepted"}
            if code := wish.blocks(self._stands(db, owned)):
                raise Problem(409, code, f"no {wish.kind} of this prescription now")
            if not entries.place(db, wish.kind, placed):
                raise Problem(409, wish.open, f"a {wish.kind} of this prescription is under way")
            entries.change(db, placed["id"], owned[1].id, wish.makes(self._desk.today))
            return 202, placed

        return self._desk.once(plain, act)

    def _stands(self, db: Connection, owned: people.Owned) -> Body:
        owner, filed = owned
        return people.prescription_answer(owner, filed, self._desk.today, entries.changed(db, filed.id))

    def _placed(self, wish: Wish) -> ResponseReturnValue:
        call = request.args.get("call_id")
        return paged(self._desk.ledger.page("requests", *part(), kind=wish.kind, call_id=call))

    def _request(self, wish: Wish, request_id: str) -> ResponseReturnValue:
        found = self._desk.ledger.rows("requests", kind=wish.kind, id=request_id)
        if not found:
            raise Problem(404, "request_not_found", f"no {wish.kind} request has this id")
        return found[0]

    def _cancel(self, wish: Wish, request_id: str) -> ResponseReturnValue:
        """Take back what nobody has begun, and what it made so."""

        def act(db: Connection) -> Answer:
            found = entries.request(db, wish.kind, request_id)
            if found is None:
                raise Problem(404, "request_not_found", f"no {wish.kind} request has this id")
            if found["status"] != "accepted":
                raise Problem(409, "not_cancellable", "it is done already, or too far to be taken back")
            entries.unchange(db, request_id)
            return 200, entries.close_request(db, found, "cancelled")

        return self._desk.once(None, act)
