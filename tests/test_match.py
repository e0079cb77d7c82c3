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
    class_of,
    could_serve,
    eligible,
    match,
    offerable,
)

NOW = datetime(2026, 11, 24, 15, 0, tzinfo=UTC)
QUEUES = ("front_desk", "pharmacist")
SITES = ("main", "north")
SKILLS = ("spanish", "insurance")


def ago(seconds: int) -> datetime:
    return NOW - timedelta(seconds=seconds)


def agent(id_: str = "ana", **changes: object) -> Agent:
    usual = {"site": "main", "queues": frozenset(QUEUES), "languages": frozenset({"en"}), "phone": "+15550100001"}
    return Agent(id=id_, name=id_, **{**usual, **changes})  # type: ignore[arg-type]


def desk(id_: str = "ana", presence: str = "available", idle: int = 60, **changes: object) -> AtDesk:
    return AtDesk(agent(id_, **changes), presence, ago(idle))


def ticket(id_: str = "t1", waited: int = 60, within: int = 120, **changes: object) -> Ticket:
    usual = {"site": "main", "queue": "front_desk", "kind": "hold", "state": "waiting", "language": "en"}
    return Ticket(
        id=id_,
        call=f"CA{id_}",
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
        site=draw(st.sampled_from(("main", "main", "north"))),
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
        site=draw(st.sampled_from(("main", "main", "north"))),
        sites=draw(st.sampled_from(((), (), SITES))),
        preferred=draw(st.sampled_from((None, None, "a0", "a1", "nobody"))),
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
    kept = {"main": keep_free, "north": 1}
    taken = {agent.id for ticket, agent in match(line, desks, NOW, kept) if ticket.id not in emergencies}
    for site, count in kept.items():
        there = [each.agent for each in desks if each.presence == "available" and each.agent.site == site]
        licensed = {each.id for each in there if each.licensed}
        assert len(licensed - taken) >= min(count, len(licensed))


@given(lines(), desks_of(), st.integers(0, 3))
def test_keeping_pharmacists_free_lets_nobody_pass_at_an_agent_either(
    line: list[InLine], desks: list[AtDesk], keep_free: int
) -> None:
    found, at = match(line, desks, NOW, {"main": keep_free}), {each.agent.id: each for each in desks}
    served, entries = {ticket.id for ticket, _ in found}, by_ticket(line)
    left = [entry for entry in line if offerable(entry, NOW) and not entry.open_offers]
    for taken, agent in found:
        assert not any(
            entry.ticket.order < entries[taken.id].ticket.order and eligible(at[agent.id], entry, NOW)
            for entry in left
            if entry.ticket.id not in served
        )


@given(lines(), desks_of())
def test_who_is_preferred_changes_nobodys_turn(line: list[InLine], desks: list[AtDesk]) -> None:
    anybody = [replace(entry, ticket=replace(entry.ticket, preferred=None)) for entry in line]
    assert {ticket_id for ticket_id, _ in pairs(line, desks)} == {ticket_id for ticket_id, _ in pairs(anybody, desks)}


@given(lines(), desks_of(), st.randoms(use_true_random=False))
def test_the_order_things_are_told_in_does_not_matter(line: list[InLine], desks: list[AtDesk], chance: object) -> None:
    shuffled, elsewhere = list(line), list(desks)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    chance.shuffle(elsewhere)  # type: ignore[attr-defined]
    assert pairs(shuffled, elsewhere) == pairs(line, desks)


# ---------------------------------------------------------------- a line over time

WITHIN = {"front_desk": (120, 600), "pharmacist": (30, 300)}  # what is published: the promises of each queue


@st.composite
def days(draw: st.DrawFn) -> list[tuple[int, Ticket | None, list[str]]]:
    """What happens, each some seconds after the last: who arrives, and what rung agents do, one answer each."""
    happens = []
    for number in range(draw(st.integers(1, 25))):
        queue = draw(st.sampled_from(QUEUES))
        within = draw(st.sampled_from((*WITHIN[queue], *WITHIN[queue], 0)))
        opens = draw(st.sampled_from((0, 0, 0, 120)))  # the queue opens later, and the promise starts then
        arrives = ticket(f"t{number:02}", -opens, within, queue=queue)
        answers = draw(st.lists(st.sampled_from(("takes", "takes", "declines", "misses")), min_size=3, max_size=3))
        happens.append((draw(st.integers(0, 90)), draw(st.sampled_from((arrives, arrives, None))), answers))
    return happens


class Day:
    """A line served pass by pass, and every ticket that was left while another was offered."""

    def __init__(self, desks: list[AtDesk]) -> None:
        self.now = NOW
        self.line: dict[str, InLine] = {}
        self.desks = {each.agent.id: replace(each, presence="available") for each in desks}
        self.busy_until: dict[str, datetime] = {}
        self.offers: list[tuple[Ticket, Agent, list[InLine], datetime]] = []

    def happens(self, seconds: int, arrives: Ticket | None, answers: list[str]) -> None:
        self.now += timedelta(seconds=seconds)
        if arrives is not None:
            due_from = arrives.due_from + (self.now - NOW)
            self.line[arrives.id] = InLine(replace(arrives, arrived_at=self.now, due_from=due_from))
        self.busy_until = {id_: until for id_, until in self.busy_until.items() if until > self.now}
        free = [each for id_, each in self.desks.items() if id_ not in self.busy_until]
        found = match(self.line.values(), free, self.now)
        offered = {ticket.id for ticket, _ in found}
        left = [entry for id_, entry in self.line.items() if id_ not in offered and offerable(entry, self.now)]
        for place, (taken, agent) in enumerate(found):
            self.offers.append((taken, agent, left, self.now))
            self._answers(taken, agent, answers[place % len(answers)])

    def _answers(self, taken: Ticket, agent: Agent, how: str) -> None:
        self.busy_until[agent.id] = self.now + timedelta(seconds={"takes": 150, "declines": 5, "misses": 120}[how])
        if how == "takes":
            self.line.pop(taken.id, None)
        elif how == "declines" and taken.id in self.line:
            entry = self.line[taken.id]
            self.line[taken.id] = replace(entry, declined=entry.declined | {agent.id})


def shortest_promise_beside(entry: InLine, desks: list[AtDesk]) -> int:
    """The shortest promise of any published decision that an agent who may serve this ticket serves."""
    queues = {queue for each in desks if could_serve(each.agent, entry.ticket) for queue in each.agent.queues}
    return min(within for queue in queues for within in WITHIN[queue])


@given(days(), desks_of(4))
def test_nobody_who_comes_after_the_window_of_a_waiting_ticket_goes_before_it(
    happens: list[tuple[int, Ticket | None, list[str]]], desks: list[AtDesk]
) -> None:
    day = Day(desks)
    for each in happens:
        day.happens(*each)
    for taken, agent, left, now in day.offers:
        for entry in left:
            if not taken.emergency and not entry.ticket.emergency and eligible(day.desks[agent.id], entry, now):
                window = entry.ticket.answer_within_seconds - shortest_promise_beside(entry, desks)
                assert taken.due_from <= entry.ticket.due_from + timedelta(seconds=window)


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


def test_the_preferred_agent_is_rung_before_all_others() -> None:
    wanted = InLine(ticket(preferred="tom"))
    both = frozenset({"en", "es"})
    desks = [desk("sol", idle=500, languages=both), desk("tom", idle=1, skills=frozenset({"insurance"}), licensed=True)]
    assert pairs([wanted], desks) == [("t1", "tom")]
    assert pairs([wanted], [desk("sol"), desk("tom", presence="on_call")]) == [("t1", "sol")]


def test_nobody_is_rung_for_being_preferred_who_could_not_serve() -> None:
    assert pairs([InLine(ticket(licensed=True, preferred="tom"))], [desk("tom")]) == []


def test_another_site_is_asked_once_the_ticket_is_for_it_too() -> None:
    there = desk("tom", site="north")
    assert pairs([InLine(ticket())], [there]) == []
    assert pairs([InLine(ticket(sites=("north",)))], [there]) == [("t1", "tom")]


def test_a_class_is_written_alike_whatever_the_order_of_its_parts() -> None:
    one = ticket("t1", needs=SKILLS, also=QUEUES, sites=SITES, waited=5)
    other = ticket("t2", needs=SKILLS[::-1], also=QUEUES[::-1], sites=SITES[::-1], waited=500, within=600)
    assert class_of(one) == class_of(other)


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
