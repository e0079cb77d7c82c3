"""Twilio both ways: its webhooks become events, verbs become TwiML, effects become REST calls.

Nothing else in the project imports `twilio`, and nothing here decides what a caller hears.
"""

from __future__ import annotations

from pathlib import Path

SOUNDS = Path(__file__).parent / "sounds"
"""The sounds we ship; serve this folder as `/static/`."""


def hold_queue(site: str) -> str:
    """Return the name of the one Twilio queue where callers of a site wait."""
    return f"rxline-{site}"
