"""Days of many callers on the real line: `python -m tests.days.many --day broken --callers 200 --seed 7`.

Days: `calm` (everybody misbehaves, the carrier does not) · `rough` (the carrier does too) · `broken` (and processes
die, Valkey forgets) · `postgres` (broken, on PostgreSQL) · `night` (a night's callers, and the morning after).
Prints what came of the callers, every law that was broken, and of each law the story of one call. Exits 1 when any was.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from bench.wire import Faults
from tests import servers
from tests.days.day import Outcome, Plan, spend

DAYS = ("calm", "rough", "broken", "postgres", "night")
ROUGH = Faults(
    told_never=0.1, told_twice=0.1, told_late=0.2, asked_twice=0.1,
    rest_before=0.05, rest_after=0.05, rest_busy=0.03, rest_slow=0.02,
)  # fmt: skip
SPEED = 4.0  # on two cores that have something else to do as well
LATE_SECONDS = 3.0  # of the day's; an agent's end heard of later than they could have met is taken for that of a talk
DEATHS = ("dispatch", "flush", "web", "relay", "worker", "telephony", "flush", "orders", "web", "sweep", "worker")


def plan(day: str, seed: int, callers: int, speed: float = SPEED, seconds: float = 0.0) -> Plan:
    """Return what kind of day one of DAYS is."""
    deaths = DEATHS if callers > 100 else DEATHS[1:4]
    return Plan(
        seed,
        callers,
        speed=speed,
        over_seconds=seconds or callers * 0.5,  # most of them are there at once
        breaks_over_seconds=callers * 2.0,
        faults=Faults() if day == "calm" else replace(ROUGH, late_seconds=LATE_SECONDS / speed),
        breaks=deaths if day in ("broken", "postgres") else (),
        night=day == "night",
    )


@contextlib.contextmanager
def _database(day: str) -> Iterator[str]:
    if day != "postgres":
        yield ""
        return
    with servers.postgres() as running:
        yield running.url


def spent(day: str, seed: int, callers: int, speed: float, seconds: float) -> Outcome:
    """Live through a day in a folder of its own."""
    with tempfile.TemporaryDirectory() as folder, _database(day) as url:
        made = plan(day, seed, callers, speed, seconds)
        made.database_url = url
        return spend(made, Path(folder))


def main(arguments: Sequence[str] | None = None) -> int:
    """Live through the days that were asked for."""
    asked = argparse.ArgumentParser(prog="python -m tests.days.many", description=(__doc__ or "").split("\n")[0])
    asked.add_argument("--day", choices=(*DAYS, "all"), default="broken")
    asked.add_argument("--callers", type=int, default=200)
    asked.add_argument("--seed", type=int, default=1)
    asked.add_argument("--days", type=int, default=1, help="one after the other, with seeds that follow")
    asked.add_argument("--speed", type=float, default=SPEED, help="how fast the practice clock runs")
    asked.add_argument("--seconds", type=float, default=0.0, help="of that clock, in which everybody rings")
    asked.add_argument("--stories", type=int, default=1, help="of how many calls for each law that was broken")
    given = asked.parse_args(arguments)
    broken = 0
    for seed in range(given.seed, given.seed + given.days):
        for day in DAYS if given.day == "all" else (given.day,):
            outcome = spent(day, seed, given.callers, given.speed, given.seconds)
            print(f"{day}: {outcome}", flush=True)
            broken += len(outcome.breaches)
            tell(outcome, given.stories)
    return int(broken > 0)


def tell(outcome: Outcome, stories: int = 1) -> None:
    """Print the stories of so many calls for each law that was broken."""
    told: Counter[str] = Counter()
    for breach in {(breach.law, breach.call): breach for breach in outcome.breaches}.values():
        told[breach.law] += 1
        if told[breach.law] <= stories:
            print(outcome.story(breach), flush=True)


if __name__ == "__main__":
    sys.exit(main())
