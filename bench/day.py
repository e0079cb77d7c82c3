"""A synthetic day at the pharmacy, in the pure core and in simulated time: what callers get from so many agents.

    python -m bench.day                       the shipped rules and staff on a model of a Tuesday, then theory
    python -m bench.day --prescriptions 2000  a busier pharmacy: 0.37 calls for each prescription
    python -m bench.day --calls 100000        more calls for the comparison with theory
    python -m bench.day --real                the same callers also on the real processes: twelve hours in five minutes
    python -m bench.day --real --hours 2 --speed 24   their first two hours, as long, and less hurried

The day is a MODEL: shares of intents, talk times, patience and hours are assumptions, not measurements of any pharmacy.
What it is good for is comparing rules, staffing and promises. Then one queue with exponential times, where theory knows
the answer (Erlang A). The same callers go through the core and through the textbook's model; what the core made of them
differently is added to what theory says (a control variate: the luck of the draw, the same in both, falls out). Exits 1
when that is more than 2 % away from theory.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from math import log, sqrt
from pathlib import Path
from random import Random
from typing import Any

from bench.erlang import Expected, Load, patient, textbook
from bench.real_day import real_day
from bench.simulated import Pace, Simulation, Visit
from ivr import content
from ivr.core import metrics
from ivr.core.flows import Flow, Route
from ivr.core.hours import Hours
from ivr.core.line import Agent, Queue
from ivr.core.pharmacy import Pharmacy
from ivr.core.rules import Rule, RuleSet, Then

START = datetime(2026, 11, 24, 13, 0, tzinfo=UTC)  # a Tuesday, eight in the morning in New York
LEVEL_SECONDS = 30
MOST_OFF = 0.02
CALLS_PER_PRESCRIPTION, TUESDAY = 0.37, 1.05
HOURLY = (6, 9, 11, 11, 9, 8, 8, 9, 9, 8, 6, 6)  # percent of a day's calls, from eight o'clock on
PATIENCE, URGENT_PATIENCE = 180.0, 420.0
TAKES_CALLBACK, CALLBACK_ANSWERED = 0.37, 0.60
PACE = Pace(thinks=4.0, picks_up=4.0, accepts=6.0, moves=1.0, callback_answered=CALLBACK_ANSWERED)
SPREAD = 0.7  # coefficient of variation of talk times, lognormal


@dataclass(frozen=True, slots=True)
class Kind:
    """What callers want: their share, how long one takes (talk and wrap-up, seconds), and how many a machine serves."""

    intent: str
    share: float
    handled: float
    contained: float
    caller: str = "patient"
    urgency: str = "routine"


KINDS = (
    Kind("refill_request", 26, 150, 0.65),
    Kind("order_status", 27, 140, 0.70),
    Kind("insurance", 12, 360, 0.10),
    Kind("prescriber_call", 9, 170, 0.05, caller="prescriber"),
    Kind("medication_question", 8, 330, 0.0),
    Kind("billing", 6, 240, 0.30),
    Kind("transfer", 4, 300, 0.10),
    Kind("adverse_reaction", 1, 420, 0.0, urgency="emergency"),
    Kind("technical", 3, 240, 0.20),
    Kind("other", 4, 90, 0.60),
)

# ---------------------------------------------------------------- the model of a day


def callers(pharmacy: Pharmacy, calls: float, random: Random, hours: int = len(HOURLY)) -> Iterator[Visit]:
    """Yield a day's callers who need a person, in the order they ring: a Poisson stream whose rate follows the hour."""
    for hour, percent in enumerate(HOURLY[:hours]):
        rate = calls * percent / sum(HOURLY) / 3600
        at = 0.0
        while (at := at + random.expovariate(rate)) < 3600:
            [kind] = random.choices(KINDS, [kind.share for kind in KINDS])
            if random.random() >= kind.contained:
                yield _visit(pharmacy, kind, START + timedelta(hours=hour, seconds=at), random)


