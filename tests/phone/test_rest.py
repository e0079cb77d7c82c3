"""The REST API as the real Twilio SDK uses it: what it gives back, and what it refuses."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from twilio.base.exceptions import TwilioRestException
from twilio.rest import Client

from ivr.phone.client import Phones
from tests.phone.conftest import ACCOUNT, ANA, BEN, LINE, PATIENT, Product, noted

SECONDS = 5.0
INLINE = "<Response><Say>Your order is ready</Say></Response>"


def refusal(code: int, status: int = 400) -> pytest.RaisesExc[TwilioRestException]:
    """Expect the SDK to raise Twilio's error `code`."""
    return pytest.RaisesExc(TwilioRestException, check=lambda error: (error.status, error.code) == (status, code))


# ---------------------------------------------------------------- calls


def test_a_created_call_can_be_fetched_found_and_ended(phones: Phones, twilio: Client) -> None:
    before = datetime.now(UTC) - timedelta(seconds=2)
    created = twilio.calls.create(to=ANA, from_=LINE, twiml=INLINE)
    twilio.calls.create(to=BEN, from_=LINE, twiml=INLINE)
    phones.ringing(ANA, wait_seconds=SECONDS)

    assert created.status in ("queued", "ringing")
    assert twilio.calls(created.sid).fetch().direction == "outbound-api"
    assert [call.sid for call in twilio.calls.list(to=ANA, from_=LINE, start_time_after=before)] == [created.sid]
    assert twilio.calls.list(to=ANA, start_time_before=before) == []
    assert len(twilio.calls.list(status="ringing", limit=5)) == 2
    assert twilio.calls.list(end_time_after=before) == []
    assert len(twilio.calls.list(start_time=before.date())) == 2
    assert twilio.calls(created.sid).update(status="completed").sid == created.sid


def test_lists_come_in_pages(phones: Phones, twilio: Client) -> None:
    for number in range(5):
        phones.post("/phones", number=f"+1555010010{number}", does="busy")
        twilio.calls.create(to=f"+1555010010{number}", from_=LINE, twiml=INLINE)

    assert len(twilio.calls.list(page_size=2)) == 5
    page = twilio.calls.page(page_size=2, page_number=1)
    assert page.previous_page_url.endswith("Page=0&PageSize=2")


@pytest.mark.parametrize(
    ("wanted", "code"),
    [
        ({"to": "", "from_": LINE, "twiml": INLINE}, 21201),
        ({"to": "nobody", "from_": LINE, "twiml": INLINE}, 21211),
        ({"to": ANA, "from_": "", "twiml": INLINE}, 21213),
        ({"to": ANA, "from_": BEN, "twiml": INLINE}, 21210),
        ({"to": ANA, "from_": LINE}, 21205),
        ({"to": ANA, "from_": LINE, "url": "/voice/x"}, 21205),
        ({"to": ANA, "from_": LINE, "url": "http://my_host/x"}, 21205),
        ({"to": ANA, "from_": LINE, "url": "http://host.test/x#rc=9"}, 11243),
        ({"to": ANA, "from_": LINE, "url": "http://host.test/x", "method": "PUT"}, 21403),
        ({"to": ANA, "from_": LINE, "twiml": INLINE, "timeout": 900}, 20001),
        ({"to": ANA, "from_": LINE, "twiml": f"<Response>{'a' * 4000}</Response>"}, 32018),
        ({"to": ANA, "from_": LINE, "twiml": INLINE, "record": True}, 20001),
        ({"to": ANA, "from_": LINE, "twiml": INLINE, "machine_detection": "Guess"}, 20001),
        ({"to": ANA, "from_": LINE, "twiml": INLINE, "machine_detection": "Enable", "async_amd": "true"}, 21262),
        (
            {
                "to": ANA,
                "from_": LINE,
                "twiml": INLINE,
                "status_callback": "http://host.test/x",
                "status_callback_event": ["ended"],
            },
            21626,
        ),
    ],
)
def test_a_call_that_cannot_be_placed_is_refused(twilio: Client, wanted: dict[str, object], code: int) -> None:
    with refusal(code):
        twilio.calls.create(**wanted)


def test_a_call_over_or_not_yet_answered_cannot_be_redirected(product: Product, phones: Phones, twilio: Client) -> None:
    call = twilio.calls.create(to=ANA, from_=LINE, twiml=INLINE)
    phone = phones.ringing(ANA, wait_seconds=SECONDS)[0]

    with refusal(21220):
        twilio.calls(call.sid).update(url=f"{product.url}/voice/moved")
    with refusal(21218):
        twilio.calls(call.sid).update(status="paused")
    phone.decline()
    phone.wait_for(noted("over"), SECONDS)
    with refusal(21220):
        twilio.calls(call.sid).update(status="completed")


