"""What we ask of Twilio, over real HTTP against a server that answers in its words."""

from __future__ import annotations

import logging
import socket
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from email.utils import format_datetime
from typing import Any
from urllib.parse import urlencode

import pytest
from flask import Flask, Response, jsonify, request
from werkzeug.serving import make_server

from ivr.settings import Settings
from ivr.telephony.rest import Conference, FoundCall, Gone, Member, Refused, Telephone, Unknown
from ivr.transcripts import TwilioTranscripts

ACCOUNT = "AC" + "0" * 32
TOKEN = "first-token"
ANA, LINE = "+12125550123", "+12125550100"
NOW = datetime(2026, 11, 24, 15, 0, tzinfo=UTC)
URL = "https://rx.example/voice/7Yc1nVY0b3Q/1/moved#rc=3&rp=ct,rt,5xx"

Json = dict[str, Any]


def told_at(at: datetime | None) -> str | None:
    return format_datetime(at) if at else None


@dataclass
class Twilio:
    """As much of Twilio's REST API as we use, and how it is out of sorts."""

    url: str = ""
    asked: list[tuple[str, str, Json]] = field(default_factory=list)
    logins: list[tuple[str | None, str | None]] = field(default_factory=list)
    calls: dict[str, Json] = field(default_factory=dict)
    texts: list[Json] = field(default_factory=list)
    recordings: list[Json] = field(default_factory=list)
    transcriptions: dict[str, list[Json]] = field(default_factory=dict)
    queues: dict[str, Json] = field(default_factory=dict)
    members: dict[str, dict[str, datetime]] = field(default_factory=dict)
    conferences: dict[str, Json] = field(default_factory=dict)
    participants: dict[str, list[str]] = field(default_factory=dict)
    out_of_sorts: Callable[[], Response | None] = lambda: None

    def add_queue(self, name: str, max_size: int = 1000) -> str:
        sid = f"QU{len(self.queues)}"
        self.queues[sid] = {"sid": sid, "friendly_name": name, "max_size": max_size}
        self.members[sid] = {}
        return sid

    def add_call(self, sid: str, status: str = "in-progress", **more: Any) -> Json:
        call = {"sid": sid, "to": ANA, "from": LINE, "status": status, "direction": "outbound-api"}
        times = {"date_created": told_at(NOW), "start_time": told_at(NOW), "end_time": None, "duration": None}
        self.calls[sid] = call | times | more
        return self.calls[sid]

    def of(self, method: str, ending: str) -> list[Json]:
        return [sent for how, path, sent in self.asked if how == method and path.endswith(ending)]


def error(status: int, code: int, words: str = "") -> Response:
    reply = jsonify(code=code, message=f"{words} {ANA}", status=status)
    reply.status_code = status
    return reply


