"""Talks as callers and staff live them: hold, advice, handing over, supervisors, recording, and who is lost."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from ivr.core.call import Answer
from ivr.core.effects import EndLeg, LookAfter, MoveLeg, PlaceCall, SetParticipant, SetTape, SetTimer
from ivr.core.events import (
    VANISHED,
    Acted,
    CallerGone,
    Came,
    DialEnded,
    HungUp,
    LeftAlone,
    Stumbled,
    Taped,
    TimerDue,
)
from ivr.core.line import Agent, Queue
from ivr.core.pharmacy import Pharmacy
from ivr.core.rooms import participant
from ivr.core.talking import refusal
from ivr.core.verbs import Dial, Gather, Hangup, Hold, Meet
from tests.core.rehearsal import OPEN, PHARMACY, QUEUES, Rehearsal

STAFF = {
    "ana": Agent("ana", "Ana", "central", "+15555550110", queues=frozenset(QUEUES), licensed=True),
    "ben": Agent("ben", "Ben", "central", "+15555550111", queues=frozenset({"front_desk"})),
    "cas": Agent("cas", "Cas", "central", "+15555550112", queues=frozenset({"pharmacist"}), licensed=True),
    "sue": Agent("sue", "Sue", "central", "+15555550119", role="supervisor"),
    "far": Agent("far", "Far", "elsewhere", "+15555550118"),
}
SITES = {**PHARMACY.sites, "elsewhere": replace(PHARMACY.sites["central"], name="elsewhere")}
STAFFED = replace(PHARMACY, staff=STAFF, sites=SITES)
FREE = Answer(True, values={"agents": "cas ben"})


class Talk(Rehearsal):
    """A call in which the caller and Ana talk, a minute after the caller rang, half a minute by now."""

    def __init__(self, pharmacy: Pharmacy = STAFFED, **answers: Answer) -> None:
        super().__init__(pharmacy=pharmacy, **{"free": FREE, **answers})
        self.presence = dict.fromkeys(STAFF, "available")

    def begins(self) -> Talk:
        self.on_hold().later(60)
        self.talking_again("ana").later(30)
        return self

    def talking_again(self, agent: str, name: str = "") -> Talk:
        self.offered_to(agent).picked_up(agent).keys("1", leg=f"leg-{agent}").moved()
        return self

    def acts(self, act: str, to: str = "", by: str = "ana") -> Talk:
        event = Acted(by, act, to)
        assert refusal(self.call, event, self.pharmacy) is None, refusal(self.call, event, self.pharmacy)
        self.happens(event)
        return self

    def refuses(self, act: str, to: str = "", by: str = "ana") -> str:
        told = refusal(self.call, Acted(by, act, to), self.pharmacy)
        before = self.call
        assert self.happens(Acted(by, act, to)).call == before
        assert self.last.does == ()
        return told or ""

    def everybody_comes(self) -> Talk:
        """Each leg that was moved fetches its newest document."""
        for token, leg in list(self.call.legs.items()):
            moves = [move for move in self.did(MoveLeg) if (move.leg, move.document) == (token, leg.documents)]
            if moves and leg.state == "live":
                self.comes(token)
        return self

    def comes(self, token: str) -> Talk:
        self.happens(Came(token, self.call.legs[token].documents))
        return self

    def star(self) -> Talk:
        """The agent presses `*`, so the room ends; the carrier tells both in this order."""
        self.happens(DialEnded("leg-ana", "completed")).happens(DialEnded("c", "completed"))
        self.says_nothing("leg-ana")
        return self

    def leg_of(self, agent: str) -> str:
        return next(offer.leg for offer in reversed(self.call.offers) if offer.agent == agent)

    def consults(self, to: str = "cas") -> Talk:
        """Ana asks a colleague, who comes to the phone and takes it."""
        self.acts("consult", to).everybody_comes()
        self.arrives(to)
        return self.everybody_comes()

    def arrives(self, agent: str) -> Talk:
        leg = self.leg_of(agent)
        self.happens(Came(leg, 1)).keys("1", leg=leg)
        return self

    @property
    def room(self) -> Any:
        return self.last.says[-1]

    @property
    def rooms(self) -> dict[str, str]:
        """Where each party who is on the phone belongs, by the document they would hear now."""
        found = {}
        for token, leg in self.call.legs.items():
            if leg.state == "live":
                again = replace_call(self).happens(Stumbled(token)).last.says
                found[token] = again[-1].conference if isinstance(again[-1], Meet) else type(again[-1]).__name__
        return found


def replace_call(call: Rehearsal) -> Rehearsal:
    """The same moment, to try something out."""
    other = Rehearsal(call.now, pharmacy=call.pharmacy, **call.answers)
    other.call, other.presence = call.call, dict(call.presence)
    return other


@pytest.fixture
def talk() -> Talk:
    return Talk().begins()


def together(call: Talk, *legs: str) -> bool:
    """Do these, and nobody else, hear each other?"""
    rooms = call.rooms
    return len({rooms[leg] for leg in legs}) == 1 and all(
        rooms[leg] != rooms[legs[0]] for leg in rooms if leg not in legs
    )


# ---------------------------------------------------------------- the star, and hold


class TestTheStar:
    @pytest.mark.parametrize("caller_first", [True, False])
    @pytest.mark.parametrize("looks_before", [True, False])
    def test_in_whatever_order_it_is_told_the_caller_hears_music_and_the_agent_the_menu(
        self, talk: Talk, caller_first: bool, looks_before: bool
    ) -> None:
        first, second = ("c", "leg-ana") if caller_first else ("leg-ana", "c")
        talk.happens(DialEnded(first, "completed"))
        assert talk.verbs == ["Pause", "Back"]  # a second of silence until we know
        if looks_before:
            talk.says_nothing(first)
        talk.happens(DialEnded(second, "completed"))
        if not looks_before:
            talk.says_nothing(first)
        talk.everybody_comes()
        talk.says_nothing("c")
        assert talk.heard == ["talk_on_hold"]
        talk.says_nothing("leg-ana")
        assert talk.heard == ["agent_menu"]
        assert talk.call.phase == "talking"

    def test_key_one_brings_the_two_together_in_a_fresh_room(self, talk: Talk) -> None:
        first = talk.call.talk.room
        talk.star().keys("1", leg="leg-ana")
        assert talk.room.conference not in ("", first)
        assert talk.everybody_comes().rooms == {"c": talk.call.talk.room, "leg-ana": talk.call.talk.room}

    def test_a_caller_who_hangs_up_is_not_taken_for_a_star(self, talk: Talk) -> None:
        talk.happens(DialEnded("leg-ana", "completed")).hangs_up()
        assert talk.says_nothing("leg-ana").heard == ["agent_caller_left"]
        assert talk.disposition["outcome"] == "answered"

    def test_a_caller_whose_going_is_told_late_is_told_to_the_agent_before_the_menu(self, talk: Talk) -> None:
        talk.happens(DialEnded("leg-ana", "completed")).says_nothing("leg-ana")
        assert talk.heard == ["agent_menu"]
        assert LookAfter("c") in talk.last.does
        talk.happens(CallerGone("c"))
        assert talk.comes("leg-ana").heard == ["agent_caller_left"]
        assert talk.presence["ana"] == "wrap_up"

    def test_a_caller_whose_agent_hung_up_hears_goodbye_within_a_second(self, talk: Talk) -> None:
        talk.happens(DialEnded("c", "completed")).hangs_up("leg-ana")
        assert talk.says_nothing("c").verbs[-1] == "Hangup"
        assert talk.call.phase == "leaving"

    def test_a_caller_whose_agent_hung_up_unheard_of_hears_music_and_then_goodbye(self, talk: Talk) -> None:
        talk.happens(DialEnded("c", "completed")).says_nothing("c")
        assert talk.heard == ["talk_on_hold"]
        assert LookAfter("leg-ana") in talk.last.does
        talk.hangs_up("leg-ana", VANISHED)
        assert talk.comes("c").heard == ["thank_you"]

    def test_two_who_lost_each_other_and_nobody_knows_why_meet_again(self, talk: Talk) -> None:
        talk.happens(DialEnded("c", "completed")).says_nothing("c").later(10).happens(TimerDue("apart:offer-ana"))
        assert together(talk, "c", "leg-ana")
        assert talk.everybody_comes().call.talk.caller == "room"

    def test_it_is_told_again_on_silence_and_a_strange_key_changes_nothing(self, talk: Talk) -> None:
        talk.star()
        for key in ("9", "8", "0", "*"):
            assert talk.keys(key, leg="leg-ana").heard == ["agent_menu"]
        assert talk.says_nothing("leg-ana").heard == ["agent_menu"]

    def test_a_document_of_the_talk_that_breaks_is_heard_again(self, talk: Talk) -> None:
        assert talk.happens(Stumbled("c")).room.conference == talk.call.talk.room
        assert talk.happens(Stumbled("leg-ana")).room.conference == talk.call.talk.room

    def test_an_agent_who_presses_star_before_the_caller_has_come_waits_on(self) -> None:
        call = Talk().on_hold().offered_to().picked_up().keys("1", leg="leg-ana")
        assert call.happens(DialEnded("leg-ana", "completed")).verbs == ["Meet"]
        assert call.moved().verbs == ["Say", "Meet"]


class TestHold:
    def test_the_caller_hears_music_and_comes_back(self, talk: Talk) -> None:
        talk.acts("hold").everybody_comes()
        assert (talk.comes("c").heard, talk.comes("leg-ana").heard) == (["talk_on_hold"], ["agent_menu"])
        assert together(talk.acts("resume"), "c", "leg-ana")

    def test_asking_for_it_twice_does_it_once(self, talk: Talk) -> None:
        before = talk.acts("hold").call
        assert talk.acts("hold").call == before
        before = talk.acts("resume").call
        assert talk.acts("resume").call == before

    def test_an_agent_who_forgot_a_held_caller_is_reminded_and_then_they_are_together(self, talk: Talk) -> None:
        """freeswitch#1140."""
        talk.acts("hold").everybody_comes().later(120).happens(TimerDue("held:offer-ana"))
        assert talk.comes("leg-ana").heard == ["agent_reminder", "agent_menu"]
        talk.says_nothing("leg-ana").later(120).happens(TimerDue("held:offer-ana"))
        assert together(talk, "c", "leg-ana")

    def test_a_reminder_of_an_earlier_hold_says_nothing(self, talk: Talk) -> None:
        talk.acts("hold").everybody_comes().acts("resume").later(100).acts("hold")
        before = talk.call
        assert talk.later(20).happens(TimerDue("held:offer-ana")).call == before
        assert talk.acts("resume").later(200).happens(TimerDue("held:offer-ana")).call.talk.caller == "room"

    def test_an_agent_who_is_lost_while_the_caller_is_on_hold_gives_them_back_to_the_line(self, talk: Talk) -> None:
        order = talk.call.ticket.order
        talk.acts("hold").everybody_comes().hangs_up("leg-ana")
        assert talk.comes("c").heard == ["moved_back_in_line"]
        assert isinstance(talk.room, Hold)
        assert (talk.call.ticket.state, talk.call.ticket.order, talk.call.phase) == ("waiting", order, "holding")
        assert talk.presence["ana"] == "wrap_up"
        assert talk.talking_again("ben").later(5).hangs_up().disposition["waited_seconds"] == 60

    def test_a_caller_who_hangs_up_on_hold_is_told_to_the_agent_in_the_menu(self, talk: Talk) -> None:
        talk.acts("hold").everybody_comes().hangs_up()
        assert talk.comes("leg-ana").heard == ["agent_caller_left"]
        assert (talk.disposition["outcome"], talk.presence["ana"]) == ("answered", "wrap_up")

    def test_it_may_be_ended_from_the_desk_and_both_hear_that(self, talk: Talk) -> None:
        talk.acts("hold").everybody_comes().acts("hang_up")
        assert talk.comes("c").heard == ["thank_you"]
        assert talk.comes("leg-ana").heard == ["agent_caller_left"]
        assert talk.disposition["code"] == "resolved_agent"


