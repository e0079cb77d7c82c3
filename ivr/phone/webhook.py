"""Asking the product for its next words, as Twilio asks: signed, timed, tried again as the URL's fragment says."""

from __future__ import annotations

import base64
import hashlib
import hmac
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import urldefrag, urlencode, urlsplit, urlunsplit
from uuid import uuid4

from ivr.phone.connecting import Broken, Connections, NoConnection
from ivr.phone.faults import FaultBox

CEILING_SECONDS = 15.0  # "hard ceiling 15 s for every call-related request", whatever the overrides say
LARGEST_BYTES = 64 * 1024
_POLICIES = frozenset({"4xx", "5xx", "ct", "rt", "all"})
_RANGES = {"ct": (100, 10_000), "rt": (100, 15_000), "tt": (100, 15_000), "rc": (0, 5)}


class WebhookFailed(Exception):
    """No usable reply; `code` is Twilio's, `url` what was asked (no fragment), the text says what happened."""

    def __init__(self, code: int, url: str, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.url = url


@dataclass(frozen=True, slots=True)
class Overrides:
    """Connection overrides from a URL's fragment, `#rc=2&rp=ct,rt,5xx`; times in milliseconds."""

    ct: int = 5_000
    rt: int = 15_000
    tt: int = 15_000
    rc: int = 1
    rp: frozenset[str] = frozenset({"ct"})
    problems: tuple[str, ...] = ()

    @classmethod
    def parse(cls, fragment: str) -> Overrides:
        """Return what a fragment asks for; `problems` says, a sentence each, what Twilio would not understand."""
        values: dict[str, int] = {}
        policy, problems = frozenset({"ct"}), []
        for part in filter(None, fragment.split("&")):
            key, _, value = part.partition("=")
            if key == "rp":
                policy = frozenset(value.split(","))
                problems += [f"rp={name} is no retry policy" for name in sorted(policy - _POLICIES)]
            elif key in _RANGES:
                low, high = _RANGES[key]
                if value.isdigit() and low <= int(value) <= high:
                    values[key] = int(value)
                else:
                    problems.append(f"{key}={value} is not a number from {low} to {high}")
            elif key not in ("sni", "e"):
                problems.append(f"{key} is no connection override")
        return cls(rp=policy, problems=tuple(problems), **values)

    def tries_again_after(self, kind: str) -> bool:
        """Whether a failure of this kind (`ct rt 4xx 5xx`) is tried again."""
        return kind in self.rp or "all" in self.rp


def signature(token: str, url: str, params: Mapping[str, str]) -> str:
    """Return X-Twilio-Signature: HMAC-SHA1 over the URL as sent and each form field, sorted, name then value."""
    signed = url + "".join(name + params[name] for name in sorted(params))
    return base64.b64encode(hmac.new(token.encode(), signed.encode(), hashlib.sha1).digest()).decode()


def address(url: str, method: str, params: Mapping[str, str]) -> str:
    """Return the URL to request: no fragment, no user and password, and for GET the parameters in its query."""
    parts = urlsplit(urldefrag(url).url)
    query = "&".join(filter(None, [parts.query, urlencode(params) if method == "GET" else ""]))
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, query, ""))


@dataclass(frozen=True, slots=True)
class Reply:
    """What the product answered, and how long it took over all attempts; `again` is the second delivery's answer."""

    status: int
    content_type: str
    body: bytes
    milliseconds: float = 0.0
    attempts: int = 1
    again: Reply | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class _Asked:
    url: str
    method: str
    params: Mapping[str, str]
    headers: Mapping[str, str]
    overrides: Overrides
    until: float


class _AttemptFailed(Exception):
    def __init__(self, kind: str, code: int, text: str) -> None:
        super().__init__(text)
        self.kind = kind
        self.code = code


