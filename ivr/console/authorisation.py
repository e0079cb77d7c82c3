"""Who stands at a door of the API: whose token it is, and what their role may do, both as they are now."""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import wraps
from typing import Any, cast

from flask import Response, g, request
from flask.typing import ResponseReturnValue

from ivr.console.problems import Problem
from ivr.core.line import ROLES, Agent
from ivr.switchboard import Switchboard

ALL = frozenset(ROLES)
CREW = frozenset({"agent", "supervisor", "admin"})
LEADS = frozenset({"supervisor", "admin"})
READERS = frozenset({"auditor", "admin"})
EVERYWHERE = frozenset({"supervisor", "auditor", "admin"})
"""Roles that see every site."""

REQUESTS_A_MINUTE = 1200
STRANGERS_A_MINUTE = 120
_MINUTE = 60

View = Callable[..., ResponseReturnValue]


def guarded(board: Switchboard, roles: Collection[str], view: View) -> View:
    """Return the view for these roles only; it is given who asks."""

    @wraps(view)
    def admit(**where: str) -> ResponseReturnValue:
        g.who = who = _who(board)
        if who.role not in roles:
            raise role_missing(roles)
        return view(who, **where)

    cast(Any, admit).roles = frozenset(roles)
    return admit


def role_missing(roles: Collection[str], what: str = "this") -> Problem:
    needed = " or ".join(role for role in ROLES if role in roles)
    return Problem(403, "role_missing", f"{what} needs the role {needed}")


def _who(board: Switchboard) -> Agent:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        _no_flood(board, f"stranger:{request.remote_addr}", STRANGERS_A_MINUTE)
        raise _unknown("needs the header `Authorization: Bearer` with a token of `ivr agents token`", "")
    found = board.record.staff.whose(token.strip())
    # By the version that is current this moment: who has left the staff has left it now.
    agent = board.pharmacy(found[1]).staff.get(found[0]) if found else None
    if agent is None:
        _no_flood(board, f"stranger:{request.remote_addr}", STRANGERS_A_MINUTE)
        raise _unknown("this token is nobody's, or not any more", ', error="invalid_token"')
    _no_flood(board, f"agent:{agent.id}", REQUESTS_A_MINUTE)
    return agent


def _unknown(detail: str, why: str) -> Problem:
    return Problem(401, "token_missing", detail, headers={"WWW-Authenticate": f'Bearer realm="rxline"{why}'})


def _no_flood(board: Switchboard, who: str, most: int) -> None:
    if not board.live.allow(who, most, _MINUTE):
        wait = {"Retry-After": str(_MINUTE)}
        raise Problem(429, "too_many_requests", f"no more than {most} requests a minute", headers=wait)


def closed_to_browsers_elsewhere(answer: Response) -> Response:
    """Nothing of the API is kept by a cache or guessed at; other sites' pages are told nothing that lets them in."""
    answer.headers.setdefault("Cache-Control", "no-store")
    answer.headers["X-Content-Type-Options"] = "nosniff"
    return answer
