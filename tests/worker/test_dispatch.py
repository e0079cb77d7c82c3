"""Who is offered which ticket, and when: one pass of dispatch at a time, over a real record."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from ivr.core.call import Leg
from ivr.core.effects import SetTimer
from ivr.core.events import Came, HungUp, Keyed
from ivr.core.line import AtDesk, Offer, PlanStep, Queue
from ivr.core.pharmacy import Site
from ivr.dispatch import MOST_AT_ONCE, Dispatch
from ivr.leases import Leases
from ivr.store import AgentNow
from tests.core.rehearsal import NIGHT, QUEUES
from tests.worker.conftest import Opened
from tests.worker.shop import Shop

NEW_YORK = ZoneInfo("America/New_York")


def at_clock(hour: int, minute: int = 0) -> datetime:
    """That time of the shop's Tuesday."""
    return datetime(2026, 11, 24, hour, minute, tzinfo=NEW_YORK)


# ---------------------------------------------------------------- offers


def test_a_waiting_caller_is_offered_to_the_free_agent(shop: Shop) -> None:
    shop.in_line()
    assert shop.dispatch.once()
    assert shop.offered() == [("CA1", "ana")]
    assert shop.presence("ana") == "offered"
    assert shop.effect("PlaceCall").state == "due"


def test_an_offer_is_made_once(shop: Shop) -> None:
    shop.in_line()
    shop.in_line("CA2")
    for _ in range(3):
        shop.dispatch.once()
    assert shop.offered() == [("CA1", "ana")]


def test_every_offer_has_fresh_tokens(opened: Opened) -> None:
    shop = opened("ana", "bea")
    shop.in_line("CA1")
    shop.in_line("CA2")
    shop.dispatch.once()
    offers = [*shop.offers("CA1"), *shop.offers("CA2")]
    assert len({token for offer in offers for token in (offer.id, offer.leg)}) == 4


def test_two_workers_at_once_make_one_offer(shop: Shop) -> None:
    shop.in_line()
    assert shop.dispatch.once()
    assert not shop.another_dispatch("elsewhere").once()
    assert len(shop.offers()) == 1


def test_a_worker_that_stops_hands_the_line_over_at_once(shop: Shop) -> None:
    leases = Leases(shop.record.watch, "there")
    assert Dispatch(shop.board, leases).once()
    assert not shop.dispatch.once()
    leases.release()
    assert shop.dispatch.once()


def test_a_dispatch_that_slept_through_its_lease_offers_nothing_more(shop: Shop) -> None:
    assert shop.dispatch.once()
    shop.record.watch.release("dispatch:central", "here")
    assert shop.another_dispatch("elsewhere").once()
    shop.in_line()
    shop.dispatch.once()  # it woke a moment ago, and has not looked whose turn it is
    assert shop.offers() == ()
    assert shop.another_dispatch("elsewhere").once()
    assert shop.offered() == [("CA1", "ana")]


def test_a_child_started_again_goes_on_with_its_lease(shop: Shop) -> None:
    assert shop.dispatch.once()
    assert shop.another_dispatch("here").once()


def test_an_agent_whose_offer_still_stands_is_not_offered_another(shop: Shop) -> None:
    shop.in_line("CA1")
    shop.dispatch.once()
    shop.move("ana", "withdrawn")  # by hand: the offer knows nothing of it
    shop.in_line("CA2")
    shop.dispatch.once()
    assert shop.offered("CA1", "CA2") == [("CA1", "ana")]


def test_an_agent_who_moves_themselves_is_not_moved_as_well(shop: Shop) -> None:
    shop.move("ana", "offered", "accepted", "talk_ended")
    shop.later(31)
    before = shop.now - timedelta(hours=1)
    seen = shop.dispatch.brought_back(
        AtDesk(shop.pharmacy.staff["ana"], "on_break", before),
        AgentNow("ana", "on_break", "missed", before),
        shop.pharmacy.policies,
    )
    assert seen.presence == "on_break"
    assert shop.presence("ana") == "wrap_up"


def _misses(shop: Shop) -> None:
    shop.move("ana", "offered")
    shop.record.desk.move_agent("ana", "missed", "missed", shop.now, by="line")
    shop.later(121)
    shop.dispatch.once()


