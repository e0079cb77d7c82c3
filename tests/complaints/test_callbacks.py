"""Callbacks elsewhere: dialled three times, at the wrong moment, out of turn, and nobody knew why."""

from __future__ import annotations

from cProfile import Profile
from dataclasses import replace
from datetime import timedelta
from pstats import Stats

import pytest

from ivr.content import load_files
from ivr.core.call import Call, Caller, Leg, World
from ivr.core.events import Came, HungUp, Keyed, Offered, Silent
from ivr.core.line import PlanStep, Ticket
from ivr.core.on_hold import hold_view
from ivr.core.rules import Decision
from ivr.core.verbs import Gather, Say
from ivr.desk import callbacks
from ivr.store import EffectRow
from ivr.switchboard import Exit, Switchboard
from ivr.telephony.rest import Unknown
from tests.complaints.people import (
    asks_to_be_called_back,
    in_line_from,
    is_in_line,
    passes,
    served_in_turn,
    serves,
    typed,
)
from tests.content.test_loading import SHIPPED, problems_with
from tests.core.rehearsal import NIGHT, PHARMACY, QUEUES, Rehearsal
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
    """One request for a callback, and the person was dialled three or four times at once."""
    for _ in range(4):
        due.dispatch.once()
        due.placing.once()
        due.later(2)
    assert persons_rung(due) == [ROSA]


def test_freepbx_525_a_failure_after_the_phone_rang_is_looked_up_and_not_rung_again(due: Shop) -> None:
    """Whatever failed after the phone had rung was taken for a call that was not made, and made again."""
    due.twilio.troubles.append(Unknown(503))
    due.twilio.placed_all_the_same = True
    due.placing.once()
    assert _placing_of_person(due).state == "unknown"
    due.placing._look_up(_placing_of_person(due))
    due.placing.once()
    assert persons_rung(due) == [ROSA]
    assert _placing_of_person(due).state == "done"


def test_freepbx_525_who_dies_between_the_request_and_its_answer_has_rung_once(due: Shop) -> None:
    """So it was after a crash."""
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
    """Each of the calls was connected to somebody."""
    due.placing.once()
    leg = _person(due)
    assert due.record.leg_of_sid(due.twilio.calls[0].sid) == leg
    due.twilio.calls.insert(0, found("CAother", to=ROSA, from_=LINE_NUMBER))
    loaded = due.record.load(leg, 1, "moved")
    assert loaded is not None
    assert loaded.call_sid == due.twilio.calls[1].sid


def test_freepbx_525_two_dispatchers_offer_it_once(opened: Opened) -> None:
    """Two processes dialled the same person."""
    shop = opened("ana", "bea", calls_per_second=AT_ONCE)
    callback(shop)
    other = shop.another_dispatch("elsewhere")
    shop.dispatch.once()
    other.once()
    assert len([offer for offer in shop.offers() if offer.state == "open"]) == 1


def test_freepbx_525_a_duplicated_key_is_one_call(due: Shop) -> None:
    """A key told twice was two callbacks."""
    [offer] = due.offers()
    due.tell("CA1", Keyed(offer.leg, "1"), Keyed(offer.leg, "1"))
    due.placing.once()
    assert persons_rung(due) == [ROSA]


def test_freepbx_525_duplicated_news_is_one_attempt(due: Shop) -> None:
    """News told twice used up two attempts, or dialled twice."""
    due.placing.once()
    leg = _person(due)
    due.tell("CA1", HungUp(leg, "no-answer"), HungUp(leg, "no-answer"))
    ticket = _ticket(due)
    assert (ticket.attempts, len(ticket.tried)) == (1, 1)


# ---------------------------------------------------------------- FreePBX#621: more dialled than agents are free


