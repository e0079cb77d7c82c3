"""The worker is silent, so nobody is offered a call: what callers are told, and whom a turn may ring by itself."""

from __future__ import annotations

from datetime import datetime

from ivr.core.call import World
from ivr.core.draft import Draft
from ivr.core.pharmacy import Pharmacy


def silent(world: World) -> bool:
    """Has the worker, which brings callers and agents together, not been heard of? `line` and `place` tell."""
    figures = (world.answers.get(ask) for ask in ("line", "place"))
    return any(told is not None and told.values.get("worker") == "silent" for told in figures)


def silent_now(draft: Draft) -> bool:
    """The same within a turn: what is not known yet is asked, and the shell steps again."""
    if "line" not in draft.world.answers:
        draft.asks = (*draft.asks, "line")
    return silent(draft.world)


def parties(pharmacy: Pharmacy, site: str, now: datetime) -> dict[str, str]:
    """Whom a site's callers can be put through to without the worker, name -> number, the licensed one first.

    A closed site's own number is never rung.
    """
    place = pharmacy.sites[site]
    is_open = pharmacy.hours[site].closed_because(now) is None
    numbers = {"on_call": place.on_call, "staffed": place.staffed_number if is_open else ""}
    return {name: number for name, number in numbers.items() if number}
