"""What the desk asks of the record: who is in line, who is free, what is offered."""

from __future__ import annotations

from dataclasses import replace
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ivr.core.line import Agent, AtDesk, InLine, Ticket, class_of, match
from ivr.core.presence import PRESENCE, counts_as_missed
from ivr.dispatch import heads
from ivr.store import AgentNow, Conflict, LineFigures, Record, Refused
from tests.store.calls import MORNING, a_call, a_ticket, after, an_offer, begin, known, turn
from tests.test_match import NOW, desks_of, lines

SITES = count()


def _in_line(record: Record, *tickets: Ticket) -> None:
    for ticket in tickets:
        begin(record, a_call(ticket.call, ticket=ticket))


def _ticket(name: str, **parts: Any) -> Ticket:
    return a_ticket(f"T-{name}", f"CA-{name}", **parts)


def test_the_line_of_a_site_is_in_promise_order(record: Record) -> None:
    slow = _ticket("slow", answer_within_seconds=300)
    soon = _ticket("soon", answer_within_seconds=30)
    emergency = _ticket("now", arrived_at=after(60), due_from=after(60), answer_within_seconds=0)
    message = _ticket("message", kind="voicemail", due_from=after(-3600))
    elsewhere, taken = _ticket("far", site="north"), _ticket("taken", state="talking")
    _in_line(record, slow, soon, emergency, message, elsewhere, taken)

    assert record.desk.waiting("central") == [emergency, message, soon, slow]
    assert record.desk.waiting("nowhere") == []


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.data())
def test_the_record_orders_as_the_core_does(record: Record, data: st.DataObject) -> None:
    seconds = st.sampled_from([0, 1, 30, 60])
    site = f"site {next(SITES)}"
    tickets = [
        a_ticket(
            f"{data.draw(st.sampled_from('aBz'))}{n}-{site}",
            f"CA{n}-{site}",
            site=site,
            arrived_at=after(data.draw(seconds)),
            due_from=after(data.draw(seconds)),
            answer_within_seconds=data.draw(seconds),
        )
        for n in range(data.draw(st.integers(1, 6)))
    ]
    _in_line(record, *tickets)

    in_order = sorted(tickets, key=lambda ticket: ticket.order)

    assert record.desk.waiting(site) == in_order
    assert [record.desk.position(ticket) for ticket in in_order] == [
        (place, len(tickets)) for place in range(1, len(tickets) + 1)
    ]


def test_a_place_in_line_counts_people_who_wait_for_the_same_queue(record: Record) -> None:
    mine = _ticket("mine", arrived_at=after(5))
    _in_line(
        record,
        mine,
        _ticket("before"),
        _ticket("callback", kind="callback"),
        _ticket("message", kind="voicemail"),
        _ticket("other", queue="billing"),
        _ticket("behind", arrived_at=after(9), due_from=after(9)),
    )

    assert record.desk.position(mine) == (3, 4)


def test_a_ticket_that_moves_is_still_one_ticket(record: Record) -> None:
    _in_line(record, _ticket("A"))
    loaded = known(record, "CA-A")
    called_back = replace(_ticket("A"), kind="callback", due_from=after(600), not_before=after(600))

    record.commit(turn(loaded, after=replace(loaded.call, ticket=called_back)))

    assert record.desk.waiting("central") == [called_back]


# ---------------------------------------------------------------- by class


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(line=lines(9), desks=desks_of(4), keep_free=st.integers(0, 2))
def test_matching_the_heads_of_the_line_is_matching_all_of_it(
    record: Record, line: list[InLine], desks: list[AtDesk], keep_free: int
) -> None:
    here = f" {next(SITES)}"
    line, desks = [_elsewhere(entry, here) for entry in line], [_desk_elsewhere(each, here) for each in desks]
    for entry in line:
        rung = [an_offer(f"O{n} {entry.ticket.id}", entry.ticket.id, f"a{n} {entry.ticket.id}") for n in range(3)]
        begin(record, a_call(entry.ticket.call, legs={}, ticket=entry.ticket, offers=tuple(rung[: entry.open_offers])))
    refused = [
        Refused(entry.ticket.id, class_of(entry.ticket), who, "declined", NOW)
        for entry in line
        for who in entry.declined
    ]

    read = heads(record.desk, record.desk.classes(), desks, refused, NOW)

    kept = {f"main{here}": keep_free}
    assert match(read, desks, NOW, kept) == match(line, desks, NOW, kept)


