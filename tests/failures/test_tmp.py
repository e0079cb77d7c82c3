"""A line whose record is a PostgreSQL: the same calls, and what callers hear when it crashes under them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from ivr.phone.client import Phones
from tests import servers
from tests.failures.rehearsed import Rehearsed
from tests.whole_line import whole_line

CALLS = Path(__file__).parents[1] / "calls"


@pytest.fixture(scope="module")
def server() -> Iterator[servers.Server]:
    with servers.postgres() as running:
        yield running


@pytest.fixture(scope="module")
def on_postgres(server: servers.Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rehearsed]:
    with (
        whole_line(tmp_path_factory.mktemp("line"), DATABASE_URL=server.url) as line,
        Phones(line.exchange) as phones,
    ):
        with contextlib.closing(Rehearsed(line, phones)) as rehearsed:
            yield rehearsed


@pytest.fixture
def rehearsed(on_postgres: Rehearsed) -> Iterator[Rehearsed]:
    on_postgres.begins()
    yield on_postgres
    on_postgres.tells()


@pytest.mark.parametrize("name", ["refills_by_staff", "callback_kept", "machine_refills"])
def test_a_written_call(rehearsed: Rehearsed, name: str) -> None:
    rehearsed.only("daniel", "grace", "mateo", "omar")
    result = rehearsed.line.call(CALLS / "open" / f"{name}.yaml")
    assert result.passed, result.findings


def test_callers_are_put_through_while_it_is_down_and_go_on_when_it_is_back(
    rehearsed: Rehearsed, server: servers.Server
) -> None:
    talks = rehearsed.holds()
    print(0, __import__('time').monotonic())
    agent = rehearsed.answers("grace")
    print(1, __import__('time').monotonic())
    talks.talks()
    print(2, __import__('time').monotonic())
    in_the_menu = rehearsed.calls("1")
    print(3, __import__('time').monotonic())
    in_the_menu.hears("For a person, press 0")
    print(4, __import__('time').monotonic())
    undecided = rehearsed.calls("1")
    print(5, __import__('time').monotonic())
    undecided.hears("For a person, press 0")
    print(6, __import__('time').monotonic())

    server.kill()
    print(8, __import__('time').monotonic())
    new = rehearsed.calls()
    print(9, __import__('time').monotonic())
    in_the_menu.keys("0")
    print(10, __import__('time').monotonic())
    for caller in (new, in_the_menu):
        caller.hears("our phone system has a problem")
    agent.phone.say("Are you still there?")
    print(13, __import__('time').monotonic())
    talks.hears("still there")
    print(14, __import__('time').monotonic())
    server.start()
    print(15, __import__('time').monotonic())

    undecided.keys("0")
    print(17, __import__('time').monotonic())
    undecided.hears("in line")
    print(18, __import__('time').monotonic())
    talks.hangs_up()
    print(19, __import__('time').monotonic())
    rehearsed.is_free("grace")
    print(20, __import__('time').monotonic())
    rehearsed.answers("grace")
    print(21, __import__('time').monotonic())
    undecided.talks()
    print(22, __import__('time').monotonic())
    for caller in (new, in_the_menu, undecided):
        caller.hangs_up()
    assert rehearsed.ends(talks)["outcome"] == rehearsed.ends(undecided)["outcome"] == "answered"
    print(25, __import__('time').monotonic())
    assert rehearsed.ends(in_the_menu)["final"]
    print(26, __import__('time').monotonic())
    rehearsed.later(minutes=2)
    print(27, __import__('time').monotonic())
    rehearsed.sweeps()
    print(28, __import__('time').monotonic())
    assert rehearsed.ends(new)["final"]
    print(29, __import__('time').monotonic())
    rehearsed.nobody_is_forgotten([caller.call_id for caller in (talks, in_the_menu, undecided, new)])
    print(30, __import__('time').monotonic())



