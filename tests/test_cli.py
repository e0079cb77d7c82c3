"""The command `ivr`: what it lists, and how it ends."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from pathlib import Path

import click
import pytest

from ivr.cli import COMMANDS
from ivr.running import AlreadyRunning, join_running, noted

ROOT = Path(__file__).parent.parent


def _ivr(*arguments: str, cwd: Path, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "ivr.cli", *arguments],
        env=os.environ | {"PYTHONPATH": str(ROOT)} | env,
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_of_the_table_is_there(name: str) -> None:
    module, _, attribute = COMMANDS[name][0].partition(":")

    assert isinstance(getattr(importlib.import_module(module), attribute), click.Command)


def test_help_lists_every_command_without_importing_any(tmp_path: Path) -> None:
    told = _ivr("--help", cwd=tmp_path, PYTHONPROFILEIMPORTTIME="1")

    assert told.returncode == 0
    assert all(name in told.stdout and COMMANDS[name][1].split()[0] in told.stdout for name in COMMANDS)
    imported = {line.rpartition("|")[2].strip() for line in told.stderr.splitlines()}
    assert "click" in imported
    assert not {"sqlalchemy", "flask", "twilio", "yaml", "pydantic"} & imported


def test_what_is_no_command_cannot_run(tmp_path: Path) -> None:
    told = _ivr("refil", cwd=tmp_path)

    assert told.returncode == 2
    assert "No such command 'refil'" in told.stderr


def test_what_goes_wrong_is_told_in_one_line(tmp_path: Path) -> None:
    told = _ivr("migrate", cwd=tmp_path, DATABASE_URL="mysql://db/line")

    assert told.returncode == 2
    assert told.stderr == (
        "ivr: could not run: DATABASE_URL: is neither SQLite nor PostgreSQL; "
        "write sqlite:///file or postgresql://user@host/name\n"
    )


def test_a_line_that_does_not_run_here_is_told_with_what_starts_one(tmp_path: Path) -> None:
    told = _ivr("dispositions", cwd=tmp_path, RXLINE_CONTENT=str(ROOT))

    assert told.returncode == 2
    assert told.stderr.startswith("ivr: could not run: the database that DATABASE_URL names is away")
    assert "`make run` starts a whole line here" in told.stderr


def test_the_whole_story_is_told_when_asked_for(tmp_path: Path) -> None:
    told = _ivr("migrate", cwd=tmp_path, DATABASE_URL="mysql://db/line", LOG_LEVEL="debug")

    assert told.returncode == 2
    assert "Traceback" in told.stderr


def test_the_line_runs_only_in_its_own_folder(tmp_path: Path) -> None:
    told = _ivr("run", cwd=tmp_path)

    assert told.returncode == 2
    assert "there is no webhooks.py here" in told.stderr


def test_a_command_acts_on_the_line_that_runs_in_this_folder(tmp_path: Path) -> None:
    with noted({"DATABASE_URL": "mysql://as-noted"}, tmp_path / "var" / "practice.json"):
        told = _ivr("migrate", cwd=tmp_path)
        of_another_line = _ivr("migrate", cwd=tmp_path, DATABASE_URL="postgres:no")

    assert "DATABASE_URL: is neither" in told.stderr
    assert "DATABASE_URL: is neither" in of_another_line.stderr


def test_a_note_left_behind_misleads_nobody(tmp_path: Path) -> None:
    note = tmp_path / "practice.json"
    theirs = {"DATABASE_URL": "sqlite:///x.db", "REDIS_URL": "redis://127.0.0.1:4/0"}

    with noted(theirs, note):
        joined = join_running({"DATABASE_URL": "sqlite:///x.db", "HOME": "/nowhere"}, note)
        of_another_line = join_running({"DATABASE_URL": "sqlite:///y.db"}, note)
    afterwards = join_running({}, note)

    assert (joined, of_another_line, afterwards) == (theirs, {}, {})


def test_where_nothing_ever_ran_there_is_nothing_to_join(tmp_path: Path) -> None:
    assert join_running({}, tmp_path / "practice.json") == {}


def test_one_folder_runs_one_line(tmp_path: Path) -> None:
    note = tmp_path / "practice.json"

    with noted({}, note), pytest.raises(AlreadyRunning, match="stop it first"):
        noted({}, note).__enter__()
