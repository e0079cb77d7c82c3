"""What staff and callers do at the shop, each in one word, as their phones would tell it."""

from __future__ import annotations

from dataclasses import replace

from ivr.core.events import Came, HungUp, Keyed
from ivr.core.line import Offer, Ticket
from tests.worker.shop import ROSA, Shop

AT_ONCE = 1e15  # calls a second: our own pace is no matter


def ticket_of(shop: Shop, name: str) -> Ticket:
    ticket = shop.call(name).ticket
    assert ticket is not None
    return ticket


def open_offers(shop: Shop) -> dict[str, tuple[str, Offer]]:
    """Agent -> the call they are offered, and the offer."""
    return {offer.agent: (call, offer) for call, offer in shop.record.desk.open_offers()}


def passes(shop: Shop) -> dict[str, str]:
    """Dispatch looks at the line once, and phones ring; agent -> the call they are offered."""
    shop.dispatch.once()
    while shop.placing.once() == 0.0:
        pass
    return {agent: call for agent, (call, _) in open_offers(shop).items()}


def takes(shop: Shop, agent: str) -> str:
    """An agent picks up and presses 1, and whoever it is comes; returns the call."""
    call, offer = open_offers(shop)[agent]
    shop.tell(call, Came(offer.leg, 1), Keyed(offer.leg, "1"))
    if ticket_of(shop, call).kind == "callback":
        shop.placing.once()
        leg = person_rung(shop, call)
        shop.tell(call, Came(leg, 1), Keyed(leg, "1"))
    else:
        legs = shop.call(call).legs
        shop.tell(call, Came(f"leg-{call}", legs[f"leg-{call}"].documents))
    assert shop.call(call).phase == "talking"
    return call


def person_rung(shop: Shop, call: str) -> str:
    """The leg of the person a callback rings, the last of them."""
    return [token for token, leg in shop.call(call).legs.items() if leg.kind == "callback"][-1]


def part(shop: Shop, call: str) -> None:
    """Everybody on a call hangs up."""
    for token, leg in shop.call(call).legs.items():
        if leg.state != "over":
            shop.tell(call, HungUp(token, "completed"))


def serves(shop: Shop, agent: str) -> str:
    """An agent takes whoever they are offered, talks, and is free again; returns the call."""
    call = takes(shop, agent)
    part(shop, call)
    shop.move(agent, "wrapped_up")
    return call


def served_in_turn(shop: Shop, agent: str) -> list[str]:
    """One agent serves the line until nobody is offered to them any more."""
    served = []
    while agent in passes(shop):
        served.append(serves(shop, agent))
    return served


def asks_to_be_called_back(shop: Shop, name: str) -> None:
    """On hold they press 1, and 1 again for the number they ring from, and hang up."""
    shop.tell(name, Keyed(f"leg-{name}", "1"), Keyed(f"leg-{name}", "1"), HungUp(f"leg-{name}", "completed"))
    assert ticket_of(shop, name).kind == "callback"


def in_line_from(shop: Shop, name: str, number: str = ROSA, **ticket: object) -> str:
    """A caller on hold with a number of their own."""
    shop.in_line(name, **ticket)  # type: ignore[arg-type]
    shop.change(name, caller=replace(shop.call(name).caller, number=number))
    return name
