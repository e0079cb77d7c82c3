"""What people complain of in other systems' callbacks, each by its number: here it cannot happen."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from ivr.core.events import Came, HungUp, Keyed, Silent
from ivr.core.line import Ticket
from ivr.store import EffectRow
from ivr.telephony.rest import Unknown
from tests.core.rehearsal import NIGHT
from tests.worker.conftest import Opened
from tests.worker.shop import LINE_NUMBER, ROSA, Shop, found
from tests.worker.test_placing import AT_ONCE


def callback(shop: Shop, name: str = "CA1", number: str = ROSA, **ticket: object) -> str:
    """Somebody asked to be called back and hung up a minute ago; returns the call's id."""
    shop.in_line(name, kind="callback", **{"person": f"person of {name}", "need": "order", **ticket})
    call = shop.call(name)
    legs = {token: replace(leg, state="over") for token, leg in call.legs.items()}
    caller = replace(call.caller, number=number)
    shop.change(name, phase="promised", ended_at=shop.now - timedelta(minutes=1), legs=legs, caller=caller)
    return name


def accepted(shop: Shop, name: str = "CA1") -> None:
    """The agent who is offered it presses 1: from now on the person is to be rung."""
    shop.dispatch.once()
    shop.placing.once()
    offer = next(offer for offer in shop.offers(name) if offer.state == "open")
    shop.tell(name, Came(offer.leg, 1), Keyed(offer.leg, "1"))


def persons_rung(shop: Shop) -> list[str]:
    ours = {agent.phone for agent in shop.pharmacy.staff.values()}
    return [call["to"] for call in shop.twilio.placed if call["to"] not in ours]


@pytest.fixture
def due(opened: Opened) -> Shop:
    """An agent has accepted a callback, and the person's phone is about to ring."""
    shop = opened("ana", calls_per_second=AT_ONCE)
    callback(shop)
    accepted(shop)
    return shop


# ---------------------------------------------------------------- FreePBX#525: one request, three or four calls


def test_freepbx_525_one_request_is_one_call_however_often_we_look(due: Shop) -> None:
    for _ in range(4):
        due.dispatch.once()
        due.placing.once()
        due.later(2)
    assert persons_rung(due) == [ROSA]


def test_freepbx_525_a_failure_after_the_phone_rang_is_looked_up_and_not_rung_again(due: Shop) -> None:
    due.twilio.troubles.append(Unknown(503))
    due.twilio.placed_all_the_same = True
    due.placing.once()
    assert _placing_of_person(due).state == "unknown"
    due.placing._look_up(_placing_of_person(due))
    due.placing.once()
    assert persons_rung(due) == [ROSA]
    assert _placing_of_person(due).state == "done"


def test_freepbx_525_who_dies_between_the_request_and_its_answer_has_rung_once(due: Shop) -> None:
    due.twilio.troubles.append(KeyboardInterrupt())  # the process is killed while Twilio takes the call
    due.twilio.placed_all_the_same = True
    with pytest.raises(KeyboardInterrupt):
        due.placing.once()
    after = due.another_placing("here")
    after.once()
    assert _placing_of_person(due).state == "sending"
    after._look_up(_placing_of_person(due))
    after.once()
    assert persons_rung(due) == [ROSA]


def test_freepbx_525_a_second_call_to_the_same_leg_is_told_that_it_was_taken(due: Shop) -> None:
    due.placing.once()
    leg = _person(due)
    assert due.record.leg_of_sid(due.twilio.calls[0].sid) == leg
    due.twilio.calls.insert(0, found("CAother", to=ROSA, from_=LINE_NUMBER))
    loaded = due.record.load(leg, 1, "moved")
    assert loaded is not None
    assert loaded.call_sid == due.twilio.calls[1].sid


def test_freepbx_525_two_dispatchers_offer_it_once(opened: Opened) -> None:
    shop = opened("ana", "bea", calls_per_second=AT_ONCE)
    callback(shop)
    other = shop.another_dispatch("elsewhere")
    shop.dispatch.once()
    other.once()
    assert len([offer for offer in shop.offers() if offer.state == "open"]) == 1


def test_freepbx_525_a_duplicated_key_is_one_call(due: Shop) -> None:
    [offer] = due.offers()
    due.tell("CA1", Keyed(offer.leg, "1"), Keyed(offer.leg, "1"))
    due.placing.once()
    assert persons_rung(due) == [ROSA]


def test_freepbx_525_duplicated_news_is_one_attempt(due: Shop) -> None:
    due.placing.once()
    leg = _person(due)
    due.tell("CA1", HungUp(leg, "no-answer"), HungUp(leg, "no-answer"))
    ticket = _ticket(due)
    assert (ticket.attempts, len(ticket.tried)) == (1, 1)


# ---------------------------------------------------------------- FreePBX#621: more dialled than agents are free


