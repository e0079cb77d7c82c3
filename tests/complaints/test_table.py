"""docs/complaints.md says which tests there are, and each of these says what was complained of."""

from __future__ import annotations

import ast
import re
from pathlib import Path

HERE = Path(__file__).parent
PAGE = (HERE.parents[1] / "docs" / "complaints.md").read_text()
ROW = re.compile(r"^\| (?P<thread>[^|]+) \|[^|]+\|[^|]+\| `(?P<key>\w+)` \|$", re.MULTILINE)
THREADS = {row["key"]: row["thread"] for row in ROW.finditer(PAGE)}
TESTS = {
    part.name: part
    for file in HERE.glob("test_*.py")
    if file != Path(__file__)
    for part in ast.parse(file.read_text()).body
    if isinstance(part, ast.FunctionDef) and part.name.startswith("test_")
}


def of(key: str) -> list[str]:
    return [name for name in TESTS if name.startswith(f"test_{key}_")]


def test_every_row_is_read() -> None:
    assert len(THREADS) == sum(line.startswith("| ") for line in PAGE.splitlines()) - PAGE.count("| thread |")


def test_every_thread_of_the_page_has_tests_that_carry_its_name() -> None:
    assert [key for key in THREADS if not of(key)] == []


def test_every_test_carries_the_name_of_a_thread_of_the_page() -> None:
    assert sorted(name for key in THREADS for name in of(key)) == sorted(TESTS)


def test_a_name_ends_in_the_number_of_its_thread() -> None:
    for key, thread in THREADS.items():
        number = re.split(r"[#-]", thread)[-1] if "#" in thread else thread[-2:]
        assert key.endswith(f"_{number}"), thread


def test_every_test_tells_the_complaint_in_a_sentence() -> None:
    told = {name: ast.get_docstring(test) or "" for name, test in TESTS.items()}
    assert [name for name, words in told.items() if not re.fullmatch(r"[A-Z0-9].*\.", words)] == []
