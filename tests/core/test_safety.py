"""Danger first: whatever is said at any question, and doubt never becomes routine."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ivr.core.call import Answer, World
from ivr.core.effects import CreateTask, SetTimer
from ivr.core.events import DialEnded, Keyed, QueueLeft, Silent, Spoke, Stumbled, TimerDue
from ivr.core.flows import Menu
from ivr.core.line import PlanStep
from ivr.core.on_hold import hold_view
from ivr.core.rules import Then
from ivr.core.verbs import Back, Dial, Gather, Hold, Play, Say
from tests.core.rehearsal import FLOW, NIGHT, RULES, SILENT, Rehearsal, pharmacy_with, rule

MENU = FLOW.nodes["menu"]
assert isinstance(MENU, Menu)
LISTENS = pharmacy_with(menu=replace(MENU, understand="decide"))
CALLBACKS = replace(
    LISTENS,
    rules={
        "main.yaml": replace(
            RULES, rules=(RULES.rules[0], rule("Refills", Then("callback", "refills"), intent="refill_request"))
        )
    },
)
DANGER = ("I took the whole bottle", "medication_question", "emergency")
DOUBT = "my chest feels funny since the new pills"


def at_the_menu(**answers: Answer) -> Rehearsal:
    return Rehearsal(pharmacy=LISTENS, **answers).rings().keys("1")


def asked(call: Rehearsal | None = None) -> Rehearsal:
    """A caller who is asked whether somebody is in danger."""
    return (call or at_the_menu()).says(DOUBT, "medication_question", "urgent", asks=True)


def to_a_pharmacist(call: Rehearsal) -> bool:
    ticket = call.call.ticket
    return ticket is not None and ticket.emergency and ticket.queue == "pharmacist" and ticket.licensed


class TestARedFlag:
    def test_it_reaches_a_pharmacist_at_once(self):
        call = at_the_menu().says(*DANGER)
        assert call.heard == ["emergency_heard", "hold_emergency"]
        assert to_a_pharmacist(call)
        assert call.call.facts["urgency"] == "emergency"

    @pytest.mark.parametrize("keys", [("1",), ("1", "2"), ("1", "2", "9")])
    def test_at_every_question_and_before_anybody_proves_anything(self, keys):
        call = Rehearsal(pharmacy=LISTENS).rings().keys(*keys).says(*DANGER)
        assert to_a_pharmacist(call)
        assert call.call.facts["tier"] == "number"

    def test_it_waits_for_no_answer_from_anywhere(self):
        call = at_the_menu().keys("2", "7001234")
        del call.answers["line"]
        call.says(*DANGER)
        assert "line" in call.last.asks
        assert to_a_pharmacist(call)
        assert call.call.asking is None

    def test_what_the_open_menu_offers_is_no_danger_when_it_is_all_they_say(self):
        call = at_the_menu().says("Refill.", "adverse_reaction", "emergency")
        assert call.heard == ["rx_number"]
        assert call.call.facts.get("urgency") != "emergency"

    def test_it_goes_before_the_phrase_of_an_option(self):
        assert to_a_pharmacist(at_the_menu().says("a refill, and I can't breathe", "refill_request", "emergency"))

    @pytest.mark.parametrize(
        ("intent", "confidence", "told"),
        [
            ("delivery_problem", 0.9, "delivery_problem"),
            ("delivery_problem", 0.3, "adverse_reaction"),
            ("other", 0.9, "adverse_reaction"),
            ("speak_to_person", 0.9, "adverse_reaction"),
            (None, 0.0, "adverse_reaction"),
        ],
    )
    def test_the_intent_says_what_it_is_about_when_that_is_sure(self, intent, confidence, told):
        call = at_the_menu().says("help", intent, "emergency", confidence=confidence)
        assert call.call.facts["intent"] == told

    def test_where_the_rules_serve_an_emergency_by_machine_the_flow_goes_on(self):
        serves = rule("Served", Then("self_service", "refill"), urgency="emergency")
        rules = {"main.yaml": replace(RULES, rules=(serves,))}
        call = Rehearsal(pharmacy=replace(LISTENS, rules=rules)).rings().keys("1").says(*DANGER)
        assert call.heard == ["emergency_heard", "refill_confirm"]

    def test_after_hours_the_rules_for_emergencies_hold_too(self):
        assert to_a_pharmacist(Rehearsal(NIGHT, pharmacy=LISTENS).rings().keys("1").says(*DANGER))

    def test_with_the_worker_silent_somebody_is_rung_by_the_turn_itself(self):
        call = at_the_menu(line=SILENT).says(*DANGER)
        assert isinstance(call.last.says[-1], Dial)


class TestInLine:
    def test_the_line_listens_while_the_music_plays(self):
        call = Rehearsal(pharmacy=LISTENS).on_hold()
        [asks] = hold_view(call.call, World(call.now, LISTENS, call.answers))
        assert isinstance(asks, Gather)
        assert asks.speech

    def test_a_ticket_in_line_becomes_an_emergency_and_stays_the_same_ticket(self):
        call = Rehearsal(pharmacy=LISTENS).on_hold().later(30)
        ticket = call.call.ticket
        call.says(*DANGER)
        assert call.last.says == (Say("emergency_heard"), Back("wait"))
        assert to_a_pharmacist(call)
        assert (call.call.ticket.id, call.call.ticket.arrived_at) == (ticket.id, ticket.arrived_at)
        assert {"emergency:on_call", "emergency:unanswered"} <= {
            timer.name for timer in call.last.does if isinstance(timer, SetTimer)
        }

    def test_the_phone_that_rings_for_the_old_ticket_stops(self):
        call = Rehearsal(pharmacy=LISTENS).on_hold().offered_to().says(*DANGER)
        assert call.presence["ana"] == "available"
        assert call.offered_to("ben").picked_up("ben").heard == ["agent_whisper"]

    def test_the_plan_of_the_old_queue_is_over_and_that_of_the_new_one_begins(self):
        widens = (PlanStep(60, "overflow", "refills"),)
        queues = {
            **LISTENS.queues,
            "front_desk": replace(LISTENS.queues["front_desk"], plan=(PlanStep(30, "announce", "position"), *widens)),
            "pharmacist": replace(LISTENS.queues["pharmacist"], plan=widens),
        }
        call = Rehearsal(pharmacy=replace(LISTENS, queues=queues)).on_hold().says(*DANGER).later(60)
        assert call.happens(TimerDue("plan:front_desk:1")).call.ticket.also == ()
        assert call.happens(TimerDue("plan:pharmacist:0")).call.ticket.also == ("refills",)

    def test_in_a_dialogue_about_a_callback(self):
        call = Rehearsal(pharmacy=LISTENS).on_hold().keys("1").says(*DANGER)
        assert (call.call.phase, call.call.dialogue) == ("holding", "")
        assert to_a_pharmacist(call)

    def test_in_a_dialogue_before_there_is_a_ticket(self):
        call = Rehearsal(pharmacy=CALLBACKS, number=None).rings().keys("1", "2", "7001234").later(16).says_nothing()
        assert call.heard == ["callback_number"]
        call.says(*DANGER)
        assert to_a_pharmacist(call)
        assert isinstance(call.last.says[-1], Hold)

    def test_out_of_the_queue_they_are_put_in_it(self):
        call = Rehearsal(pharmacy=LISTENS).on_hold().happens(QueueLeft("c", "queue-full")).says(*DANGER)
        assert isinstance(call.last.says[-1], Hold)

    def test_a_decision_that_names_no_queue_leaves_the_ticket_where_it_is_and_now(self):
        rules = {"main.yaml": replace(RULES, rules=(rule("E", Then("voicemail", "refills"), urgency="emergency"),))}
        call = Rehearsal(pharmacy=replace(LISTENS, rules=rules)).on_hold()
        queue = call.call.ticket.queue
        call.says(*DANGER)
        assert (call.call.ticket.queue, call.call.ticket.emergency) == (queue, True)

    def test_whoever_is_about_to_talk_to_somebody_is_not_taken_from_them(self):
        call = Rehearsal(pharmacy=LISTENS).on_hold().offered_to().picked_up().keys("1", leg="leg-ana").says(*DANGER)
        assert call.last.says == (Say("a_person_is_ready"), Play("hold_short"), Back("wait"))
        assert call.call.phase == "connecting"


class TestTheSafetyQuestion:
    def test_it_is_asked_before_anything_else(self):
        call = asked()
        assert call.heard == ["safety_question"]
        gather = call.last.says[-1]
        assert isinstance(gather, Gather)
        assert gather.speech
        assert "intent" not in call.call.facts

    @pytest.mark.parametrize("answer", [Keyed("c", "1"), Keyed("c", "0"), Keyed("c", "9"), Keyed("c", "7")])
    def test_any_key_but_two_is_an_emergency(self, answer):
        assert to_a_pharmacist(asked().happens(answer))

    @pytest.mark.parametrize(
        "words", ["yes", "sí", "I don't know", "no but it is getting worse", "my refill", "one", "…"]
    )
    def test_any_words_but_a_clear_no_are_an_emergency(self, words):
        assert to_a_pharmacist(asked().says(words))

    def test_a_no_with_doubt_in_it_is_no_no(self):
        assert to_a_pharmacist(asked().says("no, it just hurts", asks=True))
        assert to_a_pharmacist(asked().says("no, he is not breathing", None, "emergency"))

    def test_silence_is_asked_once_more_and_then_an_emergency(self):
        call = asked().says_nothing()
        assert call.heard == ["safety_question"]
        assert to_a_pharmacist(call.says_nothing())

    @pytest.mark.parametrize("answer", [Keyed("c", "*"), Spoke("c", "say that again please")])
    def test_so_is_a_wish_to_hear_it_again(self, answer):
        call = asked().happens(answer)
        assert call.heard == ["safety_question"]
        assert to_a_pharmacist(call.happens(answer))

    @pytest.mark.parametrize(
        "answer", [Keyed("c", "2"), Spoke("c", "no"), Spoke("c", "No, nobody is hurt."), Spoke("c", "two")]
    )
    def test_no_goes_on_where_they_were_with_what_was_heard(self, answer):
        call = asked().happens(answer)
        assert call.call.facts["intent"] == "medication_question"
        assert call.call.facts["urgency"] == "urgent"
        assert call.call.ticket.queue == "front_desk"

    def test_after_a_no_the_same_words_are_not_asked_about_again_but_others_are(self):
        call = asked(at_the_menu().keys("2")).keys("2")
        assert call.heard == ["not_understood", "rx_number"]
        assert asked(call).heard == ["not_understood", "rx_number"]
        assert call.says("and my arm is numb", asks=True).heard == ["safety_question"]

    @pytest.mark.parametrize(
        "words", ["sí", "no", "two", "again please", "January fifth, nineteen fifty", "seven oh oh one"]
    )
    def test_a_plain_answer_to_another_question_is_no_alarm(self, words):
        assert "safety_question" not in at_the_menu().says(words, asks=True).heard

    @pytest.mark.parametrize("words", ["two pills", "no and I am dizzy", "help", "seven of them"])
    def test_more_than_a_plain_answer_is(self, words):
        assert at_the_menu().says(words, asks=True).heard == ["safety_question"]

    def test_the_menus_own_word_for_an_emergency_needs_no_question_and_its_word_for_a_refill_does(self):
        options = {**MENU.options, "8": replace(MENU.options["1"], hear={"en": ("overdose",)})}
        listens = pharmacy_with(menu=replace(MENU, options=options, understand="decide"))
        at_it = Rehearsal(pharmacy=listens).rings().keys("1")
        assert to_a_pharmacist(at_it.says("an overdose", asks=True))
        call = Rehearsal(pharmacy=listens).rings().keys("1").says("a refill, my chest feels funny", asks=True)
        assert call.heard == ["safety_question"]

    def test_on_hold_no_leaves_them_in_line(self):
        call = asked(Rehearsal(pharmacy=LISTENS).on_hold())
        assert call.heard == ["safety_question"]
        call.keys("2")
        assert call.last.says == (Back("wait"),)
        assert not call.call.ticket.emergency

    def test_yes_on_hold_raises_the_ticket(self):
        assert to_a_pharmacist(asked(Rehearsal(pharmacy=LISTENS).on_hold()).keys("1"))

    def test_something_of_ours_that_breaks_does_not_lose_it(self):
        call = asked().happens(Stumbled("c"))
        assert call.heard == ["sorry_once_more", "safety_question"]
        assert to_a_pharmacist(call.says_nothing().says_nothing())

    def test_hanging_up_on_it_leaves_somebody_to_find_out(self):
        call = asked().hangs_up()
        assert [(task.what, task.urgent) for task in call.did(CreateTask)] == [("possible_emergency", True)]
        assert call.disposition["urgency"] == "emergency"

    def test_once_they_talk_to_somebody_it_is_no_question_any_more(self):
        call = Rehearsal(pharmacy=LISTENS).on_hold().offered_to()
        asked(call).picked_up().keys("1", leg="leg-ana").moved().happens(DialEnded("c", "completed"))
        assert call.hangs_up().did(CreateTask) == []

    def test_the_doubt_is_kept_as_evidence_and_the_words_leave_with_the_answer(self):
        call = asked()
        assert call.call.doubt.words == DOUBT
        assert DOUBT not in str(call.keys("2").call)


class TestSilenceOfOurs:
    """No pause of ours is longer than three seconds, and a caller who waits hears that they do."""

    def test_while_the_order_system_thinks(self):
        call = Rehearsal().rings().keys("1", "2", "7001234")
        for _ in range(7):
            assert call.heard == ["one_moment"]
            call.later(2.1).happens(Silent("c"))
        assert call.later(2).happens(Silent("c")).call.ticket is not None


TEACHES = pharmacy_with(
    menu=replace(MENU, options={"8": MENU.options["1"], "2": MENU.options["2"]}, understand="decide")
)


class TestTheEmergencyKey:
    def test_it_means_the_same_at_every_later_question(self):
        assert to_a_pharmacist(Rehearsal(pharmacy=TEACHES).rings().keys("1", "2", "8"))

    def test_it_works_on_hold(self):
        call = Rehearsal(pharmacy=TEACHES).on_hold().keys("8")
        assert to_a_pharmacist(call)
        assert call.heard[-1] == "emergency_heard"

    def test_a_key_that_means_something_else_on_hold_keeps_its_meaning(self):
        call = Rehearsal(pharmacy=LISTENS).on_hold().keys("1")  # there the emergency stands on 1
        assert not call.call.ticket.emergency

    def test_where_no_menu_teaches_one_it_is_no_choice(self):
        call = Rehearsal(pharmacy=LISTENS).rings().keys("1", "8")
        assert call.heard[:1] == ["not_an_option"]


class TestTheirOwnLanguage:
    def test_a_cry_in_another_language_of_the_line_is_answered_in_it(self):
        call = at_the_menu().says("me quiero morir", "adverse_reaction", "emergency")
        assert call.call.language == "es"

    def test_a_medicine_alone_tells_no_language(self):
        assert at_the_menu().says("warfarin", "adverse_reaction", "emergency").call.language == "en"
