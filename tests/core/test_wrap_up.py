"""After the talk: what came of it is keyed, said later, or found out by somebody; and the agent is free once."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ivr.core.effects import ClearTimer, CreateTask, MoveAgent, SetTimer
from ivr.core.events import DialEnded, TimerDue, Worked
from ivr.core.line import Code
from ivr.core.wrap_up import refusal
from tests.core.rehearsal import PHARMACY, QUEUES, Rehearsal

CODES = (Code("answered", "answered"), Code("follow_up", "follow up"))
CODED = replace(PHARMACY, queues={name: replace(queue, codes=CODES) for name, queue in QUEUES.items()})


def after_a_talk() -> Rehearsal:
    """The caller has left; the agent is still on the phone."""
    return Rehearsal(pharmacy=CODED).talking().happens(DialEnded("c", "completed")).hangs_up("c")


def asked() -> Rehearsal:
    return after_a_talk().happens(DialEnded("leg-ana", "completed"))


def test_the_agent_is_asked_once_the_caller_has_left() -> None:
    call = asked()
    assert call.heard == ["agent_code_ask", "agent_code", "agent_code"]
    assert (call.disposition["code"], call.disposition["final"]) == (None, True)
    assert call.presence["ana"] == "wrap_up"


def test_a_key_is_the_code_and_frees_the_agent_when_they_have_put_the_phone_down() -> None:
    call = asked().keys("2", leg="leg-ana")
    assert call.heard == ["agent_code_thanks"]
    assert call.disposition["code"] == "follow_up"
    assert call.presence["ana"] == "wrap_up"
    assert call.hangs_up("leg-ana").presence["ana"] == "available"
    assert call.did(ClearTimer)


@pytest.mark.parametrize("key", ["3", "0", "*"])
def test_any_other_key_asks_again_while_there_is_time(key: str) -> None:
    call = asked()
    assert call.keys(key, leg="leg-ana").heard[0] == "agent_code_ask"
    assert call.later(40).keys(key, leg="leg-ana").heard == ["agent_code_later"]


def test_who_keys_nothing_is_let_go_and_owes_the_code() -> None:
    call = asked().says_nothing("leg-ana")
    assert (call.heard, call.verbs[-1]) == (["agent_code_later"], "Hangup")
    assert call.call.coding == "ana"


def test_what_is_keyed_before_they_are_asked_is_no_code() -> None:
    """They were in their menu, and pressed 1 to go back to the caller as the caller hung up."""
    call = Rehearsal(pharmacy=CODED).talking().happens(DialEnded("leg-ana", "completed")).hangs_up("c")
    assert call.keys("1", leg="leg-ana").heard[0] == "agent_code_ask"
    assert (call.call.coding, call.disposition["code"]) == ("ana", None)
    assert call.keys("2", leg="leg-ana").disposition["code"] == "follow_up"


def test_who_heard_silence_as_the_caller_left_is_asked_all_the_same() -> None:
    """Their room had ended and nobody knew why yet: they were let wait for a moment."""
    call = Rehearsal(pharmacy=CODED).talking().happens(DialEnded("leg-ana", "completed")).hangs_up("c")
    assert call.says_nothing("leg-ana").heard[0] == "agent_code_ask"


def test_nobody_says_and_somebody_has_to_find_out() -> None:
    call = after_a_talk().hangs_up("leg-ana").later(30).happens(TimerDue("wrap_up"))
    assert call.disposition["code"] == "unresolved"
    assert [task.what for task in call.did(CreateTask)] == ["disposition_missing"]
    assert call.presence["ana"] == "available"


def test_an_agent_who_listens_to_the_codes_past_their_time_is_free_once_the_phone_is_down() -> None:
    call = asked().later(30).happens(TimerDue("wrap_up"))
    assert (call.disposition["code"], call.presence["ana"]) == ("unresolved", "wrap_up")
    assert call.keys("1", leg="leg-ana").disposition["code"] == "answered"
    assert call.hangs_up("leg-ana").presence["ana"] == "available"


def test_a_code_given_later_still_counts_and_nothing_is_asked_twice() -> None:
    call = after_a_talk().hangs_up("leg-ana").later(30).happens(TimerDue("wrap_up")).happens(TimerDue("wrap_up"))
    revision = call.disposition["revision"]
    call.later(3600).happens(Worked("ana", "answered"))
    assert call.disposition["code"] == "answered"
    assert call.disposition["revision"] == revision + 1
    assert len(call.did(CreateTask)) == 1
    assert len([move for move in call.did(MoveAgent) if move.event == "wrapped_up"]) == 1


def test_a_code_given_late_by_key_still_counts() -> None:
    call = asked().later(30).happens(TimerDue("wrap_up")).keys("1", leg="leg-ana")
    assert call.disposition["code"] == "answered"


def test_a_code_from_elsewhere_frees_who_has_hung_up() -> None:
    call = after_a_talk().hangs_up("leg-ana").happens(Worked("ben", "answered"))
    assert call.disposition["code"] == "answered"
    assert call.presence["ana"] == "available"


def test_the_wrap_up_of_another_call_is_not_ended_by_this_ones_code() -> None:
    call = after_a_talk().hangs_up("leg-ana")
    call.reasons["ana"] = "CA2"  # they have talked with somebody else since
    assert call.happens(Worked("ana", "answered")).presence["ana"] == "wrap_up"


def test_a_code_the_queue_does_not_have_changes_nothing_and_is_told_the_right_ones() -> None:
    call = after_a_talk()
    before = call.call
    because = refusal(before, Worked("ana", "refilled"), CODED)
    assert because == "`refilled` is no code of the front desk; they are answered, follow_up"
    assert call.happens(Worked("ana", "refilled")).call == before


def test_what_comes_of_a_call_is_said_when_it_is_over() -> None:
    for call in (Rehearsal(pharmacy=CODED).on_hold(), Rehearsal(pharmacy=CODED).talking()):
        assert "on the line" in str(refusal(call.call, Worked("ana", "answered"), CODED))


def test_a_queue_without_codes_asks_nobody() -> None:
    call = Rehearsal().talking().happens(DialEnded("c", "completed")).hangs_up("c")
    call.happens(DialEnded("leg-ana", "completed"))
    assert call.heard == ["agent_caller_left"]
    assert call.disposition["code"] == "resolved_agent"
    assert not [timer for timer in call.did(SetTimer) if timer.name == "wrap_up"]


def test_an_agent_who_hangs_up_first_is_asked_nothing_and_owes_the_code() -> None:
    call = Rehearsal(pharmacy=CODED).talking().later(30).hangs_up("leg-ana")
    assert (call.call.coding, call.call.resolution) == ("ana", None)
    assert call.presence["ana"] == "wrap_up"


def test_a_phone_that_could_not_be_reached_has_missed_nothing() -> None:
    call = Rehearsal().on_hold().offered_to().hangs_up("leg-ana", how="failed")
    assert [move.event for move in call.did(MoveAgent)] == ["offered", "unreached"]
    assert call.presence["ana"] == "available"
    assert call.call.ticket is not None
    assert call.call.ticket.state == "waiting"
