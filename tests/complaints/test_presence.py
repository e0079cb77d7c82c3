"""Presence elsewhere: overridden, flapping, queued for good, and unfair to whoever's phone registers anew."""

from __future__ import annotations

from datetime import datetime

import pytest

from ivr.core.events import Acted, Came, HungUp
from ivr.core.line import Offer
from ivr.core.verbs import Gather, Meet, Say
from tests.complaints.people import (
    AT_ONCE,
    at_once,
    in_line_from,
    open_offers,
    part,
    passes,
    rings,
    serves,
    takes,
)
from tests.worker.conftest import Opened
from tests.worker.shop import Shop

WISHES = {"signed_out": "signed_out", "took_break": "on_break"}
MOMENTS = ("it rings", "they have picked up", "they talk", "they wrap up")


def at_the_moment(shop: Shop, moment: str) -> Offer:
    """Ana is offered a caller, and that far with them."""
    offer = rings(shop)
    if moment == "they have picked up":
        shop.tell("CA1", Came(offer.leg, 1))
    elif moment != "it rings":
        takes(shop, "ana")
    if moment == "they wrap up":
        part(shop, "CA1")
    return offer


def moves(shop: Shop, agent: str, since: datetime) -> list[str]:
    return [moved.presence for moved in shop.record.desk.day_of(agent, since)]


# ---------------------------------------------------------------- flex-project-template#290, #295 and #303


@pytest.mark.parametrize("wish", WISHES)
@pytest.mark.parametrize("moment", MOMENTS)
def test_flex_project_template_290_who_goes_offline_is_not_made_available_again(
    opened: Opened, moment: str, wish: str
) -> None:
    """Agents who went offline while a task was theirs were set back to Available when the task was over."""
    shop = opened("ana", calls_per_second=AT_ONCE)
    offer = at_the_moment(shop, moment)
    shop.move("ana", wish)
    if moment != "they wrap up":
        shop.tell("CA1", HungUp(offer.leg, "no-answer" if moment == "it rings" else "completed"))
    part(shop, "CA1")
    shop.move("ana", "wrapped_up", "withdrawn", "released", "talk_ended")  # what is told late
    for _ in range(8):
        shop.later(30)
        assert passes(shop) == {}
    assert shop.presence("ana") == WISHES[wish]
    in_line_from(shop, "CA2")
    assert passes(shop) == {}


def test_flex_project_template_295_a_break_taken_as_the_talk_ends_is_kept_whichever_is_told_first(
    opened: Opened,
) -> None:
    """It took a semaphore to keep the agent's own move and the task's apart, and with it another bug came."""
    shop = opened("ana", calls_per_second=AT_ONCE)
    for n in range(10):
        rings(shop, f"CA{n}")
        takes(shop, "ana")
        ends = HungUp(f"leg-CA{n}", "completed")
        at_once(lambda: shop.move("ana", "took_break"), lambda n=n, ends=ends: shop.tell(f"CA{n}", ends))
        part(shop, f"CA{n}")
        shop.later(31)
        assert passes(shop) == {}
        assert shop.presence("ana") == "on_break"
        shop.move("ana", "returned")


def test_flex_project_template_303_nobodys_presence_flaps(opened: Opened) -> None:
    """An agent's status changed every three seconds for two hours."""
    shop = opened("ana", "bea", calls_per_second=AT_ONCE)
    began = shop.now
    shop.move("bea", "took_break")
    in_line_from(shop, "CA1", within=7200)
    for _ in range(240):  # ana's phone rings for it time after time, and she has left her desk
        if passes(shop):
            shop.tell("CA1", HungUp(open_offers(shop)["ana"][1].leg, "no-answer"))
        shop.later(30)
    assert moves(shop, "bea", began) == ["on_break"]
    assert moves(shop, "ana", began) == ["offered", "on_break", "available"] * 2 + ["offered", "on_break"]
    assert shop.presence("ana") == "on_break"
    shop.move("ana", "returned")
    assert serves(shop, *passes(shop)) == "CA1"


# ---------------------------------------------------------------- amazon-connect-streams#613 and #943


@pytest.mark.parametrize("wish", WISHES)
def test_amazon_connect_streams_613_what_was_to_come_after_the_call_can_be_taken_back(
    opened: Opened, wish: str
) -> None:
    """Who had chosen a state for after the call could not choose none again, and had to go through with it."""
    shop = opened("ana", calls_per_second=AT_ONCE)
    at_the_moment(shop, "they talk")
    shop.move("ana", wish)
    assert shop.record.desk.agents()["ana"].next == WISHES[wish]
    shop.move("ana", "signed_in")
    assert shop.record.desk.agents()["ana"].next == ""
    part(shop, "CA1")
    assert shop.presence("ana") == "wrap_up"
    in_line_from(shop, "CA2")
    shop.later(31)
    assert passes(shop) == {"ana": "CA2"}


