"""Waiting, being fetched from the line, ringing, whispers and conferences, steered by the real Twilio SDK."""

from __future__ import annotations

import time

import pytest
from twilio.base.exceptions import TwilioRestException
from twilio.rest import Client

from ivr.phone.client import Phones
from ivr.phone.exchange import Exchange
from tests.phone.conftest import ANA, BEN, LINE, PATIENT, Product, heard, kinds, noted, said

SECONDS = 5.0
HOLD = '<Enqueue action="/voice/after" waitUrl="/voice/wait">main</Enqueue>'
WAIT = '<Gather action="/voice/key" numDigits="1" timeout="1"><Say>You are next</Say></Gather>'
MEET = '<Dial action="/voice/after-{0}"><Conference endConferenceOnExit="true">room</Conference></Dial>'


@pytest.fixture(autouse=True)
def answers(product: Product) -> None:
    """What the product says in these calls."""
    product.answers("/voice/incoming", HOLD)
    product.answers("/voice/wait", WAIT)
    product.answers("/voice/after", "")
    product.answers("/voice/agent", MEET.format("agent"))
    product.answers("/voice/caller", MEET.format("caller"))
    product.answers("/voice/after-agent", "<Say>Wrap up</Say>")
    product.answers("/voice/after-caller", "<Say>Anything else?</Say>")


def queue_sid(twilio: Client) -> str:
    """Return the one queue's sid."""
    return str(twilio.queues.list()[0].sid)


# ---------------------------------------------------------------- queues


def test_a_waiting_caller_hears_the_wait_document_again_and_again(product: Product, phones: Phones) -> None:
    phones.call("main", PATIENT)

    asked = product.wait_for("/voice/wait", count=3)[0].params
    assert asked["QueuePosition"] == asked["CurrentQueueSize"] == "1"
    assert asked["MaxQueueSize"] == "1000"
    assert asked["QueueTime"].isdigit()
    assert asked["AvgQueueTime"] == "0"


def test_wait_documents_do_not_spin(product: Product, exchange: Exchange, phones: Phones) -> None:
    exchange.shortest_loop_seconds = 0.2
    product.answers("/voice/wait", "<Say>You are next</Say>")

    phones.call("main", PATIENT)
    product.wait_for("/voice/wait")
    time.sleep(0.5)

    assert len(product.requests("/voice/wait")) <= 4


def test_a_key_on_hold_may_lead_out_of_the_queue(product: Product, phones: Phones) -> None:
    product.answers("/voice/key", "<Say>We will call you</Say><Leave/>")
    product.answers("/voice/after", "<Say>Goodbye</Say>")

    phone = phones.call("main", PATIENT)
    phone.press("1")

    assert phone.wait_for(heard("We will call you", "Goodbye"), SECONDS)
    assert [one.params["QueueResult"] for one in product.requests("/voice/after")] == ["leave"]


def test_a_key_on_hold_may_lead_back_to_waiting(product: Product, phones: Phones, twilio: Client) -> None:
    product.answers("/voice/key", "<Say>You are in line for a person</Say>")

    phone = phones.call("main", PATIENT)
    phone.press("0")

    assert phone.wait_for(heard("in line for a person"), SECONDS)
    before = len(product.requests("/voice/wait"))
    product.wait_for("/voice/wait", count=before + 1)
    assert [member.call_sid for member in twilio.queues(queue_sid(twilio)).members.list()] == [phone.leg]


def test_a_member_update_takes_that_caller_and_only_once(product: Product, phones: Phones, twilio: Client) -> None:
    product.answers("/voice/moved", "<Say>A person is here</Say>")
    first, second = phones.call("main", PATIENT), phones.call("main", BEN)
    for phone in (first, second):
        phone.wait_for(noted("queued"), SECONDS)
    members = twilio.queues(queue_sid(twilio)).members

    member = members(second.leg).update(url=f"{product.url}/voice/moved")

    assert member.call_sid == second.leg
    assert second.wait_for(heard("A person is here"), SECONDS)
    notice = product.wait_for("/voice/after")[0].params
    assert (notice["QueueResult"], notice["CallSid"]) == ("redirected", second.leg)
    with pytest.raises(TwilioRestException) as refused:
        members(second.leg).update(url=f"{product.url}/voice/moved")
    assert (refused.value.status, refused.value.code) == (404, 20404)
    assert [one.call_sid for one in members.list()] == [first.leg]


