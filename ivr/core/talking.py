"""What staff do to a call while two people talk: hold, consult, hand over, join, pass on, listen, record."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from ivr.core import codes, recording, rooms, waiting
from ivr.core.call import Call
from ivr.core.draft import Draft
from ivr.core.effects import SetParticipant
from ivr.core.events import Acted, Offered
from ivr.core.line import OUTSIDE, Agent, Offer, Queue
from ivr.core.meeting import is_asked, ring, talk_ended
from ivr.core.pharmacy import Pharmacy
from ivr.core.tickets import accepted_offer

QUEUE = "queue:"  # stands before the name of a queue where an act names whom it is about
SUPERVISORS = ("supervisor", "admin")
WATCHING = ("listen", "coach", "barge")
BY_COLLEAGUES = ("drop", "leave")  # what somebody who is consulted may do

# ---------------------------------------------------------------- may they?


def refusal(call: Call, event: Acted, pharmacy: Pharmacy) -> str | None:
    """Why this cannot be done to the call as it stands, in words for whoever asked; None when it can.

    What has been done already is no refusal: it is done again by doing nothing.
    """
    if event.act not in _ACTS:
        return f"`{event.act}` means nothing here; there are {', '.join(_ACTS)}"
    return _not_theirs(call, event, pharmacy) or _not_now(call, event, pharmacy)


def _not_theirs(call: Call, event: Acted, pharmacy: Pharmacy) -> str | None:
    agent, held = pharmacy.staff.get(event.by), _held_by(call, event.by)
    supervises = agent is not None and agent.role in SUPERVISORS
    if agent is None and held is None:
        return f"nobody on the staff is called `{event.by}`"
    if event.act in (*WATCHING, "finish") and not supervises:
        return f"only a supervisor may {event.act}"
    if supervises:
        return None
    if held is None:
        return "this is somebody else's call"
    if held.purpose != "answer" and event.act not in BY_COLLEAGUES:
        return "this is for whoever talks with the caller to do"
    return None


def _held_by(call: Call, agent: str) -> Offer | None:
    return next((offer for offer in call.offers if offer.agent == agent and offer.state == "accepted"), None)


def _not_now(call: Call, event: Acted, pharmacy: Pharmacy) -> str | None:
    if call.talk is None or is_asked(call):
        return "nobody is talking with this caller now"
    check = _CHECKS.get(event.act)
    return check(call, event, pharmacy) if check else None


def _no_consultation(call: Call, event: Acted, pharmacy: Pharmacy) -> str | None:
    agent, asked = accepted_offer(call), rooms.consultation(call)
    if asked is not None:
        again = event.to == asked.agent.removeprefix(OUTSIDE)
        return None if again else "somebody is being consulted already; drop that first"
    if agent is not None and event.to == agent.agent:
        return f"`{event.to}` is talking with this caller"
    return _nobody_there(call, event, pharmacy, pharmacy.staff)


def _nobody_there(
    call: Call, event: Acted, pharmacy: Pharmacy, staff: dict[str, Agent] | object = frozenset()
) -> str | None:
    known: set[str] = {QUEUE + name for name in pharmacy.queues} | set(pharmacy.policies.transfers)
    if isinstance(staff, dict):
        known |= {id_ for id_, agent in staff.items() if agent.site == call.site}
    return None if event.to in known else f"`{event.to}` is none of {', '.join(sorted(known))}"


def _no_colleague(call: Call, event: Acted, pharmacy: Pharmacy) -> str | None:
    return None if rooms.colleague(call) else "nobody who was consulted is on the line"


def _no_pharmacist(call: Call, event: Acted, pharmacy: Pharmacy) -> str | None:
    if pharmacists(pharmacy, call.site) is None:
        return "no queue of this site is for pharmacists"
    return None


def _not_recorded(call: Call, event: Acted, pharmacy: Pharmacy) -> str | None:
    return None if recording.is_running(call) else "nothing is being recorded"


def _unwilling(call: Call, event: Acted, pharmacy: Pharmacy) -> str | None:
    return "the caller does not want to be recorded" if call.recorded == "refused" else None


def _on_it(call: Call, event: Acted, pharmacy: Pharmacy) -> str | None:
    held = _held_by(call, event.by)
    return None if held is None or held.purpose in WATCHING else "you are on this call yourself"


Check = Callable[[Call, Acted, Pharmacy], str | None]
_CHECKS: dict[str, Check] = {
    "consult": _no_consultation,
    "join": _no_colleague,
    "hand_over": _no_colleague,
    "transfer": _nobody_there,
    "escalate": _no_pharmacist,
    "record": _unwilling,
    "pause": _not_recorded,
    "unpause": _not_recorded,
    "listen": _on_it,
    "coach": _on_it,
    "barge": _on_it,
}


def pharmacists(pharmacy: Pharmacy, site: str) -> Queue | None:
    """The queue of a site whose calls only a licensed agent takes; None for none that anybody serves."""
    served = {name for agent in pharmacy.staff.values() if agent.site == site for name in agent.queues}
    return next((queue for name, queue in pharmacy.queues.items() if queue.licensed and name in served), None)


# ---------------------------------------------------------------- do it


def act(draft: Draft, event: Acted) -> None:
    """Do it, if it means anything still: the call may have moved since they asked."""
    if refusal(draft.call, event, draft.pharmacy) is None:
        _ACTS[event.act](draft, event)


def _hold(draft: Draft, event: Acted) -> None:
    assert draft.call.talk is not None
    if draft.call.talk.caller != "hold":
        rooms.on_hold(draft)


def _resume(draft: Draft, event: Acted) -> None:
    """Back to the caller alone: whoever was consulted is thanked."""
    assert draft.call.talk is not None
    rooms.drop(draft)
    if (draft.call.talk.caller, draft.call.talk.agent) != ("room", "room"):
        rooms.together(draft)


def _drop(draft: Draft, event: Acted) -> None:
    """Of three who talk two go on where they are."""
    asked, talk = rooms.consultation(draft.call), draft.call.talk
    if asked is not None and talk is not None:
        rooms.drop(draft)
        if talk.caller == "hold" or talk.agent != "room":
            rooms.together(draft)


def _consult(draft: Draft, event: Acted) -> None:
    if rooms.consultation(draft.call) is not None:
        return
    whom = _whom(draft, event.to)
    if whom is None:
        return rooms.on_hold(draft, told="agent_nobody_free")
    agent, address = whom
    rooms.on_hold(draft, menu="ringing")
    return _ring(draft, agent, address, "consult")


def _whom(draft: Draft, to: str) -> tuple[str, str] | None:
    """Whom to ring, as (agent, address); None while nobody of those is free."""
    if to in draft.pharmacy.policies.transfers:
        return OUTSIDE + to, draft.pharmacy.policies.transfers[to]
    for agent in free(draft):
        queue = draft.pharmacy.queues.get(to.removeprefix(QUEUE))
        serves = queue is not None and queue.name in agent.queues and (agent.licensed or not queue.licensed)
        if agent.id == to or serves:
            return agent.id, agent.address
    return None


def free(draft: Draft) -> list[Agent]:
    """The site's agents whose phone may ring for this call, the longest idle first; asks for them once."""
    known = draft.world.answers.get("free")
    if known is None:
        draft.asks = (*draft.asks, "free")
        return []
    names = known.values.get("agents", "").split()
    return [draft.pharmacy.staff[name] for name in names if name in draft.pharmacy.staff]


