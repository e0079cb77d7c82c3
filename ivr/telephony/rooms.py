"""Conferences while they last, and what is recorded of calls and conferences.

Where a conference is asked for, its name will do: it is looked up once, and its sid remembered.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

from ivr.telephony.wire import LARGEST_PAGE, NOT_FOUND, Account, Gone

RECORDING_EVENTS = ["in-progress", "completed", "absent"]
ROOMS_REMEMBERED = 1000

_SID = re.compile(r"CF[0-9a-f]{32}")
_OVER = "completed"
_CURRENT = "Twilio.CURRENT"


@dataclass(frozen=True, slots=True)
class Conference:
    """A room in use, and the legs in it."""

    sid: str
    name: str
    call_sids: tuple[str, ...]


class Rooms(Account):
    """The account's conferences and recordings; every method may raise Refused, Gone or Unknown."""

    # ------------------------------------------------------------ conferences

    def live_conferences(self) -> list[Conference]:
        """Return the rooms in use."""
        return self._rooms(status="in-progress")

    def conferences(self, name: str) -> list[Conference]:
        """Return the rooms of this name that are not over, those with one person in them too."""
        return self._rooms(friendly_name=name)

    def conference_sid(self, conference: str) -> str:
        """Return the sid of the conference of this name that is not over; a sid is its own answer.

        Raises Gone when there is none: nobody has joined it yet, or it is over.
        """
        return conference if _SID.fullmatch(conference) else self._remembered(conference)

    def end_conference(self, conference: str) -> None:
        """Send everybody who is left in it on with their calls; one that is over already is fine."""
        with suppress(Gone):
            self._in_conference(conference, lambda room: room.update(status=_OVER))

    def announce(self, conference: str, url: str) -> None:
        """Let everybody in it hear the document at `url`, once, while they go on talking."""
        self._in_conference(conference, lambda room: room.update(announce_url=url, announce_method="POST"))

    def participant(
        self,
        conference: str,
        call_sid: str,
        *,
        hold: bool | None = None,
        hold_url: str | None = None,
        muted: bool | None = None,
        ends: bool | None = None,
        coaching: str | None = None,
    ) -> None:
        """Change what a leg may do in a conference, in one request; None leaves as it is.

        On `hold` it hears the document at `hold_url` again and again (without one Twilio's music), and nobody. `ends`
        says whether its leaving ends the conference. With `coaching` a CallSid only that leg hears it, with "" all do.
        """
        wanted = {"hold": hold, "hold_url": hold_url, "muted": muted, "end_conference_on_exit": ends}
        changes = {name: value for name, value in wanted.items() if value is not None}
        if hold_url is not None:
            changes["hold_method"] = "POST"  # Twilio's own choice is GET
        self._of_participant(conference, call_sid, lambda one: one.update(**changes, **_coaching(coaching)))

    def remove_participant(self, conference: str, call_sid: str) -> None:
        """Take a leg out of a conference; its call goes on with its next document. One that has left is fine."""
        with suppress(Gone):
            self._of_participant(conference, call_sid, lambda one: one.delete())

    # ------------------------------------------------------------ recordings

    def start_recording(self, call_sid: str, callback: str) -> str:
        """Record all that a live leg says and hears from now on, and return the recording's sid.

        Twilio cannot tell a repetition: twice is two recordings. `callback` is told its progress.
        """
        return self._sid_of(
            lambda: self._client.calls(call_sid).recordings.create(
                recording_status_callback=callback, recording_status_callback_event=RECORDING_EVENTS
            )
        )

    def pause_recording(self, call_sid: str) -> None:
        """Put silence in the place of what a leg says and hears from now on; Gone when nothing is recorded."""
        self._current(self._client.calls(call_sid), "paused")

    def resume_recording(self, call_sid: str) -> None:
        """Go on with a leg's paused recording; Gone when there is none."""
        self._current(self._client.calls(call_sid), "in-progress")

    def stop_recording(self, call_sid: str) -> None:
        """End a leg's recording for good; Gone when there is none."""
        self._current(self._client.calls(call_sid), "stopped")

    def delete_recording(self, recording_sid: str) -> None:
        """Delete a recording and its sound; one that is not there is fine."""
        with suppress(Gone):
            self._asked(lambda: self._client.recordings(recording_sid).delete())

    def recording_media(self, recording_sid: str, kind: str = "mp3") -> Iterator[bytes]:
        """Return a recording's sound piece by piece, as `mp3` or `wav`; Gone when it is not there (yet, or any more).

        The pieces may raise Unknown when the connection breaks. Close it when not all of them are taken.
        """
        return self._pieces_of(f"Recordings/{recording_sid}.{kind}")

    # ------------------------------------------------------------ how

    def _rooms(self, **which: str) -> list[Conference]:
        rooms = self._asked(lambda: self._client.conferences.list(page_size=LARGEST_PAGE, **which))
        return [
            Conference(room.sid, room.friendly_name, self._people_in(room)) for room in rooms if room.status != _OVER
        ]

    def _people_in(self, room: Any) -> tuple[str, ...]:
        try:
            return tuple(self._asked(lambda: [person.call_sid for person in room.participants.list()]))
        except Gone:  # it ended while we asked
            return ()

    @cached_property
    def _remembered(self) -> Callable[[str], str]:
        return lru_cache(ROOMS_REMEMBERED)(self._looked_up)

    def _looked_up(self, name: str) -> str:
        rooms = self._asked(lambda: self._client.conferences.list(friendly_name=name, page_size=LARGEST_PAGE))
        for room in rooms:
            if room.status != _OVER:
                return str(room.sid)
        raise Gone(NOT_FOUND, 404)

    def _in_conference(self, conference: str, act: Callable[[Any], object]) -> None:
        sid = self.conference_sid(conference)
        self._asked(lambda: act(self._client.conferences(sid)))

    def _of_participant(self, conference: str, call_sid: str, act: Callable[[Any], object]) -> None:
        self._in_conference(conference, lambda room: act(room.participants(call_sid)))

    def _current(self, owner: Any, status: str) -> None:
        # Silence, and not a cut: who listens later knows that something was left out, and for how long.
        how = {"pause_behavior": "silence"} if status == "paused" else {}
        self._asked(lambda: owner.recordings(_CURRENT).update(status=status, **how))


def _coaching(call_sid: str | None) -> dict[str, Any]:
    if call_sid is None:
        return {}
    return {"coaching": True, "call_sid_to_coach": call_sid} if call_sid else {"coaching": False}