def test_the_front_member_is_the_one_who_came_first(product: Product, phones: Phones, twilio: Client) -> None:
    product.answers("/voice/moved", "<Say>A person is here</Say>")
    first = phones.call("main", PATIENT)
    first.wait_for(noted("queued"), SECONDS)
    phones.call("main", BEN).wait_for(noted("queued"), SECONDS)

    member = twilio.queues(queue_sid(twilio)).members("Front").update(url=f"{product.url}/voice/moved")

    assert member.call_sid == first.leg


def test_a_caller_who_hangs_up_on_hold_is_out_of_the_queue(product: Product, phones: Phones, twilio: Client) -> None:
    phone = phones.call("main", PATIENT)
    phone.wait_for(noted("queued"), SECONDS)
    sid = queue_sid(twilio)

    phone.hang_up()

    notice = product.wait_for("/voice/after")[0].params
    assert (notice["QueueResult"], notice["CallStatus"]) == ("hangup", "completed")
    assert twilio.queues(sid).members.list() == []
    with pytest.raises(TwilioRestException) as refused:
        twilio.queues(sid).members(phone.leg).update(url=f"{product.url}/voice/moved")
    assert refused.value.code == 20404


def test_a_full_queue_sends_the_caller_on(product: Product, phones: Phones, twilio: Client) -> None:
    twilio.queues.create(friendly_name="main", max_size=1)
    product.answers("/voice/after", "<Say>Everybody is busy</Say>")
    phones.call("main", PATIENT).wait_for(noted("queued"), SECONDS)

    second = phones.call("main", BEN)

    assert second.wait_for(heard("Everybody is busy"), SECONDS)
    assert product.requests("/voice/after")[0].params["QueueResult"] == "queue-full"


def test_a_plain_call_update_also_takes_a_caller_out_of_the_queue(
    product: Product, phones: Phones, twilio: Client
) -> None:
    product.answers("/voice/moved", "<Say>Back in the menu</Say>")
    phone = phones.call("main", PATIENT)
    phone.wait_for(noted("queued"), SECONDS)

    twilio.calls(phone.leg).update(url=f"{product.url}/voice/moved")

    assert phone.wait_for(heard("Back in the menu"), SECONDS)
    assert product.wait_for("/voice/after")[0].params["QueueResult"] == "redirected"


def test_verbs_that_are_not_for_waiting_are_refused(product: Product, phones: Phones) -> None:
    product.answers("/voice/wait", "<Say>Wait</Say><Record/>")

    phone = phones.call("main", PATIENT)

    assert phone.wait_for(noted("violation"), SECONDS)
    assert "recording" not in kinds(phone.lines)


# ---------------------------------------------------------------- an agent and a caller meet


def ring_ana(product: Product, twilio: Client, **more: object) -> str:
    """Have the product call Ana; returns her leg."""
    call = twilio.calls.create(to=ANA, from_=LINE, url=f"{product.url}/voice/agent", timeout=15, **more)
    return str(call.sid)


def test_an_offered_agent_and_a_waiting_caller_meet_in_a_conference(
    product: Product, phones: Phones, twilio: Client
) -> None:
    whisper = '<Gather action="/voice/agent-key" numDigits="1"><Say>A refill question. Press 1</Say></Gather>'
    product.answers("/voice/agent", whisper)
    product.answers("/voice/agent-key", MEET.format("agent"))
    caller = phones.call("main", PATIENT)
    caller.wait_for(noted("queued"), SECONDS)

    ring_ana(product, twilio)
    ana = phones.ringing(ANA, wait_seconds=SECONDS)[0]
    ana.answer()
    ana.wait_for(heard("A refill question"), SECONDS)
    ana.press("1")
    ana.wait_for(noted("joined"), SECONDS)
    twilio.queues(queue_sid(twilio)).members(caller.leg).update(url=f"{product.url}/voice/caller")

    assert caller.wait_for(noted("bridged"), SECONDS)
    assert ana.wait_for(noted("bridged"), SECONDS)
    caller.say("Hello, this is about my refill")
    assert ana.wait_for(noted("heard"), SECONDS)
    assert ana.lines[-1]["text"] == "Hello, this is about my refill"

    ana.hang_up()

    assert caller.wait_for(heard("Anything else?"), SECONDS)
    assert product.wait_for("/voice/after-caller")[0].params["DialCallStatus"] == "answered"
    assert product.wait_for("/voice/after-agent")[0].params["CallStatus"] == "completed"


