"""`ivr classify`: utterances in, one a line; answers out, in the same order; and a table of how well it works."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from ivr.core.rules import FACTS
from ivr.office.classify import command

ROOT = Path(__file__).parents[2]


def classify(*arguments: str, told: str | bytes = "") -> Result:
    return CliRunner().invoke(command, [*arguments, "--content", str(ROOT)], input=told)


def answers(result: Result) -> list[dict[str, Any]]:
    return [json.loads(line) for line in result.stdout.splitlines()]


def said(*texts: str, **more: str) -> str:
    return "".join(
        json.dumps({"id": f"u{n}", "lang": "en", "text": text, **more}) + "\n" for n, text in enumerate(texts)
    )


def test_each_line_is_answered_in_its_place() -> None:
    result = classify(told=said("i can't breathe", "where is my order", ""))
    assert result.exit_code == 0
    assert [one["id"] for one in answers(result)] == ["u0", "u1", "u2"]
    assert [one["urgency"] for one in answers(result)] == ["emergency", "routine", "routine"]
    assert [one["intent"] for one in answers(result)] == ["adverse_reaction", "order_status", "other"]
    for one in answers(result):
        assert list(one) == ["id", "intent", "urgency", "ask_safety", "confidence", "because"]
        assert one["intent"] in FACTS["intent"].values


def test_files_are_read_one_after_another(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text(said("refill"))
    (tmp_path / "b.jsonl").write_text(said("overdose"))
    result = classify(str(tmp_path / "a.jsonl"), str(tmp_path / "b.jsonl"))
    assert [one["urgency"] for one in answers(result)] == ["routine", "emergency"]


def test_a_language_that_is_missing_or_unknown_is_no_fault() -> None:
    told = (
        '{"text": "no puedo respirar"}\n{"id": 7, "lang": "tlh", "text": "chest pain"}\n{"lang": 5, "text": "refill"}\n'
    )
    result = classify(told=told)
    assert result.exit_code == 0
    assert [(one["id"], one["urgency"]) for one in answers(result)] == [
        (None, "emergency"),
        (7, "emergency"),
        (None, "routine"),
    ]


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ("no json", {"error": "this is no JSON"}),
        ("[" * 100_000, {"error": "this is no JSON"}),
        ("[1]", {"error": 'an utterance is written as {"id": …, "lang": "en", "text": …}'}),
        ('{"id": "x", "lang": "en"}', {"id": "x", "error": "an utterance has a `text`, in quotes"}),
        ('{"id": "x", "text": 3}', {"id": "x", "error": "an utterance has a `text`, in quotes"}),
    ],
)
def test_a_line_that_is_no_utterance_is_told_on_its_line_and_the_rest_go_on(line: str, error: dict[str, str]) -> None:
    result = classify(told=f"{line}\n{said('overdose')}")
    assert result.exit_code == 1
    assert answers(result)[0] == error
    assert answers(result)[1]["urgency"] == "emergency"


def test_bytes_that_are_no_text_are_told_too() -> None:
    assert answers(classify(told=b"\xff\xfe\n"))[0] == {"error": "this is no JSON"}


def test_half_a_letter_is_heard_and_answered() -> None:
    result = classify(told='{"id": "\\ud800", "text": "refill \\ud800"}\n')
    assert result.exit_code == 0


def test_labelled_utterances_are_scored() -> None:
    labelled = said("i can't breathe", "he is choking", intent="adverse_reaction", urgency="emergency")
    labelled += said("where is my order", intent="order_status", urgency="routine")
    labelled += said("what time do you close", intent="billing", urgency="routine")
    result = classify("--score", told=labelled)
    assert result.exit_code == 0
    assert "emergencies caught" in result.stdout
    assert "100.0% (2/2)" in result.stdout
    assert "billing heard as hours_location" in result.stdout


def test_a_line_without_a_label_is_told_and_left_out_of_the_score() -> None:
    result = classify(
        "--score",
        told=said("refill", intent="refill_request", urgency="soon") + said("x", intent="other", urgency="routine"),
    )
    assert result.exit_code == 1
    assert "line 1: `urgency` is one of emergency, urgent, routine" in result.stderr


def test_nothing_to_score_cannot_be_scored() -> None:
    assert classify("--score", told="\n").exit_code == 2


def test_what_cannot_be_read_cannot_be_classified(tmp_path: Path) -> None:
    assert classify(str(tmp_path / "nowhere.jsonl")).exit_code == 2
    (tmp_path / "callflows/speech").mkdir(parents=True)
    (tmp_path / "callflows/speech/en.yaml").write_text("version: 1\nred_flags: {soon: [x]}\n")
    for content in (tmp_path, tmp_path / "nowhere"):
        result = CliRunner().invoke(command, ["--content", str(content)], input=said("refill"))
        assert result.exit_code == 2
        assert result.stderr
