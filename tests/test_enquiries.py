"""What our own record answers at once, and to whom the order system's answers are not told."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import httpx
import pytest
from werkzeug.serving import make_server

from ivr import store
from ivr.clock import Anchor, Clock
from ivr.core import call as core
from ivr.core.call import Answer, Call
from ivr.core.pharmacy import Pharmacy, Policies
from ivr.core.rules import UNKNOWN
from ivr.enquiries import Enquiries
from ivr.orders import questions
from ivr.orders.breaker import Breaker, guarded
from ivr.orders.memory import MOST, Memory
from ivr.orders.port import Proof, Proved
from ivr.orders.rest import RestOrderSystem
from ivr.orders.sandbox.server import create_app
from ivr.store import Record
from tests.core.rehearsal import OPEN, PHARMACY, Rehearsal
from tests.store.calls import ROSA, a_call, a_ticket, begin


def test_the_worker_is_silent_until_the_child_that_offers_calls_has_been_heard_of(sqlite_url: str) -> None:
    store.migrate(sqlite_url)
    call = Rehearsal().on_hold().call
    with contextlib.closing(Record(sqlite_url, "k" * 32)) as record:
        enquiries = Enquiries(record, RestOrderSystem("http://127.0.0.1:9", "none"), Clock(), threads=2)

        def told() -> list[str | None]:
            assert call.ticket is not None
            asked = enquiries.answers("line", call, PHARMACY, patient=False)["line"]
            return [asked.values.get("worker"), enquiries.place_in_line(call.ticket, PHARMACY).values.get("worker")]

        assert told() == ["silent", "silent"]
        record.watch.beat("sweep")
        assert told() == ["silent", "silent"]
        record.watch.beat("dispatch")
        assert told() == [None, None]


@pytest.mark.parametrize(("attestation", "known"), [("A", True), ("none", True), ("C", False), ("failed", False)])
def test_a_number_the_carrier_doubts_finds_nobodys_callback(sqlite_url: str, attestation: str, known: bool) -> None:
    store.migrate(sqlite_url)
    call = Rehearsal().on_hold().call
    call = replace(call, caller=replace(call.caller, attestation=attestation))
    with contextlib.closing(Record(sqlite_url, "k" * 32)) as record:
        enquiries = Enquiries(record, RestOrderSystem("http://127.0.0.1:9", "none"), Clock(), threads=2)
        told = enquiries.answers("ticket", call, PHARMACY, patient=False)["ticket"]

    assert bool(told.values["number"]) == known  # under which tickets are found, and their own is kept


@pytest.mark.parametrize(
    ("attestation", "proved", "finds_it"),
    [("A", False, True), ("B", False, False), ("none", False, False), ("C", True, False), ("none", True, True)],
)
def test_a_number_nobody_vouches_for_hears_of_no_ticket_until_they_prove_to_be_somebody(
    sqlite_url: str, attestation: str, proved: bool, finds_it: bool
) -> None:
    store.migrate(sqlite_url)
    with contextlib.closing(Record(sqlite_url, "k" * 32)) as record:
        owner = record.callbacks.key_of(ROSA)
        begin(record, a_call("CA0", ticket=a_ticket("T0", "CA0", kind="callback", person=owner, need="anything")))
        enquiries = Enquiries(record, RestOrderSystem("http://127.0.0.1:9", "none"), Clock(), threads=2)
        facts = {"tier": "prescription"} if proved else {}
        call = a_call("CA1", caller=core.Caller("number", ROSA, attestation), facts=facts, person="P-1")
        told = enquiries.answers("ticket", call, PHARMACY, patient=False)["ticket"]

    assert (told.ticket is not None) == finds_it
    assert bool(told.values["number"]) == finds_it  # else the record would refuse them a ticket of their own


# ---------------------------------------------------------------- who guesses

ADA, ADAS_RX, ADAS_BIRTH, ADAS_ZIP = "+16145550101", "7001001", "1950-01-05", "43004"
POLICIES = Policies()
MISS = Answer(True, {"refill": "not_found"})


class Caller(NamedTuple):
    """A caller's next offer of proof."""

    number: str
    call: str = "CA1"
    tries: int = 0
    offers: Mapping[str, str] = MappingProxyType({"rx_number": ADAS_RX, "date_of_birth": "1950-01-06", "zip": ADAS_ZIP})


