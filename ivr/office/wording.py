"""Calls and decisions in an admin's words: `refill request calls while open`, `refills within 2m`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from babel import Locale

from ivr.content.scalars import duration_text
from ivr.core.rules import UNKNOWN, Condition, Decision, Value
from ivr.proof.changes import Outcome

_MOST_WORDS = 3
_FROM = {
    "patient": "patients",
    "caregiver": "caregivers",
    "prescriber": "prescribers' offices",
    "pharmacy": "other pharmacies",
    "staff": "our own staff",
}
_HOURS = {
    frozenset({"business"}): "while open",
    frozenset({"after_hours", "holiday"}): "while closed",
    frozenset({"after_hours"}): "after hours",
    frozenset({"holiday"}): "on holidays",
}
_TARGETS = {
    "queue": "{}",
    "voicemail": "a message for {}",
    "callback": "a callback from {}",
    "self_service": "the machine ({})",
    "transfer": "a transfer to {}",
    "announce": "the announcement {}",
}


def calls(when: Iterable[Condition]) -> str:
    """Return which calls fit some conditions, at most one on each fact."""
    left = {condition.fact.name: condition for condition in when}
    said = {name: words for name, say in _SAID.items() if name in left and (words := say(left[name]))}
    noun = " ".join([*(said[name] for name in ("urgency", "intent") if name in said), "calls"])
    around = [said[name] for name in ("caller", "language", "hours", "weekday", "time") if name in said]
    rest = [_as_asked(condition) for name, condition in left.items() if name not in said]
    first = " ".join([noun if left else "all calls", *around])
    return f"{first} with {', '.join(rest)}" if rest else first


def _few(condition: Condition) -> list[str]:
    """Return the words a condition admits, in order; none when they are many, or not only words."""
    words = [value for value in condition.fact.values if value in condition.allowed]
    is_plain = len(words) <= _MOST_WORDS and UNKNOWN not in condition.allowed and not condition.spans
    return words if is_plain else []


def _listed(words: Iterable[str]) -> str:
    return " or ".join(words).replace("_", " ")


def _adjective(condition: Condition) -> str:
    return _listed(_few(condition))


def _caller(condition: Condition) -> str:
    who = _few(condition)
    return f"from {_listed(_FROM[word] for word in who)}" if who else ""


def _language(condition: Condition) -> str:
    names = Locale("en").languages
    codes = _few(condition)
    return f"in {_listed(str(names.get(code, code)) for code in codes)}" if codes else ""


def _hours(condition: Condition) -> str:
    return _HOURS.get(condition.allowed, "")


def _weekday(condition: Condition) -> str:
    days = _few(condition)
    return f"on {_listed(day.capitalize() for day in days)}" if days else ""


def _time(condition: Condition) -> str:
    told = condition.text.partition(": ")[2]
    return f"from {told}" if " to " in told and "[" not in told and not condition.allowed else ""


_SAID: Mapping[str, Callable[[Condition], str]] = {
    "urgency": _adjective,
    "intent": _adjective,
    "caller": _caller,
    "language": _language,
    "hours": _hours,
    "weekday": _weekday,
    "time": _time,
}


def _as_asked(condition: Condition) -> str:
    name, _, told = condition.text.partition(": ")
    return f"{name} {told.replace('[', '').replace(']', '').replace(', ', ' or ')}".replace("_", " ")


def example(facts: Mapping[str, Value]) -> str:
    """Return the facts of a call as an example in YAML writes them."""
    return ", ".join(f"{name}: {value}" for name, value in as_written(facts).items()) or "any call"


def as_written(facts: Mapping[str, Value]) -> dict[str, Value]:
    """Return facts as JSON and YAML have them: times as a clock shows them, other numbers as they are."""
    return {
        name: _clock(value) if name == "time" and isinstance(value, int) else value for name, value in facts.items()
    }


def _clock(value: Value) -> Value:
    return f"{value // 60:02}:{value % 60:02}" if isinstance(value, int) else value


# ---------------------------------------------------------------- decisions


def both(before: Outcome, after: Outcome) -> tuple[str, str]:
    """Return two outcomes side by side: where the call goes and its promise, and whatever else differs."""
    old, new = _parts(before), _parts(after)
    told = [name for name in old if name in ("to", "promise") or old[name] != new[name]]
    return _joined(old, told), _joined(new, told)


def _joined(parts: Mapping[str, str], told: Iterable[str]) -> str:
    first, *rest = (parts[name] for name in told if parts[name])
    promise = [part for part in rest if part == parts["promise"]]
    return ", ".join([" ".join([first, *promise]), *(part for part in rest if part not in promise)])


def _parts(outcome: Outcome) -> dict[str, str]:
    decision = outcome.decision
    return {
        "to": _TARGETS[decision.route].format(decision.target),
        "promise": _promise(decision.answer_within_seconds),
        "needs": f"needs {' and '.join(decision.needs)}" if decision.needs else "",
        "callback": _flag(decision.offer_callback, "a callback offered", "no callback offered"),
        "record": _flag(decision.record, "recorded", "not recorded"),
        "licensed": "licensed staff only" if outcome.licensed else "",
    }


def _promise(seconds: int | None) -> str:
    if seconds is None:
        return ""
    return duration_text(seconds) if seconds == 0 else f"within {duration_text(seconds)}"


def _flag(flag: bool | None, yes: str, no: str) -> str:
    return "" if flag is None else yes if flag else no


def for_machines(decision: Decision) -> dict[str, object]:
    """Return a decision as JSON has it; parts that have no value are left out."""
    parts = {
        "route": decision.route,
        decision.route: decision.target,
        "answer_within": decision.answer_within_seconds,
        "needs": list(decision.needs) or None,
        "offer_callback": decision.offer_callback,
        "record": decision.record,
    }
    return {key: value for key, value in parts.items() if value is not None}
