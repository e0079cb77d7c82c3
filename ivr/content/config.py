"""Reads `config/*.yaml`: lines, sites, queues, hours, staff, policies and a pharmacy's own facts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ivr.content import scalars
from ivr.content.names import Known, Names
from ivr.content.problems import did_you_mean
from ivr.content.reading import Fields, listed, named, one_of, one_or_more, reference, scalar
from ivr.content.written import Item, Wrong, text
from ivr.core.codes import RESOLUTIONS
from ivr.core.line import CALLBACK_MODES, Code, PlanStep, Queue
from ivr.core.pharmacy import Line, Site

_flag = scalar(scalars.flag)
_duration = scalar(scalars.duration)
_phone = scalar(scalars.phone)
_count = scalar(scalars.whole(1, 1000))
_days = scalar(scalars.whole(1, 36_500))
MOST_CODES = 9
OURS = frozenset({"unresolved"})  # what is written when nobody gave a code


def top_fields(item: Item, what: str) -> Fields:
    """Return the fields of a whole file; `version: 1` may stand in any of them."""
    fields = Fields(item, what)
    fields.take("version", scalar(scalars.version), "1")
    return fields


# ---------------------------------------------------------------- lines and sites


def read_lines(item: Item, names: Names) -> dict[str, Line]:
    """Return the lines by name."""
    fields = top_fields(item, "lines.yaml")
    lines = fields.need("lines", named(lambda name, value: _line(name, value, names), "a line"))
    fields.done()
    if not lines_for_callers(item):
        raise Wrong("missing", "a pharmacy needs a line to be called on", item)
    _unique_numbers(item, {name: line.number for name, line in lines.items()}, "lines")
    return lines


def _line(name: str, item: Item, names: Names) -> Line:
    fields = Fields(item, "a line")
    serves = fields.take("for", one_of("whom a line is for", ("callers", "staff")), "callers")
    number = fields.need("number", _phone)
    site = fields.need("site", reference("site", names.sites))
    rules, flow = ("", "") if serves == "staff" else _leads_to(fields, names)
    languages = fields.need("languages", one_or_more(reference("file of prompts", names.languages)))
    fields.done()
    return Line(name, number, site, rules, flow, languages, serves)


def _leads_to(fields: Fields, names: Names) -> tuple[str, str]:
    """Where callers of a line are led; staff have a menu of their own."""
    told = "rules" in fields and "flow" in fields
    rules = fields.take("rules", reference("file of rules", names.rule_files), "")
    flow = fields.take("flow", reference("flow", names.flows), "")
    if not told:
        message = "callers are led by `rules` and a `flow`; only a line with `for: staff` has none"
        fields.fault(Wrong("missing", message, fields.item), fields.item)
    return rules, flow


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
        fields.take("address", text, ""),
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
        callback_mode=fields.take("callback_mode", one_of("a way to call back", CALLBACK_MODES), ""),
        codes=fields.take("codes", _codes, ()),
    )
    fields.done()
    return queue


def _codes(item: Item) -> tuple[Code, ...]:
    """Return what may have come of a call, each once, and no more than there are keys for."""
    codes = listed(_code)(item)
    for number, (code, place) in enumerate(zip(codes, item.items, strict=True)):
        if code.name in [other.name for other in codes[:number]]:
            raise Wrong("duplicate", f'"{code.name}" stands here already', place)
    if len(codes) > MOST_CODES:
        raise Wrong("range", f"these are {len(codes)} codes, and a phone has keys for {MOST_CODES}", item)
    return codes


def _code(item: Item) -> Code:
    if item.kind != "mapping":
        word = scalar(_code_word)(item)
        return Code(word, word.replace("_", " "))
    fields = Fields(item, "a code")
    word = fields.need("code", scalar(_code_word))
    title = fields.take("title", text, (word or "").replace("_", " "))
    code = Code(word, title, fields.take("means", one_of("a resolution", RESOLUTIONS), ""))
    fields.done()
    return code


def _code_word(told: str) -> str:
    if not told.isascii() or not told.replace("_", "").isalnum() or told != told.lower():
        raise Wrong("type", f'"{told}" has to be one word in small letters, digits and _')
    if told in OURS:
        raise Wrong("duplicate", f'"{told}" is what the line itself says of a call; choose another word')
    return told


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


# ---------------------------------------------------------------- names


def names_under(item: Item | None, key: str) -> Known:
    """Return the names written under a key of a file, or None when the file says nothing readable there."""
    names = {name.text for name in keys_under(item, key)} if item else None
    return names or None


def lines_for_callers(item: Item | None) -> set[str]:
    """Return the names of the lines that callers ring, whatever else is wrong with the file."""
    lines = item.at("lines").pairs if item else ()
    return {name.text for name, line in lines if ("for", "staff") not in [(k.text, v.text) for k, v in line.pairs]}


def keys_under(item: Item, key: str) -> list[Item]:
    """Return the names written under a key of a file, where they stand."""
    mapping = item.at(key)
    return [name for name, _ in mapping.pairs] if mapping is not item else []


def on_call_queues(item: Item) -> set[str]:
    """Return the queues that say `on_call: yes`, whatever else is wrong with the file."""
    queues = item.at("queues").pairs
    return {name.text for name, queue in queues if any((k.text, v.text) == ("on_call", "yes") for k, v in queue.pairs)}