def test_holding_and_muting_a_participant(product: Product, phones: Phones, twilio: Client) -> None:
    watched = '<Conference statusCallback="/voice/conf" statusCallbackEvent="start end join leave mute hold"'
    product.answers("/voice/incoming", MEET.format("caller").replace("<Conference", watched, 1))
    product.answers("/voice/conf", ("", 204))
    product.answers("/voice/holding", "<Say>Please hold</Say>")
    caller = phones.call("main", PATIENT)
    ring_ana(product, twilio)
    ana = phones.ringing(ANA, wait_seconds=SECONDS)[0]
    ana.answer()
    caller.wait_for(noted("bridged"), SECONDS)
    room = twilio.conferences.list(friendly_name="room", status="in-progress")[0]

    twilio.conferences(room.sid).participants(caller.leg).update(hold=True, hold_url=f"{product.url}/voice/holding")
    assert caller.wait_for(heard("Please hold"), SECONDS)
    ana.say("Nobody hears this")
    twilio.conferences(room.sid).participants(caller.leg).update(hold=False)
    assert caller.wait_for(noted("unhold"), SECONDS)
    twilio.conferences(room.sid).participants(ana.leg).update(muted=True)
    ana.say("Nor this")
    twilio.conferences(room.sid).participants(ana.leg).update(muted=False, end_conference_on_exit=False)
    ana.say("But this")

    assert caller.wait_for(noted("heard"), SECONDS)
    assert [line["text"] for line in caller.lines if line["kind"] == "heard"] == ["But this"]
    ana.hang_up()
    assert caller.wait_for(noted("alone"), SECONDS)
    twilio.conferences(room.sid).update(status="completed")
    assert caller.wait_for(heard("Anything else?"), SECONDS)
    events = [one.params["StatusCallbackEvent"] for one in product.wait_for("/voice/conf", count=9)]
    assert events == [
        "participant-join",
        "participant-join",
        "conference-start",
        "participant-hold",
        "participant-unhold",
        "participant-mute",
        "participant-unmute",
        "participant-leave",
        "conference-end",
    ]
    assert twilio.conferences(room.sid).fetch().reason_conference_ended == "conference-ended-via-api"


def test_a_removed_participant_goes_on_with_the_call(product: Product, phones: Phones, twilio: Client) -> None:
    product.answers("/voice/incoming", MEET.format("caller").replace("true", "false"))
    caller = phones.call("main", PATIENT)
    ring_ana(product, twilio)
    phones.ringing(ANA, wait_seconds=SECONDS)[0].answer()
    caller.wait_for(noted("bridged"), SECONDS)
    room = twilio.conferences.list(friendly_name="room")[0]

    twilio.conferences(room.sid).participants(caller.leg).delete()

    assert caller.wait_for(heard("Anything else?"), SECONDS)
    assert len(twilio.conferences(room.sid).participants.list()) == 1


def test_a_conference_wait_document_plays_until_the_second_joins(
    product: Product, phones: Phones, twilio: Client
) -> None:
    room = '<Dial><Conference waitUrl="/voice/holding">room</Conference></Dial>'
    product.answers("/voice/incoming", room)
    product.answers("/voice/holding", "<Say>One moment</Say><Gather/>")
    caller = phones.call("main", PATIENT)

    assert caller.wait_for(heard("One moment"), SECONDS)
    ring_ana(product, twilio)
    phones.ringing(ANA, wait_seconds=SECONDS)[0].answer()

    assert caller.wait_for(noted("bridged"), SECONDS)
    assert [line["code"] for line in caller.lines if line["kind"] == "violation"][:1] == [13238]


