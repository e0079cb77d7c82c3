"""An order system that does not answer is left alone for a moment: nobody waits for it, and no thread is tied.

What libraries there are hold one lock over the whole request, so that a slow order system would serve one caller at a
time, or let everybody try at once when it may be back.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock
from typing import Any, Literal, TypeVar, cast

import structlog

from ivr.orders.port import NOT_SERVED, OrderSystem, Refused, Unavailable

log = structlog.get_logger(__name__)

FAILURES, WITHIN_SECONDS = 5, 10.0
REST_SECONDS = 2.0

State = Literal["asked", "resting", "trying"]
_OF_ITSELF = ("ready", "capabilities", "close")
"""What is not held off: it tells operators the truth, asks nothing while that is known, or asks nobody."""
Told = TypeVar("Told")


class HeldOff(Unavailable):
    """Not asked at all: it has failed again and again, and is given a moment. Nothing was done."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How an order system stands with this process, and how many questions were spared so far.

    asked: as ever · resting: nobody asks · trying: one question is on its way, to see whether it is back.
    """

    state: State
    spared: int


class Breaker:
    """Counts failures in a row; so many within so many seconds, and nobody asks for `rest_seconds`.

    Then one question goes through: answered, and all go; not answered, and it rests again. A refusal is an answer. Safe
    from any thread, and never locked while somebody waits for an answer. `now` counts seconds that only go on.
    """

    def __init__(
        self,
        failures: int = FAILURES,
        within_seconds: float = WITHIN_SECONDS,
        rest_seconds: float = REST_SECONDS,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._within_seconds = within_seconds
        self._rest_seconds = rest_seconds
        self._now = now
        self._lock = Lock()
        self._failed_at: deque[float] = deque(maxlen=failures)
        self._state: State = "asked"
        self._rests_until = 0.0
        self._spared = 0

    @property
    def standing(self) -> Standing:
        """How it stands now."""
        with self._lock:
            return Standing(self._state, self._spared)

    def through(self, question: Callable[[], Told]) -> Told:
        """Ask; raises HeldOff without asking, or whatever the question raises."""
        is_trial = self._enter()
        answered: bool | None = False if is_trial else None  # a fault of our own says nothing of the order system
        try:
            told = question()
            answered = True
        except Refused as refused:
            answered = answered if refused.code == NOT_SERVED else True
            raise
        except Unavailable:
            answered = False
            raise
        finally:
            self._leave(answered, is_trial)
        return told

    def _enter(self) -> bool:
        """Return whether this question is the one that tries; raises HeldOff."""
        with self._lock:
            if self._state == "asked":
                return False
            if self._state == "trying" or self._now() < self._rests_until:
                self._spared += 1
                raise HeldOff("not asked")
            self._state = "trying"
            return True

    def _leave(self, answered: bool | None, is_trial: bool) -> None:
        with self._lock:
            before = self._state
            if answered:
                self._failed_at.clear()
                self._state = "asked"
            elif is_trial or (answered is False and before == "asked" and self._is_one_too_many()):
                self._state, self._rests_until = "resting", self._now() + self._rest_seconds
            told = (before, self._state)
        if told == ("asked", "resting"):
            log.warning("order_system_held_off")
        elif told[0] != "asked" and told[1] == "asked":
            log.info("order_system_asked_again")

    def _is_one_too_many(self) -> bool:
        self._failed_at.append(self._now())
        is_full = len(self._failed_at) == self._failed_at.maxlen
        return is_full and self._failed_at[-1] - self._failed_at[0] <= self._within_seconds


class _Guarded:
    """An order system behind a breaker, whichever adapter it is."""

    def __init__(self, orders: OrderSystem, breaker: Breaker) -> None:
        self._orders = orders
        self.breaker = breaker

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._orders, name)
        if name in _OF_ITSELF:
            return method
        return lambda *given, **named: self.breaker.through(lambda: method(*given, **named))


def guarded(orders: OrderSystem, breaker: Breaker) -> OrderSystem:
    """Return the same order system, asked through a breaker: while it rests, its methods raise HeldOff at once."""
    return cast(OrderSystem, _Guarded(orders, breaker))


def standing_of(orders: OrderSystem) -> Standing:
    """Return how an order system stands with this process; one behind no breaker is always asked."""
    return orders.breaker.standing if isinstance(orders, _Guarded) else Standing("asked", 0)
