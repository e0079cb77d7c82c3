"""Who listens to callers: a listener for each version of the content, for a pharmacy's own phrases change with it."""

from __future__ import annotations

from threading import Thread
from typing import TYPE_CHECKING

from ivr.content.speech import built_in, with_built_in
from ivr.core.heard import Heard
from ivr.core.pharmacy import Pharmacy
from ivr.speech.phrases import Phrases

if TYPE_CHECKING:
    from ivr.speech.listener import Listener

MOST_KEPT = 8  # versions that calls under way may still be keeping


class Hearing:
    """Understands what callers say as the content their call keeps tells it to; share one per process."""

    def __init__(self) -> None:
        self._listeners: dict[str, Listener] = {}

    def understand(self, words: str, language: str | None, pharmacy: Pharmacy) -> Heard:
        """Return what was said, with the evidence; raises nothing, whatever the words are."""
        return self._of(pharmacy).understand(words, language)

    def warm(self, pharmacy: Pharmacy) -> None:
        """Get ready beside everything else, so that the first caller who speaks waits no longer than the next."""
        Thread(target=lambda: self._of(pharmacy).warm(), name="hearing", daemon=True).start()

    def _of(self, pharmacy: Pharmacy) -> Listener:
        known = self._listeners.get(pharmacy.version)
        if known is None:
            from ivr.speech.listener import Listener  # and with it numpy, which only those who listen need

            own = pharmacy.speech
            known = Listener(with_built_in(own) if isinstance(own, Phrases) else built_in())
            newest = list(self._listeners.items())[-(MOST_KEPT - 1) :]
            self._listeners = {**dict(newest), pharmacy.version: known}
        return known
