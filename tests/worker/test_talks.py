"""What the carrier is asked for during a talk, and how one that has come apart is found and mended."""

from __future__ import annotations

import pytest

from ivr.core.effects import LookAfter, MoveLeg
from ivr.core.events import Acted, Came, HungUp, Keyed, Silent
from ivr.core.line import Agent
from ivr.jobs import Jobs
from ivr.store import EffectRow
from ivr.sweep import run_once
from ivr.telephony.rest import Conference, FoundRecording, Gone, Unknown
from tests.worker.shop import Shop, found
from tests.worker.test_placing import minutes_pass

SUE = Agent("sue", "Sue", "central", "+15555550119", role="supervisor")


@pytest.fixture
def talk(shop: Shop) -> Shop:
    """Ana and a caller talk."""
    shop.publish(staff={**shop.pharmacy.staff, "sue": SUE})
    shop.record.desk.seed_agents({"sue": SUE}, shop.now)
    shop.in_line()
    shop.dispatch.once()
    picks_up(shop, "ana")
    shop.tell("CA1", Came("leg-CA1", 2))
    assert shop.call().talk
    return shop


def picks_up(shop: Shop, agent: str) -> None:
    """Their phone is rung, and they press 1."""
    leg = leg_of(shop, agent)
    shop.record.bind_sid(leg, f"CA{agent}")
    shop.twilio.statuses[f"CA{agent}"] = "in-progress"
    shop.tell("CA1", Came(leg, 1), Keyed(leg, "1"))


def leg_of(shop: Shop, agent: str) -> str:
    return next(offer.leg for offer in reversed(shop.offers()) if offer.agent == agent)


def run(shop: Shop, kind: str) -> EffectRow:
    """Do the newest effect of this kind."""
    row = list(shop.effects(kind))[-1]
    Jobs(shop.board, shop.twilio, shop.doors).run(row.id)  # type: ignore[arg-type]
    done = shop.record.outbox.effect(row.id)
    assert done is not None
    return done


def listens(shop: Shop, how: str) -> None:
    shop.tell("CA1", Acted("sue", how))
    picks_up(shop, "sue")


# ---------------------------------------------------------------- who hears whom


def test_a_coach_is_heard_by_the_agent_alone(talk: Shop) -> None:
    listens(talk, "coach")
    assert run(talk, "SetParticipant").state == "done"
    room = talk.call().talk.room  # type: ignore[union-attr]
    assert talk.twilio.requests("participant") == [[room, "CAsue", "", "", "CAana"]]


def test_by_the_time_it_is_done_what_counts_is_how_things_stand_then(talk: Shop) -> None:
    listens(talk, "coach")
    talk.tell("CA1", Acted("sue", "listen"))
    run(talk, "SetParticipant")
    assert talk.twilio.requests("participant")[0][2:] == ["muted", "", ""]


def test_who_is_not_in_the_room_yet_is_waited_for(talk: Shop) -> None:
    listens(talk, "barge")
    talk.twilio.troubles.append(Gone(20404, 404))
    assert run(talk, "SetParticipant").state == "due"


def test_who_has_left_is_asked_for_no_more(talk: Shop) -> None:
    listens(talk, "barge")
    talk.tell("CA1", Acted("sue", "leave"))
    row = run(talk, "SetParticipant")
    assert (row.state, talk.twilio.requests("participant")) == ("done", [])


def test_a_leg_nobody_knows_by_a_call_yet_is_waited_for(talk: Shop) -> None:
    talk.tell("CA1", Acted("sue", "barge"))
    leg = leg_of(talk, "sue")
    talk.tell("CA1", Came(leg, 1), Keyed(leg, "1"))
    assert run(talk, "SetParticipant").state == "due"


# ---------------------------------------------------------------- recording


@pytest.fixture
def taped(talk: Shop) -> Shop:
    """The talk is to be recorded, and the caller has heard so."""
    talk.tell("CA1", Acted("ana", "record"))
    leg = talk.call().legs["leg-CA1"]
    talk.tell("CA1", Came("leg-CA1", leg.documents), Silent("leg-CA1"))
    assert talk.call().tape == "on"
    return talk


def test_a_recording_begins_once(taped: Shop) -> None:
    assert run(taped, "SetTape").state == "done"
    run(taped, "SetTape")
    assert [sid for sid, _ in taped.twilio.requests("start_recording")] == ["CA1"]
    assert taped.call().tapes == {"leg-CA1": "REtape1"}


def test_one_that_perhaps_began_is_looked_up(taped: Shop, record_url: str) -> None:
    taped.twilio.troubles.append(Unknown())
    assert run(taped, "SetTape").state == "due"
    taped.twilio.recordings = [
        FoundRecording("REother", "CA9", "in-progress", taped.now, None),
        FoundRecording("REours", "CA1", "in-progress", taped.now, None),
    ]
    minutes_pass(record_url)
    assert run(taped, "SetTape").state == "done"
    assert taped.call().tapes == {"leg-CA1": "REours"}