class TestWhoIsLost:
    def test_an_agent_whose_phone_dies_after_a_few_seconds_was_no_answer(self) -> None:
        talk = Talk().on_hold().later(60).offered_to().picked_up().keys("1", leg="leg-ana").moved()
        order = talk.call.ticket.order
        talk.later(9).hangs_up("leg-ana", VANISHED)
        assert talk.happens(DialEnded("c", "completed")).heard == ["moved_back_in_line"]
        assert (talk.call.ticket.state, talk.call.ticket.order) == ("waiting", order)

    def test_a_caller_who_asks_before_they_are_moved_is_told_at_once(self, talk: Talk) -> None:
        talk.acts("hold").everybody_comes().hangs_up("leg-ana").says_nothing("c")
        assert (talk.heard, talk.verbs[-1]) == (["moved_back_in_line"], "Hold")

    def test_after_a_real_talk_a_dead_phone_is_a_goodbye(self, talk: Talk) -> None:
        talk.hangs_up("leg-ana", VANISHED)
        assert talk.happens(DialEnded("c", "completed")).heard == ["thank_you"]
        assert talk.disposition["outcome"] == "answered"

    def test_an_agent_who_says_goodbye_after_a_few_seconds_meant_it(self) -> None:
        talk = Talk().on_hold().offered_to().picked_up().keys("1", leg="leg-ana").moved().later(5).hangs_up("leg-ana")
        assert talk.happens(DialEnded("c", "completed")).heard == ["thank_you"]

    def test_an_agent_whose_phone_went_down_before_the_caller_came_was_no_answer_however_late_the_news(self) -> None:
        talk = Talk().on_hold().later(60).offered_to().picked_up().later(4).keys("1", leg="leg-ana").later(2).moved()
        order = talk.call.ticket.order
        talk.later(8).happens(HungUp("leg-ana", "completed", seconds=5))
        assert talk.comes("c").heard == ["moved_back_in_line"]
        assert (talk.call.ticket.state, talk.call.ticket.order) == ("waiting", order)
        assert talk.later(30).hangs_up().disposition["outcome"] == "abandoned"
        assert talk.disposition["promise_kept"] is False

    def just_met(self) -> Talk:
        talk = Talk().on_hold().later(60).offered_to().picked_up().later(3).keys("1", leg="leg-ana").moved()
        return talk.later(0.2).hangs_up("leg-ana")

    def test_an_agent_who_hangs_up_while_the_caller_still_hears_that_they_are_connected_was_no_answer(self) -> None:
        talk = self.just_met()
        assert talk.presence["ana"] == "on_call"
        talk.later(0.3).moved()
        assert (talk.heard, talk.verbs[-1]) == (["moved_back_in_line"], "Hold")
        assert (talk.call.ticket.state, talk.call.ticket.answered_at) == ("waiting", None)
        assert talk.presence["ana"] == "wrap_up"
        assert talk.later(30).hangs_up().disposition["outcome"] == "abandoned"

    def test_an_agent_who_hangs_up_at_once_on_a_caller_who_has_come_has_said_goodbye(self) -> None:
        talk = self.just_met().happens(DialEnded("c", "completed"))
        assert (talk.heard, talk.disposition["outcome"]) == (["thank_you"], "answered")
        assert talk.call.ticket.state == "closed"

    def test_a_caller_found_alone_long_after_their_agent_had_gone_waits_again(self) -> None:
        talk = Talk().on_hold().later(60).offered_to().picked_up().later(3).keys("1", leg="leg-ana").moved()
        order = talk.call.ticket.order
        talk.later(120).hangs_up("leg-ana", VANISHED).moved()
        assert (talk.heard, talk.verbs[-1]) == (["moved_back_in_line"], "Hold")
        assert (talk.call.ticket.order, talk.call.ticket.answered_at) == (order, None)

    def test_a_caller_who_hangs_up_before_they_could_say_whether_they_had_met_was_not_answered(self) -> None:
        talk = self.just_met().hangs_up()
        assert talk.disposition["outcome"] == "abandoned"
        assert talk.presence["ana"] == "wrap_up"

    def test_a_caller_of_whom_nothing_is_heard_either_waits_again(self) -> None:
        talk = self.just_met()
        assert refusal(talk.call, Acted("ana", "hold"), STAFFED) == "nobody is talking with this caller now"
        timer = next(effect.name for effect in reversed(talk.does) if isinstance(effect, SetTimer))
        talk.later(10).happens(TimerDue(timer))
        assert (talk.call.ticket.state, talk.call.ticket.answered_at) == ("waiting", None)
        assert talk.moved().heard == ["moved_back_in_line"]

    @pytest.mark.parametrize("gone", ["c", "leg-ana"])
    def test_somebody_left_alone_in_a_room_is_fetched_and_who_is_gone_found_out(self, talk: Talk, gone: str) -> None:
        talk.happens(LeftAlone(talk.call.talk.room))
        assert {move.leg for move in talk.last.does if isinstance(move, MoveLeg)} == {"c", "leg-ana"}
        talk.happens(CallerGone(gone))
        stays = "c" if gone == "leg-ana" else "leg-ana"
        assert talk.comes(stays).verbs[-1] == "Hangup"

    @pytest.mark.parametrize("other_first", [True, False])
    @pytest.mark.parametrize("torn", ["c", "leg-ana"])
    def test_a_move_that_comes_after_they_have_met_again_does_not_part_them(
        self, talk: Talk, torn: str, other_first: bool
    ) -> None:
        """Of the room that ended by it, the other party may tell before the torn one asks what comes next."""
        late = talk.acts("hold").call.legs[torn].documents
        talk.happens(DialEnded(torn, "completed")).everybody_comes().acts("resume").everybody_comes()
        room = talk.call.talk.room
        if other_first:
            talk.happens(DialEnded("leg-ana" if torn == "c" else "c", "completed"))
        assert talk.happens(Came(torn, late)).room.conference != room
        assert together(talk.everybody_comes(), "c", "leg-ana")

    def test_news_of_another_room_is_no_news(self, talk: Talk) -> None:
        before = talk.call
        assert talk.happens(LeftAlone("rx-other")).call == before
        talk.acts("hold")
        before = talk.call
        assert talk.happens(LeftAlone(talk.call.talk.room)).call == before
        over = Rehearsal().on_hold()
        assert over.happens(LeftAlone("rx-other")).call.phase == "holding"


