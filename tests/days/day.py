"""A day on the real line: a town of robots around the processes of `make run`, and an evening in which all is read."""

from __future__ import annotations

import asyncio
import contextlib
import time
from bisect import bisect
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from random import Random

from bench.carrier import Rest
from bench.town import Owner, Phone, Town
from bench.wire import Faults, Wire
from ivr.content import load
from ivr.core.call import Call
from ivr.phone.client import Phones
from ivr.settings import PRACTICE_ACCOUNT_SID, PRACTICE_AUTH_TOKEN
from ivr.store import Record
from tests.days import people
from tests.days.judge import Breach, Evidence, Told, judged, told
from tests.days.line import content
from tests.days.office import Office, office_of
from tests.failures.rehearsed import Rehearsed
from tests.whole_line import WholeLine, whole_line

MORNING = "2026-11-24T10:00-05:00"
EVENING, NIGHT, QUIET_IS_OVER = "2026-11-23T19:30-05:00", "2026-11-24T02:00-05:00", "2026-11-24T09:00-05:00"
BEFORE_IT_IS = "2026-11-24T08:58:40-05:00"
LINE = "+12125550110"
IMPATIENT = 0.25
LONGEST_WAIT_SECONDS = 1800.0
SLOW_REPLY_SECONDS = 1.0  # of our own clock; how fast we answer is measured elsewhere (`bench.flood`)
SETTLING_SECONDS = 90.0  # of our own clock, at the most: a busy machine takes its time
CHILDREN = ("dispatch", "relay", "telephony", "orders", "sweep")
MOST_DEATHS = 4  # of one program: at the sixth in a minute whoever watches over it gives up
SHARES = {
    "waits for a person": 26,
    "asks about insurance": 10,
    "asks a pharmacist": 10,
    "takes a callback": 14,
    "leaves a message": 4,
    "is in danger": 5,
    "cries emergency in the middle": 5,
    "presses the wrong keys": 12,
    "hangs up at any moment": 10,
    "phones twice at once": 4,
}
LATE = {"takes a callback": 8, "leaves a message": 2, "is in danger": 1}
EARLY = {"waits for a person": 8, "asks a pharmacist": 3, "is in danger": 1}


@dataclass
class Plan:
    """What kind of day it is to be; seconds are the town's, and `speed` of them pass in one of ours."""

    seed: int
    callers: int = 40
    staff: int = 20
    speed: float = 8.0
    over_seconds: float = 100.0  # in which all of them ring …
    breaks_over_seconds: float = 200.0  # … and in which things break
    faults: Faults = field(default_factory=Faults)
    breaks: tuple[str, ...] = ()  # what dies in the course of the day: `web`, `worker`, `flush`, a child
    database_url: str = ""
    night: bool = False  # an evening with nobody there, a night, and a morning with few

    @property
    def pace(self) -> float:
        return 1 / self.speed


