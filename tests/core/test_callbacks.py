"""Callbacks on the pure core, told as the people who asked for them live them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.core import arranging, callbacks
from ivr.core.call import Answer
from ivr.core.effects import CloseShared, CreateTask, EndLeg, MoveCaller, MoveLeg, PlaceCall, SetTimer
from ivr.core.events import (
    AnsweredBy,
    CallbackCancelled,
    CallbackMoved,
    Came,
    HungUp,
    Spoke,
    TicketClosed,
    TicketTaken,
    TimerDue,
)
from ivr.core.heard import Heard
from ivr.core.line import Attempt, Ticket
from ivr.core.pharmacy import Pharmacy
from ivr.core.quiet import quiet_until
from ivr.core.rules import Then
from ivr.core.verbs import Hangup, Hold, Meet
from tests.core.rehearsal import NIGHT, OPEN, PHARMACY, RULES, Rehearsal, rule

WINDOWS = ((9 * 60, 12 * 60), (13 * 60, 17 * 60))
QUIET = (20 * 60, 9 * 60)
ANOTHER = "5555550177"
LATE = datetime(2026, 11, 25, 0, 30, tzinfo=UTC)  # 19:30 in New York, 16:30 in Los Angeles
EARLY = datetime(2026, 11, 24, 14, 30, tzinfo=UTC)  # 9:30 in New York, 6:30 in Los Angeles
MORNING = datetime(2026, 11, 25, 13, 0, tzinfo=UTC)  # the next opening after NIGHT: eight o'clock


def with_policies(**changes: object) -> Pharmacy:
    return replace(PHARMACY, policies=replace(PHARMACY.policies, **changes))  # type: ignore[arg-type]


def number(verdict: str = "fine", zones: str = "", rung: int = 0, in_use: bool = False) -> Answer:
    return Answer(True, {"number": verdict, "rung_today": rung, "in_use": in_use}, values={"zones": zones})


def told_of_number(call: Rehearsal, told: Answer) -> Rehearsal:
    """What our own record says of the number to call back."""
    call.answers["number"] = told
    return call


def promised(pharmacy: Pharmacy = PHARMACY, at: datetime = OPEN, told: Answer | None = None) -> Rehearsal:
    call = Rehearsal(at, pharmacy=pharmacy)
    return (told_of_number(call, told) if told else call).on_hold().keys("1", "1").hangs_up()


def accepted(call: Rehearsal, agent: str = "ana") -> Rehearsal:
    call.presence[agent] = "available"
    return call.offered_to(agent).picked_up(agent).keys("1", leg=f"leg-{agent}")


def person(call: Rehearsal) -> str:
    return [token for token, leg in call.call.legs.items() if leg.kind == "callback"][-1]


def tasks(call: Rehearsal) -> list[str]:
    return [task.what for task in call.did(CreateTask)]


class TestTheirNumber:
    def test_a_number_they_key_is_read_back_and_confirmed(self) -> None:
        call = Rehearsal(number=None).on_hold().keys("1", ANOTHER)
        assert call.heard == ["callback_number_confirm"]
        assert call.keys("1").call.ticket.kind == "callback"
        assert callbacks.callback_number(call.call) == f"+1{ANOTHER}"

    def test_one_read_back_wrong_is_keyed_again(self) -> None:
        assert Rehearsal(number=None).on_hold().keys("1", ANOTHER, "2").heard == ["callback_number"]

    @pytest.mark.parametrize("why", ["premium", "abroad", "emergency", "ours", "unclear"])
    def test_one_that_may_not_be_rung_is_refused_at_once_and_another_asked_for(self, why: str) -> None:
        call = told_of_number(Rehearsal(number=None), number(why)).on_hold().keys("1", ANOTHER)
        assert call.heard == [f"callback_number_{why}", "callback_number"]
        assert callbacks.callback_number(call.call) is None

    def test_an_emergency_number_is_no_number_to_call_back(self) -> None:
        assert Rehearsal().on_hold().keys("1", "2", "911").heard == ["callback_number_emergency", "callback_number"]

    def test_so_it_is_when_it_is_said(self) -> None:
        call = Rehearsal().on_hold().keys("1", "2").happens(Spoke("c", "nine one one"))
        assert call.heard[0] == "callback_number_emergency"

    @pytest.mark.parametrize("digits", ["12", "5550100", "9005550101", "0115"])
    def test_what_cannot_be_rung_is_told_even_without_tables(self, digits: str) -> None:
        assert Rehearsal().on_hold().keys("1", "2", digits).heard[1] == "callback_number"

    def test_a_number_abroad_is_keyed_with_its_country(self) -> None:
        assert arranging.read_number("011442079460000") == "+442079460000"

    def test_whoever_rings_from_a_number_we_do_not_call_is_asked_for_another(self) -> None:
        call = told_of_number(Rehearsal(), number("abroad")).on_hold().keys("1")
        assert call.heard == ["callback_number_abroad", "callback_number"]

    def test_after_three_that_cannot_be_rung_they_are_in_line_as_before(self) -> None:
        call = Rehearsal().on_hold().keys("1", "2", "1", "2", "3")
        assert call.heard[:2] == ["callback_number_unclear", "in_line"]
        assert (call.call.phase, call.call.ticket.kind, call.call.ticket.not_before) == ("holding", "hold", None)


class TestWhileClosed:
    CLOSED = replace(
        PHARMACY, rules={"main.yaml": replace(RULES, rules=(rule("Closed", Then("callback", "refills"), open="no"),))}
    )

    def test_the_next_opening_is_said_before_they_agree_and_promised(self) -> None:
        call = Rehearsal(NIGHT, pharmacy=self.CLOSED).on_hold()
        assert call.heard[-2:] == ["callback_when_open", "callback_confirm"]
        call.keys("1")
        assert call.heard == ["callback_from", "goodbye"]
        ticket = call.call.ticket
        assert (ticket.arrived_at, ticket.due_from) == (NIGHT, MORNING)
        assert ticket.not_before == MORNING + timedelta(hours=1)  # it is quiet until nine

    def test_each_is_promised_a_little_later_than_who_asked_before(self) -> None:
        before = Answer(True, values={"overnight": "20"})
        call = Rehearsal(NIGHT, pharmacy=self.CLOSED, ticket=before).on_hold().keys("1")
        assert call.call.ticket.due_from == MORNING + timedelta(minutes=60)

    def test_whoever_wants_none_leaves_a_message(self) -> None:
        assert Rehearsal(NIGHT, pharmacy=self.CLOSED).on_hold().says_nothing().call.phase == "message"


class TestAnotherTime:
    CHOICE = with_policies(callback_windows=WINDOWS)

    def test_they_are_promised_their_turn_first_and_may_hang_up(self) -> None:
        call = Rehearsal(pharmacy=self.CHOICE).on_hold().keys("1", "1")
        assert call.heard == ["callback_promised", "callback_in_turn", *["callback_window"] * 3]
        assert (call.call.ticket.kind, call.call.outcome) == ("callback", "callback")
        call.hangs_up()
        assert (call.call.phase, call.call.ticket.window, call.disposition["final"]) == ("promised", None, False)

    @pytest.mark.parametrize("key", ["1", "7"])
    def test_in_turn_it_stays_in_turn(self, key: str) -> None:
        call = Rehearsal(pharmacy=self.CHOICE).on_hold().keys("1", "1", key)
        assert call.heard == ["goodbye"]
        assert call.call.ticket.due_from == OPEN

    def test_the_promise_starts_with_the_time_they_chose_and_it_is_said_again(self) -> None:
        call = Rehearsal(pharmacy=self.CHOICE).on_hold().keys("1", "1", "2")
        assert call.heard == ["callback_at", "goodbye"]
        afternoon = OPEN + timedelta(hours=3)
        ticket = call.call.ticket
        assert ticket.window == (afternoon, afternoon + timedelta(hours=4))
        assert (ticket.due_from, ticket.not_before, ticket.arrived_at) == (afternoon, afternoon, OPEN)

    def test_star_says_the_times_again(self) -> None:
        assert Rehearsal(pharmacy=self.CHOICE).on_hold().keys("1", "1", "*").heard[1] == "callback_in_turn"

    def test_danger_while_they_choose_is_still_danger(self) -> None:
        call = (
            Rehearsal(pharmacy=self.CHOICE)
            .on_hold()
            .keys("1", "1")
            .says("he passed out", "adverse_reaction", "emergency")
        )
        assert (call.call.ticket.emergency, call.call.ticket.kind, call.call.outcome) == (True, "hold", None)

    def test_only_times_inside_opening_hours_are_offered(self) -> None:
        friday = OPEN + timedelta(days=3)
        found = callbacks.windows(None, self.CHOICE, "central", friday)
        days = [self.CHOICE.hours["central"].local(start).strftime("%a") for start, _ in found]
        assert days == ["Fri", "Mon", "Mon"]

    def test_and_none_that_is_quiet_where_the_number_is(self) -> None:
        ticket = replace(promised().call.ticket, zones=("Pacific/Honolulu",))
        starts = {start.hour for start, _ in callbacks.windows(ticket, self.CHOICE, "central", OPEN)}
        assert starts == set()  # five in the morning there, when it is ten here; 13 to 17 here begins at eight

    def test_whoever_is_still_being_asked_when_is_not_rung_on_the_phone_they_are_on(self) -> None:
        call = Rehearsal(pharmacy=self.CHOICE).on_hold().keys("1", "1").offered_to()
        assert (call.call.phase, call.rung, call.presence["ana"]) == ("dialogue", [], "available")
        assert call.call.ticket.not_before == OPEN + timedelta(seconds=10)
        assert accepted(call.hangs_up().later(10)).call.phase == "connecting"


class TestQuietHours:
    @pytest.mark.parametrize(
        ("at", "zones", "until"),
        [
            (OPEN, (), OPEN),
            (OPEN, ("America/New_York",), OPEN),
            (EARLY, ("America/Los_Angeles",), datetime(2026, 11, 24, 17, 0, tzinfo=UTC)),
            (NIGHT, ("America/New_York",), datetime(2026, 11, 25, 14, 0, tzinfo=UTC)),
            (NIGHT, ("America/New_York", "America/Los_Angeles"), datetime(2026, 11, 25, 17, 0, tzinfo=UTC)),
        ],
    )
    def test_the_strictest_of_all_zones_counts(self, at: datetime, zones: tuple[str, ...], until: datetime) -> None:
        assert quiet_until(at, zones, QUIET) == until

    def test_hours_within_a_day_are_quiet_too(self) -> None:
        noon = datetime(2026, 11, 24, 17, 30, tzinfo=UTC)
        assert quiet_until(noon, ("America/New_York",), (12 * 60, 14 * 60)) == noon + timedelta(minutes=90)

    def test_where_no_moment_suits_everybody_the_site_decides(self) -> None:
        all_day = ("America/New_York", "Asia/Tokyo")
        assert quiet_until(OPEN, all_day, (18 * 60, 12 * 60)) == OPEN + timedelta(hours=2)

    @given(st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31)), st.sampled_from(["America/New_York", "UTC"]))
    def test_what_it_names_is_never_quiet(self, wall: datetime, zone: str) -> None:
        at = wall.replace(tzinfo=UTC)
        until = quiet_until(at, (zone,), QUIET)
        assert at <= until <= at + timedelta(hours=14)
        assert quiet_until(until, (zone,), QUIET) == until

    def test_a_callback_due_in_quiet_hours_waits_for_their_end_and_keeps_its_place(self) -> None:
        call = promised(at=EARLY, told=number(zones="America/Los_Angeles"))
        assert call.call.ticket.not_before == datetime(2026, 11, 24, 17, 0, tzinfo=UTC)
        assert (call.call.ticket.due_from, call.call.ticket.arrived_at) == (EARLY, EARLY)

    def test_nobody_is_offered_it_before(self) -> None:
        call = promised(told=number(zones="Pacific/Honolulu"))
        call.offered_to()
        assert (call.rung, call.presence["ana"]) == ([], "available")

    def test_nor_where_the_agent_would_press_the_key_in_quiet_hours(self) -> None:
        call = promised()
        call.now = datetime(2026, 11, 25, 0, 59, 50, tzinfo=UTC)
        assert call.offered_to().rung == []
        assert call.call.ticket.not_before == datetime(2026, 11, 25, 14, 0, tzinfo=UTC)

    def test_a_second_attempt_that_would_be_quiet_waits_for_the_morning(self) -> None:
        call = accepted(promised(at=LATE))
        call.later(28 * 60).hangs_up(person(call), "busy")
        assert call.call.ticket.not_before == datetime(2026, 11, 25, 14, 0, tzinfo=UTC)


class TestHowOften:
    def test_a_number_rung_often_enough_today_waits_for_tomorrow(self) -> None:
        call = promised(told=number(rung=3)).offered_to()
        assert call.rung == []
        assert call.call.ticket.not_before == datetime(2026, 11, 25, 14, 0, tzinfo=UTC)

    def test_a_number_that_is_on_the_phone_with_us_for_another_call_is_rung_when_it_no_longer_is(self) -> None:
        call = promised(told=number(in_use=True)).offered_to()
        assert call.rung == []
        assert call.call.ticket.not_before == OPEN + timedelta(seconds=15)
        told_of_number(call.later(15), number()).offered_to()
        assert len(call.rung) == 1

    @pytest.mark.parametrize(
        ("how", "came"), [("busy", "busy"), ("no-answer", "no_answer"), ("canceled", "no_answer"), ("failed", "failed")]
    )
    def test_what_came_of_each_attempt_is_kept(self, how: str, came: str) -> None:
        call = accepted(promised())
        call.hangs_up(person(call), how)
        assert call.call.ticket.tried == (Attempt(OPEN, came),)

    def test_staff_are_told_when_the_attempts_are_over(self) -> None:
        call = promised(with_policies(callback_attempts=1))
        accepted(call).hangs_up(person(call), "no-answer")
        assert tasks(call) == ["callback_exhausted"]
        assert (call.disposition["code"], call.disposition["final"]) == ("callback_expired", True)

    def test_and_when_its_time_is_over(self) -> None:
        call = promised().later(86_400).happens(TimerDue("callback:expires"))
        assert tasks(call) == ["callback_expired"]

    def test_while_somebody_is_being_rung_it_does_not_expire(self) -> None:
        call = accepted(promised()).happens(TimerDue("callback:expires"))
        assert (call.call.ticket.state, tasks(call)) == ("connecting", [])
        assert call.did(SetTimer)[-1].name == "callback:expires"


class TestWhoPicksUp:
    def answered(self, **policies: object) -> Rehearsal:
        call = accepted(promised(with_policies(**policies)))
        return call.happens(Came(person(call), 1))

    def test_before_the_key_they_hear_who_rings_and_nothing_of_why(self) -> None:
        assert self.answered().heard == ["callback_hello"]

    def test_by_policy_not_even_that(self) -> None:
        call = self.answered(callback_says_name=False)
        assert call.heard == ["callback_hello_nameless"]
        assert call.says_nothing(person(call)).heard == ["goodbye"]

    def test_the_carrier_is_asked_who_picked_up(self) -> None:
        assert accepted(promised()).did(PlaceCall)[-1].detect_machine
        assert not accepted(promised(with_policies(callback_detect=False))).did(PlaceCall)[-1].detect_machine

    def test_a_machine_is_hung_up_on_and_the_agent_released_at_once_and_told(self) -> None:
        call = self.answered()
        call.happens(AnsweredBy(person(call), "machine"))
        assert EndLeg(person(call)) in call.does
        assert call.call.ticket.tried == (Attempt(OPEN, "machine"),)
        move = call.did(MoveLeg)[-1]
        assert call.happens(Came(move.leg, move.document)).heard == ["agent_not_reached"]
        assert call.hangs_up("leg-ana").presence["ana"] == "available"

    def test_by_policy_it_is_told_to_call_back_once_a_ticket(self) -> None:
        call = self.answered(callback_machine="message")
        call.happens(AnsweredBy(person(call), "machine")).hangs_up("leg-ana")
        assert call.presence["ana"] == "available"
        move = next(effect for effect in call.did(MoveLeg) if effect.leg == person(call))
        assert call.happens(Came(move.leg, move.document)).heard == ["callback_message"]
        call.later(400)
        accepted(call, "ben").happens(Came(person(call), 1)).happens(AnsweredBy(person(call), "machine"))
        assert EndLeg(person(call)) in call.does

    def test_what_the_carrier_knew_when_they_picked_up_is_as_good(self) -> None:
        call = accepted(promised(with_policies(callback_machine="message", callback_says_name=False)))
        assert call.happens(Came(person(call), 1, "machine")).heard == ["callback_message_nameless"]
        assert call.hangs_up("leg-ana").presence["ana"] == "available"

    def test_a_machine_that_is_not_to_be_spoken_to_hears_nothing(self) -> None:
        call = accepted(promised())
        assert call.happens(Came(person(call), 1, "machine")).heard == []

    def test_a_machine_nobody_detected_presses_no_key_and_the_message_is_left_then(self) -> None:
        call = self.answered(callback_machine="message")
        assert call.says_nothing(person(call)).heard == ["callback_message"]
        assert call.call.ticket.tried == (Attempt(OPEN, "no_key"),)

    @pytest.mark.parametrize("who", ["person", "unknown"])
    def test_a_person_goes_on_listening(self, who: str) -> None:
        call = self.answered()
        before = call.call
        assert call.happens(AnsweredBy(person(call), who)).call == before

    def test_news_of_a_machine_that_comes_while_two_people_talk_changes_nothing(self) -> None:
        call = self.answered()
        call.keys("1", leg=person(call)).happens(AnsweredBy(person(call), "machine"))
        assert call.call.phase == "talking"

    def test_late_news_of_a_machine_leaves_the_next_attempt_alone(self) -> None:
        call = self.answered()
        first = person(call)
        call.says_nothing(first).later(400)
        accepted(call, "ben").happens(AnsweredBy(first, "machine"))
        assert call.call.phase == "connecting"

    def test_an_agent_who_hangs_up_meanwhile_is_no_fault_of_the_person(self) -> None:
        call = self.answered()
        call.hangs_up("leg-ana")
        assert call.call.ticket.tried == (Attempt(OPEN, "agent_left"),)


class TestDangerSaidToACallback:
    CRY = Heard("adverse_reaction", "emergency", False, 0.9)
    FUNNY = Heard("medication_question", "urgent", True, 0.9)

    def says(self, words: str, heard: Heard, *, pharmacy: Pharmacy = PHARMACY, agent_left: bool = False) -> Rehearsal:
        call = promised(pharmacy)
        call = call.offered_to() if pharmacy is TestCallerFirst.FIRST else accepted(call)
        call.happens(Came(person(call), 1))
        if agent_left:
            call.hangs_up("leg-ana")
        return call.happens(Spoke(person(call), words, heard=heard))

    def test_who_cannot_breathe_talks_with_the_agent_who_stands_by_and_presses_no_key(self) -> None:
        call = self.says("I can't breathe", self.CRY)
        assert (call.call.phase, call.call.facts["urgency"]) == ("talking", "emergency")

    @pytest.mark.parametrize("first", [True, False])
    def test_where_no_agent_stands_by_they_are_in_line_before_all_others(self, first: bool) -> None:
        pharmacy = TestCallerFirst.FIRST if first else PHARMACY
        call = self.says("I can't breathe", self.CRY, pharmacy=pharmacy, agent_left=not first)
        ticket = call.call.ticket
        assert (call.heard, call.verbs[-1]) == (["emergency_heard"], "Hold")
        assert (ticket.emergency, ticket.queue, ticket.state, ticket.kind) == (True, "pharmacist", "waiting", "hold")
        call.offered_to("ben").picked_up("ben").keys("1", leg="leg-ben").moved()
        assert call.call.phase == "talking"

    def test_so_they_are_when_it_was_the_last_attempt_and_its_agent_has_gone(self) -> None:
        call = self.says("I can't breathe", self.CRY, pharmacy=with_policies(callback_attempts=1), agent_left=True)
        assert call.call.ticket.emergency

    def test_in_doubt_they_are_asked_and_only_a_clear_no_is_a_no(self) -> None:
        call = self.says("my chest feels funny", self.FUNNY)
        assert call.heard == ["safety_question"]
        assert call.keys("2", leg=person(call)).heard == ["callback_hello"]
        call = self.says("my chest feels funny", self.FUNNY)
        assert call.keys("1", leg=person(call)).call.phase == "talking"

    def test_a_machine_that_speaks_of_emergencies_reaches_nobody_and_somebody_looks_into_it(self) -> None:
        call = self.says("if this is an emergency hang up", self.FUNNY)
        call.says_nothing(person(call))
        assert call.call.ticket.tried == (Attempt(OPEN, "no_key"),)
        assert tasks(call) == ["possible_emergency"]

    def test_so_does_somebody_when_they_hang_up_on_the_question(self) -> None:
        call = self.says("my chest feels funny", self.FUNNY)
        assert tasks(call.hangs_up(person(call))) == ["possible_emergency"]

    def test_whoever_says_hello_hears_again_who_rings_and_three_times_is_enough(self) -> None:
        call = self.says("Hello?", Heard(None, "routine", False, 0.0))
        assert call.heard == ["callback_hello"]
        assert call.last.says[-1].speech
        call.happens(Spoke(person(call), "Hello?")).happens(Spoke(person(call), "Hello?"))
        assert call.call.ticket.tried == (Attempt(OPEN, "no_key"),)


class TestCallerFirst:
    FIRST = with_policies(callback_mode="caller_first")

    def ringing(self) -> Rehearsal:
        return promised(self.FIRST).offered_to()

    def there(self) -> Rehearsal:
        call = self.ringing()
        return call.happens(Came(person(call), 1)).keys("1", leg=person(call))

    def test_the_person_is_rung_while_an_agent_is_held_and_not_rung(self) -> None:
        call = self.ringing()
        assert call.rung == ["+15555550130"]
        assert call.presence["ana"] == "offered"

    def test_the_agent_is_rung_once_they_have_said_that_they_are_there(self) -> None:
        call = self.there()
        assert call.heard == ["callback_joining"]
        assert isinstance(call.last.says[-1], Hold)
        assert call.rung[-1] == "+15555550110"

    def test_and_the_two_meet(self) -> None:
        call = self.there().picked_up().keys("1", leg="leg-ana").moved()
        assert isinstance(call.last.says[-1], Meet)
        told = call.later(60).hangs_up(person(call)).disposition
        assert (told["outcome"], told["code"], told["final"], told["reached"]) == (
            *("callback", "callback_completed", True, "talk"),
        )
        assert call.presence["ana"] == "wrap_up"

    def test_nobody_answers_and_the_agent_is_free(self) -> None:
        call = self.ringing()
        call.hangs_up(person(call), "no-answer")
        assert call.presence["ana"] == "available"
        assert call.call.ticket.tried == (Attempt(OPEN, "no_answer"),)
        assert call.call.ticket.state == "waiting"

    def test_nor_does_news_of_it_have_to_come(self) -> None:
        call = self.ringing().later(61).happens(TimerDue("join:offer-ana"))
        assert call.presence["ana"] == "available"
        assert call.call.ticket.tried[0].came == "no_answer"

    def test_a_machine_frees_the_agent(self) -> None:
        call = self.ringing()
        call.happens(Came(person(call), 1)).happens(AnsweredBy(person(call), "machine"))
        assert call.presence["ana"] == "available"

    def test_an_agent_who_does_not_take_it_leaves_them_in_their_place_for_the_next(self) -> None:
        call = self.there().hangs_up("leg-ana", "no-answer")
        assert (call.presence["ana"], call.call.ticket.state, call.call.phase) == ("on_break", "waiting", "holding")
        call.offered_to("ben").picked_up("ben").keys("1", leg="leg-ben").moved()
        assert call.call.phase == "talking"

    def test_whoever_hangs_up_before_the_agent_came_is_called_once_more(self) -> None:
        call = self.there()
        call.hangs_up(person(call))
        assert call.call.ticket.kind == "callback"
        assert call.call.ticket.tried == (Attempt(OPEN, "hung_up"),)
        assert call.presence["ana"] == "available"

    def test_so_is_whoever_hangs_up_after_the_first_agent_missed_them(self) -> None:
        call = self.there().hangs_up("leg-ana", "no-answer")
        call.hangs_up(person(call))
        assert (call.call.ticket.kind, call.call.phase) == ("callback", "promised")

    def test_a_queue_may_say_otherwise(self) -> None:
        queue = replace(PHARMACY.queues["front_desk"], callback_mode="caller_first")
        pharmacy = replace(PHARMACY, queues={**PHARMACY.queues, "front_desk": queue})
        assert promised(pharmacy).offered_to().rung == ["+15555550130"]


# ---------------------------------------------------------------- ringing again


def before(**changes: object) -> Ticket:
    """A callback of an earlier call, as the record has it."""
    ticket = promised().call.ticket
    assert ticket is not None
    return replace(ticket, call="CA0", id="T0", person="number:k", need="anything", **changes)  # type: ignore[arg-type]


def again(by: str = "number", at: datetime = OPEN + timedelta(minutes=20), **changes: object) -> Rehearsal:
    values = {"by": by, "position": "3", "number": "number:k", "callback_number": "+15555550130"}
    answer = Answer(True, values=values, ticket=before(**changes))
    return Rehearsal(at, pharmacy=with_policies(callback_windows=WINDOWS), ticket=answer).on_hold()


class TestRingingAgain:
    def test_a_ticket_found_by_number_only_is_confirmed_before_anything_is_told(self) -> None:
        call = again()
        assert call.heard[-1] == "callback_found"
        assert call.call.ticket is None
        assert call.keys("1").heard == ["callback_place", "callback_choices"]

    def test_whoever_has_proved_who_they_are_hears_their_place_at_once(self) -> None:
        assert again("person").heard[-2:] == ["callback_place", "callback_choices"]

    def test_somebody_else_with_the_same_number_gets_a_ticket_of_their_own(self) -> None:
        call = again().keys("2")
        ticket = call.call.ticket
        assert (ticket.kind, ticket.person, ticket.arrived_at) == ("hold", "call:CA1", call.now)

    def test_it_is_the_same_ticket_with_the_same_clock(self) -> None:
        call = again("person")
        ticket = call.call.ticket
        assert (ticket.id, ticket.call, ticket.arrived_at, ticket.due_from) == ("T0", "CA1", OPEN, OPEN)
        assert call.call.shares == ("CA0",)

    def test_they_wait_on_the_line_with_the_old_place(self) -> None:
        call = again("person").keys("1")
        assert isinstance(call.last.says[-1], Hold)
        ticket = call.call.ticket
        assert (ticket.kind, ticket.due_from, ticket.arrived_at, call.call.phase) == ("hold", OPEN, OPEN, "holding")

    def test_and_hang_up_again_without_losing_the_callback(self) -> None:
        call = again("person").keys("1").later(60).hangs_up()
        assert (call.call.ticket.kind, call.call.ticket.state, call.call.phase) == ("callback", "waiting", "promised")
        assert (call.disposition["outcome"], call.disposition["final"]) == ("callback", False)

    @pytest.mark.parametrize("keys", [("1",), ("1", "3", "1"), ("1", "2", ANOTHER)])
    def test_nor_by_thinking_of_another_number_meanwhile(self, keys: tuple[str, ...]) -> None:
        call = again("person").keys("1").later(60).keys(*keys).hangs_up()
        assert (call.call.ticket.kind, call.call.ticket.state, call.call.phase) == ("callback", "waiting", "promised")
        assert callbacks.callback_number(call.call) == "+15555550130"

    def test_who_waited_on_another_phone_was_promised_no_callback(self) -> None:
        call = again("person", kind="hold").keys("1").later(60).hangs_up()
        assert (call.call.ticket.state, call.disposition["outcome"]) == ("closed", "abandoned")

    def test_another_time(self) -> None:
        call = again("person").keys("2")
        assert call.heard[0] == "callback_in_turn"
        assert call.keys("2").heard == ["callback_at", "goodbye"]
        assert call.call.ticket.due_from == OPEN + timedelta(hours=3)

    def test_another_number(self) -> None:
        call = again("person").keys("3", ANOTHER, "1")
        assert callbacks.callback_number(call.call) == f"+1{ANOTHER}"
        assert call.call.ticket.arrived_at == OPEN

    def test_silence_while_they_key_another_number_leaves_the_callback_as_it_was(self) -> None:
        assert again("person").keys("3").says_nothing().heard == ["callback_stands"]

    def test_it_can_be_called_off(self) -> None:
        call = again("person").keys("4")
        assert call.heard == ["callback_cancelled"]
        assert call.call.ticket.state == "closed"
        assert call.did(CloseShared) == [CloseShared("CA0", call.call.ticket, "callback_cancelled")]
        assert (call.disposition["code"], call.disposition["final"]) == ("callback_cancelled", True)

    @pytest.mark.parametrize(("key", "heard"), [("*", "callback_choices"), ("8", "callback_stands")])
    def test_it_is_said_again_or_stays_as_it_was(self, key: str, heard: str) -> None:
        assert again("person").keys(key).heard == [heard]

    def test_the_question_is_said_again(self) -> None:
        assert again().keys("*").heard == ["callback_found"]

    def test_a_chosen_time_is_told_instead_of_a_place(self) -> None:
        afternoon = OPEN + timedelta(hours=3)
        call = again("person", window=(afternoon, afternoon + timedelta(hours=4)), due_from=afternoon)
        assert call.heard[-2:] == ["callback_at", "callback_choices"]
        assert call.keys("1").call.ticket.due_from == call.now

    def test_whoever_is_being_called_back_right_now_is_told_so(self) -> None:
        call = again(state="connecting")
        assert call.heard[-1] == "callback_under_way"
        assert isinstance(call.last.says[-1], Hangup)

    def test_with_a_talk_under_way_it_is_another_matter(self) -> None:
        assert again(state="talking").call.ticket.person == "call:CA1"

    def test_a_ticket_served_while_they_confirm_is_not_taken(self) -> None:
        call = again()
        call.answers["ticket"] = Answer(True, values={"number": "number:k"})
        assert call.keys("1").call.ticket.id != "T0"

    def test_in_danger_nobody_is_asked_about_tickets(self) -> None:
        answer = Answer(True, values={"by": "person"}, ticket=before())
        assert Rehearsal(ticket=answer).rings().keys("1", "1").call.ticket.emergency

    def test_danger_said_while_they_hear_of_it_makes_it_an_emergency(self) -> None:
        call = again("person").says("he passed out", "adverse_reaction", "emergency")
        assert (call.call.ticket.id, call.call.ticket.kind, call.call.ticket.emergency) == ("T0", "hold", True)

    def test_on_two_phones_at_once_they_choose_where_to_wait(self) -> None:
        call = again("person", kind="hold")
        assert call.heard[-2:] == ["callback_on_another_phone", "callback_wait_here"]
        assert call.keys("1").call.phase == "holding"


class TestTheEarlierCall:
    def test_it_gives_its_ticket_up_and_stops_ringing_for_it(self) -> None:
        call = promised().offered_to().happens(TicketTaken("CA2"))
        assert (call.call.ticket.state, call.call.ticket.call) == ("moved", "CA2")
        assert call.presence["ana"] == "available"
        assert not callbacks.waits_for_callback(call.call)

    def test_an_accepted_offer_wins(self) -> None:
        call = accepted(promised()).happens(TicketTaken("CA2"))
        assert call.call.ticket.state == "connecting"

    def test_whoever_holds_there_hears_where_their_place_is(self) -> None:
        call = Rehearsal().on_hold().happens(TicketTaken("CA2"))
        assert isinstance(call.does[-1], MoveCaller)
        assert call.moved().heard == ["callback_place_moved"]
        assert call.disposition["outcome"] == "callback"

    def test_its_disposition_is_final_when_the_ticket_closes_elsewhere(self) -> None:
        call = promised().happens(TicketTaken("CA2"))
        assert call.disposition["final"] is False
        closed = replace(call.call.ticket, state="closed", answered_at=call.now, closed_at=call.now)
        call.later(300).happens(TicketClosed(closed, "callback_completed"))
        told = call.disposition
        assert (told["final"], told["code"], told["promise_kept"]) == (True, "callback_completed", True)

    def test_news_of_another_ticket_means_nothing(self) -> None:
        call = promised()
        assert call.happens(TicketClosed(before(state="closed"), None)).call.ticket.live

    def test_it_does_not_expire_there_any_more(self) -> None:
        call = promised().happens(TicketTaken("CA2")).later(90_000).happens(TimerDue("callback:expires"))
        assert (call.call.ticket.state, tasks(call)) == ("moved", [])


class TestStaff:
    def test_move_it(self) -> None:
        window = (OPEN + timedelta(hours=4), OPEN + timedelta(hours=5))
        call = promised().happens(CallbackMoved("mateo", window))
        assert (call.call.ticket.window, call.call.ticket.due_from) == (window, window[0])
        call.happens(CallbackMoved("mateo", None))
        assert (call.call.ticket.window, call.call.ticket.due_from, call.call.ticket.not_before) == (None, OPEN, None)

    def test_call_it_off(self) -> None:
        call = promised().offered_to().happens(CallbackCancelled("mateo"))
        assert (call.disposition["code"], call.disposition["final"]) == ("callback_cancelled", True)
        assert call.presence["ana"] == "available"

    @pytest.mark.parametrize(
        "event", [CallbackMoved("mateo", None), CallbackCancelled("mateo"), HungUp("c", "completed")]
    )
    def test_cannot_move_what_is_under_way(self, event: CallbackMoved | CallbackCancelled | HungUp) -> None:
        call = accepted(promised())
        ticket = call.call.ticket
        assert call.happens(event).call.ticket == ticket