@pytest.fixture
def sandbox_url(tmp_path: Path) -> Iterator[str]:
    """A sandbox order system that listens."""
    app = create_app(tmp_path / "sandbox.db", now=lambda: OPEN)
    server = make_server("127.0.0.1", 0, app, threaded=True)
    serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    serving.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    serving.join()
    server.server_close()
    app.extensions["ledger"].close()


@pytest.fixture
def orders(sandbox_url: str) -> Iterator[RestOrderSystem]:
    with contextlib.closing(RestOrderSystem(sandbox_url, "sandbox")) as orders:
        yield orders


class Slow(RestOrderSystem):
    """An order system that takes its time over a proof, so that something happens meanwhile."""

    def __init__(self, url: str) -> None:
        super().__init__(url, "sandbox")
        self.meanwhile: Callable[[], object] = lambda: None

    def prove(self, proof: Proof, *, timeout_seconds: float | None = None) -> Proved:
        proved = super().prove(proof, timeout_seconds=timeout_seconds)
        self.meanwhile()
        return proved


@pytest.fixture
def slow(sandbox_url: str) -> Iterator[Slow]:
    with contextlib.closing(Slow(sandbox_url)) as slow:
        yield slow


@dataclass
class Desk:
    """Enquiries of a record that begins empty."""

    record: Record
    clock: Clock
    enquiries: Enquiries

    def hears(self, caller: Caller, ask: str = "identity") -> Answer:
        answer = self.enquiries.ask(f"{ask}:{caller.tries}", called(caller), POLICIES)
        assert answer is not None
        return answer

    def guesses(self, *callers: Caller) -> list[Answer]:
        return [self.hears(caller) for caller in callers]


def called(caller: Caller) -> Call:
    call = Call(caller.call, "main", "central", "v1", OPEN, core.Caller("number", caller.number, "B"))
    return replace(call, facts={"tier": "anonymous"}, fields=dict(caller.offers), tries=caller.tries)


@pytest.fixture
def desk(database_url: str, orders: RestOrderSystem) -> Iterator[Desk]:
    store.migrate(database_url)
    clock = Clock(Anchor("", time.time(), OPEN.timestamp(), 0.001))
    with contextlib.closing(Record(database_url, "k" * 32)) as record:
        yield Desk(record, clock, Enquiries(record, orders, clock, threads=40))


RIGHT = {"rx_number": ADAS_RX, "date_of_birth": ADAS_BIRTH, "zip": ADAS_ZIP}
STRANGERS = [Caller(f"+161455502{n:02}", f"CA{n}") for n in range(40)]
HERSELF = Caller(ADA, "CAada", offers=RIGHT)


def test_a_caller_who_proves_who_they_are_is_believed_before_and_after_a_slip(desk: Desk) -> None:
    slip = Caller(ADA, "CAada")
    assert desk.hears(slip) == MISS
    assert desk.hears(HERSELF._replace(tries=1)).facts["tier"] == "verified"


def test_ten_wrong_birth_dates_from_ten_numbers_and_the_right_one_is_a_miss_like_them(desk: Desk) -> None:
    wrong = desk.guesses(*STRANGERS[:10])
    right = desk.hears(STRANGERS[10]._replace(offers=RIGHT))
    assert {repr(answer) for answer in [*wrong, right]} == {repr(MISS)}


def test_after_that_not_even_the_patient_is_believed_nor_a_prescription_from_their_number(desk: Desk) -> None:
    desk.guesses(*STRANGERS[:5])
    assert desk.hears(HERSELF) == MISS
    by_number = HERSELF._replace(call="CA99", offers={"rx_number": ADAS_RX})
    assert desk.hears(by_number, "prescription") == Answer(True, {"refill": "not_found"})
    nobody = by_number._replace(call="CA98", offers={"rx_number": "7999999"})
    assert desk.hears(nobody, "prescription") == desk.hears(by_number, "prescription")