# ---------------------------------------------------------------- advice


class TestAdvice:
    def test_a_colleague_is_rung_with_a_whisper_while_the_caller_hears_music(self, talk: Talk) -> None:
        talk.acts("consult", "cas").everybody_comes()
        assert talk.rung[-1] == "+15555550112"
        assert talk.comes("c").heard == ["talk_on_hold"]
        assert talk.comes("leg-ana").heard == ["agent_ringing"]
        assert talk.happens(Came(talk.leg_of("cas"), 1)).heard == ["agent_consult"]
        assert "+15555550130" not in str(talk.last.says)
        assert talk.presence["cas"] == "offered"

    def test_they_talk_alone(self, talk: Talk) -> None:
        """livekit/agents#6357, agents-js#2221: what is meant for one party is heard by no other."""
        talk.consults()
        assert together(talk, "leg-ana", talk.leg_of("cas"))
        assert talk.comes("c").heard == ["talk_on_hold"]
        assert (talk.presence["cas"], talk.presence["ana"]) == ("on_call", "on_call")

    def test_the_agents_leaving_does_not_end_their_room(self, talk: Talk) -> None:
        talk.consults()
        assert talk.comes("leg-ana").room.ends is False
        talk.acts("join").acts("drop")
        assert SetParticipant("leg-ana") in talk.last.does
        assert participant(talk.call, "leg-ana") == (talk.call.talk.room, False, True, None)

    def test_any_free_agent_of_a_queue(self, talk: Talk) -> None:
        talk.acts("consult", "queue:front_desk")
        assert talk.rung[-1] == "+15555550111"

    def test_a_pharmacists_queue_is_answered_by_a_licensed_one(self, talk: Talk) -> None:
        talk.answers["free"] = Answer(True, values={"agents": "ben cas"})
        talk.acts("consult", "queue:pharmacist")
        assert talk.rung[-1] == "+15555550112"

    def test_an_outside_number_of_the_list_is_rung_and_told_nothing_of_the_caller(self, talk: Talk) -> None:
        talk.acts("consult", "courier").everybody_comes()
        leg = talk.leg_of("outside:courier")
        assert talk.rung[-1] == "+15555550120"
        assert talk.happens(Came(leg, 1)).heard == ["agent_consult_outside"]
        assert talk.keys("1", leg=leg).room.star is False
        told = talk.everybody_comes().acts("hand_over").everybody_comes().hangs_up().disposition
        assert (told["outcome"], told["agents"]) == ("transferred", ["ana"])

    def test_nobody_free_is_told_and_the_caller_waits_meanwhile(self, talk: Talk) -> None:
        talk.answers["free"] = Answer(True, values={"agents": ""})
        talk.acts("consult", "cas").everybody_comes()
        assert talk.comes("leg-ana").heard == ["agent_nobody_free", "agent_menu"]
        assert talk.did(PlaceCall)[1:] == []

    @pytest.mark.parametrize("how", ["rings out", "declines", "hangs up", "is refused"])
    def test_who_does_not_come_is_told_to_the_agent(self, talk: Talk, how: str) -> None:
        talk.acts("consult", "cas").everybody_comes()
        leg = talk.leg_of("cas")
        match how:
            case "rings out":
                talk.hangs_up(leg, "no-answer")
            case "declines":
                talk.happens(Came(leg, 1)).keys("2", leg=leg).hangs_up(leg)
            case "hangs up":
                talk.happens(Came(leg, 1)).hangs_up(leg)
            case _:
                talk.hangs_up(leg, "canceled")
        assert talk.comes("leg-ana").heard == ["agent_not_taken", "agent_menu"]
        assert talk.presence["cas"] in ("available", "on_break")
        assert together(talk.acts("resume"), "c", "leg-ana")

    def test_back_to_the_caller_while_it_rings_stops_it(self, talk: Talk) -> None:
        talk.acts("consult", "cas").everybody_comes().keys("1", leg="leg-ana")
        assert EndLeg(talk.leg_of("cas")) in talk.does
        assert talk.presence["cas"] == "available"
        assert together(talk.everybody_comes(), "c", "leg-ana")

    def test_while_it_rings_the_other_keys_mean_nothing(self, talk: Talk) -> None:
        talk.acts("consult", "cas").everybody_comes()
        assert talk.keys("4", leg="leg-ana").heard == ["agent_ringing"]
        assert talk.says_nothing("leg-ana").heard == ["agent_ringing"]

    def test_dropped_the_colleague_is_thanked_and_the_two_are_together(self, talk: Talk) -> None:
        talk.consults().acts("drop")
        assert talk.comes(talk.leg_of("cas")).heard == ["agent_consult_over"]
        assert talk.presence["cas"] == "available"
        assert talk.hangs_up(talk.leg_of("cas")).call.talk
        assert together(talk.everybody_comes(), "c", "leg-ana")

    def test_a_colleague_may_leave_by_themselves(self, talk: Talk) -> None:
        talk.consults().acts("drop", by="cas")
        assert together(talk.everybody_comes().hangs_up(talk.leg_of("cas")), "c", "leg-ana")

    def test_a_colleague_who_hangs_up_leaves_the_agent_with_the_menu_and_the_caller_on_hold(self, talk: Talk) -> None:
        talk.consults().hangs_up(talk.leg_of("cas"))
        assert talk.comes("leg-ana").heard == ["agent_colleague_left", "agent_menu"]
        assert (talk.presence["cas"], talk.call.talk.caller) == ("available", "hold")

    def test_a_colleague_whose_room_ended_for_them_comes_back_to_it(self, talk: Talk) -> None:
        leg = talk.consults().leg_of("cas")
        assert talk.happens(DialEnded(leg, "completed")).verbs == ["Pause", "Back"]
        assert talk.says_nothing(leg).room.conference == talk.call.talk.room

    def test_three_together(self, talk: Talk) -> None:
        talk.consults().acts("join").everybody_comes()
        assert together(talk, "c", "leg-ana", talk.leg_of("cas"))
        before = talk.call
        assert talk.acts("join").call == before

    def test_of_three_the_colleague_may_go_and_two_talk_on_where_they_are(self, talk: Talk) -> None:
        talk.consults().acts("join").everybody_comes()
        room = talk.call.talk.room
        talk.acts("drop")
        assert talk.rooms["c"] == talk.rooms["leg-ana"] == room
        assert [move.leg for move in talk.last.does if isinstance(move, MoveLeg)] == [talk.leg_of("cas")]

    def test_of_three_the_colleague_hangs_up_and_nobody_is_moved(self, talk: Talk) -> None:
        talk.consults().acts("join").everybody_comes().hangs_up(talk.leg_of("cas"))
        assert [move for move in talk.last.does if isinstance(move, MoveLeg)] == []
        assert together(talk, "c", "leg-ana")

    def test_by_star_out_of_three_the_others_talk_on(self, talk: Talk) -> None:
        talk.consults().acts("join").everybody_comes()
        talk.happens(DialEnded("leg-ana", "completed")).says_nothing("leg-ana")
        assert talk.heard == ["agent_menu_colleague"]
        assert together(talk, "c", talk.leg_of("cas"))
        assert together(talk.keys("1", leg="leg-ana").everybody_comes(), "c", "leg-ana")

    def test_by_star_the_agent_goes_between_the_two(self, talk: Talk) -> None:
        talk.consults().happens(DialEnded("leg-ana", "completed"))
        assert talk.heard == ["agent_menu_colleague"]
        assert talk.keys("4", leg="leg-ana").room.conference == talk.call.talk.room
        talk.happens(DialEnded("leg-ana", "completed")).keys("6", leg="leg-ana")
        assert together(talk.everybody_comes(), "c", "leg-ana", talk.leg_of("cas"))

    def test_a_caller_held_long_over_advice_joins_it(self, talk: Talk) -> None:
        talk.consults().later(120).happens(TimerDue("held:offer-ana"))
        assert talk.comes("leg-ana").heard == ["agent_reminder", "agent_menu_colleague"]
        talk.keys("4", leg="leg-ana").later(120).happens(TimerDue("held:offer-ana"))
        assert together(talk.everybody_comes(), "c", "leg-ana", talk.leg_of("cas"))

    def test_a_phone_that_rings_for_long_does_not_keep_the_caller(self, talk: Talk) -> None:
        talk.acts("consult", "cas").everybody_comes().later(120).happens(TimerDue("held:offer-ana"))
        assert talk.comes("leg-ana").heard == ["agent_reminder", "agent_ringing"]
        talk.later(120).happens(TimerDue("held:offer-ana"))
        assert together(talk.everybody_comes(), "c", "leg-ana")
        assert talk.presence["cas"] == "available"

    def test_the_caller_hangs_up_meanwhile_and_both_are_told(self, talk: Talk) -> None:
        talk.consults().hangs_up()
        for leg in ("leg-ana", talk.leg_of("cas")):
            assert talk.comes(leg).heard == ["agent_caller_left"]
        assert (talk.presence["ana"], talk.presence["cas"]) == ("wrap_up", "available")
        assert talk.disposition["outcome"] == "answered"

    def test_the_caller_hangs_up_while_the_colleague_hears_the_whisper(self, talk: Talk) -> None:
        talk.acts("consult", "cas").happens(Came(talk.leg_of("cas"), 1)).hangs_up()
        assert talk.comes(talk.leg_of("cas")).heard == ["agent_caller_left"]
        assert talk.hangs_up(talk.leg_of("cas")).presence["cas"] == "available"

    def test_a_whisper_answered_after_the_caller_left_leads_nowhere(self, talk: Talk) -> None:
        leg = talk.acts("consult", "cas").leg_of("cas")
        assert talk.happens(Came(leg, 1)).hangs_up().keys("1", leg=leg).verbs == ["Say", "Hangup"]

    @pytest.mark.parametrize("joined", [True, False])
    def test_the_agent_is_lost_meanwhile_and_the_caller_talks_with_the_colleague(
        self, talk: Talk, joined: bool
    ) -> None:
        talk.consults()
        if joined:
            talk.acts("join").everybody_comes()
        talk.hangs_up("leg-ana", VANISHED).everybody_comes()
        assert together(talk, "c", talk.leg_of("cas"))
        assert (talk.call.agents, talk.call.transfers) == (("ana", "cas"), 1)
        talk.later(60).hangs_up()
        assert (talk.presence["ana"], talk.presence["cas"]) == ("wrap_up", "wrap_up")

    def test_the_agent_is_lost_while_it_rings_and_the_caller_is_back_in_their_place(self, talk: Talk) -> None:
        order = talk.call.ticket.order
        talk.acts("consult", "cas").everybody_comes().hangs_up("leg-ana")
        assert EndLeg(talk.leg_of("cas")) in talk.does
        assert talk.presence["cas"] == "available"
        assert talk.comes("c").heard == ["moved_back_in_line"]
        assert talk.call.ticket.order == order

    def test_both_are_lost_and_the_caller_is_back_in_their_place(self, talk: Talk) -> None:
        talk.consults().hangs_up(talk.leg_of("cas")).hangs_up("leg-ana")
        assert talk.comes("c").heard == ["moved_back_in_line"]


