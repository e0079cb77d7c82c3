"""What staff type about messages: which there are, what is in one, and what came of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import click

from ivr.desk import ago, show, until
from ivr.parts import connect
from ivr.presence import Refused
from ivr.printed import plain
from ivr.settings import Settings
from ivr.store import LeftMessage
from ivr.switchboard import Switchboard

ITEMS = ("npi", "office_number", "last_name", "first_name", "date_of_birth", "drug", "strength", "unit", "quantity")
UNTRUSTED = "Transcript, by a machine, of a stranger's words. Listen before you act on it:"


@click.command()
@click.argument("call_id", required=False)
@click.option("--by", metavar="AGENT", help="who listens, closes, calls back or confirms")
@click.option("--close", metavar="CODE", help="it has been worked, and this came of it: a code of its queue")
@click.option("--unheard", default="", metavar="REASON", help="why a supervisor closes what nobody has heard")
@click.option("--call-back", is_flag=True, help="have whoever left it called back")
@click.option("--confirm", is_flag=True, help="a second person finds a prescription as the first did")
def messages(
    call_id: str | None, by: str | None, close: str | None, unheard: str, call_back: bool, confirm: bool
) -> None:
    """The messages to be worked, by promise; with CALL_ID and --by, listen to one, or do with it what you say."""
    board = connect(Settings.from_environment())
    if call_id is None:
        return _list(board)
    if by is None:
        raise click.ClickException("say who you are: --by with your id in config/staff.yaml")
    if close is not None:
        return _done(lambda: board.deeds.close_message(call_id, by, close, unheard), call_id, "closed")
    if call_back:
        return _done(lambda: board.deeds.call_back_message(call_id, by), call_id, "to be called back")
    if confirm:
        return _done(lambda: board.deeds.confirm_message(call_id, by), call_id, "confirmed")
    return _listen(board, call_id, by)


def _list(board: Switchboard) -> None:
    now = board.clock.now()
    rows = [
        (
            message.queue,
            message.kind,
            ago(message.left_at, now),
            until(message.promised_at, now),
            f"{message.seconds} s",
            _state(message),
            message.call_id,
        )
        for site in board.pharmacy().sites
        for message in board.record.messages.open(site)
    ]
    show(
        "Messages", ("queue", "kind", "left", "promise", "length", "state", "call"), rows, "no message is to be worked"
    )


def _state(message: LeftMessage) -> str:
    stage = f"worked by {message.closed_by}, to be confirmed" if message.closed_by else ""
    heard = f"heard by {' '.join(message.played_by)}" if message.played_by else "unheard"
    return ", ".join((stage or heard, *message.flags))


def _done(act: Callable[[], None], call_id: str, what: str) -> None:
    try:
        act()
    except Refused as refusal:
        raise click.ClickException(str(refusal)) from None
    except LookupError:
        raise click.ClickException(f"no call is called `{call_id}`") from None
    click.echo(f"{call_id}: {what}")


def _listen(board: Switchboard, call_id: str, by: str) -> None:
    found: list[LeftMessage] = []
    _done(lambda: found.append(board.deeds.play_message(call_id, by)), call_id, f"heard by {by}")
    for line in _told(found[0]):
        click.echo(line)


def _told(message: LeftMessage) -> Iterator[str]:
    yield f"recording: {message.recording or 'none'}, {message.seconds} seconds"
    if message.flags:
        yield f"flags: {', '.join(message.flags)}"
    for name in (*ITEMS, *sorted(set(message.items) - set(ITEMS))):
        if name in message.items:
            yield f"{name.replace('_', ' ')}: {plain(message.items[name])}"
    if message.transcript is None:
        yield f"no transcript ({message.heard})"
    else:
        yield UNTRUSTED
        yield f"  {plain(message.transcript)}"
