"""Calls we place: paced, the most urgent first, and never a phone rung twice for one offer."""

from __future__ import annotations

import sqlite3
from datetime import timedelta
from typing import Any

import pytest

from ivr.core.events import HungUp, Keyed, TimerDue
from ivr.store import Unreachable
from ivr.telephony.rest import Gone, Refused, Unknown
from ivr.telephony.twiml import FRAGMENT
from tests.worker.conftest import Opened
from tests.worker.shop import LINE_NUMBER, ROSA, Shop, found

ANOTHER = "+12125550150"
AT_ONCE = 1e15  # calls a second
TOO_MANY, FORBIDDEN, NO_REPLY = Refused(20429, 429), Refused(21211, 400), Unknown()


@pytest.fixture
def ringing(opened: Opened) -> Shop:
    """Ana is offered a call, and her phone is to ring; pace is no matter."""
    shop = opened("ana", calls_per_second=AT_ONCE)
    shop.in_line()
    shop.dispatch.once()
    return shop


def rung(shop: Shop) -> list[str]:
    return [call["to"] for call in shop.twilio.placed]


def minutes_pass(database: str, minutes: int = 5) -> None:
    """Real time, for the outbox: leases run out, and what is unknown has been so for long."""
    micros = minutes * 60 * 1_000_000
    with sqlite3.connect(database.removeprefix("sqlite:///")) as record:
        record.execute("UPDATE effects SET sent_at = sent_at - ?, lease_until = lease_until - ?", (micros, micros))
        record.execute("UPDATE effects SET due_at = due_at - ?", (micros,))
        record.commit()
    record.close()


# ---------------------------------------------------------------- how a phone is rung


def test_the_agents_phone_rings_from_the_number_the_caller_dialed(ringing: Shop) -> None:
    ringing.placing.once()
    [call] = ringing.twilio.placed
    leg = ringing.offers()[0].leg
    assert call == {
        "to": ringing.pharmacy.staff["ana"].phone,
        "from_": LINE_NUMBER,
        "url": f"https://line.example/voice/{leg}/1/moved{FRAGMENT}",
        "status_url": f"https://line.example/voice/{leg}/0/status{FRAGMENT}",
        "fallback_url": f"https://line.example/voice/fallback{FRAGMENT}",
        "ring_seconds": 15,
        "detect_machine": False,  # of our own staff nobody asks who picks up
        "amd_url": None,
    }


def test_an_offer_has_all_its_time_from_when_its_phone_rings(ringing: Shop) -> None:
    ringing.later(29)
    ringing.placing.once()
    [offer] = ringing.offers()
    assert offer.rang_at is not None
    assert timedelta(seconds=28) < offer.rang_at - offer.offered_at < timedelta(seconds=31)
    ringing.later(34)
    ringing.dispatch.once()
    assert ringing.offered() == [("CA1", "ana")]


def test_what_was_placed_is_done_and_its_leg_has_an_owner(ringing: Shop) -> None:
    ringing.placing.once()
    assert ringing.effect("PlaceCall").state == "done"
    assert ringing.record.leg_of_sid("CArung1") == ringing.offers()[0].leg


def test_a_phone_rings_once_however_often_we_look(ringing: Shop) -> None:
    for _ in range(3):
        ringing.placing.once()
        ringing.later(2)
    assert len(rung(ringing)) == 1


def test_calls_are_placed_one_a_second(opened: Opened) -> None:
    shop = opened("ana", "bea", "cal")
    for number in range(3):
        shop.in_line(f"CA{number}")
    shop.dispatch.once()
    assert 0 < shop.placing.once() <= 1
    shop.placing.once()
    assert len(rung(shop)) == 1


def test_at_more_a_second_more_are_placed(opened: Opened) -> None:
    shop = opened("ana", "bea", "cal", calls_per_second=AT_ONCE)
    for number in range(3):
        shop.in_line(f"CA{number}")
    shop.dispatch.once()
    shop.placing.once()
    assert len(rung(shop)) == 3


def test_emergencies_ring_before_offers_and_offers_before_callbacks(opened: Opened) -> None:
    shop = opened("ana", "bea", "cal", calls_per_second=AT_ONCE)
    shop.in_line("CA1", kind="callback", queue="refills")
    shop.change("CA1", phase="promised", ended_at=shop.now - timedelta(minutes=1))
    shop.move("ana", "took_break")
    shop.dispatch.once()
    shop.move("ana", "returned")
    [offer] = shop.offers("CA1")
    shop.placing.once()
    shop.tell("CA1", Keyed(offer.leg, "1"))  # bea accepts: now the person is to be rung
    shop.in_line("CA2", queue="front_desk")
    shop.in_line("CA3", queue="pharmacist", within=0, licensed=True)
    shop.dispatch.once()
    shop.placing.once()
    phones = {agent.id: agent.phone for agent in shop.pharmacy.staff.values()}
    assert rung(shop) == [phones["bea"], phones["ana"], phones["cal"], shop.call("CA1").caller.number]


