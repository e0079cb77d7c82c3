"""What we ask of Twilio: place, move and end calls, send texts, and the lists that tell what really happened.

Conferences and recordings are in `rooms`, our numbers in `own_numbers`, the wire and the bad ends of a request in
`wire`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from ivr.settings import Settings
from ivr.telephony import hold_queue
from ivr.telephony.own_numbers import OwnNumbers
from ivr.telephony.rooms import Conference, Rooms
from ivr.telephony.wire import LARGEST_PAGE, Gone, Refused, Told, Unknown

__all__ = [
    "Conference",
    "FoundCall",
    "FoundRecording",
    "FoundText",
    "Gone",
    "Member",
    "Refused",
    "Telephone",
    "Unknown",
]

LARGEST_QUEUE = 5000
EVENTS = ["initiated", "ringing", "answered", "completed"]


@dataclass(frozen=True, slots=True)
class FoundCall:
    """A call as Twilio knows it. `seconds` is None until it is over, the instants until they have come."""

    sid: str
    to: str = field(repr=False)
    from_: str = field(repr=False)
    status: str
    direction: str
    started_at: datetime | None
    ended_at: datetime | None
    seconds: int | None


@dataclass(frozen=True, slots=True)
class FoundText:
    """A text as Twilio knows it."""

    sid: str
    body: str = field(repr=False)
    status: str
    created_at: datetime | None


@dataclass(frozen=True, slots=True)
class FoundRecording:
    """A recording as Twilio knows it. `seconds` is None until it is processed."""

    sid: str
    call_sid: str
    status: str
    created_at: datetime | None
    seconds: int | None


@dataclass(frozen=True, slots=True)
class Member:
    """A leg in a hold queue."""

    call_sid: str
    position: int
    wait_seconds: int


class Telephone(Rooms, OwnNumbers):
    """Twilio's REST API as far as we use it. One per process; every method may raise Refused, Gone or Unknown."""

    @classmethod
    def from_settings(cls, settings: Settings) -> Telephone:
        """Return the telephone of the account the environment names; the first auth token signs."""
        return cls(
            settings.twilio_account_sid,
            settings.auth_tokens[0],
            api_key=settings.twilio_api_key,
            api_secret=settings.twilio_api_secret,
            api_url=settings.twilio_api_url,
        )

    # ------------------------------------------------------------ once: Twilio cannot tell a repetition

    def place_call(
        self,
        *,
        to: str,
        from_: str,
        url: str,
        status_url: str,
        ring_seconds: int,
        fallback_url: str | None = None,
        detect_machine: bool = False,
        amd_url: str | None = None,
    ) -> str:
        """Ring `to` and return the CallSid; `url` is fetched when they pick up.

        With `detect_machine` only once Twilio has an opinion who did: at once for a person, after the beep for a
        machine, and `AnsweredBy` comes with it. With `amd_url` too nobody waits for that, and it is told there.
        """
        return self._sid_of(
            lambda: self._client.calls.create(
                to=to,
                from_=from_,
                url=url,
                fallback_url=fallback_url,
                status_callback=status_url,
                status_callback_event=EVENTS,
                timeout=ring_seconds,
                **_detection(amd_url) if detect_machine else {},
            )
        )

    def send_text(self, *, to: str, from_: str, body: str) -> str:
        """Send a text and return its sid."""
        return self._sid_of(lambda: self._client.messages.create(to=to, from_=from_, body=body))

    # ------------------------------------------------------------ repeatable

    def move_member(self, site: str, call_sid: str, url: str) -> None:
        """Take one caller out of a site's hold queue, wherever they stand in it, to the document at `url`.

        Only the first of several moves succeeds; for the others the caller is Gone.
        """
        self._in_queue(site, lambda queue: queue.members(call_sid).update(url=url, method="POST"))

    def move_call(self, call_sid: str, url: str) -> None:
        """Send a live leg to the document at `url`, whatever it hears now."""
        self._asked(lambda: self._client.calls(call_sid).update(url=url, method="POST"))

    def end_call(self, call_sid: str) -> None:
        """Hang a leg up, or stop it ringing; one that is over already is fine."""
        # "Not in progress" is also said of a leg that still rings.
        if not self._ended(call_sid, "completed"):
            self._ended(call_sid, "canceled")

    # ------------------------------------------------------------ what really happened

    def call_status(self, call_sid: str) -> str | None:
        """Return Twilio's word for the state of a call, None if it knows of none."""
        try:
            return str(self._asked(lambda: self._client.calls(call_sid).fetch()).status)
        except Gone:
            return None

    def find_calls(self, *, to: str, from_: str, since: datetime) -> list[FoundCall]:
        """Return the calls between two addresses that began at `since` (aware) or later."""
        return self._calls(since, to=to, from_=from_)

    def calls_since(self, since: datetime) -> list[FoundCall]:
        """Return all calls of the account that began at `since` (aware) or later."""
        return self._calls(since)

    def find_texts(self, *, to: str, since: datetime) -> list[FoundText]:
        """Return the texts to a number made at `since` (aware) or later."""
        return self._asked(
            lambda: [
                FoundText(text.sid, text.body, text.status, text.date_created)
                for text in self._client.messages.list(to=to, date_sent_after=_utc(since), page_size=LARGEST_PAGE)
                if _is_since(since, text.date_created)
            ]
        )

    def recordings_since(self, since: datetime) -> list[FoundRecording]:
        """Return all recordings of the account made at `since` (aware) or later."""
        return self._asked(
            lambda: [
                FoundRecording(made.sid, made.call_sid, made.status, made.date_created, _whole(made.duration))
                for made in self._client.recordings.list(date_created_after=_utc(since), page_size=LARGEST_PAGE)
                if _is_since(since, made.date_created)
            ]
        )

    def transcript_of(self, recording_sid: str) -> str | None:
        """Return what Twilio heard in a recording, "" when it could not, None when it has not tried or is at it."""
        with suppress(Gone):
            found = self._asked(lambda: self._client.recordings(recording_sid).transcriptions.list(limit=1))
            for made in found:
                return {"completed": str(made.transcription_text or ""), "failed": ""}.get(str(made.status))
        return None

    def forget_message(self, recording_sid: str) -> None:
        """Delete a recording, its sound and what was heard in it; whatever is not there any more is fine."""
        with suppress(Gone):
            for made in self._asked(lambda: self._client.recordings(recording_sid).transcriptions.list()):
                self._asked(made.delete)
        self.delete_recording(recording_sid)

    def queue_members(self, site: str) -> list[Member]:
        """Return the legs in a site's hold queue, first come first."""
        members = self._in_queue(site, lambda queue: queue.members.list(page_size=LARGEST_PAGE))
        return [Member(member.call_sid, member.position, member.wait_time) for member in members]

    def hold_queue_sid(self, site: str) -> str:
        """Return the sid of a site's hold queue, found or made by name, and remembered."""
        if site not in self._queues:
            name = hold_queue(site)
            self._queues[site] = self._find_queue(name) or self._make_queue(name)
        return self._queues[site]

    # ------------------------------------------------------------ how

    @cached_property
    def _queues(self) -> dict[str, str]:
        return {}

    def _ended(self, call_sid: str, status: str) -> bool:
        try:
            self._asked(lambda: self._client.calls(call_sid).update(status=status))
        except Gone:
            return False
        return True

    def _calls(self, since: datetime, **between: str) -> list[FoundCall]:
        return self._asked(
            lambda: [
                _found(call)
                for call in self._client.calls.list(start_time_after=_utc(since), page_size=LARGEST_PAGE, **between)
                if _is_since(since, call.start_time or call.date_created)
            ]
        )

    def _in_queue(self, site: str, act: Callable[[Any], Told]) -> Told:
        sid = self.hold_queue_sid(site)
        try:
            return self._asked(lambda: act(self._client.queues(sid)))
        except Gone:
            if self._is_there(sid):
                raise
        # Somebody deleted the queue: Twilio makes another by the same name when the next caller waits.
        del self._queues[site]
        sid = self.hold_queue_sid(site)
        return self._asked(lambda: act(self._client.queues(sid)))

    def _is_there(self, queue_sid: str) -> bool:
        try:
            self._asked(lambda: self._client.queues(queue_sid).fetch())
        except Gone:
            return False
        return True

    def _find_queue(self, name: str) -> str | None:
        queues: Iterable[Any] = self._asked(lambda: self._client.queues.list(page_size=LARGEST_PAGE))
        queue = next((queue for queue in queues if queue.friendly_name == name), None)
        if queue is None:
            return None
        # One that an <Enqueue> made holds only a thousand. If it may not grow, it serves as it is.
        if queue.max_size != LARGEST_QUEUE:
            with suppress(Refused):
                self._asked(lambda: queue.update(max_size=LARGEST_QUEUE))
        return str(queue.sid)

    def _make_queue(self, name: str) -> str:
        try:
            return self._sid_of(lambda: self._client.queues.create(friendly_name=name, max_size=LARGEST_QUEUE))
        except Refused:
            # Another process may have made it between our look and our word.
            found = self._find_queue(name)
            if found is None:
                raise
            return found


def _detection(amd_url: str | None) -> dict[str, str]:
    waits = {"machine_detection": "DetectMessageEnd"}
    return {**waits, "async_amd": "true", "async_amd_status_callback": amd_url} if amd_url else waits


def _found(call: Any) -> FoundCall:
    return FoundCall(
        sid=call.sid,
        to=call.to,
        from_=call._from,
        status=call.status,
        direction=call.direction,
        started_at=call.start_time,
        ended_at=call.end_time,
        seconds=_whole(call.duration),
    )


def _whole(seconds: str | None) -> int | None:
    return int(seconds) if seconds else None


def _utc(at: datetime) -> datetime:
    # The SDK writes whatever hour it is given and a Z behind it.
    return at.astimezone(UTC)


def _is_since(since: datetime, at: datetime | None) -> bool:
    """Whether `at` is not before `since`, to the second Twilio tells; Twilio may filter by the day only."""
    return at is not None and at >= since.replace(microsecond=0)
