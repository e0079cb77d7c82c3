"""Queues and <Enqueue>: callers in line, each hearing a wait document again and again."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element

from ivr.phone.leg import Goto, Leg, Moved, Over
from ivr.phone.lint import Setting
from ivr.phone.sounds import Left
from ivr.phone.stage import Stage

if TYPE_CHECKING:
    from ivr.phone.exchange import Exchange

DEFAULT_SIZE = 1_000
LARGEST_SIZE = 5_000


@dataclass
class Member:
    """A caller in a queue since `at`."""

    leg: Leg
    at: datetime


@dataclass
class Queue:
    """A line of callers. Read and change it under the exchange's lock."""

    sid: str
    name: str
    created_at: datetime
    max_size: int = DEFAULT_SIZE
    members: list[Member] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)

    @property
    def average_wait_seconds(self) -> int:
        """The mean time in the queue of those who have left it."""
        return round(sum(self.waits) / len(self.waits)) if self.waits else 0

    def find(self, call_sid: str) -> Member | None:
        """Return the member with this CallSid, or the `Front` one, if its caller is still there."""
        live = (member for member in self.members if member.leg.is_live)
        if call_sid == "Front":
            return next(live, None)
        return next((member for member in live if member.leg.sid == call_sid), None)


def leave(exchange: Exchange, queue: Queue, member: Member) -> bool:
    """Take a member out; False if it was out already, so whoever gets True has it."""
    with exchange.lock:
        if member not in queue.members:
            return False
        queue.members.remove(member)
        queue.waits.append((exchange.clock.now() - member.at).total_seconds())
        del queue.waits[:-100]
        return True


def dequeue(exchange: Exchange, queue: Queue, call_sid: str, goto: Goto) -> Member | None:
    """Move a member to another document, as `POST Members/{CallSid}` does; None if it is not there (any more)."""
    with exchange.lock:
        member = queue.find(call_sid)
        if member is not None and leave(exchange, queue, member):
            member.leg.move(goto)
            return member
        return None


def enqueue(stage: Stage, verb: Element) -> Goto | None:
    """<Enqueue>: "queue created on demand"; ends by Leave, REST, hang-up, or at once when full."""
    stage.begin()
    exchange, leg = stage.exchange, stage.leg
    queue = exchange.queue_named((verb.text or "").strip())
    member = _join(exchange, queue, leg)
    if member is None:
        stage.note("queue full", queue=queue.name)
        return _after(stage, verb, {"QueueResult": "queue-full"})
    stage.note("queued", queue=queue.name)
    try:
        with leg.hearing(doing="queued"):
            return _wait(stage, verb, queue, member)
    except (Moved, Over) as end:
        # "Action fires at once on REST dequeue ... and also on hang-up": a notice, whose reply nobody plays.
        result = "redirected" if isinstance(end, Moved) else "hangup"
        _told(stage, verb, _result(exchange, queue, member, result))
        raise
    finally:
        leave(exchange, queue, member)


def _join(exchange: Exchange, queue: Queue, leg: Leg) -> Member | None:
    with exchange.lock:
        if len(queue.members) >= queue.max_size:
            return None
        member = Member(leg, exchange.clock.now())
        queue.members.append(member)
        return member


def _wait(stage: Stage, verb: Element, queue: Queue, member: Member) -> Goto | None:
    with suppress(Left):
        wait_in_loops(stage, verb.get("waitUrl"), verb.get("waitUrlMethod"), _asked(stage.exchange, queue, member))
    if not leave(stage.exchange, queue, member):
        stage.leg.look()  # a REST request was first, and has moved the leg
    stage.note("left queue", queue=queue.name)
    return _after(stage, verb, _result(stage.exchange, queue, member, "leave"))


def wait_in_loops(
    stage: Stage,
    url: str | None,
    method: str | None,
    params: Callable[[], Mapping[str, str]],
    setting: Setting = Setting.QUEUE_WAIT,
) -> None:
    """Play a wait document, "re-requested each time it runs out of verbs", until something ends the wait."""
    if not url:
        stage.note("music" if url is None else "quiet")
        stage.leg.listen(None)
        return
    inner = stage.inside(setting, params)
    while True:
        began = time.monotonic()
        inner.perform(stage.follow(url, method))
        left = stage.exchange.shortest_loop_seconds - (time.monotonic() - began)
        stage.leg.listen(max(left, 0))


def _asked(exchange: Exchange, queue: Queue, member: Member) -> Callable[[], Mapping[str, str]]:
    def params() -> Mapping[str, str]:
        with exchange.lock:
            position = queue.members.index(member) + 1 if member in queue.members else 1
            return {
                "QueuePosition": str(position),
                "QueueSid": queue.sid,
                "QueueTime": str(_seconds_in(exchange, member)),
                "AvgQueueTime": str(queue.average_wait_seconds),
                "CurrentQueueSize": str(len(queue.members)),
                "MaxQueueSize": str(queue.max_size),
            }

    return params


def _seconds_in(exchange: Exchange, member: Member) -> int:
    return max(0, int((exchange.clock.now() - member.at).total_seconds()))


def _result(exchange: Exchange, queue: Queue, member: Member, result: str) -> dict[str, str]:
    return {"QueueResult": result, "QueueSid": queue.sid, "QueueTime": str(_seconds_in(exchange, member))}


def _after(stage: Stage, verb: Element, params: Mapping[str, str]) -> Goto | None:
    action = verb.get("action")
    return stage.follow(action, verb.get("method"), params) if action else None


def _told(stage: Stage, verb: Element, params: Mapping[str, str]) -> None:
    stage.notify(verb.get("action"), verb.get("method"), params)
