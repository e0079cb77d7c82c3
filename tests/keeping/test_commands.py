"""What admins type: `ivr purge`, `reseal`, `export`, `backup`, `restore`, and what they are told without the key."""

from __future__ import annotations

import contextlib
import json
import re
import sqlite3
import stat
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

import worker
from ivr.app import create_app
from ivr.content.policies import read_policies
from ivr.content.scalars import days
from ivr.content.written import File, read_yaml
from ivr.core.call import Caller
from ivr.core.effects import RequestRefill
from ivr.core.pharmacy import KEEP_DAYS
from ivr.office.keeping import backup, export, purge, reseal, restore
from ivr.parts import connect
from ivr.settings import Settings
from ivr.store import Offered, Record, WrongKey
from ivr.store.migrations import NEWEST
from tests.keeping.conftest import NEW_KEY, SPOKEN, a_whole_call
from tests.store.calls import MORNING, SECRET_KEY, a_call, begin, known, turn

ROOT = Path(__file__).parents[2]
NUMBER = "+16145550123"
NOWHERE = "http://127.0.0.1:9"


@pytest.fixture
def environment(published_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """The line as its admin's shell names it, with nobody at the carrier's address."""
    names = {
        "DATABASE_URL": published_url,
        "SECRET_KEY": SECRET_KEY,
        "REDIS_URL": "redis://127.0.0.1:9/0",
        "ORDER_SYSTEM_URL": NOWHERE,
        "TWILIO_API_URL": NOWHERE,
        "RXLINE_CLOCK": "2036-11-24T10:00-05:00",
        "RXLINE_CLOCK_FILE": str(tmp_path / "clock.json"),
    }
    for name, value in names.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


@pytest.fixture
def record(environment: pytest.MonkeyPatch, published_url: str) -> Iterator[Record]:
    with contextlib.closing(Record(published_url, SECRET_KEY)) as opened:
        yield opened


def says(command: click.Command, *words: str, typed: str = "") -> Result:
    told: Result = CliRunner().invoke(command, words, input=typed)
    return told


def acts(record: Record) -> list[tuple[str, str]]:
    return [(kept.entry.act, kept.entry.subject) for kept in record.staff.audit(20)]


def test_what_is_past_its_keep_is_counted_then_removed_with_its_proof(record: Record) -> None:
    begin(record, a_call(phase="over"))
    told = says(purge, "--dry-run")
    assert "calls: 1 from before 2030-11-20" in told.output
    assert record.load_call("CA1") is not None
    told = says(purge)
    assert (told.exit_code, "calls: 1 from before 2030-11-20" in told.output, "sha256" in told.output) == (
        0,
        True,
        True,
    )
    assert record.load_call("CA1") is None
    assert acts(record)[0] == ("record.purged", "record")


def test_a_carrier_that_does_not_answer_keeps_a_call_with_its_sound(record: Record) -> None:
    a_whole_call(record)
    told = says(purge)
    assert (told.exit_code, "1 kept: their sound could not be deleted" in told.output) == (1, True)
    assert record.load_call("CA1") is not None


def test_everything_we_hold_of_a_person_is_one_document(record: Record, tmp_path: Path) -> None:
    a_whole_call(record)
    begin(record, a_call("CAother", person="P-8"))
    told = says(export, "P-7")
    held = json.loads(told.output)
    assert [call["id"] for call in held["calls"]] == ["CA1"]
    [call] = held["calls"]
    assert (call["state"]["fields"], call["arrived_at"]) == ({"rx_number": "7654321"}, MORNING.isoformat())
    assert (call["messages"][0]["transcript"], call["dispositions"][0]["body"]["note"]) == (SPOKEN, SPOKEN)
    assert {"journal", "legs", "tickets", "forecasts", "proofs", "recordings"} <= set(call)
    assert [proof["call_id"] for proof in held["proofs"]] == ["CA1"]
    assert [(event["id"], event["data"]) for event in held["events"]] == [("evt-CA1", {"days_left": 3})]
    assert acts(record)[0] == ("person.exported", "person:P-7")
    again = says(export, "P-7", "--to", str(tmp_path / "held.json"))
    assert (again.exit_code, stat.S_IMODE((tmp_path / "held.json").stat().st_mode)) == (0, 0o600)
    assert "person.exported" in (tmp_path / "held.json").read_text()
    assert "there already" in says(export, "P-7", "--to", str(tmp_path / "held.json")).output


def test_of_a_call_about_two_each_gets_what_was_about_them(record: Record) -> None:
    """A caregiver asks for one, and then for another."""
    begin(record, a_call())
    heard = (("P-1", "ready", RequestRefill("rx-1")), ("P-2", "shipped", RequestRefill("rx-2")), (None, "bye", None))
    for person, state, does in heard:
        loaded = known(record, "CA1")
        event = json.dumps({"event": "Keyed", "said": [state]} | ({"person": person} if person else {}))
        after = replace(loaded.call, person=person or loaded.call.person)
        record.commit(turn(loaded, after=after, event=event, does=(does,) if does else ()))
        record.proofs.keep(Offered("CA1", f"prescription:{state}", NUMBER, person, False), MORNING, MORNING)
    record.proofs.keep(Offered("CA1", "prescription:9", NUMBER, "P-3", True), MORNING, MORNING)
    told = {person: json.loads(says(export, person).output)["calls"] for person in ("P-1", "P-2", "P-3")}
    assert [line["event"].get("said") for line in told["P-1"][0]["journal"]] == [["ready"]]
    assert [line["event"].get("said") for line in told["P-2"][0]["journal"]] == [None, ["shipped"], ["bye"]]
    assert ["state" in told[person][0] for person in ("P-1", "P-2")] == [False, True]
    assert not any(other in json.dumps(told["P-1"]) for other in ("rx-2", "P-2", "P-3"))
    assert not any(other in json.dumps(told["P-2"]) for other in ("rx-1", "P-1", "P-3"))
    assert told["P-3"] == []


def test_a_number_is_read_and_never_typed_into_the_command(record: Record) -> None:
    a_whole_call(record, caller=Caller("number", NUMBER, "A"))
    refused = says(export, NUMBER)
    assert (refused.exit_code, "does not belong in a command line" in refused.output) == (1, True)
    held = json.loads(says(export, typed=f"{NUMBER}\n").output)
    assert ([call["id"] for call in held["calls"]], held["remembered"][0]["language"]) == (["CA1"], "es")
    assert acts(record)[0] == ("person.exported", f"number:…{NUMBER[-2:]}")
    assert "that is no phone number" in says(export, typed="seven\n").output


def test_an_id_nobody_has_is_remarked_on_beside_the_empty_document(record: Record) -> None:
    a_whole_call(record)
    for _ in range(2):  # that it was asked for is itself in the audit
        told = says(export, "--id", "6145550101")
        assert (told.exit_code, json.loads(told.stdout)["calls"]) == (0, [])
        assert "nothing is held of person:6145550101" in told.stderr
    assert says(export, "P-7").stderr == ""


def test_a_backup_is_put_back_in_the_place_of_a_record_when_told_to(
    record: Record, published_url: str, tmp_path: Path
) -> None:
    a_whole_call(record)
    assert f"1 calls, schema {NEWEST}" in says(backup, str(tmp_path / "backup")).output
    assert "there already" in says(backup, str(tmp_path / "backup")).output
    begin(record, a_call("CA2"))
    assert "--replace puts the backup in the place" in says(restore, str(tmp_path / "backup")).output
    record.watch.beat("relay")
    assert "stop web and worker" in says(restore, str(tmp_path / "backup"), "--replace").output
    assert record.load_call("CA2") is not None
    with contextlib.closing(sqlite3.connect(published_url.removeprefix("sqlite:///"))) as file, file:
        file.execute("UPDATE heartbeats SET at_real = at_real - 60")  # a minute after the worker was stopped
    assert says(restore, str(tmp_path / "backup"), "--replace").exit_code == 0
    assert record.load_call("CA2") is None
    assert acts(record)[0] == ("record.restored", "record")


def test_sealed_anew_the_line_runs_with_the_new_key_alone(record: Record, environment: pytest.MonkeyPatch) -> None:
    a_whole_call(record)
    environment.setenv("RECORD_KEY", NEW_KEY)
    told = says(reseal)
    assert "sealed anew: 15" in told.output, told.exception
    environment.setenv("RECORD_KEY", "a key that this record has never seen")
    environment.setenv("SECRET_KEY", "and another secret of nobody's")
    settings = Settings.from_environment()
    with pytest.raises(WrongKey, match="sealed with a key we do not have"):
        connect(settings)
    assert "sealed with a key we do not have" in worker.unopened(settings)


def test_a_worker_whose_record_is_not_there_waits_for_it(environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
    environment.setenv("DATABASE_URL", f"sqlite:///{tmp_path / 'nothing.db'}")
    assert worker.unopened(Settings.from_environment()) == ""


def test_web_stays_without_the_key_and_says_so(record: Record, environment: pytest.MonkeyPatch) -> None:
    connect(Settings.from_environment()).record.close()
    environment.setenv("SECRET_KEY", "and another secret of nobody's")
    app = create_app(Settings.from_environment())
    told = app.test_client().get("/readyz")
    assert told.status_code == 503
    assert "sealed with a key we do not have" in told.get_json()["database"]


def test_versions_of_before_still_say_how_long_in_the_old_word() -> None:
    item = read_yaml(File("config/policies.yaml", "retention: {journal: 2190, recordings: 30}\n"))
    assert item is not None
    policies = read_policies(item)
    assert policies.keep == {**KEEP_DAYS, "calls": 2190, "recordings": 30}


def test_the_guide_says_how_long_each_kind_is_usually_kept() -> None:
    rows = re.findall(r"^\| `(\w+)` \| `(\w+)` \|", (ROOT / "docs" / "keeping.md").read_text(), re.MULTILINE)
    assert {kind: days(told) for kind, told in rows} == KEEP_DAYS


def test_every_part_opens_the_record_with_all_its_keys() -> None:
    without = [str(path) for path in (ROOT / "ivr").rglob("*.py") if "Record(settings" in path.read_text()]
    assert without == [], "Record.from_settings knows RECORD_KEY too"
