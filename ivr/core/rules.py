"""Routing rules: facts about a call, conditions on them, and `decide`, which takes the first rule that matches.

A condition is kept as what it admits: a set of words and spans of whole numbers over a fact's declared, finite
values. So it cannot fail when a call comes, and the same shape carries an index and proofs.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from ivr.core.line import Agent, Queue

Value = str | int
"""What a fact can be: a word (`emergency`, `yes`, `mon`, `unknown`) or a whole number (days, minutes of the day)."""

UNKNOWN = "unknown"
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
QUEUE_ROUTES = ("queue", "voicemail", "callback")  # the routes that name a queue
MACHINE_ROUTES = ("self_service", "announce")  # the routes that end with no person
ROUTES = ("queue", "self_service", "voicemail", "callback", "transfer", "announce")

# ---------------------------------------------------------------- facts


@dataclass(frozen=True, slots=True)
class Fact:
    """Something a rule may ask about a call, and every value it can have besides `unknown`."""

    name: str
    kind: str  # word · flag · weekday (words) · number · time (whole numbers from low to high)
    values: tuple[str, ...] = ()
    low: int = 0
    high: int = 0
    always_known: bool = False  # in a live call; proofs never make it unknown
    source: str = ""  # where in the order system's answer a pharmacy's own fact stands

    @property
    def numeric(self) -> bool:
        return self.kind in ("number", "time")

    def reading(self, value: Value | None) -> Value:
        """Return the value a rule sees: numbers beyond the ends count as the end, anything foreign is `unknown`."""
        if self.numeric:
            return min(max(value, self.low), self.high) if isinstance(value, int) else UNKNOWN
        return value if isinstance(value, str) and value in self.values else UNKNOWN


def _words(name: str, values: str = "", *, always_known: bool = False) -> Fact:
    return Fact(name, "word", tuple(values.split()), always_known=always_known)


def _number(name: str, low: int, high: int, *, always_known: bool = False) -> Fact:
    return Fact(name, "number", low=low, high=high, always_known=always_known)


_VOCABULARY = (
    _words("line", always_known=True),
    _words("site", always_known=True),
    _words("urgency", "emergency urgent routine"),
    _words("caller", "patient caregiver prescriber pharmacy staff"),
    _words(
        "intent",
        "refill_request order_status delivery_problem insurance medication_question adverse_reaction"
        " prescriber_verification billing transfer technical speak_to_person hours_location other",
    ),
    _words("language"),
    _words("tier", "anonymous number prescription verified prescriber staff", always_known=True),
    _words(
        "refill",
        "eligible not_found rx_cancelled transferred_out expired schedule_ii no_refills already_in_process too_soon"
        " pa_required pa_pending pa_denied coverage_problem quantity_limited out_of_stock clinical_hold"
        " payment_blocked address_check",
    ),
    _words(
        "order_state",
        "awaiting_provider sent received processing shipped ready delivered delayed blocked_on_patient cancelled",
    ),
    _words("payment", "none_due succeeded failed retrying renewal_due"),
    _words(
        "prior_auth",
        "not_required required submitted pending_prescriber pending_payer approved denied appealed expired",
    ),
    _words("acts_next", "nobody patient pharmacy prescriber insurer carrier billing"),
    _words("permission", "everything refills status nothing"),
    Fact("texts", "flag", ("yes", "no")),
    _words("medication_class"),
    _words("attestation", "A B C failed none"),
    _words("access", "standard slow relay"),
    Fact("time_sensitive", "flag", ("yes", "no")),
    _number("days_left", -30, 400),
    Fact("open", "flag", ("yes", "no"), always_known=True),
    _words("hours", "business after_hours holiday", always_known=True),
    Fact("time", "time", high=24 * 60 - 1, always_known=True),
    Fact("weekday", "weekday", WEEKDAYS, always_known=True),
    _number("repeat_calls", 0, 50, always_known=True),
    _number("waiting", 0, 5_000, always_known=True),
    _number("longest_wait", 0, 86_400, always_known=True),
    _number("licensed_free", 0, 500, always_known=True),
)
FACTS: Mapping[str, Fact] = {fact.name: fact for fact in _VOCABULARY}
"""The facts every pharmacy has. Values of line, site, language and medication_class come from its own files."""

_HOURS_OF_OPEN = {"yes": ("business",), "no": ("after_hours", "holiday"), UNKNOWN: (UNKNOWN,)}


def hours_when_open(answer: str) -> tuple[str, ...]:
    """Return the `hours` that an `open` of yes, no or unknown stands for."""
    return _HOURS_OF_OPEN[answer]


def reading(facts: Mapping[str, Value], fact: Fact) -> Value:
    """Return what a call says of a fact: left out is `unknown`, and `hours` may be told by `open` alone."""
    value = facts.get(fact.name)
    if fact.name == "hours" and value in (None, UNKNOWN):
        value = _HOURS_OF_OPEN.get(str(facts.get("open")), (UNKNOWN,))[0]
    return fact.reading(value)


def known(facts: Mapping[str, Value], vocabulary: Mapping[str, Fact]) -> dict[str, Value]:
    """Return what rules see of a call: each fact that is known, and nothing that is no fact of theirs."""
    seen = {name: reading(facts, fact) for name, fact in vocabulary.items()}
    return {name: value for name, value in seen.items() if value != UNKNOWN}


# ---------------------------------------------------------------- conditions and rules


@dataclass(frozen=True, slots=True)
class Condition:
    """What one fact must be. `open` is kept as a condition on `hours`, which it is shorthand for."""

    fact: Fact
    allowed: frozenset[str]  # words, `unknown` among them where it is allowed
    spans: tuple[tuple[int, int], ...]  # of a number or time: sorted, apart, both ends inside
    text: str  # as its author wrote it: `days_left: at most 2`

    def admits(self, value: Value) -> bool:
        """Return whether a value as `Fact.reading` gives it fits."""
        if isinstance(value, str):
            return value in self.allowed
        return any(low <= value <= high for low, high in self.spans)

    def holds(self, facts: Mapping[str, Value]) -> bool:
        """Return whether a call with these facts fits."""
        return self.admits(reading(facts, self.fact))


def holds(when: Iterable[Condition], facts: Mapping[str, Value]) -> bool:
    """Return whether all conditions hold; no conditions hold for every call."""
    return all(condition.holds(facts) for condition in when)


@dataclass(frozen=True, slots=True)
class Then:
    """What a rule asks for. None, or no needs, is left to the queue."""

    route: str  # one of ROUTES
    target: str  # a queue, a flow, a transfer or a prompt
    answer_within_seconds: int | None = None  # 0 is now
    needs: tuple[str, ...] = ()
    offer_callback: bool | None = None
    record: bool | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of a file, or its `otherwise` under that name."""

    name: str
    why: str
    when: tuple[Condition, ...]
    then: Then
    file: str
    line: int  # of its name
    column: int = 1

    @property
    def emergency(self) -> bool:
        return self.then.answer_within_seconds == 0


