"""A turn is kept whole or not at all, and only once."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from typing import Any, get_args

import pytest
from cryptography.exceptions import InvalidTag

from ivr.core.call import Answer, Leg
from ivr.core.effects import (
    ClearTimer,
    CloseShared,
    CreateTask,
    DeleteRecording,
    Effect,
    EndLeg,
    Inquire,
    KeepItems,
    KeepNote,
    KeepTranscript,
    LookAfter,
    MoveAgent,
    MoveCaller,
    MoveLeg,
    PlaceCall,
    RecordCall,
    RememberAccess,
    RememberLanguage,
    RequestRefill,
    RequestRenewal,
    SendNote,
    SendText,
    SetParticipant,
    SetTape,
    SetTimer,
    Transcribe,
    WriteDisposition,
)
from ivr.store import Conflict, Record, Taken, Turn, migrate
from tests.store.calls import (
    MORNING,
    ROSA,
    SECRET_KEY,
    WHY,
    a_call,
    a_full_call,
    a_ticket,
    after,
    an_offer,
    begin,
    known,
    turn,
)

EVERY_EFFECT: tuple[Effect, ...] = (
    PlaceCall("leg-2", "+15550111", 15, 1),
    MoveCaller("leg-CA1", 2),
    MoveLeg("leg-CA1", 2),
    EndLeg("leg-2"),
    Inquire("who"),
    RequestRefill("RX-1"),
    CreateTask("message", urgent=True),
    WriteDisposition(1, {"final": True, "outcome": "answered"}),
    RecordCall("routed"),
    KeepNote(1, "ana", "They will ring again."),
    SendNote(1),
    MoveAgent("ana", "offered"),
    SetTimer("plan:1", after(30)),
    ClearTimer("plan:1"),
    RememberLanguage("es"),
    RememberAccess("slow"),
    RequestRenewal("RX-1"),
    SendText("hours_text", {"opens": "08:00"}),
    CloseShared("CA0", a_ticket("T0", "CA1", kind="callback", state="closed"), "callback_completed"),
    SetParticipant("leg-CA1"),
    SetTape("leg-CA1"),
    LookAfter("leg-CA1"),
    KeepTranscript("call me back"),
    KeepItems({"medicine": "lisinopril"}),
    Transcribe("RE1"),
    DeleteRecording("RE1"),
)


# ---------------------------------------------------------------- what comes back


def test_a_call_comes_back_as_it_was_left(record: Record) -> None:
    call = a_full_call()

    begin(record, call)

    assert known(record, "CA1").call == call


def test_a_leg_loads_its_call_and_who_owns_it(record: Record) -> None:
    call = a_call()
    begin(record, call)

    loaded = record.load("leg-CA1", 1, "next")

    assert loaded is not None
    assert (loaded.call, loaded.rev, loaded.call_sid, loaded.reply, loaded.documents) == (call, 1, "CA1", None, 1)
    assert record.leg_of_sid("CA1") == "leg-CA1"


def test_a_leg_or_a_call_nobody_made_is_none(record: Record) -> None:
    assert record.load("leg-CA1", 1, "next") is None
    assert record.load_call("CA1") is None
    assert record.leg_of_sid("CA1") is None
    assert record.replies_for("leg-CA1", 1) == []


def test_a_second_delivery_gets_the_same_reply(record: Record) -> None:
    loaded = begin(record, a_call())

    record.commit(turn(loaded, leg="leg-CA1", n=1, exit="next", reply="<Response>¿Qué tal?</Response>"))

    again = record.load("leg-CA1", 1, "next")
    assert again is not None
    assert again.reply == "<Response>¿Qué tal?</Response>"


def test_a_document_is_the_reply_it_was_reserved_for_or_that_of_an_exit_before_it(record: Record) -> None:
    loaded = begin(record, a_call())
    record.commit(turn(loaded, leg="leg-CA1", n=1, exit="next", reply="second"))
    record.commit(turn(known(record, "CA1"), leg="leg-CA1", n=2, exit="after", reply="a notice"))
    record.commit(turn(known(record, "CA1"), leg="leg-CA1", n=3, exit="moved", reply="third"))

    assert record.replies_for("leg-CA1", 2) == ["second"]
    assert record.replies_for("leg-CA1", 3) == ["third", "a notice"]
    assert record.replies_for("leg-CA1", 4) == []


def test_the_journal_keeps_every_turn_with_its_reasons(record: Record) -> None:
    loaded = begin(record, a_call())
    record.commit(turn(loaded, after(5), leg="leg-CA1", event='{"keyed": 1}', why=WHY))

    first, second = record.journal("CA1")

    assert (first.seq, first.at, first.why) == (1, MORNING, ())
    assert (second.seq, second.at, second.leg, second.event) == (2, after(5), "leg-CA1", '{"keyed": 1}')
    assert (second.why, second.version) == (WHY, "v1")


def test_an_answer_is_kept_for_its_call_and_a_later_one_takes_its_place(record: Record) -> None:
    record.keep_answer("CA1", "who", Answer(False), MORNING)
    record.keep_answer("CA1", "who", Answer(True, {"caller": "patient"}, "P-7"), after(1))
    record.keep_answer("CA2", "who", Answer(False), MORNING)

    assert record.answers("CA1") == {"who": Answer(True, {"caller": "patient"}, "P-7")}


# ---------------------------------------------------------------- all or nothing


def _fills_every_table(call_sid: str | None = None) -> dict[str, Any]:
    call = a_full_call()
    legs = call.legs | {"leg-2": Leg("leg-2", "agent", "expected", 1, "+15550111", "O1")}
    return {
        "after": replace(call, legs=legs),
        "leg": "leg-CA1",
        "n": 1,
        "exit": "next",
        "reply": "reply",
        "does": EVERY_EFFECT,
        "call_sid": call_sid,
    }


def test_a_turn_keeps_everything_it_did(staffed: Record) -> None:
    loaded = begin(staffed, a_call())

    staffed.commit(turn(loaded, **_fills_every_table()))

    assert known(staffed, "CA1").rev == 2
    assert staffed.outbox.pending() == {"place": 1, "text": 1, "telephony": 9, "orders": 7}
    assert staffed.desk.agents()["ana"].presence == "offered"
    assert staffed.desk.waiting("central") == [a_full_call().ticket]
    assert staffed.remembered(ROSA) == {"language": "es", "access": "slow"}
    assert [line.body for line in staffed.dispositions("CA1")] == [{"final": True, "outcome": "answered"}]


def test_a_turn_refused_at_its_last_word_leaves_nothing(staffed: Record) -> None:
    loaded = begin(staffed, a_call())
    parts = _fills_every_table()
    parts["does"] = (*EVERY_EFFECT, MoveAgent("ben", "returned"))

    with pytest.raises(Conflict):
        staffed.commit(turn(loaded, **parts))

    assert known(staffed, "CA1") == loaded
    assert len(staffed.journal("CA1")) == 1
    assert staffed.replies_for("leg-CA1", 1) == []
    assert staffed.load("leg-2", 1, "moved") is None
    assert (staffed.outbox.pending(), staffed.timers.due(after(60))) == ({}, [])
    assert (staffed.desk.waiting("central"), staffed.remembered(ROSA)) == ([], {})
    assert {agent.presence for agent in staffed.desk.agents().values()} == {"available"}
    assert staffed.dispositions("CA1") == []


def test_a_turn_refused_by_a_constraint_leaves_nothing(record: Record) -> None:
    loaded = begin(record, a_call())
    record.commit(turn(loaded, leg="leg-CA1", n=1, exit="next", reply="first"))
    now = known(record, "CA1")

    with pytest.raises(Conflict):
        record.commit(turn(now, leg="leg-CA1", n=1, exit="next", reply="second", does=(Inquire("who"),)))

    assert known(record, "CA1") == now
    assert record.replies_for("leg-CA1", 2) == ["first"]
    assert (len(record.journal("CA1")), record.outbox.pending()) == (2, {})


def test_every_effect_has_a_lane_or_is_our_own() -> None:
    assert {type(effect) for effect in EVERY_EFFECT} == set(get_args(Effect))


# ---------------------------------------------------------------- only once


def test_whoever_commits_second_on_the_same_rev_must_step_again(record: Record) -> None:
    loaded = begin(record, a_call())
    record.commit(turn(loaded, after=replace(loaded.call, language="es")))

    with pytest.raises(Conflict):
        record.commit(turn(loaded, after=replace(loaded.call, language="en")))

    assert known(record, "CA1").call.language == "es"


def test_a_call_begins_once(record: Record) -> None:
    begin(record, a_call())

    with pytest.raises(Conflict):
        record.commit(Turn(None, 0, a_call(), MORNING, "{}", "leg-CA1", call_sid="CA1"))


def test_a_leg_rung_for_one_is_not_given_to_another(record: Record) -> None:
    rung = Leg("leg-2", "agent", "expected", 1, "+15550111", "O1")
    loaded = begin(record, a_call(legs=a_call().legs | {"leg-2": rung}))
    record.bind_sid("leg-2", "CA2")

    record.bind_sid("leg-2", "CA2")
    with pytest.raises(Taken):
        record.bind_sid("leg-2", "CA3")
    with pytest.raises(Taken):
        record.commit(turn(loaded, leg="leg-2", n=1, exit="moved", reply="whisper", call_sid="CA3"))

    assert known(record, "CA1") == loaded
    assert record.leg_of_sid("CA2") == "leg-2"


def test_a_call_sid_owns_one_leg(record: Record) -> None:
    rung = Leg("leg-2", "agent", "expected", 1, "+15550111", "O1")
    loaded = begin(record, a_call(legs=a_call().legs | {"leg-2": rung}))

    with pytest.raises(Taken):
        record.bind_sid("leg-2", "CA1")
    with pytest.raises(Taken):
        record.commit(turn(loaded, leg="leg-2", n=1, exit="moved", reply="whisper", call_sid="CA1"))


def test_threads_racing_for_one_call_lose_no_turn(record: Record) -> None:
    begin(record, a_call(misses=0))

    threads = [threading.Thread(target=_miss, args=(record, 50)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert (known(record, "CA1").rev, known(record, "CA1").call.misses) == (201, 200)
    assert [line.seq for line in record.journal("CA1")] == list(range(1, 202))


def _miss(record: Record, times: int) -> None:
    while times:
        loaded = known(record, "CA1")
        try:
            record.commit(turn(loaded, after=replace(loaded.call, misses=loaded.call.misses + 1)))
        except Conflict:
            continue
        times -= 1


# ---------------------------------------------------------------- offers and presence


def _put_to(record: Record, call_id: str, agent: str) -> None:
    loaded = begin(record, a_call(call_id, ticket=a_ticket(f"T-{call_id}", call_id)))
    offer = an_offer(f"O-{call_id}", f"T-{call_id}", agent)
    record.commit(turn(loaded, after=replace(loaded.call, offers=(offer,))))


def test_an_agent_has_one_offer_at_a_time(record: Record) -> None:
    _put_to(record, "CA1", "ana")

    with pytest.raises(Conflict):
        _put_to(record, "CA2", "ana")

    _put_to(record, "CA3", "ben")


def test_an_offer_that_ends_makes_room_for_the_next_in_the_same_turn(record: Record) -> None:
    _put_to(record, "CA1", "ana")
    loaded = known(record, "CA1")
    missed = replace(loaded.call.offers[0], state="missed")

    record.commit(turn(loaded, after=replace(loaded.call, offers=(an_offer("O2", "T-CA1"), missed))))

    assert [(call, offer.id) for call, offer in record.desk.open_offers()] == [("CA1", "O2")]


def test_a_ticket_is_taken_by_one_agent(record: Record) -> None:
    offers = (an_offer("O1", agent="ana"), an_offer("O2", agent="ben"))
    loaded = begin(record, a_call(ticket=a_ticket(), offers=offers))
    both = tuple(replace(offer, state="accepted") for offer in offers)

    with pytest.raises(Conflict):
        record.commit(turn(loaded, after=replace(loaded.call, offers=both)))

    record.commit(turn(loaded, after=replace(loaded.call, offers=(both[0], offers[1]))))


@pytest.mark.parametrize("event", ["returned", "vanished"])
def test_presence_moves_only_by_its_table(staffed: Record, event: str) -> None:
    loaded = begin(staffed, a_call())

    with pytest.raises(Conflict):
        staffed.commit(turn(loaded, does=(MoveAgent("ana", event),)))


def test_nobody_knows_this_agent(staffed: Record) -> None:
    with pytest.raises(Conflict):
        staffed.commit(turn(begin(staffed, a_call()), does=(MoveAgent("eve", "offered"),)))


def test_an_agent_may_move_twice_in_a_turn(staffed: Record) -> None:
    moves = (MoveAgent("ana", "offered"), MoveAgent("ana", "missed", "missed"))

    staffed.commit(turn(begin(staffed, a_call()), after(15), does=moves))

    ana = staffed.desk.agents()["ana"]
    assert (ana.presence, ana.reason, ana.since) == ("on_break", "missed", after(15))


# ---------------------------------------------------------------- legs, privacy, forgetting


def test_replies_are_unreadable_at_rest_and_open_for_their_leg_only(tmp_path: Any) -> None:
    url = f"sqlite:///{tmp_path / 'rxline.db'}"
    with closing(_record(url)) as record:
        begin(record, a_call(), n=0, exit="next", reply="Your metformin is ready")
        assert record.replies_for("leg-CA1", 1) == ["Your metformin is ready"]
    with closing(sqlite3.connect(tmp_path / "rxline.db")) as stored:
        [(sealed,)] = stored.execute("SELECT reply FROM replies").fetchall()
        stored.execute("UPDATE replies SET leg = 'leg-other'")
        stored.commit()

    assert b"metformin" not in sealed
    with closing(Record(url, SECRET_KEY)) as record, pytest.raises(InvalidTag):
        record.replies_for("leg-other", 1)


def test_a_number_is_remembered_without_being_kept(tmp_path: Any) -> None:
    url = f"sqlite:///{tmp_path / 'rxline.db'}"
    with closing(_record(url)) as record:
        record.commit(turn(begin(record, a_call()), does=(RememberLanguage("es"),)))
        assert (record.remembered(ROSA), record.remembered("+15550199")) == ({"language": "es"}, {})
        assert record.calls_from(MORNING, number=ROSA) == 1
    with closing(sqlite3.connect(tmp_path / "rxline.db")) as stored:
        keys = stored.execute("SELECT number_key FROM callers UNION SELECT caller_key FROM calls").fetchall()

    assert len(keys) == 1
    assert ROSA[1:] not in keys[0][0]


def test_a_number_is_remembered_by_its_pace_or_its_language_whichever_was_chosen_last(record: Record) -> None:
    loaded = begin(record, a_call())

    record.commit(turn(loaded, does=(RememberAccess("slow"),)))
    assert record.remembered(ROSA) == {"access": "slow"}

    record.commit(turn(known(record, "CA1"), does=(RememberLanguage("es"),)))
    record.commit(turn(known(record, "CA1"), does=(RememberAccess("relay"),)))
    assert record.remembered(ROSA) == {"language": "es", "access": "relay"}


def test_what_a_text_speaks_of_is_unreadable_at_rest_and_comes_back_whole(record: Record) -> None:
    text = SendText("code_text", {"code": "604938"}, "es")
    record.commit(turn(begin(record, a_call()), does=(text,)))

    [row] = record.outbox.due("text")

    assert "604938" not in str(row)
    assert record.text_of(row) == text


def _record(url: str) -> Record:
    migrate(url)
    return Record(url, SECRET_KEY)


def test_a_caller_without_a_number_is_not_remembered_and_has_no_earlier_calls(record: Record) -> None:
    loaded = begin(record, a_call(caller=type(a_call().caller)()))

    record.commit(turn(loaded, does=(RememberLanguage("es"), RememberAccess("slow"))))

    assert record.calls_from(MORNING, number=None) == 0


def test_a_turn_that_keeps_a_reply_names_its_exit(record: Record) -> None:
    with pytest.raises(ValueError, match="exit"):
        record.commit(turn(begin(record, a_call()), leg="leg-CA1", reply="reply"))


def test_replies_are_forgotten_once_their_leg_has_long_been_over(record: Record) -> None:
    loaded = begin(record, a_call(), n=0, exit="next", reply="reply")
    begin(record, a_call("CA2"), n=0, exit="next", reply="still talking")
    over = {"leg-CA1": Leg("leg-CA1", "caller", "over", 1)}
    record.commit(turn(loaded, after(60), after=replace(loaded.call, legs=over)))

    too_soon, then = record.forget_replies(after(60)), record.forget_replies(after(61))

    assert (too_soon, then) == (0, 1)
    assert (record.replies_for("leg-CA1", 1), record.replies_for("leg-CA2", 1)) == ([], ["still talking"])


def test_legs_we_have_not_heard_from_are_found(record: Record) -> None:
    over = {"leg-CA3": Leg("leg-CA3", "caller", "over")}
    for call in (a_call("CA1"), a_call("CA2"), a_call("CA3", legs=over)):
        begin(record, call)
    record.commit(turn(known(record, "CA2"), after(100), leg="leg-CA2"))

    silent = record.legs_not_over(120, after(150))

    assert [(leg.token, leg.call_id, leg.call_sid, leg.created_at) for leg in silent] == [
        ("leg-CA1", "CA1", "CA1", MORNING)
    ]
    assert {leg.token for leg in record.legs_not_over(120, after(300))} == {"leg-CA1", "leg-CA2"}


# ---------------------------------------------------------------- calls and dispositions


def test_a_call_over_lives_on_while_its_ticket_does(record: Record) -> None:
    begin(record, a_call("CA1", phase="over"))
    begin(record, a_call("CA2", phase="over", ticket=a_ticket("T2", "CA2", kind="callback")))
    begin(record, a_call("CA3"))

    assert {call.id for call in record.live_calls()} == {"CA2", "CA3"}

    loaded = known(record, "CA2")
    closed = replace(loaded.call, ticket=a_ticket("T2", "CA2", kind="callback", state="closed"))
    record.commit(turn(loaded, after=closed))
    assert {call.id for call in record.live_calls()} == {"CA3"}


def test_earlier_calls_are_counted_by_person_else_by_number(record: Record) -> None:
    begin(record, a_call("CA1", person="P-7", arrived_at=after(-600)))
    begin(record, a_call("CA2", arrived_at=after(-300)))
    loaded = begin(record, a_call("CA3"))
    record.commit(turn(loaded, after=replace(loaded.call, person="P-7")))

    assert record.calls_from(after(-600), number=ROSA, besides="CA3") == 2
    assert record.calls_from(after(-599), number=ROSA, besides="CA3") == 1
    assert record.calls_from(after(-600), number=ROSA, person="P-7", besides="CA3") == 1
    assert record.calls_from(after(-600), person="P-7") == 2
    assert record.calls_from(after(-600), number="+15550199") == 0


def test_a_disposition_is_one_row_whose_revision_rises(record: Record) -> None:
    loaded = begin(record, a_call())
    record.commit(turn(loaded, does=(WriteDisposition(1, {"final": False, "outcome": "callback"}),)))
    record.commit(turn(known(record, "CA1"), does=(WriteDisposition(2, {"final": True, "outcome": "answered"}),)))

    [disposition] = record.dispositions()

    assert (disposition.call_id, disposition.revision, disposition.final) == ("CA1", 2, True)
    assert (disposition.body["outcome"], disposition.written_revision) == ("answered", 0)
    assert record.dispositions("CA2") == []


def test_a_revision_of_a_disposition_is_written_once(record: Record) -> None:
    loaded = begin(record, a_call())
    record.commit(turn(loaded, does=(WriteDisposition(1, {}),)))

    with pytest.raises(Conflict):
        record.commit(turn(known(record, "CA1"), does=(WriteDisposition(1, {}),)))


# ---------------------------------------------------------------- what a turn costs


@pytest.fixture
def statements(tmp_path: Any) -> Iterator[tuple[Record, list[str]]]:
    """A record on SQLite and everything it says to it."""
    record = _record(f"sqlite:///{tmp_path / 'rxline.db'}")
    begin(record, a_call())
    said: list[str] = []
    record._database._idle[0].set_trace_callback(said.append)
    yield record, said
    record.close()


def test_a_menu_key_is_one_select_and_three_writes(statements: tuple[Record, list[str]]) -> None:
    record, said = statements

    loaded = record.load("leg-CA1", 1, "next")
    assert loaded is not None
    legs = {"leg-CA1": Leg("leg-CA1", "caller", documents=2)}
    stepped = replace(loaded.call, legs=legs, facts={"intent": "refill_request"})
    record.commit(turn(loaded, after=stepped, leg="leg-CA1", n=1, exit="next", reply="reply", why=WHY))

    assert [" ".join(words.split()[:2]) for words in said] == [
        "SELECT calls.state,",
        "BEGIN IMMEDIATE",
        "UPDATE calls",
        "INSERT INTO",
        "INSERT INTO",
        "COMMIT",
    ]
