"""What the desk asks: who is in line, who is free, what is offered to whom."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import structlog
from sqlalchemy import (
    Boolean,
    Executable,
    Select,
    and_,
    bindparam,
    case,
    exists,
    func,
    or_,
    select,
    tuple_,
    union_all,
    update,
)

from ivr.core.effects import MoveAgent
from ivr.core.line import EMERGENCY_OFFERS, Agent, InLine, Offer, Ticket, TicketClass
from ivr.core.staff_line import STAFF
from ivr.store.callbacks import BY_NUMBER, LIVE_LEGS, STANDING
from ivr.store.database import Database, Write
from ivr.store.notation import instant, micros, read_class, read_ticket, readable, written
from ivr.store.presence import agent_writes, shift_write
from ivr.store.refusals import Conflict
from ivr.store.seal import Seal
from ivr.store.tables import Id, Instant, agents, calls, fresh, legs, offers, presences, tickets, word

log = structlog.get_logger(__name__)

LONGEST_CALL = timedelta(hours=4)  # then the carrier ends it
GOODBYE_SECONDS = 10  # a promised caller who has not hung up by then hears us no more: the news may never come


@dataclass(frozen=True, slots=True)
class AgentNow:
    """An agent at this moment."""

    id: str
    presence: str
    reason: str
    since: datetime
    ticket: str | None = None  # of the offer they hold, open or accepted
    next: str = ""  # what they do once no caller has them: on_break, signed_out, or go on
    missed: int = 0  # offers that rang in vain, one after the other
    shift_at: datetime | None = None  # the last beginning or end of a shift they were moved by


@dataclass(frozen=True, slots=True)
class Moved:
    """One move of an agent: where they were then, why, what was queued, and who moved them."""

    at: datetime
    event: str
    presence: str
    reason: str
    next: str
    by: str  # line · rota · desk · an agent's id


@dataclass(frozen=True, slots=True)
class Refused:
    """An offer that led to nothing, of a ticket that waits on."""

    ticket: str
    alike: TicketClass
    agent: str
    state: str  # declined · missed · unrung · passed_on
    offered_at: datetime


@dataclass(frozen=True, slots=True)
class LostOffer:
    """An offer that stands though its time is over, or its call."""

    call: str
    id: str
    agent: str
    state: str  # open · accepted


@dataclass(frozen=True, slots=True)
class LineFigures:
    """What rules may ask of a site's line: those in line now, on hold or to be called back."""

    waiting: int
    longest_wait_seconds: int
    licensed_free: int


_EVERY = 1_000_000  # more than can be in line
_WAITING = tickets.c.state == word("waiting")
_ORDER = (tickets.c.calm, tickets.c.promised_at, tickets.c.arrived_at, tickets.c.id)
_PLACE = (
    bindparam("calm", type_=Boolean),
    bindparam("promised_at", type_=Instant),
    bindparam("arrived_at", type_=Instant),
    bindparam("id", type_=Id),
)
# Somebody on the line or by their phone; a message to be worked is nobody's wait, and is in line all the same.
_SOMEBODY = tickets.c.kind.in_([word("hold"), word("callback")])

_IN_LINE = select(tickets.c.body).where(_WAITING, tickets.c.site == bindparam("site")).order_by(*_ORDER)
_POSITION = select(
    func.coalesce(func.sum(case((tuple_(*_ORDER) < tuple_(*_PLACE), 1), else_=0)), 0), func.count()
).where(_WAITING, _SOMEBODY, tickets.c.site == bindparam("site"), tickets.c.queue == bindparam("queue"))

# ---- the line by class: a pass reads the classes there are, and the first tickets of each

