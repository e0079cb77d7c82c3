"""<Dial>: numbers that ring, of which the first to accept is connected, or a conference."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from xml.etree.ElementTree import Element

from ivr.phone.conferences import Conference, Participant
from ivr.phone.leg import Goto, Key, Leg, Over, Summoned
from ivr.phone.lint import Setting
from ivr.phone.queues import wait_in_loops
from ivr.phone.stage import DocumentFailed, Stage, number, watch_of

_CALLABLE = frozenset({"Number", "Client", "Sip"})


def dial(stage: Stage, verb: Element) -> Goto | None:
    """<Dial>: with an action it goes on there, without one at the next verb."""
    conference = verb.find("Conference")
    if conference is not None:
        return _conference(stage, verb, conference)
    nouns = [noun for noun in verb if noun.tag in _CALLABLE]
    if not nouns and (verb.text or "").strip():
        nouns = [verb]
    for other in verb:
        if other.tag not in _CALLABLE:
            stage.cannot_play(other)
    if not nouns:
        return _after(stage, verb, {"DialCallStatus": "failed"})
    return _numbers(stage, verb, nouns)


def _after(stage: Stage, verb: Element, params: Mapping[str, str]) -> Goto | None:
    action = verb.get("action")
    return stage.follow(action, verb.get("method"), params) if action else None


# ---------------------------------------------------------------- people on the phone


@dataclass(eq=False)
class Candidate:
    """A phone one <Dial> rings: `accepted` once its whisper, if any, has run out; `over` once it is no longer
    this <Dial>'s: its leg has ended, or was moved elsewhere."""

    leg: Leg
    caller: Leg
    accepted: bool = False
    over: bool = False

    def accept(self) -> None:
        """Be ready to be connected."""
        self.accepted = True
        self.caller.summon()

    def let_go(self) -> None:
        """Belong to the <Dial> no more."""
        self.over = True
        self.caller.summon()


class Bridge:
    """Two legs who hear each other."""

    def __init__(self, *legs: Leg) -> None:
        self._legs = legs

    def says(self, leg: Leg, text: str) -> None:
        """Let the other hear it."""
        leg.transcript.note("spoke", text=text, confidence=None)
        for other in self._legs:
            if other is not leg:
                other.transcript.note("heard", text=text, by=leg.person)


def _numbers(stage: Stage, verb: Element, nouns: list[Element]) -> Goto | None:
    if verb.get("answerOnBridge") != "true":
        stage.begin()
    candidates = [_ring(stage, verb, noun) for noun in nouns]
    stage.note("dialing", numbers=[candidate.leg.person for candidate in candidates])
    winner: Candidate | None = None
    try:
        with stage.leg.awaiting(), stage.leg.hearing(doing="dialing"):
            winner = _first(stage, candidates)
            _cancel(candidates, winner)
            if winner is not None:
                _talk(stage, verb, winner)
    except Over:
        stage.notify(verb.get("action"), verb.get("method"), _result(stage, candidates, winner))
        raise
    finally:
        _cancel(candidates, None)
    return _after(stage, verb, _result(stage, candidates, winner))


def _ring(stage: Stage, verb: Element, noun: Element) -> Candidate:
    address = (noun.text or "").strip()
    if noun.tag == "Client":
        address = f"client:{noun.findtext('Identity') or address}"
    whisper = noun.get("url")
    return stage.exchange.ring_from(
        stage,
        address,
        line=verb.get("callerId") or stage.leg.from_number,
        timeout_seconds=number(verb, "timeout", 30.0),
        whisper=stage.follow(whisper, noun.get("method")) if whisper else None,
        watch=watch_of(stage, noun, "completed"),
    )


def _star(verb: Element) -> tuple[str, ...]:
    return ("keys",) if verb.get("hangupOnStar") == "true" else ()


def _first(stage: Stage, candidates: list[Candidate]) -> Candidate | None:
    while True:
        accepted = next((one for one in candidates if one.accepted and one.leg.is_live), None)
        if accepted is not None or all(one.over for one in candidates):
            return accepted
        _wait_for_news(stage.leg)


def _wait_for_news(leg: Leg) -> str:
    """Return the key pressed meanwhile, or "" for news."""
    try:
        event = leg.listen(None)
    except Summoned:
        return ""
    return event.digit if isinstance(event, Key) else ""


def _talk(stage: Stage, verb: Element, winner: Candidate) -> None:
    stage.begin()
    bridge = Bridge(stage.leg, winner.leg)
    for leg, other in ((stage.leg, winner.leg), (winner.leg, stage.leg)):
        leg.conversation = bridge
        leg.transcript.note("bridged", others=[other.person])
    try:
        with stage.leg.hearing(*_star(verb), doing="talking"):
            while not winner.over:
                if _wait_for_news(stage.leg) == "*":
                    return
    finally:
        stage.leg.conversation = winner.leg.conversation = None


