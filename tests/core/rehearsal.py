"""A call rehearsed on the pure core alone: no clock, no network, no record, only `step`."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from ivr.core.call import Answer, Call, Caller, Leg, Step, World
from ivr.core.effects import Effect, MoveAgent, MoveCaller, MoveLeg, PlaceCall, WriteDisposition
from ivr.core.events import Arrived, Came, Event, HungUp, Keyed, Offered, Silent, Spoke
from ivr.core.flows import AskNode, Collect, Flow, HangUpNode, Menu, Node, Option, Return, Route, SayNode, SubFlow
from ivr.core.flows import Do as DoNode
from ivr.core.heard import Heard
from ivr.core.hours import Hours
from ivr.core.line import Agent, Queue
from ivr.core.pharmacy import Line, Pharmacy, Policies, Site
from ivr.core.presence import moved
from ivr.core.rules import FACTS, Condition, Rule, RuleSet, Then
from ivr.core.step import step
from ivr.core.verbs import Gather, Say

OPEN = datetime(2026, 11, 24, 15, 0, tzinfo=UTC)  # a Tuesday, ten in the morning in New York
NIGHT = datetime(2026, 11, 25, 4, 0, tzinfo=UTC)  # the same evening at eleven


def rule(name: str, then: Then, **when: str) -> Rule:
    conditions = tuple(
        Condition(FACTS["hours" if fact == "open" else fact], frozenset(_allowed(fact, value)), (), f"{fact}: {value}")
        for fact, value in when.items()
    )
    return Rule(name, "", conditions, then, "main.yaml", 1)


def _allowed(fact: str, value: str) -> tuple[str, ...]:
    if fact == "open":
        return ("business",) if value == "yes" else ("after_hours", "holiday")
    return tuple(value.split())


FLOW = Flow(
    "main",
    "notice",
    {
        "notice": SayNode("emergency_notice", "language", notice=True, every_language=True),
        "language": Menu(
            "choose_language",
            {"1": Option("who", {"language": "en"}), "2": Option("who", {"language": "es"})},
            silence="who",
            every_language=True,
            unless_known="language",
            then="who",
        ),
        "who": AskNode("who", "menu"),
        "menu": Menu(
            "main_menu",
            {
                "1": Option("decide", {"intent": "adverse_reaction", "urgency": "emergency"}),
                "2": Option("refill", {"intent": "refill_request"}, {"en": ("refill",), "es": ("surtir",)}),
                "5": Option("decide", {"caller": "prescriber"}),
            },
        ),
        "refill": SubFlow("prescription", "decide"),
        "decide": Route(),
    },
)
PRESCRIPTION = Flow(
    "prescription",
    "rx",
    {
        "rx": Collect("rx_number", "rx_number", "rx_number", "look", 7),
        "look": AskNode("prescription", "done"),
        "done": Return(),
    },
)
REFILL = Flow(
    "refill",
    "confirm",
    {
        "confirm": Menu("refill_confirm", {"1": Option("place")}),
        "place": DoNode("request_refill", "bye"),
        "bye": HangUpNode("refill_placed", "refill_ordered"),
    },
)
QUEUES = {
    "pharmacist": Queue("pharmacist", "a pharmacist", 60, licensed=True, on_call=True),
    "refills": Queue("refills", "refills", 180),
    "verification": Queue("verification", "verification", 60),
    "front_desk": Queue("front_desk", "the front desk", 180),
}
RULES = RuleSet(
    "main.yaml",
    (
        rule("Emergency", Then("queue", "pharmacist", 0), urgency="emergency"),
        rule("Closed", Then("voicemail", "front_desk"), open="no"),
        rule("Prescriber's office", Then("queue", "verification", 60), caller="prescriber"),
        rule("Refill the machine can do", Then("self_service", "refill"), refill="eligible", tier="prescription"),
        rule("Refills", Then("queue", "refills"), intent="refill_request"),
    ),
    rule("otherwise", Then("queue", "front_desk")),
)
PHARMACY = Pharmacy(
    version="v1",
    lines={"main": Line("main", "+15555550100", "central", "main.yaml", "main", ("en", "es"))},
    sites={"central": Site("central", "Example Pharmacy", "America/New_York", "+15555550101", "+15555550102")},
    queues=QUEUES,
    hours={"central": Hours("America/New_York", dict.fromkeys(("mon", "tue", "wed", "thu", "fri"), ((480, 1200),)))},
    staff={"ana": Agent("ana", "Ana", "central", "+15555550110", queues=frozenset(QUEUES), licensed=True)},
    policies=Policies(transfers={"courier": "+15555550120"}),
    rules={"main.yaml": RULES},
    flows={"main": FLOW, "prescription": PRESCRIPTION, "refill": REFILL},
    prompts=None,
)
KNOWN = Answer(True, {"tier": "number", "caller": "patient", "language": "en"}, person="p1")
LINE = Answer(True, {"waiting": 0, "longest_wait": 0, "licensed_free": 1, "repeat_calls": 0})
SILENT = replace(LINE, values={"position": "1", "agents": "1", "worker": "silent"})  # nobody is offered a call


def pharmacy_with(**nodes: Node) -> Pharmacy:
    """The pharmacy, whose main flow has these nodes too, or instead; `menu` is the first after the language."""
    return replace(PHARMACY, flows={**PHARMACY.flows, "main": replace(FLOW, nodes={**FLOW.nodes, **nodes})})


class Rehearsal:
    """One call, played event by event; keeps what was said to each leg, what was done and where the agents are."""

    def __init__(
        self,
        at: datetime = OPEN,
        number: str | None = "+15555550130",
        pharmacy: Pharmacy = PHARMACY,
        **answers: Answer,
    ) -> None:
        self.now = at
        self.pharmacy = pharmacy
        self.answers: dict[str, Answer] = {"line": LINE, "who": KNOWN, **answers}
        self.caller = Caller("number", number, "A") if number else Caller()
        self.call = Call("CA1", "main", "central", "v1", at, self.caller, facts={"tier": "anonymous"})
        self.call = replace(self.call, legs={"c": Leg("c", "caller")})
        self.last = Step(self.call)
        self.does: list[Effect] = []
        self.presence = {"ana": "available", "ben": "available"}
        self.reasons: dict[str, str] = {}
        self._tokens = (f"t{n}" for n in count())

    # -- what happens

    def rings(self) -> Rehearsal:
        return self.happens(Arrived("c", self.caller))

    def keys(self, *keys: str, leg: str = "c") -> Rehearsal:
        for key in keys:
            self.happens(Keyed(leg, key))
        return self

    def says(
        self,
        words: str,
        intent: str | None = None,
        urgency: str = "routine",
        *,
        asks: bool = False,
        confidence: float = 0.9,
        because: tuple[str, ...] = (),
    ) -> Rehearsal:
        """They say it in their own words, and this much of it is understood."""
        heard = Heard(intent, urgency, asks, confidence if intent else 0.0, because)
        return self.happens(Spoke("c", words, heard=heard))

    def says_nothing(self, leg: str = "c") -> Rehearsal:
        return self.happens(Silent(leg))

    def hangs_up(self, leg: str = "c", how: str = "completed") -> Rehearsal:
        return self.happens(HungUp(leg, how))

    def offered_to(self, agent: str = "ana") -> Rehearsal:
        return self.happens(Offered(f"offer-{agent}", f"leg-{agent}", agent, "+15555550110"))

    def picked_up(self, agent: str = "ana") -> Rehearsal:
        return self.happens(Came(f"leg-{agent}", 1))

    def moved(self) -> Rehearsal:
        """The caller is taken to the document reserved for them."""
        move = next(effect for effect in reversed(self.does) if isinstance(effect, MoveCaller | MoveLeg))
        return self.happens(Came(move.leg, move.document))

    def later(self, seconds: float) -> Rehearsal:
        self.now += timedelta(seconds=seconds)
        return self

    def happens(self, event: Event) -> Rehearsal:
        world = World(self.now, self.pharmacy, self.answers, (next(self._tokens), next(self._tokens)))
        before = self.call
        self.last = step(before, event, world)
        assert step(before, event, world) == self.last, "a step must be pure"
        self.call = self.last.call
        self.does.extend(self.last.does)
        for effect in self.last.does:
            if isinstance(effect, MoveAgent):
                self._move(effect)
        return self

    def _move(self, effect: MoveAgent) -> None:
        """As the record does it: a refused pair refuses the turn, and `only` is the reason they are still there for."""
        there = self.presence[effect.agent]
        if effect.only and effect.only != self.reasons.get(effect.agent, ""):
            return
        after = moved(there, "", effect.event)
        assert after is not None, f"{effect.agent} is {there}, and `{effect.event}` means nothing there"
        self.presence[effect.agent] = after[0]
        if after[0] != there:
            self.reasons[effect.agent] = effect.reason

    # -- what came of it

    @property
    def heard(self) -> list[str]:
        """The prompts of the last document, in order."""
        says = [part for verb in self.last.says or () for part in (verb.says if isinstance(verb, Gather) else (verb,))]
        return [verb.prompt for verb in says if isinstance(verb, Say)]

    @property
    def verbs(self) -> list[str]:
        return [type(verb).__name__ for verb in self.last.says or ()]

    def did(self, kind: type[Effect]) -> list[Any]:
        return [effect for effect in self.does if isinstance(effect, kind)]

    @property
    def rung(self) -> list[str]:
        return [effect.number for effect in self.did(PlaceCall)]

    @property
    def disposition(self) -> dict[str, Any]:
        return dict(self.did(WriteDisposition)[-1].body)

    # -- usual beginnings

    def on_hold(self) -> Rehearsal:
        return self.rings().keys("1", "0")

    def talking(self) -> Rehearsal:
        return self.on_hold().offered_to().picked_up().keys("1", leg="leg-ana").moved()
