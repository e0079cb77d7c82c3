"""The shell around `step`: load the call, step, answer what the step asks, commit, reply. All parts meet only here."""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

import structlog

from ivr.clock import Clock
from ivr.content.library import Library
from ivr.content.prompts import Spoken
from ivr.content.recordings import Shelf
from ivr.core.call import Answer, Call, Caller, Leg, Step, World
from ivr.core.call_record import call_record
from ivr.core.ending import SHORT_ABANDON_SECONDS
from ivr.core.entry import is_plain
from ivr.core.events import Arrived, Event, HungUp, Spoke, Stumbled, TicketTaken
from ivr.core.facts import PATIENT
from ivr.core.heard import Heard
from ivr.core.meaning import grounds_told, meaning
from ivr.core.on_hold import ALONE, forecast_in, hold_view
from ivr.core.pharmacy import Pharmacy
from ivr.core.step import step
from ivr.core.verbs import Back, Hangup, Pause, Say, Verb
from ivr.deeds import Deed, Deeds
from ivr.enquiries import Enquiries
from ivr.live import Live
from ivr.orders.port import OrderSystem
from ivr.presence import Presence
from ivr.staff_desk import StaffDesk
from ivr.store import Conflict, Lease, Loaded, Record, Turn
from ivr.telephony import twiml
from ivr.tidings import Tidings

log = structlog.get_logger()

TRIES = 12  # a turn that lost a race is stepped again: a hang-up sets off half a dozen events at one moment
MOST_ASKS = 4
STUMBLE_SECONDS = 60  # a second failure this soon is not asked again but rescued


class UnknownLeg(LookupError):
    """No leg has this token: a forged or forgotten URL."""


@dataclass(frozen=True, slots=True)
class Exit:
    """Which way out of which document a request is."""

    leg: str
    document: int
    way: str  # next · held · after · moved · wait · fallback


class Listener(Protocol):
    """Somebody who can tell what callers mean."""

    def understand(self, words: str, language: str | None, pharmacy: Pharmacy) -> Heard: ...