def test_it_pauses_goes_on_and_ends(taped: Shop) -> None:
    run(taped, "SetTape")
    for act, asked in (("pause", "pause_recording"), ("unpause", "resume_recording"), ("stop", "stop_recording")):
        taped.tell("CA1", Acted("ana", act))
        assert run(taped, "SetTape").state == "done"
        assert taped.twilio.requests(asked) == [["CA1"]]


def test_one_paused_before_it_began_does_not_begin(taped: Shop) -> None:
    taped.tell("CA1", Acted("ana", "pause"))
    assert run(taped, "SetTape").state == "due"  # another job may just be starting it
    assert taped.twilio.requests("start_recording") == []


def test_nobody_is_recorded_who_has_gone(taped: Shop) -> None:
    taped.tell("CA1", HungUp("leg-CA1", "completed"))
    assert (run(taped, "SetTape").state, taped.twilio.requests("start_recording")) == ("done", [])


# ---------------------------------------------------------------- who is there


def look(shop: Shop) -> EffectRow:
    shop.change("CA1", does=(LookAfter(leg_of(shop, "ana")),))
    return run(shop, "LookAfter")


def test_a_dead_phone_of_which_nobody_told_us_is_found(talk: Shop) -> None:
    talk.twilio.statuses["CAana"] = "completed"
    assert look(talk).state == "done"
    assert talk.call().ticket.state == "waiting"  # type: ignore[union-attr]
    assert talk.presence("ana") == "wrap_up"


def test_a_caller_who_comes_to_a_room_whose_agent_had_left_unheard_waits_again(shop: Shop) -> None:
    shop.in_line()
    shop.dispatch.once()
    began = shop.now
    picks_up(shop, "ana")
    shop.later(5)
    shop.tell("CA1", Came("leg-CA1", 2))
    shop.twilio.calls.append(found("CAana", status="completed", started_at=began, seconds=3))
    shop.twilio.statuses["CAana"] = "completed"
    shop.later(121)
    assert run_once(shop.board, shop.twilio, shop.doors).ended_legs == 1  # type: ignore[arg-type]
    assert shop.call().ticket.state == "waiting"  # type: ignore[union-attr]


def test_a_caller_is_not_left_with_an_agent_nobody_said_has_gone(talk: Shop) -> None:
    """The carrier is asked as soon as the two should have met."""
    talk.twilio.statuses["CAana"] = "completed"
    assert run(talk, "LookAfter").state == "done"
    assert talk.call().ticket.state == "waiting"  # type: ignore[union-attr]


def test_whoever_is_there_is_left_alone(talk: Shop) -> None:
    assert look(talk).state == "done"
    assert talk.call().talk


def test_whoever_is_known_to_be_gone_is_not_looked_after(talk: Shop) -> None:
    talk.tell("CA1", HungUp(leg_of(talk, "ana"), "completed"))
    assert look(talk).state == "done"
    assert talk.twilio.requests("call_status") == []


def test_whoever_has_heard_since_is_not_moved(talk: Shop) -> None:
    talk.tell("CA1", Acted("ana", "hold"), Silent("leg-CA1"))  # they were just asking
    for row in talk.effects("MoveLeg"):
        assert isinstance(row.effect, MoveLeg)
        if row.effect.leg == "leg-CA1":
            Jobs(talk.board, talk.twilio, talk.doors).run(row.id)  # type: ignore[arg-type]
            assert talk.record.outbox.effect(row.id).state == "done"  # type: ignore[union-attr]
    assert talk.twilio.requests("move_call") == []


@pytest.mark.parametrize("gone", ["CA1", "CAana"])
def test_somebody_alone_in_a_room_is_found_by_the_second_sweep_and_helped(talk: Shop, gone: str) -> None:
    """A conference left open: the other has gone, and no callback ever said so."""
    stays = "CAana" if gone == "CA1" else "CA1"
    talk.twilio.statuses[gone] = "completed"
    talk.twilio.rooms = [Conference("CF1", talk.call().talk.room, (stays,))]  # type: ignore[union-attr]
    assert run_once(talk.board, talk.twilio, talk.doors).empty_rooms == 0  # type: ignore[arg-type]
    assert run_once(talk.board, talk.twilio, talk.doors).empty_rooms == 1  # type: ignore[arg-type]
    for _ in range(2):  # what one finds out moves others
        for row in list(talk.effects("MoveLeg")):
            Jobs(talk.board, talk.twilio, talk.doors).run(row.id)  # type: ignore[arg-type]
    assert talk.call().talk is None
    assert talk.presence("ana") == "wrap_up"
    moved = [sid for sid, _ in talk.twilio.requests("move_call")]
    assert stays in moved


def test_who_passed_a_caller_on_is_not_offered_them_straight_back(talk: Shop) -> None:
    talk.tell("CA1", Acted("ana", "transfer", "queue:refills"), HungUp(leg_of(talk, "ana"), "completed"))
    talk.move("ana", "wrapped_up")
    talk.dispatch.once()
    assert talk.offered("CA1") == []
    talk.later(61)
    talk.dispatch.once()
    assert talk.offered("CA1") == [("CA1", "ana")]
