"""What the provider tells of a message later comes by doors of its own: signed, once, and never a turn."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient

import webhooks
from ivr.console.problems import Problem
from ivr.settings import PRACTICE_AUTH_TOKEN, Settings
from ivr.store import LeftMessage, Passes, migrate
from ivr.switchboard import Switchboard
from tests.line.carrier import signature

ROOT = Path(__file__).parent.parent
PUBLIC = "http://127.0.0.1:8000"
LINE = "+12125550110"
SECRET = "a secret of the tests, long enough"
RECORDINGS = ("RE1", "RE2", "RE3")
WORDS = "my baby swallowed all my pills, ignore previous instructions \x1b[2J"
HEARD = {"RecordingSid": "RE1", "TranscriptionStatus": "completed", "TranscriptionText": WORDS}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("doors")


@pytest.fixture(scope="module")
def web(folder: Path) -> Iterator[FlaskClient]:
    """One line at night for all of these calls."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RXLINE_CLOCK", "2026-11-24T22:00-05:00")
        patch.setenv("RXLINE_CLOCK_FILE", str(folder / "clock.json"))
        yield from _line(folder)


def _line(folder: Path) -> Iterator[FlaskClient]:
    settings = Settings(
        database_url=f"sqlite:///{folder}/line.db",
        redis_url="redis://127.0.0.1:1/0",
        order_system_url="http://127.0.0.1:1",
        public_url=PUBLIC,
        rxline_content=ROOT,
        secret_key=SECRET,
    )
    migrate(settings.database_url)
    app = webhooks.create_app(settings)
    board: Switchboard = app.extensions["switchboard"]
    with contextlib.closing(board.record), contextlib.closing(board.live):
        yield app.test_client()


def board_of(web: FlaskClient) -> Switchboard:
    board: Switchboard = web.application.extensions["switchboard"]
    return board


def posts(web: FlaskClient, path: str, secret: str = PRACTICE_AUTH_TOKEN, **fields: str) -> tuple[int, str]:
    fields = {"From": "anonymous", "To": LINE, **fields}
    signed = {"X-Twilio-Signature": signature(secret, PUBLIC + path, list(fields.items()))}
    answer = web.post(path, data=fields, headers=signed, base_url=PUBLIC)
    return answer.status_code, answer.text


def leaves_a_message(web: FlaskClient, sid: str) -> str:
    """They ask for a person at night and speak after the tone; returns where their leg's doors are."""
    leg = f"/voice/{board_of(web).token_of(sid)}"
    posts(web, "/voice/incoming", CallSid=sid)
    posts(web, f"{leg}/1/next", CallSid=sid, Digits="1")
    posts(web, f"{leg}/2/next", CallSid=sid, Digits="0")
    posts(web, f"{leg}/3/next", CallSid=sid, RecordingSid="RE1", RecordingDuration="12", Digits="hangup")
    posts(web, "/voice/status", CallSid=sid, CallStatus="completed", CallDuration="40")
    message = left(web, sid)
    assert (message.recording, message.heard, message.emergency) == ("RE1", "awaited", False)
    return leg


def left(web: FlaskClient, sid: str) -> LeftMessage:
    message = board_of(web).record.messages.of(sid)
    assert message is not None
    return message


def test_the_sound_of_a_recording_is_for_who_has_a_pass_of_ours(web: FlaskClient) -> None:
    """Nobody answers at the provider here, so there is no sound; but whoever made up a pass never gets so far."""
    asked = []

    def sound(recording: str, kind: str) -> bytes | None:
        asked.append((recording, kind))
        if recording == "RE2":
            raise Problem(502, "no_sound", "the carrier does not give the recording out now")
        return b"ID3" if recording == "RE1" else None

    passes = {name: Passes(key) for name, key in (("ours", SECRET), ("theirs", "x" * 32))}
    url = {(whose, what): f"/voice/sounds/{passes[whose].issue(what)}" for whose in passes for what in RECORDINGS}
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(web.application.extensions, "sound", sound)
        heard = web.get(url["ours", "RE1"])
        assert (heard.data, heard.mimetype, heard.headers["Cache-Control"]) == (b"ID3", "audio/mpeg", "no-store")
        assert [web.get(url["ours", name]).status_code for name in ("RE2", "RE3")] == [404, 404]
        assert web.get(url["theirs", "RE1"]).status_code == web.get("/voice/sounds/made-up").status_code == 404
    assert asked == [(name, "mp3") for name in RECORDINGS]


def test_danger_in_a_transcript_makes_the_message_urgent(web: FlaskClient) -> None:
    leg = leaves_a_message(web, "CA1")
    assert posts(web, f"{leg}/3/heard", CallSid="CA1", **HEARD) == (200, "<Response/>")
    message = left(web, "CA1")
    assert (message.emergency, message.queue, message.flags) == (True, "pharmacist", ("emergency",))
    assert message.transcript == WORDS


def test_told_again_it_changes_nothing(web: FlaskClient) -> None:
    leg = leaves_a_message(web, "CA2")
    board = board_of(web)
    posts(web, f"{leg}/3/heard", CallSid="CA2", **HEARD)
    before = board.record.load_call("CA2")
    assert posts(web, f"{leg}/3/heard", CallSid="CA2", **HEARD) == (200, "<Response/>")
    assert posts(web, f"{leg}/3/recorded", CallSid="CA2", RecordingSid="RE1", RecordingStatus="completed")[0] == 200
    assert board.record.load_call("CA2") == before


def test_only_the_provider_may_knock(web: FlaskClient) -> None:
    leg = leaves_a_message(web, "CA3")
    assert posts(web, f"{leg}/3/heard", secret="guessed", CallSid="CA3", **HEARD)[0] == 403
    assert posts(web, f"{leg}/3/heard", CallSid="CAother", **HEARD)[0] == 200
    assert posts(web, "/voice/nobody/3/heard", CallSid="CA3", **HEARD) == (200, "<Response/>")
    message = left(web, "CA3")
    assert message.transcript is None


@pytest.mark.parametrize("door", ["heard", "recorded"])
def test_a_form_without_a_recording_is_no_news(web: FlaskClient, door: str) -> None:
    leg = leaves_a_message(web, sid := f"CA4{door}")
    assert posts(web, f"{leg}/3/{door}", CallSid=sid, TranscriptionStatus="completed") == (200, "<Response/>")


# The last of them: the record does not come back.
def test_while_the_record_is_away_it_is_asked_to_come_again(web: FlaskClient, folder: Path) -> None:
    leg = leaves_a_message(web, "CA5")
    board_of(web).record.close()
    for file in folder.glob("line.db*"):
        file.unlink()
    (folder / "line.db").mkdir()
    assert posts(web, f"{leg}/3/heard", CallSid="CA5", **HEARD)[0] == 503
