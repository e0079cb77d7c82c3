"""Dispatch: who is offered which ticket, timers, and agents who are due back. Each site by one process at a time."""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Collection, Hashable, Iterable, Mapping
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
    could_serve,
    match,
    offerable,
    on_call_id,
)
from ivr.core.pharmacy import Pharmacy, Policies, Site
from ivr.leases import Leases
from ivr.store import Conflict, Lease, Unreachable
from ivr.switchboard import Switchboard

log = structlog.get_logger(__name__)

GOODBYE_SECONDS = 10.0
ON_CALL_AGAIN_SECONDS = 20  # nobody else is there: busy or not, the number on call is rung again
AHEAD_SECONDS = 5.0
"""No more offers are made than can be rung so soon: an agent whose phone cannot ring yet is of no use to anybody."""

ASIDE = timedelta(minutes=1)
_BACK = {"on_break": "returned", "wrap_up": "wrapped_up"}


class Dispatch:
    """One pass is `once`."""

    def __init__(self, board: Switchboard, leases: Leases) -> None:
        self._board = board
        self._record = board.record
        self._leases = leases
        self._seeded = ""
        # By site, then ticket: whom nobody could serve, as they were once told.
        self._told: dict[str, dict[str, Ticket]] = {}
        self._aside: dict[str, datetime] = {}  # tickets whose call could not be told, until when others go first

    def once(self) -> bool:
        """Serve every site whose lease is free or ours; False when all are another's."""
        pharmacy = self._board.pharmacy()
        self._seed(pharmacy)
        held = [site for site in pharmacy.sites.values() if self._leases.held(_lease_of(site))]
        if self._leases.held("timers"):
            self._fire_timers()
        for site in held:
            self._serve(site, pharmacy)
        return bool(held)

    # ------------------------------------------------------------ timers

    def _fire_timers(self) -> None:
        for timer in self._record.timers.due(self._board.clock.now()):
            # Told before it is taken: whoever dies in between leaves it to be told again, and a call that has
            # heard it takes no notice, except that an emergency nobody answered may make two tasks instead of none.
            with suppress(Conflict):
                self._tell(timer.call_id, TimerDue(timer.name))
                self._record.timers.take(timer)

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

    def _desks(self, site: Site, pharmacy: Pharmacy) -> list[AtDesk]:
        """Return the site's signed-in agents, those due back brought back."""
        known = self._record.desk.agents()
        desks = [
            AtDesk(agent, known[id_].presence, known[id_].since)
            for id_, agent in roster(pharmacy).items()
            if agent.site == site.name and id_ in known and known[id_].presence != "signed_out"
        ]
        missed = {id_ for id_, agent in known.items() if agent.reason == "missed"}
        return [self.brought_back(desk, desk.agent.id in missed, pharmacy.policies) for desk in desks]

    def _with_gone_queues(self, desks: list[AtDesk], tickets: Iterable[Ticket], pharmacy: Pharmacy) -> list[AtDesk]:
        """Let those who served a queue serve it to its last ticket, though it was published away meanwhile."""
        gone = {ticket.queue: ticket.call for ticket in tickets if ticket.queue not in pharmacy.queues}
        for queue, call_id in gone.items():
            loaded = self._record.load_call(call_id)
            before = self._board.pharmacy(loaded.call.version).staff if loaded else {}
            served = {id_ for id_, agent in before.items() if queue in agent.queues}
            desks = [_serving(desk, queue) if desk.agent.id in served else desk for desk in desks]
        return desks

    def brought_back(self, desk: AtDesk, missed: bool, policies: Policies) -> AtDesk:
        """Return the agent as they are now: available, if their wrap-up or their missed offer is long enough ago."""
        id_, now = desk.agent.id, self._board.clock.now()
        if not due_back(desk, missed, policies, now):
            return desk
        try:
            presence = self._record.desk.move_agent(id_, _BACK[desk.presence], "", now)
        except Conflict:  # they have moved themselves
            return desk
        log.info("agent_due_back", agent=id_, presence=presence)
        return AtDesk(desk.agent, presence, now)

    # ------------------------------------------------------------ a site

    def _serve(self, site: Site, pharmacy: Pharmacy) -> None:
        tickets = self._record.desk.waiting(site.name)
        desks = self._with_gone_queues(self._desks(site, pharmacy), tickets, pharmacy)
        now = self._board.clock.now()
        is_open = pharmacy.hours[site.name].closed_because(now) is None
        holding = [ticket for ticket in tickets if _holds(ticket, now)]
        self._tell_stranded(site, stranded(holding, [desk.agent for desk in desks], pharmacy.queues, is_open))
        may_ring_back = is_open and not quiet(pharmacy, site, now)
        served = [
            ticket
            for ticket in tickets
            if in_hours(ticket, is_open, may_ring_back) and now >= self._aside.get(ticket.id, now)
        ]
        pairs = self._match(served, at_hour(desks, is_open), now, kept_free(pharmacy, desks))
        for ticket, agent in self._paced(pairs, pharmacy.policies):
            self._offer(ticket, agent, self._leases.lease(_lease_of(site)))

    def _offer(self, ticket: Ticket, agent: Agent, under: Lease) -> None:
        offered = Offered(secrets.token_urlsafe(16), secrets.token_urlsafe(16), agent.id, agent.address)
        # The agent, or the whole site, is somebody else's by now: the next pass sees the line as it is then.
        with suppress(Conflict):
            if self._tell(ticket.call, offered, under) is None:
                self._aside[ticket.id] = self._board.clock.now() + ASIDE

    def _paced(self, pairs: list[tuple[Ticket, Agent]], policies: Policies) -> list[tuple[Ticket, Agent]]:
        """Keep every emergency, and of the others as many as can be rung soon."""
        urgent = [pair for pair in pairs if pair[0].emergency]
        calm = [pair for pair in pairs if not pair[0].emergency]
        ahead = max(1, round(policies.calls_per_second * AHEAD_SECONDS))
        room = ahead - self._record.outbox.pending().get("place", 0) - len(urgent) if calm else 0
        return urgent + calm[: max(0, room)]

    # ------------------------------------------------------------ matching

    def _match(
        self, tickets: list[Ticket], desks: list[AtDesk], now: datetime, keep_free: int
    ) -> list[tuple[Ticket, Agent]]:
        """Match, and again without what the calls of the matched tickets forbid, until nothing is forbidden.

        Only matched tickets' calls are read: what an unmatched one forbids could not have made it matched.
        """
        if not (tickets and desks):
            return []
        offers = Counter(offer.ticket for _, offer in self._record.desk.open_offers())
        line = {ticket.id: InLine(ticket, offers[ticket.id]) for ticket in tickets}
        on_call = {desk.agent.id for desk in desks if desk.agent.on_call}
        read: set[str] = set()
        while True:
            pairs = match(heads(line.values(), len(desks), now), desks, now, keep_free)
            new = {ticket.id for ticket, _ in pairs} - read
            if not new:
                return pairs
            for id_ in new:
                line[id_] = self._limited(line[id_], on_call, now)
            read |= new

    def _limited(self, entry: InLine, on_call: Collection[str], now: datetime) -> InLine:
        loaded = self._record.load_call(entry.ticket.call)
        declined = declined_lately(loaded.call, on_call, now) if loaded else frozenset()
        here = loaded is not None and _still_hears_us(loaded.call, now)
        if entry.ticket.kind == "callback" and (here or self._person_is_on_the_line(entry.ticket)):
            # Not now, and nobody asked: as good as a ticket whose time has not come.
            return replace(entry, ticket=replace(entry.ticket, not_before=now + timedelta(seconds=1)))
        return replace(entry, declined=declined)

    def _person_is_on_the_line(self, ticket: Ticket) -> bool:
        return any(
            call.person == ticket.person and any(leg.state == "live" for leg in call.legs.values())
            for call in self._record.live_calls()
            if call.id != ticket.call
        )

    # ------------------------------------------------------------ nobody could

    def _tell_stranded(self, site: Site, stranded: Iterable[Ticket]) -> None:
        """Tell each ticket once that nobody signed in could ever serve it, and again when that has changed it."""
        before = self._told.get(site.name, {})
        told = self._told[site.name] = {}
        for ticket in stranded:
            if before.get(ticket.id) == ticket:
                told[ticket.id] = ticket
                continue
            with suppress(Conflict):  # the call has moved: the next pass sees its ticket as it is then
                self._tell(ticket.call, NobodyCould())
                told[ticket.id] = ticket


