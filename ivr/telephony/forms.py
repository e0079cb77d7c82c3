"""A webhook's form, and the event it tells of. Nothing a form holds can raise: what we cannot read is logged."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import unquote_to_bytes

import phonenumbers
import structlog

from ivr.core.call import Caller
from ivr.core.events import (
    AnsweredBy,
    Came,
    DialEnded,
    Event,
    HungUp,
    Keyed,
    QueueLeft,
    Recorded,
    Silent,
    Spoke,
    Transcribed,
)
from ivr.core.step import TURNS_AFTER_HOLD

REGION = "US"
MOST_CHARACTERS = 2_000  # a minute of speech is about half of it
MOST_TRANSCRIBED = 20_000  # characters: two minutes are about two thousand
MOST_KEYS = 64
MOST_NAMES_LOGGED = 60

CALL_OVER = frozenset({"completed", "busy", "failed", "no-answer", "canceled"})
_HOLD_NOTICES = {"bridged", "bridging-in-process", "hangup", "redirected", "redirected-from-bridged"}
_DIAL_RESULTS = CALL_OVER | {"answered"}
_NOT_KEYS = re.compile(r"[^0-9*#]+")
_NOT_DIGITS = re.compile(r"[^0-9]+")
_COUNT = re.compile(r"[0-9]{1,9}")
_NAME = re.compile(rb"[A-Za-z]{1,40}")  # a SIP header's has `_` and `-` in it, and the caller's own words
_CALL_SID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_PASSED = "TN-Validation-Passed-"
_FAILED = "TN-Validation-Failed"

# Carriers that cannot send a word send its letters as keys: +266696687 is ANONYMOUS.
_KEYPAD = str.maketrans("abcdefghijklmnopqrstuvwxyz", "22233344455566677778889999")
_WITHHELD = frozenset(
    word.translate(_KEYPAD)
    for word in ("anonymous", "blocked", "private", "restricted", "unavailable", "unknown", "withheld")
)

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, repr=False)
class Form:
    """The fields of one webhook, kept as they came; make one with `Form.parse`.

    Values are decoded when asked for: bytes that are no UTF-8 are replaced, and absurd lengths cut.
    """

    body: bytes
    sent: Mapping[bytes, list[bytes]]
    asked: Mapping[bytes, list[bytes]]

    @classmethod
    def parse(cls, body: bytes, query: bytes = b"") -> Form:
        """Return the form of a request: fields of the body go before those of the query."""
        return cls(body, _fields(body), _fields(query))

    def text(self, name: str, most: int = MOST_CHARACTERS) -> str:
        """Return the first value of a field, of so many characters at most, empty if there is none."""
        values = self._values(name)
        return _decoded(values[0], most) if values else ""

    def texts(self, name: str) -> tuple[str, ...]:
        """Return all values of a field, as often and in the order they came."""
        return tuple(map(_decoded, self._values(name)))

    def count(self, name: str) -> int | None:
        """Return a field that is a number from 0 up (seconds, a position), None if it is not."""
        text = self.text(name)
        return int(text) if _COUNT.fullmatch(text) else None

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the fields, sorted: what may be logged of a form, without those a caller may have made up."""
        return tuple(name.decode() for name in sorted({*self.sent, *self.asked}) if _NAME.fullmatch(name))

    @property
    def signed(self) -> bytes:
        """What Twilio signs of the body: each name with its values, in order, a repeated pair once."""
        return b"".join(
            [
                name + values[0] if len(values) == 1 else b"".join(name + value for value in sorted(set(values)))
                for name, values in sorted(self.sent.items())
            ]
        )

    def _values(self, name: str) -> list[bytes]:
        key = name.encode()
        return self.sent.get(key) or self.asked.get(key) or []


def _fields(raw: bytes) -> dict[bytes, list[bytes]]:
    found: dict[bytes, list[bytes]] = {}
    for piece in raw.replace(b"+", b" ").split(b"&"):
        if piece:
            name, _, value = piece.partition(b"=")
            if b"%" in value:
                value = unquote_to_bytes(value)
            if b"%" in name:
                name = unquote_to_bytes(name)
            found.setdefault(name, []).append(value)
    return found


def _decoded(value: bytes, most: int = MOST_CHARACTERS) -> str:
    return value[: 4 * most].decode("utf-8", "replace")[:most]


# ---------------------------------------------------------------- which call, who rings, and whom


def call_sid(form: Form) -> str:
    """Return the carrier's id of the call, empty for none: it becomes a key in the record, in jobs and in URLs."""
    sid = form.text("CallSid")
    return sid if _CALL_SID.fullmatch(sid) else ""


def caller(form: Form) -> Caller:
    """Return who the carrier says is ringing; a number it withholds or garbles makes them anonymous."""
    rung_from, attestation = form.text("From").strip(), _attestation(form.text("StirVerstat"))
    scheme = rung_from.partition(":")[0].lower()
    if scheme in ("sip", "sips"):
        return Caller("sip", None, attestation)
    if scheme == "client":
        return Caller("client", None, attestation)
    number = e164(rung_from)
    return Caller("number" if number else "anonymous", number, attestation)


