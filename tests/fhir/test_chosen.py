"""Which order system the line has is a setting, and chosen in one place."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import pytest

from ivr.orders.fhir.client import FhirOrderSystem
from ivr.orders.rest import RestOrderSystem
from ivr.parts import connect
from ivr.settings import Settings

ROOT = Path(__file__).parent.parent.parent


@pytest.mark.parametrize(("kind", "client"), [("rest", RestOrderSystem), ("fhir", FhirOrderSystem)])
def test_every_process_has_the_order_system_of_its_settings(published_url: str, kind: Any, client: type) -> None:
    url = "http://127.0.0.1:9/fhir"
    board = connect(
        Settings(database_url=published_url, rxline_content=ROOT, order_system_kind=kind, order_system_url=url)
    )
    with contextlib.closing(board.orders):  # type: ignore[type-var]
        assert isinstance(board.orders.close.__self__, client)  # type: ignore[attr-defined]  # behind a breaker
        assert not board.orders.ready()
