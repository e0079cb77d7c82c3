"""Twilio delivers what it tells us twice, at the same moment, late, early and out of order: the record is the same."""

from __future__ import annotations

import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest

from tests.line.carrier import Phone
from tests.line.conftest import Day
from tests.line.people import talk, talk_a_while, to_a_person

OF_ONE_CALL = ("call_id", "ticket_id", "arrived_at", "ended_at", "due_at", "waited_seconds", "revision")
TURNS = ("incoming", "next", "held", "after", "moved")


# ---------------------------------------------------------------- calls, told once, twice and at once


def answered(day: Day) -> Phone:
    caller, agent = to_a_person(day)
    agent.picks_up()
    talk(caller, agent)
    caller.hangs_up()
    agent.codes("answered")
    agent.is_sent_away()
    return caller


def missed_then_answered(day: Day) -> Phone:
    caller, agent = to_a_person(day)
    agent.rings_out()
    agent = day.carrier.rings()
    agent.picks_up()
    talk_a_while(day, caller, agent)
    agent.hangs_up()
    caller.is_sent_away()
    return caller


def called_back(day: Day) -> Phone:
    caller, _ = to_a_person(day)
    caller.chooses("call you back")
    caller.chooses("to confirm")
    caller.chooses("in your turn")
    if day.carrier.status_comes == "held":  # nobody says that they have hung up, so they are left to hear the goodbye
        day.passes(seconds=11)
    agent = day.carrier.rings()
    agent.picks_up()
    agent.chooses("take it")
    person = day.carrier.rings(to=caller.caller)
    person.picks_up()
    person.chooses("asked us to call")
    person.until(lambda: person.room, "is in the room")
    person.hangs_up()
    agent.codes("follow up")
    agent.is_sent_away()
    return caller


def abandoned(day: Day) -> Phone:
    caller, _ = to_a_person(day)
    caller.hangs_up()
    return caller


def message(day: Day) -> Phone:
    day.night_falls()
    caller = day.stranger()
    caller.chooses("English")
    caller.chooses("person")
    caller.leaves_message()
    return caller


# What happens, how many phones it rings, and what its disposition says.
CALLS: dict[str, tuple[Callable[[Day], Phone], int, dict[str, Any]]] = {
    "answered": (answered, 1, {"outcome": "answered", "code": "answered", "final": True}),
    "missed, then answered": (missed_then_answered, 2, {"outcome": "answered", "reached": "talk", "final": True}),
    "called back": (called_back, 3, {"outcome": "callback", "code": "follow_up", "final": True}),
    "abandoned": (abandoned, 1, {"outcome": "short_abandon", "reached": "offer", "final": True}),
    "message": (message, 0, {"outcome": "voicemail", "code": "message_taken", "final": False}),
}
_KEPT: dict[str, dict[str, Any]] = {}


def record_of(day: Day, caller: Phone, **wanted: Any) -> dict[str, Any]:
    """What is left of a call: its disposition and its tasks."""
    kept = {name: value for name, value in day.disposition(caller, **wanted).items() if name not in OF_ONE_CALL}
    tasks = [task["what"] for task in day.order_system("/v1/tasks") if task["call_id"] == caller.sid]
    return {**kept, "tasks": tasks}


TOLD = [(call, deliveries) for call in CALLS for deliveries in ("once", "at once")]
AGAIN = [(call, "twice") for call in ("answered", "abandoned", "message")]


@pytest.mark.parametrize(("call", "deliveries"), [*TOLD, *AGAIN])
def test_a_second_delivery_gets_the_same_reply_and_changes_nothing(day: Day, call: str, deliveries: str) -> None:
    """The carrier itself compares the replies, and the day ends with a fault when two differ."""
    happens, rings, wanted = CALLS[call]
    day.carrier.deliveries = deliveries
    kept = record_of(day, happens(day), **wanted)

    assert kept == _KEPT.setdefault(call, kept)
    assert len(day.rung()) == rings
    assert day.carrier.faults == []


def test_all_that_a_hang_up_sets_off_may_come_at_the_same_moment(day: Day) -> None:
    """The ends of both Dials and of both legs, each three times over: nobody is sent to a person because of it."""
    caller, agent = to_a_person(day)
    agent.picks_up()
    talk_a_while(day, caller, agent)
    told = [*caller.tells_of_hanging_up(), *agent.tells_of_hanging_up()] * 3
    with ThreadPoolExecutor(len(told)) as at_once:
        replies = list(at_once.map(lambda sent: day.carrier.send_once(*sent), told))

    answers = {(url, reply.body) for (url, _), reply in zip(told, replies, strict=True)}
    assert len(answers) == 4
    assert not [reply.body for reply in replies if b"<Dial" in reply.body]
    record_of(day, caller, outcome="answered", reached="talk", final=True)
    day.is_soon(lambda: day.presence(agent), "wrap_up")


