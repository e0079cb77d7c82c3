"""A record of each kind with a call of long ago in it, in every part of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import create_engine, text

from ivr.core.call import Answer, Call, Leg, Message
from ivr.core.effects import Effect, KeepItems, KeepTranscript, PlaceCall, RememberLanguage, SetTimer, WriteDisposition
from ivr.store import Offered, OrderEvent, Record, Turn
from ivr.store.tables import tables
from tests.store.calls import MORNING, ROSA, SECRET_KEY, a_call, a_ticket, an_offer, emptied

NEW_KEY = "a new key of the record and long enough"
SPOKEN = "my grandmother takes midodrine"


@pytest.fixture
def kept_url(migrated_url: str) -> str:
    """A database of each kind with nothing in it."""
    emptied(migrated_url)
    return migrated_url


@pytest.fixture
def record(kept_url: str) -> Iterator[Record]:
    with closing(Record(kept_url, SECRET_KEY)) as opened:
        yield opened


def a_whole_call(record: Record, name: str = "CA1", at: datetime = MORNING, **parts: Any) -> None:
    """A call that is over and owes nobody anything, with something in every table."""
    message = Message(f"RE-{name}", 12, at, closed_at=at, closed_by="ana", unheard="nobody speaks there")
    closed = a_ticket(f"T-{name}", name, state="closed", kind="voicemail", arrived_at=at, person="P-7")
    usual: dict[str, Any] = {"message": message, "recordings": (f"RE-{name}",), "tapes": {f"leg-{name}": f"RT-{name}"}}
    call = replace(a_call(name, arrived_at=at, person="P-7", phase="over", ended_at=at, **usual), ticket=closed)
    legs = {**call.legs, f"back-{name}": Leg(f"back-{name}", "callback", "over", number=ROSA)}
    offers = (replace(an_offer(f"O-{name}", f"T-{name}"), state="missed"),)
    call = replace(call, legs=legs, offers=offers, fields={"rx_number": "7654321"}, **parts)
    body = {"final": True, "note": SPOKEN}
    does = (
        *(KeepTranscript(SPOKEN), KeepItems({"drug": "midodrine"}), SetTimer("late", at), RememberLanguage("es")),
        *(WriteDisposition(1, body), PlaceCall(f"back-{name}", ROSA, 30, 2)),
    )
    record.commit(turn_of(call, at, does))
    record.keep_answer(name, "prescriptions:1", Answer(True, values={"drug": "midodrine"}), at)
    record.order_events.keep(OrderEvent(f"evt-{name}", "order.shipped", at, "P-7", "rx-1", {"days_left": 3}), at)
    record.proofs.keep(Offered(name, "identity:1", ROSA, "P-7", True), at, at)
    for effect in ("place", "orders"):
        for row in record.outbox.due(effect):
            record.outbox.done(row.id)


def turn_of(call: Call, at: datetime, does: tuple[Effect, ...]) -> Turn:
    event = '{"event":"Recorded","recording":"RE-x"}'
    return Turn(None, 0, call, at, event, f"leg-{call.id}", 0, "next", "Goodbye", does=does, call_sid=call.id)


def everything(url: str) -> dict[str, list[tuple[Any, ...]]]:
    """All that is in a database, as bytes in a backup would be: table -> rows."""
    engine = create_engine(url)
    with engine.connect() as connection:
        found = {name: connection.execute(text(f"SELECT * FROM {name}")).all() for name in tables.tables}
    engine.dispose()
    return {name: [tuple(row) for row in rows] for name, rows in found.items()}


def raw(url: str) -> bytes:
    return b" ".join(
        bytes(each) if isinstance(each, bytes | memoryview) else str(each).encode()
        for rows in everything(url).values()
        for row in rows
        for each in row
    )


def change(url: str, statement: str, **values: Any) -> None:
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text(statement), values)
    engine.dispose()
