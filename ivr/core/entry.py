"""What a caller keys or says, read as what was asked for, or refused."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import date

from ivr.core import dates, numerals, spelling
from ivr.core.flows import Menu, Option

PHRASE_WORDS = 4  # an answer of so many words is one of the phrases a menu knows, if it has one in it
SHORT_ANSWER_WORDS = 3  # `press two please`
WHOLE_ANSWER_WORDS = 6  # `could you please say that again`; a longer sentence is about something else
FEW_WORDS = 4  # too few to tell a language by
FAMILIAR = 8  # one small word at least in so many
LENGTHS = {"zip": 5, "code": 6, "unit": 1}
MOST_CHARACTERS = 500  # of their own words

DICTATED: Mapping[str, Callable[[str], str | None]] = {
    "letters": spelling.said,
    "strength": spelling.strength_said,
    "unit": spelling.unit_said,
}
"""What an office dictates: read by itself, and no danger in it where it is asked for, however it sounds."""

SLOWER = "slower"
PERSON_WORDS = re.compile(
    r"\b(person|agent|representative|operator|somebody|someone|human|persona|agente|operador|operadora|representante)\b"
)


def _words(told: str) -> frozenset[str]:
    return frozenset(told.split())


def _phrases(told: str, key: str) -> dict[str, str]:
    return {phrase.strip(): key for phrase in told.split(",")}


_POLITE = _words(
    "please could can would you i we want need to like just um uh sorry the a me lo la por favor puede podria quiero"
    " necesito usted gracias thanks"
)
_UNIVERSAL: Mapping[str, str] = {
    **_phrases("repeat, repeat that, repeat it, again, say again, say that again, say it again, one more time", "*"),
    **_phrases("pardon, what, what was that, star, otra vez, repita, repetir, repitalo, repite, de nuevo", "*"),
    **_phrases("como, como dijo, mande, perdon, asterisco", "*"),
    **_phrases("back, go back, previous, previous menu, nine", "9"),
    **_phrases("atras, ir atras, regresar, regrese, volver, volver atras, menu anterior, nueve", "9"),
    **_phrases("slower, slow down, more slowly, speak slower, speak more slowly, go slower, slowly", SLOWER),
    **_phrases("mas despacio, despacio, mas lento, hable mas despacio, hable despacio, mas lentamente", SLOWER),
    **_phrases("zero, cero", "0"),
}
_CLOSING = _words(
    "bye goodbye thank you all right ok okay that s is it adios hasta luego bueno todo es listo yes no si"
)
_TAKES_BACK = _words(
    "no not t don never cancel stop wait undo late already without mean didn nunca sin cancele cancelar espere tampoco"
)
_ASKS = _words(
    "do does did is are was can could how what when where who why would should will cuanto cuanta que quien cuando"
    " donde como puedo puede tengo"
)
YES_PHRASES, NO_PHRASES = ("yes", "sí", "si"), ("no",)
_DENIED_VERBS = (["estoy"], ["esta"], ["estan"], ["estamos"], ["hay"], ["tengo"], ["tiene"])  # what a Spanish no denies
_DEAR = _words(  # premium rates, and islands that share the numbering and not the tariff
    "900 976 242 246 264 268 284 345 441 473 649 658 664 721 758 767 784 809 829 849 868 869 876"
)
_LANGUAGES = {"english": "en", "ingles": "en", "spanish": "es", "espanol": "es", "castellano": "es"}
_SMALL_WORDS = {
    "en": _words("i my the is are was he she it they you can cannot not and to of in with at help someone need have"),
    "es": _words(
        "yo mi el la los las es esta estoy estan que de del en con no me se un una y puedo tengo tiene ayuda ayudame"
        " por hijo hija favor morir tomo quiero mis"
    ),
}
_ASKS_FOR_A_PERSON = re.compile(
    r"\b(speak|talk|speaking|talking|hablar|comunicarme|comunicar|comuniqueme|pasar|paseme)\b.*" + PERSON_WORDS.pattern
)

_YES = _words("yes yeah yep yup yah correct right sure ok okay affirmative si claro correcto exacto cierto")
_NO = _words("no nope nah nobody none negative nadie ninguno ninguna nada tampoco")
_DOUBT = _words(
    "know sure maybe perhaps might may think guess but although unless yet until except not se seguro segura quizas"
    " quiza tal talvez creo pero aunque todavia menos salvo"
)
ORDINALS = {
    word: str(number)
    for counted in ("first second third fourth fifth", "primero segundo tercero cuarto quinto")
    for number, word in enumerate(counted.split(), 1)
} | {"primera": "1", "segunda": "2", "tercera": "3", "cuarta": "4", "quinta": "5"}
_PLAIN = _words(
    "yes yeah yep no nope si correct press oprima key number numero digit is it its es of de del el my mi zip code"
    " codigo postal born naci"
) | {*dates.MONTHS, *dates.CARDINALS, *numerals.BETWEEN}
PLAIN_NO_WORDS = 8  # a longer answer says more than no
_HARM = _words("hurt injured danger bleeding herido herida heridos lastimado lastimada peligro")
_DENIES = _words("not nobody one anyone anybody nadie nothing nada")
_ONLY_NO = _words(
    "i im m am we re are is s he she they it there in any now here thank thanks you please"
    " yo estoy esta estamos hay en ningun ahora aqui gracias por favor"
)

# ---------------------------------------------------------------- what every question understands


def universal(words: str) -> str:
    """Return the key that means the same at every question, `slower`, or nothing, for an answer that is only that."""
    told = numerals.tokens(words)
    said = " ".join(token for token in told if token not in _POLITE)
    if said in _UNIVERSAL and len(told) <= WHOLE_ANSWER_WORDS:
        return _UNIVERSAL[said]
    return "0" if asks_for_person(words) else ""


def language_named(words: str) -> str | None:
    """Return the language an answer names and asks for, and nothing else: `español, por favor`."""
    told = [
        token for token in numerals.tokens(words) if token not in (*_POLITE, "in", "en", "speak", "hablar", "hablo")
    ]
    return _LANGUAGES.get(told[0]) if len(told) == 1 else None


def language_of(words: str) -> str | None:
    """Return the language a sentence is in, by its smallest words; None where they do not tell."""
    told = numerals.tokens(words)
    counts = {language: sum(token in small for token in told) for language, small in _SMALL_WORDS.items()}
    first, second = sorted(counts, key=lambda language: -counts[language])[:2]
    return first if counts[first] > counts[second] else None


def is_strange(words: str) -> bool:
    """Return whether a sentence is in no language we know: hardly any of its words are the smallest of one."""
    told = numerals.tokens(words)
    known = sum(any(token in small for small in _SMALL_WORDS.values()) for token in told)
    return len(told) >= FEW_WORDS and known * FAMILIAR < len(told)


def asks_for_person(words: str) -> bool:
    """Return whether an answer asks for a person and for nothing else; `someone stole it` does not."""
    told = [token for token in numerals.tokens(words) if token not in _POLITE]
    named = any(PERSON_WORDS.fullmatch(token) for token in told)
    return named and (len(told) <= SHORT_ANSWER_WORDS or _ASKS_FOR_A_PERSON.search(" ".join(told)) is not None)


def is_plain(words: str) -> bool:
    """Return whether an answer is only a number, a day, a yes or no, or what means the same at every question.

    Nobody in danger says so with nothing but digits; unless they are those of the emergency number.
    """
    told = [token for token in numerals.tokens(words) if token not in _POLITE]
    plain = all(numerals.is_number(token) or token in _PLAIN for token in told)
    is_answer = bool(told) and plain and "911" not in numerals.readings(words)
    is_wish = universal(words) not in ("", "0") or language_named(words) is not None
    return is_answer or is_wish or is_nothing_but_no(words)


def yes_or_no(words: str) -> bool | None:
    """Return what an answer clearly means, in either language; None where anything about it is open."""
    told = numerals.tokens(words.casefold().replace("right now", "now"))
    if told[:1] and told[0] in _NO and len(told) <= PLAIN_NO_WORDS and not {*told} & (_YES | _DOUBT):
        return False if _denies_harm(told) else None
    return True if {*told} & _YES and not {*told} & (_NO | (_DOUBT - {"sure"})) else None


def is_nothing_but_no(words: str) -> bool:
    """Return whether an answer says that nobody is harmed, and not a word more: `no, nobody is hurt`."""
    told = numerals.tokens(words.casefold().replace("right now", "now"))
    return bool(told) and told[0] in _NO and {*told} <= (_NO | _HARM | _DENIES | _ONLY_NO) and _denies_harm(told)


def _denies_harm(told: list[str]) -> bool:
    """`No, I am not hurt` and `no estoy herido` deny it, `no, I am hurt` does not."""
    denied = bool({*told} & _DENIES) or sum(token in _NO for token in told) > 1 or told[1:2] in _DENIED_VERBS
    return denied or not {*told} & _HARM


# ---------------------------------------------------------------- menus


def phrase_for(words: str, menu: Menu) -> tuple[str, str]:
    """Return the key of the option a phrase of which was said, and the phrase; danger first, then the longest.

    An option that says nothing of what the call is about is a yes, a no or a goodbye. It is not taken where the words
    around the phrase take it back or ask about it: `no, don't order it`, `do I have to say yes`.
    """
    said = words.casefold()
    heard = [
        (option.facts.get("urgency") == "emergency", len(phrase), key, phrase)
        for key, option in menu.options.items()
        for phrases in option.hear.values()
        for phrase in phrases
        if (found := re.search(rf"\b{re.escape(phrase.casefold())}\b", said))
        and (option.facts or not _is_taken_back(said[: found.start()], said[found.end() :]))
    ]
    return max(heard, key=lambda option: option[:2])[2:] if heard else _clear_answer(words, menu)


def _is_taken_back(before: str, after: str) -> bool:
    told = numerals.tokens(f"{before} {after}")
    return bool({*told} & _TAKES_BACK) or (told[:1] != [] and told[0] in _ASKS)


def _clear_answer(words: str, menu: Menu) -> tuple[str, str]:
    """The option for a clear yes or no, where there is one: `no, don't refill it` is a no."""
    answer = None if {*numerals.tokens(words)[:1]} & _ASKS else yes_or_no(words)
    wanted = () if answer is None else YES_PHRASES if answer else NO_PHRASES
    options = (
        (key, phrase) for key, option in menu.options.items() if not option.facts for phrase in _phrases_of(option)
    )
    return next(((key, phrase) for key, phrase in options if phrase in wanted), ("", ""))


def _phrases_of(option: Option) -> list[str]:
    return [phrase for phrases in option.hear.values() for phrase in phrases]


def is_phrase_of(words: str, menu: Menu) -> bool:
    """Return whether an answer is one of the phrases a menu knows, give or take a word."""
    return len(words.split()) <= PHRASE_WORDS and bool(phrase_for(words, menu)[0])


def is_nothing_else(words: str, menu: Menu) -> bool:
    """Return whether an answer is made of a menu's own phrases and politeness, and of nothing else."""
    known = {token for option in menu.options.values() for p in _phrases_of(option) for token in numerals.tokens(p)}
    told = numerals.tokens(words)
    return bool(told) and {*told} <= known | _POLITE | _CLOSING and bool({*told} & known)


