"""What Twilio says about a leg with every webhook, and its status callbacks."""

from __future__ import annotations

from email.utils import format_datetime
from typing import TYPE_CHECKING

from ivr.phone.leg import Leg

if TYPE_CHECKING:
    from ivr.phone.exchange import Exchange

# What else comes with a call from a telephone: "accept unknown ones and include all in signature validation".
_ARRIVED_WITH = {
    "CallToken": "%7B%22parentCallInfoToken%22%3A%22a.b-c_d%22%2C%22identityHeaderTokens%22%3A%5B%5D%7D",
    "CalledCountry": "US",
    "CallerCountry": "US",
    "FromCountry": "US",
    "ToCountry": "US",
}


def parameters(exchange: Exchange, leg: Leg) -> dict[str, str]:
    """Return the parameters "always sent" with a webhook about this leg."""
    params = {
        "AccountSid": exchange.account_sid,
        "ApiVersion": "2010-04-01",
        "CallSid": leg.sid,
        "CallStatus": leg.status if leg.ended_by is None else ending(leg),
        "Called": leg.to_number,
        "Caller": leg.from_number,
        "Direction": leg.direction,
        "From": leg.from_number,
        "To": leg.to_number,
    }
    parent = {"ParentCallSid": leg.parent} if leg.parent else {}
    return {**params, **parent, **(_ARRIVED_WITH if leg.direction == "inbound" else {}), **leg.extras}


def report(exchange: Exchange, leg: Leg, event: str) -> None:
    """Send a call status callback, if this leg's are wanted for this event (`initiated ringing answered completed`)."""
    if leg.watch is None or event not in leg.watch.events:
        return
    params = {
        **parameters(exchange, leg),
        "CallbackSource": "call-progress-events",
        "SequenceNumber": str(leg.reported),
        "Timestamp": format_datetime(exchange.clock.now()),
    }
    if event == "initiated":
        params["CallStatus"] = "initiated"
    if event == "completed" and leg.answered_at:
        params["CallDuration"] = str(seconds_of(leg))
    leg.reported += 1
    exchange.courier.post_status(leg, leg.watch.url, leg.watch.method, params)


def seconds_of(leg: Leg) -> int:
    """Return how long a leg was in progress; 0 if it was never answered."""
    if leg.answered_at is None or leg.ended_at is None:
        return 0
    return int((leg.ended_at - leg.answered_at).total_seconds())


def ending(leg: Leg) -> str:
    """Return the final status of a leg that ends now."""
    if leg.outcome is not None:
        return leg.outcome
    if leg.answered_at is not None:
        return "completed"
    return "no-answer" if leg.direction == "inbound" else "canceled"
