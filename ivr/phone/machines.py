"""Who picks up, when it is no person: voicemail and screening services, and what Twilio makes of it.

What is said to a machine before its beep is lost. Time passes for it as it would at the real pace, however fast this
phone plays sounds: by how long what it heard would have lasted.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ivr.phone.leg import Leg, Watch

if TYPE_CHECKING:
    from ivr.phone.exchange import Exchange

HUMAN_SECONDS, MACHINE_SECONDS = 2.0, 4.0
"""How long Twilio listens before it has an opinion: a person's hello is short, a greeting is not."""
DETECTIONS = ("Enable", "DetectMessageEnd")
KINDS = ("machine", "screen")
GREETINGS = {
    "machine": "You have reached my voicemail. Please leave a message after the tone.",
    "screen": "This person uses a screening service. Say your name and why you are calling.",
}
SECONDS = {"machine": 8.0, "screen": 5.0}


@dataclass(eq=False)
class Machine:
    """What has picked up a leg: it speaks its `greeting`, beeps after `seconds`, and keeps what it hears then."""

    leg: Leg
    kind: str
    greeting: str
    seconds: float
    heard_from: int | None = field(default=None, init=False)

    def passes(self, seconds: float) -> None:
        """Let so many seconds of the call go by."""
        self.seconds -= seconds
        if self.seconds <= 0 and self.heard_from is None:
            self.leg.transcript.note("beep")
            self.leg.withdraw(self.greeting)
            self.heard_from = self.leg.transcript.last

    @property
    def message(self) -> str:
        """What was left on it."""
        return " ".join(self.leg.transcript.words(self.heard_from)) if self.heard_from is not None else ""


@dataclass(frozen=True, slots=True)
class Detection:
    """What Twilio is asked to find out before, or with `watch` while, the first document plays."""

    until_message_end: bool
    timeout_seconds: float = 30.0
    watch: Watch | None = None


def put_on(leg: Leg, kind: str, greeting: str = "", seconds: float | None = None) -> None:
    """Have a machine of a kind (one of KINDS) pick up a leg."""
    machine = Machine(leg, kind, greeting or GREETINGS[kind], SECONDS[kind] if seconds is None else seconds)
    leg.machine = machine
    leg.transcript.note("greeting", text=machine.greeting)
    # A question that listens while it speaks takes its words for an answer.
    leg.speak(machine.greeting, when_asked=True)


def detect(exchange: Exchange, leg: Leg, detection: Detection | None) -> dict[str, str]:
    """Return what the first webhook says of who picked up; or have it told later, as asked."""
    if detection is None:
        return {}
    who, seconds = _opinion(leg, detection)
    if detection.watch is not None:
        exchange.later.after(seconds * leg.pace, _telling(exchange, leg, detection.watch, who, seconds))
        return {}
    leg.listen(seconds * leg.pace)
    leg.passes(seconds)
    leg.answered_by = who
    return {"AnsweredBy": who}


def _opinion(leg: Leg, detection: Detection) -> tuple[str, float]:
    machine = leg.machine
    # A screening service asks briefly and then listens, which is what a person does.
    if machine is None or machine.kind == "screen":
        who, seconds = "human", HUMAN_SECONDS
    elif detection.until_message_end:
        who, seconds = "machine_end_beep", max(machine.seconds, MACHINE_SECONDS)
    else:
        who, seconds = "machine_start", MACHINE_SECONDS
    if seconds > detection.timeout_seconds:
        who, seconds = "unknown", detection.timeout_seconds
    return leg.answered_as or who, seconds


def _telling(exchange: Exchange, leg: Leg, watch: Watch, who: str, seconds: float) -> Callable[[], None]:
    def tell() -> None:
        if not leg.is_live:
            return  # whether it is told of a call that is over is not written; here it is not
        leg.answered_by = who
        if leg.machine is not None and who == "machine_end_beep":
            leg.passes(leg.machine.seconds)  # what it hears may have been cut short, but that is when the beep came
        params = {
            "AccountSid": exchange.account_sid,
            "CallSid": leg.sid,
            "AnsweredBy": who,
            "MachineDetectionDuration": str(round(seconds * 1000)),
        }
        exchange.courier.post_status(leg, watch.url, watch.method, params)

    return tell