class Switchboard:
    """Takes every turn of every leg, and every other thing that happens to a call, one path for all."""

    def __init__(
        self,
        *,
        record: Record,
        library: Library,
        orders: OrderSystem,
        live: Live,
        clock: Clock,
        public_url: str,
        secret_key: str,
        recordings: Shelf | None = None,
        threads: int = 8,
        listener: Listener | None = None,
        recording_url: Callable[[str], str] = twiml.no_recordings,
    ) -> None:
        self.record = record
        self.library = library
        self.orders = orders
        self.live = live
        self.clock = clock
        self.recordings = recordings or Shelf(Path())
        self._page = twiml.Renderer(public_url, recording_url, recorded=self._recorded)
        self._listener = listener
        self._key = secret_key.encode()
        self._enquiries = Enquiries(record, orders, clock, threads)
        self.presence = Presence(record, live, clock, library.current, self.tell)
        self.deeds = Deeds(record, clock, library.current, self.tell)
        self.tidings = Tidings(record, self.tell, self._heard)
        self._staff_desk = StaffDesk(record, clock, self.tell, self.deeds)

    # ------------------------------------------------------------ turns: somebody is on the phone

    def arrived(self, call_sid: str, caller: Caller, dialed: str) -> str:
        """A caller rang: their leg's token comes from the CallSid, so a second delivery finds the first one's call."""
        token = self.token_of(call_sid)
        for _ in range(TRIES):
            known = self.record.load(token, 0, "next")
            if known is not None:
                return known.reply if known.reply is not None else self._current(known, token)
            try:
                return self._begin(token, call_sid, caller, dialed)
            except Conflict:  # the same delivery, twice at once: the other one answered
                continue
        raise Conflict

    def turn(self, exit_: Exit, event: Event, call_sid: str) -> str:
        """Answer one request of one leg; the first taker of an exit decides its reply for ever."""
        for _ in range(TRIES):
            loaded = self.record.load(exit_.leg, exit_.document, exit_.way)
            if loaded is None:
                raise UnknownLeg
            if loaded.call_sid is not None and loaded.call_sid != call_sid:
                return self._say(loaded.call, exit_, (Say("call_taken"), Hangup()))
            if loaded.reply is not None:
                return loaded.reply
            if _superseded(exit_, loaded) and not self._is_before_a_move(exit_, loaded):
                return self._current(loaded, exit_.leg)
            try:
                return self._take(exit_, loaded, self._understood(event, loaded.call), call_sid)
            except Conflict:
                continue
        raise Conflict

    def stumbled(self, exit_: Exit, call_sid: str) -> str | None:
        """A document could not be fetched: its stored reply, or the last question once more.

        None when that has been tried within the last minute, or the leg is unknown: then only rescue is left.
        """
        loaded = self.record.load(exit_.leg, exit_.document, exit_.way)
        if loaded is None or loaded.call_sid not in (None, call_sid):
            return None
        if loaded.reply is not None:
            return loaded.reply
        since = loaded.call.stumbled_at
        if since is not None and (self.clock.now() - since).total_seconds() < STUMBLE_SECONDS:
            return None
        return self.turn(Exit(exit_.leg, loaded.documents, "fallback"), Stumbled(exit_.leg), call_sid)

    def waiting(self, exit_: Exit) -> str:
        """What a leg hears while it holds: a view that changes nothing."""
        loaded = self.record.load(exit_.leg, exit_.document, "wait")
        if loaded is None:
            raise UnknownLeg
        call = loaded.call
        world = self._world(call, {})
        if call.ticket is not None:
            world = replace(world, answers={"line": self._enquiries.place_in_line(call.ticket, world.pharmacy)})
        says = ALONE if call.talk or _is_agent(call, exit_.leg) else hold_view(call, world)
        self._keep_forecast(call, says)
        return self._page.wait_document(
            says,
            leg=exit_.leg,
            newest=loaded.documents,
            language=self._language(call, exit_.leg, world.pharmacy),
            prompts=world.pharmacy.prompts.heard_by(_tier(call, exit_.leg)),
            slow=_is_slow(call, exit_.leg),
        )

    # ------------------------------------------------------------ tidings: nobody waits for an answer

    def tell(self, call_id: str, event: Event, under: Lease | None = None, deed: Deed | None = None) -> Step:
        """Something happened to a call outside any turn; `under` a lease, only while that is not another's.

        Raises LookupError for a call nobody knows, Conflict when the record refuses (the agent is taken), and Refused
        when it is a `deed` of staff that cannot be done to the call as it stands.
        """
        for attempt in range(TRIES):
            loaded = self.record.load_call(call_id)
            if loaded is None:
                raise LookupError("no such call")
            if deed is not None:
                deed.may_be_done(loaded.call, self.pharmacy(loaded.call.version))
            taken = self._step(loaded.call, event, {})
            if taken.call == loaded.call and not taken.does:
                if deed is not None:
                    deed.has_changed_nothing()
                return taken
            turn = self._turn_of(loaded, taken, event)
            try:
                self._commit(replace(turn, under=under, audit=deed.entry if deed else None))
                return taken
            except Conflict:
                if attempt == TRIES - 1:
                    raise
        raise AssertionError("unreachable")

    def call_record(self, loaded: Loaded) -> dict[str, Any]:
        """Return the whole record of a call as it stands, as the order system is told it."""
        call, events = loaded.call, self.record.decided(loaded.call.id)
        decided = [grounds for event in events for grounds in grounds_told(json.loads(event))]
        requests = self.record.outbox.requests(call.id)
        return call_record(call, self.pharmacy(call.version), loaded.rev, decided, requests)

    def lost(self, call_sid: str, caller: Caller, dialed: str, started_at: datetime, seconds: int) -> None:
        """An inbound call the carrier knows and we never answered: it gets a row and a disposition all the same."""
        token = self.token_of(call_sid)
        if self.record.load(token, 0, "status") is not None:
            return
        outcome = "short_abandon" if seconds < SHORT_ABANDON_SECONDS else "failed"
        call = self._new_call(token, call_sid, caller, dialed, started_at)
        call = replace(call, outcome=outcome, resolution="system_failure")
        event = HungUp(token, "completed", seconds)
        taken = step(call, event, self._world(call, {}))
        self._commit(replace(self._turn_of(None, taken, event), call_sid=call_sid))

    def inquire(self, ask: str, call: Call) -> Answer | None:
        """Ask the order system on behalf of a call, at leisure; None when it does not answer."""
        return self._enquiries.ask(ask, call, self.pharmacy(call.version).policies)

    # ------------------------------------------------------------ content

    def pharmacy(self, version: str | None = None) -> Pharmacy:
        """The published content a call keeps, or the current one."""
        return self.library.version(version) if version else self.library.current()

    def token_of(self, call_sid: str) -> str:
        """The token of an inbound leg: unguessable, and the same for every delivery of the same call."""
        return hmac.new(self._key, call_sid.encode(), hashlib.sha256).hexdigest()[:32]

    def leg_of(self, call_sid: str) -> str:
        """The leg an inbound call is now: a colleague on the staff line may have gone on as the agent of a call."""
        return self.record.leg_of_sid(call_sid) or self.token_of(call_sid)

    # ------------------------------------------------------------ one turn

    def _begin(self, token: str, call_sid: str, caller: Caller, dialed: str) -> str:
        call = self._new_call(token, call_sid, caller, dialed, self.clock.now())
        remembered = self.record.remembered(caller.number) if caller.number else {}
        answers = {"language": Answer(True, dict(remembered))} if remembered else {}
        event = Arrived(token, caller)
        taken = self._step(call, event, answers, patient=False)
        exit_ = Exit(token, 0, "next")
        reply = self._say(taken.call, exit_, taken.says)
        self._commit(_answered(self._turn_of(None, taken, event), exit_, reply, call_sid))
        return reply

    def _new_call(self, token: str, call_sid: str, caller: Caller, dialed: str, at: datetime) -> Call:
        pharmacy = self.library.current()
        line = pharmacy.line_for(dialed)
        return Call(
            id=call_sid,
            line=line.name,
            site=line.site,
            version=pharmacy.version,
            arrived_at=at,
            caller=caller,
            facts={"tier": "anonymous"},
            legs={token: Leg(token, "staff" if line.serves == "staff" else "caller")},
        )

    def _take(self, exit_: Exit, loaded: Loaded, event: Event, call_sid: str) -> str:
        taken = self._step(loaded.call, event, {})
        reply = self._say(taken.call, exit_, taken.says)
        claims = None if loaded.call_sid else call_sid
        self._commit(_answered(self._turn_of(loaded, taken, event), exit_, reply, claims))
        self._keep_forecast(taken.call, taken.says or ())
        return reply

    def _keep_forecast(self, call: Call, says: tuple[Verb, ...]) -> None:
        """What a caller is told of their wait is kept, to be held against how long it then was."""
        told = forecast_in(says)
        if told is not None and call.ticket is not None:
            self.record.forecasts.keep(call.ticket, *told, self.clock.now())

    def _understood(self, event: Event, call: Call) -> Event:
        """The event, with what the words in it mean; without a listener only the phrases of the flows mean anything."""
        if not isinstance(event, Spoke) or is_plain(event.words):
            return event
        heard = self._heard(event.words, call)
        return event if heard is None else replace(event, heard=heard)

    def _heard(self, words: str, call: Call) -> Heard | None:
        if self._listener is None or not words.strip():
            return None
        return self._listener.understand(words, call.language, self.pharmacy(call.version))

    def _turn_of(self, loaded: Loaded | None, taken: Step, event: Event) -> Turn:
        before = loaded.call if loaded else None
        told = json.dumps(meaning(before, event, taken.call, taken.grounds, taken.says or ()), separators=(",", ":"))
        return Turn(
            before,
            loaded.rev if loaded else 0,
            taken.call,
            self.clock.now(),
            told,
            getattr(event, "leg", None),
            why=taken.why,
            does=taken.does,
        )

    def _commit(self, turn: Turn) -> None:
        self.record.commit(turn, *self._given_up(turn))
        if turn.does or turn.before is None or turn.before.ticket != turn.after.ticket:
            # Under a lease it is dispatch itself, who need not look again at what it has just done.
            self.live.ring(*(("relay",) if turn.under else ("relay", "dispatch")))

    def _given_up(self, turn: Turn) -> list[Turn]:
        """The turn of the call whose ticket goes on in this one: both are kept, or neither."""
        if not turn.after.shares or (turn.before is not None and turn.before.shares == turn.after.shares):
            return []
        loaded = self.record.load_call(turn.after.shares[-1])
        event = TicketTaken(turn.after.id)
        taken = None if loaded is None else self._step(loaded.call, event, {})
        if loaded is None or taken is None or not _gave_up(loaded.call, taken.call, turn.after):
            raise Conflict("the ticket is somebody else's by now")
        return [self._turn_of(loaded, taken, event)]

    # ------------------------------------------------------------ stepping, and answering what the step asks

    def _step(self, call: Call, event: Event, answers: Mapping[str, Answer], *, patient: bool = True) -> Step:
        """Step, and again with each answer that can be had now; what cannot is left to the worker."""
        world = self._world(call, answers)
        taken = step(call, event, world)
        for _ in range(MOST_ASKS):
            open_ = (ask for ask in taken.asks if ask not in world.answers)  # a step may ask two things at once
            told = next(filter(None, (self._answers(ask, taken.call, patient) for ask in open_)), None)
            if not told:
                break
            world = replace(world, answers={**world.answers, **told})
            taken = step(call, event, world)
        return taken

    def _answers(self, ask: str, call: Call, patient: bool) -> dict[str, Answer]:
        if ask.startswith("staff:"):
            return self._staff_desk.answers(ask, call, self.pharmacy(call.version))
        return self._enquiries.answers(ask, call, self.pharmacy(call.version), patient=patient)

    def _world(self, call: Call, answers: Mapping[str, Answer]) -> World:
        fresh = (secrets.token_urlsafe(16), secrets.token_urlsafe(16))
        return World(self.clock.now(), self.pharmacy(call.version), answers, fresh)

    # ------------------------------------------------------------ replying

    def _say(self, call: Call, exit_: Exit, says: tuple[Verb, ...] | None) -> str:
        if says is None:
            return twiml.NOTHING
        pharmacy = self.pharmacy(call.version)
        leg = call.legs.get(exit_.leg)
        return self._page.document(
            says,
            leg=exit_.leg,
            document=leg.documents if leg else exit_.document,
            language=self._language(call, exit_.leg, pharmacy),
            prompts=pharmacy.prompts.heard_by(_tier(call, exit_.leg)),
            on_hold=call.in_queue and leg is not None and leg.kind != "agent",
            slow=_is_slow(call, exit_.leg),
        )

    def _recorded(self, spoken: Spoken) -> str | None:
        """The recording that may be played for these words, while it is still the one they were written for."""
        return spoken.recording if spoken.recording and self.recordings.has(spoken.recording) else None

    def _current(self, loaded: Loaded, leg: str) -> str:
        """The leg's current document, for a request that came too late for its own."""
        if loaded.call.legs[leg].state == "over":
            return twiml.NOTHING
        replies = self.record.replies_for(leg, loaded.documents)
        current = next((reply for reply in replies if reply != twiml.NOTHING), None)
        if current is not None:
            return current
        # Only reserved: our own update is about to take them there, from wherever they wait.
        return self._say(loaded.call, Exit(leg, loaded.documents, "next"), (Say("one_moment"), Pause(2), Back("wait")))

    def _is_before_a_move(self, exit_: Exit, loaded: Loaded) -> bool:
        """Is somebody answering the document that our own update is about to take them away from?

        An agent is on the phone, so what they key is answered now: that somebody else has taken the call, for one.
        So is a caller who has talked: out of the hold queue a turn can take them where they belong by itself.
        """
        call = loaded.call
        has_talked = call.reached == "talk" and not call.in_queue
        is_there = _is_agent(call, exit_.leg) or has_talked
        return (
            is_there and exit_.document < loaded.documents and not self.record.replies_for(exit_.leg, loaded.documents)
        )

    def _language(self, call: Call, leg: str, pharmacy: Pharmacy) -> str:
        first = pharmacy.line_of(call.line).languages[0]
        return first if _is_agent(call, leg) else call.language or first