def promised(shop: Shop, call: str, **parts: Any) -> None:
    shop.in_line(call, kind="callback")
    shop.change(call, phase="promised", **parts)
    shop.tell(call, HungUp(f"leg-{call}", "completed"))


def test_of_two_tickets_of_one_number_the_second_waits_while_it_is_rung_or_talks_with_us(opened: Opened) -> None:
    shop = opened("ana", "bea", calls_per_second=AT_ONCE)
    promised(shop, "CA1")
    promised(shop, "CA2")
    shop.dispatch.once()
    [(first, agent)] = shop.offered()
    for _ in range(3):
        shop.later(20)
        shop.dispatch.once()
        assert [call for call, _ in shop.offered()] in ([first], [])
        shop.placing.once()
        if offers := [offer for offer in shop.offers(first) if offer.state == "open"]:
            shop.tell(first, Keyed(offers[0].leg, "1"))
    assert rung(shop) == [shop.pharmacy.staff[agent].phone, ROSA]


def test_a_number_two_agents_are_about_to_call_back_rings_for_the_first_and_is_busy_for_the_other(
    opened: Opened,
) -> None:
    """It is not the one they called from, so nobody could know before."""
    shop = opened("ana", "bea", calls_per_second=AT_ONCE)
    for call in ("CA1", "CA2"):
        promised(shop, call, fields={"callback_number": ANOTHER})
    shop.dispatch.once()
    assert [call for call, _ in shop.offered()] == ["CA1", "CA2"]
    shop.placing.once()
    for call in ("CA1", "CA2"):
        shop.tell(call, Keyed(shop.offers(call)[0].leg, "1"))
    shop.placing.once()
    assert rung(shop).count(ANOTHER) == 1
    assert shop.call("CA1").ticket.tried == ()
    assert [tried.came for tried in shop.call("CA2").ticket.tried] == ["busy"]
    assert shop.call("CA2").ticket.state == "waiting"


def test_only_one_worker_places_calls(ringing: Shop) -> None:
    assert ringing.record.watch.lease("placing", "elsewhere", 15)
    assert ringing.placing.once() == 1.0
    assert rung(ringing) == []


# ---------------------------------------------------------------- what is not wanted any more


def test_no_phone_rings_for_a_caller_who_has_hung_up(ringing: Shop) -> None:
    ringing.tell("CA1", HungUp("leg-CA1", "completed"))
    ringing.placing.once()
    assert rung(ringing) == []
    assert ringing.effect("PlaceCall").state == "done"
    assert ringing.call().legs[ringing.offers()[0].leg].state == "over"
    assert ringing.presence("ana") == "available"


def test_no_phone_rings_for_an_offer_that_has_run_out(ringing: Shop) -> None:
    ringing.later(30)
    ringing.tell("CA1", TimerDue(f"offer:{ringing.offers()[0].id}"))
    ringing.placing.once()
    assert rung(ringing) == []


# ---------------------------------------------------------------- refusals


def test_too_many_calls_are_tried_again_soon(ringing: Shop, record_url: str) -> None:
    ringing.twilio.troubles.append(TOO_MANY)
    ringing.placing.once()
    assert ringing.effect("PlaceCall").state == "due"
    minutes_pass(record_url)
    ringing.placing.once()
    assert len(rung(ringing)) == 1


def test_an_agent_whose_number_twilio_refuses_has_missed_nothing_and_the_ticket_goes_on(opened: Opened) -> None:
    shop = opened("ana", "bea")
    shop.in_line()
    shop.dispatch.once()
    [(_, first)] = shop.offered()
    shop.twilio.troubles.append(FORBIDDEN)
    shop.placing.once()
    assert shop.effect("PlaceCall").state == "dead"
    assert shop.presence(first) == "available"
    shop.dispatch.once()
    assert [agent for _, agent in shop.offered()] == [{"ana": "bea", "bea": "ana"}[first]]


def test_one_call_that_cannot_be_placed_does_not_keep_the_next_from_ringing(opened: Opened) -> None:
    shop = opened("ana", "bea", calls_per_second=AT_ONCE)
    shop.in_line("CA1")
    shop.in_line("CA2")
    shop.dispatch.once()
    shop.twilio.troubles.append(ValueError("what no library documents"))
    shop.placing.once()
    assert len(rung(shop)) == 1


# ---------------------------------------------------------------- unknown


def test_a_call_that_may_ring_is_looked_up_and_not_placed_again(ringing: Shop, record_url: str) -> None:
    ringing.twilio.troubles.append(NO_REPLY)
    ringing.twilio.placed_all_the_same = True
    ringing.placing.once()
    assert ringing.effect("PlaceCall").state == "unknown"
    ringing.placing.once()
    assert ringing.twilio.requests("find_calls") == []  # not before ten seconds
    minutes_pass(record_url)
    ringing.placing.once()
    assert ringing.effect("PlaceCall").state == "done"
    assert ringing.record.leg_of_sid("CArung1") == ringing.offers()[0].leg
    assert len(rung(ringing)) == 1


