"""The URLs Twilio is given by REST. Those it is given in TwiML are written with the documents they lead out of."""

from __future__ import annotations

from dataclasses import dataclass

from ivr.settings import Settings
from ivr.telephony.own_numbers import Answering
from ivr.telephony.twiml import FRAGMENT


@dataclass(frozen=True, slots=True)
class Doors:
    """Where Twilio knocks. A URL names a leg and a document and nobody else."""

    public_url: str

    @classmethod
    def from_settings(cls, settings: Settings) -> Doors:
        """Return the doors of the line the environment names."""
        return cls(settings.public_url)

    def moved(self, leg: str, document: int) -> str:
        """Return where a leg fetches the document reserved for it."""
        return f"{self.public_url}/voice/{leg}/{document}/moved{FRAGMENT}"

    def status(self, leg: str) -> str:
        """Return where Twilio says what became of a leg."""
        return f"{self.public_url}/voice/{leg}/0/status{FRAGMENT}"

    def fallback(self) -> str:
        """Return what Twilio fetches when a document cannot be had: an apology, and a person or a recorder.

        Whom we have rung hears nothing from the static host: its document is for those who ring us.
        """
        return f"{self.public_url}/voice/fallback{FRAGMENT}"

    def of_number(self, static_url: str) -> Answering:
        """Return what one of our numbers is to ask, and what else while we are away; "" for no static document."""
        return Answering(
            voice_url=f"{self.public_url}/voice/incoming{FRAGMENT}",
            fallback_url=f"{static_url}{FRAGMENT}" if static_url else self.fallback(),
            fallback_method="GET" if static_url else "POST",  # a static host need not take a POST
            status_callback=f"{self.public_url}/voice/status{FRAGMENT}",
        )