def _is_agent(call: Call, leg: str) -> bool:
    return leg in call.legs and call.legs[leg].kind in ("agent", "staff")


def _tier(call: Call, leg: str) -> str:
    """How sure we are who hears what this leg is told."""
    return "staff" if _is_agent(call, leg) else str(call.facts.get("tier", "anonymous"))


def _is_slow(call: Call, leg: str) -> bool:
    return call.facts.get("access") in PATIENT and not _is_agent(call, leg)


def _gave_up(before: Call, after: Call, to: Call) -> bool:
    """Did a call give its ticket up as the other has taken it over, no attempt missing?"""
    old, gone, new = before.ticket, after.ticket, to.ticket
    if old is None or gone is None or new is None or gone.state != "moved":
        return False
    return old.id == new.id and old.attempts == new.attempts


def _superseded(exit_: Exit, loaded: Loaded) -> bool:
    """Does this request leave a document that is not the leg's newest?

    A document we moved the leg to is never too late: nobody asks for it unless we sent them there.
    """
    return exit_.document > loaded.documents or (exit_.way in ("next", "held") and exit_.document < loaded.documents)


def _answered(turn: Turn, exit_: Exit, reply: str, call_sid: str | None) -> Turn:
    """The turn of a request: its exit is taken by this reply, and its leg by this CallSid unless it has an owner."""
    return replace(turn, leg=exit_.leg, n=exit_.document, exit=exit_.way, reply=reply, call_sid=call_sid)