def test_who_missed_three_in_a_row_is_away_until_they_come_back_themselves(shop: Shop) -> None:
    for there in ("available", "available", "on_break"):
        _misses(shop)
        assert shop.presence("ana") == there
    shop.later(3600)
    shop.dispatch.once()
    assert shop.presence("ana") == "on_break"
    shop.move("ana", "signed_in")
    _misses(shop)
    assert shop.presence("ana") == "available"


def test_a_phone_that_cannot_be_reached_time_after_time_is_taken_off_the_line(shop: Shop) -> None:
    """Once is no fault: it may register anew. So often in a row nobody is behind it."""
    for there in ("available", "available", "on_break"):
        shop.move("ana", "offered", "unreached")
        shop.dispatch.once()
        assert shop.presence("ana") == there
    assert shop.record.desk.agents()["ana"].reason == "unreachable"


def test_an_agent_who_signed_out_is_offered_nothing(shop: Shop) -> None:
    shop.move("ana", "signed_out")
    shop.in_line()
    shop.dispatch.once()
    assert shop.offered() == []


def test_an_agent_who_declined_is_not_asked_again_for_a_minute(opened: Opened) -> None:
    shop = opened("ana", "bea")
    shop.in_line()
    shop.dispatch.once()
    [(_, first)] = shop.offered()
    shop.declines("CA1", first)
    shop.dispatch.once()
    [(_, second)] = shop.offered()
    assert second != first
    shop.declines("CA1", second)
    shop.dispatch.once()
    assert shop.offered() == []
    shop.later(61)
    shop.dispatch.once()
    assert len(shop.offered()) == 1


def test_who_declined_one_caller_is_offered_the_next(shop: Shop) -> None:
    shop.in_line("CA1")
    shop.in_line("CA2")
    shop.dispatch.once()
    shop.declines("CA1", "ana")
    shop.dispatch.once()
    assert shop.offered() == [("CA2", "ana")]


def test_a_ticket_whose_call_cannot_be_told_lets_others_go_first(shop: Shop) -> None:
    shop.in_line("CA1", call="CAgone", arrived_at=shop.now - timedelta(minutes=1))
    shop.in_line("CA2")
    shop.dispatch.once()
    shop.dispatch.once()
    assert shop.offered() == [("CA2", "ana")]


def test_no_more_is_offered_than_can_be_rung_soon(opened: Opened) -> None:
    shop = opened(*[f"agent{number}" for number in range(9)])
    for number in range(9):
        shop.in_line(f"CA{number}", arrived_at=shop.now - timedelta(seconds=60 - number))
    shop.dispatch.once()
    assert [call for call, _ in shop.offered()] == ["CA0", "CA1", "CA2", "CA3", "CA4"]
    shop.dispatch.once()
    assert len(shop.offered()) == 5
    shop.placing.once()
    shop.dispatch.once()
    assert len(shop.offered()) == 6


def test_one_call_that_cannot_be_told_stops_neither_timers_nor_offers(opened: Opened) -> None:
    shop = opened("ana", "bea")
    shop.in_line("CA1", call="CAgone", arrived_at=shop.now - timedelta(minutes=1))
    lost = Offer("O1", "TCA2", "cal", "no such leg", "accepted", shop.now, shop.now)  # what no step makes
    shop.in_line("CA2")
    shop.change("CA2", phase="connecting", offers=(lost,), does=(SetTimer("join:O1", shop.now),))
    shop.in_line("CA3")
    shop.dispatch.once()
    shop.dispatch.once()
    assert "CA3" in dict(shop.offered())


def test_timers_the_record_refuses_keep_no_others_waiting(shop: Shop) -> None:
    """Bea is not known to the record, so whatever moves her is refused, each time it is tried."""
    for number in range(MOST_AT_ONCE):
        open_ = Offer(
            f"O{number}", f"TCA{number}", f"bea{number}", f"leg{number}", "open", shop.now, shop.now, shop.now
        )
        shop.in_line(f"CA{number}")
        legs = {**shop.call(f"CA{number}").legs, open_.leg: Leg(open_.leg, "agent", "expected", offer=open_.id)}
        timer = SetTimer(f"offer:O{number}", shop.now)
        shop.change(f"CA{number}", legs=legs, offers=(open_,), does=(timer,))
    shop.in_line("CAlast")
    shop.change("CAlast", does=(SetTimer("emergency:unanswered", shop.now + timedelta(milliseconds=1)),))
    shop.later(0.1)
    shop.dispatch.once()
    assert list(shop.effects("CreateTask", call_id="CAlast")) == []
    shop.dispatch.once()
    assert shop.effect("CreateTask", "CAlast").state == "due"


