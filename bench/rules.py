"""What a decision costs by our rules and by other rule engines, and how long rules take to load and to prove.

    python -m bench.rules                    ours, and the others that are installed: pip install -e '.[bench]'
    python -m bench.rules --node             json-rules-engine too, installed by npm into a folder that is thrown away
    python -m bench.rules --sizes 12,100     fewer rules, quicker

All engines get the same made-up rules (`bench.rule_book`) and the same calls, in turns, within one run, so what else
the machine does is felt by all alike. Each call is timed by itself, and each answer timed is compared with what the
rules mean. Loading and proving are counted in seconds of CPU. Exits 1 when an answer is wrong or a goal is missed.
"""

from __future__ import annotations

import argparse
import gc
import tempfile
import time
import tracemalloc
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from bench.engines import Call, Engine, MakeEngine, interpreter, others, router
from bench.rule_book import GUARANTEES, LICENSED, QUEUES, calls, read, written
from ivr.core.router import Router
from ivr.core.rules import RuleSet, holds
from ivr.proof.boxes import BoxSplitter
from ivr.proof.findings import Proofs
from ivr.proof.patience import Patience
from ivr.proof.sat import SatSolver
from ivr.proof.solver import MakeSolver

SIZES = (12, 100, 1_000, 10_000)
PROVED_SIZES = (12, 100, 300, 1_000)
CALLS = 2_000
PATIENCE_SECONDS = 30.0
OURS, MEANING = "router (ours)", "interpreter (ours)"
SOLVERS: Mapping[str, MakeSolver] = {"python-sat": SatSolver, "no dependency": BoxSplitter}

MOST_US = {1_000: 3.0, 10_000: 8.0}
TIMES_FASTER = 50.0  # than each of the others, at 1,000 rules
MOST_CHECK_SECONDS = {("python-sat", 1_000): 2.5, ("no dependency", 300): 2.5}
MOST_MEGABYTES = {10_000: 5.0}


@dataclass
class Row:
    """What one engine did with one set of rules."""

    engine: Engine
    load_seconds: float
    times_us: list[float] = field(default_factory=list)
    checked: int = 0
    wrong: int = 0

    @property
    def median_us(self) -> float:
        return median(self.times_us)

    @property
    def p99_us(self) -> float:
        return sorted(self.times_us)[int(len(self.times_us) * 0.99)]


@dataclass(frozen=True)
class Goal:
    """A figure that has to be reached."""

    what: str
    figure: float
    limit: float
    unit: str
    at_least: bool = False

    @property
    def met(self) -> bool:
        return self.figure >= self.limit if self.at_least else self.figure <= self.limit

    def __str__(self) -> str:
        sign = "≥" if self.at_least else "≤"
        return (
            f"  {'met   ' if self.met else 'MISSED'} {self.what}: {self.figure:.2f} {self.unit} ({sign} {self.limit:g})"
        )


def main(arguments: Sequence[str] | None = None) -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--sizes", type=_sizes, default=SIZES, help="numbers of rules (12,100,1000,10000)")
    options.add_argument("--rounds", type=int, default=5, help="turns each engine gets (5)")
    options.add_argument("--seconds", type=float, default=0.2, help="length of a turn (0.2)")
    options.add_argument("--seed", type=int, default=1, help="which rules and calls are made up (1)")
    options.add_argument("--node", action="store_true", help="measure json-rules-engine too")
    asked = options.parse_args(arguments)
    goals: list[Goal] = []
    wrong = 0
    with tempfile.TemporaryDirectory() as folder:
        engines, missing = others(Path(folder), node=asked.node)
        for size in asked.sizes:
            rules = read(written(size, asked.seed))
            rows = _decisions({OURS: router, MEANING: interpreter, **engines}, rules, asked)
            print("\n".join(_table(size, rows)), flush=True)
            goals += [*_decision_goals(size, rows), *_memory_goals(size, rules)]
            wrong += sum(row.wrong for row in rows.values())
    for name, why in missing.items():
        print(f"{name} is left out: {why}")
    goals += _proofs([size for size in PROVED_SIZES if size <= max(asked.sizes)], asked.seed, rounds=3)
    print("goals", *goals, sep="\n")
    return 0 if all(goal.met for goal in goals) and not wrong else 1


def _sizes(text: str) -> tuple[int, ...]:
    return tuple(int(size) for size in text.split(","))


# ---------------------------------------------------------------- decisions


