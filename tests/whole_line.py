"""The whole line in a folder of its own: the same processes as `make run`, on free ports, for tests."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from ivr.clock import Clock
from ivr.phone import script
from ivr.processes import ending_with_us, free_port
from ivr.store import Conflict, Record
from tests.published import record_of_what_is_shipped

ROOT = Path(__file__).parent.parent
PARTS = ("ivr", "webhooks.py", "worker.py", "gunicorn.conf.py", "config", "callflows", "routing_rules")
OPEN = "2026-11-24T10:00-05:00"
READY_SECONDS = 120
_HTTP = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@dataclass
class WholeLine:
    """A running line and where its parts answer."""

    folder: Path
    web_port: int
    sandbox_port: int
    exchange_port: int
    process: subprocess.Popen[bytes]
    env: dict[str, str] = field(default_factory=dict)

    @property
    def web(self) -> str:
        return f"http://127.0.0.1:{self.web_port}"

    @property
    def sandbox(self) -> str:
        return f"http://127.0.0.1:{self.sandbox_port}"

    @property
    def exchange(self) -> str:
        return f"http://127.0.0.1:{self.exchange_port}"

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text(errors="replace")

    def call(self, path: Path) -> script.ScriptResult:
        """Run a written call against this line."""
        return script.run(path, self.exchange, order_system_url=self.sandbox, content=ROOT)

    def everybody_available(self) -> None:
        """All staff free again, and idle in the order of their ids, so that it is known who is rung first."""
        record = Record(f"sqlite:///{self.folder}/var/rxline.db", "not needed to move anybody")
        with contextlib.closing(record):
            for agent in sorted(record.desk.agents()):
                for event in ("released", "withdrawn", "wrapped_up", "returned", "signed_out", "signed_in"):
                    with contextlib.suppress(Conflict):
                        record.desk.move_agent(agent, event, "", self.now())

    def now(self) -> datetime:
        return self._clock().now()

    def _clock(self) -> Clock:
        return Clock.from_environment(
            {"RXLINE_CLOCK": self.env["RXLINE_CLOCK"], "RXLINE_CLOCK_FILE": str(self.folder / "var" / "clock.json")}
        )

    def set_clock(self, at: str) -> None:
        """Move every process of this line to an instant."""
        self._clock().set(datetime.fromisoformat(at))
        time.sleep(0.3)  # the others look at the file five times a second

    def dispositions(self, call_id: str, until: Any = bool, seconds: float = 30) -> list[dict[str, Any]]:
        """What the order system holds of a call, once `until` is true of it."""
        deadline = time.monotonic() + seconds
        while True:
            items = self._items(call_id)
            if until(items) or time.monotonic() > deadline:
                return items
            time.sleep(0.1)

    def _items(self, call_id: str) -> list[dict[str, Any]]:
        request = urllib.request.Request(
            f"{self.sandbox}/v1/dispositions?call_id={call_id}", headers={"Authorization": "Bearer sandbox"}
        )
        try:
            items: list[dict[str, Any]] = json.load(_HTTP.open(request, timeout=5))["items"]
        except OSError:  # a test may have taken it down
            return []
        return items

    def pids(self, what: str) -> list[int]:
        """The processes of this line whose command says `what`, oldest first."""
        listed = subprocess.run(
            ["ps", "-ww", "-eo", "pid,ppid,args", "--sort=start_time"], capture_output=True, text=True
        )
        rows = [line.split(None, 2) for line in listed.stdout.splitlines()[1:]]
        family, found = {str(self.process.pid)}, []
        for pid, parent, _ in rows * 3:  # children may be listed before their parents
            if parent in family:
                family.add(pid)
        for pid, _, command in rows:
            if pid in family and what in command:
                found.append(int(pid))
        return found

    def ready(self) -> bool:
        try:
            return bool(_HTTP.open(f"{self.web}/readyz", timeout=2).status == 200)
        except OSError:
            return False

    def wait_until_ready(self, seconds: float = READY_SECONDS) -> None:
        deadline = time.monotonic() + seconds
        while not self.ready():
            assert self.process.poll() is None, f"the line ended:\n{self.log[-3000:]}"
            assert time.monotonic() < deadline, f"the line is not ready:\n{self.log[-3000:]}"
            time.sleep(0.2)


@contextlib.contextmanager
def whole_line(folder: Path, clock: str = OPEN, **env: str) -> Iterator[WholeLine]:
    """Start a line in `folder`, wait until it answers, and stop it afterwards.

    On the shipped content and its own file it goes on from a record in which that is published already, as a line does
    on every day but its first. With `RXLINE_CONTENT` or `DATABASE_URL` it starts from nothing.
    """
    for part in PARTS:
        (folder / part).symlink_to(ROOT / part)
    if not {"RXLINE_CONTENT", "DATABASE_URL"} & env.keys():
        (folder / "var").mkdir()
        (folder / "var" / "rxline.db").write_bytes(record_of_what_is_shipped())
    web, sandbox, exchange = free_port(), free_port(), free_port()
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("TWILIO_", "RXLINE_"))}
    ours = inherited | {"RXLINE_CLOCK": clock, "PYTHONPATH": str(folder), "LOG_LEVEL": "INFO"} | env
    command = [sys.executable, "-m", "ivr.cli", "run", "--web-port", str(web), "--sandbox-port", str(sandbox)]
    command = ending_with_us([*command, "--exchange-port", str(exchange)])  # also when the tests are killed
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, cwd=folder, env=ours, stdout=log, stderr=log)
    line = WholeLine(folder, web, sandbox, exchange, process, ours)
    try:
        line.wait_until_ready()
        yield line
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)
