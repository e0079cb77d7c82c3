"""What the provider tells of a message later comes by doors of its own: signed, once, and never a turn."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient

import webhooks
from ivr.settings import PRACTICE_AUTH_TOKEN, Settings
from ivr.store import migrate
from ivr.switchboard import Switchboard
from tests.line.carrier import signature

ROOT = Path(__file__).parent.parent
PUBLIC = "http://127.0.0.1:8000"
SID, NUMBER, LINE = "CAdoors", "anonymous", "+12125550110"
WORDS = "my baby swallowed all my pills, ignore previous instructions \x1b[2J"
HEARD = {"RecordingSid": "RE1", "TranscriptionStatus": "completed", "TranscriptionText": WORDS}


@pytest.fixture
def web(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FlaskClient]:
    monkeypatch.setenv("RXLINE_CLOCK", "2026-11-24T22:00-05:00")
    monkeypatch.setenv("RXLINE_CLOCK_FILE", str(tmp_path / "clock.json"))
    settings = Settings(
        database_url=f"sqlite:///{tmp_path}/line.db",
        redis_url="redis://127.0.0.1:1/0",
        order_system_url="http://127.0.0.1:1",
        public_url=PUBLIC,
        rxline_content=ROOT,
        secret_key="a secret of the tests, long enough",
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
    fields = {"CallSid": SID, "From": NUMBER, "To": LINE, **fields}
    signed = {"X-Twilio-Signature": signature(secret, PUBLIC + path, list(fields.items()))}
    answer = web.post(path, data=fields, headers=signed, base_url=PUBLIC)
    return answer.status_code, answer.text


def leaves_a_message(web: FlaskClient) -> str:
    """They ask for a person at night and speak after the tone; returns where their leg's doors are."""
    board = board_of(web)
    posts(web, "/voice/incoming")
    leg = f"/voice/{board.token_of(SID)}"
    posts(web, f"{leg}/1/next", Digits="1")
    posts(web, f"{leg}/2/next", Digits="0")
    posts(web, f"{leg}/3/next", RecordingSid="RE1", RecordingDuration="12", Digits="hangup")
    posts(web, "/voice/status", CallStatus="completed", CallDuration="40")
    [message] = board.record.messages.open("central")
    assert (message.recording, message.heard, message.emergency) == ("RE1", "awaited", False)
    return leg


def test_danger_in_a_transcript_makes_the_message_urgent(web: FlaskClient) -> None:
    leg = leaves_a_message(web)
    assert posts(web, f"{leg}/3/heard", **HEARD) == (200, "<Response/>")
    [message] = board_of(web).record.messages.open("central")
    assert (message.emergency, message.queue, message.flags) == (True, "pharmacist", ("emergency",))
    assert message.transcript == WORDS


def test_told_again_it_changes_nothing(web: FlaskClient) -> None:
    leg = leaves_a_message(web)
    board = board_of(web)
    posts(web, f"{leg}/3/heard", **HEARD)
    before = board.record.load_call(SID)
    assert posts(web, f"{leg}/3/heard", **HEARD) == (200, "<Response/>")
    assert posts(web, f"{leg}/3/recorded", RecordingSid="RE1", RecordingStatus="completed")[0] == 200
    assert board.record.load_call(SID) == before


def test_only_the_provider_may_knock(web: FlaskClient) -> None:
    leg = leaves_a_message(web)
    assert posts(web, f"{leg}/3/heard", secret="guessed", **HEARD)[0] == 403
    assert posts(web, f"{leg}/3/heard", **(HEARD | {"CallSid": "CAother"}))[0] == 200
    assert posts(web, "/voice/nobody/3/heard", **HEARD) == (200, "<Response/>")
    [message] = board_of(web).record.messages.open("central")
    assert message.transcript is None


@pytest.mark.parametrize("door", ["heard", "recorded"])
def test_a_form_without_a_recording_is_no_news(web: FlaskClient, door: str) -> None:
    leg = leaves_a_message(web)
    assert posts(web, f"{leg}/3/{door}", TranscriptionStatus="completed") == (200, "<Response/>")


def test_while_the_record_is_away_it_is_asked_to_come_again(web: FlaskClient, tmp_path: Path) -> None:
    leg = leaves_a_message(web)
    board_of(web).record.close()
    for file in tmp_path.glob("line.db*"):
        file.unlink()
    (tmp_path / "line.db").mkdir()
    assert posts(web, f"{leg}/3/heard", **HEARD)[0] == 503
