"""The figures of a day, each by its formula, on days small enough to count by hand."""

import pytest

from ivr.core import metrics


def came(outcome="answered", reached="talk", waited=10, final=True, kept=None):
    return {"outcome": outcome, "reached": reached, "waited_seconds": waited, "final": final, "promise_kept": kept}


ANSWERED, LATE = came(waited=20), came(waited=90)
SOON_GONE, LATE_GONE = came("abandoned", "hold", 12), came("abandoned", "hold", 70)
NEVER_IN_LINE, SHORT = came("abandoned", "menu", None), came("short_abandon", "hold", 3)
CALLED_BACK = came("callback", "talk", 1800)
NOT_REACHED, STILL_DUE = came("callback", "hold", 4000), came("callback", "hold", None, final=False)


class TestServiceLevel:
    def test_who_hangs_up_before_the_time_is_not_counted_against_it(self):
        assert metrics.service_level([ANSWERED, SOON_GONE, NEVER_IN_LINE, SHORT], 30) == 1.0

    def test_who_hangs_up_after_it_is(self):
        assert metrics.service_level([ANSWERED, LATE, LATE_GONE], 30) == pytest.approx(1 / 3)

    def test_a_callback_is_as_late_as_it_was(self):
        assert metrics.service_level([ANSWERED, CALLED_BACK], 30) == 0.5


class TestSpeedOfAnswer:
    def test_it_is_the_mean_wait_of_those_answered_callbacks_included(self):
        assert metrics.average_speed_of_answer([ANSWERED, LATE, LATE_GONE, CALLED_BACK]) == pytest.approx(1910 / 3)


class TestAbandonment:
    def test_short_abandons_and_those_never_in_line_count_nowhere(self):
        assert metrics.abandonment([ANSWERED, LATE, SOON_GONE, SHORT, NEVER_IN_LINE]) == pytest.approx(1 / 3)


class TestCallbacks:
    def test_only_those_that_are_over_are_judged(self):
        assert metrics.callback_completion([CALLED_BACK, NOT_REACHED, STILL_DUE, ANSWERED]) == 0.5


class TestPromises:
    def test_those_still_open_are_not_judged(self):
        bodies = [came(kept=True), came(kept=True), came(kept=False), came()]
        assert metrics.promises_kept(bodies) == pytest.approx(2 / 3)


class TestForecasts:
    def test_a_wait_up_to_the_end_of_the_range_keeps_it(self):
        assert metrics.forecast_kept([(3, 180), (3, 10), (3, 181), (5, 900)]) == 0.5


def test_of_a_day_without_calls_nothing_is_said():
    figures = [metrics.average_speed_of_answer, metrics.abandonment, metrics.callback_completion, metrics.promises_kept]
    assert [figure([]) for figure in figures] == [None] * 4
    assert (metrics.service_level([], 30), metrics.forecast_kept([])) == (None, None)
