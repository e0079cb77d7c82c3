"""People in a conference: leaving it, holding, coaching, being called in, and what is recorded of them."""

from __future__ import annotations

from dataclasses import dataclass

import httpx
import pytest
from twilio.rest import Client

from ivr.phone.client import Phone, Phones
from tests.phone.conftest import ACCOUNT, ANA, BEN, LINE, PATIENT, Product, heard, kinds, noted, said
from tests.phone.test_rest import refusal

SECONDS = 5.0
TALK = '<Dial action="/voice/after/{0}" hangupOnStar="true"><Conference waitUrl="" {1}>room</Conference></Dial>'


def told(phone: Phone) -> list[str]:
    """Return what somebody on the line has said to a phone so far."""
    phone.read()
    return [line["text"] for line in phone.lines if line["kind"] == "heard"]


@dataclass
class Room:
    """A conference of a caller and Ana, under way."""

    product: Product
    phones: Phones
    twilio: Client
    caller: Phone
    ana: Phone
    sid: str

    def change(self, phone: Phone, **wanted: object) -> None:
        """Update a participant."""
        self.twilio.conferences(self.sid).participants(phone.leg).update(**wanted)

    def join(self, number: str, **attributes: str) -> Phone:
        """Call somebody else, who answers and joins."""
        written = " ".join(f'{name}="{value}"' for name, value in attributes.items())
        document = f"<Response><Dial><Conference {written}>room</Conference></Dial></Response>"
        self.twilio.calls.create(to=number, from_=LINE, twiml=document)
        phone = self.phones.ringing(number, wait_seconds=SECONDS)[0]
        phone.answer()
        assert phone.wait_for(noted("bridged"), SECONDS)
        return phone


def meet(product: Product, phones: Phones, twilio: Client, caller: str = "", ana: str = "") -> Room:
    """Let a caller and Ana meet, with these attributes of their <Conference>."""
    product.answers("/voice/incoming", TALK.format("caller", caller))
    product.answers("/voice/agent", TALK.format("agent", ana))
    product.answers("/voice/after/caller", "<Say>What next?</Say><Gather/>")
    product.answers("/voice/after/agent", "<Say>Next one?</Say><Gather/>")
    product.answers("/voice/told", ("", 204))
    calling = phones.call("main", PATIENT)
    calling.wait_for(noted("joined"), SECONDS)
    twilio.calls.create(to=ANA, from_=LINE, url=f"{product.url}/voice/agent")
    called = phones.ringing(ANA, wait_seconds=SECONDS)[0]
    called.answer()
    assert calling.wait_for(noted("bridged"), SECONDS)
    sid = twilio.conferences.list(friendly_name="room", status="in-progress")[0].sid
    return Room(product, phones, twilio, calling, called, sid)


# ---------------------------------------------------------------- leaving


def test_the_star_key_takes_an_agent_out_and_her_call_goes_on(product: Product, phones: Phones, twilio: Client) -> None:
    room = meet(product, phones, twilio)

    room.ana.press("*")

    assert room.ana.wait_for(heard("Next one?"), SECONDS)
    asked = product.requests("/voice/after/agent")[0].params
    assert (asked["CallStatus"], asked["DialCallStatus"]) == ("in-progress", "answered")
    assert room.caller.wait_for(noted("alone"), SECONDS)
    assert twilio.conferences(room.sid).fetch().status == "in-progress"


def test_whoever_ends_the_conference_by_leaving_ends_it_by_star_too(
    product: Product, phones: Phones, twilio: Client
) -> None:
    room = meet(product, phones, twilio, ana='endConferenceOnExit="true"')

    room.ana.press("*")

    assert room.caller.wait_for(heard("What next?"), SECONDS)
    assert twilio.conferences(room.sid).fetch().status == "completed"


def test_the_star_key_does_nothing_while_on_hold(product: Product, phones: Phones, twilio: Client) -> None:
    room = meet(product, phones, twilio)
    room.change(room.ana, hold=True)
    room.ana.wait_for(noted("hold"), SECONDS)

    room.ana.press("*", when_asked=False)
    room.change(room.ana, hold=False)
    room.caller.say("Are you there?")

    assert room.ana.wait_for(noted("heard"), SECONDS)
    assert "ignored" in kinds(room.ana.lines)


# ---------------------------------------------------------------- hold, mute, coach


def test_on_hold_one_hears_the_hold_document_and_nobody(product: Product, phones: Phones, twilio: Client) -> None:
    room = meet(product, phones, twilio)
    product.answers("/voice/music", "<Say>One moment</Say><Pause/>")

    room.change(room.caller, hold=True, hold_url=f"{product.url}/voice/music")

    assert room.caller.wait_for(heard("One moment"), SECONDS)
    assert product.requests("/voice/music")[0].method == "GET"  # "the default is GET"
    room.ana.say("Secret")
    room.caller.say("Hello?")
    assert told(room.caller) == told(room.ana) == []


