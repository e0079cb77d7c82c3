"""What was said after a beep or in a recorded conversation, and the texts sent."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime


@dataclass(frozen=True, slots=True)
class Recording:
    """One recording; `text` stands in for the sound. `conference_sid` is empty for a single leg's."""

    sid: str
    call_sid: str
    conference_sid: str
    text: str
    seconds: int
    source: str
    at: datetime


@dataclass(slots=True)
class Text:
    """An SMS."""

    sid: str
    from_number: str
    to_number: str
    body: str
    at: datetime
    status: str = "queued"


class Recordings:
    """The recordings of one account, which live at `url`."""

    def __init__(self, account_sid: str, url: str) -> None:
        self._account_sid = account_sid
        self._url = url
        self._kept: dict[str, Recording] = {}

    def keep(self, recording: Recording) -> Recording:
        """Keep one, and return it."""
        self._kept[recording.sid] = recording
        return recording

    def find(self, sid: str) -> Recording | None:
        """Return one, or None."""
        return self._kept.get(sid)

    def all(self) -> list[Recording]:
        """Return every one, oldest first."""
        return list(self._kept.values())

    def delete(self, sid: str) -> bool:
        """Forget one; False when there is none."""
        return self._kept.pop(sid, None) is not None

    def url_of(self, recording: Recording) -> str:
        """Return where a recording can be fetched."""
        return f"{self._url}/2010-04-01/Accounts/{self._account_sid}/Recordings/{recording.sid}"

    def parameters(self, recording: Recording) -> dict[str, str]:
        """Return the parameters of a recording status callback."""
        of = {"ConferenceSid": recording.conference_sid} if recording.conference_sid else {}
        return {
            "AccountSid": self._account_sid,
            "CallSid": recording.call_sid,
            "RecordingSid": recording.sid,
            "RecordingUrl": self.url_of(recording),
            "RecordingStatus": "completed",
            "RecordingDuration": str(recording.seconds),
            "RecordingChannels": "1",
            "RecordingStartTime": format_datetime(recording.at),
            "RecordingSource": recording.source,
            **of,
        }
