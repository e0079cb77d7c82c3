"""What a caller keys or says, read as what was asked for, or refused."""

from __future__ import annotations

import re
from datetime import date

from ivr.core.flows import Menu

OLDEST_YEARS = 120
SHORT_ANSWER_WORDS = 3  # `press two please`
SPOKEN = {
    "zero": "0", "oh": "0", "o": "0", "one": "1", "two": "2", "three": "3", "four": "4", "five": "5",
    "six": "6", "seven": "7", "eight": "8", "nine": "9",
    "cero": "0", "uno": "1", "dos": "2", "tres": "3", "cuatro": "4", "cinco": "5", "seis": "6",
    "siete": "7", "ocho": "8", "nueve": "9",
}  # fmt: skip
PERSON_WORDS = re.compile(r"\b(person|agent|representative|operator|somebody|someone|human|persona|agente|operador)\b")


def key_for(words: str, menu: Menu) -> str:
    """The key a spoken answer means in this menu: an option, `0` for a person, or nothing.

    Danger first, whatever else was said; then the longest phrase heard; a number only in an answer so short that
    it can be nothing else: `two pills` in a sentence is no key.
    """
    said = words.casefold()
    heard = [
        (option.facts.get("urgency") == "emergency", len(phrase), key)
        for key, option in menu.options.items()
        for phrases in option.hear.values()
        for phrase in phrases
        if re.search(rf"\b{re.escape(phrase.casefold())}\b", said)
    ]
    if heard:
        return max(heard, key=lambda option: option[:2])[2]
    if PERSON_WORDS.search(said):
        return "0"
    digits = spoken_digits(said)
    return digits if len(digits) == 1 and len(said.split()) <= SHORT_ANSWER_WORDS else ""


def spoken_digits(words: str) -> str:
    """The digits in a spoken answer, in either language: `seven oh oh` is 700."""
    tokens = re.findall(r"\d|[a-záéíóúñ]+", words.casefold())
    return "".join(SPOKEN.get(token, token if token.isdigit() else "") for token in tokens)


def read(as_: str, digits: str, today: date) -> str | None:
    """The value keyed for a field of this kind, or None when it cannot be one."""
    if not digits.isascii() or not digits.isdigit():
        return None
    match as_:
        case "date_of_birth":
            return _date_of_birth(digits, today)
        case "npi":
            return digits if is_npi(digits) else None
        case "phone":
            national = digits[1:] if len(digits) == 11 and digits[0] == "1" else digits
            return f"+1{national}" if len(national) == 10 and national[0] not in "01" else None
        case "rx_number":
            return digits if 6 <= len(digits) <= 8 else None
        case _:
            return digits if len(digits) <= 32 else None


def _date_of_birth(digits: str, today: date) -> str | None:
    """MMDDYYYY, or MMDDYY read as the latest such year that is not in the future; ISO out."""
    if len(digits) == 6:
        year = 2000 + int(digits[4:])
        digits = digits[:4] + str(year if year <= today.year else year - 100)
    if len(digits) != 8:
        return None
    try:
        born = date(int(digits[4:]), int(digits[:2]), int(digits[2:4]))
    except ValueError:  # 0231… is no day of any year
        return None
    return born.isoformat() if born <= today and today.year - born.year <= OLDEST_YEARS else None


def is_npi(digits: str) -> bool:
    """Ten digits starting 1 or 2 whose Luhn check over 80840 + the first nine holds (CMS)."""
    if len(digits) != 10 or digits[0] not in "12":
        return False
    doubled = [int(d) * (2 - i % 2) for i, d in enumerate(digits[:9])]
    total = 24 + sum(d // 10 + d % 10 for d in doubled)
    return (10 - total % 10) % 10 == int(digits[9])