def test_amazon_connect_streams_943_the_last_wish_counts_and_is_shown(opened: Opened) -> None:
    """Nor could they see, or change, which state it was that waited for them."""
    shop = opened("ana", calls_per_second=AT_ONCE)
    at_the_moment(shop, "they talk")
    shop.record.desk.move_agent("ana", "took_break", "lunch", shop.now)
    assert shop.record.desk.agents()["ana"].next == "on_break"
    shop.move("ana", "signed_out")
    assert shop.record.desk.agents()["ana"].next == "signed_out"
    shop.record.desk.move_agent("ana", "took_break", "lunch", shop.now)
    part(shop, "CA1")
    shop.move("ana", "wrapped_up")
    now = shop.record.desk.agents()["ana"]
    assert (now.presence, now.reason, now.next) == ("on_break", "lunch", "")


# ---------------------------------------------------------------- OpenACD#6: an unfair "ring fail"


def is_unreached(shop: Shop, name: str) -> None:
    """Ana's phone registers anew just as it should ring."""
    assert passes(shop) == {"ana": name}
    shop.tell(name, HungUp(open_offers(shop)["ana"][1].leg, "failed"))


def test_openacd_6_a_phone_that_registers_anew_during_an_offer_costs_its_agent_nothing(opened: Opened) -> None:
    """A phone that registered again while being offered a call counted as not answered, and its agent was released."""
    shop = opened("ana", calls_per_second=AT_ONCE)
    in_line_from(shop, "CA1", within=600)
    is_unreached(shop, "CA1")
    assert shop.presence("ana") == "available"
    in_line_from(shop, "CA2")
    assert passes(shop) == {"ana": "CA2"}  # and CA1 again a little later
    assert serves(shop, "ana") == "CA2"
    shop.later(21)
    assert passes(shop) == {"ana": "CA1"}


def test_openacd_6_only_so_many_failures_in_a_row_take_an_agent_off_the_line(opened: Opened) -> None:
    """They asked that an agent be released after some failures one after the other, and not after one."""
    shop = opened("ana", calls_per_second=AT_ONCE, missed_in_a_row=3)
    in_line_from(shop, "CA1", within=6000)
    for _ in range(2):
        is_unreached(shop, "CA1")
        shop.later(21)
    assert serves(shop, *passes(shop)) == "CA1"  # which forgives the two
    in_line_from(shop, "CA2", within=6000)
    for _ in range(3):
        is_unreached(shop, "CA2")
        shop.later(21)
    for _ in range(10):
        assert passes(shop) == {}
        shop.later(60)
    now = shop.record.desk.agents()["ana"]
    assert (now.presence, now.reason) == ("on_break", "unreachable")
    shop.move("ana", "returned")
    assert passes(shop) == {"ana": "CA2"}


# ---------------------------------------------------------------- freeswitch#1140: forgotten on hold


def hears(shop: Shop, leg: str) -> list[str]:
    """What a leg hears when it comes for the document reserved for it."""
    step = shop.board.tell("CA1", Came(leg, shop.call().legs[leg].documents))
    says = [part for verb in step.says or () for part in (verb.says if isinstance(verb, Gather) else (verb,))]
    return [each.prompt if isinstance(each, Say) else type(each).__name__ for each in says]


def test_freeswitch_1140_an_agent_who_forgot_a_held_caller_is_rung_back_to_them(opened: Opened) -> None:
    """Callers were put on hold and forgotten there; what was asked for is a timer that rings the agent back."""
    shop = opened("ana", calls_per_second=AT_ONCE, held_seconds=120)
    offer = at_the_moment(shop, "they talk")
    shop.tell("CA1", Acted("ana", "hold"))
    for leg in (offer.leg, "leg-CA1"):
        hears(shop, leg)
    shop.later(119)
    passes(shop)
    assert shop.call().talk.reminders == 0  # type: ignore[union-attr]
    shop.later(2)
    passes(shop)
    assert hears(shop, offer.leg)[0] == "agent_reminder"
    shop.later(121)
    passes(shop)
    assert shop.call().talk.hold_since is None  # type: ignore[union-attr]
    assert [hears(shop, leg)[-1] for leg in (offer.leg, "leg-CA1")] == [Meet.__name__] * 2
    assert shop.presence("ana") == "on_call"
