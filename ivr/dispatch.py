"""Dispatch: who is offered which ticket, timers, and agents who are due back. Each site by one process at a time."""

from __future__ import annotations

import secrets
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta

import structlog

from ivr.core.call import Call
from ivr.core.events import Event, NobodyCould, Offered, TimerDue
from ivr.core.line import (
    DECLINED_SECONDS,
    Agent,
    AtDesk,
    InLine,
    Queue,
    Ticket,
    TicketClass,
    could_serve,
    is_on_call,
    match,
    on_call_id,
)
from ivr.core.pharmacy import Pharmacy, Policies
from ivr.leases import Leases
from ivr.mending import mend
from ivr.rota import Rota
from ivr.store import AgentNow, Conflict, Desk, Lease, Refused, Timer, Unreachable
from ivr.switchboard import Switchboard

log = structlog.get_logger(__name__)

ON_CALL_AGAIN_SECONDS = 20  # nobody else is there: busy or not, the number on call is rung again
AHEAD_SECONDS = 5.0
"""No more offers are made than can be rung so soon: an agent whose phone cannot ring yet is of no use to anybody."""

ASIDE = timedelta(minutes=1)  # a ticket whose call cannot be told
AGAIN = timedelta(seconds=1)  # a timer that came at a bad moment
MEND_SECONDS = 10.0
STALE_SECONDS = 0.5  # after which what a pass has read of the line is no longer gone by
MOST_AT_ONCE = 10  # timers fired, and callers told that nobody could serve them, between two looks at the line
_BACK = {"on_break": "due_back", "wrap_up": "wrapped_up"}


