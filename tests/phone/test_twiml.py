"""Calls through the exchange: what Twilio's manual says each verb does, and that it does it."""

from __future__ import annotations

import time

import pytest
from flask import Response

from ivr.clock import Clock
from ivr.phone.client import Phones, Refused
from ivr.phone.exchange import Exchange
from ivr.phone.numbers import NumberBook
from tests.phone.conftest import ACCOUNT, LINE, PATIENT, TOKEN, Product, heard, kinds, noted, said

SECONDS = 5.0
MENU = '<Gather action="/voice/next" numDigits="1" timeout="5"><Say>For refills press 1</Say></Gather>'


def test_a_caller_hears_a_menu_presses_a_key_and_hears_the_next_document(product: Product, phones: Phones) -> None:
    product.answers("/voice/incoming", MENU)
    product.answers("/voice/next", lambda form: f"<Say>You pressed {form['Digits']}</Say>")

    phone = phones.call("main", PATIENT)
    phone.press("1")

    assert phone.wait_for(noted("over"), SECONDS)
    assert said(phone.lines) == ["For refills press 1", "You pressed 1"]
    assert kinds(phone.lines) == ["calling", "answered", "gathering", "said", "keyed", "said", "over"]


def test_the_first_webhook_carries_what_twilio_always_sends(product: Product, phones: Phones) -> None:
    product.answers("/voice/incoming", "<Hangup/>")

    phone = phones.call("main", PATIENT, stir="A", forwarded="+15550100009")

    asked = product.wait_for("/voice/incoming")[0].params
    assert asked["CallSid"] == phone.leg
    assert asked["From"] == asked["Caller"] == PATIENT
    assert asked["CallStatus"] == "ringing"
    assert asked["Direction"] == "inbound"
    assert asked["StirVerstat"] == "TN-Validation-Passed-A"
    assert asked["ForwardedFrom"] == "+15550100009"
    assert asked["CallToken"].startswith("%7B%22")


def test_what_is_said_slowly_is_heard_as_words_and_at_its_pace(product: Product, phones: Phones) -> None:
    slow = '<prosody rate="85%">Thank you. <break time="500ms"/>Goodbye.</prosody>'
    product.answers("/voice/incoming", f"<Say voice='Polly.Joanna-Neural'>{slow}</Say><Say>Bye.</Say>")

    phone = phones.call("main", PATIENT)

    assert phone.wait_for(noted("over"), SECONDS)
    assert [(line["text"], line.get("rate")) for line in phone.lines if line["kind"] == "said"] == [
        ("Thank you. Goodbye.", 0.85),
        ("Bye.", None),
    ]
    assert "violation" not in kinds(phone.lines)


def test_a_recorded_prompt_is_heard_as_its_words_and_played_from_its_url(product: Product, phones: Phones) -> None:
    words = "<!-- es-US: Adiós & gracias. -->"
    product.answers("/voice/incoming", f"<Play>/voice/recordings/es/adios.wav?v=1</Play>{words}<Play>/hold.wav</Play>")

    phone = phones.call("main", PATIENT)

    assert phone.wait_for(noted("over"), SECONDS)
    recorded, music = (line for line in phone.lines if line["kind"] in ("said", "played"))
    assert (recorded["text"], recorded["language"]) == ("Adiós & gracias.", "es-US")
    assert recorded["recording"] == "/voice/recordings/es/adios.wav?v=1"
    assert music["what"] == "/hold.wav"
    assert "violation" not in kinds(phone.lines)


def test_a_comment_anywhere_else_is_nobodys_words(product: Product, phones: Phones) -> None:
    product.answers("/voice/incoming", "<!-- en: a --><Say>Hello<!-- en: b --></Say><!-- en: c --><Play>/x.wav</Play>")

    phone = phones.call("main", PATIENT)

    assert phone.wait_for(noted("over"), SECONDS)
    assert said(phone.lines) == ["Hello"]
    assert "played" in kinds(phone.lines)


def test_any_key_barges_in_while_a_long_menu_is_spoken(product: Product, exchange: Exchange, phones: Phones) -> None:
    product.answers("/voice/incoming", MENU.replace("For", "For " + "a very long time " * 50))
    product.answers("/voice/next", "<Hangup/>")

    began = time.monotonic()
    phone = phones.call("main", PATIENT, pace=1.0)
    phone.wait_for(noted("said"), SECONDS)
    phone.press("1", when_asked=False)

    assert phone.wait_for(noted("over"), SECONDS)
    assert time.monotonic() - began < 3
    assert product.requests("/voice/next")[0].params["Digits"] == "1"


