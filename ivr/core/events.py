"""What may happen to a call: in the past tense, since it has happened."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from ivr.core.call import Caller
from ivr.core.heard import Heard
from ivr.core.line import Ticket
from ivr.core.rules import Value


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
    answered_by: str = ""  # person · machine · unknown, where the carrier waited until it could say


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


VANISHED = "vanished"  # found over in the carrier's own lists, while nobody has told us


@dataclass(frozen=True, slots=True)
class HungUp:
    """The carrier says the leg is over: completed, busy, failed, no-answer, canceled; or we found it vanished."""

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
    # offer:<id> · join:<id> · apart:<id> · held:<id> · plan:<queue>:<step> · callback:expires · emergency:… · message:…
    name: str


@dataclass(frozen=True, slots=True)
class Learned:
    """The worker has brought an answer the call once asked for, after the caller had gone on without it."""

    ask: str


ORDER_EVENTS = (
    "rx.state_changed",
    "order.shipped",
    "order.delayed",
    "pa.stalled",
    "payment.failed",
    "stock.out",
    "patient.action_required",
)
"""What an order system tells of; before the dot stands what it is about."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What is so of a prescription since some moment: facts, and values prompts may speak of."""

    at: datetime
    facts: Mapping[str, Value] = field(default_factory=dict)
    values: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class OrderNews:
    """Something happened at the order system to a person's prescription.

    `told` is all that is known to have happened to that one, oldest first: of each fact the newest word holds, in
    whatever order they came. (): it is about no prescription.
    """

    id: str  # of the order system's event: the same however often it comes
    type: str  # one of ORDER_EVENTS
    at: datetime
    person: str | None
    prescription: str | None
    told: tuple[Standing, ...] = ()


@dataclass(frozen=True, slots=True)
class Worked:
    """Staff closed a ticket without a call, or said what came of one: a message heard, a need solved."""

    agent: str
    code: str
    unheard: str = ""  # a message nobody has heard: why a supervisor closes it all the same


@dataclass(frozen=True, slots=True)
class Noted:
    """Staff wrote something about a call. The words are kept sealed and go into no journal."""

    by: str
    words: str


@dataclass(frozen=True, slots=True)
class Amended:
    """Staff corrected what the disposition says, and why: `changes` is field -> what it is to be."""

    by: str
    changes: Mapping[str, str]
    why: str


@dataclass(frozen=True, slots=True)
class Transcribed:
    """A transcript of a message came, or the news that there is none: a stranger's words, which nothing believes."""

    leg: str
    recording: str
    words: str  # empty: none could be made
    heard: Heard | None = None  # what a listener makes of them; None: nobody listened


@dataclass(frozen=True, slots=True)
class Played:
    """Somebody listened to the message."""

    agent: str


@dataclass(frozen=True, slots=True)
class CalledBack:
    """Whoever left the message is to be called back: the same ticket goes on as a callback."""

    agent: str


@dataclass(frozen=True, slots=True)
class Confirmed:
    """A second person found a prescription as the first had taken it down."""

    agent: str


@dataclass(frozen=True, slots=True)
class KeptLongEnough:
    """A message was worked so long ago that it is not kept any more."""


@dataclass(frozen=True, slots=True)
class Acted:
    """Staff did something to a call that is talking or in line; `core/talking.py` says what there is to do."""

    by: str  # the agent
    act: str
    to: str = ""  # whom or what it names: an agent, a queue, a transfer of policies.yaml


@dataclass(frozen=True, slots=True)
class Recalled:
    """A supervisor takes an agent away from whatever of this call holds them."""

    agent: str
    by: str


@dataclass(frozen=True, slots=True)
class LeftAlone:
    """The carrier says that somebody has been alone for some time in the room of a talk."""

    room: str


@dataclass(frozen=True, slots=True)
class Taped:
    """The recording of a leg has begun."""

    leg: str
    recording: str


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
class AnsweredBy:
    """The carrier has listened to whoever picked up, and says who it is."""

    leg: str
    who: str  # person · machine · unknown


@dataclass(frozen=True, slots=True)
class TicketTaken:
    """Its person rings again, and the ticket goes on in that call."""

    by: str


@dataclass(frozen=True, slots=True)
class TicketClosed:
    """The ticket this call gave up to a later one is closed."""

    ticket: Ticket
    resolution: str | None


@dataclass(frozen=True, slots=True)
class CallbackMoved:
    """Staff gave a callback another time; None: in turn, as soon as may be."""

    by: str
    window: tuple[datetime, datetime] | None


@dataclass(frozen=True, slots=True)
class CallbackCancelled:
    """Staff called a callback off."""

    by: str


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
    | OrderNews
    | Worked
    | Noted
    | Amended
    | Transcribed
    | Played
    | CalledBack
    | Confirmed
    | KeptLongEnough
    | Acted
    | Recalled
    | LeftAlone
    | Taped
    | Placed
    | PlaceFailed
    | CallerGone
    | AnsweredBy
    | TicketTaken
    | TicketClosed
    | CallbackMoved
    | CallbackCancelled
)
