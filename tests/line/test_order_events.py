"""The order system says by webhook that something happened, and whoever waits for just that is served sooner."""

from __future__ import annotations

import json
import urllib.request
from typing import Any

from tests.line.carrier import Phone
from tests.line.conftest import STAFF, Day
from tests.line.people import they_talk

INSULIN, BORN = "7011001", "05251979"
_HTTP = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def happens(day: Day, type_: str, **more: Any) -> None:
    """Something happens at the order system, which tells us by itself."""
    body = json.dumps({"type": type_, "prescription": INSULIN, **more}).encode()
    headers = {"Content-Type": "application/json"}
    with _HTTP.open(urllib.request.Request(f"{day.line.sandbox}/_sandbox/event", body, headers), timeout=5) as answer:
        assert answer.status == 201


def promised_seconds(day: Day, caller: Phone) -> int:
    with day._record() as record:
        waiting = {ticket.call: ticket for ticket in record.desk.waiting("central")}
    return waiting[caller.sid].answer_within_seconds


def test_a_parcel_of_insulin_is_late_and_its_patient_who_waits_for_status_is_next(day: Day) -> None:
    day.on_break(*STAFF.values())
    happens(day, "order.shipped", days_left=6)
    first = day.stranger()
    first.chooses("English")
    first.chooses("person")
    first.hears("in line")
    day.passes(seconds=75)

    patient = day.stranger()  # from a phone that is not theirs
    patient.chooses("English")
    patient.chooses("order or a delivery")
    patient.presses(INSULIN)
    patient.presses(BORN)
    patient.hears("on its way")
    patient.presses("0")
    patient.hears("in line")
    assert (promised_seconds(day, first), promised_seconds(day, patient)) == (180, 120)

    happens(day, "order.delayed")
    day.is_soon(lambda: promised_seconds(day, patient), 60)
    with day._record() as record:
        record.desk.move_agent("grace", "returned", "", day.line.now())
    agent = day.carrier.rings()
    assert day.agent(agent) == "grace"
    they_talk(patient, agent)
    patient.hangs_up()
    agent.codes("status told")
    first.hangs_up()
    day.disposition(patient, outcome="answered", final=True)
    happens(day, "order.delayed", days_left=1)  # as it was