def key_for(words: str, menu: Menu) -> str:
    """Return the key a spoken answer means in this menu: an option, `0` for a person, or nothing.

    Danger first, whatever else was said; then the longest phrase heard; a number only in an answer so short that
    it can be nothing else: `two pills` in a sentence is no key.
    """
    key, _ = phrase_for(words, menu)
    if key or (key := universal(words)):
        return key
    return "0" if PERSON_WORDS.search(words.casefold()) else short_key(words)


def short_key(words: str) -> str:
    """Return the one digit of a short answer, or nothing."""
    digits = spoken_digits(words)
    return digits if len(digits) == 1 and len(words.split()) <= SHORT_ANSWER_WORDS else ""


def nth(words: str) -> str:
    """Return the digit of a short answer that counts: `the second one`, `la primera`."""
    counted = next((ORDINALS[token] for token in numerals.tokens(words) if token in ORDINALS), "")
    return counted or short_key(words)


def readings(words: str) -> Iterable[str]:
    """Return all the digits an answer can be, likeliest first."""
    return numerals.readings(words)


def spoken_digits(words: str) -> str:
    """Return the likeliest digits of a spoken answer, in either language: `seven oh oh` is 700."""
    return next(numerals.readings(words), "")


# ---------------------------------------------------------------- values


