"""What supervisors type, against a real record with one call in it."""

from __future__ import annotations

import contextlib
import json
import shutil
import sqlite3
import threading
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, get_args

import pytest
import structlog

from ivr import desk, mailroom
from ivr.console.story import story
from ivr.core.call import PHASES, Answer, Caller
from ivr.core.events import Came, Event, HungUp, Keyed, NobodyCould, Recorded, Silent, Transcribed
from ivr.core.events import Offered as OfferedTo
from ivr.core.line import Ticket
from ivr.office import call_story, explain, turns
from ivr.parts import connect
from ivr.settings import Settings
from ivr.store import Offered, Publication, Turn
from ivr.switchboard import Exit, Switchboard
from tests.office import admin
from tests.shipped import says

ROOT = Path(__file__).parent.parent


def _rings(board: Switchboard, call_id: str = "CA1") -> str:
    """Somebody who withholds their number asks for a person; the leg's token."""
    board.arrived(call_id, Caller(), "+12125550110")
    token = board.token_of(call_id)
    board.turn(Exit(token, 1, "next"), Keyed(token, "1"), call_id)
    board.turn(Exit(token, 2, "next"), Keyed(token, "0"), call_id)
    return token


def test_who_is_working_and_on_what(board: Switchboard) -> None:
    told = says(desk.agents).output
    assert "Grace Lindqvist" in told
    assert "available" in told


def test_somebody_goes_on_break_and_comes_back(board: Switchboard) -> None:
    assert "on_break" in says(desk.agents, "grace", "break").output
    assert says(desk.agents, "grace", "available").exit_code == 0
    assert board.record.desk.agents()["grace"].presence == "available"


def test_a_name_nobody_has_is_told_with_those_there_are(board: Switchboard) -> None:
    told = says(desk.agents, "gracie", "break")
    assert told.exit_code == 1
    assert "nobody in config/staff.yaml is called `gracie`" in told.output


def test_who_is_signed_out_cannot_go_on_break(board: Switchboard) -> None:
    says(desk.agents, "grace", "out")
    told = says(desk.agents, "grace", "break")
    assert told.exit_code == 1
    assert "`grace` is signed out, and cannot be moved to `break` from there" in told.output


def test_the_line_is_shown_by_promise(board: Switchboard) -> None:
    assert says(desk.line).output == "nobody is in line\n"
    _rings(board)
    told = says(desk.line).output
    assert "front_desk" in told
    assert "in 2 min" in told


def test_a_promised_callback_is_listed_until_it_is_closed(board: Switchboard) -> None:
    token = _rings(board)
    for document, keys in ((3, "1"), (4, "2125550177"), (5, "1")):
        board.turn(Exit(token, document, "next"), Keyed(token, keys), "CA1")
    board.tell("CA1", HungUp(token, "completed"))
    assert "callback" in says(desk.callbacks).output
    assert "say who worked it" in says(desk.callbacks, "--close", "CA1").output
    assert "no call is called `CA2`" in says(desk.callbacks, "--close", "CA2", "--by", "grace").output
    told = says(desk.callbacks, "--close", "CA1", "--by", "grace").output
    assert "say what came of it: --code with one of answered, refill_ordered" in told
    told = says(desk.callbacks, "--close", "CA1", "--by", "grace", "--code", "solved").output
    assert "`solved` is no code of Front desk; they are answered, refill_ordered" in told
    closed = says(desk.callbacks, "--close", "CA1", "--by", "grace", "--code", "answered").output
    assert "nothing is promised" in closed
    assert "answered" in says(desk.dispositions, "CA1").output


def test_a_code_may_be_given_when_a_call_is_long_over(board: Switchboard) -> None:
    board.tell("CA1", HungUp(_rings(board), "completed"))
    assert (
        "grace says what came of it: follow_up"
        in says(call_story.call, "CA1", "--code", "follow_up", "--by", "grace").output
    )
    assert "follow_up" in says(desk.dispositions, "CA1").output
    assert "they are answered" in says(call_story.call, "CA1", "--code", "fixed", "--by", "grace").output