class Day:
    """One day: who calls, who works, and what breaks."""

    def __init__(self, plan: Plan, line: WholeLine, town: Town, office: Office, staff: Mapping[str, str]) -> None:
        self.plan = plan
        self.line = line
        self.town = town
        self.office = office
        self.staff = sorted(staff)
        self.dice = Random(plan.seed)
        self.office_dice = Random(plan.seed + 1)  # of their own: who calls for what hangs on nobody's pace
        self.wants: dict[str, str] = {}  # by sid
        self.broke: Counter[str] = Counter()
        self.troubles: list[tuple[float, float]] = []
        self.evening = plan.night  # everybody does as they should
        self.opens_at: datetime | None = None
        self.clock: list[tuple[float, datetime]] = []  # the town's, by ours
        self._owners: dict[str, Owner] = {
            staff[agent]: people.Staff(Random(self.dice.random()), self._habits, plan.pace) for agent in self.staff
        }
        self._numbers = iter(self.dice.sample(range(2_000_000, 9_999_999), 5 * plan.callers))

    # ------------------------------------------------------------ who is there

    def owner_of(self, number: str) -> Owner:
        """Whoever picks up a number that the line rings."""
        if number not in self._owners:
            self._owners[number] = people.Answering(self.plan.pace)
        return self._owners[number]

    def _habits(self) -> dict[str, int]:
        return people.GOOD if self.evening else people.HABITS

    def _caller(self, wants: str, number: str) -> people.Caller:
        caller = people.Caller(wants, Random(self.dice.random()))
        caller.pace = self.plan.pace
        self._owners[number] = caller
        return caller

    # ------------------------------------------------------------ callers

    async def callers(self, share: float = 1.0, shares: Mapping[str, int] = SHARES) -> None:
        """Everybody rings, each at their time."""
        many, seconds = round(share * self.plan.callers), share * self.plan.over_seconds
        moments = sorted(self.dice.uniform(0, seconds) for _ in range(many))
        began, calls = time.monotonic(), []
        for at in moments:
            await asyncio.sleep(max(0.0, at * self.plan.pace - (time.monotonic() - began)))
            [wants] = self.dice.choices(list(shares), list(shares.values()))
            number = people.NUMBERS.get(wants) or f"+1646{next(self._numbers)}"
            calls.append(asyncio.ensure_future(self._calls(wants, number)))
            if wants == "phones twice at once":
                calls.append(asyncio.ensure_future(self._calls("waits for a person", number)))
            if wants == "takes a callback" and self.dice.random() < 0.4:
                calls.append(asyncio.ensure_future(self._calls_again(number)))
        await asyncio.gather(*calls)

    async def _calls_again(self, number: str) -> None:
        await asyncio.sleep(self.plan.pace * self.dice.uniform(40, 120))
        await self._calls("presses the wrong keys", number)

    async def _calls(self, wants: str, number: str) -> None:
        town, pace = self.town, self.plan.pace
        phone = Phone(town.sid(), number, LINE, "inbound", self._caller(wants, number), "/voice/status")
        self.wants[phone.sid] = wants
        if (patience := self._patience(wants)) is not None:
            town.start(people.loses_patience(phone, patience * pace))
        began = time.monotonic()
        await town.dials(phone, "/voice/incoming", LONGEST_WAIT_SECONDS * pace)
        if time.monotonic() - began >= LONGEST_WAIT_SECONDS * pace:
            phone.hung_up_themselves = False  # they would be there still

    def _patience(self, wants: str) -> float | None:
        """After how long they hang up with nobody there; most wait for as long as it takes."""
        if wants == "hangs up at any moment":
            return self.dice.uniform(1, 60)
        return self.dice.uniform(30, 120) if self.dice.random() < IMPATIENT else None

    # ------------------------------------------------------------ what the office does

    async def people_come_and_go(self) -> None:
        """They sit down and go, also while their phone rings, and come back."""
        while not self.evening:
            await asyncio.sleep(self.plan.pace * self.office_dice.uniform(5, 15))
            agent = self.office_dice.choice(self.staff)
            await self.office.moves(agent, self.office_dice.choice(("break", "out", "available")))

    async def night(self) -> None:
        """In the evening and at night nobody is there; in the morning few are, and callers ring around nine."""
        for agent in self.staff:
            await self.office.moves(agent, "out")
        await self.callers(0.35, LATE)
        await asyncio.to_thread(self.line.set_clock, NIGHT)
        await self.callers(0.15)
        await asyncio.to_thread(self.line.set_clock, BEFORE_IT_IS)
        self.opens_at = datetime.fromisoformat(QUIET_IS_OVER)
        for agent in self.staff[: len(self.staff) // 2]:
            await self.office.moves(agent, "available")
        await self.callers(0.5, EARLY)

    async def everybody_sits_down(self) -> None:
        self.evening = True
        for agent in self.staff:
            await self.office.moves(agent, "available")

    async def watches_the_clock(self) -> None:
        """Note what the town's clock shows: it is set forward now and then."""
        while True:
            self.clock.append((time.monotonic(), self.line.now()))
            await asyncio.sleep(0.25)

    def slow(self) -> list[tuple[datetime, datetime]]:
        """When somebody waited too long for a document, by the town's clock, with what was decided before and after."""
        late = [reply for reply in self.town.wire.replies if reply.seconds > SLOW_REPLY_SECONDS]
        return [(self._at(reply.at - reply.seconds - 1.0), self._at(reply.at + SLOW_REPLY_SECONDS)) for reply in late]

    def _at(self, at: float) -> datetime:
        ours, theirs = self.clock[max(0, bisect([seen for seen, _ in self.clock], at) - 1)]
        return theirs + timedelta(seconds=(at - ours) / self.plan.pace)

    # ------------------------------------------------------------ what breaks

    async def breaks(self, rehearsed: Rehearsed) -> None:
        """One thing after another dies, spread over the day."""
        ways = {"web": rehearsed.kills_web, "worker": rehearsed.kills_worker, "flush": rehearsed.flushes_valkey}
        for what in self.plan.breaks:
            await asyncio.sleep(self.plan.pace * self.plan.breaks_over_seconds / (len(self.plan.breaks) + 1))
            self.broke[what] += 1
            kill = ways.get(what) or (lambda child=what: rehearsed.kills_child(child))
            began = time.monotonic()
            await asyncio.to_thread(kill)
            if what == "web":
                await asyncio.to_thread(self.line.wait_until_ready)
                self.troubles.append((began - 6.0, time.monotonic() + 1.0))

    # ------------------------------------------------------------ the evening

    async def settles(self, rehearsed: Rehearsed, seconds: float) -> bool:
        """Wait until nobody is on the phone and nothing is to be done, callbacks that wait for their time apart."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            live = [phone for phone in self.town.phones.values() if not phone.is_over]
            if not live and not await asyncio.to_thread(_busy, rehearsed):
                return True
            await asyncio.sleep(0.2)
        return False


def _busy(rehearsed: Rehearsed) -> bool:
    desk = rehearsed.record.desk
    held = any(agent.presence in ("offered", "on_call", "wrap_up") for agent in desk.agents().values())
    line = any(ticket.kind != "voicemail" for ticket in desk.waiting("central"))
    return held or line or any(rehearsed.record.outbox.pending().values()) or bool(desk.open_offers())


# ---------------------------------------------------------------- the whole of it


@dataclass
class Outcome:
    """What came of a day."""

    plan: Plan
    evidence: Evidence
    breaches: list[Breach]
    broke: Counter[str]
    wants: dict[str, str]
    settled: bool
    seconds: float
    fallbacks: int
    phases: tuple[float, ...]  # until the line answered, until the last had called, until all was done (seconds)

    def __str__(self) -> str:
        outcomes = Counter(body["outcome"] for body in self.evidence.dispositions)
        codes = Counter(body["code"] for body in self.evidence.dispositions)
        offers = sum(len(call.offers) for call in self.evidence.calls.values())
        lines = [
            f"seed {self.plan.seed}: {len(self.evidence.inbound)} calls, {most_at_once(self.evidence)} of them at once,"
            f" {self.plan.staff} staff, {self.seconds:.0f} s"
            f" at x{self.plan.speed:g}; broken: {dict(self.broke) or 'nothing'}; fallbacks {self.fallbacks};"
            f" {' + '.join(f'{seconds:.0f} s' for seconds in self.phases)}",
            f"  outcomes {dict(outcomes)}; codes {dict(codes)}; offers {offers}; settled {self.settled};"
            f" {len(self.evidence.slow)} replies took over {SLOW_REPLY_SECONDS:g} s",
            *(f"  BROKEN {breach.law}: {breach.what} [{breach.call}] {self.wants.get(breach.call, '')}"
              for breach in self.breaches),
        ]  # fmt: skip
        return "\n".join(lines)

    def story(self, breach: Breach) -> str:
        """What the carrier saw of the call, and its journal."""
        id_ = self.evidence.call_of.get(breach.call) or breach.call
        sids = [sid for sid, call in self.evidence.call_of.items() if call == id_] or [breach.call]
        seen = [f"  {each.at:10.2f} {each.sid[-4:]} {each.what} {each.detail[:110]}"
                for each in self.evidence.log if each.sid in sids]  # fmt: skip
        kept = [f"  {line.at:%H:%M:%S.%f} {(line.leg or '')[:6]} {dict(line.event)}"[:240]
                for line in self.evidence.journals.get(id_, ())]  # fmt: skip
        return "\n".join((f"seed {self.plan.seed}: {breach.law}: {breach.what}", *seen, *kept))


def most_at_once(day: Evidence) -> int:
    """How many callers were on the phone at the fullest moment."""
    callers, here, most = {phone.sid for phone in day.inbound}, 0, 0
    for each in day.log:
        if each.sid in callers:
            here += (each.what == "rings") - (each.what == "over")
            most = max(most, here)
    return most


def spend(plan: Plan, folder: Path) -> Outcome:
    """Live through a day in `folder` and judge it."""
    return asyncio.run(_spend(plan, folder))


async def _spend(plan: Plan, folder: Path) -> Outcome:
    began = time.monotonic()
    async with opened(plan, folder) as (day, rehearsed):
        phases = [time.monotonic()]
        town_clock = asyncio.ensure_future(day.watches_the_clock())
        going_on = [asyncio.ensure_future(work) for work in (day.people_come_and_go(), day.breaks(rehearsed))]
        await (day.night() if plan.night else day.callers())
        day.evening = True
        await asyncio.gather(*going_on)
        phases.append(time.monotonic())
        settled = await _evening(day, rehearsed)
        phases.append(time.monotonic())
        town_clock.cancel()
        evidence = await asyncio.to_thread(read, day, rehearsed)
    endless = [] if settled else [Breach("the day comes to an end", "somebody is on the phone, or something undone")]
    outcome = Outcome(
        plan, evidence, [*endless, *judged(evidence)], day.broke, day.wants, settled, time.monotonic() - began,
        day.town.wire.fallbacks, tuple(later - earlier for earlier, later in pairwise((began, *phases))),
    )  # fmt: skip
    return outcome


async def _evening(day: Day, rehearsed: Rehearsed) -> bool:
    """Everybody works until nothing is left, then a day passes, and whatever was lost is looked for."""
    day.town.wire.faults = Faults()
    await day.everybody_sits_down()
    await day.settles(rehearsed, SETTLING_SECONDS)
    await asyncio.to_thread(rehearsed.later, hours=25)
    await asyncio.to_thread(rehearsed.sweeps)
    return await day.settles(rehearsed, SETTLING_SECONDS)


@contextlib.asynccontextmanager
async def opened(plan: Plan, folder: Path) -> AsyncIterator[tuple[Day, Rehearsed]]:
    """A line of the day's own, with the town around it."""
    made = content(folder / "content", plan.staff)
    (folder / "line").mkdir()
    town = Town(Wire(0, "", ""), Random(plan.seed), pace=plan.pace)
    async with Rest(town).serve() as address, _line_of(plan, folder / "line", made, address) as line:
        wire = Wire(line.web_port, line.web, PRACTICE_AUTH_TOKEN, plan.faults, Random(plan.seed), repeats=True)
        town.wire, town.now = wire, line.now
        staff = {agent.id: agent.address for agent in load(folder / "content").staff.values()}
        with Phones(line.exchange) as phones, contextlib.closing(Rehearsed(line, phones)) as rehearsed:
            async with office_of(line) as office:
                day = Day(plan, line, town, office, staff)
                town.owner_of = day.owner_of
                yield day, rehearsed
        await town.empties()
        await wire.close()


@contextlib.asynccontextmanager
async def _line_of(plan: Plan, folder: Path, made: Path, address: str) -> AsyncIterator[WholeLine]:
    clock = f"{EVENING if plan.night else MORNING} x{plan.speed:g}"
    env = {"DATABASE_URL": plan.database_url} if plan.database_url else {}
    opening = whole_line(folder, clock, RXLINE_CONTENT=str(made), TWILIO_API_URL=address, **env,
                         TWILIO_ACCOUNT_SID=PRACTICE_ACCOUNT_SID, TWILIO_AUTH_TOKEN=PRACTICE_AUTH_TOKEN)  # fmt: skip
    line = await asyncio.to_thread(opening.__enter__)
    try:
        yield line
    finally:
        await asyncio.to_thread(opening.__exit__, None, None, None)


def read(day: Day, rehearsed: Rehearsed) -> Evidence:
    """Read what the carrier, the order system and the record know of the day."""
    record, calls, journals = rehearsed.record, dict[str, Call](), dict[str, list[Told]]()
    for phone in [phone for phone in day.town.phones.values() if phone.direction == "inbound"]:
        loaded = record.load_call(phone.sid)
        if loaded is not None:
            calls[phone.sid] = loaded.call
            journals[phone.sid] = told(record.journal(phone.sid))
    placed = [phone.sid for phone in day.town.phones.values() if phone.direction == "outbound-api"]
    return Evidence(
        load(Path(day.line.env["RXLINE_CONTENT"])),
        day.town.phones,
        day.town.log,
        rehearsed.written("dispositions"),
        calls,
        journals,
        {agent: now.presence for agent, now in record.desk.agents().items()},
        record.desk.waiting("central"),
        record.outbox.pending(),
        [sid for sid in placed if record.leg_of_sid(sid) is None],
        day.town.wire.differed,
        rehearsed.written("tasks"),
        day.plan.pace,
        day.troubles,
        day.slow(),
        day.opens_at,
        _call_of_each(record, calls, [*day.town.phones]),
    )


def _call_of_each(record: Record, calls: Mapping[str, Call], sids: list[str]) -> dict[str, str]:
    legs = {leg: id_ for id_, call in calls.items() for leg in call.legs}
    return {sid: legs.get(record.leg_of_sid(sid) or "", "") for sid in sids}
