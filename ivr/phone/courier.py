"""Delivers what nobody waits for: status callbacks, and requests whose reply is not played."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Hashable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial

from ivr.phone.faults import FaultBox
from ivr.phone.later import Later
from ivr.phone.webhook import WebhookFailed, Webhooks

_AT_ONCE = 16


@dataclass(frozen=True, slots=True)
class Letter:
    """One request to deliver."""

    url: str
    method: str
    params: Mapping[str, str]


@dataclass
class _Box:
    letters: deque[Letter] = field(default_factory=deque)
    parked: list[Letter] = field(default_factory=list)
    emptying: bool = False


class Courier:
    """Delivers letters of one sender in order, those of different senders at the same time."""

    def __init__(self, webhooks: Webhooks, faults: FaultBox, later: Later) -> None:
        self._webhooks = webhooks
        self._faults = faults
        self._later = later
        self._lock = threading.Lock()
        self._boxes: dict[Hashable, _Box] = {}
        self._pool = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="courier")
        self.undelivered: deque[str] = deque(maxlen=100)
        """Why the last letters failed, newest last."""

    def post(self, sender: Hashable, url: str, method: str, params: Mapping[str, str]) -> None:
        """Send it soon, after the sender's earlier letters."""
        self._put(sender, Letter(url, method, params))

    def post_status(self, sender: Hashable, url: str, method: str, params: Mapping[str, str]) -> None:
        """Send a status callback, which faults may drop, repeat, delay, or keep until the sender is over."""
        faults = self._faults
        if faults.take("drop_callbacks") or faults.strikes("drop_callbacks_share"):
            return
        letter = Letter(url, method, params)
        for _ in range(2 if faults.strikes("repeat_callbacks_share") else 1):
            if faults.strikes("delay_callbacks_share"):
                self._later.after(faults.now.callback_delay_seconds, partial(self._put, sender, letter))
            elif faults.now.shuffle:
                self._park(sender, letter)
            else:
                self._put(sender, letter)

    def _park(self, sender: Hashable, letter: Letter) -> None:
        with self._lock:
            self._boxes.setdefault(sender, _Box()).parked.append(letter)

    def over(self, sender: Hashable) -> None:
        """Nothing more comes from this sender: send what was kept, newest first."""
        with self._lock:
            box = self._boxes.get(sender)
            parked = box.parked[::-1] if box else []
            if box:
                box.parked.clear()
        for letter in parked:
            self._put(sender, letter)

    def close(self) -> None:
        """Deliver nothing more, and wait for what is under way."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _put(self, sender: Hashable, letter: Letter) -> None:
        with self._lock:
            box = self._boxes.setdefault(sender, _Box())
            box.letters.append(letter)
            if box.emptying:
                return
            box.emptying = True
        try:
            self._pool.submit(self._empty, sender, box)
        except RuntimeError:
            box.emptying = False  # the exchange is closing: nothing is delivered any more

    def _empty(self, sender: Hashable, box: _Box) -> None:
        while letter := self._next(sender, box):
            try:
                self._webhooks.ask(letter.url, letter.method, letter.params)
            except WebhookFailed as failure:
                # "No long-term redelivery": what a callback said is lost, and the product must find out by itself.
                self.undelivered.append(f"{failure.url}: {failure}")

    def _next(self, sender: Hashable, box: _Box) -> Letter | None:
        with self._lock:
            if box.letters:
                return box.letters.popleft()
            box.emptying = False
            if not box.parked:
                self._boxes.pop(sender, None)
            return None
