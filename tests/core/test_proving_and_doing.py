"""Callers prove who they are, pick what they mean, and get each thing once."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ivr.core.call import Answer, Found
from ivr.core.effects import CreateTask, Inquire, RequestRefill, RequestRenewal, SendText
from ivr.core.flows import AskNode, Collect, Do, HangUpNode, Menu, Option, Pick, SayNode
from ivr.core.verbs import Gather, Say
from tests.core.rehearsal import FLOW, Rehearsal, pharmacy_with

MENU = FLOW.nodes["menu"]
assert isinstance(MENU, Menu)
HUB = Menu(
    "hub",
    {
        "1": Option("born"),
        "2": Option("code"),
        "3": Option("list"),
        "4": Option("order", {"intent": "refill_request"}),
        "5": Option("another"),
        "6": Option("renew"),
        "7": Option("text"),
        "8": Option("rx"),
    },
)
SHOP = pharmacy_with(
    menu=HUB,
    born=Collect("date_of_birth", "enter_birth_date", "date_of_birth", "prove", 8),
    prove=AskNode("identity", "menu"),
    code=Do("send_code", "read_back"),
    read_back=Collect("code", "enter_code", "code", "prove"),
    list=AskNode("prescriptions", "which"),
    which=Pick("this_one", "picked", "none"),
    picked=SayNode("picked", "menu"),
    none=SayNode("nothing_here", "menu"),
    order=Do("request_refill", "menu"),
    another=Do("forget_prescription", "menu"),
    renew=Do("request_renewal", "menu"),
    text=Do("text", "menu", "hours_text"),
    rx=Collect("rx_number", "enter_rx_number", "rx_number", "look", 7),
    look=AskNode("prescription", "menu"),
    npi=Collect("npi", "enter_npi", "npi", "office"),
    office=AskNode("prescriber", "bye"),
    bye=HangUpNode("goodbye"),
)
MISS = Answer(True)
VERIFIED = Answer(True, {"tier": "verified", "permission": "everything", "texts": "yes"}, "p1")
ONE = Found("rx1", {"refill": "eligible", "payment": "failed"}, {"last4": "1234", "balance": "12.50"})
TWO = Found("rx2", {"refill": "too_soon"}, {"last4": "7002", "earliest_refill_on": "2026-12-01"})
BORN, WRONG = "01051950", "01061950"


def caller(**answers: Answer) -> Rehearsal:
    return Rehearsal(pharmacy=SHOP, **answers).rings().keys("1")


def told(*answers: Answer, question: str = "identity") -> dict[str, Answer]:
    return {f"{question}:{at}": answer for at, answer in enumerate(answers)}


def listed(*found: Found, **answers: Answer) -> Rehearsal:
    return caller(**{"prescriptions:0": Answer(True, person="p1", found=found)}, **answers).keys("3")


class TestProving:
    def test_what_was_collected_is_put_to_the_order_system(self):
        call = caller(**told(VERIFIED)).keys("1", BORN)
        assert (call.heard, call.call.facts["tier"]) == (["hub"], "verified")

    def test_until_it_answers_they_hear_that_they_wait(self):
        call = caller().keys("1", BORN)
        assert call.heard == ["one_moment"]
        assert call.did(Inquire)[-1] == Inquire("identity:0")

    def test_two_wrong_proofs_and_a_person_goes_on(self):
        call = caller(**told(MISS, MISS)).keys("1", WRONG)
        assert call.heard == ["hub"]
        assert call.keys("1", BORN).heard == ["not_matched", "hold_welcome"]
        assert call.call.ticket.queue == "front_desk"
        assert call.call.fields["date_of_birth"] == "1950-01-05"

    def test_a_number_that_does_not_exist_is_no_wrong_proof_by_itself(self):
        miss = Answer(True, {"refill": "not_found"})
        call = caller(**told(miss, miss, question="prescription")).keys("8", "7009999", "8", "7009998")
        assert (call.heard, call.call.wrong_proofs) == (["hub"], 0)

    def test_an_order_system_that_does_not_answer_proves_nobody_wrong(self):
        call = caller(**told(Answer(False), Answer(False), Answer(False))).keys("1", WRONG, "1", WRONG, "1", WRONG)
        assert (call.heard, call.call.wrong_proofs) == (["hub"], 0)

    def test_what_they_may_not_hear_of_is_no_wrong_proof(self):
        call = caller(**told(Answer(True, {"permission": "nothing"}))).keys("1", BORN)
        assert call.call.wrong_proofs == 0

    def test_going_back_forgets_no_proof(self):
        call = caller(**told(VERIFIED)).keys("1", BORN, "8", "9")
        assert call.heard == ["hub"]
        assert call.call.facts["tier"] == "verified"

    def test_a_prescriber_is_asked_for_by_npi(self):
        menu = replace(HUB, options={"1": Option("npi")})
        nodes = {**SHOP.flows["main"].nodes, "menu": menu}
        shop = replace(SHOP, flows={**SHOP.flows, "main": replace(FLOW, nodes=nodes)})
        office = Answer(True, {"caller": "prescriber", "tier": "prescriber"})
        call = Rehearsal(pharmacy=shop, **{"prescriber:0": office}).rings().keys("1", "1", "1234567893")
        assert (call.heard, call.call.facts["tier"]) == (["goodbye"], "prescriber")


class TestTheCode:
    def code_of(self, call: Rehearsal) -> str:
        return call.did(SendText)[-1].values["code"]

    def test_it_is_texted_to_the_number_that_rings_and_read_back(self):
        call = caller(**told(VERIFIED)).keys("2")
        assert call.heard == ["enter_code"]
        [text] = call.did(SendText)
        assert (text.prompt, text.language, len(text.values["code"])) == ("code_text", "en", 6)
        assert call.keys(self.code_of(call)).call.code_right
        assert text.values["code"] not in str(replace(call.call, fields={}))

    def test_it_can_be_said(self):
        call = caller(**told(VERIFIED)).keys("2")
        assert call.says(" ".join(self.code_of(call))).call.code_right

    def test_another_code_proves_nothing(self):
        call = caller(**told(MISS)).keys("2")
        wrong = "000000" if self.code_of(call) != "000000" else "000001"
        assert not call.keys(wrong).call.code_right
        assert call.call.wrong_proofs == 1

    def test_ten_minutes_later_it_is_none(self):
        call = caller(**told(MISS)).keys("2")
        assert not call.later(601).keys(self.code_of(call)).call.code_right

    @pytest.mark.parametrize(
        "stranger",
        [
            Rehearsal(pharmacy=SHOP, number=None),
            Rehearsal(pharmacy=SHOP, who=Answer(True, {"tier": "anonymous"})),
        ],
    )
    def test_a_number_that_is_not_on_file_gets_none_and_hears_the_same(self, stranger):
        call = stranger.rings().keys("1", "2")
        assert call.heard == ["enter_code"]
        assert call.did(SendText) == []

    def test_a_forged_number_gets_none(self):
        call = Rehearsal(pharmacy=SHOP)
        call.caller = replace(call.caller, attestation="failed")
        call.call = replace(call.call, caller=call.caller)
        assert call.rings().keys("1", "2").did(SendText) == []

    def test_three_in_a_call_and_no_more(self):
        answers = told(*[Answer(False)] * 5)
        call = caller(**answers)
        for _ in range(5):
            call.keys("2", "123456")
        assert len(call.did(SendText)) == 3


class TestPicking:
    def test_each_is_said_with_its_key_and_what_is_known_of_it(self):
        call = listed(ONE, TWO)
        asked = call.last.says[-1]
        assert isinstance(asked, Gather)
        told = [(say.prompt, say.values["key"], say.values["last4"]) for say in asked.says if isinstance(say, Say)]
        assert told == [("this_one", "1", "1234"), ("this_one", "2", "7002")]
        assert asked.says[1].values["refill"] == "too_soon"

    @pytest.mark.parametrize("answer", ["2", "two", "the second one", "la segunda", "ending in seven thousand two"])
    def test_by_key_by_number_or_by_its_last_digits(self, answer):
        call = listed(ONE, TWO)
        call = call.keys(answer) if answer == "2" else call.says(answer)
        assert call.heard == ["picked", "hub"]
        assert (call.call.prescription, call.call.facts["refill"]) == ("rx2", "too_soon")

    def test_one_is_taken_without_asking_and_none_leads_elsewhere(self):
        assert listed(ONE).heard == ["picked", "hub"]
        assert listed(ONE).call.prescription == "rx1"
        assert listed().heard == ["nothing_here", "hub"]

    def test_what_was_known_of_another_does_not_stay(self):
        call = listed(ONE, TWO, **{"prescriptions:1": Answer(True, found=(ONE, TWO))}).keys("1", "3", "2")
        assert "payment" not in call.call.facts
        assert call.call.values == {"last4": "7002", "earliest_refill_on": "2026-12-01"}

    def test_six_are_more_than_anybody_keeps_in_mind(self):
        call = listed(*(replace(ONE, prescription=f"rx{n}") for n in range(6)))
        assert len(call.last.says[-1].says) == 5
        assert call.keys("6").heard[0] == "not_an_option"

    def test_a_key_without_one_is_told_and_words_that_mean_none_too(self):
        assert listed(ONE, TWO).keys("7").heard == ["not_an_option", "this_one", "this_one"]
        assert listed(ONE, TWO).says("the blue ones").heard == ["not_understood", "this_one", "this_one"]
        assert listed(ONE, TWO).says_nothing().heard == ["did_not_hear", "this_one", "this_one"]

    def test_nine_goes_back_to_the_choice_and_zero_is_a_person(self):
        assert listed(ONE, TWO).keys("2", "9").heard == ["this_one", "this_one"]
        assert listed(ONE, TWO).keys("2", "9", "1").call.prescription == "rx1"
        assert listed(ONE, TWO).keys("9").heard == ["hub"]
        assert listed(ONE, TWO).keys("0").heard == ["person_coming", "hold_welcome"]

    def test_a_list_that_is_empty_by_now_is_no_list_any_more(self):
        call = listed(ONE, TWO, **{"prescriptions:1": Answer(True)}).keys("1", "3")
        assert call.heard == ["nothing_here", "hub"]


class TestForgetting:
    def test_another_one_can_be_asked_for_and_who_they_are_stays_known(self):
        found = Answer(True, {"tier": "prescription", **ONE.facts}, "p1", "rx1", ONE.values)
        call = caller(**told(found, question="prescription")).keys("8", "7001234", "5")
        assert (call.call.prescription, call.call.values, call.call.fields) == (None, {}, {})
        assert call.call.facts["tier"] == "prescription"
        assert "refill" not in call.call.facts

    def test_nine_does_not_bring_it_back(self):
        call = listed(ONE).keys("5", "9")
        assert "refill" not in call.call.facts

    def test_nine_does_not_lead_from_one_to_a_question_about_another(self):
        theirs = Answer(True, {"tier": "prescription", "permission": "status"}, "p2", "rx9")
        call = listed(ONE, TWO, **{"prescription:1": theirs}).keys("1", "4", "8", "7005555", "9")
        assert call.heard[0] == "not_an_option"
        assert call.call.place[-1].node == "menu"

    def test_one_that_is_not_found_is_not_taken_for_the_last_one(self):
        found = Answer(True, {"tier": "prescription", **ONE.facts}, "p1", "rx1", ONE.values)
        miss = Answer(True, {"refill": "not_found"})
        call = caller(**told(found, miss, question="prescription")).keys("8", "7001234", "8", "7009999")
        assert (call.call.prescription, call.call.facts["refill"]) == (None, "not_found")

    def test_another_persons_prescription_takes_everything_with_it(self):
        theirs = Answer(True, {"tier": "prescription"}, "p2", "rx9")
        call = caller(**told(VERIFIED), **{"prescription:1": theirs}).keys("1", BORN, "8", "7005555")
        assert (call.call.person, call.call.prescription) == ("p2", "rx9")
        assert (call.call.facts["tier"], "permission" in call.call.facts) == ("prescription", False)


class TestDoing:
    def test_two_prescriptions_are_two_orders_and_the_same_one_twice_is_one(self):
        call = listed(ONE, TWO, **{"prescriptions:1": Answer(True, found=(ONE, TWO))})
        call.keys("1", "4", "4", "3", "2", "4", "4")
        assert [order.prescription for order in call.did(RequestRefill)] == ["rx1", "rx2"]

    def test_a_refill_and_a_renewal_of_the_same_are_two_things(self):
        call = listed(ONE).keys("4", "6", "6")
        assert [type(effect) for effect in call.does if isinstance(effect, RequestRefill | RequestRenewal)] == [
            RequestRefill,
            RequestRenewal,
        ]

    def test_there_is_no_way_back_to_before_it_was_ordered(self):
        call = listed(ONE).keys("4")
        assert call.call.trail == ()
        assert call.keys("9").heard[:1] == ["not_an_option"]

    @pytest.mark.parametrize(("key", "what"), [("4", "request_refill"), ("6", "request_renewal")])
    def test_without_a_prescription_it_is_work_for_the_staff(self, key, what):
        assert [task.what for task in caller().keys(key).did(CreateTask)] == [what]

    def test_a_text_carries_nothing_they_keyed_in_and_goes_once(self):
        call = caller(**told(VERIFIED)).keys("1", BORN, "7", "7")
        [text] = call.did(SendText)
        assert (text.prompt, text.values["pharmacy"]) == ("hours_text", "Example Pharmacy")
        assert "1950-01-05" not in text.values.values()

    def test_who_wants_no_texts_gets_none(self):
        no = Answer(True, {"tier": "verified", "texts": "no"}, "p1")
        assert caller(**told(no)).keys("1", BORN, "7").did(SendText) == []

    def test_nobody_can_text_a_number_that_is_withheld(self):
        assert Rehearsal(pharmacy=SHOP, number=None).rings().keys("1", "7").did(SendText) == []


EARLIER = {"as_of": "2026-11-24T14:50:00+00:00"}
SAID_SO = "the order system is away; it said so at 09:50"


class TestAWhileAgo:
    def test_what_was_known_then_is_told_with_its_time(self):
        earlier = Answer(True, person="p1", found=(ONE,), values=EARLIER)
        call = caller(**{"prescriptions:0": earlier}).keys("3")
        assert call.heard == ["known_as_of", "picked", "hub"]
        assert SAID_SO in [reason.because for reason in call.last.why]

    def test_who_somebody_is_needs_no_time_to_be_told(self):
        call = caller(**told(replace(VERIFIED, values=EARLIER))).keys("1", BORN)
        assert (call.heard, call.call.facts["tier"]) == (["hub"], "verified")
        assert SAID_SO in [reason.because for reason in call.last.why]
