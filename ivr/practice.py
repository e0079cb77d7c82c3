"""`make run`: the whole line on this machine, with a practice phone, a sandbox order system and a Valkey.

Whatever the environment already names is used instead of a practice one, so the same command also runs the
line with a real database, order system or telephone number.
"""

from __future__ import annotations

import http.client
import json
import os
import socket
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import click

import ivr
from ivr import clock, content
from ivr.core.hours import Hours
from ivr.core.pharmacy import Pharmacy
from ivr.processes import CouldNotRun, Processes, Program, free_port, valkey_command
from ivr.running import noted
from ivr.settings import (
    EXCHANGE_PORT,
    PRACTICE_ACCOUNT_SID,
    PRACTICE_AUTH_TOKEN,
    SANDBOX_EVENT_SECRET,
    SANDBOX_PORT,
    SANDBOX_TOKEN,
    WEB_PORT,
    Settings,
)
from ivr.store import Unreachable, migrate

READY_SECONDS = 60.0
ANSWER_SECONDS = 1.0
PARTS_SECONDS = 4.0  # an order system that hangs is waited for by whoever asks after it
_NO_PARTS = ("version", "order_system_is")  # what else `/readyz` tells
PRACTICE_HOUR = 10
_DAYS_TO_LOOK_AHEAD = 14
_HTTP = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@dataclass(frozen=True, slots=True)
class Ports:
    """Where this machine's own parts answer, all on 127.0.0.1."""

    web: int = WEB_PORT
    sandbox: int = SANDBOX_PORT
    exchange: int = EXCHANGE_PORT


@click.command()
@click.option("--web-port", default=WEB_PORT, show_default=True, help="where Twilio's webhooks are answered")
@click.option("--sandbox-port", default=SANDBOX_PORT, show_default=True, help="the sandbox order system")
@click.option("--exchange-port", default=EXCHANGE_PORT, show_default=True, help="the practice phone")
def command(web_port: int, sandbox_port: int, exchange_port: int) -> None:
    """Run the whole line here with a practice phone, until Ctrl-C."""
    sys.exit(run(Ports(web_port, sandbox_port, exchange_port)))


def run(ports: Ports) -> int:
    """Run the line until asked to stop; return 0, or 1 when a part died that it cannot do without.

    Changes this process's environment. Raises CouldNotRun, SettingsRefused or ClockRefused.
    """
    if not Path("webhooks.py").exists():
        raise CouldNotRun("there is no webhooks.py here; run this in Rxline's own folder")
    starts = parts_to_start(os.environ)
    valkey_port = free_port()
    os.environ.update(practice_environment(os.environ, ports, valkey_port))
    settings = Settings.from_environment()
    pharmacy = content.load(settings.rxline_content)
    os.environ["RXLINE_CLOCK"] = choose_clock(settings, pharmacy, present(settings.rxline_clock_file))
    refuse_ports_in_use({part: getattr(ports, part) for part in sorted(starts) if part != "valkey"})
    names = sorted({*starts, "worker", *(["content"] if publishes_saves(settings) else [])})
    with (
        noted(names_to_note(settings, os.environ)),
        Processes(names) as processes,
        # The web's door stays open while the web is started again: who knocks meanwhile waits, and is not refused.
        socket.create_server(("127.0.0.1", ports.web)) as door,
    ):
        processes.say(f"Rxline {ivr.__version__}: starting {', '.join(names)}")
        now = start_clock(settings.rxline_clock_file)
        first, then = _programs(settings, ports, starts, valkey_port, door.fileno())
        processes.start(*first)
        _migrate(processes, settings)
        processes.start(*then)
        processes.wait_until_ready(READY_SECONDS)
        if not processes.asked_to_stop:
            for part, wrong in parts_not_ok(_ready_url(ports)).items():
                processes.say(f"{part} is {wrong}; the line goes on without it, and asks again")
            processes.say(welcome(settings, pharmacy, now()))
        return processes.watch()


def parts_to_start(env: Mapping[str, str]) -> frozenset[str]:
    """Return which of `web valkey sandbox exchange` to start: those the environment does not name one of."""
    calls_are_practice = not env.get("TWILIO_ACCOUNT_SID") and not env.get("TWILIO_API_URL")
    wanted = {
        "web": True,
        "valkey": not env.get("REDIS_URL"),
        "sandbox": not env.get("ORDER_SYSTEM_URL"),
        "exchange": calls_are_practice,
    }
    return frozenset(part for part, start in wanted.items() if start)


