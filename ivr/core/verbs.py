"""What a party to a call hears: data, which `telephony` renders as TwiML."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Say:
    """A prompt by name, in the document's language unless it names its own."""

    prompt: str
    values: Mapping[str, Any] = field(default_factory=dict)
    language: str | None = None
    notice: bool = False  # nobody can talk over it


@dataclass(frozen=True, slots=True)
class Play:
    """Sound by name: `hold` is the hold music, anything else a recording's id."""

    sound: str


@dataclass(frozen=True, slots=True)
class Pause:
    seconds: int


@dataclass(frozen=True, slots=True)
class Gather:
    """Say this and take what they key or say; silence leaves by the same exit."""

    says: tuple[Say | Play | Pause, ...]
    digits: int | None = 1  # None: until # or a pause
    speech: bool = False
    hints: tuple[str, ...] = ()
    seconds: int = 7


@dataclass(frozen=True, slots=True)
class Hold:
    """Into the site's one Twilio queue; our record holds the order."""

    site: str


@dataclass(frozen=True, slots=True)
class Meet:
    """Into a conference used once."""

    conference: str
    ends: bool = True  # the others are sent on with their calls when this party leaves
    star: bool = False  # the key `*` leaves it, for the agent's menu
    muted: bool = False


@dataclass(frozen=True, slots=True)
class Dial:
    """Ring a number of ours from the caller's own leg (transfer)."""

    number: str
    seconds: int = 30


@dataclass(frozen=True, slots=True)
class Record:
    """Take a message, at most so long, ended by any key or silence."""

    seconds: int
    transcribe: bool = False  # ask the provider what is said in it


@dataclass(frozen=True, slots=True)
class Back:
    """Ask this leg's next document again (a Redirect): `next`, or `wait` while holding."""

    exit: str = "next"


@dataclass(frozen=True, slots=True)
class HandOn:
    """This phone goes on as another leg, whose document it fetches from now on."""

    leg: str
    document: int


@dataclass(frozen=True, slots=True)
class Leave:
    """Out of the hold queue, to where the hold was asked for."""


@dataclass(frozen=True, slots=True)
class Hangup:
    """The end of this leg."""


Verb = Say | Play | Pause | Gather | Hold | Meet | Dial | Record | Back | HandOn | Leave | Hangup
