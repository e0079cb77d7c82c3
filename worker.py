"""The background process: `python worker.py` keeps five children running, each a process of its own.

dispatch   who is offered which ticket, timers, and the calls we place and texts we send
relay      effects committed and not done, to RQ or round it
telephony  RQ: moving and ending legs
orders     RQ: the order system
sweep      Twilio's own lists, and the order system's events, against our record
"""

from __future__ import annotations

import ctypes
import logging
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from functools import cached_property, partial
from multiprocessing.context import ForkProcess
from pathlib import Path
from types import FrameType
from typing import Any

import structlog
from redis import Redis
from redis.exceptions import RedisError
from rq import SimpleWorker
from rq.exceptions import StopRequested

from ivr import jobs, keeping, logs, sweep
from ivr.clock import Clock, ClockRefused
from ivr.content import folder, load_files
from ivr.dispatch import Dispatch
from ivr.doors import Doors
from ivr.leases import Leases, this_process
from ivr.live import connection
from ivr.news import BELL, Newsroom
from ivr.parts import serve
from ivr.placing import Placing
from ivr.relay import Relay
from ivr.settings import Settings, SettingsRefused
from ivr.store import Misuse, Record, Unreachable
from ivr.switchboard import Switchboard
from ivr.telephony.rest import Telephone
from ivr.texting import Texting

log = structlog.get_logger("worker")

COULD_NOT_RUN = 2
TICK_SECONDS = 0.1
STOP_SECONDS = 4.0
RESTART_SECONDS = 0.9  # between two starts of a child that dies at once
BEAT_SECONDS = 2.0
HUNG_SECONDS = 60.0  # of a child that lives and does nothing: longer than all it may wait for in one go
SWEEP_SECONDS = 60.0
SHORTEST_PASS_SECONDS = 0.05  # of a clock that runs fast
_PR_SET_PDEATHSIG = 1

# ---------------------------------------------------------------- the parent

# Forked, so that a child is back within half a second: the parent has read all code and content, and opened nothing.
_forking = multiprocessing.get_context("fork")


