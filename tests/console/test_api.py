"""The staff's API over real HTTP: who sees what, who may do what, and that every change leaves a line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import jwt
import pytest
import structlog
from flask import Flask
from sqlalchemy import create_engine, text

from ivr.console import api
from ivr.console.authorisation import ALL, CREW, EVERYWHERE, LEADS, READERS
from ivr.content import load_files
from ivr.core.events import HungUp
from ivr.core.line import ROLES
from ivr.presence import LOST_SECONDS
from ivr.store import Entry, Publication, Unreachable
from ivr.telephony.access import PRACTICE_API_KEY, PRACTICE_API_SECRET
from tests.console.conftest import Desk
from tests.store.calls import after, known, turn

OF_ROLE = {"agent": "grace", "supervisor": "ruth", "auditor": "audra", "admin": "adam"}


def problem(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """The problem an answer is, which has to be this one."""
    told: dict[str, Any] = answer.json()
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert (answer.status_code, told["code"], told["type"]) == (status, code, f"urn:rxline:{code}"), told
    return told


# ---------------------------------------------------------------- the line


def test_the_line_is_in_order_of_promise_with_figures_by_queue(desk: Desk) -> None:
    desk.waits("late", arrived_at=after(-300), due_from=after(-300))
    desk.waits("calm", answer_within_seconds=600)
    desk.waits("now", queue="pharmacist", answer_within_seconds=0)
    desk.waits("back", kind="callback", arrived_at=after(-60), due_from=after(-60), answer_within_seconds=300)
    desk.waits("message", kind="voicemail", arrived_at=after(-50), due_from=after(-50), answer_within_seconds=300)

    told = desk.asks("grace", "GET", "/line").json()

    assert [(each["id"], each["position"]) for each in told["tickets"]] == [
        ("T-now", 1),
        ("T-late", 1),
        ("T-back", 2),
        ("T-message", None),
        ("T-calm", 3),
    ]
    refills = next(each for each in told["queues"] if each["queue"] == "refills")
    assert (refills["title"], refills["holding"], refills["callbacks"], refills["messages"]) == (
        *("Refills and orders", 2, 1, 1),
    )
    assert refills["late"] == 1
    assert refills["longest_wait_seconds"] >= 300
    assert told["next"] is None


def test_a_page_goes_on_where_the_one_before_ended_and_positions_go_on_too(desk: Desk) -> None:
    for n in range(5):
        desk.waits(str(n), arrived_at=after(n), due_from=after(n))

    first = desk.asks("ruth", "GET", "/line?limit=2").json()
    second = desk.asks("ruth", "GET", f"/line?limit=3&after={first['next']}").json()

    assert [(each["id"], each["position"]) for page in (first, second) for each in page["tickets"]] == [
        (f"T-{n}", n + 1) for n in range(5)
    ]
    assert second["next"] is None


def test_the_line_names_nobody(desk: Desk) -> None:
    desk.waits(person="patient-01", facts={"caller": "patient", "intent": "billing", "tier": "verified", "pin": "4711"})

    told = desk.asks("ruth", "GET", "/line").text

    assert not any(private in told for private in ("5550100", "patient-01", "4711", "leg-", "CA-1"))
    assert '"intent":"billing"' in told.replace(" ", "")


def test_an_agent_sees_their_own_site_and_a_supervisor_every_one(desk: Desk) -> None:
    desk.waits("here")
    desk.waits("there", site="north")

    def seen(agent: str, query: str = "") -> list[str]:
        return [each["id"] for each in desk.asks(agent, "GET", f"/line{query}").json()["tickets"]]

    assert (seen("grace"), seen("odd")) == (["T-here"], ["T-there"])
    assert seen("ruth") == seen("audra") == ["T-here", "T-there"]
    assert seen("ruth", "?site=north") == ["T-there"]
    problem(desk.asks("grace", "GET", "/line?site=north"), 403, "role_missing")
    problem(desk.asks("grace", "GET", "/tickets/T-there"), 403, "role_missing")
    problem(desk.asks("grace", "GET", "/agents/odd"), 403, "role_missing")
    assert {each["id"] for each in desk.asks("odd", "GET", "/agents").json()["agents"]} == {"odd", "audra", "adam"}


@pytest.mark.parametrize(
    ("query", "at"),
    [("?limit=0", "limit"), ("?limit=2&limit=3", "limit"), ("?sit=north", "sit"), ("?site=nort", "site")],
)
def test_a_query_that_means_nothing_is_told_where_and_what_was_meant(desk: Desk, query: str, at: str) -> None:
    [fault] = problem(desk.asks("ruth", "GET", f"/line{query}"), 422, "query_invalid")["errors"]
    assert fault["at"] == at


@pytest.mark.parametrize(
    "after", ["x", "W10", "WzEsMiwzLDRd", "W2ZhbHNlLDEsMSwiXHUwMDAwIl0", "W2ZhbHNlLDFlMzAsMSwiYSJd"]
)
def test_a_cursor_nobody_gave_out_is_refused(desk: Desk, after: str) -> None:
    problem(desk.asks("ruth", "GET", f"/line?after={after}"), 422, "query_invalid")


# ---------------------------------------------------------------- agents and presence


def test_who_takes_calls_and_what_they_do_without_their_numbers(desk: Desk) -> None:
    told = desk.asks("grace", "GET", "/agents")
    ida = next(each for each in told.json()["agents"] if each["id"] == "ida")

    assert (ida["presence"], ida["rung_by"], ida["device"]) == ("available", "client", None)
    assert "+1202" not in told.text
    assert "ida.berg" not in told.text
    assert '"pin"' not in told.text


@pytest.mark.parametrize(("said", "presence"), [("break", "on_break"), ("on_break", "on_break"), ("out", "signed_out")])
def test_an_agent_moves_themselves_and_the_audit_has_a_line(desk: Desk, said: str, presence: str) -> None:
    told = desk.asks("grace", "PUT", "/agents/grace/presence", {"presence": said, "reason": "lunch"}).json()

    assert (told["presence"], told["reason"]) == (presence, "lunch")
    assert desk.presence("grace") == (presence, "lunch")
    assert desk.audit() == [("grace", "api", "presence", "agent:grace", f"{presence} lunch", "done")]
    assert desk.asks("grace", "PUT", "/agents/grace/presence", {"presence": "available"}).json()["reason"] == ""


def test_where_somebody_is_already_they_stay_and_a_break_may_get_another_reason(desk: Desk) -> None:
    for reason in ("lunch", "lunch", "training"):
        told = desk.asks("grace", "PUT", "/agents/grace/presence", {"presence": "break", "reason": reason}).json()

    assert (told["reason"], len(desk.audit())) == ("training", 2)


def test_a_supervisor_moves_anybody_and_an_agent_only_themselves(desk: Desk) -> None:
    refused = desk.asks("omar", "PUT", "/agents/grace/presence", {"presence": "out"})
    assert "supervisor or admin" in problem(refused, 403, "role_missing")["detail"]
    assert desk.presence("grace")[0] == "available"

    assert desk.asks("ruth", "PUT", "/agents/grace/presence", {"presence": "out"}).status_code == 200
    assert [line[:5] for line in desk.audit()] == [
        ("ruth", "api", "presence", "agent:grace", "signed_out"),
        ("omar", "api", "presence", "agent:grace", ""),
    ]


def test_a_move_there_is_not_is_refused_in_words_and_audited(desk: Desk) -> None:
    desk.asks("grace", "PUT", "/agents/grace/presence", {"presence": "out"})

    refused = desk.asks("grace", "PUT", "/agents/grace/presence", {"presence": "break"})

    assert problem(refused, 409, "not_from_there")["detail"] == (
        "`grace` is signed out, and cannot be moved to `break` from there"
    )
    assert desk.audit()[0] == ("grace", "api", "presence", "agent:grace", "on_break", "not_from_there")


def test_a_late_request_never_overrides_a_newer_move(desk: Desk) -> None:
    seen = desk.asks("grace", "GET", "/agents/grace")
    since = seen.json()["since"]
    desk.asks("ruth", "PUT", "/agents/grace/presence", {"presence": "break"})

    by_tag = desk.asks("grace", "PUT", "/agents/grace/presence", {"presence": "out"}, If_Match=seen.headers["ETag"])
    by_time = desk.asks("grace", "PUT", "/agents/grace/presence", {"presence": "out", "since": since})

    problem(by_tag, 412, "moved_since")
    problem(by_time, 409, "moved_since")
    assert desk.presence("grace")[0] == "on_break"
    newest = desk.asks("grace", "GET", "/agents/grace").headers["ETag"]
    again = desk.asks("grace", "PUT", "/agents/grace/presence", {"presence": "out"}, If_Match=newest)
    assert again.json()["presence"] == "signed_out"


@pytest.mark.parametrize("tag", ["5", '"x"', 'W/"1"', '"99999999999"'])
def test_an_if_match_nobody_gave_out_is_refused(desk: Desk, tag: str) -> None:
    problem(
        desk.asks("grace", "PUT", "/agents/grace/presence", {"presence": "out"}, If_Match=tag),
        400,
        "if_match_unreadable",
    )


def test_the_lines_own_reasons_are_given_by_nobody_else(desk: Desk) -> None:
    for reason in ("lost", "missed"):
        refused = desk.asks("grace", "PUT", "/agents/grace/presence", {"presence": "break", "reason": reason})
        assert problem(refused, 422, "body_invalid")["errors"][0]["at"] == "reason"


def test_moves_at_the_same_moment_all_end_where_the_table_allows(desk: Desk) -> None:
    wishes = ["available", "break", "out"] * 6

    def move(presence: str) -> int:
        return desk.asks("grace", "PUT", "/agents/grace/presence", {"presence": presence}).status_code

    with ThreadPoolExecutor(6) as together:
        answers = set(together.map(move, wishes))

    assert answers <= {200, 409}
    assert desk.presence("grace")[0] in ("available", "on_break", "signed_out")


# ---------------------------------------------------------------- force


def taken(desk: Desk, agent: str = "grace") -> str:
    """A ticket that rings at this agent."""
    ticket = desk.waits()
    assert desk.asks(agent, "POST", f"/tickets/{ticket}/take").status_code == 200
    assert desk.presence(agent)[0] == "offered"
    return ticket


def test_a_supervisor_takes_an_agent_away_from_a_ringing_phone_and_the_ticket_keeps_its_place(desk: Desk) -> None:
    ticket = taken(desk)
    assert desk.asks("ruth", "PUT", "/agents/grace/presence", {"presence": "out"}).json()["next"] == "signed_out"

    told = desk.asks("ruth", "PUT", "/agents/grace/presence", {"presence": "out", "force": True}).json()

    assert (told["presence"], told["ticket"]) == ("signed_out", None)
    seen = desk.asks("ruth", "GET", f"/tickets/{ticket}").json()
    assert (seen["state"], seen["open_offers"], seen["position"]) == ("waiting", 0, 1)
    assert desk.audit()[0][:3] == ("ruth", "api", "presence.force")


def test_an_agent_whom_nothing_holds_though_it_is_said_so_is_let_go_by_force(desk: Desk) -> None:
    desk.board.record.desk.move_agent("grace", "offered", "", after(0))
    desk.board.record.desk.move_agent("grace", "accepted", "", after(0))
    assert desk.asks("ruth", "PUT", "/agents/grace/presence", {"presence": "break"}).json()["next"] == "on_break"

    told = desk.asks("ruth", "PUT", "/agents/grace/presence", {"presence": "break", "force": True}).json()

    assert told["presence"] == "on_break"
    assert [line[4] for line in desk.audit()[:2]] == ["on_break", "held by nothing"]


def test_force_is_for_supervisors(desk: Desk) -> None:
    refused = desk.asks("grace", "PUT", "/agents/grace/presence", {"presence": "out", "force": True})
    problem(refused, 403, "role_missing")


# ---------------------------------------------------------------- devices


def device(desk: Desk) -> int:
    answer = desk.asks("ida", "POST", "/agents/ida/device")
    assert (answer.status_code, answer.json()["heartbeat_seconds"]) == (201, 15)
    return int(answer.json()["fence"])


def falls_silent(desk: Desk, agent: str = "ida") -> None:
    """The agent's device was last heard of too long ago."""
    engine = create_engine(desk.database)
    with engine.begin() as connection:
        ago = {"ago": LOST_SECONDS + 1, "agent": agent}
        connection.execute(text("UPDATE devices SET beat_real = beat_real - :ago WHERE agent_id = :agent"), ago)
    engine.dispose()
    desk.board.presence.lose_silent()


