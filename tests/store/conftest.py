"""A record on each database we serve, empty for every test."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import create_engine

from ivr.core.line import Agent
from ivr.store import Record, migrate
from ivr.store.tables import tables
from tests import servers
from tests.store.calls import MORNING, SECRET_KEY, let_go_of_the_audit


@pytest.fixture(scope="session", params=["sqlite", "postgres"])
def migrated_url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A migrated database of each kind, shared by the tests that leave its schema alone."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path_factory.mktemp('record') / 'rxline.db'}"
        migrate(url)
        yield url
    else:
        with servers.new_database(request.getfixturevalue("postgres_server").url) as url:
            migrate(url)
            yield url


@pytest.fixture
def record(migrated_url: str) -> Iterator[Record]:
    """A record with nothing in it."""
    _empty(migrated_url)
    opened = Record(migrated_url, SECRET_KEY)
    yield opened
    opened.close()


@pytest.fixture
def staffed(record: Record) -> Record:
    """A record that knows two agents, both available for an hour."""
    staff = {name: Agent(name, name.title(), "central") for name in ("ana", "ben")}
    record.desk.seed_agents(staff, MORNING - timedelta(hours=1))
    return record


def _empty(url: str) -> None:
    engine = create_engine(url)
    with engine.begin() as connection:
        let_go_of_the_audit(connection)
        for table in tables.sorted_tables:
            connection.execute(table.delete())
    engine.dispose()
