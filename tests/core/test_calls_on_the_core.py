"""Whole calls on the pure core, told as callers and staff live them."""

from dataclasses import replace
from datetime import timedelta

import pytest

from ivr.core.call import Answer
from ivr.core.effects import (
    CreateTask,
    EndLeg,
    Inquire,
    MoveCaller,
    MoveLeg,
    RequestRefill,
    SendText,
    SetTape,
    SetTimer,
    WriteDisposition,
)
from ivr.core.entry import key_for
from ivr.core.events import (
    CallerGone,
    Came,
    DialEnded,
    Keyed,
    NobodyCould,
    Placed,
    PlaceFailed,
    Played,
    QueueLeft,
    Recorded,
    Silent,
    Spoke,
    Stumbled,
    TimerDue,
    Worked,
)
from ivr.core.flows import Menu, Option
from ivr.core.verbs import Gather, Hold, Meet, Say
from tests.core.rehearsal import NIGHT, OPEN, Rehearsal

ELIGIBLE = {"prescription:0": Answer(True, {"refill": "eligible", "tier": "prescription"}, "p1", "rx1")}


def told_staff(call):
    """What the staff have been told of in the last step: what, and whether it is urgent."""
    return [(task.what, task.urgent) for task in call.did(CreateTask)]


class TestTheFirstMinute:
    def test_the_emergency_notice_comes_first_in_every_language_and_nobody_talks_over_it(self):
        call = Rehearsal().rings()
        assert [(verb.prompt, verb.language, verb.notice) for verb in call.last.says[:2]] == [
            ("emergency_notice", "en", True),
            ("emergency_notice", "es", True),
        ]
        assert isinstance(call.last.says[2], Gather)

    def test_the_caller_is_looked_up_while_they_listen(self):
        assert Rehearsal().rings().did(Inquire) == [Inquire("who")]

    def test_nobody_is_looked_up_for_a_withheld_number(self):
        assert Rehearsal(number=None).rings().keys("1").did(Inquire) == []

    def test_a_remembered_language_is_not_asked_again(self):
        call = Rehearsal(language=Answer(True, {"language": "es"})).rings()
        assert call.call.language == "es"
        assert "choose_language" not in call.heard

    def test_silence_at_the_language_question_goes_on_in_the_language_on_file(self):
        call = Rehearsal(who=Answer(True, {"language": "es", "tier": "number"})).rings().says_nothing()
        assert call.call.language == "es"
        assert call.heard == ["main_menu"]

    def test_before_they_are_verified_nothing_names_the_person(self):
        call = Rehearsal().rings().keys("1")
        assert call.call.facts["tier"] == "number"
        assert "p1" not in str(call.last.says)


class TestMenus:
    def test_a_key_that_is_no_option_is_told_and_asked_again(self):
        assert Rehearsal().rings().keys("1", "7").heard == ["not_an_option", "main_menu"]

    def test_three_strikes_and_a_person_takes_over(self):
        call = Rehearsal().rings().keys("1", "7").says_nothing().keys("8")
        assert call.heard == ["person_coming", "hold_welcome"]
        assert call.call.facts["intent"] == "speak_to_person"

    def test_a_strike_is_forgotten_at_the_next_question(self):
        assert Rehearsal(**ELIGIBLE).rings().keys("1", "7", "2").call.strikes == 0

    def test_zero_is_a_person_and_keeps_what_was_said(self):
        call = Rehearsal().rings().keys("1", "2", "0")
        assert call.call.facts["intent"] == "refill_request"
        assert call.call.ticket.queue == "refills"

    def test_star_says_it_again(self):
        assert Rehearsal().rings().keys("1", "*").heard == ["main_menu"]

    def test_nine_goes_back_and_forgets_what_the_wrong_key_said(self):
        call = Rehearsal().rings().keys("1", "2", "9")
        assert call.heard == ["main_menu"]
        assert "intent" not in call.call.facts

    def test_a_spoken_answer_counts_as_its_key(self):
        call = Rehearsal().rings().keys("1").happens(Spoke("c", "I need a refill please"))
        assert call.heard == ["rx_number"]

    def test_asking_for_a_person_in_words_works(self):
        assert Rehearsal().rings().keys("1").happens(Spoke("c", "let me talk to a person")).heard[0] == "person_coming"

    @pytest.mark.parametrize("digits", ["123", "12345678901", "####", "abc"])
    def test_a_number_that_cannot_be_one_is_asked_again(self, digits):
        assert Rehearsal().rings().keys("1", "2", digits).heard == ["not_an_option", "rx_number"]