def test_after_four_they_still_are(desk: Desk) -> None:
    desk.guesses(*STRANGERS[:4])
    assert desk.hears(HERSELF).facts["tier"] == "verified"


def test_two_wrong_proofs_end_a_calls_credit(desk: Desk) -> None:
    desk.guesses(Caller(ADA, tries=0), Caller(ADA, tries=1))
    assert desk.hears(HERSELF._replace(call="CA1", tries=2)) == MISS
    assert desk.hears(HERSELF).facts["tier"] == "verified"  # the next time they ring


def test_ten_wrong_proofs_end_a_numbers_credit_whoever_they_were_about(desk: Desk) -> None:
    guess = Caller("+16145550102")
    for n in range(10):
        desk.hears(guess._replace(call=f"CA{n}", offers={"rx_number": f"799999{n}", "date_of_birth": ADAS_BIRTH}))
    boris = {"rx_number": "7002001", "date_of_birth": "1967-08-19"}
    assert desk.hears(guess._replace(call="CA99", offers=boris)) == MISS
    assert desk.hears(Caller("+16145550299", "CA98", offers=boris)).facts["tier"] == "prescription"


def test_a_number_of_a_prescription_alone_is_no_guess(desk: Desk) -> None:
    for n in range(20):
        desk.hears(Caller(ADA, "CA1", n, {"rx_number": f"79999{n:02}"}), "prescription")
    assert desk.hears(HERSELF._replace(call="CA1", tries=20)).facts["tier"] == "verified"


def test_an_offer_asked_about_twice_counts_once(desk: Desk) -> None:
    for _ in range(5):
        desk.hears(Caller(ADA))
    assert desk.hears(HERSELF._replace(call="CA1", tries=1)).facts["tier"] == "verified"


def test_a_day_later_or_once_staff_has_lifted_it_they_are_believed_again(desk: Desk) -> None:
    desk.guesses(*STRANGERS[:5])
    desk.clock.set(OPEN + timedelta(hours=23, minutes=59))
    assert desk.hears(HERSELF) == MISS
    desk.clock.set(OPEN + timedelta(hours=24, seconds=5))
    assert desk.hears(HERSELF).facts["tier"] == "verified"
    desk.guesses(*STRANGERS[10:15])
    assert desk.hears(HERSELF) == MISS
    assert desk.record.proofs.lift(by="grace", now=desk.clock.now(), person="patient-01") == 10
    assert desk.hears(HERSELF).facts["tier"] == "verified"


def test_many_at_once_from_many_numbers_get_no_more_tries_than_one_after_the_other(desk: Desk) -> None:
    """Once as many wrong ones are counted as may be, no right one gets in, however many ring at that moment."""
    callers = [*STRANGERS[:5], *(each._replace(offers=RIGHT) for each in STRANGERS[5:20]), *STRANGERS[20:40]]
    desk.guesses(*callers[:5])
    with ThreadPoolExecutor(20) as together:
        heard = list(together.map(desk.hears, callers[5:]))
    assert {repr(answer) for answer in heard} == {repr(MISS)}


def test_a_right_offer_under_way_while_the_last_wrong_one_is_counted_comes_too_late(desk: Desk, slow: Slow) -> None:
    slow.meanwhile = lambda: desk.guesses(*STRANGERS[:5])
    slowly = Enquiries(desk.record, slow, desk.clock, threads=2)
    assert slowly.ask("identity:0", called(HERSELF), POLICIES) == MISS


def test_what_the_worker_learnt_is_told_as_far_as_it_still_is_news(desk: Desk) -> None:
    call = replace(called(HERSELF), facts={"tier": "verified", "access": "slow"}, person="patient-01")
    kept = Answer(True, {"tier": "number", "access": "standard", "caller": "patient"}, "patient-01")
    desk.record.keep_answer(call.id, "who", kept, OPEN)
    assert desk.enquiries.answers("who", call, PHARMACY, patient=True) == {"who": Answer(True)}


