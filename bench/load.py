"""A load generator in one thread: keep-alive connections, requests made beforehand, bytes in and out."""

from __future__ import annotations

import selectors
import socket
import time
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field


@dataclass(slots=True)
class Measured:
    """What one stretch of load came to; times in seconds."""

    seconds: float = 0.0
    times: list[float] = field(default_factory=list)
    errors: int = 0

    @property
    def per_second(self) -> float:
        return len(self.times) / self.seconds if self.seconds else 0.0

    def quantile(self, share: float) -> float:
        """Milliseconds below which this share of the requests stayed."""
        ordered = sorted(self.times)
        return 1000 * ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


@dataclass(slots=True)
class Conversation:
    """Requests that must be sent one after the other, such as the turns of one call."""

    requests: deque[bytes]


class Load:
    """Connections to one server; each carries one conversation at a time."""

    def __init__(self, host: str, port: int, connections: int) -> None:
        self._selector = selectors.DefaultSelector()
        self._sockets = [socket.create_connection((host, port)) for _ in range(connections)]
        for connection in self._sockets:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._selector.register(connection, selectors.EVENT_READ)

    def close(self) -> None:
        for connection in self._sockets:
            connection.close()
        self._selector.close()

    def run(self, conversations: Iterable[deque[bytes]], seconds: float) -> Measured:
        """Carry conversations for about so many seconds, or until there are no more."""
        measured, waiting = Measured(), iter(conversations)
        started = time.perf_counter()
        busy: dict[socket.socket, tuple[deque[bytes], float]] = {}
        for connection in self._sockets:
            self._next(connection, deque(), waiting, busy)
        while busy:
            for key, _ in self._selector.select(timeout=5):
                connection = key.fileobj
                assert isinstance(connection, socket.socket)
                conversation, sent = busy.pop(connection)
                measured.errors += not _answered_well(connection)
                now = time.perf_counter()
                measured.times.append(now - sent)
                if now - started < seconds:
                    self._next(connection, conversation, waiting, busy)
        measured.seconds = time.perf_counter() - started
        return measured

    def _next(
        self,
        connection: socket.socket,
        conversation: deque[bytes],
        waiting: Iterator[deque[bytes]],
        busy: dict[socket.socket, tuple[deque[bytes], float]],
    ) -> None:
        if not conversation:
            conversation = next(waiting, deque())
        if conversation:
            busy[connection] = (conversation, time.perf_counter())
            connection.sendall(conversation.popleft())


def _answered_well(connection: socket.socket) -> bool:
    """Read one whole response; is it a 200?"""
    received = connection.recv(65_536)
    while b"\r\n\r\n" not in received:
        received += connection.recv(65_536)
    head, _, body = received.partition(b"\r\n\r\n")
    length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
    while len(body) < length:
        body += connection.recv(65_536)
    return head.startswith(b"HTTP/1.1 200")


def post(path: str, body: bytes, headers: dict[str, str]) -> bytes:
    """One POST as it goes over the wire."""
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/x-www-form-urlencoded\r\n"
        f"Content-Length: {len(body)}\r\n{lines}\r\n"
    ).encode() + body
