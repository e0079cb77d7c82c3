"""What was published: every version of the content, kept as it was, and which one callers get."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from ivr.store.database import Database


@dataclass(frozen=True, slots=True)
class Publication:
    seq: int
    version: str
    at: datetime
    author: str
    message: str


class Published:
    def __init__(self, database: Database) -> None: ...
    def save_version(
        self, version: str, files: Mapping[str, str], now: datetime, author: str = "", message: str = ""
    ) -> None:
        """Keeps the version and makes it current; publishing the current one again changes nothing."""

    def load_version(self, version: str) -> dict[str, str] | None: ...
    def current_version(self) -> str | None: ...
    def history(self, limit: int = 50) -> list[Publication]: ...