def test_who_may_be_rung_for_advice_is_of_the_site_and_free_and_the_longest_idle_comes_first(sqlite_url: str) -> None:
    ana = PHARMACY.staff["ana"]
    names = {name: replace(ana, id=name) for name in ("ana", "ben", "cas", "dee")}
    pharmacy = replace(PHARMACY, staff={**names, "far": replace(ana, id="far", site="elsewhere")})
    store.migrate(sqlite_url)
    with contextlib.closing(Record(sqlite_url, "k" * 32)) as record:
        enquiries = Enquiries(record, RestOrderSystem("http://127.0.0.1:9", "none"), Clock(), threads=2)
        record.desk.seed_agents({name: agent for name, agent in pharmacy.staff.items() if name != "dee"}, OPEN)
        record.desk.move_agent("ana", "took_break", "lunch", OPEN)
        record.desk.move_agent("ana", "returned", "", OPEN + timedelta(minutes=5))
        record.desk.move_agent("ben", "took_break", "lunch", OPEN)
        free = enquiries.answers("free", Rehearsal().call, pharmacy, patient=False)["free"]
    assert free.values["agents"].split() == ["cas", "ana"]


def test_whoever_talked_with_this_person_or_number_in_seven_days_is_known_where_the_pharmacy_prefers_them(
    sqlite_url: str,
) -> None:
    prefers = replace(PHARMACY, policies=replace(PHARMACY.policies, prefer_last_agent=True))
    store.migrate(sqlite_url)
    with contextlib.closing(Record(sqlite_url, "k" * 32)) as record:
        enquiries = Enquiries(
            record,
            RestOrderSystem("http://127.0.0.1:9", "none"),
            Clock(Anchor("test", time.time(), OPEN.timestamp(), 0)),
            threads=2,
        )

        def last_agent(call: Call, pharmacy: Pharmacy = prefers) -> str:
            return enquiries.answers("ticket", call, pharmacy, patient=False)["ticket"].values["last_agent"]

        def talked(name: str, *agents: str, days: float, person: str = "p1", site: str = "central") -> None:
            call = a_call(name, arrived_at=OPEN - timedelta(days=days), agents=agents, person=person)
            begin(record, replace(call, site=site))

        now = replace(Rehearsal(number=ROSA).call, person="p1", facts={"tier": "verified"})
        by_number, withheld = replace(now, person=None), Rehearsal(number=None).call
        assert last_agent(now) == ""
        talked("too-long-ago", "ana", days=8)
        talked("elsewhere", "far", days=1, site="north")
        assert last_agent(now) == ""
        talked("theirs", "ben", "cas", days=3)
        talked("of-the-household", "dee", days=2, person="p2")
        talked("in-vain", days=1)
        assert [last_agent(now), last_agent(by_number), last_agent(withheld)] == ["cas", "dee", ""]
        assert last_agent(now, PHARMACY) == ""


# ---------------------------------------------------------------- what is known while the order system is away

AWAY_SECONDS = 3600.0


@dataclass
class Outage:
    """Enquiries that ask through a breaker, and a switch at the order system."""

    desk: Desk
    sandbox_url: str

    def begins(self) -> None:
        body = json.dumps({"mode": "down", "seconds": AWAY_SECONDS}).encode()
        httpx.post(f"{self.sandbox_url}/_sandbox/fail", content=body, trust_env=False)

    def asked(self, ask: str, call: Call) -> Answer | None:
        return self.desk.enquiries.ask(ask, call, POLICIES)


@pytest.fixture
def outage(published_url: str, orders: RestOrderSystem, sandbox_url: str) -> Iterator[Outage]:
    clock = Clock(Anchor("", time.time(), OPEN.timestamp(), 0.001))
    behind = guarded(orders, Breaker(failures=1, rest_seconds=AWAY_SECONDS))
    with contextlib.closing(Record(published_url, "k" * 32)) as record:
        yield Outage(Desk(record, clock, Enquiries(record, behind, clock, threads=2)), sandbox_url)


