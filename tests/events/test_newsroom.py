"""Events reach the calls they are about, whether or not a webhook came, and become work where nobody hears of them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import count, permutations
from typing import Any

import pytest

from ivr.core.call import Call
from ivr.news import Newsroom, heard, key_of
from ivr.orders.port import Events, News, Refused, Unavailable
from ivr.store import Conflict, OrderEvent, Unreachable
from ivr.sweep import run_once
from tests.core.rehearsal import OPEN
from tests.core.test_told_the_wait import WITH_LATE
from tests.worker.conftest import Opened, Sandbox
from tests.worker.shop import Shop

OUTREACH = ("payment.failed", "patient.action_required")
_IDS = count(1)


def event(
    type_: str = "order.delayed",
    at: datetime = OPEN,
    person: str | None = "p1",
    prescription: str | None = "rx1",
    id_: str = "",
    **data: Any,
) -> News:
    return News(id_ or f"evt-{next(_IDS)}", type_, at, person, prescription, data)


@pytest.fixture
def newsroom(shop: Shop) -> Newsroom:
    shop.publish(rules=WITH_LATE.rules)
    return Newsroom(shop.board)


def waits(shop: Shop, name: str = "CA1", person: str = "p1", prescription: str | None = "rx1", **ticket: Any) -> str:
    """A patient is in line; returns the call's id."""
    shop.in_line(name, person=f"person:{name}", **ticket)
    shop.change(name, person=person, prescription=prescription)
    return name


def happens(newsroom: Newsroom, *news: News) -> None:
    for each in news:
        newsroom.keep(each)
        newsroom.once()


def facts(shop: Shop, name: str = "CA1") -> dict[str, Any]:
    """What the call knows of its prescription; nobody keeps more than that."""
    return {fact: value for fact, value in shop.call(name).facts.items() if fact != "tier"}


# ---------------------------------------------------------------- to those they are about


def test_a_parcel_is_late_and_its_patient_who_waits_is_next(opened: Opened) -> None:
    shop = opened("ana")
    shop.publish(rules=WITH_LATE.rules)
    waits(shop, "FIRST", "p2", "rx2")
    shop.later(10)
    waits(shop, "PATIENT")
    shop.later(5)
    happens(Newsroom(shop.board), event(at=shop.now, time_sensitive=True, order_state="delayed"))
    shop.dispatch.once()
    assert shop.offered() == [("PATIENT", "ana")]


def test_everybody_it_is_about_is_told_once(shop: Shop, newsroom: Newsroom) -> None:
    for name, person, prescription in (("CA1", "p1", "rx1"), ("CA2", "p1", None), ("CA3", "p3", "rx3")):
        waits(shop, name, person, prescription)
    happens(newsroom, event("order.shipped", id_="evt-a"))
    told = {name: shop.call(name).news for name in ("CA1", "CA2", "CA3")}
    assert told == {"CA1": {"evt-a": "order.shipped"}, "CA2": {"evt-a": "order.shipped"}, "CA3": {}}
    assert newsroom.once() == 0


def test_of_whom_it_does_not_say_is_found_by_the_prescription(shop: Shop, newsroom: Newsroom) -> None:
    waits(shop, "CA1")
    waits(shop, "CA2", "p2", "rx2")
    happens(newsroom, event("stock.out", person=None, refill="out_of_stock"))
    assert [facts(shop, name) for name in ("CA1", "CA2")] == [{"refill": "out_of_stock"}, {}]


@pytest.mark.parametrize(
    "strange", [event("stock.out", person=None, prescription=None), event("shelf.dusted", order_state="delayed")]
)
def test_what_is_about_nobody_or_means_nothing_here_is_kept_and_changes_nothing(
    shop: Shop, newsroom: Newsroom, strange: News
) -> None:
    waits(shop)
    before = shop.call()
    happens(newsroom, strange)
    assert shop.call() == before
    assert [each.id for each in shop.record.order_events.since(OPEN)] == [strange.id]
    assert shop.record.order_events.new() == []


def test_an_odd_word_makes_its_fact_unknown_and_leaves_the_others(shop: Shop, newsroom: Newsroom) -> None:
    waits(shop)
    happens(newsroom, event(order_state="eaten", days_left=3, weather="fine", expected_on=None))
    assert facts(shop) == {"order_state": "unknown", "days_left": 3}
    assert shop.call().values == {"expected_on": ""}


