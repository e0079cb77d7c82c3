"""`ivr explain` for a call told as facts, and for calls told one a line."""

from __future__ import annotations

import json
import os
import re
import select
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from ivr.content import folder
from ivr.office.explain import command
from tests.content import by_hand
from tests.content.written_rules import WrittenSet, calls

ROOT = Path(__file__).parents[2]
SHIPPED, _ = folder.texts(ROOT)
RULES = """version: 1
extends: safety.yaml
rules:
  - name: Spanish
    when: {language: es, time: 08:00 to 20:00}
    then: {queue: front_desk, needs: [spanish], answer_within: 1m 30s, offer_callback: no, record: yes}
  - name: Refill
    when: {intent: refill_request, refill: {not: [too_soon, unknown]}}
    then: {self_service: refill}
  - name: Refill, in Spanish
    when: {intent: refill_request, language: es}
    then: {voicemail: refills}
otherwise:
  queue: front_desk
"""


@pytest.fixture
def content(tmp_path: Path) -> Path:
    for name in ("routing_rules", "callflows", "config"):
        shutil.copytree(ROOT / name, tmp_path / name)
    (tmp_path / "routing_rules/main.yaml").write_text(RULES)
    return tmp_path


def explain(content: Path, *arguments: str, told: str | bytes = "") -> Result:
    return CliRunner().invoke(command, [*arguments, "--content", str(content)], input=told)


def answers(content: Path, *told: str, rules: str | None = None) -> list[dict[str, Any]]:
    chosen = ("--rules", rules) if rules else ()
    result = explain(content, "--jsonl", *chosen, told="".join(f"{line}\n" for line in told))
    return [json.loads(line) for line in result.stdout.splitlines()]


def whole(content: Path, *arguments: str) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(explain(content, *arguments, "--json").stdout)
    return told


# ---------------------------------------------------------------- one call, told as facts


def test_the_rule_that_is_taken_stands_first_with_its_place(content: Path) -> None:
    lines = explain(content, "intent=refill_request", "refill=eligible").stdout.splitlines()
    assert lines[0].rstrip() == "Refill   routing_rules/main.yaml:7"
    assert lines[1].rstrip() == "→ self_service: refill"
    assert lines[2].rstrip() == "because intent: refill_request and refill: not [too_soon, unknown]"
    assert lines[3].endswith("facts: intent refill_request, refill eligible")


def test_each_rule_passed_over_says_the_first_thing_that_did_not_fit(content: Path) -> None:
    told = " ".join(explain(content, "language=es", "time=21:05").stdout.split())
    assert "Spanish routing_rules/main.yaml:4 it needs time: 08:00 to 20:00, and time is 21:05" in told
    assert "Emergency routing_rules/safety.yaml:6 it needs urgency: emergency, and urgency is unknown" in told


def test_a_promise_is_told_as_the_rules_write_it(content: Path) -> None:
    told = explain(content, "language=es", "time=08:00").stdout
    assert "→ queue: front_desk, answer_within: 1m 30s, needs: [spanish], offer_callback: no, record: yes" in " ".join(
        told.split()
    )


def test_a_call_no_rule_fits_goes_where_otherwise_says(content: Path) -> None:
    assert explain(content, "open=yes").stdout.startswith("otherwise   routing_rules/main.yaml:13\n")


def test_a_machine_gets_all_of_it(content: Path) -> None:
    told = whole(content, "language=es", "time=08:00", "days_left=3")
    assert {key: told[key] for key in ("rule", "file", "line", "facts", "because")} == {
        "rule": "Spanish",
        "file": "routing_rules/main.yaml",
        "line": 4,
        "facts": {"language": "es", "time": "08:00", "days_left": 3},
        "because": "language: es and time: 08:00 to 20:00",
    }
    assert told["decision"] == {
        "route": "queue",
        "queue": "front_desk",
        "answer_within": 90,
        "needs": ["spanish"],
        "offer_callback": False,
        "record": True,
    }
    assert [passed["rule"] for passed in told["passed_over"]] == ["Emergency", "Possible emergency"]
    assert len(told["version"]) == 64


def test_the_rules_are_those_of_the_line(content: Path) -> None:
    by_option = whole(content, "open=no", "--line", "prescribers")
    by_fact = whole(content, "open=no", "line=prescribers")
    assert by_option["file"] == by_fact["file"] == "routing_rules/prescribers.yaml"


def test_a_line_nobody_has_is_told_with_the_nearest(content: Path) -> None:
    result = explain(content, "open=no", "--line", "prescriber")
    assert (result.exit_code, 'no line is called "prescriber"; did you mean "prescribers"?' in result.stderr) == (
        2,
        True,
    )


