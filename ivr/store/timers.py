"""Timers: what a call is to be told at an instant of the practice clock."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from ivr.store.database import Database


@dataclass(frozen=True, slots=True)
class Timer:
    call_id: str
    name: str
    due_at: datetime


class Timers:
    def __init__(self, database: Database) -> None: ...
    def due(self, now: datetime, limit: int = 100) -> list[Timer]: ...
    def take(self, timer: Timer) -> bool: ...