def test_what_is_older_than_what_is_known_changes_nothing_and_is_kept(shop: Shop, newsroom: Newsroom) -> None:
    waits(shop)
    shop.later(60)
    newer = event("order.shipped", OPEN + timedelta(seconds=40), order_state="shipped")
    older = event("order.delayed", OPEN + timedelta(seconds=20), order_state="delayed")
    happens(newsroom, newer, older)
    assert facts(shop) == {"order_state": "shipped"}
    assert shop.call().ticket == replace(shop.call().ticket, answer_within_seconds=120)  # type: ignore[arg-type]
    assert len(shop.record.order_events.since(OPEN)) == 2


def test_what_comes_from_the_future_is_not_newer_than_all_that_follows(shop: Shop, newsroom: Newsroom) -> None:
    waits(shop)
    shop.later(60)
    happens(newsroom, event("order.shipped", shop.now + timedelta(days=400), order_state="shipped"))
    assert facts(shop) == {"order_state": "shipped"}
    shop.later(60)
    happens(newsroom, event("order.delayed", shop.now, order_state="delayed"))
    assert facts(shop) == {"order_state": "delayed"}


def test_whatever_order_they_come_in_the_same_is_known(shop: Shop, newsroom: Newsroom) -> None:
    """Of calls that go through it by themselves; `test_waiting` has the law."""
    ends = []
    for nth, order in enumerate(permutations(range(3))):
        person = f"p-{nth}"
        rx = f"{person}/rx1"
        happened = [
            event("order.delayed", OPEN, person, rx, f"{person}/1", order_state="delayed", days_left=1),
            event("payment.failed", OPEN + timedelta(seconds=1), person, rx, f"{person}/2", payment="failed"),
            event("order.shipped", OPEN + timedelta(seconds=2), person, rx, f"{person}/3", order_state="shipped"),
        ]
        waits(shop, person, person, rx)
        happens(newsroom, *(happened[place] for place in (*order, order[0])))
        untold = [each.type for each in newsroom.untold(OPEN) if each.person == person]
        ends.append((facts(shop, person), sorted(shop.call(person).news.values()), untold))
    assert ends[0][0] == {"order_state": "shipped", "days_left": 1, "payment": "failed"}
    assert ends[0][2] == ["payment.failed", "order.shipped"]
    assert all(end == ends[0] for end in ends)


# ---------------------------------------------------------------- when telling them goes wrong


class Troubled:
    """A board on which telling some calls raises."""

    def __init__(self, shop: Shop, **troubles: Exception) -> None:
        self._board = shop.board
        self.troubles = troubles

    def __getattr__(self, name: str) -> Any:
        return getattr(self._board, name)

    def tell(self, call_id: str, *args: Any) -> Any:
        if call_id in self.troubles:
            raise self.troubles[call_id]
        return self._board.tell(call_id, *args)


def troubled(shop: Shop, **troubles: Exception) -> tuple[Newsroom, Troubled]:
    board = Troubled(shop, **troubles)
    return Newsroom(board), board  # type: ignore[arg-type]


def test_a_call_that_moves_too_fast_is_told_the_next_time(shop: Shop) -> None:
    waits(shop, "CA1")
    waits(shop, "CA2")
    newsroom, board = troubled(shop, CA1=Conflict())
    happens(newsroom, event(order_state="shipped"))
    assert [facts(shop, name) for name in ("CA1", "CA2")] == [{}, {"order_state": "shipped"}]
    board.troubles.clear()
    assert newsroom.once() == 1
    assert facts(shop, "CA1") == {"order_state": "shipped"}


def test_one_bad_call_keeps_no_other_from_being_told(shop: Shop) -> None:
    waits(shop, "CA1")
    waits(shop, "CA2")
    happens(troubled(shop, CA1=ValueError("7001001"))[0], event(order_state="shipped"))
    assert facts(shop, "CA2") == {"order_state": "shipped"}
    assert shop.record.order_events.new() == []


def test_without_the_database_nothing_is_taken_for_told(shop: Shop) -> None:
    waits(shop)
    newsroom, _ = troubled(shop, CA1=Unreachable())
    newsroom.keep(event())
    with pytest.raises(Unreachable):
        newsroom.once()
    assert len(shop.record.order_events.new()) == 1


