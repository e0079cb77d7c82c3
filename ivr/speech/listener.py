"""From what a caller says to what they want and how pressing it is.

Red flags that somebody wrote down decide; the trained model decides what nobody wrote down. Where the two leave doubt,
harm is not ruled out, and somebody has to ask.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ivr.core.heard import Heard
from ivr.speech.context import Context
from ivr.speech.features import features
from ivr.speech.medicines import Medicines
from ivr.speech.model import Model, shipped
from ivr.speech.phrases import Found, Phrase, Phrases, find
from ivr.speech.words import BREAK, PAUSE, words_of

EMERGENCY_FROM = 0.55
ASK_FROM = 0.2
URGENT_FROM = 0.45
UNLIKELY = 0.07  # a red flag built in is asked about when the other words make danger less likely than this
HARDLY = 0.03  # and not even a doubt below this
SURE = 0.25  # below this an intent is a guess
MOST_WORDS = 400  # at a time; what somebody says in three minutes
OVERLAP = 20
HARMLESS = {
    "denied": "is denied",
    "past": "is over",
    "told": "was read or heard of",
    "use": "is what a medicine is for",
    "possible": "is only possible",
}
HARM, OFFICE = "adverse_reaction", "prescriber_verification"
SURE_DESPITE_DANGER = 0.9
ANSWER = "answer"  # the list of what is said to questions of the line


@dataclass(frozen=True, slots=True)
class Flags:
    """The red flags of a sentence, each with why it is harmless, or None."""

    found: list[tuple[str, Found, str | None]]

    def live(self, level: str) -> list[Found]:
        return [found for at, found, harmless in self.found if at == level and harmless is None]

    def own(self) -> list[Found]:
        """Return those of an emergency that the pharmacy wrote: they decide, whatever else is said."""
        return [found for found in self.live("emergency") if not found.phrase.is_built_in]

    def doubts(self, danger: float) -> list[Found]:
        """Return what may be danger: also what is told as if it might happen; nobody says that for no reason."""
        supposed = [found for level, found, harmless in self.found if level != "urgent" and harmless == "supposed"]
        several = [*self.live("emergency"), *self.live("ask"), *supposed]
        return [found for found in several if danger >= HARDLY or not found.phrase.is_built_in]

    def harmless(self) -> tuple[str, ...]:
        """Return in words why red flags of an emergency are none."""
        found = [(one.phrase, why) for level, one, why in self.found if level == "emergency" and why in HARMLESS]
        return tuple(dict.fromkeys(f"`{phrase.text}` {HARMLESS[why or '']} ({phrase.place})" for phrase, why in found))


class Listener:
    """Understands sentences by some phrases and a model; safe to use from several threads."""

    def __init__(self, phrases: Phrases, model: Model | None = None) -> None:
        self.patterns = phrases.patterns
        self._context = Context(self.patterns.lists)
        self._medicines = Medicines(phrases.medicines)
        self._model = model

    def warm(self) -> None:
        """Get ready, so that the first caller waits no longer than the next."""
        self.understand("hello", "en")

    def understand(self, words: str, language: str | None = None) -> Heard:
        """Return what was said, in any language the phrases are in; `language` is the one the caller chose.

        Raises nothing, whatever the words are.
        """
        told = self.words(words)
        if not set(told) - {BREAK, PAUSE}:
            return Heard(None, "routine", False, 0.0, ("nothing was said",))
        parts = [told[first : first + MOST_WORDS] for first in range(0, len(told), MOST_WORDS - OVERLAP)]
        return max(map(self._understand, parts), key=_pressing)

    def _understand(self, words: list[str]) -> Heard:
        flags, told = self.flags(words), list(self._intents_told(words))
        if self._is_answer(words) and not flags.found and not told:
            return Heard(None, "routine", False, 0.0, ("an answer, but no wish",))
        urgencies, intents = (self._model or shipped()).judge(features(words, self.patterns.lists))
        return _decided(flags, urgencies, intents, told)

    def _is_answer(self, words: list[str]) -> bool:
        """Return whether they answer a question of the line, as in `yes`, `march third` or `repeat that`."""
        plain = " ".join(word for word in words if word not in (BREAK, PAUSE)) + " "
        return ANSWER in self.patterns.lists and not self.patterns.lists[ANSWER].sub("", plain)

    def words(self, text: str) -> list[str]:
        """Return a sentence as the words that are compared."""
        return self._medicines.named(words_of(text))

    def flags(self, words: list[str]) -> Flags:
        """Return the red flags of a sentence, once idioms are out of the way; the pharmacy's own fear no idiom."""
        plain = self._without_idioms(words)
        return Flags(
            [
                (level, found, self._context.why_harmless(words, found.start, found.end))
                for level, phrases in self.patterns.red_flags.items()
                for found in self._heard(phrases, words, plain)
            ]
        )

    def _heard(
        self, phrases: Sequence[tuple[Phrase, re.Pattern[str]]], words: list[str], plain: list[str]
    ) -> list[Found]:
        own = (found for found in find(phrases, words) if not found.phrase.is_built_in)
        return [*own, *(found for found in find(phrases, plain) if found.phrase.is_built_in)]

    def _without_idioms(self, words: list[str]) -> list[str]:
        plain = list(words)
        for found in find(self.patterns.idioms, words):
            plain[found.start : found.end] = ["_"] * (found.end - found.start)
        return plain

    def _intents_told(self, words: list[str]) -> Iterable[tuple[str, Found]]:
        for intent, phrases in self.patterns.intents.items():
            yield from ((intent, found) for found in find(phrases, words))