def _ring(draft: Draft, agent: str, address: str, purpose: str) -> None:
    ticket = draft.call.ticket
    assert ticket is not None
    number = sum(offer.purpose != "answer" or "/" in offer.ticket for offer in draft.call.offers) + 1
    offer, leg = draft.world.fresh
    ring(draft, Offered(offer, leg, agent, address), f"{ticket.id}/{number}", purpose)


def _join(draft: Draft, event: Acted) -> None:
    rooms.join(draft)


def _hand_over(draft: Draft, event: Acted) -> None:
    rooms.hand_over(draft)


def _transfer(draft: Draft, event: Acted) -> None:
    """The caller goes on to a queue, in their old place, or to a number; the agent is done."""
    if event.to in draft.pharmacy.policies.transfers:
        draft.passed("to_external", event.to, event.by)
        _let_go(draft)
        return waiting.pass_on(draft, event.to)
    queue = draft.queue(event.to.removeprefix(QUEUE))
    draft.passed(codes.to_queue(queue), queue.name, event.by, codes.why_to_queue(queue))
    return _to_queue(draft, queue)


def _escalate(draft: Draft, event: Acted) -> None:
    queue = pharmacists(draft.pharmacy, draft.call.site)
    assert queue is not None
    draft.passed("to_pharmacist", queue.name, event.by, "clinical")
    _to_queue(draft, queue)


