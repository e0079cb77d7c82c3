"""The working paper of one step: what the call has become, what is said and what must be done so far."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ivr.core.call import Answer, Call, Leg, Passed, Step, World
from ivr.core.effects import CreateTask, Effect
from ivr.core.line import Queue
from ivr.core.pharmacy import Line, Site
from ivr.core.rules import Grounds, Reason
from ivr.core.verbs import Verb


class Draft:
    """Lives within one step and never leaves it, so the step stays a pure function."""

    def __init__(self, call: Call, leg: str, world: World) -> None:
        self.call = call
        self.leg_token = leg
        self.world = world
        self.now = world.now
        self.pharmacy = world.pharmacy
        self.says: list[Verb] = []
        self.does: list[Effect] = []
        self.asks: tuple[str, ...] = ()
        self.why: list[Reason] = []
        self.grounds: list[Grounds] = []

    # -- what the call is

    @property
    def line(self) -> Line:
        return self.pharmacy.line_of(self.call.line)

    @property
    def site(self) -> Site:
        return self.pharmacy.sites[self.line.site]

    @property
    def leg(self) -> Leg:
        return self.call.legs[self.leg_token]

    @property
    def caller_leg(self) -> Leg | None:
        """The leg the caller themselves is on now: the one they rang us on, or our callback to them."""
        live = [leg for leg in self.call.legs.values() if leg.kind != "agent" and leg.state == "live"]
        return live[-1] if live else None

    def queue(self, name: str) -> Queue:
        return self.pharmacy.queues[name]

    def prompt_values(self) -> dict[str, object]:
        """What a prompt may speak of: the pharmacy, its hours, and what this caller keyed or was told."""
        return {**self.told_values(), **self.call.fields}

    def told_values(self) -> dict[str, object]:
        """The same without anything the caller keyed or said."""
        hours = self.pharmacy.hours[self.line.site]
        closed = hours.closed_because(self.now)
        opens = hours.local(hours.opens_next(self.now)) if closed else None
        return {
            "pharmacy": self.site.title,
            "closed_because": closed or "",
            "opens_day": opens.date().isoformat() if opens else "",
            "opens_at": opens.strftime("%H:%M") if opens else "",
            "hours_today": hours.told(self.now),
            "address": self.site.address,
            "today": hours.local(self.now).date().isoformat(),
            **self.call.values,
        }

    # -- what becomes of it

    def put(self, **changes: Any) -> None:
        self.call = self.call.changed(**changes)

    def put_leg(self, token: str, **changes: Any) -> None:
        leg = replace(self.call.legs[token], **changes)
        self.put(legs={**self.call.legs, token: leg})

    def add_leg(self, leg: Leg) -> None:
        self.put(legs={**self.call.legs, leg.token: leg})

    def put_ticket(self, **changes: Any) -> None:
        assert self.call.ticket is not None
        self.put(ticket=replace(self.call.ticket, **changes))

    def reserve(self, token: str) -> int:
        """The number of a document this leg will be sent to by a REST update."""
        number = self.call.legs[token].documents + 1
        self.put_leg(token, documents=number)
        return number

    def say(self, *verbs: Verb) -> None:
        self.says.extend(verbs)

    def do(self, *effects: Effect) -> None:
        self.does.extend(effects)

    def task(self, what: str, urgent: bool = False) -> None:
        """Put work before the staff, with where it is found as the call stands now."""
        self.do(CreateTask(what, urgent, where_found(self.call)))

    def passed(self, how: str, to: str, by: str = "", why: str = "") -> None:
        """The caller goes on to somebody else."""
        self.put(passed=(*self.call.passed, Passed(self.now, how, to, by, why)))

    def own_answer(self, ask: str) -> Answer | None:
        """What our own record says: None at first, and then the shell steps again with what it says."""
        if ask not in self.world.answers and ask not in self.asks:
            self.asks = (*self.asks, ask)
        return self.world.answers.get(ask)

    # -- the end of the step

    def document(self) -> Step:
        """A reply that is a new document of this leg."""
        self.reserve(self.leg_token)
        return self.reserved()

    def reserved(self) -> Step:
        """A reply under a number that was reserved for it."""
        return self._step(tuple(self.says))

    def notice(self) -> Step:
        """No reply: the carrier told us something."""
        return self._step(None)

    def _step(self, says: tuple[Verb, ...] | None) -> Step:
        return Step(self.call, says, self.asks, tuple(self.does), tuple(self.why), tuple(self.grounds))


def where_found(call: Call) -> dict[str, Any]:
    """What staff need to find the work of a call, all of it ids."""
    ticket = {"ticket_id": call.ticket.id, "queue": call.ticket.queue} if call.ticket else {}
    known = {"person": call.person, "prescription": call.prescription, "recordings": list(call.recordings)}
    return {**ticket, **{name: value for name, value in known.items() if value}}
