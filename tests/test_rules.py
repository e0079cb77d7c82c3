"""Which rule is taken, and why: the meaning of the format, condition by condition."""

from __future__ import annotations

from itertools import pairwise

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.content.conditions import call_facts, read_when
from ivr.content.written import File, Wrong, read_yaml
from ivr.core.line import Agent, PlanStep, Queue
from ivr.core.rules import (
    FACTS,
    UNKNOWN,
    WEEKDAYS,
    Condition,
    Decision,
    Demand,
    Rule,
    RuleSet,
    Then,
    decide,
    holds,
    licensed_queues,
)

QUEUES = {
    "pharmacist": Queue("pharmacist", "Pharmacist", 60, licensed=True, on_call=True),
    "refills": Queue("refills", "Refills", 120, needs=("counter",), record=True),
}


def when(text: str) -> tuple[Condition, ...]:
    item = read_yaml(File("rules.yaml", text))
    assert item is not None
    return read_when(item, FACTS)


def rule(name: str, conditions: str, then: Then) -> Rule:
    return Rule(name, "", when(conditions), then, "main.yaml", 1)


def rule_set(*rules: Rule) -> RuleSet:
    return RuleSet("main.yaml", rules, Rule("otherwise", "", (), Then("queue", "refills"), "main.yaml", 9))


# ---------------------------------------------------------------- conditions


@pytest.mark.parametrize(
    ("condition", "fits", "does_not"),
    [
        ("{caller: prescriber}", ["prescriber"], ["patient", UNKNOWN]),
        ("{caller: [patient, unknown]}", ["patient", UNKNOWN], ["staff"]),
        ("{caller: {not: prescriber}}", ["patient", UNKNOWN], ["prescriber"]),
        ("{caller: {not: [prescriber, unknown]}}", ["patient"], ["prescriber", UNKNOWN]),
        ("{days_left: 2}", [2], [1, 3, UNKNOWN]),
        ("{days_left: -3 to 2}", [-3, 0, 2], [-4, 3, UNKNOWN]),
        ("{days_left: 2 to 2}", [2], [1, 3]),
        ("{days_left: below 2}", [1, -30], [2, UNKNOWN]),
        ("{days_left: above 2}", [3, 400], [2, UNKNOWN]),
        ("{days_left: at least 2}", [2, 400], [1]),
        ("{days_left: at most 2}", [2, -30], [3, UNKNOWN]),
        ("{days_left: [at most 2, 9, unknown]}", [2, 9, UNKNOWN], [3, 8]),
        ("{days_left: {not: at most 2}}", [3, UNKNOWN], [2]),
        ("{days_left: {not: [at most 2, unknown]}}", [3], [2, UNKNOWN]),
        ("{weekday: fri to mon}", ["fri", "sat", "sun", "mon"], ["tue", "thu"]),
        ("{weekday: [mon to wed, sat]}", ["mon", "wed", "sat"], ["thu", "sun"]),
        ("{time: 08:00 to 20:00}", [480, 1199], [479, 1200]),
        ("{time: 22:00 to 06:00}", [1320, 1439, 0, 359], [360, 1319]),
        ("{time: 22:00 to 24:00}", [1320, 1439], [0, 1319]),
        ("{time: 22:00 to 00:00}", [1320, 1439], [0, 1319]),
        ("{time: 08:30}", [510], [509, 511]),
        ("{time_sensitive: yes}", ["yes"], ["no", UNKNOWN]),
        ("{attestation: A}", ["A"], ["B", "none"]),
    ],
)
def test_a_condition_means_what_it_says(condition: str, fits: list, does_not: list) -> None:
    (condition_read,) = when(condition)
    name = condition_read.fact.name
    assert [value for value in [*fits, *does_not] if condition_read.holds({name: value})] == fits


def test_a_fact_nobody_told_is_unknown() -> None:
    assert holds(when("{caller: unknown, days_left: unknown}"), {})
    assert not holds(when("{days_left: at most 400}"), {})


def test_no_conditions_fit_every_call() -> None:
    assert holds(when("{}"), {})


@pytest.mark.parametrize(
    ("hours", "is_open"), [("business", "yes"), ("after_hours", "no"), ("holiday", "no"), (UNKNOWN, UNKNOWN)]
)
def test_open_is_read_from_hours(hours: str, is_open: str) -> None:
    fitting = [answer for answer in ("yes", "no", UNKNOWN) if holds(when(f"{{open: {answer}}}"), {"hours": hours})]
    assert fitting == [is_open]


def test_a_call_that_only_says_it_is_closed_counts_as_after_hours() -> None:
    assert holds(when("{hours: after_hours}"), {"open": "no"})
    assert holds(when("{hours: business}"), {"open": "yes"})