@dataclass(frozen=True, slots=True)
class Decision:
    """Where a call goes. Parts that make no sense for its route are None."""

    route: str
    target: str
    answer_within_seconds: int | None = None  # 0 is now
    needs: tuple[str, ...] = ()
    offer_callback: bool | None = None
    record: bool | None = None
    rule: str | None = None  # None: no rule matched, `otherwise` stood
    file: str = ""
    line: int = 0


@dataclass(frozen=True, slots=True)
class Grounds:
    """What a decision was made of: by the same rules it comes out the same again."""

    rules: str  # the file the line uses
    facts: Mapping[str, Value]  # those that were known
    person_only: bool = False


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a rule was taken, or passed over."""

    rule: str
    file: str
    line: int
    taken: bool
    because: str

    @property
    def place(self) -> str:
        """Where it is written: `main.yaml:14`, or the file alone."""
        return f"{self.file}:{self.line}" if self.line else self.file


# ---------------------------------------------------------------- tests of decisions


@dataclass(frozen=True, slots=True)
class Demand:
    """One test of a decision (`must`, `must_not`, `expect`): its `key` is any of `values`, or within `spans`.

    `needs` is the exception: the decision must contain all of `values`.
    """

    key: str  # route · a route's own name · answer_within · needs · offer_callback · record · licensed · on_call · rule
    values: tuple[str, ...] = ()
    spans: tuple[tuple[int, int], ...] = ()  # seconds, of answer_within
    text: str = ""

    def met_by(self, decision: Decision, queues: Mapping[str, Queue], licensed: Collection[str]) -> bool:
        """Return whether the decision passes; `licensed` are the queues only licensed staff serve."""
        if self.key == "needs":
            return set(self.values) <= set(decision.needs)
        if self.key == "answer_within":
            seconds = decision.answer_within_seconds
            return seconds is not None and any(low <= seconds <= high for low, high in self.spans)
        return _shown(self.key, decision, queues, licensed) in self.values


def _shown(key: str, decision: Decision, queues: Mapping[str, Queue], licensed: Collection[str]) -> str | None:
    if key in ROUTES:
        return decision.target if decision.route == key else None
    queue = decision.target if decision.route in QUEUE_ROUTES else None
    match key:
        case "route":
            return decision.route
        case "rule":
            return decision.rule or "otherwise"
        case "licensed":
            return _yes_no(queue in licensed)
        case "on_call":
            return _yes_no(queue is not None and queues[queue].on_call)
        case "record":
            return _yes_no(decision.record)
        case _:
            return _yes_no(decision.offer_callback)


def _yes_no(flag: bool | None) -> str | None:
    return None if flag is None else "yes" if flag else "no"


def licensed_queues(queues: Mapping[str, Queue], staff: Iterable[Agent]) -> frozenset[str]:
    """Return the queues whose tickets only licensed staff can ever be offered, wait plans included."""
    people = tuple(staff)
    return frozenset(name for name, queue in queues.items() if queue.licensed or _all_licensed(queue, people))


def _all_licensed(queue: Queue, staff: Iterable[Agent]) -> bool:
    reach = {queue.name, *(step.value for step in queue.plan if step.does == "overflow")}
    serving = [agent for agent in staff if reach & agent.queues]
    return bool(serving) and all(agent.licensed for agent in serving)


@dataclass(frozen=True, slots=True)
class Guarantee:
    """An entry of `always` or `never`: what must, or must not, come of every call that fits `when`."""

    name: str
    when: tuple[Condition, ...]
    demands: tuple[Demand, ...]
    file: str
    line: int
    column: int = 1


@dataclass(frozen=True, slots=True)
class Example:
    """A call and what is expected of it: documentation that is also a test."""

    name: str
    call: Mapping[str, Value]
    expect: tuple[Demand, ...]
    file: str
    line: int
    column: int = 1


@dataclass(frozen=True, slots=True)
class RuleSet:
    """The rules of one line, parents' first, with what is promised about them."""

    name: str  # the file the line uses
    rules: tuple[Rule, ...]
    otherwise: Rule
    always: tuple[Guarantee, ...] = ()
    never: tuple[Guarantee, ...] = ()
    examples: tuple[Example, ...] = ()
    facts: Mapping[str, Fact] = field(default_factory=lambda: FACTS)


