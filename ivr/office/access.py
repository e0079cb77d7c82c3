"""What admins type about who may do what by the API, and who did."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime

import click
from rich.console import Console
from rich.table import Table

from ivr.parts import connect
from ivr.settings import Settings
from ivr.store import Entry, Kept
from ivr.switchboard import Switchboard

NARROWEST = 120
BY = DOOR = "cli"


@click.command()
@click.argument("agent", metavar="ID", required=False)
@click.option("--revoke", is_flag=True, help="their tokens open nothing from now on")
@click.option("--name", default="", help="with --revoke: only the token that is listed by this name")
@click.option("--list", "listed", is_flag=True, help="every token: whose, since when, until when; never what it is")
def token(agent: str | None, revoke: bool, name: str, listed: bool) -> None:
    """Make a bearer token for the API and show it, this once; it may do what ID's `role` in staff.yaml says.

    Of a token only a hash is kept. Who is taken off the staff has no use of it from that moment.
    """
    board = connect(Settings.from_environment())
    if listed:
        return _list(board)
    # Of somebody who has left, tokens can still be revoked: they may come back one day.
    if agent is None or (agent not in board.pharmacy().staff and not revoke):
        raise click.ClickException(f"say whose: one of {', '.join(board.pharmacy().staff)}")
    if revoke:
        return _revoke(board, agent, name)
    made = board.record.staff.make_token(agent, Entry(BY, DOOR, "token.made", f"agent:{agent}"), board.clock.now())
    click.echo(made)
    click.echo(f"shown this once: who has it is `{agent}`. `ivr agents token {agent} --revoke` ends it", err=True)
    return None


def _list(board: Switchboard) -> None:
    tokens = board.record.staff.tokens()
    if not tokens:
        return click.echo("nobody has a token")
    rows = [(each.name, each.agent, _day(each.made_at), _day(each.revoked_at)) for each in tokens]
    return _show("Tokens", ("name", "agent", "made (UTC)", "revoked"), rows)


def _day(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M}" if at else ""


def _revoke(board: Switchboard, agent: str, name: str) -> None:
    entry = Entry(BY, DOOR, "token.revoked", f"agent:{agent}", name)
    revoked = board.record.staff.revoke(agent, entry, board.clock.now(), name)
    if not revoked:
        raise click.ClickException(f"`{agent}` has no such token; `ivr agents token --list` lists them")
    click.echo(f"revoked: {revoked}")


@click.command()
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 10_000), help="how many lines")
@click.option("--json", "as_json", is_flag=True, help="for machines, a line each")
def audit(limit: int, as_json: bool) -> None:
    """Who changed what, by API, command or phone, the latest first; what was refused too, and why."""
    kept = connect(Settings.from_environment()).record.staff.audit(limit)
    if as_json:
        for each in kept:
            click.echo(json.dumps(_plain(each)))
    elif kept:
        columns = ("at (UTC)", "by", "door", "act", "on", "detail", "outcome")
        _show("Audit", columns, [_row(each) for each in kept])
    else:
        click.echo("nobody has changed anything")


def _plain(kept: Kept) -> dict[str, str]:
    entry = kept.entry
    told = {name: getattr(entry, name) for name in ("by", "door", "act", "subject", "detail", "outcome", "why")}
    return {"id": kept.id, "at": kept.at.isoformat(), **told}


def _row(kept: Kept) -> tuple[str, ...]:
    entry = kept.entry
    outcome = f"{entry.outcome}: {entry.why}" if entry.why else entry.outcome
    return f"{kept.at:%Y-%m-%d %H:%M:%S}", entry.by, entry.door, entry.act, entry.subject, entry.detail, outcome


def _show(title: str, columns: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> None:
    table = Table(title=title, title_justify="left", box=None, header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*row)
    Console(width=max(Console().width, NARROWEST)).print(table)
