"""What Twilio posts becomes an event we know, whatever it holds."""

from __future__ import annotations

import json
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from ivr.core.call import Caller
from ivr.core.events import Came, DialEnded, Event, HungUp, Keyed, QueueLeft, Recorded, Silent, Spoke, Transcribed
from ivr.telephony.forms import (
    MOST_CHARACTERS,
    MOST_TRANSCRIBED,
    Form,
    call_sid,
    caller,
    dialed,
    e164,
    event,
    recorded_event,
    status_event,
    transcribed_event,
)

LEG = "7Yc1nVY0b3Q"


def form(**fields: str) -> Form:
    return Form.parse(urlencode(fields).encode())


class TestTheForm:
    """Fields are read by name, and nothing in them is trusted."""

    def test_a_field_is_read_by_its_name(self) -> None:
        assert form(CallerCity="ST. JOHN'S & MORE").text("CallerCity") == "ST. JOHN'S & MORE"

    def test_a_missing_field_is_empty(self) -> None:
        assert Form.parse(b"").text("Digits") == ""
        assert Form.parse(b"").texts("Digits") == ()
        assert Form.parse(b"").count("QueueTime") is None

    def test_a_repeated_field_keeps_all_its_values(self) -> None:
        asked = Form.parse(b"Digits=1&Digits=2&Digits=1")

        assert asked.text("Digits") == "1"
        assert asked.texts("Digits") == ("1", "2", "1")

    def test_a_get_carries_its_fields_in_the_query(self) -> None:
        assert Form.parse(b"", b"CallSid=CA1&Digits=2").text("Digits") == "2"

    def test_the_body_goes_before_the_query(self) -> None:
        assert Form.parse(b"Digits=1", b"Digits=2").text("Digits") == "1"

    def test_bytes_that_are_no_text_are_replaced(self) -> None:
        assert Form.parse(b"CallerName=Jos%E9").text("CallerName") == "Jos�"

    def test_absurd_lengths_are_cut(self) -> None:
        asked = Form.parse(b"SpeechResult=" + "é".encode() * 1_000_000 + b"&" + b"N" * 500 + b"=1")

        assert asked.text("SpeechResult") == "é" * MOST_CHARACTERS
        assert asked.names == ("SpeechResult",)

    def test_names_that_a_caller_may_have_made_up_are_not_told(self) -> None:
        assert Form.parse(b"Digits=1&SipHeader_X-Ada-Marsh=1&%FF=1&bodySHA256=1").names == ("Digits",)

    @pytest.mark.parametrize("sid", ["CA" + "0" * 32, "a3f1-22_b", "x" * 64])
    def test_a_call_sid_is_opaque(self, sid: str) -> None:
        assert call_sid(form(CallSid=sid)) == sid

    @pytest.mark.parametrize("sid", ["", " ", "CA1\x00", "CA1/../x", "<b>", "x" * 65, "C\u0661", "v3:a"])
    def test_what_can_be_no_call_sid_is_none(self, sid: str) -> None:
        assert call_sid(form(CallSid=sid)) == ""

    @pytest.mark.parametrize(("told", "read"), [("0", 0), ("37", 37), ("-1", None), ("1e3", None), ("٣", None)])
    def test_a_count_is_a_plain_number(self, told: str, read: int | None) -> None:
        assert form(QueueTime=told).count("QueueTime") == read

    def test_it_does_not_show_what_it_holds(self) -> None:
        assert "+1212" not in repr(form(From="+12125550123"))

    @given(st.binary(), st.binary(), st.text())
    def test_any_bytes_are_a_form(self, body: bytes, query: bytes, name: str) -> None:
        asked = Form.parse(body, query)

        assert isinstance(asked.text(name.encode("utf-8", "ignore").decode()), str)
        assert isinstance(asked.signed, bytes)


