"""The worker dies: one child after another at the worst moment, then all of it."""

from __future__ import annotations

import pytest

from tests.failures.rehearsed import Rehearsed, eventually


@pytest.mark.parametrize("child", ["dispatch", "relay", "telephony", "orders", "sweep"])
def test_a_call_goes_on_whichever_child_dies_however_often(rehearsed: Rehearsed, child: str) -> None:
    rehearsed.rests("grace")
    caller = rehearsed.holds()

    rehearsed.kills_child(child)  # with a ticket to be offered
    rehearsed.returns("grace")
    rehearsed.rings("grace")
    rehearsed.kills_child(child)  # while the phone rings
    rehearsed.answers("grace")
    rehearsed.kills_child(child)  # while the two are brought together
    caller.talks()
    caller.hangs_up()
    rehearsed.kills_child(child)  # with a disposition to be written

    assert rehearsed.ends(caller)["outcome"] == "answered"
    assert rehearsed.rung("grace") == 1
    rehearsed.nobody_is_forgotten([caller.call_id])


def test_a_phone_whose_ringing_nobody_noted_rings_once(rehearsed: Rehearsed) -> None:
    """Dispatch dies between asking for a call and noting that it was placed: the row says only `sending`."""
    rehearsed.rests("grace")
    caller = rehearsed.holds()

    with rehearsed.frozen("ivr.phone"):  # the exchange has the request, and is slow to answer
        rehearsed.returns("grace")
        offer = eventually(rehearsed.open_offer, "the ticket is offered")
        eventually(lambda: rehearsed.placing_is(offer.leg, "sending"), "the call is asked for")
        rehearsed.kills_child("dispatch")

    rehearsed.answers("grace")
    caller.talks()
    eventually(lambda: rehearsed.placing_is(offer.leg, "done"), "the call is known to have been placed")
    caller.hangs_up()
    assert rehearsed.ends(caller)["outcome"] == "answered"
    assert rehearsed.rung("grace") == 1
    assert rehearsed.strangers() == []


def test_the_whole_worker_dies_with_a_caller_at_every_stage(rehearsed: Rehearsed) -> None:
    """One waits, one rings, one talks, and of one the order system is just being told."""
    rehearsed.only("grace", "lucia", "priya")
    told, talks, rings = rehearsed.holds(), rehearsed.holds(), rehearsed.holds()
