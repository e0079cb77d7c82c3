"""What staff see of the line, each as far as their role and their site let them."""

from __future__ import annotations

import heapq
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from pathlib import Path

from flask import Response, jsonify, request, send_file
from flask.typing import ResponseReturnValue

from ivr.console import bodies, shapes
from ivr.console.authorisation import EVERYWHERE, LEADS, role_missing
from ivr.console.bodies import read_query
from ivr.console.problems import Fault, Problem
from ivr.core.line import Agent, Ticket
from ivr.store import AgentNow, Entry, LeftMessage, Seen
from ivr.store.line import FIRST, place_of
from ivr.switchboard import Switchboard

CONTRACT = Path(__file__).parents[2] / "docs" / "line-api.yaml"

Sound = Callable[..., Iterator[bytes] | None]
_TICKET_ID = re.compile(r"[A-Za-z0-9_.:-]{1,128}")


class Looking:
    """The views that change nothing; each is given who asks. `sound` is a recording as WAV, None when it is gone."""

    def __init__(self, board: Switchboard, sound: Sound) -> None:
        self._board = board
        self._record = board.record
        self._sound = sound

    def openapi(self, who: Agent) -> ResponseReturnValue:
        return send_file(CONTRACT, mimetype="application/yaml")

    def line(self, who: Agent) -> ResponseReturnValue:
        query = read_query(bodies.LineQuery, request)
        sites, now = self._sites(who, query.site), self._board.clock.now()
        after = shapes.place(query.after) if query.after else FIRST
        if after is None:
            fault = Fault("after", "is no cursor of ours", "send `next` of the page before, as it came")
            raise Problem(422, "query_invalid", "the query is not valid", [fault])
        pages = [self._record.line.page(site, query.limit + 1, after) for site in sites]
        found = list(heapq.merge(*pages, key=lambda seen: seen.ticket.order))
        shown, queues = found[: query.limit], self._board.pharmacy().queues
        figures = [each for site in sites for each in self._record.line.figures(site, now)]
        return jsonify(
            as_of=now.isoformat(),
            queues=[shapes.figures(each, shapes.names(queues, each.queue), now) for each in figures],
            tickets=self._placed(shown, {site: self._record.line.ahead(site, after) for site in sites}, now),
            next=shapes.cursor(place_of(shown[-1].ticket)) if len(found) > len(shown) else None,
        )

    def _placed(self, shown: Iterable[Seen], ahead: dict[str, Counter[str]], now: datetime) -> list[shapes.Json]:
        """Number them behind those who are ahead, each queue for itself; a message is nobody's wait."""
        told = []
        for seen in shown:
            counted = seen.ticket.kind != "voicemail"
            ahead[seen.ticket.site][seen.ticket.queue] += counted
            place = ahead[seen.ticket.site][seen.ticket.queue] if counted else None
            told.append(shapes.ticket(seen, now, place))
        return told

    def _sites(self, who: Agent, wanted: str | None) -> list[str]:
        sites = list(self._board.pharmacy().sites)
        if wanted is not None and wanted not in sites:
            fault = Fault("site", "there is no such site", bodies.nearest(wanted, sites))
            raise Problem(422, "query_invalid", "the query is not valid", [fault])
        if who.role in EVERYWHERE:
            return [wanted] if wanted else sites
        if wanted not in (None, who.site):
            raise role_missing(EVERYWHERE, "another site's line")
        return [who.site]

    def agents(self, who: Agent) -> ResponseReturnValue:
        read_query(bodies.NoQuery, request)
        staff = self._board.pharmacy().staff.values()
        shown = [agent for agent in staff if who.role in EVERYWHERE or agent.site == who.site]
        return jsonify(as_of=self._board.clock.now().isoformat(), agents=self._described(shown))

    def agent(self, who: Agent, agent_id: str) -> ResponseReturnValue:
        return self.one(self.visible(who, agent_id))

    def one(self, agent: Agent) -> ResponseReturnValue:
        [told] = self._described([agent])
        answer = jsonify(told)
        answer.headers["ETag"] = f'"{told["moves"]}"'
        return answer

    def _described(self, shown: Iterable[Agent]) -> list[shapes.Json]:
        # Counted before they are looked at: a move in between makes the count too old, which only refuses too much.
        moves, now = self._record.staff.moves(), self._board.clock.now()
        known, devices = self._record.desk.agents(), self._record.staff.devices()
        out = AgentNow("", "signed_out", "", now)
        return [
            shapes.agent(each, known.get(each.id, out), moves.get(each.id, 0), devices.get(each.id), now)
            for each in shown
        ]

    def ticket(self, who: Agent, ticket_id: str) -> ResponseReturnValue:
        return self.shown(self.seen(who, ticket_id))

    def shown(self, seen: Seen, message: LeftMessage | None = None) -> Response:
        """Return a ticket as JSON; `message` for who has been let play it."""
        ticket = seen.ticket
        in_line = ticket.state == "waiting" and ticket.kind != "voicemail"
        position = self._record.desk.position(ticket)[0] if in_line else None
        heard = {} if message is None else {"message": shapes.message(message)}
        return jsonify(shapes.ticket(seen, self._board.clock.now(), position) | heard)

    def audit(self, who: Agent) -> ResponseReturnValue:
        query = read_query(bodies.AuditQuery, request)
        staff = self._record.staff
        found = staff.audit(query.limit, query.before) if query.before else staff.audit(query.limit)
        following = found[-1].id if len(found) == query.limit else None
        return jsonify(lines=[shapes.audit_line(kept) for kept in found], next=following)

    def recording(self, who: Agent, ticket_id: str) -> ResponseReturnValue:
        """The newest recording of the call: a message, or a talk."""
        seen = self.seen(who, ticket_id)
        loaded = self._record.load_call(seen.ticket.call)
        call = loaded.call if loaded else None
        if who.role not in LEADS and (call is None or who.id not in call.agents) and not _works(who, seen.ticket):
            raise role_missing(LEADS, "a recording of a call you do not work")
        sound = self._sound(call.recordings[-1]) if call and call.recordings else None
        if sound is None:
            raise Problem(404, "no_recording", "nothing was recorded, or it is kept no more")
        self._record.staff.keep(Entry(who.id, "api", "recording", f"ticket:{ticket_id}"), self._board.clock.now())
        return Response(sound, mimetype="audio/wav")

    # ------------------------------------------------------------ who may

    def found(self, ticket_id: str) -> Seen | None:
        """Return a ticket whoever asks; None for none, and for what no id of ours looks like."""
        return self._record.line.ticket(ticket_id) if _TICKET_ID.fullmatch(ticket_id) else None

    def own(self, who: Agent, agent_id: str, others: frozenset[str] = frozenset()) -> Agent:
        """Return the agent, who is the one who asks unless their role may do it for others."""
        agent = self.visible(who, agent_id)
        if agent.id != who.id and who.role not in others:
            raise role_missing(others, "this, for somebody else,") if others else _not_yours()
        return agent

    def visible(self, who: Agent, agent_id: str) -> Agent:
        staff = self._board.pharmacy().staff
        agent = who if agent_id == who.id else staff.get(agent_id)
        if agent is None:
            raise Problem(404, "no_such_agent", "nobody of the staff has this id")
        if who.role not in EVERYWHERE and agent.site != who.site:
            raise role_missing(EVERYWHERE, "somebody of another site")
        return agent

    def seen(self, who: Agent, ticket_id: str) -> Seen:
        seen = self.found(ticket_id)
        if seen is None:
            raise Problem(404, "no_such_ticket", "no ticket has this id")
        if who.role not in EVERYWHERE and seen.ticket.site != who.site:
            raise role_missing(EVERYWHERE, "another site's ticket")
        return seen


def _works(who: Agent, ticket: Ticket) -> bool:
    """Is this a message which this agent is one to work?"""
    licensed = who.licensed or not ticket.licensed
    return ticket.kind == "voicemail" and ticket.queue in who.queues and ticket.site == who.site and licensed


def _not_yours() -> Problem:
    return Problem(403, "not_yours", "only who is rung there can do this")
