"""What staff meet seldom: somebody faster, a call at a closed hour, a person on the line, a carrier that says no."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

import pytest
from flask import Flask, Response

from ivr import app as house
from ivr.clock import Clock
from ivr.console import api
from ivr.console.problems import Problem
from ivr.core.call import Leg
from ivr.dispatch import Dispatch
from ivr.leases import Leases, this_process
from ivr.phone.server import serving
from ivr.presence import Presence, Refused, Wish
from ivr.settings import Settings
from ivr.store import Conflict
from ivr.taking import take
from ivr.telephony import access
from tests.console.conftest import Desk
from tests.store.calls import a_call, a_ticket, after, an_offer, begin, known, turn

GRACE_OUT = Wish("grace", "out", "ruth", "api")


class Restless(Clock):
    """A clock that lets something happen whenever somebody looks at it."""

    meanwhile: Callable[[], object] = staticmethod(lambda: None)

    def now(self) -> datetime:
        self.meanwhile()
        return super().now()


def restless(desk: Desk, meanwhile: Callable[[], object]) -> Presence:
    """Presence in a process where, between a look at the record and its word, something happens every time."""
    board = desk.board
    clock = Restless.from_environment()
    clock.meanwhile = meanwhile  # type: ignore[method-assign]
    return Presence(board.record, board.live, clock, board.pharmacy, lambda call, event: None)


def moving(desk: Desk, agent: str) -> Callable[[], object]:
    """The agent goes on break and comes back, again and again."""
    staff = desk.board.record.desk
    return lambda: (
        staff.move_agent(agent, "took_break", "x", after(0)),
        staff.move_agent(agent, "returned", "", after(0)),
    )


def test_whoever_never_stands_still_is_not_moved_and_that_is_said(desk: Desk) -> None:
    with pytest.raises(Refused) as refused:
        restless(desk, moving(desk, "grace")).move(GRACE_OUT)
    assert refused.value.code == "moved_meanwhile"
    assert desk.presence("grace")[0] == "available"


def test_who_moves_while_they_are_being_lost_is_not_lost(desk: Desk) -> None:
    restless(desk, moving(desk, "ida")).lose_silent()
    assert desk.presence("ida")[0] == "available"


def test_the_worker_looks_whose_browser_has_fallen_silent(desk: Desk) -> None:
    leases = Leases(desk.board.record.watch, this_process())
    Dispatch(desk.board, leases).once()
    leases.release()
    assert desk.presence("ida") == ("on_break", "lost")


def test_somebody_this_process_has_not_heard_of_is_asked_for_again_later(desk: Desk) -> None:
    for ask in (
        lambda: desk.board.presence.move(Wish("newcomer", "out", "ruth", "api")),
        lambda: take(desk.board, desk.waits(), "newcomer"),
    ):
        with pytest.raises(Refused) as refused:
            ask()
        assert refused.value.code == "unknown_here"


def test_nobody_is_called_back_while_the_site_is_closed(desk: Desk) -> None:
    desk.asks("odd", "PUT", "/agents/odd/presence", {"presence": "available"})
    ticket = desk.waits(kind="callback", site="north")
    refused = desk.asks("odd", "POST", f"/tickets/{ticket}/take")
    assert refused.json()["detail"] == "nobody is rung for it at this hour"


def test_whom_a_callback_is_for_is_not_rung_while_they_are_on_the_line(desk: Desk) -> None:
    ticket = desk.waits(kind="callback", person="patient-01")
    begin(desk.board.record, a_call("CA-other", person="patient-01", legs={"l": Leg("l", "caller", documents=1)}))
    refused = desk.asks("grace", "POST", f"/tickets/{ticket}/take")
    assert refused.json()["detail"] == "whom it calls back is on the line now"


def test_who_is_being_offered_something_the_moment_they_take_another_is_told_so(desk: Desk) -> None:
    begin(desk.board.record, a_call("CA-x", ticket=a_ticket("T-x", "CA-x"), offers=(an_offer("O1", "T-x", "grace"),)))
    ticket = desk.waits()

    refused = desk.asks("grace", "POST", f"/tickets/{ticket}/take").json()

    assert refused["detail"] == "you are being offered a call already"
    assert desk.audit()[0][2:] == ("take", f"ticket:{ticket}", "", "not_now")


def test_a_ticket_nobody_knows_is_nobodys(desk: Desk) -> None:
    for ask in (
        lambda: take(desk.board, "T-0", "grace"),
        lambda: desk.board.deeds.act("T-0", "hold", "", "grace"),
        lambda: desk.board.deeds.close("T-0", "done", "grace"),
    ):
        with pytest.raises(LookupError):
            ask()


def test_a_call_that_moves_too_fast_is_told_so(desk: Desk) -> None:
    def too_fast(*_: object, **__: object) -> None:
        raise Conflict

    app = Flask("fast")
    app.register_blueprint(api.blueprint(desk.board, api.Doors(too_fast, lambda _: None, lambda _: None)))
    headers = {"Authorization": f"Bearer {desk.token('grace')}"}
    answer = app.test_client().post(f"/api/v1/tickets/{desk.waits()}/take", headers=headers)
    assert (answer.status_code, answer.get_json()["code"]) == (409, "moved_meanwhile")


# ---------------------------------------------------------------- what lies outside


def _settings(**given: str) -> Settings:
    real = {"twilio_account_sid": "AC" + "2" * 32, "twilio_auth_token": "t", "public_url": "https://rx.example"}
    return Settings(**{"secret_key": "k" * 32, **real, **given})  # type: ignore[arg-type]


def test_a_real_account_signs_with_its_own_key_or_not_at_all() -> None:
    with pytest.raises(access.NoKey):
        access.voice_token(_settings(), "ida")
    assert house.outside(_settings()).mint("ida") is None
    minted = house.outside(_settings(twilio_api_key="SK1", twilio_api_secret="s" * 32)).mint("ida")
    assert minted is not None
    assert minted[1] == "ida"


def test_a_recording_the_carrier_gives_or_has_no_more_or_keeps_to_itself() -> None:
    carrier = Flask("carrier")
    found = {"RE1": Response(b"RIFF"), "RE2": Response(status=404), "RE3": Response(status=500)}
    carrier.add_url_rule("/2010-04-01/Accounts/<sid>/Recordings/<name>.wav", "sound", lambda sid, name: found[name])
    with serving(carrier) as url:
        sound = house.outside(_settings(twilio_api_url=url)).sound
        told = sound("RE1")
        assert told is not None
        assert (b"".join(told), sound("RE2")) == (b"RIFF", None)
        with pytest.raises(Problem):
            sound("RE3")


def test_where_no_secret_is_set_an_order_system_finds_no_door(desk: Desk) -> None:
    assert desk.http.post("/orders/events", content=b"{}").json()["code"] == "not_found"
    wrong = desk.http.get("/orders/events")
    assert (wrong.status_code, wrong.json()["code"], wrong.headers["Allow"]) == (
        405,
        "method_not_allowed",
        "OPTIONS, POST",
    )


def test_what_happened_to_their_order_since_they_rang_stands_with_the_ticket(desk: Desk) -> None:
    ticket = desk.waits()
    loaded = known(desk.board.record, "CA-1")
    assert desk.asks("ruth", "GET", f"/tickets/{ticket}").json()["news"] == []
    news = {"evt-1": "order.delayed", "evt-2": "payment.failed", "evt-3": "order.delayed"}
    desk.board.record.commit(turn(loaded, after=replace(loaded.call, news=news)))
    assert desk.asks("ruth", "GET", f"/tickets/{ticket}").json()["news"] == ["order.delayed", "payment.failed"]