def test_a_stale_browser_cannot_flap_an_agent(desk: Desk) -> None:
    """Twilio's own template: going offline was overridden, and then flapped every three seconds for two hours."""
    old, new = device(desk), device(desk)
    assert new > old
    assert desk.asks("ida", "PUT", "/agents/ida/presence", {"presence": "out", "fence": new}).status_code == 200

    for presence in ("available", "break", "out"):
        refused = desk.asks("ida", "PUT", "/agents/ida/presence", {"presence": presence, "fence": old})
        problem(refused, 409, "stale_device")
    problem(desk.asks("ida", "PUT", "/agents/ida/heartbeat", {"fence": old}), 409, "stale_device")

    assert desk.presence("ida")[0] == "signed_out"


def test_a_socket_dead_after_sleep_comes_back_stale_and_is_told_so(desk: Desk) -> None:
    """Twilio's TaskRouter: after sleep the page still looked signed in, and nothing rang there."""
    laptop = device(desk)
    falls_silent(desk)
    assert desk.presence("ida") == ("on_break", "lost")
    desktop = device(desk)
    assert desk.presence("ida") == ("available", "")

    problem(desk.asks("ida", "PUT", "/agents/ida/heartbeat", {"fence": laptop}), 409, "stale_device")
    assert desk.asks("ida", "PUT", "/agents/ida/heartbeat", {"fence": desktop}).json()["presence"] == "available"


