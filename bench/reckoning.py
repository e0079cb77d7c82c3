"""The books after chaos: what the carrier saw, what the record has and what the order system was told, side by side."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterable, Iterator
from itertools import pairwise

from bench.breaking import WEB, Fault
from bench.town import Phone
from bench.wire import Fields
from ivr.store import Record
from tests.days import judge
from tests.days.judge import Breach, Evidence

LONGEST_SILENCE_SECONDS, WITHOUT_WEB_SECONDS = 5.0, 15.0
ZEROS = ("lost", "doubled", "disordered", "silent", "stuck")
NO_NEWS = ("Inquire", "SendText")  # what the order system is asked, and what it is not told
# What a law of the days is called here, of those that must hold however badly the line was treated.
OF_A_DAY = {
    "final when it should be": "stuck",
    "no ticket is lost": "stuck",
    "everything is done": "stuck",
    "no agent is stuck": "stuck",
    "no phone rings for nothing": "doubled",
    "rung no more than promised": "doubled",
    "never rung twice at once": "doubled",
    "an agent is in one place": "doubled",
    "one agent with a caller": "doubled",
    "one caller with an agent": "doubled",
}
_LAWS = (
    judge.the_books_balance,
    judge.no_ticket_is_lost,
    judge.nobody_is_stuck,
    judge.two_and_two,
    judge.callbacks_are_few,
)


def reckoned(day: Evidence, texts: Iterable[Fields], ours: Container[str], faults: list[Fault]) -> list[Breach]:
    """Return every call lost, doubled, silent or stuck; a breach's law is one of ZEROS.

    `texts` are those the carrier sent, `ours` the ids of those our effects know of.
    """
    found = [*_dispositions(day), *_texts(day, texts, ours), *_silences(day, faults), *_of_a_day(day)]
    return list(dict.fromkeys(found))


def brought(day: Evidence, record: Record) -> set[str]:
    """Return the texts that effects of the day's calls know of, by the carrier's id."""
    told = (each for call in day.calls.values() for each in record.outbox.told(call.id))
    return {each.result for each in told if each.kind == "SendText"}


def disordered(day: Evidence, record: Record) -> Iterator[Breach]:
    """Return every call of which the order system heard something before what had come to pass earlier."""
    for sid, call in day.calls.items():
        told = [each for each in record.outbox.told(call.id) if each.kind not in NO_NEWS and each.done_at]
        for earlier, later in pairwise(told):
            if earlier.done_at > later.done_at:
                yield Breach("disordered", f"{later.kind} was told before {earlier.kind}", sid)


def _of_a_day(day: Evidence) -> Iterator[Breach]:
    for breach in (breach for law in _LAWS for breach in law(day)):
        if breach.law in OF_A_DAY:
            yield Breach(OF_A_DAY[breach.law], f"{breach.law}: {breach.what}", breach.call)


def _dispositions(day: Evidence) -> Iterator[Breach]:
    told = Counter(body["call_id"] for body in day.dispositions)
    for phone in day.inbound:
        if told[phone.sid] == 0:
            yield Breach("lost", "the order system was told nothing of a call", phone.sid)
        elif told[phone.sid] > 1:
            yield Breach("doubled", f"it has {told[phone.sid]} dispositions", phone.sid)
    for phone in day.inbound:
        if phone.sid not in day.calls:
            yield Breach("lost", "our record knows nothing of a call", phone.sid)


def _texts(day: Evidence, texts: Iterable[Fields], ours: Container[str]) -> Iterator[Breach]:
    """A text that no effect of ours knows of went out beside the one that does, or for one that was given up."""
    rang = {phone.number: phone.sid for phone in day.inbound}
    for text in texts:
        if text["sid"] not in ours:
            yield Breach("doubled", "a text went out that we do not know of", rang.get(text.get("to", ""), ""))


def _silences(day: Evidence, faults: list[Fault]) -> Iterator[Breach]:
    for phone in day.phones.values():
        if not day.is_staff(phone.sid):
            yield from (Breach("silent", what, phone.sid) for what in _too_long(phone, faults))


def _too_long(phone: Phone, faults: list[Fault]) -> Iterator[str]:
    for begins, ends in phone.silences:
        meanwhile = [fault for fault in faults if fault.overlaps(begins, ends)]
        longest = WITHOUT_WEB_SECONDS if any(fault.part in WEB for fault in meanwhile) else LONGEST_SILENCE_SECONDS
        if ends - begins > longest:
            why = ", ".join(map(str, meanwhile)) or "nothing broken"
            yield f"nothing was heard for {ends - begins:.1f} s, of {longest:g} at the most ({why})"


def longest_silence(phones: Iterable[Phone]) -> float:
    """The longest anybody heard nothing."""
    return max((phone.longest_silence for phone in phones), default=0.0)
