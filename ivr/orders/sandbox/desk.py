"""What every door of the sandbox needs: today, how things stand, writing once, lists, and what has changed since."""

from __future__ import annotations

import hashlib
import json
import re
import secrets
from collections.abc import Callable, Mapping
from datetime import date, datetime
from sqlite3 import Connection
from typing import Any

from flask import Response, jsonify, request
from flask.typing import ResponseReturnValue

from ivr.orders.sandbox import people
from ivr.orders.sandbox.filed import FiledPerson
from ivr.orders.sandbox.ledger import Answer, Body, Ledger, Page
from ivr.orders.sandbox.problems import Problem

Door = tuple[str, str, Callable[..., ResponseReturnValue]]

_KEY = re.compile(r"[!-~]{1,255}")
_CALL_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_PLACE = re.compile(r"[0-9]{1,15}")
_LIMIT = re.compile(r"[1-9][0-9]{0,2}")
_LARGEST_LIMIT = 500


class Desk:
    """The ledger, and the hour it is; `now` returns an aware instant."""

    def __init__(self, kept: Ledger, now: Callable[[], datetime]) -> None:
        self.ledger = kept
        self.now = now

    @property
    def today(self) -> date:
        """Return the day in UTC, as the cast counts them."""
        return self.now().date()

    def facts(self, owned: people.Owned) -> Body:
        """Return how a prescription stands."""
        owner, filed = owned
        return people.prescription_answer(owner, filed, self.today, self.ledger.changes().get(filed.id))

    def every_fact(self) -> list[Body]:
        """Return how all prescriptions stand."""
        changes = self.ledger.changes()
        return [
            people.prescription_answer(owner, filed, self.today, changes.get(filed.id))
            for owner, filed in people.every_prescription()
        ]

    def consents(self, patient: FiledPerson) -> Body:
        """Return what somebody agreed to, as they said last."""
        filed = {None: None, True: "granted", False: "refused"}[patient.texts]
        unsaid: Body = {"person": patient.id, "texts": filed, "calls": None, "recording": None, "outreach": None}
        return unsaid | next(iter(self.ledger.rows("consents", person=patient.id)), {})

    def texts(self, person: FiledPerson) -> bool | None:
        """Return whether somebody agreed to text messages."""
        said: Mapping[Any, bool] = {"granted": True, "refused": False}
        return said.get(self.consents(person)["texts"])

    def stamped(self, kind: str, body: Body) -> Body:
        """Return a body with an id and the instant it was made."""
        return body | {"id": f"{kind}_{secrets.token_hex(8)}", "created_at": self.now().isoformat()}

    def once(self, plain: Any, act: Callable[[Connection], Answer]) -> Response:
        """Write under the request's key, or answer as the first time."""
        key = request.headers.get("Idempotency-Key", "")
        if not _KEY.fullmatch(key):
            raise Problem(400, "idempotency_key_missing", "a write needs an Idempotency-Key of 1 to 255 characters")
        status, answer = self.ledger.once(key, json.dumps([request.path, plain], sort_keys=True), act)
        return said(answer, status)


def patient(person_id: str) -> FiledPerson:
    """Return a patient; raises Problem 404 for who is none."""
    found = people.person(person_id)
    if found is None or found.kind != "patient":
        raise Problem(404, "patient_not_found", "no patient has this id")
    return found


def prescription(token: str) -> people.Owned:
    """Return a prescription and whose it is; raises Problem 404."""
    found = people.prescription(token)
    if found is None:
        raise Problem(404, "prescription_not_found", "no prescription has this id")
    return found


def sound_call_id(given: str) -> str:
    """Return an id a call may have; raises Problem 422."""
    if not _CALL_ID.fullmatch(given):
        raise Problem(422, "call_id_invalid", "a call id is 1 to 64 letters, digits, `_` or `-`")
    return given


# ---------------------------------------------------------------- answers


def listed(items: list[Body]) -> ResponseReturnValue:
    """Return a whole list."""
    return {"items": items}


def said(body: Body, status: int = 200) -> Response:
    """Return a body with the ETag it has."""
    answer = jsonify(body)
    answer.status_code = status
    answer.headers["ETag"] = etag(body)
    return answer


def etag(body: Body) -> str:
    """Return what is another whenever the body is."""
    return f'"{hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()[:16]}"'


def unchanged(body: Body) -> None:
    """Raise Problem 428 where nobody says what they saw, 412 where it is another by now."""
    seen = request.headers.get("If-Match")
    if seen is None:
        raise Problem(428, "if_match_missing", "a change needs `If-Match` with the ETag as last seen")
    if seen != etag(body):
        raise Problem(412, "changed_since", "somebody changed it since that ETag")


def paged(page: Page) -> ResponseReturnValue:
    """Return a page, with where to go on from while more follows."""
    return {"items": page.items} | ({"next": str(page.last)} if page.more else {})


def page_of(items: list[Body]) -> ResponseReturnValue:
    """Return the part of a list that is asked for."""
    after, limit = part()
    shown = items[after:] if limit is None else items[after : after + limit]
    return paged(Page(shown, after + len(shown), after + len(shown) < len(items)))


def part() -> tuple[int, int | None]:
    """Return the place to begin after and how many are asked for, None: all; raises Problem 422 and 410."""
    limit = _limit()
    return _place(), limit


def _place() -> int:
    given = request.args.get("after", "")
    if given and not _PLACE.fullmatch(given):
        raise Problem(410, "cursor_expired", "this place is kept no longer; begin without `after`")
    return int(given or 0)


def _limit() -> int | None:
    given = request.args.get("limit")
    if given is None:
        return None
    if not _LIMIT.fullmatch(given) or int(given) > _LARGEST_LIMIT:
        raise Problem(422, "query_invalid", f"limit: a whole number from 1 to {_LARGEST_LIMIT}")
    return int(given)
