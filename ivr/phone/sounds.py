"""Say, Play, Pause, and the verbs that end or redirect a call."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from urllib.parse import urlsplit
from xml.etree.ElementTree import Element

from ivr.phone.leg import Event, Goto, Over
from ivr.phone.recordings import words_in
from ivr.phone.stage import LETTERS_PER_SECOND, SHORTEST_PAUSE_SECONDS, Stage, number
from ivr.phone.webhook import WebhookFailed

SECONDS_OF_A_RECORDING = 5.0  # what a <Play> is taken to last; its file is not fetched

_WORDS = re.compile(r"\s*([A-Za-z]{2,3}(?:-\w+)*): (.*\S)\s*", re.DOTALL)


class Left(Exception):
    """<Leave>: the caller leaves the queue, and goes on after its <Enqueue>."""


def spoken(say: Element) -> str:
    """Return the words of a <Say>, its SSML taken out."""
    return " ".join("".join(say.itertext()).split())


def times(verb: Element) -> int:
    """Return how often a sound is repeated; "0 = until hang-up or 1000"."""
    return int(number(verb, "loop", 1)) or 1000


def sounded(stage: Stage, verb: Element) -> Event | None:
    """Play one Say, Play or Pause; returns what the person did meanwhile, if anybody listens for it."""
    if verb.tag == "Pause":
        # "As first verb: waits before answering."
        length = number(verb, "length", 1.0)
        stage.note("paused", seconds=length)
        return stage.sound(length, at_least=min(length, SHORTEST_PAUSE_SECONDS))
    stage.begin()
    if verb.tag == "Say":
        text, pace = spoken(verb), rate(verb)
        facts = {"language": verb.get("language", "en-US"), "voice": verb.get("voice", "man")}
        stage.note("said", text=text, **facts, **({} if pace == 1 else {"rate": pace}))
        return stage.sound(len(text) / LETTERS_PER_SECOND / pace * times(verb))
    return _played(stage, verb)


def rate(say: Element) -> float:
    """Return how fast a <Say> is spoken, 1 for the voice's own pace."""
    told = next((prosody.get("rate", "") for prosody in say.iter("prosody")), "")
    return int(told[:-1]) / 100 if re.fullmatch(r"[1-9]\d*%", told) else 1.0


def _played(stage: Stage, play: Element) -> Event | None:
    what = (play.text or "").strip() or f"keys {play.get('digits', '')}"
    if words := _WORDS.fullmatch(play.tail or ""):
        language, text = words.groups()
        stage.note("said", text=text, language=language, voice="a recording", recording=what)
        return stage.sound(len(text) / LETTERS_PER_SECOND * times(play))
    recording = stage.exchange.recordings.at(what)
    if recording is not None:
        stage.note("said", text=recording.text, language="en-US", voice="a recording", recording=what)
        return stage.sound(recording.seconds * times(play))
    if words_told := _fetched(stage, what):
        stage.note("said", text=words_told, language="en-US", voice="a recording", recording=what)
        return stage.sound(len(words_told) / LETTERS_PER_SECOND * times(play))
    stage.note("played", what=what)
    # Music plays in circles while somebody waits: on a phone without patience it takes as long as a pause does.
    return stage.sound(SECONDS_OF_A_RECORDING * times(play), at_least=SHORTEST_PAUSE_SECONDS)


def _fetched(stage: Stage, url: str) -> str:
    """Return the words of a recording the product gives out itself: its URLs name no kind of file."""
    goto = stage.follow(url, "GET")
    if not goto.url.startswith("http") or PurePosixPath(urlsplit(goto.url).path).suffix:
        return ""
    try:
        return words_in(stage.exchange.webhooks.ask(goto.url, goto.method, {}).body)
    except WebhookFailed as failure:
        stage.note("failure", code=failure.code, text=f"<Play>: {failure}", path="", twiml="")
        return ""


def say_play_or_pause(stage: Stage, verb: Element) -> Goto | None:
    """<Say>, <Play>, <Pause>: nobody listens for keys, so nothing interrupts them."""
    sounded(stage, verb)
    return None


def redirect(stage: Stage, verb: Element) -> Goto | None:
    """<Redirect>: "nothing after it runs"."""
    return stage.follow(verb.text or "", verb.get("method"))


def hangup(stage: Stage, verb: Element) -> Goto | None:
    """<Hangup>: "answers and bills if first"."""
    stage.begin()
    stage.leg.hang_up("the line")
    raise Over


def reject(stage: Stage, verb: Element) -> Goto | None:
    """<Reject>: "the only unbilled, unanswered outcome, must be first verb"."""
    stage.exchange.refuse(stage.leg, "busy" if verb.get("reason") == "busy" else "no-answer")
    raise Over


def leave(stage: Stage, verb: Element) -> Goto | None:
    """<Leave>: "only meaningful inside waitUrl"."""
    raise Left