@pytest.mark.parametrize(
    ("how", "told"),
    [
        (("out", "--by", "daniel"), "`daniel` may move only themselves"),
        (("out", "--force", "--by", "grace"), "by force"),
        (("out", "--by", "nobody"), "nobody in config/staff.yaml is called `nobody`"),
    ],
)
def test_whom_the_api_would_refuse_is_refused_here_too(board: Switchboard, how: tuple[str, ...], told: str) -> None:
    said = says(desk.agents, "grace", *how)
    assert (said.exit_code, told in said.output) == (1, True)
    assert board.record.desk.agents()["grace"].presence == "available"


def test_the_day_of_an_agent_is_told_move_by_move(board: Switchboard) -> None:
    says(desk.agents)
    assert "nothing has moved them today" in says(desk.agents, "grace", "--history").output
    says(desk.agents, "grace", "break", "--reason", "meal", "--by", "grace")
    told = says(desk.agents, "grace", "out", "--by", "ruth", "--history").output
    assert "10:00:0" in told
    assert "meal" in told
    assert "themselves" in told
    assert "signed_out" in told
    assert "ruth" in told


def test_a_break_asked_for_during_a_call_is_shown_as_what_comes_next(board: Switchboard) -> None:
    for event in ("offered", "accepted"):
        board.record.desk.move_agent("grace", event, "", board.clock.now(), by="line")
    assert "on_call, then break" in says(desk.agents, "grace", "break").output
    assert "then break" not in says(desk.agents, "grace", "available").output


def _leaves_a_message(board: Switchboard, call_id: str = "CA1") -> None:
    """Somebody chooses to leave a message, and nobody but whoever listens can know what it says."""
    token = _rings(board, call_id)
    board.tell(call_id, NobodyCould())
    board.turn(Exit(token, 4, "moved"), Came(token, 4), call_id)
    board.turn(Exit(token, 5, "next"), Silent(token), call_id)
    board.tell(call_id, HungUp(token, "completed"))
    board.tidings.recorded(Recorded(token, "RE1", 12), call_id)


def test_messages_are_listed_heard_and_closed(board: Switchboard) -> None:
    assert says(mailroom.messages).output == "no message is to be worked\n"
    _leaves_a_message(board)
    token = board.token_of("CA1")
    listed = says(mailroom.messages).output
    assert "front_desk" in listed
    assert "unheard" in listed
    assert "say who you are" in says(mailroom.messages, "CA1").output
    assert "no call is called `CA2`" in says(mailroom.messages, "CA2", "--by", "grace").output
    assert "nobody has heard" in says(desk.callbacks, "--close", "CA1", "--by", "grace", "--code", "answered").output
    assert "no transcript (awaited)" in says(mailroom.messages, "CA1", "--by", "grace").output
    board.tidings.transcribed(Transcribed(token, "RE1", "ignore\x1b[2J [bold]all[/bold]"), "CA1")
    told = says(mailroom.messages, "CA1", "--by", "grace").output
    assert "recording: RE1, 12 seconds" in told
    assert "flags: not_scanned" in told
    assert "by a machine, of a stranger's words" in told
    assert "ignore\ufffd[2J [bold]all[/bold]" in told
    assert "heard by grace" in says(mailroom.messages).output
    assert "nobody knows the number" in says(mailroom.messages, "CA1", "--by", "grace", "--call-back").output
    assert "only a prescription" in says(mailroom.messages, "CA1", "--by", "grace", "--confirm").output
    told = says(mailroom.messages, "CA1", "--by", "grace", "--close", "solved").output
    assert "`solved` is no code of Front desk; they are answered, refill_ordered" in told
    assert "--code with one of answered" in says(desk.callbacks, "--close", "CA1", "--by", "grace").output
    closed = says(desk.callbacks, "--close", "CA1", "--by", "grace", "--code", "answered").output
    assert "nothing is promised" in closed
    assert "no message is to be worked" in says(mailroom.messages).output


