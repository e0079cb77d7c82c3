"""A day in simulated time: the core makes of a queue what the book makes of it, caller by caller."""

import pytest

from bench import day
from tests.published import pharmacy_shipped

PHARMACY = pharmacy_shipped()


@pytest.mark.parametrize("load", [day.LOADS[1], day.LOADS[4]], ids=lambda load: f"{load.servers} agents")
def test_one_queue_with_exponential_times_is_as_theory_says(load):
    found = day.compared(PHARMACY, load, calls=1500)
    assert found.off < day.MOST_OFF
    assert found.core.abandoned > 0


def test_a_modelled_day_leaves_nobody_without_an_end():
    simulation = day.day(PHARMACY, prescriptions=300, seed=2)
    outcomes = {body["outcome"] for body in simulation.bodies.values()}
    assert outcomes <= {"answered", "abandoned", "short_abandon", "callback", "voicemail", "self_served", "transferred"}
    assert all(body["final"] or body["outcome"] == "voicemail" for body in simulation.bodies.values())
    emergencies = [body for body in simulation.bodies.values() if body["urgency"] == "emergency"]
    assert emergencies
    assert all(body["promise_kept"] or body["outcome"] == "abandoned" for body in emergencies)


def test_more_staff_serve_the_same_callers_sooner():
    seven, six = (day.compared(PHARMACY, load, calls=400) for load in day.LOADS[:2])
    assert seven.core.wait < six.core.wait
