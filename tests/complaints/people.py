"""What staff and callers do at the shop, each in one word, as their phones would tell it."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier

from click import Command
from click.testing import CliRunner

from ivr.core.call import Answer, Caller
from ivr.core.events import Came, HungUp, Keyed
from ivr.core.line import Offer, Ticket
from ivr.store import Conflict
from ivr.switchboard import Exit, Switchboard
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


def at_once(*acts: Callable[[], object]) -> None:
    """Several people do something at the same moment; what the record refuses one of them is refused."""
    start = Barrier(len(acts))

    def do(act: Callable[[], object]) -> None:
        start.wait()
        try:
            act()
        except Conflict:
            return

    with ThreadPoolExecutor(len(acts)) as town:
        list(town.map(do, acts))


def rings(shop: Shop, name: str = "CA1") -> Offer:
    """A caller is in line, and somebody's phone rings for them."""
    in_line_from(shop, name)
    passes(shop)
    return next(offer for call, offer in open_offers(shop).values() if call == name)


def is_in_line(board: Switchboard, name: str, keys: str = "10", number: str | None = None) -> str:
    """A caller rings the line as we ship it, presses these keys and is on hold; the leg's token."""
    board.arrived(name, Caller("number", number, "A") if number else Caller(), "+12125550110")
    board.record.keep_answer(name, "who", Answer(True), board.clock.now())  # nobody is filed there
    leg = board.token_of(name)
    for document, key in enumerate(keys, 1):
        board.turn(Exit(leg, document, "next"), Keyed(leg, key), name)
    loaded = board.record.load_call(name)
    assert loaded is not None
    assert loaded.call.phase == "holding"
    return leg


def typed(command: Command, *arguments: str) -> str:
    """What a command of ours says."""
    said = CliRunner().invoke(command, arguments, env={"COLUMNS": "200"})
    assert said.exit_code == 0, said.output
    return said.output
