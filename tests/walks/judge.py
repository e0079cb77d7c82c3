"""What must be true of every document of every walk. Each law has a name, and a sentence when it is broken."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

from ivr.content.prompts import Prompt
from ivr.core.effects import RequestRefill, SendText, WriteDisposition
from ivr.core.flows import Menu
from ivr.orders.sandbox import people
from tests.walks import cast
from tests.walks.cast import Given
from tests.walks.walk import Said, Turn, Walk

MOST_TURNS_WITHOUT_EXIT = 20
SILENCE_SECONDS = 3.0
TOLD_TO_WAIT_SECONDS = 10.0
GOES_ON = {"Gather", "Enqueue", "Dial", "Record", "Redirect", "Hangup", "Leave"}
WITH_A_PERSON = ("holding", "connecting", "talking", "transferring", "promised", "message", "leaving", "over")
EXIT_OFFERED = re.compile(
    r"\bpress (0|zero)|\bperson\b|hang up|message|\bpersona\b|oprima (el )?(0|cero)|cuelgue|mensaje", re.IGNORECASE
)
HELP_LINES = (re.compile("911"), re.compile(r"988|2 2 2, ?1 2 2 2|Poison|envenena|intoxica", re.IGNORECASE))
SAFETY_QUESTION = "safety_question"
CLEARLY_NO = {"2", "no"}
UNIVERSAL = {"0", "*", "9", "#"}
PLAIN = {
    "yes", "no", "sí", "english", "español", "two", "dos", "representative", "a person please", "una persona por favor",
    "that is all, thank you", "es todo, gracias", "repeat", "otra vez", "go back", "atrás", "slower please",
    "más despacio", "i need a refill", "necesito surtir mi receta", "no i'm not hurt", "no estoy herido",
}  # fmt: skip
# Values prompts may speak of to anybody, and what an office dictates, read back to it. All others are somebody's.
PUBLIC = {
    "pharmacy", "opens_day", "opens_at", "closed_because", "hours_today", "address", "key", "position", "waiting",
    "minutes_low", "minutes_high", "agents", "on_day", "from_time", "until", "is_today", "is_later", "title", "number",
    "npi", "office_number", "last_name", "first_name", "drug", "strength", "unit", "quantity",
}  # fmt: skip


class Broken(AssertionError):
    """A law was broken; the transcript is the walk's."""

    def __init__(self, law: str, what: str) -> None:
        super().__init__(f"{law}: {what}")
        self.law, self.what = law, what