def test_offers_are_heard_of_one_by_one(opened: Opened) -> None:
    shop = opened("ana", "bea")
    heard: list[int] = []
    shop.in_line("CA1")
    shop.in_line("CA2")
    Dispatch(shop.board, Leases(shop.record.watch, "here"), lambda: heard.append(len(shop.offered()))).once()
    assert heard == [1, 2]


# ---------------------------------------------------------------- emergencies


def emergency(shop: Shop, name: str = "CA9") -> str:
    return shop.in_line(name, queue="pharmacist", within=0, licensed=True)


def test_an_emergency_that_comes_while_a_slow_pass_makes_its_offers_is_not_behind_the_rest(opened: Opened) -> None:
    shop = opened("ana", "bea")
    slow = Dispatch(shop.board, Leases(shop.record.watch, "slow"), stale_seconds=0.0)
    shop.in_line("CA1")
    shop.in_line("CA2")
    slow.once()
    shop.in_line("CA9", within=0)
    slow.once()
    assert [call for call, _ in shop.offered("CA1", "CA2", "CA9")] == ["CA1", "CA9"]


def test_an_emergency_is_not_kept_from_who_is_free_by_colleagues_who_are_still_on_a_phone(opened: Opened) -> None:
    """Wrapping up and not off the phone yet, they would be refused by the record pass after pass."""
    talkers = ("ana", "cleo", "dan")
    shop = opened(*talkers, "bea")
    shop.move("bea", "took_break")
    for number in range(len(talkers)):
        shop.in_line(f"CA{number}")
    shop.dispatch.once()
    assert {agent for _, agent in shop.offered()} == set(talkers)
    for agent in talkers:
        shop.move(agent, "accepted", "talk_ended")
    shop.in_line("CA9", within=0)
    shop.later(25)  # an emergency this old rings those who wrap up, too
    shop.move("bea", "returned")
    shop.in_line("CA8")
    shop.dispatch.once()
    assert shop.offered("CA8", "CA9") == [("CA9", "bea")]


def test_an_emergency_rings_those_on_break_after_twenty_seconds(shop: Shop) -> None:
    shop.move("ana", "took_break")
    emergency(shop)
    shop.dispatch.once()
    assert shop.offered() == []
    shop.later(21)
    shop.dispatch.once()
    assert shop.offered() == [("CA9", "ana")]


def test_an_emergency_with_nobody_there_rings_the_on_call_number(shop: Shop) -> None:
    shop.move("ana", "signed_out")
    emergency(shop)
    shop.dispatch.once()
    assert shop.call("CA9").ticket is not None
    assert shop.call("CA9").ticket.on_call  # type: ignore[union-attr]
    shop.dispatch.once()
    assert shop.offered() == [("CA9", "on_call:central")]
    assert shop.effect("PlaceCall", "CA9").effect.number == shop.pharmacy.sites["central"].on_call  # type: ignore[union-attr]


def test_the_on_call_number_is_not_rung_for_anything_else(shop: Shop) -> None:
    shop.move("ana", "signed_out")
    shop.in_line()
    shop.dispatch.once()
    shop.dispatch.once()
    assert shop.offered() == []


@pytest.fixture
def rings_on_call(shop: Shop) -> Shop:
    """Nobody is at the front desk, whose callers the number on call may be rung for."""
    shop.publish(queues={**QUEUES, "front_desk": replace(QUEUES["front_desk"], nobody="on_call")})
    shop.move("ana", "signed_out")
    shop.in_line()
    return shop


def test_unless_the_queue_says_so_for_a_caller_nobody_could_serve(rings_on_call: Shop) -> None:
    rings_on_call.dispatch.once()
    assert rings_on_call.call().phase == "holding"
    assert rings_on_call.call().dialogue == ""
    rings_on_call.dispatch.once()
    assert rings_on_call.offered() == [("CA1", "on_call:central")]


def test_also_for_one_still_on_hold_at_closing_time(rings_on_call: Shop) -> None:
    rings_on_call.clock.set(at_clock(20, 1))
    rings_on_call.dispatch.once()
    rings_on_call.dispatch.once()
    assert rings_on_call.offered() == [("CA1", "on_call:central")]


