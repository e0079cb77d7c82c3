"""Calls while the line is broken: parts of it die, stand still and start again, and afterwards the books are compared.

    python -m bench.chaos                                   2,000 calls and 200 deaths in ten minutes, on PostgreSQL
    python -m bench.chaos --resume var/chaos.json           the same again, counted on, until there were enough
    python -m bench.chaos --calls 200 --faults 20 --seconds 60 --seed 7 --sqlite
    python -m bench.chaos --faults 0 --away 600             nothing dies, but the order system is away for ten minutes

The whole line (web, worker and its children, Valkey, sandbox order system, PostgreSQL) answers callers and staff of
`bench.town`, who do all that people do. One fault at a time, from seeded dice; the next once `/readyz` is green again.
Whatever holds the seed does not hold what the processes make of it: two runs break the same things at other moments.

Prints a line a minute, then what befell whom and how soon it was back, and five zeros: dispositions **lost**;
anything **doubled** (a disposition, a text, a phone rung for nothing, twice at once or more often than promised, two
agents with one caller); calls the order system heard of **disordered** (something before what had come to pass
earlier); callers **silent** for over 5 s (15 s when the web was broken meanwhile); calls, tickets, effects or agents
**stuck** after the sweep. Exits 1 when one of them is not zero, with the story of each.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from bench.breaking import SHARES as PARTS
from bench.breaking import Breaking, Fault, NotGreen
from bench.reckoning import ZEROS, brought, disordered, longest_silence, reckoned
from ivr import away
from ivr.content import load
from tests import servers
from tests.days.day import Day, Evidence, Outcome, Plan, opened, read
from tests.days.judge import Breach
from tests.failures.rehearsed import Rehearsed

SPEED = 4.0  # how fast people, and the line's clock, live
STAFF_PER_CALL_A_SECOND = 16.0
SHARES = {
    "waits for a person": 30,
    "asks a pharmacist": 10,
    "asks about insurance": 8,
    "takes a callback": 14,
    "leaves a message": 6,
    "has it texted": 8,
    "is in danger": 4,
    "cries emergency in the middle": 3,
    "presses the wrong keys": 10,
    "hangs up at any moment": 12,
    "phones twice at once": 3,
}
BREAKS = 0.15
FIRST_HAVE_RUNG_SECONDS = 10.0
SETTLING_SECONDS = 240.0
LOOKS_EVERY_SECONDS = 0.05


@dataclass
class Asked:
    """How much chaos it is to be."""

    seed: int = 1
    calls: int = 2000
    faults: int = 235  # a sixth of them are pauses, and nobody dies of those
    seconds: float = 600.0
    away_seconds: float = 0.0  # of these, from near the beginning, the order system answers nobody
    speed: float = SPEED
    postgres: bool = True
    parts: tuple[str, ...] = tuple(PARTS)
    settling_seconds: float = SETTLING_SECONDS

    def plan(self, database_url: str) -> Plan:
        """Return the kind of day this makes."""
        staff = max(12, min(43, round(STAFF_PER_CALL_A_SECOND * self.calls / self.seconds)))
        return Plan(
            self.seed, self.calls, staff, self.speed, over_seconds=self.seconds * self.speed, database_url=database_url
        )


@dataclass
class Tally:
    """What is counted, over one run or over several."""

    runs: int = 0
    calls: int = 0
    seconds: float = 0.0
    faults: Counter[str] = field(default_factory=Counter)  # "part way"
    green_seconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))  # by part
    outcomes: Counter[str] = field(default_factory=Counter)
    phones_rung: int = 0
    texts: int = 0
    longest_silence: float = 0.0
    zeros: Counter[str] = field(default_factory=Counter)

    @classmethod
    def read(cls, file: Path | None) -> Tally:
        """Return what earlier runs came to; nothing when there was none."""
        if file is None or not file.exists():
            return cls()
        kept = cls(**json.loads(file.read_text()))
        kept.green_seconds = defaultdict(list, kept.green_seconds)
        for name in ("faults", "outcomes", "zeros"):
            setattr(kept, name, Counter(getattr(kept, name)))
        return kept

    def keep(self, file: Path) -> None:
        """Write it down for the next run."""
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(vars(self)))

    @property
    def deaths(self) -> int:
        return sum(times for what, times in self.faults.items() if not what.endswith("paused"))

    def add(self, other: Tally) -> None:
        """Count another run in."""
        for name in ("runs", "calls", "seconds", "phones_rung", "texts"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for name in ("faults", "outcomes", "zeros"):
            getattr(self, name).update(getattr(other, name))
        for part, seconds in other.green_seconds.items():
            self.green_seconds[part].extend(seconds)
        self.longest_silence = max(self.longest_silence, other.longest_silence)

    def __str__(self) -> str:
        broken = f"{self.deaths} deaths and {self.faults.total() - self.deaths} pauses"
        lines = [
            f"{self.calls} calls, {broken} in {self.seconds:.0f} s ({self.runs} runs); {self.phones_rung} phones rung,"
            f" {self.texts} texts; the longest anybody heard nothing: {self.longest_silence:.1f} s",
            f"  {'':<16}{'killed':>8}{'restarted':>11}{'paused':>8}   green again after (p50, p99)",
            *(self._of(part) for part in sorted(self.green_seconds)),
            "  callers: " + ", ".join(f"{outcome} {times}" for outcome, times in self.outcomes.most_common()),
            "  " + ", ".join(f"{name} {self.zeros[name]}" for name in ZEROS),
        ]
        return "\n".join(lines)

    def _of(self, part: str) -> str:
        times = [self.faults[f"{part} {way}"] for way in ("killed", "restarted", "paused")]
        seconds = sorted(self.green_seconds[part])
        p50, p99 = (seconds[min(len(seconds) - 1, int(share * len(seconds)))] for share in (0.5, 0.99))
        return f"  {part:<16}{times[0]:>8}{times[1]:>11}{times[2]:>8}   {p50:6.1f} s {p99:6.1f} s"


@dataclass
class Chaos:
    """One run: what came of it, and what went wrong."""

    outcome: Outcome
    faults: list[Fault]
    tally: Tally

    @property
    def breaches(self) -> list[Breach]:
        return self.outcome.breaches

    def stories(self) -> Iterator[str]:
        """What befell the line meanwhile, what the carrier saw and what the journal has, of each breach."""
        for breach in self.breaches:
            seen = [each.at for each in self.outcome.evidence.log if each.sid == breach.call]
            meanwhile = [fault for fault in self.faults if seen and fault.overlaps(seen[0], seen[-1])]
            befell = [
                f"  {fault.began:10.2f} to {fault.over:.2f}, green at {fault.green:.2f}: {fault}" for fault in meanwhile
            ]
            wanted = self.outcome.wants.get(breach.call, "")
            yield "\n".join((f"{breach.call} {wanted}", *befell, self.outcome.story(breach)))


# ---------------------------------------------------------------- one run


def spent(asked: Asked, folder: Path) -> Chaos:
    """Let so much chaos happen to a line of its own in `folder`, and compare the books."""
    with contextlib.ExitStack() as running:
        postgres = running.enter_context(servers.postgres(durable=True)) if asked.postgres else None
        return asyncio.run(_spent(asked, folder, postgres))


async def _spent(asked: Asked, folder: Path, postgres: servers.Server | None) -> Chaos:
    async with opened(asked.plan(postgres.url if postgres else ""), folder) as (day, rehearsed):
        pharmacy = await asyncio.to_thread(load, folder / "content")
        static = away.documents(pharmacy)
        day.town.wire.static = lambda dialed: static[pharmacy.line_for(dialed).name]
        breaking = Breaking(rehearsed, Random(asked.seed), postgres, asked.parts)
        began = time.monotonic()
        troubles = await _happens(asked, day, rehearsed, breaking, began)
        seconds = time.monotonic() - began
        evidence, settled = await _evening(asked, day, rehearsed)
        ours = await asyncio.to_thread(brought, evidence, rehearsed.record)
        found = reckoned(evidence, day.town.texts, ours, breaking.faults)
        late = await asyncio.to_thread(lambda: list(disordered(evidence, rehearsed.record)))
        breaches = [*troubles, *_endless(settled, evidence), *found, *late]
    outcome = Outcome(
        day.plan, evidence, breaches, Counter(map(str, breaking.faults)), day.wants, settled, seconds,
        day.town.wire.fallbacks, (),
    )  # fmt: skip
    return Chaos(outcome, breaking.faults, _tally(outcome, day, breaking))


async def _happens(asked: Asked, day: Day, rehearsed: Rehearsed, breaking: Breaking, began: float) -> list[Breach]:
    """Everybody calls, and everything breaks, until both are through."""
    beside = [
        asyncio.ensure_future(work)
        for work in (_reports(day, breaking, began), _people_rest(day), day.watches_the_clock())
    ]
    happening = (day.callers(shares=SHARES), _breaks(asked, breaking), _is_away(asked, rehearsed))
    try:
        return [breach for breaches in await asyncio.gather(*happening) for breach in breaches or ()]
    finally:
        for task in beside:
            task.cancel()
        await asyncio.gather(*beside, return_exceptions=True)


async def _breaks(asked: Asked, breaking: Breaking) -> list[Breach]:
    try:
        await breaking.goes_on(asked.faults, asked.seconds)
    except NotGreen as gone:
        return [Breach("stuck", f"the line did not come back: {gone}")]
    return []


async def _is_away(asked: Asked, rehearsed: Rehearsed) -> None:
    """The order system refuses every connection for a while, from when the first have rung."""
    if asked.away_seconds:
        await asyncio.sleep(FIRST_HAVE_RUNG_SECONDS)
        await asyncio.to_thread(rehearsed.order_system, "down", 2 * asked.away_seconds)
        await asyncio.sleep(asked.away_seconds)
        waiting = await asyncio.to_thread(rehearsed.record.outbox.pending)
        await asyncio.to_thread(rehearsed.recovers)
        print(
            f"the order system is back after {asked.away_seconds:g} s: {waiting.get('orders', 0)} writes wait",
            flush=True,
        )


async def _people_rest(day: Day) -> None:
    """Now and then somebody on the staff takes a break; whoever is on one comes back, after missed offers too."""
    dice = day.office_dice
    while True:
        await asyncio.sleep(day.plan.pace * dice.uniform(2, 6))
        await day.office.moves(dice.choice(day.staff), "break" if dice.random() < BREAKS else "available")


async def _reports(day: Day, breaking: Breaking, began: float) -> None:
    """A line a minute; and how late everything here came, for a machine that is busy tells of itself alone."""
    late, minute = 0.0, 0
    while True:
        looked = time.monotonic()
        await asyncio.sleep(LOOKS_EVERY_SECONDS)
        late = max(late, time.monotonic() - looked - LOOKS_EVERY_SECONDS)
        if time.monotonic() - began >= 60 * (minute + 1):
            minute += 1
            print(f"{minute:>4} min: {_so_far(day, breaking)}; the town was late by {late:.2f} s", flush=True)
            late = 0.0


def _so_far(day: Day, breaking: Breaking) -> str:
    callers = [phone for phone in day.town.phones.values() if phone.direction == "inbound"]
    here = sum(not phone.is_over for phone in callers)
    now = next((f", {fault} just now" for fault in breaking.faults[-1:] if not fault.green), "")
    return (
        f"{len(callers)} calls ({here} on the phone), {breaking.deaths} deaths,"
        f" {len(breaking.faults) - breaking.deaths} pauses{now};"
        f" longest silence {longest_silence(callers):.1f} s"
    )


async def _evening(asked: Asked, day: Day, rehearsed: Rehearsed) -> tuple[Evidence, bool]:
    """Everybody works until nothing is left, a day passes, and what was lost is looked for."""
    await day.everybody_sits_down()
    await day.settles(rehearsed, asked.settling_seconds)
    await asyncio.to_thread(rehearsed.later, hours=25)
    await asyncio.to_thread(rehearsed.sweeps)
    settled = await day.settles(rehearsed, asked.settling_seconds)
    return await asyncio.to_thread(read, day, rehearsed), settled


def _endless(settled: bool, evidence: Evidence) -> Iterator[Breach]:
    if not settled:
        yield Breach(
            "stuck", f"it does not come to an end: {dict(evidence.undone)} undone, {len(evidence.waiting)} wait"
        )


def _tally(outcome: Outcome, day: Day, breaking: Breaking) -> Tally:
    green: dict[str, list[float]] = defaultdict(list)
    for fault in breaking.faults:
        if fault.green:
            green[fault.part].append(round(fault.green_seconds, 3))
    return Tally(
        1,
        len(outcome.evidence.inbound),
        outcome.seconds,
        outcome.broke,
        green,
        Counter(body["outcome"] for body in outcome.evidence.dispositions),
        day.town.placed,
        len(day.town.texts),
        longest_silence(phone for phone in day.town.phones.values() if not outcome.evidence.is_staff(phone.sid)),
        Counter(breach.law for breach in outcome.breaches),
    )


# ---------------------------------------------------------------- the command


def main(arguments: Sequence[str] | None = None) -> int:
    """Let chaos happen, and count it."""
    parser = argparse.ArgumentParser(prog="python -m bench.chaos", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--seed", type=int, default=1, help="of the first run; each further one has the next")
    parser.add_argument("--calls", type=int, default=Asked.calls)
    parser.add_argument("--faults", type=int, default=Asked.faults, help="deaths and pauses, if there is time for them")
    parser.add_argument("--seconds", type=float, default=Asked.seconds, help="in which all of them ring")
    parser.add_argument("--away", type=float, default=0.0, help="for so many of them the order system is away")
    parser.add_argument("--speed", type=float, default=SPEED, help="how fast people and the line's clock live")
    parser.add_argument("--sqlite", action="store_true", help="without PostgreSQL")
    parser.add_argument(
        "--part", choices=PARTS, action="append", help="breaks; may be given again; all, when not given"
    )
    parser.add_argument("--resume", type=Path, metavar="STATE", help="a file in which runs are counted on")
    options = parser.parse_args(arguments)
    told = Tally.read(options.resume)
    asked = Asked(
        options.seed + told.runs, options.calls, options.faults, options.seconds, options.away, options.speed,
        not options.sqlite, tuple(options.part or PARTS),
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        chaos = spent(asked, Path(folder))
    return _told(chaos, told, options.resume)


def _told(chaos: Chaos, told: Tally, state: Path | None) -> int:
    for story in chaos.stories():
        print(story, flush=True)
    print(f"seed {chaos.outcome.plan.seed}: {chaos.tally}")
    told.add(chaos.tally)
    if state is not None:
        told.keep(state)
        print(f"all runs: {told}")
    return int(told.zeros.total() > 0)


if __name__ == "__main__":
    sys.exit(main())
