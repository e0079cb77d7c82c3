"""Recorded voices: found on disk, part of a version by their hash, fetched by Twilio, and words where they are not."""

from __future__ import annotations

import io
import subprocess
import wave
from pathlib import Path
from xml.etree import ElementTree

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

import webhooks
from ivr.content import find_problems, folder, load, load_files
from ivr.content.recordings import MOST_BYTES, Shelf, is_recording
from ivr.core.call import Caller
from ivr.office import sources
from ivr.switchboard import Switchboard
from tests.office.admin import PROMPTS, edit, folder_in

NOTICE = "emergency_notice: In an emergency, hang up and dial 911."
RECORDED = 'emergency_notice: {text: "In an emergency, hang up and dial 911.", recording: notice.wav}'
RECORDINGS = "callflows/recordings/"
PLACE = f"{RECORDINGS}en/notice.wav"


def sound(seconds: float = 0.1, pitch: int = 1) -> bytes:
    written = io.BytesIO()
    with wave.open(written, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(bytes([0, pitch]) * int(8000 * seconds))
    return written.getvalue()


def record(content: Path, data: bytes, path: str = PLACE) -> None:
    """Somebody saves a recording."""
    file = content / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(data)


@pytest.fixture
def content(tmp_path: Path) -> Path:
    """The shipped content, with a recorded notice."""
    content = folder_in(tmp_path / "content")
    edit(content, PROMPTS, NOTICE, RECORDED)
    record(content, sound())
    return content


def told(content: Path) -> list[str]:
    """What is wrong with recordings, and with the prompts that name them."""
    wrong = find_problems(content)
    return [str(problem) for problem in wrong if problem.file.startswith((RECORDINGS, PROMPTS))]


# ---------------------------------------------------------------- what is refused


def test_a_recorded_prompt_can_be_published(content: Path) -> None:
    assert told(content) == []
    said = load(content).prompts.say("en", "emergency_notice", {})
    assert said.text == "In an emergency, hang up and dial 911."
    assert Shelf(content).has(said.recording)


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        (b"", "this is no wav, whatever its name says; save it as wav"),
        (b"ID3 an mp3", "this is no wav, whatever its name says; save it as wav"),
        (sound() + bytes(MOST_BYTES), f"the recording has {MOST_BYTES + 1644} bytes; 5,000,000 at most are played"),
    ],
)
def test_what_cannot_be_played_is_refused_where_it_stands(content: Path, data: bytes, fault: str) -> None:
    record(content, data)
    assert told(content) == [f"{PLACE}:1:1: {fault}"]


@pytest.mark.parametrize(
    ("data", "is_sound"), [(b"ID3\x04", True), (b"\xff\xfb\x90", True), (b"\xff\xf1\x50", False), (sound(), False)]
)
def test_an_mp3_may_be_played_and_nothing_else_by_that_name(content: Path, data: bytes, is_sound: bool) -> None:
    edit(content, PROMPTS, "notice.wav", "notice.mp3")
    record(content, data, PLACE.replace(".wav", ".mp3"))
    (content / PLACE).unlink()
    assert (told(content) == []) == is_sound


def test_a_recording_nobody_made_is_refused(content: Path) -> None:
    (content / PLACE).unlink()
    [problem] = told(content)
    assert problem.endswith('there is no wav or mp3 called "notice.wav" in callflows/recordings/en/')


def test_a_link_out_of_the_folder_is_refused(content: Path, tmp_path: Path) -> None:
    record(tmp_path, sound(), "elsewhere.wav")
    (content / PLACE).unlink()
    (content / PLACE).symlink_to(tmp_path / "elsewhere.wav")
    assert f"{PLACE}:1:1: the link leads out of recordings/" in told(content)


def test_recordings_nobody_plays_are_remarked_on(content: Path) -> None:
    record(content, sound(), "callflows/recordings/en/old.wav")
    record(content, sound(), "callflows/recordings/loose.wav")
    assert told(content) == [
        "callflows/recordings/en/old.wav:1:1: no prompt plays this",
        "callflows/recordings/loose.wav:1:1: this is not played; it goes in callflows/recordings/<language>/, "
        "named with plain letters",
    ]


# ---------------------------------------------------------------- versions


