"""Reads `config/*.yaml`: lines, sites, queues, hours, staff, policies and a pharmacy's own facts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import holidays

from ivr.content import scalars
from ivr.content.names import Known, Names
from ivr.content.problems import did_you_mean
from ivr.content.reading import (
    Fields,
    Item,
    Wrong,
    listed,
    named,
    one_of,
    one_or_more,
    reference,
    scalar,
    text,
)
from ivr.core.hours import Hours
from ivr.core.line import Agent, PlanStep, Queue
from ivr.core.pharmacy import Line, Policies, Site
from ivr.core.rules import FACTS, UNKNOWN, WEEKDAYS, Fact

_flag = scalar(scalars.flag)
_duration = scalar(scalars.duration)
_phone = scalar(scalars.phone)
_count = scalar(scalars.whole(1, 1000))
_days = scalar(scalars.whole(1, 36_500))


def top_fields(item: Item, what: str) -> Fields:
    """Return the fields of a whole file; `version: 1` may stand in any of them."""
    fields = Fields(item, what)
    fields.take("version", one_of("a version of this format", ("1",)), "1")
    return fields


# ---------------------------------------------------------------- lines and sites


def read_lines(item: Item, names: Names) -> dict[str, Line]:
    """Return the lines by name."""
    fields = top_fields(item, "lines.yaml")
    lines = fields.need("lines", named(lambda name, value: _line(name, value, names), "a line"))
    fields.done()
    if not lines:
        raise Wrong("missing", "a pharmacy needs a line to be called on", item)
    _unique_numbers(item, {name: line.number for name, line in lines.items()}, "lines")
    return lines


def _line(name: str, item: Item, names: Names) -> Line:
    fields = Fields(item, "a line")
    line = Line(
        name,
        fields.need("number", _phone),
        fields.need("site", reference("site", names.sites)),
        fields.need("rules", reference("file of rules", names.rule_files)),
        fields.need("flow", reference("flow", names.flows)),
        fields.need("languages", one_or_more(reference("file of prompts", names.languages))),
    )
    fields.done()
    return line


def _unique_numbers(item: Item, numbers: Mapping[str, str], key: str) -> None:
    """Report numbers that two of the things under `key` share; calls could not tell them apart."""
    seen: dict[str, str] = {}
    for name, number in numbers.items():
        if number in seen:
            place = next(value for found, value in item.pairs if found.text == key)
            own = next((key for key, _ in place.pairs if key.text == name), place)
            own.problem("duplicate", f'"{name}" has the number of "{seen[number]}"; calls could not tell them apart')
        seen[number] = name


def read_sites(item: Item) -> dict[str, Site]:
    """Return the sites by name."""
    fields = top_fields(item, "sites.yaml")
    sites = fields.need("sites", named(_site, "a site"))
    fields.done()
    return sites


def _site(name: str, item: Item) -> Site:
    fields = Fields(item, "a site")
    site = Site(
        name,
        fields.need("name", text),
        fields.need("timezone", scalar(_timezone)),
        fields.need("staffed_number", _phone),
        fields.need("on_call", _phone),
    )
    fields.done()
    return site


def _timezone(told: str) -> str:
    try:
        ZoneInfo(told)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise Wrong("unknown-value", f'"{told}" is not a time zone; write it as America/New_York') from None
    return told


# ---------------------------------------------------------------- queues


def read_queues(item: Item, names: Names) -> dict[str, Queue]:
    """Return the queues by name."""
    fields = top_fields(item, "queues.yaml")
    queues = fields.need("queues", named(lambda name, value: _queue(name, value, names), "a queue"))
    fields.done()
    return queues


def _queue(name: str, item: Item, names: Names) -> Queue:
    fields = Fields(item, "a queue")
    queue = Queue(
        name,
        fields.take("title", text, name.replace("_", " ").capitalize()),
        fields.need("answer_within", scalar(_not_now)),
        fields.take("licensed", _flag, False),
        fields.take("needs", _needs(names), ()),
        fields.take("offer_callback", _flag, True),
        fields.take("record", _flag, False),
        fields.take("on_call", _flag, False),
        fields.take("keep_free", _keep_free, 0),
        fields.take("plan", listed(lambda step: _plan_step(step, names)), ()),
        fields.need("nobody", lambda value: _nobody(value, names)),
    )
    fields.done()
    return queue


def _needs(names: Names) -> Any:
    read = one_or_more(reference("skill", names.skills))
    return lambda item: () if item.kind == "list" and not item.items else read(item)  # `needs: []` says none


def _not_now(told: str) -> int:
    if told == "now":
        raise Wrong("range", "`now` is for emergencies, by a rule; give the queue a time")
    return scalars.duration(told)


def _keep_free(item: Item) -> int:
    fields = Fields(item, "`keep_free`")
    kept = fields.need("licensed", scalar(scalars.whole(0, 500)))
    fields.done()
    return kept


def _plan_step(item: Item, names: Names) -> PlanStep:
    places = None if names.queues is None or names.sites is None else [*names.queues, *names.sites]
    readers = {
        "announce": one_of("something to announce", ("position", "still")),
        "offer": one_of("something to offer", ("callback", "voicemail")),
        "relax": reference("skill", names.skills),
        "overflow": reference("queue or site", places),
        "voicemail": reference("queue", names.queues),
    }
    fields = Fields(item, "a step of a wait plan")
    after = fields.need("after", _duration)
    steps = [PlanStep(after, does, fields.need(does, read)) for does, read in readers.items() if does in fields]
    for does in readers:
        fields.value(does)
    fields.done()
    if len(steps) != 1:
        raise Wrong("missing", f"a step of a wait plan does one of {', '.join(readers)}", item)
    return steps[0]


def _nobody(item: Item, names: Names) -> str:
    choices = ("callback", "voicemail", "on_call")
    told = text(item)
    if told in choices or names.sites is None or told in names.sites:
        return told
    hint = did_you_mean(told, [*choices, *names.sites])
    raise Wrong("unknown-value", f'"{told}" is not callback, voicemail, on_call or a site{hint}', item)


# ---------------------------------------------------------------- hours


def read_hours(item: Item, sites: Mapping[str, Site], year: int) -> dict[str, Hours]:
    """Return the hours by site, with the holidays from last year to three years on."""
    fields = top_fields(item, "hours.yaml")
    weeks = fields.need("hours", named(lambda name, value: _week(name, value, sites), "a site"))
    closed = fields.take("holidays", lambda value: _closed_days(value, year), {})
    fields.done()
    missing = [name for name in sites if name not in weeks]
    if missing:
        raise Wrong("missing", f'"{missing[0]}" has no hours, so nobody could tell callers when it opens', item)
    return {name: Hours(sites[name].timezone, week, closed) for name, week in weeks.items()}


def _week(site: str, item: Item, sites: Mapping[str, Site]) -> dict[str, tuple[tuple[int, int], ...]]:
    if site not in sites:
        raise Wrong("reference", f'no site is called "{site}"{did_you_mean(site, sites)}', item)
    fields = Fields(item, "a week")
    week = {day: fields.take(day, _shifts, ()) for day in WEEKDAYS}
    fields.done()
    if not any(week.values()):
        raise Wrong("missing", "a site has to open on some day", item)
    return week


def _shifts(item: Item) -> tuple[tuple[int, int], ...]:
    if (item.kind == "text" and item.text == "closed") or (item.kind == "list" and not item.items):
        return ()
    shifts = one_or_more(scalar(scalars.time_range))(item)
    ordered = sorted(shifts)
    for (_, end), (start, _) in zip(ordered, ordered[1:], strict=False):
        if start < end:
            raise Wrong("range", "two shifts of this day overlap", item)
    return tuple(ordered)


def _closed_days(item: Item, year: int) -> dict[date, str]:
    years = range(year - 1, year + 4)
    fields = Fields(item, "`holidays`")
    days = fields.take("country", lambda value: _of_country(value, years), {})
    open_on = fields.take("except", listed(lambda value: _holiday(value, days)), ())
    yearly = fields.take("also", listed(_yearly), ())
    dated = fields.take("closed_days", listed(_dated), ())
    fields.done()
    days = {day: name for day, name in days.items() if name not in open_on}
    days |= {date(y, month, day): name for y in years for month, day, name in yearly if (month, day) != (2, 29)}
    return days | dict(dated)


def _of_country(item: Item, years: range) -> dict[date, str]:
    country, _, state = text(item).partition("-")
    try:
        found = holidays.country_holidays(country, subdiv=state or None, years=years)
    except NotImplementedError:
        raise Wrong("unknown-value", f'no holidays are known for "{item.text}"; write US, or US-CA', item) from None
    return dict(found.items())


def _holiday(item: Item, days: Mapping[date, str]) -> str:
    if text(item) not in days.values():
        raise Wrong("reference", f'no holiday is called "{item.text}"{did_you_mean(item.text, days.values())}', item)
    return item.text


def _yearly(item: Item) -> tuple[int, int, str]:
    fields = Fields(item, "a day closed every year")
    told = fields.need("day", scalar(lambda value: scalars.day(f"2000-{value}")))
    name = fields.need("name", text)
    fields.done()
    return told.month, told.day, name


def _dated(item: Item) -> tuple[date, str]:
    if item.kind == "text":
        return scalars.day(text(item)), "a day we are closed"
    fields = Fields(item, "a closed day")
    told = fields.need("day", scalar(scalars.day))
    name = fields.need("name", text)
    fields.done()
    return told, name


# ---------------------------------------------------------------- staff


def read_staff(item: Item, names: Names) -> dict[str, Agent]:
    """Return the agents by id."""
    fields = top_fields(item, "staff.yaml")
    agents = fields.need("agents", listed(lambda value: _agent(value, names)))
    fields.done()
    staff: dict[str, Agent] = {}
    addresses: dict[str, str] = {}
    for agent, place in zip(agents, _at(item, "agents").items, strict=True):
        if agent.id in staff:
            place.problem("duplicate", f'two agents have the id "{agent.id}"')
        if agent.address in addresses:
            place.problem("duplicate", f'"{agent.id}" has the phone of "{addresses[agent.address]}"; give each their own')
        staff[agent.id], addresses[agent.address] = agent, agent.id
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


def skills_in(item: Item) -> set[str]:
    """Return every skill some agent has, whatever else is wrong with the file."""
    agents = _at(item, "agents")
    return {
        skill.text
        for agent in agents.items
        for key, value in agent.pairs
        if key.text == "skills"
        for skill in (value.items or (value,))
    }


def _at(item: Item, key: str) -> Item:
    return next((value for found, value in item.pairs if found.text == key), item)


def names_under(item: Item | None, key: str) -> Known:
    """Return the names written under a key of a file, or None when the file says nothing readable there."""
    if item is None:
        return None
    mapping = _at(item, key)
    return {name.text for name, _ in mapping.pairs} if mapping is not item and mapping.kind == "mapping" else None


# ---------------------------------------------------------------- policies and facts


def read_policies(item: Item) -> Policies:
    """Return the house rules; what is left out keeps its default."""
    fields = top_fields(item, "policies.yaml")
    usual = Policies()
    ringing = fields.take("offers", _offers, {})
    callbacks = fields.take("callbacks", _callbacks, {})
    policies = replace(
        usual,
        **ringing,
        **callbacks,
        missed_return_seconds=fields.take("missed_return", _duration, usual.missed_return_seconds),
        wrap_up_seconds=fields.take("wrap_up", _duration, usual.wrap_up_seconds),
        message_seconds=fields.take("message", _duration, usual.message_seconds),
        calls_per_second=fields.take("calls_per_second", scalar(scalars.rate), usual.calls_per_second),
        recording=fields.take("recording", _recording, {}),
        retention=fields.take("retention", named(lambda _, days: _days(days), "something kept"), {}),
        transfers=fields.take("transfers", named(_transfer, "a transfer"), {}),
    )
    fields.done()
    return policies


def _offers(item: Item) -> dict[str, Any]:
    fields = Fields(item, "`offers`")
    found = {f"{key}_seconds": fields.take(key, _duration, None) for key in ("ring", "accept")}
    fields.done()
    return {key: value for key, value in found.items() if value is not None}


def _callbacks(item: Item) -> dict[str, Any]:
    fields = Fields(item, "`callbacks`")
    found: dict[str, Any] = {"callback_attempts": fields.take("attempts", _count, None)}
    for key in ("spacing", "expires", "ring"):
        found[f"callback_{key}_seconds"] = fields.take(key, _duration, None)
    quiet = fields.take("quiet", scalar(scalars.time_range), None)
    found["quiet_hours"] = quiet and (quiet[0], quiet[1] % (24 * 60))
    fields.done()
    return {key: value for key, value in found.items() if value is not None}


def _recording(item: Item) -> dict[str, Any]:
    fields = Fields(item, "`recording`")
    found = {
        "consent": fields.need("consent", one_of("a way to ask", ("announce", "ask"))),
        "keep_days": fields.need("keep_days", _days),
    }
    fields.done()
    return found


def _transfer(name: str, item: Item) -> str:
    fields = Fields(item, "a transfer")
    number = fields.need("number", _phone)
    fields.done()
    return number


def read_facts(item: Item) -> dict[str, Fact]:
    """Return the pharmacy's own facts, and the values of `medication_class`, by name."""
    fields = top_fields(item, "facts.yaml")
    facts = fields.need("facts", named(_fact, "a fact"))
    fields.done()
    return facts