class Worker:
    """Starts the children, starts again whichever dies or hangs, and ends them all. Use it from the main thread."""

    def __init__(self, settings: Settings, hung_seconds: float = HUNG_SECONDS) -> None:
        self._settings = settings
        self._hung_seconds = hung_seconds
        self._children: dict[str, ForkProcess] = {}
        self._started_at: dict[str, float] = {}
        # Shared with each child, which says there when it was last about its work, whatever becomes of the record.
        self._pulses = {name: _forking.RawValue(ctypes.c_double) for name in CHILDREN}
        self._asked_to_stop = False

    def run(self) -> None:
        """Keep the children running until SIGTERM or SIGINT."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)
        _read_ahead(self._settings.rxline_content)
        while not self._asked_to_stop:
            for name in CHILDREN:
                self._see_to(name)
            time.sleep(TICK_SECONDS)
        self._stop()

    def _see_to(self, name: str) -> None:
        child, now = self._children.get(name), time.monotonic()
        if child is None:
            self._start(name)
        elif not child.is_alive() and now - self._started_at[name] >= RESTART_SECONDS:
            log.error("child_died", child=name, exit_code=child.exitcode)
            child.close()
            self._start(name)
        elif now - self._pulses[name].value >= self._hung_seconds and child.is_alive():
            log.error("child_hangs", child=name)
            child.kill()

    def _start(self, name: str) -> None:
        pulse = self._pulses[name]
        pulse.value = self._started_at[name] = time.monotonic()
        known = (name, self._settings, os.getpid(), pulse)
        child = self._children[name] = _forking.Process(target=be, args=known, name=name)
        child.start()
        log.info("child_started", child=name, child_pid=child.pid)

    def _stop(self) -> None:
        for child in self._children.values():
            child.terminate()
        deadline = time.monotonic() + STOP_SECONDS
        for name, child in self._children.items():
            child.join(max(0.0, deadline - time.monotonic()))
            if child.is_alive():
                log.warning("child_ended_by_force", child=name)
                child.kill()
                child.join()

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self._asked_to_stop = True


def _read_ahead(content: Path) -> None:
    """Read the files on disk: mostly they are what is published, and then no child needs to read that again."""
    with suppress(Exception):  # whatever is wrong with files, callers get what is published
        load_files(folder.texts(content)[0])


# ---------------------------------------------------------------- a child


class Child:
    """What every child has: the parts of the line, a heartbeat, and a way to hear that it should stop."""

    def __init__(self, name: str, settings: Settings, parent: int, pulse: ctypes.c_double) -> None:
        self.name = name
        self.settings = settings
        self.stop = threading.Event()
        self.parent = parent
        self._pulse = pulse
        self._beats_at = 0.0

    @cached_property
    def board(self) -> Switchboard:
        return serve(self.settings)

    @cached_property
    def telephone(self) -> Telephone:
        return Telephone.from_settings(self.settings)

    @cached_property
    def doors(self) -> Doors:
        return Doors.from_settings(self.settings)

    @cached_property
    def leases(self) -> Leases:
        return Leases(self.board.record.watch, this_process())

    def close(self) -> None:
        """Let go of what was opened."""
        if "board" in self.__dict__:
            self.board.live.close()
            self.board.record.close()
        if "telephone" in self.__dict__:
            self.telephone.close()

    def beat(self) -> None:
        """Say to the parent, and in the record, that this child is alive; often called, there seldom written."""
        self._pulse.value = time.monotonic()
        if time.monotonic() >= self._beats_at:
            self.board.record.watch.beat(self.name)
            self._beats_at = time.monotonic() + BEAT_SECONDS

    def repeat(self, once: Callable[[], object], beats: bool = True) -> None:
        """Do something over and over until asked to stop; without the database, try again each second."""
        while not self.stop.is_set():
            try:
                if beats:
                    self.beat()
                once()
            except Unreachable:
                log.error("record_unreachable", child=self.name)
                self.stop.wait(1.0)

    def beside(self, once: Callable[[], object]) -> threading.Thread:
        """Repeat what may wait for Twilio in a thread of its own; if that fails the child ends, to be started again."""
        thread = threading.Thread(target=self._beside, args=(once,), daemon=True)
        thread.start()
        return thread

    def _beside(self, once: Callable[[], object]) -> None:
        try:
            self.repeat(once, beats=False)
        except Exception:
            log.exception("child_failed", child=self.name)
        finally:
            self.stop.set()

    def watch_parent(self) -> None:
        """End at once when the parent has died without telling: another worker may be starting already."""
        while not self.stop.wait(0.5):
            if os.getppid() != self.parent:
                os._exit(1)


def dispatch(child: Child) -> None:
    """Match and fire timers here, place calls and send texts beside: Twilio's slowness must not delay a timer."""
    bells = [threading.Event(), threading.Event()]
    matching = Dispatch(child.board, child.leases, offered=bells[0].set)
    placing = Placing(child.board, child.telephone, child.doors, child.leases)
    texting = Texting(child.board, child.telephone, child.leases)
    pairs: list[tuple[threading.Event, Placing | Texting]] = list(zip(bells, (placing, texting), strict=True))
    beside = [child.beside(partial(_when_due, bell, act)) for bell, act in pairs]
    child.repeat(partial(_match, child, matching, bells))
    _ring(bells)
    for thread in beside:
        thread.join(STOP_SECONDS / 2)
    child.leases.release()


def _match(child: Child, matching: Dispatch, bells: Sequence[threading.Event]) -> None:
    """One pass, then sleep until the doorbell or a second of the clock; who only stands by leaves the bell alone."""
    serving = matching.once()
    _ring(bells)
    seconds = max(SHORTEST_PASS_SECONDS, 1.0 / child.board.clock.speed)
    if serving:
        child.board.live.wait("dispatch", seconds)
    else:
        child.stop.wait(seconds)


def _ring(bells: Sequence[threading.Event]) -> None:
    for bell in bells:
        bell.set()


def _when_due(bell: threading.Event, act: Placing | Texting) -> None:
    bell.wait(act.once())
    bell.clear()


def relay(child: Child) -> None:
    """Look at the outbox at each ring of the doorbell, else each second."""
    crew = jobs.Crew(jobs.Jobs(child.board, child.telephone, child.doors))
    handing = Relay(child.board.record.outbox, jobs.Queues(child.settings.redis_url), crew)

    def once() -> None:
        handing.once()
        child.board.live.wait("relay", 1.0)

    child.repeat(once)
    crew.close()


