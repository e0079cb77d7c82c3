"""A caller's sentence as words that can be compared: no accents, no capitals, no fillers, contractions written out."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

BREAK = "."  # where a sentence ends
PAUSE = ","

_APOSTROPHE = re.compile("[\u2018\u2019\u02bc\u00b4`]")
_TOKEN = re.compile(r"[a-z0-9]+(?:'[a-z]+)?|[.!?;:]+|,")
_FILLERS = frozenset(
    [
        "um",
        "uh",
        "erm",
        "er",
        "hmm",
        "mm",
        "mmm",
        "mhm",
        "ah",
        "eh",
        "uhm",
        "umm",
        "ehm",
        "pues",
        "bueno",
        "este",
        "osea",
    ]
)
_WHOLE = {
    "can't": "can not", "cant": "can not", "cannot": "can not", "won't": "will not", "wont": "will not",
    "ain't": "is not", "aint": "is not", "shan't": "shall not", "let's": "let us", "gonna": "going to",
    "wanna": "want to", "gotta": "got to", "gimme": "give me", "lemme": "let me", "dunno": "do not know",
    "cuz": "because", "'cause": "because", "im": "i am", "ive": "i have", "hes": "he is",
    "shes": "she is", "theyre": "they are", "youre": "you are", "whats": "what is", "wheres": "where is",
    "thats": "that is", "theres": "there is", "pa": "para", "pal": "para el", "toy": "estoy", "ta": "esta",
    "tan": "estan", "mija": "mi hija", "mijo": "mi hijo", "x": "por", "q": "que", "xq": "porque",
    "meds": "medicines", "med": "medicine", "medication": "medicine", "medications": "medicines",
    "medicamento": "medicina", "medicamentos": "medicinas", "rx": "prescription", "okay": "ok",
    "mum": "mom", "mama": "mom", "grandma": "grandmother", "grandpa": "grandfather", "kiddo": "kid",
}  # fmt: skip
_WHOLE |= {
    f"{verb}nt": f"{verb} not"
    for verb in [
        "do",
        "does",
        "did",
        "is",
        "are",
        "was",
        "were",
        "has",
        "have",
        "had",
        "would",
        "could",
        "should",
        "must",
        "need",
    ]
}
_TAILS = {
    "n't": " not", "'m": " am", "'re": " are", "'ve": " have", "'ll": " will", "'d": " would", "'s": "",
}  # fmt: skip
_SUBJECTS = frozenset({"he", "she", "it", "that", "this", "what", "who", "where", "there", "how"})


def words_of(text: str) -> list[str]:
    """Return the words of a sentence in order, with BREAK and PAUSE where it has punctuation; [] when it has none."""
    return [word for token in _TOKEN.findall(_plain(text)) for word in _written_out(token) if word not in _FILLERS]


def _plain(text: str) -> str:
    """Return text in small letters without accents, so that `convulsión` and `CONVULSION` are the same word."""
    letters = unicodedata.normalize("NFKD", _APOSTROPHE.sub("'", text).casefold())
    return "".join(letter for letter in letters if not unicodedata.combining(letter)).replace("-", " ")


def _written_out(token: str) -> Iterator[str]:
    if not token[0].isalnum():
        yield PAUSE if token == PAUSE else BREAK
    elif token in _WHOLE:
        yield from _WHOLE[token].split()
    else:
        yield from _without_apostrophe(token).split()


def _without_apostrophe(token: str) -> str:
    for tail, whole in _TAILS.items():
        if token.endswith(tail):
            stem = token.removesuffix(tail)
            return f"{stem} is" if tail == "'s" and stem in _SUBJECTS else f"{stem}{whole}"
    return token.replace("'", " ")
