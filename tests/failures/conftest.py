"""The whole line, to be broken: started once, since it must survive every test, and made quiet before each."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.failures.rehearsed import Rehearsed, rehearsing


@pytest.fixture(scope="package")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rehearsed]:
    with rehearsing(tmp_path_factory.mktemp("line")) as line:
        yield line


@pytest.fixture
def rehearsed(running: Rehearsed) -> Iterator[Rehearsed]:
    """The line in a quiet moment, with grace at the front desk and nobody else."""
    running.begins()
    yield running
    running.tells()