@pytest.mark.parametrize("how", ["no-answer", "declined"])
def test_when_whoever_is_on_call_does_not_take_it_the_caller_chooses(rings_on_call: Shop, how: str) -> None:
    rings_on_call.dispatch.once()
    rings_on_call.dispatch.once()
    [offer] = rings_on_call.offers()
    rings_on_call.tell("CA1", Keyed(offer.leg, "2") if how == "declined" else HungUp(offer.leg, how))
    rings_on_call.dispatch.once()
    assert rings_on_call.call().dialogue == "nobody"
    assert rings_on_call.effect("MoveCaller").state == "due"
    rings_on_call.later(300)
    rings_on_call.dispatch.once()
    assert len(rings_on_call.offers()) == 1


def test_or_at_once_when_nobody_is_on_call_either(rings_on_call: Shop) -> None:
    rings_on_call.move("on_call:central", "signed_out")
    rings_on_call.dispatch.once()
    rings_on_call.dispatch.once()
    assert rings_on_call.call().dialogue == "nobody"


def test_who_would_rather_be_called_back_is_not_called_by_whoever_is_on_call(rings_on_call: Shop) -> None:
    rings_on_call.dispatch.once()
    rings_on_call.tell("CA1", Keyed("leg-CA1", "1"), Keyed("leg-CA1", "1"), HungUp("leg-CA1", "completed"))
    assert rings_on_call.call().phase == "promised"
    rings_on_call.later(60)
    rings_on_call.dispatch.once()
    assert rings_on_call.offered() == []


def test_at_night_an_emergency_rings_the_on_call_number_at_once_and_nobody_at_home(opened: Opened) -> None:
    shop = opened("ana", "bea")
    shop.clock.set(NIGHT)
    emergency(shop)
    shop.dispatch.once()
    assert shop.offered() == []
    shop.dispatch.once()
    assert shop.offered() == [("CA9", "on_call:central")]
    shop.later(21)
    shop.dispatch.once()
    assert shop.offered() == [("CA9", "on_call:central")]


def test_a_busy_number_on_call_is_rung_again_until_somebody_answers(opened: Opened) -> None:
    shop = opened("ana")
    shop.clock.set(NIGHT)
    emergency(shop)
    shop.dispatch.once()
    shop.dispatch.once()
    [offer] = shop.offers("CA9")
    shop.tell("CA9", HungUp(offer.leg, "busy"))
    shop.dispatch.once()
    assert shop.offered() == []
    shop.later(21)
    shop.dispatch.once()
    assert shop.offered() == [("CA9", "on_call:central")]


def test_whoever_is_on_call_is_asked_again_sooner_than_staff_who_declined(opened: Opened) -> None:
    shop = opened("ana")
    shop.clock.set(NIGHT)
    emergency(shop)
    shop.dispatch.once()
    shop.dispatch.once()
    shop.declines("CA9", "on_call:central")
    shop.later(21)
    shop.dispatch.once()
    assert shop.offered() == [("CA9", "on_call:central")]


def test_at_night_nothing_but_an_emergency_is_served(shop: Shop) -> None:
    shop.clock.set(NIGHT)
    shop.in_line()
    shop.later(60)
    shop.dispatch.once()
    assert shop.offered() == []


# ---------------------------------------------------------------- nobody could


def test_a_caller_nobody_could_serve_is_told_once(shop: Shop) -> None:
    shop.move("ana", "signed_out")
    shop.in_line()
    shop.dispatch.once()
    assert shop.call().dialogue == "nobody"
    assert shop.effect("MoveCaller").lane == "telephony"
    turns = len(shop.record.journal("CA1"))
    shop.dispatch.once()
    shop.later(61)
    shop.dispatch.once()
    assert len(shop.record.journal("CA1")) == turns


def test_somebody_on_break_could_still_serve(shop: Shop) -> None:
    shop.move("ana", "took_break")
    shop.in_line()
    shop.dispatch.once()
    assert shop.call().phase == "holding"


def test_a_caller_is_told_when_the_last_who_could_serve_them_goes_home(shop: Shop) -> None:
    shop.move("ana", "took_break")
    shop.in_line()
    shop.dispatch.once()
    shop.move("ana", "signed_out")
    shop.dispatch.once()
    assert shop.call().dialogue == "nobody"


def test_a_caller_still_on_hold_at_closing_time_is_told(shop: Shop) -> None:
    shop.move("ana", "took_break")
    shop.in_line()
    shop.clock.set(at_clock(20, 1))
    shop.dispatch.once()
    assert shop.call().dialogue == "nobody"


