"""A line in simulated time: the core as it is, and around it the least that makes it a line.

No process, no network, no record: calls stand in a dictionary, effects become events some seconds later, and whoever
answers, keys and talks is drawn from a model. `step` and `match` are those of the live line.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import count
from random import Random
from typing import Any

from ivr.core.call import Answer, Call, Caller, Leg, World
from ivr.core.effects import (
    ClearTimer,
    Effect,
    EndLeg,
    MoveAgent,
    MoveCaller,
    MoveLeg,
    PlaceCall,
    SetTimer,
    WriteDisposition,
)
from ivr.core.events import Arrived, Came, Event, HungUp, Keyed, Offered, Placed, Recorded, Silent, Spoke, TimerDue
from ivr.core.heard import Heard
from ivr.core.line import AtDesk, InLine, Ticket, match, offerable
from ivr.core.pharmacy import Pharmacy
from ivr.core.presence import PRESENCE
from ivr.core.step import step
from ivr.core.verbs import Back, Gather, Hangup, Hold, Record, Verb

MOST_ASKS = 6


@dataclass(frozen=True, slots=True)
class Visit:
    """One caller: when they ring, which number, what they want, and how long they wait and talk (seconds)."""

    at: datetime
    dialed: str
    caller: str  # kind, as the order system would know it
    intent: str
    urgency: str
    patience: float
    talk: float
    wrap_up: float
    calls_back: bool = False  # takes the callback that is offered


@dataclass(frozen=True, slots=True)
class Pace:
    """How long things take, in seconds; all nothing for a line of theory."""

    thinks: float = 0.0  # a caller, before each key
    picks_up: float = 0.0
    accepts: float = 0.0
    moves: float = 0.0  # the carrier, from our word to the document
    callback_answered: float = 1.0  # share of callbacks somebody picks up


@dataclass
class Desk:
    """An agent, since when they are there, and how long their next wrap-up takes."""

    presence: str
    since: datetime
    wrap_up: float = 0.0


class Simulation:
    """Callers come, the core decides, agents answer; `bodies` are the dispositions, `waiting_seconds` those of all."""

    def __init__(self, pharmacy: Pharmacy, start: datetime, pace: Pace, seed: int = 1) -> None:
        self.pharmacy = pharmacy
        self.now = start
        self.pace = pace
        self.bodies: dict[str, Mapping[str, Any]] = {}
        self.waiting_seconds = 0.0
        self.steps = 0
        self._random = Random(seed)
        self._calls: dict[str, Call] = {}
        self._visits: dict[str, Visit] = {}
        self._waiting: dict[str, Ticket] = {}
        self._timers: dict[tuple[str, str], datetime] = {}
        self._desks = {id_: Desk("available", start) for id_ in pharmacy.staff}
        self._agenda: list[tuple[datetime, int, Callable[[], None]]] = []
        self._order = count()
        self._fresh = (f"t{number}" for number in count())

    # ------------------------------------------------------------ time

    def run(self, visits: Iterator[Visit], until: datetime) -> None:
        """Let these callers ring, each at their time, and everything happen that follows until then."""
        self._next_of(visits)
        while self._agenda and self._agenda[0][0] <= until:
            at, _, happens = heapq.heappop(self._agenda)
            self.waiting_seconds += len(self._waiting) * (at - self.now).total_seconds()
            self.now = at
            happens()
            if not self._agenda or self._agenda[0][0] > at:
                self._dispatch()

    def _next_of(self, visits: Iterator[Visit]) -> None:
        visit = next(visits, None)
        if visit is not None:
            self._agenda_at(visit.at, lambda: (self._rings(visit), self._next_of(visits)))

    def _later(self, seconds: float, happens: Callable[[], object]) -> None:
        self._agenda_at(self.now + timedelta(seconds=seconds), happens)

    def _agenda_at(self, at: datetime, happens: Callable[[], object]) -> None:
        heapq.heappush(self._agenda, (at, next(self._order), happens))  # type: ignore[misc]

    # ------------------------------------------------------------ callers

    def _rings(self, visit: Visit) -> None:
        id_ = f"CA{next(self._order)}"
        line = self.pharmacy.line_for(visit.dialed)
        caller = Caller("number", "+15555550100", "A")
        legs = {id_: Leg(id_, "caller")}
        facts: dict[str, Any] = {"tier": "anonymous"}
        self._calls[id_] = Call(
            id_, line.name, line.site, self.pharmacy.version, self.now, caller, facts=facts, legs=legs
        )
        self._visits[id_] = visit
        self._tell(id_, Arrived(id_, caller))

    def _answers_back(self, id_: str, leg: str, says: tuple[Verb, ...]) -> None:
        """What a caller does with what they hear: say what they want, ask for a person, wait."""
        call, visit = self._calls[id_], self._visits[id_]
        if any(isinstance(verb, Hangup) for verb in says):
            self._later(0, lambda: self._tell(id_, HungUp(leg, "completed")))
        elif any(isinstance(verb, Hold) for verb in says):
            self._waits(id_, leg, visit)
        elif any(isinstance(verb, Record) for verb in says):
            self._later(20, lambda: self._tell(id_, Recorded(leg, f"RE{leg}", 20)))
        elif any(isinstance(verb, Gather | Back) for verb in says):
            self._later(self.pace.thinks, lambda: self._tell(id_, self._answer(call, visit, leg)))

    def _answer(self, call: Call, visit: Visit, leg: str) -> Event:
        if call.asking is not None:
            return Silent(leg)
        if call.phase == "dialogue":
            return Keyed(leg, "1")
        if call.language is None and len(self.pharmacy.line_of(call.line).languages) > 1:
            return Keyed(leg, "1")
        if "intent" not in call.facts:
            return Spoke(leg, "what they want", heard=Heard(visit.intent, visit.urgency, False, 0.9))
        return Keyed(leg, "0")

    def _waits(self, id_: str, leg: str, visit: Visit) -> None:
        """They take a callback if it is theirs to take, and hang up when they have waited long enough."""
        if visit.calls_back:
            return self._later(30, lambda: self._if_holding(id_, Keyed(leg, "1")))
        return self._later(visit.patience, lambda: self._if_holding(id_, HungUp(leg, "completed")))

    def _if_holding(self, id_: str, event: Event) -> None:
        call = self._calls.get(id_)
        if call is not None and call.phase == "holding":
            self._tell(id_, event)

    # ------------------------------------------------------------ the shell

    def _tell(self, id_: str, event: Event) -> None:
        call = self._calls.get(id_)
        if call is None:
            return
        answers: dict[str, Answer] = {}
        for _ in range(MOST_ASKS):
            self.steps += 1
            fresh = (next(self._fresh), next(self._fresh))
            taken = step(call, event, World(self.now, self.pharmacy, answers, fresh))
            new = [ask for ask in taken.asks if ask not in answers]
            if not new:
                break
            answers |= {ask: self._told(ask, id_) for ask in new}
        self._keep(taken.call)
        for effect in taken.does:
            self._do(id_, effect)
        leg = getattr(event, "leg", "")
        if taken.says and leg in call.legs and taken.call.legs[leg].kind == "caller":
            self._answers_back(id_, leg, taken.says)
        if taken.call.phase == "talking" and call.phase != "talking":
            self._talks(id_, leg)

    def _told(self, ask: str, id_: str) -> Answer:
        if ask == "line":
            free = [self.pharmacy.staff[agent] for agent, desk in self._desks.items() if desk.presence == "available"]
            longest = max(
                ((self.now - ticket.arrived_at).total_seconds() for ticket in self._waiting.values()), default=0
            )
            licensed = sum(agent.licensed for agent in free)
            figures = {"waiting": len(self._waiting), "longest_wait": int(longest), "licensed_free": licensed}
            return Answer(True, {**figures, "repeat_calls": 0})
        if ask == "who":
            return Answer(True, {"tier": "number", "caller": self._visits[id_].caller})
        return Answer(False)

    def _keep(self, call: Call) -> None:
        self._calls[call.id] = call
        if call.ticket is None:
            return
        if call.ticket.state == "waiting" and call.ticket.kind != "voicemail":
            self._waiting[call.id] = call.ticket
        else:
            self._waiting.pop(call.id, None)
        if call.phase == "over" and all(leg.state == "over" for leg in call.legs.values()):
            del self._calls[call.id], self._visits[call.id]

    def _do(self, id_: str, effect: Effect) -> None:
        match effect:
            case PlaceCall():
                self._later(0, lambda: self._rung(id_, effect.leg))
            case EndLeg():
                self._later(0, lambda: self._tell(id_, HungUp(effect.leg, "canceled")))
            case MoveCaller() | MoveLeg():
                self._later(self.pace.moves, lambda: self._moved(id_, effect))
            case MoveAgent():
                self._move_agent(effect)
            case SetTimer():
                self._timers[id_, effect.name] = effect.due_at
                self._agenda_at(max(effect.due_at, self.now), lambda: self._timer(id_, effect))
            case ClearTimer():
                self._timers.pop((id_, effect.name), None)
            case WriteDisposition():
                self.bodies[id_] = effect.body

    def _timer(self, id_: str, timer: SetTimer) -> None:
        if self._timers.get((id_, timer.name)) == timer.due_at:
            del self._timers[id_, timer.name]
            self._tell(id_, TimerDue(timer.name))

    # ------------------------------------------------------------ phones

    def _rung(self, id_: str, leg: str) -> None:
        call = self._calls.get(id_)
        if call is None or call.legs[leg].state == "over":
            return
        self._tell(id_, Placed(leg))
        if call.legs[leg].kind == "callback" and self._random.random() > self.pace.callback_answered:
            return self._later(25, lambda: self._tell(id_, HungUp(leg, "no-answer")))
        return self._later(self.pace.picks_up, lambda: self._picked_up(id_, leg))

    def _picked_up(self, id_: str, leg: str) -> None:
        call = self._calls.get(id_)
        if call is not None and call.legs[leg].state != "over":
            self._tell(id_, Came(leg, 1))
            self._later(self.pace.accepts, lambda: self._tell(id_, Keyed(leg, "1")))

    def _moved(self, id_: str, move: MoveCaller | MoveLeg) -> None:
        call = self._calls.get(id_)
        if call is None or call.legs[move.leg].state == "over":
            return
        self._tell(id_, Came(move.leg, move.document))
        if call.legs[move.leg].kind == "agent":  # they hear that it is over for them, and hang up
            self._later(0, lambda: self._tell(id_, HungUp(move.leg, "completed")))

    def _talks(self, id_: str, leg: str) -> None:
        call, visit = self._calls[id_], self._visits[id_]
        [offer] = [offer for offer in call.offers if offer.state == "accepted"]
        self._desks[offer.agent].wrap_up = visit.wrap_up
        self._later(visit.talk, lambda: (self._tell(id_, HungUp(leg, "completed")), self._parts(id_, offer.leg)))

    def _parts(self, id_: str, leg: str) -> None:
        self._tell(id_, HungUp(leg, "completed"))

    # ------------------------------------------------------------ agents

    def _move_agent(self, effect: MoveAgent) -> None:
        if effect.only:  # the end of a wrap-up by its code: here it lasts as long as the model says
            return
        desk = self._desks[effect.agent]
        moved = PRESENCE.get((desk.presence, effect.event))
        if moved is None:
            raise AssertionError(f"an agent who is {desk.presence} cannot be {effect.event}")
        if moved == "wrap_up" and desk.presence != "wrap_up":
            self._later(desk.wrap_up, lambda: self._back(effect.agent, "wrapped_up"))
        if moved == "on_break" and desk.presence != "on_break":
            self._later(self.pharmacy.policies.missed_return_seconds, lambda: self._back(effect.agent, "returned"))
        self._desks[effect.agent] = replace(desk, presence=moved, since=self.now)

    def _back(self, agent: str, event: str) -> None:
        desk = self._desks[agent]
        if PRESENCE.get((desk.presence, event), desk.presence) != desk.presence:
            self._desks[agent] = replace(desk, presence=PRESENCE[desk.presence, event], since=self.now)

    # ------------------------------------------------------------ dispatch

    def _dispatch(self) -> None:
        free = [
            AtDesk(self.pharmacy.staff[id_], desk.presence, desk.since)
            for id_, desk in self._desks.items()
            if desk.presence == "available"
        ]
        if not free or not self._waiting:
            return
        line = [InLine(ticket, _open_offers(self._calls[id_])) for id_, ticket in self._waiting.items()]
        ready = [
            entry for entry in line if offerable(entry, self.now) and self._calls[entry.ticket.call].phase != "dialogue"
        ]
        kept = max((queue.keep_free_licensed for queue in self.pharmacy.queues.values()), default=0)
        for ticket, agent in match(ready, free, self.now, dict.fromkeys(self.pharmacy.sites, kept)):
            self._later(0, lambda ticket=ticket, agent=agent: self._offer(ticket, agent.id))

    def _offer(self, ticket: Ticket, agent: str) -> None:
        if self._desks[agent].presence == "available":
            self._tell(ticket.call, Offered(next(self._fresh), next(self._fresh), agent, "+15555550101"))


def _open_offers(call: Call) -> int:
    return sum(offer.state == "open" for offer in call.offers)
