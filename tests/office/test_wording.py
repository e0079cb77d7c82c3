"""Calls and decisions in an admin's words."""

from __future__ import annotations

import pytest

from ivr.content.conditions import read_when
from ivr.content.written import File, read_yaml
from ivr.core.rules import FACTS, Condition, Decision, Fact, Rule, Then
from ivr.office import wording
from ivr.proof.changes import Outcome

KNOWN = {**FACTS, "language": Fact("language", "word", ("en", "es", "vi"))}
ANY = Rule("otherwise", "", (), Then("queue", "refills"), "main.yaml", 9)


def when(text: str) -> tuple[Condition, ...]:
    item = read_yaml(File("rules.yaml", f"{{{text}}}"))
    assert item is not None
    return read_when(item, KNOWN)


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("", "all calls"),
        ("intent: billing, open: yes, language: es", "billing calls in Spanish while open"),
        ("urgency: emergency, open: no", "emergency calls while closed"),
        ("intent: [refill_request, order_status]", "refill request or order status calls"),
        ("hours: holiday, weekday: [sat, sun]", "calls on holidays on Sat or Sun"),
        ("caller: prescriber, hours: after_hours", "calls from prescribers' offices after hours"),
        ("language: [es, vi], urgency: urgent", "urgent calls in Spanish or Vietnamese"),
        ("time: 22:00 to 06:00", "calls from 22:00 to 06:00"),
        ("time: [08:00, 12:00 to 13:00]", "calls with time 08:00 or 12:00 to 13:00"),
        (
            "days_left: at most 2, tier: [prescription, verified]",
            "calls with days left at most 2, tier prescription or verified",
        ),
        ("intent: {not: billing}", "calls with intent not billing"),
        ("intent: [billing, unknown]", "calls with intent billing or unknown"),
        ("hours: {not: unknown}", "calls with hours not unknown"),
        ("caller: {not: staff}, language: {not: es}", "calls with caller not staff, language not es"),
    ],
)
def test_conditions_are_told_as_calls(written: str, said: str) -> None:
    assert wording.calls(when(written)) == said


def outcome(*parts: object, licensed: bool = False, **more: object) -> Outcome:
    return Outcome(ANY, Decision(*parts, **more), licensed)  # type: ignore[arg-type]


def test_two_decisions_are_told_by_where_they_lead_and_what_differs() -> None:
    queue = outcome("queue", "refills", 90, ("counter",), True, False)
    longer = outcome("queue", "refills", 300, ("counter",), True, True)
    spanish = outcome("queue", "pharmacist", 0, ("spanish",), False, False, licensed=True)

    assert wording.both(queue, longer) == ("refills within 1m 30s, not recorded", "refills within 5m, recorded")
    assert wording.both(queue, spanish) == (
        "refills within 1m 30s, needs counter, a callback offered",
        "pharmacist now, needs spanish, no callback offered, licensed staff only",
    )


@pytest.mark.parametrize(
    ("route", "said"),
    [
        ("voicemail", "a message for x"),
        ("callback", "a callback from x"),
        ("self_service", "the machine (x)"),
        ("transfer", "a transfer to x"),
        ("announce", "the announcement x"),
    ],
)
def test_every_way_a_call_can_go_has_words(route: str, said: str) -> None:
    assert wording.both(outcome(route, "x"), outcome("queue", "y")) == (said, "y")


def test_an_example_can_be_written_back() -> None:
    assert wording.example({"time": 485, "days_left": 3, "open": "yes"}) == "time: 08:05, days_left: 3, open: yes"
    assert wording.example({}) == "any call"
    assert wording.as_written({"time": "unknown"}) == {"time": "unknown"}