class TestHandingOver:
    def test_the_agent_is_done_and_the_caller_talks_with_the_colleague(self, talk: Talk) -> None:
        talk.consults().acts("hand_over").everybody_comes()
        assert together(talk, "c", talk.leg_of("cas"))
        told = talk.later(60).hangs_up().disposition
        assert (told["transfers"], told["agents"], told["waited_seconds"]) == (1, ["ana", "cas"], 60)
        assert (talk.presence["ana"], talk.presence["cas"]) == ("wrap_up", "wrap_up")

    def test_the_agent_hears_it(self, talk: Talk) -> None:
        assert talk.consults().acts("hand_over").comes("leg-ana").heard == ["agent_passed_on"]

    def test_by_hanging_up(self, talk: Talk) -> None:
        talk.consults().happens(DialEnded("leg-ana", "completed")).hangs_up("leg-ana").everybody_comes()
        assert together(talk, "c", talk.leg_of("cas"))

    def test_the_colleagues_leaving_ends_the_room_from_then_on(self, talk: Talk) -> None:
        talk.consults().acts("hand_over")
        assert SetParticipant(talk.leg_of("cas")) in talk.last.does
        assert participant(talk.call, talk.leg_of("cas"))[2] is True
        assert talk.everybody_comes().hangs_up(talk.leg_of("cas")).comes("c").heard == ["thank_you"]

    def test_the_colleague_may_ask_for_advice_in_turn(self, talk: Talk) -> None:
        talk.consults().acts("hand_over").everybody_comes()
        talk.acts("consult", "ben", by="cas").everybody_comes().arrives("ben")
        assert together(talk.everybody_comes(), talk.leg_of("cas"), talk.leg_of("ben"))
        assert [offer.ticket for offer in talk.call.offers] == ["t4", "t4/1", "t4/2"]


