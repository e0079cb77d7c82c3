"""The record of a call, as the order system keeps it: told at a few moments, each time whole, complete at the end.

It names nobody: a person, a prescription and a recording are the ids of those who know them, and no number, no key
pressed and no word said is in it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from ivr.core.call import Call, Passed, Stretch
from ivr.core.draft import Draft, where_found
from ivr.core.effects import RecordCall, WriteDisposition
from ivr.core.ending import disposition, promise_kept
from ivr.core.line import OUTSIDE
from ivr.core.pharmacy import Pharmacy
from ivr.core.rules import Decision, Fact, Grounds, Rule, Value, reading
from ivr.core.staff_line import is_staff
from ivr.core.stretches import WAITS

PROVED = ("prescription", "verified", "prescriber")

# ---------------------------------------------------------------- when it is told


def settle(before: Call, draft: Draft) -> None:
    """Have the record written where something came of this turn that others wait for; the disposition brings it too."""
    if is_staff(draft) or any(isinstance(effect, WriteDisposition) for effect in draft.does):
        return
    moment = _moment(before, draft.call)
    if moment:
        draft.do(RecordCall(moment))


def _moment(before: Call, after: Call) -> str:
    """What has just happened; empty for what can wait for the next of these."""
    if len(after.agents) > len(before.agents):
        return "answered"
    if len(after.passed) > len(before.passed):
        return "passed_on"
    if after.ticket is not None and (before.ticket is None or before.ticket.queue != after.ticket.queue):
        return "routed"
    tiers = before.facts.get("tier"), after.facts.get("tier")
    return "identified" if tiers[0] != tiers[1] and tiers[1] in PROVED else ""


# ---------------------------------------------------------------- what it says


@dataclass(frozen=True, slots=True)
class Request:
    """Something asked of the order system in a call, and what it said."""

    what: str  # refill · renewal
    prescription: str
    state: str  # pending · placed · refused
    id: str | None = None  # the request's, or of the task that took its place


def call_record(
    call: Call, pharmacy: Pharmacy, revision: int, decided: Iterable[Grounds] = (), requests: Iterable[Request] = ()
) -> dict[str, Any]:
    """Return the whole record of a call as JSON has it; of two, the one with the higher `revision` is the newer.

    It is what the disposition says, as far as anything can be said yet, and how it came to that. `decided` are the
    grounds of its decisions in order, `pharmacy` is the version the call keeps. `docs/record.md` has every field.
    """
    said = disposition(call, pharmacy)
    return {
        **(said if call.ended_at else said | _UNDER_WAY),
        **where_found(call),
        "revision": revision,
        "disposition_revision": call.revision,
        "state": _state(call),
        "site": call.site,
        "route": _route(call, pharmacy, tuple(decided)),
        "promise": _promise(call),
        "waits": [_wait(each) for each in call.stretches if each.what in WAITS],
        "talks": [_talk(each) for each in call.stretches if each.what not in WAITS],
        "missed_offers": sum(offer.state == "missed" for offer in call.offers),
        "passed_on": [_passed_on(each) for each in call.passed],
        "recordings": [*call.recordings, *sorted(call.tapes.values())],
        "requests": [asdict(each) for each in requests],
        "notes": call.notes,
    }


_TO_COME = ("outcome", "code", "resolution", "next_step", "owner", "due_at")
_UNDER_WAY = {"final": False, **dict.fromkeys(_TO_COME)}


def _state(call: Call) -> str:
    """How far it is: the caller is there, has left and something goes on, or nothing does."""
    if call.ended_at is None:
        return "under_way"
    return "left" if call.ticket is not None and call.ticket.live else "closed"


def _route(call: Call, pharmacy: Pharmacy, decided: tuple[Grounds, ...]) -> dict[str, Any] | None:
    """Where the rules sent them, by which rule of which version, and what that rule asked and found."""
    made = call.decision
    if made is None:
        return None
    return {
        "route": made.route,
        "to": made.target,
        "rule": made.rule or "otherwise",
        "file": made.file,
        "line": made.line,
        "version": call.version,
        "facts": facts_used(made, pharmacy, decided[-1]) if decided else {},
    }


def facts_used(made: Decision, pharmacy: Pharmacy, grounds: Grounds) -> dict[str, Value]:
    """Return the facts the rule that was taken asked about, with what they were; none for `otherwise`."""
    rules = pharmacy.rules.get(grounds.rules)
    taken = next((rule for rule in rules.rules if _is_it(rule, made)), None) if rules else None
    return {fact.name: reading(grounds.facts, fact) for fact in _asked(taken)} if taken else {}


def _is_it(rule: Rule, made: Decision) -> bool:
    return (rule.name, rule.file, rule.line) == (made.rule, made.file, made.line)


def _asked(rule: Rule) -> list[Fact]:
    return [condition.fact for condition in rule.when]


def _promise(call: Call) -> dict[str, Any] | None:
    ticket = call.ticket
    if ticket is None:
        return None
    return {
        "ticket_id": ticket.id,
        "queue": ticket.queue,
        "answer_within_seconds": ticket.answer_within_seconds,
        "promised_at": ticket.promised_at.isoformat(),
        "answered_at": _at(ticket.answered_at),
        "kept": promise_kept(call),
    }


def _wait(stretch: Stretch) -> dict[str, Any]:
    return {"what": stretch.what, **_from_to(stretch)}


def _talk(stretch: Stretch) -> dict[str, Any]:
    return {"agent": stretch.who.removeprefix(OUTSIDE), "as": stretch.what, **_from_to(stretch)}


def _from_to(stretch: Stretch) -> dict[str, Any]:
    ended = stretch.ended_at
    seconds = int((ended - stretch.began_at).total_seconds()) if ended else None
    return {"from": stretch.began_at.isoformat(), "to": _at(ended), "seconds": seconds}


def _passed_on(passed: Passed) -> dict[str, Any]:
    told = {"kind": passed.how, "reason": passed.why or None, "to": passed.to, "by": passed.by or None}
    return {"at": passed.at.isoformat(), **told}


def _at(at: datetime | None) -> str | None:
    return at.isoformat() if at else None
