"""`ivr forecasts`: what callers were told of their wait, and how long it then was."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Sequence
from datetime import timedelta
from statistics import median
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from ivr.clock import Clock
from ivr.core.metrics import forecast_kept
from ivr.settings import Settings
from ivr.store import Record
from ivr.store.forecasts import Judged


@click.command()
@click.option("--days", default=7, show_default=True, type=click.IntRange(1, 366), help="how far back")
@click.option("--json", "as_json", is_flag=True, help="for machines")
def forecasts(days: int, as_json: bool) -> None:
    """What callers on hold were told of their wait, held against how long it then was, queue by queue."""
    settings = Settings.from_environment()
    with contextlib.closing(Record.from_settings(settings)) as record:
        told = record.forecasts.judged(Clock.from_environment().now() - timedelta(days=days))
    rows = [_row(queue, [one for one in told if one.queue == queue]) for queue in sorted({one.queue for one in told})]
    if as_json:
        click.echo(json.dumps(rows, indent=1))
    elif not rows:
        click.echo(f"nobody was told how long they would wait in the last {days} days")
    else:
        Console().print(_table(rows))


def _row(queue: str, told: Sequence[Judged]) -> dict[str, Any]:
    answered = [(one, one.waited_seconds) for one in told if one.waited_seconds is not None]
    late = [waited / 60 - one.high_minutes for one, waited in answered]
    return {
        "queue": queue,
        "told": len(told),
        "answered": len(answered),
        "kept": forecast_kept((one.high_minutes, waited) for one, waited in answered),
        "minutes_past_the_range": round(median(late), 1) if late else None,
    }


def _table(rows: Sequence[dict[str, Any]]) -> Table:
    table = Table(title="Waits foretold", title_justify="left", box=None, header_style="bold")
    for column in ("queue", "told", "answered", "not longer than told", "median past the range"):
        table.add_column(column)
    for row in rows:
        kept, late = row["kept"], row["minutes_past_the_range"]
        share, past = "" if kept is None else f"{kept:.0%}", "" if late is None else f"{late} min"
        table.add_row(row["queue"], str(row["told"]), str(row["answered"]), share, past)
    return table
