"""Several programs run as one, and none of them left behind. Each test is a process of its own with stand-ins."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ivr.processes import TICK_SECONDS, Processes, Program

WAIT_SECONDS = 10.0
RUNNER = """
import json, os, sys
from pathlib import Path
from ivr.processes import CouldNotRun, Processes, Program

def program(name, script, file="", **how):
    not_ready = lambda: "" if not file or Path(file).exists() else "no file yet"
    command = script if isinstance(script, list) else ["sh", "-c", script]
    return Program(name, command, os.environ, not_ready, **how)

told = json.loads(sys.argv[1])
with Processes([each["name"] for each in told], stop_seconds=2) as processes:
    try:
        processes.start(*(program(**each) for each in told))
        processes.wait_until_ready(0.5)
        processes.say("ready")
        code = processes.watch()
    except CouldNotRun as error:
        processes.say(str(error))
        code = 2
sys.exit(code)
"""
SLEEPS = "echo pid $$; exec sleep 60"
FORKS = "sleep 60 & echo pid $!; echo leader $$; wait"  # as a web server with a worker does


class Runner:
    """A running runner: what it says, and its end."""

    def __init__(self, output: Path, *programs: dict[str, object]) -> None:
        self._output = output
        with output.open("w") as written:
            self.process = subprocess.Popen(
                [sys.executable, "-c", RUNNER, json.dumps(programs)], stdout=written, stderr=written
            )

    @property
    def said(self) -> str:
        return self._output.read_text()

    def pids(self, word: str = "pid") -> list[int]:
        return [int(pid) for pid in re.findall(rf"\| {word} (\d+)", self.said)]

    def waits_for(self, text: str, times: int = 1) -> None:
        until(lambda: len(re.findall(text, self.said)) >= times, lambda: f"{text!r} in:\n{self.said}")

    def ends(self) -> int:
        return self.process.wait(WAIT_SECONDS)


def until(true: Callable[[], bool], what: Callable[[], str]) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while not true():
        assert time.monotonic() < deadline, f"waited too long for {what()}"
        time.sleep(0.02)


def lives(pid: int) -> bool:
    """A process that ended but was not reaped (its new parent may be slow) does not live."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Callable[..., Runner]]:
    runners: list[Runner] = []

    def start(*programs: dict[str, object]) -> Runner:
        runners.append(Runner(tmp_path / f"output{len(runners)}", *programs))
        return runners[-1]

    yield start
    for runner in runners:
        runner.process.kill()
        runner.process.wait()
        for pid in runner.pids():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def test_each_line_says_whose_it_is_and_is_made_readable(run: Callable[..., Runner], tmp_path: Path) -> None:
    logged, written = json.dumps({"event": "turn taken", "level": "info", "node": "menu"}), tmp_path / "written"
    runner = run(
        {"name": "web", "script": f"echo '{logged}'; printf 'no end of line'; touch {written}; exec sleep 60"},
        {"name": "worker", "script": "echo some advice; echo up >&2; exec sleep 60", "hides": "advice"},
    )
    runner.waits_for("ready")
    runner.waits_for(r"worker \| up")
    until(written.exists, lambda: "a line without an end")
    runner.process.terminate()

    assert runner.ends() == 0
    assert re.search(r"web    \| \[info +\] turn taken +node=menu", runner.said)
    assert "worker | up" in runner.said
    assert "advice" not in runner.said
    assert "web    | no end of line" in runner.said


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_asked_to_stop_it_stops_everything_and_leaves_nothing_behind(
    run: Callable[..., Runner], how: signal.Signals
) -> None:
    runner = run({"name": "web", "script": FORKS}, {"name": "worker", "script": SLEEPS})
    runner.waits_for("ready")
    runner.process.send_signal(how)

    assert runner.ends() == 0
    assert len(runner.pids()) == 2
    assert not any(lives(pid) for pid in runner.pids())


def test_a_program_that_will_not_stop_is_ended_by_force(run: Callable[..., Runner]) -> None:
    runner = run({"name": "deaf", "script": "trap '' TERM; echo pid $$; while :; do sleep 0.1; done"})
    runner.waits_for("pid")
    runner.process.terminate()

    assert runner.ends() == 0
    assert not lives(runner.pids()[0])


def test_a_second_ctrl_c_does_not_wait(run: Callable[..., Runner]) -> None:
    runner = run({"name": "deaf", "script": "trap 'echo heard' TERM; echo pid $$; while :; do sleep 0.1; done"})
    runner.waits_for("pid")
    runner.process.send_signal(signal.SIGINT)
    runner.waits_for("heard")
    began = time.monotonic()
    runner.process.send_signal(signal.SIGINT)

    assert runner.ends() == 0
    assert time.monotonic() - began < 1.6
    assert not lives(runner.pids()[0])


