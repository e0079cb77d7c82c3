"""A switchboard with all we ship, in the process of the tests, and what staff type at it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from click import Command
from click.testing import CliRunner, Result

from ivr.parts import connect
from ivr.settings import Settings
from ivr.switchboard import Switchboard
from tests.published import ROOT


@contextlib.contextmanager
def alone(database_url: str, clock: str) -> Iterator[Settings]:
    """The settings of a process that can reach nothing but the record."""
    folder = Path(database_url.removeprefix("sqlite:///")).parent
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        for name, value in {
            "DATABASE_URL": database_url,
            "RXLINE_CLOCK": clock,
            "RXLINE_CLOCK_FILE": str(folder / "clock.json"),
            "REDIS_URL": "redis://127.0.0.1:1/0",
            "ORDER_SYSTEM_URL": "http://127.0.0.1:1",
            "TWILIO_API_URL": "http://127.0.0.1:1",
            "SECRET_KEY": "a key for tests of thirty-two letters",
        }.items():
            patch.setenv(name, value)
        yield Settings.from_environment()


@contextlib.contextmanager
def open_board(database_url: str, clock: str) -> Iterator[Switchboard]:
    """Connect as any command does: by the settings around it, where nothing but the record can be reached."""
    with alone(database_url, clock) as settings:
        board = connect(settings)
        yield board
        board.record.close()


def says(command: Command, *arguments: str, wide: bool = False) -> Result:
    """What a command of ours answers."""
    return CliRunner().invoke(command, arguments, env={"COLUMNS": "220" if wide else "80"})