def _visit(pharmacy: Pharmacy, kind: Kind, at: datetime, random: Random) -> Visit:
    lines = list(pharmacy.lines.values())
    line = lines[-1] if kind.caller == "prescriber" else lines[0]
    wrap_up = float(pharmacy.policies.wrap_up_seconds)
    patience = URGENT_PATIENCE if kind.urgency == "emergency" else PATIENCE
    return Visit(
        at,
        line.number,
        kind.caller,
        kind.intent,
        kind.urgency,
        random.expovariate(1 / patience),
        _lognormal(max(30.0, kind.handled - wrap_up), random),
        wrap_up,
        random.random() < TAKES_CALLBACK,
    )


def _lognormal(mean: float, random: Random) -> float:
    sigma = sqrt(log(1 + SPREAD**2))
    return random.lognormvariate(log(mean) - sigma**2 / 2, sigma)


def day(pharmacy: Pharmacy, prescriptions: float, seed: int, hours: int = len(HOURLY)) -> Simulation:
    """Return a day simulated to its end, and two hours more for whoever is still there."""
    simulation = Simulation(pharmacy, START, PACE, seed)
    calls = prescriptions * CALLS_PER_PRESCRIPTION * TUESDAY
    simulation.run(callers(pharmacy, calls, Random(seed), hours), START + timedelta(hours=hours + 2))
    return simulation


def figures(bodies: Sequence[Mapping[str, Any]]) -> dict[str, float | None]:
    """Return the figures of a day's dispositions by name, each as `core/metrics.py` defines it."""
    return {
        "service level 30 s": metrics.service_level(bodies, LEVEL_SECONDS),
        "ASA seconds": metrics.average_speed_of_answer(bodies),
        "abandonment": metrics.abandonment(bodies),
        "callback completion": metrics.callback_completion(bodies),
        "promises kept": metrics.promises_kept(bodies),
    }


# ---------------------------------------------------------------- one queue, against theory

LOADS = (
    Load(60 / 3600, 240, 180, 7),
    Load(60 / 3600, 240, 180, 6),
    Load(30 / 3600, 300, 180, 5),
    Load(120 / 3600, 240, 180, 11),
    Load(12 / 3600, 110, 180, 2),
)


def one_queue(pharmacy: Pharmacy, servers: int) -> Pharmacy:
    """Return a pharmacy that is one queue, always open, where everything but talking takes no time."""
    line = next(iter(pharmacy.lines.values()))
    everything = Rule("otherwise", "", (), Then("queue", "line"), line.rules, 1)
    agents = (Agent(f"a{n}", "", line.site, f"+1555010{n:04}", queues=frozenset({"line"})) for n in range(servers))
    return replace(
        pharmacy,
        queues={"line": Queue("line", "Line", 60, offer_callback=False)},
        hours={line.site: Hours("UTC", dict.fromkeys(("mon", "tue", "wed", "thu", "fri", "sat", "sun"), ((0, 1440),)))},
        staff={agent.id: agent for agent in agents},
        rules={line.rules: RuleSet(line.rules, (), everything)},
        flows={line.flow: Flow(line.flow, "in", {"in": Route()})},
        lines={line.name: line},
    )


def drawn(load: Load, calls: int, dialed: str, random: Random) -> list[Visit]:
    """Return callers whose times between, talks and patience are exponential."""
    visits, at = [], START
    for _ in range(calls):
        at += timedelta(seconds=random.expovariate(load.rate))
        talk, patience = random.expovariate(1 / load.handled), random.expovariate(1 / load.patience)
        visits.append(Visit(at, dialed, "patient", "other", "routine", patience, talk, 0.0))
    return visits


@dataclass(frozen=True, slots=True)
class Compared:
    """What came of the same callers in the core and by the book, and what theory says of all such callers."""

    core: Expected
    book: Expected
    theory: Expected

    @property
    def off(self) -> float:
        """How far the core is from theory, the luck of the draw taken out, as a share."""
        abandoned = abs(self.core.abandoned - self.book.abandoned) / self.theory.abandoned
        return max(abandoned, abs(self.core.wait - self.book.wait) / self.theory.wait)


def compared(pharmacy: Pharmacy, load: Load, calls: int, seed: int = 1) -> Compared:
    """Return what the core and the textbook's model make of so many callers of such a load."""
    plain = one_queue(pharmacy, load.servers)
    [line] = plain.lines.values()
    visits = drawn(load, calls, line.number, Random(seed))
    simulation = Simulation(plain, START, Pace())
    simulation.run(iter(visits), visits[-1].at + timedelta(days=1))
    left = sum(body["outcome"] in ("abandoned", "short_abandon") for body in simulation.bodies.values())
    numbers = [((visit.at - START).total_seconds(), visit.talk, visit.patience) for visit in visits]
    left_by_book, waited_by_book = textbook(numbers, load.servers)
    core = Expected(left / calls, simulation.waiting_seconds / calls)
    return Compared(core, Expected(left_by_book / calls, waited_by_book / calls), patient(load))


