"""Names of medicines as they are said, and as speech recognition mishears them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from rapidfuzz import fuzz, process

from ivr.speech.words import words_of

SHORTEST = 6  # letters; shorter names sound like too many words
NEAR = 82  # of 100
MOST_WORDS = 4
MOST_MISHEARD = 3
_ORDINARY = frozenset(
    ["insurance", "prescription", "medicine", "medicines", "medicina", "medicinas", "pharmacy", "pharmacist"]
)


class Medicines:
    """Known names; safe to use from several threads."""

    def __init__(self, names: Mapping[str, Iterable[str]], ordinary: Iterable[str] = ()) -> None:
        spellings = [(name, spelt) for name, more in names.items() for spelt in (name, *more)]
        self._as_written = {in_one_word(spelt): in_one_word(name) for name, spelt in spellings}
        self._long = [name for name in self._as_written if len(name) >= SHORTEST]
        self._ordinary = _ORDINARY | frozenset(ordinary)

    def named(self, words: list[str]) -> list[str]:
        """Return the words with each medicine put as its own name in one word."""
        out, place = [], 0
        while place < len(words):
            name, taken = self._at(words, place)
            out.append(name or words[place])
            place += taken
        return out

    def _at(self, words: list[str], place: int) -> tuple[str | None, int]:
        spans = [(words[place : place + size], size) for size in range(MOST_WORDS, 0, -1)]
        spelt = [("".join(span), size) for span, size in spans if len(span) == size and "." not in span]
        for letters, size in spelt:
            if letters in self._as_written:
                return self._as_written[letters], size
        for letters, size in spelt:
            if size <= MOST_MISHEARD and (name := self._near(letters, size)):
                return name, size
        return None, 1

    def _near(self, letters: str, size: int) -> str | None:
        """Return the name some letters were probably meant to be, or None."""
        if len(letters) < SHORTEST or letters in self._ordinary:
            return None
        near = process.extractOne(letters, self._long, scorer=fuzz.ratio, score_cutoff=NEAR + 2 * (size > 1))
        return self._as_written[near[0]] if near and letters[0] == near[0][0] else None


def in_one_word(name: str) -> str:
    """Return a name as the one word it is put as."""
    return "".join(words_of(name))