def test_numbers_beyond_the_ends_count_as_the_end() -> None:
    assert holds(when("{days_left: 400}"), {"days_left": 1_000})
    assert holds(when("{days_left: -30}"), {"days_left": -99})


def test_a_value_nobody_declared_is_unknown() -> None:
    assert holds(when("{caller: unknown}"), {"caller": "robot"})
    assert holds(when("{days_left: unknown}"), {"days_left": "soon"})


@given(low=st.integers(-30, 400), high=st.integers(-30, 400), more=st.integers(-30, 400), value=st.integers(-30, 400))
def test_spans_hold_what_their_ranges_hold(low: int, high: int, more: int, value: int) -> None:
    low, high = min(low, high), max(low, high)
    text = f"[{low} to {high}, at least {more}]"
    inside = low <= value <= high or value >= more
    assert holds(when(f"{{days_left: {text}}}"), {"days_left": value}) == inside
    (spans,) = (condition.spans for condition in when(f"{{days_left: {text}}}"))
    assert all(first[1] + 1 < second[0] for first, second in pairwise(spans))


@given(
    name=st.sampled_from([fact.name for fact in FACTS.values() if fact.values]),
    data=st.data(),
)
def test_not_is_the_rest_of_the_words(name: str, data: st.DataObject) -> None:
    words = [*FACTS[name].values, UNKNOWN]
    chosen = data.draw(st.lists(st.sampled_from(words), min_size=1, unique=True))
    value = data.draw(st.sampled_from(words))
    listed = ", ".join(chosen)
    assert holds(when(f"{{{name}: [{listed}]}}"), {name: value}) != holds(
        when(f"{{{name}: {{not: [{listed}]}}}}"), {name: value}
    )


@given(start=st.integers(0, 1439), end=st.integers(0, 1439), minute=st.integers(0, 1439))
def test_a_range_of_times_and_its_other_half_share_no_minute(start: int, end: int, minute: int) -> None:
    def clock(minutes: int) -> str:
        return f"{minutes // 60:02}:{minutes % 60:02}"

    if start != end:
        one = when(f"{{time: {clock(start)} to {clock(end)}}}")
        other = when(f"{{time: {clock(end)} to {clock(start)}}}")
        assert holds(one, {"time": minute}) != holds(other, {"time": minute})


@given(first=st.sampled_from(WEEKDAYS), last=st.sampled_from(WEEKDAYS))
def test_a_range_of_days_has_both_its_ends(first: str, last: str) -> None:
    if first != last:
        (condition,) = when(f"{{weekday: {first} to {last}}}")
        assert {first, last} <= condition.allowed
        (back,) = when(f"{{weekday: {last} to {first}}}")
        assert condition.allowed | back.allowed == set(WEEKDAYS)


# ---------------------------------------------------------------- deciding

RULES = rule_set(
    rule("Emergency", "{urgency: emergency}", Then("queue", "pharmacist", 0, (), False)),
    rule("Machine", "{intent: refill_request, refill: eligible}", Then("self_service", "refill")),
    rule("Refill", "{intent: refill_request}", Then("queue", "refills", needs=("spanish",))),
)


def test_the_first_rule_that_fits_is_taken() -> None:
    call = {"urgency": "emergency", "intent": "refill_request", "refill": "eligible"}
    assert decide(RULES, call, QUEUES)[0].rule == "Emergency"


def test_what_a_rule_leaves_open_comes_from_its_queue() -> None:
    decision, _ = decide(RULES, {"intent": "refill_request"}, QUEUES)
    assert decision == Decision("queue", "refills", 120, ("counter", "spanish"), True, True, "Refill", "main.yaml", 1)


def test_now_is_zero_seconds_and_no_is_kept() -> None:
    decision, _ = decide(RULES, {"urgency": "emergency"}, QUEUES)
    assert (decision.answer_within_seconds, decision.offer_callback) == (0, False)


def test_a_machine_has_no_promise() -> None:
    decision, _ = decide(RULES, {"intent": "refill_request", "refill": "eligible"}, QUEUES)
    assert decision == Decision("self_service", "refill", rule="Machine", file="main.yaml", line=1)


def test_a_caller_who_asked_for_a_person_gets_no_machine() -> None:
    call = {"intent": "refill_request", "refill": "eligible"}
    decision, reasons = decide(RULES, call, QUEUES, person_only=True)
    assert decision.rule == "Refill"
    assert [reason.because for reason in reasons if reason.rule == "Machine"] == ["the caller asked for a person"]


