"""Verbs as TwiML, written straight as text: what Twilio plays, asks, and where it comes back.

Nothing but a leg's token, a document's number and an exit is ever in a URL.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from html import escape as _escape_markup
from typing import Any, Protocol, assert_never
from urllib.parse import quote

from ivr.core.verbs import Back, Dial, Gather, HandOn, Hangup, Hold, Leave, Meet, Pause, Play, Record, Say, Verb
from ivr.telephony import SOUNDS, hold_queue

FRAGMENT = "#rc=3&rp=ct,rt,5xx&ct=2000&rt=5000&tt=14000"
"""Ends every URL Twilio asks us by: retry thrice, also after silence or a 5xx, for our turns are idempotent."""

SILENCE_ENDS_MESSAGE_SECONDS = 5
LONGEST_TRANSCRIBED_SECONDS = 119  # "transcription is limited to recordings of less than two minutes"
RESCUE_MESSAGE_SECONDS = 120
RESCUE_RING_SECONDS = 30
MOMENT_SECONDS = 3

_XML = '<?xml version="1.0" encoding="UTF-8"?>'
NOTHING = f"{_XML}<Response/>"
"""The reply to a notice."""

# The shortest of Twilio's limits: 3,000 characters for Polly voices, and 4,500 once URL-encoded for any.
_MOST_SPOKEN = 3000
_MOST_HINTS = 500
_MOST_HINT_CHARACTERS = 100
_WIDE_END = "(?<=[\u3002\uff01\uff1f\uff1b\uff1a])"  # no space follows a sentence in Chinese
_SENTENCE_END = re.compile(rf"(?<=[.!?;:])\s+|{_WIDE_END}")
_BETWEEN_SENTENCES = re.compile(rf"(?<=[.!?;:]\s)(?=\S)|{_WIDE_END}(?=\S)")
_SLOW = '<prosody rate="85%">'
_BREAK = '<break time="500ms"/>'
_MOST_BREAKS = 60  # Google's voices count markup: with these there is room for it
_SPACE = re.compile(r"\s+")
_PLAIN = re.compile(r"[ -!#-%'-;=?-~]*")
_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
# A parser turns these into spaces or other line ends unless they are written as numbers.
_LINE_ENDS = str.maketrans({"\t": "&#9;", "\n": "&#10;", "\r": "&#13;"})
_STATIC = frozenset(file.stem for file in SOUNDS.glob("*.wav"))
_ANY_KEY = "1234567890*#"


class Spoken(Protocol):
    """Words ready to be said: plain text, the locale it is in (`es-US`), and the voice that says it."""

    @property
    def text(self) -> str: ...
    @property
    def locale(self) -> str: ...
    @property
    def voice(self) -> str: ...


class Prompts(Protocol):
    """The prompts a call keeps."""

    def say(self, language: str, prompt: str, values: Mapping[str, Any], /) -> Spoken: ...


def no_recordings(recording: str) -> str:
    """Where no recording can be had; raises LookupError."""
    raise LookupError("this line plays no recordings")


def _no_prompt_recorded(spoken: Any) -> None:
    return None


class Renderer:
    """Writes the documents of one line; share one per process.

    `recording_url` tells where Twilio fetches a recording's sound, by the recording's id; without it, playing one
    raises LookupError. `recorded` tells which recording, by its path below `/voice/recordings/`, may be played
    instead of words a prompt gave, and None for none.
    """

    def __init__(
        self,
        public_url: str,
        recording_url: Callable[[str], str] = no_recordings,
        recorded: Callable[[Any], str | None] = _no_prompt_recorded,
    ) -> None:
        self._public_url = public_url
        self.voice_url = escape(f"{public_url}/voice/")
        self._recording_url = recording_url
        self._recorded = recorded

    def document(
        self,
        says: tuple[Verb, ...] | None,
        *,
        leg: str,
        document: int,
        language: str,
        prompts: Prompts,
        caller_id: str | None = None,
        on_hold: bool = False,
        slow: bool = False,
    ) -> str:
        """Return what a party hears as TwiML; None and () are the empty reply to a notice.

        `document` is this document's number, `language` the call's. `caller_id` is what a dialled number sees,
        None for the caller's own number. `on_hold`: they hear it without having left Twilio's queue. `slow`: at a
        slower pace, with longer breaks, where the voice can.
        """
        answers = "held" if on_hold else "next"
        exits = f"{self.voice_url}{leg}/{document}/"
        page = _Page(self, prompts, language, leg, exits, caller_id, answers, slow=slow)
        return _response([page.write(verb) for verb in says or ()])

    def wait_document(
        self,
        says: tuple[Verb, ...],
        *,
        leg: str,
        newest: int,
        language: str,
        prompts: Prompts,
        slow: bool = False,
    ) -> str:
        """Return what a waiting caller hears: a view, asked again for ever, which only a key leaves.

        `newest` is the number of the leg's newest document, the one a key answers.
        """
        exits = f"{self.voice_url}{leg}/{newest}/"
        page = _Page(self, prompts, language, leg, exits, answers="held", silence_answers=False, slow=slow)
        written = [page.write(verb) for verb in says]
        # Twilio asks a wait URL again by itself, but only while the leg is in a queue.
        if not (says and isinstance(says[-1], Back | Leave | Hangup)):
            written.append(page.write(Back("wait")))
        return _response(written)

    def sound_url(self, sound: str) -> str:
        """Return where a sound is fetched. Media is no webhook, so this carries no fragment."""
        return f"{self._public_url}/static/{sound}.wav" if sound in _STATIC else self._recording_url(sound)

    def played(self, spoken: Spoken) -> str | None:
        """Return the element that plays words from a recording, with the words for whoever reads; else None."""
        recording = self._recorded(spoken)
        if recording is None:
            return None
        words = re.sub("-(?=-)", "- ", _FORBIDDEN.sub("", spoken.text))  # nothing else can end a comment
        return f"<Play>{self.voice_url}recordings/{escape(recording)}</Play><!-- {spoken.locale}: {words} -->"


def rescue(
    words: Sequence[Spoken], *, dial: str | None = None, action: str | None = None, play: str | None = None
) -> str:
    """Return a document that needs nothing else to work: an apology, then a person, a message, music or goodbye.

    `dial` is the staffed number, and `action` the door that is told how it went; without `dial` it is the door that
    takes a message. `play` is the sound for a caller on hold, who stays there.
    """
    written = [_say(said.text, said.locale, said.voice) for said in words]
    if play:
        return _response([*written, f"<Play>{escape(play)}</Play>"])
    if action:
        door = escape(action + FRAGMENT)
        written.append(_rescue_ring(dial, door) if dial else _record(RESCUE_MESSAGE_SECONDS, door))
    return _response([*written, "<Hangup/>"])


def alone(parts: Sequence[Sequence[Spoken] | str]) -> str:
    """Return a document that asks for nothing and tells nobody: words, and numbers to be rung one after the other.

    Before each number there is a moment to hang up; whoever is not answered there hears what comes after it.
    """
    written = [
        f'<Pause length="{MOMENT_SECONDS}"/><Dial timeout="{RESCUE_RING_SECONDS}">{_party(part)}</Dial>'
        if isinstance(part, str)
        else "".join(_say(said.text, said.locale, said.voice) for said in part)
        for part in parts
    ]
    return _response([*written, "<Hangup/>"])


def _rescue_ring(number: str, action: str) -> str:
    return f'<Dial action="{action}" timeout="{RESCUE_RING_SECONDS}">{_party(number)}</Dial>'


# ---------------------------------------------------------------- one document


@dataclass(frozen=True, slots=True)
class _Page:
    """What the verbs of one document share. `exits` is the escaped URL of its exits, without the exit.

    `answers` is the exit of its questions; where silence is no answer, a question ends without leaving the document.
    """

    renderer: Renderer
    prompts: Prompts
    language: str
    leg: str
    exits: str
    caller_id: str | None = None
    answers: str = "next"
    silence_answers: bool = True
    slow: bool = False

    def write(self, verb: Verb) -> str:
        match verb:
            case Say():
                return self.say(verb)[0]
            case Gather():
                return self.gather(verb)
            case Play():
                return f"<Play>{escape(self.renderer.sound_url(verb.sound))}</Play>"
            case Pause():
                return f'<Pause length="{verb.seconds}"/>'
            case Back():
                return f"<Redirect>{self.exit(verb.exit)}</Redirect>"
            case HandOn():
                moved = f"{self.renderer.voice_url}{escape(verb.leg)}/{verb.document}/moved"
                return f"<Redirect>{moved}{_ESCAPED_FRAGMENT}</Redirect>"
            case Hold():
                return self.hold(verb)
            case Meet():
                return self.meet(verb)
            case Dial():
                return self.dial(verb)
            case Record():
                # "If Twilio receives an empty recording, it will not make a request to the action URL."
                return self.record(verb) + self.write(Back())
            case Leave():
                return "<Leave/>"
            case Hangup():
                return "<Hangup/>"
        assert_never(verb)

    def exit(self, exit: str) -> str:
        return f"{self.exits}{exit}{_ESCAPED_FRAGMENT}"

    def say(self, verb: Say) -> tuple[str, str]:
        spoken = self.prompts.say(verb.language or self.language, verb.prompt, verb.values)
        # A recording has the pace it has, so who needs it slower hears the words.
        played = None if self.slow else self.renderer.played(spoken)
        # What names no value names nobody, so it may be kept.
        say = _say if verb.values else _kept
        return played or say(spoken.text, spoken.locale, spoken.voice, self.slow), spoken.locale

    def gather(self, gather: Gather) -> str:
        written, locale = "", ""
        for said in gather.says:
            if isinstance(said, Say):
                element, spoken_in = self.say(said)
                written += element
                locale = locale or ("" if said.language else spoken_in)
            else:
                written += self.write(said)
        ends = f'numDigits="{gather.digits}"' if gather.digits else 'finishOnKey="#"'
        # In the wait view silence asks for it again; anywhere else it is an answer and leaves by the same exit.
        silence = ' actionOnEmptyResult="true"' if self.silence_answers else ""
        return (
            f'<Gather input="{"dtmf speech" if gather.speech else "dtmf"}" {ends} timeout="{gather.seconds}"'
            f"{_listening(locale, gather.hints) if gather.speech else ''}{silence}"
            f' action="{self.exit(self.answers)}">{written}</Gather>'
        )

    def hold(self, hold: Hold) -> str:
        return (
            f'<Enqueue waitUrl="{self.exit("wait")}" action="{self.exit("after")}">'
            f"{escape(hold_queue(hold.site))}</Enqueue>"
        )

    def record(self, record: Record) -> str:
        told = f' recordingStatusCallback="{self.exit("recorded")}"'
        if not record.transcribe:
            return _record(record.seconds, self.exit("next"), told)
        told += f' transcribe="true" transcribeCallback="{self.exit("heard")}"'
        return _record(min(record.seconds, LONGEST_TRANSCRIBED_SECONDS), self.exit("next"), told)

    def meet(self, meet: Meet) -> str:
        # Whoever leaves, the other must be free to hear what comes next: the room ends with the first of the two to go.
        star = ' hangupOnStar="true"' if meet.star else ""
        muted = ' muted="true"' if meet.muted else ""
        return (
            f'<Dial action="{self.exit("after")}"{star}><Conference startConferenceOnEnter="true"'
            f' endConferenceOnExit="{"true" if meet.ends else "false"}"{muted} beep="false"'
            f' waitUrl="{self.exit("wait")}" participantLabel="{escape(self.leg)}">'
            f"{escape(meet.conference)}</Conference></Dial>"
        )

    def dial(self, dial: Dial) -> str:
        shown = f' callerId="{escape(self.caller_id)}"' if self.caller_id else ""
        return (
            f'<Dial action="{self.exit("after")}" timeout="{dial.seconds}" answerOnBridge="true"{shown}>'
            f"{_party(dial.number)}</Dial>"
        )


# ---------------------------------------------------------------- elements


def escape(text: str) -> str:
    """Return text as XML text or attribute value; characters XML cannot carry are dropped."""
    if _PLAIN.fullmatch(text):
        return text
    return _escape_markup(_FORBIDDEN.sub("", text)).translate(_LINE_ENDS)


_ESCAPED_FRAGMENT = escape(FRAGMENT)


def _response(elements: list[str]) -> str:
    return f"{_XML}<Response>{''.join(elements)}</Response>" if elements else NOTHING


def _say(text: str, locale: str, voice: str, slow: bool = False) -> str:
    named = f' voice="{escape(voice)}"' if voice else ""
    write = _slowly(voice) if slow else escape
    return "".join(
        f'<Say{named} language="{escape(locale)}">{write(part)}</Say>' for part in _breaths(text) if part.strip()
    )


def _slowly(voice: str) -> Callable[[str], str]:
    """Return how a voice is made to speak slowly, as far as it understands markup."""
    if not voice.startswith(("Polly.", "Google.")) or "Chirp" in voice:
        return escape
    return _with_breaks if voice.endswith("-Generative") else _at_slower_rate


def _at_slower_rate(text: str) -> str:
    return f"{_SLOW}{_with_breaks(text)}</prosody>"


def _with_breaks(text: str) -> str:
    sentences = _BETWEEN_SENTENCES.split(text, _MOST_BREAKS)
    return _BREAK.join(escape(sentence) for sentence in sentences)


_kept = lru_cache(maxsize=4096)(_say)


def _breaths(text: str) -> Iterator[str]:
    """Yield the text in parts a voice takes at once: after sentences, else after words, else anywhere."""
    # No byte is longer than three characters when URL-encoded, and most text is short.
    while 3 * len(text.encode("utf-8", "replace")) > _MOST_SPOKEN and _spoken_length(text) > _MOST_SPOKEN:
        part = text[: _most_characters(text)]
        ends = [*_SENTENCE_END.finditer(part)] or [*_SPACE.finditer(part)]
        cut = ends[-1].end() if ends else len(part)
        yield text[:cut]
        text = text[cut:]
    yield text


def _most_characters(text: str) -> int:
    length = 0
    for count, character in enumerate(text):
        length += _spoken_length(character)
        if length > _MOST_SPOKEN:
            return count
    return len(text)


def _spoken_length(text: str) -> int:
    return len(quote(text, safe="", errors="replace"))


def _listening(locale: str, hints: tuple[str, ...]) -> str:
    # Without a speechModel, which refuses speechTimeout="auto".
    language = f' language="{escape(locale)}"' if locale else ""
    return f' speechTimeout="auto"{language}{_hints(hints) if hints else ""}'


@lru_cache(maxsize=256)
def _hints(hints: tuple[str, ...]) -> str:
    phrases = [hint.replace(",", " ")[:_MOST_HINT_CHARACTERS] for hint in hints[:_MOST_HINTS]]
    return f' hints="{escape(",".join(phrases))}"'


def _record(seconds: int, action: str, told: str = "") -> str:
    return (
        f'<Record action="{action}" maxLength="{seconds}" timeout="{SILENCE_ENDS_MESSAGE_SECONDS}"'
        f' finishOnKey="{_ANY_KEY}" playBeep="true"{told}/>'
    )


def _party(address: str) -> str:
    scheme = address.partition(":")[0].lower()
    if scheme in ("sip", "sips"):
        return f"<Sip>{escape(address)}</Sip>"
    if scheme == "client":
        return f"<Client>{escape(address.partition(':')[2])}</Client>"
    return f"<Number>{escape(address)}</Number>"
