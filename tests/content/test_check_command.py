"""`ivr check` for people, editors and build servers."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from ivr.content.check import command

ROOT = Path(__file__).parents[2]


@pytest.fixture
def content(tmp_path: Path) -> Path:
    for name in ("routing_rules", "callflows", "config"):
        shutil.copytree(ROOT / name, tmp_path / name)
    return tmp_path


def run(*arguments: str, content: Path) -> Result:
    return CliRunner().invoke(command, [*arguments, "--content", str(content)])


def spoil(content: Path) -> None:
    rules = content / "routing_rules/main.yaml"
    rules.write_text(rules.read_text(encoding="utf-8").replace("queue: billing", "queue: biling", 1), encoding="utf-8")


def test_nothing_wrong_is_said_and_exits_with_0(content: Path) -> None:
    result = run(content=content)
    assert (result.exit_code, result.stderr, result.stdout) == (0, "nothing wrong\n", "")


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
    (problem,) = json.loads(result.stdout)
    assert problem == {
        "file": "routing_rules/main.yaml",
        "line": problem["line"],
        "column": 19,
        "severity": "error",
        "code": "reference",
        "message": 'no queue is called "biling"; did you mean "billing"?',
    }
    assert result.exit_code == 1


def test_json_of_nothing_wrong_is_an_empty_list(content: Path) -> None:
    assert json.loads(run("--format", "json", content=content).stdout) == []


def test_a_build_server_gets_annotations(content: Path) -> None:
    spoil(content)
    result = run("--format", "github", content=content)
    assert result.stdout.startswith("::error file=routing_rules/main.yaml,line=")
    assert ',col=19,title=reference::no queue is called "biling"' in result.stdout


@pytest.mark.parametrize("name", ["routing_rules/safety.yaml", "config/queues.yaml"])
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
