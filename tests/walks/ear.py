"""A document as a caller hears it: the words, the silences between them, the keys they name, and what comes next."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from xml.etree.ElementTree import Element

from ivr.phone import lint

WORDS_A_SECOND = 2.7
REDIRECT_SECONDS = 0.5  # a silence too: nobody hears anything between two documents
KEY_NAMES = {
    "zero": "0", "one": "1", "two": "2", "three": "3", "four": "4", "five": "5", "six": "6", "seven": "7",
    "eight": "8", "nine": "9", "star": "*", "pound": "#",
    "cero": "0", "uno": "1", "dos": "2", "tres": "3", "cuatro": "4", "cinco": "5", "seis": "6", "siete": "7",
    "ocho": "8", "nueve": "9", "asterisco": "*", "estrella": "*", "numeral": "#",
}  # fmt: skip
KEYS_NAMED = re.compile(r"\b(?:press|or|oprima|presione|o)\s+(?:the |el |la tecla )?([0-9*#]|[a-z]+)\b", re.IGNORECASE)
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+")
_NUMBERED = re.compile(r"/voice/[^/]+/\d+/")


@dataclass(frozen=True, slots=True)
class Question:
    """An open Gather: how many keys it takes (None: until `#`), whether it listens, and for how long."""

    keys: int | None
    listens: bool
    seconds: int

    def takes(self, pressed: str) -> str:
        """What the carrier makes of these keys: it stops at `#`, and after as many as were asked for."""
        return pressed.partition("#")[0][: self.keys]


@dataclass(frozen=True, slots=True)
class Document:
    """What one document comes to. Silences are in seconds; a silence somebody was told of is `told_to_wait`."""

    text: str
    faults: tuple[str, ...]  # what the carrier would complain of
    ends: str  # the verb it ends in: Gather, Enqueue, Dial, Record, Redirect, Hangup, Leave; empty for none
    exit: str  # where a Redirect leads: next, wait
    dials: str  # `Conference`, or the number that is rung
    question: Question | None
    offers: tuple[str, ...]  # keys it names
    seconds: float  # how long it is to be heard
    silence_first: float  # before anything is heard; all of it, where nothing is
    told_to_wait: float  # the longest silence after words
    sounds: bool  # is anything said or played?


def heard(twiml: str, setting: lint.Setting) -> Document:
    """Read a document as its caller hears it; which call and which document it is makes no difference."""
    return _heard(_NUMBERED.sub("/voice/c/1/", twiml), setting)


@lru_cache(maxsize=20_000)
def _heard(twiml: str, setting: lint.Setting) -> Document:
    root = lint.parse(twiml.encode())
    said = [" ".join("".join(say.itertext()).split()) for say in root.iter("Say")]
    text = " ".join(said)
    first, told, sounds, seconds = _silences(root)
    last = _last(root)
    gather = root.find("Gather")
    return Document(
        text=text,
        faults=tuple(f"{each.code}: {each.text}" for each in lint.check(root, setting)),
        ends=_ends(root, last),
        exit=_exit(last),
        dials=_dials(last),
        question=_question(gather) if gather is not None else None,
        offers=tuple(keys_named(text)),
        seconds=seconds,
        silence_first=first,
        told_to_wait=told,
        sounds=sounds,
    )


def keys_named(text: str) -> list[str]:
    """The keys a text names, in order: `press 8`, `oprima el ocho`, `Press 1 to confirm, 2 to use another number`."""
    found = [KEY_NAMES.get(name.casefold(), name) for name in KEYS_NAMED.findall(text)]
    return [key for key in found if key in "0123456789*#"]


def sentences(text: str) -> list[str]:
    return _SENTENCE_END.split(text)


def _last(root: Element) -> Element | None:
    """The verb that decides what comes next: a question or the tone, whatever stands behind it for who is silent."""
    for verb in root:
        if verb.tag == "Record" or (verb.tag == "Gather" and verb.get("actionOnEmptyResult") == "true"):
            return verb
    return root[-1] if len(root) else None


def _ends(root: Element, last: Element | None) -> str:
    if last is None:
        return ""
    if last.tag in ("Gather", "Record", "Dial", "Enqueue") and not last.get("action"):
        return ""
    return last.tag if last.tag not in ("Say", "Play", "Pause") else ""


def _exit(last: Element | None) -> str:
    if last is None or last.tag != "Redirect":
        return ""
    return (last.text or "").partition("#")[0].rpartition("/")[2]


def _dials(last: Element | None) -> str:
    if last is None or last.tag != "Dial" or not len(last):
        return ""
    return "Conference" if last[0].tag == "Conference" else last[0].text or ""


def _question(gather: Element) -> Question:
    keys = gather.get("numDigits")
    return Question(int(keys) if keys else None, "speech" in gather.get("input", ""), int(gather.get("timeout", "5")))


def _silences(root: Element) -> tuple[float, float, bool, float]:
    """The silence before the first sound, the longest after words, whether there is a sound, and how long all is."""
    first, told, quiet, sounds, seconds = 0.0, 0.0, 0.0, False, 0.0
    for verb in _sounding(root):
        if verb.tag == "Pause":
            quiet += float(verb.get("length", "1"))
            seconds += float(verb.get("length", "1"))
        elif verb.tag == "Gather":  # its children have been heard: it waits for an answer
            if not sounds:
                quiet += float(verb.get("timeout", "5"))
            seconds += float(verb.get("timeout", "5"))
        else:
            seconds += len("".join(verb.itertext()).split()) / WORDS_A_SECOND if verb.tag == "Say" else 5.0
            sounds, quiet = True, 0.0
        first, told = (first, max(told, quiet)) if sounds else (quiet, told)
    return first, told, sounds, seconds


def _sounding(root: Element) -> list[Element]:
    found: list[Element] = []
    for verb in root:
        if verb.tag == "Gather":
            found += [*verb, verb]
        elif verb.tag in ("Say", "Play", "Pause"):
            found.append(verb)
    return found
