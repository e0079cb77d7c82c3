"""Races and crashes that others complain of, on a whole line: real phones, real processes, the practice exchange."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ivr.processes import ending_with_us
from tests.failures.rehearsed import Person, Rehearsed, eventually, kill
from tests.servers import standing_still

# A worker that looks sooner than usual whether one of its children hangs.
WORKER = """
import worker
from ivr import logs
from ivr.settings import Settings
logs.configure("INFO")
worker.Worker(Settings.from_environment(), hung_seconds=8.0).run()
"""
A_MINUTE = 60.0  # for whoever has to be found dead or hung first, on a machine that is busy
FRONT_DESK = ("lucia", "mateo", "grace", "priya")


@pytest.fixture
def line(rehearsed: Rehearsed) -> Rehearsed:
    return rehearsed


def presences(line: Rehearsed) -> dict[str, str]:
    return {id_: now.presence for id_, now in line.record.desk.agents().items()}


def wrap_up(line: Rehearsed) -> None:
    """Whoever has put the phone down is ready for the next caller."""
    for agent, presence in presences(line).items():
        if presence == "wrap_up":
            line.is_free(agent)


# ---------------------------------------------------------------- freeswitch#1062: five agents, and it froze


def test_freeswitch_1062_five_agents_and_a_call_every_few_seconds_do_not_freeze_the_line(line: Rehearsed) -> None:
    """With five agents and 5 to 20 calls a minute the whole module froze, and calls went unanswered until a restart."""
    line.only(*FRONT_DESK, "omar")
    for agent in (*FRONT_DESK, "omar"):
        line.by_itself(agent, "answer", keys="1")
    callers: list[Person] = []
    waiting: list[Person] = []

    def all_are_answered() -> bool:
        for caller in [caller for caller in waiting if "bridged" in caller.kinds]:
            caller.hangs_up()
            waiting.remove(caller)
        wrap_up(line)
        return not waiting

    for _ in range(8):
        callers.append(line.calls("10"))
        waiting.append(callers[-1])
        all_are_answered()
    eventually(all_are_answered, "everybody is answered", seconds=60)
    assert {line.ends(caller)["outcome"] for caller in callers} == {"answered"}
    line.nobody_is_forgotten([caller.call_id for caller in callers])


# ---------------------------------------------------------------- twilio-voice.js#329: the others keep ringing


def test_twilio_voice_js_329_when_one_agent_has_taken_the_call_the_other_phones_stop_ringing(line: Rehearsed) -> None:
    """Two agents were rung, one answered, and the phone of the other went on ringing."""
    line.only("ruth", "daniel", "lucia")
    caller = line.calls("18")
    first, *others = (line.rings(agent) for agent in ("ruth", "daniel", "lucia"))
    first.phone.answer(pace=0.0)
    first.keys("1")
    caller.talks()
    for other in others:
        other.is_rid_of()
    eventually(lambda: sorted(presences(line).values()).count("available") == 2, "the others are free again")
    caller.hangs_up()
    assert line.ends(caller)["outcome"] == "answered"
    line.nobody_is_forgotten([caller.call_id])


# ---------------------------------------------------------------- freeswitch#1973: hung up as somebody answered


def test_freeswitch_1973_callers_who_hang_up_as_the_agent_presses_1_are_never_left_answered(line: Rehearsed) -> None:
    """Members stood there as `Answered` hours after they hung up while an agent was just answering them."""
    gone = []
    for wait in (0.0, 0.02, 0.1):
        caller = line.holds()
        agent = line.rings("grace")
        agent.phone.answer(pace=0.0)
        agent.keys("1")
        time.sleep(wait)
        caller.hangs_up()
        agent.is_rid_of()
        line.is_free("grace")
        gone.append(caller)
    for caller in gone:
        assert line.ends(caller)["outcome"] in ("abandoned", "short_abandon", "answered")
    assert line.record.desk.waiting("central") == []
    line.nobody_is_forgotten([caller.call_id for caller in gone])


# ---------------------------------------------------------------- freeswitch#1641 and #1674: dead threads, two nodes


@contextlib.contextmanager
def second_node(line: Rehearsed) -> Iterator[Path]:
    """Another worker, as on another machine, on the same record; yields where it says what it does."""
    said = line.line.folder / "second.log"
    known = {**line.line.env, **line.settings, "RXLINE_CLOCK_FILE": str(line.line.folder / "var" / "clock.json")}
    with said.open("wb") as log:
        command = ending_with_us([sys.executable, "-c", WORKER])
        process = subprocess.Popen(command, cwd=line.line.folder, env=known, stdout=log, stderr=log)
    try:
        eventually(lambda: len(children(said)) == 5, "the second node is up", A_MINUTE)
        yield said
    finally:
        process.terminate()
        process.wait(20)


def children(said: Path) -> dict[str, int]:
    """The children a worker started last, by name."""
    told = [json.loads(row) for row in said.read_text().splitlines() if row.startswith("{") and row.endswith("}")]
    return {row["child"]: row["child_pid"] for row in told if row["event"] == "child_started"}


@contextlib.contextmanager
def only_the_second(line: Rehearsed) -> Iterator[None]:
    """The first node is dead, and nobody starts it again for as long as the block lasts."""
    parent, *others = line.line.pids("worker.py")
    with standing_still([parent]):
        for child in others:
            kill(child)
        yield
    line.kills_worker()
    line.worker_is_back()


def test_freeswitch_1674_two_nodes_share_one_record_and_one_takes_over_from_the_other(line: Rehearsed) -> None:
    """Two nodes could not work on one database, which was asked for over six years."""
    line.only("grace", "priya")
    with second_node(line) as second:
        callers = [line.holds(), line.holds()]
        for agent in ("grace", "priya"):
            line.answers(agent)
        for caller in callers:
            caller.talks()
        assert (line.rung("grace"), line.rung("priya")) == (1, 1)
        with only_the_second(line):
            callers[0].hangs_up()
            line.is_free("grace")
            callers.append(line.holds())
            line.answers("grace", A_MINUTE)
            callers[2].talks()
            assert line.rung("grace") == 2
            callers[1].hangs_up()
            line.is_free("priya")
            line.rests("priya")
            hangs(line, second, callers)
    assert line.strangers() == []
    line.nobody_is_forgotten([caller.call_id for caller in callers])


def hangs(line: Rehearsed, second: Path, callers: list[Person]) -> None:
    """freeswitch#1641 again: what dispatches is not dead, it only does nothing any more."""
    hung = children(second)["dispatch"]
    os.kill(hung, signal.SIGSTOP)
    callers.append(line.holds())
    line.returns("priya")
    line.answers("priya", A_MINUTE)
    callers[-1].talks()
    assert children(second)["dispatch"] != hung
    for caller in callers[2:]:
        caller.hangs_up()
    assert {line.ends(caller)["outcome"] for caller in callers} == {"answered"}


def test_freeswitch_1641_a_dispatch_that_dies_is_back_before_a_caller_notices(line: Rehearsed) -> None:
    """The thread that dispatched calls died, and until somebody reloaded the module nobody was connected any more."""
    line.rests("grace")
    callers = []
    for _ in range(3):
        callers.append(line.holds())
        line.kills_child("dispatch")
        line.returns("grace")
        line.answers("grace")
        callers[-1].talks()
        callers[-1].hangs_up()
        line.is_free("grace")
        line.rests("grace")
    assert line.rung("grace") == 3
    line.nobody_is_forgotten([caller.call_id for caller in callers])