def test_a_coach_is_heard_by_whom_she_coaches_until_she_barges_in(
    product: Product, phones: Phones, twilio: Client
) -> None:
    room = meet(product, phones, twilio)
    ben = room.join(BEN, muted="true")
    ben.say("Nobody hears a listener")
    room.change(ben, muted=False, coaching=True, call_sid_to_coach=room.ana.leg)
    ben.say("Offer the pen")
    room.change(ben, coaching=False)
    ben.say("Hello, I am the supervisor")

    assert room.caller.wait_for(noted("heard"), SECONDS)
    assert told(room.caller) == ["Hello, I am the supervisor"]
    assert told(room.ana) == ["Offer the pen", "Hello, I am the supervisor"]


def test_nobody_coaches_a_stranger(product: Product, phones: Phones, twilio: Client) -> None:
    room = meet(product, phones, twilio)

    for wanted in ({"coaching": True}, {"coaching": True, "call_sid_to_coach": "CA" + "0" * 32}):
        with refusal(20001):
            room.change(room.ana, **wanted)


def test_a_participant_is_found_by_label_and_taken_out(product: Product, phones: Phones, twilio: Client) -> None:
    room = meet(product, phones, twilio, caller='participantLabel="the caller"')

    found = twilio.conferences(room.sid).participants("the caller").fetch()
    assert (found.call_sid, found.label) == (room.caller.leg, "the caller")
    twilio.conferences(room.sid).participants(room.caller.leg).delete()

    assert room.caller.wait_for(heard("What next?"), SECONDS)


# ---------------------------------------------------------------- announcements


def test_an_announcement_is_heard_by_everybody_or_by_one(product: Product, phones: Phones, twilio: Client) -> None:
    room = meet(product, phones, twilio, caller='statusCallback="/voice/told" statusCallbackEvent="announcement"')
    product.answers("/voice/announced", "<Say>This call is recorded</Say>")
    product.answers("/voice/whispered", "<Say>One minute left</Say>")

    twilio.conferences(room.sid).update(announce_url=f"{product.url}/voice/announced")
    room.change(room.ana, announce_url=f"{product.url}/voice/whispered")

    assert room.ana.wait_for(heard("This call is recorded", "One minute left"), SECONDS)
    assert room.caller.wait_for(heard("This call is recorded"), SECONDS)
    assert "One minute left" not in said(room.caller.lines)
    events = product.wait_for("/voice/told", count=3)
    assert {one.params["StatusCallbackEvent"] for one in events} == {"announcement-end"}
    room.caller.say("Thank you")
    assert room.ana.wait_for(noted("heard"), SECONDS)


def test_an_announcement_that_fails_ends_no_call(product: Product, phones: Phones, twilio: Client) -> None:
    room = meet(product, phones, twilio, caller='statusCallback="/voice/told" statusCallbackEvent="announcement"')

    room.change(room.ana, announce_url=f"{product.url}/voice/none")

    assert room.ana.wait_for(noted("announcement failed"), SECONDS)
    assert product.wait_for("/voice/told")[0].params["StatusCallbackEvent"] == "announcement-fail"
    room.caller.say("Still there?")
    assert room.ana.wait_for(noted("heard"), SECONDS)


def test_an_announcement_to_a_conference_that_is_over_is_refused(
    product: Product, phones: Phones, twilio: Client
) -> None:
    room = meet(product, phones, twilio)
    twilio.conferences(room.sid).update(status="completed")

    with refusal(20001):
        twilio.conferences(room.sid).update(announce_url=f"{product.url}/voice/announced")


# ---------------------------------------------------------------- calling somebody in


def test_somebody_is_called_into_a_conference(product: Product, phones: Phones, twilio: Client) -> None:
    room = meet(product, phones, twilio)

    people = twilio.conferences(room.sid).participants
    made = people.create(to="client:ben", from_=LINE, label="ben", early_media=True, end_conference_on_exit=True)
    ben = phones.ringing("client:ben", wait_seconds=SECONDS)[0]
    ben.answer()
    assert ben.wait_for(noted("bridged"), SECONDS)
    ben.say("Ben here")

    assert room.caller.wait_for(noted("heard"), SECONDS)
    assert (made.call_sid, made.status, people("ben").fetch().call_sid) == (ben.leg, "queued", ben.leg)
    ben.hang_up()
    assert room.caller.wait_for(heard("What next?"), SECONDS)


def test_a_conference_by_name_is_made_when_somebody_is_called_into_it(phones: Phones, twilio: Client) -> None:
    coached = {"coaching": True, "call_sid_to_coach": "CA" + "0" * 32}
    twilio.conferences("Ana & Ben").participants.create(to=ANA, from_=LINE, **coached)
    phones.ringing(ANA, wait_seconds=SECONDS)[0].answer()

    assert [room.friendly_name for room in twilio.conferences.list()] == ["Ana & Ben"]


# ---------------------------------------------------------------- recordings


def recorded(phones: Phones) -> list[str]:
    """Return the words of every recording, newest first."""
    return [one["text"] for one in phones.get("/recordings")["recordings"]]


