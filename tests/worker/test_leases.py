"""Whose turn it is after somebody died: known at once on the same machine, and only there."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ivr.leases import Leases, proved_dead, this_process
from ivr.store import Record
from tests.worker.shop import SECRET_KEY

ROOT = Path(__file__).parent.parent.parent
SAYS_ITS_NAME = "from ivr.leases import this_process; print(this_process(), flush=True); input()"


@pytest.fixture
def record(record_url: str) -> Iterator[Record]:
    record = Record(record_url, SECRET_KEY)
    yield record
    record.close()


@pytest.fixture
def other() -> Iterator[subprocess.Popen[str]]:
    """Another process of this machine."""
    with subprocess.Popen(
        [sys.executable, "-c", SAYS_ITS_NAME], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield process
        process.kill()


@pytest.fixture
def held(record: Record, other: subprocess.Popen[str]) -> str:
    """A lease that the other process took for longer than any test lasts; its holder."""
    assert other.stdout is not None
    holder = other.stdout.readline().strip()
    assert record.watch.lease("placing", holder, 600) == 1
    return holder


def buried(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.wait()


@pytest.mark.usefixtures("held")
def test_the_lease_of_a_process_that_was_killed_is_taken_over_at_once(
    record: Record, other: subprocess.Popen[str]
) -> None:
    leases = Leases(record.watch, this_process())
    assert not leases.held("placing")
    buried(other)
    assert leases.held("placing")
    assert leases.lease("placing").fence == 2


@pytest.mark.usefixtures("held")
def test_nobody_need_have_buried_it(record: Record, other: subprocess.Popen[str]) -> None:
    other.kill()
    os.waitid(os.P_PID, other.pid, os.WEXITED | os.WNOWAIT)
    assert Leases(record.watch, this_process()).held("placing")


@pytest.mark.usefixtures("held")
def test_one_that_only_hangs_keeps_its_lease(record: Record, other: subprocess.Popen[str]) -> None:
    other.send_signal(signal.SIGSTOP)
    assert not Leases(record.watch, this_process()).held("placing")


@pytest.mark.usefixtures("held")
def test_of_two_who_take_over_from_the_dead_one_has_it(record: Record, other: subprocess.Popen[str]) -> None:
    buried(other)
    assert [Leases(record.watch, each).held("placing") for each in (this_process(), "elsewhere")] == [True, False]


@pytest.mark.parametrize(
    "elsewhere",
    [lambda name: f"another-{name}", lambda name: name.replace("pid:", "pid:1"), lambda name: "worker-2"],
    ids=["another machine", "another container", "whoever knows where"],
)
def test_of_a_process_elsewhere_nothing_is_proved(
    other: subprocess.Popen[str], held: str, elsewhere: Callable[[str], str]
) -> None:
    buried(other)
    assert proved_dead(held)
    assert not proved_dead(elsewhere(held))


def test_a_number_that_was_given_again_is_another_process(held: str) -> None:
    where, _, began = held.rpartition(" ")
    assert not proved_dead(held)
    assert proved_dead(f"{where} {int(began) - 1}")


def test_we_are_not_dead() -> None:
    assert not proved_dead(this_process())
