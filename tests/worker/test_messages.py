"""Messages at the edges: staff at once, a transcript looked up, and what is deleted at the provider."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from ivr.core.call import Call
from ivr.core.events import Recorded, TimerDue, Transcribed
from ivr.core.heard import Heard
from ivr.core.pharmacy import Pharmacy
from ivr.presence import Refused
from ivr.store import Conflict, EffectRow
from ivr.store.effects import LANES
from ivr.telephony.rest import Unknown
from tests.core.rehearsal import NIGHT
from tests.worker.conftest import Opened
from tests.worker.shop import Shop
from tests.worker.test_jobs import run
from tests.worker.test_sweep import NOTHING, sweep

WORDS = "my chest hurts"


class AllDanger:
    """A listener to whom everything is an emergency."""

    def understand(self, words: str, language: str | None, pharmacy: Pharmacy) -> Heard:
        return Heard("adverse_reaction", "emergency", False, 0.9, ("red flag `chest hurts` (built-in/en.yaml:1)",))


def leaves(shop: Shop, name: str = "CA1") -> Call:
    """A message is left in a call."""
    shop.in_line(name)
    shop.change(name, phase="message", fields={"message_queue": "front_desk"})
    shop.tell(name, Recorded(f"leg-{name}", f"RE-{name}", 12))
    loaded = shop.record.load_call(name)
    assert loaded is not None
    return loaded.call


def ends(shop: Shop, name: str = "CA1") -> None:
    call = leaves(shop, name)
    shop.change(name, legs={token: replace(leg, state="over") for token, leg in call.legs.items()})


# ---------------------------------------------------------------- staff


def test_whoever_plays_a_message_is_kept_and_gets_the_recording(shop: Shop) -> None:
    ends(shop)
    message = shop.board.deeds.play_message("CA1", "ana")
    assert (message.recording, message.played_by) == ("RE-CA1", ("ana",))


def test_a_message_is_played_closed_and_gone_from_the_list(shop: Shop) -> None:
    ends(shop)
    with pytest.raises(Refused, match="nobody has heard"):
        shop.board.deeds.close_message("CA1", "ana", "resolved_agent")
    shop.board.deeds.play_message("CA1", "ana")
    shop.board.deeds.close_message("CA1", "ana", "resolved_agent")
    assert shop.record.messages.open("central") == []
    with pytest.raises(Refused, match="`ana` has closed"):
        shop.board.deeds.close_message("CA1", "ana", "resolved_agent")


def test_only_a_prescription_is_confirmed(shop: Shop) -> None:
    ends(shop)
    with pytest.raises(Refused, match="only a prescription"):
        shop.board.deeds.confirm_message("CA1", "ana")


def test_a_message_becomes_a_callback(shop: Shop) -> None:
    ends(shop)
    shop.board.deeds.call_back_message("CA1", "ana")
    [ticket] = shop.record.desk.waiting("central")
    assert ticket.kind == "callback"


def test_a_call_nobody_knows_has_no_message(shop: Shop) -> None:
    with pytest.raises(LookupError):
        shop.board.deeds.play_message("CA9", "ana")


def test_who_is_too_late_is_told_who_was_faster(opened: Opened) -> None:
    shop = opened("ana", "bea")
    ends(shop)
    for agent in ("ana", "bea"):
        shop.board.deeds.play_message("CA1", agent)
    commit, others = shop.record.commit, iter((True,))

    def somebody_is_faster(turn: object) -> None:
        if next(others, False):
            shop.board.deeds.close_message("CA1", "bea", "resolved_agent")
        commit(turn)  # type: ignore[arg-type]

    shop.board.record = _Committing(shop.board.record, somebody_is_faster)  # type: ignore[assignment]
    with pytest.raises(Refused, match="`bea` has closed"):
        shop.board.deeds.close_message("CA1", "ana", "resolved_agent")


def test_a_record_that_refuses_for_ever_is_not_asked_for_ever(shop: Shop) -> None:
    ends(shop)

    def refuses(turn: object) -> None:
        raise Conflict

    shop.board.record = _Committing(shop.board.record, refuses)  # type: ignore[assignment]
    with pytest.raises(Conflict):
        shop.board.deeds.play_message("CA1", "ana")


class _Committing:
    """The record, with something that happens at a commit."""

    def __init__(self, record: object, commit: Callable[[object], None]) -> None:
        self._record = record
        self.commit = commit

    def __getattr__(self, name: str) -> object:
        return getattr(self._record, name)


# ---------------------------------------------------------------- transcripts


def hears(shop: Shop) -> None:
    shop.board.tidings.transcribed(Transcribed("leg-CA1", "RE-CA1", WORDS), "CA1")


def test_danger_in_a_transcript_puts_the_message_before_all_others(shop: Shop) -> None:
    shop.board._listener = AllDanger()
    ends(shop)
    ends(shop, "CA2")
    hears(shop)
    first, second = shop.record.messages.open("central")
    assert (first.call_id, first.emergency, first.transcript) == ("CA1", True, WORDS)
    assert (second.call_id, second.emergency) == ("CA2", False)


def test_a_transcript_of_another_call_changes_nothing(shop: Shop) -> None:
    ends(shop)
    shop.board.tidings.transcribed(Transcribed("leg-CA1", "RE-CA1", WORDS), "CA666")
    shop.board.tidings.transcribed(Transcribed("leg-nobody", "RE-CA1", WORDS), "CA1")
    [message] = shop.record.messages.open("central")
    assert message.transcript is None


def test_the_words_are_in_no_journal_and_in_no_job(shop: Shop) -> None:
    ends(shop)
    hears(shop)
    assert WORDS not in " ".join(line.event for line in shop.record.journal("CA1"))
    assert all(WORDS not in repr(row) for row in shop.effects(*LANES))


@pytest.fixture
def late(opened: Opened) -> Shop:
    """A message whose transcript has not come in time."""
    shop = opened("ana", transcribed=("en",))
    ends(shop)
    shop.tell("CA1", TimerDue("message:transcript"))
    return shop


def test_a_late_transcript_is_looked_up(late: Shop) -> None:
    late.twilio.transcripts["RE-CA1"] = WORDS
    assert _result(run(late, "Transcribe")) == "done"
    [message] = late.record.messages.open("central")
    assert message.transcript == WORDS


@pytest.mark.parametrize("made", [None, ""], ids=["nobody tried", "it failed"])
def test_a_transcript_there_never_was_leaves_the_message_to_be_heard(late: Shop, made: str | None) -> None:
    if made is not None:
        late.twilio.transcripts["RE-CA1"] = made
    assert _result(run(late, "Transcribe")) == "done"
    [message] = late.record.messages.open("central")
    assert (message.transcript, message.flags) == (None, ("transcript_late",))


def test_a_provider_that_does_not_answer_is_asked_again(late: Shop) -> None:
    late.twilio.troubles.append(Unknown())
    assert _result(run(late, "Transcribe")) == "due"


def _result(row: EffectRow) -> str:
    return row.state


# ---------------------------------------------------------------- finished recordings, and old ones


def test_a_finished_recording_of_a_caller_who_is_gone_is_a_message(shop: Shop) -> None:
    shop.in_line()
    call = shop.call()
    legs = {token: replace(leg, state="over") for token, leg in call.legs.items()}
    shop.change("CA1", phase="over", ticket=None, fields={"message_queue": "front_desk"}, legs=legs)
    shop.board.tidings.recorded(Recorded("leg-CA1", "RE1", 12), "CA1")
    shop.board.tidings.recorded(Recorded("leg-CA1", "RE1", 12), "CA1")
    assert len(shop.record.messages.open("central")) == 1


def test_of_a_caller_who_is_on_the_line_it_comes_with_their_next_turn(shop: Shop) -> None:
    shop.in_line()
    shop.change("CA1", phase="message", ticket=None, fields={"message_queue": "front_desk"})
    before = shop.call()
    shop.board.tidings.recorded(Recorded("leg-CA1", "RE1", 12), "CA1")
    assert shop.call() == before


def test_what_was_worked_long_ago_is_deleted_here_and_at_the_provider(opened: Opened) -> None:
    shop = opened("ana")
    for name in ("CA1", "CA2"):
        ends(shop, name)
    shop.board.deeds.play_message("CA1", "ana")
    shop.board.deeds.close_message("CA1", "ana", "resolved_agent")
    assert sweep(shop).old_messages == 0
    shop.later(timedelta(days=91).total_seconds())
    assert sweep(shop).old_messages == 1
    assert run(shop, "DeleteRecording").state == "done"
    assert shop.twilio.requests("forget_message") == [["RE-CA1"]]
    assert sweep(shop) == replace(NOTHING, old_messages=0)
    [unworked] = shop.record.messages.open("central")
    assert unworked.call_id == "CA2"


# ---------------------------------------------------------------- the morning


def test_fifty_messages_of_the_night_keep_nobody_waiting_in_the_morning(shop: Shop) -> None:
    """Whoever rings at opening is offered to the agent at once, by promise, and hears that they are first in line."""
    opening = shop.now + timedelta(hours=22)
    for number in range(50):
        leaves(shop, f"CAnight{number}")
        call = shop.call(f"CAnight{number}")
        assert call.ticket is not None
        shop.change(call.id, ticket=replace(call.ticket, due_from=opening, arrived_at=NIGHT))
    shop.later((opening - shop.now).total_seconds())
    shop.in_line("CAmorning")
    ticket = shop.call("CAmorning").ticket
    assert ticket is not None
    assert shop.record.desk.position(ticket) == (1, 1)
    assert len(shop.record.desk.waiting("central")) == 51
    shop.dispatch.once()
    assert shop.offered() == [("CAmorning", "ana")]
