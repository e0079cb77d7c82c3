"""A question of the core becomes a question to the order system, and its answer becomes facts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from ivr.core.call import Answer, Call, Found
from ivr.core.events import Standing
from ivr.core.identity import DOUBTFUL, tier_for
from ivr.core.rules import UNKNOWN, Value
from ivr.orders.port import OrderSystem, Person, Prescription, Proof, Proved, Refused, Unavailable
from ivr.orders.reading import standing_of


@dataclass(frozen=True, slots=True)
class Tried:
    """An offer of proof: the opaque id of whom it was aimed at, whether anything in it was wrong, and the answer to
    who is not believed.
    """

    about: str | None
    wrong: bool
    miss: Answer


@dataclass(frozen=True, slots=True)
class Told:
    """What the order system said, and to what offer of proof, if it was one."""

    answer: Answer
    tried: Tried | None = None


def put(ask: str, call: Call, orders: OrderSystem, timeout_seconds: float | None = None) -> Told | None:
    """Return what the order system says to an ask of the core; None while it does not answer at all."""
    question = _QUESTIONS[ask.partition(":")[0]]
    try:
        return question(call, orders, timeout_seconds)
    except Unavailable:
        return None
    except Refused:  # it does not serve this question: nobody knows, and the call goes on
        return Told(Answer(False))


# ---------------------------------------------------------------- who is calling


def _who(call: Call, orders: OrderSystem, timeout_seconds: float | None) -> Told:
    """What the number alone tells: the kind of caller, language and pace; the person only when there is just one."""
    people = orders.identify(call.caller.number or "", timeout_seconds=timeout_seconds)
    if call.caller.attestation == "failed":  # somebody else's number: it may still be their language
        return Told(Answer(True, {"tier": "anonymous", **_agreed(people, {"language": "language"})}))
    if not people:
        return Told(Answer(True, {"tier": "anonymous"}))
    hints = _agreed(people, {"caller": "kind", "language": "language", "access": "access"})
    texts = {person.texts for person in people}
    facts = {"tier": "number", **hints, **({"texts": _yes_no(texts.pop())} if len(texts) == 1 else {})}
    return Told(Answer(True, facts, person=people[0].id if len(people) == 1 else None))


def _agreed(people: tuple[Person, ...], asked: Mapping[str, str]) -> dict[str, Value]:
    """What is the same of everybody filed under the number."""
    said = {fact: {getattr(person, name) for person in people} for fact, name in asked.items()}
    return {fact: value for fact, values in said.items() if len(values) == 1 and (value := next(iter(values)))}


def _prescriber(call: Call, orders: OrderSystem, timeout_seconds: float | None) -> Told:
    """An office known by its NPI; proved only by ringing from its number."""
    npi = call.fields.get("npi", "")
    office = orders.prescriber(npi, call.caller.number, timeout_seconds=timeout_seconds)
    if office is None:
        return Told(Answer(True))
    proved = office.number_on_file and call.caller.attestation not in DOUBTFUL
    return Told(Answer(True, {"caller": "prescriber", **({"tier": "prescriber"} if proved else {})}))


# ---------------------------------------------------------------- proof

NOT_FOUND = Answer(True, {"refill": "not_found"})
"""What was offered fits nothing; that nobody could say is another answer."""


def _prescription(call: Call, orders: OrderSystem, timeout_seconds: float | None) -> Told:
    """The one they keyed, proved by whatever else they told so far."""
    if "rx_number" not in call.fields:
        return Told(NOT_FOUND)
    return _proof(call, orders, timeout_seconds, NOT_FOUND)


def _identity(call: Call, orders: OrderSystem, timeout_seconds: float | None) -> Told:
    """Whom all they told so far proves them to be."""
    if not call.fields.keys() & {"rx_number", "date_of_birth"}:  # a zip leads to nobody
        return Told(NOT_FOUND)
    return _proof(call, orders, timeout_seconds, NOT_FOUND)


def _proof(call: Call, orders: OrderSystem, timeout_seconds: float | None, miss: Answer) -> Told:
    """What fits and is not enough reads like what does not fit; only the latter is held against anybody.

    A code read back wrongly is as good as none, and wrong where anything hung on it.
    """
    told = call.fields
    offer = Proof(call.caller.number, told.get("rx_number"), told.get("date_of_birth"), told.get("zip"))
    proved = orders.prove(offer, timeout_seconds=timeout_seconds)
    shown: set[str] = {name for name in ("rx_number", "date_of_birth", "zip") if name in told}
    if call.code_right:
        shown.add("code")
    tier = _tier(shown, proved, call) if proved.fits else None
    wrong_code = "code" in told and not call.code_right and tier is None
    tried = Tried(proved.about, wrong_code or (not proved.fits and shown != {"rx_number"}), miss)
    if tier is None or (proved.prescription is None and "rx_number" in told):
        return Told(miss, tried)
    return Told(_proved(proved, tier, call), tried)


def _tier(shown: set[str], proved: Proved, call: Call) -> str | None:
    return tier_for(shown, number_on_file=proved.number_on_file, attestation=call.caller.attestation)


def _proved(proved: Proved, tier: str, call: Call) -> Answer:
    """What a caller may hear of from now on; who may hear nothing is no surer than before, whatever they know."""
    if proved.permission == "nothing":  # that it fits would tell them that it does
        return NOT_FOUND
    on_file = proved.number_on_file and call.caller.attestation not in DOUBTFUL
    hints = {"language": proved.language, "access": proved.access}
    facts: dict[str, Value] = {
        "tier": tier,
        "permission": proved.permission or UNKNOWN,
        "texts": _yes_no(proved.texts if on_file else None),  # they agreed for their own number, and no other
        **{fact: value for fact, value in hints.items() if value is not None},
    }
    one = proved.prescription
    if one is None:
        return Answer(True, facts, proved.about)
    facts |= _facts(one)
    return Answer(True, facts, proved.about, one.id, _values(one, proved.permission))


def _prescriptions(call: Call, orders: OrderSystem, timeout_seconds: float | None) -> Told:
    """All prescriptions of the person the caller is verified as; nobody else hears of any."""
    if call.facts.get("tier") != "verified" or call.person is None:
        return Told(Answer(True))
    listed = orders.prescriptions(call.person, timeout_seconds=timeout_seconds)
    permission = call.facts.get("permission")
    found = (Found(one.id, _facts(one), _values(one, permission)) for one in listed)
    return Told(Answer(True, person=call.person, found=tuple(found)))


_Question = Callable[[Call, OrderSystem, float | None], Told]
_QUESTIONS: Mapping[str, _Question] = {
    "who": _who,
    "prescription": _prescription,
    "identity": _identity,
    "prescriptions": _prescriptions,
    "prescriber": _prescriber,
}

# ---------------------------------------------------------------- a prescription as facts and values


def _facts(one: Prescription) -> dict[str, Value]:
    """Every fact of a prescription, unknown ones too: what was known of another must not be taken for this one's."""
    facts: dict[str, Value | None] = {
        "refill": one.refill,
        "order_state": one.order_state,
        "payment": one.payment,
        "medication_class": one.medication_class,
        "time_sensitive": _yes_no(one.time_sensitive),
        "days_left": one.days_left,
        "prior_auth": one.prior_auth,
        "acts_next": one.acts_next,
    }
    return {fact: UNKNOWN if value is None else value for fact, value in facts.items()}


def _values(one: Prescription, permission: object) -> dict[str, str]:
    """Every value prompts may speak of, empty where it is not known; money only to who may hear everything."""
    values = {
        "earliest_refill_on": one.earliest_refill_on,
        "expected_on": one.expected_on,
        "since": one.since,
        "answer_by": one.answer_by,
        "approved_until": one.approved_until,
        "balance": one.balance if permission == "everything" else None,
        "last4": one.last4,
    }
    return {name: _written(value) for name, value in values.items()}


def told_of(at: datetime, data: Mapping[str, Any]) -> Standing:
    """What an event says is so since then: what it names and no more, unknown where nobody here knows the word."""
    one = standing_of(data)
    facts = {name: value for name, value in _facts(one).items() if name in data}
    return Standing(at, facts, {name: value for name, value in _values(one, "everything").items() if name in data})


def _written(value: date | Decimal | str | None) -> str:
    return "" if value is None else value.isoformat() if isinstance(value, date) else str(value)


def _yes_no(flag: Any) -> Value:
    return UNKNOWN if flag is None else "yes" if flag else "no"
