"""A record on each database we serve, empty for every test."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from ivr.core.line import Agent
from ivr.store import Record
from tests.store.calls import MORNING, SECRET_KEY, emptied


@pytest.fixture
def record(migrated_url: str) -> Iterator[Record]:
    """A record with nothing in it."""
    emptied(migrated_url)
    opened = Record(migrated_url, SECRET_KEY)
    yield opened
    opened.close()


@pytest.fixture
def staffed(record: Record) -> Record:
    """A record that knows two agents, both available for an hour."""
    staff = {name: Agent(name, name.title(), "central") for name in ("ana", "ben")}
    record.desk.seed_agents(staff, MORNING - timedelta(hours=1))
    return record
