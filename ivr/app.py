"""The web process, and what operators ask of it (`/healthz`, `/readyz`, `/metrics`)."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, cast

import structlog
from flask import Blueprint, Flask, Response, current_app, jsonify
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, generate_latest

from ivr import draining, logs, news_door
from ivr.console import api, practice
from ivr.console.problems import Problem
from ivr.core.line import Ticket
from ivr.hearing import Hearing
from ivr.orders.breaker import standing_of
from ivr.parts import serve
from ivr.settings import PRACTICE_ACCOUNT_SID, Settings
from ivr.store import Passes, Unreachable
from ivr.store.watch import SILENT_SECONDS
from ivr.switchboard import Switchboard
from ivr.taking import take
from ivr.telephony import access
from ivr.telephony.rest import Gone, Refused, Telephone, Unknown

log = structlog.get_logger(__name__)

AGAIN_SECONDS = 0.5

operations = Blueprint("operations", __name__)


def _serve_once_reachable(settings: Settings) -> Switchboard:
    """Wait for a record that is away: where one process gives up as it starts, gunicorn ends all of them.

    Those that started before go on apologizing to callers meanwhile.
    """
    while True:
        try:
            return serve(settings, Hearing())
        except Unreachable as away:
            log.error("record_unreachable", why=str(away))
            time.sleep(AGAIN_SECONDS)


def create_app(settings: Settings) -> Flask:
    """A Flask app with its switchboard and the operators' pages; `webhooks.py` adds the doors."""
    logs.configure(settings.log_level)
    web = Flask(__name__, static_folder=str(Path(__file__).parent / "telephony" / "sounds"), static_url_path="/static")
    web.url_map.merge_slashes = False  # a redirect would cost a caller the keys they pressed
    web.extensions["switchboard"] = _serve_once_reachable(settings)
    web.register_blueprint(operations)
    doors = outside(settings)
    web.extensions.update(sound=doors.sound, passes=Passes(settings.secret_key))
    web.register_blueprint(api.blueprint(web.extensions["switchboard"], doors))
    web.register_blueprint(news_door.blueprint(web.extensions["switchboard"], settings.event_keys))
    if settings.twilio_account_sid == PRACTICE_ACCOUNT_SID:
        web.register_blueprint(practice.blueprint(web.extensions["switchboard"]))
    return web


def outside(settings: Settings) -> api.Doors:
    """What the staff's API needs of the carrier: recordings, tokens to be rung in a browser, somebody's phone rung."""
    telephone = Telephone.from_settings(settings)

    def mint(client: str) -> tuple[str, str, datetime] | None:
        try:
            minted = access.voice_token(settings, client)
        except access.NoKey:
            return None
        return minted.token, minted.identity, minted.expires_at

    def sound(recording: str, kind: str = "wav") -> Iterator[bytes] | None:
        try:
            return telephone.recording_media(recording, kind)
        except Gone:
            return None
        except (Refused, Unknown):
            raise Problem(502, "no_sound", "the carrier does not give the recording out now") from None

    return api.Doors(take, mint, sound)


def raw_path(environ: dict[str, Any]) -> str:
    """Path and query exactly as received: Werkzeug's own are decoded, and a signature covers the bytes."""
    raw = cast(str, environ.get("RAW_URI") or environ.get("REQUEST_URI") or environ["PATH_INFO"])
    return "/" + raw.split("/", 3)[3] if raw.startswith(("http://", "https://")) else raw


def _board() -> Switchboard:
    return cast(Switchboard, current_app.extensions["switchboard"])


@operations.get("/healthz")
def healthz() -> Response:
    """The process is up."""
    return jsonify(status="up")


@operations.get("/readyz")
def readyz() -> tuple[Response, int]:
    """Each part the line leans on, by name: `ok`, or what is wrong with it; and the version callers get here.

    `order_system_is` is `asked`, or `resting` or `trying` while this process spares it questions it would not answer.
    """
    board = _board()
    states = _states(board)
    is_ready = set(states.values()) == {"ok"}
    told = {"version": board.library.current().version, "order_system_is": standing_of(board.orders).state}
    return jsonify(states | told), 200 if is_ready else 503


@operations.get("/readyz/web")
def readyz_web() -> tuple[Response, int]:
    """What a proxy asks: whether to send callers here, who are served whatever else is down."""
    state = _web_state()
    return jsonify(web=state), 200 if state == "ok" else 503


