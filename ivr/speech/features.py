"""What the model sees of a sentence: words and pairs of words, pieces of words, denied words, and ideas."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise

from ivr.speech.context import is_denied

PIECES = (3, 4, 5)  # letters
WEIGHT = (1.0, 1.5, 1.0, 1.0)  # of words, pieces, ideas, one idea after another
DAMPING = 10  # few features say less than many
_DIGITS = re.compile(r"\d\S*")


def features(words: list[str], lists: Mapping[str, re.Pattern[str]]) -> Iterator[list[str]]:
    """Return the features of a sentence by kind: words, pieces of words, ideas, one idea after another."""
    plain = [_DIGITS.sub("#", word) for word in words]
    yield _unique(_of_words(plain))
    yield _unique(_of_pieces(plain))
    ideas = _ideas(words, lists)
    yield _unique(f"@{idea}" for idea in ideas)
    yield _unique(_of_pairs(ideas))


def weight(kind: int, found: list[str]) -> float:
    """Return what each of some features of one kind counts."""
    return WEIGHT[kind] / math.sqrt(len(found) + DAMPING)


def _unique(found: Iterable[str]) -> list[str]:
    return sorted(set(found))


def _of_words(words: list[str]) -> Iterator[str]:
    told = ["^", *(word for word in words if word not in (",",)), "$"]
    yield from (word for word in told if word.isalnum() or word == "#")
    yield from (f"{one} {two}" for one, two in pairwise(told))
    yield from (f"{one} _ {two}" for one, two in zip(told, told[2:], strict=False))
    yield from (f"!{word}" for place, word in enumerate(words) if is_denied(words, place))


def _of_pieces(words: list[str]) -> Iterator[str]:
    for word in words:
        whole = f"<{word}>"
        for size in PIECES:
            yield from (f"~{whole[at : at + size]}" for at in range(len(whole) - size + 1))


def _ideas(words: list[str], lists: Mapping[str, re.Pattern[str]]) -> list[str]:
    """Return the names of the lists that are heard, in order, with a mark on what is denied."""
    sentence = " ".join(words) + " "
    found = sorted(
        (place := sentence.count(" ", 0, match.start()), f"!{name}" if is_denied(words, place) else name)
        for name, idea in lists.items()
        for match in idea.finditer(sentence)
    )
    return [name for place, (_, name) in enumerate(found) if not place or found[place - 1][1] != name]


def _of_pairs(ideas: list[str]) -> Iterator[str]:
    yield from (f"@{one} {two}" for one, two in pairwise(ideas))
    yield from (f"@{one} _ {two}" for one, two in zip(ideas, ideas[2:], strict=False))
