"""What is private of the people in the order system, however it is spelt, and where none of it may ever be.

A number may be written with spaces or hyphens, a date in any order, and a job's arguments lie compressed in Valkey.
"""

from __future__ import annotations

import contextlib
import re
import zlib
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Any

_BULK = re.compile(rb"\$(\d+)\r\n")
_TOGETHER = re.compile(r"\d+")
_APART = re.compile(r"\+?\d(?:[ ().,/-]{0,2}\d){4,}")
_PORT_OR_PROCESS = re.compile(r"(?:127\.0\.0\.1:|pid\W{1,4})\d+")
_DAYS = ("%Y-%m-%d", "%m/%d/%Y", "%d.%m.%Y", "%B %d, %Y", "%B %-d, %Y", "%-m/%-d/%Y", "%-m/%-d/%y", "%m/%d/%y")


class Private:
    """Everything by which one of these people could be known; `people` as `/_sandbox/people` lists them."""

    def __init__(self, people: Iterable[dict[str, Any]]) -> None:
        self._digits: set[str] = set()
        self._zips: set[str] = set()
        self._phones: set[str] = set()
        self._words: set[str] = set()
        for person in people:
            self._phones.add(person["phone"].removeprefix("+1"))
            self._digits |= {person["npi"], *(filed["number"] for filed in person["prescriptions"])}
            self._words |= {person["name"], *(part for part in person["name"].split() if len(part) > 3)}
            self._zips |= {person["zip"]} - {None}
            self._knows_day(person["date_of_birth"])
        self._digits.discard(None)  # type: ignore[arg-type]

    def _knows_day(self, born: str | None) -> None:
        if born:
            self._words |= {date.fromisoformat(born).strftime(how) for how in _DAYS}
            self._digits |= {date.fromisoformat(born).strftime(how) for how in ("%Y%m%d", "%m%d%Y")}

    def found_in(self, text: str) -> list[str]:
        """What of it stands in a text."""
        text = _PORT_OR_PROCESS.sub("", text)
        runs = {*_TOGETHER.findall(text), *(re.sub(r"\D", "", run) for run in _APART.findall(text))}
        phones = {run for run in runs if any(run[at : at + 10] in self._phones for at in range(len(run) - 9))}
        words = re.findall("|".join(rf"\b{re.escape(word)}\b" for word in self._words), text)
        # Any count of seconds may look like a ZIP: it tells of somebody where it is said to be one.
        zips = set(re.findall(r"(?i)zip\W{0,6}(\d{5})\b", text)) & self._zips
        return sorted(phones | (runs & self._digits) | set(words) | zips)


def written_to_valkey(folder: Path) -> Iterator[str]:
    """Every key, value and argument ever written to a Valkey that keeps its file here, what is compressed unpacked."""
    for file in sorted(folder.glob("appendonlydir/*.aof")):
        kept = file.read_bytes()
        for size in _BULK.finditer(kept):
            yield _readable(kept[size.end() : size.end() + int(size[1])])


def _readable(value: bytes) -> str:
    with contextlib.suppress(zlib.error):  # most of it is not compressed
        value = zlib.decompress(value)
    return value.decode("latin-1")


def asked_for(calls: Sequence[dict[str, Any]]) -> list[str]:
    """Every path an exchange asked us for in these calls, and every sound."""
    lines = [line for call in calls for line in call["lines"]]
    return [line[what] for line in lines for what in ("path", "what") if what in line]
