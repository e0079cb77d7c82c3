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
    agent = rehearsed.answers("grace")
    talks.talks()
    in_the_menu = rehearsed.calls("1")
    in_the_menu.hears("For a person, press 0")
    undecided = rehearsed.calls("1")
    undecided.hears("For a person, press 0")

    server.kill()
    new = rehearsed.calls()
    in_the_menu.keys("0")
    for caller in (new, in_the_menu):
        caller.hears("our phone system has a problem")
    agent.phone.say("Are you still there?")
    talks.hears("still there")
    server.start()

    undecided.keys("0")
    undecided.hears("in line")
    talks.hangs_up()
    rehearsed.is_free("grace")
    rehearsed.answers("grace")
    undecided.talks()
    for caller in (new, in_the_menu, undecided):
        caller.hangs_up()
    assert rehearsed.ends(talks)["outcome"] == rehearsed.ends(undecided)["outcome"] == "answered"
    assert rehearsed.ends(in_the_menu)["final"]
    rehearsed.later(minutes=2)
    rehearsed.sweeps()
    assert rehearsed.ends(new)["final"]
    rehearsed.nobody_is_forgotten([caller.call_id for caller in (talks, in_the_menu, undecided, new)])


def test_a_message_at_night(rehearsed: Rehearsed) -> None:
    rehearsed.line.set_clock("2026-11-24T22:00-05:00")
    result = rehearsed.line.call(CALLS / "closed" / "message.yaml")
    assert result.passed, result.findings