class Dispatch:
    """One pass is `once`; each time it has made an offer it says so by `offered`, for a phone to be rung at once."""

    def __init__(
        self,
        board: Switchboard,
        leases: Leases,
        offered: Callable[[], None] = lambda: None,
        mend_seconds: float = MEND_SECONDS,
        stale_seconds: float = STALE_SECONDS,
    ) -> None:
        self._board = board
        self._record = board.record
        self._leases = leases
        self._offered = offered
        self._seeded = ""
        self._rota = Rota(board.record)
        self._mend_seconds = mend_seconds
        self._stale_seconds = stale_seconds
        # Not at once: first come the timers of whoever was here before.
        self._mends_at = time.monotonic() + mend_seconds
        self._told: dict[str, Ticket] = {}  # whom nobody could serve, as they were once told
        self._aside: dict[str, datetime] = {}  # tickets and timers that could not be told, until when others go first

    def once(self) -> bool:
        """Serve every site whose lease is free or ours; False when all are another's."""
        pharmacy = self._board.pharmacy()
        self._seed(pharmacy)
        held = [site.name for site in pharmacy.sites.values() if self._leases.held(_lease_of(site.name))]
        now = self._board.clock.now()
        self._aside = {id_: until for id_, until in self._aside.items() if now < until}
        if self._leases.held("timers"):
            self._fire_timers()
            self._board.presence.lose_silent()
            self._mend()
        if held:
            self._serve(held, pharmacy)
        return bool(held)

    # ------------------------------------------------------------ timers

    def _fire_timers(self) -> None:
        """Fire some, and see to the line before the rest: nobody who has just become free waits for a backlog."""
        due = self._record.timers.due(self._board.clock.now(), MOST_AT_ONCE + len(self._aside))
        ready = [timer for timer in due if _name_of(timer) not in self._aside][:MOST_AT_ONCE]
        for timer in ready:
            self._fire(timer)
        if len(ready) == MOST_AT_ONCE:
            self._board.live.ring("dispatch")

    def _mend(self) -> None:
        if time.monotonic() >= self._mends_at:
            self._mends_at = time.monotonic() + self._mend_seconds
            mend(self._board)

    def _fire(self, timer: Timer) -> None:
        # Told before it is taken: whoever dies in between leaves it to be told again, and a call that has
        # heard it takes no notice, except that an emergency nobody answered may make two tasks instead of none.
        try:
            self._tell(timer.call_id, TimerDue(timer.name))
            self._record.timers.take(timer)
        except Conflict:  # the call is moving just now, or the record will not have it: others are not kept waiting
            self._aside[_name_of(timer)] = self._board.clock.now() + AGAIN

    def _tell(self, call_id: str, event: Event, under: Lease | None = None) -> Call | None:
        """Return the call as it is then; None when it cannot be told, for one bad call must not stop the line."""
        try:
            return self._board.tell(call_id, event, under).call
        except (Conflict, Unreachable):
            raise
        except Exception as fault:
            # Its text may quote the caller; its type does not.
            log.error("call_not_told", call=call_id, told=type(event).__name__, fault=type(fault).__name__)
            return None

    # ------------------------------------------------------------ agents

    def _seed(self, pharmacy: Pharmacy) -> None:
        if self._seeded != pharmacy.version:
            self._record.desk.seed_agents(roster(pharmacy), self._board.clock.now())
            self._seeded = pharmacy.version
        self._rota.apply(pharmacy, self._board.clock.now())

    def _desks(self, held: Collection[str], pharmacy: Pharmacy, known: Mapping[str, AgentNow]) -> list[AtDesk]:
        """Return everybody signed in, at the sites held those due back brought back."""
        desks = [
            AtDesk(agent, known[id_].presence, known[id_].since)
            for id_, agent in roster(pharmacy).items()
            if id_ in known and known[id_].presence != "signed_out"
        ]
        return [
            self.brought_back(desk, known[desk.agent.id], pharmacy.policies) if desk.agent.site in held else desk
            for desk in desks
        ]

    def _with_gone_queues(
        self, desks: list[AtDesk], classes: Iterable[TicketClass], pharmacy: Pharmacy
    ) -> list[AtDesk]:
        """Let those who served a queue serve it to its last ticket, though it was published away meanwhile."""
        gone = {alike.queue: alike for alike in classes if alike.queue not in pharmacy.queues}
        for queue, alike in gone.items():
            tickets = self._record.desk.of_class(alike, 1)
            loaded = self._record.load_call(tickets[0].call) if tickets else None
            before = self._board.pharmacy(loaded.call.version).staff if loaded else {}
            served = {id_ for id_, agent in before.items() if queue in agent.queues}
            desks = [_serving(desk, queue) if desk.agent.id in served else desk for desk in desks]
        return desks

    def brought_back(self, desk: AtDesk, known: AgentNow, policies: Policies) -> AtDesk:
        """Return the agent as they are now: available, if their wrap-up or their missed offer is long enough ago.

        Whose phone cannot be reached time after time is taken off the line, until they come back themselves.
        """
        id_, now = desk.agent.id, self._board.clock.now()
        often = known.missed >= policies.missed_in_a_row
        if desk.presence == "available" and often:
            event, reason, only = "missed", "unreachable", ""
        elif due_back(desk, known.reason == "missed" and not often, policies, now):
            event, reason, only = _BACK[desk.presence], "", known.reason
        else:
            return desk
        if event == "wrapped_up" and self._record.desk.is_still_on(known.reason, id_):
            return desk  # they listen to what came of it being asked, and their phone could not ring
        try:
            presence = self._record.desk.move_agent(id_, event, reason, now, by="line", only=only)
        except Conflict:  # they have moved themselves
            return desk
        log.info("agent_due_back", agent=id_, presence=presence)
        return AtDesk(desk.agent, presence, now)

    # ------------------------------------------------------------ the sites we serve

    def _serve(self, held: Collection[str], pharmacy: Pharmacy) -> None:
        """Match the agents of the sites we hold with whoever waits there, or at other sites for them as well."""
        now, began = self._board.clock.now(), time.monotonic()
        known = self._record.desk.agents()
        everybody = self._desks(held, pharmacy, known)
        classes = self._record.desk.classes()
        desks = self._with_gone_queues(everybody, classes, pharmacy)
        # Their phone cannot ring while they are on it. Who wraps up may be on it still, and an emergency matched with
        # them alone would be refused by the record pass after pass, while others get those who are free.
        busy = self._record.desk.on_staff_line(now) | {id_ for id_, agent in known.items() if agent.ticket}
        open_sites = {site for site in pharmacy.sites if pharmacy.hours[site].closed_because(now) is None}
        pairs = self._match(
            [alike for alike in classes if alike.kind != "callback" or not quiet(pharmacy, alike.site, now)],
            at_hour([desk for desk in desks if desk.agent.site in held and desk.agent.id not in busy], open_sites),
            {site: kept_free(pharmacy, [desk for desk in everybody if desk.agent.site == site]) for site in held},
            now,
        )
        for n, (ticket, agent) in enumerate(self._paced(pairs, pharmacy.policies)):
            if n and time.monotonic() - began >= self._stale_seconds:
                self._board.live.ring("dispatch")  # somebody may go first by now: the rest is matched anew
                break
            self._offer(ticket, agent, self._leases.lease(_lease_of(agent.site)))
        there = [desk.agent for desk in desks if desk.agent.site in open_sites or desk.agent.on_call]
        self._tell_stranded(stranded([each for each in classes if each.site in held], there, pharmacy.queues), now)

    def _offer(self, ticket: Ticket, agent: Agent, under: Lease) -> None:
        offered = Offered(secrets.token_urlsafe(16), secrets.token_urlsafe(16), agent.id, agent.address)
        # The agent, or the whole site, is somebody else's by now: the next pass sees the line as it is then.
        with suppress(Conflict):
            if self._tell(ticket.call, offered, under) is None:
                self._aside[ticket.id] = self._board.clock.now() + ASIDE
            self._offered()

    def _paced(self, pairs: list[tuple[Ticket, Agent]], policies: Policies) -> list[tuple[Ticket, Agent]]:
        """Keep every emergency, and of the others as many as can be rung soon."""
        urgent = [pair for pair in pairs if pair[0].emergency]
        calm = [pair for pair in pairs if not pair[0].emergency]
        ahead = max(1, round(policies.calls_per_second * AHEAD_SECONDS))
        room = ahead - self._record.outbox.pending().get("place", 0) - len(urgent) if calm else 0
        return urgent + calm[: max(0, room)]

    def _match(
        self, classes: Iterable[TicketClass], desks: list[AtDesk], keep_free: Mapping[str, int], now: datetime
    ) -> list[tuple[Ticket, Agent]]:
        if not desks:
            return []
        refused = self._record.desk.refused(now - timedelta(seconds=DECLINED_SECONDS))
        line = heads(self._record.desk, classes, desks, refused, now, spare=len(self._aside))
        return match([entry for entry in line if entry.ticket.id not in self._aside], desks, now, keep_free)

    # ------------------------------------------------------------ nobody could

    def _tell_stranded(self, classes: Iterable[TicketClass], now: datetime) -> None:
        """Tell each ticket once that nobody signed in could ever serve it, and again when that has changed it."""
        found = [ticket for alike in classes for ticket in self._record.desk.of_class(alike) if _holds(ticket, now)]
        before, self._told = self._told, {}
        self._told = {ticket.id: ticket for ticket in found if before.get(ticket.id) == ticket}
        new = [ticket for ticket in found if ticket.id not in self._told]
        for ticket in new[:MOST_AT_ONCE]:
            with suppress(Conflict):  # the call has moved: the next pass sees its ticket as it is then
                self._tell(ticket.call, NobodyCould())
                self._told[ticket.id] = ticket


