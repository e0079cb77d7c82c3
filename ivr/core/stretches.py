"""How long a caller waited, for what, and who was on the call with them: kept as it happens, begun and ended by turns.

A wait is `on_hold`, `offered` (somebody's phone rings for them, or they are on their way to who took them),
`held` (on hold during a talk), `callback`, `message` (left, and not worked yet) or `put_through` (a number of ours
rings). With them were who talked (`talk`) and who was asked to join: `consult`, `listen`, `coach`, `barge`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from ivr.core import rooms
from ivr.core.call import Call, Stretch
from ivr.core.draft import Draft
from ivr.core.line import Ticket
from ivr.core.tickets import accepted_offer, open_offers

WAITS = ("on_hold", "offered", "held", "callback", "message", "put_through")
_GONE_ON = {"callback": "callback", "voicemail": "message"}  # what a ticket waits for once its caller has gone

What = tuple[str, str]  # what goes on, and with whom


def settle(draft: Draft) -> None:
    """Note what has begun and what has ended with this turn."""
    call = draft.call
    open_ = {(each.what, each.who) for each in call.stretches if each.ended_at is None}
    now = set(_going_on(call))
    if open_ == now:
        return
    ended = [_ended(each, draft) if (each.what, each.who) in open_ - now else each for each in call.stretches]
    begun = [Stretch(what, who, draft.now) for what, who in _going_on(call) if (what, who) not in open_]
    draft.put(stretches=(*(each for each in ended if each.ended_at != each.began_at), *begun))


def _ended(stretch: Stretch, draft: Draft) -> Stretch:
    return stretch if stretch.ended_at is not None else replace(stretch, ended_at=draft.now)


def _going_on(call: Call) -> Iterator[What]:
    if call.talk is not None:
        yield from _talk(call)
    elif call.phase == "transferring":
        yield "put_through", call.dialogue.rpartition(":")[2]
    elif call.ticket is not None and call.ticket.live and call.ticket.call == call.id:
        yield from _wait(call, call.ticket)


def _talk(call: Call) -> Iterator[What]:
    agent = accepted_offer(call)
    if agent is not None:
        yield "talk", agent.agent
    if call.talk is not None and call.talk.caller == "hold":
        yield "held", ""
    for other in rooms.others(call):
        if other.state == "accepted":
            yield other.purpose, other.agent


def _wait(call: Call, ticket: Ticket) -> Iterator[What]:
    if ticket.kind in _GONE_ON:
        yield _GONE_ON[ticket.kind], ""
    elif ticket.state == "connecting" or open_offers(call):
        yield "offered", ""
    else:
        yield "on_hold", ""
