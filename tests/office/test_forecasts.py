"""What callers were told of their wait, as a supervisor reads it."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from ivr.core.call import Call
from ivr.core.line import Ticket
from ivr.office.forecasts import forecasts
from ivr.store import Record, Turn, migrate

NOW = datetime.now(UTC)


@pytest.fixture
def record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Record]:
    url, secret = f"sqlite:///{tmp_path}/rxline.db", "long enough for the tests"
    env = {"DATABASE_URL": url, "SECRET_KEY": secret, "RXLINE_CLOCK": "real", "PUBLIC_URL": "http://127.0.0.1:8000"}
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    migrate(url)
    with contextlib.closing(Record(url, secret)) as opened:
        yield opened


def told(record: Record, name: str, high: int, waited_minutes: float | None) -> None:
    ticket = Ticket(f"T{name}", name, "central", "refills", "hold", "waiting", NOW, NOW, 60)
    if waited_minutes is not None:
        ticket = replace(ticket, state="talking", answered_at=NOW + timedelta(minutes=waited_minutes))
    record.commit(Turn(None, 0, Call(name, "main", "central", "v1", NOW, ticket=ticket), NOW, "{}"))
    record.forecasts.keep(ticket, 2, high - 1, high, NOW)


def test_a_queue_shows_how_often_its_word_was_kept_and_by_how_much_not(record: Record) -> None:
    for name, high, waited in (("CA1", 3, 2), ("CA2", 3, 5), ("CA3", 4, 3.5), ("CA4", 4, None)):
        told(record, name, high, waited)
    [row] = json.loads(CliRunner().invoke(forecasts, ["--json"]).output)
    kept = {"kept": pytest.approx(2 / 3), "minutes_past_the_range": -0.5}
    assert row == {"queue": "refills", "told": 4, "answered": 3, **kept}
    shown = CliRunner().invoke(forecasts).output
    assert all(part in shown for part in ("refills", "67%", "-0.5 min"))


def test_who_was_told_and_never_answered_is_shown_without_a_verdict(record: Record) -> None:
    told(record, "CA1", 3, None)
    assert json.loads(CliRunner().invoke(forecasts, ["--json"]).output)[0]["kept"] is None


def test_a_week_in_which_nobody_was_told_anything_says_so(record: Record) -> None:
    assert "nobody was told" in CliRunner().invoke(forecasts).output
