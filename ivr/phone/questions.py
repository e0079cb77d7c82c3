"""Gather and Record: the verbs that wait for the person."""

from __future__ import annotations

from dataclasses import dataclass
from xml.etree.ElementTree import Element

from ivr.phone.leg import Event, Goto, Key, Message, Over, Silence, Speech, Watch
from ivr.phone.lint import Setting
from ivr.phone.sounds import sounded
from ivr.phone.stage import LETTERS_PER_SECOND, LONGEST_SOUND_SECONDS, SHORTEST_PAUSE_SECONDS, Stage, number, watch_of
from ivr.phone.transcription import LONGEST_SECONDS, transcribe


@dataclass(frozen=True, slots=True)
class _Question:
    keys: bool
    speech: bool
    timeout_seconds: float
    num_digits: int | None
    finish_on: str

    @classmethod
    def of(cls, gather: Element) -> _Question:
        asked = gather.get("input", "dtmf").split()
        return cls(
            keys="dtmf" in asked,
            speech="speech" in asked,
            timeout_seconds=number(gather, "timeout", 5.0),
            num_digits=int(number(gather, "numDigits", 0)) or None,
            finish_on=gather.get("finishOnKey", "#"),
        )

    @property
    def heard(self) -> tuple[str, ...]:
        return ("silence", *(["keys"] if self.keys else []), *(["speech"] if self.speech else []))


@dataclass(frozen=True, slots=True)
class _Entry:
    digits: str = ""
    finished_on: str = ""
    speech: Speech | None = None

    @property
    def is_empty(self) -> bool:
        # "finishOnKey alone = no input."
        return not self.digits and self.speech is None

    def params(self, keys_asked: bool) -> dict[str, str]:
        if self.speech is not None:
            return {"SpeechResult": self.speech.text, "Confidence": str(self.speech.confidence)}
        return {"Digits": self.digits, "FinishedOnKey": self.finished_on} if keys_asked else {}


def gather(stage: Stage, verb: Element) -> Goto | None:
    """<Gather>: "timer starts after nested verbs or first key; any key or speech barges in"."""
    question = _Question.of(verb)
    stage.begin()
    with stage.leg.hearing(*question.heard, doing="gathering"):
        stage.note(
            "gathering",
            digits=question.keys,
            speech=question.speech,
            timeout=question.timeout_seconds,
            num_digits=question.num_digits,
            finish_on=question.finish_on,
        )
        entry = _entry(stage, question, _prompted(stage, verb))
    _write_down(stage, entry)
    return _submitted(stage, verb, question, entry)


def _prompted(stage: Stage, verb: Element) -> Event | None:
    for nested in verb:
        event = sounded(stage, nested) if nested.tag in ("Say", "Play", "Pause") else None
        if event is not None:
            return event
    return None


def _entry(stage: Stage, question: _Question, event: Event | None) -> _Entry:
    event = event or _waited(stage, question)
    digits = ""
    while isinstance(event, Key):
        if event.digit == question.finish_on:
            return _Entry(digits, finished_on=event.digit)
        digits += event.digit
        if len(digits) == question.num_digits:
            break
        event = stage.leg.listen(question.timeout_seconds * stage.exchange.patience)
    # "dtmf speech: first wins": words after the first key are not taken.
    return _Entry(speech=event) if isinstance(event, Speech) and not digits else _Entry(digits)


def _waited(stage: Stage, question: _Question) -> Event | None:
    event = stage.leg.listen(_patience(stage, question))
    stage.leg.passes(question.timeout_seconds)
    return event


def _patience(stage: Stage, question: _Question) -> float:
    if stage.setting is not Setting.QUEUE_WAIT:
        return question.timeout_seconds * stage.exchange.patience
    # On hold nobody is waited for: the question's silence is part of the wait document's sound.
    sound = min(question.timeout_seconds, LONGEST_SOUND_SECONDS) * stage.leg.pace
    return max(sound, SHORTEST_PAUSE_SECONDS)


def _write_down(stage: Stage, entry: _Entry) -> None:
    if entry.speech is not None:
        stage.note("spoke", text=entry.speech.text, confidence=entry.speech.confidence)
    elif entry.digits or entry.finished_on:
        stage.note("keyed", digits=entry.digits + entry.finished_on)
    else:
        stage.note("silent")


def _submitted(stage: Stage, verb: Element, question: _Question, entry: _Entry) -> Goto | None:
    action = verb.get("action") or stage.url
    if not action or (entry.is_empty and verb.get("actionOnEmptyResult") != "true"):
        return None
    params = {"msg": "Gather End", **entry.params(question.keys)}
    return stage.follow(action, verb.get("method"), params)


# ---------------------------------------------------------------- Record


@dataclass(slots=True)
class _Take:
    text: str = ""
    key: str = ""


def record(stage: Stage, verb: Element) -> Goto | None:
    """<Record>: ends by key, silence, length or hang-up; an empty one goes on with the next verb."""
    stage.begin()
    stage.note("recording", finish_on=_finish_keys(verb), max_seconds=int(number(verb, "maxLength", 3600)))
    take = _Take()
    try:
        with stage.leg.hearing("keys", "message", "speech", "silence", doing="recording"):
            _take_down(stage, verb, take)
    except Over:
        take.key = "hangup"
        if take.text:
            stage.notify(verb.get("action") or stage.url, verb.get("method"), _kept(stage, verb, take))
        raise
    if not take.text:
        stage.note("recorded", text="", seconds=0)
        return None
    return stage.follow(verb.get("action") or stage.url, verb.get("method"), _kept(stage, verb, take))


def _finish_keys(verb: Element) -> str:
    return verb.get("finishOnKey", "1234567890*#")


def _take_down(stage: Stage, verb: Element, take: _Take) -> None:
    silence = number(verb, "timeout", 5.0) * stage.exchange.patience or None
    while True:
        event = stage.leg.listen(silence)
        if isinstance(event, Message | Speech):
            take.text = f"{take.text} {event.text}".strip()
        elif isinstance(event, Key) and event.digit in _finish_keys(verb):
            take.key = event.digit
            return
        elif event is None or isinstance(event, Silence):
            return


def _kept(stage: Stage, verb: Element, take: _Take) -> dict[str, str]:
    transcribed = verb.get("transcribe") == "true"
    longest = int(number(verb, "maxLength", LONGEST_SECONDS if transcribed else 3600))
    seconds = min(max(1, round(len(take.text) / LETTERS_PER_SECOND)), longest)
    recording = stage.exchange.keep_message(stage.leg, take.text, seconds, _watch(stage, verb))
    stage.note("recorded", text=take.text, seconds=seconds)
    transcribe(stage, verb, recording)
    params = {
        "RecordingUrl": stage.exchange.recordings.url_of(recording),
        "RecordingSid": recording.sid,
        "RecordingDuration": str(seconds),
    }
    return {**params, "Digits": take.key} if take.key else params


def _watch(stage: Stage, verb: Element) -> Watch | None:
    return watch_of(stage, verb, "completed", "recordingStatusCallback")