# ---------------------------------------------------------------- caught up with


def rx_of(sandbox: Sandbox, person: str = "patient-11") -> str:
    return str(sandbox.http("GET", f"/v1/patients/{person}/prescriptions").json()["items"][0]["id"])


def delayed(sandbox: Sandbox, number: str = "7011001", **more: Any) -> str:
    body = {"type": "order.delayed", "prescription": number, **more}
    return str(sandbox.http("POST", "/_sandbox/event", body).json()["id"])


def swept(shop: Shop) -> int | None:
    return run_once(shop.board, shop.twilio, shop.doors).order_events  # type: ignore[arg-type]


def test_what_no_webhook_brought_is_asked_for_and_told(sandbox: Sandbox, shop: Shop) -> None:
    waits(shop, "CA1", "patient-11", rx_of(sandbox))
    first, second = delayed(sandbox), delayed(sandbox, "7001001")
    assert swept(shop) == 2
    assert swept(shop) == 0
    Newsroom(shop.board).once()
    assert facts(shop)["order_state"] == "delayed"
    third = delayed(sandbox)
    assert swept(shop) == 1
    assert {each.id for each in shop.record.order_events.since(OPEN)} == {first, second, third}


def test_what_no_database_can_hold_does_not_stop_what_comes_behind_it(shop: Shop) -> None:
    good = event()
    shop.board.orders = Thin("events", pages=[Events((event(odd="\ud800"), good), "1"), Events((), "1")])  # type: ignore[assignment]
    assert swept(shop) == 1
    assert [each.id for each in shop.record.order_events.since(OPEN)] == [good.id]


def test_what_a_webhook_has_brought_is_not_told_again(sandbox: Sandbox, shop: Shop) -> None:
    newsroom = Newsroom(shop.board)
    delayed(sandbox)
    [brought] = shop.board.orders.events("").items
    newsroom.keep(brought)
    assert swept(shop) == 0


def test_who_was_away_longer_than_events_are_kept_begins_again(sandbox: Sandbox, shop: Shop) -> None:
    shop.record.watch.set_mark("order_events", "999")
    delayed(sandbox)
    assert swept(shop) == 1
    assert shop.record.watch.mark("order_events") != "999"


def test_while_the_order_system_is_away_the_place_is_kept(sandbox: Sandbox, shop: Shop) -> None:
    assert swept(shop) == 0
    delayed(sandbox)
    sandbox.fails("down")
    assert swept(shop) is None
    sandbox.recovers()
    assert swept(shop) == 1


class Thin:
    """An order system of which a test says what it serves and answers."""

    def __init__(self, *serves: str, refuses: str = "", pages: Sequence[Events] = ()) -> None:
        self.serves = frozenset(serves)
        self.pages = list(pages)
        self.refuses = refuses
        self.tasks: list[tuple[dict[str, Any], str]] = []

    def capabilities(self) -> frozenset[str]:
        return self.serves

    def events(self, after: str) -> Events:
        if not self.pages:
            raise Refused("forbidden")
        return self.pages.pop(0)

    def close(self) -> None:
        """There is nothing to close."""

    def create_task(self, body: dict[str, Any], key: str) -> str:
        if self.refuses:
            raise Refused(self.refuses) if self.refuses != "away" else Unavailable("away")
        self.tasks.append((body, key))
        return f"task-{len(self.tasks)}"


def test_who_serves_no_events_is_not_asked(shop: Shop) -> None:
    shop.board.orders = Thin("identify")  # type: ignore[assignment]
    assert swept(shop) == 0


def test_who_refuses_to_say_is_asked_again_by_the_next_sweep(shop: Shop) -> None:
    shop.board.orders = Thin("events")  # type: ignore[assignment]
    assert swept(shop) is None


# ---------------------------------------------------------------- for outreach


@pytest.fixture
def outreach(opened: Opened) -> tuple[Shop, Thin]:
    shop = opened("ana", reach_out=OUTREACH)
    shop.board.orders = thin = Thin()  # type: ignore[assignment]
    return shop, thin


def reach_out(shop: Shop) -> int | None:
    return run_once(shop.board, shop.twilio, shop.doors).outreach  # type: ignore[arg-type]


