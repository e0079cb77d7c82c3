"""The exchange: every leg, queue and conference of the practice Twilio, and the life of each leg."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from email.utils import format_datetime

from ivr.clock import Clock
from ivr.phone import machines
from ivr.phone.conferences import Conference
from ivr.phone.courier import Courier
from ivr.phone.dialing import Candidate, called
from ivr.phone.faults import FaultBox
from ivr.phone.later import Later
from ivr.phone.leg import LIVE, Goto, Leg, Moved, Over, Watch
from ivr.phone.numbers import NumberBook
from ivr.phone.queues import Queue
from ivr.phone.recordings import Recording, Recordings, Text
from ivr.phone.reports import ending, parameters, report, seconds_of
from ivr.phone.ringing import OUTCOMES, Outgoing, Ringing
from ivr.phone.stage import DocumentFailed, Stage
from ivr.phone.transcript import Transcript
from ivr.phone.twiml import VERBS, play
from ivr.phone.webhook import Webhooks

SPIN_DOCUMENTS, SPIN_SECONDS = 100, 2.0
_CLOSING_SECONDS = 20.0


class Exchange:
    """One practice Twilio account.

    `pace` 1 lets sounds last as long as they would, 0 not at all. `patience` 1 lets questions wait as long as they
    say, whatever the clock; less is for days driven by programs.
    """

    def __init__(
        self,
        account_sid: str,
        auth_token: str,
        numbers: NumberBook,
        clock: Clock,
        url: str = "http://127.0.0.1:8200",
        pace: float = 1.0,
        shortest_loop_seconds: float = 0.2,
        kept_legs: int = 5_000,
        patience: float = 1.0,
    ) -> None:
        self.account_sid = account_sid
        self.numbers = numbers
        self.clock = clock
        self.pace = pace
        self.patience = patience
        self.shortest_loop_seconds = shortest_loop_seconds
        self._kept_legs = kept_legs
        self.faults = FaultBox()
        self.webhooks = Webhooks(auth_token, self.faults)
        self.later = Later()
        self.courier = Courier(self.webhooks, self.faults, self.later)
        self.ringing = Ringing(clock)
        self.recordings = Recordings(account_sid, url, self.courier)
        self.lock = threading.RLock()
        self.legs: dict[str, Leg] = {}
        self.queues: dict[str, Queue] = {}
        self.conferences: dict[str, Conference] = {}
        self._live_rooms: dict[str, Conference] = {}
        self.texts: dict[str, Text] = {}
        self._threads: set[threading.Thread] = set()

    def close(self) -> None:
        """Hang up everywhere and wait until every leg has ended."""
        for leg in list(self.legs.values()):
            leg.hang_up("the exchange")
        for thread in list(self._threads):
            thread.join(_CLOSING_SECONDS)
        self.later.close()
        self.courier.close()
        self.webhooks.close()

    @staticmethod
    def new_sid(prefix: str) -> str:
        """Return a new Twilio id, such as CA + 32 hex digits."""
        return prefix + secrets.token_hex(16)

    def timestamp(self) -> str:
        """Return the present instant as Twilio writes it, RFC 2822."""
        return format_datetime(self.clock.now())

    # ---------------------------------------------------------------- who calls whom

    def dial_in(
        self, person: str, to: str, extras: Mapping[str, str] | None = None, pace: float | None = None
    ) -> Leg | None:
        """Place a person's call to a number or line of ours; None when we own no such number."""
        number = self.numbers.find(to)
        if number is None:
            return None
        leg = self._leg(person, number.number, "inbound")
        leg.pace = self.pace if pace is None else pace
        leg.extras = dict(extras or {})
        leg.fallback_url, leg.fallback_method = number.fallback_url, number.fallback_method
        if number.status_callback:
            leg.watch = Watch(number.status_callback, number.status_method, frozenset({"completed"}))
        leg.transcript.note("calling", person=person, line=number.number)
        self._start(leg, lambda: play(self, leg, Goto(number.voice_url, number.voice_method)))
        return leg

    def call_out(self, order: Outgoing) -> Leg:
        """Ring somebody's phone, and play to them once they answer."""
        leg = self._leg(order.to, order.line, "outbound-api")
        leg.watch = order.watch
        if order.fallback is not None:
            leg.fallback_url, leg.fallback_method = order.fallback.url, order.fallback.method

        def answer() -> None:
            who = machines.detect(self, leg, order.detection)
            play(self, leg, replace(order.goto, params={**order.goto.params, **who}))

        self._start(leg, lambda: self._ring(leg, order.timeout_seconds, answer))
        return leg

    def ring_from(
        self,
        stage: Stage,
        number: str,
        line: str,
        timeout_seconds: float,
        whisper: Goto | None,
        watch: Watch | None,
    ) -> Candidate:
        """Ring a phone for a <Dial>, whose leg is summoned when it accepts or ends."""
        leg = self._leg(number, line, "outbound-dial")
        leg.parent, leg.watch = stage.leg.sid, watch
        candidate = Candidate(leg, stage.leg)
        side = Stage(self, leg, VERBS, url=stage.url)

        def answer() -> None:
            self._called(side, candidate, whisper)

        self._start(leg, lambda: self._ring(leg, timeout_seconds, answer), candidate.let_go)
        return candidate

    def _called(self, side: Stage, candidate: Candidate, whisper: Goto | None) -> None:
        try:
            called(side, candidate, whisper)
        except Moved as moved:
            side.note("moved")
            candidate.let_go()
            play(self, side.leg, moved.goto)
        except DocumentFailed:
            return  # a whisper has no fallback: the called leg ends, the caller's goes on

    def _ring(self, leg: Leg, timeout_seconds: float, answer: Callable[[], None]) -> None:
        report(self, leg, "initiated")
        leg.status = "ringing"
        report(self, leg, "ringing")
        how = self.ringing.ring(leg, timeout_seconds)
        if how in OUTCOMES:
            leg.outcome = OUTCOMES[how]
            return
        self.answered(leg)
        self._behave(leg, how)
        answer()

    def _behave(self, leg: Leg, how: str) -> None:
        habit = self.ringing.habit_of(leg)
        leg.answered_as = habit.answered_by
        if how in machines.KINDS:
            machines.put_on(leg, how, habit.greeting, habit.greeting_seconds)
        if habit.hangs_up_after_seconds is not None:
            seconds = habit.hangs_up_after_seconds / self.clock.speed
            self.later.after(seconds, lambda: leg.hang_up("the caller"))

    # ---------------------------------------------------------------- a leg's life

    def answered(self, leg: Leg) -> None:
        """Note that somebody, or the line itself, has picked up."""
        leg.answer(self.clock.now())
        leg.doing = "listening"
        leg.transcript.note("answered")
        report(self, leg, "answered")

    def refuse(self, leg: Leg, outcome: str) -> None:
        """End a call that was never answered, as `busy` or `no-answer`."""
        leg.outcome = outcome
        leg.hang_up("the line")

    def guard_against_spinning(self, leg: Leg) -> None:
        """Hang up on a leg that is given document after document without end; raises Over."""
        leg.documents.append(time.monotonic())
        full = len(leg.documents) == SPIN_DOCUMENTS
        if full and leg.documents[-1] - leg.documents[0] < SPIN_SECONDS:
            text = f"{SPIN_DOCUMENTS} documents in {SPIN_SECONDS:g} s: they redirect in a circle"
            leg.transcript.note("violation", code=0, text=text, path="", twiml="")
            leg.hang_up("the exchange")
            raise Over

    def _leg(self, person: str, line: str, direction: str) -> Leg:
        leg = Leg(self.new_sid("CA"), person, line, direction, Transcript(self.clock.now), self.clock.now())
        leg.pace = self.pace
        with self.lock:
            self.legs[leg.sid] = leg
            self._forget_old_legs()
        return leg

    def _forget_old_legs(self) -> None:
        if len(self.legs) > self._kept_legs:
            over = [sid for sid, leg in self.legs.items() if leg.status not in LIVE]
            for sid in over[: self._kept_legs // 10 + 1]:
                del self.legs[sid]

    def _forget_old_rooms(self) -> None:
        if len(self.conferences) > self._kept_legs:
            over = [sid for sid, room in self.conferences.items() if not room.is_live]
            for sid in over[: self._kept_legs // 10 + 1]:
                del self.conferences[sid]

    def _start(self, leg: Leg, run: Callable[[], None], over: Callable[[], None] = lambda: None) -> None:
        def life() -> None:
            try:
                with suppress(Over):
                    run()
            finally:
                self._finish(leg)
                over()
                self._threads.discard(threading.current_thread())

        thread = threading.Thread(target=life, name=f"leg {leg.sid}", daemon=True)
        self._threads.add(thread)
        thread.start()

    def _finish(self, leg: Leg) -> None:
        leg.hang_up("the line")  # a document that runs out ends the call, unless somebody else did first
        never_rang = leg.status == "queued"
        leg.ended_at = self.clock.now()
        leg.status, leg.doing = ending(leg), "over"
        leg.transcript.note("over", status=leg.status, by=leg.ended_by, seconds=seconds_of(leg))
        if not never_rang:  # "cancelled while still queued: no callback at all"
            report(self, leg, "completed")
        with self.lock:
            self.recordings.finish_all_of(leg.sid, leg, self.clock.now())
        self.courier.over(leg)

    def parameters(self, leg: Leg) -> dict[str, str]:
        """Return the parameters "always sent" with a webhook about this leg."""
        return parameters(self, leg)

    # ---------------------------------------------------------------- queues, conferences, recordings

    def queue_named(self, name: str) -> Queue:
        """Return the queue called so; "queue created on demand"."""
        with self.lock:
            found = next((queue for queue in self.queues.values() if queue.name == name), None)
            if found is None:
                found = Queue(self.new_sid("QU"), name, self.clock.now())
                self.queues[found.sid] = found
            return found

    def conference_named(self, name: str) -> Conference:
        """Return the live conference called so, or a new one."""
        with self.lock:
            found = self._live_rooms.get(name)
            if found is None:
                found = Conference(self, self.new_sid("CF"), name, self.clock.now())
                self.conferences[found.sid] = self._live_rooms[name] = found
                self._forget_old_rooms()
            return found

    def conference_over(self, conference: Conference) -> None:
        """End a conference's recording, if it has one; nothing more is told of it."""
        self._live_rooms.pop(conference.name, None)
        self.recordings.finish_all_of(conference.sid, conference, self.clock.now())
        self.courier.over(conference)

    def record(self, leg: Leg, watch: Watch | None) -> Recording:
        """Record all that a leg says and hears from now on."""
        with self.lock:
            sid, at = self.new_sid("RE"), self.clock.now()
            recording = Recording(sid, leg.sid, "", "StartCallRecordingAPI", at, leg.transcript.words, watch)
            return self.recordings.start(recording, leg)

    def stop(self, recording: Recording) -> None:
        """End a recording before what it records is over."""
        sender = self.conferences.get(recording.conference_sid) or self.legs.get(recording.call_sid)
        self.recordings.finish(recording, sender, self.clock.now())

    def keep_message(self, leg: Leg, text: str, seconds: int, watch: Watch | None) -> Recording:
        """Keep what was said after a beep."""
        with self.lock:
            said: list[str] = []
            recording = Recording(self.new_sid("RE"), leg.sid, "", "RecordVerb", self.clock.now(), lambda: said, watch)
            self.recordings.start(recording, leg)
            said.append(text)
            self.recordings.finish(recording, leg, self.clock.now(), seconds)
            return recording
