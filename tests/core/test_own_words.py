"""Callers answer in their own words, in two languages, and are helped when they are not understood."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import date

import pytest

from ivr.core import entry
from ivr.core.call import Answer
from ivr.core.effects import RememberAccess, RememberLanguage
from ivr.core.events import Keyed, Spoke
from ivr.core.flows import Collect, Menu, Option, SayNode
from ivr.core.heard import Heard
from ivr.core.meaning import TOLD_AS_IT_IS, meaning
from ivr.core.verbs import Gather
from tests.core.rehearsal import FLOW, Rehearsal, pharmacy_with

MENU = FLOW.nodes["menu"]
assert isinstance(MENU, Menu)
LISTENS = pharmacy_with(
    menu=replace(MENU, understand="other", help="main_menu_help"),
    other=SayNode("sort_out", "decide"),
    story=Collect("story", "tell_us", "speech", "decide", help="tell_us_help"),
    zip=Collect("zip", "enter_zip", "zip", "decide"),
    born=Collect("date_of_birth", "enter_birth_date", "date_of_birth", "decide", 8, help="birth_date_help"),
)


def at(node: str) -> Rehearsal:
    """A caller of the line that listens, at one of its questions."""
    menu = replace(MENU, options={"1": Option(node)})
    nodes = {**LISTENS.flows["main"].nodes, "menu": menu}
    flows = {**LISTENS.flows, "main": replace(FLOW, nodes=nodes)}
    return Rehearsal(pharmacy=replace(LISTENS, flows=flows)).rings().keys("1", "1")


def at_the_menu(**answers: Answer) -> Rehearsal:
    return Rehearsal(pharmacy=LISTENS, **answers).rings().keys("1")


def question(call: Rehearsal) -> Gather:
    asked = call.last.says[-1]
    assert isinstance(asked, Gather)
    return asked


class TestAMenuThatListens:
    def test_words_that_mean_an_option_take_it(self):
        call = at_the_menu().says("my bottle is nearly empty", "refill_request")
        assert call.heard == ["rx_number"]
        assert call.call.facts["intent"] == "refill_request"

    def test_words_for_which_there_is_no_option_go_where_they_are_sorted_out(self):
        call = at_the_menu().says("you charged my card twice", "billing", "urgent")
        assert call.heard[:1] == ["sort_out"]
        assert (call.call.facts["intent"], call.call.facts["urgency"]) == ("billing", "urgent")

    def test_an_options_own_phrase_wins_over_what_was_understood(self):
        call = at_the_menu().says("a refill, please", "billing")
        assert call.heard == ["rx_number"]
        assert [(why.rule, why.file, why.because) for why in call.last.why][-1] == (
            "what was heard",
            "callflows/main.yaml",
            '"refill" means key 2 here',
        )

    def test_the_evidence_is_part_of_the_answer_and_the_words_are_not(self):
        call = at_the_menu().says("you charged Martha's card", "billing", because=('"charged" told billing',))
        assert ("what was heard", "ivr/speech", '"charged" told billing') in [
            (why.rule, why.place, why.because) for why in call.last.why
        ]
        assert "Martha" not in str(call.last)

    @pytest.mark.parametrize(("intent", "confidence"), [(None, 0.0), ("billing", 0.4)])
    def test_what_was_not_understood_is_asked_again_and_counts_once(self, intent, confidence):
        call = at_the_menu().says("mumble", intent, confidence=confidence)
        assert call.heard == ["not_understood", "main_menu"]
        assert (call.call.strikes, call.call.misses) == (1, 1)
        assert question(call).speech

    def test_somebody_who_wants_a_person_gets_one(self):
        call = at_the_menu().says("somebody real, now", "speak_to_person")
        assert call.heard == ["person_coming", "hold_welcome"]

    def test_somebody_who_is_mentioned_is_no_wish_for_a_person(self):
        call = at_the_menu().says("someone charged my card", "billing")
        assert call.call.facts["intent"] == "billing"
        assert call.heard[:1] == ["sort_out"]

    def test_a_short_number_is_still_a_key(self):
        assert at_the_menu().says("two please", "other").heard == ["rx_number"]

    def test_what_the_key_calls_an_emergency_is_urgent_when_it_was_not_heard_as_one(self):
        call = at_the_menu().says("the new pills gave me a rash last month", "adverse_reaction")
        assert (call.call.facts["intent"], call.call.facts["urgency"]) == ("adverse_reaction", "urgent")

    def test_nine_takes_the_intent_back_and_keeps_the_hurry(self):
        call = at_the_menu().says("my bottle is empty and I need it today", "refill_request", "urgent").keys("9")
        assert call.heard == ["main_menu"]
        assert "intent" not in call.call.facts
        assert call.call.facts["urgency"] == "urgent"

    def test_without_a_listener_phrases_and_keys_still_work(self):
        assert at_the_menu().happens(Spoke("c", "refill")).heard == ["rx_number"]
        assert at_the_menu().happens(Spoke("c", "you charged my card")).heard == ["not_understood", "main_menu"]


class TestMisses:
    def test_the_second_miss_says_it_in_other_words_and_the_third_is_a_person(self):
        call = at_the_menu().says("mumble")
        assert call.says_nothing().heard == ["did_not_hear", "main_menu_help"]
        assert call.keys("*").heard == ["main_menu_help"]
        assert call.keys("7").heard == ["person_coming", "hold_welcome"]

    def test_what_was_collected_is_kept_for_the_person(self):
        call = at("born").says("January fifth nineteen fifty")
        assert call.call.fields == {"date_of_birth": "1950-01-05"}
        assert call.call.ticket is not None

    def test_a_success_clears_the_count_and_five_misses_in_a_call_do_not_wait_for_three(self):
        call = at_the_menu().keys("7").says("mumble").keys("2").keys("12").says_nothing()
        assert (call.heard, call.call.strikes, call.call.misses) == (["did_not_hear", "rx_number"], 2, 4)
        assert call.keys("13").heard == ["person_coming", "hold_welcome"]

    def test_silence_at_a_question_is_told(self):
        assert at("born").says_nothing().heard == ["did_not_hear", "enter_birth_date"]
        assert at("born").says_nothing().says_nothing().heard == ["did_not_hear", "birth_date_help"]


class TestCollecting:
    @pytest.mark.parametrize("words", ["January fifth, nineteen fifty", "1/5/1950", "5 de enero de 1950"])
    def test_a_birthday_can_be_said(self, words):
        assert at("born").says(words).call.fields["date_of_birth"] == "1950-01-05"

    def test_by_the_custom_of_the_callers_language(self):
        call = at("born")
        call.call = replace(call.call, language="es")
        assert call.says("1/5/1950").call.fields["date_of_birth"] == "1950-05-01"

    def test_keys_and_speech_are_both_taken_and_keys_end_when_all_are_there(self):
        assert (question(at("zip")).speech, question(at("zip")).digits) == (True, 5)
        assert at("zip").keys("43215").call.fields == {"zip": "43215"}
        assert at("zip").says("four three two one five").call.fields == {"zip": "43215"}

    @pytest.mark.parametrize("said", ["4321", "432150"])
    def test_a_zip_has_five_digits(self, said):
        assert at("zip").keys(said).heard == ["not_an_option", "enter_zip"]

    def test_what_makes_no_number_is_asked_again(self):
        assert at("zip").says("I forgot").heard == ["not_understood", "enter_zip"]

    def test_a_story_is_kept_and_understood(self):
        call = at("story").says("the parcel came warm", "delivery_problem", "urgent")
        assert call.call.fields == {"story": "the parcel came warm"}
        assert (call.call.facts["intent"], call.call.facts["urgency"]) == ("delivery_problem", "urgent")

    def test_a_story_nobody_understood_goes_on_all_the_same(self):
        call = at("story").says("well")
        assert call.call.fields == {"story": "well"}
        assert "urgency" not in call.call.facts

    def test_at_a_story_zero_acts_at_once_and_other_keys_are_no_story(self):
        assert question(at("story")).digits == 1
        assert at("story").keys("0").heard == ["person_coming", "hold_welcome"]
        assert at("story").keys("5").heard == ["not_an_option", "tell_us"]

    def test_a_story_about_a_person_is_a_story_and_the_wish_for_one_is_a_wish(self):
        assert at("story").says("a person took it from my porch", "delivery_problem").call.fields
        assert at("story").says("let me speak to someone", "speak_to_person").heard[0] == "person_coming"

    def test_a_person_is_there_for_whoever_asks_for_one_at_a_number(self):
        assert at("zip").says("just give me a person who can help").heard == ["person_coming", "hold_welcome"]


class TestWordsThatMeanTheSameEverywhere:
    @pytest.mark.parametrize("words", ["say that again please", "otra vez"])
    def test_again(self, words):
        assert at("born").says(words).heard == ["enter_birth_date"]

    def test_back(self):
        call = at_the_menu().keys("2").says("go back")
        assert call.heard == ["main_menu"]

    def test_nine_with_nowhere_to_go_back_to_is_no_option(self):
        call = Rehearsal(pharmacy=LISTENS, language=Answer(True, {"language": "en"})).rings()
        assert call.keys("9").heard == ["not_an_option", "main_menu"]

    @pytest.mark.parametrize("words", ["slower please", "más despacio"])
    def test_slower_is_remembered_for_the_number_and_said_at_once(self, words):
        call = at("born").says(words)
        assert call.heard == ["slower_now", "enter_birth_date"]
        assert call.call.facts["access"] == "slow"
        assert call.did(RememberAccess) == [RememberAccess("slow")]


class TestPace:
    def test_star_twice_in_a_row_slows_down_and_once_does_not(self):
        call = at_the_menu().keys("*")
        assert "access" not in call.call.facts
        assert call.keys("*").heard == ["slower_now", "main_menu"]
        assert call.call.facts["access"] == "slow"
        assert call.keys("*").heard == ["main_menu"]

    def test_star_for_ever_leads_to_a_person_in_the_end(self):
        call = at_the_menu().keys(*["*"] * 12)
        assert call.call.wants_person
        assert call.call.ticket is not None

    def test_an_answer_between_two_stars_breaks_the_row(self):
        assert "access" not in at_the_menu().keys("*", "7", "*").call.facts

    def test_nobody_is_remembered_without_a_number(self):
        call = Rehearsal(pharmacy=LISTENS, number=None).rings().keys("1", "*", "*")
        assert call.call.facts["access"] == "slow"
        assert not call.did(RememberAccess)

    @pytest.mark.parametrize(("access", "seconds"), [("standard", 7), ("slow", 12), ("relay", 12)])
    def test_who_needs_time_is_given_time(self, access, seconds):
        call = at_the_menu(who=Answer(True, {"tier": "number", "access": access}))
        assert question(call).seconds == seconds

    def test_a_remembered_pace_holds_from_the_first_word(self):
        call = Rehearsal(pharmacy=LISTENS, language=Answer(True, {"language": "es", "access": "slow"})).rings()
        assert call.call.facts["access"] == "slow"

    def test_going_back_keeps_the_pace(self):
        assert at_the_menu().keys("2", "*", "*", "9").call.facts["access"] == "slow"

    def test_the_file_does_not_hurry_somebody_who_asked_for_time(self):
        remembered = {"language": Answer(True, {"language": "en", "access": "slow"})}
        call = Rehearsal(pharmacy=LISTENS, who=Answer(True, {"access": "standard"}), **remembered).rings()
        assert call.call.facts["access"] == "slow"

    def test_a_relay_operator_may_type_twice_as_long_before_silence_counts(self):
        call = at_the_menu(who=Answer(True, {"tier": "number", "access": "relay"}))
        for _ in range(5):
            assert call.says_nothing().heard[0] == "did_not_hear"
        assert call.says_nothing().heard == ["person_coming", "hold_welcome"]

    def test_relay_stays_relay_however_slow_they_want_it(self):
        call = at_the_menu(who=Answer(True, {"tier": "number", "access": "relay"})).keys("*", "*")
        assert (call.call.facts["access"], call.heard) == ("relay", ["main_menu"])
        assert call.says("slower").heard == ["slower_now", "main_menu"]
        assert not call.did(RememberAccess)

    def test_an_option_can_set_the_pace(self):
        menu = replace(MENU, options={"1": Option("decide", {"access": "relay"})})
        call = Rehearsal(pharmacy=pharmacy_with(menu=menu)).rings().keys("1", "1")
        assert call.did(RememberAccess) == [RememberAccess("relay")]


class TestTheJournal:
    def test_it_has_what_was_understood_and_never_the_words(self):
        call = at_the_menu()
        before = call.call
        call.says("Martha's card was charged", "billing", "urgent", because=('"charged" told billing',))
        event = Spoke("c", "Martha's card was charged", 0.8, Heard("billing", "urgent", False, 0.9, ("phrase",)))
        told = meaning(before, event, call.call)
        assert told["heard"] == {
            "intent": "billing",
            "urgency": "urgent",
            "asked": False,
            "confidence": 0.9,
            "because": ["phrase"],
        }
        assert "Martha" not in str(told)

    @pytest.mark.parametrize(("key", "told"), [("7", {"length": 1}), ("0", {"key": "0"})])
    def test_one_digit_of_a_secret_is_a_digit_of_a_secret(self, key, told):
        call = at("born")
        told_of = meaning(call.call, Keyed("c", key), call.call)
        assert {name: told_of[name] for name in ("key", "length") if name in told_of} == told

    def test_all_that_is_told_of_an_event_as_it_is_is_a_field_of_it(self):
        known = {event: {field.name for field in fields(event)} for event in TOLD_AS_IT_IS}
        assert [event for event, told in TOLD_AS_IT_IS.items() if not known[event].issuperset(told)] == []

    def test_a_choice_in_a_menu_is_no_secret(self):
        call = at_the_menu()
        assert meaning(call.call, Keyed("c", "2"), call.call)["key"] == "2"


PLAIN = """
seven zero zero one zero zero one
January 5th, 1950
el cinco de enero de mil novecientos cincuenta
43004
no
sí
press two please
again
my zip code is four three oh oh four
"""


@pytest.mark.parametrize("words", PLAIN.strip().splitlines())
def test_an_answer_that_is_only_a_number_a_day_or_a_yes_is_asked_no_safety_question(words: str) -> None:
    assert entry.is_plain(words)


@pytest.mark.parametrize("words", ["nine one one", "911", "help", "no puedo respirar", "two pills too many", ""])
def test_anything_else_may_mean_danger(words: str) -> None:
    assert not entry.is_plain(words)


class TestNamingALanguage:
    def test_whoever_names_a_language_at_any_question_is_spoken_to_in_it_from_now_on(self):
        call = at_the_menu().says("español, por favor")
        assert call.call.language == "es"
        assert RememberLanguage("es") in call.last.does
        assert call.heard[-1:] == ["main_menu"]

    def test_a_sentence_with_a_language_in_it_is_about_something_else(self):
        assert at_the_menu().says("the label is in spanish and I cannot read it").call.language != "es"


CONFIRM = Menu(
    "confirm",
    {
        "1": Option("yes", hear={"en": ("yes", "order it", "go ahead"), "es": ("sí", "pídala")}),
        "2": Option("no", hear={"en": ("no", "not now"), "es": ("no", "ahora no")}),
    },
)
GOODBYE = Menu("anything_else", {"1": Option("bye", hear={"en": ("that is all", "no", "thank you", "goodbye")})})

TAKEN = """
yes
yes please
order it
sí, por favor
go ahead and order it please
"""
REFUSED = """
no
no, don't refill it
no please
no quiero pedirla
"""
OPEN = """
yes I mean no
do I have to say yes
can I order it tomorrow
don't order it
I never said order it
what happens if I order it
already order it late
"""


class TestAYesThatOrdersSomething:
    @pytest.mark.parametrize("words", TAKEN.strip().splitlines())
    def test_a_clear_yes_is_one(self, words):
        assert entry.phrase_for(words, CONFIRM)[0] == "1"

    @pytest.mark.parametrize("words", REFUSED.strip().splitlines())
    def test_a_no_is_no_yes_whatever_else_is_in_it(self, words):
        assert entry.phrase_for(words, CONFIRM)[0] == "2"

    @pytest.mark.parametrize("words", OPEN.strip().splitlines())
    def test_a_question_and_what_is_taken_back_are_neither(self, words):
        assert entry.phrase_for(words, CONFIRM)[0] != "1"

    @pytest.mark.parametrize("words", ["goodbye", "thank you, goodbye", "no, that is all, thank you"])
    def test_a_goodbye_the_menu_waits_for_is_nothing_else(self, words):
        assert entry.is_nothing_else(words, GOODBYE)

    @pytest.mark.parametrize("words", ["goodbye cruel world", "thanks I'm dying", "no I took them all"])
    def test_more_than_that_is_listened_to(self, words):
        assert not entry.is_nothing_else(words, GOODBYE)


class TestTheLanguageOfACry:
    @pytest.mark.parametrize(
        ("words", "language"),
        [("no puedo respirar", "es"), ("me quiero morir", "es"), ("I can't breathe", "en"), ("Lisinopril", None)],
    )
    def test_small_words_tell_it(self, words, language):
        assert entry.language_of(words) == language


class TestNumbersToCallBack:
    @pytest.mark.parametrize("digits", ["9005551212", "9115550100", "8765551234", "6141550100", "6149115550"])
    def test_what_costs_a_fortune_or_is_no_ordinary_number_is_asked_again(self, digits):
        assert entry.read("phone", digits, date(2026, 11, 24)) is None

    def test_an_ordinary_one_is_taken(self):
        assert entry.read("phone", "16145550101", date(2026, 11, 24)) == "+16145550101"


class TestAForgedNumber:
    def test_nothing_is_remembered_for_it(self):
        forged = Rehearsal(pharmacy=LISTENS)
        forged.caller = replace(forged.caller, attestation="failed")
        forged.call = replace(forged.call, caller=forged.caller)
        assert not forged.rings().keys("2", "*", "*").did(RememberLanguage)
        assert not forged.did(RememberAccess)
