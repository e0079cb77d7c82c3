"""What `make run` starts, what it tells the parts, and when it refuses."""

from __future__ import annotations

import contextlib
import http.server
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from ivr import clock, practice
from ivr.core.hours import Hours
from ivr.core.pharmacy import Line, Pharmacy, Policies, Site
from ivr.practice import Ports
from ivr.processes import CouldNotRun, free_port
from ivr.settings import PRACTICE_ACCOUNT_SID, PRACTICE_AUTH_TOKEN, SANDBOX_EVENT_SECRET, SANDBOX_TOKEN, Settings

ROOT = Path(__file__).parent.parent
NINE_TO_SIX = ((9 * 60, 18 * 60),)
HOURS = Hours(
    "America/New_York",
    dict.fromkeys(("mon", "tue", "wed", "thu", "fri"), NINE_TO_SIX) | {"sat": NINE_TO_SIX},
    {date(2026, 11, 26): "Thanksgiving Day"},
)
SUNDAY = datetime(2026, 11, 29, 15, tzinfo=UTC)
REAL_ACCOUNT = "AC" + "f" * 32


@pytest.fixture
def pharmacy() -> Pharmacy:
    return Pharmacy(
        version="v",
        lines={"main": Line("main", "+15550100100", "downtown", "main.yaml", "main", ("en",))},
        sites={"downtown": Site("downtown", "Downtown", HOURS.timezone, "+15550100111", "+15550100112")},
        queues={},
        hours={"downtown": HOURS},
        staff={},
        policies=Policies(),
        rules={},
        flows={},
        prompts=None,
    )


def test_with_nothing_named_everything_is_started() -> None:
    assert practice.parts_to_start({}) == {"web", "valkey", "sandbox", "exchange"}


@pytest.mark.parametrize(
    ("env", "left_out"),
    [
        ({"REDIS_URL": "redis://cache/0"}, "valkey"),
        ({"ORDER_SYSTEM_URL": "https://orders.example.com"}, "sandbox"),
        ({"TWILIO_API_URL": "http://127.0.0.1:9"}, "exchange"),
        ({"TWILIO_ACCOUNT_SID": REAL_ACCOUNT}, "exchange"),
    ],
)
def test_what_the_environment_names_is_not_started(env: dict[str, str], left_out: str) -> None:
    assert practice.parts_to_start({}) - practice.parts_to_start(env) == {left_out}


def test_the_parts_of_a_practice_line_are_told_about_each_other() -> None:
    told = practice.practice_environment({}, Ports(1, 2, 3), valkey_port=4)

    assert told == {
        "PUBLIC_URL": "http://127.0.0.1:1",
        "DATABASE_URL": "sqlite:///var/rxline.db",
        "REDIS_URL": "redis://127.0.0.1:4/0",
        "ORDER_SYSTEM_URL": "http://127.0.0.1:2",
        "ORDER_SYSTEM_TOKEN": SANDBOX_TOKEN,
        "ORDER_SYSTEM_EVENTS_URL": "http://127.0.0.1:1/orders/events",
        "ORDER_SYSTEM_EVENT_SECRET": SANDBOX_EVENT_SECRET,
        "TWILIO_ACCOUNT_SID": PRACTICE_ACCOUNT_SID,
        "TWILIO_AUTH_TOKEN": PRACTICE_AUTH_TOKEN,
        "TWILIO_API_URL": "http://127.0.0.1:3",
        "RXLINE_CLOCK_FILE": "var/clock.json",
        "PYTHONUNBUFFERED": "1",
    }


def test_a_real_line_is_told_nothing_of_practice() -> None:
    real = {"TWILIO_ACCOUNT_SID": REAL_ACCOUNT, "ORDER_SYSTEM_URL": "https://orders.example.com"}
    real |= {"PUBLIC_URL": "https://line.example.com"}

    told = practice.practice_environment(real, Ports(), valkey_port=4)

    assert told["PUBLIC_URL"] == "https://line.example.com"
    practised = {"TWILIO_API_URL", "TWILIO_AUTH_TOKEN", "ORDER_SYSTEM_TOKEN", "ORDER_SYSTEM_EVENT_SECRET"}
    assert not practised & told.keys()


@pytest.mark.parametrize(
    ("now", "start"),
    [
        ("2026-11-24T15:00Z", "2026-11-24T10:00:00-05:00"),  # Tuesday 10:00
        ("2026-11-24T11:00Z", "2026-11-24T10:00-05:00"),  # Tuesday 06:00
        ("2026-11-24T23:30Z", "2026-11-25T10:00-05:00"),  # Tuesday 18:30
        ("2026-11-26T01:00Z", "2026-11-27T10:00-05:00"),  # the evening before Thanksgiving
        ("2026-11-29T15:00Z", "2026-11-30T10:00-05:00"),  # Sunday
        ("2026-10-31T23:00Z", "2026-11-02T10:00-05:00"),  # Saturday evening, clocks change overnight
    ],
)
def test_practice_starts_inside_opening_hours(now: str, start: str) -> None:
    assert practice.practice_start(HOURS, datetime.fromisoformat(now)) == start


