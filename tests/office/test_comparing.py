"""`ivr diff` as an admin meets it: files changed in a morning, beside git, beside what was published."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from ivr.office.comparing import command
from ivr.settings import Settings
from ivr.store import Record, migrate
from tests.office import admin

ROOT = Path(__file__).parents[2]
MAIN = "routing_rules/main.yaml"
PAYMENT = "then: {queue: billing, answer_within: 2m}"


@pytest.fixture
def content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The shipped content in a folder of its own, where the admin stands."""
    here = admin.folder_in(tmp_path / "pharmacy")
    monkeypatch.chdir(here)
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path}/line.db")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    monkeypatch.delenv("RXLINE_CONTENT", raising=False)
    return here


def diff(*arguments: str) -> Result:
    return CliRunner().invoke(command, arguments, env={"COLUMNS": "80"})


def as_json(*arguments: str) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(diff(*arguments, "--json").stdout)
    return told


def write(content: Path, old: str, new: str, path: str = MAIN) -> None:
    admin.edit(content, path, old, new)


def git(content: Path, *words: str) -> str:
    who = ("-c", "user.name=Ada", "-c", "user.email=ada@example.org")
    done = subprocess.run(["git", *who, *words], cwd=content, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def commit(content: Path, message: str) -> str:
    git(content, "add", "-A")
    git(content, "commit", "-q", "-m", message)
    return git(content, "rev-parse", "HEAD")


@pytest.fixture
def repository(content: Path) -> Path:
    git(content, "init", "-q", "-b", "main")
    commit(content, "As it was on Monday")
    return content


# ---------------------------------------------------------------- a morning


def test_an_admin_sees_what_an_edit_does_before_callers_do(repository: Path) -> None:
    write(repository, PAYMENT, "then: {queue: billing, answer_within: 5m, offer_callback: no}")
    write(repository, "title: Payments", "title: Money", "config/queues.yaml")

    told = diff("HEAD")

    assert told.exit_code == 1
    assert (
        "(" + git(repository, "rev-parse", "--short", "HEAD") + " As it was on Monday)  →  the files on disk"
        in told.stdout
    )
    assert told.stdout.split("\n\n", 1)[1] == (
        "Calls to main\n"
        "\n"
        "billing within 2m, a callback offered → billing within 5m, no callback offered; \n"
        "worse: a longer promise, no callback offered any more\n"
        "  calls with intent refill request or order status or insurance or billing,\n"
        "  payment failed or retrying\n"
        '      by "Payment is in the way" (routing_rules/main.yaml:176)\n'
        "      for example urgency: routine, caller: patient, intent: refill_request,\n"
        "      tier: anonymous, refill: eligible, order_state: awaiting_provider,\n"
        "      payment: failed, medication_class: maintenance, time_sensitive: no,\n"
        "      days_left: 6, hours: business\n"
        "\n"
        "Other files; they change what callers hear, or who takes their calls:\n"
        "  changed  config/queues.yaml\n"
        "\n"
        "1 kind of calls changes, 1 for the worse; calls that a rule above takes are told\n"
        "of there\n"
    )


def test_the_same_morning_for_machines(repository: Path) -> None:
    write(repository, PAYMENT, "then: {self_service: refill}")

    told = as_json("HEAD")

    change, *others = told["changes"]
    assert {other["person_only"] for other in others} == {True}
    assert (change["line"], change["person_only"]) == ("main", False)
    assert change["from"] == {
        "rule": "Payment is in the way",
        "file": MAIN,
        "line": 176,
        "decision": {
            "route": "queue",
            "queue": "billing",
            "answer_within": 120,
            "offer_callback": True,
            "record": False,
        },
        "licensed": False,
    }
    assert change["to"]["decision"] == {"route": "self_service", "self_service": "refill"}
    assert change["example"]["payment"] == "failed"
    assert (change["worse"], change["loses"]) == (True, ["a machine instead of a person"])
    assert (told["lines"], told["files"], told["not_compared"]) == ([], [], [])


# ---------------------------------------------------------------- nothing changes, or nothing that decides


def test_nothing_changes_and_exits_with_0(content: Path) -> None:
    told = diff(".")
    assert (told.exit_code, told.stdout) == (0, "the files on disk  →  the files on disk\n\nnothing changes\n")


def test_comments_names_and_reasons_decide_nothing(repository: Path) -> None:
    write(repository, "name: Insurance\n", "name: Money from insurance\n    why: They ask.  # They do.\n")
    write(repository, "lines:", "# What we own.\nlines:", "config/lines.yaml")

    told = diff("HEAD")

    assert told.exit_code == 0
    assert told.stdout.endswith("\nno call is decided differently\n")


def test_a_prompt_that_changed_is_no_silence(repository: Path) -> None:
    write(repository, "prompts:", "prompts: # all of them", "callflows/prompts/es.yaml")
    write(repository, "Thank you", "Many thanks", "callflows/prompts/en.yaml")
    (repository / "config/facts.yaml").unlink()

    told = as_json("HEAD", "HEAD")
    assert told["files"] == []
    shutil.copy(ROOT / "config/facts.yaml", repository / "config/facts.yaml")
    told = as_json("HEAD")

    assert told["files"] == [{"file": "callflows/prompts/en.yaml", "change": "changed"}]
    assert diff("HEAD").exit_code == 1


def test_a_line_that_is_new_is_told(repository: Path) -> None:
    line = "{number: '+12125550119', site: central, rules: main.yaml, flow: main, languages: [en]}"
    write(repository, "lines:\n", f"lines:\n  fax: {line}\n", "config/lines.yaml")

    assert as_json("HEAD")["lines"] == [{"line": "fax", "change": "new"}]
    assert as_json(".", "HEAD")["lines"] == [{"line": "fax", "change": "gone"}]
    assert "the line fax is new" in diff("HEAD").stdout


# ---------------------------------------------------------------- lines


def test_lines_with_the_same_rules_are_told_together(repository: Path) -> None:
    write(repository, "answer_within: now", "answer_within: now, record: yes", "routing_rules/safety.yaml")

    told = diff("HEAD").stdout
    assert "pharmacist now, not recorded → pharmacist now, recorded\n  emergency calls\n" in told
    assert [change["line"] for change in as_json("HEAD")["changes"]] == ["main", "prescribers"]


def test_a_rule_for_one_line_changes_nothing_for_the_others(repository: Path) -> None:
    rule = "{name: Urgent here, when: {line: prescribers, urgency: urgent}, then: {voicemail: refills}}"
    write(repository, "rules:\n", f"rules:\n  - {rule}\n", "routing_rules/safety.yaml")

    changes = as_json("HEAD")["changes"]

    assert {change["line"] for change in changes} == {"prescribers"}
    assert all(change["example"]["line"] == "prescribers" for change in changes)
    assert changes[0]["calls"].startswith("urgent")


def test_callers_who_ask_for_a_person_are_told_of_where_nobody_else_is(repository: Path) -> None:
    write(
        repository,
        "  - name: Refill the machine can do, or say why not\n",
        "  - name: All by machine\n    when: {open: yes}\n    then: {self_service: refill}\n\n"
        "  - name: Refill the machine can do, or say why not\n",
    )
    commit(repository, "A machine for everybody")
    write(
        repository,
        "when: {language: es}\n    then: {queue: front_desk",
        "when: {language: es}\n    then: {queue: refills",
    )

    told = as_json("HEAD")["changes"]

    assert [(change["person_only"], change["from"]["rule"]) for change in told] == [(True, "Spanish")]
    assert "calls in Spanish, when the caller asked for a person" in diff("HEAD").stdout


# ---------------------------------------------------------------- what can be named


def test_two_files_of_rules_are_compared_wherever_they_lie(content: Path, tmp_path: Path) -> None:
    draft = tmp_path / "draft.yaml"
    shutil.copy(content / MAIN, draft)
    write(tmp_path, PAYMENT, "then: {queue: insurance}", "draft.yaml")

    (change,) = as_json(MAIN, str(draft))["changes"]

    assert change["line"] is None
    assert (change["from"]["file"], change["to"]["file"]) == (MAIN, str(draft))
    assert change["to"]["decision"]["queue"] == "insurance"
    assert diff(MAIN, MAIN).exit_code == 0


def test_a_file_is_compared_with_the_same_file_of_another_version(repository: Path, tmp_path: Path) -> None:
    first = commit_of_monday = git(repository, "rev-parse", "HEAD")
    write(repository, PAYMENT, "then: {queue: insurance}")
    before = shutil.copytree(repository, tmp_path / "before")
    git(repository, "checkout", "-q", first, "--", ".")

    assert len(as_json(f"{before}/{MAIN}", commit_of_monday)["changes"]) == 1
    assert len(as_json(f"{first}:{MAIN}", f"{before}/{MAIN}")["changes"]) == 1
    assert len(as_json("HEAD", f"{before}/{MAIN}")["changes"]) == 1
    assert len(as_json(str(before))["changes"]) == 1
    assert as_json("HEAD:main.yaml")["changes"] == []


def test_content_below_the_top_of_its_repository(content: Path) -> None:
    git(content.parent, "init", "-q", "-b", "main")
    commit(content.parent, "All of it")
    write(content, PAYMENT, "then: {queue: insurance}")

    assert len(as_json("main")["changes"]) == 1
    assert len(as_json(f"main:pharmacy/{MAIN}")["changes"]) == 1


@pytest.fixture
def published(content: Path) -> Iterator[list[str]]:
    """Two versions were published, and the files on disk are as the second."""
    settings = Settings.from_environment()
    migrate(settings.database_url)
    record = Record(settings.database_url, settings.secret_key)
    hashes = [admin.published(record, content, "As on Monday").version]
    write(content, PAYMENT, "then: {queue: billing, answer_within: 90s}")
    hashes.append(admin.published(record, content, "Payments sooner").version)
    yield hashes
    record.close()


def test_what_was_published_is_named_by_number_or_hash(published: list[str]) -> None:
    first, second = published

    assert len(as_json("1", "2")["changes"]) == 1
    assert len(as_json(first[:6].upper())["changes"]) == 1
    assert as_json("published:2")["changes"] == as_json(second)["changes"] == []
    assert as_json("1")["from"] == f"number 1 ({first[:8]} As on Monday)"


def test_a_publication_is_meant_before_a_revision(published: list[str], content: Path) -> None:
    git(content, "init", "-q", "-b", "main")
    commit(content, "As the second")
    git(content, "tag", "1")

    assert len(as_json("1")["changes"]) == 1
    assert as_json("git:1")["changes"] == []


# ---------------------------------------------------------------- what cannot be done


def test_a_name_nobody_gave_is_told_with_what_was_looked_for(published: list[str]) -> None:
    told = diff("lastweek")

    assert told.exit_code == 2
    assert told.stderr == (
        "ivr diff: nothing is called `lastweek`: there is no such file, and no such folder with routing_rules/ in it; "
        "it is no number of a publication, nor how its hash begins; git knows no such revision "
        "(fatal: not a git repository (or any of the parent directories): .git)\n"
    )
    assert "nothing was published as `7`; `ivr history` lists what was" in diff("7").stderr
    assert "nothing is called `published:main`" in diff("published:main").stderr


def test_where_nothing_was_ever_published_git_is_asked(repository: Path) -> None:
    git(repository, "tag", "2026")

    assert diff("2026").exit_code == 0
    assert "the record of what was published cannot be read" in diff("2027").stderr


def test_a_file_the_other_version_lacks_cannot_be_compared(repository: Path, tmp_path: Path) -> None:
    draft = tmp_path / "draft.yaml"
    shutil.copy(repository / MAIN, draft)

    told = diff(str(draft))

    assert told.exit_code == 2
    assert (
        f"the files on disk has no rules {draft}, so there is nothing to compare; name a file for both" in told.stderr
    )
    assert "config/queues.yaml is no file of rules" in diff("config/queues.yaml").stderr


def test_rules_that_cannot_be_read_are_told_with_their_place(repository: Path, tmp_path: Path) -> None:
    write(repository, "queue: billing", "queue: biling")

    told = diff("HEAD")

    assert told.exit_code == 2
    assert told.stderr.startswith(f"ivr diff: the files on disk cannot be read:\n{MAIN}:")
    assert 'no queue is called "biling"; did you mean "billing"?' in told.stderr
    (tmp_path / "latin.yaml").write_bytes("# ¿Qué?".encode("latin-1"))
    assert "is not UTF-8" in diff(str(tmp_path / "latin.yaml"), MAIN).stderr


def test_flows_that_cannot_be_walked_keep_no_rules_from_being_compared(repository: Path) -> None:
    write(repository, "nodes:", "nodes: [", "callflows/main.yaml")
    write(repository, PAYMENT, "then: {queue: insurance}")

    told = as_json("HEAD")

    assert len(told["changes"]) == 1
    assert told["files"] == [{"file": "callflows/main.yaml", "change": "changed"}]


def test_links_and_foreign_letters_in_git_are_told(repository: Path) -> None:
    (repository / "routing_rules/link.yaml").symlink_to("main.yaml")
    (repository / "config/latin.yaml").write_bytes("# ¿Qué?".encode("latin-1"))
    commit(repository, "A link and foreign letters")

    told = diff("HEAD")

    assert told.exit_code == 2
    assert "config/latin.yaml:1:1: git has a link, a huge file or no UTF-8 here" in told.stderr
    assert "routing_rules/link.yaml:1:1: git has a link" in told.stderr


def test_a_folder_that_is_not_there_could_not_be_compared(content: Path) -> None:
    told = diff(".", "--content", "nowhere")

    assert (told.exit_code, told.stderr) == (2, "ivr diff: nowhere is not a folder\n")


def test_a_revision_without_content_is_told(repository: Path) -> None:
    git(repository, "rm", "-q", "-r", ".", "--cached")
    git(repository, "commit", "-q", "--allow-empty", "-m", "Nothing")

    assert "HEAD is a revision in git that has no content" in diff("HEAD").stderr


def test_without_git_the_rest_is_found(content: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")

    assert diff(".").exit_code == 0
    assert "git is not installed" in diff("HEAD").stderr


def test_what_there_was_no_time_for_is_told_and_fails(repository: Path) -> None:
    told = diff("HEAD", "--seconds", "0")

    assert told.exit_code == 1
    assert 'not compared, for want of time: what becomes of calls taken by "Emergency" and' in told.stdout
    assert told.stdout.endswith("no call that was compared is decided differently\n")
    assert as_json("HEAD", "--seconds", "0")["not_compared"][0] == {
        "line": "main",
        "from": {"rule": "Emergency", "file": "routing_rules/safety.yaml", "line": 6},
    }