def read(as_: str, digits: str, today: date, length: int | None = None) -> str | None:
    """Return the value keyed for a field of this kind, or None when it cannot be one; `length` where it is fixed."""
    if not digits.isascii() or not digits.isdigit():
        return None
    match as_:
        case "date_of_birth":
            return dates.keyed(digits, today)
        case "letters":
            return spelling.keyed(digits)
        case "strength":
            return spelling.strength_keyed(digits)
        case "unit":
            return spelling.unit_keyed(digits)
        case "npi":
            return digits if is_npi(digits) else None
        case "phone":
            national = digits[1:] if len(digits) == 11 and digits[0] == "1" else digits
            return f"+1{national}" if _can_be_called_back(national) else None
        case "zip" | "code":
            return digits if len(digits) == LENGTHS[as_] else None
        case "rx_number":
            return digits if (6 <= len(digits) <= 8 if length is None else len(digits) == length) else None
        case _:
            return digits if (len(digits) <= 32 if length is None else len(digits) == length) else None


def said(as_: str, words: str, language: str, today: date, length: int | None = None) -> str | None:
    """Return the value said for a field of this kind: of all the numbers the words can be, the first that fits."""
    if as_ == "speech":
        return words.strip()[:MOST_CHARACTERS] or None
    if as_ == "date_of_birth":
        return dates.said(words, language, today)
    if as_ in DICTATED:
        return DICTATED[as_](words)
    return first_that_fits(read(as_, digits, today, length) for digits in numerals.readings(words))


def _can_be_called_back(national: str) -> bool:
    """Return whether ten digits are an ordinary number of the United States or Canada, and cost nobody a fortune."""
    area, exchange = national[:3], national[3:6]
    ordinary = all(part[:1] not in ("", "0", "1") and part[1:] != "11" for part in (area, exchange))
    return len(national) == 10 and ordinary and area not in _DEAR


def first_that_fits(values: Iterable[str | None]) -> str | None:
    return next((value for value in values if value is not None), None)


def is_npi(digits: str) -> bool:
    """Ten digits starting 1 or 2 whose Luhn check over 80840 + the first nine holds (CMS)."""
    if len(digits) != 10 or digits[0] not in "12":
        return False
    doubled = [int(d) * (2 - i % 2) for i, d in enumerate(digits[:9])]
    total = 24 + sum(d // 10 + d % 10 for d in doubled)
    return (10 - total % 10) % 10 == int(digits[9])