def web(twilio: Callable[[], Twilio]) -> Flask:
    app = Flask("twilio")
    account = f"/2010-04-01/Accounts/{ACCOUNT}"

    @app.before_request
    def note() -> Response | None:
        sent = {name: (v if len(v) > 1 else v[0]) for name, v in request.values.to_dict(flat=False).items()}
        twilio().asked.append((request.method, request.path, sent))
        login = request.authorization
        twilio().logins.append((login.username, login.password) if login else (None, None))
        return twilio().out_of_sorts()

    @app.get(f"{account}/Calls.json")
    def list_calls() -> Response:
        found = list(twilio().calls.values())
        for name, kept in (("To", "to"), ("From", "from")):
            if wanted := request.args.get(name):
                found = [call for call in found if call[kept] == wanted]
        page, size = request.args.get("Page", 0, int), 2
        more = len(found) > (page + 1) * size
        following = f"{account}/Calls.json?{urlencode({**request.args, 'Page': page + 1})}" if more else None
        return jsonify(calls=found[page * size : (page + 1) * size], next_page_uri=following)

    @app.post(f"{account}/Calls.json")
    def create_call() -> Response:
        return jsonify(twilio().add_call(f"CA{len(twilio().calls)}", "queued"))

    @app.get(f"{account}/Calls/<sid>.json")
    def fetch_call(sid: str) -> Response:
        return jsonify(twilio().calls[sid]) if sid in twilio().calls else error(404, 20404)

    @app.post(f"{account}/Calls/<sid>.json")
    def update_call(sid: str) -> Response:
        call = twilio().calls.get(sid)
        if call is None:
            return error(404, 20404)
        needed = "ringing" if request.form.get("Status") == "canceled" else "in-progress"
        if call["status"] != needed:
            return error(400, 21220, "Call is not in-progress. Cannot redirect")
        call["status"] = request.form.get("Status", call["status"])
        return jsonify(call)

    @app.post(f"{account}/Messages.json")
    def create_text() -> Response:
        twilio().texts.append({"sid": "SM1", "body": request.form["Body"], "status": "queued"})
        return jsonify(twilio().texts[-1])

    @app.get(f"{account}/Messages.json")
    def list_texts() -> Response:
        return jsonify(messages=twilio().texts)

    @app.get(f"{account}/Recordings.json")
    def list_recordings() -> Response:
        return jsonify(recordings=twilio().recordings)

    @app.get(f"{account}/Recordings/<sid>/Transcriptions.json")
    def list_transcriptions(sid: str) -> Response:
        if sid not in twilio().transcriptions:
            return error(404, 20404)
        return jsonify(transcriptions=twilio().transcriptions[sid])

    @app.delete(f"{account}/Recordings/<sid>/Transcriptions/<transcription>.json")
    def delete_transcription(sid: str, transcription: str) -> Response:
        twilio().transcriptions[sid] = [t for t in twilio().transcriptions[sid] if t["sid"] != transcription]
        return Response(status=204)

    @app.delete(f"{account}/Recordings/<sid>.json")
    def delete_recording(sid: str) -> Response:
        if sid not in twilio().transcriptions:
            return error(404, 20404)
        del twilio().transcriptions[sid]
        return Response(status=204)

    @app.get(f"{account}/Queues.json")
    def list_queues() -> Response:
        return jsonify(queues=list(twilio().queues.values()))

    @app.post(f"{account}/Queues.json")
    def create_queue() -> Response:
        name = request.form["FriendlyName"]
        if any(queue["friendly_name"] == name for queue in twilio().queues.values()):
            return error(400, 22003)
        return jsonify(twilio().queues[twilio().add_queue(name, int(request.form["MaxSize"]))])

    @app.get(f"{account}/Queues/<sid>.json")
    def fetch_queue(sid: str) -> Response:
        return jsonify(twilio().queues[sid]) if sid in twilio().queues else error(404, 20404)

    @app.post(f"{account}/Queues/<sid>.json")
    def update_queue(sid: str) -> Response:
        twilio().queues[sid]["max_size"] = int(request.form["MaxSize"])
        return jsonify(twilio().queues[sid])

    @app.get(f"{account}/Queues/<sid>/Members.json")
    def list_members(sid: str) -> Response:
        if sid not in twilio().members:
            return error(404, 20404)
        return jsonify(
            queue_members=[
                {"call_sid": call, "position": place, "wait_time": 30, "date_enqueued": told_at(at)}
                for place, (call, at) in enumerate(twilio().members[sid].items(), 1)
            ]
        )

    @app.post(f"{account}/Queues/<sid>/Members/<call>.json")
    def update_member(sid: str, call: str) -> Response:
        if twilio().members.get(sid, {}).pop(call, None) is None:
            return error(404, 20404)
        return jsonify(call_sid=call, position=0, wait_time=31)

    @app.get(f"{account}/Conferences.json")
    def list_conferences() -> Response:
        return jsonify(conferences=list(twilio().conferences.values()))

    @app.get(f"{account}/Conferences/<sid>/Participants.json")
    def list_participants(sid: str) -> Response:
        if sid not in twilio().participants:
            return error(404, 20404)
        return jsonify(participants=[{"call_sid": call} for call in twilio().participants[sid]])

    @app.post(f"{account}/Conferences/<sid>/Participants/<call>.json")
    def update_participant(sid: str, call: str) -> Response:
        return jsonify(call_sid=call) if call in twilio().participants.get(sid, []) else error(404, 20404)

    @app.post(f"{account}/Conferences/<sid>/Recordings/Twilio.CURRENT.json")
    @app.post(f"{account}/Calls/<sid>/Recordings/Twilio.CURRENT.json")
    @app.post(f"{account}/Calls/<sid>/Recordings.json")
    def record(sid: str) -> Response:
        return jsonify(sid="RE1", status=request.form.get("Status", "in-progress"))

    @app.get(f"{account}/Recordings/<sid>.mp3")
    def play(sid: str) -> Response:
        return Response(b"sound" * 40_000, mimetype="audio/mpeg") if sid == "RE1" else error(404, 20404)

    return app


@pytest.fixture(scope="module")
def server() -> Iterator[dict[str, Any]]:
    """One HTTP server for the file; each test puts its own Twilio behind it."""
    state: dict[str, Any] = {}
    httpd = make_server("127.0.0.1", 0, web(lambda: state["twilio"]), threaded=True)
    state["url"] = f"http://127.0.0.1:{httpd.server_port}"
    thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield state
    httpd.shutdown()
    thread.join()
    httpd.server_close()