# ---------------------------------------------------------------- deciding


def decide(
    rules: RuleSet, facts: Mapping[str, Value], queues: Mapping[str, Queue], *, person_only: bool = False
) -> tuple[Decision, tuple[Reason, ...]]:
    """Return the decision of the first rule that matches, and why each rule up to it was taken or passed over.

    `person_only` passes over rules that end with a machine, because the caller asked for a person; `otherwise`
    stands even then. This is the meaning of the format; `router.Router` decides the same, faster.
    """
    fits = (rule for rule in rules.rules if passed_over(rule, facts, person_only=person_only) is None)
    return settle(next(fits, rules.otherwise), queues), why(rules, facts, person_only=person_only)


def why(rules: RuleSet, facts: Mapping[str, Value], *, person_only: bool = False) -> tuple[Reason, ...]:
    """Return why each rule up to the one that is taken was taken or passed over."""
    reasons: list[Reason] = []
    for rule in rules.rules:
        failed = passed_over(rule, facts, person_only=person_only)
        if failed is None:
            return (*reasons, _taken(rule))
        reasons.append(Reason(rule.name, rule.file, rule.line, False, failed))
    last = rules.otherwise
    return (*reasons, Reason("otherwise", last.file, last.line, True, "no rule above it fits"))


def passed_over(rule: Rule, facts: Mapping[str, Value], *, person_only: bool = False) -> str | None:
    """Return the first thing about a rule that does not fit a call, or None when all of it does."""
    if person_only and rule.then.route in MACHINE_ROUTES:
        return "the caller asked for a person"
    for condition in rule.when:
        value = reading(facts, condition.fact)
        if not condition.admits(value):
            return f"it needs {condition.text}, and {condition.fact.name} is {as_written(condition.fact, value)}"
    return None


def _taken(rule: Rule) -> Reason:
    because = " and ".join(condition.text for condition in rule.when) or "it takes every call"
    return Reason(rule.name, rule.file, rule.line, True, because)


def as_written(fact: Fact, value: Value) -> str:
    """Return a value as the format writes it: times as a clock shows them."""
    if fact.kind == "time" and isinstance(value, int):
        return f"{value // 60:02}:{value % 60:02}"
    return str(value)


def settle(rule: Rule, queues: Mapping[str, Queue]) -> Decision:
    """Return the decision a rule comes to, with what it leaves open filled in from its queue."""
    then, name = rule.then, None if rule.name == "otherwise" else rule.name
    if then.route not in QUEUE_ROUTES:
        return Decision(then.route, then.target, rule=name, file=rule.file, line=rule.line)
    queue = queues[then.target]
    within = then.answer_within_seconds
    return Decision(
        then.route,
        then.target,
        queue.answer_within_seconds if within is None else within,
        tuple(sorted({*queue.needs, *then.needs})),
        queue.offer_callback if then.offer_callback is None else then.offer_callback,
        queue.record if then.record is None else then.record,
        name,
        rule.file,
        rule.line,
    )
