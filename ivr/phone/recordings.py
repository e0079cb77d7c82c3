"""What was said after a beep, on a recorded leg or in a recorded conference; its sound; and the texts sent.

There is no sound to keep, only words: a recording's file is silence of its length, with the words written beside it.
"""

from __future__ import annotations

import io
import struct
import wave
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import format_datetime

from ivr.phone.courier import Courier
from ivr.phone.leg import Watch

SILENCE = "[silence]"
"""What stands in a recording for what was said while it was paused."""
RUNNING = frozenset({"in-progress", "paused"})
_RATE = 8_000
_COMMENT_FIRST = b"ID3\x04\0\0"
_SECONDS_A_FRAME = 0.036  # of MPEG-2 layer III at 16 kHz


def _nobody() -> Sequence[str]:
    return ()


@dataclass(eq=False)
class Recording:
    """One recording, of a leg or a conference (`conference_sid` empty for a leg's).

    `said` returns all that has been said where it listens, oldest first; `text` is what it has of that.
    """

    sid: str
    call_sid: str
    conference_sid: str
    source: str
    at: datetime
    said: Callable[[], Sequence[str]] = _nobody
    watch: Watch | None = None
    seconds: int = 0
    status: str = "in-progress"
    _parts: list[str] = field(default_factory=list)
    _from: int | None = None
    _skips_since: datetime | None = None
    _skipped: float = 0.0

    def __post_init__(self) -> None:
        """Hear what is said from now on, and nothing of before."""
        self._from = len(self.said())

    @property
    def owner(self) -> str:
        """The sid of what is recorded."""
        return self.conference_sid or self.call_sid

    @property
    def text(self) -> str:
        """Return what it has of what was said."""
        return " ".join([*self._parts, *self._stretch()])

    def pause(self, at: datetime, skip: bool) -> None:
        """Keep nothing from now on: as if it had not been (`skip`), or as silence."""
        if self.status != "in-progress":
            return
        self._parts += [*self._stretch(), *([] if skip else [SILENCE])]
        self._from, self.status = None, "paused"
        self._skips_since = at if skip else None

    def resume(self, at: datetime) -> None:
        """Go on after a pause."""
        if self.status == "paused":
            self._skip_until(at)
            self._from, self.status = len(self.said()), "in-progress"

    def end(self, at: datetime, seconds: int | None = None) -> None:
        """Be complete, at its length so far or of so many seconds."""
        self._skip_until(at)
        self._parts += self._stretch()
        self._from, self.said, self.status = None, _nobody, "completed"
        lasted = (at - self.at).total_seconds() - self._skipped
        self.seconds = max(0, int(lasted)) if seconds is None else seconds

    def _stretch(self) -> Sequence[str]:
        return () if self._from is None else self.said()[self._from :]

    def _skip_until(self, at: datetime) -> None:
        if self._skips_since is not None:
            self._skipped += (at - self._skips_since).total_seconds()
            self._skips_since = None


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
    """The recordings of one account, which live at `url`. Change them under the exchange's lock."""

    def __init__(self, account_sid: str, url: str, courier: Courier) -> None:
        self._account_sid = account_sid
        self._url = url
        self._courier = courier
        self._kept: dict[str, Recording] = {}
        self._running: dict[str, list[Recording]] = {}

    def start(self, recording: Recording, sender: Hashable) -> Recording:
        """Keep one, and let it run; whoever watches it is told by `sender`."""
        self._kept[recording.sid] = recording
        self._running.setdefault(recording.owner, []).append(recording)
        self._report(recording, sender, "in-progress")
        return recording

    def finish(self, recording: Recording, sender: Hashable, at: datetime, seconds: int | None = None) -> None:
        """End one."""
        running = self._running.get(recording.owner, [])
        if recording in running:
            running.remove(recording)
        if not running:
            self._running.pop(recording.owner, None)
        recording.end(at, seconds)
        self._report(recording, sender, "completed")

    def finish_all_of(self, owner: str, sender: Hashable, at: datetime) -> None:
        """End every one of a leg or conference that is over."""
        for recording in list(self._running.get(owner, ())):
            self.finish(recording, sender, at)

    def current(self, owner: str) -> Recording | None:
        """Return what `Twilio.CURRENT` means for a leg or conference: the newest one that runs, or None.

        Whether Twilio lets two run on one leg, and which of them is current, is not written; here it does.
        """
        running = self._running.get(owner)
        return running[-1] if running else None

    def find(self, sid: str) -> Recording | None:
        """Return one, or None."""
        return self._kept.get(sid)

    def all(self) -> list[Recording]:
        """Return every one, oldest first."""
        return list(self._kept.values())

    def delete(self, sid: str) -> None:
        """Forget one."""
        self._kept.pop(sid, None)

    def url_of(self, recording: Recording) -> str:
        """Return where a recording can be fetched."""
        return f"{self._url}/2010-04-01/Accounts/{self._account_sid}/Recordings/{recording.sid}"

    def at(self, url: str) -> Recording | None:
        """Return the one that can be fetched at a URL, or None."""
        sid = url.rpartition("/Recordings/")[2].partition("?")[0].rpartition(".")
        return self.find(sid[0] or sid[2])

    def parameters(self, recording: Recording) -> dict[str, str]:
        """Return the parameters of a recording status callback."""
        of = {"ConferenceSid": recording.conference_sid} if recording.conference_sid else {}
        return {
            "AccountSid": self._account_sid,
            "CallSid": recording.call_sid,
            "RecordingSid": recording.sid,
            "RecordingUrl": self.url_of(recording),
            "RecordingStatus": recording.status,
            "RecordingDuration": str(recording.seconds),
            "RecordingChannels": "1",
            "RecordingStartTime": format_datetime(recording.at),
            "RecordingSource": recording.source,
            **of,
        }

    def _report(self, recording: Recording, sender: Hashable, event: str) -> None:
        watch = recording.watch
        if watch is not None and watch.url and event in watch.events:
            self._courier.post_status(sender, watch.url, watch.method, self.parameters(recording))


