"""What our own record answers at once."""

from __future__ import annotations

import contextlib

from ivr import store
from ivr.clock import Clock
from ivr.enquiries import Enquiries
from ivr.orders.rest import RestOrderSystem
from ivr.store import Record
from tests.core.rehearsal import PHARMACY, Rehearsal


def test_the_worker_is_silent_until_the_child_that_offers_calls_has_been_heard_of(sqlite_url: str) -> None:
    store.migrate(sqlite_url)
    call = Rehearsal().on_hold().call
    with contextlib.closing(Record(sqlite_url, "k" * 32)) as record:
        enquiries = Enquiries(record, RestOrderSystem("http://127.0.0.1:9", "none"), Clock(), threads=2)

        def told() -> list[str | None]:
            assert call.ticket is not None
            asked = enquiries.answers("line", call, PHARMACY, patient=False)["line"]
            return [asked.values.get("worker"), enquiries.place_in_line(call.ticket, PHARMACY).values.get("worker")]

        assert told() == ["silent", "silent"]
        record.watch.beat("sweep")
        assert told() == ["silent", "silent"]
        record.watch.beat("dispatch")
        assert told() == [None, None]