def test_what_the_policies_name_becomes_work_once(outreach: tuple[Shop, Thin]) -> None:
    shop, orders = outreach
    failed = event("payment.failed")
    happens(Newsroom(shop.board), failed, event("order.shipped"))
    assert [reach_out(shop) for _ in range(2)] == [1, 0]
    body = {"what": "reach_out", "urgent": False, "reason": "payment.failed", "person": "p1", "prescription": "rx1"}
    assert orders.tasks == [(body, key_of(failed.id))]
    assert [each.task for each in Newsroom(shop.board).untold(OPEN) if each.id == failed.id] == ["task-1"]


def test_of_what_is_about_no_prescription_the_work_names_the_person(outreach: tuple[Shop, Thin]) -> None:
    shop, orders = outreach
    happens(Newsroom(shop.board), event("patient.action_required", prescription=None))
    assert reach_out(shop) == 1
    assert "prescription" not in orders.tasks[0][0]


def test_while_they_wait_for_us_nobody_is_sent_after_them(outreach: tuple[Shop, Thin]) -> None:
    shop, orders = outreach
    waits(shop)
    happens(Newsroom(shop.board), event("payment.failed"))
    assert (reach_out(shop), orders.tasks) == (0, [])


def test_what_happened_long_ago_is_listed_and_makes_no_work(outreach: tuple[Shop, Thin]) -> None:
    shop, orders = outreach
    happens(Newsroom(shop.board), event("payment.failed", OPEN - timedelta(days=2)))
    assert (reach_out(shop), orders.tasks) == (0, [])
    assert len(Newsroom(shop.board).untold(OPEN - timedelta(days=7))) == 1


def test_work_that_is_refused_is_not_asked_for_again_and_work_unanswered_is(outreach: tuple[Shop, Thin]) -> None:
    shop, orders = outreach
    happens(Newsroom(shop.board), event("payment.failed"))
    orders.refuses = "away"
    assert reach_out(shop) is None
    orders.refuses = "person_not_found"
    assert reach_out(shop) == 0
    orders.refuses = ""
    assert reach_out(shop) == 0
    assert [each.task for each in Newsroom(shop.board).untold(OPEN)] == ["refused:person_not_found"]


def test_the_newest_about_a_thing_is_what_they_have_not_heard(shop: Shop, newsroom: Newsroom) -> None:
    late = event("order.delayed", OPEN)
    gone = event("order.shipped", OPEN + timedelta(minutes=1))
    unpaid = event("payment.failed", OPEN)
    happens(newsroom, gone, late, unpaid, event("shelf.dusted"), event(person=None))
    assert [each.id for each in newsroom.untold(OPEN)] == [unpaid.id, gone.id]


def test_who_has_been_answered_since_has_heard(shop: Shop, newsroom: Newsroom) -> None:
    waits(shop)
    happens(newsroom, event("payment.failed"))
    assert len(newsroom.untold(OPEN)) == 1
    shop.change("CA1", ticket=replace(shop.call().ticket, state="talking", answered_at=OPEN + timedelta(minutes=1)))  # type: ignore[type-var]
    assert newsroom.untold(OPEN) == []


@pytest.mark.parametrize(
    ("known_after", "prescription", "outcome", "has_heard"),
    [
        (60, "rx1", "self_served", True),
        (-60, "rx1", "self_served", False),
        (60, "rx2", "self_served", False),
        (60, "rx1", "abandoned", False),
        (None, "rx1", "self_served", False),
    ],
)
def test_the_machine_has_told_them_if_it_was_asked_since_and_about_just_this(
    known_after: int | None, prescription: str, outcome: str, has_heard: bool
) -> None:
    known_at = None if known_after is None else OPEN + timedelta(seconds=known_after)
    call = Call("CA1", "main", "central", "v1", OPEN, known_at=known_at, prescription=prescription, outcome=outcome)
    assert heard(call, OrderEvent("evt", "payment.failed", OPEN, "p1", "rx1")) is has_heard


def test_the_key_of_work_can_stand_in_a_header() -> None:
    assert key_of("né \n").isascii()
    assert json.dumps(key_of("né \n")).isprintable()
    assert key_of("a") != key_of("b")