@pytest.mark.parametrize("mode", ["agent_first", "caller_first"])
def test_freepbx_621_never_more_are_dialled_than_agents_are_free(opened: Opened, mode: str) -> None:
    shop = opened("ana", "bea", calls_per_second=AT_ONCE, callback_mode=mode)
    for place in range(20):
        callback(shop, f"CA{place:02}", f"+155555502{place:02}")
    for _ in range(5):
        shop.dispatch.once()
        shop.placing.once()
        shop.later(1)
    assert len(shop.twilio.placed) == 2
    assert len([1 for presence in shop.record.desk.agents().values() if presence.presence == "offered"]) == 2


def test_freepbx_621_last_nights_callbacks_do_not_bury_this_mornings_callers(opened: Opened) -> None:
    shop = opened("ana", calls_per_second=AT_ONCE, quiet_hours=(0, 0))
    shop.clock.set(NIGHT)
    opens = shop.pharmacy.hours["central"].opens_next(shop.now)
    spread = timedelta(seconds=shop.pharmacy.policies.callback_spread_seconds)
    for place in range(60):
        callback(shop, f"CB{place:02}", f"+155555502{place:02}", due_from=opens + place * spread)
    shop.clock.set(opens + timedelta(minutes=1))
    shop.in_line("LIVE")
    first = [ticket.call for ticket in shop.record.desk.waiting("central")][:2]
    assert first == ["CB00", "LIVE"]


# ---------------------------------------------------------------- plugin#9: callbacks go before those who waited


def test_plugin_9_a_callback_goes_neither_before_who_came_earlier_nor_after_who_came_later(opened: Opened) -> None:
    shop = opened("ana", calls_per_second=AT_ONCE)
    shop.in_line("CA1")
    shop.later(10)
    callback(shop, "CA2")
    shop.later(10)
    shop.in_line("CA3")
    assert [ticket.call for ticket in shop.record.desk.waiting("central")] == ["CA1", "CA2", "CA3"]
    shop.dispatch.once()
    assert shop.offered() == [("CA1", "ana")]


# ---------------------------------------------------------------- plugin#55: a retry changes what it is


def test_plugin_55_a_second_attempt_is_still_a_callback_in_its_place(due: Shop) -> None:
    before = _ticket(due)
    due.placing.once()
    due.tell("CA1", HungUp(_person(due), "busy"))
    after = _ticket(due)
    assert (after.kind, after.queue, after.arrived_at, after.due_from) == (
        *("callback", before.queue, before.arrived_at, before.due_from),
    )
    assert after.not_before is not None


# ---------------------------------------------------------------- connect-streams#344: a state that means nothing


@pytest.mark.parametrize("news", ["no-answer", "busy", "failed", "silence"])
def test_connect_streams_344_the_agent_of_a_callback_that_failed_is_available(due: Shop, news: str) -> None:
    due.placing.once()
    leg = _person(due)
    if news == "silence":
        due.tell("CA1", Came(leg, 1), Silent(leg))
    else:
        due.tell("CA1", HungUp(leg, news))
    assert due.presence("ana") == "available"
    assert [offer.state for offer in due.offers()] == ["ended"]


# ---------------------------------------------------------------- how often in a day


def test_one_number_is_rung_so_often_a_day_for_all_its_tickets(opened: Opened) -> None:
    shop = opened("ana", calls_per_second=AT_ONCE, callback_per_day=1)
    callback(shop, "CA1")
    accepted(shop, "CA1")
    shop.tell("CA1", HungUp(_person(shop), "no-answer"))
    callback(shop, "CA2")
    shop.dispatch.once()
    assert shop.offered("CA2") == []
    waits_until = shop.call("CA2").ticket
    assert waits_until is not None
    assert waits_until.not_before is not None
    assert waits_until.not_before > shop.now + timedelta(hours=10)


def test_whoever_rings_from_the_number_of_a_callback_is_not_called_back_meanwhile(opened: Opened) -> None:
    shop = opened("ana", calls_per_second=AT_ONCE)
    callback(shop, "CA1", person=shop.record.callbacks.key_of(ROSA))
    shop.in_line("CA2", queue="billing")  # in a queue nobody here serves
    shop.dispatch.once()
    assert shop.offered("CA1") == []
    shop.tell("CA2", HungUp("leg-CA2", "completed"))
    shop.dispatch.once()
    assert shop.offered("CA1") == [("CA1", "ana")]


def _person(shop: Shop, name: str = "CA1") -> str:
    return next(token for token, leg in reversed(shop.call(name).legs.items()) if leg.kind == "callback")


def _ticket(shop: Shop, name: str = "CA1") -> Ticket:
    ticket = shop.call(name).ticket
    assert ticket is not None
    return ticket


def _placing_of_person(shop: Shop) -> EffectRow:
    row = shop.record.outbox.effect_of_leg(_person(shop))
    assert row is not None
    return row
