"""As much of Twilio's REST API as a line asks for, served for the town, and failing as it is told to."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
from collections.abc import AsyncIterator, Mapping
from datetime import datetime
from email.utils import format_datetime
from urllib.parse import parse_qsl, urlsplit

from bench.rooms import Room
from bench.town import Phone, Town
from bench.wire import Fields

Answer = tuple[int, object]
Row = Mapping[str, object]
_BUSY: Answer = (429, {"code": 20429, "message": "too many requests", "status": 429})
_BROKEN: Answer = (500, {"code": 20500, "message": "internal error", "status": 500})
_MISSING: Answer = (404, {"code": 20404, "message": "not found", "status": 404})
_OVER: Answer = (404, {"code": 21220, "message": "not in progress", "status": 404})


class Rest:
    """The API of one town."""

    def __init__(self, town: Town) -> None:
        self._town = town
        self._queue_sid = "QU" + "1" * 32
        self._writers: set[asyncio.StreamWriter] = set()

    @contextlib.asynccontextmanager
    async def serve(self) -> AsyncIterator[str]:
        """Serve for as long as the block lasts, at the address it is given."""
        server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        try:
            yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        finally:
            server.close()
            writers = list(self._writers)
            for writer in writers:
                writer.close()
            await asyncio.gather(*(writer.wait_closed() for writer in writers), return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                method, target, _ = head.split(b" ", 2)
                length = re.search(rb"(?i)content-length: *(\d+)", head)
                body = await reader.readexactly(int(length[1]) if length else 0)
                url = urlsplit(target.decode())
                path = url.path.partition("/Accounts/")[2].partition("/")[2]
                form = {**dict(parse_qsl(url.query)), **dict(parse_qsl(body.decode()))}
                status, told = await self._answered(method.decode(), path, form)
                reply = b"" if status == 204 else json.dumps(told).encode()
                kind = "Content-Type: application/json"
                writer.write(f"HTTP/1.1 {status} .\r\n{kind}\r\nContent-Length: {len(reply)}\r\n\r\n".encode() + reply)
        writer.close()
        self._writers.discard(writer)

    async def _answered(self, method: str, path: str, form: Fields) -> Answer:
        wire, faults = self._town.wire, self._town.wire.faults
        if wire.happens(faults.rest_busy):
            return _BUSY
        if wire.happens(faults.rest_before):
            return _BROKEN
        answer = self._asked(method, path, form)
        if wire.happens(faults.rest_slow):
            await asyncio.sleep(faults.slow_seconds)
        return _BROKEN if wire.happens(faults.rest_after) else answer

    def _asked(self, method: str, path: str, form: Fields) -> Answer:
        match method, *path.removesuffix(".json").split("/"):
            case method, "Calls", *rest:
                return self._calls(method, rest, form)
            case method, "Queues", *rest:
                return self._queues(method, rest, form)
            case method, "Conferences", *rest:
                return self._conferences(method, rest, form)
            case "POST", "Messages":
                return 201, self._texts(form)
            case "GET", "Messages":
                return 200, _page("messages", [text for text in self._town.texts if text["to"] == form.get("To")])
            case "GET", "Recordings":
                rows = [{**made, "date_created": _rfc(made["date_created"])} for made in self._town.recordings]
                return 200, _page("recordings", rows)
            case "GET", kind:
                return 200, _page(kind.lower(), [])
        return _MISSING

    # ------------------------------------------------------------ calls

    def _calls(self, method: str, rest: list[str], form: Fields) -> Answer:
        match method, *rest:
            case ("POST",):
                return 201, self._place(form)
            case "POST", sid:
                return self._move(sid, form)
            case "GET", sid if sid in self._town.phones:
                return 200, _call(self._town.phones[sid])
            case ("GET",):
                return 200, _page("calls", [_call(phone) for phone in self._town.phones.values() if _is(phone, form)])
            case "POST", sid, "Recordings", *_:
                return 201, {"sid": self._town.sid("RE"), "call_sid": sid, "status": "in-progress"}
        return _MISSING

    def _place(self, form: Fields) -> object:
        town = self._town
        town.placed += 1
        phone = Phone(
            town.sid(), form["To"], form["From"], "outbound-api", town.owner_of(form["To"]), form["StatusCallback"]
        )
        phone.machine = "human" if "MachineDetection" in form else ""
        town.phones[phone.sid] = phone
        phone.began_at = town.now()
        town.start(town.rung(phone, form["Url"], float(form.get("Timeout", "60"))))
        return _call(phone)

    def _move(self, sid: str, form: Fields) -> Answer:
        phone = self._town.phones.get(sid)
        if phone is None:
            return _MISSING
        if phone.is_over or (phone.status == "ringing") == (form.get("Status") != "canceled"):
            return _OVER
        self._town.notes(phone, "moved", form.get("Url", form.get("Status", "")))
        phone.move(form.get("Url", ""))
        return 200, _call(phone)

    def _texts(self, form: Fields) -> object:
        text = {"sid": self._town.sid("SM"), "to": form["To"], "body": form["Body"], "status": "delivered"}
        self._town.texts.append({**text, "date_created": format_datetime(self._town.now())})
        return text

    # ------------------------------------------------------------ the hold queue

    def _queues(self, method: str, rest: list[str], form: Fields) -> Answer:
        match method, *rest:
            case "POST", _, "Members", sid:
                return self._fetch(sid, form)
            case "GET", _, "Members":
                members = [{"call_sid": sid, "position": 1, "wait_time": 1} for sid in self._town.queue]
                return 200, _page("queue_members", members)
        sid = self._queue_sid
        queue = {"sid": sid, "friendly_name": "hold-central", "max_size": 5000, "current_size": len(self._town.queue)}
        return (200, _page("queues", [queue])) if (method, rest) == ("GET", []) else (201, queue)

    def _fetch(self, sid: str, form: Fields) -> Answer:
        if self._town.queue.pop(sid, None) is None:
            return _MISSING
        phone = self._town.phones[sid]
        self._town.notes(phone, "fetched", form["Url"])
        phone.move(form["Url"])
        return 200, {"call_sid": sid, "position": 1, "wait_time": 1}

    # ------------------------------------------------------------ conferences

    def _conferences(self, method: str, rest: list[str], form: Fields) -> Answer:
        rooms = {room.sid: room for room in self._town.rooms.values()}
        if not rest:
            wanted = [room for room in rooms.values() if form.get("FriendlyName", room.name) == room.name]
            return 200, _page("conferences", [_room(room) for room in wanted])
        room = rooms.get(rest[0])
        if room is None:
            return _MISSING
        match method, *rest[1:]:
            case "GET", "Participants":
                return 200, _page("participants", [{"call_sid": sid} for sid in room.seats])
            case "POST", "Participants", sid if sid in room.seats:
                if "EndConferenceOnExit" in form:
                    room.seats[sid].ends = form["EndConferenceOnExit"].lower() == "true"
                return 200, {"call_sid": sid}
            case "DELETE", "Participants", sid if sid in room.seats:
                room.seats.pop(sid).out.set()
                return 204, None
            case ("POST",):
                if form.get("Status") == "completed":
                    room.end()
                return 200, _room(room)
        return _MISSING


def _is(phone: Phone, form: Fields) -> bool:
    row = _call(phone)
    return all(form.get(asked, row[name]) == row[name] for asked, name in (("To", "to"), ("From", "from")))


def _call(phone: Phone) -> dict[str, object]:
    shown = phone.fields()
    return {
        "sid": phone.sid,
        "to": shown["To"],
        "from": shown["From"],
        "status": phone.status,
        "direction": phone.direction,
        "date_created": phone.began_at and format_datetime(phone.began_at),
        "start_time": phone.began_at and format_datetime(phone.began_at),
        "end_time": phone.ended_at and format_datetime(phone.ended_at),
        "duration": str(phone.seconds) if phone.is_over else None,
    }


def _room(room: Room) -> dict[str, object]:
    return {"sid": room.sid, "friendly_name": room.name, "status": "in-progress"}


def _rfc(instant: str) -> str:
    return format_datetime(datetime.fromisoformat(instant))


def _page(name: str, rows: list[dict[str, object]] | list[Fields]) -> object:
    return {name: rows, "page": 0, "page_size": 1000, "next_page_uri": None, "uri": ""}
