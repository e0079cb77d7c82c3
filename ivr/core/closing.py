"""Staff say what came of a call: what there is to say, and when it is too early."""

from __future__ import annotations

from collections.abc import Sequence

from ivr.core.call import Call
from ivr.core.events import Worked
from ivr.core.pharmacy import Pharmacy


def refusal(call: Call, event: Worked, pharmacy: Pharmacy) -> str | None:
    """Why a call cannot be closed with this code as it stands, in words for whoever asked; None when it can."""
    ticket = call.ticket
    if ticket is not None and ticket.kind == "hold" and ticket.live:
        return "the caller is on the line still"
    codes = codes_of(pharmacy, ticket.queue) if ticket else ()
    if codes and event.code not in codes:
        return f"`{event.code}` is no code of {ticket.queue if ticket else ''}: they are {', '.join(codes)}"
    return None


def codes_of(pharmacy: Pharmacy, queue: str) -> Sequence[str]:
    """The codes a queue asks for; none when it asks for none, or is published no more."""
    known = pharmacy.queues.get(queue)
    return tuple(str(getattr(code, "name", code)) for code in getattr(known, "codes", ()))
