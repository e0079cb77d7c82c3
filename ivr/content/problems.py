"""What is wrong with a pharmacy's files: where, what, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from rapidfuzz import fuzz, process, utils

from ivr.core.rules import Value

FINDINGS = (
    *("unreachable", "redundant", "gap", "guarantee", "example", "remark", "not-proved"),
    *("disclosure", "permission", "person", "plain-words"),
)
"""Codes of what is found out about rules, flows and prompts that can be read."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One finding. Lines and columns count from 1, in characters; the whole file is 1:1."""

    file: str  # relative to the content folder, with /
    line: int
    column: int
    severity: str  # error · warning
    code: str
    message: str
    example: Mapping[str, Value] | None = None  # a call that shows it, facts left out meaning any value

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}: {self.message}"

    @property
    def keeps_from_reading(self) -> bool:
        """Whether there is nothing to run; an error that is a finding about what was read stops only publishing."""
        return self.severity == "error" and self.code not in FINDINGS

    @property
    def place(self) -> tuple[str, int, int, str, str]:
        return self.file, self.line, self.column, self.code, self.message


class ContentProblems(Exception):
    """The content cannot be published; `problems` holds everything found, warnings too."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = list(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems if problem.severity == "error"))


def in_order(problems: Iterable[Problem]) -> list[Problem]:
    """Return each problem once, sorted by file and place."""
    return [by_place[place] for by_place in ({p.place: p for p in problems},) for place in sorted(by_place)]


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Return the known word somebody may have meant, or None when none is near."""
    near = process.extractOne(word, sorted(known), scorer=fuzz.ratio, processor=utils.default_process, score_cutoff=60)
    return str(near[0]) if near else None


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return `; did you mean "…"?` for the nearest known word, or nothing when none is near."""
    near = nearest(word, known)
    return f'; did you mean "{near}"?' if near else ""
