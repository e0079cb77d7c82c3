"""Who of the staff may do what to whom, whichever door they ask at: by role, by site, and by the queues they serve."""

from __future__ import annotations

from ivr.core.call import Call
from ivr.core.line import Agent, Ticket, could_serve
from ivr.core.staff_line import STAFF

CREW = ("agent", "supervisor", "admin")
"""Roles that work the line; an auditor sees, and changes nothing."""

LEADS = ("supervisor", "admin")
"""Roles that move others, and work what is in any queue of their site."""


def not_to_change(who: Agent) -> str | None:
    """Why somebody may change nothing at all, in words for them; None when they may."""
    return None if who.role in CREW else f"`{who.id}` is here as {who.role}, and changes nothing"


def not_to_move(who: Agent, whom: Agent, *, force: bool = False) -> str | None:
    """Why somebody may not send an agent where they want them, in words for them; None when they may."""
    if who.role in LEADS:
        return None
    if force:
        return f"`{who.id}` may end nobody's call by force: that needs the role {' or '.join(LEADS)}"
    if who.id != whom.id:
        return f"`{who.id}` may move only themselves: somebody else needs the role {' or '.join(LEADS)}"
    return not_to_change(who)


def not_to_unlock(who: Agent, whom: str) -> str | None:
    """Why somebody may not let a person, or a colleague (`staff:ana`), try again, in words; None when they may."""
    if whom.startswith(STAFF) and who.role not in LEADS:
        return f"`{who.id}` may unlock no colleague: that needs the role {' or '.join(LEADS)}"
    return not_to_change(who)


def not_to_work(who: Agent | None, ticket: Ticket) -> str | None:
    """Why somebody may not work a callback or a message, in words for them; None when they may."""
    if who is None:
        return "nobody on the staff is called that"
    if (why_not := not_to_change(who)) is not None:
        return why_not
    if could_serve(who, ticket) or (who.role in LEADS and who.site == ticket.site):
        return None
    return f"`{who.id}` does not serve `{ticket.queue}` at `{ticket.site}`, and is no supervisor there"


def not_to_add(who: Agent | None, call: Call) -> str | None:
    """Why somebody may write nothing to a call, in words for them; None when they may."""
    if who is None:
        return "nobody on the staff is called that"
    if who.role in LEADS or who.id in call.agents:
        return not_to_change(who)
    return f"`{who.id}` did not talk with the caller: to add to the call needs the role {' or '.join(LEADS)}"