# ---------------------------------------------------------------- what a pass goes by


def _lease_of(site: Site) -> str:
    return f"dispatch:{site.name}"


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


def _still_hears_us(call: Call, now: datetime) -> bool:
    """Is the caller who was promised a callback still listening to our goodbye? News of a hang-up may never come."""
    live = any(leg.kind == "caller" and leg.state == "live" for leg in call.legs.values())
    return live and (call.ended_at is None or (now - call.ended_at).total_seconds() < GOODBYE_SECONDS)


def quiet(pharmacy: Pharmacy, site: Site, now: datetime) -> bool:
    """Is it too late or too early at the site to call anybody back?"""
    begins, ends = pharmacy.policies.quiet_hours
    minute = pharmacy.hours[site.name].minute_of_day(now)
    return begins <= minute < ends if begins <= ends else minute >= begins or minute < ends


def kept_free(pharmacy: Pharmacy, desks: Iterable[AtDesk]) -> int:
    """How many licensed agents stay free for emergencies: what the queues ask, but never all who are working."""
    working = sum(desk.agent.licensed and desk.presence != "on_break" for desk in desks)
    asked = max((queue.keep_free_licensed for queue in pharmacy.queues.values()), default=0)
    return max(0, min(asked, working - 1))


def at_hour(desks: Iterable[AtDesk], is_open: bool) -> list[AtDesk]:
    """Return those whose phone may ring now: while the site is closed nobody's but the one on call."""
    return [
        desk
        for desk in desks
        if (is_open or desk.agent.on_call) and desk.presence in ("available", "wrap_up", "on_break")
    ]