def _to_queue(draft: Draft, queue: Queue) -> None:
    offer = accepted_offer(draft.call)
    assert offer is not None
    _let_go(draft)
    _not_back_to(draft, offer)
    waiting.wait_again(draft, queue, "passed_on")


def _let_go(draft: Draft) -> None:
    offer = accepted_offer(draft.call)
    assert offer is not None
    rooms.clear(draft, offer, "passed_on", "agent_passed_on")
    draft.put(transfers=draft.call.transfers + 1)


def _not_back_to(draft: Draft, offer: Offer) -> None:
    """As if it had been offered to them now, and they had said no: for a while they are not asked again."""
    ticket = draft.call.ticket
    assert ticket is not None
    again = Offer(draft.world.fresh[0], ticket.id, offer.agent, offer.leg, "passed_on", draft.now, draft.now)
    draft.put(offers=(*draft.call.offers, again))


def _hang_up(draft: Draft, event: Acted) -> None:
    talk_ended(draft)


# ---------------------------------------------------------------- supervisors


def _watch(draft: Draft, event: Acted) -> None:
    """Ring them; who is in it already changes what they are."""
    held = next((offer for offer in rooms.others(draft.call) if offer.agent == event.by), None)
    if held is None:
        return _ring(draft, event.by, draft.pharmacy.staff[event.by].address, event.act)
    if held.purpose != event.act:
        _put_purpose(draft, held, event.act)
    return None


def _put_purpose(draft: Draft, held: Offer, purpose: str) -> None:
    offers = (replace(offer, purpose=purpose) if offer.id == held.id else offer for offer in draft.call.offers)
    draft.put(offers=tuple(offers))
    if held.state == "accepted":
        draft.do(SetParticipant(held.leg))


def _leave(draft: Draft, event: Acted) -> None:
    """Whoever had joined leaves the others to go on."""
    held = next((offer for offer in rooms.others(draft.call) if offer.agent == event.by), None)
    if held is not None and held.purpose == "consult":
        _drop(draft, event)
    elif held is not None:
        rooms.send_off(draft, held, "agent_left")


# ---------------------------------------------------------------- recording


def _record(draft: Draft, event: Acted) -> None:
    """From now on; who has not been told of it comes back to hear it first."""
    if draft.call.recorded in recording.AGREED:
        recording.turn(draft, "on")
    elif draft.call.tape != "wanted":
        draft.put(tape="wanted")
        rooms.drop(draft)
        rooms.together(draft)


def _pause(draft: Draft, event: Acted) -> None:
    recording.turn(draft, "paused")


def _unpause(draft: Draft, event: Acted) -> None:
    recording.turn(draft, "on")


def _stop(draft: Draft, event: Acted) -> None:
    recording.turn(draft, "stopped") if recording.is_running(draft.call) else draft.put(tape="stopped")


_ACTS: dict[str, Callable[[Draft, Acted], None]] = {
    "hold": _hold,
    "resume": _resume,
    "consult": _consult,
    "drop": _drop,
    "join": _join,
    "hand_over": _hand_over,
    "transfer": _transfer,
    "escalate": _escalate,
    "record": _record,
    "pause": _pause,
    "unpause": _unpause,
    "stop": _stop,
    "listen": _watch,
    "coach": _watch,
    "barge": _watch,
    "leave": _leave,
    "finish": _hang_up,
    "hang_up": _hang_up,
}
ACTS = tuple(_ACTS)
