"""What admins type so that Twilio finds us, and callers hear something when it does not."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import click

from ivr import away
from ivr.core.pharmacy import Line, Pharmacy
from ivr.doors import Doors
from ivr.parts import connect as put_together
from ivr.settings import Settings
from ivr.store import RoundTrips
from ivr.telephony import round_trip
from ivr.telephony.own_numbers import OwnNumber
from ivr.telephony.rest import Refused, Telephone, Unknown

FOLDER = Path("var/fallback")
_NOT_OURS = "the account has no number {number}: buy it, or bring it over, at Twilio"


@dataclass(frozen=True, slots=True)
class Exchange:
    """What an admin has at hand: what callers get, and the account that owns the numbers."""

    settings: Settings
    pharmacy: Pharmacy
    telephone: Telephone

    def static_url(self, line: str) -> str:
        """Return where a line's static document is served; empty when there is no static host."""
        base = self.settings.fallback_url
        return f"{base}/{line}.xml" if base else ""

    def changes(self, line: Line) -> tuple[OwnNumber, dict[str, str]]:
        """Return a line's number and what of its settings has to change; raises ClickException."""
        found = self.telephone.own_number(line.number)
        if found is None:
            raise click.ClickException(_NOT_OURS.format(number=line.number))
        wanted = Doors.from_settings(self.settings).of_number(self.static_url(line.name))
        return found, wanted.changes(found.answering)

    def not_served(self) -> dict[str, str]:
        """Return what is wrong with the static documents on their host, by line."""
        wrong = {}
        for line, document in away.documents(self.pharmacy).items():
            if (url := self.static_url(line)) and (trouble := round_trip.trouble_with(url, document)):
                wrong[line] = f"{trouble}; put there what `ivr fallback` writes"
        return wrong


@contextlib.contextmanager
def _exchange() -> Iterator[Exchange]:
    settings = Settings.from_environment()
    board = put_together(settings)
    with contextlib.closing(board.record), contextlib.closing(Telephone.from_settings(settings)) as telephone:
        try:
            yield Exchange(settings, board.pharmacy(), telephone)
        except (Refused, Unknown) as trouble:
            raise click.ClickException(_of_twilio(trouble)) from None


def _of_twilio(trouble: Refused | Unknown) -> str:
    if trouble.status == 401:
        return "Twilio does not know us (401): see TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN, or the API key"
    return f"Twilio did not do it ({trouble}); what was done before stands, and the same command goes on from there"


@click.command()
@click.option("--out", default=FOLDER, show_default=True, type=click.Path(file_okay=False, path_type=Path))
@click.option("--publish", is_flag=True, help="then have Twilio ask FALLBACK_URL for it, once it is served there")
def fallback(out: Path, publish: bool) -> None:
    """Write what callers hear while the whole line is away: one TwiML file a line, for any host that serves files.

    Write them again whenever hours, numbers or words change, and put them on a host that does not fail with this one.
    """
    with _exchange() as exchange:
        out.mkdir(parents=True, exist_ok=True)
        for line, document in away.documents(exchange.pharmacy).items():
            (out / f"{line}.xml").write_bytes(document.encode())
            click.echo(f"{out / line}.xml")
        if publish:
            _publish(exchange)


def _publish(exchange: Exchange) -> None:
    if not exchange.settings.fallback_url:
        raise click.ClickException("FALLBACK_URL is not set: the address of the folder on the host that serves them")
    wrong = exchange.not_served()
    if wrong:
        raise click.ClickException("nothing is changed at Twilio:\n" + "\n".join(wrong.values()))
    for line in _lines(exchange.pharmacy):
        found, changes = exchange.changes(line)
        if not found.answering.voice_url:
            raise click.ClickException(f"{line.number} asks nobody yet: `ivr connect {line.number}` first")
        _change(exchange, line, found, {name: value for name, value in changes.items() if name.startswith("fallback")})


@click.command()
@click.argument("number")
@click.option("--dry-run", is_flag=True, help="try it, and say what would change")
def connect(number: str, dry_run: bool) -> None:
    """Have Twilio send a NUMBER's calls here: E.164, or the name of its line.

    First a request is signed as Twilio would and sent to PUBLIC_URL: only if it arrives as it was signed does anything
    change at Twilio. Then voice, fallback and status URLs are set. Running it again changes nothing.
    """
    with _exchange() as exchange:
        line = _line(exchange.pharmacy, number)
        found, changes = exchange.changes(line)
        trouble = _round_trip(exchange.settings) + list(filter(None, [exchange.not_served().get(line.name)]))
        if trouble:
            raise click.ClickException("nothing is changed at Twilio:\n" + "\n".join(trouble))
        click.echo(f"{exchange.settings.public_url} is reached, and what Twilio signs arrives as it was signed")
        _change(exchange, line, found, changes, dry_run=dry_run)


def _round_trip(settings: Settings) -> list[str]:
    try:
        round_trip.check(settings.public_url, settings.auth_tokens[0], RoundTrips(settings.secret_key).issue())
    except round_trip.NotAsSigned as wrong:
        return [str(wrong)]
    return []


def _change(
    exchange: Exchange, line: Line, found: OwnNumber, changes: dict[str, str], *, dry_run: bool = False
) -> None:
    if not changes:
        return click.echo(f"{line.number} ({line.name}): as it should be")
    if not dry_run:
        exchange.telephone.answer_with(found.sid, **changes)
    for name, value in changes.items():
        click.echo(f"{line.number} ({line.name}): {name} {'would be' if dry_run else 'is now'} {value}")
    return None


def _lines(pharmacy: Pharmacy) -> list[Line]:
    return [*pharmacy.lines.values(), *pharmacy.staff_lines.values()]


def _line(pharmacy: Pharmacy, number: str) -> Line:
    named = next((line for line in _lines(pharmacy) if number in (line.number, line.name)), None)
    if named is None:
        known = ", ".join(f"{line.number} ({line.name})" for line in _lines(pharmacy))
        raise click.ClickException(f"no line has {number}; there are {known}: see config/lines.yaml")
    return named
