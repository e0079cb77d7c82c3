"""`ivr check` for people, editors and build servers."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result

from ivr.content import Problem, folder
from ivr.content.check import allowing, command

ROOT = Path(__file__).parents[2]
SHIPPED, _ = folder.texts(ROOT)


RULES = """version: 1
extends: safety.yaml
rules:
  - name: Refill
    when: {intent: refill_request, tier: [prescription, verified]}
    then: {self_service: refill}
  - name: Order
    when: {intent: order_status, tier: [prescription, verified]}
    then: {self_service: status}
  - name: Payment
    when: {intent: billing}
    then: {queue: billing}
  - name: Coverage
    when: {intent: insurance, tier: [prescription, verified]}
    then: {self_service: coverage}
  - name: Hours
    when: {intent: hours_location}
    then: {self_service: visit}
  - name: Everybody else
    then: {queue: front_desk}
otherwise: {queue: refills}
"""


@pytest.fixture
def content(tmp_path: Path) -> Path:
    """The shipped content with short rules, which leave no gap, and a language question that everybody is asked."""
    for name in ("routing_rules", "callflows", "config"):
        shutil.copytree(ROOT / name, tmp_path / name)
    (tmp_path / "routing_rules/main.yaml").write_text(RULES)
    (tmp_path / "routing_rules/prescribers.yaml").unlink()
    flow = tmp_path / "callflows/main.yaml"
    flow.write_text(flow.read_text().replace("    unless_known: language\n    then: who\n", ""))
    lines = tmp_path / "config/lines.yaml"
    lines.write_text(lines.read_text().replace("rules: prescribers.yaml", "rules: main.yaml"))
    return tmp_path


def run(*arguments: str, content: Path) -> Result:
    return CliRunner().invoke(command, [*arguments, "--content", str(content)])


def spoil(content: Path) -> None:
    rules = content / "routing_rules/main.yaml"
    rules.write_text(rules.read_text(encoding="utf-8").replace("queue: billing", "queue: biling", 1), encoding="utf-8")


def test_nothing_wrong_is_said_and_exits_with_0(content: Path) -> None:
    result = run(content=content)
    assert (result.exit_code, result.stderr) == (0, "nothing wrong\n")
    assert "warning" not in result.stdout


def test_with_nothing_wrong_it_says_who_may_be_served_before_whom(content: Path) -> None:
    result = run("routing_rules/main.yaml", content=content)
    [_, title, *windows] = result.stdout.splitlines()
    assert title == "how much later a call may come and still be served first, emergencies apart:"
    assert [line.split(maxsplit=1)[0] for line in windows] == ["never", "3m", "2m", "1m"]
    assert windows[1].endswith("Payment (routing_rules/main.yaml:10) by Possible emergency, otherwise and 1 more")


def test_an_example_is_written_as_an_admin_would_write_it(content: Path) -> None:
    rules = content / "routing_rules/main.yaml"
    night = "always: [{name: Nobody at night, when: {time: 00:00 to 06:00}, must: {route: voicemail}}]\n"
    rules.write_text(rules.read_text() + night)
    result = run("--format", "json", content=content)
    [broken] = [problem for problem in json.loads(result.stdout)["problems"] if problem["code"] == "guarantee"]
    assert broken["example"]["time"] == "00:00"
    assert "time: 00:00" in run(content=content).stdout


def test_a_problem_is_shown_where_it_stands(content: Path) -> None:
    spoil(content)
    result = run(content=content)
    message, line, caret = result.stdout.rstrip("\n").split("\n")
    assert message.endswith('no queue is called "biling"; did you mean "billing"?')
    assert line[caret.index("^") :].startswith("biling")
    assert (result.exit_code, result.stderr) == (1, "1 problem\n")


def test_remarks_are_told_and_do_not_fail(content: Path) -> None:
    (content / "routing_rules/old.yaml").write_text("version: 1\n")
    result = run(content=content)
    assert "old.yaml:1:1: no line uses this file, so it is not read (warning)" in result.stdout
    assert (result.exit_code, result.stderr) == (0, "nothing wrong, 1 remark\n")


def test_json_is_for_editors(content: Path) -> None:
    spoil(content)
    result = run("--format", "json", content=content)
    (problem,) = json.loads(result.stdout)["problems"]
    assert problem == {
        "file": "routing_rules/main.yaml",
        "line": problem["line"],
        "column": 19,
        "severity": "error",
        "code": "reference",
        "message": 'no queue is called "biling"; did you mean "billing"?',
        "example": None,
    }
    assert result.exit_code == 1


def test_json_of_nothing_wrong_is_an_empty_list(content: Path) -> None:
    assert json.loads(run("--format", "json", content=content).stdout) == {"problems": []}


def test_a_build_server_gets_annotations(content: Path) -> None:
    spoil(content)
    result = run("--format", "github", content=content)
    assert result.stdout.startswith("::error file=routing_rules/main.yaml,line=")
    assert ',col=19,title=reference::no queue is called "biling"' in result.stdout


def test_a_build_server_finds_the_file_where_its_repository_has_it(
    content: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spoil(content)
    monkeypatch.chdir(content.parent)
    place = f"::error file={content.name}/routing_rules/main.yaml,line="
    assert run("--format", "github", content=content).stdout.startswith(place)


def test_what_an_annotation_is_made_of_cannot_end_it(content: Path) -> None:
    (content / "config/a,b:c.yaml").write_text("{}")
    (content / "callflows/100%.yaml").write_text('"a\\nb%": 1\n')
    told = run("--format", "github", content=content).stdout.splitlines()
    assert any(line.startswith("::warning file=config/a%2Cb%3Ac.yaml,") for line in told)
    assert any(line.endswith("::a call flow has no `a%0Ab%25`") for line in told)


def test_the_caret_stands_under_what_it_means_whatever_stands_before(content: Path) -> None:
    rules = content / "routing_rules/main.yaml"
    rules.write_text("version: 1\nrules:\n  - {name: 薬局\t🏥, then: {queue: biling}}\notherwise: {queue: refills}\n")
    _, line, caret = run(content=content).stdout.split("\n")[:3]
    before, tab, after = caret.partition("\t")
    assert tab
    assert len(before) == len("      - {name: ") + 2 * len("薬局")
    assert len(after) - 1 == len("🏥, then: {queue: ") + 1
    assert line.strip().startswith("- {name: 薬局\t🏥")


def test_only_what_is_near_is_shown_of_a_very_long_line(content: Path) -> None:
    rules = content / "routing_rules/main.yaml"
    long = f"otherwise: {{queue: refills, needs: [{'spanish, ' * 900}spanisch]}}"
    rules.write_text(f"version: 1\nextends: safety.yaml\n{long}\n")
    _, line, caret = run(content=content).stdout.split("\n")[:3]
    assert len(line) < 200
    assert line[caret.index("^") :].startswith("spanisch]}")


def test_nothing_in_a_file_steers_the_terminal(content: Path) -> None:
    rules = content / "routing_rules/main.yaml"
    rules.write_text("version: 1\n\x1b[2J: 1\notherwise: {queue: refills}\n", encoding="utf-8")
    assert "\x1b" not in run(content=content).stdout
    rules.write_text("version: 1\n'\u202eevil': 1\notherwise: {queue: refills}\n", encoding="utf-8")
    assert "\u202e" not in run(content=content).stdout


def test_what_could_not_be_proved_may_be_allowed() -> None:
    unproved = Problem("routing_rules/main.yaml", 4, 11, "error", "not-proved", "no time was left")
    broken = Problem("routing_rules/main.yaml", 5, 11, "error", "guarantee", "it does not hold")
    assert [problem.severity for problem in allowing([unproved, broken])] == ["warning", "error"]


def test_a_flag_allows_it(content: Path) -> None:
    assert run("--allow-unproved", content=content).exit_code == 0


DRAFT = "version: 1\nextends: safety.yaml\nrules:\n  - {name: A, then: {queue: refils}}\notherwise: {queue: refills}\n"


def test_a_draft_may_lie_anywhere(content: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    draft = tmp_path_factory.mktemp("drafts") / "safety.yaml"  # called like the file it extends
    draft.write_text(DRAFT)
    result = run(str(draft), content=content)
    assert f'{draft}:4:29: no queue is called "refils"; did you mean "refills"?' in result.stdout
    assert (result.exit_code, result.stderr) == (1, "1 problem\n")
    draft.write_text(DRAFT.replace("refils", "refills"))
    assert run(str(draft), content=content).exit_code == 0


def test_a_draft_beside_the_folders_is_a_draft(content: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (content / "draft.yaml").write_text(DRAFT)
    (content / "routing_rules/draft.txt").write_text(DRAFT)
    for name in ("draft.yaml", "routing_rules/draft.txt"):
        assert f'{content / name}:4:29: no queue is called "refils"' in run(name, content=content).stdout


def test_what_is_named_from_the_content_folder_goes_before_what_lies_here(
    content: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spoil(content)
    monkeypatch.chdir(ROOT)
    assert run("routing_rules/main.yaml", content=content).stdout.startswith("routing_rules/main.yaml:")


def test_a_draft_extends_what_it_would_inside(content: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("drafts")
    (folder / "beside.yaml").write_text("version: 1\n")
    draft = folder / "draft.yaml"
    draft.write_text("version: 1\nextends: beside.yaml\notherwise: {queue: refills}\n")
    assert 'draft.yaml:2:10: there is no file "beside.yaml"' in run(str(draft), content=content).stdout


def test_a_draft_that_is_no_text_is_refused(content: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    draft = tmp_path_factory.mktemp("drafts") / "draft.yaml"
    draft.write_bytes(DRAFT.encode("utf-16"))
    assert "draft.yaml:1:1: this is not UTF-8; save as UTF-8" in run(str(draft), content=content).stdout


def test_the_hook_of_a_commit_is_this_command() -> None:
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    program, name = hook["entry"].split()
    assert (program, name) == ("ivr", command.name)
    assert not hook["pass_filenames"]
    for path in SHIPPED:
        assert re.search(hook["files"], path)
        assert re.search(hook["files"], f"pharmacy/{path}")
    assert not re.search(hook["files"], "tests/content/bad/lines.yaml")


@pytest.mark.parametrize("name", ["routing_rules/safety.yaml", "config/queues.yaml", "safety.yaml"])
def test_one_file_may_be_named_from_inside_the_content(content: Path, name: str) -> None:
    spoil(content)
    result = run(name, content=content)
    assert "biling" not in result.stdout


def test_one_file_may_be_named_from_where_one_stands(content: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spoil(content)
    monkeypatch.chdir(content / "routing_rules")
    assert "biling" in run("main.yaml", content=content).stdout


@pytest.mark.parametrize("arguments", [["nowhere.yaml"], ["../escape.yaml"]])
def test_a_file_that_is_not_there_could_not_be_checked(content: Path, arguments: list[str]) -> None:
    result = run(*arguments, content=content)
    assert result.exit_code == 2
    assert "there is no file" in result.stderr


def test_a_folder_that_is_not_there_could_not_be_checked(tmp_path: Path) -> None:
    result = run(content=tmp_path / "nowhere")
    assert (result.exit_code, "is not a folder" in result.stderr) == (2, True)


def test_the_folder_may_be_named_by_the_environment(content: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spoil(content)
    monkeypatch.setenv("RXLINE_CONTENT", str(content))
    assert CliRunner().invoke(command, []).exit_code == 1