def test_who_is_back_on_hold_and_still_has_nobody_is_told_again(shop: Shop) -> None:
    shop.move("ana", "signed_out")
    shop.in_line()
    shop.dispatch.once()
    ticket = shop.call().ticket
    assert ticket is not None
    choosing = replace(ticket, not_before=shop.now + timedelta(seconds=60))
    shop.change("CA1", phase="dialogue", ticket=choosing)
    shop.dispatch.once()
    shop.change("CA1", phase="holding", dialogue="", ticket=ticket)
    shop.dispatch.once()
    assert shop.call().dialogue == "nobody"


def test_a_caller_whose_plan_will_widen_their_choice_is_not_told_that_nobody_could(shop: Shop) -> None:
    plan = (PlanStep(60, "relax", "spanish"), PlanStep(60, "overflow", "front_desk"))
    shop.publish(queues={**QUEUES, "billing": Queue("billing", "billing", 60, plan=plan)})
    shop.in_line(queue="billing", needs=("spanish",))
    shop.dispatch.once()
    assert shop.call().phase == "holding"
    shop.change("CA1", does=(SetTimer("plan:billing:0", shop.now), SetTimer("plan:billing:1", shop.now)))
    shop.dispatch.once()
    assert shop.offered() == [("CA1", "ana")]


# ---------------------------------------------------------------- another site


@pytest.fixture
def two_sites(opened: Opened) -> Shop:
    """Ana works here, in New York; bea in Los Angeles, where it opens and closes three hours later."""
    shop = opened("ana", "bea")
    west = Site("west", "Example Pharmacy West", "America/Los_Angeles", "+15555550103", "+15555550104")
    bea = replace(shop.pharmacy.staff["bea"], site="west")
    hours = replace(shop.pharmacy.hours["central"], timezone="America/Los_Angeles")
    shop.publish(
        sites={**shop.pharmacy.sites, "west": west},
        hours={**shop.pharmacy.hours, "west": hours},
        staff={**shop.pharmacy.staff, "bea": bea},
    )
    shop.clock.set(at_clock(14))
    return shop


def ask_the_west(shop: Shop, **plan: object) -> None:
    shop.publish(queues={**QUEUES, "front_desk": replace(QUEUES["front_desk"], **plan)})


def test_a_caller_waits_for_another_site_only_once_their_plan_says_so(two_sites: Shop) -> None:
    ask_the_west(two_sites, plan=(PlanStep(60, "overflow", "west"),))
    two_sites.move("ana", "took_break")
    two_sites.in_line()
    two_sites.dispatch.once()
    assert two_sites.offered() == []
    two_sites.change("CA1", does=(SetTimer("plan:front_desk:0", two_sites.now),))
    two_sites.dispatch.once()
    assert two_sites.offered() == [("CA1", "bea")]


def test_whom_nobody_here_could_serve_another_site_does_at_once(two_sites: Shop) -> None:
    ask_the_west(two_sites, nobody="west")
    two_sites.move("ana", "signed_out")
    two_sites.in_line()
    two_sites.dispatch.once()
    two_sites.dispatch.once()
    assert two_sites.offered() == [("CA1", "bea")]
    assert two_sites.call().dialogue == ""


def test_or_they_are_told_when_nobody_is_there_either(two_sites: Shop) -> None:
    ask_the_west(two_sites, nobody="west")
    two_sites.move("ana", "signed_out")
    two_sites.move("bea", "signed_out")
    two_sites.in_line()
    two_sites.dispatch.once()
    two_sites.dispatch.once()
    assert two_sites.call().dialogue == "nobody"


@pytest.mark.parametrize(("hour", "rung"), [(10, False), (14, True), (21, True), (23, False)])
def test_agents_of_the_other_site_are_rung_in_their_own_hours(two_sites: Shop, hour: int, rung: bool) -> None:
    two_sites.clock.set(at_clock(hour, 5))
    two_sites.move("ana", "took_break")
    two_sites.in_line(sites=("west",))
    two_sites.dispatch.once()
    assert two_sites.offered() == ([("CA1", "bea")] if rung else [])


