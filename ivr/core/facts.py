"""What is known of a call: the facts as they stand, learnt from the caller and from elsewhere, and forgotten again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from ivr.core.call import Answer, Found
from ivr.core.draft import Draft
from ivr.core.effects import RememberAccess, RememberLanguage
from ivr.core.rules import Value

OF_A_PRESCRIPTION = frozenset(
    {
        *("refill", "order_state", "payment", "medication_class", "time_sensitive", "days_left"),
        *("prior_auth", "acts_next"),
    }
)
SPOKEN_OF_IT = frozenset(
    {"earliest_refill_on", "expected_on", "last4", "since", "answer_by", "approved_until", "balance"}
)
"""Values that tell something of one patient: only who has proved something may hear them."""

MONEY = "balance"  # which only those hear who may hear everything
OF_A_PERSON = frozenset({"tier", "permission", "texts"})
PATIENT = ("slow", "relay")  # the access of callers who are given more time
_PRESSING = ("routine", "urgent", "emergency")


def as_they_stand(draft: Draft, figures: Answer) -> dict[str, Value]:
    """Every fact the rules may ask for, at this moment."""
    hours = draft.pharmacy.hours[draft.line.site]
    state = hours.state(draft.now)
    language = draft.call.language or draft.call.facts.get("language")
    return {
        **figures.facts,
        "attestation": draft.call.caller.attestation,
        "tier": "anonymous",
        **draft.call.facts,
        **({"language": language} if language else {}),
        "line": draft.line.name,
        "site": draft.line.site,
        "hours": state,
        "open": "yes" if state == "business" else "no",
        "time": hours.minute_of_day(draft.now),
        "weekday": hours.weekday(draft.now),
    }


def is_known(draft: Draft, fact: str) -> bool:
    return bool(draft.call.language) if fact == "language" else fact in draft.call.facts


def language(draft: Draft) -> str:
    return draft.call.language or draft.line.languages[0]


def is_patient(draft: Draft) -> bool:
    """Is this a caller who is given more time?"""
    return draft.call.facts.get("access") in PATIENT


# ---------------------------------------------------------------- learnt


def learn(draft: Draft, facts: Mapping[str, Value]) -> None:
    """What a choice of the caller says; `9` takes it back."""
    told = dict(facts)
    spoken = told.pop("language", None)
    draft.put(facts={**draft.call.facts, **told})
    if spoken:
        learn_language(draft, str(spoken))


def learn_for_good(draft: Draft, facts: Mapping[str, Value]) -> None:
    """What is true of the caller, and was already at every menu they came through."""
    learn(draft, facts)
    told = {fact: value for fact, value in facts.items() if fact != "language"}
    draft.put(trail=tuple(replace(crumb, facts={**crumb.facts, **told}) for crumb in draft.call.trail))


def learn_language(draft: Draft, told: str) -> None:
    if told in draft.line.languages:
        draft.put(language=told)


def learn_urgency(draft: Draft, urgency: str) -> None:
    """How pressing it is; what once was urgent does not become routine by what is said later."""
    before = str(draft.call.facts.get("urgency", ""))
    if before not in _PRESSING or _PRESSING.index(urgency) > _PRESSING.index(before):
        learn_for_good(draft, {"urgency": urgency})


def chosen(draft: Draft, facts: Mapping[str, Value]) -> None:
    """What an option says, kept for the number's next call where that spares the caller a question."""
    learn(draft, facts)
    remember(draft, facts)


def remember(draft: Draft, facts: Mapping[str, Value]) -> None:
    """Keep a language and a pace for the number's next call; nothing for a number that is withheld or forged."""
    if not draft.call.caller.number or draft.call.caller.attestation == "failed":
        return
    if "language" in facts:
        draft.do(RememberLanguage(str(facts["language"])))
    if "access" in facts:
        draft.do(RememberAccess(str(facts["access"])))


def told_elsewhere(draft: Draft, told: Answer) -> None:
    """What the order system or our own record says. What the caller chose by themselves stands: language, and pace."""
    facts = {fact: value for fact, value in told.facts.items() if fact != "language"}
    if facts.get("access") == "standard" and "access" in draft.call.facts:
        del facts["access"]
    if told.person and draft.call.person and told.person != draft.call.person:
        _another_person(draft)
    asked_for_another = told.prescription and told.prescription != draft.call.prescription
    if asked_for_another or told.facts.get("refill") == "not_found":
        forget_prescription(draft)
    learn_for_good(draft, facts)
    if "language" in told.facts and not draft.call.language:
        learn_language(draft, str(told.facts["language"]))
    draft.put(
        person=told.person or draft.call.person,
        prescription=told.prescription or draft.call.prescription,
        values={**draft.call.values, **told.values},
    )


# ---------------------------------------------------------------- prescriptions


def take_prescription(draft: Draft, one: Found) -> None:
    """This is the prescription the call is about from now on."""
    forget_prescription(draft)
    learn_for_good(draft, one.facts)
    draft.put(prescription=one.prescription, values={**draft.call.values, **one.values})


def told_later(draft: Draft, prescription: str, facts: Mapping[str, Value], values: Mapping[str, str]) -> None:
    """What has become of a prescription meanwhile: of the one the call is about, or of one they may still pick."""
    heard = dict(values)
    if draft.call.facts.get("permission") != "everything":
        heard.pop(MONEY, None)
    draft.put(
        found=tuple(_with(one, facts, heard) if one.prescription == prescription else one for one in draft.call.found)
    )
    if draft.call.prescription == prescription:
        learn_for_good(draft, facts)
        draft.put(values={**draft.call.values, **heard})


def _with(one: Found, facts: Mapping[str, Value], values: Mapping[str, str]) -> Found:
    return replace(one, facts={**one.facts, **facts}, values={**one.values, **values})


def forget_prescription(draft: Draft) -> None:
    """Another one can be asked for; who the caller is stays known. `9` leads to no question about the one before."""
    _forget(draft, OF_A_PRESCRIPTION)
    values = {name: value for name, value in draft.call.values.items() if name not in SPOKEN_OF_IT}
    draft.put(prescription=None, values=values, trail=() if draft.call.prescription else draft.call.trail)


def _another_person(draft: Draft) -> None:
    """They proved that somebody else's prescription is meant: nothing learnt of the first holds for the second."""
    forget_prescription(draft)
    _forget(draft, OF_A_PERSON)
    draft.put(found=(), trail=())


def _forget(draft: Draft, names: frozenset[str]) -> None:
    def without(facts: Mapping[str, Value]) -> dict[str, Value]:
        return {fact: value for fact, value in facts.items() if fact not in names}

    trail = tuple(replace(crumb, facts=without(crumb.facts)) for crumb in draft.call.trail)
    draft.put(facts=without(draft.call.facts), trail=trail)