class TestTheMachineServes:
    def test_an_eligible_refill_is_placed_without_anybody(self):
        call = Rehearsal(**ELIGIBLE).rings().keys("1", "2", "7001234", "1")
        assert [refill.prescription for refill in call.did(RequestRefill)] == ["rx1"]
        assert call.disposition["outcome"] == "self_served"
        assert call.disposition["code"] == "refill_ordered"
        assert call.disposition["final"] is True

    def test_the_order_system_may_take_its_time(self):
        call = Rehearsal().rings().keys("1", "2", "7001234")
        assert call.last.asks == ("prescription:0",)
        assert call.heard == ["one_moment"]
        call.answers.update(ELIGIBLE)
        assert call.says_nothing().heard == ["refill_confirm"]

    def test_after_fifteen_seconds_nobody_knows_and_the_call_goes_on(self):
        call = Rehearsal().rings().keys("1", "2", "7001234").later(16).says_nothing()
        assert call.call.ticket.queue == "refills"
        assert call.did(Inquire) == [Inquire("who"), Inquire("prescription:0")]

    def test_a_person_is_one_key_away_from_the_machine(self):
        call = Rehearsal(**ELIGIBLE).rings().keys("1", "2", "7001234", "0")
        assert call.call.ticket.queue == "refills"
        assert ("Refill the machine can do", False) in [(reason.rule, reason.taken) for reason in call.last.why]


class TestWaiting:
    def test_a_caller_joins_the_line_by_promise(self):
        call = Rehearsal().on_hold()
        assert isinstance(call.last.says[-1], Hold)
        assert call.call.ticket.promised_at == OPEN + timedelta(minutes=3)

    def test_a_key_on_hold_keeps_them_in_line(self):
        call = Rehearsal().on_hold().keys("0")
        assert call.heard == ["in_line"]
        assert call.call.ticket.state == "waiting"

    def test_hanging_up_at_once_is_a_short_abandon(self):
        assert Rehearsal().on_hold().later(4).hangs_up().disposition["outcome"] == "short_abandon"

    def test_hanging_up_on_hold_is_abandoned_with_the_wait(self):
        told = Rehearsal().on_hold().later(40).hangs_up().disposition
        assert (told["outcome"], told["reached"], told["waited_seconds"]) == ("abandoned", "hold", 40)

    def test_hanging_up_in_the_menu_is_abandoned_there(self):
        told = Rehearsal().rings().hangs_up().disposition
        assert (told["outcome"], told["reached"], told["ticket_id"]) == ("abandoned", "menu", None)

    def test_when_the_queue_is_full_the_ticket_stays_and_a_callback_is_offered(self):
        call = Rehearsal().on_hold().happens(QueueLeft("c", "queue-full"))
        assert call.heard == ["all_busy_callback"]
        assert call.call.ticket.live

    @pytest.mark.parametrize("result", ["redirected", "hangup", "redirected-from-bridged"])
    def test_news_of_our_own_move_is_no_turn(self, result):
        call = Rehearsal().on_hold()
        before = call.call
        assert call.happens(QueueLeft("c", result)).last.says is None
        assert call.call == before


