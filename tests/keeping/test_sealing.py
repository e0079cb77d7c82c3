"""What tells of a caller lies sealed; keys are changed while the line runs; without the key it is said so."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import create_engine, select, text

from ivr.store import Misuse, Record, WrongKey, migrate, migrations
from ivr.store.notation import written
from ivr.store.seal import Keys, Seal
from ivr.store.tables import Sealed, messages, tables
from tests.keeping.conftest import NEW_KEY, SPOKEN, a_whole_call, change, raw
from tests.store.calls import MORNING, ROSA, SECRET_KEY, a_call, begin, known, turn

PRIVATE = (SPOKEN, "midodrine", ROSA[1:], "7654321", "RE-CA1", "RT-CA1", "nobody speaks there")


def test_nothing_of_a_caller_can_be_read_without_a_key(record: Record, kept_url: str) -> None:
    a_whole_call(record)
    found = raw(kept_url)
    assert [word for word in PRIVATE if word.encode() in found] == []
    message = record.messages.of("CA1")
    assert message is not None
    assert (message.transcript, message.recording) == (SPOKEN, "RE-CA1")
    assert record.dispositions("CA1")[0].body["note"] == SPOKEN
    assert known(record, "CA1").call.fields == {"rx_number": "7654321"}
    assert record.callbacks.rung_since(ROSA, MORNING) == 1


def test_every_key_opens_and_the_first_seals(record: Record, kept_url: str) -> None:
    a_whole_call(record)
    with closing(Record(kept_url, SECRET_KEY, NEW_KEY)) as rotated:
        assert known(rotated, "CA1").call.fields == {"rx_number": "7654321"}
        begin(rotated, a_call("CA2"))
        assert len(rotated.sealing.names()) == 2
        with pytest.raises(WrongKey, match=r"calls\.state is sealed with key [0-9a-f]{8}: add that key to RECORD_KEY"):
            record.load_call("CA2")


def test_sealed_anew_the_old_key_is_needed_no_more(record: Record, kept_url: str) -> None:
    record.sealing.begin()
    for number in range(3):
        a_whole_call(record, f"CA{number}")
    with closing(Record(kept_url, SECRET_KEY, NEW_KEY)) as rotated:
        rotated.sealing.begin()
        assert rotated.sealing.reseal() == 3 * 15
        assert rotated.sealing.reseal() == 0
    with closing(Record(kept_url, "another secret", NEW_KEY)) as alone:
        alone.sealing.begin()
        assert known(alone, "CA2").call.fields == {"rx_number": "7654321"}
    with pytest.raises(WrongKey, match="sealed with a key we do not have"):
        record.sealing.begin()


def test_a_turn_that_comes_between_is_not_undone_by_sealing_anew(record: Record, kept_url: str) -> None:
    begin(record, a_call())
    with closing(Record(kept_url, SECRET_KEY, NEW_KEY)) as rotated:
        batches = rotated.sealing._batches  # what it has read by then is old when it writes

        def read(place: Any) -> Any:
            for rows in batches(place):
                if place.what == "calls.state":
                    record.commit(turn(known(record, "CA1"), event='{"event":"meanwhile"}'))
                yield rows

        rotated.sealing._batches = read  # type: ignore[method-assign]
        rotated.sealing.reseal()
        assert known(rotated, "CA1").rev == 2


def test_a_record_of_another_key_is_told_before_a_call_finds_out(record: Record, kept_url: str) -> None:
    record.sealing.begin()
    with closing(Record(kept_url, "not the key of this record at all")) as stranger:
        with pytest.raises(WrongKey, match="RECORD_KEY, or SECRET_KEY where it is empty"):
            stranger.sealing.begin()
        assert record.sealing.trouble() == ""


def test_what_was_moved_to_another_place_does_not_open(record: Record, kept_url: str) -> None:
    a_whole_call(record)
    change(kept_url, "UPDATE messages SET transcript = recording")
    with pytest.raises(WrongKey, match=r"messages\.transcript is not as it was sealed"):
        record.messages.of("CA1")


@given(st.text(), st.lists(st.text(min_size=1).filter(lambda key: "," not in key and key.strip()), max_size=3))
def test_what_any_key_has_sealed_any_later_list_with_it_opens(words: str, later: list[str]) -> None:
    sealed = Keys("secret", "first").seal("calls.state", words)
    assert Keys("secret", ",".join([*later, "first"])).open("calls.state", sealed) == words


def test_every_place_of_private_words_is_sealed() -> None:
    """Whoever adds a column for a number, for words or for a reference of the carrier's adds it here."""
    columns = [column for table in tables.sorted_tables for column in table.columns]
    sealed = {column.type.what for column in columns if isinstance(column.type, Sealed)}
    assert sealed == {
        *("calls.state", "legs.number", "journal.event", "effects.body", "answers.body", "dispositions.body"),
        *("revisions.body", "notes.words", "order_events.data"),
        *("messages.recording", "messages.transcript", "messages.items", "messages.unheard", "recordings.recording"),
    }


LEFT_BY_0010 = (
    """INSERT INTO calls (id, rev, line, site, version, state, phase, arrived_at, live)
       VALUES ('CA1', 1, 'main', 'central', 'v1', :state, 'flow', 0, TRUE)""",
    """INSERT INTO legs (token, call_id, kind, state, number, created_at)
       VALUES ('leg-1', 'CA1', 'callback', 'over', :number, 5)""",
    "INSERT INTO journal (call_id, seq, at, event, reasons, version) VALUES ('CA1', 1, 0, '{}', '[]', 'v1')",
    """INSERT INTO messages (call_id, site, recording, kind, seconds, left_at, heard, flags, transcript)
       VALUES ('CA1', 'central', 'RE1', 'voicemail', 3, 0, 'kept', '[]', :said)""",
)


def left_by_0010(url: str) -> None:
    """A record as the version before the seals left it."""
    engine = create_engine(url)
    with engine.begin() as connection:
        config = Config(attributes={"connection": connection})
        config.set_main_option("script_location", str(Path(migrations.__file__).parent))
        command.upgrade(config, "0010")
        state = written(a_call(tapes={"leg-CA1": "RT1"}, fields={"rx_number": "7654321"}))
        values = {"state": state, "number": ROSA, "said": Seal(SECRET_KEY).close("CA1", SPOKEN)}
        for row in LEFT_BY_0010:
            connection.execute(text(row), {name: value for name, value in values.items() if f":{name}" in row})
    engine.dispose()


def test_what_an_earlier_version_left_in_plain_text_is_sealed(database_url: str) -> None:
    left_by_0010(database_url)
    with pytest.raises(Misuse, match="run `ivr migrate`"):
        migrate(database_url)
    migrate(database_url, SECRET_KEY)
    with closing(Record(database_url, SECRET_KEY)) as record:
        assert known(record, "CA1").call.fields == {"rx_number": "7654321"}
        assert [line.event for line in record.journal("CA1")] == ["{}"]
        assert [sound.recording for sound in record.recordings.of("CA1")] == ["RT1"]
        assert record.callbacks.rung_since(ROSA, MORNING.replace(year=1969)) == 1
        [(said,)] = record._database.rows(select(messages.c.transcript))
        assert said == SPOKEN
    assert [word for word in ("7654321", ROSA[1:], "RT1") if word.encode() in raw(database_url)] == []
