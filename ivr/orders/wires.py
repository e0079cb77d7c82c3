"""What every adapter's HTTP shares: who is reached how, and an answer read whole within its time."""

from __future__ import annotations

import time
from collections.abc import Mapping

import httpx

from ivr.orders.port import Unavailable


def client(url: str, token: str, headers: Mapping[str, str] | None = None) -> httpx.Client:
    """Return a pooled client of the order system at `url`, which takes `token` as bearer."""
    return httpx.Client(
        base_url=url,
        headers={"Authorization": f"Bearer {token}", **(headers or {})},
        # A proxy named in the environment is for the outside; it cannot reach our own loopback.
        mounts={"all://127.0.0.1": None, "all://localhost": None},
    )


def whole(response: httpx.Response, deadline: float, most_bytes: int) -> bytes:
    """Return an answer's body; Unavailable where it does not end by a monotonic second, or is too large."""
    read = bytearray()
    for piece in response.iter_bytes():
        read += piece
        # Each read may take the whole timeout, so an answer that comes byte by byte would never end.
        if time.monotonic() > deadline or len(read) > most_bytes:
            raise Unavailable("the answer does not end")
    return bytes(read)
