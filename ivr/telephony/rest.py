"""What we ask of Twilio: place, move and end calls, send texts, and the lists that tell what really happened.

Every request has one of three bad ends, told apart because a call must not be placed twice: `Refused` (proved not
done), `Gone` (refused because the leg is over) and `Unknown` (perhaps done). None of them says whom it was about.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar
from urllib.parse import urlsplit

import requests
from twilio.base.exceptions import TwilioException  # type: ignore[import-untyped]
from twilio.http.http_client import TwilioHttpClient  # type: ignore[import-untyped]
from twilio.rest import Client  # type: ignore[import-untyped]
from urllib3.exceptions import NewConnectionError

from ivr.settings import Settings
from ivr.telephony import hold_queue

TIMEOUT_SECONDS = 3.0
LARGEST_QUEUE = 5000
LARGEST_PAGE = 1000
EVENTS = ["initiated", "ringing", "answered", "completed"]

_NOT_IN_PROGRESS, _NOT_FOUND, _TOO_MANY = 21220, 20404, 429
# What the SDK raises over a reply it cannot make sense of.
_NONSENSE = (TwilioException, ValueError, TypeError, AttributeError, LookupError)
_Told = TypeVar("_Told")


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


@dataclass(frozen=True, slots=True)
class FoundCall:
    """A call as Twilio knows it. `seconds` is None until it is over, the instants until they have come."""

    sid: str
    to: str = field(repr=False)
    from_: str = field(repr=False)
    status: str
    direction: str
    started_at: datetime | None
    ended_at: datetime | None
    seconds: int | None


@dataclass(frozen=True, slots=True)
class FoundText:
    """A text as Twilio knows it."""

    sid: str
    body: str = field(repr=False)
    status: str
    created_at: datetime | None


@dataclass(frozen=True, slots=True)
class FoundRecording:
    """A recording as Twilio knows it. `seconds` is None until it is processed."""

    sid: str
    call_sid: str
    status: str
    created_at: datetime | None
    seconds: int | None


@dataclass(frozen=True, slots=True)
class Member:
    """A leg in a hold queue."""

    call_sid: str
    position: int
    wait_seconds: int


@dataclass(frozen=True, slots=True)
class Conference:
    """A room in use, and the legs in it."""

    sid: str
    name: str
    call_sids: tuple[str, ...]


class Telephone:
    """Twilio's REST API as far as we use it. One per process; every method may raise Refused, Gone or Unknown.

    `api_key` and `api_secret` go before the account's own token. `api_url` is a practice exchange, empty for Twilio.
    A request never takes longer than `timeout_seconds` to connect and as long again without a byte of the reply,
    and is never repeated here.
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
        username, password = (api_key, api_secret) if api_key else (account_sid, auth_token)
        self._wire = _Wire(api_url, timeout_seconds)
        self._client = Client(username, password, account_sid, http_client=self._wire)
        self._queues: dict[str, str] = {}

    @classmethod
    def from_settings(cls, settings: Settings) -> Telephone:
        """Return the telephone of the account the environment names; the first auth token signs."""
        return cls(
            settings.twilio_account_sid,
            settings.auth_tokens[0],
            api_key=settings.twilio_api_key,
            api_secret=settings.twilio_api_secret,
            api_url=settings.twilio_api_url,
        )

    def close(self) -> None:
        """Close the connections kept open."""
        self._wire.session.close()

    # ------------------------------------------------------------ once: Twilio cannot tell a repetition

    def place_call(
        self, *, to: str, from_: str, url: str, status_url: str, ring_seconds: int, fallback_url: str | None = None
    ) -> str:
        """Ring `to` and return the CallSid; `url` is fetched when they pick up."""
        return self._sid_of(
            lambda: self._client.calls.create(
                to=to,
                from_=from_,
                url=url,
                fallback_url=fallback_url,
                status_callback=status_url,
                status_callback_event=EVENTS,
                timeout=ring_seconds,
            )
        )

    def send_text(self, *, to: str, from_: str, body: str) -> str:
        """Send a text and return its sid."""
        return self._sid_of(lambda: self._client.messages.create(to=to, from_=from_, body=body))

    # ------------------------------------------------------------ repeatable

    def move_member(self, site: str, call_sid: str, url: str) -> None:
        """Take one caller out of a site's hold queue, wherever they stand in it, to the document at `url`.

        Only the first of several moves succeeds; for the others the caller is Gone.
        """
        self._in_queue(site, lambda queue: queue.members(call_sid).update(url=url, method="POST"))

    def move_call(self, call_sid: str, url: str) -> None:
        """Send a live leg to the document at `url`, whatever it hears now."""
        self._asked(lambda: self._client.calls(call_sid).update(url=url, method="POST"))

    def end_call(self, call_sid: str) -> None:
        """Hang a leg up, or stop it ringing; one that is over already is fine."""
        # "Not in progress" is also said of a leg that still rings.
        if not self._ended(call_sid, "completed"):
            self._ended(call_sid, "canceled")

    # ------------------------------------------------------------ what really happened

    def call_status(self, call_sid: str) -> str | None:
        """Return Twilio's word for the state of a call, None if it knows of none."""
        try:
            return str(self._asked(lambda: self._client.calls(call_sid).fetch()).status)
        except Gone:
            return None

    def find_calls(self, *, to: str, from_: str, since: datetime) -> list[FoundCall]:
        """Return the calls between two addresses that began at `since` (aware) or later."""
        return self._calls(since, to=to, from_=from_)

    def calls_since(self, since: datetime) -> list[FoundCall]:
        """Return all calls of the account that began at `since` (aware) or later."""
        return self._calls(since)

    def find_texts(self, *, to: str, since: datetime) -> list[FoundText]:
        """Return the texts to a number made at `since` (aware) or later."""
        return self._asked(
            lambda: [
                FoundText(text.sid, text.body, text.status, text.date_created)
                for text in self._client.messages.list(to=to, date_sent_after=_utc(since), page_size=LARGEST_PAGE)
                if _is_since(since, text.date_created)
            ]
        )

    def recordings_since(self, since: datetime) -> list[FoundRecording]:
        """Return all recordings of the account made at `since` (aware) or later."""
        return self._asked(
            lambda: [
                FoundRecording(made.sid, made.call_sid, made.status, made.date_created, _whole(made.duration))
                for made in self._client.recordings.list(date_created_after=_utc(since), page_size=LARGEST_PAGE)
                if _is_since(since, made.date_created)
            ]
        )

    def live_conferences(self) -> list[Conference]:
        """Return the rooms in use."""
        rooms = self._asked(lambda: self._client.conferences.list(status="in-progress", page_size=LARGEST_PAGE))
        return [Conference(room.sid, room.friendly_name, self._people_in(room)) for room in rooms]

    def queue_members(self, site: str) -> list[Member]:
        """Return the legs in a site's hold queue, first come first."""
        members = self._in_queue(site, lambda queue: queue.members.list(page_size=LARGEST_PAGE))
        return [Member(member.call_sid, member.position, member.wait_time) for member in members]

    def hold_queue_sid(self, site: str) -> str:
        """Return the sid of a site's hold queue, found or made by name, and remembered."""
        if site not in self._queues:
            name = hold_queue(site)
            self._queues[site] = self._find_queue(name) or self._make_queue(name)
        return self._queues[site]

    # ------------------------------------------------------------ how

    def _asked(self, question: Callable[[], _Told]) -> _Told:
        with suppress(*_NONSENSE):
            return question()
        # Raised here and not above, so that it carries no trace of the reply.
        raise Unknown(200)

    def _ended(self, call_sid: str, status: str) -> bool:
        try:
            self._asked(lambda: self._client.calls(call_sid).update(status=status))
        except Gone:
            return False
        return True

    def _sid_of(self, question: Callable[[], Any]) -> str:
        sid = self._asked(question).sid
        if not isinstance(sid, str) or not sid:
            raise Unknown(200)
        return sid

    def _calls(self, since: datetime, **between: str) -> list[FoundCall]:
        return self._asked(
            lambda: [
                _found(call)
                for call in self._client.calls.list(start_time_after=_utc(since), page_size=LARGEST_PAGE, **between)
                if _is_since(since, call.start_time or call.date_created)
            ]
        )

    def _people_in(self, room: Any) -> tuple[str, ...]:
        try:
            return tuple(self._asked(lambda: [person.call_sid for person in room.participants.list()]))
        except Gone:  # it ended while we asked
            return ()

    def _in_queue(self, site: str, act: Callable[[Any], _Told]) -> _Told:
        sid = self.hold_queue_sid(site)
        try:
            return self._asked(lambda: act(self._client.queues(sid)))
        except Gone:
            if self._is_there(sid):
                raise
        # Somebody deleted the queue: Twilio makes another by the same name when the next caller waits.
        del self._queues[site]
        sid = self.hold_queue_sid(site)
        return self._asked(lambda: act(self._client.queues(sid)))

    def _is_there(self, queue_sid: str) -> bool:
        try:
            self._asked(lambda: self._client.queues(queue_sid).fetch())
        except Gone:
            return False
        return True

    def _find_queue(self, name: str) -> str | None:
        queues: Iterable[Any] = self._asked(lambda: self._client.queues.list(page_size=LARGEST_PAGE))
        queue = next((queue for queue in queues if queue.friendly_name == name), None)
        if queue is None:
            return None
        # One that an <Enqueue> made holds only a thousand. If it may not grow, it serves as it is.
        if queue.max_size != LARGEST_QUEUE:
            with suppress(Refused):
                self._asked(lambda: queue.update(max_size=LARGEST_QUEUE))
        return str(queue.sid)

    def _make_queue(self, name: str) -> str:
        try:
            return self._sid_of(lambda: self._client.queues.create(friendly_name=name, max_size=LARGEST_QUEUE))
        except Refused:
            # Another process may have made it between our look and our word.
            found = self._find_queue(name)
            if found is None:
                raise
            return found


