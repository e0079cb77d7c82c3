"""Voicemail that picks up, what Twilio makes of it, phones that misbehave, and messages transcribed."""

from __future__ import annotations

import time
from typing import Any

import pytest
from twilio.rest import Client

from ivr.phone.client import Phones, Refused
from ivr.phone.exchange import Exchange
from tests.phone.conftest import ANA, LINE, PATIENT, Product, heard, kinds, noted

SECONDS = 5.0
MESSAGE = "This is the pharmacy. Please call us back."


@pytest.fixture(autouse=True)
def documents(product: Product) -> None:
    """Answer a call we place with a message, and take what is told of it."""
    product.answers("/voice/agent", f"<Say>{MESSAGE}</Say>")
    product.answers("/voice/amd", ("", 204))


def call(product: Product, twilio: Client, to: str = PATIENT, **more: Any) -> str:
    """Call somebody."""
    return str(twilio.calls.create(to=to, from_=LINE, url=f"{product.url}/voice/agent", **more).sid)


def left(phones: Phones, count: int = 1) -> list[str]:
    """Return what has been left on machines, once it is so much."""
    for _ in range(100):
        found = [one["text"] for one in phones.get("/machines", number=PATIENT)["messages"]]
        if len(found) >= count:
            break
        time.sleep(0.05)
    return found


# ---------------------------------------------------------------- machines


def test_a_message_after_the_beep_is_left_whole(product: Product, phones: Phones, twilio: Client) -> None:
    phones.post("/phones", number=PATIENT, does="machine")

    sid = call(product, twilio, machine_detection="DetectMessageEnd")

    assert left(phones) == [MESSAGE]
    assert product.requests("/voice/agent")[0].params["AnsweredBy"] == "machine_end_beep"
    assert twilio.calls(sid).fetch().answered_by == "machine_end_beep"


@pytest.mark.parametrize("detection", [{}, {"machine_detection": "Enable"}])
def test_who_talks_before_the_beep_talks_to_nobody(
    product: Product, phones: Phones, twilio: Client, detection: dict[str, str]
) -> None:
    phones.post("/phones", number=PATIENT, does="machine")
    product.answers("/voice/agent", f'<Say>{MESSAGE}</Say><Pause length="9"/><Say>Goodbye</Say>')

    call(product, twilio, **detection)

    assert left(phones) == ["Goodbye"]
    assert product.requests("/voice/agent")[0].params.get("AnsweredBy") == ("machine_start" if detection else None)


def test_a_greeting_is_an_answer_to_whoever_asks_too_early(product: Product, phones: Phones, twilio: Client) -> None:
    phones.post("/phones", number=PATIENT, does="machine", greeting="Hi, this is Maria")
    product.answers("/voice/agent", '<Gather input="speech" action="/voice/said"><Say>Is this Maria?</Say></Gather>')
    product.answers("/voice/said", "<Hangup/>")

    call(product, twilio)

    assert product.wait_for("/voice/said")[0].params["SpeechResult"] == "Hi, this is Maria"


def test_a_question_after_the_beep_gets_no_greeting(product: Product, phones: Phones, twilio: Client) -> None:
    phones.post("/phones", number=PATIENT, does="machine")
    product.answers(
        "/voice/agent", '<Gather input="speech" timeout="1" action="/voice/said" actionOnEmptyResult="true"/>'
    )
    product.answers("/voice/said", "<Hangup/>")

    call(product, twilio, machine_detection="DetectMessageEnd")

    assert "SpeechResult" not in product.wait_for("/voice/said")[0].params


@pytest.mark.parametrize("mode", ["Enable", "DetectMessageEnd"])
def test_a_person_is_a_person(product: Product, phones: Phones, twilio: Client, mode: str) -> None:
    call(product, twilio, machine_detection=mode)
    phones.ringing(PATIENT, wait_seconds=SECONDS)[0].answer()

    assert product.wait_for("/voice/agent")[0].params["AnsweredBy"] == "human"


