"""`ivr diff --calls`: calls that were, decided by rules that are not yet published."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from ivr.core.call import Caller
from ivr.core.events import Keyed
from ivr.office.comparing import command
from ivr.parts import connect
from ivr.settings import Settings
from ivr.store import Record, migrate
from ivr.switchboard import Exit
from tests.office import admin
from tests.store.calls import MORNING, WHY, a_call, begin, turn

MAIN = "routing_rules/main.yaml"
FAILED_CARD = {"line": "main", "intent": "billing", "payment": "failed", "hours": "business", "caller": "patient"}


@pytest.fixture
def content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the admin stands, beside the content as it was: failed cards now go to the billing queue later."""
    here = admin.folder_in(tmp_path / "pharmacy")
    shutil.copytree(here, tmp_path / "before")
    admin.edit(here, MAIN, "then: {queue: billing, answer_within: 2m}", "then: {queue: billing, answer_within: 5m}")
    monkeypatch.chdir(here)
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path}/line.db")
    monkeypatch.setenv("RXLINE_CLOCK", "2026-11-24T10:00-05:00")
    monkeypatch.setenv("RXLINE_CLOCK_FILE", str(tmp_path / "clock.json"))
    return here


@pytest.fixture
def record(content: Path) -> Iterator[Record]:
    settings = Settings.from_environment()
    migrate(settings.database_url)
    record = Record(settings.database_url, settings.secret_key)
    yield record
    record.close()


def diff(*arguments: str) -> Result:
    return CliRunner().invoke(command, arguments, env={"COLUMNS": "80"})


def replayed(*arguments: str) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(diff("../before", *arguments, "--json").stdout)["calls"]
    return told


def was(record: Record, call: str, *decided: dict[str, Any], days_ago: int = 0) -> None:
    """A call in which the rules were asked; of calls before facts were kept, nothing is known."""
    loaded = begin(record, a_call(call, arrived_at=MORNING - timedelta(days=days_ago)))
    event = {"event": "Keyed", **({"decided": [{"rules": "main.yaml", **one} for one in decided]} if decided else {})}
    record.commit(turn(loaded, event=json.dumps(event), why=WHY))


def calls_in(path: Path, *calls: object) -> str:
    path.write_text("\n".join(told if isinstance(told, str) else json.dumps(told) for told in calls), encoding="utf-8")
    return str(path)


# ---------------------------------------------------------------- the calls that were


def test_an_admin_counts_whose_promise_gets_worse(record: Record) -> None:
    for number in range(4):
        was(record, f"CA{number}", {"facts": {**FAILED_CARD, "language": "en"}})
    was(record, "CA7", {"facts": {**FAILED_CARD, "intent": "insurance", "caller": "caregiver", "language": "es"}})
    was(record, "CA8", {"facts": {**FAILED_CARD, "payment": "none_due"}})

    told = diff("../before", "--calls")

    assert told.exit_code == 1
    assert [line.rstrip() for line in told.stdout.splitlines()] == [
        "../before  →  the files on disk",
        "",
        "calls  caller     intent     language  decided                  worse",
        "    4  patient    billing    en        billing within 2m →      a longer promise",
        "                                       billing within 5m",
        "    1  caregiver  insurance  es        billing within 2m →      a longer promise",
        "                                       billing within 5m",
        "",
        "for example",
        "  patient, billing, en: CA0, CA1, CA2",
        "  caregiver, insurance, es: CA7",
        "",
        "5 of 6 calls move, 5 for the worse",
    ]


def test_the_same_for_machines(record: Record) -> None:
    was(record, "CA1", {"facts": FAILED_CARD})

    told = json.loads(diff("../before", "--calls", "--json").stdout)

    assert told["calls"] == {
        "calls": 1,
        "moved": 1,
        "worse": 1,
        "left_out": 0,
        "moves": [
            {
                "caller": "patient",
                "intent": "billing",
                "language": "unknown",
                "calls": 1,
                "from": told["calls"]["moves"][0]["from"],
                "to": told["calls"]["moves"][0]["from"] | {"answer_within": 300},
                "worse": True,
                "loses": ["a longer promise"],
                "examples": ["CA1"],
            }
        ],
    }
    assert "changes" not in told


def test_a_call_the_rules_were_asked_about_twice_counts_once(record: Record) -> None:
    was(record, "CA1", {"facts": FAILED_CARD}, {"facts": {**FAILED_CARD, "intent": "insurance"}})

    told = replayed("--calls")

    assert (told["calls"], told["moved"], len(told["moves"])) == (1, 1, 2)


