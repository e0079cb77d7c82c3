"""What a bug or a broken record leaves stuck is found and mended: each is brought about here, and nobody stays so."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from typing import Any

import pytest

from ivr.core.call import Leg
from ivr.core.events import Came, HungUp, Keyed
from ivr.core.line import Offer
from ivr.dispatch import Dispatch
from ivr.doors import Doors
from ivr.leases import Leases
from ivr.mending import mend
from ivr.store import Timer
from ivr.sweep import run_once
from tests.worker.conftest import Opened
from tests.worker.shop import Shop


def broken(record_url: str, statement: str) -> None:
    """The record as something else wrote it."""
    with closing(sqlite3.connect(record_url.removeprefix("sqlite:///"))) as file:
        assert file.execute(statement).rowcount == 1
        file.commit()


def ring(shop: Shop, name: str = "CA1") -> Offer:
    """Somebody's phone rings for this caller."""
    shop.in_line(name)
    shop.dispatch.once()
    shop.placing.once()
    return shop.offers(name)[-1]


def talk(shop: Shop) -> Offer:
    """Ana and the caller talk."""
    offer = ring(shop)
    shop.tell("CA1", Came(offer.leg, 1), Keyed(offer.leg, "1"), Came("leg-CA1", 2))
    assert shop.call().phase == "talking"
    return offer


def lose_timer(shop: Shop, offer: Offer) -> None:
    assert shop.record.timers.take(Timer("CA1", f"offer:{offer.id}", offer.expires_at))


def test_nothing_is_mended_of_a_line_that_goes_well(opened: Opened) -> None:
    shop = opened("ana", "bea")
    offer = ring(shop)
    for event in (Came(offer.leg, 1), Keyed(offer.leg, "1"), Came("leg-CA1", 2), HungUp("leg-CA1", "completed")):
        assert mend(shop.board) == 0
        shop.tell("CA1", event)
        shop.later(40)
    assert mend(shop.board) == 0
    assert shop.presence(offer.agent) == "wrap_up"


# ---------------------------------------------------------------- offers


def test_an_open_offer_that_lost_its_timer_is_missed_all_the_same(shop: Shop) -> None:
    lose_timer(shop, ring(shop))
    shop.later(35 + 29)
    assert mend(shop.board) == 0
    shop.later(2)
    assert mend(shop.board) == 1
    assert shop.offers()[-1].state == "missed"
    assert shop.presence("ana") == "on_break"
    assert shop.call().ticket.state == "waiting"  # type: ignore[union-attr]
    assert mend(shop.board) == 0


def test_an_offer_its_call_cannot_end_is_ended_without_it(shop: Shop) -> None:
    offer = ring(shop)
    lose_timer(shop, offer)
    shop.change("CA1", legs={"leg-CA1": shop.call().legs["leg-CA1"]})  # no step makes a call without its legs
    shop.change("CA1", offers=(replace(offer, on_leaving="vanished"),))
    shop.later(70)
    assert mend(shop.board) == 1
    assert [each.state for each in shop.offers()] == ["ended"]
    assert shop.record.desk.open_offers() == []


def test_an_offer_only_the_row_says_is_open_is_ended(shop: Shop, record_url: str) -> None:
    offer = ring(shop)
    shop.declines("CA1", "ana")
    broken(record_url, f"UPDATE offers SET state = 'open' WHERE id = '{offer.id}'")
    shop.later(70)
    assert mend(shop.board) == 1
    shop.in_line("CA2")
    shop.dispatch.once()
    assert [agent for _, agent in shop.offered("CA1", "CA2")] == ["ana"]


def test_an_offer_whose_call_is_unknown_is_ended_and_its_agent_freed(shop: Shop, record_url: str) -> None:
    ring(shop)
    broken(record_url, "DELETE FROM calls WHERE id = 'CA1'")
    broken(record_url, "UPDATE legs SET state = 'over' WHERE kind = 'agent'")
    shop.later(31)
    assert mend(shop.board) == 2
    assert shop.presence("ana") == "available"


# ---------------------------------------------------------------- agents


def test_an_agent_offered_nothing_is_freed(shop: Shop) -> None:
    shop.move("ana", "offered")
    shop.later(29)
    assert mend(shop.board) == 0
    shop.later(2)
    assert mend(shop.board) == 1
    assert shop.presence("ana") == "available"


def test_an_agent_who_still_hears_us_is_not_freed(shop: Shop) -> None:
    offer = ring(shop)
    shop.tell("CA1", Came(offer.leg, 1), Keyed(offer.leg, "2"))
    shop.later(40)
    assert mend(shop.board) == 0
    shop.tell("CA1", HungUp(offer.leg, "completed"))
    assert shop.presence("ana") == "available"


def test_an_agent_on_a_call_that_is_over_is_freed(shop: Shop) -> None:
    talk(shop)
    call = shop.call()
    over = {token: replace(leg, state="over") for token, leg in call.legs.items()}
    assert call.ticket is not None
    shop.change("CA1", phase="over", legs=over, ticket=replace(call.ticket, state="closed"))
    shop.later(31)
    assert mend(shop.board) == 2
    assert [offer.state for offer in shop.offers()] == ["ended"]
    assert shop.presence("ana") == "wrap_up"
    assert mend(shop.board) == 0