def test_rules_may_lie_anywhere(content: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    draft = tmp_path_factory.mktemp("drafts") / "draft.yaml"
    draft.write_text(RULES.replace("name: Spanish", "name: En español"))
    told = whole(content, "language=es", "time=08:00", "--rules", str(draft))
    assert (told["rule"], told["file"], told["line"]) == ("En español", str(draft), 4)
    assert told["passed_over"][0]["file"] == "routing_rules/safety.yaml"


@pytest.mark.parametrize("name", ["prescribers.yaml", "routing_rules/prescribers.yaml"])
def test_rules_may_be_named_as_a_line_names_them(content: Path, name: str) -> None:
    assert whole(content, "open=no", "--rules", name)["file"] == "routing_rules/prescribers.yaml"


def test_what_proofs_find_stops_nothing(content: Path) -> None:
    rules = "version: 1\nrules:\n  - {name: A, then: {queue: refills}}\n  - {name: B, then: {queue: billing}}\n"
    broken = "always: [{name: C, must: {queue: billing}}]\nexamples: [{name: D, call: {open: no}, expect: {rule: B}}]\n"
    (content / "routing_rules/main.yaml").write_text(f"{rules}otherwise: {{queue: refills}}\n{broken}")
    assert whole(content, "open=no")["rule"] == "A"


def test_what_is_wrong_elsewhere_stops_nothing(content: Path) -> None:
    (content / "callflows/main.yaml").write_text("nonsense")
    (content / "routing_rules/prescribers.yaml").write_text("nonsense")
    assert whole(content, "open=no")["rule"] is None


@pytest.mark.parametrize(
    ("file", "text", "said"),
    [
        ("routing_rules/main.yaml", RULES.replace("front_desk", "frontdesk"), 'did you mean "front_desk"?'),
        ("routing_rules/safety.yaml", "rules: {", "a bracket above is not closed"),
        ("config/queues.yaml", "queues: {front_desk: {}}", "a queue needs `answer_within`"),
        ("config/lines.yaml", "", "config/lines.yaml:1:1: the file is empty"),
    ],
)
def test_rules_that_cannot_be_read_are_told_and_explain_nothing(content: Path, file: str, text: str, said: str) -> None:
    (content / file).write_text(text)
    result = explain(content, "--jsonl", told='{"open": "no"}\n')
    assert (result.exit_code, result.stdout) == (2, "")
    assert said in result.stderr
    assert "these rules cannot be read" in result.stderr


@pytest.mark.parametrize("options", [("--rules", "nowhere.yaml"), ("--content", "nowhere")])
def test_files_that_are_not_there_explain_nothing(content: Path, options: tuple[str, str]) -> None:
    assert CliRunner().invoke(command, ["open=no", "--content", str(content), *options]).exit_code == 2


@pytest.mark.parametrize(
    ("told", "said"),
    [
        (["opn=yes"], 'there is no fact "opn"; did you mean "open"?'),
        (["open=true"], "write yes"),
        (["open=yes", "open=no"], "open is told twice"),
        (["open=yes", "urgency"], '"urgency" is no fact'),
        (["open=yes", "hours=holiday"], "these two never go together"),
    ],
)
def test_a_call_that_cannot_be_is_told(content: Path, told: list[str], said: str) -> None:
    result = explain(content, *told)
    assert (result.exit_code, said in result.stderr) == (1, True)


def test_nothing_to_explain_is_a_question_back(content: Path) -> None:
    result = explain(content)
    assert (result.exit_code, "say what is known of the call" in result.stderr) == (2, True)


# ---------------------------------------------------------------- why not


@pytest.mark.parametrize(
    ("call", "rule", "said"),
    [
        (["open=yes"], "Spanish", "it needs language: es, and language is unknown"),
        (["language=es", "time=08:00"], "Spanish", "it was taken: language: es and time: 08:00 to 20:00"),
        (
            ["language=es", "time=08:00", "intent=refill_request"],
            "Refill, in Spanish",
            'it fits, but "Spanish" (routing_rules/main.yaml:4) above it was taken first',
        ),
        (["urgency=emergency"], "Refill", "it needs intent: refill_request, and intent is unknown"),
        (["urgency=emergency"], "otherwise", 'it fits, but "Emergency" (routing_rules/safety.yaml:6) above it'),
        (["open=yes"], "otherwise", "it was taken: no rule above it fits"),
    ],
)
def test_one_rule_says_why_not(content: Path, call: list[str], rule: str, said: str) -> None:
    told = explain(content, *call, "--why-not", rule).stdout
    assert told.startswith(f"{rule} (routing_rules/")
    assert said in told
    assert told.count("\n") == 1


def test_one_rule_says_why_not_to_a_machine(content: Path) -> None:
    assert whole(content, "language=es", "time=07:59", "--why-not", "Spanish") == {
        "rule": "Spanish",
        "file": "routing_rules/main.yaml",
        "line": 4,
        "fits": False,
        "taken": False,
        "because": "it needs time: 08:00 to 20:00, and time is 07:59",
    }


def test_a_rule_nobody_wrote_is_told_with_the_nearest(content: Path) -> None:
    result = explain(content, "open=yes", "--why-not", "Spansh")
    assert (result.exit_code, 'no rule is called "Spansh"; did you mean "Spanish"?' in result.stderr) == (1, True)


# ---------------------------------------------------------------- calls told one a line


def test_each_line_gets_its_answer(content: Path) -> None:
    emergency, refill, other = answers(
        content, '{"urgency": "emergency"}', '{"intent": "refill_request", "refill": "eligible"}', "{}"
    )
    assert emergency == {
        "rule": "Emergency",
        "file": "routing_rules/safety.yaml",
        "line": 6,
        "decision": {
            "route": "queue",
            "queue": "pharmacist",
            "answer_within": 0,
            "offer_callback": False,
            "record": False,
        },
    }
    assert refill["decision"] == {"route": "self_service", "self_service": "refill"}
    assert (other["rule"], other["line"]) == (None, 13)


def test_numbers_may_be_numbers_or_text_and_beyond_the_end_they_are_the_end(content: Path) -> None:
    (content / "routing_rules/main.yaml").write_text(
        RULES.replace("language: es, time: 08:00 to 20:00", "days_left: 400")
    )
    beyond = ['{"days_left": 401}', '{"days_left": "400"}', f'{{"days_left": {"9" * 40}}}', '{"days_left": 399}']
    assert [told["rule"] for told in answers(content, *beyond)] == ["Spanish", "Spanish", "Spanish", None]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("nonsense", "no JSON"),
        ("", "no JSON"),
        ('["open"]', "a call is a JSON object"),
        ('"open"', "a call is a JSON object"),
        ('{"opn": "yes"}', 'did you mean "open"?'),
        ('{"open": true}', "open is a single value"),
        ('{"open": null}', "open is a single value"),
        ('{"days_left": 2.5}', "days_left is a single value"),
        ('{"days_left": NaN}', "days_left is a single value"),
        ('{"caller": 5}', 'caller is never "5"'),
        ('{"time": 510}', "write HH:MM"),
        ('{"open": "yes", "open": "no"}', "open is told twice"),
        ('{"open": "no", "hours": "business"}', "never go together"),
        ("[" * 100_000, "no JSON"),
        ('{"days_left": ' + "9" * 5_000 + "}", "no JSON"),
    ],
)
def test_a_line_that_can_be_no_call_is_told_and_the_rest_go_on(content: Path, line: str, said: str) -> None:
    result = explain(content, "--jsonl", told=f'{{"open": "yes"}}\n{line}\n{{"urgency": "emergency"}}\n')
    first, broken, last = map(json.loads, result.stdout.splitlines())
    assert (first["rule"], last["rule"]) == (None, "Emergency")
    assert list(broken) == ["error"]
    assert said in broken["error"]
    assert result.exit_code == 1