@pytest.fixture
def twilio(server: dict[str, Any]) -> Twilio:
    server["twilio"] = Twilio(url=server["url"])
    twilio: Twilio = server["twilio"]
    return twilio


@contextmanager
def telephone_to(url: str, **more: Any) -> Iterator[Telephone]:
    telephone = Telephone(ACCOUNT, TOKEN, api_url=url, **({"timeout_seconds": 0.3} | more))
    yield telephone
    telephone.close()


@pytest.fixture
def telephone(twilio: Twilio) -> Iterator[Telephone]:
    with telephone_to(twilio.url, timeout_seconds=3.0) as telephone:
        yield telephone


def ring_ana(telephone: Telephone, **more: Any) -> str:
    return telephone.place_call(to=ANA, from_=LINE, url=URL, status_url="https://rx.example/s", ring_seconds=15, **more)


class TestPlacingCalls:
    """Once: Twilio cannot tell a repetition."""

    def test_a_call_is_placed_with_all_its_callbacks(self, twilio: Twilio, telephone: Telephone) -> None:
        assert ring_ana(telephone, fallback_url="https://fallback.example/x.xml") == "CA0"

        assert twilio.of("POST", "/Calls.json") == [
            {
                "To": ANA,
                "From": LINE,
                "Url": URL,
                "FallbackUrl": "https://fallback.example/x.xml",
                "StatusCallback": "https://rx.example/s",
                "StatusCallbackEvent": ["initiated", "ringing", "answered", "completed"],
                "Timeout": "15",
            }
        ]

    @pytest.mark.parametrize(
        ("how", "sent"),
        [
            ({}, {}),
            ({"amd_url": "https://rx.example/amd"}, {}),
            ({"detect_machine": True}, {"MachineDetection": "DetectMessageEnd"}),
            (
                {"detect_machine": True, "amd_url": "https://rx.example/amd"},
                {
                    "MachineDetection": "DetectMessageEnd",
                    "AsyncAmd": "true",
                    "AsyncAmdStatusCallback": "https://rx.example/amd",
                },
            ),
        ],
    )
    def test_who_picked_up_is_asked_only_where_wanted(
        self, twilio: Twilio, telephone: Telephone, how: dict[str, Any], sent: Json
    ) -> None:
        ring_ana(telephone, **how)

        [asked] = twilio.of("POST", "/Calls.json")
        assert {name: value for name, value in asked.items() if "Amd" in name or "Machine" in name} == sent

    def test_without_a_fallback_none_is_sent(self, twilio: Twilio, telephone: Telephone) -> None:
        ring_ana(telephone)

        assert "FallbackUrl" not in twilio.of("POST", "/Calls.json")[0]

    def test_the_accounts_first_token_signs(self, twilio: Twilio) -> None:
        settings = Settings(twilio_account_sid=ACCOUNT, twilio_auth_token=f"{TOKEN}, second", twilio_api_url=twilio.url)
        telephone = Telephone.from_settings(settings)
        ring_ana(telephone)
        telephone.close()

        assert twilio.logins == [(ACCOUNT, TOKEN)]

    def test_an_api_key_goes_before_the_token(self, twilio: Twilio) -> None:
        with telephone_to(twilio.url, api_key="SK1", api_secret="key secret") as telephone:
            ring_ana(telephone)

        assert twilio.logins == [("SK1", "key secret")]

    def test_a_text_is_sent(self, twilio: Twilio, telephone: Telephone) -> None:
        assert telephone.send_text(to=ANA, from_=LINE, body="We will call you back.") == "SM1"

        assert twilio.of("POST", "/Messages.json") == [{"To": ANA, "From": LINE, "Body": "We will call you back."}]


