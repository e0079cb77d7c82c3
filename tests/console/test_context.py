"""Context before pick-up: who sees how much of whom, and that no part that fails holds up another."""

from __future__ import annotations

import copy
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, cast

import jsonschema_rs
import pytest
import yaml
from flask import Flask
from flask.testing import FlaskClient

from ivr.console import api
from ivr.context import Context, Known, as_learnt
from ivr.core.call import Answer, Call, Found, Message
from ivr.core.line import Offer
from ivr.core.rules import Decision
from ivr.orders.port import NOT_SERVED, Contact, OrderSystem, Prescription, Refused, Unavailable
from ivr.store import Record
from tests.console.conftest import ROOT, Desk
from tests.store.calls import MORNING, SECRET_KEY, a_call, a_ticket, after, an_offer, begin

CONTRACT = yaml.safe_load((ROOT / "docs/line-api.yaml").read_text())
WRITTEN = jsonschema_rs.Draft202012Validator(
    {"$ref": "#/components/schemas/Context", "components": CONTRACT["components"]}
)
LATE = Prescription(
    *("RX-1", "P-7", "pa_pending", "processing", "none_due", "transplant", True, 2, None, date(2026, 11, 30), "4471"),
    *("pending_prescriber", None, "prescriber", date(2026, 11, 20), date(2026, 11, 25), Decimal("12.50"), "none"),
    substitution=True,
    cold_chain=False,
)
DONE = replace(LATE, id="RX-2", refill="rx_cancelled", last4="0002")
EARLY = replace(LATE, id="RX-0", refill="eligible", since=None)
SAID = Contact(datetime(2026, 11, 23, 15, 0, tzinfo=UTC), "sms", "to_patient", "RX-1", "We asked Dr Okafor again.")


@dataclass
class Orders:
    """An order system in the hands of a test: what it answers with, or raises, or waits for."""

    prescribed: tuple[Prescription, ...] | Exception = (EARLY, DONE, LATE)
    told: tuple[Contact, ...] | Exception | threading.Event = (SAID,)
    asked: list[str] = field(default_factory=list)

    def prescriptions(self, person_id: str, *, timeout_seconds: float | None = None) -> tuple[Prescription, ...]:
        return cast(Any, self._answer("prescriptions", self.prescribed))

    def contacts(self, person_id: str, *, timeout_seconds: float | None = None) -> tuple[Contact, ...]:
        return cast(Any, self._answer("contacts", self.told))

    def _answer(self, what: str, answer: Any) -> Any:
        self.asked.append(what)
        if isinstance(answer, threading.Event):
            answer.wait(30)
            return ()
        if isinstance(answer, Exception):
            raise answer
        return answer


@dataclass
class Office:
    """The API over an order system of the test's, and a caller in line."""

    desk: Desk
    orders: Orders
    client: FlaskClient

    def context(self, who: str, ticket: str = "T-1") -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {self.desk.token(who)}"}
        answer = self.client.get(f"/api/v1/tickets/{ticket}/context", headers=headers)
        assert answer.status_code == 200, answer.get_json()
        WRITTEN.validate(answer.get_json())
        return cast(dict[str, Any], answer.get_json())

    def rings(self, **parts: Any) -> None:
        usual: dict[str, Any] = {
            "person": "P-7",
            "prescription": "RX-1",
            "fields": {"rx_number": "7654321", "date_of_birth": "1950-01-05"},
            "facts": {"caller": "patient", "intent": "order_status", "tier": "verified", "permission": "everything"},
            "decision": Decision("queue", "refills", 60, rule="Emergency", file="safety.yaml", line=3),
            "ticket": a_ticket("T-1", "CA-1", person="P-7", need="order"),
        }
        begin(self.desk.board.record, a_call("CA-1", **(usual | parts)))


@pytest.fixture
def office(desk: Desk) -> Office:
    board, orders = copy.copy(desk.board), Orders()
    board.orders = cast(OrderSystem, orders)
    app = Flask("office")
    app.register_blueprint(api.blueprint(board, api.Doors(lambda *_: None, lambda _: None, lambda _: None)))
    return Office(desk, orders, app.test_client())


def held_by(agent: str, state: str = "accepted") -> tuple[Offer, ...]:
    return (an_offer("O1", "T-1", agent, state),)


# ---------------------------------------------------------------- who sees how much


@pytest.mark.parametrize("who", ["grace", "daniel", "ruth", "audra", "adam"])
def test_before_it_is_taken_nobody_sees_more_than_a_whisper_says(office: Office, who: str) -> None:
    office.rings(offers=held_by("grace", "open"))

    told = office.context(who)

    assert (told["level"], told["known"], office.orders.asked) == ("whisper", None, [])
    assert [told[name] for name in ("caller", "tier", "intent", "queue")] == [
        *("patient", "verified", "order_status", "refills")
    ]
    assert not any(private in str(told) for private in ("P-7", "RX-1", "7654321", "1950", "Emergency", "5550100"))
    assert office.desk.audit() == [(who, "api", "context", "ticket:T-1", "whisper", "done")]


