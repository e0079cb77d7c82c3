"""What a REST request asks for, read strictly: a parameter the practice phone would not act on is refused.

Twilio ignores a parameter it does not know, so a typing error passes unnoticed until a caller notices.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import urldefrag, urlsplit

from werkzeug.datastructures import MultiDict

from ivr.phone import lint
from ivr.phone.leg import Goto, Watch
from ivr.phone.machines import DETECTIONS, Detection
from ivr.phone.numbers import NumberBook
from ivr.phone.rest_shapes import RestError
from ivr.phone.webhook import Overrides

CALL_EVENTS = frozenset({"initiated", "ringing", "answered", "completed"})
RECORDING_EVENTS = frozenset({"in-progress", "completed", "absent"})
DETECTING = (
    "MachineDetection",
    "MachineDetectionTimeout",
    "AsyncAmd",
    "AsyncAmdStatusCallback",
    "AsyncAmdStatusCallbackMethod",
)
_ADDRESS = re.compile(r"\+[1-9]\d{6,14}|sips?:\S+|client:\S+")
_PAGING = frozenset({"Page", "PageSize", "PageToken"})

Form = MultiDict[str, str]


def known(asked: Mapping[str, str], *names: str, listing: bool = False) -> None:
    """Refuse every parameter but these (and the paging ones of a `listing`); raises RestError."""
    for name in asked:
        if name not in names and not (listing and name in _PAGING):
            raise RestError(400, 20001, f"the practice phone does not act on `{name}`; it knows {', '.join(names)}")


def needed(asked: Mapping[str, str], name: str, code: int) -> str:
    """Return a parameter that must be there; raises RestError with `code`."""
    value = asked.get(name, "")
    if not value:
        raise RestError(400, code, f"no '{name}' was given")
    return value


def address(asked: Mapping[str, str], name: str, code: int) -> str:
    """Return a phone number (E.164), `sip:` or `client:` address; raises RestError."""
    value = needed(asked, name, code)
    if not _ADDRESS.fullmatch(value):
        raise RestError(400, 21211, f"'{name}' is not a valid phone number")
    return value


def line(asked: Mapping[str, str], numbers: NumberBook) -> str:
    """Return the number of ours a call comes from; raises RestError."""
    number = needed(asked, "From", 21213)
    if numbers.find(number) is None:
        raise RestError(400, 21210, "'From' is not a number of this account")
    return number


def web_address(asked: Mapping[str, str], name: str) -> str:
    """Return a URL, whose connection overrides must be right; raises RestError."""
    url = asked.get(name, "")
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or "_" in parts.hostname:
        raise RestError(400, 21205, f"'{name}' is not a valid URL")
    for problem in Overrides.parse(urldefrag(url).fragment).problems:
        raise RestError(400, 11243, f"'{name}': {problem}")
    return url


def method(asked: Mapping[str, str], name: str, default: str = "POST") -> str:
    """Return GET or POST; raises RestError."""
    value = asked.get(name, default).upper()
    if value not in ("GET", "POST"):
        raise RestError(400, 21403, f"'{name}' is neither GET nor POST")
    return value


def truth(asked: Mapping[str, str], name: str) -> bool | None:
    """Return a yes or no, None when not asked; raises RestError."""
    value = asked.get(name)
    if value is None:
        return None
    if value.lower() not in ("true", "false"):
        raise RestError(400, 20001, f"'{name}' is neither true nor false")
    return value.lower() == "true"


def number(asked: Mapping[str, str], name: str, default: int, low: int, high: int) -> int:
    """Return a whole number within bounds; raises RestError."""
    value = asked.get(name, str(default))
    if not value.isdigit() or not low <= int(value) <= high:
        raise RestError(400, 20001, f"'{name}' is not a number from {low} to {high}")
    return int(value)


def document(asked: Mapping[str, str]) -> Goto:
    """Return what a call is to play, from Url or Twiml; "if both are given, Twiml is ignored"; raises RestError."""
    if asked.get("Url"):
        return Goto(web_address(asked, "Url"), method(asked, "Method"))
    twiml = needed(asked, "Twiml", 21205)
    if len(twiml) > lint.INLINE_CHARACTERS:
        raise RestError(400, 32018, f"Twiml is over {lint.INLINE_CHARACTERS} characters")
    return Goto(twiml=twiml)


def fallback(asked: Mapping[str, str]) -> Goto | None:
    """Return where a call turns when its document fails, or None; raises RestError."""
    if not asked.get("FallbackUrl"):
        return None
    return Goto(web_address(asked, "FallbackUrl"), method(asked, "FallbackMethod"))


def one_of(asked: Mapping[str, str], name: str, *words: str) -> str:
    """Return one of these words, the first of them when none was given; raises RestError."""
    value = asked.get(name, words[0])
    if value not in words:
        raise RestError(400, 20001, f"'{name}' is none of {', '.join(words)}")
    return value


def watch(form: Form, name: str, known_events: frozenset[str]) -> Watch | None:
    """Return where status callbacks go; "default event = completed only"; raises RestError."""
    if not form.get(name):
        return None
    events = frozenset(form.getlist(f"{name}Event")) or frozenset({"completed"})
    for unknown in events - known_events:
        raise RestError(400, 21626, f"'{unknown}' is no {name}Event; repeat the parameter for each event")
    return Watch(web_address(form, name), method(form, f"{name}Method"), events)


def detection(form: Form) -> Detection | None:
    """Return whether, and how, Twilio finds out who picks up; raises RestError."""
    if not form.get("MachineDetection"):
        return None
    mode = one_of(form, "MachineDetection", *DETECTIONS)
    told = None
    if truth(form, "AsyncAmd"):
        # Without it "Twilio has nowhere to send the results" (21262), and only warns.
        needed(form, "AsyncAmdStatusCallback", 21262)
        url = web_address(form, "AsyncAmdStatusCallback")
        told = Watch(url, method(form, "AsyncAmdStatusCallbackMethod"), frozenset())
    return Detection(mode == "DetectMessageEnd", number(form, "MachineDetectionTimeout", 30, 3, 59), told)
