"""A line that has published a test's content, with nothing but its database and its files."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from ivr.parts import connect
from ivr.settings import Settings
from ivr.store import migrate
from ivr.switchboard import Switchboard


@pytest.fixture
def board(content: Path, sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Switchboard]:
    """The switchboard of the line; the order system and Valkey are away."""
    monkeypatch.setenv("RXLINE_CLOCK", "2026-11-24T10:00-05:00")
    monkeypatch.setenv("RXLINE_CLOCK_FILE", str(tmp_path / "clock.json"))
    migrate(sqlite_url)
    settings = Settings(
        database_url=sqlite_url,
        redis_url="redis://127.0.0.1:1/0",
        order_system_url="http://127.0.0.1:1",
        rxline_content=content,
        secret_key="a secret of the tests, long enough",
    )
    board = connect(settings)
    with contextlib.closing(board.record), contextlib.closing(board.live):
        yield board
