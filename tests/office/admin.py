"""The shipped files with changes, and the publishing of them: what tests of versions start from."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

from ivr import versions
from ivr.content import folder
from ivr.store import Publication, Record

ROOT = Path(__file__).parents[2]
SHIPPED: Mapping[str, str] = folder.texts(ROOT)[0]
MONDAY = datetime(2026, 11, 23, 15, tzinfo=UTC)
PROMPTS, RULES, STAFF = "callflows/prompts/en.yaml", "routing_rules/main.yaml", "config/staff.yaml"


def folder_in(place: Path) -> Path:
    """A content folder of the test's own, with what is shipped."""
    for name in folder.FOLDERS:
        shutil.copytree(ROOT / name, place / name)
    return place


def edit(content: Path, path: str, old: str, new: str) -> None:
    """Somebody opens a file, changes a word, and saves it."""
    file = content / path
    before = file.read_text(encoding="utf-8")
    assert old in before
    file.write_text(before.replace(old, new, 1), encoding="utf-8")


MISTAKE = re.compile(rf'{RULES}:\d+:\d+: no queue is called "biling"; did you mean "billing"\?')


def mistype(content: Path) -> None:
    """Somebody leaves out a letter."""
    edit(content, RULES, "queue: billing", "queue: biling")


def signed(message: str = "why", author: str = "rosa", minutes: int = 0) -> versions.Signed:
    return versions.Signed(author, message, MONDAY + timedelta(minutes=minutes))


def published(record: Record, content: Path, message: str = "why") -> Publication:
    """The folder's files, published after whatever is newest."""
    newest = record.published.newest()
    return versions.publish(record, content, signed(message), newest.seq if newest else 0)[0]


def of_the_future(record: Record) -> Publication:
    """What a newer Rxline published, which this one cannot read."""
    newest = record.published.newest()
    number = newest.seq + 1 if newest else 1
    future = Publication(number, f"{number:x}".rjust(64, "f"), MONDAY, "rosa", "with the new words")
    record.published.publish(future, {"config/lines.yaml": "version: 9\n"})
    return future
