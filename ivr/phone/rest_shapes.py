"""Twilio's resources as its REST API writes them, its errors, and its pages."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from email.utils import format_datetime
from typing import Any
from urllib.parse import urlencode

from ivr.phone.conferences import Conference, Participant
from ivr.phone.exchange import Exchange
from ivr.phone.leg import Leg
from ivr.phone.numbers import OwnNumber
from ivr.phone.queues import Member, Queue
from ivr.phone.recordings import RUNNING, Recording, Text
from ivr.phone.reports import seconds_of

Json = dict[str, Any]
API_VERSION = "2010-04-01"
DEFAULT_PAGE, LARGEST_PAGE = 50, 1_000


class RestError(Exception):
    """A refusal in Twilio's words: HTTP status, Twilio's code, a sentence."""

    def __init__(self, status: int, code: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message

    def as_json(self) -> Json:
        """Return the body Twilio would send."""
        more = f"https://www.twilio.com/docs/errors/{self.code}"
        return {"code": self.code, "message": self.message, "more_info": more, "status": self.status}


def not_found(path: str) -> RestError:
    """Return 404 as Twilio words it."""
    return RestError(404, 20404, f"The requested resource {path} was not found")


class Shapes:
    """Writes one account's resources."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self.root = f"/{API_VERSION}/Accounts/{exchange.account_sid}"

    def call(self, leg: Leg) -> Json:
        """Return a Call."""
        return {
            **self._common(leg.sid, "Calls", leg.created_at),
            "parent_call_sid": leg.parent,
            "to": leg.to_number,
            "to_formatted": leg.to_number,
            "from": leg.from_number,
            "from_formatted": leg.from_number,
            "phone_number_sid": None,
            "status": leg.status,
            "start_time": format_datetime(leg.created_at),
            "end_time": _rfc(leg.ended_at),
            "duration": str(seconds_of(leg)) if leg.ended_at else None,
            "direction": leg.direction,
            "answered_by": leg.answered_by,
            "forwarded_from": leg.extras.get("ForwardedFrom"),
            "caller_name": None,
            "queue_time": "0",
            "stir_verstat": leg.extras.get("StirVerstat"),
            "price": None,
            "price_unit": "USD",
            "subresource_uris": {},
        }

    def queue(self, queue: Queue) -> Json:
        """Return a Queue."""
        return {
            **self._common(queue.sid, "Queues", queue.created_at),
            "friendly_name": queue.name,
            "current_size": len(queue.members),
            "average_wait_time": queue.average_wait_seconds,
            "max_size": queue.max_size,
        }

    def member(self, queue: Queue, member: Member) -> Json:
        """Return a queue Member; one just taken out is at position 0."""
        waited = (self._exchange.clock.now() - member.at).total_seconds()
        return {
            "call_sid": member.leg.sid,
            "date_enqueued": format_datetime(member.at),
            "position": queue.members.index(member) + 1 if member in queue.members else 0,
            "queue_sid": queue.sid,
            "uri": f"{self.root}/Queues/{queue.sid}/Members/{member.leg.sid}.json",
            "wait_time": max(0, int(waited)),
        }

    def conference(self, conference: Conference) -> Json:
        """Return a Conference."""
        return {
            **self._common(conference.sid, "Conferences", conference.created_at),
            "friendly_name": conference.name,
            "region": "us1",
            "status": conference.status,
            "reason_conference_ended": conference.reason,
            "call_sid_ending_conference": conference.ended_by,
            "subresource_uris": {},
        }

    def participant(self, conference: Conference, participant: Participant) -> Json:
        """Return a conference Participant."""
        sid = participant.leg.sid
        return {
            **self._common(sid, f"Conferences/{conference.sid}/Participants", participant.at),
            "call_sid": sid,
            "conference_sid": conference.sid,
            "label": participant.label or None,
            "muted": participant.muted,
            "hold": participant.hold,
            "coaching": bool(participant.coaching),
            "call_sid_to_coach": participant.coaching or None,
            "start_conference_on_enter": participant.starts,
            "end_conference_on_exit": participant.ends,
            "status": "connected",
            "queue_time": None,
        }

    def text(self, text: Text) -> Json:
        """Return a Message."""
        return {
            **self._common(text.sid, "Messages", text.at),
            "to": text.to_number,
            "from": text.from_number,
            "body": text.body,
            "status": text.status,
            "direction": "outbound-api",
            "date_sent": format_datetime(text.at),
            "num_segments": "1",
            "num_media": "0",
            "error_code": None,
            "error_message": None,
            "messaging_service_sid": None,
            "price": None,
            "price_unit": "USD",
            "subresource_uris": {},
        }

    def recording(self, recording: Recording) -> Json:
        """Return a Recording."""
        return {
            **self._common(recording.sid, "Recordings", recording.at),
            "call_sid": recording.call_sid,
            "conference_sid": recording.conference_sid or None,
            "start_time": format_datetime(recording.at),
            "duration": None if recording.status in RUNNING else str(recording.seconds),
            "status": recording.status,
            "channels": 1,
            "source": recording.source,
            "error_code": None,
            "price": None,
            "price_unit": "USD",
            "encryption_details": None,
            "subresource_uris": {},
            "media_url": self._exchange.recordings.url_of(recording),
        }

    def number(self, number: OwnNumber) -> Json:
        """Return an IncomingPhoneNumber."""
        return {
            **self._common(number.sid, "IncomingPhoneNumbers", self._exchange.clock.now()),
            "friendly_name": number.name,
            "phone_number": number.number,
            "capabilities": {"voice": True, "sms": True, "mms": False, "fax": False},
            "voice_url": number.voice_url,
            "voice_method": number.voice_method,
            "voice_fallback_url": number.fallback_url,
            "voice_fallback_method": number.fallback_method,
            "status_callback": number.status_callback,
            "status_callback_method": number.status_method,
            "status": "in-use",
        }

    def _common(self, sid: str, kind: str, at: datetime) -> Json:
        return {
            "sid": sid,
            "account_sid": self._exchange.account_sid,
            "api_version": API_VERSION,
            "date_created": format_datetime(at),
            "date_updated": format_datetime(at),
            "uri": f"{self.root}/{kind}/{sid}.json",
        }


