"""The pharmacy's own files: routing rules, call flows, prompts and configuration, read into one value or refused.

`load` returns what can be published, `find_problems` everything that is wrong; both read all files and stop at nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path

from ivr.content import folder
from ivr.content.pharmacy import Routing, read_pharmacy, read_routing
from ivr.content.problems import ContentProblems, Problem
from ivr.core.pharmacy import Pharmacy
from ivr.proof.findings import LIMIT_SECONDS

__all__ = [
    "ContentProblems",
    "Pharmacy",
    "Problem",
    "Routing",
    "find_problems",
    "load",
    "load_files",
    "load_routing",
    "read_routing",
]


def load(content: Path, *, year: int | None = None) -> Pharmacy:
    """Return what the files of a content folder say, once all they promise is proved.

    Holidays reach from the year before `year` (None: this one) to three after it. Raises ContentProblems with
    everything that is wrong, and OSError when the folder cannot be read.
    """
    files, unread = folder.texts(content)
    return _loaded(files, unread, year, LIMIT_SECONDS)


def load_files(files: Mapping[str, str], *, year: int | None = None) -> Pharmacy:
    """Return a stored version again, proved when it was stored, from the texts of its files; raises ContentProblems."""
    return _stored(frozenset(files.items()), year or datetime.now(UTC).year)


def find_problems(
    content: Path, only: str | None = None, *, year: int | None = None, proof_seconds: float = LIMIT_SECONDS
) -> list[Problem]:
    """Return everything wrong with a content folder, sorted by place.

    `only`, as `folder.named` gives it, asks about one file and those it extends; a file of rules, and a draft outside
    the folder, is then read as if a line used it. Proofs may take `proof_seconds` in all. Raises OSError when the
    folder cannot be read.
    """
    files, unread = folder.texts(content, only)
    return read_pharmacy(files, unread, year, only, proof_seconds=proof_seconds)[1]


def load_routing(content: Path, only: str | None = None) -> tuple[Routing, list[Problem]]:
    """Return what decides where calls go, as far as it can be read, and the problems that keep the rest from it.

    `only`, as `folder.named` gives it, is read as if a line used it. Raises OSError when the folder cannot be read.
    """
    files, unread = folder.texts(content, only)
    return read_routing(files, unread, only)


# A version never changes, and neither does what is read from it: a process that forks, or opens the record twice, and
# a version that is put back, need not read it again.
@lru_cache(maxsize=4)
def _stored(files: frozenset[tuple[str, str]], year: int) -> Pharmacy:
    return _loaded(dict(sorted(files)), [], year, None)


def _loaded(files: Mapping[str, str], unread: list[Problem], year: int | None, proof_seconds: float | None) -> Pharmacy:
    pharmacy, problems = read_pharmacy(files, unread, year, proof_seconds=proof_seconds)
    if pharmacy is None:
        raise ContentProblems(problems)
    return pharmacy