# ---------------------------------------------------------------- passing on


class TestPassingOn:
    def test_to_another_queue_with_the_same_ticket_and_clock(self, talk: Talk) -> None:
        before = talk.call.ticket
        talk.acts("transfer", "queue:verification")
        ticket = talk.call.ticket
        assert (ticket.id, ticket.arrived_at, ticket.due_from) == (before.id, before.arrived_at, before.due_from)
        assert (ticket.queue, ticket.state, ticket.answer_within_seconds) == ("verification", "waiting", 60)
        assert talk.comes("c").heard == ["talk_passed_on"]
        assert isinstance(talk.room, Hold)
        assert talk.comes("leg-ana").heard == ["agent_passed_on"]
        assert (talk.presence["ana"], talk.call.transfers) == ("wrap_up", 1)

    def test_of_two_promises_the_smaller_holds(self, talk: Talk) -> None:
        talk.call = replace(talk.call, ticket=replace(talk.call.ticket, answer_within_seconds=30))
        assert talk.acts("transfer", "queue:refills").call.ticket.answer_within_seconds == 30

    def test_the_new_queues_skills_and_licence_count(self) -> None:
        needs = {**QUEUES, "compounding": Queue("compounding", "Compounding", 60, licensed=True, needs=("sterile",))}
        talk = Talk(replace(STAFFED, queues=needs)).begins()
        talk.acts("transfer", "queue:compounding")
        assert (talk.call.ticket.needs, talk.call.ticket.licensed) == (("sterile",), True)

    def test_the_agent_may_be_told_apart_by_who_passed_it_on(self, talk: Talk) -> None:
        talk.acts("transfer", "queue:refills")
        assert [(offer.agent, offer.state, offer.ticket) for offer in talk.call.offers] == [
            ("ana", "passed_on", talk.call.ticket.id)
        ] * 2
        assert talk.call.offers[-1].offered_at == talk.now  # as if they had been asked again, and had said no

    def test_the_first_human_is_the_first(self, talk: Talk) -> None:
        talk.acts("transfer", "queue:refills").everybody_comes().later(200)
        told = talk.talking_again("ben").hangs_up().disposition
        assert (told["waited_seconds"], told["agents"], told["promise_kept"]) == (60, ["ana", "ben"], True)

    def test_who_gives_up_waiting_for_the_second_is_no_short_abandon(self, talk: Talk) -> None:
        told = talk.acts("transfer", "queue:refills").everybody_comes().later(2).hangs_up().disposition
        assert (told["outcome"], told["reached"], told["waited_seconds"]) == ("abandoned", "talk", 60)

    def test_a_caller_offered_before_they_are_on_hold_goes_straight_on(self, talk: Talk) -> None:
        talk.acts("transfer", "queue:refills").offered_to("ben").picked_up("ben").keys("1", leg="leg-ben")
        assert talk.happens(DialEnded("c", "completed")).heard == ["connecting"]
        assert isinstance(talk.room, Meet)

    def test_an_emergency_stays_one(self, talk: Talk) -> None:
        talk.call = replace(talk.call, ticket=replace(talk.call.ticket, answer_within_seconds=0))
        talk.acts("transfer", "queue:refills")
        assert talk.call.ticket.emergency
        assert {"emergency:on_call", "emergency:unanswered"} <= {getattr(done, "name", "") for done in talk.last.does}

    def test_to_a_number_of_the_list(self, talk: Talk) -> None:
        talk.acts("transfer", "courier")
        assert talk.comes("c").last.says[-1] == Dial("+15555550120")
        assert talk.happens(DialEnded("c", "completed")).heard == ["thank_you"]
        assert (talk.disposition["outcome"], talk.disposition["transfers"]) == ("transferred", 1)

    def test_the_end_of_their_room_is_not_taken_for_the_end_of_that_call(self, talk: Talk) -> None:
        talk.acts("transfer", "courier").happens(DialEnded("c", "completed"))
        assert isinstance(talk.room, Dial)

    def test_a_number_nobody_answers_leaves_the_caller_a_choice(self, talk: Talk) -> None:
        talk.acts("transfer", "courier").comes("c").happens(DialEnded("c", "no-answer"))
        assert talk.heard == ["all_busy_callback"]
        assert talk.call.ticket.live

    def test_to_a_pharmacist_in_one_key(self, talk: Talk) -> None:
        talk.star().keys("2", leg="leg-ana")
        assert talk.heard == ["agent_passed_on"]
        assert (talk.call.ticket.queue, talk.call.ticket.licensed) == ("pharmacist", True)

    def test_to_a_queue_by_its_key(self, talk: Talk) -> None:
        talk.star().keys("3", leg="leg-ana")
        assert [say.values["who"] for say in talk.last.says[0].says] == ["a pharmacist", "refills", "verification"]
        talk.keys("2", leg="leg-ana")
        assert talk.heard == ["agent_passed_on"]
        assert talk.call.ticket.queue == "refills"

    def test_a_colleague_by_their_key(self, talk: Talk) -> None:
        talk.star().keys("4", leg="leg-ana")
        assert [say.values["who"] for say in talk.last.says[0].says] == ["Cas", "Ben", "courier"]
        assert talk.keys("2", leg="leg-ana").heard == ["agent_ringing"]
        assert talk.rung[-1] == "+15555550111"

    def test_a_wrong_number_leads_back_to_the_menu(self, talk: Talk) -> None:
        assert talk.star().keys("3", "8", leg="leg-ana").heard == ["agent_menu"]
        assert talk.keys("3", leg="leg-ana").says_nothing("leg-ana").heard == ["agent_menu"]

    def test_of_many_choices_each_has_two_keys(self, talk: Talk) -> None:
        many = {f"q{number}": Queue(f"q{number}", f"Queue {number}", 60) for number in range(8)}
        talk.pharmacy = replace(talk.pharmacy, queues={**QUEUES, **many})
        talk.star().keys("3", leg="leg-ana")
        assert (talk.last.says[0].digits, talk.last.says[0].says[-1].values["key"]) == (2, "1 1")
        assert talk.keys("11", leg="leg-ana").call.ticket.queue == "q7"

    def test_nobody_to_choose_from_is_told(self) -> None:
        talk = Talk(replace(STAFFED, policies=replace(STAFFED.policies, transfers={}))).begins()
        talk.answers["free"] = Answer(True, values={"agents": ""})
        assert talk.star().keys("4", leg="leg-ana").heard == ["agent_nobody_free", "agent_menu"]

    def test_what_cannot_be_done_is_told(self, talk: Talk) -> None:
        assert talk.star().keys("6", leg="leg-ana").heard == ["agent_cannot", "agent_menu"]

    def test_a_person_called_back_is_passed_on_like_any_caller(self) -> None:
        talk = Talk().on_hold().keys("1", "1").hangs_up().offered_to().picked_up().keys("1", leg="leg-ana")
        [person] = [token for token, leg in talk.call.legs.items() if leg.kind == "callback"]
        talk.happens(Came(person, 1)).keys("1", leg=person).later(30).happens(Acted("ana", "transfer", "queue:refills"))
        assert talk.comes(person).heard == ["talk_passed_on"]
        assert (talk.call.ticket.kind, talk.call.ticket.state) == ("hold", "waiting")
        talk.hangs_up(person)
        assert (talk.call.ticket.live, talk.call.phase) == (False, "over")


