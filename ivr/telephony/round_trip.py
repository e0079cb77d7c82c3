"""Does what Twilio signs reach us as it was signed? Asked of our own door, round by the public address."""

from __future__ import annotations

import hmac
import json
from base64 import b64encode
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

import requests

from ivr.telephony.signature import SIGNATURE_HEADER

PATH = "/voice/round-trip"
PASS = "Pass"  # the name of the form's field
TIMEOUT_SECONDS = 5.0
_ASK = "as%20sent?a=b%20c&empty="  # what proxies like to rewrite
_OURS = ("127.0.0.1", "localhost")


class NotAsSigned(Exception):
    """A webhook would not reach us, or not as Twilio signed it; the text says what is wrong, and what to do."""


@dataclass(frozen=True, slots=True)
class Found:
    """What the web process says of a request: whether the signature held, over which address, and the path it saw."""

    accepted: bool
    public_url: str
    path: str


def check(public_url: str, secret: str, issued: str) -> None:
    """Send a request as Twilio would, signed with `secret`, with a pass of ours; raises NotAsSigned."""
    asked = f"{PATH}/{_ASK}"
    found = _told(_post(public_url, asked, secret, {PASS: issued, "CallSid": "CA", "Words": "one + one = ñ"}))
    if found.public_url != public_url:
        raise NotAsSigned(
            f"the web process goes by PUBLIC_URL {found.public_url}, and this command by {public_url}: "
            "give both the same, and start the web process again"
        )
    prefix = urlsplit(public_url).path.rstrip("/")
    if found.path.removeprefix(prefix) != asked:
        raise NotAsSigned(
            f"something between rewrites the URL: {prefix}{asked} arrives as {found.path}. Have the proxy hand on path "
            "and query as they come, byte for byte: no decoding, no slash added, no query dropped"
        )
    if not found.accepted:
        raise NotAsSigned(
            "the URL arrives as it was sent, and the signature does not fit: the web process has another "
            "TWILIO_AUTH_TOKEN than this command, or something between changes the form. Give both the token Twilio "
            "shows as primary, and start the web process again"
        )


def signature(url: str, form: dict[str, str], secret: str) -> str:
    """Return what Twilio puts into X-Twilio-Signature for a form sent to a URL."""
    signed = url + "".join(name + form[name] for name in sorted(form))
    return b64encode(hmac.digest(secret.encode(), signed.encode(), "sha1")).decode()


def trouble_with(url: str, document: str) -> str:
    """Return what is wrong with a document on a static host, as Twilio would get it; "" for nothing."""
    try:
        with _session(url) as session:
            reply = session.get(url, timeout=TIMEOUT_SECONDS)
    except requests.RequestException:
        return f"{url} cannot be reached"
    kind = reply.headers.get("Content-Type", "").partition(";")[0].strip()
    if not reply.ok:
        return f"{url} is not there ({reply.status_code})"
    if kind not in ("text/xml", "application/xml"):
        return f"{url} is served as `{kind}`, and Twilio would not play it; have the host send text/xml"
    return "" if reply.content == document.encode() else f"{url} is an old one, or another"


def _session(url: str) -> requests.Session:
    session = requests.Session()
    session.trust_env = urlsplit(url).hostname not in _OURS  # a proxy for the outside world cannot reach this machine
    return session


def _post(public_url: str, asked: str, secret: str, form: dict[str, str]) -> requests.Response:
    url = f"{public_url}{asked}"
    headers = {SIGNATURE_HEADER: signature(url, form, secret), "Content-Type": "application/x-www-form-urlencoded"}
    try:
        with _session(url) as session:
            return session.post(
                url, urlencode(form).encode(), headers=headers, timeout=TIMEOUT_SECONDS, allow_redirects=False
            )
    except requests.RequestException as fault:
        trouble = _unreached(public_url, fault)
    raise NotAsSigned(trouble)  # raised here, so that it carries no trace of the pass


def _unreached(public_url: str, fault: requests.RequestException) -> str:
    if isinstance(fault, requests.exceptions.SSLError):
        return (
            f"the certificate of {public_url} does not hold: Twilio refuses it too. Serve the whole chain of a "
            "certificate for that name, and renew it before it ends"
        )
    if isinstance(fault, requests.Timeout):
        return f"{public_url} takes longer than {TIMEOUT_SECONDS:g} s: Twilio would have given up"
    return (
        f"{public_url} cannot be reached from here: is the web process running, and does the name lead to it? A "
        "network that only outsiders can reach it through needs this command run from outside"
    )


def _told(reply: requests.Response) -> Found:
    if reply.status_code == 200:
        told = _read(reply.content)
        if told is not None:
            return told
    raise NotAsSigned(_TURNED_AWAY.get(reply.status_code) or _unexpected(reply))


def _read(body: bytes) -> Found | None:
    try:
        told: Any = json.loads(body)
        found = Found(told["accepted"] is True, str(told["public_url"]), str(told["path"]))
    except (ValueError, TypeError, LookupError, RecursionError):
        return None
    return found if (found.public_url + found.path).isprintable() else None


def _unexpected(reply: requests.Response) -> str:
    if 300 <= reply.status_code < 400:
        return (
            f"PUBLIC_URL is sent on ({reply.status_code}) to another address, and Twilio loses what a caller keyed on "
            "the way: set PUBLIC_URL to the address it ends at"
        )
    return f"somebody else answers at PUBLIC_URL, with {reply.status_code}: does the name lead to the web process?"


_TURNED_AWAY = {
    403: "the web process turned us away (403): it has another SECRET_KEY than this command, or a firewall before it "
    "lets nobody in. Give both the same key; let Twilio through",
    404: "PUBLIC_URL answers, and knows no such door (404): is the path right, and is the web process of this version?",
    405: "PUBLIC_URL answers, and takes no POST (405): that is no web process of ours",
    502: "a proxy answers at PUBLIC_URL, and cannot reach the web process (502): is it running?",
    503: "a proxy answers at PUBLIC_URL, and cannot reach the web process (503): is it running?",
    504: "a proxy answers at PUBLIC_URL, and the web process does not answer it in time (504)",
}
