"""Every mistake in `bad/` stands beside the message it earns: `#! line:column message` at its end.

The first line says which file of the shipped content it takes the place of.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from ivr.content import ContentProblems, folder, load_files
from ivr.content.pharmacy import read_pharmacy

HERE = Path(__file__).parent
SHIPPED, _ = folder.texts(HERE.parents[1])
MISTAKES = sorted((HERE / "bad").glob("*.yaml"))


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda path: path.stem)
def test_a_mistake_earns_its_message(mistake: Path) -> None:
    text = mistake.read_text(encoding="utf-8")
    path = text.split("\n", 1)[0].removeprefix("# ")
    expected = [line.removeprefix("#! ") for line in text.split("\n") if line.startswith("#! ")]

    _, problems = read_pharmacy({**SHIPPED, path: text}, [], 2026)

    told = [
        f"{problem.line}:{problem.column} {problem.message}" + " (warning)" * (problem.severity == "warning")
        for problem in problems
        if problem.file == path
    ]
    assert told == expected


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda path: path.stem)
def test_nothing_with_an_error_can_be_published(mistake: Path) -> None:
    text = mistake.read_text(encoding="utf-8")
    path = text.split("\n", 1)[0].removeprefix("# ")
    if all(line.endswith("(warning)") for line in text.split("\n") if line.startswith("#! ")):
        assert load_files({**SHIPPED, path: text}).version
    else:
        with pytest.raises(ContentProblems, match=path):
            load_files({**SHIPPED, path: text})