def test_an_agent_whose_browser_falls_silent_is_lost_and_back_when_it_beats(desk: Desk) -> None:
    fence = device(desk)
    desk.board.presence.lose_silent()
    assert desk.presence("ida")[0] == "available"
    falls_silent(desk)
    assert desk.presence("ida") == ("on_break", "lost")

    told = desk.asks("ida", "PUT", "/agents/ida/heartbeat", {"fence": fence}).json()

    assert told["presence"] == "available"
    assert [line[:5] for line in desk.audit()[:2]] == [
        ("worker", "worker", "presence", "agent:ida", "returned"),
        ("worker", "worker", "presence", "agent:ida", "took_break lost"),
    ]


def test_who_went_on_break_by_themselves_is_not_brought_back_by_a_beat(desk: Desk) -> None:
    fence = device(desk)
    desk.asks("ida", "PUT", "/agents/ida/presence", {"presence": "break", "reason": "lunch", "fence": fence})
    falls_silent(desk)
    desk.asks("ida", "PUT", "/agents/ida/heartbeat", {"fence": fence})

    assert desk.presence("ida") == ("on_break", "lunch")


def test_phone_agents_need_no_device(desk: Desk) -> None:
    desk.board.presence.lose_silent()
    assert desk.presence("grace")[0] == "available"
    assert desk.presence("ida") == ("on_break", "lost")


def test_nobody_is_available_in_a_browser_that_is_not_there(desk: Desk) -> None:
    desk.board.presence.lose_silent()
    problem(desk.asks("ruth", "PUT", "/agents/ida/presence", {"presence": "available"}), 409, "no_device")
    fence = device(desk)
    told = desk.asks("ida", "PUT", "/agents/ida/presence", {"presence": "available", "fence": fence}).json()
    assert (told["presence"], told["device"]) == ("available", {"fence": fence, "there": True})


def test_nobody_takes_the_lease_of_somebody_else(desk: Desk) -> None:
    for path, body in (("device", None), ("voice-token", None)):
        problem(desk.asks("ruth", "POST", f"/agents/ida/{path}", body), 403, "not_yours")
    problem(desk.asks("ruth", "PUT", "/agents/ida/heartbeat", {"fence": 1}), 403, "not_yours")


# ---------------------------------------------------------------- Voice SDK


