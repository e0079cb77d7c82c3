"""Whether what sounds dangerous is said to be happening, or denied, over, imagined, read about, or a medicine's use."""

from __future__ import annotations

import re
from collections.abc import Mapping

from ivr.speech.words import BREAK, PAUSE

FARTHEST_DENIAL = 6  # words


def _all(words: str) -> frozenset[str]:
    return frozenset(words.split())


_BORDERS = frozenset({BREAK, "but", "pero", "however"})
_ENDS_DENIAL = _BORDERS | _all("because porque except sino and now")
_DENIES = _all("not never without none denies niega sin nunca jamas tampoco neither nor ni nothing")
_AFTER_PLAIN_NO = _all("my i he she it his her the we they you mi mis yo su el ella oiga wait espere")
_NEXT_SAID = _all("me le se esta estoy tiene tengo ya siento i he she my mi is am")
# `no puedo`, `not feeling well`: what is denied here is not what comes next.
_ANOTHER_MATTER = _all(
    "feeling feel well good right ok doing sure know stop stopped stopping help wait tell understand supposed only just"
    " remember breathe breathing moving move waking wake eating responding answering getting acting like want"
    " se para deja puedo puede poder quiere quiero sabe siento siente bien responde despierta"
)
_SAYS_NO = _all("no not never barely hardly apenas")  # the phrase itself denies: `can not breathe`
_SWALLOWED = _all("took taken swallowed ate drank overdosed tomo tome trago tragado comio bebio injected")
_CANNOT = (["can"], ["could"], ["will"])  # who cannot do something does not deny it
_FEW = r"(?:(?!and |y |then |but |, )\S+ ){0,2}"
_NEVER = re.compile(r"(?!)")

Lists = Mapping[str, re.Pattern[str]]


class Context:
    """Judges red flags by the words around them: the lists past, present, told, possible, supposing, asking, remedy."""

    def __init__(self, lists: Lists) -> None:
        self._lists = lists
        remedy = self._list("remedy").pattern
        self._used_for = re.compile(rf"{remedy}(?:\S+ ){{0,3}}?(?:for|para|contra|de|del|against|por) {_FEW}$")
        self._is_use = re.compile(rf"(?:(?:rescue|control|prevention|emergency|nasal|and|or|disorder) )?{remedy}")

    def why_harmless(self, words: list[str], start: int, end: int) -> str | None:
        """Return why a red flag at words[start:end] is none, as in `denied` or `past`; None when it is one."""
        first, last = clause(words, start, end)
        whole, before = _text(words[first:last]), _text(words[first : start + 1])
        if not _SAYS_NO.intersection(words[start : start + 2]) and is_denied(words, start):
            return "denied"
        present = self._is("present", whole)
        if self._is("past", whole) and not present:
            return "past"
        if self._is("told", whole):
            return "told"
        if self._is_remedy(words, first, start, end):
            return "use"
        if self._is("possible", before) and not present:
            return "possible"
        return "supposed" if self._is("supposing", self._list("asking").sub("", before)) else None

    def _is_remedy(self, words: list[str], first: int, start: int, end: int) -> bool:
        """Return whether it names a medicine, or what one is for: `seizure pills`, `the refill for my seizures`."""
        if _SWALLOWED.intersection(words[start:end]):
            return False
        before, after = _text(words[first:start]), _text(words[end : end + 3])
        return bool(self._used_for.search(before) or self._is_use.match(after))

    def _is(self, name: str, text: str) -> bool:
        return self._list(name).search(text) is not None

    def _list(self, name: str) -> re.Pattern[str]:
        return self._lists.get(name, _NEVER)


def _text(words: list[str]) -> str:
    return " ".join(words) + " "


def clause(words: list[str], start: int, end: int) -> tuple[int, int]:
    """Return where the clause around some words begins and ends: from one `but` or full stop to the next."""
    first, last = start, end
    while first > 0 and words[first - 1] not in _BORDERS:
        first -= 1
    while last < len(words) and words[last] not in _BORDERS:
        last += 1
    return first, last


def is_denied(words: list[str], start: int) -> bool:
    """Return whether the words before words[start] say that it is not so."""
    for place in range(start - 1, max(-1, start - 1 - FARTHEST_DENIAL), -1):
        word, between = words[place], words[place + 1 : start]
        if word in _ENDS_DENIAL or (word == "y" and _NEXT_SAID.intersection(between[:1])):
            return False
        if word == "no" or word in _DENIES:
            return words[place - 1 : place] not in _CANNOT and _reaches(word, between)
    return False


def _reaches(denial: str, between: list[str]) -> bool:
    """Return whether a denial is still about what comes after the words in between."""
    if _ANOTHER_MATTER.intersection(between[:2]) or PAUSE in between[:1]:
        return False
    if denial in ("no", "not") and _NEXT_SAID.intersection(between[1:]):
        return False
    return denial != "no" or not _AFTER_PLAIN_NO.intersection(between[:1])
