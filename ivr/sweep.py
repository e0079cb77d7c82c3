"""The sweep: Twilio's own lists, and the order system's, against our record: nothing depends on what may never come.

Every part is safe to run twice and says nothing twice.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, fields
from datetime import datetime, timedelta

import structlog

from ivr.core.call import Call, Caller
from ivr.core.events import VANISHED, Event, HungUp, KeptLongEnough, LeftAlone, Recorded
from ivr.doors import Doors
from ivr.mending import mend
from ivr.news import Newsroom
from ivr.orders import port
from ivr.store import LegRow, Unreachable
from ivr.switchboard import Switchboard
from ivr.telephony import rest
from ivr.telephony.forms import CALL_OVER, e164

log = structlog.get_logger(__name__)

FIRST_LOOK_BACK = timedelta(minutes=15)
FARTHEST_LOOK_BACK = timedelta(days=1)
OVERLAP = timedelta(minutes=2)  # Twilio's lists are late by some seconds
GRACE = timedelta(seconds=30)  # for the ordinary callback to come first
SILENT_SECONDS = 120.0
STRAY_SECONDS = 30
REPLIES_KEPT = timedelta(hours=1)
HOUSEKEEPING = ("forgotten_replies", "old_messages", "order_events", "outreach")


@dataclass(frozen=True, slots=True)
class Swept:
    """How much a sweep found; None for a part that Twilio, or the order system, did not let us see."""

    lost_calls: int | None = None
    ended_legs: int | None = None
    strays: int | None = None
    empty_rooms: int | None = None
    messages: int | None = None
    forgotten_replies: int | None = None
    mended: int | None = None
    old_messages: int | None = None
    order_events: int | None = None
    outreach: int | None = None


def run_once(board: Switchboard, telephone: rest.Telephone, doors: Doors) -> Swept:
    """Sweep everything once and return what was found."""
    sweep = Sweep(board, telephone, doors)
    swept = Swept(**{part.name: sweep.part(part.name) for part in fields(Swept)})
    if any(getattr(swept, part.name) for part in fields(Swept) if part.name not in HOUSEKEEPING):
        log.warning("sweep_found", **{part.name: getattr(swept, part.name) for part in fields(Swept)})
    return swept


class Sweep:
    """The parts of a sweep, each named as its figure in `Swept`."""

    def __init__(self, board: Switchboard, telephone: rest.Telephone, doors: Doors) -> None:
        self._board = board
        self._record = board.record
        self._telephone = telephone
        self._doors = doors
        self._now = board.clock.now()
        self._newsroom = Newsroom(board)

    def part(self, name: str) -> int | None:
        """Run one part; None when whom it asks refused or did not answer, which the next sweep makes good."""
        run: Callable[[], int] = getattr(self, name)
        try:
            return run()
        except (rest.Refused, rest.Unknown, port.Refused, port.Unavailable) as trouble:
            log.warning("sweep_part_failed", part=name, why=str(trouble))
            return None

    # ------------------------------------------------------------ calls and legs

    def lost_calls(self) -> int:
        """Give every inbound call of ours that we never heard of its row and its disposition."""
        pharmacy = self._board.pharmacy()
        ours = {line.number for lines in (pharmacy.lines, pharmacy.staff_lines) for line in lines.values()}
        unknown = [
            call
            for call in self._telephone.calls_since(self._since("sweep:calls"))
            if call.direction == "inbound" and e164(call.to) in ours and self._record.leg_of_sid(call.sid) is None
        ]
        over = [call for call in unknown if self._is_past(call)]
        for call in over:
            number = e164(call.from_)
            caller = Caller("number" if number else "anonymous", number)
            began = call.started_at or self._now
            self._board.lost(call.sid, caller, e164(call.to) or "", began, _listened_seconds(call))
        self._seen_up_to("sweep:calls", [call.started_at for call in unknown if call not in over])
        return len(over)

    def ended_legs(self) -> int:
        """Tell every call whose leg is over at Twilio and silent here that it has ended."""
        silent = self._record.legs_not_over(SILENT_SECONDS, self._now)
        known = self._calls_of(silent)
        return sum(self._ended(leg, known) for leg in silent)

    def _calls_of(self, silent: list[LegRow]) -> dict[str, rest.FoundCall]:
        """Return what one list says of them all: an hour's hold would be a question a minute for each caller."""
        if not silent:
            return {}
        oldest = max(min(leg.created_at for leg in silent), self._now - FARTHEST_LOOK_BACK)
        return {call.sid: call for call in self._telephone.calls_since(oldest - OVERLAP)}

    def _ended(self, leg: LegRow, known: dict[str, rest.FoundCall]) -> bool:
        if leg.call_sid is None:
            placing = self._record.outbox.effect_of_leg(leg.token)
            rung = placing is not None and placing.state not in ("done", "dead")
            return not rung and self._tell(leg.call_id, HungUp(leg.token, "canceled"))
        found = known.get(leg.call_sid)
        status = found.status if found else self._telephone.call_status(leg.call_sid) or "completed"
        how, seconds = VANISHED if status == "completed" else status, (found and found.seconds) or 0
        return status in CALL_OVER and self._tell(leg.call_id, HungUp(leg.token, how, seconds))

    # ------------------------------------------------------------ queues and rooms

    def strays(self) -> int:
        """Take everybody from the hold queues whom no ticket waits for: they hear an apology, and find a person."""
        found = [
            (site, member.call_sid)
            for site in self._board.pharmacy().sites
            for member in self._telephone.queue_members(site)
            if member.wait_seconds >= STRAY_SECONDS and not self._is_in_line(member.call_sid)
        ]
        for site, sid in found:
            log.error("stray_in_queue", site=site, call_sid=sid)
            with suppress(rest.Gone):
                self._telephone.move_member(site, sid, self._doors.fallback())
        return len(found)

    def _is_in_line(self, sid: str) -> bool:
        call = self._call_of(sid)
        return call is not None and call.phase in ("holding", "dialogue", "connecting")

    def empty_rooms(self) -> int:
        """End the conferences of talks that are over, and mend those with one person left, once seen so twice."""
        rooms = [room for room in self._telephone.live_conferences() if room.name.startswith("rx-")]
        # Read after the rooms: an offer is accepted before its room is made.
        talks = {name: call.id for call in self._record.live_calls() for name in _rooms_of(call)}
        odd = [room for room in rooms if room.name not in talks or len(room.call_sids) == 1]
        before = json.loads(self._record.watch.mark("sweep:rooms") or "[]")
        self._record.watch.set_mark("sweep:rooms", json.dumps([room.sid for room in odd]))
        return sum(self._mend(room, talks.get(room.name)) for room in odd if room.sid in before)

    def _mend(self, room: rest.Conference, call_id: str | None) -> bool:
        if call_id is not None:  # the other is fetched too, and told of or found to be gone
            return self._tell(call_id, LeftAlone(room.name))
        log.error("room_without_talk", conference_sid=room.sid)
        for sid in room.call_sids:
            self._telephone.end_call(sid)
        return True

    # ------------------------------------------------------------ messages and what is kept

    def messages(self) -> int:
        """Put every message that was recorded and never reported where it belongs."""
        made = self._telephone.recordings_since(self._since("sweep:recordings"))
        done = [each for each in made if each.status == "completed" and self._has_aged(each.created_at)]
        found = sum(self._message(each) for each in done)
        self._seen_up_to("sweep:recordings", [each.created_at for each in made if each not in done])
        return found

    def _message(self, made: rest.FoundRecording) -> bool:
        call, leg = self._call_of(made.call_sid), self._record.leg_of_sid(made.call_sid)
        if call is None or leg is None or made.sid in call.recordings:
            return False
        # Who has talked with staff may have been recorded doing so; any other recording is a message.
        if call.reached == "talk" or call.phase not in ("message", "over"):
            return False
        return self._tell(call.id, Recorded(leg, made.sid, made.seconds or 0))

    def forgotten_replies(self) -> int:
        """Delete what was said on legs that have been over for an hour."""
        return self._record.forget_replies(self._now - REPLIES_KEPT)

    def mended(self) -> int:
        """Mend the offers, tickets and agents that are stuck in our own record."""
        return mend(self._board)

    def old_messages(self) -> int:
        """Let go of messages that were worked longer ago than they are kept, here and at Twilio."""
        days = self._board.pharmacy().policies.keep["messages"]
        worked = self._record.messages.worked_before(self._now - timedelta(days=days))
        return sum(self._tell(call_id, KeptLongEnough()) for call_id in worked)

    # ------------------------------------------------------------ the order system

    def order_events(self) -> int:
        """Catch up with what happened at the order system and no webhook told us."""
        return self._newsroom.catch_up()

    def outreach(self) -> int:
        """Make work of what patients have to be told of, and have not heard."""
        return self._newsroom.reach_out()

    # ------------------------------------------------------------ how

    def _tell(self, call_id: str, event: Event) -> bool:
        """Tell a call; False when that changed nothing. One bad call must not keep the others from being swept."""
        before = self._record.load_call(call_id)
        try:
            return before is not None and self._board.tell(call_id, event).call != before.call
        except Unreachable:
            raise
        except Exception as fault:
            # Its text may quote the caller; its type does not.
            log.error("call_not_told", call=call_id, told=type(event).__name__, fault=type(fault).__name__)
            return False

    def _call_of(self, sid: str) -> Call | None:
        leg = self._record.leg_of_sid(sid)
        loaded = self._record.load(leg, 0, "status") if leg else None
        return loaded.call if loaded else None

    def _is_past(self, call: rest.FoundCall) -> bool:
        return call.status in CALL_OVER and self._has_aged(call.ended_at or call.started_at)

    def _has_aged(self, at: datetime | None) -> bool:
        return at is None or at <= self._now - GRACE

    def _since(self, mark: str) -> datetime:
        """Return where the last sweep got to; never in the future, which a practice clock set back makes of it."""
        kept = self._record.watch.mark(mark)
        at = datetime.fromisoformat(kept) if kept else self._now - FIRST_LOOK_BACK
        return min(at, self._now - OVERLAP)

    def _seen_up_to(self, mark: str, open_since: Iterable[datetime | None]) -> None:
        """Note where the next sweep begins: before everything that is still going on."""
        at = min([self._now, *filter(None, open_since)])
        oldest = self._now - FARTHEST_LOOK_BACK
        self._record.watch.set_mark(mark, max(at - OVERLAP, oldest).isoformat())


def _rooms_of(call: Call) -> set[str]:
    """The rooms somebody may be in, or on the way to."""
    waiting = {offer.conference for offer in call.offers if offer.state == "accepted"}
    return waiting | ({call.talk.room} if call.talk else set())


def _listened_seconds(call: rest.FoundCall) -> int:
    """How long a caller had the phone at their ear: Twilio's own duration of a call never answered is 0."""
    if call.started_at is None or call.ended_at is None:
        return call.seconds or 0
    return int((call.ended_at - call.started_at).total_seconds())
