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
from ivr.phone.rest_shapes import RestError
from ivr.phone.webhook import Overrides

CALL_EVENTS = frozenset({"initiated", "ringing", "answered", "completed"})
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


def web_address(asked: Mapping[str, str], name: str) -> str:
    """Return a URL, whose connection overrides must be right; raises RestError."""
    url = asked.get(name, "")
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or "_" in parts.hostname:
        raise RestError(400, 21205, f"'{name}' is not a valid URL")
    for problem in Overrides.parse(urldefrag(url).fragment).problems:
        raise RestError(400, 11243, f"'{name}': {problem}")
    return url


def method(asked: Mapping[str, str], name: str) -> str:
    """Return GET or POST, the default; raises RestError."""
    value = asked.get(name, "POST").upper()
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


def watch(form: Form) -> Watch | None:
    """Return where status callbacks go; "default event = completed only"; raises RestError."""
    if not form.get("StatusCallback"):
        return None
    events = frozenset(form.getlist("StatusCallbackEvent")) or frozenset({"completed"})
    for unknown in events - CALL_EVENTS:
        raise RestError(400, 21626, f"'{unknown}' is no StatusCallbackEvent; repeat the parameter for each event")
    return Watch(web_address(form, "StatusCallback"), method(form, "StatusCallbackMethod"), events)
