"""The URLs Twilio is given by REST. Those it is given in TwiML are written with the documents they lead out of."""

from __future__ import annotations

from dataclasses import dataclass

from ivr.settings import Settings
from ivr.telephony.twiml import FRAGMENT


@dataclass(frozen=True, slots=True)
class Doors:
    """Where Twilio knocks. A URL names a leg and a document and nobody else."""

    public_url: str
    fallback_url: str = ""

    @classmethod
    def from_settings(cls, settings: Settings) -> Doors:
        """Return the doors of the line the environment names."""
        return cls(settings.public_url, settings.fallback_url)

    def moved(self, leg: str, document: int) -> str:
        """Return where a leg fetches the document reserved for it."""
        return f"{self.public_url}/voice/{leg}/{document}/moved{FRAGMENT}"

    def status(self, leg: str) -> str:
        """Return where Twilio says what became of a leg."""
        return f"{self.public_url}/voice/{leg}/0/status{FRAGMENT}"

    def fallback(self) -> str:
        """Return what Twilio fetches when a document cannot be had: an apology, and a person or a recorder."""
        return self.fallback_url or f"{self.public_url}/voice/fallback{FRAGMENT}"
