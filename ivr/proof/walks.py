"""Every way a call can go through the flows of a line, as far as who calls and what they may hear tells ways apart.

A call is followed with all answers a caller, the order system and the rules can give. Of what is known, only the facts
`tier` and `permission` are kept, one value each; every other fact may be anything. So a way found here may be one that
no call takes, but no call takes a way that is not found.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from ivr.core import flows
from ivr.core.pharmacy import Line
from ivr.core.rules import FACTS, MACHINE_ROUTES, UNKNOWN, Condition, Rule, RuleSet, Value
from ivr.proof.graph import ASKING, Script, prompts_of
from ivr.proof.patience import Patience
from ivr.proof.solver import MakeSolver, quickest
from ivr.proof.space import Space

PERMISSIONS = (*FACTS["permission"].values, UNKNOWN)
DEEPEST = 8  # flows run inside each other; one that runs itself is reported elsewhere
_TIERS_TOLD: Mapping[str, tuple[str, ...]] = {  # what the order system may make of the tier, by what it is asked
    "prescription": ("prescription", "verified"),
    "identity": ("prescription", "verified"),
    "prescriber": ("prescriber",),
}
_PERMITTING = ("prescription", "identity")  # these tell what the caller may hear, too
_OFFERED = (*_PERMITTING, "prescriber")  # to these the caller offers proof
_PROVED = ("prescription", "verified")
_BY_NUMBER = ("anonymous", "number")  # all a number can tell, and no news of somebody who has proved more


At = tuple[tuple[str, str], ...]
"""A flow and a node of it; before them those to come back to."""


class Here(NamedTuple):
    """Where a call may be, and what is known of the caller by then."""

    at: At
    tier: str = "anonymous"
    permission: str = UNKNOWN
    asked: bool = False  # whether the caller has come by a question, where 0 would have given them a person


class Told(NamedTuple):
    """What only a machine says next, though rules decide: the rule that leads to it, and how it is come to."""

    rule: Rule
    how: str  # a key, a word, or nothing


# ---------------------------------------------------------------- rules


class Machines:
    """Which rules of a line end with a machine, for calls of which tier and permission are known and nothing else."""

    def __init__(self, rules: RuleSet, line: Line, patience: Patience, solver: MakeSolver = quickest) -> None:
        self._facts = rules.facts
        self._rules = (*rules.rules, rules.otherwise)
        here = {"line": line.name, "site": line.site}
        self._line = self._pins({fact: name for fact, name in here.items() if name in rules.facts[fact].values})
        told_apart = [self._pins({fact: v}) for fact in ("tier", "permission") for v in self._values(fact)]
        whens = [rule.when for rule in self._rules]
        self._space = Space([*whens, *told_apart, self._line, self._wanting_a_person(), self._in_danger()], rules.facts)
        self._solver = solver(self._space, [self._space.box(when) for when in whens[:-1]], patience)
        self._known: dict[tuple[str, str, str], tuple[Rule, ...]] = {}

    def taken(self, tier: str, permission: str, how: str) -> tuple[Rule, ...]:
        """Return the rules that may be taken and end with a machine.

        `how` the rules come to decide: `0` because the caller asks for a person, `person` because the flow does,
        `danger` because of what the caller said, else nothing.
        """
        key = (tier, permission, how)
        if key not in self._known:
            known = (*self._line, *self._pins({"tier": tier, "permission": permission}), *self._because(how))
            self._known[key] = tuple(rule for rule, _ in self._found(known, person_only=how in ("0", "person")))
        return self._known[key]

    def instead_of_a_person(self) -> Mapping[str, Value] | None:
        """Return a call whose caller asks for a person and gets a machine; None when there is none."""
        found = self._found((*self._line, *self._wanting_a_person()), person_only=True)
        return next((example for _, example in found), None)

    def _found(self, known: tuple[Condition, ...], *, person_only: bool) -> Iterator[tuple[Rule, Mapping[str, Value]]]:
        last = len(self._rules) - 1
        for number, rule in enumerate(self._rules):
            if rule.then.route in MACHINE_ROUTES and (number == last or not person_only):
                call = self._solver.find(self._space.box((*rule.when, *known)), self._before(number, person_only))
                if call is not None:
                    yield rule, self._space.call(call)

    def _before(self, number: int, person_only: bool) -> Iterable[int]:
        if not person_only:
            return range(number)
        return [n for n in range(number) if self._rules[n].then.route not in MACHINE_ROUTES]

    def _because(self, how: str) -> tuple[Condition, ...]:
        return self._wanting_a_person() if how == "0" else self._in_danger() if how == "danger" else ()

    def _wanting_a_person(self) -> tuple[Condition, ...]:
        """Nobody who wants a person is without an intent: that is one."""
        intent = self._facts["intent"]
        return (Condition(intent, frozenset(intent.values), (), "intent: known"),)

    def _in_danger(self) -> tuple[Condition, ...]:
        return self._pins({"urgency": "emergency"})

    def _pins(self, known: Mapping[str, str]) -> tuple[Condition, ...]:
        return tuple(Condition(self._facts[f], frozenset({value}), (), f"{f}: {value}") for f, value in known.items())

    def _values(self, fact: str) -> tuple[str, ...]:
        return (*self._facts[fact].values, UNKNOWN)


# ---------------------------------------------------------------- ways


class Walks:
    """Every way a caller of one line may go, the shortest first."""

    def __init__(self, script: Script, line: Line, machines: Machines | None) -> None:
        self._script, self._line, self._machines = script, line, machines
        self._before: dict[Here, tuple[Here, str] | None] = {}
        self._after: dict[Here, dict[Here, None]] = {}  # but for ways on which there is no way back

    def all(self) -> Iterator[Here]:
        """Yield everywhere a call may be; nearer places come first."""
        start = Here(((self._line.flow, self._script.flows[self._line.flow].start),))
        self._before[start] = None
        ahead = [start]
        while ahead:
            for here in ahead:  # it grows while it is gone through
                yield here
                ahead += self._new((here, how, there) for how, there in self._moves(here))
            ahead = self._new(self._backs())

    def _new(self, moves: Iterable[tuple[Here, str, Here]]) -> list[Here]:
        """Return where some moves lead for the first time, and keep how."""
        new = []
        for here, how, there in moves:
            if not self._speaks_of_another(here, there):
                self._after.setdefault(here, {})[there] = None
            if there not in self._before:
                self._before[there] = (here, how)
                new.append(there)
        return new

    def _backs(self) -> Iterator[tuple[Here, str, Here]]:
        """Yield what `9` does: back to a choice the caller came through, with all that was proved since."""
        choices = sorted({here.at for here in self._before if isinstance(self.node(here), flows.Menu | flows.Pick)})
        through = self._come_through({at: 1 << number for number, at in enumerate(choices)})
        for here, passed in through.items():
            if passed and isinstance(self.node(here), ASKING):
                for number, at in enumerate(choices):
                    if passed >> number & 1:
                        yield here, "9", here._replace(at=at, asked=True)

    def _come_through(self, choices: Mapping[At, int]) -> Mapping[Here, int]:
        """Return which choices, each a bit, a call may have come through when it is somewhere."""
        places = {here: number for number, here in enumerate(self._before)}  # numbers are quicker to look up
        after = [[places[there] for there in self._after.get(here, ())] for here in places]
        own = [choices.get(here.at, 0) for here in places]
        through, ahead = [0] * len(places), deque(range(len(places)))
        while ahead:
            here = ahead.popleft()
            passed = through[here] | own[here]
            for there in after[here]:
                if passed & ~through[there]:
                    through[there] |= passed
                    ahead.append(there)
        return dict(zip(places, through, strict=True))

    def _speaks_of_another(self, here: Here, there: Here) -> bool:
        """Return whether another person is asked for than the one something was proved of: there is no way back then.

        Of the same person the order system says the same all through a call, and more only once more is proved.
        """
        node = self.node(here)
        if not (isinstance(node, flows.AskNode) and node.question in _PERMITTING):
            return False
        proved = here.permission != UNKNOWN or here.tier in _PROVED
        falls = there.permission != here.permission or (
            here.tier in _PROVED and there.tier not in ("verified", here.tier)
        )
        return proved and falls

    def node(self, here: Here) -> flows.Node:
        """Return the node a call is at."""
        flow, name = here.at[-1]
        return self._script.flows[flow].nodes[name]

    def heard(self, here: Here) -> Iterator[tuple[str, str]]:
        """Yield each prompt that may be said here, and how it is come to from here, as words."""
        for prompt in prompts_of(self.node(here)):
            yield prompt, ""
        for rule, how in self._decided(here):
            if rule.then.route == "announce":
                yield rule.then.target, f"{_arrow(_by(how, rule))}{rule.then.target}"

    def announces(self, here: Here) -> bool:
        """Return whether rules may end the call here with an announcement."""
        return any(rule.then.route == "announce" for rule, _ in self._decided(here))

    def ends_with_a_machine(self, here: Here) -> bool:
        """Return whether rules that decide here may end the call with a machine."""
        return any(self._decided(here))

    def words(self, here: Here) -> str:
        """Return the way to a place: `emergency → language → menu -2→ prescription.number`."""
        told = self._named(here)
        before = self._before[here]
        while before is not None:
            here, how = before
            told = f"{self._named(here)}{_arrow(how)}{told}"
            before = self._before[here]
        return told

    def _named(self, here: Here) -> str:
        flow, node = here.at[-1]
        return node if flow == self._line.flow else f"{flow}.{node}"

    # ------------------------------------------------------------ moves

    def _moves(self, here: Here) -> Iterator[tuple[str, Here]]:
        node = self.node(here)
        asked = here._replace(asked=here.asked or isinstance(node, ASKING))
        yield from ((how, _on(asked, name)) for how, name in _answers(node))
        match node:
            case flows.AskNode():
                yield from (("", _on(told, node.then)) for told in _told(here, node.question))
            case flows.Choose():
                yield from (("", _on(here, name)) for name in _chosen(here, node))
            case flows.SayNode() | flows.Do():
                yield "", _on(here, node.then)
            case flows.CheckMedicine():
                yield from ((how, _on(here, name)) for how, name in _by_name(node))
            case flows.Menu() if node.then:
                yield "", _on(here, node.then)
            case flows.Pick():
                yield from (("", _on(here, node.then)), ("none", _on(here, node.none)))
            case flows.SubFlow() if node.flow in self._script.flows and len(here.at) < DEEPEST:
                inside = (node.flow, self._script.flows[node.flow].start)
                yield "", here._replace(at=(*_on(here, node.then).at, inside))
            case flows.Return() if len(here.at) > 1:
                yield "", here._replace(at=here.at[:-1])
        for rule, how in self._decided(here):
            if rule.then.route == "self_service" and rule.then.target in self._script.flows:
                served = (rule.then.target, self._script.flows[rule.then.target].start)
                yield _by(how, rule), asked._replace(at=(served,))

    def _decided(self, here: Here) -> Iterator[Told]:
        """Yield the rules with a machine at their end that may be taken from a place."""
        for how in self._reasons(here) if self._machines else ():
            assert self._machines is not None
            for rule in self._machines.taken(here.tier, here.permission, how):
                yield Told(rule, how)

    def _reasons(self, here: Here) -> tuple[str, ...]:
        """Return why rules may come to decide at a place."""
        node = self.node(here)
        if isinstance(node, ASKING):
            return ("0", "danger")
        if isinstance(node, flows.Return) and len(here.at) == 1:
            return ("0", "")  # from a line's own flow to a person; from one that rules lead to back to the rules
        if isinstance(node, flows.AskNode) and node.question in _OFFERED:
            return ("0",)  # whoever has offered too much that fits nobody goes on with a person
        if isinstance(node, flows.Route):  # who has asked for a person still wants one
            return ("person",) if node.person else ("", "person")
        return ()


def _answers(node: flows.Node) -> Iterator[tuple[str, str]]:
    """Yield where the caller's answers lead from a node: what they answer, and the node."""
    match node:
        case flows.Menu():
            yield from ((key, option.then) for key, option in node.options.items())
            yield from (("their own words", node.understand),) if node.understand else ()
            yield from (("silence", node.silence),) if node.silence else ()
        case flows.Collect():
            yield "", node.then
            yield from node.instead.items()


