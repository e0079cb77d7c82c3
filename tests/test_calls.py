"""Whole calls, written as a pharmacist would, run against the whole line: the folder `tests/calls`."""

import json
import subprocess
import sys
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ivr.phone.webhook import signature
from ivr.settings import PRACTICE_AUTH_TOKEN
from tests.private import Private, asked_for, written_to_valkey
from tests.whole_line import _HTTP, WholeLine, whole_line

CALLS = Path(__file__).parent / "calls"
People = list[dict[str, Any]]
OPEN = sorted((CALLS / "open").glob("*.yaml"))
# What is left, how it is worked, and what came of it: outcome, code, agents.
MESSAGES = [
    ("message", ("closed_by_phone",), ("voicemail", "answered", ["grace"])),
    ("message", ("called_back_by_phone",), ("callback", "callback_promised", [])),
    (
        "prescription_dictated",
        ("worked_by_phone", "confirmed_by_phone"),
        ("voicemail", "prescription_taken", ["daniel", "ruth"]),
    ),
]
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
    left = []
    for message, works, _ in MESSAGES:
        left.append(line.call(CALLS / "closed" / f"{message}.yaml").call_sid)
        for call in works:
            _tell(line, CALLS / "messages" / f"{call}.yaml")
    for call_id, (*_, came) in zip(left, MESSAGES, strict=True):
        line.dispositions(call_id, lambda items, came=came: items and _came(items[-1]) == came)
    assert [_came(line.dispositions(call_id)[-1]) for call_id in left] == [came for *_, came in MESSAGES]
    _types(line, "callbacks", "--cancel", left[1], "--by", "grace")  # the others' staff are to be free


def _came(told: dict[str, Any]) -> tuple[str, str, list[str]]:
    return told["outcome"], told["code"], told["agents"]


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


@pytest.fixture(scope="module")
def people(line: WholeLine) -> People:
    listed: People = _asks(line.sandbox, "/_sandbox/people")["people"]
    return listed


@pytest.mark.parametrize(
    "spelt",
    [
        *("called by +16145550101", "to=%2B16145550101", "(614) 555-0101", "614.555.0101", "6 1 4 5 5 5 0 1 0 1"),
        *("Ada Marsh", "Dear Marsh,", "1950-01-05", "born 1/5/1950", "01/05/50", "January 5, 1950", '"19500105"'),
        *("rx 7001001", "rx 700-1001", '{"zip": "43004"}', '{"npi": "1234567893"}'),
    ],
)
def test_what_is_private_is_found_however_it_is_spelt(people: People, spelt: str) -> None:
    private = Private(people)
    assert private.found_in(f"turn taken {spelt}, and on")
    assert not private.found_in("2026-11-24T15:00:00.123456Z CA70010017 127.0.0.1:43004 pid=43004 1.000000 42")


def test_after_the_day_nothing_of_anybody_is_where_it_must_not_be(line: WholeLine, people: People) -> None:
    """The last of this line: what all these callers said, keyed and had done left no trace but in the record."""
    line.set_clock("2026-11-24T10:00-05:00")
    for call in ("machine_refills", "without_the_label"):  # all of the day, where nothing else was tried
        line.call(CALLS / "open" / f"{call}.yaml")
    _rings_while_the_record_is_away(line, people[0]["phone"])

    calls = [_asks(line.exchange, f"/handset/calls/{leg['leg']}") for leg in _calls(line)]
    places = {
        "the log": line.log,
        "metrics": _HTTP.open(f"{line.web}/metrics", timeout=5).read().decode(),
        "readyz": json.dumps(_asks(line.web, "/readyz")),
        "URLs": "\n".join(asked_for(calls)),
        "Valkey": "\n".join(written_to_valkey(line.folder / "var" / "valkey")),
    }
    assert {people[0]["phone"], people[16]["phone"]} <= {leg["number"] for leg in calls}
    assert "turn_failed" in places["the log"]
    assert "/voice/incoming" in places["URLs"]
    assert "ivr.jobs.run" in places["Valkey"]
    private = Private(people)
    assert {where: found for where, text in places.items() if (found := private.found_in(text))} == {}


def _rings_while_the_record_is_away(line: WholeLine, number: str) -> None:
    record = line.folder / "var" / "rxline.db"
    away = record.rename(record.with_suffix(".away"))
    form = {"CallSid": "CA" + "f" * 32, "From": number, "To": "+12125550110", "CallStatus": "ringing"}
    url = f"{line.web}/voice/incoming"
    signed = {"X-Twilio-Signature": signature(PRACTICE_AUTH_TOKEN, url, form)}
    request = urllib.request.Request(url, urllib.parse.urlencode(form).encode(), signed, method="POST")
    said = _HTTP.open(request, timeout=10).read()
    away.rename(record)
    assert b"our phone system has a problem" in said


def _calls(line: WholeLine) -> list[dict[str, Any]]:
    calls: list[dict[str, Any]] = _asks(line.exchange, "/handset/calls?all=1")["calls"]
    return calls


def _asks(origin: str, path: str) -> dict[str, Any]:
    with _HTTP.open(origin + path, timeout=10) as answer:
        told: dict[str, Any] = json.load(answer)
    return told


def _types(line: WholeLine, *arguments: str) -> str:
    command = [sys.executable, "-m", "ivr.cli", *arguments]
    told = subprocess.run(command, cwd=line.folder, env=line.env, capture_output=True, text=True, check=False)
    return told.stdout + told.stderr


def test_nothing_private_is_in_the_logs(line: WholeLine) -> None:
    """After all those calls: no number, name, date of birth or prescription number was written."""
    for private in ("6145550", "Marsh", "Quill", "1950-01-05", "01051950", "7001001", "clindesse", "swallowed"):
        assert private not in line.log, f"`{private}` is in the logs"
