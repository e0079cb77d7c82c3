"""What callers say, and what is understood: emergencies before everything, and no ordinary call asked about danger."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ivr.content.speech import built_in
from ivr.core.heard import Heard
from ivr.core.rules import FACTS
from ivr.speech.listener import MOST_WORDS, Listener
from ivr.speech.phrases import Phrases


@cache
def listener() -> Listener:
    return Listener(built_in())


def hear(words: str, language: str | None = "en") -> Heard:
    return listener().understand(words, language)


# ---------------------------------------------------------------- danger


@pytest.mark.parametrize(
    "words",
    [
        "I can't breathe",
        "there is chest pain",
        "swelling of the face",
        "her tongue is swelling",
        "she passed out",
        "he is having a seizure",
        "overdose",
        "i took too much",
        "suicidal",
        "the baby swallowed a pill",
        "my child swallowed something",
        "she won't stop bleeding",
        "no puedo respirar",
        "dolor en el pecho",
        "me desmayé",
        "convulsión",
        "sobredosis",
        "tomé demasiado",
        "me quiero morir",
    ],
)
def test_every_red_flag_is_an_emergency_in_any_language_however_it_is_written(words: str) -> None:
    for written in (words, words.upper(), words.replace("'", "\u2019"), words.replace("'", ""), f"um, {words}..."):
        for language in ("en", "es", None, "xx"):
            assert hear(written, language).urgency == "emergency", written


@pytest.mark.parametrize(
    "words",
    [
        "i took the wrong pill",
        "wrong medicine by mistake",
        "she is bleeding",
        "me equivoqué de medicina",
        "help me please",
    ],
)
def test_what_may_be_an_emergency_is_asked_about(words: str) -> None:
    heard = hear(words)
    assert heard.ask_safety or heard.urgency == "emergency"


@pytest.mark.parametrize(
    "words",
    [
        "i don't really see the point anymore",
        "they would be better off without me",
        "i have all these pills in front of me",
        "todos estarían mejor sin mí",
        "ya no quiero vivir",
        "perdí el trabajo y valgo más muerto",
        "se murió mi vieja y quiero alcanzarla",
        "hoy es mi último día",
        "i am worth more dead",
        "he is giving away all his things",
    ],
)
def test_who_does_not_want_to_live_is_heard_however_quietly_they_say_it(words: str) -> None:
    assert hear(words).urgency == "emergency"


@pytest.mark.parametrize(
    "words",
    [
        "sorry to bother you it's just that my daughter won't wake up",
        "it's nothing but my arm is numb",
        "yo llamaba por el refil pero me está doliendo el pecho",
        "no chest pain but he can't breathe",
        "llevo una hora sin poder mover la mano y hablo arrastrado",
        "tengo ocho meses de embarazo veo lucecitas y tengo la presión en 190 con 120",
        "my toddler got into the drain cleaner",
        "i had a stroke two years ago, but now my face is drooping",
    ],
)
def test_neither_politeness_nor_another_matter_hides_danger(words: str) -> None:
    assert hear(words).urgency == "emergency"


# ---------------------------------------------------------------- what only sounds dangerous


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ("no chest pain just want a refill", "is denied"),
        ("i don't have any trouble breathing, i want a refill", "is denied"),
        ("i had a seizure two years ago and take keppra, refill please", "is over"),
        ("i need a refill of my seizure medicine", "is what a medicine is for"),
        ("my heart attack medicine please refill it", "is what a medicine is for"),
        ("i saw a movie about an overdose", "was read or heard of"),
        ("can this pill cause seizures", "is only possible"),
    ],
)
def test_a_red_flag_that_is_none_says_why(words: str, why: str) -> None:
    heard = hear(words)
    assert heard.urgency != "emergency"
    assert any(why in reason for reason in heard.because)


@pytest.mark.parametrize(
    "words",
    [
        "this copay is killing me",
        "i'm dying to know where my package is",
        "my phone is dying how do i reset my password",
        "i nearly had a heart attack when i saw the bill",
        "no me duele el pecho, quiero surtir mi receta",
        "me muero por saber dónde está mi pedido",
        "casi me da un infarto cuando vi el precio",
        "got my flu shot yesterday, what time do you close",
        "shooting downtown on the radio, are you still open",
        "the app keeps dying and so does my patience",
        "la página se desmaya cada vez que entro",
        "me estoy comiendo las uñas por saber si llegó mi pedido",
        "i about had a stroke looking at this bill",
        "what time do you close",
        "quiero hablar con una persona",
    ],
)
def test_an_ordinary_call_is_neither_an_emergency_nor_asked_about(words: str) -> None:
    heard = hear(words)
    assert (heard.urgency, heard.ask_safety) == ("routine", False)


ANSWERS = """
1, 2, 12, 90, 5551234, yes, no, yeah, nope, ok, two, three, thirty, four, january, march, december, eligible, english
español, sí, uno, dos, tres, cinco, doce, enero, marzo, octubre, mayo, repeat, pound, zero, hello, bueno, yes please
march third, march 3rd 1954, may fifth nineteen sixty two, 03/14/1962, el tres de mayo, dos de enero, repeat that
say that again, can you repeat that, repita por favor, otra vez, the first one, no thank you, no gracias
five five five one two three four, en español por favor, spanish please
"""


@pytest.mark.parametrize("words", re.split(r", |\n", ANSWERS.strip()))
def test_an_answer_of_a_word_or_two_is_harmless(words: str) -> None:
    heard = hear(words)
    assert (heard.urgency, heard.ask_safety) == ("routine", False)
    assert heard.intent in (None, "other")


def test_what_somebody_only_supposes_is_asked_about() -> None:
    heard = hear("what happens if you take the whole bottle")
    assert heard.ask_safety
    assert heard.urgency != "emergency"


# ---------------------------------------------------------------- what they want


@pytest.mark.parametrize(
    ("words", "intent"),
    [
        ("i need to refill my list in a pril", "refill_request"),
        ("necesito un refil de mi metformina", "refill_request"),
        ("where is my order", "order_status"),
        ("my package never came it says delivered", "delivery_problem"),
        ("does my insurance cover this", "insurance"),
        ("can i take ibuprofen with my blood pressure pill", "medication_question"),
        ("this is doctor smith's office calling about a patient", "prescriber_verification"),
        ("i was charged twice on my card", "billing"),
        ("quiero transferir mi receta a walgreens", "transfer"),
        ("i forgot my password for the website", "technical"),
        ("pharmacist", "speak_to_person"),
        ("¿a qué hora cierran?", "hours_location"),
        ("sorry wrong number", "other"),
    ],
)
def test_every_intent_is_understood(words: str, intent: str) -> None:
    assert hear(words).intent == intent


def test_who_is_out_of_a_vital_medicine_cannot_wait_however_it_is_misheard() -> None:
    assert hear("i am out of my in so lin").urgency == "urgent"
    assert hear("i ran out of el a kwis this morning").urgency == "urgent"


# ---------------------------------------------------------------- always


def test_silence_is_no_intent_and_no_danger() -> None:
    assert hear("  ...  ") == Heard(None, "routine", False, 0.0, ("nothing was said",))


def test_the_point_at_the_end_of_a_very_long_story_is_heard() -> None:
    rambling = "and then i went to the store and bought some milk " * MOST_WORDS
    assert hear(rambling + "anyway my husband can't breathe").urgency == "emergency"


def test_the_same_words_are_always_understood_the_same_also_by_many_at_once() -> None:
    words = ["i can't breathe", "refill please", "dónde está mi orden", "i feel really weird"] * 25
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(hear, words)) == [hear(said) for said in words]


def test_without_any_phrase_the_model_still_understands() -> None:
    assert Listener(Phrases()).understand("refill my prescription please", "en").urgency == "routine"


PIECES = "i can't breathe my son took pills no me duele el pecho if 2010 refill , . but killing me"
ANYTHING = st.text() | st.lists(st.sampled_from(PIECES.split())).map(" ".join)
OURS = {phrase.text for some in built_in().red_flags.values() for phrase in some}


@settings(deadline=None)
@given(ANYTHING)
def test_nothing_anybody_says_is_too_much_and_no_reason_repeats_it(words: str) -> None:
    heard = hear(words)
    assert heard.urgency in FACTS["urgency"].values
    assert heard.intent is None or heard.intent in FACTS["intent"].values
    assert 0 <= heard.confidence <= 1
    for reason in heard.because:
        quoted = re.findall("`([^`]*)`", reason)
        assert quoted or re.fullmatch(r"sounds like [a-z_ ]+ \(\d+%\)|nothing was said|an answer, but no wish", reason)
        assert set(quoted) <= OURS


@settings(deadline=None)
@given(st.sampled_from(["i can not breathe", "my two year old ate my pills", "where is my order"]), st.data())
def test_capitals_and_punctuation_at_the_end_change_nothing(words: str, data: st.DataObject) -> None:
    shouted = "".join(data.draw(st.sampled_from([letter, letter.upper()])) for letter in words)
    assert hear(shouted + data.draw(st.sampled_from(["", ".", "!", " ", "?!"]))).urgency == hear(words).urgency