def test_another_sound_is_another_version_and_the_same_is_the_same(content: Path) -> None:
    before = load(content)
    record(content, sound(pitch=2))
    other = load(content)
    record(content, sound())

    assert other.version != before.version == load(content).version
    assert {path for path in before.files if before.files[path] != other.files[path]} == {PLACE}


def test_a_stored_version_needs_no_disk_and_holds_no_sound(content: Path) -> None:
    published = load(content)
    again = load_files(published.files)

    assert again.version == published.version
    assert again.prompts.say("en", "emergency_notice", {}) == published.prompts.say("en", "emergency_notice", {})
    assert len(published.files[PLACE]) < 100


def test_a_revision_in_git_has_the_recordings_of_its_day(content: Path) -> None:
    for words in (["init", "-q"], ["add", "-A"], ["-c", "user.name=r", "-c", "user.email=r@x", "commit", "-qm", "x"]):
        subprocess.run(["git", "-C", str(content), *words], check=True)
    assert sources.find("git:HEAD", content).files == folder.texts(content)[0]
    record(content, b"no sound")
    subprocess.run(["git", "-C", str(content), "add", "-A"], check=True)
    subprocess.run(
        ["git", "-C", str(content), "-c", "user.name=r", "-c", "user.email=r@x", "commit", "-qm", "y"], check=True
    )
    assert [problem.file for problem in sources.find("git:HEAD", content).unread] == [PLACE]


# ---------------------------------------------------------------- what callers hear


@pytest.fixture
def door(board: Switchboard) -> FlaskClient:
    web = Flask("doors")
    web.extensions["switchboard"] = board
    web.register_blueprint(webhooks.voice)
    return web.test_client()


def first_words(board: Switchboard, call: str) -> ElementTree.Element:
    return ElementTree.fromstring(board.arrived(call, Caller(), "+12125550110"))[0]


def fetch(door: FlaskClient, path: str) -> TestResponse:
    return door.get(path, buffered=True)


def test_a_caller_hears_the_recording_and_whoever_has_fetched_it_may_keep_it(
    board: Switchboard, door: FlaskClient
) -> None:
    play = first_words(board, "CA1")
    path = (play.text or "").partition("//")[2].partition("/")[2]
    fetched, without_hash = fetch(door, f"/{path}"), fetch(door, f"/{path}".partition("?")[0])

    assert play.tag == "Play"
    assert (fetched.status_code, fetched.data) == (without_hash.status_code, without_hash.data) == (200, sound())
    assert fetched.content_type == "audio/wav"
    assert "max-age=31536000" in fetched.headers["Cache-Control"]
    assert "no-cache" in without_hash.headers["Cache-Control"]


def test_a_recording_that_is_not_at_hand_gives_way_to_its_words(board: Switchboard, content: Path) -> None:
    heard = [first_words(board, "CA1")]
    (content / PLACE).unlink()
    heard.append(first_words(board, "CA2"))
    for call, data in (("CA3", sound(pitch=3)), ("CA4", b"no sound"), ("CA5", sound())):
        record(content, data)
        heard.append(first_words(board, call))

    words = "In an emergency, hang up and dial 911."
    assert [said.tag for said in heard] == ["Play", "Say", "Say", "Say", "Play"]
    assert {said.text for said in heard if said.tag == "Say"} == {words}


def test_nothing_else_is_handed_out(door: FlaskClient, content: Path, tmp_path: Path) -> None:
    record(tmp_path, sound(), "private.wav")
    (content / "callflows/recordings/en/linked.wav").symlink_to(tmp_path / "private.wav")
    paths = [
        *("en/other.wav", "en/notice.wav?v=0000", "es/notice.wav", "en/notice.yaml", "en/notice.wav%00"),
        *("en/..%2fen%2fnotice.wav", "..%2f..%2fconfig/sites.yaml", "en/%2e%2e%2f%2e%2e%2fprompts%2fen.yaml"),
        *("../prompts/en.yaml", "en/linked.wav", "en/"),
    ]

    assert fetch(door, "/voice/recordings/en/notice.wav").status_code == 200
    assert {path: fetch(door, f"/voice/recordings/{path}").status_code for path in paths} == dict.fromkeys(paths, 404)


@pytest.mark.parametrize("path", [PLACE, "callflows/recordings/pt-br/A_1.mp3"])
def test_where_recordings_stand(path: str) -> None:
    assert is_recording(path)
    assert not is_recording(path.replace("recordings", "sounds"))
    assert not is_recording(path + ".txt")
