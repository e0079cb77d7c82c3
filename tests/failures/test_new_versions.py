"""The files change in the middle of a working day: saved, mistyped, rolled back, while people are on the phone."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from ivr.phone.webhook import signature
from ivr.settings import PRACTICE_AUTH_TOKEN
from ivr.versions import short
from tests.failures.rehearsed import Rehearsed, eventually, rehearsing
from tests.office.admin import MISTAKE, PROMPTS, RULES, edit, folder_in, mistype
from tests.whole_line import _HTTP

WORKERS = 5  # children of the worker, each a process of its own


@pytest.fixture
def content(tmp_path: Path) -> Path:
    return folder_in(tmp_path / "content")


@pytest.fixture
def rehearsed(content: Path, tmp_path: Path) -> Iterator[Rehearsed]:
    with rehearsing(tmp_path, RXLINE_CONTENT=str(content)) as line:
        yield line
        line.tells()


def current(rehearsed: Rehearsed) -> str:
    """The version the web process gives to callers."""
    with _HTTP.open(f"{rehearsed.line.web}/readyz", timeout=5) as answer:
        version: str = json.load(answer)["version"]
    return version


def changes(rehearsed: Rehearsed, before: str) -> str:
    eventually(lambda: current(rehearsed) != before, "callers get another version")
    return current(rehearsed)


def rescue(rehearsed: Rehearsed) -> str:
    """What the line says to a caller it knows nothing of."""
    url, form = f"{rehearsed.line.web}/voice/nobody/1/next", {"CallSid": "CA1", "To": "+12125550110"}
    signed = {"X-Twilio-Signature": signature(PRACTICE_AUTH_TOKEN, url, form)}
    request = urllib.request.Request(url, urllib.parse.urlencode(form).encode(), signed, method="POST")
    with _HTTP.open(request, timeout=5) as answer:
        return str(answer.read(), "utf-8")


def rolls_back(rehearsed: Rehearsed, which: str) -> None:
    command = [sys.executable, "-m", "ivr.cli", "rollback", which, "-m", "Nobody understood it", "--author", "rosa"]
    subprocess.run(command, cwd=rehearsed.line.folder, env=rehearsed.line.env, check=True, capture_output=True)


def test_a_day_on_which_the_files_change(rehearsed: Rehearsed, content: Path) -> None:
    first = current(rehearsed)
    before = rehearsed.calls()
    before.hears("For English, press 1")

    # A save is published, and every process takes it up; who is on the phone keeps what they have.
    edit(content, "config/sites.yaml", "+12025550120", "+12025550129")
    edit(content, PROMPTS, "For a refill, press 2.", "To order your medicine again, press 2.")
    second = changes(rehearsed, first)
    assert "12025550129" in rescue(rehearsed)
    taken = f"version={short(second)}"
    eventually(lambda: rehearsed.line.log.count(taken) > WORKERS, "the web and each child of the worker took it")
    rehearsed.calls("1").hears("To order your medicine again, press 2.")
    before.keys("1")
    before.hears("For a refill, press 2.")

    # A mistake changes nothing but the admin's screen.
    mistype(content)
    eventually(lambda: MISTAKE.search(rehearsed.line.log), "the mistake is shown where it stands")
    assert current(rehearsed) == second

    # What is rolled back stays so until a file changes.
    rolls_back(rehearsed, "1")
    assert changes(rehearsed, second) == first
    edit(content, RULES, "queue: biling", "queue: billing")
    assert changes(rehearsed, first) == second
    assert [publication.author for publication in rehearsed.record.published.history()] == [
        "files",
        "rosa",
        *["files"] * 2,
    ]
