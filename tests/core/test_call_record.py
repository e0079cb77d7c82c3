"""The record of a call: told at a few moments, complete at the end, and added to afterwards without losing anything."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ivr.core.amending import refusal
from ivr.core.call import Answer
from ivr.core.call_record import Request, call_record
from ivr.core.effects import KeepNote, RecordCall, SendNote, WriteDisposition
from ivr.core.events import (
    Acted,
    Amended,
    DialEnded,
    Event,
    Noted,
    Recorded,
    Worked,
)
from ivr.core.rules import Grounds
from tests.core.rehearsal import NIGHT, PHARMACY, Rehearsal
from tests.core.test_wrap_up import CODED


def record(call: Rehearsal, **parts: Any) -> dict[str, Any]:
    told = call_record(call.call, call.pharmacy, 7, **parts)
    json.dumps(told)  # it is JSON through and through
    return told


def moments(call: Rehearsal) -> list[str]:
    return [effect.moment for effect in call.did(RecordCall)]


def waits(call: Rehearsal) -> list[tuple[str, int | None]]:
    return [(each["what"], each["seconds"]) for each in record(call)["waits"]]


# ---------------------------------------------------------------- when it is told


def test_a_call_that_is_talked_is_told_of_twice_before_it_ends() -> None:
    call = Rehearsal().talking()
    assert moments(call) == ["routed", "answered"]
    call.hangs_up("c")
    assert (moments(call), len(call.did(WriteDisposition))) == (["routed", "answered"], 1)


def test_who_has_proved_to_be_somebody_is_told_of_and_the_disposition_brings_the_rest() -> None:
    proved = Answer(True, {"tier": "prescription", "refill": "eligible"}, "p1", "rx1")
    call = Rehearsal(**{"prescription:0": proved}).rings().keys("1", "2", "1234567")
    assert moments(call) == ["identified"]
    call.keys("1")
    assert moments(call) == ["identified"]
    assert call.disposition["resolution"] == "refill_ordered"


def test_who_hangs_up_in_the_menu_is_told_of_once() -> None:
    assert moments(Rehearsal().rings().keys("1").hangs_up("c")) == []


def test_being_passed_on_is_told_of() -> None:
    call = Rehearsal().talking().happens(Acted("ana", "transfer", "courier"))
    assert moments(call)[-1] == "passed_on"


# ---------------------------------------------------------------- what it says


def test_every_wait_is_kept_with_its_length_and_every_talk_with_whom() -> None:
    call = Rehearsal().on_hold().later(40).offered_to().later(5).picked_up().later(3).keys("1", leg="leg-ana")
    call.later(2).moved().later(60).happens(Acted("ana", "hold")).later(30).happens(Acted("ana", "resume"))
    call.later(10).hangs_up("c")
    assert waits(call) == [("on_hold", 40), ("offered", 10), ("held", 30)]
    [talk] = record(call)["talks"]
    assert (talk["agent"], talk["as"], talk["seconds"]) == ("ana", "talk", 100)


def test_a_missed_offer_puts_them_back_on_hold_and_is_counted() -> None:
    call = Rehearsal().on_hold().later(10).offered_to().later(20).hangs_up("leg-ana", "no-answer").later(5)
    assert waits(call) == [("on_hold", 10), ("offered", 20), ("on_hold", None)]
    assert record(call)["missed_offers"] == 1


def test_what_takes_no_time_is_no_wait() -> None:
    assert waits(Rehearsal().on_hold().offered_to()) == [("offered", None)]


def test_a_message_waits_until_somebody_works_it() -> None:
    left = Rehearsal(NIGHT).rings().keys("1", "0").happens(Recorded("c", "RE1", 9)).hangs_up("c").later(300)
    assert waits(left) == [("message", None)]
    assert (record(left)["state"], record(left)["final"]) == ("left", False)
    left.happens(Worked("ana", "answered", unheard="nobody had the time"))
    assert (waits(left), record(left)["state"]) == ([("message", 300)], "closed")


def test_while_it_is_under_way_nothing_is_said_of_how_it_ended() -> None:
    told = record(Rehearsal().talking())
    assert (told["state"], told["final"], told["outcome"], told["resolution"], told["due_at"]) == (
        *("under_way", False, None, None, None),
    )
    assert (told["promise"]["kept"], told["agents"], told["ended_at"]) == (True, ["ana"], None)


def test_it_says_which_rule_sent_them_and_the_facts_that_rule_asked_about() -> None:
    call = Rehearsal().rings().keys("1", "5")
    grounds = Grounds("main.yaml", {"caller": "prescriber", "intent": "other", "waiting": 3})
    route = record(call, decided=[grounds])["route"]
    assert (route["rule"], route["file"], route["version"]) == ("Prescriber's office", "main.yaml", "v1")
    assert route["facts"] == {"caller": "prescriber"}
    assert record(call)["route"]["facts"] == {}
    assert record(Rehearsal().rings())["route"] is None


def test_otherwise_asks_nothing_and_rules_of_another_day_are_no_longer_known() -> None:
    call = Rehearsal().on_hold()
    assert record(call, decided=[Grounds("main.yaml", {"intent": "other"})])["route"]["facts"] == {}
    assert record(call, decided=[Grounds("gone.yaml", {"intent": "other"})])["route"]["facts"] == {}


def test_what_was_asked_of_the_order_system_stands_in_it() -> None:
    asked = [Request("refill", "rx1", "placed", "RQ-1")]
    assert record(Rehearsal().on_hold(), requests=asked)["requests"] == [
        {"what": "refill", "prescription": "rx1", "state": "placed", "id": "RQ-1"}
    ]


@pytest.mark.parametrize(
    ("act", "how", "why"),
    [
        (Acted("ana", "escalate"), "to_pharmacist", "clinical"),
        (Acted("ana", "transfer", "queue:verification"), "to_verification", "wrong_queue"),
        (Acted("ana", "transfer", "courier"), "to_external", None),
    ],
)
def test_whoever_is_passed_on_is_kept_with_how_why_and_by_whom(act: Event, how: str, why: str | None) -> None:
    [passed] = record(Rehearsal().talking().happens(act))["passed_on"]
    assert (passed["kind"], passed["reason"], passed["by"]) == (how, why, "ana")


def test_a_number_of_ours_that_nobody_answers_is_a_transfer_that_failed() -> None:
    call = Rehearsal().talking().happens(Acted("ana", "transfer", "courier")).later(1)
    call.moved().later(20).happens(DialEnded("c", "no-answer"))
    assert [each["kind"] for each in record(call)["passed_on"]] == ["failed"]
    assert ("put_through", 21) in waits(call)


def test_it_names_nobody() -> None:
    call = Rehearsal(number="+15555550130").on_hold().keys("1").hangs_up("c")
    assert "5550130" not in json.dumps(record(call))


# ---------------------------------------------------------------- added to afterwards


def ended() -> Rehearsal:
    return Rehearsal().on_hold().later(30).hangs_up("c")


def test_a_note_is_kept_and_told_and_changes_nothing_else() -> None:
    call = ended()
    call.happens(Noted("ana", "She will ring again.")).happens(Noted("ben", "She did."))
    assert call.did(KeepNote) == [KeepNote(1, "ana", "She will ring again."), KeepNote(2, "ben", "She did.")]
    assert [effect.nth for effect in call.did(SendNote)] == [1, 2]
    assert len(call.did(WriteDisposition)) == 1
    assert record(call)["notes"] == 2


def test_a_correction_is_a_new_revision_with_who_and_why() -> None:
    call = ended().happens(Amended("ana", {"resolution": "renewal_requested"}, "They asked for one."))
    first, second = call.did(WriteDisposition)
    assert (first.revision, first.by, second.revision, second.by) == (1, "", 2, "ana")
    assert (second.body["resolution"], second.body["next_step"], second.body["owner"]) == (
        *("renewal_requested", "prescriber_to_respond", "prescriber"),
    )
    assert call.did(KeepNote) == [KeepNote(1, "ana", "They asked for one.", 2)]
    assert first.body["resolution"] == "abandoned_queue"


def test_corrections_add_up_until_the_resolution_itself_is_corrected() -> None:
    call = ended().happens(Amended("ana", {"next_step": "document", "owner": "pharmacy"}, "Look into it."))
    call.happens(Amended("ana", {"due_at": "2026-12-01T12:00-05:00"}, "By then."))
    assert (call.disposition["owner"], call.disposition["due_at"]) == ("pharmacy", "2026-12-01T17:00:00+00:00")
    call.happens(Amended("ana", {"resolution": "wrong_number"}, "It was not us they wanted."))
    assert (call.disposition["next_step"], call.disposition["due_at"]) == ("none", None)


def test_a_code_given_later_counts_more_than_a_correction_before_it() -> None:
    call = Rehearsal(pharmacy=CODED).talking().happens(DialEnded("c", "completed")).hangs_up("c")
    call.happens(Amended("ana", {"resolution": "counselled"}, "I told him how to take it."))
    assert call.happens(Worked("ben", "follow_up")).disposition["resolution"] == "resolved_agent"
    assert call.did(WriteDisposition)[-1].by == "ben"


@pytest.mark.parametrize(
    ("event", "said"),
    [
        (Noted("ana", "  "), "a note has to be said in words"),
        (Noted("ana", "x" * 2001), "2000 letters at most"),
        (Amended("ana", {"resolution": "wrong_number"}, ""), "why it is corrected has to be said"),
        (Amended("ana", {}, "because"), "say what is corrected: resolution, next_step"),
        (Amended("ana", {"resolution": "fixed"}, "because"), "`fixed` is no resolution; there are resolved_ivr"),
        (Amended("ana", {"outcome": "answered"}, "because"), "`outcome` is not corrected here"),
        (Amended("ana", {"due_at": "tomorrow"}, "because"), "`tomorrow` is no time with its zone"),
        (Amended("ana", {"due_at": "2026-12-01T12:00"}, "because"), "is no time with its zone"),
        (Amended("ana", {"resolution": "abandoned_queue"}, "because"), "says already"),
    ],
)
def test_what_cannot_be_written_is_refused_and_changes_nothing(event: Noted | Amended, said: str) -> None:
    call = ended()
    before = call.call
    assert said in (refusal(before, event, PHARMACY) or "")
    assert call.happens(event).call == before


def test_everything_wrong_with_a_correction_is_told_at_once() -> None:
    told = refusal(ended().call, Amended("ana", {"owner": "me", "due_at": "soon"}, "because"), PHARMACY)
    assert told is not None
    assert "`me` is no owner" in told
    assert "`soon` is no time" in told


def test_what_came_of_a_call_is_not_corrected_while_they_are_there_but_may_be_noted() -> None:
    call = Rehearsal().talking()
    told = refusal(call.call, Amended("ana", {"resolution": "wrong_number"}, "because"), PHARMACY)
    assert told == "what came of a call is corrected once its caller has left"
    assert refusal(call.call, Noted("ana", "Speaks softly."), PHARMACY) is None
