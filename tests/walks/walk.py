"""One call on the pure core with the shipped content, heard through the real renderer; nothing else runs but `step`.

What the shell does around a step is done here as the switchboard does it, with the order system's real answers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import count
from typing import Any

from ivr.core.call import OWN_ASKS, Answer, Call, Caller, Leg, Step, World
from ivr.core.effects import ClearTimer, Effect, Inquire, MoveCaller, SetTimer
from ivr.core.events import Arrived, Came, Event, HungUp, Keyed, Offered, Silent, Spoke, TimerDue
from ivr.core.heard import Heard
from ivr.core.identity import as_it_stands
from ivr.core.on_hold import hold_view
from ivr.core.pharmacy import Pharmacy
from ivr.core.step import step
from ivr.orders import questions
from ivr.orders.port import OrderSystem, Refused, Unavailable
from ivr.phone.lint import Setting
from ivr.telephony.twiml import Renderer
from tests.walks.ear import Document, heard

MOST_ASKS = 4
LEG = "c"
_PAGE = Renderer("http://127.0.0.1:8000")
PLACE = {"position": "2", "waiting": "2", "agents": "3", "handle_seconds": "240"}


@dataclass(frozen=True, slots=True)
class Said:
    """A prompt as the flow asked for it, and the words that came of it."""

    prompt: str
    language: str | None
    values: dict[str, Any]
    text: str


@dataclass(frozen=True, slots=True)
class Turn:
    """One document of a walk: what happened, what was heard, and how the call stands after it."""

    event: Event | None  # None: a view of the hold
    document: Document
    said: tuple[Said, ...]
    call: Call
    now: datetime


Listens = Callable[[str, str | None], Heard]


class Remembering:
    """The order system, asked each question once a day and remembered; `silent` is one that does not answer."""

    def __init__(self, orders: OrderSystem, today: Callable[[], datetime]) -> None:
        self._orders, self._today = orders, today
        self._known: dict[Any, Any] = {}
        self.silent = False

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def ask(*what: Any, timeout_seconds: float | None = None, **how: Any) -> Any:
            if self.silent:
                raise Unavailable("it is down")
            key = (self._today().date(), name, what, tuple(sorted(how.items())))
            if key not in self._known:
                self._known[key] = self._put(name, what, how)
            if isinstance(self._known[key], Refused):
                raise self._known[key]
            return self._known[key]

        return ask

    def _put(self, name: str, what: tuple[Any, ...], how: dict[str, Any]) -> Any:
        try:
            return getattr(self._orders, name)(*what, **how)
        except Refused as refused:
            return refused


class Listened:
    """The prompts as a caller of some tier hears them, and which of them were spoken."""

    def __init__(self, prompts: Any, said: list[Said]) -> None:
        self._prompts, self._said = prompts, said

    def say(self, language: str, prompt: str, values: Any) -> Any:
        spoken = self._prompts.say(language, prompt, values)
        self._said.append(Said(prompt, language, dict(values), spoken.text))
        return spoken


@dataclass(frozen=True, slots=True)
class Weather:
    """How this day is: the moment the call begins, how soon the order system answers, and how the line stands."""

    at: datetime
    answers_after: float | None  # seconds; 0 within the turn, None never
    figures: dict[str, str | int]
    worker: str  # "" or `silent`
    remembered: dict[str, str | int]  # what our own record knows of this number


class Walk:
    """A caller's call so far. `turns` has every document they heard; `does` every effect."""

    def __init__(
        self,
        pharmacy: Pharmacy,
        orders: Remembering,
        listens: Listens,
        dialed: str,
        caller: Caller,
        weather: Weather,
    ) -> None:
        self.pharmacy, self._orders, self._listens, self.weather = pharmacy, orders, listens, weather
        line = pharmacy.line_for(dialed)
        self.now = weather.at
        self.call = Call("CA1", line.name, line.site, "v1", self.now, caller, facts={"tier": "anonymous"})
        self.call = replace(self.call, legs={LEG: Leg(LEG, "caller")})
        self.turns: list[Turn] = []
        self.does: list[Effect] = []
        self.notes: list[str] = []  # the transcript
        self.on_hold = False  # on the carrier's hold, as the carrier knows it
        self.watch: Callable[[Turn], None] = lambda turn: None
        self._said: list[Said] = []
        self._kept: dict[str, Answer] = {}
        self._coming: list[tuple[datetime, str, Answer]] = []
        self._timers: dict[str, datetime] = {}
        self._tokens = (f"t{n}" for n in count())

    # -- what the caller does

    def rings(self) -> Document:
        remembered = self.weather.remembered
        answers = {"language": Answer(True, dict(remembered))} if remembered else {}
        return self._turn(Arrived(LEG, self.call.caller), answers, patient=False)

    def keys(self, pressed: str) -> Document:
        return self._turn(Keyed(LEG, pressed) if pressed else Silent(LEG))

    def says(self, words: str) -> Document:
        return self._turn(self._understood(Spoke(LEG, words, 0.9)))

    def happens(self, event: Event) -> Document:
        """Whatever else happens to this leg, and answers with a document."""
        return self._turn(event)

    def listens(self) -> Document:
        """Hear the hold once round: a view, which changes nothing."""
        view = Answer(True, values={**PLACE, **({"worker": self.weather.worker} if self.weather.worker else {})})
        world = World(self.now, self.pharmacy, {"line": view})
        says = hold_view(self.call, world)
        twiml = _PAGE.wait_document(
            says, leg=LEG, newest=self.call.legs[LEG].documents, language=self._language(), **self._manner()
        )
        return self._heard(None, heard(twiml, Setting.QUEUE_WAIT))

    def hangs_up(self) -> None:
        self.notes.append("hangs up")
        self.tell_over()

    def tell_over(self) -> None:
        """The carrier says that this leg is over."""
        self.tell(HungUp(LEG, "completed"))

    # -- what happens meanwhile

    def tell(self, event: Event) -> Step:
        """Something happened outside any turn of theirs."""
        return self._commit(self._step(event, {}, patient=True))

    def passes(self, seconds: float) -> None:
        """Time goes by: answers come, and timers are due."""
        self.now += timedelta(seconds=seconds)
        for at, ask, told in [each for each in self._coming if each[0] <= self.now]:
            self._kept[ask] = told
            self._coming.remove((at, ask, told))
        for name in sorted(name for name, due in self._timers.items() if due <= self.now):
            if self._timers.pop(name, None):
                self.tell(TimerDue(name))

    def is_taken(self, agent: str) -> str | None:
        """An agent is offered the ticket and accepts: their leg. None: nobody was to be had."""
        offer, leg = next(self._tokens), next(self._tokens)
        self.tell(Offered(offer, leg, agent, "+12025550130"))
        if leg not in self.call.legs:
            return None
        self.tell(Came(leg, 1))
        self.tell(Keyed(leg, "1"))
        self.notes.append(f"{agent} takes the call")
        return leg

    def loses(self, leg: str) -> None:
        """The agent on this leg puts the phone down."""
        self.notes.append("the agent hangs up")
        self.tell(HungUp(leg, "completed"))

    def is_moved(self) -> Document | None:
        """The line's own update takes the caller out of the hold, if there is one to carry out."""
        moves = [effect for effect in self.does if isinstance(effect, MoveCaller)]
        if not moves or moves[-1].document != self.call.legs[LEG].documents or not self.on_hold:
            return None
        self.on_hold = False
        return self._turn(Came(LEG, moves[-1].document))

    @property
    def is_over(self) -> bool:
        return self.call.legs[LEG].state == "over"

    # -- how

    def _turn(self, event: Event, answers: dict[str, Answer] | None = None, *, patient: bool = True) -> Document:
        was_on_hold = self.on_hold
        taken = self._commit(self._step(event, answers or {}, patient=patient))
        leg = self.call.legs[LEG]
        twiml = _PAGE.document(
            taken.says,
            leg=LEG,
            document=leg.documents,
            language=self._language(),
            on_hold=self.call.in_queue,
            **self._manner(),
        )
        return self._heard(event, heard(twiml, Setting.QUEUE_WAIT if was_on_hold else Setting.CALL))

    def _heard(self, event: Event | None, document: Document) -> Document:
        turn = Turn(event, document, tuple(self._said), self.call, self.now)
        self._said.clear()
        self.turns.append(turn)
        self.notes.append(f"  hears [{' '.join(said.prompt for said in turn.said)}] {document.text} … {document.ends}")
        self.watch(turn)
        self.passes(document.seconds if document.ends not in ("Gather", "Redirect") else 0)
        return document

    def _step(self, event: Event, answers: dict[str, Answer], *, patient: bool) -> Step:
        fresh = (next(self._tokens), next(self._tokens))
        world = World(self.now, self.pharmacy, answers, fresh)
        taken = step(self.call, event, world)
        for _ in range(MOST_ASKS):
            told = next(filter(None, (self._answers(ask, taken.call, patient) for ask in taken.asks)), None)
            if not told:
                break
            world = replace(world, answers={**world.answers, **told})
            taken = step(self.call, event, world)
        return taken

    def _answers(self, ask: str, call: Call, patient: bool) -> dict[str, Answer]:
        if ask in OWN_ASKS:
            silent = {"worker": self.weather.worker} if self.weather.worker else {}
            place = PLACE if ask == "place" else {}
            return {ask: Answer(True, dict(self.weather.figures), values={**place, **silent})}
        if not patient or (ask not in self._kept and self.weather.answers_after != 0):
            return self._known(call) if patient and ask in self._kept else {}
        if ask not in self._kept:
            told = questions.put(ask, call, self._orders)
            return {**self._known(call), ask: as_it_stands(ask, told.answer, call)} if told else {}
        return self._known(call)

    def _known(self, call: Call) -> dict[str, Answer]:
        return {ask: as_it_stands(ask, answer, call) for ask, answer in self._kept.items()}

    def _commit(self, taken: Step) -> Step:
        self.call = taken.call
        self.does += taken.does
        for effect in taken.does:
            self._do(effect)
        return taken

    def _do(self, effect: Effect) -> None:
        match effect:
            case Inquire(ask) if self.weather.answers_after is not None:
                told = questions.put(ask, self.call, self._orders)
                if told:
                    due = self.now + timedelta(seconds=self.weather.answers_after or 0.3)
                    self._coming.append((due, ask, told.answer))
            case SetTimer(name, due_at):
                self._timers[name] = due_at
            case ClearTimer(name):
                self._timers.pop(name, None)

    def _understood(self, spoke: Spoke) -> Spoke:
        """What they said as the shell would hand it on."""
        return replace(spoke, heard=self._listens(spoke.words, self.call.language))

    def _manner(self) -> dict[str, Any]:
        """In which words, and how slowly, this caller is spoken to."""
        tier = str(self.call.facts.get("tier", "anonymous"))
        heard_by = Listened(self.pharmacy.prompts.heard_by(tier), self._said)
        return {"prompts": heard_by, "slow": self.call.facts.get("access") in ("slow", "relay")}

    def _language(self) -> str:
        return self.call.language or self.pharmacy.lines[self.call.line].languages[0]
