"""What the order system said a while ago, for when it is away: in this process only, bounded, and no longer than told.

Nothing of it may place anything. Kept under a key that only this process can make, so that what callers keyed is
nowhere.
"""

from __future__ import annotations

import hmac
import os
from collections import OrderedDict
from dataclasses import replace
from datetime import datetime
from threading import Lock

from ivr.core.call import Answer, Call
from ivr.core.enquiring import AS_OF
from ivr.core.rules import UNKNOWN, Value
from ivr.orders.questions import Told

MOST = 2_000  # answers, the latest

_STILL_GOOD = frozenset(
    {
        *("tier", "caller", "language", "access", "permission"),
        *("order_state", "medication_class", "time_sensitive", "days_left"),
    }
)
_STILL_TOLD = frozenset({"expected_on", "last4", "since"})


class Memory:
    """Remembers answers; share one per process. Safe from any thread."""

    def __init__(self) -> None:
        self._secret = os.urandom(32)
        self._lock = Lock()
        self._kept: OrderedDict[bytes, tuple[datetime, Told]] = OrderedDict()

    def keep(self, ask: str, call: Call, told: Told, now: datetime) -> None:
        """Remember an answer that says who somebody is, or what is theirs; a miss, or a code's, is forgotten."""
        if "code" in call.fields or not (told.answer.found or "tier" in told.answer.facts):
            return
        with self._lock:
            key = self._key(ask, call)
            self._kept[key] = (now, told)
            self._kept.move_to_end(key)
            while len(self._kept) > MOST:
                self._kept.popitem(last=False)

    def of(self, ask: str, call: Call, since: datetime) -> Told | None:
        """Return as much as is still good of an answer to exactly this, given at `since` or later; None for none."""
        with self._lock:
            at, told = self._kept.get(self._key(ask, call), (since, None))
        return replace(told, answer=_aged(told.answer, at)) if told and at >= since else None

    def _key(self, ask: str, call: Call) -> bytes:
        """Whatever an answer depends on besides the order system: one thing different, and it is another question."""
        asked = (ask.partition(":")[0], call.caller.number, call.caller.attestation, sorted(call.fields.items()))
        proved = (call.person, call.facts.get("tier"), call.facts.get("permission"))
        return hmac.digest(self._secret, repr((asked, proved)).encode(), "sha256")


def _aged(answer: Answer, at: datetime) -> Answer:
    found = tuple(replace(one, facts=_good(one.facts), values=_told(one.values)) for one in answer.found)
    values = {**_told(answer.values), AS_OF: at.isoformat()}
    return replace(answer, facts=_good(answer.facts), values=values, found=found)


def _good(facts: dict[str, Value]) -> dict[str, Value]:
    """What may be ordered, owed or agreed to may have changed, and is unknown; a state is told with its time."""
    return {fact: value if fact in _STILL_GOOD else UNKNOWN for fact, value in facts.items()}


def _told(values: dict[str, str]) -> dict[str, str]:
    return {name: value if name in _STILL_TOLD else "" for name, value in values.items()}