# ---------------------------------------------------------------- supervisors


class TestSupervisors:
    def joins(self, talk: Talk, how: str) -> Talk:
        return talk.acts(how, by="sue").arrives("sue")

    def test_they_are_rung_and_come_in_unheard(self, talk: Talk) -> None:
        talk.acts("listen", by="sue")
        assert talk.rung[-1] == "+15555550119"
        assert talk.happens(Came(talk.leg_of("sue"), 1)).heard == ["agent_supervise"]
        assert (talk.keys("1", leg=talk.leg_of("sue")).room.muted, talk.room.ends) == (True, False)
        assert together(talk, "c", "leg-ana", talk.leg_of("sue"))
        assert participant(talk.call, talk.leg_of("sue"))[1] is True

    def test_a_coach_is_heard_by_the_agent_only(self, talk: Talk) -> None:
        self.joins(talk, "coach")
        assert talk.room.muted is True  # until the carrier has been told whom they speak to
        assert SetParticipant(talk.leg_of("sue")) in talk.last.does
        assert participant(talk.call, talk.leg_of("sue")) == (talk.call.talk.room, False, False, "leg-ana")

    def test_after_a_handing_over_the_coach_speaks_to_the_colleague(self, talk: Talk) -> None:
        self.joins(talk, "coach").consults().acts("hand_over")
        assert SetParticipant(talk.leg_of("sue")) in talk.last.does
        assert participant(talk.call, talk.leg_of("sue"))[3] == talk.leg_of("cas")

    def test_from_listening_to_speaking(self, talk: Talk) -> None:
        self.joins(talk, "listen").acts("barge", by="sue")
        assert talk.last.does == (SetParticipant(talk.leg_of("sue")),)
        assert participant(talk.call, talk.leg_of("sue"))[1:] == (False, False, None)
        before = talk.call
        assert talk.acts("barge", by="sue").call == before

    def test_asked_again_while_it_rings_it_rings_once(self, talk: Talk) -> None:
        talk.acts("listen", by="sue").acts("coach", by="sue")
        assert talk.rung.count("+15555550119") == 1
        assert talk.call.offers[-1].purpose == "coach"

    def test_they_follow_into_the_next_room(self, talk: Talk) -> None:
        self.joins(talk, "listen").star().keys("1", leg="leg-ana")
        assert together(talk.everybody_comes(), "c", "leg-ana", talk.leg_of("sue"))

    def test_they_leave_and_the_talk_goes_on(self, talk: Talk) -> None:
        self.joins(talk, "barge").acts("leave", by="sue")
        assert talk.comes(talk.leg_of("sue")).heard == ["agent_left"]
        assert talk.presence["sue"] == "available"
        assert together(talk, "c", "leg-ana")

    @pytest.mark.parametrize("how", ["listen", "barge"])
    def test_hanging_up_is_leaving(self, talk: Talk, how: str) -> None:
        self.joins(talk, how).hangs_up(talk.leg_of("sue"))
        assert (talk.presence["sue"], together(talk, "c", "leg-ana")) == ("available", True)

    def test_the_end_of_the_talk_is_told_to_them(self, talk: Talk) -> None:
        self.joins(talk, "listen").hangs_up()
        assert talk.comes(talk.leg_of("sue")).heard == ["agent_caller_left"]
        assert talk.presence["sue"] == "available"

    def test_they_may_end_it(self, talk: Talk) -> None:
        talk.acts("finish", by="sue")
        assert talk.comes("c").heard == ["thank_you"]
        assert talk.comes("leg-ana").verbs[-1] == "Hangup"
        assert (talk.presence["ana"], talk.call.ticket.live) == ("wrap_up", False)

    def test_they_may_do_what_the_agent_may(self, talk: Talk) -> None:
        assert talk.acts("hold", by="sue").call.talk.caller == "hold"

    def test_who_never_joined_leaves_nothing(self, talk: Talk) -> None:
        before = talk.call
        assert talk.acts("leave", by="sue").call == before

    def test_a_colleague_leaves(self, talk: Talk) -> None:
        assert together(talk.consults().acts("leave", by="cas").hangs_up(talk.leg_of("cas")), "c", "leg-ana")


