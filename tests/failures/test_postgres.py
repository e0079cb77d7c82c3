"""A line whose record is a PostgreSQL: the same calls, what callers hear when it crashes, and two machines on it."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from tests import servers
from tests.failures.machines import Machine, Proxy, proxy, says_of_itself, whoever_offers
from tests.failures.rehearsed import TWILIO_WAITS_SECONDS, Rehearsed, eventually, kill, rehearsing

CALLS = Path(__file__).parents[1] / "calls"


@pytest.fixture(scope="module")
def server() -> Iterator[servers.Server]:
    with servers.postgres() as running:
        yield running


@pytest.fixture(scope="module")
def before() -> Iterator[Proxy]:
    with proxy() as standing:
        yield standing


@pytest.fixture(scope="module")
def running(server: servers.Server, before: Proxy, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rehearsed]:
    ours = {"DATABASE_URL": server.url, "PUBLIC_URL": before.url, "DRAIN_SECONDS": "3"}
    with rehearsing(tmp_path_factory.mktemp("line"), **ours) as line:
        before.stands_before("A", line.line.web_port)
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


def test_a_web_process_that_starts_meanwhile_leaves_the_others_to_answer(
    rehearsed: Rehearsed, server: servers.Server
) -> None:
    """Gunicorn ends all of them when one gives up as it starts."""
    parent, one, *_ = rehearsed.line.pids("gunicorn --bind")
    server.kill()
    kill(one)
    eventually(lambda: "[ivr.app]" in rehearsed.line.log, "another has started, and waits for the record")
    caller = rehearsed.calls()
    caller.hears("our phone system has a problem")
    caller.hangs_up()
    server.start()
    rehearsed.line.wait_until_ready()
    assert rehearsed.line.pids("gunicorn --bind")[0] == parent
    rehearsed.later(minutes=2)
    rehearsed.sweeps()  # of them we had never heard
    assert rehearsed.ends(caller)["final"]


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

    rehearsed.line.wait_until_ready()
    patient.keys("0")
    patient.hears("in line")
    for each in (caller, patient, new):
        each.hangs_up()
    assert rehearsed.ends(patient)["final"]
    rehearsed.later(minutes=2)
    rehearsed.sweeps()  # of one of them we may never have heard
    rehearsed.nobody_is_forgotten([each.call_id for each in (caller, patient, new)])


@pytest.fixture(scope="module")
def second(running: Rehearsed, before: Proxy) -> Iterator[Machine]:
    """Machine B, beside the line's own A."""
    with contextlib.closing(Machine(running)) as machine:
        before.stands_before("B", machine.web_port)
        yield machine
        before.stands_before("B", None)


def test_no_turn_is_refused_while_one_web_after_the_other_is_started_again(
    rehearsed: Rehearsed, before: Proxy, second: Machine
) -> None:
    before.refused.clear()
    waits = rehearsed.holds()  # and comes for something to hear again and again

    eventually(before.sends_to_all, "both may be sent callers")
    before.looks_no_more()
    second.web_is_asked_to_stop()
    eventually(lambda: says_of_itself(second.web_port) == 503, "B says that it leaves")
    sent = before.sent_to("B")
    somebody_rings(rehearsed)
    assert before.sent_to("B") > sent
    before.looks_again()
    while not second.web_has_stopped():
        somebody_rings(rehearsed)
    second.web_starts_again()
    while not before.sends_to("B"):
        somebody_rings(rehearsed)

    [master, *_] = rehearsed.line.pids("gunicorn --bind")
    os.kill(master, signal.SIGTERM)
    while master in rehearsed.line.pids("gunicorn --bind") or not before.sends_to("A"):
        somebody_rings(rehearsed)

    waits.hangs_up()
    assert rehearsed.ends(waits)["final"]
    assert (before.refused, "failure" in waits.kinds) == ([], False)


def somebody_rings(rehearsed: Rehearsed) -> None:
    caller = rehearsed.calls("1")
    caller.hears("For a person, press 0")
    caller.hangs_up()
    assert "failure" not in caller.kinds


def test_calls_go_on_when_the_web_of_one_machine_and_the_worker_of_the_other_are_killed(
    rehearsed: Rehearsed, before: Proxy, second: Machine
) -> None:
    eventually(before.sends_to_all, "both may be sent callers")
    rehearsed.only("grace", "priya")
    talks = rehearsed.holds()
    rehearsed.answers("grace")
    talks.talks()
    rehearsed.rests("priya")
    waits, in_the_menu = rehearsed.holds(), rehearsed.calls("1")
    in_the_menu.hears("For a person, press 0")
    for caller in (talks, waits, in_the_menu):
        assert not {"AA", "BB"} & {*map("".join, pairwise(before.machines_of(caller.call_id)))}

    offered = whoever_offers(rehearsed)
    assert not second.has(offered)
    with servers.standing_still([rehearsed.line.process.pid]):  # whoever would start A's worker again
        second.kills_web()
        kill(rehearsed.line.pids("worker.py")[0])
        in_the_menu.keys("0")
        in_the_menu.hears("in line")
        rehearsed.returns("priya")
        rehearsed.answers("priya")
        waits.talks()
        talks.hangs_up()
        rehearsed.is_free("grace")
        rehearsed.answers("grace")
        in_the_menu.talks()
        assert second.has(whoever_offers(rehearsed))

    for caller in (waits, in_the_menu):
        caller.hangs_up()
    for caller in (talks, waits, in_the_menu):
        assert rehearsed.ends(caller)["outcome"] == "answered"
        assert "failure" not in caller.kinds
    assert (rehearsed.rung("grace"), rehearsed.rung("priya")) == (2, 1)
    rehearsed.nobody_is_forgotten([caller.call_id for caller in (talks, waits, in_the_menu)])


def test_a_message_at_night(rehearsed: Rehearsed) -> None:
    rehearsed.line.set_clock("2026-11-24T22:00-05:00")
    result = rehearsed.line.call(CALLS / "closed" / "message.yaml")
    assert result.passed, result.findings
