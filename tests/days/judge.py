"""What must be true of every day, seen from outside: what the carrier saw, what the order system was told, the record.

Each law has a name, and a sentence when it is broken.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from bench.town import Happening, Phone
from ivr.core.call import Call
from ivr.core.line import Agent, Ticket, could_serve
from ivr.core.pharmacy import Pharmacy

LONGEST_SILENCE_SECONDS = 5.0
SETTLING_SECONDS = 2.5  # a pass reads the line, and places its offers a little later
HELP_EVERY_SECONDS = 32.0  # the words, their music, and a breath
WITH_SOMEBODY = ("answered", "transferred")
KEPT = ("callback", "voicemail")
CONNECTED = "You are being connected now"  # their document is in their hands: from here on they are on their own
AT_REST = ("available", "on_break", "signed_out", "wrap_up")


@dataclass(frozen=True, slots=True)
class Breach:
    """A law that was broken, by what, and in which call."""

    law: str
    what: str
    call: str = ""


@dataclass(frozen=True, slots=True)
class Told:
    """A line of a call's journal."""

    at: datetime
    leg: str | None
    event: Mapping[str, Any]


@dataclass
class Evidence:
    """A day as it is known in the evening."""

    pharmacy: Pharmacy
    phones: Mapping[str, Phone]
    log: list[Happening]
    dispositions: list[dict[str, Any]]
    calls: Mapping[str, Call]
    journals: Mapping[str, list[Told]]
    presences: Mapping[str, str] = field(default_factory=dict)
    waiting: list[Ticket] = field(default_factory=list)
    undone: Mapping[str, int] = field(default_factory=dict)
    strangers: list[str] = field(default_factory=list)
    differed: list[str] = field(default_factory=list)
    tasks: list[dict[str, Any]] = field(default_factory=list)
    pace: float = 1.0
    troubles: list[tuple[float, float]] = field(default_factory=list)  # when the web was down: no document could be had
    slow: list[tuple[datetime, datetime]] = field(default_factory=list)  # when the machine answered nobody in time
    opens_at: datetime | None = None  # the morning: what was left over from the night may be served from here on
    call_of: Mapping[str, str] = field(default_factory=dict)  # by the carrier's id of each of its legs

    @property
    def inbound(self) -> list[Phone]:
        return [phone for phone in self.phones.values() if phone.direction == "inbound"]

    def staff_numbers(self) -> dict[str, str]:
        """Return {number: agent}."""
        return {agent.address: agent.id for agent in self.pharmacy.staff.values()}

    def is_staff(self, sid: str) -> bool:
        on_call = {site.on_call for site in self.pharmacy.sites.values()}
        return self.phones[sid].number in self.staff_numbers().keys() | on_call

    def of(self, sid: str) -> list[Happening]:
        return [each for each in self.log if each.sid == sid]


Law = Callable[[Evidence], Iterator[Breach]]


def judged(day: Evidence) -> list[Breach]:
    """Return every breach of every law."""
    return [breach for law in LAWS for breach in law(day)]


# ---------------------------------------------------------------- callers and the books


def everybody_got_somewhere(day: Evidence) -> Iterator[Breach]:
    """A person, a callback promised, a message, a machine that served them, or they hung up themselves."""
    said = {body["call_id"]: body for body in day.dispositions}
    messages = {each.sid for each in day.log if each.what == "message"}
    for phone in day.inbound:
        outcome = said.get(phone.sid, {}).get("outcome")
        fine = phone.served or phone.hung_up_themselves or phone.sid in messages
        if not fine and outcome not in (*KEPT, "self_served", "transferred"):
            yield Breach("everybody got somewhere", f"we ended the call, and it came to {outcome}", phone.sid)


def the_books_balance(day: Evidence) -> Iterator[Breach]:
    """Exactly one disposition a call, final, and saying what the carrier saw."""
    told = Counter(body["call_id"] for body in day.dispositions)
    for phone in day.inbound:
        if told[phone.sid] != 1:
            yield Breach("one disposition a call", f"it has {told[phone.sid]}", phone.sid)
    for body in day.dispositions:
        seen = day.phones.get(body["call_id"])
        if not body["final"] and body["outcome"] not in KEPT:
            yield Breach("final when it should be", f"{body['outcome']} is not", body["call_id"])
        if body["outcome"] == "failed":
            yield Breach("no call fails", f"reached {body['reached']}", body["call_id"])
        if seen and body["outcome"] == "answered" and not seen.served and not _hung_up_on_the_way(day, seen):
            yield Breach("the books say what was", "answered, and nobody ever spoke with them", body["call_id"])