def test_only_the_last_days_are_replayed(record: Record) -> None:
    was(record, "CA1", {"facts": FAILED_CARD}, days_ago=8)
    was(record, "CA2", {"facts": FAILED_CARD}, days_ago=6)

    assert replayed("--calls")["moves"][0]["examples"] == ["CA2"]
    assert replayed("--calls", "--days", "9")["moved"] == 2


def test_calls_that_cannot_be_replayed_are_counted(record: Record) -> None:
    was(record, "CA1")
    was(record, "CA2", {"facts": {**FAILED_CARD, "line": "fax"}})
    was(record, "CA3", {"facts": {**FAILED_CARD, "payment": "none_due"}})

    told = diff("../before", "--calls")

    assert told.exit_code == 0
    assert told.stdout.endswith("\n1 call replayed, and all are decided as before; 2 cannot be replayed\n")


def test_who_asked_for_a_person_gets_no_machine_in_the_replay_either(record: Record, content: Path) -> None:
    admin.edit(
        content, MAIN, "rules:\n", "rules:\n  - {name: All, when: {payment: failed}, then: {self_service: refill}}\n"
    )
    was(record, "CA1", {"facts": FAILED_CARD, "person_only": True})
    was(record, "CA2", {"facts": FAILED_CARD})

    moves = replayed("--calls")["moves"]

    assert {move["examples"][0]: move["to"]["route"] for move in moves} == {"CA1": "queue", "CA2": "self_service"}


def test_a_call_on_the_real_line_can_be_replayed(
    record: Record, content: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("REDIS_URL", "ORDER_SYSTEM_URL", "TWILIO_API_URL"):
        monkeypatch.setenv(name, "redis://127.0.0.1:1/0" if name == "REDIS_URL" else "http://127.0.0.1:1")
    monkeypatch.setenv("SECRET_KEY", "a key for tests of thirty-two letters")
    board = connect(Settings.from_environment())
    board.arrived("CA1", Caller(), "+12125550110")
    token = board.token_of("CA1")
    for document, key in ((1, "1"), (2, "0")):
        board.turn(Exit(token, document, "next"), Keyed(token, key), "CA1")
    board.record.close()
    admin.edit(content, MAIN, "otherwise: {queue: front_desk, answer_within: 3m}", "otherwise: {voicemail: billing}")

    (move,) = replayed("--calls")["moves"]

    assert (move["examples"], move["intent"], move["language"]) == (["CA1"], "speak_to_person", "en")
    assert (move["to"]["voicemail"], move["loses"]) == (
        "billing",
        ["a message instead of a person", "a longer promise"],
    )


# ---------------------------------------------------------------- calls of a file


def test_calls_may_be_written_down(content: Path, tmp_path: Path) -> None:
    file = calls_in(
        tmp_path / "calls.jsonl", FAILED_CARD, "", {"payment": "failed", "intent": "billing", "open": "yes"}
    )

    told = replayed("--calls", file)

    assert (told["calls"], told["moved"]) == (2, 2)
    assert [move["examples"] for move in told["moves"]] == [["line 1"], ["line 3"]]


def test_calls_are_decided_by_two_files_too(content: Path, tmp_path: Path) -> None:
    file = calls_in(tmp_path / "calls.jsonl", FAILED_CARD, {**FAILED_CARD, "line": "prescribers"})

    told = json.loads(diff(f"../before/{MAIN}", MAIN, "--calls", file, "--json").stdout)

    assert told["calls"]["moved"] == 2


def test_what_is_no_call_is_told_with_its_line(content: Path, tmp_path: Path) -> None:
    file = calls_in(tmp_path / "calls.jsonl", FAILED_CARD, {"urgncy": "emergency"}, "[]", "{", {"open": True})

    told = diff("../before", "--calls", file)

    assert told.exit_code == 2
    assert told.stderr.splitlines() == [
        f'ivr diff: {file}:2: there is no fact "urgncy"; did you mean "urgency"?',
        f'{file}:3: a call is a JSON object of facts, as in {{"open": "yes"}}',
        f"{file}:4: this line is no JSON: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)",
        f"{file}:5: open is a single value, written as in the rules",
    ]


def test_a_file_of_calls_that_cannot_be_read_is_told(content: Path, tmp_path: Path) -> None:
    (tmp_path / "latin.jsonl").write_bytes('{"caller": "Señor"}'.encode("latin-1"))

    told = diff("../before", "--calls", "nowhere.jsonl")

    assert "latin.jsonl:1: this line is no JSON: 'utf-8' codec" in diff(".", "--calls", "../latin.jsonl").stderr

    assert told.exit_code == 2
    assert "No such file or directory: 'nowhere.jsonl'" in told.stderr
