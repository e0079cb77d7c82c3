"""Events on their way to the line: signed as Standard Webhooks says, and sent again until they arrive."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
import time
from typing import Any

import httpx

from ivr.orders.sandbox.ledger import Ledger, Undelivered

_FIRST_PAUSE_SECONDS = 0.25
_LONGEST_PAUSE_SECONDS = 60.0
_ANSWER_SECONDS = 5.0


class Sender:
    """What sends the ledger's undelivered events to `url`, in a thread of its own, until `close`.

    Signed with every one of `secrets`, so that whoever knows any of them believes it. Seconds are real ones: how
    old a signature may be does not go by the clock of who practises.
    """

    def __init__(self, kept: Ledger, url: str, secrets: tuple[str, ...]) -> None:
        self._ledger = kept
        self._url = url
        self._secrets = secrets
        self._rung = threading.Event()
        self._over = False
        self._client = httpx.Client(timeout=_ANSWER_SECONDS, mounts={"all://127.0.0.1": None, "all://localhost": None})
        self._thread = threading.Thread(target=self._send_all, name="event-sender", daemon=True)
        self._thread.start()

    def ring(self) -> None:
        """There is something to send."""
        self._rung.set()

    def close(self) -> None:
        """Stop after what is being sent; what has not arrived is sent when a sender begins again."""
        self._over = True
        self._rung.set()
        self._thread.join()
        self._client.close()

    def _send_all(self) -> None:
        while not self._over:
            self._rung.clear()
            for undelivered in self._ledger.due(time.time()):
                self._try(undelivered)
            self._rung.wait(_FIRST_PAUSE_SECONDS)

    def _try(self, undelivered: Undelivered) -> None:
        if self._arrived(undelivered.event):
            self._ledger.delivered(undelivered.place)
        else:
            pause = min(_FIRST_PAUSE_SECONDS * 2**undelivered.tries, _LONGEST_PAUSE_SECONDS)
            self._ledger.put_off(undelivered.place, time.time() + pause)

    def _arrived(self, event: dict[str, Any]) -> bool:
        body = json.dumps(event).encode()
        headers = signed(event["id"], int(time.time()), body, self._secrets)
        try:
            return self._client.post(self._url, content=body, headers=headers).is_success
        except httpx.RequestError:
            return False


def signed(id_: str, timestamp: int, body: bytes, secrets: tuple[str, ...]) -> dict[str, str]:
    """Return the headers of a webhook: its type and id, when it was signed, and one signature for each secret."""
    content = f"{id_}.{timestamp}.".encode() + body
    return {
        "Content-Type": "application/cloudevents+json",
        "webhook-id": id_,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(f"v1,{_signature(secret, content)}" for secret in secrets),
    }


def _signature(secret: str, content: bytes) -> str:
    return base64.b64encode(hmac.digest(key_of(secret), content, hashlib.sha256)).decode()


def key_of(secret: str) -> bytes:
    """Return the key a secret stands for: base64 after `whsec_`, as Standard Webhooks writes it; else its letters."""
    return base64.b64decode(secret.removeprefix("whsec_")) if secret.startswith("whsec_") else secret.encode()