def test_a_call_that_rang_out_while_we_did_not_know_is_a_missed_offer(ringing: Shop, record_url: str) -> None:
    ringing.twilio.troubles.append(NO_REPLY)
    ringing.placing.once()
    phone = ringing.pharmacy.staff["ana"].phone
    ringing.twilio.calls = [found("CAlost", to=phone, direction="outbound-api", status="no-answer")]
    minutes_pass(record_url)
    ringing.placing.once()
    assert ringing.presence("ana") == "on_break"
    assert ringing.offers()[0].state == "missed"


def test_a_call_another_leg_is_known_by_is_not_adopted(opened: Opened, record_url: str) -> None:
    shop = opened("ana", calls_per_second=AT_ONCE)
    shop.in_line("CA1")
    shop.dispatch.once()
    shop.placing.once()
    shop.declines("CA1", "ana")
    shop.in_line("CA2")
    shop.dispatch.once()
    shop.twilio.troubles.append(NO_REPLY)
    shop.placing.once()
    minutes_pass(record_url)
    shop.placing.once()
    assert shop.effect("PlaceCall", "CA2").state in ("due", "done")
    assert shop.record.leg_of_sid("CArung1") == shop.offers("CA1")[0].leg


def test_what_twilio_never_heard_of_is_placed_again_twice_and_then_given_up(ringing: Shop, record_url: str) -> None:
    ringing.twilio.troubles.extend([NO_REPLY, None, NO_REPLY, None, NO_REPLY, None])  # placing and looking, by turns
    for _ in range(4):
        ringing.placing.once()
        minutes_pass(record_url)
    assert ringing.effect("PlaceCall").state == "dead"
    assert ringing.effect("PlaceCall").attempts == 3
    assert len(ringing.twilio.requests("find_calls")) == 3
    assert ringing.presence("ana") == "available"


def test_while_twilios_list_is_not_to_be_had_nothing_is_guessed(ringing: Shop, record_url: str) -> None:
    ringing.twilio.troubles.extend([NO_REPLY, Unknown(500)])
    ringing.placing.once()
    minutes_pass(record_url)
    ringing.placing.once()
    assert ringing.effect("PlaceCall").state == "unknown"
    assert rung(ringing) == []


def test_an_agent_who_picked_up_meanwhile_needs_no_looking_up(ringing: Shop, record_url: str) -> None:
    ringing.twilio.troubles.append(NO_REPLY)
    ringing.placing.once()
    ringing.record.bind_sid(ringing.offers()[0].leg, "CAtheirs")
    minutes_pass(record_url)
    ringing.placing.once()
    assert ringing.effect("PlaceCall").state == "done"
    assert ringing.offers()[0].rang_at is not None
    assert ringing.twilio.requests("find_calls") == []


class Crash(BaseException):
    """What kill -9 looks like from within."""


def test_a_worker_that_dies_while_placing_leaves_a_call_that_is_adopted(ringing: Shop, record_url: str) -> None:
    ringing.twilio.troubles.append(Crash())
    ringing.twilio.placed_all_the_same = True
    with pytest.raises(Crash):
        ringing.placing.once()
    assert ringing.effect("PlaceCall").state == "sending"
    minutes_pass(record_url)
    ringing.another_placing("here").once()
    assert ringing.effect("PlaceCall").state == "done"
    assert len(rung(ringing)) == 1


def test_a_leg_somebody_else_came_to_first_stays_theirs(ringing: Shop) -> None:
    leg = ringing.offers()[0].leg
    ringing.record.bind_sid(leg, "CAtheirs")
    ringing.placing.once()
    assert ringing.effect("PlaceCall").state == "done"
    assert ringing.record.leg_of_sid("CAtheirs") == leg


def test_twilio_is_asked_for_calls_by_the_clock_it_goes_by(ringing: Shop, record_url: str) -> None:
    ringing.twilio.troubles.append(NO_REPLY)
    began = ringing.now
    ringing.placing.once()
    minutes_pass(record_url)
    ringing.placing.once()
    [[since]] = ringing.twilio.requests("find_calls")  # type: ignore[misc]
    assert began - timedelta(seconds=10) < type(began).fromisoformat(since) <= began


def test_without_the_record_nobody_is_rung(ringing: Shop, record_url: str) -> None:
    ringing.away(record_url)
    with pytest.raises(Unreachable):
        ringing.placing.once()
    assert rung(ringing) == []


def test_a_record_that_goes_away_in_the_middle_ends_the_pass(ringing: Shop, record_url: str) -> None:
    ringing.twilio.meanwhile = lambda asked: ringing.away(record_url)
    with pytest.raises(Unreachable):
        ringing.placing.once()
    assert len(rung(ringing)) == 1


def test_gone_is_a_refusal_like_another(ringing: Shop) -> None:
    ringing.twilio.troubles.append(Gone(20404, 404))
    ringing.placing.once()
    assert ringing.effect("PlaceCall").state == "dead"