class TestHoldQueue:
    """One queue per site, wherever it came from, and callers taken from any place in it."""

    def test_it_is_made_once_and_remembered(self, twilio: Twilio, telephone: Telephone) -> None:
        assert telephone.hold_queue_sid("main") == telephone.hold_queue_sid("main") == "QU0"

        assert twilio.of("POST", "/Queues.json") == [{"FriendlyName": "rxline-main", "MaxSize": "5000"}]
        assert len(twilio.of("GET", "/Queues.json")) == 1

    def test_one_that_exists_is_found_by_name(self, twilio: Twilio, telephone: Telephone) -> None:
        twilio.add_queue("rxline-other", 5000)
        twilio.add_queue("rxline-main", 5000)

        assert telephone.hold_queue_sid("main") == "QU1"
        assert not [how for how, _, _ in twilio.asked if how == "POST"]

    def test_one_that_a_caller_made_is_too_small_and_grows(self, twilio: Twilio, telephone: Telephone) -> None:
        twilio.add_queue("rxline-main")

        telephone.hold_queue_sid("main")
        assert twilio.queues["QU0"]["max_size"] == 5000

    def test_one_that_may_not_grow_serves_as_it_is(self, twilio: Twilio, telephone: Telephone) -> None:
        twilio.add_queue("rxline-main")
        twilio.out_of_sorts = lambda: error(400, 20001) if request.method == "POST" else None

        assert telephone.hold_queue_sid("main") == "QU0"

    def test_two_processes_that_make_it_at_once_agree(self, twilio: Twilio, telephone: Telephone) -> None:
        def somebody_is_faster() -> None:
            if request.method == "POST":
                twilio.out_of_sorts = lambda: None
                twilio.add_queue("rxline-main", 5000)

        twilio.out_of_sorts = somebody_is_faster

        assert telephone.hold_queue_sid("main") == "QU0"

    def test_a_queue_that_cannot_be_made_is_refused(self, twilio: Twilio, telephone: Telephone) -> None:
        twilio.out_of_sorts = lambda: error(400, 22001) if request.method == "POST" else None

        with pytest.raises(Refused, match="code 22001"):
            telephone.hold_queue_sid("main")

    def test_one_caller_is_taken_out_wherever_they_stand(self, twilio: Twilio, telephone: Telephone) -> None:
        queue = twilio.add_queue("rxline-main", 5000)
        twilio.members[queue] = {"CA1": NOW, "CA2": NOW}

        telephone.move_member("main", "CA2", URL)

        assert twilio.of("POST", f"/Queues/{queue}/Members/CA2.json") == [{"Url": URL, "Method": "POST"}]
        assert list(twilio.members[queue]) == ["CA1"]

    def test_only_the_first_of_two_moves_succeeds(self, twilio: Twilio, telephone: Telephone) -> None:
        twilio.members[twilio.add_queue("rxline-main", 5000)] = {"CA1": NOW}
        telephone.move_member("main", "CA1", URL)

        with pytest.raises(Gone):
            telephone.move_member("main", "CA1", URL)

    def test_a_queue_somebody_deleted_is_found_again(self, twilio: Twilio, telephone: Telephone) -> None:
        old = telephone.hold_queue_sid("main")
        new = twilio.add_queue("rxline-main", 5000)
        del twilio.queues[old], twilio.members[old]
        twilio.members[new] = {"CA1": NOW}

        telephone.move_member("main", "CA1", URL)

        assert twilio.members[new] == {}
        assert telephone.hold_queue_sid("main") == new

    def test_who_waits_is_listed_in_order(self, twilio: Twilio, telephone: Telephone) -> None:
        twilio.members[twilio.add_queue("rxline-main", 5000)] = {"CA2": NOW, "CA1": NOW}

        assert telephone.queue_members("main") == [Member("CA2", 1, 30), Member("CA1", 2, 30)]


class TestLiveCalls:
    """A leg is moved, ended, or has gone."""

    def test_a_live_leg_is_moved(self, twilio: Twilio, telephone: Telephone) -> None:
        twilio.add_call("CA1")

        telephone.move_call("CA1", URL)

        assert twilio.of("POST", "/Calls/CA1.json") == [{"Url": URL, "Method": "POST"}]

    @pytest.mark.parametrize("status", ["completed", "ringing"])
    def test_a_leg_that_is_not_live_is_gone(self, twilio: Twilio, telephone: Telephone, status: str) -> None:
        twilio.add_call("CA1", status)

        with pytest.raises(Gone) as gone:
            telephone.move_call("CA1", URL)

        assert (gone.value.code, gone.value.status, gone.value.retry) == (21220, 400, False)

    def test_a_leg_nobody_knows_is_gone(self, telephone: Telephone) -> None:
        with pytest.raises(Gone, match="status 404, code 20404"):
            telephone.move_call("CA9", URL)

    def test_a_live_leg_is_hung_up(self, twilio: Twilio, telephone: Telephone) -> None:
        twilio.add_call("CA1")

        telephone.end_call("CA1")

        assert twilio.of("POST", "/Calls/CA1.json") == [{"Status": "completed"}]

    def test_a_ringing_leg_stops_ringing(self, twilio: Twilio, telephone: Telephone) -> None:
        twilio.add_call("CA1", "ringing")

        telephone.end_call("CA1")

        assert twilio.calls["CA1"]["status"] == "canceled"

    @pytest.mark.parametrize("sid", ["CA1", "CA9"])
    def test_ending_a_leg_that_is_over_is_fine(self, twilio: Twilio, telephone: Telephone, sid: str) -> None:
        twilio.add_call("CA1", "completed")

        telephone.end_call(sid)

    def test_the_state_of_a_call(self, twilio: Twilio, telephone: Telephone) -> None:
        twilio.add_call("CA1", "ringing")

        assert telephone.call_status("CA1") == "ringing"
        assert telephone.call_status("CA9") is None