class TestOffers:
    def test_an_offer_rings_one_phone_and_says_nothing_private(self):
        call = Rehearsal().on_hold().offered_to()
        assert call.rung == ["+15555550110"]
        assert call.picked_up().heard == ["agent_whisper"]
        assert "+15555550130" not in str(call.last.says)

    def test_key_one_brings_the_two_together_in_a_room_used_once(self):
        call = Rehearsal().on_hold().offered_to().picked_up().keys("1", leg="leg-ana")
        room = call.last.says[-1]
        assert call.did(MoveCaller) == [MoveCaller("c", 4)]
        assert isinstance(room, Meet)
        assert call.moved().last.says[-1].conference == room.conference
        assert call.presence["ana"] == "on_call"

    def test_an_agent_who_does_not_answer_goes_on_break_and_the_ticket_keeps_its_place(self):
        call = Rehearsal().on_hold()
        order = call.call.ticket.order
        call.later(15).offered_to().hangs_up("leg-ana", "no-answer")
        assert call.presence["ana"] == "on_break"
        assert (call.call.ticket.state, call.call.ticket.order) == ("waiting", order)

    @pytest.mark.parametrize("answer", [Keyed("leg-ana", "2"), Silent("leg-ana")])
    def test_any_other_answer_declines(self, answer):
        call = Rehearsal().on_hold().offered_to().picked_up().happens(answer)
        assert call.heard == ["agent_declined"]
        assert call.presence["ana"] == "offered"  # another call would find the line busy
        assert call.hangs_up("leg-ana").presence["ana"] == "available"

    def test_an_agent_who_declined_is_free_though_nobody_said_that_they_hung_up(self):
        call = Rehearsal().on_hold().offered_to().picked_up().keys("2", leg="leg-ana")
        call.later(35).happens(TimerDue("offer:offer-ana"))
        assert EndLeg("leg-ana") in call.does
        assert call.presence["ana"] == "available"
        assert call.hangs_up("leg-ana").presence["ana"] == "available"

    def test_hanging_up_on_the_whisper_declines(self):
        call = Rehearsal().on_hold().offered_to().picked_up().hangs_up("leg-ana")
        assert call.presence["ana"] == "available"

    def test_a_second_agent_is_never_rung_for_an_ordinary_call(self):
        call = Rehearsal().on_hold().offered_to("ana").offered_to("ben")
        assert len(call.rung) == 1

    def test_the_caller_gone_the_phone_stops_ringing(self):
        call = Rehearsal().on_hold().offered_to().later(20).hangs_up()
        assert EndLeg("leg-ana") in call.does
        assert call.presence["ana"] == "available"
        assert call.disposition["reached"] == "offer"

    def test_an_agent_who_picks_up_too_late_is_told(self):
        call = Rehearsal().on_hold().offered_to().hangs_up().picked_up()
        assert call.heard == ["agent_too_late"]

    def test_accepting_after_the_caller_left_frees_the_agent(self):
        call = Rehearsal().on_hold().offered_to().picked_up().hangs_up().keys("1", leg="leg-ana")
        assert call.heard == ["agent_too_late"]
        assert call.hangs_up("leg-ana").presence["ana"] == "available"

    def test_an_agent_who_hears_the_whisper_is_told_when_the_caller_leaves(self):
        call = Rehearsal().on_hold().offered_to().picked_up().hangs_up()
        assert call.did(EndLeg) == []
        [told] = call.did(MoveLeg)
        assert call.happens(Came("leg-ana", told.document)).heard == ["agent_too_late"]
        assert call.hangs_up("leg-ana").presence["ana"] == "available"

    def test_nobody_misses_an_offer_whose_call_was_refused(self):
        call = Rehearsal().on_hold()
        order = call.call.ticket.order
        call.offered_to().happens(PlaceFailed("leg-ana", "21211"))
        assert (call.presence["ana"], call.call.offers[0].state) == ("available", "unrung")
        assert (call.call.ticket.state, call.call.ticket.order) == ("waiting", order)

    def test_nobody_misses_an_offer_whose_phone_did_not_begin_to_ring_in_time(self):
        call = Rehearsal().on_hold()
        order = call.call.ticket.order
        call.offered_to().later(30).happens(TimerDue("offer:offer-ana"))
        assert EndLeg("leg-ana") in call.does
        assert (call.presence["ana"], call.call.offers[0].state) == ("available", "unrung")
        assert (call.call.ticket.state, call.call.ticket.order) == ("waiting", order)

    def test_an_offer_runs_out_from_when_its_phone_began_to_ring(self):
        call = Rehearsal().on_hold().offered_to().later(29).happens(Placed("leg-ana"))
        runs_out = call.did(SetTimer)[-1]
        assert (runs_out.name, runs_out.due_at - call.now) == ("offer:offer-ana", timedelta(seconds=35))
        call.later(1).happens(TimerDue("offer:offer-ana"))  # due while the news of the ring was on its way
        assert call.call.offers[0].state == "open"
        call.later(34).happens(TimerDue("offer:offer-ana"))
        assert EndLeg("leg-ana") in call.does
        assert (call.presence["ana"], call.call.offers[0].state) == ("on_break", "missed")

    def test_an_agent_who_is_faster_than_the_news_that_their_phone_rings_has_all_their_time(self):
        call = Rehearsal().on_hold().offered_to().later(29).picked_up().later(9).happens(TimerDue("offer:offer-ana"))
        assert call.keys("1", leg="leg-ana").heard == ["agent_accepted"]

    def test_a_phone_stopped_while_it_rings_was_missed(self):
        call = Rehearsal().on_hold().offered_to().happens(Placed("leg-ana")).hangs_up("leg-ana", "canceled")
        assert call.presence["ana"] == "on_break"

    def test_that_the_phone_of_somebody_called_back_rings_changes_nothing(self):
        call = Rehearsal().on_hold().keys("1", "1").hangs_up().offered_to().picked_up().keys("1", leg="leg-ana")
        back = next(leg for leg in call.call.legs.values() if leg.kind == "callback")
        before = call.call
        assert call.happens(Placed(back.token)).call == before

    def test_never_joined_puts_the_ticket_back_and_frees_the_agent(self):
        call = Rehearsal().on_hold().offered_to().picked_up().keys("1", leg="leg-ana")
        call.later(10).happens(TimerDue("join:offer-ana"))
        assert call.call.ticket.state == "waiting"
        assert call.hangs_up("leg-ana").presence["ana"] == "available"
        assert call.happens(Came("c", 4)).heard == ["moved_back_in_line"]

    def test_an_agent_is_not_rung_while_they_stand_in_the_room_of_a_caller_who_has_gone(self):
        call = Rehearsal().on_hold().offered_to().picked_up().keys("1", leg="leg-ana").hangs_up()
        assert call.presence["ana"] == "on_call"
        call.moved()
        assert (call.heard, call.presence["ana"]) == (["agent_caller_left"], "on_call")
        assert call.hangs_up("leg-ana").presence["ana"] == "available"

    def test_an_agent_who_cannot_be_taken_out_of_the_room_is_free_all_the_same(self):
        call = Rehearsal().on_hold().offered_to().picked_up().keys("1", leg="leg-ana").hangs_up()
        call.later(60).happens(TimerDue("offer:offer-ana"))
        assert EndLeg("leg-ana") in call.last.does
        assert call.presence["ana"] == "available"
        assert call.hangs_up("leg-ana").presence["ana"] == "available"

    def test_an_agent_who_leaves_before_the_caller_comes_gives_the_ticket_back(self):
        call = Rehearsal().on_hold().offered_to().picked_up().keys("1", leg="leg-ana").hangs_up("leg-ana")
        assert call.call.ticket.state == "waiting"
        assert call.moved().heard == ["moved_back_in_line"]


