"""Rule engines side by side: ours, and others given the same rules as their own users would write them.

Each answers with the place of the first rule that fits; the number of rules stands for `otherwise`.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import IO, Any, Protocol, cast

from bench.rule_book import QUEUES
from ivr.core.router import Router
from ivr.core.rules import UNKNOWN, Condition, RuleSet, Value, decide

Call = Mapping[str, Value]
Facts = Mapping[str, Any]
MakeEngine = Callable[[RuleSet, Sequence[Call]], "Engine"]

_NO_NUMBER = -1_000  # how the others are told that a number is unknown: none of them compares words with numbers
_RULES_A_PROGRAM = 20  # of CEL: one program for each rule is slower
ROUNDABOUT = 5  # times a stretch may go over all calls
JSON_RULES_ENGINE = "json-rules-engine@7.3.1"


class Engine(Protocol):
    """An engine with its rules loaded."""

    def stretch(self, first: int, seconds: float) -> tuple[list[float], list[tuple[int, int]]]:
        """Decide calls from the one at `first` on, round and round, each timed by itself.

        Returns microseconds, and beside each the call's place and the answer.
        """

    def close(self) -> None:
        """Let go of what it holds."""


class Here:
    """An engine of this process: `ask` is timed, `place` makes a rule's place of its answer."""

    def __init__(self, ask: Callable[[Any], Any], place: Callable[[Any], int], calls: Sequence[Any]) -> None:
        self._ask, self._place, self._calls = ask, place, calls

    def stretch(self, first: int, seconds: float) -> tuple[list[float], list[tuple[int, int]]]:
        """See `Engine.stretch`."""
        ask, clock, calls = self._ask, time.perf_counter, self._calls
        times, answers, until = [], [], clock() + seconds
        for at in range(first, first + ROUNDABOUT * len(calls)):
            call = calls[at % len(calls)]
            begun = clock()
            answer = ask(call)
            ended = clock()
            times.append(1e6 * (ended - begun))
            answers.append((at % len(calls), answer))
            if ended > until:
                break
        return times, [(at, self._place(answer)) for at, answer in answers]

    def close(self) -> None:
        """See `Engine.close`."""


# ---------------------------------------------------------------- ours


def router(rules: RuleSet, calls: Sequence[Call]) -> Engine:
    """Return the bitset router, which answers calls."""
    places = _places(rules)
    return Here(Router(rules, QUEUES).decide, lambda decision: places[decision.rule], calls)


def interpreter(rules: RuleSet, calls: Sequence[Call]) -> Engine:
    """Return the interpreter, which says what rules mean and collects every reason on its way."""
    places = _places(rules)
    return Here(lambda call: decide(rules, call, QUEUES)[0], lambda decision: places[decision.rule], calls)


def _places(rules: RuleSet) -> dict[str | None, int]:
    return {rule.name: place for place, rule in enumerate(rules.rules)} | {None: len(rules.rules)}


# ---------------------------------------------------------------- others


def _told(call: Call) -> Facts:
    """Return a call without `open`, as it is told to the others."""
    numbers = ("days_left",)
    return {
        fact: _NO_NUMBER if value == UNKNOWN and fact in numbers else value
        for fact, value in call.items()
        if fact != "open"
    }


def _spans(condition: Condition) -> list[tuple[int, int]]:
    unknown = [(_NO_NUMBER, _NO_NUMBER)] if UNKNOWN in condition.allowed else []
    return [*condition.spans, *unknown]


def zen_engine(rules: RuleSet, calls: Sequence[Call]) -> Engine:
    """Return zen-engine with one decision table, first hit."""
    import zen

    facts = sorted({condition.fact.name for rule in rules.rules for condition in rule.when})
    rows = [
        {"_id": str(place), "place": str(place), **{c.fact.name: _zen_cell(c) for c in rule.when}}
        for place, rule in enumerate(rules.rules)
    ]
    table = {
        "hitPolicy": "first",
        "inputs": [{"id": fact, "name": fact, "field": fact} for fact in facts],
        "outputs": [{"id": "place", "name": "place", "field": "place"}],
        "rules": [dict.fromkeys(facts, "") | row for row in [*rows, {"_id": "last", "place": str(len(rows))}]],
    }
    nodes = [
        {"id": "in", "type": "inputNode", "name": "in"},
        {"id": "table", "type": "decisionTableNode", "name": "table", "content": table},
        {"id": "out", "type": "outputNode", "name": "out"},
    ]
    edges = [{"id": f"{a}-{b}", "sourceId": a, "targetId": b} for a, b in (("in", "table"), ("table", "out"))]
    decision = zen.ZenEngine().create_decision(json.dumps({"nodes": nodes, "edges": edges}))
    return Here(decision.evaluate, lambda found: int(found["result"]["place"]), [_told(call) for call in calls])


def _zen_cell(condition: Condition) -> str:
    if condition.fact.numeric:
        return ", ".join(f"[{low}..{high}]" for low, high in _spans(condition))
    return ", ".join(f'"{word}"' for word in sorted(condition.allowed))


