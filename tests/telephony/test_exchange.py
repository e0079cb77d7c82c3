"""The whole way round over real HTTP: the practice exchange calls, we verify, read, answer, and ask it by REST."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask, Response, request

from ivr.clock import Clock
from ivr.core.events import Came, DialEnded, Event, HungUp, Keyed, QueueLeft, Recorded, Silent, Spoke
from ivr.core.verbs import Back, Gather, Hangup, Hold, Meet, Pause, Play, Record, Say, Verb
from ivr.doors import Doors
from ivr.phone.client import Phone, Phones
from ivr.phone.exchange import Exchange
from ivr.phone.numbers import NumberBook
from ivr.phone.server import create_app, serving
from ivr.telephony.forms import Form, event, status_event
from ivr.telephony.rest import Conference, Gone, Refused, Telephone
from ivr.telephony.signature import SETTINGS_HEADER, SIGNATURE_HEADER, Verifier
from ivr.telephony.twiml import Renderer

ACCOUNT, TOKEN = "AC" + "1" * 32, "a-practice-token"
LINE, PATIENT, ANA = "+12125550100", "+12125550101", "+12125550102"
SECONDS = 5.0


@dataclass(frozen=True)
class Spoken:
    text: str
    locale: str = "en-US"
    voice: str = ""


class Prompts:
    def say(self, language: str, prompt: str, values: Mapping[str, object]) -> Spoken:
        return Spoken(prompt)


@dataclass
class Line:
    """A line whose documents a test lays ready, one for each exit, and that keeps every event."""

    url: str = ""
    documents: dict[tuple[str, int, str], tuple[Verb, ...] | None] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    sids: dict[str, str] = field(default_factory=dict)  # of legs
    forms: list[Form] = field(default_factory=list)
    turned_away: int = 0
    changed: threading.Condition = field(default_factory=threading.Condition)

    def knock(self, leg: str, document: int, way: str) -> Response:
        form = Form.parse(request.get_data(), request.query_string)
        headers = request.headers
        signature, settings = headers.get(SIGNATURE_HEADER), headers.get(SETTINGS_HEADER)
        path = str(request.environ["REQUEST_URI"])
        if not Verifier(self.url, [TOKEN]).accepts(path, form, signature, settings, headers.get("Content-Type")):
            self.turned_away += 1
            return Response(status=403)
        self.sids[leg] = form.text("CallSid")
        if way in ("amd", "recorded"):
            return self.told(form)
        self.forms.append(form)
        return Response(self.reply(leg, document, way, form), mimetype="text/xml")

    def told(self, form: Form) -> Response:
        with self.changed:
            self.forms.append(form)
            self.changed.notify_all()
        return Response(status=204)

    def reply(self, leg: str, document: int, way: str, form: Form) -> str:
        renderer, says = Renderer(self.url), self.documents.get((leg, document, way))
        if way == "wait":
            return renderer.wait_document(says or (), leg=leg, newest=document + 1, language="en", prompts=Prompts())
        told = status_event(leg, form) if way == "status" else event(way, leg, document, form)
        with self.changed:
            self.events += [told] if told else []
            self.changed.notify_all()
        return renderer.document(says, leg=leg, document=document + 1, language="en", prompts=Prompts())

    def wait_for(self, happened: Callable[[Event], bool]) -> Event:
        with self.changed:
            assert self.changed.wait_for(lambda: any(map(happened, self.events)), SECONDS), self.events
            return next(filter(happened, self.events))


@pytest.fixture
def line() -> Iterator[Line]:
    line = Line()
    app = Flask("line")
    app.add_url_rule("/voice/<leg>/<int:document>/<way>", view_func=line.knock, methods=["POST"])
    app.add_url_rule("/voice/incoming", "incoming", lambda: line.knock("caller", 0, "next"), methods=["POST"])
    app.add_url_rule("/voice/status", "status", lambda: line.knock("caller", 0, "status"), methods=["POST"])
    with serving(app) as line.url:
        yield line


@pytest.fixture
def exchange_url(line: Line) -> Iterator[str]:
    numbers = NumberBook(lambda: {"main": LINE}, line.url)
    exchange = Exchange(ACCOUNT, TOKEN, numbers, Clock(), pace=0.0, shortest_loop_seconds=0.05)
    with serving(create_app(exchange)) as url:
        yield url
    exchange.close()


@pytest.fixture
def phones(exchange_url: str) -> Iterator[Phones]:
    with Phones(exchange_url) as phones:
        yield phones


@pytest.fixture
def telephone(exchange_url: str) -> Iterator[Telephone]:
    telephone = Telephone(ACCOUNT, TOKEN, api_url=exchange_url)
    yield telephone
    telephone.close()


def place(telephone: Telephone, line: Line, leg: str, to: str = ANA, **more: Any) -> str:
    doors = Doors(line.url)
    return telephone.place_call(
        to=to,
        from_=LINE,
        url=doors.moved(leg, 1),
        status_url=doors.status(leg),
        ring_seconds=15,
        **more,
    )


def test_keys_words_and_a_message_come_back_as_events(line: Line, phones: Phones) -> None:
    line.documents = {
        ("caller", 0, "next"): (Gather((Say("menu"),)),),
        ("caller", 1, "next"): (Gather((Say("say why"),), speech=True),),
        ("caller", 2, "next"): (Gather((Say("birthday"),), digits=None),),
        ("caller", 3, "next"): (Say("after the tone"), Record(60)),
        ("caller", 4, "next"): (Say("goodbye"), Hangup()),
    }
    phone = phones.call(LINE, PATIENT)
    phone.press("1")
    phone.say("my refill", confidence=0.9)
    phone.press("04121980#")
    phone.leave_message("call me back please")
    phone.press("#")

    ended = line.wait_for(lambda one: isinstance(one, HungUp))
    keyed, spoke, birthday, recorded = line.events[1:5]
    assert (keyed, spoke, birthday) == (
        Keyed("caller", "1"),
        Spoke("caller", "my refill", 0.9),
        Keyed("caller", "04121980"),
    )
    assert isinstance(recorded, Recorded)
    assert isinstance(ended, HungUp)
    assert ended.how == "completed"
    assert line.turned_away == 0


def test_silence_leaves_by_the_same_exit_as_keys(line: Line, phones: Phones) -> None:
    line.documents = {("caller", 0, "next"): (Gather((Say("menu"),), seconds=1),)}
    phones.call(LINE, PATIENT).say_nothing()

    assert line.wait_for(lambda one: line.events.count(one) == 2) == Silent("caller")


def test_a_caller_on_hold_is_taken_to_the_agent_who_accepted(line: Line, phones: Phones, telephone: Telephone) -> None:
    line.documents = {
        ("caller", 0, "next"): (Hold("main"),),
        ("caller", 1, "wait"): (Gather((Say("hold_still"), Play("hold"), Pause(1)), seconds=1),),
        ("agent", 1, "moved"): (Gather((Say("a refill, six minutes"),), seconds=10),),
        ("agent", 2, "next"): (Meet("rx-room"),),
        ("caller", 2, "moved"): (Say("connecting"), Meet("rx-room")),
    }
    caller = phones.call(LINE, PATIENT)
    caller.wait_for(lambda lines: any("hold_still" in str(one) for one in lines), SECONDS)
    caller_sid = line.sids["caller"]
    assert [member.call_sid for member in telephone.queue_members("main")] == [caller_sid]

    agent_sid = place(telephone, line, "agent")
    [agent] = phones.ringing(ANA, wait_seconds=SECONDS)
    agent.answer()
    agent.press("1")
    line.wait_for(lambda one: one == Keyed("agent", "1"))
    telephone.move_member("main", caller_sid, Doors(line.url).moved("caller", 2))
    line.wait_for(lambda one: one == Came("caller", 2))

    assert line.wait_for(lambda one: isinstance(one, QueueLeft)) == QueueLeft("caller", "redirected")
    with pytest.raises(Gone):
        telephone.move_member("main", caller_sid, Doors(line.url).moved("caller", 3))
    assert _settled(lambda: {sid for room in telephone.live_conferences() for sid in room.call_sids}) == {
        caller_sid,
        agent_sid,
    }
    assert [room.name for room in telephone.live_conferences()] == ["rx-room"]

    caller.hang_up()
    assert line.wait_for(lambda one: isinstance(one, DialEnded)) == DialEnded("agent", "answered")


def _settled(look: Callable[[], set[str]]) -> set[str]:
    for _ in range(100):
        if len(seen := look()) == 2:
            break
        threading.Event().wait(0.02)
    return seen


def test_a_key_on_hold_answers_the_newest_document_and_may_go_back_to_waiting(line: Line, phones: Phones) -> None:
    line.documents = {
        ("caller", 0, "next"): (Hold("main"),),
        ("caller", 1, "wait"): (Gather((Say("hold_still"), Pause(1)), seconds=1),),
        ("caller", 2, "held"): (Say("in_line"), Back("wait")),
        ("caller", 3, "wait"): (Say("waiting on"), Pause(1)),
    }
    caller = phones.call(LINE, PATIENT)
    caller.press("2")

    assert line.wait_for(lambda one: isinstance(one, Keyed)) == Keyed("caller", "2")
    assert caller.wait_for(lambda lines: any("waiting on" in str(one) for one in lines), SECONDS)


def test_calls_are_placed_found_and_ended(line: Line, phones: Phones, telephone: Telephone) -> None:
    before = datetime.now(UTC) - timedelta(seconds=1)
    sid = place(telephone, line, "agent")
    phones.ringing(ANA, wait_seconds=SECONDS)

    assert telephone.call_status(sid) == "ringing"
    assert [call.sid for call in telephone.find_calls(to=ANA, from_=LINE, since=before)] == [sid]
    assert [call.sid for call in telephone.calls_since(before)] == [sid]

    telephone.end_call(sid)
    ended = line.wait_for(lambda one: isinstance(one, HungUp))
    assert isinstance(ended, HungUp)
    assert ended.leg == "agent"
    assert telephone.find_calls(to=ANA, from_=LINE, since=before)[0].status == ended.how
    telephone.end_call(sid)
    with pytest.raises(Gone):
        telephone.move_call(sid, Doors(line.url).moved("agent", 2))


def test_a_live_leg_is_moved(line: Line, phones: Phones, telephone: Telephone) -> None:
    line.documents = {
        ("caller", 0, "next"): (Gather((Say("menu"),), seconds=60),),
        ("caller", 5, "moved"): (Say("sorry for the noise"), Pause(1)),
    }
    caller = phones.call(LINE, PATIENT)
    caller.wait_for(lambda lines: any("menu" in str(one) for one in lines), SECONDS)
    telephone.move_call(line.sids["caller"], Doors(line.url).moved("caller", 5))

    assert line.wait_for(lambda one: isinstance(one, Came)) == Came("caller", 5)


def test_what_the_exchange_refuses_is_refused(line: Line, telephone: Telephone) -> None:
    with pytest.raises(Refused) as refused:
        telephone.place_call(to=ANA, from_=PATIENT, url=line.url, status_url=line.url, ring_seconds=15)

    assert (refused.value.code, refused.value.retry) == (21210, False)
    assert telephone.live_conferences() == list[Conference]()
    assert telephone.recordings_since(datetime.now(UTC) - timedelta(hours=1)) == []


# ---------------------------------------------------------------- people who talk


@dataclass
class Talk:
    """A conference of a caller and Ana, by name, and the telephone that acts on it."""

    telephone: Telephone
    phones: Phones
    caller: Phone
    ana: Phone
    line: Line
    name: str = "rx-room"

    def heard_by(self, phone: Phone) -> list[str]:
        phone.read()
        return [line["text"] for line in phone.lines if line["kind"] == "heard"]


@pytest.fixture
def talk(line: Line, phones: Phones, telephone: Telephone) -> Talk:
    line.documents = {
        ("caller", 0, "next"): (Meet("rx-room"),),
        ("caller", 1, "after"): (Say("anything else"), Gather((), seconds=60)),
        ("agent", 1, "moved"): (Meet("rx-room"),),
        ("agent", 2, "after"): (Say("next caller"), Gather((), seconds=60)),
        ("agent", 9, "wait"): (Say("please hold"), Pause(1)),
        ("agent", 9, "moved"): (Say("this call is recorded"),),
    }
    caller = phones.call(LINE, PATIENT)
    place(telephone, line, "agent")
    [ana] = phones.ringing(ANA, wait_seconds=SECONDS)
    ana.answer()
    assert caller.wait_for(lambda lines: any(one["kind"] == "bridged" for one in lines), SECONDS)
    return Talk(telephone, phones, caller, ana, line)


def test_a_conference_is_known_by_its_name(talk: Talk) -> None:
    [room] = talk.telephone.conferences(talk.name)

    assert set(room.call_sids) == {talk.caller.leg, talk.ana.leg}
    assert talk.telephone.conference_sid(talk.name) == talk.telephone.conference_sid(room.sid) == room.sid
    with pytest.raises(Gone):
        talk.telephone.conference_sid("nobody's room")


def test_a_participant_is_held_heard_again_muted_and_made_to_end_nothing(talk: Talk) -> None:
    change, caller = talk.telephone.participant, talk.caller.leg
    change(talk.name, caller, hold=True, hold_url=f"{talk.line.url}/voice/agent/9/wait")
    assert talk.caller.wait_for(lambda lines: any("please hold" in str(one) for one in lines), SECONDS)
    talk.ana.say("Not for the caller")
    change(talk.name, caller, hold=False)
    change(talk.name, talk.ana.leg, muted=True)
    talk.ana.say("Nor this")
    change(talk.name, talk.ana.leg, muted=False, ends=False)
    talk.ana.say("But this")
    talk.telephone.remove_participant(talk.name, talk.ana.leg)

    assert talk.line.wait_for(lambda one: isinstance(one, DialEnded)) == DialEnded("agent", "answered")
    assert talk.heard_by(talk.caller) == ["But this"]
    talk.telephone.remove_participant(talk.name, talk.ana.leg)
    with pytest.raises(Gone):
        change(talk.name, talk.ana.leg, muted=True)


def test_a_coach_is_heard_by_one_and_then_by_all(talk: Talk, phones: Phones) -> None:
    talk.line.documents["coach", 1, "moved"] = (Meet("rx-room"),)
    place(talk.telephone, talk.line, "coach", to="client:ben")
    [ben] = phones.ringing("client:ben", wait_seconds=SECONDS)
    ben.answer()
    ben.wait_for(lambda lines: any(one["kind"] == "bridged" for one in lines), SECONDS)

    talk.telephone.participant(talk.name, ben.leg, coaching=talk.ana.leg)
    ben.say("Offer the pen")
    talk.telephone.participant(talk.name, ben.leg, coaching="")
    ben.say("Hello both")

    assert talk.heard_by(talk.caller) == ["Hello both"]
    assert talk.heard_by(talk.ana) == ["Offer the pen", "Hello both"]


def test_an_announcement_reaches_everybody_and_the_end_too(talk: Talk) -> None:
    talk.telephone.announce(talk.name, f"{talk.line.url}/voice/agent/9/moved")
    for phone in (talk.caller, talk.ana):
        assert phone.wait_for(lambda lines: any("this call is recorded" in str(one) for one in lines), SECONDS)

    talk.telephone.end_conference(talk.name)

    assert talk.caller.wait_for(lambda lines: any("anything else" in str(one) for one in lines), SECONDS)
    assert talk.telephone.conferences(talk.name) == []
    talk.telephone.end_conference(talk.name)
    talk.telephone.end_conference("nobody's room")


def test_a_leg_is_recorded_paused_and_stopped(talk: Talk) -> None:
    sid = talk.telephone.start_recording(talk.ana.leg, f"{talk.line.url}/voice/agent/1/recorded")
    talk.ana.say("Before")
    talk.telephone.pause_recording(talk.ana.leg)
    talk.ana.say("4111 1111")
    talk.telephone.resume_recording(talk.ana.leg)
    talk.ana.say("After")
    talk.telephone.stop_recording(talk.ana.leg)

    assert b"Before [silence] After" in b"".join(talk.telephone.recording_media(sid))
    with pytest.raises(Gone):
        talk.telephone.pause_recording(talk.ana.leg)
    talk.ana.hang_up()
    talk.line.wait_for(lambda one: isinstance(one, HungUp))
    with pytest.raises(Gone):
        talk.telephone.start_recording(talk.ana.leg, talk.line.url)


def test_a_machine_is_told_from_a_person(line: Line, phones: Phones, telephone: Telephone) -> None:
    line.documents["agent", 1, "moved"] = (Say("please call us back"),)
    phones.post("/phones", number=ANA, does="machine")

    place(telephone, line, "agent", detect_machine=True)

    line.wait_for(lambda one: isinstance(one, HungUp))
    assert any(form.text("AnsweredBy") == "machine_end_beep" for form in line.forms)
    assert phones.get("/machines")["messages"][0]["text"] == "please call us back"


def test_who_answered_can_be_told_meanwhile(line: Line, phones: Phones, telephone: Telephone) -> None:
    line.documents["agent", 1, "moved"] = (Gather((Say("hello"),), seconds=60),)
    phones.post("/phones", number=ANA, does="answer")

    place(telephone, line, "agent", detect_machine=True, amd_url=f"{line.url}/voice/agent/1/amd")

    line.wait_for(lambda _: any(form.text("AnsweredBy") == "human" for form in line.forms))
    assert {form.text("AnsweredBy") for form in line.forms if form.text("Direction")} == {""}
