"""A line whose record is a PostgreSQL: the same calls, and what callers hear when it crashes under them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import servers
from tests.failures.rehearsed import TWILIO_WAITS_SECONDS, Rehearsed, rehearsing

CALLS = Path(__file__).parents[1] / "calls"


@pytest.fixture(scope="module")
def server() -> Iterator[servers.Server]:
    with servers.postgres() as running:
        yield running


@pytest.fixture(scope="module")
def running(server: servers.Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rehearsed]:
    with rehearsing(tmp_path_factory.mktemp("line"), DATABASE_URL=server.url) as line:
        yield line


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
    holds = rehearsed.holds()
    in_the_menu, listening = rehearsed.calls("1"), rehearsed.calls("1")
    for caller in (in_the_menu, listening):
        caller.hears("For a person, press 0")

    rehearsed.has_nothing_to_do()  # or what was begun waits for its lease to run out
    server.kill()
    new = rehearsed.calls()
    in_the_menu.keys("0")
    for caller in (new, in_the_menu):
        caller.hears("our phone system has a problem")
    agent.phone.say("Are you still there?")
    talks.hears("still there")
    server.start()

    listening.keys("0")
    listening.hears("in line")
    talks.hangs_up()
    rehearsed.is_free("grace")
    rehearsed.answers("grace")
    holds.talks()
    assert "failure" not in holds.kinds
    everybody = (talks, holds, in_the_menu, listening, new)
    for caller in everybody:
        caller.hangs_up()
    assert rehearsed.ends(talks)["outcome"] == rehearsed.ends(holds)["outcome"] == "answered"
    rehearsed.later(minutes=2)
    rehearsed.sweeps()  # of one of them we had never heard
    assert all(rehearsed.ends(caller)["final"] for caller in everybody)
    rehearsed.nobody_is_forgotten([caller.call_id for caller in everybody])


def test_callers_are_put_through_while_it_stands_still(rehearsed: Rehearsed, server: servers.Server) -> None:
    """It takes whatever is sent and answers nothing: only we can tell that it is too late."""
    caller, patient = rehearsed.calls("1"), rehearsed.calls("1")
    for each in (caller, patient):
        each.hears("For a person, press 0")

    rehearsed.has_nothing_to_do()
    with server.frozen():
        caller.keys("0")
        new = rehearsed.calls()
        for each in (caller, new):
            each.hears("our phone system has a problem", TWILIO_WAITS_SECONDS)

    patient.keys("0")
    patient.hears("in line")
    for each in (caller, patient, new):
        each.hangs_up()
    assert rehearsed.ends(patient)["final"]
    rehearsed.later(minutes=2)
    rehearsed.sweeps()  # of one of them we may never have heard
    rehearsed.nobody_is_forgotten([each.call_id for each in (caller, patient, new)])


def test_a_message_at_night(rehearsed: Rehearsed) -> None:
    rehearsed.line.set_clock("2026-11-24T22:00-05:00")
    result = rehearsed.line.call(CALLS / "closed" / "message.yaml")
    assert result.passed, result.findings