def test_who_has_taken_it_sees_whose_it_is_and_what_has_become_of_it(office: Office) -> None:
    office.rings(offers=held_by("grace"))
    begin(
        office.desk.board.record,
        a_call("CA-0", arrived_at=after(-86_400), person="P-7", phase="over", outcome="answered",
               resolution="status_given", agents=("ben",), facts={"intent": "refill_request"}),
    )  # fmt: skip
    begin(office.desk.board.record, a_call("CA-old", arrived_at=after(-9 * 86_400), person="P-7"))
    begin(
        office.desk.board.record,
        a_call("CA-2", ticket=a_ticket("T-2", "CA-2", person="P-7", kind="voicemail", need="billing")),
    )

    told = office.context("grace")["known"]

    assert told["person"] == {
        **{"id": "P-7", "proved": True, "proved_by": ["rx_number", "date_of_birth"]},
        "permission": "everything",
    }
    assert told["decision"]["rule"] == "Emergency"
    meant, other = told["prescriptions"]["items"]
    assert (meant["id"], meant["is_meant"], other["id"], other["is_meant"]) == ("RX-1", True, "RX-0", False)
    assert (meant["acts_next"], meant["since"], meant["stuck_days"], other["stuck_days"]) == (
        *("prescriber", "2026-11-20", 4, None),
    )
    assert (meant["substitution"], meant["balance"], meant["expected_on"]) == (True, "12.50", "2026-11-30")
    assert [said["said"] for said in told["said"]["items"]] == ["We asked Dr Okafor again."]
    [earlier] = told["earlier_calls"]["items"]
    assert (earlier["intent"], earlier["outcome"], earlier["resolution"], earlier["agents"]) == (
        *("refill_request", "answered", "status_given", ["ben"]),
    )
    assert [(each["id"], each["kind"], each["need"]) for each in told["open"]["items"]] == [
        ("T-2", "voicemail", "billing")
    ]
    assert {told[name]["state"] for name in ("prescriptions", "said", "earlier_calls", "open")} == {"known"}


@pytest.mark.parametrize(("who", "level", "seen"), [("grace", "private", None), ("ruth", "clinical", "transplant")])
def test_only_a_licensed_pharmacist_sees_what_is_clinical(
    office: Office, who: str, level: str, seen: str | None
) -> None:
    office.rings(offers=held_by(who))

    told = office.context(who)

    assert (told["level"], told["known"]["prescriptions"]["items"][0]["medication_class"]) == (level, seen)
    [line] = office.desk.audit()
    assert line[4].split()[0] == "whisper"
    assert ("clinical" in line[4], "P-7" in str(line), "RX-1" in str(line)) == (level == "clinical", False, False)


def test_a_supervisor_sees_it_once_they_are_on_the_call_and_an_agent_no_more_once_they_are_off(office: Office) -> None:
    offers = (an_offer("O1", "T-1", "grace", "ended"), an_offer("O2", "T-1/1", "ruth", "accepted"))
    office.rings(offers=offers)

    assert (office.context("ruth")["level"], office.context("grace")["level"]) == ("clinical", "whisper")


@pytest.mark.parametrize(
    ("parts", "level"),
    [
        ({"coding": "grace"}, "private"),
        ({"message": Message("RE1", 9, MORNING, played_by=("grace",))}, "private"),
        ({"message": Message("RE1", 9, MORNING)}, "whisper"),
        ({"message": Message("RE1", 9, MORNING, played_by=("grace",), closed_at=MORNING)}, "whisper"),
    ],
)
def test_who_owes_the_code_or_has_heard_the_message_works_it_too(
    office: Office, parts: dict[str, Any], level: str
) -> None:
    office.rings(**parts)
    assert office.context("grace")["level"] == level


def test_who_is_only_filed_under_the_number_is_not_proved(office: Office) -> None:
    office.rings(offers=held_by("grace"), facts={"tier": "number"}, code_right=True, decision=None)
    told = office.context("grace")["known"]
    assert (told["person"]["proved"], told["person"]["proved_by"], told["decision"]) == (False, [], None)


def test_another_sites_context_is_not_theirs(office: Office) -> None:
    office.rings(ticket=a_ticket("T-1", "CA-1", site="north"), offers=held_by("grace"))
    answer = office.client.get(
        "/api/v1/tickets/T-1/context", headers={"Authorization": f"Bearer {office.desk.token('grace')}"}
    )
    assert answer.status_code == 403


# ---------------------------------------------------------------- what does not come


