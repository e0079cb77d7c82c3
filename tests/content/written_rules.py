"""Good files of rules, made up: every fact, every way to write a condition, parents, and calls near their edges."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Any

from hypothesis import strategies as st

from tests.content import by_hand

WORDS = {
    "line": ["main", "prescribers"],
    "site": ["central"],
    "urgency": ["emergency", "urgent", "routine"],
    "caller": ["patient", "caregiver", "prescriber", "pharmacy", "staff"],
    "intent": ["refill_request", "order_status", "insurance", "other"],
    "language": ["en", "es"],
    "tier": ["anonymous", "number", "prescription", "verified", "prescriber", "staff"],
    "refill": ["eligible", "too_soon", "pa_required"],
    "order_state": ["shipped", "delayed", "ready"],
    "payment": ["none_due", "failed"],
    "medication_class": ["acute", "cold_chain"],
    "attestation": ["A", "B", "C", "failed", "none"],
    "access": ["standard", "slow", "relay"],
    "time_sensitive": ["yes", "no"],
    "open": ["yes", "no"],
    "hours": ["business", "after_hours", "holiday"],
}
QUEUES = ["pharmacist", "refills", "verification", "front_desk", "insurance", "billing"]


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


def _pairs(ends: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[Any, Any]]:
    return st.tuples(ends, ends)


def _numbers(low: int, high: int) -> st.SearchStrategy[str]:
    whole = st.integers(low, high) | st.sampled_from([low, low + 1, 0, 1, 2, 3, high - 1, high])
    return st.one_of(
        whole.map(str),
        _pairs(whole).map(lambda ends: f"{min(ends)} to {max(ends)}"),
        whole.filter(lambda end: end > low).map("below {}".format),
        whole.filter(lambda end: end < high).map("above {}".format),
        whole.map("at least {}".format),
        whole.map("at most {}".format),
    )


MINUTES = st.integers(0, 1439).map(_clock) | st.sampled_from(["00:00", "06:00", "20:00", "23:59"])
TIMES = st.one_of(
    MINUTES,
    st.tuples(MINUTES, MINUTES | st.just("24:00")).filter(lambda ends: ends[0] != ends[1]).map(" to ".join),
)
DAYS = st.one_of(
    st.sampled_from(by_hand.DAYS),
    _pairs(st.sampled_from(by_hand.DAYS)).filter(lambda ends: ends[0] != ends[1]).map(" to ".join),
)
VALUES = {
    **{fact: st.sampled_from(words) for fact, words in WORDS.items()},
    **{fact: _numbers(low, high) for fact, (low, high) in by_hand.ENDS.items()},
    "time": TIMES,
    "weekday": DAYS,
}


@st.composite
def _condition(draw: st.DrawFn, fact: str) -> str:
    value = st.just("unknown") | VALUES[fact] | VALUES[fact] | VALUES[fact]
    written = draw(value.map(_quoted(draw)) | st.lists(value, min_size=1, max_size=3).map(_list))
    return draw(st.sampled_from([written, written, f"{{not: {written}}}"]))


def _quoted(draw: st.DrawFn) -> Any:
    mark = draw(st.sampled_from(["{}", "{}", '"{}"', "'{}'"]))
    return mark.format


def _list(values: list[str]) -> str:
    return f"[{', '.join(values)}]"


@st.composite
def _when(draw: st.DrawFn) -> str:
    facts = draw(st.lists(st.sampled_from(sorted(VALUES)), min_size=1, max_size=3, unique=True))
    return f"{{{', '.join(f'{fact}: {draw(_condition(fact))}' for fact in facts)}}}"


LENGTHS = st.sampled_from(["1s", "30s", "59s", "1m", "1m 30s", "90s", "2h", "1h 1s", "1h 59m", "720h"])
FLAGS = st.sampled_from(["yes", "no"])
NEEDS = st.sampled_from(["spanish", "[counter]", "[spanish, counter]", '["spanish"]'])


@st.composite
def _then(draw: st.DrawFn) -> str:
    route = draw(st.sampled_from(["queue", "queue", "voicemail", "callback", "self_service", "announce"]))
    if route in ("self_service", "announce"):
        return {"self_service": "{self_service: refill}", "announce": "{announce: goodbye}"}[route]
    told = {route: draw(st.sampled_from(QUEUES))}
    for key, values in {"answer_within": LENGTHS, "needs": NEEDS, "offer_callback": FLAGS, "record": FLAGS}.items():
        if draw(st.booleans()):
            told[key] = draw(values)
    return f"{{{', '.join(f'{key}: {value}' for key, value in told.items())}}}"


@dataclass(frozen=True, slots=True)
class WrittenSet:
    """The texts of the files a line uses: parents first."""

    parent: str
    child: str


@st.composite
def written_sets(draw: st.DrawFn) -> WrittenSet:
    """A file of rules and the one it extends."""
    emergency = (
        "  - name: Emergency\n    when: {urgency: emergency}\n    then: {queue: pharmacist, answer_within: now}\n"
    )
    above, below = (draw(st.lists(st.tuples(_when(), _then()), max_size=most)) for most in (2, 6))
    rules = [_rule(f"Rule {n}", when, then) for n, (when, then) in enumerate([*above, *below], 1)]
    parents, own = rules[: len(above)], rules[len(above) :]
    if draw(st.booleans()):
        own.append(f"  - name: Everybody\n    then: {draw(_then())}\n")
    parent = f"version: 1\nrules:\n{emergency}{''.join(parents)}"
    if draw(st.booleans()):
        parent += f"otherwise: {draw(_then())}\n"
    child = f"version: 1\nextends: parent.yaml\n{'rules:' if own else ''}\n{''.join(own)}"
    if "otherwise" not in parent or draw(st.booleans()):
        child += f"otherwise: {draw(_then())}\n"
    return WrittenSet(parent, child)


def _rule(name: str, when: str, then: str) -> str:
    return f"  - name: {name}\n    when: {when}\n    then: {then}\n"


def calls(written: WrittenSet, seed: int, count: int) -> list[dict[str, str | int]]:
    """Calls for these rules: values anywhere, and just where a rule begins or ends."""
    random = Random(seed)
    edges = _edges(written)
    return [_call(random, edges) for _ in range(count)]


def _edges(written: WrittenSet) -> dict[str, list[int | str]]:
    """What rules say of numbers and times, and one beside it."""
    edges: dict[str, list[int | str]] = {
        fact: [low - 1, low, high, high + 1] for fact, (low, high) in by_hand.ENDS.items()
    }
    edges["time"] = ["00:00", "23:59"]
    for file in (by_hand.plain(written.parent), by_hand.plain(written.child)):
        for fact, told in (pair for rule in file.get("rules") or () for pair in (rule.get("when") or {}).items()):
            for word in str(told).replace("'", " ").replace(",", " ").replace("]", " ").replace("[", " ").split():
                _edge(edges, fact, word)
    return edges


def _edge(edges: dict[str, list[int | str]], fact: str, word: str) -> None:
    if fact == "time" and word[0].isdigit() and word != "24:00":
        minute = int(word[:2]) * 60 + int(word[3:])
        edges[fact] += [_clock(near % 1440) for near in (minute - 1, minute, minute + 1)]
    elif fact in by_hand.ENDS and word.lstrip("-").isdigit():
        edges[fact] += [int(word) - 1, int(word), int(word) + 1]


def _call(random: Random, edges: dict[str, list[int | str]]) -> dict[str, str | int]:
    call: dict[str, str | int] = {}
    for fact in VALUES:
        if fact in ("open", "hours") or random.random() < 0.3:
            continue
        call[fact] = "unknown" if random.random() < 0.1 else _told(random, fact, edges)
    return call | random.choice(
        [{}, {"open": "yes"}, {"open": "no"}, {"open": "no", "hours": "holiday"}, {"open": "no", "hours": "unknown"}]
        + [{"hours": hours} for hours in WORDS["hours"]]
        + [{"open": "unknown", "hours": hours} for hours in WORDS["hours"]]
    )


def _told(random: Random, fact: str, edges: dict[str, list[int | str]]) -> str | int:
    if fact in WORDS:
        return random.choice(WORDS[fact])
    if fact == "weekday":
        return random.choice(by_hand.DAYS)
    if fact == "time":
        return random.choice([*edges[fact], _clock(random.randrange(1440))])
    low, high = by_hand.ENDS[fact]
    number = random.choice([*edges[fact], random.randint(low, high)])
    return random.choice([number, str(number)])
