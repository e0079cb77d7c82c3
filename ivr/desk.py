"""What supervisors type: who is working, who is in line, what came of a call."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Sequence
from dataclasses import fields
from datetime import datetime, timedelta
from typing import Any

import click
import structlog
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ivr.content import scalars
from ivr.content.written import Wrong
from ivr.core.authority import not_to_unlock
from ivr.core.line import Agent, Ticket
from ivr.core.staff_line import WORKED
from ivr.core.wrap_up import queue_of
from ivr.doors import Doors
from ivr.office import access
from ivr.parts import connect
from ivr.presence import Refused, Wish
from ivr.printed import plain
from ivr.rota import shifts_of
from ivr.settings import Settings
from ivr.store import AgentNow, Conflict, Disposition, Entry, Moved
from ivr.sweep import run_once
from ivr.switchboard import Switchboard
from ivr.telephony.forms import e164
from ivr.telephony.rest import Telephone

log = structlog.get_logger(__name__)

WHOLE = ("id", "call")
NARROWEST = 122
PRESENCES = ("available", "break", "out")
SAID = {"on_break": "break", "signed_out": "out"}  # what is queued, as it is typed


class OrToken(click.Command):
    """A command about agents, unless its first word is `token`: then it is the one about their tokens."""

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        if args[:1] == ["token"]:
            return access.token.make_context(f"{info_name} token", args[1:], parent, **extra)
        return super().make_context(info_name, args, parent, **extra)

    def invoke(self, ctx: click.Context) -> Any:
        return super().invoke(ctx) if ctx.command is self else ctx.command.invoke(ctx)


def line_board() -> Switchboard:
    return connect(Settings.from_environment())


def show(title: str, columns: tuple[str, ...], rows: Sequence[tuple[str, ...]], empty: str) -> None:
    """Print rows as a table, or what to say when there are none."""
    if not rows:
        click.echo(empty)
        return
    table = Table(title=title, title_justify="left", box=None, header_style="bold")
    for column in columns:
        table.add_column(column, no_wrap=column in WHOLE)
    for row in rows:
        table.add_row(*(Text(plain(each)) for each in row))  # brackets are brackets, and no markup
    # A narrow terminal may break lines, but nothing of an id that is to be typed again may be left out.
    Console(width=max(Console().width, NARROWEST)).print(table)


@click.command(cls=OrToken)
@click.argument("agent", required=False)
@click.argument("presence", required=False, type=click.Choice(PRESENCES))
@click.option("--reason", default="", help="why, for a break")
@click.option("--by", metavar="AGENT", help="who moves them, for their history")
@click.option("--force", is_flag=True, help="end the call that holds them first")
@click.option("--history", is_flag=True, help="the day of AGENT, move by move")
def agents(agent: str | None, presence: str | None, reason: str, by: str | None, force: bool, history: bool) -> None:
    """Who takes calls and what they are doing; with AGENT and a PRESENCE, move them there.

    Whoever has a caller goes on break, or out, after that call; `available` takes it back. With --force the call that
    holds them is ended, and they go at once. `ivr agents token AGENT` makes them a token for the API.
    """
    board = line_board()
    staff = board.pharmacy().staff
    for name in (agent, by):
        if name is not None and name not in staff:
            raise click.ClickException(f"nobody in config/staff.yaml is called `{name}`; they are {', '.join(staff)}")
    if agent is not None and presence is not None:
        _move(board, Wish(agent, presence, by or access.BY, access.DOOR, reason, force=force))
    if agent is not None and history:
        return _day(board, staff[agent])
    now = board.record.desk.agents()
    rows = [_agent_row(board, staff[id_], now[id_]) for id_ in staff if id_ in now]
    show("Agents", ("id", "name", "presence", "for", "shift", "queues"), rows, "nobody is on the staff")
    return None


def _agent_row(board: Switchboard, agent: Agent, now: AgentNow) -> tuple[str, ...]:
    at = board.clock.now()
    why = now.reason if now.presence != "wrap_up" else ""  # there it is the call
    presence = f"{now.presence} ({why})" if why else now.presence
    queued = f", then {SAID[now.next]}" if now.next else ""
    shifts = shifts_of(agent, board.pharmacy())
    shift = (shifts.told(at) or "off today") if shifts else ""
    return agent.id, agent.name, presence + queued, ago(now.since, at), shift, " ".join(sorted(agent.queues))


def _day(board: Switchboard, agent: Agent) -> None:
    """Every move since midnight at the site."""
    zone = board.pharmacy().hours[agent.site]
    local = zone.local(board.clock.now())
    moves = board.record.desk.day_of(agent.id, local.replace(hour=0, minute=0, second=0, microsecond=0))
    rows = [(f"{zone.local(move.at):%H:%M:%S}", *_told(move, agent)) for move in moves]
    show(agent.name, ("at", "presence", "reason", "then", "because", "by"), rows, "nothing has moved them today")


def _told(move: Moved, agent: Agent) -> tuple[str, ...]:
    by = "themselves" if move.by == agent.id else move.by
    return move.presence, move.reason, SAID.get(move.next, ""), move.event, by


def _move(board: Switchboard, wish: Wish) -> None:
    try:
        board.presence.move(wish)
    except Refused as refused:
        raise click.ClickException(str(refused)) from None


@click.command()
def line() -> None:
    """The tickets in line, in the order they are served."""
    board = line_board()
    now = board.clock.now()
    rows = [
        (ticket.queue, ticket.kind, ago(ticket.arrived_at, now), until(ticket.promised_at, now), ticket.call)
        for site in board.pharmacy().sites
        for ticket in board.record.desk.waiting(site)
    ]
    show("In line", ("queue", "kind", "since", "promise", "call"), rows, "nobody is in line")


@click.command()
@click.option("--close", metavar="CALL_ID", help="this one has been worked")
@click.option("--cancel", metavar="CALL_ID", help="call this one off")
@click.option("--move", metavar="CALL_ID", help="give this one another time, --to which it begins, or in turn")
@click.option("--to", "window", metavar="TIMES", help="by the site's clock, as in '2026-11-24 13:00 to 17:00'")
@click.option("--by", metavar="AGENT", help="who does it")
@click.option("--code", help="what came of the one that is closed, in a code of its queue")
def callbacks(
    close: str | None, cancel: str | None, move: str | None, window: str | None, by: str | None, code: str | None
) -> None:
    """The callbacks and messages promised and not yet kept: why, what was tried, when next; or do something to one."""
    if window is not None and move is None:
        raise click.ClickException("--to says when, and not which: --move CALL_ID --to TIMES")
    board = line_board()
    if close is not None:
        close_call(board, close, by, code)
    if cancel is not None:
        _change(board, cancel, lambda ticket, agent: board.deeds.cancel_callback(ticket, agent, door=access.DOOR), by)
    if move is not None:
        times = _window(board, move, window)
        _change(
            board, move, lambda ticket, agent: board.deeds.move_callback(ticket, times, agent, door=access.DOOR), by
        )
    sites, record = board.pharmacy().sites, board.record
    tickets = [each for site in sites for each in (*record.callbacks.under_way(site), *record.desk.waiting(site))]
    rows = [_promised_row(board, ticket) for ticket in tickets if ticket.kind != "hold"]
    columns = ("what, and the way there", "promise", "tried", "next", "quiet in", "call")
    show("Promised", columns, rows, "nothing is promised")


def _promised_row(board: Switchboard, ticket: Ticket) -> tuple[str, ...]:
    loaded, now = board.record.load_call(ticket.call), board.clock.now()
    assert loaded is not None
    call, site = loaded.call, board.pharmacy().sites[ticket.site]
    about = str(call.facts.get("intent", "unknown")).replace("_", " ")
    way = [crumb.place[-1].node for crumb in call.trail if crumb.place]
    way += [f"rule {call.decision.rule or 'otherwise'}"] if call.decision else []
    tried = ", ".join(f"{ago(attempt.at, now)} ago {attempt.came.replace('_', ' ')}" for attempt in ticket.tried)
    next_ = "" if ticket.kind == "voicemail" else _next_try(board, ticket, now)
    zones = "" if ticket.kind == "voicemail" else " ".join(ticket.zones) or site.timezone
    what = f"{ticket.kind}, {ticket.queue}, {about}: {' → '.join(way)}"
    return what, until(ticket.promised_at, now), tried or "not yet", next_, zones, ticket.call


def _next_try(board: Switchboard, ticket: Ticket, now: datetime) -> str:
    if ticket.state == "connecting":
        return "under way"
    if ticket.not_before is None or ticket.not_before <= now:
        return "in turn"
    hours = board.pharmacy().hours[ticket.site]
    return f"{hours.local(ticket.not_before):%a %H:%M}"


def _change(board: Switchboard, call_id: str, change: Callable[[str, str], Ticket], by: str | None) -> None:
    """Move a callback or call it off, as the staff's own functions do."""
    if by is None or by not in board.pharmacy().staff:
        raise click.ClickException(f"say who does it: --by with one of {', '.join(board.pharmacy().staff)}")
    loaded = board.record.load_call(call_id)
    if loaded is None or loaded.call.ticket is None:
        raise click.ClickException(f"no callback is promised in a call called `{call_id}`")
    try:
        change(loaded.call.ticket.id, by)
    except (Conflict, Refused) as refused:
        raise click.ClickException(str(refused)) from None