def test_what_others_need_stops_last(run: Callable[..., Runner]) -> None:
    script = "trap 'sleep 0.2; echo {0} over; exit' TERM; echo {0} up; while :; do sleep 0.05; done"
    runner = run(
        {"name": "valkey", "script": script.format("valkey"), "stops_last": True},
        {"name": "web", "script": script.format("web")},
    )
    runner.waits_for("up", times=2)
    runner.process.terminate()
    runner.ends()

    assert runner.said.index("web over") < runner.said.index("valkey over")


@pytest.mark.parametrize(
    ("end", "why"), [("exit 3", "ended by itself with exit code 3"), ("kill -9 $$", "was ended by SIGKILL")]
)
def test_a_death_nothing_can_go_on_without_is_named_and_stops_everything(
    run: Callable[..., Runner], tmp_path: Path, end: str, why: str
) -> None:
    go = tmp_path / "go"
    runner = run(
        {"name": "sandbox", "script": f"while [ ! -e {go} ]; do sleep 0.02; done; {end}"},
        {"name": "web", "script": SLEEPS, "restarts": True},
    )
    runner.waits_for("ready")
    go.touch()

    assert runner.ends() == 1
    assert f"rxline  | sandbox {why}; stopping everything" in runner.said
    assert not any(lives(pid) for pid in runner.pids())


def test_a_web_server_killed_with_9_is_started_again_without_its_old_workers(run: Callable[..., Runner]) -> None:
    runner = run({"name": "web", "script": FORKS, "restarts": True})
    runner.waits_for("ready")
    runner.waits_for("leader")
    os.kill(runner.pids("leader")[0], signal.SIGKILL)
    runner.waits_for("leader", times=2)
    old, new = runner.pids()
    runner.process.terminate()

    assert runner.ends() == 0
    assert "web was ended by SIGKILL; starting it again" in " ".join(runner.said.split())
    assert not lives(old)
    assert not lives(new)


def test_a_program_that_keeps_dying_is_given_up(run: Callable[..., Runner], tmp_path: Path) -> None:
    go = tmp_path / "go"
    runner = run({"name": "web", "script": f"while [ ! -e {go} ]; do sleep 0.02; done; exit 7", "restarts": True})
    runner.waits_for("ready")
    go.touch()

    assert runner.ends() == 1
    assert len(re.findall("exit code 7; starting it again", runner.said)) == 5
    assert "exit code 7, for the 6th time in a minute; stopping everything" in runner.said


def test_a_death_before_all_is_ready_stops_the_start(run: Callable[..., Runner], tmp_path: Path) -> None:
    runner = run(
        {"name": "web", "script": "echo no such module; exit 1", "restarts": True, "file": str(tmp_path / "never")},
        {"name": "worker", "script": SLEEPS},
    )

    assert runner.ends() == 2
    assert "web    | no such module" in runner.said
    assert "rxline | web ended by itself with exit code 1; its last lines are above" in runner.said
    assert not any(lives(pid) for pid in runner.pids())


def test_what_does_not_become_ready_is_named_with_the_reason(run: Callable[..., Runner], tmp_path: Path) -> None:
    runner = run({"name": "web", "script": SLEEPS, "file": str(tmp_path / "never")})

    assert runner.ends() == 2
    assert "not ready after 0 s: web: no file yet" in runner.said


def test_a_talkative_program_is_not_asked_more_often_whether_it_is_ready() -> None:
    asked_at: list[float] = []

    def not_ready() -> str:
        asked_at.append(time.monotonic())
        return "not yet" if len(asked_at) < 4 else ""

    talkative = ["sh", "-c", "while :; do echo beat; sleep 0.005; done"]
    with Processes(["web"], stop_seconds=2) as processes:
        processes.start(Program("web", talkative, os.environ, not_ready))
        processes.wait_until_ready(5)

    assert all(later - earlier >= TICK_SECONDS for earlier, later in itertools.pairwise(asked_at))


def test_a_program_that_is_not_installed_is_named(run: Callable[..., Runner]) -> None:
    runner = run({"name": "worker", "script": SLEEPS}, {"name": "web", "script": ["no-such-program"]})

    assert runner.ends() == 2
    assert "web: `no-such-program` is not there to execute" in runner.said
    assert not any(lives(pid) for pid in runner.pids())


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux can end programs with whoever started them")
def test_when_the_runner_is_killed_with_9_its_programs_end_too(run: Callable[..., Runner]) -> None:
    runner = run({"name": "web", "script": SLEEPS})
    runner.waits_for("pid")
    runner.process.kill()

    until(lambda: not lives(runner.pids()[0]), lambda: "the program to end")


def test_when_nobody_reads_its_output_any_more_it_stops_everything(tmp_path: Path) -> None:
    beats = f"echo $$ > {tmp_path / 'pid'}; while :; do echo beat; sleep 0.05; done"
    with subprocess.Popen(
        [sys.executable, "-c", RUNNER, json.dumps([{"name": "web", "script": beats}])],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as runner:
        assert runner.stdout is not None
        assert runner.stdout.readline()
        runner.stdout.close()

        runner.wait(WAIT_SECONDS)
        assert not lives(int((tmp_path / "pid").read_text()))
