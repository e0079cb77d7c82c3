"""What a caller hears through the switchboard: nothing that is not for them, at the pace they need."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest
from structlog.testing import capture_logs

from ivr.content.library import Library
from ivr.core.call import Caller
from ivr.core.events import Keyed
from ivr.core.flows import Menu, SayNode
from ivr.core.pharmacy import Pharmacy
from ivr.store import Turn
from ivr.switchboard import Exit, Switchboard

ROOT = Path(__file__).parents[2]
READY = "Your prescription is ready"


@pytest.fixture
def content() -> Path:
    return ROOT


@pytest.fixture
def sqlite_url(published_url: str) -> str:
    return published_url


def careless(pharmacy: Pharmacy) -> Pharmacy:
    """A flow that tells everybody how their order stands, which `ivr check` would have refused."""
    flow = pharmacy.flows["main"]
    [menu] = [name for name, node in flow.nodes.items() if isinstance(node, Menu) and node.prompt == "main_menu"]
    nodes = {**flow.nodes, "status": SayNode("order_ready", menu)}
    flows = {**pharmacy.flows, "main": replace(flow, start="status", nodes=nodes)}
    return replace(pharmacy, version="careless", flows=flows)


def rings(board: Switchboard, kind: str = "caller", **facts: str) -> str:
    """A call at its first question, of which these facts are known; returns the token of its leg."""
    board.arrived("CA7", Caller(), "+12125550110")
    loaded = board.record.load_call("CA7")
    assert loaded is not None
    [leg] = loaded.call.legs.values()
    after = replace(loaded.call, facts={**loaded.call.facts, **facts}, legs={leg.token: replace(leg, kind=kind)})
    board.record.commit(Turn(loaded.call, loaded.rev, after, board.clock.now(), "{}"))
    return leg.token


def words(document: str) -> str:
    return " ".join(" ".join("".join(say.itertext()).split()) for say in ElementTree.fromstring(document).iter("Say"))


def test_a_careless_flow_tells_a_stranger_nothing_and_the_log_has_an_alarm(board: Switchboard) -> None:
    board.library = Library(careless(board.pharmacy()), lambda version: None)

    with capture_logs() as logs:
        heard = words(board.arrived("CA1", Caller(), "+12125550110"))

    assert READY not in heard
    assert heard.startswith("A person can tell you more.")
    assert {"event": "disclosure_prevented", "log_level": "error", "prompt": "order_ready", "tier": "anonymous"} in logs


@pytest.mark.parametrize(("access", "is_slow"), [("slow", True), ("relay", True), ("standard", False)])
def test_callers_who_need_it_slower_hear_every_document_slower(board: Switchboard, access: str, is_slow: bool) -> None:
    leg = rings(board, access=access)
    turns = [board.turn(Exit(leg, document, "next"), Keyed(leg, key), "CA7") for document, key in ((1, "1"), (2, "0"))]
    wait = board.waiting(Exit(leg, 3, "wait"))

    assert "in line" in words(wait)
    assert ['rate="85%"' in document for document in (*turns, wait)] == [is_slow] * 3


def test_staff_are_told_at_the_usual_pace_though_their_caller_needs_it_slower(board: Switchboard) -> None:
    leg = rings(board, "agent", access="slow")

    assert words(board.turn(Exit(leg, 1, "next"), Keyed(leg, "1"), "CA8")) == "This call has been taken. Goodbye."
    assert "85%" not in board.turn(Exit(leg, 1, "next"), Keyed(leg, "1"), "CA8")