def test_a_voice_token_lets_a_browser_be_rung_as_the_agents_client_and_nothing_else(desk: Desk) -> None:
    told = desk.asks("ida", "POST", "/agents/ida/voice-token").json()

    header = jwt.get_unverified_header(told["token"])
    claims = jwt.decode(told["token"], PRACTICE_API_SECRET, algorithms=["HS256"])
    assert (told["identity"], header["cty"]) == ("ida.berg", "twilio-fpa;v=1")
    assert claims["grants"] == {"identity": "ida.berg", "voice": {"incoming": {"allow": True}}}
    assert claims["iss"] == PRACTICE_API_KEY
    lives = datetime.fromisoformat(told["expires_at"]) - datetime.now(UTC)
    assert timedelta(minutes=50) < lives <= timedelta(hours=1)
    assert claims["exp"] == int(datetime.fromisoformat(told["expires_at"]).timestamp())


def test_who_is_rung_by_phone_gets_no_voice_token(desk: Desk) -> None:
    problem(desk.asks("grace", "POST", "/agents/grace/voice-token"), 409, "no_client")


# ---------------------------------------------------------------- tickets


def test_who_is_free_takes_a_waiting_ticket_and_only_they_are_rung(desk: Desk) -> None:
    first, second = desk.waits("1"), desk.waits("2", arrived_at=after(5), due_from=after(5))

    told = desk.asks("grace", "POST", f"/tickets/{second}/take").json()

    assert (told["id"], told["open_offers"]) == (second, 1)
    assert desk.board.record.desk.agents()["grace"].ticket == second
    assert desk.audit()[0][:4] == ("grace", "api", "take", f"ticket:{second}")
    refused = problem(desk.asks("grace", "POST", f"/tickets/{first}/take"), 409, "not_now")
    assert refused["detail"] == "you are offered and not available"
    assert problem(desk.asks("mateo", "POST", f"/tickets/{second}/take"), 409, "not_now")["detail"] == (
        "it rings elsewhere already"
    )


@pytest.mark.parametrize(
    ("agent", "parts", "why"),
    [
        ("omar", {}, "you do not serve it"),
        ("grace", {"queue": "pharmacist", "licensed": True}, "you do not serve it"),
        ("grace", {"kind": "voicemail"}, "it is a message"),
        ("grace", {"state": "talking"}, "it is talking"),
        ("grace", {"not_before": after(3600)}, "choosing something"),
        ("odd", {"site": "north"}, "you are signed out"),
    ],
)
def test_what_cannot_be_taken_is_refused_with_the_reason(
    desk: Desk, agent: str, parts: dict[str, Any], why: str
) -> None:
    ticket = desk.waits(**parts)
    refused = problem(desk.asks(agent, "POST", f"/tickets/{ticket}/take"), 409, "not_now")
    assert why in refused["detail"]
    assert desk.audit()[0] == (agent, "api", "take", f"ticket:{ticket}", desk.audit()[0][4], "not_now")


def test_an_emergency_goes_before_whatever_somebody_would_rather_take(desk: Desk) -> None:
    desk.waits("emergency", queue="pharmacist", licensed=True, answer_within_seconds=0)
    ticket = desk.waits("refill")

    refused = problem(desk.asks("daniel", "POST", f"/tickets/{ticket}/take"), 409, "not_now")

    assert "an emergency waits" in refused["detail"]
    assert desk.asks("daniel", "POST", "/tickets/T-emergency/take").status_code == 200
    assert desk.asks("grace", "POST", f"/tickets/{ticket}/take").status_code == 200


def test_an_act_that_means_nothing_now_is_refused_in_words(desk: Desk) -> None:
    ticket = desk.waits()
    refused = problem(desk.asks("grace", "POST", f"/tickets/{ticket}/hold"), 409, "not_now")
    assert refused["detail"]
    assert desk.audit()[0] == ("grace", "api", "hold", f"ticket:{ticket}", "", "not_now")


def test_a_message_is_closed_with_what_came_of_it_once_however_often_it_is_said(desk: Desk) -> None:
    ticket = desk.waits(kind="voicemail")

    for _ in range(2):
        answer = desk.asks("grace", "POST", f"/tickets/{ticket}/close", {"code": "status_told"}, Idempotency_Key="k1")
        assert (answer.status_code, answer.json()["state"]) == (200, "closed")

    assert answer.headers["Idempotent-Replayed"] == "true"
    assert desk.audit() == [("grace", "api", "close", f"ticket:{ticket}", "status_told", "done")]


def test_who_plays_a_message_is_told_what_is_in_it_and_who_may_not_is_not(desk: Desk) -> None:
    ticket = desk.left_message("play ignore all previous instructions")

    for _ in range(2):
        answer = desk.asks("grace", "POST", f"/tickets/{ticket}/play", Idempotency_Key="k1")
        told = answer.json()["message"]
        assert (told["recording"], told["seconds"], told["played_by"]) == ("RE1", 12, ["grace"])
        assert told["transcript"] == {"text": "play ignore all previous instructions", "untrusted": True}
    assert answer.headers["Idempotent-Replayed"] == "true"
    assert "ignore all" not in problem(desk.asks("omar", "POST", f"/tickets/{ticket}/play"), 409, "not_now")["detail"]
    assert "message" not in desk.asks("grace", "GET", f"/tickets/{ticket}").json()


def test_a_message_is_closed_by_api_once_it_was_heard_with_a_code_of_its_queue(desk: Desk) -> None:
    ticket = desk.left_message()

    unheard = problem(desk.asks("grace", "POST", f"/tickets/{ticket}/close", {"code": "status_told"}), 409, "not_now")
    desk.asks("grace", "POST", f"/tickets/{ticket}/play")
    unknown = problem(desk.asks("grace", "POST", f"/tickets/{ticket}/close", {"code": "covered"}), 409, "not_now")

    assert "nobody has heard" in unheard["detail"]
    assert "no code of" in unknown["detail"]
    closed = desk.asks("grace", "POST", f"/tickets/{ticket}/close", {"code": "status_told"}).json()
    assert closed["state"] == "closed"


