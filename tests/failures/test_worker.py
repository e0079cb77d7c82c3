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


def test_the_whole_worker_dies_with_callers_at_every_stage(rehearsed: Rehearsed) -> None:
    """One talks, two wait, of one the order system is just being told, and a phone rings that nobody has noted."""
    rehearsed.only("grace", "priya")
    talks = rehearsed.holds()
    rehearsed.answers("grace")
    talks.talks()
    rehearsed.rests("priya")
    first, second = rehearsed.holds(), rehearsed.holds()
    rehearsed.order_system("slow", 4)
    told = rehearsed.calls("1")
    told.hears("For a person, press 0")
    told.hangs_up()
    eventually(rehearsed.telling, "the order system is being told of the call")

    with rehearsed.frozen("ivr.phone"):  # the exchange has the request to ring, and is slow to answer
        rehearsed.returns("priya")
        offer = rehearsed.standing_offer("priya")
        eventually(lambda: rehearsed.placing_is(offer.leg, "sending"), "the exchange is asked to ring")
        rehearsed.kills_worker()

    rehearsed.worker_is_back()
    rehearsed.answers("priya")
    first.talks()
    talks.hangs_up()
    rehearsed.is_free("grace")
    rehearsed.answers("grace")
    second.talks()
    first.hangs_up()
    second.hangs_up()
    assert {rehearsed.ends(caller)["outcome"] for caller in (talks, first, second)} == {"answered"}
    ended = rehearsed.ends(told, seconds=40)
    assert (ended["outcome"], ended["revision"]) == ("abandoned", 1)
    rehearsed.nobody_is_forgotten([caller.call_id for caller in (talks, first, second, told)])
    assert (rehearsed.rung("grace"), rehearsed.rung("priya")) == (2, 1)