def _elsewhere(entry: InLine, here: str) -> InLine:
    """The ticket in a line of its own, for many lines are put into one record."""
    ticket = entry.ticket
    sites = tuple(site + here for site in ticket.sites)
    named = {"id": ticket.id + here, "call": f"CA-{ticket.id}{here}", "site": ticket.site + here, "sites": sites}
    return replace(entry, ticket=replace(ticket, **named))  # type: ignore[arg-type]


def _desk_elsewhere(desk: AtDesk, here: str) -> AtDesk:
    return replace(desk, agent=replace(desk.agent, site=desk.agent.site + here))


def test_a_long_line_is_read_no_further_than_its_agents_can_take(record: Record) -> None:
    tickets = [_ticket(f"{number:02}", arrived_at=after(number), due_from=after(number)) for number in range(12)]
    _in_line(record, *tickets)
    desks = [AtDesk(Agent(name, name, "central", queues=frozenset({"refills"})), "available", MORNING) for name in "ab"]

    refused = [Refused(tickets[0].id, class_of(tickets[0]), "a", "declined", MORNING)]
    classes = record.desk.classes()

    assert {entry.ticket for entry in heads(record.desk, classes, desks, [], MORNING)} == {*tickets[:2]}
    assert {entry.ticket for entry in heads(record.desk, classes, desks, refused, MORNING)} == {*tickets[:3]}


def test_the_classes_of_a_line_are_those_somebody_may_be_offered_in(record: Record) -> None:
    _in_line(
        record,
        _ticket("A"),
        _ticket("B", needs=("spanish",)),
        _ticket("C", preferred="ana", sites=("north",)),
        _ticket("D"),
        _ticket("message", kind="voicemail"),
        _ticket("taken", state="talking", queue="billing"),
    )

    found = record.desk.classes()

    assert {alike.needs for alike in found} == {(), ("spanish",)}
    assert {(alike.preferred, alike.sites) for alike in found} == {(None, ()), ("ana", ("north",))}
    assert len(found) == 3
    assert [ticket.id for ticket in record.desk.of_class(class_of(_ticket("A")))] == ["T-A", "T-D"]


def test_however_many_classes_there_are_the_first_of_each_is_read(record: Record) -> None:
    tickets = [_ticket(f"{number:03}", preferred=f"agent {number}") for number in range(70)]
    _in_line(record, *tickets)

    found = record.desk.heads({class_of(ticket): 1 for ticket in tickets}, MORNING)

    assert {entry.ticket.id for entry in found} == {ticket.id for ticket in tickets}
    assert record.desk.heads({}, MORNING) == []


def test_a_ticket_before_its_time_is_no_head(record: Record) -> None:
    early = _ticket("early", not_before=after(60))
    _in_line(record, early)

    assert record.desk.heads({class_of(early): 3}, after(59)) == []
    assert record.desk.heads({class_of(early): 3}, after(60)) == [InLine(early)]


def test_who_is_promised_a_callback_waits_for_it_while_they_are_on_the_line(record: Record) -> None:
    promised, alike = _ticket("A", kind="callback", person="P-7"), class_of(_ticket("A", kind="callback"))
    begin(record, a_call("CA-A", phase="promised", ticket=promised, ended_at=MORNING))
    assert record.desk.heads({alike: 3}, after(9)) == []  # they hear our goodbye
    assert record.desk.heads({alike: 3}, after(10)) == [InLine(promised)]  # the news of their hanging up never came

    ringing_again = begin(record, a_call("CA-B", person="P-7"))
    assert record.desk.heads({alike: 3}, after(10)) == []

    gone = {token: replace(leg, state="over") for token, leg in ringing_again.call.legs.items()}
    record.commit(turn(ringing_again, after=replace(ringing_again.call, legs=gone)))
    assert record.desk.heads({alike: 3}, after(10)) == [InLine(promised)]


def test_offers_that_led_to_nothing_are_known_by_when_they_were_made(record: Record) -> None:
    states = ("declined", "missed", "unrung", "withdrawn", "ended", "open")
    made = tuple(an_offer(f"O-{state}", "T-A", state, state) for state in states)
    begin(record, a_call("CA-A", ticket=_ticket("A"), offers=made))
    begin(
        record, a_call("CA-B", ticket=_ticket("B", state="closed"), offers=(an_offer("O-B", "T-B", "eve", "missed"),))
    )

    assert {found.agent for found in record.desk.refused(after(-1))} == {"declined", "missed", "unrung"}
    assert record.desk.refused(MORNING) == []