class TestTalking:
    def test_the_disposition_says_answered_and_how_long_it_took(self):
        call = Rehearsal().on_hold().later(70).offered_to().picked_up().keys("1", leg="leg-ana").moved()
        told = call.later(120).hangs_up().disposition
        assert (told["outcome"], told["reached"], told["waited_seconds"], told["promise_kept"], told["final"]) == (
            "answered",
            "talk",
            70,
            True,
            True,
        )

    def test_whoever_leaves_first_the_other_hears_a_goodbye_and_the_agent_wraps_up(self):
        call = Rehearsal().talking().happens(DialEnded("leg-ana", "completed")).hangs_up()
        assert call.presence["ana"] == "wrap_up"
        assert call.says_nothing("leg-ana").heard == ["agent_caller_left"]
        call = Rehearsal().talking().later(30).hangs_up("leg-ana")
        assert call.presence["ana"] == "wrap_up"
        assert call.happens(DialEnded("c", "completed")).heard == ["thank_you"]

    def test_late_news_changes_nothing(self):
        call = Rehearsal().talking().hangs_up().hangs_up("leg-ana")
        before = call.call
        call.hangs_up().hangs_up("leg-ana").happens(TimerDue("join:offer-ana")).happens(CallerGone("c"))
        assert call.call == before
        assert len(call.did(WriteDisposition)) == 1


