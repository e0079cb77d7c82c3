"""What Twilio would complain about in a document, or worse, silently ignore.

Names and nesting come from `twiml_catalogue.json`, derived from Twilio's own SDK. "Unknown attribute or element
is warning 12200 and usually ignored, so typos are silent in production": here they are not.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus, urldefrag
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from ivr.phone.webhook import LARGEST_BYTES, Overrides

CATALOGUE: dict[str, Any] = json.loads(Path(__file__).with_name("twiml_catalogue.json").read_text())
INLINE_CHARACTERS = 4_000
_XML_LANG = "{http://www.w3.org/XML/1998/namespace}lang"


class Setting(Enum):
    """Where a document runs; the value is which verbs Twilio allows there, None for all."""

    CALL = None
    QUEUE_WAIT = frozenset({"Play", "Say", "Pause", "Hangup", "Redirect", "Leave", "Gather"})
    CONFERENCE_WAIT = frozenset({"Play", "Say", "Pause", "Redirect"})
    WHISPER = frozenset({"Play", "Say", "Gather", "Hangup"})


_NAMED = {
    Setting.QUEUE_WAIT: "a queue's wait document",
    Setting.CONFERENCE_WAIT: "a conference's wait or hold document",
    Setting.WHISPER: "a whisper",
}


@dataclass(frozen=True, slots=True)
class Violation:
    """One thing wrong with a document: Twilio's code, and a sentence."""

    code: int
    text: str


class Unparseable(Exception):
    """The document cannot run at all; `code` is Twilio's."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code


class _WithWords(ElementTree.TreeBuilder):
    """Keeps the comment that follows a sound as the sound's tail: its words, for whoever cannot hear it."""

    _last = ""

    def start(self, tag: str, attrs: dict[str, str], /) -> Element:
        self._last = ""
        return super().start(tag, attrs)

    def end(self, tag: str, /) -> Element:
        self._last = tag
        return super().end(tag)

    def comment(self, text: str | None, /) -> Element:
        if self._last == "Play":
            self.data(text or "")
        return Element("")  # nobody looks at it


def parse(body: bytes) -> Element:
    """Return the <Response>; raises Unparseable for what makes Twilio give up on a document."""
    if not body.strip():
        raise Unparseable(11770, "the document is empty")
    try:
        root = ElementTree.fromstring(body, ElementTree.XMLParser(target=_WithWords()))
    except ElementTree.ParseError as error:
        raise Unparseable(12100, f"not XML: {error}") from None
    if root.tag != "Response":
        raise Unparseable(12102, f"the root is <{root.tag}>, not <Response>")
    return root


def check(root: Element, setting: Setting = Setting.CALL, inline: bool = False) -> list[Violation]:
    """Return everything wrong with a parsed document that runs in `setting`; `inline` if REST gave it as text."""
    found = [*_names(root, "VoiceResponse"), *_places(root, setting), *_nothing_after(root)]
    for element in root.iter():
        found += _values(element)
        if inline:
            found += _relative_actions(element)
    return found


def check_reply(body: bytes, content_type: str) -> list[Violation]:
    """Return what is wrong with how a document was sent: its type and its size."""
    found = []
    if content_type.partition(";")[0].strip() not in ("text/xml", "application/xml"):
        found.append(Violation(12300, f"content type `{content_type}`: send text/xml, or Twilio may read it aloud"))
    if len(body) > LARGEST_BYTES:
        found.append(Violation(11750, "the document is over 64 kB"))
    return found


def _names(element: Element, kind: str) -> Iterator[Violation]:
    entry = CATALOGUE[kind]
    for attribute, _ in element.items():
        name = "xml:lang" if attribute == _XML_LANG else attribute
        if name not in entry["attributes"]:
            yield Violation(12200, f"<{element.tag}> has no attribute `{name}`")
    for child in element:
        inner = entry["children"].get(child.tag)
        if inner is None:
            yield Violation(12200, f"<{child.tag}> is not allowed inside <{element.tag}>")
        else:
            yield from _names(child, inner)


def _places(root: Element, setting: Setting) -> Iterator[Violation]:
    if setting is Setting.CALL:
        return
    for verb in root:
        if verb.tag not in setting.value:
            allowed = ", ".join(sorted(setting.value))
            text = f"<{verb.tag}> is not allowed in {_NAMED[setting]}, only {allowed}"
            yield Violation(_not_here(setting, verb.tag), text)


def _not_here(setting: Setting, tag: str) -> int:
    if setting is Setting.CONFERENCE_WAIT:
        return 13238
    return 13201 if (setting, tag) == (Setting.WHISPER, "Dial") else 12200


def _nothing_after(root: Element) -> Iterator[Violation]:
    verbs = list(root)
    for verb, following in pairwise(verbs):
        if verb.tag in ("Redirect", "Hangup", "Reject", "Leave"):
            yield Violation(12200, f"<{following.tag}> after <{verb.tag}> is never reached")


def _values(element: Element) -> Iterator[Violation]:
    for attribute, value in element.items():
        pattern = _WRITTEN.get((element.tag, attribute)) or _WRITTEN.get(("*", attribute))
        if pattern and not re.fullmatch(pattern, value):
            yield Violation(12200, f'<{element.tag} {attribute}="{value}"> is not a value Twilio knows')
        if attribute in _URLS:
            yield from _overrides(element.tag, value)
    yield from _CHECKS.get(element.tag, _nothing)(element)


def _overrides(tag: str, url: str) -> Iterator[Violation]:
    for problem in Overrides.parse(urldefrag(url).fragment).problems:
        yield Violation(11243, f"<{tag}>: {problem}")