def _hung_up_on_the_way(day: Evidence, phone: Phone) -> bool:
    """Did they go as they came to where somebody waited for them, or had waited? Nobody can tell that from a talk."""
    came = any(each.what == "enters" or CONNECTED in each.detail for each in day.of(phone.sid))
    return phone.hung_up_themselves and came


def no_ticket_is_lost(day: Evidence) -> Iterator[Breach]:
    """In the evening nobody is in line who hung up, nothing is undone, no phone rang for nothing."""
    for ticket in day.waiting:
        if ticket.kind == "hold":
            yield Breach("no ticket is lost", f"{ticket.id} waits, and nobody is there", ticket.call)
    for sid, call in day.calls.items():
        ticket = call.ticket
        if ticket and ticket.state in ("connecting", "talking"):
            yield Breach("no ticket is lost", f"it is {ticket.state} still", sid)
    for lane, rows in day.undone.items():
        if rows:
            yield Breach("everything is done", f"{rows} in {lane} are not")
    for sid in day.strangers:
        yield Breach("no phone rings for nothing", f"no leg of ours is known by it: {day.phones[sid].number}", sid)
    for path in day.differed:
        yield Breach("an exit has one answer", path)


# ---------------------------------------------------------------- order


@dataclass(frozen=True, slots=True)
class Offering:
    """A ticket put to an agent."""

    at: datetime
    agent: str
    ticket: Ticket
    call: str


@dataclass(frozen=True, slots=True)
class Free:
    """A while for which a caller on hold was to be had by anybody who may serve them."""

    begins: datetime
    ends: datetime
    ticket: Ticket
    call: str
    refused: frozenset[str]  # by whom, before


def nobody_is_passed(day: Evidence) -> Iterator[Breach]:
    """Whoever is offered goes before all whom the same agent could have had, and nobody outside the window."""
    offers, waits = offerings(day), [free for sid in day.calls for free in frees(day, sid)]
    settles = timedelta(seconds=SETTLING_SECONDS / day.pace)
    for offer in offers:
        agent = day.pharmacy.staff.get(offer.agent)
        if any(begins <= offer.at <= ends for begins, ends in day.slow):
            continue  # decided on a line of seconds ago
        for free in waits:
            if agent is None or free.call == offer.call or not _could_have(agent, free, offer):
                continue
            late = (offer.ticket.due_from - _latest_to_pass(day.pharmacy, free.ticket)).total_seconds()
            steady = free.begins + settles <= offer.at <= free.ends - settles
            if not offer.ticket.emergency and not free.ticket.emergency and late > 0 and steady:
                yield Breach("nobody outside the window passes", f"{offer.call} by {late:.0f} s", free.call)
            if steady:
                law = "emergencies first" if free.ticket.emergency else "nobody is passed at an agent"
                yield Breach(law, f"{offer.agent} was offered {offer.call} at {offer.at:%H:%M:%S}", free.call)


def the_night_buries_nobody(day: Evidence) -> Iterator[Breach]:
    """What is left of the night is due as if it came when it may first be served: no live caller is behind it all."""
    opens = day.opens_at
    if opens is None:
        return
    settles = timedelta(seconds=SETTLING_SECONDS / day.pace)
    waits = [free for sid in day.calls for free in frees(day, sid) if free.begins > opens - timedelta(minutes=5)]
    for offer in offerings(day):
        agent, left = day.pharmacy.staff.get(offer.agent), offer.ticket
        was_closed = left.due_from > left.arrived_at
        if agent is None or not was_closed or left.emergency or offer.at < opens:
            continue
        due = max(left.due_from, opens) + timedelta(seconds=left.answer_within_seconds)
        for free in waits:
            steady = free.begins + settles <= offer.at <= free.ends - settles
            if steady and free.ticket.promised_at < due and could_serve(agent, free.ticket):
                yield Breach("the night buries nobody", f"{offer.call} went first, at {offer.at:%H:%M:%S}", free.call)


def _could_have(agent: Agent, free: Free, offer: Offering) -> bool:
    here = free.begins <= offer.at <= free.ends and free.ticket.order < offer.ticket.order
    return here and agent.id not in free.refused and could_serve(agent, free.ticket)


def _latest_to_pass(pharmacy: Pharmacy, ticket: Ticket) -> datetime:
    """The latest due_from of anybody who may go before a ticket (design/line.md, the window)."""
    queues = [queue.answer_within_seconds for queue in pharmacy.queues.values()]
    rules = [rule.then.answer_within_seconds for of in pharmacy.rules.values() for rule in (*of.rules, of.otherwise)]
    shortest = min(seconds for seconds in [*queues, *(rule for rule in rules if rule is not None)] if seconds)
    return ticket.due_from + timedelta(seconds=ticket.answer_within_seconds - shortest)