def test_a_site_rings_nobody_who_is_on_call_for_another(two_sites: Shop) -> None:
    two_sites.clock.set(at_clock(23))
    two_sites.in_line("CA9", queue="pharmacist", within=0, licensed=True, sites=("west",))
    for _ in range(3):
        two_sites.dispatch.once()
    assert two_sites.offered() == [("CA9", "on_call:central")]


def test_an_earlier_ticket_of_one_site_goes_before_a_later_one_of_another(two_sites: Shop) -> None:
    two_sites.move("ana", "took_break")
    two_sites.in_line("CA1", sites=("west",), arrived_at=two_sites.now, due_from=two_sites.now)
    two_sites.later(5)
    two_sites.in_line("CA2", site="west")
    two_sites.dispatch.once()
    assert two_sites.offered() == [("CA1", "bea")]


def test_whoever_serves_the_other_site_serves_those_who_wait_for_it_too(two_sites: Shop) -> None:
    elsewhere = Leases(two_sites.record.watch, "elsewhere")
    assert elsewhere.held("dispatch:west")
    two_sites.move("ana", "took_break")
    two_sites.in_line(sites=("west",))
    two_sites.dispatch.once()
    assert two_sites.offered() == []
    assert Dispatch(two_sites.board, elsewhere).once()
    assert two_sites.offered() == [("CA1", "bea")]


def test_the_preferred_agent_is_rung_first_and_only_if_they_are_there(opened: Opened) -> None:
    shop = opened("ana", "bea", "cal")
    shop.in_line("CA1", preferred="ana")  # licensed, and so the last of the three for anybody else
    shop.in_line("CA2", preferred="ana")
    shop.dispatch.once()
    assert dict(shop.offered())["CA1"] == "ana"
    assert dict(shop.offered())["CA2"] != "ana"


# ---------------------------------------------------------------- pharmacists kept free


def test_the_last_free_pharmacist_is_kept_for_emergencies(opened: Opened) -> None:
    shop = opened("ana", "bea")
    everything = frozenset(QUEUES)
    both = {id_: replace(agent, licensed=True, queues=everything) for id_, agent in shop.pharmacy.staff.items()}
    keeps_one = {**QUEUES, "pharmacist": replace(QUEUES["pharmacist"], keep_free_licensed=1)}
    shop.publish(queues=keeps_one, staff=both)
    shop.in_line("CA1")
    shop.in_line("CA3")
    shop.dispatch.once()
    [(_, rung)] = shop.offered()
    emergency(shop)
    shop.dispatch.once()
    assert dict(shop.offered())["CA9"] != rung


def test_the_only_pharmacist_is_not_kept_from_everybody_else(shop: Shop) -> None:
    shop.publish(queues={**QUEUES, "pharmacist": replace(QUEUES["pharmacist"], keep_free_licensed=1)})
    shop.in_line()
    shop.dispatch.once()
    assert shop.offered() == [("CA1", "ana")]


# ---------------------------------------------------------------- timers and agents who are due back


def test_an_offer_that_rang_out_sends_the_agent_on_break_and_the_ticket_back(opened: Opened) -> None:
    shop = opened("ana", "bea")
    shop.in_line()
    shop.dispatch.once()
    [(_, first)] = shop.offered()
    shop.placing.once()
    shop.later(36)
    shop.dispatch.once()
    assert shop.presence(first) == "on_break"
    [(_, second)] = shop.offered()
    assert second != first


def test_nobody_misses_an_offer_that_our_own_pace_kept_from_ringing(opened: Opened) -> None:
    shop = opened("ana", "bea", calls_per_second=0.01)
    shop.in_line("CA1")
    shop.dispatch.once()
    shop.placing.once()  # and now nothing may be placed for a hundred seconds
    shop.in_line("CA2")
    shop.dispatch.once()
    [(_, second)] = shop.offered("CA2")
    shop.later(30)
    shop.placing.once()
    shop.dispatch.once()
    assert [offer.state for offer in shop.offers("CA2")] == ["unrung"]
    assert shop.presence(second) == "available"
    assert len(shop.twilio.placed) == 1


def test_a_missed_offer_keeps_an_agent_away_for_two_minutes(shop: Shop) -> None:
    shop.in_line()
    shop.dispatch.once()
    shop.placing.once()
    shop.later(36)
    shop.dispatch.once()
    shop.later(119)
    shop.dispatch.once()
    assert shop.presence("ana") == "on_break"
    shop.later(2)
    shop.dispatch.once()
    assert shop.offered() == [("CA1", "ana")]