@pytest.mark.parametrize(("behavior", "kept"), [("skip", "Hello Thank you"), ("silence", "Hello [silence] Thank you")])
def test_what_is_said_while_a_conference_recording_is_paused_is_not_in_it(
    product: Product, phones: Phones, twilio: Client, behavior: str, kept: str
) -> None:
    wanted = 'record="record-from-start" recordingStatusCallback="/voice/told" recordingStatusCallbackEvent="{}"'
    room = meet(product, phones, twilio, caller=wanted.format("in-progress completed"))
    current = twilio.conferences(room.sid).recordings("Twilio.CURRENT")

    room.ana.say("Hello")
    assert current.update(status="paused", pause_behavior=behavior).status == "paused"
    room.caller.say("My card is 4111 1111")
    assert current.update(status="in-progress").status == "in-progress"
    room.ana.say("Thank you")
    assert current.fetch().duration is None
    room.caller.hang_up()
    room.ana.hang_up()

    told = [one.params for one in product.wait_for("/voice/told", count=2)]
    assert [one["RecordingStatus"] for one in told] == ["in-progress", "completed"]
    assert (told[1]["ConferenceSid"], told[1]["RecordingSource"]) == (room.sid, "Conference")
    assert recorded(phones) == [kept]
    with httpx.Client(auth=(ACCOUNT, "x"), trust_env=False) as staff:
        url = told[1]["RecordingUrl"].replace("http://127.0.0.1:8200", phones.url)
        assert staff.get(f"{url}.txt").text == kept
        assert kept.encode() in staff.get(f"{url}.mp3").content
        assert b"4111" not in staff.get(url).content


def test_a_live_leg_is_recorded_from_now_until_it_is_stopped(product: Product, phones: Phones, twilio: Client) -> None:
    room = meet(product, phones, twilio)
    recordings = twilio.calls(room.ana.leg).recordings
    room.caller.say("Before")

    made = recordings.create(recording_status_callback=f"{product.url}/voice/told")
    room.caller.say("A question")
    room.ana.say("An answer")
    assert recordings("Twilio.CURRENT").update(status="stopped").status == "stopped"
    room.caller.say("After")

    assert recorded(phones) == ["A question An answer"]
    assert product.wait_for("/voice/told")[0].params["RecordingSid"] == made.sid
    assert [(one.sid, one.status) for one in recordings.list()] == [(made.sid, "completed")]
    with refusal(21220):
        recordings(made.sid).update(status="in-progress")
    with refusal(20404, status=404):
        recordings("Twilio.CURRENT").update(status="paused")
    assert twilio.recordings(made.sid).delete()
    assert recordings.list() == []


def test_a_recording_ends_with_its_leg_and_has_the_keys_too(product: Product, phones: Phones, twilio: Client) -> None:
    product.answers("/voice/incoming", '<Gather action="/voice/next" numDigits="4"/>')
    product.answers("/voice/next", "<Say>Thank you</Say>")
    phone = phones.call("main", PATIENT)
    phone.wait_for(noted("gathering"), SECONDS)
    made = twilio.calls(phone.leg).recordings.create()
    phone.press("1980")
    phone.wait_for(noted("over"), SECONDS)

    assert twilio.recordings(made.sid).fetch().status == "completed"
    assert recorded(phones) == ["1980 Thank you"]


def test_a_recording_that_runs_has_no_sound_yet_and_stays(product: Product, phones: Phones, twilio: Client) -> None:
    room = meet(product, phones, twilio)
    made = twilio.calls(room.ana.leg).recordings.create()

    sound = httpx.get(phones.url + made.uri.replace(".json", ".mp3"), auth=(ACCOUNT, "x"), trust_env=False)
    assert sound.status_code == 404
    with refusal(20001):
        twilio.recordings(made.sid).delete()
    with refusal(20001):
        twilio.calls(room.ana.leg).recordings(made.sid).update(status="processing")


def test_only_a_call_in_progress_can_be_recorded(phones: Phones, twilio: Client) -> None:
    ringing = twilio.calls.create(to=ANA, from_=LINE, twiml="<Response/>")
    phones.ringing(ANA, wait_seconds=SECONDS)

    with refusal(21220):
        twilio.calls(ringing.sid).recordings.create()
    for nobody in (twilio.calls("CA" + "0" * 32), twilio.conferences("CF" + "0" * 32)):
        with refusal(20404, status=404):
            nobody.recordings("Twilio.CURRENT").fetch()
    with refusal(20404, status=404):
        twilio.calls("CA" + "0" * 32).recordings.create()


def test_a_recording_played_to_staff_is_heard_in_its_words(product: Product, phones: Phones, twilio: Client) -> None:
    product.answers("/voice/incoming", '<Record action="/voice/next"/>')
    product.answers("/voice/next", lambda form: f"<Play>{form['RecordingUrl']}.mp3</Play><Gather/>")
    phone = phones.call("main", PATIENT)
    phone.leave_message("Please call me back")
    phone.press("#")

    assert phone.wait_for(heard("Please call me back"), SECONDS)
