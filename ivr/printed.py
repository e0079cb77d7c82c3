"""Words that others wrote, as they may stand on somebody's terminal."""

from __future__ import annotations

from unicodedata import category


def plain(words: str) -> str:
    """Return words with a mark for whatever would move a cursor, begin a line of its own, or turn one around."""
    return "".join(map(_plain, words))


def _plain(letter: str) -> str:
    if letter.isprintable():
        return letter
    return " " if category(letter) == "Zs" else "\N{REPLACEMENT CHARACTER}"
