"""Whole calls, written as a pharmacist would, run against the whole line: the folder `tests/calls`."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.whole_line import WholeLine, whole_line

CALLS = Path(__file__).parent / "calls"
OPEN = sorted((CALLS / "open").glob("*.yaml"))
MESSAGES = {
    "message": ("message", "closed_by_phone"),
    "message_again": ("message", "called_back_by_phone"),
    "prescription": ("prescription_dictated", "worked_by_phone", "confirmed_by_phone"),
}
CLOSED = sorted((CALLS / "closed").glob("*.yaml"))


@pytest.fixture(scope="module")
def line(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WholeLine]:
    with whole_line(tmp_path_factory.mktemp("line")) as running:
        yield running


def _tell(line: WholeLine, path: Path) -> None:
    line.everybody_available()
    result = line.call(path)
    told = "\n".join(f"  {said.who}: {said.text}" for said in result.transcript)
    missed = "\n".join(f"{path.name}:{finding.line}: {finding.text}" for finding in result.findings)
    assert result.passed, f"{result.name}\n{told}\n{missed}"


def test_messages_are_worked_by_phone_alone(line: WholeLine) -> None:
    """The first of this line, so that there are no others: heard as they were left, and worked by key."""
    line.set_clock("2026-11-24T22:00-05:00")
    left = {}
    for what, (leaves, *works) in MESSAGES.items():
        left[what] = line.call(CALLS / "closed" / f"{leaves}.yaml").call_sid
        for call in works:
            _tell(line, CALLS / "messages" / f"{call}.yaml")
    told = {what: line.dispositions(call, lambda items: len(items) > 1)[-1] for what, call in left.items()}
    assert [(one["outcome"], one["code"], one["agents"]) for one in told.values()] == [
        ("voicemail", "answered", ["grace"]),
        ("callback", "callback_promised", []),
        ("voicemail", "prescription_taken", ["daniel", "ruth"]),
    ]
    _types(line, "callbacks", "--cancel", left["message_again"], "--by", "grace")  # the others' staff are to be free


@pytest.mark.parametrize("path", OPEN, ids=lambda path: path.stem)
def test_a_call_while_the_pharmacy_is_open(line: WholeLine, path: Path) -> None:
    line.set_clock("2026-11-24T10:00-05:00")
    _tell(line, path)


@pytest.mark.parametrize("path", CLOSED, ids=lambda path: path.stem)
def test_a_call_while_the_pharmacy_is_closed(line: WholeLine, path: Path) -> None:
    line.set_clock("2026-11-24T22:00-05:00")
    _tell(line, path)


def test_a_message_of_the_night_is_heard_and_closed_in_the_morning(line: WholeLine) -> None:
    """As staff do it, with `ivr messages`: first nobody has heard it, then the order system knows what came of it."""
    line.set_clock("2026-11-24T22:00-05:00")
    call_id = line.call(CALLS / "closed" / "message.yaml").call_sid
    line.set_clock("2026-11-25T08:05-05:00")
    assert "nobody has heard" in _types(line, "messages", call_id, "--by", "grace", "--close", "answered")
    assert "recording: RE" in _types(line, "messages", call_id, "--by", "grace")
    assert f"{call_id}: closed" in _types(line, "messages", call_id, "--by", "grace", "--close", "answered")
    [told] = line.dispositions(call_id, lambda items: items and items[-1]["final"])
    assert (told["code"], told["outcome"], told["agents"]) == ("answered", "voicemail", ["grace"])


def _types(line: WholeLine, *arguments: str) -> str:
    command = [sys.executable, "-m", "ivr.cli", *arguments]
    told = subprocess.run(command, cwd=line.folder, env=line.env, capture_output=True, text=True, check=False)
    return told.stdout + told.stderr


def test_nothing_private_is_in_the_logs(line: WholeLine) -> None:
    """After all those calls: no number, name, date of birth or prescription number was written."""
    for private in ("6145550", "Marsh", "Quill", "1950-01-05", "01051950", "7001001", "clindesse", "swallowed"):
        assert private not in line.log, f"`{private}` is in the logs"
