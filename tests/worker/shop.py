"""A small pharmacy at work: a real record, a practice clock, and a Twilio that does as it is told."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from ivr.clock import Anchor, Clock
from ivr.content.library import Library
from ivr.core.call import Call, Caller, Leg
from ivr.core.events import Event, HungUp, Keyed
from ivr.core.line import Agent, Offer, Ticket
from ivr.core.pharmacy import Pharmacy
from ivr.dispatch import Dispatch, roster
from ivr.doors import Doors
from ivr.leases import Leases
from ivr.live import Live
from ivr.orders.port import OrderSystem
from ivr.placing import Placing
from ivr.store import EffectRow, Record, Turn
from ivr.switchboard import Switchboard
from ivr.telephony.rest import Conference, FoundCall, FoundRecording, Gone, Member
from tests.core.rehearsal import OPEN, PHARMACY, QUEUES

SECRET_KEY = "a secret of the tests, long enough"
LINE_NUMBER, ROSA = "+15555550100", "+15555550130"
SKILLED: dict[str, dict[str, Any]] = {
    "ana": {"licensed": True, "queues": frozenset(QUEUES)},
    "bea": {"queues": frozenset({"front_desk", "refills"})},
    "cal": {"queues": frozenset({"front_desk"})},
}


def staff(*names: str) -> dict[str, Agent]:
    """Agents by name; their phones end in their place."""
    return {
        name: Agent(name, name.title(), "central", f"+1555555011{place}", **SKILLED.get(name, SKILLED["cal"]))
        for place, name in enumerate(names)
    }


def pharmacy_of(*names: str, **policies: Any) -> Pharmacy:
    return replace(PHARMACY, staff=staff(*names), policies=replace(PHARMACY.policies, **policies))


@dataclass
class PlayedTwilio:
    """Twilio's REST API as a memory: what was asked, and the answers a test lays ready."""

    asked: list[tuple[str, ...]] = field(default_factory=list)
    placed: list[Mapping[str, Any]] = field(default_factory=list)
    troubles: deque[BaseException | None] = field(default_factory=deque)
    placed_all_the_same: bool = False  # trouble comes after the phone has begun to ring
    statuses: dict[str, str] = field(default_factory=dict)
    calls: list[FoundCall] = field(default_factory=list)
    members: dict[str, list[Member]] = field(default_factory=dict)
    rooms: list[Conference] = field(default_factory=list)
    recordings: list[FoundRecording] = field(default_factory=list)
    transcripts: dict[str, str] = field(default_factory=dict)
    meanwhile: Callable[[str], None] = lambda name: None  # what happens while it is being asked

    def place_call(self, **call: Any) -> str:
        self.meanwhile("place_call")
        trouble = self._trouble()
        if trouble is None or self.placed_all_the_same:
            self.placed.append(call)
            sid = f"CArung{len(self.placed)}"
            self.statuses[sid] = "ringing"
            self.calls.insert(0, found(sid, to=call["to"], direction="outbound-api", status="ringing"))
        if trouble is not None:
            raise trouble
        return sid

    def move_member(self, site: str, call_sid: str, url: str) -> None:
        self._ask("move_member", call_sid, url)
        if not any(member.call_sid == call_sid for member in self.members.get(site, [])):
            raise Gone(20404, 404)

    def move_call(self, call_sid: str, url: str) -> None:
        self._ask("move_call", call_sid, url)
        if self.statuses.get(call_sid) != "in-progress":
            raise Gone(21220, 400)

    def end_call(self, call_sid: str) -> None:
        self._ask("end_call", call_sid)

    def call_status(self, call_sid: str) -> str | None:
        self._ask("call_status", call_sid)
        return self.statuses.get(call_sid)

    def find_calls(self, *, to: str, from_: str, since: datetime) -> list[FoundCall]:
        self._ask("find_calls", since.isoformat())
        return [call for call in self.calls if call.to == to and call.from_ == from_]

    def calls_since(self, since: datetime) -> list[FoundCall]:
        self._ask("calls_since", since.isoformat())
        return [call for call in self.calls if call.started_at is None or call.started_at >= since]

    def queue_members(self, site: str) -> list[Member]:
        self._ask("queue_members", site)
        return self.members.get(site, [])

    def live_conferences(self) -> list[Conference]:
        self._ask("live_conferences")
        return self.rooms

    def transcript_of(self, recording_sid: str) -> str | None:
        self._ask("transcript_of", recording_sid)
        return self.transcripts.get(recording_sid)

    def forget_message(self, recording_sid: str) -> None:
        self._ask("forget_message", recording_sid)

    def participant(self, conference: str, call_sid: str, *, muted: bool, ends: bool, coaching: str) -> None:
        self._ask("participant", conference, call_sid, "muted" * muted, "ends" * ends, coaching)

    def start_recording(self, call_sid: str, callback: str) -> str:
        self._ask("start_recording", call_sid, callback)
        return f"REtape{len(self.requests('start_recording'))}"

    def pause_recording(self, call_sid: str) -> None:
        self._ask("pause_recording", call_sid)

    def resume_recording(self, call_sid: str) -> None:
        self._ask("resume_recording", call_sid)

    def stop_recording(self, call_sid: str) -> None:
        self._ask("stop_recording", call_sid)

    def recordings_since(self, since: datetime) -> list[FoundRecording]:
        self._ask("recordings_since", since.isoformat())
        return self.recordings

    def requests(self, name: str) -> list[tuple[str, ...]]:
        return [rest for asked, *rest in self.asked if asked == name]  # type: ignore[misc]

    def _ask(self, *asked: str) -> None:
        self.asked.append(asked)
        self.meanwhile(asked[0])
        trouble = self._trouble()
        if trouble is not None:
            raise trouble

    def _trouble(self) -> BaseException | None:
        return self.troubles.popleft() if self.troubles else None