def test_keys_pressed_outside_a_gather_go_nowhere(product: Product, phones: Phones) -> None:
    product.answers("/voice/incoming", "<Pause length='1'/>" + MENU)
    product.answers("/voice/next", "<Hangup/>")

    phone = phones.call("main", PATIENT, pace=1.0)
    phone.wait_for(noted("paused"), SECONDS)
    phone.press("7", when_asked=False)
    phone.wait_for(noted("gathering"), SECONDS)
    phone.press("1", when_asked=False)

    assert phone.wait_for(noted("over"), SECONDS)
    assert "ignored" in kinds(phone.lines)
    assert product.requests("/voice/next")[0].params["Digits"] == "1"


def test_silence_falls_through_unless_the_action_wants_empty_results(product: Product, phones: Phones) -> None:
    product.answers("/voice/incoming", MENU + MENU.replace("timeout", 'actionOnEmptyResult="true" timeout'))
    product.answers("/voice/next", lambda form: f"<Say>Empty: {form['Digits']!r}</Say>")

    phone = phones.call("main", PATIENT)
    phone.say_nothing()
    phone.say_nothing()

    assert phone.wait_for(heard("Empty: ''"), SECONDS)
    assert kinds(phone.lines).count("silent") == 2


def test_a_gather_times_out_by_itself(product: Product, phones: Phones) -> None:
    product.answers("/voice/incoming", MENU.replace('"5"', '"1"') + "<Say>Nothing heard</Say>")

    phone = phones.call("main", PATIENT)

    assert phone.wait_for(heard("Nothing heard"), SECONDS)


def test_the_finish_key_ends_an_entry_and_alone_is_no_input(product: Product, phones: Phones) -> None:
    gather = '<Gather action="/voice/next"/>'
    product.answers("/voice/incoming", gather + gather)
    product.answers("/voice/next", "<Hangup/>")

    phone = phones.call("main", PATIENT)
    phone.press("#")
    phone.press("1234#")

    assert phone.wait_for(noted("over"), SECONDS)
    asked = product.requests("/voice/next")
    assert [(one.params["Digits"], one.params["FinishedOnKey"]) for one in asked] == [("1234", "#")]


def test_speech_arrives_with_its_confidence(product: Product, phones: Phones) -> None:
    product.answers("/voice/incoming", '<Gather input="dtmf speech" action="/voice/next"/>')
    product.answers("/voice/next", "<Hangup/>")

    phone = phones.call("main", PATIENT)
    phone.say("refill my prescription", confidence=0.75)

    asked = product.wait_for("/voice/next")[0].params
    assert (asked["SpeechResult"], asked["Confidence"]) == ("refill my prescription", "0.75")
    assert "Digits" not in asked


def test_a_gather_without_an_action_asks_its_own_document_again(product: Product, phones: Phones) -> None:
    product.answers(
        "/voice/incoming", lambda form: "<Say>Thanks</Say>" if "Digits" in form else '<Gather numDigits="1"/>'
    )

    phone = phones.call("main", PATIENT)
    phone.press("4")

    assert phone.wait_for(heard("Thanks"), SECONDS)


def test_a_redirect_plays_the_other_document_and_nothing_after_it(product: Product, phones: Phones) -> None:
    product.answers("/voice/incoming", "<Redirect>next?a=1</Redirect><Say>never</Say>")
    product.answers("/voice/next", "<Say>here</Say>")

    phone = phones.call("main", PATIENT)

    assert phone.wait_for(noted("over"), SECONDS)
    assert said(phone.lines) == ["here"]
    assert "<Say> after <Redirect> is never reached" in [line.get("text") for line in phone.lines]


def test_say_is_heard_without_its_markup_in_its_language(product: Product, phones: Phones) -> None:
    say = '<Say language="es-US" voice="Polly.Lupe">Marque <say-as interpret-as="digits">12</say-as>  ahora</Say>'
    product.answers("/voice/incoming", say + "<Play>http://example.test/music.wav</Play>")

    phone = phones.call("main", PATIENT)

    assert phone.wait_for(noted("over"), SECONDS)
    line = next(line for line in phone.lines if line["kind"] == "said")
    assert (line["text"], line["language"], line["voice"]) == ("Marque 12 ahora", "es-US", "Polly.Lupe")
    assert "violation" not in kinds(phone.lines)


def test_reject_ends_a_call_that_was_never_answered(product: Product, phones: Phones) -> None:
    product.answers("/voice/incoming", '<Reject reason="busy"/>')

    phone = phones.call("main", PATIENT)

    assert phone.wait_for(noted("over"), SECONDS)
    assert phone.lines[-1]["status"] == "busy"
    assert product.wait_for("/voice/status")[0].params["CallStatus"] == "busy"


