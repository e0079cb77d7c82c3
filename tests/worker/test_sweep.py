"""The sweep against Twilio's own lists: what no callback told us is found within a minute, and only once."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from ivr.core.call import Leg
from ivr.core.effects import PlaceCall
from ivr.core.events import HungUp
from ivr.core.line import Offer
from ivr.store import Unreachable
from ivr.sweep import Swept, run_once
from ivr.telephony.rest import Conference, FoundRecording, Gone, Member, Refused, Unknown
from tests.worker.conftest import Opened
from tests.worker.shop import ROSA, Shop, found

NOTHING = Swept(0, 0, 0, 0, 0, 0, 0, 0, outreach=0)  # there is no order system here to ask for events


def sweep(shop: Shop) -> Swept:
    return run_once(shop.board, shop.twilio, shop.doors)  # type: ignore[arg-type]


def test_a_quiet_line_has_nothing_to_sweep(shop: Shop) -> None:
    shop.in_line()
    assert sweep(shop) == NOTHING
    assert shop.call().phase == "holding"


# ---------------------------------------------------------------- calls we never heard of


def missed(shop: Shop, listened: int, **facts: object) -> None:
    ended_at = shop.now + timedelta(seconds=listened)
    usual = {"from_": ROSA, "started_at": shop.now, "ended_at": ended_at, "status": "no-answer", "seconds": 0}
    shop.twilio.calls.append(found("CAmissed", **(usual | facts)))
    shop.later(listened + 60)


@pytest.mark.parametrize(
    ("listened", "facts", "outcome"),
    [
        (30, {}, "failed"),
        (5, {}, "failed"),
        (4, {}, "short_abandon"),
        (30, {"status": "completed", "seconds": 30}, "failed"),
        (30, {"ended_at": None, "seconds": 30}, "failed"),
        (30, {"ended_at": None, "seconds": None}, "short_abandon"),
    ],
    ids=["rang for long", "for five seconds", "rang shortly", "answered elsewhere", "its end untold", "nothing told"],
)
def test_a_call_we_never_answered_gets_its_disposition_once(
    shop: Shop, listened: int, facts: dict[str, object], outcome: str
) -> None:
    missed(shop, listened, **facts)
    assert sweep(shop) == replace(NOTHING, lost_calls=1)
    assert sweep(shop) == NOTHING
    [disposition] = shop.record.dispositions("CAmissed")
    assert (disposition.body["outcome"], disposition.final) == (outcome, True)


def test_a_call_we_know_is_not_lost(shop: Shop) -> None:
    shop.in_line("CA1")
    shop.twilio.calls.append(found("CA1", from_=ROSA))
    shop.later(60)
    assert sweep(shop) == NOTHING


@pytest.mark.parametrize(
    "facts",
    [{"direction": "outbound-api"}, {"to": "+15555559999"}, {"status": "in-progress"}],
    ids=["we placed it", "another number of the account", "it still goes on"],
)
def test_other_calls_are_none_of_ours(shop: Shop, facts: dict[str, str]) -> None:
    missed(shop, 30, **facts)
    assert sweep(shop) == NOTHING


def test_a_call_that_goes_on_for_long_is_found_when_it_is_over(shop: Shop) -> None:
    missed(shop, 1, status="in-progress", ended_at=None, seconds=None)
    for _ in range(10):
        shop.later(60)
        assert sweep(shop) == NOTHING
    shop.twilio.calls = [replace(shop.twilio.calls[0], status="completed", seconds=600)]
    assert sweep(shop).lost_calls == 1


def test_a_call_that_ended_this_moment_is_left_to_its_own_webhooks(shop: Shop) -> None:
    shop.twilio.calls.append(found("CAnew", from_=ROSA, started_at=shop.now, ended_at=shop.now, seconds=1))
    assert sweep(shop) == NOTHING


def test_a_caller_without_a_number_is_recorded_all_the_same(shop: Shop) -> None:
    shop.twilio.calls.append(found("CAmissed", from_="anonymous", started_at=shop.now, seconds=30))
    shop.later(60)
    assert sweep(shop).lost_calls == 1
    assert shop.call("CAmissed").caller.kind == "anonymous"


def test_twilio_is_asked_from_where_the_last_sweep_got_to(shop: Shop) -> None:
    for _ in range(2):
        sweep(shop)
        shop.later(600)
    [[first], [second]] = shop.twilio.requests("calls_since")  # type: ignore[misc]
    assert type(shop.now).fromisoformat(second) - type(shop.now).fromisoformat(first) > timedelta(minutes=10)


def test_a_practice_clock_set_back_does_not_blind_the_sweep(shop: Shop) -> None:
    sweep(shop)
    shop.clock.set(shop.now - timedelta(days=1))
    missed(shop, 30)
    assert sweep(shop).lost_calls == 1


# ---------------------------------------------------------------- legs that ended unheard


def test_a_caller_who_hung_up_unheard_is_told_after_two_minutes(shop: Shop) -> None:
    shop.in_line()
    shop.twilio.statuses["CA1"] = "completed"
    shop.twilio.members.clear()
    assert sweep(shop) == NOTHING
    shop.later(121)
    assert sweep(shop) == replace(NOTHING, ended_legs=1)
    assert shop.call().phase == "over"
    assert sweep(shop) == NOTHING


def test_a_long_hold_is_not_the_end_of_a_call(shop: Shop) -> None:
    shop.in_line()
    shop.later(1800)
    assert sweep(shop) == NOTHING
    assert shop.call().phase == "holding"


def test_one_list_answers_for_all_who_hold(shop: Shop) -> None:
    for number in range(5):
        shop.in_line(f"CA{number}")
        shop.twilio.calls.append(found(f"CA{number}", status="in-progress", started_at=shop.now))
    shop.later(300)
    assert sweep(shop) == NOTHING
    assert shop.twilio.requests("call_status") == []


def test_a_call_twilio_has_forgotten_is_over(shop: Shop) -> None:
    shop.in_line()
    shop.twilio.statuses.clear()
    shop.twilio.members.clear()
    shop.later(121)
    assert sweep(shop).ended_legs == 1


def test_a_phone_that_was_never_rung_is_over(shop: Shop) -> None:
    shop.in_line()
    shop.twilio.calls.append(found("CA1", status="in-progress"))
    leg = Leg("leg-A", "callback", "expected", 1, ROSA)
    shop.change("CA1", legs={**shop.call().legs, "leg-A": leg}, does=(PlaceCall("leg-A", ROSA, 15, 2),))
    shop.later(121)
    assert sweep(shop).ended_legs == 0  # it may be rung yet
    shop.record.outbox.dead(shop.effect("PlaceCall").id, "not found")
    assert sweep(shop).ended_legs == 1
    assert shop.call().legs["leg-A"].state == "over"


# ---------------------------------------------------------------- queues and rooms


def test_somebody_in_the_hold_queue_without_a_ticket_hears_an_apology(shop: Shop) -> None:
    shop.in_line()
    shop.tell("CA1", HungUp("leg-CA1", "completed"))
    shop.twilio.members["central"] = [Member("CA1", 1, 31), Member("CAstranger", 2, 31), Member("CAnew", 3, 5)]
    assert sweep(shop) == replace(NOTHING, strays=2)
    assert [sid for sid, _ in shop.twilio.requests("move_member")] == ["CA1", "CAstranger"]
    assert all("/voice/fallback" in url for _, url in shop.twilio.requests("move_member"))


def test_a_stray_who_hangs_up_as_we_come_is_no_trouble(shop: Shop) -> None:
    shop.twilio.members["central"] = [Member("CAstranger", 1, 31)]
    shop.twilio.troubles.extend([None, None, Gone(20404, 404)])
    assert sweep(shop).strays == 1


def test_a_room_whose_talk_is_over_is_ended_when_two_sweeps_have_seen_it(shop: Shop) -> None:
    shop.twilio.rooms = [Conference("CF1", "rx-O1", ("CAleft",)), Conference("CF2", "somebody else's", ("CAx",))]
    assert sweep(shop) == NOTHING
    assert sweep(shop) == replace(NOTHING, empty_rooms=1)
    assert shop.twilio.requests("end_call") == [["CAleft"]]


def test_a_room_people_talk_in_is_left_alone(shop: Shop) -> None:
    shop.in_line()
    talk = Offer("O1", "TCA1", "ana", "leg-A", "accepted", shop.now, shop.now)
    legs = {**shop.call().legs, "leg-A": Leg("leg-A", "agent", offer="O1")}
    shop.change("CA1", phase="talking", legs=legs, offers=(talk,))
    shop.twilio.rooms = [Conference("CF1", talk.conference, ("CA1", "CAana"))]
    assert [sweep(shop).empty_rooms for _ in range(3)] == [0, 0, 0]


# ---------------------------------------------------------------- messages


def recorded(shop: Shop, seconds: int = 20, status: str = "completed") -> None:
    shop.twilio.recordings = [FoundRecording("RE1", "CA1", status, shop.now, seconds)]
    shop.later(60)


def leaving_a_message(shop: Shop) -> None:
    shop.in_line()
    shop.change("CA1", phase="message", ticket=None, fields={"message_queue": "front_desk"})
    shop.twilio.members.clear()


def test_a_message_nobody_reported_is_put_where_it_belongs(shop: Shop) -> None:
    leaving_a_message(shop)
    recorded(shop)
    shop.tell("CA1", HungUp("leg-CA1", "completed"))
    assert sweep(shop) == replace(NOTHING, messages=1)
    ticket = shop.call().ticket
    assert ticket is not None
    assert (ticket.kind, ticket.state) == ("voicemail", "waiting")
    assert shop.call().recordings == ("RE1",)
    assert sweep(shop) == NOTHING


def test_a_recorded_talk_is_no_message(shop: Shop) -> None:
    shop.in_line()
    shop.change("CA1", phase="talking", reached="talk")
    shop.tell("CA1", HungUp("leg-CA1", "completed"))
    shop.twilio.members.clear()
    recorded(shop)
    assert sweep(shop) == NOTHING


def test_a_recording_of_somebody_elses_is_none_of_ours(shop: Shop) -> None:
    recorded(shop)
    assert sweep(shop) == NOTHING


def test_a_message_still_being_made_is_waited_for(shop: Shop) -> None:
    leaving_a_message(shop)
    recorded(shop, status="processing")
    shop.later(1200)
    assert sweep(shop).messages == 0
    shop.later(1200)
    assert sweep(shop).messages == 0
    [_, [since]] = shop.twilio.requests("recordings_since")  # type: ignore[misc]
    assert type(shop.now).fromisoformat(since) < shop.twilio.recordings[0].created_at  # type: ignore[operator]


# ---------------------------------------------------------------- the rest


def test_replies_are_forgotten_an_hour_after_a_leg_is_over(shop: Shop) -> None:
    shop.in_line()
    shop.reply("CA1", "<Response/>")
    shop.tell("CA1", HungUp("leg-CA1", "completed"))
    shop.twilio.members.clear()
    shop.later(3500)
    assert sweep(shop).forgotten_replies == 0
    shop.later(200)
    assert sweep(shop).forgotten_replies == 1


@pytest.mark.parametrize("trouble", [Unknown(), Refused(20003, 401)])
def test_a_part_twilio_does_not_answer_does_not_keep_the_others_from_their_work(shop: Shop, trouble: Exception) -> None:
    leaving_a_message(shop)
    recorded(shop)
    shop.tell("CA1", HungUp("leg-CA1", "completed"))
    shop.twilio.troubles.append(trouble)
    assert sweep(shop) == replace(NOTHING, lost_calls=None, messages=1)


def test_a_call_that_cannot_be_told_does_not_stop_the_sweep(shop: Shop) -> None:
    shop.in_line("CA1")
    nobody = Offer("O1", "TCA1", "ana", "no such leg", "accepted", shop.now, shop.now)  # what no step makes
    shop.change("CA1", phase="connecting", offers=(nobody,))
    shop.in_line("CA2")
    shop.twilio.statuses.clear()
    shop.twilio.members.clear()
    shop.later(121)
    assert sweep(shop).ended_legs == 1
    assert shop.call("CA2").phase == "over"


def test_a_record_that_goes_away_ends_the_sweep(shop: Shop, record_url: str) -> None:
    shop.in_line()
    shop.later(121)
    shop.twilio.statuses.clear()
    shop.twilio.meanwhile = lambda asked: shop.away(record_url) if asked == "call_status" else None
    with pytest.raises(Unreachable):
        sweep(shop)


def test_two_sweeps_at_once_say_nothing_twice(opened: Opened) -> None:
    shop = opened("ana")
    shop.in_line()
    shop.twilio.statuses["CA1"] = "completed"
    shop.twilio.members.clear()
    missed(shop, 30)
    shop.later(121)
    swept = [sweep(shop), sweep(shop)]
    assert sum(each.lost_calls or 0 for each in swept) == 1
    assert sum(each.ended_legs or 0 for each in swept) == 1