def test_lines_may_end_as_windows_ends_them_and_begin_with_a_mark(content: Path) -> None:
    result = explain(content, "--jsonl", told=b'\xef\xbb\xbf{"open": "yes"}\r\n{"urgency": "emergency"}')
    assert [json.loads(line)["rule"] for line in result.stdout.splitlines()] == [None, "Emergency"]
    assert result.exit_code == 0


def test_what_is_no_text_is_no_call(content: Path) -> None:
    result = explain(content, "--jsonl", told=b'{"open": "\xff"}\n')
    assert "no JSON" in json.loads(result.stdout)["error"]


def test_a_call_is_answered_before_the_next_is_told() -> None:
    program = [sys.executable, "-m", "ivr.cli", "explain", "--jsonl"]
    with subprocess.Popen(program, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=os.environ) as asked:
        assert asked.stdin
        assert asked.stdout
        for urgency in ("emergency", "routine"):
            asked.stdin.write(f'{{"urgency": "{urgency}"}}\n'.encode())
            asked.stdin.flush()
            assert select.select([asked.stdout], [], [], 30)[0]
            assert b"decision" in asked.stdout.readline()
        asked.stdin.close()
        assert asked.wait(30) == 0


def test_a_stream_of_calls_goes_where_a_reading_by_hand_sends_each() -> None:
    chain = [by_hand.plain(SHIPPED[f"routing_rules/{name}.yaml"]) for name in ("safety", "main")]
    queues = by_hand.plain(SHIPPED["config/queues.yaml"])["queues"]
    written = WrittenSet(SHIPPED["routing_rules/safety.yaml"], SHIPPED["routing_rules/main.yaml"])
    asked = calls(written, 7, 2_000)
    told = answers(ROOT, *map(json.dumps, asked), rules="main.yaml")
    assert [(one["rule"], one["decision"]) for one in told] == [by_hand.decided(chain, queues, call) for call in asked]


# ---------------------------------------------------------------- what the guide shows

GUIDE = (ROOT / "docs/explain.md").read_text(encoding="utf-8")


def test_the_guides_commands_are_answered_as_it_says(content: Path) -> None:
    (asked,) = re.findall(r"^ivr explain ([a-z_]+=.+)$", GUIDE, re.MULTILINE)
    assert explain(ROOT, *asked.split()).exit_code == 0
    ((call, answered),) = re.findall(r"^\$ echo '(.+)' \| ivr explain --jsonl\n(.+)$", GUIDE, re.MULTILINE)
    assert answers(content, call) == [json.loads(answered)]
