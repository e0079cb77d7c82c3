"""Runs a leg's TwiML from its first document to its last word."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from ivr.phone.dialing import dial
from ivr.phone.leg import Goto, Leg, Moved
from ivr.phone.questions import gather, record
from ivr.phone.queues import enqueue
from ivr.phone.sounds import Left, hangup, leave, redirect, reject, say_play_or_pause
from ivr.phone.stage import DocumentFailed, Stage, Verb

if TYPE_CHECKING:
    from ivr.phone.exchange import Exchange

VERBS: Mapping[str, Verb] = {
    "Say": say_play_or_pause,
    "Play": say_play_or_pause,
    "Pause": say_play_or_pause,
    "Gather": gather,
    "Record": record,
    "Dial": dial,
    "Enqueue": enqueue,
    "Leave": leave,
    "Redirect": redirect,
    "Hangup": hangup,
    "Reject": reject,
}
CANNED_ERROR = "We are sorry, an application error has occurred. Goodbye."


def play(exchange: Exchange, leg: Leg, goto: Goto | None) -> None:
    """Play `goto` and all that follows, through redirections and faults; raises Over when the leg has ended."""
    stage = Stage(exchange, leg, VERBS)
    fallback: Goto | None = None
    while goto is not None:
        try:
            stage.perform(goto)
            return
        except Moved as moved:
            leg.transcript.note("moved")
            goto = moved.goto
        except Left:
            leg.transcript.note("violation", code=0, text="<Leave> outside a queue", path="", twiml="")
            return
        except DocumentFailed as failure:
            # Each event is asked of the first URL again: only a fallback that fails itself ends the call.
            goto = fallback = None if failure.goto is fallback else _fallback(leg, failure)
    _apologise(leg)


def _fallback(leg: Leg, failure: DocumentFailed) -> Goto | None:
    # "Requested immediately on a fatal error retrieving or executing TwiML; carries the normal parameters plus
    # ErrorCode and ErrorUrl; may return TwiML that continues the call."
    if not leg.fallback_url:
        return None
    leg.transcript.note("falling back", code=failure.code)
    params = {"ErrorCode": str(failure.code), "ErrorUrl": failure.url}
    return Goto(leg.fallback_url, leg.fallback_method, params)


def _apologise(leg: Leg) -> None:
    leg.transcript.note("said", text=CANNED_ERROR, language="en-US", voice="man")
    leg.transcript.note("failure", code=0, text="the caller heard Twilio's canned error", path="", twiml="")
