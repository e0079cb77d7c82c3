"""Many callers at random, one after the other: `python -m tests.walks.many --walks 100000 --first 0`."""

from __future__ import annotations

import argparse
import contextlib
import sys
import tempfile
import threading
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from pathlib import Path

from werkzeug.serving import WSGIRequestHandler, make_server

from ivr.core.heard import Heard
from ivr.core.pharmacy import Pharmacy
from ivr.hearing import Hearing
from ivr.orders.rest import RestOrderSystem
from ivr.orders.sandbox.server import create_app
from tests.published import pharmacy_shipped
from tests.walks.judge import Broken
from tests.walks.walk import Listens, Remembering
from tests.walks.wanderer import TUESDAY, Wanderer, wanderer

ROOT = Path(__file__).parents[2]


class Quiet(WSGIRequestHandler):
    """A server that says nothing of each request."""

    def log(self, *_: object) -> None: ...


@dataclass
class Ground:
    """Where callers walk: what the pharmacy has published, and its order system, at the moment they ring."""

    pharmacy: Pharmacy
    orders: Remembering
    listens: Listens
    clock: list[datetime] = field(default_factory=lambda: [TUESDAY])
    spoken: Counter[str] = field(default_factory=Counter)  # prompts, by how many documents had them
    turns: int = 0

    def walk(self, seed: int) -> Broken | None:
        """One caller from ring to hang-up; what they met that should not be, with all they heard."""
        caller = wanderer(seed, self.pharmacy, self.orders, self.listens)
        self.clock[0] = caller.walk.now
        self.orders.silent = caller.walk.weather.answers_after is None
        broken = _outcome(caller)
        self.turns += len(caller.walk.turns)
        self.spoken.update(said.prompt for turn in caller.walk.turns for said in turn.said)
        if broken is not None:
            broken.add_note(f"seed {seed}\n{caller.story()}")
        return broken

    def never_spoken(self) -> list[str]:
        """Prompts of the first language that no caller has heard."""
        prompts = self.pharmacy.prompts
        return sorted(prompts.catalogues[prompts.first].prompts.keys() - self.spoken.keys())


def _outcome(caller: Wanderer) -> Broken | None:
    try:
        caller.wanders()
    except Broken as broken:
        return broken
    except Exception as fault:  # whatever a step raises, a caller would hear our apology for
        at = traceback.extract_tb(fault.__traceback__)[-1]
        return Broken("nothing breaks", f"{type(fault).__name__} in {at.name}: {fault}")
    return None


@contextlib.contextmanager
def ground(folder: Path) -> Iterator[Ground]:
    """The shipped content, and a sandbox order system that really listens."""
    clock = [TUESDAY]
    app = create_app(folder / "sandbox.db", now=lambda: clock[0])
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=Quiet)
    serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    serving.start()
    client = RestOrderSystem(f"http://127.0.0.1:{server.server_port}", "sandbox", timeout_seconds=10)
    try:
        pharmacy = pharmacy_shipped()
        hearing = Hearing()

        @lru_cache(maxsize=100_000)
        def listens(words: str, language: str | None) -> Heard:
            return hearing.understand(words, language, pharmacy)

        yield Ground(pharmacy, Remembering(client, lambda: clock[0]), listens, clock)
    finally:
        client.close()
        server.shutdown()
        serving.join()
        server.server_close()
        app.extensions["ledger"].close()


def main() -> int:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--walks", type=int, default=20_000)
    asked.add_argument("--first", type=int, default=0, help="the first seed")
    asked.add_argument("--told", type=int, default=1, help="how many walks are told of each law that was broken")
    given = asked.parse_args()
    began, broken, told = time.monotonic(), Counter[str](), Counter[str]()
    with tempfile.TemporaryDirectory() as folder, ground(Path(folder)) as where:
        for seed in range(given.first, given.first + given.walks):
            fault = where.walk(seed)
            if fault is None:
                continue
            broken[fault.law] += 1
            if told[fault.what] < given.told:
                told[fault.what] += 1
                print(f"{fault}\n{''.join(fault.__notes__)}\n")
    for law, times in broken.most_common():
        print(f"{times:6} {law}")
    print(f"never spoken: {' '.join(where.never_spoken())}")
    print(f"{given.walks} walks, {where.turns} documents, {broken.total()} broken, {time.monotonic() - began:.0f} s")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