def dialed(form: Form) -> str:
    """Return the number of ours that was rung, in E.164; a SIP or client address as it came."""
    rung = form.text("To").strip()
    return e164(rung) or rung


@lru_cache(maxsize=4096)  # reading a number takes 100 µs, and every webhook of a call carries the same two
def e164(text: str) -> str | None:
    """Return a phone number in E.164, national ones taken as of the US; None for what is no phone number."""
    if _NOT_DIGITS.sub("", text) in _WITHHELD:
        return None
    try:
        number = phonenumbers.parse(text, REGION)
    except phonenumbers.NumberParseException:
        return None
    # Possible, not valid: numbering plans grow faster than the tables of numbers in use.
    if phonenumbers.is_possible_number_with_reason(number) != phonenumbers.ValidationResult.IS_POSSIBLE:
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _attestation(verstat: str) -> str:
    if verstat.startswith(_FAILED):
        return "failed"
    level = verstat.removeprefix(_PASSED)[:1] if verstat.startswith(_PASSED) else ""
    return level if level in ("A", "B", "C") else "none"


# ---------------------------------------------------------------- what happened


def event(exit: str, leg: str, document: int, form: Form) -> Event:
    """Return what a request for this exit tells of: `next`, `held`, `after` or `moved`.

    What cannot be read becomes `Silent`, so that the caller is asked again, and a line in the log.
    """
    match exit:
        case "next" | "held":
            return _recorded(leg, form) or _answered(leg, form)
        case "after":
            return _left_hold(leg, form) or _left_dial(leg, form) or _recorded(leg, form) or _unread(leg, form)
        case "moved":
            return Came(leg, document, _answered_by(form))
    return _unread(leg, form)


def status_event(leg: str, form: Form) -> HungUp | None:
    """Return the end of the leg if a status callback tells of it; any earlier state is None.

    Callbacks overtake each other, so only the states a call never leaves count.
    """
    status = form.text("CallStatus")
    return HungUp(leg, status, form.count("CallDuration") or 0) if status in CALL_OVER else None


def recorded_event(leg: str, form: Form) -> Recorded | None:
    """Return a finished recording if its own status callback tells of one; None when there is none, or not yet."""
    return _recorded(leg, form) if form.text("RecordingStatus") == "completed" else None


def transcribed_event(leg: str, form: Form) -> Transcribed | None:
    """Return what was heard in a recording, without words when nothing could be; None when the form names none."""
    recording = form.text("RecordingSid") or form.text("RecordingUrl").rpartition("/")[2]
    words = form.text("TranscriptionText", MOST_TRANSCRIBED) if form.text("TranscriptionStatus") == "completed" else ""
    return Transcribed(leg, recording, words) if recording else None


def answered_by(leg: str, form: Form) -> AnsweredBy | None:
    """Return who picked up, if a callback of the carrier's listener says so."""
    who = _answered_by(form)
    return AnsweredBy(leg, who) if who else None


def _answered_by(form: Form) -> str:
    told = form.text("AnsweredBy")
    if not told:
        return ""
    return "person" if told == "human" else "machine" if told.startswith(("machine", "fax")) else "unknown"


def _answered(leg: str, form: Form) -> Event:
    if words := form.text("SpeechResult").strip():
        return Spoke(leg, words, _confidence(form.text("Confidence")))
    pressed = form.text("Digits")
    keys = _NOT_KEYS.sub("", pressed)[:MOST_KEYS]
    if keys:
        return Keyed(leg, keys)
    return _unread(leg, form) if pressed else Silent(leg)


def _recorded(leg: str, form: Form) -> Recorded | None:
    recording = form.text("RecordingSid") or form.text("RecordingUrl").rpartition("/")[2]
    return Recorded(leg, recording, form.count("RecordingDuration") or 0) if recording else None


def _left_hold(leg: str, form: Form) -> QueueLeft | HungUp | None:
    result = form.text("QueueResult")
    # Another chance to hear that they hung up: a status callback may never come.
    if result == "hangup" and (over := status_event(leg, form)):
        return over
    if result and result not in TURNS_AFTER_HOLD | _HOLD_NOTICES:
        _report(leg, form)
        result = "error"  # a turn, so the caller hears something
    return QueueLeft(leg, result) if result else None


def _left_dial(leg: str, form: Form) -> DialEnded | HungUp | None:
    result = form.text("DialCallStatus")
    if not result:
        return None
    # Twilio asks for the action also when this very leg hung up, and then nobody is there to hear the reply.
    if over := status_event(leg, form):
        return over
    if result not in _DIAL_RESULTS:
        _report(leg, form)
        result = "failed"
    return DialEnded(leg, result)


def _confidence(text: str) -> float | None:
    try:
        confidence = float(text)
    except ValueError:
        return None
    return confidence if 0.0 <= confidence <= 1.0 else None


def _unread(leg: str, form: Form) -> Silent:
    _report(leg, form)
    return Silent(leg)


def _report(leg: str, form: Form) -> None:
    # Names only: the values are what callers said and keyed.
    _log.warning("webhook_not_understood", leg=leg, fields=form.names[:MOST_NAMES_LOGGED])
