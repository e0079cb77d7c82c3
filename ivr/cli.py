"""The command `ivr`: a table of commands, each imported only when it runs, so that every one starts fast.

Exit codes: 0 fine, 1 problems found, 2 could not run.
"""

from __future__ import annotations

import importlib
import os
import sys
import traceback
from collections.abc import Sequence

import click

import ivr
from ivr.running import join_running

COULD_NOT_RUN = 2

COMMANDS = {
    "agents": ("ivr.desk:agents", "who takes calls and what they are doing; moves them, makes them tokens"),
    "audit": ("ivr.office.access:audit", "who changed what, and what was refused"),
    "backup": ("ivr.office.keeping:backup", "copy the whole record to a file, while the line runs"),
    "call": ("ivr.office.call_story:call", "the story of one call: what was done and why; notes and corrections"),
    "callbacks": ("ivr.desk:callbacks", "the callbacks and messages promised and not yet kept"),
    "check": ("ivr.content.check:command", "what is wrong with rules, flows, prompts and configuration"),
    "classify": ("ivr.office.classify:command", "what callers want and how pressing it is, from their own words"),
    "connect": ("ivr.office.connecting:connect", "have a number's calls sent here, once they are sure to arrive"),
    "diff": ("ivr.office.comparing:command", "which calls two versions decide differently, and what else changed"),
    "dial": ("ivr.phone.dial:dial", "ring the practice line from this terminal, or run written calls"),
    "dispositions": ("ivr.desk:dispositions", "what came of the last calls"),
    "events": ("ivr.office.events:events", "what happened at the order system and its patients have not heard"),
    "explain": ("ivr.office.explain:command", "where a call goes and why, and for each rule it did not take, why not"),
    "export": ("ivr.office.keeping:export", "all we hold of one person, as one document"),
    "fallback": ("ivr.office.connecting:fallback", "what callers hear while the whole line is away, as files"),
    "forecasts": ("ivr.office.forecasts:forecasts", "what callers were told of their wait, and how long it was"),
    "history": ("ivr.office.publishing:history", "what was published, by whom and why"),
    "line": ("ivr.desk:line", "the tickets in line, in the order they are served"),
    "messages": ("ivr.mailroom:messages", "what callers left: by promise, listened to, closed, confirmed"),
    "migrate": ("ivr.cli:migrate", "bring the database up to date"),
    "publish": ("ivr.office.publishing:publish", "give the files to callers, once they are checked"),
    "purge": ("ivr.office.keeping:purge", "remove what is kept long enough, and prove it"),
    "reseal": ("ivr.office.keeping:reseal", "seal the record anew with the first key of RECORD_KEY"),
    "restore": ("ivr.office.keeping:restore", "put a backup back"),
    "rollback": ("ivr.office.publishing:rollback", "give callers an old version again"),
    "run": ("ivr.practice:command", "run the whole line here, with a practice phone"),
    "schema": ("ivr.content.schema.command:command", "what editors need to help with rules, flows and configuration"),
    "sweep": ("ivr.desk:sweep", "compare our record with the carrier's lists, once and now"),
    "unlock": ("ivr.desk:unlock", "who may prove nothing after too many wrong tries; lets them try again"),
}
"""Name -> (module:attribute of a click command, one line of help)."""


class Commands(click.Group):
    """A group that knows its commands by name and imports the one that is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name][0].partition(":")
        found: click.Command = getattr(importlib.import_module(module), attribute)
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, COMMANDS[name][1]) for name in self.list_commands(ctx)])


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(ivr.__version__, prog_name="ivr")
@click.pass_context
def commands(context: click.Context) -> None:
    """Rxline, a programmable phone line for pharmacies.

    Each command acts on the line the environment names, else on the one `make run` runs in this folder.
    """
    if context.invoked_subcommand != "run":
        os.environ.update(join_running(os.environ))


@click.command()
def migrate() -> None:
    """Bring the database DATABASE_URL names up to date; safe to run again, and before every new version."""
    from ivr import store
    from ivr.settings import Settings

    settings = Settings.from_environment()
    store.migrate(settings.database_url, settings.secret_key, settings.record_key, settings.audit_key)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command and exit; the unexpected is told in one line, and in full at LOG_LEVEL=DEBUG."""
    try:
        commands(arguments, prog_name="ivr")
    except Exception as error:
        if os.environ.get("LOG_LEVEL", "").upper() == "DEBUG":
            traceback.print_exc()
        sys.stderr.write(f"ivr: could not run: {_why(error)}\n")
        sys.exit(COULD_NOT_RUN)


def _why(error: Exception) -> str:
    from ivr.store import Misuse, Unreachable

    said = str(error) or type(error).__name__
    if not isinstance(error, Misuse | Unreachable):
        return said
    return (
        f"the database that DATABASE_URL names is away, or not up to date ({said}); `make run` starts a whole line "
        "here, and `ivr migrate` brings only the database up to date"
    )


if __name__ == "__main__":
    main()
