"""The nouns of a call, and `step`: what just happened in, what the caller hears next and what must be done out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ivr.core.line import Offer, Ticket
from ivr.core.pharmacy import Pharmacy
from ivr.core.rules import Decision, Grounds, Reason, Value

PHASES = (
    "flow",  # walking the nodes of a flow
    "holding",  # on hold, the ticket in line
    "dialogue",  # left the hold music to choose something, for a minute at most
    "connecting",  # an agent has accepted, the two legs are on their way to each other
    "talking",
    "transferring",  # ringing an outside number from the caller's leg
    "message",  # recording a message
    "promised",  # gone, and a callback or a message keeps the ticket alive
    "leaving",  # hearing the last words
    "over",
)

# ---------------------------------------------------------------- who and where


@dataclass(frozen=True, slots=True)
class Caller:
    """Who the carrier says is ringing: a hint, never proof."""

    kind: str = "anonymous"  # number · anonymous · sip · client
    number: str | None = None  # E.164, only for kind `number`
    attestation: str = "none"  # A · B · C · failed · none: how far the carrier vouches for the number


@dataclass(frozen=True, slots=True)
class Leg:
    """One party's connection in a call. Its token is in every URL we hand out for it."""

    token: str
    kind: str  # caller · agent · callback (the person we call back)
    state: str = "live"  # expected (we asked for it) · live · over
    documents: int = 0  # the newest document given to it, or reserved for it
    number: str | None = None  # whom we rang; None for the caller who rang us
    offer: str | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """Where the caller is in a flow. The stack of places is the way back."""

    flow: str
    node: str


@dataclass(frozen=True, slots=True)
class Crumb:
    """A menu the caller came through, and what was known there: where `9` leads back to."""

    place: tuple[Place, ...]
    facts: dict[str, Value]


@dataclass(frozen=True, slots=True)
class Call:
    """A caller's whole visit, as plain data: what `step` reads and returns, and what the record keeps."""

    id: str  # the first inbound leg's CallSid, opaque
    line: str
    site: str
    version: str  # of the published content this call keeps
    arrived_at: datetime
    caller: Caller = Caller()
    phase: str = "flow"  # see PHASES
    place: tuple[Place, ...] = ()
    trail: tuple[Crumb, ...] = ()
    language: str | None = None
    facts: dict[str, Value] = field(default_factory=dict)
    person: str | None = None  # the order system's id
    prescription: str | None = None  # the order system's token for the one they mean
    fields: dict[str, str] = field(default_factory=dict)  # what they keyed in; never leaves the record
    dialogue: str = ""  # which question is open while phase is `dialogue`
    values: dict[str, str] = field(default_factory=dict)  # dates and the like, for prompts
    asking: str | None = None  # the ask the caller is waiting for, and since when
    asking_since: datetime | None = None
    asked: tuple[str, ...] = ()  # asks handed to the worker
    stumbled_at: datetime | None = None  # when a document of ours last failed
    tries: int = 0  # prescriptions asked after
    strikes: int = 0  # misses at this question
    misses: int = 0  # misses in this call
    wants_person: bool = False
    decision: Decision | None = None
    legs: dict[str, Leg] = field(default_factory=dict)
    ticket: Ticket | None = None
    offers: tuple[Offer, ...] = ()
    reached: str = "menu"  # menu · hold · offer · talk: how far they got
    outcome: str | None = None
    resolution: str | None = None
    queued_at: datetime | None = None
    in_queue: bool = False  # on the carrier's hold, as far as we know
    ended_at: datetime | None = None
    agents: tuple[str, ...] = ()  # who talked with them
    recordings: tuple[str, ...] = ()
    revision: int = 0  # of the disposition


# ---------------------------------------------------------------- events: what happened (past)


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
    confidence: float | None = None


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


@dataclass(frozen=True, slots=True)
class NobodyCould:
    """No signed-in agent could ever serve the ticket."""


@dataclass(frozen=True, slots=True)
class TimerDue:
    name: str  # offer:<id> · join:<id> · plan:<step> · callback:expires · emergency:…


@dataclass(frozen=True, slots=True)
class Worked:
    """Staff closed a ticket without a call, or said what came of one: a message heard, a need solved."""

    agent: str
    code: str


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
    | Worked
    | Placed
    | PlaceFailed
    | CallerGone
)


# ---------------------------------------------------------------- verbs: what a party hears


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
    record: bool = False


@dataclass(frozen=True, slots=True)
class Dial:
    """Ring a number of ours from the caller's own leg (transfer)."""

    number: str
    seconds: int = 30


@dataclass(frozen=True, slots=True)
class Record:
    """Take a message, at most so long, ended by any key or silence."""

    seconds: int


@dataclass(frozen=True, slots=True)
class Back:
    """Ask this leg's next document again (a Redirect): `next`, or `wait` while holding."""

    exit: str = "next"


@dataclass(frozen=True, slots=True)
class Leave:
    """Out of the hold queue, to where the hold was asked for."""


@dataclass(frozen=True, slots=True)
class Hangup:
    """The end of this leg."""


Verb = Say | Play | Pause | Gather | Hold | Meet | Dial | Record | Back | Leave | Hangup


# ---------------------------------------------------------------- effects: what must happen elsewhere (imperative)


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
    """An agent's presence changes with the turn, by the table in `line.PRESENCE`; a refused pair refuses the turn."""

    agent: str
    event: str
    reason: str = ""


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
)


# ---------------------------------------------------------------- the world and the answer


@dataclass(frozen=True, slots=True)
class Answer:
    """What a question brought back. `known` is False when nobody could say (then facts stay unknown)."""

    known: bool
    facts: dict[str, Value] = field(default_factory=dict)
    person: str | None = None
    prescription: str | None = None
    values: dict[str, str] = field(default_factory=dict)  # dates and the like, for prompts


@dataclass(frozen=True, slots=True)
class World:
    """Everything a step may know besides the call and the event."""

    now: datetime
    pharmacy: Pharmacy
    answers: Mapping[str, Answer] = field(default_factory=dict)  # ask -> answer
    fresh: tuple[str, ...] = ()  # random tokens the shell made up, since the core may not


@dataclass(frozen=True, slots=True)
class Step:
    """What a turn comes to."""

    call: Call
    says: tuple[Verb, ...] | None = ()  # None: a notice, answered with nothing
    asks: tuple[str, ...] = ()
    does: tuple[Effect, ...] = ()
    why: tuple[Reason, ...] = ()
    grounds: tuple[Grounds, ...] = ()  # of each decision


# Asks the core makes. To the order system: `who` (people filed under the caller's number) and `prescription:<n>`
# (the one they keyed). To our own record, answered at once: `line` (waiting, longest_wait, licensed_free,
# repeat_calls, position; among its values `worker: silent` when nobody can be offered a call) and `language` (what we
# remember of this number).
OWN_ASKS = ("line", "language")