def _states(board: Switchboard) -> dict[str, str]:
    states = {
        "web": _web_state(),
        "database": _database_state(board),
        "valkey": "ok" if board.live.ready() else "unreachable: polling every second instead",
        "order_system": "ok" if board.orders.ready() else "unreachable: facts stay unknown, writes wait",
        "content": board.library.behind or "ok",
    }
    states["worker"] = _worker_state(board) if states["database"] == "ok" else "unknown"
    return states


def _web_state() -> str:
    return "leaving: serves on until the proxy has noticed" if draining.is_leaving() else "ok"


def _database_state(board: Switchboard) -> str:
    return board.record.watch.trouble() or board.record.sealing.trouble() or "ok"


def _worker_state(board: Switchboard) -> str:
    beats = board.record.watch.beats()
    if not beats:
        return "never seen: nobody is offered a call"
    late = sorted(name for name, age in beats.items() if age > SILENT_SECONDS)
    return f"silent: {', '.join(late)}" if late else "ok"


@operations.get("/metrics")
def metrics() -> Response:
    """Figures for Prometheus, counted from the record when asked; without the record, which parts are ready."""
    board, registry = _board(), CollectorRegistry()
    states = _states(board)
    figures = Figures(registry)
    figures.parts(states)
    if states["database"] == "ok":
        figures.of_record(board)
    _tell_standing(board, registry)
    return Response(generate_latest(registry), mimetype=CONTENT_TYPE_LATEST)


def _tell_standing(board: Switchboard, registry: CollectorRegistry) -> None:
    """Whether this process leaves the order system alone; another has its own opinion."""
    standing = standing_of(board.orders)
    held = Gauge("rxline_order_system_held_off", "1 while this process does not ask it", registry=registry)
    held.set(standing.state != "asked")
    spared = Counter("rxline_order_system_spared", "Questions it was not asked, having failed", registry=registry)
    spared.inc(standing.spared)


class Figures:
    """What `/metrics` tells. Each name is in docs/alerts.yaml or on somebody's wall: add, never rename."""

    def __init__(self, registry: CollectorRegistry) -> None:
        gauge = partial(Gauge, registry=registry)
        self._ready = gauge("rxline_part_ready", "1 for a part that /readyz calls ok, else 0", ["part"])
        self._pending = gauge("rxline_effects_pending", "Effects committed and not done", ["lane"])
        self._overdue = gauge("rxline_effects_overdue_seconds", "How long the oldest effect has been due", ["lane"])
        self._waiting = gauge("rxline_tickets_waiting", "Tickets in line", ["site", "queue"])
        self._late = gauge("rxline_tickets_late_seconds", "How late the latest promise is", ["site", "queue"])
        self._emergencies = gauge("rxline_emergencies_waiting", "Emergencies in line", ["site"])
        self._agents = gauge("rxline_agents", "Agents by presence", ["presence"])
        self._silent = gauge("rxline_worker_silent_seconds", "Since the worker's child was last heard of", ["child"])

    def parts(self, states: Mapping[str, str]) -> None:
        """Which part is ready."""
        for part, state in states.items():
            self._ready.labels(part).set(state == "ok")

    def of_record(self, board: Switchboard) -> None:
        """What the record counts now."""
        record, now = board.record, board.clock.now()
        for lane, count in record.outbox.pending().items():
            self._pending.labels(lane).set(count)
        for lane, seconds in record.outbox.overdue().items():
            self._overdue.labels(lane).set(seconds)
        for site in board.pharmacy().sites:
            self._in_line(site, record.desk.waiting(site), now)
        staff = board.pharmacy().staff  # an on-call number is always there, and is nobody who has signed in
        for id_, agent in record.desk.agents().items():
            if id_ in staff:
                self._agents.labels(agent.presence).inc()
        for child, age in record.watch.beats().items():
            self._silent.labels(child).set(age)

    def _in_line(self, site: str, tickets: Sequence[Ticket], now: datetime) -> None:
        self._emergencies.labels(site).set(sum(ticket.emergency for ticket in tickets))
        late: dict[str, float] = {}
        for ticket in tickets:
            self._waiting.labels(site, ticket.queue).inc()
            due_at = max(ticket.promised_at, ticket.not_before or ticket.promised_at)
            late[ticket.queue] = max(late.get(ticket.queue, 0.0), (now - due_at).total_seconds())
        for queue, seconds in late.items():
            self._late.labels(site, queue).set(seconds)
