"""A record in which what we ship is published already: what every process finds but the first of a first day."""

from __future__ import annotations

import contextlib
import tempfile
from datetime import datetime
from functools import cache
from pathlib import Path

from ivr import versions
from ivr.content import Pharmacy, load
from ivr.store import Record, migrate

ROOT = Path(__file__).parent.parent
OPENED_AT = datetime.fromisoformat("2026-11-24T10:00-05:00")


@cache
def pharmacy_shipped() -> Pharmacy:
    """What we ship, read and proved once for all tests of a process."""
    return load(ROOT, year=2026)


@cache
def record_of_what_is_shipped() -> bytes:
    """The file of that record. Whoever finds none reads and proves all we ship, which takes half a second each time."""
    with tempfile.TemporaryDirectory(prefix="record-") as folder:
        file = Path(folder) / "rxline.db"
        migrate(f"sqlite:///{file}")
        with contextlib.closing(Record(f"sqlite:///{file}", "a key for tests of thirty-two letters")) as record:
            versions.open_library(record, ROOT, OPENED_AT)
        return file.read_bytes()