class TestCallbacks:
    def promised(self) -> Rehearsal:
        return Rehearsal().on_hold().later(30).keys("1", "1")

    def test_the_ticket_keeps_its_place_and_the_disposition_stays_open(self):
        call = self.promised()
        assert call.heard == ["callback_promised", "goodbye"]
        assert (call.call.ticket.kind, call.call.ticket.arrived_at) == ("callback", OPEN)
        told = call.hangs_up().disposition
        assert (told["outcome"], told["final"]) == ("callback", False)

    def test_while_they_choose_nobody_is_sent_to_them(self):
        call = Rehearsal().on_hold().keys("1")
        assert call.call.ticket.not_before == OPEN + timedelta(seconds=60)
        assert call.says_nothing().call.ticket.not_before is None

    def test_another_number_is_confirmed_first(self):
        call = Rehearsal().on_hold().keys("1", "2", "5555550177")
        assert call.heard == ["callback_number_confirm"]
        call.keys("1").hangs_up().offered_to().picked_up().keys("1", leg="leg-ana")
        assert call.rung[-1] == "+15555550177"

    def test_agent_first_then_the_person_proved_by_key(self):
        call = self.promised().hangs_up().later(60).offered_to().picked_up().keys("1", leg="leg-ana")
        assert call.rung[-1] == "+15555550130"
        (leg,) = [token for token, leg in call.call.legs.items() if leg.kind == "callback"]
        assert call.happens(Came(leg, 1)).heard == ["callback_hello"]
        call.keys("1", leg=leg)
        assert isinstance(call.last.says[-1], Meet)
        told = call.later(60).hangs_up(leg).disposition
        assert (told["outcome"], told["code"], told["final"], told["waited_seconds"]) == (
            "callback",
            "callback_completed",
            True,
            90,
        )

    def test_a_machine_hears_only_who_rang_and_the_agent_is_freed(self):
        call = self.promised().hangs_up().offered_to().picked_up().keys("1", leg="leg-ana")
        (leg,) = [token for token, leg in call.call.legs.items() if leg.kind == "callback"]
        call.happens(Came(leg, 1)).says_nothing(leg)
        assert call.heard == ["goodbye_minimal"]
        assert call.call.ticket.state == "waiting"
        assert call.call.ticket.not_before == call.now + timedelta(minutes=5)
        assert call.moved().hangs_up("leg-ana").presence["ana"] == "available"

    def test_three_attempts_and_the_callback_expires(self):
        call = self.promised().hangs_up()
        for attempt in range(3):
            agent = f"agent{attempt}"
            call.presence[agent] = "available"
            call.offered_to(agent).picked_up(agent).keys("1", leg=f"leg-{agent}")
            leg = [token for token, leg in call.call.legs.items() if leg.kind == "callback"][-1]
            call.hangs_up(leg, "no-answer").later(400)
        told = call.disposition
        assert (told["code"], told["final"], told["attempts"]) == ("callback_expired", True, 3)

    def test_a_callback_nobody_could_attempt_expires(self):
        call = self.promised().hangs_up().later(86_400).happens(TimerDue("callback:expires"))
        assert (call.disposition["code"], call.disposition["final"]) == ("callback_expired", True)

    def test_an_accepted_offer_beats_a_callback_asked_for_at_the_same_moment(self):
        call = Rehearsal().on_hold().keys("1").offered_to().picked_up().keys("1", leg="leg-ana")
        assert call.keys("1").heard == ["a_person_is_ready"]

    def test_a_callback_asked_for_first_silences_the_phone_that_rings(self):
        call = Rehearsal().on_hold().offered_to().keys("1", "1")
        assert EndLeg("leg-ana") in call.does
        assert call.presence["ana"] == "available"

    def test_without_a_number_on_file_one_is_asked_for(self):
        call = Rehearsal(number=None).rings().keys("1", "0", "1")
        assert call.heard == ["callback_number"]


