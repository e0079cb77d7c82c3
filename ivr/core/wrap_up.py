"""After the talk: what came of it, in a code of the queue, from whoever talked. A talk is wrapped up once."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from ivr.core.call import Call
from ivr.core.draft import Draft
from ivr.core.effects import ClearTimer, MoveAgent, SetTimer
from ivr.core.events import Keyed, Silent, Spoke, Worked
from ivr.core.line import Code, Offer, Queue
from ivr.core.pharmacy import Pharmacy
from ivr.core.tickets import close_ticket, put_offer, withdraw_offers
from ivr.core.verbs import Gather, Hangup, Say

TIMER = "wrap_up"
CHOICE_SECONDS = 10
UNRESOLVED = "unresolved"

# ---------------------------------------------------------------- which codes, and by whom


def queue_of(call: Call, pharmacy: Pharmacy) -> Queue | None:
    return pharmacy.queues.get(call.ticket.queue) if call.ticket else None


def refusal(call: Call, event: Worked, pharmacy: Pharmacy) -> str | None:
    """Why this cannot be said of the call, in words for whoever said it; None when it can."""
    ticket = call.ticket
    if ticket is not None and ticket.live and (ticket.kind == "hold" or ticket.state in ("connecting", "talking")):
        return "the caller is on the line, and what comes of it is said afterwards"
    return not_a_code(queue_of(call, pharmacy), event.code)


def not_a_code(queue: Queue | None, code: str) -> str | None:
    """Why a queue has no such code, in words; None when it has, or asks for none."""
    if queue is None or not queue.codes or code in [each.name for each in queue.codes]:
        return None
    right = ", ".join(each.name for each in queue.codes)
    return f"`{code}` is no code of {queue.title}; they are {right}"


def worked(draft: Draft, event: Worked) -> None:
    """Staff closed the ticket, or gave the call its code, in time or later; what cannot be said changes nothing."""
    if refusal(draft.call, event, draft.pharmacy) is not None:
        return
    _settle(draft, event.code)
    if draft.call.ticket and draft.call.ticket.state == "waiting":
        withdraw_offers(draft)
        if event.agent not in draft.call.agents:
            draft.put(agents=(*draft.call.agents, event.agent))
        draft.put_ticket(answered_at=draft.call.ticket.answered_at or draft.now)
        close_ticket(draft)
        draft.put(phase="over")


# ---------------------------------------------------------------- after a talk


def owe(draft: Draft, offer: Offer, otherwise: str) -> None:
    """The agent, who wraps up, owes a code if the queue has some; `otherwise` is what is written where it has none."""
    queue = queue_of(draft.call, draft.pharmacy)
    if queue is None or not queue.codes or offer.outside:
        return draft.put(resolution=otherwise, coding="")
    draft.put(resolution=None, coding=offer.agent)
    return draft.do(SetTimer(TIMER, draft.now + _time(draft)))


def _time(draft: Draft) -> timedelta:
    return timedelta(seconds=draft.pharmacy.policies.wrap_up_seconds)


def over(draft: Draft) -> None:
    """Nobody said what came of it in time: whoever talked owes it no more, and somebody has to find out."""
    agent = draft.call.coding
    if agent:
        draft.put(resolution=UNRESOLVED, coding="")
        draft.task("disposition_missing")
        _free(draft, agent)


def _settle(draft: Draft, code: str) -> None:
    """The code is known, and whoever owed it is free."""
    agent = draft.call.coding
    draft.put(resolution=code, coding="", amended={})  # the newest word of what came of it counts
    if agent:
        draft.do(ClearTimer(TIMER))
        _free(draft, agent)


def _free(draft: Draft, agent: str) -> None:
    """They are available; who is on the phone with us still is once it is down, for until then it cannot ring."""
    offer = next((offer for offer in reversed(draft.call.offers) if offer.agent == agent), None)
    if offer is not None and draft.call.legs[offer.leg].state == "live":
        put_offer(draft, replace(offer, on_leaving="wrapped_up"))
    else:
        draft.do(MoveAgent(agent, "wrapped_up", only=draft.call.id))


# ---------------------------------------------------------------- on the agent's own phone


def asks(draft: Draft, offer: Offer) -> bool:
    """Is this the phone of somebody whose talk is over, and who may still say what came of it?"""
    queue = queue_of(draft.call, draft.pharmacy)
    talked = offer.state == "ended" and offer.agent in draft.call.agents and draft.call.phase in ("leaving", "over")
    owes = draft.call.coding == offer.agent or (not draft.call.coding and draft.call.resolution == UNRESOLVED)
    return talked and owes and queue is not None and bool(queue.codes)


def ask(draft: Draft, offer: Offer) -> None:
    """What came of it? By key, as the queue has them."""
    put_offer(draft, replace(offer, asked=True))
    draft.say(Gather((Say("agent_code_ask"), *choices(queue_of(draft.call, draft.pharmacy))), seconds=CHOICE_SECONDS))


def choices(queue: Queue | None) -> tuple[Say, ...]:
    codes = queue.codes if queue else ()
    return tuple(Say("agent_code", {"title": code.title, "key": str(key)}) for key, code in enumerate(codes, 1))


def chosen(queue: Queue | None, event: Keyed | Spoke | Silent) -> Code | None:
    key = event.digits[:1] if isinstance(event, Keyed) else ""
    codes = queue.codes if queue else ()
    return codes[int(key) - 1] if key.isdecimal() and 1 <= int(key) <= len(codes) else None


def keyed(draft: Draft, offer: Offer, event: Keyed | Spoke | Silent) -> None:
    """A key of the list is the code, another key asks again while there is time; silence leaves it for later.

    Who was in their menu when the caller left answers that, not this: they are asked first.
    """
    if not offer.asked:
        return ask(draft, offer)
    code = chosen(queue_of(draft.call, draft.pharmacy), event)
    if code is not None:
        _settle(draft, code.name)
        draft.say(Say("agent_code_thanks"), Hangup())
    elif isinstance(event, Silent) or _is_late(draft):
        draft.say(Say("agent_code_later"), Hangup())
    else:
        ask(draft, offer)
    return None


def _is_late(draft: Draft) -> bool:
    ended = draft.call.ticket.closed_at if draft.call.ticket else None
    return ended is None or draft.now >= ended + _time(draft)