def test_a_call_in_progress_can_be_completed_but_not_cancelled(
    product: Product, phones: Phones, twilio: Client
) -> None:
    product.answers("/voice/incoming", "<Gather/>")
    phone = phones.call("main", PATIENT)
    phone.wait_for(noted("gathering"), SECONDS)

    with refusal(21220):
        twilio.calls(phone.leg).update(status="canceled")
    twilio.calls(phone.leg).update(status="completed")

    assert phone.wait_for(noted("over"), SECONDS)
    assert (phone.lines[-1]["status"], phone.lines[-1]["by"]) == ("completed", "the product")


def test_an_update_may_bring_its_own_fallback(product: Product, phones: Phones, twilio: Client) -> None:
    product.answers("/voice/incoming", "<Gather/>")
    product.answers("/voice/other", "<Hangup/>")
    phone = phones.call("main", PATIENT)
    phone.wait_for(noted("gathering"), SECONDS)

    twilio.calls(phone.leg).update(url=f"{product.url}/voice/none", fallback_url=f"{product.url}/voice/other")

    assert product.wait_for("/voice/other")[0].params["ErrorUrl"] == f"{product.url}/voice/none"


def test_what_is_not_there_is_not_found(twilio: Client) -> None:
    for fetch in (
        twilio.calls("CA" + "0" * 32).fetch,
        twilio.queues("QU" + "0" * 32).fetch,
        twilio.conferences("CF" + "0" * 32).fetch,
        twilio.messages("SM" + "0" * 32).fetch,
        twilio.recordings("RE" + "0" * 32).fetch,
        twilio.incoming_phone_numbers("PN" + "0" * 32).fetch,
    ):
        with refusal(20404, status=404):
            fetch()


def test_another_account_and_a_stranger_are_refused(exchange_url: str) -> None:
    with httpx.Client(base_url=f"{exchange_url}/2010-04-01/Accounts", trust_env=False) as client:
        stranger = client.get(f"/{ACCOUNT}/Calls.json")
        other = client.get("/ACother/Calls.json", auth=("ACother", "token"))

    assert (stranger.status_code, stranger.json()["code"]) == (401, 20003)
    assert (other.status_code, other.json()["code"]) == (404, 20404)


@pytest.mark.parametrize("query", ["Page=x", "PageSize=-1", "StartTime%3E=soon", "Colour=red"])
def test_a_list_asked_for_wrongly_is_refused(exchange_url: str, twilio: Client, query: str) -> None:
    twilio.calls.create(to=ANA, from_=LINE, twiml=INLINE)
    url = f"{exchange_url}/2010-04-01/Accounts/{ACCOUNT}/Calls.json?{query}"

    reply = httpx.get(url, auth=(ACCOUNT, "x"), trust_env=False)

    assert (reply.status_code, reply.json()["code"]) == (400, 20001)


# ---------------------------------------------------------------- queues and conferences


def test_queues_are_made_found_and_deleted(twilio: Client) -> None:
    queue = twilio.queues.create(friendly_name="north", max_size=5000)

    assert (queue.friendly_name, queue.max_size, queue.current_size) == ("north", 5000, 0)
    assert [one.sid for one in twilio.queues.list()] == [queue.sid]
    with refusal(22003):
        twilio.queues.create(friendly_name="north")
    with refusal(20001):
        twilio.queues.create(friendly_name="n" * 65)
    with refusal(20001):
        twilio.queues.create(friendly_name="south", max_size=5001)
    assert twilio.queues(queue.sid).delete()
    assert twilio.queues.list() == []


def test_a_queue_with_somebody_in_it_stays(product: Product, phones: Phones, twilio: Client) -> None:
    product.answers("/voice/incoming", '<Enqueue waitUrl="">main</Enqueue>')
    phone = phones.call("main", PATIENT)
    phone.wait_for(noted("quiet"), SECONDS)
    queue = twilio.queues.list()[0]

    with refusal(22002):
        twilio.queues(queue.sid).delete()
    member = twilio.queues(queue.sid).members(phone.leg).fetch()
    assert (member.position, member.call_sid) == (1, phone.leg)
    with refusal(20404, status=404):
        twilio.queues(queue.sid).members("CA" + "0" * 32).fetch()


def test_conferences_are_changed_only_in_ways_that_exist(product: Product, phones: Phones, twilio: Client) -> None:
    product.answers("/voice/incoming", "<Dial><Conference>room</Conference></Dial>")
    phone = phones.call("main", PATIENT)
    phone.wait_for(noted("joined"), SECONDS)
    room = twilio.conferences.list()[0]
    people = twilio.conferences(room.sid).participants

    assert (room.status, people(phone.leg).fetch().muted) == ("init", False)
    assert people.list(muted=True) == []
    with refusal(20001):
        twilio.conferences(room.sid).update(announce_url="http://host.test/x")
    with refusal(20001):
        twilio.conferences(room.sid).update(status="paused")
    with refusal(20001):
        people(phone.leg).update(muted="perhaps")
    with refusal(20404, status=404):
        people("CA" + "0" * 32).update(muted=True)


