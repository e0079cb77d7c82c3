"""The judge notices: every law is broken once on purpose, in the books of a day that never was."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bench.town import Happening, Owner, Phone
from ivr.content import load
from ivr.core.call import Call, Caller
from ivr.core.line import Offer, Ticket
from ivr.core.pharmacy import Pharmacy
from tests.days.judge import Evidence, Told, judged
from tests.whole_line import ROOT

TEN = datetime(2026, 11, 24, 15, tzinfo=UTC)
GRACE, PRIYA = "+12025550135", "+12025550137"


@pytest.fixture(scope="module")
def pharmacy() -> Pharmacy:
    return load(ROOT, year=2026)


class Books:
    """A day on which one caller waited, was answered by grace, and hung up; then something is made wrong."""

    def __init__(self, pharmacy: Pharmacy) -> None:
        self.day = Evidence(pharmacy, {}, [], [], {}, {}, presences={"grace": "available"})
        self.phones: dict[str, Phone] = {}
        self.calls: dict[str, Call] = {}
        self.day.phones, self.day.calls, self.day.journals = self.phones, self.calls, {}
        self.rings("CA1", at=0)
        self.is_offered("CA1", "grace", 1)

    def rings(self, sid: str, at: float, number: str = "", promise: int = 180, **ticket: Any) -> None:
        phone = Phone(sid, number or f"+1303555{sid[2:]:0>4}", "+12125550110", "inbound", Owner(), "")
        phone.served = phone.hung_up_themselves = True
        phone.status = "completed"
        self.phones[sid] = phone
        when = TEN + timedelta(seconds=at)
        given = {
            "kind": "hold",
            "queue": "front_desk",
            "state": "closed",
            "due_from": when,
            "arrived_at": when,
            **ticket,
        }
        line = Ticket(f"t{sid}", sid, "central", answer_within_seconds=promise, **given)
        caller = Caller("number", phone.number, "A")
        self.calls[sid] = Call(sid, "main", "central", "v", when, caller, ticket=line, phase="over")
        lines = [self._line(at, "Keyed", "holding"), self._line(at + 60, "HungUp", "over")]
        self.day.journals = {**self.day.journals, sid: lines}
        self.day.dispositions.append(
            {"call_id": sid, "outcome": "answered", "final": True, "code": "", "reached": "talk"}
        )
        self.sees(at, "rings", sid)

    def _line(self, at: float, event: str, phase: str, **more: Any) -> Told:
        return Told(TEN + timedelta(seconds=at), None, {"event": event, "phase": phase, **more})

    def is_offered(self, sid: str, agent: str, at: float) -> None:
        call = self.calls[sid]
        assert call.ticket is not None
        when = TEN + timedelta(seconds=at)
        offer = Offer(f"o{sid}", call.ticket.id, agent, f"leg{sid}", "ended", when, when)
        self.calls[sid] = replace(call, offers=(*call.offers, offer))
        told = self._line(at, "Offered", "holding", offer=offer.id, agent=agent)
        self.day.journals = {
            **self.day.journals,
            sid: sorted([*self.day.journals[sid], told], key=lambda line: line.at),
        }

    def is_rung(self, sid: str, number: str, at: float) -> None:
        self.phones[sid] = Phone(sid, number, "+12125550110", "outbound-api", Owner(), "", status="in-progress")
        self.sees(at, "rings", sid)

    def is_of(self, sid: str, *legs: str) -> None:
        self.day.call_of = {**self.day.call_of, **dict.fromkeys(legs, sid)}

    def keys(self, sid: str, who: str, key: str, at: float) -> None:
        told = self._line(at, "Keyed", "talking", who=who, key=key)
        self.day.journals = {**self.day.journals, sid: [*self.day.journals[sid], told]}

    def sees(self, at: float, what: str, sid: str, detail: str = "") -> None:
        self.day.log.append(Happening(at, what, sid, detail))

    def broken(self) -> set[str]:
        return {breach.law for breach in judged(self.day)}


@pytest.fixture
def books(pharmacy: Pharmacy) -> Books:
    return Books(pharmacy)


def test_a_day_on_which_all_went_well_breaks_no_law(books: Books) -> None:
    books.rings("CA2", at=5)
    books.is_offered("CA2", "priya", 6)
    assert books.broken() == set()


def test_a_caller_we_hung_up_on(books: Books) -> None:
    books.phones["CA1"].served = books.phones["CA1"].hung_up_themselves = False
    assert books.broken() == {"everybody got somewhere", "the books say what was"}


@pytest.mark.parametrize("times", [0, 2])
def test_a_call_without_a_disposition_or_with_two(books: Books, times: int) -> None:
    books.day.dispositions[:] = books.day.dispositions * times
    assert books.broken() == {"one disposition a call"}


def test_a_disposition_that_is_never_final(books: Books) -> None:
    books.day.dispositions[0]["final"] = False
    assert books.broken() == {"final when it should be"}


def test_a_call_that_failed(books: Books) -> None:
    books.day.dispositions[0]["outcome"] = "failed"
    assert books.broken() == {"no call fails"}


def test_a_ticket_that_waits_for_ever(books: Books) -> None:
    ticket = books.calls["CA1"].ticket
    assert ticket is not None
    books.day.waiting.append(ticket)
    assert books.broken() == {"no ticket is lost"}


@pytest.mark.parametrize("state", ["connecting", "talking"])
def test_a_ticket_on_its_way_to_nobody(books: Books, state: str) -> None:
    call = books.calls["CA1"]
    assert call.ticket is not None
    books.calls["CA1"] = replace(call, ticket=replace(call.ticket, state=state))
    assert books.broken() == {"no ticket is lost"}


def test_what_is_never_done_and_what_was_done_for_nothing(books: Books) -> None:
    books.day.undone = {"place": 1}
    books.day.strangers = ["CA1"]
    books.day.differed = ["/voice/a/1/next"]
    assert books.broken() == {"everything is done", "no phone rings for nothing", "an exit has one answer"}


def test_a_caller_who_is_passed_at_an_agent(books: Books) -> None:
    books.rings("CA2", at=3)
    books.rings("CA3", at=4)
    books.is_offered("CA3", "grace", 30)
    assert books.broken() == {"nobody is passed at an agent"}


def test_nobody_knows_the_place_of_a_caller_whom_an_agent_passed_on(books: Books) -> None:
    books.rings("CA2", at=3)
    books.keys("CA2", "agent", "2", at=40)
    books.day.journals["CA2"].append(
        replace(books.day.journals["CA2"][-1], event={"event": "Keyed", "phase": "holding"})
    )
    books.rings("CA3", at=4)
    books.is_offered("CA3", "grace", 30)
    assert books.broken() == set()


@pytest.mark.parametrize("heard", ["You are in line for a person.", "You are being connected now."])
def test_a_caller_said_to_be_answered_who_hung_up_with_nobody_there(books: Books, heard: str) -> None:
    books.phones["CA1"].served = False
    books.sees(59, "hears", "CA1", heard)
    assert books.broken() == ({"the books say what was"} if "in line" in heard else set())


def test_nobody_is_passed_by_an_offer_of_a_machine_that_stood_still(books: Books) -> None:
    books.rings("CA2", at=3)
    books.rings("CA3", at=4)
    books.is_offered("CA3", "grace", 30)
    books.day.slow = [(TEN + timedelta(seconds=31), TEN + timedelta(seconds=40))]
    assert books.broken() == {"nobody is passed at an agent"}
    books.day.slow = [(TEN + timedelta(seconds=20), TEN + timedelta(seconds=40))]
    assert books.broken() == set()


def test_a_caller_who_is_passed_from_outside_the_window(books: Books) -> None:
    books.rings("CA2", at=3)
    books.rings("CA3", at=40, due_from=TEN + timedelta(seconds=160))
    books.is_offered("CA3", "grace", 50)
    assert books.broken() == {"nobody is passed at an agent", "nobody outside the window passes"}


def test_an_emergency_that_is_passed(books: Books) -> None:
    books.rings("CA2", at=3, promise=0)
    books.rings("CA3", at=1)
    books.is_offered("CA3", "grace", 30)
    assert books.broken() == {"emergencies first"}


def test_nobody_is_passed_who_has_just_come_or_whom_the_agent_may_not_serve(books: Books) -> None:
    books.rings("CA2", at=29)
    books.rings("CA3", at=3, queue="billing")
    books.rings("CA4", at=29.5)
    books.is_offered("CA4", "grace", 30)
    assert books.broken() == set()


def test_what_the_night_has_left_before_a_caller_of_the_morning(books: Books) -> None:
    books.day.opens_at = TEN
    books.rings("CA2", at=1)
    books.rings("CA3", at=-40_000, kind="callback", due_from=TEN + timedelta(seconds=60))
    books.is_offered("CA3", "grace", 30)
    assert "the night buries nobody" in books.broken()


def test_two_agents_with_one_caller(books: Books) -> None:
    for sid, number in (("CA2", GRACE), ("CA3", PRIYA)):
        books.is_rung(sid, number, 1)
        books.sees(2, "enters", sid, "rx-1")
    books.sees(3, "enters", "CA1", "rx-1")
    assert books.broken() == {"one agent with a caller"}


def test_an_agent_who_asks_a_colleague_while_their_caller_is_on_hold(books: Books) -> None:
    for sid, number in (("CA2", GRACE), ("CA3", PRIYA)):
        books.is_rung(sid, number, 1)
        books.sees(2, "enters", sid, "rx-1-2")
    assert books.broken() == {"one agent with a caller"}
    books.is_of("CA1", "CA2", "CA3")
    books.keys("CA1", "caller", "4", at=10)
    assert books.broken() == {"one agent with a caller"}
    books.keys("CA1", "agent", "4", at=30)
    assert books.broken() == set()


def test_one_agent_with_two_callers(books: Books) -> None:
    books.rings("CA2", at=0)
    for sid in ("CA1", "CA2"):
        books.sees(2, "enters", sid, "rx-1")
    assert books.broken() == {"one caller with an agent"}


def test_an_agent_in_two_rooms(books: Books) -> None:
    for sid, room in (("CA2", "rx-1"), ("CA3", "rx-2")):
        books.is_rung(sid, GRACE, 1)
        books.sees(2, "enters", sid, room)
    assert books.broken() == {"an agent is in one place"}


@pytest.mark.parametrize("presence", ["offered", "on_call"])
def test_an_agent_nobody_frees(books: Books, presence: str) -> None:
    books.day.presences = {"grace": presence}
    assert books.broken() == {"no agent is stuck"}


def test_silence(books: Books) -> None:
    books.phones["CA1"].longest_silence = 5.1
    assert books.broken() == {"nobody hears silence"}


def test_silence_while_there_was_nobody_to_ask_is_nobodys_fault(books: Books) -> None:
    books.phones["CA1"].longest_silence, books.phones["CA1"].silent_until = 5.1, 12.0
    books.day.troubles = [(8.0, 9.0)]
    assert books.broken() == set()
    books.day.troubles = [(1.0, 6.5), (11.95, 20.0)]
    assert books.broken() == {"nobody hears silence"}


def test_somebody_in_danger_who_hears_nothing_but_music(books: Books) -> None:
    books.rings("CA2", at=3, promise=0)
    books.sees(4, "queued", "CA2")
    books.sees(5, "hears", "CA2", "hang up and dial 911")
    books.sees(60, "left the queue", "CA2")
    assert books.broken() == {"an emergency has a spoken way"}
    books.day.troubles = [(20.0, 40.0)]
    assert books.broken() == set()


def test_a_phone_that_is_rung_too_often(books: Books) -> None:
    books.is_rung("CA8", GRACE, 0)
    books.sees(0, "asks", "CA8")
    books.rings("CA2", at=0, number="+13035550199", kind="callback")
    for n in range(3, 7):
        books.is_rung(f"CA{n}", "+13035550199", n)
        books.sees(n, "over", f"CA{n}")
    assert books.broken() == {"rung no more than promised"}


def test_a_person_who_was_called_back_and_then_passed_on_was_promised_it(books: Books) -> None:
    books.is_rung("CA8", GRACE, 0)
    books.sees(0, "asks", "CA8")
    books.rings("CA2", at=0, number="+13035550199", kind="hold")
    books.is_rung("CA3", "+13035550199", 3)
    assert books.broken() == {"rung no more than promised"}
    books.day.journals["CA2"][0] = replace(books.day.journals["CA2"][0], event={"event": "Keyed", "phase": "promised"})
    assert books.broken() == set()


def test_a_phone_that_is_rung_twice_at_once_and_by_nobody(books: Books) -> None:
    books.rings("CA2", at=0, number="+13035550199", kind="callback")
    for n in (3, 4):
        books.is_rung(f"CA{n}", "+13035550199", n)
    assert books.broken() == {"never rung twice at once", "no more callbacks than agents"}