def _pressing(heard: Heard) -> tuple[bool, bool, bool]:
    return heard.urgency == "emergency", heard.ask_safety, heard.urgency == "urgent"


def _decided(
    flags: Flags, urgencies: dict[str, float], intents: dict[str, float], told: list[tuple[str, Found]]
) -> Heard:
    urgency, ask, why = _urgency(flags, urgencies)
    if told:
        intent, found = told[0]
        return Heard(intent, urgency, ask, 1.0, (*why, *_named("phrase", [found])))
    likeliest, sure = _intent(intents, urgency)
    return Heard(
        likeliest if sure >= SURE else None,
        urgency,
        ask,
        round(sure, 3),
        (*why, f"sounds like {likeliest} ({sure:.0%})"),
    )


def _intent(likely: dict[str, float], urgency: str) -> tuple[str, float]:
    """Return the likeliest intent: who is in danger rings about that, whatever they ask, unless an office rings."""
    intent, sure = max(likely.items(), key=lambda item: item[1])
    if urgency == "emergency" and intent != OFFICE and sure < SURE_DESPITE_DANGER:
        return HARM, max(sure, likely[HARM])
    return intent, sure


def _urgency(flags: Flags, likely: dict[str, float]) -> tuple[str, bool, tuple[str, ...]]:
    emergency, danger = flags.live("emergency"), likely["emergency"]
    if emergency and (flags.own() or danger >= UNLIKELY):
        return "emergency", False, _named("red flag", emergency)
    if danger >= EMERGENCY_FROM:
        return "emergency", False, (f"sounds like an emergency ({danger:.0%})",)
    doubts, urgent = flags.doubts(danger), flags.live("urgent")
    pressing = bool(urgent) or likely["urgent"] + danger >= URGENT_FROM
    why = (*_named("in doubt for", doubts), *_named("urgent", urgent), *flags.harmless())
    if danger >= ASK_FROM:
        why = (*why, f"sounds like an emergency ({danger:.0%})")
    return ("urgent" if pressing else "routine"), bool(doubts) or danger >= ASK_FROM, why


def _named(what: str, found: list[Found]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(f"{what} `{one.phrase.text}` ({one.phrase.place})" for one in found))