def test_a_pharmacy_never_open_at_ten_is_practised_when_it_opens() -> None:
    evenings = Hours("America/New_York", {"sat": ((18 * 60, 22 * 60),)})
    tuesday = datetime(2026, 11, 24, 15, tzinfo=UTC)

    assert practice.practice_start(evenings, tuesday) == "2026-11-28T18:00-05:00"


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.chdir(tmp_path)
    return Settings(rxline_clock_file=tmp_path / "clock.json")


def test_the_clock_starts_afresh_with_every_run(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RXLINE_CLOCK", "2026-11-24T10:00-05:00")
    monkeypatch.setenv("RXLINE_CLOCK_FILE", str(settings.rxline_clock_file))
    starts = []
    for _ in range(2):
        now = practice.start_clock(settings.rxline_clock_file)
        starts.append(json.loads(settings.rxline_clock_file.read_text())["real_epoch"])

    assert starts[0] < starts[1]
    assert now() - datetime(2026, 11, 24, 15, tzinfo=UTC) < timedelta(seconds=10)


def test_a_record_that_goes_on_has_nothing_that_lies_ahead(settings: Settings) -> None:
    """Left at ten past ten of a Monday to come, and started again on the evening before: not at ten once more."""
    file = settings.rxline_clock_file
    assert practice.present(file) - datetime.now(UTC) < timedelta(seconds=10)
    monday = datetime.now(UTC) + timedelta(days=4)
    clock.start_anchor(monday.isoformat(), file)
    assert practice.present(file) < monday  # a clock without a record: somebody starts over
    (file.parent / "rxline.db").touch()
    assert timedelta(0) < practice.present(file) - monday < timedelta(seconds=10)


def test_a_clock_that_was_asked_for_is_used(pharmacy: Pharmacy, settings: Settings) -> None:
    told = settings.model_copy(update={"rxline_clock": "real"})

    assert practice.choose_clock(told, pharmacy, SUNDAY) == "real"
    assert practice.choose_clock(settings, pharmacy, SUNDAY) == "2026-11-30T10:00-05:00"


def test_real_calls_are_answered_at_the_real_time(pharmacy: Pharmacy, settings: Settings) -> None:
    real = settings.model_copy(update={"twilio_api_url": ""})

    assert practice.choose_clock(real, pharmacy, SUNDAY) == "real"


def test_a_save_reaches_practised_calls_by_itself_and_real_ones_never(settings: Settings) -> None:
    assert practice.publishes_saves(settings)
    assert not practice.publishes_saves(settings.model_copy(update={"twilio_api_url": ""}))


def test_the_secrets_of_a_real_line_are_not_noted(settings: Settings) -> None:
    env = {"DATABASE_URL": "sqlite:///x.db", "HOME": "/nowhere"}
    real = settings.model_copy(update={"twilio_api_url": ""})

    assert practice.names_to_note(settings, env) == {"DATABASE_URL": "sqlite:///x.db"}
    assert practice.names_to_note(real, env) == {}


def test_the_last_line_says_where_to_go_and_what_to_dial(pharmacy: Pharmacy, settings: Settings) -> None:
    said = practice.welcome(settings, pharmacy, datetime(2026, 11, 24, 15, tzinfo=UTC))

    assert "http://127.0.0.1:8200/phone" in said
    assert "dial +15550100100 (main)" in said
    assert "It is Tuesday 10:00 there" in said


def test_a_real_line_says_which_number_is_answered(pharmacy: Pharmacy, settings: Settings) -> None:
    real = settings.model_copy(update={"twilio_api_url": "", "public_url": "https://line.example.com"})

    said = practice.welcome(real, pharmacy, datetime(2026, 11, 24, 15, tzinfo=UTC))

    assert "+15550100100 (main) is answered at https://line.example.com" in said


def test_a_port_in_use_is_named_with_what_to_do() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(CouldNotRun) as refused:
            practice.refuse_ports_in_use({"web": port})

    assert f"port {port} (web)" in str(refused.value)
    assert f"make run ARGS='--web-port {port + 1}'" in str(refused.value)


def test_a_database_that_is_away_is_told_before_anything_waits_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    away, ports = f"http://127.0.0.1:{free_port()}", Ports(free_port(), free_port(), free_port())
    for name, value in {
        "DATABASE_URL": f"postgresql+psycopg://nobody@127.0.0.1:{free_port()}/rxline",
        "REDIS_URL": "redis://127.0.0.1:1/0",
        "ORDER_SYSTEM_URL": away,
        "TWILIO_API_URL": away,
        "RXLINE_CLOCK": "2026-11-24T10:00-05:00",
        "RXLINE_CLOCK_FILE": str(tmp_path / "clock.json"),
    }.items():
        monkeypatch.setenv(name, value)
    for part in ("webhooks.py", "config", "callflows", "routing_rules"):
        (tmp_path / part).symlink_to(ROOT / part)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(os, "environ", dict(os.environ))

    with pytest.raises(CouldNotRun, match=r"the database could not be brought up to date: .*refused"):
        practice.run(ports)


def test_free_ports_are_fine() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

    practice.refuse_ports_in_use({"web": port})
    assert practice.port_not_ready(port) == f"no answer at port {port}"
    assert practice.http_not_ready(f"http://127.0.0.1:{port}/") == f"no answer at http://127.0.0.1:{port}/"


@contextlib.contextmanager
def _answering(status: int, body: bytes) -> Iterator[str]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(("status", "why"), [(200, ""), (404, ""), (503, "503 worker: never seen")])
def test_a_server_is_ready_once_it_answers_and_says_so(status: int, why: str) -> None:
    with _answering(status, b"worker: never seen") as url:
        assert practice.http_not_ready(url) == why


def test_a_line_whose_order_system_is_somebody_elses_serves_without_it() -> None:
    """An integrator has theirs down more often than not, and the line was never ready for it."""
    told = {"web": "ok", "order_system": "unreachable", "worker": "ok", "version": "1f", "order_system_is": "asked"}
    with _answering(503, json.dumps(told).encode()) as url:
        assert practice.parts_not_ok(url) == {"order_system": "unreachable"}
        assert practice.line_not_ready(url, {"order_system"}) == ""
        assert practice.line_not_ready(url, ()) == "order_system: unreachable"
    with _answering(200, b"") as url:
        assert practice.line_not_ready(url, ()) == ""
    assert practice.line_not_ready(url, {"order_system"}) == f"web: no answer at {url}"


WEB = """
import os

def create_app():
    def app(environ, start_response):
        start_response("200 OK", [])
        return [str(os.getppid()).encode()]

    return app
"""
WORKER = """
import os, time
print("worker", os.getpid(), "told of", os.environ["REDIS_URL"], flush=True)
time.sleep(600)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="looks for what is left behind in /proc")
def test_the_whole_line_starts_survives_kill_9_and_stops_leaving_nothing(tmp_path: Path) -> None:
    """Real Valkey, sandbox, migrations and gunicorn; stand-ins for the web app and the worker."""
    (tmp_path / "webhooks.py").write_text(WEB)
    (tmp_path / "worker.py").write_text(WORKER)
    shutil.copy(ROOT / "gunicorn.conf.py", tmp_path)
    web, sandbox = free_port(), free_port()
    env = {name: value for name, value in os.environ.items() if not name.startswith(("TWILIO", "RXLINE"))}
    env |= {"PYTHONPATH": str(ROOT), "RXLINE_CONTENT": str(ROOT), "RXLINE_CLOCK": "2026-11-24T10:00-05:00"}
    env |= {"TWILIO_API_URL": "http://127.0.0.1:9"}  # as if somebody ran an exchange: none is started here
    ports = ["--web-port", str(web), "--sandbox-port", str(sandbox)]
    output = tmp_path / "output"
    with output.open("w") as written:
        line = subprocess.Popen(
            [sys.executable, "-m", "ivr.cli", "run", *ports], cwd=tmp_path, env=env, stdout=written, stderr=written
        )
    try:
        _until(lambda: "ready: open" in output.read_text() or line.poll() is not None, output)
        with urllib.request.urlopen(f"http://127.0.0.1:{web}/") as answer:
            os.kill(int(answer.read()), signal.SIGKILL)
        _until(lambda: "web was ended by SIGKILL; starting it again" in output.read_text(), output)
        _until(lambda: practice.http_not_ready(f"http://127.0.0.1:{web}/") == "", output)
        again = subprocess.run(
            [sys.executable, "-m", "ivr.cli", "run", *ports],
            cwd=tmp_path,
            env=env,
            capture_output=True,
            text=True,
            check=False,
        )
    finally:
        line.terminate()
        ended = line.wait(20)

    said = output.read_text()
    assert ended == 0, said
    assert "dial +1" in said
    assert "It is Tuesday 10:00 there" in said
    assert again.returncode == 2
    assert f"in use already: port {sandbox} (sandbox), {web} (web)" in again.stderr
    assert practice.port_not_ready(web)
    assert practice.port_not_ready(sandbox)
    assert not _processes_in(tmp_path)


def _until(true: Callable[[], bool], output: Path) -> None:
    deadline = time.monotonic() + 120
    while not true():
        assert time.monotonic() < deadline, output.read_text()
        time.sleep(0.05)


def _processes_in(folder: Path) -> list[str]:
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if process.joinpath("cwd").resolve() == folder:
                found.append(process.joinpath("cmdline").read_text())
    return list(filter(None, found))