_OFFERED = (_WAITING, tickets.c.kind != word("voicemail"))
_later = tickets.alias("later")
_class = select(func.min(tickets.c.alike).label("alike")).where(*_OFFERED).cte("classes", recursive=True)
_next_class = (
    select(func.min(_later.c.alike))
    .where(_later.c.state == word("waiting"), _later.c.kind != word("voicemail"), _later.c.alike > _class.c.alike)
    .scalar_subquery()
)
_class = _class.union_all(select(_next_class).where(_class.c.alike.is_not(None)))
# From one class to the next by the index: as many steps as there are classes, however long the line.
_CLASSES = select(_class.c.alike).where(_class.c.alike.is_not(None))
_open_offers = (
    select(func.count()).where(offers.c.ticket_id == tickets.c.id, offers.c.state == word("open")).scalar_subquery()
)
_OF_CLASS = (
    select(tickets.c.body, _open_offers)
    .where(*_OFFERED, tickets.c.alike == bindparam("alike"))
    .order_by(tickets.c.promised_at, tickets.c.arrived_at, tickets.c.id)
    .limit(bindparam("limit"))
)
# Whoever was promised a callback may listen to our goodbye still; or they ring us again.
_IS_ON_THE_LINE = or_(
    exists().where(
        calls.c.id == tickets.c.call_id,
        or_(calls.c.ended_at.is_(None), calls.c.ended_at > bindparam("goodbye")),
        LIVE_LEGS.where(legs.c.kind == word("caller")).scalar_subquery() > 0,
    ),
    *(
        exists().where(whose, calls.c.id != tickets.c.call_id, calls.c.live, LIVE_LEGS.scalar_subquery() > 0)
        # Each by its own index: one question for either would be answered by looking through all live calls.
        for whose in (
            calls.c.person == tickets.c.person,
            and_(
                func.substr(tickets.c.person, 1, len(BY_NUMBER)) == word(BY_NUMBER),
                calls.c.caller_key == func.substr(tickets.c.person, len(BY_NUMBER) + 1),
            ),
        )
    ),
)
_MOST_CLASSES = 64  # asked for in one question


@cache
def _heads(classes: int) -> Executable:
    """The first tickets of so many classes, in one question: each answer of PostgreSQL's is worth waiting for once."""
    return union_all(*(select(_heads_of(n).subquery(f"class{n}")) for n in range(classes)))


def _heads_of(n: int) -> Select[Any]:
    return (
        select(tickets.c.body, _open_offers.label("open_offers"))
        .where(
            *_OFFERED,
            tickets.c.alike == bindparam(f"alike{n}", type_=Id),
            or_(tickets.c.not_before.is_(None), tickets.c.not_before <= bindparam("now")),
            _open_offers < bindparam(f"most{n}"),
            or_(tickets.c.kind != word("callback"), ~_IS_ON_THE_LINE),
        )
        .order_by(tickets.c.promised_at, tickets.c.arrived_at, tickets.c.id)
        .limit(bindparam(f"limit{n}"))
    )


_REFUSED = (
    select(offers.c.ticket_id, tickets.c.alike, offers.c.agent_id, offers.c.state, offers.c.offered_at)
    .join_from(offers, tickets, tickets.c.id == offers.c.ticket_id)
    .where(
        *_OFFERED,
        offers.c.offered_at > bindparam("since"),
        offers.c.state.in_([word("declined"), word("missed"), word("unrung"), word("passed_on")]),
    )
    .order_by(offers.c.offered_at)
)

_TICKET_OF = (
    select(tickets.c.body)
    .where(tickets.c.state != word("closed"), tickets.c.person == bindparam("person"))
    .order_by(tickets.c.arrived_at)
)
_FIGURES = select(func.count(), func.min(tickets.c.arrived_at)).where(
    _WAITING, _SOMEBODY, tickets.c.site == bindparam("site"), tickets.c.due_from <= bindparam("now")
)
_NEVER_MOVED = {"fence": 0, "next": "", "next_reason": "", "missed": 0, "moves": 0, "own_at": 0, "shift_at": 0}
_AVAILABLE = select(agents.c.id).where(agents.c.presence == word("available"))
_AGENTS = (
    select(
        agents.c.id,
        agents.c.presence,
        agents.c.reason,
        agents.c.since,
        offers.c.ticket_id,
        agents.c.next,
        agents.c.missed,
        agents.c.shift_at,
    )
    .outerjoin_from(
        agents,
        offers,
        and_(offers.c.agent_id == agents.c.id, STANDING),
    )
    .order_by(agents.c.id)
)
_OPEN_OFFERS = (
    select(
        offers.c.call_id,
        offers.c.id,
        offers.c.ticket_id,
        offers.c.agent_id,
        offers.c.leg,
        offers.c.state,
        offers.c.offered_at,
        offers.c.expires_at,
    )
    .where(STANDING, offers.c.state == word("open"))
    .order_by(offers.c.expires_at)
)
# ---- what is stuck: each by an index that holds little but what stands