class Webhooks:
    """Sends webhooks for one account; safe to use from many threads."""

    def __init__(self, auth_token: str, faults: FaultBox) -> None:
        self._token = auth_token
        self._faults = faults
        self._connections = Connections()

    def close(self) -> None:
        """Release the connections."""
        self._connections.close()

    def ask(self, url: str, method: str, params: Mapping[str, str]) -> Reply:
        """Deliver one webhook and return the reply, with status 2xx; raises WebhookFailed."""
        asked = self._prepare(url, method, params)
        if delay := self._faults.now.delay_seconds:
            time.sleep(delay)
        began = time.monotonic()
        reply, attempts = self._insist(asked)
        spent = (time.monotonic() - began) * 1000
        return Reply(reply.status, reply.content_type, reply.body, round(spent, 1), attempts, reply.again)

    def _prepare(self, url: str, method: str, params: Mapping[str, str]) -> _Asked:
        overrides = Overrides.parse(urldefrag(url).fragment)
        target = address(url, method, params)
        form = params if method == "POST" else {}
        # Twilio keeps cookies per call; nothing of ours sets any, so none are kept here.
        headers = {
            "User-Agent": "TwilioProxy/1.1",
            "Accept": "*/*",
            **({"Content-Type": "application/x-www-form-urlencoded"} if method == "POST" else {}),
            "X-Twilio-Signature": signature(self._token, target, form),
            "I-Twilio-Idempotency-Token": str(uuid4()),
        }
        until = time.monotonic() + min(overrides.tt / 1000, CEILING_SECONDS)
        return _Asked(target, method, form, headers, overrides, until)

    def _insist(self, asked: _Asked) -> tuple[Reply, int]:
        attempts = 0
        while True:
            attempts += 1
            try:
                return self._deliver(asked), attempts
            except _AttemptFailed as failure:
                last = attempts > asked.overrides.rc or time.monotonic() >= asked.until
                if last or not asked.overrides.tries_again_after(failure.kind):
                    raise WebhookFailed(failure.code, asked.url, str(failure)) from None

    def _deliver(self, asked: _Asked) -> Reply:
        if not self._faults.now.twice:
            return self._attempt(asked)
        second: list[Reply] = []
        twin = threading.Thread(target=lambda: second.extend(self._quietly(asked)), daemon=True)
        twin.start()
        try:
            reply = self._attempt(asked)
        finally:
            twin.join()
        return Reply(reply.status, reply.content_type, reply.body, again=second[0] if second else None)

    def _quietly(self, asked: _Asked) -> list[Reply]:
        try:
            return [self._attempt(asked)]
        except _AttemptFailed:
            return []

    def _attempt(self, asked: _Asked) -> Reply:
        if self._faults.take("refuse_connections"):
            raise _AttemptFailed("ct", 11205, "the connection was refused, as rehearsed")
        with _told_as_twilio_does():
            reply = self._send(asked)
        if self._faults.take("lose_replies"):
            raise _AttemptFailed("rt", 11201, "the reply was lost, as rehearsed")
        if not 200 <= reply.status < 300:
            raise _refusal(reply.status)
        return reply

    def _send(self, asked: _Asked) -> Reply:
        left = max(asked.until - time.monotonic(), 0.1)
        connect, read = min(asked.overrides.ct / 1000, left), min(asked.overrides.rt / 1000, left)
        body = urlencode(asked.params).encode()
        with self._connections.asking(asked.method, asked.url, body, asked.headers, connect, read) as answer:
            return Reply(answer.status, answer.content_type, _read(answer.pieces, asked.until))


def _read(pieces: Iterator[bytes], until: float) -> bytes:
    body = b""
    for piece in pieces:
        body += piece
        if len(body) > LARGEST_BYTES:
            raise _AttemptFailed("size", 11750, "the document is over 64 kB")
        if time.monotonic() > until:
            raise _AttemptFailed("rt", 11203, "the whole request took too long")
    return body


@contextmanager
def _told_as_twilio_does() -> Iterator[None]:
    try:
        yield
    except ValueError:
        raise _AttemptFailed("url", 11100, "not a web address") from None
    except NoConnection:
        raise _AttemptFailed("ct", 11205, "nobody answered the connection") from None
    except TimeoutError:
        raise _AttemptFailed("rt", 11201, "no reply in time") from None
    except Broken:
        raise _AttemptFailed("rt", 11200, "the connection broke before the reply was complete") from None


def _refusal(status: int) -> _AttemptFailed:
    if 300 <= status < 400:
        # "After a 3xx on a Gather action `Digits` is not re-sent": the keys would be lost, so it counts as a fault.
        return _AttemptFailed("3xx", 11215, f"status {status}: Twilio follows it and loses the digits")
    return _AttemptFailed("4xx" if status < 500 else "5xx", 11200, f"status {status}")
