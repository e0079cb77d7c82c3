"""What admins type about who may do what by the API, and who did."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict
from datetime import datetime
from typing import Any

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ivr.parts import connect
from ivr.printed import plain
from ivr.settings import Settings
from ivr.store import Broken, Entry, Kept, Record, Unreachable, Verdict
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


@click.group(invoke_without_command=True)
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 10_000), help="how many lines")
@click.option("--json", "as_json", is_flag=True, help="for machines, a line each")
@click.pass_context
def audit(context: click.Context, limit: int, as_json: bool) -> None:
    """Who changed what, by API, command or phone, the latest first; what was refused too, and why."""
    if context.invoked_subcommand is None:
        _tell(limit, as_json)


def _tell(limit: int, as_json: bool) -> None:
    kept = connect(Settings.from_environment()).record.staff.audit(limit)
    if as_json:
        for each in kept:
            click.echo(json.dumps(_plain(each)))
    elif kept:
        columns = ("at (UTC)", "by", "door", "act", "on", "detail", "outcome")
        _show("Audit", columns, [_row(each) for each in kept])
    else:
        click.echo("nobody has changed anything")


@audit.command()
@click.option("--json", "as_json", is_flag=True, help="for machines")
def verify(as_json: bool) -> None:
    """Whether every line of the audit stands as it was written, none changed, removed or put there since.

    Exits with 1 and names the first line that does not. Note the end it prints somewhere else from time to time:
    whoever puts back an older database, marks and all, is found by nothing but that.
    """
    settings = Settings.from_environment()
    with closing(Record.from_settings(settings)) as record:
        if not record.watch.ready():
            raise Unreachable("it is not there, or of another version")
        verdict = record.audit.verify()
    click.echo(json.dumps(_as_json(verdict), default=datetime.isoformat) if as_json else _sentence(verdict))
    if verdict.broken is not None:
        sys.exit(1)


def _as_json(verdict: Verdict) -> dict[str, Any]:
    told: dict[str, Any] = asdict(verdict) | {"end": verdict.end._asdict()}
    return told


def _sentence(verdict: Verdict) -> str:
    if verdict.broken is not None:
        return f"the audit does not hold: {_told(verdict.broken)}. {_holding(verdict)} before it hold"
    if not verdict.lines:
        return "the audit has no lines"
    gone = f"; {verdict.let_go:,} before them were kept long enough" if verdict.let_go else ""
    end = f"end: {verdict.end.seq} {verdict.end.hash}"
    return f"the audit holds: {_holding(verdict)}, none changed, removed or put there{gone}\n{end}"


def _holding(verdict: Verdict) -> str:
    if verdict.begins_at is None or verdict.ends_at is None:
        return f"{verdict.lines:,} lines"
    first, last = (f"{at:%Y-%m-%d %H:%M:%S}" for at in (verdict.begins_at, verdict.ends_at))
    return f"{verdict.lines:,} lines from {first} to {last} UTC"


def _told(broken: Broken) -> str:
    if broken.what != "line":
        return f"the mark of its {broken.what} was {broken.kind}"
    when = f" of {broken.at:%Y-%m-%d %H:%M:%S} UTC" if broken.at else ""
    if broken.kind != "removed":
        return f"line {broken.seq}{when} was {broken.kind} (id {broken.id})"
    before = f"before the one{when} (id {broken.id})" if broken.id else "at its end"
    return f"line {broken.seq} was removed, {before}"


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
        table.add_row(*(Text(plain(each)) for each in row))  # brackets are brackets, and no markup
    Console(width=max(Console().width, NARROWEST)).print(table)