@pytest.mark.parametrize("mode", ["agent_first", "caller_first"])
def test_freepbx_621_never_more_are_dialled_than_agents_are_free(opened: Opened, mode: str) -> None:
    """More callbacks were dialled than there were agents free to talk."""
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
    """50 to 75 callbacks came into the queue ahead of everybody, and starved the line."""
    shop = opened("ana", calls_per_second=AT_ONCE, quiet_hours=(0, 0), callback_windows=())
    shop.clock.set(NIGHT)
    for place in range(12):
        asks_at_night(shop, f"CB{place:02}", f"+155555502{place:02}")
    shop.clock.set(shop.pharmacy.hours["central"].opens_next(shop.now) + timedelta(minutes=1))
    shop.in_line("LIVE")
    shop.later(3600)  # all of them are late by now
    first = passes(shop)["ana"]
    assert serves(shop, "ana") == first == "CB00"
    assert passes(shop) == {"ana": "LIVE"}


def asks_at_night(shop: Shop, name: str, number: str) -> None:
    """A rule offers them a callback while we are closed, and they press 1."""
    leg = Leg(f"leg-{name}", "caller", documents=1)
    decision = Decision("callback", "front_desk", None, (), None, False, "Closed", "main.yaml", 1)
    call = Call(name, "main", "central", "v1", shop.now, Caller("number", number), "dialogue", legs={leg.token: leg})
    shop.keep(replace(call, dialogue="callback_confirm", decision=decision))
    shop.tell(name, Keyed(leg.token, "1"), HungUp(leg.token, "completed"))


# ---------------------------------------------------------------- plugin-queued-callbacks#9: before who waited


def test_plugin_queued_callbacks_9_a_callback_goes_neither_before_who_came_earlier_nor_after_who_came_later(
    opened: Opened,
) -> None:
    """Whoever chose a callback was served before people who stayed on the line."""
    shop = opened("ana", calls_per_second=AT_ONCE)
    shop.in_line("CA1")
    shop.later(10)
    callback(shop, "CA2")
    shop.later(10)
    shop.in_line("CA3")
    assert [ticket.call for ticket in shop.record.desk.waiting("central")] == ["CA1", "CA2", "CA3"]
    shop.dispatch.once()
    assert shop.offered() == [("CA1", "ana")]


# ---------------------------------------------------------------- plugin-queued-callbacks#55: a retry is something else


def test_plugin_queued_callbacks_55_a_second_attempt_is_still_a_callback_in_its_place(due: Shop) -> None:
    """Trying again turned a callback into a task of another kind, for a channel left blank."""
    before = _ticket(due)
    due.placing.once()
    due.tell("CA1", HungUp(_person(due), "busy"))
    after = _ticket(due)
    assert (after.kind, after.queue, after.arrived_at, after.due_from) == (
        *("callback", before.queue, before.arrived_at, before.due_from),
    )
    assert after.not_before is not None


# ---------------------------------------------------------------- amazon-connect-streams#344: a state of no meaning


@pytest.mark.parametrize("news", ["no-answer", "busy", "failed", "silence"])
def test_amazon_connect_streams_344_the_agent_of_a_callback_that_failed_is_available(due: Shop, news: str) -> None:
    """A missed or rejected callback left the agent in a state that meant nothing."""
    due.placing.once()
    leg = _person(due)
    if news == "silence":
        due.tell("CA1", Came(leg, 1), Silent(leg))
    else:
        due.tell("CA1", HungUp(leg, news))
    [offer] = due.offers()
    due.tell("CA1", HungUp(offer.leg, "completed"))  # told that nobody came, they are let go
    assert due.presence("ana") == "available"
    assert offer.state == "ended"


# ---------------------------------------------------------------- FreePBX#525 again: the same person


def test_freepbx_525_one_number_is_rung_so_often_a_day_for_all_its_tickets(opened: Opened) -> None:
    """Nothing kept one person from being dialled again and again."""
    shop = opened("ana", calls_per_second=AT_ONCE, callback_per_day=1)
    callback(shop, "CA1")
    accepted(shop, "CA1")
    shop.tell("CA1", HungUp(_person(shop), "no-answer"))
    shop.tell("CA1", HungUp(shop.offers("CA1")[0].leg, "completed"))
    callback(shop, "CA2")
    shop.dispatch.once()
    assert shop.offered("CA2") == []
    waits_until = shop.call("CA2").ticket
    assert waits_until is not None
    assert waits_until.not_before is not None
    assert waits_until.not_before > shop.now + timedelta(hours=10)