# ---------------------------------------------------------------- sound


def wav(recording: Recording) -> bytes:
    """Return silence of its length, with its words in the comment (`ICMT`) of the file."""
    sound = io.BytesIO()
    with wave.open(sound, "wb") as file:
        file.setparams((1, 1, _RATE, 0, "NONE", "not compressed"))
        file.writeframes(b"\x80" * _RATE * recording.seconds)
    written = recording.text.encode() + b"\0"
    written += b"\0" * (len(written) % 2)
    comment = b"INFOICMT" + struct.pack("<I", len(written)) + written
    chunks = sound.getvalue()[8:] + b"LIST" + struct.pack("<I", len(comment)) + comment
    return b"RIFF" + struct.pack("<I", len(chunks)) + chunks


def mp3(recording: Recording) -> bytes:
    """Return silence of its length, with its words in the comment (ID3 `COMM`) before the frames."""
    comment = b"\x03eng\0" + recording.text.encode()
    tag = b"COMM" + _seven_bits(len(comment)) + b"\0\0" + comment
    # MPEG-2 layer III, 8 kbit/s, 16 kHz, mono, whose side information is all zero: nothing is heard.
    frame = b"\xff\xf3\x18\xc4".ljust(36, b"\0")
    return _COMMENT_FIRST + _seven_bits(len(tag)) + tag + frame * round(recording.seconds / _SECONDS_A_FRAME)


def words_in(sound: bytes) -> str:
    """Return the words beside the sound of a recording of ours, as `mp3` has them; "" for any other sound."""
    if not sound.startswith(_COMMENT_FIRST):
        return ""
    size = sum((byte & 0x7F) << shift for byte, shift in zip(sound[14:18], (21, 14, 7, 0), strict=True))
    return sound[20 : 20 + size].removeprefix(b"\x03eng\0").decode()


def _seven_bits(number: int) -> bytes:
    return bytes(number >> shift & 0x7F for shift in (21, 14, 7, 0))