def test_a_recorded_conference_leaves_a_recording(product: Product, phones: Phones, twilio: Client) -> None:
    recorded = 'record="record-from-start" recordingStatusCallback="/voice/recorded"'
    product.answers("/voice/incoming", f"<Dial><Conference {recorded}>room</Conference></Dial>")
    product.answers("/voice/recorded", ("", 204))
    phone = phones.call("main", PATIENT)
    phone.wait_for(noted("joined"), SECONDS)

    phone.hang_up()

    told = product.wait_for("/voice/recorded")[0].params
    assert (told["RecordingSource"], told["CallSid"]) == ("Conference", phone.leg)
    found = twilio.recordings.list(conference_sid=told["ConferenceSid"])
    assert [one.sid for one in found] == [told["RecordingSid"]]


# ---------------------------------------------------------------- texts, recordings, numbers


def test_a_text_is_sent_reported_and_shown_on_the_phone(product: Product, phones: Phones, twilio: Client) -> None:
    product.answers("/voice/text", ("", 204))
    sent = twilio.messages.create(
        to=PATIENT, from_=LINE, body="Your order is ready", status_callback=f"{product.url}/voice/text"
    )

    told = product.wait_for("/voice/text", count=2)
    assert [one.params["MessageStatus"] for one in told] == ["sent", "delivered"]
    assert told[0].params["MessageSid"] == sent.sid
    assert (sent.status, twilio.messages(sent.sid).fetch().status) == ("queued", "delivered")
    day_ago = datetime.now(UTC) - timedelta(days=1)
    assert [one.sid for one in twilio.messages.list(to=PATIENT, date_sent_after=day_ago)] == [sent.sid]
    assert twilio.messages.list(to=ANA) == []
    assert phones.get("/messages", number=PATIENT)["messages"][0]["body"] == "Your order is ready"


@pytest.mark.parametrize(
    ("wanted", "code"),
    [
        ({"body": "a" * 1601, "from_": LINE}, 21617),
        ({"body": "Hello"}, 21603),
        ({"body": "Hello", "from_": ANA}, 21606),
        ({"body": "", "from_": LINE}, 21602),
    ],
)
def test_a_text_that_cannot_be_sent_is_refused(twilio: Client, wanted: dict[str, object], code: int) -> None:
    with refusal(code):
        twilio.messages.create(to=PATIENT, **wanted)


def test_a_recording_is_listed_played_and_deleted(product: Product, phones: Phones, twilio: Client) -> None:
    product.answers("/voice/incoming", '<Record action="/voice/next"/>')
    product.answers("/voice/next", "")
    phone = phones.call("main", PATIENT)
    phone.leave_message("Please call me")
    phone.press("#")
    phone.wait_for(noted("over"), SECONDS)

    recording = twilio.recordings.list(call_sid=phone.leg)[0]

    assert recording.source == "RecordVerb"
    assert twilio.recordings(recording.sid).fetch().duration == "1"
    url = phones.url + recording.uri.replace(".json", ".wav")
    assert httpx.get(url, trust_env=False).status_code == 401
    sound = httpx.get(url, trust_env=False, auth=(ACCOUNT, "x")).content
    assert sound.startswith(b"RIFF")
    assert b"Please call me" in sound
    assert twilio.recordings(recording.sid).delete()
    assert twilio.recordings.list() == []


def test_our_numbers_are_listed_and_pointed_elsewhere(product: Product, phones: Phones, twilio: Client) -> None:
    number = twilio.incoming_phone_numbers.list(phone_number=LINE)[0]
    assert number.voice_url.startswith(f"{product.url}/voice/incoming#rc=3")
    product.answers("/voice/elsewhere", "<Hangup/>")

    twilio.incoming_phone_numbers(number.sid).update(voice_url=f"{product.url}/voice/elsewhere", voice_method="GET")
    phones.call("main", PATIENT)

    assert product.wait_for("/voice/elsewhere")[0].method == "GET"
    assert twilio.incoming_phone_numbers(number.sid).fetch().voice_url == f"{product.url}/voice/elsewhere"
    with refusal(21205):
        twilio.incoming_phone_numbers(number.sid).update(status_callback="nowhere")


# ---------------------------------------------------------------- rehearsed failures


def test_a_rest_request_may_fail_before_anything_is_done(phones: Phones, twilio: Client) -> None:
    phones.faults(rest_failures=1, rest_status=429, rest_when="after")

    with refusal(20429, status=429):
        twilio.queues.create(friendly_name="north")

    assert twilio.queues.list() == []


def test_a_rest_request_may_fail_after_it_was_done(phones: Phones, twilio: Client) -> None:
    phones.faults(rest_failures=1, rest_status=503, rest_when="after")

    with refusal(20500, status=503):
        twilio.calls.create(to=ANA, from_=LINE, twiml=INLINE)

    time.sleep(0.05)
    assert [call.to for call in twilio.calls.list(to=ANA)] == [ANA]