def test_freepbx_525_whoever_rings_from_the_number_of_a_callback_is_not_called_back_meanwhile(opened: Opened) -> None:
    """Whoever rang again themselves was called back all the same."""
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


# ---------------------------------------------------------------- FusionPBX#1322 and #6515: a virtual place in line


def test_fusionpbx_1322_press_1_and_the_place_in_line_is_kept_without_the_phone(opened: Opened) -> None:
    """A virtual queue, in which people wait without the phone at their ear, was asked for in 2015 and is open still."""
    shop = opened("ana", calls_per_second=AT_ONCE)
    shop.move("ana", "took_break")
    for place in range(3):
        in_line_from(shop, f"CA{place}", f"+155555502{place:02}")
        shop.later(5)
    asks_to_be_called_back(shop, "CA1")
    assert shop.call("CA1").ended_at is not None
    shop.later(60)
    shop.move("ana", "returned")
    assert served_in_turn(shop, "ana") == ["CA0", "CA1", "CA2"]
    assert persons_rung(shop) == ["+15555550201"]


def test_fusionpbx_6515_who_is_to_be_called_back_counts_in_the_positions_that_are_told(opened: Opened) -> None:
    """The patch that was closed unmerged counted pending callbacks, so that nobody hears a place that is not theirs."""
    shop = opened("ana", calls_per_second=AT_ONCE)
    shop.move("ana", "took_break")
    for place in range(5):
        in_line_from(shop, f"CA{place}", f"+155555502{place:02}")
        shop.later(5)
    for name in ("CA1", "CA3"):
        asks_to_be_called_back(shop, name)
    assert [shop.record.desk.position(_ticket(shop, f"CA{place}")) for place in range(5)] == [
        *((place, 5) for place in range(1, 6))
    ]


# ---------------------------------------------------------------- plugin-queued-callbacks#36: offered when

PATIENT = replace(QUEUES["front_desk"], plan=(PlanStep(30, "announce", "position"), PlanStep(300, "offer", "callback")))


def test_plugin_queued_callbacks_36_a_callback_is_offered_when_the_plan_says_so_and_not_before() -> None:
    """They wanted to offer a callback at the end of the escalation path only, and it was offered from the beginning."""
    call = Rehearsal(pharmacy=replace(PHARMACY, queues={**QUEUES, "front_desk": PATIENT})).on_hold()

    def is_offered() -> bool:
        view = hold_view(call.call, World(call.now, call.pharmacy, {}))
        return any(Say("callback_offer") in verb.says for verb in view if isinstance(verb, Gather))

    assert not is_offered()
    assert call.later(299).keys("1").call.phase == "holding"
    assert not is_offered()
    assert call.later(1).call.phase == "holding"
    assert is_offered()
    assert call.keys("1").heard == ["callback_confirm"]


def test_plugin_queued_callbacks_36_and_from_the_start_where_no_plan_names_a_time() -> None:
    """Others want it from the first minute, which is a line of YAML less."""
    assert Rehearsal().on_hold().keys("1").heard == ["callback_confirm"]


# ---------------------------------------------------------------- Cloudspire#46, NethServer#7566: for what, how often


def test_cloudspire_46_each_attempt_is_kept_with_what_came_of_it_and_the_last_one_makes_a_task(opened: Opened) -> None:
    """They asked for attempts that are repeated, and for a log of them to report on."""
    shop = opened("ana", calls_per_second=AT_ONCE, callback_attempts=3, callback_per_day=9)
    callback(shop)
    tried_at = []
    for how in ("busy", "no-answer", "failed"):
        accepted(shop)
        shop.placing.once()
        tried_at.append(shop.now)
        shop.tell("CA1", HungUp(_person(shop), how))
        shop.later(shop.pharmacy.policies.callback_spacing_seconds + 1)
    assert [attempt.came for attempt in _ticket(shop).tried] == ["busy", "no_answer", "failed"]
    assert [attempt.at - at < timedelta(seconds=1) for attempt, at in zip(_ticket(shop).tried, tried_at, strict=True)]
    assert not _ticket(shop).live
    [task] = shop.effects("CreateTask")
    assert task.effect.what == "callback_exhausted"  # type: ignore[union-attr]
    told = list(shop.effects("WriteDisposition"))[-1].effect.body  # type: ignore[union-attr]
    assert (told["final"], told["code"], told["callback"]) == (True, "callback_expired", "expired")