ROOM = "CF" + "1" * 32


class TestRooms:
    """Conferences and recordings, in Twilio's own parameters; how they behave is rehearsed with the exchange."""

    @pytest.fixture(autouse=True)
    def room(self, twilio: Twilio) -> None:
        over = {"sid": "CF" + "0" * 32, "friendly_name": "rx", "account_sid": ACCOUNT, "status": "completed"}
        twilio.conferences = {ROOM: over | {"sid": ROOM, "status": "init"}, over["sid"]: over}
        twilio.participants = {ROOM: ["CA1"]}

    @pytest.mark.parametrize(
        ("wanted", "sent"),
        [
            (
                {"hold": True, "hold_url": "https://rx.example/hold"},
                {"Hold": "true", "HoldUrl": "https://rx.example/hold", "HoldMethod": "POST"},
            ),
            ({"hold": False}, {"Hold": "false"}),
            ({"muted": True, "ends": False}, {"Muted": "true", "EndConferenceOnExit": "false"}),
            ({"coaching": "CA2"}, {"Coaching": "true", "CallSidToCoach": "CA2"}),
            ({"coaching": ""}, {"Coaching": "false"}),
        ],
    )
    def test_a_participant_is_changed_in_one_request(
        self, twilio: Twilio, telephone: Telephone, wanted: dict[str, Any], sent: Json
    ) -> None:
        telephone.participant(ROOM, "CA1", **wanted)

        assert [how for how, _, _ in twilio.asked] == ["POST"]
        assert twilio.of("POST", f"/Conferences/{ROOM}/Participants/CA1.json") == [sent]

    def test_a_name_is_looked_up_once_among_those_not_over(self, twilio: Twilio, telephone: Telephone) -> None:
        telephone.participant("rx", "CA1", muted=True)
        telephone.participant("rx", "CA1", muted=False)

        assert [asked["FriendlyName"] for asked in twilio.of("GET", "/Conferences.json")] == ["rx"]
        assert len(twilio.of("POST", f"/{ROOM}/Participants/CA1.json")) == 2

    def test_a_name_nobody_has_yet_is_looked_up_again(self, twilio: Twilio, telephone: Telephone) -> None:
        room = twilio.conferences.pop(ROOM)
        with pytest.raises(Gone):
            telephone.conference_sid("rx")
        twilio.conferences[ROOM] = room

        assert telephone.conference_sid("rx") == ROOM

    def test_a_pause_leaves_silence(self, twilio: Twilio, telephone: Telephone) -> None:
        telephone.pause_recording("CA1")
        telephone.resume_recording("CA1")

        told = [{"Status": "paused", "PauseBehavior": "silence"}, {"Status": "in-progress"}]
        assert twilio.of("POST", "/Calls/CA1/Recordings/Twilio.CURRENT.json") == told

    def test_a_recording_started_tells_its_progress(self, twilio: Twilio, telephone: Telephone) -> None:
        assert telephone.start_recording("CA1", "https://rx.example/r") == "RE1"
        assert twilio.of("POST", "/Calls/CA1/Recordings.json") == [
            {
                "RecordingStatusCallback": "https://rx.example/r",
                "RecordingStatusCallbackEvent": ["in-progress", "completed", "absent"],
            }
        ]

    def test_a_recordings_sound_comes_in_pieces_for_the_accounts_own_login(
        self, twilio: Twilio, telephone: Telephone
    ) -> None:
        pieces = list(telephone.recording_media("RE1"))

        assert (b"".join(pieces), len(pieces) > 1) == (b"sound" * 40_000, True)
        assert twilio.logins == [(ACCOUNT, TOKEN)]
        with pytest.raises(Gone):
            telephone.recording_media("RE9")

    def test_sound_that_breaks_off_is_unknown(self) -> None:
        half = b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\nsou"
        with rude_server(half) as url, telephone_to(url) as telephone:
            sound = telephone.recording_media("RE1")
            with pytest.raises(Unknown):
                list(sound)

    def test_sound_nobody_can_be_asked_for(self) -> None:
        with telephone_to(nobody_there()) as telephone, pytest.raises(Refused, match="no connection"):
            telephone.recording_media("RE1")


