"""Where agents are, and how they get elsewhere: one path, and one line of the audit, for phone, desk and command.

An agent who is rung in a browser holds a lease by their device: whoever took it last has the highest fence, and what
an earlier device still says is refused. Its beats are counted in real seconds of our own clock, so a device's clock
may show what it likes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

import structlog

from ivr.clock import Clock
from ivr.core import authority
from ivr.core.events import Recalled
from ivr.core.line import Agent
from ivr.core.pharmacy import Pharmacy
from ivr.core.presence import moved
from ivr.live import Live
from ivr.store import AgentNow, Conflict, Entry, Record, StaleDevice

log = structlog.get_logger(__name__)

HEARTBEAT_SECONDS = 15
LOST_SECONDS = 45.0
LOST, MISSED = "lost", "missed"
OURS = (LOST, MISSED)
"""Reasons of a break that we give and take back ourselves."""

WORDS = {
    "available": "available",
    "on_break": "on_break",
    "break": "on_break",
    "signed_out": "signed_out",
    "out": "signed_out",
}
"""What people say for a presence -> the presence."""

_WAYS = {"available": "signed_in", "on_break": "took_break", "signed_out": "signed_out"}
_LET_GO = {"offered": "withdrawn", "on_call": "talk_ended"}
"""Where somebody may be held -> what lets them go, when nothing holds them there."""

_TRIES = 6


class Refused(Exception):
    """What staff asked is not done; `code` for machines, the text a sentence for whoever asked."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


@dataclass(frozen=True, slots=True)
class Wish:
    """Where an agent shall be, who says so at which door, and on what conditions."""

    agent: str
    presence: str  # of WORDS
    by: str
    door: str  # api · cli · phone
    reason: str = ""
    fence: int | None = None  # of the device it is said at
    seen: int | None = None  # only if they have not moved since this move of theirs …
    since: datetime | None = None  # … or since this instant
    force: bool = False  # end what holds them first

    @property
    def entry(self) -> Entry:
        detail = f"{WORDS[self.presence]} {self.reason}".strip()
        act = "presence.force" if self.force else "presence"
        return Entry(self.by, self.door, act, f"agent:{self.agent}", detail)