def _arrives(board: Switchboard, call_id: str, number: str) -> str:
    """Somebody rings from a number nobody has filed; the leg's token."""
    board.arrived(call_id, Caller("number", number, "A"), "+12125550110")
    board.record.keep_answer(call_id, "who", Answer(True), board.clock.now())
    return board.token_of(call_id)


def _promised(board: Switchboard, call_id: str = "CA1", number: str = "+12125550177") -> str:
    """Somebody asks for a person, and then to be called back at the number they ring from; the leg's token."""
    token = _arrives(board, call_id, number)
    for document, key in enumerate(("1", "0", "1", "1"), 1):
        board.turn(Exit(token, document, "next"), Keyed(token, key), call_id)
    board.tell(call_id, HungUp(token, "completed"))
    return token


def _ticket(board: Switchboard, call_id: str = "CA1") -> Ticket:
    loaded = board.record.load_call(call_id)
    assert loaded is not None
    assert loaded.call.ticket is not None
    return loaded.call.ticket


def test_a_callback_shows_how_its_person_came_to_it(board: Switchboard) -> None:
    _promised(board)
    told = says(desk.callbacks, wide=True).output
    for shown in ("speak to person", "rule otherwise", "America/New_York", "CA1"):
        assert shown in told


def test_a_callback_whose_person_is_being_rung_is_listed_still(board: Switchboard) -> None:
    _promised(board)
    loaded = board.record.load_call("CA1")
    assert loaded is not None
    ticket = replace(_ticket(board), state="connecting")
    board.record.commit(Turn(loaded.call, loaded.rev, replace(loaded.call, ticket=ticket), board.clock.now(), "{}"))
    assert "under way" in says(desk.callbacks, wide=True).output


def test_staff_give_a_callback_another_time_and_call_it_off(board: Switchboard) -> None:
    _promised(board)
    arrived = _ticket(board).arrived_at
    assert "say who does it" in says(desk.callbacks, "--cancel", "CA1").output
    assert says(desk.callbacks, "--move", "CA1", "--to", "2026-11-24 13:00 to 17:00", "--by", "grace").exit_code == 0
    ticket = _ticket(board)
    assert (ticket.due_from.isoformat(), ticket.arrived_at) == ("2026-11-24T18:00:00+00:00", arrived)
    says(desk.callbacks, "--move", "CA1", "--by", "grace")
    assert _ticket(board).due_from == arrived
    assert "nothing is promised" in says(desk.callbacks, "--cancel", "CA1", "--by", "grace").output
    assert "callback_cancelled" in says(desk.dispositions, "CA1").output
    assert "nobody waits to be called back" in says(desk.callbacks, "--cancel", "CA1", "--by", "grace").output


def test_who_serves_another_queue_moves_and_calls_off_nobodys_callback_and_a_supervisor_does(
    board: Switchboard,
) -> None:
    _promised(board)  # at the front desk
    for act in (("--cancel", "CA1"), ("--move", "CA1"), ("--close", "CA1", "--code", "answered")):
        told = says(desk.callbacks, *act, "--by", "daniel")
        assert (told.exit_code, "`daniel` does not serve `front_desk`" in told.output) == (1, True)
    assert _ticket(board).state == "waiting"
    assert says(desk.callbacks, "--cancel", "CA1", "--by", "ruth").exit_code == 0
    assert _ticket(board).state == "closed"


@pytest.mark.parametrize("times", ["tomorrow", "2026-11-24 5 to 7", "2026-11-23 13:00 to 17:00"])
def test_a_time_that_cannot_be_is_told(board: Switchboard, times: str) -> None:
    _promised(board)
    told = says(desk.callbacks, "--move", "CA1", "--to", times, "--by", "grace")
    assert told.exit_code == 1
    assert _ticket(board).window is None


def test_a_time_at_which_nobody_would_be_called_is_refused(board: Switchboard) -> None:
    _promised(board)
    for times in ("2026-11-24 19:00 to 20:30", "2026-11-25 08:00 to 10:00", "2026-11-26 13:00 to 17:00"):
        told = says(desk.callbacks, "--move", "CA1", "--to", times, "--by", "grace").output
        assert "we are closed then, or it is quiet where they are" in told
    assert _ticket(board).window is None