def _decisions(engines: Mapping[str, MakeEngine], rules: RuleSet, asked: argparse.Namespace) -> dict[str, Row]:
    told = calls(rules, CALLS, asked.seed)
    meant = [_meant(rules, call) for call in told]
    rows = {name: _loaded(make, rules, told) for name, make in engines.items()}
    gc.collect()
    gc.freeze()  # what one engine has loaded is no work for the collector while another is timed
    for number in range(asked.rounds):
        names = [*rows][number % len(rows) :] + [*rows][: number % len(rows)]
        for name in names:
            times, answers = rows[name].engine.stretch(number * CALLS // asked.rounds, asked.seconds)
            rows[name].times_us += times
            rows[name].checked += len(answers)
            rows[name].wrong += sum(meant[at] != place for at, place in answers)
    gc.unfreeze()
    for row in rows.values():
        row.engine.close()
    return rows


def _meant(rules: RuleSet, call: Call) -> int:
    fitting = (place for place, rule in enumerate(rules.rules) if holds(rule.when, call))
    return next(fitting, len(rules.rules))


def _loaded(make: MakeEngine, rules: RuleSet, told: Sequence[Call]) -> Row:
    started = time.perf_counter()
    engine = make(rules, told)
    return Row(engine, time.perf_counter() - started)


def _table(size: int, rows: Mapping[str, Row]) -> Iterator[str]:
    yield f"{size:,} rules{'':12}  median µs     p99 µs  times ours    load ms   calls  wrong"
    for name, row in rows.items():
        times = row.median_us / rows[OURS].median_us
        star = " " if len(row.times_us) >= 200 else "*"  # too few calls for a p99
        yield (
            f"  {name:20} {row.median_us:11,.2f} {row.p99_us:10,.1f}{star} {times:10,.1f} "
            f"{1000 * row.load_seconds:10,.1f} {row.checked:7,} {row.wrong:6}"
        )


def _decision_goals(size: int, rows: Mapping[str, Row]) -> Iterator[Goal]:
    ours = rows[OURS].median_us
    if size in MOST_US:
        yield Goal(f"a decision by {size:,} rules", ours, MOST_US[size], "µs")
    for name, row in rows.items() if size == 1_000 else ():
        if name not in (OURS, MEANING):
            yield Goal(f"faster than {name} at 1,000 rules", row.median_us / ours, TIMES_FASTER, "times", at_least=True)


def _memory_goals(size: int, rules: RuleSet) -> Iterator[Goal]:
    if size in MOST_MEGABYTES:
        tracemalloc.start()
        kept = Router(rules, QUEUES)
        megabytes = tracemalloc.get_traced_memory()[0] / 1e6
        tracemalloc.stop()
        yield Goal(f"memory of a router of {len(kept.rules.rules):,} rules", megabytes, MOST_MEGABYTES[size], "MB")


# ---------------------------------------------------------------- loading and proving


def _proofs(sizes: Sequence[int], seed: int, rounds: int) -> list[Goal]:
    print(f"loading, and proving: unreachable, gaps, {GUARANTEES} guarantees, redundant, examples (seconds of CPU)")
    goals = []
    for size in sizes:
        text, loads = written(size, seed), []
        proving: dict[str, list[float]] = {solver: [] for solver in SOLVERS}
        found: dict[str, Counter[str]] = {}
        for number in range(rounds):
            started = time.process_time()
            rules = read(text)
            loads.append(time.process_time() - started)
            for solver in [*SOLVERS][:: 1 if number % 2 else -1]:
                seconds, found[solver] = _proved(rules, SOLVERS[solver])
                proving[solver].append(seconds)
        for solver, seconds in proving.items():
            load, prove = median(loads), median(seconds)
            print(f"  {size:6,} rules  {solver:14}  load {load:6.3f}  prove {prove:7.3f}  {_told(found[solver])}")
            if (solver, size) in MOST_CHECK_SECONDS:
                what, limit = f"{size:,} rules loaded and proved, {solver}", MOST_CHECK_SECONDS[solver, size]
                goals.append(Goal(what, load + prove, limit, "s"))
    return goals


def _proved(rules: RuleSet, solver: MakeSolver) -> tuple[float, Counter[str]]:
    started = time.process_time()
    found = Counter(
        finding.code for finding in Proofs(rules, QUEUES, LICENSED, Patience(PATIENCE_SECONDS), solver).all()
    )
    return time.process_time() - started, found


def _told(found: Mapping[str, int]) -> str:
    """Return what was found; `not-proved` says that time was over."""
    return ", ".join(f"{count} {code}" for code, count in sorted(found.items())) or "nothing found"


if __name__ == "__main__":
    raise SystemExit(main())
