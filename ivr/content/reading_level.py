"""How hard a text is to follow, by the published formulas for English and Spanish.

English: the school grade of Kincaid, Fishburne, Rogers and Chissom (Derivation of new readability formulas for Navy
enlisted personnel, 1975); health information is to be written for grade 6 or below (AHRQ). Spanish: the ease of
Szigriszt-Pazos (1993) on the scale INFLESZ of Barrio-Cantalejo and others, made with texts for patients (Anales del
Sistema Sanitario de Navarra 31, 2008): from 55 most people follow, below 40 it takes a university.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache

FEWEST_WORDS = 15  # the formulas were made with texts of a hundred words; of one short sentence they tell nothing
PLAIN_GRADE, HARDEST_GRADE = 6, 9
PLAIN_EASE, HARDEST_EASE = 55, 40
_SENTENCE = re.compile(r"[.!?:;]+(?:\s|$)")
_WORD = re.compile(r"[^\W\d_]+(?:['\u2019\-][^\W\d_]+)*|\d+")
_SILENT = re.compile(r"(?:[^aeiouyl]|[aeiouy]l)e$|[^aeiouyscgxzh]es$|[^aeiouydt]ed$")  # an e nobody hears
_PARTED = re.compile(r"[^tcsgx]i[ao]|[^qg]ua|ea$|ie(?=t)|crea(?=t)")  # two vowels that are two syllables
_MUTE = re.compile(r"(?<=[gq])u(?=[eiéí])|y(?=[aeiouáéíóú])")  # letters that are no vowels where they stand
_NUCLEUS = re.compile(r"[iuüy]*[aeoáéó](?:[iuüy](?![aeoáéó]))?|[íú]|[iuüy]+")


@dataclass(frozen=True, slots=True)
class ReadingLevel:
    """How hard a text is, in the words of its formula, and what is asked for."""

    told: str  # school grade 11
    asked: str  # 6 at most
    hard: bool
    too_hard: bool


@lru_cache(maxsize=2_000)
def reading_level(text: str, language: str) -> ReadingLevel | None:
    """Return how hard a text is; None for a short one, or a language there is no formula for."""
    words = _WORD.findall(text.casefold())
    if language not in _FORMULAS or len(words) < FEWEST_WORDS:
        return None
    syllables, level = _FORMULAS[language]
    sentences = sum(bool(_WORD.search(part)) for part in _SENTENCE.split(text))
    return level(len(words) / sentences, sum(map(syllables, words)) / len(words))


def _kincaid(words_a_sentence: float, syllables_a_word: float) -> ReadingLevel:
    grade = int(0.39 * words_a_sentence + 11.8 * syllables_a_word - 15.59)  # 6.9 is still the sixth
    return ReadingLevel(
        f"school grade {grade}", f"{PLAIN_GRADE} at most", grade > PLAIN_GRADE, too_hard=grade > HARDEST_GRADE
    )


def _inflesz(words_a_sentence: float, syllables_a_word: float) -> ReadingLevel:
    ease = round(206.835 - 62.3 * syllables_a_word - words_a_sentence)
    return ReadingLevel(f"INFLESZ {ease}", f"{PLAIN_EASE} at least", ease < PLAIN_EASE, too_hard=ease < HARDEST_EASE)


def english_syllables(word: str) -> int:
    """Return about how many syllables an English word has: its groups of vowels, as they are heard."""
    if word.isdigit():
        return len(word)
    groups = len(re.findall(r"[aeiouy]+", word))
    parted = len(_PARTED.findall(word)) if groups > 1 else 0
    return max(1, groups + parted - bool(_SILENT.search(word)))


def spanish_syllables(word: str) -> int:
    """Return how many syllables a Spanish word has: a, e and o make one each, and so do í and ú beside them."""
    if word.isdigit():
        return 2 * len(word)
    return max(1, len(_NUCLEUS.findall(_MUTE.sub("", word))))


_FORMULAS: Mapping[str, tuple[Callable[[str], int], Callable[[float, float], ReadingLevel]]] = {
    "en": (english_syllables, _kincaid),
    "es": (spanish_syllables, _inflesz),
}
