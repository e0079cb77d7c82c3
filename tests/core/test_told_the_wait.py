"""What callers on hold are told of their wait, and what may shorten it."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.core.call import Answer, World
from ivr.core.events import Learned
from ivr.core.line import PlanStep
from ivr.core.metrics import USUAL_TALK_SECONDS, expected_wait_minutes, handle_seconds
from ivr.core.on_hold import forecast_in, hold_view
from ivr.core.rules import RuleSet, Then
from ivr.core.verbs import Gather, Say
from tests.core.rehearsal import PHARMACY, QUEUES, RULES, Rehearsal, rule

ANNOUNCES = replace(
    PHARMACY,
    queues={name: replace(queue, plan=(PlanStep(0, "announce", "position"),)) for name, queue in QUEUES.items()},
)


def place(position: int, told: int | None = None, agents: int = 2, **more: str) -> Answer:
    values = {"position": str(position), "agents": str(agents), "handle_seconds": "240", **more}
    return Answer(True, values=values if told is None else {**values, "told": str(told)})


def waits(position: int, told: int | None = None, **more: str) -> list[Say]:
    call = Rehearsal(pharmacy=ANNOUNCES).on_hold().later(5)
    world = World(call.now, ANNOUNCES, {"line": place(position, told, **more)})
    [gather] = hold_view(call.call, world)
    assert isinstance(gather, Gather)
    return [says for says in gather.says if isinstance(says, Say)]


class TestTheirPlaceInLine:
    def test_they_are_told_it_with_a_range_of_minutes(self):
        assert waits(3)[0] == Say("hold_position", {"position": 3, "minutes_low": 6, "minutes_high": 9})

    def test_they_are_told_again_once_it_is_better(self):
        assert [waits(2, told=3)[0].prompt, waits(1, told=3)[0].prompt] == ["hold_position", "hold_position"]

    @pytest.mark.parametrize("position", [3, 4, 9])
    def test_they_are_not_told_the_same_again_nor_unasked_a_worse_one(self, position):
        assert waits(position, told=3)[0] == Say("hold_still")

    def test_who_asks_is_told_as_it_is_also_when_it_is_worse(self):
        call = Rehearsal(pharmacy=ANNOUNCES, place=place(4, told=3)).on_hold().later(40).keys("0")
        assert call.heard == ["in_line", "hold_position"]
        assert forecast_in(call.last.says) == (4, 8, 12)

    def test_in_an_emergency_nobody_counts(self):
        call = Rehearsal(pharmacy=ANNOUNCES, place=place(1)).rings().keys("1", "1").later(5).keys("0")
        assert call.heard == ["in_line"]

    def test_while_nobody_can_be_connected_nothing_is_foretold(self):
        silent = Answer(True, values={**place(2).values, "worker": "silent"})
        call = Rehearsal(pharmacy=ANNOUNCES, place=silent).on_hold().later(5).keys("0")
        assert call.heard == ["in_line"]


class TestTheFormula:
    def test_one_ahead_is_half_a_talk_away_where_two_work(self):
        assert expected_wait_minutes(1, 2, 240) == (2, 3)

    def test_with_nobody_working_it_is_told_as_if_one_were(self):
        assert expected_wait_minutes(2, 0, 240) == expected_wait_minutes(2, 1, 240) == (8, 12)

    def test_until_talks_are_measured_they_take_as_long_as_usual(self):
        assert handle_seconds(0, 0.0, 30) == USUAL_TALK_SECONDS + 30

    def test_many_measured_talks_outweigh_the_usual_one(self):
        assert 98 < handle_seconds(1000, 100.0, 0) < 102

    @given(st.integers(1, 5000), st.integers(0, 50), st.floats(1, 4000))
    def test_a_range_has_two_ends_and_is_never_nothing(self, position, agents, seconds):
        low, high = expected_wait_minutes(position, agents, seconds)
        assert 1 <= low < high

    @given(st.integers(1, 500), st.integers(1, 50), st.floats(1, 4000))
    def test_nobody_further_back_is_told_a_shorter_wait(self, position, agents, seconds):
        assert expected_wait_minutes(position, agents, seconds) <= expected_wait_minutes(position + 1, agents, seconds)


LATE = RuleSet(
    "main.yaml",
    (
        *RULES.rules[:1],
        rule("Late cold-chain parcel", Then("queue", "refills", 45), time_sensitive="yes"),
        rule("Takes its time", Then("queue", "front_desk", 600), payment="failed"),
        rule("Machine", Then("self_service", "refill"), refill="eligible"),
    ),
    RULES.otherwise,
)
WITH_LATE = replace(PHARMACY, rules={"main.yaml": LATE})


class TestWhatIsLearntLate:
    """The order system was slow, the caller went on without it, and now it answers."""

    def waiting(self, **facts: str) -> Rehearsal:
        call = Rehearsal(pharmacy=WITH_LATE).on_hold().later(20)
        call.answers["prescription:0"] = Answer(True, facts, "p1", "rx1")
        return call

    def test_a_late_parcel_brings_the_promise_forward_and_the_clock_is_the_same(self):
        call = self.waiting(time_sensitive="yes")
        before = call.call.ticket
        call.happens(Learned("prescription:0"))
        assert call.call.ticket == replace(before, answer_within_seconds=45)
        assert call.call.decision.rule == "Late cold-chain parcel"
        assert [reason.rule for reason in call.last.why if reason.taken] == ["Late cold-chain parcel"]

    @pytest.mark.parametrize("facts", [{"payment": "failed"}, {"refill": "eligible"}, {}])
    def test_nothing_makes_them_wait_longer_or_takes_them_out_of_the_line(self, facts):
        call = self.waiting(**facts)
        before = call.call.ticket, call.call.decision
        call.happens(Learned("prescription:0"))
        assert (call.call.ticket, call.call.decision) == before
        assert call.call.phase == "holding"

    def test_what_was_learnt_is_kept_for_who_answers(self):
        assert self.waiting(refill="eligible").happens(Learned("prescription:0")).call.prescription == "rx1"

    def test_a_callback_promised_meanwhile_comes_earlier_too(self):
        call = Rehearsal(pharmacy=WITH_LATE).on_hold().keys("1", "1")
        call.answers["prescription:0"] = Answer(True, {"time_sensitive": "yes"}, "p1", "rx1")
        assert call.happens(Learned("prescription:0")).call.ticket.answer_within_seconds == 45

    def test_somebody_who_is_being_answered_is_left_alone(self):
        call = Rehearsal(pharmacy=WITH_LATE).talking()
        before = call.call
        call.answers["prescription:0"] = Answer(True, {"time_sensitive": "yes"})
        assert call.happens(Learned("prescription:0")).call == before

    def test_an_emergency_is_before_everybody_already(self):
        call = Rehearsal(pharmacy=WITH_LATE).rings().keys("1", "1")
        call.answers["prescription:0"] = Answer(True, {"time_sensitive": "yes"})
        assert call.happens(Learned("prescription:0")).call.ticket.emergency

    def test_an_answer_that_is_gone_again_changes_nothing(self):
        call = Rehearsal(pharmacy=WITH_LATE).on_hold()
        before = call.call
        assert call.happens(Learned("prescription:0")).call == before
        assert call.last.asks == ("prescription:0", "line")