# ---------------------------------------------------------------- what a pass goes by


def _lease_of(site: str) -> str:
    return f"dispatch:{site}"


def _name_of(timer: Timer) -> str:
    return f"{timer.call_id} {timer.name}"


def roster(pharmacy: Pharmacy) -> dict[str, Agent]:
    """Return everybody who may be rung: the staff, and each site's on-call number as an agent `on_call:<site>`."""
    on_call = (
        # Known to `could_serve` by id. Marked as licensed, they would be the one that `keep_free` keeps free.
        Agent(on_call_id(site.name), "on call", site.name, phone=site.on_call)
        for site in pharmacy.sites.values()
        if site.on_call
    )
    return {**pharmacy.staff, **{agent.id: agent for agent in on_call}}


def due_back(desk: AtDesk, missed: bool, policies: Policies, now: datetime) -> bool:
    """Has this agent's wrap-up, or their break after a missed offer, been long enough?"""
    seconds = (now - desk.since).total_seconds()
    if seconds < 0:  # somebody set the practice clock back
        return desk.presence == "wrap_up" or missed
    if desk.presence == "wrap_up":
        return seconds >= policies.wrap_up_seconds
    return desk.presence == "on_break" and missed and seconds >= policies.missed_return_seconds


def quiet(pharmacy: Pharmacy, site: str, now: datetime) -> bool:
    """Is it too late or too early at the site to call anybody back?"""
    begins, ends = pharmacy.policies.quiet_hours
    minute = pharmacy.hours[site].minute_of_day(now)
    return begins <= minute < ends if begins <= ends else minute >= begins or minute < ends


