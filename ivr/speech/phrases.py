"""Phrases somebody wrote down for the listener, and finding them in what a caller says.

A phrase is words. `a/b` is one word or the other, `left_arm/hand` two words or one, `word*` any word that begins so,
`word?` one that may be missing, `...` up to five words in between, `<child>` any phrase of the list of that name and
`<number>` any number in digits.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeVar

from ivr.speech.medicines import in_one_word
from ivr.speech.words import BREAK, PAUSE, words_of

T = TypeVar("T")

BUILT_IN = "built-in/"  # how the places of our own phrases begin

GAP = "..."
NUMBER = "number"  # any number in digits
MEDICINE = "medicine"  # any medicine known by name
MOST_BETWEEN = 5
_ANY = r"[^ .]+ "
_NEVER = r"(?!)"
_CLASS = re.compile(r"<([a-z_]+)>")


@dataclass(frozen=True, slots=True)
class Phrase:
    """One phrase as it was written, and where."""

    text: str
    file: str
    line: int

    @property
    def place(self) -> str:
        return f"{self.file}:{self.line}"

    @property
    def is_built_in(self) -> bool:
        return self.file.startswith(BUILT_IN)

    @property
    def lists(self) -> list[str]:
        """The named lists it uses."""
        return _CLASS.findall(self.text)


@dataclass(frozen=True)
class Phrases:
    """Everything the listener was told, built in or by the pharmacy."""

    red_flags: Mapping[str, tuple[Phrase, ...]] = field(default_factory=dict)  # emergency · urgent · ask
    intents: Mapping[str, tuple[Phrase, ...]] = field(default_factory=dict)
    idioms: tuple[Phrase, ...] = ()  # what sounds dangerous and is not
    medicines: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # name -> how it gets misheard
    lists: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # `<child>` -> phrases

    def beside(self, other: Phrases) -> Phrases:
        """Return both; where both say the same the other's comes first, so that its place is the one that is told."""
        return Phrases(
            _joined(other.red_flags, self.red_flags),
            _joined(other.intents, self.intents),
            other.idioms + self.idioms,
            _joined(other.medicines, self.medicines),
            _joined(other.lists, self.lists),
        )

    @cached_property
    def patterns(self) -> Patterns:
        return Patterns(self)


@dataclass(frozen=True, slots=True)
class Found:
    """A phrase that was heard, and which words of the sentence it took."""

    phrase: Phrase
    start: int
    end: int


class Patterns:
    """Phrases made ready to be found; safe to use from several threads."""

    def __init__(self, phrases: Phrases) -> None:
        texts = {**phrases.lists, MEDICINE: (*phrases.lists.get(MEDICINE, ()), *map(in_one_word, phrases.medicines))}
        plain = {
            name: several for name, several in texts.items() if several and not any("<" in text for text in several)
        }
        self._lists = {NUMBER: r"\d\S* ", **{name: _any_of(several, {}) for name, several in plain.items()}}
        mixed = {name: several for name, several in texts.items() if several and name not in plain}
        self._lists |= {name: _any_of(several, self._lists) for name, several in mixed.items()}
        self.red_flags = {level: self._ready(found) for level, found in phrases.red_flags.items()}
        self.intents = {intent: self._ready(found) for intent, found in phrases.intents.items()}
        self.idioms = self._ready(phrases.idioms)
        self.lists = {name: re.compile(rf"(?<!\S){listed}") for name, listed in self._lists.items()}

    def _ready(self, phrases: Iterable[Phrase]) -> list[tuple[Phrase, re.Pattern[str]]]:
        return [(phrase, re.compile(rf"(?<!\S){_written(phrase.text, self._lists)}")) for phrase in phrases]


def _any_of(texts: Iterable[str], lists: Mapping[str, str]) -> str:
    return f"(?:{'|'.join(_written(text, lists) for text in texts)})"


def find(phrases: Iterable[tuple[Phrase, re.Pattern[str]]], words: list[str]) -> Iterator[Found]:
    """Return each place where a phrase is heard."""
    sentence = " ".join(words) + " "
    for phrase, pattern in phrases:
        for match in pattern.finditer(sentence):
            if match.end() > match.start():
                yield Found(phrase, sentence.count(" ", 0, match.start()), sentence.count(" ", 0, match.end()))


def _written(text: str, lists: Mapping[str, str]) -> str:
    return "".join(_part(part, lists) for part in text.split())


def _part(part: str, lists: Mapping[str, str]) -> str:
    if part == GAP:
        return f"(?:{_ANY}){{0,{MOST_BETWEEN}}}?"
    optional = part.endswith("?") and len(part) > 1
    choices = [_choice(choice, lists) for choice in part.removesuffix("?").split("/")]
    return f"(?:{'|'.join(choices)}){'?' if optional else ''}"


def _choice(choice: str, lists: Mapping[str, str]) -> str:
    named = _CLASS.fullmatch(choice)
    if named:
        return lists.get(named[1], _NEVER)
    tail = "[^ ]* " if choice.endswith("*") else " "
    words = [word for word in words_of(choice.replace("_", " ")) if word not in (BREAK, PAUSE)]
    return re.escape(" ".join(words)).replace("\\ ", " ") + tail


def _joined(first: Mapping[str, tuple[T, ...]], second: Mapping[str, tuple[T, ...]]) -> dict[str, tuple[T, ...]]:
    return {key: first.get(key, ()) + second.get(key, ()) for key in [*first, *(second.keys() - first.keys())]}
