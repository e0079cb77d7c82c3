"""What callers of the town get when nobody answers for the line: the static document, and whoever it rings."""

from __future__ import annotations

import asyncio
from random import Random

from bench.town import Owner, Phone, Town
from bench.wire import Wire
from ivr import away
from ivr.core.pharmacy import Pharmacy
from ivr.processes import free_port
from tests.days.people import Answering
from tests.days.test_judge import pharmacy

__all__ = ["pharmacy"]
PACE = 0.001


async def _rings(pharmacy: Pharmacy, number: str) -> tuple[Town, Phone]:
    wire = Wire(free_port(), "http://line", "secret", repeats=True)
    town = Town(wire, Random(1), lambda _: Answering(PACE), PACE)
    static = away.documents(pharmacy)
    town.wire.static = lambda dialed: static[pharmacy.line_for(dialed).name]
    phone = Phone(town.sid(), "+13035550100", number, "inbound", Owner(), "/voice/status")
    await town.dials(phone, "/voice/incoming", 30.0)
    await town.empties()
    return town, phone


def test_a_caller_of_a_line_that_is_away_is_put_through(pharmacy: Pharmacy) -> None:
    line = next(iter(pharmacy.lines.values()))
    town, phone = asyncio.run(_rings(pharmacy, line.number))
    assert phone.served
    assert [each.detail for each in town.log if each.what == "dials"] == [pharmacy.sites[line.site].staffed_number]
    assert "911" in next(each.detail for each in town.log if each.what == "hears")
    assert town.wire.fallbacks == 1
