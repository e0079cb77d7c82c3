"""Text in pictures: how it looks, how wide it is at most, where it breaks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ivr.content.drawing.layout import Size

TEXT, SMALL, TITLE = 13, 11, 20
INK, FAINT, RED, GREEN = "#1c2733", "#5b6876", "#c4161c", "#2f7d32"
FONT = "Helvetica, Arial, 'Liberation Sans', sans-serif"
_NARROW, _BROAD = frozenset("iljtfr.,:;'|![]() "), frozenset("mwMWÑ@%—…")


@dataclass(frozen=True, slots=True)
class Words:
    """A line of text and how it looks."""

    text: str
    size: int = TEXT
    colour: str = INK
    weight: str = "normal"
    style: str = "normal"

    @property
    def width(self) -> float:
        return width(self.text, self.size) * (1.08 if self.weight == "bold" else 1)


def aside(text: str) -> Words:
    """Return words that nobody says or presses: `silence`, `otherwise`."""
    return Words(text, SMALL, style="italic")


def width(text: str, size: float = TEXT) -> float:
    """Return about how wide a text is at most; fonts differ, and which one a reader has nobody knows."""
    return size * sum(0.34 if c in _NARROW else 0.93 if c in _BROAD else 0.72 if c.isupper() else 0.6 for c in text)


def wrapped(text: str, room: float, size: float = TEXT) -> list[str]:
    """Return a text in lines that are no wider than the room, a longer word standing alone."""
    lines: list[str] = []
    for word in text.split():
        if lines and width(f"{lines[-1]} {word}", size) <= room:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines


def label_size(words: Sequence[Words]) -> Size:
    """Return how much room the words on a line of the picture take."""
    if not words:
        return Size(0, 0)
    return Size(max(line.width for line in words) + 18, sum(line.size + 4 for line in words) + 6)
