"""What happens at the order system: kept first, told to the calls it is about, caught up with when it was missed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta

import structlog

from ivr.core.call import Call
from ivr.core.events import ORDER_EVENTS, OrderNews
from ivr.core.reconsidering import A_LITTLE
from ivr.orders.port import Events, News, Refused
from ivr.orders.questions import told_of
from ivr.store import Conflict, OrderEvent, Unreachable
from ivr.store.notation import written
from ivr.store.order_events import newest
from ivr.switchboard import Switchboard

log = structlog.get_logger(__name__)

BELL = "news"
MARK = "order_events"
MOST_PAGES = 50  # in one go, of a hundred each: the next sweep goes on from there
CAPABILITY = "events"
REACH_OUT_WITHIN = timedelta(days=1)  # what is older has been somebody's work already, or is listed for it
LOOK_BACK = timedelta(days=7)
AHEAD = timedelta(minutes=5)  # of our clock: no further may the order system's be


class Newsroom:
    """One per process that takes events in or passes them on."""

    def __init__(self, board: Switchboard) -> None:
        self._board = board
        self._events = board.record.order_events

    def keep(self, news: News) -> bool:
        """Keep an event and have it passed on soon; False when it is there already.

        One from the future happened when we heard of it: else nothing that happens from now on would be newer.
        """
        now = self._board.clock.now()
        at = news.at if news.at <= now + AHEAD else now
        event = OrderEvent(news.id, news.type, at, news.person, news.prescription, news.data)
        kept = self._events.keep(event, now)
        if kept:
            self._board.live.ring(BELL)
        return kept

    # ------------------------------------------------------------ passed on

    def once(self) -> int:
        """Tell the calls they are about of some new events; returns of how many."""
        return sum(self._pass_on(event) for event in self._events.new())

    def _pass_on(self, event: OrderEvent) -> bool:
        """Told before it is marked: whoever dies in between leaves it to be told again, which changes nothing."""
        told = [self._tell(call, event) for call in self._concerned(event)]
        if all(told):
            self._events.taken(event.id, self._board.clock.now())
        return all(told)

    def _concerned(self, event: OrderEvent) -> Iterable[Call]:
        if event.type not in ORDER_EVENTS:  # kept, for whoever knows what it means
            return ()
        if event.person is not None:
            return self._events.live_calls(event.person)
        if event.prescription is None:
            return ()
        return [call for call in self._board.record.live_calls() if call.prescription == event.prescription]

    def _tell(self, call: Call, event: OrderEvent) -> bool:
        """Tell a call; False when it moves too fast just now. One bad call must not keep the others from being told."""
        try:
            self._board.tell(call.id, self._news(call, event))
        except Conflict:
            return False
        except Unreachable:
            raise
        except Exception as fault:
            # Its text may quote the caller; its type does not.
            log.error("call_not_told", call=call.id, told="OrderNews", fault=type(fault).__name__)
        return True

    def _news(self, call: Call, event: OrderEvent) -> OrderNews:
        since = call.arrived_at - A_LITTLE
        known = self._events.of_prescription(event.prescription, since) if event.prescription is not None else []
        told = tuple(told_of(each.at, each.data) for each in known if each.type in ORDER_EVENTS)
        return OrderNews(event.id, event.type, event.at, event.person, event.prescription, told)

    # ------------------------------------------------------------ caught up with

    def catch_up(self) -> int:
        """Ask the order system for what happened since we asked last; returns how much of it no webhook had brought.

        Raises what an order system's methods raise.
        """
        if CAPABILITY not in self._board.orders.capabilities():
            return 0
        caught = sum(self.keep(news) for page in self._pages() for news in page.items if can_be_kept(news))
        if caught:
            log.info("order_events_caught", count=caught)
        return caught

    def _pages(self) -> Iterator[Events]:
        """The place is noted when a page has been kept, never before."""
        for _ in range(MOST_PAGES):
            after = self._board.record.watch.mark(MARK) or ""
            page = self._page(after)
            yield page
            if page.after != after:
                self._board.record.watch.set_mark(MARK, page.after)
            if not page.items:
                return

    def _page(self, after: str) -> Events:
        try:
            return self._board.orders.events(after)
        except Refused as refused:
            if refused.code != "cursor_expired" or not after:
                raise
            log.warning("order_events_forgotten")  # it keeps our place no longer: what lies between may be lost
            return self._board.orders.events("")

    # ------------------------------------------------------------ for outreach

    def untold(self, since: datetime) -> list[OrderEvent]:
        """Return what happened to people since then and holds still, and they have not heard, the oldest first."""
        return [event for event in self._holding(since) if not self._has_heard(event)]

    def _holding(self, since: datetime) -> list[OrderEvent]:
        return newest(event for event in self._events.since(since) if event.type in ORDER_EVENTS and event.person)

    def _has_heard(self, event: OrderEvent) -> bool:
        assert event.person is not None
        return any(heard(call, event) for call in self._events.calls_since(event.person, event.at - LOOK_BACK))

    def reach_out(self) -> int:
        """Make work, at the order system, of what the policies say somebody has to be told; returns how much.

        Not while they are on the phone or waiting: whoever answers them tells them. Raises what an order system's
        methods raise.
        """
        wanted = self._board.pharmacy().policies.reach_out
        holding = self._holding(self._board.clock.now() - REACH_OUT_WITHIN)
        due = [event for event in holding if event.type in wanted and event.task is None]
        return sum(self._make_task(event) for event in due if not self._has_heard(event))

    def _make_task(self, event: OrderEvent) -> bool:
        assert event.person is not None
        if self._events.live_calls(event.person):
            return False
        body = {"what": "reach_out", "urgent": False, "reason": event.type, "person": event.person}
        body |= {"prescription": event.prescription} if event.prescription else {}
        try:
            made = self._board.orders.create_task(body, key_of(event.id))
        except Refused as refused:
            log.error("task_refused", what="reach_out", why=refused.code)
            made = f"refused:{refused.code}"
        self._events.made_task(event.id, made)
        return not made.startswith("refused:")


def can_be_kept(news: News) -> bool:
    """Can a database hold this event? One that none can must not stop those behind it."""
    try:
        written(dict(news.data))
        news.at.astimezone(UTC)
    except (ValueError, OverflowError, RecursionError):  # half a character, or a moment before all years
        log.warning("order_event_not_to_be_kept")
        return False
    return all(each.isprintable() for each in (news.id, news.person or "", news.prescription or ""))


def heard(call: Call, event: OrderEvent) -> bool:
    """Has a call told its person of an event: by staff who answered it since, or by the machine about just this?"""
    ticket = call.ticket
    if ticket is not None and ticket.answered_at is not None and ticket.answered_at >= event.at:
        return True
    asked = call.known_at is not None and call.known_at >= event.at and call.prescription == event.prescription
    return asked and call.outcome == "self_served"


def key_of(event_id: str) -> str:
    """Return the Idempotency-Key of an event's work; whatever is in its id, this can stand in a header."""
    return f"event:{hashlib.sha256(event_id.encode()).hexdigest()[:32]}"
