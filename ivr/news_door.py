"""The door an order system tells what happened at, `POST /orders/events`: kept, answered, and nothing more done."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence

import structlog
from flask import Blueprint, Response, request
from werkzeug.exceptions import HTTPException

from ivr.console.problems import Problem, http_problem, problem_answer
from ivr.news import Newsroom, can_be_kept
from ivr.orders.port import News
from ivr.orders.reading import news_of
from ivr.orders.signature import Sealed, refused_because
from ivr.store import Unreachable
from ivr.switchboard import Switchboard

log = structlog.get_logger(__name__)

LARGEST_BODY = 64_000
PATIENCE_SECONDS = 2  # then the sender is asked to come again: no thread that answers calls is kept from them
_WHY = {"not_signed": "no secret of ours signed this", "too_old": "it was signed more than five minutes from now"}


def blueprint(board: Switchboard, keys: Sequence[bytes]) -> Blueprint:
    """Return the door, for whoever signs with one of these keys; without any there is no door."""
    door = Blueprint("order_events", __name__, url_prefix="/orders")
    newsroom = Newsroom(board)

    @door.post("/events")
    def happened() -> Response:
        """Keep an event before it is acknowledged: 202, or 200 for one that came before."""
        news = _read(keys)
        try:
            with board.record.within(PATIENCE_SECONDS):
                return Response(status=202 if newsroom.keep(news) else 200)
        except Unreachable:
            raise Problem(503, "not_kept", "it could not be kept now; send it again") from None

    @door.errorhandler(Problem)
    def refused(problem: Problem) -> Response:
        log.warning("order_event_refused", why=problem.code)
        return problem_answer(problem)

    @door.errorhandler(HTTPException)
    def unreadable(error: HTTPException) -> Response:
        return refused(http_problem(error))

    return door


def _read(keys: Sequence[bytes]) -> News:
    if not keys:
        raise Problem(404, "not_found", "no secret is set here to tell an order system's events from forgeries")
    request.max_content_length = LARGEST_BODY
    body, headers = request.get_data(), request.headers
    sealed = Sealed(*(headers.get(f"webhook-{name}", "") for name in ("id", "timestamp", "signature")))
    why = refused_because(sealed, body, keys, time.time())
    if why is not None:
        raise Problem(401, why, _WHY[why])
    news = _event(body)
    if news is None or not can_be_kept(news):
        raise Problem(400, "no_event", "it has to be a CloudEvent in JSON, with its id, its type and its time")
    if news.id != sealed.id:
        raise Problem(400, "other_id", "webhook-id has to be the id of the event")
    return news


def _event(body: bytes) -> News | None:
    try:
        return news_of(json.loads(body))
    except (ValueError, RecursionError):
        return None