def test_a_supervisor_who_coaches_is_heard_by_the_agent_only(product: Product, phones: Phones, twilio: Client) -> None:
    product.answers("/voice/incoming", MEET.format("caller"))
    caller = phones.call("main", PATIENT)
    ring_ana(product, twilio)
    ana = phones.ringing(ANA, wait_seconds=SECONDS)[0]
    ana.answer()
    caller.wait_for(noted("bridged"), SECONDS)
    coach = f'<Dial><Conference coach="{ana.leg}">room</Conference></Dial>'
    twilio.calls.create(to=BEN, from_=LINE, twiml=f"<Response>{coach}</Response>")
    ben = phones.ringing(BEN, wait_seconds=SECONDS)[0]
    ben.answer()
    ben.wait_for(noted("bridged"), SECONDS)

    ben.say("Offer the pen")

    assert ana.wait_for(noted("heard"), SECONDS)
    caller.read()
    assert "heard" not in kinds(caller.lines)


# ---------------------------------------------------------------- phones that ring


def test_a_phone_nobody_answers_is_reported_step_by_step(product: Product, phones: Phones, twilio: Client) -> None:
    events = ["initiated", "ringing", "answered", "completed"]
    sid = ring_ana(product, twilio, status_callback=f"{product.url}/voice/status", status_callback_event=events)

    phones.ringing(ANA, wait_seconds=SECONDS)[0].ignore()

    told = product.wait_for("/voice/status", count=3)
    assert [(one.params["CallStatus"], one.params["SequenceNumber"]) for one in told] == [
        ("initiated", "0"),
        ("ringing", "1"),
        ("no-answer", "2"),
    ]
    assert twilio.calls(sid).fetch().status == "no-answer"


def test_a_ringing_phone_gives_up_after_its_timeout(product: Product, phones: Phones, twilio: Client) -> None:
    call = twilio.calls.create(to=ANA, from_=LINE, url=f"{product.url}/voice/agent", timeout=1)

    time.sleep(1.2)

    assert twilio.calls(call.sid).fetch().status == "no-answer"


@pytest.mark.parametrize(
    ("does", "status"), [("decline", "busy"), ("busy", "busy"), ("fail", "failed"), ("ignore", "no-answer")]
)
def test_a_phone_may_have_a_habit(product: Product, phones: Phones, twilio: Client, does: str, status: str) -> None:
    phones.post("/phones", number=ANA, does=does)

    sid = ring_ana(product, twilio, status_callback=f"{product.url}/voice/status")

    assert product.wait_for("/voice/status")[0].params["CallStatus"] == status
    assert twilio.calls(sid).fetch().status == status


def test_a_phone_may_answer_and_press_keys_by_itself(product: Product, phones: Phones, twilio: Client) -> None:
    product.answers("/voice/agent", '<Gather action="/voice/key" numDigits="1"/>')
    product.answers("/voice/key", lambda form: f"<Say>Pressed {form['Digits']}</Say>")
    phones.post("/phones", number=ANA, does="answer", keys="1")

    ring_ana(product, twilio)

    assert product.wait_for("/voice/key")[0].params["Digits"] == "1"


def test_a_ringing_call_can_be_cancelled_and_then_no_more(product: Product, phones: Phones, twilio: Client) -> None:
    sid = ring_ana(product, twilio)
    phone = phones.ringing(ANA, wait_seconds=SECONDS)[0]

    twilio.calls(sid).update(status="canceled")

    assert phone.wait_for(noted("over"), SECONDS)
    assert phone.lines[-1]["status"] == "canceled"
    with pytest.raises(TwilioRestException) as refused:
        twilio.calls(sid).update(url=f"{product.url}/voice/agent")
    assert (refused.value.status, refused.value.code) == (400, 21220)


def test_inline_twiml_is_played_to_whoever_answers(phones: Phones, twilio: Client) -> None:
    twilio.calls.create(to=PATIENT, from_=LINE, twiml="<Response><Say>Your order is ready</Say></Response>")

    phone = phones.ringing(PATIENT, wait_seconds=SECONDS)[0]
    phone.answer()

    assert phone.wait_for(heard("Your order is ready"), SECONDS)


# ---------------------------------------------------------------- Dial Number

SCREEN = '<Dial action="/voice/after" timeout="{0}"><Number url="/voice/screen">{1}</Number></Dial>'