def in_hours(ticket: Ticket, is_open: bool, may_ring_back: bool) -> bool:
    """May this ticket be served at this hour? By who is on call always; its caller is on the line."""
    if ticket.kind == "callback":
        return may_ring_back
    return is_open or ticket.emergency or ticket.on_call


def stranded(
    tickets: Iterable[Ticket], there: Collection[Agent], queues: Mapping[str, Queue], is_open: bool
) -> list[Ticket]:
    """Return the tickets none of these agents could serve in their hours, even at the end of their wait plan."""
    on_shift = [agent for agent in there if is_open or agent.on_call]
    could: dict[Hashable, bool] = {}  # of a class: a long line has few
    found = []
    for ticket in tickets:
        alike = (_class_of(ticket), ticket.emergency)
        if alike not in could:
            at_last = widest(ticket, queues)
            could[alike] = any(could_serve(agent, at_last) for agent in on_shift)
        if not could[alike]:
            found.append(ticket)
    return found


def widest(ticket: Ticket, queues: Mapping[str, Queue]) -> Ticket:
    """Return the ticket as it will be at the end of its queue's wait plan; a licence is never given up."""
    plan = queues[ticket.queue].plan if ticket.queue in queues else ()
    relaxed = {step.value for step in plan if step.does == "relax"}
    also = tuple(step.value for step in plan if step.does == "overflow")
    needs = tuple(need for need in ticket.needs if need not in relaxed)
    return replace(ticket, needs=needs, also=(*ticket.also, *also))


def heads(line: Iterable[InLine], free: int, now: datetime) -> list[InLine]:
    """Return what of a line, given in order, `free` agents could be matched with: the first so many of each class.

    Tickets of a class have the same choice of agents, so a later one is never matched before an earlier one.
    """
    seen: Counter[Hashable] = Counter()
    kept = []
    for entry in line:
        if not offerable(entry, now):
            continue
        ticket = entry.ticket
        alike = None if ticket.emergency or entry.declined else _class_of(ticket)
        seen[alike] += 1
        if alike is None or seen[alike] <= free:
            kept.append(entry)
    return kept


def declined_lately(call: Call, on_call: Collection[str], now: datetime) -> frozenset[str]:
    """Return the agents who have just said no to this call, or could not be rung; on call they are asked again soon."""
    declined = now - timedelta(seconds=DECLINED_SECONDS)
    tried = now - timedelta(seconds=ON_CALL_AGAIN_SECONDS)
    return frozenset(
        offer.agent
        for offer in call.offers
        if (offer.state == "declined" and offer.offered_at > declined and offer.agent not in on_call)
        or (offer.state in ("declined", "missed", "unrung") and offer.offered_at > tried)
    )


def _class_of(ticket: Ticket) -> Hashable:
    queues = frozenset((ticket.queue, *ticket.also))
    return ticket.site, queues, frozenset(ticket.needs), ticket.licensed, ticket.language, ticket.on_call


def _serving(desk: AtDesk, queue: str) -> AtDesk:
    return replace(desk, agent=replace(desk.agent, queues=desk.agent.queues | {queue}))


def _holds(ticket: Ticket, now: datetime) -> bool:
    """Is somebody on hold with this ticket, and not away choosing something?"""
    return ticket.kind == "hold" and not (ticket.not_before and now < ticket.not_before)
