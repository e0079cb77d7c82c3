"""Messages on the core alone: what becomes of one, whatever is said in it and whenever its transcript comes."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.core import mailbox
from ivr.core.effects import (
    CreateTask,
    DeleteRecording,
    KeepItems,
    KeepTranscript,
    SendText,
    SetTimer,
    Transcribe,
)
from ivr.core.events import (
    CalledBack,
    Confirmed,
    Event,
    KeptLongEnough,
    Played,
    Recorded,
    Silent,
    TimerDue,
    Transcribed,
    Worked,
)
from ivr.core.flows import CheckMedicine, Collect, Flow, Menu, Option, TakeMessage
from ivr.core.heard import Heard
from ivr.core.line import Agent
from ivr.core.pharmacy import Pharmacy
from ivr.core.verbs import Record
from tests.core.rehearsal import LINE, NIGHT, OPEN, PHARMACY, QUEUES, Rehearsal

DANGER = Heard("adverse_reaction", "emergency", False, 0.9, ("red flag `chest pain` (built-in/en.yaml:1)",))
DOUBT = Heard("other", "routine", True, 0.6, ("sounds like an emergency (35%)",))
HARMLESS = Heard("order_status", "routine", False, 0.9, ("sounds like order_status (90%)",))
ENGLISH = replace(PHARMACY, policies=replace(PHARMACY.policies, transcribed=("en",)))
WORDS = "please call me about the parcel"


def staffed(pharmacy: Pharmacy = ENGLISH) -> Pharmacy:
    everywhere = frozenset(QUEUES)
    people = {
        "ana": Agent("ana", "Ana", "central", "+15555550110", queues=everywhere, licensed=True),
        "ben": Agent("ben", "Ben", "central", "+15555550111", queues=everywhere, licensed=True),
        "tom": Agent("tom", "Tom", "central", "+15555550112", queues=everywhere),
        "sue": Agent("sue", "Sue", "central", "+15555550113", licensed=True, role="supervisor"),
        "eve": Agent("eve", "Eve", "central", "+15555550114", queues=frozenset({"billing"})),
        "abe": Agent("abe", "Abe", "central", "+15555550115", role="auditor"),
        "far": Agent("far", "Far", "elsewhere", "+15555550116", queues=everywhere, licensed=True, role="admin"),
    }
    return replace(pharmacy, staff=people)


def left(at=NIGHT, pharmacy: Pharmacy = ENGLISH, seconds: int = 12, **answers: object) -> Rehearsal:
    call = Rehearsal(at, pharmacy=staffed(pharmacy), **answers)  # type: ignore[arg-type]
    if at is OPEN:  # in office hours a caller on hold may choose it
        call.on_hold()
        call.call = replace(call.call, phase="dialogue", dialogue="nobody")
        return call.says_nothing().happens(Recorded("c", "RE1", seconds)).hangs_up()
    return call.rings().keys("1", "0").happens(Recorded("c", "RE1", seconds)).hangs_up()


def heard(call: Rehearsal, heard: Heard | None = HARMLESS, words: str = WORDS) -> Rehearsal:
    return call.happens(Transcribed("c", "RE1", words, heard))


def refused(call: Rehearsal, event: mailbox.Work) -> str | None:
    return mailbox.refusal(call.call, event, call.pharmacy)


def tasks(call: Rehearsal) -> list[tuple[str, bool]]:
    return [(task.what, task.urgent) for task in call.did(CreateTask)]


class TestTheTranscript:
    def test_is_asked_for_where_the_provider_can_make_one(self):
        for language, is_transcribed in (("1", True), ("2", False)):
            says = Rehearsal(NIGHT, pharmacy=ENGLISH).rings().keys(language, "0").last.says or ()
            assert says[-1] == Record(120, is_transcribed)

    def test_is_kept_and_nowhere_in_the_call(self):
        call = heard(left())
        assert call.did(KeepTranscript) == [KeepTranscript(WORDS)]
        assert call.call.message.transcript == "kept"
        assert WORDS not in repr(call.call)

    def test_told_twice_it_is_kept_once(self):
        assert len(heard(heard(left())).did(KeepTranscript)) == 1

    def test_of_another_recording_changes_nothing(self):
        call = left()
        before = call.call
        assert call.happens(Transcribed("c", "RE2", WORDS, DANGER)).call == before

    def test_on_a_leg_nobody_has_changes_nothing(self):
        call = left()
        before = call.call
        assert call.happens(Transcribed("x", "RE1", WORDS, DANGER)).call == before

    def test_that_comes_although_nobody_told_of_the_recording_brings_the_message(self):
        call = Rehearsal(NIGHT, pharmacy=staffed()).rings().keys("1", "0").hangs_up()
        assert heard(call).disposition["outcome"] == "voicemail"
        assert call.did(KeepTranscript) == [KeepTranscript(WORDS)]

    def test_that_is_faster_than_the_recording_is_kept_and_the_caller_is_thanked(self):
        call = heard(Rehearsal(NIGHT, pharmacy=staffed()).rings().keys("1", "0"), DANGER)
        assert call.call.ticket.emergency
        call.happens(Recorded("c", "RE1", 12))
        assert (call.heard, call.call.message.seconds) == (["voicemail_thanks"], 12)
        assert tasks(call.hangs_up()) == [("voicemail", False), ("emergency_message", True)]
        assert (call.disposition["outcome"], call.disposition["final"]) == ("voicemail", False)

    def test_that_failed_leaves_the_promise_and_a_flag(self):
        call = left()
        promised_at = call.call.ticket.promised_at
        heard(call, None, "")
        assert (call.call.message.transcript, call.call.message.flags) == ("failed", ("transcript_failed",))
        assert call.call.ticket.promised_at == promised_at

    def test_that_is_late_is_looked_up_and_leaves_the_promise(self):
        call = left()
        promised_at = call.call.ticket.promised_at
        call.later(900).happens(TimerDue("message:transcript"))
        assert call.did(Transcribe) == [Transcribe("RE1")]
        assert (call.call.message.flags, call.call.ticket.promised_at) == (("transcript_late",), promised_at)
        assert heard(call).call.message.flags == ()

    def test_in_time_is_not_looked_up(self):
        assert heard(left()).happens(TimerDue("message:transcript")).did(Transcribe) == []

    def test_without_anybody_who_makes_one_is_flagged(self):
        assert left(pharmacy=PHARMACY).call.message.flags == ("not_transcribed",)

    def test_that_nobody_listened_to_is_flagged(self):
        assert heard(left(), None).call.message.flags == ("not_scanned",)

    def test_in_a_language_nobody_knows_is_flagged(self):
        call = heard(left(), HARMLESS, "bonswa mwen bezwen medikaman mwen tanpri rele")
        assert call.call.message.flags == ("strange_language",)

    def test_that_sounds_pressing_is_flagged(self):
        call = heard(left(), replace(HARMLESS, urgency="urgent"))
        assert (call.call.message.flags, call.call.facts["urgency"]) == (("urgent",), "urgent")

    @given(words=st.text(max_size=400), level=st.sampled_from(("routine", "urgent", "emergency")), asks=st.booleans())
    def test_never_makes_a_promise_later_or_a_message_final(self, words, level, asks):
        call = left()
        before = call.call.ticket.order
        heard(call, Heard("other", level, asks, 0.5), words)
        assert call.call.ticket.order <= before
        assert not call.disposition["final"]
        assert call.call.phase == "promised"


class TestDanger:
    @pytest.mark.parametrize(
        ("what", "task"), [(DANGER, "emergency_message"), (DOUBT, "possible_emergency")], ids=["sure", "in doubt"]
    )
    def test_in_its_words_is_before_all_others_for_licensed_staff(self, what, task):
        call = heard(left(), what)
        ticket = call.call.ticket
        assert (ticket.emergency, ticket.licensed, ticket.queue, ticket.due_from) == (True, True, "pharmacist", NIGHT)
        assert tasks(call) == [("voicemail", False), (task, True)]
        assert call.disposition["urgency"] == "emergency"

    def test_the_phrase_is_a_reason_and_the_words_are_none(self):
        call = heard(left(), DANGER, "my neighbour has chest pain and fell")
        told = " ".join(reason.because for reason in call.last.why)
        assert "chest pain" in told
        assert "neighbour" not in told

    def test_pages_whoever_is_on_call_when_nobody_licensed_is_there(self):
        assert [text.prompt for text in heard(left(), DANGER).did(SendText)] == ["page_message_text"]
        busy = replace(LINE, facts={**LINE.facts, "licensed_free": 0})
        assert len(heard(left(OPEN, line=busy), DANGER).did(SendText)) == 1

    def test_pages_later_when_somebody_is_there_and_does_not_listen(self):
        call = heard(left(OPEN), DANGER)
        assert call.did(SendText) == []
        assert "message:unheard" in [timer.name for timer in call.did(SetTimer)]
        assert len(call.later(120).happens(TimerDue("message:unheard")).did(SendText)) == 1

    def test_somebody_has_listened_to_pages_nobody(self):
        call = heard(left(OPEN), DANGER).happens(Played("ana")).happens(TimerDue("message:unheard"))
        assert call.did(SendText) == []

    def test_in_a_message_that_is_done_with_is_only_noted(self):
        call = left().happens(Played("ana")).happens(Worked("ana", "resolved_agent"))
        heard(call, DANGER)
        assert (call.call.message.flags, tasks(call)) == (("emergency",), [("voicemail", False)])

    def test_before_the_message_makes_it_urgent(self):
        call = Rehearsal(NIGHT, pharmacy=staffed()).rings().keys("1", "0")
        call.call = replace(call.call, facts={**call.call.facts, "urgency": "emergency"})
        call.happens(Recorded("c", "RE1", 12))
        assert call.call.ticket.emergency
        assert tasks(call) == [("voicemail", True)]


class TestWork:
    def test_nobody_closes_what_nobody_has_heard(self):
        call = left()
        assert "nobody has heard" in (refused(call, Worked("ana", "resolved_agent")) or "")
        assert call.happens(Worked("ana", "resolved_agent")).call.ticket.live

    def test_a_supervisor_may_and_says_why(self):
        call = left()
        assert "only a supervisor" in (refused(call, Worked("ana", "wrong_number", "noise")) or "")
        why = Worked("sue", "wrong_number", "only noise")
        assert refused(call, why) is None
        assert call.happens(why).disposition["final"]
        assert call.call.message.unheard == "only noise"

    def test_who_heard_it_closes_it_and_the_disposition_is_final(self):
        call = left().happens(Played("ana")).happens(Played("ana")).happens(Worked("ana", "resolved_agent"))
        told = call.disposition
        assert (told["final"], told["code"], told["outcome"]) == (True, "resolved_agent", "voicemail")
        assert call.call.message.played_by == ("ana",)
        assert "`ana` has closed" in (refused(call, Worked("ben", "resolved_agent")) or "")

    @pytest.mark.parametrize(
        ("agent", "why"),
        [
            ("eve", "does not serve"),
            ("far", "nobody on the staff"),
            ("nik", "nobody on the staff"),
            ("abe", "changes nothing"),
        ],
    )
    def test_others_may_not(self, agent, why):
        assert why in (refused(left(), Worked(agent, "resolved_agent", "x")) or "")

    def test_auditors_listen_and_strangers_to_the_queue_do_not(self):
        assert refused(left(), Played("abe")) is None
        assert "does not serve" in (refused(left(), Played("eve")) or "")

    def test_a_call_without_a_message_has_none_to_play(self):
        assert refused(Rehearsal(pharmacy=staffed()).on_hold(), Played("ana")) == "no message was left in this call"

    def test_calling_back_keeps_the_ticket_and_its_clock(self):
        call = left().hangs_up()
        before = call.call.ticket
        call.happens(CalledBack("ana"))
        assert call.call.ticket == replace(before, kind="callback")
        assert (call.disposition["outcome"], call.disposition["final"]) == ("callback", False)
        assert "are being called back" in (refused(call, CalledBack("ben")) or "")

    def test_nobody_is_called_back_without_a_number(self):
        call = Rehearsal(NIGHT, number=None, pharmacy=staffed()).rings().keys("1", "0")
        call.happens(Recorded("c", "RE1", 12)).hangs_up()
        assert "nobody knows the number" in (refused(call, CalledBack("ana")) or "")
        assert call.happens(CalledBack("ana")).call.ticket.kind == "voicemail"

    def test_called_back_in_vain_and_unheard_it_is_a_message_again(self):
        call = left().happens(CalledBack("ana")).later(86_400).happens(TimerDue("callback:expires"))
        assert (call.call.ticket.kind, call.call.ticket.state) == ("voicemail", "waiting")
        assert (call.disposition["outcome"], call.disposition["final"]) == ("voicemail", False)

    def test_called_back_in_vain_but_heard_it_is_done_with(self):
        call = left().happens(Played("ana")).happens(CalledBack("ana")).happens(TimerDue("callback:expires"))
        assert (call.disposition["final"], call.call.message.closed_by) == (True, "ana")

    def test_only_what_was_worked_is_ever_deleted(self):
        call = left().happens(KeptLongEnough())
        assert call.did(DeleteRecording) == []
        call.happens(Played("ana")).happens(Worked("ana", "resolved_agent"))
        call.happens(KeptLongEnough()).happens(KeptLongEnough())
        assert call.did(DeleteRecording) == [DeleteRecording("RE1")]


class Names:
    """Two medicines that are mistaken for each other, and one that is controlled."""

    def mistaken_for(self, name: str) -> tuple[str, ...]:
        return ("midrin",) if name == "midodrine" else ()

    def is_controlled(self, name: str) -> bool:
        return name == "oxycodone"


DICTATED = Flow(
    "main",
    "drug",
    {
        "drug": Collect("drug", "rx_drug", "letters", "right"),
        "right": Menu("rx_drug_right", {"1": Option("known"), "2": Option("drug")}),
        "known": CheckMedicine("drug", "directions", "person", "once_more"),
        "once_more": Menu("rx_mistaken", {"1": Option("directions"), "2": Option("drug")}),
        "directions": TakeMessage("verification", ("drug",), "rx_directions"),
        "person": TakeMessage("verification"),
    },
)
DICTATING = replace(ENGLISH, flows={**ENGLISH.flows, "main": DICTATED}, medicines=Names())


def dictated() -> Rehearsal:
    return Rehearsal(pharmacy=staffed(DICTATING)).rings().says("l i n", asks=True)


class TestPrescriptions:
    def prescription(self) -> Rehearsal:
        return dictated().keys("1").happens(Recorded("c", "RE1", 12)).hangs_up()

    def test_letters_are_no_danger_where_they_are_asked_for(self):
        assert dictated().heard == ["rx_drug_right"]

    def test_a_word_is_not_taken(self):
        assert Rehearsal(pharmacy=staffed(DICTATING)).rings().says("linezolid").heard == ["not_understood", "rx_drug"]

    def test_danger_is_heard_all_the_same(self):
        call = Rehearsal(pharmacy=staffed(DICTATING)).rings().says("she stopped breathing", "other", "emergency")
        assert call.call.ticket.emergency

    def test_an_item_is_corrected_by_itself(self):
        call = dictated().keys("2").says("l i m").keys("1")
        assert call.heard == ["rx_directions"]
        assert call.did(KeepItems) == [KeepItems({"drug": "lim", "office_number": "+15555550130"})]
        assert "drug" not in call.call.fields

    def test_waits_for_two_licensed_people_and_then_the_order_system_hears_of_it(self):
        call = self.prescription()
        assert tasks(call) == [("prescription_message", False)]
        assert refused(call, Worked("tom", "verified_prescriber")) == "a prescription is for licensed staff"
        assert "nobody has worked" in (refused(call, Confirmed("ben")) or "")
        call.happens(Played("ana")).happens(Worked("ana", "verified_prescriber"))
        assert call.call.ticket.live
        assert not call.disposition["final"]
        assert "has to be another one" in (refused(call, Confirmed("ana")) or "")
        assert call.happens(Confirmed("ana")).call.ticket.live
        assert refused(call, Confirmed("ben")) is None
        call.happens(Confirmed("ben"))
        assert (call.disposition["final"], call.disposition["code"]) == (True, "verified_prescriber")
        assert call.did(CreateTask)[-1].about["confirmed_by"] == "ben"
        assert "`ben` has confirmed" in (refused(call, Confirmed("sue")) or "")

    def test_is_not_deleted_before_it_is_confirmed(self):
        call = self.prescription().happens(Played("ana")).happens(Worked("ana", "verified_prescriber"))
        assert call.happens(KeptLongEnough()).did(DeleteRecording) == []

    def test_is_not_called_back_but_worked(self):
        assert "worked and confirmed" in (refused(self.prescription(), CalledBack("ana")) or "")

    def test_a_message_is_not_confirmed(self):
        assert "only a prescription" in (refused(left(), Confirmed("ana")) or "")

    @pytest.mark.parametrize("end", ["hangs up", "says nothing"])
    def test_without_its_directions_is_a_message_all_the_same(self, end):
        call = dictated().keys("1")
        call = call.hangs_up() if end == "hangs up" else call.happens(Silent("c")).hangs_up()
        assert call.call.message.flags == ("no_directions",)
        assert (call.disposition["outcome"], call.disposition["final"]) == ("voicemail", False)
        assert refused(call, Worked("ana", "verified_prescriber")) is None

    def test_whose_directions_arrive_late_is_still_one_message(self):
        call = dictated().keys("1").hangs_up().happens(Recorded("c", "RE1", 12))
        assert (call.call.message.recording, call.call.message.flags) == ("RE1", ())
        assert tasks(call) == [("prescription_message", False)]

    def test_whose_directions_arrive_when_it_is_closed_stays_closed(self):
        call = dictated().keys("1").hangs_up().happens(Worked("ana", "unresolved")).happens(Confirmed("ben"))
        call.happens(Recorded("c", "RE1", 12))
        assert (call.call.ticket.state, call.call.message.recording) == ("closed", "RE1")

    def test_a_name_easily_mistaken_is_spelt_once_more_and_marked(self):
        call = Rehearsal(pharmacy=staffed(DICTATING)).rings().says("m i d o d r i n e").keys("1")
        assert call.heard == ["rx_mistaken"]
        call.keys("1")
        assert call.did(KeepItems)[0].items["mistaken_for"] == "midrin"
        assert call.call.message.flags == ("look_alike",)

    def test_a_corrected_name_is_not_marked_for_the_one_before(self):
        call = Rehearsal(pharmacy=staffed(DICTATING)).rings().says("m i d o d r i n e").keys("1", "2")
        call.says("l i n").keys("1")
        assert "mistaken_for" not in call.did(KeepItems)[0].items

    def test_a_controlled_medicine_is_not_taken(self):
        call = Rehearsal(pharmacy=staffed(DICTATING)).rings().says("o x y c o d o n e").keys("1")
        assert call.heard == ["voicemail_greeting"]
        assert call.did(KeepItems) == []


@given(
    events=st.lists(
        st.sampled_from(
            (
                Played("ana"),
                Worked("ana", "resolved_agent"),
                Worked("sue", "wrong_number", "noise"),
                CalledBack("ana"),
                Confirmed("ben"),
                KeptLongEnough(),
                TimerDue("callback:expires"),
                TimerDue("message:transcript"),
                TimerDue("message:unheard"),
                Transcribed("c", "RE1", WORDS, DANGER),
                Transcribed("c", "RE1", "", None),
                Recorded("c", "RE1", 12),
            )
        ),
        max_size=8,
    )
)
def test_in_any_order_no_message_is_closed_unheard_or_deleted_unworked(events: list[Event]) -> None:
    call = left()
    for event in events:
        call.happens(event)
        message, ticket = call.call.message, call.call.ticket
        assert message is not None
        assert ticket is not None
        assert ticket.live or message.played_by or message.unheard
        assert message.deleted_at is None or message.worked
        assert call.disposition["final"] == (not ticket.live)
