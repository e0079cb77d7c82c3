"""What admins type about tokens, and who did what."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from ivr import desk
from ivr.app import connect
from ivr.office import access
from ivr.settings import Settings
from ivr.switchboard import Switchboard

ROOT = Path(__file__).parents[2]


@pytest.fixture
def board(published_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Switchboard]:
    monkeypatch.chdir(ROOT)
    for name, value in {
        "DATABASE_URL": published_url,
        "RXLINE_CLOCK": "2026-11-24T10:00-05:00",
        "RXLINE_CLOCK_FILE": str(tmp_path / "clock.json"),
        "REDIS_URL": "redis://127.0.0.1:1/0",
        "SECRET_KEY": "a key for tests of thirty-two letters",
    }.items():
        monkeypatch.setenv(name, value)
    settings = Settings.from_environment()
    board = connect(settings)
    yield board
    board.record.close()


def _says(command: object, *arguments: str) -> Result:
    return CliRunner().invoke(command, arguments, env={"COLUMNS": "80"})  # type: ignore[arg-type]


def test_a_token_is_shown_once_listed_without_itself_and_revoked(board: Switchboard) -> None:
    assert "nobody has a token" in _says(desk.agents, "token", "--list").output
    told = _says(desk.agents, "token", "grace")
    token = told.stdout.strip()
    assert board.record.staff.whose(token) == ("grace", board.pharmacy().version)

    listed = _says(desk.agents, "token", "--list").output
    assert "grace" in listed
    assert token not in listed

    assert "revoked: 1" in _says(desk.agents, "token", "grace", "--revoke").output
    assert board.record.staff.whose(token) is None
    assert "has no such token" in _says(desk.agents, "token", "grace", "--revoke").output


@pytest.mark.parametrize("arguments", [("token",), ("token", "gracie")])
def test_a_token_is_somebodys(board: Switchboard, arguments: tuple[str, ...]) -> None:
    told = _says(desk.agents, *arguments)
    assert told.exit_code == 1
    assert "say whose: one of ruth" in told.output


def test_what_is_typed_leaves_lines_in_the_audit_too(board: Switchboard) -> None:
    before = len(_says(access.audit, "--json").output.splitlines())  # what was published at the start
    _says(desk.agents, "grace", "out")
    _says(desk.agents, "grace", "break")
    _says(desk.agents, "token", "ruth")

    told = _says(access.audit).output
    lines = [json.loads(line) for line in _says(access.audit, "--json").output.splitlines()]

    assert "refused: not_from_there" in told
    told_of = [(line["by"], line["act"], line["subject"], line["detail"], line["outcome"]) for line in lines]
    assert told_of[: len(told_of) - before] == [
        ("cli", "token.made", "agent:ruth", "", "done"),
        ("cli", "presence", "agent:grace", "on_break", "refused"),
        ("cli", "presence", "agent:grace", "signed_out", "done"),
    ]


def test_who_is_held_by_nothing_is_moved_by_force(board: Switchboard) -> None:
    board.record.desk.move_agent("grace", "offered", "", board.clock.now())
    assert "offered, then out" in _says(desk.agents, "grace", "out").output
    assert _says(desk.agents, "grace", "out", "--force").exit_code == 0
    assert board.record.desk.agents()["grace"].presence == "signed_out"