# ---------------------------------------------------------------- recording


def recording(consent: str = "announce", **answers: Answer) -> Talk:
    policies = replace(STAFFED.policies, recording={"consent": consent})
    queues = {name: replace(queue, record=True) for name, queue in QUEUES.items()}
    talk = Talk(replace(STAFFED, policies=policies, queues=queues), **answers)
    talk.on_hold().offered_to().picked_up().keys("1", leg="leg-ana").moved()
    return talk


class TestRecording:
    def test_it_is_said_to_its_end_before_the_first_recorded_word(self) -> None:
        talk = recording()
        assert (talk.heard, talk.verbs[-1]) == (["connecting", "recording_notice"], "Back")
        assert talk.did(SetTape) == []
        talk.says_nothing()
        assert (talk.verbs, talk.did(SetTape)) == (["Meet"], [SetTape("c")])
        assert talk.hangs_up().disposition["recorded"] == "announced"

    def test_an_announcement_cut_short_is_no_announcement(self) -> None:
        """siphon-ai#445: the consent prompt was cut short, and yet stamped `announced`."""
        talk = recording().hangs_up()
        assert (talk.did(SetTape), talk.disposition["recorded"]) == ([], "no")

    def test_an_announcement_that_broke_is_said_again(self) -> None:
        talk = recording().happens(Stumbled("c"))
        assert (talk.heard, talk.call.recorded) == (["recording_notice"], "no")

    def test_an_agent_who_is_lost_during_it_was_never_met(self) -> None:
        talk = recording().hangs_up("leg-ana")
        assert talk.call.ticket.state == "waiting"
        assert talk.comes("c").heard == ["moved_back_in_line"]

    @pytest.mark.parametrize(("key", "recorded"), [("1", "asked"), ("2", "refused"), ("", "refused")])
    def test_where_it_is_asked_only_a_yes_counts(self, key: str, recorded: str) -> None:
        talk = recording("ask")
        assert talk.heard == ["connecting", "recording_ask"]
        talk.keys(key) if key else talk.says_nothing()
        assert isinstance(talk.room, Meet)
        assert bool(talk.did(SetTape)) == (recorded == "asked")
        assert talk.later(5).hangs_up().disposition["recorded"] == recorded

    def test_whoever_said_no_is_not_recorded_by_anybody(self) -> None:
        talk = recording("ask").keys("2")
        assert talk.refuses("record") == "the caller does not want to be recorded"
        talk.acts("transfer", "queue:refills").everybody_comes().talking_again("ben")
        assert (talk.heard, talk.did(SetTape)) == (["connecting"], [])

    def test_it_is_said_once_a_call(self) -> None:
        talk = recording().says_nothing()
        talk.happens(Taped("c", "RE1")).acts("hold").everybody_comes().acts("resume")
        assert talk.comes("c").heard == ["talk_back"]
        assert talk.call.tapes == {"c": "RE1"}

    def test_pause_and_go_on_and_stop(self) -> None:
        talk = recording().says_nothing()
        for act, tape in (("pause", "paused"), ("unpause", "on"), ("stop", "stopped")):
            assert talk.acts(act).call.tape == tape
            assert talk.last.does == (SetTape("c"),)
            before = talk.call
            assert talk.happens(Acted("ana", act)).call == before
        assert talk.refuses("pause") == "nothing is being recorded"

    def test_after_a_stop_it_may_begin_again(self) -> None:
        assert recording().says_nothing().acts("stop").acts("record").call.tape == "on"

    def test_stopped_before_it_began_it_never_does(self) -> None:
        talk = recording().acts("stop").says_nothing()
        assert (talk.verbs, talk.did(SetTape)) == (["Meet"], [])

    def test_by_the_agents_key(self) -> None:
        talk = recording().says_nothing().star()
        assert talk.keys("5", leg="leg-ana").heard == ["agent_recording_paused", "agent_menu"]
        assert talk.keys("5", leg="leg-ana").heard == ["agent_recording_on", "agent_menu"]
        assert talk.call.tape == "on"

    def test_begun_by_hand_the_caller_comes_back_to_hear_it_first(self, talk: Talk) -> None:
        assert talk.star().keys("5", leg="leg-ana").heard == ["agent_not_recorded", "agent_menu"]
        talk.keys("1", leg="leg-ana").everybody_comes().acts("record")
        assert talk.comes("leg-ana").verbs == ["Meet"]
        assert talk.comes("c").heard == ["recording_notice"]
        assert talk.did(SetTape) == []
        assert talk.says_nothing().did(SetTape) == [SetTape("c")]
        before = talk.call
        assert talk.acts("record").call == before

    def test_asked_for_twice_it_is_said_once(self, talk: Talk) -> None:
        before = talk.acts("record").call
        assert talk.acts("record").call == before