def found(sid: str, **facts: Any) -> FoundCall:
    usual: dict[str, Any] = {
        "to": LINE_NUMBER,
        "from_": LINE_NUMBER,
        "status": "completed",
        "direction": "inbound",
        "started_at": OPEN,
        "ended_at": None,
        "seconds": None,
    }
    return FoundCall(sid, **(usual | facts))


class Shop:
    """The pharmacy with its parts, and short ways to bring about what a test is about."""

    def __init__(self, database_url: str, pharmacy: Pharmacy, orders: OrderSystem, live: Live) -> None:
        self.clock = Clock(Anchor("", datetime.now(UTC).timestamp(), OPEN.timestamp(), 0.001))
        self.record = Record(database_url, SECRET_KEY)
        self.twilio = PlayedTwilio()
        self.doors = Doors("https://line.example")
        self.pharmacy = pharmacy
        self.board = Switchboard(
            record=self.record,
            library=Library(pharmacy, lambda version: None),
            orders=orders,
            live=live,
            clock=self.clock,
            public_url=self.doors.public_url,
            secret_key=SECRET_KEY,
        )
        self.record.desk.seed_agents(roster(pharmacy), OPEN)
        self.dispatch = self.another_dispatch("here")
        self.placing = self.another_placing("here")

    def another_dispatch(self, holder: str) -> Dispatch:
        return Dispatch(self.board, Leases(self.record.watch, holder))

    def another_placing(self, holder: str) -> Placing:
        return Placing(self.board, self.twilio, self.doors, Leases(self.record.watch, holder))  # type: ignore[arg-type]

    def publish(self, **changes: Any) -> None:
        """The pharmacy as it is from now on; calls of before keep nothing of the old one."""
        self.pharmacy = replace(self.pharmacy, **changes)
        self.board.library = Library(self.pharmacy, lambda version: None)

    @property
    def now(self) -> datetime:
        return self.clock.now()

    def later(self, seconds: float) -> None:
        self.clock.set(self.now + timedelta(seconds=seconds))

    def in_line(self, name: str = "CA1", queue: str = "front_desk", within: int = 120, **ticket: Any) -> str:
        """A caller on hold, who arrived this moment; returns the call's id."""
        usual: dict[str, Any] = {"id": f"T{name}", "call": name, "site": "central", "queue": queue, "kind": "hold"}
        usual |= {"state": "waiting", "arrived_at": self.now, "due_from": self.now, "answer_within_seconds": within}
        kept = Ticket(**(usual | ticket))
        leg = Leg(f"leg-{name}", "caller", documents=1)
        call = Call(name, "main", "central", "v1", kept.arrived_at, Caller("number", ROSA), "holding")
        known = {"legs": {leg.token: leg}, "ticket": kept, "queued_at": kept.arrived_at, "reached": "hold"}
        call = replace(call, facts={"tier": "anonymous"}, **known)  # type: ignore[arg-type]
        return self.keep(call)

    def keep(self, call: Call) -> str:
        """A call as it stands, its first leg owned by the CallSid that names the call."""
        token = next(iter(call.legs))
        self.record.commit(Turn(None, 0, call, self.now, "{}", token, call_sid=call.id))
        self.twilio.members.setdefault("central", []).append(Member(call.id, 1, 5))
        self.twilio.statuses[call.id] = "in-progress"
        return call.id

    def change(self, call_id: str, does: tuple[Any, ...] = (), **parts: Any) -> None:
        """A turn that makes of a call what the test says."""
        loaded = self.record.load_call(call_id)
        assert loaded is not None
        after = replace(loaded.call, **parts)
        self.record.commit(Turn(loaded.call, loaded.rev, after, self.now, "{}", does=does))

    def reply(self, call_id: str, reply: str) -> None:
        """The caller was told something."""
        loaded = self.record.load_call(call_id)
        assert loaded is not None
        leg = f"leg-{call_id}"
        self.record.commit(Turn(loaded.call, loaded.rev, loaded.call, self.now, "{}", leg, 1, "next", reply))

    def call(self, call_id: str = "CA1") -> Call:
        loaded = self.record.load_call(call_id)
        assert loaded is not None
        return loaded.call

    def offers(self, call_id: str = "CA1") -> tuple[Offer, ...]:
        return self.call(call_id).offers

    def offered(self, *calls: str) -> list[tuple[str, str]]:
        """(call, agent) of the open offers, sorted."""
        wanted = calls or tuple(call for call, _ in self.record.desk.open_offers())
        return sorted((call, o.agent) for call in set(wanted) for o in self.offers(call) if o.state == "open")

    def presence(self, agent: str) -> str:
        return self.record.desk.agents()[agent].presence

    def move(self, agent: str, *events: str) -> None:
        for event in events:
            self.record.desk.move_agent(agent, event, "", self.now)

    def tell(self, call_id: str, *events: Event) -> None:
        for event in events:
            self.board.tell(call_id, event)

    def declines(self, call_id: str, agent: str) -> None:
        """The agent picks up, presses 2 and hangs up."""
        offer = next(o for o in self.offers(call_id) if o.agent == agent and o.state == "open")
        self.tell(call_id, Keyed(offer.leg, "2"))
        self.tell(call_id, HungUp(offer.leg, "completed"))

    def effects(self, *kinds: str, call_id: str = "CA1") -> Iterable[EffectRow]:
        """The effects of a call of these kinds, in order, whatever became of them."""
        for rev in range(1, 40):
            for place in range(12):
                row = self.record.outbox.effect(f"{call_id}.{rev}.{place}")
                if row is not None and row.kind in kinds:
                    yield row

    def effect(self, kind: str, call_id: str = "CA1") -> EffectRow:
        [row] = self.effects(kind, call_id=call_id)
        return row

    def away(self, database_url: str) -> None:
        """The database is unplugged."""
        self.record.close()
        Path(database_url.removeprefix("sqlite:///")).unlink()

    def close(self) -> None:
        self.board.live.close()
        self.record.close()
