"""What a caller said in their own words, as far as it was understood."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Heard:
    """What they want and how pressing it is, with the evidence.

    `intent` and `urgency` are values of the facts of those names; `intent` is None when nothing was understood.
    `ask_safety` says that harm cannot be ruled out, so somebody has to ask. `confidence` is of the intent, 0 to 1.
    `because` has the evidence in words anybody may read: phrases of ours that were found, never the caller's sentence.
    """

    intent: str | None
    urgency: str
    ask_safety: bool
    confidence: float
    because: tuple[str, ...] = ()
