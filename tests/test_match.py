"""The laws of the line: who is offered which ticket, whatever the line and the desks look like."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from ivr.core.line import (
    EMERGENCY_OFFERS,
    Agent,
    AtDesk,
    InLine,
    Ticket,
    eligible,
    match,
    offerable,
)

NOW = datetime(2026, 11, 24, 15, 0, tzinfo=UTC)
QUEUES = ("front_desk", "pharmacist")
SKILLS = ("spanish", "insurance")


def ago(seconds: int) -> datetime:
    return NOW - timedelta(seconds=seconds)


def agent(id_: str = "ana", **changes: object) -> Agent:
    usual = {"queues": frozenset(QUEUES), "languages": frozenset({"en"}), "phone": "+15550100001"}
    return Agent(id=id_, name=id_, site="main", **{**usual, **changes})  # type: ignore[arg-type]


def desk(id_: str = "ana", presence: str = "available", idle: int = 60, **changes: object) -> AtDesk:
    return AtDesk(agent(id_, **changes), presence, ago(idle))


def ticket(id_: str = "t1", waited: int = 60, within: int = 120, **changes: object) -> Ticket:
    usual = {"queue": "front_desk", "kind": "hold", "state": "waiting", "language": "en"}
    return Ticket(
        id=id_,
        call=f"CA{id_}",
        site="main",
        arrived_at=ago(waited),
        due_from=ago(waited),
        answer_within_seconds=within,
        **{**usual, **changes},  # type: ignore[arg-type]
    )


def emergency(id_: str = "e1", waited: int = 5, **changes: object) -> Ticket:
    return ticket(id_, waited, 0, **{"queue": "pharmacist", "licensed": True, **changes})


def pairs(line: list[InLine], desks: list[AtDesk]) -> list[tuple[str, str]]:
    return [(ticket.id, agent.id) for ticket, agent in match(line, desks, NOW)]


# ---------------------------------------------------------------- any line, any desks

PRESENCES = ("available", "available", "available", "wrap_up", "on_break", "on_call", "offered")


@st.composite
def agents(draw: st.DrawFn) -> AtDesk:
    return desk(
        "a0",
        draw(st.sampled_from(PRESENCES)),
        draw(st.integers(0, 300)),
        queues=draw(st.frozensets(st.sampled_from(QUEUES), min_size=1)),
        skills=draw(st.frozensets(st.sampled_from(SKILLS))),
        languages=draw(st.frozensets(st.sampled_from(("en", "es")), min_size=1)),
        licensed=draw(st.booleans()),
    )


@st.composite
def calm(draw: st.DrawFn) -> Ticket:
    later = draw(st.sampled_from((None, None, None, -5, 5)))
    return ticket(
        "t0",
        draw(st.integers(0, 600)),
        draw(st.sampled_from((30, 60, 120, 600))),
        queue=draw(st.sampled_from(QUEUES)),
        also=draw(st.sampled_from(((), (), QUEUES))),
        needs=tuple(draw(st.lists(st.sampled_from(SKILLS), max_size=2, unique=True))),
        language=draw(st.sampled_from(("en", "es"))),
        licensed=draw(st.booleans()),
        kind=draw(st.sampled_from(("hold", "hold", "hold", "callback", "voicemail"))),
        not_before=None if later is None else NOW + timedelta(seconds=later),
    )


tickets = st.one_of(calm(), st.builds(lambda waited: emergency("t0", waited), st.integers(0, 60)))


@st.composite
def desks_of(draw: st.DrawFn, most: int = 6) -> list[AtDesk]:
    found = draw(st.lists(agents(), max_size=most))
    return [replace(each, agent=replace(each.agent, id=f"a{place}")) for place, each in enumerate(found)]


@st.composite
def lines(draw: st.DrawFn, most: int = 6) -> list[InLine]:
    found = draw(st.lists(tickets, max_size=most))
    return [
        InLine(
            replace(each, id=f"t{place}"),
            draw(st.integers(0, 2 if each.emergency else 1)),
            draw(st.frozensets(st.sampled_from([f"a{number}" for number in range(6)]), max_size=2)),
        )
        for place, each in enumerate(found)
    ]


def by_ticket(line: list[InLine]) -> dict[str, InLine]:
    return {entry.ticket.id: entry for entry in line}


@given(lines(), desks_of())
def test_only_eligible_agents_are_offered_and_each_only_one_ticket(line: list[InLine], desks: list[AtDesk]) -> None:
    found = pairs(line, desks)
    entries, at = by_ticket(line), {each.agent.id: each for each in desks}
    assert len({agent_id for _, agent_id in found}) == len(found)
    for ticket_id, agent_id in found:
        assert offerable(entries[ticket_id], NOW)
        assert eligible(at[agent_id], entries[ticket_id], NOW)


@given(lines(), desks_of())
def test_no_ticket_rings_more_phones_than_it_may(line: list[InLine], desks: list[AtDesk]) -> None:
    found = [ticket_id for ticket_id, _ in pairs(line, desks)]
    for ticket_id, entry in by_ticket(line).items():
        most = EMERGENCY_OFFERS if entry.ticket.emergency else 1
        assert found.count(ticket_id) <= max(0, most - entry.open_offers)


@given(lines(), desks_of())
def test_nobody_is_passed_at_an_agent_who_could_have_served_them(line: list[InLine], desks: list[AtDesk]) -> None:
    found = pairs(line, desks)
    entries, at = by_ticket(line), {each.agent.id: each for each in desks}
    served = {ticket_id for ticket_id, _ in found}
    for ticket_id, agent_id in found:
        for entry in line:
            if entry.ticket.order < entries[ticket_id].ticket.order and offerable(entry, NOW):
                left = entry.ticket.id not in served and not entry.open_offers
                assert not (left and eligible(at[agent_id], entry, NOW))


@given(lines(), desks_of())
def test_no_agent_idles_who_could_serve_a_ticket_left_without_an_offer(line: list[InLine], desks: list[AtDesk]) -> None:
    found = pairs(line, desks)
    served, busy = {ticket_id for ticket_id, _ in found}, {agent_id for _, agent_id in found}
    for entry in line:
        if offerable(entry, NOW) and entry.ticket.id not in served:
            assert not [each for each in desks if each.agent.id not in busy and eligible(each, entry, NOW)]


def most_that_can_be_served(line: list[InLine], desks: list[AtDesk]) -> int:
    """Maximum matching the slow way: every ticket in turn takes each agent, or none."""
    waiting = [entry for entry in line if offerable(entry, NOW)]

    def best(place: int, free: frozenset[str]) -> int:
        if place == len(waiting):
            return 0
        takes = [
            1 + best(place + 1, free - {each.agent.id})
            for each in desks
            if each.agent.id in free and eligible(each, waiting[place], NOW)
        ]
        return max([best(place + 1, free), *takes])

    return best(0, frozenset(each.agent.id for each in desks))


@given(lines(5), desks_of(5))
def test_as_many_tickets_are_offered_as_can_be_when_each_rings_one_phone(
    line: list[InLine], desks: list[AtDesk]
) -> None:
    calm = [entry for entry in line if not entry.ticket.emergency]
    assert len(pairs(calm, desks)) == most_that_can_be_served(calm, desks)


@given(lines(5), desks_of(5))
def test_the_tickets_offered_are_the_earliest_that_can_be_served_together(
    line: list[InLine], desks: list[AtDesk]
) -> None:
    calm = sorted((each for each in line if not each.ticket.emergency), key=lambda entry: entry.ticket.order)
    served = {ticket_id for ticket_id, _ in pairs(calm, desks)}
    chosen: list[InLine] = []
    for entry in filter(lambda each: offerable(each, NOW), calm):
        if most_that_can_be_served([*chosen, entry], desks) == len(chosen) + 1:
            chosen.append(entry)
    assert served == {entry.ticket.id for entry in chosen}


@given(lines(), desks_of())
def test_an_emergency_loses_no_agent_to_anything_else(line: list[InLine], desks: list[AtDesk]) -> None:
    urgent = [entry for entry in line if entry.ticket.emergency]
    with_others = [ticket_id for ticket_id, _ in pairs(line, desks) if by_ticket(line)[ticket_id].ticket.emergency]
    assert sorted(with_others) == sorted(ticket_id for ticket_id, _ in pairs(urgent, desks))


@given(lines(), desks_of(), st.integers(0, 3))
def test_so_many_licensed_agents_stay_free_for_emergencies(
    line: list[InLine], desks: list[AtDesk], keep_free: int
) -> None:
    emergencies = {entry.ticket.id for entry in line if entry.ticket.emergency}
    taken = {agent.id for ticket, agent in match(line, desks, NOW, keep_free) if ticket.id not in emergencies}
    licensed = {each.agent.id for each in desks if each.presence == "available" and each.agent.licensed}
    assert len(licensed - taken) >= min(keep_free, len(licensed))


@given(lines(), desks_of(), st.randoms(use_true_random=False))
def test_the_order_things_are_told_in_does_not_matter(line: list[InLine], desks: list[AtDesk], chance: object) -> None:
    shuffled, elsewhere = list(line), list(desks)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    chance.shuffle(elsewhere)  # type: ignore[attr-defined]
    assert pairs(shuffled, elsewhere) == pairs(line, desks)


# ---------------------------------------------------------------- single lines, in words


def test_the_earliest_promise_goes_first_not_the_earliest_arrival() -> None:
    patient, hurried = ticket("patient", waited=300, within=600), ticket("hurried", waited=10, within=30)
    assert pairs([InLine(patient), InLine(hurried)], [desk()]) == [("hurried", "ana")]


def test_a_later_ticket_never_takes_the_only_agent_of_an_earlier_one() -> None:
    needs_spanish = ticket("early", waited=100, needs=("spanish",))
    spanish = desk("sol", skills=frozenset({"spanish"}))
    assert pairs([InLine(needs_spanish), InLine(ticket("late", waited=10))], [spanish]) == [("early", "sol")]


def test_an_earlier_ticket_moves_over_so_that_both_are_served() -> None:
    early, late = ticket("early", waited=100), ticket("late", waited=10, needs=("spanish",))
    desks = [desk("sol", idle=500, skills=frozenset({"spanish"})), desk("tom", idle=1, skills=frozenset({"insurance"}))]
    assert sorted(pairs([InLine(early), InLine(late)], desks)) == [("early", "tom"), ("late", "sol")]


def test_an_emergency_rings_three_licensed_phones_at_once() -> None:
    desks = [desk(f"p{number}", licensed=True) for number in range(5)]
    assert len(pairs([InLine(emergency())], desks)) == EMERGENCY_OFFERS


def test_every_emergency_rings_one_phone_before_any_rings_a_second() -> None:
    desks = [desk(f"p{number}", licensed=True) for number in range(2)]
    line = [InLine(emergency("e1", waited=9)), InLine(emergency("e2", waited=4))]
    assert sorted(ticket_id for ticket_id, _ in pairs(line, desks)) == ["e1", "e2"]


def test_an_emergency_with_a_phone_ringing_does_not_go_before_one_without() -> None:
    line = [InLine(emergency("ringing", waited=15), open_offers=1), InLine(emergency("silent", waited=4))]
    assert pairs(line, [desk(licensed=True)]) == [("silent", "ana")]


def test_an_emergency_rings_those_on_break_only_after_twenty_seconds() -> None:
    resting = desk(presence="on_break", licensed=True)
    assert pairs([InLine(emergency(waited=19))], [resting]) == []
    assert pairs([InLine(emergency(waited=20))], [resting]) == [("e1", "ana")]


def test_nobody_unlicensed_is_rung_for_a_licensed_ticket() -> None:
    assert pairs([InLine(ticket(licensed=True)), InLine(emergency())], [desk()]) == []


def test_a_caller_is_served_in_another_language_rather_than_by_nobody() -> None:
    spanish = InLine(ticket("early", waited=100, language="es"))
    assert pairs([spanish], [desk("tom")]) == [("early", "tom")]
    sol = desk("sol", idle=1, languages=frozenset({"en", "es"}))
    assert pairs([spanish], [desk("tom", idle=500), sol]) == [("early", "sol")]


def test_a_caller_keeps_the_agent_of_their_language_when_another_has_a_choice() -> None:
    early, late = ticket("early", waited=100, language="es"), ticket("late", waited=10)
    both = frozenset({"en", "es"})
    desks = [desk("sol", idle=500, languages=both), desk("tom", idle=1)]
    assert sorted(pairs([InLine(early), InLine(late)], desks)) == [("early", "sol"), ("late", "tom")]


def test_the_agent_idle_longest_is_rung_among_equals() -> None:
    assert pairs([InLine(ticket())], [desk("ana", idle=10), desk("bea", idle=99)]) == [("t1", "bea")]


def test_a_large_opening_hour_is_matched_in_time() -> None:
    line = [InLine(ticket(f"t{number:04}", waited=number)) for number in range(1200)]
    desks = [desk(f"a{number:04}") for number in range(1100)]
    assert len(pairs(line, desks)) == 1100


def test_the_assignment_is_a_matching_for_every_small_line() -> None:
    """Exhaustive where hypothesis samples: two tickets and two agents, every combination of queues."""
    for wanted in itertools.product(QUEUES, repeat=2):
        for served in itertools.product([QUEUES[:1], QUEUES[1:], QUEUES], repeat=2):
            line = [InLine(ticket(f"t{place}", 50 - place, queue=queue)) for place, queue in enumerate(wanted)]
            desks = [desk(f"a{place}", queues=frozenset(queues)) for place, queues in enumerate(served)]
            assert len(pairs(line, desks)) == most_that_can_be_served(line, desks)
