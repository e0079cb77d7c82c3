"""Something happens to an order while its patient waits: they may be served sooner, and never later."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ivr.core.call import Answer, Found
from ivr.core.events import OrderNews, Standing
from ivr.core.meaning import meaning
from tests.core.rehearsal import OPEN, Rehearsal
from tests.core.test_told_the_wait import WITH_LATE

LATE = {"time_sensitive": "yes", "order_state": "delayed"}


def news(
    facts: dict[str, Any] = LATE, at: datetime = OPEN + timedelta(seconds=60), id_: str = "evt-1", **parts: Any
) -> OrderNews:
    told = (Standing(at, facts, parts.pop("values", {})),)
    usual: dict[str, Any] = {"type": "order.delayed", "person": "p1", "prescription": "rx1", "told": told}
    return OrderNews(id_, at=at, **(usual | parts))


def waiting(prescription: str | None = "rx1", **facts: str) -> Rehearsal:
    """Somebody waits, a minute after they rang, for what they were asked about; None: they never said for what."""
    call = Rehearsal(pharmacy=WITH_LATE).on_hold().later(90)
    call.call = replace(call.call, prescription=prescription, facts={**call.call.facts, **facts})
    return call


def test_a_parcel_that_is_late_brings_the_promise_forward_and_the_clock_is_the_same():
    call = waiting()
    before = call.call.ticket
    call.happens(news())
    assert call.call.ticket == replace(before, answer_within_seconds=45)
    assert call.call.decision.rule == "Late cold-chain parcel"
    assert [reason.rule for reason in call.last.why if reason.taken] == ["Late cold-chain parcel"]


def test_what_is_known_of_it_is_fresh_for_who_answers():
    call = waiting(order_state="shipped").happens(news(values={"expected_on": "2026-11-27"}))
    assert call.call.facts["order_state"] == "delayed"
    assert call.call.values["expected_on"] == "2026-11-27"
    assert call.call.news == {"evt-1": "order.delayed"}


def test_what_is_owed_is_told_to_who_may_hear_everything():
    owed = news({"payment": "failed"}, values={"balance": "20.00"}, type="payment.failed")
    assert "balance" not in waiting().happens(owed).call.values
    assert waiting(permission="everything").happens(owed).call.values["balance"] == "20.00"


def test_a_callback_comes_earlier_too_and_stays_promised_when_the_order_ships():
    call = Rehearsal(pharmacy=WITH_LATE).on_hold().keys("1", "1").later(90)
    call.happens(news())
    assert call.call.ticket.answer_within_seconds == 45
    before = call.call.ticket
    call.happens(news({"order_state": "shipped", "time_sensitive": "no"}, OPEN + timedelta(seconds=80), "evt-2"))
    assert call.call.ticket == before
    assert before.kind == "callback"


@pytest.mark.parametrize("facts", [{"payment": "failed"}, {"refill": "eligible"}, {"order_state": "shipped"}])
def test_nothing_makes_them_wait_longer_or_takes_them_out_of_the_line(facts):
    call = waiting()
    before = call.call.ticket, call.call.decision
    call.happens(news(facts))
    assert (call.call.ticket, call.call.decision) == before
    assert call.call.phase == "holding"


def test_who_has_not_said_for_what_they_wait_is_raised_and_nothing_is_put_down_to_them():
    call = waiting(None).happens(news())
    assert call.call.ticket.answer_within_seconds == 45
    assert not call.call.facts.keys() & LATE.keys()
    assert call.call.prescription is None


def test_who_waits_for_something_else_hears_of_it_and_keeps_their_place():
    call = waiting("rx2")
    before = call.call.ticket
    call.happens(news())
    assert (call.call.ticket, call.call.news) == (before, {"evt-1": "order.delayed"})


def test_what_they_may_still_pick_from_is_fresh():
    call = waiting(None)
    call.call = replace(call.call, found=(Found("rx1", {"order_state": "shipped"}), Found("rx2")))
    call.happens(news({"order_state": "delayed"}, values={"expected_on": "2026-11-27"}))
    assert call.call.found == (
        Found("rx1", {"order_state": "delayed"}, {"expected_on": "2026-11-27"}),
        Found("rx2"),
    )


def test_news_of_a_person_alone_is_for_who_answers():
    call = waiting()
    before = call.call.ticket
    call.happens(news(prescription=None, told=(), type="patient.action_required"))
    assert (call.call.ticket, call.call.news) == (before, {"evt-1": "patient.action_required"})


@pytest.mark.parametrize("whose", [{"person": "p2", "prescription": "rx9"}, {"person": None, "prescription": None}])
def test_what_happens_to_others_is_nothing_to_them(whose):
    call = waiting()
    before = call.call
    assert call.happens(news(**whose)).call == before


def test_what_happened_before_they_rang_they_have_been_told_already():
    call = waiting()
    before = call.call
    assert call.happens(news(at=OPEN - timedelta(minutes=1))).call == before


def test_what_happened_before_it_was_asked_changes_no_fact():
    call = waiting(order_state="shipped")
    call.call = replace(call.call, known_at=OPEN + timedelta(seconds=80))
    before = call.call
    call.happens(news())
    assert call.call == replace(before, news={"evt-1": "order.delayed"})


@pytest.mark.parametrize(
    ("values", "known_at"),
    [
        ({}, OPEN + timedelta(seconds=7)),
        ({"as_of": (OPEN - timedelta(minutes=5)).isoformat()}, OPEN - timedelta(minutes=5)),
    ],
    ids=["asked now", "known from before"],
)
def test_a_question_tells_from_when_its_answer_is(values, known_at):
    call = Rehearsal().rings().later(7)
    call.answers["prescription:0"] = Answer(True, {"tier": "prescription"}, "p1", "rx1", values=values)
    call.keys("1", "2", "1234567")
    assert call.call.known_at == known_at


@st.composite
def histories(draw):
    """What happened to a prescription, and the same as it came: in another order, some of it twice."""
    facts = st.dictionaries(
        st.sampled_from(("order_state", "days_left", "time_sensitive")), st.sampled_from(("a", "b"))
    )
    values = st.dictionaries(st.just("expected_on"), st.sampled_from(("2026-11-27", "")))
    happened = [
        Standing(OPEN + timedelta(seconds=draw(st.integers(-40, 40))), draw(facts), draw(values))
        for _ in range(draw(st.integers(1, 5)))
    ]
    places = range(len(happened))
    return happened, draw(st.permutations(places)) + draw(st.lists(st.sampled_from(places), max_size=3))


def known_by(history, order):
    """How the call knows it in the end: with each that comes the shell says all that has come, by when it happened."""
    call, come = waiting(), set()
    before = call.call.ticket
    for place in order:
        come.add(place)
        told = tuple(history[each] for each in sorted(come, key=lambda each: (history[each].at, each)))
        call.happens(news({}, history[place].at, f"evt-{place}", told=told))
        assert call.call.ticket.arrived_at == before.arrived_at
        assert call.call.ticket.answer_within_seconds <= before.answer_within_seconds
    return call.call.facts, call.call.values, call.call.news


@settings(max_examples=50)
@given(histories())
def test_whatever_order_news_comes_in_and_however_often_the_same_is_known(given_):
    history, order = given_
    assert known_by(history, order) == known_by(history, range(len(history)))


def test_said_twice_it_is_said_once():
    call = waiting().happens(news())
    before = call.call
    assert call.happens(news()).call == before


def test_an_emergency_is_before_everybody_already():
    call = Rehearsal(pharmacy=WITH_LATE).rings().keys("1", "1").later(90)
    assert call.happens(news()).call.ticket.emergency


def test_who_talks_already_has_it_for_their_agent():
    call = Rehearsal(pharmacy=WITH_LATE).talking().later(90)
    before = call.call.ticket
    call.happens(news())
    assert (call.call.ticket, call.call.news) == (before, {"evt-1": "order.delayed"})


def test_a_call_that_is_over_hears_nothing_more():
    call = waiting().hangs_up()
    before = call.call
    assert before.phase == "over"
    assert call.happens(news()).call == before


def test_the_journal_says_what_happened_and_to_nobody():
    call = waiting()
    before = call.call
    call.happens(news())
    told = meaning(before, news(), call.call)
    assert told == {"event": "OrderNews", "type": "order.delayed", "phase": "holding"}