_LOST_OFFERS = (
    select(offers.c.call_id, offers.c.id, offers.c.agent_id, offers.c.state)
    .outerjoin_from(offers, calls, calls.c.id == offers.c.call_id)
    .where(
        STANDING,
        or_(
            calls.c.id.is_(None),
            and_(offers.c.state == word("open"), or_(offers.c.expires_at < bindparam("before"), ~calls.c.live)),
            # Staff may go on talking after the caller has left.
            and_(~calls.c.live, ~exists().where(legs.c.token == offers.c.leg, legs.c.state != word("over"))),
        ),
    )
    .order_by(offers.c.expires_at)
)
_LOST_TICKETS = (
    select(tickets.c.call_id)
    .where(
        tickets.c.state.in_([word("connecting"), word("talking")]),
        tickets.c.state == word("connecting"),
        ~exists().where(offers.c.ticket_id == tickets.c.id, offers.c.state == word("accepted")),
    )
    .order_by(tickets.c.id)
)
_LOST_AGENTS = (
    select(agents.c.id, agents.c.presence)
    .where(
        agents.c.presence.in_([word("offered"), word("on_call")]),
        agents.c.since < bindparam("before"),
        ~exists().where(offers.c.agent_id == agents.c.id, STANDING),
    )
    .order_by(agents.c.id)
)
_ON_A_LEG = (
    select(legs.c.token)
    .where(legs.c.state != word("over"), legs.c.kind == word("agent"), legs.c.number_key == bindparam("key"))
    .limit(1)
)
_ON_THE_PHONE = (
    select(legs.c.token)
    .join_from(legs, offers, offers.c.leg == legs.c.token)
    .where(offers.c.call_id == bindparam("call"), offers.c.agent_id == bindparam("agent"), legs.c.state == word("live"))
    .limit(1)
)
_END_OFFER = update(offers).where(offers.c.id == bindparam("offer"), STANDING).values(state="ended")
_CLOSE_TICKETS = (
    update(tickets)
    .where(tickets.c.call_id == bindparam("call"), tickets.c.state != word("closed"))
    .values(state="closed")
)
_SEED = fresh(agents, **_NEVER_MOVED).on_conflict_do_nothing()
_DAY = (
    select(
        presences.c.at,
        presences.c.event,
        presences.c.presence,
        presences.c.reason,
        presences.c.next,
        presences.c.by,
    )
    .where(presences.c.agent_id == bindparam("agent"), presences.c.at >= bindparam("since"))
    .order_by(presences.c.nth)
)
# From the few agents to their latest calls, by the index of whose they are: among all live calls, a long line would be
# read whole in each pass.
_ON_STAFF_LINE = (
    select(agents.c.id)
    .join_from(agents, calls, calls.c.person == word(STAFF) + agents.c.id)
    .where(calls.c.arrived_at > bindparam("since"), calls.c.phase == word("staff"), calls.c.live)
)
_LAST_CALL = (
    select(presences.c.reason)
    .where(presences.c.agent_id == bindparam("agent"), presences.c.event == word("talk_ended"))
    .order_by(presences.c.nth.desc())
    .limit(1)
)