def _by_name(node: flows.CheckMedicine) -> Iterator[tuple[str, str]]:
    yield from (("", node.then), ("controlled", node.controlled), ("mistaken", node.mistaken))


def _on(here: Here, node: str) -> Here:
    return here._replace(at=(*here.at[:-1], (here.at[-1][0], node)))


def _told(here: Here, question: str) -> Iterator[Here]:
    """Yield what may be known of the caller after the order system was asked, or has not answered."""
    permissions = PERMISSIONS if question in _PERMITTING else ()
    by_number = _BY_NUMBER if question == "who" and here.tier in _BY_NUMBER else ()
    for tier in (here.tier, *by_number, *_TIERS_TOLD.get(question, ())):
        for permission in (here.permission, *permissions):
            yield here._replace(tier=tier, permission=permission)


def _chosen(here: Here, node: flows.Choose) -> Iterator[str]:
    known = {"tier": here.tier, "permission": here.permission}
    for case in node.cases:
        if all(condition.admits(known[c]) for condition in case.when if (c := condition.fact.name) in known):
            yield case.then
            if all(condition.fact.name in known for condition in case.when):
                return
    yield node.otherwise


def _by(how: str, rule: Rule) -> str:
    return f'{how}, "{rule.name}"' if how else f'"{rule.name}"'


def _arrow(how: str) -> str:
    return f" -{how}→ " if how else " → "
