"""What the staff line asks and does at our own record: who it is, where they are, who waits, what came of a call."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta

import structlog

from ivr.clock import Clock
from ivr.core import mailbox
from ivr.core.call import Answer, Call, Step
from ivr.core.events import CalledBack, Confirmed, Event, Offered, Worked
from ivr.core.line import Agent, InLine, Ticket, could_serve, offerable
from ivr.core.pharmacy import Pharmacy
from ivr.core.staff_line import STAFF, WORKED
from ivr.deeds import Deeds
from ivr.presence import Refused
from ivr.store import Conflict, Record
from ivr.store import Offered as Tried

log = structlog.get_logger(__name__)

NOBODYS_PIN = "00000000"  # compared with when there is nobody, so that it takes as long
DOOR = "phone"


class StaffDesk:
    """Answers the asks that begin with `staff:`, at once."""

    def __init__(self, record: Record, clock: Clock, tell: Callable[[str, Event], Step], deeds: Deeds) -> None:
        self._record = record
        self._clock = clock
        self._tell = tell
        self._deeds = deeds

    def answers(self, ask: str, call: Call, pharmacy: Pharmacy) -> dict[str, Answer]:
        """Return the answer to one ask of a colleague's call; what it does is done once, however often it is asked."""
        _, what, *rest = ask.split(":", 3)
        agent = pharmacy.staff.get((call.person or "").removeprefix(STAFF))
        if what == "pin":
            return {ask: self._pin(ask, call, pharmacy)}
        if agent is None:
            return {ask: Answer(False)}
        match what:
            case "desk":
                return {ask: self._desk(agent)}
            case "next":
                return {ask: self._next(agent, pharmacy)}
            case "take":
                return {ask: self._take(agent, rest[0])}
            case "last":
                return {ask: self._last(agent)}
            case "message":
                return {ask: self._message(agent, call, pharmacy)}
            case "play":
                return {ask: self._play(agent, rest[0], pharmacy)}
            case "close" | "call_back" | "confirm":
                return {ask: self._work(agent, what, *rest)}
            case _:
                return {ask: self._code(agent, *rest)}

    # ------------------------------------------------------------ who it is

    def _pin(self, ask: str, call: Call, pharmacy: Pharmacy) -> Answer:
        """Compare in the same time whoever it is, and count the wrong ones by call, number and colleague."""
        agent = pharmacy.staff.get(call.fields.get("staff", ""))
        pin = agent.pin if agent and agent.pin else NOBODYS_PIN
        right = hmac.compare_digest(call.fields["pin"].encode(), pin.encode()) and agent is not None and bool(agent.pin)
        policies, now = pharmacy.policies, self._clock.now()
        tried = Tried(call.id, ask, call.caller.number, _whose(agent, call) if agent else None, not right)
        wrong = self._record.proofs.keep(tried, now, now - timedelta(seconds=policies.wrong_within_seconds))
        over = wrong.call >= policies.wrong_per_call or wrong.number >= policies.wrong_per_number
        locked = over or wrong.person >= policies.wrong_per_person
        if locked:
            log.warning("staff_line_locked", call=call.id)
        # An extension nobody has is never locked: that this one is would tell a stranger that it is somebody's.
        told = over or (locked and agent is not None and _is_own(agent, call))
        return Answer(
            True, person=agent.id if agent and right and not locked else None, values={"locked": "yes"} if told else {}
        )

    # ------------------------------------------------------------ the desk and the line

    def _desk(self, agent: Agent) -> Answer:
        now = self._record.desk.agents().get(agent.id)
        values = {"presence": now.presence, "next": now.next} if now else {"presence": "signed_out", "next": ""}
        return Answer(now is not None, values=values)

    def _next(self, agent: Agent, pharmacy: Pharmacy) -> Answer:
        """Return the first in line whom this agent may serve and who is on hold; nothing that is private."""
        ticket = self._first(agent)
        loaded = self._record.load_call(ticket.call) if ticket else None
        if ticket is None or loaded is None:
            return Answer(False)
        return Answer(True, {"minutes": self._minutes_since(ticket.arrived_at)}, values=_told(loaded.call, pharmacy))

    def _minutes_since(self, at: datetime) -> int:
        return int((self._clock.now() - at).total_seconds() // 60)

    def _first(self, agent: Agent) -> Ticket | None:
        now = self._clock.now()
        open_offers = [offer.ticket for _, offer in self._record.desk.open_offers()]
        line = (InLine(ticket, open_offers.count(ticket.id)) for ticket in self._record.desk.waiting(agent.site))
        able = (entry.ticket for entry in line if offerable(entry, now) and could_serve(agent, entry.ticket))
        return next((ticket for ticket in able if ticket.kind == "hold"), None)

    def _take(self, agent: Agent, call_id: str) -> Answer:
        """Offer the call to the phone they are on; asked again, the leg they were given."""
        loaded = self._record.load_call(call_id)
        known = loaded.call.offers if loaded else ()
        theirs = [offer for offer in known if offer.agent == agent.id and offer.here and offer.state == "open"]
        if theirs:
            return Answer(True, values={"leg": theirs[0].leg})
        offered = Offered(secrets.token_urlsafe(16), secrets.token_urlsafe(16), agent.id, agent.address, here=True)
        try:
            taken = self._tell(call_id, offered)
        except (Conflict, LookupError):  # they are not signed in, or the call is over
            return Answer(False, values={"because": "agent_line_sign_in_first"} if self._is_out(agent) else {})
        here = any(offer.id == offered.offer for offer in taken.call.offers)
        return Answer(here, values={"leg": offered.leg} if here else {})

    def _is_out(self, agent: Agent) -> bool:
        return self._desk(agent).values["presence"] == "signed_out"

    # ------------------------------------------------------------ what came of the last call

    def _last(self, agent: Agent) -> Answer:
        call_id = self._record.desk.last_call_of(agent.id)
        loaded = self._record.load_call(call_id) if call_id else None
        if loaded is None or loaded.call.ticket is None:
            return Answer(False)
        return Answer(True, values={"call": loaded.call.id, "queue": loaded.call.ticket.queue})

    def _code(self, agent: Agent, call_id: str, code: str) -> Answer:
        """Give the call its code; it is known whether the call took it."""
        return Answer(self._tell(call_id, Worked(agent.id, code)).call.resolution == code)

    # ------------------------------------------------------------ messages

    def _message(self, agent: Agent, call: Call, pharmacy: Pharmacy) -> Answer:
        """Return the first message by promise that is work for this agent, and which they have not passed over."""
        passed = call.fields.get("passed", "").split()
        left = next(self._messages_for(agent, passed, pharmacy), None)
        if left is None or left.message is None or left.ticket is None:
            return Answer(False)
        about = {
            "queue_name": left.ticket.queue,
            "flags": " ".join(left.message.flags),
            "prescription": "yes" if left.message.kind == "prescription" else "",
        }
        minutes = self._minutes_since(left.message.left_at)
        return Answer(True, {"minutes": minutes}, values={**_told(left, pharmacy), **about})

    def _messages_for(self, agent: Agent, passed: list[str], pharmacy: Pharmacy) -> Iterator[Call]:
        for ticket in self._record.desk.waiting(agent.site):
            is_theirs = ticket.kind == "voicemail" and could_serve(agent, ticket) and ticket.call not in passed
            loaded = self._record.load_call(ticket.call) if is_theirs else None
            if loaded is not None and any(_may(loaded.call, agent, pharmacy).values()):
                yield loaded.call

    def _play(self, agent: Agent, call_id: str, pharmacy: Pharmacy) -> Answer:
        """Note that they listen, and return where the sound is, what an office spelt, and what they may do with it."""
        loaded = self._record.load_call(call_id)
        may = _may(loaded.call, agent, pharmacy) if loaded else {}
        if not any(may.values()):  # somebody else has closed it meanwhile
            return Answer(False)
        try:
            message = self._deeds.play_message(call_id, agent.id, door=DOOR)
        except (Refused, Conflict):
            return Answer(False)
        return Answer(True, values={**message.items, "recording": message.recording, **may})

    def _work(self, agent: Agent, what: str, call_id: str, code: str = WORKED) -> Answer:
        """Do it; known is whether it is done."""
        try:
            if what == "close":
                self._deeds.close_message(call_id, agent.id, code, door=DOOR)
            elif what == "call_back":
                self._deeds.call_back_message(call_id, agent.id, door=DOOR)
            else:
                self._deeds.confirm_message(call_id, agent.id, door=DOOR)
        except (Refused, Conflict):
            return Answer(False)
        return Answer(True)


def _whose(agent: Agent, call: Call) -> str:
    """Whom a PIN is counted against: a colleague on their own phone is not locked out by strangers on others."""
    return f"{STAFF}{agent.id}" + ":own" * _is_own(agent, call)


def _is_own(agent: Agent, call: Call) -> bool:
    return call.caller.number == agent.phone and call.caller.attestation != "failed"


def _told(call: Call, pharmacy: Pharmacy) -> dict[str, str]:
    """Return what a whisper tells of a call: kinds and words of ours, and nobody's name."""
    ticket, facts = call.ticket, call.facts
    assert ticket is not None
    queue = pharmacy.queues.get(ticket.queue)
    return {
        "call": call.id,
        "queue": queue.title if queue else ticket.queue,
        "kind": str(facts.get("caller", "unknown")),
        "why": str(facts.get("intent", "other")),
        "tier": str(facts.get("tier", "anonymous")),
        "language": call.language or pharmacy.line_of(call.line).languages[0],
        "emergency": "yes" if ticket.emergency else "",
    }


def _may(call: Call, agent: Agent, pharmacy: Pharmacy) -> dict[str, str]:
    """Return what this agent may do with a message once they have heard it: `yes`, or nothing, by what it is."""
    if call.message is None or call.ticket is None:
        return {}
    queue = pharmacy.queues.get(call.ticket.queue)
    code = queue.codes[0].name if queue and queue.codes else WORKED
    heard = replace(call, message=replace(call.message, played_by=(agent.id,)))
    events: dict[str, mailbox.Work] = {
        "closes": Worked(agent.id, code),
        "calls_back": CalledBack(agent.id),
        "confirms": Confirmed(agent.id),
    }
    return {name: "" if mailbox.refusal(heard, event, pharmacy) else "yes" for name, event in events.items()}
