"""Devices and the line elsewhere: dead sockets that look alive, presence nobody can force, queues nobody can read."""

from __future__ import annotations

import pytest
from sqlalchemy import create_engine, text

from ivr.dispatch import Dispatch
from ivr.leases import Leases
from ivr.presence import LOST_SECONDS
from tests.console.conftest import Desk
from tests.store.calls import after


@pytest.fixture
def browser(desk: Desk) -> Desk:
    """Ida, who is rung in a browser, is the only one there."""
    for agent in desk.board.record.desk.agents():
        if agent not in ("ida", "ruth", "on_call:central"):
            desk.asks("ruth", "PUT", f"/agents/{agent}/presence", {"presence": "out"})
    desk.asks("ruth", "PUT", "/agents/ruth/presence", {"presence": "break"})
    return desk


def device(desk: Desk) -> int:
    fence: int = desk.asks("ida", "POST", "/agents/ida/device").json()["fence"]
    return fence


def beats(desk: Desk, fence: int) -> int:
    return desk.asks("ida", "PUT", "/agents/ida/heartbeat", {"fence": fence}).status_code


def sleeps(desk: Desk) -> None:
    """The laptop is closed: its socket says nothing, and does not say that it is gone either."""
    engine = create_engine(desk.database)
    with engine.begin() as connection:
        ago = {"ago": LOST_SECONDS + 1}
        connection.execute(text("UPDATE devices SET beat_real = beat_real - :ago WHERE agent_id = 'ida'"), ago)
    engine.dispose()
    desk.board.presence.lose_silent()


def rung(desk: Desk) -> list[str]:
    """Whose phones dispatch has ring."""
    leases = Leases(desk.board.record.watch, "here")
    Dispatch(desk.board, leases).once()
    leases.release()
    return [offer.agent for _, offer in desk.board.record.desk.open_offers()]


# ---------------------------------------------------------------- taskrouter.js#39 and #6: sockets


def test_twilio_taskrouter_js_39_whose_laptop_slept_is_offered_nothing_until_it_is_heard_of_again(
    browser: Desk,
) -> None:
    """After sleep the socket was dead, the worker still Available, and calls were offered to nobody who was there."""
    fence = device(browser)
    sleeps(browser)
    browser.waits()
    assert rung(browser) == []
    assert beats(browser, fence) == 200
    assert rung(browser) == ["ida"]


def test_twilio_taskrouter_js_6_what_a_lost_connection_does_to_an_agent_is_said_and_undone_by_itself(
    browser: Desk,
) -> None:
    """An activity for when the connection is lost was not supported, and people stayed whatever they had been."""
    fence = device(browser)
    sleeps(browser)
    assert browser.presence("ida") == ("on_break", "lost")
    assert beats(browser, fence) == 200
    assert browser.presence("ida")[0] == "available"
    browser.asks("ida", "PUT", "/agents/ida/presence", {"presence": "break", "reason": "lunch", "fence": fence})
    sleeps(browser)
    beats(browser, fence)
    assert browser.presence("ida") == ("on_break", "lunch")


# ---------------------------------------------------------------- flex-project-template#303: two browsers


def test_flex_project_template_303_a_forgotten_browser_cannot_flap_who_works_at_another(browser: Desk) -> None:
    """Two pages of one agent each put right what the other had set, every three seconds for two hours."""
    old, new = device(browser), device(browser)
    for _ in range(20):
        told = browser.asks("ida", "PUT", "/agents/ida/presence", {"presence": "available", "fence": old})
        assert (told.status_code, told.json()["code"]) == (409, "stale_device")
        assert beats(browser, old) == 409
        browser.asks("ida", "PUT", "/agents/ida/presence", {"presence": "break", "reason": "lunch", "fence": new})
    assert browser.presence("ida") == ("on_break", "lunch")
    moved = [line for line in browser.audit() if line[3] == "agent:ida" and line[5] == "done" and "lunch" in line[4]]
    assert len(moved) == 1


# ---------------------------------------------------------------- chatwoot#6631: force


def test_chatwoot_6631_a_supervisor_can_sign_anybody_out_whatever_the_record_believes(desk: Desk) -> None:
    """They asked for `force mark offline`, for agents who were shown as busy and were not there."""
    for event in ("offered", "accepted"):
        desk.board.record.desk.move_agent("grace", event, "", after(0))
    out = {"presence": "out", "force": True}
    assert desk.asks("grace", "PUT", "/agents/grace/presence", out).status_code == 403
    assert desk.asks("ruth", "PUT", "/agents/grace/presence", out).status_code == 200
    assert desk.presence("grace")[0] == "signed_out"


# ---------------------------------------------------------------- jambonz-feature-server#357: the line as an API


def test_jambonz_feature_server_357_the_state_of_the_line_can_be_read_and_a_wait_told_from_it(desk: Desk) -> None:
    """There were no priorities, and no way to read the queue's state from which a wait can be estimated."""
    desk.waits("calm", answer_within_seconds=600)
    desk.waits("soon", arrived_at=after(-60), due_from=after(-60), answer_within_seconds=300)
    told = desk.asks("grace", "GET", "/line").json()
    assert [(each["id"], each["position"]) for each in told["tickets"]] == [("T-soon", 1), ("T-calm", 2)]
    refills = next(each for each in told["queues"] if each["queue"] == "refills")
    assert refills["holding"] == 2
    assert refills["longest_wait_seconds"] >= 60


def test_jambonz_feature_server_357_a_call_can_be_taken_by_its_id(desk: Desk) -> None:
    """Nor could a call be taken out of the queue by its id."""
    desk.waits("first", arrived_at=after(-60), due_from=after(-60))
    wanted = desk.waits("wanted")
    assert desk.asks("grace", "POST", f"/tickets/{wanted}/take").status_code == 200
    [(call, offer)] = desk.board.record.desk.open_offers()
    assert (call, offer.agent) == ("CA-wanted", "grace")