class Judge:
    """Watches one walk from its first document to its end."""

    def __init__(self, walk: Walk, given: Given) -> None:
        self.walk, self.given = walk, given
        self.ordinary = ordinary_words(walk.pharmacy.prompts)
        self.since_exit = 0
        self.silent_seconds = 0.0
        self.zero_pressed: int | None = None  # the turn at which they asked for a person
        self.emergency_at: int | None = None  # the turn at which they told of one
        self.in_danger_from: int | None = None
        self.told_of_help = False  # or with a person who can tell them
        self.safety_asked = False
        self.silent_when_asked = False
        self.said_no = False  # just now, when they were asked
        self.said_plainly = ""
        walk.watch = self.hears

    # -- told by the caller before they act

    def asks_for_person(self) -> None:
        if self.walk.call.phase in ("flow", "dialogue"):
            self.zero_pressed = len(self.walk.turns)

    def tells_of_emergency(self) -> None:
        if self.emergency_at is None:
            self.emergency_at = len(self.walk.turns)

    def answers_safety(self, words: str) -> None:
        """What they keyed or said when they were asked whether somebody is hurt; nothing is silence."""
        if not self.is_asked_safety or words in UNIVERSAL:
            return
        self.silent_when_asked = not words and not self.silent_when_asked
        if words in CLEARLY_NO:
            self.said_no = self.walk.call.facts.get("urgency") != "emergency"
        elif not self.silent_when_asked:
            self.safety_asked, self.emergency_at = False, len(self.walk.turns)

    def says(self, words: str) -> None:
        """What they said to a question; plain answers are no alarm."""
        self.said_plainly = words if words.casefold() in PLAIN and not self.is_asked_safety else ""

    @property
    def is_asked_safety(self) -> bool:
        return any(said.prompt == SAFETY_QUESTION for said in self.walk.turns[-1].said)

    # -- every document

    def hears(self, turn: Turn) -> None:
        self._document(turn)
        self._silence(turn)
        self._exit(turn)
        self._person(turn)
        self._emergency(turn)
        self._tier(turn)
        self._held(turn)
        self._once(turn)
        for said in turn.said:
            self._disclosure(turn, said)

    def _document(self, turn: Turn) -> None:
        document = turn.document
        if document.faults:
            raise Broken("every document is valid", "; ".join(document.faults))
        if document.ends not in GOES_ON:
            raise Broken("every document goes on", f"this one ends in {document.ends or 'nothing'}")
        if document.ends == "Hangup" and not document.text:
            raise Broken("nobody is hung up on without a word", "this document says nothing")

    def _held(self, turn: Turn) -> None:
        """Who waits on hold waits for somebody, and their keys mean what they are told there."""
        if turn.document.ends != "Enqueue" and turn.event is not None:
            return
        ticket = turn.call.ticket
        if ticket is None or not ticket.live:
            raise Broken("whoever holds is in line", f"they hold in `{turn.call.phase}` with no ticket that waits")
        if turn.document.ends == "Enqueue" and turn.call.phase == "dialogue":
            raise Broken("whoever holds is in line", f"a question (`{turn.call.dialogue}`) is open that nobody asks")

    def _once(self, turn: Turn) -> None:
        """In each of the line's languages at most, and on the way round a flow once more."""
        said = [(each.prompt, each.language, str(each.values.get("key"))) for each in turn.said]
        for each in set(said):
            if said.count(each) > 2:
                raise Broken("nothing is said over and over", f"{each[0]} {said.count(each)} times in one document")

    def _silence(self, turn: Turn) -> None:
        document = turn.document
        self.silent_seconds += document.silence_first
        if self.silent_seconds > SILENCE_SECONDS:
            raise Broken("nobody hears unexplained silence", f"{self.silent_seconds:g} s without a word")
        if document.told_to_wait > TOLD_TO_WAIT_SECONDS:
            raise Broken("nobody hears unexplained silence", f"{document.told_to_wait:g} s after the last word")
        self.silent_seconds = 0.0 if document.sounds else self.silent_seconds + 0.5

    def _exit(self, turn: Turn) -> None:
        offered = turn.call.phase in WITH_A_PERSON or EXIT_OFFERED.search(turn.document.text)
        self.since_exit = 0 if offered else self.since_exit + 1
        if self.since_exit > MOST_TURNS_WITHOUT_EXIT:
            raise Broken("a way out is offered", f"{self.since_exit} documents without one")

    def _person(self, turn: Turn) -> None:
        if self.zero_pressed is None:
            return
        if turn.call.phase in WITH_A_PERSON or turn.call.phase == "dialogue":
            self.zero_pressed = None
        elif len(self.walk.turns) - self.zero_pressed >= 2 and turn.call.asking is None:
            raise Broken("0 leads to a person", f"two documents after it they are still in `{turn.call.phase}`")

    # -- emergencies

    def _emergency(self, turn: Turn) -> None:
        call = turn.call
        asked = any(said.prompt == SAFETY_QUESTION for said in turn.said)
        in_danger = call.facts.get("urgency") == "emergency"
        self._queue_of_emergency(turn)
        self._false_alarm(asked=asked, in_danger=in_danger)
        unheard = self.emergency_at is not None and not (in_danger or asked or self.safety_asked)
        if unheard and len(self.walk.turns) - (self.emergency_at or 0) >= 2:
            raise Broken("an emergency is heard", "neither a pharmacist nor the safety question came")
        # On hold during a talk, a person is with them again at once: whoever put them there.
        self.safety_asked = self.safety_asked or asked or any(said.prompt == "talk_back" for said in turn.said)
        if in_danger:
            self._help_lines(turn)

    def _false_alarm(self, *, asked: bool, in_danger: bool) -> None:
        if self.said_no and in_danger:
            raise Broken("a no is a no", "they said that nobody is hurt, and were taken for an emergency")
        if self.said_plainly and asked:
            raise Broken("a plain answer is no alarm", f"`{self.said_plainly}`, and they are asked about harm")
        self.said_no, self.said_plainly = False, ""

    def _queue_of_emergency(self, turn: Turn) -> None:
        call = turn.call
        if call.facts.get("urgency") != "emergency" or call.phase in ("flow", "leaving", "over"):
            return
        if call.phase == "talking":  # they pressed for help while on hold with somebody, who is brought back to them
            return
        ticket = call.ticket
        if call.phase == "message" or (ticket is not None and ticket.kind == "voicemail"):
            raise Broken("an emergency waits for a pharmacist", "it was asked for a message")
        if ticket is None:
            raise Broken("an emergency waits for a pharmacist", f"it has no ticket in `{call.phase}`")
        if ticket.queue != "pharmacist" or ticket.answer_within_seconds != 0:
            raise Broken(
                "an emergency waits for a pharmacist", f"queue {ticket.queue}, within {ticket.answer_within_seconds} s"
            )

    def _help_lines(self, turn: Turn) -> None:
        if turn.call.phase == "talking" or all(words.search(turn.document.text) for words in HELP_LINES):
            self.told_of_help = True
        if self.told_of_help:
            return
        if self.in_danger_from is None or turn.call.phase == "connecting":  # somebody is on the way to them
            self.in_danger_from = len(self.walk.turns)
        if len(self.walk.turns) - self.in_danger_from >= 2:
            raise Broken("an emergency hears of 911, Poison Help and 988", "not within two documents")

    # -- who may hear what

    def _tier(self, turn: Turn) -> None:
        """Nobody is given a tier they have not earned with the person the call is about."""
        tier, earned = str(turn.call.facts.get("tier", "anonymous")), self.given.best()
        if tier == "verified" and "verified" not in earned:
            raise Broken("a tier is earned", f"verified, with {earned}")
        if tier == "prescription" and earned == {"nothing"}:
            raise Broken("a tier is earned", "prescription, with nothing shown")
        owned = cast.owner(turn.call.prescription)
        if owned and tier in cast.KNOWN and self.given.tier(owned[0]) == "nothing":
            raise Broken("a tier is earned", f"the call is about {owned[0].id}, who was not shown")

    def _disclosure(self, turn: Turn, said: Said) -> None:
        for prompt in spoken_prompts(self.walk.pharmacy.prompts, said):
            tier = str(turn.call.facts.get("tier", "anonymous"))
            if prompt.tiers and tier not in prompt.tiers:
                raise Broken("no prompt below its tier", f"{prompt.name} was spoken at `{tier}`")
            if prompt.tiers & set(cast.KNOWN):
                self._may_hear(turn, prompt.name)
            private = sorted(name for name in prompt.values - PUBLIC if said.values.get(name) not in (None, ""))
            for name in private:
                self._value(turn, said, name)
            if prompt.values:
                self._words(turn, said)

    def _may_hear(self, turn: Turn, prompt: str) -> None:
        owned = cast.owner(turn.call.prescription)
        if owned and cast.permission(self.given.number, owned[0]) == "nothing":
            raise Broken("who may hear nothing hears nothing", f"{prompt} about {owned[0].id}")

    def _value(self, turn: Turn, said: Said, name: str) -> None:
        """A value is the caller's own, or of the prescription this is about, whose owner they have shown."""
        value = said.values[name]
        if name == "callback_number":
            if re.sub(r"\D", "", str(value))[-10:] not in {*self.given.digits, (self.given.number or "")[-10:]}:
                raise Broken("nothing private is spoken", "a number to call back that is not theirs")
            return
        allowed = list(self._allowed(turn, said, name))
        if str(value) not in allowed:
            raise Broken("nothing private is spoken", f"{said.prompt} spoke {name}={value}, and might {allowed}")

    def _allowed(self, turn: Turn, said: Said, name: str) -> Iterator[str]:
        today = turn.now.date()
        tokens = [turn.call.prescription]
        if "key" in said.values:  # one of several to pick from
            tokens = [filed.id for person in cast.PATIENTS for filed in person.prescriptions]
        for token in tokens:
            owned = cast.owner(token)
            if owned and self.given.tier(owned[0]) in cast.KNOWN:
                yield cast.values(owned[1].id, today).get(name, "")

    def _words(self, turn: Turn, said: Said) -> None:
        if named := [name for name in cast.named_in(said.text) if name.casefold() not in self.ordinary]:
            raise Broken("nothing private is spoken", f"{said.prompt} speaks of {named}")
        own = {*self.given.digits, (self.given.number or "")[-10:], (self.given.number or "")[1:]}
        for run in cast.digits_heard(said.text):
            if run in own:
                continue
            if any(run in (person.phone[2:], person.phone[1:], cast.born(person)) for person in cast.PATIENTS):
                raise Broken("nothing private is spoken", f"{said.prompt} speaks of {run}")
            if any(filed.number in run for person in cast.PATIENTS for filed in person.prescriptions):
                raise Broken("nothing private is spoken", f"{said.prompt} speaks of {run}")

    # -- the end

    def ends(self) -> None:
        """They have hung up, or were: the call has an end, and what came of it is written."""
        written = [effect for effect in self.walk.does if isinstance(effect, WriteDisposition)]
        if self.walk.call.ended_at is None or not written:
            raise Broken("every call leaves a disposition", f"none is written in `{self.walk.call.phase}`")
        if [each.revision for each in written] != sorted({each.revision for each in written}):
            raise Broken("every call leaves a disposition", "a revision was written twice")
        self._orders()
        self._texts()

    def _texts(self) -> None:
        """A text goes to a number that is on file, about somebody whom its caller has shown."""
        number, prompts = self.given.number, self.walk.pharmacy.prompts
        for text in (each for each in self.walk.does if isinstance(each, SendText) and each.to == "caller"):
            if self.given.attestation == "failed" or not people.filed_under(number):
                raise Broken("a text reaches whom it is meant for", f"{text.prompt} to a number nobody filed")
            prompt = prompts.catalogues[prompts.first].prompts[text.prompt]
            shown = [each for each in cast.PATIENTS if self.given.tier(each) in cast.KNOWN]
            theirs = [each for each in shown if self.given.number_on_file(each)]
            if (prompt.tiers or prompt.values - PUBLIC - {"code"}) and not theirs:
                raise Broken("a text reaches whom it is meant for", f"{text.prompt} about nobody who was shown")
            if any(each.texts is False for each in people.filed_under(number)) and text.prompt != "code_text":
                raise Broken("a text reaches whom it is meant for", f"{text.prompt} to somebody who wants none")

    def _orders(self) -> None:
        placed = [effect.prescription for effect in self.walk.does if isinstance(effect, RequestRefill)]
        if len(placed) != len(set(placed)):
            raise Broken("a refill is ordered once", f"{len(placed)} requests")
        for token in placed:
            owned = cast.owner(token)
            if owned is None or self.given.tier(owned[0]) not in cast.KNOWN:
                raise Broken("a refill is ordered by who may", "for somebody who was not shown")
            if owned[1].refill != "eligible":
                raise Broken("a refill is ordered by who may", f"of a prescription that is {owned[1].refill}")
            if cast.permission(self.given.number, owned[0]) not in ("everything", "refills"):
                raise Broken("a refill is ordered by who may", "by somebody without permission")