def publishes_saves(settings: Settings) -> bool:
    """Return whether a file is published when it is saved; on a real line somebody must mean it, and say why."""
    return not settings.twilio_is_real


def practice_environment(env: Mapping[str, str], ports: Ports, valkey_port: int) -> dict[str, str]:
    """Return every name the parts must agree on: what the environment says, else the practice line's."""
    practice = {
        "PUBLIC_URL": f"http://127.0.0.1:{ports.web}",
        "DATABASE_URL": str(Settings.model_fields["database_url"].default),
        "REDIS_URL": f"redis://127.0.0.1:{valkey_port}/0",
        "RXLINE_CLOCK_FILE": clock.DEFAULT_FILE,
        "PYTHONUNBUFFERED": "1",
    }
    if not env.get("ORDER_SYSTEM_URL"):
        practice |= {
            "ORDER_SYSTEM_URL": f"http://127.0.0.1:{ports.sandbox}",
            "ORDER_SYSTEM_TOKEN": SANDBOX_TOKEN,
            "ORDER_SYSTEM_EVENTS_URL": f"http://127.0.0.1:{ports.web}/orders/events",
            "ORDER_SYSTEM_EVENT_SECRET": SANDBOX_EVENT_SECRET,
        }
    if not env.get("TWILIO_ACCOUNT_SID"):
        practice |= {
            "TWILIO_ACCOUNT_SID": PRACTICE_ACCOUNT_SID,
            "TWILIO_AUTH_TOKEN": PRACTICE_AUTH_TOKEN,
            "TWILIO_API_URL": f"http://127.0.0.1:{ports.exchange}",
        }
    return {name: env.get(name) or value for name, value in practice.items()}


def choose_clock(settings: Settings, pharmacy: Pharmacy, now: datetime) -> str:
    """Return RXLINE_CLOCK for every part: as told, else inside opening hours, and for real calls the real time."""
    if settings.rxline_clock:
        return settings.rxline_clock
    return "real" if settings.twilio_is_real else practice_start(first_site_hours(pharmacy), now)


def present(file: Path) -> datetime:
    """Return the present, or when by its clock in `file` the line of before was left, if that is later.

    A record that goes on would else have calls and breaks that lie ahead.
    """
    written = [each.stat().st_mtime for each in file.parent.glob("*.db*")]
    left_at = clock.reading(file, max(written)) if written else None
    now = datetime.now(UTC)
    return max(now, left_at + timedelta(seconds=1)) if left_at else now


def first_site_hours(pharmacy: Pharmacy) -> Hours:
    """Return the hours of the site named first, which the practice line is about."""
    return pharmacy.hours[next(iter(pharmacy.sites))]


def start_clock(file: Path) -> Callable[[], datetime]:
    """Start the clock RXLINE_CLOCK names afresh for every part and return its `now`; raises ClockRefused."""
    spec = os.environ["RXLINE_CLOCK"]
    if not clock.is_real(spec):
        clock.start_anchor(spec, file)
    return clock.Clock.from_environment().now


def names_to_note(settings: Settings, env: Mapping[str, str]) -> dict[str, str]:
    """Return the names other commands here need to act on this line; none of a real one, which are secrets."""
    if settings.twilio_is_real:
        return {}
    return {name.upper(): env[name.upper()] for name in Settings.model_fields if name.upper() in env}


def practice_start(hours: Hours, now: datetime) -> str:
    """Return the present while the pharmacy is open, else its next working day with 10:00 inside its hours.

    Both as a practice clock, never `real`, so that the phone page can set the time.
    """
    zone = ZoneInfo(hours.timezone)
    if hours.closed_because(now) is None:
        return now.astimezone(zone).isoformat(timespec="seconds")
    today = now.astimezone(zone).replace(hour=PRACTICE_HOUR, minute=0, second=0, microsecond=0)
    mornings = (today + timedelta(days=days) for days in range(_DAYS_TO_LOOK_AHEAD))
    usual = (
        at for at in mornings if at > now and at.weekday() < 5 and hours.closed_because(at.astimezone(UTC)) is None
    )
    return next(usual, hours.opens_next(now).astimezone(zone)).isoformat(timespec="minutes")


def refuse_ports_in_use(ports: Mapping[str, int]) -> None:
    """Raise CouldNotRun naming every port something already listens on, and what to do."""
    taken = {part: port for part, port in ports.items() if _in_use(port)}
    if taken:
        which = ", ".join(f"{port} ({part})" for part, port in taken.items())
        other = " ".join(f"--{part}-port {port + 1}" for part, port in taken.items())
        raise CouldNotRun(f"in use already: port {which}; stop what listens there, or: make run ARGS='{other}'")


