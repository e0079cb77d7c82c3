"""A town of phones in one thread: callers who ring a line over real HTTP, the staff's phones, and the carrier between.

It follows TwiML in real time as Twilio does and serves the REST calls a line makes; everything in one event loop, so
that hundreds of calls at once cost the machine little beside the line under test.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import re
import time
from base64 import b64encode
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from random import Random
from urllib.parse import parse_qsl, urlencode, urlsplit
from xml.etree import ElementTree

WORDS_A_SECOND = 3.0
MUSIC_SECONDS, SHORT_MUSIC_SECONDS = 20.0, 5.0
RING_SECONDS = 2.0
LONGEST_REPLY_SECONDS = 15.0

Fields = dict[str, str]
Element = ElementTree.Element


class HungUp(Exception):
    """The phone is down."""


class Moved(Exception):
    """Our own word took the leg to another document."""


@dataclass(slots=True)
class Reply:
    """How long one request took, and what for."""

    exit: str
    seconds: float
    status: int


@dataclass
class Phone:
    """A leg. `keys` is what its owner presses at each question, in order; then they listen."""

    sid: str
    number: str
    line: str
    direction: str
    keys: list[str]
    status_url: str
    talk_seconds: float = 60.0
    thinks_seconds: float = 3.0
    goto: str = ""
    status: str = "ringing"
    moved: asyncio.Event = field(default_factory=asyncio.Event)
    quiet_since: float = 0.0
    longest_silence: float = 0.0
    served: bool = False

    def fields(self) -> Fields:
        from_, to = (self.number, self.line) if self.direction == "inbound" else (self.line, self.number)
        return {"CallSid": self.sid, "From": from_, "To": to, "CallStatus": self.status, "Direction": self.direction}


class Wire:
    """Signed requests to the line, over connections that are kept."""

    def __init__(self, port: int, public_url: str, secret: str) -> None:
        self._port = port
        self._public = public_url
        self._secret = secret.encode()
        self._idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
        self.replies: list[Reply] = []

    async def post(self, url: str, fields: Fields) -> Element:
        """Post a webhook and return the document; an empty one for a reply that is no good."""
        path = urlsplit(url).path
        began = time.perf_counter()
        status, body = await asyncio.wait_for(self._exchange(path, fields), LONGEST_REPLY_SECONDS)
        self.replies.append(Reply(path.rpartition("/")[2], time.perf_counter() - began, status))
        return ElementTree.fromstring(body) if status == 200 and body else ElementTree.Element("Response")

    async def _exchange(self, path: str, fields: Fields) -> tuple[int, bytes]:
        connection = self._idle.pop() if self._idle else await asyncio.open_connection("127.0.0.1", self._port)
        try:
            return await self._over(connection, path, fields)
        except (OSError, asyncio.IncompleteReadError):  # kept too long: the line had closed it
            connection = await asyncio.open_connection("127.0.0.1", self._port)
            return await self._over(connection, path, fields)

    async def _over(
        self, connection: tuple[asyncio.StreamReader, asyncio.StreamWriter], path: str, fields: Fields
    ) -> tuple[int, bytes]:
        reader, writer = connection
        body = urlencode(fields).encode()
        signed = (self._public + path).encode() + b"".join(f"{k}{v}".encode() for k, v in sorted(fields.items()))
        signature = b64encode(hmac.digest(self._secret, signed, hashlib.sha1)).decode()
        writer.write(
            f"POST {path} HTTP/1.1\r\nHost: line\r\nX-Twilio-Signature: {signature}\r\n"
            f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\n\r\n".encode()
            + body
        )
        head = await reader.readuntil(b"\r\n\r\n")
        length = re.search(rb"(?i)content-length: *(\d+)", head)
        reply = await reader.readexactly(int(length[1]) if length else 0)
        if b"connection: close" in head.lower():
            writer.close()
        else:
            self._idle.append(connection)
        return int(head[9:12]), reply


class Town:
    """Everybody with a phone. `staff` says how a phone of ours behaves: its keys, and how long it then talks."""

    def __init__(self, wire: Wire, random: Random) -> None:
        self.wire = wire
        self.random = random
        self.phones: dict[str, Phone] = {}
        self.queue: dict[str, Phone] = {}
        self.rooms: dict[str, list[Phone]] = {}
        self.tasks: set[asyncio.Task[None]] = set()
        self.placed = self.talks = 0
        self._numbers = 0

    # ------------------------------------------------------------ calls

    def sid(self) -> str:
        self._numbers += 1
        return f"CA{self._numbers:032x}"

    def start(self, work: Awaitable[None]) -> None:
        """Let something happen by the way."""
        task = asyncio.ensure_future(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def dials(self, phone: Phone, first_url: str, seconds: float) -> None:
        """Ring the line, do what one does, and hang up after so long at the latest."""
        self.phones[phone.sid] = phone
        with suppress(HungUp, TimeoutError):
            async with asyncio.timeout(seconds):
                await self._lives(phone, first_url)
        await self._over(phone)

    async def _lives(self, phone: Phone, url: str) -> None:
        phone.status = "in-progress"
        document = await self._ask(phone, url, {})
        while True:
            try:
                document = await self._plays(phone, document)
            except Moved:
                document = await self._ask(phone, phone.goto, {})

    async def _over(self, phone: Phone) -> None:
        phone.status = "completed"
        self.queue.pop(phone.sid, None)
        for room in list(self.rooms):
            self._leaves(room, phone)
        await self.wire.post(phone.status_url, {**phone.fields(), "CallDuration": "60"})

    async def _ask(self, phone: Phone, url: str, more: Fields) -> Element:
        phone.quiet_since = time.perf_counter()
        document = await self.wire.post(url, {**phone.fields(), **more})
        phone.longest_silence = max(phone.longest_silence, time.perf_counter() - phone.quiet_since)
        return document

    async def _hears(self, phone: Phone, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await phone.moved.wait()
        except TimeoutError:
            return
        phone.moved.clear()
        raise Moved

    # ------------------------------------------------------------ TwiML

    async def _plays(self, phone: Phone, document: Element) -> Element:
        for verb in document:
            match verb.tag:
                case "Say" | "Play" | "Pause":
                    await self._hears(phone, _seconds(verb))
                case "Gather":
                    answer = await self._gathers(phone, verb)
                    if answer is not None:
                        return await self._ask(phone, verb.get("action", ""), answer)
                case "Redirect":
                    return await self._ask(phone, verb.text or "", {})
                case "Enqueue":
                    return await self._enqueued(phone, verb)
                case "Dial":
                    return await self._dialled(phone, verb)
                case "Record":
                    await self._hears(phone, 8)
                    recorded = {"RecordingSid": f"RE{phone.sid[2:]}", "RecordingDuration": "8"}
                    return await self._ask(phone, verb.get("action", ""), recorded)
                case "Leave":
                    raise LookupError("leave")
                case "Hangup":
                    raise HungUp
        raise HungUp

    async def _gathers(self, phone: Phone, gather: Element) -> Fields | None:
        if phone.keys:
            await self._hears(phone, phone.thinks_seconds)
            return {"Digits": phone.keys.pop(0)}
        for verb in gather:
            await self._hears(phone, _seconds(verb))
        await self._hears(phone, float(gather.get("timeout", "5")))
        return {} if gather.get("actionOnEmptyResult") == "true" else None

    async def _enqueued(self, phone: Phone, verb: Element) -> Element:
        self.queue[phone.sid] = phone
        action, wait = verb.get("action", ""), verb.get("waitUrl", "")
        document = await self._ask(phone, wait, {"QueueTime": "0", "QueuePosition": "1"})
        try:
            while True:
                try:
                    document = await self._plays(phone, document)
                except HungUp:  # a wait document that has run out is asked for again
                    document = await self._ask(phone, wait, {"QueueTime": "1", "QueuePosition": "1"})
        except LookupError:
            self.queue.pop(phone.sid, None)
            return await self._ask(phone, action, {"QueueResult": "leave", "QueueTime": "1"})
        except Moved:
            self.start(self._tells(action, {**phone.fields(), "QueueResult": "redirected", "QueueTime": "1"}))
            raise

    async def _tells(self, url: str, fields: Fields) -> None:
        await self.wire.post(url, fields)

    async def _dialled(self, phone: Phone, verb: Element) -> Element:
        conference = verb.find("Conference")
        if conference is None:
            await self._hears(phone, phone.talk_seconds)
            return await self._ask(phone, verb.get("action", ""), {"DialCallStatus": "completed"})
        room = self.rooms.setdefault(conference.text or "", [])
        room.append(phone)
        if len(room) == 2:
            self.talks += 1
        phone.served = phone.served or len(room) == 2
        try:
            deadline = time.perf_counter() + phone.talk_seconds
            while phone in room and (len(room) < 2 or time.perf_counter() < deadline):
                await self._hears(phone, 0.5)
        finally:
            self._leaves(conference.text or "", phone)
        if phone.direction == "inbound":
            raise HungUp
        return await self._ask(phone, verb.get("action", ""), {"DialCallStatus": "answered"})

    def _leaves(self, name: str, phone: Phone) -> None:
        room = self.rooms.get(name, [])
        if phone in room:  # whoever leaves ends it
            room.clear()
            self.rooms.pop(name, None)

    # ------------------------------------------------------------ phones the line rings

    async def rung(self, phone: Phone, url: str) -> None:
        """A phone the line rings is picked up, and its owner presses their keys."""
        await asyncio.sleep(RING_SECONDS)
        if phone.status != "ringing":
            return
        with suppress(HungUp):
            await self._lives(phone, url)
        await self._over(phone)


def _seconds(verb: Element) -> float:
    match verb.tag:
        case "Pause":
            return float(verb.get("length", "1"))
        case "Play":
            return SHORT_MUSIC_SECONDS if "short" in (verb.text or "") else MUSIC_SECONDS
    return max(0.5, len("".join(verb.itertext()).split()) / WORDS_A_SECOND)


# ---------------------------------------------------------------- the carrier's REST API

Handler = Callable[[str, str, Fields], tuple[int, object]]


class Rest:
    """As much of Twilio's REST API as the line asks for."""

    def __init__(self, town: Town) -> None:
        self._town = town

    async def serve(self) -> asyncio.Server:
        return await asyncio.start_server(self._connected, "127.0.0.1", 0)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                method, target, _ = head.split(b" ", 2)
                length = re.search(rb"(?i)content-length: *(\d+)", head)
                body = await reader.readexactly(int(length[1]) if length else 0)
                path = urlsplit(target.decode()).path.partition("/Accounts/")[2].partition("/")[2]
                status, told = self._asked(method.decode(), path, dict(parse_qsl(body.decode())))
                reply = json.dumps(told).encode()
                kind = "Content-Type: application/json"
                writer.write(f"HTTP/1.1 {status} .\r\n{kind}\r\nContent-Length: {len(reply)}\r\n\r\n".encode() + reply)
        writer.close()

    def _asked(self, method: str, path: str, form: Fields) -> tuple[int, object]:
        parts = path.removesuffix(".json").split("/")
        match method, *parts:
            case "POST", "Calls":
                return 201, self._place(form)
            case "POST", "Calls", sid:
                return self._move(sid, form)
            case "GET", "Calls", sid if sid in self._town.phones:
                return 200, _call(self._town.phones[sid])
            case "GET", "Calls":
                return 200, _page("calls", [_call(phone) for phone in self._town.phones.values()])
            case "POST", "Queues", _, "Members", sid:
                return self._fetch(sid, form)
            case "GET", "Queues", _, "Members":
                members = [{"call_sid": sid, "position": 1, "wait_time": 1} for sid in self._town.queue]
                return 200, _page("queue_members", members)
            case ("GET", "Queues") | ("POST", "Queues"):
                queue = {"sid": "QU" + "1" * 32, "friendly_name": "hold-central", "max_size": 5000, "current_size": 1}
                return (200, _page("queues", [queue])) if method == "GET" else (201, queue)
            case "GET", kind:
                return 200, _page(kind.lower(), [])
        return 404, {"code": 20404, "message": "not found", "status": 404}

    def _place(self, form: Fields) -> object:
        town = self._town
        town.placed += 1
        phone = Phone(
            town.sid(), form["To"], form["From"], "outbound-api", ["1"], form["StatusCallback"], talk_seconds=3600
        )
        town.phones[phone.sid] = phone
        town.start(town.rung(phone, form["Url"]))
        return _call(phone)

    def _move(self, sid: str, form: Fields) -> tuple[int, object]:
        phone = self._town.phones.get(sid)
        if phone is None or phone.status == "completed":
            return 404, {"code": 21220, "message": "not in progress", "status": 404}
        if "Url" in form:
            phone.goto = form["Url"]
            phone.moved.set()
        else:
            phone.status = "completed"
        return 200, _call(phone)

    def _fetch(self, sid: str, form: Fields) -> tuple[int, object]:
        phone = self._town.queue.pop(sid, None)
        if phone is None:
            return 404, {"code": 20404, "message": "not in the queue", "status": 404}
        phone.goto = form["Url"]
        phone.moved.set()
        return 200, {"call_sid": sid, "position": 1, "wait_time": 1}


def _call(phone: Phone) -> Fields:
    now = format_datetime(datetime.now(UTC))
    return {"sid": phone.sid, "to": phone.number, "from": phone.line, "status": phone.status, "date_created": now}


def _page(name: str, rows: list[Fields] | list[dict[str, object]]) -> object:
    return {name: rows, "page": 0, "page_size": 1000, "next_page_uri": None, "uri": ""}