def test_otherwise_stands_when_no_rule_fits() -> None:
    decision, reasons = decide(RULES, {}, QUEUES)
    assert (decision.rule, decision.target, decision.line) == (None, "refills", 9)
    assert (reasons[-1].rule, reasons[-1].taken, reasons[-1].because) == ("otherwise", True, "no rule above it fits")


def test_every_rule_up_to_the_one_taken_says_why() -> None:
    _, reasons = decide(RULES, {"intent": "refill_request", "refill": "too_soon"}, QUEUES)
    assert [(reason.rule, reason.taken, reason.because) for reason in reasons] == [
        ("Emergency", False, "it needs urgency: emergency, and urgency is unknown"),
        ("Machine", False, "it needs refill: eligible, and refill is too_soon"),
        ("Refill", True, "intent: refill_request"),
    ]


def test_a_time_is_told_as_a_clock_shows_it() -> None:
    late = rule_set(rule("Late", "{time: 22:00 to 06:00}", Then("voicemail", "refills")))
    _, reasons = decide(late, {"time": 8 * 60 + 5}, QUEUES)
    assert reasons[0].because == "it needs time: 22:00 to 06:00, and time is 08:05"


def test_a_decision_survives_the_record() -> None:
    decision, _ = decide(RULES, {"intent": "refill_request"}, QUEUES)
    assert msgspec.json.decode(msgspec.json.encode(decision), type=Decision) == decision


# ---------------------------------------------------------------- tests of decisions


@pytest.mark.parametrize(
    ("demand", "met"),
    [
        (Demand("route", ("queue", "voicemail")), True),
        (Demand("queue", ("pharmacist",)), False),
        (Demand("voicemail", ("refills",)), False),
        (Demand("answer_within", spans=((0, 120),)), True),
        (Demand("answer_within", spans=((0, 30), (119, 119))), False),
        (Demand("needs", ("spanish", "counter")), True),
        (Demand("needs", ("french",)), False),
        (Demand("record", ("yes",)), True),
        (Demand("offer_callback", ("no",)), False),
        (Demand("licensed", ("no",)), True),
        (Demand("on_call", ("no",)), True),
        (Demand("rule", ("Refill",)), True),
    ],
)
def test_a_demand_is_met_by_the_whole_decision(demand: Demand, met: bool) -> None:
    decision, _ = decide(RULES, {"intent": "refill_request"}, QUEUES)
    assert demand.met_by(decision, QUEUES, {"pharmacist"}) == met


def test_a_machine_is_not_licensed_and_keeps_no_promise() -> None:
    decision, _ = decide(RULES, {"intent": "refill_request", "refill": "eligible"}, QUEUES)
    assert Demand("licensed", ("no",)).met_by(decision, QUEUES, {"pharmacist"})
    assert Demand("on_call", ("no",)).met_by(decision, QUEUES, {"pharmacist"})
    assert not Demand("answer_within", spans=((0, 10**9),)).met_by(decision, QUEUES, ())
    assert not Demand("record", ("no",)).met_by(decision, QUEUES, ())


def test_a_queue_is_licensed_when_everybody_it_may_come_to_is() -> None:
    overflowing = Queue("a", "A", 60, plan=(PlanStep(60, "overflow", "b"),))
    queues = {"a": overflowing, "b": Queue("b", "B", 60), "c": Queue("c", "C", 60, licensed=True)}
    ana = Agent("ana", "Ana", "central", queues=frozenset({"a", "b"}), licensed=True)
    ben = Agent("ben", "Ben", "central", queues=frozenset({"b"}))
    assert licensed_queues(queues, [ana]) == {"a", "b", "c"}
    assert licensed_queues(queues, [ana, ben]) == {"c"}


# ---------------------------------------------------------------- calls told from outside


def test_facts_may_be_told_as_text_or_as_json_numbers() -> None:
    told = {"days_left": 2, "time": "08:30", "caller": "unknown", "repeat_calls": "99"}
    assert call_facts(told, FACTS) == {"days_left": 2, "time": 510, "caller": UNKNOWN, "repeat_calls": 50}


@pytest.mark.parametrize(
    ("told", "message"),
    [
        ({"urgncy": "emergency"}, 'there is no fact "urgncy"; did you mean "urgency"?'),
        ({"urgency": "very"}, 'urgency is never "very"'),
        ({"days_left": [1]}, "days_left is a single value"),
        ({"time_sensitive": True}, "time_sensitive is a single value"),
        ({"open": "yes", "hours": "holiday"}, "open is yes and hours is holiday"),
    ],
)
def test_a_call_that_cannot_be_is_refused(told: dict, message: str) -> None:
    with pytest.raises(Wrong, match=message):
        call_facts(told, FACTS)
