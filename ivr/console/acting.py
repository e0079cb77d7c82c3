"""What staff do: move, hold the lease of a device, be rung in a browser, and act on tickets."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import Response, jsonify, request
from flask.typing import ResponseReturnValue

from ivr.console import bodies
from ivr.console.authorisation import CREW, LEADS, role_missing
from ivr.console.bodies import Body, CodeBody, MoveBody, Nothing, ToBody, read_body
from ivr.console.looking import Looking, Sound
from ivr.console.problems import Problem
from ivr.core.line import Agent, Ticket
from ivr.presence import HEARTBEAT_SECONDS, Refused, Wish
from ivr.store import Conflict
from ivr.switchboard import Switchboard

_KEY = re.compile(r"[!-~]{1,255}")
_SEEN = re.compile(r'"([0-9]{1,9})"')


@dataclass(frozen=True, slots=True)
class Doors:
    """What the API needs from outside the record.

    `take` offers a ticket to who asks; `mint` makes a Voice SDK token for a client id, (token, identity, until), or
    None without a key to sign with; `sound` is a recording as WAV (or as `mp3`), piece by piece, None when it is gone.
    """

    take: Callable[..., object]
    mint: Callable[[str], tuple[str, str, datetime] | None]
    sound: Sound


@dataclass(frozen=True, slots=True)
class Act:
    """Something to be done to a ticket, what its body says, and for which roles."""

    name: str
    shape: type[Body] = Nothing
    roles: frozenset[str] = CREW


ACTS = (
    *(Act(name) for name in ("hold", "resume", "drop", "join", "hand_over", "escalate", "leave", "hang_up")),
    *(Act(name) for name in ("record", "pause", "unpause", "stop")),
    *(Act(name, ToBody) for name in ("consult", "transfer")),
    *(Act(name, roles=LEADS) for name in ("listen", "coach", "barge", "finish")),
)
"""The acts of `core/talking.py`, by which a call changes while two people talk."""

WORK = (
    Act("close", CodeBody),
    Act("take"),
    Act("move", MoveBody),
    Act("cancel"),
    Act("play"),
    Act("call_back"),
    Act("confirm"),
)
"""What else is done to a ticket: what came of it, taking it, and the work of callbacks and messages."""

ELSEWHERE = {
    "move": "move_callback",
    "cancel": "cancel_callback",
    "play": "play_message",
    "call_back": "call_back_message",
    "confirm": "confirm_message",
}
"""Act -> the deed that does it; those of callbacks go by ticket, those of messages by call."""
OF_MESSAGES = ("play", "call_back", "confirm")


class Acting:
    """The views that change something; each is given who asks."""

    def __init__(self, board: Switchboard, doors: Doors, looking: Looking) -> None:
        self._board = board
        self._deeds = board.deeds
        self._record = board.record
        self._doors = doors
        self._looking = looking

    # ------------------------------------------------------------ presence and devices

    def presence(self, who: Agent, agent_id: str) -> ResponseReturnValue:
        body = read_body(bodies.PresenceBody, request)
        agent = self._looking.own(who, agent_id, LEADS)
        if body.force and who.role not in LEADS:
            raise role_missing(LEADS, "`force`")
        seen = _seen_moves()
        wish = Wish(
            agent.id,
            body.presence,
            who.id,
            "api",
            body.reason or "",
            fence=body.fence,
            seen=seen,
            since=body.since,
            force=body.force,
        )
        try:
            self._board.presence.move(wish)
        except Refused as refused:
            status = 412 if refused.code == "moved_since" and seen is not None else 409
            raise Problem(status, refused.code, str(refused), audited=True) from None
        return self._looking.one(agent)

    def device(self, who: Agent, agent_id: str) -> ResponseReturnValue:
        read_body(Nothing, request)
        fence = self._board.presence.take_device(self._looking.own(who, agent_id).id, who.id, "api")
        return jsonify(fence=fence, heartbeat_seconds=HEARTBEAT_SECONDS), 201

    def heartbeat(self, who: Agent, agent_id: str) -> ResponseReturnValue:
        body = read_body(bodies.BeatBody, request)
        agent = self._looking.own(who, agent_id)
        try:
            self._board.presence.beat(agent.id, body.fence)
        except Refused as refused:
            raise Problem(409, refused.code, str(refused)) from None
        at = self._record.desk.agents()[agent.id]
        return jsonify(presence=at.presence, reason=at.reason, heartbeat_seconds=HEARTBEAT_SECONDS)

    def voice_token(self, who: Agent, agent_id: str) -> ResponseReturnValue:
        read_body(Nothing, request)
        agent = self._looking.own(who, agent_id)
        if agent.client is None:
            raise Problem(409, "no_client", f"`{agent.id}` is rung by phone: config/staff.yaml gives them no `client`")
        minted = self._doors.mint(agent.client)
        if minted is None:
            raise Problem(
                503, "no_api_key", "TWILIO_API_KEY and TWILIO_API_SECRET are not set, so nothing can be signed"
            )
        token, identity, expires_at = minted
        return jsonify(token=token, identity=identity, expires_at=expires_at.isoformat())

    # ------------------------------------------------------------ tickets

    def doing(self, act: Act) -> Callable[..., ResponseReturnValue]:
        """Return the view of an act."""

        def do(who: Agent, ticket_id: str) -> ResponseReturnValue:
            body = read_body(act.shape, request)
            seen = self._looking.seen(who, ticket_id)
            return self._once(act, body, seen.ticket, who)

        return do

    def _once(self, act: Act, body: Body, ticket: Ticket, who: Agent) -> ResponseReturnValue:
        """Do it; under an Idempotency-Key once only, however often and however much at once it is asked."""
        key = key_of(who)
        if key is not None and self._was_done(key, act, body, ticket):
            return self._again(act, ticket)
        try:
            self._do(act, body, ticket, who, key)
        except (Refused, Conflict, ValueError) as refused:
            if key is not None and self._was_done(key, act, body, ticket):
                return self._again(act, ticket)
            raise as_problem(refused) from None
        return self._now(act, ticket)

    def _do(self, act: Act, body: Body, ticket: Ticket, who: Agent, key: str | None) -> None:
        if act.name in ELSEWHERE:
            self._do_elsewhere(act, body, ticket, who, key)
        elif isinstance(body, CodeBody):
            self._deeds.close(ticket.id, body.code, who.id, key=key)
        elif act.name == "take":
            self._doors.take(self._board, ticket.id, who.id, key=key)
        else:
            self._deeds.act(ticket.id, act.name, _told(body), who.id, key=key)

    def _do_elsewhere(self, act: Act, body: Body, ticket: Ticket, who: Agent, key: str | None) -> None:
        work: Callable[..., Any] = getattr(self._deeds, ELSEWHERE[act.name])
        if isinstance(body, MoveBody):
            work(ticket.id, (body.window.begins_at, body.window.ends_at), who.id, key=key)
        else:
            work(ticket.call if act.name in OF_MESSAGES else ticket.id, who.id, key=key)

    def _was_done(self, key: str, act: Act, body: Body, ticket: Ticket) -> bool:
        kept = self._record.staff.under(key)
        if kept is None:
            return False
        told = kept.entry.detail if act.name == "take" else _told(body)
        same = (act.name, f"call:{ticket.call}" if act.name in OF_MESSAGES else f"ticket:{ticket.id}", told)
        if (kept.entry.act, kept.entry.subject, kept.entry.detail) != same:
            raise Problem(422, "key_used", "something else was done under this Idempotency-Key")
        return True

    def _again(self, act: Act, ticket: Ticket) -> Response:
        answer = self._now(act, ticket)
        answer.headers["Idempotent-Replayed"] = "true"
        return answer

    def _now(self, act: Act, ticket: Ticket) -> Response:
        """The ticket as it now stands; to who plays a message, what is in it."""
        seen = self._looking.found(ticket.id)
        assert seen is not None  # tickets are kept
        message = self._record.messages.of(ticket.call) if act.name == "play" else None
        return self._looking.shown(seen, message)


def _seen_moves() -> int | None:
    """Return what If-Match says; None for nothing, or anything."""
    told = request.headers.get("If-Match")
    if told is None or told == "*":
        return None
    seen = _SEEN.fullmatch(told)
    if seen is None:
        raise Problem(400, "if_match_unreadable", "If-Match has to be the ETag of the agent, as it came")
    return int(seen[1])


def key_of(who: Agent) -> str | None:
    """Return what is kept of an Idempotency-Key: a hash, for whatever it says, and whose it is."""
    told = request.headers.get("Idempotency-Key")
    if told is None:
        return None
    if not _KEY.fullmatch(told):
        raise Problem(400, "key_unreadable", "an Idempotency-Key is 1 to 255 visible letters")
    return hashlib.sha256(f"{who.id} {told}".encode()).hexdigest()


def _told(body: Body) -> str:
    """Return what a body says, as the audit keeps it."""
    match body:
        case ToBody():
            return body.to
        case CodeBody():
            return body.code
        case MoveBody():
            return f"{body.window.begins_at.isoformat()}/{body.window.ends_at.isoformat()}"
    return ""


def as_problem(refused: Refused | Conflict | ValueError) -> Problem:
    """Return what is answered when the switchboard refuses."""
    if isinstance(refused, Refused):
        return Problem(409, refused.code, str(refused), audited=True)
    if isinstance(refused, ValueError):
        return Problem(409, "not_now", str(refused))
    return Problem(409, "moved_meanwhile", "the call moved too fast: look at it and ask again")
