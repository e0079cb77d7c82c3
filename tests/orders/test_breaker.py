"""An order system that fails again and again is left alone for a moment, by each process for itself."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.orders.breaker import Breaker, HeldOff, Standing, guarded, standing_of
from ivr.orders.port import NOT_SERVED, Refused, Unavailable
from ivr.orders.rest import RestOrderSystem
from tests.orders.conftest import RunningSandbox

FAILURES, WITHIN, REST = 3, 10.0, 2.0


@dataclass
class Asked:
    """An order system that answers as a test says, and the time it is by its clock."""

    seconds: float = 0.0
    answers: BaseException | None = None
    times: int = 0
    breaker: Breaker = field(init=False)

    def __post_init__(self) -> None:
        self.breaker = Breaker(FAILURES, WITHIN, REST, now=lambda: self.seconds)

    def question(self) -> str:
        self.times += 1
        if self.answers:
            raise self.answers
        return "told"

    def ask(self) -> str:
        return self.breaker.through(self.question)

    def fails(self, times: int = FAILURES) -> None:
        self.answers = Unavailable("no answer")
        for _ in range(times):
            with pytest.raises(Unavailable):
                self.ask()

    @property
    def state(self) -> str:
        return self.breaker.standing.state


def test_after_so_many_failures_in_a_row_nobody_asks_any_more() -> None:
    asked = Asked()
    asked.fails()

    with pytest.raises(HeldOff):
        asked.ask()

    assert asked.times == FAILURES
    assert asked.breaker.standing == Standing("resting", 1)


def test_one_that_answers_now_and_then_is_asked_on() -> None:
    asked = Asked()
    for _ in range(4):
        asked.fails(FAILURES - 1)
        asked.answers = None
        asked.ask()

    assert asked.state == "asked"


def test_failures_far_apart_are_no_failure_of_the_whole() -> None:
    asked = Asked()
    for _ in range(4 * FAILURES):
        asked.fails(1)
        asked.seconds += WITHIN

    assert asked.state == "asked"


def test_after_its_rest_one_question_tries_and_all_others_are_spared_until_it_is_answered() -> None:
    asked = Asked()
    asked.fails()
    asked.seconds += REST

    def trying() -> str:
        assert asked.state == "trying"
        with pytest.raises(HeldOff):
            asked.ask()
        return "back"

    assert asked.breaker.through(trying) == "back"
    asked.answers = None
    assert asked.ask() == "told"


@pytest.mark.parametrize("trouble", [Unavailable("no answer"), ValueError("a fault of ours"), Refused(NOT_SERVED)])
def test_a_trial_nobody_answered_is_followed_by_another_rest(trouble: Exception) -> None:
    asked = Asked()
    asked.fails()
    asked.seconds += REST
    asked.answers = trouble

    with pytest.raises(type(trouble)):
        asked.ask()

    assert asked.state == "resting"
    with pytest.raises(HeldOff):
        asked.ask()


def test_a_refusal_is_an_answer() -> None:
    asked = Asked()
    asked.fails()
    asked.seconds += REST
    asked.answers = Refused("too_soon")

    with pytest.raises(Refused):
        asked.ask()

    assert asked.state == "asked"


@pytest.mark.parametrize("trouble", [ValueError("a fault of ours"), Refused(NOT_SERVED)])
def test_what_never_reached_it_says_nothing_of_it(trouble: Exception) -> None:
    asked = Asked()
    asked.answers = trouble
    for _ in range(4 * FAILURES):
        with pytest.raises(type(trouble)):
            asked.ask()

    assert asked.state == "asked"


def test_an_answer_that_comes_late_and_all_the_same_says_that_it_is_back() -> None:
    asked = Asked()

    def slow() -> str:
        asked.fails()
        return "at last"

    assert asked.breaker.through(slow) == "at last"
    assert asked.state == "asked"


@given(st.lists(st.tuples(st.booleans(), st.floats(0, 3)), max_size=40))
def test_it_is_never_left_alone_for_longer_than_its_rest(happenings: list[tuple[bool, float]]) -> None:
    asked = Asked()
    for answers, seconds in happenings:
        asked.answers = None if answers else Unavailable("no answer")
        with contextlib.suppress(Unavailable):
            asked.ask()
        asked.seconds += seconds

    asked.answers, asked.seconds = None, asked.seconds + REST
    assert asked.ask() == "told"


def test_an_order_system_that_is_down_is_not_even_knocked_at(
    order_system: RestOrderSystem, sandbox: RunningSandbox, plain_http: httpx.Client
) -> None:
    orders = guarded(order_system, Breaker(FAILURES, WITHIN, REST))
    plain_http.post("/_sandbox/fail", json={"mode": "down", "seconds": 60})
    for _ in range(FAILURES + 2):
        with pytest.raises(Unavailable):
            orders.identify("+12125550199")

    assert len([url for url in sandbox.seen_urls if url.startswith("/v1/")]) == FAILURES
    assert standing_of(orders) == Standing("resting", 2)
    assert orders.ready() is False
    plain_http.post("/_sandbox/reset")
    assert orders.ready() is True  # whoever looks after the line is told the truth at any time


def test_one_without_a_breaker_is_always_asked(order_system: RestOrderSystem) -> None:
    assert standing_of(order_system) == Standing("asked", 0)
