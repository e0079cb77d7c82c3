"""What a caller hears when nothing else works: compiled when the process starts, from no database."""

from __future__ import annotations

from datetime import datetime

from ivr.core.pharmacy import Line, Pharmacy
from ivr.telephony import twiml


class Rescue:
    """An apology and the staffed number while open; emergency words, hours and a recorder while closed."""

    def __init__(self, pharmacy: Pharmacy, public_url: str) -> None:
        self._pharmacy = pharmacy
        self._open = {line.name: self._document(line, public_url, is_open=True) for line in pharmacy.lines.values()}
        self._closed = {line.name: self._document(line, public_url, is_open=False) for line in pharmacy.lines.values()}

    def document(self, dialed: str, now: datetime) -> str:
        """The document for the number that was dialed, as the clock stands; hours nobody knows are closed hours."""
        line = self._pharmacy.line_for(dialed)
        is_open = self._pharmacy.hours[line.site].closed_because(now) is None
        return (self._open if is_open else self._closed)[line.name]

    def _document(self, line: Line, public_url: str, *, is_open: bool) -> str:
        site = self._pharmacy.sites[line.site]
        values = {"pharmacy": site.title}
        words = [
            self._pharmacy.prompts.say(language, "rescue_open" if is_open else "rescue_closed", values)
            for language in line.languages
        ]
        if is_open:
            return twiml.rescue(words, dial=site.staffed_number)
        return twiml.rescue(words, record_action=f"{public_url}/voice/rescued")