def test_a_message_ends_by_key_and_its_recording_follows(product: Product, phones: Phones) -> None:
    record = '<Record action="/voice/next" finishOnKey="#" recordingStatusCallback="/voice/recorded"/>'
    product.answers("/voice/incoming", record)
    product.answers("/voice/next", "<Say>Got it</Say>")
    product.answers("/voice/recorded", ("", 204))

    phone = phones.call("main", PATIENT)
    phone.leave_message("Please call me about my insulin")
    phone.press("#")

    assert phone.wait_for(heard("Got it"), SECONDS)
    asked = product.requests("/voice/next")[0].params
    assert asked["Digits"] == "#"
    assert int(asked["RecordingDuration"]) >= 1
    told = product.wait_for("/voice/recorded")[0].params
    assert (told["RecordingSid"], told["RecordingStatus"]) == (asked["RecordingSid"], "completed")
    assert phones.get("/recordings")["recordings"][0]["text"] == "Please call me about my insulin"


def test_a_message_may_end_by_hanging_up(product: Product, phones: Phones) -> None:
    product.answers("/voice/incoming", '<Record action="/voice/next"/>')
    product.answers("/voice/next", "")

    phone = phones.call("main", PATIENT)
    phone.leave_message("Bye")
    phone.wait_for(noted("recording"), SECONDS)
    time.sleep(0.05)
    phone.hang_up()

    asked = product.wait_for("/voice/next")[0].params
    assert (asked["Digits"], asked["CallStatus"]) == ("hangup", "completed")


def test_an_empty_message_goes_on_with_the_next_verb(product: Product, phones: Phones) -> None:
    product.answers("/voice/incoming", '<Record action="/voice/next"/><Say>I did not hear a message</Say>')

    phone = phones.call("main", PATIENT)
    phone.say_nothing()

    assert phone.wait_for(heard("I did not hear a message"), SECONDS)
    assert product.requests("/voice/next") == []


def test_a_caller_who_hangs_up_is_reported_once_with_the_duration(product: Product, phones: Phones) -> None:
    product.answers("/voice/incoming", MENU)

    phone = phones.call("main", PATIENT)
    phone.wait_for(noted("gathering"), SECONDS)
    phone.hang_up()

    told = product.wait_for("/voice/status")
    assert [(one.params["CallStatus"], one.params["SequenceNumber"]) for one in told] == [("completed", "0")]
    assert told[0].params["CallDuration"] == "0"
    assert phone.wait_for(noted("over"), SECONDS)
    assert phone.lines[-1]["by"] == "the caller"


def test_after_a_failure_the_fallback_url_continues_the_call(product: Product, phones: Phones) -> None:
    product.answers("/voice/incoming", ("broken", 500))
    product.answers("/voice/fallback", "<Say>Sorry, once more</Say>")

    phone = phones.call("main", PATIENT)

    assert phone.wait_for(heard("Sorry, once more"), SECONDS)
    asked = product.requests("/voice/fallback")[0].params
    assert asked["ErrorCode"] == "11200"
    assert asked["ErrorUrl"] == f"{product.url}/voice/incoming"
    assert asked["CallSid"] == phone.leg


def test_when_the_fallback_fails_too_the_caller_hears_twilios_own_error(product: Product, phones: Phones) -> None:
    product.answers("/voice/incoming", Response("<Response><Say>no end", mimetype="text/xml"))
    product.answers("/voice/fallback", ("broken", 500))

    phone = phones.call("main", PATIENT)

    assert phone.wait_for(noted("over"), SECONDS)
    assert said(phone.lines) == ["We are sorry, an application error has occurred. Goodbye."]
    assert product.requests("/voice/fallback")[0].params["ErrorCode"] == "12100"


def test_each_document_that_fails_is_asked_of_the_fallback_and_the_first_url_is_tried_before_it(
    product: Product, phones: Phones
) -> None:
    product.answers("/voice/incoming", ("broken", 500))
    product.answers("/voice/next", lambda form: "<Say>Thank you</Say>" if form["Digits"] == "3" else ("broken", 500))
    product.answers("/voice/fallback", MENU)

    phone = phones.call("main", PATIENT)
    phone.press("123")

    assert phone.wait_for(noted("over"), SECONDS)
    asked = [one.params["ErrorUrl"].removeprefix(product.url) for one in product.requests("/voice/fallback")]
    assert asked == ["/voice/incoming", "/voice/next", "/voice/next"]
    assert said(phone.lines) == ["For refills press 1"] * 3 + ["Thank you"]


def test_a_refused_redirect_counts_as_a_failure(product: Product, phones: Phones) -> None:
    product.answers("/voice/incoming", Response(status=302, headers={"Location": "/voice/next"}))
    product.answers("/voice/fallback", "<Hangup/>")

    phone = phones.call("main", PATIENT)

    assert phone.wait_for(noted("over"), SECONDS)
    assert [line["code"] for line in phone.lines if line["kind"] == "failure"] == [11215]
    assert product.requests("/voice/next") == []