def test_nethserver_7566_staff_see_why_somebody_is_to_be_called_back_how_they_came_and_what_was_tried(
    board: Switchboard,
) -> None:
    """Staff who called back knew a number, and neither what it was about nor which way the caller had come."""
    leg = is_in_line(board, "CA1", "15", "+12125550177")
    for event in (
        *(Keyed(leg, "1"), Keyed(leg, "1"), HungUp(leg, "completed")),
        *(Offered("O1", "L1", "ruth", "+12025550131"), Came("L1", 1), Keyed("L1", "1")),
    ):
        board.tell("CA1", event)
    loaded = board.record.load_call("CA1")
    assert loaded is not None
    person = next(token for token, each in loaded.call.legs.items() if each.kind == "callback")
    board.tell("CA1", HungUp(person, "busy"))
    told = typed(callbacks)
    for shown in ("prescriber verification", "Prescriber's office", "busy", "Tue 10:05", "America/New_York", "CA1"):
        assert shown in told
    assert "5550177" not in told


# ---------------------------------------------------------------- flex-project-template#157: the wait experience


def asked_for_a_view(board: Switchboard, exit_: Exit) -> int:
    """How often the record is asked while one caller hears where they stand."""
    profile = Profile()
    profile.runcall(board.waiting, exit_)
    calls = Stats(profile).stats  # type: ignore[attr-defined]
    return sum(told[0] for (file, _, name), told in calls.items() if name == "rows" and file.endswith("database.py"))


def test_flex_project_template_157_what_a_caller_hears_on_hold_costs_the_same_in_a_long_line(
    board: Switchboard,
) -> None:
    """Each waiting caller's turn looked tasks up one by one, through an API that allowed three a second."""
    leg = is_in_line(board, "CA0")
    alone = asked_for_a_view(board, Exit(leg, 3, "wait"))
    for n in range(1, 25):
        last = is_in_line(board, f"CA{n}")
    assert 0 < asked_for_a_view(board, Exit(last, 3, "wait")) == alone


# ---------------------------------------------------------------- terraform-provider-genesyscloud#1279: as code


@pytest.mark.parametrize("mode", ["agent_first", "caller_first"])
@pytest.mark.parametrize("where", ["policies", "queue"])
def test_terraform_provider_genesyscloud_1279_who_is_rung_first_is_a_line_of_yaml(
    opened: Opened, mode: str, where: str
) -> None:
    """The callback mode could be chosen in the product and not written as code."""
    files = dict(SHIPPED)
    if where == "policies":
        files["config/policies.yaml"] = files["config/policies.yaml"].replace("mode: agent_first", f"mode: {mode}")
    else:
        title = "    title: Front desk\n"
        files["config/queues.yaml"] = files["config/queues.yaml"].replace(title, f"{title}    callback_mode: {mode}\n")
    written = load_files(files)
    shop = opened("ana", calls_per_second=AT_ONCE, callback_mode=written.policies.callback_mode)
    shop.publish(queues={**QUEUES, "front_desk": written.queues["front_desk"]})
    callback(shop)
    passes(shop)
    first = ROSA if mode == "caller_first" else shop.pharmacy.staff["ana"].phone
    assert [call["to"] for call in shop.twilio.placed] == [first]


def test_terraform_provider_genesyscloud_1279_a_mode_nobody_knows_is_told_with_its_place() -> None:
    """And a mode that does not exist would have been found out when the first callback was due."""
    wrong = SHIPPED["config/policies.yaml"].replace("mode: agent_first", "mode: callee_first")
    [told] = problems_with(**{"config/policies.yaml": wrong})
    assert told.startswith("config/policies.yaml:")
    assert "callee_first" in told
