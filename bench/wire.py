"""The wire between a town's carrier and the line: signed requests, repeated as Twilio repeats them, and its faults."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import re
import time
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from urllib.parse import urlencode, urlsplit
from xml.etree import ElementTree

LONGEST_REPLY_SECONDS = 15.0
# What the fragment of our URLs asks for: rc=3, rt=5000, tt=14000.
TRIES, PATIENCE_SECONDS, WHOLE_PATIENCE_SECONDS = 4, 5.0, 14.0
FALLBACK = "/voice/fallback"

Fields = dict[str, str]
Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@dataclass(slots=True)
class Reply:
    """How long one request took, and what for."""

    exit: str
    seconds: float
    status: int
    at: float = field(default_factory=time.monotonic)  # when it was there


@dataclass
class Faults:
    """How badly a carrier behaves: shares of one, and seconds."""

    told_never: float = 0.0  # status callbacks and notices …
    told_twice: float = 0.0
    told_late: float = 0.0  # … and those that others overtake
    late_seconds: float = 4.0
    asked_twice: float = 0.0  # webhooks delivered twice at once
    rest_before: float = 0.0  # the API fails before it has done what it was asked …
    rest_after: float = 0.0  # … after it has …
    rest_busy: float = 0.0  # … says that it was asked too often …
    rest_slow: float = 0.0  # … or takes longer than anybody waits
    slow_seconds: float = 4.0


class Wire:
    """Signed requests to the line, over connections that are kept.

    Without `repeats` each is sent once, so that what is measured is the line's own time. `static` is the document that
    lies on another host for the number that was dialed; without it the line itself is asked what to do instead.
    """

    static: Callable[[str], str] | None = None

    def __init__(
        self, port: int, public_url: str, secret: str, faults: Faults | None = None, random: Random | None = None,
        repeats: bool = False,
    ) -> None:  # fmt: skip
        self._port = port
        self._public = public_url
        self._secret = secret.encode()
        self._idle: list[Connection] = []
        self.faults = faults or Faults()
        self._random = random or Random(0)
        self._repeats = repeats
        self.replies: list[Reply] = []
        self.fallbacks = 0
        self.differed: list[str] = []  # exits whose two answers were not the same

    def happens(self, share: float) -> bool:
        return share > 0 and self._random.random() < share

    # ------------------------------------------------------------ what is sent

    async def post(self, url: str, fields: Fields) -> ElementTree.Element:
        """Post a webhook and return the document; an empty one for a reply that is no good."""
        path = urlsplit(url).path
        if self.happens(self.faults.asked_twice):
            (status, body), again = await asyncio.gather(self._delivered(path, fields), self._delivered(path, fields))
            if not path.endswith("/wait") and again != (status, body):
                self.differed.append(path)
        else:
            status, body = await self._delivered(path, fields)
        if status != 200 and self._repeats:
            self.fallbacks += 1
            status, body = await self._instead(path, fields)
        return ElementTree.fromstring(body) if status == 200 and body else ElementTree.Element("Response")

    async def _instead(self, path: str, fields: Fields) -> tuple[int, bytes]:
        if self.static is None:
            told = {**fields, "ErrorCode": "11200", "ErrorUrl": self._public + path}
            return await self._delivered(FALLBACK, told)
        if path.endswith("/wait"):  # they are still in the queue, and hear nothing
            return 0, b""
        return 200, self.static(fields["From" if fields["Direction"] != "inbound" else "To"]).encode()

    async def tell(self, url: str, fields: Fields) -> None:
        """Tell of something nobody answers: once, twice, late or never."""
        if not url or self.happens(self.faults.told_never):
            return
        if self.happens(self.faults.told_late):
            await asyncio.sleep(self._random.uniform(0, self.faults.late_seconds))
        path = urlsplit(url).path
        times = 2 if self.happens(self.faults.told_twice) else 1
        await asyncio.gather(*(self._delivered(path, fields) for _ in range(times)))

    async def _delivered(self, path: str, fields: Fields) -> tuple[int, bytes]:
        """Send a request as often as Twilio would; status 0 for one that nobody ever answered."""
        status, body = 0, b""
        patience = PATIENCE_SECONDS if self._repeats else LONGEST_REPLY_SECONDS
        until = time.perf_counter() + (WHOLE_PATIENCE_SECONDS if self._repeats else LONGEST_REPLY_SECONDS)
        for again in range(TRIES if self._repeats else 1):
            await asyncio.sleep(0.3 * again)
            began = time.perf_counter()
            if began >= until:
                break
            try:
                status, body = await asyncio.wait_for(self._exchange(path, fields), min(patience, until - began))
            except (OSError, asyncio.IncompleteReadError, TimeoutError):
                if not self._repeats:
                    raise
                status, body = 0, b""
            self.replies.append(Reply(path.rpartition("/")[2], time.perf_counter() - began, status))
            if status and status < 500:
                break
        return status, body

    # ------------------------------------------------------------ how

    async def _exchange(self, path: str, fields: Fields) -> tuple[int, bytes]:
        connection = self._idle.pop() if self._idle else await asyncio.open_connection("127.0.0.1", self._port)
        try:
            return await self._over(connection, path, fields)
        except (OSError, asyncio.IncompleteReadError):  # kept too long: the line had closed it
            connection = await asyncio.open_connection("127.0.0.1", self._port)
            return await self._over(connection, path, fields)

    async def _over(self, connection: Connection, path: str, fields: Fields) -> tuple[int, bytes]:
        try:
            status, reply, kept = await self._said(connection, path, fields)
        except BaseException:
            connection[1].close()
            raise
        if kept:
            self._idle.append(connection)
        else:
            connection[1].close()
        return status, reply

    async def _said(self, connection: Connection, path: str, fields: Fields) -> tuple[int, bytes, bool]:
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
        return int(head[9:12]), reply, b"connection: close" not in head.lower()

    async def close(self) -> None:
        """Close the connections that were kept."""
        kept, self._idle = self._idle, []
        for _, writer in kept:
            writer.close()
        await asyncio.gather(*(writer.wait_closed() for _, writer in kept), return_exceptions=True)
