"""The background process: `python worker.py` keeps five children running, each a process of its own.

dispatch   who is offered which ticket, timers, and the calls we place
relay      effects committed and not done, to RQ or round it
telephony  RQ: moving and ending legs
orders     RQ: the order system
sweep      Twilio's own lists against our record
"""

from __future__ import annotations

import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import cached_property, partial
from types import FrameType
from typing import Any

import structlog
from redis.exceptions import RedisError
from rq import SimpleWorker
from rq.exceptions import StopRequested

from ivr import jobs, logs, sweep
from ivr.app import connect
from ivr.dispatch import Dispatch, Leases
from ivr.doors import Doors
from ivr.live import connection
from ivr.placing import Placing
from ivr.relay import Relay
from ivr.settings import Settings
from ivr.store import Unreachable
from ivr.switchboard import Switchboard
from ivr.telephony.rest import Telephone

log = structlog.get_logger("worker")

TICK_SECONDS = 0.1
STOP_SECONDS = 4.0
RESTART_SECONDS = 0.5  # between two starts of a child that dies at once
BEAT_SECONDS = 2.0
SWEEP_SECONDS = 60.0
SHORTEST_PASS_SECONDS = 0.05  # of a clock that runs fast

# ---------------------------------------------------------------- the parent


class Worker:
    """Starts the children, starts again whichever dies, and ends them all. Use it from the main thread."""

    def __init__(self) -> None:
        self._children: dict[str, subprocess.Popen[bytes]] = {}
        self._started_at: dict[str, float] = {}
        self._asked_to_stop = False

    def run(self) -> None:
        """Keep the children running until SIGTERM or SIGINT."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)
        while not self._asked_to_stop:
            for name in CHILDREN:
                self._see_to(name)
            time.sleep(TICK_SECONDS)
        self._stop()

    def _see_to(self, name: str) -> None:
        child, now = self._children.get(name), time.monotonic()
        if child is None:
            self._start(name)
        elif child.poll() is not None and now - self._started_at[name] >= RESTART_SECONDS:
            log.error("child_died", child=name, exit_code=child.returncode)
            self._start(name)

    def _start(self, name: str) -> None:
        self._children[name] = subprocess.Popen([sys.executable, __file__, name], stdin=subprocess.DEVNULL)
        self._started_at[name] = time.monotonic()
        log.info("child_started", child=name, child_pid=self._children[name].pid)

    def _stop(self) -> None:
        for child in self._children.values():
            child.terminate()
        deadline = time.monotonic() + STOP_SECONDS
        for name, child in self._children.items():
            try:
                child.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                log.warning("child_ended_by_force", child=name)
                child.kill()
                child.wait()

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self._asked_to_stop = True


# ---------------------------------------------------------------- a child


class Child:
    """What every child has: the parts of the line, a heartbeat, and a way to hear that it should stop."""

    def __init__(self, name: str, settings: Settings) -> None:
        self.name = name
        self.settings = settings
        self.stop = threading.Event()
        self.parent = os.getppid()
        self._beats_at = 0.0

    @cached_property
    def board(self) -> Switchboard:
        return connect(self.settings)

    @cached_property
    def telephone(self) -> Telephone:
        return Telephone.from_settings(self.settings)

    @cached_property
    def doors(self) -> Doors:
        return Doors.from_settings(self.settings)

    @cached_property
    def leases(self) -> Leases:
        # The parent keeps one child of a name at a time, so the next one may go on with the lease at once.
        return Leases(self.board.record.watch, f"{socket.gethostname()}:{self.parent}")

    def beat(self) -> None:
        """Say in the record that this child is alive; often called, seldom written."""
        if time.monotonic() >= self._beats_at:
            self.board.record.watch.beat(self.name)
            self._beats_at = time.monotonic() + BEAT_SECONDS

    def repeat(self, once: Callable[[], None]) -> None:
        """Do something over and over until asked to stop; without the database, try again each second."""
        while not self.stop.is_set():
            try:
                self.beat()
                once()
            except Unreachable:
                log.error("record_unreachable", child=self.name)
                self.stop.wait(1.0)

    def watch_parent(self) -> None:
        """End at once when the parent has died without telling: another worker may be starting already."""
        while not self.stop.wait(0.5):
            if os.getppid() != self.parent:
                os._exit(1)


def dispatch(child: Child) -> None:
    """Match and fire timers in this thread, place calls in another: Twilio's slowness must not delay a timer."""
    matching = Dispatch(child.board, child.leases)
    placing = Placing(child.board, child.telephone, child.doors, child.leases)
    due = threading.Event()
    placer = threading.Thread(target=_place, args=(child, placing, due), daemon=True)
    placer.start()
    child.repeat(partial(_match, child, matching, due))
    due.set()
    placer.join(STOP_SECONDS / 2)
    child.leases.release()


def _match(child: Child, matching: Dispatch, due: threading.Event) -> None:
    """One pass, then sleep until the doorbell or a second of the clock; who only stands by leaves the bell alone."""
    serving = matching.once()
    due.set()
    seconds = max(SHORTEST_PASS_SECONDS, 1.0 / child.board.clock.speed)
    if serving:
        child.board.live.wait("dispatch", seconds)
    else:
        child.stop.wait(seconds)


def _place(child: Child, placing: Placing, due: threading.Event) -> None:
    try:
        child.repeat(lambda: _pause(due, placing.once()))
    finally:
        child.stop.set()  # without this thread no phone rings: the parent starts us again


def _pause(due: threading.Event, seconds: float) -> None:
    due.wait(seconds)
    due.clear()


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
            Ear(child).work(logging_level="CRITICAL")
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

    def __init__(self, child: Child) -> None:
        self._line_child = child
        super().__init__(
            [child.name],
            connection=connection(child.settings.redis_url),
            worker_ttl=18,  # it blocks for 15 s less, and beats in between
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
    """Reconcile with Twilio each minute, in one worker only."""
    again_at = 0.0

    def once() -> None:
        nonlocal again_at
        if time.monotonic() >= again_at and child.leases.held("sweep"):
            sweep.run_once(child.board, child.telephone, child.doors)
            again_at = time.monotonic() + SWEEP_SECONDS
        child.stop.wait(1.0)

    child.repeat(once)
    child.leases.release()


CHILDREN: dict[str, Callable[[Child], None]] = {
    "dispatch": dispatch,
    "relay": relay,
    "telephony": queue,
    "orders": queue,
    "sweep": sweeping,
}


def main(arguments: list[str]) -> None:
    """Be the parent, or with a name that child."""
    settings = Settings.from_environment()
    logs.configure(settings.log_level)
    if not arguments:
        return Worker().run()
    child = Child(arguments[0], settings)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: child.stop.set())
    threading.Thread(target=child.watch_parent, daemon=True).start()
    return CHILDREN[child.name](child)


if __name__ == "__main__":
    main(sys.argv[1:])
