"""Words that others wrote, as they may stand on somebody's terminal."""

from __future__ import annotations


def plain(words: str) -> str:
    """Return words with a mark for whatever would move a cursor, begin a line of its own, or turn one around."""
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in words)
