"""The web process: its parts put together, and what operators ask of it (`/healthz`, `/readyz`, `/metrics`)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, cast
from zoneinfo import ZoneInfo

import structlog
from flask import Blueprint, Flask, Response, current_app, jsonify
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Gauge, generate_latest

from ivr import logs, versions
from ivr.clock import Clock
from ivr.console import api, practice
from ivr.console.problems import Problem
from ivr.content.library import Library
from ivr.content.recordings import Shelf
from ivr.enquiries import SILENT_SECONDS
from ivr.hearing import Hearing
from ivr.live import Live
from ivr.orders.chosen import order_system
from ivr.settings import PRACTICE_ACCOUNT_SID, Settings
from ivr.store import Passes, Record, WrongKey
from ivr.switchboard import Switchboard
from ivr.taking import take
from ivr.telephony import access
from ivr.telephony.rest import Gone, Refused, Telephone, Unknown

log = structlog.get_logger(__name__)

operations = Blueprint("operations", __name__)


def connect(settings: Settings, hearing: Hearing | None = None) -> Switchboard:
    """Put the parts of one process together: the record, the content, the order system, the doorbell, the clock.

    `hearing` understands what callers say; processes that answer no phone need none. Raises WrongKey for a record that
    our keys do not open.
    """
    board = _put_together(settings, hearing)
    board.record.sealing.begin()
    return board


def _put_together(settings: Settings, hearing: Hearing | None) -> Switchboard:
    clock = Clock.from_environment()
    record = Record.from_settings(settings)
    library = versions.open_library(record, settings.rxline_content, clock.now())
    record.desk.seed_agents(library.current().staff, clock.now())
    return Switchboard(
        record=record,
        library=library,
        orders=order_system(settings, partial(_pharmacy_time, library, clock)),
        live=Live(settings.redis_url),
        clock=clock,
        public_url=settings.public_url,
        secret_key=settings.secret_key,
        recordings=Shelf(settings.rxline_content),
        recording_url=partial(sound_url, settings),
        listener=hearing,
    )


def _pharmacy_time(library: Library, clock: Clock) -> datetime:
    """The time at the first of our sites: the day an order system's dates are counted from."""
    site = next(iter(library.current().sites.values()))
    return clock.now().astimezone(ZoneInfo(site.timezone))


def serve(settings: Settings, hearing: Hearing | None = None) -> Switchboard:
    """Put together a process that stays: from now on it follows what is published.

    Without the record's keys it stays too: callers hear an apology, and `/readyz` says why.
    """
    board = _put_together(settings, hearing)
    try:
        board.record.sealing.begin()
    except WrongKey as wrong:
        log.error("record_not_opened", why=str(wrong))
    if hearing:
        board.library.listen(hearing.warm)
    versions.follow(board.library, board.record.published)
    return board


def sound_url(settings: Settings, recording: str) -> str:
    """Return where the carrier fetches a recording to play it: from us, for its own may ask for credentials."""
    return f"{settings.public_url}/voice/sounds/{Passes(settings.secret_key).issue(recording)}"


def create_app(settings: Settings) -> Flask:
    """A Flask app with its switchboard and the operators' pages; `webhooks.py` adds the doors."""
    logs.configure(settings.log_level)
    web = Flask(__name__, static_folder=str(Path(__file__).parent / "telephony" / "sounds"), static_url_path="/static")
    web.url_map.merge_slashes = False  # a redirect would cost a caller the keys they pressed
    web.extensions["switchboard"] = serve(settings, Hearing())
    web.register_blueprint(operations)
    doors = outside(settings)
    web.extensions.update(sound=doors.sound, passes=Passes(settings.secret_key))
    web.register_blueprint(api.blueprint(web.extensions["switchboard"], doors))
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
    """Each part the line leans on, by name: `ok`, or what is wrong with it; and the version callers get here."""
    board = _board()
    states = {
        "database": _database_state(board),
        "valkey": "ok" if board.live.ready() else "unreachable: polling every second instead",
        "order_system": "ok" if board.orders.ready() else "unreachable: facts stay unknown, writes wait",
        "content": board.library.behind or "ok",
    }
    states["worker"] = _worker_state(board) if states["database"] == "ok" else "unknown"
    is_ready = set(states.values()) == {"ok"}
    return jsonify(states | {"version": board.library.current().version}), 200 if is_ready else 503


def _database_state(board: Switchboard) -> str:
    return (board.record.sealing.trouble() or "ok") if board.record.watch.ready() else "unreachable"


def _worker_state(board: Switchboard) -> str:
    beats = board.record.watch.beats()
    if not beats:
        return "never seen: nobody is offered a call"
    late = sorted(name for name, age in beats.items() if age > SILENT_SECONDS)
    return f"silent: {', '.join(late)}" if late else "ok"


@operations.get("/metrics")
def metrics() -> Response:
    """Figures for Prometheus, counted from the record when asked."""
    board, registry = _board(), CollectorRegistry()
    pending = Gauge("rxline_effects_pending", "Effects committed and not done", ["lane"], registry=registry)
    for lane, count in board.record.outbox.pending().items():
        pending.labels(lane).set(count)
    waiting = Gauge("rxline_tickets_waiting", "Tickets in line", ["site", "queue"], registry=registry)
    for site in board.pharmacy().sites:
        for ticket in board.record.desk.waiting(site):
            waiting.labels(site, ticket.queue).inc()
    presence = Gauge("rxline_agents", "Agents by presence", ["presence"], registry=registry)
    for agent in board.record.desk.agents().values():
        presence.labels(agent.presence).inc()
    beat = Gauge(
        "rxline_worker_silent_seconds",
        "Since the worker's child was last heard of",
        ["child"],
        registry=registry,
    )
    for child, age in board.record.watch.beats().items():
        beat.labels(child).set(age)
    return Response(generate_latest(registry), mimetype=CONTENT_TYPE_LATEST)