class TestWhoRings:
    """A number as the carrier shows it, or nobody in particular."""

    @pytest.mark.parametrize(
        "shown", ["+12125550123", "12125550123", "2125550123", "(212) 555-0123", " +1 212-555-0123 "]
    )
    def test_however_a_number_is_written_it_is_one_number(self, shown: str) -> None:
        assert caller(form(From=shown)) == Caller("number", "+12125550123", "none")

    def test_a_number_abroad_is_a_number(self) -> None:
        assert caller(form(From="+442071234567")).number == "+442071234567"

    def test_a_plus_sign_not_encoded_does_no_harm(self) -> None:
        assert caller(Form.parse(b"From=+12125550123")).number == "+12125550123"

    @pytest.mark.parametrize(
        "shown",
        [
            "",
            "anonymous",
            "Anonymous",
            "unknown",
            "Restricted",
            "unavailable",
            "private",
            "+266696687",
            "266696687",
            "+7378742833",
            "+2562533",
            "+8656696",
            "+86282452253",
            "+1",
            "911",
            "5550123",
            "+",
            "💊",
        ],
    )
    def test_who_does_not_show_a_number_is_anonymous(self, shown: str) -> None:
        assert caller(form(From=shown)) == Caller("anonymous", None, "none")

    def test_who_sends_no_field_at_all_is_anonymous(self) -> None:
        assert caller(Form.parse(b"")).kind == "anonymous"

    @pytest.mark.parametrize(
        ("shown", "kind"),
        [("sip:desk@rx.example", "sip"), ("SIPS:desk@rx.example", "sip"), ("client:ana", "client")],
    )
    def test_a_desk_phone_or_a_browser_has_no_number(self, shown: str, kind: str) -> None:
        assert caller(form(From=shown)) == Caller(kind, None, "none")

    @pytest.mark.parametrize(
        ("verstat", "attestation"),
        [
            ("TN-Validation-Passed-A", "A"),
            ("TN-Validation-Passed-B", "B"),
            ("TN-Validation-Passed-C-Diverted", "C"),
            ("TN-Validation-Failed-A", "failed"),
            ("TN-Validation-Failed", "failed"),
            ("TN-Validation-Failed-Diverted", "failed"),
            ("No-TN-Validation", "none"),
            ("TN-Validation-Passed-X", "none"),
            ("TN-Validation-Passed-", "none"),
            ("NULL", "none"),
            ("", "none"),
        ],
    )
    def test_how_far_the_carrier_vouches_for_the_number(self, verstat: str, attestation: str) -> None:
        assert caller(form(From="+12125550123", StirVerstat=verstat)).attestation == attestation

    def test_the_number_rung_is_ours_in_e164(self) -> None:
        assert dialed(form(To="(212) 555-0100")) == "+12125550100"
        assert dialed(form(To="sip:line@rx.example")) == "sip:line@rx.example"
        assert dialed(Form.parse(b"")) == ""

    @given(st.text())
    def test_any_text_is_a_number_in_e164_or_none(self, text: str) -> None:
        number = e164(text)

        assert number is None or (number[0] == "+" and number[1:].isascii() and number[1:].isdigit())


def next_event(**fields: str) -> Event:
    return event("next", LEG, 4, form(CallSid="CA1", CallStatus="in-progress", **fields))


def after_event(**fields: str) -> Event:
    return event("after", LEG, 4, form(**{"CallSid": "CA1", "CallStatus": "in-progress"} | fields))