class TestWhatReallyHappened:
    """Twilio's own lists, which the sweep believes."""

    def test_calls_between_two_addresses(self, twilio: Twilio, telephone: Telephone) -> None:
        twilio.add_call("CA1", "completed", end_time=told_at(NOW + timedelta(seconds=61)), duration="61")
        twilio.add_call("CA2", to=LINE)

        assert telephone.find_calls(to=ANA, from_=LINE, since=NOW) == [
            FoundCall(
                sid="CA1",
                to=ANA,
                from_=LINE,
                status="completed",
                direction="outbound-api",
                started_at=NOW,
                ended_at=NOW + timedelta(seconds=61),
                seconds=61,
            )
        ]
        [asked] = twilio.of("GET", "/Calls.json")
        assert (asked["To"], asked["From"]) == (ANA, LINE)

    def test_since_is_asked_in_utc_and_checked_again(self, twilio: Twilio, telephone: Telephone) -> None:
        """Twilio's manual lets it filter by the day only."""
        twilio.add_call("CA1", start_time=told_at(NOW - timedelta(seconds=1)))
        twilio.add_call("CA2")
        new_york = timezone(timedelta(hours=-5))

        found = telephone.calls_since((NOW + timedelta(milliseconds=400)).astimezone(new_york))

        assert [call.sid for call in found] == ["CA2"]
        assert twilio.of("GET", "/Calls.json")[0]["StartTime>"] == "2026-11-24T15:00:00Z"

    def test_a_call_still_queued_is_found(self, twilio: Twilio, telephone: Telephone) -> None:
        twilio.add_call("CA1", "queued", start_time=None)

        [call] = telephone.calls_since(NOW)
        assert (call.status, call.started_at, call.seconds) == ("queued", None, None)

    def test_every_page_is_read(self, twilio: Twilio, telephone: Telephone) -> None:
        for number in range(5):
            twilio.add_call(f"CA{number}")

        assert len(telephone.calls_since(NOW)) == 5
        assert len(telephone.find_calls(to=ANA, from_=LINE, since=NOW)) == 5

    def test_texts_to_a_number(self, twilio: Twilio, telephone: Telephone) -> None:
        late, early = told_at(NOW), told_at(NOW - timedelta(minutes=1))
        twilio.texts = [
            {"sid": "SM2", "body": "b", "status": "sent", "date_created": late},
            {"sid": "SM1", "body": "a", "status": "sent", "date_created": early},
        ]

        assert [text.sid for text in telephone.find_texts(to=ANA, since=NOW)] == ["SM2"]
        assert twilio.of("GET", "/Messages.json")[0]["To"] == ANA

    @pytest.mark.parametrize(
        ("made", "words"),
        [
            ([{"status": "completed", "transcription_text": "call me back"}], "call me back"),
            ([{"status": "failed", "transcription_text": None}], ""),
            ([{"status": "in-progress", "transcription_text": None}], None),
            ([], None),
            (None, None),
        ],
        ids=["made", "failed", "being made", "not asked for", "no such recording"],
    )
    def test_a_transcript(
        self, twilio: Twilio, telephone: Telephone, made: list[Json] | None, words: str | None
    ) -> None:
        if made is not None:
            twilio.transcriptions["RE1"] = [{"sid": "TR1", "recording_sid": "RE1"} | each for each in made]
        assert TwilioTranscripts(telephone).of("RE1") == words

    def test_a_message_is_forgotten_with_what_was_heard_in_it(self, twilio: Twilio, telephone: Telephone) -> None:
        twilio.transcriptions["RE1"] = [{"sid": "TR1", "recording_sid": "RE1", "status": "completed"}]
        telephone.forget_message("RE1")
        telephone.forget_message("RE1")
        assert twilio.transcriptions == {}
        assert [path.rpartition("/")[2] for how, path, _ in twilio.asked if how == "DELETE"] == [
            *("TR1.json", "RE1.json", "RE1.json")
        ]

    def test_recordings(self, twilio: Twilio, telephone: Telephone) -> None:
        twilio.recordings = [
            {"sid": "RE2", "call_sid": "CA1", "status": "completed", "duration": "12"},
            {"sid": "RE1", "call_sid": "CA1", "status": "processing", "duration": None},
        ]
        for recording in twilio.recordings:
            recording["date_created"] = told_at(NOW)

        found = [(made.sid, made.status, made.seconds) for made in telephone.recordings_since(NOW)]
        assert found == [("RE2", "completed", 12), ("RE1", "processing", None)]

    def test_rooms_in_use_and_who_is_in_them(self, twilio: Twilio, telephone: Telephone) -> None:
        twilio.conferences = {
            sid: {"sid": sid, "friendly_name": f"room-{sid}", "account_sid": ACCOUNT} for sid in ("CF1", "CF2")
        }
        twilio.participants = {"CF1": ["CA1", "CA2"]}

        assert telephone.live_conferences() == [
            Conference("CF1", "room-CF1", ("CA1", "CA2")),
            Conference("CF2", "room-CF2", ()),  # it ended while we asked
        ]
        assert twilio.of("GET", "/Conferences.json")[0]["Status"] == "in-progress"

    def test_found_things_do_not_show_whom_they_are_about(self, twilio: Twilio, telephone: Telephone) -> None:
        twilio.add_call("CA1")
        twilio.texts = [{"sid": "SM1", "body": "private", "status": "sent", "date_created": told_at(NOW)}]

        told = repr((telephone.calls_since(NOW), telephone.find_texts(to=ANA, since=NOW)))
        assert not any(private in told for private in (ANA, LINE, "private"))


