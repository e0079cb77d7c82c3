"""What the carrier should have told us never comes: its own lists tell it, when the sweep asks for them."""

from __future__ import annotations

from tests.failures.rehearsed import Rehearsed, eventually

ALL = 1000


def test_a_caller_whose_hanging_up_nobody_told_us_of_is_found_gone(rehearsed: Rehearsed) -> None:
    rehearsed.phones.faults(drop_callbacks=ALL)
    caller = rehearsed.calls("1")
    caller.hears("For a person, press 0")
    caller.hangs_up()
    caller.is_rid_of()

    assert rehearsed.record.dispositions(caller.call_id) == []
    rehearsed.later(minutes=3)  # a leg silent for two minutes is asked after
    rehearsed.sweeps()

    ended = rehearsed.ends(caller)
    assert (ended["outcome"], ended["reached"], ended["revision"]) == ("abandoned", "menu", 1)


def test_a_caller_who_left_the_line_unheard_is_not_offered_for_ever(rehearsed: Rehearsed) -> None:
    """Neither the status callback nor the queue's own word arrives; the agent finds nobody, and is free again."""
    caller = rehearsed.holds()
    agent = rehearsed.rings("grace")
    rehearsed.phones.faults(drop_callbacks=ALL, refuse_connections=8)
    caller.hangs_up()
    caller.is_rid_of()
    eventually(lambda: rehearsed.phones.get("/faults")["refuse_connections"] <= 4, "the queue's word is lost")
    rehearsed.phones.faults(drop_callbacks=ALL)

    agent.phone.answer(pace=0.0)
    agent.keys("1")

    agent.hears("The caller has left")
    agent.is_rid_of()
    assert rehearsed.ends(caller)["outcome"] in ("abandoned", "short_abandon")
    rehearsed.later(seconds=61)  # nobody says that the agent's phone is down: they are free after a minute all the same
    eventually(lambda: rehearsed.record.desk.agents()["grace"].presence == "available", "the agent is free")
    rehearsed.nobody_is_forgotten([caller.call_id])


def test_a_phone_that_rang_out_in_silence_is_counted_as_missed(rehearsed: Rehearsed) -> None:
    rehearsed.only("grace", "priya")
    caller = rehearsed.holds()
    first = rehearsed.rings("grace")
    rehearsed.phones.faults(drop_callbacks=ALL)
    first.phone.ignore()
    first.is_rid_of()

    rehearsed.later(seconds=40)  # ring, accept, and some grace for the carrier to say so itself

    rehearsed.answers("priya")
    caller.talks()
    rehearsed.phones.faults()
    caller.hangs_up()
    assert rehearsed.ends(caller)["outcome"] == "answered"
    assert rehearsed.record.desk.agents()["grace"].reason == "missed"
    assert (rehearsed.rung("grace"), rehearsed.rung("priya")) == (1, 1)


def test_a_call_we_never_heard_of_gets_its_row_and_its_disposition(rehearsed: Rehearsed) -> None:
    """The web is away for the whole of its life, and so nobody tells us of its end either."""
    rehearsed.phones.faults(refuse_connections=ALL)
    caller = rehearsed.calls()
    caller.is_rid_of()
    rehearsed.phones.faults()
    assert rehearsed.record.dispositions(caller.call_id) == []

    rehearsed.later(minutes=2)
    rehearsed.sweeps()

    ended = rehearsed.ends(caller)
    assert (ended["outcome"], ended["code"], ended["revision"]) == ("short_abandon", "system_failure", 1)


def test_callbacks_out_of_order_and_twice_change_nothing(rehearsed: Rehearsed) -> None:
    rehearsed.phones.faults(shuffle=True, twice=True)
    caller = rehearsed.holds()
    rehearsed.answers("grace")
    caller.talks()
    caller.hangs_up()

    ended = rehearsed.ends(caller)
    assert (ended["outcome"], ended["revision"]) == ("answered", 1)
    rehearsed.nobody_is_forgotten([caller.call_id])
