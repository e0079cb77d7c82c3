"""What operators are told of this process: whether it leaves the order system alone."""

from __future__ import annotations

import pytest

from ivr.orders.breaker import FAILURES, standing_of
from ivr.orders.port import Unavailable
from tests.console.conftest import Desk


def test_an_order_system_that_is_left_alone_is_told_of(desk: Desk) -> None:
    for _ in range(FAILURES + 1):
        with pytest.raises(Unavailable):
            desk.board.orders.identify("+12125550199")

    ready, metrics = desk.http.get("/readyz").json(), desk.http.get("/metrics").text
    assert ready["order_system_is"] == "resting"
    assert ready["order_system"] == "unreachable: facts stay unknown, writes wait"
    assert "rxline_order_system_held_off 1.0" in metrics
    assert f"rxline_order_system_spared_total {standing_of(desk.board.orders).spared:.1f}" in metrics