def page(key: str, items: Sequence[Any], shape: Callable[[Any], Json], path: str, query: Mapping[str, str]) -> Json:
    """Return one page of a list, `Page` and `PageSize` as the query says; raises RestError for no number."""
    size = min(_count(query, "PageSize", DEFAULT_PAGE), LARGEST_PAGE) or DEFAULT_PAGE
    number = _count(query, "Page", 0)
    start = number * size
    shown = items[start : start + size]
    more = len(items) > start + size
    return {
        key: [shape(item) for item in shown],
        "page": number,
        "page_size": size,
        "start": start,
        "end": start + len(shown) - 1 if shown else start,
        "uri": path,
        "first_page_uri": _at(path, query, 0, size),
        "next_page_uri": _at(path, query, number + 1, size) if more else None,
        "previous_page_uri": _at(path, query, number - 1, size) if number else None,
    }


def _at(path: str, query: Mapping[str, str], number: int, size: int) -> str:

    return f"{path}?{urlencode({**query, 'Page': str(number), 'PageSize': str(size)})}"


def _count(query: Mapping[str, str], name: str, default: int) -> int:
    value = query.get(name, str(default))
    if not value.isdigit():
        raise RestError(400, 20001, f"{name}: `{value}` is not a number")
    return int(value)


def in_time(query: Mapping[str, str], name: str, at: datetime) -> bool:
    """Return whether an instant passes the filters `name`, `name>` (from then on) and `name<` (before)."""
    exact, after, before = query.get(name), query.get(f"{name}>"), query.get(f"{name}<")
    if exact and _day(exact) != at.astimezone(UTC).date():
        return False
    return not (after and at < _instant(after)) and not (before and at >= _instant(before))


def _day(text: str) -> date:
    return _instant(text).date()


def _instant(text: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise RestError(400, 20001, f"`{text}` is no date") from None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _rfc(at: datetime | None) -> str | None:
    return format_datetime(at) if at else None
