"""Conferences: people who hear each other, as long as nobody whose leaving ends it leaves."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from ivr.phone.leg import Goto, Leg, Watch
from ivr.phone.recordings import Recording

if TYPE_CHECKING:
    from ivr.phone.exchange import Exchange


@dataclass(eq=False)
class Participant:
    """A leg in a conference, and what it may do there."""

    leg: Leg
    at: datetime
    muted: bool = False
    starts: bool = True
    ends: bool = False
    label: str = ""
    coaching: str = ""
    """CallSid of the one participant who hears this one; empty: everybody does."""
    hold: bool = False
    hold_url: str | None = None
    hold_method: str | None = None
    inside: bool = True
    announcements: deque[Goto] = field(default_factory=deque)
    """What it is to hear once, beside the conversation."""


@dataclass(eq=False)
class Conference:
    """One conference. Read and change it under the exchange's lock."""

    exchange: Exchange
    sid: str
    name: str
    created_at: datetime
    status: str = "init"
    participants: dict[str, Participant] = field(default_factory=dict)
    watch: Watch | None = None
    recorded: bool = False
    reason: str | None = None
    ended_by: str | None = None
    ended_at: datetime | None = None
    _sequence: int = 0
    _said: list[str] = field(default_factory=list)

    @property
    def is_live(self) -> bool:
        """Whether it has not ended."""
        return self.status != "completed"

    def join(self, participant: Participant) -> None:
        """Let somebody in; it begins with the second, once one is there who may start it."""
        with self.exchange.lock:
            self.participants[participant.leg.sid] = participant
            participant.leg.conversation = self
            self.report("participant-join", participant)
            inside = self.participants.values()
            if self.status == "init" and len(inside) > 1 and any(other.starts for other in inside):
                self.status = "in-progress"
                self.report("conference-start", participant)
            self._tell_all()

    def leave(self, participant: Participant, kicked: bool = False) -> None:
        """Let somebody out; nothing if they are out already."""
        with self.exchange.lock:
            if not participant.inside:
                return
            self._part(participant)
            participant.leg.summon()
            how = "kicked" if kicked else "left"
            self.report("participant-leave", participant, {"ReasonParticipantLeft": f"participant_{how}"})
            if participant.ends:
                self.end(f"participant-with-end-conference-on-exit-{how}", participant)
            elif not self.participants:
                self.end(f"last-participant-{how}", participant)
            else:
                self._tell_all()

    def end(self, reason: str, by: Participant | None = None) -> None:
        """Send everybody who is left on to what follows their <Dial>; nothing if it has ended."""
        with self.exchange.lock:
            if not self.is_live:
                return
            self.status, self.reason = "completed", reason
            self.ended_by, self.ended_at = (by.leg.sid if by else None), self.exchange.clock.now()
            for participant in list(self.participants.values()):
                self._part(participant)
                participant.leg.summon()
            self.report("conference-end", by, {"ReasonConferenceEnded": reason})
            self.exchange.conference_over(self)

    def record(self, leg: Leg, watch: Watch | None) -> None:
        """Record from the start all that is said here, once; who asks first decides who is told."""
        with self.exchange.lock:
            if self.recorded or not self.is_live:
                return
            self.recorded = True
            sid, at = self.exchange.new_sid("RE"), self.exchange.clock.now()
            recording = Recording(sid, leg.sid, self.sid, "Conference", at, self._all_said, watch)
            self.exchange.recordings.start(recording, self)

    def find(self, call_sid_or_label: str) -> Participant | None:
        """Return the participant with this CallSid, or label."""
        inside = self.participants
        labelled = (one for one in inside.values() if one.label == call_sid_or_label)
        return inside.get(call_sid_or_label) or next(labelled, None)

    def announce(self, goto: Goto, only: Participant | None = None) -> None:
        """Let everybody, or one of them, hear a document once.

        Twilio asks for a conference's announcement once; here each phone asks for itself, which is no less work.
        """
        with self.exchange.lock:
            for participant in [only] if only else self.participants.values():
                participant.announcements.append(goto)
                participant.leg.summon()

    def change(self, participant: Participant, event: str) -> None:
        """Report that somebody is muted, held, or neither any more, and have them look at it."""
        with self.exchange.lock:
            self.report(event, participant)
            participant.leg.transcript.note(event.removeprefix("participant-"))
            participant.leg.summon()

    def says(self, leg: Leg, text: str) -> None:
        """Let those who can hear `leg` hear `text`: nobody while it is muted, held, or the conference not begun.

        Whether a coach is in the recording is not written; here it hears all that anybody hears.
        """
        leg.transcript.note("spoke", text=text, confidence=None)
        with self.exchange.lock:
            speaker = self.participants.get(leg.sid)
            if speaker is None or speaker.muted or speaker.hold or self.status != "in-progress":
                return
            self._said.append(text)
            for other in self.participants.values():
                if other is not speaker and not other.hold and speaker.coaching in ("", other.leg.sid):
                    other.leg.transcript.note("heard", text=text, by=leg.person)

    def _all_said(self) -> Sequence[str]:
        return self._said

    def report(self, event: str, who: Participant | None, more: Mapping[str, str] | None = None) -> None:
        """Send a conference status callback, if this one's event is watched."""
        what, _, how = event.partition("-")
        topic = what if what == "announcement" else how.removeprefix("un")
        if self.watch is None or topic not in self.watch.events:
            return
        params = {
            "ConferenceSid": self.sid,
            "FriendlyName": self.name,
            "AccountSid": self.exchange.account_sid,
            "StatusCallbackEvent": event,
            "Timestamp": self.exchange.timestamp(),
            "SequenceNumber": str(self._sequence),
            **(_described(who) if who and what != "conference" else {}),
            **(more or {}),
        }
        self._sequence += 1
        self.exchange.courier.post_status(self, self.watch.url, self.watch.method, params)

    def _part(self, participant: Participant) -> None:
        participant.inside = False
        participant.leg.conversation = None
        self.participants.pop(participant.leg.sid, None)

    def _tell_all(self) -> None:
        people = list(self.participants.values())
        for participant in people:
            others = [other.leg.person for other in people if other is not participant]
            if self.status == "in-progress":
                kind = "bridged" if others else "alone"
                participant.leg.transcript.note(kind, others=others)
            participant.leg.summon()


def _described(who: Participant) -> dict[str, str]:
    return {
        "CallSid": who.leg.sid,
        "ParticipantLabel": who.label,
        "ParticipantCallStatus": who.leg.status,
        "Muted": str(who.muted).lower(),
        "Hold": str(who.hold).lower(),
        "Coaching": str(bool(who.coaching)).lower(),
        "EndConferenceOnExit": str(who.ends).lower(),
        "StartConferenceOnEnter": str(who.starts).lower(),
    }
