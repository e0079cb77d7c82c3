"""A caller who follows what they hear: they know who they are and what they want, and nothing of the line.

They take the option whose words come nearest to what they want, give what they are asked for, by key or as speech is
written down by a machine, and stay until they have an answer, wait for a person, or are sent away.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from tests.line.carrier import Phone
from tests.walks.ear import KEYS_NAMED, keys_named, sentences

MOST_QUESTIONS = 25
SAME_QUESTION = 3  # asked more often than this, they are lost
MONTHS = {
    "en": ("january", "february", "march", "april", "may", "june", "july", "august", "september", "october",
           "november", "december"),
    "es": ("enero", "febrero", "marzo", "abril", "mayo", "junio", "julio", "agosto", "septiembre", "octubre",
           "noviembre", "diciembre"),
}  # fmt: skip
DIGITS = {
    "en": ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"),
    "es": ("cero", "uno", "dos", "tres", "cuatro", "cinco", "seis", "siete", "ocho", "nueve"),
}
LANGUAGES = {"en": "For English", "es": "Para español"}

DANGER = {"en": r"hurt or in danger", "es": r"herido o en peligro"}  # they are not

# What is asked for, by the words that ask for it; the first that fits.
ASKED_FOR = {
    "en": {
        "date_of_birth": r"date of birth|birth date",
        "zip": r"zip",
        "npi": r"N ?P ?I|provider (number|identifier)",
        "code": r"code",
        "number": r"prescription number|number on (the|your) label",
    },
    "es": {
        "date_of_birth": r"fecha de nacimiento",
        "zip": r"código postal",
        "npi": r"N ?P ?I|identificador",
        "code": r"código",
        "number": r"número de (su|la) receta",
    },
}


@dataclass(frozen=True)
class Wish:
    """What a caller wants: option words by language, the nearest first, and how they would say it at a menu."""

    options: dict[str, tuple[str, ...]]
    spoken: dict[str, str]


WISHES = {
    "refill": Wish(
        {"en": ("order it", "refill"), "es": ("pedirla", "surtir")},
        {"en": "I need a refill please", "es": "necesito surtir mi receta"},
    ),
    "renewal": Wish(
        {"en": ("ask (them|your prescriber)|ask for", "refill"), "es": ("que (le|se lo) pidamos", "surtir")},
        {"en": "I need a refill please", "es": "necesito surtir mi receta"},
    ),
    "status": Wish(
        {"en": ("not now", "an order"), "es": ("no es ahora", "un pedido")},
        {"en": "where is my order", "es": "dónde está mi pedido"},
    ),
    "prior authorization": Wish(
        {"en": ("insurance",), "es": ("seguro",)},
        {"en": "I'm calling about my prior authorization", "es": "llamo por la autorización previa de mi seguro"},
    ),
    "payment": Wish(
        {"en": ("payment",), "es": ("pago",)},
        {"en": "I have a question about my bill", "es": "tengo una pregunta sobre mi factura"},
    ),
    "verification": Wish(
        {"en": ("prescriber offices", "for a prescription"), "es": ("consultorio", "para una receta")},
        {"en": "this is a doctor's office about a prescription", "es": "hablo de un consultorio por una receta"},
    ),
    "hours": Wish(
        {"en": ("hours", "something else"), "es": ("horario", "otra cosa|algo más")},
        {"en": "what are your hours", "es": "a qué hora abren"},
    ),
    "person": Wish(
        {"en": ("a person",), "es": ("una persona",)},
        {"en": "I want to talk to a person", "es": "quiero hablar con una persona"},
    ),
}
# Answers to questions nobody wished for: they are well, this is all, and who is in line on another phone waits here.
OTHERWISE = {
    "en": ("not now", "that is all", "to confirm", "is fine|all right", "wait here|wait on the line", "the same thing"),
    "es": ("no es ahora", "es todo", "para confirmar", "está bien", "esperar (aquí|ahora)", "por lo mismo"),
}
YES = {"en": "yes", "es": "sí"}


@dataclass
class Follower:
    """One caller. `person` is as the sandbox lists its people; `number` the prescription they ring about."""

    phone: Phone
    wants: str
    person: dict[str, Any]
    number: str = ""
    language: str = "en"
    speaks: bool = False
    code: str = ""
    answers: Sequence[str] = ()  # patterns of what they rang to hear: after one of these they want no more
    wrong: dict[str, str] = field(default_factory=dict)  # what they give in place of the truth
    _told_wish: bool = False

    def finishes(self) -> str:
        """Follow the call to its end: `in line`, `message`, `put through`, `over`; AssertionError when lost."""
        questions: list[str] = []
        while self.phone.asked and not self.phone.on_hold:
            asked = self.phone.asked
            questions.append(asked)
            assert questions.count(asked) <= SAME_QUESTION, f"asked again and again: {asked}"
            assert len(questions) <= MOST_QUESTIONS, f"no end; heard: {self.phone.heard[-10:]}"
            if self._has_answer() and not self._says_goodbye():
                self.phone.hangs_up()
                return "over"
            if not self._has_answer() or self.phone.asked == asked:
                self._answers(asked)
        return self._stands()

    def heard(self, pattern: str) -> bool:
        """Have they heard these words?"""
        return any(re.search(pattern, said, re.IGNORECASE) for said in self.phone.heard)

    # -- how

    def _stands(self) -> str:
        if self.phone.on_hold:
            return "in line"
        if self.phone.may_leave_message:
            return "message"
        if self.phone.dialed or self.phone.room:
            return "put through"
        assert self.phone.is_over, f"nothing is asked, and the call goes on; heard: {self.phone.heard[-5:]}"
        return "over"

    def _has_answer(self) -> bool:
        return any(self.heard(pattern) for pattern in self.answers)

    def _says_goodbye(self) -> bool:
        """Take the option that ends a call, if there is one."""
        key = self._key_for(("that is all|goodbye",) if self.language == "en" else ("es todo|adiós",))
        if key:
            self.phone.presses(key)
        return bool(key)

    def _answers(self, asked: str) -> None:
        if key := self._key_for((LANGUAGES[self.language],)):
            return self.phone.presses(key)
        if re.search(DANGER[self.language], asked):
            return self.phone.says("no") if self.speaks else self.phone.presses("2")
        if self.phone.keys_asked == 1:
            return self._chooses(asked)
        return self._gives(asked)

    def _chooses(self, asked: str) -> None:
        wish = WISHES[self.wants]
        if self.speaks and self.phone.may_speak and not self._told_wish:
            self._told_wish = True
            return self.phone.says(wish.spoken[self.language])
        mine = " ".join(self.number[-4:])
        key = (
            self._key_for((mine, *wish.options[self.language])) if mine else self._key_for(wish.options[self.language])
        )
        key = key or self._key_for(OTHERWISE[self.language])
        assert key, f"nothing here is what they want ({self.wants}): {asked}"
        if self.speaks and self.phone.may_speak and self._is_yes(asked, key):
            return self.phone.says(YES[self.language])
        return self.phone.presses(key)

    def _is_yes(self, asked: str, key: str) -> bool:
        """One thing to agree to, or not: people say yes."""
        return key == "1" and [each for each in keys_named(asked) if each in "12"] == ["1", "2"] and "?" in asked

    def _key_for(self, words: Sequence[str]) -> str:
        """The key of the sentence that has the first of these words that any sentence has."""
        for pattern in words:
            for sentence in sentences(self.phone.asked):
                if re.search(pattern, sentence, re.IGNORECASE) and KEYS_NAMED.search(sentence):
                    return next(iter(keys_named(sentence)), "")
        return ""

    def _gives(self, asked: str) -> None:
        field_ = self._asked_for(asked)
        value = self.wrong.get(field_) or self._value(field_)
        if self.speaks and self.phone.may_speak:
            return self.phone.says(as_spoken(field_, value, self.language))
        return self.phone.presses(as_keyed(field_, value) + ("" if self.phone.keys_asked else "#"))

    def _asked_for(self, asked: str) -> str:
        named = {
            found.start(): field_
            for field_, pattern in ASKED_FOR[self.language].items()
            if (found := re.search(pattern, asked, re.IGNORECASE))
        }
        assert named, f"they do not know what is asked for: {asked}"
        return named[min(named)]

    def _value(self, field_: str) -> str:
        own = {"number": self.number, "code": self.code}
        value = own.get(field_) or self.person.get(field_)
        assert value, f"they are asked for their {field_}, and have none"
        return str(value)


# ---------------------------------------------------------------- how they give it


def as_keyed(field_: str, value: str) -> str:
    """A birth date as month, day and year; anything else as it is."""
    if field_ != "date_of_birth":
        return value
    year, month, day = value.split("-")
    return month + day + year


def as_spoken(field_: str, value: str, language: str) -> str:
    """What a machine writes down when somebody says it: a date in words, and digits one by one."""
    if field_ != "date_of_birth":
        return " ".join(DIGITS[language][int(digit)] for digit in value)
    born = date.fromisoformat(value)
    month = MONTHS[language][born.month - 1]
    return f"{month} {_ordinal(born.day)} {born.year}" if language == "en" else f"{born.day} de {month} de {born.year}"


def _ordinal(day: int) -> str:
    ending = {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th") if day not in (11, 12, 13) else "th"
    return f"{day}{ending}"