@dataclass
class Place:
    """A record of its own, an order system, and what is known in a moment."""

    record: Record
    orders: Orders
    clock: Any

    def of(self, call: Call, seconds: float = 5) -> Known:
        assert call.ticket is not None
        begin(self.record, call)
        context = Context(self.record, cast(OrderSystem, self.orders), self.clock, seconds)
        return context.of(call, call.ticket)


@pytest.fixture
def place(desk: Desk) -> Iterator[Place]:
    with closing(Record(desk.database, SECRET_KEY)) as record:
        yield Place(record, Orders(), desk.board.clock)


def a_known_call(**parts: Any) -> Call:
    return a_call("CA-9", person="P-7", ticket=a_ticket("T-9", "CA-9", person="P-7"), **parts)


def test_what_does_not_come_in_time_holds_up_nothing_else(place: Place) -> None:
    place.orders.told = never = threading.Event()
    known = place.of(a_known_call(), seconds=1)
    never.set()
    assert (known.said.why, known.said.items) == ("no_answer", ())
    assert [one.id for one in known.prescriptions.items] == ["RX-0", "RX-1"]
    assert known.earlier_calls.why == ""


@pytest.mark.parametrize(
    ("raised", "why"),
    [(Unavailable("down"), "no_answer"), (Refused(NOT_SERVED), NOT_SERVED), (Refused("patient_not_found"), "refused")],
)
def test_an_order_system_that_is_down_or_says_no_leaves_its_parts_unknown(
    place: Place, raised: Exception, why: str
) -> None:
    place.orders.prescribed = place.orders.told = raised
    known = place.of(a_known_call())
    assert (known.prescriptions.why, known.prescriptions.items, known.said.why) == (why, (), why)
    assert (known.earlier_calls.why, known.open.why) == ("", "")


def test_what_the_call_learnt_earlier_stands_in_with_its_age(place: Place) -> None:
    place.orders.prescribed = Unavailable("down")
    call = a_known_call(
        prescription="RX-1",
        facts={"tier": "verified", "refill": "too_soon", "days_left": 3, "time_sensitive": "yes", "payment": "unknown"},
        values={"since": "2026-11-20", "balance": "3.20", "last4": "4471", "expected_on": ""},
    )
    learnt_at = place.clock.now() - timedelta(seconds=90)
    begin(place.record, replace(call, id="CA-8", ticket=None, legs={}))
    place.record.keep_answer("CA-9", "prescription:1", Answer(True), learnt_at)
    place.record.keep_answer("CA-9", "who", Answer(True), place.clock.now())

    part = place.of(call).prescriptions

    [one] = part.items
    assert (part.why, 90 <= part.age_seconds <= 200) == ("no_answer", True)  # type: ignore[operator]
    assert (one.refill, one.days_left, one.time_sensitive, one.payment) == ("too_soon", 3, True, None)
    assert (one.since, one.balance, one.last4, one.expected_on) == (date(2026, 11, 20), Decimal("3.20"), "4471", None)
    again = a_call("CA-10", ticket=a_ticket("T-10", "CA-10"))
    quick = replace(call, id="CA-10", known_at=learnt_at, legs=again.legs, ticket=again.ticket)
    within_the_turn = place.of(quick).prescriptions
    assert (within_the_turn.items, 90 <= within_the_turn.age_seconds <= 200) == (part.items, True)  # type: ignore[operator]


def test_what_the_call_found_of_several_prescriptions_is_all_there(place: Place) -> None:
    found = (Found("RX-1", {"refill": "eligible"}), Found("RX-2", {"refill": "unknown"}))
    assert [(as_learnt(each, "P-7").id, as_learnt(each, "P-7").refill) for each in found] == [
        ("RX-1", "eligible"),
        ("RX-2", None),
    ]


def test_of_a_caller_nobody_knows_only_what_is_open_for_their_number_is_told(place: Place) -> None:
    begin(
        place.record, a_call("CA-7", ticket=a_ticket("T-7", "CA-7", kind="callback", person="number:x", need="order"))
    )
    call = a_call("CA-9", ticket=a_ticket("T-9", "CA-9", person="number:x", kind="voicemail"))
    known = place.of(call)
    assert (known.prescriptions.why, known.said.why, place.orders.asked) == ("person_unknown", "person_unknown", [])
    assert [ticket.id for ticket in known.open.items] == ["T-7"]

    hidden = a_call("CA-6", ticket=a_ticket("T-6", "CA-6", kind="voicemail"))
    assert place.of(hidden).open.why == "person_unknown"


def test_a_record_that_does_not_answer_leaves_its_parts_unknown(place: Place) -> None:
    known = place.of(a_known_call(), seconds=0)
    assert {known.earlier_calls.why, known.open.why} == {"no_answer"}
