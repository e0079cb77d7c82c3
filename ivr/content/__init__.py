"""The pharmacy's own files: routing rules, call flows, prompts and configuration, read into one value or refused.

`load` returns what can be published, `find_problems` everything that is wrong; both read all files and stop at nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ivr.content import folder
from ivr.content.pharmacy import read_pharmacy
from ivr.content.problems import ContentProblems, Problem
from ivr.core.pharmacy import Pharmacy

__all__ = ["ContentProblems", "Pharmacy", "Problem", "find_problems", "load", "load_files"]


def load(content: Path, *, year: int | None = None) -> Pharmacy:
    """Return what the files of a content folder say.

    Holidays reach from the year before `year` (None: this one) to three after it. Raises ContentProblems with
    everything that is wrong, and OSError when the folder cannot be read.
    """
    files, unread = folder.texts(content)
    return _loaded(files, unread, year)


def load_files(files: Mapping[str, str], *, year: int | None = None) -> Pharmacy:
    """Return a stored version again from the texts of its files; raises ContentProblems."""
    return _loaded(files, [], year)


def find_problems(content: Path, only: str | None = None, *, year: int | None = None) -> list[Problem]:
    """Return everything wrong with a content folder, sorted by place.

    `only`, a path below the folder, asks about one file and those it extends; a file of rules is then read as if a
    line used it. Raises OSError when the folder cannot be read.
    """
    files, unread = folder.texts(content)
    return read_pharmacy(files, unread, year, only)[1]


def _loaded(files: Mapping[str, str], unread: list[Problem], year: int | None) -> Pharmacy:
    pharmacy, problems = read_pharmacy(files, unread, year)
    if pharmacy is None:
        raise ContentProblems(problems)
    return pharmacy
