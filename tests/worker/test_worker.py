"""The background process as operators run it: real processes, killed, cut off from Valkey, and stopped."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from werkzeug.serving import make_server
from werkzeug.wrappers import Request, Response

from ivr import content
from ivr.clock import Clock
from ivr.core.call import Call, Caller, Leg
from ivr.core.effects import CreateTask
from ivr.core.line import Ticket
from ivr.leases import proved_dead
from ivr.orders.sandbox.server import create_app
from ivr.processes import ending_with_us
from ivr.store import Record, Turn, migrate
from tests import servers
from tests.published import record_of_what_is_shipped
from tests.worker.shop import SECRET_KEY

ROOT = Path(__file__).parent.parent.parent
CHILDREN = {"dispatch", "relay", "telephony", "orders", "sweep"}


@dataclass
class AnsweringTwilio:
    """Twilio's REST API over real HTTP, which agrees to everything and has nothing in its lists."""

    placed: list[dict[str, str]] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        request = Request(environ)
        name = request.path.rpartition("/")[2].removesuffix(".json")
        if request.method == "GET":
            answer: dict[str, Any] = {name.lower(): [], "meta": {"key": name.lower()}, "status": "in-progress"}
        elif name == "Calls":
            self.placed.append(request.form.to_dict())
            answer = {"sid": f"CA{len(self.placed):032}", "status": "queued"}
        else:
            self.ended.append(name)
            answer = {"sid": name, "status": "completed", "friendly_name": "rxline-central", "max_size": 5000}
        return Response(json.dumps(answer), mimetype="application/json")(environ, start_response)