class TestLeavingADocument:
    """`next`: what they keyed, said or recorded, or nothing."""

    def test_keys_are_keyed(self) -> None:
        assert next_event(Digits="1") == Keyed(LEG, "1")
        assert next_event(Digits="*0#") == Keyed(LEG, "*0#")

    def test_only_keys_of_a_telephone_count(self) -> None:
        assert next_event(Digits=" 12a3;DROP") == Keyed(LEG, "123")

    def test_nobody_keys_more_than_64(self) -> None:
        assert next_event(Digits="7" * 500) == Keyed(LEG, "7" * 64)

    def test_words_are_spoken(self) -> None:
        assert next_event(SpeechResult=" Refill, please. ", Confidence="0.91") == Spoke(LEG, "Refill, please.", 0.91)

    @pytest.mark.parametrize("confidence", ["", "high", "nan", "inf", "-0.5", "7"])
    def test_a_confidence_that_is_none_is_left_out(self, confidence: str) -> None:
        assert next_event(SpeechResult="refill", Confidence=confidence) == Spoke(LEG, "refill", None)

    def test_words_go_before_keys(self) -> None:
        assert isinstance(next_event(SpeechResult="refill", Digits="1"), Spoke)

    @pytest.mark.parametrize("fields", [{}, {"Digits": ""}, {"SpeechResult": "  "}, {"msg": "Gather End"}])
    def test_nothing_is_silence_and_nothing_to_report(self, fields: dict[str, str]) -> None:
        with capture_logs() as logs:
            assert next_event(**fields) == Silent(LEG)

        assert logs == []

    def test_a_message_is_recorded(self) -> None:
        left = next_event(RecordingSid="RE1", RecordingUrl="x", RecordingDuration="12", Digits="#")

        assert left == Recorded(LEG, "RE1", 12)

    def test_a_message_counts_when_they_hang_up_at_its_end(self) -> None:
        assert next_event(RecordingSid="RE1", RecordingDuration="3", Digits="hangup") == Recorded(LEG, "RE1", 3)

    def test_a_recording_is_known_by_its_url_if_need_be(self) -> None:
        url = "https://api.twilio.com/2010-04-01/Accounts/AC1/Recordings/RE2"

        assert next_event(RecordingUrl=url, RecordingDuration="oops") == Recorded(LEG, "RE2", 0)


class TestComingBack:
    """`after`: a hold or a conversation ended."""

    @pytest.mark.parametrize(
        "result",
        ["leave", "queue-full", "error", "system-error", "hangup", "redirected", "redirected-from-bridged"],
    )
    def test_a_hold_ends_with_twilios_word(self, result: str) -> None:
        assert after_event(QueueResult=result, QueueSid="QU1", QueueTime="37") == QueueLeft(LEG, result)

    def test_who_hangs_up_on_hold_is_known_to_be_gone_though_no_status_callback_comes(self) -> None:
        assert after_event(QueueResult="hangup", CallStatus="completed") == HungUp(LEG, "completed")

    def test_a_word_we_do_not_know_is_an_error_so_the_caller_hears_something(self) -> None:
        with capture_logs() as logs:
            assert after_event(QueueResult="teleported") == QueueLeft(LEG, "error")

        assert [line["event"] for line in logs] == ["webhook_not_understood"]

    @pytest.mark.parametrize("result", ["answered", "completed", "busy", "no-answer", "failed", "canceled"])
    def test_a_conversation_ends_with_twilios_word(self, result: str) -> None:
        assert after_event(DialCallStatus=result, DialCallDuration="61") == DialEnded(LEG, result)

    def test_a_word_for_a_dial_we_do_not_know_is_failed(self) -> None:
        with capture_logs() as logs:
            assert after_event(DialCallStatus="beamed") == DialEnded(LEG, "failed")

        assert len(logs) == 1

    def test_a_recorded_conversation_is_still_a_conversation(self) -> None:
        assert after_event(DialCallStatus="completed", RecordingUrl="https://x/RE1") == DialEnded(LEG, "completed")

    def test_who_hung_up_in_a_conversation_is_not_asked_anything_else(self) -> None:
        over = after_event(DialCallStatus="answered", CallStatus="completed", CallDuration="88")

        assert over == HungUp(LEG, "completed", 88)

    def test_a_recording_may_come_this_way_too(self) -> None:
        assert after_event(RecordingSid="RE1", RecordingDuration="5") == Recorded(LEG, "RE1", 5)

    def test_a_leg_fetches_the_document_reserved_for_it(self) -> None:
        assert event("moved", LEG, 9, form(CallSid="CA1")) == Came(LEG, 9)


class TestStatus:
    """Callbacks come late, twice and in any order."""

    @pytest.mark.parametrize("status", ["completed", "busy", "failed", "no-answer", "canceled"])
    def test_a_state_no_call_leaves_is_the_end(self, status: str) -> None:
        assert status_event(LEG, form(CallStatus=status, CallDuration="12")) == HungUp(LEG, status, 12)

    def test_a_call_nobody_took_lasted_no_time(self) -> None:
        assert status_event(LEG, form(CallStatus="busy")) == HungUp(LEG, "busy", 0)

    @pytest.mark.parametrize("status", ["", "queued", "initiated", "ringing", "in-progress", "COMPLETED", "odd"])
    def test_any_other_state_is_no_news(self, status: str) -> None:
        assert status_event(LEG, form(CallStatus=status)) is None


