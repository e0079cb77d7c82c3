"""Talks of the practice phones: put on hold, helped, passed on, recorded, listened to, and called back.

One whole line whose house rules differ from the shipped ones: the front desk records, insurance rings the caller first,
machines are told something.
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from ivr.phone.client import Phone, Phones
from ivr.settings import PRACTICE_ACCOUNT_SID, PRACTICE_AUTH_TOKEN
from ivr.store import Entry, Record
from tests.whole_line import ROOT, WholeLine, whole_line

TALKS = sorted((ROOT / "tests" / "calls" / "talks").glob("*.yaml"))
CHANGES = {
    "queues.yaml": [
        ("title: Front desk\n", "title: Front desk\n    record: yes\n"),
        ("title: Insurance\n", "title: Insurance\n    callback_mode: caller_first\n"),
    ],
    "policies.yaml": [("machine: hang_up ", "machine: message ")],
}
SECONDS = 8


@pytest.fixture(scope="module")
def line(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WholeLine]:
    content = tmp_path_factory.mktemp("content")
    shutil.copytree(ROOT / "config", content / "config")
    for part in ("callflows", "routing_rules"):
        (content / part).symlink_to(ROOT / part)
    for file, changes in CHANGES.items():
        text = (content / "config" / file).read_text()
        for old, new in changes:
            assert text.count(old) == 1, old
            text = text.replace(old, new)
        (content / "config" / file).write_text(text)
    with whole_line(tmp_path_factory.mktemp("talks"), RXLINE_CONTENT=str(content)) as running:
        yield running


@pytest.mark.parametrize("path", TALKS, ids=lambda path: path.stem)
def test_a_talk_as_it_is_written(line: WholeLine, path: Path) -> None:
    line.everybody_available()
    result = line.call(path)
    told = "\n".join(f"  {said.who}: {said.text}" for said in result.transcript)
    missed = "\n".join(f"{path.name}:{finding.line}: {finding.text}" for finding in result.findings)
    assert result.passed, f"{result.name}\n{told}\n{missed}"
    if path.stem == "recording_paused":
        recorded = " ".join(_recorded(line))
        assert "ten dollars" in recorded
        assert "paid now" in recorded
        assert "four one one one" not in recorded


def _recorded(line: WholeLine) -> list[str]:
    """What is in every recording there is."""
    base = f"{line.exchange}/2010-04-01/Accounts/{PRACTICE_ACCOUNT_SID}"
    with httpx.Client(auth=(PRACTICE_ACCOUNT_SID, PRACTICE_AUTH_TOKEN), trust_env=False) as twilio:
        found = twilio.get(f"{base}/Recordings.json").json()["recordings"]
        return [twilio.get(f"{base}/Recordings/{one['sid']}.txt").text for one in found]


# ---------------------------------------------------------------- supervisors


def hears(phone: Phone, words: str) -> None:
    def has_come(lines: list[dict[str, object]]) -> bool:
        return any(words in str(line.get("text")) for line in lines)

    assert phone.wait_for(has_come, SECONDS), f"not heard: {words}; heard: {[one.get('text') for one in phone.lines]}"


def heard(phone: Phone, words: str) -> bool:
    phone.read()
    return any(words in str(line.get("text")) for line in phone.lines)


def picks_up(phones: Phones, number: str) -> Phone:
    [phone] = phones.ringing(number, wait_seconds=SECONDS)
    phone.answer(pace=0.0)
    return phone


def test_a_supervisor_listens_then_coaches_then_barges_in(line: WholeLine) -> None:
    line.everybody_available()
    with Phones(line.exchange) as phones, _api(line) as api:
        caller = phones.call("main", "+16145550185", pace=0.0)
        caller.press("1")
        hears(caller, "For a refill")
        caller.press("0")
        grace = picks_up(phones, "+12025550135")
        grace.press("1")
        hears(caller, "may be recorded")
        ticket = api.get("/agents/grace").json()["ticket"]
        assert api.post(f"/tickets/{ticket}/listen").status_code == 200
        ruth = picks_up(phones, "+12025550131")
        hears(ruth, "is talking with a caller")
        ruth.press("1")

        tries(caller, "it hurts", ruth)
        ruth.say("nobody hears me")
        assert api.post(f"/tickets/{ticket}/coach").status_code == 200
        tries(ruth, "offer an appointment", grace)
        assert not heard(caller, "offer an appointment")
        assert api.post(f"/tickets/{ticket}/barge").status_code == 200
        tries(ruth, "this is Ruth", caller)
        assert not heard(caller, "nobody hears me")
        assert not heard(grace, "nobody hears me")
        caller.hang_up()


def tries(speaker: Phone, words: str, listener: Phone) -> None:
    """Somebody says something until the other hears it: the carrier may be a moment late to let them."""
    for _ in range(SECONDS * 2):
        speaker.say(words, when_asked=False)
        if listener.wait_for(lambda lines: any(words in str(line.get("text")) for line in lines), 0.5):
            return
    raise AssertionError(f"not heard: {words}")


@contextlib.contextmanager
def _api(line: WholeLine) -> Iterator[httpx.Client]:
    """The API as Ruth, a supervisor."""
    with contextlib.closing(Record(f"sqlite:///{line.folder}/var/rxline.db", "no reply is opened")) as record:
        token = record.staff.make_token("ruth", Entry("cli", "cli", "token.made", "agent:ruth"), line.now())
    headers = {"Authorization": f"Bearer {token}"}
    with httpx.Client(base_url=f"{line.web}/api/v1", headers=headers, trust_env=False, timeout=10) as api:
        yield api
