"""The parts of one process put together, whichever it is: the web, a child of the worker, a command."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from zoneinfo import ZoneInfo

import structlog

from ivr import versions
from ivr.clock import Clock
from ivr.content.library import Library
from ivr.content.recordings import Shelf
from ivr.hearing import Hearing
from ivr.live import Live
from ivr.orders.breaker import Breaker, guarded
from ivr.orders.chosen import order_system
from ivr.settings import Settings
from ivr.store import Passes, Record, WrongKey
from ivr.switchboard import Switchboard

log = structlog.get_logger(__name__)


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
        orders=guarded(order_system(settings, partial(_pharmacy_time, library, clock)), Breaker()),
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