def _cancel(candidates: list[Candidate], winner: Candidate | None) -> None:
    for candidate in candidates:
        if candidate is not winner and not candidate.over:
            candidate.leg.hang_up("the line")


def _result(stage: Stage, candidates: list[Candidate], winner: Candidate | None) -> dict[str, str]:
    # A party who picked up and declined in the whisper counts as `completed` too; DialBridged tells them apart.
    told = winner or next((one for one in candidates if one.leg.answered_at), candidates[0])
    answered_at = told.leg.answered_at
    params = {"DialCallSid": told.leg.sid, "DialBridged": str(winner is not None).lower()}
    if answered_at is None:
        return {**params, "DialCallStatus": told.leg.status if told.over else "canceled"}
    ended_at = told.leg.ended_at or stage.exchange.clock.now()
    seconds = int((ended_at - answered_at).total_seconds())
    return {**params, "DialCallStatus": "completed", "DialCallDuration": str(seconds)}


def called(stage: Stage, candidate: Candidate, whisper: Goto | None) -> None:
    """Play the called side of a <Dial>: the whisper, then the conversation, until somebody leaves it."""
    if whisper is not None:
        stage.inside(Setting.WHISPER).perform(whisper)
    candidate.accept()
    with stage.leg.hearing(doing="talking"):
        stage.leg.listen(None)


# ---------------------------------------------------------------- a conference


def _true(noun: Element, attribute: str, default: bool) -> bool:
    return noun.get(attribute, str(default).lower()) == "true"


def _conference(stage: Stage, verb: Element, noun: Element) -> Goto | None:
    stage.begin()
    conference = stage.exchange.conference_named((noun.text or "").strip())
    participant = Participant(
        stage.leg,
        stage.exchange.clock.now(),
        muted=_true(noun, "muted", False),
        starts=_true(noun, "startConferenceOnEnter", True),
        ends=_true(noun, "endConferenceOnExit", False),
        label=noun.get("participantLabel", ""),
        coaching=noun.get("coach", ""),
    )
    _equip(stage, conference, noun)
    stage.leg.passes(math.inf)  # a machine in a conversation is taken to have spoken its greeting before
    stage.note("joined", conference=conference.sid)
    try:
        # While it waits, or is held, nobody listens for its keys: whether `*` works then is not written.
        with stage.leg.awaiting(), stage.leg.hearing(doing="talking"):
            conference.join(participant)
            _stay(stage, noun, conference, participant, _star(verb))
    except Over:
        stage.notify(verb.get("action"), verb.get("method"), {"DialCallStatus": "answered"})
        raise
    finally:
        conference.leave(participant)
        stage.note("left", conference=conference.sid)
    # "`answered` only for conference"; DialCallSid and DialCallDuration are absent.
    return _after(stage, verb, {"DialCallStatus": "answered", "DialBridged": "true"})


def _equip(stage: Stage, conference: Conference, noun: Element) -> None:
    # The first participant who asks for callbacks or a recording decides where they go.
    with stage.exchange.lock:
        conference.watch = conference.watch or watch_of(stage, noun, "")
    if noun.get("record") == "record-from-start":
        watch = watch_of(stage, noun, "completed", "recordingStatusCallback")
        conference.record(stage.leg, watch)


def _stay(stage: Stage, noun: Element, conference: Conference, me: Participant, star: tuple[str, ...]) -> None:
    while me.inside:
        try:
            if me.announcements:
                _announce(stage, conference, me)
            elif me.hold:
                _loop(stage, me.hold_url, me.hold_method)
            elif conference.status == "init":
                _loop(stage, noun.get("waitUrl"), noun.get("waitMethod"))
            elif _star_pressed(stage, star):
                return
        except Summoned:
            continue


def _star_pressed(stage: Stage, star: tuple[str, ...]) -> bool:
    with stage.leg.hearing(*star, doing="talking"):
        return _wait_for_news(stage.leg) == "*"


def _announce(stage: Stage, conference: Conference, me: Participant) -> None:
    how = "fail"
    try:
        # What happens to others meanwhile does not cut it short; being out of the conference does.
        with stage.leg.awaiting(lambda: not me.inside):
            stage.inside(Setting.CONFERENCE_WAIT).perform(me.announcements.popleft())
        how = "end"
    except DocumentFailed:
        stage.note("announcement failed")
    finally:
        conference.report(f"announcement-{how}", me)


def _loop(stage: Stage, url: str | None, method: str | None) -> None:
    wait_in_loops(stage, url, method, dict, Setting.CONFERENCE_WAIT)
