"""What tests of every part share: real servers, started when the first test asks and stopped at the end."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from hypothesis import HealthCheck, settings

from ivr.settings import Settings
from ivr.store import migrate
from ivr.switchboard import Switchboard
from tests import servers
from tests.published import record_of_what_is_shipped
from tests.running_order import ByUnit, place_of
from tests.shipped import open_board

# Where Python may keep nothing it compiles, as in most containers, it would compile us again for every process of every
# line that tests start, and every test file for each who runs them.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# No law depends on how busy the machine is. On a build server the same commit is tried with the same examples twice;
# at a desk every run tries new ones, and `make test ARGS=--hypothesis-profile=thorough` many of them.
settings.register_profile(
    "rxline",
    deadline=None,
    max_examples=50,
    derandomize="CI" in os.environ,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile("thorough", settings.get_profile("rxline"), max_examples=1000, derandomize=False)
settings.load_profile("rxline")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=place_of)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByUnit:
    config.option.loadscopereorder = False  # it would go by how many tests there are, and not by what they take
    return ByUnit(config, log)


@pytest.fixture(scope="session", autouse=True)
def no_settings_from_outside() -> Iterator[None]:
    """Tests must not act on the real line of whoever runs them."""
    names = {name.upper() for name in Settings.model_fields} & os.environ.keys()
    kept = {name: os.environ.pop(name) for name in names}
    yield
    os.environ.update(kept)


@pytest.fixture(scope="session", autouse=True)
def loggers_that_can_be_listened_to() -> Iterator[None]:
    """A logger used while a web process was tried in this one would never again be heard by `capture_logs`."""
    configure = structlog.configure
    structlog.configure = lambda **how: configure(**{**how, "cache_logger_on_first_use": False})
    yield
    structlog.configure = configure


@pytest.fixture(scope="session")
def valkey_server() -> Iterator[servers.Server]:
    """The run's own Valkey; a test that kills it must start it again, or run one with `servers.valkey()`."""
    with servers.valkey() as server:
        yield server


@pytest.fixture(scope="session")
def valkey_url(valkey_server: servers.Server) -> str:
    """A Valkey shared by the tests of a run: use keys nobody else does, or take `empty_valkey_url`."""
    return valkey_server.url


@pytest.fixture
def empty_valkey_url(valkey_url: str) -> str:
    """The shared Valkey with nothing in it."""
    port = int(valkey_url.rpartition(":")[2].partition("/")[0])
    assert servers.valkey_says(port, b"FLUSHALL").startswith(b"+OK")
    return valkey_url


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[servers.Server]:
    """The run's own PostgreSQL."""
    with servers.postgres() as server:
        yield server


@pytest.fixture
def postgres_url(postgres_server: servers.Server) -> Iterator[str]:
    """An empty PostgreSQL database of this test alone."""
    with servers.new_database(postgres_server.url) as url:
        yield url


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
def sqlite_url(tmp_path: Path) -> str:
    """A SQLite file of this test alone, not yet made."""
    return f"sqlite:///{tmp_path / 'rxline.db'}"


@pytest.fixture
def published_url(tmp_path: Path) -> str:
    """A SQLite file of this test alone, in which what we ship is published."""
    file = tmp_path / "rxline.db"
    file.write_bytes(record_of_what_is_shipped())
    return f"sqlite:///{file}"


@pytest.fixture
def board(published_url: str) -> Iterator[Switchboard]:
    """A switchboard with what we ship, at ten in the morning."""
    with open_board(published_url, "2026-11-24T10:00-05:00") as board:
        yield board


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest) -> str:
    """An empty database of each kind we serve, one after the other."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url
