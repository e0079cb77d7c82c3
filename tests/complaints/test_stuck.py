"""Stuck calls and agents: what stood still elsewhere until somebody restarted it, brought about at the shop."""

from __future__ import annotations

import sqlite3
from collections import Counter
from contextlib import closing, suppress
from dataclasses import replace

import pytest

from ivr.core.call import Call, Caller, Leg, World
from ivr.core.events import Came, Event, HungUp, Keyed, Offered
from ivr.core.line import Offer
from ivr.core.step import step
from ivr.dispatch import Dispatch
from ivr.leases import Leases
from ivr.store import Conflict, Turn
from ivr.sweep import run_once
from ivr.telephony.rest import Refused, Unknown
from tests import servers
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
    ticket_of,
)
from tests.core.rehearsal import QUEUES
from tests.worker.conftest import Opened
from tests.worker.shop import ROSA, Shop, found

FREE = ("available", "wrap_up")


def is_over(shop: Shop, name: str = "CA1") -> None:
    """Nothing is left of a call: no ticket in line, no offer, nobody who believes they are on it."""
    assert not ticket_of(shop, name).live
    assert {offer.state for offer in shop.offers(name)}.isdisjoint({"open", "accepted"})
    assert shop.record.desk.waiting("central") == []
    assert {now.presence for now in shop.record.desk.agents().values()} <= {*FREE, "on_break", "signed_out"}


# ---------------------------------------------------------------- freeswitch#1973: "Answered", hours after they hung up

MEETING = ("picked up", "pressed 1", "came")


@pytest.mark.parametrize("before", range(len(MEETING) + 1))
@pytest.mark.parametrize("twice", [False, True])
def test_freeswitch_1973_whenever_the_caller_hangs_up_nobody_is_answered_for_hours(
    opened: Opened, before: int, twice: bool
) -> None:
    """Members stood there as `Answered` hours after they hung up while an agent was just answering them."""
    shop = opened("ana", calls_per_second=AT_ONCE)
    offer = rings(shop)
    shop.later(20)
    gone = HungUp("leg-CA1", "completed")
    meets: list[Event] = [Came(offer.leg, 1), Keyed(offer.leg, "1"), Came("leg-CA1", 2)]
    meets[before:before] = [gone, gone] if twice else [gone]
    shop.tell("CA1", *meets)
    part(shop, "CA1")

    is_over(shop)
    assert shop.call().outcome == ("answered" if before == len(MEETING) else "abandoned")
    shop.later(3 * 3600)
    assert passes(shop) == {}
    is_over(shop)
    in_line_from(shop, "CA2")
    assert passes(shop) == {"ana": "CA2"}


def test_freeswitch_1973_a_key_and_a_hanging_up_at_the_same_instant_leave_nothing_behind(opened: Opened) -> None:
    """It took both at once: the agent's answer and the member's leaving overtook each other between two threads."""
    shop = opened("ana", calls_per_second=AT_ONCE)
    for n in range(12):
        name = f"CA{n}"
        offer = rings(shop, name)
        shop.tell(name, Came(offer.leg, 1))
        at_once(
            lambda name=name, leg=offer.leg: shop.tell(name, Keyed(leg, "1")),
            lambda name=name: shop.tell(name, HungUp(f"leg-{name}", "completed")),
        )
        part(shop, name)
        is_over(shop, name)
        assert shop.call(name).outcome in ("abandoned", "short_abandon")
        shop.move("ana", *(["wrapped_up"] if shop.presence("ana") == "wrap_up" else []))


# ---------------------------------------------------------------- freeswitch#1641: dispatch is dead until a reload


@pytest.mark.parametrize("wrong", ["tickets SET body", "tickets SET alike", "calls SET state"])
def test_freeswitch_1641_what_no_release_can_read_stops_nobody_elses_calls(
    opened: Opened, record_url: str, wrong: str
) -> None:
    """The thread that dispatched calls died of one of them, and of the same one again after each start."""
    shop = opened("ana", calls_per_second=AT_ONCE)
    for name in ("CA1", "CA2", "CA3"):
        in_line_from(shop, name)
        shop.later(1)
    with closing(sqlite3.connect(record_url.removeprefix("sqlite:///"))) as record:
        key = "id" if wrong.startswith("calls") else "call_id"
        assert record.execute(f"""UPDATE {wrong} = '{{"id":1}}' WHERE {key} = 'CA1'""").rowcount == 1
        record.commit()
    passes(shop)  # which finds out
    assert passes(shop) == {"ana": "CA2"}
    serves(shop, "ana")
    passes(shop)
    assert passes(shop) == {"ana": "CA3"}


