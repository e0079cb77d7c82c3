"""What admins type about tokens, and who did what."""

from __future__ import annotations

import json

import pytest

from ivr import desk
from ivr.office import access
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


def test_who_is_held_by_nothing_is_moved_by_force(board: Switchboard) -> None:
    board.record.desk.move_agent("grace", "offered", "", board.clock.now())
    assert "offered, then out" in says(desk.agents, "grace", "out").output
    assert says(desk.agents, "grace", "out", "--force").exit_code == 0
    assert board.record.desk.agents()["grace"].presence == "signed_out"
