"""The web process dies in the middle of a call, all of it at once, and is started again by whoever watches over it."""

from __future__ import annotations

from tests.failures.rehearsed import Rehearsed

STAFFED_NUMBER = "+12025550120"
REPEATED = 4  # a document is asked for and asked for again three times: then only the fallback is left


def test_a_caller_in_the_menu_goes_on(rehearsed: Rehearsed) -> None:
    caller = rehearsed.calls("1")
    caller.hears("For a person, press 0")

    rehearsed.kills_web()
    caller.keys("0")

    caller.hears("in line")
    caller.hangs_up()
    assert rehearsed.ends(caller)["outcome"] in ("abandoned", "short_abandon")
    assert "failure" not in caller.kinds


def test_a_caller_on_hold_stays_in_line(rehearsed: Rehearsed) -> None:
    rehearsed.rests("grace")
    caller = rehearsed.holds()

    rehearsed.kills_web()
    rehearsed.returns("grace")
    rehearsed.answers("grace")

    caller.talks()
    caller.hangs_up()
    assert rehearsed.ends(caller)["outcome"] == "answered"
    assert "failure" not in caller.kinds


def test_an_agent_whose_phone_rings_takes_the_call(rehearsed: Rehearsed) -> None:
    caller = rehearsed.holds()
    rehearsed.rings("grace")

    rehearsed.kills_web()
    rehearsed.answers("grace")

    caller.talks()
    caller.hangs_up()
    assert rehearsed.ends(caller)["outcome"] == "answered"
    assert "failure" not in caller.kinds
    assert rehearsed.rung("grace") == 1


def test_two_who_talk_notice_nothing(rehearsed: Rehearsed) -> None:
    caller = rehearsed.holds()
    agent = rehearsed.answers("grace")
    caller.talks()

    rehearsed.kills_web()
    agent.phone.say("Hello, this is Grace")
    caller.hears("this is Grace")
    caller.hangs_up()

    assert rehearsed.ends(caller)["outcome"] == "answered"
    agent.is_rid_of()
    assert "failure" not in caller.kinds | agent.kinds


def test_a_document_that_cannot_be_had_is_asked_for_once_more(rehearsed: Rehearsed) -> None:
    caller = rehearsed.calls("1")
    caller.hears("For a person, press 0")

    rehearsed.phones.faults(refuse_connections=REPEATED)
    caller.keys("0")

    caller.hears("Once more, please")
    caller.hears("For a person, press 0")
    caller.keys("0")
    caller.hears("in line")
    caller.hangs_up()
    assert rehearsed.ends(caller)["outcome"] in ("abandoned", "short_abandon")


def test_a_caller_whose_documents_fail_again_and_again_is_put_through_to_a_person(rehearsed: Rehearsed) -> None:
    caller = rehearsed.calls("1")
    caller.hears("For a person, press 0")

    for words in ("Once more, please", "our phone system has a problem"):
        rehearsed.phones.faults(refuse_connections=REPEATED)
        caller.keys("0")
        caller.hears(words)

    staffed = rehearsed.rings_at(STAFFED_NUMBER)
    staffed.phone.answer(pace=0.0)
    caller.talks()
    caller.hangs_up()
    assert rehearsed.ends(caller)["final"]
