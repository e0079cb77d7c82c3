"""Shifts, against a real record: people are signed in and out at their hours, and do as they like in between."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from ivr.core.hours import Hours
from ivr.core.line import Agent
from ivr.core.pharmacy import Pharmacy
from ivr.rota import Rota
from ivr.store import Record, migrate
from tests.core.rehearsal import PHARMACY

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri")
DAY = dict.fromkeys(WEEKDAYS, ((8 * 60, 16 * 60),))
NIGHT = {"sat": ((22 * 60, 30 * 60),)}  # 22:00 to 06:00 on Sunday


def at(told: str) -> datetime:
    """An instant by the clock of New York, before 1 November and after 8 March in summer time."""
    return Hours("America/New_York", DAY).local(datetime.fromisoformat(told)).astimezone(UTC)


def pharmacy(shifts: dict[str, tuple[tuple[int, int], ...]], closed: dict[date, str] | None = None) -> Pharmacy:
    hours = {"central": Hours("America/New_York", DAY, closed or {})}
    return replace(PHARMACY, hours=hours, staff={"ana": Agent("ana", "Ana", "central", shifts=shifts)})


@pytest.fixture
def record(tmp_path: Path) -> Iterator[Record]:
    url = f"sqlite:///{tmp_path}/rota.db"
    migrate(url)
    record = Record(url, "a key for tests of thirty-two letters")
    yield record
    record.close()


class Day:
    """A worker that looks at the shifts now and then."""

    def __init__(self, record: Record, pharmacy: Pharmacy, begins: str) -> None:
        self.record, self.pharmacy = record, pharmacy
        self.rota = Rota(record)
        record.desk.seed_agents(pharmacy.staff, at(begins))
        self.looks(begins)

    def looks(self, told: str) -> tuple[str, str]:
        self.rota.apply(self.pharmacy, at(told))
        now = self.record.desk.agents()["ana"]
        return now.presence, now.next

    def moves(self, told: str, *events: str) -> None:
        for event in events:
            self.record.desk.move_agent("ana", event, "", at(told), by="ana")

    def starts_again(self) -> Day:
        self.rota = Rota(self.record)
        return self


def test_a_shift_begins_and_ends_at_its_hours(record: Record) -> None:
    day = Day(record, pharmacy(DAY), "2026-11-24T07:00-05:00")
    assert day.looks("2026-11-24T07:59:59-05:00") == ("signed_out", "")
    assert day.looks("2026-11-24T08:00-05:00") == ("available", "")
    assert day.looks("2026-11-24T15:59:59-05:00") == ("available", "")
    assert day.looks("2026-11-24T16:00-05:00") == ("signed_out", "")
    assert [(move.event, move.by) for move in record.desk.day_of("ana", at("2026-11-24T00:00-05:00"))] == [
        ("shift_began", "rota"),
        ("shift_ended", "rota"),
    ]


def test_who_is_new_in_the_middle_of_their_shift_is_there(record: Record) -> None:
    assert Day(record, pharmacy(DAY), "2026-11-24T10:00-05:00").looks("2026-11-24T10:00-05:00") == ("available", "")


def test_a_worker_that_slept_over_it_makes_good(record: Record) -> None:
    day = Day(record, pharmacy(DAY), "2026-11-24T10:00-05:00")
    assert day.starts_again().looks("2026-11-24T23:00-05:00") == ("signed_out", "")
    assert day.starts_again().looks("2026-11-26T09:00-05:00") == ("available", "")


def test_their_own_move_stands_until_the_next_boundary(record: Record) -> None:
    day = Day(record, pharmacy(DAY), "2026-11-24T10:00-05:00")
    day.moves("2026-11-24T11:00-05:00", "signed_out")
    assert day.starts_again().looks("2026-11-24T15:00-05:00") == ("signed_out", "")
    day.moves("2026-11-24T17:00-05:00", "signed_in")
    assert day.starts_again().looks("2026-11-24T20:00-05:00") == ("available", "")
    assert day.looks("2026-11-25T08:00-05:00") == ("available", "")
    assert day.looks("2026-11-25T16:00-05:00") == ("signed_out", "")


def test_a_move_of_theirs_while_the_worker_slept_is_not_undone_by_what_it_slept_over(record: Record) -> None:
    day = Day(record, pharmacy(DAY), "2026-11-24T07:00-05:00")
    day.moves("2026-11-24T08:10-05:00", "signed_in", "signed_out")
    assert day.looks("2026-11-24T08:30-05:00") == ("signed_out", "")


def test_whoever_has_a_caller_leaves_after_that_call(record: Record) -> None:
    day = Day(record, pharmacy(DAY), "2026-11-24T10:00-05:00")
    day.moves("2026-11-24T15:58-05:00", "offered", "accepted")
    record.desk.move_agent("ana", "talk_ended", "CA1", at("2026-11-24T16:01-05:00"), by="line")
    assert day.looks("2026-11-24T16:01-05:00") == ("wrap_up", "signed_out")
    assert record.desk.move_agent("ana", "wrapped_up", "", at("2026-11-24T16:02-05:00"), by="line") == "signed_out"


def test_a_shift_over_midnight_on_the_night_the_clocks_go_forward(record: Record) -> None:
    """22:00 to 06:00 is seven hours long then."""
    day = Day(record, pharmacy(NIGHT), "2026-03-07T21:00-05:00")
    assert day.looks("2026-03-07T22:00-05:00") == ("available", "")
    assert day.looks("2026-03-08T05:59:59-04:00") == ("available", "")
    assert day.looks("2026-03-08T06:00-04:00") == ("signed_out", "")


def test_nobody_works_on_a_holiday_of_the_site(record: Record) -> None:
    day = Day(record, pharmacy(DAY, {date(2026, 11, 26): "Thanksgiving"}), "2026-11-25T20:00-05:00")
    assert day.looks("2026-11-26T10:00-05:00") == ("signed_out", "")
    assert day.looks("2026-11-27T10:00-05:00") == ("available", "")


def test_two_shifts_that_touch_are_one(record: Record) -> None:
    touching = {"tue": ((8 * 60, 12 * 60), (12 * 60, 16 * 60), (17 * 60, 18 * 60))}
    edges = Hours("America/New_York", touching).edges(at("2026-11-24T00:00-05:00"), at("2026-11-25T00:00-05:00"))
    assert [(f"{Hours('America/New_York', DAY).local(edge):%H:%M}", begins) for edge, begins in edges] == [
        ("08:00", True),
        ("16:00", False),
        ("17:00", True),
        ("18:00", False),
    ]


def test_a_clock_that_was_set_back_moves_nobody(record: Record) -> None:
    day = Day(record, pharmacy(DAY), "2026-11-24T10:00-05:00")
    assert day.looks("2026-11-24T07:00-05:00") == ("available", "")


def test_who_has_no_shifts_comes_and_goes_as_they_like(record: Record) -> None:
    day = Day(record, pharmacy({}), "2026-11-24T10:00-05:00")
    assert day.looks("2026-11-24T23:00-05:00") == ("available", "")