# ---------------------------------------------------------------- the command


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the figures; 1 when the core and theory are too far apart."""
    options = _options(arguments)
    pharmacy = content.load(Path(options.content))
    _show_day(pharmacy, options)
    if options.real:
        return 0
    print(
        f"One queue, exponential times, {options.calls} callers each: the share that hangs up, and the mean wait of all"
    )
    off = [_show_load(pharmacy, load, options.calls, options.seed) for load in LOADS]
    return int(max(off) > MOST_OFF)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.day", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--prescriptions", type=float, default=1000, help="filled on the day")
    parser.add_argument("--calls", type=int, default=50_000, help="of each load that is held against theory")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--content", default=".", help="the folder with rules, flows and configuration")
    parser.add_argument(
        "--real", action="store_true", help="the same callers on the real processes, in place of theory"
    )
    parser.add_argument("--hours", type=int, default=len(HOURLY), help="of the day, from its first on")
    parser.add_argument("--speed", type=float, default=144.0, help="how fast the clock of the real processes runs")
    return parser.parse_args(arguments)


def _show_day(pharmacy: Pharmacy, options: argparse.Namespace) -> None:
    began = time.process_time()
    simulation = day(pharmacy, options.prescriptions, options.seed, options.hours)
    bodies = [list(simulation.bodies.values())]
    print(f"A model of a Tuesday, {options.prescriptions:.0f} prescriptions, {len(pharmacy.staff)} agents (a MODEL, not"
          f" data): {options.hours} hours")  # fmt: skip
    took = f"{time.process_time() - began:.1f} s, {simulation.steps} steps of the core"
    if options.real:
        bodies.append(_real(pharmacy, options))
    _show(bodies)
    print(f"  simulated in        {took}")


def _real(pharmacy: Pharmacy, options: argparse.Namespace) -> Sequence[Mapping[str, Any]]:
    calls = options.prescriptions * CALLS_PER_PRESCRIPTION * TUESDAY
    visits = list(callers(pharmacy, calls, Random(options.seed), options.hours))
    done = real_day(Path(options.content), visits, START, PACE, options.speed, CALLBACK_ANSWERED)
    print(f"  the real processes took {done.seconds:.0f} s at x{options.speed:g}; a ring of 15 s lasts"
          f" {15 / options.speed:.2f} s, a key is pressed after {PACE.accepts / options.speed:.2f} s")  # fmt: skip
    print(f"  phones we rang, by how it ended: {dict(done.offers)}")
    return done.bodies


def _show(bodies: Sequence[Sequence[Mapping[str, Any]]]) -> None:
    """Print the figures of several days side by side: simulated, then real."""
    columns = [figures(each) for each in bodies]
    print(f"  {'calls for a person':<20}" + "".join(f"{len(each):<12}" for each in bodies))
    for name in columns[0]:
        print(f"  {name:<20}" + "".join(f"{_shown(name, column[name]):<12}" for column in columns))


def _shown(name: str, figure: float | None) -> str:
    if figure is None:
        return "nobody"
    return f"{figure:.0f}" if "seconds" in name else f"{figure:.1%}"


def _show_load(pharmacy: Pharmacy, load: Load, calls: int, seed: int) -> float:
    began = time.process_time()
    found = compared(pharmacy, load, calls, seed)
    told = [("core", found.core), ("by the book", found.book), ("Erlang A", found.theory)]
    shown = " · ".join(f"{who} {of.abandoned:.4f} and {of.wait:.2f} s" for who, of in told)
    seconds = time.process_time() - began
    head = f"{load.rate * 3600:.0f}/h of {load.handled:.0f} s, {load.servers} agents"
    print(f"  {head:<28}{shown} · {found.off:.1%} off ({seconds:.0f} s)", flush=True)
    return found.off


if __name__ == "__main__":
    sys.exit(main())
