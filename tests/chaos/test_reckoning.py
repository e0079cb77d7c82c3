"""What is found when the books are compared after chaos, and how runs are counted on."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from bench.breaking import Fault
from bench.chaos import Tally
from bench.reckoning import reckoned
from tests.days.test_judge import Books, pharmacy

__all__ = ["pharmacy"]


@pytest.fixture
def books(pharmacy: object) -> Books:
    return Books(pharmacy)


def found(books: Books, *faults: Fault, texts: tuple[str, ...] = (), ours: tuple[str, ...] = ()) -> list[str]:
    return [breach.law for breach in reckoned(books.day, [{"sid": sid} for sid in texts], ours, list(faults))]


def test_all_is_well(books: Books) -> None:
    assert found(books, texts=("SM1",), ours=("SM1",)) == []


def test_a_call_the_order_system_was_told_nothing_of(books: Books) -> None:
    books.day.dispositions.clear()
    assert found(books) == ["lost"]


def test_a_call_we_never_heard_of(books: Books) -> None:
    books.calls.clear()
    assert found(books) == ["lost"]


def test_a_call_told_of_twice(books: Books) -> None:
    books.day.dispositions *= 2
    assert found(books) == ["doubled"]


def test_a_phone_that_rang_for_nothing(books: Books) -> None:
    books.day.strangers.append("CA1")
    assert found(books) == ["doubled"]


def test_a_text_that_went_out_twice(books: Books) -> None:
    assert found(books, texts=("SM1", "SM2"), ours=("SM2",)) == ["doubled"]


@pytest.mark.parametrize(
    ("seconds", "part", "breaches"),
    [
        (4.9, "postgres", []),
        (5.1, "postgres", ["silent"]),
        (14.9, "web", []),
        (14.9, "a web process", []),
        (15.1, "web", ["silent"]),
    ],
)
def test_how_long_nobody_may_hear_nothing(books: Books, seconds: float, part: str, breaches: list[str]) -> None:
    books.phones["CA1"].silences.append((100.0, 100.0 + seconds))
    assert found(books, Fault(part, "killed", 99.0, 99.0, 103.0)) == breaches


def test_a_web_that_was_green_again_excuses_nothing(books: Books) -> None:
    books.phones["CA1"].silences.append((100.0, 106.0))
    assert found(books, Fault("web", "killed", 90.0, 90.0, 99.0)) == ["silent"]


@pytest.mark.parametrize("undone", [{"orders": 1}, {"place": 2}])
def test_what_is_never_done(books: Books, undone: dict[str, int]) -> None:
    books.day.undone = undone
    assert found(books) == ["stuck"]


def test_an_agent_nobody_lets_go(books: Books) -> None:
    books.day.presences = {"grace": "on_call"}
    assert found(books) == ["stuck"]


def test_runs_are_counted_on(tmp_path: Path) -> None:
    state = tmp_path / "var" / "chaos.json"
    first = Tally(1, 20, 60.0, Counter({"web killed": 2}), {"web": [2.0, 4.0]}, Counter(answered=19), zeros=Counter())
    second = Tally(1, 30, 60.0, Counter({"web paused": 1}), {"web": [1.0]}, Counter(answered=30), zeros=Counter(lost=1))
    first.keep(state)
    both = Tally.read(state)
    both.add(second)
    both.keep(state)
    again = Tally.read(state)
    assert again == both
    assert (again.runs, again.calls, again.deaths, again.zeros["lost"]) == (2, 50, 2, 1)
    assert "50 calls, 2 deaths and 1 pauses" in str(again)


def test_the_first_run_has_nothing_to_count_on(tmp_path: Path) -> None:
    assert Tally.read(tmp_path / "none.json") == Tally()
