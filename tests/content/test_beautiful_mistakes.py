"""Every mistake in `bad/` stands beside the message it earns: `#! line:column message` at its end.

The first line says which file of the shipped content it takes the place of.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from ivr.content import ContentProblems, folder, load
from ivr.content.pharmacy import read_pharmacy

HERE = Path(__file__).parent
SHIPPED, _ = folder.texts(HERE.parents[1])
MISTAKES = sorted((HERE / "bad").glob("*.yaml"))


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda path: path.stem)
def test_a_mistake_earns_its_message_and_an_error_leaves_nothing_to_publish(mistake: Path) -> None:
    path, text, expected = written(mistake)

    pharmacy, problems = read_pharmacy({**SHIPPED, path: text}, [], 2026, proof_seconds=30)

    told = [
        f"{problem.line}:{problem.column} {problem.message}" + " (warning)" * (problem.severity == "warning")
        for problem in problems
        if problem.file == path and problem.code != "gap"  # almost none of them fits every call
    ]
    assert told == expected
    assert (pharmacy is not None) == are_warnings(expected)


@pytest.mark.parametrize("mistake", ["unknown_queue", "disclosure", "remarks"])
def test_a_folder_with_an_error_is_refused_and_one_with_remarks_is_not(mistake: str, tmp_path: Path) -> None:
    path, text, expected = written(HERE / "bad" / f"{mistake}.yaml")
    for name, shipped in {**SHIPPED, path: text}.items():
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(shipped, encoding="utf-8")
    if are_warnings(expected):
        assert load(tmp_path).version
    else:
        with pytest.raises(ContentProblems, match=path):
            load(tmp_path)


def written(mistake: Path) -> tuple[str, str, list[str]]:
    """Where a mistake stands, its text, and what it earns."""
    text = mistake.read_text(encoding="utf-8")
    lines = text.split("\n")
    return lines[0].removeprefix("# "), text, [line.removeprefix("#! ") for line in lines if line.startswith("#! ")]


def are_warnings(expected: list[str]) -> bool:
    return all(line.endswith("(warning)") for line in expected)