def test_documents_that_redirect_in_a_circle_are_cut_off(product: Product, phones: Phones) -> None:
    product.answers("/voice/incoming", "<Redirect>/voice/incoming</Redirect>")

    phone = phones.call("main", PATIENT)

    assert phone.wait_for(noted("over"), SECONDS)
    assert any("in a circle" in line.get("text", "") for line in phone.lines)


def test_typing_errors_in_twiml_are_shown_not_swallowed(product: Product, phones: Phones) -> None:
    product.answers("/voice/incoming", '<Gather numdigits="1" action="/voice/next"><Dial>+15550100002</Dial></Gather>')

    phone = phones.call("main", PATIENT)
    phone.wait_for(noted("gathering"), SECONDS)

    texts = [line["text"] for line in phone.lines if line["kind"] == "violation"]
    assert texts == ["<Gather> has no attribute `numdigits`", "<Dial> is not allowed inside <Gather>"]


def test_an_unknown_line_is_refused(phones: Phones) -> None:
    with pytest.raises(Refused, match="no line of ours is called or numbered"):
        phones.call("+15559999999", PATIENT)


def test_a_verb_not_rehearsed_here_is_named_and_passed_over(product: Product, phones: Phones) -> None:
    product.answers("/voice/incoming", "<Echo/><Dial><Queue>main</Queue></Dial><Leave/><Say>never</Say>")

    phone = phones.call("main", PATIENT)

    assert phone.wait_for(noted("over"), SECONDS)
    assert [line["text"] for line in phone.lines if line["kind"] == "violation"] == [
        "<Say> after <Leave> is never reached",
        "the practice phone does not play <Echo>",
        "the practice phone does not play <Queue>",
        "<Leave> outside a queue",
    ]


def test_a_value_that_is_no_number_is_complained_of_and_taken_as_the_default(product: Product, phones: Phones) -> None:
    product.answers("/voice/incoming", '<Pause length="long"/><Say loop="often">Hello</Say>')

    phone = phones.call("main", PATIENT)

    assert phone.wait_for(noted("over"), SECONDS)
    assert kinds(phone.lines).count("violation") == 2
    assert said(phone.lines) == ["Hello"]


def test_a_message_waits_for_the_beep_and_what_follows_it_waits_too(product: Product, phones: Phones) -> None:
    product.answers("/voice/incoming", '<Gather timeout="1" action="/voice/key"/><Record action="/voice/next"/>')
    product.answers("/voice/next", "<Hangup/>")

    phone = phones.call("main", PATIENT)
    phone.leave_message("Call me")
    phone.press("#")

    assert product.wait_for("/voice/next")[0].params["Digits"] == "#"
    assert product.requests("/voice/key") == []


def test_words_for_a_question_that_takes_only_keys_are_lost(product: Product, phones: Phones) -> None:
    product.answers("/voice/incoming", MENU)
    product.answers("/voice/next", "<Hangup/>")

    phone = phones.call("main", PATIENT)
    phone.say("refill")
    phone.press("1")

    assert phone.wait_for(noted("over"), SECONDS)
    assert [line["value"] for line in phone.lines if line["kind"] == "ignored"] == ["refill"]


def test_old_calls_are_forgotten(product: Product) -> None:
    product.answers("/voice/incoming", "<Hangup/>")
    numbers = NumberBook(lambda: {"main": LINE}, product.url)
    exchange = Exchange(ACCOUNT, TOKEN, numbers, Clock(), pace=0.0, kept_legs=3)

    for _ in range(6):
        leg = exchange.dial_in(PATIENT, "main")
        assert leg is not None
        while leg.status != "completed":
            time.sleep(0.005)

    exchange.close()
    assert len(exchange.legs) <= 4


def test_a_number_without_a_status_callback_reports_nothing(
    product: Product, exchange: Exchange, phones: Phones
) -> None:
    exchange.numbers.update(exchange.numbers.all()[0].sid, {"status_callback": ""})
    product.answers("/voice/incoming", "<Hangup/>")

    assert phones.call("main", PATIENT).wait_for(noted("over"), SECONDS)

    assert product.requests("/voice/status") == []


def test_what_is_posted_to_an_exchange_that_closes_is_dropped(product: Product, exchange: Exchange) -> None:
    exchange.close()

    exchange.courier.post("somebody", f"{product.url}/voice/status", "POST", {})

    assert product.requests("/voice/status") == []


def test_questions_may_be_given_less_time_than_they_say(product: Product, phones: Phones, exchange: Exchange) -> None:
    exchange.patience = 0.01
    product.answers("/voice/incoming", '<Gather timeout="60"/><Say>Nothing heard</Say>')

    assert phones.call("main", PATIENT).wait_for(heard("Nothing heard"), SECONDS)