@cache
def ordinary_words(prompts: Any) -> frozenset[str]:
    """Words of the prompts themselves: `vale` is Spanish, though somebody is called Vale."""
    said = (prompt.source for catalogue in prompts.catalogues.values() for prompt in catalogue.prompts.values())
    return frozenset(word for words in said for word in re.findall(r"\w+", words.casefold()))


def spoken_prompts(prompts: Any, said: Said) -> Iterator[Prompt]:
    """The prompt that was asked for, and the one that stands in for it where a value is not known."""
    catalogue = prompts.catalogues.get(said.language or prompts.first, prompts.catalogues[prompts.first])
    prompt: Prompt = catalogue.prompts.get(said.prompt) or prompts.catalogues[prompts.first].prompts[said.prompt]
    yield prompt
    while prompt.without and any(said.values.get(name) in (None, "") for name in prompt.values):
        prompt = catalogue.prompts[prompt.without]
        yield prompt


def means_emergency(walk: Walk, key: str) -> bool:
    """Does the open question's option on this key tell of an emergency?"""
    node = walk.pharmacy.flows[walk.call.place[-1].flow].nodes[walk.call.place[-1].node]
    option = node.options.get(key) if isinstance(node, Menu) else None
    return option is not None and option.facts.get("urgency") == "emergency"