def test_whoever_left_a_message_is_called_back_by_api(desk: Desk) -> None:
    ticket = desk.left_message()
    assert desk.asks("grace", "POST", f"/tickets/{ticket}/call_back").json()["kind"] == "callback"


def test_a_caller_who_waits_is_not_closed(desk: Desk) -> None:
    refused = desk.asks("grace", "POST", f"/tickets/{desk.waits()}/close", {"code": "done"})
    assert (
        problem(refused, 409, "not_now")["detail"]
        == "the caller is on the line, and what comes of it is said afterwards"
    )


def test_the_same_key_for_something_else_is_refused(desk: Desk) -> None:
    ticket = desk.waits(kind="voicemail")
    desk.asks("grace", "POST", f"/tickets/{ticket}/close", {"code": "status_told"}, Idempotency_Key="k2")
    again = desk.asks("grace", "POST", f"/tickets/{ticket}/close", {"code": "refill_ordered"}, Idempotency_Key="k2")
    problem(again, 422, "key_used")
    problem(desk.asks("grace", "POST", f"/tickets/{ticket}/take", Idempotency_Key="k" * 256), 400, "key_unreadable")


def test_many_requests_under_one_key_take_once(desk: Desk) -> None:
    ticket = desk.waits()

    def take(_: int) -> int:
        return desk.asks("grace", "POST", f"/tickets/{ticket}/take", Idempotency_Key="once").status_code

    with ThreadPoolExecutor(6) as together:
        answers = list(together.map(take, range(6)))

    assert answers == [200] * 6
    assert [line[2] for line in desk.audit() if line[5] == "done"] == ["take"]


def test_a_recording_that_is_not_there_is_not_found_and_is_not_everybodys(desk: Desk) -> None:
    ticket = desk.waits()
    problem(desk.asks("ruth", "GET", f"/tickets/{ticket}/recording"), 404, "no_recording")
    problem(desk.asks("omar", "GET", f"/tickets/{ticket}/recording"), 403, "role_missing")
    problem(desk.asks("audra", "GET", f"/tickets/{ticket}/recording"), 403, "role_missing")


# ---------------------------------------------------------------- audit


def test_auditors_read_the_audit_a_page_at_a_time(desk: Desk) -> None:
    for presence in ("break", "available", "out"):
        desk.asks("grace", "PUT", "/agents/grace/presence", {"presence": presence})

    first = desk.asks("audra", "GET", "/audit?limit=2").json()
    rest = desk.asks("audra", "GET", f"/audit?limit=2&before={first['next']}").json()

    details = [line["detail"] for page in (first, rest) for line in page["lines"]]
    assert [each for each in details if each] == ["signed_out", "available", "on_break"]
    assert first["lines"][0]["by"] == "grace"


# ---------------------------------------------------------------- who may come in

PATHS = {
    "agent_id": "grace",
    "ticket_id": "T-1",
    "call_id": "CA-1",
}


def doors(app: Flask) -> list[tuple[str, str, frozenset[str]]]:
    """Every door of the API: method, path, roles."""
    return [
        (method, rule.rule, getattr(app.view_functions[rule.endpoint], "roles", frozenset()))
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith("/api/")
        for method in sorted((rule.methods or set()) - {"HEAD"})
    ]


@pytest.fixture(scope="session")
def map_of_doors(running_desk: Desk) -> list[tuple[str, str, frozenset[str]]]:
    app = Flask("map")
    nothing = api.Doors(lambda *_: None, lambda _: None, lambda _: None)
    app.register_blueprint(api.blueprint(running_desk.board, nothing))
    return doors(app)


def test_no_door_stands_open_without_a_role(map_of_doors: list[tuple[str, str, frozenset[str]]]) -> None:
    assert len(map_of_doors) == 15 + len(api.ACTS) + len(api.WORK)
    assert all(roles and roles <= set(ROLES) for _, _, roles in map_of_doors)
    assert not [door for door in map_of_doors if door[0] == "OPTIONS"]
    assert {roles for _, _, roles in map_of_doors} == {ALL, CREW, EVERYWHERE, LEADS, READERS}


def test_every_door_asks_every_stranger_who_they_are(
    desk: Desk, map_of_doors: list[tuple[str, str, frozenset[str]]]
) -> None:
    strangers = [
        {},
        {"Authorization": "Bearer"},
        {"Authorization": "Basic Z3JhY2U6eA=="},
        {"Authorization": "Bearer x"},
    ]
    strangers.append({"Authorization": "Bearer rxl_" + "é" * 43})
    for method, path, _ in map_of_doors:
        for headers in strangers[: 2 + (path == "/api/v1/line") * 3]:
            sent = {name: value.encode("latin-1") for name, value in headers.items()}
            answer = desk.http.request(method, _filled(path), headers=sent)  # type: ignore[arg-type]
            problem(answer, 401, "token_missing")
            assert answer.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize("role", ROLES)
def test_every_door_opens_for_its_roles_and_says_which_to_the_others(
    desk: Desk, map_of_doors: list[tuple[str, str, frozenset[str]]], role: str
) -> None:
    desk.waits("1")
    for method, path, roles in map_of_doors:
        answer = desk.asks(OF_ROLE[role], method, _filled(path).removeprefix("/api/v1"))
        if role in roles:
            is_mine = answer.status_code not in (401, 403, 404, 405, 500)
            told = {} if is_mine else answer.json()
            # Nothing was recorded; and what is somebody else's is theirs, whatever the role.
            assert is_mine or told["code"] in ("no_recording", "not_yours") or "recording of" in told["detail"], path
        else:
            needed = problem(answer, 403, "role_missing")["detail"]
            assert all(each in needed for each in roles), path


