"""The line: tickets and their promises, agents and their presence, and who is offered which ticket."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

# ---------------------------------------------------------------- what the pharmacy publishes

CALLBACK_MODES = ("agent_first", "caller_first")
"""Who is rung first: an agent, who waits for the person, or the person, while an agent is held for them."""


@dataclass(frozen=True, slots=True)
class PlanStep:
    """One step of a queue's wait plan: after so many seconds waited, do this."""

    after_seconds: int
    does: str  # announce · offer · relax · overflow · voicemail
    value: str


@dataclass(frozen=True, slots=True)
class Code:
    """What may have come of a call, as a word for the record and as it is spoken and shown."""

    name: str
    title: str
    means: str = ""  # the resolution of `core/codes.py` it stands for; empty: its own name's, else somebody's work done


@dataclass(frozen=True, slots=True)
class Queue:
    """A line of tickets and who may serve it (`config/queues.yaml`)."""

    name: str
    title: str
    answer_within_seconds: int
    licensed: bool = False
    needs: tuple[str, ...] = ()
    offer_callback: bool = True
    record: bool = False
    on_call: bool = False
    keep_free_licensed: int = 0
    plan: tuple[PlanStep, ...] = ()
    nobody: str = "callback"  # callback · voicemail · on_call · a site: when nobody could ever serve
    callback_mode: str = ""  # agent_first · caller_first; empty: as the policies say
    codes: tuple[Code, ...] = ()  # one of which every talk ends with; none: it is not asked


ROLES = ("agent", "supervisor", "auditor", "admin")
"""Whose business it is: their own calls; everybody's; to look on; and everything."""


@dataclass(frozen=True, slots=True)
class Agent:
    """A person who takes calls (`config/staff.yaml`)."""

    id: str
    name: str
    site: str
    phone: str | None = None
    sip: str | None = None
    client: str | None = None
    queues: frozenset[str] = frozenset()
    skills: frozenset[str] = frozenset()
    languages: frozenset[str] = frozenset()
    licensed: bool = False
    pin: str = ""
    starts: str = "available"
    role: str = "agent"  # see ROLES
    extension: str = ""  # what they key on the staff line from a phone that is not theirs
    shifts: Mapping[str, tuple[tuple[int, int], ...]] = field(default_factory=dict)  # as core `Hours.week`; {}: none

    @property
    def on_call(self) -> bool:
        """Is this a site's on-call number rather than somebody on the staff?"""
        return self.id == on_call_id(self.site)

    @property
    def address(self) -> str:
        """Where this agent's phone rings: E.164, `sip:…` or `client:…`."""
        return self.phone or self.sip or f"client:{self.client}"


def on_call_id(site: str) -> str:
    """The agent that a site's on-call number is."""
    return f"on_call:{site}"


def is_on_call(agent: str) -> bool:
    """Is this agent the on-call number of some site?"""
    return agent.startswith(on_call_id(""))


# ---------------------------------------------------------------- what happens on a day


@dataclass(frozen=True, slots=True)
class Attempt:
    """One call we placed to somebody who is to be called back, and what came of it."""

    at: datetime
    came: str  # answered · busy · no_answer · failed · machine · no_key · hung_up · agent_left


@dataclass(frozen=True, slots=True)
class Ticket:
    """One need in line, with one honest clock: it moves between hold, callback and voicemail and keeps its place."""

    id: str
    call: str
    site: str
    queue: str
    kind: str  # hold · callback · voicemail
    state: str  # waiting · connecting · talking · moved (it goes on in a later call) · closed
    arrived_at: datetime
    due_from: datetime
    answer_within_seconds: int  # 0 is an emergency: now
    needs: tuple[str, ...] = ()
    language: str | None = None
    licensed: bool = False
    person: str = ""  # who it is for, as a key that is not a phone number
    need: str = ""  # what it is about: a group of intents
    not_before: datetime | None = None
    attempts: int = 0
    tried: tuple[Attempt, ...] = ()  # the attempts that are over
    window: tuple[datetime, datetime] | None = None  # the time they chose to be called in
    zones: tuple[str, ...] = ()  # the time zones the number to call may be in; none: nobody knows
    machine_told: bool = False  # words for them were left on a machine
    also: tuple[str, ...] = ()  # queues whose agents may serve it too by now
    sites: tuple[str, ...] = ()  # other sites whose agents may serve it too by now, in the hours of theirs
    preferred: str | None = None  # the agent who is asked before all others, where they may serve it at all
    on_call: bool = False  # the site's on-call number may be rung for it now
    answered_at: datetime | None = None  # the first human
    closed_at: datetime | None = None

    @property
    def emergency(self) -> bool:
        return self.answer_within_seconds == 0

    @property
    def promised_at(self) -> datetime:
        return self.due_from + timedelta(seconds=self.answer_within_seconds)

    @property
    def live(self) -> bool:
        return self.state != "closed"

    @property
    def order(self) -> tuple[bool, datetime, datetime, str]:
        """Earliest promise first, emergencies strictly ahead."""
        return (not self.emergency, self.promised_at, self.arrived_at, self.id)


