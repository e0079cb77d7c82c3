"""What the carrier tells of its calls, late or twice: nobody on the phone waits for an answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from ivr.core.call import Call
from ivr.core.events import AnsweredBy, Event, HungUp, Recorded, Transcribed
from ivr.core.heard import Heard
from ivr.store import Record


class Tidings:
    """Each goes to the call of its leg; of a second call to the same leg, which never was ours, nothing follows."""

    def __init__(
        self, record: Record, tell: Callable[[str, Event], object], listened: Callable[[str, Call], Heard | None]
    ) -> None:
        self._record = record
        self._tell = tell
        self._listened = listened

    def leg_ended(self, leg: str, event: HungUp, call_sid: str) -> None:
        """A leg is over."""
        self._tell_call_of(leg, event, call_sid)

    def leg_answered(self, leg: str, event: AnsweredBy, call_sid: str) -> None:
        """Somebody, or something, picked up."""
        self._tell_call_of(leg, event, call_sid)

    def recorded(self, event: Recorded, call_sid: str) -> None:
        """A recording is finished. Whoever is on the line still brings it along themselves, with their next turn."""
        call = self._call_of(event.leg, call_sid)
        if call is not None and call.legs[event.leg].state == "over":
            self._tell(call.id, event)

    def transcribed(self, event: Transcribed, call_sid: str | None = None) -> None:
        """A transcript came: it is listened to for danger in every language we know. Twice, it changes nothing more."""
        call = self._call_of(event.leg, call_sid)
        if call is not None:
            self._tell(call.id, replace(event, heard=self._listened(event.words, call)))

    def _tell_call_of(self, leg: str, event: HungUp | AnsweredBy, call_sid: str) -> None:
        call = self._call_of(leg, call_sid)
        if call is not None:
            self._tell(call.id, event)

    def _call_of(self, leg: str, call_sid: str | None) -> Call | None:
        """The call of a leg, unless the carrier speaks of another call that once asked for it."""
        loaded = self._record.load(leg, 0, "status")
        if loaded is None or (call_sid is not None and loaded.call_sid not in (None, call_sid)):
            return None
        return loaded.call