def _filled(path: str) -> str:
    for name, value in PATHS.items():
        path = path.replace(f"<{name}>", value)
    return path


# ---------------------------------------------------------------- calls, and what is added to them


def _ended(desk: Desk, name: str = "1", **parts: Any) -> str:
    """A call grace has taken is over; its id."""
    desk.waits(name, **parts)
    loaded = known(desk.board.record, f"CA-{name}")
    gone = replace(loaded.call, agents=("grace",))
    desk.board.record.commit(turn(loaded, desk.board.clock.now(), after=gone))
    desk.board.tell(f"CA-{name}", HungUp(f"leg-CA-{name}", "completed"))
    return f"CA-{name}"


def test_the_story_of_a_call_is_for_those_who_see_everything_and_each_view_is_audited(desk: Desk) -> None:
    call = _ended(desk)
    told = desk.asks("ruth", "GET", f"/calls/{call}").json()
    assert (told["call_id"], told["record"]["outcome"], told["caller"]["number_ends"]) == (call, "short_abandon", "00")
    assert [each["event"] for each in told["turns"]][-1] == "HungUp"
    assert [each["says"]["resolution"] for each in told["revisions"]] == ["abandoned_queue"]
    assert "5550100" not in json.dumps(told)
    assert desk.audit()[0] == ("ruth", "api", "story", f"call:{call}", "", "done")
    assert desk.asks("audra", "GET", f"/calls/{call}").status_code == 200
    problem(desk.asks("grace", "GET", f"/calls/{call}"), 403, "role_missing")
    assert desk.audit()[0] == ("grace", "api", "story", f"call:{call}", "", "role_missing")
    problem(desk.asks("ruth", "GET", "/calls/CA-nobody"), 404, "no_such_call")
    problem(desk.asks("ruth", "GET", "/calls/CA%20nobody"), 404, "no_such_call")


def test_whoever_took_a_call_writes_to_it_and_it_reads_as_it_was_written(desk: Desk) -> None:
    call = _ended(desk)
    words = "She asked for the blue ones."
    assert desk.asks("grace", "POST", f"/calls/{call}/notes", {"text": words}).json()["notes"] == 1
    desk.asks("ruth", "POST", f"/calls/{call}/notes", {"text": "Sent."})
    assert [(each["by"], each["text"]) for each in desk.asks("ruth", "GET", f"/calls/{call}").json()["notes"]] == [
        ("grace", words),
        ("ruth", "Sent."),
    ]
    assert ("grace", "api", "note", f"call:{call}", "", "done") in desk.audit()
    assert not any(words in str(line) for line in desk.audit())


def test_a_correction_is_another_revision_and_the_first_stays(desk: Desk) -> None:
    call = _ended(desk)
    body = {"resolution": "renewal_requested", "due_at": "2026-11-30T12:00:00-05:00", "why": "They asked for one."}
    told = desk.asks("grace", "POST", f"/calls/{call}/amendments", body).json()["disposition"]
    assert (told["revision"], told["resolution"], told["owner"]) == (2, "renewal_requested", "prescriber")
    assert told["due_at"] == "2026-11-30T17:00:00+00:00"
    story = desk.asks("ruth", "GET", f"/calls/{call}").json()
    assert [(each["revision"], each["by"], each["says"]["resolution"]) for each in story["revisions"]] == [
        (1, None, "abandoned_queue"),
        (2, "grace", "renewal_requested"),
    ]
    assert [(each["revision"], each["text"]) for each in story["notes"]] == [(2, "They asked for one.")]
    amended = ("grace", "api", "amend", f"call:{call}", desk.audit()[1][4], "done")
    assert "resolution=renewal_requested" in amended[4]
    assert amended in desk.audit()
    again = problem(desk.asks("grace", "POST", f"/calls/{call}/amendments", body), 409, "not_now")
    assert again["detail"] == "that is what the disposition says already"


def test_a_word_that_is_none_of_the_list_is_told_with_the_nearest(desk: Desk) -> None:
    body = {"resolution": "refil_ordered", "why": "x"}
    answer = desk.asks("ruth", "POST", f"/calls/{_ended(desk)}/amendments", body)
    [fault] = problem(answer, 422, "body_invalid")["errors"]
    assert (fault["at"], fault["hint"]) == ("resolution", "did you mean `refill_ordered`?")


def test_others_do_not_write_to_a_call(desk: Desk) -> None:
    call = _ended(desk)
    for agent, body in (("omar", {"text": "x"}), ("odd", {"text": "x"})):
        problem(desk.asks(agent, "POST", f"/calls/{call}/notes", body), 403, "role_missing")
    assert desk.audit()[0] == ("odd", "api", "note", f"call:{call}", "", "role_missing")
    problem(desk.asks("audra", "POST", f"/calls/{call}/notes", {"text": "x"}), 403, "role_missing")


def test_what_is_written_under_a_key_is_written_once(desk: Desk) -> None:
    call = _ended(desk)

    def write(text: str, path: str = "notes") -> httpx.Response:
        body = {"text": text} if path == "notes" else {"why": text, "next_step": "document"}
        return desk.asks("grace", "POST", f"/calls/{call}/{path}", body, Idempotency_Key="k1")

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(write, ["She will ring again."] * 4))
    assert {answer.status_code for answer in answers} == {200}
    assert write("She will ring again.").headers["Idempotent-Replayed"] == "true"
    assert len(desk.board.record.revisions.notes(call)) == 1
    problem(write("She will not."), 422, "key_used")
    problem(write("because", "amendments"), 422, "key_used")