class TestMessages:
    def test_closed_hours_take_a_message_and_its_promise_starts_at_opening(self):
        call = Rehearsal(NIGHT).rings().keys("1", "0")
        assert call.heard[-1] == "voicemail_greeting"
        told = call.happens(Recorded("c", "RE1", 12)).hangs_up().disposition
        assert (told["outcome"], told["code"], told["final"]) == ("voicemail", "message_taken", False)
        assert call.call.ticket.due_from.isoformat() == "2026-11-25T13:00:00+00:00"
        assert told_staff(call) == [("voicemail", False)]

    def test_staff_are_told_where_the_message_is(self):
        [task] = Rehearsal(NIGHT).rings().keys("1", "0").happens(Recorded("c", "RE1", 12)).did(CreateTask)
        assert (task.about["queue"], task.about["recordings"]) == ("front_desk", ["RE1"])

    def test_a_message_that_arrives_after_they_hung_up_still_counts(self):
        early = Rehearsal(NIGHT).rings().keys("1", "0").hangs_up().happens(Recorded("c", "RE1", 12))
        late = Rehearsal(NIGHT).rings().keys("1", "0").happens(Recorded("c", "RE1", 12)).hangs_up()
        said = [
            {k: v for k, v in call.disposition.items() if k not in ("revision", "ticket_id")} for call in (early, late)
        ]
        assert said[0] == said[1]

    def test_a_message_left_while_we_were_broken_counts_too(self):
        call = Rehearsal(NIGHT)
        call.call = replace(call.call, outcome="failed")
        told = call.hangs_up().happens(Recorded("c", "RE1", 12)).disposition
        assert (told["outcome"], told["queue"]) == ("voicemail", "front_desk")

    def test_an_empty_message_is_asked_for_once_more(self):
        assert Rehearsal(NIGHT).rings().keys("1", "0").happens(Recorded("c", "RE1", 0)).heard == ["voicemail_too_short"]

    def test_staff_close_a_message_and_the_disposition_is_final(self):
        call = Rehearsal(NIGHT).rings().keys("1", "0").happens(Recorded("c", "RE1", 12)).hangs_up()
        call.happens(Played("ana"))
        told = call.happens(Worked("ana", "resolved_agent")).disposition
        assert (told["final"], told["code"], told["agents"]) == (True, "resolved_agent", ["ana"])