def _ready_url(ports: Ports) -> str:
    return f"http://127.0.0.1:{ports.web}/readyz"


def http_not_ready(url: str, seconds: float = ANSWER_SECONDS) -> str:
    """Return why whoever should answer at `url` cannot serve yet, or "" when it can."""
    try:
        with _HTTP.open(url, timeout=seconds):
            return ""
    except urllib.error.HTTPError as error:
        with error:
            # Anything below 500 is a server that answers, if only that it has no such page.
            return f"{error.code} {error.read(2000).decode(errors='replace')}" if error.code >= 500 else ""
    except (OSError, http.client.HTTPException):
        return f"no answer at {url}"


def line_not_ready(url: str, may_be_away: Collection[str]) -> str:
    """Return what keeps a line from serving, by its `/readyz` at `url`, or ""; it serves without some parts."""
    return ", ".join(f"{part}: {wrong}" for part, wrong in parts_not_ok(url).items() if part not in may_be_away)


def parts_not_ok(url: str) -> dict[str, str]:
    """Return what the `/readyz` at `url` finds wrong, by part; `web` is wrong where it answers nothing of the kind."""
    why = http_not_ready(url, PARTS_SECONDS)
    try:
        told = json.loads(why.removeprefix("503 ") or "{}")
    except ValueError:
        return {"web": why}
    return {part: wrong for part, wrong in told.items() if part not in _NO_PARTS and wrong != "ok"}


def port_not_ready(port: int) -> str:
    """Return why nobody can connect to the port yet, or "" when one can."""
    return "" if _in_use(port) else f"no answer at port {port}"


def welcome(settings: Settings, pharmacy: Pharmacy, now: datetime) -> str:
    """Return the one line that says where to go and what to dial."""
    line = next(iter(pharmacy.lines.values()))
    there = first_site_hours(pharmacy).local(now)
    if settings.twilio_is_real:
        return f"ready: {line.number} ({line.name}) is answered at {settings.public_url}. Ctrl-C stops it"
    dial = Path(sys.argv[0]).with_name("ivr")
    shown = os.path.relpath(dial) if dial.exists() else "ivr"
    return (
        f"ready: open {settings.twilio_api_url}/phone or run `{shown} dial`, and dial {line.number} "
        f"({line.name}). It is {there:%A %H:%M} there. Ctrl-C stops it"
    )


def _programs(
    settings: Settings, ports: Ports, starts: frozenset[str], valkey_port: int, door: int
) -> tuple[list[Program], list[Program]]:
    """Return the programs to start before the database is ready, and those that need it."""
    python, env = sys.executable, dict(os.environ)
    first = []
    if "valkey" in starts:
        valkey = valkey_command(Path("var/valkey"), valkey_port)
        first.append(
            Program(
                "valkey",
                valkey,
                env,
                lambda: port_not_ready(valkey_port),
                restarts=True,
                stops_last=True,
                hides="Memory overcommit",  # advice for large servers
            )
        )
    if "sandbox" in starts:
        sandbox = (python, "-m", "ivr.orders.sandbox")
        first.append(Program("sandbox", sandbox, env, lambda: http_not_ready(settings.order_system_url), restarts=True))
    if "exchange" in starts:
        phone = f"{settings.twilio_api_url}/phone"
        first.append(Program("exchange", (python, "-m", "ivr.phone"), env, lambda: http_not_ready(phone)))
    gunicorn = (python, "-m", "gunicorn", "--bind", f"fd://{door}")
    elsewhere = {"order_system": "sandbox", "valkey": "valkey"}
    others = {part for part, ours in elsewhere.items() if ours not in starts}  # they may be away, as on any day
    web = Program("web", gunicorn, env, lambda: line_not_ready(_ready_url(ports), others), restarts=True, files=(door,))
    worker = Program("worker", (python, "worker.py"), env, restarts=True)
    saves = Program("content", (python, "-m", "ivr.cli", "publish", "--watch"), env, restarts=True)
    return first, [web, worker, saves] if publishes_saves(settings) else [web, worker]


def _migrate(processes: Processes, settings: Settings) -> None:
    began = time.monotonic()
    try:
        migrate(settings.database_url, settings.secret_key, settings.record_key, settings.audit_key)
    except Unreachable as away:
        raise CouldNotRun(f"the database could not be brought up to date: {away}") from None
    processes.say(f"database up to date ({time.monotonic() - began:.1f} s)")


def _in_use(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(ANSWER_SECONDS)
        return probe.connect_ex(("127.0.0.1", port)) == 0
