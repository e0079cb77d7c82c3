"""The outbox: effects committed with their turn and not yet done."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from ivr.core.call import Effect
from ivr.store.database import Database


@dataclass(frozen=True, slots=True)
class EffectRow:
    """An effect and how far it has come. Its times are real, not the practice clock's."""

    id: str
    call_id: str
    kind: str  # the effect's class name
    effect: Effect
    lane: str  # place · telephony · orders
    state: str  # due · leased · sending · unknown · done · dead
    attempts: int
    sent_at: datetime | None  # of the last request of a `once` effect


class Outbox:
    """Effects on their way. Every time here is real time."""

    def __init__(self, database: Database) -> None: ...
    def due(self, lane: str, limit: int = 100) -> list[EffectRow]: ...
    def claim(self, effect_id: str, lease_seconds: float) -> EffectRow | None: ...
    def sending(self, effect_id: str) -> None:
        """Raises Conflict when the effect is no longer leased: then do not send."""

    def done(self, effect_id: str, result: str = "") -> None: ...
    def again(self, effect_id: str, delay_seconds: float, error: str) -> None: ...
    def unknown(self, effect_id: str, error: str) -> None: ...
    def unknowns(self, older_than_seconds: float) -> list[EffectRow]: ...
    def dead(self, effect_id: str, error: str) -> None: ...
    def effect(self, effect_id: str) -> EffectRow | None: ...
    def effect_of_leg(self, leg: str) -> EffectRow | None: ...
    def pending(self) -> dict[str, int]: ...