OUTSIDE = "outside:"  # stands before the name of a transfer where somebody on the staff has their id


@dataclass(frozen=True, slots=True)
class TicketClass:
    """What decides who may be offered a ticket: all of a class have the same choice of agents, in the same order."""

    site: str
    queue: str
    kind: str
    emergency: bool
    needs: tuple[str, ...]
    language: str | None
    licensed: bool
    also: tuple[str, ...]
    on_call: bool
    sites: tuple[str, ...]
    preferred: str | None


def class_of(ticket: Ticket) -> TicketClass:
    """The class of a ticket as it stands; sets are told in one order, so that equal classes are written alike."""
    return TicketClass(
        ticket.site,
        ticket.queue,
        ticket.kind,
        ticket.emergency,
        tuple(sorted(ticket.needs)),
        ticket.language,
        ticket.licensed,
        tuple(sorted(ticket.also)),
        ticket.on_call,
        tuple(sorted(ticket.sites)),
        ticket.preferred,
    )


@dataclass(frozen=True, slots=True)
class Offer:
    """A ticket put to one agent, with an expiry: for their phone to begin to ring, and from then on to be answered.

    Whoever is consulted during a talk, or listens to it, holds an offer too, whose `ticket` is `<ticket>/<n>`.
    """

    id: str
    ticket: str
    agent: str
    leg: str
    state: str  # open · accepted · declined · missed · unrung · withdrawn · ended · passed_on (to somebody else)
    offered_at: datetime
    expires_at: datetime
    came_at: datetime | None = None  # when they picked up
    rang_at: datetime | None = None  # when the carrier took the call for it
    on_leaving: str = ""  # what then happens to an agent who is on the phone still, hearing what became of the offer
    here: bool = False  # on the phone they ring the staff line with: nobody is rung
    purpose: str = "answer"  # answer · consult · listen · coach · barge: as what they are on the call
    words: str = ""  # what they hear once it has ended and they are taken from the room, or from the talk
    ended_at: datetime | None = None  # when one who had accepted was on the call no more
    asked: bool = False  # they have heard the question what came of it, and what they key from then on answers that

    @property
    def outside(self) -> bool:
        """Is this somebody rung by a number of policies.yaml rather than one of the staff?"""
        return self.agent.startswith(OUTSIDE)

    @property
    def conference(self) -> str:
        """The room the two legs meet in: random, used once."""
        return f"rx-{self.id}"


# ---------------------------------------------------------------- who is offered which ticket

NONE_KEPT: Mapping[str, int] = {}
EMERGENCY_OFFERS = 3  # phones that ring at once for an emergency
WIDER_AFTER_SECONDS = 20  # an emergency also rings those in wrap-up or on break
DECLINED_SECONDS = 60  # an agent who declined a ticket is not asked again so soon


@dataclass(frozen=True, slots=True)
class AtDesk:
    """An agent as they are now."""

    agent: Agent
    presence: str
    since: datetime


@dataclass(frozen=True, slots=True)
class InLine:
    """A waiting ticket with what limits its offers now."""

    ticket: Ticket
    open_offers: int = 0
    declined: frozenset[str] = frozenset()  # agents who lately said no


def offerable(entry: InLine, now: datetime) -> bool:
    """May this ticket be put to anybody now?"""
    ticket = entry.ticket
    if ticket.state != "waiting" or ticket.kind == "voicemail":
        return False
    if ticket.not_before is not None and now < ticket.not_before:
        return False
    return entry.open_offers < (EMERGENCY_OFFERS if ticket.emergency else 1)


def could_serve(agent: Agent, ticket: Ticket | TicketClass) -> bool:
    """Is this agent one who may serve this ticket at all: site, queue, every skill still in force, licence?

    Not language: who speaks it comes first, and anybody comes before nobody. A rule that must have a speaker needs a
    skill, which a wait plan can give up. Nor who is preferred.
    """
    if agent.on_call:
        return ticket.on_call and agent.site == ticket.site
    return (
        (agent.site == ticket.site or agent.site in ticket.sites)
        and not agent.queues.isdisjoint((ticket.queue, *ticket.also))
        and agent.skills >= frozenset(ticket.needs)
        and (not ticket.licensed or agent.licensed)
    )


def eligible(desk: AtDesk, entry: InLine, now: datetime) -> bool:
    """May this agent be offered this ticket now?"""
    ticket = entry.ticket
    if desk.agent.id in entry.declined or not could_serve(desk.agent, ticket):
        return False
    if desk.presence == "available":
        return True
    waited = (now - ticket.due_from).total_seconds()
    wider = desk.agent.on_call or waited >= WIDER_AFTER_SECONDS
    return ticket.emergency and wider and desk.presence in ("wrap_up", "on_break")


