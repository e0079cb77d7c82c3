"""The facts of a call in an editor: what each means, and what may be written about it."""

from __future__ import annotations

from collections.abc import Mapping

from ivr.content.schema.shapes import CLOCK, CLOCK_RANGE, NUMBER, TEXT, Shape, Single, fields, word, written
from ivr.core.rules import FACTS, UNKNOWN, Fact

MEANINGS: Mapping[str, str] = {
    "line": "The number that was rung, by its name in config/lines.yaml.",
    "site": "The place the line belongs to, by its name in config/sites.yaml.",
    "urgency": "How dangerous it is. An emergency is somebody in danger now.",
    "caller": "Who calls: the patient, somebody who cares for them, a prescriber's office, another pharmacy, staff.",
    "intent": "What they call about.",
    "language": "The language the caller chose, or is known to speak.",
    "tier": "How sure we are who speaks: by nothing, a number we know, a prescription that is theirs, or in full.",
    "refill": "May this prescription be refilled, and if not, the first thing in the way.",
    "order_state": "Where the order is, as the order system tells it.",
    "payment": "How the payment of the order stands.",
    "prior_auth": "How the insurer's permission for this medicine stands.",
    "acts_next": "Who has to do something next before this prescription moves on.",
    "permission": "What this caller may hear and ask for: the patient everything, a caregiver what was agreed.",
    "texts": "Has this person agreed to get texts from the pharmacy?",
    "medication_class": "What kind of medicine it is. The kinds stand in config/facts.yaml.",
    "attestation": "How surely the carrier vouches for the caller's number: A in full, C hardly, failed not at all.",
    "access": "How the caller is best served: at the standard pace, slowly, or through a relay service.",
    "time_sensitive": "Would a delay harm the medicine or the patient?",
    "days_left": "Days of medicine left, by the order system: 0 is none, below 0 is days without.",
    "open": "Is the site open? Short for `hours`: yes is business, no is after_hours or holiday.",
    "hours": "Which hours these are: business, after_hours, or a holiday.",
    "time": "The time of day at the site. 22:00 to 06:00 runs over midnight; the second time is not part of it.",
    "weekday": "The day of the week at the site. fri to mon includes both.",
    "repeat_calls": "How many times the same person called in the last seven days, before this call.",
    "waiting": "How many wait at the site now.",
    "longest_wait": "How long the one who waited longest has waited at the site, in seconds.",
    "licensed_free": "How many licensed staff are free at the site now.",
}
OWN = "A fact of your own, from config/facts.yaml."

_DAYS = "|".join(FACTS["weekday"].values)
_NUMBER_HINT = "write a number, 2 to 5, at most 2, at least 2, below 2, above 2 or unknown"
_DAY_HINT = f"write a day ({', '.join(FACTS['weekday'].values)}), two as in mon to fri, or unknown"


def _one(fact: Fact) -> Single:
    """Return one value a fact can have in a call."""
    if fact.kind == "number":
        hint = "write digits only, as in 7, or unknown"
        return written(f"{UNKNOWN}|{NUMBER}", hint, UNKNOWN, also=("integer",))
    if fact.kind == "time":
        return written(f"{UNKNOWN}|{CLOCK}", "write HH:MM, as in 08:30", "08:30", UNKNOWN)
    if fact.kind == "flag":
        return word([*fact.values, UNKNOWN], "write yes, no or unknown")
    return word([*fact.values, UNKNOWN]) if fact.values else TEXT


def _chosen(fact: Fact) -> Single:
    """Return one thing a condition may say of a fact, ranges among them."""
    if fact.kind == "number":
        compared = f"{UNKNOWN}|{NUMBER}|{NUMBER} +to +{NUMBER}|(below|above|at least|at most) +{NUMBER}"
        offered = ("at most 2", "at least 2", "1 to 2", "below 2", "above 2", UNKNOWN)
        ends = {"minimum": fact.low, "maximum": fact.high}
        return written(compared, _NUMBER_HINT, *offered, also=("integer",), **ends)
    if fact.kind == "time":
        hint = "write a time as 08:30, two as in 22:00 to 06:00, or unknown"
        return written(f"{UNKNOWN}|{CLOCK}|{CLOCK_RANGE}", hint, "22:00 to 06:00", UNKNOWN)
    if fact.kind == "weekday":
        return written(f"{UNKNOWN}|({_DAYS})( +to +({_DAYS}))?", _DAY_HINT, *fact.values, "mon to fri", UNKNOWN)
    return _one(fact)


def when(facts: Mapping[str, Fact]) -> Shape:
    """Return the conditions of a rule or a case."""
    about = "Which calls it is for: all of these have to be true. A list means any of them; {not: …} means none."
    return fields(about, {name: _chosen(fact).condition(_meaning(name)) for name, fact in facts.items()})


def call(facts: Mapping[str, Fact], about: str) -> Shape:
    """Return what is known of a call: one value for each fact, and what is left out is unknown."""
    return fields(about, {name: _one(fact).alone(_meaning(name)) for name, fact in facts.items()})


def _meaning(name: str) -> str:
    return MEANINGS.get(name, OWN)