def test_press_one_to_accept_connects_the_called_person(product: Product, phones: Phones) -> None:
    product.answers("/voice/incoming", SCREEN.format(20, ANA))
    product.answers("/voice/screen", '<Gather action="/voice/screened" numDigits="1"/><Hangup/>')
    product.answers("/voice/screened", "")
    product.answers("/voice/after", "<Say>After the talk</Say>")
    caller = phones.call("main", PATIENT)
    ana = phones.ringing(ANA, wait_seconds=SECONDS)[0]

    ana.answer()
    ana.press("1")

    assert caller.wait_for(noted("bridged"), SECONDS)
    caller.say("Hello")
    assert ana.wait_for(noted("heard"), SECONDS)
    ana.hang_up()
    assert caller.wait_for(heard("After the talk"), SECONDS)
    asked = product.requests("/voice/after")[0].params
    assert (asked["DialCallStatus"], asked["DialBridged"], asked["DialCallSid"]) == ("completed", "true", ana.leg)
    assert product.requests("/voice/screen")[0].params["ParentCallSid"] == caller.leg


def test_whoever_declines_in_the_whisper_was_not_bridged(product: Product, phones: Phones) -> None:
    product.answers("/voice/incoming", SCREEN.format(20, ANA))
    product.answers("/voice/screen", '<Gather action="/voice/screened" numDigits="1"/><Hangup/>')
    product.answers("/voice/after", "<Say>Leave a message</Say>")
    caller = phones.call("main", PATIENT)
    ana = phones.ringing(ANA, wait_seconds=SECONDS)[0]

    ana.answer()
    ana.say_nothing()

    assert caller.wait_for(heard("Leave a message"), SECONDS)
    asked = product.requests("/voice/after")[0].params
    assert (asked["DialCallStatus"], asked["DialBridged"]) == ("completed", "false")


def test_the_first_of_several_phones_to_answer_gets_the_call(product: Product, phones: Phones) -> None:
    numbers = f"<Number>{ANA}</Number><Number>{BEN}</Number>"
    product.answers("/voice/incoming", f'<Dial action="/voice/after">{numbers}</Dial>')
    caller = phones.call("main", PATIENT)
    ana = phones.ringing(ANA, wait_seconds=SECONDS)[0]
    ben = phones.ringing(BEN, wait_seconds=SECONDS)[0]

    ben.answer()

    assert caller.wait_for(noted("bridged"), SECONDS)
    assert ana.wait_for(noted("over"), SECONDS)
    assert ana.lines[-1]["status"] == "canceled"


@pytest.mark.parametrize(("does", "status"), [("busy", "busy"), ("ignore", "no-answer"), ("fail", "failed")])
def test_dial_says_why_nobody_was_reached(product: Product, phones: Phones, does: str, status: str) -> None:
    phones.post("/phones", number=ANA, does=does)
    product.answers("/voice/incoming", f'<Dial action="/voice/after">{ANA}</Dial>')
    product.answers("/voice/after", "<Say>Nobody</Say>")

    caller = phones.call("main", PATIENT)

    assert caller.wait_for(heard("Nobody"), SECONDS)
    assert product.requests("/voice/after")[0].params["DialCallStatus"] == status


def test_the_star_key_leaves_a_dialed_call_where_allowed(product: Product, phones: Phones) -> None:
    product.answers("/voice/incoming", f'<Dial hangupOnStar="true">{ANA}</Dial><Say>You left</Say>')
    caller = phones.call("main", PATIENT)
    phones.ringing(ANA, wait_seconds=SECONDS)[0].answer()
    caller.wait_for(noted("bridged"), SECONDS)

    caller.press("*")

    assert caller.wait_for(heard("You left"), SECONDS)


def test_a_dialed_phone_stops_ringing_when_the_caller_hangs_up(product: Product, phones: Phones) -> None:
    product.answers("/voice/incoming", f'<Dial action="/voice/after">{ANA}</Dial>')
    caller = phones.call("main", PATIENT)
    ana = phones.ringing(ANA, wait_seconds=SECONDS)[0]

    caller.hang_up()

    assert ana.wait_for(noted("over"), SECONDS)
    assert product.wait_for("/voice/after")[0].params["CallStatus"] == "completed"