def _window(board: Switchboard, call_id: str, told: str | None) -> tuple[datetime, datetime] | None:
    """Return the times staff typed, by the clock of the callback's site; None where they typed none: in turn."""
    if told is None:
        return None
    loaded = board.record.load_call(call_id)
    if loaded is None:
        raise click.ClickException(f"no call is called `{call_id}`")
    hours = board.pharmacy().hours[loaded.call.site]
    day, _, times = told.partition(" ")
    try:
        on = scalars.day(day)
        start, end = scalars.time_range(times)
    except Wrong as wrong:
        raise click.ClickException(f"--to: {wrong}; write it as '2026-11-24 13:00 to 17:00'") from None
    return hours.instant(on, start), hours.instant(on, end)


def close_call(board: Switchboard, call_id: str, by: str | None, code: str | None) -> None:
    """Say what came of a call; a code that is none of its queue is refused with those that are, as none is."""
    if by is None or by not in board.pharmacy().staff:
        raise click.ClickException(f"say who worked it: --by with one of {', '.join(board.pharmacy().staff)}")
    loaded = board.record.load_call(call_id)
    if loaded is None:
        raise click.ClickException(f"no call is called `{call_id}`")
    if loaded.call.ticket is None:
        raise click.ClickException(f"`{call_id}` left nothing to work: it has no ticket")
    queue = queue_of(loaded.call, board.pharmacy())
    if code is None and queue is not None and queue.codes:
        raise click.ClickException(f"say what came of it: --code with one of {', '.join(c.name for c in queue.codes)}")
    try:
        board.deeds.close(loaded.call.ticket.id, code or WORKED, by, door=access.DOOR)
    except Refused as refused:
        raise click.ClickException(f"`{call_id}` is not closed: {refused}") from None


