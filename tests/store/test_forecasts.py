"""What callers were told of their wait, held against how long it was."""

from dataclasses import replace

import pytest

from ivr.store import Record
from ivr.store.forecasts import MOST_TALKS, Judged
from tests.store.calls import MORNING, a_call, a_ticket, after, begin, turn


def told(record: Record, call: str = "CA1", position: int = 3, seconds: float = 0, **parts: object) -> None:
    ticket = a_ticket(f"T-{call}", call, **parts)
    record.forecasts.keep(ticket, position, 6, 9, after(seconds))


def test_nobody_has_been_told_anything_before_they_are(record: Record) -> None:
    assert record.forecasts.told("CA1") is None
    told(record)
    assert (record.forecasts.told("CA1"), record.forecasts.told("CA2")) == (3, None)


def test_the_best_place_told_is_the_one_that_counts(record: Record) -> None:
    for position in (4, 2, 5):
        told(record, position=position)
    assert record.forecasts.told("CA1") == 2


def test_told_twice_by_a_redelivered_request_the_first_time_stands(record: Record) -> None:
    begin(record, a_call(ticket=a_ticket()))
    told(record)
    told(record, seconds=40)
    [judged] = record.forecasts.judged(MORNING)
    assert judged.told_at == MORNING


def test_a_forecast_is_held_against_the_wait_that_followed(record: Record) -> None:
    begin(record, a_call(ticket=a_ticket(state="talking", answered_at=after(400))))
    told(record, seconds=100)
    assert record.forecasts.judged(MORNING) == [Judged("refills", 3, 6, 9, after(100), 300.0)]
    assert record.forecasts.judged(after(101)) == []


def test_who_was_never_answered_has_no_wait_to_judge_by(record: Record) -> None:
    begin(record, a_call(ticket=a_ticket(state="closed", closed_at=after(60))))
    told(record)
    assert [judged.waited_seconds for judged in record.forecasts.judged(MORNING)] == [None]


def talk(record: Record, name: str, seconds: float) -> None:
    ticket = a_ticket(f"T-{name}", name, state="talking", answered_at=after(10))
    loaded = begin(record, a_call(name, ticket=ticket))
    closed = replace(ticket, state="closed", closed_at=after(10 + seconds))
    record.commit(turn(loaded, after=replace(loaded.call, ticket=closed)))


def test_talks_are_measured_as_they_end(record: Record) -> None:
    assert record.forecasts.handling("central", "refills") == (0, 0.0)
    talk(record, "CA1", 100)
    talk(record, "CA2", 300)
    assert record.forecasts.handling("central", "refills") == (2, pytest.approx(200))
    assert record.forecasts.handling("central", "billing") == (0, 0.0)


def test_the_mean_forgets_what_is_long_ago(record: Record) -> None:
    for number in range(MOST_TALKS):
        talk(record, f"CA{number}", 100)
    for number in range(MOST_TALKS, 4 * MOST_TALKS):
        talk(record, f"CA{number}", 300)
    talks, seconds = record.forecasts.handling("central", "refills")
    assert (talks, seconds > 280) == (MOST_TALKS, True)


def test_a_ticket_that_closes_without_a_talk_measures_none(record: Record) -> None:
    loaded = begin(record, a_call(ticket=a_ticket()))
    gone = replace(loaded.call, ticket=a_ticket(state="closed", closed_at=after(60)))
    record.commit(turn(loaded, after=gone))
    assert record.forecasts.handling("central", "refills") == (0, 0.0)