# ---------------------------------------------------------------- freeswitch#1221 and #800: who cannot be reached


def test_freeswitch_1221_one_phone_that_is_always_busy_halts_nobody(opened: Opened) -> None:
    """One agent who could not be reached was tried over and over, and the whole line behind them stood."""
    shop = opened("ana", "bea", "cal", calls_per_second=AT_ONCE)
    for n in range(9):
        in_line_from(shop, f"CA{n}", f"+155555502{n:02}")
        shop.later(1)
    served = []
    for _ in range(5):
        for agent, call in passes(shop).items():
            if agent == "bea":
                shop.tell(call, HungUp(open_offers(shop)[agent][1].leg, "busy"))
            else:
                served.append(serves(shop, agent))
        shop.later(5)
    assert sorted(served) == [f"CA{n}" for n in range(9)]


@pytest.mark.parametrize("how", ["busy", "failed", "no-answer"])
def test_freeswitch_800_an_agent_who_goes_away_during_an_offer_is_not_rung_in_a_loop(opened: Opened, how: str) -> None:
    """An agent went away while being offered a call, and was offered it again at once, for ever."""
    shop = opened("ana", calls_per_second=AT_ONCE)
    in_line_from(shop, "CA1", within=600)
    for _ in range(120):  # ten minutes
        if passes(shop):
            shop.tell("CA1", HungUp(open_offers(shop)["ana"][1].leg, how))
        shop.later(5)
    assert 1 <= len(shop.twilio.placed) <= 6
    assert ticket_of(shop, "CA1").state == "waiting"


def test_freeswitch_800_whoever_else_is_there_is_rung_at_once_and_once(opened: Opened) -> None:
    """The others idled meanwhile, for the caller was never let go of."""
    shop = opened("ana", "bea", calls_per_second=AT_ONCE)
    in_line_from(shop, "CA1")
    [first] = passes(shop)
    shop.tell("CA1", HungUp(open_offers(shop)[first][1].leg, "failed"))
    [second] = passes(shop)
    assert second != first
    assert serves(shop, second) == "CA1"
    assert Counter(offer.agent for offer in shop.offers()) == {first: 1, second: 1}


# ---------------------------------------------------------------- freeswitch#2540: agents stuck "Reserved"


def test_freeswitch_2540_an_agent_whose_phone_was_never_rung_is_not_kept_reserved(opened: Opened) -> None:
    """Agents stayed `Reserved` for a call that was never placed, until somebody reset them by hand."""
    shop = opened("ana")
    in_line_from(shop, "CA1")
    shop.dispatch.once()  # and whoever places calls has died
    assert shop.presence("ana") == "offered"
    shop.later(31)
    shop.dispatch.once()
    assert shop.offers()[0].state == "unrung"
    shop.later(31)
    assert passes(shop) == {"ana": "CA1"}


def test_freeswitch_2540_an_agent_reserved_for_nothing_is_found_and_freed(opened: Opened) -> None:
    """Nobody could say for which call they were reserved, so nothing ever freed them."""
    shop = opened("ana", calls_per_second=AT_ONCE)
    shop.move("ana", "offered")
    shop.dispatch = Dispatch(shop.board, Leases(shop.record.watch, "here"), mend_seconds=0.0)
    in_line_from(shop, "CA1")
    assert passes(shop) == {}
    shop.later(31)
    passes(shop)
    assert passes(shop) == {"ana": "CA1"}


@pytest.mark.parametrize("trouble", [Refused(21211, 400), Refused(20404, 404)])
def test_freeswitch_2540_an_agent_twilio_will_not_ring_is_not_kept_reserved_either(
    opened: Opened, trouble: Refused
) -> None:
    """The same after an originate that failed."""
    shop = opened("ana", calls_per_second=AT_ONCE)
    in_line_from(shop, "CA1")
    shop.twilio.troubles.append(trouble)
    shop.dispatch.once()
    shop.placing.once()
    assert shop.presence("ana") != "offered"
    assert open_offers(shop) == {}


