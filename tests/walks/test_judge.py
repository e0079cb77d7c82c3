"""The judge notices: every law is broken once on purpose, by a document no line of ours would give."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest

from ivr.core.call import Caller
from ivr.core.effects import RequestRefill, SendText, WriteDisposition
from ivr.core.events import Silent
from ivr.core.line import Ticket
from ivr.orders.sandbox.cast import PEOPLE
from ivr.phone.lint import Setting
from tests.walks.cast import Given, facts
from tests.walks.ear import heard
from tests.walks.judge import Broken, Judge
from tests.walks.many import Ground
from tests.walks.walk import LEG, Said, Turn, Walk
from tests.walks.wanderer import TUESDAY, weather

ADA = PEOPLE[0]
HERS = ADA.prescriptions[0]
ASKS = '<Gather input="dtmf" numDigits="1" timeout="7" actionOnEmptyResult="true" action="/voice/c/1/next">{}</Gather>'
GOES_ON = ASKS.format("<Say>Press 1.</Say>")
HELP = ASKS.format("<Say>Dial 911. For Poison Help, dial 1, 8 0 0, 2 2 2, 1 2 2 2.</Say>")


class Stage:
    """A judge who hears what a test makes up, of a stranger's call."""

    def __init__(self, ground: Ground, number: str = "+13035550190") -> None:
        line = ground.pharmacy.lines["main"].number
        self.walk = Walk(
            ground.pharmacy,
            ground.orders,
            ground.listens,
            line,
            Caller("number", number, "A"),
            weather(random.Random(1)),
        )
        self.given = Given(number, "A")
        self.judge = Judge(self.walk, self.given)

    def hears(self, twiml: str, *said: Said, **call: Any) -> None:
        self.walk.call = replace(self.walk.call, **call)
        document = heard(f"<Response>{twiml}</Response>", Setting.CALL)
        turn = Turn(Silent(LEG), document, said, self.walk.call, TUESDAY)
        self.walk.turns.append(turn)
        self.judge.hears(turn)

    def says(self, prompt: str, text: str = "…", **values: Any) -> Said:
        return Said(prompt, "en", values, text)

    def knows(self, tier: str) -> dict[str, Any]:
        return {"facts": {"tier": tier}, "prescription": HERS.id, "person": ADA.id}


@pytest.fixture
def stage(walking_ground: Ground) -> Stage:
    return Stage(walking_ground)


def breaks(law: str) -> Any:
    return pytest.raises(Broken, match=law)


@pytest.mark.parametrize(
    ("law", "twiml"),
    [
        ("every document is valid", f"<Say>Hello.</Say><Gather finishOnkey='1'/>{GOES_ON}"),
        ("every document goes on", "<Say>Hello.</Say>"),
        ("every document goes on", '<Say>Hello.</Say><Gather input="dtmf" timeout="5"/>'),
        ("nobody is hung up on without a word", "<Hangup/>"),
        ("nobody hears unexplained silence", f'<Pause length="4"/>{GOES_ON}'),
        ("nobody hears unexplained silence", ASKS.format("")),
        ("nobody hears unexplained silence", '<Say>One moment.</Say><Pause length="11"/><Redirect>/next</Redirect>'),
    ],
)
def test_a_document_that_leaves_the_caller_alone_is_noticed(stage: Stage, law: str, twiml: str) -> None:
    with breaks(law):
        stage.hears(twiml)


def test_one_redirect_after_another_is_silence(stage: Stage) -> None:
    with breaks("unexplained silence"):
        for _ in range(8):
            stage.hears("<Redirect>/voice/c/1/next</Redirect>")


def test_a_question_that_never_offers_a_way_out_is_noticed(stage: Stage) -> None:
    for _ in range(20):
        stage.hears(GOES_ON)
    with breaks("a way out is offered"):
        stage.hears(GOES_ON)


def test_a_zero_that_leads_nowhere_is_noticed(stage: Stage) -> None:
    stage.judge.asks_for_person()
    stage.hears(GOES_ON)
    with breaks("0 leads to a person"):
        stage.hears(GOES_ON)


# ---------------------------------------------------------------- emergencies


def test_an_emergency_nobody_heard_is_noticed(stage: Stage) -> None:
    stage.judge.tells_of_emergency()
    stage.hears(GOES_ON)
    with breaks("an emergency is heard"):
        stage.hears(GOES_ON)