class Desk:
    """Queries named for what the desk asks, and the presence of agents."""

    def __init__(self, database: Database, seal: Seal) -> None:
        self._seal = seal
        self._database = database
        self._unreadable = 0  # tickets of the line, when it was last read

    def waiting(self, site: str) -> list[Ticket]:
        """Return a site's waiting tickets of every kind, in promise order."""
        read = (readable(read_ticket, body) for (body,) in self._database.rows(_IN_LINE, site=site))
        return [ticket for ticket in read if ticket is not None]

    def classes(self) -> list[TicketClass]:
        """Return the classes of the waiting tickets of all sites that may be offered to anybody at some time."""
        read = (readable(read_class, alike) for (alike,) in self._database.rows(_CLASSES))
        return [alike for alike in read if alike is not None]

    def of_class(self, alike: TicketClass, limit: int | None = None) -> list[Ticket]:
        """Return the waiting tickets of a class, in promise order."""
        rows = self._database.rows(_OF_CLASS, alike=written(alike), limit=limit or _EVERY)
        read = (readable(read_ticket, body) for body, _ in rows)
        return [ticket for ticket in read if ticket is not None]

    def heads(self, wanted: Mapping[TicketClass, int | None], now: datetime) -> list[InLine]:
        """Return the first tickets of each class that may be offered now, so many as wanted; None: all.

        Not those before their time, nor those with all the open offers they may have; nor a callback whose person is on
        the line, on this call or another. In no order.
        """
        classes, found = list(wanted), list[tuple[Ticket | None, int]]()
        for first in range(0, len(classes), _MOST_CLASSES):
            some = classes[first : first + _MOST_CLASSES]
            asked: dict[str, Any] = {"now": micros(now), "goodbye": micros(now - timedelta(seconds=GOODBYE_SECONDS))}
            for n, alike in enumerate(some):
                most = EMERGENCY_OFFERS if alike.emergency else 1
                limit = (wanted[alike] or _EVERY) + self._unreadable
                asked |= {f"alike{n}": written(alike), f"most{n}": most, f"limit{n}": limit}
            found += [
                (readable(read_ticket, body), open_) for body, open_ in self._database.rows(_heads(len(some)), **asked)
            ]
        return self._read(found)

    def _read(self, found: list[tuple[Ticket | None, int]]) -> list[InLine]:
        """Leave out what cannot be read; the next time so many more are asked for, or it would hold up its class."""
        unreadable = sum(ticket is None for ticket, _ in found)
        if unreadable > self._unreadable:
            log.error("tickets_unreadable", count=unreadable)
        self._unreadable = unreadable
        return [InLine(ticket, open_) for ticket, open_ in found if ticket is not None]

    def refused(self, since: datetime) -> list[Refused]:
        """Return the offers made since then that came to nothing, and who passed a call on, of those still waiting."""
        return [
            Refused(ticket, known, agent, state, instant(offered))
            for ticket, alike, agent, state, offered in self._database.rows(_REFUSED, since=micros(since))
            if (known := readable(read_class, alike)) is not None
        ]

    def position(self, ticket: Ticket) -> tuple[int, int]:
        """Return a ticket's place from 1, and how many wait, on hold or for a callback, in its site and queue."""
        place = {
            "calm": not ticket.emergency,
            "promised_at": micros(ticket.promised_at),
            "arrived_at": micros(ticket.arrived_at),
            "id": ticket.id,
        }
        [(before, waiting)] = self._database.rows(_POSITION, site=ticket.site, queue=ticket.queue, **place)
        return int(before) + 1, waiting

    def tickets_of(self, person: str) -> list[Ticket]:
        """Return a person's live tickets, the oldest first; `person` as tickets name them."""
        return [read_ticket(body) for (body,) in self._database.rows(_TICKET_OF, person=person)]

    def line_figures(self, site: str, now: datetime, licensed: Collection[str]) -> LineFigures:
        """Return the figures of a site; `licensed` are the ids of its licensed agents.

        A ticket whose time has not come (`due_from` later than now) is not counted.
        """
        [(waiting, oldest)] = self._database.rows(_FIGURES, site=site, now=micros(now))
        free = {agent for (agent,) in self._database.rows(_AVAILABLE)}
        longest = int((now - instant(oldest)).total_seconds()) if waiting else 0
        return LineFigures(waiting, longest, len(free.intersection(licensed)))

    def agents(self) -> dict[str, AgentNow]:
        """Return every agent by id."""
        return {
            agent: AgentNow(
                agent, presence, reason, instant(since), ticket, queued, missed, instant(shift) if shift else None
            )
            for agent, presence, reason, since, ticket, queued, missed, shift in self._database.rows(_AGENTS)
        }

    def seed_agents(self, staff: Mapping[str, Agent], now: datetime) -> None:
        """Add agents the record does not know, with the presence they start with; those it knows stay as they are."""
        self._database.write(Write(_SEED, _seeded(agent, now)) for agent in staff.values())

    def move_agent(
        self, agent: str, event: str, reason: str, now: datetime, *, by: str = "desk", only: str = ""
    ) -> str:
        """Move an agent outside a call and return the new presence; `by` line, rota, desk or an agent's id.

        Raises Conflict when the event means nothing where they are, when nobody knows them, or when `only` is no longer
        the reason of where they are.
        """
        moved, *_ = self._database.write(agent_writes(MoveAgent(agent, event, reason, only, by), micros(now)))
        if not moved:
            raise Conflict(f"`{agent}` is not there for `{only}` any more")
        return str(moved[0][0])

    def begin_or_end_shift(self, agent: str, event: str, at: datetime) -> None:
        """Move an agent by the beginning or end of a shift at that instant, once; who has moved since then stays."""
        self._database.write(shift_write(agent, event, micros(at)))

    def day_of(self, agent: str, since: datetime) -> list[Moved]:
        """Return every move of an agent since then, in order."""
        rows = self._database.rows(_DAY, agent=agent, since=micros(since))
        return [Moved(instant(at), *rest) for at, *rest in rows]

    def on_staff_line(self, now: datetime) -> set[str]:
        """Return the agents who are on the staff line now."""
        since = micros(now - LONGEST_CALL)
        return {agent for (agent,) in self._database.rows(_ON_STAFF_LINE, since=since)}

    def last_call_of(self, agent: str) -> str | None:
        """Return the id of the call an agent talked in last; None when they never did."""
        row = self._database.row(_LAST_CALL, agent=agent)
        return None if row is None else str(row[0])

    def open_offers(self) -> list[tuple[str, Offer]]:
        """Return the open offers as (call id, offer), the next to expire first."""
        return [
            (call, Offer(offer, ticket, agent, leg, state, instant(offered), instant(expires)))
            for call, offer, ticket, agent, leg, state, offered, expires in self._database.rows(_OPEN_OFFERS)
        ]

    # ------------------------------------------------------------ what is stuck

    def lost_offers(self, expired_before: datetime) -> list[LostOffer]:
        """Return the open offers that expired before then, and those that stand though their call or talk is over."""
        return [LostOffer(*row) for row in self._database.rows(_LOST_OFFERS, before=micros(expired_before))]

    def lost_tickets(self) -> list[str]:
        """Return the calls whose ticket is on its way to an agent though nobody has accepted it."""
        return [call for (call,) in self._database.rows(_LOST_TICKETS)]

    def lost_agents(self, since_before: datetime) -> list[tuple[str, str]]:
        """Return who has been `offered` or `on_call` since before then, with no offer of theirs that stands."""
        return [(agent, presence) for agent, presence in self._database.rows(_LOST_AGENTS, before=micros(since_before))]

    def is_on_a_leg(self, address: str) -> bool:
        """Is an agent's phone rung by us, or are they on it?"""
        return self._database.row(_ON_A_LEG, key=self._seal.key_of(address)) is not None

    def is_still_on(self, call: str, agent: str) -> bool:
        """Is an agent on the phone with us about this call still, though their talk is over?"""
        return self._database.row(_ON_THE_PHONE, call=call, agent=agent) is not None

    def close_tickets(self, call: str) -> None:
        """Close the tickets of a call nobody knows."""
        self._database.change(_CLOSE_TICKETS, call=call)

    def end_offer(self, offer: str) -> None:
        """End an offer its call knows nothing of; nothing if it does not stand."""
        self._database.change(_END_OFFER, offer=offer)


def _seeded(agent: Agent, now: datetime) -> dict[str, Any]:
    """As the staff list says; whoever has shifts is signed in by them."""
    starts = "signed_out" if agent.shifts else agent.starts
    return {"id": agent.id, "presence": starts, "reason": "", "since": micros(now)}
