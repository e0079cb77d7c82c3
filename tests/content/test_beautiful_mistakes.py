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
def test_a_mistake_earns_its_message(mistake: Path) -> None:
    text = mistake.read_text(encoding="utf-8")
    path = text.split("\n", 1)[0].removeprefix("# ")
    expected = [line.removeprefix("#! ") for line in text.split("\n") if line.startswith("#! ")]

    _, problems = read_pharmacy({**SHIPPED, path: text}, [], 2026, proof_seconds=30)

    told = [
        f"{problem.line}:{problem.column} {problem.message}" + " (warning)" * (problem.severity == "warning")
        for problem in problems
        if problem.file == path and problem.code != "gap"  # almost none of them fits every call
    ]
    assert told == expected


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda path: path.stem)
def test_nothing_with_an_error_can_be_published(mistake: Path, tmp_path: Path) -> None:
    text = mistake.read_text(encoding="utf-8")
    path = text.split("\n", 1)[0].removeprefix("# ")
    for name, shipped in {**SHIPPED, path: text}.items():
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(shipped, encoding="utf-8")
    if all(line.endswith("(warning)") for line in text.split("\n") if line.startswith("#! ")):
        assert load(tmp_path).version
    else:
        with pytest.raises(ContentProblems, match=path):
            load(tmp_path)