class TestShapesWeDoNotKnow:
    """Never an error: the caller is asked again, and the log says so without what they said."""

    @pytest.mark.parametrize(
        ("exit", "fields"),
        [
            ("after", {}),
            ("after", {"Digits": "19800412"}),
            ("next", {"Digits": "hangup"}),
            ("sideways", {"Digits": "19800412"}),
        ],
    )
    def test_it_is_silence_and_a_line_in_the_log(self, exit: str, fields: dict[str, str]) -> None:
        with capture_logs() as logs:
            assert event(exit, LEG, 4, form(From="+12125550123", **fields)) == Silent(LEG)

        [line] = logs
        assert (line["event"], line["log_level"], line["leg"]) == ("webhook_not_understood", "warning", LEG)
        assert set(line["fields"]) == {"From", *fields}

    def test_the_log_holds_no_value(self) -> None:
        with capture_logs() as logs:
            event("after", LEG, 4, form(From="+12125550123", Digits="19800412", CallerName="Ana Ruiz"))

        told = json.dumps(logs)
        assert not any(private in told for private in ("2125550123", "19800412", "Ruiz"))

    @given(st.sampled_from(["next", "held", "after", "moved", "wait", "?"]), st.dictionaries(st.text(), st.text()))
    def test_anything_at_all_is_an_event(self, exit: str, fields: dict[str, str]) -> None:
        asked = Form.parse(urlencode(fields, errors="replace").encode())

        assert event(exit, LEG, 1, asked).__class__ in Event.__args__
        assert status_event(LEG, asked) is None

    @given(
        st.dictionaries(
            st.sampled_from(
                [
                    *("CallStatus", "Digits", "SpeechResult", "Confidence", "RecordingSid", "RecordingUrl"),
                    *("RecordingDuration", "QueueResult", "DialCallStatus", "CallDuration", "From", "To"),
                    "StirVerstat",
                ]
            ),
            st.text(),
        )
    )
    def test_known_fields_may_hold_anything(self, fields: dict[str, str]) -> None:
        asked = Form.parse(urlencode(fields, errors="replace").encode())

        for exit in ("next", "held", "after", "moved"):
            assert event(exit, LEG, 1, asked).__class__ in Event.__args__
        assert caller(asked).kind in ("number", "anonymous", "sip", "client")
        assert isinstance(dialed(asked), str)


class TestMessages:
    """What the provider tells of a message later, of which no turn comes."""

    def test_only_a_finished_recording_is_one(self) -> None:
        assert recorded_event(LEG, form(RecordingSid="RE1", RecordingStatus="completed", RecordingDuration="9")) == (
            Recorded(LEG, "RE1", 9)
        )
        assert recorded_event(LEG, form(RecordingSid="RE1", RecordingStatus="absent")) is None
        assert recorded_event(LEG, form(RecordingStatus="completed")) is None

    def test_a_transcript_is_taken_as_it_comes_up_to_a_length(self) -> None:
        hostile = "ignore the above\x00\x1b[2J\u202e" * 2_000
        told = transcribed_event(
            LEG, form(RecordingSid="RE1", TranscriptionStatus="completed", TranscriptionText=hostile)
        )
        assert told == Transcribed(LEG, "RE1", hostile[:MOST_TRANSCRIBED])

    def test_one_that_failed_has_no_words(self) -> None:
        failed = {"TranscriptionStatus": "failed", "TranscriptionText": "something"}
        assert transcribed_event(LEG, form(RecordingUrl="https://x/Recordings/RE2", **failed)) == (
            Transcribed(LEG, "RE2", "")
        )

    def test_one_of_no_recording_is_none(self) -> None:
        assert transcribed_event(LEG, form(TranscriptionStatus="completed", TranscriptionText="hello")) is None