def test_a_day_that_is_none_is_named_and_a_time_for_no_callback_is_refused(board: Switchboard) -> None:
    _promised(board)
    assert '"tomorrow"' in says(desk.callbacks, "--move", "CA1", "--to", "tomorrow", "--by", "grace").output
    told = says(desk.callbacks, "--to", "2026-11-24 13:00 to 17:00")
    assert (told.exit_code, "--move CALL_ID --to TIMES" in told.output) == (1, True)


def test_promises_are_legible_in_a_narrow_terminal(board: Switchboard) -> None:
    _promised(board)
    assert "…" not in says(desk.callbacks).output


def test_a_callback_nobody_promised_is_told(board: Switchboard) -> None:
    assert "no callback is promised" in says(desk.callbacks, "--cancel", "CA9", "--by", "grace").output
    moved = says(desk.callbacks, "--move", "CA9", "--to", "2026-11-24 13:00 to 17:00", "--by", "grace")
    assert "no call is called `CA9`" in moved.output
    with pytest.raises(LookupError):
        board.deeds.cancel_callback("no such ticket", "grace")


# ---------------------------------------------------------------- one person and need, one live ticket


def _asks_for_person(board: Switchboard, call_id: str, number: str = "+12125550177") -> str:
    """Somebody asks for a person; what they hear then."""
    token = _arrives(board, call_id, number)
    board.turn(Exit(token, 1, "next"), Keyed(token, "1"), call_id)
    return board.turn(Exit(token, 2, "next"), Keyed(token, "0"), call_id)


def test_whoever_rings_again_is_asked_and_their_ticket_goes_on_in_the_new_call(board: Switchboard) -> None:
    _promised(board)
    before = _ticket(board)
    assert "Somebody with your number is in line already" in _asks_for_person(board, "CA2")
    token = board.token_of("CA2")
    assert "You are number 1" in board.turn(Exit(token, 3, "next"), Keyed(token, "1"), "CA2")
    assert _ticket(board, "CA2") == replace(before, call="CA2")
    assert _ticket(board, "CA1") == replace(before, call="CA2", state="moved")
    assert [ticket.call for ticket in board.record.desk.waiting("central")] == ["CA2"]


def test_the_key_that_takes_it_over_works_once_however_often_it_is_delivered(board: Switchboard) -> None:
    _promised(board)
    _asks_for_person(board, "CA2")
    token = board.token_of("CA2")
    first = board.turn(Exit(token, 3, "next"), Keyed(token, "1"), "CA2")
    assert board.turn(Exit(token, 3, "next"), Keyed(token, "1"), "CA2") == first


def test_what_an_agent_takes_meanwhile_is_not_taken_over(board: Switchboard) -> None:
    _promised(board)
    board.tell("CA1", OfferedTo("o1", "leg-grace", "grace", "+12125550199"))
    _asks_for_person(board, "CA2")
    board.tell("CA1", Came("leg-grace", 1))
    board.tell("CA1", Keyed("leg-grace", "1"))
    token = board.token_of("CA2")
    assert "calling you back right now" in board.turn(Exit(token, 3, "next"), Keyed(token, "1"), "CA2")
    assert _ticket(board, "CA1").state == "connecting"


def test_nobody_is_called_back_who_is_on_the_line_asking_about_it(board: Switchboard) -> None:
    _promised(board)
    _asks_for_person(board, "CA2")
    board.tell("CA1", OfferedTo("o1", "leg-grace", "grace", "+12125550199"))
    assert not board.record.load_call("CA1").call.offers  # type: ignore[union-attr]
    assert _ticket(board, "CA1").state == "waiting"