@pytest.mark.parametrize(("queue", "seconds", "kind"), [("refills", 0, "hold"), ("pharmacist", 60, "hold")])
def test_an_emergency_in_an_ordinary_line_is_noticed(stage: Stage, queue: str, seconds: int, kind: str) -> None:
    ticket = Ticket("t", "CA1", "central", queue, kind, "waiting", TUESDAY, TUESDAY, seconds, person="p")
    with breaks("waits for a pharmacist"):
        stage.hears(HELP, facts={"urgency": "emergency"}, phase="holding", ticket=ticket)


def test_an_emergency_that_is_asked_for_a_message_is_noticed(stage: Stage) -> None:
    with breaks("waits for a pharmacist"):
        stage.hears(HELP, facts={"urgency": "emergency"}, phase="message")


def test_an_emergency_that_hears_of_no_help_is_noticed(stage: Stage) -> None:
    stage.hears(GOES_ON, facts={"urgency": "emergency"})
    stage.hears(GOES_ON)
    with breaks("hears of 911"):
        stage.hears(GOES_ON)


def test_a_plain_answer_that_alarms_is_noticed(stage: Stage) -> None:
    stage.hears(GOES_ON)
    stage.judge.says("Español")
    with breaks("a plain answer is no alarm"):
        stage.hears(GOES_ON, stage.says("safety_question"))


def test_a_no_that_alarms_is_noticed(stage: Stage) -> None:
    stage.hears(GOES_ON, stage.says("safety_question"))
    stage.judge.answers_safety("no")
    with breaks("a no is a no"):
        stage.hears(HELP, facts={"urgency": "emergency"})


def test_who_holds_for_nobody_is_noticed(stage: Stage) -> None:
    with breaks("whoever holds is in line"):
        stage.hears('<Say>Hold.</Say><Enqueue waitUrl="/wait" action="/after">Q</Enqueue>', phase="dialogue")


def test_the_same_words_over_and_over_are_noticed(stage: Stage) -> None:
    with breaks("nothing is said over and over"):
        stage.hears(GOES_ON, *[stage.says("welcome") for _ in range(3)])


# ---------------------------------------------------------------- what is nobody else's business


def test_a_tier_nobody_earned_is_noticed(stage: Stage) -> None:
    stage.given.digits.add(HERS.number)
    with breaks("a tier is earned"):
        stage.hears(GOES_ON, **stage.knows("prescription"))


def test_a_prompt_below_its_tier_is_noticed(stage: Stage) -> None:
    with breaks("no prompt below its tier"):
        stage.hears(GOES_ON, stage.says("order_ready"))


def test_a_value_of_another_prescription_is_noticed(walking_ground: Ground) -> None:
    stage = Stage(walking_ground, ADA.phone)
    stage.given.digits.add(HERS.number)
    other = next(filed for person in PEOPLE for filed in person.prescriptions if filed.refill == "too_soon")
    day = facts(other.id, TUESDAY.date())["earliest_refill_on"]
    with breaks("nothing private is spoken: refill_too_soon spoke earliest_refill_on"):
        stage.hears(GOES_ON, stage.says("refill_too_soon", earliest_refill_on=day), **stage.knows("prescription"))


@pytest.mark.parametrize("text", ["Hello Ada.", "The number 7 0 0, 1 0 0 1.", "We call 6 1 4, 5 5 5, 0 1 0 1."])
def test_a_name_or_a_number_in_what_is_said_is_noticed(stage: Stage, text: str) -> None:
    with breaks("nothing private is spoken"):
        stage.hears(GOES_ON, stage.says("welcome", text, pharmacy="X"))


# ---------------------------------------------------------------- the end


def test_a_call_that_leaves_no_disposition_is_noticed(stage: Stage) -> None:
    with breaks("every call leaves a disposition"):
        stage.judge.ends()


def test_a_text_to_a_stranger_is_noticed(stage: Stage) -> None:
    stage.walk.call = replace(stage.walk.call, ended_at=TUESDAY)
    stage.walk.does += [WriteDisposition(1, {}), SendText("text_status")]
    with breaks("a text reaches whom it is meant for"):
        stage.judge.ends()


def test_a_refill_for_somebody_else_is_noticed(stage: Stage) -> None:
    stage.walk.call = replace(stage.walk.call, ended_at=TUESDAY)
    stage.walk.does += [WriteDisposition(1, {}), RequestRefill(HERS.id)]
    with breaks("a refill is ordered by who may"):
        stage.judge.ends()