# ---------------------------------------------------------------- news that never comes


def is_talking(shop: Shop) -> Offer:
    offer = rings(shop)
    takes(shop, offer.agent)
    return offer


def test_opensips_3123_an_agent_is_not_on_a_call_for_ever_whose_end_nobody_told(opened: Opened) -> None:
    """Agents stayed locked `incall` for ever after a hang-up that got lost."""
    shop = opened("ana", calls_per_second=AT_ONCE)
    offer = is_talking(shop)
    rung = shop.twilio.calls[0]
    shop.twilio.calls = [found("CA1", status="completed"), replace(rung, status="completed")]
    shop.twilio.statuses = {"CA1": "completed", rung.sid: "completed"}
    assert shop.presence("ana") == "on_call"

    shop.later(150)
    run_once(shop.board, shop.twilio, shop.doors)  # type: ignore[arg-type]

    assert shop.presence("ana") in FREE
    assert shop.call().legs[offer.leg].state == "over"
    is_over(shop)
    shop.later(31)
    in_line_from(shop, "CA2")
    assert passes(shop) == {"ana": "CA2"}


PHASES = ("flow", "holding", "talking", "message", "transferring")


@pytest.mark.parametrize("phase", PHASES)
def test_twilio_studio_2021_03_a_call_whose_end_was_never_told_does_not_stay_open(opened: Opened, phase: str) -> None:
    """Studio executions stayed open for ever when the event of hanging up was not received."""
    shop = opened("ana", calls_per_second=AT_ONCE)
    if phase == "talking":
        is_talking(shop)
    elif phase == "holding":
        in_line_from(shop, "CA1")
        shop.move("ana", "took_break")
    else:
        leg = Leg("leg-CA1", "caller", documents=1)
        shop.keep(Call("CA1", "main", "central", "v1", shop.now, Caller("number", ROSA), phase, legs={leg.token: leg}))
    shop.twilio.statuses["CA1"] = "completed"
    shop.twilio.calls = [found("CA1", status="completed"), *shop.twilio.calls]

    shop.later(150)
    shop.twilio.troubles.extend([Unknown(503)] * 9)  # Twilio itself is away: nothing is known, and nothing guessed
    run_once(shop.board, shop.twilio, shop.doors)  # type: ignore[arg-type]
    assert shop.call().ended_at is None
    shop.twilio.troubles.clear()
    run_once(shop.board, shop.twilio, shop.doors)  # type: ignore[arg-type]

    assert shop.call().ended_at is not None
    assert shop.call().legs["leg-CA1"].state == "over"
    [told] = shop.effects("WriteDisposition")
    assert told.effect.body["final"] is True  # type: ignore[union-attr]


# ---------------------------------------------------------------- OpenSIPS#2679: the last timer frees everybody


def test_opensips_2679_each_wrap_up_ends_by_its_own_time(opened: Opened) -> None:
    """Wrap-up ended for all by the timer that was set last, and agents who had long been free idled."""
    shop = opened("ana", "bea", calls_per_second=AT_ONCE)
    shop.move("ana", "offered", "accepted", "talk_ended")
    shop.later(20)
    shop.move("bea", "offered", "accepted", "talk_ended")
    shop.later(11)
    in_line_from(shop, "CA1")
    in_line_from(shop, "CA2", "+15555550231")
    assert set(passes(shop)) == {"ana"}
    shop.later(20)
    assert set(passes(shop)) == {"ana", "bea"}


def test_opensips_2679_an_earlier_timer_does_not_cut_a_later_wrap_up_short(opened: Opened) -> None:
    """Or by the one that was set first, in the middle of the next."""
    shop = opened("ana", calls_per_second=AT_ONCE)
    shop.move("ana", "offered", "accepted", "talk_ended")
    shop.later(20)
    shop.move("ana", "wrapped_up", "offered", "accepted", "talk_ended")
    shop.later(15)
    in_line_from(shop, "CA1")
    assert passes(shop) == {}
    assert shop.presence("ana") == "wrap_up"
    shop.later(16)
    assert passes(shop) == {"ana": "CA1"}


# ---------------------------------------------------------------- several nodes on one record