# ---------------------------------------------------------------- the wire


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

    def log_request(self, kwargs: Any) -> None:
        """Say nothing: it would be whom we ring."""

    def log_response(self, status_code: int, response: Any) -> None:
        """Say nothing, for the same reason."""

    def _there(self, url: str) -> str:
        if not self._api_url:
            return url
        asked = urlsplit(url)
        return f"{self._api_url}{asked.path}{'?' * bool(asked.query)}{asked.query}"


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
    if status == 404 or code in (_NOT_IN_PROGRESS, _NOT_FOUND):
        return Gone(code, status)
    return Refused(code, status)


def _code(text: str) -> int | None:
    try:
        return int(json.loads(text)["code"])
    except (ValueError, TypeError, LookupError):
        return None


def _found(call: Any) -> FoundCall:
    return FoundCall(
        sid=call.sid,
        to=call.to,
        from_=call._from,
        status=call.status,
        direction=call.direction,
        started_at=call.start_time,
        ended_at=call.end_time,
        seconds=_whole(call.duration),
    )


def _whole(seconds: str | None) -> int | None:
    return int(seconds) if seconds else None


def _utc(at: datetime) -> datetime:
    # The SDK writes whatever hour it is given and a Z behind it.
    return at.astimezone(UTC)


def _is_since(since: datetime, at: datetime | None) -> bool:
    """Whether `at` is not before `since`, to the second Twilio tells; Twilio may filter by the day only."""
    return at is not None and at >= since.replace(microsecond=0)
