"""The wire to Twilio's REST API, and the three bad ends a request can have.

A call must not be placed twice, so they are told apart: `Refused` (proved not done), `Gone` (refused because what it
was about is over) and `Unknown` (perhaps done). None of them says whom it was about.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any, TypeVar
from urllib.parse import urlsplit

import requests
from twilio.base.exceptions import TwilioException  # type: ignore[import-untyped]
from twilio.http.http_client import TwilioHttpClient  # type: ignore[import-untyped]
from twilio.rest import Client  # type: ignore[import-untyped]
from urllib3.exceptions import NewConnectionError

TIMEOUT_SECONDS = 3.0
LARGEST_PAGE = 1000

NOT_IN_PROGRESS, NOT_FOUND = 21220, 20404
_TOO_MANY = 429
_PIECE = 64 * 1024
# What the SDK raises over a reply it cannot make sense of.
_NONSENSE = (TwilioException, ValueError, TypeError, AttributeError, LookupError)
Told = TypeVar("Told")


class Refused(Exception):
    """Proved not done. `retry` says whether the same request may succeed later: too many, or no connection made."""

    def __init__(self, code: int | None, status: int | None) -> None:
        super().__init__(f"refused: status {status}, code {code}" if status else "no connection made")
        self.code = code
        self.status = status
        self.retry = status in (None, _TOO_MANY)


class Gone(Refused):
    """Refused because there is no such leg any more: the caller has gone, or is not in the queue."""


class Unknown(Exception):
    """Nobody can say whether it was done: no reply in time, a failure on their side, or a reply without sense."""

    def __init__(self, status: int | None = None) -> None:
        super().__init__(f"unknown: status {status}" if status else "unknown: no reply")
        self.status = status


class Account:
    """One account at Twilio, or at a practice exchange at `api_url`; what is asked of it raises the three bad ends.

    `api_key` and `api_secret` go before the account's own token. A request never takes longer than `timeout_seconds`
    to connect and as long again without a byte of the reply, and is never repeated here.
    """

    def __init__(
        self,
        account_sid: str,
        auth_token: str,
        *,
        api_key: str = "",
        api_secret: str = "",
        api_url: str = "",
        timeout_seconds: float = TIMEOUT_SECONDS,
    ) -> None:
        # It logs whole URLs, and a list is asked for by phone number.
        logging.getLogger("urllib3").setLevel(logging.ERROR)
        login = (api_key, api_secret) if api_key else (account_sid, auth_token)
        self._wire = _Wire(api_url, timeout_seconds)
        self._client = Client(*login, account_sid, http_client=self._wire)

    def close(self) -> None:
        """Close the connections kept open."""
        self._wire.session.close()

    def _asked(self, question: Callable[[], Told]) -> Told:
        with suppress(*_NONSENSE):
            return question()
        # Raised here and not above, so that it carries no trace of the reply.
        raise Unknown(200)

    def _sid_of(self, question: Callable[[], Any]) -> str:
        sid = self._asked(question).sid
        if not isinstance(sid, str) or not sid:
            raise Unknown(200)
        return sid

    def _pieces_of(self, path: str) -> Iterator[bytes]:
        login = (self._client.username, self._client.password)
        return self._wire.pieces(f"https://api.twilio.com/2010-04-01/Accounts/{self._client.account_sid}/{path}", login)


class _Wire(TwilioHttpClient):  # type: ignore[misc]
    """Carries the SDK's requests, to a practice exchange if there is one, and tells the bad ends apart."""

    def __init__(self, api_url: str, timeout_seconds: float) -> None:
        super().__init__(timeout=timeout_seconds, max_retries=0)
        self._api_url = api_url.rstrip("/")
        # A proxy for the outside world knows nothing of an exchange on this machine.
        self.session.trust_env = not api_url

    def request(self, method: str, url: str, **options: Any) -> Any:
        trouble: Refused | Unknown | None
        try:
            response = super().request(method, self._there(url), **options)
        except requests.RequestException as fault:
            trouble = _cut_off(fault)
        else:
            trouble = _verdict(response.status_code, response.text)
        # Raised here and not above: what `requests` raises has the URL in it, and a URL the phone number.
        if trouble:
            raise trouble
        return response

    def pieces(self, url: str, login: tuple[str, str]) -> Iterator[bytes]:
        """Return what is at a URL, piece by piece; it is there, and no error, before the first piece is taken."""
        trouble: Refused | Unknown | None
        try:
            reply = self.session.get(
                self._there(url), auth=login, timeout=self.timeout, stream=True, allow_redirects=True
            )
        except requests.RequestException as fault:
            trouble = _cut_off(fault)
        else:
            trouble = _verdict(reply.status_code, "" if reply.ok else reply.text)
        if trouble:
            raise trouble
        return _pieces(reply)

    def log_request(self, kwargs: Any) -> None:
        """Say nothing: it would be whom we ring."""

    def log_response(self, status_code: int, response: Any) -> None:
        """Say nothing, for the same reason."""

    def _there(self, url: str) -> str:
        if not self._api_url:
            return url
        asked = urlsplit(url)
        return f"{self._api_url}{asked.path}{'?' * bool(asked.query)}{asked.query}"


def _pieces(reply: requests.Response) -> Iterator[bytes]:
    broken = False
    with reply:
        try:
            yield from reply.iter_content(_PIECE)
        except requests.RequestException:
            broken = True
    if broken:
        raise Unknown


def _cut_off(fault: requests.RequestException) -> Refused | Unknown:
    reason = getattr(fault.args[0], "reason", None) if fault.args else None
    never_reached = isinstance(fault, requests.ConnectTimeout | requests.exceptions.ProxyError)
    if never_reached or isinstance(reason, NewConnectionError):
        return Refused(None, None)
    return Unknown()


def _verdict(status: int, text: str) -> Refused | Unknown | None:
    if 200 <= status < 300:
        return None
    if not 400 <= status < 500:
        return Unknown(status)
    code = _code(text)
    if status == 404 or code in (NOT_IN_PROGRESS, NOT_FOUND):
        return Gone(code, status)
    return Refused(code, status)


def _code(text: str) -> int | None:
    try:
        return int(json.loads(text)["code"])
    except (ValueError, TypeError, LookupError):
        return None
