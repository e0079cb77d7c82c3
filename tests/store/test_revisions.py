"""What was said of a call over time: every revision stays, and what staff wrote lies sealed."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import create_engine, text

from ivr.core.effects import CreateTask, KeepNote, RecordCall, RequestRefill, SendNote, WriteDisposition
from ivr.store import REFUSED, Conflict, Record
from tests.store.calls import a_call, after, begin, known, turn

SAID = {"final": True, "outcome": "answered", "resolution": "unresolved"}
WORDS = "Her daughter Marguerite will ring again."


def test_a_later_revision_takes_nothing_from_the_earlier_ones(record: Record) -> None:
    begin(record, a_call(), does=(WriteDisposition(1, SAID),))
    better = {**SAID, "resolution": "refill_ordered"}
    record.commit(turn(known(record, "CA1"), after(60), does=(WriteDisposition(2, better, "ana"),)))
    first, second = record.revisions.of("CA1")
    assert (first.revision, first.by, first.body) == (1, "", SAID)
    assert (second.revision, second.by, second.body, second.at) == (2, "ana", better, after(60))
    assert record.dispositions("CA1")[0].body == better


def test_a_revision_is_written_once(record: Record) -> None:
    begin(record, a_call(), does=(WriteDisposition(1, SAID),))
    again = turn(known(record, "CA1"), after(60), does=(WriteDisposition(1, {**SAID, "outcome": "failed"}),))
    with pytest.raises(Conflict):
        record.commit(again)
    assert [each.body for each in record.revisions.of("CA1")] == [SAID]


def test_a_note_is_read_back_and_lies_sealed(record: Record, migrated_url: str) -> None:
    begin(record, a_call(notes=1), does=(KeepNote(1, "ana", WORDS, 2), SendNote(1)))
    [note] = record.revisions.notes("CA1")
    assert (note.nth, note.by, note.revision, note.words) == (1, "ana", 2, WORDS)
    assert record.revisions.note("CA1", 1) == note
    assert record.revisions.note("CA1", 2) is None
    assert "Marguerite" not in repr(note)
    assert b"Marguerite" not in _everything(migrated_url)


def _everything(url: str) -> bytes:
    engine = create_engine(url)
    with engine.connect() as connection:
        tables = ("notes", "revisions", "calls", "journal", "effects", "audit")
        rows = [row for table in tables for row in connection.execute(text(f"SELECT * FROM {table}"))]
    engine.dispose()
    return b" ".join(bytes(each) if isinstance(each, bytes) else str(each).encode() for row in rows for each in row)


# ---------------------------------------------------------------- what the order system was told


def test_what_was_asked_for_is_told_with_what_came_of_it(record: Record) -> None:
    asked = [RequestRefill(f"rx{number}") for number in range(5)]
    begin(record, a_call(), does=(*asked, CreateTask("voicemail")))
    record.outbox.done("CA1.1.0", "RQ-1")
    record.outbox.done("CA1.1.1", f"{REFUSED}TA-1")
    record.outbox.done("CA1.1.2", "already_in_process")
    record.outbox.dead("CA1.1.3", "http_422")
    assert [(each.state, each.id) for each in record.outbox.requests("CA1")] == [
        ("placed", "RQ-1"),
        ("refused", "TA-1"),
        ("placed", None),
        ("refused", None),
        ("pending", None),
    ]
    assert [(each.kind, each.state) for each in record.outbox.told("CA1")][3:] == [
        ("RequestRefill", "dead"),
        ("RequestRefill", "due"),
        ("CreateTask", "due"),
    ]


def test_a_record_told_late_is_overtaken_by_the_next(record: Record) -> None:
    loaded = begin(record, a_call(), does=(RecordCall("identified"),))
    record.commit(turn(loaded, after=replace(loaded.call, person="p1"), does=(RecordCall("routed"),)))
    first, second = (record.outbox.effect(name) for name in ("CA1.1.0", "CA1.2.0"))
    assert first is not None
    assert second is not None
    assert (record.outbox.is_overtaken(first), record.outbox.is_overtaken(second)) == (True, False)
    record.outbox.done(second.id)
    assert not record.outbox.is_overtaken(first)
