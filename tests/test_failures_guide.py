"""The guide to failures and its rehearsals say the same: every row is rehearsed, and every rehearsal has its row."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
GUIDE = (ROOT / "docs" / "failures.md").read_text(encoding="utf-8")
ROWS = [row for row in re.findall(r"^\| (.+?) \| (.+?) \| (.+?) \|$", GUIDE, re.MULTILINE) if "`tests/" in row[2]]
PARTS = (
    "order system",
    "Redis or Valkey",
    "worker",
    "database",
    "web process",
    "Twilio's REST API",
    "callbacks from Twilio",
)
ALL_AT_ONCE = ("tests/chaos/test_chaos.py", "tests/days/test_days.py")


@pytest.mark.parametrize("part", PARTS)
def test_every_part_that_can_fail_has_a_row(part: str) -> None:
    assert any(what.startswith(part) for what, _, _ in ROWS)


@pytest.mark.parametrize(("what", "where"), [(what, where) for what, _, where in ROWS])
def test_a_row_names_rehearsals_there_are(what: str, where: str) -> None:
    named = re.findall(r"`([^`]+)`", where)

    assert named, what
    assert [file for file in named if "\ndef test_" not in (ROOT / file).read_text(encoding="utf-8")] == []


def test_every_rehearsal_has_a_row() -> None:
    rehearsals = {str(file.relative_to(ROOT)) for file in (ROOT / "tests" / "failures").glob("test_*.py")}

    assert {file for file in rehearsals if all(file not in where for _, _, where in ROWS)} == set()
    assert all(f"`{file}`" in GUIDE and (ROOT / file).is_file() for file in ALL_AT_ONCE)
