"""The numbers we own at the practice Twilio, and where each asks what to do with a call."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

RETRIES = "#rc=3&rp=ct,rt,5xx&ct=2000&rt=5000&tt=14000"


@dataclass(frozen=True, slots=True)
class OwnNumber:
    """A number of ours (`number` E.164, `name` the line's) and its voice settings."""

    sid: str
    number: str
    name: str
    voice_url: str
    voice_method: str = "POST"
    fallback_url: str = ""
    fallback_method: str = "POST"
    status_callback: str = ""
    status_method: str = "POST"


class NumberBook:
    """Our numbers, read again when one is asked for that is not known yet."""

    def __init__(self, lines: Callable[[], Mapping[str, str]], public_url: str, fallback_url: str = "") -> None:
        """`lines` returns {line: number}; a number not set up through REST calls `public_url`.

        `fallback_url` is the folder with the static documents, one for each line; empty: the product's own door.
        """
        self._lines = lines
        self._public_url = public_url
        self._fallback_url = fallback_url
        self._lock = threading.Lock()
        self._numbers: dict[str, OwnNumber] = {}

    def all(self) -> list[OwnNumber]:
        """Return every number, as the lines are written now."""
        lines = self._lines()
        with self._lock:
            self._numbers = {number: self._known(name, number) for name, number in lines.items()}
            return list(self._numbers.values())

    def find(self, number_or_name: str) -> OwnNumber | None:
        """Return the number written so, or the number of the line called so, or None."""
        known = self._numbers.get(number_or_name)
        if known is not None:
            return known
        return next((one for one in self.all() if number_or_name in (one.number, one.name)), None)

    def update(self, sid: str, settings: Mapping[str, str]) -> OwnNumber | None:
        """Change a number's settings, by field name; None when there is no such number."""
        found = next((one for one in self.all() if one.sid == sid), None)
        if found is None:
            return None
        changed = replace(found, **settings)
        with self._lock:
            self._numbers[changed.number] = changed
        return changed

    def _known(self, name: str, number: str) -> OwnNumber:
        kept = self._numbers.get(number)
        if kept is not None:
            return replace(kept, name=name)
        static = f"{self._fallback_url}/{name}.xml" if self._fallback_url else ""
        return OwnNumber(
            sid="PN" + hashlib.md5(number.encode(), usedforsecurity=False).hexdigest(),
            number=number,
            name=name,
            voice_url=f"{self._public_url}/voice/incoming{RETRIES}",
            fallback_url=f"{static or self._public_url + '/voice/fallback'}{RETRIES}",
            fallback_method="GET" if static else "POST",
            status_callback=f"{self._public_url}/voice/status{RETRIES}",
        )
