"""What rules mean, worked out by hand: a second reading of the format that shares nothing with the first.

It takes files of rules as plain YAML in which everything is text, and a call as text and numbers, and decides word
by word as the format says. It is slow, knows only good files, and is what the product is held equal to.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

Written = dict[str, Any]
ENDS = {
    "days_left": (-30, 400),
    "repeat_calls": (0, 50),
    "waiting": (0, 5_000),
    "longest_wait": (0, 86_400),
    "licensed_free": (0, 500),
}
DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
ROUTES = ("queue", "self_service", "voicemail", "callback", "transfer", "announce")


def plain(text: str) -> Written:
    """Return a file with every scalar as the text that stands there."""
    found: Written = yaml.load(text, Loader=yaml.BaseLoader)
    return found


def decided(chain: list[Written], queues: Written, call: Mapping[str, str | int]) -> tuple[str | None, Written]:
    """Return the first rule that fits, None for otherwise, and what comes of it; `chain` has parents first."""
    for file in chain:
        for rule in file.get("rules", []):
            if all(_fits(fact, written, call) for fact, written in (rule.get("when") or {}).items()):
                return rule["name"], _decision(rule["then"], queues)
    return None, _decision(next(file["otherwise"] for file in reversed(chain) if "otherwise" in file), queues)


def _fits(fact: str, written: Any, call: Mapping[str, str | int]) -> bool:
    if isinstance(written, dict):
        return not _fits(fact, written["not"], call)
    if isinstance(written, list):
        return any(_fits(fact, one, call) for one in written)
    value = _value(fact, call)
    if written == "unknown" or value == "unknown":
        return written == value
    if fact in ENDS:
        return _number_fits(written, int(value))
    if fact == "time":
        return _time_fits(written, str(value))
    if fact == "weekday":
        return _day_fits(written, str(value))
    return written == value


def _value(fact: str, call: Mapping[str, str | int]) -> str | int:
    if fact == "open":
        return {"business": "yes", "after_hours": "no", "holiday": "no"}.get(str(_value("hours", call)), "unknown")
    value = call.get(fact, "unknown")
    if fact == "hours" and value == "unknown":
        return {"yes": "business", "no": "after_hours"}.get(str(call.get("open")), "unknown")
    if fact in ENDS and value != "unknown":
        low, high = ENDS[fact]
        return low if int(value) < low else high if int(value) > high else int(value)
    return value


def _number_fits(written: str, value: int) -> bool:
    match written.split():
        case ["below", end]:
            return value < int(end)
        case ["above", end]:
            return value > int(end)
        case ["at", "least", end]:
            return value >= int(end)
        case ["at", "most", end]:
            return value <= int(end)
        case [low, "to", high]:
            return int(low) <= value <= int(high)
        case [only]:
            return value == int(only)
    raise AssertionError(written)


def _time_fits(written: str, value: str) -> bool:
    # HH:MM sorts as text the way clocks do.
    match written.split():
        case [start, "to", end] if start < end:
            return start <= value < end
        case [start, "to", end]:
            return value >= start or value < end
    return value == written


def _day_fits(written: str, value: str) -> bool:
    match written.split():
        case [first, "to", last]:
            days = DAYS[DAYS.index(first) :] + DAYS[: DAYS.index(first)]
            return value in days[: days.index(last) + 1]
    return value == written


def _decision(then: Written, queues: Written) -> Written:
    route = next(route for route in ROUTES if route in then)
    decision = {"route": route, route: then[route]}
    if route in ("queue", "voicemail", "callback"):
        queue = queues[then[route]]
        decision["answer_within"] = _seconds(then.get("answer_within", queue["answer_within"]))
        needs = {*_listed(then.get("needs", [])), *_listed(queue.get("needs", []))}
        if needs:
            decision["needs"] = sorted(needs)
        decision["offer_callback"] = then.get("offer_callback", queue.get("offer_callback", "yes")) == "yes"
        decision["record"] = then.get("record", queue.get("record", "no")) == "yes"
    return decision


def _listed(one_or_more: Any) -> list[str]:
    return one_or_more if isinstance(one_or_more, list) else [one_or_more]


def _seconds(written: str) -> int:
    if written == "now":
        return 0
    return sum(int(part[:-1]) * {"s": 1, "m": 60, "h": 3600}[part[-1]] for part in written.split())
