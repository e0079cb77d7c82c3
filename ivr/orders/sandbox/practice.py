"""The sandbox's own doors: who is there, what is to fail, and as new again."""

from __future__ import annotations

from flask import jsonify, request
from flask.typing import ResponseReturnValue

from ivr.orders.sandbox import bodies, people
from ivr.orders.sandbox.desk import Desk, Door
from ivr.orders.sandbox.faults import Faults


class Practice:
    """What no real order system has."""

    def __init__(self, desk: Desk, faults: Faults) -> None:
        self._desk = desk
        self._faults = faults

    def doors(self) -> tuple[Door, ...]:
        """Return every door as (method, path, what answers)."""
        return (
            ("GET", "/_sandbox/people", self.cast),
            ("POST", "/_sandbox/fail", self.fail),
            ("POST", "/_sandbox/reset", self.reset),
        )

    def cast(self) -> ResponseReturnValue:
        return jsonify(people=people.cast_answer(self._desk.ledger.changes()))

    def fail(self) -> ResponseReturnValue:
        failure, plain = bodies.read(bodies.Failure, request.get_data())
        self._faults.begin(failure.mode, failure.seconds)
        return plain

    def reset(self) -> ResponseReturnValue:
        self._faults.end()
        self._desk.ledger.empty()
        return {"status": "reset"}
