"""Order in the queue: who was served before whom elsewhere, and could not say why."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from ivr.core.call import Answer
from ivr.core.events import Came, HungUp, Keyed, Learned
from ivr.core.line import AtDesk, InLine, could_serve, match
from ivr.core.rules import RuleSet, Then
from ivr.desk import line as the_line
from ivr.office import explain
from ivr.switchboard import Switchboard
from tests.complaints.people import (
    AT_ONCE,
    asks_to_be_called_back,
    in_line_from,
    is_in_line,
    open_offers,
    passes,
    person_rung,
    served_in_turn,
    serves,
    takes,
    ticket_of,
    typed,
)
from tests.core.rehearsal import QUEUES, RULES, rule
from tests.test_match import NOW, desk, desks_of, emergency, lines, pairs, ticket
from tests.worker.conftest import Opened
from tests.worker.shop import Shop


@st.composite
def busy_lines(draw: st.DrawFn) -> tuple[list[InLine], list[AtDesk]]:
    """More people than agents, most of whom anybody could serve: there is always a choice of who is next."""
    line = [
        InLine(
            ticket(
                f"t{place}",
                draw(st.integers(0, 900)),
                draw(st.sampled_from((30, 60, 180, 600))),
                kind=draw(st.sampled_from(("hold", "callback"))),
                queue=draw(st.sampled_from(("front_desk", "pharmacist"))),
            )
        )
        for place in range(draw(st.integers(2, 7)))
    ]
    if draw(st.booleans()):
        line.append(InLine(emergency("now", draw(st.integers(0, 15)))))
    desks = [
        desk(f"a{place}", idle=place, licensed=True, queues=draw(st.sampled_from(SERVED)))
        for place in range(draw(st.integers(1, 3)))
    ]
    return line, desks


SERVED = (frozenset({"front_desk", "pharmacist"}), frozenset({"front_desk"}), frozenset({"pharmacist"}))


def somebody_every_10_seconds(shop: Shop, *names: str, **ticket: object) -> None:
    for place, name in enumerate(names):
        in_line_from(shop, name, f"+155555502{place:02}", **ticket)
        shop.later(10)


# ---------------------------------------------------------------- callbacks and those who wait


@given(busy_lines())
def test_plugin_queued_callbacks_9_a_callback_is_served_neither_sooner_nor_later_than_if_they_had_waited(
    busy: tuple[list[InLine], list[AtDesk]],
) -> None:
    """Whoever chose a callback was served before people who stayed on the line, for its task had a higher priority."""
    line, desks = busy
    holding = [replace(entry, ticket=replace(entry.ticket, kind="hold")) for entry in line]
    assert pairs(line, desks) == pairs(holding, desks)


def test_plugin_queued_callbacks_9_who_presses_1_for_a_callback_keeps_their_place(opened: Opened) -> None:
    """They asked that a caller who would rather be called back keep the spot they had, no better and no worse."""
    shop = opened("ana", calls_per_second=AT_ONCE)
    shop.move("ana", "took_break")
    somebody_every_10_seconds(shop, "CA1", "CA2", "CA3", "CA4", "CA5")
    for name in ("CA4", "CA2"):
        asks_to_be_called_back(shop, name)
    shop.later(30)
    shop.move("ana", "returned")
    assert served_in_turn(shop, "ana") == ["CA1", "CA2", "CA3", "CA4", "CA5"]


def test_freepbx_621_fifty_callbacks_do_not_starve_who_came_before_them(opened: Opened) -> None:
    """Callbacks came back into the queue at a priority above everybody, and 50 to 75 of them starved the line."""
    shop = opened("ana", calls_per_second=AT_ONCE)
    shop.move("ana", "took_break")
    somebody_every_10_seconds(shop, "LIVE")
    for place in range(50):
        in_line_from(shop, f"CB{place:02}", f"+155555502{place:02}", kind="callback")
        shop.change(f"CB{place:02}", phase="promised", legs={}, ended_at=shop.now)
        shop.later(1)
    shop.move("ana", "returned")
    shop.later(600)  # whatever their promises: all of them are late by now
    assert passes(shop) == {"ana": "LIVE"}


def test_freepbx_621_a_callback_nobody_answered_does_not_come_back_ahead_of_who_waits(opened: Opened) -> None:
    """Each attempt that failed put the callback to the head of the line again."""
    shop = opened("ana", calls_per_second=AT_ONCE)
    somebody_every_10_seconds(shop, "CA1", "CA2")
    asks_to_be_called_back(shop, "CA2")
    in_line_from(shop, "CA3")
    shop.later(15)
    passes(shop)
    assert serves(shop, "ana") == "CA1"
    assert passes(shop) == {"ana": "CA2"}
    call, offer = open_offers(shop)["ana"]
    before = ticket_of(shop, "CA2")
    shop.tell(call, Came(offer.leg, 1), Keyed(offer.leg, "1"))
    shop.placing.once()
    shop.tell(call, HungUp(person_rung(shop, call), "no-answer"))
    after = ticket_of(shop, "CA2")
    assert (after.arrived_at, after.due_from, after.promised_at) == (
        before.arrived_at,
        before.due_from,
        before.promised_at,
    )
    assert after.not_before is not None
    shop.tell(call, HungUp(offer.leg, "completed"))
    assert passes(shop) == {"ana": "CA3"}


# ---------------------------------------------------------------- one agent, several queues


@given(busy_lines())
def test_asterisk_1637_the_earliest_promise_goes_first_whichever_queue_it_is_in(
    busy: tuple[list[InLine], list[AtDesk]],
) -> None:
    """With `longest waiting first` across queues, a caller's own priority was passed over."""
    line, desks = busy

    def due(entry: InLine) -> tuple[bool, datetime]:
        within = entry.ticket.answer_within_seconds
        return within > 0, entry.ticket.arrived_at + timedelta(seconds=within)

    served = dict(pairs(line, desks))
    for entry in line:
        for later in line:
            agent = next(each.agent for each in desks if each.agent.id == served.get(later.ticket.id, each.agent.id))
            passed = later.ticket.id in served and entry.ticket.id not in served and due(entry) < due(later)
            assert not (passed and could_serve(agent, entry.ticket))


