"""Calls that were, or that somebody made up, decided by two versions: who moves where, and whose promise got worse."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ivr.content.conditions import call_facts, call_in
from ivr.content.written import Wrong
from ivr.core.meaning import grounds_told
from ivr.core.router import Router
from ivr.core.rules import UNKNOWN, Fact, Grounds
from ivr.proof.changes import Outcome, Version, outcomes, what_is_lost

_MOST_EXAMPLES = 3
WHO = ("caller", "intent", "language")


class BadCalls(ValueError):
    """Lines of a file that are no calls; the text has one line for each: where, and why."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What the rules were asked: of which call, and all that was known of it then."""

    call: str
    grounds: Grounds

    @property
    def who(self) -> tuple[str, ...]:
        """The caller kind, the intent and the language."""
        return tuple(str(self.grounds.facts.get(name, UNKNOWN)) for name in WHO)


@dataclass(slots=True)
class Move:
    """Calls of one kind of caller that come to something else."""

    who: tuple[str, ...]
    before: Outcome
    after: Outcome
    calls: dict[str, None] = field(default_factory=dict)  # their ids, in order

    @property
    def worse(self) -> tuple[str, ...]:
        """What these callers lose, in words."""
        return tuple(what_is_lost(self.before, self.after))

    @property
    def examples(self) -> list[str]:
        return list(self.calls)[:_MOST_EXAMPLES]


@dataclass(frozen=True, slots=True)
class Replay:
    """What became of all calls; a call the rules were asked about twice can be in two moves."""

    calls: int
    moves: tuple[Move, ...]  # those for the worse first, then those of most calls
    left_out: int  # calls that cannot be replayed: their line is gone, or the journal has no facts of them

    @property
    def moved(self) -> int:
        return len({call for move in self.moves for call in move.calls})

    @property
    def worse(self) -> int:
        return len({call for move in self.moves for call in move.calls if move.worse})


# ---------------------------------------------------------------- where calls come from


def from_journal(turns: Iterable[tuple[str, str]]) -> Iterator[Asked | str]:
    """Yield what the rules were asked in some turns, each call id and event; only the id where no facts were kept."""
    for call, told in turns:
        decided = grounds_told(json.loads(told))
        if not decided:
            yield call
        yield from (Asked(call, grounds) for grounds in decided)


def from_file(path: Path, facts: Mapping[str, Fact]) -> list[Asked]:
    """Return the calls of a file, one JSON object of facts a line; raises BadCalls and OSError.

    Their ids are their lines.
    """
    found: list[Asked] = []
    wrong: list[str] = []
    for number, line in enumerate(path.read_bytes().splitlines(), 1):
        try:
            found += [Asked(f"line {number}", Grounds("", call_facts(call_in(line), facts)))] if line.strip() else []
        except Wrong as reason:
            wrong.append(f"{path}:{number}: {reason.message}")
    if wrong:
        raise BadCalls("\n".join(wrong))
    return found


# ---------------------------------------------------------------- deciding again


class _Deciding:
    """Decides the calls of one line by one version."""

    def __init__(self, version: Version) -> None:
        self._router = Router(version.rules, version.queues)
        self._outcomes = {(outcome.rule.file, outcome.rule.line): outcome for outcome in outcomes(version)}

    def of(self, asked: Asked) -> Outcome:
        decision = self._router.decide(asked.grounds.facts, person_only=asked.grounds.person_only)
        return self._outcomes[decision.file, decision.line]


def replay(asked: Iterable[Asked | str], lines: Mapping[str, tuple[Version, Version]], first: str) -> Replay:
    """Return what becomes of calls by the old and the new version of their line's rules.

    `first` is the line of calls that name none. A call without facts, or whose line is not in `lines`, is left out.
    """
    deciding = {line: (_Deciding(old), _Deciding(new)) for line, (old, new) in lines.items()}
    moves: dict[object, Move] = {}
    calls: set[str] = set()
    left_out: set[str] = set()
    for one in asked:
        both = None if isinstance(one, str) else deciding.get(str(one.grounds.facts.get("line", first)))
        if isinstance(one, str) or both is None:
            left_out.add(one if isinstance(one, str) else one.call)
            continue
        calls.add(one.call)
        _follow(one, both[0].of(one), both[1].of(one), moves)
    return Replay(len(calls), tuple(_in_order(list(moves.values()))), len(left_out - calls))


def _follow(asked: Asked, before: Outcome, after: Outcome, moves: dict[object, Move]) -> None:
    if not before.same_as(after):
        key = asked.who, before.decision, before.licensed, after.decision, after.licensed
        moves.setdefault(key, Move(asked.who, before, after)).calls[asked.call] = None


def _in_order(moves: Sequence[Move]) -> list[Move]:
    return sorted(moves, key=lambda move: (not move.worse, -len(move.calls), move.who))
