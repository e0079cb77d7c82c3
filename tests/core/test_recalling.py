"""A supervisor takes an agent away from what holds them."""

from __future__ import annotations

from ivr.core.effects import EndLeg
from ivr.core.events import Recalled
from tests.core.rehearsal import Rehearsal

RECALLED = Recalled("ana", "sue")


def test_from_a_ringing_phone_and_the_ticket_keeps_its_place() -> None:
    call = Rehearsal().on_hold().offered_to()
    before = call.call.ticket

    call.happens(RECALLED)

    assert (call.presence["ana"], call.call.offers[0].state) == ("available", "withdrawn")
    assert call.call.ticket == before
    assert call.did(EndLeg) == [EndLeg("leg-ana")]
    # The carrier's news of it changes nothing more.
    assert call.hangs_up("leg-ana").presence["ana"] == "available"


def test_from_a_caller_on_their_way_who_is_back_in_line() -> None:
    call = Rehearsal().on_hold().offered_to().picked_up().keys("1", leg="leg-ana").happens(RECALLED)

    assert call.hangs_up("leg-ana").presence["ana"] == "available"
    assert call.call.ticket is not None
    assert (call.call.phase, call.call.ticket.state) == ("holding", "waiting")


def test_from_a_talk_which_is_over() -> None:
    call = Rehearsal().talking().later(30).happens(RECALLED)

    assert call.presence["ana"] == "wrap_up"
    assert call.did(EndLeg) == [EndLeg("leg-ana")]
    assert call.call.ticket is not None
    assert call.call.ticket.state == "closed"


def test_who_is_not_held_by_this_call_is_left_alone() -> None:
    call = Rehearsal().talking()
    before = call.call

    assert call.happens(Recalled("ben", "sue")).call == before
