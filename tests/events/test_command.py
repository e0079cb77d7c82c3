"""`ivr events`: what happened, holds still, and has not reached the patient."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from ivr.office.events import events
from ivr.store import OrderEvent, migrate
from ivr.switchboard import Switchboard
from tests.core.rehearsal import OPEN
from tests.shipped import open_board, says


@pytest.fixture
def board(tmp_path: Path) -> Iterator[Switchboard]:
    url = f"sqlite:///{tmp_path / 'rxline.db'}"
    migrate(url)
    with open_board(url, "2026-11-24T10:00-05:00") as board:
        yield board


def test_what_nobody_has_heard_of_is_listed_and_with_all_the_rest_on_demand(board: Switchboard) -> None:
    assert "nobody waits to hear of anything" in says(events).output
    assert "nothing has happened" in says(events, "--all").output
    late = OrderEvent("evt-1", "order.delayed", OPEN - timedelta(hours=3), "patient-11", "rx-1")
    gone = OrderEvent("evt-2", "order.shipped", OPEN - timedelta(hours=2), "patient-11", "rx-1")
    for event in (late, gone):
        board.record.order_events.keep(event, OPEN)
    board.record.order_events.made_task("evt-2", "task-7")
    told = says(events, wide=True).output
    assert all(word in told for word in ("order.shipped", "task-7", "2 h ago"))
    assert "order.delayed" not in told
    assert "order.delayed" in says(events, "--all", wide=True).output
    odd = OrderEvent("[/bold]", "payment.failed", OPEN - timedelta(days=1), "[/bold]", None)
    board.record.order_events.keep(odd, OPEN)
    assert "[/bold]" in says(events, "--all", wide=True).output
    [_, one] = json.loads(says(events, "--json").output)
    assert one == {
        "at": (OPEN - timedelta(hours=2)).isoformat(),
        "id": "evt-2",
        "type": "order.shipped",
        "person": "patient-11",
        "prescription": "rx-1",
        "task": "task-7",
    }