def test_nobody_says_who_answered_unless_asked(product: Product, phones: Phones, twilio: Client) -> None:
    call(product, twilio)
    phones.ringing(PATIENT, wait_seconds=SECONDS)[0].answer()

    assert "AnsweredBy" not in product.wait_for("/voice/agent")[0].params


def test_a_greeting_without_end_is_unknown_after_a_while(product: Product, phones: Phones, twilio: Client) -> None:
    phones.post("/phones", number=PATIENT, does="machine", greeting_seconds=90)

    call(product, twilio, machine_detection="DetectMessageEnd", machine_detection_timeout=40)

    assert product.wait_for("/voice/agent")[0].params["AnsweredBy"] == "unknown"


def test_a_phone_may_be_taken_for_something_else(product: Product, phones: Phones, twilio: Client) -> None:
    phones.post("/phones", number=PATIENT, does="answer", answered_by="fax")

    call(product, twilio, machine_detection="Enable")

    assert product.wait_for("/voice/agent")[0].params["AnsweredBy"] == "fax"


def test_who_answered_may_be_told_while_the_call_goes_on(product: Product, phones: Phones, twilio: Client) -> None:
    phones.post("/phones", number=PATIENT, does="machine")
    product.answers("/voice/agent", "<Say>Hello?</Say><Gather/>")

    told = {"async_amd": "true", "async_amd_status_callback": f"{product.url}/voice/amd"}
    sid = call(product, twilio, machine_detection="Enable", **told)

    params = product.wait_for("/voice/amd")[0].params
    assert (params["CallSid"], params["AnsweredBy"], params["MachineDetectionDuration"]) == (
        sid,
        "machine_start",
        "4000",
    )
    assert "AnsweredBy" not in product.wait_for("/voice/agent")[0].params


def test_nobody_is_told_who_answered_a_call_that_is_over(
    product: Product, phones: Phones, twilio: Client, exchange: Exchange
) -> None:
    exchange.pace = 0.1
    phones.post("/phones", number=PATIENT, does="answer", hangs_up_after_seconds=0)
    told = {"async_amd": "true", "async_amd_status_callback": f"{product.url}/voice/amd"}

    sid = call(product, twilio, machine_detection="Enable", **told)
    time.sleep(0.4)

    assert twilio.calls(sid).fetch().status == "completed"
    assert product.requests("/voice/amd") == []


def test_a_screening_service_asks_who_calls_and_its_owner_may_accept(
    product: Product, phones: Phones, twilio: Client
) -> None:
    phones.post("/phones", number=PATIENT, does="screen", keys="1")
    asked = '<Gather numDigits="1" action="/voice/key"><Say>Rx</Say></Gather>'
    product.answers("/voice/agent", f'<Pause length="5"/>{asked}')
    product.answers("/voice/key", f"<Say>{MESSAGE}</Say>")

    call(product, twilio, machine_detection="DetectMessageEnd")

    assert product.wait_for("/voice/key")[0].params["Digits"] == "1"
    assert product.requests("/voice/agent")[0].params["AnsweredBy"] == "human"
    assert left(phones)[0].startswith("Rx")


# ---------------------------------------------------------------- phones that misbehave


def test_a_phone_may_be_answered_late(product: Product, phones: Phones, twilio: Client) -> None:
    phones.post("/phones", number=ANA, does="answer", after_seconds=0.3)

    call(product, twilio, to=ANA)
    phone = phones.ringing(ANA, wait_seconds=SECONDS)[0]

    assert phone.wait_for(heard(MESSAGE), SECONDS)


def test_a_phone_answered_too_late_has_rung_out(product: Product, phones: Phones, twilio: Client) -> None:
    phones.post("/phones", number=ANA, does="answer", after_seconds=60)

    sid = call(product, twilio, to=ANA, timeout=1)
    phones.ringing(ANA, wait_seconds=SECONDS)[0].wait_for(noted("over"), SECONDS)

    assert twilio.calls(sid).fetch().status == "no-answer"


