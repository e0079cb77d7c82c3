"""The worker is silent: nobody is offered a call, and callers are told, rung through, or kept in their place."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from ivr.core.call import World
from ivr.core.effects import CreateTask, SetTimer
from ivr.core.events import Came, DialEnded, QueueLeft, Stumbled
from ivr.core.on_hold import hold_view
from ivr.core.verbs import Dial, Gather, Hold, Leave, Play, Say, Verb
from tests.core.rehearsal import LINE, NIGHT, OPEN, PHARMACY, SILENT, Rehearsal

STAFFED, ON_CALL = "+15555550101", "+15555550102"
EMERGENCY, PERSON = ("1", "1"), ("1", "0")


def unattended(*keys: str, at: datetime = OPEN) -> Rehearsal:
    """A call that has pressed these keys while the worker is silent."""
    return Rehearsal(at, line=SILENT).rings().keys(*keys)


def falls_silent(call: Rehearsal) -> Rehearsal:
    call.answers["line"] = SILENT
    return call


def comes_back(call: Rehearsal) -> Rehearsal:
    call.answers["line"] = LINE
    return call


def hears_on_hold(call: Rehearsal) -> tuple[Verb, ...]:
    return hold_view(call.call, World(call.now, PHARMACY, call.answers))


def offered_on_hold(call: Rehearsal) -> list[str]:
    [question] = hears_on_hold(call)
    assert isinstance(question, Gather)
    return [part.prompt for part in question.says if isinstance(part, Say)]


def leaves_for_it(call: Rehearsal) -> Rehearsal:
    assert call.last.says == (Leave(),)
    return call.happens(QueueLeft("c", "leave"))


def rung(call: Rehearsal) -> str:
    dials = [verb.number for verb in call.last.says or () if isinstance(verb, Dial)]
    return dials[0] if dials else ""


class TestEmergencies:
    def test_a_decided_one_rings_the_number_on_call_from_the_turn_itself(self) -> None:
        call = unattended(*EMERGENCY)
        assert call.heard == ["hold_emergency"]
        assert rung(call) == ON_CALL

    def test_by_night_too(self) -> None:
        assert rung(unattended(*EMERGENCY, at=NIGHT)) == ON_CALL

    def test_one_already_waiting_leaves_the_queue_for_it_at_its_next_view(self) -> None:
        call = falls_silent(Rehearsal().rings().keys(*EMERGENCY))
        assert hears_on_hold(call) == (Leave(),)
        assert rung(call.happens(QueueLeft("c", "leave"))) == ON_CALL

    def test_the_desk_is_next_while_open_and_then_they_wait_and_all_is_tried_again(self) -> None:
        call = unattended(*EMERGENCY).happens(DialEnded("c", "no-answer"))
        assert (call.heard, rung(call)) == (["connecting"], STAFFED)
        call.happens(DialEnded("c", "busy"))
        assert call.heard == ["emergency_rung_in_vain"]
        assert isinstance(call.last.says[-1], Hold)
        assert hears_on_hold(call) == (Leave(),)
        assert rung(call.happens(QueueLeft("c", "leave"))) == ON_CALL

    def test_a_closed_desk_is_never_rung(self) -> None:
        call = unattended(*EMERGENCY, at=NIGHT).happens(DialEnded("c", "no-answer"))
        assert call.verbs == ["Say", "Pause", "Hold"]

    def test_the_ticket_waits_in_its_old_place_for_a_worker_that_comes_back(self) -> None:
        call = unattended(*EMERGENCY, at=NIGHT)
        place = call.call.ticket.order
        call.happens(DialEnded("c", "failed"))
        assert (call.call.ticket.state, call.call.ticket.order) == ("waiting", place)
        assert call.call.ticket.on_call
        assert "emergency:unanswered" in [timer.name for timer in call.last.does if isinstance(timer, SetTimer)]
        comes_back(call)
        assert isinstance(hears_on_hold(call)[0], Gather)
        assert call.offered_to().picked_up().heard == ["agent_whisper"]

    def test_who_comes_back_just_then_goes_on_waiting(self) -> None:
        call = falls_silent(Rehearsal().rings().keys(*EMERGENCY))
        assert hears_on_hold(call) == (Leave(),)
        assert comes_back(call).happens(QueueLeft("c", "leave")).verbs == ["Say", "Pause", "Hold"]

    def test_nobody_is_fetched_from_where_they_talk(self) -> None:
        call = comes_back(unattended(*EMERGENCY))
        assert call.offered_to().rung == []
        assert not call.call.offers

    def test_phones_that_ring_for_it_fall_silent(self) -> None:
        call = Rehearsal().rings().keys(*EMERGENCY).offered_to()
        falls_silent(call).happens(QueueLeft("c", "leave"))
        assert [offer.state for offer in call.call.offers] == ["withdrawn"]
        assert call.presence["ana"] == "available"
        assert call.picked_up().heard == ["agent_too_late"]

    def test_who_has_talked_is_transferred(self) -> None:
        told = unattended(*EMERGENCY).happens(DialEnded("c", "completed")).disposition
        assert (told["outcome"], told["final"]) == ("transferred", True)

    def test_whether_a_caller_who_hangs_up_was_helped_nobody_knows_so_somebody_sees_to_it(self) -> None:
        call = unattended(*EMERGENCY).hangs_up()
        assert [(task.what, task.urgent) for task in call.did(CreateTask)] == [("emergency_abandoned", True)]
        assert (call.disposition["outcome"], call.disposition["final"]) == ("transferred", True)

    def test_with_nobody_to_ring_they_hear_where_else_to_turn(self) -> None:
        nobody = replace(PHARMACY.sites["central"], on_call="")
        call = Rehearsal(NIGHT, line=SILENT, pharmacy=replace(PHARMACY, sites={"central": nobody})).rings()
        call.keys(*EMERGENCY)
        assert (call.heard, call.verbs) == (["hold_emergency"], ["Say", "Hold"])
        world = World(call.now, call.pharmacy, call.answers)
        assert hold_view(call.call, world)[0] == Gather((Say("hold_emergency"), Play("hold_short")), seconds=1)

    def test_a_document_that_failed_while_they_were_rung_through_puts_them_back_in_line(self) -> None:
        call = unattended(*EMERGENCY).happens(Stumbled("c"))
        assert (call.heard, call.verbs[-1]) == (["sorry_once_more", "hold_emergency"], "Hold")

    def test_an_old_move_that_tears_them_away_puts_them_back_in_line(self) -> None:
        call = unattended(*EMERGENCY).happens(Came("c", 3))
        assert (call.call.phase, call.call.ticket.state, call.verbs[-1]) == ("holding", "waiting", "Hold")


class TestOthers:
    def test_they_are_told_plainly_and_offered_what_can_be_had(self) -> None:
        told = ["hold_unattended", "callback_offer", "message_offer", "staffed_offer"]
        assert offered_on_hold(unattended(*PERSON)) == told
        assert offered_on_hold(falls_silent(Rehearsal().on_hold())) == told

    def test_once_the_worker_is_back_nothing_of_it_is_heard(self) -> None:
        assert offered_on_hold(comes_back(unattended(*PERSON))) == ["hold_still", "callback_offer"]

    def test_the_desk_is_offered_only_while_it_is_open(self) -> None:
        call = unattended(*PERSON)
        call.now = NIGHT
        assert offered_on_hold(call) == ["hold_unattended", "callback_offer", "message_offer"]
        assert call.keys("3").heard == ["in_line"]

    def test_whoever_stays_keeps_their_place(self) -> None:
        call = unattended(*PERSON)
        assert call.keys("0").heard == ["in_line"]
        assert call.call.ticket.state == "waiting"

    def test_a_message_is_theirs_to_leave(self) -> None:
        assert leaves_for_it(unattended(*PERSON).keys("2")).verbs == ["Say", "Record"]

    def test_the_desk_rings_from_their_own_leg(self) -> None:
        call = leaves_for_it(unattended(*PERSON).keys("3"))
        assert (call.heard, rung(call)) == (["connecting"], STAFFED)
        told = call.happens(DialEnded("c", "completed")).disposition
        assert (told["outcome"], told["final"]) == ("transferred", True)
        assert call.did(CreateTask) == []

    def test_when_nobody_answers_there_they_are_called_back_or_leave_a_message(self) -> None:
        call = leaves_for_it(unattended(*PERSON).keys("3")).happens(DialEnded("c", "no-answer"))
        assert call.heard == ["all_busy_callback"]
        assert call.call.ticket.state == "waiting"
        assert call.keys("1").heard == ["callback_confirm"]

    def test_a_desk_that_closed_while_they_chose_is_not_rung(self) -> None:
        call = unattended(*PERSON).keys("3")
        call.now = NIGHT
        assert leaves_for_it(call).verbs == ["Say", "Pause", "Hold"]

    def test_while_the_worker_is_heard_of_these_keys_mean_nothing(self) -> None:
        for key in ("2", "3"):
            assert Rehearsal().on_hold().keys(key).heard == ["in_line"]


def test_a_caller_somebody_waits_for_goes_to_their_room_by_themselves() -> None:
    call = falls_silent(Rehearsal().on_hold().offered_to().picked_up().keys("1", leg="leg-ana"))
    room = call.last.says[-1]
    assert hears_on_hold(call) == (Leave(),)
    call.happens(QueueLeft("c", "leave"))
    assert (call.call.phase, call.last.says[-1].conference) == ("talking", room.conference)
    assert call.hangs_up().disposition["outcome"] == "answered"


def test_where_the_silence_is_not_known_yet_it_is_asked() -> None:
    call = Rehearsal().rings().keys(*EMERGENCY)
    del call.answers["line"]
    call.happens(QueueLeft("c", "leave"))
    assert call.last.asks == ("line",)
