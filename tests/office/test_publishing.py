"""What admins type to publish, look back and go back, against a real record."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from ivr import cli
from ivr.clock import Clock
from ivr.office import publishing
from ivr.office.publishing import Office, Saves, publish_saved
from ivr.store import Publication, Record, migrate
from tests.office.admin import (
    MISTAKE,
    MONDAY,
    PROMPTS,
    ROOT,
    RULES,
    STAFF,
    edit,
    folder_in,
    mistype,
    of_the_future,
    published,
)

SECRET_KEY = "a secret of the tests, long enough"


@pytest.fixture
def content(tmp_path: Path) -> Path:
    return folder_in(tmp_path / "content")


@pytest.fixture
def record(sqlite_url: str, content: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Record]:
    """The record of a line whose files are in the content folder; somebody called rosa sits at the keyboard."""
    for name, value in environment(sqlite_url, content).items():
        monkeypatch.setenv(name, value)
    migrate(sqlite_url)
    with contextlib.closing(Record(sqlite_url, SECRET_KEY)) as record:
        yield record


def environment(database_url: str, content: Path) -> dict[str, str]:
    return {
        "DATABASE_URL": database_url,
        "RXLINE_CONTENT": str(content),
        "RXLINE_CLOCK": "2026-11-24T10:00-05:00",
        "RXLINE_CLOCK_FILE": str(content.with_suffix(".clock")),
        "SECRET_KEY": SECRET_KEY,
        "GIT_AUTHOR_NAME": "rosa",
        "TWILIO_API_URL": "http://127.0.0.1:1",
    }


def publish(*arguments: str) -> Result:
    return CliRunner().invoke(publishing.publish, arguments)


def rollback(*arguments: str) -> Result:
    return CliRunner().invoke(publishing.rollback, arguments)


def history(*arguments: str) -> Result:
    return CliRunner().invoke(publishing.history, arguments)


def newest(record: Record) -> Publication:
    publication = record.published.newest()
    assert publication is not None
    return publication


# ---------------------------------------------------------------- publishing


def test_what_is_published_is_current_and_tells_who_did_it_when_and_why(record: Record) -> None:
    told = publish("-m", "The first day")

    publication = newest(record)
    assert told.output.startswith(f"published as number 1 ({publication.version[:8]})")
    assert told.output.endswith(": The first day\n")
    assert (told.exit_code, publication.author, publication.message) == (0, "rosa", "The first day")
    assert f"{publication.at:%Y-%m-%d %H:%M}" == "2026-11-24 15:00"
    assert record.published.load_version(publication.version) is not None


def test_nobody_publishes_without_saying_why(record: Record) -> None:
    assert (publish().exit_code, publish("-m", "  ").exit_code) == (2, 2)
    assert "say what changes and why" in publish().output
    assert record.published.newest() is None


def test_a_mistake_is_shown_where_it_stands_and_changes_nothing(record: Record, content: Path) -> None:
    before = published(record, content)
    mistype(content)

    told = publish("-m", "Payments")

    assert told.exit_code == 1
    assert MISTAKE.search(told.output)
    assert "nothing was published; callers get what they got before" in told.output
    assert newest(record) == before


def test_what_the_check_found_and_did_not_mind_is_kept(record: Record, content: Path) -> None:
    (content / "routing_rules/old.yaml").write_text("version: 1\n")

    told = publish("-m", "With an old file").output

    [publication] = json.loads(history("--json").output)
    assert {
        "file": "routing_rules/old.yaml",
        "line": 1,
        "column": 1,
        "severity": "warning",
        "code": "remark",
        "message": "no line uses this file, so it is not read",
    } in publication["findings"]
    found = f"{len(publication['findings'])} finding"
    assert found in told
    assert f"rosa: With an old file ({found}" in history().output


def test_files_that_are_current_are_not_published_again(record: Record, content: Path) -> None:
    published(record, content, "The first day")

    told = publish("-m", "Once more")

    assert (told.exit_code, newest(record).seq) == (0, 1)
    assert "nothing to do: callers get this already" in told.output
    assert "by rosa: The first day" in told.output


def test_who_knows_only_an_older_version_is_told_what_came_after(record: Record, content: Path) -> None:
    published(record, content, "The first day")
    edit(content, PROMPTS, "One moment, please.", "Just a moment.")
    published(record, content, "A moment")
    edit(content, PROMPTS, "Just a moment.", "Please wait.")

    late = publish("-m", "Please", "--after", "1")
    assert (late.exit_code, newest(record).seq) == (1, 2)
    assert (
        f"rosa published {newest(record).version[:8]} meanwhile, as number 2 at 15:00:00 UTC: “A moment”" in late.output
    )

    assert publish("-m", "Please", "--after", "2").exit_code == 0


def test_an_agent_added_to_the_staff_is_known_once_they_are_published(record: Record, content: Path) -> None:
    edit(content, STAFF, "id: grace", "id: hopper")

    publish("-m", "Hopper starts on Monday")

    assert "hopper" in record.desk.agents()


def test_who_publishes_is_who_they_say_or_who_git_or_the_machine_says(
    record: Record, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert newest_author(record, "--author", "Tom Osei") == "Tom Osei"
    monkeypatch.delenv("GIT_AUTHOR_NAME")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "gitconfig"))
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "user.name")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", "Rosa Lund")
    assert newest_author(record) == "Rosa Lund"
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("LOGNAME", "rlund")
    assert newest_author(record) == "rlund"
    monkeypatch.delenv("LOGNAME")
    monkeypatch.delenv("USER", raising=False)
    assert "nobody here knows your name: add --author" in publish("-m", "A change").output


def newest_author(record: Record, *arguments: str) -> str:
    content = Path(os.environ["RXLINE_CONTENT"])
    with (content / PROMPTS).open("a") as file:
        file.write("# another change\n")
    assert publish("-m", "A change", *arguments).exit_code == 0
    return newest(record).author


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_of_admins_who_publish_at_once_those_who_were_slower_are_told(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """Real processes; whoever looks after another has published may publish after them."""
    url: str = request.getfixturevalue(f"{kind}_url")
    migrate(url)
    admins = ("rosa", "tom")
    running = [_publishing(url, folder_in(tmp_path / name), name) for name in admins]
    said = [process.communicate(timeout=60)[0] for process in running]

    with contextlib.closing(Record(url, SECRET_KEY)) as record:
        done = record.published.history()
    assert [publication.seq for publication in done] == list(range(len(done), 0, -1))
    ended = {admin: process.returncode for admin, process in zip(admins, running, strict=True)}
    assert {admin for admin, code in ended.items() if code == 0} == {publication.author for publication in done}
    late = [words for words, process in zip(said, running, strict=True) if process.returncode == 1]
    assert len(late) + len(done) == len(admins)
    assert all("meanwhile, as number" in words for words in late)


def _publishing(url: str, content: Path, admin: str) -> subprocess.Popen[str]:
    edit(content, PROMPTS, "One moment, please.", f"A moment, says {admin}.")
    return subprocess.Popen(
        [sys.executable, "-m", "ivr.cli", "publish", "-m", "A moment", "--author", admin],
        env=os.environ | environment(url, content) | {"PYTHONPATH": str(ROOT)},
        cwd=content,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


# ---------------------------------------------------------------- looking back, and going back


@pytest.fixture
def two(record: Record, content: Path) -> tuple[Publication, Publication]:
    """Two versions, the newer one current."""
    first = published(record, content, "The first day")
    edit(content, PROMPTS, "One moment, please.", "Just a moment.")
    return first, published(record, content, "A moment")


def test_history_tells_the_newest_first(record: Record, two: tuple[Publication, Publication]) -> None:
    first, second = two
    at = f"{MONDAY.astimezone():%Y-%m-%d %H:%M %Z}"

    newer, older = history().output.splitlines()
    assert newer.startswith(f"→    2  {second.version[:8]}  {at}  rosa: A moment")
    assert older.startswith(f"     1  {first.version[:8]}  {at}  rosa: The first day")
    assert history("--limit", "1").output.count("\n") == 1
    told = json.loads(history("--json").output)
    assert [(one["number"], one["version"], one["restores"]) for one in told] == [
        (2, second.version, None),
        (1, first.version, None),
    ]


def test_before_anything_was_published_history_says_so(record: Record) -> None:
    assert history().output == "nothing was published yet\n"
    assert json.loads(history("--json").output) == []


@pytest.mark.parametrize("name", ["number", "hash"])
def test_an_old_version_is_put_back_by_its_number_or_its_hash(
    record: Record, two: tuple[Publication, Publication], name: str
) -> None:
    which = {"number": "1", "hash": two[0].version[:6].upper()}[name]

    told = rollback(which, "-m", "Callers did not understand it")

    assert told.exit_code == 0
    assert (newest(record).seq, newest(record).version, newest(record).restores) == (3, two[0].version, 1)
    told_of = [(kept.entry.by, kept.entry.act, kept.entry.detail) for kept in record.staff.audit(2)]
    assert told_of == [("rosa", "rollback", "number 3"), (two[1].author, "publish", "number 2")]
    assert "rosa: Callers did not understand it (puts back 1" in history().output


def test_what_is_current_is_not_put_back(record: Record, two: tuple[Publication, Publication]) -> None:
    told = rollback("2", "-m", "To be sure")

    assert (told.exit_code, newest(record).seq) == (0, 2)
    assert "nothing to do: callers get this already" in told.output


def test_a_version_this_rxline_cannot_read_is_not_put_back(record: Record, content: Path) -> None:
    future = of_the_future(record)
    published(record, content)

    told = rollback(future.version[:8], "-m", "Forward again")

    assert (told.exit_code, newest(record).seq) == (1, 2)
    assert "config/lines.yaml:1:1" in told.output
    assert "nothing was published" in told.output


def test_a_name_that_fits_nothing_or_too_much_is_refused(record: Record, two: tuple[Publication, Publication]) -> None:
    for number, version in ((3, "abcd1"), (4, "abcd2")):
        record.published.publish(Publication(number, version, MONDAY, "rosa", "alike"), {})

    for which, why in {
        "7": "nothing was published as `7`",
        "abc": "nothing was published as `abc`",
        "beef": "nothing was published as `beef`; `ivr history` lists what was",
        "abcd": "`abcd` may be abcd1 or abcd2; write more of its hash, or its number",
    }.items():
        refused = rollback(which, "-m", "Back")
        assert isinstance(refused.exception, LookupError)
        assert why in str(refused.exception)


def test_what_cannot_be_done_exits_with_2(
    record: Record, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for command in (["rollback", "7", "-m", "Back"], ["publish", "-m", "On", "--content", "nowhere"]):
        with pytest.raises(SystemExit) as ended:
            cli.main(command)
        assert ended.value.code == 2
        assert capsys.readouterr().err.startswith("ivr: could not run: ")


# ---------------------------------------------------------------- at every save


def test_a_save_is_noticed_once_it_is_whole(content: Path) -> None:
    saves = Saves(content)
    assert saves.look() == ""
    with (content / PROMPTS).open("a") as file:
        file.write("# the first half\n")
        file.flush()
        assert saves.look() == ""
        file.write("# and the second\n")
    assert saves.look() == ""
    assert saves.look() == f"saved: {PROMPTS}"
    assert saves.look() == ""


def test_a_save_names_three_files_at_most(content: Path) -> None:
    saves = Saves(content)
    for name in ("a", "b", "c", "d", "e"):
        (content / f"config/{name}.yaml").write_text("version: 1\n")
    (content / "config/e.yaml").write_bytes(b"\xff\xfe")
    saves.look()

    assert saves.look() == "saved: config/a.yaml, config/b.yaml, config/c.yaml and 2 more"


def test_a_folder_that_is_away_for_a_moment_is_no_save(content: Path) -> None:
    saves = Saves(content)
    content.rename(content.with_name("elsewhere"))
    assert saves.look() == ""
    content.with_name("elsewhere").rename(content)
    assert saves.look() == ""


@pytest.fixture
def office(record: Record, content: Path) -> Office:
    return Office(record, Clock.from_environment(), content)


def test_what_was_saved_is_published_in_the_name_of_the_files(
    record: Record, office: Office, capsys: pytest.CaptureFixture[str]
) -> None:
    assert publish_saved(office, f"saved: {PROMPTS}")

    assert (newest(record).author, newest(record).message) == ("files", f"saved: {PROMPTS}")
    assert f"saved: {PROMPTS}" in capsys.readouterr().out


def test_a_mistake_that_was_saved_is_shown_and_not_tried_again(
    record: Record, office: Office, content: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mistype(content)

    assert publish_saved(office, f"saved: {RULES}")

    assert record.published.newest() is None
    assert MISTAKE.search(capsys.readouterr().out)


def test_a_save_while_the_record_is_away_is_tried_again(
    record: Record, office: Office, sqlite_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    record.close()
    Path(sqlite_url.removeprefix("sqlite:///")).unlink()

    assert not publish_saved(office, "saved")

    assert "not published yet, trying again" in capsys.readouterr().out
