"""What is stuck, found in the record and mended: offers nobody ends, tickets on the way to nobody, agents nobody frees.

A turn is all or nothing, so none of this comes about unless something of ours is wrong. Each is an alarm for that
reason, and is mended all the same: an agent who is never offered a call again, or a caller nobody is on the way to,
must not wait for somebody to read it.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

import structlog

from ivr.core.call import Call
from ivr.core.effects import Effect, EndLeg, WriteDisposition
from ivr.core.ending import disposition
from ivr.core.events import Event, HungUp, TimerDue
from ivr.core.line import Offer, Ticket, on_call_id
from ivr.core.pharmacy import Pharmacy
from ivr.store import Conflict, Loaded, LostOffer, Turn
from ivr.switchboard import Switchboard

log = structlog.get_logger(__name__)

GRACE = timedelta(seconds=30)  # for the timers, which do the same in good order
_FREED_BY = {"offered": "withdrawn", "on_call": "talk_ended"}


def mend(board: Switchboard) -> int:
    """Mend what is stuck and return how many offers, tickets and agents were. Safe to do twice, and by two at once."""
    mending = _Mending(board)
    return mending.offers() + mending.tickets() + mending.agents()


class _Mending:
    def __init__(self, board: Switchboard) -> None:
        self._board = board
        self._record = board.record
        self._now = board.clock.now()

    # ------------------------------------------------------------ offers

    def offers(self) -> int:
        """End every offer that stands though its time is over, or its call."""
        lost = self._record.desk.lost_offers(self._now - GRACE)
        for offer in lost:
            log.error("offer_stuck", call=offer.call, offer=offer.id, agent=offer.agent, state=offer.state)
            self._mend(offer.call, partial(self._end, offer))
        return len(lost)

    def _end(self, lost: LostOffer) -> None:
        """Let the call end it, as its timer would; if the call cannot, or knows nothing of it, without the call."""
        self._tell(lost.call, TimerDue(f"offer:{lost.id}"))
        loaded = self._record.load_call(lost.call)
        offer = next((each for each in loaded.call.offers if each.id == lost.id), None) if loaded else None
        if loaded and offer and offer.state in ("open", "accepted"):
            self._keep(loaded, _without(loaded.call, offer), f"offer:{offer.id}", EndLeg(offer.leg))
        self._record.desk.end_offer(lost.id)

    # ------------------------------------------------------------ tickets

    def tickets(self) -> int:
        """Put every ticket back in its place that is on its way to an agent who has not accepted it."""
        lost = self._record.desk.lost_tickets()
        for call_id in lost:
            log.error("ticket_stuck", call=call_id)
            self._mend(call_id, partial(self._put_back, call_id))
        return len(lost)

    def _put_back(self, call_id: str) -> None:
        loaded = self._record.load_call(call_id)
        if loaded is None or loaded.call.ticket is None:
            self._record.desk.close_tickets(call_id)
            return
        call, ticket = loaded.call, loaded.call.ticket
        # What the call says goes; where only the row was wrong, it is written again.
        known = Loaded(replace(call, ticket=None), loaded.rev)
        if ticket.state != "connecting":
            self._keep(known, call, f"ticket:{ticket.id}")
        elif ticket.kind != "hold":
            self._keep(known, _waiting(call, ticket, "promised"), f"ticket:{ticket.id}")
        elif call.phase == "over":
            closed = replace(
                call, ticket=replace(ticket, state="closed", closed_at=self._now), revision=call.revision + 1
            )
            told = WriteDisposition(closed.revision, disposition(closed, self._board.pharmacy(call.version)))
            self._keep(known, closed, f"ticket:{ticket.id}", told)
        else:
            self._hold_again(known, call, ticket)

    def _hold_again(self, known: Loaded, call: Call, ticket: Ticket) -> None:
        """Back on hold; and if the caller has gone meanwhile, the call hears of it only now."""
        caller = next(leg for leg in call.legs.values() if leg.kind == "caller")
        legs = {**call.legs, caller.token: replace(caller, state="live")}
        self._keep(known, replace(_waiting(call, ticket, "holding"), legs=legs), f"ticket:{ticket.id}")
        if caller.state == "over":
            self._tell(call.id, HungUp(caller.token, "completed"))

    # ------------------------------------------------------------ agents

    def agents(self) -> int:
        """Free everybody who is `offered` or `on_call` by nothing that stands, and on no phone of ours."""
        desk, phones = self._record.desk, _phones(self._board.pharmacy())
        lost = [
            (agent, presence)
            for agent, presence in desk.lost_agents(self._now - GRACE)
            if agent not in phones or not desk.is_on_a_leg(phones[agent])
        ]
        for agent, presence in lost:
            log.error("agent_stuck", agent=agent, presence=presence)
            with suppress(Conflict):  # they have moved themselves
                desk.move_agent(agent, _FREED_BY[presence], "", self._now, by="line")
        return len(lost)

    # ------------------------------------------------------------ how

    def _mend(self, call_id: str, mends: Callable[[], None]) -> None:
        """Mend what is stuck in one call; whatever is wrong with it, the others are mended all the same."""
        try:
            with suppress(Conflict):  # somebody moves the call: if that did not end it, the next look will
                mends()
        except Exception as fault:
            log.error("not_mended", call=call_id, fault=type(fault).__name__)

    def _keep(self, loaded: Loaded, after: Call, what: str, *does: Effect) -> None:
        """Commit what no event of a call says; its journal says that it was mended."""
        told: dict[str, Any] = {"event": "Mended", "what": what, "phase": after.phase}
        event = json.dumps(told, separators=(",", ":"))
        self._record.commit(Turn(loaded.call, loaded.rev, after, self._now, event, does=does))
        self._board.live.ring("relay", "dispatch")

    def _tell(self, call_id: str, event: Event) -> None:
        try:
            self._board.tell(call_id, event)
        except Exception as fault:
            # Its text may quote the caller; its type does not.
            log.warning("call_not_told", call=call_id, told=type(event).__name__, fault=type(fault).__name__)


def _phones(pharmacy: Pharmacy) -> dict[str, str]:
    on_call = {on_call_id(site.name): site.on_call for site in pharmacy.sites.values()}
    return {**{agent.id: agent.address for agent in pharmacy.staff.values()}, **on_call}


def _without(call: Call, offer: Offer) -> Call:
    """The call with an offer ended, and the leg it rang."""
    offers = tuple(replace(each, state="ended", on_leaving="") if each is offer else each for each in call.offers)
    leg = call.legs.get(offer.leg)
    legs = {**call.legs, leg.token: replace(leg, state="over")} if leg else call.legs
    return replace(call, offers=offers, legs=legs)


def _waiting(call: Call, ticket: Ticket, phase: str) -> Call:
    return replace(
        call, ticket=replace(ticket, state="waiting"), phase=phase if call.phase == "connecting" else call.phase
    )
