"""Refusals as problem+json: a status, a stable code for programs, a sentence for people."""

from __future__ import annotations

import json

from flask import Response
from werkzeug.exceptions import HTTPException


class Problem(Exception):
    """The request cannot be served; `code` keeps its meaning for good, `detail` repeats no value sent."""

    def __init__(self, status: int, code: str, detail: str) -> None:
        super().__init__(code)
        self.status = status
        self.code = code
        self.detail = detail


def problem_answer(problem: Problem) -> Response:
    """Return the problem as an answer of its status."""
    told = {"type": "about:blank", "status": problem.status, "code": problem.code, "detail": problem.detail}
    answer = Response(json.dumps(told), problem.status, content_type="application/problem+json")
    if problem.status == 401:
        answer.headers["WWW-Authenticate"] = "Bearer"
    return answer


def http_problem_answer(failure: HTTPException) -> Response:
    """Return what Flask itself refuses (no such path, body too large, a fault of ours) in the same shape."""
    code = failure.name.lower().replace(" ", "_").replace("-", "_")
    return problem_answer(Problem(failure.code or 500, code, failure.name))
