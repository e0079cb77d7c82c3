"""What may happen to a call: in the past tense, since it has happened."""

from __future__ import annotations

from dataclasses import dataclass

from ivr.core.call import Caller
from ivr.core.heard import Heard


@dataclass(frozen=True, slots=True)
class Arrived:
    """A caller rang one of our numbers."""

    leg: str
    caller: Caller


@dataclass(frozen=True, slots=True)
class Keyed:
    leg: str
    digits: str


@dataclass(frozen=True, slots=True)
class Spoke:
    leg: str
    words: str
    confidence: float | None = None  # the carrier's, of having heard these words
    heard: Heard | None = None  # what they mean, where the shell has somebody who can tell


@dataclass(frozen=True, slots=True)
class Silent:
    """Nothing was keyed or said, or a redirect brought the leg back."""

    leg: str


@dataclass(frozen=True, slots=True)
class Came:
    """A leg fetched the document we reserved for it: an agent picked up, a caller was moved to meet them."""

    leg: str
    document: int


@dataclass(frozen=True, slots=True)
class Recorded:
    leg: str
    recording: str  # the provider's id
    seconds: int


@dataclass(frozen=True, slots=True)
class QueueLeft:
    """The hold ended. `result` is Twilio's word; leave, queue-full, error and system-error are turns."""

    leg: str
    result: str


@dataclass(frozen=True, slots=True)
class DialEnded:
    """A conference or a dialled number ended for this leg."""

    leg: str
    result: str


@dataclass(frozen=True, slots=True)
class Stumbled:
    """A document of ours could not be fetched or played, and the carrier asks what to do instead."""

    leg: str


@dataclass(frozen=True, slots=True)
class HungUp:
    """The carrier says the leg is over: completed, busy, failed, no-answer, canceled."""

    leg: str
    how: str
    seconds: int = 0


@dataclass(frozen=True, slots=True)
class Offered:
    """Dispatch matched this call's ticket to an agent; `offer` and `leg` are fresh random tokens."""

    offer: str
    leg: str
    agent: str
    address: str
    here: bool = False  # they take it on the phone they are on


@dataclass(frozen=True, slots=True)
class NobodyCould:
    """No signed-in agent could ever serve the ticket."""


@dataclass(frozen=True, slots=True)
class TimerDue:
    name: str  # offer:<id> · join:<id> · plan:<queue>:<step> · callback:expires · emergency:…


@dataclass(frozen=True, slots=True)
class Learned:
    """The worker has brought an answer the call once asked for, after the caller had gone on without it."""

    ask: str


@dataclass(frozen=True, slots=True)
class Worked:
    """Staff closed a ticket without a call, or said what came of one: a message heard, a need solved."""

    agent: str
    code: str


@dataclass(frozen=True, slots=True)
class Acted:
    """Staff did something to a call that is talking or in line; `core/talking.py` says what there is to do."""

    by: str  # the agent
    act: str
    to: str = ""  # whom or what it names: an agent, a queue, a transfer of policies.yaml


@dataclass(frozen=True, slots=True)
class Placed:
    """A call we asked for was placed: the phone rings from now on."""

    leg: str


@dataclass(frozen=True, slots=True)
class PlaceFailed:
    """A call we asked for could not be placed: refused by the provider, and proved so."""

    leg: str
    why: str


@dataclass(frozen=True, slots=True)
class CallerGone:
    """Moving or reaching a leg failed because it is over (21220, 20404)."""

    leg: str


Event = (
    Arrived
    | Keyed
    | Spoke
    | Silent
    | Came
    | Recorded
    | QueueLeft
    | DialEnded
    | Stumbled
    | HungUp
    | Offered
    | NobodyCould
    | TimerDue
    | Learned
    | Worked
    | Acted
    | Placed
    | PlaceFailed
    | CallerGone
)