# ---------------------------------------------------------------- people and figures


def test_a_persons_live_tickets_are_found(record: Record) -> None:
    closed = _ticket("old", person="P-7", state="closed", arrived_at=after(-60))
    first, second = _ticket("A", person="P-7"), _ticket("B", person="P-7", state="talking", arrived_at=after(1))
    _in_line(record, closed, second, first, _ticket("C", person="P-8"))

    assert record.desk.tickets_of("P-7") == [first, second]


def test_figures_count_those_in_line_now(staffed: Record) -> None:
    _in_line(
        staffed,
        _ticket("A", arrived_at=after(-90_000), due_from=after(-60)),
        _ticket("B", kind="callback"),
        _ticket("message", kind="voicemail", arrived_at=after(-200_000)),
        _ticket("tomorrow", kind="callback", due_from=after(80_000)),
        _ticket("north", site="north"),
    )

    assert staffed.desk.line_figures("central", MORNING, {"ana"}) == LineFigures(2, 90_000, 1)
    assert staffed.desk.line_figures("nowhere", MORNING, {"ana", "ben", "eve"}) == LineFigures(0, 0, 2)


def test_an_agent_starts_as_the_staff_list_says_and_stays_as_they_are(record: Record) -> None:
    staff = {
        "ana": Agent("ana", "Ana", "central"),
        "ben": Agent("ben", "Ben", "central", starts="signed_out"),
    }
    record.desk.seed_agents(staff, MORNING)
    record.desk.move_agent("ben", "signed_in", "", after(5))

    record.desk.seed_agents(staff | {"eve": Agent("eve", "Eve", "central")}, after(10))

    assert record.desk.agents() == {
        "ana": AgentNow("ana", "available", "", MORNING),
        "ben": AgentNow("ben", "available", "", after(5)),
        "eve": AgentNow("eve", "available", "", after(10)),
    }


@pytest.mark.parametrize(("before", "event"), PRESENCE)
def test_an_agent_moves_as_the_table_says(record: Record, before: str, event: str) -> None:
    record.desk.seed_agents({"ana": Agent("ana", "Ana", "central", starts=before)}, MORNING)

    presence = record.desk.move_agent("ana", event, "lunch", after(5))

    assert presence == PRESENCE[before, event]
    # Who stays where they are, does so for the reason and since the moment they had.
    why, since = ("", MORNING) if presence == before else ("lunch", after(5))
    found = record.desk.agents()["ana"]
    assert (found.presence, found.since, found.missed) == (presence, since, int(counts_as_missed(before, event)))
    assert found.reason == ("lunch" if (before, event) == ("on_break", "took_break") else why)


def test_a_move_the_table_does_not_have_is_refused(staffed: Record) -> None:
    for agent, event in (("ana", "returned"), ("ana", "vanished"), ("eve", "took_break")):
        with pytest.raises(Conflict):
            staffed.desk.move_agent(agent, event, "", MORNING)

    assert staffed.desk.agents()["ana"].presence == "available"


def test_an_agent_shows_the_ticket_they_are_offered_or_serve(staffed: Record) -> None:
    begin(staffed, a_call("CA1", ticket=a_ticket("T1"), offers=(an_offer("O1", "T1", "ana", "accepted"),)))
    begin(staffed, a_call("CA2", ticket=a_ticket("T2", "CA2"), offers=(an_offer("O2", "T2", "ben", "missed"),)))

    assert {agent.id: agent.ticket for agent in staffed.desk.agents().values()} == {"ana": "T1", "ben": None}


def test_open_offers_come_the_next_to_expire_first(record: Record) -> None:
    later = replace(an_offer("O1", "T1", "ana"), expires_at=after(30))
    sooner = an_offer("O2", "T2", "ben")
    begin(record, a_call("CA1", offers=(later,)))
    begin(record, a_call("CA2", offers=(sooner, an_offer("O3", "T2", "eve", "accepted"))))

    assert record.desk.open_offers() == [("CA2", sooner), ("CA1", later)]