def test_asterisk_1637_across_queues_the_record_serves_by_promise_and_then_by_arrival(opened: Opened) -> None:
    """The order was right within one queue, and wrong as soon as an agent served two of them."""
    shop = opened("ana", calls_per_second=AT_ONCE)
    shop.move("ana", "took_break")
    waits = (
        ("LONG", "front_desk", 600, 0),
        ("SHORT", "refills", 60, 200),
        ("LIKE1", "front_desk", 300, 20),
        ("LIKE2", "verification", 300, 21),
        ("LATE", "refills", 180, 0),
        ("NOW", "pharmacist", 0, 230),
    )
    began = shop.now
    for place, (name, queue, within, after) in enumerate(waits):
        at = began + timedelta(seconds=after)
        in_line_from(shop, name, f"+155555502{place:02}", queue=queue, within=within, arrived_at=at, due_from=at)
    shop.later(240)
    shop.move("ana", "returned")
    assert served_in_turn(shop, "ana") == ["NOW", "LATE", "SHORT", "LIKE1", "LIKE2", "LONG"]


# ---------------------------------------------------------------- who joins, and who cannot be served


@given(busy_lines(), st.sampled_from(("front_desk", "pharmacist")))
def test_asterisk_1691_somebody_who_joins_at_position_1_lessens_nobodys_offers_but_by_their_own(
    busy: tuple[list[InLine], list[AtDesk]], queue: str
) -> None:
    """When a caller joined ahead of all the others, the queue stopped offering calls at all."""
    line, desks = busy
    before = {ticket_id for ticket_id, _ in pairs(line, desks)}
    after = pairs([InLine(ticket("first", 3600, 1, queue=queue)), *line], desks)
    assert len({ticket_id for ticket_id, _ in after}) >= len(before)
    assert len(before - {ticket_id for ticket_id, _ in after}) <= 1


def test_asterisk_1691_offers_go_on_although_each_newcomer_goes_to_the_head_of_the_line(opened: Opened) -> None:
    """The head of the line was being offered when somebody joined before it, and from then on no phone rang."""
    shop = opened("ana", "bea", calls_per_second=AT_ONCE)
    somebody_every_10_seconds(shop, "CA0", "CA1", "CA2", "CA3", within=600)
    rung: set[str] = set()
    for n in range(4, 10):
        passes(shop)
        in_line_from(shop, f"CA{n}", f"+155555502{n:02}", within=400 - 30 * n)
        offers = open_offers(shop)
        rung |= {call for call, _ in offers.values()}
        agent = sorted(offers)[n % len(offers)]
        if n % 3 == 0:
            shop.declines(offers[agent][0], agent)
        else:
            serves(shop, agent)
        shop.later(1)
        assert set(passes(shop)) == {"ana", "bea"}
    for _ in range(2):
        while offered := passes(shop):
            rung.update(serves(shop, agent) for agent in offered)
        shop.later(61)  # who declined may be asked again
    assert rung == {f"CA{n}" for n in range(10)}


@given(lines(), desks_of())
def test_asterisk_1561_whom_nobody_can_serve_changes_nobodys_turn(line: list[InLine], desks: list[AtDesk]) -> None:
    """Callers of a heavier queue, whose rules left out the only agent, blocked the lighter queue."""
    nobodys = [
        InLine(ticket("heavy1", 3600, 1, queue="front_desk", needs=("polish",))),
        InLine(ticket("heavy2", 3600, 1, queue="front_desk", licensed=True, site="south")),
        InLine(emergency("heavy3", site="south")),
    ]
    assert pairs([*nobodys, *line], desks) == pairs(line, desks)


