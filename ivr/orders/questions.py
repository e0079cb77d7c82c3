"""A question of the core becomes a question to the order system, and its answer becomes facts."""

from __future__ import annotations

from ivr.core.call import Answer, Call
from ivr.core.rules import Value
from ivr.orders.port import OrderSystem, Person, Prescription, Proof, Refused, Unavailable


def put(ask: str, call: Call, orders: OrderSystem, timeout_seconds: float | None = None) -> Answer | None:
    """What the order system says to `who` or `prescription:<n>`; None while it does not answer at all."""
    try:
        if ask == "who":
            return _who(orders.identify(call.caller.number or "", timeout_seconds=timeout_seconds))
        return _prescription(call, orders, timeout_seconds)
    except Unavailable:
        return None
    except Refused:  # it does not serve this question: nobody knows, and the call goes on
        return Answer(False)


def _who(people: tuple[Person, ...]) -> Answer:
    """What the number alone tells: the kind of caller, language and pace; the person only when there is just one."""
    if not people:
        return Answer(True, {"tier": "anonymous"})
    facts: dict[str, Value] = {"tier": "number"}
    for fact, asked in {"caller": "kind", "language": "language", "access": "access"}.items():
        values = {getattr(person, asked) for person in people}
        if len(values) == 1 and (value := values.pop()):
            facts[fact] = value
    return Answer(True, facts, person=people[0].id if len(people) == 1 else None)


def _prescription(call: Call, orders: OrderSystem, timeout_seconds: float | None) -> Answer:
    born = call.fields.get("date_of_birth")
    proof = Proof(call.caller.number, call.fields.get("rx_number"), born)
    proved = orders.prove(proof, timeout_seconds=timeout_seconds)
    found = proved.prescription
    if found is None or not (born or proved.number_on_file):
        return Answer(True, {"refill": "not_found"})
    return Answer(True, _facts(found), found.person, found.id, _dates(found))


def _facts(found: Prescription) -> dict[str, Value]:
    sensitive = None if found.time_sensitive is None else ("yes" if found.time_sensitive else "no")
    facts: dict[str, Value | None] = {
        "tier": "prescription",
        "refill": found.refill,
        "order_state": found.order_state,
        "payment": found.payment,
        "medication_class": found.medication_class,
        "time_sensitive": sensitive,
        "days_left": found.days_left,
    }
    return {fact: value for fact, value in facts.items() if value is not None}


def _dates(found: Prescription) -> dict[str, str]:
    dates = {"earliest_refill_on": found.earliest_refill_on, "expected_on": found.expected_on}
    return {name: date.isoformat() for name, date in dates.items() if date is not None}
