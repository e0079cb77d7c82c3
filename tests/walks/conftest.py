"""What callers at random walk on, and a whole line with a carrier of its own for those who follow what they hear."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.line.carrier import Carrier
from tests.line.conftest import NEW_SECRET, line_of
from tests.walks.callers import Callers
from tests.walks.many import Ground, ground


@pytest.fixture(scope="package")
def walking_ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    with ground(tmp_path_factory.mktemp("walks")) as made:
        yield made


@pytest.fixture(scope="package")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callers]:
    carrier = Carrier(NEW_SECRET)
    with line_of(carrier, tmp_path_factory.mktemp("followed")) as line:
        yield Callers(line, carrier)
    carrier.close()


@pytest.fixture
def callers(running: Callers) -> Iterator[Callers]:
    """Everybody who may ring, on a day on which nothing has been ordered; the carrier must find no fault."""
    running.begin()
    yield running
    running.end()