def match(
    line: Iterable[InLine], desks: Sequence[AtDesk], now: datetime, keep_free: Mapping[str, int] = NONE_KEPT
) -> list[tuple[Ticket, Agent]]:
    """Who is offered which ticket: the earliest promises that can be served together, and as many as possible.

    Tickets go in order of promise; each tries its eligible agents (the preferred one, then those who speak its
    language, then fewest skills, a licence counted as one, then longest idle, then id) and may move an earlier ticket
    to another of that ticket's agents, but never un-match it (augmenting paths, Kuhn 1955). An emergency asks for up
    to three agents, once every emergency has one. Of each site's available licensed agents so many as `keep_free`
    says (site -> agents) take nothing but emergencies.
    """
    slots = _slots(line, now)
    wishes = {(entry.ticket.preferred, entry.ticket.language) for entry in slots}
    ranked = {wish: _ranked(desks, *wish) for wish in wishes}
    reserve = _reserve(desks, keep_free, slots, now)
    choices = [
        _Choice(
            entry,
            ranked[entry.ticket.preferred, entry.ticket.language],
            frozenset() if entry.ticket.emergency else reserve,
            now,
        )
        for entry in slots
    ]
    held: dict[str, int] = {}  # agent -> slot
    for slot in range(len(slots)):
        if len(held) < len(desks):
            _seat(slot, choices, held)
    agents = {desk.agent.id: desk.agent for desk in desks}
    return [(slots[slot].ticket, agents[agent]) for agent, slot in sorted(held.items(), key=lambda pair: pair[1])]


@dataclass(frozen=True, slots=True)
class _Choice:
    """Whom one place in the matching may be given, in order of liking; worked out only as far as it is needed."""

    entry: InLine
    ranked: Sequence[AtDesk]
    reserve: frozenset[str]
    now: datetime

    def agents(self) -> Iterator[str]:
        for desk in self.ranked:
            if desk.agent.id not in self.reserve and eligible(desk, self.entry, self.now):
                yield desk.agent.id

    def first_free(self, held: Mapping[str, int]) -> str | None:
        for desk in self.ranked:
            id_ = desk.agent.id
            if id_ not in held and id_ not in self.reserve and eligible(desk, self.entry, self.now):
                return id_
        return None


def _seat(slot: int, choices: Sequence[_Choice], held: dict[str, int]) -> None:
    """Give a slot an agent: a free one, else by the shortest chain of slots that can each take another."""
    reached: dict[str, int] = {}  # agent -> the slot that would take them
    waiting = deque([slot])
    while waiting:
        asking = waiting.popleft()
        free = choices[asking].first_free(held)
        if free is not None:
            reached[free] = asking
            return _hand_on(slot, free, reached, held)
        for agent in choices[asking].agents():
            if agent not in reached:
                reached[agent] = asking
                waiting.append(held[agent])
    return None


def _hand_on(slot: int, agent: str, reached: Mapping[str, int], held: dict[str, int]) -> None:
    """Walk the chain back from the free agent: each slot on it gives up its agent to the one before."""
    seats = {taken: id_ for id_, taken in held.items()}
    while True:
        taker = reached[agent]
        held[agent] = taker
        if taker == slot:
            return
        agent = seats[taker]


def _slots(line: Iterable[InLine], now: datetime) -> list[InLine]:
    """The places to fill, in order: the first phone of every emergency, their second and third, then everybody else."""
    entries = sorted((entry for entry in line if offerable(entry, now)), key=lambda entry: entry.ticket.order)
    phones = [
        (phone, entry)
        for entry in entries
        if entry.ticket.emergency
        for phone in range(entry.open_offers, EMERGENCY_OFFERS)
    ]
    phones.sort(key=lambda pair: (pair[0], pair[1].ticket.order))
    return [*(entry for _, entry in phones), *(entry for entry in entries if not entry.ticket.emergency)]


def _ranked(desks: Iterable[AtDesk], preferred: str | None, language: str | None) -> list[AtDesk]:
    def rank(desk: AtDesk) -> tuple[bool, bool, int, datetime, str]:
        agent = desk.agent
        speaks = language in agent.languages
        return (agent.id != preferred, not speaks, len(agent.skills) + agent.licensed, desk.since, agent.id)

    return sorted(desks, key=rank)


def _reserve(
    desks: Iterable[AtDesk], keep_free: Mapping[str, int], slots: Sequence[InLine], now: datetime
) -> frozenset[str]:
    """The licensed agents who stay free for emergencies: at each site those whom the fewest classes of waiting need.

    Classes and not tickets: so the heads of a line say the same as all of it.
    """
    free = [desk for desk in desks if desk.presence == "available" and desk.agent.licensed] if keep_free else []
    others = [(entry, class_of(entry.ticket)) for entry in slots if free and not entry.ticket.emergency]

    def needed(desk: AtDesk) -> tuple[int, int, str]:
        classes = {alike for entry, alike in others if eligible(desk, entry, now)}
        return (len(classes), len(desk.agent.queues), desk.agent.id)

    ranked = sorted(free, key=needed)
    return frozenset(
        desk.agent.id
        for site, kept in keep_free.items()
        for desk in [each for each in ranked if each.agent.site == site][:kept]
    )