def test_a_called_party_may_be_moved_while_the_caller_goes_on(product: Product, phones: Phones, twilio: Client) -> None:
    product.answers("/voice/incoming", f"<Dial>{ANA}</Dial><Say>She has left</Say>")
    product.answers("/voice/moved", "<Say>You are somewhere else</Say><Gather/>")
    caller = phones.call("main", PATIENT)
    ana = phones.ringing(ANA, wait_seconds=SECONDS)[0]
    ana.answer()
    caller.wait_for(noted("bridged"), SECONDS)

    twilio.calls(ana.leg).update(url=f"{product.url}/voice/moved")

    assert ana.wait_for(heard("You are somewhere else"), SECONDS)
    assert said(ana.lines) == ["You are somewhere else"]
    assert caller.wait_for(heard("She has left"), SECONDS)


def test_a_whisper_that_fails_connects_nobody(product: Product, phones: Phones) -> None:
    product.answers("/voice/incoming", SCREEN.format(20, ANA))
    product.answers("/voice/screen", ("broken", 500))
    product.answers("/voice/after", "<Say>Sorry</Say>")
    caller = phones.call("main", PATIENT)

    phones.ringing(ANA, wait_seconds=SECONDS)[0].answer()

    assert caller.wait_for(heard("Sorry"), SECONDS)
    assert product.requests("/voice/after")[0].params["DialBridged"] == "false"


def test_a_call_we_place_without_a_fallback_ends_when_its_document_fails(
    product: Product, phones: Phones, twilio: Client
) -> None:
    twilio.calls.create(to=ANA, from_=LINE, url=f"{product.url}/voice/none")
    ana = phones.ringing(ANA, wait_seconds=SECONDS)[0]

    ana.answer()

    assert ana.wait_for(noted("over"), SECONDS)
    assert said(ana.lines) == ["We are sorry, an application error has occurred. Goodbye."]


def test_a_call_we_place_falls_back_where_told(product: Product, phones: Phones, twilio: Client) -> None:
    product.answers("/voice/other", "<Say>Second try</Say>")
    urls = {"url": f"{product.url}/voice/none", "fallback_url": f"{product.url}/voice/other"}
    twilio.calls.create(to=ANA, from_=LINE, **urls)
    ana = phones.ringing(ANA, wait_seconds=SECONDS)[0]

    ana.answer()

    assert ana.wait_for(heard("Second try"), SECONDS)


def test_the_star_key_leaves_a_conference_where_allowed(product: Product, phones: Phones, twilio: Client) -> None:
    room = '<Dial hangupOnStar="true"><Conference>room</Conference></Dial><Say>You left</Say>'
    product.answers("/voice/incoming", room)
    caller = phones.call("main", PATIENT)
    ring_ana(product, twilio)
    phones.ringing(ANA, wait_seconds=SECONDS)[0].answer()
    caller.wait_for(noted("bridged"), SECONDS)

    caller.press("*", when_asked=False)

    assert caller.wait_for(heard("You left"), SECONDS)


def test_a_conference_ended_twice_stays_ended(product: Product, phones: Phones, twilio: Client) -> None:
    product.answers("/voice/incoming", MEET.format("caller"))
    caller = phones.call("main", PATIENT)
    caller.wait_for(noted("joined"), SECONDS)
    room = twilio.conferences.list()[0]

    for _ in range(2):
        assert twilio.conferences(room.sid).update(status="completed").status == "completed"

    assert caller.wait_for(heard("Anything else?"), SECONDS)


def test_a_queue_without_a_wait_document_plays_music(product: Product, phones: Phones) -> None:
    product.answers("/voice/incoming", "<Enqueue>main</Enqueue>")

    assert phones.call("main", PATIENT).wait_for(noted("music"), SECONDS)


def test_a_call_answered_on_bridge_rings_until_then(product: Product, phones: Phones) -> None:
    product.answers("/voice/incoming", f'<Dial answerOnBridge="true">{ANA}</Dial>')
    caller = phones.call("main", PATIENT)
    ana = phones.ringing(ANA, wait_seconds=SECONDS)[0]
    caller.read()
    assert caller.state["status"] == "ringing"

    ana.answer()

    assert caller.wait_for(noted("bridged"), SECONDS)
    caller.read()
    assert (caller.state["status"], caller.state["doing"]) == ("in-progress", "talking")