# ---------------------------------------------------------------- who may do what


class TestRefusals:
    @pytest.mark.parametrize(
        ("act", "to", "by", "told"),
        [
            ("dance", "", "ana", "`dance` means nothing here; there are hold, resume"),
            ("hold", "", "nobody", "nobody on the staff is called `nobody`"),
            ("hold", "", "ben", "this is somebody else's call"),
            ("listen", "", "ben", "only a supervisor may listen"),
            ("finish", "", "ana", "only a supervisor may finish"),
            ("consult", "zoe", "ana", "`zoe` is none of ana, ben, cas, courier, queue:front_desk"),
            ("consult", "far", "ana", "`far` is none of"),
            ("consult", "ana", "ana", "`ana` is talking with this caller"),
            ("transfer", "ben", "ana", "`ben` is none of courier, queue:front_desk"),
            ("transfer", "+15551234567", "ana", "is none of courier"),
            ("join", "", "ana", "nobody who was consulted is on the line"),
            ("hand_over", "", "ana", "nobody who was consulted is on the line"),
            ("pause", "", "ana", "nothing is being recorded"),
            ("unpause", "", "ana", "nothing is being recorded"),
        ],
    )
    def test_it_says_why(self, talk: Talk, act: str, to: str, by: str, told: str) -> None:
        assert told in talk.refuses(act, to, by)

    def test_nobody_is_talking(self) -> None:
        assert Talk().on_hold().refuses("hold", by="sue") == "nobody is talking with this caller now"

    def test_one_consultation_at_a_time(self, talk: Talk) -> None:
        talk.acts("consult", "cas")
        assert talk.refuses("consult", "ben") == "somebody is being consulted already; drop that first"
        before = talk.call
        assert talk.acts("consult", "cas").call == before

    def test_a_colleague_may_leave_and_no_more(self, talk: Talk) -> None:
        assert talk.consults().refuses("hand_over", by="cas") == "this is for whoever talks with the caller to do"

    def test_nobody_listens_to_themselves(self) -> None:
        staff = {**STAFF, "ana": replace(STAFF["ana"], role="supervisor")}
        talk = Talk(replace(STAFFED, staff=staff)).begins()
        assert talk.refuses("barge") == "you are on this call yourself"

    def test_a_pharmacy_without_pharmacists_has_nobody_to_escalate_to(self) -> None:
        talk = Talk(replace(STAFFED, queues={**QUEUES, "pharmacist": replace(QUEUES["pharmacist"], licensed=False)}))
        assert talk.begins().refuses("escalate") == "no queue of this site is for pharmacists"


def test_nobody_who_may_be_rung_is_asked_for_twice(talk: Talk) -> None:
    del talk.answers["free"]
    talk.happens(Acted("ana", "consult", "cas"))
    assert talk.last.asks == ("free",)


def test_a_moment_before_a_name_is_known_to_the_staff_it_is_said_as_it_is(talk: Talk) -> None:
    talk.call = replace(talk.call, offers=(replace(talk.call.offers[0], agent="on_call:central"),))
    leg = talk.happens(Acted("sue", "listen")).leg_of("sue")
    assert talk.happens(Came(leg, 1)).last.says[0].says[0].values["who"] == "central"


def test_the_clock_of_a_talk_begins_when_they_meet(talk: Talk) -> None:
    assert talk.call.talk.began_at == OPEN + timedelta(seconds=60)
    assert isinstance(talk.star().last.says[-1], Gather)
    assert not any(isinstance(verb, Hangup) for verb in talk.last.says)


class TestDangerWhileOnHold:
    def test_the_emergency_key_brings_the_agent_back_at_once(self) -> None:
        talk = Talk().begins().acts("hold").everybody_comes().keys("1")
        assert (talk.call.talk.caller, talk.call.talk.agent) == ("room", "room")
        assert (talk.heard, talk.call.facts["urgency"]) == (["talk_back"], "emergency")

    def test_whoever_is_asked_for_advice_hears_the_caller_too(self) -> None:
        talk = Talk().begins().consults("cas").keys("1")
        assert (talk.call.talk.caller, talk.call.talk.agent) == ("room", "room")
        assert participant(talk.call, talk.leg_of("cas")) is not None

    def test_another_key_leaves_them_on_hold(self) -> None:
        assert Talk().begins().acts("hold").everybody_comes().keys("5").call.talk.caller == "hold"

    def test_the_line_listens_there_and_hears_that_they_cannot_breathe(self) -> None:
        talk = Talk().begins().acts("hold").everybody_comes()
        assert talk.says_nothing().last.says[-1].speech
        talk.says("I can't breathe", "adverse_reaction", "emergency")
        assert (talk.call.talk.caller, talk.call.talk.agent) == ("room", "room")
        assert (talk.heard, talk.call.facts["urgency"]) == (["talk_back"], "emergency")

    def test_where_harm_cannot_be_ruled_out_it_is_their_agent_who_asks(self) -> None:
        talk = Talk().begins().acts("hold").everybody_comes().says("my chest feels funny", asks=True)
        assert (talk.call.talk.caller, talk.call.facts.get("urgency")) == ("room", None)

    def test_what_they_say_to_somebody_beside_them_leaves_them_on_hold(self) -> None:
        talk = Talk().begins().acts("hold").everybody_comes().says("they are still looking for it")
        assert (talk.call.talk.caller, talk.heard) == ("hold", ["talk_on_hold"])