def test_who_answers_may_vanish(product: Product, phones: Phones, twilio: Client) -> None:
    phones.post("/phones", number=ANA, does="answer", keys="1", after_seconds=0.1, hangs_up_after_seconds=0.4)
    product.answers("/voice/agent", '<Gather numDigits="1" action="/voice/key"/>')
    product.answers("/voice/key", "<Dial><Conference>room</Conference></Dial>")

    call(product, twilio, to=ANA)
    phone = phones.ringing(ANA, wait_seconds=SECONDS)[0]

    assert phone.wait_for(noted("over"), SECONDS)
    assert "joined" in kinds(phone.lines)
    assert phone.lines[-1]["by"] == "the caller"


def test_a_habit_that_is_none_is_refused(phones: Phones) -> None:
    with pytest.raises(Refused, match=r"does: one of ring, answer, .*, machine, screen"):
        phones.post("/phones", number=ANA, does="sulk")
    with pytest.raises(Refused, match="nothing is called `mood` here"):
        phones.post("/phones", number=ANA, does="ring", mood="bad")


@pytest.mark.parametrize("address", ["client:ana", "sip:ana@pharmacy.example"])
def test_a_handset_may_be_a_browser_or_a_sip_phone(
    product: Product, phones: Phones, twilio: Client, address: str
) -> None:
    sid = call(product, twilio, to=address)
    phone = phones.ringing(address, wait_seconds=SECONDS)[0]
    phone.answer()

    assert phone.wait_for(heard(MESSAGE), SECONDS)
    assert (phone.number, twilio.calls(sid).fetch().to) == (address, address)
    assert product.requests("/voice/agent")[0].params["To"] == address


def test_a_browser_may_call_in(product: Product, phones: Phones) -> None:
    product.answers("/voice/incoming", "<Gather/>")

    phones.call("main", "client:ana").wait_for(noted("gathering"), SECONDS)

    assert product.requests("/voice/incoming")[0].params["From"] == "client:ana"


# ---------------------------------------------------------------- transcripts

ASKED = '<Record action="/voice/next" transcribe="true" transcribeCallback="/voice/written"/>'
LONG = "This is Doctor Roberts about a patient of mine, please call me back"


def leave(product: Product, phones: Phones, message: str = LONG) -> str:
    """Leave a message that is to be transcribed."""
    product.answers("/voice/incoming", ASKED)
    product.answers("/voice/next", "")
    product.answers("/voice/written", ("", 204))
    phone = phones.call("main", PATIENT)
    phone.leave_message(message)
    phone.press("#")
    phone.wait_for(noted("over"), SECONDS)
    return phone.leg


def test_a_message_is_transcribed(product: Product, phones: Phones, twilio: Client) -> None:
    sid = leave(product, phones)

    told = product.wait_for("/voice/written")[0].params
    assert (told["TranscriptionText"], told["TranscriptionStatus"], told["CallSid"]) == (LONG, "completed", sid)
    assert told["RecordingSid"] == twilio.recordings.list()[0].sid
    assert told["TranscriptionSid"] in told["TranscriptionUrl"]


def test_a_transcript_may_be_late_and_may_fail(product: Product, phones: Phones) -> None:
    phones.faults(fail_transcripts=1, transcript_delay_seconds=0.3)

    leave(product, phones)

    assert product.requests("/voice/written") == []
    told = product.wait_for("/voice/written")[0].params
    assert (told["TranscriptionText"], told["TranscriptionStatus"]) == ("", "failed")


def test_a_message_of_two_seconds_is_not_transcribed(product: Product, phones: Phones) -> None:
    leave(product, phones, "Call me")
    time.sleep(0.2)

    assert product.requests("/voice/written") == []
