"""What must happen elsewhere because of a turn: imperatives, committed with the call and done until they are done."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class PlaceCall:
    """Ring somebody: an agent for an offer, a person for a callback. Once: never guessed, looked up."""

    leg: str
    number: str
    ring_seconds: int
    urgency: int  # 0 emergency offer · 1 offer · 2 callback · 3 the rest: the order calls are placed in


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
    """Write what came of the call, as it stands at this revision."""

    revision: int
    body: Mapping[str, Any]


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


Effect = (
    PlaceCall
    | MoveCaller
    | MoveLeg
    | EndLeg
    | Inquire
    | RequestRefill
    | CreateTask
    | WriteDisposition
    | MoveAgent
    | SetTimer
    | ClearTimer
    | RememberLanguage
    | RememberAccess
    | RequestRenewal
    | SendText
)
