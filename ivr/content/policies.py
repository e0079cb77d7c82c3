"""Reads `config/policies.yaml`, the house rules, and `config/facts.yaml`, what else the order system can tell."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from typing import Any

from ivr.content import scalars
from ivr.content.config import top_fields
from ivr.content.names import Known
from ivr.content.reading import Fields, listed, named, one_of, one_or_more, reference, scalar
from ivr.content.written import Item, Wrong, text
from ivr.core.events import ORDER_EVENTS
from ivr.core.line import CALLBACK_MODES
from ivr.core.pharmacy import KEEP_DAYS, Policies
from ivr.core.quiet import is_within
from ivr.core.rules import FACTS, UNKNOWN, Fact

_duration = scalar(scalars.duration)
_count = scalar(scalars.whole(1, 1000))
_days = scalar(scalars.whole(1, 36_500))
WRONG = ("wrong_per_call", "wrong_per_person", "wrong_per_number")
MACHINE = ("hang_up", "message")
SHORTEST_WINDOW_MINUTES = 30
DAY = 24 * 60
OLD_WORD = {"journal": "calls", "messages": "messages", "recordings": "recordings"}  # of `retention`, now `keep`
AT_LEAST_DAYS = {
    "audit": (6 * 365 + 2, "the law wants six years of who did what (45 CFR 164.316); write 6y, or longer"),
    "calls": (30, "who called lately is asked of the record; write 30d, or longer"),
}
TRANSCRIBERS = ("twilio",)


def read_policies(item: Item, languages: Known = None) -> Policies:
    """Return the house rules; what is left out keeps its default. `languages` are those prompts are written in."""
    fields = top_fields(item, "policies.yaml")
    usual = Policies()
    ringing = fields.take("offers", _offers, {})
    callbacks = fields.take("callbacks", _callbacks, {})
    identity = fields.take("identity", _identity, {})
    transcripts = fields.take("transcripts", lambda value: _transcripts(value, languages), {})
    policies = replace(
        usual,
        **ringing,
        **callbacks,
        **identity,
        **transcripts,
        missed_return_seconds=fields.take("missed_return", _duration, usual.missed_return_seconds),
        prefer_last_agent=fields.take("prefer_last_agent", scalar(scalars.flag), usual.prefer_last_agent),
        missed_in_a_row=fields.take("missed_in_a_row", _count, usual.missed_in_a_row),
        wrap_up_seconds=fields.take("wrap_up", _duration, usual.wrap_up_seconds),
        held_seconds=fields.take("held", _duration, usual.held_seconds),
        old_facts_seconds=fields.take("old_facts", _duration, usual.old_facts_seconds),
        message_seconds=fields.take("message", _duration, usual.message_seconds),
        calls_per_second=fields.take("calls_per_second", scalar(scalars.rate), usual.calls_per_second),
        texts_per_second=fields.take("texts_per_second", scalar(scalars.rate), usual.texts_per_second),
        recording=fields.take("recording", _recording, {}),
        keep=_kept(fields),
        transfers=fields.take("transfers", named(_transfer, "a transfer"), {}),
        reach_out=fields.take("reach_out", one_or_more(one_of("an event of the order system", ORDER_EVENTS)), ()),
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
    found: dict[str, Any] = {f"callback_{key}": fields.take(key, _count, None) for key in ("attempts", "per_day")}
    for key in ("spacing", "expires", "ring", "spread"):
        found[f"callback_{key}_seconds"] = fields.take(key, _duration, None)
    found["callback_mode"] = fields.take("mode", one_of("a way to call back", CALLBACK_MODES), None)
    found["callback_machine"] = fields.take("machine", one_of("something to do with a machine", MACHINE), None)
    found["callback_detect"] = fields.take("detect", scalar(scalars.flag), None)
    found["callback_says_name"] = fields.take("say_name", scalar(scalars.flag), None)
    found["callback_windows"] = fields.take("windows", listed(scalar(_window)), None)
    found["callback_countries"] = fields.take("countries", listed(scalar(scalars.country)), None)
    found["quiet_hours"] = fields.take("quiet", scalar(_quiet), None)
    fields.done()
    return {key: value for key, value in found.items() if value is not None}


def _quiet(told: str) -> tuple[int, int]:
    start, end = scalars.time_range(told)
    if end - start >= DAY:
        raise Wrong(
            "range", f"{told} is the whole day, so nobody is called back; write their night, as in 20:00 to 09:00"
        )
    return start, end % DAY


def _window(told: str) -> tuple[int, int]:
    start, end = scalars.time_range(told)
    if end > DAY:
        raise Wrong("range", f"{told} goes past midnight; a time to be called in is within one day")
    if end - start < SHORTEST_WINDOW_MINUTES:
        raise Wrong("range", f"{told} is too short to keep; give it {SHORTEST_WINDOW_MINUTES} minutes at least")
    return start, end


# ---------------------------------------------------------------- times nobody can be called back in


Week = Mapping[str, tuple[tuple[int, int], ...]]


def check_callbacks(item: Item, policies: Policies, weeks: Collection[Week]) -> None:
    """Tell of quiet hours that leave no time to call anybody, and warn of times no caller can ever choose."""
    callbacks = item.at("callbacks")
    if callbacks is item or not weeks:
        return
    if max(len(_may_ring(week, policies.quiet_hours)) for week in weeks) < SHORTEST_WINDOW_MINUTES:
        told = f"of the hours we are open this leaves less than {SHORTEST_WINDOW_MINUTES} minutes"
        hint = "so nobody is called back; write their night, as in 20:00 to 09:00"
        return callbacks.at("quiet").problem("range", f"{told}, {hint}")
    written = callbacks.at("windows")
    items = written.items or (written,)
    for place, window in zip(items, policies.callback_windows, strict=False):
        if written is not callbacks and not any(_suits(window, week, policies.quiet_hours) for week in weeks):
            hint = "it is quiet then, or we are closed on every day; choose a time within the opening hours"
            place.problem("range", f"no caller is ever offered {place.text}: {hint}", severity="warning")
    return None


def _may_ring(week: Week, quiet: tuple[int, int]) -> set[int]:
    """Return the minutes of a day at which a site is open on some day and it is not quiet there."""
    minutes = {minute % DAY for shifts in week.values() for shift in shifts for minute in range(*shift)}
    return {minute for minute in minutes if not is_within(minute, quiet)}


def _suits(window: tuple[int, int], week: Week, quiet: tuple[int, int]) -> bool:
    shifts = [(start - past, end - past) for each in week.values() for start, end in each for past in (0, DAY)]
    is_open = any(start <= window[0] and window[1] <= end for start, end in shifts)
    return is_open and not any(is_within(minute, quiet) for minute in range(*window))


def _identity(item: Item) -> dict[str, Any]:
    fields = Fields(item, "`identity`")
    found: dict[str, Any] = {key: fields.take(key, _count, None) for key in WRONG}
    found["wrong_within_seconds"] = fields.take("within", _duration, None)
    fields.done()
    return {key: value for key, value in found.items() if value is not None}


def _transcripts(item: Item, languages: Known) -> dict[str, Any]:
    fields = Fields(item, "`transcripts`")
    fields.need("by", one_of("somebody who makes transcripts", TRANSCRIBERS))
    found: dict[str, Any] = {
        "transcribed": fields.need("languages", one_or_more(reference("file of prompts", languages))),
        "transcript_within_seconds": fields.take("within", _duration, None),
    }
    fields.done()
    return {key: value for key, value in found.items() if value is not None}


def _recording(item: Item) -> dict[str, Any]:
    fields = Fields(item, "`recording`")
    found = {"consent": fields.need("consent", one_of("a way to ask", ("announce", "ask")))}
    fields.done()
    return found


def _kept(fields: Fields) -> dict[str, int]:
    """Return how many days each kind is kept; versions published before `keep` was the word say `retention`."""
    return {**KEEP_DAYS, **fields.take("retention", _retention, {}), **fields.take("keep", _keep, {})}


def _keep(item: Item) -> dict[str, int]:
    fields = Fields(item, "`keep`")
    found = {kind: fields.take(kind, scalar(_long_enough(kind)), 0) for kind in KEEP_DAYS}
    fields.done()
    return {kind: days for kind, days in found.items() if days}


def _long_enough(kind: str) -> Callable[[str], int]:
    least, why = AT_LEAST_DAYS.get(kind, (1, ""))

    def days(told: str) -> int:
        found = scalars.days(told)
        if found < least:
            raise Wrong("range", f"{told} is too short for `{kind}`: {why}")
        return found

    return days


def _retention(item: Item) -> dict[str, int]:
    fields = Fields(item, "`retention`")
    found = {kind: fields.take(old, _days, 0) for old, kind in OLD_WORD.items()}
    fields.done()
    return {kind: days for kind, days in found.items() if days}


def _transfer(name: str, item: Item) -> str:
    fields = Fields(item, "a transfer")
    number = fields.need("number", scalar(scalars.phone))
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
    within = scalars.whole(-1_000_000_000, 1_000_000_000)
    low, high = within(low_text), within(high_text)
    if low >= high:
        raise Wrong("range", f"{told} is empty; the smaller number comes first")
    return low, high
