"""`ivr events`: what happened at the order system, and whom it was about has not heard."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import click

from ivr.desk import ago, show
from ivr.news import Newsroom
from ivr.parts import connect
from ivr.settings import Settings
from ivr.store import OrderEvent


@click.command()
@click.option("--days", default=7, show_default=True, type=click.IntRange(1, 366), help="how far back")
@click.option("--all", "every", is_flag=True, help="every event that is kept, told or not, the newest first")
@click.option("--json", "as_json", is_flag=True, help="for machines")
def events(days: int, every: bool, as_json: bool) -> None:
    """What happened at the order system, holds still, and its patients have not heard from us, the oldest first.

    They have heard once staff answered a call of theirs since, or the machine told them how that prescription stands.
    """
    board = connect(Settings.from_environment())
    now = board.clock.now()
    since = now - timedelta(days=days)
    found = board.record.order_events.since(since) if every else Newsroom(board).untold(since)
    if as_json:
        return click.echo(json.dumps([_told(event) for event in found], indent=1))
    rows = [
        (f"{ago(event.at, now)} ago", event.type, event.person or "", event.prescription or "", event.task or "")
        for event in found
    ]
    columns = ("when", "what", "person", "prescription", "task")
    return show("Events", columns, rows, "nothing has happened" if every else "nobody waits to hear of anything")


def _told(event: OrderEvent) -> dict[str, Any]:
    names = ("id", "type", "person", "prescription", "task")
    return {"at": event.at.isoformat(), **{name: getattr(event, name) for name in names}}
