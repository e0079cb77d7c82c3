"""The whole line, to be broken: started once, since it must survive every test, and made quiet before each."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest

from ivr.phone.client import Phones
from tests.failures.rehearsed import Rehearsed
from tests.whole_line import WholeLine, whole_line


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rehearsed]:
    with whole_line(tmp_path_factory.mktemp("line")) as line, Phones(line.exchange) as phones:
        with contextlib.closing(Rehearsed(line, phones)) as rehearsed:
            yield rehearsed


@pytest.fixture
def rehearsed(running: Rehearsed) -> Iterator[Rehearsed]:
    """The line in a quiet moment, with grace at the front desk and nobody else."""
    running.begins()
    yield running
    running.tells()
