"""The sandbox's house: which doors there are, who may come in, and the failures it plays on demand."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from flask import Flask, Response, g, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException

from ivr.orders.sandbox.desk import Desk, Door
from ivr.orders.sandbox.faults import Faults
from ivr.orders.sandbox.happenings import Happenings
from ivr.orders.sandbox.ledger import Ledger
from ivr.orders.sandbox.paperwork import Paperwork
from ivr.orders.sandbox.practice import Practice
from ivr.orders.sandbox.problems import Problem, http_problem_answer, problem_answer
from ivr.orders.sandbox.reception import Reception
from ivr.orders.sandbox.sender import Sender
from ivr.orders.sandbox.supply import Supply
from ivr.orders.sandbox.wishes import Wishes
from ivr.settings import SANDBOX_TOKEN

_LARGEST_BODY_BYTES = 64 * 1024
CAPABILITIES = (
    *("identify", "proof", "patients", "caregivers", "contacts", "prescriptions", "eligibility", "refills"),
    *("renewals", "transfers", "prior_authorizations", "orders", "stock", "payments", "prescribers", "calls"),
    *("notes", "dispositions", "tasks", "consents", "outreach", "events"),
)


class Deliveries(NamedTuple):
    """Where events are sent, and the secrets that sign them."""

    url: str
    secrets: tuple[str, ...]


def create_app(database_path: str | Path, now: Callable[[], datetime], deliveries: Deliveries | None = None) -> Flask:
    """Return the sandbox order system on its own database file; `now` returns an aware instant.

    Whoever makes it must close it: `app.extensions["ledger"]` is its open database, and `app.extensions["sender"]`
    sends events, where there are `deliveries`; it has to be closed first.
    """
    app = Flask(__name__, static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = _LARGEST_BODY_BYTES
    app.url_map.merge_slashes = False  # an id with a slash is no reason to send anybody elsewhere
    kept = app.extensions["ledger"] = Ledger(database_path)
    sender = app.extensions["sender"] = Sender(kept, *deliveries) if deliveries else None
    desk, faults = Desk(kept, now), Faults()
    parts = (Reception(desk), Supply(desk), Wishes(desk), Paperwork(desk))
    doors = [door for part in parts for door in part.doors()]
    doors += Happenings(desk, sender.ring if sender else None).doors()
    entrance = Entrance(faults, doors)
    for method, path, answer in (*doors, *entrance.doors(), *Practice(desk, faults).doors()):
        app.add_url_rule(path, endpoint=f"{method} {path}", view_func=answer, methods=[method])
    app.before_request(entrance.admit)
    app.after_request(entrance.lose)
    app.register_error_handler(Problem, problem_answer)
    app.register_error_handler(HTTPException, http_problem_answer)
    return app


class Entrance:
    """Who comes in, and what they hear first."""

    def __init__(self, faults: Faults, doors: list[Door]) -> None:
        self._faults = faults
        served = [f"{method} {path}" for method, path, _ in (*doors, *self.doors()) if path.startswith("/v1/")]
        self._paths = [each.replace("<", "{").replace(">", "}") for each in served]

    def doors(self) -> tuple[Door, ...]:
        """Return every door as (method, path, what answers)."""
        return (("GET", "/health", self.health), ("GET", "/v1/capabilities", self.capabilities))

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
        """Say which call an answer belongs to, and lose it, served as it is, when that is the failure of the moment."""
        if g.get("failure") == "error":
            answer = problem_answer(Problem(500, "error", "the sandbox plays an order system that fails"))
        if call := request.headers.get("X-Correlation-Id"):
            answer.headers["X-Correlation-Id"] = call
        return answer

    def health(self) -> ResponseReturnValue:
        return {"status": "ok"}

    def capabilities(self) -> ResponseReturnValue:
        return {"version": "1", "capabilities": list(CAPABILITIES), "paths": self._paths}


def _has_token() -> bool:
    given = request.headers.get("Authorization", "")
    return hmac.compare_digest(given.encode(), f"Bearer {SANDBOX_TOKEN}".encode())