def _fact(name: str, item: Item) -> Fact:
    if name in FACTS and name != "medication_class":
        raise Wrong("duplicate", f'every pharmacy has the fact "{name}" already; call this one something else', item)
    fields = Fields(item, "a fact")
    kinds = [kind for kind in ("one_of", "yes_no", "number") if kind in fields]
    words = fields.take("one_of", listed(scalar(_word)), ())
    fields.take("yes_no", one_of("a way to say so", ("yes",)), "yes")
    low, high = fields.take("number", scalar(_bounds), (0, 0))
    source = fields.take("from", text, "")
    fields.done()
    if len(kinds) != 1:
        raise Wrong("missing", "a fact is one_of: [words], yes_no: yes, or number: 0 to 500", item)
    if kinds == ["one_of"]:
        return Fact(name, "word", words, source=source)
    if kinds == ["yes_no"]:
        return Fact(name, "flag", ("yes", "no"), source=source)
    return Fact(name, "number", low=low, high=high, source=source)


def _word(told: str) -> str:
    if told == UNKNOWN:
        raise Wrong("duplicate", "every fact can be unknown already; leave it out")
    if not told.isascii() or not told.replace("_", "").isalnum() or told != told.lower():
        raise Wrong("type", f'"{told}" has to be one word in small letters, digits and _')
    return told


def _bounds(told: str) -> tuple[int, int]:
    low_text, _, high_text = told.partition(" to ")
    low, high = scalars.number(low_text), scalars.number(high_text)
    if low >= high:
        raise Wrong("range", f"{told} is empty; the smaller number comes first")
    return low, high