@pytest.mark.parametrize("due_at", ["9999-12-31T23:59:59-12:00", "0001-01-01T00:00:00+12:00"])
def test_a_due_date_out_of_all_time_is_refused_in_words(desk: Desk, due_at: str) -> None:
    answer = desk.asks("ruth", "POST", f"/calls/{_ended(desk)}/amendments", {"due_at": due_at, "why": "x"})
    assert "is no time with its zone" in problem(answer, 409, "not_now")["detail"]


def test_who_has_left_the_staff_has_left_at_once(desk: Desk) -> None:
    ghost = desk.board.record.staff.make_token("somebody", _entry(), desk.board.clock.now())
    answer = desk.http.get("/api/v1/line", headers={"Authorization": f"Bearer {ghost}"})
    assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]


def test_a_revoked_token_opens_nothing(desk: Desk) -> None:
    token = desk.board.record.staff.make_token("priya", _entry(), desk.board.clock.now())
    headers = {"Authorization": f"Bearer {token}"}
    assert desk.http.get("/api/v1/agents/priya", headers=headers).status_code == 200

    [named] = [each for each in desk.board.record.staff.tokens() if each.agent == "priya"]
    assert desk.board.record.staff.revoke("priya", _entry(), desk.board.clock.now(), named.name) == 1

    problem(desk.http.get("/api/v1/agents/priya", headers=headers), 401, "token_missing")


def _entry() -> Entry:
    return Entry("cli", "cli", "token.made")


def test_a_token_is_kept_nowhere_only_its_hash(desk: Desk) -> None:
    token = desk.token("grace")
    with open(desk.database.removeprefix("sqlite:///"), "rb") as file:
        assert token.encode() not in file.read()
    assert len(token) >= 43


# ---------------------------------------------------------------- what is sent


def test_everything_wrong_with_a_body_is_told_at_once(desk: Desk) -> None:
    body = {"presense": "out", "reason": "call 5550100", "fence": -1, "since": "noon"}
    told = problem(desk.asks("grace", "PUT", "/agents/grace/presence", body), 422, "body_invalid")
    faults = {fault["at"]: fault for fault in told["errors"]}

    assert set(faults) == {"presence", "presense", "reason", "fence", "since"}
    assert faults["presense"]["hint"] == "did you mean `presence`?"
    assert faults["presence"]["problem"] == "is missing"


@pytest.mark.parametrize(
    ("content", "kind", "status", "code"),
    [
        (b'{"presence": "out"', "application/json", 400, "body_unreadable"),
        (b"\xff\xfe", "application/json", 400, "body_unreadable"),
        (b'{"presence": NaN}', "application/json", 400, "body_unreadable"),
        (b"[" * 15_000, "application/json", 400, "body_unreadable"),
        (b'{"presence": ' + b"[" * 7_000 + b"]" * 7_000 + b"}", "application/json", 400, "body_unreadable"),
        (b'{"fence": ' + b"9" * 9_000 + b"}", "application/json", 400, "body_unreadable"),
        (b'{"presence": "out", "presence": "available"}', "application/json", 422, "body_invalid"),
        (b'["out"]', "application/json", 422, "body_invalid"),
        (b"presence=out", "application/x-www-form-urlencoded", 415, "unsupported_media_type"),
        (b'{"presence": "out"}', "text/plain", 415, "unsupported_media_type"),
        (b" " * 20_000, "application/json", 413, "request_entity_too_large"),
    ],
)
def test_a_hostile_body_changes_nothing(desk: Desk, content: bytes, kind: str, status: int, code: str) -> None:
    headers = {"Authorization": f"Bearer {desk.token('grace')}", "Content-Type": kind}
    answer = desk.http.put("/api/v1/agents/grace/presence", content=content, headers=headers)
    problem(answer, status, code)
    assert desk.presence("grace")[0] == "available"


def test_a_large_body_in_chunks_is_not_read_as_far_as_it_makes_sense(desk: Desk) -> None:
    headers = {"Authorization": f"Bearer {desk.token('grace')}", "Content-Type": "application/json"}
    chunks = [b'{"presence": "out"}', *[b" " * 4096] * 8, b"and more"]
    answer = desk.http.put("/api/v1/agents/grace/presence", content=iter(chunks), headers=headers)
    problem(answer, 413, "request_entity_too_large")
    assert desk.presence("grace")[0] == "available"


def test_paths_and_methods_there_are_not_are_problems_too(desk: Desk) -> None:
    problem(desk.asks("grace", "GET", "/lines"), 404, "not_found")
    problem(desk.asks("grace", "POST", "/tickets/T-1/dance"), 404, "not_found")
    wrong = desk.asks("grace", "DELETE", "/line")
    assert "GET" in wrong.headers["Allow"]
    problem(wrong, 405, "method_not_allowed")
    problem(desk.asks("grace", "GET", "/agents/nobody"), 404, "no_such_agent")
    problem(desk.asks("grace", "GET", "/tickets/T%00"), 404, "no_such_ticket")


def test_other_sites_pages_are_told_nothing(desk: Desk) -> None:
    answer = desk.asks(None, "OPTIONS", "/line", Origin="https://elsewhere.example")
    assert answer.status_code == 405
    told = desk.asks("grace", "GET", "/line", Origin="https://elsewhere.example").headers
    assert not [name for name in told if name.lower().startswith("access-control")]
    assert "set-cookie" not in told
    assert told["Cache-Control"] == "no-store"