def rule_engine(rules: RuleSet, calls: Sequence[Call]) -> Engine:
    """Return rule-engine with one expression for each rule, asked in order."""
    import rule_engine as engine

    rows = [engine.Rule(_expression(rule.when, " and ", " or ")) for rule in rules.rules]

    def ask(call: Facts) -> int:
        return next((place for place, row in enumerate(rows) if row.matches(call)), len(rows))

    return Here(ask, int, [_told(call) for call in calls])


def cel(rules: RuleSet, calls: Sequence[Call]) -> Engine:
    """Return CEL (the Rust one) with programs of some rules each, as nested conditionals."""
    from cel import Context
    from cel import compile as program

    rows = [_expression(rule.when, " && ", " || ") for rule in rules.rules]
    programs = [
        program(
            "".join(f"({row}) ? {first + n} : " for n, row in enumerate(rows[first : first + _RULES_A_PROGRAM])) + "-1"
        )
        for first in range(0, len(rows), _RULES_A_PROGRAM)
    ]

    def ask(call: Facts) -> int:
        context = Context(variables=call)  # translated once for all programs
        return next((place for some in programs if (place := some.execute(context)) >= 0), len(rows))

    return Here(ask, int, [dict(_told(call)) for call in calls])


def _expression(when: Iterable[Condition], both: str, either: str) -> str:
    return both.join(_any_of(condition, both, either) for condition in when)


def _any_of(condition: Condition, both: str, either: str) -> str:
    name = condition.fact.name
    if condition.fact.numeric:
        return f"({either.join(f'({name} >= {low}{both}{name} <= {high})' for low, high in _spans(condition))})"
    words = sorted(condition.allowed)
    return f"{name} == {words[0]!r}" if len(words) == 1 else f"{name} in {words}"


# ---------------------------------------------------------------- json-rules-engine, in a process of Node


class InNode:
    """json-rules-engine behind a pipe; it takes its own times."""

    def __init__(self, folder: Path, rules: RuleSet, calls: Sequence[Call]) -> None:
        script = Path(__file__).with_name("json_rules.js")
        self._node = subprocess.Popen(
            ["node", str(script)], cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env={"PATH": str(Path(shutil.which("node") or "node").parent), "NODE_PATH": str(folder / "node_modules")},
        )  # fmt: skip
        self._to, self._from = cast(IO[str], self._node.stdin), cast(IO[str], self._node.stdout)
        rows = [[_json_conditions(condition) for condition in rule.when] for rule in rules.rules]
        self._say({"rules": rows, "calls": [_told(call) for call in calls]})

    def stretch(self, first: int, seconds: float) -> tuple[list[float], list[tuple[int, int]]]:
        """See `Engine.stretch`."""
        told = self._say({"first": first, "seconds": seconds})
        return told["times"], [(at, place) for at, place in told["answers"]]

    def close(self) -> None:
        """See `Engine.close`."""
        self._to.close()
        self._from.close()
        self._node.wait(10)

    def _say(self, what: object) -> Any:
        self._to.write(json.dumps(what) + "\n")
        self._to.flush()
        answer = self._from.readline()
        if not answer:
            raise RuntimeError("node ended before it answered")
        return json.loads(answer)


def _json_conditions(condition: Condition) -> object:
    name = condition.fact.name
    if not condition.fact.numeric:
        return {"fact": name, "operator": "in", "value": sorted(condition.allowed)}
    ends = (("greaterThanInclusive", 0), ("lessThanInclusive", 1))
    spans = [
        {"all": [{"fact": name, "operator": operator, "value": span[end]} for operator, end in ends]}
        for span in _spans(condition)
    ]
    return spans[0] if len(spans) == 1 else {"any": spans}


# ---------------------------------------------------------------- who is here


def others(folder: Path, *, node: bool) -> tuple[dict[str, MakeEngine], dict[str, str]]:
    """Return the other engines that can run here, and why the rest cannot; with `node` one is installed to `folder`."""
    found: dict[str, MakeEngine] = {}
    missing: dict[str, str] = {}
    for name, module, make in (
        ("zen-engine", "zen", zen_engine),
        ("rule-engine", "rule_engine", rule_engine),
        ("CEL (Rust)", "cel", cel),
    ):
        try:
            __import__(module)
            found[name] = make
        except ImportError:
            missing[name] = "not installed: pip install -c requirements.lock -e '.[bench]'"
    why_not = _install_json_rules(folder) if node else "add --node to install it into a folder that is thrown away"
    if why_not:
        missing["json-rules-engine"] = why_not
    else:
        found["json-rules-engine"] = partial(InNode, folder)
    return found, missing


def _install_json_rules(folder: Path) -> str | None:
    """Install json-rules-engine for Node; return why that cannot be, or None."""
    if not (shutil.which("node") and shutil.which("npm")):
        return "there is no Node here"
    command = ["npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(folder), JSON_RULES_ENGINE]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return f"npm could not install it: {done.stderr.strip()[-200:]}" if done.returncode else None
