"""What the practice pages may know of a call, from a real record of a real call."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from ivr.console import practice
from ivr.core.call import Caller
from ivr.core.events import HungUp, Spoke
from ivr.hearing import Hearing
from ivr.parts import connect
from ivr.settings import Settings
from ivr.switchboard import Exit, Switchboard

ROOT = Path(__file__).parents[2]
CALL = "CA" + "5" * 32
NUMBER = "+16145550199"


@pytest.fixture
def board(published_url: str, valkey_url: str) -> Iterator[Switchboard]:
    """A switchboard with the shipped content."""
    settings = Settings(
        database_url=published_url,
        redis_url=valkey_url,
        rxline_content=ROOT,
        order_system_url="http://127.0.0.1:9",
        secret_key="k" * 32,
    )
    board = connect(settings, Hearing())
    board.record.watch.beat("dispatch")  # or an emergency would be rung through at once, and wait for nobody
    yield board
    board.record.close()


@pytest.fixture
def web(board: Switchboard) -> FlaskClient:
    """The practice doors alone."""
    app = Flask(__name__)
    app.register_blueprint(practice.blueprint(board))
    return app.test_client()


def call_about_an_overdose(board: Switchboard) -> str:
    """Somebody rings because a life is in danger, and says so before anything else."""
    line = board.pharmacy().lines["main"]
    board.arrived(CALL, Caller("number", NUMBER, "A"), line.number)
    leg = board.token_of(CALL)
    loaded = board.record.load(leg, 0, "next")
    assert loaded is not None
    board.turn(Exit(leg, loaded.documents, "next"), Spoke(leg, "overdose", 0.9), CALL)
    return leg


def test_a_call_tells_its_reasons_with_file_and_line_and_its_ticket(board: Switchboard, web: FlaskClient) -> None:
    call_about_an_overdose(board)

    told = web.get(f"/practice/calls/{CALL}").get_json()
    taken = [reason for turn in told["journal"] for reason in turn["why"] if reason["taken"]]

    assert (taken[-1]["file"], taken[-1]["line"] > 0) == ("routing_rules/safety.yaml", True)
    assert (told["ticket"]["queue"], told["ticket"]["emergency"], told["ticket"]["position"]) == ("pharmacist", True, 1)
    assert told["ticket"]["promised_at"]
    assert told["disposition"] is None


def test_a_call_that_is_over_tells_what_came_of_it(board: Switchboard, web: FlaskClient) -> None:
    leg = call_about_an_overdose(board)
    board.tidings.leg_ended(leg, HungUp(leg, "completed", 9), CALL)

    told = web.get(f"/practice/calls/{CALL}").get_json()

    assert told["call"]["phase"] == "over"
    assert (told["disposition"]["final"], told["disposition"]["in_order_system"]) == (True, False)
    assert told["disposition"]["body"]["rule"]


def test_nobody_is_named_and_no_key_to_the_call_is_given(board: Switchboard, web: FlaskClient) -> None:
    leg = call_about_an_overdose(board)

    answer = web.get(f"/practice/calls/{CALL}")

    assert NUMBER.removeprefix("+") not in answer.text
    assert leg not in answer.text
    assert answer.get_json()["call"]["caller"]["number"] == "…99"
    assert not {"fields", "person", "prescription", "values"} & answer.get_json()["call"].keys()
    assert answer.headers["Cache-Control"] == "no-store"


def test_a_call_nobody_knows_is_not_found(web: FlaskClient) -> None:
    assert web.get("/practice/calls/CA0").status_code == 404


def test_the_desk_tells_where_every_agent_is(board: Switchboard, web: FlaskClient) -> None:
    agents = {agent["id"]: agent["presence"] for agent in web.get("/practice/desk").get_json()["agents"]}

    assert agents.keys() == board.pharmacy().staff.keys()
    assert set(agents.values()) == {"available"}


def test_the_desk_tells_who_is_in_line_and_when_they_are_due(board: Switchboard, web: FlaskClient) -> None:
    call_about_an_overdose(board)

    [waiting] = web.get("/practice/desk").get_json()["line"]

    assert (waiting["call"], waiting["queue"], waiting["emergency"]) == (CALL, "pharmacist", True)
    assert waiting["promised_at"]


def test_a_withheld_number_stays_withheld() -> None:
    assert practice.masked(None) is None