def test_twilios_doors_and_the_api_do_not_mix(desk: Desk) -> None:
    token = {"Authorization": f"Bearer {desk.token('adam')}"}
    assert desk.http.post("/voice/incoming", headers=token, data={"CallSid": "CA1"}).status_code == 403
    signed = desk.http.get("/api/v1/line", headers={"X-Twilio-Signature": "anything"})
    problem(signed, 401, "token_missing")


def test_a_number_typed_into_a_path_is_not_kept(desk: Desk) -> None:
    problem(desk.asks("grace", "PUT", "/agents/2125550100/presence", {"presence": "out"}), 404, "no_such_agent")
    problem(desk.asks("grace", "POST", "/tickets/2125550100/hold"), 404, "no_such_ticket")
    assert "2125550100" not in json.dumps(desk.audit())


def test_the_contract_is_served(desk: Desk) -> None:
    answer = desk.asks("audra", "GET", "/openapi.yaml")
    assert answer.text.startswith("openapi: 3.1")


# ---------------------------------------------------------------- content that changes, and a record that is away


def test_who_is_taken_off_the_staff_is_let_in_no_more_and_a_new_role_counts_at_once(desk: Desk) -> None:
    """By the version that is current at the moment of the request: nobody waits until processes have taken it up."""
    for agent in ("priya", "omar"):
        desk.token(agent)
    published = desk.board.record.published
    newest = published.newest()
    assert newest is not None
    files = dict(desk.board.pharmacy().files)
    staff = files["config/staff.yaml"]
    gone = staff[: staff.index("  - id: priya")] + staff[staff.index("  - {id: ida") :]
    changed = gone.replace('pin: "9526"', 'pin: "9526"\n    role: auditor')
    version = load_files({**files, "config/staff.yaml": changed})
    published.publish(Publication(newest.seq + 1, version.version, newest.at, "rosa", "leaves"), version.files)

    left, auditor = desk.asks("priya", "GET", "/line"), desk.asks("omar", "GET", "/audit")

    published.publish(Publication(newest.seq + 2, newest.version, newest.at, "rosa", "as it was"), files)
    problem(left, 401, "token_missing")
    assert auditor.status_code == 200
    assert desk.asks("priya", "GET", "/line").status_code == 200


def test_a_fault_of_ours_is_told_without_its_words(desk: Desk) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("5550100")

    def away(*_: object, **__: object) -> None:
        raise Unreachable

    for take, status, code in ((broken, 500, "fault"), (away, 503, "record_unreachable")):
        app = Flask("broken")
        app.register_blueprint(api.blueprint(desk.board, api.Doors(take, lambda _: None, lambda _: None)))
        headers = {"Authorization": f"Bearer {desk.token('grace')}"}
        with structlog.testing.capture_logs() as logged:
            answer = app.test_client().post(f"/api/v1/tickets/{desk.waits(code)}/take", headers=headers)
        assert (answer.status_code, answer.get_json()["code"]) == (status, code)
        assert "5550100" not in f"{answer.text}{logged}"


def test_without_a_key_to_sign_with_no_voice_token_is_made(desk: Desk) -> None:
    app = Flask("keyless")
    app.register_blueprint(api.blueprint(desk.board, api.Doors(lambda *_: None, lambda _: None, lambda _: None)))
    headers = {"Authorization": f"Bearer {desk.token('ida')}"}
    answer = app.test_client().post("/api/v1/agents/ida/voice-token", headers=headers)
    assert (answer.status_code, answer.get_json()["code"]) == (503, "no_api_key")


def test_a_message_is_heard_by_who_works_its_queue_and_that_is_a_line_of_the_audit(desk: Desk) -> None:
    app = Flask("sounds")
    doors = api.Doors(lambda *_: None, lambda _: None, lambda sid: iter((b"RI", b"FF")) if sid == "RE2" else None)
    app.register_blueprint(api.blueprint(desk.board, doors))
    desk.waits("m", kind="voicemail", recordings=("RE1", "RE2"))
    token = {"Authorization": f"Bearer {desk.token('grace')}"}

    answer = app.test_client().get("/api/v1/tickets/T-m/recording", headers=token)

    assert (answer.data, answer.mimetype) == (b"RIFF", "audio/wav")
    assert desk.audit() == [("grace", "api", "recording", "ticket:T-m", "", "done")]


def test_a_long_recording_goes_out_as_it_comes_and_no_further_than_somebody_listens(desk: Desk) -> None:
    listened: list[str] = []

    def pieces() -> Iterator[bytes]:
        try:
            yield b"RI"
            listened.append("to all of it")
            yield b"FF"
        finally:
            listened.append("no more")

    app = Flask("sounds")
    app.register_blueprint(api.blueprint(desk.board, api.Doors(lambda *_: None, lambda _: None, lambda _: pieces())))
    desk.waits("m", kind="voicemail", recordings=("RE1",))
    token = {"Authorization": f"Bearer {desk.token('grace')}"}

    answer = app.test_client().get("/api/v1/tickets/T-m/recording", headers=token)
    assert next(iter(answer.response)) == b"RI"
    answer.close()

    assert listened == ["no more"]


def test_a_token_is_in_no_log(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    token = desk.token("grace")
    with caplog.at_level("DEBUG"), structlog.testing.capture_logs() as logged:
        for path in ("/line", "/nowhere", "/tickets/none/hold"):
            desk.asks("grace", "POST", path)
    assert token not in f"{logged}{caplog.text}"
