"""Five hundred calls at once: forty callers a second until they are there, then as many as leave.

    python -m bench.flood                    SQLite, as `make run` serves it
    python -m bench.flood --calls 200 --seconds 60

The whole line (web, worker, Valkey, sandbox order system) answers real signed webhooks; callers and staff are
`bench.town`, in real time: some ask for a person and wait, some walk through menus, some take a callback. All of it
runs on the machine's own cores, the town too. Exits 1 when a turn's p99 passes 250 ms, a reply was no TwiML, or a
caller heard nothing for longer than 5 s.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path
from random import Random

from bench.carrier import Rest
from bench.town import Owner, Phone, Town
from bench.wire import Wire
from ivr.settings import PRACTICE_ACCOUNT_SID, PRACTICE_AUTH_TOKEN
from tests.whole_line import WholeLine, whole_line

ARRIVALS_A_SECOND = 40.0
CALL_SECONDS = 125.0
WORST_TURN_MS, LONGEST_SILENCE_SECONDS = 250.0, 5.0
PARTS = ("gunicorn", "worker.py", "valkey", "sandbox", "publish")
NUMBERS = ("+12125550110", "+12125550111")
# What callers do, and how many of a hundred: keys in order, then they listen and wait.
HABITS = {
    "waits for a person": (50, ["1", "0"]),
    "walks through menus": (30, ["1", "3", "9", "2", "9", "4", "9", "3", "9", "2", "9", "4", "9"]),
    "takes a callback": (10, ["1", "0", "1", "1"]),
    "leaves it at the notice": (9, []),
    "is in danger": (1, ["1", "8"]),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Flood the line and print what its turns took."""
    parser = argparse.ArgumentParser(prog="python -m bench.flood", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--calls", type=int, default=500, help="at once")
    parser.add_argument("--seconds", type=float, default=150.0, help="after the first call")
    options = parser.parse_args(arguments)
    return asyncio.run(_flood(options.calls, options.seconds))


async def _flood(calls: int, seconds: float) -> int:
    town = Town(Wire(0, "", ""), Random(7))
    with tempfile.TemporaryDirectory() as folder:
        async with Rest(town).serve() as address:
            await _at(address, Path(folder), town, calls, seconds)
    return _report(town)


async def _at(address: str, folder: Path, town: Town, calls: int, seconds: float) -> None:
    opening = whole_line(folder, TWILIO_API_URL=address, TWILIO_ACCOUNT_SID=PRACTICE_ACCOUNT_SID,
                         TWILIO_AUTH_TOKEN=PRACTICE_AUTH_TOKEN, LOG_LEVEL="WARNING")  # fmt: skip
    line = await asyncio.to_thread(opening.__enter__)
    try:
        town.wire = Wire(line.web_port, line.web, PRACTICE_AUTH_TOKEN)
        before = _cpu_seconds(line)
        await _callers(town, calls, seconds)
        _show_cpu(before, _cpu_seconds(line), seconds)
        await town.wire.close()
    finally:
        await asyncio.to_thread(opening.__exit__, None, None, None)


async def _callers(town: Town, most: int, seconds: float) -> None:
    began = time.perf_counter()
    at_once = 0
    live: set[asyncio.Task[None]] = set()
    while (now := time.perf_counter() - began) < seconds:
        if len(live) < most:
            task = asyncio.ensure_future(_one(town))
            live.add(task)
            task.add_done_callback(live.discard)
        at_once = max(at_once, len(live))
        if sys.stderr.isatty():
            print(f"\r{now:5.0f} s, {len(live)} calls", end="", file=sys.stderr, flush=True)
        await asyncio.sleep(1 / ARRIVALS_A_SECOND)
    print(f"\nat most {at_once} calls at once, {town.placed} phones rung, {town.talks} talks")
    for task in live:
        task.cancel()
    await asyncio.gather(*live, return_exceptions=True)
    await town.empties()


async def _one(town: Town) -> None:
    [habit] = town.random.choices(list(HABITS), [share for share, _ in HABITS.values()])
    number = f"+1646555{town.random.randrange(10_000):04}"
    owner = Owner(list(HABITS[habit][1]), town.random.uniform(2.0, 5.0), town.random.uniform(30.0, 60.0))
    phone = Phone(town.sid(), number, NUMBERS[0], "inbound", owner, "/voice/status")
    await town.dials(phone, "/voice/incoming", CALL_SECONDS * town.random.uniform(0.8, 1.2))


def _cpu_seconds(line: WholeLine) -> dict[str, float]:
    """CPU seconds so far of each process of the line, by what it is; and of this one, the town."""
    seconds = {"the town": time.process_time()}
    for pid in line.pids(""):
        with contextlib.suppress(OSError):
            stat = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            name = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
            what = next((part for part in PARTS if part in name), "other")
            key = f"{what} {pid}"
            seconds[key] = (int(stat[11]) + int(stat[12])) / os.sysconf("SC_CLK_TCK")
    return seconds


def _show_cpu(before: dict[str, float], after: dict[str, float], seconds: float) -> None:
    used = {name: spent - before.get(name, 0.0) for name, spent in after.items()}
    for name, spent in sorted(used.items(), key=lambda pair: -pair[1]):
        if spent > seconds / 100:
            print(f"  {name:<24}{spent / seconds:6.0%} of a core")


def _report(town: Town) -> int:
    by_exit: dict[str, list[float]] = defaultdict(list)
    for reply in town.wire.replies:
        by_exit[reply.exit].append(1000 * reply.seconds)
    turns = [ms for exit_, times in by_exit.items() if exit_ not in ("status",) for ms in times]
    for name, times in [*sorted(by_exit.items()), ("every turn", turns)]:
        shown = "   ".join(
            f"p{share:.0%} {_share(times, share):6.1f} ms".replace("%", "") for share in (0.5, 0.95, 0.99)
        )
        print(f"{name:<12}{len(times):>7} requests   {shown}   worst {max(times):7.1f} ms")
    wrong = Counter(reply.status for reply in town.wire.replies if reply.status != 200)
    silence = max((phone.longest_silence for phone in town.phones.values()), default=0.0)
    print(f"replies that were none: {dict(wrong) or 'none'}; the longest a caller heard nothing: {silence:.2f} s")
    is_fine = _share(turns, 0.99) < WORST_TURN_MS and silence < LONGEST_SILENCE_SECONDS and not wrong
    return 0 if is_fine else 1


def _share(times: list[float], share: float) -> float:
    return sorted(times)[min(len(times) - 1, int(share * len(times)))] if times else 0.0


if __name__ == "__main__":
    sys.exit(main())