class Presence:
    """Moves agents. One per process."""

    def __init__(
        self,
        record: Record,
        live: Live,
        clock: Clock,
        pharmacy: Callable[[], Pharmacy],
        recall: Callable[[str, Recalled], object],
    ) -> None:
        self._record = record
        self._live = live
        self._clock = clock
        self._pharmacy = pharmacy
        self._recall = recall

    def move(self, wish: Wish) -> AgentNow:
        """Move an agent of the staff, and return them as they are then; raises Refused.

        Who is there already stays as they are; a break can be given another reason.
        """
        agent = self._pharmacy().staff.get(wish.agent)
        try:
            if agent is None:
                raise unknown_here(wish.agent)
            _may(self._pharmacy().staff.get(wish.by), agent, wish)
            if wish.fence is not None:  # a stale device is told so first of all
                self.beat(wish.agent, wish.fence)
            self._move(agent, wish)
        except Refused as refused:
            self._record.staff.keep(replace(wish.entry, outcome="refused", why=refused.code), self._clock.now())
            raise
        return self._record.desk.agents()[wish.agent]

    def _move(self, agent: Agent, wish: Wish) -> None:
        for _ in range(_TRIES):
            # In this order: who moves in between has moved since.
            was = self._record.staff.moves()[wish.agent]
            at = self._record.desk.agents()[wish.agent]
            _still_as_seen(wish, was, at)
            try:
                if self._stepped(agent, wish, was, at):
                    return
            except StaleDevice:
                raise _stale() from None
            except Conflict:
                continue
        raise Refused("moved_meanwhile", f"`{wish.agent}` keeps moving; look where they are and ask again")

    def _stepped(self, agent: Agent, wish: Wish, was: int, at: AgentNow) -> bool:
        """Take one step towards what is wished; False when there is another to take."""
        wanted = WORDS[wish.presence]
        if wish.force and at.presence in _LET_GO:
            self._free(wish, was, at)
            return False
        if at.presence == wanted and not at.next and (wanted != "on_break" or wish.reason in ("", at.reason)):
            if wish.force:  # what held them was ended, and they had wanted to be here next
                self._record.staff.keep(wish.entry, self._clock.now())
            return True
        if wanted == "available":
            self._can_be_rung(agent, wish.fence)
        event, staff = _way(at, wish), self._record.staff
        staff.move(wish.agent, event, was, wish.entry, self._clock.now(), wish.reason, wish.fence)
        self._live.ring("dispatch")
        return True

    def _free(self, wish: Wish, was: int, at: AgentNow) -> None:
        """End what holds them; what is said to hold them and does not, as after a fault of ours, is simply let go."""
        held = self._record.line.holds(wish.agent)
        if held is not None:
            self._recall(held.call, Recalled(wish.agent, wish.by))
        else:
            log.error("held_by_nothing", agent=wish.agent)
            entry = replace(wish.entry, detail="held by nothing")
            self._record.staff.move(wish.agent, _LET_GO[at.presence], was, entry, self._clock.now())

    def _can_be_rung(self, agent: Agent, fence: int | None) -> None:
        if agent.client is None or fence is not None:  # a device that says so beats by saying it
            return
        device = self._record.staff.devices().get(agent.id)
        if device is None or device.silent_seconds > LOST_SECONDS:
            raise Refused("no_device", f"`{agent.id}` is rung in a browser, and none is there to ring")

    # ------------------------------------------------------------ devices

    def take_device(self, agent: str, by: str, door: str) -> int:
        """Give the agent's lease to the device that asks, and return its fence; who was lost is back."""
        entry = Entry(by, door, "device", f"agent:{agent}")
        fence = self._record.staff.take_device(agent, entry, self._clock.now())
        self._found(agent)
        return fence

    def beat(self, agent: str, fence: int) -> None:
        """The device with this fence is there; who was lost is back. Raises Refused for a stale one."""
        try:
            self._record.staff.beat(agent, fence)
        except StaleDevice:
            raise _stale() from None
        self._found(agent)

    def lose_silent(self) -> None:
        """Send those on break, as `lost`, whose browser has not been heard of for too long; a talk goes on."""
        clients = [agent.id for agent in self._pharmacy().staff.values() if agent.client is not None]
        if not clients:
            return
        moves, agents, devices = self._record.staff.moves(), self._record.desk.agents(), self._record.staff.devices()
        for id_ in clients:
            there = id_ in devices and devices[id_].silent_seconds <= LOST_SECONDS
            if not there and id_ in agents and agents[id_].presence in ("available", "wrap_up"):
                self._by_itself(id_, "took_break", LOST, moves[id_])

    def _found(self, agent: str) -> None:
        was, at = self._record.staff.moves()[agent], self._record.desk.agents()[agent]
        if (at.presence, at.reason) == ("on_break", LOST):
            self._by_itself(agent, "returned", "", was)
            self._live.ring("dispatch")

    def _by_itself(self, agent: str, event: str, reason: str, was: int) -> None:
        now = self._clock.now()
        entry = Entry("worker", "worker", "presence", f"agent:{agent}", f"{event} {reason}".strip())
        try:
            self._record.staff.move(agent, event, was, entry, now, reason)
        except Conflict:  # they have moved meanwhile
            return
        log.info("agent_lost" if reason else "agent_found", agent=agent)


def unknown_here(agent: str) -> Refused:
    """Return the refusal of somebody who was put on the staff, or taken off, while this process looked elsewhere."""
    return Refused("unknown_here", f"`{agent}` is not on the staff as this process knows it; ask again in a second")


def _may(who: Agent | None, whom: Agent, wish: Wish) -> None:
    """Raise Refused where the role of who says so does not let them; a shift, or the machine itself, has none."""
    why_not = authority.not_to_move(who, whom, force=wish.force) if who is not None else None
    if why_not is not None:
        raise Refused("role_missing", why_not)


def _still_as_seen(wish: Wish, was: int, at: AgentNow) -> None:
    moved = wish.seen is not None and wish.seen != was
    if moved or (wish.since is not None and at.since > wish.since):
        raise Refused("moved_since", f"`{wish.agent}` has moved since, and is {_told(at)} now")


def _way(at: AgentNow, wish: Wish) -> str:
    event = _WAYS[WORDS[wish.presence]]
    if moved(at.presence, at.next, event) is not None:
        return event
    sentence = f"`{at.id}` is {_told(at)}, and cannot be moved to `{wish.presence}` from there"
    raise Refused("not_from_there", sentence)


def _told(at: AgentNow) -> str:
    return at.presence.replace("_", " ")


def _stale() -> Refused:
    return Refused("stale_device", "another device has taken this agent's lease since: take it again to go on here")