def offerings(day: Evidence) -> list[Offering]:
    """Every offer of the day that was a ticket's own, as its ticket then stood in order."""
    found = []
    for sid, call in day.calls.items():
        for offer in call.offers:
            if call.ticket and offer.ticket == call.ticket.id:
                found.append(Offering(offer.offered_at, offer.agent, _as_first_decided(day, call), sid))
    return found


def _as_first_decided(day: Evidence, call: Call) -> Ticket:
    """The ticket with every need it ever had: later widening only lets more people serve it."""
    assert call.ticket is not None
    needs = (call.decision.needs if call.decision else ()) or ()
    queue = day.pharmacy.queues.get(call.ticket.queue)
    return replace(call.ticket, needs=(*needs, *(queue.needs if queue else ())), also=(), on_call=False)


def frees(day: Evidence, sid: str) -> Iterator[Free]:
    """When a caller was on hold with no phone ringing for them."""
    call = day.calls[sid]
    if call.ticket is None or call.ticket.attempts or _was_moved(day.journals[sid]):
        return
    ticket, legs = _as_first_decided(day, call), {offer.leg: offer.id for offer in call.offers}
    ringing: set[str] = set()
    refused: set[str] = set()
    for line, following in pairwise(day.journals[sid]):
        _note(line, ringing, refused, legs)
        if line.event.get("phase") == "holding" and not ringing:
            yield Free(line.at, following.at, ticket, sid, frozenset(refused))


def _was_moved(lines: Iterable[Told]) -> bool:
    """Has the ticket changed its place, by an act, news, or a second decision? Its order is not known then."""
    told = list(lines)
    decisions = sum(len(line.event.get("decided", ())) for line in told)
    passed_on = any(_is_passed_on(before.event, after.event) for before, after in pairwise(told))
    return decisions > 1 or passed_on or any(line.event["event"] in ("Acted", "Learned", "OrderNews") for line in told)


