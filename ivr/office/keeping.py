"""What admins type about keeping: purge, seal anew, give somebody what we hold of them, back up and restore."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from pathlib import Path
from typing import Any

import click

from ivr import keeping
from ivr.clock import Clock
from ivr.parts import connect
from ivr.settings import Settings
from ivr.store import Entry, Record, migrate
from ivr.store.backup import Manifest, NoBackup, back_up
from ivr.store.backup import restore as put_back
from ivr.store.seal import Keys
from ivr.telephony.forms import e164
from ivr.telephony.rest import Telephone

BY = DOOR = "cli"


@click.command()
@click.option("--dry-run", is_flag=True, help="only say what would be removed")
def purge(dry_run: bool) -> None:
    """Remove what is kept longer than `keep:` in config/policies.yaml says, and tell what was.

    The line may run meanwhile. Exits with 1 when something is left that should have gone.
    """
    settings = Settings.from_environment()
    board = connect(settings)
    if dry_run:
        for kind, (before, count) in keeping.past(board).items():
            click.echo(f"{kind}: {count} from before {before:%Y-%m-%d %H:%M} UTC")
        return
    with contextlib.closing(Telephone.from_settings(settings)) as telephone:
        purged = keeping.purge(board, telephone.forget_message)
    for each in purged.removed:
        refused = f", {each.refused} kept: their sound could not be deleted" if each.refused else ""
        proof = f", sha256 {each.digest}" if each.ids else ""
        click.echo(f"{each.kind}: {len(each.ids)} from before {each.before:%Y-%m-%d %H:%M} UTC{refused}{proof}")
    if purged.remaining or any(each.refused for each in purged.removed):
        raise click.ClickException("not everything is gone that should be; the audit has it, run it again")


@click.command()
def reseal() -> None:
    """Seal everything with the first key of RECORD_KEY, while the line runs; then the others may be left out."""
    board = connect(Settings.from_environment())
    done = board.record.sealing.reseal()
    board.record.staff.keep(Entry(BY, DOOR, "record.resealed", "record", f"{done} values"), board.clock.now())
    click.echo(f"sealed anew: {done}; everything opens with the first key of RECORD_KEY now")


@click.command()
@click.argument("person", required=False)
@click.option(
    "--to", "file", type=click.Path(path_type=Path, dir_okay=False), help="write to a new file of yours alone"
)
@click.option("--id", "is_id", is_flag=True, help="PERSON is an id, though it looks like a phone number")
def export(person: str | None, file: Path | None, is_id: bool) -> None:
    """All we hold of PERSON, by the order system's id, as one JSON document.

    Without PERSON a phone number is asked for, or read from standard input: there it stands in no history.
    """
    if person is not None and not is_id and e164(person) is not None:
        raise click.ClickException(
            "a phone number does not belong in a command line: leave it out, and it is asked for"
        )
    board = connect(Settings.from_environment())
    number = None if person else _number()
    held = board.record.persons.held_of_number(number) if number else board.record.persons.held_of(person or "")
    subject = f"number:…{number[-2:]}" if number else f"person:{person}"
    board.record.staff.keep(Entry(BY, DOOR, "person.exported", subject), board.clock.now())
    if not any(each for name, each in held.items() if name not in ("person", "number", "audit")):
        click.echo(f"nothing is held of {subject}; is that how they are filed?", err=True)
    _written(json.dumps(held, indent=1, ensure_ascii=False), file)


def _number() -> str:
    told = click.prompt("Phone number", hide_input=True, err=True) if sys.stdin.isatty() else sys.stdin.readline()
    number = e164(told.strip())
    if number is None:
        raise click.ClickException("that is no phone number; write it with country, as in +12025550101")
    return number


def _written(told: str, file: Path | None) -> None:
    if file is None:
        return click.echo(told)
    try:
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
            out.write(told + "\n")
    except FileExistsError:
        raise click.ClickException(f"{file} is there already; give another name") from None
    return click.echo(f"written to {file}", err=True)


@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
def backup(file: Path) -> None:
    """Copy the whole record to FILE while the line runs, with a manifest that `ivr restore` checks."""
    settings, now = Settings.from_environment(), Clock.from_environment().now()
    with contextlib.closing(Record.from_settings(settings)) as record:
        try:
            manifest = back_up(settings.database_url, file, record.sealing.names, now)
        except NoBackup as refused:
            raise click.ClickException(str(refused)) from None
        record.staff.keep(Entry(BY, DOOR, "record.backed_up", "record", f"sha256 {manifest.sha256}"), now)
    click.echo(f"{file}: {_told(manifest)}")


@click.command()
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--replace", is_flag=True, help="in the place of everything that is in the database now")
def restore(file: Path, replace: bool) -> None:
    """Put a backup back into the database DATABASE_URL names; stop web and worker before."""
    settings, now = Settings.from_environment(), Clock.from_environment().now()
    try:
        manifest = put_back(settings.database_url, file, Keys(settings.secret_key, settings.record_key).names, replace)
    except NoBackup as refused:
        raise click.ClickException(str(refused)) from None
    migrate(settings.database_url, settings.secret_key, settings.record_key, settings.audit_key)
    with contextlib.closing(Record.from_settings(settings)) as record:
        record.staff.keep(Entry(BY, DOOR, "record.restored", "record", f"sha256 {manifest.sha256}"), now)
    click.echo(f"restored: {_told(manifest)}")


def _told(manifest: Manifest) -> str:
    counts: dict[str, Any] = dict(manifest.counts)
    return f"{counts['calls']} calls, schema {manifest.schema}, taken {manifest.taken_at}, sha256 {manifest.sha256}"