def _relative_actions(element: Element) -> Iterator[Violation]:
    # "If the call was started or updated with inline TwiML, the action of Gather, Record, Pay must be absolute."
    if element.tag in ("Gather", "Record", "Pay") and not element.get("action", "").startswith("http"):
        yield Violation(11100, f"<{element.tag}> in inline TwiML needs an absolute action")


def _say(say: Element) -> Iterator[Violation]:
    text, voice = "".join(say.itertext()), say.get("voice", "")
    if voice.startswith("Google."):
        inner = (say.text or "") + "".join(ElementTree.tostring(child, encoding="unicode") for child in say)
        longest, length = 5_000, len(inner.encode())
    else:
        longest, length = (3_000 if voice.startswith("Polly.") else 4_096), len(text.encode())
    if length > longest:
        yield Violation(13521, f"<Say> is {length} characters; this voice says at most {longest}")
    elif len(quote_plus(text)) > 4_500:
        yield Violation(13521, "<Say> is over 4,500 characters once URL-encoded")
    if not text.strip():
        yield Violation(13520, "<Say> says nothing")


def _gather(gather: Element) -> Iterator[Violation]:
    if gather.get("speechModel") and not gather.get("speechTimeout", "").isdigit():
        yield Violation(13335, "<Gather speechModel> needs a speechTimeout in whole seconds")
    hints = [hint for hint in gather.get("hints", "").split(",") if hint]
    if len(hints) > 500 or any(len(hint) > 100 for hint in hints):
        yield Violation(12200, "<Gather hints>: at most 500 of at most 100 characters")
    for play in gather.findall("Play"):
        if play.get("digits"):
            yield Violation(13420, "<Play digits> is not allowed inside <Gather>")


def _dial(dial: Element) -> Iterator[Violation]:
    tags = [noun.tag for noun in dial]
    if "Conference" in tags and len(tags) > 1:
        yield Violation(13000, "<Dial> cannot mix <Conference> with another noun")
    if len(tags) > 10:
        yield Violation(13000, "<Dial> calls at most 10 at once")
    if not tags and not (dial.text or "").strip():
        yield Violation(13000, "<Dial> calls nobody")


def _enqueue(enqueue: Element) -> Iterator[Violation]:
    name = (enqueue.text or "").strip()
    if not 1 <= len(name) <= 64:
        yield Violation(14201, "<Enqueue> needs a queue's name of 1 to 64 characters")


def _redirect(redirect: Element) -> Iterator[Violation]:
    yield from _overrides("Redirect", (redirect.text or "").strip())


def _list_of(words: str) -> str:
    word = f"({'|'.join(words.split())})"
    return f"{word}( {word})*"


def _nothing(_: Element) -> Iterator[Violation]:
    return iter(())


_CHECKS: dict[str, Callable[[Element], Iterator[Violation]]] = {
    "Say": _say,
    "Gather": _gather,
    "Dial": _dial,
    "Enqueue": _enqueue,
    "Redirect": _redirect,
}
_BOOLEAN, _POSITIVE, _NUMBER = "true|false", r"[1-9]\d*", r"\d+"
_WRITTEN = {
    ("*", "method"): "GET|POST",
    ("*", "waitMethod"): "GET|POST",
    ("*", "waitUrlMethod"): "GET|POST",
    ("*", "statusCallbackMethod"): "GET|POST",
    ("*", "loop"): _NUMBER,
    ("Pause", "length"): _POSITIVE,
    ("Play", "digits"): "[0-9A-D#*wW]+",
    ("Gather", "input"): "dtmf|speech|dtmf speech|speech dtmf",
    ("Gather", "numDigits"): _POSITIVE,
    ("Gather", "timeout"): rf"{_POSITIVE}|auto",
    ("Gather", "finishOnKey"): "[0-9#*]?",
    ("Gather", "actionOnEmptyResult"): _BOOLEAN,
    ("Gather", "speechTimeout"): rf"{_POSITIVE}|auto",
    ("Gather", "language"): r"[A-Za-z]{2,3}-[A-Za-z0-9-]+",
    ("Gather", "profanityFilter"): _BOOLEAN,
    ("Record", "timeout"): _NUMBER,
    ("Record", "maxLength"): _POSITIVE,
    ("Record", "finishOnKey"): "[0-9#*]*",
    ("Record", "playBeep"): _BOOLEAN,
    ("Record", "trim"): "trim-silence|do-not-trim",
    ("Record", "recordingStatusCallbackEvent"): _list_of("in-progress completed absent"),
    ("Dial", "timeout"): _POSITIVE,
    ("Dial", "timeLimit"): _POSITIVE,
    ("Dial", "answerOnBridge"): _BOOLEAN,
    ("Dial", "hangupOnStar"): _BOOLEAN,
    ("Dial", "record"): "do-not-record|record-from-answer(-dual)?|record-from-ringing(-dual)?",
    ("Conference", "muted"): _BOOLEAN,
    ("Conference", "beep"): "true|false|onEnter|onExit",
    ("Conference", "startConferenceOnEnter"): _BOOLEAN,
    ("Conference", "endConferenceOnExit"): _BOOLEAN,
    ("Conference", "maxParticipants"): _POSITIVE,
    ("Conference", "record"): "do-not-record|record-from-start",
    ("Conference", "statusCallbackEvent"): _list_of("start end join leave mute hold modify speaker announcement"),
    ("Number", "statusCallbackEvent"): _list_of("initiated ringing answered completed"),
    ("prosody", "rate"): r"x-slow|slow|medium|fast|x-fast|\d+%",
    ("break", "time"): r"\d+(ms|s)",
    ("Reject", "reason"): "rejected|busy",
}
_URLS = frozenset(
    {
        "action",
        "url",
        "waitUrl",
        "statusCallback",
        "recordingStatusCallback",
        "partialResultCallback",
        "referUrl",
    }
)
