"""What admins type about tokens, and who did what."""

from __future__ import annotations

import json
import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from ivr import desk
from ivr.office import access
from ivr.store import Entry, Unreachable
from ivr.switchboard import Switchboard
from tests.shipped import says


def test_a_token_is_shown_once_listed_without_itself_and_revoked(board: Switchboard) -> None:
    assert "nobody has a token" in says(desk.agents, "token", "--list").output
    told = says(desk.agents, "token", "grace")
    token = told.stdout.strip()
    assert board.record.staff.whose(token) == ("grace", board.pharmacy().version)

    listed = says(desk.agents, "token", "--list").output
    assert "grace" in listed
    assert token not in listed

    assert "revoked: 1" in says(desk.agents, "token", "grace", "--revoke").output
    assert board.record.staff.whose(token) is None
    assert "has no such token" in says(desk.agents, "token", "grace", "--revoke").output


@pytest.mark.parametrize("arguments", [("token",), ("token", "gracie")])
def test_a_token_is_somebodys(board: Switchboard, arguments: tuple[str, ...]) -> None:
    told = says(desk.agents, *arguments)
    assert told.exit_code == 1
    assert "say whose: one of ruth" in told.output


def test_what_is_typed_leaves_lines_in_the_audit_too(board: Switchboard) -> None:
    before = len(says(access.audit, "--json").output.splitlines())  # what was published at the start
    says(desk.agents, "grace", "out")
    says(desk.agents, "grace", "break")
    says(desk.agents, "token", "ruth")

    told = says(access.audit).output
    lines = [json.loads(line) for line in says(access.audit, "--json").output.splitlines()]

    assert "refused: not_from_there" in told
    told_of = [(line["by"], line["act"], line["subject"], line["detail"], line["outcome"]) for line in lines]
    assert told_of[: len(told_of) - before] == [
        ("cli", "token.made", "agent:ruth", "", "done"),
        ("cli", "presence", "agent:grace", "on_break", "refused"),
        ("cli", "presence", "agent:grace", "signed_out", "done"),
    ]


def test_what_stands_in_a_line_of_the_audit_is_words_and_no_markup(board: Switchboard) -> None:
    board.record.staff.keep(Entry("cli", "cli", "person.exported", "person:[/bold]\x1b[2J"), board.clock.now())
    told = says(access.audit)
    assert (told.exit_code, "person:[/bold]" in told.output, "\x1b" in told.output) == (0, True, False)


def test_who_is_held_by_nothing_is_moved_by_force(board: Switchboard) -> None:
    board.record.desk.move_agent("grace", "offered", "", board.clock.now())
    assert "offered, then out" in says(desk.agents, "grace", "out").output
    assert says(desk.agents, "grace", "out", "--force").exit_code == 0
    assert board.record.desk.agents()["grace"].presence == "signed_out"


def test_the_audit_holds_until_somebody_changes_it_behind_our_back(board: Switchboard) -> None:
    says(desk.agents, "grace", "out")
    told = says(access.audit, "verify")
    holds, end = told.output.splitlines()
    assert (told.exit_code, holds.startswith("the audit holds: 2 lines from 2026-11-24")) == (0, True)
    whole = json.loads(says(access.audit, "verify", "--json").output)
    assert (whole["lines"], whole["broken"], end) == (2, None, f"end: 2 {whole['end']['hash']}")

    board.record.audit.let_go(board.clock.now())
    assert "1 lines from" in says(access.audit, "verify").output
    assert "1 before them were kept long enough" in says(access.audit, "verify").output

    board.record.watch.set_mark("audit:head", "2 x y")
    told = says(access.audit, "verify")
    assert (told.exit_code, "the mark of its end was changed" in told.output) == (1, True)


def test_the_first_line_that_does_not_hold_is_named(board: Switchboard) -> None:
    file = os.environ["DATABASE_URL"].removeprefix("sqlite:///")
    for act in ("out", "available", "out"):
        says(desk.agents, "grace", act)
    with closing(sqlite3.connect(file)) as record, record:
        record.executescript("DROP TRIGGER audit_unchanged; DROP TRIGGER audit_kept;")
        record.execute("UPDATE audit SET subject = 'agent:ruth' WHERE seq = 3")
        [[changed]] = record.execute("SELECT id FROM audit WHERE seq = 3").fetchall()
    told = says(access.audit, "verify")
    assert f"was changed (id {changed}). 2 lines from" in told.output

    for statement, named in (
        ("DELETE FROM audit WHERE seq = 3", "line 3 was removed, before the one of 2026-11-24"),
        ("DELETE FROM audit WHERE seq > 2", "line 3 was removed, at its end"),
        ("DELETE FROM audit WHERE seq < 9", "line 1 was removed, at its end. 0 lines before it hold"),
        ("DELETE FROM marks WHERE name = 'audit:head'", "the audit has no lines"),
    ):
        with closing(sqlite3.connect(file)) as record, record:
            record.execute(statement)
        assert named in says(access.audit, "verify").output


def test_a_record_that_is_not_there_is_not_verified(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path / 'nothing.db'}")
    assert isinstance(says(access.audit, "verify").exception, Unreachable)
