"""Names spelt letter by letter and amounts with a point, said or keyed: what must not be misheard is never guessed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import groupby

from ivr.core import numerals

FEWEST, MOST = 2, 40  # letters of a name
LARGEST = 99_999  # milligrams and the like
KEYS: Mapping[str, str] = {
    **{"2": "abc", "3": "def", "4": "ghi", "5": "jkl", "6": "mno", "7": "pqrs", "8": "tuv", "9": "wxyz"},
}
BETWEEN_LETTERS = "1"  # keyed between two letters of the same key

ALPHABET: Mapping[str, Mapping[str, str]] = {
    language: {word[0].casefold(): word for word in words.split()}
    for language, words in {
        "en": "Alpha Bravo Charlie Delta Echo Foxtrot Golf Hotel India Juliet Kilo Lima Mike November Oscar Papa"
        " Quebec Romeo Sierra Tango Uniform Victor Whiskey X-ray Yankee Zulu",
        "es": "Ana Burgos Carmen Dinamarca España Francia Gerona Historia Italia Jaén Kilo Lorenzo Madrid Navarra"
        " Oviedo París Queso Ramón Sábado Toledo Ulises Valencia Washington Xilófono Yegua Zaragoza",
    }.items()
}
"""Words for letters, by language: `N as in November`."""


def _words(told: str) -> frozenset[str]:
    return frozenset(told.split())


_LETTER_NAMES: Mapping[str, str] = {
    name: names[0]
    for names in (
        *("aay", "bbee bbe", "ccee csee cce", "ddee dde", "eee", "fef feff fefe", "ggee gge", "haitch hhache", "ieye"),
        *("jjay jjota", "kkay kka", "lel lell lele", "mem meme", "nen nene", "ppee ppe", "qcue qqueue qcu", "rar rere"),
        *("sess ses sese", "ttee ttea tte", "uyou uyu", "vvee vuve", "xex xequis", "ywhy ywye yye", "zzee zzed zzeta"),
    )
    for name in (word[1:] for word in names.split())
}
_CALLED = frozenset("".join(numerals.tokens(word)) for words in ALPHABET.values() for word in words.values())
_AS_IN = re.compile(r"\b(?:as in|like|for|como en|como)\b")
_DOUBLE = {"double": 2, "doble": 2, "triple": 3}
_W = re.compile(r"\b(?:double (?:u|you)|doble (?:u|ve|uve)|uve doble)\b")
_FILLER = _words("and then y luego um uh eh the letter letra la it is spelt spelled se escribe")
_POINT = _words("point punto coma dot")
_AROUND = _words("it is its s es de a an the um uh please por favor")
UNITS: Mapping[str, tuple[str, ...]] = {
    "mg": ("milligram", "milligrams", "miligramo", "miligramos", "mg"),
    "mcg": ("microgram", "micrograms", "microgramo", "microgramos", "mcg"),
    "g": ("gram", "grams", "gramo", "gramos", "g"),
    "ml": ("milliliter", "milliliters", "mililitro", "mililitros", "ml", "millilitre", "millilitres"),
    "units": ("unit", "units", "unidad", "unidades"),
    "percent": ("percent", "per cent", "por ciento"),
}
"""Units of a strength, in the order of their keys from 1, with how they are said."""


# ---------------------------------------------------------------- letters


def keyed(digits: str) -> str | None:
    """Return the letters of keys, each pressed as often as its place on them: `222 555 444` is cli; None for none."""
    letters = []
    for key, run in groupby(digits):
        times = len(list(run))
        if key == BETWEEN_LETTERS and times == 1:
            continue
        if key not in KEYS or times > len(KEYS[key]):
            return None
        letters.append(KEYS[key][times - 1])
    return _name(letters)


def said(words: str) -> str | None:
    """Return the letters somebody spelt, plainly or as in `C as in Charlie`; None for a word, or anything else in it.

    A whole word is not taken: what a machine heard as one name may have been another.
    """
    told = _tokens(_W.sub("w", words.casefold()))
    letters: list[str] = []
    at = 0
    while at < len(told):
        taken = _letter(told, at)
        if taken is None:
            return None
        some, at = taken
        letters += some
    return _name(letters)


def _tokens(words: str) -> list[str]:
    return numerals.tokens(_AS_IN.sub(" 0 ", words.replace("x-ray", "xray")))


def _letter(told: list[str], at: int) -> tuple[list[str], int] | None:
    """The letters that begin here and where the next begin; None when this is no letter."""
    token, after = told[at], told[at + 1 : at + 3]
    if token == "0":  # as in, of a letter that went before
        return None
    if after[:1] == ["0"] and len(after) == 2:
        return _as_in(token, after[1], at)
    if after[:1] == ["de"] and len(after) == 2 and after[1] not in _LETTER_NAMES and len(after[1]) > 1:
        return _as_in(token, after[1], at)  # in `ce de e` it is a letter
    if token in _DOUBLE and (letter := _named(after[0] if after else "")):
        return [letter] * _DOUBLE[token], at + 2
    if letter := _named(token):
        return [letter], at + 1
    return ([], at + 1) if token in _FILLER else None


def _as_in(token: str, word: str, at: int) -> tuple[list[str], int] | None:
    """`see as in charlie` is a c: the word counts, and a letter it does not begin with is a contradiction."""
    letter = _named(token)
    agrees = letter == word[0] or (len(token) > 1 and letter is not None)
    return ([word[0]], at + 3) if agrees and word.isalpha() else None


def _named(token: str) -> str | None:
    if len(token) == 1 and token.isalpha():
        return token
    return token[0] if token in _CALLED else _LETTER_NAMES.get(token)


def _name(letters: list[str]) -> str | None:
    return "".join(letters) if FEWEST <= len(letters) <= MOST else None


# ---------------------------------------------------------------- amounts


def strength_keyed(digits: str) -> str | None:
    """Return a whole strength as keyed; one with a point has to be said."""
    return _amount(digits, "")


def strength_said(words: str) -> str | None:
    """Return a strength as it is written without ambiguity: `point five` is 0.5, and `5.0` is 5; None for none."""
    plain = re.sub(r"(?<=\d),(?=\d{3}\b)", "", words.casefold())
    told = numerals.tokens(re.sub(r"(?<=\d)[.,](?=\d)", " point ", plain))
    told = [token for token in told if token not in _AROUND and token not in _SAID_UNITS]
    points = [at for at, token in enumerate(told) if token in _POINT]
    if len(points) > 1 or not told:
        return None
    at = points[0] if points else len(told)
    whole, rest = _digits(told[:at]), _digits(told[at + 1 :])
    return None if whole is None or rest is None or (points and not rest) else _amount(whole or "0", rest)


def _digits(told: list[str]) -> str | None:
    """The digits of number words; "" for no words, None when there is anything else among them."""
    if not all(numerals.is_number(token) for token in told):
        return None
    return next(numerals.readings(" ".join(told)), "")


def _amount(whole: str, rest: str) -> str | None:
    fraction = rest.rstrip("0")
    if not whole.isdigit() or len(whole) > len(str(LARGEST)) or len(fraction) > 4:
        return None
    value = f"{int(whole)}.{fraction}" if fraction else str(int(whole))
    return value if float(value) > 0 else None


def unit_keyed(digits: str) -> str | None:
    """Return the unit on a key."""
    return dict(zip("123456", UNITS, strict=True)).get(digits)


def unit_said(words: str) -> str | None:
    """Return the unit somebody named and no other; None for none or two."""
    said = f" {' '.join(numerals.tokens(words))} "
    found = [unit for unit, names in UNITS.items() if any(f" {name} " in said for name in names)]
    return found[0] if len(found) == 1 else None


_SAID_UNITS = frozenset(word for names in UNITS.values() for name in names for word in name.split())
