"""Valkey dies, or forgets everything in the middle of the day: nobody notices."""

from __future__ import annotations

import time

import pytest

from tests.failures.rehearsed import Rehearsed

PROMPT_SECONDS = 4.0  # 2, and as much again for a busy machine


@pytest.mark.parametrize("how", ["kills_valkey", "flushes_valkey"])
def test_offers_are_made_as_before_and_dispositions_arrive(rehearsed: Rehearsed, how: str) -> None:
    rehearsed.rests("grace")
    caller = rehearsed.holds()

    getattr(rehearsed, how)()
    began = time.monotonic()
    rehearsed.returns("grace")
    agent = rehearsed.rings("grace")
    assert time.monotonic() - began < PROMPT_SECONDS

    getattr(rehearsed, how)()
    agent.phone.answer(pace=0.0)
    agent.keys("1")
    caller.talks(PROMPT_SECONDS)
    getattr(rehearsed, how)()
    caller.hangs_up()
    assert rehearsed.ends(caller, seconds=PROMPT_SECONDS)["outcome"] == "answered"
    assert rehearsed.rung("grace") == 1


def test_a_valkey_that_hangs_holds_nobody_up(rehearsed: Rehearsed) -> None:
    with rehearsed.frozen("valkey-server"):
        began = time.monotonic()
        caller = rehearsed.holds()
        rehearsed.answers("grace")
        caller.talks()
        assert time.monotonic() - began < 3 * PROMPT_SECONDS
        caller.hangs_up()
        assert rehearsed.ends(caller)["outcome"] == "answered"