# ---------------------------------------------------------------- bad ends


@contextmanager
def rude_server(reply: bytes | None, linger_seconds: float = 0.0) -> Iterator[str]:
    """Takes a request, says these bytes, and closes; None says nothing."""
    listening = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with listening.accept()[0] as connection:
            connection.recv(65536)
            time.sleep(linger_seconds)
            if reply:
                connection.sendall(reply)

    thread = threading.Thread(target=serve)
    thread.start()
    yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    thread.join()
    listening.close()


def nobody_there() -> str:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return f"http://127.0.0.1:{listening.getsockname()[1]}"


class TestProvedNotDone:
    """Refused: the effect may be tried again, or given up, but never looked up."""

    def test_too_many_at_once_may_be_asked_again(self, twilio: Twilio, telephone: Telephone) -> None:
        twilio.out_of_sorts = lambda: error(429, 20429)

        with pytest.raises(Refused) as refused:
            ring_ana(telephone)
        assert (refused.value.code, refused.value.status, refused.value.retry) == (20429, 429, True)

    @pytest.mark.parametrize(("status", "code"), [(400, 21211), (401, 20003), (403, 20003), (400, 13227)])
    def test_a_refusal_stays_one(self, twilio: Twilio, telephone: Telephone, status: int, code: int) -> None:
        twilio.out_of_sorts = lambda: error(status, code)

        with pytest.raises(Refused) as refused:
            ring_ana(telephone)
        assert (refused.value.code, refused.value.status, refused.value.retry) == (code, status, False)

    @pytest.mark.parametrize("body", ["", "<html>", "[]", '{"code": "x"}', '{"code": null}', "7"])
    def test_a_refusal_without_twilios_words_is_one(self, twilio: Twilio, telephone: Telephone, body: str) -> None:
        twilio.out_of_sorts = lambda: Response(body, 403)

        with pytest.raises(Refused, match="status 403, code None"):
            ring_ana(telephone)

    def test_nobody_listening_may_be_asked_again(self) -> None:
        with telephone_to(nobody_there()) as telephone, pytest.raises(Refused, match="no connection") as refused:
            ring_ana(telephone)
        assert (refused.value.code, refused.value.status, refused.value.retry) == (None, None, True)

    def test_a_connection_nobody_accepts_may_be_asked_again(self) -> None:
        with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
            address = full.getsockname()
            waiting = [socket.socket() for _ in range(4)]
            for one in waiting:
                one.setblocking(False)
                one.connect_ex(address)
            time.sleep(0.05)
            url = f"http://127.0.0.1:{address[1]}"
            with telephone_to(url) as telephone, pytest.raises(Refused) as refused:
                ring_ana(telephone)
            for one in waiting:
                one.close()
        assert refused.value.retry

    def test_a_proxy_that_is_down_may_be_asked_again(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("HTTPS_PROXY", nobody_there())

        with telephone_to("") as telephone, pytest.raises(Refused) as refused:
            ring_ana(telephone)
        assert refused.value.retry

    def test_a_practice_exchange_is_reached_without_the_proxy(
        self, telephone: Telephone, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, nobody_there())

        assert ring_ana(telephone) == "CA0"


class TestPerhapsDone:
    """Unknown: never sent again before it has been looked up."""

    @pytest.mark.parametrize("status", [500, 502, 503, 301, 304])
    def test_a_failure_on_their_side(self, twilio: Twilio, telephone: Telephone, status: int) -> None:
        twilio.out_of_sorts = lambda: Response('{"code": 20500}', status)

        with pytest.raises(Unknown, match=f"status {status}") as unknown:
            ring_ana(telephone)
        assert unknown.value.status == status

    @pytest.mark.parametrize(
        "body", ["", "<html>Bad gateway</html>", "[]", "7", "{}", '{"sid": ""}', '{"sid": 7}', '{"sid": null}']
    )
    def test_a_reply_without_sense(self, twilio: Twilio, telephone: Telephone, body: str) -> None:
        twilio.out_of_sorts = lambda: Response(body, 201)

        with pytest.raises(Unknown):
            ring_ana(telephone)

    @pytest.mark.parametrize("body", ["", "{}", '{"calls": 7}', '{"calls": [7]}', '{"calls": [{"start_time": 7}]}'])
    def test_a_list_without_sense(self, twilio: Twilio, telephone: Telephone, body: str) -> None:
        twilio.out_of_sorts = lambda: Response(body, 200)

        with pytest.raises(Unknown):
            telephone.calls_since(NOW)

    def test_a_call_with_an_odd_duration(self, twilio: Twilio, telephone: Telephone) -> None:
        twilio.add_call("CA1", duration="long")

        with pytest.raises(Unknown):
            telephone.calls_since(NOW)

    def test_no_reply_in_time(self) -> None:
        with rude_server(None, linger_seconds=2.0) as url, telephone_to(url) as telephone:
            started = time.monotonic()
            with pytest.raises(Unknown, match="no reply"):
                ring_ana(telephone)
            assert time.monotonic() - started < 2.0

    @pytest.mark.parametrize(
        "reply",
        [None, b"HTTP/1.1 201 Created\r\n", b"HTTP/1.1 201 Created\r\nContent-Length: 900\r\n\r\n{", b"\0\0\0"],
        ids=["nothing", "half a head", "half a body", "no HTTP"],
    )
    def test_a_connection_that_breaks_after_the_request(self, reply: bytes | None) -> None:
        with rude_server(reply) as url, telephone_to(url) as telephone, pytest.raises(Unknown):
            ring_ana(telephone)

    def test_a_request_is_never_repeated_by_itself(self, twilio: Twilio, telephone: Telephone) -> None:
        twilio.out_of_sorts = lambda: Response(status=503)

        with pytest.raises(Unknown):
            ring_ana(telephone)
        assert len(twilio.asked) == 1

    def test_a_redirect_is_not_followed(self, twilio: Twilio, telephone: Telephone) -> None:
        twilio.out_of_sorts = lambda: Response(status=307, headers={"Location": twilio.url + "/elsewhere"})

        with pytest.raises(Unknown):
            ring_ana(telephone)
        assert len(twilio.asked) == 1


class TestPrivacy:
    """Whom we ring is in no error and no log, whatever goes wrong."""

    def trouble(self, telephone: Telephone) -> str:
        with pytest.raises((Refused, Unknown)) as place:
            ring_ana(telephone)
        with pytest.raises((Refused, Unknown)) as find:
            telephone.find_calls(to=ANA, from_=LINE, since=NOW)
        raised = (place.value, find.value)
        assert not any(one.__context__ or one.__cause__ for one in raised)
        return "".join("".join(traceback.format_exception(one)) + repr(one.args) for one in raised)

    @pytest.mark.parametrize("reply", [lambda: error(400, 21211), lambda: Response(f"{{{ANA}", 200)])
    def test_no_error_says_whom_it_was_about(
        self, twilio: Twilio, telephone: Telephone, reply: Callable[[], Response]
    ) -> None:
        twilio.out_of_sorts = reply

        told = self.trouble(telephone)
        assert not any(private in told for private in ("2125550123", "2125550100", "7Yc1nVY0b3Q"))

    def test_no_broken_connection_says_whom_it_was_about(self) -> None:
        with telephone_to(nobody_there()) as telephone:
            assert "2125550123" not in self.trouble(telephone)

    def test_no_log_says_whom_we_ring_even_when_all_is_logged(
        self, twilio: Twilio, telephone: Telephone, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.DEBUG)
        caplog.set_level(logging.DEBUG, logger="twilio.http_client")
        ring_ana(telephone)
        telephone.find_calls(to=ANA, from_=LINE, since=NOW)

        ours = [line.getMessage() for line in caplog.records if line.name != "werkzeug"]
        assert not any("2125550123" in line for line in ours)
