"""A caller at random: who they are, what kind of day it is, and what they do at each document. A seed is a walk."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from ivr.core.call import Caller
from ivr.core.effects import SendText
from ivr.core.events import DialEnded, NobodyCould, QueueLeft, Recorded, Silent, Stumbled
from ivr.core.flows import Collect
from ivr.core.pharmacy import Pharmacy
from ivr.orders.sandbox.cast import PEOPLE
from ivr.orders.sandbox.filed import FiledPerson
from tests.walks import cast
from tests.walks.cast import PATIENTS, Given
from tests.walks.ear import Document
from tests.walks.follower import as_spoken
from tests.walks.judge import Judge, means_emergency
from tests.walks.walk import Listens, Remembering, Walk, Weather

MOST_TURNS = 45
TUESDAY = datetime(2026, 11, 24, 15, 0, tzinfo=UTC)  # ten in the morning in New York
MOMENTS = (TUESDAY, TUESDAY, TUESDAY, TUESDAY + timedelta(hours=13), TUESDAY + timedelta(days=2))
WHOLE_KEYPAD = "0123456789*#"

EMERGENCIES = {
    "en": (
        "I took too much of my medicine", "my husband overdosed", "I can't breathe", "she has chest pain",
        "my baby swallowed some pills", "my throat is swelling shut", "I want to kill myself",
        "he passed out after the shot", "my daughter is having a seizure",
    ),
    "es": (
        "tomé demasiado de mi medicina", "mi esposo tuvo una sobredosis", "no puedo respirar",
        "tiene dolor en el pecho", "mi bebé se tragó unas pastillas", "me quiero morir",
        "tiene convulsiones", "se desmayó después de la inyección",
    ),
}  # fmt: skip
UTTERANCES = {
    "en": (
        "I need a refill", "where is my order", "is my insurance approved", "my card was declined", "yes", "no",
        "a person please", "representative", "what are your hours", "slower please", "repeat", "go back",
        "I have a question about side effects", "two", "press three", "umm", "hello?", "seven zero zero one",
        "no I'm not hurt", "the website does not work", "another prescription", "English", "Español",
        "no emergency, I just need a refill", "I feel strange since I took it", 
        "my mother took two by mistake", "that is all, thank you", "transfer my prescription to you",
    ),
    "es": (
        "necesito surtir mi receta", "dónde está mi pedido", "mi seguro", "sí", "no", "una persona por favor",
        "a qué hora abren", "más despacio", "otra vez", "atrás", "dos", "tengo una pregunta de mi medicina",
        "no estoy herido", "es todo, gracias", "otra receta", "eh", "el pago", "English please", "español",
        "siete cero cero nueve cero cero uno", "me siento rara desde que la tomé",
    ),
}  # fmt: skip
SPOKEN_AS = ("rx_number", "date_of_birth", "zip", "npi", "code")
WILDNESS = (0.1, 0.1, 0.4, 1.0)  # most callers want to get somewhere, and so get far


@dataclass
class Wanderer:
    """One caller from ring to hang-up."""

    seed: int
    walk: Walk
    judge: Judge
    given: Given
    about: FiledPerson  # whose prescription they ring about, theirs or not
    wildness: float
    chance: random.Random

    def wanders(self) -> None:
        """Do something at each document until the call is over; Broken when a law is."""
        document: Document | None = self.walk.rings()
        while document is not None and len(self.walk.turns) < MOST_TURNS:
            document = self._goes_on(document)
        if not self.walk.is_over:
            self.walk.hangs_up()
        self.judge.ends()

    def story(self) -> str:
        """Who rang, on what day, and all that happened."""
        caller, weather = self.walk.call.caller, self.walk.weather
        who = f"{caller.number or 'a withheld number'} ({caller.attestation}) rings {self.walk.call.line}"
        return "\n".join([f"{who} about {self.about.id}; {weather}", *self.walk.notes])

    # -- one document

    def _goes_on(self, document: Document) -> Document | None:
        if document.ends == "Hangup":
            self.walk.tell_over()
            return None
        if self._is_odd(0.04):
            return None
        self.walk.passes(1)
        match document.ends:
            case "Gather":
                return self._answers(document)
            case "Enqueue":
                self.walk.on_hold = True
                return self._holds()
            case "Redirect" | "" if self.walk.on_hold and document.exit != "next":
                return self._holds()
            case "Redirect":
                self.walk.passes(document.seconds)
                return self.walk.happens(Silent("c"))
            case "Leave":
                self.walk.on_hold = False
                return self.walk.happens(QueueLeft("c", "leave"))
            case "Dial":
                return self._talks(document)
            case "Record":
                return self._leaves_message()
        return None

    def _holds(self) -> Document | None:
        """A while on hold: they listen, key something, are fetched, or give up."""
        what = self.chance.random()
        self.walk.passes(self.chance.choice((2, 10, 40, 100, 300)))
        if what < 0.12:
            return None
        if what < 0.3 and (fetched := self._is_fetched()):
            return fetched
        if what < 0.4:
            self.walk.tell(NobodyCould())
            if moved := self.walk.is_moved():
                return moved
        if what < 0.43:
            self.walk.on_hold = False
            return self.walk.happens(QueueLeft("c", self.chance.choice(("queue-full", "error"))))
        view = self.walk.listens()
        if view.ends == "Leave":
            return view
        if view.question and self.chance.random() < 0.4:
            key = self.chance.choice([*view.offers, *view.offers, self.chance.choice(WHOLE_KEYPAD)])
            if pressed := view.question.takes(key):
                self.walk.notes.append(f"keys {pressed} on hold")
                return self.walk.keys(pressed)
        return view

    def _is_fetched(self) -> Document | None:
        """An agent takes their call, and they are brought together; or the agent goes while they are on their way."""
        leg = self.walk.is_taken(self.chance.choice([*self.walk.pharmacy.staff]))
        if leg is None:
            return None
        if self.chance.random() < 0.3:
            self.walk.listens()
        if self.chance.random() < 0.15:
            self.walk.loses(leg)
        return self.walk.is_moved()

    def _talks(self, document: Document) -> Document:
        """They are put through: a talk that ends, or a number that is rung."""
        results = ("completed",) if document.dials == "Conference" else ("completed", "no-answer", "busy", "failed")
        result = self.chance.choice(results)
        self.walk.passes(self.chance.choice((5, 60, 400)))
        self.walk.notes.append(f"is put through to {document.dials}: {result}")
        return self.walk.happens(DialEnded("c", result))

    def _leaves_message(self) -> Document:
        seconds = self.chance.choice((0, 1, 12, 60))
        self.walk.notes.append(f"speaks after the tone for {seconds} s")
        self.walk.passes(seconds)
        return self.walk.happens(Recorded("c", "RE1", seconds) if seconds else Silent("c"))

    # -- answering a question

    def _answers(self, document: Document) -> Document:
        question = document.question
        assert question is not None
        self.walk.passes(self.chance.uniform(0, question.seconds))
        if self.judge.is_asked_safety and self.chance.random() < 0.8:
            return self._answers_safety()
        if self._is_odd(0.02):
            self.walk.notes.append("the line stumbles")
            self.walk.on_hold = False  # the carrier asks for another document than the queue's
            return self.walk.happens(Stumbled("c"))
        if self._is_odd(0.1):
            self.walk.notes.append("is silent")
            return self.walk.keys("")
        if question.listens and self.chance.random() < 0.1 + 0.15 * self.wildness:
            return self._speaks()
        if question.keys == 1:
            return self._keys(document, self._one_key(document))
        return self._keys(document, self._another_way(document) or self._entry())

    def _is_odd(self, chance: float) -> bool:
        """Do they do what nobody should who wants to get somewhere? `chance` is that of the wildest."""
        return self.chance.random() < chance * self.wildness

    def _answers_safety(self) -> Document:
        """Is somebody hurt? They say so or not, or nothing."""
        words = self.chance.choice(("1", "2", "no", "sí" if self.walk.call.language == "es" else "yes", "umm", ""))
        self.judge.answers_safety(words)
        self.walk.notes.append(f"answers: {words or 'nothing'}")
        return self.walk.says(words) if words.isalpha() else self.walk.keys(words)

    def _one_key(self, document: Document) -> str:
        offered = [key for key in document.offers if key not in "0*"]
        if not offered or self._is_odd(0.4):
            return self.chance.choice(WHOLE_KEYPAD)
        return self.chance.choice(offered)

    def _another_way(self, document: Document) -> str:
        """Those who have not what is asked for press a key instead, where one is named."""
        named = [key for key in document.offers if key in "12345678"]
        return f"{self.chance.choice(named)}#" if named and self.chance.random() < 0.3 else ""

    def _keys(self, document: Document, pressed: str) -> Document:
        assert document.question is not None
        taken = document.question.takes(pressed)
        self.walk.notes.append(f"keys {taken or '#'}")
        self._gives(taken)
        if taken == "0":
            self.judge.asks_for_person()
        if document.question.keys == 1 and self.walk.call.phase == "flow" and means_emergency(self.walk, taken):
            self.judge.tells_of_emergency()
        return self.walk.keys(taken)

    def _speaks(self) -> Document:
        language, node = self.walk.call.language or "en", self._node()
        if self._is_odd(0.15):
            words = self.chance.choice(EMERGENCIES[language])
            self.judge.tells_of_emergency()
        elif isinstance(node, Collect) and node.as_ in SPOKEN_AS and self.chance.random() < 0.8:
            words = self._said(node.as_, language)
        else:
            words = self.chance.choice(UTTERANCES[language])
            self.judge.says(words)
        self.walk.notes.append(f"says: {words}")
        return self.walk.says(words)

    def _said(self, as_: str, language: str) -> str:
        """What is asked for, in words: mostly the right one."""
        keyed = self._right(as_) if not self._is_odd(0.4) else "01021990"
        self._gives(keyed)
        as_date = as_ == "date_of_birth" and len(keyed) == 8
        return as_spoken(as_, f"{keyed[4:]}-{keyed[:2]}-{keyed[2:4]}" if as_date else keyed, language)

    def _node(self) -> object:
        if self.walk.call.phase != "flow" or not self.walk.call.place:
            return None
        here = self.walk.call.place[-1]
        return self.walk.pharmacy.flows[here.flow].nodes[here.node]

    def _entry(self) -> str:
        """What they key where more than one key is asked for: right, wrong, cut short, or something else entirely."""
        node = self._node()
        right = self._right(node.as_ if isinstance(node, Collect) else "phone")
        if not self._is_odd(0.6):
            return right
        what = self.chance.random()
        if what < 0.3:
            wrong = list(right or "1")
            wrong[self.chance.randrange(len(wrong))] = self.chance.choice("0123456789")
            return "".join(wrong)
        if what < 0.5:
            return right[: self.chance.randrange(len(right))] + "#" if right else "#"
        if what < 0.7:
            return self.chance.choice(("0#", "*#", "9#", "0", "1#", "**"))
        return "".join(self.chance.choice(WHOLE_KEYPAD) for _ in range(self.chance.choice((1, 4, 7, 10))))

    def _right(self, as_: str) -> str:
        filed = self.about.prescriptions
        code = next((text.values["code"] for text in self._texts() if "code" in text.values), "123456")
        return {
            "rx_number": self.chance.choice(filed).number if filed else "7001001",
            "date_of_birth": cast.born(self.about),
            "zip": self.about.zip or "43004",
            "npi": "1234567893",
            "code": code,
        }.get(as_, "6145550177#")

    def _gives(self, digits: str) -> None:
        self.given.digits.add(digits)
        self.given.code = self.given.code or digits in {text.values.get("code") for text in self._texts()}

    def _texts(self) -> list[SendText]:
        return [effect for effect in self.walk.does if isinstance(effect, SendText)]


# ---------------------------------------------------------------- who, and what kind of day


def wanderer(seed: int, pharmacy: Pharmacy, orders: Remembering, listens: Listens) -> Wanderer:
    """The caller of this seed, before they ring."""
    chance = random.Random(seed)
    number = chance.choice((*cast.NUMBERS, *cast.NUMBERS, None))
    caller = Caller("number", number, chance.choice(("A", "A", "B", "none", "failed"))) if number else Caller()
    dialed = chance.choice([line.number for line in pharmacy.lines.values()] + [pharmacy.lines["main"].number] * 4)
    day = weather(chance)
    walk = Walk(pharmacy, orders, listens, dialed, caller, day)
    given = Given(number, caller.attestation)
    return Wanderer(seed, walk, Judge(walk, given), given, _about(number, chance), chance.choice(WILDNESS), chance)


def _about(number: str | None, chance: random.Random) -> FiledPerson:
    """Mostly somebody the number leads to; sometimes anybody."""
    near = [
        person
        for person in PATIENTS
        if person.phone == number or any(person.id in each.acts_for for each in PEOPLE if each.phone == number)
    ]
    return chance.choice(near) if near and chance.random() < 0.85 else chance.choice(PATIENTS)


def weather(chance: random.Random) -> Weather:
    remembered: dict[str, str | int] = {}
    if chance.random() < 0.4:
        remembered["language"] = chance.choice(("en", "es"))
    if chance.random() < 0.15:
        remembered["access"] = chance.choice(("slow", "relay"))
    return Weather(
        at=chance.choice(MOMENTS) + timedelta(seconds=chance.randrange(3000)),
        answers_after=chance.choice((0, 0, 0, 0, 0.3, 2.5, 9.0, None)),
        figures={
            "waiting": chance.choice((0, 2, 25)),
            "longest_wait": chance.choice((0, 60, 900)),
            "licensed_free": chance.choice((0, 1, 2)),
            "repeat_calls": chance.choice((0, 0, 1, 3)),
        },
        worker="silent" if chance.random() < 0.08 else "",
        remembered=remembered,
    )
