"""What must happen elsewhere because of a turn: imperatives, committed with the call and done until they are done."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ivr.core.line import Ticket


@dataclass(frozen=True, slots=True)
class PlaceCall:
    """Ring somebody: an agent for an offer, a person for a callback. Once: never guessed, looked up."""

    leg: str
    number: str
    ring_seconds: int
    urgency: int  # 0 emergency offer · 1 offer · 2 callback · 3 the rest: the order calls are placed in
    detect_machine: bool = False  # have the carrier say whether a person picked up


@dataclass(frozen=True, slots=True)
class MoveCaller:
    """Take a leg out of the hold queue to its reserved document. Repeatable: only the first works."""

    leg: str
    document: int


@dataclass(frozen=True, slots=True)
class MoveLeg:
    """Send a live leg that is not in a queue to its reserved document."""

    leg: str
    document: int


@dataclass(frozen=True, slots=True)
class EndLeg:
    """Hang a leg up, or stop it ringing."""

    leg: str


@dataclass(frozen=True, slots=True)
class Inquire:
    """Ask the order system in the background; the answer is kept for the call."""

    ask: str


@dataclass(frozen=True, slots=True)
class RequestRefill:
    """Place the refill the caller confirmed; `about` is for the staff, if the order system refuses it."""

    prescription: str
    about: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CreateTask:
    """Put work in the order system: a message to work, an emergency nobody answered.

    `about` says where the work is, as it stood when it was asked for: sent again it must not read differently.
    """

    what: str
    urgent: bool = False
    about: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class WriteDisposition:
    """Write what came of the call, as it stands at this revision, and its record with it."""

    revision: int
    body: Mapping[str, Any]
    by: str = ""  # the agent who said so; empty: the line itself


@dataclass(frozen=True, slots=True)
class RecordCall:
    """Have the order system keep the call as it stands by the time this is done. Repeatable."""

    moment: str  # identified · routed · answered · passed_on: what made it worth telling


@dataclass(frozen=True, slots=True)
class KeepNote:
    """Keep what staff wrote about a call, sealed, with the turn."""

    nth: int  # of the call, from 1
    by: str
    words: str
    revision: int | None = None  # of the disposition it explains; None: of none


@dataclass(frozen=True, slots=True)
class SendNote:
    """Tell the order system what a note says, which is sealed here. Repeatable."""

    nth: int


@dataclass(frozen=True, slots=True)
class MoveAgent:
    """An agent's presence changes with the turn, by the table in `core/presence.py`; a refused pair refuses the turn.

    With `only`, nothing happens unless that is still the reason of where they are: the wrap-up of this very call.
    """

    agent: str
    event: str
    reason: str = ""
    only: str = ""
    by: str = "line"  # line · rota · an agent's id


@dataclass(frozen=True, slots=True)
class SetTimer:
    name: str
    due_at: datetime


@dataclass(frozen=True, slots=True)
class ClearTimer:
    name: str


@dataclass(frozen=True, slots=True)
class RememberLanguage:
    """Our own record knows this number's language from now on."""

    language: str


@dataclass(frozen=True, slots=True)
class RememberAccess:
    """Our own record knows this number's pace (`access`) from now on."""

    access: str


@dataclass(frozen=True, slots=True)
class RequestRenewal:
    """Ask the prescriber for a new prescription; `about` is for the staff, if the order system refuses it."""

    prescription: str
    about: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SendText:
    """Text the number that rings these words, or whoever is on call. Once: never guessed, looked up."""

    prompt: str
    values: Mapping[str, str] = field(default_factory=dict)
    language: str | None = None
    to: str = "caller"  # caller · on_call


@dataclass(frozen=True, slots=True)
class KeepTranscript:
    """Keep what a message says, sealed, with the turn: the words go nowhere else."""

    words: str


@dataclass(frozen=True, slots=True)
class KeepItems:
    """Keep the items of a prescription an office dictated, sealed, with the turn."""

    items: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Transcribe:
    """Look a transcript up that should have come by now."""

    recording: str


@dataclass(frozen=True, slots=True)
class DeleteRecording:
    """Delete a recording at the provider. Repeatable."""

    recording: str


@dataclass(frozen=True, slots=True)
class CloseShared:
    """Tell an earlier call that the ticket it gave up to this one is closed, and how. Said again it changes nothing."""

    call: str
    ticket: Ticket
    resolution: str | None


@dataclass(frozen=True, slots=True)
class SetParticipant:
    """Let a leg in a room be heard, and end the room, as the call says by the time it is done. Repeatable."""

    leg: str


@dataclass(frozen=True, slots=True)
class SetTape:
    """Begin, pause, go on with or end the recording of a leg, as the call says by the time it is done. Repeatable."""

    leg: str


@dataclass(frozen=True, slots=True)
class LookAfter:
    """Ask the carrier whether a leg is over that has told us nothing; the call is told if it is."""

    leg: str


Effect = (
    PlaceCall
    | MoveCaller
    | MoveLeg
    | EndLeg
    | Inquire
    | RequestRefill
    | CreateTask
    | WriteDisposition
    | RecordCall
    | KeepNote
    | SendNote
    | MoveAgent
    | SetTimer
    | ClearTimer
    | RememberLanguage
    | RememberAccess
    | RequestRenewal
    | SendText
    | KeepTranscript
    | KeepItems
    | Transcribe
    | DeleteRecording
    | CloseShared
    | SetParticipant
    | SetTape
    | LookAfter
)