class TestEmergencies:
    def emergency(self, at=OPEN) -> Rehearsal:
        return Rehearsal(at).rings().keys("1", "1")

    def test_an_emergency_waits_for_nothing_at_any_hour(self):
        for at in (OPEN, NIGHT):
            ticket = self.emergency(at).call.ticket
            assert (ticket.queue, ticket.emergency, ticket.due_from) == ("pharmacist", True, at)

    def test_it_rings_up_to_three_phones(self):
        call = self.emergency()
        call.presence |= {"cas": "available", "dee": "available"}
        for agent in ("ana", "ben", "cas", "dee"):
            call.offered_to(agent)
        assert len(call.rung) == 3

    def test_the_first_to_accept_silences_the_others(self):
        call = self.emergency().offered_to("ana").offered_to("ben").picked_up("ana").keys("1", leg="leg-ana")
        assert EndLeg("leg-ben") in call.does
        assert call.picked_up("ben").heard == ["agent_taken"]

    def test_who_hears_the_whisper_of_an_emergency_somebody_else_took_is_told(self):
        call = self.emergency().offered_to("ana").offered_to("ben").picked_up("ben").picked_up("ana")
        call.keys("1", leg="leg-ana")
        [told] = call.did(MoveLeg)
        assert call.presence["ben"] == "offered"
        assert call.happens(Came("leg-ben", told.document)).heard == ["agent_taken"]
        assert call.hangs_up("leg-ben").presence["ben"] == "available"

    @pytest.mark.parametrize("ended", ["available", "signed_out"])
    def test_who_is_rung_in_wrap_up_may_take_it_though_their_wrap_up_ends_meanwhile(self, ended):
        call = self.emergency()
        call.presence["ana"] = "wrap_up"
        call.offered_to("ana").picked_up("ana")
        call.presence["ana"] = ended
        assert call.keys("1", leg="leg-ana").heard == ["agent_accepted"]
        assert call.presence["ana"] == "on_call"

    @pytest.mark.parametrize("ended", ["available", "signed_out"])
    def test_a_caller_who_leaves_stops_every_phone_whatever_its_agent_does_by_now(self, ended):
        call = self.emergency()
        call.presence["ana"] = "on_break"
        call.offered_to("ana")
        call.presence["ana"] = ended
        assert EndLeg("leg-ana") in call.hangs_up().does
        assert call.presence["ana"] == ended

    def test_the_on_call_number_may_be_rung_after_forty_seconds(self):
        assert self.emergency().happens(TimerDue("emergency:on_call")).call.ticket.on_call

    def test_or_at_once_when_nobody_is_there(self):
        assert self.emergency().happens(NobodyCould()).call.ticket.on_call

    def test_unanswered_it_becomes_an_urgent_task(self):
        waited = self.emergency().happens(TimerDue("emergency:unanswered"))
        assert ("emergency_unanswered", True) in told_staff(waited)

    def test_and_whoever_is_on_call_is_paged(self):
        waited = self.emergency().happens(TimerDue("emergency:unanswered"))
        assert SendText("page_text", language="en", to="on_call") in waited.last.does

    def test_an_emergency_that_hangs_up_becomes_an_urgent_task(self):
        assert ("emergency_abandoned", True) in told_staff(self.emergency().later(30).hangs_up())

    def test_no_callback_is_offered_instead(self):
        assert self.emergency().keys("1").heard == ["in_line"]


class TestWhenThingsBreak:
    def test_nobody_there_the_caller_is_told_and_chooses(self):
        call = Rehearsal().on_hold().happens(NobodyCould()).moved()
        assert call.heard == ["all_busy_callback"]
        assert call.keys("2").heard == ["voicemail_greeting"]

    def test_a_document_that_failed_is_said_once_more(self):
        assert Rehearsal().rings().keys("1").happens(Stumbled("c")).heard == ["sorry_once_more", "main_menu"]

    def test_a_stumble_on_hold_goes_back_in_line(self):
        assert isinstance(Rehearsal().on_hold().happens(Stumbled("c")).last.says[-1], Hold)

    def test_an_unknown_leg_is_a_notice(self):
        assert Rehearsal().rings().happens(Keyed("nobody", "1")).last.says is None

    def test_every_document_of_a_caller_says_something_or_hangs_up(self):
        call = Rehearsal().rings()
        for keys in ("1", "2", "0", "1", "9", "*"):
            call.keys(keys)
            assert call.last.says
            assert all(not isinstance(verb, Say) or verb.prompt for verb in call.last.says)


def test_a_recorded_talk_is_announced_before_its_first_word():
    call = Rehearsal().on_hold()
    call.call = replace(call.call, decision=replace(call.call.decision, record=True))
    call.offered_to().picked_up().keys("1", leg="leg-ana").moved()
    assert call.heard == ["connecting", "recording_notice"]
    assert call.did(SetTape) == []
    assert isinstance(call.says_nothing().last.says[-1], Meet)
    assert call.did(SetTape) == [SetTape("c")]


def test_who_they_are_is_asked_once_more_before_it_is_given_up():
    call = Rehearsal(language=Answer(True, {"language": "en"}))
    del call.answers["who"]
    call.rings().later(7).says_nothing()  # the notice took longer than anybody waits for an answer
    assert call.last.asks == ("who",)
    assert call.heard == ["main_menu"]


