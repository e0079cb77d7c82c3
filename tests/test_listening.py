"""The switchboard has what callers say understood before the core hears of it, and keeps nothing of the words."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from ivr.core.call import Caller
from ivr.core.events import Keyed, Spoke
from ivr.core.heard import Heard
from ivr.core.pharmacy import Pharmacy
from ivr.parts import connect
from ivr.settings import Settings
from ivr.switchboard import Exit, Listener, Switchboard

ROOT = Path(__file__).parents[1]
CALL = "CA" + "6" * 32


class Ear:
    """Understands one thing, and remembers in which language it was asked to."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str | None]] = []

    def understand(self, words: str, language: str | None, pharmacy: Pharmacy) -> Heard:
        self.asked.append((words, language))
        return Heard("insurance", "routine", False, 0.9, ('"pay" told insurance',))


@pytest.fixture
def boards(published_url: str, valkey_url: str) -> Iterator[dict[bool, Switchboard]]:
    """The same line with somebody who listens, and without."""
    settings = Settings(
        database_url=published_url,
        redis_url=valkey_url,
        rxline_content=ROOT,
        order_system_url="http://127.0.0.1:9",
        secret_key="k" * 32,
    )
    deaf = connect(settings)
    deaf.record.watch.beat("dispatch")
    yield {listens: _board(deaf, Ear() if listens else None) for listens in (True, False)}
    deaf.record.close()


def _board(like: Switchboard, listener: Listener | None) -> Switchboard:
    return Switchboard(
        record=like.record,
        library=like.library,
        orders=like.orders,
        live=like.live,
        clock=like.clock,
        public_url="https://line.example",
        secret_key="k" * 32,
        listener=listener,
    )


def says(board: Switchboard, words: str) -> list[dict[str, object]]:
    """A caller chooses Spanish and says something; returns what the journal has of their answers."""
    board.arrived(CALL, Caller(), board.pharmacy().lines["main"].number)
    leg = board.token_of(CALL)
    for event in (Keyed(leg, "2"), Spoke(leg, words, 0.9)):
        loaded = board.record.load(leg, 0, "next")
        assert loaded is not None
        board.turn(Exit(leg, loaded.documents, "next"), event, CALL)
    return [json.loads(line.event) for line in board.record.journal(CALL)]


def test_what_was_understood_is_in_the_journal_with_its_evidence(boards: dict[bool, Switchboard]) -> None:
    told = says(boards[True], "quiero saber de mi pedido, Marta")[-1]
    assert told["heard"] == {
        "intent": "insurance",
        "urgency": "routine",
        "asked": False,
        "confidence": 0.9,
        "because": ['"pay" told insurance'],
    }
    assert "Marta" not in str(told)
    assert boards[True]._listener.asked == [("quiero saber de mi pedido, Marta", "es")]


def test_without_a_listener_the_phrases_of_the_flows_still_mean_their_options(boards: dict[bool, Switchboard]) -> None:
    told = says(boards[False], "dónde está mi pedido")[-1]
    assert "heard" not in told
    loaded = boards[False].record.load_call(CALL)
    assert loaded is not None
    assert loaded.call.facts["intent"] == "order_status"