def test_a_break_of_ones_own_does_not_end_by_itself(shop: Shop) -> None:
    shop.move("ana", "took_break")
    shop.later(3600)
    shop.dispatch.once()
    assert shop.presence("ana") == "on_break"


def test_wrap_up_ends_after_half_a_minute(shop: Shop) -> None:
    shop.move("ana", "offered", "accepted", "talk_ended")
    shop.later(29)
    shop.dispatch.once()
    assert shop.presence("ana") == "wrap_up"
    shop.later(2)
    shop.dispatch.once()
    assert shop.presence("ana") == "available"


def test_whoever_listens_to_us_past_their_wrap_up_is_offered_a_call_once_the_phone_is_down(shop: Shop) -> None:
    shop.in_line("CA1")
    shop.dispatch.once()
    [offer] = shop.offers("CA1")
    shop.tell("CA1", Came(offer.leg, 1), Keyed(offer.leg, "1"), Came("leg-CA1", 2), HungUp("leg-CA1", "completed"))
    shop.in_line("CA2")
    shop.later(31)
    shop.dispatch.once()
    assert (shop.presence("ana"), shop.offered("CA2")) == ("wrap_up", [])
    shop.tell("CA1", HungUp(offer.leg, "completed"))
    shop.dispatch.once()
    assert shop.offered("CA2") == [("CA2", "ana")]


def test_a_timer_goes_off_once(shop: Shop) -> None:
    shop.in_line()
    shop.change("CA1", does=(SetTimer("emergency:unanswered", shop.now),))
    shop.dispatch.once()
    shop.dispatch.once()
    assert len(list(shop.effects("CreateTask"))) == 1
    assert shop.record.timers.due(shop.now) == []


def test_a_timer_that_cannot_be_told_is_put_away_and_the_next_goes_off(shop: Shop) -> None:
    shop.in_line("CA1")
    lost = Offer("O1", "TCA1", "ana", "no such leg", "accepted", shop.now, shop.now)  # what no step makes
    shop.change("CA1", phase="connecting", offers=(lost,), does=(SetTimer("join:O1", shop.now),))
    shop.in_line("CA2")
    shop.change("CA2", does=(SetTimer("emergency:unanswered", shop.now),))
    shop.dispatch.once()
    assert shop.record.timers.due(shop.now) == []
    assert shop.effect("CreateTask", "CA2").state == "due"


# ---------------------------------------------------------------- callbacks


def test_a_callback_is_offered_to_an_agent_before_the_person_is_rung(shop: Shop) -> None:
    shop.in_line(kind="callback")
    shop.change("CA1", phase="promised", ended_at=shop.now - timedelta(minutes=1))
    shop.dispatch.once()
    assert shop.offered() == [("CA1", "ana")]
    shop.placing.once()
    assert [call["to"] for call in shop.twilio.placed] == [shop.pharmacy.staff["ana"].phone]


@pytest.mark.parametrize(("hour", "rung"), [(8, False), (9, True), (19, True), (20, False)])
def test_nobody_is_called_back_in_quiet_hours(opened: Opened, hour: int, rung: bool) -> None:
    shop = opened("ana")
    shop.clock.set(at_clock(hour, 5))  # open from 8 to 20, quiet until 9
    shop.in_line(kind="callback")
    shop.change("CA1", phase="promised", ended_at=shop.now - timedelta(minutes=1))
    shop.dispatch.once()
    assert bool(shop.offered()) == rung


def test_nobody_is_called_back_while_the_site_is_closed(opened: Opened) -> None:
    shop = opened("ana", quiet_hours=(0, 0))
    shop.clock.set(NIGHT)
    shop.in_line(kind="callback")
    shop.change("CA1", phase="promised", ended_at=shop.now - timedelta(minutes=1))
    shop.dispatch.once()
    assert shop.offered() == []


def test_a_person_who_is_on_the_line_is_not_called_back(shop: Shop) -> None:
    shop.in_line("CA1", kind="callback", person="p1")
    shop.change("CA1", phase="promised", person="p1")
    shop.tell("CA1", HungUp("leg-CA1", "completed"))
    shop.in_line("CA2", queue="billing")
    shop.change("CA2", person="p1")
    shop.dispatch.once()
    assert shop.offered() == []
    shop.tell("CA2", HungUp("leg-CA2", "completed"))
    shop.dispatch.once()
    assert shop.offered() == [("CA1", "ana")]
