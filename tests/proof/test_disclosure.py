"""What no caller hears below their tier is what no walk through the flows comes to; and what is found is told well."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ivr.content.conditions import read_when
from ivr.content.written import File, read_yaml
from ivr.core.flows import (
    AskNode,
    Case,
    Choose,
    Collect,
    Do,
    Flow,
    HangUpNode,
    Menu,
    Node,
    Option,
    Pick,
    Return,
    Route,
    SayNode,
    SubFlow,
    TakeMessage,
)
from ivr.core.line import Queue
from ivr.core.pharmacy import Line
from ivr.core.rules import FACTS, MACHINE_ROUTES, Condition, Rule, RuleSet, Then, Value, decide, holds
from ivr.proof.disclosure import MAY_ORDER, ORDERS, disclosures
from ivr.proof.findings import Finding
from ivr.proof.graph import FlowFinding, Script, prompts_of
from ivr.proof.patience import Patience

LINE = Line("main", "+12125550110", "central", "main.yaml", "main", ("en",))
QUEUES = {"front_desk": Queue("front_desk", "Front desk", 180)}
TO_A_PERSON = Then("queue", "front_desk")
MOST_STEPS = 40
SCRIPTS = 150
WALKS = 60
PROVED = frozenset({"prescription", "verified"})


def when(text: str) -> tuple[Condition, ...]:
    item = read_yaml(File("rules.yaml", f"{{{text}}}"))
    assert item is not None
    return read_when(item, FACTS)


def rules(*written: tuple[str, Then], otherwise: Then = TO_A_PERSON) -> RuleSet:
    numbered = [Rule(f"Rule {n}", "", when(text), then, "rules.yaml", n) for n, (text, then) in enumerate(written, 1)]
    return RuleSet("main.yaml", tuple(numbered), Rule("otherwise", "", (), otherwise, "rules.yaml", 99))


def script(routing: RuleSet, **flows: dict[str, Node]) -> Script:
    named = {name: Flow(name, next(iter(nodes)), nodes) for name, nodes in flows.items()}
    return Script(named, {"main": LINE}, {"main.yaml": routing})


def found(written: Script, **tiers: frozenset[str]) -> list[FlowFinding | Finding]:
    return list(disclosures(written, tiers, Patience(30)))


def messages(written: Script, **tiers: frozenset[str]) -> list[str]:
    return [finding.message for finding in found(written, **tiers)]


# ---------------------------------------------------------------- by example

ASK: dict[str, Node] = {
    "menu": Menu("menu", {"2": Option("number")}),
    "number": Collect("rx_number", "number", "rx_number", "look_up"),
    "look_up": AskNode("prescription", "decide"),
    "decide": Route(),
}
STATUS: dict[str, Node] = {"ready": SayNode("ready", "bye"), "bye": HangUpNode("goodbye")}
SELF_SERVICE = Then("self_service", "status")
DANGER = ("urgency: emergency", TO_A_PERSON)


def test_rules_that_lead_only_those_who_proved_it_to_a_flow_let_it_speak() -> None:
    proved = rules(DANGER, ("tier: [prescription, verified]", SELF_SERVICE))
    assert found(script(proved, main=ASK, status=STATUS), ready=PROVED) == []


def test_the_shortest_way_of_a_caller_who_may_not_hear_it_is_told() -> None:
    unproved = rules(DANGER, ("intent: order_status", SELF_SERVICE))
    assert messages(script(unproved, main=ASK, status=STATUS), ready=PROVED) == [
        '"ready" is for prescription or verified callers; one who is anonymous hears it:'
        ' menu -2→ number → look_up → decide -"Rule 2"→ status.ready'
    ]


def test_rules_above_take_those_who_proved_nothing_elsewhere() -> None:
    shadowed = rules(
        DANGER,
        ("tier: {not: [prescription, verified]}, open: yes", TO_A_PERSON),
        ("tier: {not: [prescription, verified]}, open: no", Then("voicemail", "front_desk")),
        ("intent: order_status", SELF_SERVICE),
    )
    assert found(script(shadowed, main=ASK, status=STATUS), ready=PROVED) == []


def test_a_flow_that_comes_back_keeps_what_was_proved_and_what_was_not() -> None:
    prove: dict[str, Node] = {
        "number": Collect("rx_number", "number", "rx_number", "look_up"),
        "look_up": AskNode("prescription", "back"),
        "back": Return(),
    }
    chosen = Choose((Case(when("tier: [prescription, verified]"), "ready"),), "bye")
    told: dict[str, Node] = {"prove": SubFlow("prove", "which"), **STATUS}
    careful = script(rules(), main={**told, "which": chosen}, prove=prove)
    careless = script(rules(), main={**told, "which": replace(chosen, otherwise="ready")}, prove=prove)
    assert found(careful, ready=PROVED) == []
    assert messages(careless, ready=PROVED) == [
        '"ready" is for prescription or verified callers; one who is anonymous hears it:'
        " prove → prove.number → prove.look_up → prove.back → which → ready"
    ]


def test_what_is_said_to_a_prescriber_is_not_for_patients() -> None:
    proved = rules(DANGER, ("tier: [prescription, verified]", SELF_SERVICE))
    assert messages(script(proved, main=ASK, status=STATUS), ready=frozenset({"prescriber"})) == [
        '"ready" is for prescriber callers; one who is prescription hears it:'
        ' menu -2→ number → look_up → decide -"Rule 2"→ status.ready'
    ]


@pytest.mark.parametrize(
    ("node", "way"),
    [
        (Menu("ready", {"1": Option("bye")}), "ready"),
        (Menu("other", {"1": Option("bye")}, help="ready"), "ready"),
        (Collect("number", "other", "digits", "bye", help="ready"), "ready"),
        (Pick("ready", "bye", "bye"), "ready"),
        (Do("text", "bye", "ready"), "ready"),
        (HangUpNode("ready"), "ready"),
    ],
)
def test_every_way_of_saying_it_counts(node: Node, way: str) -> None:
    written = script(rules(), main={"menu": Menu("menu", {"1": Option("told")}), "told": node, "bye": Route()})
    assert [message.rpartition(": ")[2] for message in messages(written, ready=PROVED)] == ["menu -1→ told"]


def test_an_announcement_of_the_rules_counts_too() -> None:
    announced = rules(DANGER, ("intent: order_status", Then("announce", "ready")))
    assert messages(script(announced, main=ASK), ready=PROVED) == [
        '"ready" is for prescription or verified callers; one who is anonymous hears it:'
        ' menu -2→ number → look_up → decide -"Rule 2"→ ready'
    ]


def test_whoever_says_that_they_are_in_danger_hears_nothing_private_either() -> None:
    unproved = rules(("urgency: emergency", Then("announce", "ready")))
    assert messages(script(unproved, main=ASK), ready=PROVED)[0].endswith(': menu -danger, "Rule 1"→ ready')


def test_a_prompt_that_is_for_different_callers_in_every_language_is_for_nobody() -> None:
    assert messages(script(rules(), main={**ASK, "decide": SayNode("ready", "menu")}), ready=frozenset())[0].startswith(
        '"ready" is for no callers; one who is anonymous hears it'
    )


def test_a_refill_is_ordered_only_for_those_who_may_have_it() -> None:
    order: dict[str, Node] = {"order": Do("request_refill", "bye"), "bye": HangUpNode("goodbye")}
    proved = rules(DANGER, ("tier: [prescription, verified]", Then("self_service", "refill")))
    permitted = rules(DANGER, ("permission: [everything, refills]", Then("self_service", "refill")))
    assert found(script(permitted, main=ASK, refill=order)) == []
    assert messages(script(proved, main=ASK, refill=order)) == [
        "request_refill is for callers whose permission is everything or refills; one whose permission is unknown"
        ' comes here: menu -2→ number → look_up → decide -"Rule 2"→ refill.order'
    ]


def test_another_prescription_needs_permission_again() -> None:
    flow: dict[str, Node] = {
        **ASK,
        "decide": Choose((Case(when("permission: everything"), "another"),), "person"),
        "another": AskNode("prescription", "renew"),
        "renew": Do("request_renewal", "person"),
        "person": Route(),
    }
    assert messages(script(rules(), main=flow))[0].endswith("look_up → decide → another → renew")


def test_9_goes_back_to_a_choice_with_what_was_proved_since() -> None:
    flow: dict[str, Node] = {
        "menu": Menu("not_yet", {"1": Option("number")}),
        "number": Collect("rx_number", "number", "rx_number", "look_up"),
        "look_up": AskNode("prescription", "again"),
        "again": Collect("rx_number", "number", "rx_number", "decide"),
        "decide": Route(),
    }
    assert messages(script(rules(), main=flow), not_yet=frozenset({"anonymous"})) == [
        '"not_yet" is for anonymous callers; one who is prescription hears it:'
        " menu -1→ number → look_up → again -9→ menu"
    ]


def test_9_does_not_go_back_past_another_persons_prescription() -> None:
    flow: dict[str, Node] = {
        **ASK,
        "decide": Choose((Case(when("permission: everything, tier: [prescription, verified]"), "sure"),), "person"),
        "sure": Menu("sure", {"1": Option("order"), "2": Option("other")}),
        "order": Do("request_refill", "person"),
        "other": Collect("rx_number", "number", "rx_number", "look_again"),
        "look_again": AskNode("prescription", "more"),
        "more": Menu("more", {"1": Option("person")}),
        "person": Route(),
    }
    assert found(script(rules(DANGER), main=flow), sure=PROVED) == []


def test_a_flow_that_wants_a_person_gets_one() -> None:
    closed = rules(DANGER, ("open: yes", TO_A_PERSON), ("intent: {not: unknown}", TO_A_PERSON), otherwise=SELF_SERVICE)
    helpless: dict[str, Node] = {"help": Route(person=True)}
    assert messages(script(closed, main=helpless, status=STATUS))[0] == "callers who need a person get a machine: help"
    assert found(script(rules(DANGER, ("open: no", SELF_SERVICE)), main=helpless, status=STATUS)) == []


def test_a_key_that_leads_elsewhere_than_what_is_keyed_in_counts() -> None:
    flow: dict[str, Node] = {
        "number": Collect("rx_number", "number", "rx_number", "person", instead={"1": "ready"}),
        "ready": SayNode("ready", "person"),
        "person": Route(),
    }
    assert messages(script(rules(), main=flow), ready=PROVED)[0].endswith(": number -1→ ready")


def test_a_call_that_ends_before_anybody_was_asked_anything_is_told() -> None:
    notice: dict[str, Node] = {"moved": SayNode("moved", "bye", notice=True), "bye": HangUpNode("goodbye")}
    announced = rules(otherwise=Then("announce", "moved"))
    way = "a call ends here before the caller was asked anything, so no key gives them a person: "
    assert messages(script(rules(), main=notice)) == [f"{way}moved → bye"]
    assert messages(script(announced, main={"decide": Route()}))[1:] == [f"{way}decide"]


def test_a_question_that_may_be_passed_over_gives_nobody_a_person() -> None:
    passed: dict[str, Node] = {
        "language": Menu("menu", {"1": Option("bye")}, unless_known="language", then="bye"),
        "bye": HangUpNode("goodbye"),
    }
    assert messages(script(rules(), main=passed))[0].endswith("language → bye")


def test_0_gives_a_person_at_every_hour() -> None:
    by_day = rules(("open: yes", TO_A_PERSON), otherwise=Then("announce", "closed"))
    by_night = rules(("open: yes", TO_A_PERSON), ("open: no", Then("voicemail", "front_desk")), otherwise=SELF_SERVICE)
    (finding,) = found(script(by_day, main=ASK))
    assert isinstance(finding, Finding)
    assert (finding.message, finding.line) == (
        "whoever presses 0 for a person comes here, and gets announce: closed",
        99,
    )
    assert finding.example is not None
    assert finding.example["hours"] in ("after_hours", "holiday")
    assert found(script(by_night, main=ASK, status=STATUS)) == []


def test_no_intent_is_no_way_out_for_who_wants_a_person_has_one() -> None:
    unheard = rules(("intent: {not: unknown}", TO_A_PERSON), otherwise=SELF_SERVICE)
    assert found(script(unheard, main=ASK, status=STATUS)) == []


def test_what_there_was_no_time_for_is_not_proved() -> None:
    unproved = rules(DANGER, ("intent: order_status", SELF_SERVICE))
    (finding,) = disclosures(script(unproved, main=ASK, status=STATUS), {}, Patience(-1))
    assert (finding.code, finding.severity) == ("not-proved", "error")


# ---------------------------------------------------------------- against walks

PROMPTS = ("p0", "p1", "p2", "p3")
NAMES = ("n0", "n1", "n2", "n3", "n4", "n5")
CHOICES = (
    *("tier: [prescription, verified]", "tier: anonymous", "permission: everything", "refill: eligible"),
    *("tier: verified, open: yes", "permission: {not: nothing}, tier: number"),
)
RULES = (*CHOICES, "intent: order_status", "intent: refill_request, tier: number", "urgency: emergency", "open: no")
THENS = (TO_A_PERSON, Then("voicemail", "front_desk"), Then("self_service", "served"), Then("announce", "p0"))
QUESTIONS = ("who", "prescription", "identity", "prescriptions", "prescriber")


class Author:
    """Writes flows and rules by chance: everything a flow can do, and little that makes sense."""

    def __init__(self, chance: Random) -> None:
        self.one = chance.choice
        self.many = chance.randint

    def script(self) -> Script:
        written = [(self.one(RULES), self.one(THENS)) for _ in range(self.many(0, 4))]
        flows = {name: {node: self.node() for node in NAMES} for name in ("main", "sub", "served")}
        flows["served"] = {name: Route() if node == Return() else node for name, node in flows["served"].items()}
        return script(rules(*written, otherwise=self.one(THENS)), **flows)

    def tiers(self) -> dict[str, frozenset[str]]:
        return {prompt: frozenset(self.one(FACTS["tier"].values[:5]) for _ in range(3)) for prompt in PROMPTS}

    def node(self) -> Node:
        prompt, name, other = self.one(PROMPTS), self.one(NAMES), self.one(NAMES)
        sometimes = self.one((None, self.one(NAMES)))
        kinds: tuple[Node, ...] = (
            SayNode(prompt, name),
            Menu(prompt, self.options(), silence=sometimes, help=self.one((None, self.one(PROMPTS)))),
            Menu(prompt, self.options(), understand=sometimes),
            Collect("field", prompt, "digits", name, instead=self.one(({}, {"1": other}))),
            AskNode(self.one(QUESTIONS), name),
            AskNode(self.one(QUESTIONS), name),
            Pick(prompt, name, other),
            Choose(tuple(Case(when(self.one(CHOICES)), self.one(NAMES)) for _ in range(self.many(1, 2))), other),
            SubFlow(self.one(("sub", "served")), name),
            Do(self.one(("request_refill", "forget_prescription", "send_code")), name),
            Do("text", name, prompt),
            self.one((HangUpNode(prompt), HangUpNode(), Return(), Return(), Route())),
            self.one((TakeMessage("desk"), Route(), Route(person=True))),
        )
        return self.one(kinds)

    def options(self) -> dict[str, Option]:
        intents = ("refill_request", "order_status")
        return {key: Option(self.one(NAMES), {"intent": self.one(intents)}) for key in ("1", "2")}


RISES = {"prescription": ("prescription", "verified"), "identity": ("prescription", "verified")}


class Walk:
    """A call that goes through flows as calls do, every answer by chance, and keeps what must not have happened."""

    def __init__(self, written: Script, tiers: Mapping[str, frozenset[str]], chance: Random) -> None:
        self.script, self.tiers, self.chance = written, tiers, chance
        self.at = [("main", "n0")]
        hours = chance.choice(("business", "after_hours"))
        self.facts: dict[str, Value] = {"tier": "anonymous", "line": "main", "site": "central", "hours": hours}
        self.trail: list[tuple[list[tuple[str, str]], dict[str, Value]]] = []
        self.person_meant: str | None = None
        self.asked = self.wants_person = False
        self.permissions = {person: chance.choice(FACTS["permission"].values) for person in "AB"}
        self.wrong: set[tuple[str, str, str]] = set()

    def go(self) -> None:
        for _ in range(MOST_STEPS):
            if not self.at or len(self.at) > 6:
                return
            self.visit(self.script.flows[self.at[-1][0]].nodes[self.at[-1][1]])

    def wrong_here(self, code: str) -> None:
        self.wrong.add((code, *self.at[-1]))

    def hear(self, prompt: str | None) -> None:
        if prompt in self.tiers and self.facts["tier"] not in self.tiers[prompt]:
            self.wrong_here("disclosure")

    def on(self, name: str) -> None:
        self.at[-1] = (self.at[-1][0], name)

    def visit(self, node: Node) -> None:
        for prompt in prompts_of(node):
            self.hear(prompt)
        match node:
            case Menu() | Collect() | Pick():
                self.answer(node)
            case AskNode() if node.question in ("prescription", "identity") and self.chance.random() < 0.05:
                self.person()  # what they offered was wrong once too often
            case AskNode():
                self.ask(node.question)
                self.on(node.then)
            case Choose():
                case = next((case for case in node.cases if holds(case.when, self.facts)), None)
                self.on(case.then if case else node.otherwise)
            case SubFlow():
                self.on(node.then)
                self.at.append((node.flow, "n0"))
            case Return() if len(self.at) > 1:
                self.at.pop()
            case Return():
                self.person()
            case Route():
                self.wants_person = self.wants_person or node.person
                self.route()
            case Do():
                self.do(node)
            case SayNode():
                self.on(node.then)
            case _:
                if isinstance(node, HangUpNode) and not self.asked:
                    self.wrong_here("person")
                self.at = []

    def answer(self, node: Menu | Collect | Pick) -> None:
        if isinstance(node, Pick) and self.chance.random() < 0.5:
            return self.on(self.chance.choice((node.then, node.none)))
        self.asked = True
        match self.chance.randrange(8), node:
            case 2 | 3, _ if self.trail:
                self.at, facts = self.trail.pop()
                self.facts = {**self.facts, **{name: facts[name] for name in ("intent",) if name in facts}}
            case 0, _:
                self.person()
            case 1, _:
                self.facts |= {"urgency": "emergency", "intent": "adverse_reaction"}
                self.route()
            case _, Menu():
                self.trail.append((list(self.at), dict(self.facts)))
                option = self.chance.choice(list(node.options.values()))
                self.facts |= option.facts
                self.on(self.chance.choice([option.then, *filter(None, (node.silence, node.understand))]))
            case _, Pick():
                self.trail.append((list(self.at), dict(self.facts)))
                self.on(node.then)
            case _, Collect():
                self.on(self.chance.choice([node.then, *node.instead.values()]))
        return None

    def person(self) -> None:
        self.wants_person = True
        self.facts.setdefault("intent", "speak_to_person")
        self.route()

    def route(self) -> None:
        decision, _ = decide(self.script.rules["main.yaml"], self.facts, QUEUES, person_only=self.wants_person)
        if decision.route == "announce":
            self.hear(decision.target)
            if not self.asked:
                self.wrong_here("person")
        if decision.route == "self_service":
            self.at.append((decision.target, "n0"))
        else:
            if self.wants_person and decision.route in MACHINE_ROUTES:
                self.wrong.add(("person", "rules.yaml", "99"))
            self.at = []

    def ask(self, question: str) -> None:
        if self.chance.random() < 0.3:
            return  # it does not answer, or nothing fits
        if question == "who" and self.facts["tier"] in ("anonymous", "number"):
            self.facts["tier"] = self.chance.choice(("anonymous", "number"))
        if question == "prescriber":
            self.facts["tier"] = "prescriber"
        if question in RISES:
            self.prove(self.chance.choice("AB"), self.chance.choice(RISES[question]))

    def prove(self, person: str, tier: str) -> None:
        """What the order system says of a person is the same all through a call; of two it is two things."""
        if person != self.person_meant:
            if self.person_meant is not None:
                self.trail = []
            self.person_meant = person
            self.facts |= {"tier": tier, "permission": self.permissions[person]}
        elif self.facts["tier"] != "verified":
            self.facts["tier"] = tier
        self.facts["refill"] = self.chance.choice(("eligible", "too_soon"))

    def do(self, node: Do) -> None:
        if node.what in ORDERS and self.facts.get("permission") not in MAY_ORDER:
            self.wrong_here("permission")
        if node.what == "forget_prescription":
            self.facts.pop("refill", None)
            self.trail = []
        self.on(node.then)


@given(st.integers(0, 2**64))
@settings(max_examples=SCRIPTS)
def test_no_walk_comes_to_what_was_not_found(seed: int) -> None:
    chance = Random(seed)
    written, tiers = Author(chance).script(), Author(chance).tiers()
    told = {_place(finding) for finding in found(written, **tiers)}
    for _ in range(WALKS):
        walk = Walk(written, tiers, chance)
        walk.go()
        assert walk.wrong <= told


def _place(finding: FlowFinding | Finding) -> tuple[str, str, str]:
    if isinstance(finding, Finding):
        return finding.code, finding.file, str(finding.line)
    return finding.code, finding.flow, finding.node
