"""HTTP clients as the practice phone needs them: none of them through a proxy.

The handset API and the order system are asked by httpx. Webhooks are asked hundreds of times a second, each from a
thread of its own, so they have connections that are kept and cost a tenth of that.
"""

from __future__ import annotations

import http.client
import select
import socket
import ssl
import threading
import time
from collections import defaultdict, deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import urlsplit

import httpx

IDLE_SECONDS = 1.0
"""A connection idle for longer is not used again: most servers close theirs after two, perhaps just now."""
_PIECE = 16 * 1024


def http_client(**options: Any) -> httpx.Client:
    """Return an httpx client with these options; close it."""
    return httpx.Client(trust_env=False, verify=_trusted(), **options)


@cache
def _trusted() -> ssl.SSLContext:
    # Reading every root certificate takes 30 ms, and each written call uses three clients.
    return ssl.create_default_context()


class NoConnection(Exception):
    """Nobody answered at the address, or not in time: nothing was asked."""


class Broken(Exception):
    """The connection broke, or what came over it was no HTTP, before the reply was complete."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP reply, whose body comes in pieces."""

    status: int
    content_type: str
    pieces: Iterator[bytes]


class Connections:
    """Connections kept open to whoever is asked, for many threads; each is used by one at a time."""

    def __init__(self, idle_seconds: float = IDLE_SECONDS) -> None:
        self._idle_seconds = idle_seconds
        self._lock = threading.Lock()
        self._idle: dict[tuple[str, str], deque[tuple[float, http.client.HTTPConnection]]] = defaultdict(deque)
        self._closed = False

    def close(self) -> None:
        """Close those nobody uses; those in use are closed after it."""
        with self._lock:
            self._closed = True
            idle = [connection for kept in self._idle.values() for _, connection in kept]
            self._idle.clear()
        for connection in idle:
            connection.close()

    @contextmanager
    def asking(
        self, method: str, url: str, body: bytes, headers: Mapping[str, str], connect: float, read: float
    ) -> Iterator[Answer]:
        """Ask, and give the answer; `connect` and `read` are seconds, the latter between two pieces.

        Raises ValueError for what is no web address, NoConnection, TimeoutError, Broken.
        """
        parts = urlsplit(url)
        where = (parts.scheme, parts.netloc)
        connection = self._taken(where) or _opened(*where, connect)
        kept = False
        try:
            with _told_apart(), _asked(connection, method, _target(url), body, headers, read) as reply:
                yield Answer(reply.status, reply.headers.get("content-type", ""), _pieces(reply))
                kept = reply.isclosed() and not reply.will_close
        finally:
            if not (kept and self._kept(where, connection)):
                connection.close()

    def _taken(self, where: tuple[str, str]) -> http.client.HTTPConnection | None:
        while True:
            with self._lock:
                idle = self._idle[where]
                if not idle:
                    return None
                since, connection = idle.pop()
            if time.monotonic() - since < self._idle_seconds and _is_quiet(connection.sock):
                return connection
            connection.close()

    def _kept(self, where: tuple[str, str], connection: http.client.HTTPConnection) -> bool:
        with self._lock:
            if not self._closed:
                self._idle[where].append((time.monotonic(), connection))
            return not self._closed


def _opened(scheme: str, netloc: str, seconds: float) -> http.client.HTTPConnection:
    if scheme not in ("http", "https") or not netloc:
        raise ValueError("not a web address")
    connection = _connection(scheme, netloc, seconds)
    try:
        connection.connect()
    except OSError:
        connection.close()
        raise NoConnection from None
    return connection


def _connection(scheme: str, netloc: str, seconds: float) -> http.client.HTTPConnection:
    try:
        if scheme == "https":
            return http.client.HTTPSConnection(netloc, timeout=seconds, context=_trusted())
        return http.client.HTTPConnection(netloc, timeout=seconds)
    except http.client.InvalidURL:
        raise ValueError("not a web address") from None


def _target(url: str) -> str:
    parts = urlsplit(url)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if not target.isascii() or not target.isprintable() or " " in target:
        raise ValueError("not a web address")
    return target


def _asked(
    connection: http.client.HTTPConnection,
    method: str,
    target: str,
    body: bytes,
    headers: Mapping[str, str],
    seconds: float,
) -> http.client.HTTPResponse:
    connection.sock.settimeout(seconds)
    connection.request(method, target, body or None, dict(headers))
    return connection.getresponse()


def _pieces(reply: http.client.HTTPResponse) -> Iterator[bytes]:
    while piece := reply.read(_PIECE):
        yield piece
    if reply.length:
        raise Broken


def _is_quiet(sock: socket.socket) -> bool:
    # One that can be read now has been closed by the other side: nobody was asked anything.
    waiting = select.poll()
    waiting.register(sock, select.POLLIN)
    return not waiting.poll(0)


@contextmanager
def _told_apart() -> Iterator[None]:
    try:
        yield
    except TimeoutError:
        raise
    except (OSError, http.client.HTTPException):
        raise Broken from None