def test_who_rings_again_while_it_is_away_is_known_as_before_and_may_order_nothing(outage: Outage) -> None:
    before = outage.desk.hears(HERSELF)
    outage.begins()
    again = outage.desk.hears(HERSELF._replace(call="CA2", tries=1))

    assert before.facts["refill"] == "eligible"
    assert (again.person, again.prescription) == (before.person, before.prescription)
    assert {fact: again.facts[fact] for fact in ("tier", "permission", "order_state", "language")} == {
        fact: before.facts[fact] for fact in ("tier", "permission", "order_state", "language")
    }
    assert {again.facts[fact] for fact in ("refill", "payment", "texts", "prior_auth", "acts_next")} == {UNKNOWN}
    assert (again.values["last4"], again.values["balance"]) == (before.values["last4"], "")
    assert datetime.fromisoformat(again.values["as_of"]).replace(microsecond=0) == OPEN


def test_what_is_theirs_is_told_as_it_was(outage: Outage) -> None:
    call = replace(called(HERSELF), person="patient-01", facts={"tier": "verified", "permission": "everything"})
    before = outage.asked("prescriptions:0", call)
    outage.begins()
    again = outage.asked("prescriptions:3", replace(call, id="CA2"))

    assert before is not None
    assert again is not None
    assert [one.facts["order_state"] for one in again.found] == [one.facts["order_state"] for one in before.found]
    assert {one.facts["refill"] for one in again.found} == {UNKNOWN}


@pytest.mark.parametrize(
    "other",
    [
        HERSELF._replace(number="+16145550102"),
        HERSELF._replace(offers={**RIGHT, "zip": "43005"}),
        HERSELF._replace(offers={"rx_number": ADAS_RX}),
    ],
    ids=["another number", "another zip", "less"],
)
def test_one_thing_different_and_nothing_is_known(outage: Outage, other: Caller) -> None:
    outage.desk.hears(HERSELF)
    outage.begins()

    assert outage.asked("identity:0", called(other)) is None


def test_what_did_not_fit_and_what_a_code_proved_is_not_kept(outage: Outage) -> None:
    wrong, coded = Caller(ADA), replace(called(HERSELF), fields={**RIGHT, "code": "123456"})
    outage.desk.hears(wrong)
    outage.asked("identity:1", coded)
    outage.begins()

    assert outage.asked("identity:0", called(wrong)) is None
    assert outage.asked("identity:1", coded) is None


def test_it_holds_for_a_quarter_of_an_hour(outage: Outage) -> None:
    outage.desk.hears(HERSELF)
    outage.begins()
    outage.desk.clock.set(OPEN + timedelta(minutes=14))
    assert outage.asked("identity:0", called(HERSELF)) is not None
    outage.desk.clock.set(OPEN + timedelta(minutes=16))
    assert outage.asked("identity:0", called(HERSELF)) is None


def test_one_that_is_slow_once_is_waited_for_and_not_spoken_for(outage: Outage) -> None:
    enquiries = Enquiries(outage.desk.record, RestOrderSystem(outage.sandbox_url, "sandbox"), outage.desk.clock, 2)
    desk = replace(outage.desk, enquiries=enquiries)
    desk.hears(HERSELF)
    outage.begins()

    assert enquiries.ask("identity:0", called(HERSELF), POLICIES) is None


def test_only_the_latest_answers_are_kept() -> None:
    memory = Memory()
    told = questions.Told(Answer(True, {"tier": "number"}))
    callers = [called(Caller(f"+1614{n:07}")) for n in range(MOST + 1)]
    for call in callers:
        memory.keep("who", call, told, OPEN)

    assert memory.of("who", callers[0], OPEN) is None
    assert memory.of("who", callers[1], OPEN) is not None
