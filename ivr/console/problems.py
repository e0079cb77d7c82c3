"""Refusals as problem+json (RFC 9457): a stable code for programs, a sentence for people."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from flask import Response
from werkzeug.exceptions import HTTPException

TITLES = {
    400: "Not readable",
    401: "Who are you",
    403: "Not yours to do",
    404: "Not found",
    405: "Not this way",
    409: "Not as things stand",
    412: "Things have changed",
    413: "Too large",
    415: "Not JSON",
    422: "Not valid",
    429: "Too many",
    500: "A fault of ours",
    502: "Not to be had",
    503: "Not now",
}


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with what was sent: where, what, and what would do."""

    at: str
    problem: str
    hint: str = ""


class Problem(Exception):
    """The request is not served; `code` keeps its meaning for good. `audited`: the audit has a line of it already."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        errors: Sequence[Fault] = (),
        headers: Mapping[str, str] | None = None,
        audited: bool = False,
    ) -> None:
        super().__init__(code)
        self.status = status
        self.code = code
        self.detail = detail
        self.errors = errors
        self.headers = headers or {}
        self.audited = audited


def problem_answer(problem: Problem) -> Response:
    """Return the problem as an answer of its status."""
    told = {
        "type": f"urn:rxline:{problem.code}",
        "title": TITLES.get(problem.status, "Not done"),
        "status": problem.status,
        "code": problem.code,
        "detail": problem.detail,
        "errors": [asdict(fault) for fault in problem.errors],
    }
    body = json.dumps(told, ensure_ascii=False)
    answer = Response(body, problem.status, problem.headers, content_type="application/problem+json")
    answer.headers["Cache-Control"] = "no-store"
    return answer


def http_problem(failure: HTTPException) -> Problem:
    """Return what Flask itself refuses (no such path or method, a body too large) in the same shape."""
    code = failure.name.lower().replace(" ", "_").replace("-", "_")
    allowed = getattr(failure, "valid_methods", None)
    headers = {"Allow": ", ".join(sorted(allowed))} if allowed else {}
    return Problem(failure.code or 500, code, failure.name, headers=headers)