# ---------------------------------------------------------------- status callbacks in no order


HELD = [("held", call) for call in ("answered", "abandoned", "called back")]
FIRST = [("first", call) for call in ("answered", "abandoned", "message")]


@pytest.mark.parametrize(("comes", "call"), [*HELD, *FIRST])
def test_status_callbacks_may_come_before_all_else_or_long_after_and_in_any_order(
    day: Day, call: str, comes: str
) -> None:
    happens, rings, wanted = CALLS[call]
    day.carrier.status_comes = comes
    caller = happens(day)
    held = day.carrier.held * 2
    random.Random(call).shuffle(held)
    for told in held:
        day.carrier.deliver(told)
    kept = record_of(day, caller, **wanted)

    assert kept == _KEPT.setdefault(call, kept)
    assert len(day.rung()) == rings
    day.is_soon(partial(day.agents, "offered", "on_call"), 0)


def test_a_call_is_over_when_twilio_says_so_though_its_last_words_come_later(day: Day) -> None:
    """The news of the end overtakes the answer to the last question."""
    caller = day.stranger()
    caller.chooses("English")
    day.carrier.deliver_now(caller, "completed")
    day.disposition(caller, outcome="abandoned", reached="menu", final=True)
    caller.chooses("person")

    caller.is_sent_away()
    assert caller.heard[-1] != "You are in line for a person. Please stay on the line."
    day.disposition(caller, outcome="abandoned", reached="menu", final=True)
    assert day.rung() == []


def test_all_webhooks_of_a_call_again_after_its_end_get_their_replies_and_change_nothing(day: Day) -> None:
    caller = answered(day)
    before = record_of(day, caller, code="answered", final=True)
    told = [sent for sent in day.carrier.replies if sent[1]["CallSid"] in {phone.sid for phone in day.phones()}]
    random.Random(7).shuffle(told)
    for url, fields, reply in told:
        again = day.carrier.post(url, fields)
        assert again.status == reply.status
        if way_of(url) in TURNS:
            assert again.body == reply.body
        else:
            assert again.twiml.tag == "Response"

    assert record_of(day, caller, final=True) == before


def way_of(url: str) -> str:
    return url.partition("#")[0].rpartition("/")[2]


def test_a_key_on_hold_while_the_move_to_the_agent_is_under_way_changes_nothing(day: Day) -> None:
    """An agent has said yes and Twilio takes its time: who asks for a callback now hears that a person is ready."""
    caller, agent = to_a_person(day)
    agent.picks_up()
    caller.listens()
    day.carrier.moves_take_seconds = 1.0
    agent.chooses("take it")
    caller.chooses("call you back")
    caller.hears("A person is ready")
    caller.until(lambda: caller.room, "is brought to the agent")
    caller.hangs_up()

    record_of(day, caller, outcome="answered", reached="talk", final=True)


# ---------------------------------------------------------------- one call placed twice


def test_a_second_call_to_an_agent_hears_that_the_call_is_taken(day: Day) -> None:
    """As when Twilio placed a call, and we never got its answer and asked again."""
    caller, agent = to_a_person(day)
    second = day.carrier.twin(agent)
    agent.picks_up()
    second.picks_up()

    assert second.heard == ["This call has been taken. Goodbye."]
    second.is_sent_away()
    day.is_soon(lambda: reported(day, second), True)
    talk(caller, agent)
    caller.hangs_up()
    assert record_of(day, caller, outcome="answered", final=True)["agents"] == [day.agent(agent)]


def reported(day: Day, phone: Phone) -> bool:
    """Has the line been told that this phone's call is over?"""
    return any(
        url == phone.status_url and fields["CallSid"] == phone.sid and fields["CallStatus"] == "completed"
        for url, fields, _ in day.carrier.replies
    )


def test_the_end_of_a_second_call_to_an_agent_does_not_end_the_talk(day: Day) -> None:
    caller, agent = to_a_person(day)
    agent.picks_up()
    talk_a_while(day, caller, agent)
    second = day.carrier.twin(agent)
    second.rings_out("busy")
    day.carrier.deliver_now(second, "busy")

    assert day.presence(agent) == "on_call"
    agent.hangs_up()
    caller.hears("Thank you for calling")
    record_of(day, caller, outcome="answered", reached="talk", final=True)
