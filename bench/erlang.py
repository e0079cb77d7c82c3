"""What theory says of a line: Erlang B, C and A, to hold a simulation against.

A call rate is per second, times are seconds, `servers` the agents. Sources: A. K. Erlang (1917) for B and C; C. Palm,
and A. Mandelbaum and S. Zeltyn, "The Palm/Erlang-A Queue" (2005), for A, where who waits hangs up after a time.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from math import exp

FAR = 1e-15  # states less likely than this change no digit


@dataclass(frozen=True, slots=True)
class Load:
    """One queue, exponential in everything: calls a second, seconds handled, seconds of patience, agents."""

    rate: float
    handled: float
    patience: float
    servers: int

    @property
    def erlangs(self) -> float:
        return self.rate * self.handled


@dataclass(frozen=True, slots=True)
class Expected:
    """The share that hangs up while waiting, and the mean wait in seconds of all, those who hang up included."""

    abandoned: float
    wait: float


def blocked(erlangs: float, servers: int) -> float:
    """Return Erlang B: the share of calls that find every server busy, and go away."""
    share = 1.0
    for n in range(1, servers + 1):
        share = erlangs * share / (n + erlangs * share)
    return share


def delayed(erlangs: float, servers: int) -> float:
    """Return Erlang C: the share of calls that wait at all, if nobody ever hangs up; needs erlangs < servers."""
    share = blocked(erlangs, servers)
    return share / (1 - erlangs / servers * (1 - share))


def service_level(load: Load, within: float) -> float:
    """Return the share of calls answered within so many seconds by Erlang C."""
    spare = load.servers - load.erlangs
    return 1 - delayed(load.erlangs, load.servers) * exp(-spare * within / load.handled)


def patient(load: Load) -> Expected:
    """Return Erlang A: k calls end at the rate min(k, servers) / handled + max(0, k - servers) / patience."""
    weights, k = [1.0], 0
    while k < load.servers or weights[-1] > FAR * sum(weights):
        k += 1
        leaving = min(k, load.servers) / load.handled + max(0, k - load.servers) / load.patience
        weights.append(weights[-1] * load.rate / leaving)
    waiting = sum(max(0, n - load.servers) * weight for n, weight in enumerate(weights)) / sum(weights)
    return Expected(waiting / load.patience / load.rate, waiting / load.rate)


def textbook(callers: Iterable[tuple[float, float, float]], servers: int) -> tuple[int, float]:
    """Return how many hang up and the seconds waited by all, of callers (arrival, talk, patience) served in order.

    Nothing but the model itself, so that what a simulation makes of the same callers can be held against it one by one.
    """
    busy: list[float] = []
    line: deque[tuple[float, float, float]] = deque()
    left, waited = 0, 0.0

    def until(now: float) -> None:
        nonlocal left, waited
        while busy and busy[0] <= now:
            free_at = heapq.heappop(busy)
            while line and line[0][2] < free_at:
                arrived, _, gone = line.popleft()
                left, waited = left + 1, waited + gone - arrived
            if line:
                arrived, talk, _ = line.popleft()
                waited += free_at - arrived
                heapq.heappush(busy, free_at + talk)

    for arrival, talk, patience in callers:
        until(arrival)
        if len(busy) < servers:
            heapq.heappush(busy, arrival + talk)
        else:
            line.append((arrival, talk, arrival + patience))
    until(float("inf"))
    return left, waited
