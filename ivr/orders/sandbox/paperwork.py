"""Doors for what the line writes down: the record of a call, notes to it, what came of it, work for staff."""

from __future__ import annotations

from sqlite3 import Connection

from flask import request
from flask.typing import ResponseReturnValue

from ivr.orders.sandbox import bodies, entries
from ivr.orders.sandbox.desk import Desk, Door, paged, part, said, sound_call_id, unchanged
from ivr.orders.sandbox.ledger import Answer, Body
from ivr.orders.sandbox.problems import Problem


class Paperwork:
    """What others have written."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def doors(self) -> tuple[Door, ...]:
        """Return every door as (method, path, what answers)."""
        return (
            ("PUT", "/v1/calls/<call_id>", self.record_call),
            ("GET", "/v1/calls/<call_id>", self.call),
            ("PATCH", "/v1/calls/<call_id>", self.amend_call),
            ("POST", "/v1/calls/<call_id>/notes", self.add_note),
            ("GET", "/v1/calls/<call_id>/notes", self.notes),
            ("POST", "/v1/dispositions", self.write_disposition),
            ("GET", "/v1/dispositions", self.dispositions),
            ("POST", "/v1/tasks", self.create_task),
            ("GET", "/v1/tasks", self.tasks),
            ("GET", "/v1/tasks/<task_id>", self.task),
            ("PATCH", "/v1/tasks/<task_id>", self.change_task),
        )

    def record_call(self, call_id: str) -> ResponseReturnValue:
        _, plain = bodies.read(bodies.CallRecord, request.get_data())
        kept = plain | {"id": sound_call_id(call_id)}
        with self._desk.ledger.writing() as db:
            before = entries.body(db, "calls", call_id)
            if before is not None and _is_older(kept, before):
                return said(before)
            entries.put_call(db, call_id, kept)
        return said(kept, 201 if before is None else 200)

    def call(self, call_id: str) -> ResponseReturnValue:
        return said(self._one("calls", call_id, "call"))

    def amend_call(self, call_id: str) -> ResponseReturnValue:
        _, plain = bodies.read(bodies.CallRecord, request.get_data())

        def act(db: Connection) -> Answer:
            before = _there(entries.body(db, "calls", call_id), "call")
            unchanged(before)
            taken = {name for name, value in plain.items() if value is None}
            after = {name: value for name, value in (before | plain).items() if name not in taken} | {"id": call_id}
            entries.put_call(db, call_id, after)
            return 200, after

        return self._desk.once(plain, act)

    def add_note(self, call_id: str) -> ResponseReturnValue:
        _, plain = bodies.read(bodies.Note, request.get_data())
        note = self._desk.stamped("note", plain) | {"call_id": sound_call_id(call_id)}

        def act(db: Connection) -> Answer:
            entries.add_note(db, note)
            return 201, note

        return self._desk.once(plain, act)

    def notes(self, call_id: str) -> ResponseReturnValue:
        return self._page("notes", sound_call_id(call_id))

    def write_disposition(self) -> ResponseReturnValue:
        written, plain = bodies.read(bodies.Disposition, request.get_data())

        def act(db: Connection) -> Answer:
            kept = entries.keep_disposition(db, written.call_id, written.revision, plain)
            return 200, {"call_id": written.call_id, "revision": kept}

        return self._desk.once(plain, act)

    def dispositions(self) -> ResponseReturnValue:
        return self._page("dispositions", request.args.get("call_id"))

    def create_task(self) -> ResponseReturnValue:
        _, plain = bodies.read(bodies.Task, request.get_data())
        task = self._desk.stamped("task", plain)

        def act(db: Connection) -> Answer:
            entries.put_task(db, task)
            return 201, task

        return self._desk.once(plain, act)

    def tasks(self) -> ResponseReturnValue:
        return self._page("tasks", request.args.get("call_id"))

    def task(self, task_id: str) -> ResponseReturnValue:
        return said(self._one("tasks", task_id, "task"))

    def change_task(self, task_id: str) -> ResponseReturnValue:
        _, plain = bodies.read(bodies.TaskChange, request.get_data())

        def act(db: Connection) -> Answer:
            before = _there(entries.body(db, "tasks", task_id), "task")
            unchanged(before)
            entries.put_task(db, before | plain)
            return 200, before | plain

        return self._desk.once(plain, act)

    def _page(self, table: str, call: str | None) -> ResponseReturnValue:
        return paged(self._desk.ledger.page(table, *part(), call_id=call))

    def _one(self, table: str, id_: str, what: str) -> Body:
        return _there(next(iter(self._desk.ledger.rows(table, id=id_)), None), what)


def _is_older(record: Body, kept: Body) -> bool:
    told, before = record.get("revision"), kept.get("revision")
    return told is not None and before is not None and told < before


def _there(found: Body | None, what: str) -> Body:
    if found is None:
        raise Problem(404, f"{what}_not_found", f"no {what} has this id")
    return found