def test_two_calls_of_one_number_at_once_get_one_ticket_for_one_need(board: Switchboard) -> None:
    assert "keep your place" not in _asks_for_person(board, "CA0", "+12125550178")
    heard: list[str] = []
    threads = [
        threading.Thread(target=lambda call=call: heard.append(_asks_for_person(board, call)))  # type: ignore[misc]
        for call in ("CA1", "CA2")
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    asked = [reply for reply in heard if "Somebody with your number is in line already" in reply]
    assert len(asked) == 1
    live = board.record.callbacks.live_of([board.record.callbacks.key_of("+12125550177")])
    assert len(live) == 1


def test_dispositions_show_ids_whole_even_in_a_narrow_terminal(board: Switchboard) -> None:
    call_id = "CA0123456789abcdef0123456789abcdef"
    board.tell(call_id, HungUp(_rings(board, call_id), "completed"))
    told = says(desk.dispositions).output
    assert call_id in told
    assert "short_abandon" in told
    assert '"outcome": "short_abandon"' in says(desk.dispositions, call_id, "--json").output


def test_the_story_of_the_last_call_says_why(board: Switchboard) -> None:
    assert "no call has ended yet" in says(call_story.call).output
    board.tell("CA1", HungUp(_rings(board), "completed"))
    told = says(call_story.call).output
    assert "caller rings, with their number withheld, attestation none → in a flow" in told
    assert "caller presses 0 at main/menu → on hold" in told
    assert "caller is off the line → over" in told
    assert "“En una emergencia, cuelgue y marque el 911.” (emergency_notice, in Spanish)" in told
    assert "Tue 24 Nov 2026 10:0" in told
    assert "nobody answered before the caller hung up, earlier than that" in told
    assert "`ivr explain CA1` tells why of each" in told
    assert "→ otherwise (routing_rules/main.yaml:" in told
    assert "“Thank you for calling Central Pharmacy.”" in told
    whole = json.loads(says(call_story.call, "CA1", "--json").output)
    assert [turn["event"] for turn in whole["turns"]] == ["Arrived", "Keyed", "Keyed", "HungUp"]
    assert "it needs urgency: emergency, and urgency is unknown" in [
        why["because"] for turn in whole["turns"] for why in turn["why"]
    ]


def test_the_story_of_a_call_stays_true_whatever_is_published_afterwards(board: Switchboard) -> None:
    board.tell("CA1", HungUp(_rings(board), "completed"))
    before = story(board, "CA1")
    _publish_thrice(board)
    with contextlib.closing((today := connect(Settings.from_environment())).record):
        _rings(today, "CA2")
        after, now = story(today, "CA1"), story(today, "CA2")
    assert before == after
    assert before is not None
    assert now is not None
    [was], [is_] = (_taken(told) for told in (before, now))
    assert (was["rule"], was["file"]) == (is_["rule"], is_["file"])
    assert is_["line"] == was["line"] + 3
    assert "Thank you for calling Central Pharmacy." in _words(after)
    assert "Welcome, number 3." in _words(now)


def _taken(told: dict[str, Any]) -> list[dict[str, Any]]:
    return [why for turn in told["turns"] for why in turn["why"] if why["taken"]]


def _words(told: dict[str, Any] | None) -> list[str]:
    return [said["words"] for turn in (told or {})["turns"] for said in turn["said"]]


def _publish_thrice(board: Switchboard) -> None:
    """Each time the rules stand elsewhere in their file, and callers are greeted in other words."""
    files = dict(admin.SHIPPED)
    for number, was in enumerate(
        ("Thank you for calling {{ pharmacy }}.", "Welcome, number 1.", "Welcome, number 2."), 1
    ):
        files[admin.RULES] = files[admin.RULES].replace("rules:\n", "rules:\n  # moved\n", 1)
        files[admin.PROMPTS] = files[admin.PROMPTS].replace(was, f"Welcome, number {number}.", 1)
        told = Publication(number + 1, str(number) * 64, board.clock.now(), "rosa", "other words")
        board.record.published.publish(told, files)


def test_the_words_of_a_version_nobody_can_read_are_not_made_up(board: Switchboard, tmp_path: Path) -> None:
    _rings(board)
    with contextlib.closing(sqlite3.connect(tmp_path / "rxline.db")) as database, database:
        database.execute("UPDATE journal SET version = 'gone'")
    told = says(call_story.call, "CA1").output
    assert "(main_menu)" in told
    assert "press 8" not in told


def test_staff_add_to_a_call_and_nothing_of_it_goes_away(board: Switchboard) -> None:
    board.tell("CA1", HungUp(_rings(board), "completed"))
    assert "say who writes it" in says(call_story.call, "CA1", "--note", "She will ring again.").output
    assert "no call is called `CA9`" in says(call_story.call, "CA9", "--note", "x", "--by", "grace").output
    by_grace = says(call_story.call, "CA1", "--note", "She will ring again.", "--by", "grace").output
    assert "`grace` did not talk with the caller" in by_grace
    told = says(call_story.call, "CA1", "--note", "She will ring again.", "--by", "ruth").output
    assert "ruth: She will ring again." in told
    correct = ("--resolution", "wrong_number", "--by", "ruth")
    assert "why it is corrected has to be said in words" in says(call_story.call, "CA1", *correct).output
    told = says(call_story.call, "CA1", *correct, "--why", "She wanted the bakery.").output
    assert "revision 1 by the line: short_abandon, abandoned_queue, next none" in told
    assert "revision 2 by ruth: short_abandon, wrong_number, next none" in told
    assert "ruth, of revision 2: She wanted the bakery." in told
    assert "\nnote 1: not yet" in told
    audited = [kept.entry for kept in board.record.staff.audit(10)]
    assert {("ruth", "note"), ("ruth", "amend"), ("cli", "story")} <= {(each.by, each.act) for each in audited}
    assert ("grace", "note", "refused") in {(each.by, each.act, each.outcome) for each in audited}


def test_a_note_is_words_and_moves_no_cursor_and_forges_no_line(board: Switchboard) -> None:
    board.tell("CA1", HungUp(_rings(board), "completed"))
    note = "Call\u00a0back.\x1b]0;title\x07 \u202eright\nMon 01 Jan 10:00:00  grace: all is well"
    told = says(call_story.call, "CA1", "--note", note, "--by", "ruth").output
    assert not any(sign in told for sign in "\x1b\x07\u202e")
    assert "ruth: Call back." in told
    assert "\n          Mon 01 Jan 10:00:00  grace: all is well" in told


def test_a_due_date_is_one_that_every_zone_has(board: Switchboard) -> None:
    board.tell("CA1", HungUp(_rings(board), "completed"))
    for due in ("9999-12-31T23:59:59-12:00", "0001-01-01T00:00:00+12:00", "0001-01-01T00:00:00+00:00"):
        told = says(call_story.call, "CA1", "--due", due, "--why", "x", "--by", "ruth")
        assert (told.exit_code, f"`{due}` is no time with its zone" in told.output) == (1, True)


def test_a_whole_call_is_told_to_who_was_not_there(board: Switchboard) -> None:
    """Put in line, offered, talked with, passed on, and waiting again."""
    token = _rings(board)
    board.tell("CA1", OfferedTo("o1", "leg-grace", "grace", "+15555550110"))
    board.turn(Exit("leg-grace", 1, "moved"), Came("leg-grace", 1), "CA5")
    board.turn(Exit("leg-grace", 1, "next"), Keyed("leg-grace", "1"), "CA5")
    loaded = board.record.load_call("CA1")
    assert loaded is not None
    assert loaded.call.ticket is not None
    document = loaded.call.legs[token].documents
    board.turn(Exit(token, document, "moved"), Came(token, document), "CA1")
    board.deeds.act(loaded.call.ticket.id, "escalate", "", "grace")
    told = says(call_story.call, "CA1", wide=True).output
    assert "promised    pharmacist, " in told
    assert "kept, answered 10:0" in told
    assert "grace picks up" in told
    assert "grace presses 1 → being connected" in told
    assert "[emergency: Emergency.]" in told
    assert "{{" not in told
    assert "talked      grace (talk), 10:0" in told
    assert "passed on   10:0" in told
    assert "to pharmacist: pharmacist, by grace, for clinical" in told
    assert "grace (answer): passed_on" in told
    assert "record of the call, passed_on: not yet" in told


def test_every_thing_that_can_happen_is_told_in_words() -> None:
    assert turns.SENTENCES.keys() == {event.__name__ for event in get_args(Event)}
    assert turns.PHASES.keys() == set(PHASES)


def test_what_comes_again_and_again_is_told_once_but_never_a_decision(board: Switchboard) -> None:
    _rings(board)
    told = story(board, "CA1")
    assert told is not None
    hours = board.pharmacy().hours["central"]
    first, decision = told["turns"][0], told["turns"][2]
    whole = list(call_story.lines(told | {"turns": [first, first, first, decision, dict(decision)]}, hours))
    assert sum("caller rings" in line for line in whole) == 1
    assert [line.strip()[:22] for line in whole if "the same again" in line] == ["… the same again 2 tim"]
    assert sum("caller presses 0" in line for line in whole) == 2


def test_a_sweep_of_a_carrier_that_is_away_says_so(board: Switchboard) -> None:
    assert "lost calls: could not look" in says(desk.sweep).output


# ---------------------------------------------------------------- explaining a call that was


def _explains(*arguments: str) -> Any:
    told = says(explain.command, *arguments, "--json")
    assert told.exit_code == 0, told.output
    return json.loads(told.stdout)


def test_each_decision_of_a_call_is_explained(board: Switchboard) -> None:
    _rings(board)
    told = _explains("CA1")
    (decided,) = told["decisions"]
    assert told["call"] == "CA1"
    assert decided["at"].startswith("2026-11-24T15:00")
    assert decided["decision"]["route"] == "queue"
    assert decided["facts"]["intent"] == "speak_to_person"
    assert decided["facts"]["time"] == "10:00"
    assert decided["version"] == board.pharmacy().version
    assert decided["passed_over"][0]["rule"] == "Emergency"


def test_a_call_is_explained_by_the_rules_of_its_day(
    board: Switchboard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _rings(board)
    before = says(explain.command, "CA1").output
    for name in ("routing_rules", "callflows", "config"):
        shutil.copytree(ROOT / name, tmp_path / name)
    (tmp_path / "routing_rules/main.yaml").write_text("version: 1\notherwise: {announce: goodbye}\n")
    monkeypatch.setenv("RXLINE_CONTENT", str(tmp_path))

    assert says(explain.command, "CA1").output == before
    assert "UTC, version " in before
    assert "the caller asked for a person" in before
    (decided,) = _explains("CA1", "--rules", "main.yaml")["decisions"]
    assert decided["decision"] == {"route": "announce", "announce": "goodbye"}


def test_a_call_says_why_a_rule_was_not_taken(board: Switchboard) -> None:
    _rings(board)
    told = says(explain.command, "CA1", "--why-not", "Emergency").output
    assert told == "Emergency (routing_rules/safety.yaml:6): it needs urgency: emergency, and urgency is unknown\n"
    assert _explains("CA1", "--why-not", "Emergency")["decisions"][0]["taken"] is False


def test_a_call_that_was_never_routed_has_nothing_to_explain(board: Switchboard) -> None:
    board.arrived("CA2", Caller(), "+12125550110")
    assert says(explain.command, "CA2").output == "the call ended before the rules were asked where it goes\n"
    assert _explains("CA2")["decisions"] == []


def test_a_call_nobody_knows_is_not_explained(board: Switchboard) -> None:
    told = says(explain.command, "CA3")
    assert (told.exit_code, "no call is called `CA3`" in told.output) == (1, True)


def test_rules_that_are_not_kept_are_told(board: Switchboard, tmp_path: Path) -> None:
    _rings(board)
    with contextlib.closing(sqlite3.connect(tmp_path / "rxline.db")) as database, database:
        database.execute("DELETE FROM versions")
    told = says(explain.command, "CA1")
    assert (told.exit_code, "are not kept; choose others with --rules" in told.output) == (2, True)


def test_rules_an_older_release_could_read_are_told(board: Switchboard, tmp_path: Path) -> None:
    _rings(board)
    with contextlib.closing(sqlite3.connect(tmp_path / "rxline.db")) as database, database:
        database.execute("UPDATE versions SET files = ?", ('{"routing_rules/main.yaml": "old"}',))
    told = says(explain.command, "CA1")
    assert (told.exit_code, "main.yaml of version" in told.output) == (2, True)


def test_the_story_of_a_call_leaves_its_facts_to_explain(board: Switchboard) -> None:
    _rings(board)
    assert "speak_to_person" not in "".join(
        line for line in says(call_story.call, "CA1").output.splitlines() if line.startswith("Tue")
    )


def test_the_grounds_of_a_decision_name_nobody(board: Switchboard) -> None:
    board.arrived("CA4", Caller("+12125550147"), "+12125550110")
    token = board.token_of("CA4")
    board.turn(Exit(token, 1, "next"), Keyed(token, "1"), "CA4")
    board.turn(Exit(token, 2, "next"), Keyed(token, "0"), "CA4")
    told = json.dumps(_explains("CA4"))
    assert "5550147" not in told
    assert set(_explains("CA4")["decisions"][0]["facts"]) <= set(board.pharmacy().rules["main.yaml"].facts)


# ---------------------------------------------------------------- who may prove nothing for now


def _guesses(board: Switchboard, times: int, number: str = "+12125550142", about: str = "patient-01") -> None:
    now = board.clock.now()
    for n in range(times):
        offer = Offered(f"CA{about}{number[-2:]}{n}", "identity:0", number, about, wrong=True)
        board.record.proofs.keep(offer, now, now - timedelta(days=1))


def test_who_is_locked_is_listed_by_id_and_by_the_last_digits_of_a_number(board: Switchboard) -> None:
    assert "nobody is locked" in says(desk.unlock).output
    _guesses(board, 5)
    told = says(desk.unlock).output
    assert "patient-01" in told
    assert "number" not in told
    _guesses(board, 5, about="patient-02")
    told = says(desk.unlock).output
    assert "a number ending in 42" in told
    assert "5550142" not in told


def test_a_person_is_unlocked_by_somebody_and_that_is_in_the_log(
    board: Switchboard, capsys: pytest.CaptureFixture[str]
) -> None:
    _guesses(board, 5)
    with structlog.testing.capture_logs() as logged:
        told = says(desk.unlock, "patient-01", "--by", "grace").output
    assert "5 wrong tries count no more" in told
    assert "nobody is locked" in told
    assert [(each["event"], each["by"], each["person"], each["tries"]) for each in logged] == [
        ("lock_lifted", "grace", "patient-01", 5)
    ]
    [kept] = board.record.staff.audit(1)
    assert (kept.entry.by, kept.entry.act, kept.entry.subject) == ("grace", "unlock", "person:patient-01")


def test_a_colleague_is_unlocked_by_a_supervisor_only(board: Switchboard) -> None:
    told = says(desk.unlock, "staff:daniel", "--by", "grace")
    assert (told.exit_code, "may unlock no colleague" in told.output) == (1, True)
    assert says(desk.unlock, "staff:daniel", "--by", "ruth").exit_code == 0


def test_a_number_is_unlocked_and_stands_nowhere(board: Switchboard) -> None:
    _guesses(board, 10)
    with structlog.testing.capture_logs() as logged:
        told = says(desk.unlock, "+1 212 555 0142", "--by", "grace").output
    assert "10 wrong tries count no more" in told
    assert "5550142" not in f"{logged}{told}"
    assert "no wrong try counted there" in says(desk.unlock, "+1 212 555 0142", "--by", "grace").output


@pytest.mark.parametrize("by", [(), ("--by", "nobody")])
def test_only_somebody_of_the_staff_unlocks(board: Switchboard, by: tuple[str, ...]) -> None:
    _guesses(board, 5)
    told = says(desk.unlock, "patient-01", *by)
    assert told.exit_code == 1
    assert "--by with one of" in told.output
    assert "patient-01" in says(desk.unlock).output