def kept_free(pharmacy: Pharmacy, desks: Iterable[AtDesk]) -> int:
    """How many licensed agents stay free for emergencies: what the queues ask, but never all who are working."""
    working = sum(desk.agent.licensed and desk.presence != "on_break" for desk in desks)
    asked = max((queue.keep_free_licensed for queue in pharmacy.queues.values()), default=0)
    return max(0, min(asked, working - 1))


def at_hour(desks: Iterable[AtDesk], open_sites: Collection[str]) -> list[AtDesk]:
    """Return those whose phone may ring now: while a site is closed, nobody's there but the one on call."""
    return [
        desk
        for desk in desks
        if (desk.agent.site in open_sites or desk.agent.on_call)
        and desk.presence in ("available", "wrap_up", "on_break")
    ]


def stranded(
    classes: Iterable[TicketClass], there: Collection[Agent], queues: Mapping[str, Queue]
) -> list[TicketClass]:
    """Return the classes of callers on hold none of these agents could serve, even at the end of their wait plan."""
    return [
        alike
        for alike in classes
        if alike.kind == "hold" and not any(could_serve(agent, widest(alike, queues)) for agent in there)
    ]


def widest(alike: TicketClass, queues: Mapping[str, Queue]) -> TicketClass:
    """Return the class as it will be at the end of its queue's wait plan; a licence is never given up."""
    plan = queues[alike.queue].plan if alike.queue in queues else ()
    relaxed = {step.value for step in plan if step.does == "relax"}
    reached = tuple(step.value for step in plan if step.does == "overflow")
    return replace(
        alike,
        needs=tuple(need for need in alike.needs if need not in relaxed),
        also=(*alike.also, *(name for name in reached if name in queues)),
        sites=(*alike.sites, *(name for name in reached if name not in queues)),
    )


def heads(
    desk: Desk,
    classes: Iterable[TicketClass],
    desks: Sequence[AtDesk],
    refused: Sequence[Refused],
    now: datetime,
    spare: int = 0,
) -> list[InLine]:
    """Return what of the line these agents could be matched with: the first so many of each class, emergencies all.

    Tickets of a class have the same choice of agents, so a later one is never matched before an earlier one. Those
    somebody refused lately have less choice, and are read beside so many others; so are `spare` more.
    """
    declined = declined_lately(refused, now)
    wanted: dict[TicketClass, int | None] = {}
    fewer = Counter(alike for _, alike in {(each.ticket, each.alike) for each in refused})
    for alike in classes:
        able = [each for each in desks if alike.emergency or each.presence == "available"]
        able = [each for each in able if could_serve(each.agent, alike)]
        if able:
            wanted[alike] = None if alike.emergency else len(able) + fewer[alike] + spare
    found = desk.heads(wanted, now)
    return [replace(entry, declined=declined.get(entry.ticket.id, frozenset())) for entry in found]


def declined_lately(refused: Iterable[Refused], now: datetime) -> dict[str, frozenset[str]]:
    """Return by ticket who has just said no to it, or could not be rung; on call they are asked again soon."""
    declined = now - timedelta(seconds=DECLINED_SECONDS)
    tried = now - timedelta(seconds=ON_CALL_AGAIN_SECONDS)
    found: dict[str, frozenset[str]] = {}
    for each in refused:
        said_no = each.state in ("declined", "passed_on") and each.offered_at > declined and not is_on_call(each.agent)
        if said_no or each.offered_at > tried:
            found[each.ticket] = found.get(each.ticket, frozenset()) | {each.agent}
    return found


def _serving(desk: AtDesk, queue: str) -> AtDesk:
    return replace(desk, agent=replace(desk.agent, queues=desk.agent.queues | {queue}))


def _holds(ticket: Ticket, now: datetime) -> bool:
    """Is somebody on hold with this ticket, and not away choosing something?"""
    return ticket.kind == "hold" and not (ticket.not_before and now < ticket.not_before)