def test_asterisk_1561_a_heavier_queue_that_nobody_can_serve_does_not_block_the_others(opened: Opened) -> None:
    """The only agent there is served the lighter queue alone, and idled while callers of the heavier one were first."""
    shop = opened("ana", "bea", calls_per_second=AT_ONCE)
    shop.move("ana", "took_break")  # a pharmacist, but not now
    for n in range(5):
        in_line_from(shop, f"RX{n}", f"+155555502{n:02}", queue="pharmacist", within=30, licensed=True)
    in_line_from(shop, "NOW", queue="pharmacist", within=0, licensed=True)
    shop.later(10)
    in_line_from(shop, "CA1", "+15555550240")
    in_line_from(shop, "CA2", "+15555550241", queue="refills", within=180)
    assert served_in_turn(shop, "bea") == ["CA1", "CA2"]
    assert all(shop.call(f"RX{n}").phase == "holding" for n in range(5))


# ---------------------------------------------------------------- a promise that changes while they wait

DELAYED = replace(
    RULES, rules=(rule("Late cold-chain parcel", Then("queue", "front_desk", 45), time_sensitive="yes"), *RULES.rules)
)


def learns(shop: Shop, name: str, **facts: str) -> None:
    """The order system's answer comes while they wait."""
    shop.record.keep_answer(name, "prescription:0", Answer(True, facts, "p1", "rx1"), shop.now)
    shop.tell(name, Learned("prescription:0"))


def test_asterisk_202_who_is_given_a_shorter_promise_while_they_wait_goes_first_from_then_on(opened: Opened) -> None:
    """A caller's priority could be changed, and that made no difference to those who were in the queue already."""
    shop = opened("ana", calls_per_second=AT_ONCE)
    shop.publish(rules={"main.yaml": DELAYED})
    shop.move("ana", "took_break")
    for name in ("CA1", "CA2", "CA3"):
        in_line_from(shop, name, within=180)
        shop.later(5)
    arrived = ticket_of(shop, "CA3").arrived_at
    learns(shop, "CA3", time_sensitive="yes")
    assert (ticket_of(shop, "CA3").answer_within_seconds, ticket_of(shop, "CA3").arrived_at) == (45, arrived)
    assert [ticket.call for ticket in shop.record.desk.waiting("central")] == ["CA3", "CA1", "CA2"]
    assert shop.record.desk.position(ticket_of(shop, "CA1")) == (2, 3)
    shop.move("ana", "returned")
    assert served_in_turn(shop, "ana") == ["CA3", "CA1", "CA2"]


def test_asterisk_1204_there_is_one_way_to_change_a_promise_and_it_holds_at_once_or_not_at_all(opened: Opened) -> None:
    """Whether a new priority took effect now or on the next join hung on an argument nobody could place."""
    shop = opened("ana", calls_per_second=AT_ONCE)
    shop.publish(rules={"main.yaml": RuleSet("main.yaml", DELAYED.rules, RULES.otherwise)}, queues=QUEUES)
    in_line_from(shop, "CA1", within=120)
    in_line_from(shop, "CA2", within=30, arrived_at=shop.now + timedelta(seconds=1))
    passes(shop)
    assert takes(shop, "ana") == "CA2"
    learns(shop, "CA2", time_sensitive="yes")  # too late: somebody talks with them
    assert ticket_of(shop, "CA2").answer_within_seconds == 30
    learns(shop, "CA1")  # an answer that says nothing new
    assert ticket_of(shop, "CA1").answer_within_seconds == 120
    learns(shop, "CA1", time_sensitive="yes")
    assert ticket_of(shop, "CA1").answer_within_seconds == 45
    learns(shop, "CA1", time_sensitive="no")  # and never later again
    assert ticket_of(shop, "CA1").answer_within_seconds == 45


# ---------------------------------------------------------------- who was first, and why


@given(busy_lines(), st.integers(1, 7200))
def test_freeswitch_2511_nobodys_turn_changes_by_waiting(busy: tuple[list[InLine], list[AtDesk]], seconds: int) -> None:
    """A member with a score of 53 was answered before one of 303: scores grew, and nobody could say who was next."""
    line, desks = busy
    calm = [entry for entry in line if not entry.ticket.emergency]
    later = match(calm, desks, NOW + timedelta(seconds=seconds))
    assert [(served.id, agent.id) for served, agent in later] == pairs(calm, desks)


def test_freeswitch_2511_who_was_served_first_and_by_what_promise_can_be_asked_afterwards(board: Switchboard) -> None:
    """They could not tell why the one was before the other, and neither could anybody who read the code for them."""
    now = board.clock.now()
    is_in_line(board, "CAdesk")
    board.clock.set(now + timedelta(seconds=40))
    is_in_line(board, "CAoffice", "15")
    shown = typed(the_line)
    assert shown.index("CAoffice") < shown.index("CAdesk")
    because = {name: json.loads(typed(explain.command, name, "--json"))["decisions"][-1] for name in NAMES}
    assert because["CAoffice"]["rule"] == "Prescriber's office"
    assert (because["CAoffice"]["file"], because["CAoffice"]["line"] > 0) == ("routing_rules/main.yaml", True)
    promised = [decision["decision"]["answer_within"] for decision in because.values()]
    assert promised == [180, 60]
    why_not = typed(explain.command, "CAdesk", "--why-not", "Prescriber's office")
    assert "caller" in why_not


NAMES = ("CAdesk", "CAoffice")
