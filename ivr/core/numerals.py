"""Numbers as people read them to a machine, in English and in Spanish, back to digits.

People read a number digit by digit, in pairs, in groups, with `double` and `hundred`, often all of it in one number; so
most have several readings, and whoever asked knows which of them it can be.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from itertools import chain, groupby, islice

MOST_READINGS = 256
MOST_WORDS = 60

_UNITS = ("zero one two three four five six seven eight nine", "cero uno dos tres cuatro cinco seis siete ocho nueve")
_TEENS = (
    "ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen",
    "diez once doce trece catorce quince dieciseis diecisiete dieciocho diecinueve",
)
_TWENTIES = ("veintiuno veintidos veintitres veinticuatro veinticinco veintiseis veintisiete veintiocho veintinueve",)
_TENS = (
    "twenty thirty forty fifty sixty seventy eighty ninety",
    "veinte treinta cuarenta cincuenta sesenta setenta ochenta noventa",
)
_HUNDREDS = ("ciento doscientos trescientos cuatrocientos quinientos seiscientos setecientos ochocientos novecientos",)


def _counted(lists: tuple[str, ...], first: int, step: int = 1) -> dict[str, int]:
    return {word: first + step * at for words in lists for at, word in enumerate(words.split())}


UNITS: Mapping[str, int] = {**_counted(_UNITS, 0), "oh": 0, "o": 0, "un": 1, "una": 1}
TEENS: Mapping[str, int] = {**_counted(_TEENS, 10), **_counted(_TWENTIES, 21), "veintiun": 21}
TENS: Mapping[str, int] = _counted(_TENS, 20, 10)
TENS_JOIN: Mapping[str, bool] = {word: words == _TENS[1] for words in _TENS for word in words.split()}
HUNDREDS: Mapping[str, int] = {**_counted(_HUNDREDS, 100, 100), "cien": 100}
THOUSAND = ("thousand", "mil")
AGAIN: Mapping[str, int] = {"double": 2, "doble": 2, "triple": 3}
JOINS = ("and", "y")
BETWEEN = ("dash", "hyphen", "guion", "then", "luego", "um", "uh", "eh", "st", "nd", "rd", "th")
_WORDS = frozenset({*UNITS, *TEENS, *TENS, *HUNDREDS, *THOUSAND, *AGAIN, *JOINS, "hundred"})

Value = tuple[int, int]  # of a number, and where the next one begins


def tokens(words: str) -> list[str]:
    """Return the words and digit groups of an answer, in small letters and without accents."""
    plain = unicodedata.normalize("NFD", words.casefold())
    found = re.findall(r"[0-9]+|[a-z]+", "".join(char for char in plain if not unicodedata.combining(char)))
    return found[:MOST_WORDS]


def is_number(token: str) -> bool:
    """Return whether a token is a number, or part of one."""
    return token.isdigit() or token in _WORDS


def readings(words: str) -> Iterator[str]:
    """Yield what the digits of an answer can be, likeliest first: those that stand together, then all there are."""
    told = [token for token in tokens(words) if token not in BETWEEN]
    runs = [list(run) for number, run in groupby(told, is_number) if number]
    whole = [list(chain.from_iterable(runs))] if len(runs) > 1 else []
    for run in [*sorted(runs, key=_length, reverse=True), *whole]:
        yield from ("".join(numbers) for numbers in series(run))


def _length(run: list[str]) -> int:
    return sum(len(token) if token.isdigit() else 1 for token in run)


def series(run: list[str]) -> Iterator[tuple[str, ...]]:
    """Yield the numbers a run of tokens can be, each as its digits: the fewest, largest numbers first."""
    steps = _steps(run)
    if not steps[0]:  # a `thousand` of nothing, a `double` of nothing: what is left is all that was said
        steps = _steps([token for token in run if token not in (*THOUSAND, *AGAIN, "hundred")])
    yield from islice(_series(steps, 0), MOST_READINGS)


def _steps(run: list[str]) -> list[list[tuple[str, int]]]:
    """Return for each place every number that can begin there and leaves something that can be read to its end."""
    steps: list[list[tuple[str, int]]] = [[] for _ in run] + [[("", len(run))]]
    for at in reversed(range(len(run))):
        begins = [("", at + 1)] if run[at] in JOINS else _numbers(run, at)
        steps[at] = [(digits, after) for digits, after in begins if steps[after]]
    return steps


def _series(steps: list[list[tuple[str, int]]], at: int) -> Iterator[tuple[str, ...]]:
    if at >= len(steps) - 1:
        yield ()
        return
    for digits, after in steps[at]:
        for rest in _series(steps, after):
            yield (digits, *rest) if digits else rest


def _numbers(run: list[str], at: int) -> list[tuple[str, int]]:
    """Return every number that can begin here, the longest first."""
    token, following = run[at], run[at + 1] if at + 1 < len(run) else ""
    if token in AGAIN:
        digit = following if len(following) == 1 and following.isdigit() else str(UNITS.get(following, ""))
        return [(digit * AGAIN[token], at + 2)] if digit else []
    found = {after: str(value) for value, after in _thousands(run, at)}
    if token.isdigit():
        found[at + 1] = token
    return [(found[after], after) for after in sorted(found, reverse=True)]


def _thousands(run: list[str], at: int) -> Iterator[Value]:
    whole = [(1, at)] if run[at] == "mil" else list(_hundreds(run, at))
    for value, after in whole:
        if after < len(run) and run[after] in THOUSAND:
            yield value * 1000, after + 1
            yield from ((value * 1000 + rest, end) for rest, end in _and(_hundreds, run, after + 1))
    yield from (pair for pair in whole if pair[1] > at)


def _hundreds(run: list[str], at: int) -> Iterator[Value]:
    if at < len(run) and run[at] in HUNDREDS:
        yield from _with_rest(HUNDREDS[run[at]], run, at + 1)
    for value, after in _tens(run, at):
        yield value, after
        if after < len(run) and run[after] == "hundred":
            yield from _with_rest(value * 100, run, after + 1)


def _with_rest(hundreds: int, run: list[str], at: int) -> Iterator[Value]:
    yield hundreds, at
    for rest, after in _and(_tens, run, at):
        if run[after : after + 1] != ["hundred"]:  # `seven hundred two hundred` are two numbers
            yield hundreds + rest, after


def _and(read: Callable[[list[str], int], Iterator[Value]], run: list[str], at: int) -> Iterator[Value]:
    joined = at < len(run) and run[at] in JOINS
    return read(run, at + 1 if joined else at)


def _tens(run: list[str], at: int) -> Iterator[Value]:
    token = run[at] if at < len(run) else ""
    if token.isdigit() and len(token) < 3 and (token == "0" or token[0] != "0"):
        yield int(token), at + 1
    elif token in UNITS or token in TEENS:
        yield UNITS.get(token, TEENS.get(token, 0)), at + 1
    elif token in TENS:
        yield TENS[token], at + 1
        joined = TENS_JOIN[token]  # `treinta y uno`, but `thirty one`
        if not joined or run[at + 1 : at + 2] == ["y"]:
            unit = UNITS.get(next(iter(run[at + 1 + joined :]), ""), 0)
            yield from [(TENS[token] + unit, at + 2 + joined)] if unit else []
