"""The API of the staff, `/api/v1`: who waits and who works, and everything done to either. `docs/line-api.yaml`.

Every door asks for a bearer token and names the roles it opens for. What changes anything goes through the same
named functions as keys on a phone and `ivr`, and leaves a line in the audit, done or refused.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from traceback import extract_tb

import structlog
from flask import Blueprint, Response, g, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException

from ivr.console import bodies
from ivr.console.acting import ACTS, WORK, Acting, Doors
from ivr.console.authorisation import ALL, CREW, EVERYWHERE, READERS, closed_to_browsers_elsewhere, guarded
from ivr.console.calls import Calls
from ivr.console.context import Briefing
from ivr.console.looking import Looking
from ivr.console.problems import Problem, http_problem, problem_answer
from ivr.context import Context
from ivr.core.line import Agent
from ivr.store import Entry, Unreachable
from ivr.switchboard import Switchboard

log = structlog.get_logger(__name__)

__all__ = ["ACTS", "WORK", "Doors", "blueprint"]

UNAUDITED = ("heartbeat", "voice_token")  # nothing is changed by these
PRIVATE_VIEWS = ("story", "context", "recording", "audit")
"""What tells of callers, or of what staff did: whoever asked for it and may not see it stands in the audit too."""


def blueprint(board: Switchboard, doors: Doors) -> Blueprint:
    """Return the API: each door with its roles, and problem+json for whatever goes wrong behind one."""
    api = Blueprint("api", __name__, url_prefix="/api/v1")
    looking = Looking(board, doors.sound)
    calls = Calls(board)
    acting, refusals = Acting(board, doors, looking), Refusals(board, looking, calls)
    briefing = Briefing(board, looking, Context(board.record, board.orders, board.clock))
    for method, path, view, roles in (
        ("GET", "/openapi.yaml", looking.openapi, ALL),
        ("GET", "/line", looking.line, ALL),
        ("GET", "/agents", looking.agents, ALL),
        ("GET", "/agents/<agent_id>", looking.agent, ALL),
        ("PUT", "/agents/<agent_id>/presence", acting.presence, CREW),
        ("POST", "/agents/<agent_id>/device", acting.device, CREW),
        ("PUT", "/agents/<agent_id>/heartbeat", acting.heartbeat, CREW),
        ("POST", "/agents/<agent_id>/voice-token", acting.voice_token, CREW),
        ("GET", "/tickets/<ticket_id>", looking.ticket, ALL),
        ("GET", "/tickets/<ticket_id>/context", briefing.context, ALL),
        ("GET", "/tickets/<ticket_id>/recording", looking.recording, CREW),
        ("GET", "/calls/<call_id>", calls.story, EVERYWHERE),
        ("POST", "/calls/<call_id>/notes", calls.note, CREW),
        ("POST", "/calls/<call_id>/amendments", calls.amend, CREW),
        ("GET", "/audit", looking.audit, READERS),
    ):
        _open(api, board, method, path, view.__name__, view, roles)
    for act in (*ACTS, *WORK):
        _open(api, board, "POST", f"/tickets/<ticket_id>/{act.name}", act.name, acting.doing(act), act.roles)
    api.before_request(_small_bodies)
    api.after_request(closed_to_browsers_elsewhere)
    api.register_error_handler(Problem, refusals.refused)
    api.register_error_handler(HTTPException, lambda failure: refusals.refused(http_problem(failure)))
    api.register_error_handler(Exception, refusals.broken)
    return api


def _open(
    api: Blueprint,
    board: Switchboard,
    method: str,
    path: str,
    name: str,
    view: Callable[..., ResponseReturnValue],
    roles: frozenset[str],
) -> None:
    # Without OPTIONS: a browser that asks whether another site's page may come in is told nothing.
    api.add_url_rule(path, name, guarded(board, roles, view), methods=[method], provide_automatic_options=False)


def _small_bodies() -> None:
    request.max_content_length = bodies.LARGEST_BODY


class Refusals:
    """What is answered when something goes wrong."""

    def __init__(self, board: Switchboard, looking: Looking, calls: Calls) -> None:
        self._board = board
        self._looking = looking
        self._calls = calls

    def refused(self, problem: Problem) -> Response:
        """Answer with the problem; what would have changed something, or shown what is private, leaves a line."""
        who: Agent | None = g.get("who")
        if who is not None and not problem.audited and _leaves_a_line(problem):
            entry = Entry(who.id, "api", _what(), self._subject(), outcome="refused", why=problem.code)
            self._board.record.staff.keep(entry, self._board.clock.now())
        return problem_answer(problem)

    def _subject(self) -> str:
        """What it was about, as far as there is such a thing: whatever else stands in a path is not kept."""
        where = request.view_args or {}
        if where.get("agent_id") in self._board.pharmacy().staff:
            return f"agent:{where['agent_id']}"
        call = where.get("call_id", "")
        if self._calls.known(call):
            return f"call:{call}"
        ticket = where.get("ticket_id", "")
        known = self._looking.found(ticket)
        return f"ticket:{ticket}" if known else ""

    def broken(self, fault: Exception) -> Response:
        """A fault of ours, told without its words: a database's may quote what a caller keyed."""
        if isinstance(fault, Unreachable):
            return problem_answer(
                Problem(
                    503, "record_unreachable", "the record does not answer; ask again", headers={"Retry-After": "2"}
                )
            )
        frames = extract_tb(fault.__traceback__)[-4:]
        at = [f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames]
        log.error("api_failed", error=type(fault).__name__, at=at)
        return problem_answer(Problem(500, "fault", "a fault of ours; it is in our log"))


def _leaves_a_line(problem: Problem) -> bool:
    if request.method == "GET":
        return problem.status == 403 and _what() in PRIVATE_VIEWS
    return _what() not in UNAUDITED


def _what() -> str:
    return (request.endpoint or "").rpartition(".")[2]
