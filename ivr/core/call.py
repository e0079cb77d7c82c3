"""The nouns of a call: who and where, the call itself, and what a step is given and gives back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from operator import attrgetter
from typing import Any

from ivr.core.effects import Effect
from ivr.core.heard import Heard
from ivr.core.line import Offer, Ticket
from ivr.core.pharmacy import Pharmacy
from ivr.core.rules import Decision, Grounds, Reason, Value
from ivr.core.verbs import Verb

PHASES = (
    "flow",  # walking the nodes of a flow
    "holding",  # on hold, the ticket in line
    "dialogue",  # left the hold music to choose something, for a minute at most
    "connecting",  # an agent has accepted, the two legs are on their way to each other
    "talking",
    "transferring",  # ringing an outside number from the caller's leg
    "message",  # recording a message
    "promised",  # gone, and a callback or a message keeps the ticket alive
    "staff",  # a colleague on the staff line
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
    kind: str  # caller · agent · callback (the person we call back) · staff (on the staff line)
    state: str = "live"  # expected (we asked for it) · live · over
    documents: int = 0  # the newest document given to it, or reserved for it
    number: str | None = None  # whom we rang; None for the caller who rang us
    offer: str | None = None
    is_machine: bool = False  # the carrier says that no person picked up


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
class Found:
    """One of a person's prescriptions: the order system's token for it, and what is known of it."""

    prescription: str
    facts: dict[str, Value] = field(default_factory=dict)
    values: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Message:
    """What a caller left, and how far it has been worked. What is said in it is kept elsewhere, sealed."""

    recording: str  # the provider's id; empty: an office hung up before it said the directions of a prescription
    seconds: int
    left_at: datetime
    kind: str = "voicemail"  # voicemail · prescription (by an office, item by item)
    transcript: str = "none"  # none (nobody was asked for one) · awaited · late · failed · kept
    flags: tuple[str, ...] = ()  # why a person should hear it soon: see `core/mailbox.py`
    played_by: tuple[str, ...] = ()
    played_at: datetime | None = None  # the first time
    called_back_by: str | None = None
    closed_by: str | None = None
    closed_at: datetime | None = None
    code: str | None = None  # what came of it
    unheard: str = ""  # why a supervisor closed it though nobody had heard it
    confirmed_by: str | None = None  # a prescription: the second pair of eyes
    confirmed_at: datetime | None = None
    deleted_at: datetime | None = None  # kept long enough

    @property
    def worked(self) -> bool:
        """Is nothing more to be done about it?"""
        return self.closed_at is not None and (self.kind != "prescription" or self.confirmed_at is not None)


@dataclass(frozen=True, slots=True)
class Doubt:
    """Words that may mean harm, kept while the caller is asked whether they do."""

    words: str
    heard: Heard


@dataclass(frozen=True, slots=True)
class Talk:
    """A caller and an agent who have met: which room is theirs now, and which of them is out of it, where and why."""

    began_at: datetime
    room: str  # a conference used once: whoever comes back from hold meets in another
    rooms: int = 1  # how many there have been
    # room · unsure (it ended for them, and nobody said why yet) · hold · asked (their agent hung up as they came)
    caller: str = "room"
    agent: str = "room"  # room · unsure · menu
    hold_since: datetime | None = None
    reminders: int = 0  # of the caller on hold
    menu: str = "menu"  # what the agent is asked: menu · queue · colleague · ringing (whom they consult)
    choices: tuple[str, ...] = ()  # what the keys of `queue` and `colleague` stand for
    told: str = ""  # a prompt the agent hears before they are asked


@dataclass(frozen=True, slots=True)
class Stretch:
    """How long something went on: a wait, or somebody on the call. One that goes on has no end yet."""

    what: str  # see `core/stretches.py`
    who: str  # the agent, or the number rung; empty: the caller
    began_at: datetime
    ended_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Passed:
    """A caller was passed on: how and why, in the codes of `core/codes.py`, by whom, and to what or whom."""

    at: datetime
    how: str
    to: str
    by: str = ""  # the agent; empty: the line itself
    why: str = ""  # empty: nobody said


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
    found: tuple[Found, ...] = ()  # the verified person's prescriptions, to pick from
    fields: dict[str, str] = field(default_factory=dict)  # what they keyed in; never leaves the record
    code_kept: str | None = None  # the hash of the code texted to the number that rings …
    code_until: datetime | None = None  # … which can be read back until then, once
    code_right: bool = False
    codes_sent: int = 0
    dialogue: str = ""  # the question open in a `dialogue`; whom a `transferring` call rings; `nobody`, told on hold
    values: dict[str, str] = field(default_factory=dict)  # dates and the like, for prompts
    asking: str | None = None  # the ask the caller is waiting for, and since when
    asking_since: datetime | None = None
    asked: tuple[str, ...] = ()  # asks handed to the worker
    stumbled_at: datetime | None = None  # when a document of ours last failed
    known_at: datetime | None = None  # when it was last asked what is known of the prescription
    news: dict[str, str] = field(default_factory=dict)  # what happened to their orders meanwhile: event id -> its type
    on_file: bool = False  # somebody is filed under the number that rings
    requested: tuple[str, ...] = ()  # what was asked for in this call already, so that it is asked for once
    doubt: Doubt | None = None  # the safety question is open
    cleared: tuple[str, ...] = ()  # fingerprints of words that turned out to mean no harm
    secret: bool = False  # what they answer now is kept from the journal
    tries: int = 0  # questions put to the order system besides `who`
    wrong_proofs: int = 0  # offers of who they are that fitted nobody
    strikes: int = 0  # misses at this question
    silences: int = 0  # at this question; with some callers only every other one is a miss
    repeats: int = 0  # `*` at this question, one after the other
    misses: int = 0  # misses in this call
    wants_person: bool = False
    decision: Decision | None = None
    legs: dict[str, Leg] = field(default_factory=dict)
    ticket: Ticket | None = None
    offers: tuple[Offer, ...] = ()
    shares: tuple[str, ...] = ()  # earlier calls whose ticket goes on in this one
    other_need: bool = False  # what they ring for is not what a ticket of their number is about
    reached: str = "menu"  # menu · hold · offer · talk: how far they got
    outcome: str | None = None
    resolution: str | None = None
    queued_at: datetime | None = None
    in_queue: bool = False  # on the carrier's hold, as far as we know
    ended_at: datetime | None = None
    agents: tuple[str, ...] = ()  # who talked with them
    talk: Talk | None = None  # while the phase is `talking`
    transfers: int = 0  # how often they were passed on to somebody else
    passed: tuple[Passed, ...] = ()
    stretches: tuple[Stretch, ...] = ()  # in the order they began
    recorded: str = "no"  # no · announced · asked · refused: what the caller knows of being recorded, and wants
    tape: str = ""  # what is recorded of the talk: nothing yet · wanted · on · paused · stopped
    tapes: dict[str, str] = field(default_factory=dict)  # leg -> the recording of what was said on it
    recordings: tuple[str, ...] = ()
    message: Message | None = None
    revision: int = 0  # of the disposition
    coding: str = ""  # the agent who owes the call its code
    amended: dict[str, str] = field(default_factory=dict)  # what staff corrected in the disposition, as it now stands
    notes: int = 0  # how many staff have written

    def changed(self, **changes: Any) -> Call:
        """Return the call with other values in some of its fields, as `dataclasses.replace` does.

        That takes three times as long for one of sixty fields, and a step changes it a few times.
        """
        values = list(_ALL(self))
        for name, value in changes.items():
            values[_PLACES[name]] = value
        return Call(*values)


_PLACES = {each.name: place for place, each in enumerate(fields(Call))}
_ALL = attrgetter(*_PLACES)


# ---------------------------------------------------------------- the world and the answer


@dataclass(frozen=True, slots=True)
class Answer:
    """What a question brought back. `known` is False when nobody could say (then facts stay unknown)."""

    known: bool
    facts: dict[str, Value] = field(default_factory=dict)
    person: str | None = None
    prescription: str | None = None
    values: dict[str, str] = field(default_factory=dict)  # dates and the like, for prompts
    found: tuple[Found, ...] = ()  # a person's prescriptions
    ticket: Ticket | None = None  # a live one of this person and need


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


# Asks the core makes. To the order system: `who` (people filed under the caller's number), `prescription:<n>` (the one
# they keyed), `identity:<n>` (whom all they told proves them to be), `prescriptions:<n>` (all of that person's) and
# `prescriber:<n>`. To our own record, answered at once: `line` (waiting, longest_wait, licensed_free,
# repeat_calls; among its values `worker: silent` when nobody can be offered a call), `place` (of the caller's ticket:
# values position, waiting, agents, handle_seconds, told), `language` (what we remember of this number), `ticket` (a
# live one of this person, or of this number, and this need; what their tickets are kept under), `number` (may the
# number to call back be rung, where is it, how often was it rung today) and `free` (who is available at the call's
# site, among its values, the longest idle first).
OWN_ASKS = ("line", "place", "language", "ticket", "number", "free")
