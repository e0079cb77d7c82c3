"""Reads `config/staff.yaml`: who takes calls, on which phone, for which queues, and in which shifts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise

from ivr.content import scalars
from ivr.content.config import top_fields
from ivr.content.names import Names
from ivr.content.opening import Week, shifts
from ivr.content.reading import Fields, listed, one_of, one_or_more, pairs, reference, scalar
from ivr.content.written import Item, Wrong, report, text
from ivr.core.line import ROLES, Agent
from ivr.core.rules import WEEKDAYS

_flag = scalar(scalars.flag)
_phone = scalar(scalars.phone)
_STRAIGHT = "01234567890"


def read_staff(item: Item, names: Names) -> dict[str, Agent]:
    """Return the agents by id."""
    fields = top_fields(item, "staff.yaml")
    agents = fields.need("agents", listed(lambda value: _agent(value, names)))
    fields.done()
    staff: dict[str, Agent] = {}
    addresses: dict[str, str] = {}
    extensions: dict[str, str] = {}
    for agent, place in zip(agents, item.at("agents").items, strict=True):
        if agent.id in staff:
            place.problem("duplicate", f'two agents have the id "{agent.id}"')
        if agent.address in addresses:
            place.problem("duplicate", f'"{agent.id}" has the phone of "{addresses[agent.address]}"')
        if agent.extension and agent.extension in extensions:
            place.problem("duplicate", f'"{agent.id}" has the extension of "{extensions[agent.extension]}"')
        staff.setdefault(agent.id, agent)
        addresses.setdefault(agent.address, agent.id)
        extensions.setdefault(agent.extension, agent.id)
    return staff


def _agent(item: Item, names: Names) -> Agent:
    fields = Fields(item, "an agent")
    agent = Agent(
        fields.need("id", scalar(_id)),
        fields.need("name", text),
        fields.need("site", reference("site", names.sites)),
        fields.take("phone", _phone, None),
        fields.take("sip", scalar(_sip), None),
        fields.take("client", scalar(_id), None),
        frozenset(fields.need("queues", one_or_more(reference("queue", names.queues))) or ()),
        frozenset(fields.take("skills", one_or_more(scalar(_id)), ())),
        frozenset(fields.take("languages", one_or_more(scalar(scalars.language)), ())),
        fields.take("licensed", _flag, False),
        fields.take("pin", scalar(_pin), ""),
        fields.take("starts", one_of("a way to start the day", ("available", "signed_out")), "available"),
        fields.take("role", one_of("a role", ROLES), "agent"),
        fields.take("extension", scalar(_extension), ""),
        fields.take("shifts", _shifts, {}),
    )
    fields.done()
    if sum(address is not None for address in (agent.phone, agent.sip, agent.client)) != 1:
        raise Wrong("missing", "an agent needs one of phone, sip or client, to be rung on", item)
    return agent


def _id(told: str) -> str:
    if not all(letter.isalnum() or letter in "_-." for letter in told) or not told.isascii():
        raise Wrong("type", f'"{told}" has to be one word of letters, digits and _')
    return told


def _sip(told: str) -> str:
    if not told.startswith("sip:") or "@" not in told:
        raise Wrong("type", f'"{told}" is not a SIP address; write it as sip:ana@pharmacy.example')
    return told


def _pin(told: str) -> str:
    if not (told.isdigit() and told.isascii() and 4 <= len(told) <= 8):
        raise Wrong("type", "a pin is 4 to 8 digits")
    return told


def _extension(told: str) -> str:
    if not (told.isdigit() and told.isascii() and 2 <= len(told) <= 6):
        raise Wrong("type", "an extension is 2 to 6 digits")
    return told


# ---------------------------------------------------------------- shifts


def _shifts(item: Item) -> Week:
    """Return the week of an agent: `mon-fri` is each of those days, and no day stands twice."""
    week: Week = {}
    faulty = False
    for key, value in pairs(item, "shifts"):
        try:
            told = shifts(value)
            for day in _days(key):
                if day in week:
                    raise Wrong("duplicate", f"{day} has shifts already", key)
                week[day] = told
        except Wrong as wrong:
            report(wrong, value)
            faulty = True
    if faulty or not any(week.values()):
        raise Wrong if faulty else Wrong("missing", "shifts are on some day; leave the key out for none", item)
    return week


def _days(key: Item) -> list[str]:
    first, dash, last = key.text.partition("-")
    if first not in WEEKDAYS or (dash and last not in WEEKDAYS):
        raise Wrong("unknown-value", f'"{key.text}" is no day; write mon, or mon-fri for all from one to another', key)
    start = WEEKDAYS.index(first)
    length = (WEEKDAYS.index(last) - start) % 7 + 1 if dash else 1
    return [WEEKDAYS[(start + day) % 7] for day in range(length)]


# ---------------------------------------------------------------- what the staff line goes by


def check_pins(item: Item, staff: Mapping[str, Agent]) -> None:
    """Warn of agents who cannot prove on the staff line who they are, or whom others could prove to be too easily."""
    seen: dict[str, str] = {}
    for place in item.at("agents").items:
        agent = staff.get(place.at("id").text)
        if agent is None or agent.id in seen.values():  # of two with one id the second has been reported
            continue
        for fault in _faults(agent, seen):
            place.problem("pin", f"{agent.id}: {fault}", severity="warning")
        seen.setdefault(agent.pin, agent.id)


def _faults(agent: Agent, seen: Mapping[str, str]) -> Iterator[str]:
    """Yield what is wrong with a pin; it never tells the pin."""
    pin = agent.pin
    if not pin:
        yield "there is a staff line, and without a pin nobody can sign in there"
        return
    if pin in seen:
        yield f"this is the pin of {seen[pin]}; everybody needs one of their own"
    if len(set(pin)) == 1 or pin in _STRAIGHT or pin in _STRAIGHT[::-1]:
        yield "this pin is the first that anybody would try"
    if (agent.phone or "").endswith(pin) or (agent.extension and agent.extension in pin):
        yield "this pin can be read off their number"
    if agent.phone is None and not agent.extension:
        yield "no number of theirs rings the staff line, so they need an `extension` to say who they are"


def skills_in(item: Item) -> set[str]:
    """Return every skill some agent has, whatever else is wrong with the file."""
    agents = item.at("agents")
    return {
        skill.text
        for agent in agents.items
        for key, value in agent.pairs
        if key.text == "skills"
        for skill in (value.items or (value,))
    }


# ---------------------------------------------------------------- hours in which nobody is there

Span = tuple[int, int]  # minutes from the beginning of Monday
_DAY, _WEEK = 24 * 60, 7 * 24 * 60


def uncovered(opens: Mapping[str, tuple[Span, ...]], agents: list[Agent]) -> list[str]:
    """Return the hours of a week a site is open and none of these is in shift, as `mon 18:00 to 20:00`.

    Who has no shifts comes and goes by themselves, and is taken to be there.
    """
    if any(not agent.shifts for agent in agents):
        return []
    there = _merged(span for agent in agents for span in _spans(agent.shifts))
    gaps = [gap for span in _merged(_spans(opens)) for gap in _without(span, there)]
    return [_told(start, end) for start, end in gaps]


def _spans(week: Mapping[str, tuple[Span, ...]]) -> Iterator[Span]:
    for number, day in enumerate(WEEKDAYS):
        for start, end in week.get(day, ()):
            begins, ends = number * _DAY + start, number * _DAY + end
            yield begins, min(ends, _WEEK)
            if ends > _WEEK:  # a shift past the midnight of Sunday
                yield 0, ends - _WEEK


def _merged(spans: Iterator[Span]) -> list[Span]:
    merged: list[Span] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(end, merged[-1][1])
        else:
            merged.append((start, end))
    return merged


def _without(span: Span, there: list[Span]) -> list[Span]:
    start, end = span
    inside = [(max(start, begins), min(end, ends)) for begins, ends in there if begins < end and ends > start]
    edges = [(start, start), *inside, (end, end)]
    return [(left[1], right[0]) for left, right in pairwise(edges) if left[1] < right[0]]


def _told(start: int, end: int) -> str:
    day = WEEKDAYS[start // _DAY % 7]
    return f"{day} {_clock(start)} to {_clock(end)}"


def _clock(minute: int) -> str:
    return f"{minute % _DAY // 60:02}:{minute % 60:02}"