def queue(child: Child) -> None:
    """Do what RQ brings, from the one queue of this child's name; without Redis, wait for it."""
    for name in ("rq.worker", "rq.job", "rq.queue"):
        logging.getLogger(name).setLevel(logging.CRITICAL)  # it says every second that Redis is away
    crew = jobs.crew()
    while not child.stop.is_set():
        try:
            with connection(child.settings.redis_url) as redis:
                Ear(child, redis).work(logging_level="CRITICAL")
        except RedisError as away:
            log.warning("valkey_away", child=child.name, why=type(away).__name__)
        except Unreachable:
            log.error("record_unreachable", child=child.name)
        child.stop.wait(1.0)
        with suppress(Unreachable):
            child.beat()
    crew.close()


class Ear(SimpleWorker):
    """RQ's worker without a child of its own, made to hear of Redis coming back within a second."""

    max_connection_wait_time = 1.0

    def __init__(self, child: Child, redis: Redis) -> None:
        self._line_child = child
        super().__init__(
            [child.name],
            connection=redis,
            worker_ttl=17,  # it blocks for 15 s less, and beats in between
            maintenance_interval=10,
            job_monitoring_interval=5,
            log_job_description=False,
        )

    def heartbeat(self, timeout: int | None = None, pipeline: Any = None) -> None:
        """Beat in our record as well, and stop here when asked to: the loop passes by each time it wakes."""
        if self._line_child.stop.is_set():
            raise StopRequested
        self._line_child.beat()
        super().heartbeat(timeout, pipeline)

    def subscribe(self) -> None:
        """Take no commands: nobody but our parent tells us what to do."""

    def _install_signal_handlers(self) -> None:
        """Keep the child's own: RQ's would raise in the middle of anything."""


def sweeping(child: Child) -> None:
    """Reconcile each minute and pass events on at once, in one worker only, beside a heart that goes on beating."""
    beside = [child.beside(partial(_sweep, child)), child.beside(partial(_pass_on, child, Newsroom(child.board)))]
    child.repeat(partial(child.stop.wait, 1.0))
    for thread in beside:
        thread.join(STOP_SECONDS / 2)
    child.leases.release()


def _sweep(child: Child) -> None:
    if child.leases.held("sweep"):
        sweep.run_once(child.board, child.telephone, child.doors)
        keeping.nightly(child.board, child.telephone.forget_message)
    rested = time.monotonic() + SWEEP_SECONDS
    while time.monotonic() < rested and not child.stop.wait(1.0):
        child.leases.held("sweep")


def _pass_on(child: Child, newsroom: Newsroom) -> None:
    """Tell calls what happened at the order system, at each ring of the doorbell, else each second."""
    if child.leases.held("news"):
        newsroom.once()
        child.board.live.wait(BELL, 1.0)
    else:
        child.stop.wait(1.0)


CHILDREN: dict[str, Callable[[Child], None]] = {
    "dispatch": dispatch,
    "relay": relay,
    "telephony": queue,
    "orders": queue,
    "sweep": sweeping,
}


def be(name: str, settings: Settings, parent: int, pulse: ctypes.c_double) -> None:
    """Be a child, until asked to stop; whatever ends it otherwise is in the log, masked."""
    die_with_parent()
    child = Child(name, settings, parent, pulse)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: child.stop.set())
    threading.Thread(target=child.watch_parent, daemon=True).start()
    try:
        CHILDREN[name](child)
    except Unreachable:
        log.error("record_unreachable", child=name)
        sys.exit(1)
    except Exception:
        log.exception("child_failed", child=name)
        sys.exit(1)
    finally:
        child.close()


def die_with_parent() -> None:
    """Let Linux end us when our parent dies, even if we hang: only of the dead are leases taken over at once."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def unopened(settings: Settings) -> str:
    """Why nothing could be read of the record; "" while it cannot be asked: the children wait for that."""
    with closing(Record.from_settings(settings)) as record, suppress(Unreachable, Misuse):
        return record.sealing.trouble()
    return ""


def main() -> None:
    """Run the background process of the line the environment names."""
    try:
        settings = Settings.from_environment()
        Clock.from_environment()
    except (SettingsRefused, ClockRefused) as refused:
        sys.stderr.write(f"worker: could not run: {refused}\n")
        sys.exit(COULD_NOT_RUN)
    logs.configure(settings.log_level)
    if trouble := unopened(settings):
        sys.stderr.write(f"worker: could not run: the record is {trouble}\n")
        sys.exit(COULD_NOT_RUN)
    Worker(settings).run()


if __name__ == "__main__":
    main()
