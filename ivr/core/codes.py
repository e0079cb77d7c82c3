"""What came of a call in codes every order system can be told: closed lists, and what follows from each of them.

`resolution` says what was achieved, `next_step` what is to happen now, by whom and by when. A pharmacy's own codes,
of `config/queues.yaml`, stand beside them; each means one of the resolutions here.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, get_args

from ivr.core.call import Call
from ivr.core.line import Queue
from ivr.core.pharmacy import Pharmacy

Resolution = Literal[
    "resolved_ivr",
    "resolved_agent",
    "refill_ordered",
    "refill_scheduled",
    "renewal_requested",
    "status_given",
    "info_given",
    "counselled",
    "verified_prescriber",
    "transferred_rx",
    "payment_taken",
    "message_taken",
    "callback_promised",
    "escalated_urgent",
    "unresolved",
    "abandoned_ivr",
    "abandoned_queue",
    "wrong_number",
    "no_consent",
    "refused_verification",
    "failed_verification",
    "language_unmet",
    "system_failure",
    "duplicate_contact",
]
NextStep = Literal[
    "none",
    "patient_to_act",
    "pharmacy_to_fill",
    "pharmacist_review",
    "prescriber_to_respond",
    "payer_to_respond",
    "carrier_to_deliver",
    "billing_to_fix",
    "stock_expected",
    "callback_due",
    "secure_message_sent",
    "sms_sent",
    "document",
]
Owner = Literal["nobody", "patient", "pharmacy", "pharmacist", "prescriber", "insurer", "carrier", "billing"]
Callback = Literal[
    "requested",
    "scheduled",
    "attempted_no_answer",
    "attempted_voicemail",
    "wrong_person",
    "completed",
    "expired",
    "cancelled_by_patient",
    "opted_out",
]
CallbackReason = Literal["long_wait", "after_hours", "needs_research", "patient_choice"]
Transfer = Literal[
    "warm",
    "cold",
    "queue_to_queue",
    "to_pharmacist",
    "to_billing",
    "to_verification",
    "to_external",
    "failed",
]
TransferReason = Literal["clinical", "licence", "language", "skill", "wrong_queue", "system_down"]
CallerKind = Literal[
    "patient", "caregiver", "representative", "prescriber_office", "pharmacy", "payer", "carrier", "unknown"
]
Verification = Literal["none", "rx_only", "dob_phone", "otp", "agent", "prescriber_npi", "failed", "locked"]
Severity = Literal["routine", "time_sensitive", "urgent", "emergency"]
Channel = Literal["phone", "sms", "secure_message", "email", "mail", "none"]

RESOLUTIONS: tuple[Resolution, ...] = get_args(Resolution)
NEXT_STEPS: tuple[NextStep, ...] = get_args(NextStep)
OWNERS: tuple[Owner, ...] = get_args(Owner)
CHANNELS: tuple[Channel, ...] = get_args(Channel)

# ---------------------------------------------------------------- the resolution

_OURS: dict[str, Resolution] = {
    "callback_completed": "resolved_agent",
    "callback_expired": "unresolved",
    "callback_cancelled": "resolved_ivr",  # they need nobody any more
    "callback_under_way": "duplicate_contact",
    "moved_to_another_call": "duplicate_contact",
}
"""What the line itself writes as the code of a call, besides words that are resolutions already."""

_OF_OUTCOMES: dict[str, Resolution] = {
    "self_served": "resolved_ivr",
    "transferred": "resolved_agent",
    "voicemail": "message_taken",
    "callback": "callback_promised",
    "answered": "unresolved",  # until whoever talked with them says what came of it
}


def resolution(call: Call, queue: Queue | None) -> Resolution:
    """Return what was achieved; `queue` is the one whose codes staff gave, None without a ticket.

    A code of the pharmacy's own that says nothing of what it means is somebody's work done.
    """
    code = call.resolution
    if code is None:
        return _by_outcome(call)
    if code in _OURS:
        return _OURS[code]
    own = next((each for each in queue.codes if each.name == code), None) if queue else None
    return is_resolution((own.means if own else "") or code) or "resolved_agent"


def is_resolution(word: str) -> Resolution | None:
    """Return the word as a resolution; None when it is none."""
    return next((each for each in RESOLUTIONS if each == word), None)


def _by_outcome(call: Call) -> Resolution:
    if call.outcome in ("abandoned", "short_abandon"):
        return "abandoned_ivr" if call.reached == "menu" else "abandoned_queue"
    return _OF_OUTCOMES.get(call.outcome or "", "system_failure")


# ---------------------------------------------------------------- the next step


@dataclass(frozen=True, slots=True)
class Step:
    """What is to happen now, whose it is, and by when; None: nobody can say when."""

    what: NextStep
    owner: Owner
    due_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class _Rule:
    """What follows from a resolution: due when the site closes on the nth day it opens after that; None: never."""

    what: NextStep
    owner: Owner
    days: int | None


_NOTHING = _Rule("none", "nobody", None)
_FOLLOWS: dict[Resolution, _Rule] = {
    "refill_ordered": _Rule("pharmacy_to_fill", "pharmacy", 1),
    "refill_scheduled": _Rule("pharmacy_to_fill", "pharmacy", 1),
    "transferred_rx": _Rule("pharmacy_to_fill", "pharmacy", 1),
    "payment_taken": _Rule("pharmacy_to_fill", "pharmacy", 1),
    "renewal_requested": _Rule("prescriber_to_respond", "prescriber", 2),
    "verified_prescriber": _Rule("pharmacist_review", "pharmacist", 1),
    "escalated_urgent": _Rule("pharmacist_review", "pharmacist", 0),
    "unresolved": _Rule("pharmacist_review", "pharmacy", 1),
    "language_unmet": _Rule("callback_due", "pharmacy", 1),
    "system_failure": _Rule("callback_due", "pharmacy", 1),
    "refused_verification": _Rule("patient_to_act", "patient", None),
    "failed_verification": _Rule("patient_to_act", "patient", None),
}
_NOW = _Rule("pharmacist_review", "pharmacist", 0)
_LEFT = ("message_taken", "callback_promised")  # what a ticket keeps alive, by its own promise
_GONE = ("abandoned_ivr", "abandoned_queue")
# Whoever was told how things stand waits for whoever acts next.
_AWAITED: dict[str, _Rule] = {
    "patient": _Rule("patient_to_act", "patient", None),
    "pharmacy": _Rule("pharmacy_to_fill", "pharmacy", 1),
    "prescriber": _Rule("prescriber_to_respond", "prescriber", 2),
    "insurer": _Rule("payer_to_respond", "insurer", 2),
    "carrier": _Rule("carrier_to_deliver", "carrier", 2),
    "billing": _Rule("billing_to_fix", "billing", 1),
}


def next_step(call: Call, came: Resolution, pharmacy: Pharmacy) -> Step:
    """Return what is to happen now that `came` was achieved, by whom, and by when."""
    ticket = call.ticket
    if came in _LEFT and ticket is not None and ticket.live:
        return _of_ticket(call, came)
    rule = _follows(call, came)
    if rule.days is None:
        return Step(rule.what, rule.owner)
    closed_at = ticket.closed_at if ticket else None
    since = max(at for at in (call.arrived_at, call.ended_at, closed_at) if at)
    return Step(rule.what, rule.owner, due_at(pharmacy, call.site, since, rule.days))


def _of_ticket(call: Call, came: Resolution) -> Step:
    """A callback or a message is due when it was promised, whatever has been tried since."""
    ticket = call.ticket
    assert ticket is not None
    owner: Owner = "pharmacist" if ticket.licensed else "pharmacy"
    called = came == "callback_promised"
    return Step("callback_due" if called else "pharmacist_review", owner, ticket.promised_at)


def _follows(call: Call, came: Resolution) -> _Rule:
    if came in _GONE and call.facts.get("urgency") == "emergency":
        return _NOW
    if came != "status_given":
        return _FOLLOWS.get(came, _NOTHING)
    if call.facts.get("refill") == "out_of_stock":
        return _Rule("stock_expected", "pharmacy", 2)
    return _AWAITED.get(str(call.facts.get("acts_next")), _NOTHING)


def due_at(pharmacy: Pharmacy, site: str, since: datetime, days: int) -> datetime:
    """Return when the site closes on the nth day it opens after that of `since`; the moment itself for none."""
    return pharmacy.hours[site].closes_after(since, days) if days else since


# ---------------------------------------------------------------- callbacks and transfers

_CAME: dict[str, Callback] = {"machine": "attempted_voicemail"}
"""What came of the last attempt; any other is that nobody answered as themselves."""


def callback(call: Call) -> Callback | None:
    """Return how far the callback of a call has come; None when there was none."""
    ticket = call.ticket
    if ticket is None or not is_callback(call):
        return None
    if call.resolution == "callback_cancelled":
        return "cancelled_by_patient"
    if call.resolution == "callback_expired":
        return "expired"
    if ticket.answered_at is not None:
        return "completed"
    if ticket.tried:
        return _CAME.get(ticket.tried[-1].came, "attempted_no_answer")
    return "scheduled" if ticket.window else "requested"


def is_callback(call: Call) -> bool:
    """Was somebody promised to be called back?"""
    ticket = call.ticket
    return ticket is not None and (ticket.kind == "callback" or call.outcome == "callback" or ticket.attempts > 0)


def callback_reason(call: Call, pharmacy: Pharmacy) -> CallbackReason | None:
    """Return why somebody is called back; None when they are not."""
    if call.ticket is None or not is_callback(call):
        return None
    if call.message is not None and call.message.called_back_by is not None:
        return "needs_research"
    if call.ticket.window is not None:
        return "patient_choice"
    closed = pharmacy.hours[call.site].closed_because(call.arrived_at)
    return "after_hours" if closed else "long_wait"


def to_queue(queue: Queue) -> Transfer:
    """Return what passing a caller on to a queue is called."""
    if queue.licensed:
        return "to_pharmacist"
    named: dict[str, Transfer] = {"billing": "to_billing", "verification": "to_verification"}
    return named.get(queue.name, "queue_to_queue")


def why_to_queue(queue: Queue) -> TransferReason:
    """Return why a caller is passed on to a queue, as far as the queue tells: the agent is not asked."""
    if queue.licensed:
        return "licence"
    return "skill" if queue.needs else "wrong_queue"


# ---------------------------------------------------------------- who and how

_KINDS: dict[str, CallerKind] = {
    "patient": "patient",
    "caregiver": "caregiver",
    "prescriber": "prescriber_office",
    "pharmacy": "pharmacy",
}


def caller_kind(call: Call) -> CallerKind:
    """Return who rang, as far as we know."""
    return _KINDS.get(str(call.facts.get("caller")), "unknown")


def severity(call: Call) -> Severity:
    """Return how pressing it is, a medicine that cannot wait counted in."""
    urgency = call.facts.get("urgency")
    if urgency in ("emergency", "urgent"):
        return "emergency" if urgency == "emergency" else "urgent"
    return "time_sensitive" if call.facts.get("time_sensitive") == "yes" else "routine"


def channel(call: Call, step: Step) -> Channel:
    """Return how they hear of it next: we ring them, or we have texted them."""
    if step.what == "callback_due":
        return "phone"
    return "sms" if any(asked.startswith("text ") for asked in call.requested) else "none"