def decided_apart(shop: Shop, *happenings: tuple[str, Event]) -> int:
    """Nodes that look at the same moment decide, each without the others, and then write; how many were let to."""
    turns = []
    for n, (name, event) in enumerate(happenings):
        loaded = shop.record.load_call(name)
        assert loaded is not None
        taken = step(loaded.call, event, World(shop.now, shop.pharmacy, {}, (f"x{n}{name}", f"y{n}{name}")))
        turns.append(Turn(loaded.call, loaded.rev, taken.call, shop.now, "{}", does=taken.does))
    written = 0
    for turn in turns:
        with suppress(Conflict):
            shop.record.commit(turn)
            written += 1
    return written


@pytest.mark.parametrize("presence", ["available", "on_break"])
def test_freeswitch_1674_two_nodes_that_offer_at_the_same_instant_ring_nobody_twice(
    opened: Opened, presence: str
) -> None:
    """Several nodes could not share one database: each rang the same agents for the same members."""
    shop = opened("ana", calls_per_second=AT_ONCE)
    if presence == "on_break":  # an emergency rings her there too, and she is where she was all the while
        shop.move("ana", "took_break")
    names = [in_line_from(shop, f"CA{place}", within=0, licensed=True) for place in range(2)]
    pairs = [(name, node) for name in names for node in "xy"]
    ringing = [(name, Offered(f"O{node}{name}", f"L{node}{name}", "ana", "+15555550110")) for name, node in pairs]
    assert decided_apart(shop, *ringing) == 1
    [(call, offer)] = shop.record.desk.open_offers()
    shop.tell(call, HungUp(offer.leg, "canceled"))
    assert shop.presence("ana") == presence


def test_freeswitch_1674_two_agents_never_hold_one_caller_however_close_their_keys(opened: Opened) -> None:
    """And two agents were connected to one member."""
    shop = opened("ana", "bea", calls_per_second=AT_ONCE)
    both = {id_: replace(agent, licensed=True, queues=frozenset(QUEUES)) for id_, agent in shop.pharmacy.staff.items()}
    shop.publish(staff=both)
    name = in_line_from(shop, "CA1", queue="pharmacist", within=0, licensed=True)
    assert set(passes(shop)) == {"ana", "bea"}
    legs = [offer.leg for _, offer in open_offers(shop).values()]
    shop.tell(name, *(Came(leg, 1) for leg in legs))
    assert decided_apart(shop, *((name, Keyed(leg, "1")) for leg in legs)) == 1
    assert Counter(map(shop.presence, both)) == {"on_call": 1, "offered": 1}
    shop.tell(name, *(Keyed(leg, "1") for leg in legs))
    assert [offer.state for offer in shop.offers(name)].count("accepted") == 1


def test_freeswitch_1674_a_second_node_takes_over_from_one_that_stopped_and_rings_nobody_again(opened: Opened) -> None:
    """A node that died took the line of its queue with it."""
    shop = opened("ana", "bea", calls_per_second=AT_ONCE)
    first = rings(shop)
    for lease in ("dispatch:central", "timers", "placing"):
        shop.record.watch.release(lease, "here")  # it ran out
    second = shop.another_dispatch("there")
    in_line_from(shop, "CA2", "+15555550231")
    assert second.once()
    assert len(open_offers(shop)) == 2
    assert [offer.id for offer in shop.offers()] == [first.id]
    shop.dispatch.once()  # the first wakes
    assert len([offer for name in ("CA1", "CA2") for offer in shop.offers(name)]) == 2


# ---------------------------------------------------------------- presence that drifts


def test_chatwoot_6631_presence_is_no_worse_for_all_that_valkey_forgets(opened: Opened, empty_valkey_url: str) -> None:
    """Presence lived in Redis and drifted from the truth, so that people asked for a way to force it."""
    shop = opened("ana", "bea", "cal", calls_per_second=AT_ONCE)
    shop.move("bea", "took_break")
    talks = is_talking(shop).agent
    before = shop.record.desk.agents()
    port = int(empty_valkey_url.rpartition(":")[2].partition("/")[0])
    assert servers.valkey_says(port, b"FLUSHALL").startswith(b"+OK")
    assert shop.record.desk.agents() == before
    in_line_from(shop, "CA2", "+15555550231")
    assert set(passes(shop)) == {"ana", "cal"} - {talks}
