"""Calls we place: at our own pace, one at a time, the most urgent first, and none of them twice."""

from __future__ import annotations

from contextlib import suppress

import structlog

from ivr.core.call import Call, Leg
from ivr.core.effects import PlaceCall
from ivr.core.events import HungUp, Placed, PlaceFailed
from ivr.doors import Doors
from ivr.jobs import delay_seconds
from ivr.leases import LEASE_SECONDS, Leases
from ivr.once import TRIES, Once, asked_at
from ivr.store import Conflict, EffectRow, Taken
from ivr.switchboard import Switchboard
from ivr.telephony import rest
from ivr.telephony.forms import CALL_OVER

log = structlog.get_logger(__name__)

LEASE = "placing"


class Placing:
    """Places the calls that are due."""

    def __init__(self, board: Switchboard, telephone: rest.Telephone, doors: Doors, leases: Leases) -> None:
        self._board = board
        self._record = board.record
        self._outbox = board.record.outbox
        self._telephone = telephone
        self._doors = doors
        self._once = Once("place", LEASE, board, leases, self._pace, self._place, self._look_up)

    def once(self) -> float:
        """Place what is due; returns in how many real seconds there may be more to do, 1 at most."""
        return self._once.once()

    def _pace(self) -> float:
        return self._board.pharmacy().policies.calls_per_second

    # ------------------------------------------------------------ one call

    def _place(self, due: EffectRow) -> bool:
        """Ring, if that is still wanted; True when Twilio was asked."""
        row = self._outbox.claim(due.id, LEASE_SECONDS)
        if row is None:
            return False
        effect, loaded = _placed_by(row), self._record.load_call(row.call_id)
        if loaded is None or not still_wanted(loaded.call, loaded.call.legs[effect.leg]):
            self._let_be(row, effect, "withdrawn", "canceled")
            return False
        if self._is_in_use(loaded.call, effect):
            self._let_be(row, effect, "busy with another call of ours", "busy")
            return False
        self._outbox.sending(row.id)  # refused once our lease has run out, and then we do not ring
        self._ring(row, effect, loaded.call)
        return True

    def _ring(self, row: EffectRow, effect: PlaceCall, call: Call) -> None:
        try:
            sid = self._telephone.place_call(
                to=effect.number,
                from_=self._number_of(call),
                url=self._doors.moved(effect.leg, 1),
                status_url=self._doors.status(effect.leg),
                ring_seconds=effect.ring_seconds,
                fallback_url=self._doors.fallback(),
                detect_machine=effect.detect_machine,
                amd_url=self._doors.status(effect.leg) if effect.detect_machine else None,
            )
        except rest.Refused as refused:
            log.warning("call_refused", effect=row.id, why=str(refused))
            if refused.retry:
                self._outbox.again(row.id, delay_seconds(row.attempts), str(refused))
            else:
                self._fail(row, effect, str(refused))
        except rest.Unknown as unknown:
            log.warning("call_perhaps_placed", effect=row.id, why=str(unknown))
            self._outbox.unknown(row.id, str(unknown))
        else:
            self._adopt(row, effect, sid)

    def _adopt(self, row: EffectRow, effect: PlaceCall, sid: str) -> None:
        with suppress(Taken):  # somebody else came to this leg first; ours will hear that the call was taken
            self._record.bind_sid(effect.leg, sid)
        self._rings(row, effect, sid)

    def _rings(self, row: EffectRow, effect: PlaceCall, sid: str) -> None:
        """Told before it is done: whoever dies in between leaves it to be looked up, and told again."""
        self._tell(row, Placed(effect.leg))
        self._outbox.done(row.id, sid)

    def _is_in_use(self, call: Call, effect: PlaceCall) -> bool:
        """Did two tickets of a number come to be called back at the same moment? It would ring while they talk."""
        is_callback = call.legs[effect.leg].kind == "callback"
        return is_callback and self._record.callbacks.others_first(effect.number, call.id, effect.leg)

    def _let_be(self, row: EffectRow, effect: PlaceCall, why: str, how: str) -> None:
        """Nobody is rung, and the call hears of it in the carrier's word for how such a leg ended."""
        self._outbox.done(row.id, why)
        self._tell(row, HungUp(effect.leg, how))

    def _fail(self, row: EffectRow, effect: PlaceCall, why: str) -> None:
        log.error("call_not_placed", effect=row.id, why=why)
        self._outbox.dead(row.id, why)
        self._tell(row, PlaceFailed(effect.leg, why))

    def _tell(self, row: EffectRow, event: HungUp | Placed | PlaceFailed) -> None:
        with suppress(Conflict, LookupError):  # the sweep finds a leg nobody rings
            self._board.tell(row.call_id, event)

    def _number_of(self, call: Call) -> str:
        return self._board.pharmacy(call.version).line_of(call.line).number

    # ------------------------------------------------------------ calls nobody knows about

    def _look_up(self, row: EffectRow) -> bool:
        """Ask Twilio whether the phone rings after all: adopt that call, or ring again, or give up."""
        effect = _placed_by(row)
        loaded = self._record.load(effect.leg, 0, "status")
        if loaded is None:
            self._outbox.dead(row.id, "no such leg")
        elif loaded.call_sid is not None:  # they picked up meanwhile, and so told us
            self._rings(row, effect, loaded.call_sid)
        else:
            self._settle(row, effect, loaded.call)
        return True

    def _settle(self, row: EffectRow, effect: PlaceCall, call: Call) -> None:
        try:
            found = self._found(row, effect, call)
        except (rest.Refused, rest.Unknown) as trouble:
            log.info("call_still_unknown", effect=row.id, why=str(trouble))
            return
        if found is not None:
            self._adopt(row, effect, found.sid)
            if found.status in CALL_OVER:
                self._tell(row, HungUp(effect.leg, found.status, found.seconds or 0))
        elif row.attempts < TRIES:
            self._outbox.again(row.id, 0.0, "not found")
        else:
            self._fail(row, effect, "not found")

    def _found(self, row: EffectRow, effect: PlaceCall, call: Call) -> rest.FoundCall | None:
        """Return the first call between the two numbers since we asked that no other leg is known by."""
        since = asked_at(row, self._board.clock)
        found = self._telephone.find_calls(to=effect.number, from_=self._number_of(call), since=since)
        return next((each for each in reversed(found) if self._record.leg_of_sid(each.sid) is None), None)


def still_wanted(call: Call, leg: Leg) -> bool:
    """Is there still a reason to ring this leg: an open offer, or an agent who waits for whoever is called back?"""
    offer = next((offer for offer in call.offers if offer.id == leg.offer), None)
    if offer is None or leg.state == "over":
        return False
    return offer.state == "open" or (leg.kind == "callback" and offer.state == "accepted")


def _placed_by(row: EffectRow) -> PlaceCall:
    assert isinstance(row.effect, PlaceCall)
    return row.effect