def test_an_agent_who_talks_on_after_the_caller_left_is_not_freed(shop: Shop) -> None:
    offer = talk(shop)
    call = shop.call()
    assert call.ticket is not None
    over = {**call.legs, "leg-CA1": replace(call.legs["leg-CA1"], state="over")}
    shop.change("CA1", phase="over", legs=over, ticket=replace(call.ticket, state="closed"))
    shop.later(31)
    assert call.legs[offer.leg].state == "live"
    assert mend(shop.board) == 0


def test_an_agent_who_was_on_a_call_nobody_knows_of_is_freed(shop: Shop) -> None:
    shop.move("ana", "offered", "accepted")
    shop.later(31)
    assert mend(shop.board) == 1
    assert shop.presence("ana") == "wrap_up"


def test_whoever_left_the_staff_is_freed_too(shop: Shop) -> None:
    shop.move("ana", "offered")
    shop.publish(staff={})
    shop.later(31)
    assert mend(shop.board) == 1
    assert shop.presence("ana") == "available"


# ---------------------------------------------------------------- tickets


def connecting(shop: Shop, **parts: Any) -> None:
    """A ticket on its way to nobody."""
    shop.in_line("CA1", **parts)
    ticket = shop.call().ticket
    assert ticket is not None
    shop.change("CA1", phase="connecting", ticket=replace(ticket, state="connecting"))


def test_a_caller_on_the_way_to_nobody_is_back_in_line(shop: Shop) -> None:
    connecting(shop)
    assert mend(shop.board) == 1
    assert shop.call().phase == "holding"
    shop.dispatch.once()
    assert shop.offered() == [("CA1", "ana")]


def test_a_call_nobody_can_read_keeps_no_other_caller_from_being_put_back(shop: Shop, record_url: str) -> None:
    connecting(shop)
    shop.in_line("CA2")
    ticket = shop.call("CA2").ticket
    assert ticket is not None
    shop.change("CA2", phase="connecting", ticket=replace(ticket, state="connecting"))
    broken(record_url, "UPDATE calls SET state = '{}' WHERE id = 'CA1'")
    assert mend(shop.board) == 2
    assert shop.call("CA2").phase == "holding"


def test_one_who_has_hung_up_meanwhile_has_left(shop: Shop) -> None:
    connecting(shop)
    shop.change("CA1", legs={"leg-CA1": Leg("leg-CA1", "caller", "over", 1)})
    assert mend(shop.board) == 1
    assert (shop.call().phase, shop.call().outcome) == ("over", "short_abandon")
    assert [each.final for each in shop.record.dispositions("CA1")] == [True]


def test_a_ticket_of_a_call_that_is_over_is_closed(shop: Shop) -> None:
    connecting(shop)
    shop.change("CA1", phase="over", ended_at=shop.now, outcome="abandoned")
    assert mend(shop.board) == 1
    ticket = shop.call().ticket
    assert ticket is not None
    assert ticket.state == "closed"
    assert ticket.closed_at is not None
    assert [each.final for each in shop.record.dispositions("CA1")] == [True]


def test_a_callback_on_the_way_to_nobody_is_promised_still(shop: Shop) -> None:
    connecting(shop, kind="callback")
    assert mend(shop.board) == 1
    assert shop.call().phase == "promised"
    assert [ticket.id for ticket in shop.record.desk.waiting("central")] == ["TCA1"]


def test_a_ticket_only_the_row_says_is_on_its_way_is_written_again(shop: Shop, record_url: str) -> None:
    shop.in_line("CA1")
    broken(record_url, "UPDATE tickets SET state = 'connecting' WHERE id = 'TCA1'")
    assert mend(shop.board) == 1
    assert [ticket.id for ticket in shop.record.desk.waiting("central")] == ["TCA1"]


def test_a_ticket_whose_call_is_unknown_is_closed_and_keeps_no_others_from_being_mended(
    shop: Shop, record_url: str
) -> None:
    connecting(shop)
    broken(record_url, "DELETE FROM calls WHERE id = 'CA1'")
    shop.move("ana", "offered")
    shop.later(31)
    assert mend(shop.board) == 2
    assert shop.presence("ana") == "available"
    assert mend(shop.board) == 0


# ---------------------------------------------------------------- who mends


def test_the_sweep_counts_what_was_mended(shop: Shop) -> None:
    connecting(shop)
    assert run_once(shop.board, shop.twilio, Doors("https://line.example")).mended == 1  # type: ignore[arg-type]


def test_dispatch_mends_between_two_passes(shop: Shop) -> None:
    connecting(shop)
    Dispatch(shop.board, Leases(shop.record.watch, "here"), mend_seconds=0).once()
    assert shop.offered() == [("CA1", "ana")]


@pytest.mark.parametrize("times", [1, 3])
def test_what_was_mended_is_in_the_journal_once(shop: Shop, times: int) -> None:
    connecting(shop)
    for _ in range(times):
        mend(shop.board)
    assert sum("Mended" in line.event for line in shop.record.journal("CA1")) == 1
