"""The staff line against a real record: who works by phone alone signs in, takes a call and says what came of it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import count

import pytest

from ivr.core.call import Caller
from ivr.core.events import Came, DialEnded, HungUp, Keyed, Recorded, Silent
from ivr.store import LeftMessage
from ivr.switchboard import Exit, Switchboard
from tests.shipped import open_board

GRACE, OMAR = "+12025550135", "+12025550136"
STAFF, MAIN = "+12125550112", "+12125550110"
NEXT = re.compile(r"/voice/([\w-]+)/(\d+)/(\w+)")


@pytest.fixture
def night(published_url: str) -> Iterator[Switchboard]:
    with open_board(published_url, "2026-11-24T22:00-05:00") as board:
        yield board


class Phone:
    """A phone that rang a number: it keeps the last document, and follows where that leads."""

    _sids = count(1)

    def __init__(self, board: Switchboard, number: str | None, dialed: str) -> None:
        self.board, self.sid = board, f"CA{next(self._sids)}"
        caller = Caller("number", number, "A") if number else Caller()
        self.heard = board.arrived(self.sid, caller, dialed)
        self.leg, self.document = board.token_of(self.sid), 1

    def keys(self, *keys: str) -> Phone:
        for key in keys:
            self._turn(Keyed(self.leg, key) if key else Silent(self.leg))
        return self

    def _turn(self, event: Keyed | Silent | DialEnded | Recorded, way: str = "next") -> None:
        self.heard = self.board.turn(Exit(self.leg, self.document, way), event, self.sid)
        self.document += 1

    def goes_on(self) -> Phone:
        """It is redirected to the document of another leg."""
        found = re.search(r"<Redirect>[^<]*/voice/([\w-]+)/(\d+)/moved", self.heard)
        assert found, self.heard
        self.leg, self.document = found[1], int(found[2])
        self.heard = self.board.turn(Exit(self.leg, self.document, "moved"), Came(self.leg, self.document), self.sid)
        return self

    def says_after_the_tone(self, recording: str) -> Phone:
        self._turn(Recorded(self.leg, recording, 12))
        return self.hangs_up()

    def left_the_room(self) -> Phone:
        self._turn(DialEnded(self.leg, "completed"), "after")
        return self

    def hangs_up(self) -> Phone:
        self.board.tidings.leg_ended(self.board.leg_of(self.sid), HungUp(self.leg, "completed"), self.sid)
        return self


def signed_in(board: Switchboard, number: str = GRACE, pin: str = "8415#") -> Phone:
    return Phone(board, number, STAFF).keys(pin)


def presence(board: Switchboard, agent: str = "grace") -> tuple[str, str]:
    now = board.record.desk.agents()[agent]
    return now.presence, now.reason


def waiting_caller(board: Switchboard) -> Phone:
    """Somebody without a number asks for a person, and is on hold."""
    return Phone(board, None, MAIN).keys("1", "0")


# ---------------------------------------------------------------- who it is


def test_their_own_phone_and_the_pin_say_who_they_are(board: Switchboard) -> None:
    assert "You are available" in signed_in(board).heard


def test_on_another_phone_they_key_their_extension(board: Switchboard) -> None:
    phone = Phone(board, "+12125550199", STAFF)
    assert "Your extension" in phone.heard
    assert "You are available" in phone.keys("105#", "8415#").heard


def test_a_wrong_pin_is_asked_again_and_then_no_more(board: Switchboard) -> None:
    phone = Phone(board, GRACE, STAFF).keys("0000#")
    assert "That is not it" in phone.heard
    assert "A supervisor can help" in phone.keys("1111#").heard
    assert "<Hangup/>" in phone.heard


def test_an_extension_nobody_has_sounds_like_a_wrong_pin(board: Switchboard) -> None:
    phone = Phone(board, None, STAFF).keys("999#", "8415#")
    assert "That is not it" in phone.heard


def test_whoever_was_guessed_at_too_often_is_locked_until_somebody_unlocks_them(board: Switchboard) -> None:
    for _ in range(3):
        Phone(board, None, STAFF).keys("105#", "0000#", "1111#")
    elsewhere = Phone(board, "+12125550199", STAFF)
    assert "You are" not in elsewhere.keys("105#", "8415#").heard
    since = board.clock.now().replace(year=2020)
    assert [one.person for one in board.record.proofs.suspects(since, person=5, number=10)] == ["staff:grace"]
    board.record.proofs.lift(by="ruth", now=board.clock.now(), person="staff:grace")
    assert "You are available" in Phone(board, "+12125550199", STAFF).keys("105#", "8415#").heard


def test_whether_an_extension_is_somebodys_cannot_be_told_from_what_strangers_hear_however_often_they_guess(
    board: Switchboard,
) -> None:
    def heard(extension: str) -> list[str]:
        said = []
        for _ in range(4):
            phone = Phone(board, None, STAFF)
            for key in (extension, "0000#", "1111#"):
                said += re.findall(r"<Say[^>]*>([^<]*)<", phone.keys(key).heard)
        return said

    assert heard("105#") == heard("999#")


def test_a_colleague_who_is_locked_hears_so_on_their_own_phone(board: Switchboard) -> None:
    for _ in range(3):
        signed_in(board, pin="0000#").keys("1111#")
    assert "A supervisor can help" in signed_in(board).heard


def test_strangers_who_guess_lock_nobody_out_of_the_line_on_their_own_phone(board: Switchboard) -> None:
    for _ in range(3):
        Phone(board, None, STAFF).keys("105#", "0000#", "1111#")
    assert "You are available" in signed_in(board).heard


def test_nothing_is_done_before_the_pin(board: Switchboard) -> None:
    Phone(board, GRACE, STAFF).keys("3#", "3")
    assert presence(board) == ("available", "")


def test_the_pin_is_in_no_journal_and_in_no_state(board: Switchboard) -> None:
    phone = signed_in(board)
    told = "".join(line.event for line in board.record.journal(phone.sid))
    loaded = board.record.load_call(phone.sid)
    assert loaded is not None
    assert "8415" not in told + str(loaded.call)


def test_who_keys_nothing_is_asked_again_and_then_said_goodbye(board: Switchboard) -> None:
    phone = Phone(board, GRACE, STAFF)
    assert "Your PIN" in phone.keys("", "").heard
    assert "Goodbye" in phone.keys("").heard
    assert "Available, 1" in signed_in(board).keys("", "").heard
    assert "Your extension" in Phone(board, None, STAFF).keys("*").heard


# ---------------------------------------------------------------- the menu


def test_somebody_takes_a_meal_and_comes_back(board: Switchboard) -> None:
    phone = signed_in(board).keys("2", "2")
    assert "You are on break" in phone.heard
    assert presence(board) == ("on_break", "meal")
    assert "You are available" in phone.keys("1").heard
    assert "Meal, 2" in phone.keys("2").heard
    assert "You are available" in phone.keys("9").heard


def test_somebody_signs_out_and_cannot_go_on_break_from_there(board: Switchboard) -> None:
    phone = signed_in(board).keys("3")
    assert "You are signed out" in phone.heard
    assert "Sign in first" in phone.keys("2", "1").heard
    assert "Available, 1" in phone.keys("8").heard
    assert "Goodbye" in phone.keys("0").heard
    assert presence(board) == ("signed_out", "")


def test_the_day_of_an_agent_says_who_moved_them(board: Switchboard) -> None:
    signed_in(board).keys("2", "1", "1")
    board.record.desk.move_agent("grace", "sent_out", "gone", board.clock.now(), by="ruth")
    board.record.desk.move_agent("grace", "wrapped_up", "", board.clock.now(), by="line")  # too late to mean anything
    day = board.record.desk.day_of("grace", board.clock.now().replace(year=2020))
    assert [(move.presence, move.reason, move.by) for move in day] == [
        ("on_break", "short", "grace"),
        ("available", "", "grace"),
        ("signed_out", "gone", "ruth"),
    ]


def test_nobody_is_rung_while_they_are_on_the_staff_line(board: Switchboard) -> None:
    phone = signed_in(board)
    assert board.record.desk.on_staff_line(board.clock.now()) == {"grace"}
    phone.hangs_up()
    assert board.record.desk.on_staff_line(board.clock.now()) == set()


def test_a_colleagues_call_leaves_no_disposition(board: Switchboard) -> None:
    phone = signed_in(board).hangs_up()
    assert board.record.dispositions(phone.sid) == []
    assert board.record.load_call(phone.sid).call.phase == "over"  # type: ignore[union-attr]


# ---------------------------------------------------------------- a waiting call


def test_nobody_waits(board: Switchboard) -> None:
    assert "Nobody is waiting for you" in signed_in(board).keys("4").heard


def test_they_hear_who_waits_and_nothing_private(board: Switchboard) -> None:
    waiting_caller(board)
    phone = signed_in(board).keys("4")
    assert "Front desk. Caller: unknown. About: speak to person." in phone.heard
    assert "English. Waiting" in phone.heard
    assert "Available, 1" in phone.keys("9").heard


def test_a_call_of_a_queue_they_do_not_serve_is_not_theirs(board: Switchboard) -> None:
    waiting_caller(board)
    assert "Nobody is waiting for you" in signed_in(board, OMAR, "9526#").keys("4").heard


def test_they_take_the_call_on_the_phone_they_are_on(board: Switchboard) -> None:
    caller = waiting_caller(board)
    phone = signed_in(board).keys("4", "1").goes_on()
    assert "<Conference" in phone.heard
    assert presence(board)[0] == "on_call"
    moved = board.record.load_call(caller.sid).call  # type: ignore[union-attr]
    assert moved.phase == "connecting"
    leg = moved.legs[caller.leg]
    caller.document = leg.documents
    heard = board.turn(Exit(caller.leg, leg.documents, "moved"), Came(caller.leg, leg.documents), caller.sid)
    assert "<Conference" in heard
    assert board.record.outbox.pending().get("place", 0) == 0, "nobody's phone is rung"


def test_and_say_afterwards_what_came_of_it(board: Switchboard) -> None:
    caller = waiting_caller(board)
    phone = signed_in(board).keys("4", "1").goes_on()
    documents = board.record.load_call(caller.sid).call.legs[caller.leg].documents  # type: ignore[union-attr]
    board.turn(Exit(caller.leg, documents, "moved"), Came(caller.leg, documents), caller.sid)
    board.tell(caller.sid, HungUp(caller.leg, "completed"))
    assert "What came of it?" in phone.left_the_room().heard
    phone.document = board.record.load_call(caller.sid).call.legs[phone.leg].documents  # type: ignore[union-attr]
    assert "Thank you" in phone.keys("1").heard
    phone.hangs_up()
    assert presence(board) == ("available", "")
    [written] = board.record.dispositions(caller.sid)
    assert (written.body["code"], written.body["agents"]) == ("answered", ["grace"])


def test_a_call_that_is_gone_meanwhile_is_told(board: Switchboard) -> None:
    caller = waiting_caller(board)
    phone = signed_in(board).keys("4")
    caller.hangs_up()
    assert "Somebody else has taken it" in phone.keys("1").heard
    assert presence(board) == ("available", "")


def test_two_take_the_same_call_and_one_has_it(board: Switchboard) -> None:
    waiting_caller(board)
    grace, mateo = signed_in(board).keys("4"), signed_in(board, "+12025550134", "7304#").keys("4")
    grace.keys("1")
    assert "Somebody else has taken it" in mateo.keys("1").heard
    assert "<Conference" in grace.goes_on().heard


def test_who_is_signed_out_signs_in_first(board: Switchboard) -> None:
    waiting_caller(board)
    phone = signed_in(board).keys("3", "4", "1")
    assert "Sign in first" in phone.heard


# ---------------------------------------------------------------- the code of the last call


def _talked(board: Switchboard) -> str:
    caller = waiting_caller(board)
    phone = signed_in(board).keys("4", "1").goes_on()
    documents = board.record.load_call(caller.sid).call.legs[caller.leg].documents  # type: ignore[union-attr]
    board.turn(Exit(caller.leg, documents, "moved"), Came(caller.leg, documents), caller.sid)
    board.tell(caller.sid, HungUp(caller.leg, "completed"))
    phone.hangs_up()
    return caller.sid


def test_the_code_of_the_last_call_is_keyed_on_the_staff_line(board: Switchboard) -> None:
    call = _talked(board)
    assert presence(board) == ("wrap_up", call)
    phone = signed_in(board).keys("5")
    assert "Front desk. What came of it?" in phone.heard
    assert "Thank you" in phone.keys("4").heard
    assert presence(board) == ("available", "")
    assert board.record.dispositions(call)[0].body["code"] == "follow_up"


def test_a_key_that_is_no_code_leads_back(board: Switchboard) -> None:
    call = _talked(board)
    assert "Available, 1" in signed_in(board).keys("5", "9").heard
    assert board.record.dispositions(call)[0].body["code"] is None


def test_who_never_talked_has_no_call_to_code(board: Switchboard) -> None:
    assert "There is no call to code" in signed_in(board).keys("5").heard


def test_the_call_of_a_colleague_stays_theirs_and_goes_on_as_an_agents(board: Switchboard) -> None:
    """What the carrier says of their CallSid afterwards is meant for the call they took."""
    waiting_caller(board)
    phone = signed_in(board)
    rang = phone.leg
    assert board.leg_of(phone.sid) == rang
    phone.keys("4", "1").goes_on()
    assert board.leg_of(phone.sid) == phone.leg != rang
    phone.hangs_up()
    assert presence(board) == ("available", ""), "they left before the caller came"


def test_who_hung_up_is_known_to_have_rung(board: Switchboard) -> None:
    phone = signed_in(board).hangs_up()
    assert board.record.leg_of_sid(phone.sid) == phone.leg


# ---------------------------------------------------------------- messages


def leaves_a_message(board: Switchboard, recording: str = "RE1", number: str | None = None) -> Phone:
    """Somebody asks for a person at night, and speaks after the tone."""
    return Phone(board, number, MAIN).keys("1", "0").says_after_the_tone(recording)


def message(board: Switchboard, phone: Phone) -> LeftMessage:
    left = board.record.messages.of(phone.sid)
    assert left is not None
    return left


def test_no_message_waits(night: Switchboard) -> None:
    assert "No message waits for you" in signed_in(night).keys("6").heard


def test_a_message_is_told_of_before_it_is_heard(night: Switchboard) -> None:
    left = leaves_a_message(night)
    phone = signed_in(night).keys("6")
    assert "Message for Front desk." in phone.heard
    assert "/sounds/" not in phone.heard
    assert message(night, left).played_by == ()


def test_who_listens_hears_it_from_a_url_that_names_nothing_and_is_kept(night: Switchboard) -> None:
    left = leaves_a_message(night)
    phone = signed_in(night).keys("6", "1")
    [issued] = re.findall(r"<Play>http://127.0.0.1:8000/voice/sounds/([\w=-]+)</Play>", phone.heard)
    assert (left.sid in issued, "RE1" in issued) == (False, False)
    assert message(night, left).played_by == ("grace",)
    [kept] = night.record.staff.audit(1)
    assert (kept.entry.act, kept.entry.door, kept.entry.by) == ("play", "phone", "grace")


def test_a_message_is_closed_with_a_code_once_it_was_heard_and_not_before(night: Switchboard) -> None:
    left = leaves_a_message(night)
    phone = signed_in(night).keys("6", "2")
    assert "Available, 1" in phone.heard
    assert message(night, left).closed_by is None
    assert "What came of it?" in phone.keys("6", "1", "2").heard
    assert "No message waits for you" in phone.keys("4").heard
    assert (message(night, left).closed_by, message(night, left).code) == ("grace", "follow_up")


def test_a_key_that_is_no_code_leaves_the_message_in_line(night: Switchboard) -> None:
    left = leaves_a_message(night)
    assert "Available, 1" in signed_in(night).keys("6", "1", "2", "9").heard
    assert message(night, left).closed_by is None


def test_the_next_one_is_by_promise_and_the_first_comes_again_when_asked_for_anew(night: Switchboard) -> None:
    for recording in ("RE1", "RE2"):
        leaves_a_message(night, recording)
    phone = signed_in(night).keys("6", "6")
    assert "Message for Front desk" in phone.heard
    assert "No message waits for you" in phone.keys("6").heard
    assert "Message for Front desk" in phone.keys("6").heard


def test_whose_number_nobody_knows_is_not_called_back(night: Switchboard) -> None:
    leaves_a_message(night)
    phone = signed_in(night).keys("6", "1")
    assert "To call back" not in phone.heard
    assert "That cannot be done now" in phone.keys("3").heard


def test_only_a_prescription_is_confirmed(night: Switchboard) -> None:
    leaves_a_message(night)
    assert "That cannot be done now" in signed_in(night).keys("6", "1", "4").heard


def test_a_message_of_queues_they_do_not_serve_is_not_theirs(night: Switchboard) -> None:
    leaves_a_message(night)
    assert "No message waits for you" in signed_in(night, OMAR, "9526#").keys("6").heard


def test_who_is_too_late_hears_that_somebody_else_has_it(night: Switchboard) -> None:
    leaves_a_message(night)
    grace, mateo = signed_in(night).keys("6", "1", "2"), signed_in(night, "+12025550134", "7304#").keys("6")
    grace.keys("1")
    assert "Somebody else has taken it" in mateo.keys("1").heard
