"""What a caller hears when nothing else works: from what this process has in memory, and no database."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from ivr.core.pharmacy import Line, Pharmacy
from ivr.telephony import twiml


class Rescue:
    """An apology and the staffed number while open; emergency words, the next opening and a recorder while closed.

    Who rings the staffed number in vain finds a recorder too.
    """

    def __init__(self, pharmacy: Pharmacy, public_url: str) -> None:
        self._pharmacy = pharmacy
        self._rung = f"{public_url}/voice/rung"
        self._recorder = f"{public_url}/voice/rescued"
        self._music = f"{public_url}/static/hold.wav"
        every = (*pharmacy.lines.values(), *pharmacy.staff_lines.values())
        self._open = {line.name: self._put_through(line) for line in every}

    def document(self, dialed: str, now: datetime) -> str:
        """The document for the number that was dialed, as the clock stands; a closed number is never rung."""
        line = self._pharmacy.line_for(dialed)
        hours = self._pharmacy.hours[line.site]
        if hours.closed_because(now) is None:
            return self._open[line.name]
        opens = hours.local(hours.opens_next(now))
        values = {"opens_day": opens.date().isoformat(), "opens_at": f"{opens:%H:%M}"}
        return twiml.rescue(self._words(line, "rescue_closed", values), action=self._recorder)

    def unanswered(self, dialed: str) -> str:
        """What a caller hears when nobody answered at the staffed number either: words, and a recorder."""
        words = self._words(self._pharmacy.line_for(dialed), "rescue_unanswered", {})
        return twiml.rescue(words, action=self._recorder)

    def goodbye(self) -> str:
        """What somebody hears whom we rang: staff, or a person we call back. They are rung again."""
        line = next(iter(self._pharmacy.lines.values()))
        return twiml.rescue(self._words(line, "goodbye", {})[:1])

    def on_hold(self, dialed: str) -> str:
        """What a waiting caller hears: they are still in Twilio's queue, and keep their place there."""
        line = self._pharmacy.line_for(dialed)
        return twiml.rescue(self._words(line, "hold_still", {}), play=self._music)

    def _put_through(self, line: Line) -> str:
        staffed = self._pharmacy.sites[line.site].staffed_number
        return twiml.rescue(self._words(line, "rescue_open", {}), dial=staffed, action=self._rung)

    def _words(self, line: Line, prompt: str, values: Mapping[str, str]) -> list[twiml.Spoken]:
        known = {"pharmacy": self._pharmacy.sites[line.site].title, **values}
        return [self._pharmacy.prompts.say(language, prompt, known) for language in line.languages]