@click.command()
@click.argument("call_id", required=False)
@click.option("--json", "as_json", is_flag=True, help="for machines")
def dispositions(call_id: str | None, as_json: bool) -> None:
    """What came of the last calls, or of CALL_ID, and whether the order system has it."""
    found = line_board().record.dispositions(call_id)
    if as_json:
        click.echo(json.dumps([dict(row.body) for row in found], indent=1))
        return
    rows = [_disposition_row(row) for row in found]
    titles = ("call", "came (UTC)", "outcome", "code", "queue", "waited", "final", "written")
    show("Dispositions", titles, rows, "no call has ended")


def _disposition_row(row: Disposition) -> tuple[str, ...]:
    body = row.body
    waited = body.get("waited_seconds")
    written = "yes" if row.written_revision == row.revision else "on its way"
    came = f"{datetime.fromisoformat(body['arrived_at']):%m-%d %H:%M}"
    told = (came, body.get("outcome"), body.get("code"), body.get("queue"), "" if waited is None else f"{waited} s")
    return row.call_id, *(str(value or "") for value in told), "yes" if row.final else "no", written


def ago(since: datetime, now: datetime) -> str:
    """Return how long ago, in the unit people would use."""
    seconds = max(0, int((now - since).total_seconds()))
    return f"{seconds} s" if seconds < 120 else f"{seconds // 60} min" if seconds < 7200 else f"{seconds // 3600} h"


def until(at: datetime, now: datetime) -> str:
    """Return how long it is until then, or since."""
    return f"in {ago(now, at)}" if at >= now else f"passed {ago(at, now)} ago"


@click.command()
@click.argument("whom", required=False, metavar="[PERSON | NUMBER]")
@click.option("--by", metavar="AGENT", help="who lets them try again")
def unlock(whom: str | None, by: str | None) -> None:
    """Who may prove nothing for now, after too many wrong tries; with PERSON or NUMBER, let them try again.

    PERSON is the order system's id of who was aimed at, NUMBER a phone number with country code, as in +12125550101.
    """
    board = line_board()
    if whom is not None:
        _unlock(board, whom, by)
    policies, now = board.pharmacy().policies, board.clock.now()
    since = now - timedelta(seconds=policies.wrong_within_seconds)
    limits = {"person": policies.wrong_per_person, "number": policies.wrong_per_number}
    rows = [
        (each.person or f"a number ending in {each.number_ends}", str(each.wrong), f"{ago(each.last_at, now)} ago")
        for each in board.record.proofs.suspects(since, **limits)
    ]
    show("Locked", ("whom", "wrong tries", "the last"), rows, "nobody is locked")


def _unlock(board: Switchboard, whom: str, by: str | None) -> None:
    who = board.pharmacy().staff.get(by or "")
    if by is None or who is None:
        raise click.ClickException(f"say who lets them try again: --by with one of {', '.join(board.pharmacy().staff)}")
    if (why_not := not_to_unlock(who, whom)) is not None:
        raise click.ClickException(why_not)
    number = e164(whom) if whom.startswith("+") else None
    of = {"number": number} if number else {"person": whom}
    lifted = board.record.proofs.lift(by=by, now=board.clock.now(), **of)
    subject = f"number:…{number[-2:]}" if number else f"person:{whom}"
    board.record.staff.keep(Entry(by, access.DOOR, "unlock", subject, f"{lifted} tries"), board.clock.now())
    # The number itself is nobody's business but the record's, and there it is only a key.
    log.info("lock_lifted", by=by, person=None if number else whom, number_ends=number and number[-2:], tries=lifted)
    click.echo(f"{lifted} wrong tries count no more" if lifted else "no wrong try counted there")


@click.command()
def sweep() -> None:
    """Compare our record with the carrier's own lists, once and now; safe to run as often as you like."""
    settings = Settings.from_environment()
    with contextlib.closing(Telephone.from_settings(settings)) as telephone:
        swept = run_once(connect(settings), telephone, Doors.from_settings(settings))
    for field in fields(swept):
        found = getattr(swept, field.name)
        click.echo(f"{field.name.replace('_', ' ')}: {'could not look' if found is None else found}")
