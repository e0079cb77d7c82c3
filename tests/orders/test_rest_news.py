"""What else the product learns of the order system: what it serves, what was said to a patient, what happened."""

from __future__ import annotations

from datetime import timedelta

import pytest

from ivr.orders.port import CAPABILITIES, Refused

CALL = "CA" + "1" * 32


def test_what_was_said_to_a_patient_comes_newest_first_with_what_it_was_about(order_system, sandbox):
    told, asked = order_system.contacts("patient-05")
    about = order_system.prescriptions("patient-05")[0]
    assert (told.at, told.channel, told.direction) == (sandbox.now - timedelta(days=1), "sms", "to_patient")
    assert (asked.at, asked.channel, asked.direction) == (sandbox.now - timedelta(days=2), "phone", "from_patient")
    assert (told.about, asked.about, about.refill) == (about.id, about.id, "out_of_stock")
    assert told.said.startswith("Your medicine is on its way")


def test_to_whom_nothing_was_said_nothing_was_said(order_system):
    assert order_system.contacts("patient-01") == ()


def test_what_was_said_to_nobody_of_ours_is_refused(order_system):
    with pytest.raises(Refused, match=r"^patient_not_found$"):
        order_system.contacts("patient-99")


def test_before_anything_happened_there_is_a_place_to_go_on_from(order_system):
    found = order_system.events("")
    assert found.items == ()
    assert order_system.events(found.after) == found


def test_a_place_nobody_keeps_is_said_to_be_gone(order_system):
    with pytest.raises(Refused, match=r"^cursor_expired$"):
        order_system.events("the beginning of time & more")


def test_a_note_stands_with_the_call_once_however_often_it_is_sent(order_system, http):
    for _ in range(2):
        order_system.add_note(CALL, {"text": "Will ring back on Monday."}, "key-1")
    (note,) = http.get(f"/v1/calls/{CALL}/notes").json()["items"]
    assert (note["text"], note["call_id"]) == ("Will ring back on Monday.", CALL)


def test_whether_another_maker_would_do_and_the_parcel_is_cold_is_known(order_system):
    waiting, limited = order_system.prescriptions("patient-05")
    (insulin,) = order_system.prescriptions("patient-11")
    assert (waiting.substitution, waiting.cold_chain) == (True, False)
    assert (limited.substitution, insulin.cold_chain) == (False, True)


def test_what_it_serves_is_asked_once_and_then_remembered(order_system, sandbox):
    assert order_system.ready()
    asked = len(sandbox.seen_urls)
    served = order_system.capabilities()
    assert {"refills", "events", "contacts", "notes"} <= served <= CAPABILITIES
    assert len(sandbox.seen_urls) == asked
