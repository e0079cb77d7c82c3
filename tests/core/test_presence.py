"""The laws of presence: whatever happens in whatever order, nobody is stuck, and nobody's own move is undone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.core.presence import BY_LINE, BY_ROTA, EVENTS, NEXT, OWN, PRESENCE, PRESENCES, QUEUES, moved

Where = tuple[str, str]
EVERYWHERE = [(presence, queued) for presence in PRESENCES for queued in QUEUES]
BUSY = ("offered", "on_call", "wrap_up")
# What ends a presence by itself: a timer of dispatch, of the offer, of the wrap-up, or the call's own end.
BY_ITSELF = {"offered": "missed", "on_call": "talk_ended", "wrap_up": "wrapped_up"}


def after(where: Where, *events: str) -> Where:
    """Where somebody is after these; what means nothing there changes nothing."""
    for event in events:
        where = moved(*where, event) or where
    return where


@given(st.lists(st.sampled_from(EVENTS), max_size=30))
def test_whatever_happens_nothing_is_queued_for_who_is_free_to_do_it(events: list[str]) -> None:
    presence, queued = after(("signed_out", ""), *events)
    assert presence in PRESENCES
    assert queued in QUEUES
    assert not queued or presence in BUSY


@pytest.mark.parametrize("where", EVERYWHERE)
def test_nobody_is_stuck_a_supervisor_signs_them_out_and_they_sign_in(where: Where) -> None:
    """A record that believes in a call that is long over would strand them else."""
    assert after(where, "sent_out") == ("signed_out", "")
    assert after(where, "sent_out", "signed_in") == ("available", "")


@pytest.mark.parametrize("where", EVERYWHERE)
def test_from_everywhere_what_ends_by_itself_and_their_own_move_lead_to_available(where: Where) -> None:
    for _ in BY_ITSELF:
        where = after(where, BY_ITSELF.get(where[0], ""))
    assert after(where, "signed_in") == ("available", "")


@given(st.sampled_from(EVERYWHERE), st.lists(st.sampled_from([*BY_LINE, *BY_ROTA]), max_size=8))
def test_going_offline_is_not_overridden_to_available_by_what_the_line_says_late(where: Where, late: list[str]) -> None:
    """Only a shift that begins, or an emergency they take themselves, moves who has signed out."""
    told = [event for event in late if event not in ("accepted", "shift_began")]
    away = after(where, "signed_out")
    while away[0] in BUSY:
        away = after(away, BY_ITSELF[away[0]])
    assert after(away, *told) == ("signed_out", "")


@pytest.mark.parametrize("leaves", ["took_break", "signed_out"])
def test_a_break_asked_for_during_a_call_comes_after_the_wrap_up(leaves: str) -> None:
    wanted = {"took_break": "on_break", "signed_out": "signed_out"}[leaves]
    asked = after(("on_call", ""), leaves)
    assert asked == ("on_call", wanted)
    assert after(asked, "talk_ended") == ("wrap_up", wanted)
    assert after(asked, "talk_ended", "wrapped_up") == (wanted, "")


@pytest.mark.parametrize("leaves", ["took_break", "signed_out"])
def test_what_is_queued_next_can_be_taken_back(leaves: str) -> None:
    for taken_back in (("signed_in", "talk_ended"), ("talk_ended", "signed_in")):
        assert after(("on_call", ""), leaves, *taken_back, "wrapped_up") == ("available", "")


def test_the_last_wish_counts() -> None:
    assert after(("on_call", ""), "took_break", "signed_out")[1] == "signed_out"
    assert after(("on_call", ""), "signed_out", "took_break")[1] == "on_break"


def test_wrap_up_ends_once() -> None:
    """A timer of an earlier one finds them on the next call, or on a break, and leaves them there."""
    for there in ("available", "offered", "on_call", "on_break", "signed_out"):
        assert after((there, ""), "wrapped_up") == (there, "")


def test_a_missed_offer_is_a_break_and_one_that_could_not_reach_them_is_none() -> None:
    assert after(("offered", ""), "missed") == ("on_break", "")
    assert after(("offered", ""), "unreached") == ("available", "")


def test_who_wanted_to_leave_while_the_phone_rang_leaves_when_it_stops() -> None:
    for ends in ("missed", "declined", "withdrawn", "unreached"):
        assert after(("offered", ""), "signed_out", ends) == ("signed_out", "")


def test_who_takes_an_emergency_on_a_break_goes_back_to_it() -> None:
    assert after(("on_break", ""), "offered", "accepted", "talk_ended", "wrapped_up") == ("on_break", "")
    assert after(("signed_out", ""), "accepted", "released") == ("signed_out", "")


@pytest.mark.parametrize("busy", BUSY)
def test_a_shift_ends_after_what_they_are_doing(busy: str) -> None:
    where = after((busy, ""), "shift_ended")
    assert where == (busy, "signed_out")
    while where[0] in BUSY:
        where = after(where, BY_ITSELF[where[0]])
    assert where == ("signed_out", "")


def test_a_shift_that_begins_brings_nobody_back_from_a_break() -> None:
    assert after(("on_break", ""), "shift_began") == ("on_break", "")
    assert after(("signed_out", ""), "shift_began") == ("available", "")


def test_every_pair_of_the_table_has_events_and_places_of_its_own() -> None:
    assert {event for _, event in PRESENCE} == set(EVENTS)
    assert {presence for presence, _ in PRESENCE} == set(PRESENCES)
    assert set(PRESENCE.values()) <= set(PRESENCES)
    assert set(NEXT) <= set(PRESENCE)
    assert set(NEXT.values()) <= set(QUEUES)
    assert {("offered", own) for own in OWN if own != "returned"} <= set(PRESENCE)


def test_nobody_is_offered_a_call_while_they_have_one() -> None:
    for there in ("signed_out", "offered", "on_call"):
        assert moved(there, "", "offered") is None