class TestRacesOnceLost:
    """Each of these once lost a caller, an agent or a word."""

    @pytest.mark.parametrize(
        "words",
        [
            "my son swallowed two pills",
            "oh god she passed out",
            "seizure, where is my refill",
            "se tragó dos pastillas",
        ],
    )
    def test_danger_is_heard_before_a_number_or_anything_else(self, words):
        menu = Menu(
            "main_menu",
            {
                "2": Option("refill", {}, {"en": ("refill", "where is my refill")}),
                "8": Option(
                    "decide",
                    {"urgency": "emergency"},
                    {"en": ("swallowed", "passed out", "seizure"), "es": ("se tragó",)},
                ),
            },
        )
        assert key_for(words, menu) == "8"

    def test_a_number_alone_is_still_a_key(self):
        assert key_for("press two please", Menu("m", {"2": Option("refill")})) == "2"
        assert key_for("I have two questions about it", Menu("m", {"2": Option("refill")})) == ""

    def test_the_news_that_they_hung_up_does_not_end_the_callback_they_were_promised(self):
        call = Rehearsal().on_hold().keys("1", "1").later(12).offered_to().picked_up().keys("1", leg="leg-ana")
        call.hangs_up()
        assert call.call.ticket.state == "connecting"
        (leg,) = [token for token, leg in call.call.legs.items() if leg.kind == "callback"]
        assert call.happens(Came(leg, 1)).keys("1", leg=leg).call.phase == "talking"

    def test_late_news_of_an_earlier_attempt_leaves_the_next_alone(self):
        call = (
            Rehearsal().on_hold().keys("1", "1").hangs_up().offered_to("ana").picked_up("ana").keys("1", leg="leg-ana")
        )
        (first,) = [token for token, leg in call.call.legs.items() if leg.kind == "callback"]
        call.happens(Came(first, 1)).says_nothing(first).later(400)
        call.offered_to("ben").picked_up("ben").keys("1", leg="leg-ben").hangs_up(first)
        assert call.call.phase == "connecting"
        assert call.presence["ben"] == "on_call"

    def test_a_broken_queue_while_an_agent_is_coming_still_brings_them_together(self):
        call = Rehearsal().on_hold().offered_to().picked_up().keys("1", leg="leg-ana")
        call.happens(QueueLeft("c", "error"))
        assert call.heard == ["a_person_is_ready"]
        assert isinstance(call.moved().last.says[-1], Meet)

    def test_an_emergency_rings_the_on_call_number_even_if_somebody_nearly_took_it(self):
        call = Rehearsal().rings().keys("1", "1").offered_to().picked_up().keys("1", leg="leg-ana")
        call.happens(TimerDue("emergency:on_call")).later(10).happens(TimerDue("join:offer-ana"))
        assert call.call.ticket.on_call

    def test_an_agent_on_break_is_still_on_break_when_somebody_else_took_the_emergency(self):
        call = Rehearsal().rings().keys("1", "1")
        call.presence["ben"] = "on_break"
        call.offered_to("ana").offered_to("ben").picked_up("ana").keys("1", leg="leg-ana")
        assert call.presence["ben"] == "on_break"

    def test_a_message_left_to_a_rescue_counts_for_a_call_we_knew(self):
        told = Rehearsal(NIGHT).rings().keys("1").hangs_up().happens(Recorded("c", "RE1", 12)).disposition
        assert (told["outcome"], told["final"]) == ("voicemail", False)

    def test_nobody_is_closed_away_from_the_line_by_paper_work(self):
        call = Rehearsal().on_hold().happens(Worked("ana", "resolved_agent"))
        assert call.call.ticket.state == "waiting"

    def test_a_transfer_they_hung_up_on_was_a_transfer(self):
        call = Rehearsal().rings()
        call.call = replace(call.call, phase="transferring")
        assert call.hangs_up().disposition["outcome"] == "transferred"

    def test_a_silent_caller_at_the_recorder_has_abandoned(self):
        assert Rehearsal(NIGHT).rings().keys("1", "0").says_nothing().disposition["outcome"] == "abandoned"