def _is_passed_on(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    """Has an agent keyed that their caller goes to another queue?"""
    return (before.get("phase"), after.get("phase")) == ("talking", "holding") and after["event"] == "Keyed"


def _note(line: Told, ringing: set[str], refused: set[str], legs: Mapping[str, str]) -> None:
    event = line.event
    if event["event"] == "Offered":
        ringing.add(event["offer"])
        refused.add(event["agent"])
    elif line.leg in legs and event["event"] in ("Keyed", "Spoke", "Silent", "HungUp"):
        ringing.discard(legs[line.leg])
    elif event["event"] == "TimerDue" and str(event["timer"]).startswith("offer:"):
        ringing.discard(str(event["timer"]).removeprefix("offer:"))


# ---------------------------------------------------------------- people on the phone


def two_and_two(day: Evidence) -> Iterator[Breach]:
    """Two agents are never with one caller, one agent never with two."""
    rooms: dict[str, set[str]] = defaultdict(set)
    for each in day.log:
        if each.what == "enters":
            rooms[each.detail].add(each.sid)
            yield from _met(day, rooms, each)
        elif each.what == "leaves":
            rooms[each.detail].discard(each.sid)


def _met(day: Evidence, rooms: Mapping[str, set[str]], entered: Happening) -> Iterator[Breach]:
    here = rooms[entered.detail]
    staff, callers = [sid for sid in here if day.is_staff(sid)], [sid for sid in here if not day.is_staff(sid)]
    calls = {sid if sid in day.calls else day.call_of.get(sid, "") for sid in here}
    if len(staff) > 1 and not _was_asked_in(day, calls):
        yield Breach("one agent with a caller", f"{len(staff)} are in {entered.detail}", min(here, default=""))
    if len(callers) > 1:
        yield Breach("one caller with an agent", f"{len(callers)} are in {entered.detail}", callers[0])
    number = day.phones[entered.sid].number
    rooms_of = [name for name, sids in rooms.items() for sid in sids if day.phones[sid].number == number]
    if day.is_staff(entered.sid) and len(rooms_of) > 1:
        yield Breach("an agent is in one place", f"{number} is in {rooms_of}", _other(day, rooms, entered))


def _other(day: Evidence, rooms: Mapping[str, set[str]], entered: Happening) -> str:
    """The leg somebody is on already who comes into another room."""
    mine = [sid for sids in rooms.values() for sid in sids if day.phones[sid].number == day.phones[entered.sid].number]
    return next((sid for sid in mine if sid != entered.sid), entered.sid)


def _was_asked_in(day: Evidence, calls: Iterable[str]) -> bool:
    """Was a colleague asked for advice, with the caller there or on hold meanwhile, or did a supervisor come?"""
    return any(_asks_in(line.event) for id_ in calls for line in day.journals.get(id_, ()))


def _asks_in(event: Mapping[str, Any]) -> bool:
    acts, keys = ("consult", "join", "listen", "coach", "barge", "hand_over"), ("4", "6")
    return event.get("act") in acts or (event.get("who") == "agent" and event.get("key") in keys)


def nobody_is_stuck(day: Evidence) -> Iterator[Breach]:
    for agent, presence in day.presences.items():
        if presence not in AT_REST:
            yield Breach("no agent is stuck", f"{agent} is {presence} though nothing is going on")


def nobody_hears_silence(day: Evidence) -> Iterator[Breach]:
    for phone in day.phones.values():
        silent = phone.silent_until - phone.longest_silence, phone.silent_until
        if _while_answered(day, *silent) > LONGEST_SILENCE_SECONDS:
            yield Breach("nobody hears silence", f"{phone.longest_silence:.1f} s", phone.sid)


def _while_answered(day: Evidence, begins: float, ends: float) -> float:
    """So many seconds of a while in which there was somebody to ask for a document."""
    down = (min(ends, until) - max(begins, since) for since, until in day.troubles)
    return ends - begins - sum(seconds for seconds in down if seconds > 0)


def emergencies_are_spoken_to(day: Evidence) -> Iterator[Breach]:
    """Whoever is in danger and on hold is told again and again what to do without us."""
    for sid, call in day.calls.items():
        if call.ticket is None or not call.ticket.emergency or sid not in day.phones:
            continue
        longest = max((_while_answered(day, *each) for each in _unspoken(day.of(sid))), default=0.0)
        if longest > HELP_EVERY_SECONDS * day.pace + LONGEST_SILENCE_SECONDS:
            yield Breach("an emergency has a spoken way", f"not a word of it for {longest:.0f} s", sid)


def _unspoken(mine: Iterable[Happening]) -> Iterator[tuple[float, float]]:
    last, holds = None, False
    for each in mine:
        if each.what == "queued":
            last, holds = each.at, True
        elif holds and last is not None and (each.what == "left the queue" or "911" in each.detail):
            yield last, each.at
            last, holds = each.at, each.what != "left the queue"


# ---------------------------------------------------------------- callbacks


def callbacks_are_few(day: Evidence) -> Iterator[Breach]:
    """No phone of a caller rings more often than attempts are allowed, never twice at once, never without an agent."""
    ours = [phone for phone in day.phones.values() if phone.direction == "outbound-api" and not day.is_staff(phone.sid)]
    by_number: dict[str, list[Phone]] = defaultdict(list)
    for phone in ours:
        by_number[phone.number].append(phone)
    promised = Counter(day.phones[sid].number for sid in day.calls if sid in day.phones and _is_promised(day, sid))
    for number, phones in by_number.items():
        most = day.pharmacy.policies.callback_attempts * promised[number]
        if len(phones) > most:
            yield Breach("rung no more than promised", f"{number} {len(phones)} times, of {most}", phones[-1].sid)
    yield from _at_once(day, {phone.sid for phone in ours})


def _is_promised(day: Evidence, sid: str) -> bool:
    """Was this caller ever promised a callback? Once they are called back and passed on, they wait as any other."""
    ticket = day.calls[sid].ticket
    promised = any(line.event.get("phase") == "promised" for line in day.journals[sid])
    return promised or (ticket is not None and ticket.kind == "callback")


def _at_once(day: Evidence, callbacks: set[str]) -> Iterator[Breach]:
    """Callbacks that ring together: one for a number, and no more than agents who are on the phone for them."""
    ringing: set[str] = set()
    staff: set[str] = set()
    for each in day.log:
        here = callbacks if each.sid in callbacks else set()
        if each.what == "rings" and here:
            number = day.phones[each.sid].number
            for other in (sid for sid in ringing if day.phones[sid].number == number):
                yield Breach("never rung twice at once", f"{number}, beside {other}", each.sid)
            ringing.add(each.sid)
            if len(ringing) > len(staff):
                yield Breach("no more callbacks than agents", f"{len(ringing)} with {len(staff)} there", each.sid)
        elif each.what == "over":
            ringing.discard(each.sid)
            staff.discard(each.sid)
        elif each.what == "asks" and day.phones[each.sid].direction == "outbound-api" and not here:
            staff.add(each.sid)


LAWS: tuple[Law, ...] = (
    everybody_got_somewhere,
    the_books_balance,
    no_ticket_is_lost,
    nobody_is_passed,
    the_night_buries_nobody,
    two_and_two,
    nobody_is_stuck,
    nobody_hears_silence,
    emergencies_are_spoken_to,
    callbacks_are_few,
)


def told(lines: Iterable[Any]) -> list[Told]:
    """A call's journal as the record has it."""
    return [Told(line.at, line.leg, json.loads(line.event)) for line in lines]


__all__ = ["Breach", "Evidence", "Told", "judged", "told"]