@dataclass
class Line:
    """A line whose worker runs: where its parts are, and what the worker said."""

    environment: dict[str, str]
    record: Record
    valkey: servers.Server
    twilio: AnsweringTwilio
    log: Path
    sandbox: Any

    def start(self) -> subprocess.Popen[bytes]:
        with self.log.open("ab") as log:
            return subprocess.Popen(
                ending_with_us([sys.executable, "worker.py"]),  # also when the tests are killed or fail halfway
                cwd=ROOT,
                env=self.environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def said(self, event: str) -> list[dict[str, Any]]:
        written = self.log.read_text().splitlines(keepends=True)  # the last line may still be being written
        lines = [json.loads(line) for line in written if line.startswith("{") and line.endswith("\n")]
        return [line for line in lines if line.get("event") == event]

    def children(self) -> dict[str, int]:
        """Name -> process id, as last started."""
        return {line["child"]: line["child_pid"] for line in self.said("child_started")}

    def beating(self) -> bool:
        beats = self.record.watch.beats()
        return beats.keys() >= CHILDREN and max(beats.values()) < 5

    def does(self, name: str, *does: Any) -> None:
        """A call in line, with these effects."""
        pharmacy, now = content.load(ROOT), Clock.from_environment(self.environment).now()
        leg = Leg(f"leg-{name}", "caller", documents=1)
        ticket = Ticket(f"T{name}", name, "central", "front_desk", "hold", "waiting", now, now, 120)
        call = Call(name, "main", "central", pharmacy.version, now, Caller("number", "+12025550199"), "holding")
        kept = Call(
            **{field: getattr(call, field) for field in call.__slots__} | {"legs": {leg.token: leg}, "ticket": ticket}
        )
        self.record.commit(Turn(None, 0, kept, now, "{}", leg.token, does=does, call_sid=name))

    def worked(self, name: str) -> bool:
        """Has the order system been given the task of this call?"""
        return [task["call_id"] for task in self.sandbox.extensions["ledger"].rows("tasks")].count(name) == 1


def until(true: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not true() and time.monotonic() < deadline:
        time.sleep(0.05)
    return true()


def alive(pid: int) -> bool:
    with suppress(OSError):
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    return False


@contextmanager
def served(app: Any) -> Iterator[str]:
    server = make_server("127.0.0.1", 0, app, threaded=True)
    serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    serving.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    serving.join()
    server.server_close()


@pytest.fixture(scope="module")
def line(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Line]:
    folder, twilio = tmp_path_factory.mktemp("line"), AnsweringTwilio()
    database = f"sqlite:///{folder / 'rxline.db'}"
    (folder / "rxline.db").write_bytes(record_of_what_is_shipped())
    sandbox = create_app(folder / "sandbox.db", now=Clock().now)
    with servers.valkey() as valkey, served(twilio) as twilio_url, served(sandbox) as sandbox_url:
        environment = {
            "PATH": os.environ["PATH"],
            "DATABASE_URL": database,
            "REDIS_URL": valkey.url,
            "ORDER_SYSTEM_URL": sandbox_url,
            "TWILIO_API_URL": twilio_url,
            "SECRET_KEY": SECRET_KEY,
            "RXLINE_CONTENT": str(ROOT),
            "RXLINE_CLOCK": "2026-11-24T10:00-05:00",
            "RXLINE_CLOCK_FILE": str(folder / "clock.json"),
            "PYTHONWARNINGS": "error",
        }
        record, log = Record(database, SECRET_KEY), folder / "worker.log"
        log.touch()
        yield Line(environment, record, valkey, twilio, log, sandbox)
        record.close()
        sandbox.extensions["ledger"].close()


@pytest.fixture(scope="class")  # the tests below the class start workers of their own on the same line
def worker(line: Line) -> Iterator[subprocess.Popen[bytes]]:
    process = line.start()
    assert until(line.beating, 30), line.log.read_text()
    yield process
    if process.poll() is None:
        process.kill()
    process.wait()


@pytest.mark.usefixtures("worker")
class TestARunningWorker:
    def test_a_caller_in_line_makes_an_agents_phone_ring(self, line: Line) -> None:
        line.does("CAcaller")
        assert until(lambda: bool(line.twilio.placed), 5), line.log.read_text()
        phones = {agent.phone for agent in content.load(ROOT).staff.values()}
        assert line.twilio.placed[0]["To"] in phones

    def test_what_the_order_system_is_told_comes_by_rq(self, line: Line) -> None:
        line.does("CAtask", CreateTask("voicemail"))
        assert until(lambda: line.worked("CAtask"), 5), line.log.read_text()

    def test_a_child_that_is_killed_is_started_again_within_a_second(self, line: Line) -> None:
        before = line.children()
        for pid in before.values():
            os.kill(pid, signal.SIGKILL)
        assert until(lambda: not before.items() & line.children().items(), 1.5), line.log.read_text()
        assert {each["child"] for each in line.said("child_died")} >= CHILDREN
        line.does("CAafter", CreateTask("voicemail"))
        assert until(lambda: line.worked("CAafter"), 20), line.log.read_text()

    def test_nobody_notices_that_valkey_is_away_and_comes_back(self, line: Line) -> None:
        assert until(line.beating, 20)
        before = line.children()
        line.valkey.kill()
        line.does("CAaway", CreateTask("voicemail"))
        assert until(lambda: line.worked("CAaway"), 5), line.log.read_text()
        os.kill(before["orders"], signal.SIGKILL)
        assert until(lambda: bool(line.said("valkey_away")), 5), line.log.read_text()
        assert line.beating()
        line.valkey.start()
        line.does("CAback", CreateTask("voicemail"))
        assert until(lambda: line.worked("CAback"), 5), line.log.read_text()
        assert line.children().items() - before.items() == {("orders", line.children()["orders"])}

    def test_the_worker_waits_for_a_database_that_is_away(self, line: Line) -> None:
        before, file = line.children(), Path(line.environment["DATABASE_URL"].removeprefix("sqlite:///"))
        file.rename(file.with_suffix(".away"))
        assert until(lambda: {each["child"] for each in line.said("record_unreachable")} >= {"dispatch", "relay"}, 5)
        file.with_suffix(".away").rename(file)
        line.does("CAlater", CreateTask("voicemail"))
        assert until(lambda: line.worked("CAlater"), 5), line.log.read_text()
        assert until(line.beating, 10)
        assert line.children()["dispatch"] == before["dispatch"]

    def test_a_worker_told_another_time_says_why_it_does_not_run_and_the_line_keeps_its_own(self, line: Line) -> None:
        file = Path(line.environment["RXLINE_CLOCK_FILE"])
        before = file.read_text()
        told = line.environment | {"RXLINE_CLOCK": "2026-12-25T12:00Z"}
        command = [sys.executable, "worker.py"]
        done = subprocess.run(command, cwd=ROOT, env=told, capture_output=True, text=True, timeout=60)
        assert done.returncode == 2
        assert done.stderr.startswith("worker: could not run: RXLINE_CLOCK: the line that runs here goes by")
        assert file.read_text() == before

    def test_the_log_is_json_and_names_nobody(self, line: Line) -> None:
        said = line.log.read_text()
        assert all(each.startswith("{") for each in said.splitlines()), said
        assert "2025550" not in said

    def test_asked_to_stop_it_ends_all_its_children_even_one_that_hangs(
        self, line: Line, worker: subprocess.Popen[bytes]
    ) -> None:
        children = line.children()
        os.kill(children["sweep"], signal.SIGSTOP)
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(60) == 0, line.log.read_text()
        assert not [pid for pid in children.values() if alive(pid)]
        assert [each["child"] for each in line.said("child_ended_by_force")] == ["sweep"], line.log.read_text()


def test_when_the_parent_is_killed_its_children_die_with_it_and_the_next_worker_serves_at_once(line: Line) -> None:
    began = len(line.said("child_started"))
    first = line.start()
    assert until(lambda: len(line.said("child_started")) == began + 5 and line.beating(), 30), line.log.read_text()
    assert until(lambda: proved_held(line), 10)
    children, held_by = line.children(), line.record.watch.holder("dispatch:central")
    os.kill(children["dispatch"], signal.SIGSTOP)  # not even one that hangs lives on
    first.kill()
    first.wait()
    assert held_by is not None
    assert line.record.watch.lease("dispatch:central", held_by, 600)  # it was held until long after this test
    second = line.start()
    assert until(lambda: line.record.watch.holder("dispatch:central") != held_by, 30), line.log.read_text()
    assert not [pid for pid in children.values() if alive(pid)]
    second.terminate()
    assert second.wait(60) == 0, line.log.read_text()
    assert "dispatch:central" in {each["lease"] for each in line.said("lease_of_the_dead")}


def proved_held(line: Line) -> bool:
    """Has a dispatch that lives the lease of the site?"""
    holder = line.record.watch.holder("dispatch:central")
    return holder is not None and not proved_dead(holder)


def test_a_child_that_cannot_begin_says_why_and_is_started_again(line: Line, tmp_path: Path) -> None:
    """Nothing was ever published, and there are no files."""
    line.environment |= {"RXLINE_CONTENT": str(tmp_path), "DATABASE_URL": f"sqlite:///{tmp_path / 'empty.db'}"}
    migrate(line.environment["DATABASE_URL"])
    began = len(line.said("child_started"))
    process = line.start()
    assert until(lambda: len(line.said("child_started")) >= began + 6, 20), line.log.read_text()
    assert {each["child"] for each in line.said("child_failed")} >= {"relay"}
    process.terminate()
    assert process.wait(60) == 0
