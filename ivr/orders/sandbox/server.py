"""The sandbox's doors: what each path answers, who may come in, and the failures it plays on demand."""

from __future__ import annotations

import hmac
import json
import re
import secrets
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from sqlite3 import Connection
from typing import Any

from flask import Flask, Response, g, jsonify, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException

from ivr.orders.sandbox import bodies, ledger, people
from ivr.orders.sandbox.faults import Faults
from ivr.orders.sandbox.filed import FiledPerson, FiledPrescription
from ivr.orders.sandbox.ledger import Answer, Ledger
from ivr.orders.sandbox.problems import Problem, http_problem_answer, problem_answer
from ivr.settings import SANDBOX_TOKEN

_LARGEST_BODY_BYTES = 64 * 1024
_CALL_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_PLACE = re.compile(r"[0-9]{0,15}")
_KEY = re.compile(r"[!-~]{1,255}")

CAPABILITIES = (
    *("identify", "proof", "patients", "caregivers", "contacts", "prescriptions", "refills", "renewals"),
    *("prescribers", "calls", "notes", "dispositions", "tasks", "events"),
)

Door = tuple[str, str, Callable[..., ResponseReturnValue]]


def create_app(database_path: str | Path, now: Callable[[], datetime]) -> Flask:
    """Return the sandbox order system on its own database file; `now` returns an aware instant.

    `app.extensions["ledger"]` is its open database, for whoever must close it.
    """
    app = Flask(__name__, static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = _LARGEST_BODY_BYTES
    kept = app.extensions["ledger"] = Ledger(database_path)
    sandbox = Sandbox(kept, Faults(), now)
    for method, path, answer in sandbox.doors():
        app.add_url_rule(path, endpoint=answer.__name__, view_func=answer, methods=[method])
    app.before_request(sandbox.admit)
    app.after_request(sandbox.lose)
    app.register_error_handler(Problem, problem_answer)
    app.register_error_handler(HTTPException, http_problem_answer)
    return app


class Sandbox:
    """An order system for practice: the cast as it stands today, and what has been written since."""

    def __init__(self, kept: Ledger, faults: Faults, now: Callable[[], datetime]) -> None:
        self._ledger = kept
        self._faults = faults
        self._now = now

    def doors(self) -> tuple[Door, ...]:
        """Return every door as (method, path, what answers)."""
        return (
            ("GET", "/health", self.health),
            ("GET", "/v1/capabilities", self.capabilities),
            ("POST", "/v1/patients/search", self.search_people),
            ("POST", "/v1/patients/verify", self.verify),
            ("GET", "/v1/patients/<person_id>", self.patient),
            ("GET", "/v1/patients/<person_id>/authorized-contacts", self.authorized_contacts),
            ("GET", "/v1/patients/<person_id>/prescriptions", self.prescriptions),
            ("GET", "/v1/patients/<person_id>/contacts", self.contacts),
            ("POST", "/v1/prescribers/lookup", self.look_up_prescriber),
            ("POST", "/v1/refill-requests", self.request_refill),
            ("GET", "/v1/refill-requests", self.refill_requests),
            ("POST", "/v1/renewal-requests", self.request_renewal),
            ("GET", "/v1/renewal-requests", self.renewal_requests),
            ("PUT", "/v1/calls/<call_id>", self.record_call),
            ("GET", "/v1/calls/<call_id>", self.call),
            ("POST", "/v1/calls/<call_id>/notes", self.add_note),
            ("GET", "/v1/calls/<call_id>/notes", self.notes),
            ("POST", "/v1/dispositions", self.write_disposition),
            ("GET", "/v1/dispositions", self.dispositions),
            ("POST", "/v1/tasks", self.create_task),
            ("GET", "/v1/tasks", self.tasks),
            ("GET", "/v1/events", self.events),
            ("GET", "/_sandbox/people", self.cast),
            ("POST", "/_sandbox/fail", self.fail),
            ("POST", "/_sandbox/reset", self.reset),
        )

    def admit(self) -> None:
        """Play the failure of the moment, then ask for the token; the sandbox's own doors need neither."""
        if request.path.startswith("/_sandbox/"):
            return
        g.failure = self._faults.mode()
        if g.failure == "down":
            raise Problem(503, "down", "the sandbox plays an order system that is down")
        if g.failure == "slow":
            self._faults.dawdle()
        if request.path != "/health" and not _has_token():
            raise Problem(401, "token_missing", "needs the header `Authorization: Bearer` with the right token")

    def lose(self, answer: Response) -> Response:
        """Lose the answer to a request that was served, when that is the failure of the moment."""
        if g.get("failure") != "error":
            return answer
        return problem_answer(Problem(500, "error", "the sandbox plays an order system that fails"))

    def health(self) -> ResponseReturnValue:
        return {"status": "ok"}

    def capabilities(self) -> ResponseReturnValue:
        paths = [f"{method} {path}" for method, path, _ in self.doors() if path.startswith("/v1/")]
        return {
            "version": "1",
            "capabilities": list(CAPABILITIES),
            "paths": [each.replace("<", "{").replace(">", "}") for each in paths],
        }

    def search_people(self) -> ResponseReturnValue:
        search, _ = bodies.read(bodies.PersonSearch, request.get_data())
        return _list([people.person_answer(person) for person in people.filed_under(search.phone)])

    def verify(self) -> ResponseReturnValue:
        proof, _ = bodies.read(bodies.Proof, request.get_data())
        come = people.proven(proof)
        return people.proof_answer(proof, come, self._now().date(), self._requested())

    def patient(self, person_id: str) -> ResponseReturnValue:
        return people.person_answer(_patient(person_id))

    def authorized_contacts(self, person_id: str) -> ResponseReturnValue:
        patient = _patient(person_id)
        return _list([people.contact_answer(each, patient.id) for each in people.acting_for(patient.id)])

    def prescriptions(self, person_id: str) -> ResponseReturnValue:
        owner = _patient(person_id)
        today, requested = self._now().date(), self._requested()
        listed = owner.prescriptions
        return _list([people.prescription_answer(owner, each, today, requested.get(each.id)) for each in listed])

    def contacts(self, person_id: str) -> ResponseReturnValue:
        return _list(people.said_answer(_patient(person_id), self._now()))

    def look_up_prescriber(self) -> ResponseReturnValue:
        lookup, _ = bodies.read(bodies.PrescriberLookup, request.get_data())
        offices = people.prescribers(lookup.npi, lookup.phone)
        return _list([{"id": each.id, "npi": each.npi, "phones": [each.phone]} for each in offices])

    def request_refill(self) -> ResponseReturnValue:
        return self._place("refill", people.blocks_refill, "already_in_process")

    def refill_requests(self) -> ResponseReturnValue:
        return _list(self._ledger.rows("refill_requests"))

    def request_renewal(self) -> ResponseReturnValue:
        return self._place("renewal", people.blocks_renewal, "renewal_requested")

    def renewal_requests(self) -> ResponseReturnValue:
        return _list(self._ledger.rows("renewal_requests"))

    def record_call(self, call_id: str) -> ResponseReturnValue:
        _, plain = bodies.read(bodies.CallRecord, request.get_data())
        if not _CALL_ID.fullmatch(call_id):
            raise Problem(422, "call_id_invalid", "a call id is 1 to 64 letters, digits, `_` or `-`")
        kept = plain | {"id": call_id}
        first = self._ledger.keep_call(call_id, kept)
        return kept, 201 if first else 200

    def call(self, call_id: str) -> ResponseReturnValue:
        found = self._ledger.rows("calls", call_id)
        if not found:
            raise Problem(404, "call_not_found", "no call has this id")
        return found[0]

    def add_note(self, call_id: str) -> ResponseReturnValue:
        _, plain = bodies.read(bodies.Note, request.get_data())

        def act(db: Connection) -> Answer:
            note = self._stamped("note", plain) | {"call_id": call_id}
            ledger.add_note(db, note)
            return 201, note

        return self._once(plain, act)

    def notes(self, call_id: str) -> ResponseReturnValue:
        return _list(self._ledger.notes(call_id))

    def write_disposition(self) -> ResponseReturnValue:
        written, plain = bodies.read(bodies.Disposition, request.get_data())

        def act(db: Connection) -> Answer:
            kept = ledger.keep_disposition(db, written.call_id, written.revision, plain)
            return 200, {"call_id": written.call_id, "revision": kept}

        return self._once(plain, act)

    def dispositions(self) -> ResponseReturnValue:
        return _list(self._ledger.rows("dispositions", request.args.get("call_id")))

    def create_task(self) -> ResponseReturnValue:
        _, plain = bodies.read(bodies.Task, request.get_data())

        def act(db: Connection) -> Answer:
            task = self._stamped("task", plain)
            ledger.add_task(db, task)
            return 201, task

        return self._once(plain, act)

    def tasks(self) -> ResponseReturnValue:
        return _list(self._ledger.rows("tasks"))

    def events(self) -> ResponseReturnValue:
        after = request.args.get("after", "")
        if not _PLACE.fullmatch(after):
            raise Problem(410, "cursor_expired", "events after this are kept no longer; begin without `after`")
        found = self._ledger.events(int(after or 0), request.args.get("limit", 100, int))
        return {"items": [event for _, event in found], "next": str(found[-1][0]) if found else after or "0"}

    def cast(self) -> ResponseReturnValue:
        return jsonify(people=people.cast_answer(self._requested()))

    def fail(self) -> ResponseReturnValue:
        failure, plain = bodies.read(bodies.Failure, request.get_data())
        self._faults.begin(failure.mode, failure.seconds)
        return plain

    def reset(self) -> ResponseReturnValue:
        self._faults.end()
        self._ledger.empty()
        return {"status": "reset"}

    def _place(self, what: str, blocks: Callable[[FiledPrescription], str | None], open_: str) -> ResponseReturnValue:
        """Keep a request about a prescription unless something blocks it, or one like it is `open_`."""
        wanted, plain = bodies.read(bodies.PrescriptionRequest, request.get_data())
        filed = people.prescription(wanted.prescription_id)

        def act(db: Connection) -> Answer:
            if filed is None:
                raise Problem(404, "prescription_not_found", "no prescription has this id")
            if code := blocks(filed):
                raise Problem(409, code, f"no {what} of this prescription now")
            placed = self._stamped(what, plain) | {"status": "accepted"}
            if not ledger.place(db, what, placed):
                raise Problem(409, open_, f"a {what} of this prescription is under way")
            return 202, placed

        return self._once(plain, act)

    def _requested(self) -> dict[str, people.Requested]:
        return {token: people.Requested(*asked) for token, asked in self._ledger.requested().items()}

    def _stamped(self, kind: str, body: dict[str, Any]) -> dict[str, Any]:
        return body | {"id": f"{kind}_{secrets.token_hex(8)}", "created_at": self._now().isoformat()}

    def _once(self, plain: dict[str, Any], act: Callable[[Connection], Answer]) -> ResponseReturnValue:
        key = request.headers.get("Idempotency-Key", "")
        if not _KEY.fullmatch(key):
            raise Problem(400, "idempotency_key_missing", "a write needs an Idempotency-Key of 1 to 255 characters")
        asked = json.dumps([request.path, plain], sort_keys=True)
        status, answer = self._ledger.once(key, asked, act)
        return answer, status


def _has_token() -> bool:
    given = request.headers.get("Authorization", "")
    return hmac.compare_digest(given.encode(), f"Bearer {SANDBOX_TOKEN}".encode())


def _patient(person_id: str) -> FiledPerson:
    found = people.person(person_id)
    if found is None or found.kind != "patient":
        raise Problem(404, "patient_not_found", "no patient has this id")
    return found


def _list(items: list[dict[str, Any]]) -> ResponseReturnValue:
    return {"items": items}
